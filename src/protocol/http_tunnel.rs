//! CONNECT: the client waits, and is let through or not.

use crate::flow::Direction;
use crate::protocol::http_dialogue::{Handover, HttpDialogue, State};
use crate::protocol::http_head::MAX_HEAD;
use crate::protocol::sniff;
use crate::provenance::Sighting;

impl HttpDialogue {
    /// Opens a tunnel whose grant was not captured, shown by a TLS hello of
    /// the client after CONNECT; to be asked when no more bytes come.
    pub(super) fn open_unseen_tunnel(&mut self) {
        let [client, server] = &self.sides;
        let unseen = server.after_hole || !self.exchanges.any_answered();
        if let (State::Waiting(index, _), Some((held, first))) = (&client.state, &client.held)
            && unseen
            && sniff::starts_tls_hello(held)
        {
            let (index, first) = (*index, *first);
            self.exchanges.has_gap(index);
            self.hand_over(first);
        }
    }

    /// The client waits for its tunnel; what it sends meanwhile is held.
    pub(super) fn waiting_bytes<'a>(&mut self, bytes: &[u8], at: Sighting) -> &'a [u8] {
        let (held, _) = self.sides[0].held.get_or_insert_with(|| (Vec::new(), at));
        held.extend_from_slice(bytes);
        if held.len() > MAX_HEAD {
            self.open_unseen_tunnel();
            if self.handover.is_none() {
                self.sides[0].held = None;
                return self.lose(Direction::ToServer, "a CONNECT is not answered", at);
            }
        }
        &[]
    }

    pub(super) fn hand_over(&mut self, established: Sighting) {
        let client = &mut self.sides[0];
        let authority = match std::mem::replace(&mut client.state, State::Stopped) {
            State::Waiting(_, authority) => authority,
            _ => String::new(),
        };
        let client_gap = client.after_hole;
        let held = client
            .held
            .take()
            .map(|(held, first)| (Direction::ToServer, held, first));
        let pending = held.into_iter().collect();
        self.handover = Some(Handover {
            authority,
            established,
            client_gap,
            pending,
        });
    }

    /// The proxy said no: what the client sent after CONNECT is a request.
    pub(super) fn refuse_tunnel(&mut self, index: u32, at: Sighting) {
        let client = &mut self.sides[0];
        if !matches!(client.state, State::Waiting(waiting, _) if waiting == index) {
            return;
        }
        let lost = client.after_hole && client.held.is_none();
        client.state = if lost { State::Lost } else { State::Head };
        if let Some((held, _)) = client.held.take() {
            self.bytes(Direction::ToServer, &held, at);
            self.cancel_skip(Direction::ToServer);
        }
    }
}
