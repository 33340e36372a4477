//! Encrypted records whose keys are in the evidence.

use crate::protocol::key_log::{KeyLog, Label};
use crate::protocol::record_keys::{RecordKeys, Suite};
use crate::protocol::tls::{KeyUse, ServerHello};
use crate::protocol::tls_handshake::TLS13;

/// Both directions of one connection.
pub(super) struct Hidden {
    keys: KeyLog,
    /// Of client and server, as the hellos say.
    pub(super) randoms: [Option<[u8; 32]>; 2],
    pub(super) sides: [Opener; 2],
    /// The client may have sent data before it had the server's answer.
    pub(super) early_data: bool,
    /// Application data is of use to somebody.
    pub(super) wants_data: bool,
    opened: u64,
    refused: u64,
    unsupported: bool,
}

/// One direction.
#[derive(Default)]
pub(super) struct Opener {
    current: Option<RecordKeys>,
    /// In force after the sender's Finished (TLS 1.3).
    next: Option<RecordKeys>,
    /// The record under way is gathered to be opened.
    pub(super) gathers: bool,
    number: u64,
    bytes: Vec<u8>,
    packets: Vec<u64>,
}

/// What came of a whole record.
pub(super) enum Opened {
    /// Its type and what it protected, and the frames it came in.
    Plain(u8, Vec<u8>, Vec<u64>),
    /// Data that the client sent before the server's answer, under keys of its own.
    Early,
    /// The keys do not fit.
    Refused,
}

impl Hidden {
    pub(super) fn new(keys: KeyLog) -> Self {
        Hidden {
            keys,
            randoms: [None; 2],
            sides: Default::default(),
            early_data: false,
            wants_data: true,
            opened: 0,
            refused: 0,
            unsupported: false,
        }
    }

    /// The server's hello of TLS 1.3: from here on its records are encrypted.
    pub(super) fn after_hello(&mut self, cipher_suite: u16) {
        let Some(random) = self.randoms[0] else {
            return;
        };
        for (index, own) in self.sides.iter_mut().enumerate() {
            let secrets = [Label::Handshake(index), Label::Application(index)]
                .map(|label| self.keys.secret(&random, label));
            let is_known = secrets.iter().any(Option::is_some);
            let Some(suite) = Suite::of(cipher_suite) else {
                self.unsupported |= is_known;
                continue;
            };
            let [handshake, application] =
                secrets.map(|secret| secret.and_then(|secret| RecordKeys::of_tls13(suite, secret)));
            own.current = handshake;
            own.next = application;
        }
    }

    /// A ChangeCipherSpec below TLS 1.3: new keys for what follows of this sender.
    pub(super) fn after_change(&mut self, index: usize, hello: &ServerHello) {
        let master = self.randoms[0]
            .as_ref()
            .and_then(|random| self.keys.secret(random, Label::Master));
        let suite = Suite::of(hello.cipher_suite).filter(|_| hello.version == TLS12);
        let Some(own) = self.sides.get_mut(index) else {
            return;
        };
        own.current = None;
        let (Some(master), [Some(client), Some(server)]) = (master, &self.randoms) else {
            return;
        };
        let Some(suite) = suite else {
            self.unsupported = true;
            return;
        };
        let both = RecordKeys::of_tls12(suite, &master, [client, server]);
        own.current = both.and_then(|both| both.into_iter().nth(index));
    }

    /// True when records of this sender can be opened.
    pub(super) fn is_ready(&self, index: usize) -> bool {
        let own = self.sides.get(index);
        own.is_some_and(|own| own.current.is_some() || own.next.is_some())
    }

    /// True when records were opened, so that those that are not are missed.
    pub(super) fn has_opened(&self) -> bool {
        self.opened > 0
    }

    /// A record of this sender begins; `gathers` says that it is to be opened,
    /// `counts` that it has a number: in TLS 1.3 a ChangeCipherSpec has none.
    pub(super) fn begins(&mut self, index: usize, gathers: bool, counts: bool) {
        let Some(own) = self.sides.get_mut(index) else {
            return;
        };
        own.gathers = gathers;
        own.bytes.clear();
        own.packets.clear();
        if let Some(keys) = own.current.as_mut().filter(|_| counts) {
            own.number = keys.next;
            keys.next = keys.next.saturating_add(1);
        }
    }

    /// Opens the record that was gathered.
    pub(super) fn open(&mut self, index: usize, kind: u8, is_13: bool) -> Opened {
        let early_data = self.early_data && index == 0;
        let Some(own) = self.sides.get_mut(index) else {
            return Opened::Refused;
        };
        own.gathers = false;
        let sealed = std::mem::take(&mut own.bytes);
        let packets = std::mem::take(&mut own.packets);
        let number = own.number;
        let plain = own.current.as_ref().and_then(|keys| match is_13 {
            true => keys.open13(number, &sealed),
            false => Some((kind, keys.open12(number, kind, &sealed)?)),
        });
        // Where the Finished is missing from the capture the next keys tell.
        let plain = plain.or_else(|| {
            let plain = own.next.as_ref()?.open13(0, &sealed)?;
            own.changes();
            if let Some(keys) = &mut own.current {
                keys.next = 1;
            }
            Some(plain)
        });
        match plain {
            Some((kind, plain)) => {
                self.opened += 1;
                Opened::Plain(kind, plain, packets)
            }
            None if early_data && number == 0 => {
                if let Some(keys) = &mut own.current {
                    keys.next = 0;
                }
                Opened::Early
            }
            None => {
                self.refused += 1;
                Opened::Refused
            }
        }
    }

    /// What the key log did for this connection.
    pub(super) fn key_use(&self) -> KeyUse {
        match (self.opened, self.refused) {
            (0, 0) if self.unsupported => KeyUse::Unsupported,
            (0, 0) => KeyUse::None,
            (0, _) => KeyUse::Refused,
            _ => KeyUse::Opened,
        }
    }

    /// What is wrong with the keys, in one line.
    pub(super) fn trouble(&self) -> Option<String> {
        match (self.opened, self.refused) {
            (_, 0) => None,
            (0, _) => Some(
                "the secrets that the key log holds for this connection do not open its records"
                    .to_owned(),
            ),
            (_, 1) => Some("one encrypted record does not open with the key log".to_owned()),
            (_, count) => Some(format!(
                "{count} encrypted records do not open with the key log"
            )),
        }
    }
}

const TLS12: u16 = TLS13 - 1;

impl Opener {
    /// Adds payload of the record under way.
    pub(super) fn push(&mut self, payload: &[u8], packet: u64) {
        self.bytes.extend_from_slice(payload);
        if self.packets.last() != Some(&packet) {
            self.packets.push(packet);
        }
    }

    /// The sender's Finished of TLS 1.3 is over: its next keys are in force.
    pub(super) fn changes(&mut self) {
        self.current = self.next.take();
    }

    /// A KeyUpdate of TLS 1.3.
    pub(super) fn updates(&mut self) {
        self.current = self.current.as_ref().and_then(RecordKeys::updated);
    }

    /// The number of the next record is no longer known.
    pub(super) fn lost(&mut self) {
        *self = Opener::default();
    }
}
