//! Microsoft cabinets, as far as trust lists and update services use them:
//! stored, MSZIP and LZX folders within one file.

use super::cab_folder::{Folder, expand};
use crate::bytes::{ErrorKind, ParseError, Reader};

/// A cabinet, expanded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cabinet {
    /// The files, in order.
    pub files: Vec<CabinetFile>,
    /// What could not be read.
    pub problems: Vec<ParseError>,
}

/// A file of a cabinet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CabinetFile {
    /// szName: UTF-8 where the file says so, else byte for byte.
    pub name: String,
    /// Offset of its CFFILE entry in the cabinet.
    pub at: u64,
    /// Its contents.
    pub bytes: Vec<u8>,
}

/// Folders of one cabinet; the known lists have one.
const MAX_FOLDERS: u64 = 256;
/// Files of one cabinet; update service cabinets have a few.
const MAX_FILES: u64 = 4096;
/// Expanded bytes of all folders, and of all files, of one cabinet. The
/// largest list is 200 kB; MSZIP and LZX can expand a thousandfold.
pub const MAX_EXPANDED: usize = 64 << 20;

impl Cabinet {
    /// Reads and expands a cabinet.
    ///
    /// ```text
    /// 0       4  8          12 16         20 24          26        28     30
    /// | MSCF | 0 | cbCabinet | 0 | coffFiles | 0 | version | cFolders | cFiles | flags |
    /// 32      34
    /// | setID | iCabinet | cbCFHeader u16, cbCFFolder u8, cbCFData u8 (flags & 4) | abReserve |
    /// szCabinetPrev, szDiskPrev (flags & 1) | szCabinetNext, szDiskNext (flags & 2)
    /// CFFOLDER: coffCabStart u32, cCFData u16, typeCompress u16, reserve
    /// CFFILE:   cbFile u32, uoffFolderStart u32, iFolder u16, date, time, attribs u16, szName
    /// ```
    ///
    /// Integers are little-endian. A folder that cannot be expanded to its end
    /// gives the files that lie before the damage. A wrong checksum is a
    /// problem, not a stop. Files continued from or in another cabinet, and
    /// Quantum compression, are not read.
    ///
    /// Spec: [MS-CAB].
    ///
    /// # Errors
    ///
    /// `Malformed` without the signature, `Truncated` within the header or the
    /// tables, `OverLimit` for too many folders or files.
    pub fn read(bytes: &[u8]) -> Result<Cabinet, ParseError> {
        const WHAT: &str = "CFHEADER";
        let mut reader = Reader::new(bytes);
        if reader.array(WHAT)? != *b"MSCF" {
            let kind = ErrorKind::Malformed("no MSCF signature".to_owned());
            return Err(ParseError {
                what: WHAT,
                at: 0,
                kind,
            });
        }
        reader.skip(WHAT, 4)?;
        let size = u64::from(reader.u32_le(WHAT)?);
        reader.skip(WHAT, 4)?;
        let files_at = reader.u32_le(WHAT)? as usize;
        reader.skip(WHAT, 6)?;
        let folder_count = reader.u16_le(WHAT)?;
        let file_count = reader.u16_le(WHAT)?;
        check_count(folder_count, MAX_FOLDERS, "cFolders", 26)?;
        check_count(file_count, MAX_FILES, "cFiles", 28)?;
        let flags = reader.u16_le(WHAT)?;
        reader.skip(WHAT, 4)?;
        let (mut folder_reserve, mut data_reserve) = (0, 0);
        if flags & 4 != 0 {
            let header_reserve = reader.u16_le(WHAT)?;
            folder_reserve = usize::from(reader.u8(WHAT)?);
            data_reserve = usize::from(reader.u8(WHAT)?);
            reader.skip(WHAT, usize::from(header_reserve))?;
        }
        let neighbors = 2 * (usize::from(flags & 1) + usize::from(flags >> 1 & 1));
        for _ in 0..neighbors {
            name(&mut reader, WHAT)?;
        }

        let mut problems = Vec::new();
        let present = bytes.len() as u64;
        if present < size {
            let kind = ErrorKind::Truncated {
                needed: size,
                left: present,
            };
            problems.push(ParseError {
                what: "cabinet",
                at: 0,
                kind,
            });
        } else if present > size && size != 0 {
            let kind = ErrorKind::TrailingBytes {
                count: present - size,
            };
            problems.push(ParseError {
                what: "cabinet",
                at: size,
                kind,
            });
        }
        let mut budget = MAX_EXPANDED;
        let mut folders = Vec::new();
        for _ in 0..folder_count {
            let folder = Folder::read(&mut reader, folder_reserve, data_reserve)?;
            let expanded = expand(bytes, &folder, budget, &mut problems);
            budget = budget.saturating_sub(expanded.len());
            folders.push(expanded);
        }
        let files = read_files(bytes, files_at, file_count, &folders, &mut problems)?;
        Ok(Cabinet { files, problems })
    }
}

fn check_count(count: u16, limit: u64, what: &'static str, at: u64) -> Result<(), ParseError> {
    let value = u64::from(count);
    if value <= limit {
        return Ok(());
    }
    Err(ParseError {
        what,
        at,
        kind: ErrorKind::OverLimit { value, limit },
    })
}

