//! What `leaf-expired` and `leaf-not-yet-valid` have in common.

use super::inquiry::{Basis, Inquiry, confidence};
use super::proposal::{Precedence, Proposal, Stance};
use crate::pki::Certificate;
use crate::time::{Span, Timestamp};

/// A leaf outside its validity period, with the distance to it.
pub struct Outside {
    /// The sentence, without who.
    pub summary: String,
    /// What to do.
    pub remedy: String,
    /// How far the time of use lies outside.
    pub by: Span,
}

/// Client clocks of domain members are kept within 5 minutes by Kerberos; a
/// verdict that hangs on less is not certain.
pub const CLOCK_UNCERTAINTY: Span = Span::seconds(300);

/// Judges the leaf of every handshake; rejected ones give a cause, accepted
/// ones an observation.
pub fn proposals(
    inquiry: &Inquiry<'_>,
    rule: &'static str,
    outside: impl Fn(&Certificate, Timestamp) -> Option<Outside>,
) -> Vec<Proposal> {
    let mut proposals: Vec<Proposal> = Vec::new();
    for (index, handshake) in inquiry.case.handshakes.iter().enumerate() {
        let leaf = handshake.artifacts.first().and_then(|leaf| inquiry.case.certificate(*leaf));
        let Some(leaf) = leaf else { continue };
        let at = inquiry.case.as_of.unwrap_or(handshake.at);
        let Some(outside) = outside(leaf, at) else { continue };
        let failure = inquiry.failures.iter().position(|failure| failure.handshake == Some(index));
        let near = outside.by <= CLOCK_UNCERTAINTY;
        let basis = Basis {
            checked: true,
            fault_seen: true,
            reaction_seen: failure.is_some(),
            inferred: u8::from(near),
            poor_capture: false,
        };
        let site = handshake.site.as_deref().unwrap_or("the site");
        let subject = format!("{site} {}", leaf.subject.text);
        let stance = if failure.is_some() { Stance::Cause } else { Stance::Observation };
        let explains = failure.map(|failure| (failure, Precedence::Content));
        let accepted = if failure.is_some() { "" } else { "; no rejection of it is seen here" };
        let summary = format!("The certificate of {site} {}{accepted}.", outside.summary);
        let same =
            proposals.iter_mut().find(|known| known.subject == subject && known.stance == stance);
        if let Some(known) = same {
            known.cites.extend(handshake.cites.iter().cloned());
            known.explains.extend(explains);
            continue;
        }
        proposals.push(Proposal {
            rule,
            stance,
            confidence: Some(confidence(basis)),
            summary,
            remedy: outside.remedy,
            cites: handshake.cites.clone(),
            explains: explains.into_iter().collect(),
            subject,
        });
    }
    proposals
}
