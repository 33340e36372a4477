//! Trials of whole TLS conversations, recorded between OpenSSL and OpenSSL
//! (`tests/data/protocol.md`).
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;

use crate::flow::{CloseKind, Direction};
use crate::protocol::tls::{Alert, Ending, Handshake, HiddenBy, ServerCertificates, alert_name};
use crate::protocol::trial::{Event, play, seen};
use crate::protocol::{Recognition, Transcript};

pub(super) fn file(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/protocol");
    std::fs::read(folder.join(name)).unwrap()
}

/// The events of a recording: kind, length (4, big-endian), bytes.
pub(super) fn recording(name: &str) -> Vec<Event> {
    let bytes = file(&format!("{name}.bin"));
    let (mut rest, mut events) = (bytes.as_slice(), Vec::new());
    while let Some((&[kind, a, b, c, d], after)) = rest.split_first_chunk() {
        let (payload, after) = after.split_at(u32::from_be_bytes([a, b, c, d]) as usize);
        rest = after;
        events.push(match kind {
            b'C' => Event::C(payload.to_vec()),
            b'S' => Event::S(payload.to_vec()),
            b'c' => Event::Close(Direction::ToServer, CloseKind::Fin),
            _ => Event::Close(Direction::ToClient, CloseKind::Fin),
        });
    }
    events
}

pub(super) const RECORDINGS: [&str; 14] = [
    "tls10",
    "tls12-anonymous",
    "tls12-client-certificate",
    "tls12-client-rejects",
    "tls12-no-common-version",
    "tls12-resumed-by-id",
    "tls12-resumed-by-ticket",
    "tls12-stapled-ocsp",
    "tls13",
    "tls13-client-certificate",
    "tls13-client-rejects",
    "tls13-closed-without-data",
    "tls13-resumed",
    "tls13-retry-request",
];

fn only_handshake(transcript: Transcript) -> Handshake {
    assert_eq!(transcript.recognition, Recognition::Tls);
    let [handshake] = <[Handshake; 1]>::try_from(transcript.handshakes).unwrap();
    handshake
}

fn handshake(name: &str) -> Handshake {
    only_handshake(play(&recording(name)))
}

fn sent(handshake: &Handshake) -> usize {
    let ServerCertificates::Sent { list, .. } = &handshake.certificates else {
        return 0;
    };
    list.len()
}

/// Contents of the alerts of one side.
fn alerts(handshake: &Handshake, by: Direction) -> Vec<Option<u8>> {
    let own = |alert: &&Alert| alert.by == by;
    let content = |alert: &Alert| alert.content.map(|(_, description)| description);
    handshake.alerts.iter().filter(own).map(content).collect()
}

#[test]
fn a_full_handshake_of_tls_12_shows_names_certificates_and_the_stapled_answer() {
    let handshake = handshake("tls12-stapled-ocsp");
    let client = handshake.client_hello.as_ref().unwrap();
    assert_eq!(client.server_name.as_deref(), Some("www.example.com"));
    assert_eq!(client.alpn, ["h2", "http/1.1"]);
    assert_eq!(client.supported_versions, [0x0304, 0x0303, 0x0302, 0x0301]);
    assert!(!client.offers_resumption && client.cipher_suites.contains(&0xc02c));
    let server = handshake.server_hello.as_ref().unwrap();
    assert_eq!((server.version, server.cipher_suite), (0x0303, 0xc02c));
    let ServerCertificates::Sent {
        list,
        packets,
        sighting,
    } = &handshake.certificates
    else {
        panic!()
    };
    assert_eq!(list[0].to_vec(), file("tls-leaf.der"));
    assert_eq!(list[1].to_vec(), file("tls-intermediate.der"));
    assert_eq!(
        (list.len(), packets.as_slice(), *sighting),
        (2, &[2][..], seen(2))
    );
    assert_eq!(
        handshake.stapled_ocsp.as_deref(),
        Some(file("tls-ocsp.der").as_slice())
    );
    assert_eq!(handshake.application_bytes, [30, 30]);
    assert!(handshake.finished[0].is_some() && handshake.finished[1].is_some());
    assert_eq!(alerts(&handshake, Direction::ToServer), [None]);
    assert!(!handshake.has_gap && handshake.trouble.is_none());
    assert!(!handshake.ending.unwrap().reset);
}

#[test]
fn a_server_that_answers_with_http_has_no_tls_and_nothing_is_missing() {
    let mut events = recording("tls12-stapled-ocsp");
    events.truncate(1);
    assert!(matches!(events[0], Event::C(_)));
    events.push(Event::S(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()));
    events.push(Event::Close(Direction::ToClient, CloseKind::Fin));
    let handshake = only_handshake(play(&events));
    assert!(handshake.answered_in_clear && !handshake.has_gap);
    assert_eq!(handshake.ending.unwrap().by, Direction::ToClient);
}

