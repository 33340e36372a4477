//! Reading whatever a body or file holds, containers included.

use std::sync::Arc;

use super::cab::Cabinet;
use super::looks_like::{looks_like, narrowed};
use super::pem::pem_blocks;
use super::signed_data::SignedData;
use super::tlv::DerReader;
use super::{Artifact, Certificate, Crl, Ctl, LooksLike, OcspResponse, ReadObject};
use crate::bytes::{ErrorKind, ParseError};

/// Reads every object in the bytes: see [`ReadObject`].
///
/// DER objects may follow one another. A cabinet's members are read as
/// objects themselves, but not as cabinets. The offset of a problem inside a
/// compressed member or a PEM block is that of the member's entry or of the
/// BEGIN line, and the text names the place inside.
#[must_use]
pub fn read_object(bytes: &[u8]) -> ReadObject {
    let mut found = ReadObject {
        looks_like: looks_like(bytes),
        artifacts: Vec::new(),
        problems: Vec::new(),
    };
    match found.looks_like {
        LooksLike::Cab => read_cabinet(bytes, &mut found),
        LooksLike::Pem => read_pem(bytes, &mut found),
        _ => read_der(bytes, &mut found),
    }
    found.bound_problems();
    found
}

/// Problems told of one input: the first ones say what it is, and thousands
/// would hide the rest of the report.
const MAX_PROBLEMS: usize = 20;

impl ReadObject {
    /// Keeps the first problems and the number of the others.
    pub fn bound_problems(&mut self) {
        let Some(next) = self.problems.get(MAX_PROBLEMS) else {
            return;
        };
        let more = self.problems.len() - MAX_PROBLEMS;
        let kind = ErrorKind::Malformed(format!("{more} more places that are not listed"));
        let (what, at) = ("further damage", next.at);
        self.problems.truncate(MAX_PROBLEMS);
        self.problems.push(ParseError { what, at, kind });
    }
}

/// Objects read from one input. Bundles have a few hundred; each one costs at
/// least a hundred bytes of input, so this is only against many tiny ones.
const MAX_OBJECTS: usize = 20_000;

fn read_cabinet(bytes: &[u8], found: &mut ReadObject) {
    let cabinet = match Cabinet::read(bytes) {
        Ok(cabinet) => cabinet,
        Err(error) => return found.problems.push(error),
    };
    found.problems.extend(cabinet.problems);
    for file in cabinet.files {
        let mut inside = ReadObject {
            looks_like: looks_like(&file.bytes),
            artifacts: Vec::new(),
            problems: Vec::new(),
        };
        match inside.looks_like {
            LooksLike::Cab => {}
            LooksLike::Pem => read_pem(&file.bytes, &mut inside),
            _ => read_der(&file.bytes, &mut inside),
        }
        let place = format!("in '{}'", file.name);
        found
            .problems
            .extend(inside.problems.into_iter().map(|error| ParseError {
                what: "cabinet member",
                at: file.at,
                kind: within(&error, &place),
            }));
        found.artifacts.append(&mut inside.artifacts);
        if is_full(found, file.at) {
            return;
        }
    }
}

fn read_pem(bytes: &[u8], found: &mut ReadObject) {
    // Offsets in UTF-16 text are twice those in its narrow form, for ASCII.
    let wide = narrowed(bytes);
    let scale = if wide.is_some() { 2 } else { 1 };
    for block in pem_blocks(wide.as_deref().unwrap_or(bytes)) {
        let at = block.at * scale;
        let der = match block.bytes {
            Ok(der) => der,
            Err(error) => {
                found.problems.push(ParseError { at, ..error });
                continue;
            }
        };
        let mut inside = ReadObject {
            looks_like: looks_like(&der),
            artifacts: Vec::new(),
            problems: Vec::new(),
        };
        read_der(&der, &mut inside);
        if is_ours(&block.label) && inside.artifacts.is_empty() && inside.problems.is_empty() {
            let kind = ErrorKind::Malformed("no known object".to_owned());
            inside.problems.push(ParseError {
                what: "contents",
                at: 0,
                kind,
            });
        }
        if block.label.starts_with("TRUSTED") {
            // OpenSSL appends its own trust settings to the certificate.
            inside
                .problems
                .retain(|error| !matches!(error.kind, ErrorKind::TrailingBytes { .. }));
        }
        let place = format!("in {}", block.label);
        found
            .problems
            .extend(inside.problems.into_iter().map(|error| ParseError {
                what: "PEM block",
                at,
                kind: within(&error, &place),
            }));
        found.artifacts.append(&mut inside.artifacts);
        if is_full(found, at) {
            return;
        }
    }
}

