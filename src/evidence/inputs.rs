//! Reads what was found and keeps the ledger: which files were read, their
//! hashes, and what went wrong.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use sha2::{Digest as _, Sha256};

use super::archive::Archive;
use super::hashing::{hash_all, hash_file};
use super::kept::Kept;
use super::member::{Inflated, Limited, MemberError};
use super::packing::Unpacker;
use super::pool::threaded;
use super::stream::{ReadError, Stream, Tap};
use super::{Chunk, EvidenceKind, EvidenceRecord, Finished, Located, OpenOptions, Origin};
use crate::issue::Issue;
use crate::provenance::EvidenceId;
use crate::time::Timestamp;

/// Reads located files and keeps the ledger.
///
/// Evidence ids are given in the order of first use, so that the same work on
/// the same input gives the same ids.
pub struct Inputs {
    pub(super) options: OpenOptions,
    pub(super) archives: Vec<Archive>,
    pub(super) issues: Vec<Issue>,
    records: Vec<EvidenceRecord>,
    /// Per record: the file, and whether its bytes have been dealt with.
    sources: Vec<(Located, bool)>,
    by_file: BTreeMap<usize, EvidenceId>,
    background: Vec<(EvidenceId, JoinHandle<Finished>)>,
    /// Members that were read whole to tell what they are.
    pub(super) kept: Kept,
    last_archive: Option<usize>,
}

/// A small file, read whole.
#[derive(Debug, Clone)]
pub struct SmallFile {
    /// Its number in the ledger.
    pub evidence: EvidenceId,
    /// Its bytes; of a compressed file, the unpacked ones.
    pub bytes: Arc<[u8]>,
    /// SHA-256 of `bytes`.
    pub sha256: [u8; 32],
    /// False when reading failed behind these bytes; an issue says how.
    pub complete: bool,
    /// Last modification, where it is known in UTC.
    pub modified_at: Option<Timestamp>,
}

/// The ledger at the end of a run.
#[derive(Debug)]
pub struct Finish {
    /// What was read, in the order of the ids.
    pub records: Vec<EvidenceRecord>,
    /// What went wrong, sorted.
    pub issues: Vec<Issue>,
}

impl Inputs {
    pub(super) fn new(options: OpenOptions) -> Self {
        Inputs {
            options,
            archives: Vec::new(),
            issues: Vec::new(),
            records: Vec::new(),
            sources: Vec::new(),
            by_file: BTreeMap::new(),
            background: Vec::new(),
            kept: Kept::default(),
            last_archive: None,
        }
    }

    /// Enters a file into the ledger, or finds it there.
    pub fn record(&mut self, file: &Located) -> EvidenceId {
        if let Some(id) = self.by_file.get(&file.index) {
            return *id;
        }
        let id = EvidenceId(u32::try_from(self.records.len()).unwrap_or(u32::MAX));
        self.records.push(EvidenceRecord {
            id,
            path: file.path.clone(),
            member: file.member.clone(),
            kind: file.kind,
            size: file.size,
            sha256: None,
            first_at: None,
            last_at: None,
            vantage: None,
        });
        self.sources.push((file.clone(), false));
        self.by_file.insert(file.index, id);
        id
    }

    /// The ledger so far, in the order of the ids.
    #[must_use]
    pub fn records(&self) -> &[EvidenceRecord] {
        &self.records
    }

    /// The record of a file, to refine its kind, times or vantage point.
    pub fn record_mut(&mut self, id: EvidenceId) -> Option<&mut EvidenceRecord> {
        self.records.get_mut(id.0 as usize)
    }

    /// Says more exactly what a file is, once a stage knows.
    pub fn set_kind(&mut self, id: EvidenceId, kind: EvidenceKind) {
        if let Some(record) = self.record_mut(id) {
            record.kind = kind;
        }
    }

    /// The trouble so far, in the order met.
    #[must_use]
    pub fn issues(&self) -> &[Issue] {
        &self.issues
    }

