//! DHCP messages: which address, name and proxy script a client was given.

use std::net::{IpAddr, Ipv4Addr};

use crate::bytes::{ErrorKind, ParseError, Reader};
use crate::provenance::Sighting;

/// What one message tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DhcpMessage {
    /// The vantage point of the capture.
    pub vantage: u32,
    /// The frame.
    pub sighting: Sighting,
    /// DHCP message type: 1 DISCOVER, 3 REQUEST, 5 ACK, 6 NAK, 8 INFORM, ….
    pub message_type: u8,
    /// Transaction id.
    pub transaction: u32,
    /// Client hardware address, lower-case hex.
    pub hardware: String,
    /// The client's address: `ciaddr` where the client has one, else `yiaddr`.
    pub client: Option<IpAddr>,
    /// The server (option 54).
    pub server: Option<Ipv4Addr>,
    /// Domain name servers (option 6).
    pub name_servers: Vec<Ipv4Addr>,
    /// Domain name (option 15).
    pub domain: Option<String>,
    /// Host name (option 12), else the client's name of option 81.
    pub host_name: Option<String>,
    /// Client identifier (option 61), lower-case hex.
    pub client_id: Option<String>,
    /// True when the client asks for option 252 (in option 55).
    pub asks_script: bool,
    /// URL of the proxy script (option 252); empty where the server sent an
    /// empty one, which Windows servers do to say that there is none.
    pub script_url: Option<String>,
}

/// DHCPACK.
pub const ACK: u8 = 5;
/// DHCPINFORM.
pub const INFORM: u8 = 8;

/// Reads a message.
///
/// ```text
/// 0    1       2      3      4     8      10      12       16       20       24       28       44      108     236
/// | op | htype | hlen | hops | xid | secs | flags | ciaddr | yiaddr | siaddr | giaddr | chaddr | sname | file | 63 82 53 63 | options
/// option: code (1) | length (1) | value; 0 is padding, 255 the end
/// ```
///
/// Integers are big-endian. Values of one code that come in pieces are joined
/// (RFC 3396); options that overflow into `file` and `sname` (option 52) are
/// read. Options after the one that is cut are lost, those before it count.
///
/// Spec: RFC 2131 §2, RFC 2132, RFC 4702; option 252:
/// draft-ietf-wrec-wpad-01 §4.4.1.
///
/// # Errors
///
/// `Truncated` in the fixed part; `Malformed` without the magic cookie, or
/// without a message type (plain BOOTP).
pub fn dhcp_message(
    bytes: &[u8],
    vantage: u32,
    sighting: Sighting,
) -> Result<DhcpMessage, ParseError> {
    const WHAT: &str = "DHCP message";
    let mut reader = Reader::new(bytes);
    let op = reader.u8(WHAT)?;
    reader.skip(WHAT, 1)?;
    let hardware_len = usize::from(reader.u8(WHAT)?).min(16);
    reader.skip(WHAT, 1)?;
    let transaction = reader.u32_be(WHAT)?;
    reader.skip(WHAT, 4)?;
    let client = Ipv4Addr::from(reader.array::<4>(WHAT)?);
    let yours = Ipv4Addr::from(reader.array::<4>(WHAT)?);
    reader.skip(WHAT, 8)?;
    let hardware = reader.take(WHAT, 16)?;
    let (server_name, file) = (reader.take(WHAT, 64)?, reader.take(WHAT, 128)?);
    if !matches!(op, 1 | 2) || reader.take(WHAT, 4)? != COOKIE {
        return Err(reader.error(WHAT, ErrorKind::Malformed("no DHCP cookie".into())));
    }
    let mut options = Options::default();
    options.read(reader.rest());
    let overload = options.value(52).and_then(|value| value.first().copied());
    for (flag, area) in [(1, file), (2, server_name)] {
        if overload.is_some_and(|overload| overload & flag != 0) {
            options.read(area);
        }
    }
    let Some(message_type) = options.value(53).and_then(|value| value.first().copied()) else {
        return Err(reader.error(WHAT, ErrorKind::Malformed("no message type".into())));
    };
    let given = [client, yours]
        .into_iter()
        .find(|address| !address.is_unspecified());
    Ok(DhcpMessage {
        vantage,
        sighting,
        message_type,
        transaction,
        hardware: crate::bytes::to_hex(hardware.get(..hardware_len).unwrap_or(hardware)),
        client: given.map(IpAddr::from),
        server: options.addresses(54).first().copied(),
        name_servers: options.addresses(6),
        domain: options.text(15),
        host_name: options
            .text(12)
            .or_else(|| options.value(81).and_then(full_name)),
        client_id: options.value(61).map(crate::bytes::to_hex),
        asks_script: options.value(55).is_some_and(|codes| codes.contains(&252)),
        script_url: options.value(252).map(clean),
    })
}

const COOKIE: &[u8] = &[0x63, 0x82, 0x53, 0x63];

/// Values by code, pieces joined, in the order of their first piece.
#[derive(Default)]
struct Options(Vec<(u8, Vec<u8>)>);

/// There are 254 codes.
const MAX_OPTIONS: usize = 512;

