//! Records of the machine joined with what was seen on the wire.

use std::collections::BTreeMap;

use super::{ArtifactSighting, ArtifactSource, Case};
use crate::account::Account;
use crate::cryptnet;
use crate::host::event::LogEvent;
use crate::host::{self, HostSource, capi};
use crate::pki::Artifact;
use crate::provenance::Cite;
use crate::retrieval::{KnownUrls, Logged, Outcome, Retrieval, logged};
use crate::time::Span;

/// A record and a packet tell of one attempt when they end this near. The two
/// clocks are one machine's when the capture was made on it; a capture made
/// elsewhere may be off by some minutes, and is then not joined.
const SAME_ATTEMPT: Span = Span::seconds(60);

/// Every attempt that the logs record: index of the log, attempt.
#[must_use]
pub fn attempts(case: &Case, known: &KnownUrls) -> Vec<(usize, Retrieval)> {
    let mut found = Vec::new();
    for (index, source) in case.hosts.iter().enumerate() {
        let profiles = profiles_beside(case, source);
        let events = source.events();
        for (at, event) in events.iter().enumerate() {
            let Some(wire) = capi::wire(event) else {
                continue;
            };
            let start = begin(events.get(..at).unwrap_or_default(), event, &wire.url);
            let mut cites: Vec<Cite> = vec![source.record(event.record)];
            cites.extend(start.map(|start| source.record(start.record)));
            cites.sort();
            let call = Logged {
                wire: &wire,
                started_at: start.map_or(event.at, |start| start.at).min(event.at),
                ended_at: event.at,
                account: account(event, &profiles),
                process: event.process.clone(),
                task: event.task.clone(),
                cites,
            };
            found.push((index, logged(&call, known)));
        }
    }
    found
}

/// The profiles that the hives of the same hand-over name, by SID.
#[must_use]
pub fn profiles_beside(case: &Case, source: &HostSource) -> BTreeMap<String, String> {
    let hives = case
        .hosts
        .iter()
        .filter(|other| other.hand_over == source.hand_over || other.machine == source.machine);
    let profiles = hives.filter_map(HostSource::hive);
    profiles.flat_map(|hive| hive.profiles.clone()).collect()
}

/// The account an event was written as.
#[must_use]
pub fn account(event: &LogEvent, profiles: &BTreeMap<String, String>) -> Option<Account> {
    let sid = event.sid.as_deref()?;
    Some(host::account_of(sid, profiles))
}

/// Event 52, the beginning of the same call.
fn begin<'a>(before: &'a [LogEvent], end: &LogEvent, url: &str) -> Option<&'a LogEvent> {
    // The start carries no URL; the task and the thread's order tell.
    const LOOK_BACK: usize = 64;
    let start = before.iter().rev().take(LOOK_BACK).find(|event| {
        [52, 53].contains(&event.id) && event.task.is_some() && event.task == end.task
    })?;
    let same_url = start
        .data
        .child("URL")
        .is_none_or(|known| known.text == url);
    (start.id == 52 && same_url).then_some(start)
}

/// True when a record and an attempt on the wire are the same one.
#[must_use]
pub fn is_same(record: &Retrieval, seen: &Retrieval) -> bool {
    let near = record.ended_at.since(seen.ended_at).abs() <= SAME_ATTEMPT
        || (record.started_at <= seen.ended_at && seen.started_at <= record.ended_at);
    let same_way = match (
        record.route.kind.is_explicit_proxy(),
        seen.route.kind.is_explicit_proxy(),
    ) {
        (one, other) if one == other => true,
        // A look-up or connect that failed shows no route.
        _ => record.route.kind == crate::retrieval::RouteKind::Unknown,
    };
    let same_end = record.outcome == seen.outcome
        || (record.outcome.is_failure() && seen.outcome.is_failure())
        || seen.outcome == Outcome::IncompleteCapture;
    let same_object = match (&record.url, &seen.url) {
        (Some(one), Some(other)) => cryptnet::same_resource(one, other),
        _ => record.host.is_some() && record.host == seen.host,
    };
    seen.vantage.is_some() && near && same_way && same_end && same_object
}

