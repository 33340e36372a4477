//! Lists of their own: the evidence, the cache entries.

use super::look::Look;
use super::page::Page;
use super::table::{Column, table};
use super::tables::machine_heading;
use crate::bytes::to_hex;
use crate::case::Case;
use crate::cryptnet::CacheEntry;
use crate::evidence::EvidenceRecord;
use crate::words;

/// The evidence: what each file is, how large, with its hash.
#[must_use]
pub fn inventory(case: &Case, look: &Look) -> String {
    const COLUMNS: &[Column] = &[
        Column::new("Kind", 14),
        Column::new("Size", 9).right(),
        Column::new("File", 14),
        Column::new("From, to", 19).from(140),
        Column::new("SHA-256", 32),
    ];
    let row = |record: &EvidenceRecord| {
        let place = match &record.member {
            Some(member) => format!("{}/{member}", record.path),
            None => record.path.clone(),
        };
        let times = match (record.first_at, record.last_at) {
            (Some(first), Some(last)) => look.range(first, last),
            _ => String::new(),
        };
        vec![
            record.kind.word().to_owned(),
            words::thousands(record.size),
            look.shown(&place, MAX_PATH),
            times,
            record
                .sha256
                .map_or_else(|| "not read to its end".to_owned(), |hash| to_hex(&hash)),
        ]
    };
    let rows: Vec<_> = case.evidence.iter().map(row).collect();
    let mut page = Page::new(look);
    table(&mut page, COLUMNS, &rows);
    let files = words::count(case.evidence.len() as u64, "file", "files");
    let bytes: u64 = case
        .evidence
        .iter()
        .fold(0, |sum, record| sum.saturating_add(record.size));
    let issues = words::count(case.issues.len() as u64, "issue", "issues");
    page.paragraph(
        2,
        &format!(
            "{files}, {}, {issues}.",
            words::count(bytes, "byte", "bytes")
        ),
    );
    page.finish()
}

/// The cache entries, each with URL, account, time and size.
#[must_use]
pub fn cache_entries(case: &Case, look: &Look) -> String {
    const COLUMNS: &[Column] = &[
        Column::new("Machine", 8).from(110),
        Column::new("Account", 10),
        Column::new("Synchronized", 16),
        Column::new("Size", 8).right(),
        Column::new("URL", 26),
        Column::new("ETag", 12).from(160),
        Column::new("File", 33).from(130),
    ];
    let row = |(index, entry): (usize, &CacheEntry)| {
        let machine = case.cache_machines.get(index).copied().flatten();
        let machine = match (machine, &entry.machine) {
            (Some(_), _) => machine_heading(case, machine),
            (None, Some(name)) => name.clone(),
            (None, None) => String::new(),
        };
        let record = entry.record.as_ref();
        let at = record.and_then(|record| record.last_sync_at);
        let size = entry
            .content
            .as_ref()
            .map(|it| words::thousands(it.bytes.len() as u64));
        vec![
            look.shown(&machine, MAX_NAME),
            look.shown(&entry.owner.to_string(), MAX_NAME),
            at.map_or_else(|| "unknown".to_owned(), |at| look.second(at)),
            size.unwrap_or_else(|| "no content".to_owned()),
            look.shown(entry.url().unwrap_or("unknown"), MAX_PATH),
            look.shown(
                record.and_then(|it| it.etag.as_deref()).unwrap_or_default(),
                MAX_NAME,
            ),
            look.shown(&entry.name, MAX_NAME),
        ]
    };
    let rows: Vec<_> = case.cache_entries.iter().enumerate().map(row).collect();
    let mut page = Page::new(look);
    table(&mut page, COLUMNS, &rows);
    let entries = words::count(case.cache_entries.len() as u64, "entry", "entries");
    page.paragraph(2, &format!("{entries}. Times are {}.", look.zone.name()));
    page.finish()
}

/// Characters of a path or URL; longer ones are cut.
const MAX_PATH: usize = 400;
/// Characters of a name.
const MAX_NAME: usize = 80;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn lists_fit_the_page_and_say_how_many() {
        for width in [80, 120, 200] {
            let look = Look {
                width,
                ..Look::default()
            };
            let case = sample::explained().case;
            let inventory = inventory(&case, &look);
            assert!(
                inventory.contains("4 files, 1,264,622 bytes, 1 issue."),
                "{inventory}"
            );
            let caches = cache_entries(&case, &look);
            assert!(caches.contains("2 entries. Times are UTC."), "{caches}");
            assert!(caches.contains("no content"));
            for line in inventory.lines().chain(caches.lines()) {
                assert!(words::columns(line) <= width, "{line}");
            }
        }
    }

    #[test]
    fn hostile_names_are_harmless_here_too() {
        let case = sample::hostile().case;
        let look = Look::default();
        let text = inventory(&case, &look) + &cache_entries(&case, &look);
        assert!(!text.chars().any(|c| c != '\n' && words::is_hostile(c)));
    }
}
