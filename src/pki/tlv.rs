//! A tolerant reader of DER elements: tag, length, contents.
//!
//! Real certificates deviate from DER in ways that Windows accepts, so the
//! outer walk of every object is ours: lengths in too many bytes and
//! indefinite lengths are read, and `deviation.rs` lists them afterwards.

use crate::bytes::{ErrorKind, ParseError};

/// Universal tags as identifier octets, SEQUENCE and SET constructed.
pub mod tag {
    #![allow(missing_docs)]
    pub const BOOLEAN: u8 = 0x01;
    pub const INTEGER: u8 = 0x02;
    pub const BIT_STRING: u8 = 0x03;
    pub const OCTET_STRING: u8 = 0x04;
    pub const OID: u8 = 0x06;
    pub const ENUMERATED: u8 = 0x0A;
    pub const UTC_TIME: u8 = 0x17;
    pub const GENERALIZED_TIME: u8 = 0x18;
    pub const SEQUENCE: u8 = 0x30;
    pub const SET: u8 = 0x31;
}

/// The identifier octet of a constructed context tag, `[number]` EXPLICIT or
/// around a constructed type.
#[must_use]
pub const fn context(number: u8) -> u8 {
    0xA0 | number
}

/// The identifier octet of a primitive context tag.
#[must_use]
pub const fn context_primitive(number: u8) -> u8 {
    0x80 | number
}

/// One element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tlv<'a> {
    /// The identifier octet (the first one of a high tag number).
    pub tag: u8,
    /// Offset of the identifier octet in the input.
    pub at: usize,
    /// Length of identifier and length octets.
    pub header: usize,
    /// Identifier, length and contents octets.
    pub whole: &'a [u8],
    /// The contents octets.
    pub contents: &'a [u8],
}

impl<'a> Tlv<'a> {
    /// A reader of the elements inside.
    #[must_use]
    pub fn children(&self) -> DerReader<'a> {
        DerReader {
            bytes: self.contents,
            base: self.at + self.header,
            position: 0,
        }
    }

    /// An error at this element.
    #[must_use]
    pub fn malformed(&self, what: &'static str, how: impl Into<String>) -> ParseError {
        ParseError {
            what,
            at: self.at as u64,
            kind: ErrorKind::Malformed(how.into()),
        }
    }
}

/// Reads elements from front to back.
#[derive(Debug, Clone)]
pub struct DerReader<'a> {
    bytes: &'a [u8],
    base: usize,
    position: usize,
}

