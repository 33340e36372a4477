//! Finds the failures of a case and links each to the retrievals it needed.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::failure::{Failure, FailureKind, Reaction, VerifierKind};
use super::inquiry::{Inquiry, Link};
use super::successes::Successes;
use super::{
    cached_pages, delayed, endpoints, healing, links, list_faults, object_failures, recorded,
    redirects, root_crt, verifier,
};
use crate::case::{Case, Handshake, HandshakeOutcome};
use crate::flow::Direction;
use crate::protocol::tls::{HiddenBy, ServerCertificates};
use crate::time::Span;

/// A handshake dropped without an alert says nothing when the same client
/// completes one with the same certificates this near: preconnect, cancel, race.
const TWIN_WINDOW: Span = Span::seconds(300);
/// A scanner looks at certificates and goes on: so many servers within
/// [`SCAN_WINDOW`], all dropped without a word. A person opens a few sites a
/// minute, and a page of today some dozen, of which most are completed.
const SCANNED_SERVERS: usize = 12;
/// The time within which a scan visits that many.
const SCAN_WINDOW: Span = Span::seconds(60);

/// Finds and links everything that failed.
#[must_use]
pub fn inquire(case: &Case) -> Inquiry<'_> {
    let list_gaps = case.list_gaps();
    let successes = Successes::of(case);
    let mut found: Vec<(Failure, Vec<Link>)> = Vec::new();
    for (index, handshake) in case.handshakes.iter().enumerate() {
        if let Some(mut rejected) = rejected(case, index, handshake) {
            let mut links = links::links(case, &successes, &list_gaps, index, handshake);
            if matches!(
                rejected.verifier.kind,
                VerifierKind::Own | VerifierKind::Proxy
            ) {
                // What CryptoAPI fetched was not for this program.
                links.clear();
            }
            if rejected.reaction == Reaction::Finished
                && links.is_empty()
                && !has_fault(case, index)
            {
                // Finished, then closed without data, and nothing wrong with the
                // chain: an ordinary preconnect looks the same.
                continue;
            }
            rejected.lost = delayed::lost(case, &links, handshake, rejected.at);
            found.push((rejected, links));
        } else {
            found.extend(delayed::delayed(case, &list_gaps, index, handshake));
        }
    }
    found.extend(object_failures::failed_objects(case, &successes));
    found.extend(
        cached_pages::failures(case)
            .into_iter()
            .map(|failure| (failure, Vec::new())),
    );
    found.extend(
        list_gaps
            .iter()
            .filter_map(|gap| object_failures::unbelievable_list(case, gap)),
    );
    found.extend(list_faults::failures(case));
    found.extend(root_crt::failures(case));
    found.extend(redirects::failures(case));
    found.extend(endpoints::failures(case));
    let recorded = recorded::failures(case, &mut found);
    found.extend(recorded);
    found.sort_by_key(|(failure, _)| (failure.at, failure.kind, failure.handshake));
    let (mut failures, links): (Vec<Failure>, Vec<Vec<Link>>) = found.into_iter().unzip();
    for (failure, links) in failures.iter_mut().zip(&links) {
        failure.retrievals = links.iter().map(|link| link.retrieval).collect();
        failure.retrievals.dedup();
        failure.healed = healing::healed(case, &successes, failure);
    }
    Inquiry::new(case, failures, links, list_gaps)
}

/// Alerts by which a client says that it does not accept the server's
/// certificates (RFC 5246 §7.2.2).
const CERTIFICATE_ALERTS: [u8; 7] = [42, 43, 44, 45, 46, 48, 49];

/// True when the client said so itself.
#[must_use]
pub fn is_certificate_alert(handshake: &Handshake) -> bool {
    handshake.alert.is_some_and(|alert| {
        alert.by == Direction::ToServer
            && alert
                .content
                .is_some_and(|(_, description)| CERTIFICATE_ALERTS.contains(&description))
    })
}

/// How a client showed in a handshake that it refused.
#[must_use]
pub fn reaction(handshake: &Handshake) -> Reaction {
    if is_certificate_alert(handshake) {
        Reaction::Told
    } else if handshake.key_exchange_sent {
        Reaction::Finished
    } else {
        Reaction::Dropped
    }
}

fn has_fault(case: &Case, handshake: usize) -> bool {
    case.chain_of_handshake(handshake)
        .is_some_and(|(_, chain)| chain.has_fault())
}

