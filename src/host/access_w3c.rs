//! Lines of W3C extended logs: IIS, and proxies that write this form.

use super::access_log::{AccessLine, address, field};
use super::local_time::{LocalTime, LogTime, time_of_day};
use crate::time::Span;

/// The directives of a log: what its fields are.
#[derive(Debug, Clone, Default)]
pub(super) struct Directives {
    fields: Vec<String>,
    software: String,
    /// The day of the last `#Date`, for logs without a date in each line.
    day: Option<(i32, u8, u8)>,
    /// True when lines came without a `#Fields` directive.
    pub assumed: bool,
}

/// Fields of one directive; IIS offers 22 and custom ones.
const MAX_FIELDS: usize = 64;

/// What IIS 8 and later write when nothing was changed.
const DEFAULT_FIELDS: [&str; 15] = [
    "date",
    "time",
    "s-ip",
    "cs-method",
    "cs-uri-stem",
    "cs-uri-query",
    "s-port",
    "cs-username",
    "c-ip",
    "cs(user-agent)",
    "cs(referer)",
    "sc-status",
    "sc-substatus",
    "sc-win32-status",
    "time-taken",
];

impl Directives {
    /// Reads `#Fields: …`, `#Software: …`, `#Date: …`. A log may change its
    /// fields in the middle.
    pub fn directive(&mut self, row: &str) {
        let Some((name, value)) = row.trim_start_matches('#').split_once(':') else {
            return;
        };
        let value = value.trim();
        if name.eq_ignore_ascii_case("Fields") {
            let fields = value.split_ascii_whitespace().take(MAX_FIELDS);
            self.fields = fields.map(str::to_ascii_lowercase).collect();
        } else if name.eq_ignore_ascii_case("Software") {
            value.clone_into(&mut self.software);
        } else if name.eq_ignore_ascii_case("Date") {
            self.day = value.split(' ').next().and_then(day);
        }
    }

    /// True when a `#Fields` directive names the time or the status.
    pub fn has_fields(&self) -> bool {
        let names = ["time", "sc-status", "c-ip"];
        self.fields.iter().any(|it| names.contains(&it.as_str()))
    }

    /// True for the log of a proxy: it has whole URLs or its own actions.
    pub fn of_proxy(&self) -> bool {
        let own = ["cs-uri", "s-action", "r-host", "cs-uri-scheme", "r-ip"];
        self.fields.iter().any(|it| own.contains(&it.as_str()))
            && !self.software.contains("Internet Information Services")
    }

    /// Reads a line by the fields in force; `None` for one of another form.
    ///
    /// Times are UTC; blanks in a field are `+`, a field that is empty is `-`.
    /// Without `#Fields` (a log cut at its beginning) the default order of IIS
    /// is taken, where the line has exactly as many fields.
    pub fn line(&mut self, row: &str) -> Option<AccessLine> {
        let words: Vec<&str> = match row.contains('\t') {
            true => row.split('\t').collect(),
            false => words(row),
        };
        if self.fields.is_empty() {
            let fits = words.len() == DEFAULT_FIELDS.len()
                && words.first().copied().and_then(day).is_some();
            if !fits {
                return None;
            }
            self.assumed = true;
            self.fields = DEFAULT_FIELDS.map(str::to_owned).to_vec();
        }
        if words.len() < self.fields.len() {
            return None;
        }
        let get = |name: &str| {
            let at = self.fields.iter().position(|field| field == name)?;
            field(words.get(at)?.trim())
        };
        self.built(&get)
    }

    fn built<'a>(&self, get: &dyn Fn(&str) -> Option<&'a str>) -> Option<AccessLine> {
        let date = match get("date") {
            Some(text) => day(text)?,
            None => self.day?,
        };
        let (clock, milliseconds, _) = time_of_day(get("time")?)?;
        let local = LocalTime::new(date, clock)?.with_milliseconds(milliseconds);
        let number = |name: &str| -> Option<u64> { get(name)?.parse().ok() };
        let short = |name: &str| number(name).and_then(|it| u16::try_from(it).ok());
        let port = short("s-port").or_else(|| short("cs-uri-port"));
        let user = get("cs-username").map(super::access_common::decoded);
        Some(AccessLine {
            time: Some(LogTime::Utc(local.at_offset(0))),
            took: number("time-taken")
                .filter(|taken| *taken <= MAX_TAKEN)
                .and_then(|taken| i64::try_from(taken).ok())
                .map(Span::milliseconds),
            client: get("c-ip").and_then(address),
            user: user.filter(|user| user != "anonymous"),
            method: get("cs-method").or_else(|| get("s-operation"))?.to_owned(),
            url: url(get, port),
            status: short("sc-status").filter(|status| *status != 0),
            sub_status: short("sc-substatus"),
            win32_status: number("sc-win32-status").and_then(|it| u32::try_from(it).ok()),
            result: get("s-action").map(str::to_owned),
            content_type: get("rs(content-type)").map(str::to_owned),
            user_agent: get("cs(user-agent)")
                .or_else(|| get("c-agent"))
                .map(|agent| agent.replace('+', " ")),
            server: get("s-ip").and_then(address),
            port,
            ..AccessLine::default()
        })
    }
}

