//! What the bodies of answers hold: parsed once per SHA-256, and objects that
//! were fetched in pieces put together.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::pki::{self, Artifact, LooksLike};
use crate::retrieval::{self, BodyFacts};

use super::assemble::Gathered;

/// Parses a body and keeps the objects in it.
pub fn facts_of(bytes: &[u8], artifacts: &mut BTreeMap<[u8; 32], Artifact>) -> BodyFacts {
    let read = pki::read_object(bytes);
    BodyFacts {
        looks_like: read.looks_like,
        artifacts: keep(artifacts, read.artifacts),
        title: title_of(read.looks_like, bytes),
        script: script_of(read.looks_like, bytes),
    }
}

/// Keeps objects once per SHA-256 and names them in order.
pub fn keep(artifacts: &mut BTreeMap<[u8; 32], Artifact>, found: Vec<Artifact>) -> Vec<[u8; 32]> {
    let names = found.into_iter().map(|artifact| {
        let sha256 = artifact.sha256();
        artifacts.entry(sha256).or_insert(artifact);
        sha256
    });
    names.collect()
}

/// Keeps the bytes of a body where the caller wants them, as far as
/// `MAX_KEPT` goes.
pub fn keep_bytes(gathered: &mut Gathered, sha256: [u8; 32], bytes: &Arc<[u8]>) {
    if !gathered.keep_bodies {
        return;
    }
    let kept: usize = gathered.kept.values().map(|it| it.len()).sum();
    if kept.saturating_add(bytes.len()) <= MAX_KEPT {
        gathered.kept.insert(sha256, Arc::clone(bytes));
    }
}

/// Bytes of bodies kept to be written to files: more than the trust objects of a
/// large site, less than would fill the memory of a small machine.
const MAX_KEPT: usize = 512 << 20;

/// The text of a proxy script: it must define one of two functions.
fn script_of(looks_like: LooksLike, bytes: &[u8]) -> Option<Arc<str>> {
    const FUNCTION: &[u8] = b"FindProxyForURL";
    let fits = looks_like == LooksLike::Text && bytes.len() <= retrieval::MAX_SCRIPT;
    let defines = || {
        bytes
            .windows(FUNCTION.len())
            .any(|window| window == FUNCTION)
    };
    (fits && defines()).then(|| Arc::from(String::from_utf8_lossy(bytes).as_ref()))
}

/// The title of a page, or the first line of a text; other bytes have none.
fn title_of(looks_like: LooksLike, bytes: &[u8]) -> Option<String> {
    match looks_like {
        LooksLike::Html | LooksLike::Text => pki::html_title(bytes),
        _ => None,
    }
}

/// Puts together what was fetched in pieces, and lets go of the bytes of the
/// pieces.
pub(super) fn put_together(gathered: &mut Gathered) {
    let mut wholes = retrieval::wholes(&gathered.observed);
    for whole in &mut wholes {
        let Some(bytes) = whole.bytes.take() else {
            continue;
        };
        let sha256 = pki::digest::sha256(&bytes);
        let known = gathered.bodies.bodies.get(&sha256).cloned();
        let facts = known.unwrap_or_else(|| facts_of(&bytes, &mut gathered.artifacts));
        gathered.bodies.bodies.insert(sha256, facts.clone());
        keep_bytes(gathered, sha256, &Arc::from(bytes));
        whole.facts = Some((sha256, facts));
    }
    gathered.bodies.wholes = wholes;
    let exchanges = gathered
        .observed
        .iter_mut()
        .flat_map(|seen| &mut seen.exchanges);
    for response in exchanges.filter_map(|it| it.response.as_mut()) {
        if let Some(body) = &mut response.body {
            body.bytes = None;
        }
    }
}
