//! One instant type for everything that is compared.
//!
//! A [`Timestamp`] is UTC and holds what the sources hold: packet times to the
//! nanosecond, FILETIMEs to 100 ns, certificate dates from year 0 to 9999
//! (`99991231235959Z` means "no well-defined expiry", RFC 5280 §4.1.2.5).
//! Local times without a zone are not instants and never become one here.

use std::fmt;

use time::OffsetDateTime;
use time::format_description::well_known::{Rfc2822, Rfc3339};

/// An instant in UTC, to the nanosecond, from year 0 to year 9999.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    // Invariant: within FIRST..=LAST, so that it can always be written.
    nanoseconds: i128,
}

/// 0000-01-01T00:00:00Z in seconds since 1970.
const FIRST: i64 = -62_167_219_200;
/// 9999-12-31T23:59:59Z in seconds since 1970.
const LAST: i64 = 253_402_300_799;
const PER_SECOND: i128 = 1_000_000_000;
/// Seconds from 1601-01-01 (FILETIME's zero) to 1970-01-01.
const FILETIME_EPOCH: i64 = 11_644_473_600;

impl Timestamp {
    /// From seconds and nanoseconds since 1970; `None` outside years 0 to 9999.
    #[must_use]
    pub fn from_unix(seconds: i64, nanoseconds: u32) -> Option<Self> {
        let in_range = (FIRST..=LAST).contains(&seconds) && i128::from(nanoseconds) < PER_SECOND;
        in_range.then(|| Timestamp {
            nanoseconds: i128::from(seconds) * PER_SECOND + i128::from(nanoseconds),
        })
    }

    /// From nanoseconds since 1970; `None` outside years 0 to 9999.
    #[must_use]
    pub fn from_unix_nanoseconds(nanoseconds: i128) -> Option<Self> {
        let seconds = i64::try_from(nanoseconds.div_euclid(PER_SECOND)).ok()?;
        let fraction = u32::try_from(nanoseconds.rem_euclid(PER_SECOND)).ok()?;
        Timestamp::from_unix(seconds, fraction)
    }

    /// From a FILETIME: 100 ns ticks since 1601-01-01 UTC. `None` for 0, which
    /// Windows writes where there is no time, and past year 9999.
    #[must_use]
    pub fn from_filetime(ticks: u64) -> Option<Self> {
        if ticks == 0 {
            return None;
        }
        let seconds = i64::try_from(ticks / 10_000_000)
            .ok()?
            .checked_sub(FILETIME_EPOCH)?;
        let fraction = u32::try_from(ticks % 10_000_000).ok()? * 100;
        Timestamp::from_unix(seconds, fraction)
    }

    /// Reads RFC 3339, such as `2011-01-25T20:54:12.694Z`.
    #[must_use]
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        OffsetDateTime::parse(text.trim(), &Rfc3339)
            .ok()
            .and_then(Self::from_offset_date_time)
    }

    /// Reads an HTTP date in the preferred form, `Tue, 25 Jan 2011 20:54:12 GMT`
    /// (RFC 9110 §5.6.7).
    #[must_use]
    pub fn from_http_date(text: &str) -> Option<Self> {
        OffsetDateTime::parse(text.trim(), &Rfc2822)
            .ok()
            .and_then(Self::from_offset_date_time)
    }

    fn from_offset_date_time(date_time: OffsetDateTime) -> Option<Self> {
        Timestamp::from_unix_nanoseconds(date_time.unix_timestamp_nanos())
    }

    /// Whole seconds since 1970, rounded down.
    #[must_use]
    pub fn unix_seconds(self) -> i64 {
        // In range by the invariant.
        i64::try_from(self.nanoseconds.div_euclid(PER_SECOND)).unwrap_or(LAST)
    }

    /// Nanoseconds since 1970.
    #[must_use]
    pub fn unix_nanoseconds(self) -> i128 {
        self.nanoseconds
    }

    /// `self` − `earlier`, negative when `self` is the earlier one.
    #[must_use]
    pub fn since(self, earlier: Timestamp) -> Span {
        Span {
            nanoseconds: self.nanoseconds - earlier.nanoseconds,
        }
    }

    /// The time a span before this one; the earliest there is when it would lie
    /// before that.
    #[must_use]
    pub fn earlier_by(self, span: Span) -> Timestamp {
        self.plus(Span {
            nanoseconds: -span.nanoseconds,
        })
    }

    /// This instant moved by a span, kept within years 0 to 9999.
    #[must_use]
    pub fn plus(self, span: Span) -> Timestamp {
        let first = i128::from(FIRST) * PER_SECOND;
        let last = i128::from(LAST) * PER_SECOND + PER_SECOND - 1;
        let nanoseconds = self
            .nanoseconds
            .saturating_add(span.nanoseconds)
            .clamp(first, last);
        Timestamp { nanoseconds }
    }

    /// RFC 3339 in UTC; the fraction has the digits that are not zero.
    #[must_use]
    pub fn to_rfc3339(self) -> String {
        OffsetDateTime::from_unix_timestamp_nanos(self.nanoseconds)
            .ok()
            .and_then(|date_time| date_time.format(&Rfc3339).ok())
            .unwrap_or_else(|| format!("@{}", self.nanoseconds))
    }

    /// For people: `2011-01-25 20:54:12.694`, milliseconds, no zone letter.
    #[must_use]
    pub fn to_display(self) -> String {
        let milliseconds = self.nanoseconds.rem_euclid(PER_SECOND) / 1_000_000;
        let whole = Timestamp {
            nanoseconds: self.nanoseconds.div_euclid(PER_SECOND) * PER_SECOND,
        };
        let text = whole.to_rfc3339().replace('T', " ");
        format!("{}.{milliseconds:03}", text.trim_end_matches('Z'))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.to_rfc3339())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.to_rfc3339())
    }
}

