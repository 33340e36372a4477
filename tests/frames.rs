//! One HTTP exchange in every wrapping of frames, several link types in one
//! file, against how the file was made and what tshark reads in it; and the same
//! frames under other names, compressed, among frames that are not read, out of
//! order and twice.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;
use std::process::Command;

use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use whychain::capture::CaptureReader;
use whychain::capture::write::CaptureWriter;
use whychain::pipeline::{Explained, Options, explain};
use whychain::provenance::EvidenceId;
use whychain::time::Timestamp;

/// Host names say the wrapping; `data/packet/make.py` has the same list.
const WRAPPINGS: [&str; 18] = [
    "ethernet",
    "vlan",
    "pppoe",
    "mpls",
    "ip-in-ip",
    "six-in-four",
    "gre",
    "gre-keyed",
    "gre-ethernet",
    "erspan",
    "vxlan",
    "geneve",
    "teredo",
    "ppp",
    "hdlc",
    "dot11",
    "radiotap",
    "dot11-qos",
];

const FRAMES: &[u8] = include_bytes!("data/packet/frames.pcapng");

#[test]
fn an_exchange_is_found_in_every_wrapping() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/packet/frames.pcapng");
    let hosts = urls(&explained(&path));
    assert_eq!(hosts, made());
    match tshark(&path) {
        Some(mut seen) => {
            seen.sort();
            assert_eq!(hosts, seen);
        }
        None => println!("tshark is not installed: comparison skipped"),
    }
}

#[test]
fn a_capture_is_told_by_its_content_whatever_its_name() {
    for name in [
        "capture",
        "firewall.log",
        "screen.jpg",
        "old.pcap",
        "caches.zip",
    ] {
        assert_eq!(urls(&of(name, FRAMES)), made(), "{name}");
    }
}

#[test]
fn a_compressed_capture_says_what_the_plain_one_says() {
    let packed = compress_to_vec(FRAMES, CompressionLevel::Fastest);
    for name in ["frames.pcapng.zst", "frames.pcapng"] {
        assert_eq!(urls(&of(name, &packed)), made(), "{name}");
    }
}

#[test]
fn frames_of_netlink_are_left_out_and_named() {
    let mut writer = CaptureWriter::new("a test");
    for frame in frames() {
        // ARP hardware type 824, family 0 (routing), then a message of 16 bytes.
        let netlink = [&[0, 4, 3, 56], &[0; 12][..], &[16, 0, 0, 0], &[0; 12]].concat();
        write(
            &mut writer,
            &Frame {
                link_type: 253,
                bytes: netlink,
                ..frame.clone()
            },
        );
        write(&mut writer, &frame);
    }
    let explained = of("frames.pcapng", &writer.into_bytes());
    assert_eq!(urls(&explained), made());
    let issues = explained.case.issues.iter();
    let named: Vec<&str> = issues
        .map(|issue| issue.what.as_str())
        .filter(|what| what.contains("253"))
        .collect();
    let count = frames().len();
    let what = format!("{count} frames: not supported: link type 253 (Linux netlink)");
    assert_eq!(named, [what]);
}

#[test]
fn frames_out_of_time_order_are_put_together() {
    // As two queues of a network card write them: each pair the wrong way round,
    // every frame with its own time.
    let mut disordered = frames();
    for pair in disordered.chunks_mut(2) {
        pair.reverse();
    }
    let times: Vec<Timestamp> = disordered.iter().map(|frame| frame.at).collect();
    assert!(!times.is_sorted());
    let explained = of("frames.pcapng", &written(&disordered));
    assert_eq!(urls(&explained), made());
}

#[test]
fn frames_that_a_mirror_port_doubled_count_once() {
    let doubled = frames().into_iter().flat_map(|frame| {
        let later = frame.at.unix_nanoseconds() + 9_000;
        let at = Timestamp::from_unix_nanoseconds(later).unwrap();
        let copy = Frame {
            at,
            ..frame.clone()
        };
        [frame, copy]
    });
    let explained = of("frames.pcapng", &written(&doubled.collect::<Vec<Frame>>()));
    assert_eq!(urls(&explained), made());
    assert_eq!(explained.case.retrievals.len(), WRAPPINGS.len());
}

/// A frame of the fixture.
#[derive(Clone)]
struct Frame {
    link_type: u32,
    at: Timestamp,
    original_len: u32,
    bytes: Vec<u8>,
}

fn frames() -> Vec<Frame> {
    let mut reader = CaptureReader::new(EvidenceId(0));
    reader.feed(FRAMES);
    reader.end();
    let mut frames = Vec::new();
    while let Some(frame) = reader.next_frame() {
        frames.push(Frame {
            link_type: frame.link_type,
            at: frame.at.unwrap(),
            original_len: frame.original_len,
            bytes: frame.captured.to_vec(),
        });
    }
    frames
}

fn write(writer: &mut CaptureWriter, frame: &Frame) {
    let interface = (frame.link_type, "test");
    writer.frame(
        interface,
        Some(frame.at),
        frame.original_len,
        &frame.bytes,
        "",
    );
}

fn written(frames: &[Frame]) -> Vec<u8> {
    let mut writer = CaptureWriter::new("a test");
    for frame in frames {
        write(&mut writer, frame);
    }
    writer.into_bytes()
}

/// What is found in a file of this name.
fn of(name: &str, bytes: &[u8]) -> Explained {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    explained(&path)
}

fn explained(path: &Path) -> Explained {
    explain(&[path.to_owned()], &Options::default(), &mut |_| {}).unwrap()
}

/// The URLs that were answered, as how the fixture was made has them.
fn urls(explained: &Explained) -> Vec<String> {
    let retrievals = explained.case.retrievals.iter();
    let answered = retrievals.filter(|retrieval| retrieval.status == Some(404));
    let mut urls: Vec<String> = answered
        .filter_map(|retrieval| retrieval.url.clone())
        .collect();
    urls.sort();
    urls
}

fn made() -> Vec<String> {
    let mut made: Vec<String> = WRAPPINGS
        .iter()
        .map(|wrapping| format!("http://{wrapping}.example/a.crl"))
        .collect();
    made.sort();
    made
}

/// The URLs that tshark reads.
fn tshark(path: &Path) -> Option<Vec<String>> {
    let fields = [
        "-Y",
        "http.request",
        "-T",
        "fields",
        "-e",
        "http.request.full_uri",
    ];
    let output = Command::new("tshark")
        .arg("-nr")
        .arg(path)
        .args(fields)
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.lines().map(str::to_owned).collect())
}
