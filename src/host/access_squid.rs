//! Lines of squid's native access log.

use super::access_log::{AccessLine, address, field};
use super::local_time::LogTime;
use crate::time::{Span, Timestamp};

/// Reads a line; `None` for one of another form.
///
/// ```text
/// seconds.mmm elapsed client result/status bytes method URL user hierarchy/peer type
/// ```
///
/// `seconds.mmm` is Unix time at the *end* of the request, `elapsed` counts
/// milliseconds. Status 000: no answer was sent. `user` is what was logged, a
/// hyphen for none.
///
/// Source: squid documentation, `logformat squid`.
pub(super) fn line(row: &str) -> Option<AccessLine> {
    let mut words = row.split_ascii_whitespace();
    let at = time(words.next()?)?;
    let elapsed: i64 = words.next()?.parse().ok()?;
    let client = words.next()?;
    let (result, status) = words.next()?.split_once('/')?;
    let known = ["TCP_", "UDP_", "NONE", "TAG_", "ERR_"];
    if !known.iter().any(|start| result.starts_with(start)) {
        return None;
    }
    let status: u16 = status.parse().ok()?;
    let _bytes: u64 = words.next()?.parse().ok()?;
    let (method, url) = (words.next()?, words.next()?);
    let user = words.next().and_then(field);
    let hierarchy = words.next().and_then(field);
    let content_type = words.next().and_then(field);
    Some(AccessLine {
        time: Some(LogTime::Utc(at)),
        took: (0..=MAX_ELAPSED)
            .contains(&elapsed)
            .then(|| Span::milliseconds(elapsed)),
        client: address(client),
        user: user.map(super::access_common::decoded),
        method: method.to_owned(),
        url: url.to_owned(),
        status: (status != 0).then_some(status),
        result: Some(result.to_owned()),
        hierarchy: hierarchy.map(str::to_owned),
        content_type: content_type.map(str::to_owned),
        ..AccessLine::default()
    })
}

/// A day in milliseconds: tunnels stay open for hours.
const MAX_ELAPSED: i64 = 86_400_000;

/// `1795294800.123`: ten digits since 2001 and until 2286.
fn time(text: &str) -> Option<Timestamp> {
    let (seconds, fraction) = text.split_once('.')?;
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !(9..=10).contains(&seconds.len()) || !digits(seconds) || !digits(fraction) {
        return None;
    }
    let milliseconds: u32 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    Timestamp::from_unix(seconds.parse().ok()?, milliseconds * 1_000_000)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    #[test]
    fn a_refusal_has_its_status_result_and_times() {
        let row = "1795294800.045     45 10.9.0.20 TCP_DENIED/407 4010 GET http://crl.example/a.crl - HIER_NONE/- text/html";
        let line = line(row).unwrap();
        let at = line.time.unwrap().utc().unwrap();
        assert_eq!(at.to_rfc3339(), "2026-11-21T21:00:00.045Z");
        assert_eq!(line.took, Some(Span::milliseconds(45)));
        assert_eq!((line.status, line.user.as_deref()), (Some(407), None));
        assert_eq!(line.result.as_deref(), Some("TCP_DENIED"));
    }

    #[test]
    fn an_identity_is_decoded_and_an_aborted_request_has_no_status() {
        let row = "1795294800.045 45 10.9.0.20 TCP_MISS_ABORTED/000 0 GET http://crl.example/a.crl CORP%5Calice HIER_DIRECT/192.0.2.1 -";
        let line = line(row).unwrap();
        assert_eq!(line.user.as_deref(), Some("CORP\\alice"));
        assert_eq!((line.status, line.content_type), (None, None));
    }

    #[test]
    fn a_line_that_ends_early_is_none() {
        assert_eq!(line("1795294800.045 45 10.9.0.20 TCP_MISS/200 4"), None);
    }
}
