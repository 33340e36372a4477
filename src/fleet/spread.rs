//! Who holds which version of what, since when, and how it spread.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use super::gather::Fleet;
use super::holdings::Holding;
use super::machine::{Clock, Machine, Moment, Slot, Version, Word};

/// An object of which machines hold versions: a list, a CRL, a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its name.
    pub object: Word,
    /// Machines that hold any version of it.
    pub machines: usize,
    /// The versions, oldest first.
    pub versions: Vec<Spread>,
}

/// One version of an object, and how it spread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spread {
    /// SHA-256 in hexadecimal.
    pub sha256: Word,
    /// What it is.
    pub version: Version,
    /// Machines that had it at any time.
    pub machines_ever: usize,
    /// Machines that hold it in the last state that is known of them.
    pub machines_now: usize,
    /// Machines whose time for it is worthless: it lies before the issue, or the
    /// clock is known to be wrong, and not by how much. It counts for nothing.
    pub misdated: usize,
    /// The first machine that is shown to have it, and when.
    pub first: Option<(Moment, usize)>,
    /// When any machine is last shown to have it.
    pub last: Option<Moment>,
    /// The ways it came, in the order in which it first came by them.
    pub ways: Vec<Way>,
    /// The first machines that had it, in order.
    pub earliest: Vec<(Moment, usize)>,
    /// How many machines had it by when, at equal distances.
    pub steps: Vec<(Moment, usize)>,
}

/// How a version came to machines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// `direct`, `proxy`, `unknown`.
    pub way: Word,
    /// The proxy, where known.
    pub proxy: Option<Word>,
    /// Machines that it reached this way first.
    pub machines: usize,
    /// The first of them.
    pub first: Option<(Moment, usize)>,
}

/// First machines named of a version; the list of machines has all.
const MAX_EARLIEST: usize = 20;
/// Points of a curve: more than a picture can show apart.
const STEPS: i64 = 60;
/// A clock may be so much behind before a time before the issue is no mere
/// inaccuracy, in milliseconds: an hour, as of a wrong zone of an issuer.
const ISSUE_TOLERANCE: i64 = 3_600_000;

/// Which of a machine's holdings are what it holds in its last known state:
/// for each account and place the version shown last. What packets show without
/// an account counts until a cache of the same place shows something later.
#[must_use]
pub fn current(fleet: &Fleet, machine: &Machine) -> Vec<bool> {
    /// Seen last, issued, and the hash to break ties.
    type Rank = (Option<Moment>, Option<Moment>, Word);
    let rank = |holding: &Holding, slot: &Slot| -> Rank {
        let issued = fleet.versions.get(&slot.sha256).and_then(|it| it.issued);
        (holding.last, issued, Word::clone(&slot.sha256))
    };
    let mut best: BTreeMap<(Option<NonZeroU32>, &str), Rank> = BTreeMap::new();
    let mut anyone: BTreeMap<&str, Rank> = BTreeMap::new();
    for holding in &machine.holdings {
        let Some(slot) = fleet.slot(holding.slot) else {
            continue;
        };
        let rank = rank(holding, slot);
        let place: &str = &slot.place;
        let known = best.entry((holding.account, place)).or_insert(rank.clone());
        *known = known.clone().max(rank.clone());
        let known = anyone.entry(place).or_insert(rank.clone());
        *known = known.clone().max(rank);
    }
    let is_current = |holding: &Holding| {
        let slot = fleet.slot(holding.slot)?;
        let place: &str = &slot.place;
        let best = match holding.account {
            None => anyone.get(place)?,
            account => best.get(&(account, place))?,
        };
        Some(*best.2 == *slot.sha256)
    };
    let holdings = machine.holdings.iter();
    holdings.map(|it| is_current(it).unwrap_or(false)).collect()
}

/// What one machine shows of one version.
struct Shown<'a> {
    slot: &'a Slot,
    first: Option<Moment>,
    last: Option<Moment>,
    now: bool,
    /// A time that the machine's wrong clock makes worthless.
    lost: bool,
}

