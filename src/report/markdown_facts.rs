//! The facts in Markdown: tables in place of pictures.

use super::cells;
use super::chain_view;
use super::facts::vantage_text;
use super::grid;
use super::json_ids::{Kind, evidence_id, id};
use super::markdown::Sheet;
use super::markdown_text::{code, escaped, table};
use super::sequence::{Mood, sequence};
use super::{axis, chains, impact};
use crate::bytes::to_hex;
use crate::phrase;
use crate::words;

/// The steps of the leading incident.
pub(super) fn happened(sheet: &Sheet<'_>) -> Option<String> {
    let incident = sheet.explained.diagnosis.incidents.first();
    let story = sequence(sheet.explained, incident, sheet.names, sheet.look)?;
    let rows = story.steps.iter().map(|step| {
        let stations = step.way.iter().filter_map(|lane| story.lanes.get(*lane));
        let stations = stations.map(|(_, title, _)| escaped(title));
        vec![
            sheet.look.time(step.at),
            stations.collect::<Vec<_>>().join(" → "),
            escaped(&step.what),
            format!("{} {}", mark(step.mood), escaped(&step.result)),
            escaped(step.place.trim_start_matches("packets ")),
        ]
    });
    let rows: Vec<_> = rows.collect();
    let head = ["Time", "From, to", "What", "Result", "Packets"];
    let rest = more(story.left_out, "steps");
    Some(format!("## What happened\n\n{}{rest}", table(&head, &rows)))
}

fn mark(mood: Mood) -> &'static str {
    match mood {
        Mood::Good => "✓",
        Mood::Bad => "✗",
        Mood::Unsure => "?",
    }
}

/// The chains, top first.
pub(super) fn chains(sheet: &Sheet<'_>) -> Option<String> {
    let case = &sheet.explained.case;
    let groups = chains::alike(&case.chains);
    let views = groups.iter().take(MAX_CHAINS);
    let views = views.filter_map(|group| chain_view::view(case, sheet.names, sheet.look, group));
    let mut text = String::new();
    for view in views {
        text.push_str(&format!(
            "\n{} **{}**\n\n",
            mark(view.mood),
            escaped(&view.title)
        ));
        for (depth, card) in view.cards.iter().enumerate() {
            let indent = "  ".repeat(depth);
            let present = if card.present {
                ""
            } else {
                " *(not in the evidence)*"
            };
            let lines: Vec<String> = card.lines.iter().map(|line| escaped(line)).collect();
            text.push_str(&format!(
                "{indent}- **{}**{present}, {}\n",
                escaped(&card.name),
                lines.join("; ")
            ));
            for (mood, check) in card.checks.iter().take(MAX_CHECKS) {
                text.push_str(&format!("{indent}  - {} {}\n", mark(*mood), escaped(check)));
            }
        }
        for (label, told) in &view.told {
            text.push_str(&format!("\n{label}: {}\n", escaped(told)));
        }
    }
    let rest = more(groups.len().saturating_sub(MAX_CHAINS), "chains");
    (!text.is_empty()).then(|| format!("## The chain\n{text}{rest}"))
}

/// Validity against the incident.
pub(super) fn axis(sheet: &Sheet<'_>) -> Option<String> {
    let axis = axis::axis(sheet.explained, sheet.look)?;
    let rows = axis.bands.iter().map(|band| {
        vec![
            escaped(&band.name),
            band.kind.to_owned(),
            sheet.look.minute(band.from),
            band.until.map_or_else(
                || "no end given".to_owned(),
                |until| sheet.look.minute(until),
            ),
            format!("{} {}", mark(band.mood), escaped(&band.state)),
        ]
    });
    let rows: Vec<_> = rows.collect();
    let head = ["Object", "Kind", "From", "Until", "At the incident"];
    let changes = axis
        .changes
        .iter()
        .map(|change| format!("\n{}\n", escaped(change)));
    let changes: String = changes.collect();
    Some(format!(
        "## Validity and time\n\n{}{changes}{}",
        table(&head, &rows),
        more(axis.left_out, "objects")
    ))
}

/// What each account did, of the objects somebody tried to get.
pub(super) fn accounts(sheet: &Sheet<'_>) -> Option<String> {
    let case = &sheet.explained.case;
    let mut text = String::new();
    for (machine, grid) in grid::grids(case).iter().take(MAX_MACHINES) {
        let columns = grid.columns();
        let rows = grid
            .rows()
            .into_iter()
            .filter(|(_, cells)| grid::tried(cells));
        let rows = rows.take(MAX_ROWS).map(|(object, cells)| {
            let mut row = vec![sheet.text(object)];
            row.extend(columns.iter().map(|account| {
                cells
                    .get(account)
                    .map_or_else(|| "–".to_owned(), |cell| account_cell(sheet, cell))
            }));
            row
        });
        let rows: Vec<_> = rows.collect();
        if rows.is_empty() {
            continue;
        }
        let names = columns.iter().map(|account| match account {
            Some(account) => sheet.text(&account.to_string()),
            None => "account not known".to_owned(),
        });
        let names: Vec<String> = std::iter::once("Object".to_owned()).chain(names).collect();
        let head: Vec<&str> = names.iter().map(String::as_str).collect();
        let machine = phrase::machine_name(case, *machine);
        let machine = machine.map(|name| format!("\n**{}**\n", sheet.text(&name)));
        text.push_str(&format!(
            "{}\n{}",
            machine.unwrap_or_default(),
            table(&head, &rows)
        ));
    }
    (!text.is_empty()).then(|| format!("## Account by account\n{text}"))
}

