//! Heads of requests and answers, put into their exchanges.

use crate::flow::Direction;
use crate::protocol::http::{Request, Response};
use crate::protocol::http_dialogue::{HttpDialogue, Side, State};
use crate::protocol::http_framing::{of_request, of_response};
use crate::protocol::http_head::{request_head, status_head};
use crate::provenance::Sighting;

impl HttpDialogue {
    pub(super) fn request(&mut self, head: &[u8], first: Sighting, last: Sighting) -> bool {
        let Ok(head) = request_head(head) else {
            return false;
        };
        let (method, target, headers) = (head.method, head.target, head.headers);
        let plan = of_request(&headers);
        let reader = plan.reader(&headers, self.options.hash_every_body);
        let authority = (method == "CONNECT").then(|| target.clone());
        let request = Request {
            method,
            target,
            headers,
            first,
            last,
            body: None,
        };
        let index = self.exchanges.request(request);
        let own = self.side(Direction::ToServer);
        own.after_hole = false;
        match reader {
            Some(reader) => own.state = State::Body(index, reader),
            None => {
                own.state = authority.map_or(State::Head, |to| State::Waiting(index, to));
                self.exchanges.request_done(index, None);
            }
        }
        true
    }

    pub(super) fn response(&mut self, head: &[u8], first: Sighting, last: Sighting) -> bool {
        let Ok(head) = status_head(head) else {
            return false;
        };
        let (status, reason, headers) = (head.status, head.reason, head.headers);
        if (100..200).contains(&status) && status != 101 {
            return true;
        }
        let after_hole = std::mem::take(&mut self.sides[1].after_hole);
        let index = self.exchanges.next_answered(after_hole, self.intact);
        let method = self.exchanges.method(index);
        let granted = (200..300).contains(&status)
            && match method {
                Some(method) => method == "CONNECT",
                // Only the answers were captured: squid, BlueCoat, TMG and most
                // others say "Connection established".
                None => reason
                    .to_ascii_lowercase()
                    .contains("connection established"),
            };
        let plan = of_response(method, status, &headers);
        let reader = if granted {
            None
        } else {
            plan.reader(&headers, self.options.hash_every_body)
        };
        let response = Response {
            status,
            reason,
            headers,
            first,
            last,
            body: None,
        };
        self.exchanges.response(index, response);
        match reader {
            Some(reader) => {
                self.sides[1].state = State::Body(index, reader);
                // A body of no bytes is over already.
                self.body_bytes(Direction::ToClient, &[], last);
            }
            None => self.exchanges.response_done(index, None),
        }
        if granted {
            self.hand_over(last);
        } else if status == 101 {
            self.sides = [Side::stopped(), Side::stopped()];
        } else {
            self.refuse_tunnel(index, last);
        }
        true
    }

    /// Keeps what there is of a head that will not become whole.
    pub(super) fn salvage(&mut self, direction: Direction) -> Option<u32> {
        let (head, first) = self.side(direction).head.salvage()?;
        let index = match direction {
            Direction::ToServer => {
                let head = request_head(&head).ok()?;
                let (method, target, headers) = (head.method, head.target, head.headers);
                let request = Request {
                    method,
                    target,
                    headers,
                    first,
                    last: first,
                    body: None,
                };
                let index = self.exchanges.request(request);
                self.exchanges.request_done(index, None);
                index
            }
            Direction::ToClient => {
                let head = status_head(&head).ok()?;
                let index = self
                    .exchanges
                    .next_answered(self.sides[1].after_hole, self.intact);
                let (status, reason, headers) = (head.status, head.reason, head.headers);
                let response = Response {
                    status,
                    reason,
                    headers,
                    first,
                    last: first,
                    body: None,
                };
                self.exchanges.response(index, response);
                index
            }
        };
        Some(index)
    }
}
