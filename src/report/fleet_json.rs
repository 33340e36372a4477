//! The fleet report, `whychain.fleet/1`. Every field is described in
//! `docs/FLEET.md`. It can be merged again: `machines` has all that is needed.

use std::io::{self, Write};

use serde::{Serialize, Serializer};

use super::fleet_json_machine::JsonFleetMachine;
use super::fleet_json_parts::{
    JsonAlike, JsonCause, JsonFault, JsonLack, JsonObject, JsonOutlier, JsonProblem, JsonStates,
};
use super::json::{line, pretty};
use crate::fleet::{Answer, Fleet, Object};

/// Name and version of the form; a change that breaks readers raises the number.
pub const SCHEMA: &str = "whychain.fleet/1";

/// Writes the fleet report: first what the fleet shows, then its machines, one
/// on a line. They are written one by one: the text of a hundred thousand
/// machines is larger than all that is known of them.
///
/// # Errors
///
/// Those of the output.
pub fn write(fleet: &Fleet, answer: &Answer, output: &mut dyn Write) -> io::Result<()> {
    let head = pretty(&JsonFleet::of(fleet, answer));
    // `machines` is the last field, and empty so far.
    let head = head.trim_end().trim_end_matches('}').trim_end();
    output.write_all(head.trim_end_matches(']').as_bytes())?;
    for (index, machine) in fleet.machines().enumerate() {
        let comma = if index > 0 { "," } else { "" };
        let text = line(&JsonFleetMachine::of(fleet, index, &machine));
        write!(output, "{comma}\n    {text}")?;
    }
    let close = if fleet.is_empty() {
        "]\n}\n"
    } else {
        "\n  ]\n}\n"
    };
    output.write_all(close.as_bytes())
}

/// The whole, in the order of the contract.
#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub(super) struct JsonFleet<'a> {
    schema: &'static str,
    tool: Tool,
    reports: usize,
    machine_count: usize,
    states: JsonStates,
    causes: Vec<JsonCause>,
    proxies: Vec<JsonFault>,
    accounts: Vec<JsonFault>,
    #[cfg_attr(any(test, feature = "schema"), schemars(with = "Vec<JsonObject>"))]
    objects: Each<'a>,
    lacks: Vec<JsonLack>,
    outliers: Vec<JsonOutlier>,
    alike: Vec<JsonAlike>,
    problems: Vec<JsonProblem>,
    /// Last, because it is written one by one.
    machines: Vec<JsonFleetMachine>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
struct Tool {
    name: &'static str,
    version: &'static str,
}

/// Objects, each made when it is written: there may be thousands of versions.
#[derive(Debug)]
struct Each<'a>(&'a [Object]);

impl Serialize for Each<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.0.iter().map(JsonObject::of))
    }
}

impl<'a> JsonFleet<'a> {
    fn of(fleet: &Fleet, answer: &'a Answer) -> Self {
        JsonFleet {
            schema: SCHEMA,
            tool: Tool {
                name: "whychain",
                version: env!("CARGO_PKG_VERSION"),
            },
            reports: answer.reports,
            machine_count: fleet.len(),
            states: JsonStates::of(&answer.states),
            causes: answer
                .causes
                .iter()
                .map(|it| JsonCause::of(fleet, it))
                .collect(),
            proxies: answer.proxies.iter().map(JsonFault::of).collect(),
            accounts: answer.accounts.iter().map(JsonFault::of).collect(),
            objects: Each(&answer.objects),
            lacks: answer.lacks.iter().map(JsonLack::of).collect(),
            outliers: answer.outliers.iter().map(JsonOutlier::of).collect(),
            alike: answer.alike.iter().map(JsonAlike::of).collect(),
            problems: fleet.problems.iter().map(JsonProblem::of).collect(),
            machines: Vec::new(),
        }
    }
}
