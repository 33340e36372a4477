//! The IP header: addresses, how long the packet was on the wire, fragments.

use std::net::IpAddr;

use etherparse::err::ip::LaxHeaderSliceError;
use etherparse::{
    Ipv4HeaderSlice, Ipv6ExtensionSlice, LaxIpSlice, LaxIpv4Slice, LaxIpv6Slice, ip_number,
};

use crate::bytes::{ErrorKind, ParseError};

use super::transport::{transport, whole_segment};
use super::{Fragment, Packet, Transport, tunnel};

/// Reads an IPv4 or IPv6 packet with its extension headers. `wire_len` is how
/// many bytes of it (with padding) were on the wire.
///
/// The length field is believed when it covers the header and no more than
/// was on the wire; otherwise the wire length counts.
///
/// `depth` tells how many tunnels lie around it; inside it they are followed.
///
/// Spec: RFC 791 §3.1, RFC 8200 §3 and §4.
pub(super) fn ip_packet(
    bytes: &[u8],
    wire_len: usize,
    depth: usize,
) -> Result<Packet<'_>, ParseError> {
    match plain_tcp(bytes, wire_len) {
        Some(packet) => Ok(packet),
        None => any_packet(bytes, wire_len, depth),
    }
}

fn any_packet(bytes: &[u8], wire_len: usize, depth: usize) -> Result<Packet<'_>, ParseError> {
    let (ip, stopped) = LaxIpSlice::from_slice(bytes).map_err(|error| ip_error(bytes, &error))?;
    let header_len = match &ip {
        LaxIpSlice::Ipv4(v4) => v4.header().slice().len() + auth_len(v4),
        LaxIpSlice::Ipv6(v6) => V6_HEADER_LEN + v6.extensions().slice().len(),
    };
    let stated = match &ip {
        LaxIpSlice::Ipv4(v4) => usize::from(v4.header().total_len()),
        LaxIpSlice::Ipv6(v6) => match v6.header().payload_length() {
            0 => 0,
            length => V6_HEADER_LEN + usize::from(length),
        },
    };
    let packet_len = if stated < header_len {
        wire_len
    } else {
        stated.min(wire_len)
    };
    let payload = ip.payload();
    let on_wire = packet_len.saturating_sub(header_len);
    let missing = on_wire.saturating_sub(payload.payload.len());
    let fragment = match &ip {
        LaxIpSlice::Ipv4(v4) => v4_fragment(v4, payload.payload, missing),
        LaxIpSlice::Ipv6(v6) => v6_fragment(v6, bytes, packet_len),
    };
    let protocol = payload.ip_number.0;
    let transport = match fragment {
        Some(fragment) => Transport::Fragment(fragment),
        None if stopped.is_some() => Transport::Other(protocol),
        None => {
            if let Some(inner) = tunnel::inside_ip(protocol, payload.payload, missing, depth) {
                return Ok(inner);
            }
            let read = transport(protocol, payload.payload, missing)
                .map_err(|error| error.shifted(header_len as u64))?;
            if let Transport::Udp(datagram) = &read
                && let Some(inner) = tunnel::inside_udp(datagram, missing, depth)
            {
                return Ok(inner);
            }
            read
        }
    };
    let (source, destination, ttl) = match &ip {
        LaxIpSlice::Ipv4(v4) => {
            let header = v4.header();
            (
                header.source_addr().into(),
                header.destination_addr().into(),
                header.ttl(),
            )
        }
        LaxIpSlice::Ipv6(v6) => {
            let header = v6.header();
            let ends: (IpAddr, IpAddr) = (
                header.source_addr().into(),
                header.destination_addr().into(),
            );
            (ends.0, ends.1, header.hop_limit())
        }
    };
    Ok(Packet {
        source,
        destination,
        ttl,
        transport,
    })
}

