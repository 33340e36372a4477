//! What a line of an update log means, and what it means in words.

use super::codes;
use crate::words;

/// What lines of meaning say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpdateFact {
    /// Configuration Manager sets this server (WUAHandler.log).
    ServerSet(String),
    /// A domain policy sets another (WUAHandler.log).
    Overwritten(String),
    /// A domain policy takes the server away (WUAHandler.log).
    PolicyCleared,
    /// The site names servers to the client (LocationServices.log).
    Location(Vec<String>),
    /// The server that the client takes (LocationServices.log, ScanAgent.log, or
    /// `CurrentScanPath` of pasted output).
    Path(String),
    /// The server of the last good scan (`LastSuccessScanPath` of pasted output).
    LastGood(String),
    /// The update client uses this server (WindowsUpdate.log).
    ServerUsed(String),
    /// A scan is asked for (ScanAgent.log); true when it is forced.
    ScanAsked(bool),
    /// The cycle that asks for scans was started by hand or by its schedule.
    ScanTriggered,
    /// What the last scan found is too old to be used (ScanAgent.log).
    SourcesNotCurrent,
    /// A scan ended well.
    ScanDone,
    /// A scan ended with an error.
    ScanFailed(Option<u32>),
    /// A request of the update client failed.
    SendFailed(SendFailed),
    /// WinHTTP says what it holds against the server's certificate: names of
    /// [`codes::SECURE_FLAGS`].
    CertificateFlags(Vec<&'static str>),
    /// WCM.log: the properties of the update point were changed.
    ConfigChanged,
    /// WCM.log: the site server connects to its update server.
    Connecting(Option<Endpoint>),
    /// WCM.log: it is connected.
    Connected(Option<Endpoint>),
    /// WCM.log: the state of the update point: 1 pending, 2 success, 3 failed.
    State(u32),
    /// The site server does not accept the update server's certificate.
    TrustRefused,
    /// The update server closed while the site server was beginning TLS.
    TransportClosed,
    /// The update server answered the site server with this status.
    HttpStatus(u16),
    /// wsyncmgr.log: a synchronization begins.
    SyncStarted,
    /// All is synchronized anew, because the server has moved.
    FullSync,
    /// wsyncmgr.log: the update point in use.
    ActiveServer(String),
    /// wsyncmgr.log: the address of the update server.
    SyncServer(String),
    /// A synchronization ended well.
    SyncDone,
    /// wsyncmgr.log: what was synchronized goes into the site's database.
    DatabaseSync,
    /// A synchronization failed.
    SyncFailed,
}

/// A request that failed, as the update client says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SendFailed {
    /// The code.
    pub code: Option<u32>,
    /// The proxy that the line names; `Some(None)` when it says there was none.
    pub proxy: Option<Option<String>>,
    /// The URL, where the line has it.
    pub url: Option<String>,
}

/// A server as WCM.log names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The name.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Whether TLS is used.
    pub tls: bool,
}

/// Who writes a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Writer {
    /// A client of the update server.
    Client,
    /// The site server, which drives the update server.
    SiteServer,
}

/// What a line means; `None` for one without meaning here.
#[must_use]
pub fn fact(text: &str) -> Option<UpdateFact> {
    by_client(text).or_else(|| by_site_server(text))
}

fn by_client(text: &str) -> Option<UpdateFact> {
    let has = |part: &str| text.contains(part);
    if has("overwritten by a higher authority") {
        return match url_after(text, "Server ") {
            Some(url) => Some(UpdateFact::Overwritten(url)),
            None => has("NOT CONFIGURED").then_some(UpdateFact::PolicyCleared),
        };
    }
    if has("Enabling WUA Managed server policy to use server") {
        return url_after(text, "server: ").map(UpdateFact::ServerSet);
    }
    if has("WSUSLocationReply") {
        let urls = urls(text);
        return (!urls.is_empty()).then_some(UpdateFact::Location(urls));
    }
    for mark in [
        "WSUS Path=",
        "Received Location=",
        "CurrentSUP-",
        "CurrentScanPath",
    ] {
        if has(mark) {
            return url_after(text, mark).map(UpdateFact::Path);
        }
    }
    for mark in ["LastGoodSUP-", "LastSuccessScanPath"] {
        if has(mark) {
            return url_after(text, mark).map(UpdateFact::LastGood);
        }
    }
    if has("ScanByUpdateSource") {
        let squeezed: String = text.split_whitespace().collect();
        let forced = squeezed.to_ascii_uppercase();
        return Some(UpdateFact::ScanAsked(
            forced.contains("<FORCESCAN>TRUE</FORCESCAN>"),
        ));
    }
    if has(SCAN_CYCLE) {
        return Some(UpdateFact::ScanTriggered);
    }
    if has("Sources are not current") {
        return Some(UpdateFact::SourcesNotCurrent);
    }
    if ["Proxy List used", "Send failed with hr"]
        .iter()
        .any(|mark| has(mark))
        || has("SendRequest failed")
        || has("SendRequestUsingProxy failed")
    {
        return Some(UpdateFact::SendFailed(SendFailed {
            code: code(text),
            proxy: proxy_used(text),
            url: urls(text).into_iter().next(),
        }));
    }
    let flags = secure_flags(text);
    if !flags.is_empty() {
        return Some(UpdateFact::CertificateFlags(flags));
    }
    if has("Server URL = ") || has("WSUS server: ") {
        return urls(text).into_iter().next().map(UpdateFact::ServerUsed);
    }
    if has("Successfully completed scan") {
        return Some(UpdateFact::ScanDone);
    }
    let failed = has("Failed to end search job")
        || has("Scan failed with error")
        || has("Scan Failed for")
        || has("Failed to Add Update Source");
    failed.then(|| UpdateFact::ScanFailed(code(text)))
}

