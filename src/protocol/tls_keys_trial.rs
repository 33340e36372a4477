//! Trials of TLS conversations with the key log of their client
//! (`tests/data/protocol.md`, `keys-*`).
#![allow(clippy::unwrap_used, clippy::expect_used)]

use crate::flow::Direction::{ToClient, ToServer};
use crate::flow::{CloseKind, ConversationId, Direction};
use crate::protocol::key_log::KeyLog;
use crate::protocol::tls::{Handshake, HiddenBy, KeyUse, ServerCertificates};
use crate::protocol::tls_trial::{file, recording};
use crate::protocol::trial::{Event, Random, everything, play_with, seen};
use crate::protocol::{Dialogue, End};

const NAMES: [&str; 10] = [
    "keys-12-aes128",
    "keys-12-aes256",
    "keys-12-cbc",
    "keys-12-chacha",
    "keys-12-renegotiated",
    "keys-13-certificate-required",
    "keys-13-client-certificate",
    "keys-13-key-update",
    "keys-13-retry-request",
    "keys-13-stapled",
];

fn keys(name: &str) -> KeyLog {
    let keys = KeyLog::default();
    assert!(keys.read(&file(&format!("{name}.txt"))).secrets > 0);
    keys
}

fn opened(keys: KeyLog, events: &[Event], cut: impl FnMut() -> usize) -> Handshake {
    let dialogue = Dialogue::new(ConversationId(7), everything()).with_keys(keys);
    let transcript = play_with(dialogue, events, End::Closed, cut);
    let [handshake] = <[Handshake; 1]>::try_from(transcript.handshakes).unwrap();
    handshake
}

fn handshake(name: &str) -> Handshake {
    opened(keys(name), &recording(name), || usize::MAX)
}

fn alerts(handshake: &Handshake) -> Vec<(Direction, Option<u8>)> {
    let alerts = handshake.alerts.iter();
    alerts
        .map(|it| (it.by, it.content.map(|(_, description)| description)))
        .collect()
}

fn assert_sends_both(handshake: &Handshake) {
    let ServerCertificates::Sent { list, .. } = &handshake.certificates else {
        panic!("{:?}", handshake.certificates)
    };
    assert_eq!(list.len(), 2);
    assert_eq!(list[0].to_vec(), file("keys-leaf.der"));
    assert_eq!(list[1].to_vec(), file("keys-intermediate.der"));
}

#[test]
fn a_key_log_shows_what_tls_13_hides() {
    let handshake = handshake("keys-13-stapled");
    assert_sends_both(&handshake);
    assert!(handshake.certificates_decrypted && handshake.trouble.is_none());
    assert_eq!(handshake.key_use, KeyUse::Opened);
    let stapled = handshake.stapled_ocsp.as_deref();
    assert_eq!(stapled, Some(file("keys-ocsp.der").as_slice()));
    assert_eq!(
        alerts(&handshake),
        [(ToServer, Some(0)), (ToClient, Some(0))]
    );
    assert!(handshake.finished[0].is_some() && handshake.finished[1].is_some());
    // Six bytes, their type and the tag, each way: session tickets no longer count.
    assert_eq!(handshake.application_bytes, [23, 23]);
}

#[test]
fn without_its_keys_the_same_connection_stays_hidden() {
    let handshake = opened(
        keys("keys-13-retry-request"),
        &recording("keys-13-stapled"),
        || usize::MAX,
    );
    let hidden = ServerCertificates::Hidden(HiddenBy::Tls13);
    assert_eq!(handshake.certificates, hidden);
    assert_eq!((handshake.key_use, handshake.trouble), (KeyUse::None, None));
}

#[test]
fn a_server_that_misses_a_client_certificate_says_so_in_its_alert() {
    let handshake = handshake("keys-13-certificate-required");
    assert_sends_both(&handshake);
    assert!(handshake.certificate_request.is_some());
    assert_eq!(handshake.client_certificates, Some(0));
    assert!(alerts(&handshake).contains(&(ToClient, Some(116))));
}

#[test]
fn a_client_certificate_of_tls_13_is_counted() {
    let handshake = handshake("keys-13-client-certificate");
    assert_sends_both(&handshake);
    assert_eq!(handshake.client_certificates, Some(1));
    assert_eq!(handshake.application_bytes, [23, 23]);
}

