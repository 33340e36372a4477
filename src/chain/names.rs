//! Distinguished names as they compare: RFC 5280 §7.1.

use crate::bytes::Reader;
use crate::pki::certificate::Name;

/// A distinguished name in a form in which equal names are equal bytes:
/// strings of all types as text, lower case, runs of blanks as one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct CanonicalName {
    rdns: Vec<Rdn>,
}

/// The attributes of one RelativeDistinguishedName, sorted: type and value.
type Rdn = Vec<(Vec<u8>, Vec<u8>)>;

/// A Name of more RDNs than this is compared as bytes. Real ones have under
/// ten.
const MAX_RDNS: usize = 200;

impl CanonicalName {
    /// The comparable form; a name that cannot be decoded is one opaque RDN.
    pub(super) fn of(name: &Name) -> Self {
        let rdns = rdns(&name.der).unwrap_or_else(|| vec![vec![(Vec::new(), name.der.clone())]]);
        CanonicalName { rdns }
    }

    /// True when this name lies in the subtree below `base`.
    pub(super) fn is_within(&self, base: &CanonicalName) -> bool {
        self.rdns.starts_with(&base.rdns)
    }

    /// This name with one RDN more, given as DER of the SET.
    pub(super) fn with_relative(&self, rdn: &[u8]) -> Option<Self> {
        let set = tagged(&mut Reader::new(rdn), 0x31)?;
        let mut rdns = self.rdns.clone();
        rdns.push(rdn_of(set)?);
        Some(CanonicalName { rdns })
    }

    /// True for the name without any RDN.
    pub(super) fn is_empty(&self) -> bool {
        self.rdns.is_empty()
    }
}

/// True when a name has no RDN, or no bytes at all.
pub(super) fn is_empty_name(name: &Name) -> bool {
    name.der.is_empty() || CanonicalName::of(name).is_empty()
}

/// Reads a Name.
///
/// ```text
/// SEQUENCE OF SET OF SEQUENCE { type OBJECT IDENTIFIER, value ANY }
/// ```
///
/// Spec: RFC 5280 §4.1.2.4. `None` when it is not one.
fn rdns(der: &[u8]) -> Option<Vec<Rdn>> {
    let mut outer = Reader::new(der);
    let mut sequence = Reader::new(tagged(&mut outer, 0x30)?);
    let mut rdns = Vec::new();
    while !sequence.is_empty() {
        if rdns.len() >= MAX_RDNS {
            return None;
        }
        rdns.push(rdn_of(tagged(&mut sequence, 0x31)?)?);
    }
    Some(rdns)
}

/// Reads the contents of a RelativeDistinguishedName.
fn rdn_of(set: &[u8]) -> Option<Rdn> {
    let mut set = Reader::new(set);
    let mut rdn: Rdn = Vec::new();
    while !set.is_empty() {
        let mut pair = Reader::new(tagged(&mut set, 0x30)?);
        let oid = tagged(&mut pair, 0x06)?.to_vec();
        let (tag, value) = tlv(&mut pair)?;
        rdn.push((oid, canonical_value(tag, value)));
    }
    rdn.sort();
    Some(rdn)
}

/// The contents of an element with this tag.
pub(super) fn tagged<'a>(reader: &mut Reader<'a>, expected: u8) -> Option<&'a [u8]> {
    let (tag, value) = tlv(reader)?;
    (tag == expected).then_some(value)
}

/// One DER element: tag and contents. Definite lengths up to 4 bytes.
pub(super) fn tlv<'a>(reader: &mut Reader<'a>) -> Option<(u8, &'a [u8])> {
    const WHAT: &str = "DER element";
    let tag = reader.u8(WHAT).ok()?;
    let first = reader.u8(WHAT).ok()?;
    let length = match first {
        0..=0x7f => usize::from(first),
        0x81..=0x84 => {
            let octets = reader.take(WHAT, usize::from(first & 0x7f)).ok()?;
            octets
                .iter()
                .fold(0usize, |length, octet| (length << 8) | usize::from(*octet))
        }
        _ => return None,
    };
    Some((tag, reader.take(WHAT, length).ok()?))
}

