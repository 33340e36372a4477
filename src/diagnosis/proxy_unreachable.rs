#![doc = include_str!("../../docs/rules/proxy-unreachable.md")]

use super::inquiry::Inquiry;
use super::network::{self, Fault};
use super::proposal::{Proposal, Rule};
use crate::retrieval::Outcome;

/// The rule.
pub const RULE: Rule = Rule {
    id: "proxy-unreachable",
    doc: include_str!("../../docs/rules/proxy-unreachable.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    network::proposals(inquiry, RULE.id, |_, retrieval| {
        let checked = match retrieval.outcome {
            Outcome::ConnectTimeout => false,
            Outcome::Refused | Outcome::Unreachable => true,
            _ => return None,
        };
        if !network::went_to_proxy(inquiry, retrieval) {
            return None;
        }
        let proxy =
            retrieval.server.map_or_else(|| "the proxy".to_owned(), |server| server.to_string());
        Some(Fault {
            summary: format!(
                "The proxy {proxy} could not be reached for the {}: the connection {}.",
                retrieval.object.phrase(),
                network::outcome_phrase(retrieval)
            ),
            remedy: format!(
                "Bring {proxy} back, or correct the proxy settings that name it. An answered SYN to {proxy} shows that it worked."
            ),
            hop: proxy,
            checked,
            inferred: u8::from(!checked && !network::others_were_answered(inquiry, retrieval)),
        })
    })
}
