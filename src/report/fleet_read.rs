//! Reads what is merged: reports, and what earlier merges wrote.

use std::fmt;
use std::io::{BufReader, Read};
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Deserializer;

use super::fleet_again::{CauseIn, MachineIn, ObjectIn, ProblemIn};
use super::fleet_json::SCHEMA;
use super::{fleet_in, fleet_machines, json};
use crate::fleet::{Gathering, Problem};

/// Reads a report, or what an earlier merge wrote, from a source that is opened
/// once, and again only where it is very long. Nothing of it is kept but what
/// the fleet needs.
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
    let reader = open().map_err(|error| error.to_string())?;
    let mut whole = Vec::new();
    let begin = reader.take(WHOLE_LEN + 1).read_to_end(&mut whole);
    begin.map_err(|error| error.to_string())?;
    if whole.len() as u64 <= WHOLE_LEN {
        return read_from(&mut || Ok(Deserializer::from_slice(&whole)), gathering);
    }
    drop(whole);
    let mut again = || {
        let reader = open().map_err(|error| error.to_string())?;
        let reader = BufReader::with_capacity(BUFFER_LEN, reader);
        Ok(Deserializer::from_reader(reader))
    };
    read_from(&mut again, gathering)
}

/// Bytes of a report that is read at once, which is several times as fast.
const WHOLE_LEN: u64 = 4 << 20;
/// Bytes read at a time of a longer one.
const BUFFER_LEN: usize = 1 << 18;
/// Characters of a schema that is named in an error.
const MAX_NAME: usize = 60;

fn read_from<'de, R: serde_json::de::Read<'de>>(
    begin: &mut dyn FnMut() -> Result<Deserializer<R>, String>,
    gathering: &mut Gathering,
) -> Result<(), String> {
    let mut schema = None;
    let found = Form(&mut schema).deserialize(&mut begin()?);
    match (schema.as_deref(), found) {
        (Some(json::SCHEMA), _) => {
            let mut input = begin()?;
            let report = fleet_in::Report::deserialize(&mut input);
            let report = report.and_then(|it| input.end().map(|()| it));
            fleet_machines::take(&report.map_err(|error| damaged(&error))?, gathering);
            Ok(())
        }
        (Some(SCHEMA), _) => {
            let mut input = begin()?;
            let read = Whole(gathering).deserialize(&mut input);
            read.and_then(|()| input.end())
                .map_err(|error| damaged(&error))
        }
        (Some(other), _) => {
            let other: String = other.chars().take(MAX_NAME).collect();
            Err(format!(
                "its form is {other:?}; this version reads {} and {SCHEMA}",
                json::SCHEMA
            ))
        }
        (None, Err(error)) => Err(damaged(&error)),
        (None, Ok(())) => Err("no report of whychain: it names no schema".to_owned()),
    }
}

fn damaged(error: &serde_json::Error) -> String {
    format!("damaged: {error}")
}

/// What a report calls itself. Nothing behind that is read; the parser, which
/// finds itself in the middle of an object, then says that it is damaged.
struct Form<'a>(&'a mut Option<String>);

impl<'de> DeserializeSeed<'de> for Form<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, input: D) -> Result<(), D::Error> {
        input.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Form<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a report")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(field) = map.next_key::<String>()? {
            if field == "schema" {
                *self.0 = map.next_value()?;
                return Ok(());
            }
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
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
