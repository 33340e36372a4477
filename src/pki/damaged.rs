//! What is left of a certificate that cannot be read as one: each field by
//! itself, and of each that is lost, why.

use super::asn1_time::read_time;
use super::digest;
use super::extension::{Decoded, Extension, GeneralName};
use super::extension_value as value;
use super::key::{AlgorithmIdentifier, PublicKeyInfo};
use super::name::Name;
use super::tlv::{DerReader, context, tag};
use crate::bytes::ParseError;
use crate::time::Timestamp;

/// The fields of a damaged certificate that read as what they should be, at
/// the place or in the order in which they belong. Nothing is filled in: a
/// field that does not read is `None`, and `unread` says why.
///
/// None of it is proven by a signature. Damage can also have changed the text
/// of a field that still reads.
#[derive(Debug, Clone, PartialEq)]
pub struct DamagedCertificate {
    /// Why [`super::Certificate::from_der`] gave up.
    pub error: ParseError,
    /// SHA-256 of the bytes given.
    pub sha256: [u8; 32],
    /// SHA-1 of the bytes given.
    pub sha1: [u8; 20],
    /// version: 1, 2 or 3, other numbers as found.
    pub version: Option<u32>,
    /// serialNumber, contents octets.
    pub serial: Option<Vec<u8>>,
    /// signature, inside tbsCertificate.
    pub signature_algorithm: Option<AlgorithmIdentifier>,
    /// issuer.
    pub issuer: Option<Name>,
    /// notBefore.
    pub not_before: Option<Timestamp>,
    /// notAfter.
    pub not_after: Option<Timestamp>,
    /// subject.
    pub subject: Option<Name>,
    /// subjectPublicKeyInfo.
    pub public_key: Option<PublicKeyInfo>,
    /// The extensions that read, in order.
    pub extensions: Vec<Extension>,
    /// subjectAltName, where it reads.
    pub subject_alternative_names: Option<Vec<GeneralName>>,
    /// extendedKeyUsage, where it reads.
    pub extended_key_usage: Option<Vec<String>>,
    /// keyIdentifier of authorityKeyIdentifier, where it reads.
    pub authority_key_identifier: Option<Vec<u8>>,
    /// Each field that did not read, and each found behind damage.
    pub unread: Vec<String>,
}

/// Of larger bytes only this much is searched. Real certificates have under
/// 10 kB; the search takes the square of it at worst.
const MAX_SEARCHED: usize = 32 * 1024;
/// Extensions kept; real certificates have up to 20.
const MAX_EXTENSIONS: usize = 256;
/// Octets of an OBJECT IDENTIFIER `2.5.29.x` with tag and length.
const CE_PREFIX: [u8; 4] = [0x06, 0x03, 0x55, 0x1D];

impl DamagedCertificate {
    /// Reads what can be read of bytes that are no readable certificate.
    /// `None` when nothing of a certificate is there: neither serial number and
    /// algorithm, nor dates, nor a name, nor a key, nor an extension.
    ///
    /// Fields are read in their order. Behind a field that does not read, the
    /// next is looked for byte by byte: the dates as a SEQUENCE of two times, a
    /// name as one that ends where the next field begins, the key by a known
    /// algorithm, an extension by an OID below `2.5.29`.
    #[must_use]
    pub fn from_der(bytes: &[u8], error: ParseError) -> Option<DamagedCertificate> {
        let searched = bytes.get(..MAX_SEARCHED).unwrap_or(bytes);
        let mut damaged = DamagedCertificate {
            error,
            sha256: digest::sha256(bytes),
            sha1: digest::sha1(bytes),
            version: None,
            serial: None,
            signature_algorithm: None,
            issuer: None,
            not_before: None,
            not_after: None,
            subject: None,
            public_key: None,
            extensions: Vec::new(),
            subject_alternative_names: None,
            extended_key_usage: None,
            authority_key_identifier: None,
            unread: Vec::new(),
        };
        let mut walk = Walk {
            bytes: searched,
            position: 0,
            good: 0,
            unread: Vec::new(),
        };
        walk.enter("Certificate");
        walk.enter("tbsCertificate");
        damaged.read_head(&mut walk);
        damaged.read_names_and_dates(&mut walk);
        damaged.read_key(&mut walk);
        damaged.read_extensions(&mut walk);
        damaged.unread = walk.unread;
        damaged.has_something().then_some(damaged)
    }

    fn has_something(&self) -> bool {
        let named = self.issuer.is_some() || self.subject.is_some();
        let dated = self.not_before.is_some() || self.not_after.is_some();
        let has_head = self.serial.is_some() && self.signature_algorithm.is_some();
        let has_tail = self.public_key.is_some() || !self.extensions.is_empty();
        has_head || named || dated || has_tail
    }

