//! Machines on the fleet's page: search by host, what to collect, who stands out.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::fleet_html::{FleetPage, number};
use super::fleet_html_causes::{cause_word, state};
use super::html::breakable;
use crate::fleet::{Fleet, Machine, State, Word, current};

/// The machines that get a row.
pub(super) fn rows(fleet: &Fleet) -> BTreeSet<usize> {
    if fleet.len() <= MAX_ROWS {
        return (0..fleet.len()).collect();
    }
    let numbered = fleet.machines().enumerate();
    let failed = numbered.filter(|(_, machine)| machine.state.has_failed());
    failed.map(|(index, _)| index).take(MAX_ROWS).collect()
}

/// The table of machines with its search.
pub(super) fn hosts(page: &FleetPage<'_>) -> Option<Markup> {
    let rows = &page.rows;
    (!rows.is_empty()).then(|| {
        html! {
            form class="filter" id="hosts-filter" hidden {
                label { "Find " input id="hosts-find" type="search" placeholder="name, address, cause, proxy" autocomplete="off"; }
                fieldset {
                    legend { "State" }
                    @for each in State::ALL {
                        @if page.answer.states.contains_key(&each) {
                            label { input type="checkbox" name="state" value=(each.word()) checked; " " (state(each)) }
                        }
                    }
                }
                output id="hosts-count" for="hosts-find" {}
            }
            div class="scroll" tabindex="0" role="group" aria-label="Machines" { table class="hosts" {
                thead { tr {
                    th scope="col" { "Machine" } th scope="col" { "State" } th scope="col" { "Why" }
                    th scope="col" { "Proxies" } th scope="col" { "Lists held" } th scope="col" { "To collect" }
                    th scope="col" { "Handed over" }
                } }
                tbody id="hosts-rows" {
                    @for index in rows {
                        @if let Some(machine) = page.fleet.machine(*index) { (row(page, *index, &machine)) }
                    }
                }
            } }
            @if rows.len() < page.fleet.len() {
                p class="note" { (number(page.fleet.len() - rows.len())) " more machines in the JSON and CSV reports: in a fleet of this size the page lists those that failed." }
            }
        }
    })
}

fn row(page: &FleetPage<'_>, index: usize, machine: &Machine) -> Markup {
    let class = match machine.state {
        State::Explained => "dot bad",
        State::Clean | State::NoFailureSeen => "dot good",
        _ => "dot unsure",
    };
    let open = !matches!(machine.state, State::Explained | State::Clean);
    html! {
        tr id={ "m" (index + 1) } data-state=(machine.state.word()) {
            th scope="row" {
                (list(page, &machine.names))
                @if machine.names.is_empty() && machine.addresses.is_empty() { (page.shown(machine.shown())) }
                span class="soft" { (list(page, &machine.addresses)) }
            }
            td { span class=(class) {} " " (state(machine.state)) }
            td class="few" {
                @for incident in machine.incidents.iter().take(MAX_FEW) {
                    p {
                        (cause_word(incident.cause.as_ref())) ", " (page.time(incident.from))
                        @if let Some(subject) = incident.subjects.first() { br; span class="soft" { (breakable(page.look, &page.shown(subject))) } }
                    }
                }
                @if machine.incidents.len() > MAX_FEW { p class="soft" { (number(machine.incidents.len() - MAX_FEW)) " more" } }
            }
            td class="few" { (list(page, &machine.proxies)) }
            td class="few" { (lists(page, machine)) }
            td class="few" {
                @if open {
                    @for (rule, _) in machine.lacks.iter().take(MAX_FEW) { p { a href="#lacks" { (page.shown(rule)) } } }
                    @for account in machine.missing.iter().take(MAX_FEW) { p { "cache of " (page.shown(account)) } }
                }
            }
            td class="few" { (list(page, &machine.hand_overs)) }
        }
    }
}

fn list(page: &FleetPage<'_>, words: &[Word]) -> Markup {
    html! {
        @for word in words.iter().take(MAX_FEW) { p { (breakable(page.look, &page.shown(word))) } }
        @if words.len() > MAX_FEW { p class="soft" { (number(words.len() - MAX_FEW)) " more" } }
    }
}

