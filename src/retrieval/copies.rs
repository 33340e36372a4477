//! Which copy a 304 leaves in use.

use std::collections::{BTreeMap, BTreeSet};

use crate::cryptnet::CacheEntry;
use crate::protocol::http::Headers;
use crate::time::Timestamp;

use super::{Retrieval, url};

/// The copy that the client (or a proxy) already had when it was told that
/// nothing has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptCopy {
    /// SHA-256 of its bytes; `None` where the evidence does not tell.
    pub sha256: Option<[u8; 32]>,
    /// What tells it, or why nothing does.
    pub basis: KeptBasis,
}

/// How a kept copy is known, or why it is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeptBasis {
    /// A body or cache entry of the URL has the entity tag that was asked about.
    Etag,
    /// It has the date that was asked about.
    LastModified,
    /// Several that differ have it.
    Several,
    /// No body captured before and no cache entry has it.
    NotInEvidence,
    /// The request names no copy, or was not captured.
    NotNamed,
}

impl KeptBasis {
    /// The word of the JSON report.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            KeptBasis::Etag => "etag",
            KeptBasis::LastModified => "last-modified",
            KeptBasis::Several => "several",
            KeptBasis::NotInEvidence => "not-in-evidence",
            KeptBasis::NotNamed => "not-named",
        }
    }
}

impl KeptCopy {
    fn unknown(basis: KeptBasis) -> Self {
        KeptCopy {
            sha256: None,
            basis,
        }
    }

    /// The first eight digits of its hash.
    #[must_use]
    pub fn start(&self) -> Option<String> {
        let digits = |byte: &u8| format!("{byte:02x}");
        Some(self.sha256?.iter().take(4).map(digits).collect())
    }

    fn sentence(&self) -> String {
        let known = |by: &str| match self.start() {
            Some(start) => format!("the copy in use is {start}... by its {by}"),
            None => "which copy is in use is unknown".to_owned(),
        };
        match self.basis {
            KeptBasis::Etag => known("entity tag"),
            KeptBasis::LastModified => known("date"),
            KeptBasis::Several => {
                "which copy is in use is unknown: several fit what was asked".to_owned()
            }
            KeptBasis::NotInEvidence => {
                "which copy is in use is unknown: none in the evidence fits what was asked"
                    .to_owned()
            }
            KeptBasis::NotNamed => {
                "which copy is in use is unknown: the request names none".to_owned()
            }
        }
    }
}

/// Tells for each 304 which copy stays in use.
///
/// The request names it: `If-None-Match` by its entity tag, compared weakly,
/// else `If-Modified-Since` by its date. Looked through are the bodies that
/// captures show before, of the same URL on any way, and the cache entries of
/// the URL. A date fits where it is the same to the second.
///
/// Spec: RFC 9110 §13.1.2, §13.1.3, §15.4.5.
pub(super) fn name(found: &mut [Retrieval], cache: &[CacheEntry]) {
    let asked: BTreeSet<String> = not_modified(found)
        .filter_map(|it| Some(url::key(it.url.as_deref()?)))
        .collect();
    if asked.is_empty() && not_modified(found).next().is_none() {
        return;
    }
    let mut shelves = Shelves::default();
    for retrieval in found.iter().flat_map(both) {
        shelves.note_body(retrieval, &asked);
    }
    for entry in cache {
        shelves.note_entry(entry, &asked);
    }
    for retrieval in found {
        for leg in &mut retrieval.onward {
            shelves.tell(leg);
        }
        shelves.tell(retrieval);
    }
}

/// A download and its further legs.
fn both(retrieval: &Retrieval) -> impl Iterator<Item = &Retrieval> {
    std::iter::once(retrieval).chain(&retrieval.onward)
}

fn not_modified(found: &[Retrieval]) -> impl Iterator<Item = &Retrieval> {
    found
        .iter()
        .flat_map(both)
        .filter(|it| it.status == Some(304))
}

/// The copies of each URL that is asked about.
#[derive(Debug, Default)]
struct Shelves(BTreeMap<String, Vec<Stored>>);

#[derive(Debug)]
struct Stored {
    sha256: [u8; 32],
    etag: Option<String>,
    modified_at: Option<Timestamp>,
    /// When it had come; `None` for what lies in a cache.
    since: Option<Timestamp>,
}

/// Copies looked through for one URL; a list that is fetched hourly for weeks
/// has as many answers, nearly all of them equal.
const MAX_STORED: usize = 4_096;

