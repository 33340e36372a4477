//! The state machine that cuts the chunks of a capture file into frames.

use crate::bytes::to_hex;
use crate::issue::Issue;
use crate::provenance::EvidenceId;

use super::classic::{Classic, FILE_HEADER_LEN, is_classic};
use super::frame_index::{FrameIndex, Starts};
use super::issues::{Issues, Notes};
use super::pcapng::{PcapNg, SECTION_MAGIC};
use super::summary::CaptureSummary;
use super::{Frame, FrameBounds, Resume, Step};

/// Reads one capture file, handed over in chunks.
///
/// Feed a chunk, take frames until there is none, feed the next; after the
/// last call [`CaptureReader::end`] and take frames once more. `B` is what
/// holds a chunk: `Arc<[u8]>`, `Vec<u8>` or `&[u8]`.
#[derive(Debug)]
pub struct CaptureReader<B> {
    chunk: Option<B>,
    /// Next byte of the chunk.
    position: usize,
    /// Bytes of a block that began in an earlier chunk, from `carry_position`.
    carry: Vec<u8>,
    carry_position: usize,
    /// File offset of the next byte, in the carry or the chunk.
    offset: u64,
    /// Bytes of a large block still to be passed over.
    pass_over: u64,
    damage: Option<Damage>,
    ended: bool,
    format: Format,
    summary: CaptureSummary,
    starts: Starts,
    issues: Issues,
    key_logs: Vec<Vec<u8>>,
    /// The frame found last, and where the block that it is in begins: in the
    /// carry, or in the chunk.
    found: FrameBounds,
    in_carry: bool,
    block_at: usize,
}

#[derive(Debug, Clone)]
pub(super) enum Format {
    Unknown,
    Classic(Classic),
    PcapNg(PcapNg),
    /// Not a capture: the rest is not looked at.
    Other,
}

/// A stretch that could not be read, while its end is searched.
#[derive(Debug)]
struct Damage {
    from: u64,
    what: String,
}

/// Bytes added to the carry at a time while searching the end of a damage.
const SEARCH_STEP: usize = 64 << 10;

impl<B: AsRef<[u8]>> CaptureReader<B> {
    /// Starts at the first byte of a file; issues will name `evidence`.
    #[must_use]
    pub fn new(evidence: EvidenceId) -> Self {
        CaptureReader {
            chunk: None,
            position: 0,
            carry: Vec::new(),
            carry_position: 0,
            offset: 0,
            pass_over: 0,
            damage: None,
            ended: false,
            format: Format::Unknown,
            summary: CaptureSummary::default(),
            starts: Starts::default(),
            issues: Issues::new(evidence),
            key_logs: Vec::new(),
            found: FrameBounds::default(),
            in_carry: false,
            block_at: 0,
        }
    }

    /// Starts behind `frames` frames, at an offset of a file of this format.
    pub(super) fn resumed(evidence: EvidenceId, format: Format, offset: u64, frames: u64) -> Self {
        CaptureReader {
            offset,
            format,
            summary: CaptureSummary {
                frames,
                ..CaptureSummary::default()
            },
            ..CaptureReader::new(evidence)
        }
    }

    /// Where the frames read so far lie. `None` where the file is damaged, and
    /// where it has several sections, each with interfaces of its own.
    #[must_use]
    pub fn index(&self) -> Option<FrameIndex> {
        let of_one_piece = self.summary.lost_bytes == 0 && self.summary.sections <= 1;
        of_one_piece.then(|| FrameIndex::new(self.starts.clone(), self.format.clone()))
    }

    /// Takes the next bytes of the file. What is left of the last chunk is
    /// copied, so take all frames first.
    pub fn feed(&mut self, chunk: B) {
        self.carry_rest();
        self.chunk = Some(chunk);
        self.position = 0;
        self.found = FrameBounds::default();
    }

