//! The table of live conversations.

use std::collections::{HashMap, VecDeque};
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
    vantage: u32,
    next_id: u64,
    make: Box<dyn FnMut(ConversationId) -> C + Send>,
    slots: Vec<Option<Box<Connection<C>>>>,
    free: Vec<usize>,
    connections: HashMap<FlowKey, usize, KeyHash>,
    connects: Halves<Connect>,
    /// Connections handed out of which packets may still come.
    closed: Halves<Closed>,
    late: Vec<Late>,
    /// The connection of the last packet, often that of the next.
    recent: Option<(FlowKey, usize)>,
    fragments: Fragments,
    /// Connections closed by both sides, in order, with the time to let go of
    /// them.
    closing: Over,
    /// Those that are over in another way.
    aborted: Over,
    ended: Vec<(Conversation, C)>,
    unanswered: Vec<Unanswered>,
    pending_total: usize,
    swept_at: i64,
    pushed_since: usize,
    evidence: EvidenceId,
    issues: Vec<Issue>,
    conflicts: u64,
    evicted: u64,
}

/// The time to let go of a connection, its slot and its number.
type Over = VecDeque<(i64, usize, ConversationId)>;

/// Live connections held; beyond it the longest idle ones are ended. A busy
/// server has tens of thousands; each costs about a kilobyte.
const MAX_CONNECTIONS: usize = 65_536;

/// Idle connections are ended after this many nanoseconds, so that memory
/// grows with live ones only …
const MAX_IDLE: i64 = 600_000_000_000;

/// … but not while there are so few: a quiet long poll is then kept whole.
const FEW_CONNECTIONS: usize = 4_096;

/// A connection that both sides closed is kept whole for a second, as no
/// capture reorders by more …
const SETTLE: i64 = 1_000_000_000;

/// … and in a few bytes for its last retransmissions. One that was reset may
/// go on, if the reset was forged, and is kept whole for as long.
const LINGER: i64 = 30_000_000_000;

/// Connections kept whole although they are over, of each kind.
const MAX_OVER: usize = 16_384;

/// The age from which unanswered connects are ended: Linux sends its last SYN
/// after 63 s and gives up after 127 s, Windows after 21 s.
const CONNECT_AGE: i64 = 130_000_000_000;

/// Time between two searches for idle ones.
const SWEEP_EVERY: i64 = 10_000_000_000;

/// A search waits for one packet per this many entries searched, so that a
/// capture whose clock jumps at every packet costs no more than another.
const SWEEP_SHARE: usize = 16;

/// Conflicting overlaps listed as issues; the counts of the rest are in each
/// conversation's quality.
const MAX_CONFLICT_ISSUES: u64 = 20;

