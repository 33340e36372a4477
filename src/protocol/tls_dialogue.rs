//! Both directions of a TLS connection.

use std::collections::VecDeque;

use crate::flow::{Close, CloseKind, ConversationId, Demand, Direction};
use crate::protocol::key_log::KeyLog;
use crate::protocol::tls::{Alert, Ending, Handshake, HiddenBy, KeyUse, ServerCertificates};
use crate::protocol::tls_handshake::{TLS13, sslv2_client_hello};
use crate::protocol::tls_hidden::Hidden;
use crate::protocol::tls_inside::Inner;
use crate::protocol::tls_records::{MessageBuffer, Piece, Record, RecordStream};
use crate::protocol::transcript::side;
use crate::provenance::Sighting;

/// Follows the records of both sides; reads what is not encrypted.
pub(super) struct TlsDialogue {
    conversation: ConversationId,
    tunnel: Option<String>,
    handshake: Option<Handshake>,
    pub(super) sides: [Side; 2],
    pub(super) client_session_id: Vec<u8>,
    pub(super) server_done: bool,
    pub(super) hidden: Hidden,
    upgraded_from: Option<&'static str>,
    /// Application data that was opened or missed, not yet read.
    pub(super) opened: VecDeque<Inner>,
}

#[derive(Default)]
pub(super) struct Side {
    /// Bytes were read.
    began: bool,
    records: RecordStream,
    pub(super) messages: MessageBuffer,
    alert: Vec<u8>,
    skipping: u64,
    /// A hole before the first message that was read.
    pub(super) gap_before: bool,
    /// A handshake message was read.
    pub(super) heard: bool,
    /// Encrypted records of TLS 1.3.
    encrypted: u32,
    /// The rest of the current record is part of a message with a hole.
    broken: bool,
}

pub(super) const HANDSHAKE: u8 = 22;
pub(super) const ALERT: u8 = 21;
const CHANGE_CIPHER_SPEC: u8 = 20;
pub(super) const APPLICATION_DATA: u8 = 23;

/// Alerts kept per connection; two are usual.
const MAX_ALERTS: usize = 16;
/// The client's Finished is among its first encrypted records: a certificate
/// and its proof may stand before it.
const FINISHED_WITHIN: u32 = 4;

impl TlsDialogue {
    /// `from_the_middle` says that bytes before the first ones are missing,
    /// `keys` may open what is encrypted.
    pub(super) fn new(
        conversation: ConversationId,
        tunnel: Option<String>,
        from_the_middle: bool,
        keys: KeyLog,
        upgraded_from: Option<&'static str>,
    ) -> Self {
        let side = || Side {
            gap_before: from_the_middle,
            ..Side::default()
        };
        TlsDialogue {
            conversation,
            tunnel,
            handshake: None,
            sides: [side(), side()],
            client_session_id: Vec::new(),
            server_done: false,
            hidden: Hidden::new(keys),
            upgraded_from,
            opened: VecDeque::new(),
        }
    }

    /// The next bytes of one direction.
    pub(super) fn bytes(&mut self, direction: Direction, bytes: &[u8], at: Sighting) -> Demand {
        self.skip_is_over(direction);
        if self.is_answer_in_clear(direction, bytes, at) {
            return Demand::Nothing;
        }
        let mut rest = bytes;
        self.side(direction).records.segment(bytes);
        while let Some(piece) = self.side(direction).records.next(&mut rest, at) {
            match piece {
                Piece::Begins(record) => self.record_begins(direction, &record),
                Piece::Payload(record, payload, over) => {
                    self.payload(direction, &record, payload, over, at);
                }
                Piece::Sslv2(message) => {
                    let read = sslv2_client_hello(&message, at);
                    self.on_client_hello(read, at);
                }
                Piece::Lost => {
                    self.lost_inside(direction);
                    self.place_lost(direction);
                    self.hidden.sides[side(direction)].lost();
                }
            }
        }
        if let Some(handshake) = &mut self.handshake {
            handshake.last = at;
        }
        self.demand(direction)
    }

