//! Which cache entry an attempt left behind.

use std::collections::HashMap;

use crate::cryptnet::CacheEntry;
use crate::time::Span;

use super::{Outcome, Retrieval, url};

/// Gives each attempt the entry of its URL that it can have written.
///
/// A body that came whole matches an entry with the same bytes; of several
/// accounts' entries the one synchronized nearest to the attempt, and of
/// several attempts each takes one, the nearest pairs first: the user's
/// download and the machine's fill two caches. An attempt left over shares an
/// entry only with one that took the same way, because a repeated download
/// takes the way of its account. A refreshed entry with other bytes is no match.
///
/// Where the bytes cannot be compared (304, a body with holes, an entry without
/// `Content`) the entry must have been synchronized within [`SYNC_WITHIN`].
pub(super) fn assign(retrievals: &mut [Retrieval], cache: &[CacheEntry]) {
    let by_key = by_key(cache);
    let mut pairs: Vec<(Span, usize, usize)> = Vec::new();
    for (index, retrieval) in retrievals.iter_mut().enumerate() {
        let asked = retrieval
            .url
            .as_deref()
            .map(|location| match retrieval.method.as_deref() {
                Some("POST") => url::key(location).trim_end_matches('/').to_string(),
                _ => url::key(location),
            });
        let found =
            asked.and_then(|key| by_key.get(&key).or_else(|| by_key.get(&format!("{key}/"))));
        let entries = found
            .into_iter()
            .flatten()
            .filter_map(|at| Some((*at, cache.get(*at)?)));
        let fitting: Vec<_> = entries
            .filter(|(_, entry)| can_be_from(retrieval, entry))
            .collect();
        let ranked = fitting
            .iter()
            .map(|(at, entry)| (distance(retrieval, entry), *at));
        match has_bytes(retrieval) {
            true => pairs.extend(ranked.map(|(distance, at)| (distance, index, at))),
            false => retrieval.cache_entry = ranked.min().map(|(_, at)| at),
        }
    }
    pairs.sort_unstable();
    let mut holders: HashMap<usize, usize> = HashMap::new();
    for (_, index, at) in &pairs {
        let free = !holders.contains_key(at);
        let Some(retrieval) = retrievals.get_mut(*index) else {
            continue;
        };
        if free && retrieval.cache_entry.is_none() {
            retrieval.cache_entry = Some(*at);
            holders.insert(*at, *index);
        }
    }
    for (_, index, at) in &pairs {
        let holder = holders.get(at).and_then(|holder| retrievals.get(*holder));
        let way = holder.map(|holder| (holder.client.map(|c| c.ip()), holder.route.kind));
        if let Some(retrieval) = retrievals.get_mut(*index) {
            let own = (retrieval.client.map(|c| c.ip()), retrieval.route.kind);
            if retrieval.cache_entry.is_none() && way == Some(own) {
                retrieval.cache_entry = Some(*at);
            }
        }
    }
}

/// True when the body came whole and its hash is known.
fn has_bytes(retrieval: &Retrieval) -> bool {
    let body = retrieval
        .body
        .as_ref()
        .filter(|body| body.complete && body.size > 0);
    body.is_some_and(|body| body.sha256.is_some())
}

/// The entries by the key of their URL.
fn by_key(cache: &[CacheEntry]) -> HashMap<String, Vec<usize>> {
    let mut by_key: HashMap<String, Vec<usize>> = HashMap::new();
    for (index, entry) in cache.iter().enumerate() {
        if let Some(location) = entry.url() {
            // A POST is stored as `base/escaped-base64?Content-Type: …`.
            let posted = location.strip_suffix(POST_MARK);
            let base = posted
                .and_then(|posted| posted.rsplit_once('/'))
                .map(|(base, _)| base);
            by_key
                .entry(url::key(base.unwrap_or(location)))
                .or_default()
                .push(index);
        }
    }
    by_key
}

/// How `cryptnet` marks the URL of an OCSP request by POST.
const POST_MARK: &str = "?Content-Type: application/ocsp-request";