impl Shelves {
    fn note_body(&mut self, retrieval: &Retrieval, asked: &BTreeSet<String>) {
        let body = retrieval.body.as_ref().filter(|body| body.complete);
        let Some((sha256, location)) = body
            .and_then(|body| body.sha256)
            .filter(|_| retrieval.status == Some(200) || retrieval.status == Some(206))
            .zip(retrieval.url.as_deref())
        else {
            return;
        };
        let headers = &retrieval.response_headers;
        self.put(
            url::key(location),
            asked,
            Stored {
                sha256,
                etag: headers.get("ETag").map(|tag| opaque(tag).to_owned()),
                modified_at: date(headers, "Last-Modified"),
                since: Some(retrieval.ended_at),
            },
        );
    }

    fn note_entry(&mut self, entry: &CacheEntry, asked: &BTreeSet<String>) {
        let content = entry.content.as_ref().filter(|it| !it.bytes.is_empty());
        let (Some(location), Some(content), Some(record)) = (entry.url(), content, &entry.record)
        else {
            return;
        };
        let extended = record.extended.as_ref();
        self.put(
            url::key(location),
            asked,
            Stored {
                sha256: content.sha256,
                etag: record.etag.as_deref().map(|tag| opaque(tag).to_owned()),
                modified_at: extended.and_then(|it| it.last_modified),
                since: None,
            },
        );
    }

    fn put(&mut self, key: String, asked: &BTreeSet<String>, stored: Stored) {
        if asked.contains(&key) {
            let shelf = self.0.entry(key).or_default();
            if shelf.len() < MAX_STORED {
                shelf.push(stored);
            }
        }
    }

    fn tell(&self, retrieval: &mut Retrieval) {
        if retrieval.status != Some(304) {
            return;
        }
        let copy = self.copy_of(retrieval);
        retrieval.kept_copy = Some(copy);
        let detail = retrieval.detail.get_or_insert_with(String::new);
        if !detail.is_empty() {
            detail.push_str("; ");
        }
        detail.push_str(&copy.sentence());
    }

    fn copy_of(&self, retrieval: &Retrieval) -> KeptCopy {
        let headers = &retrieval.request_headers;
        let tags: Vec<&str> = headers
            .all("If-None-Match")
            .flat_map(|value| value.split(','))
            .map(opaque)
            .filter(|tag| !tag.is_empty() && *tag != "*")
            .collect();
        let since = date(headers, "If-Modified-Since");
        let location = retrieval.url.as_deref().map(url::key);
        let shelf = location.and_then(|key| self.0.get(&key));
        let before = |stored: &&Stored| stored.since.is_none_or(|at| at <= retrieval.started_at);
        let fitting = |fits: &dyn Fn(&Stored) -> bool| -> BTreeSet<[u8; 32]> {
            let stored = shelf.into_iter().flatten().filter(before);
            let fitting = stored.filter(|stored| fits(stored));
            fitting.map(|stored| stored.sha256).collect()
        };
        let (copies, basis) = if !tags.is_empty() {
            let by_tag = |stored: &Stored| {
                let tag = stored.etag.as_deref();
                tag.is_some_and(|tag| tags.contains(&tag))
            };
            (fitting(&by_tag), KeptBasis::Etag)
        } else if since.is_some() {
            let by_date = |stored: &Stored| stored.modified_at == since;
            (fitting(&by_date), KeptBasis::LastModified)
        } else {
            return KeptCopy::unknown(KeptBasis::NotNamed);
        };
        let mut copies = copies.into_iter();
        match (copies.next(), copies.next()) {
            (Some(sha256), None) => KeptCopy {
                sha256: Some(sha256),
                basis,
            },
            (Some(_), Some(_)) => KeptCopy::unknown(KeptBasis::Several),
            (None, _) => KeptCopy::unknown(KeptBasis::NotInEvidence),
        }
    }
}

/// An entity tag without the mark of weakness.
fn opaque(tag: &str) -> &str {
    let tag = tag.trim();
    tag.strip_prefix("W/").unwrap_or(tag)
}

