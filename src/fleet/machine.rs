//! One machine, as far as reports tell of it; and two that are one, united.

use std::num::{NonZeroI64, NonZeroU32};
use std::sync::Arc;

use super::holdings::{self, Holding};
use super::key::Key;
use crate::time::Timestamp;

/// A text that many machines have in common, kept once.
pub type Word = Arc<str>;

/// Nanoseconds since 1970. What does not fit (before 1677, after 2262) is the
/// nearest that does; no fetch was that early or late. The very begin of 1970 is
/// the nanosecond after it, so that a moment that may be missing takes no more
/// room: a fleet has millions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(NonZeroI64);

impl Moment {
    /// The moment of a time.
    #[must_use]
    pub fn of(at: Timestamp) -> Self {
        let nanoseconds = at.unix_nanoseconds();
        let nearest = nanoseconds.clamp(i64::MIN.into(), i64::MAX.into());
        Self::at(i64::try_from(nearest).unwrap_or(i64::MAX))
    }

    pub(super) fn at(nanoseconds: i64) -> Self {
        Moment(NonZeroI64::new(nanoseconds).unwrap_or(NonZeroU32::MIN.into()))
    }

    /// The time of a moment.
    #[must_use]
    pub fn time(self) -> Option<Timestamp> {
        Timestamp::from_unix_nanoseconds(self.nanoseconds().into())
    }

    /// Nanoseconds since 1970.
    #[must_use]
    pub fn nanoseconds(self) -> i64 {
        self.0.get()
    }

    /// Earlier by so many milliseconds.
    #[must_use]
    pub fn earlier(self, milliseconds: i64) -> Self {
        let by = milliseconds.saturating_mul(1_000_000);
        Self::at(self.nanoseconds().saturating_sub(by))
    }
}

/// What can be said of a machine, from the least to the most telling: where
/// several reports speak of it, the most telling holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// The evidence is too poor to say that nothing failed.
    TooLittleEvidence,
    /// Nothing here validates a certificate.
    NoValidationSeen,
    /// It completed handshakes and none failed, in a report about others.
    NoFailureSeen,
    /// Nothing failed, and the evidence was good enough to say so.
    Clean,
    /// Something failed, and why is not determined.
    Undetermined,
    /// Something failed, and why is known.
    Explained,
}

impl State {
    /// All of them.
    pub const ALL: [State; 6] = [
        State::Explained,
        State::Undetermined,
        State::Clean,
        State::NoFailureSeen,
        State::NoValidationSeen,
        State::TooLittleEvidence,
    ];

    /// As reports say it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            State::TooLittleEvidence => "too-little-evidence",
            State::NoValidationSeen => "no-validation-seen",
            State::NoFailureSeen => "no-failure-seen",
            State::Clean => "clean",
            State::Undetermined => "undetermined",
            State::Explained => "explained",
        }
    }

    /// Reads [`State::word`].
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }

    /// Of `state as u64`.
    pub(super) fn by_number(number: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|it| *it as u64 == number)
    }

    /// Whether something failed.
    #[must_use]
    pub fn has_failed(self) -> bool {
        self >= State::Undetermined
    }
}

/// Failures of a machine with a common cause, as a report puts them together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Incident {
    /// Of the incident as the report has it, which may hit several machines.
    pub id: Key,
    /// The rule that explains it; `None` where none does.
    pub cause: Option<Word>,
    /// Of the finding: `proven` to `low`.
    pub confidence: Option<Word>,
    /// `rejected`, `delayed`, `object`: the gravest of its failures.
    pub kind: Word,
    /// First and last failure.
    pub from: Moment,
    /// Last failure.
    pub to: Moment,
    /// Failures of this machine.
    pub failures: u32,
    /// Sites, and URLs of objects, that failed.
    pub subjects: Vec<Word>,
    /// Proxies that its failed downloads took.
    pub proxies: Vec<Word>,
    /// Accounts it happened to, where known.
    pub accounts: Vec<Word>,
}

/// What is held, how it came: the same for many machines.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot {
    /// The object, of which there are versions.
    pub object: Word,
    /// The URL without its query, or the cache file's name.
    pub place: Word,
    /// The version: SHA-256 in hexadecimal.
    pub sha256: Word,
    /// `direct`, `proxy`, or `unknown` where nothing shows how it came.
    pub way: Word,
    /// The proxy it came through, where one is known.
    pub proxy: Option<Word>,
    /// A cache shows it: the times are the machine's own, and a first one is
    /// when it had come by.
    pub cached: bool,
}

/// What a version is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Version {
    /// `ctl`, `crl`, `certificate`.
    pub kind: Option<Word>,
    /// Sequence number of a list, number of a CRL, serial of a certificate.
    pub sequence: Option<Word>,
    /// When it was issued: `thisUpdate` or `notBefore`.
    pub issued: Option<Moment>,
    /// Until when it holds: `nextUpdate` or `notAfter`.
    pub until: Option<Moment>,
}

