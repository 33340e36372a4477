//! How a text report looks: width, color, characters, time zone.

use std::borrow::Cow;
use std::sync::Arc;

use anstyle::{AnsiColor, Style};

use super::share::Disguise;
use crate::time::{Span, Timestamp};
use crate::words;

/// The look of a text report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// Columns of a line.
    pub width: usize,
    /// Whether colors are used.
    pub color: bool,
    /// Whether our own marks may be other than ASCII. Names from evidence keep
    /// their letters anyway.
    pub unicode: bool,
    /// The zone in which times are shown.
    pub zone: Zone,
    /// How much is told.
    pub detail: Detail,
    /// Names are replaced before anything is cut or wrapped.
    pub disguise: Option<Arc<Disguise>>,
}

/// How much a report for people tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Detail {
    /// The answer, the causes with their remedies, and what cannot be told.
    Brief,
    /// Everything, long tables cut to the most telling rows.
    #[default]
    Standard,
    /// Everything, every row.
    Full,
}

impl Detail {
    /// Rows of a table that shows `rows` by default.
    pub(super) fn rows(self, rows: usize) -> usize {
        match self {
            Detail::Full => usize::MAX,
            Detail::Brief | Detail::Standard => rows,
        }
    }
}

impl Default for Look {
    /// The look of a file: 100 columns, plain, UTC.
    fn default() -> Self {
        Look {
            width: 100,
            color: false,
            unicode: false,
            zone: Zone::UTC,
            detail: Detail::Standard,
            disguise: None,
        }
    }
}

/// A fixed offset from UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Zone {
    // Invariant: whole minutes, less than a day to either side.
    seconds: i64,
}

impl Zone {
    /// UTC.
    pub const UTC: Zone = Zone { seconds: 0 };

    /// Reads `UTC`, `Z`, `+02:00`, `-0530` or `+2`; `None` for anything else.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        crate::time::offset_from_text(text).map(|seconds| Zone { seconds })
    }

    /// `UTC` or `UTC+02:00`.
    #[must_use]
    pub fn name(self) -> String {
        match self.seconds {
            0 => "UTC".to_owned(),
            seconds => {
                let sign = if seconds < 0 { '-' } else { '+' };
                let minutes = seconds.abs() / 60;
                format!("UTC{sign}{:02}:{:02}", minutes / 60, minutes % 60)
            }
        }
    }
}

/// What a piece of text is, for color.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ink {
    /// A heading.
    Heading,
    /// What failed.
    Bad,
    /// What is uncertain.
    Unsure,
    /// What went well.
    Good,
    /// Less important.
    Faint,
}

impl Look {
    /// The same in a file that says itself how it is shown: without colors of a
    /// terminal, with all letters.
    pub(super) fn of_file(&self) -> Look {
        Look {
            color: false,
            unicode: true,
            ..self.clone()
        }
    }

    /// The text in color, where colors are used.
    pub(super) fn ink(&self, ink: Ink, text: &str) -> String {
        if !self.color || text.is_empty() {
            return text.to_owned();
        }
        let color = |color: AnsiColor| Style::new().fg_color(Some(color.into()));
        let style = match ink {
            Ink::Heading => Style::new().bold(),
            Ink::Bad => color(AnsiColor::Red).bold(),
            Ink::Unsure => color(AnsiColor::Yellow),
            Ink::Good => color(AnsiColor::Green),
            Ink::Faint => Style::new().dimmed(),
        };
        format!("{style}{text}{style:#}")
    }

