//! `whychain schema`: the JSON Schema of the report.

use super::Failure;
use super::output;

/// The schema as committed; a test of `report` keeps it that of the types.
const SCHEMA: &str = include_str!("../../docs/report.schema.json");

/// Prints the schema.
pub fn run() -> Result<u8, Failure> {
    output::data(SCHEMA)?;
    Ok(0)
}
