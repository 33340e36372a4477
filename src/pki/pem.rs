//! PEM: DER as base64 between lines of dashes.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::bytes::{ErrorKind, ParseError};

/// A block, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PemBlock {
    /// The label: `CERTIFICATE`, `X509 CRL`, `PKCS7`.
    pub label: String,
    /// Offset of its BEGIN line in the text.
    pub at: u64,
    /// The contents, or why there are none.
    pub bytes: Result<Vec<u8>, ParseError>,
}

/// Blocks of one file; the largest bundles have a few hundred.
const MAX_BLOCKS: usize = 10_000;

const BEGIN: &[u8] = b"-----BEGIN ";
const DASHES: &[u8] = b"-----";

/// Reads every block of a text; what lies between blocks is ignored.
///
/// ```text
/// -----BEGIN label-----
/// Header: value (RFC 1421 headers, ignored)
/// base64 lines
/// -----END label-----
/// ```
///
/// White space anywhere, missing padding and lines of any length are
/// tolerated.
///
/// Spec: RFC 7468.
#[must_use]
pub fn pem_blocks(text: &[u8]) -> Vec<PemBlock> {
    let mut blocks = Vec::new();
    let mut from = 0;
    while let Some(start) = find(text, from, BEGIN) {
        if blocks.len() == MAX_BLOCKS {
            let (value, limit) = (MAX_BLOCKS as u64 + 1, MAX_BLOCKS as u64);
            let error = error(start, ErrorKind::OverLimit { value, limit });
            blocks.push(PemBlock {
                label: String::new(),
                at: start as u64,
                bytes: Err(error),
            });
            break;
        }
        from = start + BEGIN.len();
        // Every search stops at the next block, or cost would be quadratic.
        let next = find(text, from, BEGIN).unwrap_or(text.len());
        let line = slice(text, from, next.min(from + MAX_LABEL));
        let Some(label_length) = find(line, 0, DASHES) else {
            continue;
        };
        let label = String::from_utf8_lossy(slice(line, 0, label_length)).into_owned();
        let body = slice(text, from + label_length + DASHES.len(), next);
        let bytes = match find(body, 0, b"-----END ") {
            Some(end) => {
                decode(slice(body, 0, end)).map_err(|how| error(start, ErrorKind::Malformed(how)))
            }
            None => Err(error(
                start,
                ErrorKind::Malformed(format!("{label} without an END line")),
            )),
        };
        from = next;
        blocks.push(PemBlock {
            label,
            at: start as u64,
            bytes,
        });
    }
    blocks
}

/// Longest label; the longest in use, `ENCRYPTED PRIVATE KEY`, has 21.
const MAX_LABEL: usize = 64;

/// Decodes base64 with white space in it, and RFC 1421 headers before it.
///
/// # Errors
///
/// How the text is not base64.
pub fn decode(body: &[u8]) -> Result<Vec<u8>, String> {
    let mut base64 = Vec::with_capacity(body.len());
    for line in body.split(|byte| *byte == b'\n') {
        if !line.contains(&b':') {
            base64.extend(line.iter().filter(|byte| !byte.is_ascii_whitespace()));
        }
    }
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    GeneralPurpose::new(&STANDARD, config)
        .decode(base64)
        .map_err(|error| format!("base64: {error}"))
}

fn error(at: usize, kind: ErrorKind) -> ParseError {
    ParseError {
        what: "PEM block",
        at: at as u64,
        kind,
    }
}

fn slice(text: &[u8], start: usize, end: usize) -> &[u8] {
    text.get(start..end).unwrap_or_default()
}

/// Where the pattern next is, from an offset on.
pub fn find(text: &[u8], from: usize, pattern: &[u8]) -> Option<usize> {
    let rest = text.get(from..)?;
    rest.windows(pattern.len())
        .position(|window| window == pattern)
        .map(|offset| from + offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_found_among_other_text() {
        let text = b"subject=CN\n-----BEGIN A B-----\r\nAQ I\r\nDBA\r\n-----END A B-----\nx\n\
            -----BEGIN C-----\nKey: v\n\n/w==\n-----END C-----";
        let blocks = pem_blocks(text);
        assert_eq!(blocks.len(), 2);
        assert_eq!((blocks[0].label.as_str(), blocks[0].at), ("A B", 11));
        assert_eq!(blocks[0].bytes, Ok(vec![1, 2, 3, 4]));
        assert_eq!(blocks[1].bytes, Ok(vec![0xFF]));
    }

    #[test]
    fn a_block_without_its_end_is_named_and_the_next_one_read() {
        let text = b"-----BEGIN A-----\nAQID\n-----BEGIN B-----\nAQ==\n-----END B-----";
        let blocks = pem_blocks(text);
        let error = blocks[0].bytes.clone().map_err(|error| error.to_string());
        assert_eq!(
            error,
            Err("PEM block at byte 0: malformed: A without an END line".to_owned())
        );
        assert_eq!(blocks[1].bytes, Ok(vec![1]));
    }

    #[test]
    fn what_is_not_base64_is_named() {
        let blocks = pem_blocks(b"-----BEGIN A-----\nA!==\n-----END A-----");
        let error = blocks[0].bytes.clone().map_err(|error| error.to_string());
        let expected = "PEM block at byte 0: malformed: base64: Invalid symbol 33, offset 1.";
        assert_eq!(error, Err(expected.to_owned()));
    }
}
