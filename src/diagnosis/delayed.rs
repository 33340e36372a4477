//! Validations that succeeded after waiting for look-ups in vain, and the time
//! that each look-up cost.
//!
//! CryptoAPI gives one URL 15 seconds and revocation 20 in all (`CERT_CHAIN_PARA`,
//! `dwUrlRetrievalTimeout`; "accumulative" time-out of the chain engine). Many
//! callers never check revocation, or go on without a status: what they do not
//! wait for is no failure of theirs.

use super::failure::{Failure, FailureKind, Lost, Reaction, VerifierKind};
use super::inquiry::Link;
use super::{links, verifier};
use crate::case::questions::ListGap;
use crate::case::{Case, Handshake, HandshakeOutcome};
use crate::protocol::tls::ServerCertificates;
use crate::retrieval::Outcome;
use crate::time::{Span, Timestamp};

/// A wait shorter than this is no failure: a slow server makes it, too.
const LEAST_SECONDS: f64 = 5.0;
/// CryptoAPI's time-out for one URL, and a second for what follows it.
const URL_SECONDS: f64 = 16.0;
/// The look-ups must fill this part of the wait; else the user thought it over.
const LEAST_SHARE: f64 = 0.6;
/// The program goes on at once when the last look-up is given up.
const GOES_ON_WITHIN: f64 = 3.0;

/// The delayed validation that a completed handshake shows, if it shows one.
#[must_use]
pub fn delayed(
    case: &Case,
    gaps: &[ListGap],
    index: usize,
    handshake: &Handshake,
) -> Option<(Failure, Vec<Link>)> {
    if handshake.outcome != HandshakeOutcome::Completed {
        return None;
    }
    let until = handshake.data_at?;
    let waited = until.since(asked_at(handshake)).as_seconds();
    if waited < LEAST_SECONDS {
        return None;
    }
    let verifier = verifier::of_handshake(case, handshake);
    if matches!(verifier.kind, VerifierKind::Own | VerifierKind::Proxy) {
        return None;
    }
    let mut links = links::waits(case, gaps, index, handshake, asked_at(handshake), until);
    let lost = lost(case, &links, handshake, until);
    let total: f64 = lost.iter().map(|lost| lost.seconds).sum();
    let given_up = lost
        .iter()
        .filter_map(|lost| Some(began(case, lost, handshake)?.plus(seconds(lost.seconds))))
        .max()?;
    let goes_on = until.since(given_up).as_seconds() <= GOES_ON_WITHIN;
    if total < LEAST_SECONDS || total < waited * LEAST_SHARE || !goes_on {
        return None;
    }
    links.retain(|link| lost.iter().any(|lost| lost.retrieval == link.retrieval));
    let failure = Failure {
        machine: handshake.machine,
        site: handshake.site.clone(),
        handshake: Some(index),
        chain: case.chain_of_handshake(index).map(|(chain, _)| chain),
        reaction: Reaction::Waited,
        lost,
        ..Failure::new(FailureKind::Delayed, until, verifier)
    };
    Some((failure, links))
}

/// The time that each linked look-up took away from a validation that lasted
/// until `until`. Look-ups are made one after the other: silence lasts until
/// the next one begins, or the time-out.
#[must_use]
pub fn lost(case: &Case, links: &[Link], handshake: &Handshake, until: Timestamp) -> Vec<Lost> {
    let asked_at = asked_at(handshake);
    let mut lookups: Vec<(Timestamp, Timestamp, bool, usize)> = links
        .iter()
        .filter_map(|link| {
            let retrieval = case.retrievals.get(link.retrieval)?;
            let silent = matches!(
                retrieval.outcome,
                Outcome::ConnectTimeout
                    | Outcome::NameTimeout
                    | Outcome::NoAnswer
                    | Outcome::Stalled
            );
            let began = retrieval.started_at.max(asked_at);
            let during = retrieval.started_at < until && retrieval.ended_at >= asked_at;
            during.then_some((began, retrieval.ended_at, silent, link.retrieval))
        })
        .collect();
    lookups.sort_unstable();
    lookups.dedup_by_key(|(.., retrieval)| *retrieval);
    let begins: Vec<Timestamp> = lookups.iter().skip(1).map(|(began, ..)| *began).collect();
    let next = begins.into_iter().map(Some).chain([None]);
    let spans = lookups
        .iter()
        .zip(next)
        .map(|((began, ended, silent, retrieval), next)| {
            let limit = next.unwrap_or(until).min(until);
            let end = if *silent { limit } else { limit.min(*ended) };
            let seconds = end.since(*began).as_seconds().clamp(0.0, URL_SECONDS);
            Lost {
                retrieval: *retrieval,
                seconds,
            }
        });
    spans.filter(|lost| lost.seconds >= WORTH_SAYING).collect()
}

