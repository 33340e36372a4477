//! `whychain verify-report`: prove every claim of a report again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use whychain::pipeline::{self, Error};
use whychain::recall;
use whychain::report;
use whychain::report::reproof::{Reproof, compare};
use whychain::time::{Timestamp, offset_from_text};
use whychain::words;

use super::Failure;
use super::options::Show;
use super::output;
use super::progress::Teller;

/// Prove every claim of a JSON report again, from its evidence
///
/// Opens the evidence again, hashes it, derives every claim anew with the
/// settings of the report, and compares claim by claim, down to the bytes of
/// each packet cited. Names the claims that fail. What the analyst gave
/// (case.toml) is not evidence and is not proved.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The report: report.json
    #[arg(value_name = "REPORT")]
    report: PathBuf,
    /// The evidence that it was made from, in any order and any folder
    #[arg(required = true, value_name = "EVIDENCE")]
    evidence: Vec<PathBuf>,
    /// Password of encrypted zips
    #[arg(long, value_name = "PASSWORD")]
    password: Option<String>,
    /// The folder of trusted certificates that the report was made with
    #[arg(long, value_name = "FOLDER")]
    roots: Option<PathBuf>,
    /// How to answer: text or json
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    #[arg(hide_possible_values = true)]
    format: AnswerFormat,
    #[command(flatten)]
    show: Show,
}

const EXAMPLES: &str = "\
Examples:
  whychain verify-report report.json client.pcapng caches.zip

Exit status: 0 every claim was proved, 1 not every one, 2 could not run.";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum AnswerFormat {
    Text,
    Json,
}

/// Every claim was proved.
const PROVED: u8 = 0;
/// Some were not.
const NOT_PROVED: u8 = 1;
/// Bytes of a report; one of a million events has a few hundred million.
const MAX_REPORT_LEN: u64 = 2 << 30;

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<u8, Failure> {
    let shown = arguments.report.display();
    let failed = |error: std::io::Error| Failure(format!("{shown}: {error}"));
    let size = std::fs::metadata(&arguments.report).map_err(failed)?.len();
    if size > MAX_REPORT_LEN {
        return Err(Failure(format!(
            "{shown}: {size} bytes, more than {MAX_REPORT_LEN}"
        )));
    }
    let bytes = std::fs::read(&arguments.report).map_err(failed)?;
    let report: Value = match serde_json::from_slice(&bytes) {
        Ok(report) => report,
        Err(error) => {
            let why = format!("{shown}: is damaged, no claim of it can be read: {error}");
            output::say(&why);
            return Ok(NOT_PROVED);
        }
    };
    let is_report = report.get("evidence").is_some_and(Value::is_array);
    if !is_report {
        return Err(Failure(format!(
            "{shown}: is no report; `whychain explain EVIDENCE... -o report.json` makes one"
        )));
    }
    if report.get("shared").is_some_and(|it| !it.is_null()) {
        return Err(Failure(format!(
            "{shown}: was made with --share, its names are not those of the evidence; \
             verify the report it was made from"
        )));
    }
    let reproof = reproof(arguments, &report)?;
    let text = match arguments.format {
        AnswerFormat::Text => text(arguments, &reproof),
        AnswerFormat::Json => answer(&reproof),
    };
    output::data(&text)?;
    Ok(match reproof.failed.is_empty() {
        true => PROVED,
        false => NOT_PROVED,
    })
}

/// The zones of local times that the analyst gave for the run.
fn zones(given: &Value) -> BTreeMap<String, i64> {
    let list = given["zones"].as_array().into_iter().flatten();
    list.filter_map(|zone| {
        let offset = offset_from_text(zone["offset"].as_str()?)?;
        Some((zone["of"].as_str()?.to_owned(), offset))
    })
    .collect()
}

