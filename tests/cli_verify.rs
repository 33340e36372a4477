//! A report is proved again from its evidence; a byte that is flipped, in the
//! evidence or in the report, fails the claims that rest on it and no others.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn sample(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("samples")
        .join(path)
}

fn run<S: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = S>) -> Output {
    Command::new(env!("CARGO_BIN_EXE_whychain"))
        .args(arguments)
        .env("NO_COLOR", "1")
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A folder with a case of its own: capture, caches, and the report of both.
struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["client.pcapng", "caches.zip"] {
            let from = sample("root-update-2011").join(name);
            std::fs::copy(from, folder.path().join(name)).unwrap();
        }
        Desk { folder }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn run(&self, words: &[&str]) -> Output {
        let files = ["client.pcapng", "caches.zip"].map(|name| self.path(name));
        let (command, rest) = words.split_first().unwrap();
        let rest = rest.iter().map(|it| (*it).to_owned());
        run([(*command).to_owned()].into_iter().chain(files).chain(rest))
    }

    fn report(&self) -> String {
        let path = self.path("report.json");
        if !Path::new(&path).exists() {
            let output = self.run(&["explain", "-o", &path, "-q"]);
            assert_eq!(output.status.code(), Some(1), "{output:?}");
        }
        path
    }

    /// Exit status and the names of the claims that fail.
    fn prove(&self, report: &str) -> (Option<i32>, BTreeSet<String>) {
        let words = ["verify-report", report, "--format", "json"].map(str::to_owned);
        let files = ["client.pcapng", "caches.zip"].map(|name| self.path(name));
        let output = run(words.into_iter().chain(files));
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let failed = answer["failed"].as_array().cloned().unwrap_or_default();
        let names = failed
            .iter()
            .map(|it| it["claim"].as_str().unwrap().to_owned());
        (output.status.code(), names.collect())
    }
}

