//! The readable messages of a TLS handshake.

use std::io::Read as _;
use std::sync::Arc;

use crate::bytes::{ErrorKind, ParseError, Reader};
use crate::protocol::tls::{ClientHello, ServerHello};
use crate::protocol::tls_records::MAX_MESSAGE;
use crate::provenance::Sighting;

/// A ClientHello, and its session id to compare with the server's.
pub(super) struct ReadClientHello {
    pub(super) hello: ClientHello,
    pub(super) session_id: Vec<u8>,
    pub(super) random: [u8; 32],
    /// Data is sent before the server's answer (TLS 1.3).
    pub(super) early_data: bool,
}

/// A ServerHello, with what it says of resumption.
pub(super) struct ReadServerHello {
    pub(super) hello: ServerHello,
    pub(super) session_id: Vec<u8>,
    pub(super) random: [u8; 32],
    /// A pre-shared key was taken (TLS 1.3): the server sends no certificate.
    pub(super) pre_shared_key: bool,
}

/// Version number of TLS 1.3.
pub(super) const TLS13: u16 = 0x0304;

/// Reads a ClientHello without its 4-byte message header.
///
/// ```text
/// legacy_version (2) | random (32: gmt_unix_time (4), bytes) | session_id <0..32>
/// | cipher_suites <2..2^16-2> | compression_methods <1..255> | extensions <0..2^16-1>
/// ```
///
/// Integers are big-endian; `<..>` is a length of 1 or 2 bytes, then so many
/// bytes. Extensions may be missing (SSLv3). Those that cannot be read are
/// passed over.
///
/// Spec: RFC 8446 §4.1.2, RFC 5246 §7.4.1.2, RFC 6066 §3, RFC 7301 §3.1.
///
/// # Errors
///
/// `Truncated` when a length goes beyond the end.
pub(super) fn client_hello(
    bytes: &[u8],
    sighting: Sighting,
) -> Result<ReadClientHello, ParseError> {
    const WHAT: &str = "ClientHello";
    let mut reader = Reader::new(bytes);
    let legacy_version = reader.u16_be(WHAT)?;
    let random: [u8; 32] = reader.array(WHAT)?;
    let [a, b, c, d, ..] = random;
    let gmt_unix_time = u32::from_be_bytes([a, b, c, d]);
    let session_id = vector8(&mut reader, WHAT)?.to_vec();
    let cipher_suites = u16_list(vector16(&mut reader, WHAT)?);
    vector8(&mut reader, WHAT)?;
    let mut hello = ClientHello {
        server_name: None,
        legacy_version,
        supported_versions: Vec::new(),
        alpn: Vec::new(),
        cipher_suites,
        offers_resumption: false,
        offers_ticket: false,
        encrypted_client_hello: false,
        gmt_unix_time,
        sighting,
    };
    let mut early_data = false;
    for (kind, body) in extensions(&mut reader) {
        match kind {
            42 => early_data = true,
            0 => hello.server_name = server_name(body),
            16 => hello.alpn = protocol_names(body),
            35 => hello.offers_ticket = !body.is_empty(),
            41 => hello.offers_resumption = true,
            43 => hello.supported_versions = u16_list(body.get(1..).unwrap_or_default()),
            0xFE0D => hello.encrypted_client_hello = true,
            _ => {}
        }
    }
    hello.offers_resumption |= hello.offers_ticket;
    // A client that speaks TLS 1.3 sends a made-up id (RFC 8446 appendix D.4).
    let speaks_13 = hello.supported_versions.contains(&TLS13);
    hello.offers_resumption |= !session_id.is_empty() && !speaks_13;
    Ok(ReadClientHello {
        hello,
        session_id,
        random,
        early_data,
    })
}

