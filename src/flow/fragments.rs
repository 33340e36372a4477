//! IP fragments to whole packets.
//!
//! Pieces may come in any order and twice. Where two pieces overlap and their
//! bytes differ, the packet is dropped and counted: RFC 5722 §3 says so for
//! IPv6, Windows does the same for IPv4, and no honest sender does it.
//!
//! Spec: RFC 791 §3.2, RFC 8200 §4.5.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use crate::bytes::ParseError;
use crate::packet::{Fragment, Packet, transport};

/// A packet put together from fragments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whole {
    /// Sender.
    pub source: IpAddr,
    /// Receiver.
    pub destination: IpAddr,
    /// Time to live, or hop limit, of the last fragment that came.
    pub ttl: u8,
    /// Protocol number of what it carries.
    pub protocol: u8,
    /// What it carries.
    pub bytes: Vec<u8>,
    /// Bytes that the snaplen cut off the end.
    pub missing: u32,
}

impl Whole {
    /// Reads what the packet carries.
    ///
    /// # Errors
    ///
    /// Those of [`transport`].
    pub fn packet(&self) -> Result<Packet<'_>, ParseError> {
        Ok(Packet {
            source: self.source,
            destination: self.destination,
            ttl: self.ttl,
            transport: transport(self.protocol, &self.bytes, self.missing as usize)?,
        })
    }
}

/// Packets of which pieces are still missing.
#[derive(Debug, Default)]
pub(super) struct Fragments {
    partial: HashMap<Name, Partial>,
    held: usize,
    /// Packets given up because pieces never came.
    pub(super) incomplete: u64,
    /// Packets dropped because pieces contradicted each other.
    pub(super) contradictory: u64,
}

/// What pieces of one packet have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Name {
    source: IpAddr,
    destination: IpAddr,
    identification: u32,
    protocol: u8,
}

#[derive(Debug, Default)]
struct Partial {
    pieces: BTreeMap<u32, Vec<u8>>,
    /// Length of the whole, known from its last piece.
    length: Option<u32>,
    missing: u32,
    cost: usize,
    began: i64,
    dropped: bool,
}

/// How long pieces are awaited, in nanoseconds: RFC 8200 §4.5 says 60 s.
const TIMEOUT: i64 = 60_000_000_000;

/// The largest packet there is (RFC 791: total length).
const MAX_PACKET_LEN: u32 = 65_535;

/// Bytes held of unfinished packets: room for a hundred of the largest.
const MAX_HELD: usize = 8 << 20;

/// What a piece costs besides its bytes.
const PIECE_COST: usize = 96;

/// Pieces of one packet; 8 bytes are the smallest, 1,480 what happens.
const MAX_PIECES: usize = 1_024;

impl Fragments {
    /// Takes a piece; returns the packet when it is whole.
    pub(super) fn push(
        &mut self,
        packet: &Packet<'_>,
        fragment: &Fragment<'_>,
        now: i64,
    ) -> Option<Whole> {
        let name = Name {
            source: packet.source,
            destination: packet.destination,
            identification: fragment.identification,
            protocol: fragment.protocol,
        };
        self.expire(&name, now);
        let partial = self.partial.entry(name).or_insert_with(|| Partial {
            began: now,
            cost: PIECE_COST,
            ..Partial::default()
        });
        let before = if partial.pieces.is_empty() && !partial.dropped {
            0
        } else {
            partial.cost
        };
        if !partial.dropped && !partial.take(fragment) {
            self.contradictory += 1;
            partial.dropped = true;
            partial.pieces = BTreeMap::new();
            partial.cost = PIECE_COST;
        }
        self.held = self.held - before + partial.cost;
        if partial.is_whole() {
            let partial = self.partial.remove(&name)?;
            self.held -= partial.cost;
            return Some(Whole {
                source: packet.source,
                destination: packet.destination,
                ttl: packet.ttl,
                protocol: fragment.protocol,
                bytes: partial.pieces.into_values().flatten().collect(),
                missing: partial.missing,
            });
        }
        self.make_room();
        None
    }

    /// Gives up a packet of this name that is too old to be the same.
    fn expire(&mut self, name: &Name, now: i64) {
        let stale = |partial: &Partial| now.saturating_sub(partial.began) > TIMEOUT;
        if self.partial.get(name).is_some_and(stale) {
            self.drop_partial(*name);
        }
    }

    /// Over the limit, gives up the oldest half.
    fn make_room(&mut self) {
        if self.held <= MAX_HELD {
            return;
        }
        let mut ages: Vec<(i64, Name)> = self
            .partial
            .iter()
            .map(|(name, partial)| (partial.began, *name))
            .collect();
        ages.sort_unstable();
        for (_, name) in ages.iter().take(ages.len().div_ceil(2)) {
            self.drop_partial(*name);
        }
    }

    fn drop_partial(&mut self, name: Name) {
        if let Some(partial) = self.partial.remove(&name) {
            self.held -= partial.cost;
            self.incomplete += u64::from(!partial.dropped);
        }
    }

    /// Ends the capture: what is not whole never will be.
    pub(super) fn finish(&mut self) {
        let names: Vec<Name> = self.partial.keys().copied().collect();
        for name in names {
            self.drop_partial(name);
        }
    }
}

