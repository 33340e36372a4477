//! Pairs requests with answers and says how each exchange ended.

use std::collections::{BTreeMap, VecDeque};

use crate::flow::{ConversationId, Direction};
use crate::protocol::http::{Body, Completeness, Ending, Exchange, Options, Request, Response};
use crate::provenance::Sighting;

/// Decides whether a finished exchange is kept; the others are only counted.
pub(super) type KeepExchange = fn(&Exchange) -> bool;

/// The exchanges of one conversation, open ones by index.
pub(super) struct Exchanges {
    conversation: ConversationId,
    /// The authority of the CONNECT tunnel that the coming ones run in.
    pub(super) tunnel: Option<String>,
    /// The coming ones run inside TLS.
    pub(super) encrypted: bool,
    keep: KeepExchange,
    next: u32,
    /// Apart from the tree, whose smallest node has room for eleven.
    open: BTreeMap<u32, Box<Record>>,
    unanswered: VecDeque<u32>,
    /// Exchanges whose answer was captured before their request.
    early: VecDeque<u32>,
    finished: Vec<Exchange>,
    pub(super) not_kept: u64,
    any_answered: bool,
    /// Bytes of the client are missing since its last request that was read.
    requests_lost: bool,
}

struct Record {
    exchange: Exchange,
    request_done: bool,
    /// Bytes that may have held its answer are missing.
    gap: bool,
    ending: Option<Ending>,
}

/// Requests waiting for an answer. More are waiting only where the answers
/// were not captured; then the oldest will never be paired.
const MAX_UNANSWERED: usize = 4096;
/// Exchanges kept of one conversation, some 30 MB of header fields.
const MAX_KEPT: usize = 20_000;

impl Exchanges {
    pub(super) fn new(conversation: ConversationId, keep: KeepExchange) -> Self {
        Exchanges {
            conversation,
            tunnel: None,
            encrypted: false,
            keep,
            next: 0,
            open: BTreeMap::new(),
            unanswered: VecDeque::new(),
            early: VecDeque::new(),
            finished: Vec::new(),
            not_kept: 0,
            any_answered: false,
            requests_lost: false,
        }
    }

    /// True when no message was read at all.
    pub(super) fn is_empty(&self) -> bool {
        self.next == 0
    }

    /// Opens an exchange with a request; its body may follow.
    pub(super) fn request(&mut self, request: Request) -> u32 {
        self.requests_lost = false;
        if let Some(index) = self.early.pop_front()
            && let Some(record) = self.open.get_mut(&index)
        {
            record.exchange.request = Some(request);
            return index;
        }
        let index = self.open(Some(request));
        self.unanswered.push_back(index);
        if self.unanswered.len() > MAX_UNANSWERED
            && let Some(oldest) = self.unanswered.pop_front()
        {
            self.close(oldest, Ending::CaptureGap);
        }
        index
    }

    /// The exchange that the next answer belongs to: that of the oldest
    /// request not yet answered, or a new one without a request.
    ///
    /// After a hole among the answers it is the newest request: clients wait
    /// for an answer before they ask again, so the older answers lie in the
    /// hole. (A client that pipelines three requests would be misread here.)
    ///
    /// `intact` says that no request can have been missed so far: then an
    /// answer without one was captured too early, as happens where several
    /// queues of a network card are captured, and its request will come.
    /// When requests may be missing too, it belongs to one of those.
    pub(super) fn next_answered(&mut self, after_hole: bool, intact: bool) -> u32 {
        if after_hole && self.requests_lost {
            for lost in std::mem::take(&mut self.unanswered) {
                self.close(lost, Ending::CaptureGap);
            }
        }
        if after_hole && self.unanswered.len() > 1 {
            let newest = self.unanswered.pop_back();
            for lost in std::mem::take(&mut self.unanswered) {
                self.close(lost, Ending::CaptureGap);
            }
            self.unanswered.extend(newest);
        }
        match self.unanswered.pop_front() {
            Some(index) => index,
            None => {
                let index = self.open(None);
                if intact && let Some(record) = self.open.get_mut(&index) {
                    record.request_done = false;
                    self.early.push_back(index);
                }
                index
            }
        }
    }

    /// Notes that bytes of the client are missing which may have held requests.
    pub(super) fn requests_lost(&mut self) {
        self.requests_lost = true;
    }

    /// The method of an open exchange's request.
    pub(super) fn method(&self, index: u32) -> Option<&str> {
        let request = self.open.get(&index)?.exchange.request.as_ref()?;
        Some(&request.method)
    }

    /// True when the final answer of this exchange has begun, or is over.
    pub(super) fn is_answered(&self, index: u32) -> bool {
        self.open
            .get(&index)
            .is_none_or(|record| record.exchange.response.is_some())
    }

    /// True when the answer is a part of what was asked for (206).
    pub(super) fn is_partial(&self, index: u32) -> bool {
        let record = self.open.get(&index);
        let response = record.and_then(|record| record.exchange.response.as_ref());
        response.is_some_and(|response| response.status == 206)
    }

    /// True when any answer was seen.
    pub(super) fn any_answered(&self) -> bool {
        self.any_answered
    }

