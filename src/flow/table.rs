//! The table of live conversations.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::issue::Issue;
use crate::packet::{Packet, Segment, Transport, Unreachable};
use crate::provenance::{EvidenceId, Sighting};

use super::closed::{Closed, Late};
use super::connect::{Answer, Connect};
use super::connection::{Connection, nanoseconds};
use super::fragments::{Fragments, Whole};
use super::halves::Halves;
use super::key::{End, FlowKey, KeyHash};
use super::letting_go::{CONNECT_AGE, LINGER, MAX_CONNECTIONS, Over};
use super::opening::Opening;
use super::reuse::Belongs;
use super::{Conversation, ConversationId, Reply, StreamConsumer, Unanswered};

/// Takes packets in capture order and keeps one consumer per conversation.
///
/// Captures that follow one another at one vantage point go through one
/// table. Call [`FlowTable::take_ended`] and [`FlowTable::take_unanswered`]
/// now and then, and [`FlowTable::finish`] once; the order of what they return
/// depends on the packets only.
pub struct FlowTable<C: StreamConsumer> {
    pub(super) vantage: u32,
    next_id: u64,
    make: Box<dyn FnMut(ConversationId) -> C + Send>,
    pub(super) slots: Vec<Option<Box<Connection<C>>>>,
    pub(super) free: Vec<usize>,
    pub(super) connections: HashMap<FlowKey, usize, KeyHash>,
    pub(super) connects: Halves<Connect>,
    /// Connections handed out of which packets may still come.
    pub(super) closed: Halves<Closed>,
    pub(super) late: Vec<Late>,
    /// The connection of the last packet, often that of the next.
    pub(super) recent: Option<(FlowKey, usize)>,
    fragments: Fragments,
    /// Connections closed by both sides, in order, with the time to let go of
    /// them.
    pub(super) closing: Over,
    /// Those that are over in another way.
    pub(super) aborted: Over,
    pub(super) ended: Vec<(Conversation, C)>,
    pub(super) unanswered: Vec<Unanswered>,
    pub(super) pending_total: usize,
    pub(super) swept_at: i64,
    pub(super) pushed_since: usize,
    pub(super) evidence: EvidenceId,
    pub(super) issues: Vec<Issue>,
    conflicts: u64,
    pub(super) evicted: u64,
}

/// Conflicting overlaps listed as issues; the counts of the rest are in each
/// conversation's quality.
const MAX_CONFLICT_ISSUES: u64 = 20;

impl<C: StreamConsumer> FlowTable<C> {
    /// A table for one vantage point. Conversations are numbered from
    /// `first_id`; pass [`FlowTable::next_id`] of the table before.
    pub fn new(
        vantage: u32,
        first_id: u64,
        make: impl FnMut(ConversationId) -> C + Send + 'static,
    ) -> Self {
        FlowTable {
            vantage,
            next_id: first_id,
            make: Box::new(make),
            slots: Vec::new(),
            free: Vec::new(),
            connections: HashMap::default(),
            connects: Halves::new(CONNECT_AGE),
            closed: Halves::new(LINGER),
            late: Vec::new(),
            recent: None,
            fragments: Fragments::default(),
            closing: Over::new(),
            aborted: Over::new(),
            ended: Vec::new(),
            unanswered: Vec::new(),
            pending_total: 0,
            swept_at: i64::MIN,
            pushed_since: 0,
            evidence: EvidenceId(0),
            issues: Vec::new(),
            conflicts: 0,
            evicted: 0,
        }
    }

    /// The number that the next conversation will have.
    #[must_use]
    pub fn next_id(&self) -> u64 {
        self.next_id
    }

    /// Takes one packet. UDP is no conversation and is ignored; a datagram
    /// that a fragment completed is returned, for the caller cannot have seen
    /// it (TCP and ICMP put together from fragments are taken here).
    pub fn push(&mut self, packet: &Packet<'_>, sighting: Sighting) -> Option<Whole> {
        let now = nanoseconds(sighting);
        self.evidence = sighting.evidence;
        self.pushed_since += 1;
        if self.is_sweep_due(now) {
            self.sweep(now);
        }
        if let Transport::Fragment(fragment) = &packet.transport {
            let whole = self.fragments.push(packet, fragment, now)?;
            if let Ok(packet) = whole.packet() {
                self.transport(&packet, sighting);
            }
            return Some(whole);
        }
        self.transport(packet, sighting);
        None
    }

