//! Facts in words: what timeline and report both say of a retrieval, a
//! handshake, a machine, a failure. The strings hold text from evidence as it
//! is; whoever prints them cleans them.

use std::net::SocketAddr;

use crate::case::{Case, Handshake};
use crate::diagnosis::{
    Diagnosis, Failure, FailureKind, Healed, HealedBy, Incident, wanted_instead_of_page,
};
use crate::flow::Direction;
use crate::pki::{Artifact, LooksLike};
use crate::protocol::tls::{Alert, HiddenBy, KeyUse, Resumption, alert_name};
use crate::retrieval::{Login, ObjectKind, Outcome, Retrieval, RouteKind, ShownBy};
use crate::time::Timestamp;
use crate::words;

/// What was asked for, for people: `trust list`.
#[must_use]
pub fn object_phrase(retrieval: &Retrieval) -> &'static str {
    match retrieval.object {
        ObjectKind::Other => "object",
        known => known.phrase(),
    }
}

/// The URL, else the host, else the address.
#[must_use]
pub fn target(retrieval: &Retrieval) -> String {
    let url = retrieval.url.clone().or_else(|| retrieval.host.clone());
    url.or_else(|| retrieval.server.map(|server| server.to_string()))
        .unwrap_or_else(|| "of unknown name".to_owned())
}

/// The way in words: `directly from 203.0.113.9:80`, `through proxy 10.0.0.2:3128`.
#[must_use]
pub fn way(retrieval: &Retrieval) -> String {
    let route = &retrieval.route;
    let proxy = route
        .proxy
        .or(retrieval.server.filter(|_| route.kind.is_explicit_proxy()));
    let of = |address: Option<SocketAddr>| address.map(|a| format!(" {a}")).unwrap_or_default();
    match route.kind {
        RouteKind::Direct => match retrieval.server {
            Some(server) => format!("directly from {server}"),
            None => "directly".to_owned(),
        },
        RouteKind::HttpProxy => format!("through proxy{}", of(proxy)),
        RouteKind::Connect => format!("through a tunnel of proxy{}", of(proxy)),
        RouteKind::Socks => format!("through SOCKS proxy{}", of(proxy)),
        RouteKind::TransparentProxy => match route.hops.last() {
            Some(hop) => format!("through transparent proxy {}", hop.name),
            None => match route.shown_by {
                Some(shown @ ShownBy::Nearer(_)) => {
                    format!("through a transparent proxy ({})", shown.sentence())
                }
                _ => format!("through a transparent proxy{}", of(proxy)),
            },
        },
        RouteKind::Unknown => "by an unknown way".to_owned(),
    }
}

/// The result in words: `200, 29,367 bytes`, `no answer to 3 SYNs in 21 s`.
#[must_use]
pub fn result(retrieval: &Retrieval) -> String {
    let status = retrieval.status.map(|status| status.to_string());
    let with_status = |text: &str| match &status {
        Some(status) => format!("{status}, {text}"),
        None => text.to_owned(),
    };
    let text = match retrieval.outcome {
        // A record of a log has no body to measure.
        Outcome::Ok if retrieval.body.is_none() && retrieval.vantage.is_none() => {
            with_status("done")
        }
        Outcome::Ok => with_status(&size(retrieval)),
        Outcome::NotModified => with_status("not modified"),
        Outcome::NoSuchName => "the name does not exist".to_owned(),
        Outcome::NameTimeout => "no name server answered".to_owned(),
        Outcome::ConnectTimeout => connect_timeout(retrieval),
        Outcome::Refused => "connection refused".to_owned(),
        Outcome::Unreachable => "network says unreachable".to_owned(),
        Outcome::Reset => "connection reset".to_owned(),
        Outcome::Stalled => with_status(&format!("the answer stopped after {}", size(retrieval))),
        Outcome::NoAnswer => format!(
            "request sent, no answer in {}",
            words::span(retrieval.ended_at.since(retrieval.started_at))
        ),
        Outcome::ProxyLogin => with_status(match retrieval.route.login {
            Login::Refused => "login refused",
            Login::None | Login::Asked | Login::Sent => "login required",
        }),
        Outcome::Forbidden => with_status("forbidden"),
        Outcome::HttpError | Outcome::LdapError => with_status("error"),
        Outcome::Redirect => with_status("redirect"),
        Outcome::UnexpectedContent => with_status(&unexpected(retrieval)),
        Outcome::Truncated => with_status(&truncated(retrieval)),
        Outcome::IncompleteCapture => with_status("end not captured"),
    };
    let Some(detail) = &retrieval.detail else {
        return text;
    };
    match retrieval.outcome {
        // The detail says it all, and better.
        Outcome::ConnectTimeout
        | Outcome::Reset
        | Outcome::Stalled
        | Outcome::Truncated
        | Outcome::UnexpectedContent
        | Outcome::IncompleteCapture => with_status(detail),
        Outcome::NoAnswer => format!("no answer: {detail}"),
        Outcome::NameTimeout => format!("name lookup: {detail}"),
        _ => format!("{text} ({detail})"),
    }
}

