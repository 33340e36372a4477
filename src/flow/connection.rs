//! A TCP connection: its opening, both directions, its close.

use crate::packet::Segment;
use crate::provenance::Sighting;

use super::assembler::{Assembler, MAX_PENDING_TOTAL, Sink};
use super::connect::is_copy;
use super::held::Held;
use super::key::{End, FlowKey};
use super::opening::{Opening, Syn};
use super::stall::LargeSegment;
use super::{
    Close, ConversationId, Direction, IcmpError, MAX_SYNS, Quality, Refusal, Reply, RoleBasis,
    StreamConsumer,
};

/// A connection and what consumes its bytes.
#[derive(Debug)]
pub(super) struct Connection<C> {
    pub(super) key: FlowKey,
    pub(super) id: ConversationId,
    pub(super) live: Live,
    pub(super) role_basis: RoleBasis,
    pub(super) consumer: C,
    pub(super) syns: Vec<Sighting>,
    pub(super) syn_ack: Option<Sighting>,
    pub(super) reply: Option<Reply>,
    /// Sequence numbers of the SYN and the SYN-ACK.
    pub(super) initial: [Option<u32>; 2],
    /// Payload of the SYN, until the server takes or leaves it.
    early: Option<Box<[u8]>>,
    /// A SYN that fits no running connection: the next one's, if answered.
    pub(super) next_syn: Option<Syn>,
    pub(super) refusal: Option<Refusal>,
    pub(super) first: Sighting,
    pub(super) closes: Vec<Close>,
    pub(super) icmp_errors: Vec<IcmpError>,
}

/// What every packet touches, kept together for the sake of the cache.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) last: Sighting,
    /// Capture time of the last packet, in nanoseconds.
    pub(super) last_seen: i64,
    pub(super) client: End,
    pub(super) reset: bool,
    pub(super) quality: Quality,
    pub(super) streams: [Assembler; 2],
    /// Whether large segments get through, per direction.
    pub(super) large: [LargeSegment; 2],
    /// Segments that came before what they answer.
    held: Held,
}

impl<C: StreamConsumer> Connection<C> {
    pub(super) fn new(key: FlowKey, id: ConversationId, opening: Opening, consumer: C) -> Self {
        let mut streams = [Assembler::default(), Assembler::default()];
        if let Some(sequence) = opening.sequence {
            streams[0].start(sequence.wrapping_add(1));
        }
        Connection {
            key,
            id,
            live: Live {
                last: opening.last,
                last_seen: nanoseconds(opening.last),
                client: opening.client,
                reset: false,
                quality: Quality {
                    packets: opening.packets,
                    ..Quality::default()
                },
                streams,
                large: Default::default(),
                held: Held::default(),
            },
            role_basis: opening.role_basis,
            consumer,
            syns: opening.syns,
            syn_ack: None,
            reply: None,
            initial: [opening.sequence, None],
            early: None,
            next_syn: None,
            refusal: opening.refusal,
            first: opening.first,
            closes: opening.closes,
            icmp_errors: opening.icmp_errors,
        }
    }

    /// Capture time of the last packet, in nanoseconds.
    pub(super) fn last_seen(&self) -> i64 {
        self.live.last_seen
    }

    /// True when both sides have closed, or one has reset, or the only side
    /// ever captured has closed.
    pub(super) fn is_over(&self) -> bool {
        let over = |side: usize| {
            self.live.streams[side].is_closed() || self.live.quality.packets[side] == 0
        };
        self.live.reset || (over(0) && over(1))
    }

    /// Sequence numbers of the FINs of the low and the high end, when both came
    /// in order.
    pub(super) fn fins(&self) -> Option<[u32; 2]> {
        let of = |end| self.live.streams[self.direction(end).index()].fin();
        Some([of(End::Low)?, of(End::High)?])
    }

    /// True when bytes that differ from their first copy were met.
    pub(super) fn has_conflicts(&self) -> bool {
        self.live.quality.conflicting_overlaps > 0
    }

    pub(super) fn direction(&self, sender: End) -> Direction {
        if sender == self.live.client {
            Direction::ToServer
        } else {
            Direction::ToClient
        }
    }

    /// Takes what a SYN-ACK tells of its sender besides what its segment does.
    pub(super) fn note_reply(&mut self, sender: End, reply: Reply) {
        if sender != self.live.client && self.syn_ack.is_some() {
            self.reply.get_or_insert(reply);
        }
    }

