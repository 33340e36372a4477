//! Commands, options, exit statuses. stdout is data, stderr is talk.
//!
//! Exit status of `explain`: 0 nothing failed, 1 a failure was explained,
//! 2 could not run, 3 a failure without a determined cause.

mod cache;
mod case_file;
mod ctl;
mod each;
mod each_ledger;
mod each_names;
mod each_tally;
mod explain;
mod extract;
mod interrupt;
mod inventory;
mod listed;
mod manual;
mod merge;
mod options;
mod output;
mod outputs;
mod progress;
mod rules;
mod schema;
mod timeline;
mod verify;
mod verify_answer;
mod verify_axis;
mod verify_batch;
mod verify_case;
mod verify_remains;
mod verify_report;
mod verify_shelf;
mod verify_text;

use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

/// Why did certificate-chain validation fail on that machine, at that time?
///
/// Reads packet captures, Windows CryptnetUrlCache folders, zips of them and
/// single objects, offline, and explains what failed, why, and what to do.
#[derive(Debug, Parser)]
#[command(
    name = "whychain",
    version,
    max_term_width = 100,
    arg_required_else_help = true
)]
#[command(override_usage = "whychain [explain] [OPTIONS] EVIDENCE...\n       whychain COMMAND ...")]
#[command(after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  whychain client.pcapng caches.zip           explain these together
  whychain explain evidence/ -o report.json   a whole folder, as JSON
  whychain cache name http://ctldl.windowsupdate.com/x.cab
  whychain explain --each *.zip --out-dir r   a report for each
  whychain merge r -o fleet.html              what they say together
  whychain rules proxy-auth-required          how a cause is told

FILE... alone means `explain FILE...`. A file that is named like a command
is written as ./rules.

Exit status:
  0  nothing failed
  1  a failure was found and explained
  2  could not run: usage, or no readable evidence
  3  a failure was found and its cause not determined, or the evidence is too
     poor to say that nothing failed";

#[derive(Debug, Subcommand)]
enum Command {
    Explain(Box<explain::Arguments>),
    Inventory(Box<inventory::Arguments>),
    Timeline(Box<timeline::Arguments>),
    Cache(Box<cache::Arguments>),
    Ctl(Box<ctl::Arguments>),
    Extract(Box<extract::Arguments>),
    /// Judge one chain by its files, or many from a file of cases
    Verify(Box<verify::VerifyArgs>),
    VerifyReport(Box<verify_report::Arguments>),
    Merge(Box<merge::Arguments>),
    Rules(rules::Arguments),
    Schema(schema::Arguments),
    Completions(manual::Completions),
    Man(manual::Man),
}

/// Runs the program with its arguments, the program's own name first.
pub fn run(arguments: Vec<OsString>) -> ExitCode {
    interrupt::watch();
    let arguments = with_default_command(arguments);
    let command = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli.command,
        Err(error) => return usage(&error),
    };
    let result = match command {
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Inventory(arguments) => inventory::run(&arguments),
        Command::Timeline(arguments) => timeline::run(&arguments),
        Command::Cache(arguments) => cache::run(&arguments),
        Command::Ctl(arguments) => ctl::run(&arguments),
        Command::Extract(arguments) => extract::run(&arguments),
        Command::Merge(arguments) => merge::run(&arguments),
        Command::Rules(arguments) => rules::run(&arguments),
        Command::Verify(arguments) => run_verify(&arguments),
        Command::VerifyReport(arguments) => verify_report::run(&arguments),
        Command::Schema(arguments) => schema::run(&arguments),
        Command::Completions(arguments) => manual::completions(&arguments, Cli::command()),
        Command::Man(arguments) => manual::man(&arguments, Cli::command()),
    };
    match result {
        Ok(status) => ExitCode::from(status),
        Err(Failure(message)) => {
            output::say(&message);
            ExitCode::from(CANNOT_RUN)
        }
    }
}

/// The exit status when nothing could be done.
pub const CANNOT_RUN: u8 = 2;

/// Why the program could not do what was asked, in one line.
#[derive(Debug, PartialEq, Eq)]
pub struct Failure(pub String);

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure(error.to_string())
    }
}

