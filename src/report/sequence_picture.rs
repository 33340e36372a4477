//! The sequence picture: lanes for accounts, caches, proxies and origins, and
//! an arrow for each step. Words stand in columns beside the lanes, so that no
//! arrow runs through a text and no text through another.

use maud::{Markup, html};

use super::look::Look;
use super::sequence::{End, Mood, Sequence, Step};
use super::svg::{bold, fit, fit_middle, wrap, wrap_name};

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
        svg class="picture" width=(width) viewBox={ "0 0 " (width) " " (height) } role="img"
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
    result: Vec<String>,
    full: Option<String>,
}

impl Row<'_> {
    fn bottom(&self) -> i32 {
        self.top + self.height
    }

    /// The line on which the arrow lies.
    fn middle(&self) -> i32 {
        HEAD + self.bottom() - STEP / 2 - self.extra() / 2
    }

    /// Pixels for a second line of words.
    fn extra(&self) -> i32 {
        if self.result.len() > 1 { LINE } else { 0 }
    }
}

fn rows<'a>(sequence: &'a Sequence, look: &Look) -> Vec<Row<'a>> {
    let mut top = 0;
    let mut last = None;
    let mut rows = Vec::new();
    for step in &sequence.steps {
        let (day, time) = look.day_and_time(step.at);
        let new = last.as_ref() != Some(&day);
        let (result, full) = wrap(&step.result, RIGHT - 40, 12, 2);
        let day_height = if new { DAY } else { 0 };
        let extra = if result.len() > 1 { LINE } else { 0 };
        let height = STEP + day_height + extra;
        rows.push(Row {
            result,
            full,
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
    let room = plan.lane - 6;
    let (mut lines, full) = wrap_name(
        name,
        room - 10,
        bold(12),
        if below.is_empty() { 4 } else { 2 },
    );
    let strong = lines.len();
    let (rest, rest_full) = wrap_name(below, room - 10, 11, 2);
    lines.extend(rest);
    let full: Vec<String> = full.into_iter().chain(rest_full).collect();
    let count = i32::try_from(lines.len()).unwrap_or(1);
    let first = (HEAD - 14) / 2 - (count - 1) * 7 + 6;
    html! {
        line class="lifeline" x1=(x) x2=(x) y1=(HEAD - 10) y2=(height - FOOT / 2) {}
        g {
            @if !full.is_empty() { title { (full.join(", ")) } }
            rect class="station" x=(x - room / 2) y="4" width=(room) height=(HEAD - 16) rx="6" {}
            @for (number, line) in lines.iter().enumerate() {
                @let class = if number < strong { "t strong mid" } else { "t soft mid small" };
                @let y = first + i32::try_from(number).unwrap_or(0) * 14;
                text class=(class) x=(x) y=(y) data-room=(room) { (line) }
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
    // The first line of words; with a second one they stand a little higher.
    let lines = y - 3 - row.extra() / 2;
    let place = fit(&step.place, LEFT - 12, 11);
    let what = fit_middle(&step.what, RIGHT - 40, bold(13));
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
            circle class="mark" cx=(plan.right + 20) cy=(lines - 4) r="4" {}
            (titled(&what.full, html! {
                text class="t strong" x=(plan.right + 32) y=(lines) data-room=(RIGHT - 36) { (what.shown) }
            }))
            (titled(&row.full, html! {
                @for (number, line) in row.result.iter().enumerate() {
                    @let y = lines + 15 * (i32::try_from(number).unwrap_or(0) + 1);
                    text class="t result small" x=(plan.right + 32) y=(y) data-room=(RIGHT - 36) { (line) }
                }
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
const LEFT: i32 = 116;
/// Pixels of the column of words.
const RIGHT: i32 = 330;
/// Pixels that the lanes share.
const LANES: i32 = 600;
const MIN_LANE: i32 = 88;
const MAX_LANE: i32 = 160;
/// Pixels of the heads of the lanes.
const HEAD: i32 = 82;
/// Pixels of a step.
const STEP: i32 = 44;
/// Pixels of a further line of words.
const LINE: i32 = 14;
/// Pixels of the line that names a day.
const DAY: i32 = 18;
const FOOT: i32 = 12;
