//! The objects of a case as files: what each is called, its bytes, and where it
//! was seen.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;
use sha2::Digest as _;

use super::json_ids::{JsonAccount, JsonCite, Kind, id, time};
use crate::bytes::to_hex;
use crate::case::{ArtifactSource, Case};
use crate::phrase;
use crate::pipeline::Explained;
use crate::pki::{Artifact, LooksLike, looks_like};

/// An object to be written to a file.
#[derive(Debug, Clone)]
pub struct Extracted {
    /// The name: kind and SHA-256, with the extension that its form has.
    pub name: String,
    /// The bytes.
    pub bytes: Arc<[u8]>,
    row: Row,
}

/// A row of the manifest.
#[derive(Debug, Clone, Serialize)]
struct Row {
    file: String,
    kind: &'static str,
    looks_like: &'static str,
    size: u64,
    sha256: String,
    about: Option<String>,
    seen: Vec<Seen>,
}

#[derive(Debug, Clone, Serialize)]
struct Seen {
    how: &'static str,
    id: Option<String>,
    at: Option<String>,
    machine: Option<String>,
    account: Option<JsonAccount>,
    url: Option<String>,
    cite: Vec<JsonCite>,
}

/// Every certificate, list, CRL and OCSP answer as DER, and, with `bodies`, the
/// answers' bodies and the cache contents as they came (cabinets, pages), in
/// order of their names.
#[must_use]
pub fn objects(explained: &Explained, bodies: bool) -> Vec<Extracted> {
    let case = &explained.case;
    let mut found: BTreeMap<String, Extracted> = BTreeMap::new();
    let mut known: BTreeSet<[u8; 32]> = BTreeSet::new();
    for record in &case.artifacts {
        let (kind, extension, der, about) = match &record.artifact {
            Artifact::Certificate(it) => ("certificate", "cer", &it.der, it.subject.text.clone()),
            Artifact::Crl(it) => ("crl", "crl", &it.der, it.issuer.text.clone()),
            Artifact::Ocsp(it) => ("ocsp", "ors", &it.der, String::new()),
            Artifact::Ctl(it) => ("ctl", "stl", &it.der, it.kind.word().to_owned()),
        };
        let sha256 = record.artifact.sha256();
        known.insert(sha256);
        let seen = record.seen.iter().map(|sight| Seen {
            how: how(sight.source),
            id: source_id(sight.source),
            at: sight.at.map(time),
            machine: phrase::machine_name(case, sight.machine),
            account: sight.account.as_ref().map(JsonAccount::from_account),
            url: source_url(case, sight.source),
            cite: vec![JsonCite::from_cite(&sight.cite)],
        });
        let seen = seen.collect();
        let about = (!about.is_empty()).then_some(about);
        insert(&mut found, (kind, extension), der.clone(), about, seen);
    }
    if bodies {
        for (index, retrieval) in case.retrievals.iter().enumerate() {
            let body = retrieval.body.as_ref();
            let Some(sha256) = body.and_then(|body| body.sha256) else {
                continue;
            };
            let Some(bytes) = explained
                .bodies
                .get(&sha256)
                .filter(|_| !known.contains(&sha256))
            else {
                continue;
            };
            let source = ArtifactSource::Retrieval(index);
            let seen = Seen {
                how: how(source),
                id: source_id(source),
                at: Some(time(retrieval.ended_at)),
                machine: phrase::machine_name(
                    case,
                    case.retrieval_machines.get(index).copied().flatten(),
                ),
                account: retrieval.account.as_ref().map(JsonAccount::from_account),
                url: retrieval.url.clone(),
                cite: JsonCite::list(&retrieval.cites),
            };
            let form = ("body", extension(looks_like(bytes)));
            insert(&mut found, form, Arc::clone(bytes), None, vec![seen]);
        }
        cache_contents(case, &known, &mut found);
    }
    found.into_values().collect()
}

fn cache_contents(
    case: &Case,
    known: &BTreeSet<[u8; 32]>,
    found: &mut BTreeMap<String, Extracted>,
) {
    for (index, entry) in case.cache_entries.iter().enumerate() {
        let Some(content) = entry.content.as_ref() else {
            continue;
        };
        if known.contains(&content.sha256) || content.bytes.is_empty() {
            continue;
        }
        let source = ArtifactSource::Cache(index);
        let seen = Seen {
            how: how(source),
            id: source_id(source),
            at: None,
            machine: phrase::machine_name(case, case.cache_machines.get(index).copied().flatten()),
            account: Some(JsonAccount::from_account(&entry.owner)),
            url: entry.url().map(str::to_owned),
            cite: JsonCite::list(&super::json_cache::cache_cites(entry)),
        };
        let form = ("body", extension(looks_like(&content.bytes)));
        insert(found, form, Arc::clone(&content.bytes), None, vec![seen]);
    }
}

