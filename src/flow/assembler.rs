//! One direction of a TCP connection: segments to bytes in order.
//!
//! # Overlap policy
//!
//! The first copy of a byte wins, whether it was delivered or waits in the
//! buffer for a hole before it to be filled. A later copy is compared with
//! what is still held: the buffer, and the last [`HISTORY_LEN`] bytes
//! delivered while the consumer wants them all. Bytes that differ are counted
//! in [`Quality::conflicting_overlaps`], and the table makes an issue of the
//! first in each conversation: someone on the way may have injected a segment.
//! Real stacks differ here, so what the receiver saw is not known then.
//!
//! # Gaps
//!
//! A hole is declared a gap when
//! - the receiver acknowledged past it, so the bytes existed and only the
//!   capture lacks them. Captures reorder frames of the two directions, so a
//!   few more packets are awaited first ([`ACK_PATIENCE`], [`ACK_WAIT`]),
//!   unless the direction was never seen at all; segments that acknowledge
//!   what has not shown wait as long (`held.rs`);
//! - more than [`MAX_PENDING`] waits behind it, or [`MAX_PENDING_TOTAL`] in all
//!   conversations;
//! - the conversation ends.
//!
//! Bytes that the snaplen cut off are a gap at once.
//!
//! Spec: RFC 9293 §3.4 (sequence numbers), §3.8.4 (keep-alives), §3.8.6.1
//! (zero-window probes).

use crate::packet::Segment;
use crate::provenance::Sighting;

use super::pending::{Content, Pending, differing};
use super::{Close, CloseKind, Demand, Direction, Quality, StreamConsumer};

/// Bytes delivered that are kept to compare a second copy with: more than one
/// full segment, which is what an injected answer is worth.
pub(super) const HISTORY_LEN: usize = 2_048;

/// Packets of the conversation seen since the receiver acknowledged bytes that
/// did not show, before they are given up.
const ACK_PATIENCE: u8 = 16;

/// The same in nanoseconds of capture time: no capture reorders by a second.
const ACK_WAIT: i64 = 1_000_000_000;

/// Bytes waiting behind a hole per direction: a congestion window of a fast
/// line (1 Gbit/s, 30 ms) fits.
const MAX_PENDING: usize = 4 << 20;

/// Bytes waiting behind holes in all conversations together.
pub(super) const MAX_PENDING_TOTAL: usize = 16 << 20;

/// The largest window that TCP can offer (RFC 7323 §2.3); farther segments do
/// not belong to the stream.
pub(super) const MAX_WINDOW: u32 = 1 << 30;

/// State of one direction.
#[derive(Debug, Default)]
pub(super) struct Assembler {
    /// True when the sequence number of a byte of the stream is known.
    started: bool,
    /// Sequence number of the next byte due.
    sequence: u32,
    /// The same, counted from the first byte without wrapping.
    position: u64,
    skip: u64,
    nothing: bool,
    /// The position up to which the receiver acknowledged.
    acknowledged: u64,
    /// The receiver asked again for the byte due while later ones were there.
    asked_again: bool,
    overdue: u8,
    overdue_since: i64,
    /// Position and frame of the FIN; boxed, as every packet touches this.
    fin: Option<Box<(u64, Sighting)>>,
    closed: bool,
    /// What came ahead of a hole.
    pending: Pending,
    /// The last bytes delivered, up to `position`.
    history: Vec<u8>,
}

/// Where an assembler sends what it makes of a packet.
pub(super) struct Sink<'a, C> {
    pub(super) consumer: &'a mut C,
    pub(super) direction: Direction,
    pub(super) sighting: Sighting,
    pub(super) quality: &'a mut Quality,
    pub(super) closes: &'a mut Vec<Close>,
    /// Cost of the pieces waiting in all conversations.
    pub(super) pending_total: &'a mut usize,
}

impl Assembler {
    /// Sets the sequence number of the first byte.
    pub(super) fn start(&mut self, sequence: u32) {
        self.started = true;
        self.sequence = sequence;
    }

    pub(super) fn is_started(&self) -> bool {
        self.started
    }

    /// True when the first byte is the next one due.
    pub(super) fn is_at_start(&self) -> bool {
        self.started && self.position == 0
    }

    /// True when the stream's first byte seen, or acknowledged, has the number
    /// that follows a SYN with this one.
    pub(super) fn begins_after(&self, initial: u32) -> bool {
        let first = self.sequence.wrapping_sub(self.position as u32);
        self.started && first == initial.wrapping_add(1)
    }