    /// True where a server answers the hello with HTTP: it has no TLS on this
    /// port. No handshake can follow, and nothing of one was lost.
    fn is_answer_in_clear(&mut self, direction: Direction, bytes: &[u8], at: Sighting) -> bool {
        let own = self.side(direction);
        let is_first = !std::mem::replace(&mut own.began, true) && !own.gap_before;
        let is_http = direction == Direction::ToClient && is_first && bytes.starts_with(b"HTTP/1.");
        match &mut self.handshake {
            Some(handshake) if is_http && handshake.client_hello.is_some() => {
                handshake.answered_in_clear = true;
                handshake.last = at;
                true
            }
            _ => false,
        }
    }

    /// Part or all of the bytes asked to be skipped went by.
    pub(super) fn skipped(&mut self, direction: Direction, length: u64, at: Sighting) {
        let own = self.side(direction);
        let count = length.min(own.skipping);
        own.skipping -= count;
        own.records.pass_over(count);
        if let Some(handshake) = &mut self.handshake {
            handshake.last = at;
        }
    }

    /// The demand to skip was not passed on: the bytes will come.
    pub(super) fn cancel_skip(&mut self, direction: Direction) {
        self.side(direction).skipping = 0;
    }

    /// A hole in one direction.
    pub(super) fn gap(&mut self, direction: Direction, length: Option<u64>) {
        self.skip_is_over(direction);
        self.lost_inside(direction);
        let own = self.side(direction);
        let current = own.records.left().map(|(record, _)| record);
        let inside = length.is_some_and(|length| own.records.pass_over(length));
        let harmless = inside && current.is_some_and(|record| !self.is_read(direction, &record));
        let gathers = self.hidden.sides[side(direction)].gathers;
        if inside {
            self.side(direction).broken = !harmless;
        } else {
            self.side(direction).records.lose();
        }
        if !harmless {
            self.place_lost(direction);
        }
        if !inside {
            self.hidden.sides[side(direction)].lost();
        } else if gathers {
            // It can no longer be opened; its header says what it may be.
            self.hidden.sides[side(direction)].gathers = false;
            if let Some(record) = current {
                self.not_opened(direction, &record);
            }
        }
    }

    /// One side closed.
    pub(super) fn closed(&mut self, close: &Close) {
        let Some(handshake) = &mut self.handshake else {
            return;
        };
        handshake.last = close.sighting;
        if handshake.ending.is_none() {
            let reset = close.how == CloseKind::Reset;
            handshake.ending = Some(Ending {
                by: close.by,
                reset,
                sighting: close.sighting,
            });
        }
    }

    /// The handshake, where any part of one was seen.
    pub(super) fn finish(self) -> Option<Handshake> {
        let missing = self.sides.iter().any(|own| own.gap_before);
        let mut handshake = self.handshake?;
        handshake.key_use = self.hidden.key_use();
        if let Some(trouble) = self.hidden.trouble() {
            handshake.trouble.get_or_insert(trouble);
        }
        if !missing && was_nothing_said(&handshake) {
            return None;
        }
        handshake.has_gap |= missing && !is_hidden(&handshake);
        Some(handshake)
    }

    pub(super) fn side(&mut self, direction: Direction) -> &mut Side {
        &mut self.sides[side(direction)]
    }

    fn demand(&mut self, direction: Direction) -> Demand {
        let Some((record, left)) = self.side(direction).records.left() else {
            return Demand::More;
        };
        if self.is_read(direction, &record) || left == 0 {
            return Demand::More;
        }
        self.side(direction).skipping = u64::from(left);
        Demand::Skip(u64::from(left))
    }

    fn skip_is_over(&mut self, direction: Direction) {
        let own = self.side(direction);
        let count = std::mem::take(&mut own.skipping);
        if count > 0 {
            own.records.pass_over(count);
        }
    }