/// The failure that a handshake shows, if it shows one.
fn rejected(case: &Case, index: usize, handshake: &Handshake) -> Option<Failure> {
    if handshake.outcome != HandshakeOutcome::ClientClosed {
        return None;
    }
    match &handshake.certificates {
        ServerCertificates::Sent { list, .. } if list.is_empty() => return None,
        ServerCertificates::Sent { .. } | ServerCertificates::Hidden(HiddenBy::Tls13) => {}
        // Nothing was validated: a resumed session, or an end before the list.
        ServerCertificates::Hidden(_) | ServerCertificates::NotSeen => return None,
    }
    let said_otherwise = handshake.alert.is_some_and(|alert| {
        alert.by == Direction::ToServer
            && alert
                .content
                .is_some_and(|(_, description)| !CERTIFICATE_ALERTS.contains(&description))
    });
    if said_otherwise {
        return None;
    }
    let reaction = reaction(handshake);
    let refuted = reaction != Reaction::Told
        && (is_completed_elsewhere(case, handshake) || is_scan(case, handshake));
    if refuted {
        return None;
    }
    let at = handshake
        .reaction
        .map_or(handshake.at, |sighting| sighting.at);
    Some(Failure {
        machine: handshake.machine,
        site: handshake.site.clone(),
        handshake: Some(index),
        chain: case.chain_of_handshake(index).map(|(chain, _)| chain),
        reaction,
        ..Failure::new(
            FailureKind::Rejected,
            at,
            verifier::of_handshake(case, handshake),
        )
    })
}

/// True when the same client completed a handshake with the same certificates
/// nearby, as far as is known with the same program.
fn is_completed_elsewhere(case: &Case, handshake: &Handshake) -> bool {
    let program = |handshake: &Handshake| {
        let agent = &handshake.program.as_ref()?.agent;
        Some(verifier::of_agent(agent).map_or_else(|| agent.clone(), |(_, name)| name))
    };
    case.completed_twins(handshake, TWIN_WINDOW).any(|twin| {
        match (program(handshake), program(twin)) {
            (Some(one), Some(other)) => one == other,
            _ => true,
        }
    })
}

