#![doc = include_str!("../../docs/rules/leaf-expired.md")]

use super::inquiry::Inquiry;
use super::leaf_validity::{self, Outside};
use super::proposal::{Proposal, Rule};

/// The rule.
pub const RULE: Rule =
    Rule { id: "leaf-expired", doc: include_str!("../../docs/rules/leaf-expired.md"), apply };

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    leaf_validity::proposals(inquiry, RULE.id, |leaf, at| {
        (at > leaf.not_after).then(|| Outside {
            summary: format!(
                "expired on {} UTC and was used at {} UTC",
                leaf.not_after.to_display(),
                at.to_display()
            ),
            remedy: "Renew the certificate and bind the new one (a renewed certificate that is not bound looks the same). A handshake with a notAfter in the future shows that it worked.".to_owned(),
            by: at.since(leaf.not_after),
        })
    })
}
