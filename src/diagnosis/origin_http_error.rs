#![doc = include_str!("../../docs/rules/origin-http-error.md")]

use super::inquiry::Inquiry;
use super::network::{self, Fault};
use super::proposal::{Proposal, Rule};
use super::proxy_denied_or_filtered::{Marks, proxy_marks};
use super::wsus;
use crate::retrieval::{Outcome, Party, Retrieval};

/// The rule.
pub const RULE: Rule = Rule {
    id: "origin-http-error",
    doc: include_str!("../../docs/rules/origin-http-error.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    network::proposals(inquiry, RULE.id, |_, retrieval| {
        let failed = matches!(retrieval.outcome, Outcome::Forbidden | Outcome::HttpError);
        let host = retrieval.host.as_deref().unwrap_or("the server");
        if failed && retrieval.at_fault() == Some(Party::Origin) {
            return behind_proxy(retrieval, host);
        }
        // An update server that demands encryption lacks no file.
        if !failed || proxy_marks(retrieval) != Marks::None || wsus::is_failed_request(retrieval) {
            return None;
        }
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

/// The proxy's own request shows it: an error of the origin, or no way to it.
fn behind_proxy(retrieval: &Retrieval, host: &str) -> Option<Fault> {
    let leg = retrieval.last_leg()?;
    let server = leg.server.map(|server| server.to_string());
    let broken_off = matches!(
        leg.outcome,
        Outcome::Truncated | Outcome::Reset | Outcome::Stalled | Outcome::NoAnswer
    );
    if broken_off {
        // `transfer-incomplete` tells it.
        return None;
    }
    let status = retrieval.status.unwrap_or_default();
    Some(Fault {
        summary: format!(
            "The proxy answered the request for the {} from {host} with status {status}, because it could not get it itself.",
            retrieval.object.phrase()
        ),
        remedy: format!(
            "Look at {host} and at the way from the proxy to it. The same URL answered with 200 to the proxy shows that it worked."
        ),
        hop: server.unwrap_or_else(|| host.to_owned()),
        checked: leg.status.is_some(),
        inferred: 0,
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
