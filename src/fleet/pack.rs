//! Numbers, texts and whole machines in few bytes.
//!
//! A fleet has a hundred thousand machines, each of them many small lists. As
//! structures they take several times what there is to say, most of it for the
//! allocator. Packed a machine is one block.

use std::sync::Arc;

use super::holdings;
use super::key::Key;
use super::machine::{Incident, Machine, Moment, State, Word};
use super::numbered::Numbered;

/// Writes numbers and texts.
#[derive(Debug, Default)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    /// Seven bits a byte, least first; the highest bit says that more follow.
    pub(super) fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push((number & 0x7f) as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    /// Small ones of either sign become small numbers.
    pub(super) fn signed(&mut self, number: i64) {
        self.number(((number << 1) ^ (number >> 63)).cast_unsigned());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    /// How many, and each.
    pub(super) fn list<T>(&mut self, list: &[T], mut write: impl FnMut(&mut Self, &T)) {
        self.number(list.len() as u64);
        for it in list {
            write(self, it);
        }
    }

    fn key(&mut self, key: &Key) {
        self.0.extend_from_slice(key.bytes());
    }

    pub(super) fn finish(self) -> Box<[u8]> {
        self.0.into_boxed_slice()
    }
}

/// Reads what [`Writer`] wrote. `None` where nothing is left.
#[derive(Debug, Clone)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        Reader(bytes)
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    pub(super) fn signed(&mut self) -> Option<i64> {
        let number = self.number()?;
        Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = usize::try_from(self.number()?).ok()?;
        self.take(len)
    }

    fn text(&mut self) -> Option<Word> {
        std::str::from_utf8(self.bytes()?).ok().map(Word::from)
    }

    pub(super) fn list<T>(
        &mut self,
        mut read: impl FnMut(&mut Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        (0..self.number()?).map(|_| read(self)).collect()
    }

    fn key(&mut self) -> Option<Key> {
        Key::from_bytes(self.take(Key::LEN)?)
    }
}

/// A machine in one block. Texts that many machines have are numbers of words;
/// names, addresses and files are its own.
#[derive(Debug, Default)]
pub(super) struct Packed(Box<[u8]>);

impl Packed {
    /// Packs a machine. Words that are new get a number.
    pub(super) fn of(machine: &Machine, words: &mut Numbered<Word>) -> Self {
        let mut to = Writer::default();
        to.list(&machine.keys, Writer::key);
        to.number(machine.state as u64);
        to.list(&machine.reports, Writer::key);
        for own in [&machine.names, &machine.addresses, &machine.hand_overs] {
            to.list(own, |to, text| to.bytes(text.as_bytes()));
        }
        for shared in [&machine.missing, &machine.proxies] {
            to.list(shared, |to, word| to.number(words.word(word)));
        }
        to.list(&machine.lacks, |to, (rule, collect)| {
            to.number(words.word(rule));
            to.number(words.word(collect));
        });
        to.list(&machine.clocks, |to, (least, most)| {
            to.signed(*least);
            to.signed(*most);
        });
        to.list(&machine.incidents, |to, it| write_incident(to, it, words));
        holdings::pack(&mut to, &machine.holdings);
        Packed(to.finish())
    }

    /// By what it is known again.
    pub(super) fn keys(&self) -> Vec<Key> {
        Reader::of(&self.0).list(Reader::key).unwrap_or_default()
    }

    /// The machine.
    pub(super) fn machine(&self, words: &[Word]) -> Machine {
        // What was packed can be read.
        let nothing = || Machine::new(State::TooLittleEvidence);
        self.read(words).unwrap_or_else(nothing)
    }

    fn read(&self, words: &[Word]) -> Option<Machine> {
        let mut from = Reader::of(&self.0);
        let word = |from: &mut Reader<'_>| word(from, words);
        let keys = from.list(Reader::key)?;
        let state = State::by_number(from.number()?)?;
        Some(Machine {
            keys,
            state,
            reports: from.list(Reader::key)?,
            names: from.list(Reader::text)?,
            addresses: from.list(Reader::text)?,
            hand_overs: from.list(Reader::text)?,
            missing: from.list(word)?,
            proxies: from.list(word)?,
            lacks: from.list(|from| Some((word(from)?, word(from)?)))?,
            clocks: from.list(|from| Some((from.signed()?, from.signed()?)))?,
            incidents: from.list(|from| read_incident(from, words))?,
            holdings: holdings::unpack(&mut from)?,
        })
    }
}

fn word(from: &mut Reader<'_>, words: &[Word]) -> Option<Word> {
    let number = usize::try_from(from.number()?).ok()?;
    words.get(number).map(Arc::clone)
}

fn write_incident(to: &mut Writer, it: &Incident, words: &mut Numbered<Word>) {
    to.key(&it.id);
    for perhaps in [&it.cause, &it.confidence] {
        to.number(perhaps.as_ref().map_or(0, |word| words.word(word) + 1));
    }
    to.number(words.word(&it.kind));
    let (begin, end) = (it.from.nanoseconds(), it.to.nanoseconds());
    to.signed(begin);
    to.signed(end.wrapping_sub(begin));
    to.number(it.failures.into());
    for shared in [&it.subjects, &it.proxies, &it.accounts] {
        to.list(shared, |to, word| to.number(words.word(word)));
    }
}

fn read_incident(from: &mut Reader<'_>, words: &[Word]) -> Option<Incident> {
    let shared = |from: &mut Reader<'_>| from.list(|from| word(from, words));
    let perhaps = |from: &mut Reader<'_>| {
        let number = from.number()?.checked_sub(1);
        let number = number.and_then(|it| usize::try_from(it).ok());
        Some(number.and_then(|it| words.get(it)).map(Arc::clone))
    };
    let id = from.key()?;
    let (cause, confidence) = (perhaps(from)?, perhaps(from)?);
    let kind = word(from, words)?;
    let begin = from.signed()?;
    Some(Incident {
        id,
        cause,
        confidence,
        kind,
        from: Moment::at(begin),
        to: Moment::at(begin.wrapping_add(from.signed()?)),
        failures: u32::try_from(from.number()?).ok()?,
        subjects: shared(from)?,
        proxies: shared(from)?,
        accounts: shared(from)?,
    })
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::super::holdings::Holding;
    use super::*;

    #[test]
    fn a_machine_comes_back_as_it_was_packed() {
        let word = |text: &str| Word::from(text);
        let at = Moment::at(1_772_359_200_123_456_700);
        let mut machine = Machine::new(State::Explained);
        machine.keys = vec![Key::of(&["a"]), Key::of(&["b"])];
        machine.reports = vec![Key::of(&["c"])];
        machine.names = vec![word("PC-17.corp.example"), word("\u{e4}\u{202e}")];
        machine.addresses = vec![word("10.0.0.1")];
        machine.hand_overs = vec![word("PC-17.zip"), word("")];
        machine.missing = vec![word("local-service")];
        machine.proxies = vec![word("10.0.0.9:3128")];
        machine.lacks = vec![(word("capture-loss"), word("Capture again."))];
        machine.clocks = vec![(i64::MIN, i64::MAX), (-3, 5)];
        machine.incidents = vec![Incident {
            id: Key::of(&["d"]),
            cause: None,
            confidence: Some(word("high")),
            kind: word("rejected"),
            from: at,
            to: at.earlier(-90_000),
            failures: u32::MAX,
            subjects: vec![word("www.corp.example")],
            proxies: Vec::new(),
            accounts: vec![word("user alice")],
        }];
        machine.holdings = vec![Holding {
            slot: 9,
            account: NonZeroU32::new(3),
            first: Some(at),
            last: None,
        }];
        let mut words = Numbered::default();
        let packed = Packed::of(&machine, &mut words);
        assert_eq!(packed.machine(words.things()), machine);
        assert_eq!(packed.keys(), machine.keys);
    }
}
