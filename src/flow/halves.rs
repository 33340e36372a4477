//! A map that lets go of its oldest entries, a half at a time.

use std::collections::HashMap;

use super::key::{FlowKey, KeyHash};

/// Entries in two halves, a newer and an older: when the newer is full or old,
/// the older is let go of at one stroke. Finding the oldest one by one would
/// cost more than all else that is done for a packet that opens something.
#[derive(Debug)]
pub(super) struct Halves<V> {
    newer: HashMap<FlowKey, V, KeyHash>,
    older: HashMap<FlowKey, V, KeyHash>,
    since: i64,
    max_age: i64,
}

/// Entries in the newer half. As many as a hash table of 2¹⁵ places has room
/// for: what is handed out at one stroke stays small.
const MAX_NEWER: usize = 28_672;

impl<V> Halves<V> {
    /// A map whose entries stay for one to two times `max_age` nanoseconds.
    pub(super) fn new(max_age: i64) -> Self {
        Halves {
            newer: HashMap::default(),
            older: HashMap::default(),
            since: i64::MIN,
            max_age,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.newer.len() + self.older.len()
    }

    pub(super) fn of(&mut self, key: &FlowKey) -> Option<&mut V> {
        self.newer.get_mut(key).or_else(|| self.older.get_mut(key))
    }

    pub(super) fn remove(&mut self, key: &FlowKey) -> Option<V> {
        self.newer.remove(key).or_else(|| self.older.remove(key))
    }

    pub(super) fn insert(&mut self, key: FlowKey, value: V) {
        self.newer.insert(key, value);
    }

    /// True when it is time to let go of the older half.
    pub(super) fn is_due(&self, now: i64) -> bool {
        self.newer.len() >= MAX_NEWER || now.saturating_sub(self.since) > self.max_age
    }

    /// Takes the older half out, in no order; the newer becomes the older.
    pub(super) fn take_older(&mut self, now: i64) -> Vec<(FlowKey, V)> {
        self.since = now;
        let older = self.older.drain().collect();
        std::mem::swap(&mut self.newer, &mut self.older);
        older
    }
}