fn date(headers: &Headers, name: &str) -> Option<Timestamp> {
    headers.get(name).and_then(Timestamp::from_http_date)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::super::fixtures::Talk;
    use super::super::test_support::Given;
    use super::super::{Observed, Outcome};
    use super::*;

    const HOST: &str = "crl.example";
    const OLD: &[u8] = b"-----BEGIN X509 CRL-----1";
    const NEW: &[u8] = b"-----BEGIN X509 CRL-----2";
    const MONDAY: &str = "Mon, 08 Jan 2024 10:00:00 GMT";
    const TUESDAY: &str = "Tue, 09 Jan 2024 10:00:00 GMT";

    fn got(start: f64, port: u16, bytes: &[u8], validators: &[(&str, &str)]) -> Observed {
        let talk = Talk::to("192.0.2.1:80").port(port).starting(start);
        let talk = talk.get("/a.crl", HOST).answer_with(200, bytes, validators);
        let mut seen = talk.observed();
        let response = seen.exchanges[0].response.as_mut().unwrap();
        let mark = bytes.last().copied().unwrap();
        response.body.as_mut().unwrap().sha256 = Some([mark; 32]);
        seen
    }

    /// The answer to a conditional request, at 50 s, after these downloads.
    fn kept(before: Vec<Observed>, condition: &[(&str, &str)]) -> Retrieval {
        let talk = Talk::to("192.0.2.1:80").port(50_009).starting(50.0);
        let talk = talk.ask("GET", "/a.crl", HOST, condition);
        let mut observed = before;
        observed.push(talk.answer(304, b"").observed());
        let given = Given {
            observed,
            ends: 100.0,
            ..Given::default()
        };
        let found = given.retrievals();
        let last = found.iter().find(|it| it.status == Some(304)).unwrap();
        assert_eq!(last.outcome, Outcome::NotModified);
        last.clone()
    }

    fn both_versions() -> Vec<Observed> {
        let old = [("ETag", "\"v1\""), ("Last-Modified", MONDAY)];
        let new = [("ETag", "\"v2\""), ("Last-Modified", TUESDAY)];
        vec![got(10.0, 50_001, OLD, &old), got(20.0, 50_002, NEW, &new)]
    }

    #[test]
    fn an_entity_tag_tells_the_copy_by_its_hash() {
        let found = kept(both_versions(), &[("If-None-Match", "W/\"v1\"")]);
        let copy = found.kept_copy.unwrap();
        assert_eq!(
            (copy.sha256, copy.basis),
            (Some([b'1'; 32]), KeptBasis::Etag)
        );
        let text = found.detail.unwrap();
        assert_eq!(text, "the copy in use is 31313131... by its entity tag");
    }

    #[test]
    fn a_date_tells_it_where_no_tag_was_sent() {
        let copy = kept(both_versions(), &[("If-Modified-Since", TUESDAY)]).kept_copy;
        let want = KeptCopy {
            sha256: Some([b'2'; 32]),
            basis: KeptBasis::LastModified,
        };
        assert_eq!(copy, Some(want));
        // The tag goes before the date.
        let asked = [("If-None-Match", "\"v1\""), ("If-Modified-Since", TUESDAY)];
        let copy = kept(both_versions(), &asked).kept_copy.unwrap();
        assert_eq!(copy.sha256, Some([b'1'; 32]));
    }

    #[test]
    fn a_copy_that_nothing_shows_is_unknown() {
        let basis = |before, asked: &[(&str, &str)]| {
            let copy = kept(before, asked).kept_copy.unwrap();
            assert_eq!(copy.sha256, None);
            copy.basis
        };
        let tag = [("If-None-Match", "\"v0\"")];
        assert_eq!(basis(both_versions(), &tag), KeptBasis::NotInEvidence);
        assert_eq!(basis(Vec::new(), &tag), KeptBasis::NotInEvidence);
        assert_eq!(basis(both_versions(), &[]), KeptBasis::NotNamed);
    }

    #[test]
    fn two_copies_of_one_date_leave_it_open() {
        let same = [("Last-Modified", MONDAY)];
        let before = vec![got(10.0, 50_001, OLD, &same), got(20.0, 50_002, NEW, &same)];
        let copy = kept(before, &[("If-Modified-Since", MONDAY)]).kept_copy;
        assert_eq!(copy, Some(KeptCopy::unknown(KeptBasis::Several)));
    }

    #[test]
    fn a_copy_that_came_later_is_not_the_one_in_use() {
        let late = got(70.0, 50_003, NEW, &[("ETag", "\"v1\"")]);
        let copy = kept(vec![late], &[("If-None-Match", "\"v1\"")]).kept_copy;
        assert_eq!(copy, Some(KeptCopy::unknown(KeptBasis::NotInEvidence)));
    }
}
