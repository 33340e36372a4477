//! A clock that was set while the capture ran.

use std::collections::BTreeMap;

use super::Clock;
use super::interval::{self, Interval};
use super::servers::{by_date, seen_at};
use crate::case::{Case, Vantage};
use crate::provenance::Cite;

/// A jump below this is lost in the resolution of `Date` and in slow answers.
const LEAST_JUMP: f64 = 5.0;
/// Two servers see the same jump to this precision.
const SAME_JUMP: f64 = 10.0;

/// The jump of the capture's clock, where two servers, or two answers of one
/// server on each side of it, show it.
pub fn turned(case: &Case, vantage: &Vantage) -> Option<Clock> {
    let mut per_host: BTreeMap<&str, Vec<(u64, Interval)>> = BTreeMap::new();
    for retrieval in seen_at(case, vantage) {
        let packet = retrieval.cites.iter().find_map(|cite| match cite {
            Cite::Packets { packets, .. } => packets.first().copied(),
            _ => None,
        });
        if let (Some(host), Some(packet), Some(offset)) =
            (&retrieval.host, packet, by_date(retrieval))
        {
            per_host.entry(host).or_default().push((packet, offset));
        }
    }
    let jumps: Vec<Jump> = per_host.into_values().filter_map(jump).collect();
    let sure = jumps.iter().find(|jump| {
        let agree = |other: &&Jump| (other.by() - jump.by()).abs() <= SAME_JUMP;
        jump.is_backed || jumps.iter().filter(agree).count() > 1
    })?;
    // The servers' offset moves against the capture's clock.
    let (least, greatest) = (-sure.greatest, -sure.least);
    let direction = if least > 0.0 { "forward" } else { "back" };
    Some(Clock {
        source: format!(
            "capture point {} after packet {}",
            vantage.number + 1,
            sure.packet
        ),
        offset_min_s: least,
        offset_max_s: greatest,
        basis: format!(
            "the clock was set {direction} during the capture: Date fields of the same servers before and after"
        ),
    })
}

struct Jump {
    /// The last packet before it.
    packet: u64,
    least: f64,
    greatest: f64,
    /// Two answers or more on each side.
    is_backed: bool,
}

impl Jump {
    fn by(&self) -> f64 {
        f64::midpoint(self.least, self.greatest)
    }
}

/// Splits the answers of one server, in the order of packets, where those
/// before and those after agree among themselves and not with each other.
fn jump(mut answers: Vec<(u64, Interval)>) -> Option<Jump> {
    answers.sort_by_key(|(packet, _)| *packet);
    (1..answers.len()).find_map(|at| {
        let (before, after) = answers.split_at(at);
        let (one, other) = (common(before)?, common(after)?);
        let (least, greatest) = (other.0 - one.1, other.1 - one.0);
        let is_jump =
            interval::are_apart(one, other) && least.abs().min(greatest.abs()) >= LEAST_JUMP;
        is_jump.then(|| Jump {
            packet: before.last().map_or(0, |(packet, _)| *packet),
            least,
            greatest,
            is_backed: before.len() > 1 && after.len() > 1,
        })
    })
}

/// What all of them allow.
fn common(answers: &[(u64, Interval)]) -> Option<Interval> {
    let least = answers.iter().map(|(_, it)| it.0).max_by(f64::total_cmp)?;
    let greatest = answers.iter().map(|(_, it)| it.1).min_by(f64::total_cmp)?;
    (least <= greatest).then_some((least, greatest))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    #[test]
    fn answers_that_fall_into_two_camps_show_the_jump_between_them() {
        let answers = vec![
            (10, (0.0, 1.0)),
            (20, (-0.2, 1.0)),
            (30, (3_600.0, 3_601.0)),
            (40, (3_599.9, 3_601.0)),
        ];
        let jump = jump(answers).unwrap();
        assert_eq!((jump.packet, jump.is_backed), (20, true));
        assert!(jump.least <= 3_600.0 && jump.greatest >= 3_600.0);
    }

    #[test]
    fn one_stray_date_is_no_jump() {
        let answers = vec![(10, (0.0, 1.0)), (20, (-900.0, -899.0)), (30, (0.0, 1.0))];
        assert!(jump(answers).is_none());
    }
}