/// Less than this is lost on any network.
const WORTH_SAYING: f64 = 1.0;

fn began(case: &Case, lost: &Lost, handshake: &Handshake) -> Option<Timestamp> {
    let retrieval = case.retrievals.get(lost.retrieval)?;
    Some(retrieval.started_at.max(asked_at(handshake)))
}

/// Since when the client could validate: the certificates had come.
fn asked_at(handshake: &Handshake) -> Timestamp {
    match &handshake.certificates {
        ServerCertificates::Sent { sighting, .. } => sighting.at,
        ServerCertificates::Hidden(_) | ServerCertificates::NotSeen => handshake.at,
    }
}

/// Milliseconds are all that matters here.
#[allow(clippy::cast_possible_truncation)]
fn seconds(seconds: f64) -> Span {
    Span::seconds(seconds.round() as i64)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;
    use crate::diagnosis::fixtures::{CRL, CTL, OCSP, Story, at};
    use crate::diagnosis::{Diagnosis, Role};
    use crate::retrieval::ObjectKind;

    const FULL: [&str; 2] = ["leaf", "issuing-ca"];

    /// OCSP dead for 15 seconds, the CRL for 5, then the data flows.
    fn waited(data_at: i64) -> Story {
        Story::new()
            .fetch(ObjectKind::Ocsp, OCSP, Outcome::ConnectTimeout, (10, 19))
            .fetch(ObjectKind::Crl, CRL, Outcome::ConnectTimeout, (25, 28))
            .rejects(&FULL, (9, data_at + 1))
            .accepted()
            .handshake(|it| it.data_at = Some(at(data_at)))
    }

    fn delayed_of(diagnosis: &Diagnosis) -> Option<&Failure> {
        let mut failures = diagnosis.failures.iter();
        failures.find(|failure| failure.kind == FailureKind::Delayed)
    }

    #[test]
    fn a_validation_that_waited_for_dead_urls_is_delayed_by_their_time_outs() {
        let diagnosis = waited(30).diagnosis();
        let failure = delayed_of(&diagnosis).unwrap();
        let seconds: Vec<f64> = failure.lost.iter().map(|lost| lost.seconds).collect();
        assert_eq!(seconds, [15.0, 5.0]);
        assert_eq!(failure.at, at(30));
        assert_eq!(diagnosis.verdict.root_cause, Some("direct-blocked"));
        let root = diagnosis
            .findings
            .iter()
            .find(|finding| finding.role == Role::RootCause)
            .unwrap();
        assert!(root.rule == "direct-blocked");
    }

    #[test]
    fn a_pause_that_the_look_ups_do_not_fill_is_the_users() {
        assert!(delayed_of(&waited(90).diagnosis()).is_none());
    }

    #[test]
    fn who_goes_on_at_once_never_waited() {
        assert!(delayed_of(&waited(10).diagnosis()).is_none());
    }

    #[test]
    fn an_answer_that_came_quickly_costs_nothing() {
        let quick = Story::new()
            .fetch(ObjectKind::Ocsp, OCSP, Outcome::Ok, (10, 11))
            .rejects(&FULL, (9, 31))
            .accepted()
            .handshake(|it| it.data_at = Some(at(30)));
        assert!(delayed_of(&quick.diagnosis()).is_none());
    }

    #[test]
    fn a_dead_trust_list_delays_a_chain_with_an_unknown_root() {
        let list = Story::new()
            .fetch(ObjectKind::Ctl, CTL, Outcome::ConnectTimeout, (10, 19))
            .rejects(&FULL, (9, 26))
            .accepted()
            .handshake(|it| it.data_at = Some(at(25)));
        let diagnosis = list.diagnosis();
        assert_eq!(delayed_of(&diagnosis).unwrap().seconds_lost(), 15.0);
    }

    #[test]
    fn a_rejection_tells_its_lost_time_as_well() {
        let rejected = Story::new()
            .fetch(ObjectKind::Ocsp, OCSP, Outcome::ConnectTimeout, (10, 19))
            .rejects(&FULL, (9, 26));
        let diagnosis = rejected.diagnosis();
        let failure = diagnosis
            .failures
            .iter()
            .find(|it| it.kind == FailureKind::Rejected)
            .unwrap();
        assert_eq!(failure.seconds_lost(), 16.0);
    }
}
