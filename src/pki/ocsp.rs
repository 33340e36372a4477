//! OCSP responses (RFC 6960 §4.2).

use std::sync::Arc;

use super::Certificate;
use super::asn1_time::read_time;
use super::digest;
use super::extension::Extension;
use super::extension_value::read_extensions;
use super::key::AlgorithmIdentifier;
use super::name::Name;
use super::signed::Signed;
use super::tlv::{DerReader, Tlv, context, small_number, tag};
use crate::bytes::{ErrorKind, ParseError};
use crate::time::Timestamp;

/// An OCSP response.
#[derive(Debug, Clone, PartialEq)]
pub struct OcspResponse {
    /// The original bytes.
    pub der: Arc<[u8]>,
    /// SHA-256 of them.
    pub sha256: [u8; 32],
    /// SHA-1 of them.
    pub sha1: [u8; 20],
    /// responseStatus: 0 successful, 1 malformedRequest, 2 internalError,
    /// 3 tryLater, 5 sigRequired, 6 unauthorized.
    pub status: u8,
    /// The basic response of a successful one.
    pub basic: Option<BasicResponse>,
    /// Deviations, one line each.
    pub oddities: Vec<String>,
}

/// A BasicOCSPResponse.
#[derive(Debug, Clone, PartialEq)]
pub struct BasicResponse {
    /// DER of tbsResponseData as signed.
    pub tbs: Vec<u8>,
    /// signatureAlgorithm.
    pub signature_algorithm: AlgorithmIdentifier,
    /// signature octets.
    pub signature: Vec<u8>,
    /// responderID.
    pub responder: ResponderId,
    /// producedAt.
    pub produced_at: Timestamp,
    /// responses.
    pub responses: Vec<SingleResponse>,
    /// responseExtensions.
    pub extensions: Vec<Extension>,
    /// certs; unreadable ones left out.
    pub certificates: Vec<Arc<Certificate>>,
}

/// responderID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResponderId {
    /// byName.
    Name(Name),
    /// byKey: SHA-1 of the key bits.
    KeyHash(Vec<u8>),
}

/// A SingleResponse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SingleResponse {
    /// certID.
    pub cert_id: CertId,
    /// certStatus.
    pub status: CertStatus,
    /// thisUpdate.
    pub this_update: Timestamp,
    /// nextUpdate.
    pub next_update: Option<Timestamp>,
}

/// certID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertId {
    /// Dotted OID of hashAlgorithm.
    pub hash_algorithm: String,
    /// Hash of the issuer's name.
    pub issuer_name_hash: Vec<u8>,
    /// Hash of the issuer's key bits.
    pub issuer_key_hash: Vec<u8>,
    /// Serial number contents octets as encoded.
    pub serial: Vec<u8>,
}

/// certStatus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertStatus {
    /// good.
    Good,
    /// revoked.
    Revoked {
        /// revocationTime.
        revoked_at: Timestamp,
        /// revocationReason.
        reason: Option<u8>,
    },
    /// unknown.
    Unknown,
}

impl OcspResponse {
    /// Reads the OCSP response at the start of the bytes; what follows it is
    /// left out of `der` and told in `oddities`.
    ///
    /// ```text
    /// OCSPResponse ::= SEQUENCE { responseStatus ENUMERATED,
    ///     responseBytes [0] SEQUENCE { responseType OID, response OCTET STRING } OPTIONAL }
    /// BasicOCSPResponse ::= SEQUENCE { tbsResponseData ResponseData, signatureAlgorithm,
    ///     signature BIT STRING, certs [0] SEQUENCE OF Certificate OPTIONAL }
    /// ```
    ///
    /// Any status number is kept. A response type other than basic, and a
    /// certificate that cannot be read, are oddities.
    ///
    /// Spec: RFC 6960 §4.2.1.
    ///
    /// # Errors
    ///
    /// `Truncated` when the bytes end before the response does; `Malformed`
    /// when the frame is not that of a response.
    pub fn from_der(bytes: &[u8]) -> Result<OcspResponse, ParseError> {
        const WHAT: &str = "OCSPResponse";
        let mut reader = DerReader::new(bytes);
        let element = reader.expect(WHAT, tag::SEQUENCE)?;
        let mut oddities = Vec::new();
        if !reader.is_empty() {
            oddities.push(format!("{} bytes follow the object", reader.rest().len()));
        }
        let mut fields = element.children();
        let status = fields.expect("responseStatus", tag::ENUMERATED)?;
        let number = small_number(status.contents).and_then(|number| u8::try_from(number).ok());
        let number = number.ok_or_else(|| status.malformed("responseStatus", "not below 256"))?;
        let mut basic = None;
        if let Some(wrapper) = fields.optional("responseBytes", context(0))? {
            let mut parts = wrapper
                .children()
                .expect("responseBytes", tag::SEQUENCE)?
                .children();
            let kind = parts.oid("responseType")?;
            let response = parts.expect("response", tag::OCTET_STRING)?;
            if kind == BASIC {
                basic = Some(BasicResponse::read(&response, &mut oddities)?);
            } else {
                oddities.push(format!("response type {kind} is not read"));
            }
        }
        if number == 0 && basic.is_none() {
            oddities.push("successful, but without a basic response".to_owned());
        }
        let der = element.whole;
        Ok(OcspResponse {
            sha256: digest::sha256(der),
            sha1: digest::sha1(der),
            der: Arc::from(der),
            status: number,
            basic,
            oddities,
        })
    }
}

