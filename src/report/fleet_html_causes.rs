//! Causes, whom they hit, and who is at fault, on the fleet's page.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::fleet_html::{FleetPage, number};
use super::html::breakable;
use crate::diagnosis::RULES;
use crate::fleet::{Cause, Count, Fault, State, Word};

/// The first sentence of a rule's page.
pub(super) fn title(rule: &str) -> String {
    let known = RULES.iter().find(|it| it.id == rule);
    known.map_or_else(|| rule.to_owned(), |it| it.title().to_owned())
}

/// A state in words.
pub(super) fn state(state: State) -> &'static str {
    match state {
        State::Explained => "failed, explained",
        State::Undetermined => "failed, cause not determined",
        State::Clean => "clean",
        State::NoFailureSeen => "no failure seen",
        State::NoValidationSeen => "no validation seen",
        State::TooLittleEvidence => "too little evidence",
    }
}

pub(super) fn cause_word(cause: Option<&Word>) -> String {
    cause.map_or_else(|| "not determined".to_owned(), ToString::to_string)
}

/// A card for each cause.
pub(super) fn causes(page: &FleetPage<'_>) -> Option<Markup> {
    let causes = &page.answer.causes;
    (!causes.is_empty()).then(|| {
        html! {
            @for cause in causes.iter().take(MAX_CAUSES) { (card(page, cause)) }
            @if causes.len() > MAX_CAUSES { p class="note" { (number(causes.len() - MAX_CAUSES)) " more causes in the JSON report." } }
        }
    })
}

fn card(page: &FleetPage<'_>, cause: &Cause) -> Markup {
    let example = page.fleet.examples.get(&cause.cause);
    let class = if cause.cause.is_some() {
        "finding bad"
    } else {
        "finding unsure"
    };
    html! {
        article class=(class) {
            p class="finding-head" {
                span class="role" { (number(cause.machines)) @if cause.machines == 1 { " machine" } @else { " machines" } }
                span class="badge" { (number(cause.incidents)) @if cause.incidents == 1 { " incident" } @else { " incidents" } }
                code class="rule" { (cause_word(cause.cause.as_ref())) }
            }
            @if let Some(rule) = &cause.cause { p class="summary" { (title(rule)) } }
            p class="relation" {
                span class="label" { "Patient zero: " } (page.machine(cause.first.1)) ", " (page.time(cause.first.0))
                span class="label" { " · last failure: " } (page.time(cause.last))
            }
            (few(page, "Failed", &cause.subjects))
            (few(page, "Through", &cause.proxies))
            (few(page, "Accounts", &cause.accounts))
            @if let Some(example) = example {
                p class="relation" { span class="label" { "On the first machine: " } (breakable(page.look, &page.shown(&example.sentence))) }
                @if !example.remedy.is_empty() {
                    p class="relation" { span class="label" { "To do: " } (breakable(page.look, &page.shown(&example.remedy))) }
                }
            }
        }
    }
}

fn few(page: &FleetPage<'_>, label: &str, counts: &[Count]) -> Markup {
    html! {
        @if !counts.is_empty() {
            p class="relation" {
                span class="label" { (label) ": " }
                @for (at, count) in counts.iter().take(MAX_FEW).enumerate() {
                    @if at > 0 { ", " }
                    (breakable(page.look, &page.shown(&count.what))) " (" (number(count.machines)) ")"
                }
                @if counts.len() > MAX_FEW { ", " (number(counts.len() - MAX_FEW)) " more" }
            }
        }
    }
}

/// Which causes meet which proxies, and which sites.
pub(super) fn matrices(page: &FleetPage<'_>) -> Option<Markup> {
    let proxies = matrix(page, "Proxy", |it| &it.proxies);
    let subjects = matrix(page, "Site or object", |it| &it.subjects);
    (proxies.is_some() || subjects.is_some()).then(|| {
        html! {
            @if let Some(proxies) = proxies { h3 { "By proxy" } (proxies) }
            @if let Some(subjects) = subjects { h3 { "By site or object" } (subjects) }
            p class="note" { "Machines that failed for the cause of the row with what the column names. A machine can stand in several cells." }
        }
    })
}

