//! PFX files (PKCS #12): the certificates and CRLs in them, never the keys.

use super::pkcs12_cipher::{self, Secret};
use super::tlv::{DerReader, Tlv, tag};
use super::{LooksLike, ReadObject, object};
use crate::bytes::{ErrorKind, ParseError};

/// `id-data`, `id-signedData` and `id-encryptedData` of PKCS #7.
const DATA: &str = "1.2.840.113549.1.7.1";
const SIGNED: &str = "1.2.840.113549.1.7.2";
const ENCRYPTED: &str = "1.2.840.113549.1.7.6";
/// Kinds of bags: below 1.2.840.113549.1.12.10.1.
const CERTIFICATE_BAG: &str = "1.2.840.113549.1.12.10.1.3";
const CRL_BAG: &str = "1.2.840.113549.1.12.10.1.4";
const NESTED_BAG: &str = "1.2.840.113549.1.12.10.1.6";
/// Parts of one file; tools write two.
const MAX_PARTS: usize = 64;
/// Bags of one file: the largest stores have some hundred certificates.
const MAX_BAGS: usize = 20_000;
/// Bags within bags; tools write none.
const MAX_DEPTH: usize = 4;

/// True for the beginning of a PFX: version 3, then the content.
#[must_use]
pub fn is_pfx(bytes: &[u8]) -> bool {
    /// 1.2.840.113549.1.7
    const PKCS7: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07";
    let head = bytes.get(..bytes.len().min(40)).unwrap_or_default();
    let version = head
        .windows(4)
        .take(8)
        .any(|four| four == b"\x02\x01\x03\x30");
    head.first() == Some(&tag::SEQUENCE) && version && head.windows(8).any(|part| part == PKCS7)
}

/// Reads the certificates and CRLs of a PFX. Keys are not opened.
///
/// ```text
/// PFX ::= SEQUENCE { version INTEGER (3), authSafe ContentInfo, macData MacData OPTIONAL }
/// authSafe: id-data with SEQUENCE OF ContentInfo, each id-data or id-encryptedData
/// SafeBag ::= SEQUENCE { bagId OID, [0] bagValue, bagAttributes SET OPTIONAL }
/// ```
///
/// With a password the MAC is verified first; where it does not agree, what is
/// encrypted is not tried. Without one, an empty password is. BER is tolerated.
/// Problems are returned beside what was read.
///
/// Spec: RFC 7292; RFC 9579 for PBMAC1.
#[must_use]
pub fn read(bytes: &[u8], password: Option<&str>) -> ReadObject {
    let mut found = ReadObject {
        looks_like: LooksLike::Other,
        artifacts: Vec::new(),
        problems: Vec::new(),
    };
    let mut walk = Walk {
        found: &mut found,
        secret: Secret::of(password.unwrap_or_default()),
        given: password.is_some(),
        opens: true,
        bags: 0,
    };
    if let Err(error) = walk.pfx(bytes) {
        walk.found.problems.push(error);
    }
    found
}

struct Walk<'a> {
    found: &'a mut ReadObject,
    secret: Secret,
    given: bool,
    /// False once the MAC has shown that the password is another.
    opens: bool,
    bags: usize,
}

