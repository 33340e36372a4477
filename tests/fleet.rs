//! A generated fleet, of which the truth is known: each hand-over is explained as
//! it happened, and the merge gives the known answer.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../samples/lab/fleet/mod.rs"]
mod fleet;

use std::collections::{BTreeMap, BTreeSet};
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
    // A machine's only hand-over has every object that it holds.
    for machine in truth.iter().filter(|it| !it["state"].is_null()) {
        let [file] = texts(&machine["hand_overs"])[..] else {
            continue;
        };
        let stem = file.strip_suffix(".zip").unwrap();
        let report = json(&folder.join(format!("reports/{stem}.json")));
        let known = hashes(&report["artifacts"]);
        assert!(hashes(&machine["holds"]).is_subset(&known), "{file}");
    }
}

/// The SHA-256 of each object of a list.
fn hashes(list: &Value) -> BTreeSet<&str> {
    let list = list.as_array().unwrap();
    list.iter().filter_map(|it| it["sha256"].as_str()).collect()
}

/// What the merge has to say, computed from the truth alone.
struct Expected<'a>(&'a [Value]);

impl<'a> Expected<'a> {
    /// The machines of which there is a report.
    fn machines(&self) -> impl Iterator<Item = &'a Value> {
        self.0.iter().filter(|it| !it["state"].is_null())
    }

    /// Each cause of a machine, with the beginning of the capture that shows it.
    fn causes(machine: &Value) -> Vec<(Option<&str>, &str)> {
        let begins = texts(&machine["begins_at"]);
        let mut causes = Vec::new();
        if let Some(cause) = machine["before"].as_str() {
            causes.push((Some(cause), begins[0]));
        }
        let failed = ["explained", "undetermined"].contains(&machine["state"].as_str().unwrap());
        if failed {
            causes.push((machine["root_cause"].as_str(), begins[begins.len() - 1]));
        }
        causes
    }

    /// Its state over all hand-overs: a failure counts, though it was repaired.
    fn state(machine: &Value) -> &str {
        match machine["before"].is_null() {
            true => machine["state"].as_str().unwrap(),
            false => "explained",
        }
    }

    /// Machines by cause, earliest first.
    fn by_cause(&self) -> BTreeMap<Option<&str>, Vec<String>> {
        let mut all: BTreeMap<Option<&str>, Vec<(&str, String)>> = BTreeMap::new();
        for machine in self.machines() {
            for (cause, at) in Self::causes(machine) {
                all.entry(cause).or_default().push((at, shown(machine)));
            }
        }
        let sorted = all.into_iter().map(|(cause, mut machines)| {
            machines.sort();
            let names = machines.into_iter().map(|(_, name)| name).collect();
            (cause, names)
        });
        sorted.collect()
    }

    /// When each machine came to have a version, earliest first.
    fn spread(&self, sha256: &str) -> Vec<(&'a str, String)> {
        let mut all: Vec<(&str, String)> = self
            .machines()
            .filter_map(|machine| {
                let held = machine["held"].as_array().unwrap().iter();
                let of_it = held.filter(|it| it["sha256"] == sha256);
                let came = of_it.filter_map(|it| it["came_at"].as_str()).min();
                came.map(|came| (came, shown(machine)))
            })
            .collect();
        all.sort();
        all
    }
}

/// What tells a machine from all others: name and address, as the truth or the
/// merge has them. Of a capture alone only the address is known, of caches alone
/// only the name.
fn shown(machine: &Value) -> String {
    let (name, address) = match machine.get("kind") {
        Some(kind) => {
            let name = machine["name"].as_str().filter(|_| kind != "CaptureOnly");
            let address = machine["address"].as_str();
            (name, address.filter(|_| kind != "CachesOnly"))
        }
        None => {
            let first = |list: &'static str| machine[list].as_array().unwrap().first();
            let first = |list| first(list).and_then(Value::as_str);
            (first("names"), first("addresses"))
        }
    };
    format!("{}/{}", name.unwrap_or("-"), address.unwrap_or("-"))
}

