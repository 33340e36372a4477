#![doc = include_str!("../../docs/rules/leaf-not-yet-valid.md")]

use super::inquiry::Inquiry;
use super::leaf_validity::{self, Outside};
use super::proposal::{Proposal, Rule};

/// The rule.
pub const RULE: Rule = Rule {
    id: "leaf-not-yet-valid",
    doc: include_str!("../../docs/rules/leaf-not-yet-valid.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    leaf_validity::proposals(inquiry, RULE.id, |leaf, at| {
        (at < leaf.not_before).then(|| Outside {
            summary: format!(
                "becomes valid only on {} UTC and was used at {} UTC",
                leaf.not_before.to_display(),
                at.to_display()
            ),
            remedy: "Check the clocks of the capturing machine and of the client first; if they are right, wait or have the certificate issued again. A handshake after its notBefore shows that it worked.".to_owned(),
            by: leaf.not_before.since(at),
        })
    })
}
