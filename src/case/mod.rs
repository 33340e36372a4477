//! Everything established about one hand-over of evidence, with the questions
//! that rules ask of it.

pub mod accessed;
pub mod assemble;
pub mod bodies;
mod capture_notes;
pub mod chains;
pub mod clock_shift;
pub mod contacts;
pub mod decisions;
pub mod discovery;
mod finder;
pub mod first_seen;
mod hand_overs;
pub mod handshakes;
pub mod holdings;
pub mod list_proofs;
pub mod logged;
pub mod machine_names;
pub mod machines;
pub mod programs;
pub mod proofs;
pub mod proposed;
pub mod questions;
pub mod signers;
pub mod status;
pub mod stores;
mod tunnels;

pub use capture_notes::{CaptureNote, NoteKind};
pub use finder::Finder;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use crate::account::Account;
use crate::chain::{Axis, Chain, Repair};
use crate::cryptnet::CacheEntry;
use crate::evidence::EvidenceRecord;
use crate::flow::Quality;
use crate::host::HostSource;
use crate::issue::Issue;
use crate::pki::Artifact;
use crate::protocol::dns::Lookup;
use crate::protocol::tls::{
    self, Alert, ClientHello, Ending, KeyUse, Resumption, ServerCertificates, ServerHello,
};
use crate::provenance::{Cite, Sighting};
use crate::retrieval::{LoginCount, Retrieval};
use crate::time::Timestamp;

/// All facts of a run. Lists are in the order of the report; an index into one
/// is the identity of a thing.
#[derive(Debug, Default)]
pub struct Case {
    /// The time given by `--at`.
    pub as_of: Option<Timestamp>,
    /// The ledger.
    pub evidence: Vec<EvidenceRecord>,
    /// Trouble with the evidence.
    pub issues: Vec<Issue>,
    /// The machines whose traffic or caches these are.
    pub machines: Vec<Machine>,
    /// Attempts to get objects, by start.
    pub retrievals: Vec<Retrieval>,
    /// The machine of each retrieval.
    pub retrieval_machines: Vec<Option<usize>>,
    /// TLS handshakes, by start.
    pub handshakes: Vec<Handshake>,
    /// Distinct objects, by first sight.
    pub artifacts: Vec<ArtifactRecord>,
    /// Cache entries, by hand-over, owner and name.
    pub cache_entries: Vec<CacheEntry>,
    /// The machine of each cache entry.
    pub cache_machines: Vec<Option<usize>>,
    /// Files in which a machine speaks of itself.
    pub hosts: Vec<HostSource>,
    /// The machine of each of them.
    pub host_machines: Vec<Option<usize>>,
    /// Searches for a proxy, by client.
    pub discoveries: Vec<discovery::Discovery>,
    /// Logins at proxies and servers, by the first one.
    pub logins: Vec<LoginCount>,
    /// Name lookups, by start.
    pub lookups: Vec<Lookup>,
    /// Questions to time servers with their answers.
    pub ntp: Vec<crate::protocol::ntp::NtpExchange>,
    /// Clients that several vantage points show, and the vantage point nearest
    /// to each.
    pub same_clients: BTreeMap<(u32, IpAddr), u32>,
    /// Chains examined.
    pub chains: Vec<CaseChain>,
    /// What people wrote into the captures.
    pub capture_notes: Vec<CaptureNote>,
    /// How completely each vantage point shows the traffic.
    pub vantages: Vec<Vantage>,
    /// HTTP exchanges that are no retrievals, and other counts for the method
    /// section: (what, how many).
    pub counts: Vec<(&'static str, u64)>,
    /// Where in these lists things are; made when it is first asked for.
    pub finder: Finder,
}

/// A machine: one client address at one vantage point, one hand-over of
/// caches, or several of these that were shown to be the same.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Machine {
    /// Host names, from a collection or a path.
    pub names: Vec<String>,
    /// Addresses it used as a client.
    pub addresses: Vec<IpAddr>,
    /// Accounts whose caches were handed over.
    pub profiles: Vec<Account>,
    /// Accounts whose caches were not handed over, though others of the machine were.
    pub missing: Vec<Account>,
    /// By how much its clock differed from the capture's, where that is far more
    /// than a few minutes and downloads show it.
    pub clock_shift: Option<crate::time::Span>,
    /// What shows it.
    pub cites: Vec<Cite>,
    /// Why several hand-overs are taken for this one machine, where they are.
    pub joined_because: Option<String>,
}