impl Walk<'_> {
    fn pfx(&mut self, bytes: &[u8]) -> Result<(), ParseError> {
        const WHAT: &str = "PFX";
        let mut outer = DerReader::new(bytes);
        let pfx = outer.expect(WHAT, tag::SEQUENCE)?;
        let mut fields = pfx.children();
        fields.small_integer("PFX version")?;
        let safe = fields.expect("authSafe", tag::SEQUENCE)?;
        let mac = fields.optional("macData", tag::SEQUENCE)?;
        let (kind, content) = content_info(&safe)?;
        let content = match (kind.as_str(), content) {
            (DATA, Some(content)) => octets(&content)?,
            (SIGNED, _) => return Err(unsupported(&safe, "authSafe signed with a key")),
            _ => return Err(safe.malformed("authSafe", "neither data nor signed data")),
        };
        if let Some(mac) = mac {
            self.check_mac(&mac, &content);
        }
        let mut parts = DerReader::new(&content);
        let parts = parts.expect("AuthenticatedSafe", tag::SEQUENCE)?;
        let mut parts = parts.children();
        for _ in 0..MAX_PARTS {
            if parts.is_empty() {
                return Ok(());
            }
            let part = parts.expect("AuthenticatedSafe", tag::SEQUENCE)?;
            if let Err(error) = self.part(&part) {
                self.found.problems.push(error);
            }
        }
        let (value, limit) = (MAX_PARTS as u64 + 1, MAX_PARTS as u64);
        Err(over(&safe, value, limit))
    }

    fn check_mac(&mut self, mac: &Tlv<'_>, content: &[u8]) {
        match pkcs12_cipher::mac_agrees(mac, content, &mut self.secret) {
            Ok(true) => {}
            Ok(false) => {
                self.opens = false;
                let how = match self.given {
                    true => "the password is not that of this file: its MAC does not agree",
                    false => {
                        "a password is needed (--password): the MAC does not agree with an empty one"
                    }
                };
                self.found.problems.push(mac.malformed("macData", how));
            }
            Err(error) => self.found.problems.push(error),
        }
    }

    fn part(&mut self, part: &Tlv<'_>) -> Result<(), ParseError> {
        let (kind, content) = content_info(part)?;
        let content = content.ok_or_else(|| part.malformed("ContentInfo", "has no content"))?;
        match kind.as_str() {
            DATA => {
                let safe = octets(&content)?;
                self.safe_contents(&safe, 0)
            }
            ENCRYPTED if !self.opens => Ok(()),
            ENCRYPTED => {
                let opened = self.opened(&content)?;
                self.safe_contents(&opened, 0)
            }
            other => Err(unsupported(part, &format!("content of type {other}"))),
        }
    }

    /// `EncryptedData ::= SEQUENCE { version, SEQUENCE { type OID, algorithm, [0] octets } }`
    fn opened(&mut self, data: &Tlv<'_>) -> Result<Vec<u8>, ParseError> {
        const WHAT: &str = "EncryptedData";
        let mut fields = data.children();
        fields.small_integer(WHAT)?;
        let info = fields.expect(WHAT, tag::SEQUENCE)?;
        let mut fields = info.children();
        fields.oid(WHAT)?;
        let algorithm = fields.expect("contentEncryptionAlgorithm", tag::SEQUENCE)?;
        let sealed = fields.any("encryptedContent")?;
        let sealed = octets(&sealed)?;
        let opened = pkcs12_cipher::decrypt(&algorithm, &sealed, &self.secret)?;
        // Without a MAC, a wrong password shows here alone.
        let is_safe = opened.as_ref().is_some_and(|opened| {
            opened.first() == Some(&tag::SEQUENCE)
                && DerReader::new(opened).any("SafeContents").is_ok()
        });
        match opened.filter(|_| is_safe) {
            Some(opened) => Ok(opened),
            None => {
                let how = match self.given {
                    true => "cannot be opened with this password",
                    false => "is encrypted: a password is needed (--password)",
                };
                Err(info.malformed(WHAT, how))
            }
        }
    }

    fn safe_contents(&mut self, bytes: &[u8], depth: usize) -> Result<(), ParseError> {
        const WHAT: &str = "SafeContents";
        let contents = DerReader::new(bytes).expect(WHAT, tag::SEQUENCE)?;
        let mut bags = contents.children();
        while !bags.is_empty() {
            let bag = bags.expect("SafeBag", tag::SEQUENCE)?;
            self.bags += 1;
            if self.bags > MAX_BAGS {
                return Err(over(&bag, self.bags as u64, MAX_BAGS as u64));
            }
            let mut fields = bag.children();
            let kind = fields.oid("bagId")?;
            let value = fields.any("bagValue")?;
            match kind.as_str() {
                CERTIFICATE_BAG | CRL_BAG => {
                    let Some(der) = bag_value(&value)? else {
                        continue;
                    };
                    let read = object::read_object(&der);
                    self.found.artifacts.extend(read.artifacts);
                    let base = bag.at as u64;
                    let problems = read.problems.into_iter();
                    self.found
                        .problems
                        .extend(problems.map(|problem| problem.shifted(base)));
                }
                NESTED_BAG if depth < MAX_DEPTH => {
                    self.safe_contents(value.contents, depth + 1)?;
                }
                // Keys and other secrets: never opened.
                _ => {}
            }
        }
        Ok(())
    }
}

/// `ContentInfo ::= SEQUENCE { contentType OID, [0] EXPLICIT content OPTIONAL }`
fn content_info<'a>(info: &Tlv<'a>) -> Result<(String, Option<Tlv<'a>>), ParseError> {
    const WHAT: &str = "ContentInfo";
    let mut fields = info.children();
    let kind = fields.oid(WHAT)?;
    let content = fields.optional(WHAT, super::tlv::context(0))?;
    let content = content.map(|content| content.children().any(WHAT));
    Ok((kind, content.transpose()?))
}

