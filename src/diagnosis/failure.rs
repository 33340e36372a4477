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
    /// How the client showed it.
    pub reaction: Reaction,
    /// The time that the validation lost to each look-up that came to nothing.
    pub lost: Vec<Lost>,
    /// What was seen to work again afterwards.
    pub healed: Option<Healed>,
    /// The findings that speak of it, by index.
    pub findings: Vec<usize>,
}

/// The first later success of what had failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Healed {
    /// When.
    pub at: Timestamp,
    /// What shows it.
    pub by: HealedBy,
}

/// What shows that something works again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HealedBy {
    /// A handshake with the same site, by index.
    Handshake(usize),
    /// A retrieval of the same object, by index.
    Retrieval(usize),
}

impl Failure {
    /// A failure of which nothing but kind, time and verifier is known yet.
    #[must_use]
    pub fn new(kind: FailureKind, at: Timestamp, verifier: Verifier) -> Self {
        Failure {
            kind,
            at,
            machine: None,
            account: None,
            verifier,
            site: None,
            handshake: None,
            chain: None,
            retrievals: Vec::new(),
            cache_entry: None,
            reaction: Reaction::NotSeen,
            lost: Vec::new(),
            healed: None,
            findings: Vec::new(),
        }
    }

    /// Seconds lost to look-ups in all.
    #[must_use]
    pub fn seconds_lost(&self) -> f64 {
        self.lost.iter().map(|lost| lost.seconds).sum()
    }
}

/// How a client showed that a validation failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reaction {
    /// An alert about the server's certificates.
    Told,
    /// It ended the handshake before it had answered the certificates.
    Dropped,
    /// It finished the handshake and closed without a word of data. WinHTTP
    /// does so when it rejects, and a preconnect looks the same.
    Finished,
    /// It went on, after waiting.
    Waited,
    /// No handshake shows any.
    NotSeen,
}

impl Reaction {
    /// The word of the JSON report.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Reaction::Told => "alert",
            Reaction::Dropped => "dropped",
            Reaction::Finished => "finished-then-closed",
            Reaction::Waited => "waited",
            Reaction::NotSeen => "not-seen",
        }
    }
}

/// Time that a validation waited for one look-up in vain.
#[derive(Debug, Clone, PartialEq)]
pub struct Lost {
    /// The look-up, a retrieval by index.
    pub retrieval: usize,
    /// Seconds of the wait.
    pub seconds: f64,
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