    /// Says that the file has no more bytes. What is left becomes an issue
    /// when the last frames have been taken.
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// The next frame; `None` until more is fed, or for good after the end.
    pub fn next_frame(&mut self) -> Option<Frame<'_>> {
        self.advance().then(|| self.frame())
    }

    /// Goes on to the next frame; false until more is fed, or for good after the
    /// end. Before [`CaptureReader::frame`] is asked for it, look for key logs:
    /// they stand before the frames that need them.
    #[inline]
    pub fn advance(&mut self) -> bool {
        self.next_in_chunk() || self.next_found()
    }

    /// The frame that [`CaptureReader::advance`] found last; empty before that.
    #[inline]
    #[must_use]
    pub fn frame(&self) -> Frame<'_> {
        let source = match self.in_carry {
            true => self.carry.as_slice(),
            false => chunk_bytes(&self.chunk),
        };
        let bounds = &self.found;
        let start = self.block_at + bounds.start;
        let captured = source
            .get(start..start + bounds.captured_len)
            .unwrap_or_default();
        Frame {
            number: self.summary.frames,
            at: bounds.at,
            link_type: bounds.link_type,
            captured,
            original_len: bounds.original_len,
        }
    }

    /// The problems met since the last call, in order.
    pub fn take_issues(&mut self) -> Vec<Issue> {
        self.issues.take()
    }

    /// The texts of the TLS key logs (pcapng Decryption Secrets Blocks) met since
    /// the last call.
    pub fn take_key_logs(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.key_logs)
    }

    /// What the file says of itself, as far as it has been read.
    #[must_use]
    pub fn summary(&self) -> &CaptureSummary {
        &self.summary
    }

    /// The short way to nearly all frames: a whole record of a classic file that
    /// lies in the chunk.
    #[inline]
    fn next_in_chunk(&mut self) -> bool {
        if self.carry_position < self.carry.len() || self.pass_over > 0 || self.damage.is_some() {
            return false;
        }
        let Format::Classic(classic) = &mut self.format else {
            return false;
        };
        let view = chunk_bytes(&self.chunk).get(self.position..);
        let Some((length, bounds)) = classic.record(view.unwrap_or_default()) else {
            return false;
        };
        let block_at = self.position;
        self.position += length;
        self.offset += length as u64;
        self.note(bounds, false, block_at);
        true
    }

    /// Counts a frame that was found, and keeps where it lies.
    #[inline]
    fn note(&mut self, bounds: FrameBounds, in_carry: bool, block_at: usize) {
        self.summary.count(&bounds);
        self.starts.note(self.summary.frames, self.offset);
        (self.found, self.in_carry, self.block_at) = (bounds, in_carry, block_at);
    }

    /// Reads on to the next frame, wherever it lies.
    fn next_found(&mut self) -> bool {
        loop {
            if self.pass_over > 0 {
                self.pass_over_bytes();
            }
            let in_carry = self.carry_position < self.carry.len();
            let position = if in_carry {
                self.carry_position
            } else {
                self.position
            };
            let source = if in_carry {
                self.carry.as_slice()
            } else {
                chunk_bytes(&self.chunk)
            };
            let view = source.get(position..).unwrap_or_default();
            if view.is_empty() {
                self.ended_clean();
                return false;
            }
            if self.damage.is_some() {
                if !self.search() {
                    return false;
                }
                continue;
            }
            let notes = &mut Notes {
                offset: self.offset,
                summary: &mut self.summary,
                issues: &mut self.issues,
                key_logs: &mut self.key_logs,
            };
            let step = match &mut self.format {
                Format::Classic(classic) => classic.step(view),
                Format::PcapNg(pcapng) => pcapng.step(view, notes),
                Format::Unknown => first_step(view, &mut self.format, notes),
                Format::Other => Step::PassOver(view.len() as u64),
            };
            match step {
                Step::Block(length, frame) => {
                    self.consume(length);
                    if let Some(bounds) = frame {
                        self.note(bounds, in_carry, position);
                        return true;
                    }
                }
                Step::Need(length) => {
                    if !self.gather(length) {
                        return false;
                    }
                }
                Step::PassOver(length) => self.pass_over = length,
                Step::Damaged(what) => {
                    self.damage = Some(Damage {
                        from: self.offset,
                        what,
                    });
                    // The search must not find the same place again.
                    self.consume(1);
                }
            }
        }
    }

    fn consume(&mut self, length: usize) {
        if self.carry_position < self.carry.len() {
            self.carry_position = (self.carry_position + length).min(self.carry.len());
        } else {
            self.position += length;
        }
        self.offset += length as u64;
    }

    /// Brings at least `length` bytes of the next block together in the
    /// carry; false when the chunk does not have them.
    fn gather(&mut self, length: usize) -> bool {
        if self.carry_position >= self.carry.len() {
            self.carry_rest();
        } else {
            let held = self.carry.len() - self.carry_position;
            self.extend_carry(length.saturating_sub(held));
        }
        if self.carry.len() - self.carry_position >= length {
            return true;
        }
        if self.ended {
            self.ended_inside(length);
        }
        false
    }

    /// Moves the rest of the chunk into the carry.
    fn carry_rest(&mut self) {
        self.extend_carry(usize::MAX);
    }

    fn extend_carry(&mut self, count: usize) {
        let rest = chunk_bytes(&self.chunk)
            .get(self.position..)
            .unwrap_or_default();
        let more = rest.get(..count.min(rest.len())).unwrap_or_default();
        if self.carry_position > 0 {
            self.carry.drain(..self.carry_position);
            self.carry_position = 0;
        }
        self.carry.extend_from_slice(more);
        self.position += more.len();
    }

    fn pass_over_bytes(&mut self) {
        while self.pass_over > 0 {
            let in_carry = self.carry.len() - self.carry_position;
            let in_chunk = chunk_bytes(&self.chunk).len().saturating_sub(self.position);
            let available = if in_carry > 0 { in_carry } else { in_chunk };
            if available == 0 {
                return;
            }
            let step = usize::try_from(self.pass_over)
                .unwrap_or(usize::MAX)
                .min(available);
            self.consume(step);
            self.pass_over -= step as u64;
        }
    }

    /// Looks for the end of a damaged stretch; false when more must be fed.
    fn search(&mut self) -> bool {
        let in_carry = self.carry_position < self.carry.len();
        let source = if in_carry {
            self.carry.as_slice()
        } else {
            chunk_bytes(&self.chunk)
        };
        let position = if in_carry {
            self.carry_position
        } else {
            self.position
        };
        let view = source.get(position..).unwrap_or_default();
        let at_end = self.ended && (!in_carry || self.position >= chunk_bytes(&self.chunk).len());
        let found = match &self.format {
            Format::Classic(classic) => classic.resume(view, at_end),
            Format::PcapNg(pcapng) => pcapng.resume(view, at_end),
            Format::Unknown | Format::Other => Resume::From(view.len()),
        };
        match found {
            Resume::At(distance) => {
                self.consume(distance);
                self.damage_over();
                true
            }
            Resume::From(distance) => {
                self.consume(distance);
                if !in_carry {
                    self.carry_rest();
                    return self.ended && self.carry_position < self.carry.len();
                }
                let before = self.carry.len() - self.carry_position;
                self.extend_carry(SEARCH_STEP);
                self.ended || self.carry.len() > before
            }
        }
    }

    fn damage_over(&mut self) {
        if let Some(Damage { from, what }) = self.damage.take() {
            let lost = self.offset - from;
            self.summary.lost_bytes += lost;
            let effect = format!(
                "{lost} bytes were passed over; frames in them are lost, and later frame numbers \
                 may differ from other tools'"
            );
            self.issues.note(from, what, effect);
        }
    }

    /// Notes that the file ended inside a block that needs `length` bytes.
    fn ended_inside(&mut self, length: usize) {
        let held = self.carry.len() - self.carry_position;
        if held > 0 {
            let end = self.offset + held as u64;
            let what =
                format!("the file ends at byte {end}, {held} bytes into a block of {length}");
            self.issues.note(
                self.offset,
                what,
                "the last block is lost, and all that followed",
            );
            self.summary.lost_bytes += held as u64;
            self.summary.cut_tail_bytes += held as u64;
            self.consume(held);
        }
    }

    /// Notes what is open at the end of the file although no byte is left.
    fn ended_clean(&mut self) {
        if !self.ended {
            return;
        }
        if let Some(Damage { from, what }) = self.damage.take() {
            let lost = self.offset - from;
            self.summary.lost_bytes += lost;
            let effect = format!("the rest of the file, {lost} bytes, could not be read");
            self.issues.note(from, what, effect);
        }
        let missing = std::mem::take(&mut self.pass_over);
        if missing > 0 {
            self.summary.lost_bytes += missing;
            self.summary.cut_tail_bytes += missing;
            let what = format!("the file ends {missing} bytes before the end of a large block");
            self.issues
                .note(self.offset, what, "all that followed is lost");
        }
        if matches!(self.format, Format::Unknown) {
            self.format = Format::Other;
            self.issues
                .note(0, "the file is empty", "it holds no frame");
        }
    }
}

