//! What lies around the IP packet in a frame.

use etherparse::{EtherType, Ethernet2Slice, SingleVlanSlice, ether_type};

use crate::bytes::{ErrorKind, ParseError, Reader};

/// The IP packet (and any padding behind it) in a frame, or `None` when the
/// frame carries something else.
///
/// # Errors
///
/// `Unsupported` for a link type not read here; `Truncated` when the frame
/// ends inside the link-layer header.
pub(super) fn ip_bytes(link_type: u32, frame: &[u8]) -> Result<Option<&[u8]>, ParseError> {
    match link_type {
        LINKTYPE_ETHERNET => ethernet(frame),
        12 | 14 | LINKTYPE_RAW | LINKTYPE_IPV4 | LINKTYPE_IPV6 => Ok(Some(frame)),
        LINKTYPE_NULL | LINKTYPE_LOOP => loopback(frame),
        LINKTYPE_LINUX_SLL => cooked(frame, 14, 16),
        LINKTYPE_LINUX_SLL2 => cooked(frame, 0, 20),
        other => {
            let name = link_type_name(other);
            let kind = ErrorKind::Unsupported(format!("link type {other} ({name})"));
            Err(ParseError {
                what: "frame",
                at: 0,
                kind,
            })
        }
    }
}

const LINKTYPE_NULL: u32 = 0;
const LINKTYPE_ETHERNET: u32 = 1;
/// 12 and 14 are the DLT values of the same, which some writers leave in.
const LINKTYPE_RAW: u32 = 101;
const LINKTYPE_LOOP: u32 = 108;
const LINKTYPE_LINUX_SLL: u32 = 113;
const LINKTYPE_IPV4: u32 = 228;
const LINKTYPE_IPV6: u32 = 229;
const LINKTYPE_LINUX_SLL2: u32 = 276;

/// The usual name of a link type, for messages.
///
/// Source: the list of link-layer header types at tcpdump.org/linktypes.html.
#[must_use]
pub fn link_type_name(link_type: u32) -> &'static str {
    match link_type {
        LINKTYPE_NULL => "BSD loopback",
        LINKTYPE_ETHERNET => "Ethernet",
        6 => "token ring",
        9 | 50 => "PPP",
        10 => "FDDI",
        12 | 14 | LINKTYPE_RAW => "raw IP",
        51 => "PPPoE",
        100 => "ATM",
        104 => "Cisco HDLC",
        105 => "802.11",
        107 => "frame relay",
        LINKTYPE_LOOP => "OpenBSD loopback",
        LINKTYPE_LINUX_SLL => "Linux cooked",
        117 => "OpenBSD pflog",
        119 => "802.11 with Prism header",
        122 => "IP over Fibre Channel",
        127 => "802.11 with radiotap header",
        138 => "IP over IEEE 1394",
        143 => "DOCSIS",
        149 | 150 => "user-defined",
        163 => "802.11 with AVS header",
        187 | 201 => "Bluetooth HCI",
        189 | 220 => "Linux USB",
        192 => "PPI",
        195 | 215 | 230 => "802.15.4",
        LINKTYPE_IPV4 => "raw IPv4",
        LINKTYPE_IPV6 => "raw IPv6",
        239 => "Linux netfilter log",
        249 => "Windows USB",
        251 | 256 => "Bluetooth Low Energy",
        252 => "Wireshark upper-layer PDUs",
        253 => "Linux netlink",
        258 => "Apple packet tap",
        274 => "Ethernet with preamble",
        LINKTYPE_LINUX_SLL2 => "Linux cooked, version 2",
        _ => "no name known here",
    }
}

/// Ethernet II: two addresses, then the type of what follows.
fn ethernet(frame: &[u8]) -> Result<Option<&[u8]>, ParseError> {
    let Ok(ethernet) = Ethernet2Slice::from_slice_without_fcs(frame) else {
        return Err(cut("Ethernet header", frame, 14));
    };
    tagged(ethernet.ether_type(), ethernet.payload_slice())
}

/// Tags nested deeper than this are no real network's.
const MAX_TAGS: usize = 4;

/// Strips VLAN tags and a `PPPoE` session header.
fn tagged(mut kind: EtherType, mut payload: &[u8]) -> Result<Option<&[u8]>, ParseError> {
    for _ in 0..=MAX_TAGS {
        match kind {
            ether_type::IPV4 | ether_type::IPV6 => return Ok(Some(payload)),
            ether_type::VLAN_TAGGED_FRAME
            | ether_type::PROVIDER_BRIDGING
            | ether_type::VLAN_DOUBLE_TAGGED_FRAME => {
                let Ok(tag) = SingleVlanSlice::from_slice(payload) else {
                    return Err(cut("VLAN tag", payload, 4));
                };
                (kind, payload) = (tag.ether_type(), tag.payload_slice());
            }
            PPPOE_SESSION => return pppoe(payload),
            _ => return Ok(None),
        }
    }
    Ok(None)
}

