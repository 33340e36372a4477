//! Telling what bytes are by content alone, from a prefix of them.

use super::LooksLike;
use super::html::is_html;
use super::signed_data::SIGNED_DATA;
use super::tlv::{context, dotted, tag};

/// Bytes of a prefix that suffice for [`looks_like`].
pub const LOOKS_LIKE_PREFIX: usize = 2048;

/// Says what bytes are. A prefix of [`LOOKS_LIKE_PREFIX`] bytes gives the answer that the
/// whole gives, except for PEM after a long preamble.
#[must_use]
pub fn looks_like(bytes: &[u8]) -> LooksLike {
    if bytes.is_empty() {
        return LooksLike::Empty;
    }
    if bytes.starts_with(b"MSCF") {
        return LooksLike::Cab;
    }
    if let Some(kind) = der_kind(bytes) {
        return kind;
    }
    let narrowed = narrowed(bytes.get(..MAX_TEXT).unwrap_or(bytes));
    let text = narrowed.as_deref().unwrap_or(bytes);
    let text = text.get(..MAX_TEXT).unwrap_or(text);
    if is_html(text) {
        LooksLike::Html
    } else if super::pem::find(text, 0, b"-----BEGIN ").is_some() {
        LooksLike::Pem
    } else if is_text(text) {
        LooksLike::Text
    } else {
        LooksLike::Other
    }
}

/// Bytes of text that are looked at: `openssl` prints a certificate of up to
/// 10 kB as text before its PEM.
const MAX_TEXT: usize = 64 << 10;

/// UTF-16 text as UTF-8, where the bytes are UTF-16: by byte order mark, or by
/// ASCII with zeros between, as Windows tools write it.
#[must_use]
pub fn narrowed(bytes: &[u8]) -> Option<Vec<u8>> {
    let (rest, is_big) = match bytes {
        [0xFF, 0xFE, rest @ ..] => (rest, false),
        [0xFE, 0xFF, rest @ ..] => (rest, true),
        [first, 0, second, 0, ..] if first.is_ascii_graphic() && second.is_ascii_graphic() => {
            (bytes, false)
        }
        _ => return None,
    };
    let units = rest
        .chunks_exact(2)
        .filter_map(|pair| <[u8; 2]>::try_from(pair).ok());
    let decode = if is_big {
        u16::from_be_bytes
    } else {
        u16::from_le_bytes
    };
    let text = char::decode_utf16(units.map(decode));
    let text: String = text
        .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect();
    Some(text.into_bytes())
}

/// True for UTF-8, perhaps cut within a character, without controls other
/// than white space; and for Latin-1 of which most is ASCII.
fn is_text(bytes: &[u8]) -> bool {
    let is_control = |byte: &u8| *byte < 0x20 && !b"\t\n\r\x0C\x1B".contains(byte);
    if bytes.iter().any(is_control) {
        return false;
    }
    match std::str::from_utf8(bytes) {
        Ok(_) => true,
        Err(error) if error.error_len().is_none() => true,
        Err(_) => bytes.iter().filter(|byte| byte.is_ascii()).count() * 10 >= bytes.len() * 9,
    }
}

/// What a DER object is, by the tags it starts with.
fn der_kind(bytes: &[u8]) -> Option<LooksLike> {
    let mut outer = Prefix(bytes).enter(tag::SEQUENCE)?;
    match outer.tag()? {
        tag::ENUMERATED => {
            let status = outer.take(tag::ENUMERATED)?;
            let follows = outer.tag();
            (status.len() == 1 && matches!(follows, None | Some(0xA0))).then_some(LooksLike::Ocsp)
        }
        tag::OID => {
            if dotted(outer.take(tag::OID)?) != SIGNED_DATA {
                return None;
            }
            let mut data = outer.enter(context(0))?.enter(tag::SEQUENCE)?;
            data.take(tag::INTEGER)?;
            data.take(tag::SET)?;
            let mut inner = data.enter(tag::SEQUENCE)?;
            let content = inner.take(tag::OID).map(dotted);
            let is_list = content.as_deref() == Some("1.3.6.1.4.1.311.10.1");
            Some(if is_list {
                LooksLike::Ctl
            } else {
                LooksLike::Pkcs7
            })
        }
        tag::SEQUENCE => {
            let mut tbs = outer.enter(tag::SEQUENCE)?;
            let is_versioned = tbs.tag()? == context(0);
            if is_versioned {
                tbs.take(context(0))?;
            }
            let number = tbs.tag()? == tag::INTEGER;
            if number {
                tbs.take(tag::INTEGER)?;
            }
            // The algorithm starts with its OID, in both.
            Prefix(tbs.0).enter(tag::SEQUENCE)?.take(tag::OID)?;
            tbs.take(tag::SEQUENCE)?;
            if tbs.tag()? != tag::SEQUENCE {
                return None;
            }
            // Past the issuer: a CRL has a time, a certificate its validity.
            let after_issuer = tbs.take(tag::SEQUENCE).and_then(|_| tbs.tag());
            match after_issuer {
                Some(tag::UTC_TIME | tag::GENERALIZED_TIME) if !is_versioned => {
                    Some(LooksLike::Crl)
                }
                Some(tag::SEQUENCE) if number => Some(LooksLike::Certificate),
                // Cut within the issuer: only a certificate has a version tag.
                None if is_versioned && number => Some(LooksLike::Certificate),
                _ => None,
            }
        }
        _ => None,
    }
}

