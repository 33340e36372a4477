//! Floods of connections and fragments, and segments that overlap.

use crate::capture_writer::Capture;
use crate::{assert_issue, before_good, good_crl, holds, http, scaled};

const SYN: u8 = 2;
const ACK: u8 = 16;

/// An IPv4 header and what follows it.
fn ip(from: u32, identification: u16, fragment: u16, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(20 + payload.len()).unwrap();
    let mut packet = vec![0x45, 0];
    packet.extend(
        [length, identification, fragment]
            .map(u16::to_be_bytes)
            .concat(),
    );
    packet.extend([64, protocol, 0, 0]);
    packet.extend(from.to_be_bytes());
    packet.extend([203, 0, 113, 9]);
    packet.extend(payload);
    packet
}

fn tcp(port: u16, flags: u8) -> Vec<u8> {
    let ports = [port, 80].map(u16::to_be_bytes).concat();
    let numbers = [1_000u32, 0].map(u32::to_be_bytes).concat();
    [&ports[..], &numbers, &[0x50, flags, 0xFF, 0xFF, 0, 0, 0, 0]].concat()
}

#[test]
fn a_million_questions_for_a_connection_hide_no_download() {
    let mut capture = Capture::new();
    for number in 0..u32::try_from(scaled(1_000_000, 201_000)).unwrap() {
        let port = 1_024 + u16::try_from(number % 60_000).unwrap();
        let from = 0x0A01_0000 + number / 60_000;
        capture.packet(&ip(from, 1, 0, 6, &tcp(port, SYN)));
    }
    let explained = before_good(capture);
    assert_issue(&explained, "connects were never answered");
}

#[test]
fn more_open_connections_than_the_table_holds_are_ended_and_said() {
    let mut capture = Capture::new();
    for number in 0..u32::try_from(scaled(1_000_000, 90_000)).unwrap() {
        let port = 1_024 + u16::try_from(number % 60_000).unwrap();
        let from = 0x0A01_0000 + number / 60_000;
        let mut segment = tcp(port, ACK);
        segment.extend(b"GET /a HTTP/1.1\r\n");
        capture.packet(&ip(from, 1, 0, 6, &segment));
    }
    let explained = before_good(capture);
    assert_issue(&explained, "65536 connections at once");
}

#[test]
fn a_flood_of_first_fragments_is_given_up_and_said() {
    let mut capture = Capture::new();
    for number in 0..u32::try_from(scaled(1_000_000, 60_000)).unwrap() {
        let identification = u16::try_from(number % 65_536).unwrap();
        let from = 0x0A01_0000 + number / 65_536;
        capture.packet(&ip(from, identification, 0x2000, 17, &[7; 512]));
    }
    let explained = before_good(capture);
    assert_issue(&explained, "fragmented packets are not complete");
}

#[test]
fn fragments_that_overlap_or_pass_the_longest_packet_are_said() {
    let mut capture = Capture::new();
    for number in 0..4_000u16 {
        // One packet in pieces of 8 bytes, twice over, with other bytes.
        let place = 0x2000 | (number % 2_000);
        let byte = u8::try_from(number / 2_000).unwrap();
        capture.packet(&ip(0x0A01_0001, 7, place, 17, &[byte; 16]));
    }
    // The last piece ends behind byte 65,535 (RFC 791), as in the ping of death.
    capture.packet(&ip(0x0A01_0002, 8, 0x2000, 17, &[0; 64]));
    capture.packet(&ip(0x0A01_0002, 8, 0x1FFF, 17, &[0; 1_400]));
    let explained = before_good(capture);
    assert_issue(&explained, "contradict themselves");
}

/// Begins a connection; requests a list.
fn begin(capture: &mut Capture) -> u32 {
    let request = b"GET /overlap.crl HTTP/1.1\r\nHost: crl.example\r\n\r\n";
    capture.segment(true, SYN, 1_000, 0, &[]);
    capture.segment(false, SYN | ACK, 5_000, 1_001, &[]);
    capture.segment(true, ACK, 1_001, 5_001, request);
    1_001 + u32::try_from(request.len()).unwrap()
}

#[test]
fn segments_that_overlap_with_other_bytes_keep_the_first_copy() {
    let answer = http("", &good_crl());
    let other = vec![0x55; answer.len()];
    let mut capture = Capture::new();
    let asked = begin(&mut capture);
    let place = |at: usize| 5_001 + u32::try_from(at).unwrap();
    // Every other byte comes later, behind copies that lie about it.
    for at in (1..answer.len()).step_by(2) {
        let end = (at + 1).min(answer.len());
        capture.segment(false, ACK, place(at), asked, &answer[at..end]);
        capture.segment(false, ACK, place(at), asked, &other[at..end]);
    }
    for at in (0..answer.len()).step_by(2) {
        capture.segment(false, ACK, place(at), asked, &answer[at..=at]);
    }
    let explained = {
        let bytes = capture.bytes().to_vec();
        crate::beside_good(&[("a.pcap", bytes)])
    };
    assert!(
        holds(&explained, &good_crl()),
        "the first copies make the list"
    );
    assert_issue(&explained, "repeats bytes with other values");
}

#[test]
fn segments_far_ahead_of_the_stream_are_held_to_a_limit() {
    let mut capture = Capture::new();
    for number in 0..scaled(2_000, 700) {
        let asked = begin(&mut capture);
        // 64 KiB behind a hole that is never filled.
        for piece in 0..2 {
            let at = 5_001 + 1_000_000 + piece * 32_000;
            capture.segment(
                false,
                ACK,
                at,
                asked,
                &vec![u8::try_from(number % 256).unwrap(); 32_000],
            );
        }
        capture.next_connection();
    }
    let explained = before_good(capture);
    assert!(!explained.case.issues.is_empty() || !explained.case.retrievals.is_empty());
}

#[test]
fn segments_at_the_edges_of_the_sequence_space_do_no_harm() {
    let mut capture = Capture::new();
    for at in [
        0,
        1,
        5_000,
        5_001,
        0x7FFF_FFFF,
        0x8000_0000,
        0x8000_1389,
        u32::MAX - 1,
        u32::MAX,
    ] {
        for length in [0, 1, 2, 1_460, 32_000] {
            let asked = begin(&mut capture);
            let noise = vec![b'x'; length];
            capture.segment(false, ACK, at, asked, &noise);
            capture.segment(true, ACK, at, at, &noise);
            capture.segment(false, ACK | 4, at, asked, &[]);
            capture.segment(false, ACK | 1, at.wrapping_add(7), asked, &noise);
            capture.next_connection();
        }
    }
    before_good(capture);
}
