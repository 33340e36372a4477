//! Where in a capture its frames lie, so that the few that a report cites can be
//! read again without the rest.

use super::reader::{CaptureReader, Format};
use crate::provenance::EvidenceId;

/// Offsets of every so many frames of one file, and what reading on from them
/// takes.
#[derive(Debug, Clone)]
pub struct FrameIndex {
    starts: Starts,
    format: Format,
}

/// A stretch of a capture.
#[derive(Debug)]
pub struct Part<B> {
    /// Where in the file it begins.
    pub offset: u64,
    /// Its bytes; `None` for the rest of the file.
    pub length: Option<u64>,
    /// The number of its last frame; `None` for the last one of the file.
    pub last: Option<u64>,
    /// Reads it; to be fed from `offset` on.
    pub reader: CaptureReader<B>,
}

impl FrameIndex {
    pub(super) fn new(starts: Starts, format: Format) -> Self {
        FrameIndex { starts, format }
    }

    /// The stretch in which a frame lies, the first one with the file header.
    #[must_use]
    pub fn part<B: AsRef<[u8]>>(&self, evidence: EvidenceId, packet: u64) -> Part<B> {
        let starts = &self.starts;
        // The places before the frame: those behind a frame of a lower number.
        let count = packet.saturating_sub(1).div_ceil(starts.every);
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let next = count.min(starts.offsets.len());
        let place = |index: usize| Some((starts.frames_before(index), *starts.offsets.get(index)?));
        let before = next.checked_sub(1).and_then(place);
        let behind = place(next);
        let offset = before.map_or(0, |(_, offset)| offset);
        Part {
            offset,
            length: behind.map(|(_, behind)| behind.saturating_sub(offset)),
            last: behind.map(|(frames, _)| frames),
            reader: before.map_or_else(
                || CaptureReader::new(evidence),
                |(frames, offset)| {
                    CaptureReader::resumed(evidence, self.format.clone(), offset, frames)
                },
            ),
        }
    }
}

/// The offsets, as they are collected: behind the first frame, and from there
/// on behind every so many.
#[derive(Debug, Clone)]
pub(super) struct Starts {
    offsets: Vec<u64>,
    every: u64,
    /// The frames before the next offset to be kept.
    due: u64,
}

/// Frames from one place to the next, in a file of few: some kilobytes are read
/// again for one frame.
const EVERY: u64 = 16;

/// Offsets kept of one file, 8 bytes each; beyond them every second is dropped.
const MAX_PLACES: usize = 1 << 16;

impl Default for Starts {
    fn default() -> Self {
        Starts {
            offsets: Vec::new(),
            every: EVERY,
            due: 1,
        }
    }
}

impl Starts {
    /// Takes the place behind a frame; frames come one by one.
    pub(super) fn note(&mut self, frames_before: u64, offset: u64) {
        if frames_before == self.due {
            self.keep(offset);
        }
    }

    #[cold]
    fn keep(&mut self, offset: u64) {
        self.offsets.push(offset);
        if self.offsets.len() > MAX_PLACES {
            let mut is_kept = false;
            self.offsets.retain(|_| {
                is_kept = !is_kept;
                is_kept
            });
            self.every *= 2;
        }
        self.due = self.frames_before(self.offsets.len());
    }

    fn frames_before(&self, index: usize) -> u64 {
        1 + index as u64 * self.every
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    /// A little-endian Ethernet capture of so many frames, each of which holds
    /// its number.
    fn capture(frames: u32) -> Vec<u8> {
        let mut file = Vec::new();
        for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, 1] {
            file.extend(word.to_le_bytes());
        }
        for number in 1..=frames {
            for word in [number, 0, 4, 4, number] {
                file.extend(word.to_le_bytes());
            }
        }
        file
    }

    fn index(file: &[u8]) -> FrameIndex {
        let mut reader = CaptureReader::new(EvidenceId(0));
        for chunk in file.chunks(10_007) {
            reader.feed(chunk);
            while reader.next_frame().is_some() {}
        }
        reader.end();
        while reader.next_frame().is_some() {}
        reader.index().unwrap()
    }

    #[test]
    fn any_frame_is_found_again_from_the_place_before_it() {
        let file = capture(1_000);
        let index = index(&file);
        for packet in [1, 2, 17, 18, 500, 993, 994, 1_000] {
            let part: Part<&[u8]> = index.part(EvidenceId(0), packet);
            let (from, mut reader) = (part.offset as usize, part.reader);
            let to = part.length.map_or(file.len(), |it| from + it as usize);
            reader.feed(&file[from..to]);
            let mut found = None;
            let mut last = 0;
            while let Some(frame) = reader.next_frame() {
                last = frame.number;
                if frame.number == packet {
                    found = Some((frame.captured.to_vec(), frame.at.unwrap().unix_seconds()));
                }
            }
            let bytes = (packet as u32).to_le_bytes().to_vec();
            assert_eq!(found, Some((bytes, packet as i64)), "{packet}");
            assert_eq!(part.last.unwrap_or(1_000), last);
        }
    }

    #[test]
    fn a_long_capture_keeps_fewer_places() {
        let mut starts = Starts::default();
        for number in 1..10_000_000 {
            starts.note(number, number * 100);
        }
        assert!(starts.offsets.len() <= MAX_PLACES);
        assert!(starts.offsets.len() > MAX_PLACES / 3);
        assert_eq!(starts.every, 256);
        for (index, offset) in starts.offsets.iter().enumerate() {
            assert_eq!(starts.frames_before(index) * 100, *offset);
        }
    }

    #[test]
    fn a_damaged_capture_has_no_index() {
        let mut file = capture(1_000);
        let at = 24 + 20 * 500 + 8;
        file[at..at + 4].copy_from_slice(&0xdead_beef_u32.to_le_bytes());
        let mut reader = CaptureReader::new(EvidenceId(0));
        reader.feed(file);
        reader.end();
        while reader.next_frame().is_some() {}
        assert!(reader.index().is_none());
    }
}
