//! Comments and names in capture files, shown as what they are: somebody's words.

use serde::Serialize;

use super::cite::Names;
use super::json_ids::{JsonCite, time};
use super::look::Look;
use super::page::Page;
use crate::case::{CaptureNote, Case, NoteKind};
use crate::phrase;
use crate::pipeline::Explained;

/// A note in the JSON report.
#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub(super) struct JsonCaptureNote {
    kind: &'static str,
    at: Option<String>,
    address: Option<String>,
    note: String,
    cites: Vec<JsonCite>,
}

impl JsonCaptureNote {
    pub(super) fn list(case: &Case) -> Vec<Self> {
        let one = |it: &CaptureNote| JsonCaptureNote {
            kind: it.kind.word(),
            at: it.at.map(time),
            address: match it.kind {
                NoteKind::Name(address) => Some(address.to_string()),
                NoteKind::Comment => None,
            },
            note: it.text.clone(),
            cites: JsonCite::list(std::slice::from_ref(&it.cite)),
        };
        case.capture_notes.iter().map(one).collect()
    }
}

/// The heading, in all forms.
pub(super) const TITLE: &str = "Notes in the captures";

/// What these notes are worth.
pub(super) const WORTH: &str = "Written into the files by whoever captured or saved them; hints, \
     never answers of the network.";

/// A line for each note.
pub(super) fn lines(explained: &Explained, names: &Names<'_>, look: &Look) -> Vec<String> {
    let case = &explained.case;
    let note = |it: &CaptureNote| {
        let (places, _) = names.places(std::slice::from_ref(&it.cite), look);
        let place = places.first().map(|it| it.text.as_str());
        let place = place.unwrap_or("a capture");
        match it.kind {
            NoteKind::Comment => format!("{place}: \"{}\"", it.text),
            NoteKind::Name(address) => format!("{place}: {address} is called {}", it.text),
        }
    };
    let hint = |it: &crate::retrieval::Retrieval| {
        let hint = it.process_hint.as_ref()?;
        let at = look.time(it.started_at);
        Some(format!("{} at {at}: {hint}", phrase::target(it)))
    };
    let notes = case.capture_notes.iter().map(note);
    let hints = case.retrievals.iter().filter_map(hint);
    notes
        .chain(hints)
        .map(|line| look.shown(&line, MAX_TEXT))
        .collect()
}

/// The notes in the text report.
pub(super) fn text(page: &mut Page<'_>, explained: &Explained, names: &Names<'_>) {
    let lines = lines(explained, names, page.look);
    if lines.is_empty() {
        return;
    }
    page.heading(TITLE);
    for line in lines.iter().take(MAX_LINES) {
        page.paragraph(2, line);
    }
    super::tables::notes(page, WORTH, lines.len(), MAX_LINES);
}

/// Lines that a person reads; the JSON report has all.
pub(super) const MAX_LINES: usize = 30;

/// Characters of one.
const MAX_TEXT: usize = 600;
