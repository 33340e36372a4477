//! Tells certificates, CRLs, OCSP answers and trust lists by their outermost
//! structure. Whether they are sound is for `pki` to say.

use super::EvidenceKind;

/// The kind of a PEM text, a cabinet with a trust list, or a DER structure of a
/// file of `size` bytes.
#[must_use]
pub fn object_kind(head: &[u8], size: u64) -> Option<EvidenceKind> {
    if head.starts_with(b"MSCF") {
        // The cabinet's file table follows its header; the name in it tells.
        return contains_no_case(head, b".stl").then_some(EvidenceKind::Ctl);
    }
    if is_pfx(head) {
        return Some(EvidenceKind::Certificate);
    }
    pem_kind(head).or_else(|| der_kind(head, size))
}

/// A PFX: version 3, then a content of PKCS #7, in DER or BER (RFC 7292 §4).
fn is_pfx(head: &[u8]) -> bool {
    const PKCS7: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07";
    let head = head.get(..head.len().min(40)).unwrap_or_default();
    let version = |four: &[u8]| four == b"\x02\x01\x03\x30";
    head.first() == Some(&SEQUENCE)
        && head.windows(4).take(8).any(version)
        && head.windows(PKCS7.len()).any(|part| part == PKCS7)
}

/// Text before the first boundary is allowed (RFC 7468 §2).
fn pem_kind(head: &[u8]) -> Option<EvidenceKind> {
    const BEGIN: &[u8] = b"-----BEGIN ";
    let at = head
        .windows(BEGIN.len())
        .position(|window| window == BEGIN)?;
    let label = head.get(at + BEGIN.len()..)?;
    let labels: [(&[u8], EvidenceKind); 7] = [
        (b"CERTIFICATE TRUST LIST-----", EvidenceKind::Ctl),
        (b"CERTIFICATE-----", EvidenceKind::Certificate),
        (b"X509 CERTIFICATE-----", EvidenceKind::Certificate),
        (b"TRUSTED CERTIFICATE-----", EvidenceKind::Certificate),
        (b"X509 CRL-----", EvidenceKind::Crl),
        (b"PKCS7-----", EvidenceKind::Certificate),
        (b"CMS-----", EvidenceKind::Certificate),
    ];
    labels
        .into_iter()
        .find(|(start, _)| label.starts_with(start))
        .map(|(_, kind)| kind)
}

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const OBJECT_IDENTIFIER: u8 = 0x06;
const ENUMERATED: u8 = 0x0a;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// 1.2.840.113549.1.7.2
const SIGNED_DATA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";
/// 1.3.6.1.4.1.311.10.1 with its tag and length
const CTL_CONTENT: &[u8] = b"\x06\x09\x2b\x06\x01\x04\x01\x82\x37\x0a\x01";

/// Tells the four by the tags of their first fields:
///
/// ```text
/// Certificate      SEQUENCE { SEQUENCE { [0] … | INTEGER, SEQUENCE, SEQUENCE, SEQUENCE …
/// CertificateList  SEQUENCE { SEQUENCE { INTEGER?, SEQUENCE, SEQUENCE, Time …
/// OCSPResponse     SEQUENCE { ENUMERATED …
/// ContentInfo      SEQUENCE { OBJECT IDENTIFIER signedData, [0] { … eContentType …
/// ```
///
/// Spec: RFC 5280 §4.1, §5.1; RFC 6960 §4.2.1; RFC 2315 §7.
fn der_kind(head: &[u8], size: u64) -> Option<EvidenceKind> {
    let (tag, whole, _) = element(head)?;
    if tag != SEQUENCE {
        return None;
    }
    let (tag, first, _) = element(whole)?;
    match tag {
        // Two bytes tell little: here the length must agree as well. The others
        // are claimed also when the file is cut, so that `pki` says so.
        ENUMERATED if outer_len(head)? <= size && matches!(first, [0..=6]) => {
            Some(EvidenceKind::Ocsp)
        }
        OBJECT_IDENTIFIER if first == SIGNED_DATA => {
            let ctl = whole
                .windows(CTL_CONTENT.len())
                .take(64)
                .any(|part| part == CTL_CONTENT);
            Some(if ctl {
                EvidenceKind::Ctl
            } else {
                EvidenceKind::Certificate
            })
        }
        SEQUENCE => signed_kind(first),
        _ => None,
    }
}

