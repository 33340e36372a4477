//! The bytes of hand-made segments: order, overlaps, gaps, demands.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::tests::{ACK, C, FIN, Recorder, S, SYN, SYN_ACK, Wire};
use super::{Demand, Quality, RoleBasis};

#[test]
fn bytes_in_order_come_with_their_own_frames_and_closes_follow() {
    let mut wire = Wire::connected();
    wire.client(ACK, C + 1, S + 1, "GET");
    wire.server(ACK, S + 1, C + 4, "200");
    wire.server(FIN, S + 4, C + 4, "!");
    wire.client(FIN, C + 4, S + 6, "");
    wire.server(ACK, S + 6, C + 5, "");
    let (conversation, log) = wire.only();
    assert_eq!(
        log,
        ["> GET @4", "< 200 @5", "< ! @6", "< Fin @6", "> Fin @7"]
    );
    assert_eq!(conversation.client.to_string(), "10.0.0.9:50000");
    assert_eq!(conversation.role_basis, RoleBasis::Handshake);
    assert_eq!(conversation.syns[0].packet, 1);
    assert_eq!(conversation.syn_ack.unwrap().packet, 2);
    let quality = Quality {
        packets: [4, 4],
        bytes: [3, 4],
        ..Quality::default()
    };
    assert_eq!(conversation.quality, quality);
    assert!(conversation.quality.is_complete());
}

#[test]
fn segments_out_of_order_are_put_in_order() {
    let mut wire = Wire::connected();
    wire.client(ACK, C + 7, S + 1, "ghi");
    wire.client(ACK, C + 4, S + 1, "def");
    wire.client(ACK, C + 1, S + 1, "abc");
    let (conversation, log) = wire.only();
    assert_eq!(log, ["> abc @6", "> def @6", "> ghi @6"]);
    assert_eq!(conversation.quality.retransmissions, 0);
    assert!(conversation.quality.is_complete());
}

#[test]
fn sequence_numbers_wrap() {
    let first = u32::MAX - 1;
    let mut wire = Wire::new();
    wire.client(SYN, first - 1, 0, "");
    wire.server(SYN_ACK, S, first, "");
    wire.client(ACK, first.wrapping_add(5), S + 1, "fgh");
    wire.client(ACK, first, S + 1, "abcde");
    let (conversation, log) = wire.only();
    assert_eq!(log, ["> abcde @4", "> fgh @4"]);
    assert_eq!(conversation.quality.bytes, [8, 0]);
}

#[test]
fn a_retransmission_is_counted_and_a_differing_one_is_an_issue() {
    let mut wire = Wire::connected();
    wire.server(ACK, S + 1, C + 1, "real");
    wire.server(ACK, S + 1, C + 1, "real");
    wire.server(ACK, S + 3, C + 1, "XY+more");
    wire.server(ACK, S + 15, C + 1, "pending");
    wire.server(ACK, S + 15, C + 1, "PENDing");
    assert_eq!(wire.table.take_issues().len(), 1);
    let (conversation, log) = wire.only();
    assert_eq!(
        log,
        ["< real @4", "< +more @6", "< gap 5 @8", "< pending @8"]
    );
    assert_eq!(conversation.quality.retransmissions, 3);
    assert_eq!(conversation.quality.conflicting_overlaps, 2 + 4);
}

#[test]
fn the_first_copy_wins_inside_the_buffer_too() {
    let mut wire = Wire::connected();
    wire.client(ACK, C + 4, S + 1, "def");
    wire.client(ACK, C + 3, S + 1, "cDEFg");
    wire.client(ACK, C + 1, S + 1, "ab");
    let (conversation, log) = wire.only();
    assert_eq!(log, ["> ab @6", "> c @6", "> def @6", "> g @6"]);
    assert_eq!(conversation.quality.conflicting_overlaps, 3);
}

#[test]
fn a_keep_alive_is_no_retransmission() {
    let mut wire = Wire::connected();
    wire.client(ACK, C + 1, S + 1, "abc");
    wire.client(ACK, C + 3, S + 1, "\0");
    wire.client(ACK, C + 3, S + 1, "");
    let (conversation, log) = wire.only();
    assert_eq!(log, ["> abc @4"]);
    assert_eq!(conversation.quality.retransmissions, 0);
    assert_eq!(conversation.quality.conflicting_overlaps, 0);
}

