//! What a body is, told by its first bytes: for bodies that were not kept, are
//! not whole, or are not yet. Whole bodies are read by `pki`.

use crate::pki::LooksLike;

use super::ObjectKind;

/// Tells a body by its first bytes. `None` when none were kept of a body that
/// has some.
pub(super) fn of_prefix(prefix: &[u8], size: u64) -> Option<LooksLike> {
    if size == 0 {
        return Some(LooksLike::Empty);
    }
    if prefix.is_empty() {
        return None;
    }
    if prefix.starts_with(b"MSCF") {
        return Some(LooksLike::Cab);
    }
    if let Some(found) = der(prefix) {
        return Some(found);
    }
    Some(text(prefix).unwrap_or(LooksLike::Other))
}

/// True for the kinds that certificate validation fetches.
pub(super) fn is_ours(looks_like: LooksLike) -> bool {
    use LooksLike::{Cab, Certificate, Crl, Ctl, Ocsp, Pem, Pkcs7};
    matches!(looks_like, Cab | Certificate | Crl | Ctl | Ocsp | Pem | Pkcs7)
}

/// Tells DER objects by the tags of their first elements.
///
/// ```text
/// certificate  SEQUENCE { SEQUENCE { [0] { INTEGER } …            version 2, 3
///              SEQUENCE { SEQUENCE { INTEGER SEQUENCE SEQUENCE SEQUENCE …  1
/// CRL          SEQUENCE { SEQUENCE { INTEGER? SEQUENCE SEQUENCE Time …
/// OCSP         SEQUENCE { ENUMERATED …
/// PKCS#7       SEQUENCE { OBJECT IDENTIFIER signedData …
/// ```
///
/// Spec: RFC 5280 §4.1, §5.1; RFC 6960 §4.2.1; RFC 5652 §3.
fn der(prefix: &[u8]) -> Option<LooksLike> {
    let outer = inside(prefix, SEQUENCE)?;
    match outer.first()? {
        0x0A => return outer.starts_with(&[0x0A, 1]).then_some(LooksLike::Ocsp),
        0x06 => {
            let is_signed_data = outer.starts_with(SIGNED_DATA);
            let near = outer.get(..outer.len().min(CONTENT_TYPE_WITHIN))?;
            return is_signed_data.then(|| match contains(near, CTL_CONTENT) {
                true => LooksLike::Ctl,
                false => LooksLike::Pkcs7,
            });
        }
        _ => {}
    }
    let signed = inside(outer, SEQUENCE)?;
    if signed.starts_with(&[0xA0, 3, INTEGER, 1]) {
        return Some(LooksLike::Certificate);
    }
    let after_number = match signed.first()? {
        &INTEGER => after(signed)?,
        _ => signed,
    };
    let after_algorithm =
        after(after_number).filter(|_| after_number.first() == Some(&SEQUENCE))?;
    let after_name =
        after(after_algorithm).filter(|_| after_algorithm.first() == Some(&SEQUENCE))?;
    match after_name.first()? {
        0x17 | 0x18 => Some(LooksLike::Crl),
        &SEQUENCE => Some(LooksLike::Certificate),
        _ => None,
    }
}

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
/// The OID 1.2.840.113549.1.7.2.
const SIGNED_DATA: &[u8] = &[6, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 7, 2];
/// The OID 1.3.6.1.4.1.311.10.1, contents octets.
const CTL_CONTENT: &[u8] = &[0x2B, 6, 1, 4, 1, 0x82, 0x37, 0x0A, 1];
/// eContentType follows version and digestAlgorithms, within some 60 bytes.
const CONTENT_TYPE_WITHIN: usize = 128;

/// The part of the contents of an element that is there, if it has this tag.
fn inside(bytes: &[u8], tag: u8) -> Option<&[u8]> {
    let (found, header, length) = element(bytes)?;
    let end = header.checked_add(length)?.min(bytes.len());
    bytes.get(header..end).filter(|_| found == tag)
}

/// What follows an element.
fn after(bytes: &[u8]) -> Option<&[u8]> {
    let (_, header, length) = element(bytes)?;
    bytes.get(header.checked_add(length)?..)
}

/// Tag, header length and contents length of a DER element of at most 4 GiB.
fn element(bytes: &[u8]) -> Option<(u8, usize, usize)> {
    let tag = *bytes.first()?;
    let first = *bytes.get(1)?;
    if first < 0x80 {
        return Some((tag, 2, usize::from(first)));
    }
    let count = usize::from(first & 0x7F);
    if count == 0 || count > 4 {
        return None;
    }
    let digits = bytes.get(2..2 + count)?;
    let length = digits.iter().fold(0, |length, &byte| length << 8 | usize::from(byte));
    Some((tag, 2 + count, length))
}

fn text(prefix: &[u8]) -> Option<LooksLike> {
    let prefix = prefix.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(prefix).trim_ascii_start();
    let lower = prefix.to_ascii_lowercase();
    let marks: [&[u8]; 5] = [b"<!doctype html", b"<html", b"<head", b"<body", b"<title"];
    if lower.starts_with(b"<") && marks.iter().any(|mark| contains(&lower, mark)) {
        return Some(LooksLike::Html);
    }
    if contains(prefix, b"-----BEGIN ") {
        return Some(LooksLike::Pem);
    }
    let binary = |&byte: &u8| byte < 0x20 && !b"\t\n\r\x0C\x1B".contains(&byte);
    (!prefix.iter().any(binary) && is_utf8(prefix)).then_some(LooksLike::Text)
}

/// True for UTF-8, the last character of which may be cut.
fn is_utf8(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).map_or_else(|error| error.error_len().is_none(), |_| true)
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

