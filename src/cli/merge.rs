//! `whychain merge`: what the reports of many machines say together.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use walkdir::WalkDir;
use whychain::fleet::{Answer, Fleet, Gathering, Problem, State};
use whychain::report::{fleet_csv, fleet_html, fleet_json, fleet_read};
use whychain::words;

use super::Failure;
use super::options::Show;
use super::output::{self, Target};
use super::progress::{Overall, Teller};

/// Merge the reports of many machines: what the fleet shows
///
/// Reads JSON reports of `explain` and what earlier merges wrote, in any order
/// and grouping: the answer is the same, byte for byte. A machine that was
/// handed over twice counts once; two of one name are two, unless their own
/// evidence shows them to be one.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Reports (JSON), earlier merges, and folders that are searched for *.json
    #[arg(required = true, value_name = "REPORT")]
    reports: Vec<PathBuf>,
    /// Write to a file, whole or not at all; may be repeated, a form for each
    /// extension: .html .json .csv
    #[arg(short, long, value_name = "FILE")]
    output: Vec<PathBuf>,
    /// Form on stdout: json (docs/FLEET.md), html, csv (a row a machine)
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "json")]
    #[arg(hide_possible_values = true)]
    format: FleetFormat,
    /// Overwrite files that exist
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    show: Show,
}

const EXAMPLES: &str = "\
Examples:
  whychain explain --each hand-overs/*.zip --out-dir reports/
  whychain merge reports/ -o fleet.html -o fleet.json
  whychain merge monday.json tuesday.json late.json -o fleet.csv

Exit status: 0 merged, 1 merged without some that could not be read (they are
named), 2 could not run.";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FleetFormat {
    Json,
    Html,
    Csv,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<u8, Failure> {
    let mut targets = Vec::new();
    for path in &arguments.output {
        let target = Target::new(path, arguments.force, &arguments.reports)?;
        targets.push((target, form(path)?));
    }
    let mut gathering = Gathering::default();
    let (reports, problems) = gather(arguments, &mut gathering);
    if gathering.is_empty() && problems == reports {
        let why = "not one report could be read; see the lines above";
        return match reports {
            0 => Err(Failure("no *.json in what was given".to_owned())),
            _ => Err(Failure(why.to_owned())),
        };
    }
    let fleet = gathering.finish();
    let answer = Answer::of(&fleet);
    if targets.is_empty() {
        output::data_with(&mut |to| write(&fleet, &answer, arguments.format, &arguments.show, to))?;
    }
    for (target, format) in &targets {
        target.write_with(&mut |file| write(&fleet, &answer, *format, &arguments.show, file))?;
        if !arguments.show.quiet {
            output::say(&format!("wrote {}", target.path().display()));
        }
    }
    if !arguments.show.quiet && !targets.is_empty() {
        output::say(&sentence(&fleet, &answer));
    }
    Ok(if problems > 0 { 1 } else { 0 })
}

/// Reads every report once. Returns how many there are, and how many of them
/// could not be read.
fn gather(arguments: &Arguments, gathering: &mut Gathering) -> (usize, usize) {
    let outputs: Vec<PathBuf> = arguments
        .output
        .iter()
        .filter_map(|it| it.canonicalize().ok())
        .collect();
    let files = files(&arguments.reports, &outputs);
    let mut teller = Teller::new(&arguments.show);
    let (mut problems, all) = (0, files.len());
    for (done, path) in files.into_iter().enumerate() {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if let Err(what) = fleet_read::read(&mut || File::open(&path), gathering) {
            problems += 1;
            teller.finish();
            output::say(&format!("{}: left out: {what}", path.display()));
            gathering.problem(Problem {
                report: name.clone(),
                what,
            });
        }
        teller.tell_overall(&Overall {
            what: name,
            thousandths: (done as u64 + 1) * 1000,
            cases: all,
            done: done + 1,
            failed: problems,
        });
    }
    teller.finish();
    (all, problems)
}

/// The files given, and the *.json below folders given: not what is written
/// now, nor what begins with a dot.
fn files(given: &[PathBuf], outputs: &[PathBuf]) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = Vec::new();
    for path in given {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let walk = WalkDir::new(path).max_depth(MAX_DEPTH).sort_by_file_name();
        let is_report = |path: &Path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let output = path.canonicalize().is_ok_and(|it| outputs.contains(&it));
            name.to_ascii_lowercase().ends_with(".json") && !name.starts_with('.') && !output
        };
        let found = walk.into_iter().filter_map(Result::ok);
        let found = found.filter(|entry| !entry.file_type().is_dir());
        files.extend(
            found
                .map(walkdir::DirEntry::into_path)
                .filter(|it| is_report(it)),
        );
    }
    files
}

/// Folders within folders: reports lie near.
const MAX_DEPTH: usize = 16;

fn write(
    fleet: &Fleet,
    answer: &Answer,
    format: FleetFormat,
    show: &Show,
    to: &mut dyn Write,
) -> io::Result<()> {
    match format {
        FleetFormat::Json => fleet_json::write(fleet, answer, to),
        FleetFormat::Csv => fleet_csv::write(fleet, to),
        FleetFormat::Html => {
            let page = fleet_html::write(fleet, answer, &output::look(show, true));
            to.write_all(page.as_bytes())
        }
    }
}

/// The fleet in a line.
fn sentence(fleet: &Fleet, answer: &Answer) -> String {
    let machines = words::count(fleet.len() as u64, "machine", "machines");
    let reports = words::count(answer.reports as u64, "report", "reports");
    let states = State::ALL.into_iter().filter_map(|state| {
        let number = answer.states.get(&state)?;
        Some(format!(
            "{} {}",
            words::thousands(*number as u64),
            state.word()
        ))
    });
    let states: Vec<String> = states.collect();
    format!("{machines} in {reports}: {}", states.join(", "))
}

fn form(path: &Path) -> Result<FleetFormat, Failure> {
    let extension = path.extension().unwrap_or_default().to_string_lossy();
    match extension.to_ascii_lowercase().as_str() {
        "json" => Ok(FleetFormat::Json),
        "html" | "htm" => Ok(FleetFormat::Html),
        "csv" => Ok(FleetFormat::Csv),
        _ => Err(Failure(format!(
            "{}: name it .html, .json or .csv",
            path.display()
        ))),
    }
}
