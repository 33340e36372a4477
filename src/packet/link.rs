//! What lies around the IP packet in a frame.

use etherparse::{EtherType, Ethernet2Slice, SingleVlanSlice, ether_type};

use crate::bytes::{ErrorKind, ParseError, Reader};

use super::wireless::{
    LINKTYPE_AVS, LINKTYPE_IEEE802_11, LINKTYPE_PRISM, LINKTYPE_RADIOTAP, wireless,
};

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
        LINKTYPE_PPP | LINKTYPE_PPP_HDLC => ppp(frame),
        LINKTYPE_PPP_ETHER => pppoe(frame),
        LINKTYPE_C_HDLC => cisco_hdlc(frame),
        LINKTYPE_IEEE802_11 | LINKTYPE_PRISM | LINKTYPE_RADIOTAP | LINKTYPE_AVS => {
            wireless(link_type, frame)
        }
        LINKTYPE_PPI => nested(frame, Nested::Ppi),
        LINKTYPE_PKTAP => nested(frame, Nested::PacketTap),
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
const LINKTYPE_PPP: u32 = 9;
const LINKTYPE_PPP_HDLC: u32 = 50;
const LINKTYPE_PPP_ETHER: u32 = 51;
const LINKTYPE_C_HDLC: u32 = 104;
const LINKTYPE_PPI: u32 = 192;
const LINKTYPE_PKTAP: u32 = 258;
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
        LINKTYPE_PPP | LINKTYPE_PPP_HDLC => "PPP",
        10 => "FDDI",
        12 | 14 | LINKTYPE_RAW => "raw IP",
        LINKTYPE_PPP_ETHER => "PPPoE",
        100 => "ATM",
        LINKTYPE_C_HDLC => "Cisco HDLC",
        LINKTYPE_IEEE802_11 => "802.11",
        107 => "frame relay",
        LINKTYPE_LOOP => "OpenBSD loopback",
        LINKTYPE_LINUX_SLL => "Linux cooked",
        117 => "OpenBSD pflog",
        LINKTYPE_PRISM => "802.11 with Prism header",
        122 => "IP over Fibre Channel",
        LINKTYPE_RADIOTAP => "802.11 with radiotap header",
        138 => "IP over IEEE 1394",
        143 => "DOCSIS",
        149 | 150 => "user-defined",
        LINKTYPE_AVS => "802.11 with AVS header",
        187 | 201 => "Bluetooth HCI",
        189 | 220 => "Linux USB",
        LINKTYPE_PPI => "PPI",
        195 | 215 | 230 => "802.15.4",
        LINKTYPE_IPV4 => "raw IPv4",
        LINKTYPE_IPV6 => "raw IPv6",
        239 => "Linux netfilter log",
        249 => "Windows USB",
        251 | 256 => "Bluetooth Low Energy",
        252 => "Wireshark upper-layer PDUs",
        253 => "Linux netlink",
        LINKTYPE_PKTAP => "Apple packet tap",
        274 => "Ethernet with preamble",
        LINKTYPE_LINUX_SLL2 => "Linux cooked, version 2",
        _ => "no name known here",
    }
}

/// The IPv4 packet in an Ethernet II frame without tags.
#[inline]
pub(super) fn plain_ipv4(link_type: u32, frame: &[u8]) -> Option<&[u8]> {
    if link_type != LINKTYPE_ETHERNET {
        return None;
    }
    let ethernet = Ethernet2Slice::from_slice_without_fcs(frame).ok()?;
    (ethernet.ether_type() == ether_type::IPV4).then(|| ethernet.payload_slice())
}

/// Ethernet II: two addresses, then the type of what follows.
/// A type below 1536 is a length (IEEE 802.3), and LLC/SNAP may follow.
pub(super) fn ethernet(frame: &[u8]) -> Result<Option<&[u8]>, ParseError> {
    let Ok(ethernet) = Ethernet2Slice::from_slice_without_fcs(frame) else {
        return Err(cut("Ethernet header", frame, 14));
    };
    let (kind, payload) = (ethernet.ether_type(), ethernet.payload_slice());
    match llc_snap(payload) {
        Some((kind, payload)) if ethernet.ether_type().0 < 1536 => tagged(EtherType(kind), payload),
        _ => tagged(kind, payload),
    }
}

/// LLC with a SNAP header: aa aa 03, an organization, the `EtherType` and what
/// it announces. Spec: RFC 1042.
pub(super) fn llc_snap(bytes: &[u8]) -> Option<(u16, &[u8])> {
    match bytes {
        [0xaa, 0xaa, 0x03, 0, 0, 0 | 0xf8, high, low, payload @ ..] => {
            Some((u16::from_be_bytes([*high, *low]), payload))
        }
        _ => None,
    }
}

/// Tags nested deeper than this are no real network's.
const MAX_TAGS: usize = 4;

/// Strips VLAN tags, MPLS labels and a `PPPoE` session header.
pub(super) fn tagged(mut kind: EtherType, mut payload: &[u8]) -> Result<Option<&[u8]>, ParseError> {
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
            MPLS_UNICAST | MPLS_MULTICAST => return mpls(payload),
            _ => return Ok(None),
        }
    }
    Ok(None)
}

const PPPOE_SESSION: EtherType = EtherType(0x8864);
const MPLS_UNICAST: EtherType = EtherType(0x8847);
const MPLS_MULTICAST: EtherType = EtherType(0x8848);

