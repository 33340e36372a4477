//! Frame to addresses, ports, flags and payload (etherparse, lax).
//!
//! Three steps, a file each: `link` (`wireless` for 802.11) strips what lies
//! around the IP packet, `ip` reads its header and says how long it was on the
//! wire, `transport` reads what it carries (also of a packet put together from
//! fragments). `tunnel` finds the packet inside a packet.

mod ip;
mod link;
mod transport;
mod tunnel;
mod wireless;

use std::net::IpAddr;

use crate::bytes::ParseError;

pub use link::link_type_name;
pub use transport::transport;

/// Reads the IP packet in a frame of the given LINKTYPE; `None` when the frame
/// carries something else (ARP, IPX, …).
///
/// Read are Ethernet with VLAN tags, MPLS and `PPPoE`, raw IP, null and loop,
/// Linux cooked 1 and 2, PPP, Cisco HDLC, 802.11 that is not encrypted, PPI and
/// Apple's packet tap. Of tunnels (IP in IP, GRE, ERSPAN, VXLAN, GENEVE,
/// Teredo) the innermost packet is given. `original_len` is the frame's length on the wire: it
/// tells bytes that the snaplen cut from bytes that never were. Padding behind
/// the IP packet is left out; an IP length of 0, as segmentation offload
/// leaves it, means up to the end of the frame.
///
/// # Errors
///
/// `Unsupported` for another link type, naming it; `Truncated` when the frame
/// ends before the fixed part of the TCP, UDP or ICMP header; `Malformed` when
/// a header contradicts itself.
#[inline]
pub fn packet(
    link_type: u32,
    captured: &[u8],
    original_len: u32,
) -> Result<Option<Packet<'_>>, ParseError> {
    let frame_len = (original_len as usize).max(captured.len());
    // The short way to nearly all packets of most captures.
    if let Some(bytes) = link::plain_ipv4(link_type, captured)
        && let Some(packet) = ip::plain_tcp(bytes, frame_len - (captured.len() - bytes.len()))
    {
        return Ok(Some(packet));
    }
    in_any_frame(link_type, captured, frame_len)
}

fn in_any_frame(
    link_type: u32,
    captured: &[u8],
    frame_len: usize,
) -> Result<Option<Packet<'_>>, ParseError> {
    let Some(bytes) = link::ip_bytes(link_type, captured)? else {
        return Ok(None);
    };
    let before = captured.len() - bytes.len();
    ip::ip_packet(bytes, frame_len - before, 0)
        .map(Some)
        .map_err(|error| error.shifted(before as u64))
}

/// An IP packet with what it carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Sender.
    pub source: IpAddr,
    /// Receiver.
    pub destination: IpAddr,
    /// Time to live, or hop limit.
    pub ttl: u8,
    /// What the packet carries.
    pub transport: Transport<'a>,
}

/// The transport layer of a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transport<'a> {
    /// A TCP segment.
    Tcp(Segment<'a>),
    /// A UDP datagram.
    Udp(Datagram<'a>),
    /// An ICMP or ICMPv6 message that reports a failed delivery.
    Unreachable(Unreachable),
    /// A fragment; `flow` puts the pieces together.
    Fragment(Fragment<'a>),
    /// Anything else, by protocol number.
    Other(u8),
}

/// A TCP segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment<'a> {
    /// Port of the sender.
    pub source_port: u16,
    /// Port of the receiver.
    pub destination_port: u16,
    /// Sequence number of the first payload byte (of the SYN itself, if set).
    pub sequence: u32,
    /// Acknowledgment number; meaningful when `flags.ack`.
    pub acknowledgment: u32,
    /// Control bits.
    pub flags: TcpFlags,
    /// Payload bytes that were captured.
    pub payload: &'a [u8],
    /// Payload bytes on the wire that the snaplen cut off the end.
    pub missing: u32,
    /// Maximum segment size option of a SYN.
    pub maximum_segment_size: Option<u16>,
}

/// The control bits that matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs, clippy::struct_excessive_bools)]
pub struct TcpFlags {
    pub syn: bool,
    pub ack: bool,
    pub fin: bool,
    pub rst: bool,
}

/// A UDP datagram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// Port of the sender.
    pub source_port: u16,
    /// Port of the receiver.
    pub destination_port: u16,
    /// Payload bytes that were captured.
    pub payload: &'a [u8],
    /// True when the snaplen cut the payload.
    pub cut: bool,
}

/// An ICMP error: which packet of whom could not be delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreachable {
    /// ICMP type and code as sent (v4: 3/x, 11/x; v6: 1/x, 2/0, 3/x).
    pub icmp_type: u8,
    /// See `icmp_type`.
    pub code: u8,
    /// True for ICMPv6.
    pub v6: bool,
    /// Sender of the packet that failed.
    pub source: IpAddr,
    /// Its receiver.
    pub destination: IpAddr,
    /// Its protocol number (6 TCP, 17 UDP).
    pub protocol: u8,
    /// Its source port, where the quoted bytes reach that far.
    pub source_port: Option<u16>,
    /// Its destination port.
    pub destination_port: Option<u16>,
    /// Its TCP sequence number.
    pub sequence: Option<u32>,
    /// The MTU of the next link, in messages that say a packet was too big
    /// (v4 3/4, v6 2/0), unless 0.
    pub mtu: Option<u32>,
}

/// A piece of a fragmented packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fragment<'a> {
    /// Identification of the whole packet.
    pub identification: u32,
    /// Protocol number of the whole.
    pub protocol: u8,
    /// Offset in bytes.
    pub offset: u32,
    /// True unless it is the last piece.
    pub more: bool,
    /// The bytes.
    pub payload: &'a [u8],
    /// Bytes on the wire that the snaplen cut off the end.
    pub missing: u32,
}