fn size(retrieval: &Retrieval) -> String {
    let size = retrieval.body.as_ref().map_or(0, |body| body.size);
    words::count(size, "byte", "bytes")
}

fn connect_timeout(retrieval: &Retrieval) -> String {
    let (Some(first), Some(last)) = (retrieval.syns.first(), retrieval.syns.last()) else {
        return "no answer to the connection".to_owned();
    };
    let syns = words::count(retrieval.syns.len() as u64, "SYN", "SYNs");
    if first == last {
        return format!("no answer to {syns}");
    }
    format!(
        "no answer to {syns} in {}",
        words::span(last.at.since(first.at))
    )
}

fn unexpected(retrieval: &Retrieval) -> String {
    let Some(body) = &retrieval.body else {
        return "not what was asked for".to_owned();
    };
    let kind = match body.looks_like {
        LooksLike::Html => "a web page",
        LooksLike::Text => "text",
        LooksLike::Empty => return "an empty answer".to_owned(),
        _ => "something else",
    };
    match &body.title {
        Some(title) => format!("{kind} instead (\"{title}\"), {}", size(retrieval)),
        None => format!("{kind} instead, {}", size(retrieval)),
    }
}

fn truncated(retrieval: &Retrieval) -> String {
    match retrieval.body.as_ref().and_then(|body| body.declared) {
        Some(declared) => {
            format!(
                "broken off after {} of {}",
                size(retrieval),
                words::thousands(declared)
            )
        }
        None => format!("broken off after {}", size(retrieval)),
    }
}

/// The site of a handshake, else the address.
#[must_use]
pub fn site_of(handshake: &Handshake) -> String {
    let site = handshake.site.clone().or_else(|| handshake.sni.clone());
    site.unwrap_or_else(|| handshake.server.to_string())
}

/// Short subject names of the server's certificates, leaf first, and the
/// issuer of the last one.
#[must_use]
pub fn certificate_names(case: &Case, handshake: &Handshake) -> Vec<String> {
    let sent = handshake
        .artifacts
        .iter()
        .filter_map(|index| case.artifacts.get(*index));
    let certificates: Vec<_> = sent
        .filter_map(|record| match &record.artifact {
            Artifact::Certificate(certificate) => Some(certificate),
            _ => None,
        })
        .collect();
    let mut names: Vec<String> = certificates
        .iter()
        .take(MAX_NAMED)
        .map(|c| c.subject.short().to_owned())
        .collect();
    if let Some(last) = certificates.last()
        && certificates.len() <= MAX_NAMED
        && !last.is_self_issued()
    {
        names.push(format!("({})", last.issuer.short()));
    }
    names
}

/// Why there are no certificates to see.
#[must_use]
pub fn hidden_phrase(by: HiddenBy) -> &'static str {
    match by {
        HiddenBy::Tls13 => "hidden by TLS 1.3",
        HiddenBy::Resumption => "none, session resumed",
        HiddenBy::Quic => "hidden by QUIC",
    }
}

