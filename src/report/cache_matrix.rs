//! What each account's cache holds: one row an object, one column an account.
//! Windows keeps a cache per account, so a hole in a row is often the answer.

use std::collections::{BTreeMap, BTreeSet};

use super::look::Look;
use super::page::Page;
use super::tables::{machine_heading, notes};
use crate::account::Account;
use crate::case::Case;
use crate::cryptnet::CacheEntry;
use crate::pipeline::Explained;
use crate::words;

/// Writes a matrix for each machine.
pub(super) fn write(page: &mut Page<'_>, explained: &Explained) {
    let case = &explained.case;
    if case.cache_entries.is_empty() {
        return;
    }
    page.heading("Caches");
    let wanted = wanted_urls(case);
    let machines = by_machine(case);
    let several = machines.len() > 1;
    for (machine, entries) in machines.iter().take(MAX_MACHINES) {
        if several {
            page.blank();
            let name = machine_heading(case, *machine);
            page.paragraph(1, &format!("{}:", page.look.shown(&name, MAX_CELL)));
        }
        matrix(page, entries, &wanted);
        if let Some(machine) = machine.and_then(|index| case.machines.get(index))
            && !machine.missing.is_empty()
        {
            let missing: Vec<String> = machine.missing.iter().map(ToString::to_string).collect();
            page.paragraph(2, &format!("Not handed over: {}.", words::series(&missing)));
        }
    }
    let zone = page.look.zone.name();
    let mut legend =
        format!("Times of last synchronization, {zone}, as the copied folder has them.");
    let lacks = |entry: &CacheEntry| entry.record.is_some() && entry.content.is_none();
    if case.cache_entries.iter().any(lacks) {
        legend.push_str(" * without its content file.");
    }
    notes(page, &legend, machines.len(), MAX_MACHINES);
}

fn by_machine(case: &Case) -> BTreeMap<Option<usize>, Vec<&CacheEntry>> {
    let mut machines: BTreeMap<Option<usize>, Vec<&CacheEntry>> = BTreeMap::new();
    for (index, entry) in case.cache_entries.iter().enumerate() {
        let machine = case.cache_machines.get(index).copied().flatten();
        machines.entry(machine).or_default().push(entry);
    }
    machines
}

/// The URLs that somebody tried to get, without their query.
fn wanted_urls(case: &Case) -> BTreeSet<&str> {
    let urls = case
        .retrievals
        .iter()
        .filter_map(|retrieval| retrieval.url.as_deref());
    urls.map(without_query).collect()
}

fn without_query(url: &str) -> &str {
    url.split_once('?').map_or(url, |(url, _)| url)
}

fn matrix(page: &mut Page<'_>, entries: &[&CacheEntry], wanted: &BTreeSet<&str>) {
    let look = page.look;
    let accounts: BTreeSet<&Account> = entries.iter().map(|entry| &entry.owner).collect();
    let mut objects: BTreeMap<&str, BTreeMap<&Account, &CacheEntry>> = BTreeMap::new();
    for entry in entries {
        let object = entry.url().unwrap_or(&entry.name);
        objects
            .entry(object)
            .or_default()
            .entry(&entry.owner)
            .or_insert(entry);
    }
    let total = objects.len();
    // Of very many objects, those that somebody tried to get, then those that
    // not every account has.
    let mut ranked: Vec<(bool, bool, &str)> = objects
        .iter()
        .map(|(url, held)| {
            (
                !wanted.contains(without_query(url)),
                held.len() == accounts.len(),
                *url,
            )
        })
        .collect();
    if total > MAX_OBJECTS {
        ranked.sort_unstable();
        ranked.truncate(MAX_OBJECTS);
        ranked.sort_unstable_by_key(|(_, _, url)| *url);
    }
    let rows = ranked
        .iter()
        .filter_map(|(_, _, url)| Some((*url, objects.get(url)?)));
    let room = look.width.saturating_sub(URL_ROOM) / (STAMP + GAP);
    if accounts.len() <= room {
        wide(page, &accounts, rows);
    } else {
        narrow(page, rows);
    }
    if total > MAX_OBJECTS {
        let rest = words::thousands((total - MAX_OBJECTS) as u64);
        page.paragraph(
            2,
            &format!("{rest} more objects: `whychain cache` lists all."),
        );
    }
}

