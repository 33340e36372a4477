//! What capture files say of themselves: comments, names for addresses, process
//! numbers. Somebody wrote it there; the network did not.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::provenance::{Cite, EvidenceId};
use crate::time::Timestamp;

use super::Case;
use super::assemble::CaptureName;

/// A note in a capture file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CaptureNote {
    /// Where it stands.
    pub cite: Cite,
    /// What it is.
    pub kind: NoteKind,
    /// The time of the frame that it is about.
    pub at: Option<Timestamp>,
    /// The comment, or the name.
    pub text: String,
}

/// The kinds of notes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoteKind {
    /// A comment on the file or on a frame.
    Comment,
    /// A name for this address, from a name resolution block: as the capturing
    /// machine or the analyst knew it, never an answer of a name server.
    Name(IpAddr),
}

impl NoteKind {
    /// The word of the JSON report.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            NoteKind::Comment => "comment",
            NoteKind::Name(_) => "name",
        }
    }
}

/// The comments, and the names of those addresses that the case is about, in
/// order of their places.
pub(super) fn all(
    case: &Case,
    mut notes: Vec<CaptureNote>,
    names: &[CaptureName],
) -> Vec<CaptureNote> {
    let ends = case.retrievals.iter().flat_map(|it| [it.client, it.server]);
    let ends = ends.flatten().map(|address| address.ip());
    let handshakes = case.handshakes.iter();
    let handshakes = handshakes.flat_map(|it| [it.client.ip(), it.server.ip()]);
    let spoken: BTreeSet<IpAddr> = ends.chain(handshakes).collect();
    let named = names.iter().filter(|it| spoken.contains(&it.address));
    notes.extend(named.map(|it| CaptureNote {
        cite: it.cite.clone(),
        kind: NoteKind::Name(it.address),
        at: None,
        text: it.name.clone(),
    }));
    notes.sort();
    notes.dedup();
    notes
}

/// Processes that are none: Windows' idle process and its kernel, which happen
/// to run when frames arrive.
const NO_PROCESS: [u32; 2] = [0, 4];

/// Process numbers told of one download; more are noise.
const MAX_TOLD: usize = 3;

/// Says which process numbers stand on the frames of each download.
pub(super) fn hint_processes(case: &mut Case, processes: &BTreeMap<(EvidenceId, u64), u32>) {
    if processes.is_empty() {
        return;
    }
    for retrieval in &mut case.retrievals {
        let mut told: BTreeMap<u32, usize> = BTreeMap::new();
        for cite in &retrieval.cites {
            let Cite::Packets { evidence, packets } = cite else {
                continue;
            };
            for packet in packets {
                let process = processes.get(&(*evidence, *packet));
                if let Some(process) = process.filter(|it| !NO_PROCESS.contains(it)) {
                    *told.entry(*process).or_default() += 1;
                }
            }
        }
        let mut told: Vec<(usize, u32)> = told.into_iter().map(|(it, count)| (count, it)).collect();
        told.sort_by_key(|(count, process)| (std::cmp::Reverse(*count), *process));
        let named: Vec<String> = told
            .iter()
            .take(MAX_TOLD)
            .map(|(_, process)| process.to_string())
            .collect();
        if !named.is_empty() {
            retrieval.process_hint = Some(format!(
                "PID {} by comments on its packets, which are often wrong",
                named.join(", ")
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::retrieval::Retrieval;

    #[test]
    fn process_numbers_on_the_frames_of_a_download_are_a_hint() {
        let at = Timestamp::from_unix(1_600_000_000, 0).unwrap();
        let mut retrieval = Retrieval::new(at, at);
        retrieval.cites = vec![Cite::packets(EvidenceId(0), [5, 6, 7, 8])];
        let mut case = Case {
            retrievals: vec![retrieval],
            ..Case::default()
        };
        let on = |packet, process| ((EvidenceId(0), packet), process);
        let processes = [on(5, 4312), on(6, 0), on(7, 4312), on(8, 900), on(9, 77)];
        hint_processes(&mut case, &processes.into());
        let hint = case.retrievals[0].process_hint.as_deref();
        let want = "PID 4312, 900 by comments on its packets, which are often wrong";
        assert_eq!(hint, Some(want));
        assert_eq!(case.retrievals[0].process, None);
    }

    #[test]
    fn names_of_addresses_that_nobody_spoke_with_are_left_out() {
        let name = |address: &str| CaptureName {
            vantage: 0,
            address: address.parse().unwrap(),
            name: "x".into(),
            cite: Cite::whole(EvidenceId(0), 10),
        };
        let at = Timestamp::from_unix(1_600_000_000, 0).unwrap();
        let mut retrieval = Retrieval::new(at, at);
        retrieval.client = Some("10.0.0.5:50000".parse().unwrap());
        let case = Case {
            retrievals: vec![retrieval],
            ..Case::default()
        };
        let notes = all(&case, Vec::new(), &[name("10.0.0.5"), name("10.0.0.6")]);
        assert_eq!(notes.len(), 1);
        assert_eq!(notes[0].kind.word(), "name");
    }
}