fn chunk_bytes<B: AsRef<[u8]>>(chunk: &Option<B>) -> &[u8] {
    chunk.as_ref().map(AsRef::as_ref).unwrap_or_default()
}

/// Tells the format by its first bytes; a classic file header is read at once.
fn first_step(view: &[u8], format: &mut Format, notes: &mut Notes<'_>) -> Step {
    let Some(&magic) = view.first_chunk::<4>() else {
        return Step::Need(4);
    };
    if magic == SECTION_MAGIC {
        *format = Format::PcapNg(PcapNg::default());
        return Step::Block(0, None);
    }
    if !is_classic(magic) {
        *format = Format::Other;
        let what = format!(
            "starts with {}, which is no capture format known here",
            to_hex(&magic)
        );
        notes.issue(what, "no frame of it is read");
        return Step::PassOver(view.len() as u64);
    }
    if view.len() < FILE_HEADER_LEN {
        return Step::Need(FILE_HEADER_LEN);
    }
    match Classic::file_header(view, notes.summary) {
        Some(classic) => *format = Format::Classic(classic),
        None => *format = Format::Other,
    }
    Step::Block(FILE_HEADER_LEN, None)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    /// A little-endian microsecond Ethernet file of frames of the given bytes.
    fn classic(frames: &[&[u8]]) -> Vec<u8> {
        let mut file = b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\x04\0\x01\0\0\0".to_vec();
        for (index, frame) in frames.iter().enumerate() {
            let length = frame.len() as u32;
            for word in [1_600_000_000 + index as u32, 5, length, length] {
                file.extend(word.to_le_bytes());
            }
            file.extend_from_slice(frame);
        }
        file
    }

    type Seen = (u64, Option<String>, Vec<u8>, u32);

    fn read(file: &[u8], chunk_len: usize) -> (Vec<Seen>, Vec<String>, CaptureSummary) {
        let mut reader = CaptureReader::new(EvidenceId(3));
        let mut seen = Vec::new();
        let drain = |reader: &mut CaptureReader<Vec<u8>>, seen: &mut Vec<Seen>| {
            while let Some(frame) = reader.next_frame() {
                let at = frame.at.map(|at| at.to_rfc3339());
                seen.push((
                    frame.number,
                    at,
                    frame.captured.to_vec(),
                    frame.original_len,
                ));
            }
        };
        for chunk in file.chunks(chunk_len) {
            reader.feed(chunk.to_vec());
            drain(&mut reader, &mut seen);
        }
        reader.end();
        drain(&mut reader, &mut seen);
        let issues = reader.take_issues().into_iter();
        let issues = issues
            .map(|issue| format!("{}: {}", issue.place, issue.what))
            .collect();
        (seen, issues, reader.summary().clone())
    }

    #[test]
    fn chunks_of_any_length_give_the_same_frames() {
        let file = classic(&[b"first", b"", b"the third frame"]);
        let whole = read(&file, file.len());
        assert_eq!(whole.0.len(), 3);
        assert_eq!(whole.0[2].1.as_deref(), Some("2020-09-13T12:26:42.000005Z"));
        assert_eq!(whole.0[2].2, b"the third frame");
        assert_eq!(whole.1, [""; 0]);
        for chunk_len in 1..file.len() {
            assert_eq!(read(&file, chunk_len), whole, "chunks of {chunk_len}");
        }
    }

    #[test]
    fn a_file_cut_at_any_byte_says_so_and_keeps_the_frames_before() {
        let file = classic(&[b"first", b"second"]);
        for end in 0..file.len() {
            let (seen, issues, _) = read(&file[..end], 7);
            let at_boundary = [24, 45].contains(&end);
            assert_eq!(seen.len(), usize::from(end >= 45), "cut at {end}");
            assert_eq!(issues.is_empty(), at_boundary, "cut at {end}: {issues:?}");
        }
        let (_, issues, _) = read(&file[..50], 50);
        assert_eq!(
            issues,
            ["byte 45: the file ends at byte 50, 5 bytes into a block of 16"]
        );
    }

    #[test]
    fn a_damaged_record_is_passed_over() {
        let frame = [7; 60];
        let mut file = classic(&[&frame[..]; 6]);
        // The captured length of the third record.
        let at = 24 + 2 * 76 + 8;
        file[at..at + 4].copy_from_slice(&0xdead_beef_u32.to_le_bytes());
        for chunk_len in [file.len(), 50, 1] {
            let (seen, issues, summary) = read(&file, chunk_len);
            assert_eq!(seen.len(), 5, "chunks of {chunk_len}: {issues:?}");
            assert_eq!(seen[2].1.as_deref(), Some("2020-09-13T12:26:43.000005Z"));
            assert_eq!(summary.lost_bytes, 76);
            let what = "byte 176: record of 3735928559 bytes; 262144 are possible";
            assert_eq!(issues, [what]);
        }
    }

    #[test]
    fn other_files_are_refused_with_their_first_bytes() {
        let (seen, issues, _) = read(b"\x1f\x8b\x08\x00 and so on", 5);
        assert!(seen.is_empty());
        assert_eq!(
            issues,
            ["byte 0: starts with 1f8b0800, which is no capture format known here"]
        );
        assert_eq!(read(b"", 5).1, ["byte 0: the file is empty"]);
    }

    #[test]
    fn nanoseconds_big_endian_and_modified_records_are_read() {
        let mut big = b"\xa1\xb2\x3c\x4d\0\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\x60\0\0\0\x65".to_vec();
        for word in [1_600_000_000_u32, 999_999_999, 2, 90] {
            big.extend(word.to_be_bytes());
        }
        big.extend(b"ip");
        let (seen, _, summary) = read(&big, 10);
        let at = "2020-09-13T12:26:40.999999999Z".to_string();
        assert_eq!(seen, [(1, Some(at), b"ip".to_vec(), 90)]);
        assert_eq!(
            (summary.cut_frames, summary.interfaces[0].link_type),
            (1, 101)
        );

        let mut modified = classic(&[]);
        modified[..4].copy_from_slice(b"\x34\xcd\xb2\xa1");
        for word in [1_600_000_000_u32, 0, 3, 3, 0xffff, 0xffff] {
            modified.extend(word.to_le_bytes());
        }
        modified.extend(b"eth");
        assert_eq!(read(&modified, 10).0[0].2, b"eth");
    }

    fn block(kind: u32, body: &[u8], big: bool) -> Vec<u8> {
        let word = |number: u32| {
            if big {
                number.to_be_bytes()
            } else {
                number.to_le_bytes()
            }
        };
        let padded = body.len().next_multiple_of(4);
        let length = word(padded as u32 + 12);
        let mut block = [word(kind), length].concat();
        block.extend_from_slice(body);
        block.resize(padded + 8, 0);
        block.extend(length);
        block
    }

    fn words(numbers: &[u32], big: bool) -> Vec<u8> {
        let bytes = |number: &u32| {
            if big {
                number.to_be_bytes()
            } else {
                number.to_le_bytes()
            }
        };
        numbers.iter().flat_map(bytes).collect()
    }

    fn section(big: bool) -> Vec<u8> {
        let half = if big { 0x0001_0000 } else { 1 };
        block(
            0x0a0d_0d0a,
            &words(&[0x1a2b_3c4d, half, u32::MAX, u32::MAX], big),
            big,
        )
    }

    /// An interface description with nanoseconds and an offset of 100 s.
    fn interface(big: bool) -> Vec<u8> {
        let mut body = words(&[if big { 1 << 16 } else { 1 }, 96], big);
        let (resolution, offset) = if big {
            (
                [0, 9, 0, 1, 9, 0, 0, 0],
                [0, 14, 0, 8, 0, 0, 0, 0, 0, 0, 0, 100],
            )
        } else {
            (
                [9, 0, 1, 0, 9, 0, 0, 0],
                [14, 0, 8, 0, 100, 0, 0, 0, 0, 0, 0, 0],
            )
        };
        body.extend([&resolution[..], &offset[..], &[0; 4]].concat());
        block(1, &body, big)
    }

    fn enhanced(interface: u32, bytes: &[u8], big: bool) -> Vec<u8> {
        let length = bytes.len() as u32;
        let mut body = words(&[interface, 0, 1_500_000_000, length, length], big);
        body.extend_from_slice(bytes);
        block(6, &body, big)
    }

    #[test]
    fn sections_of_both_byte_orders_have_their_own_interfaces() {
        let mut file = Vec::new();
        for big in [false, true] {
            file.extend([section(big), interface(big), enhanced(0, b"frame", big)].concat());
            file.extend(enhanced(1, b"of no interface", big));
        }
        let (seen, issues, summary) = read(&file, 9);
        let at = Some("1970-01-01T00:01:41.5Z".to_string());
        let frame = |number| (number, at.clone(), b"frame".to_vec(), 5);
        assert_eq!(seen, [frame(1), frame(3)]);
        assert_eq!(
            (summary.sections, summary.interfaces.len(), summary.frames),
            (2, 2, 4)
        );
        let what = "frame of interface 1, which the section does not describe";
        assert_eq!(issues, [format!("byte 112: {what}")]);
    }

    #[test]
    fn obsolete_and_simple_packets_and_custom_blocks_are_numbered() {
        let mut obsolete = words(&[0, 0, 0, 5, 5], false);
        obsolete[..4].copy_from_slice(&[0, 0, 7, 0]);
        obsolete.extend(b"older");
        let mut simple = words(&[200], false);
        simple.extend([1; 96]);
        let file = [
            section(false),
            interface(false),
            block(0xbad, &words(&[32_473], false), false),
            block(2, &obsolete, false),
            block(3, &simple, false),
            block(4, &[0; 4], false),
        ]
        .concat();
        let (seen, issues, summary) = read(&file, 1_000);
        let at = Some("1970-01-01T00:01:40Z".to_string());
        assert_eq!(
            seen,
            [(2, at, b"older".to_vec(), 5), (3, None, vec![1; 96], 200)]
        );
        assert_eq!(
            (summary.custom_blocks, summary.name_resolution_blocks),
            (1, 1)
        );
        assert_eq!((summary.untimed_frames, summary.cut_frames), (1, 1));
        assert_eq!(issues, [""; 0]);
    }

    #[test]
    fn name_resolution_blocks_name_addresses() {
        // Records: type, length, value padded to 4 bytes; type 0 ends them.
        let mut records = vec![1, 0, 9, 0];
        records.extend(b"\x0a\x00\x00\x05pc-5\0\0\0\0");
        records.extend([2, 0, 19, 0]);
        records.extend([0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        records.extend(b"a\0b\0");
        records.extend([0; 4]);
        let file = [section(false), interface(false), block(4, &records, false)].concat();
        let (_, issues, summary) = read(&file, 1_000);
        let names: Vec<(String, &str)> = summary
            .names
            .iter()
            .map(|(address, name)| (address.to_string(), name.as_str()))
            .collect();
        assert_eq!(
            names,
            [("10.0.0.5".into(), "pc-5"), ("2001:db8::1".into(), "a")]
        );
        assert_eq!(issues, [""; 0]);
    }

    #[test]
    fn comments_of_the_file_and_of_frames_are_kept_with_their_places() {
        let option = |code: u8, text: &str| {
            let length = u8::try_from(text.len()).unwrap();
            let mut bytes = vec![code, 0, length, 0];
            bytes.extend(text.as_bytes());
            bytes.resize(bytes.len().next_multiple_of(4), 0);
            bytes
        };
        let commented = |texts: &[&str]| {
            let mut body = words(&[0, 0, 100_000_000, 4, 4], false);
            body.extend(b"data");
            for text in texts {
                body.extend(option(1, text));
            }
            body.extend([0; 4]);
            block(6, &body, false)
        };
        let file = [
            section(false),
            interface(false),
            commented(&["PID=4312"]),
            enhanced(0, b"frame", false),
            commented(&["here it\nbreaks", "PID=8"]),
        ]
        .concat();
        for chunk_len in [file.len(), 7] {
            let (seen, issues, summary) = read(&file, chunk_len);
            assert_eq!((seen.len(), issues), (3, Vec::<String>::new()));
            let comments = summary.comments;
            assert_eq!(comments.processes, [(1, 4312), (3, 8)]);
            let [only] = comments.written.as_slice() else {
                panic!("{comments:?}")
            };
            assert_eq!(
                (only.packet, only.text.as_str()),
                (Some(3), "here it breaks")
            );
            assert!(only.at.is_some());
        }
    }

    #[test]
    fn the_search_goes_on_behind_a_damaged_block() {
        let good = enhanced(0, b"frame", false);
        let mut bad = enhanced(0, b"damaged", false);
        let last = bad.len() - 4;
        bad[last] = 0xff;
        let file = [section(false), interface(false), good.clone(), bad, good].concat();
        for chunk_len in [file.len(), 30, 1] {
            let (seen, issues, summary) = read(&file, chunk_len);
            assert_eq!(seen.len(), 2, "chunks of {chunk_len}");
            assert_eq!(summary.lost_bytes, 40);
            assert_eq!(
                issues,
                ["byte 112: block of 40 bytes ends with another length"]
            );
        }
    }

    #[test]
    fn a_block_of_impossible_length_at_the_end_loses_the_rest() {
        let mut bad = enhanced(0, b"frame", false);
        bad[4..8].copy_from_slice(&[0xff; 4]);
        let file = [section(false), interface(false), bad].concat();
        let (seen, issues, summary) = read(&file, 11);
        assert!(seen.is_empty());
        assert_eq!(summary.lost_bytes, 40);
        assert_eq!(issues, ["byte 72: block of impossible length 4294967295"]);
    }

    #[test]
    fn a_large_block_without_packets_is_passed_over() {
        let large = block(0x09, &vec![0; super::super::MAX_BLOCK_LEN], false);
        let file = [
            section(false),
            interface(false),
            large,
            enhanced(0, b"frame", false),
        ]
        .concat();
        let (seen, issues, _) = read(&file, 1 << 20);
        assert_eq!(seen.len(), 1);
        assert_eq!(issues, [""; 0]);
        let (seen, issues, _) = read(&file[..5_000], 1 << 20);
        assert!(seen.is_empty());
        assert!(issues[0].contains("before the end of a large block"));
    }

    #[test]
    fn secrets_of_tls_come_out_with_the_frame_behind_them() {
        for big_endian in [false, true] {
            let number = |it: u32| match big_endian {
                true => it.to_be_bytes(),
                false => it.to_le_bytes(),
            };
            // TLSK, five bytes, padded to eight; then WireGuard's, passed over.
            let tls = [number(0x544C_534B), number(5)].concat();
            let other = [number(0x5747_4B4C), number(4)].concat();
            let file = [
                section(big_endian),
                interface(big_endian),
                enhanced(0, b"before", big_endian),
                block(10, &[tls, b"keys\n\0\0\0".to_vec()].concat(), big_endian),
                block(10, &[other, b"none".to_vec()].concat(), big_endian),
                enhanced(0, b"behind", big_endian),
            ]
            .concat();
            let mut reader = CaptureReader::new(EvidenceId(0));
            reader.feed(file.as_slice());
            reader.end();
            let mut seen = Vec::new();
            while reader.advance() {
                let texts = reader.take_key_logs();
                seen.push(texts);
            }
            assert_eq!(seen, [vec![], vec![b"keys\n".to_vec()]]);
        }
    }

    #[test]
    fn flipped_bytes_never_stop_the_reader() {
        let good = enhanced(0, b"some frame", false);
        let file = [
            section(false),
            interface(false),
            good.clone(),
            good.clone(),
            good,
        ]
        .concat();
        let records = classic(&[b"first", b"second", b"third"]);
        for file in [file, records] {
            for at in 0..file.len() {
                for value in [0, 1, 0x7f, 0xff] {
                    let mut bad = file.clone();
                    bad[at] = value;
                    let (seen, _, summary) = read(&bad, 33);
                    assert!(seen.len() <= 4 && summary.lost_bytes <= bad.len() as u64);
                }
            }
        }
    }
}