/// The schedule "Software Updates Scan Cycle" of Configuration Manager clients.
const SCAN_CYCLE: &str = "{00000000-0000-0000-0000-000000000113}";

fn by_site_server(text: &str) -> Option<UpdateFact> {
    let has = |part: &str| text.contains(part);
    if has("SCF change notification triggered") {
        return Some(UpdateFact::ConfigChanged);
    }
    if has("Attempting connection to") && has("WSUS server") {
        return Some(UpdateFact::Connecting(endpoint(text)));
    }
    if has("Successfully connected to") && (has("WSUS server") || has("useSSL")) {
        return Some(UpdateFact::Connected(endpoint(text)));
    }
    if let Some((_, rest)) = text.split_once("Setting new configuration state to ") {
        return number(rest).map(UpdateFact::State);
    }
    if has("Could not establish trust relationship") || has("remote certificate is invalid") {
        return Some(UpdateFact::TrustRefused);
    }
    if has("remote party has closed the transport stream") {
        return Some(UpdateFact::TransportClosed);
    }
    if let Some((_, rest)) = text.split_once("HTTP status ") {
        return number(rest)
            .and_then(|status| u16::try_from(status).ok())
            .map(UpdateFact::HttpStatus);
    }
    if has("Full sync required due to changes") {
        return Some(UpdateFact::FullSync);
    }
    if let Some((_, rest)) = text.split_once("Found active SUP ") {
        let name = rest.split_whitespace().next()?;
        return Some(UpdateFact::ActiveServer(
            name.trim_end_matches('.').to_owned(),
        ));
    }
    if has("Done synchronizing") {
        return Some(UpdateFact::SyncDone);
    }
    if has("Sync failed") {
        return Some(UpdateFact::SyncFailed);
    }
    if has("Starting SMS database synchronization") {
        return Some(UpdateFact::DatabaseSync);
    }
    if text.trim_start().starts_with("Starting Sync") || has("Starting WSUS synchronization") {
        return Some(UpdateFact::SyncStarted);
    }
    // wsyncmgr.log prints the address of the server as a line of its own.
    let whole = urls(text).into_iter().next()?;
    (whole == text.trim()).then_some(UpdateFact::SyncServer(whole))
}

fn number(text: &str) -> Option<u32> {
    let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// `… server: wsus01.corp.example, port: 8531, useSSL: True`.
fn endpoint(text: &str) -> Option<Endpoint> {
    let after = |mark: &str| Some(text.split_once(mark)?.1.trim_start());
    let host = after("server:")?.split([',', ' ']).next()?;
    let port = number(after("port:")?)?;
    let tls = after("useSSL:")?.to_ascii_lowercase();
    Some(Endpoint {
        host: host.to_owned(),
        port: u16::try_from(port).ok()?,
        tls: tls.starts_with("true"),
    })
}

fn code(text: &str) -> Option<u32> {
    codes::codes_in(text).into_iter().find(|code| *code != 0)
}

/// The flags `WINHTTP_CALLBACK_STATUS_FLAG_*` that a line names.
fn secure_flags(text: &str) -> Vec<&'static str> {
    const PREFIX: &str = "WINHTTP_CALLBACK_STATUS_FLAG_";
    let named: Vec<&str> = text
        .match_indices(PREFIX)
        .map(|(at, _)| {
            let rest = text.get(at + PREFIX.len()..).unwrap_or_default();
            rest.split(|c: char| !c.is_ascii_uppercase() && c != '_')
                .next()
                .unwrap_or_default()
        })
        .collect();
    let all = codes::SECURE_FLAGS.iter().map(|(name, _)| *name);
    all.filter(|name| named.contains(name)).collect()
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
        let is_end = |c: char| c.is_whitespace() || "\"'<>,;){}".contains(c);
        let url = rest.split(is_end).next().unwrap_or_default();
        let whole = url.starts_with("http://") || url.starts_with("https://");
        let url = url.trim_end_matches('.').to_owned();
        if whole && !found.contains(&url) {
            found.push(url);
        }
    }
    found
}

