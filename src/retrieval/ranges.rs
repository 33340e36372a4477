//! An object that was fetched in pieces: answers with status 206 put together.
//!
//! Background transfers of Windows (BITS) ask for an object in ranges, and any
//! client goes on so after a transfer that broke off.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::protocol::http::{Body, Headers};
use crate::time::Timestamp;

use super::login::{Place, at_place};
use super::{BodyFacts, Observed, url};

/// An object of which pieces were seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whole {
    /// The exchanges that brought a piece with status 206, in order of time.
    pub pieces: Vec<(usize, usize)>,
    /// The exchange with status 200 that broke off before them, whose bytes
    /// serve too.
    pub begun_by: Option<(usize, usize)>,
    /// Bytes of the whole, as `Content-Range` says.
    pub total: u64,
    /// What no piece brought, as first and last byte.
    pub missing: Vec<(u64, u64)>,
    /// True where two pieces differ in bytes that both have.
    pub conflict: bool,
    /// The bytes, where all pieces were kept and none is missing.
    pub bytes: Option<Vec<u8>>,
    /// What was read out of them, with their SHA-256; filled by the caller.
    pub facts: Option<([u8; 32], BodyFacts)>,
}

/// The largest object put together; CryptoAPI reads no more (`MAX_BODY`).
const MAX_WHOLE: u64 = 100 * 1024 * 1024;

/// Pieces of one object; at 64 KiB each these are 256 MiB.
const MAX_PIECES: usize = 4_096;

/// Objects put together in one run. Update clients fetch thousands in pieces,
/// whose bytes nobody keeps.
const MAX_WHOLES: usize = 10_000;

/// What makes two pieces parts of one object: the same client asks for the same
/// URL, and the answers agree on the length and on what tells versions apart.
type Key = (u32, IpAddr, String, u64, String);

/// Finds the objects that were fetched in pieces.
///
/// A piece is the answer 206 to a GET with one `Content-Range` that names the
/// length of the whole. The first copy of a byte counts. Content codings stand
/// for ranges of the encoded form and are left out, as is
/// `multipart/byteranges`.
///
/// Spec: RFC 9110 §14.4, §15.3.7.
#[must_use]
pub fn wholes(observed: &[Observed]) -> Vec<Whole> {
    let mut places: Vec<(Timestamp, Place)> = Vec::new();
    for (conversation, seen) in observed.iter().enumerate() {
        for (index, exchange) in seen.exchanges.iter().enumerate() {
            if let Some(response) = &exchange.response
                && matches!(response.status, 200 | 206)
            {
                places.push((response.first.at, (conversation, index)));
            }
        }
    }
    places.sort_unstable();
    let mut open: BTreeMap<Key, Building> = BTreeMap::new();
    let mut over = Vec::new();
    let mut begun: BTreeMap<Key, Place> = BTreeMap::new();
    for (_, place) in places {
        let Some((key, piece)) = piece_at(observed, place) else {
            continue;
        };
        if piece.is_begun {
            begun.insert(key, place);
            continue;
        }
        if open.len() + over.len() >= MAX_WHOLES && !open.contains_key(&key) {
            break;
        }
        let building = open.entry(key.clone()).or_insert_with(|| {
            let mut building = Building {
                begun_by: begun.remove(&key),
                ..Building::default()
            };
            let begun = building.begun_by.and_then(|at| piece_at(observed, at));
            if let Some((_, begun)) = begun {
                building.add(&begun);
            }
            building
        });
        if building.pieces.len() < MAX_PIECES {
            building.pieces.push(place);
            building.add(&piece);
        }
        if building.missing(key.3).is_empty()
            && let Some(building) = open.remove(&key)
        {
            over.push(building.finish(observed, key.3));
        }
    }
    over.extend(
        open.into_iter()
            .map(|(key, building)| building.finish(observed, key.3)),
    );
    over.sort_by(|one, other| one.pieces.cmp(&other.pieces));
    over
}

/// One exchange's part of an object.
struct Piece<'a> {
    /// The first byte.
    from: u64,
    /// Bytes that arrived.
    length: u64,
    bytes: Option<&'a [u8]>,
    /// It is an answer 200 that broke off.
    is_begun: bool,
}

fn piece_at(observed: &[Observed], place: Place) -> Option<(Key, Piece<'_>)> {
    let seen = observed.get(place.0)?;
    let exchange = at_place(observed, place)?;
    let response = exchange.response.as_ref()?;
    let request = exchange.request.as_ref()?;
    let headers = &response.headers;
    let body = response.body.as_ref()?;
    if request.method != "GET" || headers.get("Content-Encoding").is_some_and(is_coded) {
        return None;
    }
    let arrived = body.wire_size;
    let (total, piece) = match response.status {
        206 => {
            let (from, to, total) = content_range(headers.get("Content-Range")?)?;
            let length = arrived.min(to.checked_sub(from)?.checked_add(1)?);
            (total, (from, length, false))
        }
        _ => {
            let total = body.declared.filter(|total| arrived < *total)?;
            (total, (0, arrived, true))
        }
    };
    let (from, length, is_begun) = piece;
    let conversation = &seen.conversation;
    let location = url::of_exchange(exchange, conversation.server)?;
    let key = (
        conversation.vantage,
        conversation.client.ip(),
        url::key(&location),
        total,
        version(headers),
    );
    let piece = Piece {
        from,
        length,
        bytes: usable(body, length),
        is_begun,
    };
    (length > 0).then_some((key, piece))
}

