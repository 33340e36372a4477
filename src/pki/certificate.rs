//! X.509 certificates (RFC 5280 §4), read tolerantly: what cannot be decoded
//! is kept as bytes and named in [`Certificate::oddities`].

use std::ops::Range;
use std::sync::Arc;

use x509_parser::prelude::{FromDer, X509Certificate};

use super::asn1_time::read_time;
use super::deviation::deviations;
use super::digest;
use super::distribution_point::distribution_points;
use super::extension_value as value;
use super::signed::{Signed, compare_algorithms};
use super::tlv::{DerReader, Tlv, context, tag, unsigned};
use crate::bytes::ParseError;
use crate::time::Timestamp;

pub use super::extension::{
    AccessDescription, AuthorityKeyIdentifier, BasicConstraints, Decoded, DistributionPoint,
    Extension, GeneralName, GeneralSubtree, NameConstraints, PolicyConstraints,
};
pub use super::key::{AlgorithmIdentifier, PublicKeyInfo};
pub use super::name::Name;

/// A certificate with its decoded fields.
#[derive(Debug, Clone, PartialEq)]
pub struct Certificate {
    /// The original bytes.
    pub der: Arc<[u8]>,
    /// SHA-256 of them.
    pub sha256: [u8; 32],
    /// SHA-1 of them: Windows' thumbprint.
    pub sha1: [u8; 20],
    /// 1, 2 or 3 (the encoded number plus one); other numbers as found.
    pub version: u32,
    /// serialNumber, the contents octets as encoded (leading zero kept).
    pub serial: Vec<u8>,
    /// The range of `tbsCertificate` in `der`.
    pub tbs: Range<usize>,
    /// signature inside tbsCertificate.
    pub tbs_signature_algorithm: AlgorithmIdentifier,
    /// signatureAlgorithm outside.
    pub signature_algorithm: AlgorithmIdentifier,
    /// signatureValue, the octets of the bit string.
    pub signature: Vec<u8>,
    /// issuer.
    pub issuer: Name,
    /// subject.
    pub subject: Name,
    /// notBefore.
    pub not_before: Timestamp,
    /// notAfter.
    pub not_after: Timestamp,
    /// subjectPublicKeyInfo.
    pub public_key: PublicKeyInfo,
    /// All extensions in order, duplicates kept.
    pub extensions: Vec<Extension>,
    /// basicConstraints.
    pub basic_constraints: Decoded<BasicConstraints>,
    /// keyUsage, bit 0 (digitalSignature) is 0x8000.
    pub key_usage: Decoded<u16>,
    /// extendedKeyUsage: dotted OIDs in order.
    pub extended_key_usage: Decoded<Vec<String>>,
    /// subjectAltName.
    pub subject_alternative_names: Decoded<Vec<GeneralName>>,
    /// subjectKeyIdentifier.
    pub subject_key_identifier: Decoded<Vec<u8>>,
    /// authorityKeyIdentifier.
    pub authority_key_identifier: Decoded<AuthorityKeyIdentifier>,
    /// authorityInfoAccess.
    pub authority_info_access: Decoded<Vec<AccessDescription>>,
    /// cRLDistributionPoints.
    pub crl_distribution_points: Decoded<Vec<DistributionPoint>>,
    /// freshestCRL.
    pub freshest_crl: Decoded<Vec<DistributionPoint>>,
    /// nameConstraints.
    pub name_constraints: Decoded<NameConstraints>,
    /// certificatePolicies: dotted OIDs in order.
    pub certificate_policies: Decoded<Vec<String>>,
    /// policyMappings: (issuerDomainPolicy, subjectDomainPolicy).
    pub policy_mappings: Decoded<Vec<(String, String)>>,
    /// policyConstraints.
    pub policy_constraints: Decoded<PolicyConstraints>,
    /// inhibitAnyPolicy.
    pub inhibit_any_policy: Decoded<u32>,
    /// Deviations from the standard that did not stop the reading, one line each.
    pub oddities: Vec<String>,
}

/// caIssuers access method.
pub const CA_ISSUERS: &str = "1.3.6.1.5.5.7.48.2";
/// OCSP access method.
pub const OCSP: &str = "1.3.6.1.5.5.7.48.1";