    /// True when the byte at `sequence` is the next one due.
    pub(super) fn is_due(&self, sequence: u32) -> bool {
        self.started && self.sequence == sequence
    }

    /// True when the FIN came in order.
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Sequence number of the FIN, when it came in order.
    pub(super) fn fin(&self) -> Option<u32> {
        self.closed.then_some(self.sequence)
    }

    /// True when a sequence number is within a window of the stream.
    pub(super) fn is_near(&self, sequence: u32) -> bool {
        !self.started || self.distance(sequence).unsigned_abs() <= MAX_WINDOW
    }

    fn distance(&self, sequence: u32) -> i32 {
        sequence.wrapping_sub(self.sequence).cast_signed()
    }

    /// Takes the payload of a segment, whose first byte is at `sequence`.
    #[inline]
    pub(super) fn segment<C: StreamConsumer>(
        &mut self,
        sequence: u32,
        segment: &Segment<'_>,
        sink: &mut Sink<'_, C>,
    ) {
        let in_order = sequence == self.sequence && self.pending.is_empty();
        if in_order && segment.missing == 0 && !segment.flags.fin && self.fin.is_none() {
            self.deliver(segment.payload, sink);
        } else {
            self.segment_slowly(sequence, segment, sink);
        }
    }

    /// Takes bytes without a segment of their own.
    pub(super) fn bytes<C: StreamConsumer>(
        &mut self,
        sequence: u32,
        bytes: &[u8],
        sink: &mut Sink<'_, C>,
    ) {
        if self.is_due(sequence) {
            self.deliver(bytes, sink);
            self.drain(sink);
            self.settle(sink);
        }
    }

    fn segment_slowly<C: StreamConsumer>(
        &mut self,
        sequence: u32,
        segment: &Segment<'_>,
        sink: &mut Sink<'_, C>,
    ) {
        let length = segment.payload.len() as i64;
        if length == 0 && segment.missing == 0 && !segment.flags.fin {
            return;
        }
        sink.quality.cut_packets += u64::from(segment.missing > 0);
        let position = self.position.cast_signed();
        let start = position + i64::from(self.distance(sequence));
        let end = start + length + i64::from(segment.missing);
        let after_fin = self
            .fin
            .as_ref()
            .is_some_and(|fin| end > fin.0.cast_signed());
        if !self.is_near(sequence) || after_fin {
            sink.quality.strays += 1;
            return;
        }
        if segment.flags.fin && self.fin.is_none() && end >= position {
            self.fin = Some(Box::new((end.cast_unsigned(), sink.sighting)));
        }
        if start < position && length > 0 {
            // One byte before the next is a keep-alive; its value means nothing.
            if length > 1 || end != position {
                sink.quality.retransmissions += 1;
                self.compare_with_history(position - start, segment.payload, sink);
            }
        }
        if end > position {
            let old = usize::try_from((position - start).max(0)).unwrap_or(usize::MAX);
            let fresh = segment.payload.get(old..).unwrap_or_default();
            let cut = (end - start.max(position)).cast_unsigned() - fresh.len() as u64;
            self.fresh(start.max(position).cast_unsigned(), fresh, cut, sink);
        }
        self.settle(sink);
    }

    /// Takes bytes not before the position, and `cut` bytes lost behind them.
    fn fresh<C: StreamConsumer>(
        &mut self,
        start: u64,
        bytes: &[u8],
        cut: u64,
        sink: &mut Sink<'_, C>,
    ) {
        if start == self.position && self.pending.is_empty() {
            self.deliver(bytes, sink);
            self.gap(cut, sink);
            return;
        }
        let cut_start = start + bytes.len() as u64;
        self.hold(start, bytes.len() as u64, Some(bytes), sink);
        self.hold(cut_start, cut, None, sink);
        self.drain(sink);
    }

    /// Puts a range into the buffer; without bytes it was cut off.
    fn hold<C: StreamConsumer>(
        &mut self,
        start: u64,
        length: u64,
        bytes: Option<&[u8]>,
        sink: &mut Sink<'_, C>,
    ) {
        let unwanted_before = if self.nothing {
            u64::MAX
        } else {
            self.position + self.skip
        };
        let before = self.pending.cost();
        let held = self.pending.hold(start, length, bytes, unwanted_before);
        *sink.pending_total += self.pending.cost() - before;
        sink.quality.conflicting_overlaps += held.differing;
        sink.quality.retransmissions += u64::from(held.is_repeated && bytes.is_some());
    }