#[test]
fn a_report_is_proved_again_and_evidence_may_have_moved() {
    let desk = Desk::new();
    let report = desk.report();
    assert_eq!(desk.prove(&report), (Some(0), BTreeSet::new()));
    let other = Desk::new();
    let output = run([
        "verify-report".to_owned(),
        report,
        other.path("caches.zip"),
        other.path("client.pcapng"),
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
}

/// The claims of a report that cite a packet of a capture.
fn citing(report: &Value, list: &str, packet: u64) -> BTreeSet<String> {
    let members = report[list].as_array().unwrap().iter();
    let cites = |member: &Value| {
        ["cites", "seen"].iter().any(|field| {
            member[field].as_array().into_iter().flatten().any(|cite| {
                let packets = cite["packets"].as_array();
                packets.is_some_and(|it| it.contains(&Value::from(packet)))
            })
        })
    };
    let citing = members.filter(|it| cites(it));
    citing
        .map(|it| it["id"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_flipped_byte_in_a_packet_fails_the_claims_that_cite_it() {
    let desk = Desk::new();
    let stored = desk.report();
    let report: Value = serde_json::from_slice(&std::fs::read(&stored).unwrap()).unwrap();
    let capture = desk.path("client.pcapng");
    let whole = std::fs::read(&capture).unwrap();
    // The request of the one download through the proxy: found by its text.
    let needle = b"GET http://";
    let at = whole
        .windows(needle.len())
        .position(|it| it == needle)
        .unwrap();
    let mut flipped = whole.clone();
    flipped[at + needle.len()] ^= 1;
    std::fs::write(&capture, &flipped).unwrap();
    let (status, failed) = desk.prove(&stored);
    assert_eq!(status, Some(1));
    assert!(
        failed.iter().any(|it| it.starts_with("evidence e1")),
        "{failed:?}"
    );
    let packet: Vec<u64> = failed
        .iter()
        .filter_map(|it| it.strip_prefix("packet ")?.split(' ').next()?.parse().ok())
        .collect();
    assert_eq!(packet.len(), 1, "one byte lies in one packet: {failed:?}");
    for list in ["retrievals", "handshakes", "artifacts"] {
        for id in citing(&report, list, packet[0]) {
            let is_it = |it: &String| it.split(' ').any(|word| word == id);
            assert!(failed.iter().any(is_it), "{id} cites it: {failed:?}");
        }
    }
    // Nothing that the capture does not show is touched.
    let innocent = |it: &String| it.starts_with("evidence e2") || it.starts_with("chain c1");
    assert!(!failed.iter().any(innocent), "{failed:?}");
}

#[test]
fn a_flipped_byte_anywhere_in_the_report_is_noticed() {
    let desk = Desk::new();
    let stored = desk.report();
    let whole = std::fs::read(&stored).unwrap();
    let changed = desk.path("changed.json");
    // Every flip would take minutes; a stride that is prime to the indentation
    // reaches keys, values, numbers and brackets.
    let stride = (whole.len() / 23) | 1;
    for at in (11..whole.len()).step_by(stride) {
        let mut bytes = whole.clone();
        bytes[at] ^= 2;
        let told: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let before: Value = serde_json::from_slice(&whole).unwrap();
        std::fs::write(&changed, &bytes).unwrap();
        let (status, failed) = desk.prove(&changed);
        let context =
            String::from_utf8_lossy(&whole[at.saturating_sub(30)..(at + 10).min(whole.len())])
                .into_owned();
        match told == before {
            // Blanks between values say nothing.
            true => assert_eq!(status, Some(0), "byte {at}: {context}"),
            false => assert!(
                matches!(status, Some(1 | 2))
                    && (told.is_null() || status == Some(2) || !failed.is_empty()),
                "byte {at}: {context} {failed:?}"
            ),
        }
    }
}

/// Unpacks a zip of plain names.
fn unpack(zip: &str, folder: &Path) {
    let mut zip = zip::ZipArchive::new(std::fs::File::open(zip).unwrap()).unwrap();
    for index in 0..zip.len() {
        let mut member = zip.by_index(index).unwrap();
        let path = folder.join(&*member.name().unwrap());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::io::copy(&mut member, &mut std::fs::File::create(path).unwrap()).unwrap();
    }
}

#[test]
fn a_flipped_byte_in_a_file_of_a_cache_fails_what_rests_on_that_file() {
    let desk = Desk::new();
    let caches = desk.folder.path().join("caches");
    unpack(&desk.path("caches.zip"), &caches);
    let stored = desk.path("report.json");
    let files = [desk.path("client.pcapng"), desk.path("caches")];
    let words = ["explain", "-q", "-o", &stored].map(str::to_owned);
    let output = run(words.into_iter().chain(files.clone()));
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let report: Value = serde_json::from_slice(&std::fs::read(&stored).unwrap()).unwrap();
    let profile = "C/Users/alice/AppData/LocalLow/Microsoft/CryptnetUrlCache";
    // A letter of the URL of a record; the middle of a certificate.
    for (file, at) in [
        ("MetaData/B101D65662FCE99C2B3468682AD1F066", 150),
        ("Content/B101D65662FCE99C2B3468682AD1F066", 500),
    ] {
        let path = caches.join(profile).join(file);
        let whole = std::fs::read(&path).unwrap();
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        std::fs::write(&path, &flipped).unwrap();
        let words = ["verify-report", &stored, "--format", "json"].map(str::to_owned);
        let output = run(words.into_iter().chain(files.clone()));
        assert_eq!(output.status.code(), Some(1), "{file}");
        std::fs::write(&path, &whole).unwrap();
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        let failed: Vec<&Value> = answer["failed"].as_array().unwrap().iter().collect();
        let names: Vec<&str> = failed
            .iter()
            .map(|it| it["claim"].as_str().unwrap())
            .collect();
        let evidence = report["evidence"].as_array().unwrap().iter();
        let id = evidence
            .filter(|it| it["path"].as_str().unwrap().ends_with(file))
            .map(|it| it["id"].as_str().unwrap())
            .next()
            .unwrap();
        let is_it = |it: &&str| it.starts_with(&format!("evidence {id} "));
        assert_eq!(names.iter().filter(|it| is_it(it)).count(), 1, "{names:?}");
        // The other files and every packet are what they were.
        let other =
            |it: &&str| (it.starts_with("evidence ") && !is_it(it)) || it.starts_with("packet ");
        assert!(!names.iter().any(other), "{file}: {names:?}");
        // The entry of the cache that is made of this file fails, no other.
        let entries: Vec<&&str> = names
            .iter()
            .filter(|it| it.starts_with("cache entry "))
            .collect();
        assert_eq!(entries.len(), 1, "{file}: {names:?}");
        assert!(entries[0].contains("B101D65662FCE99C2B3468682AD1F066"));
        // Nothing on the wire is touched. A clock may rest on a record.
        assert!(!names.iter().any(|it| it.starts_with("handshake ")));
    }
}