/// Reads an SSLv2 CLIENT-HELLO without its 2-byte length, as old clients send
/// it to offer SSLv3 or TLS as well.
///
/// ```text
/// msg_type 1 | version (2) | cipher_specs length (2) | session_id length (2)
/// | challenge length (2) | cipher_specs (3 each) | session_id | challenge
/// ```
///
/// Spec: RFC 5246 appendix E.2.
///
/// # Errors
///
/// `Truncated` when the lengths go beyond the end.
pub(super) fn sslv2_client_hello(
    bytes: &[u8],
    sighting: Sighting,
) -> Result<ReadClientHello, ParseError> {
    const WHAT: &str = "SSLv2 CLIENT-HELLO";
    let mut reader = Reader::new(bytes);
    reader.skip(WHAT, 1)?;
    let legacy_version = reader.u16_be(WHAT)?;
    let ciphers = usize::from(reader.u16_be(WHAT)?);
    let session_id = usize::from(reader.u16_be(WHAT)?);
    reader.skip(WHAT, 2)?;
    let ciphers = reader.take(WHAT, ciphers)?;
    let session_id = reader.take(WHAT, session_id)?.to_vec();
    // The challenge stands at the end of the random, after zeros.
    let mut random = [0; 32];
    let challenge = reader.rest().iter().rev();
    random
        .iter_mut()
        .rev()
        .zip(challenge)
        .for_each(|(to, from)| *to = *from);
    // A first byte other than 0 marks a cipher of SSLv2 itself.
    let suites = ciphers.chunks_exact(3).filter(|spec| spec[0] == 0);
    let hello = ClientHello {
        server_name: None,
        legacy_version,
        supported_versions: Vec::new(),
        alpn: Vec::new(),
        cipher_suites: suites
            .map(|spec| u16::from_be_bytes([spec[1], spec[2]]))
            .collect(),
        offers_resumption: !session_id.is_empty(),
        offers_ticket: false,
        encrypted_client_hello: false,
        gmt_unix_time: 0,
        sighting,
    };
    Ok(ReadClientHello {
        hello,
        session_id,
        random,
        early_data: false,
    })
}

/// Reads a ServerHello without its 4-byte message header.
///
/// ```text
/// legacy_version (2) | random (32) | session_id <0..32> | cipher_suite (2)
/// | compression_method (1) | extensions <0..2^16-1>
/// ```
///
/// A HelloRetryRequest has a fixed random value.
///
/// Spec: RFC 8446 §4.1.3, RFC 5246 §7.4.1.3.
///
/// # Errors
///
/// `Truncated` when a length goes beyond the end.
pub(super) fn server_hello(
    bytes: &[u8],
    sighting: Sighting,
) -> Result<ReadServerHello, ParseError> {
    const WHAT: &str = "ServerHello";
    let mut reader = Reader::new(bytes);
    let legacy_version = reader.u16_be(WHAT)?;
    let random: [u8; 32] = reader.array(WHAT)?;
    let session_id = vector8(&mut reader, WHAT)?.to_vec();
    let cipher_suite = reader.u16_be(WHAT)?;
    reader.skip(WHAT, 1)?;
    let mut version = legacy_version;
    let mut pre_shared_key = false;
    for (kind, body) in extensions(&mut reader) {
        match (kind, body) {
            (41, _) => pre_shared_key = true,
            (43, &[high, low]) => version = u16::from_be_bytes([high, low]),
            _ => {}
        }
    }
    // Drafts of TLS 1.3 hide certificates as the standard does.
    if version >> 8 == 0x7F {
        version = TLS13;
    }
    let retry_request = random == RETRY_REQUEST;
    let hello = ServerHello {
        version,
        cipher_suite,
        session_id_echoed: false,
        retry_request,
        sighting,
    };
    Ok(ReadServerHello {
        hello,
        session_id,
        random,
        pre_shared_key,
    })
}

/// SHA-256 of "HelloRetryRequest" (RFC 8446 §4.1.3).
const RETRY_REQUEST: [u8; 32] = [
    0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11, 0xBE, 0x1D, 0x8C, 0x02, 0x1E, 0x65, 0xB8, 0x91,
    0xC2, 0xA2, 0x11, 0x16, 0x7A, 0xBB, 0x8C, 0x5E, 0x07, 0x9E, 0x09, 0xE2, 0xC8, 0xA8, 0x33, 0x9C,
];

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

