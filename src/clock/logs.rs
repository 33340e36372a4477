//! The clock of a machine whose update logs were handed over: lines that tell of
//! captured handshakes.

use super::Clock;
use super::interval::{self, Interval};
use crate::case::Case;
use crate::case::contacts::{self, LOGGED_WITHIN};

/// A line is written after its handshake began, and at most [`LOGGED_WITHIN`]
/// after it ended.
#[must_use]
pub fn by_contacts(case: &Case, machine: usize) -> Option<Clock> {
    let told = case.contacts(Some(machine));
    let mut intervals: Vec<Interval> = Vec::new();
    for contact in &told {
        let index = contacts::handshake_of(case, Some(machine), contact);
        let Some(handshake) = index.and_then(|index| case.handshakes.get(index)) else {
            continue;
        };
        intervals.push((
            contact.at.since(handshake.ended_at).as_seconds() - LOGGED_WITHIN.as_seconds(),
            contact.at.since(handshake.at).as_seconds(),
        ));
    }
    let (offset_min_s, offset_max_s) = interval::agreed(&intervals)?;
    let lines = crate::words::count(
        intervals.len() as u64,
        "line that tells of a captured handshake",
        "lines that tell of captured handshakes",
    );
    Some(Clock {
        source: format!("update logs of {}", case.machine_phrase(Some(machine))),
        offset_min_s,
        offset_max_s,
        basis: lines,
    })
}
