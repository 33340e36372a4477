//! Real bytes that nobody on this project made: Microsoft's lists, cache
//! folders, captures of other projects' test suites. They lie beside the
//! project and are not a part of it; where they are absent these tests say so
//! and pass. Facts come from other tools (tshark, cabextract, openssl).

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use sha2::{Digest, Sha256};

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
        panic!(
            "{paths:?}: {error}: {}",
            String::from_utf8_lossy(&output.stderr)
        )
    })
}

fn of_kind<'a>(report: &'a Value, kind: &str) -> Vec<&'a Value> {
    report["artifacts"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|item| item["kind"] == kind)
        .collect()
}

/// File, list, sequence number, entries, whether the signer's issuer is enclosed.
const LISTS: [(&str, &str, &str, u64, bool); 7] = [
    (
        "authrootstl-2011-01-25-first-signing.cab",
        "authroot",
        "1401cbbcd205389c94",
        318,
        false,
    ),
    (
        "authrootstl-2011-01-25-resigned.cab",
        "authroot",
        "1401cbbcd205389c94",
        318,
        true,
    ),
    (
        "authrootstl-2025-06-16.cab",
        "authroot",
        "1401dbdee7f1a4f449",
        514,
        true,
    ),
    (
        "authroot-2026-10-23.stl",
        "authroot",
        "1401dd6344d40f0a15",
        555,
        true,
    ),
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
        let named = report["findings"]
            .as_array()
            .unwrap()
            .iter()
            .any(|f| f["rule"] == rule);
        assert_eq!(named, !list.is_empty() && !enclosed, "{name}");
    }
}

#[test]
fn the_cache_folders_parse_whole() {
    let Some(data) = data() else { return };
    for (folder, entries) in [
        ("2017-proxy-via", 3),
        ("2021", 5),
        ("2025", 3),
        ("xp-2015", 3),
    ] {
        let report = explain(&[], &[&data.join("cryptnet").join(folder)]);
        let cache = report["cache_entries"].as_array().unwrap();
        assert_eq!(cache.len(), entries, "{folder}");
        for entry in cache {
            assert!(entry["url"].is_string(), "{folder}: {}", entry["name"]);
            assert_eq!(entry["url_basis"], "metadata");
            assert!(entry["last_sync_at"].is_string());
        }
        assert_eq!(
            report["issues"].as_array().unwrap().len(),
            0,
            "{folder}: {}",
            report["issues"]
        );
        let causes: Vec<&Value> = report["findings"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|finding| finding["role"] == "root-cause")
            .collect();
        assert!(causes.is_empty(), "{folder}: {causes:?}");
    }
}

/// The fields of all messages that match a filter; `None` where tshark is not
/// installed. Heads are shown although the capture lacks a part of the body.
fn tshark(capture: &Path, filter: &str, fields: &[&str]) -> Option<Vec<Vec<String>>> {
    let mut command = Command::new("tshark");
    command.args([
        "-n",
        "-r",
        capture.to_str().unwrap(),
        "-o",
        "http.desegment_body:FALSE",
    ]);
    command.args(["-o", "tcp.reassemble_out_of_order:TRUE", "-Y", filter]);
    command.args(["-T", "fields", "-E", "occurrence=a", "-E", "aggregator=;"]);
    for field in fields {
        command.args(["-e", field]);
    }
    let Ok(output) = command.output() else {
        println!("skipped: tshark is not installed");
        return None;
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Some(
        text.lines()
            .map(|line| line.split('\t').map(str::to_owned).collect())
            .collect(),
    )
}

/// SHA-256 of the HTTP bodies that tshark exports.
fn exported_bodies(capture: &Path, folder: &Path) -> Counts {
    let _ = std::fs::remove_dir_all(folder);
    std::fs::create_dir_all(folder).unwrap();
    let export = format!("http,{}", folder.display());
    let mut command = Command::new("tshark");
    command.args([
        "-n",
        "-q",
        "-r",
        capture.to_str().unwrap(),
        "--export-objects",
        &export,
    ]);
    command.args(["-o", "tcp.reassemble_out_of_order:TRUE"]);
    command.output().unwrap();
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let hashes = files.map(|file| sha256(&std::fs::read(file).unwrap()));
    let counted = counts(hashes);
    std::fs::remove_dir_all(folder).unwrap();
    counted
}

fn sha256(bytes: &[u8]) -> String {
    whychain::bytes::to_hex(&Sha256::digest(bytes))
}

/// How often each thing was seen.
type Counts = BTreeMap<String, usize>;

fn counts(things: impl Iterator<Item = String>) -> Counts {
    let mut counts = Counts::new();
    for thing in things {
        *counts.entry(thing).or_default() += 1;
    }
    counts
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
        let name = capture.display();
        let filter = "http.request && http.request.method != \"CONNECT\"";
        let fields = ["http.request.method", "http.request.full_uri"];
        let Some(requests) = tshark(&capture, filter, &fields) else {
            return;
        };
        let connects = tshark(&capture, "http.request.method == \"CONNECT\"", &[fields[0]]);
        let answers = tshark(
            &capture,
            "http.response.code >= 200",
            &["http.response.code"],
        );
        let report = explain(&["--all-http"], &[&capture]);
        let retrievals = report["retrievals"].as_array().unwrap();

        let is_connect = |retrieval: &&Value| retrieval["method"] == "CONNECT";
        let ours = retrievals
            .iter()
            .filter(|each| !is_connect(each))
            .filter_map(|each| {
                Some(format!(
                    "{} {}",
                    each["method"].as_str()?,
                    each["url"].as_str()?
                ))
            });
        let theirs = requests.iter().map(|row| format!("{} {}", row[0], row[1]));
        assert_eq!(counts(ours), counts(theirs), "{name}");

        let ours = retrievals.iter().filter(is_connect).count();
        assert_eq!(ours, connects.unwrap().len(), "{name}");

        let ours = retrievals.iter().filter_map(|each| each["status"].as_u64());
        let theirs = answers.unwrap();
        let theirs = theirs
            .iter()
            .flat_map(|row| row[0].split(';'))
            .map(str::to_owned);
        assert_eq!(
            counts(ours.map(|status| status.to_string())),
            counts(theirs),
            "{name}"
        );
    }
}

