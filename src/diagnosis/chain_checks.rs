//! What the rules about failed checks have in common: they read the checks of
//! the best chain of a rejected validation.

use super::inquiry::{Basis, Inquiry, confidence};
use super::proposal::{Precedence, Proposal, Stance};
use crate::chain::{Check, Element, Outcome};
use crate::provenance::Cite;

/// What a rule says of one failed check.
pub struct Told {
    /// What is wrong, after `The certificate …`: a full sentence.
    pub summary: String,
    /// What to do.
    pub remedy: String,
    /// Place among the causes.
    pub precedence: Precedence,
}

/// Asks `tell` about every failed check of every rejected chain; `position` is
/// that of the element, 0 the leaf. Only what was sent or fetched is judged, so
/// the fault is checked by us and the reaction is seen.
pub fn proposals(
    inquiry: &Inquiry<'_>,
    rule: &'static str,
    tell: impl Fn(usize, &Element, &Check, &str) -> Option<Told>,
) -> Vec<Proposal> {
    let mut proposals: Vec<Proposal> = Vec::new();
    for (index, failure) in inquiry.failures.iter().enumerate() {
        let Some(handshake) = inquiry.handshake_of(index) else {
            continue;
        };
        let examined = failure
            .chain
            .and_then(|chain| inquiry.case.chains.get(chain));
        let Some(best) = examined.and_then(|examined| examined.chains.first()) else {
            continue;
        };
        let site = handshake.site.as_deref().unwrap_or("the site");
        for (position, element) in best.elements.iter().enumerate() {
            let failed = element
                .checks
                .iter()
                .filter(|check| matches!(check.outcome, Outcome::Fail(_)));
            for check in failed {
                let Some(told) = tell(position, element, check, site) else {
                    continue;
                };
                let subject = format!("{site} {}", element.certificate.subject.text);
                let explains = (index, told.precedence);
                if let Some(known) = proposals.iter_mut().find(|known| known.subject == subject) {
                    known.explains.push(explains);
                    known.cites.extend(handshake.cites.iter().cloned());
                    continue;
                }
                let mut cites = handshake.cites.clone();
                cites.extend(seen_at(inquiry, element));
                proposals.push(Proposal {
                    rule,
                    stance: Stance::Cause,
                    confidence: Some(confidence(Basis {
                        checked: true,
                        fault_seen: true,
                        reaction_seen: true,
                        ..Basis::default()
                    })),
                    summary: told.summary,
                    remedy: told.remedy,
                    cites,
                    explains: vec![explains],
                    subject,
                });
            }
        }
    }
    for proposal in &mut proposals {
        proposal.explains.sort_unstable();
        proposal.explains.dedup_by_key(|(failure, _)| *failure);
    }
    proposals
}

/// Where the certificate of an element was first seen.
fn seen_at(inquiry: &Inquiry<'_>, element: &Element) -> Option<Cite> {
    let records = &inquiry.case.artifacts;
    let record = records
        .iter()
        .find(|record| record.artifact.sha256() == element.certificate.sha256)?;
    record.seen.first().map(|sighting| sighting.cite.clone())
}