impl<'a> DerReader<'a> {
    /// Starts at the first byte of the input.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        DerReader {
            bytes,
            base: 0,
            position: 0,
        }
    }

    /// Starts at a later byte of the input; offsets count from its first.
    #[must_use]
    pub fn starting_at(bytes: &'a [u8], at: usize) -> Self {
        DerReader {
            bytes: bytes.get(at..).unwrap_or_default(),
            base: at,
            position: 0,
        }
    }

    /// True when nothing is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.position >= self.bytes.len()
    }

    /// The bytes not yet read.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.position..).unwrap_or_default()
    }

    /// Offset of the next element in the input.
    #[must_use]
    pub fn at(&self) -> usize {
        self.base + self.position
    }

    /// The identifier octet of the next element, `None` at the end.
    #[must_use]
    pub fn peek(&self) -> Option<u8> {
        self.rest().first().copied()
    }

    /// Reads the next element, whatever it is.
    ///
    /// # Errors
    ///
    /// `Truncated` when its length reaches past the end; `Malformed` for a
    /// length that cannot be one.
    pub fn any(&mut self, what: &'static str) -> Result<Tlv<'a>, ParseError> {
        let rest = self.rest();
        let at = self.at();
        let head = header(rest).map_err(|kind| ParseError {
            what,
            at: at as u64,
            kind,
        })?;
        let (length, trailer) = match head.length {
            Some(length) => (length, 0),
            None => (
                indefinite(rest, head.size, MAX_INDEFINITE_DEPTH, what, at)?,
                2,
            ),
        };
        let end = head
            .size
            .checked_add(length)
            .and_then(|end| end.checked_add(trailer));
        let whole = end.and_then(|end| rest.get(..end));
        let contents = whole.and_then(|whole| whole.get(head.size..head.size + length));
        let (Some(whole), Some(contents)) = (whole, contents) else {
            let needed = (head.size as u64).saturating_add(length as u64);
            let kind = ErrorKind::Truncated {
                needed,
                left: rest.len() as u64,
            };
            return Err(ParseError {
                what,
                at: at as u64,
                kind,
            });
        };
        self.position += whole.len();
        Ok(Tlv {
            tag: head.tag,
            at,
            header: head.size,
            whole,
            contents,
        })
    }

    /// Reads the next element, which must have this identifier octet.
    ///
    /// # Errors
    ///
    /// As [`DerReader::any`]; `Malformed` for another tag, `Truncated` at the end.
    pub fn expect(&mut self, what: &'static str, tag: u8) -> Result<Tlv<'a>, ParseError> {
        match self.peek() {
            Some(found) if found != tag => {
                let how = format!("tag {found:#04x} where {tag:#04x} belongs");
                Err(ParseError {
                    what,
                    at: self.at() as u64,
                    kind: ErrorKind::Malformed(how),
                })
            }
            _ => self.any(what),
        }
    }

    /// Reads the next element if it has this identifier octet.
    ///
    /// # Errors
    ///
    /// As [`DerReader::any`].
    pub fn optional(&mut self, what: &'static str, tag: u8) -> Result<Option<Tlv<'a>>, ParseError> {
        if self.peek() == Some(tag) {
            self.any(what).map(Some)
        } else {
            Ok(None)
        }
    }

    /// Reads an OBJECT IDENTIFIER as dotted text.
    ///
    /// # Errors
    ///
    /// As [`DerReader::expect`].
    pub fn oid(&mut self, what: &'static str) -> Result<String, ParseError> {
        self.expect(what, tag::OID).map(|oid| dotted(oid.contents))
    }

    /// Reads an INTEGER that fits into 32 bits.
    ///
    /// # Errors
    ///
    /// As [`DerReader::expect`]; `Malformed` when negative, empty or too large.
    pub fn small_integer(&mut self, what: &'static str) -> Result<u32, ParseError> {
        let integer = self.expect(what, tag::INTEGER)?;
        small_number(integer.contents)
            .ok_or_else(|| integer.malformed(what, "not a number below 2^32"))
    }

    /// Reads a BIT STRING: its octets, and the number of unused last bits.
    ///
    /// # Errors
    ///
    /// As [`DerReader::expect`]; `Malformed` without the count of unused bits.
    pub fn bit_string(&mut self, what: &'static str) -> Result<(&'a [u8], u8), ParseError> {
        let bits = self.expect(what, tag::BIT_STRING)?;
        match bits.contents.split_first() {
            Some((unused, octets)) if *unused < 8 => Ok((octets, *unused)),
            _ => Err(bits.malformed(what, "no count of unused bits below 8")),
        }
    }
}

/// Nesting of indefinite lengths that is followed; each level scans its own
/// contents again, and real CMS has fewer than ten.
const MAX_INDEFINITE_DEPTH: usize = 16;

/// Bytes of a high tag number that are read: 4 bytes hold 28 bits.
const MAX_TAG_BYTES: usize = 4;

struct Header {
    tag: u8,
    /// Identifier and length octets.
    size: usize,
    /// `None` for the indefinite form.
    length: Option<usize>,
}

/// Reads identifier and length octets (X.690 §8.1.2, §8.1.3).
fn header(bytes: &[u8]) -> Result<Header, ErrorKind> {
    let left = bytes.len() as u64;
    let byte = |index: usize| {
        let needed = index as u64 + 1;
        bytes
            .get(index)
            .copied()
            .ok_or(ErrorKind::Truncated { needed, left })
    };
    let tag = byte(0)?;
    let mut size = 1;
    if tag & 0x1F == 0x1F {
        while byte(size)? & 0x80 != 0 {
            size += 1;
            if size > MAX_TAG_BYTES {
                return Err(ErrorKind::Malformed("tag number above 2^28".to_owned()));
            }
        }
        size += 1;
    }
    let first = byte(size)?;
    size += 1;
    if first < 0x80 {
        return Ok(Header {
            tag,
            size,
            length: Some(usize::from(first)),
        });
    }
    if first == 0x80 && tag & 0x20 != 0 {
        return Ok(Header {
            tag,
            size,
            length: None,
        });
    }
    let count = usize::from(first & 0x7F);
    let mut length: u64 = 0;
    for _ in 0..count {
        if length >> 56 != 0 {
            return Err(ErrorKind::Malformed("length above 2^64".to_owned()));
        }
        length = (length << 8) | u64::from(byte(size)?);
        size += 1;
    }
    if count == 0 {
        return Err(ErrorKind::Malformed(
            "indefinite length of a primitive".to_owned(),
        ));
    }
    Ok(Header {
        tag,
        size,
        length: Some(usize::try_from(length).unwrap_or(usize::MAX)),
    })
}

/// The length of the contents of an element of indefinite length: up to its
/// own end-of-contents octets.
fn indefinite(
    bytes: &[u8],
    start: usize,
    depth: usize,
    what: &'static str,
    at: usize,
) -> Result<usize, ParseError> {
    let fail = |kind| ParseError {
        what,
        at: at as u64,
        kind,
    };
    if depth == 0 {
        return Err(fail(ErrorKind::Unsupported(
            "indefinite lengths nested deeply".to_owned(),
        )));
    }
    let mut position = start;
    loop {
        let rest = bytes.get(position..).unwrap_or_default();
        if rest.starts_with(&[0, 0]) {
            return Ok(position - start);
        }
        let head = header(rest).map_err(fail)?;
        let inner = match head.length {
            Some(length) => length,
            None => indefinite(rest, head.size, depth - 1, what, at)?.saturating_add(2),
        };
        let next = head.size.saturating_add(inner);
        if next > rest.len() {
            let (needed, left) = (next as u64, rest.len() as u64);
            return Err(fail(ErrorKind::Truncated { needed, left }));
        }
        position += next;
    }
}

/// Contents octets of an OBJECT IDENTIFIER as dotted text; `#` and hex when
/// they are none.
#[must_use]
pub fn dotted(contents: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    let mut arc: u128 = 0;
    let mut first = true;
    for (index, byte) in contents.iter().enumerate() {
        if arc >> 120 != 0 {
            return hash_hex(contents);
        }
        arc = (arc << 7) | u128::from(byte & 0x7F);
        if byte & 0x80 != 0 {
            if index + 1 == contents.len() {
                return hash_hex(contents);
            }
            continue;
        }
        if first {
            let top = (arc / 40).min(2);
            let _ = write!(text, "{top}.{}", arc - top * 40);
            first = false;
        } else {
            let _ = write!(text, ".{arc}");
        }
        arc = 0;
    }
    if text.is_empty() {
        hash_hex(contents)
    } else {
        text
    }
}

/// `#` and the bytes in hex: how RFC 4514 writes what is no text.
#[must_use]
pub fn hash_hex(bytes: &[u8]) -> String {
    format!("#{}", crate::bytes::to_hex(bytes))
}

/// Contents octets of an INTEGER or ENUMERATED from 0 to 2^32 − 1.
#[must_use]
pub fn small_number(contents: &[u8]) -> Option<u32> {
    let first = contents.first()?;
    if first & 0x80 != 0 {
        return None;
    }
    let digits = unsigned(contents);
    (digits.len() <= 4).then(|| {
        digits
            .iter()
            .fold(0, |number, byte| (number << 8) | u32::from(*byte))
    })
}

/// Contents octets of a non-negative INTEGER without leading zeros.
#[must_use]
pub fn unsigned(contents: &[u8]) -> &[u8] {
    let zeros = contents.iter().take_while(|byte| **byte == 0).count();
    contents.get(zeros..).unwrap_or_default()
}

/// Number of significant bits of big-endian octets.
#[must_use]
pub fn bit_length(octets: &[u8]) -> u32 {
    let digits = unsigned(octets);
    let Some(first) = digits.first() else {
        return 0;
    };
    let bits = digits.len().saturating_mul(8);
    u32::try_from(bits).unwrap_or(u32::MAX) - first.leading_zeros()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_length_past_the_end_says_how_much_is_missing() {
        let error = DerReader::new(&[0x30, 0x82, 1, 0, 5])
            .any("Certificate")
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "Certificate at byte 0: needs 260 bytes, 5 left"
        );
    }

    #[test]
    fn offsets_count_from_the_outermost_byte() {
        let bytes = [0x30, 6, 0x30, 4, 2, 1, 5, 0x05];
        let mut outer = DerReader::new(&bytes).any("a").unwrap().children();
        let mut inner = outer.any("b").unwrap().children();
        assert_eq!(inner.small_integer("c"), Ok(5));
        let error = inner.any("d").unwrap_err();
        assert_eq!(error.to_string(), "d at byte 7: needs 2 bytes, 1 left");
    }

    #[test]
    fn an_indefinite_length_ends_at_its_own_end_of_contents() {
        let bytes = [0x30, 0x80, 0x30, 0x80, 2, 1, 0, 0, 0, 2, 1, 7, 0, 0, 9];
        let mut reader = DerReader::new(&bytes);
        let outer = reader.any("a").unwrap();
        assert_eq!(outer.contents, &bytes[2..12]);
        assert_eq!(reader.rest(), &[9]);
        let mut inside = outer.children();
        inside.any("b").unwrap();
        assert_eq!(inside.small_integer("c"), Ok(7));
    }

    #[test]
    fn lengths_near_the_address_space_do_not_wrap() {
        let bytes = [0x30, 0x88, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];
        let error = DerReader::new(&bytes).any("x").unwrap_err();
        assert_eq!(
            error.kind,
            ErrorKind::Truncated {
                needed: u64::MAX,
                left: 10
            }
        );
    }

    #[test]
    fn object_identifiers_read_as_dotted_text() {
        assert_eq!(dotted(&[0x55, 4, 3]), "2.5.4.3");
        assert_eq!(
            dotted(&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D]),
            "1.2.840.113549"
        );
        assert_eq!(dotted(&[0x88, 0x37, 1]), "2.999.1");
        assert_eq!(dotted(&[0x2A, 0x86]), "#2a86");
        assert_eq!(dotted(&[]), "#");
    }

    #[test]
    fn numbers_above_32_bits_and_below_zero_are_none() {
        assert_eq!(small_number(&[0, 0xFF, 0xFF, 0xFF, 0xFF]), Some(u32::MAX));
        assert_eq!(small_number(&[1, 0, 0, 0, 0]), None);
        assert_eq!(small_number(&[0x80]), None);
        assert_eq!(bit_length(&[0, 1, 0]), 9);
    }
}