/// True for the labels of what is read here; keys and requests are not.
fn is_ours(label: &str) -> bool {
    ["CERTIFICATE", "CRL", "PKCS7", "PKCS #7 SIGNED DATA", "CMS"]
        .iter()
        .any(|ending| label.ends_with(ending))
}

/// An error inside of something compressed or encoded, as a kind.
fn within(error: &ParseError, place: &str) -> ErrorKind {
    ErrorKind::Malformed(format!("{place}: {error}"))
}

fn is_full(found: &mut ReadObject, at: u64) -> bool {
    let count = found.artifacts.len();
    if count < MAX_OBJECTS {
        return false;
    }
    let kind = ErrorKind::OverLimit {
        value: count as u64,
        limit: MAX_OBJECTS as u64,
    };
    found.problems.push(ParseError {
        what: "objects",
        at,
        kind,
    });
    true
}

/// Reads DER objects one after another; text and the like give nothing.
fn read_der(bytes: &[u8], found: &mut ReadObject) {
    let mut at = 0;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let size = match read_one(rest, found, at as u64) {
            Ok(Some(size)) => size,
            Ok(None) => {
                if at > 0 && !rest.is_empty() {
                    let kind = ErrorKind::TrailingBytes {
                        count: rest.len() as u64,
                    };
                    found.problems.push(ParseError {
                        what: "object",
                        at: at as u64,
                        kind,
                    });
                }
                return;
            }
            Err(error) => return found.problems.push(error.shifted(at as u64)),
        };
        at += size;
        if is_full(found, at as u64) {
            return;
        }
    }
}

/// Reads the object at the start, and gives its length; `None` when there is
/// none that is known.
fn read_one(bytes: &[u8], found: &mut ReadObject, base: u64) -> Result<Option<usize>, ParseError> {
    let kind = looks_like(bytes);
    let what = match kind {
        LooksLike::Certificate => "Certificate",
        LooksLike::Crl => "CertificateList",
        LooksLike::Ocsp => "OCSPResponse",
        LooksLike::Ctl => "CertificateTrustList",
        LooksLike::Pkcs7 => "SignedData",
        _ => return Ok(None),
    };
    let element = DerReader::new(bytes).any(what)?;
    let der = element.whole;
    let read = match kind {
        LooksLike::Certificate => Certificate::from_der(der).map(|certificate| {
            found
                .artifacts
                .push(Artifact::Certificate(Arc::new(certificate)));
        }),
        LooksLike::Crl => {
            Crl::from_der(der).map(|crl| found.artifacts.push(Artifact::Crl(Arc::new(crl))))
        }
        LooksLike::Ocsp => OcspResponse::from_der(der).map(|ocsp| {
            let basic = ocsp.basic.iter();
            let certificates: Vec<_> = basic.flat_map(|basic| basic.certificates.clone()).collect();
            found.artifacts.push(Artifact::Ocsp(Arc::new(ocsp)));
            found
                .artifacts
                .extend(certificates.into_iter().map(Artifact::Certificate));
        }),
        LooksLike::Ctl => Ctl::from_der(der).map(|ctl| {
            let certificates = ctl.certificates.clone();
            found.artifacts.push(Artifact::Ctl(Arc::new(ctl)));
            found
                .artifacts
                .extend(certificates.into_iter().map(Artifact::Certificate));
        }),
        _ => read_bag(der, found, base),
    };
    if let Err(error) = read {
        found.problems.push(error.shifted(base));
    }
    Ok(Some(der.len()))
}

