#![doc = include_str!("../../docs/rules/revocation-server-unreachable.md")]

use super::inquiry::{Basis, Inquiry, Need, confidence};
use super::network;
use super::proposal::{Precedence, Proposal, Rule, Stance};

/// The rule.
pub const RULE: Rule = Rule {
    id: "revocation-server-unreachable",
    doc: include_str!("../../docs/rules/revocation-server-unreachable.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let mut proposals = Vec::new();
    for (index, _) in inquiry.failures.iter().enumerate() {
        let Some(handshake) = inquiry.handshake_of(index) else {
            continue;
        };
        let failed = inquiry.failed_for(index, Need::Revocation);
        let Some(retrieval) = failed.first().and_then(|first| inquiry.retrieval(*first)) else {
            continue;
        };
        let basis = Basis {
            checked: false,
            fault_seen: true,
            reaction_seen: true,
            // Whether this caller insists on a status is not in the packets.
            inferred: 1,
            poor_capture: inquiry.is_poor(retrieval),
        };
        let mut cites = handshake.cites.clone();
        cites.extend(inquiry.cites_of(&failed));
        proposals.push(Proposal {
            rule: RULE.id,
            stance: Stance::Consequence,
            confidence: Some(confidence(basis)),
            summary: format!(
                "Whether the certificates of {} are revoked is not known, because the attempt to fetch the {} from {} {}.",
                handshake.site.as_deref().unwrap_or("the site"),
                retrieval.object.phrase(),
                retrieval.host.as_deref().unwrap_or("its host"),
                network::outcome_phrase(retrieval)
            ),
            remedy: "Let the machine reach the CRL and OCSP hosts of the chain. An answer from them before the handshake ends shows that it worked.".to_owned(),
            cites,
            explains: vec![(index, Precedence::Revocation)],
            subject: retrieval.host.clone().unwrap_or_default(),
        });
    }
    proposals
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use crate::diagnosis::Role;
    use crate::diagnosis::fixtures::{CRL, OCSP, Story};
    use crate::retrieval::{ObjectKind, Outcome};

    fn story() -> Story {
        Story::new().fetch(ObjectKind::Ocsp, OCSP, Outcome::ConnectTimeout, (10, 25))
    }

    #[test]
    fn a_status_that_could_not_be_asked_follows_from_the_dead_responder() {
        let diagnosis = story()
            .rejects(&["leaf", "issuing-ca"], (9, 26))
            .diagnosis();
        assert_eq!(
            diagnosis.causes(),
            [
                ("direct-blocked", Role::RootCause, "high"),
                (
                    "revocation-server-unreachable",
                    Role::Contributing,
                    "medium"
                ),
            ]
        );
        assert_eq!(diagnosis.findings[1].because_of, [0]);
    }

    #[test]
    fn it_is_quiet_when_the_crl_came_instead() {
        let diagnosis = story()
            .fetch(ObjectKind::Crl, CRL, Outcome::Ok, (25, 26))
            .rejects(&["leaf", "issuing-ca"], (9, 27))
            .diagnosis();
        assert!(diagnosis.of("revocation-server-unreachable").is_empty());
        assert_eq!(diagnosis.verdict.root_cause, None);
    }

    #[test]
    fn it_is_quiet_for_the_responder_of_another_chain() {
        let diagnosis = Story::new()
            .fetch(
                ObjectKind::Ocsp,
                "http://ocsp.other.example/x",
                Outcome::ConnectTimeout,
                (10, 25),
            )
            .rejects(&["leaf", "issuing-ca"], (9, 26))
            .diagnosis();
        assert!(diagnosis.of("revocation-server-unreachable").is_empty());
    }
}
