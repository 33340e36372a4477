//! Packets to ordered chunks and gaps per conversation.
//!
//! [`FlowTable`] is pushed packets and pushes bytes on to one
//! [`StreamConsumer`] per conversation, in order, as slices of the frames.
//! `assembler` orders one direction (`pending` holds what came too early),
//! `connection` is both with their opening (`ending` has their close, `reuse`
//! tells whether a segment is still its own, `stall` which segments never get
//! through, `closed` what comes after the end), `connect` a SYN that nothing but
//! a refusal answered (as small as a record can be: port scans have millions),
//! `unanswered` the same when it is over, `fragments` puts IP fragments
//! together, `table` finds the conversation, and `letting_go` bounds them all
//! (`halves` by age).

mod assembler;
mod closed;
mod connect;
mod connection;
mod ending;
mod fragments;
mod halves;
mod held;
mod key;
mod letting_go;
mod opening;
mod pending;
mod reuse;
mod stall;
#[cfg(test)]
mod stream_tests;
mod table;
#[cfg(test)]
mod tests;
mod unanswered;

use std::net::{IpAddr, SocketAddr};

use crate::provenance::Sighting;

pub use closed::Late;
pub use fragments::Whole;
pub use stall::Stall;
pub use table::FlowTable;
pub use unanswered::Unanswered;

/// Which way bytes went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// From the client, which opened the conversation.
    ToServer,
    /// From the server.
    ToClient,
}

impl Direction {
    /// Its index in the pairs of [`Quality`].
    #[must_use]
    pub fn index(self) -> usize {
        match self {
            Direction::ToServer => 0,
            Direction::ToClient => 1,
        }
    }

    /// The opposite direction.
    #[must_use]
    pub fn reverse(self) -> Self {
        match self {
            Direction::ToServer => Direction::ToClient,
            Direction::ToClient => Direction::ToServer,
        }
    }
}

/// What a consumer wants next of one direction of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demand {
    /// All bytes as they come.
    More,
    /// The given number of bytes need not be delivered: they are passed over by
    /// sequence number without copying. A hole inside them is no gap for the
    /// consumer, but counts in [`Quality`].
    Skip(u64),
    /// Nothing more, ever; only closes are reported.
    Nothing,
}

/// Takes the bytes of one conversation in order. `flow` is pushed packets and
/// pushes chunks on, because a chunk is a slice of the frame and cannot wait.
pub trait StreamConsumer {
    /// The next bytes of one direction. `sighting` is the frame that completed
    /// them (the frame they came in, when it came in order).
    fn bytes(&mut self, direction: Direction, bytes: &[u8], sighting: Sighting) -> Demand;

    /// Bytes that the capture does not hold; more may follow. `length` is
    /// `None` when even the number is unknown: before the first bytes of a
    /// direction whose beginning was not seen.
    fn gap(&mut self, direction: Direction, length: Option<u64>, sighting: Sighting);

    /// Part or all of the bytes asked to be skipped went by, the last of them
    /// in `sighting`; lengths add up. Holes among them count too: they are no
    /// gap for a consumer that did not want the bytes.
    fn skipped(&mut self, _direction: Direction, _length: u64, _sighting: Sighting) {}

    /// One side ended its stream (FIN in order) or the connection (RST). Bytes
    /// that were on their way may still follow a reset.
    fn closed(&mut self, close: &Close);

    /// True when the content shows that the side taken for the client is the
    /// server (streams seen from the middle have no SYN to tell).
    fn reversed(&self) -> bool {
        false
    }
}

/// How and by whom a conversation was ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Close {
    /// The direction in which the FIN or RST went: `ToServer` when the client sent it.
    pub by: Direction,
    /// FIN or RST.
    pub how: CloseKind,
    /// The frame.
    pub sighting: Sighting,
}

/// The two ways to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseKind {
    /// Orderly end of one direction.
    Fin,
    /// Abort of the connection.
    Reset,
}

/// A number for a conversation, unique within a run, in order of first packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConversationId(pub u64);

