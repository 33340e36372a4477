//! Tag, length, value: the frame of LDAP, SPNEGO and Kerberos messages.

use crate::bytes::{ErrorKind, ParseError, Reader};

/// Reads one element: identifier octet, length, contents.
///
/// ```text
/// | tag (1) | length (1), or 0x80 + n and n bytes, big-endian | contents |
/// ```
///
/// Tags above 30 (several identifier octets) and the indefinite length do not
/// occur in these protocols. A longer length form than needed is tolerated:
/// Windows writes four bytes always (MS-ADTS 3.1.1.3.1.3).
///
/// Spec: X.690 §8.1; RFC 4511 §5.1 (definite lengths only).
///
/// # Errors
///
/// `Truncated` when the input ends early; `Unsupported` for other forms.
pub(super) fn element<'a>(
    reader: &mut Reader<'a>,
    what: &'static str,
) -> Result<(u8, &'a [u8]), ParseError> {
    let tag = reader.u8(what)?;
    if tag & 0x1F == 0x1F {
        return Err(reader.error(what, ErrorKind::Unsupported("a tag above 30".into())));
    }
    let first = reader.u8(what)?;
    let length = match first {
        0..=0x7F => usize::from(first),
        0x81..=0x84 => {
            let bytes = reader.take(what, usize::from(first & 0x0F))?;
            bytes
                .iter()
                .fold(0, |value, byte| value << 8 | usize::from(*byte))
        }
        _ => {
            let form = format!("length form {first:#04x}");
            return Err(reader.error(what, ErrorKind::Unsupported(form)));
        }
    };
    Ok((tag, reader.take(what, length)?))
}

/// The elements inside the contents of a constructed one, as far as they are
/// sound, at most [`MAX_ELEMENTS`].
pub(super) fn elements(contents: &[u8]) -> Vec<(u8, &[u8])> {
    let mut reader = Reader::new(contents);
    let mut found = Vec::new();
    while found.len() < MAX_ELEMENTS && !reader.rest().is_empty() {
        let Ok(one) = element(&mut reader, "element") else {
            break;
        };
        found.push(one);
    }
    found
}

/// A certificate attribute has a handful of values, a token a dozen parts.
const MAX_ELEMENTS: usize = 1024;

/// The contents of the first element with a tag.
pub(super) fn first(contents: &[u8], tag: u8) -> Option<&[u8]> {
    let all = elements(contents);
    all.into_iter()
        .find(|(found, _)| *found == tag)
        .map(|(_, inner)| inner)
}

/// A non-negative INTEGER or ENUMERATED of at most four bytes.
pub(super) fn number(contents: &[u8]) -> Option<u32> {
    (!contents.is_empty() && contents.len() <= 4).then(|| {
        contents
            .iter()
            .fold(0, |value, byte| value << 8 | u32::from(*byte))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn short_and_long_lengths_are_read_and_a_cut_one_says_so() {
        let bytes = [0x30, 0x84, 0, 0, 0, 3, 0x02, 0x01, 0x07];
        let (tag, contents) = element(&mut Reader::new(&bytes), "LDAPMessage").unwrap();
        assert_eq!((tag, contents), (0x30, &[2, 1, 7][..]));
        assert_eq!(elements(contents), [(2, &[7][..])]);
        let error = element(&mut Reader::new(&bytes[..8]), "LDAPMessage").unwrap_err();
        assert!(matches!(error.kind, ErrorKind::Truncated { .. }), "{error}");
    }

    #[test]
    fn forms_that_do_not_occur_are_refused() {
        for bytes in [[0x30, 0x80], [0x3F, 0x01], [0x30, 0x85]] {
            let error = element(&mut Reader::new(&bytes), "x").unwrap_err();
            assert!(matches!(error.kind, ErrorKind::Unsupported(_)), "{error}");
        }
        assert_eq!(number(&[1, 2]), Some(258));
        assert_eq!(number(&[0; 5]), None);
    }
}
