//! Access logs of proxies and web servers: squid's own form, the common and
//! combined forms, and W3C logs (IIS, also of the update server).

use std::net::IpAddr;

use super::local_time::LogTime;
use super::{access_common, access_squid, access_w3c};
use crate::time::Span;

/// An access log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AccessLog {
    /// Which form most of its lines have.
    pub form: AccessForm,
    /// Its lines, in order of the file.
    pub lines: Vec<AccessLine>,
    /// Damage: first line of each kind, what it is, how many lines.
    pub problems: Vec<(u64, String)>,
    /// Lines that were left out for their number.
    pub left_out: u64,
}

/// The forms of access logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum AccessForm {
    /// squid's native form; written when the request ended.
    #[default]
    Squid,
    /// NCSA common or combined.
    Common,
    /// W3C extended, of a web server (IIS).
    WebServer,
    /// W3C extended, of a proxy.
    W3cProxy,
}

impl AccessForm {
    /// For sentences.
    #[must_use]
    pub fn phrase(self) -> &'static str {
        match self {
            AccessForm::Squid => "squid's access log",
            AccessForm::Common => "access log (common form)",
            AccessForm::WebServer => "web server's log (W3C)",
            AccessForm::W3cProxy => "proxy's log (W3C)",
        }
    }

    /// True for the log of a proxy; a web server's own is none.
    #[must_use]
    pub fn is_proxy(self) -> bool {
        self != AccessForm::WebServer
    }
}

/// A line of an access log: one request as the server or proxy saw it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AccessLine {
    /// Its line in the file, from 1.
    pub line: u64,
    /// When it was written: the end of the request in squid's and W3C logs.
    pub time: Option<LogTime>,
    /// How long it took, where the line says.
    pub took: Option<Span>,
    /// Who asked, as this server saw it.
    pub client: Option<IpAddr>,
    /// The identity it gave, as logged: `CORP\alice`, `PC-17$`.
    pub user: Option<String>,
    /// Method.
    pub method: String,
    /// Absolute URL where the line has a host; else the path.
    pub url: String,
    /// Status of the answer; `None` where none was sent.
    pub status: Option<u16>,
    /// IIS `sc-substatus`: 403.4 is "SSL required".
    pub sub_status: Option<u16>,
    /// IIS `sc-win32-status`.
    pub win32_status: Option<u32>,
    /// squid's result: `TCP_DENIED`; another proxy's `s-action`.
    pub result: Option<String>,
    /// squid's hierarchy: `HIER_DIRECT/192.0.2.1`.
    pub hierarchy: Option<String>,
    /// Media type of the answer.
    pub content_type: Option<String>,
    /// `User-Agent`.
    pub user_agent: Option<String>,
    /// Address of the server that wrote it (`s-ip`).
    pub server: Option<IpAddr>,
    /// Its port (`s-port`): tells TLS from clear text at an update server.
    pub port: Option<u16>,
}

/// Lines kept of one log that could be about certificates, and of all others:
/// each takes some hundred bytes.
const MAX_KEPT: usize = 200_000;
/// A line longer than this is none: URLs of OCSP requests have some hundred bytes.
const MAX_LINE_LEN: usize = 32 << 10;
/// Kinds of damage told of one log.
const MAX_PROBLEMS: usize = 8;

/// Reads an access log of any form; lines of another form are counted and
/// told, the rest is used.
///
/// Sources: squid `logformat squid` and `common`, Apache `mod_log_config`,
/// W3C "Extended Log File Format" (WD-logfile-960323), Microsoft "W3C Logging".
#[must_use]
pub fn read(text: &str) -> AccessLog {
    let mut log = AccessLog::default();
    let mut w3c = access_w3c::Directives::default();
    let mut counts = [0_u64; 3];
    let mut other: Option<(u64, u64)> = None;
    let mut kept = [0_usize; 2];
    for (at, row) in text.lines().enumerate() {
        let number = at as u64 + 1;
        let row = row.trim_end_matches(['\r', '\0']);
        if row.trim().is_empty() {
            continue;
        }
        if row.starts_with('#') {
            w3c.directive(row);
            continue;
        }
        let short = row.len() <= MAX_LINE_LEN;
        let squid = || Some((0, access_squid::line(row)?));
        let common = || Some((1, access_common::line(row)?));
        let of_w3c = || Some((2, w3c.line(row)?));
        let read = short.then(|| squid().or_else(common).or_else(of_w3c));
        let Some((form, mut line)) = read.flatten() else {
            other = Some(other.map_or((number, 1), |(first, count)| (first, count + 1)));
            continue;
        };
        line.line = number;
        if let Some(count) = counts.get_mut(form) {
            *count += 1;
        }
        let quota = kept.get_mut(usize::from(could_matter(&line.url)));
        match quota {
            Some(quota) if *quota < MAX_KEPT => {
                *quota += 1;
                log.lines.push(line);
            }
            _ => log.left_out += 1,
        }
    }
    log.form = form_of(counts, &w3c);
    if w3c.assumed {
        let what = "no #Fields line: the order of fields that IIS has by default is taken";
        log.problems.push((1, what.to_owned()));
    }
    if let Some((first, count)) = other {
        let (noun, verb) = if count == 1 {
            ("line", "has")
        } else {
            ("lines", "have")
        };
        let what = format!("{count} {noun} {verb} another form than the log");
        log.problems.push((first, what));
    }
    log.problems.truncate(MAX_PROBLEMS);
    log
}

