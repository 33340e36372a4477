//! Endpoints used again: to which connection a segment belongs.

use crate::packet::Segment;
use crate::provenance::Sighting;

use super::connection::{Connection, MAX_EARLY, nanoseconds};
use super::key::End;
use super::opening::Syn;
use super::{RoleBasis, StreamConsumer};

/// What a segment means for the connection with its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Belongs {
    /// It is part of it.
    Here,
    /// It opens, or belongs to, a later one; with that one's SYN if it was
    /// seen before.
    Later(Option<Syn>),
}

impl<C: StreamConsumer> Connection<C> {
    /// Tells whether a segment belongs to this connection or, the endpoints
    /// being used again, to a later one.
    ///
    /// A SYN with another sequence number opens a new one after a close or a
    /// long silence; in the middle it may be forged, so it is believed when
    /// the server acknowledges it or the client goes on from it.
    #[inline]
    pub(super) fn belongs(&mut self, sender: End, segment: &Segment<'_>, at: Sighting) -> Belongs {
        let idle = nanoseconds(at).saturating_sub(self.live.last_seen) > REUSE_AFTER;
        let replaceable = idle || self.is_over();
        if !segment.flags.syn && !replaceable && self.next_syn.is_none() {
            return Belongs::Here;
        }
        self.may_belong(sender, segment, at, replaceable)
    }

    #[cold]
    fn may_belong(
        &mut self,
        sender: End,
        segment: &Segment<'_>,
        at: Sighting,
        replaceable: bool,
    ) -> Belongs {
        let flags = segment.flags;
        let side = self.direction(sender).index();
        let known = self.initial[side];
        // A capture may hold a SYN behind the segments that followed it.
        let begins_here = known.is_none() && self.live.streams[side].begins_after(segment.sequence);
        if flags.syn && (known == Some(segment.sequence) || begins_here) {
            return Belongs::Here;
        }
        match (flags.syn, flags.ack) {
            (true, false) if replaceable => Belongs::Later(None),
            (true, false) => {
                let sequence = segment.sequence;
                self.next_syn = Some(Syn {
                    sender,
                    sequence,
                    sighting: at,
                });
                Belongs::Here
            }
            (true, true) => self.syn_ack_belongs(sender, segment, replaceable),
            (false, _) => {
                let near = self.live.streams[side].is_near(segment.sequence);
                let goes_on = |syn: &Syn| {
                    syn.sender == sender && syn.sequence.wrapping_add(1) == segment.sequence
                };
                if near || flags.rst {
                    Belongs::Here
                } else if let Some(syn) = self.next_syn.filter(goes_on) {
                    Belongs::Later(Some(syn))
                } else if replaceable && !segment.payload.is_empty() {
                    Belongs::Later(None)
                } else {
                    Belongs::Here
                }
            }
        }
    }

    fn syn_ack_belongs(&self, sender: End, segment: &Segment<'_>, replaceable: bool) -> Belongs {
        let answers = |sequence: u32| {
            (1..=MAX_EARLY + 1).contains(&segment.acknowledgment.wrapping_sub(sequence))
        };
        let answered = |syn: &Syn| syn.sender != sender && answers(syn.sequence);
        let unanswered = self.initial[1].is_none() && self.initial[0].is_some_and(answers);
        if let Some(syn) = self.next_syn.filter(answered) {
            Belongs::Later(Some(syn))
        } else if unanswered && sender != self.live.client {
            Belongs::Here
        } else if replaceable || self.role_basis != RoleBasis::Handshake {
            Belongs::Later(None)
        } else {
            Belongs::Here
        }
    }
}

/// A client takes a port again no sooner than this after its last packet when
/// no close was seen: half a minute is the shortest TIME-WAIT in use.
const REUSE_AFTER: i64 = 30_000_000_000;
