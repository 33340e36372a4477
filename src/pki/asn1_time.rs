//! Dates of certificates, CRLs and OCSP responses.

use time::{Date, Month, PrimitiveDateTime, Time};

use super::tlv::{DerReader, Tlv, tag};
use crate::bytes::ParseError;
use crate::time::{Span, Timestamp};

/// A date as read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadTime {
    /// The instant.
    pub at: Timestamp,
    /// How its text departs from RFC 5280 §4.1.2.5, if it does.
    pub oddity: Option<&'static str>,
}

/// Reads a Time: UTCTime or GeneralizedTime.
///
/// ```text
/// UTCTime          YYMMDDhhmm[ss](Z | +hhmm | -hhmm)     1950 to 2049
/// GeneralizedTime  YYYYMMDDhh[mm[ss[.f…]]](Z | +hhmm | -hhmm | nothing)
/// ```
///
/// RFC 5280 allows only `YYMMDDhhmmssZ` until 2049 and `YYYYMMDDhhmmssZ` from
/// 2050; the other forms of X.680 are read and called an oddity. A
/// GeneralizedTime without a zone is local time of an unknown place: it is
/// taken as UTC, which is what the known parsers do. A second 60 counts as 59.
///
/// # Errors
///
/// `Malformed` when the text is no such time, or the date does not exist.
pub fn read_time(reader: &mut DerReader<'_>, what: &'static str) -> Result<ReadTime, ParseError> {
    let element = reader.any(what)?;
    time_of(&element).ok_or_else(|| {
        let text = String::from_utf8_lossy(element.contents.get(..32).unwrap_or(element.contents));
        let how = match element.tag {
            tag::UTC_TIME => format!("'{}' is no UTCTime", text.escape_debug()),
            tag::GENERALIZED_TIME => format!("'{}' is no GeneralizedTime", text.escape_debug()),
            other => format!("tag {other:#04x} where a Time belongs"),
        };
        element.malformed(what, how)
    })
}

/// The time of an element, where it is one.
fn time_of(element: &Tlv<'_>) -> Option<ReadTime> {
    let mut text = Digits {
        rest: element.contents,
    };
    let year = match element.tag {
        tag::UTC_TIME => {
            let year = text.number(2)?;
            if year < 50 { 2000 + year } else { 1900 + year }
        }
        tag::GENERALIZED_TIME => text.number(4)?,
        _ => return None,
    };
    let is_generalized = element.tag == tag::GENERALIZED_TIME;
    let month = Month::try_from(u8::try_from(text.number(2)?).ok()?).ok()?;
    let date = Date::from_calendar_date(year, month, u8::try_from(text.number(2)?).ok()?).ok()?;
    let hour = text.number(2)?;
    let mut oddity = (is_generalized && (1950..2050).contains(&year))
        .then_some("GeneralizedTime for a year before 2050");
    let minute = text.number(2);
    let mut second = minute.and_then(|_| text.number(2));
    if second.is_none() {
        if minute.is_none() && !is_generalized {
            return None;
        }
        oddity = Some("a time without seconds");
    }
    if second == Some(60) {
        second = Some(59);
        oddity = Some("a leap second");
    }
    let mut nanoseconds = 0;
    if is_generalized && second.is_some() && matches!(text.rest.first(), Some(b'.' | b',')) {
        text.rest = text.rest.get(1..)?;
        nanoseconds = text.fraction()?;
        oddity = Some("a time with a fraction of a second");
    }
    let offset = match text.rest {
        b"Z" => 0,
        [] if is_generalized => {
            oddity = Some("a time without a zone, taken as UTC");
            0
        }
        [sign @ (b'+' | b'-'), digits @ ..] => {
            oddity = Some("a time with an offset from UTC");
            text.rest = digits;
            let seconds = i64::from(text.number(2)?) * 3600 + i64::from(text.number(2)?) * 60;
            if !text.rest.is_empty() {
                return None;
            }
            if *sign == b'+' { seconds } else { -seconds }
        }
        _ => return None,
    };
    let byte = |number: i32| u8::try_from(number).ok();
    let clock = Time::from_hms(
        byte(hour)?,
        byte(minute.unwrap_or(0))?,
        byte(second.unwrap_or(0))?,
    )
    .ok()?;
    let seconds = PrimitiveDateTime::new(date, clock)
        .assume_utc()
        .unix_timestamp();
    let local = Timestamp::from_unix(seconds, nanoseconds)?;
    Some(ReadTime {
        at: local.plus(Span::seconds(-offset)),
        oddity,
    })
}

