//! Account by account: one row an object, one column an account. Windows keeps
//! a cache and a proxy setting for each, so a hole in a row is often the answer.

use std::collections::{BTreeMap, BTreeSet};

use maud::{Markup, html};

use super::cells;
use super::html::Sheet;
use super::sequence::file_of;
use crate::account::Account;
use crate::case::Case;
use crate::cryptnet::CacheEntry;
use crate::phrase;
use crate::retrieval::Retrieval;
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

/// What an account did about an object, and what its cache holds.
#[derive(Default)]
struct Cell<'a> {
    attempts: Vec<(usize, &'a Retrieval)>,
    entry: Option<&'a CacheEntry>,
}

#[derive(Default)]
struct Grid<'a> {
    /// Accounts; `None` is the one that is not known.
    accounts: BTreeSet<Option<&'a Account>>,
    objects: BTreeMap<String, BTreeMap<Option<&'a Account>, Cell<'a>>>,
}

fn grids(case: &Case) -> BTreeMap<Option<usize>, Grid<'_>> {
    let mut grids: BTreeMap<Option<usize>, Grid<'_>> = BTreeMap::new();
    for (index, entry) in case.cache_entries.iter().enumerate() {
        let machine = case.cache_machines.get(index).copied().flatten();
        let grid = grids.entry(machine).or_default();
        let account = Some(&entry.owner);
        grid.accounts.insert(account);
        let object = entry
            .url()
            .map_or_else(|| entry.name.clone(), without_query);
        let cell = grid
            .objects
            .entry(object)
            .or_default()
            .entry(account)
            .or_default();
        cell.entry = Some(entry);
    }
    for (index, retrieval) in case.retrievals.iter().enumerate() {
        let machine = case.retrieval_machines.get(index).copied().flatten();
        let grid = grids.entry(machine).or_default();
        let account = retrieval.account.as_ref();
        let object = object_of(retrieval, grid.objects.keys());
        grid.accounts.insert(account);
        let cell = grid
            .objects
            .entry(object)
            .or_default()
            .entry(account)
            .or_default();
        cell.attempts.push((index, retrieval));
    }
    grids
}

/// The row of an attempt: its URL; without one, the only known URL of its host.
fn object_of<'a>(retrieval: &Retrieval, known: impl Iterator<Item = &'a String>) -> String {
    if let Some(url) = &retrieval.url {
        return without_query(url);
    }
    let host = retrieval.host.as_deref().unwrap_or_default();
    let of_host = |url: &&String| crate::case::questions::host_of(url) == Some(host);
    let mut same = known.filter(of_host);
    match (same.next(), same.next()) {
        (Some(only), None) if !host.is_empty() => only.clone(),
        _ => format!(
            "{}, {}",
            phrase::target(retrieval),
            phrase::object_phrase(retrieval)
        ),
    }
}

fn without_query(url: &str) -> String {
    url.split_once('?').map_or(url, |(url, _)| url).to_owned()
}

fn matrix(sheet: &Sheet<'_>, machine: Option<usize>, grid: &Grid<'_>) -> Markup {
    let missing = machine
        .and_then(|index| sheet.explained.case.machines.get(index))
        .map(|machine| machine.missing.as_slice())
        .unwrap_or_default();
    let mut rows: Vec<_> = grid.objects.iter().collect();
    // What somebody tried to get is what the reader looks for.
    rows.sort_by_key(|(url, cells)| {
        let tried = cells.values().any(|cell| !cell.attempts.is_empty());
        (!tried, url.as_str())
    });
    let rest = rows.len().saturating_sub(MAX_OBJECTS);
    let accounts: Vec<Option<&Account>> = grid.accounts.iter().copied().collect();
    // The account that is not known comes last.
    let accounts = accounts
        .iter()
        .filter(|it| it.is_some())
        .chain(accounts.iter().filter(|it| it.is_none()));
    let accounts: Vec<Option<&Account>> = accounts.copied().take(MAX_ACCOUNTS).collect();
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
                            (file_of(&url)) br; span class="soft url" { (url) }
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
            Some(entry) => p class="cached" { "in the cache, " (held(sheet, entry)) },
            None if known => p class="soft" { "not in the cache" },
            None => {},
        }
        @if !known && cell.attempts.is_empty() { span class="soft" { "–" } }
    }
}

fn held(sheet: &Sheet<'_>, entry: &CacheEntry) -> String {
    let at = entry.record.as_ref().and_then(|record| record.last_sync_at);
    let at = at.map_or_else(|| "no time".to_owned(), |at| sheet.look.second(at));
    match (&entry.record, &entry.content) {
        (Some(_), Some(_)) => at,
        (Some(_), None) => format!("{at}, without its content file"),
        (None, Some(_)) => "content file only".to_owned(),
        (None, None) => "unreadable".to_owned(),
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
