//! Connections that ended before, or for another reason than, the server's
//! certificates: no common protocol, nothing bound to the port, a certificate
//! wanted of the client, encryption on the wrong port.

use super::failure::{Failure, FailureKind, Verifier, VerifierKind};
use super::inquiry::{Basis, Inquiry, Link, Need, confidence, lacks_bytes};
use super::proposal::{Precedence, Proposal, Stance};
use super::rejections::joined;
use super::wsus;
use crate::case::{Case, Handshake, HandshakeOutcome};
use crate::flow::Direction;
use crate::protocol::tls::ServerCertificates;
use crate::retrieval::ObjectKind;

/// How such a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The server found nothing in common: this alert.
    NoCommonProtocol(u8),
    /// The server closed right after the client's hello.
    NothingBound,
    /// The server wanted a certificate of the client.
    ClientCertificate,
    /// TLS on the port of an update server that speaks none.
    WrongPort,
}

/// handshake_failure, protocol_version, insufficient_security,
/// inappropriate_fallback (RFC 5246 §7.2.2, RFC 7507).
const NOTHING_IN_COMMON: [u8; 4] = [40, 70, 71, 86];
/// Alerts of a server about the client's certificate or the lack of one.
const ABOUT_CLIENT: [u8; 8] = [40, 41, 42, 43, 44, 46, 48, 116];

/// How a handshake ended for one of these reasons.
#[must_use]
pub fn ending(case: &Case, handshake: &Handshake) -> Option<Ending> {
    let by_server = handshake.outcome == HandshakeOutcome::ServerClosed;
    let alert = handshake
        .alert
        .filter(|alert| alert.by == Direction::ToClient);
    let alert = alert
        .and_then(|alert| alert.content)
        .map(|(_, description)| description);
    let none_sent = handshake.certificates == ServerCertificates::NotSeen;
    if handshake.client_hello.is_none() || handshake.outcome == HandshakeOutcome::Completed {
        return None;
    }
    if wsus::port_of(handshake) == wsus::CLEAR_PORT
        && handshake.server_hello.is_none()
        && alert.is_none()
    {
        let ended = handshake.outcome != HandshakeOutcome::IncompleteCapture;
        return ended.then_some(Ending::WrongPort);
    }
    if !by_server || handshake.answered_in_clear || is_settled(case, handshake) {
        return None;
    }
    let asked = handshake.certificate_request.is_some();
    let sent_none = handshake.client_certificates.unwrap_or(0) == 0;
    if asked {
        let about_client = alert.is_none_or(|alert| ABOUT_CLIENT.contains(&alert));
        return (sent_none && about_client && handshake.client_certificates.is_some())
            .then_some(Ending::ClientCertificate);
    }
    match alert {
        Some(alert) if none_sent && NOTHING_IN_COMMON.contains(&alert) => {
            Some(Ending::NoCommonProtocol(alert))
        }
        None if none_sent && handshake.server_hello.is_none() && is_persistent(case, handshake) => {
            Some(Ending::NothingBound)
        }
        _ => None,
    }
}

/// True when the same client got farther with the same server: it tried again
/// with another offer.
fn is_settled(case: &Case, handshake: &Handshake) -> bool {
    case.handshakes.iter().any(|other| {
        other.client.ip() == handshake.client.ip()
            && other.server == handshake.server
            && other.site == handshake.site
            && other.outcome == HandshakeOutcome::Completed
    })
}

/// One reset may have many reasons; a port of an update server, or every attempt
/// of two or more, has one.
fn is_persistent(case: &Case, handshake: &Handshake) -> bool {
    let mut same = case
        .handshakes
        .iter()
        .filter(|other| other.server == handshake.server);
    let never = same.clone().all(|other| other.server_hello.is_none());
    let update = wsus::port_of(handshake) == wsus::TLS_PORT;
    never && (update || same.nth(1).is_some())
}

/// The failures that these endings and the requests to update servers show.
#[must_use]
pub fn failures(case: &Case) -> Vec<(Failure, Vec<Link>)> {
    let verifier = || Verifier {
        kind: VerifierKind::Unknown,
        name: None,
        basis: "nothing was validated: it did not come to that".to_owned(),
    };
    let mut failures: Vec<(Failure, Vec<Link>)> = Vec::new();
    for (index, handshake) in case.handshakes.iter().enumerate() {
        if ending(case, handshake).is_some() {
            let at = handshake.reaction.map_or(handshake.ended_at, |it| it.at);
            let failure = Failure {
                machine: handshake.machine,
                site: handshake.site.clone(),
                handshake: Some(index),
                ..Failure::new(FailureKind::Rejected, at, verifier())
            };
            failures.push((failure, Vec::new()));
        }
    }
    for (index, retrieval) in case.retrievals.iter().enumerate() {
        if retrieval.object == ObjectKind::Wsus && wsus::is_failed_request(retrieval) {
            let failure = Failure {
                machine: case.retrieval_machines.get(index).copied().flatten(),
                ..Failure::new(FailureKind::Object, retrieval.started_at, verifier())
            };
            failures.push((
                failure,
                vec![Link {
                    retrieval: index,
                    need: Need::Itself,
                    certain: true,
                }],
            ));
        }
    }
    failures
}

/// The failures whose handshake ended so.
pub fn ended<'a>(
    inquiry: &'a Inquiry<'_>,
    wanted: impl Fn(Ending) -> bool + 'a,
) -> impl Iterator<Item = (usize, &'a Handshake, Ending)> {
    let failures = inquiry.failures.iter().enumerate();
    failures.filter_map(move |(index, failure)| {
        let handshake = inquiry.case.handshakes.get(failure.handshake?)?;
        let ending = ending(inquiry.case, handshake).filter(|ending| wanted(*ending))?;
        Some((index, handshake, ending))
    })
}

/// What a rule says of such a connection.
pub struct Told {
    /// One sentence.
    pub summary: String,
    /// What to do.
    pub remedy: &'static str,
    /// True when a message of the server says it, and not only silence.
    pub checked: bool,
    /// Links that are inferred.
    pub inferred: u8,
}

/// Asks `tell` about every connection that ended so; it gets the server's name
/// or address too.
pub fn proposals(
    inquiry: &Inquiry<'_>,
    rule: &'static str,
    tell: impl Fn(Ending, &Handshake, &str) -> Option<Told>,
) -> Vec<Proposal> {
    let found = ended(inquiry, |_| true).filter_map(|(failure, handshake, ending)| {
        let site = handshake.site.clone();
        let site = site.unwrap_or_else(|| handshake.server.to_string());
        let told = tell(ending, handshake, &site)?;
        Some(Proposal {
            rule,
            stance: Stance::Cause,
            confidence: Some(confidence(Basis {
                checked: told.checked,
                fault_seen: true,
                reaction_seen: true,
                inferred: told.inferred,
                poor_capture: lacks_bytes(&handshake.quality),
            })),
            summary: told.summary,
            remedy: told.remedy.to_owned(),
            cites: handshake.cites.clone(),
            explains: vec![(failure, Precedence::Network)],
            subject: site,
        })
    });
    joined(found)
}