fn read_files(
    bytes: &[u8],
    files_at: usize,
    count: u16,
    folders: &[Vec<u8>],
    problems: &mut Vec<ParseError>,
) -> Result<Vec<CabinetFile>, ParseError> {
    const WHAT: &str = "CFFILE";
    let mut reader = Reader::new(bytes);
    reader.skip(WHAT, files_at)?;
    let mut files = Vec::new();
    let mut budget = MAX_EXPANDED;
    for _ in 0..count {
        let at = reader.position() as u64;
        let length = reader.u32_le(WHAT)? as usize;
        let start = reader.u32_le(WHAT)? as usize;
        let folder = usize::from(reader.u16_le(WHAT)?);
        reader.skip(WHAT, 4)?;
        let is_utf8 = reader.u16_le(WHAT)? & 0x80 != 0;
        let name = file_name(name(&mut reader, WHAT)?, is_utf8);
        let mut fail = |kind| {
            problems.push(ParseError {
                what: WHAT,
                at,
                kind,
            })
        };
        if folder >= CONTINUED {
            fail(ErrorKind::Unsupported(format!(
                "'{name}' lies partly in another cabinet"
            )));
            continue;
        }
        let Some(folder) = folders.get(folder) else {
            fail(ErrorKind::Malformed(format!(
                "'{name}' lies in folder {folder}, not there"
            )));
            continue;
        };
        let contents = start
            .checked_add(length)
            .and_then(|end| folder.get(start..end));
        let Some(contents) = contents else {
            let needed = (start as u64).saturating_add(length as u64);
            fail(ErrorKind::Truncated {
                needed,
                left: folder.len() as u64,
            });
            continue;
        };
        if contents.len() > budget {
            let (value, limit) = (length as u64, budget as u64);
            fail(ErrorKind::OverLimit { value, limit });
            continue;
        }
        budget -= contents.len();
        files.push(CabinetFile {
            name,
            at,
            bytes: contents.to_vec(),
        });
    }
    Ok(files)
}

/// From here on iFolder means continued from, or into, another cabinet.
const CONTINUED: usize = 0xFFFD;

/// Longest name; [MS-CAB] ends names at 256 bytes with their NUL.
const MAX_NAME: usize = 256;

/// Reads a name up to its NUL.
fn name<'a>(reader: &mut Reader<'a>, what: &'static str) -> Result<&'a [u8], ParseError> {
    let rest = reader.rest();
    let Some(length) = rest.iter().take(MAX_NAME).position(|byte| *byte == 0) else {
        let kind = if rest.len() < MAX_NAME {
            ErrorKind::Truncated {
                needed: rest.len() as u64 + 1,
                left: rest.len() as u64,
            }
        } else {
            ErrorKind::Malformed("a name longer than 255 bytes".to_owned())
        };
        return Err(reader.error(what, kind));
    };
    let text = reader.take(what, length)?;
    reader.skip(what, 1)?;
    Ok(text)
}

fn file_name(bytes: &[u8], is_utf8: bool) -> String {
    if is_utf8 {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// A cabinet of one stored folder with one block and one file.
    fn stored(name: &[u8], contents: &[u8]) -> Vec<u8> {
        let files_at = 36 + 8;
        let data_at = files_at + 16 + name.len() + 1;
        let length = contents.len() as u32;
        let mut bytes = b"MSCF\0\0\0\0".to_vec();
        bytes.extend((data_at as u32 + 8 + length).to_le_bytes());
        bytes.extend([0; 4]);
        bytes.extend((files_at as u32).to_le_bytes());
        bytes.extend([0, 0, 0, 0, 3, 1, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend((data_at as u32).to_le_bytes());
        bytes.extend([1, 0, 0, 0]);
        bytes.extend(length.to_le_bytes());
        bytes.extend([0; 12]);
        bytes.extend(name);
        bytes.push(0);
        bytes.extend([0; 4]);
        bytes.extend((length as u16).to_le_bytes());
        bytes.extend((length as u16).to_le_bytes());
        bytes.extend(contents);
        bytes
    }

    #[test]
    fn a_stored_file_comes_out_with_its_name() {
        let cabinet = Cabinet::read(&stored(b"a.stl", b"hello")).unwrap();
        assert_eq!(cabinet.problems, []);
        let expected = CabinetFile {
            name: "a.stl".to_owned(),
            at: 44,
            bytes: b"hello".to_vec(),
        };
        assert_eq!(cabinet.files, [expected]);
    }

    #[test]
    fn a_cut_cabinet_says_what_is_missing() {
        let bytes = stored(b"a.stl", b"hello");
        let cabinet = Cabinet::read(&bytes[..bytes.len() - 2]).unwrap();
        let lines: Vec<String> = cabinet.problems.iter().map(ToString::to_string).collect();
        let expected = [
            "cabinet at byte 0: needs 79 bytes, 77 left",
            "CFDATA at byte 74: needs 5 bytes, 3 left",
            "CFFILE at byte 44: needs 5 bytes, 0 left",
        ];
        assert_eq!(
            (cabinet.files.len(), lines.as_slice()),
            (0, &expected.map(String::from)[..])
        );
    }

    #[test]
    fn a_file_of_a_folder_that_is_not_there_is_a_problem() {
        let mut bytes = stored(b"a.stl", b"hello");
        bytes[52] = 7;
        let problem = Cabinet::read(&bytes).unwrap().problems.remove(0);
        let expected = "CFFILE at byte 44: malformed: 'a.stl' lies in folder 7, not there";
        assert_eq!(problem.to_string(), expected);
    }

    #[test]
    fn other_bytes_are_no_cabinet() {
        let error = Cabinet::read(b"<html>").unwrap_err();
        assert_eq!(
            error.to_string(),
            "CFHEADER at byte 0: malformed: no MSCF signature"
        );
    }
}