const PPPOE_SESSION: EtherType = EtherType(0x8864);

/// `PPPoE` session: version and type, code, session, length, then the PPP
/// protocol number. Spec: RFC 2516 §4; PPP numbers 0x0021 (IPv4), 0x0057 (IPv6).
fn pppoe(payload: &[u8]) -> Result<Option<&[u8]>, ParseError> {
    const WHAT: &str = "PPPoE header";
    let mut reader = Reader::new(payload);
    reader.skip(WHAT, 6)?;
    let protocol = reader.u16_be(WHAT)?;
    Ok(matches!(protocol, 0x0021 | 0x0057).then(|| reader.rest()))
}

/// Null and loop: the address family in 4 bytes, in the byte order of the
/// capturing machine (null) or big-endian (loop). IPv6 has another number on
/// each system, so the version field of the packet decides; the family only
/// has to be below 256 in one of the orders.
fn loopback(frame: &[u8]) -> Result<Option<&[u8]>, ParseError> {
    let mut reader = Reader::new(frame);
    let family = reader.array::<4>("loopback header")?;
    let family = u32::from_le_bytes(family).min(u32::from_be_bytes(family));
    let version = reader.rest().first().map(|byte| byte >> 4);
    Ok((family < 256 && matches!(version, Some(4 | 6))).then(|| reader.rest()))
}

/// Linux cooked: the `EtherType` at `kind_at` of a header of `header_len` bytes.
fn cooked(frame: &[u8], kind_at: usize, header_len: usize) -> Result<Option<&[u8]>, ParseError> {
    const WHAT: &str = "Linux cooked header";
    let mut reader = Reader::new(frame);
    reader.skip(WHAT, kind_at)?;
    let kind = EtherType(reader.u16_be(WHAT)?);
    reader.skip(WHAT, header_len - kind_at - 2)?;
    tagged(kind, reader.rest())
}

fn cut(what: &'static str, bytes: &[u8], needed: u64) -> ParseError {
    let left = bytes.len() as u64;
    ParseError {
        what,
        at: 0,
        kind: ErrorKind::Truncated { needed, left },
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    const IP: [u8; 3] = [0x45, 1, 2];

    fn after(link_type: u32, header: &[u8]) -> Option<Vec<u8>> {
        let frame = [header, &IP].concat();
        ip_bytes(link_type, &frame).unwrap().map(<[u8]>::to_vec)
    }

    #[test]
    fn each_link_layer_gives_up_its_ip_packet() {
        let ip = Some(IP.to_vec());
        let addresses = [0_u8; 12];
        let ethernet = |rest: &[u8]| after(1, &[&addresses[..], rest].concat());
        assert_eq!(ethernet(&[0x08, 0x00]), ip);
        assert_eq!(ethernet(&[0x81, 0x00, 0, 5, 0x86, 0xdd]), ip);
        assert_eq!(
            ethernet(&[0x88, 0xa8, 0, 5, 0x81, 0x00, 0, 6, 0x08, 0x00]),
            ip
        );
        assert_eq!(ethernet(&[0x88, 0x64, 0x11, 0, 0, 1, 0, 5, 0x00, 0x21]), ip);
        assert_eq!(ethernet(&[0x08, 0x06]), None);
        assert_eq!(after(101, &[]), ip);
        assert_eq!(after(0, &[2, 0, 0, 0]), ip);
        assert_eq!(after(0, &[0, 0, 0, 30]), ip);
        assert_eq!(after(108, &[0, 0, 0, 2]), ip);
        assert_eq!(
            after(113, &[0, 0, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0, 0x08, 0x00]),
            ip
        );
        assert_eq!(
            after(
                276,
                &[
                    0x08, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0
                ]
            ),
            ip
        );
    }

    #[test]
    fn an_unknown_link_type_is_named() {
        let error = ip_bytes(105, &[0; 40]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "frame at byte 0: not supported: link type 105 (802.11)"
        );
    }

    #[test]
    fn a_cut_link_header_says_how_much_is_missing() {
        let error = ip_bytes(1, &[0; 10]).unwrap_err();
        assert_eq!(
            error.kind,
            ErrorKind::Truncated {
                needed: 14,
                left: 10
            }
        );
        let error = ip_bytes(113, &[0; 15]).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Truncated { needed: 2, left: 1 });
    }

    #[test]
    fn tags_without_end_are_not_followed() {
        let mut frame = vec![0; 12];
        frame.extend([0x81, 0x00, 0, 1].repeat(9));
        assert_eq!(ip_bytes(1, &frame), Ok(None));
    }
}
