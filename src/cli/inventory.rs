//! `whychain inventory`: what each file is.

use clap::Args;
use whychain::report;

use super::Failure;
use super::explain::read;
use super::listed::ListArgs;
use super::options::{Evidence, Show};

/// List what each file is, with its hash
///
/// The kind of a file is told by its content, never by its name.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    evidence: Evidence,
    #[command(flatten)]
    list: ListArgs,
    #[command(flatten)]
    show: Show,
}

const EXAMPLES: &str = "\
Examples:
  whychain inventory hand-over.zip
  whychain inventory evidence/ --sort size --reverse
  whychain inventory evidence/ --where kind=pcap -o inventory.csv";

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<u8, Failure> {
    let paths = &arguments.evidence.evidence;
    let plan = arguments.list.plan(paths)?;
    let explained = read(paths, &arguments.evidence.options(), &arguments.show)?;
    let listing = report::lists::inventory(&explained.case);
    arguments.list.write(&plan, listing, &arguments.show)?;
    Ok(0)
}
