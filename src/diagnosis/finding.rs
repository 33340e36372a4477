//! Findings: what a rule says, and the part it has in the story.

use super::remedy_proof::RemedyProof;
use crate::provenance::Cite;

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
    /// What the examination says with the remedy done, where that can be shown.
    pub remedy_proof: Option<RemedyProof>,
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
