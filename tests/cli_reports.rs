//! Reports in every form, as a user makes, checks, shares and hands them on.

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

fn has_tshark() -> bool {
    let found = Command::new("tshark").arg("-v").output().is_ok();
    if !found {
        println!("tshark is not installed: skipped");
    }
    found
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
fn one_run_writes_every_form_and_all_say_the_same() {
    let desk = Desk::new();
    let names = [
        "r.txt",
        "r.html",
        "r.md",
        "r.json",
        "r.csv",
        "r.jsonl",
        "r.l2t.csv",
    ];
    let mut words = vec!["explain".to_owned()];
    for name in names {
        words.extend(["-o".to_owned(), desk.path(name)]);
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let output = desk.run(&words);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let rule = "ctl-signer-issuer-missing-aia-blocked";
    for name in names {
        let report = std::fs::read_to_string(desk.path(name)).unwrap();
        // Markdown escapes with backslashes.
        let said = report.replace('\\', "");
        // Markdown tells the cause in words only.
        assert!(said.contains(rule) || name == "r.md", "{name}");
        assert!(said.contains("shop.lab.example"), "{name}");
    }
    let left = std::fs::read_dir(desk.folder.path()).unwrap().count();
    assert_eq!(left, names.len() + 2, "a temporary file was left");
}

#[test]
fn a_full_disk_and_a_missing_folder_end_with_2_and_say_what_to_do() {
    let desk = Desk::new();
    if Path::new("/dev/full").exists() {
        let capture = desk.path("client.pcapng");
        let full = std::fs::File::options()
            .write(true)
            .open("/dev/full")
            .unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_whychain"))
            .arg(&capture)
            .stdout(full)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(text(&output.stderr).contains("cannot write to stdout"));
    }
    let output = desk.run(&["explain", "-o", &desk.path("none/r.txt")]);
    assert_eq!(output.status.code(), Some(2));
    let message = text(&output.stderr);
    assert!(message.contains("its folder does not exist"), "{message}");
}

#[test]
fn every_stored_report_is_valid_by_the_schema() {
    let schema: Value = serde_json::from_slice(&run(["schema"]).stdout).unwrap();
    let validator = jsonschema::options()
        .should_validate_formats(true)
        .build(&schema)
        .unwrap();
    let mut checked = 0;
    for entry in std::fs::read_dir(sample("")).unwrap() {
        let path = entry.unwrap().path().join("report.json");
        let Ok(report) = std::fs::read(&path) else {
            continue;
        };
        let report: Value = serde_json::from_slice(&report).unwrap();
        let errors: Vec<String> = validator
            .iter_errors(&report)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(
            errors.is_empty(),
            "{}: {}",
            path.display(),
            errors.join("\n")
        );
        checked += 1;
    }
    assert!(checked >= 17, "{checked}");
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
        let context = String::from_utf8_lossy(&whole[at.saturating_sub(30)..at + 10]).into_owned();
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

#[test]
fn extracted_objects_are_what_they_are_named_and_cited_packets_are_the_same() {
    let desk = Desk::new();
    let folder = desk.path("objects");
    let output = desk.run(&["extract", "-o", &folder, "--pcap"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let manifest = std::fs::read(Path::new(&folder).join("manifest.json")).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let files = manifest["files"].as_array().unwrap();
    assert!(files.len() > 3);
    for file in files {
        let bytes = std::fs::read(Path::new(&folder).join(file["file"].as_str().unwrap())).unwrap();
        use sha2::Digest as _;
        let hash: String = sha2::Sha256::digest(&bytes)
            .iter()
            .map(|it| format!("{it:02x}"))
            .collect();
        assert_eq!(file["sha256"], hash.as_str());
        assert!(!file["seen"].as_array().unwrap().is_empty());
    }
    assert_eq!(desk.run(&["extract", "-o", &folder]).status.code(), Some(2));
    if !has_tshark() {
        return;
    }
    let frames = |capture: &Path, filter: &str| -> Vec<String> {
        let fields = [
            "-T",
            "fields",
            "-e",
            "frame.time_epoch",
            "-e",
            "frame.len",
            "-e",
            "eth.src",
            "-e",
            "ip.id",
            "-e",
            "tcp.seq_raw",
            "-e",
            "tcp.payload",
        ];
        let output = Command::new("tshark")
            .args(["-r", capture.to_str().unwrap(), "-Y", filter])
            .args(fields)
            .output()
            .unwrap();
        text(&output.stdout).lines().map(str::to_owned).collect()
    };
    let rows = manifest["frames"].as_array().unwrap();
    let numbers: Vec<String> = rows.iter().map(|row| row["packet"].to_string()).collect();
    let filter = format!("frame.number in {{{}}}", numbers.join(", "));
    let small = frames(&Path::new(&folder).join("cited.pcapng"), "frame");
    let large = frames(Path::new(&desk.path("client.pcapng")), &filter);
    assert!(!large.is_empty());
    assert_eq!(small, large);
}

#[test]
fn a_shared_report_names_nobody_in_any_form() {
    let desk = Desk::new();
    let case = "title = \"Canarycorp outage\"\nexaminer = \"Dr Canarysmith\"\n\
        [[note]]\nby = \"Canaryjones\"\ntext = \"canarytalk\"\n";
    std::fs::write(desk.path("case.toml"), case).unwrap();
    let map = desk.path("map.json");
    let names = [
        "r.txt",
        "r.html",
        "r.md",
        "r.json",
        "r.csv",
        "r.jsonl",
        "r.l2t.csv",
    ];
    let mut words = vec!["explain", "--share", "--share-map", &map]
        .into_iter()
        .map(str::to_owned)
        .collect::<Vec<_>>();
    for name in names {
        words.extend(["-o".to_owned(), desk.path(name)]);
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let output = desk.run(&words);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    // What the story of the sample names, and what the case file does.
    let canaries = [
        "lab.example",
        "10.20.0.",
        "alice",
        "canary",
        "client.pcapng",
        "caches.zip",
        "labdevice",
        "lab site",
    ];
    for name in names {
        let report = std::fs::read_to_string(desk.path(name)).unwrap();
        // Markdown escapes with backslashes.
        let lower = report.to_lowercase().replace('\\', "");
        for canary in canaries {
            if let Some(at) = lower.find(canary) {
                let from = lower.floor_char_boundary(at.saturating_sub(60));
                let to = lower.floor_char_boundary((at + 60).min(lower.len()));
                panic!("{name} names {canary}: {}", &lower[from..to]);
            }
        }
        assert!(
            lower.contains("host-1.invalid") || name == "r.txt",
            "{name}"
        );
        assert!(
            lower.contains("windowsupdate.com") || name == "r.md",
            "{name}: public names stay"
        );
    }
    let map = std::fs::read_to_string(map).unwrap();
    assert!(
        map.contains("shop.lab.example") && map.contains("alice"),
        "{map}"
    );
    let output = desk.run(&["verify-report"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn completions_and_manual_pages_know_every_command() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = run(["completions", shell]);
        assert_eq!(output.status.code(), Some(0), "{shell}");
        assert!(text(&output.stdout).contains("verify-report"), "{shell}");
    }
    assert!(text(&run(["man"]).stdout).contains(".TH"));
    assert!(text(&run(["man", "explain"]).stdout).contains("share"));
    assert_eq!(run(["man", "nothing"]).status.code(), Some(2));
}

#[test]
fn a_list_is_ordered_narrowed_down_and_written() {
    let desk = Desk::new();
    let json =
        |words: &[&str]| -> Value { serde_json::from_slice(&desk.run(words).stdout).unwrap() };
    let entries = json(&["cache", "--format", "json", "--sort", "size", "--reverse"]);
    let sizes: Vec<u64> = entries
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["size"].as_u64().unwrap())
        .collect();
    assert!(
        sizes.is_sorted_by(|one, other| one >= other) && sizes.len() > 2,
        "{sizes:?}"
    );
    let lists = json(&["cache", "--format", "json", "--where", "url=authroot"]);
    assert!(lists.as_array().unwrap().len() < sizes.len());
    let output = desk.run(&["cache", "--sort", "color"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("no field color; there are id, machine"));
    let events = json(&["timeline", "--format", "json", "--where", "kind=retrieval"]);
    assert!(
        events
            .as_array()
            .unwrap()
            .iter()
            .all(|it| it["kind"] == "retrieval")
    );
}

#[test]
fn two_trust_lists_are_compared_subject_by_subject() {
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/pki/ctl-limits.stl");
    let list = list.to_str().unwrap();
    let same = run(["ctl", "diff", list, list]);
    assert_eq!(same.status.code(), Some(0));
    assert!(text(&same.stdout).contains("0 differences."));
    let found = run(["ctl", "show", "Test Root", list, "--detail", "full"]);
    assert_eq!(found.status.code(), Some(0));
    assert!(text(&found.stdout).contains("server authentication"));
    assert_eq!(run(["ctl", "show", "Nobody", list]).status.code(), Some(1));
    let capture = sample("leaf-expired/client.pcapng");
    let wrong = run(["ctl", "show", capture.to_str().unwrap()]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(text(&wrong.stderr).contains("holds no trust list"));
}
