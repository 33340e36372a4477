//! What is asked of the engine: the leaf, the instant, all that was available
//! then, and by whose rules to judge.

use std::net::IpAddr;
use std::sync::Arc;

use crate::pki::{Certificate, Crl, Ctl, OcspResponse};
use crate::time::Timestamp;

/// A certificate that was available, and in which role.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The certificate.
    pub certificate: Arc<Certificate>,
    /// It lies in a trusted root store: a chain may end here.
    pub anchor: bool,
    /// It lies in the store of distrusted certificates. Such a candidate only
    /// marks; it is not used for building unless it is also given without.
    pub distrusted: bool,
    /// Where it came from; of equally good chains, the one with the earlier
    /// origins wins.
    pub origin: Origin,
}

/// Where a candidate came from, in the order Windows looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// Sent by the peer.
    Sent,
    /// Given by the analyst, or lying in a store of the machine.
    Given,
    /// In a `CryptnetUrlCache`.
    Cache,
    /// Enclosed in a trust list or another PKCS#7.
    Enclosed,
    /// Downloaded.
    Downloaded,
}

/// The lists of the day, as the machine had them.
#[derive(Debug, Clone, Copy, Default)]
pub struct TrustLists<'a> {
    /// The list of trusted third-party roots.
    pub authroot: Option<&'a Ctl>,
    /// The list of distrusted certificates.
    pub disallowed: Option<&'a Ctl>,
    /// The pin rules.
    pub pin_rules: Option<&'a Ctl>,
}

/// Everything one examination needs.
#[derive(Debug, Clone)]
pub struct Question<'a> {
    /// The certificate to be judged.
    pub leaf: &'a Arc<Certificate>,
    /// The time of the validation, and its "now".
    pub at: Timestamp,
    /// The certificates available at that time.
    pub candidates: &'a [Candidate],
    /// The CRLs available.
    pub crls: &'a [Arc<Crl>],
    /// The OCSP answers available.
    pub ocsp: &'a [Arc<OcspResponse>],
    /// The trust lists of the day.
    pub trust_lists: TrustLists<'a>,
    /// The rules.
    pub policy: Policy,
}

impl Question<'_> {
    /// The time at which CRLs and OCSP answers must be in force.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.policy.now.unwrap_or(self.at)
    }
}

/// Whether a root that is in no store can come by the automatic root update.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum RootUpdate {
    /// It is no question: the anchors given decide.
    #[default]
    NotAsked,
    /// It can, when the list of the day names it.
    On,
    /// A policy keeps Windows from it.
    Off,
}

/// By whose rules, and for what.
#[derive(Debug, Clone)]
#[allow(clippy::struct_excessive_bools)]
pub struct Policy {
    /// Whose rules.
    pub profile: Profile,
    /// For what the leaf is to be used.
    pub purpose: Purpose,
    /// The name the peer was asked for.
    pub host: Option<Host>,
    /// The most certificates allowed between leaf and anchor.
    pub max_depth: Option<usize>,
    /// Every certificate below the anchor needs a revocation status.
    pub check_revocation: bool,
    /// A revocation status that cannot be learned is told and counts for
    /// nothing: whether the caller insists on one is not known.
    pub soft_revocation: bool,
    /// The time at which CRLs and OCSP answers must be in force, where it is not
    /// that of the question: Windows asks for what is valid now, whatever time
    /// the caller passed.
    pub now: Option<Timestamp>,
    /// SHA-256 of certificates whose status is taken to be good, as if a newer
    /// CRL or answer without them were at hand.
    pub assumed_good: Vec<[u8; 32]>,
    /// user-initial-policy-set; empty means any-policy.
    pub initial_policies: Vec<String>,
    /// initial-explicit-policy.
    pub require_explicit_policy: bool,
    /// initial-policy-mapping-inhibit.
    pub inhibit_policy_mapping: bool,
    /// initial-any-policy-inhibit.
    pub inhibit_any_policy: bool,
    /// What is checked of an anchor itself (profile `rfc5280` only).
    pub anchor_checks: AnchorChecks,
    /// The anchors given are all there are. When false, the client's store is
    /// unknown and a root outside the evidence is no fault.
    pub knows_roots: bool,
    /// With the roots known: whether Windows may still add one that its list
    /// names.
    pub root_update: RootUpdate,
}