    /// Opens a file to be read once, front to back. Hand the stream back to
    /// [`Inputs::close`]. `None` when it cannot be opened; an issue says why.
    pub fn open(&mut self, file: &Located) -> Option<Stream> {
        let id = self.record(file);
        self.mark_read(id);
        let input: Box<dyn Read + Send> = match &file.origin {
            Origin::File(path) => match File::open(path) {
                Ok(open) => Box::new(open),
                Err(error) => {
                    self.cannot_read(id, &error);
                    return None;
                }
            },
            Origin::Member { archive, entry } => self.member_reader(file, *archive, *entry)?,
        };
        let tap = Tap::new(input, file.size, self.options.hash);
        Some(self.stream(id, file, tap))
    }

    /// Opens an uncompressed file of its own, to look at parts of it once more;
    /// nothing is hashed or entered into the ledger. `None` when that cannot be
    /// done.
    #[must_use]
    pub fn open_again(&self, file: &Located) -> Option<impl Read + Seek + use<>> {
        match &file.origin {
            Origin::File(path) if file.packing.is_none() => File::open(path).ok(),
            _ => None,
        }
    }

    /// Reads a member: a small one at once, a large one on a thread of its own.
    fn member_reader(
        &mut self,
        file: &Located,
        archive: usize,
        entry: usize,
    ) -> Option<Box<dyn Read + Send>> {
        // Starting a thread costs more than inflating this little.
        if file.size <= super::CHUNK_LEN as u64
            && let Ok((bytes, None)) = self.read_all(file, super::CHUNK_LEN + 1)
            && bytes.len() <= super::CHUNK_LEN
        {
            return Some(Box::new(io::Cursor::new(bytes)));
        }
        self.close_other_archives(archive);
        let archive = self.archives.get(archive)?;
        let entry = archive.entries.get(entry)?.clone();
        let opener = archive.opener.clone();
        let read = move |pass_on: &mut dyn FnMut(&mut dyn Read)| {
            opener.open(&entry, pass_on).map_err(io::Error::other)
        };
        Some(threaded(file.size, read))
    }

    /// The first bytes of a file (at most one chunk, unpacked where it is
    /// compressed), without reading it into the ledger.
    pub fn peek(&mut self, file: &Located) -> Option<Chunk> {
        let input: Box<dyn Read + Send> = match &file.origin {
            Origin::File(path) => Box::new(File::open(path).ok()?),
            Origin::Member { archive, entry } => self.member_reader(file, *archive, *entry)?,
        };
        let mut stream = self.stream(
            EvidenceId(u32::MAX),
            file,
            Tap::new(input, file.size, false),
        );
        stream.next_chunk().ok().flatten()
    }

    fn stream(&self, id: EvidenceId, file: &Located, tap: Tap) -> Stream {
        let Some(packing) = file.packing else {
            return Stream::plain(id, tap);
        };
        let limits = Arc::new(self.options.limits.clone());
        let size = file.size;
        let limit = |decoder| Limited::new(decoder, size, limits, Inflated::of_file(size));
        Stream::packed(id, packing, tap, limit)
    }

    /// Ends a stream: the rest is hashed, the ledger filled in, trouble noted.
    /// False when it could not be read to its end.
    pub fn close(&mut self, stream: Stream) -> bool {
        let id = stream.evidence();
        let finished = stream.finish();
        let whole = finished.error.is_none();
        self.settle(id, finished, "what follows this place was not read");
        whole
    }

