#![doc = include_str!("../../docs/rules/certificate-revoked.md")]

use super::inquiry::Inquiry;
use super::proposal::{Precedence, Proposal, Rule, Stance};
use super::rejections::{SEEN, Said, joined, rejections};
use super::statuses;
use crate::case::status::StatusState;

/// The rule.
pub const RULE: Rule = Rule {
    id: "certificate-revoked",
    doc: include_str!("../../docs/rules/certificate-revoked.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let mut found = Vec::new();
    for rejection in rejections(inquiry) {
        let revoked = rejection.examined.status.iter();
        for status in revoked.filter(|it| it.state == StatusState::Revoked) {
            let Some(element) = rejection.best.elements.get(status.element) else {
                continue;
            };
            let name = element.certificate.subject.short();
            let said = Said {
                summary: format!("The certificate \"{name}\" is revoked: {}.", status.detail),
                remedy: "Replace the certificate, and find out why it was revoked; never switch the check off. A handshake with another certificate shows that it worked.".to_owned(),
                basis: SEEN,
                precedence: Precedence::Withdrawn,
                subject: element.certificate.subject.text.clone(),
                cites: statuses::cites_of(inquiry, status),
            };
            found.push(rejection.proposal(RULE.id, Stance::Cause, said));
        }
    }
    joined(found)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use crate::diagnosis::Role;
    use crate::diagnosis::fixtures::{CRL, Story};
    use crate::diagnosis::statuses::samples::{object, refused_after};
    use crate::retrieval::{ObjectKind, Outcome};

    const RULE: &str = "certificate-revoked";

    #[test]
    fn a_crl_or_an_answer_that_revokes_is_proof() {
        for name in ["crl-revokes-leaf.crl", "ocsp-revoked.der"] {
            let diagnosis = refused_after(name).diagnosis();
            assert_eq!(
                diagnosis.causes(),
                [(RULE, Role::RootCause, "proven")],
                "{name}"
            );
            let summary = &diagnosis.of(RULE)[0].summary;
            assert!(
                summary.contains("revoked at 2026-03-01T00:00:00Z (keyCompromise)"),
                "{summary}"
            );
        }
    }

    #[test]
    fn it_is_quiet_when_the_date_is_later_than_the_use_or_nothing_revokes() {
        for name in ["crl-revokes-later.crl", "crl-in-force.crl", "ocsp-good.der"] {
            assert!(
                refused_after(name)
                    .diagnosis()
                    .not_excluded(RULE)
                    .is_empty(),
                "{name}"
            );
        }
    }

    #[test]
    fn it_is_quiet_for_what_cannot_be_believed_and_for_a_list_that_came_later() {
        for name in ["crl-expired.crl", "crl-other-key.crl", "ocsp-unknown.der"] {
            assert!(
                refused_after(name)
                    .diagnosis()
                    .not_excluded(RULE)
                    .is_empty(),
                "{name}"
            );
        }
        let later = Story::new()
            .fetch(ObjectKind::Crl, CRL, Outcome::Ok, (100, 101))
            .brings(&object("crl-revokes-leaf.crl"))
            .rejects(&["leaf", "issuing-ca"], (9, 12));
        assert!(later.diagnosis().not_excluded(RULE).is_empty());
    }
}