impl Default for Policy {
    fn default() -> Self {
        Policy {
            profile: Profile::Windows,
            purpose: Purpose::Any,
            host: None,
            max_depth: None,
            check_revocation: false,
            soft_revocation: false,
            now: None,
            assumed_good: Vec::new(),
            initial_policies: Vec::new(),
            require_explicit_policy: false,
            inhibit_policy_mapping: false,
            inhibit_any_policy: false,
            anchor_checks: AnchorChecks::default(),
            knows_roots: true,
            root_update: RootUpdate::NotAsked,
        }
    }
}

/// Whose rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Profile {
    /// CryptoAPI.
    Windows,
    /// RFC 5280: validation of §6, and of §4 what a certificate must be.
    Rfc5280,
    /// The web: RFC 5280 with its demands on issuers of certificates, and the
    /// CA/Browser Forum's.
    Webpki,
}

impl Profile {
    /// The word of the command line.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Profile::Windows => "windows",
            Profile::Rfc5280 => "rfc5280",
            Profile::Webpki => "webpki",
        }
    }
}

/// What is checked of an anchor itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AnchorChecks {
    /// Its validity period.
    pub expiry: bool,
    /// Its extensions: basic and name constraints, key usage, policies.
    pub constraints: bool,
}

/// For what a certificate is to be used.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// Anything.
    Any,
    /// TLS server.
    ServerAuth,
    /// TLS client.
    ClientAuth,
    /// Signing code.
    CodeSigning,
    /// E-mail.
    Email,
    /// Time stamps.
    TimeStamping,
    /// OCSP answers.
    OcspSigning,
    /// Microsoft's list of trusted roots.
    RootListSigner,
    /// Another usage, by dotted OID.
    Other(String),
}

impl Purpose {
    /// The extended key usage asked for.
    #[must_use]
    pub fn oid(&self) -> Option<&str> {
        match self {
            Purpose::Any => None,
            Purpose::ServerAuth => Some("1.3.6.1.5.5.7.3.1"),
            Purpose::ClientAuth => Some("1.3.6.1.5.5.7.3.2"),
            Purpose::CodeSigning => Some("1.3.6.1.5.5.7.3.3"),
            Purpose::Email => Some("1.3.6.1.5.5.7.3.4"),
            Purpose::TimeStamping => Some("1.3.6.1.5.5.7.3.8"),
            Purpose::OcspSigning => Some("1.3.6.1.5.5.7.3.9"),
            Purpose::RootListSigner => Some("1.3.6.1.4.1.311.10.3.9"),
            Purpose::Other(oid) => Some(oid),
        }
    }

    /// Reads the word of the command line.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "any" => Purpose::Any,
            "server-auth" => Purpose::ServerAuth,
            "client-auth" => Purpose::ClientAuth,
            "code-signing" => Purpose::CodeSigning,
            "email" => Purpose::Email,
            "time-stamping" => Purpose::TimeStamping,
            "ocsp-signing" => Purpose::OcspSigning,
            "root-list-signer" => Purpose::RootListSigner,
            _ => return None,
        })
    }
}

/// The name the peer was asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Host {
    /// A DNS name.
    Dns(String),
    /// An address.
    Ip(IpAddr),
    /// A mailbox.
    Email(String),
}

impl Host {
    /// An address where it reads as one, a mailbox where it has an `@`,
    /// otherwise a DNS name.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        let bare = text
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .unwrap_or(text);
        match bare.parse() {
            Ok(address) => Host::Ip(address),
            Err(_) if text.contains('@') => Host::Email(text.to_string()),
            Err(_) => Host::Dns(text.to_string()),
        }
    }
}

impl std::fmt::Display for Host {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Host::Dns(text) | Host::Email(text) => formatter.write_str(text),
            Host::Ip(address) => write!(formatter, "{address}"),
        }
    }
}
