//! The spread of an object's versions over time: a curve for each version, how
//! many machines had it by when.

use maud::{Markup, html};

use super::fleet_html::{FleetPage, number};
use super::fleet_html_objects::short;
use super::svg::fit;
use crate::fleet::{Moment, Object, Spread};

/// Draws the picture; `place` makes its ids differ from those of others.
pub(super) fn draw(page: &FleetPage<'_>, object: &Object, place: usize) -> Markup {
    let mut versions: Vec<&Spread> = object.versions.iter().collect();
    versions.retain(|it| it.first.is_some() && !it.steps.is_empty());
    versions.sort_by_key(|it| std::cmp::Reverse(it.machines_ever));
    versions.truncate(MAX_CURVES);
    versions.sort_by_key(|it| it.first);
    let Some(frame) = Frame::of(&versions) else {
        return html! {};
    };
    let labels = labels(&frame, &versions);
    let (title, about) = (format!("spread-{place}-t"), format!("spread-{place}-d"));
    html! {
        figure class="drawn" {
            svg class="picture" width=(WIDTH) viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img"
                aria-labelledby={ (title) " " (about) } {
                title id=(title) { "Machines that had each version, over time" }
                desc id=(about) { (described(page, &versions)) }
                @for quarter in 0..=4_i32 {
                    @let y = BOTTOM - (BOTTOM - TOP) * quarter / 4;
                    line class="grid" x1=(LEFT) x2=(RIGHT) y1=(y) y2=(y) {}
                    @if quarter > 0 && (frame.most >= 4 || quarter == 4) {
                        text class="t soft tiny" x="4" y=(y + 4) data-room=(LEFT - 8) { (number(frame.most * usize::try_from(quarter).unwrap_or(0) / 4)) }
                    }
                }
                @for tick in 0..TICKS {
                    @let x = LEFT + (RIGHT - LEFT) * tick / (TICKS - 1);
                    text class="t soft tiny mid" x=(x) y=(BOTTOM + 18) data-room=(TICK_ROOM) { (frame.time(page, tick)) }
                }
                @for (at, version) in versions.iter().enumerate() {
                    g class={ "v" (at) } {
                        title { (page.shown(&name(version))) }
                        path class="curve" d=(frame.curve(version)) {}
                        @let (end, label) = (frame.end(version), labels.get(at).copied().unwrap_or(TOP));
                        circle class="dotend" cx=(RIGHT) cy=(end) r="3" {}
                        path class="leader" d={ "M" (RIGHT + 4) " " (end) "L" (RIGHT + 18) " " (label) } {}
                        @let name = fit(&page.shown(&name(version)), LABEL, 12);
                        text class="t small" x=(RIGHT + 22) y=(label) data-room=(LABEL) { (name.shown) }
                        text class="t soft tiny" x=(RIGHT + 22) y=(label + 14) data-room=(LABEL) {
                            (number(version.machines_ever)) " had it, " (number(version.machines_now)) " hold it"
                        }
                    }
                }
            }
            figcaption { "How many machines are shown to have had each version, by when. A curve that stays flat while another rises is the version that was replaced." }
        }
    }
}

/// When it was issued tells people more than a number.
fn name(version: &Spread) -> String {
    let issued = version.version.issued.and_then(Moment::time);
    let issued = issued.map(|at| at.to_rfc3339().chars().take(10).collect::<String>());
    match (issued, &version.version.sequence) {
        (Some(issued), Some(sequence)) => format!("of {issued}, {sequence}"),
        (Some(issued), None) => format!("of {issued}, {}", short(&version.sha256)),
        (None, Some(sequence)) => sequence.to_string(),
        (None, None) => short(&version.sha256),
    }
}

/// From times and numbers to places.
struct Frame {
    from: i64,
    to: i64,
    most: usize,
}

