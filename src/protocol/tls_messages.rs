//! What the readable messages of a handshake add to it.

use std::sync::Arc;

use crate::bytes::ParseError;
use crate::flow::Direction;
use crate::protocol::tls::{HiddenBy, ServerCertificates};
use crate::protocol::tls_certificates::{
    Certificate13, certificate_list, certificate_status, certificate13, compressed_certificate,
};
use crate::protocol::tls_dialogue::TlsDialogue;
use crate::protocol::tls_handshake::{ReadClientHello, TLS13, client_hello, server_hello};
use crate::protocol::tls_records::Message;
use crate::protocol::transcript::side;
use crate::provenance::Sighting;

impl TlsDialogue {
    pub(super) fn message(
        &mut self,
        direction: Direction,
        message: Message,
        first: Sighting,
        at: Sighting,
    ) {
        let own = self.side(direction);
        let is_first = !std::mem::replace(&mut own.heard, true);
        // A hello begins the stream of its side: nothing before it is missed.
        if is_first && matches!(message.kind, 1 | 2) {
            own.gap_before = false;
        }
        let Message {
            kind,
            body,
            packets,
        } = message;
        if packets.is_empty() {
            self.note(
                first,
                format!("handshake message of type {kind} is too long to be read"),
            );
            return;
        }
        match (kind, direction) {
            (1, Direction::ToServer) => {
                let read = client_hello(&body, at);
                self.on_client_hello(read, first);
            }
            (2, Direction::ToClient) => self.on_server_hello(&body, first, at),
            (11, _) => self.on_certificate(direction, &body, packets, [first, at]),
            (25, _) => match compressed_certificate(&body) {
                Ok(body) => self.on_certificate(direction, &body, packets, [first, at]),
                Err(error) => self.note(first, error.to_string()),
            },
            (20, _) if self.is_13() => {
                self.handshake(first).finished[side(direction)].get_or_insert(at);
                self.hidden.sides[side(direction)].changes();
            }
            (24, _) if self.is_13() => self.hidden.sides[side(direction)].updates(),
            (13, Direction::ToClient) => self.handshake(first).certificate_request = Some(at),
            (14, Direction::ToClient) => {
                self.server_done = true;
                let handshake = self.handshake(first);
                let none = handshake.certificates == ServerCertificates::NotSeen;
                if none && handshake.server_hello.is_some() && !handshake.has_gap {
                    self.note(first, "the cipher suite uses no certificate".into());
                }
            }
            (22, Direction::ToClient) => match certificate_status(&body) {
                Ok(answer) => self.handshake(first).stapled_ocsp = Some(Arc::clone(&answer)),
                Err(error) => self.note(first, error.to_string()),
            },
            _ => {}
        }
    }

    /// A Certificate message of either sender.
    fn on_certificate(
        &mut self,
        direction: Direction,
        body: &[u8],
        packets: Vec<u64>,
        [first, at]: [Sighting; 2],
    ) {
        let is_13 = self.is_13();
        let read = if is_13 {
            certificate13(body)
        } else {
            let (list, error) = certificate_list(body);
            Certificate13 {
                list,
                stapled_ocsp: None,
                error,
            }
        };
        let handshake = self.handshake(first);
        if direction == Direction::ToServer {
            handshake.client_certificates = Some(read.list.len());
            return;
        }
        // Renegotiation sends the same list again.
        let replaces = match &handshake.certificates {
            ServerCertificates::Sent { list, .. } if *list == read.list => return,
            ServerCertificates::Sent { .. } => true,
            _ => false,
        };
        handshake.certificates_decrypted = is_13;
        if read.stapled_ocsp.is_some() {
            handshake.stapled_ocsp = read.stapled_ocsp;
        }
        handshake.certificates = ServerCertificates::Sent {
            list: read.list,
            packets,
            sighting: at,
        };
        if replaces {
            self.note(
                first,
                "a second list of certificates replaces the first".into(),
            );
        }
        if let Some(error) = read.error {
            self.note(first, error.to_string());
        }
    }

    pub(super) fn on_client_hello(
        &mut self,
        read: Result<ReadClientHello, ParseError>,
        first: Sighting,
    ) {
        self.sides[0].heard = true;
        match read {
            Ok(read) => {
                let ReadClientHello {
                    hello, session_id, ..
                } = read;
                self.hidden.randoms[0] = Some(read.random);
                self.hidden.early_data = read.early_data;
                // The second hello after a HelloRetryRequest repeats the first.
                let handshake = self.handshake(first);
                if handshake.client_hello.is_none() {
                    handshake.client_hello = Some(hello);
                    self.client_session_id = session_id;
                }
            }
            Err(error) => self.note(first, error.to_string()),
        }
    }

    fn on_server_hello(&mut self, body: &[u8], first: Sighting, at: Sighting) {
        let mut read = match server_hello(body, at) {
            Ok(read) => read,
            Err(error) => {
                self.note(first, error.to_string());
                return;
            }
        };
        let same = !read.session_id.is_empty() && read.session_id == self.client_session_id;
        read.hello.session_id_echoed = same && read.hello.version < TLS13;
        self.hidden.randoms[1] = Some(read.random);
        if read.hello.version >= TLS13 && !read.hello.retry_request {
            self.hidden.after_hello(read.hello.cipher_suite);
        }
        let handshake = self.handshake(first);
        if read.hello.version >= TLS13 && !read.hello.retry_request {
            let by = if read.pre_shared_key {
                HiddenBy::Resumption
            } else {
                HiddenBy::Tls13
            };
            handshake.certificates = ServerCertificates::Hidden(by);
        }
        if let Some(client) = &mut handshake.client_hello {
            // Only now it is told from the made-up id of a TLS 1.3 client.
            client.offers_resumption |= read.hello.session_id_echoed;
        }
        handshake.server_hello = Some(read.hello);
    }

    pub(super) fn note(&mut self, first: Sighting, trouble: String) {
        self.handshake(first).trouble.get_or_insert(trouble);
    }
}
