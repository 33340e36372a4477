//! The program as a user meets it: exit statuses, streams, files.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn sample(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("samples")
        .join(path)
}

fn run<I, S>(arguments: I) -> Output
where
    I: IntoIterator<Item = S>,
    S: AsRef<std::ffi::OsStr>,
{
    Command::new(env!("CARGO_BIN_EXE_whychain"))
        .args(arguments)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn a_failure_explained_exits_with_1_and_writes_to_stdout_only() {
    let capture = sample("leaf-expired/client.pcapng");
    let output = run([capture.as_os_str()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("leaf-expired"));
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn a_healthy_case_exits_with_0() {
    let capture = sample("leaf-expired-renewed/client.pcapng");
    assert_eq!(run([capture.as_os_str()]).status.code(), Some(0));
}

#[test]
fn nothing_readable_exits_with_2_and_one_clear_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    std::fs::write(&path, "nothing of use").unwrap();
    for given in [
        path.clone(),
        folder.path().join("absent.pcap"),
        folder.path().to_owned(),
    ] {
        let output = run([given.as_os_str()]);
        assert_eq!(output.status.code(), Some(2), "{}", given.display());
        assert_eq!(text(&output.stdout), "");
        let errors = text(&output.stderr);
        assert_eq!(errors.trim_end().lines().count(), 1, "{errors}");
        assert!(errors.starts_with("whychain: "), "{errors}");
    }
}

#[test]
fn a_report_is_not_overwritten_without_force() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json");
    let capture = sample("leaf-expired/client.pcapng");
    let write = |force: bool| {
        let mut arguments = vec![
            "explain",
            capture.to_str().unwrap(),
            "-o",
            report.to_str().unwrap(),
        ];
        if force {
            arguments.push("--force");
        }
        run(arguments)
    };
    assert_eq!(write(false).status.code(), Some(1));
    let first = std::fs::read(&report).unwrap();
    let report_value: serde_json::Value = serde_json::from_slice(&first).unwrap();
    assert_eq!(report_value["schema"], "whychain.report/1");
    assert_eq!(write(false).status.code(), Some(2));
    assert_eq!(write(true).status.code(), Some(1));
    assert_eq!(std::fs::read(&report).unwrap(), first);
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "a temporary file was left");
}

#[test]
fn the_rules_are_listed_and_printed() {
    let listed = text(&run(["rules"]).stdout);
    for rule in whychain::diagnosis::RULES {
        assert!(listed.contains(rule.id), "{}", rule.id);
    }
    let page = text(&run(["rules", "direct-blocked"]).stdout);
    assert!(page.contains("## What to do next") || page.contains("What to do next"));
    assert_eq!(run(["rules", "no-such-rule"]).status.code(), Some(2));
}

#[test]
fn the_cache_name_of_a_url_is_the_one_windows_gives() {
    // The name stands in the thread of 2011.
    let url = "http://www.microsoft.com/pki/certs/MicCerTruLisPCA_2009-04-02.crt";
    let output = run(["cache", "name", url]);
    assert!(text(&output.stdout).contains("52FE9FFE4780FF24EC690DB2F1D013CE"));
}

#[test]
fn help_and_version_go_to_stdout_with_0() {
    for arguments in [vec!["--help"], vec!["--version"], vec!["explain", "--help"]] {
        let output = run(&arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(text(&output.stdout).contains("whychain"), "{arguments:?}");
    }
}
