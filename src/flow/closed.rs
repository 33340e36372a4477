//! A connection whose two streams have ended, while packets of it may still
//! come: a FIN sent again, the last acknowledgment, a late copy.
//!
//! No byte of it is left to read, so that its conversation has been handed out
//! already. What late packets add to it is handed out apart, as [`Late`].

use crate::packet::Segment;
use crate::provenance::Sighting;

use super::assembler::MAX_WINDOW;
use super::key::{End, FlowKey};
use super::{Close, CloseKind, Conversation, ConversationId, Direction};

/// As small as it can be: a busy line has thousands of them at any time.
#[derive(Debug)]
pub(super) struct Closed {
    id: ConversationId,
    client: End,
    /// Sequence numbers of the SYN and the SYN-ACK, where seen.
    initial: [Option<u32>; 2],
    /// Sequence numbers of the two FINs, which follow the last bytes.
    fins: [u32; 2],
    late: Option<Box<Late>>,
}

/// What packets add to a conversation that came a second or more after its end.
/// ICMP errors are none of it: all that they could be about had got through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Late {
    /// Which conversation.
    pub id: ConversationId,
    packets: [u64; 2],
    retransmissions: u64,
    strays: u64,
    cut_packets: u64,
    /// RSTs.
    resets: Vec<Close>,
    last: Sighting,
}

impl Closed {
    /// What is kept of a conversation, with the sequence numbers of the FINs of
    /// the low and the high end of its key.
    pub(super) fn new(key: &FlowKey, conversation: &Conversation, fins: [u32; 2]) -> Self {
        let [low, high] = fins;
        let (client, fins) = match key.endpoint(End::Low) == conversation.client {
            true => (End::Low, [low, high]),
            false => (End::High, [high, low]),
        };
        Closed {
            id: conversation.id,
            client,
            initial: conversation.initial,
            fins,
            late: None,
        }
    }

    /// Takes a segment between the same endpoints; false when it opens, or
    /// belongs to, a later connection.
    pub(super) fn takes(&mut self, sender: End, segment: &Segment<'_>, at: Sighting) -> bool {
        let direction = match sender == self.client {
            true => Direction::ToServer,
            false => Direction::ToClient,
        };
        let side = direction.index();
        let flags = segment.flags;
        let behind = segment.sequence.wrapping_sub(self.fins[side]).cast_signed();
        let is_near = behind.unsigned_abs() <= MAX_WINDOW;
        let belongs = match flags.syn {
            true => self.initial[side] == Some(segment.sequence),
            false => is_near || flags.rst || segment.payload.is_empty(),
        };
        if !belongs {
            return false;
        }
        let late = self
            .late
            .get_or_insert_with(|| Box::new(Late::new(self.id, at)));
        late.last = at;
        late.packets[side] += 1;
        let length = segment.payload.len() as i64 + i64::from(segment.missing);
        let end = i64::from(behind) + length;
        if flags.syn {
            late.retransmissions += 1;
        } else if flags.rst {
            late.reset(direction, is_near || segment.sequence == 0, at);
        } else if length > 0 {
            late.cut_packets += u64::from(segment.missing > 0);
            let is_keep_alive = length == 1 && end == 0;
            late.strays += u64::from(end > 0);
            late.retransmissions += u64::from(end <= 0 && !is_keep_alive);
        }
        true
    }

    /// What came late.
    pub(super) fn into_late(self) -> Option<Late> {
        self.late.map(|late| *late)
    }
}

impl Late {
    fn new(id: ConversationId, at: Sighting) -> Self {
        Late {
            id,
            packets: [0, 0],
            retransmissions: 0,
            strays: 0,
            cut_packets: 0,
            resets: Vec::new(),
            last: at,
        }
    }

    fn reset(&mut self, by: Direction, fits: bool, sighting: Sighting) {
        if !fits {
            self.strays += 1;
        } else if self.resets.iter().all(|known| known.by != by) {
            let how = CloseKind::Reset;
            self.resets.push(Close { by, how, sighting });
        }
    }
}

