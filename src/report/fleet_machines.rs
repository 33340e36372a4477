//! From one report to the machines that it speaks of.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::fleet_fields::{clocks, handed_over, has_pseudonym, moment, proxy_of, without_query};
use super::fleet_held::{Held, holdings};
use super::fleet_in::{Failure, Finding, Incident as ReportIncident, Report, Retrieval};
use super::fleet_keys::{machine_keys, nobody_key, report_key};
use crate::fleet::{Example, Gathering, Incident, Key, Machine, State, Word};

/// Takes the machines of a report.
pub(super) fn take(report: &Report, gathering: &mut Gathering) {
    let taken = Taken::of(report);
    for machine in &report.machines {
        let mut known = Machine::new(taken.state(&machine.id));
        known.keys = machine_keys(report, machine);
        for name in &machine.names {
            known.names.push(taken.own(name));
        }
        for address in &machine.addresses {
            known.addresses.push(taken.own(address));
        }
        for account in &machine.missing {
            known.missing.push(taken.word(&account.shown(), gathering));
        }
        known.clocks = clocks(report, machine);
        taken.fill(Some(&machine.id), &mut known, gathering);
        gathering.add(known);
    }
    let unplaced = report.incidents.iter().any(|it| it.machines.is_empty());
    if report.machines.is_empty() || unplaced {
        let mut nobody = Machine::new(match unplaced {
            true => taken.failed(report.incidents.iter().filter(|it| it.machines.is_empty())),
            false => quiet_state(&report.verdict.state, false),
        });
        nobody.keys.push(nobody_key(report));
        taken.fill(None, &mut nobody, gathering);
        gathering.add(nobody);
    }
    taken.examples(gathering);
}

/// A report with what is looked up in it again and again.
pub(super) struct Taken<'a> {
    pub(super) report: &'a Report,
    key: Key,
    findings: BTreeMap<&'a str, &'a Finding>,
    failures: BTreeMap<&'a str, &'a Failure>,
    retrievals: BTreeMap<&'a str, &'a Retrieval>,
}

impl<'a> Taken<'a> {
    fn of(report: &'a Report) -> Self {
        Taken {
            report,
            key: report_key(report),
            findings: report
                .findings
                .iter()
                .map(|it| (it.id.as_str(), it))
                .collect(),
            failures: report
                .failures
                .iter()
                .map(|it| (it.id.as_str(), it))
                .collect(),
            retrievals: report
                .retrievals
                .iter()
                .map(|it| (it.id.as_str(), it))
                .collect(),
        }
    }

    /// A text that many machines have.
    pub(super) fn word(&self, text: &str, gathering: &mut Gathering) -> Word {
        gathering.word(&self.marked(text))
    }

    /// A text that one machine has.
    fn own(&self, text: &str) -> Word {
        Word::from(&*self.marked(text))
    }