/// DER of which only the start may be there.
struct Prefix<'a>(&'a [u8]);

impl<'a> Prefix<'a> {
    fn tag(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// The header's size and the contents' length, if the tag is this one.
    fn header(&self, tag: u8) -> Option<(usize, usize)> {
        if self.tag()? != tag {
            return None;
        }
        let first = usize::from(*self.0.get(1)?);
        if first <= 0x80 {
            // Indefinite: to the end of what is there.
            return Some((2, if first == 0x80 { usize::MAX } else { first }));
        }
        let octets = self.0.get(2..2 + (first & 0x7F))?;
        let fold = |length: usize, byte: &u8| length.checked_mul(256)?.checked_add((*byte).into());
        Some((2 + octets.len(), octets.iter().try_fold(0, fold)?))
    }

    /// The elements inside, as far as they are there.
    fn enter(&mut self, tag: u8) -> Option<Prefix<'a>> {
        let (size, length) = self.header(tag)?;
        let end = size.saturating_add(length).min(self.0.len());
        let inside = self.0.get(size..end)?;
        self.0 = self.0.get(end..)?;
        Some(Prefix(inside))
    }

    /// The contents, which must all be there; moves past them.
    fn take(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (size, length) = self.header(tag)?;
        let end = size.checked_add(length)?;
        let inside = self.0.get(size..end)?;
        self.0 = self.0.get(end..)?;
        Some(inside)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_pages_and_nothing_are_told_apart() {
        assert_eq!(looks_like(b""), LooksLike::Empty);
        assert_eq!(looks_like(b"1401D04FA2B5AFD36D"), LooksLike::Text);
        assert_eq!(
            looks_like(b"\r\n<html><body>Request forbidden"),
            LooksLike::Html
        );
        assert_eq!(looks_like(b"x\n-----BEGIN X509 CRL-----\n"), LooksLike::Pem);
        assert_eq!(looks_like(b"MSCF\0\0"), LooksLike::Cab);
        assert_eq!(looks_like(&[0, 1, 2, 0xFF]), LooksLike::Other);
        assert_eq!(looks_like("Zugänge".as_bytes()), LooksLike::Text);
    }

    #[test]
    fn text_of_two_bytes_a_character_is_text() {
        let wide = |text: &str| {
            text.encode_utf16()
                .flat_map(u16::to_le_bytes)
                .collect::<Vec<_>>()
        };
        assert_eq!(looks_like(&wide("\u{FEFF}hello")), LooksLike::Text);
        assert_eq!(
            looks_like(&wide("-----BEGIN CERTIFICATE-----")),
            LooksLike::Pem
        );
        assert_eq!(looks_like(&wide("<html>")), LooksLike::Html);
    }

    #[test]
    fn an_ocsp_error_is_five_bytes() {
        assert_eq!(looks_like(&[0x30, 3, 10, 1, 3]), LooksLike::Ocsp);
        assert_eq!(looks_like(&[0x30, 3, 10, 1]), LooksLike::Other);
    }

    #[test]
    fn other_der_is_other() {
        // An RSA private key: version, modulus…
        assert_eq!(looks_like(&[0x30, 6, 2, 1, 0, 2, 1, 15]), LooksLike::Other);
        // PKCS#7 of another content: data.
        let data = [0x30, 11, 6, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 7, 1];
        assert_eq!(looks_like(&data), LooksLike::Other);
    }
}
