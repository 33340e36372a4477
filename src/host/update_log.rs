//! What the lines of update logs mean.

use super::codes;
use super::local_time::LogTime;
use super::log_line::LogLine;

/// A line of meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateEvent {
    /// Its line in the file.
    pub line: u64,
    /// When, where the line says.
    pub time: Option<LogTime>,
    /// What it says.
    pub what: UpdateFact,
    /// The line itself, cleaned and cut.
    pub text: String,
}

/// What lines of meaning say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpdateFact {
    /// Configuration Manager sets this server (WUAHandler.log).
    ServerSet(String),
    /// A domain policy sets another (WUAHandler.log).
    Overwritten(String),
    /// The site names servers to the client (LocationServices.log, ScanAgent.log).
    Location(Vec<String>),
    /// The update client uses this server (WindowsUpdate.log).
    ServerUsed(String),
    /// A scan ended well.
    ScanDone,
    /// A scan ended with an error.
    ScanFailed(Option<u32>),
    /// A request of the update client failed: the code, and the proxy that the
    /// line names; `Some(None)` for a line that says there was none.
    SendFailed(Option<u32>, Option<Option<String>>),
    /// WCM.log: the state of the update point: 1 pending, 2 success, 3 failed.
    State(u32),
    /// The site server does not accept the update server's certificate.
    TrustRefused,
    /// The update server answered the site server with this status.
    HttpStatus(u16),
    /// A synchronization ended well.
    SyncDone,
    /// A synchronization failed.
    SyncFailed,
    /// All is synchronized anew, because the server has moved.
    FullSync,
}

/// Text of a line kept for the report.
const MAX_TEXT: usize = 240;

/// The lines that mean something, in order.
#[must_use]
pub fn events(lines: &[LogLine]) -> Vec<UpdateEvent> {
    let events = lines.iter().filter_map(|line| {
        let what = fact(&line.text)?;
        let text = crate::words::clean(line.text.lines().next().unwrap_or_default());
        Some(UpdateEvent {
            line: line.line,
            time: line.time,
            what,
            text: crate::words::cut(&text, MAX_TEXT, "…"),
        })
    });
    events.collect()
}

/// Makes instants of local times, by an offset from UTC in seconds that the
/// analyst gives; each event says so.
pub fn apply_zone(events: &mut [UpdateEvent], offset: i64) {
    for event in events {
        if let Some(LogTime::Local(local)) = event.time {
            event.time = Some(LogTime::Utc(local.at_offset(offset)));
            event
                .text
                .push_str(" (local time; its zone is given by the analyst)");
        }
    }
}

/// True when a text is a log of this kind: told by its first lines, so that a log
/// in another language counts by its form and one without form by its words.
#[must_use]
pub fn is_log(lines: &[LogLine]) -> bool {
    let head = lines.get(..lines.len().min(200)).unwrap_or_default();
    head.iter()
        .any(|line| !line.component.is_empty() || fact(&line.text).is_some())
}

fn fact(text: &str) -> Option<UpdateFact> {
    let has = |part: &str| text.contains(part);
    if has("overwritten by a higher authority") {
        return url_after(text, "Server ").map(UpdateFact::Overwritten);
    }
    if has("Enabling WUA Managed server policy to use server") {
        return url_after(text, "server: ").map(UpdateFact::ServerSet);
    }
    if has("WSUSLocationReply") || has("WSUS Path=") || has("Received Location=") {
        let urls = urls(text);
        return (!urls.is_empty()).then_some(UpdateFact::Location(urls));
    }
    if has("Proxy List used")
        || has("Send failed with hr")
        || has("SendRequest failed")
        || has("SendRequestUsingProxy failed")
    {
        return Some(UpdateFact::SendFailed(code(text), proxy_used(text)));
    }
    if has("Server URL = ") || has("WSUS server: ") {
        return urls(text).into_iter().next().map(UpdateFact::ServerUsed);
    }
    if has("Successfully completed scan") {
        return Some(UpdateFact::ScanDone);
    }
    if has("Failed to end search job") || has("Scan failed with error") || has("Scan Failed for") {
        return Some(UpdateFact::ScanFailed(code(text)));
    }
    if let Some((_, rest)) = text.split_once("Setting new configuration state to ") {
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        return digits.parse().ok().map(UpdateFact::State);
    }
    if has("Could not establish trust relationship") || has("remote certificate is invalid") {
        return Some(UpdateFact::TrustRefused);
    }
    if let Some((_, rest)) = text.split_once("HTTP status ") {
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        return digits.parse().ok().map(UpdateFact::HttpStatus);
    }
    if has("Full sync required due to changes") {
        return Some(UpdateFact::FullSync);
    }
    if has("Done synchronizing") {
        return Some(UpdateFact::SyncDone);
    }
    has("Sync failed").then_some(UpdateFact::SyncFailed)
}

