//! Input made to exhaust memory, time or the stack: each ends within its named
//! limit and is an issue, and the good object beside it is still found.
//!
//! Sizes are those that a build without optimization takes in seconds;
//! `WHYCHAIN_FULL=1` takes the full ones.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../capture_writer/mod.rs"]
mod capture_writer;
mod ceiling;
mod containers;
#[path = "../der_writer/mod.rs"]
mod der_writer;
mod messages;
mod objects;
mod packets;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use whychain::pipeline::{Explained, Options, explain};

use capture_writer::Capture;

/// Far above what any of them takes on an idle machine, and far below what one
/// without its limit would.
const PATIENCE: Duration = Duration::from_secs(600);

/// The size of a test: a tenth or so, unless the full one is asked for.
fn scaled(full: usize, quick: usize) -> usize {
    match std::env::var_os("WHYCHAIN_FULL") {
        Some(_) => full,
        None => quick,
    }
}

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The certificate that lies beside every bomb.
fn good_certificate() -> Vec<u8> {
    std::fs::read(project("tests/data/diagnosis/leaf.der")).unwrap()
}

/// The list that is downloaded beside every bomb.
fn good_crl() -> Vec<u8> {
    std::fs::read(project("tests/data/diagnosis/crl-in-force.crl")).unwrap()
}

fn http(head: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 200 OK\r\n{head}Content-Length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

/// A download of a good list.
fn add_good(capture: &mut Capture) {
    let request = "GET /good.crl HTTP/1.1\r\nHost: crl.example\r\n\r\n";
    capture.exchange(request, http("", &good_crl()));
}

/// Explains files that lie in one folder with a good certificate; it is found.
fn beside_good(files: &[(&str, Vec<u8>)]) -> Explained {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    std::fs::write(folder.path().join("good.der"), good_certificate()).unwrap();
    let begin = Instant::now();
    let paths = [folder.path().to_owned()];
    let explained = explain(&paths, &Options::default(), &mut |_| {}).unwrap();
    let took = begin.elapsed();
    println!("{}: {took:?}", files.first().map_or("", |(name, _)| name));
    assert!(took < PATIENCE, "{took:?}");
    assert!(
        holds(&explained, &good_certificate()),
        "the good one is lost"
    );
    explained
}

/// Explains a capture that ends with a good download; it is found.
fn before_good(mut capture: Capture) -> Explained {
    add_good(&mut capture);
    let explained = beside_good(&[("a.pcap", capture.bytes().to_vec())]);
    assert!(holds(&explained, &good_crl()), "the good download is lost");
    explained
}

/// Whether an object with these bytes was decoded.
fn holds(explained: &Explained, bytes: &[u8]) -> bool {
    let sha256 = whychain::pki::digest::sha256(bytes);
    let artifacts = &explained.case.artifacts;
    artifacts
        .iter()
        .any(|artifact| artifact.artifact.sha256() == sha256)
}

/// There is an issue that says this.
#[track_caller]
fn assert_issue(explained: &Explained, words: &str) {
    let issues = &explained.case.issues;
    assert!(
        issues.iter().any(|issue| issue.what.contains(words)),
        "no issue says {words:?}: {issues:#?}"
    );
    assert!(
        issues.len() < 200,
        "{} issues flood the report",
        issues.len()
    );
}
