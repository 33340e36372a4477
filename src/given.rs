//! What the analyst says of a case: `case.toml`. It labels the report and is
//! quoted there as *given by the analyst*. It is never evidence: no rule, no
//! chain and no clock reads it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Deserialize;
use toml::Spanned;

use crate::time::Timestamp;

/// Bytes of a case file; a page of notes has a few thousand.
pub const MAX_CASE_FILE_LEN: u64 = 1 << 20;
/// Machines, proxies, notes and zones of each kind.
const MAX_ENTRIES: usize = 1000;

/// A case file, read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Given {
    /// What the case is called.
    pub title: Option<String>,
    /// Its number.
    pub number: Option<String>,
    /// Who examines it.
    pub examiner: Option<String>,
    /// When the incident is said to have begun.
    pub incident_from: Option<Timestamp>,
    /// When it is said to have ended.
    pub incident_to: Option<Timestamp>,
    /// Offsets from UTC, in seconds, of local times: by name of a file or a
    /// machine, `default` for all others.
    pub zones: BTreeMap<String, i64>,
    /// Machines by name, with their addresses.
    pub machines: Vec<GivenMachine>,
    /// Proxies that are known to stand in the way.
    pub proxies: Vec<GivenProxy>,
    /// What witnesses said, by time; those without a time last.
    pub notes: Vec<Note>,
}

/// A machine that the analyst names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenMachine {
    /// Its name.
    pub name: String,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// Where it stands, or whose it is.
    pub note: Option<String>,
}

/// A proxy that the analyst names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenProxy {
    /// Its address, or name, with or without a port.
    pub address: String,
    /// What it is.
    pub note: Option<String>,
}

/// What a witness said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// When it is said to have happened.
    pub at: Option<Timestamp>,
    /// Who said it.
    pub by: Option<String>,
    /// The words.
    pub text: String,
}

