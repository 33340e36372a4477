//! Update servers (WSUS, software update points): how they are known, and the
//! requests to them that fail for reasons of their own.

use super::inquiry::{Basis, Inquiry, Need, confidence};
use super::proposal::{Precedence, Proposal, Stance};
use super::rejections::joined;
pub use crate::case::questions::origin_of;
use crate::case::{Case, Handshake};
use crate::retrieval::update_call::update_call;
use crate::retrieval::{ObjectKind, Outcome, Retrieval};

/// Default ports of an update server, clear and TLS.
pub const CLEAR_PORT: u16 = 8530;
/// The one for TLS.
pub const TLS_PORT: u16 = 8531;

/// The port that a handshake was for; inside a tunnel that of its target.
#[must_use]
pub fn port_of(handshake: &Handshake) -> u16 {
    handshake.target_port()
}

/// True for a handshake with an update server: by its port, or because the same
/// host serves requests of the update service.
#[must_use]
pub fn is_update_handshake(case: &Case, handshake: &Handshake) -> bool {
    let served = || {
        case.retrievals.iter().any(|retrieval| {
            retrieval.object == ObjectKind::Wsus
                && retrieval.host.is_some()
                && retrieval.host == handshake.site
        })
    };
    [CLEAR_PORT, TLS_PORT].contains(&port_of(handshake)) || served()
}

/// The part of an update server that a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// One of the five services that TLS may be demanded for.
    Service,
    /// Files and reports, which stay in the clear.
    Files,
}

/// What of an update server a request asked for.
#[must_use]
pub fn part_of(retrieval: &Retrieval) -> Option<Part> {
    let call = update_call(retrieval)?;
    Some(match call.folder.demands_tls() {
        true => Part::Service,
        false => Part::Files,
    })
}

/// True for a request in the clear that was answered with 403, for no reason
/// that the page names other than the missing encryption.
#[must_use]
pub fn demands_tls(retrieval: &Retrieval) -> bool {
    let clear = retrieval
        .url
        .as_deref()
        .and_then(origin_of)
        .is_some_and(|(scheme, _, port)| scheme.eq_ignore_ascii_case("http") && port != TLS_PORT);
    let title = retrieval
        .body
        .as_ref()
        .and_then(|body| body.title.as_deref());
    // IIS names the sub-status in its detailed pages: 403.6 refuses the address,
    // 403.14 the listing; 403.4 wants TLS.
    let other_reason =
        title.is_some_and(|title| title.contains("403.") && !title.contains("403.4"));
    let by_proxy = ["Via", "X-Squid-Error", "Proxy-Connection"]
        .iter()
        .any(|name| retrieval.response_headers.get(name).is_some());
    clear && retrieval.status == Some(403) && !other_reason && !by_proxy
}

/// True for a request in the clear on the TLS port that was turned down.
#[must_use]
pub fn is_clear_on_tls_port(retrieval: &Retrieval) -> bool {
    let on_port = retrieval
        .url
        .as_deref()
        .and_then(origin_of)
        .is_some_and(|(scheme, _, port)| scheme.eq_ignore_ascii_case("http") && port == TLS_PORT);
    let refused = retrieval.status == Some(400)
        || matches!(
            retrieval.outcome,
            Outcome::Reset | Outcome::NoAnswer | Outcome::Truncated
        );
    retrieval.object == ObjectKind::Wsus && on_port && refused
}

/// True for a request whose failure one of the rules about update servers
/// explains.
#[must_use]
pub fn is_failed_request(retrieval: &Retrieval) -> bool {
    (part_of(retrieval).is_some() && demands_tls(retrieval)) || is_clear_on_tls_port(retrieval)
}

/// Whether the host of a request also answers TLS, as far as is seen.
#[must_use]
pub fn answers_tls(case: &Case, host: &str) -> bool {
    let spoken = case.handshakes.iter().any(|handshake| {
        handshake
            .site
            .as_deref()
            .is_some_and(|site| site.eq_ignore_ascii_case(host))
            && handshake.server_hello.is_some()
    });
    spoken
        || case.retrievals.iter().any(|retrieval| {
            retrieval.status.is_some()
                && retrieval
                    .url
                    .as_deref()
                    .and_then(origin_of)
                    .is_some_and(|(scheme, other, _)| {
                        scheme.eq_ignore_ascii_case("https") && other.eq_ignore_ascii_case(host)
                    })
        })
}

/// The path of a request, for sentences.
#[must_use]
pub fn path_of(retrieval: &Retrieval) -> String {
    let url = retrieval.url.as_deref().unwrap_or_default();
    let path = url
        .split_once("://")
        .and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..]));
    path.unwrap_or("/")
        .split('?')
        .next()
        .unwrap_or("/")
        .to_owned()
}

/// A request for a part of an update server that was refused in the clear.
pub struct Refusal<'a> {
    /// The server.
    pub host: &'a str,
    /// What was asked for.
    pub path: String,
    /// `, which also answers TLS`, or nothing.
    pub also: &'static str,
    /// Whether the server is seen to answer TLS.
    pub answers_tls: bool,
}

/// What a rule says of it.
pub struct Told {
    /// One sentence.
    pub summary: String,
    /// What to do.
    pub remedy: &'static str,
    /// True where another reason for the 403 is not excluded.
    pub is_inferred: bool,
}

/// Asks `tell` about every request for this part that was refused in the clear.
pub fn refusals(
    inquiry: &Inquiry<'_>,
    rule: &'static str,
    part: Part,
    tell: impl Fn(&Refusal<'_>) -> Told,
) -> Vec<Proposal> {
    let found = inquiry
        .failures
        .iter()
        .enumerate()
        .filter_map(|(failure, _)| {
            let index = *inquiry.failed_for(failure, Need::Itself).first()?;
            let retrieval = inquiry.retrieval(index)?;
            if part_of(retrieval) != Some(part) || !demands_tls(retrieval) {
                return None;
            }
            let host = retrieval.host.as_deref().unwrap_or("the update server");
            let answers_tls = answers_tls(inquiry.case, host);
            let also = if answers_tls {
                ", which also answers TLS"
            } else {
                ""
            };
            let path = path_of(retrieval);
            let told = tell(&Refusal {
                host,
                path,
                also,
                answers_tls,
            });
            Some(Proposal {
                rule,
                stance: Stance::Cause,
                confidence: Some(confidence(Basis {
                    fault_seen: true,
                    reaction_seen: true,
                    inferred: u8::from(told.is_inferred),
                    poor_capture: inquiry.is_poor(retrieval),
                    ..Basis::default()
                })),
                summary: told.summary,
                remedy: told.remedy.to_owned(),
                cites: retrieval.cites.clone(),
                explains: vec![(failure, Precedence::RouteGap)],
                subject: host.to_owned(),
            })
        });
    joined(found)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    #[test]
    fn an_origin_has_the_port_of_its_scheme_where_none_is_written() {
        assert_eq!(
            origin_of("http://wsus:8530/Content"),
            Some(("http", "wsus", 8530))
        );
        assert_eq!(
            origin_of("https://[2001:db8::1]/"),
            Some(("https", "2001:db8::1", 443))
        );
        assert_eq!(origin_of("wsus"), None);
    }
}
