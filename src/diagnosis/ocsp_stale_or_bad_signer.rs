#![doc = include_str!("../../docs/rules/ocsp-stale-or-bad-signer.md")]

use super::inquiry::Inquiry;
use super::proposal::{Proposal, Rule};
use super::statuses::{self, Told};
use crate::chain::{SourceKind, StatusFault};

/// The rule.
pub const RULE: Rule = Rule {
    id: "ocsp-stale-or-bad-signer",
    doc: include_str!("../../docs/rules/ocsp-stale-or-bad-signer.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    statuses::proposals(inquiry, RULE.id, |element, source, fault| {
        if source.kind != SourceKind::Ocsp || *fault == StatusFault::UnknownToResponder {
            return None;
        }
        let name = element.certificate.subject.short();
        Some(Told {
            summary: format!(
                "The OCSP answer of {} about \"{name}\" cannot be used: {fault}.",
                source.this_update
            ),
            remedy: "Renew the responder's signing certificate, and look at its clock and the caches in front of it. An answer in force shows that it worked.",
        })
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use crate::diagnosis::statuses::samples;

    const RULE: &str = "ocsp-stale-or-bad-signer";

    #[test]
    fn it_explains_a_refusal_after_which_nothing_else_is_wrong() {
        samples::explains(RULE, "ocsp-stale.der");
        samples::explains(RULE, "ocsp-not-entitled.der");
    }

    #[test]
    fn it_is_proven_when_the_root_is_known_to_be_trusted() {
        samples::is_proven_under_a_given_root(RULE, "ocsp-stale.der");
    }

    #[test]
    fn it_is_quiet_when_another_source_serves() {
        samples::is_quiet_beside_another_source(RULE, "ocsp-stale.der");
    }

    #[test]
    fn it_is_quiet_for_its_look_alikes_and_for_a_connection_that_went_on() {
        let others = ["ocsp-unknown.der", "ocsp-delegated.der", "crl-expired.crl"];
        samples::is_quiet_for(RULE, &others, "ocsp-stale.der");
    }
}
