#![doc = include_str!("../../docs/rules/dns-failed.md")]

use super::inquiry::Inquiry;
use super::network::{self, Fault};
use super::proposal::{Proposal, Rule};
use crate::retrieval::Outcome;

/// The rule.
pub const RULE: Rule =
    Rule { id: "dns-failed", doc: include_str!("../../docs/rules/dns-failed.md"), apply };

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    network::proposals(inquiry, RULE.id, |_, retrieval| {
        let host = retrieval.host.as_deref().unwrap_or("the host");
        let (how, checked) = match retrieval.outcome {
            Outcome::NoSuchName => {
                let how =
                    retrieval.detail.as_deref().unwrap_or("the name server has no address for it");
                (how.to_owned(), true)
            }
            Outcome::NameTimeout => ("no name server answered".to_owned(), false),
            _ => return None,
        };
        Some(Fault {
            summary: format!(
                "The name {host} could not be resolved for the {} ({how}), so the download was never tried.",
                retrieval.object.phrase()
            ),
            remedy: format!(
                "Make {host} resolvable for this machine, or give the account that asked a proxy: behind an explicit proxy the client does not resolve the name itself. A repeated look-up that brings an address shows that it worked."
            ),
            hop: format!(
                "dns {}",
                retrieval.server.map_or_else(String::new, |server| server.ip().to_string())
            ),
            checked,
            inferred: 0,
        })
    })
}
