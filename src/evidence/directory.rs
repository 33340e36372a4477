//! The list of entries of a zip, read entry by entry, so that a bad one hides
//! no other and two of the same name are two.

use std::io::{BufReader, Read};

use super::limits::{MAX_DIRECTORY_LEN, MAX_NAME_LEN};
use super::names;
use super::window::{Window, WindowReader};
use crate::bytes::Reader;
use crate::time::Timestamp;

/// One entry of a zip, as its central directory describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name, decoded: see [`names::zip_name`].
    pub name: String,
    /// Version and system that made it; the high byte is the system.
    pub made_by: u16,
    /// General purpose flags.
    pub flags: u16,
    /// Compression method; 99 stands for AES.
    pub method: u16,
    /// Time and date in MS-DOS form, local and without zone: of use only to
    /// ZipCrypto, which derives its check byte from the time.
    pub dos_time: [u8; 4],
    /// CRC-32 of the content; `None` where a salvaged entry does not say.
    pub crc: Option<u32>,
    /// Bytes in the archive.
    pub compressed_len: u64,
    /// Bytes of the content; `None` where a salvaged entry does not say.
    pub len: Option<u64>,
    /// Where its local header begins, from the start of the window.
    pub header_at: u64,
    /// External attributes; the high half is a Unix mode when Unix made it.
    pub attributes: u32,
    /// The content of the AES field (0x9901).
    pub aes: Option<[u8; 7]>,
    /// Last modification, from a field in UTC (NTFS or extended timestamp).
    pub modified_at: Option<Timestamp>,
}

impl Entry {
    /// True when a password is needed.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.flags & 1 != 0
    }

    /// True for a folder.
    #[must_use]
    pub fn is_folder(&self) -> bool {
        self.name.ends_with(['/', '\\']) && self.len.unwrap_or(0) == 0
    }

    /// True for a symbolic link, which Unix zips store with its target.
    #[must_use]
    pub fn is_link(&self) -> bool {
        const SYSTEM_UNIX: u16 = 3;
        const MODE_TYPE: u32 = 0o170_000;
        const MODE_LINK: u32 = 0o120_000;
        self.made_by >> 8 == SYSTEM_UNIX && (self.attributes >> 16) & MODE_TYPE == MODE_LINK
    }
}

/// The entries of a zip and what was wrong with the list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Directory {
    /// The entries in the order of the list.
    pub entries: Vec<Entry>,
    /// What is wrong with the list, one line each.
    pub problems: Vec<String>,
    /// True when the list broke off: members behind the place may be found by
    /// their own headers.
    pub broken: bool,
}

/// Where the list lies.
struct Place {
    at: u64,
    len: u64,
    count: u64,
    /// Bytes before the archive's own byte 0 (a self-extracting zip).
    base: u64,
}

/// Reads the central directory.
///
/// ```text
/// entries … | 0x02014b50 header, name, extra fields, comment | … | end record
/// ```
///
/// The end record is looked for from the end backwards; one is believed when a
/// header (or nothing, for an empty zip) lies where it points. Bytes before the
/// archive and after it are tolerated.
///
/// Spec: APPNOTE.TXT 6.3.10, 4.3.12 to 4.3.16, 4.5.3.
///
/// # Errors
///
/// A text that says why no list was found; the caller may then salvage.
pub fn directory(window: &Window, max_entries: usize) -> Result<Directory, String> {
    let place = find(window)?;
    let mut found = Directory::default();
    if place.len > MAX_DIRECTORY_LEN {
        found.problems.push(format!(
            "its list of entries has {} bytes, of which {MAX_DIRECTORY_LEN} are read",
            place.len
        ));
    }
    let part = window.slice(place.at, place.len.min(MAX_DIRECTORY_LEN));
    let mut input = BufReader::with_capacity(64 << 10, WindowReader::new(part));
    for number in 1..=place.count {
        if found.entries.len() >= max_entries {
            let (listed, count) = (found.entries.len(), place.count);
            found.problems.push(format!(
                "it has {count} entries; the first {listed} are read"
            ));
            break;
        }
        match entry(&mut input, place.base) {
            Ok(entry) => found.entries.push(entry),
            Err(why) => {
                found
                    .problems
                    .push(format!("entry {number} of {}: {why}", place.count));
                found.broken = true;
                break;
            }
        }
    }
    overlaps(&mut found, window.len());
    Ok(found)
}

