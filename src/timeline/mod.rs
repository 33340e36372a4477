//! The facts of a case as ordered events.

mod repairs;
mod versions;

use std::collections::BTreeMap;

use crate::case::{ArtifactSource, Case, Handshake, HandshakeOutcome};
use crate::chain::TrustStatus;
use crate::diagnosis::{Diagnosis, Failure, FailureKind};
use crate::host::update_log::Zone;
use crate::host::{application, capi, capi_told};
use crate::phrase;
use crate::pki::Artifact;
use crate::protocol::dns::Lookup;
use crate::protocol::tls::{Alert, ServerCertificates};
use crate::provenance::{Cite, Sighting, merged};
use crate::retrieval::update_call::update_call;
use crate::retrieval::{RecordedBy, Retrieval};
use crate::time::{Span, Timestamp};
use crate::words;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Event {
    /// When, by `clock`.
    pub at: Timestamp,
    /// Whose clock: `capture`, `host`, `proxy`, `server`, `certificate`.
    pub clock: &'static str,
    /// What kind: `retrieval`, `lookup`, `connect`, `handshake`, `alert`,
    /// `close`, `cache`, `object`, `failure`, `repair`, `first-seen`.
    pub kind: &'static str,
    /// One line.
    pub text: String,
    /// What shows it.
    pub cites: Vec<Cite>,
}

/// Tells the facts in order of time; equal times in order of place.
#[must_use]
pub fn timeline(case: &Case, diagnosis: &Diagnosis) -> Vec<Event> {
    let mut events = Vec::new();
    let wanted_by = by_host(case);
    lookup_events(case, &wanted_by, &mut events);
    for (index, retrieval) in case.retrievals.iter().enumerate() {
        let machine = case.retrieval_machines.get(index).copied().flatten();
        let machine = phrase::machine_name(case, machine);
        retrieval_events(retrieval, machine.as_deref(), &mut events);
    }
    for handshake in &case.handshakes {
        handshake_events(case, handshake, &mut events);
    }
    cache_events(case, &mut events);
    host_events(case, &mut events);
    object_events(case, &mut events);
    for failure in &diagnosis.failures {
        // An object not obtained is told by its retrievals.
        if failure.kind != FailureKind::Object || failure.retrievals.is_empty() {
            events.push(failure_event(case, failure));
        }
    }
    repairs::repair_events(case, diagnosis, &mut events);
    versions::version_events(case, &mut events);
    events
        .sort_by(|a, b| (a.at, &a.cites, a.kind, &a.text).cmp(&(b.at, &b.cites, b.kind, &b.text)));
    events.dedup();
    events
}

/// Lookups worth a line; those that failed alike again and again, in one.
fn lookup_events(case: &Case, wanted_by: &ByHost<'_>, events: &mut Vec<Event>) {
    let mut alike: BTreeMap<String, Vec<Event>> = BTreeMap::new();
    for lookup in &case.lookups {
        if let Some(event) = lookup_event(wanted_by, lookup) {
            alike.entry(event.text.clone()).or_default().push(event);
        }
    }
    for (_, repeated) in alike {
        let times = repeated.len();
        let last_at = repeated.iter().map(|event| event.at).max();
        let cites = merged(repeated.iter().flat_map(|event| event.cites.clone()));
        let Some(mut first) = repeated.into_iter().min_by_key(|event| event.at) else {
            continue;
        };
        if let (true, Some(last_at)) = (times > 1, last_at) {
            let span = words::span(last_at.since(first.at));
            first.text.push_str(&format!(
                ", {} times in {span}",
                words::thousands(times as u64)
            ));
        }
        events.push(Event { cites, ..first });
    }
}

/// A lookup that failed, or one that a retrieval of the same client waited for.
fn lookup_event(wanted_by: &ByHost<'_>, lookup: &Lookup) -> Option<Event> {
    let answer = lookup.answer.as_ref();
    let asked: Vec<Sighting> = lookup
        .questions
        .iter()
        .copied()
        .chain(answer.map(|answer| answer.sighting))
        .collect();
    let first = asked.first()?;
    let wanted = wanted_by
        .get(&lookup.name)
        .into_iter()
        .flatten()
        .any(|retrieval| {
            retrieval
                .client
                .is_none_or(|client| client.ip() == lookup.client.ip())
                && (retrieval.started_at..=retrieval.ended_at).contains(&first.at)
        });
    // Without an address: the ordinary answer to an AAAA question.
    let failed = answer.is_none_or(|answer| answer.response_code != 0);
    if !wanted && !failed {
        return None;
    }
    let (client, server) = (lookup.client.ip(), lookup.server.ip());
    Some(Event {
        at: first.at,
        clock: CAPTURE,
        kind: "lookup",
        text: format!(
            "{client} asks {server} for {}: {}",
            lookup.name,
            lookup_result(lookup)
        ),
        cites: merged(asked.iter().map(Sighting::cite)),
    })
}

