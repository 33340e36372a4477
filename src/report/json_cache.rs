//! Cache entries in the JSON report.

use std::collections::BTreeMap;

use serde::Serialize;

use super::json_case::machine_id;
use super::json_each::Items;
use super::json_ids::{JsonAccount, JsonCite, Kind, id, time};
use crate::bytes::to_hex;
use crate::case::{ArtifactSource, Case};
use crate::pki::{Artifact, looks_like};
use crate::provenance::{Cite, merged};

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub(super) struct JsonCacheEntry {
    id: String,
    name: String,
    url: Option<String>,
    url_basis: Option<&'static str>,
    machine: Option<String>,
    owner: JsonAccount,
    last_sync_at: Option<String>,
    last_modified: Option<String>,
    etag: Option<String>,
    proxy_id: Option<String>,
    object_type: Option<u32>,
    prefetch_error: Option<u32>,
    content: Option<JsonContent>,
    /// What pasted output of certutil says, where only that tells of the entry:
    /// the time is local, without a zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    told: Option<JsonTold>,
    cites: Vec<JsonCite>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
struct JsonTold {
    size: Option<u64>,
    last_sync_local: Option<String>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
struct JsonContent {
    size: u64,
    sha256: String,
    looks_like: &'static str,
    artifact: Option<String>,
}

impl JsonCacheEntry {
    pub(super) fn list(case: &Case) -> Items<'_, Self> {
        let contents = cached_artifacts(case);
        let numbered = case.cache_entries.iter().enumerate();
        let one = move |(index, it): (usize, &crate::cryptnet::CacheEntry)| {
            let record = it.record.as_ref();
            let extended = record.and_then(|record| record.extended.as_ref());
            let artifact = contents.get(&index).copied();
            JsonCacheEntry {
                id: id(Kind::CacheEntry, index),
                name: it.name.clone(),
                url: it.url().map(str::to_owned),
                url_basis: match (record, &it.recovered_url) {
                    (None, Some(_)) if it.told.is_some() => Some("pasted"),
                    (Some(_), _) => Some("metadata"),
                    (None, Some(_)) => Some("dictionary"),
                    (None, None) => None,
                },
                machine: machine_id(&case.cache_machines, index),
                owner: JsonAccount::from_account(&it.owner),
                last_sync_at: record.and_then(|record| record.last_sync_at).map(time),
                last_modified: extended
                    .and_then(|extended| extended.last_modified)
                    .map(time),
                etag: record.and_then(|record| record.etag.clone()),
                proxy_id: extended.map(|extended| format!("{:08x}", extended.proxy_id)),
                object_type: extended.map(|extended| extended.object_type),
                prefetch_error: extended.map(|extended| extended.prefetch_error),
                content: it.content.as_ref().map(|content| JsonContent {
                    size: content.bytes.len() as u64,
                    sha256: to_hex(&content.sha256),
                    looks_like: looks_like(&content.bytes).word(),
                    artifact: artifact.map(|index| id(Kind::Artifact, index)),
                }),
                told: it.told.as_ref().map(|told| JsonTold {
                    size: told.size,
                    last_sync_local: told.last_sync.clone(),
                }),
                cites: JsonCite::list(&cache_cites(it)),
            }
        };
        Box::new(numbered.map(one))
    }
}

/// The files of a cache entry.
pub(super) fn cache_cites(entry: &crate::cryptnet::CacheEntry) -> Vec<Cite> {
    let record = entry
        .meta_data
        .map(|(evidence, length)| Cite::whole(evidence, length));
    let content = entry.content.as_ref();
    let content = content.map(|it| Cite::whole(it.evidence, it.bytes.len() as u64));
    let told = entry.told.as_ref().map(|told| told.cite.clone());
    merged(record.into_iter().chain(content).chain(told))
}

/// The outermost object in each cache entry: a list rather than the
/// certificates it encloses.
pub(super) fn cached_artifacts(case: &Case) -> BTreeMap<usize, usize> {
    let mut found: BTreeMap<usize, usize> = BTreeMap::new();
    let rank = |index: &usize| {
        !matches!(
            case.artifacts.get(*index).map(|record| &record.artifact),
            Some(Artifact::Ctl(_) | Artifact::Ocsp(_) | Artifact::Crl(_))
        )
    };
    for (index, record) in case.artifacts.iter().enumerate() {
        for sight in &record.seen {
            if let ArtifactSource::Cache(entry) = sight.source {
                let outermost = found.entry(entry).or_insert(index);
                if (rank(&index), index) < (rank(outermost), *outermost) {
                    *outermost = index;
                }
            }
        }
    }
    found
}