/// A machine. Every list is a set, sorted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// By what it is known again; never empty.
    pub keys: Vec<Key>,
    /// The reports that speak of it.
    pub reports: Vec<Key>,
    /// Host names.
    pub names: Vec<Word>,
    /// Addresses it used as a client.
    pub addresses: Vec<Word>,
    /// Names of the files and folders handed over.
    pub hand_overs: Vec<Word>,
    /// What can be said of it.
    pub state: State,
    /// What failed.
    pub incidents: Vec<Incident>,
    /// What it has to validate with.
    pub holdings: Vec<Holding>,
    /// What cannot be told: rule and what to collect.
    pub lacks: Vec<(Word, Word)>,
    /// Accounts whose caches were not handed over, though others' were.
    pub missing: Vec<Word>,
    /// Proxies it used.
    pub proxies: Vec<Word>,
    /// How far its clock is from the capture's, least and most, in milliseconds.
    pub clocks: Vec<(i64, i64)>,
}

impl Machine {
    /// A machine of which nothing is known yet.
    #[must_use]
    pub fn new(state: State) -> Self {
        Machine {
            keys: Vec::new(),
            reports: Vec::new(),
            names: Vec::new(),
            addresses: Vec::new(),
            hand_overs: Vec::new(),
            state,
            incidents: Vec::new(),
            holdings: Vec::new(),
            lacks: Vec::new(),
            missing: Vec::new(),
            proxies: Vec::new(),
            clocks: Vec::new(),
        }
    }

    /// Sorts every set, and gives back memory that is not needed.
    pub(super) fn settle(&mut self) {
        set(&mut self.keys);
        set(&mut self.reports);
        set(&mut self.names);
        set(&mut self.addresses);
        set(&mut self.hand_overs);
        for incident in &mut self.incidents {
            set(&mut incident.subjects);
            set(&mut incident.proxies);
            set(&mut incident.accounts);
        }
        set(&mut self.incidents);
        set(&mut self.lacks);
        set(&mut self.missing);
        set(&mut self.proxies);
        set(&mut self.clocks);
        holdings::settle(&mut self.holdings);
    }

    /// Unites it with another that is the same machine.
    pub(super) fn unite(&mut self, other: Machine) {
        self.keys.extend(other.keys);
        self.reports.extend(other.reports);
        self.names.extend(other.names);
        self.addresses.extend(other.addresses);
        self.hand_overs.extend(other.hand_overs);
        self.state = self.state.max(other.state);
        self.incidents.extend(other.incidents);
        self.holdings.extend(other.holdings);
        self.lacks.extend(other.lacks);
        self.missing.extend(other.missing);
        self.proxies.extend(other.proxies);
        self.clocks.extend(other.clocks);
    }

    /// What its own times are worth against those of captures.
    #[must_use]
    pub fn clock(&self) -> Clock {
        let is_off = |clock: &&(i64, i64)| clock.0 > 0 || clock.1 < 0;
        if !self.clocks.iter().any(|clock| is_off(&clock)) {
            return Clock::Taken;
        }
        let least = self.clocks.iter().map(|clock| clock.0).max().unwrap_or(0);
        let most = self.clocks.iter().map(|clock| clock.1).min().unwrap_or(0);
        match most.saturating_sub(least) {
            width @ 0..=CLOCK_WIDTH => Clock::Off(least.saturating_add(width / 2)),
            _ => Clock::Useless,
        }
    }

    /// How far its clock was off at least, at the worst, in milliseconds.
    #[must_use]
    pub fn clock_off(&self) -> i64 {
        let off = |(least, most): &(i64, i64)| match (*least, *most) {
            (least, _) if least > 0 => least,
            (_, most) if most < 0 => most,
            _ => 0,
        };
        let all = self.clocks.iter().map(off);
        all.max_by_key(|off| (off.abs(), *off)).unwrap_or(0)
    }

    /// By what people call it.
    #[must_use]
    pub fn shown(&self) -> &str {
        let known = self.names.first().or(self.addresses.first());
        let known = known.or(self.hand_overs.first());
        known.map_or("unnamed", |word| word)
    }
}

/// What a machine's own times are worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// Nothing speaks against them.
    Taken,
    /// Its clock was off by so many milliseconds, and can be set right.
    Off(i64),
    /// Its clock was off, nobody knows how far, or not always as far.
    Useless,
}

/// A clock whose offset is known to that many milliseconds can be set right:
/// what spreads over a fleet takes longer.
const CLOCK_WIDTH: i64 = 120_000;

/// The earlier of two, a time before none.
pub(super) fn earlier(one: Option<Moment>, other: Option<Moment>) -> Option<Moment> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

fn set<T: Ord>(list: &mut Vec<T>) {
    list.sort_unstable();
    list.dedup();
    list.shrink_to_fit();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_set_right_only_where_its_offset_is_known() {
        let clock = |clocks: &[(i64, i64)]| {
            let mut machine = Machine::new(State::Clean);
            machine.clocks = clocks.to_vec();
            (machine.clock(), machine.clock_off())
        };
        assert_eq!(clock(&[]), (Clock::Taken, 0));
        assert_eq!(clock(&[(-1000, 20_000)]), (Clock::Taken, 0));
        assert_eq!(
            clock(&[(3000, 9000), (-1000, 8000)]),
            (Clock::Off(5500), 3000)
        );
        assert_eq!(clock(&[(-900_000, -4000)]), (Clock::Useless, -4000));
        assert_eq!(
            clock(&[(3000, 4000), (-9000, -5000)]),
            (Clock::Useless, -5000)
        );
    }
}
