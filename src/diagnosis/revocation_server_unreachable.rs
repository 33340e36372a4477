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
        let Some(handshake) = inquiry.handshake_of(index) else { continue };
        let links = inquiry.links.get(index).map(Vec::as_slice).unwrap_or_default();
        let failed: Vec<usize> = links
            .iter()
            .filter(|link| link.need == Need::Revocation)
            .map(|link| link.retrieval)
            .collect();
        let Some(retrieval) = failed.first().and_then(|first| inquiry.retrieval(*first)) else {
            continue;
        };
        let status_came = inquiry.case.retrievals.iter().enumerate().any(|(other, came)| {
            inquiry.machine_of(other) == handshake.machine
                && came.outcome.is_success()
                && came.object == retrieval.object
                && came.host == retrieval.host
        });
        let basis = Basis {
            checked: false,
            fault_seen: true,
            reaction_seen: true,
            // Whether this caller insists on a status is not in the packets.
            inferred: 1 + u8::from(status_came),
            poor_capture: inquiry.is_poor(retrieval),
        };
        let mut cites = handshake.cites.clone();
        cites.extend(inquiry.cites_of(&failed));
        proposals.push(Proposal {
            rule: RULE.id,
            stance: Stance::Consequence,
            confidence: Some(confidence(basis)),
            summary: format!(
                "Whether the certificates of {} are revoked could not be asked: the {} from {} {}.",
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
