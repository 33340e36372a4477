//! What failed for which cause, where first, and who is at fault.

use std::collections::{BTreeMap, BTreeSet};

use super::forest::Forest;
use super::gather::Fleet;
use super::machine::{Incident, Moment, Word};

/// A root cause, and whom it hit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// The rule; `None` for failures without a determined cause.
    pub cause: Option<Word>,
    /// Machines.
    pub machines: usize,
    /// Incidents; what two reports tell of one machine at one time is one.
    pub incidents: usize,
    /// The first failure, and the machine it hit: patient zero.
    pub first: (Moment, usize),
    /// The last failure.
    pub last: Moment,
    /// Sites, and URLs of objects, by machines.
    pub subjects: Vec<Count>,
    /// Proxies that failed downloads took, by machines.
    pub proxies: Vec<Count>,
    /// Accounts it happened to, by machines.
    pub accounts: Vec<Count>,
}

/// How many machines something concerns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// What.
    pub what: Word,
    /// How many machines.
    pub machines: usize,
}

/// A proxy or an account that failures have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The proxy or account.
    pub what: Word,
    /// Machines that failed with it.
    pub machines: usize,
    /// Machines that used it; of an account the same as those that failed.
    pub used_by: usize,
    /// The causes, by machines; `None` for those without.
    pub causes: Vec<(Option<Word>, usize)>,
}

/// The causes; most machines first.
pub(super) fn causes(fleet: &Fleet) -> Vec<Cause> {
    let mut all: BTreeMap<Option<Word>, Vec<(usize, Incident)>> = BTreeMap::new();
    for (index, machine) in fleet.machines().enumerate() {
        for incident in machine.incidents {
            let those = all.entry(incident.cause.clone()).or_default();
            those.push((index, incident));
        }
    }
    let mut causes: Vec<Cause> = all
        .into_iter()
        .filter_map(|(cause, incidents)| one(cause, &incidents))
        .collect();
    causes.sort_by(|one, other| {
        let order = |it: &Cause| (it.cause.is_none(), std::cmp::Reverse(it.machines));
        (order(one), &one.cause).cmp(&(order(other), &other.cause))
    });
    causes
}

fn one(cause: Option<Word>, incidents: &[(usize, Incident)]) -> Option<Cause> {
    let machines: BTreeSet<usize> = incidents.iter().map(|it| it.0).collect();
    Some(Cause {
        cause,
        machines: machines.len(),
        incidents: distinct(incidents),
        first: incidents.iter().map(|it| (it.1.from, it.0)).min()?,
        last: incidents.iter().map(|it| it.1.to).max()?,
        subjects: counted(incidents, |it| &it.subjects),
        proxies: counted(incidents, |it| &it.proxies),
        accounts: counted(incidents, |it| &it.accounts),
    })
}

/// By machines, most first.
fn counted(incidents: &[(usize, Incident)], of: impl Fn(&Incident) -> &Vec<Word>) -> Vec<Count> {
    let mut all: BTreeMap<&Word, BTreeSet<usize>> = BTreeMap::new();
    for (machine, incident) in incidents {
        for word in of(incident) {
            all.entry(word).or_default().insert(*machine);
        }
    }
    let mut counts: Vec<Count> = all
        .into_iter()
        .map(|(word, machines)| Count {
            what: Word::clone(word),
            machines: machines.len(),
        })
        .collect();
    counts.sort_by(|one, other| (other.machines, &one.what).cmp(&(one.machines, &other.what)));
    counts
}

/// How many incidents these are. A report's incident that hits several machines
/// is one; so are those of one machine that overlap in time and have a site or
/// an object in common, as two reports tell of it.
fn distinct(incidents: &[(usize, Incident)]) -> usize {
    let mut forest = Forest::of(incidents.len());
    let mut by_id: BTreeMap<_, u32> = BTreeMap::new();
    /// From, to and the incident's number.
    type Stretch = (Moment, Moment, u32);
    let mut by_subject: BTreeMap<(usize, &Word), Vec<Stretch>> = BTreeMap::new();
    for (number, (machine, incident)) in (0_u32..).zip(incidents) {
        let known = *by_id.entry(incident.id).or_insert(number);
        forest.join(known, number);
        for subject in &incident.subjects {
            let those = by_subject.entry((*machine, subject)).or_default();
            those.push((incident.from, incident.to, number));
        }
    }
    for mut those in by_subject.into_values() {
        those.sort_unstable();
        let mut open: Option<(Moment, u32)> = None;
        for (from, to, number) in those {
            open = match open {
                Some((until, known)) if from <= until => {
                    forest.join(known, number);
                    Some((until.max(to), known))
                }
                _ => Some((to, number)),
            };
        }
    }
    let roots: BTreeSet<u32> = forest.roots().into_iter().collect();
    roots.len()
}

/// Proxies that failures have in common.
pub(super) fn proxies(fleet: &Fleet) -> Vec<Fault> {
    let mut used: BTreeMap<Word, usize> = BTreeMap::new();
    for machine in fleet.machines() {
        for proxy in machine.proxies {
            *used.entry(proxy).or_default() += 1;
        }
    }
    let mut faults = faults(fleet, |it| &it.proxies);
    for fault in &mut faults {
        fault.used_by = used
            .get(&fault.what)
            .copied()
            .unwrap_or(0)
            .max(fault.machines);
    }
    faults
}

/// Accounts that failures have in common.
pub(super) fn accounts(fleet: &Fleet) -> Vec<Fault> {
    faults(fleet, |it| &it.accounts)
}

fn faults(fleet: &Fleet, of: impl Fn(&Incident) -> &Vec<Word>) -> Vec<Fault> {
    type Hit = BTreeMap<Option<Word>, BTreeSet<usize>>;
    let mut all: BTreeMap<Word, Hit> = BTreeMap::new();
    for (index, machine) in fleet.machines().enumerate() {
        for incident in &machine.incidents {
            for word in of(incident) {
                let causes = all.entry(Word::clone(word)).or_default();
                causes
                    .entry(incident.cause.clone())
                    .or_default()
                    .insert(index);
            }
        }
    }
    let mut faults: Vec<Fault> = Vec::new();
    for (word, hit) in all {
        let machines: BTreeSet<usize> = hit.values().flatten().copied().collect();
        let mut causes: Vec<(Option<Word>, usize)> = hit
            .into_iter()
            .map(|(cause, machines)| (cause, machines.len()))
            .collect();
        causes.sort_by(|one, other| (other.1, &one.0).cmp(&(one.1, &other.0)));
        faults.push(Fault {
            what: word,
            machines: machines.len(),
            used_by: machines.len(),
            causes,
        });
    }
    faults.sort_by(|one, other| (other.machines, &one.what).cmp(&(one.machines, &other.what)));
    faults
}