fn matrix(page: &FleetPage<'_>, what: &str, of: impl Fn(&Cause) -> &Vec<Count>) -> Option<Markup> {
    let causes = page.answer.causes.iter().take(MAX_CAUSES);
    let mut totals: BTreeMap<&Word, usize> = BTreeMap::new();
    for cause in causes.clone() {
        for count in of(cause) {
            *totals.entry(&count.what).or_default() += count.machines;
        }
    }
    let mut columns: Vec<(&Word, usize)> = totals.into_iter().collect();
    columns.sort_by_key(|(_, total)| std::cmp::Reverse(*total));
    let more = columns.len().saturating_sub(MAX_COLUMNS);
    columns.truncate(MAX_COLUMNS);
    let cells = |cause: &Cause| -> Vec<usize> {
        let at = |what: &Word| of(cause).iter().find(|it| it.what == *what);
        let columns = columns.iter();
        columns
            .map(|(what, _)| at(what).map_or(0, |it| it.machines))
            .collect()
    };
    let mut rows: Vec<(&Cause, Vec<usize>)> = causes.map(|cause| (cause, cells(cause))).collect();
    rows.retain(|(_, cells)| cells.iter().any(|cell| *cell > 0));
    let most = rows.iter().flat_map(|(_, cells)| cells).copied().max()?;
    Some(html! {
        div class="scroll" tabindex="0" role="group" aria-label={ "Causes by " (what) } { table class="heat" {
            thead { tr {
                th scope="col" { "Cause" }
                @for (column, _) in &columns { th scope="col" { (breakable(page.look, &page.shown(column))) } }
            } }
            tbody {
                @for (cause, cells) in &rows {
                    tr {
                        th scope="row" class="break" { (cause_word(cause.cause.as_ref())) }
                        @for cell in cells {
                            td class={ "number h" (heat(*cell, most)) } { @if *cell > 0 { (number(*cell)) } @else { "·" } }
                        }
                    }
                }
            }
        } }
        @if more > 0 { p class="note" { (number(more)) " more columns in the JSON report." } }
    })
}

/// Five shades: none, and quarters of the most.
fn heat(cell: usize, most: usize) -> usize {
    match cell {
        0 => 0,
        _ => (cell.saturating_mul(4).div_ceil(most.max(1))).clamp(1, 4),
    }
}

/// Proxies and accounts that failures have in common.
pub(super) fn faults(page: &FleetPage<'_>) -> Option<Markup> {
    let (proxies, accounts) = (&page.answer.proxies, &page.answer.accounts);
    (!proxies.is_empty() || !accounts.is_empty()).then(|| {
        html! {
            @if !proxies.is_empty() { h3 { "Proxies" } (fault_table(page, "Proxy", proxies, true)) }
            @if !accounts.is_empty() { h3 { "Accounts" } (fault_table(page, "Account", accounts, false)) }
        }
    })
}

fn fault_table(page: &FleetPage<'_>, what: &str, faults: &[Fault], used: bool) -> Markup {
    html! {
        div class="scroll" { table {
            thead { tr {
                th scope="col" { (what) } th scope="col" class="number" { "Machines that failed" }
                @if used { th scope="col" class="number" { "of those that used it" } }
                th scope="col" { "Causes" }
            } }
            tbody {
                @for fault in faults.iter().take(MAX_FAULTS) {
                    tr {
                        th scope="row" class="break" { (breakable(page.look, &page.shown(&fault.what))) }
                        td class="number" { (number(fault.machines)) }
                        @if used { td class="number" { (number(fault.used_by)) } }
                        td {
                            @for (at, (cause, machines)) in fault.causes.iter().take(MAX_FEW).enumerate() {
                                @if at > 0 { ", " } (cause_word(cause.as_ref())) " (" (number(*machines)) ")"
                            }
                        }
                    }
                }
            }
        } }
        @if faults.len() > MAX_FAULTS { p class="note" { (number(faults.len() - MAX_FAULTS)) " more in the JSON report." } }
    }
}

/// Causes on the page: there are not many more rules.
const MAX_CAUSES: usize = 40;
/// Members of a list in a sentence.
const MAX_FEW: usize = 6;
/// Columns beside each other.
const MAX_COLUMNS: usize = 10;
/// Rows of proxies and accounts.
const MAX_FAULTS: usize = 40;
