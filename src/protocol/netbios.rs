//! NetBIOS name service messages.

use std::net::{IpAddr, Ipv4Addr};

use super::dns_message::name;
use crate::bytes::{ErrorKind, ParseError, Reader};

/// One message, as far as it tells who is called what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NetBiosMessage {
    pub(super) id: u16,
    pub(super) is_response: bool,
    /// 0 query, 5 registration, 6 release, 8 and 9 refresh.
    pub(super) opcode: u8,
    /// The name, blanks at its end cut off, lower case.
    pub(super) name: String,
    /// The sixteenth byte: 0x00 workstation, 0x20 file server, ….
    pub(super) suffix: u8,
    /// Addresses of a record of type NB, of unique names only.
    pub(super) addresses: Vec<IpAddr>,
}

/// Reads a message.
///
/// ```text
/// header as in DNS, opcode at bits 11 to 14
/// question: name | type 0x0020 (2) | class 1 (2)
/// record:   name or pointer | type 0x0020 | class | ttl (4) | length (2) | (flags (2) | IPv4 (4))*
/// name: 0x20, then 32 letters A to P, two for each of 16 bytes, high half first; scope labels; 0
/// ```
///
/// Bit 15 of a record's flags marks a group name, which is nobody's own.
/// Status questions (type 0x0021) are not read.
///
/// Spec: RFC 1002 §4.2, RFC 1001 §14.1.
///
/// # Errors
///
/// `Truncated` in the header; `Malformed` where no NetBIOS name follows it;
/// `Unsupported` for a message without a name.
pub(super) fn netbios_message(bytes: &[u8]) -> Result<NetBiosMessage, ParseError> {
    const WHAT: &str = "NetBIOS name service message";
    let mut reader = Reader::new(bytes);
    let id = reader.u16_be(WHAT)?;
    let flags = reader.u16_be(WHAT)?;
    let questions = reader.u16_be(WHAT)?;
    let answers = reader.u16_be(WHAT)?;
    reader.skip(WHAT, 2)?;
    let additions = reader.u16_be(WHAT)?;
    let mut named = None;
    if questions > 0 {
        named = Some(name(&mut reader, bytes)?);
        if reader.u16_be(WHAT)? != NB {
            return Err(reader.error(WHAT, ErrorKind::Unsupported("type".into())));
        }
        reader.skip(WHAT, 2)?;
    }
    let mut addresses = Vec::new();
    if answers > 0 || additions > 0 {
        let owner = name(&mut reader, bytes)?;
        let kind = reader.u16_be(WHAT)?;
        reader.skip(WHAT, 6)?;
        let length = usize::from(reader.u16_be(WHAT)?);
        let data = reader.take(WHAT, length)?;
        if kind == NB {
            addresses.extend(data.chunks_exact(6).filter_map(own_address));
        }
        named.get_or_insert(owner);
    }
    let Some(encoded) = named else {
        return Err(reader.error(WHAT, ErrorKind::Unsupported("no name".into())));
    };
    let Some((name, suffix)) = decoded(&encoded) else {
        return Err(reader.error(WHAT, ErrorKind::Malformed("no NetBIOS name".into())));
    };
    Ok(NetBiosMessage {
        id,
        is_response: flags & 0x8000 != 0,
        opcode: u8::try_from(flags >> 11 & 0xF).unwrap_or_default(),
        name,
        suffix,
        addresses,
    })
}

const NB: u16 = 0x20;

fn own_address(entry: &[u8]) -> Option<IpAddr> {
    match *entry {
        [flags, _, a, b, c, d] if flags & 0x80 == 0 => Some(Ipv4Addr::new(a, b, c, d).into()),
        _ => None,
    }
}

/// The first label in its own letters (already lower case), and its suffix.
fn decoded(encoded: &str) -> Option<(String, u8)> {
    let label = encoded.split('.').next()?.as_bytes();
    let nibble = |letter: u8| (b'a'..=b'p').contains(&letter).then(|| letter - b'a');
    if label.len() != 32 {
        return None;
    }
    let mut bytes = Vec::with_capacity(16);
    for pair in label.chunks_exact(2) {
        let (high, low) = (pair.first().copied()?, pair.get(1).copied()?);
        bytes.push(nibble(high)? << 4 | nibble(low)?);
    }
    let suffix = bytes.pop()?;
    let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
    Some((
        text.trim_end_matches([' ', '\0']).to_ascii_lowercase(),
        suffix,
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn encoded(name: &str, suffix: u8) -> Vec<u8> {
        let padded = format!("{name:<15}");
        let mut label = vec![0x20];
        for byte in padded.bytes().chain([suffix]) {
            label.extend([b'A' + (byte >> 4), b'A' + (byte & 15)]);
        }
        label.push(0);
        label
    }

    fn query() -> Vec<u8> {
        let head = vec![0, 7, 0x01, 0x10, 0, 1, 0, 0, 0, 0, 0, 0];
        [head, encoded("WPAD", 0), vec![0, 0x20, 0, 1]].concat()
    }

    #[test]
    fn a_broadcast_question_names_what_it_looks_for() {
        // RFC 1001 §14.1 encodes "FRED" as EGFCEFEECACA…; the rule is used here for WPAD.
        let message = netbios_message(&query()).unwrap();
        assert_eq!((message.name.as_str(), message.suffix), ("wpad", 0));
        assert!(!message.is_response && message.addresses.is_empty());
    }

    #[test]
    fn an_answer_gives_the_addresses_of_unique_names_only() {
        let mut bytes = vec![0, 7, 0x85, 0, 0, 0, 0, 1, 0, 0, 0, 0];
        bytes.extend(encoded("WPAD", 0));
        bytes.extend([0, 0x20, 0, 1, 0, 0, 0, 60, 0, 12]);
        bytes.extend([0, 0, 10, 0, 0, 66, 0x80, 0, 10, 0, 0, 67]);
        let message = netbios_message(&bytes).unwrap();
        assert!(message.is_response);
        assert_eq!(message.addresses, ["10.0.0.66".parse::<IpAddr>().unwrap()]);
    }

    #[test]
    fn other_names_and_cut_messages_are_refused() {
        let mut bytes = query();
        bytes[13] = b'Z';
        assert!(matches!(
            netbios_message(&bytes).unwrap_err().kind,
            ErrorKind::Malformed(_)
        ));
        assert!(matches!(
            netbios_message(&query()[..20]).unwrap_err().kind,
            ErrorKind::Truncated { .. }
        ));
    }
}
