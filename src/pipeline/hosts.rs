//! Files in which a machine speaks of itself.

use std::collections::BTreeMap;

use crate::bytes::ParseError;
use crate::case::assemble::{Gathered, HostObject};
use crate::case::bodies;
use crate::cryptnet;
use crate::evidence::{Discovery, EvidenceKind, Inputs, Located};
use crate::host::{self, HostFacts, HostSource};
use crate::issue::Issue;
use crate::pki;
use crate::provenance::EvidenceId;
use crate::time::Timestamp;

use super::{hives, texts};

/// The CAPI2 log is enlarged to 64 MB by our own advice; Windows allows 4 GB.
const MAX_EVENT_LOG_LEN: usize = 1 << 30;

/// Reads the hives and logs of the discovery. `named` are the machines that
/// collections name: (hand-over, name).
/// `zones` are the offsets of local times that the analyst gives.
pub fn hosts(
    discovery: &mut Discovery,
    gathered: &mut Gathered,
    named: &[(String, String)],
    zones: &BTreeMap<String, i64>,
) {
    let Discovery { files, inputs } = discovery;
    for file in files.iter() {
        let facts = match file.kind {
            EvidenceKind::Hive => hives::hive(file, files, inputs, gathered),
            EvidenceKind::Evtx => event_log(file, inputs, gathered),
            EvidenceKind::CmLog => update_log(file, inputs, gathered),
            EvidenceKind::AccessLog => texts::access_log(file, inputs, gathered),
            EvidenceKind::CertutilText | EvidenceKind::NetshText => {
                texts::pasted(file, inputs, gathered)
            }
            _ => None,
        };
        let Some((evidence, mut facts)) = facts else {
            continue;
        };
        let own = named.iter().find(|(of, _)| *of == file.hand_over);
        let machine = cryptnet::machine_from_path(&file.logical)
            .or_else(|| own.map(|(_, name)| name.clone()));
        let offset = zone_of(file, machine.as_deref(), zones);
        if let (HostFacts::Updates(events), Some(offset)) = (&mut facts, offset) {
            host::update_log::apply_zone(events, offset);
        }
        let source = HostSource {
            evidence,
            hand_over: file.hand_over.clone(),
            machine,
            label: label(file),
            facts,
        };
        let number = gathered.hosts.len();
        objects(&source, number, gathered);
        texts::cache_entries(&source, gathered);
        gathered.hosts.push(source);
    }
    zones_beside(&mut gathered.hosts);
    for source in &gathered.hosts {
        note_times(inputs, source);
    }
}

/// Gives local times of a machine's update logs the zone that its other logs name.
fn zones_beside(sources: &mut [HostSource]) {
    for index in 0..sources.len() {
        let Some(own) = sources.get(index) else {
            continue;
        };
        let same =
            |other: &&HostSource| other.hand_over == own.hand_over && other.machine == own.machine;
        let beside = sources.iter().filter(same).flat_map(HostSource::updates);
        let bias = host::update_log::common_bias(beside);
        let facts = sources.get_mut(index).map(|source| &mut source.facts);
        if let (Some(bias), Some(HostFacts::Updates(events))) = (bias, facts) {
            host::update_log::apply_bias(events, bias);
        }
    }
}

/// The offset given for a file: by its name, else for its machine, else for all.
fn zone_of(file: &Located, machine: Option<&str>, zones: &BTreeMap<String, i64>) -> Option<i64> {
    let path = file.member.as_deref().unwrap_or(&file.path);
    let name = path.rsplit(['/', '\\']).next().unwrap_or_default();
    let by = |wanted: &str| {
        let mut found = zones
            .iter()
            .filter(|(of, _)| of.eq_ignore_ascii_case(wanted));
        found.next().map(|(_, offset)| *offset)
    };
    by(name)
        .or_else(|| machine.and_then(by))
        .or_else(|| by("default"))
}

/// The last two parts of a path.
fn label(file: &Located) -> String {
    let path = file.member.as_deref().unwrap_or(&file.path);
    let parts: Vec<&str> = path.split(['/', '\\']).collect();
    let from = parts.len().saturating_sub(2);
    parts.get(from..).unwrap_or_default().join("/")
}

