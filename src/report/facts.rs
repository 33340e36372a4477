//! The plain sections of a text report: machines, clocks, evidence, quality,
//! issues.

use std::collections::BTreeMap;

use super::cite::{Names, base};
use super::look::{Ink, Look};
use super::page::Page;
use super::table::{Column, table};
use super::tables::{machine_heading, notes};
use crate::bytes::to_hex;
use crate::case::Machine;
use crate::evidence::{EvidenceKind, EvidenceRecord};
use crate::pipeline::Explained;
use crate::words;

/// The machines, and whose caches were handed over.
pub(super) fn machines(page: &mut Page<'_>, explained: &Explained) {
    const COLUMNS: &[Column] = &[
        Column::new("Machine", 12),
        Column::new("Addresses", 15),
        Column::new("Caches handed over", 16),
        Column::new("Not handed over", 16),
    ];
    let machines = &explained.case.machines;
    if machines.is_empty() {
        return;
    }
    page.heading("Machines");
    let look = page.look;
    let accounts = |accounts: &[crate::account::Account]| match accounts.is_empty() {
        true => "none".to_owned(),
        false => {
            let names = accounts
                .iter()
                .map(|account| look.shown(&account.to_string(), MAX_NAME));
            names.collect::<Vec<_>>().join(", ")
        }
    };
    let row = |machine: &Machine| {
        let names = machine.names.iter().map(|name| look.shown(name, MAX_NAME));
        let names: Vec<String> = names.collect();
        let addresses = machine
            .addresses
            .iter()
            .take(MAX_ADDRESSES)
            .map(ToString::to_string);
        let mut addresses: Vec<String> = addresses.collect();
        if machine.addresses.len() > MAX_ADDRESSES {
            addresses.push(look.ellipsis().to_owned());
        }
        let missing = match (machine.profiles.is_empty(), machine.missing.is_empty()) {
            (false, true) => String::new(),
            (true, true) => "all".to_owned(),
            (_, false) => accounts(&machine.missing),
        };
        let names = if names.is_empty() {
            "unnamed".to_owned()
        } else {
            names.join(", ")
        };
        vec![
            names,
            addresses.join(", "),
            accounts(&machine.profiles),
            missing,
        ]
    };
    let rows: Vec<_> = machines.iter().take(MAX_MACHINES).map(row).collect();
    table(page, COLUMNS, &rows);
    for (index, machine) in machines.iter().enumerate().take(MAX_MACHINES) {
        if let Some(because) = &machine.joined_because {
            let name = machine_heading(&explained.case, Some(index));
            page.paragraph(
                2,
                &look.shown(
                    &format!("{name} is taken for one machine: {because}"),
                    MAX_TEXT,
                ),
            );
        }
    }
    if machines.len() > MAX_MACHINES {
        notes(page, "", machines.len(), MAX_MACHINES);
    }
}

/// How the clocks differ.
pub(super) fn clocks(page: &mut Page<'_>, explained: &Explained) {
    const COLUMNS: &[Column] = &[
        Column::new("Clock", 12),
        Column::new("Ahead by at least", 9).right(),
        Column::new("at most", 9).right(),
        Column::new("Known from", 20),
    ];
    if explained.clocks.is_empty() {
        return;
    }
    page.heading("Clocks");
    let look = page.look;
    let row = |clock: &crate::clock::Clock| {
        vec![
            look.shown(&clock.source, MAX_NAME),
            format!("{:+.3} s", clock.offset_min_s),
            format!("{:+.3} s", clock.offset_max_s),
            look.shown(&clock.basis, MAX_TEXT),
        ]
    };
    let rows: Vec<_> = explained
        .clocks
        .iter()
        .take(MAX_MACHINES)
        .map(row)
        .collect();
    table(page, COLUMNS, &rows);
    notes(
        page,
        "Against the first capture's clock.",
        explained.clocks.len(),
        MAX_MACHINES,
    );
}

/// What was read, with hashes; the many files of a cache folder in one line.
pub(super) fn evidence(page: &mut Page<'_>, explained: &Explained) {
    let records = &explained.case.evidence;
    if records.is_empty() {
        return;
    }
    page.heading("Evidence");
    let is_cache = |record: &EvidenceRecord| record.kind == EvidenceKind::CryptnetCache;
    let many = records.iter().filter(|record| is_cache(record)).count() > MAX_CACHE_FILES;
    let (grouped, single): (Vec<_>, Vec<_>) =
        records.iter().partition(|record| many && is_cache(record));
    for record in single.iter().take(MAX_FILES) {
        one_file(page, record);
    }
    let mut groups: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for record in grouped {
        let (files, bytes) = groups.entry(hand_over(record)).or_default();
        *files += 1;
        *bytes = bytes.saturating_add(record.size);
    }
    for (place, (files, bytes)) in groups.iter().take(MAX_FILES) {
        let text = format!(
            "{} in {}, {} (each with its hash in the JSON report)",
            words::count(*files, "cache file", "cache files"),
            page.look.shown(place, MAX_TEXT),
            words::count(*bytes, "byte", "bytes"),
        );
        page.paragraph(2, &text);
    }
    let left = single.len().saturating_sub(MAX_FILES) + groups.len().saturating_sub(MAX_FILES);
    if left > 0 {
        let left = words::count(left as u64, "more file", "more files");
        page.paragraph(2, &format!("{left} in the JSON report."));
    }
}