/// The distance between two instants; may be negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span {
    nanoseconds: i128,
}

impl Span {
    /// A span of whole seconds.
    #[must_use]
    pub const fn seconds(seconds: i64) -> Self {
        Span {
            nanoseconds: seconds as i128 * PER_SECOND,
        }
    }

    /// A span of whole milliseconds.
    #[must_use]
    pub const fn milliseconds(milliseconds: i64) -> Self {
        Span {
            nanoseconds: milliseconds as i128 * 1_000_000,
        }
    }

    /// Seconds with a fraction, for display and for tolerances.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn as_seconds(self) -> f64 {
        self.nanoseconds as f64 / 1e9
    }

    /// The span without its sign.
    #[must_use]
    pub fn abs(self) -> Self {
        Span {
            nanoseconds: self.nanoseconds.abs(),
        }
    }
}

/// Reads an offset from UTC, in seconds: `UTC`, `Z`, `+02:00`, `-0530` or `+2`;
/// `None` for anything else.
#[must_use]
pub fn offset_from_text(text: &str) -> Option<i64> {
    if matches!(text, "UTC" | "utc" | "Z" | "z") {
        return Some(0);
    }
    let (sign, rest) = match text.strip_prefix('+') {
        Some(rest) => (1, rest),
        None => (-1, text.strip_prefix('-')?),
    };
    let (hours, minutes) = match rest.split_once(':') {
        Some(parts) => parts,
        None if rest.len() == 4 => rest.split_at_checked(2)?,
        None => (rest, "0"),
    };
    let number = |digits: &str, limit: i64| {
        let short = (1..=2).contains(&digits.len());
        let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
        let number = digits.parse().ok().filter(|number: &i64| *number <= limit);
        number.filter(|_| short && plain)
    };
    // The largest offset in use is 14 hours.
    let seconds = number(hours, 14)? * 3600 + number(minutes, 59)? * 60;
    Some(sign * seconds)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    #[test]
    fn the_ctl_sequence_number_of_2011_is_its_production_time() {
        let time = Timestamp::from_filetime(0x01CB_BCD2_0538_9C94).unwrap();
        assert_eq!(time.to_rfc3339(), "2011-01-25T20:54:12.6941332Z");
        assert_eq!(time.to_display(), "2011-01-25 20:54:12.694");
    }

    #[test]
    fn the_largest_certificate_date_can_be_held_and_written() {
        let text = "9999-12-31T23:59:59Z";
        assert_eq!(Timestamp::from_rfc3339(text).unwrap().to_rfc3339(), text);
    }

    #[test]
    fn a_filetime_past_year_9999_is_no_instant() {
        assert_eq!(Timestamp::from_filetime(i64::MAX as u64), None);
        assert_eq!(Timestamp::from_filetime(u64::MAX), None);
        assert_eq!(Timestamp::from_filetime(0), None);
    }

    #[test]
    fn dates_before_1970_order_before_it() {
        let before = Timestamp::from_rfc3339("1950-01-01T00:00:00Z").unwrap();
        let zero = Timestamp::from_unix(0, 0).unwrap();
        assert!(before < zero);
        assert_eq!(before.since(zero).abs(), zero.since(before));
        assert_eq!(before.to_display(), "1950-01-01 00:00:00.000");
    }

    #[test]
    fn an_http_date_is_read() {
        let date = Timestamp::from_http_date("Tue, 25 Jan 2011 20:54:12 GMT").unwrap();
        assert_eq!(date.to_rfc3339(), "2011-01-25T20:54:12Z");
        assert_eq!(Timestamp::from_http_date("yesterday"), None);
    }
}