    /// A pseudonym stands for something in its own report only, and gets a mark
    /// of it.
    fn marked<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self.report.shared {
            Some(_) if has_pseudonym(text) => {
                let mark = self.key.to_hex();
                let mark = mark.get(..MARK_LEN).unwrap_or_default();
                Cow::Owned(format!("{text}~{mark}"))
            }
            _ => Cow::Borrowed(text),
        }
    }

    /// What this machine's state is, or of that what belongs to none.
    fn state(&self, machine: &str) -> State {
        let is_hit = |it: &&ReportIncident| it.machines.iter().any(|id| id == machine);
        let hit = self.report.incidents.iter().filter(is_hit);
        if hit.clone().next().is_some() {
            return self.failed(hit);
        }
        let completed = self
            .report
            .handshakes
            .iter()
            .any(|it| it.machine.as_deref() == Some(machine) && it.outcome == "completed");
        quiet_state(&self.report.verdict.state, completed)
    }

    fn failed<'i>(&self, mut incidents: impl Iterator<Item = &'i ReportIncident>) -> State {
        match incidents.any(|it| it.root_cause.is_some()) {
            true => State::Explained,
            false => State::Undetermined,
        }
    }

    /// Adds what the report says of a machine, or of none.
    fn fill(&self, machine: Option<&str>, known: &mut Machine, gathering: &mut Gathering) {
        known.reports.push(self.key);
        for name in handed_over(self.report) {
            known.hand_overs.push(self.own(&name));
        }
        for (number, incident) in self.report.incidents.iter().enumerate() {
            let own = match machine {
                Some(machine) => incident.machines.iter().any(|id| id == machine),
                None => incident.machines.is_empty(),
            };
            if own {
                known
                    .incidents
                    .extend(self.incident(number, incident, machine, gathering));
            }
        }
        let own = |it: &&Retrieval| machine.is_some() && it.machine.as_deref() == machine;
        for retrieval in self.report.retrievals.iter().filter(own) {
            if let Some(proxy) = proxy_of(retrieval) {
                known.proxies.push(self.word(proxy, gathering));
            }
        }
        known.holdings = holdings(self, &Held::of(self.report, machine), gathering);
        known.lacks = self.lacks(machine, known, gathering);
    }

    fn incident(
        &self,
        number: usize,
        incident: &ReportIncident,
        machine: Option<&str>,
        gathering: &mut Gathering,
    ) -> Option<Incident> {
        let (from, to) = (moment(&incident.from)?, moment(&incident.to)?);
        let cause = incident
            .root_cause
            .as_deref()
            .and_then(|id| self.findings.get(id));
        let failures: Vec<&Failure> = incident
            .failures
            .iter()
            .filter_map(|id| self.failures.get(id.as_str()).copied())
            .collect();
        let own = failures
            .iter()
            .filter(|it| it.machine.as_deref() == machine);
        let own: Vec<&Failure> = own.copied().collect();
        let gravest = failures
            .iter()
            .map(|it| it.kind.as_str())
            .min_by_key(|kind| gravity(kind));
        let rule = cause.map_or("", |it| it.rule.as_str());
        let number = self.ordinal(number, incident).to_string();
        let parts = [
            &self.key.to_hex(),
            rule,
            incident.from.as_str(),
            incident.to.as_str(),
            &number,
        ];
        let mut told = Incident {
            id: Key::of(&parts),
            cause: cause.map(|it| gathering.word(&it.rule)),
            confidence: cause.and_then(|it| Some(gathering.word(it.confidence.as_deref()?))),
            kind: gathering.word(gravest.unwrap_or("object")),
            from,
            to,
            failures: u32::try_from(own.len()).unwrap_or(u32::MAX),
            subjects: Vec::new(),
            proxies: Vec::new(),
            accounts: Vec::new(),
        };
        for failure in own {
            self.failure(failure, &mut told, gathering);
        }
        // What came, and was wrong, belongs to no failure as a download that
        // failed does; the finding cites it.
        if failures.iter().all(|it| it.retrievals.is_empty()) {
            for retrieval in &self.report.retrievals {
                let mut cites = cause.iter().flat_map(|it| &it.cites);
                let cited = cites.any(|cite| retrieval.cites.iter().any(|it| it.meets(cite)));
                if cited && retrieval.machine.as_deref() == machine {
                    let proxy = proxy_of(retrieval);
                    told.proxies
                        .extend(proxy.map(|proxy| self.word(proxy, gathering)));
                }
            }
        }
        Some(told)
    }

    /// Which of the incidents with this cause and these times it is.
    fn ordinal(&self, number: usize, incident: &ReportIncident) -> usize {
        let before = self.report.incidents.iter().take(number);
        let rule = |it: &ReportIncident| {
            let id = it.root_cause.as_deref()?;
            self.findings.get(id).map(|it| it.rule.as_str())
        };
        before
            .filter(|it| it.from == incident.from && it.to == incident.to)
            .filter(|it| rule(it) == rule(incident))
            .count()
    }

    fn failure(&self, failure: &Failure, told: &mut Incident, gathering: &mut Gathering) {
        let retrievals = failure.retrievals.iter();
        let retrievals: Vec<&Retrieval> = retrievals
            .filter_map(|id| self.retrievals.get(id.as_str()).copied())
            .collect();
        match &failure.site {
            Some(site) => told.subjects.push(self.word(site, gathering)),
            None => {
                for retrieval in &retrievals {
                    let url = retrieval.url.as_deref().map(without_query);
                    if let Some(what) = url.or(retrieval.host.as_deref()) {
                        told.subjects.push(self.word(what, gathering));
                    }
                }
                let entry = failure.cache_entry.as_deref();
                let entries = self.report.cache_entries.iter();
                for entry in entries.filter(|it| entry == Some(&it.id)) {
                    let what = entry.url.as_deref().map_or(&*entry.name, without_query);
                    told.subjects.push(self.word(what, gathering));
                }
            }
        }
        for retrieval in &retrievals {
            if let Some(proxy) = proxy_of(retrieval) {
                told.proxies.push(self.word(proxy, gathering));
            }
        }
        let accounts = retrievals.iter().filter_map(|it| it.account.as_ref());
        for account in failure.account.iter().chain(accounts) {
            if account.kind != "unknown" {
                told.accounts.push(self.word(&account.shown(), gathering));
            }
        }
    }

    /// What cannot be told of a machine, and what would tell.
    fn lacks(
        &self,
        machine: Option<&str>,
        known: &Machine,
        gathering: &mut Gathering,
    ) -> Vec<(Word, Word)> {
        let mut lacks = Vec::new();
        for finding in self
            .report
            .findings
            .iter()
            .filter(|it| it.role == "cannot-tell")
        {
            let explained = finding.explains.iter();
            let mut machines = explained.filter_map(|id| self.failures.get(id.as_str()));
            let own = finding.explains.is_empty()
                || machines.any(|failure| failure.machine.as_deref() == machine);
            if own {
                let text = match finding.remedy.is_empty() {
                    true => &finding.summary,
                    false => &finding.remedy,
                };
                lacks.push((gathering.word(&finding.rule), self.word(text, gathering)));
            }
        }
        let silent = matches!(
            known.state,
            State::NoValidationSeen | State::TooLittleEvidence
        );
        if lacks.is_empty() && silent {
            let what = "Capture at the machine while the failure happens, and hand over the caches \
                of all accounts and the CAPI2/Operational log.";
            let rule = gathering.word(known.state.word());
            lacks.push((rule, gathering.word(what)));
        }
        lacks
    }

    /// The first incident of each cause, in words.
    fn examples(&self, gathering: &mut Gathering) {
        for incident in &self.report.incidents {
            let cause = incident
                .root_cause
                .as_deref()
                .and_then(|id| self.findings.get(id));
            let (Some(at), Some(_)) = (moment(&incident.from), moment(&incident.to)) else {
                continue;
            };
            let example = Example {
                at,
                sentence: incident.sentence.clone(),
                remedy: cause.map(|it| it.remedy.clone()).unwrap_or_default(),
            };
            let rule = cause.map(|it| gathering.word(&it.rule));
            gathering.example(rule, example);
        }
    }
}

/// Digits of a report's mark behind a pseudonym.
const MARK_LEN: usize = 8;

/// The state of a machine without incident.
fn quiet_state(verdict: &str, completed: bool) -> State {
    match (verdict, completed) {
        ("clean", _) => State::Clean,
        ("no-validation-seen", _) => State::NoValidationSeen,
        ("explained", true) => State::NoFailureSeen,
        ("explained", false) => State::NoValidationSeen,
        _ => State::TooLittleEvidence,
    }
}

fn gravity(kind: &str) -> usize {
    let order = ["rejected", "delayed", "object"];
    order
        .iter()
        .position(|it| *it == kind)
        .unwrap_or(order.len())
}
