//! So why did it fail? Rules that read the case, find causes, and say what
//! they explain; a ranking that gives each finding its role.

use crate::account::Account;
use crate::provenance::Cite;
use crate::time::Timestamp;

/// The answer to the whole case.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagnosis {
    /// The answer in one line, for the leading incident.
    pub verdict: Verdict,
    /// Failures that share a cause.
    pub incidents: Vec<Incident>,
    /// Validations rejected or delayed, and trust objects not obtained.
    pub failures: Vec<Failure>,
    /// What was found, considered and ruled out.
    pub findings: Vec<Finding>,
}

/// The verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Which of the four.
    pub state: VerdictState,
    /// The rule of the root cause.
    pub root_cause: Option<&'static str>,
    /// One or two sentences for people.
    pub sentence: String,
}

/// The four verdicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerdictState {
    /// Nothing failed, a validation was seen, and the quality gates held.
    Clean,
    /// A failure was found and explained.
    Explained,
    /// A failure was found and its cause not determined, or the evidence is
    /// too poor to say that nothing failed.
    Undetermined,
    /// Nothing in the evidence validates a certificate.
    NoValidationSeen,
}

impl VerdictState {
    /// The word of the JSON report.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            VerdictState::Clean => "clean",
            VerdictState::Explained => "explained",
            VerdictState::Undetermined => "undetermined",
            VerdictState::NoValidationSeen => "no-validation-seen",
        }
    }
}

/// Failures that share rule, object and hop.
#[derive(Debug, Clone, PartialEq)]
pub struct Incident {
    /// Index of the root-cause finding.
    pub root_cause: Option<usize>,
    /// First failure.
    pub from: Timestamp,
    /// Last failure.
    pub to: Timestamp,
    /// Machines, by index.
    pub machines: Vec<usize>,
    /// Failures, by index.
    pub failures: Vec<usize>,
    /// For people.
    pub sentence: String,
}

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

/// One thing found, considered or ruled out.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Id of the rule.
    pub rule: &'static str,
    /// Its part in the story, given by the ranking.
    pub role: Role,
    /// How sure; `None` for [`Role::CannotTell`] only.
    pub confidence: Option<Confidence>,
    /// One sentence.
    pub summary: String,
    /// The failures it explains, by index; none for an observation.
    pub explains: Vec<usize>,
    /// The findings that brought it about, by index.
    pub because_of: Vec<usize>,
    /// What to do about it, and how to see that it worked.
    pub remedy: String,
    /// What shows it.
    pub cites: Vec<Cite>,
}

/// The part a finding has in the story.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// The earliest link whose repair lets the rest succeed.
    RootCause,
    /// A part of the cause or a consequence of it.
    Contributing,
    /// Worth knowing; explains no failure.
    Observation,
    /// Considered and refuted by the evidence cited.
    RuledOut,
    /// The evidence does not decide; the summary says what would.
    CannotTell,
}

impl Role {
    /// The word of the JSON report.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Role::RootCause => "root-cause",
            Role::Contributing => "contributing",
            Role::Observation => "observation",
            Role::RuledOut => "ruled-out",
            Role::CannotTell => "cannot-tell",
        }
    }
}

/// How sure a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// Pattern only.
    Low,
    /// One needed link is inferred.
    Medium,
    /// The fault was seen directly, or the reaction with exactly one matching cause.
    High,
    /// The fault was checked by us and the reaction was seen.
    Proven,
}

impl Confidence {
    /// The word of the JSON report.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Confidence::Low => "low",
            Confidence::Medium => "medium",
            Confidence::High => "high",
            Confidence::Proven => "proven",
        }
    }
}
