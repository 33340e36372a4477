//! What all conversations together may hold of bodies.
//!
//! A body is read when its conversation ends. Until then it lies in memory, and
//! a thousand open conversations must not add up to a thousand times what one
//! may keep.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes of bodies that open conversations hold in all: those of a busy proxy
/// hold some megabytes.
pub const MAX_HELD_BYTES: u64 = 512 << 20;
/// What one conversation may keep of bodies: several large updates.
const MAX_KEPT_BYTES: u64 = 256 * 1024 * 1024;

/// Shared by the conversations of a run.
#[derive(Debug, Clone, Default)]
pub struct Room(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    held: AtomicU64,
    refused: AtomicU64,
}

impl Room {
    /// Bodies that were wanted, and did not fit.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.0.refused.load(Ordering::Relaxed)
    }
}

/// What one conversation has of it; given back when it is done.
#[derive(Debug)]
pub(super) struct Share {
    room: Room,
    held: u64,
}

impl Share {
    pub(super) fn of(room: Room) -> Self {
        Share { room, held: 0 }
    }

    /// Does something that takes room, or gives it back.
    pub(super) fn with<T>(&mut self, act: impl FnOnce(&mut u64) -> T) -> T {
        let all = &self.room.0.held;
        let others = all.load(Ordering::Relaxed).saturating_sub(self.held);
        let most = MAX_KEPT_BYTES.min(MAX_HELD_BYTES.saturating_sub(others));
        let before = most.saturating_sub(self.held);
        let mut left = before;
        let done = act(&mut left);
        let held = self.held.saturating_add(before).saturating_sub(left);
        all.store(others.saturating_add(held), Ordering::Relaxed);
        self.held = held;
        done
    }

    /// A body did not fit.
    pub(super) fn refuse(&self) {
        self.room.0.refused.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.room.0.held.fetch_sub(self.held, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conversations_share_the_room_and_give_it_back() {
        let room = Room::default();
        let take = |share: &mut Share, bytes: u64| {
            share.with(|left| {
                let taken = bytes.min(*left);
                *left -= taken;
                taken
            })
        };
        let mut shares = [0; 3].map(|_| Share::of(room.clone()));
        let [one, other, third] = &mut shares;
        assert_eq!(take(one, u64::MAX), MAX_KEPT_BYTES);
        assert_eq!(take(other, u64::MAX), MAX_HELD_BYTES - MAX_KEPT_BYTES);
        assert_eq!(take(third, 1), 0);
        // What is given up is there for others.
        one.with(|left| *left += 100);
        assert_eq!(take(third, 1000), 100);
        drop(shares);
        assert_eq!(take(&mut Share::of(room), 7), 7);
    }
}
