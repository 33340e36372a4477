//! `whychain explain`: the main job.

use std::path::PathBuf;

use clap::Args;
use whychain::diagnosis::VerdictState;
use whychain::pipeline::{self, Explained};
use whychain::recall;
use whychain::report;
use whychain::words;

use super::Failure;
use super::case_file;
use super::each::{self, Each};
use super::options::{Evidence, Format, Question, Show};
use super::output;
use super::outputs::{Output, Plan};
use super::progress::Teller;

/// Explain what failed and why (the default)
///
/// Reads the evidence once, finds validations that were rejected or delayed and
/// trust objects that were not obtained, and says why, with packet numbers, file
/// names, what was ruled out, and what this evidence cannot tell.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    pub evidence: Evidence,
    /// What you know of the case (docs/CASE.md); by default the case.toml beside
    /// the evidence. Labels the report, and is never evidence
    #[arg(long, value_name = "FILE")]
    pub case: Option<PathBuf>,
    #[command(flatten)]
    pub question: Question,
    #[command(flatten)]
    pub output: Output,
    #[command(flatten)]
    pub each: Each,
    #[command(flatten)]
    pub show: Show,
}

const EXAMPLES: &str = "\
Examples:
  whychain explain client.pcapng caches.zip
  whychain explain evidence/ --site www.example.com
  whychain explain client.pcapng --from 2011-02-21T08:50Z --to 2011-02-21T09:10Z
  whychain explain client.pcapng -o report.json --at 2011-02-21T08:59:14Z
  whychain explain evidence/ -o report.txt -o report.json -o events.csv
  whychain explain --each hand-overs/*.zip --out-dir reports/ --resume

Times are given with their zone: 2011-02-21T08:59:14Z, or 2011-02-21 09:59+01:00.
Exit status: 0 nothing failed, 1 explained, 2 could not run, 3 not determined.
With --each that of the worst case: 3 before 1 before 0; a case that could not
be explained counts as 3, and 2 means that none could.";

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<u8, Failure> {
    if arguments.each.each {
        return each::run(arguments);
    }
    let paths = &arguments.evidence.evidence;
    let mut options = arguments.question.options(&arguments.evidence)?;
    let plan = Plan::of(&arguments.output, paths)?;
    let given = case_file::read(arguments.case.as_deref(), paths)?;
    options.zones = given
        .as_ref()
        .map(|it| it.zones.clone())
        .unwrap_or_default();
    let mut explained = read(paths, &options, &arguments.show)?;
    explained.given = given;
    if plan.has(Format::Json) {
        // So that a second examiner can prove the claims again, one by one.
        let wanted = report::json::cited_frames(&explained);
        let password = arguments.evidence.password.as_deref();
        let (ledger, places) = (&explained.case.evidence, &explained.places);
        explained.cited = recall::digests(paths, password, ledger, places, &wanted);
    }
    plan.write(&explained, &arguments.show)?;
    afterwards(arguments, &explained);
    Ok(status(explained.diagnosis.verdict.state))
}

/// Runs the pipeline and tells its progress.
pub fn read(
    paths: &[PathBuf],
    options: &pipeline::Options,
    show: &Show,
) -> Result<Explained, Failure> {
    let mut teller = Teller::new(show);
    let result = pipeline::explain(paths, options, &mut |progress| teller.tell(&progress));
    teller.finish();
    Ok(result?)
}

/// What is said on stderr when the report is out.
fn afterwards(arguments: &Arguments, explained: &Explained) {
    if arguments.show.verbose {
        let case = &explained.case;
        let files = words::count(case.evidence.len() as u64, "file", "files");
        let retrievals = words::count(case.retrievals.len() as u64, "retrieval", "retrievals");
        let handshakes = words::count(case.handshakes.len() as u64, "handshake", "handshakes");
        let objects = words::count(case.artifacts.len() as u64, "object", "objects");
        let issues = words::count(case.issues.len() as u64, "issue", "issues");
        output::say(&format!(
            "{files}, {retrievals}, {handshakes}, {objects}, {issues}"
        ));
    }
}

/// The exit status of a verdict.
fn status(state: VerdictState) -> u8 {
    match state {
        VerdictState::Clean | VerdictState::NoValidationSeen => 0,
        VerdictState::Explained => 1,
        VerdictState::Undetermined => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_status_follows_the_verdict() {
        assert_eq!(status(VerdictState::Clean), 0);
        assert_eq!(status(VerdictState::NoValidationSeen), 0);
        assert_eq!(status(VerdictState::Explained), 1);
        assert_eq!(status(VerdictState::Undetermined), 3);
    }
}