/// The first one that is due, or has to go as there are too many.
fn first_over(over: &mut Over, now: i64) -> Option<(usize, ConversationId)> {
    let (until, slot, id) = *over.front()?;
    let is_due = until <= now || over.len() > MAX_OVER;
    is_due.then(|| {
        over.pop_front();
        (slot, id)
    })
}

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
        if now.saturating_sub(self.swept_at).saturating_abs() >= SWEEP_EVERY
            && self.pushed_since >= self.live() / SWEEP_SHARE
        {
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

    /// Notes that a connection is over, until it is let go of.
    #[cold]
    fn note_over(&mut self, slot: usize, at: Sighting) {
        let Some(connection) = self.slots.get(slot).and_then(Option::as_ref) else {
            return;
        };
        let (now, id) = (nanoseconds(at), connection.id);
        if connection.fins().is_some() {
            let until = now.saturating_add(SETTLE);
            self.closing.push_back((until, slot, id));
        } else {
            let until = now.saturating_add(LINGER);
            self.aborted.push_back((until, slot, id));
        }
        self.let_go(now);
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

    /// Ends what is over and what is idle.
    #[cold]
    fn sweep(&mut self, now: i64) {
        self.swept_at = now;
        self.pushed_since = 0;
        self.let_go(now);
        let idle = |last_seen: i64, limit: i64| now.saturating_sub(last_seen) > limit;
        if self.connects.is_due(now) {
            self.end_older_connects(now);
        }
        if self.connections.len() > FEW_CONNECTIONS {
            for slot in 0..self.slots.len() {
                let connection = self.slots.get(slot).and_then(Option::as_ref);
                if connection.is_some_and(|connection| idle(connection.last_seen(), MAX_IDLE)) {
                    self.retire(slot);
                }
            }
        }
    }

    /// Lets go of the connections that have been over for long enough. Of those
    /// closed by both sides it stays known for a while that they were.
    fn let_go(&mut self, now: i64) {
        if self.closed.is_due(now) {
            self.forget_older_closed(now);
        }
        while let Some((slot, id)) =
            first_over(&mut self.closing, now).or_else(|| first_over(&mut self.aborted, now))
        {
            let connection = self.slots.get(slot).and_then(Option::as_ref);
            // Its ports may have been used anew.
            if connection.is_some_and(|connection| connection.id == id) {
                self.retire(slot);
            }
        }
    }

    fn live(&self) -> usize {
        self.connections.len() + self.connects.len()
    }

    /// Takes a connection out of the table and sums it up.
    fn retire(&mut self, slot: usize) {
        let Some(connection) = self.slots.get_mut(slot).and_then(Option::take) else {
            return;
        };
        self.connections.remove(&connection.key);
        self.free.push(slot);
        self.recent = None;
        let had_conflicts = connection.has_conflicts();
        let (key, fins) = (connection.key, connection.fins());
        let (conversation, consumer) =
            connection.into_conversation(self.vantage, &mut self.pending_total);
        if let Some(fins) = fins {
            self.closed
                .insert(key, Closed::new(&key, &conversation, fins));
        }
        if !had_conflicts && conversation.quality.conflicting_overlaps > 0 {
            self.conflict(conversation.last);
        }
        self.ended.push((conversation, consumer));
    }

    /// Forgets the connections that were closed longest ago.
    fn forget_older_closed(&mut self, now: i64) {
        let older = self.closed.take_older(now).into_iter();
        self.late
            .extend(older.filter_map(|(_, closed)| closed.into_late()));
    }

    fn end_connect(&mut self, key: FlowKey, connect: Connect) {
        let unanswered = Unanswered::new(key, connect, self.vantage);
        self.unanswered.push(unanswered);
    }

    /// Ends the older half of the unanswered connects. Nothing is lost by it
    /// but the link to SYNs that may follow.
    fn end_older_connects(&mut self, now: i64) {
        let mut older = self.connects.take_older(now);
        // Map order is random; the order of what is handed out must not be.
        older.sort_unstable_by_key(|(_, connect)| connect.id);
        self.unanswered.reserve_exact(older.len());
        for (key, connect) in older {
            self.end_connect(key, connect);
        }
    }

    /// Ends the eighth of the connections that has been idle longest.
    fn evict_connections(&mut self) {
        let live = self
            .slots
            .iter()
            .enumerate()
            .filter_map(|(slot, connection)| {
                connection
                    .as_ref()
                    .map(|connection| (connection.last_seen(), connection.id, slot))
            });
        let mut ages: Vec<(i64, ConversationId, usize)> = live.collect();
        ages.sort_unstable();
        for &(_, _, slot) in ages.iter().take(ages.len() / 8 + 1) {
            self.retire(slot);
        }
        if self.evicted == 0 {
            let what = format!("more than {MAX_CONNECTIONS} connections at once");
            let effect = "the longest idle ones were ended early; if they go on, the rest of \
                          each is a conversation seen from the middle";
            self.issues
                .push(Issue::new(self.evidence, "capture", what, effect));
        }
        self.evicted += 1;
    }

    #[cold]
    fn conflict(&mut self, at: Sighting) {
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
        ended.sort_by_key(|(conversation, _)| (conversation.first, conversation.id));
        ended
    }

    /// The problems met since the last call.
    pub fn take_issues(&mut self) -> Vec<Issue> {
        std::mem::take(&mut self.issues)
    }
}
