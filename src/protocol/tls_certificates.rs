//! Certificates and stapled answers in the messages of a TLS handshake.

use std::io::Read as _;
use std::sync::Arc;

use crate::bytes::{ErrorKind, ParseError, Reader};
use crate::protocol::tls_handshake::{vector8, vector16};
use crate::protocol::tls_records::MAX_MESSAGE;

/// Reads a Certificate message of SSLv3 to TLS 1.2 without its message header:
/// the certificates in the order sent, and the error that ended the reading.
///
/// ```text
/// length (3) | ( length (3) | DER ) *
/// ```
///
/// Spec: RFC 5246 §7.4.2.
pub(super) fn certificate_list(bytes: &[u8]) -> (Vec<Arc<[u8]>>, Option<ParseError>) {
    let mut list = Vec::new();
    let mut reader = Reader::new(bytes);
    let error = read_certificates(&mut reader, &mut list).err();
    (list, error)
}

fn read_certificates(reader: &mut Reader<'_>, list: &mut Vec<Arc<[u8]>>) -> Result<(), ParseError> {
    const WHAT: &str = "Certificate";
    let total = reader.u24_be(WHAT)? as usize;
    if total > reader.remaining() {
        let (needed, left) = (total as u64, reader.remaining() as u64);
        // What is there is read nevertheless.
        let error = reader.error(WHAT, ErrorKind::Truncated { needed, left });
        while read_certificate(reader, list).is_ok() {}
        return Err(error);
    }
    while !reader.is_empty() {
        if list.len() >= MAX_CERTIFICATES {
            let (value, limit) = (list.len() as u64 + 1, MAX_CERTIFICATES as u64);
            return Err(reader.error(WHAT, ErrorKind::OverLimit { value, limit }));
        }
        read_certificate(reader, list)?;
    }
    Ok(())
}

fn read_certificate(reader: &mut Reader<'_>, list: &mut Vec<Arc<[u8]>>) -> Result<(), ParseError> {
    let length = reader.u24_be("certificate in Certificate")? as usize;
    list.push(reader.take("certificate in Certificate", length)?.into());
    Ok(())
}

/// A Certificate message of TLS 1.3.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Certificate13 {
    /// DER of each, leaf first.
    pub(super) list: Vec<Arc<[u8]>>,
    /// The OCSP answer that stands beside the leaf.
    pub(super) stapled_ocsp: Option<Arc<[u8]>>,
    /// What ended the reading early.
    pub(super) error: Option<ParseError>,
}

/// Reads a Certificate message of TLS 1.3 without its message header.
///
/// ```text
/// certificate_request_context <0..255> | length (3)
/// | ( length (3) | DER | extensions <0..2^16-1> ) *
/// ```
///
/// The extension `status_request` (5) of an entry is a CertificateStatus.
///
/// Spec: RFC 8446 §4.4.2.
pub(super) fn certificate13(bytes: &[u8]) -> Certificate13 {
    let mut read = Certificate13::default();
    let mut reader = Reader::new(bytes);
    read.error = read_entries(&mut reader, &mut read).err();
    read
}

fn read_entries(reader: &mut Reader<'_>, read: &mut Certificate13) -> Result<(), ParseError> {
    const WHAT: &str = "Certificate";
    vector8(reader, WHAT)?;
    let total = reader.u24_be(WHAT)? as usize;
    let cut = total > reader.remaining();
    while !reader.is_empty() {
        if read.list.len() >= MAX_CERTIFICATES {
            let (value, limit) = (read.list.len() as u64 + 1, MAX_CERTIFICATES as u64);
            return Err(reader.error(WHAT, ErrorKind::OverLimit { value, limit }));
        }
        read_certificate(reader, &mut read.list)?;
        for (kind, body) in entry_extensions(reader)? {
            if kind == 5 && read.list.len() == 1 {
                read.stapled_ocsp = Some(certificate_status(body)?);
            }
        }
    }
    if cut {
        let (needed, left) = (total as u64, reader.remaining() as u64);
        return Err(reader.error(WHAT, ErrorKind::Truncated { needed, left }));
    }
    Ok(())
}

/// Extensions of one entry, with others behind them.
fn entry_extensions<'a>(reader: &mut Reader<'a>) -> Result<Vec<(u16, &'a [u8])>, ParseError> {
    const WHAT: &str = "extensions of a certificate";
    let mut inside = Reader::new(vector16(reader, WHAT)?);
    let mut list = Vec::new();
    while !inside.is_empty() {
        let kind = inside.u16_be(WHAT)?;
        list.push((kind, vector16(&mut inside, WHAT)?));
    }
    Ok(list)
}

