//! Certificate revocation lists (RFC 5280 §5).

use std::sync::Arc;

use super::asn1_time::read_time;
use super::certificate::read_name;
use super::deviation::deviations;
use super::digest;
use super::distribution_point::{distribution_points, issuing_distribution_point};
use super::extension::{AuthorityKeyIdentifier, Decoded, DistributionPoint, Extension};
use super::extension_value as value;
use super::general_name::{directory_name, general_names};
use super::key::AlgorithmIdentifier;
use super::name::Name;
use super::signed::{Signed, compare_algorithms};
use super::tlv::{DerReader, Tlv, dotted, small_number, tag};
use crate::bytes::{ErrorKind, ParseError};
use crate::time::Timestamp;

pub use super::extension::IssuingDistributionPoint;

/// A CRL.
#[derive(Debug, Clone, PartialEq)]
pub struct Crl {
    /// The original bytes.
    pub der: Arc<[u8]>,
    /// SHA-256 of them.
    pub sha256: [u8; 32],
    /// SHA-1 of them.
    pub sha1: [u8; 20],
    /// The range of `tbsCertList` in `der`.
    pub tbs: std::ops::Range<usize>,
    /// The algorithm inside tbsCertList.
    pub tbs_signature_algorithm: AlgorithmIdentifier,
    /// signatureAlgorithm.
    pub signature_algorithm: AlgorithmIdentifier,
    /// signatureValue octets.
    pub signature: Vec<u8>,
    /// issuer.
    pub issuer: Name,
    /// thisUpdate.
    pub this_update: Timestamp,
    /// nextUpdate.
    pub next_update: Option<Timestamp>,
    /// revokedCertificates.
    pub revoked: Vec<RevokedCertificate>,
    /// crlExtensions in order.
    pub extensions: Vec<Extension>,
    /// cRLNumber contents octets.
    pub crl_number: Option<Vec<u8>>,
    /// deltaCRLIndicator (BaseCRLNumber) contents octets: set for a delta CRL,
    /// empty when the number cannot be read.
    pub delta_base: Option<Vec<u8>>,
    /// authorityKeyIdentifier.
    pub authority_key_identifier: Decoded<AuthorityKeyIdentifier>,
    /// issuingDistributionPoint.
    pub issuing_distribution_point: Decoded<IssuingDistributionPoint>,
    /// freshestCRL.
    pub freshest_crl: Decoded<Vec<DistributionPoint>>,
    /// Next CRL Publish, 1.3.6.1.4.1.311.21.4.
    pub next_publish: Option<Timestamp>,
    /// Deviations, one line each.
    pub oddities: Vec<String>,
}

/// One revoked certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevokedCertificate {
    /// Serial number contents octets as encoded.
    pub serial: Vec<u8>,
    /// revocationDate.
    pub revoked_at: Timestamp,
    /// reasonCode: 1 keyCompromise … 6 certificateHold, 8 removeFromCRL.
    pub reason: Option<u8>,
    /// invalidityDate.
    pub invalid_since: Option<Timestamp>,
    /// certificateIssuer, where this entry sets one (indirect CRLs). Boxed: few
    /// entries have one, and lists have millions of entries.
    pub certificate_issuer: Option<Box<Name>>,
    /// OIDs of critical entry extensions that are not decoded here.
    pub unknown_critical: Vec<String>,
}

