//! A cursor over bytes from evidence, and the one error all parsers return.
//!
//! Every read is checked. A parser names what it reads in the words of the
//! specification, so that a message says `MetaData header at byte 16: needs 8
//! bytes, 3 left` without the parser's help.

use std::fmt;

/// Reads integers and slices from front to back, never past the end.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Reader<'a> {
    /// Starts at the first byte.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Reader { bytes, position: 0 }
    }

    /// Offset of the next byte to be read.
    #[must_use]
    pub fn position(&self) -> usize {
        self.position
    }

    /// Number of bytes not yet read.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.bytes.len() - self.position
    }

    /// True when nothing is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.remaining() == 0
    }

    /// The bytes not yet read, without moving.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.position..).unwrap_or_default()
    }

    /// Takes the next `count` bytes.
    ///
    /// # Errors
    ///
    /// `Truncated` when fewer are left; the position does not move.
    pub fn take(&mut self, what: &'static str, count: usize) -> Result<&'a [u8], ParseError> {
        let end = self.position.checked_add(count);
        match end.and_then(|end| self.bytes.get(self.position..end)) {
            Some(slice) => {
                self.position += count;
                Ok(slice)
            }
            None => {
                let (needed, left) = (count as u64, self.remaining() as u64);
                Err(self.error(what, ErrorKind::Truncated { needed, left }))
            }
        }
    }

    /// Moves over `count` bytes.
    ///
    /// # Errors
    ///
    /// `Truncated` when fewer are left.
    pub fn skip(&mut self, what: &'static str, count: usize) -> Result<(), ParseError> {
        self.take(what, count).map(|_| ())
    }

    /// Takes the next `N` bytes as an array.
    ///
    /// # Errors
    ///
    /// `Truncated` when fewer are left.
    pub fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], ParseError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(what, N)?);
        Ok(array)
    }

    /// Reads one byte.
    ///
    /// # Errors
    ///
    /// `Truncated` at the end.
    pub fn u8(&mut self, what: &'static str) -> Result<u8, ParseError> {
        Ok(u8::from_le_bytes(self.array(what)?))
    }

    /// Reads a big-endian 16-bit integer.
    ///
    /// # Errors
    ///
    /// `Truncated` when fewer than 2 bytes are left.
    pub fn u16_be(&mut self, what: &'static str) -> Result<u16, ParseError> {
        Ok(u16::from_be_bytes(self.array(what)?))
    }

    /// Reads a little-endian 16-bit integer.
    ///
    /// # Errors
    ///
    /// `Truncated` when fewer than 2 bytes are left.
    pub fn u16_le(&mut self, what: &'static str) -> Result<u16, ParseError> {
        Ok(u16::from_le_bytes(self.array(what)?))
    }

    /// Reads a big-endian 24-bit integer, the length field of TLS.
    ///
    /// # Errors
    ///
    /// `Truncated` when fewer than 3 bytes are left.
    pub fn u24_be(&mut self, what: &'static str) -> Result<u32, ParseError> {
        let [high, middle, low] = self.array(what)?;
        Ok(u32::from_be_bytes([0, high, middle, low]))
    }

    /// Reads a big-endian 32-bit integer.
    ///
    /// # Errors
    ///
    /// `Truncated` when fewer than 4 bytes are left.
    pub fn u32_be(&mut self, what: &'static str) -> Result<u32, ParseError> {
        Ok(u32::from_be_bytes(self.array(what)?))
    }

    /// Reads a little-endian 32-bit integer.
    ///
    /// # Errors
    ///
    /// `Truncated` when fewer than 4 bytes are left.
    pub fn u32_le(&mut self, what: &'static str) -> Result<u32, ParseError> {
        Ok(u32::from_le_bytes(self.array(what)?))
    }

    /// Reads a little-endian 64-bit integer, such as a FILETIME.
    ///
    /// # Errors
    ///
    /// `Truncated` when fewer than 8 bytes are left.
    pub fn u64_le(&mut self, what: &'static str) -> Result<u64, ParseError> {
        Ok(u64::from_le_bytes(self.array(what)?))
    }

    /// An error at the current position.
    #[must_use]
    pub fn error(&self, what: &'static str, kind: ErrorKind) -> ParseError {
        ParseError {
            what,
            at: self.position as u64,
            kind,
        }
    }
}

/// Why a structure could not be read: what, where, and how it failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} at byte {at}: {kind}")]
pub struct ParseError {
    /// The structure, in the words of its specification.
    pub what: &'static str,
    /// Offset from the start of the input given to the parser.
    pub at: u64,
    /// What went wrong there.
    pub kind: ErrorKind,
}

impl ParseError {
    /// The same error, its offset counted from `base` bytes earlier.
    #[must_use]
    pub fn shifted(mut self, base: u64) -> Self {
        self.at = self.at.saturating_add(base);
        self
    }
}

/// The ways in which a parser can fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErrorKind {
    /// The input ends before the structure does.
    Truncated {
        /// Bytes that the structure needs here.
        needed: u64,
        /// Bytes that are left.
        left: u64,
    },
    /// A number read from the input is above the limit we accept.
    OverLimit {
        /// The number read.
        value: u64,
        /// The named limit.
        limit: u64,
    },
    /// The bytes contradict the specification; the text says how.
    Malformed(String),
    /// A valid form that we do not read; the text names it.
    Unsupported(String),
    /// Bytes follow the end of the structure.
    TrailingBytes {
        /// How many.
        count: u64,
    },
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ErrorKind::Truncated { needed, left } => {
                write!(formatter, "needs {needed} bytes, {left} left")
            }
            ErrorKind::OverLimit { value, limit } => {
                write!(formatter, "{value} is above the limit of {limit}")
            }
            ErrorKind::Malformed(how) => write!(formatter, "malformed: {how}"),
            ErrorKind::Unsupported(what) => write!(formatter, "not supported: {what}"),
            ErrorKind::TrailingBytes { count } => {
                write!(formatter, "{count} bytes follow the end")
            }
        }
    }
}

/// Writes bytes as lower-case hexadecimal digits without separators.
#[must_use]
pub fn to_hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    #[test]
    fn a_cut_integer_says_how_much_is_missing() {
        let mut reader = Reader::new(&[1, 2, 3]);
        assert_eq!(reader.u8("Tag"), Ok(1));
        let error = reader.u32_le("Length").unwrap_err();
        assert_eq!(error.kind, ErrorKind::Truncated { needed: 4, left: 2 });
        assert_eq!(error.to_string(), "Length at byte 1: needs 4 bytes, 2 left");
        assert_eq!(reader.remaining(), 2);
    }

    #[test]
    fn integers_are_read_in_both_orders() {
        let mut reader = Reader::new(&[0, 1, 1, 0, 0, 0, 2, 9, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(reader.u16_be("a"), Ok(1));
        assert_eq!(reader.u16_le("b"), Ok(1));
        assert_eq!(reader.u24_be("c"), Ok(2));
        assert_eq!(reader.u64_le("d"), Ok(9));
        assert!(reader.is_empty());
    }

    #[test]
    fn a_length_near_the_address_space_is_truncated_not_wrapped() {
        let mut reader = Reader::new(&[0; 4]);
        reader.skip("x", 1).unwrap();
        let error = reader.take("Blob", usize::MAX).unwrap_err();
        assert_eq!(
            error.kind,
            ErrorKind::Truncated {
                needed: u64::MAX,
                left: 3
            }
        );
    }

    #[test]
    fn hexadecimal_is_lower_case() {
        assert_eq!(to_hex(&[0xAB, 0x01]), "ab01");
    }
}
