//! Attempts to get a URL: purpose, route, outcome, object, cache entry.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::account::Account;
use crate::flow::Quality;
use crate::pki::LooksLike;
use crate::protocol::http::Headers;
use crate::provenance::{Cite, Sighting};
use crate::time::Timestamp;

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
    /// Who asked.
    pub client: Option<SocketAddr>,
    /// Who answered the conversation, or should have; the proxy, where one was asked.
    pub server: Option<SocketAddr>,
    /// The account, from a record of the machine; never from packets.
    pub account: Option<Account>,
    /// The process, from a record of the machine.
    pub process: Option<String>,
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
    /// Index of the matching entry among the cache entries of the case.
    pub cache_entry: Option<usize>,
    /// SYNs of the connection, when it was not established.
    pub syns: Vec<Sighting>,
    /// Further detail of a failure in words: `RST after 2,048 of 5,000 bytes`.
    pub detail: Option<String>,
    /// What the capture lacks of the conversation.
    pub quality: Option<Quality>,
    /// The frames and records that show it.
    pub cites: Vec<Cite>,
}

/// What an attempt was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKind {
    /// The authroot trust list.
    Ctl,
    /// The list of distrusted certificates.
    Disallowed,
    /// The pin rules.
    PinRules,
    /// `authrootseq.txt`.
    Seq,
    /// A root by thumbprint, from the trust-list folder.
    RootCrt,
    /// An issuer certificate by authorityInfoAccess.
    AiaCert,
    /// A CRL.
    Crl,
    /// A delta CRL.
    DeltaCrl,
    /// An OCSP answer.
    Ocsp,
    /// A proxy auto-configuration script.
    Pac,
    /// An update service.
    Wsus,
    /// Anything else.
    Other,
}

impl ObjectKind {
    /// The word of the JSON report.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            ObjectKind::Ctl => "ctl",
            ObjectKind::Disallowed => "disallowed",
            ObjectKind::PinRules => "pinrules",
            ObjectKind::Seq => "seq",
            ObjectKind::RootCrt => "root-crt",
            ObjectKind::AiaCert => "aia-cert",
            ObjectKind::Crl => "crl",
            ObjectKind::DeltaCrl => "delta-crl",
            ObjectKind::Ocsp => "ocsp",
            ObjectKind::Pac => "pac",
            ObjectKind::Wsus => "wsus",
            ObjectKind::Other => "other",
        }
    }

    /// For people.
    #[must_use]
    pub fn phrase(self) -> &'static str {
        match self {
            ObjectKind::Ctl => "trust list",
            ObjectKind::Disallowed => "list of distrusted certificates",
            ObjectKind::PinRules => "pin rules",
            ObjectKind::Seq => "trust-list sequence number",
            ObjectKind::RootCrt => "root certificate",
            ObjectKind::AiaCert => "issuer certificate",
            ObjectKind::Crl => "CRL",
            ObjectKind::DeltaCrl => "delta CRL",
            ObjectKind::Ocsp => "OCSP answer",
            ObjectKind::Pac => "proxy script",
            ObjectKind::Wsus => "update service",
            ObjectKind::Other => "other",
        }
    }
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// The object came.
    Ok,
    /// 304: the copy at hand is current.
    NotModified,
    /// The name does not exist or could not be resolved (NXDOMAIN, SERVFAIL, no data).
    NoSuchName,
    /// No name server answered.
    NameTimeout,
    /// SYNs without an answer.
    ConnectTimeout,
    /// RST in answer to the SYN.
    Refused,
    /// An ICMP error in answer to the SYN.
    Unreachable,
    /// RST after the connection was established.
    Reset,
    /// The answer began and stopped coming, with the connection left open.
    Stalled,
    /// The request was sent and nothing came back.
    NoAnswer,
    /// 407, or 401: a login was asked for and not satisfied.
    ProxyLogin,
    /// 403 or 451.
    Forbidden,
    /// Any other status of 400 or more.
    HttpError,
    /// A 3xx answer.
    Redirect,
    /// The answer came whole but is not what the URL names (a web page, nothing).
    UnexpectedContent,
    /// The transfer broke off before its announced end.
    Truncated,
    /// The capture does not show how it ended.
    IncompleteCapture,
}