fn one_file(page: &mut Page<'_>, record: &EvidenceRecord) {
    let look = page.look;
    let place = match &record.member {
        Some(member) => format!("{}/{member}", record.path),
        None => record.path.clone(),
    };
    page.paragraph(2, &look.shown(&place, MAX_TEXT));
    let size = words::count(record.size, "byte", "bytes");
    let mut text = format!("{}, {size}", record.kind.word());
    if let (Some(first), Some(last)) = (record.first_at, record.last_at) {
        text.push_str(&format!(", {}", look.range(first, last)));
    }
    page.paragraph(4, &text);
    let hash = match record.sha256 {
        Some(hash) => format!("SHA-256 {}", to_hex(&hash)),
        None => "SHA-256 not known, the file could not be read to its end".to_owned(),
    };
    let hash = look.ink(Ink::Faint, &hash);
    page.push(&format!("    {hash}"));
}

/// The zip of a member, the cache folder of a file in one.
fn hand_over(record: &EvidenceRecord) -> &str {
    if record.member.is_some() {
        return &record.path;
    }
    let up = |path| {
        let name = base(path);
        path.trim_end_matches(['/', '\\'])
            .strip_suffix(name)
            .unwrap_or(path)
    };
    up(up(&record.path)).trim_end_matches(['/', '\\'])
}

/// How completely the captures show the traffic, and what was counted.
pub(super) fn quality(page: &mut Page<'_>, explained: &Explained) {
    let case = &explained.case;
    if case.vantages.is_empty() && case.counts.is_empty() {
        return;
    }
    page.heading("How complete the evidence is");
    let several = case.vantages.len() > 1;
    for vantage in case.vantages.iter().take(MAX_MACHINES) {
        let text = vantage_text(page.look, vantage);
        let label = if several {
            format!("Capture point {}: ", vantage.number + 1)
        } else {
            String::new()
        };
        page.paragraph(2, &format!("{label}{text}"));
    }
    if let Some(counted) = counted(&case.counts) {
        page.paragraph(2, &counted);
    }
}

/// What was counted and is not listed.
pub(super) fn counted(counts: &[(&str, u64)]) -> Option<String> {
    let counts = counts.iter().filter(|(_, number)| *number > 0);
    let counts: Vec<String> = counts
        .map(|(what, number)| format!("{what}: {}", words::thousands(*number)))
        .collect();
    (!counts.is_empty()).then(|| format!("Counted, not listed. {}.", counts.join("; ")))
}

/// What one vantage point shows and lacks.
pub(super) fn vantage_text(look: &Look, vantage: &crate::case::Vantage) -> String {
    let mut text = String::new();
    if let (Some(first), Some(last)) = (vantage.first_at, vantage.last_at) {
        text.push_str(&format!("{}, ", look.range(first, last)));
    }
    text.push_str(&words::count(
        vantage.conversations,
        "TCP conversation",
        "TCP conversations",
    ));
    let flaws = [
        (vantage.one_sided, "with one direction only"),
        (vantage.mid_stream, "without their beginning"),
        (vantage.with_gaps, "with holes"),
        (vantage.cut_packets, "packets cut by the snap length"),
        (vantage.dropped, "packets dropped while capturing"),
        (vantage.missing, "payload bytes missing"),
        (
            vantage.damaged_files,
            "capture files damaged or not readable to the end",
        ),
    ];
    let flaws = flaws.iter().filter(|(number, _)| *number > 0);
    let flaws: Vec<String> = flaws
        .map(|(number, what)| format!("{} {what}", words::thousands(*number)))
        .collect();
    match flaws.is_empty() {
        true => text.push_str(", nothing missing."),
        false => text.push_str(&format!("; {}.", flaws.join(", "))),
    }
    text
}

/// Trouble with the evidence.
pub(super) fn issues(page: &mut Page<'_>, explained: &Explained, names: &Names<'_>) {
    let issues = &explained.case.issues;
    if issues.is_empty() {
        return;
    }
    page.heading("Issues");
    for issue in issues.iter().take(MAX_ISSUES) {
        let file = issue.evidence.map(|evidence| names.name(evidence));
        let place = [
            file.as_deref(),
            Some(issue.place.as_str()).filter(|place| !place.is_empty()),
        ];
        let place: Vec<&str> = place.into_iter().flatten().collect();
        let text = format!("{}: {}; {}", place.join(", "), issue.what, issue.effect);
        let text = page.look.shown(text.trim_end_matches("; "), MAX_TEXT);
        page.labeled(0, " -", 3, &text);
    }
    if let Some(rest) = issues
        .len()
        .checked_sub(MAX_ISSUES)
        .filter(|rest| *rest > 0)
    {
        let rest = words::count(rest as u64, "more issue", "more issues");
        page.labeled(0, " -", 3, &format!("{rest} in the JSON report"));
    }
}

/// Files listed one by one.
const MAX_FILES: usize = 60;
/// Cache files up to which each has its own line.
const MAX_CACHE_FILES: usize = 12;
/// Machines, clocks and vantage points a person reads.
const MAX_MACHINES: usize = 40;
/// Addresses of one machine.
const MAX_ADDRESSES: usize = 4;
/// Issues a person reads.
const MAX_ISSUES: usize = 40;
/// Characters of a sentence.
const MAX_TEXT: usize = 400;
/// Characters of a name.
const MAX_NAME: usize = 80;
