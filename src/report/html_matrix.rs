//! Account by account: one row an object, one column an account. Windows keeps
//! a cache and a proxy setting for each, so a hole in a row is often the answer.

use maud::{Markup, html};

use super::cells;
use super::grid::{Cell, Grid, grids, held};
use super::html::{Sheet, breakable};
use super::sequence::file_of;
use crate::account::Account;
use crate::phrase;
use crate::words;

/// The matrix of each machine that has caches or attempts.
pub(super) fn write(sheet: &Sheet<'_>) -> Option<Markup> {
    let grids = grids(&sheet.explained.case);
    if grids.is_empty() {
        return None;
    }
    let several = grids.len() > 1;
    Some(html! {
        @for (number, (machine, grid)) in grids.iter().take(MAX_MACHINES).enumerate() {
            @let name = phrase::machine_name(&sheet.explained.case, *machine);
            @let name = sheet.shown(&name.unwrap_or_else(|| "unknown machine".to_owned()), MAX_TEXT);
            @if several {
                details class="part" open[number < OPEN_MACHINES] {
                    summary { (name) }
                    (matrix(sheet, *machine, grid))
                }
            } @else {
                (matrix(sheet, *machine, grid))
            }
        }
        @if grids.len() > MAX_MACHINES {
            p class="note" { (words::thousands((grids.len() - MAX_MACHINES) as u64)) " more machines in the JSON report." }
        }
        p class="note" {
            "Times of caches are those of last synchronization, as the copied folder has them. "
            "Where packets do not tell the account, an attempt stands under “account not known”."
        }
    })
}

fn matrix(sheet: &Sheet<'_>, machine: Option<usize>, grid: &Grid<'_>) -> Markup {
    let missing = machine
        .and_then(|index| sheet.explained.case.machines.get(index))
        .map(|machine| machine.missing.as_slice())
        .unwrap_or_default();
    let rows = grid.rows();
    let rest = rows.len().saturating_sub(MAX_OBJECTS);
    let accounts: Vec<Option<&Account>> = grid.columns().into_iter().take(MAX_ACCOUNTS).collect();
    html! {
        div class="scroll" tabindex="0" role="group" aria-label="Objects by account" { table class="matrix" {
            thead { tr {
                th scope="col" { "Object" }
                @for account in &accounts {
                    th scope="col" {
                        @match account {
                            Some(account) => (sheet.shown(&account.to_string(), MAX_TEXT)),
                            None => "account not known",
                        }
                    }
                }
            } }
            tbody {
                @for (url, cells) in rows.iter().take(MAX_OBJECTS) {
                    @let url = sheet.shown(url, MAX_URL);
                    tr {
                        th scope="row" class="break" {
                            (breakable(sheet.look, file_of(&url))) br; span class="soft url" { (breakable(sheet.look, &url)) }
                        }
                        @for account in &accounts {
                            td { (cell(sheet, account.is_some(), cells.get(account))) }
                        }
                    }
                }
            }
        } }
        @if rest > 0 { p class="note" { (words::thousands(rest as u64)) " more objects in the JSON report." } }
        @if !missing.is_empty() {
            @let missing: Vec<String> = missing.iter().map(|it| sheet.shown(&it.to_string(), MAX_TEXT)).collect();
            p class="note" { "Caches not handed over: " (words::series(&missing)) "." }
        }
    }
}

fn cell(sheet: &Sheet<'_>, known: bool, cell: Option<&Cell<'_>>) -> Markup {
    let look = sheet.look;
    let empty = Cell::default();
    let cell = cell.unwrap_or(&empty);
    html! {
        @for (_, retrieval) in cell.attempts.iter().take(MAX_ATTEMPTS) {
            @let mark = cells::mark(retrieval);
            p class="attempt" {
                span class=(match mark.as_str() { "!" => "dot bad", "?" => "dot unsure", _ => "dot good" }) {}
                " " (sheet.shown(&phrase::way(retrieval), MAX_TEXT)) ": " (cells::result(look, retrieval))
            }
        }
        @if cell.attempts.len() > MAX_ATTEMPTS {
            p class="soft" { (words::count((cell.attempts.len() - MAX_ATTEMPTS) as u64, "more attempt", "more attempts")) }
        }
        @match cell.entry {
            Some(entry) => p class="cached" { "in the cache, " (held(sheet.look, entry)) },
            None if known => p class="soft" { "not in the cache" },
            None => {},
        }
        @if !known && cell.attempts.is_empty() { span class="soft" { "–" } }
    }
}

/// Machines on the page; the JSON report has all.
const MAX_MACHINES: usize = 60;
/// Machines whose matrix stands open.
const OPEN_MACHINES: usize = 2;
/// Objects of one machine.
const MAX_OBJECTS: usize = 60;
/// Columns beside each other.
const MAX_ACCOUNTS: usize = 12;
/// Attempts told in one cell.
const MAX_ATTEMPTS: usize = 4;
/// Characters of a URL.
const MAX_URL: usize = 240;
/// Characters of a text.
const MAX_TEXT: usize = 120;
