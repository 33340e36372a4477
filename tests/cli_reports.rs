//! Reports in every form, as a user makes, checks, shares and hands them on.

#![allow(clippy::unwrap_used, clippy::expect_used)]

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
fn a_disk_that_fills_up_leaves_neither_half_a_report_nor_a_temporary_file() {
    let desk = Desk::new();
    let folder = desk.path("small");
    std::fs::create_dir(&folder).unwrap();
    // A file system of two pages, in a mount space of its own.
    let script = "mount -t tmpfs -o size=8k none \"$1\" || exit 77; shift; \
        \"$@\"; status=$?; ls -A \"$FOLDER\"; exit $status";
    let report = format!("{folder}/r.json");
    let output = Command::new("unshare")
        .args(["--mount", "--map-root-user", "sh", "-c", script, "sh"])
        .args([&folder, env!("CARGO_BIN_EXE_whychain"), "explain", "-q"])
        .args(["-o", &report, &desk.path("client.pcapng")])
        .env("FOLDER", &folder)
        .output();
    match output {
        Ok(output)
            if matches!(output.status.code(), Some(0..=2))
                && output.stderr.starts_with(b"unshare") =>
        {
            println!("no mount space of its own can be had: skipped");
        }
        Ok(output) if output.status.code() != Some(77) => {
            assert_eq!(output.status.code(), Some(2), "{output:?}");
            let message = text(&output.stderr);
            assert!(message.contains("r.json"), "{message}");
            assert_eq!(text(&output.stdout), "", "a file was left");
        }
        _ => println!("no small file system can be mounted: skipped"),
    }
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

#[test]
fn a_log_without_zone_is_placed_in_time_by_the_zone_of_the_case_file_only() {
    let desk = Desk::new();
    // The form of Windows XP to 8.1, local time.
    let log = "2011-02-21\t09:59:10:120\t 804\t6f0\tAgent\t** START **  Agent: Finding updates\r\n\
        2011-02-21\t09:59:11:120\t 804\t6f0\tAgent\t  * WSUS server: http://wsus.lab.example/ClientWebService/client.asmx\r\n\
        2011-02-21\t09:59:12:120\t 804\t6f0\tMisc\tWARNING: Send failed with hr = 80072efd.\r\n";
    std::fs::write(desk.path("WindowsUpdate.log"), log).unwrap();
    let report = |case: Option<&str>| -> Value {
        if let Some(case) = case {
            std::fs::write(desk.path("case.toml"), case).unwrap();
        }
        let log = desk.path("WindowsUpdate.log");
        let output = desk.run(&["explain", &log, "--format", "json"]);
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let lines = |report: &Value| -> Vec<(String, String)> {
        let events = report["timeline"].as_array().unwrap().iter();
        events
            .filter(|it| it["kind"] == "log")
            .map(|it| {
                let text = |field: &str| it[field].as_str().unwrap_or_default().to_owned();
                (text("at"), text("text"))
            })
            .collect()
    };
    assert_eq!(lines(&report(None)), [], "no zone is known");
    let of = |case: &str| lines(&report(Some(case)));
    let placed = of("[zones]\ndefault = \"UTC\"\n\"windowsupdate.LOG\" = \"+01:00\"\n");
    assert!(!placed.is_empty());
    for (at, text) in &placed {
        assert!(at.starts_with("2011-02-21T08:59:1"), "{at}");
        assert!(text.contains("zone is given by the analyst"), "{text}");
    }
}
