//! The time axis: validity bands against the incident. Distances from the
//! incident are on a logarithmic scale, because a certificate lives for years,
//! a CRL for days, and a fault may lie within minutes.

use maud::{Markup, html};

use super::axis::{Axis, Band};
use super::look::Look;
use super::scale::Scale;
use super::sequence::Mood;
use super::svg::{bold, fit, fit_middle};

/// Draws the picture; `number` makes its ids differ from those of others.
pub(super) fn draw(axis: &Axis, look: &Look, number: usize) -> Markup {
    let scale = Scale::of(axis, LEFT, RIGHT_EDGE, PAD);
    let bands = i32::try_from(axis.bands.len()).unwrap_or(0);
    let bottom = HEAD + bands * ROW;
    let height = bottom + FOOT;
    let (title, description) = (format!("axis-{number}-t"), format!("axis-{number}-d"));
    let (first, last) = (scale.x(axis.incident.0), scale.x(axis.incident.1));
    html! {
        svg class="picture" width=(WIDTH) viewBox={ "0 0 " (WIDTH) " " (height) } role="img"
            aria-labelledby={ (title) " " (description) } {
            title id=(title) { "Validity against the incident" }
            desc id=(description) { (described(axis, look)) }
            @for (x, label) in scale.ticks(LABEL) {
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
    let name = fit_middle(&band.name, LEFT - 16, bold(12));
    let state = fit(&band.state, RIGHT - 12, bold(12));
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