#[test]
fn bytes_acknowledged_but_never_seen_are_a_gap_after_some_patience() {
    let mut wire = Wire::connected();
    wire.server(ACK, S + 1, C + 1, "abc");
    wire.server(ACK, S + 14, C + 1, "later");
    wire.client(ACK, C + 1, S + 19, "");
    wire.server(ACK, S + 19, C + 1, "on");
    wire.clock += 2_000;
    wire.client(ACK, C + 1, S + 21, "next");
    let (conversation, log) = wire.only();
    assert_eq!(
        log,
        [
            "< abc @4",
            "< gap 10 @8",
            "< later @8",
            "< on @8",
            "> next @8"
        ]
    );
    assert_eq!(conversation.quality.missing, [0, 10]);
    assert!(!conversation.quality.is_complete());
}

#[test]
fn a_frame_captured_after_its_acknowledgment_is_no_gap() {
    let mut wire = Wire::connected();
    wire.client(ACK, C + 1, S + 4, "");
    wire.server(ACK, S + 1, C + 1, "abc");
    let (conversation, log) = wire.only();
    assert_eq!(log, ["< abc @5"]);
    assert!(conversation.quality.is_complete());
}

#[test]
fn a_direction_that_was_not_captured_shows_as_gaps_at_once() {
    let mut wire = Wire::new();
    wire.client(SYN, C, 0, "");
    wire.client(ACK, C + 1, S + 1, "");
    wire.client(ACK, C + 1, S + 1, "one");
    wire.client(ACK, C + 4, S + 101, "two");
    let (conversation, log) = wire.only();
    assert_eq!(log, ["> one @3", "< gap 100 @4", "> two @4"]);
    assert_eq!(conversation.quality.missing, [0, 100]);
    assert!(conversation.quality.is_one_sided());
    assert!(!conversation.quality.mid_stream);
}

#[test]
fn skipped_bytes_are_not_delivered_and_their_holes_are_no_gap() {
    let mut wire = Wire::with(|| Recorder {
        demand: Some(|bytes| {
            if bytes == b"head" {
                Demand::Skip(10)
            } else {
                Demand::More
            }
        }),
        ..Recorder::default()
    });
    wire.handshake();
    wire.server(ACK, S + 1, C + 1, "head");
    wire.server(ACK, S + 5, C + 1, "01");
    // Bytes 2 to 5 were not captured.
    wire.server(ACK, S + 11, C + 1, "6789ta");
    wire.client(ACK, C + 1, S + 17, "");
    wire.clock += 2_000;
    wire.server(ACK, S + 17, C + 1, "il");
    let (conversation, log) = wire.only();
    assert_eq!(log, ["< head @4", "< ta @8", "< il @8"]);
    assert_eq!(conversation.quality.bytes, [0, 14]);
    assert_eq!(conversation.quality.missing, [0, 4]);
}

#[test]
fn after_nothing_only_closes_are_reported() {
    let mut wire = Wire::with(|| Recorder {
        demand: Some(|_| Demand::Nothing),
        ..Recorder::default()
    });
    wire.handshake();
    wire.server(ACK, S + 1, C + 1, "hello");
    wire.server(ACK, S + 100, C + 1, "later");
    wire.server(FIN, S + 105, C + 1, "");
    let (conversation, log) = wire.only();
    assert_eq!(log, ["< hello @4", "< Fin @6"]);
    assert_eq!(conversation.quality.bytes, [0, 10]);
    assert_eq!(conversation.quality.missing, [0, 94]);
}

#[test]
fn a_payload_cut_by_the_snaplen_is_a_gap_of_its_length() {
    let mut wire = Wire::connected();
    wire.missing = 96;
    wire.server(ACK, S + 1, C + 1, "head");
    wire.missing = 0;
    wire.server(ACK, S + 101, C + 1, "next");
    let (conversation, log) = wire.only();
    assert_eq!(log, ["< head @4", "< gap 96 @4", "< next @5"]);
    assert_eq!(conversation.quality.cut_packets, 1);
    assert_eq!(conversation.quality.missing, [0, 96]);
}

#[test]
fn a_hole_is_given_up_when_too_much_waits_behind_it() {
    let mut wire = Wire::connected();
    let large = "x".repeat(60_000);
    let mut sequence = S + 2;
    for _ in 0..80 {
        wire.server(ACK, sequence, C + 1, &large);
        sequence += 60_000;
    }
    let (conversation, log) = wire.only();
    assert!(log[0].starts_with("< gap 1 @"));
    assert_eq!(conversation.quality.bytes, [0, 80 * 60_000]);
    assert_eq!(conversation.quality.missing, [0, 1]);
}

