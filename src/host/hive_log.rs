//! Transaction logs of a registry hive, applied to a copy of it in memory.

use crate::bytes::{ErrorKind, ParseError, Reader};

/// A hive after its logs were applied.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recovered {
    /// The hive as Windows would have it after loading.
    pub bytes: Vec<u8>,
    /// Where its bytes are those of a log, in the order applied: of two that
    /// overlap the later one counts.
    pub patches: Vec<Patch>,
    /// Entries applied, by log.
    pub applied: Vec<(usize, u32)>,
    /// What could not be applied: which log, what.
    pub problems: Vec<(usize, ParseError)>,
}

/// A part of a hive that comes from a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patch {
    /// Offset in the hive.
    pub at: u64,
    /// Bytes.
    pub length: u64,
    /// Which log.
    pub log: usize,
    /// Offset of these bytes in it.
    pub from: u64,
}

/// What a base block says (its first 512 bytes).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BaseBlock {
    /// Written at the beginning of a write.
    pub primary: u32,
    /// Written at its end.
    pub secondary: u32,
    /// 0 primary file, 1 and 2 old logs, 6 new ones.
    pub file_type: u32,
    /// Size of the hive bins.
    pub bins: u32,
    /// Whether the checksum agrees.
    pub is_sound: bool,
}

const SECTOR: usize = 512;
/// The base block of a primary file.
const BINS: usize = 4096;
/// Dirty pages of one log: one for each 512 bytes of a hive of 512 MB.
const MAX_PAGES: u32 = 1 << 20;
/// Hive bins of the largest hive that is read.
const MAX_BINS: u32 = 512 << 20;
/// Entries of one log; a log of Windows has some hundred.
const MAX_ENTRIES: usize = 65_536;

/// Reads a base block.
///
/// ```text
/// 0      4         8           12         20      24      28     32       36     40
/// | regf | primary | secondary | FILETIME | major | minor | type | format | root | bins | … 508: checksum |
/// ```
///
/// The checksum is the exclusive or of the 127 words before it, where 0 is
/// written as 1 and -1 as -2.
///
/// Source: M. Suhanov, "Windows registry file format specification".
///
/// # Errors
///
/// `Truncated` when it is cut, `Malformed` without the signature.
pub fn base_block(bytes: &[u8]) -> Result<BaseBlock, ParseError> {
    const WHAT: &str = "hive base block";
    let mut reader = Reader::new(bytes);
    if reader.take(WHAT, 4)? != b"regf" {
        let how = "does not start with regf".to_owned();
        return Err(Reader::new(bytes).error(WHAT, ErrorKind::Malformed(how)));
    }
    let (primary, secondary) = (reader.u32_le(WHAT)?, reader.u32_le(WHAT)?);
    reader.skip(WHAT, 16)?;
    let file_type = reader.u32_le(WHAT)?;
    reader.skip(WHAT, 8)?;
    let bins = reader.u32_le(WHAT)?;
    let mut sum = 0_u32;
    let mut words = Reader::new(bytes);
    for _ in 0..127 {
        sum ^= words.u32_le(WHAT)?;
    }
    let sum = match sum {
        0 => 1,
        u32::MAX => u32::MAX - 1,
        other => other,
    };
    let is_sound = words.u32_le(WHAT)? == sum;
    Ok(BaseBlock {
        primary,
        secondary,
        file_type,
        bins,
        is_sound,
    })
}

/// True when the newest changes of a hive may lie in its logs.
#[must_use]
pub fn needs_logs(base: &BaseBlock) -> bool {
    base.primary != base.secondary || !base.is_sound
}

