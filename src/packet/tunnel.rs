//! IP packets inside IP packets. What a tunnel carries is what matters: the
//! innermost packet is the one given on.

use crate::bytes::Reader;

use super::ip::ip_packet;
use super::{Datagram, Packet, link};

/// Tunnels nested deeper than this are no real network's.
pub(super) const MAX_TUNNELS: usize = 4;

/// The packet that an IP packet of this protocol carries. `missing` bytes were
/// on the wire behind `payload`; `None` when it is no tunnel, or what it
/// carries cannot be read.
///
/// Read are IP in IP (4, RFC 2003), IPv6 in IPv4 (41, RFC 4213; 6to4 is the
/// same) and GRE (47).
pub(super) fn inside_ip(
    protocol: u8,
    payload: &[u8],
    missing: usize,
    depth: usize,
) -> Option<Packet<'_>> {
    match protocol {
        4 | 41 => inner(payload, missing, depth),
        47 => gre(payload, missing, depth),
        _ => None,
    }
}

/// The packet that a UDP datagram carries, told by its port and, as a port
/// proves nothing, by a header that can only be this one.
///
/// Read are VXLAN (4789, 8472; RFC 7348 §5), GENEVE (6081; RFC 8926 §3.4) and
/// Teredo (3544; RFC 4380 §5.1.1).
pub(super) fn inside_udp<'a>(
    datagram: &Datagram<'a>,
    missing: usize,
    depth: usize,
) -> Option<Packet<'a>> {
    let payload = datagram.payload;
    match (datagram.source_port, datagram.destination_port) {
        (_, 4789 | 8472) => {
            let (head, frame) = payload.split_first_chunk::<8>()?;
            let is_vxlan = head[0] & 0x08 != 0 && head[0] & 0x37 == 0 && head[7] == 0;
            is_vxlan.then(|| ethernet(frame, missing, depth))?
        }
        (_, 6081) => {
            let (head, rest) = payload.split_first_chunk::<8>()?;
            let options_len = usize::from(head[0] & 0x3f) * 4;
            let is_geneve = head[0] >> 6 == 0 && head[1] & 0x3f == 0 && head[7] == 0;
            let frame = rest.get(options_len..)?;
            let kind = u16::from_be_bytes([head[2], head[3]]);
            is_geneve.then(|| by_type(kind, frame, missing, depth))?
        }
        (3544, _) | (_, 3544) => teredo(payload, missing, depth),
        _ => None,
    }
}

/// GRE: flags, type of what follows, then checksum, key and sequence number as
/// the flags say. ERSPAN II and III are mirrored Ethernet frames with a header
/// of 8 and 12 bytes (20 with the platform part).
///
/// Spec: RFC 2784 §2.1, RFC 2890 §2; ERSPAN: draft-foschiano-erspan §4.
fn gre(payload: &[u8], missing: usize, depth: usize) -> Option<Packet<'_>> {
    const WHAT: &str = "GRE header";
    let mut reader = Reader::new(payload);
    let flags = reader.u16_be(WHAT).ok()?;
    let kind = reader.u16_be(WHAT).ok()?;
    let is_routed_or_newer = flags & 0x4007 != 0;
    if is_routed_or_newer {
        return None;
    }
    for flag in [0x8000, 0x2000, 0x1000] {
        if flags & flag != 0 {
            reader.skip(WHAT, 4).ok()?;
        }
    }
    let has_sequence = flags & 0x1000 != 0;
    let frame = reader.rest();
    match kind {
        ERSPAN_II if has_sequence => ethernet(frame.get(8..)?, missing, depth),
        ERSPAN_II => ethernet(frame, missing, depth),
        ERSPAN_III => {
            let has_platform_part = frame.get(11)? & 1 != 0;
            let header_len = if has_platform_part { 20 } else { 12 };
            ethernet(frame.get(header_len..)?, missing, depth)
        }
        kind => by_type(kind, frame, missing, depth),
    }
}

const ERSPAN_II: u16 = 0x88be;
const ERSPAN_III: u16 = 0x22eb;
const TRANSPARENT_ETHERNET: u16 = 0x6558;

/// Teredo: an IPv6 packet, with an authentication and an origin indication
/// before it at will.
fn teredo(payload: &[u8], missing: usize, depth: usize) -> Option<Packet<'_>> {
    let mut rest = payload;
    if let [0, 1, client_len, auth_len, ..] = rest {
        rest = rest.get(4 + usize::from(*client_len) + usize::from(*auth_len) + 9..)?;
    }
    if let [0, 0, ..] = rest {
        rest = rest.get(8..)?;
    }
    let is_v6 = rest.first()? >> 4 == 6;
    is_v6.then(|| inner(rest, missing, depth))?
}

fn by_type(kind: u16, frame: &[u8], missing: usize, depth: usize) -> Option<Packet<'_>> {
    match kind {
        0x0800 | 0x86dd => inner(frame, missing, depth),
        TRANSPARENT_ETHERNET => ethernet(frame, missing, depth),
        _ => None,
    }
}

fn ethernet(frame: &[u8], missing: usize, depth: usize) -> Option<Packet<'_>> {
    inner(link::ethernet(frame).ok()??, missing, depth)
}

