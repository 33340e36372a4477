//! Certificate trust lists: Microsoft's signed lists of roots, of distrusted
//! certificates and of pin rules.

use std::sync::Arc;

use super::Certificate;
use super::asn1_time::read_time;
use super::ctl_entry::read_entry;
use super::digest;
use super::extension::Extension;
use super::extension_value::read_extensions;
use super::key::AlgorithmIdentifier;
use super::signature::SignatureOutcome;
use super::signed_data::{SignedData, Signer};
use super::tlv::{Tlv, tag};
use crate::bytes::{ErrorKind, ParseError};
use crate::time::Timestamp;

pub use super::ctl_entry::{CtlEntry, Limit};

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

impl Ctl {
    /// Reads a PKCS#7 SignedData around a certificate trust list, and checks
    /// its signature with the enclosed signer.
    ///
    /// ```text
    /// CertificateTrustList ::= SEQUENCE {
    ///     version INTEGER DEFAULT 0, subjectUsage SEQUENCE OF OBJECT IDENTIFIER,
    ///     listIdentifier OCTET STRING OPTIONAL, sequenceNumber INTEGER OPTIONAL,
    ///     ctlThisUpdate Time, ctlNextUpdate Time OPTIONAL, subjectAlgorithm AlgorithmIdentifier,
    ///     trustedSubjects SEQUENCE OF TrustedSubject OPTIONAL,
    ///     ctlExtensions [0] EXPLICIT Extensions OPTIONAL }
    /// ```
    ///
    /// The list lies directly in eContent, without an OCTET STRING. An entry
    /// or certificate that cannot be read is left out and told in `oddities`.
    ///
    /// No public specification gives the encoding; the fields are those of
    /// wincrypt.h's CTL_INFO, the layout is observed in 120 lists, 2006 to 2026.
    ///
    /// # Errors
    ///
    /// `Truncated` when the bytes end before the PKCS#7 does; `Malformed` when
    /// they are no trust list; `OverLimit` with more than [`MAX_ENTRIES`].
    pub fn from_der(bytes: &[u8]) -> Result<Ctl, ParseError> {
        const WHAT: &str = "CertificateTrustList";
        let data = SignedData::read(bytes)?;
        let mut oddities = Vec::new();
        let der = data.element.whole;
        if bytes.len() > der.len() {
            oddities.push(format!(
                "{} bytes follow the object",
                bytes.len() - der.len()
            ));
        }
        let content = match data.content {
            Some(content) if data.content_type == TRUST_LIST => content,
            _ => {
                let how = format!("content of type {}", data.content_type);
                return Err(data.element.malformed(WHAT, how));
            }
        };
        let list = match content.tag {
            // CMS would wrap it so; no list of Microsoft's does.
            tag::OCTET_STRING => content.children().expect(WHAT, tag::SEQUENCE)?,
            _ => content,
        };
        if list.tag != tag::SEQUENCE {
            return Err(list.malformed(WHAT, "not a SEQUENCE"));
        }
        let fields = Fields::read(&list, &mut oddities)?;
        let certificates = data.read_certificates(&mut oddities);
        let signing = Signing::read(&data, &certificates, content.contents, &mut oddities);
        Ok(Ctl {
            sha256: digest::sha256(der),
            sha1: digest::sha1(der),
            der: Arc::from(der),
            kind: CtlKind::from_usage(&fields.subject_usage),
            subject_usage: fields.subject_usage,
            list_identifier: fields.list_identifier,
            sequence_number: fields.sequence_number,
            this_update: fields.this_update,
            next_update: fields.next_update,
            subject_algorithm: fields.subject_algorithm,
            entries: fields.entries,
            extensions: fields.extensions,
            certificates,
            signer: signing.signer,
            signer_id: signing.signer_id,
            signature: signing.outcome,
            oddities,
        })
    }

    /// The entry of a root certificate, by the SHA-1 of its bytes.
    #[must_use]
    pub fn entry_for(&self, sha1: &[u8; 20]) -> Option<&CtlEntry> {
        self.entries
            .iter()
            .find(|entry| entry.subject_identifier == sha1)
    }
}