/// Reads an IPv4 packet with TCP that is neither cut nor a fragment: nearly all of
/// most captures. It gives what [`any_packet`] gives, in a third of its time.
// Done for nearly every frame; through memory its result costs as much again.
#[inline(always)]
pub(super) fn plain_tcp(bytes: &[u8], wire_len: usize) -> Option<Packet<'_>> {
    let header = Ipv4HeaderSlice::from_slice(bytes).ok()?;
    let packet_len = usize::from(header.total_len());
    let is_tcp = header.protocol() == ip_number::TCP;
    if !is_tcp || header.is_fragmenting_payload() || packet_len > wire_len {
        return None;
    }
    let payload = bytes.get(header.slice().len()..packet_len)?;
    Some(Packet {
        source: header.source_addr().into(),
        destination: header.destination_addr().into(),
        ttl: header.ttl(),
        transport: Transport::Tcp(whole_segment(payload)?),
    })
}

const V6_HEADER_LEN: usize = 40;

fn auth_len(v4: &LaxIpv4Slice<'_>) -> usize {
    v4.extensions().auth.map_or(0, |auth| auth.slice().len())
}

fn v4_fragment<'a>(
    v4: &LaxIpv4Slice<'a>,
    payload: &'a [u8],
    missing: usize,
) -> Option<Fragment<'a>> {
    let header = v4.header();
    header.is_fragmenting_payload().then(|| Fragment {
        identification: header.identification().into(),
        protocol: v4.payload_ip_number().0,
        offset: u32::from(header.fragments_offset().value()) * 8,
        more: header.more_fragments(),
        payload,
        missing: missing as u32,
    })
}

/// The bytes right behind the fragment header: in all but the first fragment
/// what follows is data, however much it may look like further headers.
fn v6_fragment<'a>(
    v6: &LaxIpv6Slice<'_>,
    bytes: &'a [u8],
    packet_len: usize,
) -> Option<Fragment<'a>> {
    if !v6.is_payload_fragmented() {
        return None;
    }
    let mut start = V6_HEADER_LEN;
    for extension in v6.extensions().clone() {
        start += match &extension {
            Ipv6ExtensionSlice::HopByHop(header)
            | Ipv6ExtensionSlice::Routing(header)
            | Ipv6ExtensionSlice::DestinationOptions(header) => header.slice().len(),
            Ipv6ExtensionSlice::Authentication(header) => header.slice().len(),
            Ipv6ExtensionSlice::Fragment(header) => header.slice().len(),
        };
        if let Ipv6ExtensionSlice::Fragment(header) = extension
            && header.is_fragmenting_payload()
        {
            let end = packet_len.min(bytes.len());
            return Some(Fragment {
                identification: header.identification(),
                protocol: header.next_header().0,
                offset: u32::from(header.fragment_offset().value()) * 8,
                more: header.more_fragments(),
                payload: bytes.get(start..end).unwrap_or_default(),
                missing: packet_len.saturating_sub(bytes.len().max(start)) as u32,
            });
        }
    }
    None
}