/// True for one of many connections of a client to many servers that were all
/// dropped without a word and without one that was used.
fn is_scan(case: &Case, handshake: &Handshake) -> bool {
    let of_client = |other: &&Handshake| {
        other.vantage == handshake.vantage
            && other.client.ip() == handshake.client.ip()
            && other.tunnel.is_none()
            && other.at.since(handshake.at).abs() <= SCAN_WINDOW
    };
    let mut servers: BTreeSet<IpAddr> = BTreeSet::new();
    let mut issuers: BTreeSet<&[u8]> = BTreeSet::new();
    for other in case.handshakes.iter().filter(of_client) {
        match other.outcome {
            HandshakeOutcome::Completed => return false,
            HandshakeOutcome::ClientClosed if !is_certificate_alert(other) => {
                servers.insert(other.server.ip());
                let issuer = case
                    .leaf_of(other)
                    .map(|(_, leaf)| leaf.issuer.der.as_slice());
                issuers.extend(issuer);
            }
            _ => {}
        }
    }
    // One issuer for all would be an inspecting proxy that is not trusted.
    servers.len() >= SCANNED_SERVERS && issuers.len() > 2
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;
    use crate::diagnosis::fixtures::{AIA, Story};
    use crate::diagnosis::{FailureKind, VerdictState};
    use crate::protocol::tls::Alert;
    use crate::retrieval::{ObjectKind, Outcome};

    const FULL: [&str; 2] = ["leaf", "issuing-ca"];

    fn rejected() -> Story {
        Story::new().rejects(&FULL, (9, 12))
    }

    fn count(story: Story) -> usize {
        story.diagnosis().failures.len()
    }

    #[test]
    fn an_alert_about_the_certificate_is_a_rejection_at_the_time_of_the_alert() {
        let diagnosis = rejected().diagnosis();
        assert_eq!(diagnosis.failures[0].kind, FailureKind::Rejected);
        assert_eq!(diagnosis.failures[0].at, crate::diagnosis::fixtures::at(12));
        assert_eq!(diagnosis.verdict.state, VerdictState::Undetermined);
    }

    fn alert(by: Direction, content: Option<(u8, u8)>) -> Story {
        rejected().handshake(|it| {
            it.alert = it.alert.map(|alert| Alert {
                by,
                content,
                ..alert
            })
        })
    }

    #[test]
    fn an_alert_about_something_else_is_none() {
        assert_eq!(
            count(alert(Direction::ToServer, Some((2, 70)))),
            0,
            "protocol_version"
        );
        assert_eq!(
            count(alert(Direction::ToServer, Some((1, 90)))),
            0,
            "user_canceled"
        );
    }

    #[test]
    fn an_alert_of_the_server_about_the_client_certificate_is_none() {
        let server = alert(Direction::ToClient, Some((2, 48)))
            .handshake(|it| it.outcome = HandshakeOutcome::ServerClosed);
        assert_eq!(count(server), 0);
    }

    #[test]
    fn a_warning_of_the_server_does_not_excuse_the_client() {
        assert_eq!(
            count(alert(Direction::ToClient, Some((1, 112)))),
            1,
            "unrecognized_name"
        );
    }

    fn closed_silently() -> Story {
        rejected().handshake(|it| it.alert = None)
    }

    #[test]
    fn a_handshake_dropped_once_and_completed_nearby_is_none() {
        assert_eq!(count(closed_silently()), 1);
        assert_eq!(
            count(closed_silently().rejects(&FULL, (14, 15)).accepted()),
            0
        );
        let later = closed_silently().rejects(&FULL, (1_000, 1_001)).accepted();
        assert_eq!(count(later), 1, "another day");
        let other = closed_silently().rejects(&["leaf"], (14, 15)).accepted();
        assert_eq!(count(other), 0, "the same leaf");
        let other = closed_silently()
            .rejects(&["issuing-ca"], (14, 15))
            .accepted();
        assert_eq!(count(other), 1, "another certificate");
    }

    #[test]
    fn an_alert_counts_although_a_retry_was_accepted() {
        assert_eq!(count(rejected().rejects(&FULL, (14, 15)).accepted()), 1);
    }

    #[test]
    fn a_close_after_data_is_normal_and_one_after_the_key_exchange_says_nothing() {
        assert_eq!(count(rejected().accepted()), 0);
        assert_eq!(
            count(closed_silently().handshake(|it| it.key_exchange_sent = true)),
            0
        );
    }

    #[test]
    fn nothing_is_rejected_where_no_certificate_was_shown() {
        let resumed = closed_silently().handshake(|it| {
            it.certificates = ServerCertificates::Hidden(HiddenBy::Resumption);
        });
        assert_eq!(count(resumed), 0);
        let anonymous = Story::new()
            .rejects(&[], (9, 12))
            .handshake(|it| it.alert = None);
        assert_eq!(count(anonymous), 0);
    }

    fn program(agent: &str) -> Option<crate::case::programs::Program> {
        Some(crate::case::programs::Program {
            agent: agent.to_owned(),
            basis: crate::case::programs::ProgramBasis::Connect,
            cite: crate::provenance::Cite::packets(crate::provenance::EvidenceId(0), [1]),
        })
    }

    #[test]
    fn what_another_program_accepted_refutes_nothing() {
        let twice = |one: &str, other: &str| {
            let (one, other) = (program(one), program(other));
            closed_silently()
                .handshake(|it| it.program = one)
                .rejects(&FULL, (14, 15))
                .accepted()
                .handshake(|it| it.program = other)
        };
        assert_eq!(count(twice("Firefox/115.0", "Firefox/115.1")), 0);
        assert_eq!(count(twice("Java/1.8.0", "Firefox/115.0")), 1);
    }

    #[test]
    fn a_scan_of_many_servers_rejects_none_of_them() {
        let visit = |story: Story, server: u8| {
            let leaf = ["leaf", "issuing-ca", "list-pca"][usize::from(server % 3)];
            let second = 9 + i64::from(server);
            story
                .rejects(&[leaf], (second, second + 1))
                .handshake(|it| {
                    it.alert = None;
                    it.site = None;
                    it.server = format!("203.0.113.{server}:443").parse().unwrap();
                })
        };
        let scan = |servers| (1..=servers).fold(Story::new(), visit);
        assert_eq!(count(scan(12)), 0);
        assert_eq!(count(scan(5)), 5);
        let used = scan(12).rejects(&FULL, (15, 16)).accepted();
        assert_eq!(count(used), 12, "somebody works here");
    }

    #[test]
    fn a_handshake_finished_and_then_closed_counts_where_something_is_wrong() {
        const YEAR: i64 = 365 * 86_400;
        let finished = Story::new()
            .rejects(&FULL, (YEAR, YEAR + 3))
            .handshake(|it| {
                it.alert = None;
                it.key_exchange_sent = true;
            });
        let diagnosis = finished.diagnosis();
        assert_eq!(diagnosis.failures[0].reaction, Reaction::Finished);
        let expired = diagnosis.of("leaf-expired");
        assert_eq!(
            expired[0].confidence,
            Some(crate::diagnosis::Confidence::High),
            "a preconnect closes alike"
        );
    }

    #[test]
    fn attempts_for_one_object_minutes_apart_are_one_failure() {
        let twice = |second| {
            Story::new()
                .fetch(ObjectKind::AiaCert, AIA, Outcome::Refused, (1, 2))
                .fetch(
                    ObjectKind::AiaCert,
                    AIA,
                    Outcome::Refused,
                    (second, second + 1),
                )
        };
        assert_eq!(count(twice(200)), 1);
        assert_eq!(count(twice(2_000)), 2);
    }
}
