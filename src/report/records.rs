//! The report as records, one for each event: what the formats for timeline
//! tools share.

use std::collections::BTreeMap;

use super::cite::Names;
use super::json_ids::{Kind, id};
use crate::case::Case;
use crate::diagnosis::{Confidence, Finding, Role};
use crate::phrase;
use crate::pipeline::Explained;
use crate::provenance::{Cite, EvidenceId};
use crate::time::Timestamp;
use crate::timeline::Event;

/// One event with what is known about it, as text; unknown is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Record {
    /// When; `None` cannot be placed in time and is in no timeline format.
    pub at: Option<Timestamp>,
    pub clock: String,
    pub kind: String,
    pub message: String,
    pub machine: String,
    pub account: String,
    pub site: String,
    pub url: String,
    pub object: String,
    pub outcome: String,
    pub status: String,
    pub client: String,
    pub server: String,
    pub route: String,
    pub proxy: String,
    pub rule: String,
    pub role: String,
    pub confidence: String,
    pub remedy: String,
    pub id: String,
    pub evidence: String,
    pub place: String,
    pub filter: String,
}

/// Every event, and every finding at the time of the first failure it
/// explains; in order of time.
pub(super) fn records(explained: &Explained) -> Vec<Record> {
    let names = Names::of(&explained.case);
    let index = Index::of(explained);
    let mut records: Vec<Record> = explained
        .timeline
        .iter()
        .map(|event| of_event(explained, &names, &index, event))
        .collect();
    let told = Told::of(&explained.timeline);
    for (position, finding) in explained.diagnosis.findings.iter().enumerate() {
        records.push(of_finding(explained, &names, &told, position, finding));
    }
    records.sort_by_key(|record| (record.at.is_none(), record.at));
    records
}

fn of_event(explained: &Explained, names: &Names<'_>, index: &Index, event: &Event) -> Record {
    let case = &explained.case;
    let mut record = Record {
        at: Some(event.at),
        clock: event.clock.to_owned(),
        kind: event.kind.to_owned(),
        message: event.text.clone(),
        ..Record::default()
    };
    places(&mut record, names, &event.cites);
    match event.kind {
        "retrieval" | "connect" => {
            if let Some(position) = index.find(&index.retrievals, &event.cites) {
                of_retrieval(&mut record, case, position);
            }
        }
        "handshake" | "alert" | "close" => {
            if let Some(position) = index.find(&index.handshakes, &event.cites) {
                of_handshake(&mut record, case, position);
            }
        }
        "cache" => {
            if let Some(position) = index.find(&index.entries, &event.cites) {
                of_entry(&mut record, case, position);
            }
        }
        "failure" => {
            let failures = index.failures.get(&event.at).into_iter().flatten();
            let own = failures
                .filter_map(|index| Some((*index, explained.diagnosis.failures.get(*index)?)))
                .find(|(_, failure)| phrase::failure_phrase(case, failure) == event.text);
            if let Some((position, failure)) = own {
                record.id = id(Kind::Failure, position);
                record.machine = machine(case, failure.machine);
                record.site = failure.site.clone().unwrap_or_default();
                record.outcome = failure.kind.word().to_owned();
                record.account = text_of(failure.account.as_ref());
            }
        }
        _ => {}
    }
    record
}

fn of_retrieval(record: &mut Record, case: &Case, position: usize) {
    let Some(retrieval) = case.retrievals.get(position) else {
        return;
    };
    record.id = id(Kind::Retrieval, position);
    let owner = case.retrieval_machines.get(position).copied().flatten();
    record.machine = machine(case, owner);
    record.account = text_of(retrieval.account.as_ref());
    record.url = retrieval.url.clone().unwrap_or_default();
    record.site = retrieval.host.clone().unwrap_or_default();
    record.object = retrieval.object.word().to_owned();
    record.outcome = retrieval.outcome.word().to_owned();
    record.status = text_of(retrieval.status);
    record.client = text_of(retrieval.client);
    record.server = text_of(retrieval.server);
    record.route = retrieval.route.kind.word().to_owned();
    record.proxy = text_of(retrieval.route.proxy);
}

fn of_handshake(record: &mut Record, case: &Case, position: usize) {
    let Some(handshake) = case.handshakes.get(position) else {
        return;
    };
    record.id = id(Kind::Handshake, position);
    record.machine = machine(case, handshake.machine);
    record.site = phrase::site_of(handshake);
    record.object = "tls".to_owned();
    record.outcome = handshake.outcome.word().to_owned();
    record.client = handshake.client.to_string();
    record.server = handshake.server.to_string();
    if handshake.tunnel.is_some() {
        record.route = "connect".to_owned();
        record.proxy = handshake.server.to_string();
    }
}

fn of_entry(record: &mut Record, case: &Case, position: usize) {
    let Some(entry) = case.cache_entries.get(position) else {
        return;
    };
    record.id = id(Kind::CacheEntry, position);
    record.machine = machine(case, case.cache_machines.get(position).copied().flatten());
    record.account = entry.owner.to_string();
    record.url = entry.url().unwrap_or_default().to_owned();
    record.object = "cache-entry".to_owned();
}

