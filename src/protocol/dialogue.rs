//! One conversation, recognized by its content and read to its end.

use crate::flow::{Close, CloseKind, ConversationId, Demand, Direction, StreamConsumer};
use crate::protocol::body::BodyEnd;
use crate::protocol::dns_stream::{DnsDialogue, DnsStep};
use crate::protocol::exchanges::{Exchanges, KeepExchange};
use crate::protocol::http::{Ending, Exchange, Options};
use crate::protocol::http_dialogue::{Handover, HttpDialogue};
use crate::protocol::key_log::KeyLog;
use crate::protocol::ldap::{LdapDialogue, LdapStep};
use crate::protocol::recognition::Sniffer;
use crate::protocol::room::Room;
use crate::protocol::socks::{SocksDialogue, SocksStep};
use crate::protocol::tls_dialogue::TlsDialogue;
use crate::protocol::tls_inside::Inside;
use crate::protocol::transcript::{End, Recognition, Transcript, Tunnel, side};
use crate::provenance::Sighting;

/// Takes the bytes of one conversation, tells HTTP, TLS, SOCKS, LDAP and
/// DNS apart on any port; looks into CONNECT tunnels.
///
/// What begins as something unknown is watched for a segment that starts a
/// message: for 32 segments, or to the end where the
/// beginning was not captured. Calls go on with the directions they began
/// with even when [`StreamConsumer::reversed`] has become true.
pub struct Dialogue {
    pub(super) options: Options,
    pub(super) room: Room,
    pub(super) transcript: Transcript,
    pub(super) layer: Layer,
    /// While the HTTP layer does not hold them.
    pub(super) exchanges: Option<Exchanges>,
    pub(super) tunnel: Option<String>,
    pub(super) keys: KeyLog,
    /// What runs inside TLS, where a key log opens it.
    pub(super) inside: Inside,
    /// The protocol that was left for TLS.
    pub(super) upgraded_from: Option<&'static str>,
    /// The roles of the two sides are certain.
    pub(super) roles_known: bool,
    pub(super) from_the_middle: bool,
    /// As `flow` says it, not reversed.
    first_close: Option<Close>,
    server_closed: bool,
}

pub(super) enum Layer {
    Sniffing(Sniffer),
    Http(Box<HttpDialogue>),
    Tls(Box<TlsDialogue>),
    Socks(Box<SocksDialogue>),
    Ldap(Box<LdapDialogue>),
    Dns(Box<DnsDialogue>),
    Ignored,
}

/// Bytes held back, and the frame of the first of them.
type Piece = (Direction, Vec<u8>, Sighting);

/// A tunnel in a tunnel is a proxy chain; deeper ones are not seen.
const MAX_TUNNELS: usize = 4;

impl Dialogue {
    /// A dialogue of which nothing was seen yet.
    #[must_use]
    pub fn new(conversation: ConversationId, options: Options) -> Self {
        Dialogue {
            options,
            room: Room::default(),
            transcript: Transcript::new(conversation),
            layer: Layer::Sniffing(Sniffer::default()),
            exchanges: Some(Exchanges::new(conversation, |_| true)),
            tunnel: None,
            keys: KeyLog::default(),
            inside: Inside::default(),
            upgraded_from: None,
            roles_known: false,
            from_the_middle: false,
            first_close: None,
            server_closed: false,
        }
    }

    /// Keeps only the exchanges that `keep` says yes to when they are over.
    #[must_use]
    pub fn keeping(mut self, keep: KeepExchange) -> Self {
        self.exchanges = Some(Exchanges::new(self.transcript.conversation, keep));
        self
    }

    /// Shares the room for bodies with other conversations.
    #[must_use]
    pub fn with_room(mut self, room: Room) -> Self {
        self.room = room;
        self
    }

    /// Opens encrypted records with these keys.
    #[must_use]
    pub fn with_keys(mut self, keys: KeyLog) -> Self {
        self.keys = keys;
        self
    }

    /// Says that the beginning was not captured, so that the dialogue never
    /// gives up looking for a message. A gap before the first bytes says the same.
    #[must_use]
    pub fn from_the_middle(mut self) -> Self {
        self.from_the_middle = true;
        self
    }

    /// The exchanges that are over, in order; those taken will not be in the
    /// transcript.
    pub fn take_finished(&mut self) -> Vec<Exchange> {
        if let Some(exchanges) = self.exchanges_inside() {
            return exchanges.take_finished();
        }
        match (&mut self.layer, &mut self.exchanges) {
            (Layer::Http(http), _) => http.exchanges.take_finished(),
            (_, Some(exchanges)) => exchanges.take_finished(),
            _ => Vec::new(),
        }
    }

    /// Everything read; the conversation is over or the capture ends.
    #[must_use]
    pub fn into_transcript(mut self, end: End) -> Transcript {
        if let Layer::Http(http) = &mut self.layer {
            http.open_unseen_tunnel();
            if let Some(handover) = http.take_handover() {
                self.enter_tunnel(Direction::ToServer, handover);
            }
        }
        let (body_end, ending) = self.endings(end);
        self.leave_layer(body_end, ending);
        if let Some(mut exchanges) = self.exchanges.take() {
            exchanges.settle(ending);
            self.transcript.exchanges = exchanges.take_finished();
            self.transcript.exchanges_not_kept = exchanges.not_kept;
        }
        self.transcript
    }

