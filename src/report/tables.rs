//! The tables of a text report: failures, retrievals, handshakes, caches,
//! timeline.

use super::cells::{self, Times};
use super::cite::Names;
use super::page::Page;
use super::table::{Column, table};
use crate::case::Case;
use crate::diagnosis::{FailureKind, VerifierKind};
use crate::phrase;
use crate::pipeline::Explained;
use crate::words;

/// What failed.
pub(super) fn failures(page: &mut Page<'_>, explained: &Explained) {
    const COLUMNS: &[Column] = &[
        Column::new("Time", 12),
        Column::new("Failure", 9),
        Column::new("What", 20),
        Column::new("Machine", 9),
        Column::new("Judged by", 12).from(100),
    ];
    let failures = &explained.diagnosis.failures;
    if failures.is_empty() {
        return;
    }
    page.heading("What failed");
    let look = page.look;
    let times = Times::of(look, failures.iter().map(|failure| failure.at));
    let row = |failure: &crate::diagnosis::Failure| {
        let kind = match failure.kind {
            FailureKind::Rejected => "rejected",
            FailureKind::Delayed => "delayed",
            FailureKind::Object => "object",
        };
        let what = phrase::failed_thing(&explained.case, failure);
        let machine = phrase::machine_name(&explained.case, failure.machine);
        let account = failure
            .account
            .as_ref()
            .map(|account| format!("\n{account}"));
        let machine = format!(
            "{}{}",
            machine.unwrap_or_default(),
            account.unwrap_or_default()
        );
        let verifier = match (failure.verifier.kind, &failure.verifier.name) {
            (_, Some(name)) => look.shown(name, 80),
            (VerifierKind::Capi, None) => "Windows CryptoAPI".to_owned(),
            (VerifierKind::Own, None) => "a verifier of its own".to_owned(),
            (VerifierKind::Proxy, None) => "the proxy".to_owned(),
            (VerifierKind::Unknown, None) => "unknown".to_owned(),
        };
        vec![
            times.cell(look, failure.at),
            kind.to_owned(),
            look.shown(&what, MAX_TEXT),
            machine,
            verifier,
        ]
    };
    let rows: Vec<Vec<String>> = failures
        .iter()
        .take(look.detail.rows(MAX_ROWS))
        .map(row)
        .collect();
    table(page, COLUMNS, &rows);
    notes(
        page,
        &times.note(look),
        failures.len(),
        look.detail.rows(MAX_ROWS),
    );
}

/// How each object was fetched.
pub(super) fn retrievals(page: &mut Page<'_>, explained: &Explained, names: &Names<'_>) {
    const WIDE: usize = 130;
    const NARROW_COLUMNS: &[Column] = &[
        Column::new("", 1),
        Column::new("Time", 12),
        Column::new("Object, host", 12),
        Column::new("Way", 26),
        Column::new("Result", 10),
    ];
    const WIDE_COLUMNS: &[Column] = &[
        Column::new("", 1),
        Column::new("Time", 12),
        Column::new("Object", 10),
        Column::new("URL", 30),
        Column::new("Way", 20),
        Column::new("Result", 16),
        Column::new("Took", 6),
        Column::new("Packets", 7).from(160),
    ];
    let case = &explained.case;
    if case.retrievals.is_empty() {
        return;
    }
    page.heading("How each object was fetched");
    let look = page.look;
    let kept = most_telling(explained, look.detail.rows(MAX_ROWS));
    let times = Times::of(look, kept.iter().map(|retrieval| retrieval.started_at));
    let narrow = |retrieval: &crate::retrieval::Retrieval| {
        vec![
            cells::mark(retrieval),
            times.cell(look, retrieval.started_at),
            cells::object_and_host(look, retrieval),
            cells::path_in_lines(look, retrieval),
            cells::result(look, retrieval),
        ]
    };
    let wide = |retrieval: &crate::retrieval::Retrieval| {
        vec![
            cells::mark(retrieval),
            times.cell(look, retrieval.started_at),
            phrase::object_phrase(retrieval).to_owned(),
            cells::url(look, retrieval),
            cells::path(look, retrieval),
            cells::result(look, retrieval),
            cells::duration(retrieval),
            names.packets(&retrieval.cites),
        ]
    };
    if look.width < WIDE {
        let rows: Vec<_> = kept.iter().map(|retrieval| narrow(retrieval)).collect();
        table(page, NARROW_COLUMNS, &rows);
    } else {
        let rows: Vec<_> = kept.iter().map(|retrieval| wide(retrieval)).collect();
        table(page, WIDE_COLUMNS, &rows);
    }
    let legend = match kept.iter().any(|retrieval| retrieval.outcome.is_failure()) {
        true => format!("! did not get the object. {}", times.note(look)),
        false => times.note(look),
    };
    notes(
        page,
        &legend,
        case.retrievals.len(),
        look.detail.rows(MAX_ROWS),
    );
}

/// The retrievals to show, by start: all of them, or, of very many, those of
/// failures first, then those that failed, then the earliest.
fn most_telling(explained: &Explained, limit: usize) -> Vec<&crate::retrieval::Retrieval> {
    let case = &explained.case;
    if case.retrievals.len() <= limit {
        return case.retrievals.iter().collect();
    }
    let failures = &explained.diagnosis.failures;
    let of_failures: std::collections::BTreeSet<usize> = failures
        .iter()
        .flat_map(|failure| failure.retrievals.iter().copied())
        .collect();
    let mut ranked: Vec<(u8, usize)> = case
        .retrievals
        .iter()
        .enumerate()
        .map(|(index, retrieval)| match of_failures.contains(&index) {
            true => (0, index),
            false if retrieval.outcome.is_failure() => (1, index),
            false => (2, index),
        })
        .collect();
    ranked.sort_unstable();
    let mut kept: Vec<usize> = ranked
        .into_iter()
        .take(limit)
        .map(|(_, index)| index)
        .collect();
    kept.sort_unstable();
    kept.iter()
        .filter_map(|index| case.retrievals.get(*index))
        .collect()
}

