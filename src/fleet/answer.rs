//! What the fleet shows.

use std::collections::{BTreeMap, BTreeSet};

use super::alike::{Alike, alike};
use super::causes::{Cause, Fault, accounts, causes, proxies};
use super::gather::Fleet;
use super::machine::{State, Word};
use super::outliers::{Outlier, outliers};
use super::spread::{Object, objects};

/// What the fleet shows; machines by their place in [`Fleet::machines()`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// How many reports there are; one that came twice counts once.
    pub reports: usize,
    /// Machines by state.
    pub states: States,
    /// What failed.
    pub causes: Vec<Cause>,
    /// Proxies that failures have in common.
    pub proxies: Vec<Fault>,
    /// Accounts that failures have in common.
    pub accounts: Vec<Fault>,
    /// Who holds what.
    pub objects: Vec<Object>,
    /// What machines cannot tell, and what to collect from them.
    pub lacks: Vec<Lack>,
    /// Machines that differ from the rest.
    pub outliers: Vec<Outlier>,
    /// Machines that may be one.
    pub alike: Vec<Alike>,
}

/// How many machines are in each state.
pub type States = BTreeMap<State, usize>;

/// Something that machines cannot tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lack {
    /// The rule that says so.
    pub rule: Word,
    /// What to collect.
    pub collect: Word,
    /// The machines.
    pub machines: Vec<usize>,
}

impl Answer {
    /// Computes everything from the united machines.
    #[must_use]
    pub fn of(fleet: &Fleet) -> Self {
        let mut states = States::new();
        let mut reports = BTreeSet::new();
        for machine in fleet.machines() {
            *states.entry(machine.state).or_default() += 1;
            reports.extend(machine.reports.iter().copied());
        }
        let mut answer = Answer {
            reports: reports.len(),
            states,
            causes: causes(fleet),
            proxies: proxies(fleet),
            accounts: accounts(fleet),
            objects: objects(fleet),
            lacks: lacks(fleet),
            outliers: Vec::new(),
            alike: alike(fleet),
        };
        answer.outliers = outliers(fleet, &answer);
        answer
    }
}

/// What is to be collected from machines whose evidence does not tell; most
/// machines first. Where a cause is known, or nothing failed, nothing is.
fn lacks(fleet: &Fleet) -> Vec<Lack> {
    let mut all: BTreeMap<(Word, Word), Vec<usize>> = BTreeMap::new();
    for (index, machine) in fleet.machines().enumerate() {
        if matches!(machine.state, State::Explained | State::Clean) {
            continue;
        }
        for lack in &machine.lacks {
            all.entry(lack.clone()).or_default().push(index);
        }
        for account in &machine.missing {
            let rule = Word::from("profile-missing");
            let collect = Word::from(format!("The CryptnetUrlCache folder of {account}."));
            all.entry((rule, collect)).or_default().push(index);
        }
    }
    let mut lacks: Vec<Lack> = all
        .into_iter()
        .map(|((rule, collect), machines)| Lack {
            rule,
            collect,
            machines,
        })
        .collect();
    lacks.sort_by(|one, other| {
        let names = |it: &Lack| (it.rule.clone(), it.collect.clone());
        (other.machines.len(), names(one)).cmp(&(one.machines.len(), names(other)))
    });
    lacks
}