/// A value as it compares: string types decoded, folded and trimmed; others
/// with their tag.
fn canonical_value(tag: u8, value: &[u8]) -> Vec<u8> {
    match text_of(tag, value) {
        Some(text) => {
            let lower = text.to_lowercase();
            let words: Vec<&str> = lower.split_whitespace().collect();
            words.join(" ").into_bytes()
        }
        None => {
            let mut opaque = vec![0, tag];
            opaque.extend_from_slice(value);
            opaque
        }
    }
}

/// A string type as text: UTF8String 12, NumericString 18, PrintableString 19,
/// TeletexString 20 (taken as Latin-1, as everyone does), IA5String 22,
/// VisibleString 26, UniversalString 28, BMPString 30.
pub(super) fn text_of(tag: u8, value: &[u8]) -> Option<String> {
    match tag {
        12 | 18 | 19 | 22 | 26 => std::str::from_utf8(value).ok().map(str::to_string),
        20 => Some(value.iter().map(|octet| char::from(*octet)).collect()),
        28 => {
            let units = value.chunks_exact(4);
            if !units.remainder().is_empty() {
                return None;
            }
            units.map(|unit| char::from_u32(number(unit))).collect()
        }
        30 => {
            let units = value.chunks_exact(2);
            if !units.remainder().is_empty() {
                return None;
            }
            let units: Vec<u16> = units
                .map(|unit| u16::try_from(number(unit)).unwrap_or_default())
                .collect();
            String::from_utf16(&units).ok()
        }
        _ => None,
    }
}

fn number(octets: &[u8]) -> u32 {
    octets
        .iter()
        .fold(0, |number, octet| (number << 8) | u32::from(*octet))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    /// A Name of one commonName of this string type.
    fn common_name(tag: u8, value: &[u8]) -> Name {
        let length = u8::try_from(value.len()).unwrap();
        let mut der = vec![0x30, length + 11, 0x31, length + 9, 0x30, length + 7];
        der.extend_from_slice(&[0x06, 3, 0x55, 4, 3, tag, length]);
        der.extend_from_slice(value);
        Name {
            der,
            text: String::new(),
            attributes: Vec::new(),
        }
    }

    #[test]
    fn names_compare_without_case_blanks_and_string_type() {
        let plain = CanonicalName::of(&common_name(19, b"Good CA"));
        assert_eq!(plain, CanonicalName::of(&common_name(12, b"  good   cA ")));
        assert_eq!(
            plain,
            CanonicalName::of(&common_name(30, b"\0G\0o\0o\0d\0 \0C\0A"))
        );
        assert_ne!(plain, CanonicalName::of(&common_name(19, b"GoodCA")));
    }

    #[test]
    fn a_name_that_cannot_be_decoded_equals_only_its_own_bytes() {
        let broken = Name {
            der: vec![0x30, 5, 1],
            text: String::new(),
            attributes: Vec::new(),
        };
        let other = Name {
            der: vec![0x30, 5, 2],
            text: String::new(),
            attributes: Vec::new(),
        };
        assert_eq!(CanonicalName::of(&broken), CanonicalName::of(&broken));
        assert_ne!(CanonicalName::of(&broken), CanonicalName::of(&other));
    }

    #[test]
    fn every_name_lies_below_the_empty_one() {
        let empty = Name {
            der: vec![0x30, 0],
            text: String::new(),
            attributes: Vec::new(),
        };
        assert!(is_empty_name(&empty));
        let name = CanonicalName::of(&common_name(19, b"x"));
        assert!(name.is_within(&CanonicalName::of(&empty)));
        assert!(!CanonicalName::of(&empty).is_within(&name));
    }
}