/// The kind of a TBSCertificate or TBSCertList.
fn signed_kind(fields: &[u8]) -> Option<EvidenceKind> {
    let (mut tag, _, mut rest) = element(fields)?;
    if tag == VERSION {
        return (element(rest)?.0 == INTEGER).then_some(EvidenceKind::Certificate);
    }
    if tag == INTEGER {
        (tag, _, rest) = element(rest)?;
    }
    let (issuer, _, rest) = element(rest)?;
    if tag != SEQUENCE || issuer != SEQUENCE {
        return None;
    }
    match element(rest)?.0 {
        UTC_TIME | GENERALIZED_TIME => Some(EvidenceKind::Crl),
        SEQUENCE => Some(EvidenceKind::Certificate),
        _ => None,
    }
}

/// Splits off one element: tag, content (as far as it is there), what follows.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let tag = *bytes.first()?;
    let (len, header_len) = length(bytes)?;
    let rest = bytes.get(header_len..)?;
    let len = usize::try_from(len).unwrap_or(usize::MAX).min(rest.len());
    let (content, after) = rest.split_at_checked(len)?;
    Some((tag, content, after))
}

/// Content length and header length, definite forms of up to four bytes.
fn length(bytes: &[u8]) -> Option<(u64, usize)> {
    match *bytes.get(1)? {
        short @ 0..=0x7f => Some((short.into(), 2)),
        long @ 0x81..=0x84 => {
            let count = usize::from(long & 0x7f);
            let digits = bytes.get(2..2 + count)?;
            let len = digits
                .iter()
                .fold(0, |len, digit| len << 8 | u64::from(*digit));
            Some((len, 2 + count))
        }
        _ => None,
    }
}

/// Bytes of the outermost element, header included.
fn outer_len(bytes: &[u8]) -> Option<u64> {
    length(bytes).map(|(len, header_len)| len + header_len as u64)
}

fn contains_no_case(bytes: &[u8], part: &[u8]) -> bool {
    bytes
        .windows(part.len())
        .any(|window| window.eq_ignore_ascii_case(part))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn kind(bytes: &[u8]) -> Option<EvidenceKind> {
        object_kind(bytes, bytes.len() as u64)
    }

    #[test]
    fn an_ocsp_answer_of_five_bytes_is_known() {
        assert_eq!(kind(b"\x30\x03\x0a\x01\x03"), Some(EvidenceKind::Ocsp));
        assert_eq!(kind(b"\x30\x03\x0a\x01\x09"), None);
    }

    #[test]
    fn certificate_and_crl_differ_in_the_field_after_the_issuer() {
        // TBSCertList without version: algorithm, issuer, thisUpdate.
        let crl = b"\x30\x10\x30\x0e\x30\x02\x05\0\x30\0\x17\x06201111";
        assert_eq!(kind(crl), Some(EvidenceKind::Crl));
        // TBSCertificate of version 1: serial, algorithm, issuer, validity.
        let certificate = b"\x30\x0d\x30\x0b\x02\x01\x07\x30\x02\x05\0\x30\0\x30\0";
        assert_eq!(kind(certificate), Some(EvidenceKind::Certificate));
        let certificate = b"\x30\x0a\x30\x08\xa0\x03\x02\x01\x02\x02\x01\x07";
        assert_eq!(kind(certificate), Some(EvidenceKind::Certificate));
    }

    #[test]
    fn an_object_that_was_cut_is_still_told() {
        let cut = b"\x30\x82\x10\x00\x30\x82\x0f\x00\xa0\x03\x02\x01\x02\x02\x01";
        assert_eq!(kind(cut), Some(EvidenceKind::Certificate));
        assert_eq!(kind(b"\x30\x82\x10\x00\x0a\x01\x00"), None);
    }

    #[test]
    fn text_before_a_pem_boundary_is_allowed() {
        let text = b"Certificate:\n Data\n-----BEGIN CERTIFICATE-----\nMII";
        assert_eq!(kind(text), Some(EvidenceKind::Certificate));
        assert_eq!(
            kind(b"-----BEGIN X509 CRL-----\nMII"),
            Some(EvidenceKind::Crl)
        );
        assert_eq!(kind(b"-----BEGIN PRIVATE KEY-----\nMII"), None);
    }

    #[test]
    fn a_cabinet_counts_only_with_a_trust_list_in_it() {
        assert_eq!(
            kind(b"MSCF\0\0\0\0......authroot.stl\0"),
            Some(EvidenceKind::Ctl)
        );
        assert_eq!(kind(b"MSCF\0\0\0\0......setup.exe\0"), None);
    }
}
