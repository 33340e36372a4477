//! Real captures through capture, packet and flow, against facts that tshark
//! 4.0 gives: frame numbers, times, and `-z follow` sizes and hashes.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use whychain::bytes::to_hex;
use whychain::capture::{CaptureReader, CaptureSummary};
use whychain::flow::{
    Close, CloseKind, Conversation, Demand, Direction, FlowTable, StreamConsumer,
};
use whychain::packet::packet;
use whychain::provenance::{EvidenceId, Sighting};

#[derive(Default)]
struct Recorder {
    hashes: [Sha256; 2],
    gaps: Vec<(Direction, Option<u64>, u64)>,
    closes: Vec<Close>,
}

impl StreamConsumer for Recorder {
    fn bytes(&mut self, direction: Direction, bytes: &[u8], _: Sighting) -> Demand {
        self.hashes[direction.index()].update(bytes);
        Demand::More
    }

    fn gap(&mut self, direction: Direction, length: Option<u64>, sighting: Sighting) {
        self.gaps.push((direction, length, sighting.packet));
    }

    fn closed(&mut self, close: &Close) {
        self.closes.push(*close);
    }
}

/// Number, time, captured and original length of a frame.
type FrameFacts = (u64, Option<String>, usize, u32);

struct Reading {
    frames: Vec<FrameFacts>,
    unread: Vec<String>,
    summary: CaptureSummary,
    conversations: Vec<(Conversation, Recorder)>,
}

/// Reads a capture, or says that it is absent.
fn read(name: &str, chunk_len: usize) -> Option<Reading> {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/data/captures")
        .join(name);
    let Ok(file) = std::fs::read(&path) else {
        println!("skipped: {} is absent", path.display());
        return None;
    };
    let evidence = EvidenceId(0);
    let mut reader = CaptureReader::new(evidence);
    let mut table = FlowTable::new(0, 0, |_| Recorder::default());
    let (mut frames, mut unread, mut last_at) = (Vec::new(), Vec::new(), None);
    for chunk in file.chunks(chunk_len).map(Some).chain([None]) {
        match chunk {
            Some(chunk) => reader.feed(chunk),
            None => reader.end(),
        }
        while let Some(frame) = reader.next_frame() {
            let time = frame.at.map(|at| at.to_rfc3339());
            frames.push((frame.number, time, frame.captured.len(), frame.original_len));
            last_at = frame.at.or(last_at);
            match packet(frame.link_type, frame.captured, frame.original_len) {
                Ok(Some(read)) => {
                    let at = last_at.unwrap();
                    table.push(
                        &read,
                        Sighting {
                            at,
                            evidence,
                            packet: frame.number,
                        },
                    );
                }
                Ok(None) => {}
                Err(error) => unread.push(error.to_string()),
            }
        }
    }
    assert_eq!(reader.take_issues(), []);
    let conversations = table.finish();
    assert_eq!(table.take_issues(), []);
    Some(Reading {
        frames,
        unread,
        summary: reader.summary().clone(),
        conversations,
    })
}

/// Client, bytes and the start of the SHA-256 of each direction.
type Stream = (&'static str, [u64; 2], [&'static str; 2]);

const STREAMS: [(&str, &[Stream]); 7] = [
    (
        "OISF__suricata-verify--http-connect-fail.pcap",
        &[(
            "127.0.0.1:51479",
            [52, 50],
            ["834c205be6a3", "686cb10bebfc"],
        )],
    ),
    (
        "OISF__suricata-verify--http-evader-455.pcap",
        &[("1.1.1.1:22509", [64, 246], ["a016e9b83568", "092aba196df2"])],
    ),
    (
        "ntop__nDPI--http_connect.pcap",
        &[
            (
                "192.168.1.103:1714",
                [1904, 22723],
                ["17dd8c78c8d7", "f0642dec963f"],
            ),
            (
                "192.168.1.146:35968",
                [1701, 30951],
                ["68b5b5946078", "eecce8e49552"],
            ),
        ],
    ),
    (
        "ntop__nDPI--ocsp.pcapng",
        &[
            (
                "192.168.1.227:49813",
                [1137, 7222],
                ["d4c69f6500fa", "139303c5d191"],
            ),
            (
                "192.168.1.128:54154",
                [788, 1404],
                ["7527d0203ad7", "a6a7fcfd8dbf"],
            ),
            (
                "192.168.1.128:43728",
                [772, 1778],
                ["25ef7b5b21ab", "7b7910ce1504"],
            ),
            (
                "192.168.1.128:34320",
                [393, 1199],
                ["1e2e291e5487", "5ee0df1a7dbd"],
            ),
            (
                "192.168.1.128:34340",
                [389, 917],
                ["fe9f3f480dd5", "f4a891855b03"],
            ),
            (
                "192.168.1.128:47904",
                [1161, 2397],
                ["b2d750103b6f", "e18df708e030"],
            ),
            (
                "192.168.1.128:49382",
                [396, 1006],
                ["b3769e966a65", "9078c9e7fdcf"],
            ),
            (
                "192.168.1.128:59922",
                [401, 1998],
                ["d987e2fc1311", "d7828f0fb620"],
            ),
            (
                "192.168.1.128:45514",
                [399, 2325],
                ["f91e95d92504", "093b55951866"],
            ),
            (
                "192.168.1.128:49034",
                [1159, 5872],
                ["7375f8a3d2db", "289e34615b9c"],
            ),
        ],
    ),
    (
        "ntop__nDPI--selfsigned.pcap",
        &[(
            "127.0.0.1:51607",
            [849, 1785],
            ["30bc7cd7cd38", "83bafc3f6bbc"],
        )],
    ),
    (
        "secdev__scapy--http_chunk.pcap",
        &[
            (
                "192.168.62.91:53226",
                [596, 34196],
                ["8f5eea8198da", "dfa8e806d29a"],
            ),
            (
                "192.168.62.91:53019",
                [1, 0],
                ["6e340b9cffb3", "e3b0c44298fc"],
            ),
        ],
    ),
    (
        "zeek__zeek--tls-expired-cert.pcap",
        &[
            (
                "192.168.4.149:60539",
                [719, 3726],
                ["d82935ef2e9d", "65f4cf16d8df"],
            ),
            (
                "192.168.4.149:60540",
                [847, 4676],
                ["43b65c071378", "e51b94690be3"],
            ),
        ],
    ),
];