fn ip_error(bytes: &[u8], error: &LaxHeaderSliceError) -> ParseError {
    let kind = match error {
        LaxHeaderSliceError::Len(error) => ErrorKind::Truncated {
            needed: error.required_len as u64,
            left: bytes.len() as u64,
        },
        LaxHeaderSliceError::Content(error) => ErrorKind::Malformed(error.to_string()),
    };
    ParseError {
        what: "IP header",
        at: 0,
        kind,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::super::packet;
    use super::*;

    /// An IPv4 packet of 10.0.0.1 to 10.0.0.2 with the given total length.
    fn v4(total_len: u16, flags_and_offset: u16, protocol: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x45, 0];
        bytes.extend(total_len.to_be_bytes());
        bytes.extend([0, 9]);
        bytes.extend(flags_and_offset.to_be_bytes());
        bytes.extend([64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
        bytes.extend_from_slice(payload);
        bytes
    }

    fn v6(next: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x60, 0, 0, 0];
        bytes.extend((payload.len() as u16).to_be_bytes());
        bytes.extend([next, 55]);
        bytes.extend([[0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]; 2].concat());
        bytes.extend_from_slice(payload);
        bytes
    }

    const TCP: [u8; 20] = [
        0xc3, 0x50, 0, 80, 0, 0, 0, 7, 0, 0, 0, 9, 0x50, 0x18, 0xff, 0xff, 0, 0, 0, 0,
    ];

    fn segment(bytes: &[u8], wire_len: u32) -> (Vec<u8>, u32) {
        let packet = packet(101, bytes, wire_len).unwrap().unwrap();
        let Transport::Tcp(segment) = packet.transport else {
            panic!("{packet:?}")
        };
        assert_eq!(
            (segment.source_port, segment.destination_port),
            (50_000, 80)
        );
        assert_eq!((segment.sequence, segment.acknowledgment), (7, 9));
        (segment.payload.to_vec(), segment.missing)
    }

    fn tcp(payload: &[u8]) -> Vec<u8> {
        [&TCP, payload].concat()
    }

    #[test]
    fn the_short_way_reads_what_the_long_one_reads() {
        let mut padded = v4(43, 0, 6, &tcp(b"abc"));
        padded.extend([0; 3]);
        let mut options = v4(47, 0, 6, &[&[1; 4][..], &tcp(b"abc")].concat());
        options[0] = 0x46;
        for bytes in [v4(43, 0x4000, 6, &tcp(b"abc")), padded, options] {
            let short = plain_tcp(&bytes, bytes.len()).unwrap();
            assert_eq!(short, any_packet(&bytes, bytes.len(), 0).unwrap());
        }
        let left_alone = [
            v4(0, 0, 6, &tcp(b"abc")),
            v4(43, 0x2000, 6, &tcp(b"abc")),
            v4(43, 0, 17, &tcp(b"abc")),
            v4(44, 0, 6, &tcp(b"abc")),
            v4(30, 0, 6, &tcp(b"abc")),
            v6(6, &tcp(b"abc")),
        ];
        for bytes in left_alone {
            assert_eq!(plain_tcp(&bytes, 100), None);
        }
        assert_eq!(plain_tcp(&v4(43, 0, 6, &tcp(b"abc")), 42), None);
    }

    #[test]
    fn padding_behind_the_packet_is_left_out() {
        let mut bytes = v4(43, 0, 6, &tcp(b"abc"));
        bytes.extend([0; 3]);
        assert_eq!(segment(&bytes, 46), (b"abc".to_vec(), 0));
    }

    #[test]
    fn a_length_of_zero_means_up_to_the_end_of_the_frame() {
        let bytes = v4(0, 0, 6, &tcp(b"a large send"));
        assert_eq!(
            segment(&bytes, bytes.len() as u32),
            (b"a large send".to_vec(), 0)
        );
        assert_eq!(
            segment(&bytes, 9_000),
            (b"a large send".to_vec(), 9_000 - 52)
        );
    }

    #[test]
    fn bytes_cut_by_the_snaplen_are_counted() {
        let bytes = v4(1_500, 0, 6, &tcp(b"abc"));
        assert_eq!(segment(&bytes, 1_500), (b"abc".to_vec(), 1_457));
        // A frame that was no longer on the wire misses nothing, whatever the
        // IP header says.
        assert_eq!(segment(&bytes, 43), (b"abc".to_vec(), 0));
    }

    #[test]
    fn a_header_cut_in_its_options_still_gives_a_segment() {
        let mut header = TCP;
        header[12] = 0x80;
        let bytes = v4(152, 0, 6, &[&header[..], &[1, 1]].concat());
        assert_eq!(segment(&bytes, 152), (Vec::new(), 100));
    }

    #[test]
    fn a_header_cut_in_its_fixed_part_is_an_error() {
        let bytes = v4(60, 0, 6, &TCP[..19]);
        let error = packet(101, &bytes, 60).unwrap_err();
        assert_eq!(
            error.to_string(),
            "TCP header at byte 20: needs 20 bytes, 19 left"
        );
        let error = packet(101, &bytes[..10], 60).unwrap_err();
        assert_eq!(
            error.to_string(),
            "IP header at byte 0: needs 20 bytes, 10 left"
        );
    }

    #[test]
    fn ipv6_extension_headers_are_passed_over() {
        let options = [6, 0, 1, 4, 0, 0, 0, 0];
        let bytes = v6(0, &[&options[..], &tcp(b"abc")].concat());
        assert_eq!(segment(&bytes, bytes.len() as u32), (b"abc".to_vec(), 0));
        assert_eq!(packet(101, &bytes, 71).unwrap().unwrap().ttl, 55);
    }

    #[test]
    fn fragments_give_their_place() {
        let bytes = v4(36, 0x2001, 17, &[5; 16]);
        let packet_read = packet(101, &bytes, 36).unwrap().unwrap();
        let fragment = Fragment {
            identification: 9,
            protocol: 17,
            offset: 8,
            more: true,
            payload: &[5; 16],
            missing: 0,
        };
        assert_eq!(packet_read.transport, Transport::Fragment(fragment.clone()));
        // In IPv6 the data of a later fragment may look like a header.
        let header = [60, 0, 0, 9, 0, 0, 0, 9];
        let bytes = v6(44, &[&header[..], &[5; 16]].concat());
        let packet_read = packet(101, &bytes, 64).unwrap().unwrap();
        let fragment = Fragment {
            protocol: 60,
            ..fragment
        };
        assert_eq!(packet_read.transport, Transport::Fragment(fragment));
    }

    #[test]
    fn an_icmp_error_names_the_packet_that_failed() {
        let quoted = v4(60, 0, 6, &TCP[..8]);
        let message = [&[3, 4, 0, 0, 0, 0, 5, 0xac], &quoted[..]].concat();
        let bytes = v4(20 + message.len() as u16, 0, 1, &message);
        let packet_read = packet(101, &bytes, bytes.len() as u32).unwrap().unwrap();
        let Transport::Unreachable(error) = packet_read.transport else {
            panic!()
        };
        assert_eq!((error.icmp_type, error.code, error.v6), (3, 4, false));
        assert_eq!(error.destination, IpAddr::from([10, 0, 0, 2]));
        assert_eq!(
            (error.source_port, error.destination_port),
            (Some(50_000), Some(80))
        );
        assert_eq!((error.sequence, error.mtu), (Some(7), Some(1_452)));

        let message = [&[1, 4, 0, 0, 0, 0, 0, 0], &v6(6, &TCP)[..]].concat();
        let bytes = v6(58, &message);
        let packet_read = packet(101, &bytes, bytes.len() as u32).unwrap().unwrap();
        let Transport::Unreachable(error) = packet_read.transport else {
            panic!()
        };
        assert_eq!(
            (error.icmp_type, error.code, error.v6, error.mtu),
            (1, 4, true, None)
        );
        assert_eq!(error.sequence, Some(7));

        let echo = v4(28, 0, 1, &[8, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(
            packet(101, &echo, 28).unwrap().unwrap().transport,
            Transport::Other(1)
        );
    }

    #[test]
    fn a_cut_datagram_is_marked() {
        let bytes = v4(128, 0, 17, &[0, 53, 0, 99, 0, 108, 0, 0, 1, 2]);
        let packet_read = packet(101, &bytes, 128).unwrap().unwrap();
        let Transport::Udp(datagram) = packet_read.transport else {
            panic!()
        };
        assert_eq!((datagram.payload, datagram.cut), (&[1, 2][..], true));
    }

    #[test]
    fn cut_and_flipped_packets_never_panic() {
        let quoted = v4(60, 0, 6, &TCP[..8]);
        let icmp = v4(56, 0, 1, &[&[3, 1, 0, 0, 0, 0, 0, 0], &quoted[..]].concat());
        let fragment = v6(44, &[6, 0, 0, 1, 0, 0, 0, 9, 1, 2, 3, 4]);
        for whole in [
            v4(43, 0, 6, &tcp(b"abc")),
            v6(6, &tcp(b"abc")),
            icmp,
            fragment,
        ] {
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
}
