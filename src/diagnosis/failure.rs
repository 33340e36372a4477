//! Failures: what went wrong, before asking why.

use crate::account::Account;
use crate::time::Timestamp;

/// A validation rejected or delayed, or a trust object not obtained or not
/// believable.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// Which of the three.
    pub kind: FailureKind,
    /// When.
    pub at: Timestamp,
    /// The machine, by index.
    pub machine: Option<usize>,
    /// The account, where known.
    pub account: Option<Account>,
    /// Who validated.
    pub verifier: Verifier,
    /// The site, for a rejected or delayed validation.
    pub site: Option<String>,
    /// The handshake, by index.
    pub handshake: Option<usize>,
    /// The chain, by index.
    pub chain: Option<usize>,
    /// The retrievals that belong to it, by index.
    pub retrievals: Vec<usize>,
    /// The cache entry that shows it, by index, where a cache does.
    pub cache_entry: Option<usize>,
    /// The findings that speak of it, by index.
    pub findings: Vec<usize>,
}

/// The kinds of failures, gravest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FailureKind {
    /// A validation ended in a rejection.
    Rejected,
    /// A validation succeeded after waiting for dead URLs.
    Delayed,
    /// A trust object was not obtained or is not believable.
    Object,
}

impl FailureKind {
    /// The word of the JSON report.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            FailureKind::Rejected => "rejected",
            FailureKind::Delayed => "delayed",
            FailureKind::Object => "object",
        }
    }
}

/// Who validated the chain that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verifier {
    /// Which kind.
    pub kind: VerifierKind,
    /// The program, where known.
    pub name: Option<String>,
    /// What shows it.
    pub basis: String,
}

/// The kinds of verifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerifierKind {
    /// Windows' CryptoAPI.
    Capi,
    /// A verifier that a program brings along.
    Own,
    /// An inspecting proxy.
    Proxy,
    /// The evidence does not tell.
    Unknown,
}

impl VerifierKind {
    /// The word of the JSON report.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            VerifierKind::Capi => "capi",
            VerifierKind::Own => "own",
            VerifierKind::Proxy => "proxy",
            VerifierKind::Unknown => "unknown",
        }
    }
}