#[test]
fn keys_are_followed_through_an_update_and_a_retry() {
    for name in ["keys-13-key-update", "keys-13-retry-request"] {
        let handshake = handshake(name);
        assert_sends_both(&handshake);
        assert_eq!(handshake.trouble, None, "{name}");
        assert!(alerts(&handshake).contains(&(ToServer, Some(0))), "{name}");
        // The client that updates its keys says nothing more than its goodbye.
        let data = if name == "keys-13-key-update" { 0 } else { 23 };
        assert_eq!(handshake.application_bytes, [data; 2], "{name}");
    }
}

#[test]
fn alerts_of_tls_12_are_readable_with_the_master_secret() {
    for name in ["keys-12-aes128", "keys-12-aes256", "keys-12-chacha"] {
        let handshake = handshake(name);
        assert_sends_both(&handshake);
        assert!(!handshake.certificates_decrypted, "{name}");
        assert_eq!(handshake.key_use, KeyUse::Opened, "{name}");
        assert!(alerts(&handshake).contains(&(ToServer, Some(0))), "{name}");
        assert!(handshake.finished[0].is_some() && handshake.trouble.is_none());
    }
}

#[test]
fn a_renegotiation_is_read_with_the_keys_of_its_own() {
    let handshake = handshake("keys-12-renegotiated");
    assert_sends_both(&handshake);
    assert_eq!(
        (handshake.key_use, &handshake.trouble),
        (KeyUse::Opened, &None)
    );
    assert!(alerts(&handshake).contains(&(ToServer, Some(0))));
}

#[test]
fn a_cbc_suite_is_said_to_be_unsupported() {
    let handshake = handshake("keys-12-cbc");
    assert_eq!(handshake.key_use, KeyUse::Unsupported);
    assert_eq!(alerts(&handshake).first(), Some(&(ToServer, None)));
}

#[test]
fn wrong_secrets_give_an_issue_and_no_certificates() {
    for name in ["keys-13-stapled", "keys-12-aes128"] {
        let text = String::from_utf8(file(&format!("{name}.txt"))).unwrap();
        let wrong: Vec<String> = text
            .lines()
            .map(|line| match line.rsplit_once(' ') {
                Some((front, secret)) if !line.starts_with('#') => {
                    format!("{front} {}", secret.replace('a', "b").replace('7', "8"))
                }
                _ => line.to_owned(),
            })
            .collect();
        let keys = KeyLog::default();
        keys.read(wrong.join("\n").as_bytes());
        let handshake = opened(keys, &recording(name), || usize::MAX);
        assert_eq!(handshake.key_use, KeyUse::Refused);
        assert!(handshake.trouble.unwrap().contains("do not open"));
        assert!(handshake.alerts.iter().all(|alert| alert.content.is_none()));
        assert!(!handshake.certificates_decrypted);
    }
}

#[test]
fn the_cuts_of_the_segments_change_nothing() {
    let mut random = Random(0x5DEE_CE66_D011);
    for name in NAMES {
        let whole = handshake(name);
        for _ in 0..3 {
            let cut = || usize::try_from(random.below(60)).unwrap();
            assert_eq!(opened(keys(name), &recording(name), cut), whole, "{name}");
        }
    }
}

#[test]
fn flipped_bytes_and_holes_never_give_a_certificate_that_was_not_sent() {
    let mut random = Random(0x1234_5678_9ABC);
    let leaf = file("keys-leaf.der");
    for round in 0..120 {
        let mut events = recording("keys-13-stapled");
        let at = usize::try_from(random.below(events.len() as u64)).unwrap();
        let direction = match &events[at] {
            Event::C(_) => ToServer,
            _ => ToClient,
        };
        let (Event::C(bytes) | Event::S(bytes)) = &mut events[at] else {
            continue;
        };
        let place = usize::try_from(random.below(bytes.len() as u64)).unwrap();
        if round % 2 == 0 {
            bytes[place] ^= 1 << random.below(8);
        } else {
            let bytes = bytes.clone();
            let front = Event::S(bytes[..place].to_vec());
            let front = match direction {
                ToServer => Event::C(bytes[..place].to_vec()),
                ToClient => front,
            };
            events.splice(at..=at, [front, Event::Gap(direction, None)]);
        }
        let dialogue =
            Dialogue::new(ConversationId(7), everything()).with_keys(keys("keys-13-stapled"));
        let transcript = play_with(dialogue, &events, End::Closed, || usize::MAX);
        for handshake in transcript.handshakes {
            if let ServerCertificates::Sent { list, .. } = &handshake.certificates {
                assert_eq!(list[0].to_vec(), leaf);
            }
        }
    }
}

