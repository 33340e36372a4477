//! The fleet as CSV: one row a machine.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use super::csv::{cell, datetime};
use super::fleet_json_machine::machine_id;
use crate::fleet::{Fleet, Machine, Moment, Word, current};

/// Writes a header and a row for each machine; cells are harmless, and lists in
/// them have semicolons between.
///
/// # Errors
///
/// Those of the output.
pub fn write(fleet: &Fleet, output: &mut dyn Write) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(output);
    writer.write_record(HEADER)?;
    for (index, machine) in fleet.machines().enumerate() {
        let row = row(fleet, index, &machine);
        writer.write_record(row.iter().map(|text| cell(text)))?;
    }
    writer.flush()
}

const HEADER: [&str; 18] = [
    "Machine",
    "Names",
    "Addresses",
    "State",
    "Causes",
    "Incidents",
    "First failure",
    "Last failure",
    "Failed",
    "Proxies at fault",
    "Accounts",
    "Proxies used",
    "Authroot list",
    "Disallowed list",
    "Other objects held",
    "To collect",
    "Caches missing",
    "Handed over",
];

fn row(fleet: &Fleet, index: usize, machine: &Machine) -> [String; 18] {
    let incidents = &machine.incidents;
    let causes = incidents.iter().map(|it| match &it.cause {
        Some(cause) => cause.to_string(),
        None => "not determined".to_owned(),
    });
    let held = held(fleet, machine);
    let list = |name: &str| held.get(name).map(joined).unwrap_or_default();
    let others = held
        .keys()
        .filter(|it| !["list authroot", "list disallowed"].contains(it));
    let time = |at: Option<Moment>| at.and_then(Moment::time).map(datetime).unwrap_or_default();
    [
        machine_id(index),
        words(machine.names.iter()),
        words(machine.addresses.iter()),
        machine.state.word().to_owned(),
        joined(&causes.collect()),
        incidents.len().to_string(),
        time(incidents.iter().map(|it| it.from).min()),
        time(incidents.iter().map(|it| it.to).max()),
        words(incidents.iter().flat_map(|it| &it.subjects)),
        words(incidents.iter().flat_map(|it| &it.proxies)),
        words(incidents.iter().flat_map(|it| &it.accounts)),
        words(machine.proxies.iter()),
        list("list authroot"),
        list("list disallowed"),
        others.count().to_string(),
        words(machine.lacks.iter().map(|(_, collect)| collect)),
        words(machine.missing.iter()),
        words(machine.hand_overs.iter()),
    ]
}

/// The versions held now, by object: the sequence number, else the hash.
fn held<'a>(fleet: &'a Fleet, machine: &Machine) -> BTreeMap<&'a str, BTreeSet<String>> {
    let mut held: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (holding, now) in machine.holdings.iter().zip(current(fleet, machine)) {
        let Some(slot) = fleet.slot(holding.slot).filter(|_| now) else {
            continue;
        };
        let version = fleet.versions.get(&slot.sha256);
        let sequence = version.and_then(|it| it.sequence.as_ref());
        let shown = sequence.unwrap_or(&slot.sha256).to_string();
        held.entry(&slot.object).or_default().insert(shown);
    }
    held
}

fn words<'a>(words: impl Iterator<Item = &'a Word>) -> String {
    joined(&words.map(ToString::to_string).collect())
}

fn joined(texts: &BTreeSet<String>) -> String {
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    texts.join("; ")
}
