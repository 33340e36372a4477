//! The envelope that certificates, CRLs and basic OCSP responses share.

use super::key::AlgorithmIdentifier;
use super::tlv::{DerReader, Tlv, tag};
use crate::bytes::ParseError;

/// The parts of a signed object.
pub struct Signed<'a> {
    /// The whole element, without what follows it.
    pub element: Tlv<'a>,
    /// The part that is signed.
    pub tbs: Tlv<'a>,
    /// signatureAlgorithm.
    pub algorithm: AlgorithmIdentifier,
    /// signatureValue octets.
    pub signature: Vec<u8>,
    /// What follows the signature, inside the envelope (certs of OCSP).
    pub more: DerReader<'a>,
    /// Deviations seen so far.
    pub oddities: Vec<String>,
}

impl<'a> Signed<'a> {
    /// Reads the envelope at the start of the input.
    ///
    /// ```text
    /// SEQUENCE { tbs ANY, signatureAlgorithm AlgorithmIdentifier, signature BIT STRING }
    /// ```
    ///
    /// Bytes after it, and deviations from DER inside, become oddities.
    ///
    /// # Errors
    ///
    /// `Truncated` or `Malformed`, as the reader says.
    pub fn read(
        mut reader: DerReader<'a>,
        what: &'static str,
        tbs_what: &'static str,
    ) -> Result<Signed<'a>, ParseError> {
        let element = reader.expect(what, tag::SEQUENCE)?;
        let mut oddities = Vec::new();
        if !reader.is_empty() {
            oddities.push(format!("{} bytes follow the object", reader.rest().len()));
        }
        let mut more = element.children();
        let tbs = more.expect(tbs_what, tag::SEQUENCE)?;
        let algorithm = AlgorithmIdentifier::read(&mut more, "signatureAlgorithm")?;
        let (octets, unused) = more.bit_string("signatureValue")?;
        if unused != 0 {
            oddities.push(format!("signatureValue has {unused} unused bits"));
        }
        let signature = octets.to_vec();
        Ok(Signed {
            element,
            tbs,
            algorithm,
            signature,
            more,
            oddities,
        })
    }
}

/// Notes an inner algorithm that is not the outer one.
pub fn compare_algorithms(
    inner: &AlgorithmIdentifier,
    outer: &AlgorithmIdentifier,
    oddities: &mut Vec<String>,
) {
    if inner.oid != outer.oid {
        let (inner, outer) = (&inner.oid, &outer.oid);
        oddities.push(format!(
            "the signed part names algorithm {inner}, the signature {outer}"
        ));
    } else if inner.parameters != outer.parameters {
        oddities
            .push("the signed part and the signature differ in algorithm parameters".to_owned());
    }
}
