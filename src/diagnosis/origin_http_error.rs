#![doc = include_str!("../../docs/rules/origin-http-error.md")]

use super::inquiry::Inquiry;
use super::network::{self, Fault};
use super::proposal::{Proposal, Rule};
use super::proxy_denied_or_filtered::{Marks, proxy_marks};
use crate::retrieval::Outcome;

/// The rule.
pub const RULE: Rule = Rule {
    id: "origin-http-error",
    doc: include_str!("../../docs/rules/origin-http-error.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    network::proposals(inquiry, RULE.id, |_, retrieval| {
        let failed = matches!(retrieval.outcome, Outcome::Forbidden | Outcome::HttpError);
        if !failed || proxy_marks(retrieval) != Marks::None {
            return None;
        }
        let host = retrieval.host.as_deref().unwrap_or("the server");
        let status = retrieval.status.unwrap_or_default();
        // Without a Server field or a direct route, something unseen on the way
        // could have made the answer.
        let named = retrieval.response_headers.get("Server").is_some();
        Some(Fault {
            summary: format!(
                "{host} answered the request for the {} with status {status}.",
                retrieval.object.phrase()
            ),
            remedy: format!(
                "Put the file back at {}: certificates that are already issued keep pointing there. The same URL answered with 200 shows that it worked.",
                retrieval.url.as_deref().unwrap_or(host)
            ),
            hop: host.to_owned(),
            checked: named,
            inferred: 0,
        })
    })
}
