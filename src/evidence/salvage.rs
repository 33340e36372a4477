//! Lists the members of a zip that has no list of entries any more, as when an
//! upload broke off: each member has a header of its own before its data.

use super::directory::{Directory, Entry, extra_fields};
use super::limits::MAX_NAME_LEN;
use super::names;
use super::window::Window;
use crate::bytes::Reader;

/// Walks the local file headers from the start of the zip.
///
/// ```text
/// 0                        4       6     8      10       14  18         22  26       28
/// | "PK\x03\x04" | version | flags | method | time, date | crc | compressed | len | name len | extra len | name, extra, data
/// ```
///
/// Flag bit 3 says that checksum and sizes follow the data; the end of such a
/// member is where the next signature stands, and what it does not say stays
/// `None`. The last member may be cut; what there is of it can be read.
///
/// Spec: APPNOTE.TXT 4.3.7, 4.3.9.
#[must_use]
pub fn salvage(window: &Window, max_entries: usize) -> Directory {
    let mut found = Directory::default();
    let mut at = 0;
    while found.entries.len() < max_entries {
        let Some((entry, data_at)) = local_header(window, at) else {
            break;
        };
        at = data_at.saturating_add(entry.compressed_len);
        found.entries.push(entry);
        // The end of streamed data was found by the signature behind it, and
        // a stated size may be followed by a descriptor.
        let Some(next) = next_signature(window, at, MAX_GAP) else {
            break;
        };
        at = next;
    }
    found
}

/// Bytes searched for a header behind a member of known size.
const MAX_GAP: u64 = 64 << 10;

fn local_header(window: &Window, at: u64) -> Option<(Entry, u64)> {
    const WHAT: &str = "local file header";
    let header = window.bytes_at(at, 30).ok()?;
    if !header.starts_with(b"PK\x03\x04") {
        return None;
    }
    let mut reader = Reader::new(&header);
    reader.skip(WHAT, 6).ok()?;
    let (flags, method) = (reader.u16_le(WHAT).ok()?, reader.u16_le(WHAT).ok()?);
    let dos_time = reader.array(WHAT).ok()?;
    let crc = reader.u32_le(WHAT).ok()?;
    let (compressed_len, len) = (reader.u32_le(WHAT).ok()?, reader.u32_le(WHAT).ok()?);
    let name_len = usize::from(reader.u16_le(WHAT).ok()?);
    let extra_len = usize::from(reader.u16_le(WHAT).ok()?);
    let name = window.bytes_at(at + 30, name_len.min(MAX_NAME_LEN)).ok()?;
    let extra = window.bytes_at(at + 30 + name_len as u64, extra_len).ok()?;
    let data_at = at + 30 + (name_len + extra_len) as u64;
    let mut entry = Entry {
        name: names::zip_name(&name, &extra),
        made_by: 0,
        flags,
        method,
        dos_time,
        crc: Some(crc),
        compressed_len: compressed_len.into(),
        len: Some(len.into()),
        header_at: at,
        attributes: 0,
        aes: None,
        modified_at: None,
    };
    extra_fields(&mut entry, &extra);
    let streamed = flags & 8 != 0 && entry.compressed_len == 0;
    if streamed {
        let end = next_signature(window, data_at, u64::MAX).unwrap_or(window.len());
        entry.compressed_len = end.saturating_sub(data_at);
        (entry.len, entry.crc) = (None, None);
    }
    Some((entry, data_at))
}

/// Where the next local header or (for streamed data) data descriptor stands.
fn next_signature(window: &Window, from: u64, within: u64) -> Option<u64> {
    // Behind a member of known size the next one follows at once.
    const FIRST_STEP: usize = 64;
    const STEP: usize = 1 << 20;
    let header = |bytes: &[u8]| bytes == b"PK\x03\x04";
    let descriptor = |bytes: &[u8]| bytes == b"PK\x07\x08" && within == u64::MAX;
    let (mut at, mut step) = (from, FIRST_STEP);
    while at < window.len() && at - from <= within {
        // Pieces overlap by three bytes, so that no signature falls between.
        let piece = window.bytes_at(at, step + 3).ok()?;
        let hit = piece
            .windows(4)
            .position(|four| header(four) || descriptor(four));
        if let Some(hit) = hit {
            return Some(at + hit as u64).filter(|hit| hit - from <= within);
        }
        at += step as u64;
        step = STEP;
    }
    None
}