impl Certificate {
    /// Reads the certificate at the start of the bytes; what follows it is
    /// left out of `der` and told in `oddities`.
    ///
    /// ```text
    /// Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm, signatureValue BIT STRING }
    /// tbsCertificate ::= SEQUENCE {
    ///     version [0] INTEGER DEFAULT 0, serialNumber INTEGER, signature AlgorithmIdentifier,
    ///     issuer Name, validity SEQUENCE { notBefore Time, notAfter Time }, subject Name,
    ///     subjectPublicKeyInfo, issuerUniqueID [1], subjectUniqueID [2], extensions [3] }
    /// ```
    ///
    /// Tolerated, and told in `oddities`: BER lengths, odd serial numbers and
    /// versions, time forms outside the profile, two algorithms that differ,
    /// duplicate and unreadable extensions. A part that is not readable inside
    /// is [`Decoded::Malformed`]. x509-parser's own verdict on the whole is an
    /// oddity too.
    ///
    /// Spec: RFC 5280 §4.1.
    ///
    /// # Errors
    ///
    /// `Truncated` when the bytes end before the certificate does; `Malformed`
    /// when the frame is not that of a certificate, or a date is none.
    pub fn from_der(bytes: &[u8]) -> Result<Certificate, ParseError> {
        let signed = Signed::read(DerReader::new(bytes), "Certificate", "tbsCertificate")?;
        let der = signed.element.whole;
        let mut oddities = signed.oddities;
        oddities.extend(deviations(der));
        if let Err(error) = X509Certificate::from_der(der) {
            oddities.push(format!("a strict parser refuses it: {error}"));
        }

        let mut fields = signed.tbs.children();
        let version = read_version(&mut fields, &mut oddities)?;
        let serial = fields
            .expect("serialNumber", tag::INTEGER)?
            .contents
            .to_vec();
        note_serial(&serial, &mut oddities);
        let tbs_signature_algorithm = AlgorithmIdentifier::read(&mut fields, "signature")?;
        compare_algorithms(&tbs_signature_algorithm, &signed.algorithm, &mut oddities);
        let issuer = read_name(&mut fields, "issuer", &mut oddities)?;
        let (not_before, not_after) = read_validity(&mut fields, &mut oddities)?;
        let subject = read_name(&mut fields, "subject", &mut oddities)?;
        let key = fields.expect("subjectPublicKeyInfo", tag::SEQUENCE)?;
        let public_key = PublicKeyInfo::read(&key)?;
        let extensions = read_tail(&mut fields, version, &mut oddities)?;

        let tbs = signed.tbs.at..signed.tbs.at + signed.tbs.whole.len();
        let mut values = value::Values {
            extensions: &extensions,
            oddities: &mut oddities,
        };
        Ok(Certificate {
            sha256: digest::sha256(der),
            sha1: digest::sha1(der),
            der: Arc::from(der),
            version,
            serial,
            tbs,
            tbs_signature_algorithm,
            signature_algorithm: signed.algorithm,
            signature: signed.signature,
            issuer,
            subject,
            not_before,
            not_after,
            public_key,
            basic_constraints: values.of("2.5.29.19", value::basic_constraints),
            key_usage: values.of("2.5.29.15", value::key_usage),
            extended_key_usage: values.of("2.5.29.37", value::oid_list),
            subject_alternative_names: values.of("2.5.29.17", value::alternative_names),
            subject_key_identifier: values.of("2.5.29.14", value::key_identifier),
            authority_key_identifier: values.of("2.5.29.35", value::authority_key_identifier),
            authority_info_access: values.of("1.3.6.1.5.5.7.1.1", value::access_descriptions),
            crl_distribution_points: values.of("2.5.29.31", distribution_points),
            freshest_crl: values.of("2.5.29.46", distribution_points),
            name_constraints: values.of("2.5.29.30", value::name_constraints),
            certificate_policies: values.of("2.5.29.32", value::policies),
            policy_mappings: values.of("2.5.29.33", value::policy_mappings),
            policy_constraints: values.of("2.5.29.36", value::policy_constraints),
            inhibit_any_policy: values.of("2.5.29.54", value::inhibit_any_policy),
            extensions,
            oddities,
        })
    }

    /// True when subject and issuer are the same name (the key is not checked).
    #[must_use]
    pub fn is_self_issued(&self) -> bool {
        self.subject.der == self.issuer.der
    }

