//! By what a machine of one report is known again in another.
//!
//! A name alone is no identity, nor is a private address: two shops have the
//! same. What only one machine has is: the same bytes of its own evidence; a
//! name together with an address; a name together with a cache entry that was
//! synchronized at the same tenth of a microsecond.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::fleet_in::{Evidence, Machine, Report};
use crate::fleet::Key;

/// Cache entries that serve as identity, of one machine in one report: those
/// with the least keys, so that two hand-overs choose the same.
const MAX_ENTRY_KEYS: usize = 12;

/// What a report is, wherever it lies: its evidence and what was asked.
pub(super) fn report_key(report: &Report) -> Key {
    let mut parts = vec!["report".to_owned()];
    let mut evidence: Vec<String> = report.evidence.iter().map(bytes_of).collect();
    evidence.sort();
    parts.extend(evidence);
    let settings = &report.settings;
    for asked in [&settings.machine, &settings.from, &settings.to] {
        parts.push(asked.clone().unwrap_or_default());
    }
    key(&parts)
}

/// The identities of a machine; at least one.
pub(super) fn machine_keys(report: &Report, machine: &Machine) -> Vec<Key> {
    let evidence: BTreeMap<&str, &Evidence> = report
        .evidence
        .iter()
        .map(|it| (it.id.as_str(), it))
        .collect();
    let mut cited: BTreeSet<&str> = machine
        .cites
        .iter()
        .map(|it| it.evidence.as_str())
        .collect();
    for entry in &report.cache_entries {
        if entry.machine.as_deref() == Some(&machine.id) {
            cited.extend(entry.cites.iter().map(|it| it.evidence.as_str()));
        }
    }
    let cited: Vec<&Evidence> = cited
        .iter()
        .filter_map(|id| evidence.get(id).copied())
        .collect();
    // Pseudonyms are those of one report.
    let names = match report.shared {
        Some(_) => Vec::new(),
        None => full_names(&machine.names),
    };
    let mut keys = Vec::new();
    for name in &names {
        for address in machine.addresses.iter().filter(|it| is_given(it)) {
            keys.push(Key::of(&["address", name, address]));
        }
    }
    keys.extend(entry_keys(report, machine, &names));
    for it in &cited {
        keys.extend(evidence_keys(report, machine, it, &names));
    }
    if keys.is_empty() {
        let mut parts = vec!["all".to_owned()];
        let mut all: Vec<String> = cited.iter().map(|it| place_of(it)).collect();
        all.sort();
        parts.extend(all);
        parts.extend(machine.names.iter().cloned());
        parts.extend(machine.addresses.iter().cloned());
        keys.push(key(&parts));
    }
    keys.sort();
    keys.dedup();
    keys
}

/// The identity of a report that speaks of no machine.
pub(super) fn nobody_key(report: &Report) -> Key {
    let mut parts = vec!["nobody".to_owned()];
    let mut all: Vec<String> = report.evidence.iter().map(place_of).collect();
    all.sort();
    parts.extend(all);
    key(&parts)
}

/// Whether somebody gave the machine this address: a loopback address is
/// everybody's, a link-local one is made up.
fn is_given(address: &str) -> bool {
    match address.parse() {
        Ok(IpAddr::V4(v4)) => !v4.is_loopback() && !v4.is_link_local() && !v4.is_unspecified(),
        Ok(IpAddr::V6(v6)) => {
            !v6.is_loopback() && !v6.is_unicast_link_local() && !v6.is_unspecified()
        }
        Err(_) => false,
    }
}

/// Lower-case names; a short one only where no full one begins with it, for two
/// of one short name in two domains are two.
fn full_names(names: &[String]) -> Vec<String> {
    let lower: Vec<String> = names.iter().map(|it| it.to_lowercase()).collect();
    let is_begin = |short: &str| {
        let begins = |full: &String| {
            full.strip_prefix(short)
                .is_some_and(|it| it.starts_with('.'))
        };
        lower.iter().any(begins)
    };
    let full = lower.iter().filter(|name| !is_begin(name));
    full.cloned().collect()
}

