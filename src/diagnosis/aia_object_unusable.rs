#![doc = include_str!("../../docs/rules/aia-object-unusable.md")]

use super::inquiry::Inquiry;
use super::network::{self, Fault};
use super::proposal::{Proposal, Rule};
use crate::retrieval::{ObjectKind, Outcome};

/// The rule.
pub const RULE: Rule = Rule {
    id: "aia-object-unusable",
    doc: include_str!("../../docs/rules/aia-object-unusable.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    network::proposals(inquiry, RULE.id, |_, retrieval| {
        let wanted = matches!(retrieval.object, ObjectKind::AiaCert | ObjectKind::RootCrt);
        if !wanted || retrieval.outcome != Outcome::UnexpectedContent {
            return None;
        }
        let body = retrieval.body.as_ref()?;
        let title = body.title.as_ref().map_or_else(String::new, |title| format!(", \"{title}\""));
        let hop = retrieval
            .route
            .proxy
            .map_or_else(|| retrieval.host.clone().unwrap_or_default(), |proxy| proxy.to_string());
        Some(Fault {
            summary: format!(
                "{} was answered with status {} and something that is no certificate ({}{title}, {} bytes).",
                retrieval.url.as_deref().unwrap_or("The request for the issuer certificate"),
                retrieval.status.unwrap_or_default(),
                body.looks_like.word(),
                body.size
            ),
            remedy: format!(
                "Publish the certificate (DER) at this URL, and exempt the host from pages made by {hop}. A body that is a certificate shows that it worked."
            ),
            hop,
            checked: true,
            inferred: 0,
        })
    })
}