impl Crl {
    /// Reads the CRL at the start of the bytes; what follows it is left out of
    /// `der` and told in `oddities`.
    ///
    /// ```text
    /// CertificateList ::= SEQUENCE { tbsCertList, signatureAlgorithm, signatureValue BIT STRING }
    /// tbsCertList ::= SEQUENCE {
    ///     version INTEGER OPTIONAL, signature AlgorithmIdentifier, issuer Name,
    ///     thisUpdate Time, nextUpdate Time OPTIONAL,
    ///     revokedCertificates SEQUENCE OF SEQUENCE {
    ///         userCertificate INTEGER, revocationDate Time, crlEntryExtensions OPTIONAL } OPTIONAL,
    ///     crlExtensions [0] Extensions OPTIONAL }
    /// ```
    ///
    /// An entry that cannot be read is left out and told in `oddities`; one with
    /// unreadable extensions is kept without them.
    ///
    /// Spec: RFC 5280 §5.1.
    ///
    /// # Errors
    ///
    /// `Truncated` when the bytes end before the list does; `Malformed` when
    /// the frame is not that of a CRL or thisUpdate is no date; `OverLimit`
    /// with more than [`MAX_ENTRIES`] entries.
    pub fn from_der(bytes: &[u8]) -> Result<Crl, ParseError> {
        let signed = Signed::read(DerReader::new(bytes), "CertificateList", "tbsCertList")?;
        let der = signed.element.whole;
        let mut oddities = signed.oddities;
        let mut fields = signed.tbs.children();
        let version = fields.optional("version", tag::INTEGER)?;
        if version.is_some_and(|version| version.contents != [1]) {
            oddities.push("the version is not 2".to_owned());
        }
        let tbs_signature_algorithm = AlgorithmIdentifier::read(&mut fields, "signature")?;
        compare_algorithms(&tbs_signature_algorithm, &signed.algorithm, &mut oddities);
        let issuer = read_name(&mut fields, "issuer", &mut oddities)?;
        let this_update = read_time(&mut fields, "thisUpdate")?;
        oddities.extend(
            this_update
                .oddity
                .map(|oddity| format!("thisUpdate: {oddity}")),
        );
        let next_update = read_next_update(&mut fields, &mut oddities)?;
        let mut revoked = Vec::new();
        if let Some(list) = fields.optional("revokedCertificates", tag::SEQUENCE)? {
            revoked = read_entries(&list, &mut oddities)?;
        }
        let extensions = read_tail(&mut fields, &mut oddities)?;

        let tbs = signed.tbs.at..signed.tbs.at + signed.tbs.whole.len();
        let mut values = value::Values {
            extensions: &extensions,
            oddities: &mut oddities,
        };
        let crl_number = number(&mut values, "2.5.29.20");
        let delta_base = number(&mut values, "2.5.29.27");
        let next_publish = values.of(NEXT_PUBLISH, one_time).value().copied();
        Ok(Crl {
            sha256: digest::sha256(der),
            sha1: digest::sha1(der),
            der: Arc::from(der),
            tbs,
            tbs_signature_algorithm,
            signature_algorithm: signed.algorithm,
            signature: signed.signature,
            issuer,
            this_update: this_update.at,
            next_update,
            revoked,
            crl_number,
            delta_base,
            authority_key_identifier: values.of("2.5.29.35", value::authority_key_identifier),
            issuing_distribution_point: values.of("2.5.29.28", issuing_distribution_point),
            freshest_crl: values.of("2.5.29.46", distribution_points),
            next_publish,
            extensions,
            oddities,
        })
    }

    /// The tbsCertList as signed.
    #[must_use]
    pub fn tbs_bytes(&self) -> &[u8] {
        self.der.get(self.tbs.clone()).unwrap_or_default()
    }
}

/// szOID_CRL_NEXT_PUBLISH.
const NEXT_PUBLISH: &str = "1.3.6.1.4.1.311.21.4";

/// Entries of one CRL that are read. The largest public ones have about a
/// million; five million are some 700 MB here.
pub const MAX_ENTRIES: u64 = 5_000_000;

/// A value that is one Time.
fn one_time(value: &[u8]) -> Result<(Timestamp, usize), String> {
    let mut reader = DerReader::new(value);
    let time = read_time(&mut reader, "Time").map_err(|error| error.to_string())?;
    Ok((time.at, reader.rest().len()))
}

/// The number in an extension. One that is no number is there all the same: a
/// delta CRL with a broken indicator must not pass for a complete one.
fn number(values: &mut value::Values<'_>, oid: &str) -> Option<Vec<u8>> {
    match values.of(oid, value::integer) {
        Decoded::Absent => None,
        Decoded::Present(number) => Some(number),
        Decoded::Malformed(why) => {
            values.oddities.push(format!("extension {oid}: {why}"));
            Some(Vec::new())
        }
    }
}

