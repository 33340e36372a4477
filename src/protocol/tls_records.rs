//! One direction of a TLS connection cut into records and handshake messages.

use crate::protocol::sniff;
use crate::provenance::Sighting;

/// The header of a record.
///
/// ```text
/// 0      1         3        5
/// | type | version | length | length bytes |
/// ```
///
/// Version and length are big-endian; a length is at most 2^14 + 2048.
///
/// Spec: RFC 8446 §5.1, RFC 5246 §6.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) content_type: u8,
    pub(super) length: u16,
    /// The frame in which it began.
    pub(super) first: Sighting,
}

/// RFC 5246 §6.2.3; TLS 1.3 allows 256 only.
const MAX_RECORD: u16 = (1 << 14) + 2048;

/// What the next bytes of a direction are.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// A record begins.
    Begins(Record),
    /// Payload of the current record; true when it is the last of it.
    Payload(Record, &'a [u8], bool),
    /// A whole SSLv2 message, without its length.
    Sslv2(Vec<u8>),
    /// These bytes are no record: the place is lost.
    Lost,
}

/// Follows the records of one direction.
#[derive(Debug, Default)]
pub(super) struct RecordStream {
    header: Vec<u8>,
    header_first: Option<Sighting>,
    current: Option<(Record, u16)>,
    lost: bool,
    /// A record was read, so that an SSLv2 message can no longer come.
    begun: bool,
}

impl RecordStream {
    /// To be called with each segment first: takes a lost place up again when
    /// the segment begins with a record.
    pub(super) fn segment(&mut self, bytes: &[u8]) {
        if self.lost && matches!(sniff::guess(bytes), sniff::Guess::Tls(_)) {
            self.lost = false;
        }
    }

    /// Takes the next piece off the front of `bytes`; `None` when they are used up.
    pub(super) fn next<'a>(&mut self, bytes: &mut &'a [u8], at: Sighting) -> Option<Piece<'a>> {
        if self.lost || (bytes.is_empty() && !matches!(self.current, Some((_, 0)))) {
            *bytes = &[];
            return None;
        }
        if let Some((record, left)) = &mut self.current {
            let count = usize::from(*left).min(bytes.len());
            let (payload, rest) = bytes.split_at(count);
            *bytes = rest;
            *left -= u16::try_from(count).unwrap_or(*left);
            let (record, over) = (*record, *left == 0);
            if over {
                self.current = None;
            }
            return Some(Piece::Payload(record, payload, over));
        }
        self.header(bytes, at)
    }

    /// Bytes of the current record still to come.
    pub(super) fn left(&self) -> Option<(Record, u16)> {
        self.current
    }

    /// Notes that `count` bytes went by unseen; true when they lay within the
    /// current record.
    pub(super) fn pass_over(&mut self, count: u64) -> bool {
        match &mut self.current {
            Some((_, left)) if count <= u64::from(*left) => {
                *left -= u16::try_from(count).unwrap_or(*left);
                if *left == 0 {
                    self.current = None;
                }
                true
            }
            _ => false,
        }
    }

    /// Gives the place up until a segment begins with a record.
    pub(super) fn lose(&mut self) {
        *self = RecordStream {
            lost: true,
            begun: true,
            ..RecordStream::default()
        };
    }

    fn header<'a>(&mut self, bytes: &mut &'a [u8], at: Sighting) -> Option<Piece<'a>> {
        let first = *self.header_first.get_or_insert(at);
        if !self.begun
            && self
                .header
                .first()
                .or(bytes.first())
                .is_some_and(|&byte| byte & 0x80 != 0)
        {
            return self.sslv2(bytes);
        }
        let count = (5 - self.header.len().min(5)).min(bytes.len());
        let (head, rest) = bytes.split_at(count);
        self.header.extend_from_slice(head);
        *bytes = rest;
        let &[content_type, major, minor, high, low] = self.header.as_slice() else {
            return None;
        };
        self.header.clear();
        self.header_first = None;
        self.begun = true;
        let length = u16::from_be_bytes([high, low]);
        if !(20..=24).contains(&content_type) || major != 3 || minor > 4 || length > MAX_RECORD {
            self.lose();
            return Some(Piece::Lost);
        }
        let record = Record {
            content_type,
            length,
            first,
        };
        self.current = Some((record, length));
        Some(Piece::Begins(record))
    }

    fn sslv2<'a>(&mut self, bytes: &mut &'a [u8]) -> Option<Piece<'a>> {
        while let Some((&byte, rest)) = bytes.split_first() {
            self.header.push(byte);
            *bytes = rest;
            if let [high, low, message @ ..] = self.header.as_slice()
                && message.len() == usize::from(u16::from_be_bytes([high & 0x7F, *low]))
            {
                let message = message.to_vec();
                self.header.clear();
                self.header_first = None;
                self.begun = true;
                return Some(Piece::Sslv2(message));
            }
        }
        None
    }
}

/// Joins the payloads of handshake records to messages.
#[derive(Debug, Default)]
pub(super) struct MessageBuffer {
    bytes: Vec<u8>,
    /// The frames that the bytes came in.
    packets: Vec<u64>,
    /// Bytes of a message that is too long to be kept.
    passing: usize,
}

/// One handshake message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message {
    /// HandshakeType.
    pub(super) kind: u8,
    /// What follows the header: type (1), length (3).
    pub(super) body: Vec<u8>,
    /// The frames it came in.
    pub(super) packets: Vec<u64>,
}

