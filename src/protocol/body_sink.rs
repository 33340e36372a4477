//! Where the decoded bytes of a body go: kept, hashed, or only counted.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::protocol::http::PREFIX_LEN;

/// Answers whether a body is wanted, from its first decoded bytes.
pub(super) type Wants<'a> = dyn FnMut(&[u8]) -> bool + 'a;

/// Bodies above this are not kept: CryptoAPI itself reads no more than
/// `MaxUrlRetrievalByteCount`, 100 MiB by default.
pub(super) const MAX_BODY: u64 = 100 * 1024 * 1024;

/// Collects a body; asks once, as soon as [`PREFIX_LEN`] bytes are there or
/// the body ends, whether to keep it.
pub(super) struct BodySink {
    verdict: Verdict,
    held: Vec<u8>,
    prefix: Vec<u8>,
    hasher: Option<Sha256>,
    hash_all: bool,
    size: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Undecided,
    Keep,
    Pass,
    OverLimit,
}

/// What became of the bytes.
pub(super) struct Collected {
    pub(super) size: u64,
    pub(super) bytes: Option<Arc<[u8]>>,
    pub(super) sha256: Option<[u8; 32]>,
    pub(super) prefix: Vec<u8>,
    pub(super) over_limit: bool,
}

impl BodySink {
    pub(super) fn new(hash_all: bool) -> Self {
        BodySink {
            verdict: Verdict::Undecided,
            held: Vec::new(),
            prefix: Vec::new(),
            hasher: None,
            hash_all,
            size: 0,
        }
    }

    /// True when the bytes need not be looked at any more, only counted.
    pub(super) fn is_indifferent(&self) -> bool {
        matches!(self.verdict, Verdict::Pass | Verdict::OverLimit) && self.hasher.is_none()
    }

    /// Takes the next decoded bytes. `room` is what the conversation may still
    /// keep in memory.
    pub(super) fn push(&mut self, mut bytes: &[u8], room: &mut u64, wants: &mut Wants<'_>) {
        self.size += bytes.len() as u64;
        if self.verdict == Verdict::Undecided {
            // Exactly the same bytes decide, however they are cut into segments.
            let count = (PREFIX_LEN - self.held.len()).min(bytes.len());
            let (head, rest) = bytes.split_at(count);
            self.held.extend_from_slice(head);
            bytes = rest;
            if self.held.len() >= PREFIX_LEN {
                self.decide(room, wants);
            }
        }
        if let Some(hasher) = &mut self.hasher {
            hasher.update(bytes);
        }
        if self.verdict == Verdict::Keep && !bytes.is_empty() {
            let count = bytes.len() as u64;
            if count > *room || self.held.len() as u64 + count > MAX_BODY {
                *room += self.held.len() as u64;
                self.held = Vec::new();
                self.verdict = Verdict::OverLimit;
                self.forget_hash();
            } else {
                *room -= count;
                self.held.extend_from_slice(bytes);
            }
        }
    }

    /// Counts bytes that went by unseen.
    pub(super) fn count(&mut self, bytes: u64) {
        self.size += bytes;
    }

    /// Ends the body. `whole` says that nothing of it is missing, so that a
    /// hash means something.
    pub(super) fn finish(
        mut self,
        whole: bool,
        room: &mut u64,
        wants: &mut Wants<'_>,
    ) -> Collected {
        if self.verdict == Verdict::Undecided {
            self.decide(room, wants);
        }
        let sha256 = self
            .hasher
            .take()
            .filter(|_| whole)
            .map(|hasher| hasher.finalize().into());
        Collected {
            size: self.size,
            bytes: (self.verdict == Verdict::Keep).then(|| self.held.into()),
            sha256,
            prefix: self.prefix,
            over_limit: self.verdict == Verdict::OverLimit,
        }
    }

    fn decide(&mut self, room: &mut u64, wants: &mut Wants<'_>) {
        self.prefix.clone_from(&self.held);
        let count = self.held.len() as u64;
        let wanted = wants(&self.held);
        self.verdict = match wanted {
            false => Verdict::Pass,
            true if count > *room => Verdict::OverLimit,
            true => Verdict::Keep,
        };
        // Most bodies are not wanted; hashing their beginnings would be the
        // larger part of the work on them.
        if self.hash_all || self.verdict == Verdict::Keep {
            self.hasher = Some(Sha256::new_with_prefix(&self.held));
        }
        if self.verdict == Verdict::Keep {
            *room -= count;
        } else {
            self.held = Vec::new();
        }
    }

    fn forget_hash(&mut self) {
        if !self.hash_all {
            self.hasher = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_question_is_asked_once_with_the_first_bytes() {
        let mut asked = Vec::new();
        let mut wants = |first: &[u8]| {
            asked.push(first.len());
            false
        };
        let (mut sink, mut room) = (BodySink::new(false), 1 << 20);
        for _ in 0..10 {
            sink.push(&[7; 1000], &mut room, &mut wants);
        }
        assert!(sink.is_indifferent());
        let collected = sink.finish(true, &mut room, &mut wants);
        assert_eq!(
            (collected.size, collected.bytes, collected.sha256),
            (10_000, None, None)
        );
        assert_eq!(collected.prefix, [7; PREFIX_LEN]);
        assert_eq!((asked, room), (vec![PREFIX_LEN], 1 << 20));
    }

    #[test]
    fn a_body_that_outgrows_the_room_is_given_up_and_counted() {
        let (mut sink, mut room) = (BodySink::new(false), 5000);
        sink.push(&[1; 4000], &mut room, &mut |_| true);
        assert_eq!(room, 1000);
        sink.push(&[1; 4000], &mut room, &mut |_| true);
        assert_eq!(room, 5000);
        let collected = sink.finish(true, &mut room, &mut |_| true);
        assert!(collected.over_limit && collected.bytes.is_none() && collected.sha256.is_none());
        assert_eq!(collected.size, 8000);
    }

    #[test]
    fn the_hash_of_a_kept_body_is_its_sha_256() {
        let (mut sink, mut room) = (BodySink::new(false), 5000);
        sink.push(b"ab", &mut room, &mut |_| true);
        sink.push(b"c", &mut room, &mut |_| true);
        let collected = sink.finish(true, &mut room, &mut |_| true);
        // FIPS 180-2, appendix B.1.
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(
            collected
                .sha256
                .map(|hash| crate::bytes::to_hex(&hash))
                .as_deref(),
            Some(expected)
        );
        assert_eq!(collected.bytes.as_deref(), Some(&b"abc"[..]));
    }
}
