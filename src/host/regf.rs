//! Registry hives: keys and values of a primary file, read-only and bounded.

use std::cell::RefCell;
use std::collections::BTreeSet;

use crate::bytes::{ErrorKind, ParseError, Reader};
use crate::time::Timestamp;

/// A primary hive file.
///
/// ```text
/// 0      4     8     12         20      24      28     32       36     40     48     508
/// | regf | seq | seq | FILETIME | major | minor | type | format | root | size | name … | checksum |
/// 4096: hive bins; every cell is an i32 length (negative: in use), then its data
/// ```
///
/// All little-endian. Offsets count from byte 4096. The two sequence numbers
/// differ when the hive was copied while Windows wrote to it: the newest
/// changes lie in its transaction logs. Bins are not walked; cells are reached
/// by offset from the root, so that a broken one costs its own branch only.
///
/// Source: M. Suhanov, "Windows registry file format specification" 1.4; read
/// against hives that `hivex` wrote.
#[derive(Debug)]
pub struct Hive<'a> {
    bytes: &'a [u8],
    root: u32,
    minor: u32,
    /// Last write of the whole file.
    pub last_written_at: Option<Timestamp>,
    /// True when changes are in the transaction logs only.
    pub is_dirty: bool,
    problems: RefCell<Problems>,
}

#[derive(Debug, Default)]
struct Problems {
    list: Vec<ParseError>,
    more: u64,
    /// Cells that failed already; a key asked twice is told once.
    known: BTreeSet<u64>,
}

/// A key.
#[derive(Debug, Clone)]
pub struct Key {
    /// Its name.
    pub name: String,
    /// Last write to it.
    pub last_written_at: Option<Timestamp>,
    /// File offset of its cell.
    pub at: u64,
    subkeys: u32,
    subkey_count: u32,
    values: u32,
    value_count: u32,
}

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// Its name; empty for the default value.
    pub name: String,
    /// `REG_*`.
    pub kind: u32,
    /// Its data.
    pub data: Vec<u8>,
    /// File offset of the data, or of the value's cell where they are in it.
    pub at: u64,
}

/// Where the bins begin.
const BINS: u64 = 4096;
/// A registry key has a name of at most 255 characters; a value of 16,383.
const MAX_NAME_LEN: usize = 32_766;
/// Subkeys read of one key: `Classes` has 20,000, the stores some hundred.
const MAX_SUBKEYS: usize = 65_536;
/// Values read of one key.
const MAX_VALUES: usize = 16_384;
/// The largest value kept: an `EncodedCtl` has 200 KB, an exported store may have
/// some MB. Windows' own limit is the memory.
const MAX_VALUE_LEN: usize = 16 << 20;
/// Lists of lists are one level deep; two are admitted.
const MAX_LIST_DEPTH: usize = 2;
/// Data above this length lie in segments.
const SEGMENT_LEN: usize = 16_344;
/// Damage told of one hive, one line each.
const MAX_PROBLEMS: usize = 20;

/// What a file with the magic of a hive is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileType {
    /// A primary file.
    Primary,
    /// A transaction log: changes that may not have reached the primary file.
    TransactionLog,
}

/// Tells the primary file from its transaction logs, which begin alike.
#[must_use]
pub fn file_type(bytes: &[u8]) -> Option<FileType> {
    let mut reader = Reader::new(bytes);
    if reader.take("hive signature", 4).ok()? != b"regf" {
        return None;
    }
    reader.skip("hive header", 24).ok()?;
    Some(match reader.u32_le("hive file type").ok()? {
        0 => FileType::Primary,
        _ => FileType::TransactionLog,
    })
}

impl<'a> Hive<'a> {
    /// Reads the header.
    ///
    /// # Errors
    ///
    /// `Truncated` when the header is cut, `Malformed` when it is none.
    pub fn open(bytes: &'a [u8]) -> Result<Self, ParseError> {
        const WHAT: &str = "hive header";
        let mut reader = Reader::new(bytes);
        if reader.take(WHAT, 4)? != b"regf" {
            let how = "does not start with regf".to_owned();
            return Err(Reader::new(bytes).error(WHAT, ErrorKind::Malformed(how)));
        }
        let (one, other) = (reader.u32_le(WHAT)?, reader.u32_le(WHAT)?);
        let written = reader.u64_le(WHAT)?;
        reader.skip(WHAT, 4)?;
        let minor = reader.u32_le(WHAT)?;
        reader.skip(WHAT, 8)?;
        let root = reader.u32_le(WHAT)?;
        Ok(Hive {
            bytes,
            root,
            minor,
            last_written_at: Timestamp::from_filetime(written),
            is_dirty: one != other,
            problems: RefCell::default(),
        })
    }