/// A day in milliseconds. Proxies that count seconds here stay below it too:
/// their spans are then too short, never too long.
const MAX_TAKEN: u64 = 86_400_000;

/// The URL: whole where the log has it, else put together of its parts. A web
/// server does not log the scheme: by its port, 443 and 8531 are taken for TLS.
fn url<'a>(get: &dyn Fn(&str) -> Option<&'a str>, port: Option<u16>) -> String {
    if let Some(whole) = get("cs-uri").filter(|whole| whole.contains("://")) {
        return whole.to_owned();
    }
    let path = get("cs-uri-stem").or_else(|| get("cs-uri-path"));
    let path = path.or_else(|| get("cs-uri")).unwrap_or("/");
    let query = get("cs-uri-query").map(|query| format!("?{}", query.trim_start_matches('?')));
    let target = format!("{path}{}", query.unwrap_or_default());
    let host = get("cs-host").or_else(|| get("cs(host)"));
    let host = host.or_else(|| get("r-host")).or_else(|| get("s-ip"));
    let Some(host) = host else { return target };
    let is_tls = port.is_some_and(|port| TLS_PORTS.contains(&port));
    let scheme = get("cs-uri-scheme").unwrap_or(if is_tls { "https" } else { "http" });
    let named = host.rsplit(']').next().unwrap_or(host).contains(':') && !is_bare_v6(host);
    let bracketed = if is_bare_v6(host) {
        format!("[{host}]")
    } else {
        host.to_owned()
    };
    match port.filter(|port| !named && ![80, 443].contains(port)) {
        Some(port) => format!("{scheme}://{bracketed}:{port}{target}"),
        None => format!("{scheme}://{bracketed}{target}"),
    }
}

/// Ports on which an update server has TLS by default.
const TLS_PORTS: [u16; 2] = [443, 8531];

fn is_bare_v6(host: &str) -> bool {
    host.parse::<std::net::Ipv6Addr>().is_ok()
}

/// Words apart by blanks; a text in quotes is one.
fn words(row: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = row.trim();
    while !rest.is_empty() && found.len() <= MAX_FIELDS {
        let (word, after) = match rest.strip_prefix('"') {
            Some(inner) => inner.split_once('"').unwrap_or((inner, "")),
            None => rest.split_once(' ').unwrap_or((rest, "")),
        };
        found.push(word);
        rest = after.trim_start();
    }
    found
}

/// `2026-11-21`.
fn day(text: &str) -> Option<(i32, u8, u8)> {
    let mut parts = text.split('-');
    let year = parts.next().filter(|year| year.len() == 4)?.parse().ok()?;
    let (month, day) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    parts.next().is_none().then_some((year, month, day))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    const IIS: &str = "2026-11-21 19:00:01 10.9.0.2 POST /ClientWebService/client.asmx - 8530 - 10.9.0.20 Windows-Update-Agent/10.0.10011.16384+Client-Protocol/2.33 - 403 4 5 78";

    #[test]
    fn a_line_of_iis_is_read_by_its_fields() {
        let mut log = Directives::default();
        log.directive("#Software: Microsoft Internet Information Services 10.0");
        log.directive(&format!("#Fields: {}", DEFAULT_FIELDS.join(" ")));
        let line = log.line(IIS).unwrap();
        let at = line.time.unwrap().utc().unwrap();
        assert_eq!(at.to_rfc3339(), "2026-11-21T19:00:01Z");
        assert_eq!(
            line.url,
            "http://10.9.0.2:8530/ClientWebService/client.asmx"
        );
        assert_eq!((line.status, line.sub_status), (Some(403), Some(4)));
        assert_eq!(line.win32_status, Some(5));
        assert_eq!(
            line.user_agent.as_deref(),
            Some("Windows-Update-Agent/10.0.10011.16384 Client-Protocol/2.33")
        );
        assert!(!log.assumed && !log.of_proxy());
    }

    #[test]
    fn a_log_cut_at_its_beginning_has_the_default_order() {
        let mut log = Directives::default();
        assert_eq!(log.line(IIS).unwrap().status, Some(403));
        assert!(log.assumed);
        assert_eq!(log.line("2026-11-21 19:00:01 10.9.0.2 POST /Cli"), None);
    }

    #[test]
    fn other_fields_another_order_and_the_day_of_a_directive() {
        let mut log = Directives::default();
        log.directive("#Date: 2026-11-21 18:00:00");
        log.directive("#Fields: time c-ip cs-username cs-method cs-uri-scheme cs-host cs-uri-path cs-uri-query sc-status s-action");
        let line = log
            .line("19:00:01 10.9.0.20 CORP\\alice GET http crl.example /a.crl - 407 TCP_DENIED")
            .unwrap();
        assert_eq!(line.url, "http://crl.example/a.crl");
        assert_eq!(line.user.as_deref(), Some("CORP\\alice"));
        assert!(log.of_proxy());
    }
}
