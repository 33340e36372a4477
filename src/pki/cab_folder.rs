//! The compressed folders of a cabinet.

use flate2::{Decompress, FlushDecompress, Status};
use lzxd::{Lzxd, WindowSize};

use crate::bytes::{ErrorKind, ParseError, Reader};

/// A CFFOLDER entry.
pub struct Folder {
    data_at: usize,
    block_count: u16,
    compression: u16,
    /// Bytes reserved in each CFDATA.
    data_reserve: usize,
}

impl Folder {
    /// Reads the entry at the reader.
    ///
    /// # Errors
    ///
    /// `Truncated` at the end.
    pub fn read(
        reader: &mut Reader<'_>,
        folder_reserve: usize,
        data_reserve: usize,
    ) -> Result<Folder, ParseError> {
        const WHAT: &str = "CFFOLDER";
        let data_at = reader.u32_le(WHAT)? as usize;
        let block_count = reader.u16_le(WHAT)?;
        let compression = reader.u16_le(WHAT)?;
        reader.skip(WHAT, folder_reserve)?;
        Ok(Folder {
            data_at,
            block_count,
            compression,
            data_reserve,
        })
    }
}

const WHAT: &str = "CFDATA";

/// Largest expanded block ([MS-CAB] 2.4).
const MAX_BLOCK: usize = 32_768;

/// Expands a folder block by block, up to `budget` bytes; at the first
/// trouble it records a problem and gives what came before.
///
/// ```text
/// CFDATA: csum u32 | cbData u16 | cbUncomp u16 | reserve | cbData bytes
/// ```
///
/// `csum` 0 means that none was computed.
pub fn expand(
    bytes: &[u8],
    folder: &Folder,
    budget: usize,
    problems: &mut Vec<ParseError>,
) -> Vec<u8> {
    let mut output = Vec::new();
    let at = folder.data_at;
    let mut reader = Reader::new(bytes);
    let started = reader
        .skip(WHAT, at)
        .and_then(|()| Method::new(folder.compression, at));
    let mut method = match started {
        Ok(method) => method,
        Err(error) => {
            problems.push(error);
            return output;
        }
    };
    for _ in 0..folder.block_count {
        let expanded = read_block(&mut reader, folder.data_reserve, problems)
            .and_then(|block| method.expand(&block, &mut output, budget));
        if let Err(error) = expanded {
            problems.push(error);
            break;
        }
    }
    output
}

struct Block<'a> {
    at: usize,
    data: &'a [u8],
    expanded: usize,
}

impl Block<'_> {
    fn malformed(&self, how: impl Into<String>) -> ParseError {
        ParseError {
            what: WHAT,
            at: self.at as u64,
            kind: ErrorKind::Malformed(how.into()),
        }
    }
}

fn read_block<'a>(
    reader: &mut Reader<'a>,
    reserve: usize,
    problems: &mut Vec<ParseError>,
) -> Result<Block<'a>, ParseError> {
    let at = reader.position();
    let sum = reader.u32_le(WHAT)?;
    let mut counted = Reader::new(reader.rest());
    let length = usize::from(reader.u16_le(WHAT)?);
    let expanded = usize::from(reader.u16_le(WHAT)?);
    reader.skip(WHAT, reserve)?;
    let data = reader.take(WHAT, length)?;
    let block = Block { at, data, expanded };
    if expanded > MAX_BLOCK {
        return Err(block.malformed(format!("expands to {expanded} bytes, more than 32768")));
    }
    let header = counted.take(WHAT, 4 + reserve)?;
    let computed = checksum(header, checksum(data, 0));
    if sum != 0 && sum != computed {
        problems.push(block.malformed(format!("checksum {computed:08x} instead of {sum:08x}")));
    }
    Ok(block)
}

/// XOR of little-endian words; the last one to three bytes count from the
/// other end ([MS-CAB] 3.1).
fn checksum(bytes: &[u8], seed: u32) -> u32 {
    let mut words = bytes.chunks_exact(4);
    let word = |word: &[u8]| {
        word.iter()
            .rev()
            .fold(0, |sum, byte| (sum << 8) | u32::from(*byte))
    };
    let sum = words.by_ref().fold(seed, |sum, bytes| sum ^ word(bytes));
    let rest = words
        .remainder()
        .iter()
        .fold(0, |sum, byte| (sum << 8) | u32::from(*byte));
    sum ^ rest
}

enum Method {
    Stored,
    MsZip(Box<Decompress>),
    Lzx(Box<Lzxd>),
}

impl Method {
    /// From typeCompress: the method in the low four bits; for LZX the window
    /// as a power of two in bits 8 to 12.
    fn new(compression: u16, at: usize) -> Result<Method, ParseError> {
        let unsupported = |what: String| ParseError {
            what: "CFFOLDER",
            at: at as u64,
            kind: ErrorKind::Unsupported(what),
        };
        match compression & 0x0F {
            0 => Ok(Method::Stored),
            1 => Ok(Method::MsZip(Box::new(Decompress::new(false)))),
            2 => Err(unsupported("Quantum compression".to_owned())),
            3 => {
                let bits = compression >> 8 & 0x1F;
                let window = match bits {
                    15 => WindowSize::KB32,
                    16 => WindowSize::KB64,
                    17 => WindowSize::KB128,
                    18 => WindowSize::KB256,
                    19 => WindowSize::KB512,
                    20 => WindowSize::MB1,
                    21 => WindowSize::MB2,
                    _ => return Err(unsupported(format!("LZX window of 2^{bits} bytes"))),
                };
                Ok(Method::Lzx(Box::new(Lzxd::new(window))))
            }
            other => Err(unsupported(format!("compression type {other}"))),
        }
    }

