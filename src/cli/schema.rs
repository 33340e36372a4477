//! `whychain schema`: the JSON Schemas of the reports.

use clap::{Args, ValueEnum};

use super::Failure;
use super::output;

/// Print the JSON Schema of the report, or of the merged one
#[derive(Debug, Args)]
pub struct Arguments {
    /// Of which: report (of `explain`), fleet (of `merge`)
    #[arg(value_enum, value_name = "WHICH", default_value = "report")]
    #[arg(hide_possible_values = true)]
    which: Which,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Which {
    Report,
    Fleet,
}

/// The schemas as committed; a test of `report` keeps them those of the types.
const REPORT: &str = include_str!("../../docs/report.schema.json");
const FLEET: &str = include_str!("../../docs/fleet.schema.json");

/// Prints the schema.
pub fn run(arguments: &Arguments) -> Result<u8, Failure> {
    output::data(match arguments.which {
        Which::Report => REPORT,
        Which::Fleet => FLEET,
    })?;
    Ok(0)
}
