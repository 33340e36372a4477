#![doc = include_str!("../../docs/rules/crl-expired.md")]

use super::inquiry::Inquiry;
use super::proposal::{Proposal, Rule};
use super::statuses::{self, Told};
use crate::chain::{SourceKind, StatusFault};

/// The rule.
pub const RULE: Rule = Rule {
    id: "crl-expired",
    doc: include_str!("../../docs/rules/crl-expired.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    statuses::proposals(inquiry, RULE.id, |element, source, fault| {
        let StatusFault::Stale { since } = fault else {
            return None;
        };
        if source.kind == SourceKind::Ocsp {
            return None;
        }
        let name = element.certificate.subject.short();
        Some(Told {
            summary: format!(
                "The CRL about \"{name}\" of {} was out of date since {since}, so that whether it is revoked is not known.",
                source.this_update
            ),
            remedy: "Publish a new CRL; look at the CA service, the copy job and the caches on the way. A download with nextUpdate in the future shows that it worked.",
        })
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use crate::diagnosis::Role;
    use crate::diagnosis::fixtures::{CRL, Story};
    use crate::diagnosis::statuses::samples::{self, object};
    use crate::retrieval::{ObjectKind, Outcome};

    const RULE: &str = "crl-expired";

    #[test]
    fn it_explains_a_refusal_after_which_nothing_else_is_wrong() {
        samples::explains(RULE, "crl-expired.crl");
    }

    #[test]
    fn it_is_proven_when_the_root_is_known_to_be_trusted() {
        samples::is_proven_under_a_given_root(RULE, "crl-expired.crl");
    }

    #[test]
    fn it_is_quiet_when_another_source_serves() {
        samples::is_quiet_beside_another_source(RULE, "crl-expired.crl");
    }

    #[test]
    fn it_is_quiet_for_its_look_alikes_and_for_a_connection_that_went_on() {
        let others = ["crl-other-key.crl", "ocsp-stale.der", "crl-in-force.crl"];
        samples::is_quiet_for(RULE, &others, "crl-expired.crl");
    }

    #[test]
    fn a_copy_that_ran_out_in_a_cache_on_the_way_adds_the_cache() {
        let aged = |age: &str| refused_with(&[("Age", age)]).diagnosis();
        for age in ["90000", "180000"] {
            assert_eq!(
                aged(age).causes(),
                [
                    (RULE, Role::RootCause, "high"),
                    ("intermediary-serves-stale", Role::Contributing, "medium")
                ],
                "{age}"
            );
        }
        for age in ["0", "60"] {
            let causes = aged(age);
            assert_eq!(causes.causes(), [(RULE, Role::RootCause, "high")], "{age}");
        }
    }

    /// As `refused_after`, the CRL out of date since 2026-05-31, a day and ten
    /// hours before, answered with these fields.
    fn refused_with(fields: &[(&str, &str)]) -> Story {
        Story::new()
            .fetch(ObjectKind::Crl, CRL, Outcome::Ok, (10, 11))
            .headers(fields)
            .brings(&object("crl-expired.crl"))
            .rejects(&["leaf", "issuing-ca"], (9, 12))
    }
}