/// szOID_CTL.
const TRUST_LIST: &str = "1.3.6.1.4.1.311.10.1";

/// Entries of one list that are read; the largest known has 555.
pub const MAX_ENTRIES: usize = 100_000;

impl CtlKind {
    fn from_usage(usage: &[String]) -> CtlKind {
        let kind = usage.iter().find_map(|oid| match oid.as_str() {
            "1.3.6.1.4.1.311.10.3.9" => Some(CtlKind::AuthRoot),
            "1.3.6.1.4.1.311.10.3.30" => Some(CtlKind::Disallowed),
            "1.3.6.1.4.1.311.10.3.32" => Some(CtlKind::PinRules),
            _ => None,
        });
        kind.unwrap_or(CtlKind::Other)
    }
}

/// The fields of the list itself.
struct Fields {
    subject_usage: Vec<String>,
    list_identifier: Option<String>,
    sequence_number: Option<Vec<u8>>,
    this_update: Timestamp,
    next_update: Option<Timestamp>,
    subject_algorithm: AlgorithmIdentifier,
    entries: Vec<CtlEntry>,
    extensions: Vec<Extension>,
}

impl Fields {
    fn read(list: &Tlv<'_>, oddities: &mut Vec<String>) -> Result<Fields, ParseError> {
        let mut reader = list.children();
        reader.optional("version", tag::INTEGER)?;
        let mut usages = reader.expect("subjectUsage", tag::SEQUENCE)?.children();
        let mut subject_usage = Vec::new();
        while !usages.is_empty() {
            subject_usage.push(usages.oid("subjectUsage")?);
        }
        let identifier = reader.optional("listIdentifier", tag::OCTET_STRING)?;
        let sequence_number = reader.optional("sequenceNumber", tag::INTEGER)?;
        let this_update = read_time(&mut reader, "ctlThisUpdate")?.at;
        let mut next_update = None;
        if matches!(reader.peek(), Some(tag::UTC_TIME | tag::GENERALIZED_TIME)) {
            next_update = Some(read_time(&mut reader, "ctlNextUpdate")?.at);
        }
        let subject_algorithm = AlgorithmIdentifier::read(&mut reader, "subjectAlgorithm")?;
        let mut entries = Vec::new();
        if let Some(subjects) = reader.optional("trustedSubjects", tag::SEQUENCE)? {
            entries = read_entries(&subjects, oddities)?;
        }
        let mut extensions = Vec::new();
        while !reader.is_empty() {
            let part = reader.any("CertificateTrustList")?;
            if part.tag == 0xA0 {
                extensions = read_extensions(&part, oddities)?;
            } else {
                let (tag, at) = (part.tag, part.at);
                oddities.push(format!(
                    "unexpected tag {tag:#04x} at byte {at} in the list"
                ));
            }
        }
        Ok(Fields {
            subject_usage,
            list_identifier: identifier.and_then(|octets| utf16_text(octets.contents)),
            sequence_number: sequence_number.map(|number| number.contents.to_vec()),
            this_update,
            next_update,
            subject_algorithm,
            entries,
            extensions,
        })
    }
}

fn read_entries(
    subjects: &Tlv<'_>,
    oddities: &mut Vec<String>,
) -> Result<Vec<CtlEntry>, ParseError> {
    let mut reader = subjects.children();
    let mut entries = Vec::new();
    while !reader.is_empty() {
        let element = reader.any("TrustedSubject")?;
        match read_entry(&element) {
            Ok(entry) => entries.push(entry),
            Err(error) => oddities.push(format!("an entry is left out: {error}")),
        }
        if entries.len().max(oddities.len()) > MAX_ENTRIES {
            let (value, limit) = (MAX_ENTRIES as u64 + 1, MAX_ENTRIES as u64);
            let kind = ErrorKind::OverLimit { value, limit };
            return Err(ParseError {
                what: "trustedSubjects",
                at: element.at as u64,
                kind,
            });
        }
    }
    Ok(entries)
}

/// UTF-16LE text, up to its NUL.
pub(super) fn utf16_text(octets: &[u8]) -> Option<String> {
    let units: Option<Vec<u16>> = octets
        .chunks(2)
        .map(|pair| Some(u16::from_le_bytes(pair.try_into().ok()?)))
        .collect();
    let text = String::from_utf16(&units?).ok()?;
    Some(text.trim_end_matches('\0').to_owned())
}