/// Derives the report again and compares.
fn reproof(arguments: &Arguments, report: &Value) -> Result<Reproof, Failure> {
    let settings = &report["settings"];
    if settings["roots_given"] == true && arguments.roots.is_none() {
        let why = "the report was made with --roots: give the same folder";
        return Err(Failure(why.to_owned()));
    }
    let time = |value: &Value| value.as_str().and_then(Timestamp::from_rfc3339);
    let word = |value: &Value| value.as_str().map(str::to_owned);
    let options = pipeline::Options {
        at: time(&report["as_of"]),
        all_http: settings["all_http"] == true,
        site: word(&settings["site"]),
        machine: word(&settings["machine"]),
        from: time(&settings["from"]),
        to: time(&settings["to"]),
        password: arguments.password.clone(),
        roots: arguments.roots.clone(),
        zones: zones(&report["given"]),
        ..pipeline::Options::default()
    };
    let paths = in_order(&arguments.evidence, report);
    let mut teller = Teller::new(&arguments.show);
    let explained = pipeline::explain(&paths, &options, &mut |progress| teller.tell(&progress));
    teller.finish();
    match explained {
        Ok(mut explained) => {
            let wanted = report::json::cited_frames(&explained);
            let password = arguments.password.as_deref();
            let (ledger, places) = (&explained.case.evidence, &explained.places);
            explained.cited = recall::digests(&paths, password, ledger, places, &wanted);
            Ok(compare(report, &report::json::value(&explained)))
        }
        // What was evidence is none any more: nothing of the report holds.
        Err(Error::NothingReadable(why)) => {
            output::say(&why);
            Ok(compare(report, &json!({})))
        }
        Err(error) => Err(error.into()),
    }
}

/// The evidence in the order in which the report has it, so that ids are given
/// alike: by the first path of the report that a path given ends, or lies in.
fn in_order(given: &[PathBuf], report: &Value) -> Vec<PathBuf> {
    let files = report["evidence"].as_array().map(Vec::as_slice);
    let paths: Vec<&str> = files
        .unwrap_or_default()
        .iter()
        .filter_map(|it| it["path"].as_str())
        .collect();
    let place = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let whole = path.to_string_lossy().replace('\\', "/");
        let exact = paths.iter().position(|it| it.starts_with(whole.as_str()));
        let alike = |it: &&str| it.split('/').any(|part| *part == name);
        exact
            .or_else(|| paths.iter().position(alike))
            .unwrap_or(usize::MAX)
    };
    let mut ordered = given.to_vec();
    ordered.sort_by_key(|path| place(path));
    ordered
}

fn text(arguments: &Arguments, reproof: &Reproof) -> String {
    let mut text = String::new();
    for failed in &reproof.failed {
        text.push_str(&words::clean(&format!(
            "FAILED  {}: {}",
            failed.claim, failed.why
        )));
        text.push('\n');
    }
    for note in &reproof.notes {
        text.push_str(&words::clean(&format!("note: {note}")));
        text.push('\n');
    }
    let claims = words::count(reproof.claims as u64, "claim", "claims");
    let report = words::clean(&arguments.report.display().to_string());
    let result = match reproof.failed.len() {
        0 => format!("{report}: {claims}, every one proved again\n"),
        1 => format!("{report}: {claims}, 1 NOT proved\n"),
        many => format!(
            "{report}: {claims}, {} NOT proved\n",
            words::thousands(many as u64)
        ),
    };
    text.push_str(&result);
    text
}

fn answer(reproof: &Reproof) -> String {
    let failed = reproof
        .failed
        .iter()
        .map(|it| json!({"claim": it.claim, "why": it.why, "rests_on_failed": it.rests_on_failed}));
    let answer = json!({
        "claims": reproof.claims,
        "proved": reproof.failed.is_empty(),
        "failed": failed.collect::<Vec<_>>(),
        "notes": reproof.notes,
    });
    let text = serde_json::to_string_pretty(&answer).unwrap_or_default();
    // The strings come from a report that anybody may have written.
    let lines = text.split('\n').map(words::clean);
    format!("{}\n", lines.collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn evidence_is_taken_in_the_order_of_the_report() {
        let report = json!({"evidence": [
            {"path": "cases/b.pcap"}, {"path": "cases/caches/MetaData/X"}, {"path": "cases/a.pcap"},
        ]});
        let given = ["/z/a.pcap", "/z/caches", "/z/b.pcap", "/z/other"].map(PathBuf::from);
        let names: Vec<String> = in_order(&given, &report)
            .iter()
            .map(|it| it.file_name().unwrap().to_string_lossy().into_owned())
            .collect();
        assert_eq!(names, ["b.pcap", "caches", "a.pcap", "other"]);
    }
}
