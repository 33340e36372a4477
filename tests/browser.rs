//! The HTML report in a real browser: headless Chromium, where it is
//! installed. Elsewhere each test says so and passes.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

#[path = "capture_writer/mod.rs"]
mod capture_writer;
mod chromium;
use chromium::{browser, console, measured, opened};

/// The report on this evidence, in a folder.
fn report(folder: &Path, at: &Path, evidence: &[String]) -> PathBuf {
    let page = folder.join("report.html");
    let output = Command::new(env!("CARGO_BIN_EXE_whychain"))
        .current_dir(at)
        .args(["explain", "--format", "html"])
        .args(evidence)
        .output()
        .unwrap();
    assert!(
        matches!(output.status.code(), Some(0 | 1 | 3)),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    std::fs::write(&page, output.stdout).unwrap();
    page
}

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

fn evidence(sample: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(sample).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names
        .filter(|name| !["README.md", "report.txt", "report.json"].contains(&name.as_str()))
        .collect();
    names.sort();
    names
}

#[test]
fn samples_open_without_a_message_and_no_text_leaves_its_place() {
    let Some(browser) = browser() else { return };
    let mut wrong = Vec::new();
    let mut pages = Vec::new();
    let folder = tempfile::tempdir().unwrap();
    let samples = samples();
    for sample in &samples {
        let folder = folder.path().join(sample.file_name().unwrap());
        std::fs::create_dir(&folder).unwrap();
        let page = report(&folder, sample, &evidence(sample));
        let (document, messages) = opened(browser, &page);
        let name = sample.file_name().unwrap().to_string_lossy().into_owned();
        let said = console(&messages);
        if !said.is_empty() || !document.contains("</html>") {
            wrong.push(format!("{name}: {said:?}"));
        }
        // The policy lets the page's own script run: it shows the filter.
        if document.contains("id=\"timeline-filter\" hidden") {
            wrong.push(format!("{name}: the script did not run"));
        }
        pages.push(page);
    }
    for (sample, measured) in samples.iter().zip(measured(browser, &pages)) {
        if !measured.is_empty() {
            wrong.push(format!("{}: {measured}", sample.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_script_in_a_captured_header_stays_text() {
    let Some(browser) = browser() else { return };
    const BAD: &str =
        "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">";
    let folder = tempfile::tempdir().unwrap();
    let mut capture = capture_writer::Capture::new();
    let body = format!("<html><head><title>{BAD}</title></head></html>");
    capture.exchange(
        format!("GET /ca.crl?{BAD} HTTP/1.1\r\nHost: crl.example\r\nUser-Agent: {BAD}\r\n\r\n"),
        format!(
            "HTTP/1.1 200 {BAD}\r\nVia: 1.1 {BAD}\r\nX-Cache: HIT from {BAD}\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ),
    );
    std::fs::write(folder.path().join("a.pcap"), capture.bytes()).unwrap();
    let page = report(folder.path(), folder.path(), &["a.pcap".to_owned()]);
    let text = std::fs::read_to_string(&page).unwrap();
    assert!(
        text.contains("&lt;script&gt;"),
        "the header is in the report"
    );
    let (document, messages) = opened(browser, &page);
    assert_eq!(console(&messages), Vec::<&str>::new());
    assert!(!document.contains("<title>owned"));
    assert_eq!(document.matches("<script").count(), 1);
    assert_eq!(document.matches("<img").count(), 0);
}

/// The analysis of 50,000 exchanges takes minutes without optimization, so a
/// page of fewer is made longer: its parts of the timeline, ten times.
#[test]
fn fifty_thousand_events_open_in_seconds() {
    let Some(browser) = browser() else { return };
    const EVENTS: usize = 5_000;
    const TIMES: usize = 10;
    let folder = tempfile::tempdir().unwrap();
    let mut capture = capture_writer::Capture::new();
    for number in 0..EVENTS {
        capture.exchange(
            format!("GET /ca{number}.crl HTTP/1.1\r\nHost: crl.example\r\n\r\n"),
            "HTTP/1.1 304 Not Modified\r\nDate: Tue, 14 Nov 2023 22:13:20 GMT\r\n\r\n",
        );
    }
    let mut file = std::fs::File::create(folder.path().join("a.pcap")).unwrap();
    file.write_all(capture.bytes()).unwrap();
    let page = report(folder.path(), folder.path(), &["a.pcap".to_owned()]);
    let text = std::fs::read_to_string(&page).unwrap();
    let (before, rest) = text.split_once("<div id=\"timeline-events\">").unwrap();
    let (events, after) = rest.split_once("</details></div>").unwrap();
    let long = format!("{events}</details>").repeat(TIMES);
    let rows = long.matches("<tr").count();
    assert!(rows > EVENTS * TIMES, "{rows} rows");
    std::fs::write(
        &page,
        format!("{before}<div id=\"timeline-events\">{long}</div>{after}"),
    )
    .unwrap();
    let begin = Instant::now();
    let (document, messages) = opened(browser, &page);
    let took = begin.elapsed();
    println!("{rows} rows: {took:?}");
    assert_eq!(console(&messages), Vec::<&str>::new());
    assert!(document.contains("</html>"));
    // Three seconds of an idle machine; the limit is for one that is busy.
    assert!(took < Duration::from_secs(180), "{took:?}");
}