/// Reads a packet at the end of what a tunnel carries.
fn inner(packet: &[u8], missing: usize, depth: usize) -> Option<Packet<'_>> {
    if depth >= MAX_TUNNELS {
        return None;
    }
    ip_packet(packet, packet.len() + missing, depth + 1).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::super::{Packet, Transport, packet};

    const SEGMENT: [u8; 22] = [
        0xc3, 0x50, 0, 80, 0, 0, 0, 7, 0, 0, 0, 9, 0x50, 0x18, 0xff, 0xff, 0, 0, 0, 0, b'h', b'i',
    ];

    fn v4(protocol: u8, last: u8, payload: &[u8]) -> Vec<u8> {
        let length = (20 + payload.len()) as u16;
        let [high, low] = length.to_be_bytes();
        let head = [
            0x45,
            0,
            high,
            low,
            0,
            9,
            0,
            0,
            64,
            protocol,
            0,
            0,
            10,
            0,
            0,
            last,
            10,
            0,
            0,
            last + 1,
        ];
        [&head[..], payload].concat()
    }

    fn v6(next: u8, payload: &[u8]) -> Vec<u8> {
        let [high, low] = (payload.len() as u16).to_be_bytes();
        let mut bytes = vec![0x60, 0, 0, 0, high, low, next, 55];
        bytes.extend([0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1].repeat(2));
        bytes.extend_from_slice(payload);
        bytes
    }

    fn udp(port: u16, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x12, 0x34];
        bytes.extend(port.to_be_bytes());
        bytes.extend((8 + payload.len() as u16).to_be_bytes());
        bytes.extend([0, 0]);
        bytes.extend_from_slice(payload);
        bytes
    }

    fn ethernet(ip: &[u8]) -> Vec<u8> {
        [&[0; 12][..], &[8, 0], ip].concat()
    }

    fn read(bytes: &[u8]) -> Packet<'_> {
        packet(101, bytes, bytes.len() as u32).unwrap().unwrap()
    }

    fn carries_the_segment(outer: &[u8]) {
        let packet = read(outer);
        let Transport::Tcp(segment) = packet.transport else {
            panic!("{packet:?}")
        };
        assert_eq!((segment.payload, segment.missing), (&b"hi"[..], 0));
        assert!(packet.source.is_ipv6() || packet.source.to_string() == "10.0.0.7");
    }

    #[test]
    fn the_innermost_packet_is_given() {
        let inner = v4(6, 7, &SEGMENT);
        carries_the_segment(&v4(4, 1, &inner));
        carries_the_segment(&v4(41, 1, &v6(6, &SEGMENT)));
        carries_the_segment(&v4(47, 1, &[&[0, 0, 8, 0][..], &inner].concat()));
        carries_the_segment(&v4(
            47,
            1,
            &[&[0x30, 0, 8, 0][..], &[9; 8], &inner].concat(),
        ));
        carries_the_segment(&v4(
            47,
            1,
            &[&[0, 0, 0x65, 0x58][..], &ethernet(&inner)].concat(),
        ));
        let erspan2 = [
            &[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1][..],
            &[0x10; 8],
            &ethernet(&inner),
        ]
        .concat();
        carries_the_segment(&v4(47, 1, &erspan2));
        let erspan3 = [
            &[0x10, 0, 0x22, 0xeb, 0, 0, 0, 1][..],
            &[0x20; 12],
            &ethernet(&inner),
        ]
        .concat();
        carries_the_segment(&v4(47, 1, &erspan3));
        let vxlan = [&[8, 0, 0, 0, 0, 0, 5, 0][..], &ethernet(&inner)].concat();
        carries_the_segment(&v4(17, 1, &udp(4789, &vxlan)));
        let geneve = [
            &[1, 0, 0x65, 0x58, 0, 0, 5, 0][..],
            &[0; 4],
            &ethernet(&inner),
        ]
        .concat();
        carries_the_segment(&v4(17, 1, &udp(6081, &geneve)));
        let teredo = [&[0, 0, 1, 2, 3, 4, 5, 6][..], &v6(6, &SEGMENT)].concat();
        carries_the_segment(&v4(17, 1, &udp(3544, &teredo)));
    }

    #[test]
    fn what_only_uses_the_port_stays_a_datagram() {
        for port in [4789, 6081, 3544] {
            let bytes = v4(17, 1, &udp(port, b"not a tunnel at all"));
            assert!(matches!(read(&bytes).transport, Transport::Udp(_)));
        }
    }

    #[test]
    fn tunnels_without_end_are_not_followed() {
        let mut bytes = v4(6, 7, &SEGMENT);
        for _ in 0..9 {
            bytes = v4(4, 1, &bytes);
        }
        assert_eq!(read(&bytes).transport, Transport::Other(4));
    }

    #[test]
    fn bytes_cut_inside_a_tunnel_are_counted() {
        let whole = v4(47, 1, &[&[0, 0, 8, 0][..], &v4(6, 7, &SEGMENT)].concat());
        let packet = packet(101, &whole[..whole.len() - 1], whole.len() as u32);
        let Transport::Tcp(segment) = packet.unwrap().unwrap().transport else {
            panic!()
        };
        assert_eq!((segment.payload, segment.missing), (&b"h"[..], 1));
    }

    #[test]
    fn cut_and_flipped_tunnels_never_panic() {
        let vxlan = [
            &[8, 0, 0, 0, 0, 0, 5, 0][..],
            &ethernet(&v4(6, 7, &SEGMENT)),
        ]
        .concat();
        let whole = v4(17, 1, &udp(4789, &vxlan));
        for end in 0..whole.len() {
            let _ = packet(101, &whole[..end], whole.len() as u32);
            for bit in 0..8 {
                let mut flipped = whole.clone();
                flipped[end] ^= 1 << bit;
                let _ = packet(101, &flipped, whole.len() as u32);
            }
        }
    }
}
