//! The readable messages of a TLS handshake.

use crate::bytes::{ParseError, Reader};
use crate::protocol::tls::{ClientHello, ServerHello};
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

pub(super) fn vector8<'a>(
    reader: &mut Reader<'a>,
    what: &'static str,
) -> Result<&'a [u8], ParseError> {
    let length = reader.u8(what)?;
    reader.take(what, usize::from(length))
}

pub(super) fn vector16<'a>(
    reader: &mut Reader<'a>,
    what: &'static str,
) -> Result<&'a [u8], ParseError> {
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
}
