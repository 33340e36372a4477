#![doc = include_str!("../../docs/rules/ocsp-error-response.md")]

use super::inquiry::Inquiry;
use super::proposal::{Precedence, Proposal, Rule, Stance};
use super::rejections::{Rejection, Said, joined, rejections};
use super::statuses;
use crate::case::questions::host_of;
use crate::case::status::StatusState;
use crate::chain::Verdict;
use crate::pki::Artifact;
use crate::pki::certificate::OCSP;
use crate::provenance::Cite;
use crate::retrieval::ObjectKind;

/// The rule.
pub const RULE: Rule = Rule {
    id: "ocsp-error-response",
    doc: include_str!("../../docs/rules/ocsp-error-response.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let mut found = Vec::new();
    for rejection in rejections(inquiry).filter(|it| it.best.verdict != Verdict::Reject) {
        let unknown = rejection.examined.status.iter();
        for status in unknown.filter(|it| it.state == StatusState::Unknown) {
            let Some(element) = rejection.best.elements.get(status.element) else {
                continue;
            };
            let hosts = element.certificate.access_urls(OCSP);
            let hosts: Vec<Option<&str>> = hosts.into_iter().map(host_of).collect();
            let Some((word, cites)) = error_of(inquiry, &rejection, &hosts) else {
                continue;
            };
            let name = element.certificate.subject.short();
            let said = Said {
                summary: format!("The OCSP responder for \"{name}\" answered {word} instead of a status, and no CRL served instead."),
                remedy: "Repair the responder, and keep a CRL reachable as a fall-back. An answer with a status shows that it worked.".to_owned(),
                basis: statuses::basis(inquiry, &rejection),
                precedence: Precedence::Revocation,
                subject: element.certificate.subject.text.clone(),
                cites,
            };
            found.push(rejection.proposal(RULE.id, Stance::Cause, said));
        }
    }
    joined(found)
}

/// The last error that the responder gave the machine before it refused.
fn error_of(
    inquiry: &Inquiry<'_>,
    rejection: &Rejection<'_>,
    hosts: &[Option<&str>],
) -> Option<(&'static str, Vec<Cite>)> {
    let case = inquiry.case;
    let all = case.retrievals.iter().zip(&case.retrieval_machines);
    let asked = all.filter(|(retrieval, owner)| {
        **owner == rejection.failure.machine
            && retrieval.object == ObjectKind::Ocsp
            && retrieval.ended_at <= rejection.failure.at
            && retrieval.host.is_some()
            && hosts.contains(&retrieval.host.as_deref())
    });
    let mut errors = asked.filter_map(|(retrieval, _)| {
        let body = retrieval.body.as_ref()?;
        let mut answers = body.artifacts.iter().filter_map(|sha256| {
            let record = case.artifacts.iter();
            let mut record = record.filter(|it| it.artifact.sha256() == *sha256);
            match &record.next()?.artifact {
                Artifact::Ocsp(ocsp) => status_word(ocsp.status),
                _ => None,
            }
        });
        Some((answers.next_back()?, retrieval.cites.clone()))
    });
    errors.next_back()
}

/// responseStatus, RFC 6960 §4.2.1; none for a successful one.
fn status_word(status: u8) -> Option<&'static str> {
    Some(match status {
        0 => return None,
        1 => "malformedRequest",
        2 => "internalError",
        3 => "tryLater",
        5 => "sigRequired",
        6 => "unauthorized",
        _ => "an unknown error",
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use crate::diagnosis::Role;
    use crate::diagnosis::fixtures::{CRL, OCSP};
    use crate::diagnosis::statuses::samples::{object, refused_after};
    use crate::retrieval::{ObjectKind, Outcome};

    const RULE: &str = "ocsp-error-response";

    #[test]
    fn it_explains_a_refusal_after_which_nothing_else_is_wrong() {
        let name = "ocsp-try-later.der";
        let diagnosis = refused_after(name).diagnosis();
        assert_eq!(
            diagnosis.causes(),
            [(RULE, Role::RootCause, "high")],
            "{name}"
        );
    }

    #[test]
    fn it_is_proven_when_the_root_is_known_to_be_trusted() {
        let case = refused_after(["ocsp-try-later.der"][0]).case_with(&["site-root"]);
        let diagnosis = crate::diagnosis::diagnose(&case, None);
        let level = diagnosis.of(RULE)[0].confidence;
        assert_eq!(level.unwrap().word(), "proven");
    }

    #[test]
    fn it_is_quiet_when_another_source_serves() {
        let by_crl = refused_after(["ocsp-try-later.der"][0])
            .fetch(ObjectKind::Crl, CRL, Outcome::Ok, (11, 12))
            .brings(&object("crl-in-force.crl"));
        assert!(by_crl.diagnosis().of(RULE).is_empty());
        let by_answer = refused_after(["ocsp-try-later.der"][0])
            .fetch(ObjectKind::Ocsp, OCSP, Outcome::Ok, (11, 12))
            .brings(&object("ocsp-good.der"));
        assert!(by_answer.diagnosis().of(RULE).is_empty());
    }

    #[test]
    fn it_is_quiet_for_its_look_alikes_and_for_a_connection_that_went_on() {
        for name in ["ocsp-stale.der", "ocsp-unknown.der", "ocsp-good.der"] {
            assert!(
                refused_after(name).diagnosis().of(RULE).is_empty(),
                "{name}"
            );
        }
        let accepted = refused_after(["ocsp-try-later.der"][0]).accepted();
        assert!(accepted.diagnosis().causes().is_empty());
    }
}
