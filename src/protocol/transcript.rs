//! What a conversation turned out to hold.

use crate::flow::{ConversationId, Direction};
use crate::protocol::dns_stream::StreamedMessage;
use crate::protocol::http::Exchange;
use crate::protocol::ldap::LdapSession;
use crate::protocol::tls::Handshake;
use crate::provenance::Sighting;

/// Everything read out of one conversation.
///
/// Directions in it are those of the real roles: where [`Transcript::reversed`]
/// is true, `ToServer` is the direction that `flow` called `ToClient`.
#[derive(Debug, Clone, PartialEq)]
pub struct Transcript {
    /// The conversation.
    pub conversation: ConversationId,
    /// What it was recognized as, without looking into tunnels.
    pub recognition: Recognition,
    /// HTTP exchanges in order of their first message, those in tunnels included.
    pub exchanges: Vec<Exchange>,
    /// Exchanges that were read but not kept, because the caller's filter or
    /// a limit said so.
    pub exchanges_not_kept: u64,
    /// TLS handshakes, those in tunnels included.
    pub handshakes: Vec<Handshake>,
    /// CONNECT tunnels that were opened, outermost first.
    pub tunnels: Vec<Tunnel>,
    /// The SOCKS dialogue it began with. Exchanges and handshakes after it
    /// have no `tunnel`: this field says where they went.
    pub socks: Option<Socks>,
    /// What was said in LDAP, where it was that.
    pub ldap: Option<LdapSession>,
    /// DNS messages over TCP, in order.
    pub dns: Vec<StreamedMessage>,
    /// True when the side that `flow` took for the client is the server.
    pub reversed: bool,
    /// The first bytes of each direction (0 to the server, 1 to the client),
    /// at most 32, where nothing was recognized.
    pub first_bytes: [Vec<u8>; 2],
    /// What could not be read, one line each, with the frame.
    pub trouble: Vec<(String, Sighting)>,
}

/// Enough to name an unknown protocol by eye.
pub(super) const FIRST_BYTES: usize = 32;

impl Transcript {
    pub(super) fn new(conversation: ConversationId) -> Self {
        Transcript {
            conversation,
            recognition: Recognition::Silent,
            exchanges: Vec::new(),
            exchanges_not_kept: 0,
            handshakes: Vec::new(),
            tunnels: Vec::new(),
            socks: None,
            ldap: None,
            dns: Vec::new(),
            reversed: false,
            first_bytes: Default::default(),
            trouble: Vec::new(),
        }
    }
}

/// What the bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Recognition {
    /// No payload was seen.
    Silent,
    /// HTTP/1.x.
    Http,
    /// HTTP/2 in clear, which is not read.
    Http2,
    /// TLS; no handshake is recorded when only its records after the
    /// handshake were seen.
    Tls,
    /// A SOCKS dialogue, then something else.
    Socks,
    /// LDAP.
    Ldap,
    /// DNS over TCP.
    Dns,
    /// Another protocol, or the middle of one.
    Unknown,
}

/// A CONNECT tunnel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tunnel {
    /// `host:port` as requested; empty when only the proxy's answer was seen.
    pub authority: String,
    /// The frame in which the proxy agreed.
    pub established: Sighting,
    /// What runs inside.
    pub inside: Recognition,
}

/// A SOCKS request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Socks {
    /// 4 or 5.
    pub version: u8,
    /// `host:port` asked for, v6 addresses in brackets; `None` when the
    /// dialogue did not get there.
    pub target: Option<String>,
    /// The proxy's reply code: 0 (version 5) or 90 (version 4) is success.
    pub reply: Option<u8>,
    /// The login method the proxy chose (version 5): 0 none, 1 GSSAPI, 2 name
    /// and password, 255 none acceptable.
    pub method: Option<u8>,
    /// Who asks: the user id of version 4, the user name of method 2. The
    /// password is passed over unread.
    pub user: Option<String>,
    /// True when the login of method 2 was turned down.
    pub login_refused: bool,
    /// The frame of its first bytes.
    pub sighting: Sighting,
}

/// Why no more bytes will come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The conversation is over: it was closed, or its ports were used anew.
    Closed,
    /// The capture ends.
    CaptureEnds,
}

/// Index of a direction in arrays: 0 to the server, 1 to the client.
pub(super) fn side(direction: Direction) -> usize {
    match direction {
        Direction::ToServer => 0,
        Direction::ToClient => 1,
    }
}