fn form_of([squid, common, w3c]: [u64; 3], directives: &access_w3c::Directives) -> AccessForm {
    if w3c > squid.max(common) {
        return match directives.of_proxy() {
            true => AccessForm::W3cProxy,
            false => AccessForm::WebServer,
        };
    }
    match common > squid {
        true => AccessForm::Common,
        false => AccessForm::Squid,
    }
}

/// True for URLs that objects of validation and update services have; the rest
/// has a quota of its own, because any URL may be named by a certificate.
fn could_matter(url: &str) -> bool {
    const MARKS: [&str; 18] = [
        ".crl",
        ".crt",
        ".cer",
        ".cab",
        ".stl",
        ".sst",
        ".p7",
        ".pac",
        ".dat",
        "seq.txt",
        "ocsp",
        "pki",
        "/mf",
        "webservice",
        "selfupdate",
        "apiremoting",
        "crl",
        "/cert",
    ];
    let lower = url.to_ascii_lowercase();
    MARKS.iter().any(|mark| lower.contains(mark))
}

/// True when a text is an access log: told by the form of its first lines.
#[must_use]
pub fn is_log(text: &str) -> bool {
    let mut w3c = access_w3c::Directives::default();
    let rows = text.lines().filter(|row| !row.trim().is_empty());
    for row in rows.take(MAX_HEAD) {
        let row = row.trim_end_matches(['\r', '\0']);
        if row.starts_with('#') {
            w3c.directive(row);
            if w3c.has_fields() {
                return true;
            }
            continue;
        }
        if access_squid::line(row).is_some()
            || access_common::line(row).is_some()
            || w3c.line(row).is_some()
        {
            return true;
        }
    }
    false
}

/// Lines looked at: the first of a log that was cut is damaged.
const MAX_HEAD: usize = 8;

/// A field that is not there is a hyphen.
pub(super) fn field(text: &str) -> Option<&str> {
    (!text.is_empty() && text != "-").then_some(text)
}

/// `10.0.0.5`, `::1`, `[::1]`, `10.0.0.5:3128`; names are none.
pub(super) fn address(text: &str) -> Option<IpAddr> {
    let bare = text.trim_start_matches('[');
    let bare = bare.split(']').next().unwrap_or(bare);
    let scoped = bare.split('%').next().unwrap_or(bare);
    scoped.parse().ok().or_else(|| {
        let socket: std::net::SocketAddr = text.parse().ok()?;
        Some(socket.ip())
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    const SQUID: &str = "1795294800.123    120 10.9.0.20 TCP_MISS/200 812 GET http://crl.example/a.crl - HIER_DIRECT/192.0.2.1 application/pkix-crl";
    const COMMON: &str = "10.9.0.20 - CORP\\alice [21/Nov/2026:19:00:00 +0000] \"GET http://crl.example/a.crl HTTP/1.1\" 407 4010";

    #[test]
    fn the_form_of_a_log_is_that_of_most_lines() {
        let log = read(&format!("{SQUID}\n{SQUID}\n"));
        assert_eq!((log.form, log.lines.len()), (AccessForm::Squid, 2));
        assert_eq!(read(COMMON).form, AccessForm::Common);
        let w3c = "#Software: Microsoft Internet Information Services 10.0\n#Fields: date time s-ip cs-method cs-uri-stem s-port c-ip sc-status\n2026-11-21 19:00:00 10.9.0.2 POST /x 8531 10.9.0.20 200\n";
        assert_eq!(read(w3c).form, AccessForm::WebServer);
    }

    #[test]
    fn a_line_cut_in_the_middle_is_told_and_the_rest_is_used() {
        let log = read(&format!(
            "94800.1 12 10.9\n{SQUID}\n{COMMON}\n10.9.0.20 - CO"
        ));
        assert_eq!(log.lines.len(), 2);
        assert_eq!(log.lines[0].line, 2);
        let told = (1, "2 lines have another form than the log".to_owned());
        assert_eq!(log.problems, [told]);
    }

    #[test]
    fn of_very_long_logs_lines_about_certificates_are_kept_beside_others() {
        let other = SQUID.replace("crl.example/a.crl", "www.example/");
        let mut text = format!("{other}\n").repeat(MAX_KEPT + 2);
        text.push_str(SQUID);
        let log = read(&text);
        assert_eq!((log.lines.len(), log.left_out), (MAX_KEPT + 1, 2));
        let last = log.lines.last().unwrap();
        assert_eq!(last.line, MAX_KEPT as u64 + 3);
        assert_eq!(last.url, "http://crl.example/a.crl");
    }

    #[test]
    fn a_line_above_the_limit_is_told_and_not_read() {
        let fits = SQUID.replace("a.crl", &"a".repeat(MAX_LINE_LEN - SQUID.len()));
        let long = SQUID.replace("a.crl", &"a".repeat(MAX_LINE_LEN));
        let log = read(&format!("{fits}\n{long}\n{SQUID}\n"));
        let numbers: Vec<u64> = log.lines.iter().map(|line| line.line).collect();
        assert_eq!(numbers, [1, 3]);
        let told = (2, "1 line has another form than the log".to_owned());
        assert_eq!(log.problems, [told]);
    }

    #[test]
    fn prose_is_no_access_log() {
        assert!(is_log(SQUID) && is_log(COMMON));
        assert!(!is_log("Dear all,\nthe proxy denied 10.0.0.5 at 10:00.\n"));
    }
}
