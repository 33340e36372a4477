//! TCP, UDP and the ICMP messages that report a failed delivery.

use std::net::IpAddr;

use etherparse::{LaxIpSlice, TcpOptionElement, TcpSlice, UdpSlice};

use crate::bytes::{ErrorKind, ParseError, Reader};

use super::{Datagram, Segment, TcpFlags, Transport, Unreachable};

/// Reads what an IP packet carries, by its protocol number; also for the bytes
/// put together from fragments. `missing` counts bytes that were on the wire
/// behind `payload`.
///
/// # Errors
///
/// `Truncated` when the payload ends inside the fixed header; `Malformed` when
/// a TCP header says it is shorter than its fixed part.
pub fn transport(
    protocol: u8,
    payload: &[u8],
    missing: usize,
) -> Result<Transport<'_>, ParseError> {
    match protocol {
        TCP => segment(payload, missing).map(Transport::Tcp),
        UDP => datagram(payload).map(Transport::Udp),
        ICMP => unreachable(payload, false),
        ICMPV6 => unreachable(payload, true),
        other => Ok(Transport::Other(other)),
    }
}

const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMPV6: u8 = 58;

const TCP_HEADER_LEN: usize = 20;
const UDP_HEADER_LEN: usize = 8;

/// Reads a TCP segment. When the snaplen cut the options, the fixed header is
/// read without them. Spec: RFC 9293 §3.1.
fn segment(bytes: &[u8], missing: usize) -> Result<Segment<'_>, ParseError> {
    const WHAT: &str = "TCP header";
    let Some(fixed) = bytes.first_chunk::<TCP_HEADER_LEN>() else {
        return Err(cut(WHAT, bytes, TCP_HEADER_LEN));
    };
    let header_len = usize::from(fixed[12] >> 4) * 4;
    if header_len < TCP_HEADER_LEN {
        let kind = ErrorKind::Malformed(format!("data offset of {header_len} bytes"));
        return Err(ParseError {
            what: WHAT,
            at: 12,
            kind,
        });
    }
    let Ok(tcp) = TcpSlice::from_slice(bytes) else {
        // The options are cut: the same header without them can be read.
        let mut without_options = *fixed;
        without_options[12] = 0x50;
        let Ok(tcp) = TcpSlice::from_slice(&without_options) else {
            return Err(cut(WHAT, bytes, header_len));
        };
        let cut_options = header_len - bytes.len();
        return Ok(from_slice(&tcp, &[], missing.saturating_sub(cut_options)));
    };
    Ok(from_slice(&tcp, tcp.payload(), missing))
}

/// Reads a TCP segment that is not cut.
#[inline]
pub(super) fn whole_segment(bytes: &[u8]) -> Option<Segment<'_>> {
    let tcp = TcpSlice::from_slice(bytes).ok()?;
    Some(from_slice(&tcp, tcp.payload(), 0))
}

#[inline]
fn from_slice<'a>(tcp: &TcpSlice<'_>, payload: &'a [u8], missing: usize) -> Segment<'a> {
    let flags = TcpFlags {
        syn: tcp.syn(),
        ack: tcp.ack(),
        fin: tcp.fin(),
        rst: tcp.rst(),
    };
    Segment {
        source_port: tcp.source_port(),
        destination_port: tcp.destination_port(),
        sequence: tcp.sequence_number(),
        acknowledgment: tcp.acknowledgment_number(),
        flags,
        payload,
        missing: u32::try_from(missing).unwrap_or(u32::MAX),
        maximum_segment_size: if flags.syn {
            maximum_segment_size(tcp)
        } else {
            None
        },
    }
}

fn maximum_segment_size(tcp: &TcpSlice<'_>) -> Option<u16> {
    tcp.options_iterator()
        .map_while(Result::ok)
        .find_map(|option| match option {
            TcpOptionElement::MaximumSegmentSize(size) => Some(size),
            _ => None,
        })
}

/// Reads a UDP datagram; its length field tells a cut one. A length of 0, as
/// offload leaves it, or one below the header means all there is. Spec: RFC 768.
fn datagram(bytes: &[u8]) -> Result<Datagram<'_>, ParseError> {
    let Ok(udp) = UdpSlice::from_slice_lax(bytes) else {
        return Err(cut("UDP header", bytes, UDP_HEADER_LEN));
    };
    Ok(Datagram {
        source_port: udp.source_port(),
        destination_port: udp.destination_port(),
        payload: udp.payload(),
        cut: usize::from(udp.length()) > bytes.len(),
    })
}

/// Reads an ICMP or ICMPv6 error: type, code, checksum, four bytes that may
/// hold an MTU, then the start of the packet that failed.
///
/// Spec: RFC 792, RFC 1191 §4 (MTU in the low 16 bits), RFC 4443 §3.
fn unreachable(bytes: &[u8], v6: bool) -> Result<Transport<'_>, ParseError> {
    const WHAT: &str = "ICMP header";
    let other = Transport::Other(if v6 { ICMPV6 } else { ICMP });
    let mut reader = Reader::new(bytes);
    let (icmp_type, code) = (reader.u8(WHAT)?, reader.u8(WHAT)?);
    let is_error = if v6 {
        matches!(icmp_type, 1..=3)
    } else {
        matches!(icmp_type, 3 | 11)
    };
    if !is_error {
        return Ok(other);
    }
    reader.skip(WHAT, 2)?;
    let rest = reader.u32_be(WHAT)?;
    let mtu = match (v6, icmp_type, code) {
        (false, 3, 4) => rest & 0xffff,
        (true, 2, _) => rest,
        _ => 0,
    };
    let Ok((quoted, _)) = LaxIpSlice::from_slice(reader.rest()) else {
        return Ok(other);
    };
    let carried = quoted.payload();
    let first = fragment_offset_is_zero(&quoted);
    let mut inner = Reader::new(if first { carried.payload } else { &[] });
    let has_ports = matches!(carried.ip_number.0, TCP | UDP);
    let mut port = || {
        if has_ports {
            inner.u16_be(WHAT).ok()
        } else {
            None
        }
    };
    let (source_port, destination_port) = (port(), port());
    let is_tcp = carried.ip_number.0 == TCP;
    let sequence = if is_tcp {
        inner.u32_be(WHAT).ok()
    } else {
        None
    };
    let (source, destination): (IpAddr, IpAddr) = (quoted.source_addr(), quoted.destination_addr());
    Ok(Transport::Unreachable(Unreachable {
        icmp_type,
        code,
        v6,
        source,
        destination,
        protocol: carried.ip_number.0,
        source_port,
        destination_port,
        sequence,
        mtu: (mtu != 0).then_some(mtu),
    }))
}

fn fragment_offset_is_zero(quoted: &LaxIpSlice<'_>) -> bool {
    match quoted {
        LaxIpSlice::Ipv4(v4) => v4.header().fragments_offset().value() == 0,
        // A later fragment of IPv6 is so rare that its quote is not read.
        LaxIpSlice::Ipv6(v6) => !v6.is_payload_fragmented(),
    }
}

fn cut(what: &'static str, bytes: &[u8], needed: usize) -> ParseError {
    let (needed, left) = (needed as u64, bytes.len() as u64);
    ParseError {
        what,
        at: 0,
        kind: ErrorKind::Truncated { needed, left },
    }
}