fn run_verify(arguments: &verify::VerifyArgs) -> Result<u8, Failure> {
    let mut answer = std::io::BufWriter::new(std::io::stdout().lock());
    let status = verify::run(arguments, &mut answer, &mut std::io::stderr());
    output::flushed(answer.flush())?;
    Ok(status)
}

/// Help and version go to stdout with status 0; the rest is an error.
fn usage(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        output::ignore_broken_pipe(error.print());
        return ExitCode::SUCCESS;
    }
    let text = error.render().to_string();
    if error.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        output::talk(&text);
    } else {
        output::say(text.trim_start_matches("error: ").trim_end());
    }
    ExitCode::from(CANNOT_RUN)
}

/// Puts `explain` in front of the first argument that is no option, unless it
/// is a command already.
fn with_default_command(mut arguments: Vec<OsString>) -> Vec<OsString> {
    let command = Cli::command();
    let mut names: Vec<&str> = command
        .get_subcommands()
        .map(clap::Command::get_name)
        .collect();
    names.push("help");
    let valued = options_with_values(&command);
    let mut asked_for_help = false;
    let mut rest = arguments.iter().skip(1);
    let mut first = None;
    while let Some(argument) = rest.next() {
        let Some(text) = argument.to_str() else {
            first = Some(argument.as_os_str());
            break;
        };
        match text {
            "--" => {
                first = rest.next().map(|_| OsStr::new("--"));
                break;
            }
            "-h" | "--help" | "-V" | "--version" => asked_for_help = true,
            option if valued.iter().any(|name| name == option) => {
                rest.next();
            }
            option if option.starts_with('-') && option != "-" => {}
            _ => {
                first = Some(argument.as_os_str());
                break;
            }
        }
    }
    let is_command = first.is_some_and(|first| names.iter().any(|name| first == OsStr::new(name)));
    let bare = first.is_none() && (asked_for_help || arguments.len() < 2);
    if !is_command && !bare {
        arguments.insert(1.min(arguments.len()), OsString::from("explain"));
    }
    arguments
}

/// Options of `explain` that are followed by a value: `-o`, `--output`, ….
fn options_with_values(command: &clap::Command) -> Vec<String> {
    let explain = command.find_subcommand("explain");
    let arguments = explain.into_iter().flat_map(clap::Command::get_arguments);
    let valued = arguments.filter(|argument| argument.get_action().takes_values());
    valued
        .flat_map(|argument| {
            let short = argument.get_short().map(|letter| format!("-{letter}"));
            short
                .into_iter()
                .chain(argument.get_long().map(|long| format!("--{long}")))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(words: &str) -> String {
        let arguments = words.split(' ').map(OsString::from).collect();
        let completed = with_default_command(arguments);
        let words = completed.iter().filter_map(|word| word.to_str());
        words.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn files_alone_are_explained() {
        assert_eq!(completed("whychain a.pcap"), "whychain explain a.pcap");
        assert_eq!(completed("whychain ./rules"), "whychain explain ./rules");
        assert_eq!(completed("whychain -"), "whychain explain -");
        assert_eq!(completed("whychain -- rules"), "whychain explain -- rules");
    }

    #[test]
    fn the_value_of_an_option_is_not_taken_for_a_file() {
        assert_eq!(
            completed("whychain --format json a.pcap"),
            "whychain explain --format json a.pcap"
        );
        assert_eq!(
            completed("whychain -o rules a.pcap"),
            "whychain explain -o rules a.pcap"
        );
        assert_eq!(
            completed("whychain -q a.pcap"),
            "whychain explain -q a.pcap"
        );
    }

    #[test]
    fn commands_help_and_version_stay() {
        for words in [
            "whychain explain a",
            "whychain rules",
            "whychain help explain",
            "whychain --help",
            "whychain -V",
            "whychain",
        ] {
            assert_eq!(completed(words), words);
        }
        assert_eq!(
            completed("whychain a.pcap --help"),
            "whychain explain a.pcap --help"
        );
    }

    #[test]
    fn the_commands_are_well_formed() {
        Cli::command().debug_assert();
    }
}