fn account_cell(sheet: &Sheet<'_>, cell: &grid::Cell<'_>) -> String {
    let attempts = cell
        .attempts
        .iter()
        .take(MAX_ATTEMPTS)
        .map(|(_, retrieval)| {
            let mood = match retrieval.outcome {
                outcome if outcome.is_failure() => Mood::Bad,
                outcome if outcome.is_success() => Mood::Good,
                _ => Mood::Unsure,
            };
            let result = cells::result(sheet.look, retrieval);
            format!(
                "{} {}: {}",
                mark(mood),
                sheet.text(&phrase::way(retrieval)),
                escaped(&result)
            )
        });
    let mut parts: Vec<String> = attempts.collect();
    parts.extend(
        cell.entry
            .map(|entry| format!("in the cache, {}", grid::held(sheet.look, entry))),
    );
    parts.join("\n")
}

/// What failed.
pub(super) fn failures(sheet: &Sheet<'_>) -> Option<String> {
    let failures = &sheet.explained.diagnosis.failures;
    let case = &sheet.explained.case;
    let rows = failures
        .iter()
        .enumerate()
        .take(MAX_ROWS)
        .map(|(index, failure)| {
            let machine = phrase::machine_name(case, failure.machine).unwrap_or_default();
            vec![
                id(Kind::Failure, index),
                sheet.look.time(failure.at),
                failure.kind.word().to_owned(),
                sheet.text(&phrase::failed_thing(case, failure)),
                sheet.text(&machine),
                escaped(&impact::verifier(failure, sheet.look)),
            ]
        });
    let rows: Vec<_> = rows.collect();
    let head = ["", "Time", "Failure", "What", "Machine", "Judged by"];
    let rest = more(failures.len().saturating_sub(MAX_ROWS), "failures");
    (!rows.is_empty()).then(|| format!("## What failed\n\n{}{rest}", table(&head, &rows)))
}

/// The events.
pub(super) fn timeline(sheet: &Sheet<'_>) -> Option<String> {
    let events = &sheet.explained.timeline;
    let rows = events.iter().take(MAX_EVENTS).map(|event| {
        let clock = match event.clock {
            "capture" => String::new(),
            clock => format!(" ({clock} time)"),
        };
        vec![
            sheet.look.time(event.at),
            format!("{}{clock}", sheet.text(&event.text)),
            sheet.text(&sheet.names.packets(&event.cites)),
        ]
    });
    let rows: Vec<_> = rows.collect();
    let rest = more(events.len().saturating_sub(MAX_EVENTS), "events");
    (!rows.is_empty()).then(|| {
        format!(
            "## Timeline\n\n{}{rest}",
            table(&["Time", "Event", "Packets"], &rows)
        )
    })
}

/// The ledger.
pub(super) fn evidence(sheet: &Sheet<'_>) -> Option<String> {
    let records = &sheet.explained.case.evidence;
    let rows = records.iter().take(MAX_ROWS).map(|record| {
        let place = match &record.member {
            Some(member) => format!("{}/{member}", record.path),
            None => record.path.clone(),
        };
        vec![
            evidence_id(record.id),
            sheet.text(&place),
            record.kind.word().to_owned(),
            words::thousands(record.size),
            record.sha256.map_or_else(
                || "not read to its end".to_owned(),
                |hash| code(&to_hex(&hash)),
            ),
        ]
    });
    let rows: Vec<_> = rows.collect();
    let head = ["", "File", "Kind", "Bytes", "SHA-256"];
    let rest = more(records.len().saturating_sub(MAX_ROWS), "files");
    (!rows.is_empty()).then(|| format!("## Evidence\n\n{}{rest}", table(&head, &rows)))
}

/// How complete the captures are, and what could not be read.
pub(super) fn completeness(sheet: &Sheet<'_>) -> Option<String> {
    let case = &sheet.explained.case;
    let mut text = String::new();
    for vantage in case.vantages.iter().take(MAX_ROWS) {
        text.push_str(&format!(
            "- {}\n",
            escaped(&vantage_text(sheet.look, vantage))
        ));
    }
    for issue in case.issues.iter().take(MAX_ROWS) {
        let file = issue.evidence.map(|evidence| sheet.names.name(evidence));
        let file = file.map(|file| format!("**{}** ", sheet.text(&file)));
        text.push_str(&format!(
            "- {}{}: {}; {}\n",
            file.unwrap_or_default(),
            sheet.text(&issue.place),
            sheet.text(&issue.what),
            sheet.text(&issue.effect)
        ));
    }
    text.push_str(&more(case.issues.len().saturating_sub(MAX_ROWS), "issues"));
    (!text.is_empty()).then(|| format!("## How complete the evidence is\n\n{text}"))
}

fn more(left_out: usize, what: &str) -> String {
    match left_out {
        0 => String::new(),
        left_out => format!(
            "\n{} more {what} in the JSON report.\n",
            words::thousands(left_out as u64)
        ),
    }
}

/// Chains told.
const MAX_CHAINS: usize = 12;
/// Checks told of one element.
const MAX_CHECKS: usize = 8;
/// Machines with a table of accounts.
const MAX_MACHINES: usize = 20;
/// Attempts told in one cell.
const MAX_ATTEMPTS: usize = 4;
/// Rows of a table.
const MAX_ROWS: usize = 100;
/// Events told.
const MAX_EVENTS: usize = 200;
