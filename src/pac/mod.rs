//! Proxy scripts (PAC), evaluated offline: what a script would have said for a
//! URL, on that client, at that time.
//!
//! A script is evidence and may be hostile. It gets no input but the question,
//! the answers that name servers gave in the capture, and the time of the
//! capture; it is bounded in instructions, recursion and memory. Whatever it
//! does ends in an answer or in one line that says why there is none.

#[cfg(feature = "pac")]
mod bounds;
#[cfg(feature = "pac")]
mod engine;
#[cfg(feature = "pac")]
mod helpers;
#[cfg(feature = "pac")]
mod lines;

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::time::Timestamp;

/// What a script is asked.
#[derive(Debug, Clone)]
pub struct Question<'a> {
    /// The whole URL.
    pub url: &'a str,
    /// Its host.
    pub host: &'a str,
    /// The client's own address.
    pub client: IpAddr,
    /// When.
    pub at: Timestamp,
    /// What name servers answered in the capture: addresses by name, lower
    /// case; a name that does not exist has none.
    pub names: &'a BTreeMap<String, Vec<IpAddr>>,
}

/// What a script said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its words.
    pub text: String,
    /// The ways in it, in the order in which they are tried.
    pub ways: Vec<Way>,
    /// Names it wanted to resolve of which the capture holds no answer: on the
    /// client it may have said something else.
    pub unresolved: Vec<String>,
    /// True when it asked for the time of day or date by a helper; the client's
    /// zone is not known and UTC was given.
    pub by_time: bool,
}

/// One way out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// Without a proxy.
    Direct,
    /// An HTTP proxy.
    Proxy(String, u16),
    /// A proxy spoken to in TLS.
    Https(String, u16),
    /// A SOCKS server.
    Socks(String, u16),
    /// Words that mean no way.
    Unknown(String),
}

impl std::fmt::Display for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Way::Direct => f.write_str("DIRECT"),
            Way::Proxy(host, port) => write!(f, "PROXY {host}:{port}"),
            Way::Https(host, port) => write!(f, "HTTPS {host}:{port}"),
            Way::Socks(host, port) => write!(f, "SOCKS {host}:{port}"),
            Way::Unknown(text) => write!(f, "\"{text}\""),
        }
    }
}

/// Asks a script.
///
/// # Errors
///
/// One line: the script is damaged, refused as unsafe to run, threw an error,
/// or hit a limit.
#[cfg(feature = "pac")]
pub fn evaluate(script: &str, question: &Question<'_>) -> Result<Answer, String> {
    engine::evaluate(script, question)
}

/// Says that this build has no script engine.
///
/// # Errors
///
/// Always.
#[cfg(not(feature = "pac"))]
pub fn evaluate(_script: &str, _question: &Question<'_>) -> Result<Answer, String> {
    Err("this build of whychain has no script engine (feature `pac`)".into())
}

/// Ways kept of one answer.
const MAX_WAYS: usize = 32;
/// Characters of an answer that are kept.
const MAX_TEXT: usize = 1024;

/// Reads an answer: ways between semicolons, tried in order. An empty answer
/// means direct.
///
/// Spec: "Navigator Proxy Auto-Config File Format" (Netscape, 1996), and the
/// words that browsers added (`HTTP`, `HTTPS`, `SOCKS4`, `SOCKS5`).
#[must_use]
pub fn ways(text: &str) -> Vec<Way> {
    let parts = text.split(';').map(str::trim).filter(|it| !it.is_empty());
    let mut ways: Vec<Way> = parts.take(MAX_WAYS).map(way).collect();
    if ways.is_empty() {
        ways.push(Way::Direct);
    }
    ways
}

fn way(text: &str) -> Way {
    let (word, place) = text
        .split_once(char::is_whitespace)
        .map_or((text, ""), |(word, place)| (word, place.trim()));
    let at = |default: u16| {
        let (host, port) = match place.rsplit_once(':') {
            // A bare v6 address has colons of its own.
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
                (host, port.trim().parse().ok()?)
            }
            _ => (place, default),
        };
        let host = host.trim().trim_start_matches('[').trim_end_matches(']');
        (!host.is_empty()).then(|| (host.to_ascii_lowercase(), port))
    };
    let unknown = || Way::Unknown(text.chars().take(MAX_TEXT).collect());
    match word.to_ascii_uppercase().as_str() {
        "DIRECT" => Way::Direct,
        "PROXY" | "HTTP" => at(80).map_or_else(unknown, |(host, port)| Way::Proxy(host, port)),
        "HTTPS" => at(443).map_or_else(unknown, |(host, port)| Way::Https(host, port)),
        "SOCKS" | "SOCKS4" | "SOCKS5" => {
            at(1080).map_or_else(unknown, |(host, port)| Way::Socks(host, port))
        }
        _ => unknown(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_list_of_ways() {
        let want = [
            Way::Proxy("px.example".into(), 3128),
            Way::Https("px2".into(), 443),
            Way::Socks("10.0.0.1".into(), 1080),
            Way::Direct,
        ];
        assert_eq!(
            ways("PROXY px.example:3128; HTTPS px2;socks5 10.0.0.1; DIRECT;"),
            want
        );
        assert_eq!(
            ways("PROXY [fe80::1]:8080"),
            [Way::Proxy("fe80::1".into(), 8080)]
        );
    }

    #[test]
    fn an_empty_answer_is_direct_and_nonsense_is_kept() {
        assert_eq!(ways(""), [Way::Direct]);
        assert_eq!(ways("PROXY"), [Way::Unknown("PROXY".into())]);
        assert_eq!(
            ways("PROXY px:99999"),
            [Way::Unknown("PROXY px:99999".into())]
        );
    }
}
