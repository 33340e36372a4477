//! What is known of a conversation before its first bytes.

use std::net::IpAddr;

use crate::packet::{Segment, Unreachable};
use crate::provenance::Sighting;

use super::key::{End, FlowKey};
use super::{
    Close, Conversation, ConversationId, Direction, IcmpError, Quality, Refusal, RefusalKind,
    RoleBasis,
};

/// A connection before its first packet that is no SYN.
#[derive(Debug)]
pub(super) struct Opening {
    pub(super) client: End,
    pub(super) role_basis: RoleBasis,
    pub(super) syns: Vec<Sighting>,
    pub(super) sequence: Option<u32>,
    pub(super) packets: [u64; 2],
    pub(super) refusal: Option<Refusal>,
    pub(super) closes: Vec<Close>,
    pub(super) icmp_errors: Vec<IcmpError>,
    pub(super) first: Sighting,
    pub(super) last: Sighting,
}

impl Opening {
    /// A connection whose first packet seen is `segment`. A SYN or SYN-ACK
    /// tells the client; else the higher port is its.
    pub(super) fn new(key: &FlowKey, sender: End, segment: &Segment<'_>, at: Sighting) -> Self {
        let (client, role_basis) = match (segment.flags.syn, segment.flags.ack) {
            (true, false) => (sender, RoleBasis::Handshake),
            (true, true) => (sender.other(), RoleBasis::Handshake),
            _ => (key.lower_port().map_or(sender, End::other), RoleBasis::Port),
        };
        Opening {
            client,
            role_basis,
            syns: Vec::new(),
            sequence: None,
            packets: [0, 0],
            refusal: None,
            closes: Vec::new(),
            icmp_errors: Vec::new(),
            first: at,
            last: at,
        }
    }

    /// What a conversation without a byte comes to.
    pub(super) fn into_conversation(
        self,
        key: &FlowKey,
        id: ConversationId,
        vantage: u32,
    ) -> Conversation {
        Conversation {
            id,
            vantage,
            client: key.endpoint(self.client),
            server: key.endpoint(self.client.other()),
            role_basis: self.role_basis,
            initial: [self.sequence, None],
            syns: self.syns,
            syn_ack: None,
            reply: None,
            refusal: self.refusal,
            first: self.first,
            last: self.last,
            closes: self.closes,
            icmp_errors: self.icmp_errors,
            quality: Quality {
                packets: self.packets,
                ..Quality::default()
            },
        }
    }
}

/// A SYN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Syn {
    pub(super) sender: End,
    pub(super) sequence: u32,
    pub(super) sighting: Sighting,
}

/// An ICMP error as a conversation keeps it.
pub(super) fn icmp_error(
    error: &Unreachable,
    from: IpAddr,
    about: Direction,
    sighting: Sighting,
) -> IcmpError {
    let (icmp_type, code, v6, mtu) = (error.icmp_type, error.code, error.v6, error.mtu);
    IcmpError {
        sighting,
        from,
        about,
        icmp_type,
        code,
        v6,
        mtu,
    }
}

/// The refusal that an ICMP error about a SYN is, unless it asks for smaller
/// packets.
pub(super) fn refusal(error: &IcmpError) -> Option<Refusal> {
    let (icmp_type, code, v6) = (error.icmp_type, error.code, error.v6);
    let how = RefusalKind::Unreachable {
        icmp_type,
        code,
        v6,
    };
    (!error.is_too_big()).then_some(Refusal {
        sighting: error.sighting,
        how,
        from: error.from,
    })
}
