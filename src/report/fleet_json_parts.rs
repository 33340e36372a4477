//! What the fleet shows, in the fleet report.

use serde::Serialize;

use super::fleet_json_machine::{at, machine_id, text};
use crate::fleet::{
    Alike, Cause, Count, Fault, Fleet, Lack, Moment, Object, Outlier, Problem, Spread, State,
    States, Way,
};

/// Machines by state; every state is there.
#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub(super) struct JsonStates {
    explained: usize,
    undetermined: usize,
    clean: usize,
    no_failure_seen: usize,
    no_validation_seen: usize,
    too_little_evidence: usize,
}

impl JsonStates {
    pub(super) fn of(states: &States) -> Self {
        let number = |state| states.get(&state).copied().unwrap_or(0);
        JsonStates {
            explained: number(State::Explained),
            undetermined: number(State::Undetermined),
            clean: number(State::Clean),
            no_failure_seen: number(State::NoFailureSeen),
            no_validation_seen: number(State::NoValidationSeen),
            too_little_evidence: number(State::TooLittleEvidence),
        }
    }
}

/// A machine at a time.
#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
struct JsonFirst {
    at: Option<String>,
    machine: String,
}

impl JsonFirst {
    fn of((moment, machine): (Moment, usize)) -> Self {
        JsonFirst {
            at: at(moment),
            machine: machine_id(machine),
        }
    }
}

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
struct JsonMachineCount {
    what: String,
    machines: usize,
}

fn counts(counts: &[Count]) -> Vec<JsonMachineCount> {
    let counts = counts.iter().map(|it| JsonMachineCount {
        what: it.what.to_string(),
        machines: it.machines,
    });
    counts.collect()
}

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub(super) struct JsonCause {
    cause: Option<String>,
    machines: usize,
    incidents: usize,
    patient_zero: JsonFirst,
    last_at: Option<String>,
    subjects: Vec<JsonMachineCount>,
    proxies: Vec<JsonMachineCount>,
    accounts: Vec<JsonMachineCount>,
    example: Option<JsonExample>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
struct JsonExample {
    at: Option<String>,
    sentence: String,
    remedy: String,
}

impl JsonCause {
    pub(super) fn of(fleet: &Fleet, it: &Cause) -> Self {
        let example = fleet.examples.get(&it.cause);
        JsonCause {
            cause: text(it.cause.as_ref()),
            machines: it.machines,
            incidents: it.incidents,
            patient_zero: JsonFirst::of(it.first),
            last_at: at(it.last),
            subjects: counts(&it.subjects),
            proxies: counts(&it.proxies),
            accounts: counts(&it.accounts),
            example: example.map(|example| JsonExample {
                at: at(example.at),
                sentence: example.sentence.clone(),
                remedy: example.remedy.clone(),
            }),
        }
    }
}

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub(super) struct JsonFault {
    what: String,
    machines: usize,
    used_by: usize,
    causes: Vec<JsonCauseCount>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
struct JsonCauseCount {
    cause: Option<String>,
    machines: usize,
}

impl JsonFault {
    pub(super) fn of(it: &Fault) -> Self {
        let causes = it.causes.iter().map(|(cause, machines)| JsonCauseCount {
            cause: text(cause.as_ref()),
            machines: *machines,
        });
        JsonFault {
            what: it.what.to_string(),
            machines: it.machines,
            used_by: it.used_by,
            causes: causes.collect(),
        }
    }
}

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub(super) struct JsonObject {
    object: String,
    machines: usize,
    versions: Vec<JsonFleetVersion>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
struct JsonFleetVersion {
    sha256: String,
    kind: Option<String>,
    sequence: Option<String>,
    issued: Option<String>,
    until: Option<String>,
    machines_ever: usize,
    machines_now: usize,
    misdated: usize,
    first: Option<JsonFirst>,
    last_at: Option<String>,
    ways: Vec<JsonWay>,
    earliest: Vec<JsonFirst>,
    steps: Vec<JsonStep>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
struct JsonWay {
    way: String,
    proxy: Option<String>,
    machines: usize,
    first: Option<JsonFirst>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
struct JsonStep {
    at: Option<String>,
    machines: usize,
}

impl JsonObject {
    pub(super) fn of(it: &Object) -> Self {
        JsonObject {
            object: it.object.to_string(),
            machines: it.machines,
            versions: it.versions.iter().map(JsonFleetVersion::of).collect(),
        }
    }
}

impl JsonFleetVersion {
    fn of(it: &Spread) -> Self {
        let way = |way: &Way| JsonWay {
            way: way.way.to_string(),
            proxy: text(way.proxy.as_ref()),
            machines: way.machines,
            first: way.first.map(JsonFirst::of),
        };
        let step = |(moment, machines): &(Moment, usize)| JsonStep {
            at: at(*moment),
            machines: *machines,
        };
        JsonFleetVersion {
            sha256: it.sha256.to_string(),
            kind: text(it.version.kind.as_ref()),
            sequence: text(it.version.sequence.as_ref()),
            issued: it.version.issued.and_then(at),
            until: it.version.until.and_then(at),
            machines_ever: it.machines_ever,
            machines_now: it.machines_now,
            misdated: it.misdated,
            first: it.first.map(JsonFirst::of),
            last_at: it.last.and_then(at),
            ways: it.ways.iter().map(way).collect(),
            earliest: it.earliest.iter().copied().map(JsonFirst::of).collect(),
            steps: it.steps.iter().map(step).collect(),
        }
    }
}

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub(super) struct JsonLack {
    rule: String,
    collect: String,
    machines: usize,
    those: Vec<String>,
}

/// Machines named in a list of the fleet; their own lines tell the same.
const MAX_NAMED: usize = 100;

fn ids(machines: &[usize]) -> Vec<String> {
    let named = machines.iter().take(MAX_NAMED);
    named.map(|machine| machine_id(*machine)).collect()
}

impl JsonLack {
    pub(super) fn of(it: &Lack) -> Self {
        JsonLack {
            rule: it.rule.to_string(),
            collect: it.collect.to_string(),
            machines: it.machines.len(),
            those: ids(&it.machines),
        }
    }
}

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub(super) struct JsonOutlier {
    machine: String,
    kind: &'static str,
    about: String,
}

impl JsonOutlier {
    pub(super) fn of(it: &Outlier) -> Self {
        JsonOutlier {
            machine: machine_id(it.machine),
            kind: it.kind,
            about: it.about.clone(),
        }
    }
}

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub(super) struct JsonAlike {
    name: String,
    machines: usize,
    those: Vec<String>,
}

impl JsonAlike {
    pub(super) fn of(it: &Alike) -> Self {
        JsonAlike {
            name: it.name.clone(),
            machines: it.machines.len(),
            those: ids(&it.machines),
        }
    }
}

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub(super) struct JsonProblem {
    report: String,
    what: String,
}

impl JsonProblem {
    pub(super) fn of(it: &Problem) -> Self {
        JsonProblem {
            report: it.report.clone(),
            what: it.what.clone(),
        }
    }
}