    /// Asks whether the body of an open exchange is wanted. Of requests, only
    /// small OCSP requests are: other uploads prove nothing here.
    pub(super) fn wants_body(
        &self,
        options: &Options,
        direction: Direction,
        index: u32,
        first: &[u8],
    ) -> bool {
        let Some(record) = self.open.get(&index) else {
            return false;
        };
        let Exchange {
            request, response, ..
        } = &record.exchange;
        match (direction, request, response) {
            (Direction::ToClient, request, Some(response)) => {
                (options.want_body)(request.as_ref(), response, first)
            }
            (Direction::ToServer, Some(request), _) => {
                let kind = request.headers.get("content-type").unwrap_or_default();
                kind.to_ascii_lowercase().contains("ocsp-request")
            }
            _ => false,
        }
    }

    /// The head of an answer came.
    pub(super) fn response(&mut self, index: u32, response: Response) {
        self.any_answered = true;
        if let Some(record) = self.open.get_mut(&index) {
            record.exchange.response = Some(response);
        }
    }

    /// More of the request was seen.
    pub(super) fn request_seen(&mut self, index: u32, sighting: Sighting) {
        let record = self.open.get_mut(&index);
        if let Some(request) = record.and_then(|record| record.exchange.request.as_mut()) {
            request.last = sighting;
        }
    }

    /// More of the answer was seen.
    pub(super) fn response_seen(&mut self, index: u32, sighting: Sighting) {
        let record = self.open.get_mut(&index);
        if let Some(response) = record.and_then(|record| record.exchange.response.as_mut()) {
            response.last = sighting;
        }
    }

    /// The request is over, with its body if it has one.
    pub(super) fn request_done(&mut self, index: u32, body: Option<Body>) {
        let Some(record) = self.open.get_mut(&index) else {
            return;
        };
        record.request_done = true;
        if let Some(request) = &mut record.exchange.request {
            request.body = body;
        }
        self.move_out(index);
    }

    /// The answer is over, with its body if it has one.
    pub(super) fn response_done(&mut self, index: u32, body: Option<Body>) {
        let Some(record) = self.open.get_mut(&index) else {
            return;
        };
        record.ending = match body.as_ref().map(|body| body.completeness) {
            None | Some(Completeness::Complete | Completeness::OverLimit) => Some(Ending::Complete),
            Some(Completeness::CaptureGap) => Some(Ending::CaptureGap),
            Some(Completeness::CaptureEnds) => Some(Ending::CaptureEnds),
            // Who cut it is known when the conversation is over.
            Some(Completeness::CutByPeer) => None,
        };
        if let Some(response) = &mut record.exchange.response {
            response.body = body;
        }
        self.move_out(index);
    }

    /// Bytes of this exchange are missing.
    pub(super) fn has_gap(&mut self, index: u32) {
        if let Some(record) = self.open.get_mut(&index) {
            record.gap = true;
        }
    }

    /// Bytes from the server are missing: any answer still due may be in them.
    pub(super) fn answers_lost(&mut self) {
        for index in &self.unanswered {
            if let Some(record) = self.open.get_mut(index) {
                record.gap = true;
            }
        }
    }

    /// Ends all open exchanges: those with missing bytes as such, the others
    /// with `ending`.
    pub(super) fn settle(&mut self, ending: Ending) {
        self.unanswered.clear();
        self.early.clear();
        let open: Vec<u32> = self.open.keys().copied().collect();
        for index in open {
            self.close(index, ending);
        }
    }

    /// Takes the finished exchanges out, in order.
    pub(super) fn take_finished(&mut self) -> Vec<Exchange> {
        let mut finished = std::mem::take(&mut self.finished);
        finished.sort_by_key(|exchange| exchange.index);
        finished
    }

    fn open(&mut self, request: Option<Request>) -> u32 {
        let index = self.next;
        self.next = self.next.saturating_add(1);
        let exchange = Exchange {
            conversation: self.conversation,
            index,
            tunnel: self.tunnel.clone(),
            encrypted: self.encrypted,
            request,
            response: None,
            ending: Ending::CaptureEnds,
        };
        let request_done = exchange.request.is_none();
        let record = Record {
            exchange,
            request_done,
            gap: false,
            ending: None,
        };
        self.open.insert(index, Box::new(record));
        index
    }

    fn close(&mut self, index: u32, ending: Ending) {
        if let Some(record) = self.open.get_mut(&index) {
            let otherwise = if record.gap {
                Ending::CaptureGap
            } else {
                ending
            };
            record.ending.get_or_insert(otherwise);
            record.request_done = true;
        }
        self.move_out(index);
    }

    fn move_out(&mut self, index: u32) {
        let record = self.open.get(&index);
        if !record.is_some_and(|record| record.request_done && record.ending.is_some()) {
            return;
        }
        let Some(record) = self.open.remove(&index) else {
            return;
        };
        let mut exchange = record.exchange;
        exchange.ending = record.ending.unwrap_or(Ending::CaptureEnds);
        if self.finished.len() < MAX_KEPT && (self.keep)(&exchange) {
            if self.finished.is_empty() {
                // Most conversations have one; else there would be room for four.
                self.finished.reserve_exact(1);
            }
            self.finished.push(exchange);
        } else {
            self.not_kept += 1;
        }
    }
}
