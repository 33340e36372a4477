//! What each account of a machine did about each object, and what its cache
//! holds.

use std::collections::{BTreeMap, BTreeSet};

use super::look::Look;
use crate::account::Account;
use crate::case::Case;
use crate::cryptnet::CacheEntry;
use crate::phrase;
use crate::retrieval::Retrieval;

/// What an account did about an object, and what its cache holds.
#[derive(Debug, Default)]
pub(super) struct Cell<'a> {
    /// Attempts, by index.
    pub(super) attempts: Vec<(usize, &'a Retrieval)>,
    /// The entry of its cache.
    pub(super) entry: Option<&'a CacheEntry>,
}

/// The objects and accounts of one machine.
#[derive(Debug, Default)]
pub(super) struct Grid<'a> {
    /// Accounts; `None` is the one that is not known.
    pub(super) accounts: BTreeSet<Option<&'a Account>>,
    /// What each account did about each object, by URL or what is known of it.
    pub(super) objects: BTreeMap<String, BTreeMap<Option<&'a Account>, Cell<'a>>>,
}

/// The grids of all machines that have caches or attempts.
pub(super) fn grids(case: &Case) -> BTreeMap<Option<usize>, Grid<'_>> {
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

/// A row: an object with the cells of its accounts.
pub(super) type Row<'g, 'a> = (&'g String, &'g BTreeMap<Option<&'a Account>, Cell<'a>>);

impl<'a> Grid<'a> {
    /// The rows; what somebody tried to get is what the reader looks for.
    pub(super) fn rows(&self) -> Vec<Row<'_, 'a>> {
        let mut rows: Vec<_> = self.objects.iter().collect();
        rows.sort_by_key(|(url, cells)| (!tried(cells), url.as_str()));
        rows
    }

    /// The accounts; the one that is not known comes last.
    pub(super) fn columns(&self) -> Vec<Option<&'a Account>> {
        let mut columns: Vec<_> = self.accounts.iter().copied().collect();
        columns.sort_by_key(|account| (account.is_none(), *account));
        columns
    }
}

/// True when somebody tried to get the object.
pub(super) fn tried(cells: &BTreeMap<Option<&Account>, Cell<'_>>) -> bool {
    cells.values().any(|cell| !cell.attempts.is_empty())
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

/// When a cache entry was last synchronized, or what is odd about it.
pub(super) fn held(look: &Look, entry: &CacheEntry) -> String {
    let at = entry.record.as_ref().and_then(|record| record.last_sync_at);
    let at = at.map_or_else(|| "no time".to_owned(), |at| look.second(at));
    match (&entry.record, &entry.content) {
        (Some(_), Some(_)) => at,
        (Some(_), None) => format!("{at}, without its content file"),
        (None, Some(_)) => "content file only".to_owned(),
        (None, None) => "unreadable".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::report::sample;

    #[test]
    fn an_attempt_without_a_url_joins_the_only_object_of_its_host() {
        let explained = sample::explained();
        let grids = grids(&explained.case);
        let grid = grids.values().find(|grid| grid.accounts.len() > 1).unwrap();
        let rows = grid.rows();
        assert!(rows.iter().any(|(url, _)| url.ends_with("authrootstl.cab")));
        assert!(tried(rows[0].1));
        assert_eq!(grid.columns().last(), Some(&None));
        let attempts: usize = rows
            .iter()
            .flat_map(|(_, cells)| cells.values())
            .map(|cell| cell.attempts.len())
            .sum();
        assert_eq!(attempts, explained.case.retrievals.len());
    }
}
