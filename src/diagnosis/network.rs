//! What the rules about the network path have in common: which failures a
//! failed retrieval explains, and how to speak of it.

use super::inquiry::{Basis, Inquiry, Need, confidence};
use super::proposal::{Precedence, Proposal, Rule, Stance};
use crate::case::HandshakeOutcome;
use crate::provenance::Cite;
use crate::retrieval::{LDAP_PORTS, Outcome, Party, Retrieval};

/// What a network rule says of one failed retrieval.
pub struct Fault {
    /// One sentence: `The proxy … asked for a login.`
    pub summary: String,
    /// What to do.
    pub remedy: String,
    /// The hop at fault, for incidents.
    pub hop: String,
    /// Whether the answer itself proves the fault (an error status, a refusal),
    /// or only silence does.
    pub checked: bool,
    /// Links that are inferred.
    pub inferred: u8,
}

/// Applies a network rule to every failed retrieval that a failure is linked
/// to. Retrievals of one object with the same hop are one proposal.
pub fn proposals(
    inquiry: &Inquiry<'_>,
    rule: &'static str,
    fault: impl Fn(usize, &Retrieval) -> Option<Fault>,
) -> Vec<Proposal> {
    let mut proposals: Vec<Proposal> = Vec::new();
    for index in inquiry.linked_retrievals() {
        let Some(retrieval) = inquiry.retrieval(index) else {
            continue;
        };
        for certain in [true, false] {
            let explains: Vec<(usize, Precedence)> = inquiry
                .linked_to(index)
                .filter(|(_, link)| link.certain == certain)
                .map(|(failure, link)| (failure, precedence_of(link.need)))
                .collect();
            if explains.is_empty() {
                continue;
            }
            let Some(fault) = fault(index, retrieval) else {
                continue;
            };
            let proposal = proposal(inquiry, rule, retrieval, fault, explains, certain);
            let same = proposals.iter_mut().find(|known| {
                known.subject == proposal.subject && known.summary == proposal.summary
            });
            match same {
                Some(known) => {
                    known.explains.extend(proposal.explains);
                    known.cites.extend(proposal.cites);
                    // Several attempts that end alike: the poorest one does not
                    // take away what the best one shows.
                    known.confidence = known.confidence.max(proposal.confidence);
                }
                None => proposals.push(proposal),
            }
        }
    }
    for proposal in &mut proposals {
        proposal.explains.sort_unstable();
        proposal.explains.dedup_by_key(|(failure, _)| *failure);
    }
    proposals
}

fn proposal(
    inquiry: &Inquiry<'_>,
    rule: &'static str,
    retrieval: &Retrieval,
    fault: Fault,
    explains: Vec<(usize, Precedence)>,
    certain: bool,
) -> Proposal {
    let host = retrieval.host.as_deref().unwrap_or_default();
    // Whether the program insists on a revocation status is not in the packets.
    let beyond = beyond_proxy(retrieval);
    let hop = match (retrieval.at_fault(), retrieval.last_leg()) {
        (Some(Party::Origin), Some(leg)) => {
            leg.server.map_or(fault.hop, |server| server.to_string())
        }
        _ => fault.hop,
    };
    let status_only = explains
        .iter()
        .any(|(_, place)| *place == Precedence::RevocationNetwork);
    let basis = Basis {
        checked: fault.checked && !status_only,
        fault_seen: true,
        // The client gave up or came back with the same result: that is its
        // reaction to a failed download. Silence shows no such thing.
        reaction_seen: fault.checked,
        inferred: fault.inferred + u8::from(!certain),
        poor_capture: inquiry.is_poor(retrieval),
    };
    Proposal {
        rule,
        stance: Stance::Cause,
        confidence: Some(confidence(basis)),
        summary: format!(
            "{}{beyond}{}",
            fault.summary,
            if certain { "" } else { UNCERTAIN_LINK }
        ),
        remedy: fault.remedy,
        cites: both_sides(retrieval),
        explains,
        subject: format!("{} {host} {hop}", retrieval.object.word()),
    }
}

/// The frames of the download on both sides of the proxy.
fn both_sides(retrieval: &Retrieval) -> Vec<Cite> {
    let onward = retrieval.onward.iter().flat_map(|leg| &leg.cites);
    retrieval.cites.iter().chain(onward).cloned().collect()
}

/// What a capture shows of the other side of the proxy, as a sentence with a
/// blank before it; empty where none does.
fn beyond_proxy(retrieval: &Retrieval) -> String {
    let Some(leg) = retrieval.last_leg() else {
        return String::new();
    };
    let server = leg
        .server
        .map_or_else(|| "the origin".to_owned(), |server| server.to_string());
    let detail = leg.detail.as_ref().map(|detail| format!(" ({detail})"));
    let detail = detail.unwrap_or_default();
    let what = match leg.outcome {
        Outcome::Ok => "brought the object".to_owned(),
        Outcome::NotModified => "was answered with 304, not modified".to_owned(),
        _ => outcome_phrase(leg),
    };
    let guilty = match retrieval.at_fault() {
        Some(Party::Origin) => " The fault lies there, not with the proxy.",
        Some(Party::Proxy) => " The fault lies with the proxy.",
        Some(Party::Client) => " The client broke it off.",
        None => "",
    };
    format!(" Beyond the proxy, its own request to {server} {what}{detail}.{guilty}")
}