    /// The tbsCertificate as signed.
    #[must_use]
    pub fn tbs_bytes(&self) -> &[u8] {
        self.der.get(self.tbs.clone()).unwrap_or_default()
    }

    /// URLs of an access method of authorityInfoAccess, in order.
    #[must_use]
    pub fn access_urls(&self, method: &str) -> Vec<&str> {
        let list = self.authority_info_access.value();
        let of_method = list
            .into_iter()
            .flatten()
            .filter(|access| access.method == method);
        let urls = of_method.filter_map(|access| match &access.location {
            GeneralName::Uri(url) => Some(url.as_str()),
            _ => None,
        });
        urls.collect()
    }

    /// URLs of the CRL distribution points, in order.
    #[must_use]
    pub fn crl_urls(&self) -> Vec<&str> {
        let points = self.crl_distribution_points.value().into_iter().flatten();
        let names = points.flat_map(|point| &point.full_name);
        let urls = names.filter_map(|name| match name {
            GeneralName::Uri(url) => Some(url.as_str()),
            _ => None,
        });
        urls.collect()
    }
}

/// The version as people count it: 1 where it is left out.
fn read_version(fields: &mut DerReader<'_>, oddities: &mut Vec<String>) -> Result<u32, ParseError> {
    let Some(wrapper) = fields.optional("version", context(0))? else {
        return Ok(1);
    };
    let number = wrapper.children().small_integer("version")?;
    if number == 0 {
        oddities.push("version 1 is written out, DER leaves it out".to_owned());
    } else if number > 2 {
        oddities.push(format!("version {number} is unknown (2 means v3)"));
    }
    Ok(number.saturating_add(1))
}

fn note_serial(serial: &[u8], oddities: &mut Vec<String>) {
    let digits = unsigned(serial);
    if serial.first().is_some_and(|first| first & 0x80 != 0) {
        oddities.push("serialNumber is negative".to_owned());
    } else if digits.is_empty() {
        oddities.push("serialNumber is zero".to_owned());
    }
    if serial.len() > MAX_SERIAL_OCTETS {
        oddities.push(format!(
            "serialNumber has {} octets, more than 20",
            serial.len()
        ));
    }
}

/// RFC 5280 §4.1.2.2.
const MAX_SERIAL_OCTETS: usize = 20;

/// Reads `SEQUENCE { notBefore Time, notAfter Time }`.
fn read_validity(
    fields: &mut DerReader<'_>,
    oddities: &mut Vec<String>,
) -> Result<(Timestamp, Timestamp), ParseError> {
    let mut validity = fields.expect("validity", tag::SEQUENCE)?.children();
    let not_before = read_time(&mut validity, "notBefore")?;
    let not_after = read_time(&mut validity, "notAfter")?;
    for (field, time) in [("notBefore", not_before), ("notAfter", not_after)] {
        oddities.extend(time.oddity.map(|oddity| format!("{field}: {oddity}")));
    }
    if not_after.at < not_before.at {
        oddities.push("notAfter is before notBefore".to_owned());
    }
    Ok((not_before.at, not_after.at))
}

/// Reads a Name that may be broken inside.
pub(super) fn read_name(
    fields: &mut DerReader<'_>,
    what: &'static str,
    oddities: &mut Vec<String>,
) -> Result<Name, ParseError> {
    let element = fields.expect(what, tag::SEQUENCE)?;
    let name = Name::from_der(element.whole);
    if !name.is_readable() {
        oddities.push(format!(
            "the {what} name at byte {} is not readable",
            element.at
        ));
    }
    Ok(name)
}