    /// Delivers what has become due.
    fn drain<C: StreamConsumer>(&mut self, sink: &mut Sink<'_, C>) {
        while let Some(piece) = self.pending.take_due(self.position) {
            *sink.pending_total -= piece.cost();
            match &piece.content {
                Content::Bytes(bytes) => self.deliver(bytes, sink),
                Content::Cut => self.gap(piece.length, sink),
                Content::Unwanted => {
                    sink.quality.bytes[sink.direction.index()] += piece.length;
                    self.advance(piece.length);
                    self.pass_over(piece.length, sink);
                }
            }
        }
    }

    /// Hands the next bytes on, unless the consumer passes over them.
    fn deliver<C: StreamConsumer>(&mut self, bytes: &[u8], sink: &mut Sink<'_, C>) {
        let length = bytes.len() as u64;
        sink.quality.bytes[sink.direction.index()] += length;
        self.advance(length);
        if self.nothing {
            return;
        }
        let skipped = self.pass_over(length, sink);
        let wanted = bytes.get(skipped as usize..).unwrap_or_default();
        if wanted.is_empty() {
            return;
        }
        match sink.consumer.bytes(sink.direction, wanted, sink.sighting) {
            Demand::More => self.remember(wanted),
            Demand::Skip(0) => self.remember(wanted),
            Demand::Skip(count) => {
                self.skip = count;
                self.history = Vec::new();
            }
            Demand::Nothing => {
                self.nothing = true;
                self.history = Vec::new();
            }
        }
    }

    /// Passes over bytes that the capture does not hold.
    fn gap<C: StreamConsumer>(&mut self, length: u64, sink: &mut Sink<'_, C>) {
        if length == 0 {
            return;
        }
        sink.quality.missing[sink.direction.index()] += length;
        self.advance(length);
        self.history.clear();
        let skipped = self.pass_over(length, sink);
        if !self.nothing && length > skipped {
            sink.consumer
                .gap(sink.direction, Some(length - skipped), sink.sighting);
        }
    }

    /// Takes what the consumer wants skipped off the next `length` bytes, and
    /// tells it how many went by.
    fn pass_over<C: StreamConsumer>(&mut self, length: u64, sink: &mut Sink<'_, C>) -> u64 {
        let skipped = self.skip.min(length);
        self.skip -= skipped;
        if skipped > 0 && !self.nothing {
            sink.consumer
                .skipped(sink.direction, skipped, sink.sighting);
        }
        skipped
    }

    fn advance(&mut self, length: u64) {
        self.position += length;
        // What is still missing gets the whole patience.
        self.overdue = 0;
        self.asked_again = false;
        // Sequence numbers are positions modulo 2³².
        self.sequence = self.sequence.wrapping_add(length as u32);
    }

    fn remember(&mut self, bytes: &[u8]) {
        if bytes.len() >= HISTORY_LEN {
            self.history.clear();
        } else if self.history.len() + bytes.len() > 2 * HISTORY_LEN {
            let old = self.history.len().saturating_sub(HISTORY_LEN);
            self.history.drain(..old);
        }
        let last = bytes.len().saturating_sub(HISTORY_LEN);
        self.history
            .extend_from_slice(bytes.get(last..).unwrap_or_default());
    }

    /// Compares a copy that starts `before` bytes before the position with
    /// the bytes delivered, as far as they are remembered.
    fn compare_with_history<C>(&self, before: i64, copy: &[u8], sink: &mut Sink<'_, C>) {
        let Ok(before) = usize::try_from(before) else {
            return;
        };
        let forgotten = before.saturating_sub(self.history.len());
        let from = self.history.len().saturating_sub(before);
        let first = self.history.get(from..).unwrap_or_default();
        let second = copy.get(forgotten..).unwrap_or_default();
        sink.quality.conflicting_overlaps += differing(first, second);
    }

    /// Takes the receiver's acknowledgment number.
    #[inline]
    pub(super) fn acknowledge(&mut self, acknowledgment: u32) {
        let ahead = self.distance(acknowledgment);
        self.asked_again |= ahead == 0 && !self.pending.is_empty();
        if ahead <= 0 || ahead.unsigned_abs() > MAX_WINDOW {
            return;
        }
        let mut position = self.position + u64::from(ahead.unsigned_abs());
        if let Some(fin) = &self.fin {
            position = position.min(fin.0);
        }
        self.acknowledged = self.acknowledged.max(position);
    }

