#![doc = include_str!("../../docs/rules/leaf-not-yet-valid.md")]

use super::inquiry::Inquiry;
use super::leaf_validity::{self, Outside, to_seconds};
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
            summary: format!("is valid only from {} UTC on", to_seconds(leaf.not_before)),
            remedy: "Check the clocks of the capturing machine and of the client first; if they are right, wait or have the certificate issued again. A handshake after its notBefore shows that it worked.".to_owned(),
        })
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use crate::diagnosis::Role;
    use crate::diagnosis::fixtures::Story;

    const YEAR: i64 = 365 * 86_400;

    fn story(seconds: i64) -> Story {
        Story::new().rejects(&["leaf", "issuing-ca"], (seconds, seconds + 1))
    }

    #[test]
    fn a_certificate_used_before_its_time_explains_its_rejection() {
        let diagnosis = story(-YEAR).diagnosis();
        assert_eq!(
            diagnosis.causes(),
            [("leaf-not-yet-valid", Role::RootCause, "proven")]
        );
        assert_eq!(
            diagnosis.findings[0].summary,
            "The certificate of www.shop.example is valid only from 2026-01-01 00:00:00 UTC on; it was used at 2025-06-01 10:00:00 UTC."
        );
    }

    #[test]
    fn it_is_quiet_within_the_period() {
        assert!(story(0).diagnosis().of("leaf-not-yet-valid").is_empty());
    }

    #[test]
    fn it_is_quiet_after_the_period() {
        assert!(story(YEAR).diagnosis().of("leaf-not-yet-valid").is_empty());
    }
}