impl Outcome {
    /// The word of the JSON report.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Ok => "ok",
            Outcome::NotModified => "not-modified",
            Outcome::NoSuchName => "no-such-name",
            Outcome::NameTimeout => "name-timeout",
            Outcome::ConnectTimeout => "connect-timeout",
            Outcome::Refused => "refused",
            Outcome::Unreachable => "unreachable",
            Outcome::Reset => "reset",
            Outcome::Stalled => "stalled",
            Outcome::NoAnswer => "no-answer",
            Outcome::ProxyLogin => "proxy-login",
            Outcome::Forbidden => "forbidden",
            Outcome::HttpError => "http-error",
            Outcome::Redirect => "redirect",
            Outcome::UnexpectedContent => "unexpected-content",
            Outcome::Truncated => "truncated",
            Outcome::IncompleteCapture => "incomplete-capture",
        }
    }

    /// True when the client now has a current copy.
    #[must_use]
    pub fn is_success(self) -> bool {
        matches!(self, Outcome::Ok | Outcome::NotModified)
    }

    /// True when it did not get the object, as far as the capture can tell; an
    /// incomplete capture is neither success nor failure.
    #[must_use]
    pub fn is_failure(self) -> bool {
        !self.is_success() && !matches!(self, Outcome::IncompleteCapture | Outcome::Redirect)
    }
}

/// The way an attempt took through the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Which kind of way.
    pub kind: RouteKind,
    /// The proxy, where there is one and its address is known.
    pub proxy: Option<SocketAddr>,
    /// Whether the proxy asked for a login.
    pub login: Login,
    /// Intermediaries named by the answer, nearest to the origin first.
    pub hops: Vec<Hop>,
}

impl Route {
    /// A route of which nothing is known.
    #[must_use]
    pub fn unknown() -> Self {
        Route { kind: RouteKind::Unknown, proxy: None, login: Login::None, hops: Vec::new() }
    }
}

/// The kinds of routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RouteKind {
    /// Straight to an address of the host.
    Direct,
    /// An absolute-form request to a proxy.
    HttpProxy,
    /// Inside a CONNECT tunnel.
    Connect,
    /// Through SOCKS.
    Socks,
    /// The answer shows a proxy that the client did not ask.
    TransparentProxy,
    /// The evidence does not tell.
    Unknown,
}

impl RouteKind {
    /// The word of the JSON report.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            RouteKind::Direct => "direct",
            RouteKind::HttpProxy => "http-proxy",
            RouteKind::Connect => "connect",
            RouteKind::Socks => "socks",
            RouteKind::TransparentProxy => "transparent-proxy",
            RouteKind::Unknown => "unknown",
        }
    }

    /// True when a proxy that the client chose was on the way.
    #[must_use]
    pub fn is_explicit_proxy(self) -> bool {
        matches!(self, RouteKind::HttpProxy | RouteKind::Connect | RouteKind::Socks)
    }
}

/// What became of a proxy's login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Login {
    /// None was asked for.
    None,
    /// Asked for, and no credentials followed.
    Asked,
    /// Credentials were sent and the answer was not another refusal.
    Sent,
    /// Credentials were sent and refused.
    Refused,
}

impl Login {
    /// The word of the JSON report.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Login::None => "none",
            Login::Asked => "asked",
            Login::Sent => "sent",
            Login::Refused => "refused",
        }
    }
}

/// An intermediary as the answer names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hop {
    /// Its name (Via received-by, X-Cache host).
    pub name: String,
    /// Its address, where known.
    pub address: Option<SocketAddr>,
    /// What it says of its cache: `HIT`, `MISS`, ….
    pub cache: Option<String>,
}

/// The body of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetrievedBody {
    /// Bytes after dechunking and content-decoding.
    pub size: u64,
    /// What `Content-Length` announced.
    pub declared: Option<u64>,
    /// SHA-256 of a complete body that was kept or hashed.
    pub sha256: Option<[u8; 32]>,
    /// Whether every byte is there.
    pub complete: bool,
    /// What it is, by content.
    pub looks_like: LooksLike,
    /// SHA-256 of the objects in it, outermost first.
    pub artifacts: Vec<[u8; 32]>,
    /// The title or first line of a web page or text.
    pub title: Option<String>,
}

/// What was read out of a body, by the SHA-256 of the body. The pipeline fills
/// it as bodies come by, so that a body seen a thousand times is parsed once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BodyIndex {
    /// The facts of each distinct body.
    pub bodies: BTreeMap<[u8; 32], BodyFacts>,
}

/// What one body holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BodyFacts {
    /// What it is, by content.
    pub looks_like: LooksLike,
    /// SHA-256 of the objects in it, outermost first.
    pub artifacts: Vec<[u8; 32]>,
    /// The title or first line of a web page or text.
    pub title: Option<String>,
}
