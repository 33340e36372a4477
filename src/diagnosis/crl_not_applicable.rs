#![doc = include_str!("../../docs/rules/crl-not-applicable.md")]

use super::inquiry::Inquiry;
use super::proposal::{Precedence, Proposal, Rule, Stance};
use super::rejections::{Said, joined, rejections};
use super::statuses::{self, Told};
use crate::case::status::{Presence, StatusState};
use crate::chain::{SourceKind, StatusFault, Verdict};

/// The rule.
pub const RULE: Rule = Rule {
    id: "crl-not-applicable",
    doc: include_str!("../../docs/rules/crl-not-applicable.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let mut found = statuses::proposals(inquiry, RULE.id, |element, source, fault| {
        let (StatusFault::Scope(why) | StatusFault::Signer(why) | StatusFault::Form(why)) = fault
        else {
            return None;
        };
        if source.kind == SourceKind::Ocsp {
            return None;
        }
        let name = element.certificate.subject.short();
        Some(Told {
            summary: format!(
                "The CRL of {} does not tell whether \"{name}\" is revoked: {why}.",
                source.this_update
            ),
            remedy: REMEDY,
        })
    });
    found.extend(joined(of_other_issuers(inquiry)));
    found
}

/// CRLs from a certificate's own address that somebody else issued: the engine,
/// which looks for the issuer's name, has no use for them at all.
fn of_other_issuers(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let mut found = Vec::new();
    for rejection in rejections(inquiry).filter(|it| it.best.verdict != Verdict::Reject) {
        let unknown = rejection.examined.status.iter();
        for status in unknown.filter(|it| it.state == StatusState::Unknown) {
            let Some(element) = rejection.best.elements.get(status.element) else {
                continue;
            };
            let certificate = &element.certificate;
            let points = certificate.crl_distribution_points.value();
            let is_indirect =
                |point: &crate::pki::certificate::DistributionPoint| !point.crl_issuer.is_empty();
            if points.into_iter().flatten().any(is_indirect) {
                continue;
            }
            let mut at_hand = status.copies.iter().filter(|copy| {
                copy.presence == Presence::Yes
                    && copy.kind == SourceKind::Crl
                    && copy.says.is_none()
            });
            let crl = at_hand.find_map(|copy| {
                let crl = inquiry.case.crl(copy.artifact)?;
                (crl.issuer.der != certificate.issuer.der).then_some(crl)
            });
            let Some(crl) = crl else { continue };
            let said = Said {
                summary: format!(
                    "The CRL of {} from the address in \"{}\" does not tell whether that is revoked: \"{}\" issued it, and the certificate is of \"{}\".",
                    crl.this_update,
                    certificate.subject.short(),
                    crl.issuer.short(),
                    certificate.issuer.short()
                ),
                remedy: REMEDY.to_owned(),
                basis: statuses::basis(inquiry, &rejection),
                precedence: Precedence::Revocation,
                subject: certificate.subject.text.clone(),
                cites: statuses::cites_of(inquiry, status),
            };
            found.push(rejection.proposal(RULE.id, Stance::Cause, said));
        }
    }
    found
}

const REMEDY: &str = "Publish the right CRL at the address in the certificate, with the same URL in its issuingDistributionPoint. A CRL that fits shows that it worked.";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use crate::diagnosis::Role;
    use crate::diagnosis::fixtures::{CRL, OCSP};
    use crate::diagnosis::statuses::samples::{object, refused_after};
    use crate::retrieval::{ObjectKind, Outcome};

    const RULE: &str = "crl-not-applicable";

    #[test]
    fn it_explains_a_refusal_after_which_nothing_else_is_wrong() {
        for name in [
            "crl-other-point.crl",
            "crl-other-key.crl",
            "crl-other-issuer.crl",
        ] {
            let diagnosis = refused_after(name).diagnosis();
            assert_eq!(
                diagnosis.causes(),
                [(RULE, Role::RootCause, "high")],
                "{name}"
            );
        }
    }

    #[test]
    fn it_is_proven_when_the_root_is_known_to_be_trusted() {
        let case = refused_after(["crl-other-point.crl", "crl-other-key.crl"][0])
            .case_with(&["site-root"]);
        let diagnosis = crate::diagnosis::diagnose(&case, None);
        let level = diagnosis.of(RULE)[0].confidence;
        assert_eq!(level.unwrap().word(), "proven");
    }

    #[test]
    fn it_is_quiet_when_another_source_serves() {
        let by_crl = refused_after(["crl-other-point.crl", "crl-other-key.crl"][0])
            .fetch(ObjectKind::Crl, CRL, Outcome::Ok, (11, 12))
            .brings(&object("crl-in-force.crl"));
        assert!(by_crl.diagnosis().of(RULE).is_empty());
        let by_answer = refused_after(["crl-other-point.crl", "crl-other-key.crl"][0])
            .fetch(ObjectKind::Ocsp, OCSP, Outcome::Ok, (11, 12))
            .brings(&object("ocsp-good.der"));
        assert!(by_answer.diagnosis().of(RULE).is_empty());
    }

    #[test]
    fn it_is_quiet_for_its_look_alikes_and_for_a_connection_that_went_on() {
        for name in [
            "crl-expired.crl",
            "crl-in-force.crl",
            "ocsp-not-entitled.der",
        ] {
            assert!(
                refused_after(name).diagnosis().of(RULE).is_empty(),
                "{name}"
            );
        }
        let accepted = refused_after(["crl-other-point.crl", "crl-other-key.crl"][0]).accepted();
        assert!(accepted.diagnosis().causes().is_empty());
    }
}
