#![doc = include_str!("../../docs/rules/wrong-eku.md")]

use super::chain_checks::{self, Told};
use super::inquiry::Inquiry;
use super::proposal::{Precedence, Proposal, Rule};
use crate::chain::CheckKind;

/// The rule.
pub const RULE: Rule = Rule {
    id: "wrong-eku",
    doc: include_str!("../../docs/rules/wrong-eku.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    chain_checks::proposals(inquiry, RULE.id, |rejection, _, element, check| {
        let site = rejection.site;
        if check.kind != CheckKind::ExtendedKeyUsage {
            return None;
        }
        let subject = element.certificate.subject.short();
        Some(Told {
            inferred: 0,
            summary: format!(
                "In the chain of {site}, \"{subject}\" may not be used for a TLS server: {}.",
                check.detail
            ),
            remedy: format!(
                "Issue the certificate of {site} again with the extended key usage Server Authentication (1.3.6.1.5.5.7.3.1), under an issuer that allows it. A handshake that goes on to application data shows that it worked."
            ),
            precedence: Precedence::Content,
        })
    })
}