/// Reads the certificates and CRLs of a SignedData.
fn read_bag(bytes: &[u8], found: &mut ReadObject, base: u64) -> Result<(), ParseError> {
    let data = SignedData::read(bytes)?;
    for element in &data.certificates {
        match Certificate::from_der(element.whole) {
            Ok(certificate) => {
                found
                    .artifacts
                    .push(Artifact::Certificate(Arc::new(certificate)));
            }
            Err(error) => found.problems.push(error.shifted(base + element.at as u64)),
        }
    }
    for element in &data.crls {
        match Crl::from_der(element.whole) {
            Ok(crl) => found.artifacts.push(Artifact::Crl(Arc::new(crl))),
            Err(error) => found.problems.push(error.shifted(base + element.at as u64)),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use base64::Engine as _;

    const LEAF: &[u8] = include_bytes!("../../tests/data/pki/leaf-every-extension.der");
    const CRL: &[u8] = include_bytes!("../../tests/data/pki/crl-indirect-delta.der");

    fn kinds(found: &ReadObject) -> Vec<&'static str> {
        let kind = |artifact: &Artifact| match artifact {
            Artifact::Certificate(_) => "certificate",
            Artifact::Crl(_) => "crl",
            Artifact::Ocsp(_) => "ocsp",
            Artifact::Ctl(_) => "ctl",
        };
        found.artifacts.iter().map(kind).collect()
    }

    fn problems(found: &ReadObject) -> Vec<String> {
        found.problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn containers_give_what_is_in_them() {
        let cab = read_object(include_bytes!("../../tests/data/pki/ctl-limits.cab"));
        assert_eq!(
            (cab.looks_like, kinds(&cab)),
            (LooksLike::Cab, vec!["ctl", "certificate"])
        );
        let bag = read_object(include_bytes!("../../tests/data/pki/bag.p7b"));
        let two = vec!["certificate", "certificate"];
        assert_eq!((bag.looks_like, kinds(&bag)), (LooksLike::Pkcs7, two));
        let ocsp = read_object(include_bytes!("../../tests/data/pki/ocsp-revoked.der"));
        assert_eq!(
            (ocsp.looks_like, kinds(&ocsp)),
            (LooksLike::Ocsp, vec!["ocsp", "certificate"])
        );
    }

    #[test]
    fn two_lists_one_after_the_other_are_both_read() {
        let both = read_object(&[CRL, CRL, b"\r\n"].concat());
        assert_eq!(
            (both.looks_like, kinds(&both)),
            (LooksLike::Crl, vec!["crl", "crl"])
        );
        assert_eq!(
            problems(&both),
            ["object at byte 888: 2 bytes follow the end"]
        );
    }

    #[test]
    fn pem_text_in_one_or_two_bytes_a_character_is_read() {
        let base64 = |der| base64::engine::general_purpose::STANDARD.encode(der);
        let text = format!(
            "Bag\r\n-----BEGIN CERTIFICATE-----\r\n{}\r\n-----END CERTIFICATE-----\r\n\
             -----BEGIN X509 CRL-----\n{}\n-----END X509 CRL-----\n",
            base64(LEAF),
            base64(&CRL[..400])
        );
        let narrow = read_object(text.as_bytes());
        assert_eq!(
            (narrow.looks_like, kinds(&narrow)),
            (LooksLike::Pem, vec!["certificate"])
        );
        let at = text.find("-----BEGIN X509").unwrap();
        let expected = format!(
            "PEM block at byte {at}: malformed: in X509 CRL: CertificateList at byte 0: \
             needs 444 bytes, 400 left"
        );
        assert_eq!(problems(&narrow), [expected]);
        let wide: Vec<u8> = format!("\u{FEFF}{text}")
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        assert_eq!(read_object(&wide).artifacts, narrow.artifacts);
    }

    #[test]
    fn an_object_cut_short_is_a_problem_with_its_place() {
        let cut = read_object(&LEAF[..300]);
        assert_eq!(
            (cut.looks_like, cut.artifacts.len()),
            (LooksLike::Certificate, 0)
        );
        assert_eq!(
            problems(&cut),
            ["Certificate at byte 0: needs 1006 bytes, 300 left"]
        );
    }

    #[test]
    fn pages_and_nothing_have_no_objects_and_no_problems() {
        for (bytes, kind) in [
            (b"<html><body>no</body></html>".as_slice(), LooksLike::Html),
            (b"", LooksLike::Empty),
            (b"1401CBBCD205389C94", LooksLike::Text),
        ] {
            let found = read_object(bytes);
            let empty = ReadObject {
                looks_like: kind,
                artifacts: vec![],
                problems: vec![],
            };
            assert_eq!(found, empty);
        }
    }
}
