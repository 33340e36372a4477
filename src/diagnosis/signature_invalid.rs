#![doc = include_str!("../../docs/rules/signature-invalid.md")]

use super::inquiry::Inquiry;
use super::proposal::{Precedence, Proposal, Rule, Stance};
use super::rejections::{SEEN, Said, first_seen, joined, rejections};
use crate::chain::CheckKind;

/// The rule.
pub const RULE: Rule = Rule {
    id: "signature-invalid",
    doc: include_str!("../../docs/rules/signature-invalid.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let found = rejections(inquiry).filter_map(|rejection| {
        let mut failed = rejection.failed_checks();
        let (position, element, _) =
            failed.find(|(_, _, check)| check.kind == CheckKind::Signature)?;
        let name = element.certificate.subject.short();
        let issuer = rejection.best.elements.get(position + 1);
        let issuer = issuer.map_or(element.certificate.issuer.short(), |it| it.certificate.subject.short());
        let mut cites: Vec<_> = first_seen(inquiry, element.certificate.sha256).into_iter().collect();
        let above = rejection.best.elements.get(position + 1);
        cites.extend(above.and_then(|it| first_seen(inquiry, it.certificate.sha256)));
        Some(rejection.proposal(RULE.id, Stance::Cause, Said {
            summary: format!(
                "In the chain of {}, the signature of \"{name}\" does not fit its content and the key of \"{issuer}\"; its bytes arrived whole, so it was damaged or changed.",
                rejection.site
            ),
            remedy: "Fetch the certificate again from its issuer and over another line, and compare the hashes. If they differ, something on the way changes it; if they are the same, it has to be issued again.".to_owned(),
            basis: SEEN,
            precedence: Precedence::Content,
            subject: element.certificate.subject.text.clone(),
            cites,
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

    #[test]
    fn a_signature_that_does_not_verify_is_the_cause() {
        let mut case = story().case();
        failed_check(
            &mut case,
            0,
            CheckKind::Signature,
            TrustStatus::IS_NOT_SIGNATURE_VALID,
            "it does not verify",
        );
        assert_eq!(
            diagnose(&case, None).causes(),
            [("signature-invalid", Role::RootCause, "proven")]
        );
    }

    #[test]
    fn it_is_quiet_for_signatures_that_verify() {
        assert!(story().diagnosis().of("signature-invalid").is_empty());
    }

    #[test]
    fn it_is_quiet_for_an_issuer_of_the_same_name_with_another_key() {
        let diagnosis = Story::new()
            .rejects(&["leaf", "issuing-ca-old-key"], (9, 12))
            .diagnosis();
        assert!(diagnosis.of("signature-invalid").is_empty());
        assert_eq!(diagnosis.causes()[0].0, "issuer-name-match-key-mismatch");
    }

    #[test]
    fn what_the_capture_lost_is_no_damage() {
        let mut case = story().handshake(|it| it.quality.missing = [0, 100]).case();
        failed_check(
            &mut case,
            0,
            CheckKind::Signature,
            TrustStatus::IS_NOT_SIGNATURE_VALID,
            "it does not verify",
        );
        assert_eq!(
            diagnose(&case, None).causes(),
            [("signature-invalid", Role::RootCause, "low")]
        );
    }
}
