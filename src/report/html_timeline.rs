//! The timeline: what speaks of a finding first, then everything, in parts
//! that open. A little script filters it; without it all is still there.

use std::collections::{BTreeMap, BTreeSet};

use maud::{Markup, html};

use super::html::{Sheet, breakable};
use super::html_tables::packets;
use crate::diagnosis::Role;
use crate::provenance::{Cite, EvidenceId};
use crate::timeline::Event;
use crate::words;

/// The events.
pub(super) fn write(sheet: &Sheet<'_>) -> Option<Markup> {
    let events = &sheet.explained.timeline;
    if events.is_empty() {
        return None;
    }
    let kinds: BTreeSet<&str> = events.iter().map(|event| event.kind).collect();
    let cited = Cited::of(sheet);
    let parts: Vec<&[Event]> = events.chunks(PART).collect();
    let single = parts.len() == 1;
    let telling = events.iter().filter(|event| cited.has(event));
    let telling: Vec<&Event> = telling.take(MAX_TELLING).collect();
    Some(html! {
        form class="filter" id="timeline-filter" hidden {
            label { "Find " input type="search" id="timeline-find" placeholder="text, host, packet"; }
            fieldset {
                legend { "Kinds" }
                @for kind in &kinds {
                    label { input type="checkbox" name="kind" value=(kind) checked; " " (kind) }
                }
            }
            label { input type="checkbox" id="timeline-cited"; " only what findings rest on" }
            output id="timeline-count" aria-live="polite" {}
        }
        div id="timeline-events" {
            @if single {
                (table(sheet, events.iter(), &cited))
            } @else {
                @if !telling.is_empty() {
                    h3 { "What findings rest on" }
                    (table(sheet, telling.into_iter(), &cited))
                    h3 { "All " (words::thousands(events.len() as u64)) " events" }
                }
                @for part in &parts {
                    @if let (Some(first), Some(last)) = (part.first(), part.last()) {
                        details class="part" {
                            summary {
                                (sheet.look.range(first.at, last.at)) ": "
                                (words::count(part.len() as u64, "event", "events"))
                            }
                            (table(sheet, part.iter(), &cited))
                        }
                    }
                }
            }
        }
        p class="note" {
            "Times are " (sheet.look.zone.name()) ", by the capture's clock unless another is named. "
            "A bar at the left marks what findings rest on."
        }
    })
}

fn table<'a>(sheet: &Sheet<'_>, events: impl Iterator<Item = &'a Event>, cited: &Cited) -> Markup {
    html! {
        div class="scroll" tabindex="0" role="group" aria-label="Events" { table class="events" {
            thead { tr {
                th scope="col" { "Time" } th scope="col" { "Kind" }
                th scope="col" { "Event" } th scope="col" { "Packets" }
            } }
            tbody { @for event in events { (row(sheet, event, cited.has(event))) } }
        } }
    }
}

fn row(sheet: &Sheet<'_>, event: &Event, cited: bool) -> Markup {
    let class = match (cited, event.kind == "failure") {
        (true, true) => Some("cited failed"),
        (true, false) => Some("cited"),
        (false, true) => Some("failed"),
        (false, false) => None,
    };
    html! {
        tr class=[class] data-kind=(event.kind) {
            td class="time" { (sheet.look.time(event.at)) }
            td { (event.kind) }
            td class="break" {
                (breakable(sheet.look, &sheet.shown(&event.text, MAX_TEXT)))
                @if event.clock != "capture" { span class="soft" { " (" (event.clock) " time)" } }
            }
            td class="packets" { (packets(sheet, &event.cites)) }
        }
    }
}

/// The frames that findings with a part in the story cite.
struct Cited {
    packets: BTreeMap<EvidenceId, BTreeSet<u64>>,
}

impl Cited {
    fn of(sheet: &Sheet<'_>) -> Self {
        let mut packets: BTreeMap<EvidenceId, BTreeSet<u64>> = BTreeMap::new();
        let findings = sheet.explained.diagnosis.findings.iter();
        let telling = findings.filter(|it| matches!(it.role, Role::RootCause | Role::Contributing));
        for cite in telling.flat_map(|finding| &finding.cites) {
            if let Cite::Packets {
                evidence,
                packets: numbers,
            } = cite
            {
                packets.entry(*evidence).or_default().extend(numbers);
            }
        }
        Cited { packets }
    }

    fn has(&self, event: &Event) -> bool {
        event.cites.iter().any(|cite| match cite {
            Cite::Packets { evidence, packets } => self
                .packets
                .get(evidence)
                .is_some_and(|cited| packets.iter().any(|number| cited.contains(number))),
            _ => false,
        })
    }
}

/// Events of one part; up to this many stand open.
const PART: usize = 400;
/// Events listed first, of those that findings rest on.
const MAX_TELLING: usize = 200;
/// Characters of an event.
const MAX_TEXT: usize = 400;
