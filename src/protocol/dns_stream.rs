//! DNS over TCP: what a resolver asks again when a datagram was too small.

use super::dns_message::message;
use super::transcript::side;
use crate::flow::Direction;
use crate::provenance::Sighting;

/// A message of one direction, and the frame it ended in.
pub type StreamedMessage = (Direction, Vec<u8>, Sighting);

/// Cuts both directions into messages.
///
/// ```text
/// | length (2, big-endian) | message | length | …
/// ```
///
/// Spec: RFC 1035 §4.2.2, RFC 7766 §8.
#[derive(Default)]
pub(super) struct DnsDialogue {
    buffers: [Vec<u8>; 2],
    messages: Vec<StreamedMessage>,
}

/// What a piece of input led to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum DnsStep {
    More,
    Over,
}

/// Questions of one connection; a resolver keeps one open for all of them.
const MAX_MESSAGES: usize = 4096;
/// Header and the shortest question.
const MIN_MESSAGE: usize = 17;

impl DnsDialogue {
    /// Starts with the client's first bytes, if they can begin a message.
    pub(super) fn begin(first: &[u8]) -> Option<Self> {
        // A question fits into 512 bytes even with options.
        matches!(first.first(), Some(0 | 1)).then(DnsDialogue::default)
    }

    /// The next bytes of one direction.
    pub(super) fn bytes(&mut self, direction: Direction, bytes: &[u8], at: Sighting) -> DnsStep {
        let buffer = &mut self.buffers[side(direction)];
        buffer.extend_from_slice(bytes);
        loop {
            let Some((length, rest)) = buffer.split_first_chunk::<2>() else {
                return DnsStep::More;
            };
            let length = usize::from(u16::from_be_bytes(*length));
            let begun = rest.get(..rest.len().min(MIN_HEADER)).unwrap_or_default();
            if length < MIN_MESSAGE || !could_be(direction, begun) {
                return DnsStep::Over;
            }
            let Some(whole) = rest.get(..length) else {
                return DnsStep::More;
            };
            let is_sound = message(whole).is_ok();
            // A first message that cannot be read shows that this is no DNS.
            if !is_sound && self.messages.is_empty() {
                return DnsStep::Over;
            }
            if is_sound && self.messages.len() < MAX_MESSAGES {
                self.messages.push((direction, whole.to_vec(), at));
            }
            buffer.drain(..2 + length);
        }
    }

    /// The messages; none where this was no DNS.
    pub(super) fn finish(self) -> Vec<StreamedMessage> {
        self.messages
    }

    /// True when a message was read.
    pub(super) fn is_certain(&self) -> bool {
        !self.messages.is_empty()
    }
}

const MIN_HEADER: usize = 6;

/// Id, then flags with QR by direction and opcode QUERY, then one question.
fn could_be(direction: Direction, begun: &[u8]) -> bool {
    let answers = direction == Direction::ToClient;
    let flags = begun
        .get(2)
        .is_none_or(|flags| (flags & 0x80 != 0) == answers && flags & 0x78 == 0);
    flags && begun.get(4).is_none_or(|high| *high == 0) && begun.get(5).is_none_or(|low| *low == 1)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::protocol::trial::seen;

    fn framed(flags: u8) -> Vec<u8> {
        let mut bytes = vec![0, 7, flags, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        bytes.extend(b"\x03crl\x07example\0\0\x01\0\x01");
        [vec![0, u8::try_from(bytes.len()).unwrap()], bytes].concat()
    }

    #[test]
    fn messages_are_read_however_they_are_cut() {
        let two = [framed(1), framed(1)].concat();
        for cut in 1..two.len() {
            let mut dialogue = DnsDialogue::begin(&two).unwrap();
            let (first, second) = two.split_at(cut);
            dialogue.bytes(Direction::ToServer, first, seen(1));
            assert_eq!(
                dialogue.bytes(Direction::ToServer, second, seen(2)),
                DnsStep::More
            );
            dialogue.bytes(Direction::ToClient, &framed(0x80), seen(3));
            assert_eq!(dialogue.finish().len(), 3, "cut at {cut}");
        }
    }

    #[test]
    fn other_protocols_with_a_length_in_front_are_told_apart() {
        // A NetBIOS session message with SMB in it (RFC 1002 §4.3.1).
        let smb = [&[0, 0, 0, 0x45, 0xFF][..], b"SMBr", &[0; 60]].concat();
        let mut dialogue = DnsDialogue::begin(&smb).unwrap();
        let step = dialogue.bytes(Direction::ToServer, &smb, seen(1));
        assert_eq!(step, DnsStep::Over);
        assert!(!dialogue.is_certain());
        assert!(DnsDialogue::begin(b"SSH-2.0").is_none());
    }
}
