//! What the tests of this stage share: sightings and a feeder of streams.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use crate::flow::{Close, CloseKind, ConversationId, Demand, Direction, StreamConsumer};
use crate::protocol::http::Options;
use crate::protocol::{Dialogue, End, Transcript};
use crate::provenance::{EvidenceId, Sighting};
use crate::time::Timestamp;

/// Frame `packet`, at as many seconds.
pub(super) fn seen(packet: u64) -> Sighting {
    let at = Timestamp::from_unix(i64::try_from(packet).unwrap(), 0).unwrap();
    Sighting {
        at,
        evidence: EvidenceId(0),
        packet,
    }
}

/// One event of a conversation.
#[derive(Debug, Clone)]
pub(super) enum Event {
    /// Client and server bytes.
    C(Vec<u8>),
    S(Vec<u8>),
    Gap(Direction, Option<u64>),
    Close(Direction, CloseKind),
}

pub(super) fn c(bytes: impl AsRef<[u8]>) -> Event {
    Event::C(bytes.as_ref().to_vec())
}

pub(super) fn s(bytes: impl AsRef<[u8]>) -> Event {
    Event::S(bytes.as_ref().to_vec())
}

/// Wants every body.
pub(super) fn everything() -> Options {
    Options {
        want_body: |_, _, _| true,
        hash_every_body: false,
    }
}

/// Plays events as a flow would, honoring demands; `cut` gives the length of
/// the next piece. The frame number is that of the event, from 1.
pub(super) fn play_cut(
    options: Options,
    events: &[Event],
    end: End,
    cut: impl FnMut() -> usize,
) -> Transcript {
    play_with(Dialogue::new(ConversationId(7), options), events, end, cut)
}

/// Plays events into a dialogue that was made for it.
pub(super) fn play_with(
    mut dialogue: Dialogue,
    events: &[Event],
    end: End,
    mut cut: impl FnMut() -> usize,
) -> Transcript {
    let mut skip = [0u64; 2];
    let mut stopped = [false; 2];
    for (number, event) in events.iter().enumerate() {
        let at = seen(number as u64 + 1);
        let (direction, mut rest) = match event {
            Event::C(bytes) => (Direction::ToServer, bytes.as_slice()),
            Event::S(bytes) => (Direction::ToClient, bytes.as_slice()),
            Event::Gap(direction, length) => {
                let pending = &mut skip[*direction as usize];
                let passed = length.map_or(0, |length| length.min(*pending));
                *pending -= passed;
                if passed > 0 {
                    dialogue.skipped(*direction, passed, at);
                }
                match length.map(|length| length - passed) {
                    Some(0) => {}
                    left => dialogue.gap(*direction, left, at),
                }
                continue;
            }
            Event::Close(by, how) => {
                dialogue.closed(&Close {
                    by: *by,
                    how: *how,
                    sighting: at,
                });
                continue;
            }
        };
        let side = direction as usize;
        while !rest.is_empty() && !stopped[side] {
            let skipped = usize::try_from(skip[side]).unwrap().min(rest.len());
            if skipped > 0 {
                dialogue.skipped(direction, skipped as u64, at);
                skip[side] -= skipped as u64;
                rest = &rest[skipped..];
                continue;
            }
            let (piece, after) = rest.split_at(cut().clamp(1, rest.len()));
            rest = after;
            match dialogue.bytes(direction, piece, at) {
                Demand::More => {}
                Demand::Skip(count) => skip[side] = count,
                Demand::Nothing => stopped[side] = true,
            }
        }
    }
    dialogue.into_transcript(end)
}

/// Plays events uncut; the conversation is over.
pub(super) fn play(events: &[Event]) -> Transcript {
    play_cut(everything(), events, End::Closed, || usize::MAX)
}

/// A small generator with a fixed seed (xorshift64), so that a failure repeats.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}
