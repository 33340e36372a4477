//! What the first bytes of a conversation, or of a segment, begin.

use crate::flow::{Demand, Direction};
use crate::protocol::dialogue::{Dialogue, Layer};
use crate::protocol::dns_stream::DnsDialogue;
use crate::protocol::http_dialogue::HttpDialogue;
use crate::protocol::ldap::LdapDialogue;
use crate::protocol::sniff::{self, Guess};
use crate::protocol::socks::SocksDialogue;
use crate::protocol::starttls::upgraded_from;
use crate::protocol::tls_dialogue::TlsDialogue;
use crate::protocol::transcript::{FIRST_BYTES, Recognition, side};
use crate::provenance::Sighting;

/// Both directions while nothing is recognized.
#[derive(Default)]
pub(super) struct Sniffer {
    pub(super) pending: [Vec<u8>; 2],
    first: [Option<Sighting>; 2],
    pub(super) unknown: [bool; 2],
    segments: u32,
}

/// Segments of an unknown protocol that are looked at before it is given up;
/// enough for the greetings before a `STARTTLS`.
const UNKNOWN_SEGMENTS: u32 = 32;

impl Sniffer {
    /// Both sides began with something else.
    pub(super) fn of_unknown() -> Self {
        Sniffer {
            unknown: [true, true],
            ..Sniffer::default()
        }
    }
}

/// LDAP or DNS, where the client's first bytes can begin one of them.
fn plain(direction: Direction, first: &[u8]) -> Option<Layer> {
    if direction == Direction::ToClient {
        return None;
    }
    let ldap = LdapDialogue::begin(first).map(|ldap| Layer::Ldap(Box::new(ldap)));
    ldap.or_else(|| DnsDialogue::begin(first).map(|dns| Layer::Dns(Box::new(dns))))
}

impl Dialogue {
    pub(super) fn sniff(&mut self, direction: Direction, bytes: &[u8], at: Sighting) -> Demand {
        let index = side(direction);
        let first_bytes = &mut self.transcript.first_bytes[index];
        let room = FIRST_BYTES
            .saturating_sub(first_bytes.len())
            .min(bytes.len());
        first_bytes.extend_from_slice(bytes.get(..room).unwrap_or_default());
        let Layer::Sniffing(sniffer) = &mut self.layer else {
            return Demand::More;
        };
        if sniffer.unknown[index] {
            return self.sniff_segment(direction, bytes, at);
        }
        sniffer.first[index].get_or_insert(at);
        let pending = &mut sniffer.pending[index];
        pending.extend_from_slice(bytes);
        match sniff::guess(pending) {
            Guess::Short => Demand::More,
            Guess::Unknown => {
                let socks = match direction {
                    Direction::ToServer if self.transcript.socks.is_none() => {
                        SocksDialogue::begin(pending, at)
                    }
                    _ => None,
                };
                let first = std::mem::take(pending);
                sniffer.unknown[index] = true;
                if let Some(socks) = socks.filter(|_| self.tunnel.is_none()) {
                    self.layer = Layer::Socks(Box::new(socks));
                } else if let Some(layer) = plain(direction, &first) {
                    self.layer = layer;
                    return self.feed(direction, &first, at);
                } else {
                    self.recognize(Recognition::Unknown);
                }
                Demand::More
            }
            guess => self.begin(guess, direction),
        }
    }

    /// Looks whether a segment of an unknown stream starts a message.
    fn sniff_segment(&mut self, direction: Direction, bytes: &[u8], at: Sighting) -> Demand {
        let Layer::Sniffing(sniffer) = &mut self.layer else {
            return Demand::More;
        };
        let guess = sniff::guess(bytes);
        let starts = match guess {
            Guess::Request | Guess::Response => {
                let real = guess.direction().unwrap_or(direction);
                (!self.roles_known || real == direction) && sniff::starts_message(real, bytes)
            }
            // The middle of TLS is worth following only where its beginning
            // was not captured.
            Guess::Tls(_) => self.from_the_middle || sniff::starts_tls_hello(bytes),
            _ => false,
        };
        if starts {
            sniffer.pending[side(direction)] = bytes.to_vec();
            sniffer.first[side(direction)] = Some(at);
            return self.begin(guess, direction);
        }
        sniffer.segments = sniffer.segments.saturating_add(1);
        if sniffer.segments > UNKNOWN_SEGMENTS && !self.from_the_middle {
            self.layer = Layer::Ignored;
            return Demand::Nothing;
        }
        Demand::More
    }

    /// Leaves sniffing for the protocol found and replays what was held.
    fn begin(&mut self, guess: Guess, direction: Direction) -> Demand {
        let Layer::Sniffing(sniffer) = std::mem::replace(&mut self.layer, Layer::Ignored) else {
            return Demand::Nothing;
        };
        let turned = !self.roles_known && guess.direction() == Some(direction.reverse());
        if turned {
            self.transcript.reversed = !self.transcript.reversed;
        }
        self.roles_known |= guess.direction().is_some();
        let recognition = match guess {
            Guess::Http2 => Recognition::Http2,
            Guess::Tls(_) => Recognition::Tls,
            _ => Recognition::Http,
        };
        self.recognize(recognition);
        let mut first_bytes = std::mem::take(&mut self.transcript.first_bytes);
        if turned {
            first_bytes.reverse();
        }
        let [first_of_client, first_of_server] = first_bytes;
        self.layer = match guess {
            Guess::Tls(_) => {
                let conversation = self.transcript.conversation;
                let upgraded_from = self
                    .upgraded_from
                    .or_else(|| upgraded_from(&first_of_client, &first_of_server));
                Layer::Tls(Box::new(TlsDialogue::new(
                    conversation,
                    self.tunnel.clone(),
                    self.from_the_middle,
                    self.keys.clone(),
                    upgraded_from,
                )))
            }
            Guess::Request | Guess::Response => match self.exchanges.take() {
                Some(exchanges) => Layer::Http(Box::new(HttpDialogue::new(
                    self.options,
                    exchanges,
                    !self.from_the_middle,
                    self.room.clone(),
                ))),
                None => Layer::Ignored,
            },
            Guess::Http2 | Guess::Short | Guess::Unknown => Layer::Ignored,
        };
        let mut pieces = Vec::new();
        let Sniffer { pending, first, .. } = sniffer;
        for (index, (bytes, first)) in pending.into_iter().zip(first).enumerate() {
            let called = if index == 0 {
                Direction::ToServer
            } else {
                Direction::ToClient
            };
            let real = if turned { called.reverse() } else { called };
            // PostgreSQL answers with one letter before it goes over to TLS.
            let stays = recognition != Recognition::Tls
                || matches!(sniff::guess(&bytes), Guess::Tls(_))
                || bytes.first().is_some_and(|byte| !byte.is_ascii_graphic());
            if let Some(first) = first.filter(|_| stays) {
                pieces.push((real, bytes, first));
            }
        }
        // What decided came last.
        let decided = if turned {
            direction.reverse()
        } else {
            direction
        };
        pieces.sort_by_key(|(real, ..)| *real == decided);
        self.replay(decided, pieces)
    }
}
