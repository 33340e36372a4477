//! Captures split by rotation: given together they tell what the whole tells,
//! wherever the cut went through conversations.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

fn sample(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("samples")
        .join(path)
}

/// The blocks of a little-endian pcapng file: type, and all its bytes.
fn blocks(bytes: &[u8]) -> Vec<(u32, &[u8])> {
    let mut blocks = Vec::new();
    let mut rest = bytes;
    while rest.len() >= 12 {
        let word = |at: usize| u32::from_le_bytes(rest[at..at + 4].try_into().unwrap());
        let (block, others) = rest.split_at(word(4) as usize);
        blocks.push((word(0), block));
        rest = others;
    }
    blocks
}

/// Writes the capture in files of so many packets each, as dumpcap does: each
/// has the section and interface headers again.
fn rotated(capture: &Path, packets: usize, to: &Path) -> Vec<PathBuf> {
    const ENHANCED_PACKET: u32 = 6;
    let bytes = fs::read(capture).unwrap();
    let blocks = blocks(&bytes);
    let head: Vec<u8> = blocks
        .iter()
        .take_while(|(kind, _)| *kind != ENHANCED_PACKET)
        .flat_map(|(_, block)| block.to_vec())
        .collect();
    let all: Vec<&[u8]> = blocks
        .iter()
        .filter(|(kind, _)| *kind == ENHANCED_PACKET)
        .map(|(_, block)| *block)
        .collect();
    let mut files = Vec::new();
    for (number, part) in all.chunks(packets).enumerate() {
        let path = to.join(format!("ring_{number:05}.pcapng"));
        fs::write(&path, [head.clone(), part.concat()].concat()).unwrap();
        files.push(path);
    }
    files
}

fn explained(evidence: &[PathBuf]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_whychain"))
        .args(["explain", "--format", "json"])
        .args(evidence)
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What was found, without places in files.
fn told(report: &Value) -> Value {
    let each = |list: &str, fields: &[&str]| -> Vec<Value> {
        let members = report[list].as_array().unwrap().iter();
        let members = members.map(|it| fields.iter().map(|field| it[*field].clone()).collect());
        members.collect()
    };
    json!({
        // The sentence may name the file.
        "verdict": [report["verdict"]["state"], report["verdict"]["root_cause"]],
        "failures": each("failures", &["kind", "at", "site", "reaction"]),
        "retrievals": each("retrievals", &["url", "outcome", "status", "started_at", "ended_at", "body"]),
        "handshakes": each("handshakes", &["at", "site", "outcome", "certificates"]),
        "artifacts": each("artifacts", &["sha256"]),
        "vantages": report["vantages"].as_array().unwrap().len(),
    })
}

#[test]
fn conversations_are_joined_across_rotated_files() {
    for name in ["healthy-through-proxy", "leaf-expired", "proxy-login-407"] {
        let capture = sample(name).join("client.pcapng");
        let whole = told(&explained(std::slice::from_ref(&capture)));
        assert!(!whole["handshakes"].as_array().unwrap().is_empty());
        // Each number cuts through other conversations.
        for packets in [5, 7, 11] {
            let folder = tempfile::tempdir().unwrap();
            let files = rotated(&capture, packets, folder.path());
            assert!(files.len() > 1, "{name}");
            assert_eq!(
                told(&explained(&files)),
                whole,
                "{name}, {packets} packets a file"
            );
            let mut backwards = files;
            backwards.reverse();
            assert_eq!(told(&explained(&backwards)), whole, "{name}, backwards");
        }
    }
}
