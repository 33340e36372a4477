//! Hostile text in every field of the evidence, and in the names of its files:
//! what reaches a page, a table, a terminal or a folder is harmless.

use std::io::{Cursor, Write};
use std::path::Path;

use whychain::words;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::capture_writer::Capture;
use crate::der_writer::{certificate, element, extension, name, sequence};
use crate::{names, run, text};

const MARKUP: &str =
    "<script>alert(1)</script><img src=x onerror=alert(2)>\"'><svg/onload=alert(3)>";
const FORMULA: &str = "=HYPERLINK(\"http://evil.example\";\"click\")";
const TERMINAL: &str = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m\u{202e}exe.txt\u{2066}\u{200b}";
const ALL: [&str; 3] = [MARKUP, FORMULA, TERMINAL];

/// An extension of access or distribution, with this URL.
fn urls(url: &str) -> Vec<u8> {
    let location = element(0x86, url.as_bytes());
    let ca_issuers = [6, 8, 0x2B, 6, 1, 5, 5, 7, 0x30, 2];
    let access = sequence(&[&sequence(&[&ca_issuers, &location])]);
    let access_oid = [6, 8, 0x2B, 6, 1, 5, 5, 7, 1, 1];
    let access = sequence(&[&access_oid, &element(4, &access)]);
    let point = sequence(&[&element(0xA0, &element(0xA0, &location))]);
    [access, extension(31, &sequence(&[&point]))].concat()
}

fn hostile_certificate(bad: &str) -> Vec<u8> {
    let names = element(0x30, &element(0x82, bad.as_bytes()));
    let url = format!("http://evil.example/{bad}");
    let extensions = [extension(17, &names), urls(&url)].concat();
    certificate(&extensions, &name(bad))
}

/// Exchanges whose every field is hostile. What ends a line of HTTP is left out.
fn hostile_capture() -> Vec<u8> {
    let mut capture = Capture::new();
    for bad in ALL {
        let body = hostile_certificate(bad);
        let page = format!("<html><head><title>{bad}</title></head></html>");
        let request = |path: &str| {
            format!(
                "GET http://{path} HTTP/1.1\r\nHost: {bad}\r\nUser-Agent: {bad}\r\n\
                 Proxy-Authorization: Digest username=\"{bad}\", realm=\"{bad}\"\r\n\r\n"
            )
        };
        let head = |status: &str, length: usize| {
            format!(
                "HTTP/1.1 {status} {bad}\r\nVia: 1.1 {bad}\r\nX-Cache: HIT from {bad}\r\n\
                 Server: {bad}\r\nContent-Type: {bad}\r\nETag: {bad}\r\n\
                 Proxy-Authenticate: Basic realm=\"{bad}\"\r\nLocation: {bad}\r\n\
                 Content-Length: {length}\r\n\r\n"
            )
        };
        let path = format!("crl.example/{bad}/ca.crt");
        let good = [head("200", body.len()).as_bytes(), &body].concat();
        capture.exchange(request(&path), good);
        for status in ["200", "403", "407", "302"] {
            let path = format!("ctldl.windowsupdate.com/{bad}/authroot.stl");
            let answer = format!("{}{page}", head(status, page.len()));
            capture.exchange(request(&path), answer);
        }
    }
    capture.bytes().to_vec()
}

fn hostile_zip() -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let climbing = [
        "../../evil.cer",
        "/etc/evil.cer",
        "C:\\Windows\\evil.cer",
        "..\\..\\evil.cer",
        "CON.cer",
    ];
    for (number, member) in climbing.into_iter().chain(ALL).enumerate() {
        writer
            .start_file(member, SimpleFileOptions::default())
            .unwrap();
        let own = hostile_certificate(&format!("{number} {member}"));
        writer.write_all(&own).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// Evidence with hostile names and contents.
fn lay(folder: &Path) {
    let put = |name: &str, bytes: &[u8]| std::fs::write(folder.join(name), bytes).unwrap();
    put("a.pcap", &hostile_capture());
    put("b.zip", &hostile_zip());
    for (number, bad) in ALL.into_iter().enumerate() {
        let file = bad.replace('/', "|");
        put(
            &format!("{file}.cer"),
            &hostile_certificate(&format!("own {number} {bad}")),
        );
        let line = format!(
            "2011-02-21\t08:59:14:694\t 924\t1a4\tMisc\tWARNING: Error: 0x800b0109 when verifying trust for {bad}\r\n"
        );
        put(&format!("{file}.log"), line.repeat(3).as_bytes());
    }
    let toml = |text: &str| format!("{text:?}");
    let title = toml(MARKUP).replace("\\u{", "\\\\u{");
    let note = toml(FORMULA);
    put(
        "case.toml",
        format!("title = {title}\nexaminer = {note}\n[[note]]\nby = {title}\ntext = {note}\n")
            .as_bytes(),
    );
}

/// Text for people: nothing that moves a cursor or turns the direction.
#[track_caller]
fn assert_plain(what: &str, shown: &str, colored: bool) {
    let mut rest = shown.to_owned();
    if colored {
        // The program's own colors: digits and semicolons, then `m`.
        let mut plain = String::new();
        let mut parts = rest.split("\u{1b}[");
        plain.push_str(parts.next().unwrap());
        for part in parts {
            let end = part
                .find('m')
                .unwrap_or_else(|| panic!("{what}: an escape that is no color"));
            let is_color = part[..end]
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b';');
            assert!(is_color, "{what}: {:?}", &part[..end]);
            plain.push_str(&part[end + 1..]);
        }
        rest = plain;
    }
    let bad = rest
        .char_indices()
        .find(|(_, c)| *c != '\n' && words::is_hostile(*c));
    if let Some((at, character)) = bad {
        let near: String = rest[..at]
            .chars()
            .rev()
            .take(60)
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
            .collect();
        panic!("{what}: {character:?} behind {near:?}");
    }
}

