//! Where a fact was seen.
//!
//! A fact without a place cannot be checked by a second examiner, so every
//! value that reaches a report carries one or more [`Cite`]s.

use crate::time::Timestamp;

/// Names one piece of evidence within a run; an index into the ledger that
/// `evidence` keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EvidenceId(pub u32);

/// One frame, seen at one time: the smallest fact of a capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sighting {
    /// When, by the clock of the capturing machine.
    pub at: Timestamp,
    /// The capture.
    pub evidence: EvidenceId,
    /// The frame number in it, from 1.
    pub packet: u64,
}

impl Sighting {
    /// The place of this frame.
    #[must_use]
    pub fn cite(&self) -> Cite {
        Cite::packets(self.evidence, [self.packet])
    }
}

/// A place in the evidence that shows a fact.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cite {
    /// Frames of a capture, counted from 1 as Wireshark counts them.
    Packets {
        /// The capture.
        evidence: EvidenceId,
        /// Frame numbers, ascending, at most [`MAX_PACKETS_PER_CITE`].
        packets: Vec<u64>,
    },
    /// Bytes of a file or zip member.
    Bytes {
        /// The file.
        evidence: EvidenceId,
        /// First byte, from 0.
        offset: u64,
        /// Number of bytes.
        length: u64,
    },
    /// A record of an event log.
    Record {
        /// The log.
        evidence: EvidenceId,
        /// The record's own number.
        record: u64,
    },
    /// A line of a text file, from 1.
    Line {
        /// The file.
        evidence: EvidenceId,
        /// Line number.
        line: u64,
    },
}

/// A download of megabytes has thousands of frames; the first and the last
/// ones are what a person looks up.
pub const MAX_PACKETS_PER_CITE: usize = 12;

impl Cite {
    /// Cites frames; sorts them, drops duplicates, and of a long list keeps
    /// the first and the last half of [`MAX_PACKETS_PER_CITE`].
    #[must_use]
    pub fn packets(evidence: EvidenceId, packets: impl IntoIterator<Item = u64>) -> Self {
        let mut packets: Vec<u64> = packets.into_iter().collect();
        packets.sort_unstable();
        packets.dedup();
        if packets.len() > MAX_PACKETS_PER_CITE {
            let half = MAX_PACKETS_PER_CITE / 2;
            packets.drain(half..packets.len() - half);
        }
        Cite::Packets { evidence, packets }
    }

    /// Cites a whole file of `length` bytes.
    #[must_use]
    pub fn whole(evidence: EvidenceId, length: u64) -> Self {
        Cite::Bytes {
            evidence,
            offset: 0,
            length,
        }
    }

    /// The evidence this place lies in.
    #[must_use]
    pub fn evidence(&self) -> EvidenceId {
        match self {
            Cite::Packets { evidence, .. }
            | Cite::Bytes { evidence, .. }
            | Cite::Record { evidence, .. }
            | Cite::Line { evidence, .. } => *evidence,
        }
    }
}

/// Sorts places, joins frames of one capture into one place, drops duplicates.
#[must_use]
pub fn merged(cites: impl IntoIterator<Item = Cite>) -> Vec<Cite> {
    let mut frames: std::collections::BTreeMap<EvidenceId, Vec<u64>> = Default::default();
    let mut others = std::collections::BTreeSet::new();
    for cite in cites {
        match cite {
            Cite::Packets { evidence, packets } => {
                frames.entry(evidence).or_default().extend(packets);
            }
            other => {
                others.insert(other);
            }
        }
    }
    let frames = frames
        .into_iter()
        .map(|(evidence, packets)| Cite::packets(evidence, packets));
    frames.chain(others).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    #[test]
    fn a_long_list_of_frames_keeps_its_ends() {
        let Cite::Packets { packets, .. } = Cite::packets(EvidenceId(0), (1..=100).rev()) else {
            panic!("not frames");
        };
        assert_eq!(packets, [1, 2, 3, 4, 5, 6, 95, 96, 97, 98, 99, 100]);
    }

    #[test]
    fn frames_of_one_capture_become_one_place() {
        let capture = EvidenceId(1);
        let file = Cite::whole(EvidenceId(2), 5);
        let all = merged([
            Cite::packets(capture, [9]),
            file.clone(),
            Cite::packets(capture, [4, 9]),
            file.clone(),
        ]);
        assert_eq!(all, [Cite::packets(capture, [4, 9]), file]);
    }
}
