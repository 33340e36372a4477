//! The clock of a machine whose caches were handed over: the times that it
//! wrote beside what was downloaded.

use super::Clock;
use super::interval::{self, Interval};
use crate::case::clock_shift::is_copy;
use crate::case::{ArtifactSource, Case};
use crate::pki::Artifact;
use crate::time::{Span, Timestamp};

/// The time of synchronization is taken once per chain build, which lasts
/// 20 seconds at most by default, and written in whole milliseconds.
const CHAIN_BUILD: f64 = 20.0;
const RESOLUTION: f64 = 1.0;

/// `LastSyncTime` of entries that hold a captured download, byte for byte:
/// taken after the chain build began and before the download ended.
#[must_use]
pub fn by_copies(case: &Case, machine: usize) -> Option<Clock> {
    let shift = case
        .machines
        .get(machine)
        .and_then(|machine| machine.clock_shift)
        .unwrap_or(Span::seconds(0));
    let mut intervals: Vec<Interval> = Vec::new();
    for (entry, owner) in case.cache_entries.iter().zip(&case.cache_machines) {
        if *owner != Some(machine) {
            continue;
        }
        let synced = entry.record.as_ref().and_then(|record| record.last_sync_at);
        // One entry is synchronized once: the nearest download is the one.
        let differences = case
            .retrievals
            .iter()
            .zip(&case.retrieval_machines)
            .filter(|(retrieval, asked)| {
                **asked == Some(machine) && is_copy(entry, retrieval, shift)
            })
            .filter_map(|(retrieval, _)| {
                let synced = synced?;
                Some((
                    synced.since(retrieval.ended_at).as_seconds() - RESOLUTION,
                    synced.since(retrieval.started_at).as_seconds() + CHAIN_BUILD + RESOLUTION,
                ))
            });
        let nearest = differences.min_by(|a, b| {
            let from_shift = |it: &Interval| (it.0 - shift.as_seconds()).abs();
            from_shift(a).total_cmp(&from_shift(b))
        });
        intervals.extend(nearest);
    }
    let (offset_min_s, offset_max_s) = interval::agreed(&intervals)?;
    let count = intervals.len();
    let noun = if count == 1 {
        "entry that holds"
    } else {
        "entries that hold"
    };
    Some(Clock {
        source: format!("caches of {}", case.machine_phrase(Some(machine))),
        offset_min_s,
        offset_max_s,
        basis: format!("last synchronization of {count} {noun} a captured download"),
    })
}

/// An object cannot be synchronized before it was made.
const FOREIGN_CLOCK: Span = Span::seconds(300);
/// Where an object has no end, its maker's clock and ours differ by less.
const A_CENTURY: f64 = 3_155_760_000.0;

/// Entries that were synchronized before their own content was made: the clock
/// of the machine was behind then, whatever the capture says.
pub fn behind_its_objects(case: &Case, machine: usize) -> Option<Clock> {
    let mut intervals: Vec<Interval> = Vec::new();
    for (artifact, sight) in case.sightings_by(Some(machine)) {
        let ArtifactSource::Cache(entry) = sight.source else {
            continue;
        };
        let Some((made, ends)) = made_and_ends(case, artifact) else {
            continue;
        };
        let synced = case
            .cache_entries
            .get(entry)
            .and_then(|entry| entry.record.as_ref()?.last_sync_at);
        let Some(synced) = synced.filter(|synced| synced.plus(FOREIGN_CLOCK) < made) else {
            continue;
        };
        let behind = |of: Timestamp| synced.since(of).as_seconds();
        intervals.push((ends.map_or(-A_CENTURY, behind), behind(made)));
    }
    let (offset_min_s, offset_max_s) = interval::agreed(&intervals)?;
    let objects = match intervals.len() {
        1 => "1 cached object was".to_owned(),
        count => format!("{count} cached objects were"),
    };
    Some(Clock {
        source: format!(
            "caches of {} at an earlier time",
            case.machine_phrase(Some(machine))
        ),
        offset_min_s,
        offset_max_s,
        basis: format!(
            "the clock was behind: {objects} synchronized before being made, by the machine's own time"
        ),
    })
}

/// When a list, CRL or answer was made, and until when it is valid.
fn made_and_ends(case: &Case, artifact: usize) -> Option<(Timestamp, Option<Timestamp>)> {
    match &case.artifacts.get(artifact)?.artifact {
        Artifact::Crl(crl) => Some((crl.this_update, crl.next_update)),
        Artifact::Ctl(ctl) => Some((ctl.this_update, ctl.next_update)),
        Artifact::Ocsp(answer) => {
            let basic = answer.basic.as_ref()?;
            let ends = basic.responses.iter().filter_map(|it| it.next_update);
            Some((basic.produced_at, ends.max()))
        }
        Artifact::Certificate(_) => None,
    }
}
