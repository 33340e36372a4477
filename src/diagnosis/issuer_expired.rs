#![doc = include_str!("../../docs/rules/issuer-expired.md")]

use super::chain_checks::{self, Told};
use super::inquiry::Inquiry;
use super::leaf_validity::{self, to_seconds};
use super::proposal::{Precedence, Proposal, Rule};
use crate::chain::CheckKind;
use crate::pki::Certificate;
use crate::time::Timestamp;

/// The rule.
pub const RULE: Rule = Rule {
    id: "issuer-expired",
    doc: include_str!("../../docs/rules/issuer-expired.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    chain_checks::proposals(inquiry, RULE.id, |rejection, position, element, check| {
        if position == 0 || check.kind != CheckKind::Validity {
            return None;
        }
        let certificate = &element.certificate;
        let at = inquiry.case.as_of.unwrap_or(rejection.handshake.at);
        let leaf = rejection.best.elements.first()?;
        let early = |certificate: &Certificate, at: Timestamp| at < certificate.not_before;
        let late = |certificate: &Certificate, at: Timestamp| at > certificate.not_after;
        // The leaf is younger than what issued it: where it is not valid yet
        // either, its own rule says so, and the clock is the first suspect.
        if early(certificate, at) && early(&leaf.certificate, at) {
            return None;
        }
        let issuer = certificate.subject.short();
        let site = rejection.site;
        let (what, remedy) = if late(certificate, at) {
            (
                format!("expired on {} UTC", to_seconds(certificate.not_after)),
                format!(
                    "Let the server send a current certificate for \"{issuer}\" and remove the expired one from its list and from the machine's stores."
                ),
            )
        } else {
            (
                format!(
                    "is not valid before {} UTC",
                    to_seconds(certificate.not_before)
                ),
                format!(
                    "Compare the clock of the machine with a time server first. If it is right, let the server send a certificate for \"{issuer}\" that is valid already."
                ),
            )
        };
        let outside = |at| early(certificate, at) || late(certificate, at);
        let doubt = leaf_validity::doubt(inquiry, rejection.handshake, outside);
        Some(Told {
            inferred: u8::from(doubt.is_some()),
            summary: format!(
                "Above the certificate of {site}, \"{issuer}\" {what}; it was used at {} UTC.{}",
                to_seconds(at),
                doubt.unwrap_or_default()
            ),
            remedy: format!(
                "{remedy} A handshake that goes on to application data shows that it worked."
            ),
            precedence: Precedence::Content,
        })
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use std::sync::Arc;

    use crate::chain::{CheckKind, TrustStatus};
    use crate::diagnosis::fixtures::{Story, at, failed_check};
    use crate::diagnosis::{Role, diagnose};

    const RULE: &str = "issuer-expired";
    const YEAR: i64 = 365 * 86_400;

    fn rejected(list: &[&str]) -> Story {
        Story::new().rejects(list, (9, 12))
    }

    #[test]
    fn an_issuer_that_ran_out_is_the_cause_and_its_end_is_named() {
        let diagnosis = rejected(&["leaf", "issuing-ca-cross"]).diagnosis();
        assert_eq!(diagnosis.causes()[0], (RULE, Role::RootCause, "proven"));
        let summary = &diagnosis.of(RULE)[0].summary;
        assert!(
            summary.contains("\"Issuing CA\" expired on 2024-01-01 00:00:00 UTC"),
            "{summary}"
        );
    }

    #[test]
    fn it_is_quiet_where_the_issuer_is_in_its_period() {
        let diagnosis = rejected(&["leaf", "issuing-ca"]).diagnosis();
        assert!(diagnosis.of(RULE).is_empty());
    }

    #[test]
    fn it_is_quiet_where_a_current_certificate_of_the_issuer_was_sent_too() {
        let diagnosis = rejected(&["leaf", "issuing-ca-cross", "issuing-ca"]).diagnosis();
        assert!(diagnosis.not_excluded(RULE).is_empty());
    }

    #[test]
    fn an_issuer_of_tomorrow_is_not_said_to_have_expired() {
        let mut case = rejected(&["leaf", "issuing-ca"]).case();
        let issuer = &mut case.chains[0].chains[0].elements[1].certificate;
        let mut young = (**issuer).clone();
        young.not_before = at(86_400);
        *issuer = Arc::new(young);
        failed_check(
            &mut case,
            1,
            CheckKind::Validity,
            TrustStatus::IS_NOT_TIME_VALID,
            "",
        );
        let diagnosis = diagnose(&case, None);
        let summary = &diagnosis.of(RULE)[0].summary;
        assert!(
            summary.contains("\"Issuing CA\" is not valid before 2026-06-02 10:00:00 UTC"),
            "{summary}"
        );
        assert!(!summary.contains("expired"), "{summary}");
    }

    #[test]
    fn where_the_leaf_is_of_tomorrow_too_its_own_rule_speaks() {
        // 2019: before the issuer of 2020 and the leaf of 2026.
        let past = (-7 * YEAR, -7 * YEAR + 3);
        let diagnosis = Story::new()
            .rejects(&["leaf", "issuing-ca"], past)
            .diagnosis();
        assert!(diagnosis.of(RULE).is_empty());
        assert_eq!(diagnosis.of("leaf-not-yet-valid").len(), 1);
    }
}
