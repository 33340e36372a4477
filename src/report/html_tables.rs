//! The tables of facts: failures, retrievals, handshakes. Long ones are folded,
//! so that a browser opens them at once and everything is still there.

use maud::{Markup, html};

use super::cells::{self, Times};
use super::html::{Sheet, breakable};
use super::impact;
use super::json_ids::{Kind, id};
use crate::case::Handshake;
use crate::diagnosis::Failure;
use crate::phrase;
use crate::provenance::Cite;
use crate::retrieval::Retrieval;
use crate::words;

/// What failed.
pub(super) fn failures(sheet: &Sheet<'_>) -> Option<Markup> {
    let failures = &sheet.explained.diagnosis.failures;
    if failures.is_empty() {
        return None;
    }
    let times = Times::of(sheet.look, failures.iter().map(|failure| failure.at));
    let head = html! {
        th scope="col" { "" } th scope="col" { "Time" } th scope="col" { "Failure" }
        th scope="col" { "What" } th scope="col" { "Machine, account" } th scope="col" { "Judged by" }
    };
    let rows: Vec<(usize, &Failure)> = failures.iter().enumerate().collect();
    let row = |(index, failure): &(usize, &Failure)| failure_row(sheet, &times, *index, failure);
    Some(html! {
        (folded("failures", &head, &rows, row))
        p class="note" { (times.note(sheet.look)) }
    })
}

fn failure_row(sheet: &Sheet<'_>, times: &Times, index: usize, failure: &Failure) -> Markup {
    let case = &sheet.explained.case;
    let machine = phrase::machine_name(case, failure.machine).unwrap_or_default();
    let what = phrase::failed_thing(case, failure);
    html! {
        tr id=(id(Kind::Failure, index)) {
            td class="own-id" { (id(Kind::Failure, index)) }
            td class="time" { (times.cell(sheet.look, failure.at)) }
            td { span class="chip bad" { (failure.kind.word()) } }
            td class="break" { (breakable(sheet.look, &sheet.shown(&what, MAX_TEXT))) }
            td {
                (sheet.shown(&machine, MAX_NAME))
                @if let Some(account) = &failure.account {
                    br; span class="soft" { (sheet.shown(&account.to_string(), MAX_NAME)) }
                }
            }
            td title=(sheet.shown(&failure.verifier.basis, MAX_TEXT)) { (impact::verifier(failure, sheet.look)) }
        }
    }
}

/// How each object was fetched.
pub(super) fn retrievals(sheet: &Sheet<'_>) -> Option<Markup> {
    let retrievals = &sheet.explained.case.retrievals;
    if retrievals.is_empty() {
        return None;
    }
    let times = Times::of(sheet.look, retrievals.iter().map(|it| it.started_at));
    let head = html! {
        th scope="col" { "" } th scope="col" { "Time" } th scope="col" { "Object" }
        th scope="col" { "Way" } th scope="col" { "Result" } th scope="col" class="number" { "Took" }
        th scope="col" { "Packets" }
    };
    let rows: Vec<(usize, &Retrieval)> = retrievals.iter().enumerate().collect();
    let row = |(index, it): &(usize, &Retrieval)| retrieval_row(sheet, &times, *index, it);
    Some(html! {
        (folded("retrievals", &head, &rows, row))
        p class="note" { (times.note(sheet.look)) }
    })
}

fn retrieval_row(sheet: &Sheet<'_>, times: &Times, index: usize, retrieval: &Retrieval) -> Markup {
    let look = sheet.look;
    html! {
        tr id=(id(Kind::Retrieval, index)) {
            td class="own-id" { (id(Kind::Retrieval, index)) }
            td class="time" { (times.cell(look, retrieval.started_at)) }
            td class="break" {
                (words::sentence(phrase::object_phrase(retrieval))) br;
                span class="soft url" { (breakable(sheet.look, &cells::url(look, retrieval))) }
            }
            td class="break" { (breakable(sheet.look, &cells::path(look, retrieval))) }
            td class="break" { span class=(mark_class(&cells::mark(retrieval))) {} " " (cells::result(look, retrieval)) }
            td class="number" { (took(retrieval)) }
            td class="packets" { (packets(sheet, &retrieval.cites)) }
        }
    }
}

