//! Opens inputs read-only, tells their kind by content, walks folders, reads
//! zips in place, hashes. Nothing else in the library reads a file.
//!
//! [`discover`] lists what the arguments hold. Each [`Located`] file is then
//! read through [`Inputs`]: captures as a [`Stream`] of chunks, small files at
//! once. What is read enters the ledger; [`Inputs::finish`] returns it with all
//! that went wrong. Nothing is ever written: no file is created, no member of
//! a zip extracted.

mod archive;
mod directory;
mod discover;
mod fingerprint;
mod hashing;
mod inputs;
mod kept;
mod limits;
mod member;
mod names;
mod packing;
mod pool;
mod salvage;
mod sniff;
mod sniff_object;
mod sniff_text;
mod stream;
mod window;

use std::path::PathBuf;

use crate::provenance::EvidenceId;
use crate::time::Timestamp;

pub use discover::{Discovery, discover};
pub use fingerprint::{Fingerprint, fingerprint};
pub use inputs::{Finish, Inputs, SmallFile};
pub use limits::{
    Limits, MAX_DIRECTORY_LEN, MAX_FILES, MAX_FOLDER_DEPTH, MAX_INFLATED_TOTAL, MAX_MEMBER_LEN,
    MAX_NAME_LEN, MAX_NESTED_TOTAL, MAX_NESTED_ZIP_LEN, MAX_RATIO, MAX_ZIP_DEPTH, MAX_ZIP_ENTRIES,
    RATIO_FLOOR, SNIFF_LEN, SNIFF_ZSTD_LEN,
};
pub use packing::Packing;
pub use pool::{CHUNK_LEN, Chunk};
pub use sniff::{Sniffed, Unreadable, sniff};
pub use stream::{Finished, ReadError, Stream};

/// How inputs are opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenOptions {
    /// The password of encrypted zips.
    pub password: Option<String>,
    /// When to stop reading hostile input.
    pub limits: Limits,
    /// False leaves out SHA-256, to measure the rest.
    pub hash: bool,
}

impl Default for OpenOptions {
    fn default() -> Self {
        OpenOptions {
            password: None,
            limits: Limits::default(),
            hash: true,
        }
    }
}

/// A file or zip member that was found, before anything but its head is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// Its place in [`Discovery::files`].
    pub index: usize,
    /// Path of the file as given or found below a folder given, with `/`.
    pub path: String,
    /// Path inside the zip as the zip spells it (`inner.zip/a/b` for nested
    /// ones); a second member of the same name ends in ` (copy 2)`.
    pub member: Option<String>,
    /// The file's full path and the member joined by `/`, backslashes turned,
    /// without the copy number: what folder layouts are told by. Never shown:
    /// it depends on where the evidence lies.
    pub logical: String,
    /// The argument that led to it, or the zip on disk that holds it.
    pub hand_over: String,
    /// What it is, by content.
    pub kind: EvidenceKind,
    /// How it is compressed as a whole; `kind` is then that of its content.
    pub packing: Option<Packing>,
    /// Bytes, as the file system or the zip states them.
    pub size: u64,
    /// Last modification, where it is known in UTC.
    pub modified_at: Option<Timestamp>,
    origin: Origin,
}

/// How to get at a file's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Origin {
    File(PathBuf),
    Member { archive: usize, entry: usize },
}

/// One file or zip member in the ledger of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvidenceRecord {
    /// Its number.
    pub id: EvidenceId,
    /// Path of the file as given on the command line or found below a folder
    /// given there.
    pub path: String,
    /// Path inside the zip (`outer.zip/inner` for nested ones).
    pub member: Option<String>,
    /// What it is, told by content.
    pub kind: EvidenceKind,
    /// Bytes.
    pub size: u64,
    /// SHA-256 of the bytes; `None` where they could not be read to the end.
    pub sha256: Option<[u8; 32]>,
    /// Time of the first fact in it.
    pub first_at: Option<Timestamp>,
    /// Time of the last fact in it.
    pub last_at: Option<Timestamp>,
    /// The vantage point, for captures.
    pub vantage: Option<u32>,
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EvidenceKind {
    /// Classic capture file.
    Pcap,
    /// Next-generation capture file.
    Pcapng,
    /// A file of a CryptnetUrlCache folder.
    CryptnetCache,
    /// A zip archive.
    Zip,
    /// A Windows event log.
    Evtx,
    /// A registry hive.
    Hive,
    /// A log in CMTrace form.
    CmLog,
    /// Pasted certutil output.
    CertutilText,
    /// Pasted output of `netsh winhttp show proxy`.
    NetshText,
    /// The access log of a proxy or a web server.
    AccessLog,
    /// A certificate or a bag of certificates.
    Certificate,
    /// A trust list, bare or in a cabinet.
    Ctl,
    /// A CRL.
    Crl,
    /// An OCSP answer.
    Ocsp,
    /// TLS secrets in SSLKEYLOGFILE form.
    KeyLog,
    /// An earlier report or case.
    Case,
    /// Anything else.
    Other,
}

impl EvidenceKind {
    /// The word of the JSON report.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            EvidenceKind::Pcap => "pcap",
            EvidenceKind::Pcapng => "pcapng",
            EvidenceKind::CryptnetCache => "cryptnet-cache",
            EvidenceKind::Zip => "zip",
            EvidenceKind::Evtx => "evtx",
            EvidenceKind::Hive => "hive",
            EvidenceKind::CmLog => "cm-log",
            EvidenceKind::CertutilText => "certutil-text",
            EvidenceKind::NetshText => "netsh-text",
            EvidenceKind::AccessLog => "access-log",
            EvidenceKind::Certificate => "certificate",
            EvidenceKind::Ctl => "ctl",
            EvidenceKind::Crl => "crl",
            EvidenceKind::Ocsp => "ocsp",
            EvidenceKind::KeyLog => "keylog",
            EvidenceKind::Case => "case",
            EvidenceKind::Other => "other",
        }
    }
}