/// MPLS: labels of 4 bytes up to the one whose bottom-of-stack bit is set,
/// then, as nothing says what, a packet told by its version, or an Ethernet
/// frame behind a control word (four bits 0). Spec: RFC 3032 §2.1, RFC 4385.
fn mpls(mut payload: &[u8]) -> Result<Option<&[u8]>, ParseError> {
    for _ in 0..MAX_LABELS {
        let Some((label, rest)) = payload.split_first_chunk::<4>() else {
            return Err(cut("MPLS label", payload, 4));
        };
        payload = rest;
        if label[2] & 1 == 0 {
            continue;
        }
        return match payload.first().map(|byte| byte >> 4) {
            Some(4 | 6) => Ok(Some(payload)),
            // At most one more such frame: what lies inside counts its own tags.
            Some(0) => Ok(payload.get(4..).and_then(plain_ethernet)),
            _ => Ok(None),
        };
    }
    Ok(None)
}

/// More labels than any network stacks.
const MAX_LABELS: usize = 16;

/// The IP packet right behind an Ethernet header.
fn plain_ethernet(frame: &[u8]) -> Option<&[u8]> {
    match frame.get(12..)? {
        [0x08, 0x00, packet @ ..] | [0x86, 0xdd, packet @ ..] => Some(packet),
        _ => None,
    }
}

/// PPP: address and control (ff 03) unless left out, then the protocol number
/// in one byte (odd) or two. The other addresses are those of Cisco HDLC.
///
/// Spec: RFC 1661 §2, RFC 1662 §3.1, RFC 1547 §4.3.1.
fn ppp(frame: &[u8]) -> Result<Option<&[u8]>, ParseError> {
    let frame = match frame {
        [0xff, 0x03, rest @ ..] => rest,
        [0x0f | 0x8f, 0x00, ..] => return cisco_hdlc(frame),
        _ => frame,
    };
    match frame {
        [0x21 | 0x57, packet @ ..] | [0x00, 0x21 | 0x57, packet @ ..] => Ok(Some(packet)),
        [] | [0x00] => Err(cut("PPP header", frame, 2)),
        _ => Ok(None),
    }
}

/// Cisco HDLC: address, control, `EtherType`.
fn cisco_hdlc(frame: &[u8]) -> Result<Option<&[u8]>, ParseError> {
    const WHAT: &str = "Cisco HDLC header";
    let mut reader = Reader::new(frame);
    reader.skip(WHAT, 2)?;
    let kind = EtherType(reader.u16_be(WHAT)?);
    tagged(kind, reader.rest())
}

/// A header that names the link type of what follows it.
#[derive(Clone, Copy)]
enum Nested {
    /// Per-Packet Information: version, flags, length u16 le, DLT u32 le.
    Ppi,
    /// Apple: length u32 le, next header u32 le, DLT u32 le.
    PacketTap,
}

fn nested(frame: &[u8], which: Nested) -> Result<Option<&[u8]>, ParseError> {
    const WHAT: &str = "capture header";
    let mut reader = Reader::new(frame);
    let (length, link_type) = match which {
        Nested::Ppi => {
            let [_, _, low, high] = reader.array::<4>(WHAT)?;
            let length = usize::from(u16::from_le_bytes([low, high]));
            (length, u32::from_le_bytes(reader.array::<4>(WHAT)?))
        }
        Nested::PacketTap => {
            let length = u32::from_le_bytes(reader.array::<4>(WHAT)?) as usize;
            reader.skip(WHAT, 4)?;
            (length, u32::from_le_bytes(reader.array::<4>(WHAT)?))
        }
    };
    let mut reader = Reader::new(frame);
    reader.skip(WHAT, length)?;
    if matches!(link_type, LINKTYPE_PPI | LINKTYPE_PKTAP) {
        return Ok(None);
    }
    ip_bytes(link_type, reader.rest())
}

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
        let error = ip_bytes(253, &[0; 40]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "frame at byte 0: not supported: link type 253 (Linux netlink)"
        );
    }

    #[test]
    fn lines_of_providers_give_up_their_ip_packet() {
        let ip = Some(IP.to_vec());
        assert_eq!(after(9, &[0xff, 0x03, 0x00, 0x21]), ip);
        assert_eq!(after(9, &[0x00, 0x57]), ip);
        assert_eq!(after(50, &[0xff, 0x03, 0x21]), ip);
        assert_eq!(after(50, &[0x0f, 0x00, 0x08, 0x00]), ip);
        assert_eq!(after(50, &[0xff, 0x03, 0xc0, 0x21]), None);
        assert_eq!(after(51, &[0x11, 0, 0, 1, 0, 5, 0x00, 0x21]), ip);
        assert_eq!(after(104, &[0x0f, 0x00, 0x86, 0xdd]), ip);
        let mpls = [&[0; 12][..], &[0x88, 0x47, 0, 1, 0, 64, 0, 2, 1, 64]].concat();
        assert_eq!(after(1, &mpls), ip);
        let pseudo_wire = [&mpls[..], &[0; 4], &[0; 12], &[0x08, 0x00]].concat();
        assert_eq!(after(1, &pseudo_wire), ip);
        let snap = [&[0; 12][..], &[0, 46, 0xaa, 0xaa, 3, 0, 0, 0, 0x08, 0x00]].concat();
        assert_eq!(after(1, &snap), ip);
    }

    #[test]
    fn headers_that_name_a_link_type_are_followed_once() {
        let ip = Some(IP.to_vec());
        assert_eq!(after(192, &[0, 0, 8, 0, 101, 0, 0, 0]), ip);
        let mut tap = vec![12, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0];
        tap.extend([0; 12]);
        tap.extend([0x08, 0x00]);
        assert_eq!(after(258, &tap), ip);
        assert_eq!(after(192, &[0, 0, 8, 0, 192, 0, 0, 0]), None);
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
