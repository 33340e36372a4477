//! The events as CSV for spreadsheets and Timeline Explorer: a header, a line
//! for each event and finding, times in UTC.

use super::records::{Record, records};
use crate::pipeline::Explained;
use crate::time::Timestamp;
use crate::words;

/// Writes the events and findings, in order of time; those without a time last.
///
/// RFC 4180 with LF. Times are `2011-02-21 08:59:14.694123`, which spreadsheets
/// and Timeline Explorer take for times. Cells are made harmless by [`cell`].
#[must_use]
pub fn write(explained: &Explained) -> String {
    let rows = records(explained);
    table(&HEADER, rows.iter().map(|record| row(record).to_vec()))
}

const HEADER: [&str; 23] = [
    "Datetime",
    "Clock",
    "Kind",
    "Description",
    "Machine",
    "Account",
    "Site",
    "URL",
    "Object",
    "Outcome",
    "Status",
    "Client",
    "Server",
    "Route",
    "Proxy",
    "Rule",
    "Role",
    "Confidence",
    "Remedy",
    "Id",
    "Evidence",
    "Place",
    "Wireshark filter",
];

fn row(record: &Record) -> [String; 23] {
    let record = record.clone();
    [
        record.at.map(datetime).unwrap_or_default(),
        record.clock,
        record.kind,
        record.message,
        record.machine,
        record.account,
        record.site,
        record.url,
        record.object,
        record.outcome,
        record.status,
        record.client,
        record.server,
        record.route,
        record.proxy,
        record.rule,
        record.role,
        record.confidence,
        record.remedy,
        record.id,
        record.evidence,
        record.place,
        record.filter,
    ]
}

/// `2011-02-21 08:59:14.694123`: to the microsecond, as far as tools read.
pub(super) fn datetime(at: Timestamp) -> String {
    let text = at.to_rfc3339();
    let (day, time) = text.split_once('T').unwrap_or((&text, ""));
    let time = time.trim_end_matches('Z');
    let (second, fraction) = time.split_once('.').unwrap_or((time, ""));
    let fraction: String = fraction.chars().chain("000000".chars()).take(6).collect();
    format!("{day} {second}.{fraction}")
}

/// Writes a table: a header, then rows; every cell harmless.
#[must_use]
pub fn table(header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    // Into memory, rows of one length: cannot fail.
    let _ = writer.write_record(header);
    for row in rows {
        let _ = writer.write_record(row.iter().map(|text| cell(text)));
    }
    let bytes = writer.into_inner().unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Makes a cell harmless: a spreadsheet computes a cell that begins with `=`,
/// `+`, `-`, `@`, tab or carriage return (also behind blanks, and as full-width
/// signs). Such a cell, and one that begins with an apostrophe, gets an
/// apostrophe in front, so that taking one away gives the text back. Control
/// characters are written as `\u{…}` everywhere in the program's output.
///
/// Source: OWASP, CSV Injection.
#[must_use]
pub fn cell(text: &str) -> String {
    let safe = words::clean(text);
    let first = text.chars().find(|it| !matches!(it, ' ' | '\u{a0}' | '\n'));
    let computed = |it| {
        matches!(
            it,
            '=' | '+' | '-' | '@' | '\t' | '\r' | '＝' | '＋' | '－' | '＠'
        )
    };
    match first {
        // Alone it is how a column says "nothing".
        _ if text == "-" => safe,
        Some(it) if computed(it) => format!("'{safe}"),
        _ if text.starts_with('\'') => format!("'{safe}"),
        _ => safe,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::report::sample;

    #[test]
    fn what_a_spreadsheet_would_compute_gets_an_apostrophe_and_nothing_else_does() {
        for text in ["=1+1", "+1", "-1", "@a", " =1", "'=1", "'", "＝1"] {
            assert_eq!(cell(text), format!("'{text}"));
        }
        assert_eq!(cell("\t=1"), "'\\u{9}=1");
        assert_eq!(cell("\r=1"), "'\\u{d}=1");
        for text in ["", "a=1", "a'", "10.0.0.1", "http://a/-"] {
            assert_eq!(cell(text), text);
        }
    }

    #[test]
    fn every_row_has_the_header_s_columns_and_hostile_text_is_harmless() {
        for explained in [sample::explained(), sample::hostile(), sample::empty()] {
            let text = write(&explained);
            let mut reader = csv::Reader::from_reader(text.as_bytes());
            assert_eq!(reader.headers().unwrap().len(), HEADER.len());
            let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
            let expected = explained.timeline.len() + explained.diagnosis.findings.len();
            assert_eq!(rows.len(), expected);
            assert!(!text.chars().any(|it| it != '\n' && words::is_hostile(it)));
        }
    }

    #[test]
    fn a_retrieval_has_its_columns() {
        let text = write(&sample::explained());
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        let row = rows.iter().find(|row| row.get(19) == Some("r1")).unwrap();
        assert_eq!(row.get(2), Some("retrieval"));
        assert_eq!(row.get(11), Some("10.0.0.5:49160"));
        assert!(
            row.get(0).unwrap().starts_with("2011-02-21 08:59:1"),
            "{row:?}"
        );
        assert!(row.get(22).unwrap().starts_with("frame.number"), "{row:?}");
    }

    #[test]
    fn a_time_has_six_digits_of_a_second() {
        let shown = |text: &str| datetime(Timestamp::from_rfc3339(text).unwrap());
        assert_eq!(shown("2011-02-21T08:59:14Z"), "2011-02-21 08:59:14.000000");
        assert_eq!(
            shown("2011-02-21T08:59:14.694123999Z"),
            "2011-02-21 08:59:14.694123"
        );
    }
}
