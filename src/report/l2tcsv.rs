//! The events as l2tcsv, the 17 columns of log2timeline's CSV.

use super::csv::table;
use super::look::Look;
use super::records::{Record, records};
use super::timesketch::{columns, meaning};
use crate::pipeline::Explained;
use crate::time::Timestamp;

/// Writes the events and findings that have a time from 1970 on, in UTC.
///
/// `date` is `MM/DD/YYYY`, `time` `HH:MM:SS`; what has no column stands in
/// `extra` as `name: value; …`, the fraction of the second too. `inode` is `-`.
///
/// Spec: Plaso, "l2tcsv output".
#[must_use]
pub fn write(explained: &Explained, look: &Look) -> String {
    let records = records(explained);
    let timed = records
        .iter()
        .filter_map(|record| Some((record, record.at.filter(|at| at.unix_seconds() >= 0)?)));
    table(&HEADER, timed.map(|(record, at)| row(record, at, look)))
}

const HEADER: [&str; 17] = [
    "date",
    "time",
    "timezone",
    "MACB",
    "source",
    "sourcetype",
    "type",
    "user",
    "host",
    "short",
    "desc",
    "version",
    "filename",
    "inode",
    "notes",
    "format",
    "extra",
];

/// Characters of the short description.
const MAX_SHORT: usize = 80;

fn row(record: &Record, at: Timestamp, look: &Look) -> Vec<String> {
    let text = at.to_rfc3339();
    let (day, time) = text.split_once('T').unwrap_or((&text, ""));
    let mut parts = day.splitn(3, '-');
    let mut part = || parts.next().unwrap_or_default();
    let (year, month, day) = (part(), part(), part());
    let second: String = time.chars().take(8).collect();
    let mut extra: Vec<String> = columns(record)
        .iter()
        .filter(|(name, text)| !text.is_empty() && !IN_COLUMNS.contains(name))
        .map(|(name, text)| format!("{name}: {}", text.replace(';', ",")))
        .collect();
    if let Some((_, fraction)) = time.split_once('.') {
        extra.push(format!(
            "second_fraction: {}",
            fraction.trim_end_matches('Z')
        ));
    }
    // Times of packets and caches are no times of a file.
    let macb = "....";
    let source = match record.clock.as_str() {
        "capture" => "PCAP",
        "certificate" => "CERT",
        _ => "LOG",
    };
    let or_dash = |text: &str| match text {
        "" => "-".to_owned(),
        text => text.to_owned(),
    };
    vec![
        format!("{month}/{day}/{year}"),
        second,
        "UTC".to_owned(),
        macb.to_owned(),
        source.to_owned(),
        format!("whychain {}", record.kind),
        meaning(record).to_owned(),
        or_dash(&record.account),
        or_dash(&record.machine),
        // Cut names could not be told any more.
        crate::words::cut(&look.disguised(&record.message), MAX_SHORT, "..."),
        record.message.clone(),
        "2".to_owned(),
        or_dash(&record.evidence),
        "-".to_owned(),
        or_dash(&record.remedy),
        "whychain".to_owned(),
        extra.join("; "),
    ]
}

/// Columns that l2tcsv has itself.
const IN_COLUMNS: [&str; 4] = ["account", "machine", "evidence", "remedy"];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::report::sample;

    #[test]
    fn the_header_is_the_known_one_and_every_row_has_17_columns() {
        let text = write(&sample::hostile(), &Look::default());
        assert_eq!(
            text.lines().next().unwrap(),
            "date,time,timezone,MACB,source,sourcetype,type,user,host,short,desc,version,\
             filename,inode,notes,format,extra"
        );
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        for row in reader.records() {
            assert_eq!(row.unwrap().len(), 17);
        }
    }

    #[test]
    fn dates_are_month_day_year() {
        let text = write(&sample::explained(), &Look::default());
        let line = text
            .lines()
            .find(|line| line.contains("report_id: r1"))
            .unwrap();
        assert!(line.starts_with("02/21/2011,08:59:1"), "{line}");
        assert!(
            line.contains(",UTC,....,PCAP,whychain retrieval,Retrieval,"),
            "{line}"
        );
    }
}
