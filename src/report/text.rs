//! The report for people: the answer first, then why, then what was ruled out
//! and what cannot be known, then the facts.

use super::cite::Names;
use super::look::{Detail, Ink, Look};
use super::page::Page;
use super::{capture_notes, chains, facts, given, impact, network, tables, text_story, why};
use crate::diagnosis::VerdictState;
use crate::pipeline::Explained;
use crate::words;

/// Writes the report. Same input and look, same text.
#[must_use]
pub fn write(explained: &Explained, look: &Look) -> String {
    let names = Names::of(&explained.case);
    let mut page = Page::new(look);
    given::write(&mut page, explained);
    answer(&mut page, explained);
    why::remedies(&mut page, explained);
    if look.detail == Detail::Brief {
        why::causes(&mut page, explained, &names);
        why::cannot_tell(&mut page, explained, &names);
        why::claims(&mut page, explained);
        footer(&mut page, explained);
        return page.finish();
    }
    text_story::happened(&mut page, explained, &names);
    chains::write(&mut page, explained);
    text_story::axis(&mut page, explained);
    text_story::accounts(&mut page, explained);
    why::causes(&mut page, explained, &names);
    why::observations(&mut page, explained, &names);
    why::ruled_out(&mut page, explained, &names);
    why::cannot_tell(&mut page, explained, &names);
    why::claims(&mut page, explained);
    tables::failures(&mut page, explained);
    tables::retrievals(&mut page, explained, &names);
    network::discoveries(&mut page, explained, &names);
    network::logins(&mut page, explained);
    tables::handshakes(&mut page, explained, &names);
    tables::caches(&mut page, explained);
    tables::timeline(&mut page, explained, &names);
    facts::machines(&mut page, explained);
    facts::clocks(&mut page, explained);
    facts::evidence(&mut page, explained);
    facts::quality(&mut page, explained);
    capture_notes::text(&mut page, explained, &names);
    facts::issues(&mut page, explained, &names);
    footer(&mut page, explained);
    page.finish()
}

fn answer(page: &mut Page<'_>, explained: &Explained) {
    let verdict = &explained.diagnosis.verdict;
    let ink = match verdict.state {
        VerdictState::Clean => Ink::Good,
        VerdictState::Explained => Ink::Bad,
        VerdictState::Undetermined | VerdictState::NoValidationSeen => Ink::Unsure,
    };
    page.heading("Answer");
    page.paragraph(2, &verdict.sentence);
    page.blank();
    let state = impact::state(verdict.state);
    let cause = impact::root_cause(explained).map(|(rule, confidence)| match confidence {
        Some(confidence) => format!("{confidence}, {rule}"),
        None => rule.to_owned(),
    });
    let (label, column) = match cause.is_some() {
        true => (state.to_owned(), FACTS.max(4 + words::columns(state))),
        false => (format!("{state}."), FACTS),
    };
    page.inked(2, Some(ink), &label, column, &cause.unwrap_or_default());
    for (name, text) in impact::facts(explained, page.look) {
        page.labeled(2, name, FACTS, &text);
    }
}

/// Where the text beside the name of a fact begins.
const FACTS: usize = 15;

fn footer(page: &mut Page<'_>, explained: &Explained) {
    page.blank();
    let mut text = format!("whychain {}. ", env!("CARGO_PKG_VERSION"));
    if let Some(as_of) = explained.case.as_of {
        let as_of = page.look.second(as_of);
        text.push_str(&format!(
            "Every validation is judged as of {as_of} {}, as asked. ",
            page.look.zone.name()
        ));
    }
    text.push_str(&format!("Times are {}.", page.look.zone.name()));
    page.paragraph(0, &text);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::report::{Zone, sample};

    fn at_width(width: usize, explained: &Explained) -> String {
        write(
            explained,
            &Look {
                width,
                ..Look::default()
            },
        )
    }

    /// Headings in order: lines that have a rule below.
    fn headings(text: &str) -> Vec<&str> {
        let lines: Vec<&str> = text.lines().collect();
        let pairs = lines.windows(2);
        let pairs = pairs.filter(|pair| {
            pair[0].len() > 2
                && pair[1].len() == pair[0].len()
                && pair[1].trim_matches('-').is_empty()
        });
        pairs.map(|pair| pair[0]).collect()
    }

    #[test]
    fn the_answer_comes_first_and_every_section_is_in_its_place() {
        let text = at_width(100, &sample::explained());
        assert!(
            text.starts_with("Answer\n------\n  PC-17 rejected www.bank.example"),
            "{text}"
        );
        assert_eq!(
            headings(&text),
            [
                "Answer",
                "What to do",
                "What happened",
                "Chains checked",
                "Validity and time",
                "Account by account",
                "Why",
                "Also noticed",
                "Ruled out",
                "Cannot be known from this evidence",
                "What failed",
                "How each object was fetched",
                "Handshakes",
                "Caches",
                "Timeline",
                "Machines",
                "Clocks",
                "Evidence",
                "How complete the evidence is",
                "Issues",
            ]
        );
    }

    #[test]
    fn sections_without_content_are_left_out() {
        assert_eq!(headings(&at_width(100, &sample::empty())), ["Answer"]);
    }

    #[test]
    fn a_cause_shows_its_packets_and_a_filter() {
        let text = at_width(100, &sample::explained());
        assert!(
            text.contains("packets 15-17, 44, 47, 52, 60, 71, 75 of client.pcapng"),
            "{text}"
        );
        assert!(text.contains("frame.number in {15..17, 44, 47, 52, 60, 71, 75}"));
        assert!(text.contains("MetaData of SYSTEM"));
    }

    #[test]
    fn no_line_is_wider_than_the_page_but_filters_and_hashes() {
        for width in [72, 80, 100, 132, 200] {
            let text = at_width(width, &sample::explained());
            for line in text.lines() {
                let whole = line.contains("frame.number") || line.contains("SHA-256");
                assert!(whole || words::columns(line) <= width, "{width}: {line}");
            }
        }
    }

    #[test]
    fn a_plain_report_is_ascii_and_a_colored_one_differs_in_escapes_only() {
        let plain = at_width(100, &sample::explained());
        assert!(plain.is_ascii());
        let look = Look {
            color: true,
            ..Look::default()
        };
        let colored = write(&sample::explained(), &look);
        let mut stripped = String::new();
        let mut rest = colored.as_str();
        while let Some((before, after)) = rest.split_once('\u{1b}') {
            stripped.push_str(before);
            rest = after.split_once('m').unwrap().1;
        }
        stripped.push_str(rest);
        assert_eq!(stripped, plain);
    }

    #[test]
    fn hostile_text_reaches_no_line_unescaped() {
        for width in [72, 80, 200] {
            let text = at_width(width, &sample::hostile());
            let bad = text.chars().find(|c| *c != '\n' && words::is_hostile(*c));
            assert_eq!(bad, None);
            // A line break from evidence must not begin a line of its own.
            assert!(
                !text.lines().any(|line| line.starts_with("Verdict:")),
                "{text}"
            );
            assert!(text.len() < 200_000);
        }
    }

    #[test]
    fn the_zone_is_named_and_applied() {
        let look = Look {
            zone: Zone::from_text("+02:00").unwrap(),
            ..Look::default()
        };
        let text = write(&sample::explained(), &look);
        assert!(text.contains("10:59:10.123"), "{text}");
        assert!(text.contains("Times are UTC+02:00"));
    }
}
