//! Intervals of offsets, and what several of them agree on.

/// Least and greatest offset, in seconds.
pub type Interval = (f64, f64);

/// The offsets that more than half of the intervals allow, as one interval:
/// it holds the truth as long as fewer than half of them are wrong. Where no
/// offset finds a majority, everything that any of them allows.
///
/// This is the intersection of NTP (RFC 5905 §11.2.1) with the largest number
/// of falsetickers that can still be outvoted.
#[must_use]
pub fn agreed(intervals: &[Interval]) -> Option<Interval> {
    let majority = intervals.len() / 2 + 1;
    let mut edges: Vec<(f64, bool)> = intervals
        .iter()
        .flat_map(|(least, greatest)| [(*least, true), (*greatest, false)])
        .collect();
    // At one point, what begins counts before what ends: both hold it.
    edges.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
    let mut covering = 0usize;
    let mut found: Option<Interval> = None;
    for (at, begins) in edges {
        if begins {
            covering += 1;
            if covering >= majority {
                found = Some(found.map_or((at, at), |(least, _)| (least, at)));
            }
        } else {
            if covering >= majority {
                found = Some(found.map_or((at, at), |(least, _)| (least, at)));
            }
            covering -= 1;
        }
    }
    found.or_else(|| hull(intervals))
}

/// The interval from the least of all to the greatest of all.
#[must_use]
pub fn hull(intervals: &[Interval]) -> Option<Interval> {
    let least = intervals.iter().map(|it| it.0).min_by(f64::total_cmp)?;
    let greatest = intervals.iter().map(|it| it.1).max_by(f64::total_cmp)?;
    Some((least, greatest))
}

/// True when the two have no offset in common.
#[must_use]
pub fn are_apart(one: Interval, other: Interval) -> bool {
    one.1 < other.0 || other.1 < one.0
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    #[test]
    fn a_minority_that_is_wrong_does_not_decide() {
        assert_eq!(
            agreed(&[(0.0, 2.0), (1.0, 3.0), (900.0, 901.0)]),
            Some((1.0, 2.0))
        );
    }

    #[test]
    fn two_that_contradict_each_other_leave_both_open() {
        assert_eq!(agreed(&[(0.0, 1.0), (60.0, 61.0)]), Some((0.0, 61.0)));
        assert_eq!(agreed(&[]), None);
        assert_eq!(agreed(&[(-5.0, 7.0)]), Some((-5.0, 7.0)));
    }

    #[test]
    fn the_truth_stays_inside_when_most_intervals_hold_it() {
        // Every choice of two wrong ones among five, shifted by seconds to years.
        for truth in [
            -94_608_000.0,
            -3_600.0,
            -1.5,
            0.0,
            2.0,
            86_400.0,
            94_608_000.0,
        ] {
            for wrong in 0..25 {
                let (first, second) = (wrong / 5, wrong % 5);
                let intervals: Vec<Interval> = (0..5)
                    .map(|index| {
                        let width = 0.5 + f64::from(index);
                        let off = if index == first || index == second {
                            f64::from(index + 1) * 40.0
                        } else {
                            0.0
                        };
                        (truth + off - width / 2.0, truth + off + width)
                    })
                    .collect();
                let (least, greatest) = agreed(&intervals).unwrap();
                assert!(least <= truth && truth <= greatest, "{truth} {wrong}");
            }
        }
    }
}
