//! What all conversations together may hold of bodies.
//!
//! A thousand open conversations must not add up to a thousand times what one
//! may keep. Whole bodies do not wait for the end of theirs, where somebody
//! takes them: a conversation may go on for hours.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::protocol::http::{Body, Completeness};

/// Bytes of bodies that open conversations hold in all: those of a busy proxy
/// hold some megabytes.
pub const MAX_HELD_BYTES: u64 = 512 << 20;
/// What one conversation may keep of bodies: several large updates.
const MAX_KEPT_BYTES: u64 = 256 * 1024 * 1024;

/// Shared by the conversations of a run.
#[derive(Debug, Clone, Default)]
pub struct Room(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    held: AtomicU64,
    refused: AtomicU64,
    /// Whole bodies on their way to the caller, when it takes them.
    whole: Option<Mutex<Vec<WholeBody>>>,
}

/// A body that is over, decoded, and its SHA-256.
pub type WholeBody = ([u8; 32], Arc<[u8]>);

impl Room {
    /// A room whose whole bodies the caller takes now and then, by
    /// [`Room::take_whole`]. Exchanges keep their SHA-256 only.
    #[must_use]
    pub fn with_whole_taken() -> Self {
        Room(Arc::new(Shared {
            whole: Some(Mutex::default()),
            ..Shared::default()
        }))
    }

    /// The bodies that have become whole since the last call, in order.
    #[must_use]
    pub fn take_whole(&self) -> Vec<WholeBody> {
        let whole = self.0.whole.as_ref();
        let whole = whole.map(|whole| whole.lock().unwrap_or_else(PoisonError::into_inner));
        whole.map_or_else(Vec::new, |mut whole| std::mem::take(&mut *whole))
    }

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

    /// Hands a body to whoever takes whole ones.
    pub(super) fn hand_over(&mut self, body: &mut Body) {
        let (Some(whole), Some(sha256)) = (&self.room.0.whole, body.sha256) else {
            return;
        };
        if body.completeness == Completeness::Complete
            && let Some(bytes) = body.bytes.take()
        {
            let length = bytes.len() as u64;
            let mut whole = whole.lock().unwrap_or_else(PoisonError::into_inner);
            whole.push((sha256, bytes));
            drop(whole);
            self.with(|left| *left = left.saturating_add(length));
        }
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
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;
    use crate::flow::{ConversationId, Direction, StreamConsumer};
    use crate::protocol::trial::{everything, seen};
    use crate::protocol::{Dialogue, End};

    #[test]
    fn a_whole_body_is_handed_over_while_its_conversation_goes_on() {
        let room = Room::with_whole_taken();
        let dialogue = Dialogue::new(ConversationId(1), everything());
        let mut dialogue = dialogue.with_room(room.clone());
        for head in ["200 OK", "206 Partial Content"] {
            let answer = format!("HTTP/1.1 {head}\r\nContent-Length: 3\r\n\r\nabc");
            dialogue.bytes(Direction::ToServer, b"GET / HTTP/1.1\r\n\r\n", seen(1));
            dialogue.bytes(Direction::ToClient, answer.as_bytes(), seen(2));
        }
        let [(sha256, bytes)] = room.take_whole().try_into().unwrap();
        assert_eq!(&*bytes, b"abc");
        // Only the part is still held.
        assert_eq!(room.0.held.load(Ordering::Relaxed), 3);
        let transcript = dialogue.into_transcript(End::Closed);
        let bodies = transcript.exchanges.into_iter();
        let mut bodies = bodies.map(|exchange| exchange.response.unwrap().body.unwrap());
        let [whole, part] = std::array::from_fn(|_| bodies.next().unwrap());
        assert_eq!((whole.sha256, whole.bytes), (Some(sha256), None));
        assert_eq!(part.bytes.as_deref(), Some(&b"abc"[..]));
        assert!(room.take_whole().is_empty());
    }

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