#[test]
fn a_client_that_rejects_says_so_in_clear() {
    for name in ["tls12-client-rejects", "tls13-client-rejects"] {
        let handshake = handshake(name);
        let rejection = handshake.alerts[0];
        assert_eq!(
            (rejection.by, rejection.content),
            (Direction::ToServer, Some((2, 48))),
            "{name}"
        );
        assert_eq!(alert_name(48), "unknown_ca");
        assert_eq!(
            (handshake.finished[0], handshake.application_data),
            (None, [None; 2])
        );
    }
    assert_eq!(sent(&handshake("tls12-client-rejects")), 2);
}

#[test]
fn certificates_hidden_by_resumption_or_by_tls_13_say_by_which() {
    let by = |name| match handshake(name).certificates {
        ServerCertificates::Hidden(by) => Some(by),
        _ => None,
    };
    assert_eq!(by("tls12-resumed-by-id"), Some(HiddenBy::Resumption));
    assert_eq!(by("tls12-resumed-by-ticket"), Some(HiddenBy::Resumption));
    assert_eq!(by("tls13-resumed"), Some(HiddenBy::Resumption));
    assert_eq!(by("tls13"), Some(HiddenBy::Tls13));
    assert_eq!(by("tls13-retry-request"), Some(HiddenBy::Tls13));
    for name in [
        "tls12-resumed-by-id",
        "tls12-resumed-by-ticket",
        "tls13-resumed",
    ] {
        assert!(
            handshake(name).client_hello.unwrap().offers_resumption,
            "{name}"
        );
    }
    assert!(
        handshake("tls12-resumed-by-id")
            .server_hello
            .unwrap()
            .session_id_echoed
    );
    assert!(!handshake("tls13").client_hello.unwrap().offers_resumption);
}

#[test]
fn an_anonymous_server_has_no_certificate_to_show() {
    let handshake = handshake("tls12-anonymous");
    assert_eq!(handshake.certificates, ServerCertificates::NotSeen);
    assert_eq!(
        handshake.trouble.as_deref(),
        Some("the cipher suite uses no certificate")
    );
}

#[test]
fn tls_13_application_data_is_told_from_the_rest_of_the_handshake() {
    let whole = handshake("tls13");
    assert_eq!(whole.server_hello.as_ref().unwrap().version, 0x0304);
    // "hello" in a record of 23; the server's two session tickets count too.
    assert_eq!(whole.application_bytes, [23, 250 + 250 + 23]);
    assert_eq!(alerts(&whole, Direction::ToServer), [None]);
    let silent = handshake("tls13-closed-without-data");
    assert!(silent.finished[0].is_some());
    assert_eq!(
        (silent.application_data[0], silent.application_bytes[0]),
        (None, 0)
    );
    let with_certificate = handshake("tls13-client-certificate");
    assert!(with_certificate.finished[0].is_some());
    assert_eq!(with_certificate.application_bytes, [23, 650 + 650 + 23]);
}

#[test]
fn a_retry_request_is_followed_to_the_hello_that_counts() {
    let handshake = handshake("tls13-retry-request");
    let server = handshake.server_hello.unwrap();
    assert!(!server.retry_request);
    assert_eq!(server.sighting, seen(4));
    let events = recording("tls13-retry-request");
    let cut = only_handshake(play(&events[..2]));
    assert!(cut.server_hello.unwrap().retry_request);
    assert_eq!(cut.certificates, ServerCertificates::NotSeen);
}

#[test]
fn client_certificates_are_counted_where_they_are_readable() {
    let handshake = handshake("tls12-client-certificate");
    assert_eq!(handshake.client_certificates, Some(1));
    assert_eq!(handshake.certificate_request, Some(seen(2)));
}

#[test]
fn a_server_that_knows_no_common_version_refuses() {
    let handshake = handshake("tls12-no-common-version");
    assert_eq!(alerts(&handshake, Direction::ToClient), [Some(70)]);
    assert_eq!(
        (handshake.server_hello, handshake.certificates),
        (None, ServerCertificates::NotSeen)
    );
}

#[test]
fn tls_10_is_read_like_tls_12() {
    let handshake = handshake("tls10");
    assert_eq!(
        handshake.client_hello.as_ref().unwrap().supported_versions,
        Vec::<u16>::new()
    );
    assert_eq!(
        (
            handshake.server_hello.as_ref().unwrap().version,
            sent(&handshake)
        ),
        (0x0301, 2)
    );
    // CBC in TLS 1.0: an empty record goes before each.
    assert_eq!(handshake.application_bytes, [2 * 36, 2 * 36]);
}

#[test]
fn a_hole_in_the_certificates_is_no_missing_certificate() {
    let mut events = recording("tls12-stapled-ocsp");
    let Event::S(flight) = events[1].clone() else {
        panic!()
    };
    // ServerHello and the first 300 bytes of the rest, a hole, the end.
    let (front, back) = flight.split_at(389);
    events.splice(
        1..2,
        [
            Event::S(front.to_vec()),
            Event::Gap(Direction::ToClient, Some(100)),
            Event::S(back[100..].to_vec()),
        ],
    );
    let handshake = only_handshake(play(&events));
    assert!(handshake.has_gap);
    assert_eq!(handshake.certificates, ServerCertificates::NotSeen);
    // What follows is read again.
    assert!(handshake.stapled_ocsp.is_some());
    assert_eq!(handshake.application_bytes, [30, 30]);
}