fn read_next_update(
    fields: &mut DerReader<'_>,
    oddities: &mut Vec<String>,
) -> Result<Option<Timestamp>, ParseError> {
    if !matches!(fields.peek(), Some(tag::UTC_TIME | tag::GENERALIZED_TIME)) {
        return Ok(None);
    }
    let time = read_time(fields, "nextUpdate")?;
    oddities.extend(time.oddity.map(|oddity| format!("nextUpdate: {oddity}")));
    Ok(Some(time.at))
}

/// Reads what follows the entries: the extensions.
fn read_tail(
    fields: &mut DerReader<'_>,
    oddities: &mut Vec<String>,
) -> Result<Vec<Extension>, ParseError> {
    let mut extensions = Vec::new();
    while !fields.is_empty() {
        let part = fields.any("tbsCertList")?;
        if part.tag == 0xA0 {
            oddities.extend(deviations(part.whole));
            extensions = value::read_extensions(&part, oddities)?;
        } else {
            let (tag, at) = (part.tag, part.at);
            oddities.push(format!(
                "unexpected tag {tag:#04x} at byte {at} in tbsCertList"
            ));
        }
    }
    Ok(extensions)
}

/// Reads revokedCertificates, counting first: growing a vector would hold
/// two copies of it for a moment.
fn read_entries(
    list: &Tlv<'_>,
    oddities: &mut Vec<String>,
) -> Result<Vec<RevokedCertificate>, ParseError> {
    const WHAT: &str = "revokedCertificates";
    let mut count = 0_u64;
    let mut reader = list.children();
    while !reader.is_empty() {
        let entry = reader.any(WHAT)?;
        count += 1;
        if count > MAX_ENTRIES {
            let kind = ErrorKind::OverLimit {
                value: count,
                limit: MAX_ENTRIES,
            };
            return Err(ParseError {
                what: WHAT,
                at: entry.at as u64,
                kind,
            });
        }
    }
    let mut revoked = Vec::with_capacity(usize::try_from(count).unwrap_or(0));
    let (mut unreadable, mut broken) = (0_u64, 0_u64);
    let mut reader = list.children();
    while !reader.is_empty() {
        match read_entry(&reader.any(WHAT)?) {
            Ok((entry, None)) => revoked.push(entry),
            Ok((entry, Some(error))) => {
                if broken == 0 {
                    oddities.push(format!("an entry extension is not readable: {error}"));
                }
                broken += 1;
                revoked.push(entry);
            }
            Err(error) => {
                if unreadable == 0 {
                    oddities.push(format!("a revoked certificate is left out: {error}"));
                }
                unreadable += 1;
            }
        }
    }
    if unreadable > 1 {
        oddities.push(format!("{unreadable} revoked certificates are left out"));
    }
    if broken > 1 {
        oddities.push(format!("{broken} entries have unreadable extensions"));
    }
    Ok(revoked)
}

/// Reads an entry; trouble in its extensions does not hide the serial number.
fn read_entry(element: &Tlv<'_>) -> Result<(RevokedCertificate, Option<ParseError>), ParseError> {
    let mut fields = element.children();
    let serial = fields
        .expect("userCertificate", tag::INTEGER)?
        .contents
        .to_vec();
    let revoked_at = read_time(&mut fields, "revocationDate")?.at;
    let mut entry = RevokedCertificate {
        serial,
        revoked_at,
        reason: None,
        invalid_since: None,
        certificate_issuer: None,
        unknown_critical: Vec::new(),
    };
    let trouble = read_entry_extensions(&mut fields, &mut entry).err();
    Ok((entry, trouble))
}

fn read_entry_extensions(
    fields: &mut DerReader<'_>,
    entry: &mut RevokedCertificate,
) -> Result<(), ParseError> {
    if let Some(list) = fields.optional("crlEntryExtensions", tag::SEQUENCE)? {
        let mut extensions = list.children();
        while !extensions.is_empty() {
            let extension = extensions.expect("crlEntryExtensions", tag::SEQUENCE)?;
            read_entry_extension(&extension, entry)?;
        }
    }
    Ok(())
}

