//! Lines of access logs in the common and combined forms.

use super::access_log::{AccessLine, address, field};
use super::local_time::{LocalTime, LogTime, time_of_day};

/// Reads a line; `None` for one of another form.
///
/// ```text
/// host ident user [dd/Mon/yyyy:HH:MM:SS +zone] "METHOD URL HTTP/1.1" status bytes
///   "referer" "user agent" TCP_MISS:HIER_DIRECT          (combined; squid adds the last)
/// ```
///
/// The zone is the distance of the clock from UTC; without it the time stays
/// local. Apache writes the time of the request, squid that of its end: whole
/// seconds either way.
///
/// Source: Apache `mod_log_config`; squid `logformat common`, `combined`.
pub(super) fn line(row: &str) -> Option<AccessLine> {
    let (who, rest) = row.split_once('[')?;
    let mut words = who.split_ascii_whitespace();
    let client = words.next()?;
    let _ident = words.next()?;
    // A user's name may have blanks.
    let user = words.collect::<Vec<_>>().join(" ");
    let (time, rest) = rest.split_once(']')?;
    let (request, rest) = quoted(rest.trim_start())?;
    let mut asked = request.split_ascii_whitespace();
    let (method, url) = (asked.next()?, asked.next()?);
    let mut words = rest.split_ascii_whitespace();
    let status: u16 = words.next()?.parse().ok()?;
    let _bytes = words.next()?;
    let after = rest.split_once('"').map(|(_, rest)| format!("\"{rest}"));
    let after = after.unwrap_or_default();
    let (_, after) = quoted(&after).unwrap_or_default();
    let (agent, after) = quoted(after.trim_start()).unwrap_or_default();
    let result = after.split_ascii_whitespace().next();
    let result = result.or_else(|| rest.split_ascii_whitespace().nth(2));
    let result = result.filter(|word| word.starts_with("TCP_") || word.starts_with("NONE"));
    let (result, hierarchy) = result.map_or((None, None), |word| match word.split_once(':') {
        Some((result, hierarchy)) => (Some(result.to_owned()), Some(hierarchy.to_owned())),
        None => (Some(word.to_owned()), None),
    });
    Some(AccessLine {
        time: stamp(time),
        client: address(client),
        user: field(user.trim()).map(decoded),
        method: method.to_owned(),
        url: url.to_owned(),
        status: (status != 0).then_some(status),
        result,
        hierarchy,
        user_agent: field(agent).map(str::to_owned),
        ..AccessLine::default()
    })
}

/// Splits off a text in quotes; a backslash takes the next character as it is.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('"')?;
    let mut escaped = false;
    for (at, letter) in inner.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some((inner.get(..at)?, inner.get(at + 1..)?)),
            _ => {}
        }
    }
    None
}

/// `21/Nov/2026:19:00:00 +0100`.
fn stamp(text: &str) -> Option<LogTime> {
    let (date, clock) = text.split_once(':')?;
    let mut parts = date.split('/');
    let day: u8 = parts.next()?.parse().ok()?;
    let month = parts.next()?;
    let month = MONTHS.iter().position(|known| *known == month)?;
    let year = parts.next()?.parse().ok()?;
    let (of_day, milliseconds, zone) = time_of_day(clock)?;
    let month = u8::try_from(month + 1).ok()?;
    let local = LocalTime::new((year, month, day), of_day)?.with_milliseconds(milliseconds);
    let offset = crate::time::offset_from_text(zone.trim());
    Some(offset.map_or(LogTime::Local(local), |offset| {
        LogTime::Utc(local.at_offset(offset))
    }))
}

/// The names of both programs are English in any locale.
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// An identity as it was meant: squid writes `%5C` for a backslash, Apache `\\`.
pub(super) fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        let digits = more.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let coded = digits.and_then(|two| u8::from_str_radix(two, 16).ok());
        match (first, coded) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = more.get(2..).unwrap_or_default();
            }
            (b'\\', _) if more.first() == Some(&b'\\') => {
                bytes.push(b'\\');
                rest = more.get(1..).unwrap_or_default();
            }
            _ => {
                bytes.push(*first);
                rest = more;
            }
        }
    }
    crate::words::clean(&String::from_utf8_lossy(&bytes))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    fn utc(line: &AccessLine) -> String {
        line.time.unwrap().utc().unwrap().to_rfc3339()
    }

    #[test]
    fn a_common_line_is_an_instant_by_its_zone() {
        let row = "10.9.0.20 - - [21/Nov/2026:20:00:00 +0100] \"GET http://crl.example/a.crl HTTP/1.1\" 407 4010 TCP_DENIED:HIER_NONE";
        let line = line(row).unwrap();
        assert_eq!(utc(&line), "2026-11-21T19:00:00Z");
        assert_eq!((line.status, line.user), (Some(407), None));
        assert_eq!(line.result.as_deref(), Some("TCP_DENIED"));
        assert_eq!(line.hierarchy.as_deref(), Some("HIER_NONE"));
    }

    #[test]
    fn a_combined_line_has_its_agent_and_its_result() {
        let row = "10.9.0.20 - CORP\\\\alice [21/Nov/2026:19:00:00 +0000] \"GET http://crl.example/a.crl HTTP/1.1\" 200 812 \"-\" \"Microsoft-CryptoAPI/10.0\" TCP_MISS:HIER_DIRECT";
        let line = line(row).unwrap();
        assert_eq!(line.user.as_deref(), Some("CORP\\alice"));
        assert_eq!(line.user_agent.as_deref(), Some("Microsoft-CryptoAPI/10.0"));
        assert_eq!(line.result.as_deref(), Some("TCP_MISS"));
    }

    #[test]
    fn a_time_without_a_zone_stays_local() {
        let row = "10.9.0.20 - - [21/Nov/2026:19:00:00] \"GET /x HTTP/1.1\" 200 5";
        assert!(matches!(line(row).unwrap().time, Some(LogTime::Local(_))));
        let odd = row.replace("Nov", "Okt");
        assert_eq!(line(&odd).unwrap().time, None);
    }
}