#[test]
fn a_hole_in_application_data_is_no_hole_in_the_handshake() {
    let mut events = recording("tls12-stapled-ocsp");
    let at = events
        .iter()
        .position(|event| matches!(event, Event::C(b) if b[0] == 23))
        .unwrap();
    let Event::C(record) = events[at].clone() else {
        panic!()
    };
    events.splice(
        at..=at,
        [
            Event::C(record[..10].to_vec()),
            Event::Gap(Direction::ToServer, Some(record.len() as u64 - 10)),
        ],
    );
    let handshake = only_handshake(play(&events));
    assert_eq!(
        (handshake.has_gap, handshake.application_bytes),
        (false, [30, 30])
    );
}

#[test]
fn a_handshake_seen_from_its_certificates_on_has_a_gap() {
    let mut events = recording("tls12-stapled-ocsp");
    let Event::S(flight) = events[1].clone() else {
        panic!()
    };
    let unknown = |direction| Event::Gap(direction, None);
    let sides = [unknown(Direction::ToServer), unknown(Direction::ToClient)];
    events.splice(
        0..2,
        [sides.to_vec(), vec![Event::S(flight[89..].to_vec())]].concat(),
    );
    let handshake = only_handshake(play(&events));
    assert!(handshake.has_gap);
    assert_eq!(
        (sent(&handshake), handshake.client_hello.is_none()),
        (2, true)
    );
}

#[test]
fn one_side_alone_still_shows_what_it_shows() {
    let is_server = |event: &Event| matches!(event, Event::S(_));
    let (server, client): (Vec<_>, Vec<_>) = recording("tls12-stapled-ocsp")
        .into_iter()
        .partition(is_server);
    let handshake = only_handshake(play(&server));
    assert_eq!(
        (sent(&handshake), handshake.client_hello.is_none()),
        (2, true)
    );
    let handshake = only_handshake(play(&client));
    assert_eq!(
        (sent(&handshake), handshake.client_hello.is_some()),
        (0, true)
    );
}

#[test]
fn sides_taken_for_each_other_are_turned() {
    let turned = recording("tls12-client-rejects")
        .into_iter()
        .map(|event| match event {
            Event::C(bytes) => Event::S(bytes),
            Event::S(bytes) => Event::C(bytes),
            Event::Close(by, how) => Event::Close(by.reverse(), how),
            gap => gap,
        });
    let turned = play(&turned.collect::<Vec<_>>());
    assert!(turned.reversed);
    let straight = play(&recording("tls12-client-rejects"));
    assert_eq!(turned.handshakes, straight.handshakes);
}

#[test]
fn a_reset_after_the_certificates_names_who_sent_it() {
    let mut events = recording("tls12-client-rejects");
    events.truncate(2);
    events.push(Event::Close(Direction::ToServer, CloseKind::Reset));
    let ending = Ending {
        by: Direction::ToServer,
        reset: true,
        sighting: seen(3),
    };
    assert_eq!(only_handshake(play(&events)).ending, Some(ending));
}

#[test]
fn tls_that_begins_after_a_greeting_is_found() {
    let greeting = [
        Event::S(b"220 mail ESMTP\r\n".to_vec()),
        Event::C(b"STARTTLS\r\n".to_vec()),
    ];
    let events = [greeting.to_vec(), recording("tls12-client-rejects")].concat();
    assert_eq!(only_handshake(play(&events)).alerts.len(), 1);
}

#[test]
fn an_sslv2_hello_that_offers_tls_is_read() {
    let mut hello = vec![
        0x80,
        9 + 6 + 16,
        1,
        3,
        1,
        0,
        6,
        0,
        0,
        0,
        16,
        0,
        0,
        5,
        7,
        0,
        0xc0,
    ];
    hello.extend([7; 16]);
    let handshake = only_handshake(play(&[Event::C(hello)]));
    let client = handshake.client_hello.unwrap();
    assert_eq!(
        (client.legacy_version, client.cipher_suites),
        (0x0301, vec![5])
    );
}

#[test]
fn records_after_a_handshake_that_was_not_seen_make_none() {
    let transcript = play(&[Event::C(vec![23, 3, 3, 0, 4, 1, 2, 3, 4])]);
    assert_eq!(
        (transcript.recognition, transcript.handshakes.len()),
        (Recognition::Tls, 0)
    );
}

#[test]
fn an_alert_to_a_client_that_said_nothing_is_no_handshake() {
    let fin = Event::Close(Direction::ToServer, CloseKind::Fin);
    let alert = Event::S(vec![21, 3, 3, 0, 2, 2, 50]);
    assert!(play(&[fin, alert]).handshakes.is_empty());
}
