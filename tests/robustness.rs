//! Every fixture, cut and flipped, gives an answer and never a panic.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};

use whychain::capture::CaptureReader;
use whychain::cryptnet::MetaDataRecord;
use whychain::diagnosis::VerdictState;
use whychain::host::{evtx, hive};
use whychain::pipeline::{Options, explain};
use whychain::pki::read_object;
use whychain::provenance::EvidenceId;

fn fixtures() -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        let mut entries: Vec<PathBuf> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                walk(&path, found);
            } else {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    walk(&root.join("samples"), &mut found);
    walk(&root.join("tests/data"), &mut found);
    found.retain(|path| {
        let name = path.file_name().unwrap().to_string_lossy();
        let tools = ["lab", "openrelik-worker"];
        !path
            .components()
            .any(|part| tools.iter().any(|it| part.as_os_str() == *it))
            && ![".md", ".py", ".txt"].iter().any(|end| name.ends_with(end))
            && !name.starts_with("report.")
    });
    assert!(found.len() > 20, "the fixtures are gone");
    found
}

/// Runs the whole program on bytes under a name; any answer but a panic will do.
fn survives(folder: &Path, name: &str, bytes: &[u8]) {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    let before = bytes.to_vec();
    let _ = explain(
        std::slice::from_ref(&path),
        &Options::default(),
        &mut |_| {},
    );
    assert_eq!(
        std::fs::read(&path).unwrap(),
        before,
        "evidence was changed"
    );
}

/// The fixtures with their bytes, each content once.
fn distinct() -> Vec<(PathBuf, Vec<u8>)> {
    let mut seen = std::collections::BTreeSet::new();
    let all = fixtures()
        .into_iter()
        .map(|path| (std::fs::read(&path).unwrap(), path));
    let new = all.filter(|(bytes, _)| !bytes.is_empty() && seen.insert(bytes.clone()));
    new.map(|(bytes, path)| (path, bytes)).collect()
}

/// The bytes with one to eight bits turned.
fn flipped(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    for _ in 0..=random.below(8) {
        let at = random.below(changed.len());
        changed[at] ^= 1 << random.below(8);
    }
    changed
}

/// A small generator with a fixed seed (xorshift64*): the same run every time.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % bound.max(1)
    }
}

/// Runs of the whole program per fixture and kind of damage; every length of a
/// file is tried on the reader of its kind, which is where lengths matter.
const WHOLE_RUNS: usize = 40;
/// Runs per PKITS object: there are hundreds, all of the same two kinds.
const PKITS_RUNS: usize = 1;

fn is_pkits(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "pkits")
}

fn runs(path: &Path) -> usize {
    if is_pkits(path) {
        PKITS_RUNS
    } else {
        WHOLE_RUNS
    }
}

#[test]
fn a_fixture_cut_anywhere_still_gives_an_answer() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = Random(0xC0FF_EE00_1234_5678);
    for (fixture, bytes) in distinct() {
        for run in 0..runs(&fixture) {
            // One cut in each stretch of the file, at a random place of it.
            let stretch = (bytes.len() / runs(&fixture)).max(1);
            let length = (run * stretch + random.below(stretch)).min(bytes.len());
            survives(folder.path(), "cut", &bytes[..length]);
        }
    }
}

#[test]
fn a_fixture_with_flipped_bits_still_gives_an_answer() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = Random(0x5EED_0BAD_CE27_1F1C);
    for (fixture, bytes) in distinct() {
        for _ in 0..runs(&fixture) {
            survives(folder.path(), "flipped", &flipped(&bytes, &mut random));
        }
    }
}

/// Feeds bytes to the reader of their kind.
fn read_alone(fixture: &Path, bytes: &[u8]) {
    match fixture.extension().and_then(|extension| extension.to_str()) {
        Some("pcap" | "pcapng") => {
            let mut reader = CaptureReader::new(EvidenceId(0));
            reader.feed(bytes);
            while reader.next_frame().is_some() {}
            reader.end();
            while reader.next_frame().is_some() {}
            let lost = reader.summary().lost_bytes > 0;
            assert!(!lost || !reader.take_issues().is_empty(), "lost in silence");
        }
        Some("zip") => {}
        Some("evtx") => drop(evtx::read(bytes.to_vec())),
        Some("hive") => drop(hive::read(bytes)),
        _ if fixture
            .components()
            .any(|part| part.as_os_str() == "MetaData") =>
        {
            let _ = MetaDataRecord::from_bytes(bytes);
        }
        _ => drop(read_object(bytes)),
    }
}