type ByHost<'a> = BTreeMap<String, Vec<&'a Retrieval>>;

fn by_host(case: &Case) -> ByHost<'_> {
    let mut index = ByHost::new();
    for retrieval in &case.retrievals {
        if let Some(host) = &retrieval.host {
            index
                .entry(host.to_ascii_lowercase())
                .or_default()
                .push(retrieval);
        }
    }
    index
}

fn lookup_result(lookup: &Lookup) -> String {
    let Some(answer) = &lookup.answer else {
        let questions = words::count(lookup.questions.len() as u64, "question", "questions");
        return format!("no answer to {questions}");
    };
    match answer.response_code {
        0 if answer.addresses.is_empty() => "no address".to_owned(),
        0 => {
            let addresses = answer
                .addresses
                .iter()
                .take(MAX_NAMED)
                .map(ToString::to_string);
            words::series(&addresses.collect::<Vec<_>>())
        }
        2 => "the name server failed (SERVFAIL)".to_owned(),
        3 => "the name does not exist (NXDOMAIN)".to_owned(),
        5 => "the name server refused (REFUSED)".to_owned(),
        code => format!("the name server failed (code {code})"),
    }
}

fn retrieval_events(retrieval: &Retrieval, machine: Option<&str>, events: &mut Vec<Event>) {
    let clock = match (retrieval.vantage, retrieval.recorded_by) {
        (Some(_), _) | (None, RecordedBy::Capture) => CAPTURE,
        (None, RecordedBy::Machine) => HOST,
        (None, RecordedBy::Proxy) => PROXY,
        (None, RecordedBy::Server) => SERVER,
    };
    let what = format!(
        "{} {}",
        phrase::object_phrase(retrieval),
        phrase::target(retrieval)
    );
    let caller = update_call(retrieval).and_then(|call| call.caller.phrase());
    let caller = caller.map_or_else(String::new, |caller| format!(" ({caller})"));
    let by = retrieval
        .client
        .map(|client| client.ip().to_string())
        // A line of an access log has no port, and so no client; its machine is
        // the address in it.
        .or_else(|| {
            machine
                .filter(|_| clock == PROXY || clock == SERVER)
                .map(str::to_owned)
        })
        .map(|client| format!(" by {client}{caller}"))
        .unwrap_or_default();
    let way = phrase::way(retrieval);
    let event = |at, kind, text| Event {
        at,
        clock,
        kind,
        text,
        cites: retrieval.cites.clone(),
    };
    if let Some(first) = retrieval.syns.first() {
        let text = format!("{what}{by} {way}: {}", phrase::result(retrieval));
        events.push(event(first.at, "connect", text));
        return;
    }
    if retrieval.ended_at.since(retrieval.started_at).as_seconds() >= LONG_SECONDS {
        let text = format!("{what}{by} {way}: begins");
        events.push(event(retrieval.started_at, "retrieval", text));
    }
    let text = format!("{what}{by} {way}: {}", phrase::result(retrieval));
    events.push(event(retrieval.ended_at, "retrieval", text));
}

/// A retrieval shorter than this is told in one line, at its end.
const LONG_SECONDS: f64 = 1.0;

