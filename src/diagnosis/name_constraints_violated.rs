#![doc = include_str!("../../docs/rules/name-constraints-violated.md")]

use super::inquiry::Inquiry;
use super::proposal::{Precedence, Proposal, Rule, Stance};
use super::rejections::{SEEN, Said, joined, rejections};
use crate::chain::CheckKind;

/// The rule.
pub const RULE: Rule = Rule {
    id: "name-constraints-violated",
    doc: include_str!("../../docs/rules/name-constraints-violated.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let found = rejections(inquiry).filter_map(|rejection| {
        let mut failed = rejection.failed_checks();
        let (_, element, check) =
            failed.find(|(_, _, check)| check.kind == CheckKind::NameConstraints)?;
        let name = element.certificate.subject.short();
        Some(rejection.proposal(RULE.id, Stance::Cause, Said {
            summary: format!(
                "An authority above \"{name}\" may issue for certain names only, and this is none of them: {}.",
                check.detail
            ),
            remedy: format!(
                "Issue the certificate of {} again under an authority that is allowed to, or have the constraint widened. A chain in which every name is permitted shows that it worked.",
                rejection.site
            ),
            basis: SEEN,
            precedence: Precedence::Content,
            subject: element.certificate.subject.text.clone(),
            cites: Vec::new(),
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

    fn with(kind: CheckKind) -> crate::diagnosis::Diagnosis {
        let mut case = story().case();
        failed_check(
            &mut case,
            0,
            kind,
            TrustStatus::HAS_NOT_PERMITTED_NAME_CONSTRAINT,
            "DNS www.shop.example is not below other.example",
        );
        diagnose(&case, None)
    }

    #[test]
    fn a_name_outside_what_the_authority_may_issue_for_is_the_cause() {
        assert_eq!(
            with(CheckKind::NameConstraints).causes(),
            [("name-constraints-violated", Role::RootCause, "proven")]
        );
    }

    #[test]
    fn it_is_quiet_where_every_name_is_permitted() {
        assert!(
            story()
                .diagnosis()
                .of("name-constraints-violated")
                .is_empty()
        );
    }

    #[test]
    fn it_is_quiet_when_the_certificate_is_for_another_host() {
        let diagnosis = with(CheckKind::HostName);
        assert!(diagnosis.of("name-constraints-violated").is_empty());
        assert_eq!(diagnosis.causes()[0].0, "name-mismatch");
    }
}
