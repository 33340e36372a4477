//! Algorithm identifiers and public keys.

use x509_parser::prelude::{FromDer, SubjectPublicKeyInfo};
use x509_parser::public_key::{PublicKey, RSAPublicKey};

use super::digest;
use super::tlv::{DerReader, Tlv, bit_length, tag};
use crate::bytes::ParseError;

/// An AlgorithmIdentifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlgorithmIdentifier {
    /// Dotted OID.
    pub oid: String,
    /// DER of the parameters, where present.
    pub parameters: Option<Vec<u8>>,
}

/// A SubjectPublicKeyInfo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKeyInfo {
    /// Its DER.
    pub der: Vec<u8>,
    /// algorithm.
    pub algorithm: AlgorithmIdentifier,
    /// subjectPublicKey, the octets of the bit string.
    pub key: Vec<u8>,
    /// Key length in bits (RSA and DSA modulus, EC field), where understood.
    pub bits: Option<u32>,
}

/// SHA-1 of the key bits: the usual subjectKeyIdentifier, and what an OCSP
/// responder is named by.
///
/// Spec: RFC 5280 §4.2.1.2, method 1.
#[must_use]
pub fn key_identifier_sha1(key: &PublicKeyInfo) -> [u8; 20] {
    digest::sha1(&key.key)
}

/// `rsaEncryption`.
pub(super) const RSA: &str = "1.2.840.113549.1.1.1";
/// `id-RSASSA-PSS`.
pub(super) const RSA_PSS: &str = "1.2.840.113549.1.1.10";
/// `id-ecPublicKey`.
pub(super) const EC: &str = "1.2.840.10045.2.1";
/// `id-dsa`.
pub(super) const DSA: &str = "1.2.840.10040.4.1";
/// `id-Ed25519`.
pub(super) const ED25519: &str = "1.3.101.112";

impl AlgorithmIdentifier {
    /// Reads one.
    ///
    /// ```text
    /// SEQUENCE { algorithm OBJECT IDENTIFIER, parameters ANY OPTIONAL }
    /// ```
    ///
    /// # Errors
    ///
    /// `Truncated` or `Malformed`, as the reader says.
    pub(super) fn read(
        reader: &mut DerReader<'_>,
        what: &'static str,
    ) -> Result<AlgorithmIdentifier, ParseError> {
        let mut inside = reader.expect(what, tag::SEQUENCE)?.children();
        let oid = inside.oid(what)?;
        let rest = inside.rest();
        Ok(AlgorithmIdentifier {
            oid,
            parameters: (!rest.is_empty()).then(|| rest.to_vec()),
        })
    }
}

impl PublicKeyInfo {
    /// Reads the element of a SubjectPublicKeyInfo.
    ///
    /// ```text
    /// SEQUENCE { algorithm AlgorithmIdentifier, subjectPublicKey BIT STRING }
    /// ```
    ///
    /// A key of an unknown algorithm, or broken inside, is kept without `bits`.
    ///
    /// Spec: RFC 5280 §4.1.2.7, RFC 3279, RFC 5480.
    ///
    /// # Errors
    ///
    /// `Truncated` or `Malformed`, as the reader says.
    pub(super) fn read(element: &Tlv<'_>) -> Result<PublicKeyInfo, ParseError> {
        const WHAT: &str = "subjectPublicKeyInfo";
        let mut inside = element.children();
        let algorithm = AlgorithmIdentifier::read(&mut inside, WHAT)?;
        let (key, _) = inside.bit_string(WHAT)?;
        let bits = key_bits(element.whole, &algorithm, key);
        Ok(PublicKeyInfo {
            der: element.whole.to_vec(),
            algorithm,
            key: key.to_vec(),
            bits,
        })
    }
}

fn key_bits(der: &[u8], algorithm: &AlgorithmIdentifier, key: &[u8]) -> Option<u32> {
    match algorithm.oid.as_str() {
        RSA_PSS => RSAPublicKey::from_der(key)
            .ok()
            .map(|(_, rsa)| bit_length(rsa.modulus)),
        DSA => {
            let parameters = algorithm.parameters.as_deref()?;
            let mut inside = DerReader::new(parameters)
                .expect("DSS-Parms", tag::SEQUENCE)
                .ok()?
                .children();
            inside
                .expect("p", tag::INTEGER)
                .ok()
                .map(|p| bit_length(p.contents))
        }
        EC => field_bits(algorithm.parameters.as_deref()?),
        ED25519 | "1.3.101.110" => Some(255),
        "1.3.101.113" | "1.3.101.111" => Some(448),
        _ => {
            let (_, info) = SubjectPublicKeyInfo::from_der(der).ok()?;
            match info.parsed().ok()? {
                PublicKey::RSA(rsa) => Some(bit_length(rsa.modulus)),
                _ => None,
            }
        }
    }
}

/// Bits of the field of EcpkParameters: a named curve, or explicit parameters
/// over a prime field, whose curve need not be known.
fn field_bits(parameters: &[u8]) -> Option<u32> {
    let element = DerReader::new(parameters).any("EcpkParameters").ok()?;
    if element.tag == tag::OID {
        return match super::tlv::dotted(element.contents).as_str() {
            "1.2.840.10045.3.1.1" => Some(192),
            "1.3.132.0.33" => Some(224),
            "1.2.840.10045.3.1.7" | "1.3.132.0.10" | "1.3.36.3.3.2.8.1.1.7" => Some(256),
            "1.3.36.3.3.2.8.1.1.11" | "1.3.132.0.34" => Some(384),
            "1.3.36.3.3.2.8.1.1.13" => Some(512),
            "1.3.132.0.35" => Some(521),
            _ => None,
        };
    }
    let mut explicit = element.children();
    explicit.small_integer("version").ok()?;
    let mut field = explicit.expect("fieldID", tag::SEQUENCE).ok()?.children();
    if field.oid("fieldType").ok()? != "1.2.840.10045.1.1" {
        return None;
    }
    field
        .expect("prime", tag::INTEGER)
        .ok()
        .map(|prime| bit_length(prime.contents))
}