#[test]
fn http_bodies_equal_those_of_tshark() {
    let Some(data) = data() else { return };
    for (number, capture) in captures(&data).into_iter().enumerate() {
        let name = capture.display();
        // tshark exports the bodies of requests too; of requests we show none.
        let filter = "http.request && http.content_length > 0";
        let Some(uploads) = tshark(&capture, filter, &["frame.number"]) else {
            return;
        };
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("http-{number}"));
        let mut theirs = exported_bodies(&capture, &folder);
        let report = explain(&["--all-http"], &[&capture]);
        for retrieval in report["retrievals"].as_array().unwrap() {
            let body = &retrieval["body"];
            let (Some(hash), Some(1..)) = (body["sha256"].as_str(), body["size"].as_u64()) else {
                continue;
            };
            let count = theirs.get_mut(hash).filter(|count| **count > 0);
            *count.unwrap_or_else(|| panic!("{name}: {} is not theirs", retrieval["url"])) -= 1;
        }
        assert_eq!(
            theirs.values().sum::<usize>(),
            uploads.len(),
            "{name}: bodies that we lack"
        );
    }
}

#[test]
fn tls_certificates_equal_those_of_tshark() {
    let Some(data) = data() else { return };
    for capture in captures(&data) {
        let field = "tls.handshake.certificate";
        let Some(rows) = tshark(&capture, field, &[field]) else {
            return;
        };
        let mut theirs: Vec<Vec<String>> = rows
            .iter()
            .map(|row| {
                row[0]
                    .split(';')
                    .map(|hex| sha256(&from_hex(hex)))
                    .collect()
            })
            .collect();
        let report = explain(&[], &[&capture]);
        let hash_of: BTreeMap<&str, &str> = of_kind(&report, "certificate")
            .into_iter()
            .map(|it| (it["id"].as_str().unwrap(), it["sha256"].as_str().unwrap()))
            .collect();
        let lists = report["handshakes"].as_array().unwrap().iter();
        let lists = lists.map(|handshake| handshake["certificates"].as_array().unwrap());
        let mut ours: Vec<Vec<String>> = lists
            .filter(|list| !list.is_empty())
            .map(|list| {
                list.iter()
                    .map(|id| hash_of[id.as_str().unwrap()].to_owned())
                    .collect()
            })
            .collect();
        ours.sort();
        theirs.sort();
        assert_eq!(ours, theirs, "{}", capture.display());
    }
}

fn from_hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

/// Nothing failed in any of them, as their own projects describe them.
#[test]
fn healthy_captures_and_cache_folders_have_no_cause() {
    let Some(data) = data() else { return };
    let mut paths = captures(&data);
    for folder in ["2017-proxy-via", "2021", "2025", "xp-2015"] {
        paths.push(data.join("cryptnet").join(folder));
    }
    paths.push(data.join("ctl"));
    for path in paths {
        let report = explain(&[], &[&path]);
        let state = report["verdict"]["state"].as_str().unwrap();
        assert_ne!(state, "explained", "{}", path.display());
        assert_eq!(report["failures"].as_array().unwrap().len(), 0, "{path:?}");
        for finding in report["findings"].as_array().unwrap() {
            let role = finding["role"].as_str().unwrap();
            assert!(
                role == "observation" || role == "cannot-tell",
                "{path:?}: {finding:#}"
            );
            // An old list in a cache has an expired signer, and nobody used it.
            assert_ne!(finding["rule"], "ctl-cached-signer-expired", "{path:?}");
        }
    }
}

/// The fault of 2011 shown with the files of the day: the list as first signed
/// lacks what the same list has as signed again.
#[test]
fn the_two_signings_of_2011_show_fault_and_repair() {
    let Some(data) = data() else { return };
    let first = data.join("ctl/authrootstl-2011-01-25-first-signing.cab");
    let again = data.join("ctl/authrootstl-2011-01-25-resigned.cab");
    let rule = "ctl-signer-issuer-missing-aia-blocked";
    let said = |paths: &[&Path]| -> Vec<(String, String)> {
        let report = explain(&[], paths);
        let findings = report["findings"].as_array().unwrap().iter();
        let own = findings.filter(|finding| finding["rule"] == rule);
        own.map(|finding| {
            let text = |field: &str| finding[field].as_str().unwrap_or_default().to_owned();
            (text("role"), text("summary"))
        })
        .collect()
    };
    let broken = said(&[&first]);
    assert_eq!(broken.len(), 1);
    assert_eq!(broken[0].0, "observation", "a file alone fails nobody");
    assert!(broken[0].1.contains("Microsoft Certificate Trust List PCA"));
    assert_eq!(said(&[&again]), []);
}
