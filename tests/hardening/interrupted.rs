//! Runs that are stopped, starved or lied to: no half report, a clear last
//! line, the right exit status.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::capture_writer::Capture;
use crate::{PROGRAM, can_trace, names, project, strace, text};

const SIGKILL: i32 = 9;
const SIGTERM: i32 = 15;

/// A capture of some megabytes: exchanges that matter to nobody.
fn long_capture(folder: &Path) -> PathBuf {
    let mut capture = Capture::new();
    let body = vec![b'x'; 60_000];
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    let answer = [head.as_bytes(), &body].concat();
    for _ in 0..60 {
        capture.exchange("GET /x HTTP/1.1\r\nHost: a.example\r\n\r\n", &answer);
    }
    let path = folder.join("long.pcap");
    std::fs::write(&path, capture.bytes()).unwrap();
    path
}

fn sample() -> String {
    project("samples/leaf-expired/client.pcapng")
        .to_str()
        .unwrap()
        .to_owned()
}

/// Stops the program by a signal while a report is under its temporary name.
fn stopped_while_writing(signal: &str) -> (std::process::Output, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("r.json");
    // The signal comes with the first bytes; the file is not closed yet when it
    // is acted upon.
    let inject = format!("inject=write:signal={signal}:when=1");
    let wait = "inject=fsync:delay_enter=3000000";
    let traced = "trace=write,fsync";
    let options = ["-e", traced, "-e", &inject, "-e", wait, "-o", "/dev/null"];
    let arguments = ["explain", "-q", &sample(), "-o", report.to_str().unwrap()];
    (strace(&options, arguments).output().unwrap(), folder)
}

#[test]
fn a_run_that_is_killed_leaves_nothing_under_the_name_of_a_report() {
    if !can_trace() {
        return;
    }
    let (output, folder) = stopped_while_writing("SIGKILL");
    assert_eq!(output.status.signal(), Some(SIGKILL), "{output:?}");
    let left = names(folder.path());
    assert!(
        left.iter().all(|name| name.starts_with(".r.json.")),
        "{left:?}"
    );
    // Nothing is in the way of the next run.
    let report = folder.path().join("r.json");
    let again = crate::run(["explain", "-q", &sample(), "-o", report.to_str().unwrap()]);
    assert_eq!(again.status.code(), Some(1), "{again:?}");
    assert!(std::fs::read_to_string(report).unwrap().ends_with("}\n"));
}

#[test]
fn a_run_that_is_asked_to_stop_takes_back_what_is_half_written_and_says_so() {
    if !can_trace() {
        return;
    }
    for (name, number) in [("SIGTERM", SIGTERM), ("SIGINT", 2)] {
        let (output, folder) = stopped_while_writing(name);
        assert_eq!(output.status.signal(), Some(number), "{output:?}");
        assert_eq!(names(folder.path()), Vec::<String>::new());
        let errors = text(&output.stderr);
        let said: Vec<&str> = errors
            .lines()
            .filter(|it| !it.starts_with("strace: "))
            .collect();
        let want = format!("whychain: stopped by {name}; no report is left half written");
        assert_eq!(said, [want]);
    }
}

#[test]
fn a_run_that_is_stopped_while_it_reads_ends_by_the_signal() {
    let folder = tempfile::tempdir().unwrap();
    // A pipe nobody writes to: it would wait for ever if it read it.
    let report = folder.path().join("r.txt");
    let mut child = Command::new(PROGRAM)
        .args(["explain", "--progress", "json", "-o"])
        .arg(&report)
        .args([long_capture(folder.path()), long_capture(folder.path())])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut errors = BufReader::new(child.stderr.take().unwrap());
    let mut first = String::new();
    errors.read_line(&mut first).unwrap();
    let stopped = Command::new("kill")
        .arg(child.id().to_string())
        .status()
        .unwrap();
    let status = child.wait().unwrap();
    let mut rest = String::new();
    errors.read_to_string(&mut rest).unwrap();
    if stopped.success() && status.signal().is_some() {
        assert_eq!(status.signal(), Some(SIGTERM));
        let last = rest.lines().last().unwrap_or_default();
        assert!(last.starts_with("whychain: stopped by SIGTERM"), "{rest}");
        assert!(!report.exists());
    } else {
        // It was done before the signal came: then the report is whole.
        assert!(report.exists(), "{status}: {rest}");
    }
}

