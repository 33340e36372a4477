//! A generated fleet, of which the truth is known: each hand-over is explained as
//! it happened.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../samples/lab/fleet/mod.rs"]
mod fleet;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

const HOSTS: usize = 40;

/// A fresh folder with the hand-overs in `evidence`; the truth about them.
fn fleet(name: &str) -> (PathBuf, Vec<Value>) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    let truth = fleet::write(HOSTS, &folder.join("evidence"));
    (folder, truth)
}

fn whychain(folder: &Path, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_whychain"))
        .current_dir(folder)
        .args(words)
        .output()
        .unwrap()
}

fn explain_each(folder: &Path) -> Output {
    let mut names: Vec<String> = std::fs::read_dir(folder.join("evidence"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let mut words = vec!["explain", "--each", "--out-dir", "../reports"];
    words.extend(names.iter().map(String::as_str));
    whychain(&folder.join("evidence"), &words)
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn texts(list: &Value) -> Vec<&str> {
    let list = list.as_array().unwrap();
    list.iter().map(|it| it.as_str().unwrap()).collect()
}

#[test]
fn every_hand_over_is_explained_as_it_happened() {
    let (folder, truth) = fleet("fleet-explained");
    let output = explain_each(&folder);
    let talk = String::from_utf8(output.stderr).unwrap();
    for machine in &truth {
        let name = machine["name"].as_str().unwrap();
        let files = texts(&machine["hand_overs"]);
        for file in &files {
            let stem = file.strip_suffix(".zip").unwrap();
            let path = folder.join(format!("reports/{stem}.json"));
            if machine["state"].is_null() {
                assert!(!path.exists(), "{file}");
                assert!(talk.contains(&format!("{file}: not explained")), "{talk}");
                continue;
            }
            let report = json(&path);
            let verdict = &report["verdict"];
            if *file == files[files.len() - 1] {
                assert_eq!(verdict["state"], machine["state"], "{file}");
                assert_eq!(verdict["root_cause"], machine["root_cause"], "{file}");
            } else {
                assert_eq!(verdict["root_cause"], machine["before"], "{file}");
            }
            // Capture and caches of a hand-over are known to be one machine's.
            let machines = report["machines"].as_array().unwrap();
            assert_eq!(machines.len(), 1, "{file}");
            match machine["kind"].as_str().unwrap() {
                "CaptureOnly" => assert!(texts(&machines[0]["names"]).is_empty(), "{file}"),
                _ => assert_eq!(texts(&machines[0]["names"]), [name], "{file}"),
            }
            if machine["kind"] != "CachesOnly" {
                let address = machine["address"].as_str().unwrap();
                assert_eq!(texts(&machines[0]["addresses"]), [address], "{file}");
            }
        }
    }
    // The last hand-over holds what the machine holds, and nothing else.
    for machine in truth.iter().filter(|it| !it["state"].is_null()) {
        let files = texts(&machine["hand_overs"]);
        if files.len() > 1 {
            continue;
        }
        let stem = files[0].strip_suffix(".zip").unwrap();
        let report = json(&folder.join(format!("reports/{stem}.json")));
        let kept = |list: &str| -> BTreeSet<String> {
            let list = report[list].as_array().unwrap().iter();
            let hashes = list.filter_map(|it| it["sha256"].as_str());
            hashes.map(str::to_owned).collect()
        };
        let held = machine["holds"].as_array().unwrap().iter();
        let held: BTreeSet<String> = held
            .map(|it| it["sha256"].as_str().unwrap().to_owned())
            .collect();
        assert!(held.is_subset(&kept("artifacts")), "{}", files[0]);
    }
}
