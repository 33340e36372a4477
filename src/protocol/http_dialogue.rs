//! Both directions of an HTTP/1.x connection.

use crate::flow::{Close, CloseKind, Demand, Direction};
use crate::protocol::body::{AfterHole, BodyEnd, BodyReader, Read};
use crate::protocol::exchanges::Exchanges;
use crate::protocol::head_buffer::{HeadBuffer, HeadStep};
use crate::protocol::http::{Completeness, Ending, Options};
use crate::protocol::http_head::has_too_many_fields;
use crate::protocol::room::{Room, Share};
use crate::protocol::sniff;
use crate::protocol::transcript::side;
use crate::provenance::Sighting;

/// Reads requests one way and answers the other way, whatever the pieces they
/// come in: keep-alive, pipelining, interim answers, bodies, CONNECT.
///
/// A direction whose place is lost (a hole, garbage) is taken up again where a
/// segment starts a message.
pub(super) struct HttpDialogue {
    pub(super) options: Options,
    pub(super) exchanges: Exchanges,
    pub(super) sides: [Side; 2],
    /// What the conversation may keep in memory.
    share: Share,
    pub(super) handover: Option<Handover>,
    pub(super) trouble: Vec<(String, Sighting)>,
    /// No request can have been missed so far.
    pub(super) intact: bool,
}

/// A CONNECT was granted: what follows is another dialogue.
pub(super) struct Handover {
    pub(super) authority: String,
    pub(super) established: Sighting,
    /// True when bytes of the client before `pending` are missing.
    pub(super) client_gap: bool,
    /// Bytes that belong to it already, in order of arrival.
    pub(super) pending: Vec<(Direction, Vec<u8>, Sighting)>,
}

#[derive(Default)]
pub(super) struct Side {
    pub(super) state: State,
    pub(super) head: HeadBuffer,
    /// Bytes of a client that waits for its tunnel, and their first frame.
    pub(super) held: Option<(Vec<u8>, Sighting)>,
    /// Bytes asked to be skipped and not yet reported.
    skipping: u64,
    /// A hole came before the next message.
    pub(super) after_hole: bool,
}

#[derive(Default)]
pub(super) enum State {
    #[default]
    Head,
    Body(u32, Box<BodyReader>),
    /// The client asked for a tunnel to this authority and waits.
    Waiting(u32, String),
    /// The next message is awaited at the start of a segment.
    Lost,
    /// Nothing more is read.
    Stopped,
}

/// Lines of trouble kept per conversation.
const MAX_TROUBLE: usize = 16;

impl HttpDialogue {
    /// `intact` says that the client's stream was seen from its first byte.
    pub(super) fn new(options: Options, exchanges: Exchanges, intact: bool, room: Room) -> Self {
        HttpDialogue {
            intact,
            options,
            exchanges,
            sides: Default::default(),
            share: Share::of(room),
            handover: None,
            trouble: Vec::new(),
        }
    }

    /// The next bytes of one direction.
    pub(super) fn bytes(&mut self, direction: Direction, bytes: &[u8], at: Sighting) -> Demand {
        self.skip_is_over(direction);
        if matches!(self.side(direction).state, State::Lost) {
            self.resync(direction, bytes, at);
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            rest = match self.side(direction).state {
                State::Head => self.head_bytes(direction, rest, at),
                State::Body(..) => self.body_bytes(direction, rest, at),
                State::Waiting(..) => self.waiting_bytes(rest, at),
                State::Lost | State::Stopped => &[],
            };
            if let Some(handover) = &mut self.handover {
                if !rest.is_empty() {
                    handover.pending.push((direction, rest.to_vec(), at));
                }
                break;
            }
        }
        self.demand(direction)
    }

    /// Part or all of the bytes asked to be skipped went by.
    pub(super) fn skipped(&mut self, direction: Direction, length: u64, at: Sighting) {
        let own = self.side(direction);
        let count = length.min(own.skipping);
        own.skipping -= count;
        if let State::Body(index, reader) = &mut own.state {
            reader.skipped(count);
            let index = *index;
            self.seen(direction, index, at);
        }
    }

