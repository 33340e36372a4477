//! What a rule hands to the ranking.

use super::finding::Confidence;
use crate::provenance::Cite;

/// A rule: one cause, or one reason why nothing can be said.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Its id, stable, as reports print it.
    pub id: &'static str,
    /// Its page, `docs/rules/<id>.md`.
    pub doc: &'static str,
    /// Reads the case.
    pub apply: fn(&super::inquiry::Inquiry<'_>) -> Vec<Proposal>,
}

impl Rule {
    /// The first sentence of the page: what it finds.
    #[must_use]
    pub fn title(&self) -> &'static str {
        let body = self
            .doc
            .split("## What it finds")
            .nth(1)
            .unwrap_or(self.doc);
        body.trim_start().lines().next().unwrap_or_default()
    }
}

/// A finding before the ranking has given it its part.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// Id of the rule.
    pub rule: &'static str,
    /// What kind of statement it is.
    pub stance: Stance,
    /// How sure; `None` with [`Stance::CannotTell`].
    pub confidence: Option<Confidence>,
    /// One sentence.
    pub summary: String,
    /// What to do, and how to see that it worked.
    pub remedy: String,
    /// What shows it.
    pub cites: Vec<Cite>,
    /// The failures it speaks of, with its place in the order of causes for each.
    pub explains: Vec<(usize, Precedence)>,
    /// Object and hop: causes with the same rule and subject are one incident.
    pub subject: String,
}

/// What a rule claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stance {
    /// It brought the failure about.
    Cause,
    /// It is a link between the cause and the failure.
    Consequence,
    /// It is so, and explains no failure.
    Observation,
    /// It was considered for these failures, and the evidence refutes it.
    RuledOut,
    /// The evidence does not decide.
    CannotTell,
    /// The evidence would not decide, and another cause makes it needless; set
    /// by the ranking, and left out of the report.
    Settled,
}

/// The order in which causes of one failure are chosen, first is chosen.
///
/// It is that of `docs/ARCHITECTURE.md`, "Choosing the root cause": a repair at
/// an earlier place lets the later ones succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Precedence {
    /// Revoked, or explicitly distrusted: no repair of anything else changes it.
    Withdrawn,
    /// A wrong clock makes good objects look bad.
    Clock,
    /// A list without its signer's issuer, whose path is shut too: a joint cause.
    ListWithoutIssuer,
    /// Two accounts, two routes, one of them closed.
    RouteGap,
    /// A network path on which something needed did not come.
    Network,
    /// An object that came and is wrong.
    Object,
    /// The shape of the chain.
    Shape,
    /// What a certificate says.
    Content,
    /// A network path on which only the revocation status did not come.
    RevocationNetwork,
    /// The revocation status is unknown.
    Revocation,
    /// A rule of the program or of the administrator, beyond a good chain.
    Policy,
}
