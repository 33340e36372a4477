//! The events as JSON lines for Timesketch.

use serde_json::{Map, Value};

use super::json::line;
use super::records::{Record, records};
use crate::pipeline::Explained;
use crate::time::Timestamp;

/// Writes one JSON object a line: `message`, `datetime` (ISO 8601), `timestamp`
/// (microseconds since 1970) and `timestamp_desc`, then `data_type`, `clock` and
/// every column that is known. UTC.
///
/// An event without a time, or before 1970, is left out: Timesketch would show
/// it at a time at which nothing happened.
///
/// Spec: Timesketch, "Create timeline from JSON/JSONL/CSV file".
#[must_use]
pub fn write(explained: &Explained) -> String {
    let mut text = String::new();
    for record in records(explained) {
        if let Some(at) = record.at.filter(|at| at.unix_seconds() >= 0) {
            text.push_str(&line(&event(&record, at)));
            text.push('\n');
        }
    }
    text
}

fn event(record: &Record, at: Timestamp) -> Map<String, Value> {
    let mut event = Map::new();
    let microseconds = at.unix_nanoseconds().div_euclid(1000);
    let microseconds = i64::try_from(microseconds).unwrap_or(i64::MAX);
    event.insert("message".to_owned(), Value::from(record.message.clone()));
    event.insert("datetime".to_owned(), Value::from(iso(at)));
    event.insert("timestamp".to_owned(), Value::from(microseconds));
    event.insert("timestamp_desc".to_owned(), Value::from(meaning(record)));
    let data_type = format!("whychain:{}", record.kind);
    event.insert("data_type".to_owned(), Value::from(data_type));
    for (name, text) in columns(record) {
        if !text.is_empty() {
            event.insert(name.to_owned(), Value::from(text.to_owned()));
        }
    }
    event
}

/// `2011-02-21T08:59:14.694123+00:00`.
fn iso(at: Timestamp) -> String {
    let text = at.to_rfc3339();
    let text = text.trim_end_matches('Z');
    let (second, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fraction: String = fraction.chars().chain("000000".chars()).take(6).collect();
    format!("{second}.{fraction}+00:00")
}

/// What the time of an event means.
pub(super) fn meaning(record: &Record) -> &'static str {
    match (record.kind.as_str(), record.clock.as_str()) {
        ("retrieval", _) => "Retrieval",
        ("lookup", _) => "Name Lookup",
        ("connect", _) => "Connection Attempt",
        ("handshake", _) => "TLS Handshake",
        ("alert", _) => "TLS Alert",
        ("close", _) => "Connection Closed",
        ("cache", _) => "Cache Last Synchronized",
        ("failure", _) => "Validation Failure",
        ("finding", _) => "Finding",
        ("object", "certificate") => "Validity Bound",
        ("object", _) => "Object Seen",
        _ => "Event",
    }
}

/// The columns beside the mandatory ones.
pub(super) fn columns(record: &Record) -> [(&'static str, &str); 20] {
    [
        ("clock", &record.clock),
        ("machine", &record.machine),
        ("account", &record.account),
        ("site", &record.site),
        ("url", &record.url),
        ("object", &record.object),
        ("outcome", &record.outcome),
        ("status", &record.status),
        ("client", &record.client),
        ("server", &record.server),
        ("route", &record.route),
        ("proxy", &record.proxy),
        ("rule", &record.rule),
        ("role", &record.role),
        ("confidence", &record.confidence),
        ("remedy", &record.remedy),
        ("report_id", &record.id),
        ("evidence", &record.evidence),
        ("place", &record.place),
        ("wireshark_filter", &record.filter),
    ]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::report::sample;
    use crate::words::is_hostile;

    #[test]
    fn every_line_has_the_mandatory_fields_and_they_agree() {
        for explained in [sample::explained(), sample::hostile()] {
            let text = write(&explained);
            assert!(!text.chars().any(|it| it != '\n' && is_hostile(it)));
            for line in text.lines() {
                let event: Value = serde_json::from_str(line).unwrap();
                assert!(event["message"].is_string() && event["timestamp_desc"].is_string());
                let at = event["datetime"].as_str().unwrap();
                let at = Timestamp::from_rfc3339(at).unwrap();
                let microseconds = event["timestamp"].as_i64().unwrap();
                assert_eq!(at.unix_nanoseconds(), i128::from(microseconds) * 1000);
            }
        }
    }

    #[test]
    fn a_time_of_1601_is_left_out() {
        let mut explained = sample::explained();
        let before = write(&explained).lines().count();
        let mut early = explained.timeline[0].clone();
        early.at = Timestamp::from_rfc3339("1601-01-01T00:00:00.5Z").unwrap();
        explained.timeline.push(early);
        assert_eq!(write(&explained).lines().count(), before);
    }
}
