#![doc = include_str!("../../docs/rules/not-a-ca-or-path-length.md")]

use super::inquiry::Inquiry;
use super::proposal::{Precedence, Proposal, Rule, Stance};
use super::rejections::{SEEN, Said, first_seen, joined, rejections};
use crate::chain::CheckKind;

/// The rule.
pub const RULE: Rule = Rule {
    id: "not-a-ca-or-path-length",
    doc: include_str!("../../docs/rules/not-a-ca-or-path-length.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let found = rejections(inquiry).filter_map(|rejection| {
        let mut failed = rejection.failed_checks();
        let (_, element, check) = failed.find(|(position, _, check)| {
            let kinds = [CheckKind::BasicConstraints, CheckKind::PathLength, CheckKind::KeyUsage];
            *position > 0 && kinds.contains(&check.kind)
        })?;
        let issuer = element.certificate.subject.short();
        Some(rejection.proposal(RULE.id, Stance::Cause, Said {
            summary: format!(
                "In the chain of {}, \"{issuer}\" issued a certificate that it is not allowed to issue: {}.",
                rejection.site, check.detail
            ),
            remedy: "Issue the certificates below again under a proper CA certificate (CA:TRUE, keyCertSign, enough path length). A chain in which this check passes shows that it worked.".to_owned(),
            basis: SEEN,
            precedence: Precedence::Content,
            subject: element.certificate.subject.text.clone(),
            cites: first_seen(inquiry, element.certificate.sha256).into_iter().collect(),
        }))
    });
    joined(found)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use crate::chain::{CheckKind, TrustStatus};
    use crate::diagnosis::fixtures::{Story, failed_check};
    use crate::diagnosis::{Role, diagnose};

    const FULL: [&str; 3] = ["leaf", "issuing-ca", "site-root"];

    fn story() -> Story {
        Story::new().rejects(&FULL, (9, 12))
    }

    fn with(position: usize, kind: CheckKind) -> crate::diagnosis::Diagnosis {
        let mut case = story().case();
        failed_check(
            &mut case,
            position,
            kind,
            TrustStatus::INVALID_BASIC_CONSTRAINTS,
            "an issuer must be a CA, cA is false",
        );
        diagnose(&case, None)
    }

    #[test]
    fn an_issuer_that_is_no_ca_is_the_cause() {
        let diagnosis = with(1, CheckKind::BasicConstraints);
        assert_eq!(
            diagnosis.causes(),
            [("not-a-ca-or-path-length", Role::RootCause, "proven")]
        );
        assert_eq!(
            diagnosis.findings[0].summary,
            "In the chain of www.shop.example, \"Issuing CA\" issued a certificate that it is not allowed to issue: an issuer must be a CA, cA is false."
        );
    }

    #[test]
    fn too_long_a_path_counts_as_well() {
        assert_eq!(
            with(2, CheckKind::PathLength).causes()[0].0,
            "not-a-ca-or-path-length"
        );
    }

    #[test]
    fn it_is_quiet_when_every_issuer_may_issue_and_for_the_usage_of_the_leaf() {
        assert!(story().diagnosis().of("not-a-ca-or-path-length").is_empty());
        assert!(
            with(0, CheckKind::KeyUsage)
                .of("not-a-ca-or-path-length")
                .is_empty()
        );
    }
}
