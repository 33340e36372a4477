//! Certificate revocation lists (RFC 5280 §5).

use std::sync::Arc;

use super::certificate::{
    AlgorithmIdentifier, AuthorityKeyIdentifier, Decoded, DistributionPoint, Extension, Name,
};
use crate::time::Timestamp;

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
    /// deltaCRLIndicator (BaseCRLNumber) contents octets: set for a delta CRL.
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
    /// certificateIssuer, where this entry sets one (indirect CRLs).
    pub certificate_issuer: Option<Name>,
    /// OIDs of critical entry extensions that are not decoded here.
    pub unknown_critical: Vec<String>,
}

/// issuingDistributionPoint.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(clippy::struct_excessive_bools)]
pub struct IssuingDistributionPoint {
    /// distributionPoint, its names in `full_name` or `relative_name`.
    pub distribution_point: Option<DistributionPoint>,
    /// onlyContainsUserCerts.
    pub only_user: bool,
    /// onlyContainsCACerts.
    pub only_ca: bool,
    /// onlySomeReasons: bit 0 is 0x8000.
    pub only_some_reasons: Option<u16>,
    /// indirectCRL.
    pub indirect: bool,
    /// onlyContainsAttributeCerts.
    pub only_attribute: bool,
}