/// Entries by name of machine and time of synchronization. A time of whole
/// seconds may be a coincidence, or somebody's, and identifies nobody.
fn entry_keys(report: &Report, machine: &Machine, names: &[String]) -> Vec<Key> {
    let own = report
        .cache_entries
        .iter()
        .filter(|it| it.machine.as_deref() == Some(&machine.id));
    let stamped: Vec<(String, &str)> = own
        .filter_map(|it| {
            let at = it.last_sync_at.as_deref()?;
            at.contains('.')
                .then(|| (format!("{} {}", it.owner.shown(), it.name), at))
        })
        .collect();
    let mut keys: Vec<Key> = Vec::new();
    for name in names {
        let entries = stamped.iter();
        keys.extend(entries.map(|(entry, at)| Key::of(&["entry", name, entry, at])));
    }
    if machine.names.is_empty() && !stamped.is_empty() && report.shared.is_none() {
        let mut parts = vec!["entries".to_owned()];
        let mut all: Vec<String> = stamped
            .iter()
            .map(|(entry, at)| format!("{entry} {at}"))
            .collect();
        all.sort();
        parts.extend(all);
        keys.push(key(&parts));
    }
    keys.sort();
    keys.truncate(MAX_ENTRY_KEYS);
    keys
}

/// The same bytes of evidence, and which machine in it.
fn evidence_keys(
    report: &Report,
    machine: &Machine,
    evidence: &Evidence,
    names: &[String],
) -> Vec<Key> {
    match evidence.kind.as_str() {
        "pcap" | "pcapng" => {
            let Some(sha256) = &evidence.sha256 else {
                return Vec::new();
            };
            let whose: Vec<&str> = match report.shared {
                // What an address stands for is not known.
                Some(_) => only(report, machine, evidence).into_iter().collect(),
                None => machine.addresses.iter().map(String::as_str).collect(),
            };
            let mut keys: Vec<Key> = whose
                .iter()
                .map(|address| Key::of(&["capture", sha256, address]))
                .collect();
            keys.extend(
                only(report, machine, evidence).map(|it| Key::of(&["capture", sha256, it])),
            );
            keys
        }
        // A member is known by its zip: the same list lies in every cache.
        _ if evidence.member.is_some() => {
            let zip = report
                .evidence
                .iter()
                .find(|it| it.path == evidence.path && it.member.is_none() && it.kind == "zip");
            let Some((zip, sha256)) = zip.and_then(|it| Some((it, it.sha256.as_deref()?))) else {
                return Vec::new();
            };
            owned("zip", sha256, names, only(report, machine, zip))
        }
        "evtx" | "hive" | "cm-log" => match &evidence.sha256 {
            Some(sha256) => owned("log", sha256, names, only(report, machine, evidence)),
            None => Vec::new(),
        },
        _ => Vec::new(),
    }
}

fn owned(kind: &str, sha256: &str, names: &[String], only: Option<&str>) -> Vec<Key> {
    let names = names.iter().map(String::as_str).chain(only);
    names.map(|name| Key::of(&[kind, sha256, name])).collect()
}

/// A mark for the only machine that a file speaks of. A report that was asked
/// for one machine does not say whether there are others.
fn only<'a>(report: &Report, machine: &Machine, evidence: &Evidence) -> Option<&'a str> {
    let settings = &report.settings;
    if settings.machine.is_some() || settings.from.is_some() || settings.to.is_some() {
        return None;
    }
    let paths: BTreeMap<&str, &str> = report
        .evidence
        .iter()
        .map(|it| (it.id.as_str(), it.path.as_str()))
        .collect();
    let speaks = |other: &Machine| {
        let path = evidence.path.as_str();
        other
            .cites
            .iter()
            .any(|it| paths.get(it.evidence.as_str()) == Some(&path))
    };
    let others = report.machines.iter().filter(|it| it.id != machine.id);
    (!others.into_iter().any(speaks)).then_some("the only one")
}

fn bytes_of(evidence: &Evidence) -> String {
    match &evidence.sha256 {
        Some(sha256) => sha256.clone(),
        None => place_of(evidence),
    }
}

fn place_of(evidence: &Evidence) -> String {
    let member = evidence.member.as_deref().unwrap_or_default();
    let sha256 = evidence.sha256.as_deref().unwrap_or_default();
    format!("{}|{member}|{sha256}", evidence.path)
}

fn key(parts: &[String]) -> Key {
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    Key::of(&parts)
}