/// Reads what follows the key: unique identifiers and extensions.
fn read_tail(
    fields: &mut DerReader<'_>,
    version: u32,
    oddities: &mut Vec<String>,
) -> Result<Vec<Extension>, ParseError> {
    let mut extensions = Vec::new();
    while !fields.is_empty() {
        let part: Tlv<'_> = fields.any("tbsCertificate")?;
        match part.tag {
            0x81 | 0x82 | 0xA1 | 0xA2 if version >= 2 => {}
            0x81 | 0x82 | 0xA1 | 0xA2 => {
                oddities.push("a version 1 certificate with unique identifiers".to_owned());
            }
            0xA3 => {
                if version < 3 {
                    oddities.push(format!("a version {version} certificate with extensions"));
                }
                extensions = value::read_extensions(&part, oddities)?;
            }
            other => {
                let at = part.at;
                oddities.push(format!(
                    "unexpected tag {other:#04x} at byte {at} after the key"
                ));
            }
        }
    }
    Ok(extensions)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const LEAF: &[u8] = include_bytes!("../../tests/data/pki/leaf-every-extension.der");
    const ODD: &[u8] = include_bytes!("../../tests/data/pki/leaf-odd.der");

    #[test]
    fn the_fields_are_those_openssl_prints() {
        let leaf = Certificate::from_der(LEAF).unwrap();
        assert_eq!(leaf.version, 3);
        assert_eq!(leaf.serial, [0, 0x80, 0xAB]);
        assert_eq!(
            crate::bytes::to_hex(&leaf.sha1),
            "1f9ff8af1b080a88188e3452e767aec61c9dda09"
        );
        assert_eq!(leaf.issuer.text, "CN=Test CA,C=DE");
        assert_eq!(leaf.subject.text, r"CN=leaf.example,O=Müller\, Söhne \+ Co");
        assert_eq!(leaf.not_before.to_rfc3339(), "2011-01-25T20:54:12Z");
        assert_eq!(leaf.not_after.to_rfc3339(), "2051-01-01T00:00:00Z");
        assert_eq!(leaf.signature_algorithm.oid, "1.3.101.112");
        assert_eq!(leaf.public_key.bits, Some(256));
        assert_eq!(leaf.access_urls(OCSP), ["http://ocsp.example/"]);
        assert_eq!(leaf.access_urls(CA_ISSUERS), ["http://aia.example/ca.crt"]);
        assert_eq!(
            leaf.crl_urls(),
            ["http://crl.example/a.crl", "ldap:///CN=a"]
        );
        assert_eq!(leaf.tbs_bytes(), &LEAF[4..LEAF.len() - 74]);
        assert_eq!(leaf.oddities, <Vec<String>>::new());
    }

    #[test]
    fn every_deviation_is_told_and_none_stops_the_reading() {
        let odd = Certificate::from_der(ODD).unwrap();
        assert!(odd.is_self_issued());
        let expected = [
            "BOOLEAN at byte 217 is not 00 or ff",
            "BOOLEAN at byte 247 is not 00 or ff",
            "serialNumber is negative",
            "the signed part names algorithm 1.3.101.112, the signature 1.2.840.10045.4.3.2",
            "notBefore: GeneralizedTime for a year before 2050",
            "notAfter: a time without seconds",
            "notAfter is before notBefore",
            "a version 1 certificate with extensions",
            "extension 2.5.29.19 is there twice",
        ];
        let told: Vec<&str> = odd.oddities.iter().map(String::as_str).collect();
        let told: Vec<&str> = told
            .into_iter()
            .filter(|line| !line.starts_with("a strict parser"))
            .collect();
        assert_eq!(told, expected);
        assert!(odd.extensions[0].critical);
        let why = "KeyPurposeId at byte 2: malformed: tag 0x05 where 0x06 belongs";
        assert_eq!(odd.extended_key_usage, Decoded::Malformed(why.to_owned()));
        let constraints = BasicConstraints {
            ca: true,
            path_length: None,
        };
        assert_eq!(odd.basic_constraints, Decoded::Present(constraints));
    }

    #[test]
    fn bytes_behind_the_certificate_are_left_out() {
        let longer = [LEAF, &[0, 0]].concat();
        let leaf = Certificate::from_der(&longer).unwrap();
        assert_eq!(leaf.der.as_ref(), LEAF);
        assert_eq!(leaf.oddities, ["2 bytes follow the object"]);
    }

    #[test]
    fn a_certificate_cut_short_says_how_much_is_missing() {
        let error = Certificate::from_der(&LEAF[..500]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "Certificate at byte 0: needs 1006 bytes, 500 left"
        );
        let error = Certificate::from_der(b"<html>").unwrap_err();
        let expected = "Certificate at byte 0: malformed: tag 0x3c where 0x30 belongs";
        assert_eq!(error.to_string(), expected);
    }
}