/// What a machine shows of each version, by object and SHA-256, its times
/// against the capture's clock where the difference is known.
fn shown<'a>(fleet: &'a Fleet, machine: &Machine) -> BTreeMap<(&'a Word, &'a Word), Shown<'a>> {
    let clock = machine.clock();
    let current = current(fleet, machine);
    let mut all: BTreeMap<(&Word, &Word), Shown<'_>> = BTreeMap::new();
    for (holding, now) in machine.holdings.iter().zip(current) {
        let Some(slot) = fleet.slot(holding.slot) else {
            continue;
        };
        let right = |at: Option<Moment>| match (slot.cached, clock) {
            (false, _) | (true, Clock::Taken) => at,
            (true, Clock::Off(by)) => at.map(|at| at.earlier(by)),
            (true, Clock::Useless) => None,
        };
        let (first, last) = (right(holding.first), right(holding.last));
        let lost = holding.first.is_some() && first.is_none();
        let known = all.entry((&slot.object, &slot.sha256)).or_insert(Shown {
            slot,
            first,
            last,
            now,
            lost,
        });
        known.now |= now;
        known.lost |= lost;
        known.last = known.last.max(last);
        // The earliest tells how it came; at the same time, what is known tells.
        let order = |at: Option<Moment>, slot: &'a Slot| {
            let known = &*slot.way == "unknown";
            (at.is_none(), at, known, slot)
        };
        if order(first, slot) < order(known.first, known.slot) {
            known.slot = slot;
        }
        known.first = super::machine::earlier(known.first, first);
    }
    all
}

/// Every object with its versions, by name.
pub(super) fn objects(fleet: &Fleet) -> Vec<Object> {
    let mut all: Growing<'_> = BTreeMap::new();
    let mut holders: BTreeMap<&Word, usize> = BTreeMap::new();
    for (index, machine) in fleet.machines().enumerate() {
        let mut before: Option<&Word> = None;
        for ((object, sha256), shown) in shown(fleet, &machine) {
            if before != Some(object) {
                *holders.entry(object).or_default() += 1;
                before = Some(object);
            }
            let versions = all.entry(object).or_default();
            let (spread, ways) = versions
                .entry(sha256)
                .or_insert_with(|| (unseen(fleet, sha256), Ways::new()));
            spread.count(index, &shown, ways);
        }
    }
    steps(fleet, &mut all);
    let objects = all.into_iter().map(|(object, versions)| {
        let mut versions: Vec<Spread> = versions
            .into_values()
            .map(|(spread, ways)| spread.with_ways(ways))
            .collect();
        versions.sort_by(|one, other| {
            let order = |it: &Spread| (it.version.issued, it.version.sequence.clone());
            (order(one), &one.sha256).cmp(&(order(other), &other.sha256))
        });
        Object {
            object: Word::clone(object),
            machines: holders.get(object).copied().unwrap_or(0),
            versions,
        }
    });
    objects.collect()
}

/// The ways of a version, while they are counted.
type Ways = BTreeMap<(Word, Option<Word>), Way>;
/// Objects and their versions, while they are counted.
type Growing<'a> = BTreeMap<&'a Word, BTreeMap<&'a Word, (Spread, Ways)>>;

fn unseen(fleet: &Fleet, sha256: &Word) -> Spread {
    Spread {
        sha256: Word::clone(sha256),
        version: fleet.versions.get(sha256).cloned().unwrap_or_default(),
        machines_ever: 0,
        machines_now: 0,
        misdated: 0,
        first: None,
        last: None,
        ways: Vec::new(),
        earliest: Vec::new(),
        steps: Vec::new(),
    }
}

impl Spread {
    /// With its ways in the order in which it first came by them.
    fn with_ways(mut self, ways: Ways) -> Self {
        self.ways = ways.into_values().collect();
        // The order of their names stays where times are equal.
        self.ways
            .sort_by_key(|way| (way.first.is_none(), way.first));
        self
    }

