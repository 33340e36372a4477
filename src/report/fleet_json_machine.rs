//! One machine in the fleet report: all that an other merge needs of it.

use serde::Serialize;

use super::json_ids::time;
use crate::fleet::{Fleet, Holding, Incident, Key, Machine, Moment, Word, current};

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub(super) struct JsonFleetMachine {
    id: String,
    names: Vec<String>,
    addresses: Vec<String>,
    state: &'static str,
    hand_overs: Vec<String>,
    missing: Vec<String>,
    proxies: Vec<String>,
    clocks: Vec<JsonFleetClock>,
    incidents: Vec<JsonFleetIncident>,
    holdings: Vec<JsonFleetHolding>,
    lacks: Vec<JsonFleetLack>,
    keys: Vec<String>,
    reports: Vec<String>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
struct JsonFleetClock {
    offset_min_ms: i64,
    offset_max_ms: i64,
}

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
struct JsonFleetLack {
    rule: String,
    collect: String,
}

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
struct JsonFleetIncident {
    key: String,
    cause: Option<String>,
    confidence: Option<String>,
    kind: String,
    from: Option<String>,
    to: Option<String>,
    failures: u32,
    subjects: Vec<String>,
    proxies: Vec<String>,
    accounts: Vec<String>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
struct JsonFleetHolding {
    object: String,
    place: String,
    sha256: String,
    account: Option<String>,
    way: String,
    proxy: Option<String>,
    cached: bool,
    first_at: Option<String>,
    last_at: Option<String>,
    now: bool,
}

/// The id of a machine by its place.
pub(super) fn machine_id(index: usize) -> String {
    format!("m{}", index.saturating_add(1))
}

pub(super) fn at(moment: Moment) -> Option<String> {
    moment.time().map(time)
}

pub(super) fn texts(words: &[Word]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

pub(super) fn text(word: Option<&Word>) -> Option<String> {
    word.map(ToString::to_string)
}

fn digits(keys: &[Key]) -> Vec<String> {
    keys.iter().map(|key| key.to_hex()).collect()
}

impl JsonFleetMachine {
    pub(super) fn of(fleet: &Fleet, index: usize, machine: &Machine) -> Self {
        let holdings = machine.holdings.iter().zip(current(fleet, machine));
        JsonFleetMachine {
            id: machine_id(index),
            names: texts(&machine.names),
            addresses: texts(&machine.addresses),
            state: machine.state.word(),
            hand_overs: texts(&machine.hand_overs),
            missing: texts(&machine.missing),
            proxies: texts(&machine.proxies),
            clocks: machine.clocks.iter().map(JsonFleetClock::of).collect(),
            incidents: machine
                .incidents
                .iter()
                .map(JsonFleetIncident::of)
                .collect(),
            holdings: holdings
                .filter_map(|(it, now)| JsonFleetHolding::of(fleet, it, now))
                .collect(),
            lacks: machine
                .lacks
                .iter()
                .map(|(rule, collect)| JsonFleetLack {
                    rule: rule.to_string(),
                    collect: collect.to_string(),
                })
                .collect(),
            keys: digits(&machine.keys),
            reports: digits(&machine.reports),
        }
    }
}

impl JsonFleetClock {
    fn of((least, most): &(i64, i64)) -> Self {
        JsonFleetClock {
            offset_min_ms: *least,
            offset_max_ms: *most,
        }
    }
}

impl JsonFleetIncident {
    fn of(it: &Incident) -> Self {
        JsonFleetIncident {
            key: it.id.to_hex(),
            cause: text(it.cause.as_ref()),
            confidence: text(it.confidence.as_ref()),
            kind: it.kind.to_string(),
            from: at(it.from),
            to: at(it.to),
            failures: it.failures,
            subjects: texts(&it.subjects),
            proxies: texts(&it.proxies),
            accounts: texts(&it.accounts),
        }
    }
}

impl JsonFleetHolding {
    fn of(fleet: &Fleet, it: &Holding, now: bool) -> Option<Self> {
        let slot = fleet.slot(it.slot)?;
        Some(JsonFleetHolding {
            object: slot.object.to_string(),
            place: slot.place.to_string(),
            sha256: slot.sha256.to_string(),
            account: text(fleet.account(it.account)),
            way: slot.way.to_string(),
            proxy: text(slot.proxy.as_ref()),
            cached: slot.cached,
            first_at: it.first.and_then(at),
            last_at: it.last.and_then(at),
            now,
        })
    }
}
