//! The sequence picture: lanes for accounts, caches, proxies and origins, and
//! an arrow for each step. Words stand in columns beside the lanes, so that no
//! arrow runs through a text and no text through another.

use maud::{Markup, html};

use super::look::Look;
use super::sequence::{End, Mood, Sequence, Step};
use super::svg::{fit, fit_middle};

/// Draws the picture; `number` makes its ids differ from those of others.
pub(super) fn draw(sequence: &Sequence, look: &Look, number: usize) -> Markup {
    let lanes = i32::try_from(sequence.lanes.len()).unwrap_or(1).max(1);
    let lane = (LANES / lanes).clamp(MIN_LANE, MAX_LANE);
    let plan = Plan {
        lane,
        right: LEFT + lanes * lane,
    };
    let rows = rows(sequence, look);
    let height = HEAD + rows.last().map_or(0, |row| row.bottom()) + FOOT;
    let width = plan.right + RIGHT;
    let (title, description) = (format!("seq-{number}-t"), format!("seq-{number}-d"));
    html! {
        svg class="picture" viewBox={ "0 0 " (width) " " (height) } role="img"
            aria-labelledby={ (title) " " (description) } {
            title id=(title) { "Sequence of what happened" }
            desc id=(description) { (described(sequence, look)) }
            @for (index, row) in rows.iter().enumerate() {
                @if index % 2 == 1 {
                    rect class="zebra" x="0" y=(HEAD + row.top) width=(width) height=(row.height) rx="4" {}
                }
            }
            @for (index, (_, name, below)) in sequence.lanes.iter().enumerate() {
                (station(&plan, index, name, below, height))
            }
            @for row in &rows { (step(&plan, row)) }
        }
    }
}

/// Where the lanes are.
struct Plan {
    lane: i32,
    right: i32,
}

impl Plan {
    fn x(&self, lane: usize) -> i32 {
        let lane = i32::try_from(lane).unwrap_or(0);
        LEFT + lane * self.lane + self.lane / 2
    }
}

/// A row: a step with its times, and the day where it begins.
struct Row<'a> {
    top: i32,
    height: i32,
    day: Option<String>,
    time: String,
    step: &'a Step,
}

impl Row<'_> {
    fn bottom(&self) -> i32 {
        self.top + self.height
    }

    /// The line on which the arrow lies.
    fn middle(&self) -> i32 {
        HEAD + self.bottom() - STEP / 2
    }
}

fn rows<'a>(sequence: &'a Sequence, look: &Look) -> Vec<Row<'a>> {
    let mut top = 0;
    let mut last = None;
    let mut rows = Vec::new();
    for step in &sequence.steps {
        let (day, time) = look.day_and_time(step.at);
        let new = last.as_ref() != Some(&day);
        let height = if new { STEP + DAY } else { STEP };
        rows.push(Row {
            top,
            height,
            day: new.then(|| day.clone()),
            time,
            step,
        });
        top += height;
        last = Some(day);
    }
    rows
}

fn station(plan: &Plan, index: usize, name: &str, below: &str, height: i32) -> Markup {
    let x = plan.x(index);
    let room = plan.lane - 14;
    let name = fit_middle(name, room - 8, 12);
    let below_fitted = fit_middle(below, room - 8, 11);
    let full = [name.full.as_deref(), below_fitted.full.as_deref()];
    let full: Vec<&str> = full.into_iter().flatten().collect();
    html! {
        line class="lifeline" x1=(x) x2=(x) y1=(HEAD - 8) y2=(height - FOOT / 2) {}
        g {
            @if !full.is_empty() { title { (full.join(", ")) } }
            rect class="station" x=(x - room / 2) y="6" width=(room) height=(HEAD - 18) rx="6" {}
            text class="t strong mid" x=(x) y=(if below.is_empty() { 32 } else { 25 }) data-room=(room) { (name.shown) }
            @if !below.is_empty() {
                text class="t soft mid small" x=(x) y="41" data-room=(room) { (below_fitted.shown) }
            }
        }
    }
}