/// Said where only time and place link a download to the rejection.
pub const UNCERTAIN_LINK: &str = " Only the time links it to the rejected connection: what that validation waited for is not seen.";

/// Where a network fault stands among the causes of a failure, by the need.
#[must_use]
pub fn precedence_of(need: Need) -> Precedence {
    match need {
        Need::Revocation => Precedence::RevocationNetwork,
        Need::Itself | Need::Issuer | Need::List | Need::Root | Need::Nearby => Precedence::Network,
    }
}

/// How an attempt ended, as the end of a sentence: `was never answered (3 SYNs)`.
#[must_use]
pub fn outcome_phrase(retrieval: &Retrieval) -> String {
    match retrieval.outcome {
        Outcome::ConnectTimeout => {
            let count = retrieval.syns.len();
            format!(
                "was never answered ({count} SYN{})",
                if count == 1 { "" } else { "s" }
            )
        }
        Outcome::Refused => "was refused (RST)".to_owned(),
        Outcome::Unreachable => "was turned back by a router (ICMP)".to_owned(),
        Outcome::NoSuchName => "failed because the name could not be resolved".to_owned(),
        Outcome::NameTimeout => "failed because no name server answered".to_owned(),
        Outcome::ProxyLogin => "was answered with a demand for a login (407)".to_owned(),
        Outcome::Forbidden | Outcome::HttpError => match retrieval.status {
            Some(status) => format!("was answered with status {status}"),
            None => "was answered with an error".to_owned(),
        },
        Outcome::UnexpectedContent => "brought something else than the object".to_owned(),
        Outcome::Truncated => "broke off before the end".to_owned(),
        Outcome::Reset => "was reset".to_owned(),
        Outcome::Stalled => "stalled".to_owned(),
        Outcome::NoAnswer => "got no answer".to_owned(),
        _ => "did not succeed".to_owned(),
    }
}

/// True when the retrieval went to an address that other exchanges of the case
/// use as a proxy.
#[must_use]
pub fn went_to_proxy(inquiry: &Inquiry<'_>, retrieval: &Retrieval) -> bool {
    retrieval.route.kind.is_explicit_proxy()
        || inquiry
            .case
            .retrievals
            .iter()
            .any(|other| other.route.proxy.is_some() && other.route.proxy == retrieval.server)
}

/// True for an attempt to reach a directory by LDAP.
#[must_use]
pub fn is_directory(retrieval: &Retrieval) -> bool {
    let by_url = retrieval.url.as_deref().is_some_and(is_ldap_url);
    let by_port = retrieval
        .server
        .is_some_and(|server| LDAP_PORTS.contains(&server.port()));
    let by_name = retrieval
        .host
        .as_deref()
        .is_some_and(|host| host.starts_with("_ldap."));
    by_url || (retrieval.url.is_none() && (by_port || by_name))
}

/// True for `ldap:…`.
#[must_use]
pub fn is_ldap_url(url: &str) -> bool {
    url.get(..5)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("ldap:"))
}

/// Silence is a finding only where the same capture shows that this client's
/// other connections are answered.
#[must_use]
pub fn others_were_answered(inquiry: &Inquiry<'_>, retrieval: &Retrieval) -> bool {
    let Some(client) = retrieval.client else {
        return false;
    };
    let same_client = |other: &std::net::SocketAddr| other.ip() == client.ip();
    inquiry
        .case
        .retrievals
        .iter()
        .any(|other| other.status.is_some() && other.client.as_ref().is_some_and(same_client))
        || inquiry.case.handshakes.iter().any(|handshake| {
            handshake.outcome != HandshakeOutcome::Unanswered && same_client(&handshake.client)
        })
        || inquiry
            .case
            .lookups
            .iter()
            .any(|lookup| lookup.answer.is_some() && same_client(&lookup.client))
}

/// A proposal of something that cannot be told.
#[must_use]
pub fn cannot_tell(
    rule: &Rule,
    summary: String,
    remedy: &str,
    cites: Vec<Cite>,
    failures: &[usize],
) -> Proposal {
    Proposal {
        rule: rule.id,
        stance: Stance::CannotTell,
        confidence: None,
        summary,
        remedy: remedy.to_owned(),
        cites,
        explains: failures
            .iter()
            .map(|failure| (*failure, Precedence::Revocation))
            .collect(),
        subject: String::new(),
    }
}