#[test]
fn the_merge_gives_the_known_answer() {
    let (folder, truth) = fleet("fleet-merged");
    explain_each(&folder);
    let output = whychain(&folder, &["merge", "reports", "-o", "fleet.json"]);
    assert_eq!(output.status.code(), Some(0));
    let fleet = json(&folder.join("fleet.json"));
    let expected = Expected(&truth);
    let machines = fleet["machines"].as_array().unwrap();
    let by_id = |id: &Value| machines.iter().find(|it| it["id"] == *id).map(shown);

    // A machine handed over twice is one, and two of one name are two.
    let names: BTreeSet<String> = machines.iter().map(shown).collect();
    assert_eq!(names, expected.machines().map(shown).collect());
    assert_eq!(machines.len(), names.len());
    let alike = fleet["alike"].as_array().unwrap();
    assert_eq!(alike.len(), 1);
    assert_eq!(alike[0]["machines"], 2);

    for machine in expected.machines() {
        let found = machines.iter().find(|it| shown(it) == shown(machine));
        let found = found.unwrap();
        assert_eq!(found["state"], Expected::state(machine), "{machine}");
        let holdings = found["holdings"].as_array().unwrap().iter();
        let now = holdings.filter(|it| it["now"] == true);
        let now: BTreeSet<&str> = now.filter_map(|it| it["sha256"].as_str()).collect();
        assert_eq!(now, hashes(&machine["holds"]), "{machine}");
    }

    // Causes, and whom each hit first.
    let causes = fleet["causes"].as_array().unwrap();
    let by_cause = expected.by_cause();
    assert_eq!(causes.len(), by_cause.len());
    for cause in causes {
        let hit = &by_cause[&cause["cause"].as_str()];
        assert_eq!(cause["machines"], hit.len(), "{cause}");
        assert_eq!(
            by_id(&cause["patient_zero"]["machine"]).as_ref(),
            Some(&hit[0])
        );
    }

    // Proxies at fault: those through which something was asked for in vain.
    for proxy in fleet["proxies"].as_array().unwrap() {
        let through = expected
            .machines()
            .filter(|it| it["proxy"] == proxy["what"]);
        let blamed = through.filter(|it| {
            let causes = Expected::causes(it);
            let not_the_leaf = |cause: &Option<&str>| cause.is_some_and(|it| it != "leaf-expired");
            causes.iter().any(|(cause, _)| not_the_leaf(cause))
        });
        assert_eq!(proxy["machines"], blamed.count(), "{proxy}");
    }
    assert_eq!(fleet["proxies"].as_array().unwrap().len(), 2);
    the_spread_is_known(&fleet, &expected);
}

/// Each version: who had it, who has it, in which order they got it.
fn the_spread_is_known(fleet: &Value, expected: &Expected<'_>) {
    let machines = fleet["machines"].as_array().unwrap();
    let name = |it: &Value| {
        let machine = machines.iter().find(|found| found["id"] == it["machine"]);
        shown(machine.unwrap())
    };
    let objects = fleet["objects"].as_array().unwrap().iter();
    let versions = objects.flat_map(|it| it["versions"].as_array().unwrap());
    let mut seen = BTreeSet::new();
    for version in versions {
        let sha256 = version["sha256"].as_str().unwrap();
        seen.insert(sha256);
        let count = |list: &str| {
            let with = expected.machines();
            with.filter(|it| hashes(&it[list]).contains(sha256)).count()
        };
        assert_eq!(version["machines_ever"], count("held"), "{version}");
        assert_eq!(version["machines_now"], count("holds"), "{version}");
        let spread = expected.spread(sha256);
        let earliest = version["earliest"].as_array().unwrap();
        // SYSTEM's list came to all at the same time.
        if let [(first, _), (second, _), ..] = &spread[..]
            && first[..16] != second[..16]
        {
            let order: Vec<&String> = spread.iter().map(|(_, name)| name).collect();
            let told: Vec<String> = earliest.iter().map(name).collect();
            assert_eq!(
                told.iter().collect::<Vec<_>>(),
                order[..told.len()],
                "{version}"
            );
            assert_eq!(version["first"]["at"], spread[0].0, "{version}");
        }
    }
    let all: BTreeSet<&str> = expected
        .machines()
        .flat_map(|it| hashes(&it["held"]))
        .collect();
    assert_eq!(seen, all);
}

#[test]
fn parts_of_a_fleet_merge_to_the_same_whole() {
    let (folder, _) = fleet("fleet-parts");
    explain_each(&folder);
    let mut reports: Vec<String> = std::fs::read_dir(folder.join("reports"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".json"))
        .map(|name| format!("reports/{name}"))
        .collect();
    reports.sort();
    let merge = |inputs: &[String], out: &str| {
        let mut words = vec!["merge", "-o", out];
        words.extend(inputs.iter().map(String::as_str));
        assert_eq!(whychain(&folder, &words).status.code(), Some(0));
        std::fs::read(folder.join(out)).unwrap()
    };
    let whole = merge(&reports, "whole.json");
    // A machine that was handed over twice is in both parts.
    let (one, other): (Vec<_>, Vec<_>) = reports
        .iter()
        .cloned()
        .partition(|it| it.contains("-before"));
    merge(&one, "one.json");
    merge(&other, "other.json");
    let parts = ["other.json".to_owned(), "one.json".to_owned()];
    assert!(merge(&parts, "parts.json") == whole);
}
