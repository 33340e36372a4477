//! The list of distrusted certificates.

use std::collections::HashSet;

use crate::pki::Certificate;
use crate::pki::ctl::Ctl;
use crate::pki::digest::Hash;

/// Subjects of a list of distrusted certificates: SHA-1 thumbprints in old
/// lists, hashes of the signed part in newer ones. Those of 16 octets are
/// taken for MD5 or for the first 16 octets of a longer hash.
pub(super) struct Disallowed<'a> {
    subjects: HashSet<&'a [u8]>,
}

const TRUNCATED: usize = 16;

impl<'a> Disallowed<'a> {
    pub(super) fn new(list: Option<&'a Ctl>) -> Self {
        let entries = list.into_iter().flat_map(|list| &list.entries);
        Disallowed {
            subjects: entries
                .map(|entry| entry.subject_identifier.as_slice())
                .collect(),
        }
    }

    /// What of a certificate the list has, if anything.
    pub(super) fn names(&self, certificate: &Certificate) -> Option<String> {
        if self.subjects.is_empty() {
            return None;
        }
        let parts: [(&str, &[u8]); 4] = [
            ("the certificate", &certificate.der),
            ("its signed part", certificate.tbs_bytes()),
            ("its key", &certificate.public_key.key),
            ("its key with the algorithm", &certificate.public_key.der),
        ];
        for (part, bytes) in parts {
            for hash in [
                Hash::Md5,
                Hash::Sha1,
                Hash::Sha256,
                Hash::Sha384,
                Hash::Sha512,
            ] {
                let value = hash.of(bytes);
                let truncated = value.get(..TRUNCATED).unwrap_or_default();
                if self.subjects.contains(value.as_slice()) || self.subjects.contains(truncated) {
                    return Some(format!("{} of {part}", hash.name()));
                }
            }
        }
        None
    }
}