fn insert(
    found: &mut BTreeMap<String, Extracted>,
    (kind, extension): (&'static str, &str),
    bytes: Arc<[u8]>,
    about: Option<String>,
    seen: Vec<Seen>,
) {
    let sha256 = to_hex(&sha2::Sha256::digest(&bytes));
    let name = format!("{kind}-{sha256}.{extension}");
    let row = Row {
        file: name.clone(),
        kind,
        looks_like: looks_like(&bytes).word(),
        size: bytes.len() as u64,
        sha256,
        about,
        seen: Vec::new(),
    };
    let object = found
        .entry(name.clone())
        .or_insert(Extracted { name, bytes, row });
    object.row.seen.extend(seen);
}

/// The extension that Windows gives a form; never one that it would run.
fn extension(form: LooksLike) -> &'static str {
    match form.word() {
        "cab" => "cab",
        "ctl" => "stl",
        "certificate" => "cer",
        "crl" => "crl",
        "ocsp" => "ors",
        "pkcs7" => "p7b",
        "pem" => "pem",
        // Not .html: a page of an unknown server is not for a double click.
        "html" | "text" => "txt",
        _ => "bin",
    }
}

fn how(source: ArtifactSource) -> &'static str {
    match source {
        ArtifactSource::Handshake(_) => "handshake",
        ArtifactSource::Retrieval(_) => "retrieval",
        ArtifactSource::Cache(_) => "cache",
        ArtifactSource::File => "file",
        ArtifactSource::Host { .. } => "hive",
        ArtifactSource::Log(_) => "log",
    }
}

fn source_id(source: ArtifactSource) -> Option<String> {
    match source {
        ArtifactSource::Handshake(index) => Some(id(Kind::Handshake, index)),
        ArtifactSource::Retrieval(index) => Some(id(Kind::Retrieval, index)),
        ArtifactSource::Cache(index) => Some(id(Kind::CacheEntry, index)),
        ArtifactSource::File | ArtifactSource::Host { .. } | ArtifactSource::Log(_) => None,
    }
}

fn source_url(case: &Case, source: ArtifactSource) -> Option<String> {
    match source {
        ArtifactSource::Retrieval(index) => case.retrievals.get(index)?.url.clone(),
        ArtifactSource::Cache(index) => case.cache_entries.get(index)?.url().map(str::to_owned),
        _ => None,
    }
}

/// The manifest as JSON: the evidence, then each file with every place it was
/// seen at.
#[must_use]
pub fn manifest_json(explained: &Explained, objects: &[Extracted], capture: &[FrameRow]) -> String {
    #[derive(Serialize)]
    struct Manifest<'a> {
        schema: &'static str,
        evidence: Vec<super::json_case::JsonEvidence>,
        files: Vec<&'a Row>,
        frames: &'a [FrameRow],
    }
    let manifest = Manifest {
        schema: "whychain.manifest/1",
        evidence: explained
            .case
            .evidence
            .iter()
            .map(super::json_case::JsonEvidence::from_record)
            .collect(),
        files: objects.iter().map(|object| &object.row).collect(),
        frames: capture,
    };
    super::json::pretty(&manifest)
}

/// A frame of the small capture, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FrameRow {
    /// Its number in the small capture.
    pub frame: u64,
    /// The capture, by id.
    pub evidence: String,
    /// Its number there.
    pub packet: u64,
}

/// The manifest as CSV, a line for each place.
#[must_use]
pub fn manifest_csv(objects: &[Extracted]) -> String {
    const HEADER: [&str; 12] = [
        "file",
        "kind",
        "looks_like",
        "size",
        "sha256",
        "about",
        "how",
        "id",
        "at",
        "machine",
        "account",
        "url",
    ];
    let rows = objects.iter().flat_map(|object| {
        let row = &object.row;
        row.seen.iter().map(move |seen| {
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            vec![
                row.file.clone(),
                row.kind.to_owned(),
                row.looks_like.to_owned(),
                row.size.to_string(),
                row.sha256.clone(),
                text(&row.about),
                seen.how.to_owned(),
                text(&seen.id),
                text(&seen.at),
                text(&seen.machine),
                seen.account
                    .as_ref()
                    .map(JsonAccount::text)
                    .unwrap_or_default(),
                text(&seen.url),
            ]
        })
    });
    super::csv::table(&HEADER, rows)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::report::sample;

    #[test]
    fn files_are_named_by_kind_and_hash_and_the_manifest_says_where_each_was_seen() {
        let explained = sample::explained();
        let objects = objects(&explained, true);
        assert!(!objects.is_empty());
        for object in &objects {
            let hash = to_hex(&sha2::Sha256::digest(&object.bytes));
            assert!(object.name.contains(&hash), "{}", object.name);
        }
        let manifest = manifest_json(&explained, &objects, &[]);
        let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
        let files = manifest["files"].as_array().unwrap();
        assert_eq!(files.len(), objects.len());
        assert!(
            files
                .iter()
                .all(|file| !file["seen"].as_array().unwrap().is_empty())
        );
        assert!(manifest_csv(&objects).lines().count() > objects.len());
    }
}
