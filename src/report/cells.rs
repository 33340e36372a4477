//! The cells of the tables: marks, times, ways and results in few words.

use super::look::Look;
use crate::case::{Case, Handshake, HandshakeOutcome};
use crate::phrase;
use crate::protocol::tls::ServerCertificates;
use crate::retrieval::{Login, Outcome, Retrieval, RouteKind};
use crate::time::Timestamp;
use crate::words;

/// Characters of a URL in a cell.
const MAX_URL: usize = 160;
/// Characters of a name in a cell.
const MAX_NAME: usize = 80;

/// The time cells of one table: the day is left out where all rows share it.
pub(super) struct Times {
    day: Option<String>,
}

impl Times {
    pub(super) fn of(look: &Look, times: impl Iterator<Item = Timestamp>) -> Self {
        let mut days = times.map(|at| look.day_and_time(at).0);
        let first = days.next();
        let shared = first.filter(|first| days.all(|day| day == *first));
        Times { day: shared }
    }

    /// The cell; day and time break apart where the column is narrow.
    pub(super) fn cell(&self, look: &Look, at: Timestamp) -> String {
        let (day, time) = look.day_and_time(at);
        match &self.day {
            Some(shared) if *shared == day => time,
            _ => format!("{day} {time}"),
        }
    }

    /// `Times are UTC, on 2011-02-21.`
    pub(super) fn note(&self, look: &Look) -> String {
        match &self.day {
            Some(day) => format!("Times are {}, all on {day}.", look.zone.name()),
            None => format!("Times are {}.", look.zone.name()),
        }
    }
}

/// `!` for what failed, `?` for what the capture does not show.
pub(super) fn mark(retrieval: &Retrieval) -> String {
    match retrieval.outcome {
        Outcome::IncompleteCapture => "?".to_owned(),
        outcome if outcome.is_failure() => "!".to_owned(),
        _ => String::new(),
    }
}

/// What was asked for, with the host below it.
pub(super) fn object_and_host(look: &Look, retrieval: &Retrieval) -> String {
    let object = phrase::object_phrase(retrieval);
    match &retrieval.host {
        Some(host) => format!("{object}\n{}", look.shown(host, MAX_NAME)),
        None => object.to_owned(),
    }
}

/// The URL, else what is known of it.
pub(super) fn url(look: &Look, retrieval: &Retrieval) -> String {
    look.shown(&phrase::target(retrieval), MAX_URL)
}

/// Client, proxies, origin, in one line.
pub(super) fn path(look: &Look, retrieval: &Retrieval) -> String {
    let host = retrieval
        .host
        .as_deref()
        .map(|host| look.shown(host, MAX_NAME));
    stations(look, retrieval, host).join(&format!(" {} ", look.arrow()))
}

/// The same with one station a line, beside a column that names the host.
pub(super) fn path_in_lines(look: &Look, retrieval: &Retrieval) -> String {
    let origin = retrieval.host.as_ref().map(|_| "origin".to_owned());
    stations(look, retrieval, origin).join(&format!("\n{} ", look.arrow()))
}

fn stations(look: &Look, retrieval: &Retrieval, host: Option<String>) -> Vec<String> {
    let route = &retrieval.route;
    let mut stations = Vec::new();
    match (&retrieval.client, &retrieval.account) {
        (Some(client), None) => stations.push(client.ip().to_string()),
        (Some(client), Some(account)) => stations.push(format!("{} ({account})", client.ip())),
        (None, Some(account)) => stations.push(account.to_string()),
        (None, None) => {}
    }
    // The answer names its hops from the origin's side.
    let mut hops = route.hops.iter().rev().map(|hop| {
        let name = look.shown(&hop.name, MAX_NAME);
        match &hop.cache {
            Some(cache) => format!("{name}, {}", look.shown(cache, MAX_NAME)),
            None => name,
        }
    });
    if route.kind.is_explicit_proxy() {
        let kind = match route.kind {
            RouteKind::Socks => "SOCKS proxy",
            _ => "proxy",
        };
        let proxy = route.proxy.or(retrieval.server);
        let address = proxy.map(|proxy| format!(" {proxy}")).unwrap_or_default();
        // The last name in Via is that of the proxy the client asked.
        let via = hops
            .next()
            .map(|hop| format!(" (Via {hop})"))
            .unwrap_or_default();
        stations.push(format!("{kind}{address}{}{via}", login(route.login)));
    }
    stations.extend(hops);
    if !reached_origin(retrieval) {
        return stations;
    }
    match route.kind {
        RouteKind::Direct => {
            stations.extend(retrieval.server.map(|server| server.to_string()).or(host));
        }
        RouteKind::TransparentProxy if route.hops.is_empty() => {
            stations.push("transparent proxy".to_owned());
            stations.extend(host);
        }
        RouteKind::Unknown if retrieval.client.is_none() => stations.push("unknown".to_owned()),
        _ => stations.extend(host),
    }
    stations
}

