//! What each CRL and OCSP answer at hand says of one certificate, and why those
//! that say nothing do not: the trail behind a revocation check.

use std::fmt;

use super::crl_entry::reason_text;
use super::status::TrustStatus;
use crate::pki::Certificate;
use crate::pki::certificate::OCSP;
use crate::time::Timestamp;

/// One CRL or OCSP answer that was looked at for one certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusSource {
    /// SHA-256 of the CRL or of the OCSP response.
    pub sha256: [u8; 32],
    /// Which of the two.
    pub kind: SourceKind,
    /// thisUpdate.
    pub this_update: Timestamp,
    /// nextUpdate.
    pub next_update: Option<Timestamp>,
    /// What it says.
    pub says: SourceSays,
}

/// Kinds of sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SourceKind {
    /// A complete CRL.
    Crl,
    /// A delta CRL, together with the complete one it updates.
    DeltaCrl,
    /// An OCSP answer.
    Ocsp,
}

impl SourceKind {
    /// The word of the JSON report.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            SourceKind::Crl => "crl",
            SourceKind::DeltaCrl => "delta-crl",
            SourceKind::Ocsp => "ocsp",
        }
    }
}

/// What a source says of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceSays {
    /// Not revoked.
    Good,
    /// Revoked.
    Revoked {
        /// revocationDate.
        at: Timestamp,
        /// reasonCode.
        reason: Option<u8>,
    },
    /// Nothing that counts.
    Nothing(StatusFault),
}

impl SourceSays {
    /// The word of the JSON report.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            SourceSays::Good => "good",
            SourceSays::Revoked { .. } => "revoked",
            SourceSays::Nothing(StatusFault::UnknownToResponder) => "unknown",
            SourceSays::Nothing(_) => "unusable",
        }
    }
}

/// Why a source does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatusFault {
    /// thisUpdate is later than the time.
    NotYet,
    /// nextUpdate is over.
    Stale {
        /// nextUpdate.
        since: Timestamp,
    },
    /// It speaks of other certificates: issuingDistributionPoint, a delta alone.
    Scope(String),
    /// It has a part that is not understood.
    Form(String),
    /// Not signed by the issuer or one entitled by it.
    Signer(String),
    /// The responder says that it does not know the certificate.
    UnknownToResponder,
}

impl fmt::Display for StatusFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StatusFault::NotYet => formatter.write_str("not yet issued at that time"),
            StatusFault::Stale { since } => write!(formatter, "stale since {since}"),
            StatusFault::Scope(why) | StatusFault::Form(why) | StatusFault::Signer(why) => {
                formatter.write_str(why)
            }
            StatusFault::UnknownToResponder => formatter.write_str("unknown to it"),
        }
    }
}

impl fmt::Display for SourceSays {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SourceSays::Good => formatter.write_str("not revoked"),
            SourceSays::Revoked { at, reason } => {
                let reason = reason.map_or("no reason given", reason_text);
                write!(formatter, "revoked at {at} ({reason})")
            }
            SourceSays::Nothing(fault) => fault.fmt(formatter),
        }
    }
}

/// The bits that Windows sets for a caller that insists on a status when none
/// can be learned: 0x40 alone where the certificate names nobody to ask
/// (`CRYPT_E_NO_REVOCATION_CHECK`), 0x01000040 where those named could not be
/// asked or gave nothing in force (`CRYPT_E_REVOCATION_OFFLINE`).
#[must_use]
pub fn bits_without_status(certificate: &Certificate) -> TrustStatus {
    let unknown = TrustStatus::REVOCATION_STATUS_UNKNOWN;
    let asks_nobody = certificate.access_urls(OCSP).is_empty() && certificate.crl_urls().is_empty();
    if asks_nobody {
        unknown
    } else {
        unknown | TrustStatus::IS_OFFLINE_REVOCATION
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn a_source_says_in_words_what_it_found() {
        let at = Timestamp::from_rfc3339("2026-01-01T00:00:00Z").unwrap();
        let revoked = SourceSays::Revoked {
            at,
            reason: Some(1),
        };
        assert_eq!(
            revoked.to_string(),
            "revoked at 2026-01-01T00:00:00Z (keyCompromise)"
        );
        let stale = SourceSays::Nothing(StatusFault::Stale { since: at });
        assert_eq!(stale.word(), "unusable");
        assert_eq!(stale.to_string(), "stale since 2026-01-01T00:00:00Z");
        assert_eq!(
            SourceSays::Nothing(StatusFault::UnknownToResponder).word(),
            "unknown"
        );
    }

    #[test]
    fn nobody_to_ask_is_unknown_and_no_answer_is_offline_too() {
        let read = |bytes: &[u8]| Certificate::from_der(bytes).unwrap();
        let root = read(include_bytes!("../../tests/data/diagnosis/site-root.der"));
        assert_eq!(bits_without_status(&root).bits(), 0x40);
        let leaf = read(include_bytes!("../../tests/data/diagnosis/leaf.der"));
        assert_eq!(bits_without_status(&leaf).bits(), 0x0100_0040);
    }
}
