//! Shared reports name nobody, whatever form and encoding a name stands in.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const FORMS: [&str; 7] = [
    "r.txt",
    "r.html",
    "r.md",
    "r.json",
    "r.csv",
    "r.jsonl",
    "r.l2t.csv",
];

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Explains evidence into every form, shared, and gives the texts.
fn shared(folder: &Path, evidence: &[PathBuf], more: &[&str]) -> (Output, Vec<(String, String)>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_whychain"));
    command.args(["explain", "--share", "--share-map"]);
    command.arg(folder.join("map.json")).args(more);
    command.args(evidence).env("NO_COLOR", "1");
    for name in FORMS {
        command.arg("-o").arg(folder.join(name));
    }
    let output = command.output().unwrap();
    let read = |name: &str| {
        let text = std::fs::read_to_string(folder.join(name)).unwrap_or_default();
        (name.to_owned(), text)
    };
    let texts = FORMS.map(read).to_vec();
    (output, texts)
}

fn assert_lacks(name: &str, report: &str, canaries: &[String]) {
    // Markdown escapes with backslashes.
    for text in [report.to_owned(), report.replace('\\', "")] {
        let lower = text.to_lowercase();
        for canary in canaries {
            if let Some(at) = lower.find(&canary.to_lowercase()) {
                let from = lower.floor_char_boundary(at.saturating_sub(80));
                let to = lower.floor_char_boundary((at + 80).min(lower.len()));
                panic!("{name} names {canary}: {}", &lower[from..to]);
            }
        }
    }
}

/// A word in hexadecimal and Base64, at each of the three places in a group,
/// as bytes and as UTF-16; without the letters at the ends that its neighbors
/// have a part in.
fn encodings(word: &str) -> Vec<String> {
    use base64::Engine as _;
    let standard = base64::engine::general_purpose::STANDARD_NO_PAD;
    let wide: Vec<u8> = word.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut found = Vec::new();
    for bytes in [word.as_bytes().to_vec(), wide] {
        found.push(bytes.iter().map(|it| format!("{it:02x}")).collect());
        found.push(bytes.iter().map(|it| format!("%{it:02X}")).collect());
        for before in 0..3 {
            let mut padded = vec![0; before];
            padded.extend(&bytes);
            let text = standard.encode(padded);
            let text = &text[[0, 2, 3][before]..];
            found.push(text[..text.len() - 2].to_owned());
        }
    }
    found
}

#[test]
fn names_of_the_story_and_of_the_case_file_are_gone_and_public_names_stay() {
    let folder = tempfile::tempdir().unwrap();
    let files = ["client.pcapng", "caches.zip"].map(|name| {
        let path = folder.path().join(name);
        std::fs::copy(project("samples/root-update-2011").join(name), &path).unwrap();
        path
    });
    let case = "title = \"Canarycorp outage\"\nexaminer = \"Dr Canarysmith\"\n\
        [[machine]]\nname = \"canarydesk\"\naddresses = [\"10.20.0.15\"]\n\
        [[proxy]]\naddress = \"canarygate:3128\"\nnote = \"canary rack\"\n\
        [[note]]\nby = \"Canaryjones\"\ntext = \"canarytalk of http://canarynet/x, then silence\"\n";
    std::fs::write(folder.path().join("case.toml"), case).unwrap();
    let (output, reports) = shared(folder.path(), &files, &[]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let canaries = [
        "lab.example",
        "10.20.0.",
        "alice",
        "canary",
        "client.pcapng",
        "caches.zip",
        "then silence",
        "labdevice",
        "lab site",
    ];
    let canaries = canaries.map(str::to_owned);
    for (name, report) in &reports {
        assert!(!report.is_empty(), "{name} was not written");
        assert_lacks(name, report, &canaries);
        let lower = report.to_lowercase();
        assert!(lower.contains(".invalid") || name == "r.txt", "{name}");
        assert!(
            lower.contains("windowsupdate.com") || name == "r.md",
            "{name}: public names stay"
        );
    }
    let map = std::fs::read_to_string(folder.path().join("map.json")).unwrap();
    assert!(map.contains("shop.lab.example") && map.contains("alice"));
    assert!(map.contains("canarygate"), "{map}");
}

#[test]
fn names_in_logins_searches_headers_and_urls_are_gone_in_every_encoding() {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("canary.pcap");
    std::fs::copy(project("tests/data/reports/canary.pcap"), &capture).unwrap();
    // Without --share the names are there: the evidence holds what is sought.
    let open = Command::new(env!("CARGO_BIN_EXE_whychain"))
        .args(["explain", "--all-http", "--format", "json"])
        .arg(&capture)
        .output()
        .unwrap();
    let open = String::from_utf8(open.stdout).unwrap();
    for name in [
        "canaryuser",
        "CANARYCORP",
        "CANARYPC",
        "canarynas",
        "wpad.canarycorp.example",
        "Canarycorp gate of CANARYPROXY",
    ] {
        assert!(open.contains(name), "the report does not name {name}");
    }
    assert!(!open.contains("canarysecret"), "a password is printed");
    let mut canaries = vec!["canary".to_owned(), "10.77.0.".to_owned()];
    for word in ["canaryuser", "CANARYPC", "canarypc", "canarysecret"] {
        canaries.extend(encodings(word));
    }
    for more in [&["--all-http"][..], &["--all-http", "--detail", "full"]] {
        for name in FORMS {
            let _ = std::fs::remove_file(folder.path().join(name));
        }
        let _ = std::fs::remove_file(folder.path().join("map.json"));
        let (output, reports) = shared(folder.path(), std::slice::from_ref(&capture), more);
        for (name, report) in &reports {
            assert!(!report.is_empty(), "{name}: {output:?}");
            assert_lacks(name, report, &canaries);
        }
    }
}

#[test]
fn a_shared_report_is_not_proved_but_says_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let capture = project("samples/leaf-expired/client.pcapng");
    let (_, reports) = shared(folder.path(), std::slice::from_ref(&capture), &[]);
    let (_, report) = reports.iter().find(|(name, _)| name == "r.json").unwrap();
    let report: serde_json::Value = serde_json::from_str(report).unwrap();
    assert!(report["shared"].as_str().unwrap().contains("pseudonyms"));
    let output = Command::new(env!("CARGO_BIN_EXE_whychain"))
        .arg("verify-report")
        .arg(folder.path().join("r.json"))
        .arg(&capture)
        .output()
        .unwrap();
    assert_ne!(output.status.code(), Some(0), "{output:?}");
}