    /// version, serialNumber, signature.
    fn read_head(&mut self, walk: &mut Walk<'_>) {
        self.version = match walk.reader().peek() {
            Some(tag::INTEGER) => Some(1),
            _ => walk.field("version", |reader| {
                let wrapper = reader.expect("version", context(0))?;
                let number = wrapper.children().small_integer("version")?;
                Ok(number.saturating_add(1))
            }),
        };
        self.serial = walk.field("serialNumber", |reader| {
            let serial = reader.expect("serialNumber", tag::INTEGER)?;
            Ok(serial.contents.to_vec())
        });
        self.signature_algorithm = walk.field("signature", |reader| {
            AlgorithmIdentifier::read(reader, "signature")
        });
    }

    /// issuer, validity, subject: the dates tell where the names end and begin.
    fn read_names_and_dates(&mut self, walk: &mut Walk<'_>) {
        let from = walk.good;
        self.issuer = walk.field("issuer", name);
        let in_place = walk.position;
        let found = dates(&mut walk.reader())
            .ok()
            .map(|_| in_place)
            .or_else(|| walk.search(from, |reader| dates(reader).is_ok()));
        let Some(at) = found else {
            return self.read_single_dates(walk);
        };
        if self.issuer.is_none() || at != in_place {
            self.issuer = walk.name_before("issuer", from.min(at), at);
        }
        walk.move_to("validity", in_place, at);
        if let Some((not_before, not_after)) = walk.field("validity", dates) {
            (self.not_before, self.not_after) = (Some(not_before), Some(not_after));
        }
        self.subject = walk.field("subject", name);
    }

    /// The dates where only one of them reads, then the subject.
    fn read_single_dates(&mut self, walk: &mut Walk<'_>) {
        let inside = walk.reader().expect("validity", tag::SEQUENCE);
        match inside.map(|validity| validity.children()) {
            Ok(mut inside) => {
                self.not_before = walk.within(&mut inside, "notBefore");
                self.not_after = walk.within(&mut inside, "notAfter");
                walk.skip();
                self.subject = walk.field("subject", name);
            }
            Err(error) => walk.note("validity", &error),
        }
    }

    /// subjectPublicKeyInfo, in its place or behind it.
    fn read_key(&mut self, walk: &mut Walk<'_>) {
        let (from, in_place) = (walk.good, walk.position);
        if key(&mut walk.reader()).is_err()
            && let Some(at) = walk.search(from, |reader| known_key(reader).is_some())
        {
            if self.subject.is_none() {
                self.subject = walk.name_before("subject", from, at);
            }
            walk.move_to("subjectPublicKeyInfo", in_place, at);
        }
        self.public_key = walk.field("subjectPublicKeyInfo", key);
    }

    /// Extensions, each by itself.
    fn read_extensions(&mut self, walk: &mut Walk<'_>) {
        let mut from = walk.good;
        while self.extensions.len() < MAX_EXTENSIONS {
            let Some(at) = walk.search(from, |reader| extension(reader).is_ok()) else {
                break;
            };
            let mut reader = walk.reader_at(at);
            let Ok(found) = extension(&mut reader) else {
                break;
            };
            from = reader.at();
            self.extensions.push(found);
        }
        if self.extensions.is_empty() {
            walk.unread.push("extensions: none is readable".to_owned());
        }
        let mut oddities = Vec::new();
        let mut values = value::Values {
            extensions: &self.extensions,
            oddities: &mut oddities,
        };
        let names = values.of("2.5.29.17", value::alternative_names);
        let usages = values.of("2.5.29.37", value::oid_list);
        let authority = values.of("2.5.29.35", value::authority_key_identifier);
        self.subject_alternative_names = walk.part("subjectAltName", names);
        self.extended_key_usage = walk.part("extendedKeyUsage", usages);
        let authority = walk.part("authorityKeyIdentifier", authority);
        self.authority_key_identifier = authority.and_then(|authority| authority.key_identifier);
    }
}

/// A Name with at least one attribute, and nothing but RDNs.
fn name(reader: &mut DerReader<'_>) -> Result<Name, ParseError> {
    let element = reader.expect("Name", tag::SEQUENCE)?;
    let mut inside = element.children();
    while !inside.is_empty() {
        inside.expect("RelativeDistinguishedName", tag::SET)?;
    }
    let name = Name::from_der(element.whole);
    if name.attributes.is_empty() {
        return Err(element.malformed("Name", "no attribute is readable"));
    }
    Ok(name)
}