/// The bytes of a piece, where as many are at hand as arrived.
fn usable(body: &Body, length: u64) -> Option<&[u8]> {
    let bytes = body.bytes.as_deref()?;
    bytes.get(..usize::try_from(length).ok()?)
}

fn is_coded(coding: &str) -> bool {
    !coding.trim().is_empty() && !coding.trim().eq_ignore_ascii_case("identity")
}

/// Reads `bytes 0-499/1234`: first byte, last byte, length of the whole.
fn content_range(value: &str) -> Option<(u64, u64, u64)> {
    let (unit, rest) = value.trim().split_once(' ')?;
    let (range, total) = rest.split_once('/')?;
    let (from, to) = range.split_once('-')?;
    let number = |text: &str| text.trim().parse::<u64>().ok();
    let (from, to, total) = (number(from)?, number(to)?, number(total)?);
    let fits = unit.eq_ignore_ascii_case("bytes") && from <= to && to < total;
    fits.then_some((from, to, total))
}

/// What tells versions of an object apart; a weak tag does not, byte for byte.
fn version(headers: &Headers) -> String {
    let tag = headers.get("ETag").filter(|tag| !tag.starts_with("W/"));
    let text = tag.or(headers.get("Last-Modified"));
    text.unwrap_or_default().to_owned()
}

/// An object whose pieces are being gathered.
#[derive(Debug, Default)]
struct Building {
    begun_by: Option<Place>,
    pieces: Vec<Place>,
    /// What is there: first byte, and the one behind the last.
    spans: BTreeMap<u64, u64>,
}

impl Building {
    fn add(&mut self, piece: &Piece<'_>) {
        let (mut from, mut end) = (piece.from, piece.from.saturating_add(piece.length));
        let touching: Vec<u64> = self
            .spans
            .range(..=end)
            .filter(|(_, other)| **other >= from)
            .map(|(start, _)| *start)
            .collect();
        for start in touching {
            if let Some(other) = self.spans.remove(&start) {
                from = from.min(start);
                end = end.max(other);
            }
        }
        self.spans.insert(from, end);
    }

    /// What lies between the pieces, and before and behind them.
    fn missing(&self, total: u64) -> Vec<(u64, u64)> {
        let mut missing = Vec::new();
        let mut reached = 0;
        for (from, end) in &self.spans {
            if *from > reached {
                missing.push((reached, from - 1));
            }
            reached = reached.max(*end);
        }
        if reached < total {
            missing.push((reached, total - 1));
        }
        missing
    }

    fn finish(self, observed: &[Observed], total: u64) -> Whole {
        let missing = self.missing(total);
        let (bytes, conflict) = match missing.is_empty() && total <= MAX_WHOLE {
            true => self.join(observed, total),
            false => (None, false),
        };
        Whole {
            pieces: self.pieces,
            begun_by: self.begun_by,
            total,
            missing,
            conflict,
            bytes,
            facts: None,
        }
    }

    /// The bytes of all pieces in their places, and whether two pieces differ.
    fn join(&self, observed: &[Observed], total: u64) -> (Option<Vec<u8>>, bool) {
        let places = self.begun_by.iter().chain(&self.pieces);
        let parts = places.filter_map(|place| piece_at(observed, *place));
        let mut parts: Vec<Piece<'_>> = parts.map(|(_, piece)| piece).collect();
        let Ok(total) = usize::try_from(total) else {
            return (None, false);
        };
        if parts.iter().any(|piece| piece.bytes.is_none()) {
            return (None, false);
        }
        parts.sort_by_key(|piece| piece.from);
        let mut whole: Vec<u8> = Vec::with_capacity(total);
        let mut conflict = false;
        for piece in parts {
            let (Ok(from), Some(bytes)) = (usize::try_from(piece.from), piece.bytes) else {
                return (None, conflict);
            };
            let known = whole.get(from..).unwrap_or_default();
            let shared = known.len().min(bytes.len());
            conflict |= known.get(..shared) != bytes.get(..shared);
            whole.extend_from_slice(bytes.get(shared..).unwrap_or_default());
        }
        whole.truncate(total);
        match conflict {
            true => (None, true),
            false => (Some(whole), false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_that_is_none_is_passed_over() {
        assert_eq!(content_range("bytes 0-499/1234"), Some((0, 499, 1234)));
        for text in [
            "bytes */1234",
            "bytes 5-4/9",
            "bytes 0-9/9",
            "bytes 0-9/*",
            "items 0-1/2",
        ] {
            assert_eq!(content_range(text), None, "{text}");
        }
    }
}