#[test]
fn a_mirror_port_that_doubles_every_frame_changes_nothing() {
    let mut wire = Wire::new();
    for _ in 0..2 {
        wire.client(SYN, C, 0, "");
    }
    for _ in 0..2 {
        wire.server(SYN_ACK, S, C + 1, "");
    }
    for _ in 0..2 {
        wire.client(ACK, C + 1, S + 1, "abc");
    }
    for _ in 0..2 {
        wire.client(FIN, C + 4, S + 1, "");
    }
    let (conversation, log) = wire.only();
    assert_eq!(log, ["> abc @5", "> Fin @7"]);
    assert!(conversation.quality.is_complete());
    assert_eq!(conversation.quality.conflicting_overlaps, 0);
}

#[test]
fn segments_far_off_the_stream_are_not_delivered() {
    let mut wire = Wire::connected();
    wire.server(ACK, S.wrapping_sub(1 << 31), C + 1, "stray");
    wire.server(ACK, S + 1, C + 1, "abc");
    let (conversation, log) = wire.only();
    assert_eq!(log, ["< abc @5"]);
    assert_eq!(conversation.quality.strays, 1);
}

/// A small generator with a fixed seed (xorshift), for disorder that is the
/// same at every run.
fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

#[test]
fn any_order_and_any_cutting_gives_the_same_bytes() {
    let mut state = 0x9e37_79b9_7f4a_7c15;
    let stream: String = (0..2_000_u32)
        .map(|index| char::from(b'a' + (index % 26) as u8))
        .collect();
    for round in 0..60 {
        let mut segments = Vec::new();
        let mut at = 0;
        while at < stream.len() {
            let length = 1 + random(&mut state) as usize % 90;
            let end = (at + length).min(stream.len());
            // Some reach back over what was sent before, and some come twice.
            let start = at.saturating_sub(random(&mut state) as usize % 30);
            segments.push(start..end);
            if random(&mut state).is_multiple_of(5) {
                segments.push(at..end);
            }
            at = end;
        }
        for index in 0..segments.len() {
            let other = (index + random(&mut state) as usize % 12).min(segments.len() - 1);
            segments.swap(index, other);
        }
        let first = u32::MAX - 700;
        let mut wire = Wire::new();
        wire.client(SYN, first.wrapping_sub(1), 0, "");
        wire.server(SYN_ACK, S, first, "");
        for range in segments {
            let sequence = first.wrapping_add(range.start as u32);
            wire.client(ACK, sequence, S + 1, &stream[range]);
        }
        wire.client(FIN, first.wrapping_add(2_000), S + 1, "");
        let (conversation, log) = wire.only();
        let bytes: String = log
            .iter()
            .filter_map(|line| line.split(' ').nth(1))
            .collect();
        assert_eq!(bytes, format!("{stream}Fin"), "round {round}");
        assert_eq!(conversation.quality.bytes, [2_000, 0]);
        assert_eq!(conversation.quality.conflicting_overlaps, 0);
        assert!(conversation.quality.is_complete());
    }
}

#[test]
fn an_answer_that_stands_before_its_request_waits_for_it() {
    let mut wire = Wire::connected();
    wire.server(ACK, S + 1, C + 4, "200");
    wire.client(ACK, C + 4, S + 4, "GET");
    wire.client(ACK, C + 1, S + 1, "GET");
    wire.server(ACK, S + 4, C + 7, "304");
    let (conversation, log) = wire.only();
    assert_eq!(log, ["> GET @6", "< 200 @4", "> GET @5", "< 304 @7"]);
    assert!(conversation.quality.is_complete());
}

#[test]
fn an_answer_whose_request_was_not_captured_comes_after_the_gap() {
    let mut wire = Wire::connected();
    wire.server(ACK, S + 1, C + 4, "200");
    wire.client(ACK, C + 4, S + 4, "GET");
    wire.clock += 5_000;
    wire.server(ACK, S + 4, C + 7, "304");
    wire.server(FIN, S + 7, C + 7, "");
    let (conversation, log) = wire.only();
    let all = ["> gap 3 @6", "< 200 @4", "> GET @5", "< 304 @6", "< Fin @7"];
    assert_eq!(log, all);
    assert_eq!(conversation.quality.missing, [3, 0]);
}

#[test]
fn patience_is_fresh_for_every_answer_that_comes_early() {
    let mut wire = Wire::connected();
    for round in 0..40 {
        let (client, server) = (C + 1 + 3 * round, S + 1 + 3 * round);
        wire.server(ACK, server, client + 3, "200");
        wire.client(ACK, client, server, "GET");
    }
    let (conversation, log) = wire.only();
    assert_eq!(log.len(), 80);
    assert!(log.iter().step_by(2).all(|line| line.starts_with("> GET")));
    assert!(conversation.quality.is_complete());
}