    /// True for records whose payload is looked at.
    fn is_read(&self, direction: Direction, record: &Record) -> bool {
        if self.hidden.sides[side(direction)].gathers {
            return true;
        }
        match record.content_type {
            HANDSHAKE => !self.is_encrypted(direction),
            // Two bytes are readable; encryption makes them more.
            ALERT => record.length == 2,
            _ => false,
        }
    }

    /// Handshake records after ChangeCipherSpec are encrypted, but not in TLS
    /// 1.3, which sends it only to look like TLS 1.2 and encrypts as type 23.
    fn is_encrypted(&self, direction: Direction) -> bool {
        let Some(handshake) = &self.handshake else {
            return false;
        };
        handshake.change_cipher_spec[side(direction)].is_some() && !is_13(handshake)
    }

    pub(super) fn handshake(&mut self, first: Sighting) -> &mut Handshake {
        let (conversation, tunnel) = (self.conversation, &self.tunnel);
        let upgraded_from = self.upgraded_from;
        self.handshake.get_or_insert_with(|| Handshake {
            conversation,
            tunnel: tunnel.clone(),
            client_hello: None,
            server_hello: None,
            certificates: ServerCertificates::NotSeen,
            certificates_decrypted: false,
            key_use: KeyUse::None,
            upgraded_from,
            stapled_ocsp: None,
            certificate_request: None,
            client_certificates: None,
            alerts: Vec::new(),
            change_cipher_spec: [None; 2],
            finished: [None; 2],
            application_data: [None; 2],
            application_bytes: [0; 2],
            ending: None,
            has_gap: false,
            answered_in_clear: false,
            first,
            last: first,
            trouble: None,
        })
    }

    fn record_begins(&mut self, direction: Direction, record: &Record) {
        let at = record.first;
        self.side(direction).broken = false;
        let encrypted = self.is_encrypted(direction);
        let gathers = self.is_openable(direction, record);
        let counts = gathers || !self.is_13();
        self.hidden.begins(side(direction), gathers, counts);
        match record.content_type {
            ALERT | APPLICATION_DATA if gathers => {}
            HANDSHAKE if !encrypted => {
                self.handshake(at);
            }
            HANDSHAKE => {
                self.handshake(at).finished[side(direction)].get_or_insert(at);
            }
            ALERT if record.length == 2 => self.side(direction).alert.clear(),
            ALERT => self.alert(direction, None, at),
            CHANGE_CIPHER_SPEC => self.change_cipher_spec(direction, at),
            APPLICATION_DATA => self.not_opened(direction, record),
            _ => {}
        }
    }

    fn payload(
        &mut self,
        direction: Direction,
        record: &Record,
        payload: &[u8],
        over: bool,
        at: Sighting,
    ) {
        if !self.is_read(direction, record) || self.side(direction).broken {
            return;
        }
        let opener = &mut self.hidden.sides[side(direction)];
        if opener.gathers {
            opener.push(payload, at.packet);
            if over {
                self.open(direction, record, at);
            }
            return;
        }
        let own = self.side(direction);
        if record.content_type == ALERT {
            own.alert.extend_from_slice(payload);
            if over && let &[level, description] = own.alert.as_slice() {
                self.alert(direction, Some((level, description)), at);
            }
            return;
        }
        own.messages.push(payload, at);
        while let Some(message) = self.side(direction).messages.take() {
            self.message(direction, message, record.first, at);
        }
    }

    pub(super) fn alert(&mut self, by: Direction, content: Option<(u8, u8)>, at: Sighting) {
        // An encrypted alert of a connection whose handshake was not seen tells nothing.
        if content.is_none() && self.handshake.is_none() {
            return;
        }
        let handshake = self.handshake(at);
        if handshake.alerts.len() < MAX_ALERTS {
            handshake.alerts.push(Alert {
                by,
                content,
                sighting: at,
            });
        }
    }

