//! Finds the failures of a case and links each to the retrievals it needed.

use std::collections::BTreeMap;

use super::cached_pages;
use super::failure::{Failure, FailureKind, Verifier, VerifierKind};
use super::inquiry::{Inquiry, Link, Need};
use super::links::{self, NEARBY, is_failed_object, leads_out_alike};
use crate::case::questions::ListGap;
use crate::case::{Case, Handshake, HandshakeOutcome};
use crate::flow::Direction;
use crate::pki::certificate::{CA_ISSUERS, OCSP};
use crate::protocol::tls::{HiddenBy, ServerCertificates};
use crate::retrieval::{ObjectKind, Outcome, Retrieval};
use crate::time::Span;

/// A handshake dropped without an alert says nothing when the same client
/// completes one with the same certificates this near: preconnect, cancel, race.
const TWIN_WINDOW: Span = Span::seconds(300);
/// A download that succeeds on the same route this soon after was only retried.
const RETRY_WINDOW: Span = Span::seconds(60);
/// Attempts for one object are one failure while they follow within this time.
const SAME_FAILURE: Span = Span::seconds(600);

/// Finds and links everything that failed.
#[must_use]
pub fn inquire(case: &Case) -> Inquiry<'_> {
    let list_gaps = case.list_gaps();
    let mut found: Vec<(Failure, Vec<Link>)> = Vec::new();
    for (index, handshake) in case.handshakes.iter().enumerate() {
        if let Some(rejected) = rejected(case, index, handshake) {
            let links = links::links(case, &list_gaps, index, handshake);
            if is_silent(handshake) && links.is_empty() && !has_fault(case, index) {
                // Finished, then closed without data, and nothing wrong with the
                // chain: an ordinary preconnect looks the same.
                continue;
            }
            found.push((rejected, links));
        }
    }
    found.extend(failed_objects(case));
    found.extend(
        cached_pages::failures(case)
            .into_iter()
            .map(|failure| (failure, Vec::new())),
    );
    found.extend(
        list_gaps
            .iter()
            .filter_map(|gap| unbelievable_list(case, gap)),
    );
    found.sort_by_key(|(failure, _)| (failure.at, failure.kind, failure.handshake));
    let (mut failures, links): (Vec<Failure>, Vec<Vec<Link>>) = found.into_iter().unzip();
    for (failure, links) in failures.iter_mut().zip(&links) {
        failure.retrievals = links.iter().map(|link| link.retrieval).collect();
        failure.retrievals.dedup();
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

/// Closed by the client after it had answered the server's certificates, with
/// no alert that could be read.
fn is_silent(handshake: &Handshake) -> bool {
    !is_certificate_alert(handshake) && handshake.key_exchange_sent
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
    if !is_certificate_alert(handshake) && case.completed_twin(handshake, TWIN_WINDOW).is_some() {
        return None;
    }
    Some(Failure {
        kind: FailureKind::Rejected,
        at: handshake
            .reaction
            .map_or(handshake.at, |sighting| sighting.at),
        machine: handshake.machine,
        account: None,
        verifier: verifier(case, index, handshake),
        site: handshake.site.clone(),
        handshake: Some(index),
        chain: case.chain_of_handshake(index).map(|(chain, _)| chain),
        retrievals: Vec::new(),
        cache_entry: None,
        findings: Vec::new(),
    })
}

/// Who validated, as far as the evidence shows: CryptoAPI when it is seen to
/// fetch what this very chain names, near this handshake.
fn verifier(case: &Case, index: usize, handshake: &Handshake) -> Verifier {
    let urls = chain_urls(case, index);
    let nearby = case
        .retrievals
        .iter()
        .enumerate()
        .find(|(retrieval_index, retrieval)| {
            case.retrieval_machines
                .get(*retrieval_index)
                .copied()
                .flatten()
                == handshake.machine
                && handshake.machine.is_some()
                && is_crypto_api(retrieval)
                && retrieval.started_at.since(handshake.at).abs() <= NEARBY
                && retrieval.url.as_ref().is_some_and(|url| urls.contains(url))
        });
    match nearby {
        Some((_, retrieval)) => Verifier {
            kind: VerifierKind::Capi,
            name: retrieval.user_agent.clone(),
            basis: format!(
                "CryptoAPI fetched {}, which this chain names",
                retrieval.url.as_deref().unwrap_or("an object")
            ),
        },
        None => Verifier {
            kind: VerifierKind::Unknown,
            name: None,
            basis: "nothing in the evidence names the program that validated".to_owned(),
        },
    }
}

/// True for requests that CryptoAPI or certutil makes.
#[must_use]
pub fn is_crypto_api(retrieval: &Retrieval) -> bool {
    retrieval.user_agent.as_deref().is_some_and(|agent| {
        agent.starts_with("Microsoft-CryptoAPI") || agent.starts_with("CertUtil URL Agent")
    })
}

fn chain_urls(case: &Case, handshake: usize) -> Vec<String> {
    let Some(handshake) = case.handshakes.get(handshake) else {
        return Vec::new();
    };
    let certificates = handshake
        .artifacts
        .iter()
        .filter_map(|index| case.certificate(*index));
    let urls = certificates.flat_map(|certificate| {
        let mut urls = certificate.access_urls(CA_ISSUERS);
        urls.extend(certificate.access_urls(OCSP));
        urls.extend(certificate.crl_urls());
        urls
    });
    urls.map(str::to_owned).collect()
}

/// Trust objects that a machine tried to get and did not, each a failure of its
/// own whatever site it may belong to. Attempts for the same object, with the
/// same result, minutes apart, are one failure.
fn failed_objects(case: &Case) -> Vec<(Failure, Vec<Link>)> {
    type Key = (Option<usize>, ObjectKind, String, Outcome);
    let mut groups: BTreeMap<Key, Vec<Vec<usize>>> = BTreeMap::new();
    for (index, retrieval) in case.retrievals.iter().enumerate() {
        if !is_failed_object(retrieval) || was_retried(case, index, retrieval) {
            continue;
        }
        let machine = case.retrieval_machines.get(index).copied().flatten();
        let what = retrieval
            .url
            .as_deref()
            .map(crate::cryptnet::strip_ctl_query);
        let what = what
            .or(retrieval.host.as_deref())
            .unwrap_or_default()
            .to_owned();
        let groups = groups
            .entry((machine, retrieval.object, what, retrieval.outcome))
            .or_default();
        let last = groups.last().and_then(|group| group.last()).copied();
        let continues = last
            .and_then(|last| case.retrievals.get(last))
            .is_some_and(|last| retrieval.started_at.since(last.ended_at) <= SAME_FAILURE);
        match groups.last_mut() {
            Some(group) if continues => group.push(index),
            _ => groups.push(vec![index]),
        }
    }
    let failures = groups.into_iter().flat_map(|((machine, ..), groups)| {
        groups.into_iter().filter_map(move |group| {
            let first = case.retrievals.get(*group.first()?)?;
            let failure = Failure {
                kind: FailureKind::Object,
                at: first.started_at,
                machine,
                account: first.account.clone(),
                verifier: object_verifier(first),
                site: None,
                handshake: None,
                chain: None,
                retrievals: Vec::new(),
                cache_entry: None,
                findings: Vec::new(),
            };
            let own = |retrieval: &usize| Link {
                retrieval: *retrieval,
                need: Need::Itself,
                certain: true,
            };
            Some((failure, group.iter().map(own).collect()))
        })
    });
    failures.collect()
}

/// True when the same client got the same URL on the same kind of route shortly after.
fn was_retried(case: &Case, index: usize, retrieval: &Retrieval) -> bool {
    let Some(client) = retrieval.client else {
        return false;
    };
    case.retrievals.iter().skip(index + 1).any(|later| {
        later.outcome.is_success()
            && later.client.is_some_and(|other| other.ip() == client.ip())
            && leads_out_alike(retrieval, later)
            && later.started_at.since(retrieval.ended_at) <= RETRY_WINDOW
            && match (&retrieval.url, &later.url) {
                (Some(url), Some(later_url)) => crate::cryptnet::same_resource(url, later_url),
                _ => retrieval.host.is_some() && retrieval.host == later.host,
            }
    })
}

fn object_verifier(retrieval: &Retrieval) -> Verifier {
    if is_crypto_api(retrieval) {
        Verifier {
            kind: VerifierKind::Capi,
            name: retrieval.user_agent.clone(),
            basis: "the request's User-Agent".to_owned(),
        }
    } else {
        Verifier {
            kind: VerifierKind::Unknown,
            name: retrieval.user_agent.clone(),
            basis: "no request of CryptoAPI is seen for it".to_owned(),
        }
    }
}

/// A list that an account cannot believe with what its cache holds, although no
/// failed download is in the evidence: the issuer lies in another account's
/// cache of the same machine and not in a service's.
fn unbelievable_list(case: &Case, gap: &ListGap) -> Option<(Failure, Vec<Link>)> {
    // A service without the list never needed the issuer; one that holds the
    // issuer can believe the list, and so can every other service.
    let services: Vec<_> = gap
        .accounts_without_issuer
        .iter()
        .filter(|account| account.kind.is_service() && gap.accounts_with_list.contains(account))
        .collect();
    let attempts = case.attempts_for(gap.machine, &gap.urls);
    let tried_in_vain = attempts
        .iter()
        .filter_map(|index| case.retrievals.get(*index))
        .any(is_failed_object);
    let untold = services.is_empty() || gap.accounts_with_issuer.is_empty();
    if untold || tried_in_vain || !gap.services_have_issuer.is_empty() {
        return None;
    }
    let had_at = gap.had_at.or_else(|| {
        let record = case.artifacts.get(gap.ctl)?;
        record.seen.iter().find_map(|sighting| sighting.at)
    })?;
    let failure = Failure {
        kind: FailureKind::Object,
        at: had_at,
        machine: gap.machine,
        account: services.first().map(|account| (*account).clone()),
        verifier: Verifier {
            kind: VerifierKind::Capi,
            name: None,
            basis: "trust lists are CryptoAPI's own".to_owned(),
        },
        site: None,
        handshake: None,
        chain: None,
        retrievals: Vec::new(),
        cache_entry: None,
        findings: Vec::new(),
    };
    Some((failure, Vec::new()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;
    use crate::diagnosis::fixtures::{AIA, Story};
    use crate::diagnosis::{FailureKind, VerdictState};
    use crate::protocol::tls::Alert;

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
