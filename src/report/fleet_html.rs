//! The fleet report as one HTML file: complete in itself, readable without
//! script. Names and texts come from other people's machines and are hostile:
//! they are cleaned and then escaped, as in the report of one case.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::fleet_html_causes as causes;
use super::fleet_html_hosts as hosts;
use super::fleet_html_objects as objects;
use super::html_frame::{Frame, Section, section};
use super::look::Look;
use crate::fleet::{Answer, Fleet, Moment, State};
use crate::words;

/// Writes the page. Same fleet and look, same text.
#[must_use]
pub fn write(fleet: &Fleet, answer: &Answer, look: &Look) -> String {
    let look = look.of_file();
    let page = FleetPage {
        fleet,
        answer,
        look: &look,
        rows: hosts::rows(fleet),
    };
    page.write().into_string()
}

/// What every section is written from.
pub(super) struct FleetPage<'a> {
    pub(super) fleet: &'a Fleet,
    pub(super) answer: &'a Answer,
    pub(super) look: &'a Look,
    /// The machines that have a row: in a large fleet only those that failed
    /// have, up to a limit.
    pub(super) rows: BTreeSet<usize>,
}

impl FleetPage<'_> {
    fn sections(&self) -> Vec<Section> {
        [
            section("causes", "Why machines failed", causes::causes(self)),
            section("matrix", "Cause by proxy and site", causes::matrices(self)),
            section(
                "fault",
                "Proxies and accounts at fault",
                causes::faults(self),
            ),
            section("spread", "How versions spread", objects::spread(self)),
            section("held", "Who holds what", objects::held(self)),
            section(
                "lacks",
                "What cannot be told, and what to collect",
                hosts::lacks(self),
            ),
            section("outliers", "Machines that stand out", hosts::outliers(self)),
            section("alike", "Machines of one name", hosts::alike(self)),
            section("hosts", "Machines", hosts::hosts(self)),
            section("problems", "Reports left out", hosts::problems(self)),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn write(&self) -> Markup {
        Frame {
            title: &self.title(),
            brand: " · certificate-chain forensics · fleet",
            sub: self.sub(),
            answer: self.summary(),
            sections: &self.sections(),
            footer: self.footer(),
            styles: &[FLEET_STYLE],
            script: SCRIPT,
        }
        .write()
    }

    fn footer(&self) -> Markup {
        html! {
            footer {
                p { "whychain " (env!("CARGO_PKG_VERSION")) " · times are " (self.look.zone.name())
                    " · each machine's own report cites the evidence" }
            }
        }
    }

    fn failed(&self) -> usize {
        let states = self.answer.states.iter();
        let failed = states.filter(|(state, _)| state.has_failed());
        failed.map(|(_, number)| number).sum()
    }

    fn title(&self) -> String {
        match self.failed() {
            0 => "Certificate validation in the fleet: no failure".to_owned(),
            failed => format!(
                "Certificate validation failed on {} of {}",
                number(failed),
                words::count(self.fleet.len() as u64, "machine", "machines")
            ),
        }
    }

    fn sub(&self) -> String {
        let reports = words::count(self.answer.reports as u64, "report", "reports");
        let times = self.answer.causes.iter();
        let first = times.clone().map(|it| it.first.0).min();
        let last = times.map(|it| it.last).max();
        match (first.and_then(Moment::time), last.and_then(Moment::time)) {
            (Some(first), Some(last)) => {
                format!("{reports} · failures {}", self.look.range(first, last))
            }
            _ => reports,
        }
    }

    /// The answer: how many, why, where first.
    fn summary(&self) -> Markup {
        let class = if self.failed() > 0 {
            "answer bad"
        } else {
            "answer good"
        };
        let leading = self.answer.causes.first();
        html! {
            section id="answer" class=(class) aria-labelledby="answer-h" {
                h2 id="answer-h" class="quiet" { "Answer" }
                p class="badges" {
                    @for state in State::ALL {
                        @let count = self.answer.states.get(&state).copied().unwrap_or(0);
                        @if count > 0 {
                            span class=(if state.has_failed() { "badge state" } else { "badge" }) {
                                (number(count)) " " (causes::state(state))
                            }
                        }
                    }
                }
                @match leading {
                    None => p class="lead" { "No machine of this fleet is shown to have failed." },
                    Some(cause) => {
                        p class="lead" {
                            (words::count(cause.machines as u64, "machine", "machines"))
                            @match &cause.cause {
                                Some(rule) => { " failed because: " (causes::title(rule)) },
                                None => " failed without a cause that the evidence determines.",
                            }
                        }
                        dl class="facts" {
                            div { dt { "Root causes in the fleet" } dd { (number(self.answer.causes.iter().filter(|it| it.cause.is_some()).count())) } }
                            div { dt { "Its first failure" } dd { (self.time(cause.first.0)) " on " (self.machine(cause.first.1)) } }
                            div { dt { "Its last failure" } dd { (self.time(cause.last)) } }
                            div { dt { "Machines that cannot tell" } dd { (number(self.silent())) } }
                        }
                    },
                }
            }
        }
    }

    fn silent(&self) -> usize {
        let states = self.answer.states.iter();
        let silent = states.filter(|(state, _)| {
            matches!(state, State::NoValidationSeen | State::TooLittleEvidence)
        });
        silent.map(|(_, number)| number).sum()
    }

    /// A time, to the second.
    pub(super) fn time(&self, at: Moment) -> String {
        at.time().map(|at| self.look.second(at)).unwrap_or_default()
    }

    /// A machine's name, with a link to its row where it has one.
    pub(super) fn machine(&self, index: usize) -> Markup {
        let machine = self.fleet.machine(index);
        let name = machine.map(|it| self.shown(it.shown())).unwrap_or_default();
        html! {
            @if self.rows.contains(&index) {
                a href={ "#m" (index + 1) } { (name) }
            } @else {
                (name)
            }
        }
    }

    /// Some machines, and how many more there are.
    pub(super) fn machines(&self, indexes: &[usize], most: usize) -> Markup {
        html! {
            @for (at, index) in indexes.iter().take(most).enumerate() {
                @if at > 0 { ", " } (self.machine(*index))
            }
            @if indexes.len() > most { ", " (number(indexes.len() - most)) " more" }
        }
    }

    /// A text of a machine or report, clean.
    pub(super) fn shown(&self, text: &str) -> String {
        self.look.shown(text, MAX_TEXT)
    }
}

/// A number for people.
pub(super) fn number(number: usize) -> String {
    words::thousands(number as u64)
}

/// Characters of a text in a cell.
const MAX_TEXT: usize = 400;
/// What the fleet's page needs beside the looks of a report.
const FLEET_STYLE: &str = include_str!("fleet.css");
/// The search by host; the page is complete without it.
const SCRIPT: &str = include_str!("fleet.js");
