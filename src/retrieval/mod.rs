//! Attempts to get a URL: purpose, route, outcome, object, cache entry.
//!
//! One retrieval is one attempt: the rounds of one login together, each
//! redirect and each retry on its own, and failed lookups and connects where
//! they were on the way to something that validation fetches. Who validated,
//! and on which machine, is not decided here.

mod accessed;
mod attempt;
mod body;
mod cache_match;
mod connect;
mod connects;
mod copies;
mod directory;
mod ending;
mod filter;
#[cfg(test)]
mod fixtures;
mod identity;
mod interests;
mod intermediaries;
mod known;
mod leads;
mod legs;
mod logged;
mod login;
mod lookups;
mod names;
mod nearness;
mod object;
mod outcome;
mod patience;
mod pieces;
mod purpose;
mod ranges;
mod route;
mod scene;
mod shape;
mod socks;
mod stall;
#[cfg(test)]
mod test_support;
mod twice;
pub mod update_call;
mod url;
mod via;

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::account::Account;
use crate::cryptnet::CacheEntry;
use crate::flow::{Conversation, Direction, Quality, Unanswered};
use crate::issue::Issue;
use crate::protocol::Socks;
use crate::protocol::dns::Lookup;
use crate::protocol::http::{Exchange, Headers};
use crate::protocol::ldap::LdapSession;
use crate::protocol::tls::Handshake;
use crate::provenance::{Cite, Sighting};
use crate::time::Timestamp;

pub use accessed::{Accessed, accessed};
pub use body::{BodyFacts, BodyIndex, MAX_SCRIPT, MAX_TITLE, RetrievedBody, wants_body};
pub use copies::{KeptBasis, KeptCopy};
pub use directory::LDAP_PORTS;
pub use identity::{Authentication, LoginCount, login_counts};
pub use known::KnownUrls;
pub use legs::Party;
pub use logged::{Logged, logged};
pub use object::ObjectKind;
pub use outcome::Outcome;
pub use purpose::ocsp_request_of;
pub use ranges::{Whole, wholes};
pub use route::{Hop, Login, Route, RouteKind, ShownBy};
pub use twice::{Offsets, Once, Twin, once};

/// Joins everything seen into attempts, in order of their start.
#[must_use]
pub fn retrievals(inputs: &Inputs<'_>) -> (Vec<Retrieval>, Counts) {
    let scene = scene::Scene::of(inputs);
    let mut redirects = filter::Redirects::default();
    let mut counts = Counts::default();
    let (mut found, mut last_rounds) = (Vec::new(), Vec::new());
    for rounds in login::attempts(inputs.observed) {
        counts.exchanges += rounds.len() as u64;
        match attempt::retrieval(&scene, &rounds, &mut redirects) {
            Some(_) if found.len() >= MAX_RETRIEVALS => counts.over_limit += 1,
            Some(retrieval) => {
                found.push(retrieval);
                last_rounds.push(rounds.last().copied());
            }
            None => counts.other_exchanges += rounds.len() as u64,
        }
    }
    let mut found = pieces::join(found, &last_rounds, inputs.observed, &inputs.bodies.wholes);
    let interests = interests::Interests::of(&scene, &found);
    let failed = connects::failed(&scene, &interests);
    let unresolved = lookups::failed(&scene, &interests);
    let by_directory = directory::retrievals(&scene);
    let by_socks = socks::refused(&scene, &interests);
    let others = failed.chain(unresolved).chain(by_directory);
    for retrieval in others.chain(by_socks) {
        match found.len() >= MAX_RETRIEVALS {
            true => counts.over_limit += 1,
            false => found.push(retrieval),
        }
    }
    found.sort_by(in_order);
    patience::name_limits(&mut found);
    let mut found = legs::join(found, inputs.offsets);
    cache_match::assign(&mut found, inputs.cache);
    copies::name(&mut found, inputs.cache);
    (found, counts)
}

/// Attempts kept: each takes a few kilobytes, and a report of more cannot be
/// read. A week of one machine has some thousands.
pub const MAX_RETRIEVALS: usize = 50_000;

/// By start, then by the frames that show it.
fn in_order(one: &Retrieval, other: &Retrieval) -> Ordering {
    let by_start = one.started_at.cmp(&other.started_at);
    by_start
        .then_with(|| one.cites.cmp(&other.cites))
        .then_with(|| one.client.cmp(&other.client))
        .then_with(|| one.url.cmp(&other.url))
}

/// One TCP conversation with what was said in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// The conversation.
    pub conversation: Conversation,
    /// Its HTTP exchanges, in order.
    pub exchanges: Vec<Exchange>,
    /// Its TLS handshakes, in order.
    pub handshakes: Vec<Handshake>,
    /// True when any protocol was recognized.
    pub recognized: bool,
    /// The SOCKS dialogue that it began with.
    pub socks: Option<Socks>,
    /// What was said in LDAP.
    pub ldap: Option<LdapSession>,
    /// The same conversation at other vantage points.
    pub twins: Vec<Twin>,
}

