//! How a connection ends: refused, reset, stalled, and summed up.

use std::net::IpAddr;

use crate::packet::{Segment, Unreachable};
use crate::provenance::Sighting;

use super::connection::Connection;
use super::key::End;
use super::opening::{icmp_error, refusal};
use super::stall::Stall;
use super::{
    Close, CloseKind, Conversation, Direction, MAX_ICMP_ERRORS, Refusal, RefusalKind, RoleBasis,
    StreamConsumer,
};

impl<C: StreamConsumer> Connection<C> {
    /// Takes an RST: a refusal while only SYNs were sent, else an abort.
    #[cold]
    pub(super) fn rst(
        &mut self,
        direction: Direction,
        segment: &Segment<'_>,
        at: Sighting,
        pending_total: &mut usize,
    ) {
        let side = direction.index();
        if segment.sequence != 0 && !self.live.streams[side].is_near(segment.sequence) {
            self.live.quality.strays += 1;
            return;
        }
        let only_syns = self.syn_ack.is_none()
            && self.initial[1].is_none()
            && self.live.quality.packets == [self.syns.len() as u64, 1];
        let close = Close {
            by: direction,
            how: CloseKind::Reset,
            sighting: at,
        };
        if only_syns && direction == Direction::ToClient {
            let from = self.key.endpoint(self.live.client.other()).ip();
            self.refusal = Some(Refusal {
                sighting: at,
                how: RefusalKind::Reset,
                from,
            });
            self.live.reset = true;
            self.closes.push(close);
            return;
        }
        if !self
            .closes
            .iter()
            .any(|known| known.by == direction && known.how == CloseKind::Reset)
        {
            self.note_hole(direction, at);
            self.end_wait(at, pending_total);
            let (stream, mut sink) = self.stream(direction, at, pending_total);
            stream.finish(&mut sink);
            self.closes.push(close);
            self.consumer.closed(&close);
        }
        self.live.reset = true;
    }

    /// Notes a hole that the receiver never got filled: no fault of the capture.
    fn note_hole(&mut self, direction: Direction, at: Sighting) {
        let hole = self.live.streams[direction.index()].lost_on_the_way();
        let known = self.live.quality.stalls.iter().any(|it| it.by == direction);
        if let (Some(size), false) = (hole, known) {
            self.live.quality.stalls.push(Stall {
                by: direction,
                size,
                sent: 0,
                first: at,
                last: at,
                smaller_passed: false,
                too_big: None,
            });
        }
    }

    /// Adds the segments that never got through, and takes out of the missing
    /// bytes those that the capture did not lose.
    fn note_stalls(&mut self) {
        for direction in [Direction::ToServer, Direction::ToClient] {
            let side = direction.index();
            let stalls = &mut self.live.quality.stalls;
            if let Some(hole) = stalls.iter().find(|it| it.by == direction) {
                let missing = &mut self.live.quality.missing[side];
                *missing = missing.saturating_sub(hole.size);
            } else if self.live.quality.packets[1 - side] > 0 {
                stalls.extend(self.live.large[side].stall(direction));
            }
        }
        let errors = &self.icmp_errors;
        let stalls = std::mem::take(&mut self.live.quality.stalls);
        self.live.quality.stalls = stalls
            .into_iter()
            .map(|stall| stall.with_word_of(errors))
            .collect();
    }

    /// Takes an ICMP error about a packet that `sender` sent.
    pub(super) fn unreachable(
        &mut self,
        sender: End,
        error: &Unreachable,
        from: IpAddr,
        at: Sighting,
    ) {
        let about = self.direction(sender);
        let noted = icmp_error(error, from, about, at);
        let connecting = self.syn_ack.is_none() && self.live.quality.packets[1] == 0;
        if connecting && about == Direction::ToServer && !self.syns.is_empty() {
            self.refusal = self.refusal.or(refusal(&noted));
        }
        if self.icmp_errors.len() < MAX_ICMP_ERRORS {
            self.icmp_errors.push(noted);
        }
    }

    /// Ends the conversation: holes become gaps, and when the content shows
    /// that the sides were taken for each other, they are changed over.
    pub(super) fn into_conversation(
        mut self,
        vantage: u32,
        pending_total: &mut usize,
    ) -> (Conversation, C) {
        let last = self.live.last;
        for direction in [Direction::ToServer, Direction::ToClient] {
            self.note_hole(direction, last);
        }
        self.end_wait(last, pending_total);
        for direction in [Direction::ToServer, Direction::ToClient] {
            let (stream, mut sink) = self.stream(direction, last, pending_total);
            stream.finish(&mut sink);
        }
        self.note_stalls();
        self.closes.sort_by_key(|close| close.sighting);
        self.closes.shrink_to_fit();
        self.live.quality.mid_stream = self.syns.is_empty() && self.syn_ack.is_none();
        let mut conversation = Conversation {
            id: self.id,
            vantage,
            client: self.key.endpoint(self.live.client),
            server: self.key.endpoint(self.live.client.other()),
            role_basis: self.role_basis,
            initial: self.initial,
            syns: self.syns,
            syn_ack: self.syn_ack,
            reply: self.reply,
            refusal: self.refusal,
            first: self.first,
            last: self.live.last,
            closes: self.closes,
            icmp_errors: self.icmp_errors,
            quality: self.live.quality,
        };
        if self.role_basis == RoleBasis::Port && self.consumer.reversed() {
            change_over(&mut conversation);
        }
        (conversation, self.consumer)
    }
}

fn change_over(conversation: &mut Conversation) {
    std::mem::swap(&mut conversation.client, &mut conversation.server);
    conversation.role_basis = RoleBasis::Content;
    conversation.initial.reverse();
    for close in &mut conversation.closes {
        close.by = close.by.reverse();
    }
    for stall in &mut conversation.quality.stalls {
        stall.by = stall.by.reverse();
    }
    for error in &mut conversation.icmp_errors {
        error.about = error.about.reverse();
    }
    conversation.quality.packets.reverse();
    conversation.quality.bytes.reverse();
    conversation.quality.missing.reverse();
}
