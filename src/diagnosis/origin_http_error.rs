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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use crate::diagnosis::Role;
    use crate::diagnosis::fixtures::{AIA, Story};
    use crate::retrieval::{ObjectKind, Outcome};

    fn story(outcome: Outcome, fields: &[(&str, &str)]) -> Story {
        Story::new()
            .fetch(ObjectKind::AiaCert, AIA, outcome, (10, 11))
            .headers(fields)
            .rejects(&["leaf"], (9, 12))
    }

    #[test]
    fn a_404_of_a_named_server_is_proven_and_one_without_a_name_is_high() {
        let named = story(Outcome::HttpError, &[("Server", "nginx")]).diagnosis();
        assert_eq!(
            named.causes()[0],
            ("origin-http-error", Role::RootCause, "proven")
        );
        let unnamed = story(Outcome::HttpError, &[]).diagnosis();
        assert_eq!(
            unnamed.causes()[0],
            ("origin-http-error", Role::RootCause, "high")
        );
    }

    #[test]
    fn it_is_quiet_when_the_answer_is_304() {
        let diagnosis = story(Outcome::NotModified, &[("Server", "nginx")]).diagnosis();
        assert!(diagnosis.causes().is_empty());
        assert_eq!(diagnosis.failures.len(), 1);
    }

    #[test]
    fn it_is_quiet_when_a_proxy_made_the_answer() {
        let diagnosis =
            story(Outcome::HttpError, &[("X-Squid-Error", "ERR_DNS_FAIL 0")]).diagnosis();
        assert!(diagnosis.of("origin-http-error").is_empty());
        assert_eq!(diagnosis.causes()[0].0, "proxy-denied-or-filtered");
    }
}
