//! Tells whether an input changed between two runs, without reading it.

use std::fs::Metadata;
use std::io;
use std::path::Path;
use std::time::UNIX_EPOCH;

use sha2::{Digest as _, Sha256};
use walkdir::WalkDir;

use super::limits::{MAX_FILES, MAX_FOLDER_DEPTH};
use crate::bytes::to_hex;

/// What the file system says of an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    /// Bytes of all its files.
    pub bytes: u64,
    /// SHA-256 in hexadecimal over name, size and time of last modification (to
    /// the nanosecond) of each file, in order of their names.
    pub digest: String,
}

/// The fingerprint of a file or of all files of a folder.
///
/// A file rewritten in place keeps its fingerprint only where somebody also
/// sets its time back; that is as far as `make` and `rsync` look.
///
/// # Errors
///
/// The input, or a file of the folder, cannot be looked at.
pub fn fingerprint(input: &Path) -> io::Result<Fingerprint> {
    let mut hash = Sha256::new();
    let mut bytes = 0_u64;
    let mut add = |name: &[u8], metadata: &Metadata| {
        let modified_at = metadata.modified().ok();
        // Times before 1970 have a distance of their own, the sign apart.
        let nanoseconds = modified_at.map(|at| match at.duration_since(UNIX_EPOCH) {
            Ok(after) => (0, after.as_nanos()),
            Err(before) => (1, before.duration().as_nanos()),
        });
        bytes = bytes.saturating_add(metadata.len());
        hash.update((name.len() as u64).to_be_bytes());
        hash.update(name);
        hash.update(format!("|{}|{nanoseconds:?}|", metadata.len()));
    };
    let metadata = std::fs::metadata(input)?;
    if !metadata.is_dir() {
        add(b"", &metadata);
    } else {
        let walk = WalkDir::new(input)
            .max_depth(MAX_FOLDER_DEPTH)
            .sort_by_file_name();
        for entry in walk.into_iter().take(MAX_FILES) {
            let entry = entry?;
            if !entry.file_type().is_dir() {
                let below = entry.path().strip_prefix(input).unwrap_or(entry.path());
                add(below.as_os_str().as_encoded_bytes(), &entry.metadata()?);
            }
        }
    }
    Ok(Fingerprint {
        bytes,
        digest: to_hex(&hash.finalize()),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn a_folder_changes_with_any_of_its_files() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("a")).unwrap();
        let file = folder.path().join("a/x");
        std::fs::write(&file, "one").unwrap();
        let before = fingerprint(folder.path()).unwrap();
        assert_eq!(before.bytes, 3);
        assert_eq!(fingerprint(folder.path()).unwrap(), before);
        std::fs::write(&file, "four").unwrap();
        let longer = fingerprint(folder.path()).unwrap();
        assert_ne!(longer.digest, before.digest);
        std::fs::rename(&file, folder.path().join("a/y")).unwrap();
        assert_ne!(fingerprint(folder.path()).unwrap().digest, longer.digest);
    }

    #[test]
    fn the_same_size_at_another_time_is_another_input() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        std::fs::write(&path, "one").unwrap();
        let set = |seconds: u64| {
            let file = std::fs::File::options().write(true).open(&path).unwrap();
            let at = UNIX_EPOCH + std::time::Duration::from_secs(seconds);
            file.set_modified(at).unwrap();
            fingerprint(&path).unwrap()
        };
        let one = set(1_300_000_000);
        assert_eq!(set(1_300_000_000), one);
        assert_ne!(set(1_300_000_001), one);
        let missing = fingerprint(&folder.path().join("absent")).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    }
}
