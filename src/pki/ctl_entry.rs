//! The subjects of a trust list and what is said of each.

use super::ctl::utf16_text;
use super::extension_value::oid_list;
use super::tlv::{Tlv, tag};
use crate::bytes::ParseError;
use crate::time::Timestamp;

/// One trusted (or distrusted) subject. Attribute numbers are the last arc of
/// 1.3.6.1.4.1.311.10.11.N.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CtlEntry {
    /// subjectIdentifier: SHA-1 of a root, a signature hash, or a domain.
    pub subject_identifier: Vec<u8>,
    /// 9: enhanced key usages allowed.
    pub allowed_usages: Option<Vec<String>>,
    /// 11: friendly name.
    pub friendly_name: Option<String>,
    /// 20: key identifier.
    pub key_identifier: Option<Vec<u8>>,
    /// 29: MD5 of the subject name.
    pub subject_name_md5: Option<Vec<u8>>,
    /// 98: SHA-256 of the certificate.
    pub sha256: Option<Vec<u8>>,
    /// 104: disallowed after.
    pub disallowed_after: Option<Limit>,
    /// 122: disallowed usages.
    pub disallowed_usages: Option<Vec<String>>,
    /// 126: leaves issued after this are not trusted.
    pub not_before_limit: Option<Limit>,
    /// 127: usages to which 126 applies.
    pub not_before_usages: Option<Vec<String>>,
    /// Every other attribute: dotted OID and DER of its values.
    pub other: Vec<(String, Vec<u8>)>,
}

/// A FILETIME attribute that may be empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// From this time on.
    At(Timestamp),
    /// Zero bytes: a limit whose meaning ("from the start") is a guess.
    Empty,
    /// A FILETIME that is no instant, raw.
    OutOfRange(u64),
}

/// The arc of CryptoAPI properties, as contents octets of an OID: what
/// follows is the property number.
const PROPERTY_ARC: &str = "1.3.6.1.4.1.311.10.11.";

/// Reads one TrustedSubject.
///
/// ```text
/// SEQUENCE { subjectIdentifier OCTET STRING,
///     subjectAttributes SET OF SEQUENCE { type OBJECT IDENTIFIER, values SET OF ANY } OPTIONAL }
/// ```
///
/// The known attributes have one OCTET STRING as value; what is of another
/// shape goes to `other` untouched.
///
/// # Errors
///
/// `Truncated` or `Malformed`, as the reader says.
pub fn read_entry(element: &Tlv<'_>) -> Result<CtlEntry, ParseError> {
    let mut fields = element.children();
    let identifier = fields.expect("subjectIdentifier", tag::OCTET_STRING)?;
    let mut entry = CtlEntry {
        subject_identifier: identifier.contents.to_vec(),
        ..CtlEntry::default()
    };
    if let Some(attributes) = fields.optional("subjectAttributes", tag::SET)? {
        let mut list = attributes.children();
        while !list.is_empty() {
            let mut attribute = list.expect("subjectAttribute", tag::SEQUENCE)?.children();
            let oid = attribute.oid("subjectAttribute")?;
            let values = attribute.expect("subjectAttribute", tag::SET)?;
            if entry.set(&oid, &values).is_none() {
                entry.other.push((oid, values.contents.to_vec()));
            }
        }
    }
    Ok(entry)
}

impl CtlEntry {
    /// Fills the field of a known attribute; `None` when it is not known, or
    /// not of the known shape.
    fn set(&mut self, oid: &str, values: &Tlv<'_>) -> Option<()> {
        let number = oid.strip_prefix(PROPERTY_ARC)?;
        let value = values.children().expect("value", tag::OCTET_STRING).ok()?;
        let octets = value.contents;
        if value.whole.len() != values.contents.len() {
            return None;
        }
        match number {
            "9" => self.allowed_usages = Some(usages(octets)?),
            "11" => self.friendly_name = Some(utf16_text(octets)?),
            "20" => self.key_identifier = Some(octets.to_vec()),
            "29" => self.subject_name_md5 = Some(octets.to_vec()),
            "98" => self.sha256 = Some(octets.to_vec()),
            "104" => self.disallowed_after = Some(limit(octets)?),
            "122" => self.disallowed_usages = Some(usages(octets)?),
            "126" => self.not_before_limit = Some(limit(octets)?),
            "127" => self.not_before_usages = Some(usages(octets)?),
            _ => return None,
        }
        Some(())
    }
}

fn usages(octets: &[u8]) -> Option<Vec<String>> {
    oid_list(octets).ok().map(|(oids, _)| oids)
}

/// A FILETIME of 8 bytes, or nothing.
fn limit(octets: &[u8]) -> Option<Limit> {
    if octets.is_empty() {
        return Some(Limit::Empty);
    }
    let ticks = u64::from_le_bytes(octets.try_into().ok()?);
    Some(Timestamp::from_filetime(ticks).map_or(Limit::OutOfRange(ticks), Limit::At))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::pki::Ctl;

    #[test]
    fn every_attribute_is_read_or_kept() {
        let der = include_bytes!("../../tests/data/pki/ctl-limits.stl");
        let entries = Ctl::from_der(der).unwrap().entries;
        let first = &entries[0];
        let usages = vec![
            "1.3.6.1.5.5.7.3.1".to_owned(),
            "1.3.6.1.5.5.7.3.4".to_owned(),
        ];
        assert_eq!(first.subject_identifier, [0x11; 20]);
        assert_eq!(first.allowed_usages, Some(usages.clone()));
        assert_eq!(first.friendly_name.as_deref(), Some("Test Root"));
        assert_eq!(first.key_identifier, Some(vec![0x22; 20]));
        assert_eq!(first.subject_name_md5, Some(vec![0x33; 16]));
        assert_eq!(first.sha256, Some(vec![0x44; 32]));
        let limit = Timestamp::from_rfc3339("2020-01-01T00:00:00Z").unwrap();
        assert_eq!(first.disallowed_after, Some(Limit::At(limit)));
        assert_eq!(first.disallowed_usages, Some(usages.clone()));
        assert_eq!(first.not_before_limit, Some(Limit::Empty));
        assert_eq!(first.not_before_usages, Some(usages));
        let policies = ("1.3.6.1.4.1.311.10.11.83".to_owned(), vec![4, 2, 5, 0]);
        assert_eq!(first.other, [policies]);
    }

    #[test]
    fn limits_that_are_no_time_are_kept_raw() {
        let der = include_bytes!("../../tests/data/pki/ctl-limits.stl");
        let entries = Ctl::from_der(der).unwrap().entries;
        assert_eq!(
            entries[1].not_before_limit,
            Some(Limit::OutOfRange(u64::MAX))
        );
        // One byte is no FILETIME: the attribute stays as it is.
        assert_eq!(entries[1].disallowed_after, None);
        let odd = ("1.3.6.1.4.1.311.10.11.104".to_owned(), vec![4, 1, 1]);
        assert_eq!(entries[1].other, [odd]);
    }
}