impl Conversation {
    /// Adds what came after it had been handed out.
    pub fn add(&mut self, late: &Late) {
        self.last = self.last.max(late.last);
        for (sum, more) in self.quality.packets.iter_mut().zip(late.packets) {
            *sum += more;
        }
        self.quality.retransmissions += late.retransmissions;
        self.quality.strays += late.strays;
        self.quality.cut_packets += late.cut_packets;
        for reset in &late.resets {
            let is_known = |close: &Close| (close.by, close.how) == (reset.by, reset.how);
            if !self.closes.iter().any(is_known) {
                self.closes.push(*reset);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::super::tests::{ACK, C, FIN, RST, S, SYN, Wire};
    use super::*;

    /// A conversation closed by both sides, handed out two seconds later.
    fn handed_out() -> (Wire, Conversation) {
        let mut wire = Wire::connected();
        wire.client(ACK, C + 1, S + 1, "ask");
        wire.server(FIN, S + 1, C + 4, "answer");
        wire.client(FIN, C + 4, S + 8, "");
        assert!(wire.table.take_ended().is_empty());
        wire.clock += 11_000;
        wire.elsewhere();
        let (conversation, _) = wire.table.take_ended().pop().unwrap();
        (wire, conversation)
    }

    /// What came late, when nothing else did.
    fn late(mut wire: Wire) -> Vec<Late> {
        assert!(wire.table.finish().is_empty());
        wire.table.take_late()
    }

    #[test]
    fn packets_after_the_end_add_to_the_conversation_and_open_none() {
        let (mut wire, mut conversation) = handed_out();
        assert_eq!(conversation.quality.packets, [4, 2]);
        wire.server(ACK, S + 8, C + 5, "");
        // All of the answer again, its FIN alone, a keep-alive, and an RST.
        wire.server(FIN, S + 1, C + 4, "answer");
        wire.server(FIN, S + 7, C + 5, "");
        wire.client(ACK, C + 3, S + 8, "k");
        wire.client(RST, C + 5, S + 8, "");
        let [late] = late(wire).try_into().unwrap();
        conversation.add(&late);
        let quality = &conversation.quality;
        assert_eq!((quality.packets, quality.retransmissions), ([6, 5], 1));
        assert_eq!(quality.bytes, [3, 6]);
        assert_eq!(conversation.last.packet, 12);
        assert_eq!(conversation.closes[2].how, CloseKind::Reset);
        assert_eq!(conversation.closes.len(), 3);
    }

    #[test]
    fn bytes_behind_the_end_are_strays() {
        let (mut wire, mut conversation) = handed_out();
        wire.server(ACK, S + 8, C + 5, "more");
        let [late] = late(wire).try_into().unwrap();
        conversation.add(&late);
        assert_eq!(conversation.quality.strays, 1);
    }

    #[test]
    fn the_same_ports_used_again_are_another_conversation() {
        let (mut wire, conversation) = handed_out();
        wire.server(ACK, S + 8, C + 5, "");
        wire.client(SYN, C + 900, 0, "");
        wire.server(super::super::tests::SYN_ACK, 77, C + 901, "");
        let late = wire.table.take_late();
        assert_eq!(late.len(), 1);
        assert_eq!(late[0].id, conversation.id);
        let (second, _) = wire.table.finish().pop().unwrap();
        assert_eq!(second.initial, [Some(C + 900), Some(77)]);
        assert!(second.id > conversation.id);
        assert!(wire.table.take_late().is_empty());
    }

    #[test]
    fn a_conversation_is_forgotten_after_its_last_packets() {
        let (mut wire, _) = handed_out();
        for _ in 0..2 {
            wire.clock += 61_000;
            wire.elsewhere();
        }
        wire.server(ACK, S + 8, C + 5, "late");
        let (other, _) = wire.table.finish().pop().unwrap();
        assert!(other.quality.mid_stream);
    }
}
