//! The command line as a script sees it: exit statuses, what goes to stdout
//! and what to stderr.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::process::{Command, Output, Stdio};

fn whychain(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_whychain"));
    command
        .args(arguments)
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn help_and_version_are_data_and_succeed() {
    for arguments in [
        &["--help"][..],
        &["-V"],
        &["explain", "--help"],
        &["help", "cache"],
    ] {
        let output = whychain(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(
            !output.stdout.is_empty() && output.stderr.is_empty(),
            "{arguments:?}"
        );
    }
}

#[test]
fn without_arguments_the_help_goes_to_stderr() {
    let output = whychain(&[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    assert!(text(&output.stderr).contains("Exit status:"));
}

#[test]
fn a_wrong_option_is_a_usage_error() {
    let output = whychain(&["a.pcap", "--format", "pdf"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    let message = text(&output.stderr);
    assert!(
        message.starts_with("whychain: invalid value 'pdf' for '--format"),
        "{message}"
    );
}

#[test]
fn a_file_that_is_not_there_is_one_line_and_status_2() {
    let output = whychain(&["no/such/file.pcap"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    let message = text(&output.stderr);
    assert!(message.starts_with("whychain: "), "{message}");
    assert!(message.contains("no/such/file.pcap"), "{message}");
    assert_eq!(message.lines().count(), 1);
}

#[test]
fn a_report_that_exists_stops_the_run_before_it_begins() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json");
    std::fs::write(&report, "mine").unwrap();
    let output = whychain(&["no/such/file.pcap", "-o", report.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    let message = text(&output.stderr);
    assert!(
        message.ends_with("report.json: exists; --force overwrites it\n"),
        "{message}"
    );
    assert_eq!(std::fs::read_to_string(&report).unwrap(), "mine");
}

#[test]
fn an_unknown_rule_is_an_error_with_a_hint() {
    let output = whychain(&["rules", "no-such-rule"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("`whychain rules` lists them"));
}

#[test]
fn the_name_of_a_cache_file_is_predicted() {
    let output = whychain(&["cache", "name", "http://www.example.com/a.crl"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).ends_with("  http://www.example.com/a.crl\n"));
}

#[test]
fn a_reader_that_went_away_is_no_panic() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_whychain"))
        .args(["cache", "name"])
        .args(std::iter::repeat_n("http://www.example.com/a.crl", 4000))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stderr), "");
}