    /// Takes a segment.
    #[inline]
    pub(super) fn segment(
        &mut self,
        sender: End,
        segment: &Segment<'_>,
        at: Sighting,
        pending_total: &mut usize,
    ) {
        let direction = self.direction(sender);
        let side = direction.index();
        self.live.last = at;
        if self.live.streams[side].is_near(segment.sequence) {
            self.live.last_seen = nanoseconds(at);
        }
        self.live.quality.packets[side] += 1;
        let mut first_byte = segment.sequence;
        if segment.flags.syn {
            if !self.syn(direction, segment, at, pending_total) {
                return;
            }
            first_byte = first_byte.wrapping_add(1);
        }
        if segment.flags.rst {
            self.rst(direction, segment, at, pending_total);
            return;
        }
        if !self.live.streams[side].is_started() {
            self.start_in_the_middle(direction, first_byte, at);
        }
        if segment.flags.ack {
            self.acknowledge(direction, segment, at);
        }
        let length = segment.payload.len() as u32 + segment.missing;
        if length > 0 {
            self.live.large[side].sent(first_byte, length, at);
        }
        let streams = &self.live.streams;
        let waits =
            !self.live.held.is_empty() || streams[0].is_overdue() || streams[1].is_overdue();
        if waits || self.comes_early(direction, segment) {
            self.segment_out_of_step(direction, first_byte, segment, at, pending_total);
        } else {
            let (stream, mut sink) = self.stream(direction, at, pending_total);
            stream.segment(first_byte, segment, &mut sink);
        }
    }

    /// Takes a segment while one waits for another, of this direction or the other.
    #[cold]
    fn segment_out_of_step(
        &mut self,
        direction: Direction,
        first_byte: u32,
        segment: &Segment<'_>,
        at: Sighting,
        pending_total: &mut usize,
    ) {
        for which in [direction.reverse(), direction] {
            // Bytes of the other direction may be among those held.
            let awaited = self
                .live
                .held
                .awaited()
                .is_none_or(|awaited| awaited == which);
            let unseen = self.live.quality.packets[which.index()] == 0;
            let stream = &mut self.live.streams[which.index()];
            if awaited && stream.is_waited_for_too_long(unseen, nanoseconds(at)) {
                self.give_up_overdue(which, at, pending_total);
            }
        }
        self.release(false, pending_total);
        if self.comes_early(direction, segment) {
            let before = self.live.held.cost();
            self.live.held.hold(direction, first_byte, segment, at);
            *pending_total += self.live.held.cost() - before;
        } else {
            let (stream, mut sink) = self.stream(direction, at, pending_total);
            stream.segment(first_byte, segment, &mut sink);
        }
        let too_many = *pending_total > MAX_PENDING_TOTAL;
        self.release(too_many, pending_total);
    }

    /// True for a segment that acknowledges bytes which have not shown yet,
    /// though their direction was captured.
    fn comes_early(&self, direction: Direction, segment: &Segment<'_>) -> bool {
        let other = direction.reverse().index();
        let says_something =
            !segment.payload.is_empty() || segment.missing > 0 || segment.flags.fin;
        says_something
            && segment.flags.ack
            && self.live.streams[other].lacks(segment.acknowledgment)
            && self.live.quality.packets[other] > 0
    }

    /// Delivers the held segments whose wait is over, or all of them.
    fn release(&mut self, all: bool, pending_total: &mut usize) {
        while !self.live.held.is_empty() {
            let before = self.live.held.cost();
            let streams = &self.live.streams;
            let due = self.live.held.take(|held| {
                let other = held.direction.reverse().index();
                all || !streams[other].lacks(held.acknowledgment())
            });
            let Some(held) = due else { return };
            *pending_total -= before - self.live.held.cost();
            let (stream, mut sink) = self.stream(held.direction, held.at, pending_total);
            stream.segment(held.first_byte, &held.segment(), &mut sink);
        }
    }

    /// Gives up bytes of one direction that were acknowledged and have not
    /// shown, up to those held, and delivers what waited for them.
    fn give_up_overdue(&mut self, which: Direction, at: Sighting, pending_total: &mut usize) {
        let (count, until) = (self.live.held.len(), self.live.held.first_byte(which));
        let (stream, mut sink) = self.stream(which, at, pending_total);
        stream.give_up_overdue(until, &mut sink);
        self.release(false, pending_total);
        if self.live.held.len() == count {
            // They wait for each other, which only made-up numbers can bring about.
            self.release(true, pending_total);
        }
    }

    /// Ends all waiting of held segments.
    pub(super) fn end_wait(&mut self, at: Sighting, pending_total: &mut usize) {
        while let Some(awaited) = self.live.held.awaited() {
            self.give_up_overdue(awaited, at, pending_total);
        }
    }

