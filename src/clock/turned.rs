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
    // What all up to each answer allow, and what all from each one on do: every
    // split is then judged without another look at its answers.
    let up_to = running(answers.iter());
    let mut from = running(answers.iter().rev());
    from.reverse();
    (1..answers.len()).find_map(|at| {
        let (one, other) = (*up_to.get(at - 1)?, *from.get(at)?);
        let (one, other) = (one.filter(is_possible)?, other.filter(is_possible)?);
        let (least, greatest) = (other.0 - one.1, other.1 - one.0);
        let is_jump =
            interval::are_apart(one, other) && least.abs().min(greatest.abs()) >= LEAST_JUMP;
        is_jump.then(|| Jump {
            packet: answers.get(at - 1).map_or(0, |(packet, _)| *packet),
            least,
            greatest,
            is_backed: at > 1 && answers.len() - at > 1,
        })
    })
}

/// For each answer, what it and all before it allow.
fn running<'a>(answers: impl Iterator<Item = &'a (u64, Interval)>) -> Vec<Option<Interval>> {
    let common = answers.scan(None, |common: &mut Option<Interval>, (_, it)| {
        let (least, greatest) = common.unwrap_or(*it);
        *common = Some((least.max(it.0), greatest.min(it.1)));
        Some(*common)
    });
    common.collect()
}

/// An interval that leaves something.
fn is_possible(interval: &Interval) -> bool {
    interval.0 <= interval.1
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

    #[test]
    fn a_jump_after_very_many_answers_is_found_by_one_pass() {
        // Every split of a hundred thousand answers: with a look at all of them
        // for each, ten thousand million comparisons.
        let mut answers: Vec<(u64, Interval)> = (0..100_000).map(|n| (n, (0.0, 1.0))).collect();
        answers.extend((100_000..100_003).map(|n| (n, (600.0, 601.0))));
        let jump = jump(answers).unwrap();
        assert_eq!((jump.packet, jump.is_backed), (99_999, true));
    }
}
