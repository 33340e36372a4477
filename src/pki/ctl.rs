//! Certificate trust lists: Microsoft's signed lists of roots, of distrusted
//! certificates and of pin rules.

use std::sync::Arc;

use super::Certificate;
use super::certificate::{AlgorithmIdentifier, Extension};
use super::signature::SignatureOutcome;
use crate::time::Timestamp;

/// A CTL with its signature.
#[derive(Debug, Clone, PartialEq)]
pub struct Ctl {
    /// The bytes of the PKCS#7.
    pub der: Arc<[u8]>,
    /// SHA-256 of them.
    pub sha256: [u8; 32],
    /// SHA-1 of them.
    pub sha1: [u8; 20],
    /// Which list, told by subjectUsage.
    pub kind: CtlKind,
    /// subjectUsage OIDs.
    pub subject_usage: Vec<String>,
    /// listIdentifier as UTF-16LE text where it is one.
    pub list_identifier: Option<String>,
    /// sequenceNumber contents octets.
    pub sequence_number: Option<Vec<u8>>,
    /// ctlThisUpdate.
    pub this_update: Timestamp,
    /// ctlNextUpdate.
    pub next_update: Option<Timestamp>,
    /// subjectAlgorithm.
    pub subject_algorithm: AlgorithmIdentifier,
    /// trustedSubjects.
    pub entries: Vec<CtlEntry>,
    /// ctlExtensions.
    pub extensions: Vec<Extension>,
    /// The certificates of the SignedData, in order.
    pub certificates: Vec<Arc<Certificate>>,
    /// The signer, where its certificate is among them.
    pub signer: Option<Arc<Certificate>>,
    /// How the signer is named: issuer text and serial, for when it is not.
    pub signer_id: Option<SignerId>,
    /// messageDigest and signature, checked with the enclosed signer's key.
    /// `None` when the SignedData has no signer or the signer is not enclosed.
    pub signature: Option<SignatureOutcome>,
    /// Deviations, one line each.
    pub oddities: Vec<String>,
}

/// issuerAndSerialNumber of a signer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignerId {
    /// RFC 4514 text of the issuer.
    pub issuer: String,
    /// Serial contents octets.
    pub serial: Vec<u8>,
}

/// The lists that whychain knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CtlKind {
    /// szOID_ROOT_LIST_SIGNER, 1.3.6.1.4.1.311.10.3.9.
    AuthRoot,
    /// 1.3.6.1.4.1.311.10.3.30.
    Disallowed,
    /// 1.3.6.1.4.1.311.10.3.32.
    PinRules,
    /// Another usage.
    Other,
}

impl CtlKind {
    /// The word of the JSON report.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            CtlKind::AuthRoot => "authroot",
            CtlKind::Disallowed => "disallowed",
            CtlKind::PinRules => "pinrules",
            CtlKind::Other => "other",
        }
    }
}

/// One trusted (or distrusted) subject. Attribute numbers are the last arc of
/// 1.3.6.1.4.1.311.10.11.N.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CtlEntry {
    /// subjectIdentifier: SHA-1 of a root, a signature hash, or a domain.
    pub subject_identifier: Vec<u8>,
    /// 9: enhanced key usages allowed.
    pub allowed_usages: Option<Vec<String>>,
    /// 11: friendly name.
    pub friendly_name: Option<String>,
    /// 20: key identifier.
    pub key_identifier: Option<Vec<u8>>,
    /// 29: MD5 of the subject name.
    pub subject_name_md5: Option<Vec<u8>>,
    /// 98: SHA-256 of the certificate.
    pub sha256: Option<Vec<u8>>,
    /// 104: disallowed after.
    pub disallowed_after: Option<Limit>,
    /// 122: disallowed usages.
    pub disallowed_usages: Option<Vec<String>>,
    /// 126: leaves issued after this are not trusted.
    pub not_before_limit: Option<Limit>,
    /// 127: usages to which 126 applies.
    pub not_before_usages: Option<Vec<String>>,
    /// Every other attribute: dotted OID and DER of its values.
    pub other: Vec<(String, Vec<u8>)>,
}

/// A FILETIME attribute that may be empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// From this time on.
    At(Timestamp),
    /// Zero bytes: a limit whose meaning ("from the start") is a guess.
    Empty,
    /// A FILETIME that is no instant, raw.
    OutOfRange(u64),
}

impl Ctl {
    /// The entry of a root certificate, by the SHA-1 of its bytes.
    #[must_use]
    pub fn entry_for(&self, sha1: &[u8; 20]) -> Option<&CtlEntry> {
        self.entries.iter().find(|entry| entry.subject_identifier == sha1)
    }
}