/// The extensions that are whole, by type.
fn extensions<'a>(reader: &mut Reader<'a>) -> Vec<(u16, &'a [u8])> {
    const WHAT: &str = "extensions";
    let mut list = Vec::new();
    let Ok(length) = reader.u16_be(WHAT) else {
        return list;
    };
    let rest = reader.rest();
    let mut reader = Reader::new(rest.get(..usize::from(length)).unwrap_or(rest));
    while let Ok(kind) = reader.u16_be(WHAT)
        && let Ok(body) = vector16(&mut reader, WHAT)
    {
        list.push((kind, body));
    }
    list
}

/// The first host_name (type 0) of a server_name extension.
fn server_name(body: &[u8]) -> Option<String> {
    const WHAT: &str = "server_name";
    let mut reader = Reader::new(body);
    reader.u16_be(WHAT).ok()?;
    let kind = reader.u8(WHAT).ok()?;
    let name = vector16(&mut reader, WHAT).ok()?;
    (kind == 0).then(|| String::from_utf8_lossy(name).into_owned())
}

fn protocol_names(body: &[u8]) -> Vec<String> {
    let mut reader = Reader::new(body.get(2..).unwrap_or_default());
    let mut names = Vec::new();
    while let Ok(name) = vector8(&mut reader, "ALPN") {
        let grease = matches!(name, &[high, low] if is_grease(u16::from_be_bytes([high, low])));
        if !grease {
            names.push(String::from_utf8_lossy(name).into_owned());
        }
    }
    names
}

fn u16_list(bytes: &[u8]) -> Vec<u16> {
    let numbers = bytes
        .chunks_exact(2)
        .map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    numbers.filter(|&number| !is_grease(number)).collect()
}

/// Values sent only to keep servers tolerant (RFC 8701).
fn is_grease(number: u16) -> bool {
    number & 0x0F0F == 0x0A0A && number >> 8 == number & 0xFF
}

fn vector8<'a>(reader: &mut Reader<'a>, what: &'static str) -> Result<&'a [u8], ParseError> {
    let length = reader.u8(what)?;
    reader.take(what, usize::from(length))
}

fn vector16<'a>(reader: &mut Reader<'a>, what: &'static str) -> Result<&'a [u8], ParseError> {
    let length = reader.u16_be(what)?;
    reader.take(what, usize::from(length))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::protocol::trial::seen;

    fn hello_with(extensions: &[u8]) -> Vec<u8> {
        let mut bytes = vec![3, 3, 0x4d, 0x3f, 0x36, 0xa4];
        bytes.extend([9; 28]);
        bytes.extend([0, 0, 6, 0x0a, 0x0a, 0x13, 0x01, 0xc0, 0x2f, 1, 0]);
        bytes.extend(u16::try_from(extensions.len()).unwrap().to_be_bytes());
        bytes.extend(extensions);
        bytes
    }

    #[test]
    fn the_name_versions_and_protocols_are_read_without_grease() {
        let mut extensions = b"\x5a\x5a\0\0\0\0\0\x0e\0\x0c\0\0\x09localhost".to_vec();
        extensions.extend(b"\0\x10\0\x0e\0\x0c\x02h2\x08http/1.1");
        extensions.extend(b"\0\x2b\0\x07\x06\xfa\xfa\x03\x04\x03\x03");
        let read = client_hello(&hello_with(&extensions), seen(3)).unwrap();
        let hello = read.hello;
        assert_eq!(hello.server_name.as_deref(), Some("localhost"));
        assert_eq!(hello.supported_versions, [0x0304, 0x0303]);
        assert_eq!(hello.cipher_suites, [0x1301, 0xc02f]);
        assert_eq!(hello.alpn, ["h2", "http/1.1"]);
        assert_eq!(hello.gmt_unix_time, 0x4d3f_36a4);
        assert!(!hello.offers_resumption && !hello.encrypted_client_hello);
    }

    #[test]
    fn extensions_cut_short_keep_those_before() {
        let whole = hello_with(b"\0\x0e\0\0\0\0\0\x06\0\x04\0\0\x01a\0\x10\0\x40\0");
        let read = client_hello(&whole, seen(1)).unwrap();
        assert_eq!(read.hello.server_name.as_deref(), Some("a"));
        let error = client_hello(&whole[..36], seen(1)).err().unwrap();
        assert_eq!(
            error.to_string(),
            "ClientHello at byte 35: needs 2 bytes, 1 left"
        );
    }

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
}