fn handshake_events(case: &Case, handshake: &Handshake, events: &mut Vec<Event>) {
    let site = phrase::site_of(handshake);
    let client = handshake.client.ip();
    let version = handshake.version.unwrap_or("TLS");
    let way = match &handshake.tunnel {
        Some(_) => format!(" through proxy {}", handshake.server),
        None if site == handshake.server.to_string() => String::new(),
        None => format!(" at {}", handshake.server),
    };
    let event = |at, kind, text, cites: Vec<Cite>| {
        let cites = if cites.is_empty() {
            handshake.cites.clone()
        } else {
            cites
        };
        Event {
            at,
            clock: CAPTURE,
            kind,
            text,
            cites,
        }
    };
    let end = match handshake.outcome {
        HandshakeOutcome::Completed => ": completed",
        HandshakeOutcome::Unanswered => ": not answered",
        HandshakeOutcome::IncompleteCapture => ": end not captured",
        HandshakeOutcome::ClientClosed | HandshakeOutcome::ServerClosed => "",
    };
    let notes: String = phrase::handshake_notes(handshake)
        .into_iter()
        .map(|note| format!(", {note}"))
        .collect();
    let text = format!("{client} begins {version} handshake with {site}{way}{notes}{end}");
    events.push(event(handshake.at, "handshake", text, Vec::new()));

    match &handshake.certificates {
        ServerCertificates::Sent {
            list,
            packets,
            sighting,
        } => {
            let names = phrase::certificate_names(case, handshake);
            let number = words::count(list.len() as u64, "certificate", "certificates");
            let how = match handshake.certificates_decrypted {
                true => ", decrypted with the key log",
                false => "",
            };
            let text = match names.is_empty() {
                true => format!("{site} sends {number}{how}"),
                false => format!("{site} sends {number}{how}: {}", names.join(" < ")),
            };
            let cites = vec![Cite::packets(sighting.evidence, packets.iter().copied())];
            events.push(event(sighting.at, "handshake", text, cites));
        }
        ServerCertificates::Hidden(_) | ServerCertificates::NotSeen => {}
    }
    // An encrypted alert on a connection that was used is its ordinary end.
    let used = handshake.outcome == HandshakeOutcome::Completed;
    let telling = |alert: &&Alert| alert.content.is_some() || !used;
    if let Some(alert) = handshake.alert.as_ref().filter(telling) {
        let text = format!(
            "{} in the handshake with {site}",
            phrase::alert_phrase(alert)
        );
        events.push(event(
            alert.sighting.at,
            "alert",
            text,
            vec![alert.sighting.cite()],
        ));
    }
    let closer = match handshake.outcome {
        HandshakeOutcome::ClientClosed => "client",
        HandshakeOutcome::ServerClosed => "server",
        _ => return,
    };
    // The alert is the reaction; a close after it says nothing new.
    let alert_at = handshake.alert.as_ref().map(|alert| alert.sighting);
    match handshake.reaction {
        Some(reaction) if Some(reaction) != alert_at => {
            let text = format!("the {closer} closes the handshake with {site} before any data");
            events.push(event(reaction.at, "close", text, vec![reaction.cite()]));
        }
        Some(_) => {}
        None if alert_at.is_none() => {
            let text = format!("the {closer} closes the handshake with {site} before any data");
            events.push(event(handshake.ended_at, "close", text, Vec::new()));
        }
        None => {}
    }
}

fn cache_events(case: &Case, events: &mut Vec<Event>) {
    for (index, entry) in case.cache_entries.iter().enumerate() {
        let Some(record) = &entry.record else {
            continue;
        };
        let Some(at) = record.last_sync_at else {
            continue;
        };
        let machine = case.cache_machines.get(index).copied().flatten();
        let machine = phrase::machine_name(case, machine).or_else(|| entry.machine.clone());
        let on = machine
            .map(|name| format!(" on {name}"))
            .unwrap_or_default();
        let text = format!(
            "{} last synchronized in the cache of {}{on}",
            record.url, entry.owner
        );
        let cites = entry
            .meta_data
            .map(|(evidence, length)| Cite::whole(evidence, length));
        let cites = cites.into_iter().collect();
        events.push(Event {
            at,
            clock: HOST,
            kind: "cache",
            text,
            cites,
        });
    }
}