impl Partial {
    /// Puts a piece in; false when it contradicts those there.
    fn take(&mut self, fragment: &Fragment<'_>) -> bool {
        let start = fragment.offset;
        let Some(end) = u32::try_from(fragment.payload.len())
            .ok()
            .and_then(|length| start.checked_add(length))
            .filter(|&end| end <= MAX_PACKET_LEN)
        else {
            return false;
        };
        if !fragment.more {
            if self.length.is_some_and(|length| length != end) {
                return false;
            }
            (self.length, self.missing) = (Some(end), fragment.missing);
        }
        let last = self.pieces.last_key_value();
        let reach = last
            .map_or(0, |(at, piece)| at + piece.len() as u32)
            .max(end);
        if self.length.is_some_and(|length| reach > length) || self.pieces.len() >= MAX_PIECES {
            return false;
        }
        self.insert(start, fragment.payload)
    }

    fn insert(&mut self, start: u32, bytes: &[u8]) -> bool {
        let end = start + bytes.len() as u32;
        let mut fresh: Vec<(u32, u32)> = Vec::new();
        let mut cursor = start;
        for (&at, piece) in self.pieces.range(..end) {
            let stop = at + piece.len() as u32;
            if stop <= cursor {
                continue;
            }
            if at > cursor {
                fresh.push((cursor, at));
            }
            let (from, to) = (at.max(cursor), stop.min(end));
            let old = piece.get((from - at) as usize..(to - at) as usize);
            let new = bytes.get((from - start) as usize..(to - start) as usize);
            if old != new {
                return false;
            }
            cursor = stop;
        }
        if cursor < end {
            fresh.push((cursor, end));
        }
        for (from, to) in fresh {
            let part = bytes.get((from - start) as usize..(to - start) as usize);
            let part = part.unwrap_or_default().to_vec();
            self.cost += PIECE_COST + part.len();
            self.pieces.insert(from, part);
        }
        true
    }

    fn is_whole(&self) -> bool {
        let mut due = 0;
        for (&at, piece) in &self.pieces {
            if at != due {
                return false;
            }
            due += piece.len() as u32;
        }
        self.length == Some(due)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use crate::packet::Transport;

    use super::*;

    const DATAGRAM: &[u8] = b"\x00\x35\x30\x39\x00\x18\x00\x00sixteen bytes   ";

    fn push(fragments: &mut Fragments, range: std::ops::Range<usize>, now: i64) -> Option<Whole> {
        let fragment = Fragment {
            identification: 7,
            protocol: 17,
            offset: range.start as u32,
            more: range.end < DATAGRAM.len(),
            payload: &DATAGRAM[range],
            missing: 0,
        };
        push_fragment(fragments, fragment, now)
    }

    fn push_fragment(fragments: &mut Fragments, fragment: Fragment<'_>, now: i64) -> Option<Whole> {
        let packet = Packet {
            source: [10, 0, 0, 1].into(),
            destination: [10, 0, 0, 2].into(),
            ttl: 64,
            transport: Transport::Fragment(fragment.clone()),
        };
        fragments.push(&packet, &fragment, now)
    }

    #[test]
    fn pieces_in_any_order_make_the_packet() {
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
            let mut fragments = Fragments::default();
            let mut whole = None;
            for piece in order {
                assert_eq!(whole, None);
                whole = push(&mut fragments, piece * 8..piece * 8 + 8, 0);
            }
            let whole = whole.unwrap();
            assert_eq!(whole.bytes, DATAGRAM);
            let Transport::Udp(datagram) = whole.packet().unwrap().transport else {
                panic!()
            };
            assert_eq!(datagram.source_port, 53);
            assert_eq!(datagram.payload, b"sixteen bytes   ");
            assert_eq!(fragments.held, 0);
        }
    }

    #[test]
    fn an_overlap_that_agrees_is_tolerated() {
        let mut fragments = Fragments::default();
        assert_eq!(push(&mut fragments, 0..16, 0), None);
        assert_eq!(push(&mut fragments, 0..16, 0), None);
        assert_eq!(push(&mut fragments, 8..24, 0).unwrap().bytes, DATAGRAM);
    }

    #[test]
    fn an_overlap_that_differs_drops_the_packet() {
        let mut fragments = Fragments::default();
        let forged = Fragment {
            identification: 7,
            protocol: 17,
            offset: 8,
            more: true,
            payload: b"forged!!",
            missing: 0,
        };
        assert_eq!(push(&mut fragments, 0..16, 0), None);
        assert_eq!(push_fragment(&mut fragments, forged, 0), None);
        assert_eq!(push(&mut fragments, 16..24, 0), None);
        fragments.finish();
        assert_eq!((fragments.contradictory, fragments.incomplete), (1, 0));
        assert_eq!(fragments.held, 0);
    }

    #[test]
    fn an_identification_used_again_after_a_minute_is_another_packet() {
        let mut fragments = Fragments::default();
        assert_eq!(push(&mut fragments, 0..16, 0), None);
        assert_eq!(push(&mut fragments, 16..24, TIMEOUT + 1), None);
        fragments.finish();
        assert_eq!(fragments.incomplete, 2);
    }

    #[test]
    fn unfinished_packets_stay_within_the_limit() {
        let mut fragments = Fragments::default();
        let payload = [0; 1_480];
        for identification in 0..10_000 {
            let fragment = Fragment {
                identification,
                protocol: 17,
                offset: 0,
                more: true,
                payload: &payload,
                missing: 0,
            };
            assert_eq!(push_fragment(&mut fragments, fragment, 0), None);
            assert!(fragments.held <= MAX_HELD);
        }
        assert!(fragments.incomplete > 0);
    }

    #[test]
    fn a_piece_past_the_end_of_any_packet_drops_it() {
        let mut fragments = Fragments::default();
        let fragment = Fragment {
            identification: 1,
            protocol: 1,
            offset: 65_528,
            more: false,
            payload: &[0; 100],
            missing: 0,
        };
        assert_eq!(push_fragment(&mut fragments, fragment, 0), None);
        assert_eq!(fragments.contradictory, 1);
    }
}
