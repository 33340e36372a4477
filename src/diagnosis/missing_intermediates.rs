//! Rejections for want of an intermediate that Windows has no way to fetch: what
//! the rules about its addresses have in common.

use super::inquiry::{Basis, Inquiry};
use super::proposal::{Precedence, Proposal, Stance};
use super::rejections::{Rejection, Said, is_known_intermediate, is_private, joined, rejections};
use super::roots;
use crate::pki::Certificate;

/// What a rule says of one.
pub struct Told {
    /// One sentence.
    pub summary: String,
    /// What to do.
    pub remedy: String,
}

/// Asks `tell` about every rejected chain below an intermediate that is not at
/// hand, with the certificate whose issuer it is.
pub fn proposals(
    inquiry: &Inquiry<'_>,
    rule: &'static str,
    tell: impl Fn(&Rejection<'_>, &Certificate) -> Option<Told>,
) -> Vec<Proposal> {
    let found = rejections(inquiry).filter_map(|rejection| {
        let child = rejection.child_of_missing()?;
        let known = is_known_intermediate(inquiry, child);
        // The issuer of a certificate that was sent alone is an intermediate with
        // every public authority; that of an authority may be a root, which is
        // rarely sent. A private one may sign servers with its root.
        let alone = roots::was_sent_alone(&rejection, child) && !is_private(child);
        if !known && !alone {
            return None;
        }
        let told = tell(&rejection, child)?;
        let said = Said {
            summary: told.summary,
            remedy: told.remedy,
            basis: Basis {
                fault_seen: true,
                reaction_seen: true,
                inferred: u8::from(!known),
                ..Basis::default()
            },
            precedence: Precedence::Shape,
            subject: child.issuer.short().to_owned(),
            cites: Vec::new(),
        };
        Some(rejection.proposal(rule, Stance::Cause, said))
    });
    joined(found)
}