/// One column an account. Written by hand, because its columns are data.
fn wide<'a>(
    page: &mut Page<'_>,
    accounts: &BTreeSet<&Account>,
    rows: impl Iterator<Item = (&'a str, &'a BTreeMap<&'a Account, &'a CacheEntry>)>,
) {
    let look = page.look;
    let url_width = look
        .width
        .saturating_sub(2 + accounts.len() * (STAMP + GAP));
    let rows: Vec<_> = rows.collect();
    let longest = rows
        .iter()
        .map(|(url, _)| words::columns(&look.shown(url, MAX_CELL)))
        .max();
    let url_width = url_width.min(longest.unwrap_or_default().max("Object".len()));
    let names = accounts
        .iter()
        .map(|account| look.shown(&account.to_string(), STAMP));
    let header = line("Object", url_width, names);
    page.push(&format!(
        "  {}",
        look.ink(super::look::Ink::Heading, header.trim_end())
    ));
    for (url, held) in rows {
        let cells = accounts.iter().map(|account| match held.get(account) {
            Some(entry) => state(look, entry),
            None => "-".to_owned(),
        });
        let cells: Vec<String> = cells.collect();
        let parts = words::wrap(&look.shown(url, MAX_CELL), url_width);
        for (index, part) in parts.iter().enumerate() {
            let text = match index {
                0 => line(part, url_width, cells.iter().cloned()),
                _ => part.clone(),
            };
            page.push(&format!("  {text}"));
        }
    }
}

fn line(first: &str, width: usize, cells: impl Iterator<Item = String>) -> String {
    let pad = |text: &str, width: usize| {
        format!(
            "{text}{}",
            " ".repeat((width + GAP).saturating_sub(words::columns(text)))
        )
    };
    let cells: String = cells.map(|cell| pad(&cell, STAMP)).collect();
    format!("{}{cells}", pad(first, width))
}

/// One paragraph an object, where the accounts do not fit beside each other.
fn narrow<'a>(
    page: &mut Page<'_>,
    rows: impl Iterator<Item = (&'a str, &'a BTreeMap<&'a Account, &'a CacheEntry>)>,
) {
    let look = page.look;
    for (url, held) in rows {
        page.paragraph(2, &look.shown(url, MAX_CELL));
        for (account, entry) in held {
            let account = look.shown(&account.to_string(), MAX_CELL);
            page.labeled(
                4,
                &account,
                4 + words::columns(&account) + GAP,
                &state(look, entry),
            );
        }
    }
}

/// When an entry was last synchronized, or what is odd about it.
fn state(look: &Look, entry: &CacheEntry) -> String {
    match (&entry.record, &entry.content) {
        (Some(record), content) => match (record.last_sync_at, content) {
            (Some(at), Some(_)) => look.minute(at),
            (Some(at), None) => format!("{} *", look.minute(at)),
            (None, _) => "no time".to_owned(),
        },
        (None, Some(_)) => "content only".to_owned(),
        (None, None) => "unreadable".to_owned(),
    }
}

/// Columns of a time to the minute, with the star of a missing content file.
const STAMP: usize = 18;
const GAP: usize = 2;
/// A URL with less room than this is not readable.
const URL_ROOM: usize = 34;
/// Characters of a URL or account.
const MAX_CELL: usize = 160;
/// Objects a person reads of one machine.
const MAX_OBJECTS: usize = 60;
/// Machines whose caches a person reads.
const MAX_MACHINES: usize = 20;