#[test]
fn a_full_disk_leaves_nothing_and_ends_with_2() {
    if !can_trace() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("r.json");
    for (call, words) in [("fsync", "No space left"), ("linkat", "r.json")] {
        let inject = format!("inject={call}:error=ENOSPC");
        let traced = format!("trace={call}");
        let options = ["-e", &traced, "-e", &inject, "-o", "/dev/null"];
        let arguments = ["explain", "-q", &sample(), "-o", report.to_str().unwrap()];
        let output = strace(&options, arguments).output().unwrap();
        // A link that fails is followed by a rename, which is as good.
        let whole = call == "linkat";
        assert_eq!(
            output.status.code(),
            Some(if whole { 1 } else { 2 }),
            "{output:?}"
        );
        let left = names(folder.path());
        assert_eq!(left.len(), usize::from(whole), "{left:?}");
        let errors = text(&output.stderr);
        let last = errors.lines().last().unwrap_or_default();
        assert!(
            whole || last.contains(words) && last.starts_with("whychain: "),
            "{errors}"
        );
    }
}

#[test]
fn a_reader_that_goes_away_changes_neither_verdict_nor_stderr() {
    let mut child = Command::new(PROGRAM)
        .args(["explain", "--detail", "full", &sample()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(text(&output.stderr), "");
}

/// The issues of a JSON report that speak of this file.
fn issues(report: &str) -> Vec<String> {
    let report: serde_json::Value = serde_json::from_str(report).unwrap();
    let issues = report["issues"].as_array().unwrap().iter();
    issues
        .map(|issue| issue["what"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_file_that_cannot_be_read_in_the_middle_is_an_issue_and_the_rest_is_explained() {
    if !can_trace() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let long = long_capture(folder.path());
    let long = long.to_str().unwrap();
    // The head is read to tell the kind, then the file from its beginning.
    let inject = [
        "-P",
        long,
        "-e",
        "trace=read,pread64",
        "-e",
        "inject=read,pread64:error=EIO:when=4+",
    ];
    let options = [&inject[..], &["-o", "/dev/null"]].concat();
    let output = strace(
        &options,
        ["explain", "--format", "json", "-q", long, &sample()],
    )
    .output()
    .unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let report = text(&output.stdout);
    let said = issues(&report);
    assert!(
        said.iter().any(|what| what.contains("Input/output error")),
        "{said:?}"
    );
    assert!(
        report.contains("leaf-expired"),
        "the other capture is explained"
    );
}

#[test]
fn a_file_that_grows_and_one_that_shrinks_while_they_are_read_are_named() {
    if !can_trace() {
        return;
    }
    for grows in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let long = long_capture(folder.path());
        let length = long.metadata().unwrap().len();
        let name = long.to_str().unwrap();
        let log = folder.path().join("log");
        let wait = "inject=read:delay_enter=3000000:when=3";
        let log_name = log.to_str().unwrap();
        let options = ["-P", name, "-e", "trace=read", "-e", wait, "-o", log_name];
        let mut command = strace(
            &options,
            ["explain", "--format", "json", "-q", name, &sample()],
        );
        let child = command.stdout(Stdio::piped()).spawn().unwrap();
        // Its kind is told, and its reading has begun.
        let begin = Instant::now();
        while std::fs::read_to_string(&log)
            .unwrap_or_default()
            .matches("read(")
            .count()
            < 2
        {
            assert!(begin.elapsed() < Duration::from_secs(60), "it is not read");
            std::thread::sleep(Duration::from_millis(20));
        }
        let mut file = std::fs::File::options().append(true).open(&long).unwrap();
        match grows {
            true => file.write_all(&[0; 1000]).unwrap(),
            false => file.set_len(length / 2).unwrap(),
        }
        let output = child.wait_with_output().unwrap();
        let said = issues(&text(&output.stdout));
        let words = format!("had {length} bytes when it was found");
        assert!(said.iter().any(|what| what.contains(&words)), "{said:?}");
    }
}
