#![doc = include_str!("../../docs/rules/issuer-expired.md")]

use super::chain_checks::{self, Told};
use super::inquiry::Inquiry;
use super::proposal::{Precedence, Proposal, Rule};
use crate::chain::CheckKind;

/// The rule.
pub const RULE: Rule = Rule {
    id: "issuer-expired",
    doc: include_str!("../../docs/rules/issuer-expired.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    chain_checks::proposals(inquiry, RULE.id, |position, element, check, site| {
        if position == 0 || check.kind != CheckKind::Validity {
            return None;
        }
        let issuer = element.certificate.subject.short();
        Some(Told {
            summary: format!(
                "Above the certificate of {site}, \"{issuer}\" is outside its validity period ({} to {} UTC).",
                element.certificate.not_before.to_display(),
                element.certificate.not_after.to_display()
            ),
            remedy: format!(
                "Let the server send a current certificate for \"{issuer}\" and remove the expired one from its list and from the machine's stores. A handshake that goes on to application data shows that it worked."
            ),
            precedence: Precedence::Content,
        })
    })
}
