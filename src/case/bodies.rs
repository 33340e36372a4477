//! What the bodies of answers hold: parsed once per SHA-256, and objects that
//! were fetched in pieces put together.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::issue::Issue;
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

/// Parses the body of an answer, once per SHA-256, and keeps the objects in it
/// while there is room; what a body is that was not read is told by its begin.
pub fn read_body(gathered: &mut Gathered, sha256: [u8; 32], bytes: &[u8]) {
    if gathered.bodies.bodies.contains_key(&sha256) {
        return;
    }
    let total = gathered.read_len.saturating_add(bytes.len());
    if total > MAX_READ_LEN {
        gathered.unread += 1;
        return;
    }
    let facts = facts_of(bytes, &mut gathered.artifacts);
    if !facts.artifacts.is_empty() {
        gathered.read_len = total;
    }
    gathered.bodies.bodies.insert(sha256, facts);
}

/// Says what [`read_body`] had no room for.
pub fn unread_issue(gathered: &Gathered) -> Option<Issue> {
    let effect =
        "the objects in them are not known: neither what they are nor whether they are good";
    (gathered.unread > 0).then(|| {
        Issue::of_run(
            "all captures",
            format!(
                "objects of {} MiB in all were read from answers; {} more answers are too many",
                MAX_READ_LEN >> 20,
                gathered.unread
            ),
            effect,
        )
    })
}

/// Bytes of answers of which the objects are kept: more than all lists and CRLs
/// that a large site fetches. In memory an object takes several times its bytes.
const MAX_READ_LEN: usize = 128 << 20;

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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    const CERTIFICATE: &[u8] =
        include_bytes!("../../tests/data/pkits/certs/TrustAnchorRootCertificate.crt");

    #[test]
    fn what_there_is_no_room_for_is_not_read_and_said() {
        let mut gathered = Gathered::default();
        read_body(&mut gathered, [1; 32], CERTIFICATE);
        assert_eq!(gathered.read_len, CERTIFICATE.len());
        assert_eq!(unread_issue(&gathered), None);
        gathered.read_len = MAX_READ_LEN;
        // A body that is known already takes no room.
        read_body(&mut gathered, [1; 32], CERTIFICATE);
        assert_eq!(gathered.unread, 0);
        read_body(&mut gathered, [2; 32], b"another");
        assert!(!gathered.bodies.bodies.contains_key(&[2; 32]));
        let issue = unread_issue(&gathered).unwrap();
        assert!(issue.what.contains("1 more answer"), "{}", issue.what);
    }
}