    /// The demand to skip was not passed on: the bytes will come.
    pub(super) fn cancel_skip(&mut self, direction: Direction) {
        self.side(direction).skipping = 0;
    }

    /// A hole in one direction.
    pub(super) fn gap(&mut self, direction: Direction, length: Option<u64>) {
        self.skip_is_over(direction);
        let own = self.side(direction);
        match &mut own.state {
            State::Stopped => return,
            State::Lost => {}
            State::Waiting(..) => own.held = None,
            State::Head => {
                if let Some(index) = self.salvage(direction) {
                    self.exchanges.has_gap(index);
                }
                self.side(direction).state = State::Lost;
            }
            State::Body(_, reader) => {
                let end = match reader.gap(length) {
                    AfterHole::Inside => return,
                    AfterHole::Ends => BodyEnd::Framed,
                    AfterHole::Lost => BodyEnd::Gap,
                };
                self.end_body(direction, end);
                if end == BodyEnd::Framed {
                    return;
                }
                self.side(direction).state = State::Lost;
            }
        }
        self.side(direction).after_hole = true;
        self.intact &= direction == Direction::ToClient;
        match direction {
            Direction::ToClient => self.exchanges.answers_lost(),
            Direction::ToServer => self.exchanges.requests_lost(),
        }
    }

    /// A FIN ends one direction, a RST both.
    pub(super) fn closed(&mut self, close: &Close) {
        match close.how {
            CloseKind::Fin => self.end_side(close.by, BodyEnd::Closed),
            CloseKind::Reset => {
                self.end_side(Direction::ToServer, BodyEnd::Aborted);
                self.end_side(Direction::ToClient, BodyEnd::Aborted);
            }
        }
    }

    /// Ends what is open. `body_end` is for bodies, `ending` for exchanges.
    pub(super) fn finish(&mut self, body_end: BodyEnd, ending: Ending) {
        self.end_side(Direction::ToServer, body_end);
        self.end_side(Direction::ToClient, body_end);
        self.exchanges.settle(ending);
    }

    /// The dialogue that begins now, if one does.
    pub(super) fn take_handover(&mut self) -> Option<Handover> {
        self.handover.take()
    }

    pub(super) fn side(&mut self, direction: Direction) -> &mut Side {
        &mut self.sides[side(direction)]
    }

    fn demand(&mut self, direction: Direction) -> Demand {
        let own = self.side(direction);
        match &own.state {
            State::Stopped => Demand::Nothing,
            State::Body(_, reader) => match reader.may_skip() {
                Some(count) => {
                    own.skipping = count;
                    Demand::Skip(count)
                }
                None => Demand::More,
            },
            _ => Demand::More,
        }
    }

    /// Bytes or a hole after a skip: all of it has gone by.
    fn skip_is_over(&mut self, direction: Direction) {
        let own = self.side(direction);
        let count = std::mem::take(&mut own.skipping);
        if let State::Body(_, reader) = &mut own.state
            && count > 0
        {
            reader.skipped(count);
        }
    }

    fn resync(&mut self, direction: Direction, bytes: &[u8], at: Sighting) {
        if sniff::starts_message(direction, bytes) {
            self.side(direction).state = State::Head;
        } else if sniff::starts_tls_hello(bytes)
            && let State::Waiting(index, _) = self.sides[0].state
        {
            self.exchanges.has_gap(index);
            self.hand_over(at);
            if let Some(handover) = &mut self.handover {
                handover.pending.push((direction, bytes.to_vec(), at));
            }
        }
    }

