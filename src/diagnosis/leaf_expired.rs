#![doc = include_str!("../../docs/rules/leaf-expired.md")]

use super::inquiry::Inquiry;
use super::leaf_validity::{self, Outside, to_seconds};
use super::proposal::{Proposal, Rule};

/// The rule.
pub const RULE: Rule = Rule {
    id: "leaf-expired",
    doc: include_str!("../../docs/rules/leaf-expired.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    leaf_validity::proposals(inquiry, RULE.id, |leaf, at| {
        (at > leaf.not_after).then(|| Outside {
            summary: format!("expired on {} UTC", to_seconds(leaf.not_after)),
            remedy: "Renew the certificate and bind the new one (a renewed certificate that is not bound looks the same). A handshake with a notAfter in the future shows that it worked.".to_owned(),
        })
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use crate::diagnosis::Role;
    use crate::diagnosis::diagnose;
    use crate::diagnosis::fixtures::{SITE, Story, at};

    const YEAR: i64 = 365 * 86_400;

    fn story(seconds: i64) -> Story {
        Story::new().rejects(&["leaf", "issuing-ca"], (seconds, seconds + 1))
    }

    #[test]
    fn an_expired_certificate_explains_its_rejection_and_no_store_matters() {
        let diagnosis = story(YEAR).diagnosis();
        assert_eq!(
            diagnosis.causes(),
            [("leaf-expired", Role::RootCause, "proven")]
        );
        assert_eq!(diagnosis.findings.len(), 1, "{:#?}", diagnosis.findings);
        assert_eq!(
            diagnosis.findings[0].summary,
            "The certificate of www.shop.example expired on 2027-01-01 00:00:00 UTC; it was used at 2027-06-01 10:00:00 UTC."
        );
    }

    #[test]
    fn a_certificate_that_was_accepted_nevertheless_is_an_observation() {
        let diagnosis = story(YEAR).accepted().diagnosis();
        assert_eq!(diagnosis.of("leaf-expired")[0].role, Role::Observation);
    }

    #[test]
    fn minutes_after_its_end_the_clocks_decide() {
        // 2027-01-01 00:01:00 UTC.
        let diagnosis = story(18_453_600 + 60).diagnosis();
        assert_eq!(
            diagnosis.causes(),
            [("leaf-expired", Role::RootCause, "medium")]
        );
    }

    #[test]
    fn a_capture_clock_that_all_servers_contradict_proves_nothing() {
        let diagnosis = Story::new()
            .fetch(
                crate::retrieval::ObjectKind::Ctl,
                crate::diagnosis::fixtures::CTL,
                crate::retrieval::Outcome::NotModified,
                (YEAR, YEAR),
            )
            .headers(&[("Date", "Mon, 01 Jun 2026 10:00:00 GMT")])
            .rejects(&["leaf", "issuing-ca"], (YEAR, YEAR + 1))
            .diagnosis();
        let finding = diagnosis.of("leaf-expired")[0];
        assert_eq!(finding.confidence.unwrap().word(), "medium");
        assert!(
            finding.summary.ends_with("one of the clocks is wrong."),
            "{}",
            finding.summary
        );
    }

    #[test]
    fn a_time_given_by_the_analyst_is_said_and_proves_nothing_of_the_connection() {
        let mut case = story(0).case();
        case.as_of = Some(at(YEAR));
        let diagnosis = diagnose(&case, Some(SITE));
        let finding = diagnosis.of("leaf-expired")[0];
        assert_eq!(finding.confidence.unwrap().word(), "medium");
        assert!(
            finding.summary.contains("it is judged as of 2027-06-01"),
            "{}",
            finding.summary
        );
    }

    #[test]
    fn it_is_quiet_within_the_period_and_for_an_expired_certificate_further_down() {
        assert!(story(0).diagnosis().not_excluded("leaf-expired").is_empty());
        // The publisher's certificate is out of date by then, and is not the leaf.
        let bundle = Story::new().rejects(&["issuing-ca", "leaf"], (YEAR, YEAR + 1));
        assert!(bundle.diagnosis().not_excluded("leaf-expired").is_empty());
    }

    #[test]
    fn it_is_quiet_before_the_period() {
        assert!(
            story(-YEAR)
                .diagnosis()
                .not_excluded("leaf-expired")
                .is_empty()
        );
    }
}
