//! Segments that are sent again and again and do not get through: a path with
//! a smaller MTU than its ends believe, and no word of it (RFC 2923 §2.1).

use std::net::IpAddr;

use crate::provenance::Sighting;

use super::connect::is_copy;
use super::{Direction, IcmpError};

/// A direction in which nothing got through any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stall {
    /// Which way the bytes went.
    pub by: Direction,
    /// Payload bytes of the segment; where `sent` is 0 those that the receiver
    /// was still waiting for.
    pub size: u64,
    /// How often the segment was seen, copies of mirror ports left out; 0 when
    /// it never came as far as the capture point.
    pub sent: u32,
    /// The first time; for bytes never seen, the last frame before the end.
    pub first: Sighting,
    /// The last time.
    pub last: Sighting,
    /// True when a smaller segment that way was acknowledged, and no larger one.
    pub smaller_passed: bool,
    /// The router that asked for smaller packets, and the MTU it named.
    pub too_big: Option<(IpAddr, Option<u32>)>,
}

impl Stall {
    /// Adds what a router said of the same direction.
    pub(super) fn with_word_of(mut self, errors: &[IcmpError]) -> Self {
        let said = errors
            .iter()
            .find(|error| error.about == self.by && error.is_too_big());
        self.too_big = said.map(|error| (error.from, error.mtu));
        self
    }
}

/// Payload from which a segment counts as large. An IPv6 path carries 1,220
/// bytes at least, and every tunnel in use more than 1,200.
const LARGE: u32 = 1_200;

/// The original and two repetitions: one repetition is ordinary loss.
const MIN_SENT: u32 = 3;

/// The first large segment of one direction, until it is acknowledged.
#[derive(Debug, Default)]
pub(super) struct LargeSegment {
    state: State,
    /// End of the last small segment before it.
    small_end: Option<u32>,
    smaller_passed: bool,
}

#[derive(Debug, Default)]
enum State {
    /// None was sent yet.
    #[default]
    Unseen,
    /// One was sent.
    Waiting(Box<Waiting>),
    /// One was acknowledged: large segments pass.
    Passed,
}

#[derive(Debug)]
struct Waiting {
    first_byte: u32,
    end: u32,
    size: u32,
    sent: u32,
    first: Sighting,
    last: Sighting,
    /// The sender took to smaller segments.
    is_split: bool,
}

impl LargeSegment {
    /// Takes a segment with payload.
    #[inline]
    pub(super) fn sent(&mut self, first_byte: u32, size: u32, at: Sighting) {
        let end = first_byte.wrapping_add(size);
        match &mut self.state {
            State::Passed => {}
            State::Unseen if size < LARGE => self.small_end = Some(end),
            State::Unseen => {
                self.state = State::Waiting(Box::new(Waiting {
                    first_byte,
                    end,
                    size,
                    sent: 1,
                    first: at,
                    last: at,
                    is_split: false,
                }));
            }
            State::Waiting(waiting) if waiting.first_byte == first_byte => {
                if size < LARGE {
                    // A keep-alive lies before the byte due, not at it.
                    waiting.is_split = true;
                } else if !is_copy(waiting.last, at) {
                    waiting.sent += 1;
                    waiting.last = at;
                }
            }
            State::Waiting(_) => {}
        }
    }

    /// Takes the receiver's acknowledgment number.
    #[inline]
    pub(super) fn acknowledged(&mut self, number: u32) {
        let covers = |end: u32| number.wrapping_sub(end).cast_signed() >= 0;
        match &self.state {
            State::Passed => {}
            State::Unseen => self.smaller_passed |= self.small_end.is_some_and(covers),
            State::Waiting(waiting) if covers(waiting.end) => {
                self.state = match waiting.is_split {
                    true => State::Unseen,
                    false => State::Passed,
                };
            }
            State::Waiting(_) => {
                self.smaller_passed |= self.small_end.is_some_and(covers);
            }
        }
    }

    /// The stall that the end of the conversation leaves.
    pub(super) fn stall(&self, by: Direction) -> Option<Stall> {
        let State::Waiting(waiting) = &self.state else {
            return None;
        };
        (waiting.sent >= MIN_SENT).then(|| Stall {
            by,
            size: u64::from(waiting.size),
            sent: waiting.sent,
            first: waiting.first,
            last: waiting.last,
            smaller_passed: self.smaller_passed,
            too_big: None,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::provenance::EvidenceId;
    use crate::time::Timestamp;

    fn at(tenths: i64) -> Sighting {
        let nanoseconds = u32::try_from(tenths % 10).unwrap() * 100_000_000;
        Sighting {
            at: Timestamp::from_unix(1_000 + tenths / 10, nanoseconds).unwrap(),
            evidence: EvidenceId(0),
            packet: 1 + tenths.unsigned_abs(),
        }
    }

    fn sent(sizes: &[(u32, u32, i64)]) -> LargeSegment {
        let mut large = LargeSegment::default();
        for (first_byte, size, tenths) in sizes {
            large.sent(*first_byte, *size, at(*tenths));
        }
        large
    }

    #[test]
    fn a_full_segment_sent_three_times_without_an_answer_is_stuck() {
        let large = sent(&[
            (0, 1_460, 0),
            (1_460, 1_460, 0),
            (0, 1_460, 3),
            (0, 1_460, 9),
        ]);
        let stall = large.stall(Direction::ToClient).unwrap();
        assert_eq!((stall.size, stall.sent), (1_460, 3));
        assert_eq!((stall.first, stall.last), (at(0), at(9)));
        assert!(!stall.smaller_passed);
    }

    #[test]
    fn that_smaller_ones_passed_is_noted() {
        let mut large = sent(&[(0, 300, 0)]);
        large.acknowledged(300);
        for tenths in [1, 4, 10] {
            large.sent(300, 1_400, at(tenths));
        }
        large.acknowledged(300);
        assert!(large.stall(Direction::ToServer).unwrap().smaller_passed);
    }

    #[test]
    fn an_acknowledged_large_segment_ends_all_suspicion() {
        let mut large = sent(&[(0, 1_460, 0), (0, 1_460, 3), (0, 1_460, 9)]);
        large.acknowledged(1_460);
        for tenths in [20, 30, 40] {
            large.sent(1_460, 1_460, at(tenths));
        }
        assert_eq!(large.stall(Direction::ToClient), None);
    }

    #[test]
    fn a_sender_that_takes_to_smaller_segments_is_judged_anew() {
        let mut large = sent(&[(0, 1_460, 0), (0, 1_460, 3), (0, 1_460, 9), (0, 500, 20)]);
        large.acknowledged(500);
        large.acknowledged(1_460);
        assert_eq!(large.stall(Direction::ToClient), None);
    }

    #[test]
    fn copies_of_a_mirror_port_are_no_repetitions() {
        let large = sent(&[(0, 1_460, 0), (0, 1_460, 0), (0, 1_460, 0)]);
        assert_eq!(large.stall(Direction::ToClient), None);
    }

    #[test]
    fn small_segments_that_are_lost_are_no_matter_of_size() {
        let small = sent(&[(0, 400, 0), (0, 400, 3), (0, 400, 9), (0, 400, 21)]);
        assert_eq!(small.stall(Direction::ToServer), None);
    }
}
