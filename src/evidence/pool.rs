//! Chunks of bytes, passed between threads and used again.

use std::io::{self, Read};
use std::ops::Deref;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

/// Consecutive bytes of a file; at most [`CHUNK_LEN`], and that many unless the
/// file ends. Keep clones only as long as needed: a chunk that nobody holds any
/// more is filled again.
pub type Chunk = Arc<Filled>;

/// A buffer and how far it is filled.
#[derive(Debug, Default)]
pub struct Filled {
    buffer: Vec<u8>,
    end: usize,
}

/// Bytes of a buffer left free at its start. A large buffer begins just behind
/// the start of a page, and the pages of a file begin at one: there the kernel's
/// copy (`rep movsb`) takes each store for one that the next load must wait for,
/// and takes four times as long. Half a page apart it does not.
const FREE: usize = 2_048;

impl Filled {
    fn of_len(len: usize) -> Self {
        let buffer = vec![0; FREE + len];
        Filled { buffer, end: FREE }
    }

    /// The bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        self.buffer.get(FREE..self.end).unwrap_or_default()
    }

    /// Reads until the buffer is full or there is no more.
    fn fill(&mut self, input: &mut dyn Read) -> Option<io::Error> {
        self.end = FREE;
        while let Some(rest) = self
            .buffer
            .get_mut(self.end..)
            .filter(|rest| !rest.is_empty())
        {
            match input.read(rest) {
                Ok(0) => break,
                Ok(count) => self.end += count,
                Err(failed) if failed.kind() == io::ErrorKind::Interrupted => {}
                Err(failed) => return Some(failed),
            }
        }
        None
    }
}

impl PartialEq for Filled {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for Filled {}

impl Deref for Filled {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.as_slice()
    }
}

/// Bytes of a chunk. Fits the second-level cache of one core together with the
/// parser's own tables, and keeps the cost of passing it on far below hashing.
pub const CHUNK_LEN: usize = 256 << 10;

/// Chunks waiting for the hashing thread; with those in hand, a few MiB.
pub const CHUNKS_IN_FLIGHT: usize = 8;

/// Chunks for reuse: one that only the pool holds is filled again, so that no
/// fresh memory is touched for each part of a large file.
pub struct Pool {
    chunks: Vec<Chunk>,
    len: usize,
}

impl Pool {
    /// Chunks of `len` bytes.
    #[must_use]
    pub fn new(len: usize) -> Self {
        Pool {
            chunks: Vec::new(),
            len,
        }
    }

    /// Chunks for a file of `size` bytes: one byte more than a small one has, so
    /// that one read meets its end.
    #[must_use]
    pub fn for_size(size: u64) -> Self {
        let len = usize::try_from(size).unwrap_or(CHUNK_LEN).saturating_add(1);
        Pool::new(len.min(CHUNK_LEN))
    }

    /// Fills a chunk; an error that met a filled part comes beside it.
    pub fn fill(&mut self, input: &mut dyn Read) -> (Chunk, Option<io::Error>) {
        // The one freed last is the one that the cache still holds.
        let free = self
            .chunks
            .iter_mut()
            .rposition(|chunk| Arc::get_mut(chunk).is_some());
        let mut chunk = match free {
            Some(at) => self.chunks.remove(at),
            None => Arc::new(Filled::of_len(self.len)),
        };
        let error = Arc::get_mut(&mut chunk).and_then(|chunk| chunk.fill(input));
        if self.chunks.len() < CHUNKS_IN_FLIGHT * 2 {
            self.chunks.push(Arc::clone(&chunk));
        }
        (chunk, error)
    }
}

/// Runs `produce` on a thread of its own and reads what it reads: the way to
/// own a reader that borrows (a zip member borrows its archive). It gives about
/// `size` bytes.
#[must_use]
pub fn threaded(
    size: u64,
    produce: impl FnOnce(&mut dyn FnMut(&mut dyn Read)) -> io::Result<()> + Send + 'static,
) -> Box<dyn Read + Send> {
    let (sender, receiver) = sync_channel::<io::Result<Chunk>>(CHUNKS_IN_FLIGHT);
    let named = thread::Builder::new().name("unzip".into());
    let spawned = named.spawn(move || {
        let mut pass_on = |input: &mut dyn Read| {
            let mut pool = Pool::for_size(size);
            loop {
                let (chunk, error) = pool.fill(input);
                // An empty chunk marks the end: a thread that died sends none.
                let is_last = chunk.is_empty();
                let gone = match (is_last, &error) {
                    (true, Some(_)) => false,
                    _ => sender.send(Ok(chunk)).is_err(),
                };
                if gone || (is_last && error.is_none()) {
                    return;
                }
                if let Some(error) = error {
                    // The reader may have gone: then nobody waits for this.
                    drop(sender.send(Err(error)));
                    return;
                }
            }
        };
        if let Err(error) = produce(&mut pass_on) {
            drop(sender.send(Err(error)));
        }
    });
    match spawned {
        Ok(_) => Box::new(Received {
            receiver,
            chunk: Chunk::default(),
            used: 0,
            ended: false,
        }),
        Err(error) => Box::new(Failing(Some(error))),
    }
}

struct Received {
    receiver: Receiver<io::Result<Chunk>>,
    chunk: Chunk,
    used: usize,
    ended: bool,
}

impl Read for Received {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.used >= self.chunk.len() && !self.ended {
            match self.receiver.recv() {
                Ok(chunk) => (self.chunk, self.used) = (chunk?, 0),
                Err(_) => return Err(io::Error::other("the unpacking thread died")),
            }
            self.ended = self.chunk.is_empty();
        }
        let count = self
            .chunk
            .get(self.used..)
            .unwrap_or_default()
            .read(buffer)?;
        self.used += count;
        Ok(count)
    }
}

struct Failing(Option<io::Error>);

impl Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}
