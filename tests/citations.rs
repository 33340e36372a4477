//! Every filter and command of the reports is run, with tshark where it is
//! installed, and shows the frames that the report names.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

fn samples() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
    let entries = std::fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut samples: Vec<PathBuf> = paths
        .filter(|path| {
            path.is_dir() && !path.ends_with("lab") && !path.ends_with("openrelik-worker")
        })
        .collect();
    samples.sort();
    samples
}

fn markdown(sample: &Path) -> String {
    let entries = std::fs::read_dir(sample).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names
        .filter(|name| !["README.md", "report.txt", "report.json"].contains(&name.as_str()))
        .collect();
    names.sort();
    let output = Command::new(env!("CARGO_BIN_EXE_whychain"))
        .current_dir(sample)
        .args(["explain", "--format", "markdown"])
        .args(names)
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// The numbers of `12, 15-17, 20`.
fn numbers(list: &str) -> Vec<u64> {
    let parts = list.split(", ").flat_map(|part| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        first.parse::<u64>().unwrap()..=last.parse().unwrap()
    });
    parts.collect()
}

/// The frames that each filter of a report is said to show.
fn claimed(report: &str) -> BTreeMap<String, Vec<u64>> {
    let mut claims = BTreeMap::new();
    for line in report.lines() {
        let Some(rest) = line.strip_prefix("- Shown by packet") else {
            continue;
        };
        let list = rest.trim_start_matches(['s', ' ']);
        let (list, rest) = list.split_once(" of ").unwrap();
        let filter = rest.split('`').nth(1).unwrap();
        claims.insert(filter.to_owned(), numbers(list));
    }
    claims
}

#[test]
fn every_filter_shows_the_frames_that_the_report_names() {
    if Command::new("tshark").arg("--version").output().is_err() {
        println!("skipped: tshark is not installed");
        return;
    }
    let mut checked = 0;
    for sample in samples() {
        let report = markdown(&sample);
        let claims = claimed(&report);
        let mut used = 0;
        let commands = report.lines().filter(|line| line.contains("tshark -r "));
        let commands: std::collections::BTreeSet<&str> = commands.collect();
        for command in commands {
            let filter = command.split('"').rev().nth(1).unwrap();
            let output = Command::new("sh")
                .current_dir(&sample)
                .args(["-c", &format!("{command} -T fields -e frame.number")])
                .output()
                .unwrap();
            let shown = String::from_utf8(output.stdout).unwrap();
            let shown: Vec<u64> = shown.lines().map(|line| line.parse().unwrap()).collect();
            assert_eq!(
                Some(&shown),
                claims.get(filter),
                "{}: {command}",
                sample.display()
            );
            used += 1;
        }
        assert_eq!(
            used,
            claims.len(),
            "{}: a filter has no command",
            sample.display()
        );
        checked += used;
    }
    assert!(checked > 0);
    println!("{checked} filters run");
}

#[test]
fn every_command_for_bytes_shows_the_bytes_of_the_file() {
    let tools = ["unzip", "xxd"];
    if tools
        .iter()
        .any(|tool| Command::new(tool).arg("-v").output().is_err())
    {
        println!("skipped: unzip or xxd is not installed");
        return;
    }
    for sample in samples() {
        let report = markdown(&sample);
        for command in report
            .lines()
            .filter(|line| line.starts_with("unzip -p ") && line.contains("| xxd"))
        {
            let output = Command::new("sh")
                .current_dir(&sample)
                .args(["-c", command])
                .output()
                .unwrap();
            assert!(
                output.status.success() && !output.stdout.is_empty(),
                "{command}"
            );
        }
    }
}