fn read_entry_extension(
    element: &Tlv<'_>,
    entry: &mut RevokedCertificate,
) -> Result<(), ParseError> {
    const WHAT: &str = "crlEntryExtension";
    let mut inside = element.children();
    let oid = inside.expect(WHAT, tag::OID)?;
    let critical = inside.optional(WHAT, tag::BOOLEAN)?;
    let critical = critical.is_some_and(|flag| flag.contents.iter().any(|byte| *byte != 0));
    let mut value = inside.expect(WHAT, tag::OCTET_STRING)?.children();
    match oid.contents {
        [0x55, 0x1D, 21] => {
            let reason = value.expect("reasonCode", tag::ENUMERATED)?;
            let number = small_number(reason.contents).and_then(|number| u8::try_from(number).ok());
            entry.reason = number;
        }
        [0x55, 0x1D, 24] => entry.invalid_since = Some(read_time(&mut value, "invalidityDate")?.at),
        [0x55, 0x1D, 29] => {
            let names = value.expect("certificateIssuer", tag::SEQUENCE)?;
            let name = directory_name(general_names(&names)?);
            entry.certificate_issuer = name.map(Box::new);
        }
        other if critical => entry.unknown_critical.push(dotted(other)),
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const DELTA: &[u8] = include_bytes!("../../tests/data/pki/crl-indirect-delta.der");

    #[test]
    fn an_indirect_delta_list_keeps_what_each_entry_says() {
        let crl = Crl::from_der(DELTA).unwrap();
        assert_eq!(crl.issuer.text, "CN=Test CA,C=DE");
        assert_eq!(crl.this_update.to_rfc3339(), "2024-01-01T00:00:00Z");
        assert_eq!(
            crl.next_update.unwrap().to_rfc3339(),
            "2024-02-01T00:00:00Z"
        );
        assert_eq!(
            crl.next_publish.unwrap().to_rfc3339(),
            "2024-01-25T00:00:00Z"
        );
        assert_eq!(crl.crl_number, Some(vec![1, 44]));
        assert_eq!(crl.delta_base, Some(vec![1, 43]));
        let [first, second, third] = crl.revoked.as_slice() else {
            unreachable!()
        };
        assert_eq!(
            (first.serial.as_slice(), first.reason),
            ([0, 0x80, 0xAB].as_slice(), Some(1))
        );
        assert_eq!(first.revoked_at.to_rfc3339(), "2023-12-01T10:00:00Z");
        assert_eq!(
            first.invalid_since.unwrap().to_rfc3339(),
            "2023-11-30T00:00:00Z"
        );
        assert_eq!(second.reason, Some(8));
        assert_eq!(
            second.certificate_issuer.as_ref().unwrap().text,
            "CN=Other CA"
        );
        assert_eq!(third.unknown_critical, ["1.2.3.4"]);
        assert_eq!(crl.oddities, <Vec<String>>::new());
    }

    #[test]
    fn a_broken_entry_extension_does_not_hide_the_serial_number() {
        // The length of the first reasonCode's OCTET STRING, now past its end.
        let at = DELTA
            .windows(5)
            .position(|window| window == [0x1D, 0x15, 4, 3, 10])
            .unwrap();
        let mut bytes = DELTA.to_vec();
        bytes[at + 3] = 9;
        let crl = Crl::from_der(&bytes).unwrap();
        assert_eq!((crl.revoked.len(), crl.revoked[0].reason), (3, None));
        let expected = format!(
            "an entry extension is not readable: crlEntryExtension at byte {}: \
             needs 11 bytes, 5 left",
            at + 2
        );
        assert_eq!(crl.oddities, [expected]);
    }

    #[test]
    fn a_date_that_is_none_ends_the_reading() {
        let mut bytes = DELTA.to_vec();
        let at = bytes
            .windows(6)
            .position(|window| window == *b"240101")
            .unwrap();
        bytes[at + 2] = b'9';
        let error = Crl::from_der(&bytes).unwrap_err();
        let expected = format!(
            "thisUpdate at byte {}: malformed: '249101000000Z' is no UTCTime",
            at - 2
        );
        assert_eq!(error.to_string(), expected);
    }
}
