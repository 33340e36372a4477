#![doc = include_str!("../../docs/rules/proxy-denied-or-filtered.md")]

use super::cached_pages::{self, Wanted};
use super::inquiry::Inquiry;
use super::network::{self, Fault};
use super::proposal::{Proposal, Rule};
use super::redirects;
use crate::pki::LooksLike;
use crate::retrieval::{ObjectKind, Outcome, Party, Retrieval, RouteKind};

/// The rule.
pub const RULE: Rule = Rule {
    id: "proxy-denied-or-filtered",
    doc: include_str!("../../docs/rules/proxy-denied-or-filtered.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let mut proposals = network::proposals(inquiry, RULE.id, |index, retrieval| {
        if redirects::sent_by(inquiry.case, index).is_some() {
            // Whoever sent the request there is the earlier link.
            return None;
        }
        if retrieval.at_fault() == Some(Party::Origin) {
            // The proxy only tells what became of its own request.
            return None;
        }
        let marks = proxy_marks(retrieval);
        let answered = match retrieval.outcome {
            Outcome::Forbidden | Outcome::HttpError if marks != Marks::None => {
                format!("with status {}", retrieval.status.unwrap_or_default())
            }
            // A page for a trust list or an issuer certificate has rules of its own.
            Outcome::UnexpectedContent
                if matches!(
                    retrieval.object,
                    ObjectKind::Crl | ObjectKind::DeltaCrl | ObjectKind::Ocsp
                ) && is_page(retrieval) =>
            {
                "with a web page in its place".to_owned()
            }
            _ => return None,
        };
        let proxy = retrieval.route.proxy.or(retrieval.server);
        let proxy = proxy.map_or_else(|| "a proxy".to_owned(), |proxy| proxy.to_string());
        let who = if marks == Marks::None {
            "Something on the way to"
        } else {
            "The proxy"
        };
        let title = retrieval
            .body
            .as_ref()
            .and_then(|body| body.title.as_deref());
        let title = title.map_or_else(String::new, |title| format!(" (\"{title}\")"));
        Some(Fault {
            summary: format!(
                "{who} {proxy} answered the request for the {} from {} {answered}{title}.",
                retrieval.object.phrase(),
                retrieval.host.as_deref().unwrap_or("its host")
            ),
            remedy: format!(
                "Exempt {} from the filter of {proxy}. The object itself in answer to the same URL shows that it worked.",
                retrieval.host.as_deref().unwrap_or("the certificate hosts")
            ),
            hop: proxy,
            checked: true,
            inferred: u8::from(marks != Marks::Proxy),
        })
    });
    proposals.extend(cached_pages::proposals(inquiry, RULE.id, Wanted::Status));
    proposals
}

/// What an answer says of who made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marks {
    /// A proxy made it: its own error header, or a gateway status on the way
    /// through an explicit proxy.
    Proxy,
    /// It passed a proxy; the proxy or the origin made it.
    Passed,
    /// Nothing speaks of a proxy.
    None,
}

/// Header fields that only a proxy's own answer carries.
const OWN_ANSWER: [&str; 4] = [
    "X-Squid-Error",
    "Proxy-Status",
    "Proxy-Agent",
    "X-Proxy-Error",
];
/// `Server` names of products that are proxies and nothing else.
const PROXY_SERVERS: [&str; 8] = [
    "squid", "bluecoat", "proxysg", "mcafee", "zscaler", "websense", "fortinet", "sophos",
];
/// Statuses by which a gateway speaks of itself.
const GATEWAY: [u16; 3] = [502, 503, 504];

/// Reads the marks of an answer.
#[must_use]
pub fn proxy_marks(retrieval: &Retrieval) -> Marks {
    let headers = &retrieval.response_headers;
    let server = headers
        .get("Server")
        .unwrap_or_default()
        .to_ascii_lowercase();
    let own = OWN_ANSWER.iter().any(|field| headers.get(field).is_some())
        || PROXY_SERVERS.iter().any(|name| server.contains(name));
    if own {
        return Marks::Proxy;
    }
    let through = retrieval.route.kind.is_explicit_proxy()
        || retrieval.route.kind == RouteKind::TransparentProxy;
    let status = retrieval.status.unwrap_or_default();
    if through && GATEWAY.contains(&status) && server.is_empty() {
        return Marks::Proxy;
    }
    // A denial without the name of an origin server came from the proxy itself,
    // as far as can be told; a 404 that names one was passed on.
    let denial = matches!(status, 403 | 451) || GATEWAY.contains(&status);
    if through && denial && server.is_empty() {
        Marks::Passed
    } else {
        Marks::None
    }
}

fn is_page(retrieval: &Retrieval) -> bool {
    retrieval
        .body
        .as_ref()
        .is_some_and(|body| body.looks_like == LooksLike::Html)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;
    use crate::diagnosis::Role;
    use crate::diagnosis::fixtures::{AIA, CRL, Story};

    fn denied(fields: &[(&str, &str)]) -> Story {
        Story::new()
            .fetch(ObjectKind::AiaCert, AIA, Outcome::Forbidden, (10, 11))
            .by_proxy()
            .headers(fields)
            .rejects(&["leaf"], (9, 12))
    }

    #[test]
    fn an_answer_that_only_a_proxy_gives_is_proven() {
        let diagnosis = denied(&[("X-Squid-Error", "ERR_ACCESS_DENIED 0")]).diagnosis();
        assert_eq!(
            diagnosis.causes()[0],
            ("proxy-denied-or-filtered", Role::RootCause, "proven")
        );
    }

    #[test]
    fn a_denial_by_nobody_in_particular_is_medium() {
        let diagnosis = denied(&[]).diagnosis();
        assert_eq!(
            diagnosis.causes()[0],
            ("proxy-denied-or-filtered", Role::RootCause, "medium")
        );
    }

    #[test]
    fn a_web_page_for_a_crl_was_put_there_by_something_on_the_way() {
        let diagnosis = Story::new()
            .fetch(ObjectKind::Crl, CRL, Outcome::UnexpectedContent, (10, 11))
            .page(LooksLike::Html, "Log on")
            .diagnosis();
        assert_eq!(
            diagnosis.causes()[0],
            ("proxy-denied-or-filtered", Role::RootCause, "medium")
        );
        assert_eq!(
            diagnosis.findings[0].summary,
            "Something on the way to 203.0.113.7:80 answered the request for the CRL from crl.example with a web page in its place (\"Log on\")."
        );
    }

    #[test]
    fn it_is_quiet_when_the_origin_signs_the_refusal() {
        let diagnosis = denied(&[("Server", "Microsoft-IIS/10.0")]).diagnosis();
        assert!(diagnosis.of(RULE.id).is_empty());
        assert_eq!(diagnosis.causes()[0].0, "origin-http-error");
    }

    #[test]
    fn it_is_quiet_when_the_object_came() {
        let story = Story::new().fetch(ObjectKind::AiaCert, AIA, Outcome::Ok, (10, 11));
        let story = story.by_proxy().headers(&[("X-Squid-Error", "none")]);
        assert!(story.diagnosis().of(RULE.id).is_empty());
    }
}
