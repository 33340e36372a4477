//! The time axis: validity bands against the incident. Distances from the
//! incident are on a logarithmic scale, because a certificate lives for years,
//! a CRL for days, and a fault may lie within minutes.

use maud::{Markup, html};

use super::axis::{Axis, Band};
use super::look::Look;
use super::sequence::Mood;
use super::svg::{fit, fit_middle};
use crate::time::Timestamp;

/// Draws the picture; `number` makes its ids differ from those of others.
pub(super) fn draw(axis: &Axis, look: &Look, number: usize) -> Markup {
    let scale = Scale::of(axis);
    let bands = i32::try_from(axis.bands.len()).unwrap_or(0);
    let bottom = HEAD + bands * ROW;
    let height = bottom + FOOT;
    let (title, description) = (format!("axis-{number}-t"), format!("axis-{number}-d"));
    let (first, last) = (scale.x(axis.incident.0), scale.x(axis.incident.1));
    html! {
        svg class="picture" viewBox={ "0 0 " (WIDTH) " " (height) } role="img"
            aria-labelledby={ (title) " " (description) } {
            title id=(title) { "Validity against the incident" }
            desc id=(description) { (described(axis, look)) }
            @for (x, label) in scale.ticks() {
                line class="tick" x1=(x) x2=(x) y1=(HEAD - 8) y2=(bottom) {}
                text class="t soft small mid" x=(x) y=(bottom + 16) data-room="66" { (label) }
            }
            rect class="incident" x=(first - 1) y=(HEAD - 14) width=((last - first).max(2)) height=(bottom - HEAD + 14) {}
            text class="t strong mid incident-text" x=(first) y="20" data-room="150" { "incident" }
            text class="t soft small mid" x=(first) y="36" data-room="150" { (look.second(axis.incident.0)) }
            text class="t soft small" x="4" y=(bottom + 34) data-room=(WIDTH - 8) {
                "Distance from the incident, logarithmic: before it on the left, after it on the right."
            }
            @for (index, band) in axis.bands.iter().enumerate() {
                (row(&scale, band, look, HEAD + i32::try_from(index).unwrap_or(0) * ROW))
            }
        }
    }
}

fn row(scale: &Scale, band: &Band, look: &Look, top: i32) -> Markup {
    let class = match band.mood {
        Mood::Good => "band good",
        Mood::Bad => "band bad",
        Mood::Unsure => "band unsure",
    };
    let from = scale.x(band.from);
    let until = band.until.map_or(RIGHT_EDGE, |until| scale.x(until));
    let name = fit_middle(&band.name, LEFT - 16, 12);
    let state = fit(&band.state, RIGHT - 12, 12);
    let (began, ended) = (
        look.minute(band.from),
        band.until.map(|until| look.minute(until)),
    );
    let dates = match &ended {
        Some(ended) => format!("{began} to {ended}"),
        None => format!("from {began}"),
    };
    // Dates to the day are enough beside the words on the distance.
    let day = |text: &str| text.chars().take(10).collect::<String>();
    let short = match &ended {
        Some(ended) => format!("{} → {}", day(&began), day(ended)),
        None => format!("from {}", day(&began)),
    };
    let middle = top + ROW / 2;
    html! {
        g class=(class) {
            title { (band.kind) " " (band.name) ", " (dates) ": " (band.state) }
            text class="t strong small" x="4" y=(middle - 3) data-room=(LEFT - 12) { (name.shown) }
            text class="t soft tiny" x="4" y=(middle + 12) data-room=(LEFT - 12) { (band.kind) }
            rect class="bar" x=(from) y=(middle - 7) width=((until - from).max(3)) height="14" rx="4" {}
            @if band.until.is_none() {
                path class="open-end" d={ "M" (RIGHT_EDGE - 9) " " (middle - 7) "l7 7l-7 7" } {}
            }
            text class="t small band-state" x=(RIGHT_EDGE + 12) y=(middle - 3) data-room=(RIGHT - 12) { (state.shown) }
            text class="t soft tiny" x=(RIGHT_EDGE + 12) y=(middle + 12) data-room=(RIGHT - 12) { (short) }
        }
    }
}

/// From time to place.
struct Scale {
    zero: Timestamp,
    before: f64,
    after: f64,
    center: i32,
}

impl Scale {
    fn of(axis: &Axis) -> Self {
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
            center: LEFT + part(RIGHT_EDGE - LEFT, share),
        }
    }

    fn x(&self, at: Timestamp) -> i32 {
        self.place(at.since(self.zero).as_seconds())
    }

    fn place(&self, seconds: f64) -> i32 {
        let distance = distance(seconds);
        match distance < 0.0 {
            true => self.center - part(self.center - LEFT - PAD, -distance / self.before),
            false => self.center + part(RIGHT_EDGE - PAD - self.center, distance / self.after),
        }
    }

    /// Round distances, as far apart as their labels need.
    fn ticks(&self) -> Vec<(i32, String)> {
        let mut ticks: Vec<(i32, String)> = Vec::new();
        for sign in [-1.0, 1.0] {
            let mut last = self.center;
            for (seconds, label) in DISTANCES {
                let within =
                    distance(*seconds) <= if sign < 0.0 { self.before } else { self.after };
                let x = self.place(sign * seconds);
                if within && (x - last).abs() >= LABEL {
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

/// The picture in words, for those who cannot see it.
fn described(axis: &Axis, look: &Look) -> String {
    let bands = axis.bands.iter().map(|band| {
        let until = band.until.map_or_else(
            || "without an end".to_owned(),
            |until| format!("to {}", look.minute(until)),
        );
        format!(
            "{} {}, {} {until}: {}.",
            band.kind,
            band.name,
            look.minute(band.from),
            band.state
        )
    });
    let incident = look.second(axis.incident.0);
    format!(
        "The incident begins at {incident}. {}",
        bands.collect::<Vec<_>>().join(" ")
    )
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
/// Pixels of the picture.
const WIDTH: i32 = 1000;
/// Pixels of the column of names.
const LEFT: i32 = 230;
/// Pixels of the column of words.
const RIGHT: i32 = 190;
const RIGHT_EDGE: i32 = WIDTH - RIGHT;
const HEAD: i32 = 56;
const ROW: i32 = 36;
const FOOT: i32 = 44;
/// Pixels kept free at both ends of the axis.
const PAD: i32 = 14;
/// Pixels between two labels.
const LABEL: i32 = 68;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::report::{axis, sample};

    #[test]
    fn places_grow_with_time_and_stay_within_the_axis() {
        let axis = axis::axis(&sample::explained(), &Look::default()).unwrap();
        let scale = Scale::of(&axis);
        let places: Vec<i32> = [-4e8, -DAY, -60.0, 0.0, 60.0, DAY, 4e8]
            .iter()
            .map(|it| scale.place(*it))
            .collect();
        assert!(places.is_sorted(), "{places:?}");
        assert!(
            places.iter().all(|x| (LEFT..=RIGHT_EDGE).contains(x)),
            "{places:?}"
        );
        let ticks = scale.ticks();
        let apart = ticks.windows(2).all(|pair| pair[1].0 - pair[0].0 >= LABEL);
        assert!(apart, "{ticks:?}");
    }
}
