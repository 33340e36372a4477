//! Members of zips that were inflated to tell what they are, for whoever reads
//! them next: nothing small is inflated twice.

use std::collections::BTreeMap;
use std::sync::Arc;

/// Bytes of one member kept. The largest trust list has 200 KiB, and most CRLs
/// less; what is larger is inflated once more, but for its head.
pub const MAX_KEPT_MEMBER: usize = 1 << 20;

/// Bytes of all members kept: more than the caches of a hundred machines. What
/// lies beyond is inflated again when it is read.
pub const MAX_KEPT_TOTAL: usize = 64 << 20;

/// Whole members by their place in the list of files.
#[derive(Debug, Default)]
pub struct Kept {
    members: BTreeMap<usize, Arc<[u8]>>,
    total: usize,
}

impl Kept {
    /// True when a member of so many bytes may be kept.
    #[must_use]
    pub fn has_room(&self, len: usize) -> bool {
        len <= MAX_KEPT_MEMBER && self.total.saturating_add(len) <= MAX_KEPT_TOTAL
    }

    /// Keeps a member until it is taken.
    pub fn put(&mut self, index: usize, bytes: Vec<u8>) {
        self.total = self.total.saturating_add(bytes.len());
        self.members.insert(index, Arc::from(bytes));
    }

    /// The bytes of a member, for its only reader.
    pub fn take(&mut self, index: usize) -> Option<Arc<[u8]>> {
        let bytes = self.members.remove(&index)?;
        self.total = self.total.saturating_sub(bytes.len());
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use std::io::Write as _;

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::super::{Discovery, OpenOptions, SNIFF_LEN, discover};
    use super::MAX_KEPT_MEMBER;

    /// A zip of caches: an object of each length, beside notes that nobody reads.
    fn zip_of(folder: &std::path::Path, lens: &[usize]) -> std::path::PathBuf {
        let path = folder.join("caches.zip");
        let mut zip = ZipWriter::new(std::fs::File::create(&path).unwrap());
        for (number, len) in lens.iter().enumerate() {
            let name = format!("CryptnetUrlCache/Content/{number:032X}");
            zip.start_file(name, SimpleFileOptions::default()).unwrap();
            let bytes: Vec<u8> = (0..*len).map(|at| (at % 251) as u8).collect();
            zip.write_all(&bytes).unwrap();
        }
        let notes = SimpleFileOptions::default();
        zip.start_file("notes.txt", notes).unwrap();
        zip.write_all(&vec![b'n'; 3 * SNIFF_LEN]).unwrap();
        zip.finish().unwrap();
        path
    }

    fn inflated(found: &Discovery) -> usize {
        let archive = found.inputs.archives.first().unwrap();
        usize::try_from(archive.opener.inflated.so_far()).unwrap()
    }

    #[test]
    fn members_of_caches_are_inflated_once_and_others_only_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let lens = [10, SNIFF_LEN, SNIFF_LEN + 1, 200_000, MAX_KEPT_MEMBER];
        let path = zip_of(folder.path(), &lens);
        let mut found = discover(&[path], &OpenOptions::default());
        let expected = lens.iter().sum::<usize>() + SNIFF_LEN;
        assert_eq!(inflated(&found), expected);
        let mut members = found.files.clone();
        members.retain(|file| file.logical.contains("Content"));
        for (file, len) in members.iter().zip(lens) {
            let small = found.inputs.read_small(file, 4 << 20).unwrap();
            assert_eq!((small.bytes.len(), small.complete), (len, true));
        }
        assert_eq!(inflated(&found), expected);
    }

    #[test]
    fn a_member_too_large_to_keep_is_inflated_when_it_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let len = MAX_KEPT_MEMBER + 1;
        let path = zip_of(folder.path(), &[len]);
        let mut found = discover(&[path], &OpenOptions::default());
        assert_eq!(inflated(&found), 2 * SNIFF_LEN);
        let file = found.files.get(1).cloned().unwrap();
        assert_eq!(
            found.inputs.read_small(&file, 4 << 20).unwrap().bytes.len(),
            len
        );
        assert_eq!(inflated(&found), 2 * SNIFF_LEN + len);
    }
}