/// A TLS handshake with its outcome.
#[derive(Debug, Clone, PartialEq)]
pub struct Handshake {
    /// When it began.
    pub at: Timestamp,
    /// When its connection was last seen.
    pub ended_at: Timestamp,
    /// Vantage point.
    pub vantage: u32,
    /// The machine, an index.
    pub machine: Option<usize>,
    /// The client.
    pub client: SocketAddr,
    /// The other end of the conversation (the proxy, inside a tunnel).
    pub server: SocketAddr,
    /// server_name, or the host of the tunnel.
    pub site: Option<String>,
    /// server_name as sent.
    pub sni: Option<String>,
    /// Version chosen, for people: `TLS 1.2`.
    pub version: Option<&'static str>,
    /// What the client offered, where its hello was seen.
    pub client_hello: Option<ClientHello>,
    /// What the server chose, where its hello was seen.
    pub server_hello: Option<ServerHello>,
    /// The frame in which the server asked for a certificate of the client.
    pub certificate_request: Option<Sighting>,
    /// How many certificates the client sent, where that can be read.
    pub client_certificates: Option<usize>,
    /// The server's certificates.
    pub certificates: ServerCertificates,
    /// True when the certificates were encrypted and a key log opened them.
    pub certificates_decrypted: bool,
    /// What a key log did for this connection.
    pub key_use: KeyUse,
    /// The protocol that asked for TLS after a beginning in clear.
    pub upgraded_from: Option<&'static str>,
    /// The certificates as artifacts (indices), leaf first, those that parse.
    pub artifacts: Vec<usize>,
    /// SHA-256 of the OCSP answer that the server stapled, where one can be read
    /// (TLS 1.3 hides it without a key log).
    pub stapled: Option<[u8; 32]>,
    /// The deciding alert: the first fatal readable one, else the first that is
    /// neither close_notify nor a warning of the server.
    pub alert: Option<Alert>,
    /// Every alert, in order.
    pub alerts: Vec<Alert>,
    /// Who ended the connection, where that was seen.
    pub ending: Option<Ending>,
    /// How it ended.
    pub outcome: HandshakeOutcome,
    /// The CONNECT authority when it ran through a proxy.
    pub tunnel: Option<String>,
    /// True when the client answered the server's flight: ChangeCipherSpec, in
    /// TLS 1.3 Finished.
    pub key_exchange_sent: bool,
    /// The client's first application data: its validation was over by then.
    pub data_at: Option<Timestamp>,
    /// True when the server answered the client's hello with HTTP: it has no TLS
    /// on this port.
    pub answered_in_clear: bool,
    /// True when the server asked the client for a certificate.
    pub certificate_requested: bool,
    /// The program that opened the connection, where its requests in clear name it.
    pub program: Option<programs::Program>,
    /// What the capture lacks of it.
    pub quality: Quality,
    /// Where the reaction (close or alert) was seen.
    pub reaction: Option<Sighting>,
    /// The frames.
    pub cites: Vec<Cite>,
}

impl Handshake {
    /// The port that it was for; inside a tunnel that of its target.
    #[must_use]
    pub fn target_port(&self) -> u16 {
        let tunnel = self.tunnel.as_deref();
        let target = tunnel.and_then(|authority| authority.rsplit_once(':')?.1.parse().ok());
        target.unwrap_or(self.server.port())
    }

    /// How the session was resumed, where the server agreed to that.
    #[must_use]
    pub fn resumption(&self) -> Option<Resumption> {
        let (client, server) = (self.client_hello.as_ref(), self.server_hello.as_ref());
        tls::resumption(&self.certificates, client, server)
    }
}

/// How a handshake ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HandshakeOutcome {
    /// Application data followed.
    Completed,
    /// The client closed or sent an alert before application data.
    ClientClosed,
    /// The server did.
    ServerClosed,
    /// Nothing came after the client's hello.
    Unanswered,
    /// The capture does not show how it ended.
    IncompleteCapture,
}

impl HandshakeOutcome {
    /// The word of the JSON report.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            HandshakeOutcome::Completed => "completed",
            HandshakeOutcome::ClientClosed => "client-closed",
            HandshakeOutcome::ServerClosed => "server-closed",
            HandshakeOutcome::Unanswered => "unanswered",
            HandshakeOutcome::IncompleteCapture => "incomplete-capture",
        }
    }
}

/// A distinct object and every place it was seen.
#[derive(Debug, Clone, PartialEq)]
pub struct ArtifactRecord {
    /// The object.
    pub artifact: Artifact,
    /// Where it was seen.
    pub seen: Vec<ArtifactSighting>,
}

