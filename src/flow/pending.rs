//! What of a stream came ahead of a hole.

use std::collections::BTreeMap;

/// Pieces by position; they do not overlap, for the first copy of a byte wins.
#[derive(Debug, Default)]
pub(super) struct Pending {
    pieces: BTreeMap<u64, Piece>,
    cost: usize,
}

/// A piece of stream ahead of a hole.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) length: u64,
    pub(super) content: Content,
}

/// What is known of a piece.
#[derive(Debug)]
pub(super) enum Content {
    /// Its bytes.
    Bytes(Vec<u8>),
    /// It was seen, but the consumer does not want it.
    Unwanted,
    /// It was cut off by the snaplen.
    Cut,
}

/// What came of putting a range in.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Held {
    /// Bytes that differ from the first copy.
    pub(super) differing: u64,
    /// True when the whole range was there before.
    pub(super) is_repeated: bool,
}

/// What a piece costs besides its bytes, so that one-byte segments cannot
/// fill the memory unnoticed.
const PIECE_COST: usize = 96;

impl Piece {
    /// Memory it takes.
    pub(super) fn cost(&self) -> usize {
        let held = if let Content::Bytes(bytes) = &self.content {
            bytes.len()
        } else {
            0
        };
        PIECE_COST + held
    }
}

impl Pending {
    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Memory all pieces take.
    pub(super) fn cost(&self) -> usize {
        self.cost
    }

    /// Where the first piece starts.
    pub(super) fn start(&self) -> Option<u64> {
        self.pieces.first_key_value().map(|(&at, _)| at)
    }

    /// Takes out the first piece if it starts at `position` or before.
    pub(super) fn take_due(&mut self, position: u64) -> Option<Piece> {
        let first = self
            .pieces
            .first_entry()
            .filter(|first| *first.key() <= position)?;
        let piece = first.remove();
        self.cost -= piece.cost();
        Some(piece)
    }

    /// Puts in a range, except where a piece lies already; without bytes it
    /// was cut off. Bytes are not kept of what ends at `unwanted_before`.
    pub(super) fn hold(
        &mut self,
        start: u64,
        length: u64,
        bytes: Option<&[u8]>,
        unwanted_before: u64,
    ) -> Held {
        let end = start + length;
        let slice = |from: u64, to: u64| {
            let range = usize::try_from(from - start).ok()?..usize::try_from(to - start).ok()?;
            bytes?.get(range)
        };
        let mut held = Held {
            differing: 0,
            is_repeated: length > 0,
        };
        let mut cursor = start;
        while cursor < end {
            let before = self.pieces.range(..=cursor).next_back();
            if let Some((&at, piece)) = before
                && at + piece.length > cursor
            {
                let stop = end.min(at + piece.length);
                if let (Content::Bytes(first), Some(second)) = (&piece.content, slice(cursor, stop))
                {
                    let first = first.get((cursor - at) as usize..).unwrap_or_default();
                    held.differing += differing(first, second);
                }
                cursor = stop;
                continue;
            }
            let next = self
                .pieces
                .range(cursor..)
                .next()
                .map_or(end, |(&at, _)| at.min(end));
            let content = match slice(cursor, next) {
                None => Content::Cut,
                Some(_) if next <= unwanted_before => Content::Unwanted,
                Some(bytes) => Content::Bytes(bytes.to_vec()),
            };
            let piece = Piece {
                length: next - cursor,
                content,
            };
            self.cost += piece.cost();
            self.pieces.insert(cursor, piece);
            held.is_repeated = false;
            cursor = next;
        }
        held
    }
}

/// Counts the places at which two copies differ, as far as both go.
pub(super) fn differing(first: &[u8], second: &[u8]) -> u64 {
    let length = first.len().min(second.len());
    if first.get(..length) == second.get(..length) {
        return 0;
    }
    first
        .iter()
        .zip(second)
        .filter(|(first, second)| first != second)
        .count() as u64
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn a_range_over_two_pieces_fills_what_is_between() {
        let mut pending = Pending::default();
        pending.hold(10, 3, Some(b"abc"), 0);
        pending.hold(16, 3, Some(b"ghi"), 0);
        let held = pending.hold(8, 13, Some(b"yzabXdefgYijk"), 0);
        assert_eq!(
            held,
            Held {
                differing: 2,
                is_repeated: false
            }
        );
        let mut bytes = Vec::new();
        let mut position = 8;
        while let Some(piece) = pending.take_due(position) {
            position += piece.length;
            if let Content::Bytes(piece) = piece.content {
                bytes.extend(piece);
            }
        }
        assert_eq!(bytes, b"yzabcdefghijk");
        assert_eq!(pending.cost(), 0);
    }

    #[test]
    fn a_range_that_is_there_is_repeated() {
        let mut pending = Pending::default();
        assert!(!pending.hold(10, 4, Some(b"abcd"), 0).is_repeated);
        assert!(pending.hold(11, 2, Some(b"bc"), 0).is_repeated);
        assert!(!pending.hold(9, 2, Some(b"ab"), 0).is_repeated);
        assert_eq!(pending.start(), Some(9));
        assert!(pending.take_due(8).is_none());
    }

    #[test]
    fn unwanted_bytes_cost_no_memory() {
        let mut pending = Pending::default();
        pending.hold(10, 1_000, Some(&[0; 1_000]), 1_010);
        assert_eq!(pending.cost(), PIECE_COST);
    }
}
