//! A connect that nothing but a refusal has answered yet.
//!
//! Most conversations of a port scan, and all that a firewall drops, end as
//! they begin. Their record is as small as it can be: 64 bytes.

use std::net::IpAddr;

use crate::packet::{Segment, Unreachable};
use crate::provenance::Sighting;

use super::key::{End, FlowKey};
use super::opening::{Opening, icmp_error, refusal};
use super::{
    Close, CloseKind, ConversationId, Direction, IcmpError, MAX_ICMP_ERRORS, MAX_SYNS, Refusal,
    RefusalKind, RoleBasis,
};

/// One or more SYNs of one client with one sequence number.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Connect {
    pub(super) id: ConversationId,
    pub(super) first: Sighting,
    pub(super) sequence: u32,
    pub(super) client: End,
    more: Option<Box<More>>,
}

/// What few connects have.
#[derive(Debug, PartialEq, Eq)]
struct More {
    syns: Vec<Sighting>,
    packets: [u64; 2],
    refusal: Option<Refusal>,
    reset: Option<Sighting>,
    icmp_errors: Vec<IcmpError>,
    last: Sighting,
}

/// What a segment means for a connect with its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// It was taken: the SYN again, or an RST.
    Taken,
    /// It opens another connect.
    Another,
    /// It shows a connection.
    Connected,
}

/// True for the copy of a SYN that a mirror port made: no client repeats a SYN
/// so soon (RFC 6298 §2.1: a second, at least 200 ms in practice).
pub(super) fn is_copy(before: Sighting, at: Sighting) -> bool {
    const COPY_WITHIN: f64 = 0.1;
    at.at.since(before.at).abs().as_seconds() < COPY_WITHIN
}

impl Connect {
    /// A connect that starts with a SYN.
    pub(super) fn new(id: ConversationId, client: End, sequence: u32, first: Sighting) -> Self {
        Connect {
            id,
            first,
            sequence,
            client,
            more: None,
        }
    }

    /// Takes a segment between the same endpoints.
    pub(super) fn segment(
        &mut self,
        key: &FlowKey,
        sender: End,
        segment: &Segment<'_>,
        at: Sighting,
    ) -> Answer {
        let flags = segment.flags;
        if flags.syn && !flags.ack && !flags.rst {
            if sender != self.client || segment.sequence != self.sequence {
                return Answer::Another;
            }
            if !segment.payload.is_empty() {
                return Answer::Connected;
            }
            let syns = self.more.as_ref().and_then(|more| more.syns.last());
            let is_refused = self
                .more
                .as_ref()
                .is_some_and(|more| more.refusal.is_some());
            if !is_refused && is_copy(*syns.unwrap_or(&self.first), at) {
                return Answer::Taken;
            }
            let more = self.more(at);
            more.packets[0] += 1;
            if more.syns.len() < MAX_SYNS - 1 {
                more.syns.push(at);
            }
            return Answer::Taken;
        }
        if !flags.rst || sender == self.client {
            return Answer::Connected;
        }
        let from = key.endpoint(sender).ip();
        let more = self.more(at);
        more.packets[1] += 1;
        more.reset.get_or_insert(at);
        more.refusal.get_or_insert(Refusal {
            sighting: at,
            how: RefusalKind::Reset,
            from,
        });
        Answer::Taken
    }

    /// Takes an ICMP error about a packet between the same endpoints.
    pub(super) fn unreachable(
        &mut self,
        sender: End,
        error: &Unreachable,
        from: IpAddr,
        at: Sighting,
    ) {
        if sender != self.client || error.sequence.is_some_and(|number| number != self.sequence) {
            return;
        }
        let noted = icmp_error(error, from, Direction::ToServer, at);
        let more = self.more(at);
        more.refusal = more.refusal.or(refusal(&noted));
        if more.icmp_errors.len() < MAX_ICMP_ERRORS {
            more.icmp_errors.push(noted);
        }
    }

    fn more(&mut self, at: Sighting) -> &mut More {
        let more = self.more.get_or_insert_with(|| {
            Box::new(More {
                syns: Vec::new(),
                packets: [1, 0],
                refusal: None,
                reset: None,
                icmp_errors: Vec::new(),
                last: at,
            })
        });
        more.last = at;
        more
    }

    /// The last frame.
    pub(super) fn last(&self) -> Sighting {
        self.more.as_ref().map_or(self.first, |more| more.last)
    }

    /// True when a packet came back.
    pub(super) fn has_answer(&self) -> bool {
        self.more.as_ref().is_some_and(|more| more.packets[1] > 0)
    }

    /// All that is known, for a connection or for the summary.
    pub(super) fn opening(&self) -> Opening {
        let mut opening = Opening {
            client: self.client,
            role_basis: RoleBasis::Handshake,
            syns: vec![self.first],
            sequence: Some(self.sequence),
            packets: [1, 0],
            refusal: None,
            closes: Vec::new(),
            icmp_errors: Vec::new(),
            first: self.first,
            last: self.first,
        };
        if let Some(more) = &self.more {
            opening.syns.extend(&more.syns);
            opening.packets = more.packets;
            opening.refusal = more.refusal;
            opening.closes.extend(more.reset.map(|sighting| Close {
                by: Direction::ToClient,
                how: CloseKind::Reset,
                sighting,
            }));
            opening.icmp_errors.clone_from(&more.icmp_errors);
            opening.last = more.last;
        }
        opening
    }
}