impl UpdateFact {
    /// Who writes such a line.
    #[must_use]
    pub fn writer(&self) -> Writer {
        match self {
            UpdateFact::ConfigChanged
            | UpdateFact::Connecting(_)
            | UpdateFact::Connected(_)
            | UpdateFact::State(_)
            | UpdateFact::TrustRefused
            | UpdateFact::TransportClosed
            | UpdateFact::HttpStatus(_)
            | UpdateFact::SyncStarted
            | UpdateFact::FullSync
            | UpdateFact::ActiveServer(_)
            | UpdateFact::SyncServer(_)
            | UpdateFact::SyncDone
            | UpdateFact::DatabaseSync
            | UpdateFact::SyncFailed => Writer::SiteServer,
            _ => Writer::Client,
        }
    }

    /// What it means, as a sentence without its full stop.
    #[must_use]
    pub fn phrase(&self) -> String {
        match self {
            UpdateFact::ServerSet(url) => format!("Configuration Manager sets the server {url}"),
            UpdateFact::Overwritten(url) => {
                format!("a domain policy sets another server over it, {url}")
            }
            UpdateFact::PolicyCleared => "a domain policy takes the update server away".to_owned(),
            UpdateFact::Location(urls) => {
                format!("the site offers the client {}", words::series(urls))
            }
            UpdateFact::Path(url) => format!("the client takes the server {url}"),
            UpdateFact::LastGood(url) => format!("the last good scan was against {url}"),
            UpdateFact::ServerUsed(url) => format!("the update client uses {url}"),
            UpdateFact::ScanAsked(true) => "a scan is asked for, and forced".to_owned(),
            UpdateFact::ScanAsked(false) => "a scan is asked for".to_owned(),
            UpdateFact::ScanTriggered => "the cycle that asks for scans is started".to_owned(),
            UpdateFact::SourcesNotCurrent => {
                "what the last scan found is too old to be used".to_owned()
            }
            UpdateFact::ScanDone => "the scan succeeds".to_owned(),
            UpdateFact::ScanFailed(code) => failed("the scan fails", *code),
            UpdateFact::SendFailed(sent) => sent.phrase(),
            UpdateFact::CertificateFlags(flags) => {
                let known = codes::SECURE_FLAGS.iter();
                let said = known.filter(|(name, _)| flags.contains(name));
                let said: Vec<String> = said.map(|(_, meaning)| (*meaning).to_owned()).collect();
                format!("WinHTTP refuses the server: {}", words::series(&said))
            }
            _ => self.phrase_of_site_server(),
        }
    }

    fn phrase_of_site_server(&self) -> String {
        let to = |endpoint: &Option<Endpoint>| {
            let Some(it) = endpoint else {
                return "its update server".to_owned();
            };
            let how = if it.tls { "with TLS" } else { "without TLS" };
            format!("the update server {}:{} {how}", it.host, it.port)
        };
        match self {
            UpdateFact::ConfigChanged => {
                "the properties of the update point were changed".to_owned()
            }
            UpdateFact::Connecting(endpoint) => {
                format!("the site server connects to {}", to(endpoint))
            }
            UpdateFact::Connected(endpoint) => {
                format!("the site server is connected to {}", to(endpoint))
            }
            UpdateFact::State(1) => "the update point is being configured (state 1)".to_owned(),
            UpdateFact::State(2) => "the update point is configured (state 2)".to_owned(),
            UpdateFact::State(3) => "the update point could not be configured (state 3)".to_owned(),
            UpdateFact::State(state) => format!("the update point is in state {state}"),
            UpdateFact::TrustRefused => {
                "the site server does not accept the update server's certificate".to_owned()
            }
            UpdateFact::TransportClosed => "the update server closes while TLS begins".to_owned(),
            UpdateFact::HttpStatus(status) => {
                format!("the update server answers the site server with {status}")
            }
            UpdateFact::SyncStarted => "a synchronization begins".to_owned(),
            UpdateFact::FullSync => {
                "all is synchronized anew, because the address of the update server changed"
                    .to_owned()
            }
            UpdateFact::ActiveServer(name) => format!("the update point in use is {name}"),
            UpdateFact::SyncServer(url) => format!("the update server to synchronize is {url}"),
            UpdateFact::SyncDone => "a synchronization succeeds".to_owned(),
            UpdateFact::DatabaseSync => "what came is written to the site's database".to_owned(),
            _ => "a synchronization fails".to_owned(),
        }
    }
}

impl SendFailed {
    fn phrase(&self) -> String {
        let to = self.url.as_ref().map(|url| format!(" to {url}"));
        let by = match &self.proxy {
            None => String::new(),
            Some(None) => " without a proxy".to_owned(),
            Some(Some(proxy)) => format!(" through proxy {proxy}"),
        };
        let what = format!("a request{}{by} fails", to.unwrap_or_default());
        failed(&what, self.code)
    }
}

fn failed(what: &str, code: Option<u32>) -> String {
    match code {
        Some(code) => format!("{what} with {}", codes::phrase(code)),
        None => what.to_owned(),
    }
}

#[cfg(test)]
#[path = "update_fact_tests.rs"]
mod tests;