    fn endings(&self, end: End) -> (BodyEnd, Ending) {
        let captured = if self.server_closed {
            BodyEnd::Closed
        } else {
            BodyEnd::CaptureEnds
        };
        match (self.first_close, end) {
            (Some(close), end) => {
                let by = self.real(close.by);
                let reset = close.how == CloseKind::Reset;
                let ending = Ending::Closed {
                    by,
                    reset,
                    sighting: close.sighting,
                };
                (
                    if end == End::Closed {
                        BodyEnd::Aborted
                    } else {
                        captured
                    },
                    ending,
                )
            }
            (None, End::CaptureEnds) => (BodyEnd::CaptureEnds, Ending::CaptureEnds),
            // How it ended was not captured.
            (None, End::Closed) => (BodyEnd::Gap, Ending::CaptureGap),
        }
    }

    /// The direction by the roles that the content shows.
    fn real(&self, direction: Direction) -> Direction {
        if self.transcript.reversed {
            direction.reverse()
        } else {
            direction
        }
    }

    pub(super) fn feed(&mut self, direction: Direction, bytes: &[u8], at: Sighting) -> Demand {
        match &mut self.layer {
            Layer::Sniffing(_) => self.sniff(direction, bytes, at),
            Layer::Tls(tls) => {
                let demand = tls.bytes(direction, bytes, at);
                self.read_inside();
                demand
            }
            Layer::Ignored => Demand::Nothing,
            Layer::Http(http) => {
                let demand = http.bytes(direction, bytes, at);
                match http.take_handover() {
                    Some(handover) => self.enter_tunnel(direction, handover),
                    None => demand,
                }
            }
            Layer::Socks(socks) => match socks.bytes(direction, bytes) {
                SocksStep::More => Demand::More,
                SocksStep::Over => self.end_socks(),
                SocksStep::Established([client, server]) => {
                    self.end_socks();
                    self.layer = Layer::Sniffing(Sniffer::default());
                    let client = (Direction::ToServer, client, at);
                    self.replay(direction, vec![client, (Direction::ToClient, server, at)])
                }
            },
            Layer::Ldap(ldap) => match ldap.bytes(direction, bytes, at) {
                LdapStep::More => Demand::More,
                LdapStep::Over => self.end_plain(),
                LdapStep::Tls(rest) => {
                    self.end_plain();
                    self.upgraded_from = Some("LDAP");
                    self.layer = Layer::Sniffing(Sniffer::of_unknown());
                    self.replay(direction, vec![(direction, rest, at)])
                }
            },
            Layer::Dns(dns) => match dns.bytes(direction, bytes, at) {
                DnsStep::More => Demand::More,
                DnsStep::Over => self.end_plain(),
            },
        }
    }

    /// Feeds held bytes during a call for `direction`, and answers its demand.
    pub(super) fn replay(&mut self, direction: Direction, pieces: Vec<Piece>) -> Demand {
        let mut pieces = pieces
            .into_iter()
            .filter(|(_, bytes, _)| !bytes.is_empty())
            .peekable();
        while let Some((of, bytes, at)) = pieces.next() {
            let demand = self.feed(of, &bytes, at);
            if pieces.peek().is_none() && of == direction {
                return demand;
            }
            // Nobody will hear this demand.
            match &mut self.layer {
                Layer::Http(http) => http.cancel_skip(of),
                Layer::Tls(tls) => tls.cancel_skip(of),
                Layer::Sniffing(_)
                | Layer::Socks(_)
                | Layer::Ldap(_)
                | Layer::Dns(_)
                | Layer::Ignored => {}
            }
        }
        Demand::More
    }

    pub(super) fn recognize(&mut self, recognition: Recognition) {
        let place = match self.transcript.tunnels.last_mut() {
            Some(tunnel) => &mut tunnel.inside,
            None => &mut self.transcript.recognition,
        };
        if *place != Recognition::Socks {
            *place = recognition;
        }
    }

    fn enter_tunnel(&mut self, direction: Direction, handover: Handover) -> Demand {
        let Handover {
            authority,
            established,
            client_gap,
            pending,
        } = handover;
        self.leave_layer(BodyEnd::Gap, Ending::CaptureGap);
        self.roles_known = true;
        if self.transcript.tunnels.len() >= MAX_TUNNELS {
            self.transcript
                .trouble
                .push(("too many tunnels, one in another".into(), established));
            return Demand::Nothing;
        }
        if let Some(exchanges) = &mut self.exchanges {
            exchanges.tunnel = Some(authority.clone());
        }
        self.tunnel = Some(authority.clone());
        let inside = Recognition::Silent;
        self.transcript.tunnels.push(Tunnel {
            authority,
            established,
            inside,
        });
        let mut sniffer = Sniffer::default();
        sniffer.unknown[0] = client_gap;
        self.layer = Layer::Sniffing(sniffer);
        self.replay(direction, pending)
    }