    fn head_bytes<'a>(&mut self, direction: Direction, bytes: &'a [u8], at: Sighting) -> &'a [u8] {
        const NOT_READ: &str = "a message head cannot be read";
        const TOO_MANY: &str = "a message head has more fields than are read";
        match self.side(direction).head.push(direction, bytes, at) {
            HeadStep::More => &[],
            HeadStep::NotHttp(why) => self.lose(direction, why, at),
            HeadStep::Whole(head, first, rest) => {
                let read = match direction {
                    Direction::ToServer => self.request(&head, first, at),
                    Direction::ToClient => self.response(&head, first, at),
                };
                if has_too_many_fields(&head) {
                    self.note(TOO_MANY, first);
                }
                if read {
                    rest
                } else {
                    self.lose(direction, NOT_READ, at)
                }
            }
        }
    }

    pub(super) fn body_bytes<'a>(
        &mut self,
        direction: Direction,
        bytes: &'a [u8],
        at: Sighting,
    ) -> &'a [u8] {
        let own = &mut self.sides[side(direction)];
        let State::Body(index, reader) = &mut own.state else {
            return bytes;
        };
        let index = *index;
        if direction == Direction::ToServer
            && reader.wire_size() == 0
            && self.exchanges.is_answered(index)
            && sniff::starts_message(direction, bytes)
        {
            // The answer was final (417, 407, 401): the client that expected
            // 100 Continue keeps its body and asks anew (RFC 9110 §10.1.1).
            self.end_body(direction, BodyEnd::Aborted);
            return bytes;
        }
        if direction == Direction::ToClient
            && reader.wire_size() == 0
            && self.exchanges.method(index).is_none()
            && sniff::starts_message(direction, bytes)
        {
            // Its request was not captured: the length was that of a HEAD.
            self.end_body(direction, BodyEnd::Gap);
            return bytes;
        }
        let (exchanges, options) = (&self.exchanges, &self.options);
        let mut wants = |first: &[u8]| exchanges.wants_body(options, direction, index, first);
        let read = self.share.with(|room| reader.push(bytes, room, &mut wants));
        let (end, rest) = match read {
            Read::More => (None, &[][..]),
            Read::Done(rest) => (Some(BodyEnd::Framed), rest),
            Read::Broken => (Some(BodyEnd::Aborted), &[][..]),
        };
        if bytes.len() > rest.len() {
            self.seen(direction, index, at);
        }
        if let Some(end) = end {
            self.end_body(direction, end);
        }
        if end == Some(BodyEnd::Aborted) {
            return self.lose(direction, "the framing of a body cannot be followed", at);
        }
        rest
    }

    fn seen(&mut self, direction: Direction, index: u32, at: Sighting) {
        match direction {
            Direction::ToServer => self.exchanges.request_seen(index, at),
            Direction::ToClient => self.exchanges.response_seen(index, at),
        }
    }

    /// Ends the body of one direction and awaits the next head.
    fn end_body(&mut self, direction: Direction, end: BodyEnd) {
        let state = std::mem::take(&mut self.side(direction).state);
        let State::Body(index, reader) = state else {
            return;
        };
        let (exchanges, options) = (&self.exchanges, &self.options);
        let mut wants = |first: &[u8]| exchanges.wants_body(options, direction, index, first);
        let share = &mut self.share;
        let mut body = share.with(|room| reader.finish(end, room, &mut wants));
        // A part of an object is of use with the other parts only.
        if !exchanges.is_partial(index) {
            share.hand_over(&mut body);
        }
        if body.completeness == Completeness::OverLimit {
            share.refuse();
        }
        match direction {
            Direction::ToServer => self.exchanges.request_done(index, Some(body)),
            Direction::ToClient => self.exchanges.response_done(index, Some(body)),
        }
    }

    fn end_side(&mut self, direction: Direction, end: BodyEnd) {
        let own = self.side(direction);
        own.skipping = 0;
        match own.state {
            State::Body(..) => self.end_body(direction, end),
            State::Head => {
                self.salvage(direction);
            }
            // The answer may still come.
            State::Waiting(..) => return,
            State::Lost | State::Stopped => {}
        }
        self.side(direction).state = State::Stopped;
    }

    pub(super) fn lose(&mut self, direction: Direction, why: &str, at: Sighting) -> &'static [u8] {
        self.side(direction).state = State::Lost;
        self.intact &= direction == Direction::ToClient;
        self.note(why, at);
        &[]
    }

    fn note(&mut self, why: &str, at: Sighting) {
        if self.trouble.len() < MAX_TROUBLE {
            self.trouble.push((why.to_owned(), at));
        }
    }
}

impl Side {
    pub(super) fn stopped() -> Self {
        Side {
            state: State::Stopped,
            ..Side::default()
        }
    }
}
