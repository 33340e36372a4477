//! What the engine answers: chains, their elements, and the outcome of every
//! check on each.

use std::sync::Arc;

use super::status::{InfoStatus, TrustStatus};
use super::status_source::StatusSource;
use crate::pki::Certificate;
use crate::time::Timestamp;

/// All chains found for one question, best first.
#[derive(Debug, Clone)]
pub struct Examination {
    /// At least one chain, if only the leaf alone; best first.
    pub chains: Vec<Chain>,
    /// A limit stopped the search, so that chains may be missing.
    pub truncated: bool,
    /// Signatures verified, for the record.
    pub signatures_verified: usize,
}

impl Examination {
    /// The chain Windows would return.
    #[must_use]
    pub fn best(&self) -> Option<&Chain> {
        self.chains.first()
    }
}

/// One chain with the outcome of every check.
#[derive(Debug, Clone)]
pub struct Chain {
    /// Leaf first.
    pub elements: Vec<Element>,
    /// The errors of all elements, and those of the chain as a whole.
    pub error_status: TrustStatus,
    /// The information bits of the chain.
    pub info_status: InfoStatus,
    /// The verdict.
    pub verdict: Verdict,
    /// How the chain ends.
    pub root: RootTrust,
    /// What is missing above the last element, where something is.
    pub missing_issuer: Option<MissingIssuer>,
    /// The SSL policy's code, where a host was asked for.
    pub policy_error: Option<&'static str>,
}

/// The verdict about a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// No check failed, none is open.
    Accept,
    /// No check failed; some could not be decided.
    Unknown,
    /// A check failed.
    Reject,
}

impl Verdict {
    /// The word of the JSON report.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Accept => "accept",
            Verdict::Unknown => "unknown",
            Verdict::Reject => "reject",
        }
    }
}

/// How a chain ends, as far as trust goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RootTrust {
    /// In an anchor that was given.
    Given,
    /// In a root that the list of the day names, its bytes at hand.
    Listed,
    /// Below a root that the list of the day names by key identifier and
    /// name; its bytes are not in the evidence.
    ListedByName {
        /// The list's name for the root.
        friendly_name: String,
        /// SHA-1 of the root's bytes, in hex.
        sha1: String,
    },
    /// In a self-signed certificate that the list of the day does not have.
    Absent,
    /// In a root of the list that was disabled at this time (property 104).
    Disabled {
        /// From when on; `None` where the list says no time.
        since: Option<Timestamp>,
    },
    /// In a root of the list whose newer leaves are not trusted (126, 127).
    NotBeforeLimited {
        /// Leaves issued after this; `None` where the list says no time.
        limit: Option<Timestamp>,
    },
    /// In a root of the list that is not for this usage (9, 122).
    UsageRemoved,
    /// In a self-signed certificate that is in no anchor given, and the
    /// anchors given are all there are.
    Untrusted,
    /// The store of the client is not known.
    StoreUnknown,
    /// There is no issuer for the last element.
    Partial,
}

/// What is missing above the last element.
#[derive(Debug, Clone, PartialEq)]
pub struct MissingIssuer {
    /// The certificate whose issuer is missing.
    pub child: Arc<Certificate>,
    /// The issuer's name, RFC 4514.
    pub issuer: String,
    /// The issuer's key identifier, as the child tells it.
    pub key_identifier: Option<Vec<u8>>,
    /// The URLs the child gives for it.
    pub urls: Vec<String>,
}

/// One certificate of a chain.
#[derive(Debug, Clone)]
pub struct Element {
    /// The certificate.
    pub certificate: Arc<Certificate>,
    /// The outcome of every check.
    pub checks: Vec<Check>,
    /// The CRLs and OCSP answers that were looked at for its status, in order;
    /// empty when revocation was not asked for.
    pub status_sources: Vec<StatusSource>,
    /// Errors of this element.
    pub error_status: TrustStatus,
    /// Information about this element.
    pub info_status: InfoStatus,
    /// How the next element was found to be its issuer; `None` for the last.
    pub issuer_match: Option<IssuerMatch>,
    /// It is an anchor that was given.
    pub anchor: bool,
}

/// By what an issuer was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IssuerMatch {
    /// authorityKeyIdentifier has its issuer and serial number.
    Exact,
    /// authorityKeyIdentifier has its key identifier.
    Key,
    /// By name alone.
    Name,
}

/// One check with its outcome.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// What was checked.
    pub kind: CheckKind,
    /// How it came out.
    pub outcome: Outcome,
    /// Both values, in one line.
    pub detail: String,
}

