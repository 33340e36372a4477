//! `whychain explain`: the main job.

use std::path::{Path, PathBuf};

use clap::Args;
use whychain::diagnosis::VerdictState;
use whychain::pipeline::{self, Explained};
use whychain::report;
use whychain::time::Timestamp;
use whychain::words;

use super::Failure;
use super::options::{Evidence, Format, Show, time};
use super::output::{self, Target};
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
    evidence: Evidence,
    /// Form of the report: text, html, markdown, or json (docs/REPORT.md); by default that of
    /// the file's extension, else text
    #[arg(long, value_enum, value_name = "FORMAT", hide_possible_values = true)]
    format: Option<Format>,
    /// Write the report to a file (.txt, .html, .md or .json), whole or not at all
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Overwrite the file if it exists
    #[arg(long, requires = "output")]
    force: bool,
    /// Judge every validation at this time instead of its own
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<Timestamp>,
    /// The question: this server's failure first
    #[arg(long, value_name = "NAME")]
    site: Option<String>,
    /// Only this machine, by name or address
    #[arg(long, value_name = "NAME")]
    machine: Option<String>,
    /// Only facts from this time on
    #[arg(long, value_name = "TIME", value_parser = time)]
    from: Option<Timestamp>,
    /// Only facts up to this time
    #[arg(long, value_name = "TIME", value_parser = time)]
    to: Option<Timestamp>,
    /// Folder of certificates that the machine is known to have trusted
    #[arg(long, value_name = "FOLDER")]
    roots: Option<PathBuf>,
    /// List every HTTP exchange, and hash its body
    #[arg(long)]
    all_http: bool,
    #[command(flatten)]
    show: Show,
}

const EXAMPLES: &str = "\
Examples:
  whychain explain client.pcapng caches.zip
  whychain explain evidence/ --site www.example.com
  whychain explain client.pcapng --from 2011-02-21T08:50Z --to 2011-02-21T09:10Z
  whychain explain client.pcapng -o report.json --at 2011-02-21T08:59:14Z

Times are given with their zone: 2011-02-21T08:59:14Z, or 2011-02-21 09:59+01:00.
Exit status: 0 nothing failed, 1 explained, 2 could not run, 3 not determined.";

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<u8, Failure> {
    if let (Some(from), Some(to)) = (arguments.from, arguments.to)
        && from > to
    {
        return Err(Failure("--from is later than --to".to_owned()));
    }
    let paths = &arguments.evidence.evidence;
    let output = arguments.output.as_deref();
    let target = output
        .map(|path| Target::new(path, arguments.force, paths))
        .transpose()?;
    let format = format(arguments.format, output)?;
    let options = pipeline::Options {
        at: arguments.at,
        all_http: arguments.all_http,
        site: arguments.site.clone(),
        machine: arguments.machine.clone(),
        from: arguments.from,
        to: arguments.to,
        roots: arguments.roots.clone(),
        ..arguments.evidence.options()
    };
    let explained = read(paths, &options, &arguments.show)?;
    let text = match format {
        Format::Json => report::json::write(&explained),
        Format::Html => report::html::write(&explained, &output::look(&arguments.show, true)),
        Format::Markdown => {
            report::markdown::write(&explained, &output::look(&arguments.show, true))
        }
        Format::Text => {
            report::text::write(&explained, &output::look(&arguments.show, target.is_some()))
        }
    };
    match &target {
        Some(target) => target.write(&text)?,
        None => output::data(&text)?,
    }
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

/// The form asked for, else that of the extension, else text.
fn format(asked: Option<Format>, output: Option<&Path>) -> Result<Format, Failure> {
    if let Some(format) = asked {
        return Ok(format);
    }
    let Some(extension) = output.and_then(Path::extension) else {
        return Ok(Format::Text);
    };
    match extension.to_ascii_lowercase().to_str() {
        Some("json") => Ok(Format::Json),
        Some("txt" | "text") => Ok(Format::Text),
        Some("html" | "htm") => Ok(Format::Html),
        Some("md" | "markdown") => Ok(Format::Markdown),
        _ => Err(Failure(format!(
            ".{} is no known form of a report; give --format",
            extension.display()
        ))),
    }
}

/// What is said on stderr when the report is out.
fn afterwards(arguments: &Arguments, explained: &Explained) {
    if arguments.show.quiet {
        return;
    }
    if let Some(output) = &arguments.output {
        let state = explained.diagnosis.verdict.state.word();
        output::say(&format!("wrote {} ({state})", output.display()));
    }
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

    #[test]
    fn the_extension_chooses_the_form_unless_one_is_asked_for() {
        let of = |asked, path: &str| format(asked, Some(Path::new(path)));
        assert_eq!(of(None, "a.JSON"), Ok(Format::Json));
        assert_eq!(of(None, "a.txt"), Ok(Format::Text));
        assert_eq!(of(None, "report"), Ok(Format::Text));
        assert_eq!(of(Some(Format::Json), "a.txt"), Ok(Format::Json));
        let message = ".pdf is no known form of a report; give --format".to_owned();
        assert_eq!(of(None, "a.pdf"), Err(Failure(message)));
        assert_eq!(format(None, None), Ok(Format::Text));
    }
}