/// Which trust list the first bytes are of: the name of the file in a cabinet,
/// or the subjectUsage of a bare list.
pub(super) fn trust_list(prefix: &[u8]) -> Option<ObjectKind> {
    let near = prefix.get(..prefix.len().min(LIST_NAME_WITHIN))?;
    let names: [(&[u8], ObjectKind); 3] = [
        (b"authroot.stl\0", ObjectKind::Ctl),
        (b"disallowedcert.stl\0", ObjectKind::Disallowed),
        (b"pinrules.stl\0", ObjectKind::PinRules),
    ];
    // 1.3.6.1.4.1.311.10.3.N, tag and length included.
    let usages: [(&[u8], ObjectKind); 3] = [
        (&[6, 10, 0x2B, 6, 1, 4, 1, 0x82, 0x37, 0x0A, 3, 9], ObjectKind::Ctl),
        (&[6, 10, 0x2B, 6, 1, 4, 1, 0x82, 0x37, 0x0A, 3, 30], ObjectKind::Disallowed),
        (&[6, 10, 0x2B, 6, 1, 4, 1, 0x82, 0x37, 0x0A, 3, 32], ObjectKind::PinRules),
    ];
    let marks = match of_prefix(prefix, u64::MAX)? {
        LooksLike::Cab => names,
        LooksLike::Ctl => usages,
        _ => return None,
    };
    let lower = near.to_ascii_lowercase();
    let bytes = if prefix.starts_with(b"MSCF") { &lower } else { near };
    marks.iter().find(|(mark, _)| contains(bytes, mark)).map(|(_, kind)| *kind)
}

/// A cabinet of one file names it before byte 80, a list gives its usage before
/// byte 80; the rest is room for reserved areas.
const LIST_NAME_WITHIN: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    fn sequence(contents: &[u8]) -> Vec<u8> {
        let length = u8::try_from(contents.len()).unwrap_or(u8::MAX);
        [&[SEQUENCE, 0x81, length], contents].concat()
    }

    const ALGORITHM: &[u8] = &[SEQUENCE, 2, 5, 0];
    const NAME: &[u8] = &[SEQUENCE, 0];
    const TIME: &[u8] = &[0x17, 2, b'1', b'2'];

    #[test]
    fn certificates_and_crls_differ_after_the_issuer() {
        let v3 = sequence(&sequence(&[0xA0, 3, INTEGER, 1, 2, INTEGER, 1, 5]));
        assert_eq!(of_prefix(&v3, 9), Some(LooksLike::Certificate));
        let validity = &[SEQUENCE, 0];
        let v1 = sequence(&sequence(&[&[INTEGER, 1, 5], ALGORITHM, NAME, validity].concat()));
        assert_eq!(of_prefix(&v1, 9), Some(LooksLike::Certificate));
        let crl = sequence(&sequence(&[&[INTEGER, 1, 1], ALGORITHM, NAME, TIME].concat()));
        assert_eq!(of_prefix(&crl, 9), Some(LooksLike::Crl));
        let first_version = sequence(&sequence(&[ALGORITHM, NAME, TIME].concat()));
        assert_eq!(of_prefix(&first_version, 9), Some(LooksLike::Crl));
    }

    #[test]
    fn an_ocsp_error_of_five_bytes_is_an_ocsp_answer() {
        assert_eq!(of_prefix(&[0x30, 3, 0x0A, 1, 3], 5), Some(LooksLike::Ocsp));
    }

    #[test]
    fn a_list_in_a_cabinet_is_known_by_the_name_of_its_file() {
        let cabinet = [b"MSCF".as_slice(), &[0; 56], b"AuthRoot.stl\0"].concat();
        assert_eq!(of_prefix(&cabinet, 9), Some(LooksLike::Cab));
        assert_eq!(trust_list(&cabinet), Some(ObjectKind::Ctl));
        assert_eq!(trust_list(b"MSCF and a driver.sys\0"), None);
    }

    #[test]
    fn a_bare_list_is_known_by_its_usage() {
        let usage = [6, 10, 0x2B, 6, 1, 4, 1, 0x82, 0x37, 0x0A, 3, 30];
        let list = sequence(&[SIGNED_DATA, &[6, 9], CTL_CONTENT, &usage].concat());
        assert_eq!(of_prefix(&list, 9), Some(LooksLike::Ctl));
        assert_eq!(trust_list(&list), Some(ObjectKind::Disallowed));
        assert_eq!(of_prefix(&sequence(SIGNED_DATA), 9), Some(LooksLike::Pkcs7));
    }

    #[test]
    fn pages_text_and_nothing_are_told_apart() {
        assert_eq!(of_prefix(b"\xEF\xBB\xBF\r\n<HTML><b>", 9), Some(LooksLike::Html));
        assert_eq!(of_prefix(b"<?xml version='1.0'?><soap/>", 9), Some(LooksLike::Text));
        assert_eq!(of_prefix(b"1401CBBCD205389C94", 18), Some(LooksLike::Text));
        assert_eq!(of_prefix(b"junk\n-----BEGIN X509 CRL-----", 9), Some(LooksLike::Pem));
        assert_eq!(of_prefix(b"\x00\x01\x02", 3), Some(LooksLike::Other));
        assert_eq!(of_prefix(b"", 0), Some(LooksLike::Empty));
        assert_eq!(of_prefix(b"", 7), None);
    }

    #[test]
    fn der_cut_anywhere_never_panics() {
        let crl = sequence(&sequence(&[ALGORITHM, NAME, TIME].concat()));
        for end in 0..crl.len() {
            let _ = of_prefix(&crl[..end], 100);
        }
    }
}