/// `CertBag ::= SEQUENCE { certId OID, [0] EXPLICIT OCTET STRING }`; `None` for
/// SDSI certificates, which are no X.509.
fn bag_value(value: &Tlv<'_>) -> Result<Option<Vec<u8>>, ParseError> {
    const WHAT: &str = "CertBag";
    let bag = value.children().expect(WHAT, tag::SEQUENCE)?;
    let mut fields = bag.children();
    let kind = fields.oid(WHAT)?;
    // x509Certificate 1.2.840.113549.1.9.22.1, x509CRL 1.2.840.113549.1.9.23.1.
    if !["1.2.840.113549.1.9.22.1", "1.2.840.113549.1.9.23.1"].contains(&kind.as_str()) {
        return Ok(None);
    }
    let wrapped = fields.expect(WHAT, super::tlv::context(0))?;
    let inner = wrapped.children().any(WHAT)?;
    octets(&inner).map(Some)
}

/// The octets of an OCTET STRING, also one in pieces (BER).
fn octets(string: &Tlv<'_>) -> Result<Vec<u8>, ParseError> {
    if string.tag & 0x20 == 0 {
        return Ok(string.contents.to_vec());
    }
    let mut joined = Vec::new();
    let mut pieces = string.children();
    while !pieces.is_empty() {
        let piece = pieces.expect("OCTET STRING", tag::OCTET_STRING)?;
        joined.extend_from_slice(piece.contents);
    }
    Ok(joined)
}

fn unsupported(at: &Tlv<'_>, what: &str) -> ParseError {
    ParseError {
        what: "PFX",
        at: at.at as u64,
        kind: ErrorKind::Unsupported(what.to_owned()),
    }
}

fn over(at: &Tlv<'_>, value: u64, limit: u64) -> ParseError {
    ParseError {
        what: "PFX",
        at: at.at as u64,
        kind: ErrorKind::OverLimit { value, limit },
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;
    use crate::pki::Artifact;

    /// Subjects by `openssl pkcs12 -nokeys`.
    fn subjects(read: &ReadObject) -> Vec<String> {
        let names = read.artifacts.iter().map(|artifact| match artifact {
            Artifact::Certificate(certificate) => certificate.subject.text.clone(),
            other => panic!("{other:?}"),
        });
        names.collect()
    }

    const FILES: [(&str, &[u8]); 5] = [
        (
            "aes-256",
            include_bytes!("../../tests/data/pki/pfx-aes256.pfx"),
        ),
        ("3des", include_bytes!("../../tests/data/pki/pfx-3des.pfx")),
        (
            "rc2-40",
            include_bytes!("../../tests/data/pki/pfx-rc2-40.pfx"),
        ),
        (
            "no mac",
            include_bytes!("../../tests/data/pki/pfx-no-mac.pfx"),
        ),
        (
            "sha512",
            include_bytes!("../../tests/data/pki/pfx-mac-sha512.pfx"),
        ),
    ];

    #[test]
    fn certificates_come_out_of_every_encryption_and_keys_do_not() {
        for (name, bytes) in FILES {
            assert!(is_pfx(bytes), "{name}");
            let read = read(bytes, Some("Prüf-1"));
            assert_eq!(read.problems, [], "{name}");
            assert_eq!(subjects(&read), ["CN=pfx leaf", "CN=pfx root"], "{name}");
        }
    }

    #[test]
    fn a_wrong_or_missing_password_is_said_and_nothing_is_guessed() {
        for (name, bytes) in FILES {
            for (password, marks) in [
                (
                    Some("wrong"),
                    ["not that of this file", "with this password"],
                ),
                (None, ["a password is needed", "a password is needed"]),
            ] {
                let read = read(bytes, password);
                assert_eq!(read.artifacts, [], "{name}");
                let told = read.problems[0].to_string();
                assert!(
                    marks.iter().any(|mark| told.contains(mark)),
                    "{name}: {told}"
                );
            }
        }
    }

    #[test]
    fn certificates_in_clear_are_read_without_a_password() {
        let bytes = include_bytes!("../../tests/data/pki/pfx-certs-in-clear.pfx");
        let read = read(bytes, None);
        assert_eq!(subjects(&read), ["CN=pfx leaf", "CN=pfx root"]);
        assert!(
            read.problems[0]
                .to_string()
                .contains("a password is needed")
        );
    }

    #[test]
    fn a_file_cut_anywhere_is_an_error_and_no_panic() {
        let bytes = FILES[0].1;
        for length in 0..bytes.len() {
            let read = read(&bytes[..length], Some("Prüf-1"));
            assert!(!read.problems.is_empty(), "{length}");
        }
    }
}
