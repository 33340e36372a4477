//! HTTP that ran inside TLS, once a key log has opened it.

use std::collections::VecDeque;

use crate::flow::{Close, Direction};
use crate::protocol::body::BodyEnd;
use crate::protocol::dialogue::{Dialogue, Layer};
use crate::protocol::exchanges::Exchanges;
use crate::protocol::http::Ending;
use crate::protocol::http_dialogue::HttpDialogue;
use crate::protocol::sniff::{self, Guess};
use crate::protocol::transcript::side;
use crate::provenance::Sighting;

/// What became of application data.
pub(super) enum Inner {
    /// A record was opened.
    Data(Direction, Vec<u8>, Sighting),
    /// Data of this sender is missing, or could not be opened.
    Lost(Direction),
}

/// What runs inside one TLS connection.
#[derive(Default)]
pub(super) enum Inside {
    /// Nothing was opened.
    #[default]
    Nothing,
    /// Opened data that is too short to tell what it begins, by sender.
    Sniffing([Vec<u8>; 2]),
    /// It is HTTP/1.x.
    Http(Box<HttpDialogue>),
    /// It is something else, or HTTP/2.
    Other,
}

impl Dialogue {
    /// Reads what the TLS layer has opened since the last call.
    pub(super) fn read_inside(&mut self) {
        let Layer::Tls(tls) = &mut self.layer else {
            return;
        };
        let mut opened: VecDeque<Inner> = std::mem::take(&mut tls.opened);
        while let Some(inner) = opened.pop_front() {
            match inner {
                Inner::Data(direction, bytes, at) => self.data_inside(direction, &bytes, at),
                Inner::Lost(direction) => match &mut self.inside {
                    Inside::Http(http) => http.gap(direction, None),
                    Inside::Nothing => {}
                    // The beginning is missing, which alone could tell.
                    Inside::Sniffing(_) | Inside::Other => self.inside = Inside::Other,
                },
            }
        }
        if matches!(self.inside, Inside::Other)
            && let Layer::Tls(tls) = &mut self.layer
        {
            tls.hidden.wants_data = false;
        }
    }

    fn data_inside(&mut self, direction: Direction, bytes: &[u8], at: Sighting) {
        if matches!(self.inside, Inside::Nothing) {
            self.inside = Inside::Sniffing(Default::default());
        }
        if let Inside::Sniffing(pending) = &mut self.inside {
            let own = &mut pending[side(direction)];
            own.extend_from_slice(bytes);
            match sniff::guess(own) {
                Guess::Short => return,
                guess @ (Guess::Request | Guess::Response)
                    if guess.direction() == Some(direction) =>
                {
                    let pending = std::mem::take(pending);
                    self.begin_inside(pending, at);
                }
                _ => self.inside = Inside::Other,
            }
            return;
        }
        if let Inside::Http(http) = &mut self.inside {
            feed(http, direction, bytes, at);
        }
    }

    fn begin_inside(&mut self, pending: [Vec<u8>; 2], at: Sighting) {
        let Some(mut exchanges) = self.exchanges.take() else {
            self.inside = Inside::Other;
            return;
        };
        exchanges.encrypted = true;
        let mut http = HttpDialogue::new(
            self.options,
            exchanges,
            !self.from_the_middle,
            self.room.clone(),
        );
        for (direction, bytes) in [Direction::ToServer, Direction::ToClient]
            .into_iter()
            .zip(pending)
        {
            feed(&mut http, direction, &bytes, at);
        }
        self.inside = Inside::Http(Box::new(http));
    }

    /// Passes on that one side of the connection has closed.
    pub(super) fn close_inside(&mut self, close: &Close) {
        if let Inside::Http(http) = &mut self.inside {
            http.closed(close);
        }
    }

    /// The exchanges, where those inside TLS hold them.
    pub(super) fn exchanges_inside(&mut self) -> Option<&mut Exchanges> {
        match &mut self.inside {
            Inside::Http(http) => Some(&mut http.exchanges),
            _ => None,
        }
    }

    /// Ends what ran inside TLS and takes its exchanges back.
    pub(super) fn leave_inside(&mut self, body_end: BodyEnd, ending: Ending) {
        if let Inside::Http(mut http) = std::mem::take(&mut self.inside) {
            http.finish(body_end, ending);
            self.transcript.trouble.append(&mut http.trouble);
            let mut exchanges = http.exchanges;
            exchanges.encrypted = false;
            self.exchanges = Some(exchanges);
        }
    }
}

/// Feeds opened data. Nothing of it can be skipped by sequence number, and a
/// tunnel that begins inside TLS is not followed.
fn feed(http: &mut HttpDialogue, direction: Direction, bytes: &[u8], at: Sighting) {
    if bytes.is_empty() {
        return;
    }
    http.bytes(direction, bytes, at);
    http.cancel_skip(direction);
    http.take_handover();
}