fn code(text: &str) -> Option<u32> {
    codes::codes_in(text).into_iter().find(|code| *code != 0)
}

/// `Proxy List used: <proxy:8080>`; `<(null)>` for none.
fn proxy_used(text: &str) -> Option<Option<String>> {
    let (_, rest) = text.split_once("Proxy List used: <")?;
    let named = rest.split('>').next()?.trim();
    let none = named.is_empty() || named == "(null" || named == "(null)";
    Some((!none).then(|| named.to_owned()))
}

fn url_after(text: &str, mark: &str) -> Option<String> {
    let (_, rest) = text.split_once(mark)?;
    urls(rest).into_iter().next()
}

/// The URLs in a text, each once, in order.
fn urls(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for (at, _) in text.match_indices("http") {
        let rest = text.get(at..).unwrap_or_default();
        let is_end = |c: char| c.is_whitespace() || "\"'<>,;)".contains(c);
        let url = rest.split(is_end).next().unwrap_or_default();
        let whole = url.starts_with("http://") || url.starts_with("https://");
        let url = url.trim_end_matches('.').to_owned();
        if whole && !found.contains(&url) {
            found.push(url);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    #[test]
    fn lines_of_the_published_logs_are_understood() {
        let set = "Enabling WUA Managed server policy to use server: https://SUP.CORP.EXAMPLE:8531";
        assert_eq!(
            fact(set),
            Some(UpdateFact::ServerSet(
                "https://SUP.CORP.EXAMPLE:8531".into()
            ))
        );
        let gpo = "Group policy settings were overwritten by a higher authority (Domain Controller) to: Server http://old.corp.example:8530 and Policy ENABLED";
        assert_eq!(
            fact(gpo),
            Some(UpdateFact::Overwritten(
                "http://old.corp.example:8530".into()
            ))
        );
        let failed = "OnSearchComplete - Failed to end search job. Error = 0x80072f8f.";
        assert_eq!(
            fact(failed),
            Some(UpdateFact::ScanFailed(Some(0x8007_2F8F)))
        );
        let state = "Setting new configuration state to 2 (WSUS_CONFIG_SUCCESS)";
        assert_eq!(fact(state), Some(UpdateFact::State(2)));
        let status = "System.Net.WebException: The request failed with HTTP status 503: Service Unavailable.";
        assert_eq!(fact(status), Some(UpdateFact::HttpStatus(503)));
        assert_eq!(fact("Its a completely new WSUS Update Source."), None);
    }

    #[test]
    fn a_line_that_names_no_proxy_says_so() {
        let text = "SendRequest failed with hr = 80072ee2. Proxy List used: <(null)> Bypass List used : <(null)> Auth Schemes used : <>";
        let none = UpdateFact::SendFailed(Some(0x8007_2EE2), Some(None));
        assert_eq!(fact(text), Some(none));
        let by = text.replace("Proxy List used: <(null)>", "Proxy List used: <px:8080>");
        let named = UpdateFact::SendFailed(Some(0x8007_2EE2), Some(Some("px:8080".into())));
        assert_eq!(fact(&by), Some(named));
    }

    #[test]
    fn a_location_reply_names_its_servers() {
        let text = "WSUSLocationReply : <LocationRecord WSUSURL=\"http://A:8530\"/><LocationRecord WSUSURL=\"https://B:8531\"/>";
        let urls = vec!["http://A:8530".to_owned(), "https://B:8531".to_owned()];
        assert_eq!(fact(text), Some(UpdateFact::Location(urls)));
    }
}