/// What logs of the machine tell beside the downloads: the root update's steps,
/// chains that were refused, lines of update logs. Lines without a zone are in no
/// lane: their place among instants is not known.
fn host_events(case: &Case, events: &mut Vec<Event>) {
    for (source, machine) in case.hosts.iter().zip(&case.host_machines) {
        let on = phrase::machine_name(case, *machine)
            .map(|name| format!(" on {name}"))
            .unwrap_or_default();
        for event in source.events() {
            let update = application::root_update(event);
            let refused = capi::chain(event).filter(|chain| chain.error_status != 0);
            let text = match (update, refused) {
                (Some(update), _) => format!("{}{on}: {}", event.id, update.phrase()),
                (None, Some(chain)) => {
                    let bits = TrustStatus::from_bits(chain.error_status)
                        .names()
                        .join(", ");
                    let process = event.process.as_deref().unwrap_or("a process");
                    format!(
                        "{process}{on} builds the chain of {}: {bits}",
                        chain.subject
                    )
                }
                (None, None) => {
                    let Some(trouble) = capi_told::trouble(event) else {
                        continue;
                    };
                    let process = event.process.as_deref().unwrap_or("a process");
                    format!("{process}{on} {trouble}")
                }
            };
            events.push(Event {
                at: event.at,
                clock: HOST,
                kind: "event",
                text: words::cut(&words::clean(&text), MAX_EVENT_TEXT, "…"),
                cites: vec![source.record(event.record)],
            });
        }
        for event in source.updates() {
            let Some(at) = event.time.and_then(|time| time.utc()) else {
                continue;
            };
            let zone = match event.zone {
                Zone::OfTheLine => "",
                Zone::Given => " (local time; its zone is given by the analyst)",
                Zone::Beside => " (local time; its zone is that of other logs of the machine)",
            };
            let said = event.what.phrase();
            events.push(Event {
                at,
                clock: HOST,
                kind: "log",
                text: words::cut(
                    &words::clean(&format!("{}{on}: {said}{zone}", source.label)),
                    MAX_EVENT_TEXT,
                    "…",
                ),
                cites: vec![source.line(event.line)],
            });
        }
    }
}

/// An event's own texts may be long.
const MAX_EVENT_TEXT: usize = 300;

/// Dates of objects near the time of which the evidence speaks: an object that
/// becomes valid in it, and one that ends in it or within a day of it.
fn object_events(case: &Case, events: &mut Vec<Event>) {
    let seen: Vec<Timestamp> = events
        .iter()
        .filter(|event| event.clock == CAPTURE)
        .map(|event| event.at)
        .chain(case.as_of)
        .collect();
    let (Some(first), Some(last)) = (seen.iter().min(), seen.iter().max()) else {
        return;
    };
    let near = first.plus(Span::seconds(-MARGIN))..=last.plus(Span::seconds(MARGIN));
    let within = *first..=*last;
    for record in &case.artifacts {
        for (begins, at, text) in dates(&record.artifact) {
            let window = if begins { &within } else { &near };
            if window.contains(&at) {
                let from_wire = |source| {
                    matches!(
                        source,
                        ArtifactSource::Handshake(_) | ArtifactSource::Retrieval(_)
                    )
                };
                let sight = record.seen.iter().find(|sight| from_wire(sight.source));
                let sight = sight.or(record.seen.first());
                let cites = sight.map(|sight| sight.cite.clone()).into_iter().collect();
                events.push(Event {
                    at,
                    clock: CERTIFICATE,
                    kind: "object",
                    text,
                    cites,
                });
            }
        }
    }
}

/// The dates of an object; true for those at which it begins to be valid.
fn dates(artifact: &Artifact) -> Vec<(bool, Timestamp, String)> {
    let list = |what: String, this: Timestamp, next: Option<Timestamp>| {
        let next = next.map(|next| (false, next, format!("{what} is due for its next update")));
        [(true, this, format!("{what} is issued"))]
            .into_iter()
            .chain(next)
            .collect()
    };
    match artifact {
        Artifact::Certificate(certificate) => {
            let name = certificate.subject.short();
            vec![
                (
                    true,
                    certificate.not_before,
                    format!("certificate {name} becomes valid"),
                ),
                (
                    false,
                    certificate.not_after,
                    format!("certificate {name} expires"),
                ),
            ]
        }
        Artifact::Crl(crl) => list(
            format!("CRL of {}", crl.issuer.short()),
            crl.this_update,
            crl.next_update,
        ),
        Artifact::Ctl(ctl) => list(
            format!("{} trust list", ctl.kind.word()),
            ctl.this_update,
            ctl.next_update,
        ),
        Artifact::Ocsp(ocsp) => {
            let answers = ocsp
                .basic
                .iter()
                .flat_map(|basic| &basic.responses)
                .take(MAX_NAMED);
            answers
                .flat_map(|answer| {
                    let serial = crate::bytes::to_hex(&answer.cert_id.serial);
                    let what = format!("OCSP answer for serial {serial}");
                    list(what, answer.this_update, answer.next_update)
                })
                .collect()
        }
    }
}

