//! What the analyst says of the case, quoted as such: in the text report and in
//! the JSON report. It stands beside the evidence and never among it.

use serde::Serialize;

use super::json_ids::time;
use super::look::Look;
use super::page::Page;
use crate::given::{Given, GivenMachine, Note};
use crate::pipeline::Explained;
use crate::words;

/// The section of the text report; nothing where no case file was given.
pub(super) fn write(page: &mut Page<'_>, explained: &Explained) {
    const COLUMN: usize = 14;
    if explained.given.is_none() {
        return;
    }
    page.heading(TITLE);
    for (label, text) in items(explained, page.look) {
        page.labeled(2, label, COLUMN, &text);
    }
    page.labeled(2, "", 2, NO_EVIDENCE);
}

/// The heading, in every form.
pub(super) const TITLE: &str = "Case, as given by the analyst";
/// What has to be said below it.
pub(super) const NO_EVIDENCE: &str = "None of this is evidence; no conclusion below rests on it.";

/// What was given, with its label; a text may have several lines.
pub(super) fn items(explained: &Explained, look: &Look) -> Vec<(&'static str, String)> {
    let Some(given) = &explained.given else {
        return Vec::new();
    };
    let second = |at| format!("{} {}", look.second(at), look.zone.name());
    let window = match (given.incident_from, given.incident_to) {
        (Some(from), Some(to)) => format!("{} to {}", second(from), second(to)),
        (Some(from), None) => format!("from {}", second(from)),
        (None, Some(to)) => format!("until {}", second(to)),
        (None, None) => String::new(),
    };
    let inside = match failures_inside(explained, given) {
        Some((inside, all)) if all > 0 => format!(
            " ({inside} of {} found lie in it)",
            words::count(all as u64, "failure", "failures")
        ),
        _ => String::new(),
    };
    let machines: Vec<String> = given.machines.iter().map(machine_line).collect();
    let proxies = given.proxies.iter();
    let proxies = proxies.map(|proxy| with_note(&proxy.address, proxy.note.as_deref()));
    let zones = given.zones.iter();
    let zones = zones.map(|(name, seconds)| format!("{name}: {}", offset(*seconds)));
    let note = |note: &Note| {
        let at = note.at.map(|at| format!("{}, ", second(at)));
        let by = note.by.as_deref().unwrap_or("not named");
        format!("{}{by}: \"{}\"", at.unwrap_or_default(), note.text)
    };
    let notes: Vec<String> = given.notes.iter().map(note).collect();
    let items = [
        ("Title", given.title.clone().unwrap_or_default()),
        ("Number", given.number.clone().unwrap_or_default()),
        ("Examiner", given.examiner.clone().unwrap_or_default()),
        ("Incident", format!("{window}{inside}")),
        ("Machines", machines.join("\n")),
        ("Proxies", proxies.collect::<Vec<_>>().join("\n")),
        ("Zones", zones.collect::<Vec<_>>().join("\n")),
        ("Witnesses", notes.join("\n")),
    ];
    items
        .into_iter()
        .filter(|(_, text)| !text.is_empty())
        .collect()
}

/// How many failures lie in the incident that the analyst bounds, of how many.
fn failures_inside(explained: &Explained, given: &Given) -> Option<(usize, usize)> {
    let failures = &explained.diagnosis.failures;
    let mut inside = 0;
    for failure in failures {
        inside += usize::from(given.in_incident(failure.at)?);
    }
    Some((inside, failures.len()))
}

fn machine_line(machine: &GivenMachine) -> String {
    let addresses: Vec<String> = machine.addresses.iter().map(ToString::to_string).collect();
    let name = match addresses.is_empty() {
        true => machine.name.clone(),
        false => format!("{} ({})", machine.name, addresses.join(", ")),
    };
    with_note(&name, machine.note.as_deref())
}

fn with_note(text: &str, note: Option<&str>) -> String {
    match note {
        Some(note) => format!("{text}: {note}"),
        None => text.to_owned(),
    }
}

/// `UTC` or `+01:00`.
fn offset(seconds: i64) -> String {
    if seconds == 0 {
        return "UTC".to_owned();
    }
    let sign = if seconds < 0 { '-' } else { '+' };
    let minutes = seconds.abs() / 60;
    format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

/// The case file in the JSON report.
#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub(super) struct JsonGiven {
    basis: &'static str,
    title: Option<String>,
    number: Option<String>,
    examiner: Option<String>,
    incident_from: Option<String>,
    incident_to: Option<String>,
    zones: Vec<JsonZone>,
    machines: Vec<JsonGivenMachine>,
    proxies: Vec<JsonGivenProxy>,
    notes: Vec<JsonNote>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
struct JsonZone {
    of: String,
    offset: String,
}

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
struct JsonGivenMachine {
    name: String,
    addresses: Vec<String>,
    note: Option<String>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
struct JsonGivenProxy {
    address: String,
    note: Option<String>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
struct JsonNote {
    at: Option<String>,
    by: Option<String>,
    text: String,
}

impl JsonGiven {
    pub(super) fn from_given(given: &Given) -> Self {
        let zone = |(of, seconds): (&String, &i64)| JsonZone {
            of: of.clone(),
            offset: offset(*seconds),
        };
        let machine = |machine: &GivenMachine| JsonGivenMachine {
            name: machine.name.clone(),
            addresses: machine.addresses.iter().map(ToString::to_string).collect(),
            note: machine.note.clone(),
        };
        let proxy = |proxy: &crate::given::GivenProxy| JsonGivenProxy {
            address: proxy.address.clone(),
            note: proxy.note.clone(),
        };
        let note = |note: &Note| JsonNote {
            at: note.at.map(time),
            by: note.by.clone(),
            text: note.text.clone(),
        };
        JsonGiven {
            basis: "given by the analyst",
            title: given.title.clone(),
            number: given.number.clone(),
            examiner: given.examiner.clone(),
            incident_from: given.incident_from.map(time),
            incident_to: given.incident_to.map(time),
            zones: given.zones.iter().map(zone).collect(),
            machines: given.machines.iter().map(machine).collect(),
            proxies: given.proxies.iter().map(proxy).collect(),
            notes: given.notes.iter().map(note).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::report::{Look, sample, text};

    #[test]
    fn a_case_file_is_quoted_as_given_and_changes_nothing_else() {
        let mut explained = sample::explained();
        let before = text::write(&explained, &Look::default());
        let given = "title = \"Update\"\n[incident]\nfrom = 2020-01-01T00:00:00Z\n\
             [[note]]\nby = \"A\"\ntext = \"It\\u001B[31m broke\"\n";
        explained.given = Some(Given::from_toml(given).unwrap());
        let after = text::write(&explained, &Look::default());
        assert!(after.ends_with(&before), "{after}");
        assert!(
            after.contains("(0 of 2 failures found lie in it)"),
            "{after}"
        );
        assert!(after.contains("A: \"It\\u{1b}[31m broke\""), "{after}");
    }
}
