//! The body of an answer: what is kept of it, what it is, and which bodies are
//! worth keeping at all.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::pki::{self, LooksLike};
use crate::protocol::http::{Body, Completeness, Request, Response};

use super::{ObjectKind, Whole, purpose, shape};

/// The body of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetrievedBody {
    /// Bytes after dechunking and content-decoding.
    pub size: u64,
    /// What `Content-Length` announced.
    pub declared: Option<u64>,
    /// SHA-256 of a complete body that was kept or hashed.
    pub sha256: Option<[u8; 32]>,
    /// Whether every byte is there.
    pub complete: bool,
    /// What it is, by content.
    pub looks_like: LooksLike,
    /// SHA-256 of the objects in it, outermost first.
    pub artifacts: Vec<[u8; 32]>,
    /// The title or first line of a web page or text.
    pub title: Option<String>,
}

/// What was read out of a body, by the SHA-256 of the body. The pipeline fills
/// it as bodies come by, so that a body seen a thousand times is parsed once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BodyIndex {
    /// The facts of each distinct body.
    pub bodies: BTreeMap<[u8; 32], BodyFacts>,
    /// Objects that were fetched in pieces.
    pub wholes: Vec<Whole>,
}

/// What one body holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BodyFacts {
    /// What it is, by content.
    pub looks_like: LooksLike,
    /// SHA-256 of the objects in it, outermost first.
    pub artifacts: Vec<[u8; 32]>,
    /// The title or first line of a web page or text.
    pub title: Option<String>,
    /// The text, where it is a proxy script of at most [`MAX_SCRIPT`] bytes.
    pub script: Option<Arc<str>>,
}

/// Windows refuses larger scripts (WinHTTP error 12167).
pub const MAX_SCRIPT: usize = 1 << 20;

impl RetrievedBody {
    /// What is known of a body. `whole` says that the exchange was complete, so
    /// that a body too large to keep still counts as arrived.
    #[must_use]
    pub fn of(body: &Body, whole: bool, index: &BodyIndex) -> Self {
        let facts = body.sha256.and_then(|sha256| index.bodies.get(&sha256));
        let shown = shown(body);
        let looks_like = match facts {
            Some(facts) => facts.looks_like,
            None => shape::of_prefix(shown, body.size).unwrap_or(LooksLike::Other),
        };
        let kept_title = facts.and_then(|facts| facts.title.clone());
        RetrievedBody {
            size: body.size,
            declared: body.declared,
            sha256: body.sha256,
            complete: match body.completeness {
                Completeness::Complete => true,
                Completeness::OverLimit => whole,
                _ => false,
            },
            looks_like,
            artifacts: facts
                .map(|facts| facts.artifacts.clone())
                .unwrap_or_default(),
            title: kept_title
                .or_else(|| title(looks_like, shown))
                .map(|title| one_line(&title)),
        }
    }
}

/// The bytes of a body that are at hand.
pub(super) fn shown(body: &Body) -> &[u8] {
    body.bytes.as_deref().unwrap_or(&body.prefix)
}

/// Says for `protocol::http` whether a body is worth keeping whole: it was
/// asked for by a URL of the kinds that validation fetches, is announced as
/// one, or begins like one. A web page in the place of a CRL is wanted too.
#[must_use]
pub fn wants_body(request: Option<&Request>, response: &Response, prefix: &[u8]) -> bool {
    let path = request.map(|request| request.target.as_str());
    match purpose::by_messages(path, request, Some(response)) {
        // Update packages are large and hold no trust object.
        Some(ObjectKind::Wsus) => return false,
        Some(_) => return true,
        None => {}
    }
    let by_cryptoapi = request.is_some_and(purpose::is_cryptoapi);
    by_cryptoapi || purpose::by_shape(prefix).is_some()
}