    /// Reads a file of at most `limit` bytes at once. `None` when it is longer
    /// or cannot be read; an issue says why.
    pub fn read_small(&mut self, file: &Located, limit: usize) -> Option<SmallFile> {
        let id = self.record(file);
        // What a zip declares may be false; such a member is read as far as allowed.
        if file.packing.is_none() && file.member.is_none() && file.size > limit as u64 {
            self.over_limit(id, limit);
            return None;
        }
        let file_limit = limit.saturating_add(1);
        let (own, mut error) = match self.read_all(file, file_limit) {
            Ok(read) => read,
            Err(error) => {
                self.mark_read(id);
                self.cannot_read(id, &error);
                return None;
            }
        };
        if own.len() > limit {
            self.over_limit(id, limit);
            return None;
        }
        self.mark_read(id);
        let digest = self.options.hash.then(|| Sha256::digest(&own).into());
        let finished = Finished {
            size: own.len() as u64,
            sha256: digest.filter(|_| error.is_none()),
            error: error.take(),
        };
        let mut complete = finished.error.is_none();
        self.settle(id, finished, "the bytes before this place were used");
        let bytes = if let Some(packing) = file.packing {
            let mut inflated = Vec::new();
            let failed = Unpacker::new(packing, own.as_slice())
                .take(file_limit as u64)
                .read_to_end(&mut inflated)
                .err();
            if let Some(failed) = failed {
                let at = inflated.len() as u64;
                let error = ReadError {
                    at,
                    why: failed.to_string(),
                };
                self.read_issue(id, &error, "the bytes before this place were used");
                complete = false;
            }
            if inflated.len() > limit {
                self.over_limit(id, limit);
                return None;
            }
            inflated
        } else {
            own
        };
        let sha256 = match (file.packing, digest) {
            (None, Some(digest)) => digest,
            _ => Sha256::digest(&bytes).into(),
        };
        let modified_at = file.modified_at;
        Some(SmallFile {
            evidence: id,
            bytes: Arc::from(bytes),
            sha256,
            complete,
            modified_at,
        })
    }

    /// Up to `limit` bytes of a file, and the error met behind them.
    fn read_all(
        &mut self,
        file: &Located,
        limit: usize,
    ) -> io::Result<(Vec<u8>, Option<ReadError>)> {
        let expected = usize::try_from(file.size).unwrap_or(limit).min(limit);
        let read = |input: &mut dyn Read| {
            let mut bytes = Vec::with_capacity(expected);
            let failed = input.take(limit as u64).read_to_end(&mut bytes).err();
            let at = bytes.len() as u64;
            (
                bytes,
                failed.map(|failed| ReadError {
                    at,
                    why: failed.to_string(),
                }),
            )
        };
        self.with_reader(file, read)
    }

    /// Opens a file and gives its own bytes to `with`.
    fn with_reader<T>(
        &mut self,
        file: &Located,
        with: impl FnOnce(&mut dyn Read) -> T,
    ) -> io::Result<T> {
        match &file.origin {
            Origin::File(path) => File::open(path).map(|mut open| with(&mut open)),
            Origin::Member { archive, entry } => {
                if let Some(kept) = self.kept.take(file.index) {
                    return Ok(with(&mut &*kept));
                }
                self.close_other_archives(*archive);
                let missing = || MemberError::Damaged("no such entry".into());
                let archive = self.archives.get(*archive);
                let member =
                    archive.and_then(|archive| Some((archive, archive.entries.get(*entry)?)));
                let opened = member
                    .ok_or_else(missing)
                    .and_then(|(archive, entry)| archive.opener.open(entry, with));
                opened.map_err(io::Error::other)
            }
        }
    }

    /// One zip is kept open at a time; another one is opened again when read.
    fn close_other_archives(&mut self, current: usize) {
        if let Some(last) = self
            .last_archive
            .replace(current)
            .filter(|last| *last != current)
            && let Some(last) = self.archives.get(last)
        {
            last.opener.window.close();
        }
    }

    /// Hashes a file on a thread of its own, joined by [`Inputs::finish`].
    pub(super) fn hash_in_background(&mut self, file: &Located) {
        let id = self.record(file);
        let Origin::File(path) = &file.origin else {
            return;
        };
        if !self.options.hash || self.background.len() >= MAX_BACKGROUND {
            return;
        }
        let (path, size) = (path.clone(), file.size);
        let hash = move || hash_file(&path, size);
        if let Ok(thread) = thread::Builder::new().name("sha256".into()).spawn(hash) {
            self.mark_read(id);
            self.background.push((id, thread));
        }
    }

