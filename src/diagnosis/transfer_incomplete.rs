#![doc = include_str!("../../docs/rules/transfer-incomplete.md")]

use super::inquiry::Inquiry;
use super::network::{self, Fault};
use super::proposal::{Proposal, Rule};
use crate::retrieval::Outcome;

/// The rule.
pub const RULE: Rule = Rule {
    id: "transfer-incomplete",
    doc: include_str!("../../docs/rules/transfer-incomplete.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    network::proposals(inquiry, RULE.id, |_, retrieval| {
        if retrieval.outcome != Outcome::Truncated {
            return None;
        }
        let body = retrieval.body.as_ref();
        let size = body.map_or(0, |body| body.size);
        let of = match body.and_then(|body| body.declared) {
            Some(declared) => format!("after {size} of {declared} bytes"),
            None => format!("after {size} bytes"),
        };
        let detail =
            retrieval.detail.as_ref().map_or_else(String::new, |text| format!(" ({text})"));
        let peer =
            retrieval.server.map_or_else(|| "the server".to_owned(), |server| server.to_string());
        Some(Fault {
            summary: format!(
                "The transfer of the {} from {} broke off {of}{detail}, and the capture itself is whole.",
                retrieval.object.phrase(),
                retrieval.host.as_deref().unwrap_or(&peer)
            ),
            remedy: format!(
                "Look at {peer} and at the devices before it for time-outs and size limits, and fetch the URL on another line to compare. A complete answer to the same URL shows that it worked."
            ),
            hop: peer.clone(),
            // The capture shows the whole connection; who cut it is a guess.
            checked: false,
            inferred: 0,
        })
    })
}
