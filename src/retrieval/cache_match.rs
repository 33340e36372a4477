//! Which cache entry an attempt left behind.

use std::collections::HashMap;

use crate::cryptnet::CacheEntry;
use crate::time::Span;

use super::{Outcome, Retrieval, url};

/// Gives each attempt the entry of its URL that it can have written.
///
/// A body that came whole matches an entry with the same bytes; of several
/// accounts' entries the one synchronized nearest to the attempt. A refreshed
/// entry with other bytes is no match. Where the bytes cannot be compared (304,
/// a body with holes, an entry without `Content`) the entry must have been
/// synchronized within [`SYNC_WITHIN`] of the attempt.
pub(super) fn assign(retrievals: &mut [Retrieval], cache: &[CacheEntry]) {
    let mut by_key: HashMap<String, Vec<usize>> = HashMap::new();
    for (index, entry) in cache.iter().enumerate() {
        if let Some(location) = entry.url() {
            // A POST is stored as `base/escaped-base64?Content-Type: …`.
            let posted = location.strip_suffix(POST_MARK);
            let base = posted.and_then(|posted| posted.rsplit_once('/')).map(|(base, _)| base);
            by_key.entry(url::key(base.unwrap_or(location))).or_default().push(index);
        }
    }
    for retrieval in retrievals {
        let asked = retrieval.url.as_deref().map(|location| match retrieval.method.as_deref() {
            Some("POST") => url::key(location).trim_end_matches('/').to_string(),
            _ => url::key(location),
        });
        let found =
            asked.and_then(|key| by_key.get(&key).or_else(|| by_key.get(&format!("{key}/"))));
        retrieval.cache_entry = found.and_then(|indices| best(retrieval, indices, cache));
    }
}

/// How `cryptnet` marks the URL of an OCSP request by POST.
const POST_MARK: &str = "?Content-Type: application/ocsp-request";

/// `LastSyncTime` is taken once per chain build, by the machine's own clock.
const SYNC_WITHIN: i64 = 600;

fn best(retrieval: &Retrieval, indices: &[usize], cache: &[CacheEntry]) -> Option<usize> {
    let entries = indices.iter().filter_map(|index| Some((*index, cache.get(*index)?)));
    let fitting = entries.filter(|(_, entry)| can_be_from(retrieval, entry));
    let ranked = fitting.map(|(index, entry)| (distance(retrieval, entry), index));
    ranked.min().map(|(_, index)| index)
}

fn can_be_from(retrieval: &Retrieval, entry: &CacheEntry) -> bool {
    let near = distance(retrieval, entry) <= Span::seconds(SYNC_WITHIN);
    let body = retrieval.body.as_ref().filter(|body| body.complete && body.size > 0);
    let content = entry.content.as_ref().filter(|content| !content.bytes.is_empty());
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
    use super::super::{BodyIndex, RetrievedBody};
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
        assert_eq!(found(attempt(URL, Outcome::Ok, Some(b"abc")), &cache), Some(1));
        assert_eq!(found(attempt(URL, Outcome::Ok, Some(b"abc")), &cache[..1]), Some(0));
        assert_eq!(found(attempt(URL, Outcome::Ok, Some(b"abc")), &cache[2..]), None);
    }

    #[test]
    fn a_cached_error_page_is_matched_by_its_bytes() {
        let cache = [entry(URL, Some(b"<html>"), 100.0)];
        assert_eq!(found(attempt(URL, Outcome::Forbidden, Some(b"<html>")), &cache), Some(0));
    }

    #[test]
    fn a_304_matches_by_time() {
        let retrieval = || attempt(URL, Outcome::NotModified, None);
        assert_eq!(found(retrieval(), &[entry(URL, Some(b"abc"), 101.0)]), Some(0));
        assert_eq!(found(retrieval(), &[entry(URL, Some(b"abc"), 2_000.0)]), None);
        let failed = attempt(URL, Outcome::Reset, None);
        assert_eq!(found(failed, &[entry(URL, Some(b"abc"), 101.0)]), None);
    }

    #[test]
    fn an_entry_without_content_matches_by_size_and_time() {
        let cache = [entry(URL, None, 101.0)];
        assert_eq!(found(attempt(URL, Outcome::Ok, Some(b"abc")), &cache), Some(0));
        assert_eq!(found(attempt(URL, Outcome::Ok, Some(b"abcd")), &cache), None);
    }

    #[test]
    fn trust_lists_match_without_their_random_query() {
        let bare = "http://ctldl.windowsupdate.com/authrootstl.cab";
        let cache = [entry(bare, Some(b"MSCF"), 101.0)];
        let asked = format!("{bare}?d7a8a57aa5acd39b");
        assert_eq!(found(attempt(&asked, Outcome::Ok, Some(b"MSCF")), &cache), Some(0));
        assert_eq!(found(attempt(URL, Outcome::Ok, Some(b"MSCF")), &cache), None);
    }

    #[test]
    fn an_ocsp_post_matches_its_synthetic_url() {
        let stored = "http://ocsp.example/MEUw%2Bx?Content-Type: application/ocsp-request";
        let mut posted = attempt("http://ocsp.example/", Outcome::Ok, Some(b"abc"));
        posted.method = Some("POST".into());
        assert_eq!(found(posted, &[entry(stored, Some(b"abc"), 101.0)]), Some(0));
    }
}