    /// The root key.
    ///
    /// # Errors
    ///
    /// When its cell cannot be read: nothing of the hive can.
    pub fn root(&self) -> Result<Key, ParseError> {
        self.key_at(self.root)
    }

    /// The key at a path below the root, without regard to case.
    #[must_use]
    pub fn key(&self, path: &str) -> Option<Key> {
        let mut key = self.root().ok()?;
        for name in path.split('\\') {
            key = self.subkey(&key, name)?;
        }
        Some(key)
    }

    /// A subkey by name.
    #[must_use]
    pub fn subkey(&self, key: &Key, name: &str) -> Option<Key> {
        let same = |key: &Key| key.name.to_lowercase() == name.to_lowercase();
        self.subkeys(key).into_iter().find(same)
    }

    /// The subkeys that can be read, as stored: sorted by upper-case name.
    #[must_use]
    pub fn subkeys(&self, key: &Key) -> Vec<Key> {
        let mut offsets = Vec::new();
        if key.subkey_count > 0 {
            self.note(self.list(key.subkeys, 0, &mut offsets));
        }
        let found = offsets.into_iter();
        found
            .filter_map(|offset| self.note(self.key_at(offset)))
            .collect()
    }

    /// The values that can be read.
    #[must_use]
    pub fn values(&self, key: &Key) -> Vec<Value> {
        let count = key.value_count as usize;
        if count == 0 {
            return Vec::new();
        }
        let offsets = self.note(self.offsets(key.values, count.min(MAX_VALUES)));
        let offsets = offsets.unwrap_or_default().into_iter();
        offsets
            .filter_map(|offset| self.note(self.value_at(offset)))
            .collect()
    }

    /// A value by name, without regard to case.
    #[must_use]
    pub fn value(&self, key: &Key, name: &str) -> Option<Value> {
        let same = |value: &Value| value.name.eq_ignore_ascii_case(name);
        self.values(key).into_iter().find(same)
    }

    /// Damage met so far, and how much more there was.
    #[must_use]
    pub fn problems(&self) -> (Vec<ParseError>, u64) {
        let problems = self.problems.borrow();
        (problems.list.clone(), problems.more)
    }

    fn note<T>(&self, result: Result<T, ParseError>) -> Option<T> {
        match result {
            Ok(found) => Some(found),
            Err(error) => {
                let mut problems = self.problems.borrow_mut();
                if !problems.known.contains(&error.at) {
                    if problems.list.len() < MAX_PROBLEMS {
                        problems.known.insert(error.at);
                        problems.list.push(error);
                    } else {
                        problems.more += 1;
                    }
                }
                None
            }
        }
    }

    /// The data of the cell at an offset, with the file offset of the data.
    fn cell(&self, what: &'static str, offset: u32) -> Result<(&'a [u8], u64), ParseError> {
        let at = BINS + u64::from(offset);
        let place = usize::try_from(at).unwrap_or(usize::MAX);
        let mut reader = Reader::new(self.bytes.get(place..).unwrap_or_default());
        let shifted = |error: ParseError| error.shifted(at);
        let length = i32::from_le_bytes(reader.array(what).map_err(shifted)?);
        let length = length.unsigned_abs() as usize;
        // A cell that is marked free holds what was deleted; Windows never
        // points at one, but a hive caught in the middle of a write may.
        let data = reader
            .take(what, length.saturating_sub(4))
            .map_err(shifted)?;
        Ok((data, at + 4))
    }

    fn malformed(what: &'static str, at: u64, how: impl Into<String>) -> ParseError {
        let kind = ErrorKind::Malformed(how.into());
        ParseError { what, at, kind }
    }

