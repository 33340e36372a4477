//! HTTP/1.x exchanges: a request, its answer, and the body after
//! transfer-decoding and content-decoding.

use std::sync::Arc;

use crate::flow::{ConversationId, Direction};
use crate::provenance::Sighting;

/// A request with the answer that belongs to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Exchange {
    /// The connection it went over.
    pub conversation: ConversationId,
    /// Position among the exchanges of the connection, from 0.
    pub index: u32,
    /// `Some(authority)` when it ran inside a CONNECT tunnel to that
    /// `host:port`.
    pub tunnel: Option<String>,
    /// True when it ran inside TLS and a key log opened it.
    pub encrypted: bool,
    /// The request; `None` when only the answer was captured.
    pub request: Option<Request>,
    /// The final answer (1xx answers are passed over); `None` when none came.
    pub response: Option<Response>,
    /// What ended the exchange when no complete answer came.
    pub ending: Ending,
}

/// How an exchange ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The answer is complete.
    Complete,
    /// One side closed (`ToServer`: the client) before the answer was whole.
    Closed {
        /// Who closed first.
        by: Direction,
        /// True for RST.
        reset: bool,
        /// The frame.
        sighting: Sighting,
    },
    /// Bytes of it are missing from the capture.
    CaptureGap,
    /// The capture ends while it is going on.
    CaptureEnds,
}

/// A request as sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// `GET`, `POST`, `CONNECT`, …
    pub method: String,
    /// The request target as sent: origin form, absolute form or authority.
    pub target: String,
    /// Header fields in order, names as sent, values trimmed; bytes that are
    /// not UTF-8 replaced.
    pub headers: Headers,
    /// First and last frame.
    pub first: Sighting,
    /// Last frame of head and body.
    pub last: Sighting,
    /// The body, where there is one.
    pub body: Option<Body>,
}

/// An answer as sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Reason phrase.
    pub reason: String,
    /// Header fields, as in [`Request::headers`].
    pub headers: Headers,
    /// Frame with the first byte of the answer.
    pub first: Sighting,
    /// Frame with its last byte seen.
    pub last: Sighting,
    /// Its body; `None` where the answer can have none (HEAD, 204, 304, CONNECT 2xx).
    pub body: Option<Body>,
}

/// Header fields in the order sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Headers(pub Vec<(String, String)>);

impl Headers {
    /// The first value of a field, by case-insensitive name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut matching = self
            .0
            .iter()
            .filter(|(key, _)| key.eq_ignore_ascii_case(name));
        matching.next().map(|(_, value)| value.as_str())
    }

    /// All values of a field, in order.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let matching = self
            .0
            .iter()
            .filter(move |(key, _)| key.eq_ignore_ascii_case(name));
        matching.map(|(_, value)| value.as_str())
    }
}

/// A message body.
#[derive(Debug, Clone, PartialEq)]
pub struct Body {
    /// Bytes after dechunking and content-decoding. Of an encoded body that was
    /// not wanted, and so never decoded to its end: as `wire_size`.
    pub size: u64,
    /// Bytes as transferred (chunk framing not counted), before
    /// content-decoding; holes of known length count.
    pub wire_size: u64,
    /// What `Content-Length` announced.
    pub declared: Option<u64>,
    /// The bytes, where the caller wanted them and they fit the limits; decoded.
    /// With a hole or a broken-off transfer: what came before it.
    pub bytes: Option<Arc<[u8]>>,
    /// SHA-256 of the decoded body, where it is complete and was kept or
    /// hashing was asked for.
    pub sha256: Option<[u8; 32]>,
    /// The first decoded bytes (at most [`PREFIX_LEN`]), kept of every body
    /// that was looked at.
    pub prefix: Vec<u8>,
    /// Whether all of it is there.
    pub completeness: Completeness,
    /// Trouble with framing or decoding, in one line.
    pub trouble: Option<String>,
}

/// Enough to tell a title and a kind.
pub const PREFIX_LEN: usize = 2048;

/// Whether a body is whole, and if not, whose fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completeness {
    /// Every byte announced was seen (or skipped by sequence number with every
    /// byte captured).
    Complete,
    /// The peer stopped early although the capture is whole.
    CutByPeer,
    /// The capture lacks bytes of it.
    CaptureGap,
    /// The capture ends inside it.
    CaptureEnds,
    /// A limit of ours ended the keeping; the size is still counted.
    OverLimit,
}

/// Says whether a body is wanted, from the request (if seen), the head of the
/// answer, and the first decoded bytes.
pub type WantBody = fn(Option<&Request>, &Response, &[u8]) -> bool;

/// What to keep.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Bodies to keep whole.
    pub want_body: WantBody,
    /// Hash every body (the `--all-http` option).
    pub hash_every_body: bool,
}
