//! Capture bytes to frames: the same frames however the bytes are handed over,
//! and nothing lost in silence.
#![no_main]

use libfuzzer_sys::fuzz_target;
use whychain::capture::CaptureReader;
use whychain::provenance::EvidenceId;

/// Number and length of each frame, and whether bytes were lost.
fn frames(bytes: &[u8], step: usize) -> (Vec<(u64, usize)>, bool) {
    let mut reader = CaptureReader::new(EvidenceId(0));
    let mut found = Vec::new();
    for chunk in bytes.chunks(step) {
        reader.feed(chunk);
        while let Some(frame) = reader.next_frame() {
            found.push((frame.number, frame.captured.len()));
        }
    }
    reader.end();
    while let Some(frame) = reader.next_frame() {
        found.push((frame.number, frame.captured.len()));
    }
    let lost = reader.summary().lost_bytes > 0;
    assert!(!lost || !reader.take_issues().is_empty(), "lost in silence");
    (found, lost)
}

fuzz_target!(|bytes: &[u8]| {
    let whole = frames(bytes, bytes.len().max(1));
    assert_eq!(whole, frames(bytes, 7), "another cut, other frames");
});
