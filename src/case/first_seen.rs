//! Since when each account had each version of each object.

use std::collections::{BTreeMap, BTreeSet};

use super::{ArtifactSighting, ArtifactSource, Case};
use crate::account::Account;
use crate::pki::Artifact;
use crate::provenance::Cite;
use crate::time::Timestamp;

/// One version of one object with one account of one machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstSeen {
    /// The machine, an index.
    pub machine: Option<usize>,
    /// The account; `None` where only packets show it.
    pub account: Option<Account>,
    /// The URL without its query, else the name of the cache entry or the host.
    pub object: String,
    /// The version, an artifact index.
    pub artifact: usize,
    /// When. From a cache it had come by then, and may have come long before.
    pub at: Option<Timestamp>,
    /// True for a time that is a bound: a cache is synchronized again and again.
    pub at_latest: bool,
    /// What shows it.
    pub cite: Cite,
}

/// Machine, account, object and version: what a [`FirstSeen`] is of.
type Key<'a> = (Option<usize>, Option<&'a Account>, String, usize);

/// All of them, by machine, account, object and time. Only downloads and caches
/// count: what a server sends in a handshake is kept by nobody.
#[must_use]
pub fn first_seen(case: &Case) -> Vec<FirstSeen> {
    let signed = signed_objects(case);
    let mut first: BTreeMap<Key<'_>, &ArtifactSighting> = BTreeMap::new();
    for (artifact, record) in case.artifacts.iter().enumerate() {
        let is_certificate = matches!(record.artifact, Artifact::Certificate(_));
        for sighting in &record.seen {
            if is_certificate && signed.contains(&sighting.source) {
                continue;
            }
            let Some(object) = object_of(case, sighting.source) else {
                continue;
            };
            let key = (
                sighting.machine,
                sighting.account.as_ref(),
                object,
                artifact,
            );
            let known = first.entry(key).or_insert(sighting);
            if rank(sighting) < rank(known) {
                *known = sighting;
            }
        }
    }
    let mut all: Vec<FirstSeen> = first
        .into_iter()
        .map(
            |((machine, account, object, artifact), sighting)| FirstSeen {
                machine,
                account: account.cloned(),
                object,
                artifact,
                at: sighting.at,
                at_latest: is_cached(sighting),
                cite: sighting.cite.clone(),
            },
        )
        .collect();
    all.sort_by(|a, b| {
        let key = |it: &FirstSeen| (it.machine, it.account.clone(), it.object.clone());
        key(a)
            .cmp(&key(b))
            .then((a.at, a.artifact).cmp(&(b.at, b.artifact)))
    });
    all
}

/// Places that hold a list or an answer: the certificates there are those that
/// its signature encloses, and no version of the object.
fn signed_objects(case: &Case) -> BTreeSet<ArtifactSource> {
    let signed = case
        .artifacts
        .iter()
        .filter(|record| !matches!(record.artifact, Artifact::Certificate(_)));
    signed
        .flat_map(|record| &record.seen)
        .map(|sighting| sighting.source)
        .collect()
}

/// The earliest, a time before none, the wire before a cache.
fn rank(sighting: &ArtifactSighting) -> (bool, Option<Timestamp>, bool) {
    (sighting.at.is_none(), sighting.at, is_cached(sighting))
}

fn is_cached(sighting: &ArtifactSighting) -> bool {
    matches!(sighting.source, ArtifactSource::Cache(_))
}

fn object_of(case: &Case, source: ArtifactSource) -> Option<String> {
    match source {
        ArtifactSource::Retrieval(index) => {
            let retrieval = case.retrievals.get(index)?;
            let url = retrieval.url.as_deref().map(without_query);
            url.or(retrieval.host.as_deref()).map(str::to_owned)
        }
        ArtifactSource::Cache(index) => {
            let entry = case.cache_entries.get(index)?;
            let url = entry.url().map(without_query);
            Some(url.unwrap_or(&entry.name).to_owned())
        }
        _ => None,
    }
}

fn without_query(url: &str) -> &str {
    url.split_once('?').map_or(url, |(url, _)| url)
}
