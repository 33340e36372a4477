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
        let Some(handshake) = inquiry.handshake_of(index) else { continue };
        let chain = failure.chain.and_then(|chain| inquiry.case.chains.get(chain));
        let Some(missing) = chain.and_then(|chain| chain.missing_issuer()) else { continue };
        let links = inquiry.links.get(index).map(Vec::as_slice).unwrap_or_default();
        let failed: Vec<usize> = links
            .iter()
            .filter(|link| link.need == Need::Issuer)
            .map(|link| link.retrieval)
            .collect();
        // Only the client that is seen to look for the issuer shows that it did
        // not have it; a root is rarely sent either.
        let Some(retrieval) = failed.first().and_then(|first| inquiry.retrieval(*first)) else {
            continue;
        };
        let basis = Basis {
            checked: false,
            fault_seen: true,
            reaction_seen: true,
            inferred: 0,
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
                "The server's list for {} lacks \"{}\", the issuer of \"{}\", and the attempt to fetch it {}: the chain stops half-way.",
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