fn step(plan: &Plan, row: &Row<'_>) -> Markup {
    let step = row.step;
    let y = row.middle();
    let class = match step.mood {
        Mood::Good => "good",
        Mood::Bad => "bad",
        Mood::Unsure => "unsure",
    };
    let place = fit(&step.place, LEFT - 12, 11);
    let what = fit_middle(&step.what, RIGHT - 40, 13);
    let result = fit(&step.result, RIGHT - 40, 12);
    html! {
        g class={ "step " (class) } {
            @if let Some(day) = &row.day {
                text class="t soft small" x="4" y=(HEAD + row.top + 15) data-room=(LEFT - 12) { (day) }
            }
            text class="t mono" x="4" y=(y - 2) data-room=(LEFT - 12) { (row.time) }
            (titled(&place.full, html! {
                text class="t soft small" x="4" y=(y + 14) data-room=(LEFT - 12) { (place.shown) }
            }))
            (arrows(plan, step, y))
            circle class="mark" cx=(plan.right + 20) cy=(y - 6) r="4" {}
            (titled(&what.full, html! {
                text class="t strong" x=(plan.right + 32) y=(y - 2) data-room=(RIGHT - 36) { (what.shown) }
            }))
            (titled(&result.full, html! {
                text class="t result small" x=(plan.right + 32) y=(y + 14) data-room=(RIGHT - 36) { (result.shown) }
            }))
        }
    }
}

/// A text with all of it as its title, where it was cut.
fn titled(full: &Option<String>, text: Markup) -> Markup {
    html! {
        @if let Some(full) = full { g { title { (full) } (text) } } @else { (text) }
    }
}

fn arrows(plan: &Plan, step: &Step, y: i32) -> Markup {
    let xs: Vec<i32> = step.way.iter().map(|lane| plan.x(*lane)).collect();
    let legs: Vec<(i32, i32)> = xs
        .windows(2)
        .filter_map(|pair| match pair {
            [from, to] if from != to => Some((*from, *to)),
            _ => None,
        })
        .collect();
    let Some((last, before)) = legs.split_last() else {
        let x = xs.first().copied().unwrap_or(LEFT);
        return html! { circle class="here" cx=(x) cy=(y) r="5" {} };
    };
    let start = legs.first().map_or(last.0, |leg| leg.0);
    html! {
        @for (from, to) in before {
            (arrow(*from, *to, y - 4, "ask"))
            circle class="via" cx=(to) cy=(y) r="3.5" {}
        }
        @match step.end {
            End::OneWay => {
                (arrow(last.0, last.1, y, "answer"))
            }
            End::Lost => {
                @let stop = last.1 - (last.1 - last.0).signum() * 18;
                line class="ask lost" x1=(last.0) x2=(stop) y1=(y) y2=(y) {}
                (cross(stop, y))
            }
            End::Answered => {
                (arrow(last.0, last.1, y - 4, "ask"))
                (arrow(last.1, start, y + 6, "answer"))
            }
            End::Broken => {
                (arrow(last.0, last.1, y - 4, "ask"))
                @let stop = last.1 - (last.1 - last.0) * 2 / 5;
                line class="answer lost" x1=(last.1) x2=(stop) y1=(y + 6) y2=(y + 6) {}
                (cross(stop, y + 6))
            }
        }
    }
}

fn arrow(from: i32, to: i32, y: i32, class: &str) -> Markup {
    let back = if to > from { -8 } else { 8 };
    let points = format!("{to},{y} {},{} {},{}", to + back, y - 4, to + back, y + 4);
    html! {
        line class=(class) x1=(from) x2=(to + back / 2) y1=(y) y2=(y) {}
        polygon class="tip" points=(points) {}
    }
}

fn cross(x: i32, y: i32) -> Markup {
    let path = format!("M{} {}l10 10m0 -10l-10 10", x - 5, y - 5);
    html! { path class="cross" d=(path) {} }
}

/// The picture in words, for those who cannot see it.
fn described(sequence: &Sequence, look: &Look) -> String {
    let steps = sequence.steps.iter().map(|step| {
        let stations = step.way.iter().filter_map(|lane| sequence.lanes.get(*lane));
        let stations: Vec<&str> = stations.map(|(_, name, _)| name.as_str()).collect();
        format!(
            "{} {}: {}, {}.",
            look.second(step.at),
            stations.join(" to "),
            step.what,
            step.result
        )
    });
    steps.collect::<Vec<_>>().join(" ")
}

/// Pixels of the column of times.
const LEFT: i32 = 124;
/// Pixels of the column of words.
const RIGHT: i32 = 380;
/// Pixels that the lanes share.
const LANES: i32 = 640;
const MIN_LANE: i32 = 112;
const MAX_LANE: i32 = 170;
/// Pixels of the heads of the lanes.
const HEAD: i32 = 64;
/// Pixels of a step.
const STEP: i32 = 44;
/// Pixels of the line that names a day.
const DAY: i32 = 18;
const FOOT: i32 = 12;