#[test]
fn every_length_of_a_fixture_and_many_flips_are_read() {
    let mut random = Random(0x0DD5_EED5_0F00_0001);
    for (fixture, bytes) in distinct() {
        // All lengths of the small ones; of the large, and of the hundreds of
        // PKITS, lengths this far apart, beginning elsewhere in each.
        let step = if is_pkits(&fixture) {
            61
        } else {
            bytes.len() / 2000 + 1
        };
        for length in (random.below(step)..bytes.len()).step_by(step) {
            read_alone(&fixture, &bytes[..length]);
        }
        for _ in 0..if is_pkits(&fixture) { 10 } else { 100 } {
            read_alone(&fixture, &flipped(&bytes, &mut random));
        }
    }
}

#[test]
fn a_cut_last_record_is_said_and_leaves_the_verdict_to_the_rest() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let whole = std::fs::read(root.join("samples/healthy-through-proxy/client.pcapng")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged.pcapng");
    let verdict = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let explained = explain(
            std::slice::from_ref(&path),
            &Options::default(),
            &mut |_| {},
        )
        .unwrap();
        (
            explained.diagnosis.verdict.state,
            explained.case.issues.len(),
        )
    };
    assert_eq!(verdict(&whole), (VerdictState::Clean, 0));
    let (state, issues) = verdict(&whole[..whole.len() - 2]);
    assert_eq!((state, issues), (VerdictState::Clean, 1));
}

#[test]
fn a_capture_that_lost_bytes_in_its_middle_is_never_clean() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged.pcapng");
    for sample in ["healthy-through-proxy", "list-blocked-open"] {
        let capture = root.join("samples").join(sample).join("client.pcapng");
        let whole = std::fs::read(capture).unwrap();
        let mut random = Random(0x5eed);
        for lost in [1, 4, 60, 100, 1_500] {
            // Behind the section's and the interface's blocks, before the last ones.
            let at = 400 + random.below(whole.len() - 3_000);
            let damaged = [&whole[..at], &whole[at + lost..]].concat();
            std::fs::write(&path, damaged).unwrap();
            let explained = explain(
                std::slice::from_ref(&path),
                &Options::default(),
                &mut |_| {},
            )
            .unwrap();
            let state = explained.diagnosis.verdict.state;
            assert_ne!(state, VerdictState::Clean, "{sample}: {lost} bytes at {at}");
            assert!(
                !explained.case.issues.is_empty(),
                "{sample}: {lost} at {at}"
            );
        }
    }
}

#[test]
fn a_list_of_certificates_that_lies_about_its_length_is_an_issue() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut bytes = std::fs::read(root.join("samples/leaf-expired/client.pcapng")).unwrap();
    // Handshake type 11, its length, then the length of the list: three less.
    let is_list = |window: &[u8]| {
        let number =
            |at: usize| u32::from_be_bytes([0, window[at], window[at + 1], window[at + 2]]);
        window[0] == 11 && number(1) > 300 && number(1) == number(4) + 3
    };
    let at = bytes.windows(7).position(is_list).unwrap();
    bytes[at + 4..at + 7].fill(0xff);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lie.pcapng");
    std::fs::write(&path, bytes).unwrap();
    let explained = explain(&[path], &Options::default(), &mut |_| {}).unwrap();
    let [issue] = explained.case.issues.as_slice() else {
        panic!("{:?}", explained.case.issues)
    };
    assert!(
        issue.what.starts_with("TLS handshake: Certificate"),
        "{issue:?}"
    );
    assert!(
        issue.evidence.is_some() && issue.place.starts_with("packet "),
        "{issue:?}"
    );
}

#[test]
fn a_cache_folder_without_one_sound_file_is_still_a_cache_folder() {
    let folder = tempfile::tempdir().unwrap();
    for (kind, bytes) in [
        ("Content", b"<html>Blocked</html>".as_slice()),
        ("MetaData", &[0xff; 7]),
    ] {
        std::fs::create_dir(folder.path().join(kind)).unwrap();
        std::fs::write(
            folder
                .path()
                .join(kind)
                .join("94308059B57B3142E455B38A6EB92015"),
            bytes,
        )
        .unwrap();
    }
    let folder = [folder.path().to_path_buf()];
    let explained = explain(&folder, &Options::default(), &mut |_| {}).unwrap();
    assert_eq!(explained.case.cache_entries.len(), 1);
    assert!(
        explained.case.issues[0].what.contains("is damaged"),
        "{:?}",
        explained.case.issues
    );
}