/// How long it took; what is shorter than a hundredth of a second is not zero.
fn took(retrieval: &Retrieval) -> String {
    match cells::duration(retrieval) {
        short if short == "0 s" => "< 0.01 s".to_owned(),
        other => other,
    }
}

/// The frames of a row, with the capture's name where there are several.
pub(super) fn packets(sheet: &Sheet<'_>, cites: &[Cite]) -> String {
    sheet.shown(&sheet.names.packets(cites), MAX_TEXT)
}

/// A dot in the color of a mark; the words beside it say the same.
fn mark_class(mark: &str) -> &'static str {
    match mark {
        "!" => "dot bad",
        "?" => "dot unsure",
        _ => "dot good",
    }
}

/// TLS handshakes.
pub(super) fn handshakes(sheet: &Sheet<'_>) -> Option<Markup> {
    let handshakes = &sheet.explained.case.handshakes;
    if handshakes.is_empty() {
        return None;
    }
    let times = Times::of(sheet.look, handshakes.iter().map(|it| it.at));
    let head = html! {
        th scope="col" { "" } th scope="col" { "Time" } th scope="col" { "Site" }
        th scope="col" { "Way" } th scope="col" { "Version" } th scope="col" { "Certificates" }
        th scope="col" { "End" } th scope="col" { "Packets" }
    };
    let rows: Vec<(usize, &Handshake)> = handshakes.iter().enumerate().collect();
    let row = |(index, it): &(usize, &Handshake)| handshake_row(sheet, &times, *index, it);
    Some(html! {
        (folded("handshakes", &head, &rows, row))
        p class="note" {
            "Certificates: leaf < issuer < …, an issuer that was not sent in parentheses. "
            (times.note(sheet.look))
        }
    })
}

fn handshake_row(sheet: &Sheet<'_>, times: &Times, index: usize, handshake: &Handshake) -> Markup {
    let look = sheet.look;
    html! {
        tr id=(id(Kind::Handshake, index)) {
            td class="own-id" { (id(Kind::Handshake, index)) }
            td class="time" { (times.cell(look, handshake.at)) }
            td class="break" { (breakable(sheet.look, &cells::site(look, handshake))) }
            td class="break" { (breakable(sheet.look, &cells::ends(look, handshake))) }
            td { (handshake.version.unwrap_or("unknown")) }
            td class="break" { (cells::certificates(look, &sheet.explained.case, handshake)) }
            td class="break" {
                span class=(mark_class(&cells::handshake_mark(handshake))) {} " " (cells::ending(handshake))
            }
            td class="packets" { (packets(sheet, &handshake.cites)) }
        }
    }
}

/// A table; of a long one, the rows after the first are in parts that open.
pub(super) fn folded<T>(
    what: &str,
    head: &Markup,
    rows: &[T],
    row: impl Fn(&T) -> Markup,
) -> Markup {
    let (open, rest) = rows.split_at(rows.len().min(OPEN_ROWS));
    html! {
        (table(head, open, &row))
        @for (number, part) in rest.chunks(PART_ROWS).enumerate() {
            @let first = OPEN_ROWS + number * PART_ROWS + 1;
            details class="part" {
                summary {
                    (words::thousands(first as u64)) " to "
                    (words::thousands((first + part.len() - 1) as u64)) " of "
                    (words::thousands(rows.len() as u64)) " " (what)
                }
                (table(head, part, &row))
            }
        }
    }
}

fn table<T>(head: &Markup, rows: &[T], row: impl Fn(&T) -> Markup) -> Markup {
    html! {
        div class="scroll" tabindex="0" role="group" { table {
            thead { tr { (head) } }
            tbody { @for it in rows { (row(it)) } }
        } }
    }
}

/// Rows shown without opening anything.
const OPEN_ROWS: usize = 60;
/// Rows of a part that opens: a screen or two hundred of them lay out at once.
const PART_ROWS: usize = 500;
/// Characters of a text in a cell.
const MAX_TEXT: usize = 400;
/// Characters of a name.
const MAX_NAME: usize = 80;
