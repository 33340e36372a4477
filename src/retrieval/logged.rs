//! Attempts that the machine itself recorded: event 53 of the CAPI2 log.

use crate::account::Account;
use crate::host::capi::{ProxyChoice, WireRetrieval};
use crate::protocol::http::Headers;
use crate::provenance::Cite;
use crate::time::{Span, Timestamp};

use super::{
    KnownUrls, Login, ObjectKind, Outcome, Retrieval, Route, RouteKind, login, purpose, url,
};

/// A recorded attempt with what is known of its call.
#[derive(Debug, Clone)]
pub struct Logged<'a> {
    /// What the event says.
    pub wire: &'a WireRetrieval,
    /// Event 52, where it is there.
    pub started_at: Timestamp,
    /// Event 53.
    pub ended_at: Timestamp,
    /// The account it ran as.
    pub account: Option<Account>,
    /// The process.
    pub process: Option<String>,
    /// The chain of calls.
    pub task: Option<String>,
    /// The records.
    pub cites: Vec<Cite>,
}

/// A refused connect is answered at once; one that nobody answers takes some
/// seconds. WinHTTP has one number for both (12029).
const SILENT_FOR: Span = Span::seconds(3);

/// The retrieval that a record tells of: no client or server, but an account.
#[must_use]
pub fn logged(logged: &Logged<'_>, known: &KnownUrls) -> Retrieval {
    let wire = logged.wire;
    let mut built = Retrieval::new(logged.started_at, logged.ended_at);
    built.recorded_by = super::RecordedBy::Machine;
    built.host = url::parts(&wire.url).map(|parts| parts.host);
    built.url = Some(wire.url.clone());
    built.object = object(wire, known);
    let request_line = wire.request.first().and_then(|line| line.split(' ').next());
    built.method = request_line.map(str::to_owned);
    built.status = wire.response.first().and_then(|line| status_of(line));
    built.request_headers = headers(&wire.request);
    built.response_headers = headers(&wire.response);
    built.user_agent = built.request_headers.get("User-Agent").map(str::to_owned);
    built.account.clone_from(&logged.account);
    built.process.clone_from(&logged.process);
    built.task.clone_from(&logged.task);
    built.cites.clone_from(&logged.cites);
    let took = logged.ended_at.since(logged.started_at);
    built.outcome = outcome(wire, built.status, took);
    built.route = route(&wire.proxy, built.outcome);
    built.detail = detail(wire, built.outcome);
    built
}

fn object(wire: &WireRetrieval, known: &KnownUrls) -> ObjectKind {
    let named = known
        .kind_of(&wire.url)
        .or_else(|| purpose::by_messages(Some(&wire.url), None, None));
    // A list and a root by thumbprint are told by their names; else the event
    // says what CryptoAPI asked for.
    named.unwrap_or(match wire.object_type.as_deref() {
        Some("CONTEXT_OID_CRL") => ObjectKind::Crl,
        Some("CONTEXT_OID_CERTIFICATE" | "CONTEXT_OID_PKCS7") => ObjectKind::AiaCert,
        Some("CONTEXT_OID_CTL") => ObjectKind::Ctl,
        Some("CONTEXT_OID_OCSP_RESP") => ObjectKind::Ocsp,
        _ => ObjectKind::Other,
    })
}

/// `HTTP/1.1 407 Proxy Authentication Required`.
fn status_of(line: &str) -> Option<u16> {
    line.strip_prefix("HTTP/")?.split(' ').nth(1)?.parse().ok()
}

fn headers(lines: &[String]) -> Headers {
    let fields = lines.iter().skip(1).filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        Some((name.trim().into(), value.trim().into()))
    });
    login::without_secrets(&Headers(fields.collect()))
}