#[test]
fn a_hole_in_encrypted_certificates_is_a_hole_of_the_handshake() {
    let mut events = recording("keys-13-stapled");
    let Event::S(flight) = events[1].clone() else {
        panic!()
    };
    let (front, back) = flight.split_at(700);
    events.splice(
        1..2,
        [
            Event::S(front.to_vec()),
            Event::Gap(ToClient, Some(100)),
            Event::S(back[100..].to_vec()),
        ],
    );
    let handshake = opened(keys("keys-13-stapled"), &events, || usize::MAX);
    assert!(handshake.has_gap);
    // What follows is read again: the records keep their numbers.
    assert!(alerts(&handshake).contains(&(ToServer, Some(0))));
    assert_eq!(handshake.application_bytes, [23, 23]);
}

#[test]
fn tls_that_begins_in_another_protocol_is_found_and_named() {
    let of = |greeting: Vec<Event>| {
        let events = [greeting, recording("keys-13-stapled")].concat();
        opened(keys("keys-13-stapled"), &events, || usize::MAX)
    };
    let c = |bytes: &[u8]| Event::C(bytes.to_vec());
    let s = |bytes: &[u8]| Event::S(bytes.to_vec());
    let smtp = vec![
        s(b"220 mail.example.com ESMTP\r\n"),
        c(b"EHLO me\r\n"),
        s(b"250-mail.example.com\r\n250 STARTTLS\r\n"),
        c(b"STARTTLS\r\n"),
        s(b"220 ready\r\n"),
    ];
    let imap = vec![
        s(b"* OK IMAP4rev1\r\n"),
        c(b"a STARTTLS\r\n"),
        s(b"a OK begin\r\n"),
    ];
    let pop3 = vec![s(b"+OK ready\r\n"), c(b"STLS\r\n"), s(b"+OK begin\r\n")];
    let ftp = vec![s(b"220 files\r\n"), c(b"AUTH TLS\r\n"), s(b"234 begin\r\n")];
    let postgres = vec![c(&[0, 0, 0, 8, 4, 0xD2, 0x16, 0x2F]), s(b"S")];
    let rdp = vec![
        c(&[3, 0, 0, 19, 14, 0xE0, 0, 0, 0, 0, 0, 1, 0, 8, 0, 3, 0, 0, 0]),
        s(&[
            3, 0, 0, 19, 14, 0xD0, 0, 0, 0x12, 0x34, 0, 2, 0, 8, 0, 2, 0, 0, 0,
        ]),
    ];
    // ExtendedRequest 1.3.6.1.4.1.1466.20037, and success.
    let mut start = vec![0x30, 0x1D, 2, 1, 1, 0x77, 0x18, 0x80, 0x16];
    start.extend(b"1.3.6.1.4.1.1466.20037");
    let ldap = vec![
        c(&start),
        s(&[0x30, 0x0C, 2, 1, 1, 0x78, 7, 0x0A, 1, 0, 4, 0, 4, 0]),
    ];
    for (name, greeting) in [
        ("SMTP", smtp),
        ("IMAP", imap),
        ("POP3", pop3),
        ("FTP", ftp),
        ("PostgreSQL", postgres),
        ("RDP", rdp),
        ("LDAP", ldap),
    ] {
        let handshake = of(greeting);
        assert_eq!(handshake.upgraded_from, Some(name));
        assert_sends_both(&handshake);
    }
}

#[test]
fn a_connection_reset_after_its_certificates_still_shows_them() {
    let mut events = recording("keys-13-stapled");
    events.truncate(2);
    events.push(Event::Close(ToServer, CloseKind::Reset));
    let handshake = opened(keys("keys-13-stapled"), &events, || usize::MAX);
    assert_sends_both(&handshake);
    assert_eq!(handshake.finished[0], None);
    assert_eq!(handshake.ending.map(|it| it.sighting), Some(seen(3)));
}
