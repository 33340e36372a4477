//! Hashes files that nothing else reads.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::pool::CHUNK_LEN;
use super::stream::{Finished, ReadError};

/// SHA-256 of a file that has `size` bytes.
#[must_use]
pub fn hash_file(path: &Path, size: u64) -> Finished {
    match File::open(path) {
        Ok(mut open) => hash_all(&mut open),
        Err(error) => {
            let error = Some(ReadError {
                at: 0,
                why: error.to_string(),
            });
            Finished {
                size,
                sha256: None,
                error,
            }
        }
    }
}

/// SHA-256 of all that `input` gives.
pub fn hash_all(input: &mut dyn Read) -> Finished {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; CHUNK_LEN];
    let mut size = 0;
    let error = loop {
        match input.read(&mut buffer) {
            Ok(0) => break None,
            Ok(count) => {
                hash.update(buffer.get(..count).unwrap_or_default());
                size += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                break Some(ReadError {
                    at: size,
                    why: error.to_string(),
                });
            }
        }
    };
    let sha256 = error.is_none().then(|| hash.finalize().into());
    Finished {
        size,
        sha256,
        error,
    }
}
