#![doc = include_str!("../../docs/rules/ocsp-unknown.md")]

use super::inquiry::Inquiry;
use super::proposal::{Proposal, Rule};
use super::statuses::{self, Told};
use crate::chain::{SourceKind, StatusFault};

/// The rule.
pub const RULE: Rule = Rule {
    id: "ocsp-unknown",
    doc: include_str!("../../docs/rules/ocsp-unknown.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    statuses::proposals(inquiry, RULE.id, |element, source, fault| {
        if *fault != StatusFault::UnknownToResponder || source.kind != SourceKind::Ocsp {
            return None;
        }
        let name = element.certificate.subject.short();
        Some(Told {
            summary: format!(
                "The OCSP responder does not know \"{name}\" (answer of {}), and no CRL served instead.",
                source.this_update
            ),
            remedy: "Check that the certificate was issued by the CA that this responder serves. An answer of good shows that it worked.",
        })
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use crate::diagnosis::statuses::samples;

    const RULE: &str = "ocsp-unknown";

    #[test]
    fn it_explains_a_refusal_after_which_nothing_else_is_wrong() {
        samples::explains(RULE, "ocsp-unknown.der");
    }

    #[test]
    fn it_is_proven_when_the_root_is_known_to_be_trusted() {
        samples::is_proven_under_a_given_root(RULE, "ocsp-unknown.der");
    }

    #[test]
    fn it_is_quiet_when_another_source_serves() {
        samples::is_quiet_beside_another_source(RULE, "ocsp-unknown.der");
    }

    #[test]
    fn it_is_quiet_for_its_look_alikes_and_for_a_connection_that_went_on() {
        let others = ["ocsp-stale.der", "ocsp-good.der", "ocsp-revoked.der"];
        samples::is_quiet_for(RULE, &others, "ocsp-unknown.der");
    }
}
