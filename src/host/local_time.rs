//! Times of logs: with a zone they are instants, without one they stay apart.

use crate::time::{Span, Timestamp};

/// A time as a log writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogTime {
    /// An instant: the line says the distance to UTC.
    Utc(Timestamp),
    /// The machine's local time, its zone unknown. It orders lines of one log
    /// and is never compared with anything else.
    Local(LocalTime),
}

/// A date and time of day in an unknown zone.
///
/// It is no [`Timestamp`] and cannot become one without a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalTime {
    // As if it were UTC: private, so that nobody sorts it among instants.
    as_if_utc: Timestamp,
}

impl LocalTime {
    /// From the parts of a date and a time of day; `None` for a date that is none.
    #[must_use]
    pub fn new(
        (year, month, day): (i32, u8, u8),
        (hour, minute, second): (u8, u8, u8),
    ) -> Option<Self> {
        let text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z");
        Some(LocalTime {
            as_if_utc: Timestamp::from_rfc3339(&text)?,
        })
    }

    /// Adds thousandths of a second.
    #[must_use]
    pub fn with_milliseconds(self, milliseconds: u32) -> Self {
        let nanoseconds = self.as_if_utc.unix_nanoseconds() + i128::from(milliseconds) * 1_000_000;
        LocalTime {
            as_if_utc: Timestamp::from_unix_nanoseconds(nanoseconds).unwrap_or(self.as_if_utc),
        }
    }

    /// The instant, where the minutes to *add* for UTC are known: -120 in
    /// Central Europe in summer, 480 at the Pacific coast in winter.
    #[must_use]
    pub fn with_bias(self, minutes: i64) -> Timestamp {
        self.as_if_utc.plus(Span::seconds(minutes * 60))
    }

    /// The instant, where the seconds that this clock is ahead of UTC are known.
    #[must_use]
    pub fn at_offset(self, seconds: i64) -> Timestamp {
        self.as_if_utc.plus(Span::seconds(-seconds))
    }

    /// `2014-01-20 12:18:11.520`, as the log has it.
    #[must_use]
    pub fn to_display(self) -> String {
        self.as_if_utc.to_display()
    }
}

impl LogTime {
    /// The instant, where it is one.
    #[must_use]
    pub fn utc(self) -> Option<Timestamp> {
        match self {
            LogTime::Utc(at) => Some(at),
            LogTime::Local(_) => None,
        }
    }
}

/// Reads `12:18:11`, `12:18:11.520` or `12:18:11:520`; the rest is returned.
#[must_use]
pub fn time_of_day(text: &str) -> Option<((u8, u8, u8), u32, &str)> {
    let two = |at: usize| -> Option<u8> { text.get(at..at + 2)?.parse().ok() };
    let is_colon = |at: usize| text.as_bytes().get(at) == Some(&b':');
    let (hour, minute, second) = (two(0)?, two(3)?, two(6)?);
    if !is_colon(2) || !is_colon(5) {
        return None;
    }
    let rest = text.get(8..)?;
    let Some(fraction) = rest.strip_prefix(['.', ':', ',']) else {
        return Some(((hour, minute, second), 0, rest));
    };
    let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
    let shown = format!("{:0<3}", fraction.get(..digits.min(3))?);
    let milliseconds = shown.parse().unwrap_or(0);
    Some((
        (hour, minute, second),
        milliseconds,
        fraction.get(digits..)?,
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    #[test]
    fn the_bias_is_added_for_utc() {
        let noon = LocalTime::new((2026, 7, 1), (12, 0, 0)).unwrap();
        assert_eq!(noon.with_bias(-120).to_rfc3339(), "2026-07-01T10:00:00Z");
        assert_eq!(noon.with_bias(480).to_rfc3339(), "2026-07-01T20:00:00Z");
        assert_eq!(noon.at_offset(7200).to_rfc3339(), "2026-07-01T10:00:00Z");
    }

    #[test]
    fn every_form_of_the_fraction_is_read() {
        for text in ["12:18:11.520x", "12:18:11:520x", "12:18:11.5200000x"] {
            assert_eq!(time_of_day(text).unwrap(), ((12, 18, 11), 520, "x"));
        }
        assert_eq!(LocalTime::new((2026, 2, 30), (0, 0, 0)), None);
    }
}
