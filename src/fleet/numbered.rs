//! Things that are kept once and known by their number.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;

use super::machine::Word;

/// Things with numbers from 0; a clone of one must be cheap.
#[derive(Debug)]
pub(super) struct Numbered<T> {
    numbers: HashMap<T, u32>,
    things: Vec<T>,
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Numbered {
            numbers: HashMap::new(),
            things: Vec::new(),
        }
    }
}

impl<T: Clone + Hash + Ord> Numbered<T> {
    /// The number of a thing; a new one is made.
    pub(super) fn number<Q>(&mut self, thing: &Q, make: impl FnOnce() -> T) -> u32
    where
        T: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        if let Some(number) = self.numbers.get(thing) {
            return *number;
        }
        // Four thousand million distinct things do not fit into memory.
        let number = u32::try_from(self.things.len()).unwrap_or(u32::MAX);
        let thing = make();
        self.things.push(thing.clone());
        self.numbers.insert(thing, number);
        number
    }

    /// The things, by number.
    pub(super) fn things(&self) -> &[T] {
        &self.things
    }

    /// Without the way back.
    pub(super) fn into_things(self) -> Vec<T> {
        self.things
    }

    /// Gives numbers in the order of the things. Returns the things by their
    /// numbers before, and for each of these numbers that of now.
    pub(super) fn sort(&mut self) -> (Vec<T>, Vec<u32>) {
        let mut order: Vec<u32> = (0..).take(self.things.len()).collect();
        order.sort_unstable_by_key(|number| self.things.get(*number as usize));
        let mut ranks = vec![0; order.len()];
        let mut sorted = Vec::with_capacity(order.len());
        for (rank, number) in (0..).zip(order) {
            if let Some(place) = ranks.get_mut(number as usize) {
                *place = rank;
            }
            sorted.extend(self.things.get(number as usize).cloned());
        }
        for number in self.numbers.values_mut() {
            *number = ranks.get(*number as usize).copied().unwrap_or(*number);
        }
        (std::mem::replace(&mut self.things, sorted), ranks)
    }
}

impl Numbered<Word> {
    /// The number of a word.
    pub(super) fn word(&mut self, word: &Word) -> u64 {
        self.number::<str>(word, || Word::clone(word)).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorted_things_are_found_by_old_and_new_numbers() {
        let mut words: Numbered<Word> = Numbered::default();
        let given: Vec<u64> = ["c", "a", "b", "a"].map(|it| words.word(&it.into())).into();
        assert_eq!(given, [0, 1, 2, 1]);
        let (before, ranks) = words.sort();
        assert_eq!(before, ["c", "a", "b"].map(Word::from));
        assert_eq!(ranks, [2, 0, 1]);
        assert_eq!(words.word(&"b".into()), 1);
        assert_eq!(words.word(&"d".into()), 3);
        assert_eq!(words.into_things(), ["a", "b", "c", "d"].map(Word::from));
    }
}