/// All that is known of a TCP connection besides its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// Its number.
    pub id: ConversationId,
    /// The vantage point: captures taken at one place share one number.
    pub vantage: u32,
    /// The side that opened it.
    pub client: SocketAddr,
    /// The side that answered, or should have.
    pub server: SocketAddr,
    /// How it is known who opened it.
    pub role_basis: RoleBasis,
    /// Sequence numbers of the SYN and of the SYN-ACK, where seen: the same ones
    /// at two vantage points are one conversation.
    pub initial: [Option<u32>; 2],
    /// Every SYN of the client: the first and its retransmissions (the first
    /// [`MAX_SYNS`]).
    pub syns: Vec<Sighting>,
    /// The first SYN-ACK.
    pub syn_ack: Option<Sighting>,
    /// What the first SYN-ACK tells of its sender.
    pub reply: Option<Reply>,
    /// How the connect was refused, when it was.
    pub refusal: Option<Refusal>,
    /// First frame.
    pub first: Sighting,
    /// Last frame.
    pub last: Sighting,
    /// FINs and RSTs, the first of each kind and side, in order (the RST of a
    /// refusal included).
    pub closes: Vec<Close>,
    /// ICMP errors about packets of this conversation (the first
    /// [`MAX_ICMP_ERRORS`]); the one that refused the connect included.
    pub icmp_errors: Vec<IcmpError>,
    /// How completely the capture shows it.
    pub quality: Quality,
}

/// What a SYN-ACK tells of who sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reply {
    /// Time to live, or hop limit, as it arrived.
    pub ttl: u8,
    /// Maximum segment size, where the option was there.
    pub maximum_segment_size: Option<u16>,
}

/// SYN retransmissions kept per conversation; Windows sends 3, Linux 7.
pub const MAX_SYNS: usize = 8;

/// ICMP errors kept per conversation; a black hole repeats the same one.
pub const MAX_ICMP_ERRORS: usize = 4;

/// An ICMP error about a packet of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IcmpError {
    /// The frame.
    pub sighting: Sighting,
    /// Who sent it.
    pub from: IpAddr,
    /// Which way the packet went that failed.
    pub about: Direction,
    /// Type of the ICMP message.
    pub icmp_type: u8,
    /// Its code.
    pub code: u8,
    /// ICMPv6 numbers.
    pub v6: bool,
    /// The MTU it asks for, when the packet was too big.
    pub mtu: Option<u32>,
}

impl IcmpError {
    /// True when the packet was too big for the next link (v4 3/4, v6 2/0),
    /// which refuses nothing: the sender is asked for smaller ones.
    #[must_use]
    pub fn is_too_big(&self) -> bool {
        matches!(
            (self.v6, self.icmp_type, self.code),
            (false, 3, 4) | (true, 2, _)
        )
    }
}

/// How `flow` knows which side is the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RoleBasis {
    /// A SYN or SYN-ACK was seen.
    Handshake,
    /// The content says so ([`StreamConsumer::reversed`] or a request seen).
    Content,
    /// The lower port is taken for the server's.
    Port,
}

/// A connect that was turned down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// The frame that said no.
    pub sighting: Sighting,
    /// How it said it.
    pub how: RefusalKind,
    /// Who sent it: the server, or a router on the way.
    pub from: IpAddr,
}

/// The ways to turn a connect down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    /// RST in answer to the SYN.
    Reset,
    /// An ICMP (v6 when `v6`) error quoting the SYN.
    Unreachable {
        /// Type of the ICMP message.
        icmp_type: u8,
        /// Its code.
        code: u8,
        /// ICMPv6 numbers.
        v6: bool,
    },
}

/// What the capture does not show of a conversation. Index 0 is the direction
/// to the server, 1 the direction to the client.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Quality {
    /// True when the first packets were not captured (no SYN, no SYN-ACK).
    pub mid_stream: bool,
    /// Packets seen per direction.
    pub packets: [u64; 2],
    /// Payload bytes seen per direction, repeated ones counted once.
    pub bytes: [u64; 2],
    /// Payload bytes known to be missing per direction (holes between bytes
    /// seen, and bytes acknowledged that never showed; in a direction not seen
    /// at all the FIN may count as one).
    pub missing: [u64; 2],
    /// Packets whose payload the snaplen cut.
    pub cut_packets: u64,
    /// Retransmitted segments.
    pub retransmissions: u64,
    /// Overlapping bytes that differed from the first copy.
    pub conflicting_overlaps: u64,
    /// Segments too far off the stream to belong to it, not delivered.
    pub strays: u64,
    /// Directions in which nothing got through any more, at most one each way.
    pub stalls: Vec<Stall>,
}

impl Quality {
    /// True when every byte of both directions was there.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        !self.mid_stream && self.missing == [0, 0] && self.cut_packets == 0
    }

    /// True when packets went one way only although an answer was acknowledged
    /// or the stream was in the middle: the capture point missed a direction.
    #[must_use]
    pub fn is_one_sided(&self) -> bool {
        let [to_server, to_client] = self.packets;
        (to_server == 0 || to_client == 0) && (self.mid_stream || self.missing != [0, 0])
    }
}
