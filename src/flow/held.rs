//! Segments that came before what they answer.
//!
//! Captures of several queues or of two lines write frames of the two
//! directions out of order, so that an answer stands before its request. Its
//! acknowledgment number gives it away: it acknowledges bytes that have not
//! shown. Such segments wait until those bytes come or are given up.

use std::collections::VecDeque;

use crate::packet::Segment;
use crate::provenance::Sighting;

use super::Direction;

/// Segments waiting in one connection, in capture order.
#[derive(Debug, Default)]
pub(super) struct Held {
    segments: VecDeque<HeldSegment>,
    cost: usize,
}

/// A segment that outlives its frame.
#[derive(Debug)]
pub(super) struct HeldSegment {
    pub(super) direction: Direction,
    pub(super) at: Sighting,
    /// Sequence number of the first payload byte.
    pub(super) first_byte: u32,
    segment: Segment<'static>,
    payload: Box<[u8]>,
}

impl HeldSegment {
    pub(super) fn acknowledgment(&self) -> u32 {
        self.segment.acknowledgment
    }

    /// The segment as it was.
    pub(super) fn segment(&self) -> Segment<'_> {
        Segment {
            payload: &self.payload,
            ..self.segment.clone()
        }
    }

    /// What it costs besides its bytes is counted too, as segments of one byte
    /// could else fill the memory unnoticed.
    fn cost(&self) -> usize {
        size_of::<HeldSegment>() + self.payload.len()
    }
}

impl Held {
    pub(super) fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.segments.len()
    }

    /// The direction whose bytes the first one waits for.
    pub(super) fn awaited(&self) -> Option<Direction> {
        self.segments.front().map(|held| held.direction.reverse())
    }

    /// Sequence number of the first byte held of a direction.
    pub(super) fn first_byte(&self, direction: Direction) -> Option<u32> {
        let mut own = self
            .segments
            .iter()
            .filter(|held| held.direction == direction);
        own.next().map(|held| held.first_byte)
    }

    /// Memory that all of them take.
    pub(super) fn cost(&self) -> usize {
        self.cost
    }

    /// Puts one at the end.
    pub(super) fn hold(
        &mut self,
        direction: Direction,
        first_byte: u32,
        segment: &Segment<'_>,
        at: Sighting,
    ) {
        let payload = segment.payload.into();
        let segment = Segment {
            payload: &[],
            ..segment.clone()
        };
        let held = HeldSegment {
            direction,
            at,
            first_byte,
            segment,
            payload,
        };
        self.cost += held.cost();
        self.segments.push_back(held);
    }

    /// Takes out the first that `is_due`.
    pub(super) fn take(&mut self, is_due: impl Fn(&HeldSegment) -> bool) -> Option<HeldSegment> {
        let index = self.segments.iter().position(is_due)?;
        let held = self.segments.remove(index)?;
        self.cost -= held.cost();
        Some(held)
    }
}