/// The title of a page, or the first line of a text.
fn title(looks_like: LooksLike, bytes: &[u8]) -> Option<String> {
    match looks_like {
        LooksLike::Html => pki::html_title(bytes),
        LooksLike::Text | LooksLike::Pem => {
            let text = String::from_utf8_lossy(bytes.get(..bytes.len().min(TITLE_WITHIN))?);
            text.lines()
                .find(|line| !line.trim().is_empty())
                .map(ToString::to_string)
        }
        _ => None,
    }
}

/// The first line of a text stands early.
const TITLE_WITHIN: usize = 4096;

/// Text fit for one line of a report: no control characters, blanks run
/// together, at most [`MAX_TITLE`] characters.
pub(super) fn one_line(text: &str) -> String {
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .collect();
    let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    words.join(" ").chars().take(MAX_TITLE).collect()
}

/// Enough to know a block page by; a report is no place for more.
pub const MAX_TITLE: usize = 120;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::super::fixtures::{body, request, response};
    use super::*;

    #[test]
    fn a_page_shows_its_title_on_one_line() {
        let page = body(b"<html><head><title>\n 9mobile |\x1B out  of bundle</title>");
        let got = RetrievedBody::of(&page, true, &BodyIndex::default());
        assert_eq!(got.looks_like, LooksLike::Html);
        assert_eq!(got.title.as_deref(), Some("9mobile | out of bundle"));
        assert!(got.complete);
    }

    #[test]
    fn a_page_without_title_shows_its_text() {
        let page = body(b"<html><body>Request forbidden by administrative rules.</body></html>");
        let got = RetrievedBody::of(&page, true, &BodyIndex::default());
        assert_eq!(
            got.title.as_deref(),
            Some("Request forbidden by administrative rules.")
        );
    }

    #[test]
    fn facts_read_from_the_whole_body_beat_its_first_bytes() {
        let mut whole = body(b"MSCF");
        whole.sha256 = Some([7; 32]);
        let facts = BodyFacts {
            looks_like: LooksLike::Other,
            artifacts: vec![[1; 32]],
            title: None,
            script: None,
        };
        let index = BodyIndex {
            bodies: BTreeMap::from([([7; 32], facts)]),
            ..BodyIndex::default()
        };
        let got = RetrievedBody::of(&whole, true, &index);
        assert_eq!((got.looks_like, got.artifacts.len()), (LooksLike::Other, 1));
    }

    #[test]
    fn a_body_over_the_limit_arrived_when_the_exchange_did() {
        let mut large = body(b"x");
        large.completeness = Completeness::OverLimit;
        assert!(RetrievedBody::of(&large, true, &BodyIndex::default()).complete);
        assert!(!RetrievedBody::of(&large, false, &BodyIndex::default()).complete);
    }

    #[test]
    fn bodies_of_our_kinds_are_wanted_whatever_they_hold() {
        let page = response(200, b"<html>");
        let asked = request("GET", "/ca.crl?x", "pki.example");
        assert!(wants_body(Some(&asked), &page, b"<html>"));
        let odd = request("GET", "/download?id=5", "pki.example");
        assert!(!wants_body(Some(&odd), &page, b"<html>"));
        assert!(wants_body(Some(&odd), &page, &[0x30, 3, 0x0A, 1, 0]));
        assert!(wants_body(None, &page, b"-----BEGIN X509 CRL-----"));
    }

    #[test]
    fn update_packages_are_not_wanted() {
        let asked = request("GET", "/ClientWebService/client.asmx", "wsus.example:8530");
        assert!(!wants_body(Some(&asked), &response(200, b"MSCF"), b"MSCF"));
    }

    #[test]
    fn whatever_cryptoapi_asks_for_is_wanted() {
        let mut asked = request("GET", "/repository/17", "pki.example");
        asked
            .headers
            .0
            .push(("User-Agent".into(), "Microsoft-CryptoAPI/10.0".into()));
        assert!(wants_body(Some(&asked), &response(200, b"?"), b"?"));
    }
}
