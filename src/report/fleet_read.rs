//! Reads what is merged: reports, and what earlier merges wrote.

use std::fmt;
use std::io::{BufReader, Read};
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::fleet_again::{CauseIn, MachineIn, ObjectIn, ProblemIn};
use super::fleet_json::SCHEMA;
use super::{fleet_in, fleet_machines, json};
use crate::fleet::{Gathering, Problem};

/// Reads a report, or what an earlier merge wrote, from a source that is opened
/// once to see what it is, and once more to read it. Nothing of it is kept but
/// what the fleet needs.
///
/// # Errors
///
/// One line: it cannot be opened, is no JSON, or of a form that this version
/// does not read. Nothing of it was taken then, unless it is a merge that is
/// damaged behind its begin.
pub fn read<R: Read>(
    open: &mut dyn FnMut() -> std::io::Result<R>,
    gathering: &mut Gathering,
) -> Result<(), String> {
    let form: Form = from(open)?;
    match form.schema.as_deref() {
        Some(json::SCHEMA) => {
            let report: fleet_in::Report = from(open)?;
            fleet_machines::take(&report, gathering);
            Ok(())
        }
        Some(SCHEMA) => {
            let reader = open().map_err(|error| error.to_string())?;
            let reader = BufReader::with_capacity(BUFFER_LEN, reader);
            let mut input = serde_json::Deserializer::from_reader(reader);
            let read = Whole(gathering).deserialize(&mut input);
            read.and_then(|()| input.end())
                .map_err(|error| damaged(&error))
        }
        Some(other) => {
            let other: String = other.chars().take(MAX_NAME).collect();
            Err(format!(
                "its form is {other:?}; this version reads {} and {SCHEMA}",
                json::SCHEMA
            ))
        }
        None => Err("no report of whychain: it names no schema".to_owned()),
    }
}

/// Characters of a schema that is named in an error.
const MAX_NAME: usize = 60;
/// Bytes read at a time.
const BUFFER_LEN: usize = 1 << 18;

#[derive(Deserialize)]
struct Form {
    schema: Option<String>,
}

fn from<T, R>(open: &mut dyn FnMut() -> std::io::Result<R>) -> Result<T, String>
where
    T: serde::de::DeserializeOwned,
    R: Read,
{
    let reader = open().map_err(|error| error.to_string())?;
    let reader = BufReader::with_capacity(BUFFER_LEN, reader);
    serde_json::from_reader(reader).map_err(|error| damaged(&error))
}

fn damaged(error: &serde_json::Error) -> String {
    format!("damaged: {error}")
}

/// The whole of an earlier merge: its machines go straight to the others.
struct Whole<'a>(&'a mut Gathering);

impl<'de> DeserializeSeed<'de> for Whole<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, input: D) -> Result<(), D::Error> {
        input.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Whole<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a fleet report")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(field) = map.next_key::<String>()? {
            match field.as_str() {
                "machines" => map.next_value_seed(each(self.0, |it: MachineIn, to| {
                    let machine = it.into_machine(to);
                    to.add(machine);
                }))?,
                "causes" => map.next_value_seed(each(self.0, |it: CauseIn, to| it.give(to)))?,
                "objects" => map.next_value_seed(each(self.0, |it: ObjectIn, to| it.give(to)))?,
                "problems" => map.next_value_seed(each(self.0, |it: ProblemIn, to| {
                    to.problem(Problem {
                        report: it.report,
                        what: it.what,
                    });
                }))?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// The members of a list, each given on as it is read.
struct Each<'a, T, F>(&'a mut Gathering, F, PhantomData<T>);

fn each<T, F: Fn(T, &mut Gathering)>(gathering: &mut Gathering, give: F) -> Each<'_, T, F> {
    Each(gathering, give, PhantomData)
}

impl<'de, T, F> DeserializeSeed<'de> for Each<'_, T, F>
where
    T: Deserialize<'de>,
    F: Fn(T, &mut Gathering),
{
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, input: D) -> Result<(), D::Error> {
        input.deserialize_seq(self)
    }
}

impl<'de, T, F> Visitor<'de> for Each<'_, T, F>
where
    T: Deserialize<'de>,
    F: Fn(T, &mut Gathering),
{
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(member) = list.next_element::<T>()? {
            (self.1)(member, self.0);
        }
        Ok(())
    }
}
