//! The pictures of the page, each in a figure with its caption.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::html::{Sheet, breakable};
use super::json_ids::{Kind, id};
use super::sequence::{Sequence, sequence};
use super::{axis, axis_picture, chain_picture, chain_view, chains, sequence_picture};
use crate::case::CaseChain;
use crate::phrase;
use crate::words;

/// A sequence picture for each incident; of the whole case where nothing failed.
pub(super) fn happened(sheet: &Sheet<'_>) -> Option<Markup> {
    let incidents = &sheet.explained.diagnosis.incidents;
    if incidents.is_empty() {
        let drawn = sequence(sheet.explained, None, sheet.names, sheet.look)?;
        return Some(figure_of(sheet, &drawn, 0));
    }
    let drawn = incidents.iter().take(MAX_SEQUENCES).enumerate();
    let drawn = drawn.filter_map(|(index, incident)| {
        let drawn = sequence(sheet.explained, Some(incident), sheet.names, sheet.look)?;
        Some((index, drawn))
    });
    let drawn: Vec<(usize, Sequence)> = drawn.collect();
    let several = incidents.len() > 1;
    (!drawn.is_empty()).then(|| {
        html! {
            @for (index, drawn) in &drawn {
                @if several {
                    details class="part" open[*index == 0] {
                        summary {
                            "Incident " (id(Kind::Incident, *index)) ": "
                            @if let Some(incident) = incidents.get(*index) { (sheet.shown(&incident.sentence, MAX_TEXT)) }
                        }
                        (figure_of(sheet, drawn, *index))
                    }
                } @else {
                    (figure_of(sheet, drawn, *index))
                }
            }
        }
    })
}

fn figure_of(sheet: &Sheet<'_>, drawn: &Sequence, index: usize) -> Markup {
    let machine = phrase::machine_name(&sheet.explained.case, drawn.machine);
    html! {
        figure class="drawn" {
            div class="scroll" tabindex="0" role="group" aria-label="Sequence picture" {
                (sequence_picture::draw(drawn, sheet.look, index))
            }
            figcaption {
                "Each line is one step, from the station that began it. "
                "Upper arrow: what was asked; lower arrow: what came back. A cross: it went no further. "
                @if let Some(machine) = machine { "Drawn for " (sheet.shown(&machine, MAX_TEXT)) ". " }
                "Times are " (sheet.look.zone.name()) "."
                @if drawn.left_out > 0 {
                    " " (words::count(drawn.left_out as u64, "further step is", "further steps are"))
                    " in the tables below."
                }
            }
        }
    }
}

/// A picture of each chain; those of failures stand open.
pub(super) fn chains(sheet: &Sheet<'_>) -> Option<Markup> {
    let case = &sheet.explained.case;
    let failures = &sheet.explained.diagnosis.failures;
    let failed: BTreeSet<usize> = failures
        .iter()
        .filter_map(|failure| failure.chain)
        .collect();
    let failed: Vec<&CaseChain> = failed
        .iter()
        .filter_map(|index| case.chains.get(*index))
        .collect();
    let of_failure = |group: &[&CaseChain]| {
        let same = |it: &CaseChain| failed.iter().any(|known| std::ptr::eq(*known, it));
        group.iter().any(|it| same(it))
    };
    let mut groups = chains::alike(&case.chains);
    groups.sort_by_key(|group| !of_failure(group));
    let total = groups.len();
    let views = groups
        .iter()
        .take(MAX_CHAINS)
        .filter_map(|group| chain_view::view(case, sheet.names, sheet.look, group));
    let views: Vec<chain_view::View> = views.collect();
    (!views.is_empty()).then(|| {
        html! {
            @for (index, view) in views.iter().enumerate() {
                details class="part chain" open[index < OPEN_CHAINS] {
                    summary { (view.title) }
                    figure class="drawn" {
                        div class="scroll" tabindex="0" role="group" aria-label="Chain picture" {
                            (chain_picture::draw(view, index))
                        }
                        @if !view.told.is_empty() {
                            dl class="told" {
                                @for (label, text) in &view.told {
                                    div { dt { (label) } dd { (breakable(sheet.look, text)) } }
                                }
                            }
                        }
                        @if view.others > 0 {
                            figcaption {
                                (words::count(view.others as u64, "other chain was", "other chains were"))
                                " possible and no better."
                            }
                        }
                    }
                }
            }
            p class="note" {
                "The top issued what is below it. A dashed card is not in the evidence. "
                @if total > views.len() { (words::thousands((total - views.len()) as u64)) " more chains in the JSON report." }
            }
        }
    })
}

/// The time axis.
pub(super) fn axis(sheet: &Sheet<'_>) -> Option<Markup> {
    let drawn = axis::axis(sheet.explained, sheet.look)?;
    Some(html! {
        figure class="drawn" {
            div class="scroll" tabindex="0" role="group" aria-label="Time axis" {
                (axis_picture::draw(&drawn, sheet.look, 0))
            }
            figcaption {
                @for change in &drawn.changes { (change) " " }
                @if drawn.left_out > 0 {
                    (words::count(drawn.left_out as u64, "more object is", "more objects are")) " in the JSON report."
                }
            }
        }
    })
}

/// Incidents with a picture of their own.
const MAX_SEQUENCES: usize = 8;
/// Chains with a picture.
const MAX_CHAINS: usize = 24;
/// Chains whose picture stands open.
const OPEN_CHAINS: usize = 3;
/// Characters of a text.
const MAX_TEXT: usize = 300;