impl Given {
    /// Reads a case file.
    ///
    /// ```text
    /// title = "…"  number = "…"  examiner = "…"
    /// [incident]   from = 2011-02-21T08:50:00Z   to = …
    /// [zones]      default = "+01:00"   "client.log" = "UTC"
    /// [[machine]]  name = "PC17"   addresses = ["10.0.0.5"]   note = "…"
    /// [[proxy]]    address = "10.0.0.2:3128"   note = "…"
    /// [[note]]     at = 2011-02-21T09:01:00+01:00   by = "…"   text = "…"
    /// ```
    ///
    /// Every key may be missing but `name`, `address` and `text`. Times are TOML
    /// date-times or strings, and carry their zone.
    ///
    /// Spec: TOML 1.0; the keys are this program's own.
    ///
    /// # Errors
    ///
    /// One line with the number of the line at fault: no TOML, an unknown key,
    /// a time without zone, an address that is none, too many entries.
    pub fn from_toml(text: &str) -> Result<Self, String> {
        let raw: Raw = toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            let message = error.message().lines().next().unwrap_or("not TOML");
            format!("line {}: {message}", line_of(text, at))
        })?;
        raw.into_given(text)
    }

    /// The names that the analyst gives to a machine with these addresses and names.
    #[must_use]
    pub fn names_of(&self, names: &[String], addresses: &[IpAddr]) -> Vec<String> {
        let alike = |one: &str| names.iter().any(|name| name.eq_ignore_ascii_case(one));
        let is_it = |machine: &&GivenMachine| {
            alike(&machine.name) || machine.addresses.iter().any(|it| addresses.contains(it))
        };
        let found = self.machines.iter().filter(is_it);
        found.map(|machine| machine.name.clone()).collect()
    }

    /// Whether a time lies in the incident as the analyst bounds it; `None`
    /// where no bound was given.
    #[must_use]
    pub fn in_incident(&self, at: Timestamp) -> Option<bool> {
        if self.incident_from.is_none() && self.incident_to.is_none() {
            return None;
        }
        let after = self.incident_from.is_none_or(|from| at >= from);
        Some(after && self.incident_to.is_none_or(|to| at <= to))
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    title: Option<String>,
    number: Option<String>,
    examiner: Option<String>,
    incident: Option<RawIncident>,
    #[serde(default)]
    zones: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    machine: Vec<RawMachine>,
    #[serde(default)]
    proxy: Vec<RawProxy>,
    #[serde(default)]
    note: Vec<RawNote>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawIncident {
    from: Option<Spanned<RawTime>>,
    to: Option<Spanned<RawTime>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMachine {
    name: String,
    #[serde(default)]
    addresses: Vec<Spanned<String>>,
    note: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawProxy {
    address: String,
    note: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawNote {
    at: Option<Spanned<RawTime>>,
    by: Option<String>,
    text: String,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum RawTime {
    DateTime(toml::value::Datetime),
    Text(String),
}

impl Raw {
    fn into_given(self, text: &str) -> Result<Given, String> {
        for (what, number) in [
            ("machines", self.machine.len()),
            ("proxies", self.proxy.len()),
            ("notes", self.note.len()),
            ("zones", self.zones.len()),
        ] {
            if number > MAX_ENTRIES {
                return Err(format!("{number} {what}, more than {MAX_ENTRIES}"));
            }
        }
        let incident = self.incident.unwrap_or(RawIncident {
            from: None,
            to: None,
        });
        let incident_from = optional_time(incident.from, text)?;
        let incident_to = optional_time(incident.to, text)?;
        if let (Some(from), Some(to)) = (incident_from, incident_to)
            && from > to
        {
            return Err("the incident ends before it begins".to_owned());
        }
        let mut zones = BTreeMap::new();
        for (name, zone) in self.zones {
            let seconds = crate::time::offset_from_text(zone.get_ref());
            let seconds = seconds.ok_or_else(|| {
                let line = line_of(text, zone.span().start);
                format!("line {line}: give a zone as UTC or an offset such as +01:00")
            })?;
            zones.insert(name, seconds);
        }
        let mut machines = Vec::new();
        for machine in self.machine {
            machines.push(machine.into_given(text)?);
        }
        let mut notes = Vec::new();
        for note in self.note {
            notes.push(Note {
                at: optional_time(note.at, text)?,
                by: note.by,
                text: note.text,
            });
        }
        notes.sort_by_key(|note| (note.at.is_none(), note.at));
        let proxy = |proxy: RawProxy| GivenProxy {
            address: proxy.address,
            note: proxy.note,
        };
        Ok(Given {
            title: self.title,
            number: self.number,
            examiner: self.examiner,
            incident_from,
            incident_to,
            zones,
            machines,
            proxies: self.proxy.into_iter().map(proxy).collect(),
            notes,
        })
    }
}

impl RawMachine {
    fn into_given(self, text: &str) -> Result<GivenMachine, String> {
        let mut addresses = Vec::new();
        for address in self.addresses {
            let parsed = address.get_ref().parse().map_err(|_| {
                let line = line_of(text, address.span().start);
                format!("line {line}: {} is no IP address", address.get_ref())
            })?;
            addresses.push(parsed);
        }
        Ok(GivenMachine {
            name: self.name,
            addresses,
            note: self.note,
        })
    }
}

fn optional_time(time: Option<Spanned<RawTime>>, text: &str) -> Result<Option<Timestamp>, String> {
    let Some(time) = time else { return Ok(None) };
    let written = match time.get_ref() {
        RawTime::DateTime(date_time) => date_time.to_string(),
        RawTime::Text(written) => written.clone(),
    };
    match Timestamp::from_rfc3339(&written) {
        Some(at) => Ok(Some(at)),
        None => Err(format!(
            "line {}: {written}: give date, time and zone, such as 2011-02-21T08:59:14Z",
            line_of(text, time.span().start)
        )),
    }
}

/// The line of a byte offset, from 1.
fn line_of(text: &str, at: usize) -> usize {
    let before = text.as_bytes().iter().take(at);
    before.filter(|byte| **byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    const FULL: &str = r#"
title = "Windows update fails"
number = "2011-17"
examiner = "E. Noether"
[incident]
from = 2011-02-21T08:50:00Z
to = "2011-02-21T10:10:00+01:00"
[zones]
default = "+01:00"
"client.log" = "UTC"
[[machine]]
name = "PC17"
addresses = ["10.0.0.5", "fe80::5"]
[[proxy]]
address = "10.0.0.2:3128"
note = "asks for a login"
[[note]]
text = "It never worked."
[[note]]
at = 2011-02-21T09:59:00+01:00
by = "help desk"
text = "The page did not open."
"#;

    #[test]
    fn every_key_is_read_and_notes_are_in_order_of_time() {
        let given = Given::from_toml(FULL).unwrap();
        assert_eq!(given.number.as_deref(), Some("2011-17"));
        let to = given.incident_to.unwrap().to_rfc3339();
        assert_eq!(to, "2011-02-21T09:10:00Z");
        assert_eq!(given.zones.get("default"), Some(&3600));
        assert_eq!(given.notes[0].by.as_deref(), Some("help desk"));
        assert_eq!(given.notes[1].at, None);
        let names = given.names_of(&[], &["10.0.0.5".parse().unwrap()]);
        assert_eq!(names, ["PC17"]);
        assert!(given.names_of(&["OTHER".to_owned()], &[]).is_empty());
    }

    #[test]
    fn the_window_includes_both_ends_and_is_none_when_not_given() {
        let given = Given::from_toml(FULL).unwrap();
        let at = |text: &str| Timestamp::from_rfc3339(text).unwrap();
        assert_eq!(given.in_incident(at("2011-02-21T09:10:00Z")), Some(true));
        assert_eq!(given.in_incident(at("2011-02-21T09:10:01Z")), Some(false));
        assert_eq!(
            Given::default().in_incident(at("2011-02-21T09:10:00Z")),
            None
        );
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let error = |text: &str| Given::from_toml(text).unwrap_err();
        assert!(
            error("title = \"a\"\ntitel = \"b\"\n").starts_with("line 2: unknown field `titel`")
        );
        assert_eq!(
            error("\n[incident]\nfrom = 2011-02-21T08:50:00\n"),
            "line 3: 2011-02-21T08:50:00: give date, time and zone, such as 2011-02-21T08:59:14Z"
        );
        assert_eq!(
            error("[[machine]]\nname = \"a\"\naddresses = [\"pc\"]"),
            "line 3: pc is no IP address"
        );
        assert_eq!(
            error("[zones]\ndefault = \"CET\""),
            "line 2: give a zone as UTC or an offset such as +01:00"
        );
        assert!(error("= 1").starts_with("line 1: "));
        assert_eq!(
            error("[incident]\nfrom = 2011-02-21T08:50:00Z\nto = 2010-02-21T08:50:00Z"),
            "the incident ends before it begins"
        );
    }
}