/// id-pkix-ocsp-basic.
const BASIC: &str = "1.3.6.1.5.5.7.48.1.1";

/// SingleResponses and certificates in one answer; real ones have one to ten.
const MAX_PARTS: usize = 10_000;

impl BasicResponse {
    /// ```text
    /// ResponseData ::= SEQUENCE { version [0] DEFAULT v1,
    ///     responderID CHOICE { [1] Name, [2] KeyHash }, producedAt GeneralizedTime,
    ///     responses SEQUENCE OF SingleResponse, responseExtensions [1] OPTIONAL }
    /// ```
    fn read(octets: &Tlv<'_>, oddities: &mut Vec<String>) -> Result<BasicResponse, ParseError> {
        let signed = Signed::read(octets.children(), "BasicOCSPResponse", "tbsResponseData")?;
        oddities.extend(signed.oddities);
        let mut fields = signed.tbs.children();
        fields.optional("version", context(0))?;
        let responder = read_responder(&mut fields)?;
        let produced_at = read_time(&mut fields, "producedAt")?.at;
        let mut list = fields.expect("responses", tag::SEQUENCE)?.children();
        let mut responses = Vec::new();
        while !list.is_empty() {
            responses.push(read_single(&list.expect("SingleResponse", tag::SEQUENCE)?)?);
            check_count(responses.len(), list.at(), "responses")?;
        }
        let mut extensions = Vec::new();
        if let Some(wrapper) = fields.optional("responseExtensions", context(1))? {
            extensions = read_extensions(&wrapper, oddities)?;
        }
        let mut certificates = Vec::new();
        let mut more = signed.more;
        if let Some(wrapper) = more.optional("certs", context(0))? {
            let mut list = wrapper
                .children()
                .expect("certs", tag::SEQUENCE)?
                .children();
            while !list.is_empty() {
                let element = list.any("Certificate")?;
                match Certificate::from_der(element.whole) {
                    Ok(certificate) => certificates.push(Arc::new(certificate)),
                    Err(error) => {
                        let error = error.shifted(element.at as u64);
                        oddities.push(format!("a certificate is left out: {error}"));
                    }
                }
                check_count(certificates.len(), list.at(), "certs")?;
            }
        }
        Ok(BasicResponse {
            tbs: signed.tbs.whole.to_vec(),
            signature_algorithm: signed.algorithm,
            signature: signed.signature,
            responder,
            produced_at,
            responses,
            extensions,
            certificates,
        })
    }
}

fn check_count(count: usize, at: usize, what: &'static str) -> Result<(), ParseError> {
    if count <= MAX_PARTS {
        return Ok(());
    }
    let kind = ErrorKind::OverLimit {
        value: count as u64,
        limit: MAX_PARTS as u64,
    };
    Err(ParseError {
        what,
        at: at as u64,
        kind,
    })
}

fn read_responder(fields: &mut DerReader<'_>) -> Result<ResponderId, ParseError> {
    let choice = fields.any("responderID")?;
    match choice.tag {
        0xA1 => Ok(ResponderId::Name(Name::from_der(choice.contents))),
        0xA2 => {
            let hash = choice.children().expect("KeyHash", tag::OCTET_STRING)?;
            Ok(ResponderId::KeyHash(hash.contents.to_vec()))
        }
        other => Err(choice.malformed("responderID", format!("tag {other:#04x} is no choice"))),
    }
}