fn outcome(wire: &WireRetrieval, status: Option<u16>, took: Span) -> Outcome {
    match (wire.result, status) {
        (_, Some(304)) => return Outcome::NotModified,
        (0, _) => return Outcome::Ok,
        (_, Some(401 | 407)) => return Outcome::ProxyLogin,
        (_, Some(403 | 451)) => return Outcome::Forbidden,
        (_, Some(300..=399)) => return Outcome::Redirect,
        (_, Some(400..)) => return Outcome::HttpError,
        _ => {}
    }
    let answered = status.is_some();
    let number = wire.error.unwrap_or(wire.result) & 0xffff;
    match number {
        // 12007, 12002, 12029, 12030, 12152, 12015 of winhttp.h.
        0x2EE7 => Outcome::NoSuchName,
        0x2EE2 if answered => Outcome::Stalled,
        0x2EE2 => Outcome::ConnectTimeout,
        0x2EFD if took >= SILENT_FOR => Outcome::ConnectTimeout,
        0x2EFD => Outcome::Refused,
        0x2EFE => Outcome::Reset,
        0x2EEF => Outcome::ProxyLogin,
        _ if answered => Outcome::UnexpectedContent,
        _ => Outcome::NoAnswer,
    }
}

fn route(choice: &ProxyChoice, outcome: Outcome) -> Route {
    let login = match outcome {
        Outcome::ProxyLogin => Login::Asked,
        _ => Login::None,
    };
    let (kind, proxy) = match choice {
        ProxyChoice::Unsaid => (RouteKind::Unknown, None),
        ProxyChoice::Direct => (RouteKind::Direct, None),
        ProxyChoice::Proxy(proxy) => (RouteKind::HttpProxy, proxy.parse().ok()),
    };
    Route {
        kind,
        proxy,
        login,
        authentication: None,
        hops: Vec::new(),
        shown_by: None,
    }
}

fn detail(wire: &WireRetrieval, outcome: Outcome) -> Option<String> {
    let by = match &wire.proxy {
        ProxyChoice::Proxy(proxy) => Some(format!("the log names proxy {proxy}")),
        _ => None,
    };
    let code = wire
        .error
        .filter(|error| *error != 0)
        .unwrap_or(wire.result);
    let error = (outcome.is_failure() && code != 0)
        .then(|| format!("the log says {}", crate::host::codes::phrase(code)));
    let parts: Vec<String> = error.into_iter().chain(by).collect();
    (!parts.is_empty()).then(|| super::body::one_line(&parts.join("; ")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    fn wire() -> WireRetrieval {
        WireRetrieval {
            url: "http://crl3.digicert.com/DigiCertGlobalRootCA.crl".into(),
            object_type: Some("CONTEXT_OID_CRL".into()),
            result: 0,
            proxy: ProxyChoice::Direct,
            error: None,
            request: Vec::new(),
            response: Vec::new(),
            objects: Vec::new(),
        }
    }

    fn of(wire: &WireRetrieval, seconds: i64) -> Retrieval {
        let start = Timestamp::from_unix(1_000, 0).unwrap();
        let call = Logged {
            wire,
            started_at: start,
            ended_at: start.plus(Span::seconds(seconds)),
            account: None,
            process: None,
            task: None,
            cites: Vec::new(),
        };
        logged(&call, &KnownUrls::default())
    }

    #[test]
    fn the_numbers_of_winhttp_become_outcomes() {
        let failed = |number| WireRetrieval {
            result: number,
            ..wire()
        };
        assert_eq!(of(&failed(0x2EE7), 0).outcome, Outcome::NoSuchName);
        assert_eq!(
            of(&failed(0x8007_2EE2), 15).outcome,
            Outcome::ConnectTimeout
        );
        assert_eq!(of(&failed(0x2EFD), 0).outcome, Outcome::Refused);
        assert_eq!(of(&failed(0x2EFD), 21).outcome, Outcome::ConnectTimeout);
        assert_eq!(of(&wire(), 0).outcome, Outcome::Ok);
        assert_eq!(of(&wire(), 0).object, ObjectKind::Crl);
    }

    #[test]
    fn a_refusal_by_the_proxy_is_told_by_the_status() {
        let refused = WireRetrieval {
            result: 0x8009_2004,
            proxy: ProxyChoice::Proxy("172.16.4.10:8080".into()),
            response: vec!["HTTP/1.1 407 Proxy Authentication Required".into()],
            ..wire()
        };
        let built = of(&refused, 0);
        assert_eq!(
            (built.outcome, built.status),
            (Outcome::ProxyLogin, Some(407))
        );
        assert_eq!(built.route.kind, RouteKind::HttpProxy);
        assert!(built.route.proxy.is_some());
    }
}
