#![doc = include_str!("../../docs/rules/direct-blocked.md")]

use super::inquiry::Inquiry;
use super::network::{self, Fault};
use super::proposal::{Proposal, Rule};
use crate::retrieval::Outcome;

/// The rule.
pub const RULE: Rule =
    Rule { id: "direct-blocked", doc: include_str!("../../docs/rules/direct-blocked.md"), apply };

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    network::proposals(inquiry, RULE.id, |_, retrieval| {
        let checked = match retrieval.outcome {
            Outcome::ConnectTimeout => false,
            Outcome::Refused | Outcome::Unreachable => true,
            _ => return None,
        };
        if network::went_to_proxy(inquiry, retrieval) {
            return None;
        }
        let server =
            retrieval.server.map_or_else(|| "the server".to_owned(), |server| server.to_string());
        let host = retrieval.host.as_deref().unwrap_or("an unnamed host");
        // Silence alone could be the capture's own; answers to the same client
        // at the same place show that it is not.
        let inferred = u8::from(!checked && !network::others_were_answered(inquiry, retrieval));
        Some(Fault {
            summary: format!(
                "The machine tried to reach {host} ({server}) directly for the {}, and the connection {}.",
                retrieval.object.phrase(),
                network::outcome_phrase(retrieval)
            ),
            remedy: format!(
                "Allow this machine to reach {host} on port {}, or give the account that tried it a proxy (netsh winhttp set proxy, or WPAD). An answered SYN to {server}, or a request for the same URL at the proxy, shows that it worked.",
                retrieval.server.map_or(80, |server| server.port())
            ),
            hop: "direct".to_owned(),
            checked,
            inferred,
        })
    })
}
