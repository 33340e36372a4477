//! A connect that came to nothing, as it is kept.
//!
//! A scan makes millions of them, and few are ever asked about: each is kept as
//! the table had it, about a hundred bytes, and becomes a [`Conversation`] only
//! when something is to be said of it.

use std::net::SocketAddr;

use crate::provenance::Sighting;

use super::connect::Connect;
use super::key::FlowKey;
use super::{Conversation, ConversationId};

/// SYNs that nothing but a refusal answered.
#[derive(Debug, PartialEq, Eq)]
pub struct Unanswered {
    key: FlowKey,
    connect: Connect,
    vantage: u32,
}

impl Unanswered {
    pub(super) fn new(key: FlowKey, connect: Connect, vantage: u32) -> Self {
        Unanswered {
            key,
            connect,
            vantage,
        }
    }

    /// One made for a test: SYNs with the sequence number 7, the first one at
    /// least.
    #[cfg(test)]
    #[allow(clippy::unwrap_used)]
    #[must_use]
    pub fn made(vantage: u32, client: &str, server: &str, syns: &[Sighting]) -> Self {
        use crate::packet::{Segment, TcpFlags};
        let [client, server]: [SocketAddr; 2] = [client, server].map(|end| end.parse().unwrap());
        let ends = [client, server].map(|end| (end.ip(), end.port()));
        let (key, end) = FlowKey::new(ends[0], ends[1]);
        let mut connect = Connect::new(ConversationId(0), end, 7, syns[0]);
        let syn = Segment {
            source_port: client.port(),
            destination_port: server.port(),
            sequence: 7,
            acknowledgment: 0,
            flags: TcpFlags {
                syn: true,
                ack: false,
                fin: false,
                rst: false,
            },
            payload: &[],
            missing: 0,
            maximum_segment_size: None,
        };
        for at in &syns[1..] {
            connect.segment(&key, end, &syn, *at);
        }
        Unanswered::new(key, connect, vantage)
    }

    /// Its number among the conversations.
    #[must_use]
    pub fn id(&self) -> ConversationId {
        self.connect.id
    }

    /// The vantage point.
    #[must_use]
    pub fn vantage(&self) -> u32 {
        self.vantage
    }

    /// Who wanted to connect.
    #[must_use]
    pub fn client(&self) -> SocketAddr {
        self.key.endpoint(self.connect.client)
    }

    /// Where to.
    #[must_use]
    pub fn server(&self) -> SocketAddr {
        self.key.endpoint(self.connect.client.other())
    }

    /// The first SYN.
    #[must_use]
    pub fn first(&self) -> Sighting {
        self.connect.first
    }

    /// The last frame.
    #[must_use]
    pub fn last(&self) -> Sighting {
        self.connect.last()
    }

    /// The sequence number of the SYNs.
    #[must_use]
    pub fn sequence(&self) -> u32 {
        self.connect.sequence
    }

    /// True when the capture shows a packet of the server: an RST.
    #[must_use]
    pub fn has_answer(&self) -> bool {
        self.connect.has_answer()
    }

    /// All that is known of it.
    #[must_use]
    pub fn conversation(&self) -> Conversation {
        let opening = self.connect.opening();
        opening.into_conversation(&self.key, self.connect.id, self.vantage)
    }
}
