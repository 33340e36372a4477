//! Many cases in one run, as a user meets it: `explain --each`.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn sample(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("samples")
        .join(path)
}

/// A copy of a sample under another name.
fn case(folder: &Path, name: &str, from: &str) -> PathBuf {
    let path = folder.join(name);
    fs::copy(sample(from), &path).unwrap();
    path
}

fn each(inputs: &[&Path], out: &Path, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_whychain"))
        .args(["explain", "--each"])
        .args(inputs)
        .arg("--out-dir")
        .arg(out)
        .args(more)
        .output()
        .unwrap()
}

fn errors(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn listed(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

#[test]
fn every_case_gets_the_report_it_would_get_alone() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("reports");
    let failing = case(folder.path(), "A.pcapng", "leaf-expired/client.pcapng");
    let healthy = case(
        folder.path(),
        "B.pcapng",
        "leaf-expired-renewed/client.pcapng",
    );
    let caches = sample("healthy-through-proxy/cryptnet");
    let output = each(&[&failing, &healthy, &caches], &out, &["--jobs", "2"]);
    assert_eq!(output.status.code(), Some(1), "{}", errors(&output));
    assert!(output.stdout.is_empty());
    assert_eq!(
        listed(&out),
        [".whychain-each.jsonl", "A.json", "B.json", "cryptnet.json"]
    );
    for (input, name) in [
        (&failing, "A.json"),
        (&healthy, "B.json"),
        (&caches, "cryptnet.json"),
    ] {
        let alone = Command::new(env!("CARGO_BIN_EXE_whychain"))
            .args(["explain", "--format", "json"])
            .arg(input)
            .output()
            .unwrap();
        let together = fs::read(out.join(name)).unwrap();
        assert!(together == alone.stdout, "{name} differs");
    }
}

#[test]
fn a_case_that_fails_is_one_line_and_stops_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("reports");
    let bad = folder.path().join("bad.zip");
    fs::write(&bad, "no zip at all").unwrap();
    let absent = folder.path().join("absent.zip");
    let good = case(
        folder.path(),
        "good.pcapng",
        "leaf-expired-renewed/client.pcapng",
    );
    let output = each(&[&bad, &absent, &good], &out, &["--formats", "json,html"]);
    assert_eq!(output.status.code(), Some(3));
    let said = errors(&output);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 3, "{said}");
    assert_eq!(
        lines
            .iter()
            .filter(|it| it.contains("bad.zip: not explained: "))
            .count(),
        1
    );
    assert!(
        lines[2].contains("3 cases, 1 clean, 2 not explained"),
        "{said}"
    );
    assert_eq!(
        listed(&out),
        [".whychain-each.jsonl", "good.html", "good.json"]
    );
    let output = each(&[&bad, &absent], &folder.path().join("none"), &[]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_resumed_run_does_only_what_is_new_changed_or_lost() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("reports");
    let one = case(
        folder.path(),
        "1.pcapng",
        "leaf-expired-renewed/client.pcapng",
    );
    let two = case(
        folder.path(),
        "2.pcapng",
        "leaf-expired-renewed/client.pcapng",
    );
    let both: [&Path; 2] = [&one, &two];
    assert_eq!(each(&both, &out, &["--resume"]).status.code(), Some(0));
    let first = fs::read(out.join("1.json")).unwrap();
    let before = |name: &str| fs::metadata(out.join(name)).unwrap().modified().unwrap();
    let (at_one, at_two) = (before("1.json"), before("2.json"));

    let output = each(&both, &out, &["--resume"]);
    assert!(errors(&output).contains("2 cases, 2 clean, 2 of them done before"));
    assert_eq!((before("1.json"), before("2.json")), (at_one, at_two));

    // One input is another, and one report is lost.
    fs::copy(sample("leaf-expired/client.pcapng"), &two).unwrap();
    let output = each(&both, &out, &["--resume"]);
    assert!(errors(&output).contains("1 clean, 1 explained, 1 of them done before"));
    assert_eq!(output.status.code(), Some(1));
    fs::remove_file(out.join("1.json")).unwrap();
    let output = each(&both, &out, &["--resume"]);
    assert!(errors(&output).contains("1 of them done before"));
    assert_eq!(fs::read(out.join("1.json")).unwrap(), first);

    // Another question is another answer.
    let output = each(&both, &out, &["--resume", "--at", "2026-01-01T00:00:00Z"]);
    assert!(
        !errors(&output).contains("done before"),
        "{}",
        errors(&output)
    );
}

#[test]
fn a_run_that_was_killed_is_taken_up_and_foreign_files_stay() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("reports");
    fs::create_dir(&out).unwrap();
    let one = case(
        folder.path(),
        "1.pcapng",
        "leaf-expired-renewed/client.pcapng",
    );
    fs::write(out.join("1.json"), "mine").unwrap();
    let output = each(&[&one], &out, &["--resume"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(errors(&output).contains("exists; --force overwrites it"));
    assert_eq!(fs::read_to_string(out.join("1.json")).unwrap(), "mine");
    // Killed between report and record: begun, a torn line, and a file there.
    let begun = format!(
        "{{\"input\":{:?},\"name\":\"1\",\"state\":\"begun\",\"settings\":\"\",\"fingerprint\":\"\",\"why\":\"\"}}\n{{\"inp",
        one.display().to_string()
    );
    fs::write(out.join(".whychain-each.jsonl"), begun).unwrap();
    assert_eq!(each(&[&one], &out, &["--resume"]).status.code(), Some(0));
    assert_ne!(fs::read_to_string(out.join("1.json")).unwrap(), "mine");
    let output = each(&[&one], &out, &["--resume"]);
    assert!(errors(&output).contains("1 of them done before"));
}

#[test]
fn progress_over_all_is_told_to_programs() {
    let folder = tempfile::tempdir().unwrap();
    let one = case(
        folder.path(),
        "1.pcapng",
        "leaf-expired-renewed/client.pcapng",
    );
    let two = case(folder.path(), "2.pcapng", "leaf-expired/client.pcapng");
    let out = folder.path().join("reports");
    let output = each(&[&one, &two], &out, &["--progress", "json", "-q"]);
    let said = errors(&output);
    let last: serde_json::Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
    assert_eq!(last["cases"], 2);
    assert_eq!(last["cases_done"], 2);
    assert_eq!(last["cases_failed"], 0);
    assert_eq!(last["done"], last["total"]);
}

#[test]
fn each_takes_no_single_file() {
    let folder = tempfile::tempdir().unwrap();
    let one = case(folder.path(), "1.pcapng", "leaf-expired/client.pcapng");
    let output = each(&[&one], &folder.path().join("r"), &["-o", "x.json"]);
    assert_eq!(output.status.code(), Some(2));
    let output = Command::new(env!("CARGO_BIN_EXE_whychain"))
        .args(["explain", "--each"])
        .arg(&one)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(errors(&output).contains("--out-dir"));
}