#[test]
fn each_stream_has_the_bytes_that_tshark_follows() {
    for (name, streams) in STREAMS {
        for chunk_len in [1_000, 1 << 20] {
            let Some(reading) = read(name, chunk_len) else {
                continue;
            };
            assert_eq!(reading.conversations.len(), streams.len(), "{name}");
            for ((conversation, recorder), expected) in
                reading.conversations.into_iter().zip(streams)
            {
                assert_eq!(conversation.client.to_string(), expected.0, "{name}");
                assert_eq!(conversation.quality.bytes, expected.1, "{name}");
                assert_eq!(conversation.quality.missing, [0, 0], "{name}");
                assert_eq!(conversation.quality.strays, 0, "{name}");
                let hashes = recorder
                    .hashes
                    .map(|hash| to_hex(&hash.finalize()).split_at(12).0.to_string());
                assert_eq!(hashes, expected.2, "{name}");
                assert_eq!(recorder.closes, conversation.closes, "{name}");
            }
        }
    }
}

#[test]
fn answers_that_were_not_captured_are_gaps_between_the_requests() {
    let Some(reading) = read("seladb__PcapPlusPlus--raw_ip.pcap", 4_096) else {
        return;
    };
    let crl_client = "10.0.0.1:55469";
    let (conversation, recorder) = reading
        .conversations
        .iter()
        .find(|(conversation, _)| conversation.client.to_string() == crl_client)
        .unwrap();
    // Ten requests in frames 55 to 64; the relative acknowledgments go from 1
    // to 228 in frame 56 and on to 2264 in frame 65.
    assert_eq!(conversation.quality.bytes, [2_710, 0]);
    assert_eq!(conversation.quality.missing, [0, 2_263]);
    assert!(conversation.quality.is_one_sided());
    assert_eq!(recorder.gaps.len(), 10);
    assert_eq!(recorder.gaps[0], (Direction::ToClient, Some(227), 56));
}

#[test]
fn a_reset_after_a_close_is_kept_with_its_frame() {
    let Some(reading) = read("ntop__nDPI--selfsigned.pcap", 4_096) else {
        return;
    };
    let closes = &reading.conversations[0].0.closes;
    let seen: Vec<_> = closes
        .iter()
        .map(|close| (close.by, close.how, close.sighting.packet))
        .collect();
    let by = Direction::ToClient;
    assert_eq!(seen, [(by, CloseKind::Fin, 17), (by, CloseKind::Reset, 20)]);
}

#[test]
fn pcapng_frames_are_numbered_and_timed_as_in_wireshark() {
    let Some(reading) = read("hadrielk__pcapng-test-generator--test102.pcapng", 64) else {
        return;
    };
    let at = |time: &str| Some(format!("2012-06-29T07:28:25.{time}Z"));
    let frames = [
        (2, at("298858"), 96, 314),
        (4, at("298858"), 342, 342),
        (5, None, 96, 314),
        (6, at("300858"), 96, 342),
        (7, at("301858"), 168, 168),
    ];
    assert_eq!(reading.frames, frames);
    assert_eq!(
        (reading.summary.frames, reading.summary.custom_blocks),
        (8, 3)
    );
    assert_eq!(reading.summary.interfaces.len(), 3);
    assert!(reading.summary.dropped() > 0);
}

#[test]
fn a_big_endian_file_of_another_link_type_is_read_and_named() {
    let Some(reading) = read("seladb__PcapPlusPlus--microsecs_big_endian.pcap", 99) else {
        return;
    };
    assert_eq!(reading.frames.len(), 13);
    assert_eq!(
        reading.frames[0].1.as_deref(),
        Some("2016-09-16T21:03:44.864984Z")
    );
    assert_eq!(reading.unread.len(), 13);
    assert!(reading.unread[0].ends_with("link type 253 (Linux netlink)"));
}
