#![doc = include_str!("../../docs/rules/intermediate-missing-aia-failed.md")]

use super::inquiry::{Basis, Inquiry, Need, confidence};
use super::network;
use super::proposal::{Precedence, Proposal, Rule, Stance};

/// The rule.
pub const RULE: Rule = Rule {
    id: "intermediate-missing-aia-failed",
    doc: include_str!("../../docs/rules/intermediate-missing-aia-failed.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let mut proposals = Vec::new();
    for (index, failure) in inquiry.failures.iter().enumerate() {
        let Some(handshake) = inquiry.handshake_of(index) else {
            continue;
        };
        let chain = failure
            .chain
            .and_then(|chain| inquiry.case.chains.get(chain));
        let Some(missing) = chain.and_then(|chain| chain.missing_issuer()) else {
            continue;
        };
        let failed = inquiry.failed_for(index, Need::Issuer);
        // Only the client that is seen to look for the issuer shows that it did
        // not have it; a root is rarely sent either.
        let Some(retrieval) = failed.first().and_then(|first| inquiry.retrieval(*first)) else {
            continue;
        };
        let basis = Basis {
            checked: false,
            fault_seen: true,
            reaction_seen: true,
            inferred: u8::from(!inquiry.lacked_issuer(index)),
            poor_capture: failed
                .iter()
                .filter_map(|index| inquiry.retrieval(*index))
                .any(|retrieval| inquiry.is_poor(retrieval)),
        };
        let mut cites = handshake.cites.clone();
        cites.extend(inquiry.cites_of(&failed));
        proposals.push(Proposal {
            rule: RULE.id,
            stance: Stance::Consequence,
            confidence: Some(confidence(basis)),
            summary: format!(
                "The server's list for {} lacks \"{}\", which issued \"{}\". The attempt to fetch it {}, so the chain stops half-way.",
                handshake.site.as_deref().unwrap_or("this site"),
                missing.issuer,
                missing.child,
                network::outcome_phrase(retrieval)
            ),
            remedy: format!(
                "Let the server send \"{}\" too, or install it in Intermediate Certification Authorities. A handshake that goes on to application data shows that it worked.",
                missing.issuer
            ),
            cites,
            explains: vec![(index, Precedence::Shape)],
            subject: missing.issuer.clone(),
        });
    }
    proposals
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use crate::diagnosis::Role;
    use crate::diagnosis::fixtures::{AIA, Story, certificate};
    use crate::pki::Artifact;
    use crate::retrieval::{ObjectKind, Outcome};

    #[test]
    fn an_issuer_that_is_neither_sent_nor_fetched_follows_from_the_failed_download() {
        let diagnosis = Story::new()
            .fetch(ObjectKind::AiaCert, AIA, Outcome::Refused, (10, 11))
            .rejects(&["leaf"], (9, 12))
            .diagnosis();
        let finding = diagnosis.of("intermediate-missing-aia-failed")[0];
        assert_eq!(
            (finding.role, finding.because_of.as_slice()),
            (Role::Contributing, &[0][..])
        );
        assert_eq!(
            finding.summary,
            "The server's list for www.shop.example lacks \"Issuing CA\", which issued \"www.shop.example\". The attempt to fetch it was refused (RST), so the chain stops half-way."
        );
    }

    #[test]
    fn it_is_quiet_when_the_server_sends_the_issuer() {
        let diagnosis = Story::new()
            .fetch(ObjectKind::AiaCert, AIA, Outcome::Refused, (10, 11))
            .rejects(&["leaf", "issuing-ca"], (9, 12))
            .diagnosis();
        assert!(diagnosis.of("intermediate-missing-aia-failed").is_empty());
        assert_eq!(
            diagnosis.of("direct-blocked")[0].explains,
            [0],
            "the download alone"
        );
    }

    #[test]
    fn it_is_quiet_when_the_issuer_came_by_another_way() {
        let issuer = Artifact::Certificate(certificate("issuing-ca"));
        let diagnosis = Story::new()
            .fetch(ObjectKind::AiaCert, AIA, Outcome::Refused, (8, 9))
            .fetch(ObjectKind::AiaCert, AIA, Outcome::Ok, (10, 11))
            .by_proxy()
            .brings(&issuer)
            .rejects(&["leaf"], (9, 12))
            .diagnosis();
        assert!(diagnosis.of("intermediate-missing-aia-failed").is_empty());
    }

    #[test]
    fn a_list_that_ends_below_a_root_nobody_captured_is_ordinary() {
        let diagnosis = Story::new()
            .rejects(&["leaf", "issuing-ca"], (9, 12))
            .diagnosis();
        assert!(diagnosis.causes().is_empty());
    }
}