fn failure_event(case: &Case, failure: &Failure) -> Event {
    let text = phrase::failure_phrase(case, failure);
    let handshake = failure
        .handshake
        .and_then(|index| case.handshakes.get(index));
    let cites = match handshake {
        Some(handshake) => match handshake.reaction {
            Some(reaction) => vec![reaction.cite()],
            None => handshake.cites.clone(),
        },
        None => {
            let retrievals = failure
                .retrievals
                .iter()
                .filter_map(|index| case.retrievals.get(*index));
            merged(retrievals.flat_map(|retrieval| retrieval.cites.clone()))
        }
    };
    Event {
        at: failure.at,
        clock: CAPTURE,
        kind: "failure",
        text,
        cites,
    }
}

const CAPTURE: &str = "capture";
const HOST: &str = "host";
/// The clock of a proxy that logged it.
const PROXY: &str = "proxy";
/// The clock of a server that logged it.
const SERVER: &str = "server";
const CERTIFICATE: &str = "certificate";

/// A day: near enough to the evidence to have been about to matter.
const MARGIN: i64 = 86_400;

/// Names or addresses listed in one line; more would hide the point.
const MAX_NAMED: usize = 4;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::report::sample;

    fn lines(kind: &str) -> Vec<String> {
        let explained = sample::explained();
        let of_kind = explained.timeline.iter().filter(|event| event.kind == kind);
        of_kind.map(|event| event.text.clone()).collect()
    }

    #[test]
    fn events_are_in_order_of_time() {
        let events = sample::explained().timeline;
        assert!(events.is_sorted_by_key(|event| event.at));
        assert!(events.len() > 8);
    }

    #[test]
    fn lookups_are_told_when_they_fail_or_a_retrieval_waited_for_them() {
        assert_eq!(
            lines("lookup"),
            [
                "10.0.0.5 asks 10.0.0.1 for wpad.corp.example: the name does not exist (NXDOMAIN)",
                "10.0.0.5 asks 10.0.0.1 for www.microsoft.com: 65.55.12.249",
            ]
        );
    }

    #[test]
    fn a_connect_without_answer_is_one_line_at_its_first_syn() {
        assert_eq!(
            lines("connect"),
            [
                "issuer certificate www.microsoft.com by 10.0.0.5 directly from 65.55.12.249:80: \
              no answer to 3 SYNs in 9 s"
            ]
        );
        let events = sample::explained().timeline;
        let connect = events.iter().find(|event| event.kind == "connect").unwrap();
        assert_eq!(connect.at, sample::at(10_960));
    }

    #[test]
    fn a_retrieval_says_object_way_and_result() {
        let first = lines("retrieval").into_iter().next().unwrap();
        assert!(
            first.starts_with("trust list http://www.download.windowsupdate.com/"),
            "{first}"
        );
        assert!(
            first.ends_with(" by 10.0.0.5 through proxy 10.0.0.2:3128: 200, 29,367 bytes"),
            "{first}"
        );
    }

    #[test]
    fn cache_times_are_by_the_clock_of_the_host() {
        let events = sample::explained().timeline;
        let event = events.iter().find(|event| event.kind == "cache").unwrap();
        assert_eq!(event.clock, "host");
        assert!(
            event
                .text
                .ends_with("last synchronized in the cache of user torsten on PC-17")
        );
    }

    #[test]
    fn dates_of_objects_count_only_near_the_evidence() {
        assert_eq!(lines("object"), Vec::<String>::new());
        let mut explained = sample::explained();
        explained.case.as_of =
            explained
                .case
                .artifacts
                .iter()
                .find_map(|record| match &record.artifact {
                    Artifact::Certificate(certificate) => Some(certificate.not_after),
                    _ => None,
                });
        let events = timeline(&explained.case, &explained.diagnosis);
        let expiry = events
            .iter()
            .find(|event| event.text.contains("www.bank.example expires"));
        assert_eq!(expiry.unwrap().clock, "certificate");
    }

    #[test]
    fn an_alert_is_told_once_and_not_as_a_close_too() {
        assert_eq!(
            lines("alert"),
            ["the client sends fatal alert 48 (unknown_ca) in the handshake with www.bank.example"]
        );
        assert!(lines("close").is_empty());
    }
}