/// Longest message that is read. Real certificate lists stay below 64 KiB,
/// which is Schannel's own limit for a message.
pub(super) const MAX_MESSAGE: usize = 256 * 1024;

impl MessageBuffer {
    /// Adds payload.
    pub(super) fn push(&mut self, mut bytes: &[u8], at: Sighting) {
        let passed = self.passing.min(bytes.len());
        self.passing -= passed;
        bytes = bytes.get(passed..).unwrap_or_default();
        if bytes.is_empty() {
            return;
        }
        self.bytes.extend_from_slice(bytes);
        if self.packets.last() != Some(&at.packet) {
            self.packets.push(at.packet);
        }
    }

    /// Adds what a record protected, and the frames it came in.
    pub(super) fn push_opened(&mut self, bytes: &[u8], packets: &[u64], at: Sighting) {
        for packet in packets {
            if !bytes.is_empty() && self.packets.last() != Some(packet) {
                self.packets.push(*packet);
            }
        }
        self.push(bytes, at);
    }

    /// Takes the next whole message out. A message above [`MAX_MESSAGE`] is
    /// passed over; it comes out with its type and no packets.
    pub(super) fn take(&mut self) -> Option<Message> {
        let &[kind, a, b, c, ..] = self.bytes.as_slice() else {
            return None;
        };
        let length = u32::from_be_bytes([0, a, b, c]) as usize;
        if length > MAX_MESSAGE {
            let here = self.bytes.len() - 4;
            self.passing = length.saturating_sub(here);
            self.bytes.drain(..4 + here.min(length));
            return Some(Message {
                kind,
                body: Vec::new(),
                packets: Vec::new(),
            });
        }
        let body = self.bytes.get(4..4 + length)?.to_vec();
        self.bytes.drain(..4 + length);
        let last = self.packets.last().copied();
        let packets = std::mem::take(&mut self.packets);
        if !self.bytes.is_empty() {
            self.packets.extend(last);
        }
        Some(Message {
            kind,
            body,
            packets,
        })
    }

    /// Forgets a message that cannot become whole; true when there was one.
    pub(super) fn reset(&mut self) -> bool {
        let had = !self.bytes.is_empty();
        *self = MessageBuffer::default();
        had
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::protocol::trial::seen;

    #[test]
    fn records_come_out_whatever_the_pieces() {
        let bytes = [22, 3, 1, 0, 3, 7, 8, 9, 21, 3, 3, 0, 2, 2, 48];
        for piece in 1..=bytes.len() {
            let (mut stream, mut payloads) = (RecordStream::default(), Vec::new());
            for mut piece in bytes.chunks(piece) {
                while let Some(piece) = stream.next(&mut piece, seen(1)) {
                    match piece {
                        Piece::Begins(record) => payloads.push((record.content_type, vec![])),
                        Piece::Payload(_, bytes, _) => payloads.last_mut().unwrap().1.extend(bytes),
                        other => panic!("{other:?}"),
                    }
                }
            }
            assert_eq!(
                payloads,
                [(22, vec![7, 8, 9]), (21, vec![2, 48])],
                "pieces of {piece}"
            );
        }
    }

    #[test]
    fn an_empty_record_is_over_at_once() {
        let mut stream = RecordStream::default();
        let mut bytes = &[23, 3, 1, 0, 0][..];
        assert!(matches!(
            stream.next(&mut bytes, seen(1)),
            Some(Piece::Begins(_))
        ));
        assert!(matches!(
            stream.next(&mut bytes, seen(1)),
            Some(Piece::Payload(_, [], true))
        ));
        assert_eq!(stream.next(&mut bytes, seen(1)), None);
    }

    #[test]
    fn a_lost_place_is_taken_up_where_a_segment_begins_a_record() {
        let mut stream = RecordStream::default();
        let mut bytes = &b"GET / HTTP/1.1"[..];
        assert_eq!(stream.next(&mut bytes, seen(1)), Some(Piece::Lost));
        let record = [23, 3, 3, 0, 2, 1, 2];
        stream.segment(b"rubbish");
        assert_eq!(stream.next(&mut &record[..], seen(2)), None);
        stream.segment(&record);
        assert!(matches!(
            stream.next(&mut &record[..], seen(2)),
            Some(Piece::Begins(_))
        ));
    }

    #[test]
    fn a_message_across_records_knows_its_frames() {
        let mut buffer = MessageBuffer::default();
        buffer.push(&[11, 0, 0, 3, 1], seen(5));
        assert_eq!(buffer.take(), None);
        buffer.push(&[2, 3, 14, 0, 0, 0], seen(6));
        let message = Message {
            kind: 11,
            body: vec![1, 2, 3],
            packets: vec![5, 6],
        };
        assert_eq!(buffer.take(), Some(message));
        let message = Message {
            kind: 14,
            body: vec![],
            packets: vec![6],
        };
        assert_eq!(buffer.take(), Some(message));
        assert_eq!(buffer.take(), None);
    }

    #[test]
    fn a_message_of_16_megabytes_is_passed_over() {
        let mut buffer = MessageBuffer::default();
        buffer.push(&[11, 0xFF, 0xFF, 0xFF, 1, 2, 3], seen(5));
        assert_eq!(buffer.take().map(|message| message.kind), Some(11));
        for _ in 0..0xFF_FFFF / 3 - 1 {
            buffer.push(&[0; 3], seen(6));
        }
        assert_eq!((buffer.bytes.len(), buffer.take()), (0, None));
        buffer.push(&[14, 0, 0, 0], seen(7));
        assert_eq!(buffer.take().map(|message| message.kind), Some(14));
    }
}