fn of_finding(
    explained: &Explained,
    names: &Names<'_>,
    told: &Told<'_>,
    position: usize,
    finding: &Finding,
) -> Record {
    let failures = &explained.diagnosis.failures;
    let explains = finding.explains.iter();
    let first = explains
        .filter_map(|index| failures.get(*index))
        .min_by_key(|failure| failure.at);
    let mut record = Record {
        // One that explains no failure is placed where its first citation is told.
        at: first
            .map(|failure| failure.at)
            .or_else(|| told.first_of(&finding.cites)),
        clock: "capture".to_owned(),
        kind: "finding".to_owned(),
        message: finding.summary.clone(),
        machine: machine(&explained.case, first.and_then(|failure| failure.machine)),
        site: first.and_then(|it| it.site.clone()).unwrap_or_default(),
        rule: finding.rule.to_owned(),
        role: finding.role.word().to_owned(),
        confidence: finding.confidence.map_or("", Confidence::word).to_owned(),
        remedy: match finding.role {
            Role::RootCause | Role::Contributing => finding.remedy.clone(),
            Role::Observation | Role::RuledOut | Role::CannotTell => String::new(),
        },
        id: id(Kind::Finding, position),
        ..Record::default()
    };
    places(&mut record, names, &finding.cites);
    record
}

/// The first event that tells of each place.
#[derive(Default)]
struct Told<'a> {
    /// By frame; the position of an event decides which is first.
    frames: BTreeMap<(EvidenceId, u64), (usize, Timestamp)>,
    others: BTreeMap<&'a Cite, (usize, Timestamp)>,
}

impl<'a> Told<'a> {
    fn of(timeline: &'a [Event]) -> Self {
        let mut told = Told::default();
        for (position, event) in timeline.iter().enumerate() {
            for cite in &event.cites {
                if let Cite::Packets { evidence, packets } = cite {
                    for packet in packets {
                        let first = told.frames.entry((*evidence, *packet));
                        first.or_insert((position, event.at));
                    }
                } else {
                    told.others.entry(cite).or_insert((position, event.at));
                }
            }
        }
        told
    }

    /// When the first event is that shares a frame, or another place, with these.
    fn first_of(&self, cites: &[Cite]) -> Option<Timestamp> {
        let mut first: Option<(usize, Timestamp)> = None;
        for cite in cites {
            let found = match cite {
                Cite::Packets { evidence, packets } => packets
                    .iter()
                    .filter_map(|packet| self.frames.get(&(*evidence, *packet)))
                    .min(),
                other => self.others.get(other),
            };
            first = first.into_iter().chain(found.copied()).min();
        }
        first.map(|(_, at)| at)
    }
}

fn machine(case: &Case, index: Option<usize>) -> String {
    phrase::machine_name(case, index).unwrap_or_default()
}

fn text_of(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

fn places(record: &mut Record, names: &Names<'_>, cites: &[Cite]) {
    if let Some(first) = cites.first() {
        record.evidence = names.name(first.evidence());
        let own = cites
            .iter()
            .filter(|cite| cite.evidence() == first.evidence());
        let shown = own.map(|cite| match cite {
            Cite::Packets { packets, .. } => super::cite::listed(packets),
            Cite::Bytes { offset, length, .. } => format!("bytes {offset}+{length}"),
            Cite::Record { record, .. } => format!("record {record}"),
            Cite::Line { line, .. } => format!("line {line}"),
        });
        record.place = shown.collect::<Vec<_>>().join("; ");
        if let Cite::Packets { packets, .. } = first {
            record.filter = super::cite::filter(packets);
        }
    }
}

/// Which retrieval, handshake or entry a place belongs to.
struct Index {
    retrievals: BTreeMap<Place, usize>,
    handshakes: BTreeMap<Place, usize>,
    entries: BTreeMap<Place, usize>,
    failures: BTreeMap<Timestamp, Vec<usize>>,
}

/// A packet, or the offset of bytes, of a piece of evidence.
type Place = (EvidenceId, bool, u64);

impl Index {
    fn of(explained: &Explained) -> Self {
        let case = &explained.case;
        let mut failures: BTreeMap<Timestamp, Vec<usize>> = BTreeMap::new();
        for (position, failure) in explained.diagnosis.failures.iter().enumerate() {
            failures.entry(failure.at).or_default().push(position);
        }
        let of = |lists: Vec<&[Cite]>| {
            let mut map = BTreeMap::new();
            for (position, cites) in lists.into_iter().enumerate() {
                for place in cites.iter().flat_map(places_of) {
                    map.entry(place).or_insert(position);
                }
            }
            map
        };
        let entries: Vec<Vec<Cite>> = case
            .cache_entries
            .iter()
            .map(super::json_cache::cache_cites)
            .collect();
        Index {
            retrievals: of(case.retrievals.iter().map(|it| &*it.cites).collect()),
            handshakes: of(case.handshakes.iter().map(|it| &*it.cites).collect()),
            entries: of(entries.iter().map(Vec::as_slice).collect()),
            failures,
        }
    }

    fn find(&self, map: &BTreeMap<Place, usize>, cites: &[Cite]) -> Option<usize> {
        let mut places = cites.iter().flat_map(places_of);
        places.find_map(|place| map.get(&place).copied())
    }
}

fn places_of(cite: &Cite) -> Vec<Place> {
    let evidence = cite.evidence();
    match cite {
        Cite::Packets { packets, .. } => packets.iter().map(|it| (evidence, true, *it)).collect(),
        Cite::Bytes { offset, .. } => vec![(evidence, false, *offset)],
        Cite::Record { record, .. } => vec![(evidence, false, *record)],
        Cite::Line { line, .. } => vec![(evidence, false, *line)],
    }
}