impl Frame {
    fn of(versions: &[&Spread]) -> Option<Self> {
        let from = versions
            .iter()
            .filter_map(|it| it.first)
            .map(|it| it.0)
            .min()?;
        let ends = versions.iter().flat_map(|it| &it.steps).map(|it| it.0);
        let to = ends.max()?;
        Some(Frame {
            from: from.nanoseconds(),
            to: to.nanoseconds().max(from.nanoseconds().saturating_add(1)),
            most: versions.iter().map(|it| it.machines_ever).max()?.max(1),
        })
    }

    fn x(&self, at: Moment) -> i32 {
        let (whole, part) = (
            i128::from(self.to) - i128::from(self.from),
            i128::from(at.nanoseconds()) - i128::from(self.from),
        );
        let place = i128::from(RIGHT - LEFT) * part.clamp(0, whole) / whole.max(1);
        LEFT + i32::try_from(place).unwrap_or(0)
    }

    fn y(&self, machines: usize) -> i32 {
        let height = usize::try_from(BOTTOM - TOP).unwrap_or(0);
        let place = height * machines.min(self.most) / self.most;
        BOTTOM - i32::try_from(place).unwrap_or(0)
    }

    fn time(&self, page: &FleetPage<'_>, tick: i32) -> String {
        let width = i128::from(self.to) - i128::from(self.from);
        let at = i128::from(self.from) + width * i128::from(tick) / i128::from(TICKS - 1);
        let at = crate::time::Timestamp::from_unix_nanoseconds(at);
        at.map(|at| page.look.minute(at)).unwrap_or_default()
    }

    /// A line that climbs in steps, flat to the end.
    fn curve(&self, version: &Spread) -> String {
        let first = version.first.map_or(LEFT, |(at, _)| self.x(at));
        let mut path = format!("M{first} {BOTTOM}");
        let mut before = first;
        for (at, machines) in &version.steps {
            let y = self.y(*machines);
            let x = self.x(*at).max(before);
            path.push_str(&format!("L{x} {y}"));
            before = x;
        }
        path.push_str(&format!("H{RIGHT}"));
        path
    }

    fn end(&self, version: &Spread) -> i32 {
        self.y(version.steps.last().map_or(0, |(_, machines)| *machines))
    }
}

/// Where the labels stand: beside their curves, pushed apart.
fn labels(frame: &Frame, versions: &[&Spread]) -> Vec<i32> {
    let mut order: Vec<(i32, usize)> = versions
        .iter()
        .enumerate()
        .map(|(at, version)| (frame.end(version), at))
        .collect();
    order.sort_unstable();
    let mut places = vec![0; versions.len()];
    let mut below = TOP - LABEL_HEIGHT;
    let mut left = i32::try_from(versions.len()).unwrap_or(0);
    for (end, at) in order {
        // The last ones must have room below.
        let room = BOTTOM - LABEL_HEIGHT * left + LABEL_HEIGHT / 2;
        let place = end.min(room).max(below + LABEL_HEIGHT);
        if let Some(slot) = places.get_mut(at) {
            *slot = place;
        }
        below = place;
        left -= 1;
    }
    places
}

fn described(page: &FleetPage<'_>, versions: &[&Spread]) -> String {
    let each = versions.iter().map(|version| {
        let first = version
            .first
            .map(|(at, _)| page.time(at))
            .unwrap_or_default();
        let count = number(version.machines_ever);
        format!(
            "Version {}: first seen {first}, {count} machines.",
            page.shown(&name(version))
        )
    });
    each.collect::<Vec<_>>().join(" ")
}

/// Versions with a curve.
const MAX_CURVES: usize = 6;
const WIDTH: i32 = 1000;
const HEIGHT: i32 = 300;
const LEFT: i32 = 64;
const RIGHT: i32 = 740;
const TOP: i32 = 22;
const BOTTOM: i32 = 264;
/// Pixels of a label beside the curves.
const LABEL: i32 = WIDTH - RIGHT - 28;
const LABEL_HEIGHT: i32 = 34;
/// Times below the curves.
const TICKS: i32 = 5;
/// Pixels of a time.
const TICK_ROOM: i32 = 124;
