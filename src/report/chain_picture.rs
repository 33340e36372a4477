//! The chain picture: elements as cards, the root above the leaf, the failed
//! and open checks of each beside it.

use maud::{Markup, html};

use super::chain_view::{Card, View};
use super::sequence::Mood;
use super::svg::{bold, fit, fit_middle, wrap};

/// Draws the picture; `number` makes its ids differ from those of others.
pub(super) fn draw(view: &View, number: usize) -> Markup {
    let mut top = MARGIN;
    let mut placed = Vec::new();
    for card in &view.cards {
        let checks = checks(card);
        let words = i32::try_from(checks.len()).unwrap_or(0) * LINE + 16;
        let own = 34 + i32::try_from(card.lines.len()).unwrap_or(0) * LINE + 8;
        let height = own.max(words);
        placed.push((top, height, card, checks));
        top += height + GAP;
    }
    let height = top - GAP + MARGIN;
    let (title, description) = (format!("chain-{number}-t"), format!("chain-{number}-d"));
    html! {
        svg class="picture" width=(WIDTH) viewBox={ "0 0 " (WIDTH) " " (height) } role="img"
            aria-labelledby={ (title) " " (description) } {
            title id=(title) { (view.title) }
            desc id=(description) { (described(view)) }
            @for (index, (top, height, card, checks)) in placed.iter().enumerate() {
                @if index + 1 < placed.len() {
                    (link(card, placed.get(index + 1).map(|next| next.2), top + height))
                }
                (element(card, *top, *height, checks))
            }
        }
    }
}

/// The lines beside a card.
struct Line {
    mood: Option<Mood>,
    text: String,
    full: Option<String>,
}

fn checks(card: &Card) -> Vec<Line> {
    let mut lines = Vec::new();
    for (mood, text) in card.checks.iter().take(MAX_CHECKS) {
        let (parts, full) = wrap(text, WIDTH - CARD - 60, 12, 2);
        for (index, text) in parts.into_iter().enumerate() {
            let mood = (index == 0).then_some(*mood);
            lines.push(Line {
                mood,
                text,
                full: full.clone(),
            });
        }
    }
    if card.checks.len() > MAX_CHECKS {
        let text = format!("{} more in the JSON report", card.checks.len() - MAX_CHECKS);
        lines.push(Line {
            mood: None,
            text,
            full: None,
        });
    }
    lines
}

fn element(card: &Card, top: i32, height: i32, checks: &[Line]) -> Markup {
    let worst = card.checks.iter().map(|(mood, _)| *mood);
    let class = match (
        card.present,
        worst.clone().any(|it| it == Mood::Bad),
        worst.clone().any(|it| it == Mood::Unsure),
    ) {
        (false, ..) => "card absent",
        (true, true, _) => "card bad",
        (true, false, true) => "card unsure",
        (true, false, false) => "card good",
    };
    let room = CARD - 32;
    let name = fit(&card.name, room, bold(14));
    let middle = top + height / 2;
    let first = middle - i32::try_from(checks.len()).unwrap_or(0) * LINE / 2 + 13;
    html! {
        g class=(class) {
            rect class="card-box" x=(MARGIN) y=(top) width=(CARD) height=(height) rx="8" {}
            rect class="card-edge" x=(MARGIN) y=(top) width="5" height=(height) rx="2" {}
            g {
                @if let Some(full) = &name.full { title { (full) } }
                text class="t strong big" x=(MARGIN + 18) y=(top + 25) data-room=(room) { (name.shown) }
            }
            @for (index, line) in card.lines.iter().enumerate() {
                @let line = fit_middle(line, room, 12);
                @let y = top + 25 + LINE * (i32::try_from(index).unwrap_or(0) + 1);
                g {
                    @if let Some(full) = &line.full { title { (full) } }
                    text class="t soft small" x=(MARGIN + 18) y=(y) data-room=(room) { (line.shown) }
                }
            }
            @for (index, line) in checks.iter().enumerate() {
                @let y = first + i32::try_from(index).unwrap_or(0) * LINE;
                g {
                    @if let Some(full) = &line.full { title { (full) } }
                    @if let Some(mood) = line.mood { (mark(mood, MARGIN + CARD + 24, y - 4)) }
                    text class="t small" x=(MARGIN + CARD + 38) y=(y) data-room=(WIDTH - CARD - 56) { (line.text) }
                }
            }
        }
    }
}

/// Check mark, cross, question: told apart by shape, not by color alone.
fn mark(mood: Mood, x: i32, y: i32) -> Markup {
    match mood {
        Mood::Good => html! { path class="check good" d={ "M" (x - 5) " " (y) "l4 4l7 -8" } {} },
        Mood::Bad => {
            html! { path class="check bad" d={ "M" (x - 4) " " (y - 4) "l8 8m0 -8l-8 8" } {} }
        }
        Mood::Unsure => html! {
            text class="t check-q unsure strong" x=(x - 4) y=(y + 5) data-room="14" { "?" }
        },
    }
}

fn link(upper: &Card, lower: Option<&Card>, y: i32) -> Markup {
    let x = MARGIN + 40;
    let class = if upper.present {
        "issued"
    } else {
        "issued absent"
    };
    let how = lower.map_or("", |lower| lower.link);
    html! {
        line class=(class) x1=(x) x2=(x) y1=(y) y2=(y + GAP - 6) {}
        polygon class="tip issued-tip" points={ (x) "," (y + GAP - 1) " " (x - 4) "," (y + GAP - 9) " " (x + 4) "," (y + GAP - 9) } {}
        text class="t soft small" x=(x + 14) y=(y + GAP / 2 + 4) data-room=(CARD - 60) {
            "issued" @if !how.is_empty() { ", matched " (how) }
        }
    }
}

/// The picture in words, for those who cannot see it.
fn described(view: &View) -> String {
    let cards = view.cards.iter().rev().map(|card| {
        let checks: Vec<&str> = card.checks.iter().map(|(_, text)| text.as_str()).collect();
        format!(
            "{}: {}. {}.",
            card.name,
            card.lines.join(", "),
            checks.join("; ")
        )
    });
    format!("From the leaf up. {}", cards.collect::<Vec<_>>().join(" "))
}

/// Pixels of the picture.
const WIDTH: i32 = 1000;
/// Pixels of a card.
const CARD: i32 = 440;
const MARGIN: i32 = 8;
/// Pixels between two cards.
const GAP: i32 = 34;
/// Pixels of a line.
const LINE: i32 = 18;
/// Checks beside one card.
const MAX_CHECKS: usize = 8;
