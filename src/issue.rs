//! Trouble that does not stop the work.

use crate::provenance::EvidenceId;

/// Something in the evidence that could not be read or believed, and what
/// that does to the answer. Issues are part of the report, never only logged.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Issue {
    /// The file or member concerned; `None` when it is the run as a whole.
    pub evidence: Option<EvidenceId>,
    /// The place in it, for people: `byte 16`, `packet 12`, `entry 3 of 9`.
    pub place: String,
    /// What is wrong, in one line.
    pub what: String,
    /// What is lost by it, in one line.
    pub effect: String,
}

impl Issue {
    /// An issue in one piece of evidence.
    #[must_use]
    pub fn new(
        evidence: EvidenceId,
        place: impl Into<String>,
        what: impl Into<String>,
        effect: impl Into<String>,
    ) -> Self {
        Issue {
            evidence: Some(evidence),
            place: place.into(),
            what: what.into(),
            effect: effect.into(),
        }
    }

    /// An issue of the run as a whole.
    #[must_use]
    pub fn of_run(
        place: impl Into<String>,
        what: impl Into<String>,
        effect: impl Into<String>,
    ) -> Self {
        Issue {
            evidence: None,
            place: place.into(),
            what: what.into(),
            effect: effect.into(),
        }
    }
}
