//! Goes back to the evidence for the frames that a report cites: to record what
//! their bytes are, to prove them again, to hand them on.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Seek as _, SeekFrom, Take};
use std::path::PathBuf;

use crate::capture::{CaptureReader, FrameIndex};
use crate::evidence::{self, Chunk, EvidenceRecord, OpenOptions};
use crate::provenance::EvidenceId;
use crate::time::Timestamp;

/// Frames by capture.
pub type Wanted = BTreeMap<EvidenceId, BTreeSet<u64>>;

/// A frame, as its capture holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recalled<'a> {
    /// The capture, by the number it has in the ledger given.
    pub evidence: EvidenceId,
    /// The frame's number, from 1.
    pub packet: u64,
    /// When it was captured.
    pub at: Option<Timestamp>,
    /// LINKTYPE of its interface.
    pub link_type: u32,
    /// Its length on the wire.
    pub original_len: u32,
    /// The bytes that were kept.
    pub captured: &'a [u8],
}

/// Where the frames of captures lie, as the run that read them noted it.
pub type Places = BTreeMap<EvidenceId, FrameIndex>;

/// Reads the captures of a ledger once more and hands over the frames wanted,
/// capture by capture, in order of their numbers. Files are found by the path
/// and member that the ledger has. What is no longer there is not handed over.
/// Of a capture with known `places` only those are read that matter.
pub fn frames(
    paths: &[PathBuf],
    password: Option<&str>,
    ledger: &[EvidenceRecord],
    places: &Places,
    wanted: &Wanted,
    take: &mut dyn FnMut(Recalled<'_>),
) {
    let options = OpenOptions {
        password: password.map(str::to_owned),
        hash: false,
        ..OpenOptions::default()
    };
    let evidence::Discovery { files, mut inputs } = evidence::discover(paths, &options);
    for record in ledger {
        let Some(numbers) = wanted.get(&record.id) else {
            continue;
        };
        let own = files
            .iter()
            .find(|file| file.path == record.path && file.member == record.member);
        let Some(own) = own else { continue };
        let known = places.get(&record.id).filter(|_| own.size == record.size);
        let mut left = numbers.clone();
        if let Some(index) = known {
            in_places(&inputs, own, record.id, index, &mut left, take);
        }
        let Some(last) = left.last() else { continue };
        let Some(mut stream) = inputs.open(own) else {
            continue;
        };
        let mut reader = CaptureReader::new(record.id);
        let mut behind = false;
        while !behind && let Ok(Some(chunk)) = stream.next_chunk() {
            reader.feed(Bytes(chunk));
            behind = drain(&mut reader, record.id, &left, *last, take);
        }
        if !behind {
            reader.end();
            drain(&mut reader, record.id, &left, *last, take);
        }
    }
}

/// Hands over the frames of one capture from the stretches in which they lie,
/// and takes them off the list; what is left on it could not be read so.
fn in_places(
    inputs: &evidence::Inputs,
    file: &evidence::Located,
    evidence: EvidenceId,
    index: &FrameIndex,
    left: &mut BTreeSet<u64>,
    take: &mut dyn FnMut(Recalled<'_>),
) {
    let Some(mut open) = inputs.open_again(file) else {
        return;
    };
    while let Some(first) = left.first() {
        let part = index.part(evidence, *first);
        let length = part.length.unwrap_or(file.size.saturating_sub(part.offset));
        if open.seek(SeekFrom::Start(part.offset)).is_err() {
            return;
        }
        let mut stretch = (&mut open).take(length);
        let later = part.last.map(|last| left.split_off(&(last + 1)));
        let numbers = std::mem::replace(left, later.unwrap_or_default());
        let Some(last) = numbers.last() else { return };
        let mut reader = part.reader;
        let mut behind = false;
        while !behind && let Some(chunk) = next_of(&mut stretch) {
            reader.feed(chunk);
            behind = drain(&mut reader, evidence, &numbers, *last, take);
        }
    }
}

/// The next bytes of a stretch; `None` at its end, or where it cannot be read.
fn next_of<R: Read>(stretch: &mut Take<R>) -> Option<Vec<u8>> {
    let most = stretch.limit().min(evidence::CHUNK_LEN as u64);
    let mut chunk = Vec::with_capacity(usize::try_from(most).ok()?);
    let read = stretch.by_ref().take(most).read_to_end(&mut chunk);
    read.is_ok_and(|count| count > 0).then_some(chunk)
}

/// Hands over what is wanted of the frames at hand; true behind the last.
fn drain<B: AsRef<[u8]>>(
    reader: &mut CaptureReader<B>,
    evidence: EvidenceId,
    numbers: &BTreeSet<u64>,
    last: u64,
    take: &mut dyn FnMut(Recalled<'_>),
) -> bool {
    while let Some(frame) = reader.next_frame() {
        if numbers.contains(&frame.number) {
            take(Recalled {
                evidence,
                packet: frame.number,
                at: frame.at,
                link_type: frame.link_type,
                original_len: frame.original_len,
                captured: frame.captured,
            });
        }
        if frame.number >= last {
            return true;
        }
    }
    false
}

/// A chunk as `capture` takes it.
struct Bytes(Chunk);

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// The SHA-256 of each frame's captured bytes, by capture and number.
#[must_use]
pub fn digests(
    paths: &[PathBuf],
    password: Option<&str>,
    ledger: &[EvidenceRecord],
    places: &Places,
    wanted: &Wanted,
) -> BTreeMap<EvidenceId, BTreeMap<u64, [u8; 32]>> {
    use sha2::Digest as _;
    let mut digests: BTreeMap<EvidenceId, BTreeMap<u64, [u8; 32]>> = BTreeMap::new();
    frames(paths, password, ledger, places, wanted, &mut |frame| {
        let digest = sha2::Sha256::digest(frame.captured).into();
        let own = digests.entry(frame.evidence).or_default();
        own.insert(frame.packet, digest);
    });
    digests
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::evidence::EvidenceKind;

    /// A classic capture of two frames, `ab` at 1 s and `c` at 2 s.
    fn capture() -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut put = |number: u32| bytes.extend(number.to_le_bytes());
        for number in [0xa1b2_c3d4, 0x0004_0002, 0, 0, 65535, 1] {
            put(number);
        }
        for number in [1, 0, 2, 60] {
            put(number);
        }
        bytes.extend(b"ab");
        for number in [2_u32, 500, 1, 1] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(b"c");
        bytes
    }

    #[test]
    fn the_frames_wanted_come_back_with_bytes_and_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.pcap");
        std::fs::write(&path, capture()).unwrap();
        let record = EvidenceRecord {
            id: EvidenceId(7),
            path: path.display().to_string().replace('\\', "/"),
            member: None,
            kind: EvidenceKind::Pcap,
            size: capture().len() as u64,
            sha256: None,
            first_at: None,
            last_at: None,
            vantage: None,
        };
        let mut found = Vec::new();
        let wanted = BTreeMap::from([(EvidenceId(7), BTreeSet::from([1, 2, 9]))]);
        let ledger = [record];
        let paths = [path];
        let mut reader = CaptureReader::new(EvidenceId(7));
        reader.feed(capture());
        while reader.next_frame().is_some() {}
        let known = Places::from([(EvidenceId(7), reader.index().unwrap())]);
        let expected = [
            (1, 1_000_000_000, 60, b"ab".to_vec()),
            (2, 2_000_500_000, 1, b"c".to_vec()),
        ];
        for places in [&Places::new(), &known] {
            frames(&paths, None, &ledger, places, &wanted, &mut |frame| {
                let at = frame.at.unwrap().unix_nanoseconds();
                found.push((
                    frame.packet,
                    at,
                    frame.original_len,
                    frame.captured.to_vec(),
                ));
            });
            assert_eq!(found, expected);
            found.clear();
        }
        // Witness: `printf ab | sha256sum`.
        let digests = digests(&paths, None, &ledger, &known, &wanted);
        let digest = crate::bytes::to_hex(&digests[&EvidenceId(7)][&1]);
        assert!(
            digest.starts_with("fb8e20fc2e4c3f248c60c39bd652f3c1"),
            "{digest}"
        );
    }
}