/// What else is to be known of a handshake, each in a few words.
#[must_use]
pub fn handshake_notes(handshake: &Handshake) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(protocol) = handshake.upgraded_from {
        notes.push(format!("begun in {protocol}"));
    }
    let resumed = handshake.resumption().map(|resumption| match resumption {
        Resumption::SessionId => "by its id",
        Resumption::Ticket => "by a ticket",
        Resumption::PreSharedKey => "by a pre-shared key",
    });
    if let Some(by) = resumed {
        notes.push(format!("session resumed {by}"));
    }
    if handshake.certificate_requested {
        notes.push(match handshake.client_certificates {
            Some(0) => "client certificate asked for and not given".to_owned(),
            Some(_) => "client certificate asked for and given".to_owned(),
            None => "client certificate asked for".to_owned(),
        });
    }
    match handshake.key_use {
        KeyUse::Refused => notes.push("the key log does not fit".to_owned()),
        KeyUse::Unsupported => {
            notes.push("not decrypted: this cipher suite is not read".to_owned());
        }
        KeyUse::None | KeyUse::Opened => {}
    }
    notes
}

/// `the client sends fatal alert 48 (unknown_ca)`.
#[must_use]
pub fn alert_phrase(alert: &Alert) -> String {
    let by = match alert.by {
        Direction::ToServer => "the client",
        Direction::ToClient => "the server",
    };
    match alert.content {
        Some((level, number)) => {
            let level = match level {
                1 => "warning ",
                2 => "fatal ",
                _ => "",
            };
            format!("{by} sends {level}alert {number} ({})", alert_name(number))
        }
        None => format!("{by} sends an encrypted alert"),
    }
}

/// A machine's first name, else its first address.
#[must_use]
pub fn machine_name(case: &Case, machine: Option<usize>) -> Option<String> {
    let machine = case.machines.get(machine?)?;
    let name = machine.names.first().cloned();
    name.or_else(|| machine.addresses.first().map(ToString::to_string))
}

/// `www.example.com rejected on PC-17`, `trust list http://… not obtained on PC-17`.
#[must_use]
pub fn failure_phrase(case: &Case, failure: &Failure) -> String {
    let what = failed_thing(case, failure);
    let what = match failure.kind {
        FailureKind::Rejected => format!("{what} rejected"),
        FailureKind::Delayed => format!("{what} delayed"),
        FailureKind::Object => what,
    };
    match machine_name(case, failure.machine) {
        Some(machine) => format!("{what} on {machine}"),
        None => what,
    }
}

/// What failed: the site, or the trust object and what was wrong with it.
#[must_use]
pub fn failed_thing(case: &Case, failure: &Failure) -> String {
    if let (FailureKind::Rejected | FailureKind::Delayed, Some(site)) =
        (failure.kind, &failure.site)
    {
        return site.clone();
    }
    let handshake = failure
        .handshake
        .and_then(|index| case.handshakes.get(index));
    let of_it = failure
        .retrievals
        .iter()
        .filter_map(|index| case.retrievals.get(*index));
    // The attempt that failed says more than one that worked.
    let retrieval = of_it
        .clone()
        .find(|it| it.outcome.is_failure())
        .or(of_it.clone().next());
    let cached = failure
        .cache_entry
        .and_then(|index| case.cache_entries.get(index));
    match (failure.kind, handshake, retrieval) {
        (FailureKind::Object, _, Some(retrieval)) => {
            let obtained = retrieval.outcome.is_success();
            let state = if obtained {
                "not believed"
            } else {
                "not obtained"
            };
            format!("{} {} {state}", object_phrase(retrieval), target(retrieval))
        }
        (_, Some(handshake), _) => site_of(handshake),
        (FailureKind::Object, None, None) if cached.is_some() => {
            let url = cached
                .and_then(|entry| entry.url())
                .unwrap_or("an unknown URL");
            if cached.is_some_and(|entry| wanted_instead_of_page(entry).is_some()) {
                format!("the object at {url} is a page in the cache")
            } else {
                format!("the trust list cached from {url} cannot be believed")
            }
        }
        (FailureKind::Object, None, None) => "a trust list that cannot be believed".to_owned(),
        (_, None, _) => "a certificate".to_owned(),
    }
}