impl Options {
    fn read(&mut self, area: &[u8]) {
        const WHAT: &str = "DHCP option";
        let mut reader = Reader::new(area);
        for _ in 0..MAX_OPTIONS {
            let Ok(code) = reader.u8(WHAT) else { return };
            match code {
                0 => continue,
                255 => return,
                _ => {}
            }
            let length = reader.u8(WHAT).map(usize::from);
            let Ok(value) = length.and_then(|length| reader.take(WHAT, length)) else {
                return;
            };
            match self.0.iter_mut().find(|(known, _)| *known == code) {
                Some((_, whole)) => whole.extend_from_slice(value),
                None => self.0.push((code, value.to_vec())),
            }
        }
    }

    fn value(&self, code: u8) -> Option<&[u8]> {
        let found = self.0.iter().find(|(known, _)| *known == code);
        found.map(|(_, value)| value.as_slice())
    }

    fn text(&self, code: u8) -> Option<String> {
        let text = self.value(code).map(clean);
        text.filter(|text| !text.is_empty())
    }

    fn addresses(&self, code: u8) -> Vec<Ipv4Addr> {
        let value = self.value(code).unwrap_or_default();
        let groups = value
            .chunks_exact(4)
            .filter_map(|octets| <[u8; 4]>::try_from(octets).ok());
        groups.take(MAX_SERVERS).map(Ipv4Addr::from).collect()
    }
}

/// Name servers kept of one message.
const MAX_SERVERS: usize = 16;

/// Text of an option: Windows ends it with a zero, some servers with a newline.
fn clean(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value);
    text.trim_matches(|c: char| c == '\0' || c.is_ascii_whitespace())
        .to_owned()
}

/// The client's name in option 81: `flags (1) | rcodes (2) | name`, in labels
/// where bit 2 of the flags is set, else as text.
fn full_name(value: &[u8]) -> Option<String> {
    let (&flags, rest) = value.split_first()?;
    let name = rest.get(2..)?;
    let text = match flags & 4 != 0 {
        false => clean(name),
        true => {
            let mut reader = Reader::new(name);
            let mut labels = Vec::new();
            while let Ok(length @ 1..=63) = reader.u8("DHCP client name") {
                labels.push(clean(
                    reader.take("DHCP client name", usize::from(length)).ok()?,
                ));
            }
            labels.join(".")
        }
    };
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::protocol::trial::seen;

    /// A message with these options, by the layout of RFC 2131.
    fn bytes(options: &[(u8, &[u8])]) -> Vec<u8> {
        let mut bytes = vec![2, 1, 6, 0, 1, 2, 3, 4, 0, 0, 0, 0];
        bytes.extend([10, 0, 0, 5]);
        bytes.extend([0; 12]);
        bytes.extend([2, 0, 10, 20, 0, 15]);
        bytes.extend([0; 202]);
        bytes.extend_from_slice(COOKIE);
        for (code, value) in options {
            bytes.extend([*code, u8::try_from(value.len()).unwrap()]);
            bytes.extend_from_slice(value);
        }
        bytes.push(255);
        bytes
    }

    fn read(bytes: &[u8]) -> Result<DhcpMessage, ParseError> {
        dhcp_message(bytes, 0, seen(1))
    }

    #[test]
    fn an_ack_names_address_servers_and_script() {
        let message = read(&bytes(&[
            (53, &[5]),
            (54, &[10, 0, 0, 1]),
            (6, &[10, 0, 0, 1, 10, 0, 0, 2]),
            (15, b"corp.example"),
            (252, b"http://wpad.corp.example/wpad.dat\n\0"),
        ]))
        .unwrap();
        assert_eq!(message.message_type, ACK);
        assert_eq!(message.client, Some("10.0.0.5".parse().unwrap()));
        assert_eq!(message.hardware, "02000a14000f");
        assert_eq!(message.name_servers.len(), 2);
        assert_eq!(message.domain.as_deref(), Some("corp.example"));
        assert_eq!(
            message.script_url.as_deref(),
            Some("http://wpad.corp.example/wpad.dat")
        );
    }

    #[test]
    fn a_value_in_pieces_is_joined_and_a_cut_option_loses_only_what_follows() {
        let whole = bytes(&[
            (53, &[8]),
            (12, b"PC-"),
            (55, &[1, 3, 252]),
            (12, b"17"),
            (252, b"http://x/"),
        ]);
        assert_eq!(read(&whole).unwrap().host_name.as_deref(), Some("PC-17"));
        let cut = read(&whole[..whole.len() - 4]).unwrap();
        assert!(cut.asks_script);
        assert_eq!(cut.script_url, None);
    }

    #[test]
    fn an_empty_script_is_an_answer_and_a_full_name_is_a_name() {
        let fqdn = [&[0u8, 0, 0][..], b"PC-17.corp.example"].concat();
        let message = read(&bytes(&[(53, &[5]), (252, b"\0"), (81, &fqdn)])).unwrap();
        assert_eq!(message.script_url.as_deref(), Some(""));
        assert_eq!(message.host_name.as_deref(), Some("PC-17.corp.example"));
    }

    #[test]
    fn bootp_and_other_datagrams_are_no_dhcp() {
        let plain = bytes(&[(12, b"x")]);
        assert!(matches!(
            read(&plain).unwrap_err().kind,
            ErrorKind::Malformed(_)
        ));
        let mut other = bytes(&[(53, &[5])]);
        other[236] = 0;
        assert!(matches!(
            read(&other).unwrap_err().kind,
            ErrorKind::Malformed(_)
        ));
        assert!(matches!(
            read(&other[..200]).unwrap_err().kind,
            ErrorKind::Truncated { .. }
        ));
    }
}