    /// ```text
    /// 0    2       4          16       20         28        36       40       72      76
    /// | nk | flags | FILETIME … | count … | list … | values | list … | name … | length … | name
    /// ```
    fn key_at(&self, offset: u32) -> Result<Key, ParseError> {
        const WHAT: &str = "registry key (nk)";
        let (data, at) = self.cell(WHAT, offset)?;
        let mut reader = Reader::new(data);
        let read = |reader: &mut Reader<'_>| -> Result<(Key, u16, usize), ParseError> {
            let signature = reader.array(WHAT)?;
            if signature != *b"nk" {
                return Err(Self::malformed(WHAT, 0, "has another signature"));
            }
            let flags = reader.u16_le(WHAT)?;
            let written = reader.u64_le(WHAT)?;
            reader.skip(WHAT, 8)?;
            let subkey_count = reader.u32_le(WHAT)?;
            reader.skip(WHAT, 4)?;
            let subkeys = reader.u32_le(WHAT)?;
            reader.skip(WHAT, 4)?;
            let (value_count, values) = (reader.u32_le(WHAT)?, reader.u32_le(WHAT)?);
            reader.skip(WHAT, 28)?;
            let name_len = usize::from(reader.u16_le(WHAT)?);
            reader.skip(WHAT, 2)?;
            let key = Key {
                name: String::new(),
                last_written_at: Timestamp::from_filetime(written),
                at,
                subkeys,
                subkey_count,
                values,
                value_count,
            };
            Ok((key, flags, name_len))
        };
        let shifted = |error: ParseError| error.shifted(at);
        let (mut key, flags, name_len) = read(&mut reader).map_err(shifted)?;
        let name = reader.take(WHAT, name_len).map_err(shifted)?;
        // KEY_COMP_NAME: the upper halves of the characters, all zero, left out.
        key.name = name_of(name, flags & 0x20 != 0);
        Ok(key)
    }

    /// Subkey lists: `lf` and `lh` have an offset and a hash for each, `li` an
    /// offset, `ri` offsets of further lists.
    fn list(&self, offset: u32, depth: usize, found: &mut Vec<u32>) -> Result<(), ParseError> {
        const WHAT: &str = "list of subkeys";
        let (data, at) = self.cell(WHAT, offset)?;
        let mut reader = Reader::new(data);
        let shifted = |error: ParseError| error.shifted(at);
        let signature: [u8; 2] = reader.array(WHAT).map_err(shifted)?;
        let count = reader.u16_le(WHAT).map_err(shifted)?;
        for _ in 0..count {
            if found.len() >= MAX_SUBKEYS {
                let (value, limit) = (found.len() as u64, MAX_SUBKEYS as u64);
                let kind = ErrorKind::OverLimit { value, limit };
                return Err(ParseError {
                    what: WHAT,
                    at,
                    kind,
                });
            }
            let offset = reader.u32_le(WHAT).map_err(shifted)?;
            match &signature {
                b"lf" | b"lh" => {
                    reader.skip(WHAT, 4).map_err(shifted)?;
                    found.push(offset);
                }
                b"li" => found.push(offset),
                b"ri" if depth < MAX_LIST_DEPTH => {
                    // One broken part does not hide the others.
                    self.note(self.list(offset, depth + 1, found));
                }
                _ => return Err(Self::malformed(WHAT, at, "has another signature")),
            }
        }
        Ok(())
    }

    fn offsets(&self, offset: u32, count: usize) -> Result<Vec<u32>, ParseError> {
        const WHAT: &str = "list of values";
        let (data, at) = self.cell(WHAT, offset)?;
        let mut reader = Reader::new(data);
        let mut offsets = Vec::new();
        for _ in 0..count {
            offsets.push(reader.u32_le(WHAT).map_err(|error| error.shifted(at))?);
        }
        Ok(offsets)
    }

    /// ```text
    /// 0    2             4             8      12     16      18     20
    /// | vk | name length | data length | data | type | flags | spare | name
    /// ```
    ///
    /// The highest bit of the data length: the data are in the offset itself.
    fn value_at(&self, offset: u32) -> Result<Value, ParseError> {
        const WHAT: &str = "registry value (vk)";
        let (data, at) = self.cell(WHAT, offset)?;
        let mut reader = Reader::new(data);
        let shifted = |error: ParseError| error.shifted(at);
        if reader.array(WHAT).map_err(shifted)? != *b"vk" {
            return Err(Self::malformed(WHAT, at, "has another signature"));
        }
        let name_len = usize::from(reader.u16_le(WHAT).map_err(shifted)?);
        let length = reader.u32_le(WHAT).map_err(shifted)?;
        let place: [u8; 4] = reader.array(WHAT).map_err(shifted)?;
        let kind = reader.u32_le(WHAT).map_err(shifted)?;
        let flags = reader.u16_le(WHAT).map_err(shifted)?;
        reader.skip(WHAT, 2).map_err(shifted)?;
        let name = reader
            .take(WHAT, name_len.min(MAX_NAME_LEN))
            .map_err(shifted)?;
        let in_place = length & 0x8000_0000 != 0;
        let length = (length & 0x7fff_ffff) as usize;
        let (data, data_at) = match in_place {
            true => (place.get(..length.min(4)).unwrap_or_default().to_vec(), at),
            false => self.data(u32::from_le_bytes(place), length)?,
        };
        Ok(Value {
            name: name_of(name, flags & 1 != 0),
            kind,
            data,
            at: data_at,
        })
    }

    /// Data of a value; above [`SEGMENT_LEN`] in segments, since version 1.4:
    ///
    /// ```text
    /// 0    2       4      8
    /// | db | count | list |     list: offsets of segments
    /// ```
    fn data(&self, offset: u32, length: usize) -> Result<(Vec<u8>, u64), ParseError> {
        const WHAT: &str = "data of a registry value";
        if length == 0 {
            return Ok((Vec::new(), BINS + u64::from(offset)));
        }
        let (data, at) = self.cell(WHAT, offset)?;
        let shifted = |error: ParseError| error.shifted(at);
        if length > MAX_VALUE_LEN {
            let (value, limit) = (length as u64, MAX_VALUE_LEN as u64);
            let kind = ErrorKind::OverLimit { value, limit };
            return Err(ParseError {
                what: WHAT,
                at,
                kind,
            });
        }
        let mut reader = Reader::new(data);
        if length <= SEGMENT_LEN || self.minor < 4 || !data.starts_with(b"db") {
            return Ok((reader.take(WHAT, length).map_err(shifted)?.to_vec(), at));
        }
        reader.skip(WHAT, 2).map_err(shifted)?;
        let count = usize::from(reader.u16_le(WHAT).map_err(shifted)?);
        let list = reader.u32_le(WHAT).map_err(shifted)?;
        let mut joined = Vec::with_capacity(length.min(count * SEGMENT_LEN));
        let mut first_at = at;
        for (index, segment) in self.offsets(list, count)?.into_iter().enumerate() {
            let (part, part_at) = self.cell(WHAT, segment)?;
            if index == 0 {
                first_at = part_at;
            }
            let wanted = (length - joined.len()).min(SEGMENT_LEN).min(part.len());
            joined.extend_from_slice(part.get(..wanted).unwrap_or_default());
            if joined.len() == length {
                return Ok((joined, first_at));
            }
        }
        let (needed, left) = (length as u64, joined.len() as u64);
        let kind = ErrorKind::Truncated { needed, left };
        Err(ParseError {
            what: WHAT,
            at,
            kind,
        })
    }
}

