//! Offsets between the clocks of the evidence: the capturing machine's, the
//! servers', and that of the machine whose caches were handed over.
//!
//! The capture's clock is the reference. An offset is an interval that holds
//! the truth as far as the evidence goes, never a single number.

use std::collections::BTreeMap;

use crate::case::machines::is_copy;
use crate::case::{Case, Vantage};
use crate::time::Timestamp;

/// The offset of one clock from the reference, in seconds; positive when this
/// clock is ahead.
#[derive(Debug, Clone, PartialEq)]
pub struct Clock {
    /// Whose clock: `servers seen from capture 1`, `caches of PC-17`.
    pub source: String,
    /// Least offset.
    pub offset_min_s: f64,
    /// Greatest offset.
    pub offset_max_s: f64,
    /// What it was computed from.
    pub basis: String,
}

/// A `Date` field counts whole seconds: the truth lies up to one later.
const DATE_RESOLUTION: f64 = 1.0;

/// Compares every pair of clocks that the evidence lets meet.
#[must_use]
pub fn clocks(case: &Case) -> Vec<Clock> {
    let mut clocks: Vec<Clock> = case
        .vantages
        .iter()
        .filter_map(|vantage| servers(case, vantage))
        .collect();
    clocks.extend((0..case.machines.len()).filter_map(|machine| host(case, machine)));
    clocks
}

/// Origin answers without `Age` carry the server's time: written after the
/// request went out and before the answer came in. Each server gives an
/// interval; the median server stands for all, so that one wrong clock does
/// not decide.
#[must_use]
pub fn servers(case: &Case, vantage: &Vantage) -> Option<Clock> {
    let mut per_host: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    for retrieval in &case.retrievals {
        if retrieval.vantage != Some(vantage.number) {
            continue;
        }
        let headers = &retrieval.response_headers;
        let (Some(host), Some(date)) = (&retrieval.host, headers.get("Date")) else {
            continue;
        };
        if headers.get("Age").is_some() {
            continue;
        }
        let Some(date) = Timestamp::from_http_date(date) else {
            continue;
        };
        let least = date.since(retrieval.ended_at).as_seconds();
        let greatest = date.since(retrieval.started_at).as_seconds() + DATE_RESOLUTION;
        let known = per_host.entry(host).or_insert((least, greatest));
        let narrowed = (known.0.max(least), known.1.min(greatest));
        // Answers that contradict each other (a clock set in between) keep the
        // wider truth.
        *known = if narrowed.0 <= narrowed.1 {
            narrowed
        } else {
            (known.0.min(least), known.1.max(greatest))
        };
    }
    let mut intervals: Vec<(f64, f64)> = per_host.values().copied().collect();
    intervals.sort_by(|a, b| (a.0 + a.1).total_cmp(&(b.0 + b.1)));
    let (offset_min_s, offset_max_s) = *intervals.get(intervals.len() / 2)?;
    let count = intervals.len();
    let noun = if count == 1 { "server" } else { "servers" };
    Some(Clock {
        source: format!("servers seen from capture point {}", vantage.number + 1),
        offset_min_s,
        offset_max_s,
        basis: format!("Date fields of answers without Age, {count} {noun}, the median one"),
    })
}

/// `LastSyncTime` of entries that hold a captured download, byte for byte. The
/// time is taken once per chain build, so the interval is as wide as the
/// differences are.
fn host(case: &Case, machine: usize) -> Option<Clock> {
    let mut differences: Vec<f64> = Vec::new();
    for (entry, owner) in case.cache_entries.iter().zip(&case.cache_machines) {
        if *owner != Some(machine) {
            continue;
        }
        let synced = entry.record.as_ref().and_then(|record| record.last_sync_at);
        for (retrieval, asked) in case.retrievals.iter().zip(&case.retrieval_machines) {
            if *asked == Some(machine)
                && is_copy(entry, retrieval)
                && let Some(synced) = synced
            {
                differences.push(synced.since(retrieval.ended_at).as_seconds());
            }
        }
    }
    let least = differences.iter().copied().min_by(f64::total_cmp)?;
    let greatest = differences.iter().copied().max_by(f64::total_cmp)?;
    let count = differences.len();
    let noun = if count == 1 {
        "entry that holds"
    } else {
        "entries that hold"
    };
    Some(Clock {
        source: format!("caches of {}", case.machine_phrase(Some(machine))),
        offset_min_s: least,
        offset_max_s: greatest,
        basis: format!("last synchronization of {count} {noun} a captured download"),
    })
}