/// One sight of an object.
#[derive(Debug, Clone, PartialEq)]
pub struct ArtifactSighting {
    /// How it came.
    pub source: ArtifactSource,
    /// When it had arrived: the packet's time on the wire. `None` where no time
    /// is known; a cache entry's last synchronization is a bound, not an arrival.
    pub at: Option<Timestamp>,
    /// The machine that had it.
    pub machine: Option<usize>,
    /// The account that had it.
    pub account: Option<Account>,
    /// The place.
    pub cite: Cite,
}

/// How an object came to be in the evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ArtifactSource {
    /// Sent in the TLS handshake with this index.
    Handshake(usize),
    /// The body (or part of it) of the retrieval with this index.
    Retrieval(usize),
    /// In the cache entry with this index.
    Cache(usize),
    /// In a registry hive: in a store, or kept by the automatic update.
    Host {
        /// Index of the file among the hosts.
        source: usize,
        /// Index among the elements of its stores.
        stored: Option<usize>,
    },
    /// Named by a record of the log with this index among the hosts.
    Log(usize),
    /// A file handed over by itself.
    File,
}

/// A chain examined for a purpose.
#[derive(Debug)]
pub struct CaseChain {
    /// What it is for.
    pub subject: ChainSubject,
    /// Index of the leaf among the artifacts.
    pub leaf: usize,
    /// The site's name, where one was asked for.
    pub host: Option<String>,
    /// The time it is judged at.
    pub as_of: Timestamp,
    /// The best chain first. A revocation status that is not known is told and
    /// does not count: whether the caller insisted on one is not known.
    pub chains: Vec<Chain>,
    /// What is known of the revocation of each element of the best one.
    pub status: Vec<status::ElementStatus>,
    /// The verdict over time, for a chain that was refused.
    pub axis: Option<Axis>,
    /// The smallest change that makes it good, for a chain that was refused.
    pub repair: Option<Repair>,
    /// The same for a caller that insists on a revocation status, where nothing
    /// else is wrong.
    pub status_repair: Option<Repair>,
    /// Of a list's signer whose issuer is missing: what that issuer would have
    /// changed, for each account that lacked it.
    pub list_proofs: Vec<list_proofs::ListProof>,
}

/// Whose chain it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChainSubject {
    /// The server's list of this handshake.
    Handshake(usize),
    /// The certificate that other evidence proposes as the leaf of this
    /// handshake, whose own are hidden: never more than a proposal.
    Proposed(usize),
    /// The signer of this CTL (an artifact index) as this machine could see it.
    CtlSigner {
        /// The CTL.
        ctl: usize,
        /// The machine that had it.
        machine: Option<usize>,
    },
    /// The signer of this CRL (an artifact index), and of others.
    CrlSigner {
        /// The CRL.
        crl: usize,
        /// The machine that had it.
        machine: Option<usize>,
    },
    /// The responder whose certificate this OCSP answer (an artifact index)
    /// encloses, and others.
    OcspSigner {
        /// The answer.
        ocsp: usize,
        /// The machine that had it.
        machine: Option<usize>,
    },
}

impl ChainSubject {
    /// The machine that had a signed object; that of a handshake is its own.
    #[must_use]
    pub fn machine(self) -> Option<usize> {
        match self {
            ChainSubject::Handshake(_) | ChainSubject::Proposed(_) => None,
            ChainSubject::CtlSigner { machine, .. }
            | ChainSubject::CrlSigner { machine, .. }
            | ChainSubject::OcspSigner { machine, .. } => machine,
        }
    }
}

/// The capture quality at one vantage point.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Vantage {
    /// Its number.
    pub number: u32,
    /// First and last packet.
    pub first_at: Option<Timestamp>,
    /// Last packet.
    pub last_at: Option<Timestamp>,
    /// TCP conversations.
    pub conversations: u64,
    /// Conversations of which one direction is missing.
    pub one_sided: u64,
    /// Conversations seen from the middle.
    pub mid_stream: u64,
    /// Conversations with holes.
    pub with_gaps: u64,
    /// Payload bytes seen.
    pub bytes: u64,
    /// Payload bytes known to be missing.
    pub missing: u64,
    /// Packets that the snaplen cut.
    pub cut_packets: u64,
    /// Packets dropped at capture, as the file itself says.
    pub dropped: u64,
    /// Capture files of which a part, or every frame, could not be read.
    pub damaged_files: u64,
}
