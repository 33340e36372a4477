//! Trials of HTTP inside TLS with the key log of its client
//! (`tests/data/protocol.md`, `https-*`).
#![allow(clippy::unwrap_used, clippy::expect_used)]

use crate::flow::{ConversationId, Direction};
use crate::protocol::http::{Completeness, Ending, Exchange};
use crate::protocol::key_log::KeyLog;
use crate::protocol::tls_trial::{file, recording};
use crate::protocol::trial::{Event, Random, everything, play_with};
use crate::protocol::{Dialogue, End, Transcript};

const NAMES: [&str; 2] = ["https-12", "https-13"];

fn keys(name: &str, left_out: &str) -> KeyLog {
    let text = String::from_utf8(file(&format!("{name}.txt"))).unwrap();
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| left_out.is_empty() || !line.starts_with(left_out))
        .collect();
    let keys = KeyLog::default();
    keys.read(lines.join("\n").as_bytes());
    keys
}

fn read(keys: KeyLog, events: &[Event], cut: impl FnMut() -> usize) -> Transcript {
    let dialogue = Dialogue::new(ConversationId(7), everything()).with_keys(keys);
    play_with(dialogue, events, End::Closed, cut)
}

fn whole(name: &str) -> Transcript {
    read(keys(name, ""), &recording(name), || usize::MAX)
}

fn body(exchange: &Exchange) -> &crate::protocol::http::Body {
    exchange.response.as_ref().unwrap().body.as_ref().unwrap()
}

/// As the script that made the recordings says.
fn large() -> Vec<u8> {
    (0..40_000_u32)
        .map(|n| u8::try_from(n % 251).unwrap())
        .collect()
}

#[test]
fn requests_and_bodies_inside_tls_are_read_with_the_key_log() {
    for name in NAMES {
        let transcript = whole(name);
        let [get, post] = transcript.exchanges.as_slice() else {
            panic!("{name}: {:?}", transcript.exchanges)
        };
        assert!(get.encrypted && post.encrypted && get.tunnel.is_none());
        assert_eq!(get.request.as_ref().unwrap().target, "/large.crl");
        assert_eq!(body(get).bytes.as_deref(), Some(large().as_slice()));
        assert_eq!(body(get).completeness, Completeness::Complete);
        let asked = post.request.as_ref().unwrap();
        let sent = asked.body.as_ref().unwrap();
        assert_eq!(sent.bytes.as_deref(), Some(&[0x30, 2, 0x30, 0][..]));
        assert_eq!(
            body(post).bytes.as_deref(),
            Some(&[0x30, 3, 0x0A, 1, 3][..])
        );
        assert!([get, post].map(|it| it.ending) == [Ending::Complete; 2]);
        assert!(transcript.trouble.is_empty());
        let [handshake] = transcript.handshakes.as_slice() else {
            panic!("{name}")
        };
        assert_eq!(handshake.trouble, None);
        // 40,000 bytes and the heads, in records of 16,384 bytes at most.
        assert!(handshake.application_bytes[1] > 40_000 + 100);
    }
}

#[test]
fn without_the_keys_nothing_is_said_of_what_ran_inside() {
    for name in NAMES {
        let transcript = read(KeyLog::default(), &recording(name), || usize::MAX);
        assert_eq!(transcript.exchanges, []);
        assert_eq!(transcript.handshakes.len(), 1);
    }
}

#[test]
fn an_answer_whose_secret_is_missing_is_no_missing_answer() {
    let without = keys("https-13", "SERVER_TRAFFIC_SECRET_0");
    let transcript = read(without, &recording("https-13"), || usize::MAX);
    let [get, post] = transcript.exchanges.as_slice() else {
        panic!("{:?}", transcript.exchanges)
    };
    for exchange in [get, post] {
        assert_eq!(exchange.response, None);
        assert_eq!(exchange.ending, Ending::CaptureGap);
    }
}

#[test]
fn a_hole_in_the_records_is_a_hole_in_the_body() {
    for name in NAMES {
        let mut events = recording(name);
        let large = events
            .iter()
            .position(|event| matches!(event, Event::S(bytes) if bytes.len() > 40_000))
            .unwrap();
        let Event::S(bytes) = &events[large] else {
            panic!()
        };
        let (first, rest) = bytes.split_at(20_000);
        let (first, rest) = (first.to_vec(), rest[5_000..].to_vec());
        let hole = Event::Gap(Direction::ToClient, Some(5_000));
        events.splice(large..=large, [Event::S(first), hole, Event::S(rest)]);
        let transcript = read(keys(name, ""), &events, || usize::MAX);
        let get = &transcript.exchanges[0];
        assert_eq!(body(get).completeness, Completeness::CaptureGap, "{name}");
        assert_eq!(get.ending, Ending::CaptureGap, "{name}");
        // The keys count records, whose lengths were seen: reading goes on.
        let post = &transcript.exchanges[1];
        assert_eq!(post.ending, Ending::Complete, "{name}");
    }
}

#[test]
fn exchanges_inside_tls_do_not_depend_on_how_the_stream_is_cut() {
    for name in NAMES {
        let uncut = whole(name);
        for seed in 1..=12_u64 {
            let mut random = Random(0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(seed));
            let longest = [1, 7, 300, 1460][usize::try_from(seed % 4).unwrap()];
            let cut = || usize::try_from(1 + random.below(longest)).unwrap();
            let transcript = read(keys(name, ""), &recording(name), cut);
            assert!(transcript == uncut, "{name}, seed {seed}");
        }
    }
}

#[test]
fn damaged_records_end_the_reading_and_nothing_else() {
    let mut random = Random(0x2545_F491_4F6C_DD1D);
    for round in 0..300 {
        let name = NAMES[round % NAMES.len()];
        let mut events = recording(name);
        for _ in 0..1 + random.below(4) {
            let at = usize::try_from(random.below(events.len() as u64)).unwrap();
            if let Event::C(bytes) | Event::S(bytes) = &mut events[at] {
                let place = usize::try_from(random.below(bytes.len() as u64)).unwrap();
                bytes[place] ^= 1 << random.below(8);
            }
        }
        let transcript = read(keys(name, ""), &events, || usize::MAX);
        assert!(transcript.exchanges.len() <= 3);
        for exchange in transcript.exchanges {
            let bytes = exchange.response.and_then(|it| it.body?.bytes);
            let bytes = bytes.unwrap_or_default();
            assert!(large().starts_with(&bytes) || bytes.len() <= 5);
        }
    }
}