/// Who signed, and whether it verifies.
#[derive(Default)]
struct Signing {
    signer: Option<Arc<Certificate>>,
    signer_id: Option<SignerId>,
    outcome: Option<SignatureOutcome>,
}

impl Signing {
    /// Looks at the first signer; lists have one.
    fn read(
        data: &SignedData<'_>,
        certificates: &[Arc<Certificate>],
        content: &[u8],
        oddities: &mut Vec<String>,
    ) -> Signing {
        let Some(first) = data.signers.first() else {
            oddities.push("the list has no signer".to_owned());
            return Signing::default();
        };
        if data.signers.len() > 1 {
            let count = data.signers.len();
            oddities.push(format!("{count} signers; only the first is looked at"));
        }
        let signer = match Signer::read(first) {
            Ok(signer) => signer,
            Err(error) => {
                oddities.push(format!("the signer is not readable: {error}"));
                return Signing::default();
            }
        };
        let found = certificates
            .iter()
            .find(|certificate| signer.is(certificate));
        let outcome = found.map(|certificate| signer.verify(content, certificate));
        let signer_id = signer.issuer_and_serial.map(|(issuer, serial)| SignerId {
            issuer: issuer.text,
            serial,
        });
        Signing {
            signer: found.cloned(),
            signer_id,
            outcome,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const LIMITS: &[u8] = include_bytes!("../../tests/data/pki/ctl-limits.stl");

    #[test]
    fn a_list_is_read_although_an_enclosed_certificate_is_broken() {
        let ctl = Ctl::from_der(LIMITS).unwrap();
        assert_eq!(ctl.kind, CtlKind::AuthRoot);
        assert_eq!(ctl.this_update.to_rfc3339(), "2011-01-25T20:54:12Z");
        let sequence = crate::bytes::to_hex(ctl.sequence_number.as_deref().unwrap());
        assert_eq!(sequence, "1401cbbcd205389c94");
        assert_eq!(ctl.subject_algorithm.oid, "1.3.14.3.2.26");
        assert_eq!(ctl.certificates.len(), 1);
        assert_eq!(ctl.signer.as_ref().unwrap().subject.text, "CN=Publisher");
        let signer_id = SignerId {
            issuer: "CN=Test CA,C=DE".to_owned(),
            serial: vec![77],
        };
        assert_eq!(ctl.signer_id, Some(signer_id));
        assert_eq!(ctl.signature, Some(SignatureOutcome::Valid));
        let [oddity] = ctl.oddities.as_slice() else {
            unreachable!()
        };
        assert!(oddity.starts_with("an enclosed certificate is left out: tbsCertificate at byte"));
        assert!(ctl.entry_for(&[0x12; 20]).is_some());
    }

    #[test]
    fn one_changed_bit_of_the_content_breaks_the_digest() {
        let mut bytes = LIMITS.to_vec();
        let at = bytes
            .windows(4)
            .position(|window| window == [0x11; 4])
            .unwrap();
        bytes[at] ^= 1;
        let why = "messageDigest is not the digest of the content".to_owned();
        let ctl = Ctl::from_der(&bytes).unwrap();
        assert_eq!(ctl.signature, Some(SignatureOutcome::Invalid(why)));
    }

    #[test]
    fn one_changed_bit_of_the_signature_breaks_it() {
        let mut bytes = LIMITS.to_vec();
        *bytes.last_mut().unwrap() ^= 1;
        let why = "the signature does not match the signed bytes and the key".to_owned();
        let ctl = Ctl::from_der(&bytes).unwrap();
        assert_eq!(ctl.signature, Some(SignatureOutcome::Invalid(why)));
    }

    #[test]
    fn other_signed_data_is_no_list() {
        let bag = include_bytes!("../../tests/data/pki/bag.p7b");
        let error = Ctl::from_der(bag).unwrap_err();
        let expected = "CertificateTrustList at byte 0: malformed: \
                        content of type 1.2.840.113549.1.7.1";
        assert_eq!(error.to_string(), expected);
    }
}