/// Applies logs to a hive that needs them; `None` where nothing of them applies.
///
/// The new form (since Windows 8.1) has entries with sequence numbers: those
/// from the hive's secondary number on are applied one after another, over
/// both logs, up to the first gap or damaged entry. The old form has one set of
/// pages. Nothing is written back.
#[must_use]
pub fn recover(hive: &[u8], logs: &[&[u8]]) -> Option<Recovered> {
    let base = base_block(hive).ok();
    let mut state = Recovered {
        bytes: hive.to_vec(),
        ..Recovered::default()
    };
    let mut entries: Vec<(usize, Entry<'_>)> = Vec::new();
    let mut starts: Vec<u32> = Vec::new();
    for (index, log) in logs.iter().enumerate() {
        let block = match base_block(log) {
            Ok(block) if block.is_sound => block,
            Ok(_) => {
                let how = ErrorKind::Malformed("its checksum does not agree".to_owned());
                let error = Reader::new(log).error("transaction log", how);
                state.problems.push((index, error));
                continue;
            }
            Err(error) => {
                state.problems.push((index, error));
                continue;
            }
        };
        match block.file_type {
            6 => {
                starts.push(block.primary);
                let (found, problem) = read_entries(log);
                state.problems.extend(problem.map(|error| (index, error)));
                entries.extend(found.into_iter().map(|entry| (index, entry)));
            }
            _ => old_log(&mut state, base.as_ref(), &block, index, log),
        }
    }
    let from = base.filter(|base| base.is_sound).map(|base| {
        // A log says in its base block with which number it begins. Writers
        // begin with the hive's secondary number, or with the one after it.
        let own = starts.iter().filter(|start| **start >= base.secondary);
        let next = base.secondary.saturating_add(1);
        own.min().copied().unwrap_or(base.secondary).min(next)
    });
    apply_entries(&mut state, entries, from);
    if state.applied.is_empty() {
        return (!state.problems.is_empty()).then_some(state);
    }
    if !base.is_some_and(|base| base.is_sound) {
        restore_base(&mut state.bytes, logs, &state.applied);
    }
    Some(state)
}

/// A base block that is broken is taken from the log.
fn restore_base(bytes: &mut [u8], logs: &[&[u8]], applied: &[(usize, u32)]) {
    let log = applied.last().and_then(|(index, _)| logs.get(*index));
    let good = log.and_then(|log| log.get(..SECTOR));
    if let (Some(good), Some(own)) = (good, bytes.get_mut(..SECTOR)) {
        own.copy_from_slice(good);
    }
}

/// An entry of a log in the new form.
#[derive(Debug)]
struct Entry<'a> {
    sequence: u32,
    bins: u32,
    /// Offset among the bins, bytes, and their offset in the log.
    pages: Vec<(u32, &'a [u8], u64)>,
}

/// Reads the entries of a log up to the first that is none.
///
/// ```text
/// 0      4      8       12         16     20      24       32       40
/// | HvLE | size | flags | sequence | bins | pages | hash 1 | hash 2 | {offset, size} … | pages … |
/// ```
///
/// Entries begin at byte 512 and fill whole sectors. Hash 1 is over all from
/// byte 40, hash 2 over the first 32 bytes. What follows the last entry may be
/// what is left of older ones.
fn read_entries(log: &[u8]) -> (Vec<Entry<'_>>, Option<ParseError>) {
    let mut entries: Vec<Entry<'_>> = Vec::new();
    let mut at = SECTOR;
    while entries.len() < MAX_ENTRIES {
        let rest = log.get(at..).unwrap_or_default();
        if !rest.starts_with(b"HvLE") {
            return (entries, None);
        }
        match entry(rest, at as u64) {
            Ok((entry, size)) => {
                // An older number: the log was written from its beginning again.
                let is_old = entries
                    .last()
                    .is_some_and(|last| entry.sequence <= last.sequence);
                if is_old {
                    return (entries, None);
                }
                entries.push(entry);
                at += size;
            }
            Err(error) => return (entries, Some(error.shifted(at as u64))),
        }
    }
    (entries, None)
}

fn entry(rest: &[u8], base: u64) -> Result<(Entry<'_>, usize), ParseError> {
    const WHAT: &str = "log entry (HvLE)";
    let mut reader = Reader::new(rest);
    reader.skip(WHAT, 4)?;
    let size = reader.u32_le(WHAT)?;
    reader.skip(WHAT, 4)?;
    let sequence = reader.u32_le(WHAT)?;
    let (bins, count) = (reader.u32_le(WHAT)?, reader.u32_le(WHAT)?);
    let (first, second) = (reader.u64_le(WHAT)?, reader.u64_le(WHAT)?);
    if count > MAX_PAGES || bins > MAX_BINS {
        let (value, limit) = (u64::from(count.max(bins)), u64::from(MAX_BINS));
        return Err(reader.error(WHAT, ErrorKind::OverLimit { value, limit }));
    }
    let size = size as usize;
    let malformed = |how: &str| Reader::new(rest).error(WHAT, ErrorKind::Malformed(how.to_owned()));
    if size < SECTOR || !size.is_multiple_of(SECTOR) {
        return Err(malformed("its size is no number of sectors"));
    }
    let whole = Reader::new(rest).take(WHAT, size)?;
    let (head, body) = (whole.get(..32), whole.get(40..));
    let good = head.is_some_and(|head| marvin(head) == second)
        && body.is_some_and(|body| marvin(body) == first);
    if !good {
        return Err(malformed("its hashes do not agree"));
    }
    let mut references = Vec::new();
    for _ in 0..count {
        references.push((reader.u32_le(WHAT)?, reader.u32_le(WHAT)?));
    }
    let mut pages = Vec::new();
    for (offset, length) in references {
        let from = base + reader.position() as u64;
        let page = reader.take(WHAT, length as usize)?;
        if reader.position() > size || offset.saturating_add(length) > bins {
            return Err(malformed("a page lies outside of the entry or the hive"));
        }
        pages.push((offset, page, from));
    }
    let entry = Entry {
        sequence,
        bins,
        pages,
    };
    Ok((entry, size))
}

/// Applies entries in order of their numbers, from the hive's own on.
fn apply_entries(state: &mut Recovered, mut entries: Vec<(usize, Entry<'_>)>, from: Option<u32>) {
    entries.sort_by_key(|(log, entry)| (entry.sequence, *log));
    entries.retain(|(_, entry)| from.is_none_or(|from| entry.sequence >= from));
    // The first to be applied is the hive's own: without it, later ones would
    // leave a mixture of two states.
    let mut last = from.and_then(|from| from.checked_sub(1));
    for (log, entry) in entries {
        if last == Some(entry.sequence) && state.applied.iter().any(|(_, count)| *count > 0) {
            continue;
        }
        if last.is_some_and(|last| last.checked_add(1) != Some(entry.sequence)) {
            let how = format!(
                "entry {} does not follow entry {}",
                entry.sequence,
                last.unwrap_or_default()
            );
            let kind = ErrorKind::Malformed(how);
            let (what, at) = ("log entry (HvLE)", 0);
            state.problems.push((log, ParseError { what, at, kind }));
            return;
        }
        let size = BINS + entry.bins as usize;
        if state.bytes.len() < size {
            state.bytes.resize(size, 0);
        }
        for (offset, page, place) in entry.pages {
            patch(state, log, offset as usize, page, place);
        }
        count(state, log);
        last = Some(entry.sequence);
    }
}

fn count(state: &mut Recovered, log: usize) {
    match state.applied.iter_mut().find(|(known, _)| *known == log) {
        Some((_, entries)) => *entries += 1,
        None => state.applied.push((log, 1)),
    }
}

fn patch(state: &mut Recovered, log: usize, offset: usize, page: &[u8], from: u64) {
    let at = BINS + offset;
    if let Some(own) = state.bytes.get_mut(at..at + page.len()) {
        own.copy_from_slice(page);
        state.patches.push(Patch {
            at: at as u64,
            length: page.len() as u64,
            log,
            from,
        });
    }
}

/// Applies a log in the old form: one set of pages of 512 bytes.
///
/// ```text
/// 512: DIRT | one bit for each 512 bytes of the bins, lowest first | … next sector: the pages set
/// ```
///
/// It belongs to the hive when its two numbers agree and are not older than the
/// hive's secondary one.
fn old_log(
    state: &mut Recovered,
    base: Option<&BaseBlock>,
    block: &BaseBlock,
    index: usize,
    log: &[u8],
) {
    const WHAT: &str = "dirty vector (DIRT)";
    let own = base.filter(|base| base.is_sound);
    let fits =
        block.primary == block.secondary && own.is_none_or(|base| block.primary >= base.secondary);
    let body = log.get(SECTOR..).unwrap_or_default();
    if !fits || !body.starts_with(b"DIRT") {
        return;
    }
    let bits = block.bins.min(MAX_BINS) as usize / SECTOR;
    let vector = 4 + bits.div_ceil(8);
    let mut at = SECTOR + vector.div_ceil(SECTOR) * SECTOR;
    let size = BINS + block.bins.min(MAX_BINS) as usize;
    // A log cannot hold more pages than it has sectors: nothing grows before
    // the vector itself is there.
    if body.len() < vector {
        let (needed, left) = (vector as u64, body.len() as u64);
        let error = ParseError {
            what: WHAT,
            at: SECTOR as u64,
            kind: ErrorKind::Truncated { needed, left },
        };
        return state.problems.push((index, error));
    }
    if state.bytes.len() < size {
        state.bytes.resize(size, 0);
    }
    for page in 0..bits {
        let byte = body.get(4 + page / 8).copied().unwrap_or_default();
        if byte >> (page % 8) & 1 == 0 {
            continue;
        }
        let Some(bytes) = log.get(at..at + SECTOR) else {
            let left = log.len().saturating_sub(at) as u64;
            let error = ParseError {
                what: WHAT,
                at: at as u64,
                kind: ErrorKind::Truncated { needed: 512, left },
            };
            state.problems.push((index, error));
            break;
        };
        patch(state, index, page * SECTOR, bytes, at as u64);
        at += SECTOR;
    }
    if state.patches.iter().any(|patch| patch.log == index) {
        count(state, index);
    }
}

/// Marvin32 with the seed of registry logs.
fn marvin(bytes: &[u8]) -> u64 {
    marvin_with(0xC555_4E7A_884D_EF82, bytes)
}

fn marvin_with(seed: u64, bytes: &[u8]) -> u64 {
    let [a, b, c, d, e, f, g, h] = seed.to_le_bytes();
    let mut low = u32::from_le_bytes([a, b, c, d]);
    let mut high = u32::from_le_bytes([e, f, g, h]);
    let mut mix = |word: u32| {
        low = low.wrapping_add(word);
        high ^= low;
        low = low.rotate_left(20).wrapping_add(high);
        high = high.rotate_left(9) ^ low;
        low = low.rotate_left(27).wrapping_add(high);
        high = high.rotate_left(19);
        u64::from(high) << 32 | u64::from(low)
    };
    let words = bytes.chunks_exact(4);
    let rest = words.remainder();
    for word in words {
        if let Ok(word) = word.try_into() {
            mix(u32::from_le_bytes(word));
        }
    }
    let mut last = [0; 4];
    for (to, byte) in last.iter_mut().zip(rest.iter().chain([&0x80])) {
        *to = *byte;
    }
    mix(u32::from_le_bytes(last));
    mix(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Vectors published with the .NET runtime's tests of Marvin32.
    #[test]
    fn the_hash_gives_its_published_values() {
        let of = |bytes: &[u8]| marvin_with(0x004f_b61a_001b_dbcc, bytes);
        assert_eq!(of(b""), 0x30ed_35c1_00cd_3c7d);
        assert_eq!(of(b"\xe7\x0f"), 0xb5f6_e1fc_485d_bff8);
        assert_eq!(of(b"\x86\x42\xdc\x59"), 0x7008_f2e8_7e9c_f556);
    }
}