#[track_caller]
fn assert_no_markup(what: &str, page: &str) {
    for tag in ["<img", "<svg/", "<script>alert", "'><svg"] {
        assert!(!page.contains(tag), "{what}: {tag}");
    }
}

#[track_caller]
fn assert_no_formula(what: &str, table: &str) {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(table.as_bytes());
    for record in reader.records() {
        for cell in &record.unwrap() {
            let computed = cell
                .trim_start()
                .starts_with(['=', '+', '-', '@', '\t', '\r']);
            assert!(!computed || cell == "-", "{what}: {cell:?}");
        }
    }
}

#[test]
fn no_form_of_the_report_carries_what_its_reader_would_run() {
    let folder = tempfile::tempdir().unwrap();
    let (evidence, out) = (folder.path().join("evidence"), folder.path().join("out"));
    std::fs::create_dir(&evidence).unwrap();
    std::fs::create_dir(&out).unwrap();
    lay(&evidence);
    let forms = [
        "r.txt",
        "r.html",
        "r.md",
        "r.json",
        "r.csv",
        "r.jsonl",
        "r.l2t.csv",
    ];
    let mut arguments = vec!["explain".to_owned(), evidence.to_str().unwrap().to_owned()];
    for form in forms {
        arguments.extend(["-o".to_owned(), out.join(form).to_str().unwrap().to_owned()]);
    }
    let output = run(&arguments);
    assert!(
        matches!(output.status.code(), Some(0 | 1 | 3)),
        "{}",
        text(&output.stderr)
    );
    assert_plain("stderr", &text(&output.stderr), false);
    let read = |form: &str| std::fs::read_to_string(out.join(form)).unwrap();
    for form in ["r.txt", "r.md", "r.csv", "r.l2t.csv", "r.html"] {
        assert_plain(form, &read(form), false);
    }
    let page = read("r.html");
    assert!(
        page.contains("&lt;img src=x"),
        "the hostile text is in the report"
    );
    assert_eq!(page.matches("<script").count(), 1);
    assert_no_markup("r.html", &page);
    assert_no_markup("r.md", &read("r.md"));
    assert_no_formula("r.csv", &read("r.csv"));
    assert_no_formula("r.l2t.csv", &read("r.l2t.csv"));
    assert!(
        read("r.csv").contains("HYPERLINK"),
        "the formula is in the table"
    );
    let json: serde_json::Value = serde_json::from_str(&read("r.json")).unwrap();
    assert!(json.to_string().contains("HYPERLINK"));
    assert_plain("r.json", &read("r.json"), false);
    for line in read("r.jsonl").lines() {
        assert_plain("r.jsonl", line, false);
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
}

#[test]
fn no_command_sends_a_terminal_what_moves_it() {
    let folder = tempfile::tempdir().unwrap();
    lay(folder.path());
    let evidence = folder.path().to_str().unwrap();
    let leaf = folder.path().join("leaf.der");
    std::fs::write(&leaf, hostile_certificate(&ALL.concat())).unwrap();
    let leaf = leaf.to_str().unwrap();
    for arguments in [
        &["explain", "--color", "always", "--detail", "full", evidence][..],
        &[
            "explain",
            "--color",
            "always",
            "--progress",
            "always",
            "-v",
            evidence,
        ],
        &["inventory", evidence],
        &["timeline", evidence],
        &["cache", evidence],
        &["verify", "--leaf", leaf, "--at", "2025-01-01T00:00:00Z"],
        &["explain", "no\u{1b}[2Jsuch\u{202e}file"],
        &["rules", "no\u{1b}[2Jsuch"],
        &["cache", "name", "http://a/\u{1b}[2J"],
        &["explain", "--format", "\u{1b}[2J", evidence],
    ] {
        let output = run(arguments);
        let what = format!("{arguments:?}");
        assert_plain(&what, &text(&output.stdout), true);
        assert_plain(&what, &text(&output.stderr), false);
        assert!(
            !output.stdout.is_empty() || !output.stderr.is_empty(),
            "{what}"
        );
    }
}

#[test]
fn extracted_files_have_names_of_our_own_in_the_folder_that_was_named() {
    let folder = tempfile::tempdir().unwrap();
    let (evidence, out) = (folder.path().join("in"), folder.path().join("deep/er/out"));
    std::fs::create_dir(&evidence).unwrap();
    lay(&evidence);
    let before = names(&evidence);
    let arguments = [
        "extract",
        evidence.to_str().unwrap(),
        "--pcap",
        "--all-http",
        "-o",
        out.to_str().unwrap(),
    ];
    let output = run(arguments);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let written = names(&out);
    assert!(written.len() > 10, "{written:?}");
    for name in &written {
        let harmless = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-".contains(c);
        assert!(
            name.chars().all(harmless) && !name.starts_with(['.', '-']),
            "{name}"
        );
        assert!(out.join(name).is_file(), "{name}");
    }
    assert_eq!(names(folder.path()), ["deep", "in"]);
    assert_eq!(names(&folder.path().join("deep/er")), ["out"]);
    assert_eq!(names(&evidence), before);
    assert_no_formula(
        "manifest.csv",
        &std::fs::read_to_string(out.join("manifest.csv")).unwrap(),
    );
}
