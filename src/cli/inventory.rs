//! `whychain inventory`: what each file is.

use clap::Args;
use whychain::report;

use super::Failure;
use super::explain::read;
use super::options::{Evidence, Show};
use super::output;

/// List what each file is, with its hash
///
/// The kind of a file is told by its content, never by its name.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    evidence: Evidence,
    #[command(flatten)]
    show: Show,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<u8, Failure> {
    let options = arguments.evidence.options();
    let explained = read(&arguments.evidence.evidence, &options, &arguments.show)?;
    let look = output::look(&arguments.show, false);
    output::data(&report::lists::inventory(&explained.case, &look))?;
    Ok(0)
}