/// `LastSyncTime` is taken once per chain build, by the machine's own clock.
const SYNC_WITHIN: i64 = 600;

fn can_be_from(retrieval: &Retrieval, entry: &CacheEntry) -> bool {
    let near = distance(retrieval, entry) <= Span::seconds(SYNC_WITHIN);
    let body = retrieval
        .body
        .as_ref()
        .filter(|body| body.complete && body.size > 0);
    let content = entry
        .content
        .as_ref()
        .filter(|content| !content.bytes.is_empty());
    match (body.and_then(|body| body.sha256), content) {
        // Error pages are cached too, so that the outcome does not matter.
        (Some(sha256), Some(content)) => content.sha256 == sha256,
        (Some(_), None) => {
            let sizes = entry.record.as_ref().map(|record| &record.content_sizes);
            let total = sizes.map_or(0, |sizes| sizes.iter().map(|size| u64::from(*size)).sum());
            // Size 0 is the placeholder of a list that lives in the registry.
            let same = total == 0 || body.is_some_and(|body| body.size == total);
            near && same && retrieval.outcome.is_success()
        }
        (None, _) => {
            let may_have = matches!(
                retrieval.outcome,
                Outcome::Ok | Outcome::NotModified | Outcome::IncompleteCapture
            );
            near && may_have
        }
    }
}

