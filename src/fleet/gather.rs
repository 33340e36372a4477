//! Takes machines one after the other, and puts together those that are one.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::Arc;

use super::forest::Forest;
use super::holdings::{Holding, Holdings};
use super::key::Key;
use super::machine::{Machine, Moment, Slot, Version, Word, earlier};

/// A report that could not be taken in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Its file name.
    pub report: String,
    /// What is wrong with it.
    pub what: String,
}

/// The first incident of a cause, in words.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Example {
    /// When it began.
    pub at: Moment,
    /// The report's sentence.
    pub sentence: String,
    /// What to do about it.
    pub remedy: String,
}

/// Machines as they come in. Memory grows with machines and with distinct
/// texts, not with the size of reports.
#[derive(Debug, Default)]
pub struct Gathering {
    words: HashSet<Word>,
    slots: Numbered<Slot>,
    accounts: Numbered<Word>,
    machines: Vec<Machine>,
    versions: BTreeMap<Word, Version>,
    examples: BTreeMap<Option<Word>, Example>,
    problems: BTreeSet<Problem>,
}

/// Things that are kept once and known by their number.
#[derive(Debug)]
struct Numbered<T> {
    numbers: HashMap<Arc<T>, u32>,
    things: Vec<Arc<T>>,
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Numbered {
            numbers: HashMap::new(),
            things: Vec::new(),
        }
    }
}

impl<T: Hash + Eq> Numbered<T> {
    fn number(&mut self, thing: T) -> u32 {
        if let Some(number) = self.numbers.get(&thing) {
            return *number;
        }
        // Four thousand million distinct things do not fit into memory.
        let number = u32::try_from(self.things.len()).unwrap_or(u32::MAX);
        let thing = Arc::new(thing);
        self.things.push(Arc::clone(&thing));
        self.numbers.insert(thing, number);
        number
    }
}

impl Gathering {
    /// A text, kept once.
    pub fn word(&mut self, text: &str) -> Word {
        if let Some(word) = self.words.get(text) {
            return Arc::clone(word);
        }
        let word: Word = Arc::from(text);
        self.words.insert(Arc::clone(&word));
        word
    }

    /// The number of a slot.
    pub fn slot(&mut self, slot: Slot) -> u32 {
        self.slots.number(slot)
    }

    /// The number of an account.
    pub fn account(&mut self, account: Word) -> NonZeroU32 {
        let number = self.accounts.number(account);
        NonZeroU32::MIN.saturating_add(number)
    }

    /// Takes one machine; it must have a key.
    pub fn add(&mut self, mut machine: Machine) {
        machine.settle();
        self.machines.push(machine);
    }

    /// Takes what a version is. Reports that know more of it add to it.
    pub fn version(&mut self, sha256: Word, version: Version) {
        let known = self.versions.entry(sha256).or_default();
        known.kind = least(known.kind.take(), version.kind);
        known.sequence = least(known.sequence.take(), version.sequence);
        known.issued = earlier(known.issued, version.issued);
        known.until = earlier(known.until, version.until);
    }

    /// Takes an incident in words; the first of each cause stays.
    pub fn example(&mut self, cause: Option<Word>, example: Example) {
        match self.examples.get(&cause) {
            Some(known) if *known <= example => {}
            _ => {
                self.examples.insert(cause, example);
            }
        }
    }

    /// Takes a report that could not be read.
    pub fn problem(&mut self, problem: Problem) {
        self.problems.insert(problem);
    }

    /// How many machines came in so far, those that are one counted each.
    #[must_use]
    pub fn len(&self) -> usize {
        self.machines.len()
    }

    /// Whether none came in.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.machines.is_empty()
    }

    /// Puts together what is one, and sorts.
    #[must_use]
    pub fn finish(mut self) -> Fleet {
        drop(std::mem::take(&mut self.words));
        drop(std::mem::take(&mut self.slots.numbers));
        drop(std::mem::take(&mut self.accounts.numbers));
        let roots = roots(&self.machines);
        let mut machines = std::mem::take(&mut self.machines);
        unite(&mut machines, &roots);
        drop(roots);
        machines.sort_by_cached_key(order);
        let mut fleet = Fleet {
            machines,
            slots: self.slots.things,
            accounts: self.accounts.things,
            versions: self.versions,
            examples: self.examples,
            problems: self.problems.into_iter().collect(),
        };
        fleet.sort_holdings();
        fleet
    }
}

/// The united machines, with all that they refer to.
#[derive(Debug)]
pub struct Fleet {
    /// The machines, by name, address and key.
    pub machines: Vec<Machine>,
    slots: Vec<Arc<Slot>>,
    accounts: Vec<Arc<Word>>,
    /// What each version is, by SHA-256.
    pub versions: BTreeMap<Word, Version>,
    /// The first incident of each cause, in words.
    pub examples: BTreeMap<Option<Word>, Example>,
    /// Reports that could not be taken in.
    pub problems: Vec<Problem>,
}

