//! Bytes that can be read from any place: an open file, a part of one, or a
//! zip that was inflated into memory.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// A range of bytes of a file or of memory. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Window {
    backing: Backing,
    start: u64,
    len: u64,
}

#[derive(Debug, Clone)]
enum Backing {
    File(Arc<SharedFile>),
    Memory(Arc<[u8]>),
}

/// A file opened when it is read, and closed again between readers: a fleet's
/// folder can hold more zips than a process may have open files.
#[derive(Debug)]
struct SharedFile {
    path: PathBuf,
    open: Mutex<Option<File>>,
}

impl Window {
    /// All of a file of `len` bytes. It is opened at the first read.
    #[must_use]
    pub fn of_file(path: &Path, len: u64) -> Self {
        let file = SharedFile {
            path: path.to_path_buf(),
            open: Mutex::new(None),
        };
        Window {
            backing: Backing::File(Arc::new(file)),
            start: 0,
            len,
        }
    }

    /// Bytes held in memory.
    #[must_use]
    pub fn of_memory(bytes: Arc<[u8]>) -> Self {
        let len = bytes.len() as u64;
        Window {
            backing: Backing::Memory(bytes),
            start: 0,
            len,
        }
    }

    /// Number of bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// The part of `len` bytes that begins at `at`, as far as there is one.
    #[must_use]
    pub fn slice(&self, at: u64, len: u64) -> Self {
        let at = at.min(self.len);
        let len = len.min(self.len - at);
        Window {
            backing: self.backing.clone(),
            start: self.start.saturating_add(at),
            len,
        }
    }

    /// Closes the file until the next read.
    pub fn close(&self) {
        if let Backing::File(file) = &self.backing {
            *file.open.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }

    /// Reads at `at` and returns how many bytes there were; 0 at the end.
    ///
    /// # Errors
    ///
    /// Those of opening and reading the file.
    pub fn read_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.len.saturating_sub(at)).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        let Some(buffer) = buffer.get_mut(..wanted) else {
            return Ok(0);
        };
        if buffer.is_empty() {
            return Ok(0);
        }
        let at = self.start.saturating_add(at);
        match &self.backing {
            Backing::Memory(bytes) => {
                let at = usize::try_from(at).unwrap_or(usize::MAX);
                let source = bytes.get(at..).unwrap_or_default();
                let count = source.len().min(buffer.len());
                if let (Some(to), Some(from)) = (buffer.get_mut(..count), source.get(..count)) {
                    to.copy_from_slice(from);
                }
                Ok(count)
            }
            Backing::File(file) => {
                let mut slot = file.open.lock().unwrap_or_else(PoisonError::into_inner);
                let open = match slot.as_mut() {
                    Some(open) => open,
                    None => slot.insert(File::open(&file.path)?),
                };
                open.seek(SeekFrom::Start(at))?;
                open.read(buffer)
            }
        }
    }

    /// Reads up to `len` bytes at `at`, fewer only where the window ends.
    ///
    /// # Errors
    ///
    /// Those of opening and reading the file.
    pub fn bytes_at(&self, at: u64, len: usize) -> io::Result<Vec<u8>> {
        let left = usize::try_from(self.len.saturating_sub(at)).unwrap_or(usize::MAX);
        let mut bytes = Vec::with_capacity(len.min(left));
        let mut part = WindowReader::new(self.slice(at, len as u64));
        part.read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

/// Reads a window front to back, and some bytes of our own after its end.
///
/// The added bytes are how one member of a zip is given to the `zip` crate: the
/// member's own header and data, then a directory that lists only this member.
#[derive(Debug, Clone)]
pub struct WindowReader {
    window: Window,
    tail: Vec<u8>,
    position: u64,
}

impl WindowReader {
    /// Reads a window.
    #[must_use]
    pub fn new(window: Window) -> Self {
        WindowReader::with_tail(window, Vec::new())
    }

    /// Reads a window, then `tail`.
    #[must_use]
    pub fn with_tail(window: Window, tail: Vec<u8>) -> Self {
        WindowReader {
            window,
            tail,
            position: 0,
        }
    }
}

impl Read for WindowReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = match self.position.checked_sub(self.window.len) {
            None => self.window.read_at(self.position, buffer)?,
            Some(at) => {
                let at = usize::try_from(at).unwrap_or(usize::MAX);
                let mut rest = self.tail.get(at..).unwrap_or_default();
                rest.read(buffer)?
            }
        };
        self.position = self.position.saturating_add(count as u64);
        Ok(count)
    }
}

impl Seek for WindowReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let end = self.window.len.saturating_add(self.tail.len() as u64);
        let position = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => end.checked_add_signed(by),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
        };
        match position {
            Some(position) => {
                self.position = position;
                Ok(position)
            }
            None => Err(io::Error::from(io::ErrorKind::InvalidInput)),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn a_slice_past_the_end_is_empty_and_reads_nothing() {
        let window = Window::of_memory(Arc::from(*b"abcdef"));
        assert_eq!(window.bytes_at(2, 3).unwrap(), b"cde");
        assert_eq!(window.bytes_at(4, 100).unwrap(), b"ef");
        assert_eq!(window.slice(u64::MAX, u64::MAX).len(), 0);
        assert_eq!(window.slice(1, 3).bytes_at(1, 9).unwrap(), b"cd");
    }

    #[test]
    fn the_tail_follows_the_window_also_after_seeking() {
        let window = Window::of_memory(Arc::from(*b"abc"));
        let mut reader = WindowReader::with_tail(window, b"XYZ".to_vec());
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "abcXYZ");
        assert_eq!(reader.seek(SeekFrom::End(-2)).unwrap(), 4);
        text.clear();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "YZ");
        assert!(reader.seek(SeekFrom::Current(-100)).is_err());
    }

    #[test]
    fn a_file_can_be_read_again_after_closing_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.bin");
        std::fs::write(&path, b"0123456789").unwrap();
        let window = Window::of_file(&path, 10).slice(5, 3);
        assert_eq!(window.bytes_at(0, 10).unwrap(), b"567");
        window.close();
        assert_eq!(window.bytes_at(1, 1).unwrap(), b"6");
    }
}