    /// True when bytes are acknowledged that have not shown. A single byte
    /// with nothing behind it is taken for a FIN that was not captured.
    pub(super) fn is_overdue(&self) -> bool {
        self.acknowledged > self.position
            && !(self.acknowledged == self.position + 1 && self.pending.is_empty())
    }

    /// Counts a packet that went by while bytes were overdue; true when there
    /// were too many of them, or it took too long; at once when the direction
    /// is `unseen`, as no packet of it was ever captured.
    pub(super) fn is_waited_for_too_long(&mut self, unseen: bool, now: i64) -> bool {
        if !self.is_overdue() {
            self.overdue = 0;
            return false;
        }
        if self.overdue == 0 {
            self.overdue_since = now;
        }
        self.overdue = self.overdue.saturating_add(1);
        let waited = now.saturating_sub(self.overdue_since);
        unseen || self.overdue > ACK_PATIENCE || waited > ACK_WAIT
    }

    /// Gives up the bytes that were acknowledged and have not shown, at most
    /// up to a sequence number that is held elsewhere.
    pub(super) fn give_up_overdue<C: StreamConsumer>(
        &mut self,
        until: Option<u32>,
        sink: &mut Sink<'_, C>,
    ) {
        self.overdue = 0;
        let ahead = until.map(|until| u64::try_from(self.distance(until)).unwrap_or(0));
        let limit = ahead.map_or(u64::MAX, |ahead| self.position + ahead);
        while self.is_overdue() && self.position < limit {
            self.give_up_until(self.acknowledged.min(limit), sink);
        }
        self.settle(sink);
    }

    /// True when an acknowledgment number is ahead of what has shown. One
    /// ahead is a FIN that was not captured, as in [`Self::is_overdue`].
    pub(super) fn lacks(&self, acknowledgment: u32) -> bool {
        let ahead = self.distance(acknowledgment);
        if !self.started || ahead <= 0 || ahead.unsigned_abs() > MAX_WINDOW {
            return false;
        }
        let mut position = self.position + u64::from(ahead.unsigned_abs());
        if let Some(fin) = &self.fin {
            position = position.min(fin.0);
        }
        position > self.position && !(position == self.position + 1 && self.pending.is_empty())
    }

    /// Declares the hole at the position a gap, up to `position` or the first
    /// piece that waits, and delivers what follows.
    fn give_up_until<C: StreamConsumer>(&mut self, position: u64, sink: &mut Sink<'_, C>) {
        let first = self.pending.start().unwrap_or(position).min(position);
        self.gap(first.saturating_sub(self.position), sink);
        self.drain(sink);
    }

    /// Keeps the buffer within its limits, and reports a FIN that is due.
    fn settle<C: StreamConsumer>(&mut self, sink: &mut Sink<'_, C>) {
        if self.acknowledged <= self.position {
            self.overdue = 0;
        }
        while !self.pending.is_empty()
            && (self.pending.cost() > MAX_PENDING || *sink.pending_total > MAX_PENDING_TOTAL)
        {
            self.give_up_until(u64::MAX, sink);
        }
        if let Some(fin) = &self.fin
            && self.position >= fin.0
            && !self.closed
        {
            self.closed = true;
            let close = Close {
                by: sink.direction,
                how: CloseKind::Fin,
                sighting: fin.1,
            };
            sink.closes.push(close);
            sink.consumer.closed(&close);
        }
    }

    /// Length of the hole that the receiver has too: it asked for these bytes
    /// again while later ones were there, and never acknowledged them.
    pub(super) fn lost_on_the_way(&self) -> Option<u64> {
        let first = self.pending.start()?;
        let lost = self.asked_again && self.acknowledged <= self.position;
        lost.then(|| first.saturating_sub(self.position))
    }

    /// Ends the stream: all holes become gaps.
    pub(super) fn finish<C: StreamConsumer>(&mut self, sink: &mut Sink<'_, C>) {
        while !self.pending.is_empty() {
            self.give_up_until(u64::MAX, sink);
        }
        if self.is_overdue() {
            self.give_up_until(self.acknowledged, sink);
        }
        if let Some(fin) = self.fin.as_ref().map(|fin| fin.0) {
            self.give_up_until(fin, sink);
        }
        self.settle(sink);
    }
}