    /// Appends a block's contents.
    fn expand(
        &mut self,
        block: &Block<'_>,
        output: &mut Vec<u8>,
        budget: usize,
    ) -> Result<(), ParseError> {
        let total = output.len() + block.expanded;
        if total > budget {
            let kind = ErrorKind::OverLimit {
                value: total as u64,
                limit: budget as u64,
            };
            return Err(ParseError {
                what: WHAT,
                at: block.at as u64,
                kind,
            });
        }
        match self {
            Method::Stored if block.data.len() != block.expanded => {
                Err(block.malformed("a stored block of two lengths"))
            }
            Method::Stored => {
                output.extend_from_slice(block.data);
                Ok(())
            }
            Method::MsZip(inflate) => ms_zip(inflate, block, output),
            Method::Lzx(_) if block.expanded == 0 => Ok(()),
            Method::Lzx(lzx) => {
                let contents = lzx
                    .decompress_next(block.data, block.expanded)
                    .map_err(|error| block.malformed(format!("LZX: {error}")))?;
                output.extend_from_slice(contents);
                Ok(())
            }
        }
    }
}

/// MSZIP: `CK`, then deflate; the dictionary is what the folder gave so far
/// ([MS-MCI] 2).
fn ms_zip(
    inflate: &mut Decompress,
    block: &Block<'_>,
    output: &mut Vec<u8>,
) -> Result<(), ParseError> {
    let Some(data) = block.data.strip_prefix(b"CK") else {
        return Err(block.malformed("an MSZIP block without CK"));
    };
    inflate.reset(false);
    let history = output
        .get(output.len().saturating_sub(MAX_BLOCK)..)
        .unwrap_or_default();
    if !history.is_empty() {
        let set = inflate.set_dictionary(history);
        set.map_err(|error| block.malformed(format!("MSZIP: {error}")))?;
    }
    let start = output.len();
    output.resize(start + block.expanded, 0);
    let target = output.get_mut(start..).unwrap_or_default();
    let result = inflate.decompress(data, target, FlushDecompress::Finish);
    let made = usize::try_from(inflate.total_out()).unwrap_or(usize::MAX);
    let how = match result {
        Ok(Status::StreamEnd) if made == block.expanded => return Ok(()),
        Ok(_) => format!("MSZIP: {made} bytes came out, not {}", block.expanded),
        Err(error) => format!("MSZIP: {error}"),
    };
    output.truncate(start.saturating_add(made));
    Err(block.malformed(how))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::pki::cab::Cabinet;
    use crate::pki::digest;

    const TWO_BLOCKS: &[u8] = include_bytes!("../../tests/data/pki/cab-two-blocks.cab");

    #[test]
    fn the_second_block_builds_on_the_first() {
        let cabinet = Cabinet::read(TWO_BLOCKS).unwrap();
        assert_eq!(cabinet.problems, []);
        assert_eq!(
            (cabinet.files[0].name.as_str(), cabinet.files[0].bytes.len()),
            ("lines.txt", 48_890)
        );
        let sha256 = crate::bytes::to_hex(&digest::sha256(&cabinet.files[0].bytes));
        assert_eq!(
            sha256,
            "8e93da381817fd55012ab7ac742d54a7832327c3b3fa475e38f7c3f6f00a7d90"
        );
    }

    #[test]
    fn lzx_is_read() {
        let cab = include_bytes!("../../tests/data/pki/cab-lzx.cab");
        let cabinet = Cabinet::read(cab).unwrap();
        assert_eq!(cabinet.problems, []);
        assert_eq!(cabinet.files[0].bytes, b"hello, lzx");
    }

    #[test]
    fn a_wrong_checksum_is_a_problem_but_no_stop() {
        let mut bytes = TWO_BLOCKS.to_vec();
        let at = 36 + 8 + 16 + b"lines.txt\0".len();
        bytes[at] ^= 0xFF;
        let cabinet = Cabinet::read(&bytes).unwrap();
        assert_eq!(cabinet.files.len(), 1);
        let [problem] = cabinet.problems.as_slice() else {
            unreachable!()
        };
        assert!(
            problem
                .to_string()
                .starts_with("CFDATA at byte 70: malformed: checksum ")
        );
    }

    #[test]
    fn unknown_methods_are_named() {
        let mut bytes = TWO_BLOCKS.to_vec();
        bytes[42] = 2;
        let problem = Cabinet::read(&bytes).unwrap().problems.remove(0);
        assert_eq!(
            problem.to_string(),
            "CFFOLDER at byte 70: not supported: Quantum compression"
        );
    }
}
