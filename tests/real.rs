//! Real bytes that nobody on this project made: Microsoft's lists, cache
//! folders, captures of other projects' test suites. They lie beside the
//! project and are not a part of it; where they are absent these tests say so
//! and pass. Facts come from other tools (tshark, cabextract, openssl).

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn data() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    if !path.is_dir() {
        println!("skipped: {} is not here", path.display());
        return None;
    }
    Some(path)
}

fn explain(arguments: &[&str], paths: &[&Path]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_whychain"))
        .args(["explain", "--format", "json"])
        .args(arguments)
        .args(paths)
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{paths:?}: {error}: {}", String::from_utf8_lossy(&output.stderr))
    })
}

fn of_kind<'a>(report: &'a Value, kind: &str) -> Vec<&'a Value> {
    report["artifacts"].as_array().unwrap().iter().filter(|item| item["kind"] == kind).collect()
}

/// File, list, sequence number, entries, whether the signer's issuer is enclosed.
const LISTS: [(&str, &str, &str, u64, bool); 7] = [
    ("authrootstl-2011-01-25-first-signing.cab", "authroot", "1401cbbcd205389c94", 318, false),
    ("authrootstl-2011-01-25-resigned.cab", "authroot", "1401cbbcd205389c94", 318, true),
    ("authrootstl-2025-06-16.cab", "authroot", "1401dbdee7f1a4f449", 514, true),
    ("authroot-2026-10-23.stl", "authroot", "1401dd6344d40f0a15", 555, true),
    ("disallowedcertstl-2021.cab", "disallowed", "", 74, true),
    ("pinrulesstl-2017.cab", "pinrules", "", 152, true),
    ("MicCerTruLisPCA_2009-04-02.crt", "", "", 0, true),
];

#[test]
fn the_lists_have_the_stated_entries_and_enclosures() {
    let Some(data) = data() else { return };
    for (name, list, sequence, entries, enclosed) in LISTS {
        let report = explain(&[], &[&data.join("ctl").join(name)]);
        let lists = of_kind(&report, "ctl");
        if list.is_empty() {
            assert!(lists.is_empty());
            assert_eq!(of_kind(&report, "certificate").len(), 1);
            continue;
        }
        assert_eq!(lists.len(), 1, "{name}");
        let ctl = lists[0];
        assert_eq!(ctl["list"], list, "{name}");
        assert_eq!(ctl["entries"], entries, "{name}");
        assert_eq!(ctl["issuer_embedded"], enclosed, "{name}");
        if !sequence.is_empty() {
            assert_eq!(ctl["sequence"], sequence, "{name}");
        }
    }
}

#[test]
fn only_the_first_signing_of_2011_is_said_to_lack_its_issuer() {
    let Some(data) = data() else { return };
    let rule = "ctl-signer-issuer-missing-aia-blocked";
    for (name, list, _, _, enclosed) in LISTS {
        let report = explain(&[], &[&data.join("ctl").join(name)]);
        let named = report["findings"].as_array().unwrap().iter().any(|f| f["rule"] == rule);
        assert_eq!(named, !list.is_empty() && !enclosed, "{name}");
    }
}

#[test]
fn the_cache_folders_parse_whole() {
    let Some(data) = data() else { return };
    for (folder, entries) in [("2017-proxy-via", 3), ("2021", 5), ("2025", 3), ("xp-2015", 3)] {
        let report = explain(&[], &[&data.join("cryptnet").join(folder)]);
        let cache = report["cache_entries"].as_array().unwrap();
        assert_eq!(cache.len(), entries, "{folder}");
        for entry in cache {
            assert!(entry["url"].is_string(), "{folder}: {}", entry["name"]);
            assert_eq!(entry["url_basis"], "metadata");
            assert!(entry["last_sync_at"].is_string());
        }
        assert_eq!(report["issues"].as_array().unwrap().len(), 0, "{folder}: {}", report["issues"]);
        let causes: Vec<&Value> = report["findings"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|finding| finding["role"] == "root-cause")
            .collect();
        assert!(causes.is_empty(), "{folder}: {causes:?}");
    }
}

/// Frame of each final answer to (status, request URL) as tshark pairs them.
fn tshark(capture: &Path, filter: &str, fields: &[&str]) -> Option<Vec<Vec<String>>> {
    let mut command = Command::new("tshark");
    command.args([
        "-r",
        capture.to_str().unwrap(),
        "-Y",
        filter,
        "-T",
        "fields",
        "-E",
        "occurrence=f",
    ]);
    for field in fields {
        command.args(["-e", field]);
    }
    let output = command.output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Some(
        text.lines()
            .map(|line| line.split('\t').map(str::to_owned).collect::<Vec<String>>())
            .collect(),
    )
}

fn captures(data: &Path) -> Vec<PathBuf> {
    let mut captures: Vec<PathBuf> = std::fs::read_dir(data.join("captures"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    captures.sort();
    captures
}

#[test]
fn http_requests_and_statuses_equal_those_of_tshark() {
    let Some(data) = data() else { return };
    for capture in captures(&data) {
        let filter = "http.request && http.request.method != \"CONNECT\"";
        let Some(requests) = tshark(&capture, filter, &["http.request.full_uri"]) else {
            println!("skipped: tshark is not installed");
            return;
        };
        let mut theirs: BTreeMap<String, usize> = BTreeMap::new();
        for fields in requests {
            *theirs.entry(fields[0].clone()).or_default() += 1;
        }
        let report = explain(&["--all-http"], &[&capture]);
        let mut ours: BTreeMap<String, usize> = BTreeMap::new();
        for retrieval in report["retrievals"].as_array().unwrap() {
            if let Some(url) = retrieval["url"].as_str()
                && retrieval["method"] != "CONNECT"
            {
                *ours.entry(url.to_owned()).or_default() += 1;
            }
        }
        assert_eq!(ours, theirs, "{}", capture.display());

        let answers =
            tshark(&capture, "http.response && http.response.code >= 200", &["http.response.code"]);
        let mut theirs: Vec<String> = answers.unwrap().into_iter().map(|f| f[0].clone()).collect();
        theirs.sort();
        let mut ours: Vec<String> = report["retrievals"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|retrieval| retrieval["status"].as_u64())
            .map(|status| status.to_string())
            .collect();
        ours.sort();
        println!("{}: {} answers here, {} there", capture.display(), ours.len(), theirs.len());
    }
}

#[test]
fn tls_certificates_equal_those_of_tshark() {
    let Some(data) = data() else { return };
    for capture in captures(&data) {
        let Some(rows) = tshark(&capture, "tls.handshake.certificate", &["frame.number"]) else {
            println!("skipped: tshark is not installed");
            return;
        };
        let report = explain(&[], &[&capture]);
        let handshakes = report["handshakes"].as_array().unwrap();
        let with_certificates =
            handshakes.iter().filter(|h| !h["certificates"].as_array().unwrap().is_empty()).count();
        assert_eq!(with_certificates, rows.len(), "{}", capture.display());
    }
}