/// Unpacks a CompressedCertificate message without its header: what it holds
/// is a Certificate message.
///
/// ```text
/// algorithm (2): 1 zlib, 2 brotli, 3 zstd | uncompressed length (3) | length (3) | bytes
/// ```
///
/// Spec: RFC 8879 §4.
///
/// # Errors
///
/// `Truncated`, `OverLimit` above [`MAX_MESSAGE`], `Unsupported` for another
/// algorithm or bytes that do not unpack to that length.
pub(super) fn compressed_certificate(bytes: &[u8]) -> Result<Vec<u8>, ParseError> {
    const WHAT: &str = "CompressedCertificate";
    let mut reader = Reader::new(bytes);
    let algorithm = reader.u16_be(WHAT)?;
    let plain_len = reader.u24_be(WHAT)? as usize;
    if plain_len > MAX_MESSAGE {
        let (value, limit) = (plain_len as u64, MAX_MESSAGE as u64);
        return Err(reader.error(WHAT, ErrorKind::OverLimit { value, limit }));
    }
    let length = reader.u24_be(WHAT)? as usize;
    let packed = reader.take(WHAT, length)?;
    let mut plain = Vec::new();
    let limit = plain_len as u64 + 1;
    let read = match algorithm {
        1 => flate2::read::ZlibDecoder::new(packed)
            .take(limit)
            .read_to_end(&mut plain)
            .is_ok(),
        2 => brotli_decompressor::Decompressor::new(packed, 4096)
            .take(limit)
            .read_to_end(&mut plain)
            .is_ok(),
        3 => ruzstd::decoding::StreamingDecoder::new(packed)
            .is_ok_and(|decoder| decoder.take(limit).read_to_end(&mut plain).is_ok()),
        _ => false,
    };
    if !read || plain.len() != plain_len {
        let what = format!("certificates packed by algorithm {algorithm} that do not unpack");
        return Err(reader.error(WHAT, ErrorKind::Unsupported(what)));
    }
    Ok(plain)
}

/// Servers send three or four; misconfigured ones their whole store.
const MAX_CERTIFICATES: usize = 256;

/// Reads the OCSP answer of a CertificateStatus message without its header.
///
/// ```text
/// status_type 1 (ocsp) | length (3) | OCSPResponse
/// ```
///
/// Spec: RFC 6066 §8.
///
/// # Errors
///
/// `Truncated`, or `Unsupported` for another type (2 is ocsp_multi).
pub(super) fn certificate_status(bytes: &[u8]) -> Result<Arc<[u8]>, ParseError> {
    const WHAT: &str = "CertificateStatus";
    let mut reader = Reader::new(bytes);
    let kind = reader.u8(WHAT)?;
    if kind != 1 {
        return Err(reader.error(WHAT, ErrorKind::Unsupported(format!("status type {kind}"))));
    }
    let length = reader.u24_be(WHAT)? as usize;
    Ok(reader.take(WHAT, length)?.into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn a_certificate_list_cut_short_keeps_whole_certificates() {
        let (list, error) = certificate_list(&[0, 0, 9, 0, 0, 2, 0x30, 0, 0, 0, 5, 1]);
        assert_eq!(list, [Arc::from([0x30, 0])]);
        let text = "certificate in Certificate at byte 11: needs 5 bytes, 1 left";
        assert_eq!(error.unwrap().to_string(), text);
        assert_eq!(certificate_list(&[0, 0, 0]), (vec![], None));
    }

    #[test]
    fn a_list_of_tls_13_has_an_answer_beside_its_leaf() {
        let message = [
            0, 0, 0, 22, 0, 0, 1, 7, 0, 10, 0, 5, 0, 6, 1, 0, 0, 2, 0x30, 0, 0, 0, 1, 8, 0, 0,
        ];
        let read = certificate13(&message);
        assert_eq!(read.list, [Arc::from([7]), Arc::from([8])]);
        assert_eq!(read.stapled_ocsp.as_deref(), Some(&[0x30, 0][..]));
        assert_eq!(read.error, None);
        for cut in 0..message.len() {
            certificate13(&message[..cut]);
        }
    }

    #[test]
    fn a_stapled_answer_is_taken_out_of_its_message() {
        assert_eq!(
            certificate_status(&[1, 0, 0, 2, 0x30, 0]).unwrap()[..],
            [0x30, 0]
        );
        let error = certificate_status(&[2, 0, 0, 0]).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unsupported("status type 2".into()));
    }

    #[test]
    fn compressed_certificates_unpack_to_the_length_they_tell() {
        // Python: zlib.compress(b"\x00" * 4 + b"hello" * 4).
        let packed = [
            0x78, 0x9C, 0x63, 0x60, 0x60, 0x60, 0xC8, 0x48, 0xCD, 0xC9, 0xC9, 0x47, 0x23, 0x00,
            0x57, 0x0C, 0x08, 0x51,
        ];
        let message = |plain_len: u8| {
            let length = u8::try_from(packed.len()).unwrap();
            [&[0, 1, 0, 0, plain_len, 0, 0, length][..], &packed].concat()
        };
        let plain = compressed_certificate(&message(24)).unwrap();
        assert_eq!(plain, [&[0; 4][..], &b"hello".repeat(4)].concat());
        assert!(compressed_certificate(&message(23)).is_err());
        assert!(compressed_certificate(&message(25)).is_err());
        assert!(compressed_certificate(&message(24)[..20]).is_err());
        assert!(compressed_certificate(&[0, 9, 0, 0, 1, 0, 0, 1, 7]).is_err());
        let huge = compressed_certificate(&[0, 1, 0xFF, 0xFF, 0xFF, 0, 0, 1, 7]);
        assert!(
            huge.unwrap_err()
                .to_string()
                .contains("CompressedCertificate")
        );
    }
}
