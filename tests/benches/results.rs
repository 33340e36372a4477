//! What was measured, as tables for people and as JSON for programs.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use serde::Serialize;

use super::measure::{Measured, Run};
use super::traffic::Manifest;

/// All captures of one call.
#[derive(Debug, Serialize)]
pub struct Results {
    pub machine: String,
    pub captures: Vec<Capture>,
}

/// One capture and the programs that read it.
#[derive(Debug, Serialize)]
pub struct Capture {
    pub name: &'static str,
    pub manifest: Manifest,
    pub measured: Vec<Measured>,
    /// What the reports of whychain lack of the manifest.
    pub wanting: Vec<String>,
}

impl Capture {
    fn of(&self, program: &str) -> Option<&Measured> {
        let mut all = self.measured.iter();
        all.find(|it| it.program == program && !it.runs.is_empty())
    }

    /// The capture and a row for each program.
    pub fn table(&self) -> String {
        let manifest = &self.manifest;
        let mut text = format!(
            "\n### {}\n\n{:.2} GB, {} packets of {} bytes, {} flows, {} with a hole, {} segments \
             out of order or twice, {} downloads, {} handshakes: {}\n\n\
             | program | wall s | CPU s | peak MiB | wall ÷ openssl | CPU ÷ cat |\n\
             |---|---:|---:|---:|---:|---:|\n",
            self.name,
            manifest.bytes as f64 / 1e9,
            manifest.packets,
            (manifest.bytes / manifest.packets.max(1)).saturating_sub(16),
            manifest.flows,
            manifest.flows_with_holes,
            manifest.disordered,
            manifest.downloads,
            manifest.handshakes,
            self.verdict(),
        );
        let (cat, openssl) = (self.of("cat"), self.of("openssl"));
        for it in &self.measured {
            let cells = [
                shown(it.median(wall)),
                shown(it.median(|run| run.cpu_s)),
                it.peak_mib()
                    .map_or("–".to_owned(), |mib| format!("{mib:.0}")),
                shown(openssl.and_then(|other| it.ratio(other, wall))),
                shown(cat.and_then(|other| it.cpu_ratio(other))),
            ];
            let _ = writeln!(text, "| {} | {} |", it.program, cells.join(" | "));
        }
        text
    }

    fn verdict(&self) -> String {
        match self.wanting.as_slice() {
            [] => "all found".to_owned(),
            wanting => format!("NOT ALL FOUND ({})", wanting.join(", ")),
        }
    }
}

fn wall(run: &Run) -> f64 {
    run.wall_s
}

fn shown(value: Option<f64>) -> String {
    // A program that takes less than the clock's tick has no ratio.
    let value = value.filter(|value| value.is_finite());
    value.map_or("–".to_owned(), |value| format!("{value:.2}"))
}

/// A goal, and the figure that is to stay at or below it.
type Goal = (&'static str, f64, Option<f64>);

impl Results {
    pub fn new() -> Self {
        let machine = machine();
        let captures = Vec::new();
        Results { machine, captures }
    }

    /// True when every run found everything.
    pub fn complete(&self) -> bool {
        self.captures.iter().all(|it| it.wanting.is_empty())
    }

    /// What became of the goals.
    pub fn goals(&self) -> String {
        let mut text =
            String::from("\n### Goals\n\n| measure | goal | measured | |\n|---|---:|---:|---|\n");
        for (what, goal, value) in self.figures() {
            let Some(value) = value.filter(|value| value.is_finite()) else {
                continue;
            };
            let word = if value <= goal { "met" } else { "not met" };
            let _ = writeln!(text, "| {what} | {goal:.2} | {value:.3} | {word} |");
        }
        text
    }

    fn figures(&self) -> Vec<Goal> {
        let of = |capture: &str, program: &str| {
            let capture = self.captures.iter().find(|it| it.name == capture)?;
            capture.of(program)
        };
        let wall_ratio =
            |capture: &str, other: &str| of(capture, "whychain")?.ratio(of(capture, other)?, wall);
        let cpu_ratio =
            |capture: &str| of(capture, "whychain, no hash")?.cpu_ratio(of(capture, "cat")?);
        let peak = |capture: &str| of(capture, "whychain")?.peak_mib();
        let (large, small, long) = ("large-packets", "small-packets", "four-times-as-long");
        let growth = peak(long).zip(peak(large)).map(|(long, one)| long - one);
        vec![
            (
                "large packets: wall ÷ openssl",
                0.95,
                wall_ratio(large, "openssl"),
            ),
            (
                "small packets: wall ÷ openssl",
                1.0,
                wall_ratio(small, "openssl"),
            ),
            (
                "large packets: CPU without hashing ÷ cat",
                2.5,
                cpu_ratio(large),
            ),
            (
                "small packets: CPU without hashing ÷ cat",
                4.0,
                cpu_ratio(small),
            ),
            (
                "large packets: wall ÷ tshark",
                0.10,
                wall_ratio(large, "tshark"),
            ),
            (
                "small packets: wall ÷ tshark",
                0.02,
                wall_ratio(small, "tshark"),
            ),
            ("large packets: peak memory, MiB", 32.0, peak(large)),
            ("four times as long: more peak memory, MiB", 8.0, growth),
            (
                "unanswered SYNs: peak memory, MiB",
                96.0,
                peak("unanswered-syns"),
            ),
        ]
    }

    /// Writes `throughput.md` and `throughput.json`, and where it is asked for the
    /// tables into the document that keeps them.
    pub fn write(&self, folder: &Path, record: bool) {
        let tables: String = self.captures.iter().map(Capture::table).collect();
        let text = format!(
            "Measured {} on {}.\n{}{tables}",
            today(),
            self.machine,
            self.goals()
        );
        if record {
            let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/PERFORMANCE.md");
            let old = std::fs::read_to_string(&document).expect("docs/PERFORMANCE.md");
            let (before, rest) = old.split_once(BEGIN).expect("where the tables begin");
            let (_, after) = rest.split_once(END).expect("where the tables end");
            let new = format!("{before}{BEGIN}\n\n{text}\n{END}{after}");
            std::fs::write(document, new).expect("the tables recorded");
        }
        std::fs::write(folder.join("throughput.md"), text).expect("the tables written");
        let json = serde_json::to_string_pretty(self).expect("figures are JSON");
        std::fs::write(folder.join("throughput.json"), json).expect("the figures written");
    }
}

/// What stands around the tables in `docs/PERFORMANCE.md`.
const BEGIN: &str = "<!-- results: written by the bench -->";
const END: &str = "<!-- end of results -->";

/// The date, as the system tells it.
fn today() -> String {
    let date = Command::new("date").args(["-u", "+%Y-%m-%d"]).output();
    let text = date.map(|done| done.stdout).unwrap_or_default();
    String::from_utf8_lossy(&text).trim().to_owned()
}

/// The processor and how many there are, as Linux tells it.
fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let lines = || info.lines().filter_map(|line| line.split_once(':'));
    let model = lines().find(|(name, _)| name.trim() == "model name");
    let model = model.map_or("unknown processor", |(_, value)| value.trim());
    let sha = lines().any(|(name, value)| name.trim() == "flags" && value.contains(" sha_ni"));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let with = if sha { "with" } else { "without" };
    format!("{model}, {cores} processors, {with} SHA extensions")
}