/// Both dates.
fn dates(reader: &mut DerReader<'_>) -> Result<(Timestamp, Timestamp), ParseError> {
    let validity = reader.expect("validity", tag::SEQUENCE)?;
    let mut inside = validity.children();
    let not_before = read_time(&mut inside, "notBefore")?;
    let not_after = read_time(&mut inside, "notAfter")?;
    Ok((not_before.at, not_after.at))
}

/// A key, of whatever algorithm.
fn key(reader: &mut DerReader<'_>) -> Result<PublicKeyInfo, ParseError> {
    PublicKeyInfo::read(&reader.expect("subjectPublicKeyInfo", tag::SEQUENCE)?)
}

/// A key of a known algorithm.
fn known_key(reader: &mut DerReader<'_>) -> Option<PublicKeyInfo> {
    key(reader).ok().filter(|key| key.bits.is_some())
}

/// An extension with an OID below `2.5.29` or `1.3.6.1.5.5.7.1`.
fn extension(reader: &mut DerReader<'_>) -> Result<Extension, ParseError> {
    let element = reader.expect("Extension", tag::SEQUENCE)?;
    let is_known = element.contents.starts_with(&CE_PREFIX)
        || element
            .contents
            .starts_with(&[6, 8, 0x2B, 6, 1, 5, 5, 7, 1]);
    if !is_known {
        return Err(element.malformed("Extension", "no extension of X.509"));
    }
    value::read_extension(&element)
}

/// A walk over the bytes that goes on behind damage.
struct Walk<'a> {
    bytes: &'a [u8],
    position: usize,
    /// Where the last field that read ends.
    good: usize,
    unread: Vec<String>,
}