impl Fleet {
    /// A slot by its number.
    #[must_use]
    pub fn slot(&self, number: u32) -> Option<&Slot> {
        let slot = self.slots.get(usize::try_from(number).ok()?);
        slot.map(AsRef::as_ref)
    }

    /// An account by its number.
    #[must_use]
    pub fn account(&self, number: Option<NonZeroU32>) -> Option<&Word> {
        let account = self.accounts.get(number?.get() as usize - 1);
        account.map(AsRef::as_ref)
    }

    /// Numbers were given as things came in. Now they follow the order of what
    /// they stand for, and so do holdings.
    fn sort_holdings(&mut self) {
        let slots = ranked(&mut self.slots);
        let accounts = ranked(&mut self.accounts);
        let rank = |ranks: &[u32], number: u32| ranks.get(number as usize).copied();
        for machine in &mut self.machines {
            let renumbered = machine.holdings.iter().map(|it| Holding {
                slot: rank(&slots, it.slot).unwrap_or(it.slot),
                account: it.account.and_then(|number| {
                    let rank = rank(&accounts, number.get() - 1)?;
                    Some(NonZeroU32::MIN.saturating_add(rank))
                }),
                ..it
            });
            machine.holdings = Holdings::of(renumbered.collect());
        }
    }
}

/// Sorts things; for each, by its place before, its place now.
fn ranked<T: Ord>(things: &mut Vec<Arc<T>>) -> Vec<u32> {
    let mut numbered: Vec<(Arc<T>, u32)> = std::mem::take(things).into_iter().zip(0..).collect();
    numbered.sort_unstable();
    let mut ranks = vec![0; numbered.len()];
    for (rank, (thing, number)) in (0..).zip(numbered) {
        if let Some(place) = ranks.get_mut(number as usize) {
            *place = rank;
        }
        things.push(thing);
    }
    ranks
}

/// Unites each machine with the first of those that it is one with. In place:
/// a second copy of a hundred thousand machines would be too much.
fn unite(machines: &mut Vec<Machine>, roots: &[u32]) {
    for (number, root) in (0_usize..).zip(roots) {
        let root = *root as usize;
        // The first of several comes before them.
        if let Some((before, rest)) = machines.split_at_mut_checked(number)
            && let (Some(first), Some(machine)) = (before.get_mut(root), rest.first_mut())
        {
            let state = machine.state;
            first.unite(std::mem::replace(machine, Machine::new(state)));
        }
    }
    // What was united elsewhere has no key any more.
    machines.retain(|machine| !machine.keys.is_empty());
    for machine in machines {
        machine.settle();
    }
}

/// By name, address, then by key, which no two machines have in common.
fn order(machine: &Machine) -> (Option<String>, Option<Word>, Option<Key>) {
    let name = machine.names.iter().map(|name| name.to_lowercase()).min();
    let address = machine.addresses.first().cloned();
    (name, address, machine.keys.first().copied())
}

/// For each machine the least number of those that are one with it: they share
/// a key, or each shares one with a third.
fn roots(machines: &[Machine]) -> Vec<u32> {
    let mut forest = Forest::of(machines.len());
    let mut keys: Vec<(Key, u32)> = Vec::new();
    for (number, machine) in (0_u32..).zip(machines) {
        keys.extend(machine.keys.iter().map(|key| (*key, number)));
    }
    keys.sort_unstable();
    for pair in keys.windows(2) {
        if let [(one, first), (other, second)] = pair
            && one == other
        {
            forest.join(*first, *second);
        }
    }
    forest.roots()
}

fn least(one: Option<Word>, other: Option<Word>) -> Option<Word> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::super::machine::State;
    use super::*;

    fn machine(gathering: &mut Gathering, name: &str, keys: &[&str]) -> Machine {
        let mut machine = Machine::new(State::Clean);
        machine.names.push(gathering.word(name));
        machine.keys = keys.iter().map(|key| Key::of(&[key])).collect();
        machine
    }

    #[test]
    fn machines_that_share_a_key_are_one_also_by_a_third() {
        let mut gathering = Gathering::default();
        for (name, keys) in [
            ("a", ["1", "2"]),
            ("b", ["5", "6"]),
            ("c", ["3", "4"]),
            ("a", ["2", "3"]),
        ] {
            let machine = machine(&mut gathering, name, &keys);
            gathering.add(machine);
        }
        let fleet = gathering.finish();
        let names: Vec<Vec<&str>> = fleet
            .machines
            .iter()
            .map(|it| it.names.iter().map(|name| &**name).collect())
            .collect();
        assert_eq!(names, [vec!["a", "c"], vec!["b"]]);
    }

    #[test]
    fn one_name_alone_does_not_make_one_machine() {
        let mut gathering = Gathering::default();
        for key in ["1", "2"] {
            let machine = machine(&mut gathering, "PC", &[key]);
            gathering.add(machine);
        }
        assert_eq!(gathering.finish().machines.len(), 2);
    }
}
