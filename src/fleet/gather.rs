//! Takes machines one after the other, and puts together those that are one.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::sync::Arc;

use super::forest::Forest;
use super::holdings::Holding;
use super::key::Key;
use super::machine::{Machine, Moment, Slot, State, Version, Word, earlier};
use super::numbered::Numbered;
use super::pack::Packed;

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
    words: Numbered<Word>,
    slots: Numbered<Arc<Slot>>,
    machines: Vec<Packed>,
    versions: BTreeMap<Word, Version>,
    examples: BTreeMap<Option<Word>, Example>,
    problems: BTreeSet<Problem>,
}

impl Gathering {
    /// A text that many machines have, kept once.
    pub fn word(&mut self, text: &str) -> Word {
        let number = self.words.number(text, || Word::from(text));
        let word = self.words.things().get(number as usize);
        word.map_or_else(|| Word::from(text), Arc::clone)
    }

    /// The number of a slot.
    pub fn slot(&mut self, slot: &Slot) -> u32 {
        self.slots.number(slot, || Arc::new(slot.clone()))
    }

    /// The number of an account.
    pub fn account(&mut self, account: &str) -> NonZeroU32 {
        let number = self.words.number(account, || Word::from(account));
        NonZeroU32::MIN.saturating_add(number)
    }

    /// Takes one machine; it must have a key.
    pub fn add(&mut self, mut machine: Machine) {
        machine.settle();
        let packed = Packed::of(&machine, &mut self.words);
        self.machines.push(packed);
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

    /// Whether none came in.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.machines.is_empty()
    }

    /// Puts together what is one, and sorts.
    #[must_use]
    pub fn finish(mut self) -> Fleet {
        let groups = groups(&self.machines);
        let (words, word_ranks) = self.words.sort();
        let (_, slot_ranks) = self.slots.sort();
        let renumber = |it: &mut Holding| {
            it.slot = rank(&slot_ranks, it.slot);
            it.account = it.account.map(|number| {
                let rank = rank(&word_ranks, number.get() - 1);
                NonZeroU32::MIN.saturating_add(rank)
            });
        };
        // Each is unpacked, united, and packed again in the place of the first.
        let mut ordered = Vec::new();
        for group in groups.chunk_by(|one, other| one.0 == other.0) {
            let mut united = Machine::new(State::TooLittleEvidence);
            for (_, number) in group {
                let packed = self.machines.get_mut(*number as usize);
                let packed = packed.map(std::mem::take).unwrap_or_default();
                united.unite(packed.machine(&words));
            }
            united.holdings.iter_mut().for_each(renumber);
            united.settle();
            let packed = Packed::of(&united, &mut self.words);
            ordered.push((order(&united), packed));
        }
        ordered.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        Fleet {
            machines: ordered.into_iter().map(|(_, packed)| packed).collect(),
            words: self.words.into_things(),
            slots: self.slots.into_things(),
            versions: self.versions,
            examples: self.examples,
            problems: self.problems.into_iter().collect(),
        }
    }
}

/// Numbers were given as things came in. Now they follow the order of what they
/// stand for, and so do holdings.
fn rank(ranks: &[u32], number: u32) -> u32 {
    ranks.get(number as usize).copied().unwrap_or(number)
}

/// The united machines, with all that they refer to.
#[derive(Debug)]
pub struct Fleet {
    machines: Vec<Packed>,
    words: Vec<Word>,
    slots: Vec<Arc<Slot>>,
    /// What each version is, by SHA-256.
    pub versions: BTreeMap<Word, Version>,
    /// The first incident of each cause, in words.
    pub examples: BTreeMap<Option<Word>, Example>,
    /// Reports that could not be taken in.
    pub problems: Vec<Problem>,
}

impl Fleet {
    /// How many machines there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.machines.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.machines.is_empty()
    }

    /// The machines by name, address and key, each made anew.
    pub fn machines(&self) -> impl Iterator<Item = Machine> + '_ {
        self.machines.iter().map(|it| it.machine(&self.words))
    }

    /// One of them by its place.
    #[must_use]
    pub fn machine(&self, index: usize) -> Option<Machine> {
        let packed = self.machines.get(index)?;
        Some(packed.machine(&self.words))
    }

    /// A slot by its number.
    #[must_use]
    pub fn slot(&self, number: u32) -> Option<&Slot> {
        let slot = self.slots.get(usize::try_from(number).ok()?);
        slot.map(AsRef::as_ref)
    }

    /// An account by its number.
    #[must_use]
    pub fn account(&self, number: Option<NonZeroU32>) -> Option<&Word> {
        self.words.get(number?.get() as usize - 1)
    }
}

/// By name, address, then by key, which no two machines have in common.
fn order(machine: &Machine) -> (Option<String>, Option<Word>, Option<Key>) {
    let name = machine.names.iter().map(|name| name.to_lowercase()).min();
    let address = machine.addresses.first().cloned();
    (name, address, machine.keys.first().copied())
}

/// The machines by number, each behind the least number of those that are one
/// with it: they share a key, or each shares one with a third.
fn groups(machines: &[Packed]) -> Vec<(u32, u32)> {
    let mut forest = Forest::of(machines.len());
    let mut keys: Vec<(Key, u32)> = Vec::new();
    for (number, machine) in (0_u32..).zip(machines) {
        keys.extend(machine.keys().into_iter().map(|key| (key, number)));
    }
    keys.sort_unstable();
    for pair in keys.windows(2) {
        if let [(one, first), (other, second)] = pair
            && one == other
        {
            forest.join(*first, *second);
        }
    }
    let mut groups: Vec<(u32, u32)> = forest.roots().into_iter().zip(0..).collect();
    groups.sort_unstable();
    groups
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
        let machines = fleet.machines();
        let names: Vec<Vec<String>> = machines
            .map(|it| it.names.iter().map(ToString::to_string).collect())
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
        assert_eq!(gathering.finish().len(), 2);
    }
}