/// `shop.example was reached again`, `the trust list http://… was fetched`: what
/// worked in the end.
#[must_use]
pub fn healed_phrase(case: &Case, healed: Healed) -> String {
    match healed.by {
        HealedBy::Handshake(index) => {
            let site = case.handshakes.get(index).map(site_of);
            format!(
                "{} was reached again",
                site.as_deref().unwrap_or("the site")
            )
        }
        HealedBy::Retrieval(index) => {
            let what = case.retrievals.get(index);
            let what = what.map(|it| format!("{} {}", object_phrase(it), target(it)));
            format!("{} was fetched", what.as_deref().unwrap_or("the object"))
        }
    }
}

/// How failures ended: `not seen to recover`, or what worked again and when.
#[must_use]
pub fn ending(case: &Case, failures: &[&Failure], stamp: impl Fn(Timestamp) -> String) -> String {
    // Of what is delayed nothing has to recover.
    let broken = failures.iter().filter(|it| it.kind != FailureKind::Delayed);
    let all = broken.clone().count();
    let mut healed: Vec<Healed> = broken.filter_map(|it| it.healed).collect();
    healed.sort_by_key(|it| (it.at, it.by));
    let number = healed.len();
    let words = match (healed.last(), all) {
        (_, 0) => return "all went on after the wait".to_owned(),
        (None, _) => return "not seen to recover".to_owned(),
        (Some(last), all) => {
            let what = healed_phrase(case, *last);
            (all, format!("{what} at {}", stamp(last.at)))
        }
    };
    match words {
        (1, what) => format!("healed: {what}"),
        (all, what) if number == all => format!("all healed, the last when {what}"),
        (all, what) => format!("{number} of {all} healed, the last when {what}"),
    }
}

/// What an incident did, in one line: kinds, machines, sites, first and last
/// failure, how it ended. Times in UTC.
#[must_use]
pub fn impact(case: &Case, diagnosis: &Diagnosis, incident: &Incident) -> String {
    let own = incident.failures.iter();
    let own: Vec<&Failure> = own
        .filter_map(|index| diagnosis.failures.get(*index))
        .collect();
    let mut parts = vec![words::count(own.len() as u64, "failure", "failures")];
    let machines = incident.machines.iter();
    let machines: Vec<String> = machines
        .filter_map(|index| machine_name(case, Some(*index)))
        .collect();
    if !machines.is_empty() {
        parts.push(format!("on {}", some(&machines)));
    }
    let mut sites: Vec<String> = own.iter().filter_map(|it| it.site.clone()).collect();
    sites.sort_unstable();
    sites.dedup();
    if !sites.is_empty() {
        parts.push(format!("with {}", some(&sites)));
    }
    let stamp = |at: Timestamp| {
        let text = at.to_display();
        format!("{} UTC", text.get(..19).unwrap_or_default())
    };
    let times = if incident.from == incident.to {
        format!("at {}", stamp(incident.from))
    } else {
        format!("from {} to {}", stamp(incident.from), stamp(incident.to))
    };
    parts.push(times);
    format!("{}; {}", parts.join(" "), ending(case, &own, stamp))
}

fn some(names: &[String]) -> String {
    let mut shown: Vec<String> = names.iter().take(MAX_NAMED).cloned().collect();
    if let Some(rest @ 1..) = names.len().checked_sub(MAX_NAMED) {
        shown.push(format!("{} more", words::thousands(rest as u64)));
    }
    words::series(&shown)
}

/// Names listed in one line; more would hide the point.
const MAX_NAMED: usize = 4;
