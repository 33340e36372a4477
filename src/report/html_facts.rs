//! Machines, clocks, and how complete the evidence is.

use maud::{Markup, html};

use super::capture_notes;
use super::facts::{counted, vantage_text};
use super::given;
use super::html::Sheet;
use super::json_ids::{Kind, id};
use crate::account::Account;
use crate::case::Machine;
use crate::words;

/// What the analyst says of the case, quoted as such.
pub(super) fn given(sheet: &Sheet<'_>) -> Option<Markup> {
    let items = given::items(sheet.explained, sheet.look);
    (!items.is_empty()).then(|| {
        html! {
            dl class="facts given" {
                @for (label, text) in &items {
                    div { dt { (label) } dd {
                        @for line in text.split('\n') { p { (sheet.shown(line, MAX_TEXT)) } }
                    } }
                }
            }
            p class="note" { (given::NO_EVIDENCE) }
        }
    })
}

/// The machines with their caches, and the clocks against each other.
pub(super) fn machines(sheet: &Sheet<'_>) -> Option<Markup> {
    let machines = &sheet.explained.case.machines;
    let clocks = &sheet.explained.clocks;
    if machines.is_empty() && clocks.is_empty() {
        return None;
    }
    Some(html! {
        @if !machines.is_empty() {
            div class="scroll" { table {
                thead { tr {
                    th scope="col" { "" } th scope="col" { "Machine" } th scope="col" { "Addresses" }
                    th scope="col" { "Caches handed over" } th scope="col" { "Not handed over" }
                } }
                tbody {
                    @for (index, machine) in machines.iter().take(MAX_ROWS).enumerate() {
                        (machine_row(sheet, index, machine))
                    }
                }
            } }
            (more(machines.len()))
        }
        @if !clocks.is_empty() {
            h3 { "Clocks" }
            div class="scroll" { table {
                thead { tr {
                    th scope="col" { "Clock" } th scope="col" class="number" { "Ahead by at least" }
                    th scope="col" class="number" { "at most" } th scope="col" { "Known from" }
                } }
                tbody {
                    @for clock in clocks.iter().take(MAX_ROWS) {
                        tr {
                            td { (sheet.shown(&clock.source, MAX_TEXT)) }
                            td class="number" { (format!("{:+.3} s", clock.offset_min_s)) }
                            td class="number" { (format!("{:+.3} s", clock.offset_max_s)) }
                            td class="break" { (sheet.shown(&clock.basis, MAX_TEXT)) }
                        }
                    }
                }
            } }
            p class="note" { "Against the first capture's clock." }
        }
    })
}

fn machine_row(sheet: &Sheet<'_>, index: usize, machine: &Machine) -> Markup {
    let names = machine.names.iter().map(|name| sheet.shown(name, MAX_TEXT));
    let names: Vec<String> = names.collect();
    let addresses = machine.addresses.iter().take(MAX_ADDRESSES);
    let addresses: Vec<String> = addresses.map(ToString::to_string).collect();
    let accounts = |accounts: &[Account]| {
        let shown = accounts
            .iter()
            .map(|it| sheet.shown(&it.to_string(), MAX_TEXT));
        match accounts.is_empty() {
            true => "none".to_owned(),
            false => shown.collect::<Vec<_>>().join(", "),
        }
    };
    let missing = match (machine.profiles.is_empty(), machine.missing.is_empty()) {
        (false, true) => "none".to_owned(),
        (true, true) => "all".to_owned(),
        (_, false) => accounts(&machine.missing),
    };
    html! {
        tr id=(id(Kind::Machine, index)) {
            td class="own-id" { (id(Kind::Machine, index)) }
            td { @if names.is_empty() { "unnamed" } @else { (names.join(", ")) } }
            td { (addresses.join(", ")) @if machine.addresses.len() > MAX_ADDRESSES { " …" } }
            td class="break" {
                (accounts(&machine.profiles))
                @if let Some(because) = &machine.joined_because {
                    br; span class="soft" { "taken for one machine: " (sheet.shown(because, MAX_TEXT)) }
                }
            }
            td class="break" { (missing) }
        }
    }
}

/// What somebody wrote into the capture files.
pub(super) fn notes(sheet: &Sheet<'_>) -> Option<Markup> {
    let lines = capture_notes::lines(sheet.explained, sheet.names, sheet.look);
    (!lines.is_empty()).then(|| {
        html! {
            ul { @for line in lines.iter().take(MAX_ROWS) { li class="break" { (line) } } }
            (more(lines.len()))
            p class="note" { (capture_notes::WORTH) }
        }
    })
}

/// How completely the captures show the traffic, what was counted, and what
/// could not be read.
pub(super) fn quality(sheet: &Sheet<'_>) -> Option<Markup> {
    let case = &sheet.explained.case;
    let counted = counted(&case.counts);
    if case.vantages.is_empty() && counted.is_none() && case.issues.is_empty() {
        return None;
    }
    let several = case.vantages.len() > 1;
    Some(html! {
        @for vantage in case.vantages.iter().take(MAX_ROWS) {
            p {
                @if several { strong { "Capture point " (vantage.number + 1) ": " } }
                (vantage_text(sheet.look, vantage))
            }
        }
        @if let Some(counted) = counted { p { (counted) } }
        @if !case.issues.is_empty() {
            h3 { "Issues with the evidence" }
            ul class="issues" {
                @for issue in case.issues.iter().take(MAX_ISSUES) {
                    li {
                        @if let Some(evidence) = issue.evidence {
                            strong { (sheet.shown(&sheet.names.name(evidence), MAX_TEXT)) }
                            @if !issue.place.is_empty() { ", " }
                        }
                        (sheet.shown(&issue.place, MAX_TEXT)) ": " (sheet.shown(&issue.what, MAX_TEXT))
                        @if !issue.effect.is_empty() {
                            br; span class="soft" { "Effect: " (sheet.shown(&issue.effect, MAX_TEXT)) }
                        }
                    }
                }
            }
            @if case.issues.len() > MAX_ISSUES {
                p class="note" { (words::thousands((case.issues.len() - MAX_ISSUES) as u64)) " more in the JSON report." }
            }
        }
    })
}

fn more(total: usize) -> Markup {
    html! {
        @if total > MAX_ROWS {
            p class="note" { (words::thousands((total - MAX_ROWS) as u64)) " more in the JSON report." }
        }
    }
}

/// Machines, clocks and capture points on the page.
const MAX_ROWS: usize = 500;
/// Addresses of one machine.
const MAX_ADDRESSES: usize = 6;
/// Issues on the page.
const MAX_ISSUES: usize = 500;
/// Characters of a text.
const MAX_TEXT: usize = 400;
