//! `whychain timeline`: the events alone.

use clap::Args;
use whychain::report;

use super::Failure;
use super::explain::read;
use super::listed::ListArgs;
use super::options::{Evidence, Question, Show};

/// List the events in order of time
///
/// Times of different clocks stand side by side as they are; the column clock
/// says whose. `explain -o FILE.jsonl` writes the same for Timesketch.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    evidence: Evidence,
    #[command(flatten)]
    question: Question,
    #[command(flatten)]
    list: ListArgs,
    #[command(flatten)]
    show: Show,
}

const EXAMPLES: &str = "\
Examples:
  whychain timeline client.pcapng caches.zip
  whychain timeline client.pcapng --from 2011-02-21T08:50Z --where kind=retrieval
  whychain timeline client.pcapng --where url=authroot --format csv";

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<u8, Failure> {
    let paths = &arguments.evidence.evidence;
    let options = arguments.question.options(&arguments.evidence)?;
    let plan = arguments.list.plan(paths)?;
    let explained = read(paths, &options, &arguments.show)?;
    let listing = report::lists::timeline(&explained);
    arguments.list.write(&plan, listing, &arguments.show)?;
    Ok(0)
}
