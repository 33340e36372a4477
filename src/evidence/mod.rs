//! Opens inputs read-only, tells their kind by content, walks folders, reads
//! zips in place, hashes. Nothing else in the library reads a file.

use crate::provenance::EvidenceId;
use crate::time::Timestamp;

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