    /// Enters a hash that was made elsewhere.
    pub(super) fn set_hash(&mut self, id: EvidenceId, sha256: [u8; 32]) {
        self.mark_read(id);
        if let Some(record) = self.record_mut(id) {
            record.sha256 = Some(sha256);
        }
    }

    /// Ends the run: hashes what is in the ledger and was not read to its end.
    #[must_use]
    pub fn finish(mut self) -> Finish {
        for (id, thread) in std::mem::take(&mut self.background) {
            let died = || Finished {
                size: 0,
                sha256: None,
                error: None,
            };
            let finished = thread.join().unwrap_or_else(|_| died());
            self.settle(id, finished, "it has no hash");
        }
        for number in 0..self.sources.len() {
            let Some((file, false)) = self.sources.get(number).cloned() else {
                continue;
            };
            let id = EvidenceId(u32::try_from(number).unwrap_or(u32::MAX));
            let finished = match self.options.hash {
                true => self.with_reader(&file, hash_all),
                false => continue,
            };
            match finished {
                Ok(finished) => self.settle(id, finished, "it has no hash"),
                Err(error) => self.cannot_read(id, &error),
            }
        }
        self.issues.sort();
        self.issues.dedup();
        Finish {
            records: self.records,
            issues: self.issues,
        }
    }

    fn mark_read(&mut self, id: EvidenceId) {
        if let Some((_, read)) = self.sources.get_mut(id.0 as usize) {
            *read = true;
        }
    }

    /// Fills in the record from what reading found.
    fn settle(&mut self, id: EvidenceId, finished: Finished, effect: &str) {
        let source = self.sources.get(id.0 as usize).map(|(file, _)| file);
        let stated = source.map(|file| file.size);
        let is_on_disk = source.is_some_and(|file| file.member.is_none());
        if let Some(record) = self.record_mut(id) {
            record.sha256 = finished.sha256;
            if finished.error.is_none() {
                record.size = finished.size;
            }
        }
        match finished.error {
            Some(error) => self.read_issue(id, &error, effect),
            // A member that differs ends in an error of its own.
            None if is_on_disk && stated.is_some_and(|stated| stated != finished.size) => {
                let what = format!(
                    "{} had {} bytes when it was found and {} when it was read",
                    self.name(id),
                    stated.unwrap_or_default(),
                    finished.size
                );
                let effect = "it may be changing; size and hash are those read";
                self.issues.push(Issue::new(id, "", what, effect));
            }
            None => {}
        }
    }

    fn read_issue(&mut self, id: EvidenceId, error: &ReadError, effect: &str) {
        let what = format!("{} cannot be read further: {}", self.name(id), error.why);
        self.issues
            .push(Issue::new(id, format!("byte {}", error.at), what, effect));
    }

    pub(super) fn cannot_read(&mut self, id: EvidenceId, error: &dyn std::fmt::Display) {
        let what = format!("{} cannot be read: {error}", self.name(id));
        self.issues
            .push(Issue::new(id, "", what, "nothing in it was used"));
        self.mark_read(id);
    }

    fn over_limit(&mut self, id: EvidenceId, limit: usize) {
        let what = format!(
            "{} is longer than the {limit} bytes read of such files",
            self.name(id)
        );
        self.issues
            .push(Issue::new(id, "", what, "nothing in it was used"));
    }

    fn name(&self, id: EvidenceId) -> String {
        let record = self.records.get(id.0 as usize);
        record.map_or_else(String::new, |record| match &record.member {
            Some(member) => format!("{} in {}", member, record.path),
            None => record.path.clone(),
        })
    }
}

/// Threads that hash whole files at the same time; a fleet has thousands of
/// zips. The others are hashed at the end.
const MAX_BACKGROUND: usize = 2;