fn event_log(
    file: &Located,
    inputs: &mut Inputs,
    gathered: &mut Gathered,
) -> Option<(EvidenceId, HostFacts)> {
    let read = inputs.read_small(file, MAX_EVENT_LOG_LEN)?;
    match host::evtx::read(read.bytes.to_vec()) {
        Ok(log) => {
            for (record, what) in log.problems {
                let place = record.map_or_else(
                    || "a record or chunk".to_owned(),
                    |record| format!("record {record}"),
                );
                let effect = "it is left out; the rest of the log is used";
                let issue = Issue::new(read.evidence, place, what, effect);
                gathered.issues.push(issue);
            }
            Some((read.evidence, HostFacts::Events(log.events)))
        }
        Err(error) => {
            unreadable(gathered, read.evidence, &error);
            None
        }
    }
}

/// A log of updates rotates at 250 KB, the converted one of Windows 10 may have
/// some 100 MB.
const MAX_LOG_LEN: usize = 256 << 20;

fn update_log(
    file: &Located,
    inputs: &mut Inputs,
    gathered: &mut Gathered,
) -> Option<(EvidenceId, HostFacts)> {
    let read = inputs.read_small(file, MAX_LOG_LEN)?;
    let (lines, left_out) = host::log_line::lines(&host::text::decode(&read.bytes));
    let mut issue = |place: String, what: String, effect: &str| {
        let issue = Issue::new(read.evidence, place, what, effect);
        gathered.issues.push(issue);
    };
    if left_out > 0 {
        let what = format!("{left_out} more lines than are read");
        issue("further on".to_owned(), what, "they are left out");
    }
    let timed = lines.iter().filter(|line| line.time.is_some()).count();
    let other = lines.iter().find(|line| line.time.is_none());
    if let (Some(other), true) = (other, timed > 0) {
        let what = format!(
            "{} lines have another form than the log",
            lines.len() - timed
        );
        let effect = "they are read without a time; the rest of the log is used";
        issue(format!("line {}", other.line), what, effect);
    }
    let events = host::update_log::events(&lines);
    Some((read.evidence, HostFacts::Updates(events)))
}

pub(super) fn unreadable(gathered: &mut Gathered, evidence: EvidenceId, error: &ParseError) {
    gathered.issues.push(Issue::new(
        evidence,
        format!("byte {}", error.at),
        error.to_string(),
        "nothing of this file is used",
    ));
}

/// First and last fact, for the ledger.
fn note_times(inputs: &mut Inputs, source: &HostSource) {
    let lines = source.updates().iter();
    let lines = lines.filter_map(|event| event.time.and_then(|time| time.utc()));
    let access = source.access().into_iter().flat_map(|log| &log.lines);
    let access = access.filter_map(|line| line.time.and_then(|time| time.utc()));
    let times: Vec<Timestamp> = source
        .events()
        .iter()
        .map(|event| event.at)
        .chain(lines)
        .chain(access)
        .collect();
    if let Some(record) = inputs.record_mut(source.evidence) {
        record.first_at = times.iter().min().copied();
        record.last_at = times.iter().max().copied();
    }
}

/// The objects of a hive: those of its stores, and the lists it keeps.
fn objects(source: &HostSource, number: usize, gathered: &mut Gathered) {
    let Some(hive) = source.hive() else { return };
    let mut found: Vec<HostObject> = Vec::new();
    let mut keep = |bytes: &[u8], stored: Option<usize>, place: (u64, u64), at| {
        let read = pki::read_object(bytes);
        for problem in &read.problems {
            gathered.issues.push(Issue::new(
                source.evidence,
                format!("byte {}", place.0 + problem.at),
                problem.to_string(),
                "this object is not used in chains",
            ));
        }
        for sha256 in bodies::keep(&mut gathered.artifacts, read.artifacts) {
            found.push(HostObject {
                source: number,
                stored,
                sha256,
                at,
                cite: source.bytes(place),
            });
        }
    };
    for (index, stored) in hive.stored.iter().enumerate() {
        if !stored.element.object.is_empty() {
            let object = &stored.element.object;
            keep(object, Some(index), stored.place, stored.written_at);
        }
    }
    for (name, list) in &hive.auto_update.lists {
        let prefix = name.trim_end_matches("EncodedCtl");
        let synced = hive.auto_update.synced.iter();
        let synced = synced
            .filter(|(name, _)| name.trim_end_matches("LastSyncTime") == prefix)
            .map(|(_, at)| at.value);
        keep(&list.value, None, list.place, synced.min());
    }
    gathered.host_objects.extend(found);
}
