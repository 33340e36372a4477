//! What the rules about failed checks have in common: they read the checks of
//! the best chain of a rejected validation.

use super::inquiry::{Basis, Inquiry};
use super::proposal::{Precedence, Proposal, Stance};
use super::rejections::{Rejection, SEEN, Said, first_seen, joined, rejections};
use crate::chain::{Check, Element};

/// What a rule says of one failed check.
pub struct Told {
    /// What is wrong, after `The certificate …`: a full sentence.
    pub summary: String,
    /// What to do.
    pub remedy: String,
    /// Place among the causes.
    pub precedence: Precedence,
    /// Links of it that are inferred: which clock is right.
    pub inferred: u8,
}

/// Asks `tell` about every failed check of every rejected chain; `position` is
/// that of the element, 0 the leaf. Only what was sent or fetched is judged, so
/// the fault is checked by us and the reaction is seen.
pub fn proposals(
    inquiry: &Inquiry<'_>,
    rule: &'static str,
    tell: impl Fn(&Rejection<'_>, usize, &Element, &Check) -> Option<Told>,
) -> Vec<Proposal> {
    let mut found: Vec<Proposal> = Vec::new();
    for rejection in rejections(inquiry) {
        let checks = rejection.failed_checks();
        found.extend(checks.filter_map(|(position, element, check)| {
            let told = tell(&rejection, position, element, check)?;
            let certificate = &element.certificate;
            let said = Said {
                summary: told.summary,
                remedy: told.remedy,
                basis: Basis {
                    inferred: told.inferred,
                    ..SEEN
                },
                precedence: told.precedence,
                subject: format!("{} {}", rejection.site, certificate.subject.text),
                cites: first_seen(inquiry, certificate.sha256)
                    .into_iter()
                    .collect(),
            };
            Some(rejection.proposal(rule, Stance::Cause, said))
        }));
    }
    joined(found)
}
