//! A file read once, front to back, in chunks that the parser and the hashing
//! thread share.

use std::io::{self, BufRead, Read};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use sha2::{Digest as _, Sha256};

use super::member::Limited;
use super::packing::{Packing, Unpacker};
use super::pool::{CHUNK_LEN, CHUNKS_IN_FLIGHT, Chunk, Pool};
use crate::provenance::EvidenceId;

/// Reading failed at a byte of the stream; what came before is good.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("byte {at}: {why}")]
pub struct ReadError {
    /// Offset in the stream of chunks.
    pub at: u64,
    /// The system's or the unpacker's words.
    pub why: String,
}

/// What is known of a file when it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// Bytes of the file itself (compressed, when it is packed).
    pub size: u64,
    /// SHA-256 of the same bytes; `None` when they could not be read to the
    /// end, or hashing is switched off.
    pub sha256: Option<[u8; 32]>,
    /// The first trouble met, in reading or in unpacking.
    pub error: Option<ReadError>,
}

/// A file being read. Chunks come in order, without gap or overlap; for a
/// compressed file they are the unpacked bytes.
pub struct Stream {
    evidence: EvidenceId,
    source: Source,
    /// Bytes handed out.
    at: u64,
    /// An error met behind bytes that had to be handed out first.
    pending: Option<ReadError>,
    first_error: Option<ReadError>,
    ended: bool,
}

enum Source {
    Plain(Tap),
    Packed {
        decoder: Box<Limited<Unpacker<TapReader>>>,
        pool: Pool,
    },
}

impl Stream {
    /// Reads `tap` as it is.
    #[must_use]
    pub fn plain(evidence: EvidenceId, tap: Tap) -> Self {
        Stream::of(evidence, Source::Plain(tap))
    }

    /// Unpacks what `tap` reads; `limit` puts the reader under limits.
    #[must_use]
    pub fn packed(
        evidence: EvidenceId,
        packing: Packing,
        tap: Tap,
        limit: impl FnOnce(Unpacker<TapReader>) -> Limited<Unpacker<TapReader>>,
    ) -> Self {
        let packed = TapReader {
            tap,
            chunk: Chunk::default(),
            used: 0,
        };
        let decoder = Box::new(limit(Unpacker::new(packing, packed)));
        let pool = Pool::new(CHUNK_LEN);
        Stream::of(evidence, Source::Packed { decoder, pool })
    }

    fn of(evidence: EvidenceId, source: Source) -> Self {
        Stream {
            evidence,
            source,
            at: 0,
            pending: None,
            first_error: None,
            ended: false,
        }
    }

    /// The evidence it is.
    #[must_use]
    pub fn evidence(&self) -> EvidenceId {
        self.evidence
    }

    /// Bytes of the file itself that were read so far, for a progress display.
    #[must_use]
    pub fn file_position(&self) -> u64 {
        match &self.source {
            Source::Plain(tap) => tap.at,
            Source::Packed { decoder, .. } => decoder.get_ref().get_ref().tap.at,
        }
    }

    /// The next bytes; `None` at the end, also after an error.
    ///
    /// # Errors
    ///
    /// Once, when reading or unpacking fails; all bytes before that place have
    /// been given.
    pub fn next_chunk(&mut self) -> Result<Option<Chunk>, ReadError> {
        if let Some(error) = self.pending.take() {
            return Err(self.fail(error));
        }
        if self.ended {
            return Ok(None);
        }
        let (chunk, error) = match &mut self.source {
            Source::Plain(tap) => tap.next(),
            Source::Packed { decoder, pool } => pool.fill(decoder.as_mut()),
        };
        self.at += chunk.len() as u64;
        let error = error.map(|error| ReadError {
            at: self.at,
            why: error.to_string(),
        });
        match error {
            Some(error) if chunk.is_empty() => Err(self.fail(error)),
            None if chunk.is_empty() => {
                self.ended = true;
                Ok(None)
            }
            error => {
                self.pending = error;
                Ok(Some(chunk))
            }
        }
    }

    fn fail(&mut self, error: ReadError) -> ReadError {
        self.ended = true;
        self.first_error.get_or_insert(error).clone()
    }