struct Digits<'a> {
    rest: &'a [u8],
}

impl Digits<'_> {
    /// Takes exactly `count` digits.
    fn number(&mut self, count: usize) -> Option<i32> {
        let digits = self.rest.get(..count)?;
        if !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        self.rest = self.rest.get(count..)?;
        Some(
            digits
                .iter()
                .fold(0, |number, digit| number * 10 + i32::from(digit - b'0')),
        )
    }

    /// Takes the digits after the point as nanoseconds; further ones are cut.
    fn fraction(&mut self) -> Option<u32> {
        let count = self
            .rest
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let digits = self.rest.get(..count).filter(|digits| !digits.is_empty())?;
        self.rest = self.rest.get(count..)?;
        let padded = digits.iter().chain(std::iter::repeat(&b'0')).take(9);
        Some(padded.fold(0, |number, digit| number * 10 + u32::from(digit - b'0')))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(tag: u8, text: &str) -> Option<(String, Option<&'static str>)> {
        let length = u8::try_from(text.len()).unwrap();
        let bytes = [&[tag, length], text.as_bytes()].concat();
        let read = read_time(&mut DerReader::new(&bytes), "Time").ok()?;
        Some((read.at.to_rfc3339(), read.oddity))
    }

    #[test]
    fn two_digit_years_run_from_1950_to_2049() {
        assert_eq!(
            read(0x17, "500101000000Z"),
            Some(("1950-01-01T00:00:00Z".to_owned(), None))
        );
        assert_eq!(
            read(0x17, "491231235959Z"),
            Some(("2049-12-31T23:59:59Z".to_owned(), None))
        );
    }

    #[test]
    fn years_0_and_9999_are_held() {
        let last = Some(("9999-12-31T23:59:59Z".to_owned(), None));
        assert_eq!(read(0x18, "99991231235959Z"), last);
        assert_eq!(
            read(0x18, "00000101000000Z").unwrap().0,
            "0000-01-01T00:00:00Z"
        );
    }

    #[test]
    fn forms_outside_the_profile_are_read_and_named() {
        let without_seconds = read(0x17, "1101252054Z").unwrap();
        assert_eq!(without_seconds.0, "2011-01-25T20:54:00Z");
        assert_eq!(without_seconds.1, Some("a time without seconds"));
        assert_eq!(
            read(0x17, "110125205412-0800").unwrap().0,
            "2011-01-26T04:54:12Z"
        );
        assert_eq!(
            read(0x18, "20110125205412.25Z").unwrap().0,
            "2011-01-25T20:54:12.25Z"
        );
        let zoneless = read(0x18, "20110125205412").unwrap();
        assert_eq!(zoneless.1, Some("a time without a zone, taken as UTC"));
        let early = read(0x18, "20110125205412Z").unwrap();
        assert_eq!(early.1, Some("GeneralizedTime for a year before 2050"));
    }

    #[test]
    fn dates_that_do_not_exist_are_refused() {
        assert_eq!(read(0x17, "110229000000Z"), None);
        assert_eq!(read(0x17, "111301000000Z"), None);
        assert_eq!(read(0x17, "110101240000Z"), None);
        assert_eq!(read(0x17, "11010100000 Z"), None);
        assert_eq!(read(0x17, "110101000000"), None);
        let bytes = [0x17, 1, b'x'];
        let error = read_time(&mut DerReader::new(&bytes), "notBefore").unwrap_err();
        assert_eq!(
            error.to_string(),
            "notBefore at byte 0: malformed: 'x' is no UTCTime"
        );
    }
}