/// False where the answer was the proxy's own or came out of a cache, and where
/// the proxy itself could not be reached.
pub(super) fn reached_origin(retrieval: &Retrieval) -> bool {
    let explicit = retrieval.route.kind.is_explicit_proxy();
    let own_answer = retrieval.response_headers.get("X-Squid-Error").is_some();
    let from_cache = retrieval.route.hops.iter().any(|hop| {
        hop.cache
            .as_ref()
            .is_some_and(|cache| cache.to_ascii_uppercase().starts_with("HIT"))
    });
    let not_connected = matches!(
        retrieval.outcome,
        Outcome::ConnectTimeout | Outcome::Refused | Outcome::Unreachable | Outcome::ProxyLogin
    );
    !(own_answer || from_cache || (explicit && not_connected))
}

fn login(login: Login) -> &'static str {
    match login {
        Login::None => "",
        Login::Asked => ", login asked",
        Login::Sent => ", login sent",
        Login::Refused => ", login refused",
    }
}

/// How an attempt ended.
pub(super) fn result(look: &Look, retrieval: &Retrieval) -> String {
    look.shown(&phrase::result(retrieval), MAX_URL)
}

/// How long an attempt took.
pub(super) fn duration(retrieval: &Retrieval) -> String {
    words::span(retrieval.ended_at.since(retrieval.started_at))
}

/// `!` for a handshake that was broken off, `?` for one cut by the capture.
pub(super) fn handshake_mark(handshake: &Handshake) -> String {
    match handshake.outcome {
        HandshakeOutcome::Completed => String::new(),
        HandshakeOutcome::IncompleteCapture => "?".to_owned(),
        _ => "!".to_owned(),
    }
}

/// The site.
pub(super) fn site(look: &Look, handshake: &Handshake) -> String {
    look.shown(&phrase::site_of(handshake), MAX_NAME)
}

/// The two ends of a handshake, and the proxy between.
pub(super) fn ends(look: &Look, handshake: &Handshake) -> String {
    let arrow = look.arrow();
    let (client, server) = (handshake.client.ip(), handshake.server);
    match &handshake.tunnel {
        Some(tunnel) => {
            format!(
                "{client} {arrow} proxy {server} {arrow} {}",
                look.shown(tunnel, MAX_NAME)
            )
        }
        None => format!("{client} {arrow} {server}"),
    }
}

/// The server's certificates.
pub(super) fn certificates(look: &Look, case: &Case, handshake: &Handshake) -> String {
    match &handshake.certificates {
        ServerCertificates::Sent { list, .. } => {
            let names = phrase::certificate_names(case, handshake);
            let sent = match names.is_empty() {
                true => words::count(list.len() as u64, "certificate", "certificates"),
                false => look.shown(&names.join(" < "), MAX_URL),
            };
            match handshake.certificates_decrypted {
                true => format!("{sent} (decrypted)"),
                false => sent,
            }
        }
        ServerCertificates::Hidden(by) => phrase::hidden_phrase(*by).to_owned(),
        ServerCertificates::NotSeen => "not seen".to_owned(),
    }
}

/// How a handshake ended.
pub(super) fn ending(handshake: &Handshake) -> String {
    let end = match handshake.outcome {
        HandshakeOutcome::Completed => "completed",
        HandshakeOutcome::ClientClosed => "client closed before any data",
        HandshakeOutcome::ServerClosed => "server closed before any data",
        HandshakeOutcome::Unanswered => "no answer",
        HandshakeOutcome::IncompleteCapture => "end not captured",
    };
    match &handshake.alert {
        Some(alert) if handshake.outcome != HandshakeOutcome::Completed => {
            phrase::alert_phrase(alert)
        }
        _ => end.to_owned(),
    }
}