const END_LEN: usize = 22;
const LOCATOR_LEN: u64 = 20;
const END_64_LEN: usize = 56;
const ENTRY_SIGNATURE: u32 = 0x0201_4b50;
const WHAT: &str = "zip end record";

/// Finds the end record, with its 64-bit form where there is one.
fn find(window: &Window) -> Result<Place, String> {
    // A comment has at most 65,535 bytes; the rest allows for bytes that a
    // transfer added behind the archive.
    const TAIL_LEN: usize = 128 << 10;
    let tail_at = window.len().saturating_sub(TAIL_LEN as u64);
    let tail = window
        .bytes_at(tail_at, TAIL_LEN)
        .map_err(|error| error.to_string())?;
    for at in (0..tail.len().saturating_sub(END_LEN - 1)).rev() {
        let Some(record) = tail.get(at..at + END_LEN) else {
            continue;
        };
        if record.starts_with(b"PK\x05\x06")
            && let Some(place) = place(window, tail_at + at as u64, record)
        {
            return Ok(place);
        }
    }
    Err("it has no list of entries (end of central directory), as when it was cut short".into())
}

/// Reads one end record and says where the list lies, if it lies there.
fn place(window: &Window, end_at: u64, record: &[u8]) -> Option<Place> {
    let mut reader = Reader::new(record);
    reader.skip(WHAT, 10).ok()?;
    let mut count = u64::from(reader.u16_le(WHAT).ok()?);
    let mut len = u64::from(reader.u32_le(WHAT).ok()?);
    let mut at = u64::from(reader.u32_le(WHAT).ok()?);
    let mut end = end_at;
    if let Some((end_64_at, record)) = end_64(window, end_at) {
        let mut reader = Reader::new(&record);
        reader.skip(WHAT, 32).ok()?;
        count = reader.u64_le(WHAT).ok()?;
        len = reader.u64_le(WHAT).ok()?;
        at = reader.u64_le(WHAT).ok()?;
        end = end_64_at;
    }
    let before = end.checked_sub(len)?;
    let base = before.saturating_sub(at);
    for (at, base) in [(before, base), (at, 0)] {
        let signature = window.bytes_at(at, 4).ok()?;
        if count == 0 || signature == ENTRY_SIGNATURE.to_le_bytes() {
            return Some(Place {
                at,
                len: end.saturating_sub(at),
                count,
                base,
            });
        }
    }
    None
}

/// The 64-bit end record, where the locator before `end_at` points, or right
/// before the locator when bytes were put before the archive.
fn end_64(window: &Window, end_at: u64) -> Option<(u64, Vec<u8>)> {
    let locator_at = end_at.checked_sub(LOCATOR_LEN)?;
    let locator = window.bytes_at(locator_at, LOCATOR_LEN as usize).ok()?;
    if !locator.starts_with(b"PK\x06\x07") {
        return None;
    }
    let stated = Reader::new(locator.get(8..)?).u64_le(WHAT).ok()?;
    let adjacent = locator_at.checked_sub(END_64_LEN as u64)?;
    [stated, adjacent].into_iter().find_map(|at| {
        let record = window.bytes_at(at, END_64_LEN).ok()?;
        (record.len() == END_64_LEN && record.starts_with(b"PK\x06\x06")).then_some((at, record))
    })
}

/// Reads one header of the list with its name, extra fields and comment.
fn entry(input: &mut impl Read, base: u64) -> Result<Entry, String> {
    const WHAT: &str = "central directory header";
    let fixed = take(input, 46)?;
    let mut reader = Reader::new(&fixed);
    let mut fields = || -> Result<_, crate::bytes::ParseError> {
        let signature = reader.u32_le(WHAT)?;
        let made_by = reader.u16_le(WHAT)?;
        reader.skip(WHAT, 2)?;
        let (flags, method) = (reader.u16_le(WHAT)?, reader.u16_le(WHAT)?);
        let dos_time = reader.array(WHAT)?;
        let crc = reader.u32_le(WHAT)?;
        let lens = (reader.u32_le(WHAT)?, reader.u32_le(WHAT)?);
        let name_len = reader.u16_le(WHAT)?;
        let extra_len = reader.u16_le(WHAT)?;
        let comment_len = reader.u16_le(WHAT)?;
        reader.skip(WHAT, 4)?;
        let attributes = reader.u32_le(WHAT)?;
        let entry = Entry {
            name: String::new(),
            made_by,
            flags,
            method,
            dos_time,
            crc: Some(crc),
            compressed_len: lens.0.into(),
            len: Some(lens.1.into()),
            header_at: reader.u32_le(WHAT)?.into(),
            attributes,
            aes: None,
            modified_at: None,
        };
        Ok((signature, entry, name_len, extra_len, comment_len))
    };
    let (signature, mut entry, name_len, extra_len, comment_len) =
        fields().map_err(|error| error.to_string())?;
    if signature != ENTRY_SIGNATURE {
        return Err("no header where one should be".into());
    }
    let name = take(input, name_len.into())?;
    let extra = take(input, extra_len.into())?;
    take(input, comment_len.into())?;
    if name.len() > MAX_NAME_LEN {
        return Err(format!(
            "a name of {} bytes, above the limit of {MAX_NAME_LEN}",
            name.len()
        ));
    }
    entry.name = names::zip_name(&name, &extra);
    extra_fields(&mut entry, &extra);
    entry.header_at = entry.header_at.saturating_add(base);
    Ok(entry)
}