/// Gives attempts on the wire the account that the log names; what only the log
/// tells becomes an attempt of its own.
pub fn join(case: &mut Case, recorded: Vec<(usize, Retrieval)>) {
    let mut taken = vec![false; case.retrievals.len()];
    let mut alone = Vec::new();
    for (host, record) in recorded {
        let machine = case.host_machines.get(host).copied().flatten();
        let candidates = case.retrievals.iter().enumerate().filter(|(at, seen)| {
            let own = case.retrieval_machines.get(*at).copied().flatten();
            own == machine
                && machine.is_some()
                && !taken.get(*at).copied().unwrap_or(true)
                && is_same(&record, seen)
        });
        let nearest = candidates
            .min_by_key(|(at, seen)| (record.ended_at.since(seen.ended_at).abs(), *at))
            .map(|(at, _)| at);
        match nearest {
            Some(at) => {
                if let Some(flag) = taken.get_mut(at) {
                    *flag = true;
                }
                if let Some(seen) = case.retrievals.get_mut(at) {
                    enrich(seen, record);
                }
            }
            None => alone.push((machine, record)),
        }
    }
    let seen = std::mem::take(&mut case.retrievals);
    let owners = std::mem::take(&mut case.retrieval_machines);
    let mut all: Vec<(Retrieval, Option<usize>)> = seen.into_iter().zip(owners).collect();
    all.extend(alone.into_iter().map(|(machine, record)| (record, machine)));
    all.sort_by(|(one, _), (other, _)| {
        (one.started_at, &one.cites, &one.url).cmp(&(other.started_at, &other.cites, &other.url))
    });
    (case.retrievals, case.retrieval_machines) = all.into_iter().unzip();
}

fn enrich(seen: &mut Retrieval, record: Retrieval) {
    seen.account = record.account.or(seen.account.take());
    seen.process = record.process.or(seen.process.take());
    seen.task = record.task;
    if seen.url.is_none() {
        seen.url = record.url;
        seen.object = record.object;
    }
    if seen.detail.is_none() {
        seen.detail = record.detail;
    }
    seen.cites.extend(record.cites);
}

/// Objects of the case that records name by their SHA-1.
#[must_use]
pub fn objects(
    case: &Case,
    artifacts: &BTreeMap<[u8; 32], Artifact>,
) -> Vec<([u8; 32], ArtifactSighting)> {
    let mut by_sha1: BTreeMap<String, [u8; 32]> = BTreeMap::new();
    for (sha256, artifact) in artifacts {
        let sha1 = match artifact {
            Artifact::Certificate(certificate) => certificate.sha1,
            Artifact::Crl(crl) => crl.sha1,
            Artifact::Ctl(ctl) => ctl.sha1,
            Artifact::Ocsp(_) => continue,
        };
        by_sha1.insert(crate::bytes::to_hex(&sha1), *sha256);
    }
    let mut found = Vec::new();
    for (index, source) in case.hosts.iter().enumerate() {
        let profiles = profiles_beside(case, source);
        let machine = case.host_machines.get(index).copied().flatten();
        let mut known: BTreeMap<[u8; 32], ArtifactSighting> = BTreeMap::new();
        for event in source.events() {
            for sha1 in capi::objects(event) {
                let Some(sha256) = by_sha1.get(&sha1) else {
                    continue;
                };
                // The first record of an object; a log names one a thousand times.
                known.entry(*sha256).or_insert_with(|| ArtifactSighting {
                    source: ArtifactSource::Log(index),
                    at: Some(event.at),
                    machine,
                    account: account(event, &profiles),
                    cite: source.record(event.record),
                });
            }
        }
        found.extend(known);
    }
    found
}
