#![doc = include_str!("../../docs/rules/server-omits-intermediate.md")]

use super::inquiry::{Basis, Inquiry, confidence, lacks_bytes};
use super::proposal::{Proposal, Rule, Stance};
use super::rejections::joined;
use crate::case::{Case, Handshake};
use crate::protocol::tls::ServerCertificates;
use crate::retrieval::{ObjectKind, Retrieval};
use crate::time::Span;

/// The rule.
pub const RULE: Rule = Rule {
    id: "server-omits-intermediate",
    doc: include_str!("../../docs/rules/server-omits-intermediate.md"),
    apply,
};

/// The issuer that a validation fetched came while its handshake waited, or
/// shortly before it at an earlier attempt.
const BEFORE: Span = Span::seconds(60);

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let case = inquiry.case;
    let handshakes = case.handshakes.iter().enumerate();
    let found = handshakes.filter_map(|(index, handshake)| {
        let (child, issuer, retrieval) = fetched(case, index, handshake)?;
        let site = handshake.site.as_deref().unwrap_or("this site");
        let mut cites = handshake.cites.clone();
        cites.extend(retrieval.cites.iter().cloned());
        Some(Proposal {
            rule: RULE.id,
            stance: Stance::Observation,
            confidence: Some(confidence(Basis {
                checked: true,
                fault_seen: true,
                reaction_seen: true,
                poor_capture: lacks_bytes(&handshake.quality),
                ..Basis::default()
            })),
            summary: format!(
                "The server of {site} does not send \"{issuer}\", which issued \"{child}\"; the client fetched it by itself. Clients that do not will fail."
            ),
            remedy: format!("Let the server send \"{issuer}\" too. A list of both certificates shows that it worked."),
            cites,
            explains: Vec::new(),
            subject: format!("{site} {issuer}"),
        })
    });
    joined(found)
}

/// Child, issuer and download, where the chain of a handshake goes through an
/// issuer that the server did not send and the machine fetched.
fn fetched<'a>(
    case: &'a Case,
    index: usize,
    handshake: &Handshake,
) -> Option<(&'a str, &'a str, &'a Retrieval)> {
    if !matches!(handshake.certificates, ServerCertificates::Sent { .. }) {
        return None;
    }
    let (_, examined) = case.chain_of_handshake(index)?;
    let best = examined.chains.first()?;
    let until = handshake.reaction.map_or(handshake.ended_at, |it| it.at);
    best.elements.windows(2).find_map(|pair| {
        let [child, issuer] = pair else { return None };
        let sent = handshake
            .artifacts
            .iter()
            .filter_map(|index| case.certificate(*index))
            .any(|it| it.sha256 == issuer.certificate.sha256);
        if sent || issuer.certificate.is_self_issued() {
            return None;
        }
        let retrieval =
            case.retrievals
                .iter()
                .zip(&case.retrieval_machines)
                .find(|(it, machine)| {
                    **machine == handshake.machine
                        && it.object == ObjectKind::AiaCert
                        && it.outcome.is_success()
                        && it.started_at.plus(BEFORE) >= handshake.at
                        && it.ended_at <= until
                        && it
                            .body
                            .as_ref()
                            .is_some_and(|body| body.artifacts.contains(&issuer.certificate.sha256))
                });
        let (retrieval, _) = retrieval?;
        Some((
            child.certificate.subject.short(),
            issuer.certificate.subject.short(),
            retrieval,
        ))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use crate::diagnosis::Role;
    use crate::diagnosis::fixtures::{AIA, Story, certificate};
    use crate::pki::Artifact;
    use crate::retrieval::{ObjectKind, Outcome};

    const RULE: &str = "server-omits-intermediate";

    fn fetched(sent: &[&str]) -> Story {
        Story::new()
            .fetch(ObjectKind::AiaCert, AIA, Outcome::Ok, (10, 11))
            .brings(&Artifact::Certificate(certificate("issuing-ca")))
            .rejects(sent, (9, 12))
    }

    #[test]
    fn an_issuer_that_the_client_had_to_fetch_is_noted_and_is_no_cause() {
        let diagnosis = fetched(&["leaf"]).accepted().diagnosis();
        let finding = diagnosis.of(RULE)[0];
        assert_eq!(
            (finding.role, finding.confidence.unwrap().word()),
            (Role::Observation, "proven")
        );
    }

    #[test]
    fn it_is_quiet_when_the_server_sends_it() {
        assert!(
            fetched(&["leaf", "issuing-ca"])
                .accepted()
                .diagnosis()
                .of(RULE)
                .is_empty()
        );
    }

    #[test]
    fn it_is_quiet_for_a_root_that_is_not_sent() {
        let story = Story::new()
            .fetch(ObjectKind::AiaCert, AIA, Outcome::Ok, (10, 11))
            .brings(&Artifact::Certificate(certificate("site-root")))
            .rejects(&["leaf", "issuing-ca"], (9, 12))
            .accepted();
        assert!(story.diagnosis().of(RULE).is_empty());
    }
}