fn name_of(bytes: &[u8], is_narrow: bool) -> String {
    if is_narrow {
        // Latin-1: each byte is the character of that number.
        return bytes.iter().map(|byte| char::from(*byte)).collect();
    }
    utf16(bytes)
}

/// Text in UTF-16LE up to the first NUL.
#[must_use]
pub fn utf16(bytes: &[u8]) -> String {
    let units = bytes
        .chunks_exact(2)
        .filter_map(|pair| Some(u16::from_le_bytes(pair.try_into().ok()?)));
    let units: Vec<u16> = units.take_while(|unit| *unit != 0).collect();
    String::from_utf16_lossy(&units)
}

impl Value {
    /// The text of a `REG_SZ` or `REG_EXPAND_SZ`.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        matches!(self.kind, 1 | 2).then(|| utf16(&self.data))
    }

    /// The texts of a `REG_MULTI_SZ`, or the one of a `REG_SZ`.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        if self.kind != 7 {
            return self.text().into_iter().collect();
        }
        let units = self
            .data
            .chunks_exact(2)
            .filter_map(|pair| Some(u16::from_le_bytes(pair.try_into().ok()?)));
        let units: Vec<u16> = units.collect();
        let parts = units
            .split(|unit| *unit == 0)
            .filter(|part| !part.is_empty());
        parts.map(String::from_utf16_lossy).collect()
    }

    /// The number of a `REG_DWORD`.
    #[must_use]
    pub fn number(&self) -> Option<u32> {
        let bytes: [u8; 4] = self.data.as_slice().try_into().ok()?;
        (self.kind == 4).then(|| u32::from_le_bytes(bytes))
    }

    /// The FILETIME of a `REG_BINARY` of 8 bytes.
    #[must_use]
    pub fn filetime(&self) -> Option<Timestamp> {
        let bytes: [u8; 8] = self.data.as_slice().try_into().ok()?;
        Timestamp::from_filetime(u64::from_le_bytes(bytes))
    }
}
