//! Collects the head of the next HTTP message out of pieces.

use crate::flow::Direction;
use crate::protocol::http_head::{MAX_HEAD, head_end};
use crate::provenance::Sighting;

/// Bytes of a head not yet whole.
#[derive(Default)]
pub(super) struct HeadBuffer {
    bytes: Vec<u8>,
    first: Option<Sighting>,
}

/// What a piece of input led to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum HeadStep<'a> {
    /// The head goes on.
    More,
    /// A head with its empty line, the frame it began in, and what follows.
    Whole(Vec<u8>, Sighting, &'a [u8]),
    /// This is no head; the text says why.
    NotHttp(&'static str),
}

impl HeadBuffer {
    /// Takes the next bytes of a stream in which a message of this direction
    /// is due. Empty lines before it are dropped.
    pub(super) fn push<'a>(
        &mut self,
        direction: Direction,
        mut bytes: &'a [u8],
        at: Sighting,
    ) -> HeadStep<'a> {
        if self.bytes.is_empty() {
            let start = bytes.iter().position(|byte| !matches!(byte, b'\r' | b'\n'));
            bytes = bytes
                .get(start.unwrap_or(bytes.len())..)
                .unwrap_or_default();
            if bytes.is_empty() {
                return HeadStep::More;
            }
            self.first = Some(at);
        }
        let first = self.first.unwrap_or(at);
        let before = self.bytes.len();
        self.bytes
            .extend_from_slice(bytes.get(..MAX_HEAD + 1).unwrap_or(bytes));
        if !may_be_head(direction, &self.bytes) {
            self.bytes = Vec::new();
            return HeadStep::NotHttp("not HTTP where a message should begin");
        }
        match head_end(&self.bytes, before) {
            Some(end) => {
                let mut head = std::mem::take(&mut self.bytes);
                head.truncate(end);
                HeadStep::Whole(head, first, bytes.get(end - before..).unwrap_or_default())
            }
            None if self.bytes.len() > MAX_HEAD => {
                self.bytes = Vec::new();
                HeadStep::NotHttp("a message head is longer than 64 KiB")
            }
            None => HeadStep::More,
        }
    }

    /// What there is of a head that will not become whole: its complete lines,
    /// closed by an empty one, and the frame it began in.
    pub(super) fn salvage(&mut self) -> Option<(Vec<u8>, Sighting)> {
        let mut head = std::mem::take(&mut self.bytes);
        let end = head.iter().rposition(|&byte| byte == b'\n')?;
        head.truncate(end + 1);
        head.extend_from_slice(b"\r\n");
        Some((head, self.first?))
    }
}

/// False as soon as the first line cannot be one of HTTP/1.x.
fn may_be_head(direction: Direction, bytes: &[u8]) -> bool {
    let line_end = bytes.iter().take(MAX_HEAD).position(|&byte| byte == b'\n');
    let line = bytes
        .get(..line_end.unwrap_or(bytes.len()))
        .unwrap_or_default();
    match direction {
        Direction::ToClient => line
            .iter()
            .zip(b"HTTP/1.")
            .all(|(left, right)| left == right),
        Direction::ToServer => {
            let is_token =
                |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.!#$%&'*+^`|~".contains(byte);
            let method = line.iter().take_while(|byte| is_token(byte)).count();
            let ends_well = line.get(method).is_none_or(|&byte| byte == b' ');
            let has_version = || line.windows(8).any(|window| window == b" HTTP/1.");
            (1..=MAX_METHOD).contains(&method) && ends_well && (line_end.is_none() || has_version())
        }
    }
}

/// The longest in use is `VERSION-CONTROL`.
const MAX_METHOD: usize = 24;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::protocol::trial::seen;

    #[test]
    fn a_head_in_single_bytes_is_whole_with_its_last_one() {
        let message = b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n";
        let mut buffer = HeadBuffer::default();
        for (number, byte) in message.iter().enumerate() {
            let at = seen(number as u64);
            let step = buffer.push(Direction::ToServer, std::slice::from_ref(byte), at);
            if number + 1 < message.len() {
                assert_eq!(step, HeadStep::More, "byte {number}");
            } else {
                assert_eq!(step, HeadStep::Whole(message[2..].to_vec(), seen(2), b""));
            }
        }
    }

    #[test]
    fn other_bytes_are_refused_before_they_fill_the_buffer() {
        let mut buffer = HeadBuffer::default();
        let no = HeadStep::NotHttp("not HTTP where a message should begin");
        assert_eq!(buffer.push(Direction::ToServer, &[0x16, 3, 1], seen(1)), no);
        assert_eq!(buffer.push(Direction::ToClient, b"HTTQ", seen(1)), no);
        assert_eq!(
            buffer.push(Direction::ToServer, b"USER anonymous\r\n", seen(1)),
            no
        );
        let long = [b'a'; MAX_HEAD + 9];
        let mut head = b"GET /".to_vec();
        head.extend(long);
        let too_long = HeadStep::NotHttp("a message head is longer than 64 KiB");
        assert_eq!(buffer.push(Direction::ToServer, &head, seen(1)), too_long);
    }

    #[test]
    fn the_whole_lines_of_a_cut_head_are_kept() {
        let mut buffer = HeadBuffer::default();
        buffer.push(
            Direction::ToClient,
            b"HTTP/1.1 407 No\r\nVia: x\r\nProxy-Au",
            seen(4),
        );
        let (head, first) = buffer.salvage().unwrap();
        assert_eq!(head, b"HTTP/1.1 407 No\r\nVia: x\r\n\r\n");
        assert_eq!(first, seen(4));
        assert_eq!(buffer.salvage(), None);
    }
}
