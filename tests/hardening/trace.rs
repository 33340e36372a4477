//! No trace, no network: what a run asks of the system, by strace.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::{can_trace, files, project, strace, text};

/// Calls that change something under a name.
const CHANGING: [&str; 28] = [
    "creat",
    "link",
    "linkat",
    "symlink",
    "symlinkat",
    "rename",
    "renameat",
    "renameat2",
    "unlink",
    "unlinkat",
    "mkdir",
    "mkdirat",
    "rmdir",
    "mknod",
    "mknodat",
    "chmod",
    "fchmodat",
    "fchmodat2",
    "chown",
    "lchown",
    "fchownat",
    "truncate",
    "utime",
    "utimes",
    "utimensat",
    "setxattr",
    "lsetxattr",
    "removexattr",
];

/// One call: its name and the rest of its line.
fn calls(log: &Path) -> Vec<(String, String)> {
    let log = std::fs::read_to_string(log).unwrap();
    let call = |line: &str| {
        let line = line.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ');
        let line = line.strip_prefix("<... ").unwrap_or(line);
        let end = line.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))?;
        Some((line[..end].to_owned(), line[end..].to_owned()))
    };
    log.lines().filter_map(call).collect()
}

/// Paths in quotes.
fn paths(rest: &str) -> Vec<&str> {
    rest.split('"').skip(1).step_by(2).collect()
}

/// What every file of the evidence is: bytes and time of modification.
fn state(folder: &Path) -> BTreeMap<PathBuf, (Vec<u8>, SystemTime)> {
    let read = |path: PathBuf| {
        let modified = path.metadata().unwrap().modified().unwrap();
        let bytes = std::fs::read(&path).unwrap();
        (path, (bytes, modified))
    };
    files(folder).into_iter().map(read).collect()
}

/// Evidence of every kind: captures, zips, caches, hives, an event log, scripts.
fn lay_evidence(folder: &Path) {
    for sample in ["root-update-2011", "pac-two-ways", "leaf-expired"] {
        for path in files(&project("samples").join(sample)) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if !name.starts_with("report") && name != "README.md" {
                std::fs::copy(&path, folder.join(format!("{sample}-{name}"))).unwrap();
            }
        }
    }
    for path in files(&project("tests/data/host")) {
        let name = path.file_name().unwrap();
        std::fs::copy(&path, folder.join(name)).unwrap();
    }
}

/// Runs under strace and looks at every call; `out` is where `-o` points.
#[track_caller]
fn assert_no_trace(out: &Path, arguments: &[&str]) {
    let logs = tempfile::tempdir().unwrap();
    let log = logs.path().join("log");
    let traced = format!(
        "trace=%network,%file,ftruncate,fchmod,fchown,execve,memfd_create,{}",
        "io_uring_setup"
    );
    let options = ["-s", "4096", "-e", &traced, "-o", log.to_str().unwrap()];
    let output = strace(&options, arguments).output().unwrap();
    let status = output.status.code();
    assert!(
        matches!(status, Some(0 | 1 | 3)),
        "{arguments:?}: {}",
        text(&output.stderr)
    );
    let network = [
        "socket", "connect", "bind", "listen", "accept", "send", "recv", "getsock", "getpeer",
    ];
    let out = out.to_str().unwrap();
    let mut programs = 0;
    let calls = calls(&log);
    assert!(calls.len() > 10, "the trace is empty");
    for (name, rest) in calls {
        let what = format!("{arguments:?}: {name}{rest}");
        assert!(!network.iter().any(|word| name.starts_with(word)), "{what}");
        assert!(
            !["io_uring_setup", "memfd_create"].contains(&name.as_str()),
            "{what}"
        );
        programs += usize::from(name.starts_with("execve"));
        let opens = name.starts_with("open");
        let writes = opens
            && ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC"]
                .iter()
                .any(|flag| rest.contains(flag));
        if writes || CHANGING.contains(&name.as_str()) {
            let inside = paths(&rest)
                .iter()
                .all(|path| path.starts_with(out) || *path == "/dev/null");
            assert!(inside, "{what}");
        }
    }
    assert_eq!(programs, 1, "{arguments:?} starts another program");
}

#[test]
fn a_run_opens_no_socket_and_writes_only_where_it_was_told() {
    if !can_trace() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (evidence, out) = (folder.path().join("evidence"), folder.path().join("out"));
    std::fs::create_dir(&evidence).unwrap();
    std::fs::create_dir(&out).unwrap();
    lay_evidence(&evidence);
    let before = state(&evidence);
    assert!(before.len() > 8);
    let given = evidence.to_str().unwrap();
    let at = |name: &str| out.join(name).to_str().unwrap().to_owned();
    let (json, html, csv, objects) = (at("r.json"), at("r.html"), at("r.csv"), at("objects"));
    assert_no_trace(
        &out,
        &["explain", given, "-o", &json, "-o", &html, "-o", &csv, "-q"],
    );
    assert_no_trace(
        &out,
        &["explain", given, "--share", "-o", &at("s.md"), "-q"],
    );
    assert_no_trace(
        &out,
        &["extract", given, "-o", &objects, "--pcap", "--all-http"],
    );
    assert_no_trace(&out, &["verify-report", &json, given]);
    // Nothing may be written at all by those that print.
    let nowhere = folder.path().join("nowhere");
    for command in ["explain", "inventory", "timeline", "cache"] {
        assert_no_trace(&nowhere, &[command, given]);
    }
    assert!(state(&evidence) == before, "evidence was changed");
    let left: Vec<String> = crate::names(&out);
    assert_eq!(left, ["objects", "r.csv", "r.html", "r.json", "s.md"]);
}