    /// The arrow between the hops of a way.
    pub(super) fn arrow(&self) -> &'static str {
        if self.unicode { "→" } else { "->" }
    }

    /// The mark of a cut text.
    pub(super) fn ellipsis(&self) -> &'static str {
        if self.unicode { "…" } else { "..." }
    }

    /// The character of rules below headings.
    pub(super) fn dash(&self) -> char {
        if self.unicode { '─' } else { '-' }
    }

    /// Text from evidence: safe to print, at most `limit` characters.
    pub(super) fn shown(&self, text: &str, limit: usize) -> String {
        let text = &self.disguised(text);
        // Cut twice: an escape is longer than what it stands for, and cleaning
        // a megabyte to show a line would be waste.
        let text = words::cut(text, limit, self.ellipsis());
        words::cut(
            &words::clean(&text),
            limit.saturating_mul(2),
            self.ellipsis(),
        )
    }

    /// Text as others may see it.
    pub(super) fn disguised<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match &self.disguise {
            Some(disguise) => disguise.text(text).into(),
            None => text.into(),
        }
    }

    /// A time in the zone chosen: `2011-02-21 08:59:14.694`.
    pub(super) fn time(&self, at: Timestamp) -> String {
        at.plus(Span::seconds(self.zone.seconds)).to_display()
    }

    /// Day and time apart: `2011-02-21`, `08:59:14.694`.
    pub(super) fn day_and_time(&self, at: Timestamp) -> (String, String) {
        let text = self.time(at);
        match text.split_once(' ') {
            Some((day, time)) => (day.to_owned(), time.to_owned()),
            None => (text, String::new()),
        }
    }

    /// A time to the minute, for dates of objects: `2011-02-21 08:59`.
    pub(super) fn minute(&self, at: Timestamp) -> String {
        let mut text = self.time(at);
        if let Some((at, _)) = text.char_indices().nth(16) {
            text.truncate(at);
        }
        text
    }

    /// A stretch of time: `2011-02-21 08:59:14 to 09:02:11`.
    pub(super) fn range(&self, first: Timestamp, last: Timestamp) -> String {
        let (first, last) = (self.second(first), self.second(last));
        match (first.split_once(' '), last.split_once(' ')) {
            _ if first == last => first,
            (Some((day, _)), Some((same, time))) if day == same => format!("{first} to {time}"),
            _ => format!("{first} to {last}"),
        }
    }

    /// A time to the second: `2011-02-21 08:59:14`.
    pub(super) fn second(&self, at: Timestamp) -> String {
        let mut text = self.time(at);
        if let Some((at, _)) = text.char_indices().nth(19) {
            text.truncate(at);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn a_zone_is_read_in_the_usual_forms() {
        let name = |text: &str| Zone::from_text(text).map(Zone::name);
        assert_eq!(name("UTC").as_deref(), Some("UTC"));
        assert_eq!(name("+02:00").as_deref(), Some("UTC+02:00"));
        assert_eq!(name("-0530").as_deref(), Some("UTC-05:30"));
        assert_eq!(name("+2").as_deref(), Some("UTC+02:00"));
        for wrong in [
            "", "2", "CET", "+15:00", "+02:60", "+2:x", "+-2", "+123", "é", "+aé1",
        ] {
            assert_eq!(name(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_zone_moves_what_is_shown_and_nothing_else() {
        let zone = Zone::from_text("-05:30").unwrap();
        let look = Look {
            zone,
            ..Look::default()
        };
        let at = Timestamp::from_rfc3339("2011-02-21T04:00:00.5Z").unwrap();
        assert_eq!(look.time(at), "2011-02-20 22:30:00.500");
        assert_eq!(look.second(at), "2011-02-20 22:30:00");
        assert_eq!(look.minute(at), "2011-02-20 22:30");
    }

    #[test]
    fn hostile_text_is_short_and_safe() {
        let look = Look::default();
        assert_eq!(look.shown("a\u{1b}[2Jb", 20), "a\\u{1b}[2Jb");
        assert_eq!(look.shown(&"x".repeat(50), 10), "xxxxxxx...");
        assert!(look.shown(&"\u{202e}".repeat(50), 10).len() <= 20);
    }

    #[test]
    fn without_color_there_is_no_escape() {
        assert_eq!(Look::default().ink(Ink::Bad, "no"), "no");
        let colored = Look {
            color: true,
            ..Look::default()
        };
        assert_eq!(colored.ink(Ink::Heading, "no"), "\u{1b}[1mno\u{1b}[0m");
    }
}
