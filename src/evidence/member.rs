//! Opens one member of a zip: checks its local header, then has the `zip` crate
//! decrypt, inflate and check it, under limits.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use zip::read::{ArchiveOffset, Config, ZipArchive, ZipReadOptions};
use zip::result::ZipError;

use super::directory::Entry;
use super::limits::Limits;
use super::window::{Window, WindowReader};
use crate::bytes::Reader;

/// What is needed to open members of one zip. Cheap to clone, so that a thread
/// can have its own.
#[derive(Debug, Clone)]
pub struct MemberOpener {
    /// The zip.
    pub window: Window,
    /// From `--password`.
    pub password: Option<Arc<str>>,
    /// The limits of the run.
    pub limits: Arc<Limits>,
    /// What all zips of the hand-over together inflated.
    pub inflated: Arc<Inflated>,
}

/// What one hand-over inflates, over all its members and the zips in it.
#[derive(Debug)]
pub struct Inflated {
    so_far: AtomicU64,
    /// Bytes of the file on disk.
    file_len: u64,
}

impl Inflated {
    /// For a file of `file_len` bytes on disk.
    #[must_use]
    pub fn of_file(file_len: u64) -> Arc<Self> {
        Arc::new(Inflated {
            so_far: AtomicU64::new(0),
            file_len,
        })
    }

    /// Bytes that came out of all members so far, each time they were read.
    #[cfg(test)]
    pub fn so_far(&self) -> u64 {
        self.so_far.load(Ordering::Relaxed)
    }
}

/// Why a member could not be opened.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum MemberError {
    /// It is encrypted and no password was given.
    #[error("encrypted, and no password was given")]
    PasswordNeeded,
    /// It is encrypted with another password.
    #[error("encrypted, and the password is not right")]
    WrongPassword,
    /// Its compression method is one we do not have.
    #[error("compressed by method {0}, which is not supported")]
    Method(u16),
    /// Its header is damaged or lies elsewhere.
    #[error("damaged: {0}")]
    Damaged(String),
}

impl MemberOpener {
    /// Opens a member and gives its content to `with`, which reads as much as
    /// it wants. Reading fails at a checksum that does not match, at a limit,
    /// and where the archive ends early.
    ///
    /// # Errors
    ///
    /// See [`MemberError`].
    pub fn open<T>(
        &self,
        entry: &Entry,
        with: impl FnOnce(&mut dyn Read) -> T,
    ) -> Result<T, MemberError> {
        let damaged = |why: &dyn std::fmt::Display| MemberError::Damaged(why.to_string());
        let method = method(entry);
        if ![STORED, DEFLATED, DEFLATED_64].contains(&method) {
            return Err(MemberError::Method(method));
        }
        let data_at = data_at(&self.window, entry).map_err(|why| damaged(&why))?;
        let there = self
            .window
            .len()
            .saturating_sub(data_at)
            .min(entry.compressed_len);
        let header_len = data_at.saturating_sub(entry.header_at);
        let region = self
            .window
            .slice(entry.header_at, header_len.saturating_add(there));
        let list = one_entry_list(entry, there, region.len());
        let config = Config {
            archive_offset: ArchiveOffset::Known(0),
        };
        let source = WindowReader::with_tail(region, list);
        let mut archive =
            ZipArchive::with_config(config, source).map_err(|error| damaged(&error))?;
        let unchecked = entry.crc.is_none() || there < entry.compressed_len;
        let password = self.password.as_deref().map(str::as_bytes);
        let options = ZipReadOptions::new()
            .password(password)
            .ignore_crc32(unchecked);
        let member = archive
            .by_index_with_options(0, options)
            .map_err(|error| match error {
                ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) => {
                    MemberError::PasswordNeeded
                }
                ZipError::InvalidPassword => MemberError::WrongPassword,
                other => damaged(&other),
            })?;
        let expected = entry.len.filter(|_| there == entry.compressed_len);
        let missing = entry.compressed_len - there;
        let ended = EndCheck {
            inner: member,
            read: 0,
            expected,
            missing,
        };
        let mut limited = Limited::new(
            ended,
            there,
            Arc::clone(&self.limits),
            Arc::clone(&self.inflated),
        );
        Ok(with(&mut limited))
    }

    /// The bytes of a member that is stored as they are, without reading them.
    #[must_use]
    pub fn stored(&self, entry: &Entry) -> Option<Window> {
        if entry.is_encrypted() || entry.method != STORED {
            return None;
        }
        let at = data_at(&self.window, entry).ok()?;
        Some(self.window.slice(at, entry.compressed_len))
    }
}

const STORED: u16 = 0;
const DEFLATED: u16 = 8;
/// What Windows Explorer uses for members above 2 GiB.
const DEFLATED_64: u16 = 9;
const AES: u16 = 99;

/// The compression method; that of an AES member stands in its AES field.
fn method(entry: &Entry) -> u16 {
    match (entry.method, entry.aes) {
        (AES, Some([.., low, high])) => u16::from_le_bytes([low, high]),
        (method, _) => method,
    }
}

