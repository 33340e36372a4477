//! From time to place: distances from the incident, logarithmic, because a
//! certificate lives for years, a CRL for days, and a fault may lie within
//! minutes.

use super::axis::Axis;
use crate::time::Timestamp;

/// From time to place, between two edges.
#[derive(Debug)]
pub(super) struct Scale {
    zero: Timestamp,
    before: f64,
    after: f64,
    center: i32,
    first: i32,
    last: i32,
}

impl Scale {
    /// The scale of these bands between `left` and `right`, with `pad` free at
    /// both ends.
    pub(super) fn of(axis: &Axis, left: i32, right: i32, pad: i32) -> Self {
        let zero = axis.incident.0;
        let edges = axis
            .bands
            .iter()
            .flat_map(|band| [Some(band.from), band.until]);
        let edges = edges.flatten().chain([axis.incident.1]);
        let distances: Vec<f64> = edges
            .map(|at| distance(at.since(zero).as_seconds()))
            .collect();
        let least = distance(DAY);
        let before = distances.iter().fold(least, |most, it| most.max(-it));
        let after = distances.iter().fold(least, |most, it| most.max(*it));
        let share = (before / (before + after)).clamp(0.25, 0.75);
        Scale {
            zero,
            before,
            after,
            center: left + part(right - left, share),
            first: left + pad,
            last: right - pad,
        }
    }

    /// The place of a time.
    pub(super) fn x(&self, at: Timestamp) -> i32 {
        self.place(at.since(self.zero).as_seconds())
    }

    fn place(&self, seconds: f64) -> i32 {
        let distance = distance(seconds);
        match distance < 0.0 {
            true => self.center - part(self.center - self.first, -distance / self.before),
            false => self.center + part(self.last - self.center, distance / self.after),
        }
    }

    /// Round distances with their places, at least `apart` from each other.
    pub(super) fn ticks(&self, apart: i32) -> Vec<(i32, String)> {
        let mut ticks: Vec<(i32, String)> = Vec::new();
        for sign in [-1.0, 1.0] {
            let mut last = self.center;
            for (seconds, label) in DISTANCES {
                let within =
                    distance(*seconds) <= if sign < 0.0 { self.before } else { self.after };
                let x = self.place(sign * seconds);
                if within && (x - last).abs() >= apart {
                    let word = if sign < 0.0 { "−" } else { "+" };
                    ticks.push((x, format!("{word}{label}")));
                    last = x;
                }
            }
        }
        ticks.sort();
        ticks
    }
}

/// Logarithmic beyond a minute, with its sign.
fn distance(seconds: f64) -> f64 {
    (1.0 + seconds.abs() / 60.0).log10() * seconds.signum()
}

/// A share of a length in whole pixels.
fn part(length: i32, share: f64) -> i32 {
    // A picture is some hundred pixels wide, and a share at most one.
    #[allow(clippy::cast_possible_truncation)]
    let pixels = (f64::from(length) * share.clamp(0.0, 1.0)).round() as i32;
    pixels
}

const DAY: f64 = 86_400.0;
const DISTANCES: &[(f64, &str)] = &[
    (600.0, "10 min"),
    (3_600.0, "1 h"),
    (DAY, "1 day"),
    (7.0 * DAY, "7 days"),
    (30.0 * DAY, "30 days"),
    (365.0 * DAY, "1 year"),
    (3_650.0 * DAY, "10 years"),
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::report::{Look, axis, sample};

    #[test]
    fn places_grow_with_time_and_stay_within_the_axis() {
        let axis = axis::axis(&sample::explained(), &Look::default()).unwrap();
        let scale = Scale::of(&axis, 230, 810, 14);
        let places: Vec<i32> = [-4e8, -DAY, -60.0, 0.0, 60.0, DAY, 4e8]
            .iter()
            .map(|it| scale.place(*it))
            .collect();
        assert!(places.is_sorted(), "{places:?}");
        assert!(places.iter().all(|x| (230..=810).contains(x)), "{places:?}");
        let ticks = scale.ticks(68);
        let apart = ticks.windows(2).all(|pair| pair[1].0 - pair[0].0 >= 68);
        assert!(apart, "{ticks:?}");
    }
}
