//! What a merge reads of an earlier merge. The rest of it is computed anew.

use serde::Deserialize;

use super::fleet_fields::moment;
use crate::fleet::{
    Example, Gathering, Holding, Incident, Key, Machine, Moment, Slot, State, Version, Word,
};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ProblemIn {
    pub(super) report: String,
    pub(super) what: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct CauseIn {
    cause: Option<String>,
    example: Option<ExampleIn>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ExampleIn {
    at: String,
    sentence: String,
    remedy: String,
}

impl CauseIn {
    pub(super) fn give(self, gathering: &mut Gathering) {
        let Some(example) = self.example else {
            return;
        };
        if let Some(at) = moment(&example.at) {
            let cause = self.cause.map(|cause| gathering.word(&cause));
            let example = Example {
                at,
                sentence: example.sentence,
                remedy: example.remedy,
            };
            gathering.example(cause, example);
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ObjectIn {
    versions: Vec<VersionIn>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct VersionIn {
    sha256: String,
    kind: Option<String>,
    sequence: Option<String>,
    issued: Option<String>,
    until: Option<String>,
}

impl ObjectIn {
    pub(super) fn give(self, gathering: &mut Gathering) {
        for it in self.versions {
            let version = Version {
                kind: it.kind.map(|kind| gathering.word(&kind)),
                sequence: it.sequence.map(|sequence| gathering.word(&sequence)),
                issued: it.issued.as_deref().and_then(moment),
                until: it.until.as_deref().and_then(moment),
            };
            let sha256 = gathering.word(&it.sha256);
            gathering.version(sha256, version);
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct MachineIn {
    names: Vec<String>,
    addresses: Vec<String>,
    state: String,
    hand_overs: Vec<String>,
    missing: Vec<String>,
    proxies: Vec<String>,
    clocks: Vec<ClockIn>,
    incidents: Vec<IncidentIn>,
    holdings: Vec<HoldingIn>,
    lacks: Vec<LackIn>,
    keys: Vec<String>,
    reports: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ClockIn {
    offset_min_ms: i64,
    offset_max_ms: i64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct LackIn {
    rule: String,
    collect: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct IncidentIn {
    key: String,
    cause: Option<String>,
    confidence: Option<String>,
    kind: String,
    from: String,
    to: String,
    failures: u32,
    subjects: Vec<String>,
    proxies: Vec<String>,
    accounts: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct HoldingIn {
    object: String,
    place: String,
    sha256: String,
    account: Option<String>,
    way: String,
    proxy: Option<String>,
    cached: bool,
    first_at: Option<String>,
    last_at: Option<String>,
}

fn own(texts: Vec<String>) -> Vec<Word> {
    texts.into_iter().map(Word::from).collect()
}

fn words(texts: Vec<String>, gathering: &mut Gathering) -> Vec<Word> {
    texts.iter().map(|text| gathering.word(text)).collect()
}

impl MachineIn {
    pub(super) fn into_machine(self, gathering: &mut Gathering) -> Machine {
        let state = State::from_word(&self.state).unwrap_or(State::TooLittleEvidence);
        let mut machine = Machine::new(state);
        machine.keys = self
            .keys
            .iter()
            .filter_map(|it| Key::from_hex(it))
            .collect();
        machine.reports = self
            .reports
            .iter()
            .filter_map(|it| Key::from_hex(it))
            .collect();
        if machine.keys.is_empty() {
            // Somebody's hand took them away: it counts, and is nobody else.
            let (names, addresses) = (self.names.join("\n"), self.addresses.join("\n"));
            let hand_overs = self.hand_overs.join("\n");
            machine
                .keys
                .push(Key::of(&["keyless", &names, &addresses, &hand_overs]));
        }
        machine.names = own(self.names);
        machine.addresses = own(self.addresses);
        machine.hand_overs = own(self.hand_overs);
        machine.missing = words(self.missing, gathering);
        machine.proxies = words(self.proxies, gathering);
        let clocks = self.clocks.iter();
        machine.clocks = clocks
            .map(|it| (it.offset_min_ms, it.offset_max_ms))
            .collect();
        for it in self.lacks {
            let lack = (gathering.word(&it.rule), gathering.word(&it.collect));
            machine.lacks.push(lack);
        }
        for it in self.incidents {
            machine.incidents.extend(it.into_incident(gathering));
        }
        let holdings = self.holdings.into_iter();
        machine.holdings = holdings.map(|it| it.into_holding(gathering)).collect();
        machine
    }
}

impl IncidentIn {
    fn into_incident(self, gathering: &mut Gathering) -> Option<Incident> {
        Some(Incident {
            id: Key::from_hex(&self.key)?,
            cause: self.cause.map(|it| gathering.word(&it)),
            confidence: self.confidence.map(|it| gathering.word(&it)),
            kind: gathering.word(&self.kind),
            from: moment(&self.from)?,
            to: moment(&self.to)?,
            failures: self.failures,
            subjects: words(self.subjects, gathering),
            proxies: words(self.proxies, gathering),
            accounts: words(self.accounts, gathering),
        })
    }
}

impl HoldingIn {
    fn into_holding(self, gathering: &mut Gathering) -> Holding {
        let at = |text: &Option<String>| -> Option<Moment> { text.as_deref().and_then(moment) };
        let (first, last) = (at(&self.first_at), at(&self.last_at));
        let slot = Slot {
            object: gathering.word(&self.object),
            place: gathering.word(&self.place),
            sha256: gathering.word(&self.sha256),
            way: gathering.word(&self.way),
            proxy: self.proxy.map(|it| gathering.word(&it)),
            cached: self.cached,
        };
        let account = self.account.map(|it| gathering.account(&it));
        Holding {
            slot: gathering.slot(&slot),
            account,
            first,
            last,
        }
    }
}
