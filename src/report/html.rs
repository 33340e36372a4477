//! The report as one HTML file: complete in itself, readable without script,
//! with pictures drawn from the case.
//!
//! Everything from evidence is hostile: it is cleaned like all text for people
//! and then escaped by the template.

use maud::{Markup, html};

use super::capture_notes;
use super::cite::Names;
use super::given;
use super::html_frame::{Frame, Section, section};
use super::look::Look;
use super::{
    html_answer, html_facts, html_findings, html_ledger, html_matrix, html_pictures, html_tables,
    html_timeline,
};
use crate::diagnosis::VerdictState;
use crate::pipeline::Explained;

/// Writes the report. Same input and look, same text; width and color of the
/// look do not matter here, its zone does.
#[must_use]
pub fn write(explained: &Explained, look: &Look) -> String {
    let look = look.of_file();
    let names = Names::of(&explained.case);
    let sheet = Sheet {
        explained,
        look: &look,
        names: &names,
    };
    page(&sheet).into_string()
}

/// What every section is written from.
pub(super) struct Sheet<'a> {
    pub(super) explained: &'a Explained,
    pub(super) look: &'a Look,
    pub(super) names: &'a Names<'a>,
}

impl Sheet<'_> {
    /// Text from evidence, clean, of at most `limit` characters; the template
    /// escapes it.
    pub(super) fn shown(&self, text: &str, limit: usize) -> String {
        self.look.shown(text, limit)
    }
}

/// Text with places to break a line after the separators of long URLs, names
/// and paths; the text itself is unchanged when copied. It is cleaned before it
/// is taken apart: no later step could find a name in the pieces.
pub(super) fn breakable(look: &Look, text: &str) -> Markup {
    let text = look.shown(text, MAX_BREAKABLE);
    html! {
        @for (index, word) in text.split(' ').enumerate() {
            @if index > 0 { " " }
            @if word.len() < LONG_WORD {
                (word)
            } @else {
                @let parts = word.split_inclusive(['/', '.', '-', '_', '?', '&', '=', ':', '\\']);
                @for (index, part) in parts.enumerate() { @if index > 0 { wbr; } (part) }
            }
        }
    }
}

/// Characters of a text; all that come here were cut already.
const MAX_BREAKABLE: usize = 4000;
/// Bytes from which on a word may be broken: addresses and times are shorter.
const LONG_WORD: usize = 19;

fn sections(sheet: &Sheet<'_>) -> Vec<Section> {
    [
        section("case", given::TITLE, html_facts::given(sheet)),
        section("do", "What to do", html_answer::remedies(sheet)),
        section("happened", "What happened", html_pictures::happened(sheet)),
        section("chain", "The chain", html_pictures::chains(sheet)),
        section("time", "Validity and time", html_pictures::axis(sheet)),
        section("accounts", "Account by account", html_matrix::write(sheet)),
        section(
            "why",
            "Findings and their evidence",
            html_findings::causes(sheet),
        ),
        section(
            "noticed",
            "Also noticed",
            html_findings::observations(sheet),
        ),
        section("ruled-out", "Ruled out", html_findings::ruled_out(sheet)),
        section(
            "unknown",
            "What this evidence cannot tell",
            html_findings::cannot_tell(sheet),
        ),
        section(
            "claims",
            "What was said of this fault in 2011",
            html_findings::claims(sheet),
        ),
        section("failures", "What failed", html_tables::failures(sheet)),
        section(
            "retrievals",
            "How each object was fetched",
            html_tables::retrievals(sheet),
        ),
        section("handshakes", "Handshakes", html_tables::handshakes(sheet)),
        section("timeline", "Timeline", html_timeline::write(sheet)),
        section(
            "machines",
            "Machines and clocks",
            html_facts::machines(sheet),
        ),
        section("evidence", "Evidence", html_ledger::evidence(sheet)),
        section(
            "quality",
            "How complete the evidence is",
            html_facts::quality(sheet),
        ),
        section("notes", capture_notes::TITLE, html_facts::notes(sheet)),
        section("method", "Method", Some(html_ledger::method(sheet))),
        section("glossary", "Glossary", Some(html_ledger::glossary())),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn page(sheet: &Sheet<'_>) -> Markup {
    Frame {
        title: title(sheet),
        brand: " · certificate-chain forensics",
        sub: html_ledger::summary(sheet),
        answer: html_answer::answer(sheet),
        sections: &sections(sheet),
        footer: html_ledger::footer(sheet),
        styles: &[],
        script: SCRIPT,
    }
    .write()
}

fn title(sheet: &Sheet<'_>) -> &'static str {
    match sheet.explained.diagnosis.verdict.state {
        VerdictState::Explained => "Why certificate validation failed",
        VerdictState::Undetermined => "Why certificate validation failed, as far as can be told",
        VerdictState::Clean => "Certificate validation: nothing failed",
        VerdictState::NoValidationSeen => "Certificate validation: none seen",
    }
}

/// The filter of the timeline; the report is complete without it.
const SCRIPT: &str = include_str!("html.js");

#[cfg(test)]
#[path = "html_tests.rs"]
mod tests;
