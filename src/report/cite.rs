//! Places in the evidence, for people: packet numbers with a filter for
//! Wireshark, file names, lines.

use std::collections::{BTreeMap, BTreeSet};

use super::command;
use super::look::Look;
use crate::case::Case;
use crate::evidence::EvidenceRecord;
use crate::provenance::{Cite, EvidenceId, merged};
use crate::words;

/// Names of the evidence, short where that is unambiguous.
pub(super) struct Names<'a> {
    records: BTreeMap<EvidenceId, &'a EvidenceRecord>,
    ambiguous: BTreeSet<&'a str>,
    caches: BTreeMap<EvidenceId, String>,
}

impl<'a> Names<'a> {
    pub(super) fn of(case: &'a Case) -> Self {
        let records = case
            .evidence
            .iter()
            .map(|record| (record.id, record))
            .collect();
        let mut paths: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for record in &case.evidence {
            paths
                .entry(base(&record.path))
                .or_default()
                .insert(&record.path);
        }
        let ambiguous = paths.into_iter().filter(|(_, paths)| paths.len() > 1);
        let mut caches = BTreeMap::new();
        for entry in &case.cache_entries {
            if let Some((evidence, _)) = entry.meta_data {
                caches.insert(evidence, format!("MetaData of {}", entry.owner));
            }
            if let Some(content) = &entry.content {
                caches.insert(content.evidence, format!("Content of {}", entry.owner));
            }
        }
        Names {
            records,
            ambiguous: ambiguous.map(|(name, _)| name).collect(),
            caches,
        }
    }

    /// The name of a file: `client.pcapng`, `a.pcap in hand-over.zip`.
    pub(super) fn name(&self, evidence: EvidenceId) -> String {
        let Some(record) = self.records.get(&evidence) else {
            return "unknown evidence".to_owned();
        };
        let file = base(&record.path);
        let file = if self.ambiguous.contains(file) {
            record.path.as_str()
        } else {
            file
        };
        match (&record.member, self.caches.get(&evidence)) {
            (Some(member), Some(cache)) => {
                format!("cache file {}, {cache}, in {file}", base(member))
            }
            (None, Some(cache)) => format!("cache file {}, {cache}", base(&record.path)),
            (Some(member), None) => format!("{} in {file}", base(member)),
            (None, None) => file.to_owned(),
        }
    }

    /// Lines for a list of places: what a person reads, and the command that
    /// shows it. Places beyond [`MAX_PLACES`] are counted.
    pub(super) fn lines(&self, cites: &[Cite], look: &Look) -> Vec<Line> {
        let (places, rest) = self.places(cites, look);
        let mut lines = Vec::new();
        for place in places {
            lines.push(Line::Text(place.text));
            // A whole file needs no command to be looked at.
            if place.filter.is_some() {
                lines.extend(place.command.map(Line::Filter));
            }
        }
        if rest > 0 {
            let places = words::count(rest as u64, "more place", "more places");
            lines.push(Line::Text(format!("{places} (all in the JSON report)")));
        }
        lines
    }

    /// The places in words, with filter and command; the second value counts
    /// those beyond [`MAX_PLACES`].
    pub(super) fn places(&self, cites: &[Cite], look: &Look) -> (Vec<Place>, usize) {
        let merged = merged(cites.iter().cloned());
        let rest = merged.len().saturating_sub(MAX_PLACES);
        let shown = merged.iter().take(MAX_PLACES);
        (shown.map(|cite| self.place(cite, look)).collect(), rest)
    }

    fn place(&self, cite: &Cite, look: &Look) -> Place {
        let name = look.shown(&self.name(cite.evidence()), MAX_NAME);
        let plain = |text: String| Place {
            text,
            filter: None,
            command: None,
        };
        match cite {
            Cite::Packets { evidence, packets } => {
                let noun = if packets.len() == 1 {
                    "packet"
                } else {
                    "packets"
                };
                let filter = filter(packets);
                let record = self.records.get(evidence);
                Place {
                    text: format!("{noun} {} of {name}", listed(packets)),
                    command: record
                        .and_then(|record| command::tshark(record, &filter))
                        .map(|line| look.shown(&line, MAX_LINE)),
                    filter: Some(filter),
                }
            }
            Cite::Bytes {
                evidence,
                offset,
                length,
            } => {
                let record = self.records.get(evidence);
                Place {
                    text: self.bytes(*evidence, &name, *offset, *length),
                    filter: None,
                    command: record
                        .and_then(|record| command::bytes(record, *offset, *length))
                        .map(|line| look.shown(&line, MAX_LINE)),
                }
            }
            Cite::Record { record, .. } => {
                plain(format!("record {} of {name}", words::thousands(*record)))
            }
            Cite::Line { line, .. } => plain(format!("line {} of {name}", words::thousands(*line))),
        }
    }