    /// Ends reading. What was not asked for is read and hashed too.
    #[must_use]
    pub fn finish(mut self) -> Finished {
        if let Some(error) = self.pending.take() {
            self.fail(error);
        }
        let (tap, mut error) = match self.source {
            Source::Plain(tap) => (tap, self.first_error),
            Source::Packed { mut decoder, .. } => {
                let reader = decoder.get_mut().get_mut();
                let tap = std::mem::replace(&mut reader.tap, Tap::empty());
                (tap, self.first_error)
            }
        };
        let (size, sha256, read_error) = tap.finish();
        error = error.or(read_error);
        Finished {
            size,
            sha256,
            error,
        }
    }
}

/// Reads a file and passes each chunk to the hash.
pub struct Tap {
    input: Box<dyn Read + Send>,
    pool: Pool,
    hash: Hash,
    at: u64,
    error: Option<ReadError>,
    ended: bool,
}

impl Tap {
    /// Reads `input`, which has about `size` bytes. With `hash` false nothing
    /// is hashed, which is of use only to measure the rest.
    #[must_use]
    pub fn new(input: Box<dyn Read + Send>, size: u64, hash: bool) -> Self {
        let hash = match hash {
            false => Hash::Off,
            true => Hash::for_size(size),
        };
        Tap {
            input,
            pool: Pool::for_size(size),
            hash,
            at: 0,
            error: None,
            ended: false,
        }
    }

    fn empty() -> Self {
        Tap {
            input: Box::new(io::empty()),
            pool: Pool::new(1),
            hash: Hash::Off,
            at: 0,
            error: None,
            ended: true,
        }
    }

    /// The next bytes, empty at the end, and the error that followed them.
    fn next(&mut self) -> (Chunk, Option<io::Error>) {
        if self.ended {
            return (Chunk::default(), None);
        }
        let (chunk, error) = self.pool.fill(&mut self.input);
        self.at += chunk.len() as u64;
        if !chunk.is_empty() {
            self.hash.update(&chunk);
        }
        if let Some(error) = &error {
            self.error = Some(ReadError {
                at: self.at,
                why: error.to_string(),
            });
        }
        self.ended = chunk.is_empty() || error.is_some();
        (chunk, error)
    }

    /// Reads and hashes the rest.
    fn finish(mut self) -> (u64, Option<[u8; 32]>, Option<ReadError>) {
        while !self.ended {
            drop(self.next());
        }
        let sha256 = self.hash.finish().filter(|_| self.error.is_none());
        (self.at, sha256, self.error)
    }
}

/// A tap as a buffered reader, for the unpacker.
pub struct TapReader {
    tap: Tap,
    chunk: Chunk,
    used: usize,
}

impl BufRead for TapReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.used >= self.chunk.len() {
            let (chunk, error) = self.tap.next();
            (self.chunk, self.used) = (chunk, 0);
            if let (true, Some(error)) = (self.chunk.is_empty(), error) {
                return Err(error);
            }
        }
        Ok(self.chunk.get(self.used..).unwrap_or_default())
    }

    fn consume(&mut self, count: usize) {
        self.used = self.used.saturating_add(count);
    }
}

impl Read for TapReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

/// The hash of a file: on a thread of its own for large ones.
enum Hash {
    Off,
    Here(Box<Sha256>),
    Thread {
        sender: SyncSender<Chunk>,
        thread: JoinHandle<[u8; 32]>,
    },
}

impl Hash {
    fn for_size(size: u64) -> Self {
        // Starting a thread costs more than hashing this little.
        if size > CHUNK_LEN as u64 {
            let (sender, receiver) = sync_channel::<Chunk>(CHUNKS_IN_FLIGHT);
            let named = thread::Builder::new().name("sha256".into());
            if let Ok(thread) = named.spawn(move || hash_all(&receiver)) {
                return Hash::Thread { sender, thread };
            }
        }
        Hash::Here(Box::default())
    }

