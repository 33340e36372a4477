//! Which conversations the table lets go of, and when: memory grows with live
//! ones only.

use std::collections::VecDeque;

use crate::issue::Issue;
use crate::provenance::Sighting;

use super::closed::Closed;
use super::connect::Connect;
use super::connection::nanoseconds;
use super::key::FlowKey;
use super::table::FlowTable;
use super::{ConversationId, StreamConsumer, Unanswered};

/// The time to let go of a connection, its slot and its number.
pub(super) type Over = VecDeque<(i64, usize, ConversationId)>;

/// Live connections held; beyond it the longest idle ones are ended. A busy
/// server has tens of thousands; each costs about a kilobyte.
pub(super) const MAX_CONNECTIONS: usize = 65_536;

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
pub(super) const LINGER: i64 = 30_000_000_000;

/// Connections kept whole although they are over, of each kind.
const MAX_OVER: usize = 16_384;

/// The age from which unanswered connects are ended: Linux sends its last SYN
/// after 63 s and gives up after 127 s, Windows after 21 s.
pub(super) const CONNECT_AGE: i64 = 130_000_000_000;

/// Time between two searches for idle ones.
const SWEEP_EVERY: i64 = 10_000_000_000;

/// A search waits for one packet per this many entries searched, so that a
/// capture whose clock jumps at every packet costs no more than another.
const SWEEP_SHARE: usize = 16;

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
    /// True when it is time to look for what is over and what is idle.
    #[inline]
    pub(super) fn is_sweep_due(&self, now: i64) -> bool {
        now.saturating_sub(self.swept_at).saturating_abs() >= SWEEP_EVERY
            && self.pushed_since >= self.live() / SWEEP_SHARE
    }

    /// Notes that a connection is over, until it is let go of.
    #[cold]
    pub(super) fn note_over(&mut self, slot: usize, at: Sighting) {
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

    /// Ends what is over and what is idle.
    #[cold]
    pub(super) fn sweep(&mut self, now: i64) {
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
    pub(super) fn retire(&mut self, slot: usize) {
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
    pub(super) fn forget_older_closed(&mut self, now: i64) {
        let older = self.closed.take_older(now).into_iter();
        self.late
            .extend(older.filter_map(|(_, closed)| closed.into_late()));
    }

    pub(super) fn end_connect(&mut self, key: FlowKey, connect: Connect) {
        let unanswered = Unanswered::new(key, connect, self.vantage);
        self.unanswered.push(unanswered);
    }

    /// Ends the older half of the unanswered connects. Nothing is lost by it
    /// but the link to SYNs that may follow.
    pub(super) fn end_older_connects(&mut self, now: i64) {
        let mut older = self.connects.take_older(now);
        // Map order is random; the order of what is handed out must not be.
        older.sort_unstable_by_key(|(_, connect)| connect.id);
        self.unanswered.reserve_exact(older.len());
        for (key, connect) in older {
            self.end_connect(key, connect);
        }
    }

    /// Ends the eighth of the connections that has been idle longest.
    pub(super) fn evict_connections(&mut self) {
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
}