/// ```text
/// SingleResponse ::= SEQUENCE { certID, certStatus CHOICE { [0] good, [1] revoked, [2] unknown },
///     thisUpdate GeneralizedTime, nextUpdate [0] GeneralizedTime OPTIONAL, … }
/// ```
fn read_single(element: &Tlv<'_>) -> Result<SingleResponse, ParseError> {
    let mut fields = element.children();
    let mut id = fields.expect("certID", tag::SEQUENCE)?.children();
    let cert_id = CertId {
        hash_algorithm: AlgorithmIdentifier::read(&mut id, "hashAlgorithm")?.oid,
        issuer_name_hash: id
            .expect("issuerNameHash", tag::OCTET_STRING)?
            .contents
            .to_vec(),
        issuer_key_hash: id
            .expect("issuerKeyHash", tag::OCTET_STRING)?
            .contents
            .to_vec(),
        serial: id.expect("serialNumber", tag::INTEGER)?.contents.to_vec(),
    };
    let choice = fields.any("certStatus")?;
    let status = match choice.tag & 0x1F {
        0 => CertStatus::Good,
        1 => {
            let mut info = choice.children();
            let revoked_at = read_time(&mut info, "revocationTime")?.at;
            let mut reason = None;
            if let Some(wrapper) = info.optional("revocationReason", context(0))? {
                let code = wrapper
                    .children()
                    .expect("revocationReason", tag::ENUMERATED)?;
                reason = small_number(code.contents).and_then(|number| u8::try_from(number).ok());
            }
            CertStatus::Revoked { revoked_at, reason }
        }
        2 => CertStatus::Unknown,
        _ => return Err(choice.malformed("certStatus", "not good, revoked or unknown")),
    };
    let this_update = read_time(&mut fields, "thisUpdate")?.at;
    let mut next_update = None;
    if let Some(wrapper) = fields.optional("nextUpdate", context(0))? {
        next_update = Some(read_time(&mut wrapper.children(), "nextUpdate")?.at);
    }
    Ok(SingleResponse {
        cert_id,
        status,
        this_update,
        next_update,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const REVOKED: &[u8] = include_bytes!("../../tests/data/pki/ocsp-revoked.der");

    #[test]
    fn a_revoked_answer_keeps_when_and_why() {
        let response = OcspResponse::from_der(REVOKED).unwrap();
        assert_eq!((response.status, response.oddities.len()), (0, 0));
        let basic = response.basic.unwrap();
        let key = super::super::key_identifier_sha1(&basic.certificates[0].public_key);
        assert_eq!(basic.responder, ResponderId::KeyHash(key.to_vec()));
        assert_eq!(basic.produced_at.to_rfc3339(), "2024-01-02T00:00:01Z");
        let [single] = basic.responses.as_slice() else {
            unreachable!()
        };
        assert_eq!(single.cert_id.hash_algorithm, "1.3.14.3.2.26");
        let name_hash = crate::bytes::to_hex(&single.cert_id.issuer_name_hash);
        assert_eq!(name_hash, "51de7a51b97f1daa8771a1ed4d3c2d88a97f4ee2");
        assert_eq!(single.cert_id.serial, [0, 0x80, 0xAB]);
        let revoked_at = Timestamp::from_rfc3339("2023-12-01T10:00:00Z").unwrap();
        assert_eq!(
            single.status,
            CertStatus::Revoked {
                revoked_at,
                reason: Some(4)
            }
        );
        assert_eq!(single.this_update.to_rfc3339(), "2024-01-02T00:00:00Z");
        assert_eq!(
            single.next_update.unwrap().to_rfc3339(),
            "2024-01-09T00:00:00Z"
        );
    }

    #[test]
    fn the_responder_named_in_the_answer_signed_it() {
        use crate::pki::signature::SignatureOutcome;
        let basic = OcspResponse::from_der(REVOKED).unwrap().basic.unwrap();
        let key = basic.certificates[0].public_key.clone();
        assert_eq!(basic.verify_signed_by(&key), SignatureOutcome::Valid);
    }

    #[test]
    fn an_error_status_is_an_answer_and_so_is_an_unknown_one() {
        for status in [3, 77] {
            let response = OcspResponse::from_der(&[0x30, 3, 10, 1, status]).unwrap();
            assert_eq!((response.status, response.basic), (status, None));
        }
    }

    #[test]
    fn success_without_an_answer_is_an_oddity() {
        let response = OcspResponse::from_der(&[0x30, 3, 10, 1, 0]).unwrap();
        assert_eq!(
            response.oddities,
            ["successful, but without a basic response"]
        );
    }
}