/// The lists that a machine holds now, with since when.
fn lists(page: &FleetPage<'_>, machine: &Machine) -> Markup {
    let mut shown: BTreeSet<(String, String)> = BTreeSet::new();
    for (holding, now) in machine.holdings.iter().zip(current(page.fleet, machine)) {
        let slot = page.fleet.slot(holding.slot).filter(|_| now);
        let Some((slot, list)) = slot.and_then(|it| Some((it, it.object.strip_prefix("list ")?)))
        else {
            continue;
        };
        let version = page.fleet.versions.get(&slot.sha256);
        let issued = version.and_then(|it| it.issued).map(|at| page.time(at));
        let issued = issued.unwrap_or_else(|| slot.sha256.chars().take(12).collect());
        let since = holding.first.map(|at| page.time(at)).unwrap_or_default();
        shown.insert((format!("{list} of {issued}"), since));
    }
    html! {
        @for (list, since) in shown.iter().take(MAX_FEW) {
            p { (page.shown(list)) @if !since.is_empty() { br; span class="soft" { "by " (since) } } }
        }
    }
}

/// What cannot be told, and what to collect.
pub(super) fn lacks(page: &FleetPage<'_>) -> Option<Markup> {
    let lacks = &page.answer.lacks;
    (!lacks.is_empty()).then(|| {
        html! {
            div class="scroll" { table {
                thead { tr {
                    th scope="col" { "What" } th scope="col" { "To collect" }
                    th scope="col" class="number" { "Machines" } th scope="col" { "Which" }
                } }
                tbody {
                    @for lack in lacks.iter().take(MAX_LACKS) {
                        tr {
                            th scope="row" class="break" { (page.shown(&lack.rule)) }
                            td { (breakable(page.look, &page.shown(&lack.collect))) }
                            td class="number" { (number(lack.machines.len())) }
                            td { (page.machines(&lack.machines, MAX_NAMED)) }
                        }
                    }
                }
            } }
            @if lacks.len() > MAX_LACKS { p class="note" { (number(lacks.len() - MAX_LACKS)) " more in the JSON report." } }
            p class="note" { "Machines without a failure in good evidence, and those whose cause is known, need nothing more." }
        }
    })
}

/// Machines that differ from the rest.
pub(super) fn outliers(page: &FleetPage<'_>) -> Option<Markup> {
    let outliers = &page.answer.outliers;
    let why = |kind: &str| match kind {
        "rare-cause" => "hardly any other machine failed for this cause",
        "rare-version" => "hardly any other machine holds its version of this object",
        "left-behind" => "nearly all others hold a newer version of this object",
        "clock-off" => "its clock is off by at least so much",
        "alone-failing" => "nearly all others get through this proxy",
        "alone-working" => "nearly all others fail through this proxy",
        _ => "",
    };
    (!outliers.is_empty()).then(|| {
        html! {
            div class="scroll" { table {
                thead { tr { th scope="col" { "Machine" } th scope="col" { "What" } th scope="col" { "Why it stands out" } } }
                tbody {
                    @for outlier in outliers.iter().take(MAX_OUTLIERS) {
                        tr {
                            th scope="row" { (page.machine(outlier.machine)) }
                            td class="break" { (breakable(page.look, &page.shown(&outlier.about))) }
                            td { (why(outlier.kind)) }
                        }
                    }
                }
            } }
            @if outliers.len() > MAX_OUTLIERS { p class="note" { (number(outliers.len() - MAX_OUTLIERS)) " more in the JSON report." } }
        }
    })
}

/// Machines that may be one.
pub(super) fn alike(page: &FleetPage<'_>) -> Option<Markup> {
    let alike = &page.answer.alike;
    (!alike.is_empty()).then(|| {
        html! {
            p { "These have a name in common, and nothing shows that they are one machine: neither the same evidence, nor an address, nor a cache entry of the same instant. Each counts by itself." }
            ul {
                @for group in alike.iter().take(MAX_LACKS) {
                    li { (page.shown(&group.name)) ": " (number(group.machines.len())) " (" (page.machines(&group.machines, MAX_NAMED)) ")" }
                }
            }
            @if alike.len() > MAX_LACKS { p class="note" { (number(alike.len() - MAX_LACKS)) " more names in the JSON report." } }
        }
    })
}

/// Reports that could not be taken in.
pub(super) fn problems(page: &FleetPage<'_>) -> Option<Markup> {
    let problems = &page.fleet.problems;
    (!problems.is_empty()).then(|| {
        html! {
            ul class="issues" {
                @for problem in problems.iter().take(MAX_LACKS) {
                    li { (page.shown(&problem.report)) ": " (page.shown(&problem.what)) }
                }
            }
            @if problems.len() > MAX_LACKS { p class="note" { (number(problems.len() - MAX_LACKS)) " more in the JSON report." } }
        }
    })
}

/// Machines on the page: more make a browser slow.
const MAX_ROWS: usize = 5_000;
/// Members of a list in a cell.
const MAX_FEW: usize = 4;
/// Machines named in a row.
const MAX_NAMED: usize = 12;
/// Rows of what to collect.
const MAX_LACKS: usize = 60;
/// Rows of machines that stand out.
const MAX_OUTLIERS: usize = 200;
