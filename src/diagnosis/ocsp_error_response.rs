#![doc = include_str!("../../docs/rules/ocsp-error-response.md")]

use super::inquiry::Inquiry;
use super::proposal::{Proposal, Rule};
use super::rejections::Rejection;
use super::statuses::{self, Told};
use crate::case::questions::host_of;
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
    statuses::of_unknown(inquiry, RULE.id, |rejection, _, element| {
        let hosts = element.certificate.access_urls(OCSP);
        let hosts: Vec<Option<&str>> = hosts.into_iter().map(host_of).collect();
        let (word, cites) = error_of(inquiry, rejection, &hosts)?;
        let name = element.certificate.subject.short();
        let told = Told {
            summary: format!(
                "The OCSP responder for \"{name}\" answered {word} instead of a status, and no CRL served instead."
            ),
            remedy: "Repair the responder, and keep a CRL reachable as a fall-back. An answer with a status shows that it worked.",
        };
        Some((told, cites))
    })
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

    use crate::diagnosis::statuses::samples;

    const RULE: &str = "ocsp-error-response";

    #[test]
    fn it_explains_a_refusal_after_which_nothing_else_is_wrong() {
        samples::explains(RULE, "ocsp-try-later.der");
    }

    #[test]
    fn it_is_proven_when_the_root_is_known_to_be_trusted() {
        samples::is_proven_under_a_given_root(RULE, "ocsp-try-later.der");
    }

    #[test]
    fn it_is_quiet_when_another_source_serves() {
        samples::is_quiet_beside_another_source(RULE, "ocsp-try-later.der");
    }

    #[test]
    fn it_is_quiet_for_its_look_alikes_and_for_a_connection_that_went_on() {
        let others = ["ocsp-stale.der", "ocsp-unknown.der", "ocsp-good.der"];
        samples::is_quiet_for(RULE, &others, "ocsp-try-later.der");
    }
}