    fn change_cipher_spec(&mut self, direction: Direction, at: Sighting) {
        let (server_done, server_gap) = (self.server_done, self.sides[1].gap_before);
        let Some(handshake) = &mut self.handshake else {
            return;
        };
        handshake.change_cipher_spec[side(direction)].get_or_insert(at);
        if let Some(hello) = &handshake.server_hello
            && !is_13(handshake)
        {
            self.hidden.after_change(side(direction), hello);
        }
        let cut_short = direction == Direction::ToClient
            && handshake.server_hello.is_some()
            && !is_13(handshake)
            && !server_done
            && !handshake.has_gap
            && !server_gap;
        if cut_short && handshake.certificates == ServerCertificates::NotSeen {
            handshake.certificates = ServerCertificates::Hidden(HiddenBy::Resumption);
        }
    }

    pub(super) fn application_data(&mut self, direction: Direction, record: &Record) {
        let index = side(direction);
        let Some(handshake) = &mut self.handshake else {
            return;
        };
        let (length, at) = (record.length, record.first);
        let hidden_lengths = handshake.server_hello.as_ref().and_then(|hello| {
            let is_13 = hello.version == TLS13 && !hello.retry_request;
            is_13.then(|| hidden_lengths(hello.cipher_suite))
        });
        if let Some((alert_length, finished_length)) = hidden_lengths {
            self.sides[index].encrypted += 1;
            let [client, _] = &self.sides;
            let awaited = handshake.finished[0].is_none() && client.encrypted <= FINISHED_WITHIN;
            if length == alert_length {
                self.alert(direction, None, at);
                return;
            }
            if direction == Direction::ToClient && client.encrypted == 0 {
                return;
            }
            if direction == Direction::ToServer && awaited && length == finished_length {
                handshake.finished[0] = Some(at);
                // What came before it were the client's certificates.
                handshake.application_data[0] = None;
                handshake.application_bytes[0] = 0;
                return;
            }
        }
        handshake.application_data[index].get_or_insert(at);
        handshake.application_bytes[index] += u64::from(length);
    }

    pub(super) fn is_13(&self) -> bool {
        self.handshake.as_ref().is_some_and(is_13)
    }

    /// Bytes of one direction that mattered are missing or unreadable.
    fn place_lost(&mut self, direction: Direction) {
        let encrypted = self.is_encrypted(direction);
        let index = side(direction);
        let was_open = self.hidden.is_ready(index);
        let own = self.side(direction);
        own.messages.reset();
        let heard = own.heard;
        own.gap_before |= !heard;
        if let Some(handshake) = &mut self.handshake
            && heard
            && !encrypted
            && match was_open {
                true => handshake.finished[index].is_none(),
                false => !is_hidden(handshake),
            }
        {
            handshake.has_gap = true;
        }
    }
}

/// True when all that was seen is the server's alert: a connection opened in
/// advance and closed unused is answered so by OpenSSL.
fn was_nothing_said(handshake: &Handshake) -> bool {
    handshake.client_hello.is_none()
        && handshake.server_hello.is_none()
        && handshake.certificates == ServerCertificates::NotSeen
        && handshake.trouble.is_none()
        && !handshake.alerts.is_empty()
        && handshake
            .alerts
            .iter()
            .all(|alert| alert.by == Direction::ToClient)
}

fn is_13(handshake: &Handshake) -> bool {
    handshake
        .server_hello
        .as_ref()
        .is_some_and(|hello| hello.version >= TLS13)
}

/// After this the rest of the handshake is encrypted, so that nothing readable
/// can be missing.
fn is_hidden(handshake: &Handshake) -> bool {
    matches!(handshake.certificates, ServerCertificates::Hidden(_))
}

/// Lengths of an alert and of a Finished in TLS 1.3 without padding: message,
/// one byte of type, and the tag. Spec: RFC 8446 §5.2, §4.4.4, appendix B.4.
fn hidden_lengths(cipher_suite: u16) -> (u16, u16) {
    let tag = if cipher_suite == 0x1305 { 8 } else { 16 };
    let hash = if cipher_suite == 0x1302 { 48 } else { 32 };
    (2 + 1 + tag, 4 + hash + 1 + tag)
}
