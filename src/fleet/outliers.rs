//! Machines that differ from the rest.

use std::collections::BTreeMap;

use super::answer::Answer;
use super::gather::Fleet;
use super::machine::{Machine, Word};
use super::spread::{Object, current};

/// A machine that differs from the rest, and in what.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Outlier {
    /// The machine.
    pub machine: usize,
    /// `rare-cause`, `rare-version`, `left-behind`, `clock-off`, `alone-failing`,
    /// `alone-working`.
    pub kind: &'static str,
    /// What it is about: the rule, the object, the proxy, seconds.
    pub about: String,
}

/// Below so many machines nothing is rare.
const LEAST_FLEET: usize = 20;
/// A clock is off from here on, in milliseconds: tickets of Kerberos bear five
/// minutes.
const CLOCK_OFF: i64 = 300_000;

/// Two machines at most, and one in a hundred at most.
fn is_rare(few: usize, of: usize) -> bool {
    of >= LEAST_FLEET && few <= 2 && few.saturating_mul(100) <= of.max(100)
}

/// Nine in ten.
fn is_most(many: usize, of: usize) -> bool {
    of >= LEAST_FLEET && many.saturating_mul(10) >= of.saturating_mul(9)
}

/// All of them, by machine.
pub(super) fn outliers(fleet: &Fleet, answer: &Answer) -> Vec<Outlier> {
    let mut found = Vec::new();
    let rare: Vec<&Word> = answer
        .causes
        .iter()
        .filter(|it| is_rare(it.machines, fleet.len()))
        .filter_map(|it| it.cause.as_ref())
        .collect();
    let proxies = behind(fleet);
    let objects: BTreeMap<&Word, &Object> =
        answer.objects.iter().map(|it| (&it.object, it)).collect();
    for (index, machine) in fleet.machines().enumerate() {
        let mut add = |kind, about: String| {
            found.push(Outlier {
                machine: index,
                kind,
                about,
            });
        };
        for incident in &machine.incidents {
            if let Some(cause) = &incident.cause
                && rare.contains(&cause)
            {
                add("rare-cause", cause.to_string());
            }
        }
        let off = machine.clock_off();
        if off.abs() >= CLOCK_OFF {
            add("clock-off", format!("{} s", off / 1000));
        }
        for proxy in &machine.proxies {
            let (used, failed) = proxies.get(proxy).copied().unwrap_or_default();
            let fails = machine
                .incidents
                .iter()
                .any(|it| it.proxies.contains(proxy));
            if fails && is_rare(failed, used) {
                add("alone-failing", proxy.to_string());
            } else if !fails && used > failed && is_rare(used - failed, used) {
                add("alone-working", proxy.to_string());
            }
        }
        for (object, kind) in versions(fleet, &machine, &objects) {
            add(kind, object);
        }
    }
    found.sort();
    found.dedup();
    found
}

/// Machines that used each proxy, and those of them that failed with it.
fn behind(fleet: &Fleet) -> BTreeMap<Word, (usize, usize)> {
    let mut all: BTreeMap<Word, (usize, usize)> = BTreeMap::new();
    for machine in fleet.machines() {
        for proxy in &machine.proxies {
            let counts = all.entry(Word::clone(proxy)).or_default();
            counts.0 += 1;
            let fails = machine
                .incidents
                .iter()
                .any(|it| it.proxies.contains(proxy));
            counts.1 += usize::from(fails);
        }
    }
    all
}

/// Objects of which a machine holds what hardly anybody holds, or not what
/// nearly everybody has by now.
fn versions(
    fleet: &Fleet,
    machine: &Machine,
    objects: &BTreeMap<&Word, &Object>,
) -> Vec<(String, &'static str)> {
    let mut held: BTreeMap<&Word, Vec<&Word>> = BTreeMap::new();
    for (holding, now) in machine.holdings.iter().zip(current(fleet, machine)) {
        if let Some(slot) = fleet.slot(holding.slot)
            && now
        {
            held.entry(&slot.object).or_default().push(&slot.sha256);
        }
    }
    let mut found = Vec::new();
    for (object, versions) in held {
        let Some(spread) = objects.get(object) else {
            continue;
        };
        let newest = spread.versions.last();
        let rare = spread.versions.iter().any(|version| {
            versions.contains(&&version.sha256) && is_rare(version.machines_now, spread.machines)
        });
        let behind = newest.is_some_and(|newest| {
            is_most(newest.machines_now, spread.machines) && !versions.contains(&&newest.sha256)
        });
        if behind {
            found.push((object.to_string(), "left-behind"));
        } else if rare {
            found.push((object.to_string(), "rare-version"));
        }
    }
    found
}