impl<'a> Walk<'a> {
    fn reader_at(&self, at: usize) -> DerReader<'a> {
        DerReader::starting_at(self.bytes, at)
    }

    fn reader(&self) -> DerReader<'a> {
        self.reader_at(self.position)
    }

    fn note(&mut self, field: &str, error: &ParseError) {
        // Its beginning is the name of what it read.
        self.unread.push(if error.what == field {
            error.to_string()
        } else {
            format!("{field}: {error}")
        });
    }

    /// Steps into a frame, whatever its length says.
    fn enter(&mut self, what: &'static str) {
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        if rest.first() != Some(&tag::SEQUENCE) {
            let found = rest.first().copied().unwrap_or_default();
            self.unread
                .push(format!("{what}: tag {found:#04x} where 0x30 belongs"));
        }
        let size = match rest.get(1) {
            Some(0x80..=0x84) => 2 + usize::from(rest.get(1).copied().unwrap_or_default() & 7),
            _ => 2,
        };
        if let Err(error) = self.reader().any(what) {
            self.note(what, &error);
        }
        self.position = (self.position + size).min(self.bytes.len());
        self.good = self.position;
    }

    /// Reads a field in its place. One that does not read is noted, and passed
    /// over where its frame can be.
    fn field<T>(
        &mut self,
        field: &'static str,
        read: impl Fn(&mut DerReader<'a>) -> Result<T, ParseError>,
    ) -> Option<T> {
        let mut reader = self.reader();
        match read(&mut reader) {
            Ok(value) => {
                self.position = reader.at();
                self.good = self.position;
                Some(value)
            }
            Err(error) => {
                self.note(field, &error);
                self.skip();
                None
            }
        }
    }

    /// Passes over one element, where its frame ends within the bytes.
    fn skip(&mut self) {
        let mut reader = self.reader();
        if reader.any("element").is_ok() {
            self.position = reader.at();
        }
    }

    /// The first place at or after `from` where something reads.
    fn search(&self, from: usize, reads: impl Fn(&mut DerReader<'a>) -> bool) -> Option<usize> {
        let starts = from..self.bytes.len();
        let mut starts = starts.filter(|at| self.bytes.get(*at) == Some(&tag::SEQUENCE));
        starts.find(|at| reads(&mut self.reader_at(*at)))
    }

    /// Goes on at a place found by searching.
    fn move_to(&mut self, field: &str, expected: usize, at: usize) {
        if at != expected {
            self.unread
                .push(format!("{field}: found at byte {at}, behind damage"));
        }
        self.position = at;
        self.good = at;
    }

    /// The longest name between two places that ends at the second.
    fn name_before(&mut self, field: &str, from: usize, end: usize) -> Option<Name> {
        let ends_there = |reader: &mut DerReader<'a>| {
            let name = name(reader).ok()?;
            (reader.at() == end).then_some(name)
        };
        let at = self.search(from, |reader| ends_there(reader).is_some())?;
        let found = ends_there(&mut self.reader_at(at))?;
        self.unread
            .push(format!("{field}: found at byte {at}, behind damage"));
        Some(found)
    }

    /// A date inside the frame of the dates.
    fn within(&mut self, inside: &mut DerReader<'_>, field: &'static str) -> Option<Timestamp> {
        match read_time(inside, field) {
            Ok(read) => Some(read.at),
            Err(error) => {
                self.note(field, &error);
                None
            }
        }
    }

    /// The value of an extension; a malformed one is noted.
    fn part<T>(&mut self, field: &str, part: Decoded<T>) -> Option<T> {
        match part {
            Decoded::Present(value) => Some(value),
            Decoded::Absent => None,
            Decoded::Malformed(why) => {
                self.unread.push(format!("{field}: {why}"));
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::certificate::Certificate;
    use super::*;

    const LEAF: &[u8] = include_bytes!("../../tests/data/pki/leaf-every-extension.der");

    /// The leaf with one byte changed, which must make it unreadable.
    fn damaged(at: usize, byte: u8) -> DamagedCertificate {
        let mut bytes = LEAF.to_vec();
        bytes[at] = byte;
        let error = Certificate::from_der(&bytes).unwrap_err();
        DamagedCertificate::from_der(&bytes, error).unwrap()
    }

    /// The first place of some bytes in the leaf.
    fn place(of: &[u8]) -> usize {
        LEAF.windows(of.len()).position(|it| it == of).unwrap()
    }

    #[test]
    fn one_bad_date_loses_that_date_and_nothing_else() {
        let whole = Certificate::from_der(LEAF).unwrap();
        let left = damaged(place(b"110125205412Z") + 2, b'9');
        assert_eq!(left.not_before, None);
        assert_eq!(left.not_after, Some(whole.not_after));
        assert_eq!(left.serial, Some(whole.serial));
        assert_eq!(left.issuer, Some(whole.issuer));
        assert_eq!(left.subject, Some(whole.subject));
        assert_eq!(left.public_key, Some(whole.public_key));
        assert_eq!(left.subject_alternative_names.unwrap().len(), 7);
        assert_eq!(left.unread.len(), 1, "{:?}", left.unread);
        assert!(left.unread[0].starts_with("notBefore "));
    }

    #[test]
    fn a_length_that_swallows_the_dates_loses_no_field_behind_it() {
        let whole = Certificate::from_der(LEAF).unwrap();
        let issuer = place(&whole.issuer.der);
        let left = damaged(issuer + 1, LEAF[issuer + 1] + 60);
        assert_eq!(left.issuer, None);
        assert_eq!(left.not_before, Some(whole.not_before));
        assert_eq!(left.subject, Some(whole.subject));
        assert_eq!(left.public_key, Some(whole.public_key));
        assert_eq!(
            left.extended_key_usage,
            whole.extended_key_usage.value().cloned()
        );
        assert!(left.unread.iter().any(|line| line.starts_with("issuer")));
    }

    #[test]
    fn a_certificate_cut_in_the_key_still_tells_names_and_dates() {
        let whole = Certificate::from_der(LEAF).unwrap();
        let bytes = &LEAF[..place(&whole.public_key.der) + 20];
        let error = Certificate::from_der(bytes).unwrap_err();
        let left = DamagedCertificate::from_der(bytes, error).unwrap();
        assert_eq!(left.subject, Some(whole.subject));
        assert_eq!(left.not_after, Some(whole.not_after));
        assert_eq!((left.public_key, left.extensions), (None, Vec::new()));
    }

    #[test]
    fn nothing_is_made_of_bytes_without_a_field() {
        for bytes in [&b"<html>"[..], &[], &[0x30; 400], &[0x30, 0x80, 0, 0]] {
            let error = Certificate::from_der(bytes).unwrap_err();
            assert_eq!(DamagedCertificate::from_der(bytes, error), None);
        }
    }

    #[test]
    fn every_byte_changed_never_gives_a_field_that_is_not_in_the_bytes() {
        for at in 0..LEAF.len() {
            for byte in [0x00, 0x30, 0x80, 0xFF] {
                let mut bytes = LEAF.to_vec();
                bytes[at] = byte;
                let Err(error) = Certificate::from_der(&bytes) else {
                    continue;
                };
                let Some(left) = DamagedCertificate::from_der(&bytes, error) else {
                    panic!("nothing is left with byte {at} changed to {byte:#04x}");
                };
                let parts = [
                    left.serial,
                    left.issuer.map(|name| name.der),
                    left.subject.map(|name| name.der),
                    left.public_key.map(|key| key.der),
                ];
                for part in parts.iter().flatten().filter(|part| !part.is_empty()) {
                    assert!(bytes.windows(part.len()).any(|it| it == &part[..]));
                }
            }
        }
    }
}
