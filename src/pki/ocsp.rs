//! OCSP responses (RFC 6960 §4.2).

use std::sync::Arc;

use super::Certificate;
use super::certificate::{AlgorithmIdentifier, Extension, Name};
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