    fn update(&mut self, chunk: &Chunk) {
        match self {
            Hash::Off => {}
            Hash::Here(hash) => hash.update(chunk.as_slice()),
            // Fails only when the thread died; `finish` then has no hash.
            Hash::Thread { sender, .. } => drop(sender.send(Arc::clone(chunk))),
        }
    }

    fn finish(self) -> Option<[u8; 32]> {
        match self {
            Hash::Off => None,
            Hash::Here(hash) => Some(hash.finalize().into()),
            Hash::Thread { sender, thread } => {
                drop(sender);
                thread.join().ok()
            }
        }
    }
}

fn hash_all(chunks: &Receiver<Chunk>) -> [u8; 32] {
    let mut hash = Sha256::new();
    while let Ok(chunk) = chunks.recv() {
        hash.update(chunk.as_slice());
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::super::pool::threaded;
    use super::*;

    /// Gives `good` bytes, then fails.
    struct Broken {
        good: usize,
    }

    impl Read for Broken {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.good == 0 {
                return Err(io::Error::other("bad sector"));
            }
            let count = self.good.min(buffer.len()).min(1000);
            buffer[..count].fill(7);
            self.good -= count;
            Ok(count)
        }
    }

    fn stream(input: Box<dyn Read + Send>, size: u64) -> Stream {
        Stream::plain(EvidenceId(0), Tap::new(input, size, true))
    }

    #[test]
    fn bytes_before_a_read_error_are_given_and_then_the_error_once() {
        let good = CHUNK_LEN + 5000;
        let mut stream = stream(Box::new(Broken { good }), 10 << 20);
        assert_eq!(stream.next_chunk().unwrap().unwrap().len(), CHUNK_LEN);
        assert_eq!(stream.next_chunk().unwrap().unwrap().len(), 5000);
        let error = ReadError {
            at: good as u64,
            why: "bad sector".into(),
        };
        assert_eq!(stream.next_chunk(), Err(error.clone()));
        assert_eq!(stream.next_chunk(), Ok(None));
        let finished = stream.finish();
        assert_eq!(
            finished,
            Finished {
                size: good as u64,
                sha256: None,
                error: Some(error)
            }
        );
    }

    #[test]
    fn an_error_met_only_while_finishing_is_kept() {
        let finished = stream(Box::new(Broken { good: 10 }), 10).finish();
        assert_eq!(
            finished.error,
            Some(ReadError {
                at: 10,
                why: "bad sector".into()
            })
        );
        assert_eq!(finished.sha256, None);
    }

    #[test]
    fn an_empty_file_has_the_hash_of_nothing() {
        let mut stream = stream(Box::new(io::empty()), 0);
        assert_eq!(stream.next_chunk(), Ok(None));
        assert_eq!(stream.finish().sha256, Some(Sha256::digest(b"").into()));
    }

    #[test]
    fn chunks_held_by_the_reader_are_not_overwritten() {
        let bytes: Vec<u8> = (0..3 * CHUNK_LEN)
            .map(|at| (at >> 10).to_le_bytes()[0])
            .collect();
        let mut stream = stream(Box::new(io::Cursor::new(bytes.clone())), bytes.len() as u64);
        let mut held = Vec::new();
        while let Some(chunk) = stream.next_chunk().unwrap() {
            held.push(chunk);
        }
        assert!(
            held.iter()
                .map(|chunk| chunk.as_slice())
                .collect::<Vec<_>>()
                .concat()
                == bytes
        );
        assert_eq!(stream.finish().sha256, Some(Sha256::digest(&bytes).into()));
    }

    #[test]
    fn a_reader_on_a_thread_that_fails_is_not_taken_for_its_end() {
        let mut failing = threaded(10, |pass_on| {
            pass_on(&mut Broken { good: 3 });
            Ok(())
        });
        let mut bytes = Vec::new();
        assert_eq!(
            failing.read_to_end(&mut bytes).unwrap_err().to_string(),
            "bad sector"
        );
        assert_eq!(bytes, [7, 7, 7]);
        let mut silent = threaded(10, |_| Ok(()));
        let error = silent.read_to_end(&mut bytes).unwrap_err();
        assert_eq!(error.to_string(), "the unpacking thread died");
    }
}