    fn transport(&mut self, packet: &Packet<'_>, sighting: Sighting) {
        match &packet.transport {
            Transport::Tcp(segment) => {
                let source = (packet.source, segment.source_port);
                let destination = (packet.destination, segment.destination_port);
                let (key, sender) = FlowKey::new(source, destination);
                self.segment(key, sender, segment, sighting);
                if segment.flags.syn && segment.flags.ack {
                    let reply = Reply {
                        ttl: packet.ttl,
                        maximum_segment_size: segment.maximum_segment_size,
                    };
                    self.note_reply(&key, sender, reply);
                }
            }
            Transport::Unreachable(error) => self.unreachable(error, packet.source, sighting),
            _ => {}
        }
    }

    fn segment(&mut self, key: FlowKey, sender: End, segment: &Segment<'_>, at: Sighting) {
        let Some(slot) = self.slot(&key) else {
            self.unconnected(key, sender, segment, at);
            return;
        };
        let Some(connection) = self.slots.get_mut(slot).and_then(Option::as_mut) else {
            return;
        };
        match connection.belongs(sender, segment, at) {
            Belongs::Here => self.feed(slot, sender, segment, at),
            Belongs::Later(None) => {
                self.retire(slot);
                self.unconnected(key, sender, segment, at);
            }
            Belongs::Later(Some(syn)) => {
                self.retire(slot);
                let id = self.new_id();
                let connect = Connect::new(id, syn.sender, syn.sequence, syn.sighting);
                let slot = self.connect(key, id, connect.opening());
                self.feed(slot, sender, segment, at);
            }
        }
    }

    #[cold]
    fn note_reply(&mut self, key: &FlowKey, sender: End, reply: Reply) {
        let slot = self.slot(key).and_then(|slot| self.slots.get_mut(slot));
        if let Some(connection) = slot.and_then(Option::as_mut) {
            connection.note_reply(sender, reply);
        }
    }

    #[inline]
    fn slot(&mut self, key: &FlowKey) -> Option<usize> {
        if let Some((recent, slot)) = &self.recent
            && recent == key
        {
            return Some(*slot);
        }
        let slot = *self.connections.get(key)?;
        self.recent = Some((*key, slot));
        Some(slot)
    }

    #[inline]
    fn feed(&mut self, slot: usize, sender: End, segment: &Segment<'_>, at: Sighting) {
        let Some(connection) = self.slots.get_mut(slot).and_then(Option::as_mut) else {
            return;
        };
        let was_over = connection.is_over();
        let had_conflicts = connection.has_conflicts();
        connection.segment(sender, segment, at, &mut self.pending_total);
        let conflict = !had_conflicts && connection.has_conflicts();
        if !was_over && connection.is_over() {
            self.note_over(slot, at);
        }
        if conflict {
            self.conflict(at);
        }
    }

    /// Takes a segment of a connection that was closed and handed out.
    fn comes_late(
        &mut self,
        key: FlowKey,
        sender: End,
        segment: &Segment<'_>,
        at: Sighting,
    ) -> bool {
        let Some(closed) = self.closed.of(&key) else {
            return false;
        };
        if closed.takes(sender, segment, at) {
            return true;
        }
        let closed = self.closed.remove(&key);
        self.late.extend(closed.and_then(Closed::into_late));
        false
    }

    /// Takes a segment of no connection: a SYN begins or repeats a connect,
    /// anything else shows a connection.
    #[cold]
    fn unconnected(&mut self, key: FlowKey, sender: End, segment: &Segment<'_>, at: Sighting) {
        if self.comes_late(key, sender, segment, at) {
            return;
        }
        if let Some(connect) = self.connects.of(&key) {
            let answer = connect.segment(&key, sender, segment, at);
            if answer == Answer::Taken {
                return;
            }
            let Some(connect) = self.connects.remove(&key) else {
                return;
            };
            if answer == Answer::Connected {
                let slot = self.connect(key, connect.id, connect.opening());
                self.feed(slot, sender, segment, at);
                return;
            }
            self.end_connect(key, connect);
        }
        let id = self.new_id();
        let flags = segment.flags;
        if flags.syn && !flags.ack && !flags.rst && segment.payload.is_empty() {
            self.connects
                .insert(key, Connect::new(id, sender, segment.sequence, at));
            let now = nanoseconds(at);
            if self.connects.is_due(now) {
                self.end_older_connects(now);
            }
            return;
        }
        let opening = Opening::new(&key, sender, segment, at);
        let slot = self.connect(key, id, opening);
        self.feed(slot, sender, segment, at);
    }