    fn count(&mut self, machine: usize, shown: &Shown<'_>, ways: &mut Ways) {
        self.machines_ever += 1;
        self.machines_now += usize::from(shown.now);
        let misdated = self.is_misdated(shown.first);
        let lost = shown.lost && shown.first.is_none();
        self.misdated += usize::from(misdated || lost);
        let first = shown.first.filter(|_| !misdated).map(|at| (at, machine));
        if !misdated {
            self.last = self.last.max(shown.last);
        }
        self.first = least(self.first, first);
        if let Some(first) = first {
            let at = self.earliest.partition_point(|known| *known < first);
            if at < MAX_EARLIEST {
                self.earliest.insert(at, first);
                self.earliest.truncate(MAX_EARLIEST);
            }
        }
        let key = (Word::clone(&shown.slot.way), shown.slot.proxy.clone());
        let way = ways.entry(key).or_insert_with_key(|(way, proxy)| Way {
            way: Word::clone(way),
            proxy: proxy.clone(),
            machines: 0,
            first: None,
        });
        way.machines += 1;
        way.first = least(way.first, first);
    }

    /// Nobody has a list or a CRL before it is signed.
    fn is_misdated(&self, first: Option<Moment>) -> bool {
        let signed = self
            .version
            .kind
            .as_deref()
            .is_some_and(|kind| kind != "certificate");
        match (first, self.version.issued) {
            (Some(first), Some(issued)) => signed && first < issued.earlier(ISSUE_TOLERANCE),
            _ => false,
        }
    }
}

/// Counts, for every version of an object, how many machines had it by when:
/// one scale for all versions of the object, so that curves can be compared.
fn steps(fleet: &Fleet, all: &mut Growing<'_>) {
    let mut scales: BTreeMap<Word, (i64, i64)> = BTreeMap::new();
    for (object, versions) in all.iter() {
        let firsts = versions.values().filter_map(|it| it.0.first);
        let from = firsts.map(|(at, _)| at.nanoseconds()).min();
        let lasts = versions.values().filter_map(|it| it.0.last);
        let to = lasts.map(Moment::nanoseconds).max();
        if let (Some(from), Some(to)) = (from, to) {
            let width = to.saturating_sub(from).max(0) / STEPS + 1;
            scales.insert(Word::clone(object), (from, width));
        }
    }
    let mut counts: BTreeMap<(Word, Word), Vec<usize>> = BTreeMap::new();
    for machine in fleet.machines() {
        for ((object, sha256), shown) in shown(fleet, &machine) {
            let spread = all.get(object).and_then(|versions| versions.get(sha256));
            let misdated = spread.is_some_and(|it| it.0.is_misdated(shown.first));
            let (Some(first), Some((from, width))) = (shown.first, scales.get(object)) else {
                continue;
            };
            let step = first.nanoseconds().saturating_sub(*from) / width;
            let key = (Word::clone(object), Word::clone(sha256));
            let counts = counts
                .entry(key)
                .or_insert_with(|| vec![0; STEPS as usize + 1]);
            if let Some(count) = usize::try_from(step).ok().and_then(|it| counts.get_mut(it))
                && !misdated
            {
                *count += 1;
            }
        }
    }
    for (object, versions) in all.iter_mut() {
        for (sha256, (spread, _)) in versions.iter_mut() {
            let key = (Word::clone(object), Word::clone(sha256));
            let (Some(counts), Some((from, width))) = (counts.get(&key), scales.get(*object))
            else {
                continue;
            };
            let mut sum = 0;
            for (step, count) in (1_i64..).zip(counts) {
                sum += count;
                if *count > 0 {
                    let end = from.saturating_add(width.saturating_mul(step));
                    let end = crate::time::Timestamp::from_unix_nanoseconds(end.into());
                    spread.steps.extend(end.map(|end| (Moment::of(end), sum)));
                }
            }
        }
    }
}

fn least(one: Option<(Moment, usize)>, other: Option<(Moment, usize)>) -> Option<(Moment, usize)> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
