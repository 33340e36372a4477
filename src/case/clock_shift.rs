//! By how much the clock of a machine whose caches were handed over differed
//! from the capture's, where downloads show a large difference.

use std::collections::BTreeSet;

use crate::cryptnet::{self, CacheEntry};
use crate::retrieval::Retrieval;
use crate::time::{Span, Timestamp};

/// A cache copy proves a download when its last synchronization is this near;
/// Windows takes the time once per chain build (`docs/FORMATS.md`).
const SYNC_WINDOW: Span = Span::seconds(600);

/// True when a cache entry holds what a retrieval brought, from the same time
/// by clocks that are `shift` apart.
#[must_use]
pub fn is_copy(entry: &CacheEntry, retrieval: &Retrieval, shift: Span) -> bool {
    let synced = entry.record.as_ref().and_then(|record| record.last_sync_at);
    let near =
        synced.is_some_and(|at| at.since(retrieval.ended_at.plus(shift)).abs() <= SYNC_WINDOW);
    near && holds_same_bytes(entry, retrieval)
}

/// Same URL, same bytes, whatever the time.
fn holds_same_bytes(entry: &CacheEntry, retrieval: &Retrieval) -> bool {
    let (Some(entry_url), Some(url)) = (entry.url(), &retrieval.url) else {
        return false;
    };
    let body = retrieval.body.as_ref().and_then(|body| body.sha256);
    let content = entry.content.as_ref().map(|content| content.sha256);
    body.is_some() && body == content && cryptnet::same_resource(url, entry_url)
}

/// The clocks agree.
pub const NO_SHIFT: Span = Span::seconds(0);
/// Times of one chain build differ by its length at most.
const SAME_SHIFT: f64 = 25.0;
/// Entries refreshed together later have one time; downloads spread over this
/// many seconds, whose times keep their distances, were not.
const SPREAD: f64 = 30.0;

/// The one difference between the clocks by which a hand-over's times fit the
/// downloads of a client: none, or a large one that two objects show. A cache
/// that was merely refreshed later does not keep the distances between its
/// downloads, and a first download (not a conditional one) cannot have been
/// synchronized before.
#[must_use]
pub fn shift_of(entries: &[&CacheEntry], retrievals: &[&Retrieval]) -> Option<Span> {
    let mut pairs: Vec<(f64, Timestamp, bool, &str)> = Vec::new();
    for entry in entries {
        let synced = entry.record.as_ref().and_then(|record| record.last_sync_at);
        for retrieval in retrievals.iter().filter(|it| holds_same_bytes(entry, it)) {
            let (Some(synced), Some(url)) = (synced, entry.url()) else {
                continue;
            };
            let difference = synced.since(retrieval.ended_at);
            if difference.abs() <= SYNC_WINDOW {
                return Some(NO_SHIFT);
            }
            let headers = &retrieval.request_headers;
            let first = headers.get("If-None-Match").is_none()
                && headers.get("If-Modified-Since").is_none();
            pairs.push((difference.as_seconds(), retrieval.ended_at, first, url));
        }
    }
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let clusters = pairs.iter().enumerate().map(|(start, from)| {
        let rest = pairs.get(start..).unwrap_or_default();
        rest.iter()
            .take_while(|pair| pair.0 - from.0 <= SAME_SHIFT)
            .collect::<Vec<_>>()
    });
    let fits = clusters.filter(|cluster| {
        let urls: BTreeSet<&str> = cluster.iter().map(|pair| pair.3).collect();
        let ends = || cluster.iter().map(|pair| pair.1);
        let (last, first) = (ends().max(), ends().min());
        let spread = last
            .zip(first)
            .map_or(0.0, |(last, first)| last.since(first).as_seconds());
        let earlier = cluster.iter().all(|pair| pair.0 < 0.0 && pair.2);
        urls.len() > 1 && (spread >= SPREAD || earlier)
    });
    let best = fits.max_by_key(Vec::len)?;
    let middle = best.get(best.len() / 2)?;
    // Beyond 290 years it saturates.
    #[allow(clippy::cast_possible_truncation)]
    Some(Span::seconds(middle.0.round() as i64))
}