/// From the end of the attempt to the entry's synchronization, either way.
fn distance(retrieval: &Retrieval, entry: &CacheEntry) -> Span {
    let synced_at = entry.record.as_ref().and_then(|record| record.last_sync_at);
    let far = Span::seconds(i64::from(u32::MAX) * 100);
    synced_at.map_or(far, |at| at.since(retrieval.ended_at).abs())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use std::sync::Arc;

    use super::super::fixtures::{at, body};
    use super::super::{BodyIndex, RetrievedBody, RouteKind};
    use super::*;
    use crate::account::{Account, AccountKind};
    use crate::cryptnet::{CachedContent, MetaDataRecord, NameCheck};
    use crate::provenance::EvidenceId;

    const URL: &str = "http://pki.example/ca.crl";

    fn entry(url: &str, content: Option<&[u8]>, seconds: f64) -> CacheEntry {
        CacheEntry {
            name: "N".into(),
            name_check: NameCheck::Matches,
            hand_over: "case".into(),
            machine: None,
            owner: Account::of(AccountKind::User),
            record: Some(MetaDataRecord {
                header_len: 112,
                url: url.into(),
                last_sync_ticks: 1,
                last_sync_at: Some(at(seconds)),
                content_sizes: vec![3],
                extended: None,
                etag: None,
            }),
            meta_data: None,
            content: content.map(|bytes| CachedContent {
                evidence: EvidenceId(1),
                bytes: Arc::from(bytes),
                sha256: hash(bytes),
                modified_at: None,
            }),
            recovered_url: None,
            told: None,
        }
    }

    fn hash(bytes: &[u8]) -> [u8; 32] {
        [bytes.first().copied().unwrap_or_default(); 32]
    }

    fn attempt(url: &str, outcome: Outcome, bytes: Option<&[u8]>) -> Retrieval {
        let mut retrieval = Retrieval::new(at(100.0), at(100.0));
        retrieval.url = Some(url.into());
        retrieval.method = Some("GET".into());
        retrieval.outcome = outcome;
        retrieval.body = bytes.map(|bytes| {
            let mut raw = body(bytes);
            raw.sha256 = Some(hash(bytes));
            RetrievedBody::of(&raw, true, &BodyIndex::default())
        });
        retrieval
    }

    fn found(retrieval: Retrieval, cache: &[CacheEntry]) -> Option<usize> {
        let mut retrievals = [retrieval];
        assign(&mut retrievals, cache);
        retrievals[0].cache_entry
    }

    #[test]
    fn equal_bytes_match_and_the_nearest_synchronization_wins() {
        let cache = [
            entry(URL, Some(b"abc"), 5_000.0),
            entry(URL, Some(b"abc"), 90.0),
            entry(URL, Some(b"xyz"), 100.0),
        ];
        assert_eq!(
            found(attempt(URL, Outcome::Ok, Some(b"abc")), &cache),
            Some(1)
        );
        assert_eq!(
            found(attempt(URL, Outcome::Ok, Some(b"abc")), &cache[..1]),
            Some(0)
        );
        assert_eq!(
            found(attempt(URL, Outcome::Ok, Some(b"abc")), &cache[2..]),
            None
        );
    }

    #[test]
    fn two_downloads_fill_two_caches() {
        let cache = [
            entry(URL, Some(b"abc"), 100.5),
            entry(URL, Some(b"abc"), 100.1),
        ];
        let mut both = [
            attempt(URL, Outcome::Ok, Some(b"abc")),
            attempt(URL, Outcome::Ok, Some(b"abc")),
        ];
        both[1].ended_at = at(100.2);
        assign(&mut both, &cache);
        assert_eq!(both.map(|each| each.cache_entry), [Some(1), Some(0)]);
    }

    #[test]
    fn a_download_left_over_shares_an_entry_of_its_own_way_only() {
        let cache = [entry(URL, Some(b"abc"), 100.0)];
        let attempts = || [(); 2].map(|()| attempt(URL, Outcome::Ok, Some(b"abc")));
        let mut repeated = attempts();
        assign(&mut repeated, &cache);
        assert_eq!(repeated.map(|each| each.cache_entry), [Some(0), Some(0)]);
        let mut two_ways = attempts();
        two_ways[1].route.kind = RouteKind::HttpProxy;
        assign(&mut two_ways, &cache);
        assert_eq!(two_ways.map(|each| each.cache_entry), [Some(0), None]);
    }

    #[test]
    fn a_cached_error_page_is_matched_by_its_bytes() {
        let cache = [entry(URL, Some(b"<html>"), 100.0)];
        assert_eq!(
            found(attempt(URL, Outcome::Forbidden, Some(b"<html>")), &cache),
            Some(0)
        );
    }

    #[test]
    fn a_304_matches_by_time() {
        let retrieval = || attempt(URL, Outcome::NotModified, None);
        assert_eq!(
            found(retrieval(), &[entry(URL, Some(b"abc"), 101.0)]),
            Some(0)
        );
        assert_eq!(
            found(retrieval(), &[entry(URL, Some(b"abc"), 2_000.0)]),
            None
        );
        let failed = attempt(URL, Outcome::Reset, None);
        assert_eq!(found(failed, &[entry(URL, Some(b"abc"), 101.0)]), None);
    }

    #[test]
    fn an_entry_without_content_matches_by_size_and_time() {
        let cache = [entry(URL, None, 101.0)];
        assert_eq!(
            found(attempt(URL, Outcome::Ok, Some(b"abc")), &cache),
            Some(0)
        );
        assert_eq!(
            found(attempt(URL, Outcome::Ok, Some(b"abcd")), &cache),
            None
        );
    }

    #[test]
    fn trust_lists_match_without_their_random_query() {
        let bare = "http://ctldl.windowsupdate.com/authrootstl.cab";
        let cache = [entry(bare, Some(b"MSCF"), 101.0)];
        let asked = format!("{bare}?d7a8a57aa5acd39b");
        assert_eq!(
            found(attempt(&asked, Outcome::Ok, Some(b"MSCF")), &cache),
            Some(0)
        );
        assert_eq!(
            found(attempt(URL, Outcome::Ok, Some(b"MSCF")), &cache),
            None
        );
    }

    #[test]
    fn an_ocsp_post_matches_its_synthetic_url() {
        let stored = "http://ocsp.example/MEUw%2Bx?Content-Type: application/ocsp-request";
        let mut posted = attempt("http://ocsp.example/", Outcome::Ok, Some(b"abc"));
        posted.method = Some("POST".into());
        assert_eq!(
            found(posted, &[entry(stored, Some(b"abc"), 101.0)]),
            Some(0)
        );
    }
}