    fn bytes(&self, evidence: EvidenceId, name: &str, offset: u64, length: u64) -> String {
        let size = self.records.get(&evidence).map(|record| record.size);
        let whole = offset == 0 && size.is_none_or(|size| size == length);
        if whole {
            return name.to_owned();
        }
        let bytes = words::count(length, "byte", "bytes");
        format!("{bytes} at offset {} of {name}", words::thousands(offset))
    }

    /// The frames of the first capture cited, for a cell: `12, 15-18`.
    pub(super) fn packets(&self, cites: &[Cite]) -> String {
        let places = merged(cites.iter().cloned());
        let several = self.captures() > 1;
        let frames = places.iter().filter_map(|place| match place {
            Cite::Packets { evidence, packets } if several => {
                Some(format!("{}: {}", self.name(*evidence), listed(packets)))
            }
            Cite::Packets { packets, .. } => Some(listed(packets)),
            _ => None,
        });
        frames.collect::<Vec<_>>().join("; ")
    }

    fn captures(&self) -> usize {
        use crate::evidence::EvidenceKind::{Pcap, Pcapng};
        self.records
            .values()
            .filter(|record| matches!(record.kind, Pcap | Pcapng))
            .count()
    }
}

/// A place in words, and how to look at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// What a person reads: `packets 12, 15-17 of client.pcapng`.
    pub(super) text: String,
    /// The display filter for Wireshark, for frames.
    pub(super) filter: Option<String>,
    /// A command that shows the frames or bytes, where the path can be written
    /// in one.
    pub(super) command: Option<String>,
}

/// A line about places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    /// To be wrapped.
    Text(String),
    /// To be copied into a shell: kept in one line.
    Filter(String),
}

/// The last part of a path, of either system.
pub(super) fn base(path: &str) -> &str {
    let trimmed = path.trim_end_matches(['/', '\\']);
    trimmed.rsplit(['/', '\\']).next().unwrap_or(trimmed)
}

/// `12, 15-18, 20`.
pub(super) fn listed(packets: &[u64]) -> String {
    joined(packets, "-", ", ")
}

/// `frame.number in {12, 15..18, 20}`, as Wireshark reads it.
pub(super) fn filter(packets: &[u64]) -> String {
    match packets {
        [only] => format!("frame.number == {only}"),
        many => format!("frame.number in {{{}}}", joined(many, "..", ", ")),
    }
}

/// Numbers with runs of three and more written as a range.
fn joined(numbers: &[u64], range: &str, between: &str) -> String {
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for number in numbers {
        match runs.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(*number) => *last = *number,
            _ => runs.push((*number, *number)),
        }
    }
    let parts = runs.iter().map(|(first, last)| match last - first {
        0 => first.to_string(),
        1 => format!("{first}{between}{last}"),
        _ => format!("{first}{range}{last}"),
    });
    parts.collect::<Vec<_>>().join(between)
}

/// Places listed of one finding; the JSON report has all.
const MAX_PLACES: usize = 8;
/// Characters of a command: two paths and a filter.
const MAX_LINE: usize = 4000;
/// Characters of a file's name.
const MAX_NAME: usize = 120;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_packets_become_ranges_that_wireshark_reads() {
        assert_eq!(listed(&[12, 15, 16, 17, 20, 21]), "12, 15-17, 20, 21");
        assert_eq!(
            filter(&[12, 15, 16, 17, 20]),
            "frame.number in {12, 15..17, 20}"
        );
        assert_eq!(filter(&[7]), "frame.number == 7");
        assert_eq!(listed(&[u64::MAX]), u64::MAX.to_string());
    }

    #[test]
    fn the_base_of_a_path_is_found_for_both_systems() {
        assert_eq!(base("/a/b.pcap"), "b.pcap");
        assert_eq!(base("C:\\a\\b"), "b");
        assert_eq!(base("folder/"), "folder");
    }
}