#[test]
fn many_failures_of_many_names_take_no_quadratic_time() {
    // 4,000 names that do not exist, each asked for and denied.
    let mut capture = Vec::new();
    capture.extend(0xa1b2_c3d4u32.to_le_bytes());
    capture.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 101, 0, 0, 0]);
    for number in 0..4000u16 {
        let host = format!("crl{number:04}.microsoft.com");
        for is_answer in [false, true] {
            let packet = dns_packet(&host, 10_000 + number, is_answer);
            capture.extend((1_700_000_000 + u32::from(number)).to_le_bytes());
            capture.extend(u32::from(is_answer).to_le_bytes());
            capture.extend(u32::try_from(packet.len()).unwrap().to_le_bytes());
            capture.extend(u32::try_from(packet.len()).unwrap().to_le_bytes());
            capture.extend(packet);
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("names.pcap");
    std::fs::write(&path, capture).unwrap();
    let before = std::time::Instant::now();
    let explained = explain(&[path], &Options::default(), &mut |_| {}).unwrap();
    assert_eq!(explained.case.retrievals.len(), 4000);
    assert_eq!(explained.diagnosis.failures.len(), 4000);
    assert!(before.elapsed().as_secs() < 20, "{:?}", before.elapsed());
}

/// A raw IPv4 packet with a DNS question for the address of `host`, or the
/// answer that there is no such name.
fn dns_packet(host: &str, port: u16, is_answer: bool) -> Vec<u8> {
    let mut message = vec![0x12, 0x34];
    message.extend(if is_answer {
        [0x81, 0x83]
    } else {
        [0x01, 0x00]
    });
    message.extend([0, 1, 0, 0, 0, 0, 0, 0]);
    for label in host.split('.') {
        message.push(u8::try_from(label.len()).unwrap());
        message.extend(label.bytes());
    }
    message.extend([0, 0, 1, 0, 1]);
    let (client, server) = ([10, 0, 0, 5], [10, 0, 0, 1]);
    let (from, to) = if is_answer {
        (server, client)
    } else {
        (client, server)
    };
    let ports = if is_answer { [53, port] } else { [port, 53] };
    let len = |header: usize| u16::try_from(message.len() + header).unwrap().to_be_bytes();
    let mut packet = vec![0x45, 0];
    packet.extend(len(28));
    packet.extend([0, 1, 0x40, 0, 64, 17, 0, 0]);
    packet.extend([from, to].concat());
    packet.extend(ports.map(u16::to_be_bytes).concat());
    packet.extend(len(8));
    packet.extend([0, 0]);
    packet.extend(message);
    packet
}

#[test]
fn a_certificate_of_twenty_thousand_access_urls_takes_no_quadratic_time() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let packed = std::fs::File::open(root.join("tests/data/pki/many-access-urls.der.gz")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let fixture = folder.path().join("many.cer");
    let mut plain = std::fs::File::create(&fixture).unwrap();
    std::io::copy(&mut flate2::read::GzDecoder::new(packed), &mut plain).unwrap();
    let before = std::time::Instant::now();
    let explained = explain(&[fixture], &Options::default(), &mut |_| {}).unwrap();
    assert_eq!(explained.case.artifacts.len(), 1);
    assert!(before.elapsed().as_secs() < 20, "{:?}", before.elapsed());
}

#[test]
fn a_cache_folder_with_damaged_records_keeps_its_contents() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/healthy-through-proxy/cryptnet");
    let mut random = Random(7);
    let folder = tempfile::tempdir().unwrap();
    for round in 0..40 {
        let base = folder.path().join(format!("{round}"));
        for kind in ["Content", "MetaData"] {
            let from = root
                .join("C/Users/alice/AppData/LocalLow/Microsoft/CryptnetUrlCache")
                .join(kind);
            std::fs::create_dir_all(base.join(kind)).unwrap();
            for entry in std::fs::read_dir(from).unwrap() {
                let entry = entry.unwrap();
                let mut bytes = std::fs::read(entry.path()).unwrap();
                if kind == "MetaData" && !bytes.is_empty() {
                    let at = random.below(bytes.len());
                    bytes[at] ^= 1 << random.below(8);
                    bytes.truncate(random.below(bytes.len()) + 1);
                }
                std::fs::write(base.join(kind).join(entry.file_name()), bytes).unwrap();
            }
        }
        let explained = explain(&[base], &Options::default(), &mut |_| {}).unwrap();
        assert_eq!(explained.case.cache_entries.len(), 5);
        assert!(
            explained
                .case
                .cache_entries
                .iter()
                .all(|entry| entry.content.is_some())
        );
    }
}