/// How a check came out.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It holds.
    Pass,
    /// It does not; the bits it sets. None for what is not a part of
    /// `CERT_TRUST_STATUS`, such as the host name.
    Fail(TrustStatus),
    /// It cannot be told.
    Unknown(Needed),
}

impl Outcome {
    /// The word of the JSON report.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Outcome::Pass => "pass",
            Outcome::Fail(_) => "fail",
            Outcome::Unknown(_) => "unknown",
        }
    }
}

/// What would decide an open check.
#[derive(Debug, Clone, PartialEq)]
pub enum Needed {
    /// The bytes of the issuer.
    Issuer(MissingIssuer),
    /// The roots that the client trusts.
    ClientStore,
    /// A verifier for this algorithm.
    Algorithm(String),
    /// A CRL or OCSP answer, from one of these URLs.
    RevocationAnswer {
        /// The URLs named by the certificate.
        urls: Vec<String>,
    },
    /// Which program validates, where only some refuse it.
    Verifier(&'static str),
    /// More work than the named limit allows.
    Budget(&'static str),
    /// The certificate as it was before it was damaged.
    Undamaged,
}

/// What is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CheckKind {
    /// An issuer was found.
    Issuer,
    /// The root is trusted.
    Trust,
    /// The signature verifies with the issuer's key.
    Signature,
    /// Algorithms and keys are strong enough.
    Strength,
    /// The time is in the validity period.
    Validity,
    /// An issuer is a CA.
    BasicConstraints,
    /// Not too many certificates below an issuer.
    PathLength,
    /// An issuer may sign certificates.
    KeyUsage,
    /// For the purpose asked.
    ExtendedKeyUsage,
    /// Names are permitted by the issuers.
    NameConstraints,
    /// No unknown critical extension.
    CriticalExtensions,
    /// Extensions can be decoded.
    Extensions,
    /// Certificate policies.
    Policies,
    /// Not distrusted.
    Distrust,
    /// Not revoked.
    Revocation,
    /// The leaf is for the host asked.
    HostName,
    /// The form that the profile demands.
    Conformance,
    /// A key that the pin rules ask for.
    Pins,
}

impl CheckKind {
    /// The word of the JSON report.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            CheckKind::Issuer => "issuer",
            CheckKind::Trust => "trust",
            CheckKind::Signature => "signature",
            CheckKind::Strength => "strength",
            CheckKind::Validity => "validity",
            CheckKind::BasicConstraints => "basic-constraints",
            CheckKind::PathLength => "path-length",
            CheckKind::KeyUsage => "key-usage",
            CheckKind::ExtendedKeyUsage => "extended-key-usage",
            CheckKind::NameConstraints => "name-constraints",
            CheckKind::CriticalExtensions => "critical-extensions",
            CheckKind::Extensions => "extensions",
            CheckKind::Policies => "policies",
            CheckKind::Distrust => "distrust",
            CheckKind::Revocation => "revocation",
            CheckKind::HostName => "host-name",
            CheckKind::Conformance => "conformance",
            CheckKind::Pins => "pin-rules",
        }
    }
}

impl Check {
    /// A check that holds.
    #[must_use]
    pub fn pass(kind: CheckKind, detail: impl Into<String>) -> Self {
        Check {
            kind,
            outcome: Outcome::Pass,
            detail: detail.into(),
        }
    }

    /// A check that failed.
    #[must_use]
    pub fn fail(kind: CheckKind, bits: TrustStatus, detail: impl Into<String>) -> Self {
        Check {
            kind,
            outcome: Outcome::Fail(bits),
            detail: detail.into(),
        }
    }

    /// A check that cannot be decided.
    #[must_use]
    pub fn unknown(kind: CheckKind, needed: Needed, detail: impl Into<String>) -> Self {
        Check {
            kind,
            outcome: Outcome::Unknown(needed),
            detail: detail.into(),
        }
    }
}

impl Chain {
    /// Every check that failed, with the number of its element.
    pub fn failures(&self) -> impl Iterator<Item = (usize, &Check)> {
        self.checks()
            .filter(|(_, check)| matches!(check.outcome, Outcome::Fail(_)))
    }

    /// Every check that could not be decided, with the number of its element.
    pub fn undecided(&self) -> impl Iterator<Item = (usize, &Check)> {
        self.checks()
            .filter(|(_, check)| matches!(check.outcome, Outcome::Unknown(_)))
    }

    /// Every check, with the number of its element.
    pub fn checks(&self) -> impl Iterator<Item = (usize, &Check)> {
        let elements = self.elements.iter().enumerate();
        elements.flat_map(|(at, element)| element.checks.iter().map(move |check| (at, check)))
    }
}