    fn end_socks(&mut self) -> Demand {
        if let Layer::Socks(socks) = std::mem::replace(&mut self.layer, Layer::Ignored) {
            // Without the proxy's answer it may have been anything.
            if socks.is_certain() {
                self.recognize(Recognition::Socks);
                self.transcript.socks = Some(socks.socks);
                self.roles_known = true;
                self.transcript.first_bytes = Default::default();
            } else {
                self.recognize(Recognition::Unknown);
                self.layer = Layer::Sniffing(Sniffer::of_unknown());
                return Demand::More;
            }
        }
        Demand::Nothing
    }

    /// Takes what LDAP or DNS over TCP brought. What turns out to be neither is
    /// watched on as unknown.
    fn end_plain(&mut self) -> Demand {
        let layer = std::mem::replace(&mut self.layer, Layer::Ignored);
        let recognition = match layer {
            Layer::Ldap(ldap) => {
                self.transcript.ldap = ldap.finish();
                self.transcript.ldap.as_ref().map(|_| Recognition::Ldap)
            }
            Layer::Dns(dns) => {
                let certain = dns.is_certain().then_some(Recognition::Dns);
                self.transcript.dns = dns.finish();
                certain
            }
            other => {
                self.layer = other;
                return Demand::More;
            }
        };
        match recognition {
            Some(recognition) => {
                self.recognize(recognition);
                self.transcript.first_bytes = Default::default();
                Demand::Nothing
            }
            None => {
                self.recognize(Recognition::Unknown);
                self.layer = Layer::Sniffing(Sniffer::of_unknown());
                Demand::More
            }
        }
    }

    /// Takes the results of the current layer and leaves it.
    fn leave_layer(&mut self, body_end: BodyEnd, ending: Ending) {
        match std::mem::replace(&mut self.layer, Layer::Ignored) {
            Layer::Http(http) => {
                let mut http = *http;
                http.finish(body_end, ending);
                self.transcript.trouble.append(&mut http.trouble);
                if http.exchanges.is_empty() {
                    self.recognize(Recognition::Unknown);
                }
                self.exchanges = Some(http.exchanges);
            }
            Layer::Tls(tls) => {
                self.transcript.handshakes.extend(tls.finish());
                self.leave_inside(body_end, ending);
            }
            Layer::Socks(socks) => {
                self.layer = Layer::Socks(socks);
                self.end_socks();
            }
            plain @ (Layer::Ldap(_) | Layer::Dns(_)) => {
                self.layer = plain;
                self.end_plain();
                self.layer = Layer::Ignored;
            }
            Layer::Sniffing(sniffer) => {
                let short = sniffer.pending.iter().any(|pending| !pending.is_empty());
                if short {
                    self.recognize(Recognition::Unknown);
                }
            }
            Layer::Ignored => {}
        }
    }
}

impl StreamConsumer for Dialogue {
    fn bytes(&mut self, direction: Direction, bytes: &[u8], sighting: Sighting) -> Demand {
        if bytes.is_empty() {
            return Demand::More;
        }
        self.feed(self.real(direction), bytes, sighting)
    }

    fn gap(&mut self, direction: Direction, length: Option<u64>, _sighting: Sighting) {
        let direction = self.real(direction);
        match &mut self.layer {
            Layer::Sniffing(sniffer) => {
                sniffer.pending[side(direction)].clear();
                sniffer.unknown[side(direction)] = true;
                self.from_the_middle = true;
            }
            Layer::Http(http) => http.gap(direction, length),
            Layer::Tls(tls) => {
                tls.gap(direction, length);
                self.read_inside();
            }
            Layer::Socks(_) => {
                self.end_socks();
            }
            Layer::Ldap(_) | Layer::Dns(_) => {
                self.end_plain();
            }
            Layer::Ignored => {}
        }
    }

    fn skipped(&mut self, direction: Direction, length: u64, sighting: Sighting) {
        let direction = self.real(direction);
        match &mut self.layer {
            Layer::Http(http) => http.skipped(direction, length, sighting),
            Layer::Tls(tls) => tls.skipped(direction, length, sighting),
            Layer::Sniffing(_)
            | Layer::Socks(_)
            | Layer::Ldap(_)
            | Layer::Dns(_)
            | Layer::Ignored => {}
        }
    }

    fn closed(&mut self, close: &Close) {
        self.first_close.get_or_insert(*close);
        let by = self.real(close.by);
        self.server_closed |= by == Direction::ToClient;
        let close = Close { by, ..*close };
        match &mut self.layer {
            Layer::Http(http) => http.closed(&close),
            Layer::Tls(tls) => {
                tls.closed(&close);
                self.close_inside(&close);
            }
            Layer::Sniffing(_)
            | Layer::Socks(_)
            | Layer::Ldap(_)
            | Layer::Dns(_)
            | Layer::Ignored => {}
        }
    }

    fn reversed(&self) -> bool {
        self.transcript.reversed
    }
}