/// What the stages before have found.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// Every TCP conversation that had an exchange or a handshake, or was cut
    /// off before.
    pub observed: &'a [Observed],
    /// The connects that came to nothing.
    pub unanswered: &'a [Unanswered],
    /// Every lookup of a name.
    pub lookups: &'a [Lookup],
    /// The cache entries of the case.
    pub cache: &'a [CacheEntry],
    /// What was read out of the bodies.
    pub bodies: &'a BodyIndex,
    /// The URLs that objects of the case name.
    pub known: &'a KnownUrls,
    /// The time of the last packet of each vantage point. A vantage point left
    /// out ends with the last conversation or lookup seen there.
    pub capture_ends: &'a BTreeMap<u32, Timestamp>,
    /// How far the clocks of the vantage points lie apart, where known.
    pub offsets: &'a Offsets,
    /// Keep every HTTP exchange as a retrieval.
    pub all_http: bool,
}

/// What did not become a retrieval, and how much there was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// HTTP exchanges seen.
    pub exchanges: u64,
    /// Of these, exchanges that have nothing to do with validation.
    pub other_exchanges: u64,
    /// Attempts left out because of [`MAX_RETRIEVALS`].
    pub over_limit: u64,
}

impl Counts {
    /// What has to be said when attempts were left out.
    #[must_use]
    pub fn issue(&self) -> Option<Issue> {
        (self.over_limit > 0).then(|| {
            Issue::of_run(
                format!("attempts after the first {MAX_RETRIEVALS}"),
                format!("{} more attempts than are kept", self.over_limit),
                "they are not in the report; narrow the time or the machine",
            )
        })
    }
}

/// Who recorded an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum RecordedBy {
    /// Frames of a capture.
    #[default]
    Capture,
    /// A log of the machine that asked.
    Machine,
    /// The log of a proxy.
    Proxy,
    /// The log of the server that was asked.
    Server,
}

/// One attempt to get an object: the rounds of one login together, each
/// redirect on its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Retrieval {
    /// Absolute URL as requested, query kept; `None` where no request was seen.
    pub url: Option<String>,
    /// The host that was wanted (of the URL, the failed lookup, or the name
    /// whose address was tried).
    pub host: Option<String>,
    /// What was asked for.
    pub object: ObjectKind,
    /// Request method.
    pub method: Option<String>,
    /// Status of the final answer.
    pub status: Option<u16>,
    /// How it ended.
    pub outcome: Outcome,
    /// First sign of it: question, SYN or request.
    pub started_at: Timestamp,
    /// Last sign of it.
    pub ended_at: Timestamp,
    /// The vantage point, for attempts seen in a capture.
    pub vantage: Option<u32>,
    /// Who recorded it: whose clock its times are.
    pub recorded_by: RecordedBy,
    /// Who asked.
    pub client: Option<SocketAddr>,
    /// Who answered the conversation, or should have; the proxy, where one was asked.
    pub server: Option<SocketAddr>,
    /// The account, from a record of the machine; never from packets.
    pub account: Option<Account>,
    /// The process, from a record of the machine.
    pub process: Option<String>,
    /// Process numbers that comments of the capture put on its frames: a hint.
    pub process_hint: Option<String>,
    /// The chain of calls it belongs to, from a record of the machine: joins it
    /// with the validation that waited for it.
    pub task: Option<String>,
    /// `User-Agent`.
    pub user_agent: Option<String>,
    /// The way it took.
    pub route: Route,
    /// Header fields of the request; credentials are left out.
    pub request_headers: Headers,
    /// Header fields of the final answer.
    pub response_headers: Headers,
    /// The body of the answer.
    pub body: Option<RetrievedBody>,
    /// Which copy a 304 leaves in use.
    pub kept_copy: Option<KeptCopy>,
    /// Index of the matching entry among the cache entries of the case.
    pub cache_entry: Option<usize>,
    /// SYNs of the connection, when it was not established.
    pub syns: Vec<Sighting>,
    /// Further detail of a failure in words: `RST after 2,048 of 5,000 bytes`.
    pub detail: Option<String>,
    /// Who closed or reset the connection before the answer was whole.
    pub closed_by: Option<Direction>,
    /// The same download beyond the proxy, where a capture shows it: its requests
    /// to the next proxy or the origin, in order.
    pub onward: Vec<Retrieval>,
    /// What the capture lacks of the conversation.
    pub quality: Option<Quality>,
    /// The frames and records that show it.
    pub cites: Vec<Cite>,
}