    fn new_id(&mut self) -> ConversationId {
        let id = ConversationId(self.next_id);
        self.next_id += 1;
        id
    }

    /// Adds a connection and returns its slot.
    fn connect(&mut self, key: FlowKey, id: ConversationId, opening: Opening) -> usize {
        if self.connections.len() >= MAX_CONNECTIONS {
            self.evict_connections();
        }
        let consumer = (self.make)(id);
        let connection = Some(Box::new(Connection::new(key, id, opening, consumer)));
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                self.slots.push(None);
                self.slots.len() - 1
            }
        };
        if let Some(place) = self.slots.get_mut(slot) {
            *place = connection;
        }
        self.connections.insert(key, slot);
        self.recent = Some((key, slot));
        slot
    }

    fn unreachable(&mut self, error: &Unreachable, from: IpAddr, at: Sighting) {
        const TCP: u8 = 6;
        let (Some(source), Some(destination), TCP) =
            (error.source_port, error.destination_port, error.protocol)
        else {
            return;
        };
        let (key, sender) = FlowKey::new((error.source, source), (error.destination, destination));
        if let Some(slot) = self.slot(&key) {
            if let Some(connection) = self.slots.get_mut(slot).and_then(Option::as_mut) {
                connection.unreachable(sender, error, from, at);
            }
            return;
        }
        if let Some(connect) = self.connects.of(&key) {
            connect.unreachable(sender, error, from, at);
        }
    }

    #[cold]
    pub(super) fn conflict(&mut self, at: Sighting) {
        self.conflicts += 1;
        let effect = match self.conflicts {
            ..MAX_CONFLICT_ISSUES => "the first copy is used; what the receiver used is not known",
            MAX_CONFLICT_ISSUES => {
                "the first copy is used; further conversations like this are not listed"
            }
            _ => return,
        };
        let place = format!("packet {}", at.packet);
        let what = "a TCP segment repeats bytes with other values";
        self.issues
            .push(Issue::new(at.evidence, place, what, effect));
    }

    /// The conversations that have ended since the last call.
    pub fn take_ended(&mut self) -> Vec<(Conversation, C)> {
        std::mem::take(&mut self.ended)
    }

    /// The connects given up since the last call, in order of their first SYN
    /// except where a port was used again.
    pub fn take_unanswered(&mut self) -> Vec<Unanswered> {
        std::mem::take(&mut self.unanswered)
    }

    /// What late packets add to conversations that were handed out, of those
    /// of which no more will come, in no order.
    pub fn take_late(&mut self) -> Vec<Late> {
        std::mem::take(&mut self.late)
    }

    /// Ends all conversations; returns those not yet taken, sorted by first
    /// sighting. Then the issues, the unanswered connects and what came
    /// late are complete.
    pub fn finish(&mut self) -> Vec<(Conversation, C)> {
        for slot in 0..self.slots.len() {
            self.retire(slot);
        }
        for _ in 0..2 {
            self.end_older_connects(i64::MAX);
            self.forget_older_closed(i64::MAX);
        }
        self.fragments.finish();
        let (incomplete, contradictory) = (self.fragments.incomplete, self.fragments.contradictory);
        if incomplete > 0 {
            let what = format!("{incomplete} fragmented packets are not complete");
            self.issues.push(Issue::new(
                self.evidence,
                "capture",
                what,
                "they are not read",
            ));
        }
        if contradictory > 0 {
            let what = format!("{contradictory} fragmented packets contradict themselves");
            self.issues.push(Issue::new(
                self.evidence,
                "capture",
                what,
                "they are not read",
            ));
        }
        let mut ended = self.take_ended();
        ended.sort_unstable_by_key(|(conversation, _)| (conversation.first, conversation.id));
        ended
    }

    /// The problems met since the last call.
    pub fn take_issues(&mut self) -> Vec<Issue> {
        std::mem::take(&mut self.issues)
    }
}