    pub(super) fn stream<'a>(
        &'a mut self,
        direction: Direction,
        at: Sighting,
        pending_total: &'a mut usize,
    ) -> (&'a mut Assembler, Sink<'a, C>) {
        let sink = Sink {
            consumer: &mut self.consumer,
            direction,
            sighting: at,
            quality: &mut self.live.quality,
            closes: &mut self.closes,
            pending_total,
        };
        (&mut self.live.streams[direction.index()], sink)
    }

    /// Takes a SYN or SYN-ACK; false when it is none of this connection's.
    #[cold]
    fn syn(
        &mut self,
        direction: Direction,
        segment: &Segment<'_>,
        at: Sighting,
        pending_total: &mut usize,
    ) -> bool {
        let side = direction.index();
        match self.initial[side] {
            Some(known) if known != segment.sequence => {
                self.live.quality.strays += 1;
                return false;
            }
            Some(_) => self.live.quality.retransmissions += u64::from(self.is_answered(direction)),
            None if self.live.streams[side].is_started()
                && !self.live.streams[side].begins_after(segment.sequence) =>
            {
                self.live.quality.strays += 1;
                return false;
            }
            None => {
                self.initial[side] = Some(segment.sequence);
                if !self.live.streams[side].is_started() {
                    self.live.streams[side].start(segment.sequence.wrapping_add(1));
                }
            }
        }
        if segment.flags.ack == (direction == Direction::ToClient) {
            self.role_basis = RoleBasis::Handshake;
        }
        if direction == Direction::ToServer && !segment.flags.ack {
            let is_copy = self.syns.last().is_some_and(|last| is_copy(*last, at));
            if self.syns.len() < MAX_SYNS && !is_copy {
                self.syns.push(at);
            }
            if self.early.is_none() && !segment.payload.is_empty() && self.syn_ack.is_none() {
                let kept = segment
                    .payload
                    .get(..MAX_EARLY as usize)
                    .unwrap_or(segment.payload);
                self.early = Some(kept.into());
            }
            return false;
        }
        if direction == Direction::ToClient && segment.flags.ack {
            self.syn_ack.get_or_insert(at);
            // A refusal that a later try overcame is none.
            self.refusal = None;
            self.acknowledge(direction, segment, at);
            self.take_early(segment.acknowledgment, at, pending_total);
            return false;
        }
        segment.flags.ack
    }

    fn is_answered(&self, direction: Direction) -> bool {
        direction == Direction::ToClient || self.syn_ack.is_some()
    }

    /// Delivers the payload of the SYN if the server acknowledged all of it;
    /// else the client will send it again (RFC 7413 §3).
    fn take_early(&mut self, acknowledgment: u32, at: Sighting, pending_total: &mut usize) {
        let (Some(early), Some(initial)) = (self.early.take(), self.initial[0]) else {
            return;
        };
        let first_byte = initial.wrapping_add(1);
        if acknowledgment.wrapping_sub(first_byte) as usize == early.len() {
            let (stream, mut sink) = self.stream(Direction::ToServer, at, pending_total);
            stream.bytes(first_byte, &early, &mut sink);
        }
    }

    #[cold]
    fn start_in_the_middle(&mut self, direction: Direction, sequence: u32, at: Sighting) {
        self.live.streams[direction.index()].start(sequence);
        self.consumer.gap(direction, None, at);
    }

    /// Takes an acknowledgment for the other direction. If that one was not
    /// seen yet its next byte is the one acknowledged: the first one when the
    /// client answers a SYN-ACK (not captured) before sending anything, or the
    /// server a SYN.
    #[inline]
    fn acknowledge(&mut self, direction: Direction, segment: &Segment<'_>, at: Sighting) {
        let other = direction.reverse();
        self.live.large[other.index()].acknowledged(segment.acknowledgment);
        if self.live.streams[other.index()].is_started() {
            self.live.streams[other.index()].acknowledge(segment.acknowledgment);
        } else {
            self.acknowledge_first(direction, segment, at);
        }
    }

    #[cold]
    fn acknowledge_first(&mut self, direction: Direction, segment: &Segment<'_>, at: Sighting) {
        let other = direction.reverse();
        let opening = match direction {
            Direction::ToServer => {
                let own = &self.live.streams[0];
                self.initial[0].is_some() && own.is_at_start() && own.is_due(segment.sequence)
            }
            Direction::ToClient => segment.flags.syn,
        };
        if opening {
            self.live.streams[other.index()].start(segment.acknowledgment);
        } else {
            self.start_in_the_middle(other, segment.acknowledgment, at);
        }
    }
}

/// Payload kept of a SYN; fast open carries up to one segment.
pub(super) const MAX_EARLY: u32 = 1_460;

/// Capture time as the table compares it; years beyond 2262 are all alike.
pub(super) fn nanoseconds(at: Sighting) -> i64 {
    i64::try_from(at.at.unix_nanoseconds()).unwrap_or(i64::MAX)
}