fn take(input: &mut impl Read, count: usize) -> Result<Vec<u8>, String> {
    let mut bytes = vec![0; count];
    input
        .read_exact(&mut bytes)
        .map_err(|_| "the list ends early".to_owned())?;
    Ok(bytes)
}

/// Applies the fields that matter: 64-bit sizes, AES, and times in UTC. A field
/// that is cut is passed over: the sizes then stay what the header says.
pub(super) fn extra_fields(entry: &mut Entry, extra: &[u8]) {
    for (id, content) in Fields(Reader::new(extra)) {
        let mut reader = Reader::new(content);
        match id {
            0x0001 => {
                if entry.len == Some(0xffff_ffff) {
                    entry.len = reader.u64_le(WHAT).ok().or(entry.len);
                }
                if entry.compressed_len == 0xffff_ffff {
                    entry.compressed_len = reader.u64_le(WHAT).unwrap_or(entry.compressed_len);
                }
                if entry.header_at == 0xffff_ffff {
                    entry.header_at = reader.u64_le(WHAT).unwrap_or(entry.header_at);
                }
            }
            0x9901 => entry.aes = content.try_into().ok(),
            0x5455 if content.first().is_some_and(|flags| flags & 1 != 0) => {
                let seconds = reader.skip(WHAT, 1).and_then(|()| reader.array(WHAT));
                let seconds = seconds.ok().map(i32::from_le_bytes);
                let at = seconds.and_then(|seconds| Timestamp::from_unix(seconds.into(), 0));
                entry.modified_at = entry.modified_at.or(at);
            }
            0x000a => {
                // Reserved, then tag 1 of 24 bytes, whose first time is mtime.
                let tagged = content.get(4..8) == Some(&[1, 0, 24, 0]);
                let ticks = content
                    .get(8..)
                    .and_then(|rest| Reader::new(rest).u64_le(WHAT).ok());
                let at = ticks.filter(|_| tagged).and_then(Timestamp::from_filetime);
                entry.modified_at = at.or(entry.modified_at);
            }
            _ => {}
        }
    }
}

/// The extra fields: 2-byte id, 2-byte length, content.
pub(super) struct Fields<'a>(pub Reader<'a>);

impl<'a> Iterator for Fields<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let id = self.0.u16_le(WHAT).ok()?;
        let len = self.0.u16_le(WHAT).ok()?;
        Some((id, self.0.take(WHAT, len.into()).ok()?))
    }
}

/// Notes entries that share bytes: no packer makes such a zip, bombs are made so.
fn overlaps(found: &mut Directory, window_len: u64) {
    const LOCAL_HEADER_LEN: u64 = 30;
    let mut ranges: Vec<(u64, u64)> = found
        .entries
        .iter()
        .map(|entry| {
            let len = LOCAL_HEADER_LEN.saturating_add(entry.compressed_len);
            (entry.header_at, entry.header_at.saturating_add(len))
        })
        .collect();
    ranges.sort_unstable();
    let shared = ranges
        .windows(2)
        .filter(|pair| matches!(pair, [a, b] if a.1 > b.0))
        .count();
    if shared > 0 {
        found
            .problems
            .push(format!("{shared} of its entries share bytes with another"));
    }
    let outside = ranges.iter().filter(|range| range.1 > window_len).count();
    if outside > 0 {
        found.problems.push(format!(
            "{outside} of its entries end behind the end of the zip"
        ));
    }
}