/// TLS handshakes.
pub(super) fn handshakes(page: &mut Page<'_>, explained: &Explained, names: &Names<'_>) {
    const COLUMNS: &[Column] = &[
        Column::new("", 1),
        Column::new("Time", 12),
        Column::new("Site", 12),
        Column::new("Way", 14).from(120),
        Column::new("Version", 7).from(100),
        Column::new("Certificates", 12),
        Column::new("End", 20),
        Column::new("Packets", 7).from(160),
    ];
    let case = &explained.case;
    if case.handshakes.is_empty() {
        return;
    }
    page.heading("Handshakes");
    let look = page.look;
    // Of very many, those that did not complete come first.
    let mut kept: Vec<(bool, usize)> = case
        .handshakes
        .iter()
        .enumerate()
        .map(|(index, it)| {
            (
                it.outcome == crate::case::HandshakeOutcome::Completed,
                index,
            )
        })
        .collect();
    if kept.len() > look.detail.rows(MAX_ROWS) {
        kept.sort_unstable();
        kept.truncate(look.detail.rows(MAX_ROWS));
        kept.sort_unstable_by_key(|(_, index)| *index);
    }
    let kept = kept
        .iter()
        .filter_map(|(_, index)| case.handshakes.get(*index));
    let kept: Vec<&crate::case::Handshake> = kept.collect();
    let times = Times::of(look, kept.iter().map(|handshake| handshake.at));
    let row = |handshake: &crate::case::Handshake| {
        vec![
            cells::handshake_mark(handshake),
            times.cell(look, handshake.at),
            cells::site(look, handshake),
            cells::ends(look, handshake),
            handshake.version.unwrap_or("unknown").to_owned(),
            cells::certificates(look, case, handshake),
            cells::ending(handshake),
            names.packets(&handshake.cites),
        ]
    };
    let rows: Vec<_> = kept.iter().map(|handshake| row(handshake)).collect();
    table(page, COLUMNS, &rows);
    let legend = format!(
        "Certificates: leaf < issuer < ..., an issuer that was not sent in parentheses. {}",
        times.note(look)
    );
    notes(
        page,
        &legend,
        case.handshakes.len(),
        look.detail.rows(MAX_ROWS),
    );
}

/// Events in order.
pub(super) fn timeline(page: &mut Page<'_>, explained: &Explained, names: &Names<'_>) {
    const CLOCK_COLUMN: usize = 120;
    const COLUMNS: &[Column] = &[
        Column::new("Time", 12),
        Column::new("Event", 40),
        Column::new("Clock", 11).from(CLOCK_COLUMN),
        Column::new("Packets", 7).from(CLOCK_COLUMN),
    ];
    let events = &explained.timeline;
    if events.is_empty() {
        return;
    }
    page.heading("Timeline");
    let look = page.look;
    let times = Times::of(
        look,
        events
            .iter()
            .take(look.detail.rows(MAX_EVENTS))
            .map(|event| event.at),
    );
    let row = |event: &crate::timeline::Event| {
        // Most times are the capture's; naming it in every line is noise.
        let clock = if event.clock == "capture" {
            ""
        } else {
            event.clock
        };
        let mut text = look.shown(&event.text, MAX_TEXT);
        if look.width < CLOCK_COLUMN && !clock.is_empty() {
            text.push_str(&format!(" ({clock} time)"));
        }
        vec![
            times.cell(look, event.at),
            text,
            clock.to_owned(),
            names.packets(&event.cites),
        ]
    };
    let rows: Vec<_> = events
        .iter()
        .take(look.detail.rows(MAX_EVENTS))
        .map(row)
        .collect();
    table(page, COLUMNS, &rows);
    let legend = format!(
        "{} By the capture's clock, unless another is named.",
        times.note(look)
    );
    notes(page, &legend, events.len(), look.detail.rows(MAX_EVENTS));
}

/// The line below a table: a legend, and what was left out.
pub(super) fn notes(page: &mut Page<'_>, legend: &str, number: usize, limit: usize) {
    let mut text = legend.to_owned();
    if let Some(rest) = number.checked_sub(limit).filter(|rest| *rest > 0) {
        let rest = words::thousands(rest as u64);
        text.push_str(&format!(" {rest} more rows are in the JSON report."));
    }
    page.paragraph(2, &text);
}

/// For each machine: which object each account's cache holds, and when it was
/// last synchronized.
pub(super) fn caches(page: &mut Page<'_>, explained: &Explained) {
    super::cache_matrix::write(page, explained);
}

/// The name of a machine by index, for headings.
pub(super) fn machine_heading(case: &Case, machine: Option<usize>) -> String {
    phrase::machine_name(case, machine).unwrap_or_else(|| "unknown machine".to_owned())
}

/// Rows a person reads; the JSON report has all.
const MAX_ROWS: usize = 100;
/// Events a person reads.
const MAX_EVENTS: usize = 300;
/// Characters of a line of text in a cell.
const MAX_TEXT: usize = 240;