/// Where a member's data begins: behind its local header, whose name and extra
/// field may differ in length from those of the list.
///
/// Spec: APPNOTE.TXT 4.3.7.
fn data_at(window: &Window, entry: &Entry) -> Result<u64, String> {
    const WHAT: &str = "local file header";
    const LEN: usize = 30;
    let header = window
        .bytes_at(entry.header_at, LEN)
        .map_err(|error| error.to_string())?;
    if !header.starts_with(b"PK\x03\x04") {
        return Err(format!("no local file header at byte {}", entry.header_at));
    }
    let mut reader = Reader::new(&header);
    let lens = reader
        .skip(WHAT, 26)
        .and_then(|()| Ok((reader.u16_le(WHAT)?, reader.u16_le(WHAT)?)))
        .map_err(|error| error.to_string())?;
    let at = entry.header_at.saturating_add(LEN as u64);
    Ok(at
        .saturating_add(lens.0.into())
        .saturating_add(lens.1.into()))
}

/// A central directory that lists one entry at byte 0, and its end record, with
/// its 64-bit form where the list lies far out.
fn one_entry_list(entry: &Entry, compressed_len: u64, list_at: u64) -> Vec<u8> {
    const BIG: u32 = u32::MAX;
    // The crate refuses a member that is longer than declared, at its start. A
    // false size is our own to find, after the bytes: see `EndCheck`.
    let len = u64::from(BIG) << 16;
    let wide_list = list_at >= u64::from(BIG);
    let narrow = |value: u64| u32::try_from(value).unwrap_or(BIG).to_le_bytes();
    let mut extra = vec![1, 0, 16, 0];
    extra.extend(len.to_le_bytes());
    extra.extend(compressed_len.to_le_bytes());
    if let Some(aes) = entry.aes {
        extra.extend([0x01, 0x99, 7, 0]);
        extra.extend(aes);
    }
    let extra_len = u16::try_from(extra.len()).unwrap_or_default();
    let mut list = Vec::with_capacity(200);
    list.extend(b"PK\x01\x02");
    list.extend(entry.made_by.to_le_bytes());
    list.extend(51u16.to_le_bytes());
    list.extend(entry.flags.to_le_bytes());
    list.extend(entry.method.to_le_bytes());
    list.extend(entry.dos_time);
    list.extend(entry.crc.unwrap_or_default().to_le_bytes());
    list.extend([0xff; 8]);
    list.extend(1u16.to_le_bytes());
    list.extend(extra_len.to_le_bytes());
    list.extend([0; 14]);
    list.push(b'm');
    list.extend(extra);
    let list_len = list.len() as u64;
    if wide_list {
        let end_64_at = list_at.saturating_add(list_len);
        list.extend(b"PK\x06\x06");
        list.extend(44u64.to_le_bytes());
        list.extend([51, 0, 51, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        for number in [1, 1, list_len, list_at] {
            list.extend(number.to_le_bytes());
        }
        list.extend(b"PK\x06\x07\0\0\0\0");
        list.extend(end_64_at.to_le_bytes());
        list.extend([1, 0, 0, 0]);
    }
    list.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    list.extend(narrow(list_len));
    list.extend(narrow(list_at));
    list.extend([0, 0]);
    list
}

/// Fails at the end when the archive was cut or the size is not as declared.
struct EndCheck<R> {
    inner: R,
    read: u64,
    expected: Option<u64>,
    missing: u64,
}

impl<R: Read> Read for EndCheck<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.read += count as u64;
        if count > 0 || buffer.is_empty() {
            return Ok(count);
        }
        match self.expected {
            _ if self.missing > 0 => Err(io::Error::other(format!(
                "the zip ends {} bytes early",
                self.missing
            ))),
            Some(expected) if expected != self.read => {
                let read = self.read;
                Err(io::Error::other(format!(
                    "the zip declares {expected} bytes, it holds {read}"
                )))
            }
            _ => Ok(0),
        }
    }
}

/// Fails when more comes out than the limits allow.
pub struct Limited<R> {
    inner: R,
    out: u64,
    compressed_len: u64,
    limits: Arc<Limits>,
    inflated: Arc<Inflated>,
}

impl<R> Limited<R> {
    /// Limits what is inflated from `compressed_len` bytes.
    pub fn new(
        inner: R,
        compressed_len: u64,
        limits: Arc<Limits>,
        inflated: Arc<Inflated>,
    ) -> Self {
        Limited {
            inner,
            out: 0,
            compressed_len,
            limits,
            inflated,
        }
    }

    /// The reader within.
    pub fn get_ref(&self) -> &R {
        &self.inner
    }

    /// The reader within.
    pub fn get_mut(&mut self) -> &mut R {
        &mut self.inner
    }
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.out += count as u64;
        let Inflated { so_far, file_len } = &*self.inflated;
        let total = so_far.fetch_add(count as u64, Ordering::Relaxed) + count as u64;
        let Limits {
            member_len,
            inflated_total,
            ratio,
            ratio_floor,
            ..
        } = *self.limits;
        if self.out > member_len {
            return Err(io::Error::other(format!(
                "inflates above the limit of {member_len} bytes"
            )));
        }
        if total > inflated_total {
            let why = format!("the hand-over inflates above the limit of {inflated_total} bytes");
            return Err(io::Error::other(why));
        }
        // Entries that share their bytes stay below the ratio one by one.
        if total > ratio_floor && total.saturating_sub(ratio_floor) / ratio > *file_len {
            let why = format!("the hand-over inflates more than {ratio} times, as bombs do");
            return Err(io::Error::other(why));
        }
        if self.out > ratio_floor && self.out / ratio > self.compressed_len {
            return Err(io::Error::other(format!(
                "inflates more than {ratio} times, as bombs do"
            )));
        }
        Ok(count)
    }
}
