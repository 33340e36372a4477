#![doc = include_str!("../../docs/rules/proxy-denied-or-filtered.md")]

use super::inquiry::Inquiry;
use super::network::{self, Fault};
use super::proposal::{Proposal, Rule};
use crate::pki::LooksLike;
use crate::retrieval::{ObjectKind, Outcome, Retrieval, RouteKind};

/// The rule.
pub const RULE: Rule = Rule {
    id: "proxy-denied-or-filtered",
    doc: include_str!("../../docs/rules/proxy-denied-or-filtered.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    network::proposals(inquiry, RULE.id, |_, retrieval| {
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
        let who = if marks == Marks::None { "Something on the way" } else { "The proxy" };
        let title = retrieval.body.as_ref().and_then(|body| body.title.as_deref());
        let title = title.map_or_else(String::new, |title| format!(" (\"{title}\")"));
        Some(Fault {
            summary: format!(
                "{who} {proxy} answered the request for the {} of {} {answered}{title}.",
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
    })
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
const OWN_ANSWER: [&str; 4] = ["X-Squid-Error", "Proxy-Status", "Proxy-Agent", "X-Proxy-Error"];
/// `Server` names of products that are proxies and nothing else.
const PROXY_SERVERS: [&str; 8] =
    ["squid", "bluecoat", "proxysg", "mcafee", "zscaler", "websense", "fortinet", "sophos"];
/// Statuses by which a gateway speaks of itself.
const GATEWAY: [u16; 3] = [502, 503, 504];

/// Reads the marks of an answer.
#[must_use]
pub fn proxy_marks(retrieval: &Retrieval) -> Marks {
    let headers = &retrieval.response_headers;
    let server = headers.get("Server").unwrap_or_default().to_ascii_lowercase();
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
    if through && denial && server.is_empty() { Marks::Passed } else { Marks::None }
}

fn is_page(retrieval: &Retrieval) -> bool {
    retrieval.body.as_ref().is_some_and(|body| body.looks_like == LooksLike::Html)
}
