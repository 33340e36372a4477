#![doc = include_str!("../../docs/rules/no-revocation-source.md")]

use super::inquiry::{Basis, Inquiry};
use super::proposal::{Precedence, Proposal, Rule, Stance};
use super::rejections::{Said, first_seen, joined, rejections};
use crate::case::status::{ElementStatus, StatusState};
use crate::chain::Verdict;
use crate::pki::Certificate;
use crate::pki::certificate::OCSP;

/// The rule.
pub const RULE: Rule = Rule {
    id: "no-revocation-source",
    doc: include_str!("../../docs/rules/no-revocation-source.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let mut found = Vec::new();
    for rejection in rejections(inquiry).filter(|it| it.best.verdict != Verdict::Reject) {
        let unknown = rejection.examined.status.iter();
        let unknown = unknown.filter(|it| it.state == StatusState::Unknown);
        let is_mute = |it: &ElementStatus| {
            let element = rejection.best.elements.get(it.element);
            it.copies.is_empty() && element.is_some_and(|it| names_no_source(&it.certificate))
        };
        let all_mute = unknown.clone().all(is_mute);
        let mut mute = unknown.filter(|it| is_mute(it));
        let element = mute.find_map(|it| rejection.best.elements.get(it.element));
        let Some(element) = element else { continue };
        let certificate = &element.certificate;
        let name = certificate.subject.short();
        // Only where every other check is known to hold is this all that is left;
        // that the program insists on a status is not seen, nor that nothing else
        // made it close.
        let stance = match rejection.best.verdict {
            Verdict::Accept if all_mute => Stance::Cause,
            _ => Stance::Observation,
        };
        let said = Said {
            summary: format!(
                "The certificate \"{name}\" names neither a CRL nor an OCSP responder, and none about it is in the evidence: whether it is revoked cannot be asked."
            ),
            remedy: "Nothing, where the program ignores an unknown status, as most do. Else issue the certificate again with the address of a CRL, or put the issuer's CRL into the machine's store (certutil -addstore CA issuer.crl).".to_owned(),
            basis: Basis {
                fault_seen: true,
                inferred: if stance == Stance::Cause { 2 } else { 0 },
                ..Basis::default()
            },
            precedence: Precedence::Policy,
            subject: certificate.subject.text.clone(),
            cites: first_seen(inquiry, certificate.sha256).into_iter().collect(),
        };
        found.push(rejection.proposal(RULE.id, stance, said));
    }
    joined(found)
}

/// True for a certificate below a root without an address to ask.
fn names_no_source(certificate: &Certificate) -> bool {
    !certificate.is_self_issued()
        && certificate.crl_urls().is_empty()
        && certificate.access_urls(OCSP).is_empty()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use crate::diagnosis::fixtures::{CRL, Story};
    use crate::diagnosis::statuses::samples::object;
    use crate::diagnosis::{Diagnosis, Role, diagnose};
    use crate::retrieval::{ObjectKind, Outcome};

    const RULE: &str = "no-revocation-source";
    const MUTE: [&str; 2] = ["leaf-without-aia", "issuing-ca"];

    fn judged(story: Story) -> Diagnosis {
        diagnose(&story.case_with(&["site-root"]), None)
    }

    #[test]
    fn it_is_all_that_is_left_where_everything_else_holds_and_no_more_than_low() {
        let diagnosis = judged(Story::new().rejects(&MUTE, (9, 12)).handshake(|it| {
            it.site = None;
            it.sni = None;
        }));
        assert_eq!(diagnosis.causes(), [(RULE, Role::RootCause, "low")]);
    }

    #[test]
    fn it_is_only_noticed_where_trust_in_the_root_is_open() {
        let open = Story::new().rejects(&MUTE, (9, 12)).handshake(|it| {
            it.site = None;
            it.sni = None;
        });
        let diagnosis = open.diagnosis();
        assert_eq!(diagnosis.of(RULE)[0].role, Role::Observation);
    }

    #[test]
    fn it_is_no_cause_where_another_certificate_could_have_been_asked_about() {
        let diagnosis = judged(Story::new().rejects(&["leaf", "issuing-ca"], (9, 12)));
        assert_eq!(diagnosis.verdict.root_cause, None);
    }

    #[test]
    fn it_is_quiet_for_a_connection_that_went_on() {
        let accepted = judged(Story::new().rejects(&MUTE, (9, 12)).accepted());
        assert!(accepted.of(RULE).is_empty());
    }

    #[test]
    fn it_is_quiet_where_a_crl_of_the_issuer_is_at_hand() {
        let diagnosis = judged(
            Story::new()
                .fetch(ObjectKind::Crl, CRL, Outcome::Ok, (1, 2))
                .brings(&object("crl-in-force.crl"))
                .rejects(&MUTE, (9, 12))
                .handshake(|it| {
                    it.site = None;
                    it.sni = None;
                }),
        );
        let told = diagnosis.of(RULE);
        assert!(
            told.iter().all(|it| !it.summary.contains("shop")),
            "{told:#?}"
        );
    }
}
