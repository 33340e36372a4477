//! What was seen to work again after a failure.

use std::collections::BTreeSet;

use super::failure::{Failure, FailureKind, Healed, HealedBy, Verifier};
use super::successes::Successes;
use super::verifier;
use crate::case::{Case, HandshakeOutcome};
use crate::cryptnet;
use crate::protocol::tls::{HiddenBy, ServerCertificates};
use crate::time::Timestamp;

/// The first success of the same need after a failure: for a site, a handshake
/// that the same client completed; for an object, an answer to the same request.
#[must_use]
pub fn healed(case: &Case, successes: &Successes, failure: &Failure) -> Option<Healed> {
    match failure.kind {
        FailureKind::Rejected => site_accepted(case, failure),
        // It succeeded after all; the wait is what was wrong.
        FailureKind::Delayed => None,
        FailureKind::Object => object_obtained(case, successes, failure),
    }
}

fn site_accepted(case: &Case, failure: &Failure) -> Option<Healed> {
    let refused = case.handshakes.get(failure.handshake?)?;
    let site = refused.site.as_deref()?;
    let mut later = case.handshakes.iter().enumerate().filter(|(_, other)| {
        // A resumed session goes back to an earlier validation.
        let validated = !matches!(
            other.certificates,
            ServerCertificates::Hidden(HiddenBy::Resumption)
        );
        other.at > failure.at
            && other.outcome == HandshakeOutcome::Completed
            && validated
            && other.vantage == refused.vantage
            && other.client.ip() == refused.client.ip()
            && other
                .site
                .as_deref()
                .is_some_and(|name| name.eq_ignore_ascii_case(site))
            && may_be_one(&failure.verifier, &verifier::of_handshake(case, other))
    });
    let first = later.next().map(|(index, other)| (other.at, index))?;
    let (at, index) = later
        .map(|(index, other)| (other.at, index))
        .fold(first, std::cmp::min);
    let by = HealedBy::Handshake(index);
    Some(Healed { at, by })
}

/// What one program accepts says nothing of another.
fn may_be_one(one: &Verifier, other: &Verifier) -> bool {
    match (&one.name, &other.name) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    }
}

fn object_obtained(case: &Case, successes: &Successes, failure: &Failure) -> Option<Healed> {
    // Attempts that differ in nothing that tells a repetition need one look.
    let mut seen = BTreeSet::new();
    let mut first: Option<(Timestamp, usize)> = None;
    for missed in &failure.retrievals {
        let Some(retrieval) = case.retrievals.get(*missed) else {
            continue;
        };
        let route = &retrieval.route;
        let key = (
            (&retrieval.url, &retrieval.host, retrieval.object),
            (
                &retrieval.account,
                route.proxy,
                route.kind.is_explicit_proxy(),
            ),
        );
        if retrieval.outcome.is_success() || !seen.insert(key) {
            continue;
        }
        let machine = case.retrieval_machines.get(*missed).copied().flatten();
        for (started_at, later) in successes.like(machine, retrieval, failure.at) {
            if first.is_some_and(|(ended_at, _)| started_at > ended_at) {
                continue;
            }
            let found = case.retrievals.get(later).map(|it| (it.ended_at, later));
            if repeats(case, *missed, later) && first.is_none_or(|first| found < Some(first)) {
                first = found;
            }
        }
    }
    let (at, index) = first?;
    let by = HealedBy::Retrieval(index);
    Some(Healed { at, by })
}

/// True when one retrieval asked for the same thing as another, by the same
/// way, as far as is known for the same account.
fn repeats(case: &Case, missed: usize, later: usize) -> bool {
    let machine = |index: usize| case.retrieval_machines.get(index).copied().flatten();
    let (Some(one), Some(other)) = (case.retrievals.get(missed), case.retrievals.get(later)) else {
        return false;
    };
    let same_object = match (&one.url, &other.url) {
        (Some(one), Some(other)) => cryptnet::same_resource(one, other),
        // No request was sent: its host and the kind of object are known.
        _ => one.host.is_some() && one.host == other.host && one.object == other.object,
    };
    let same_account = match (&one.account, &other.account) {
        (Some(one), Some(other)) => one == other,
        // The way is the account's own: another way may be another account.
        _ => {
            one.route.kind.is_explicit_proxy() == other.route.kind.is_explicit_proxy()
                && one.route.proxy == other.route.proxy
        }
    };
    same_object && same_account && machine(missed) == machine(later)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;
    use crate::diagnosis::fixtures::{AIA, CTL, Story, alice, at, system};
    use crate::retrieval::{ObjectKind, Outcome};

    const FULL: [&str; 2] = ["leaf", "issuing-ca"];

    fn heals(story: Story) -> Vec<Option<(Timestamp, HealedBy)>> {
        let diagnosis = story.diagnosis();
        let failures = diagnosis.failures.iter();
        failures
            .map(|failure| failure.healed.map(|healed| (healed.at, healed.by)))
            .collect()
    }

    fn rejected() -> Story {
        Story::new().rejects(&FULL, (9, 12))
    }

    #[test]
    fn a_site_is_healed_by_the_first_handshake_that_its_client_completes() {
        let story = rejected()
            .rejects(&FULL, (900, 901))
            .accepted()
            .rejects(&FULL, (950, 951))
            .accepted();
        assert_eq!(heals(story), [Some((at(900), HealedBy::Handshake(1)))]);
        assert_eq!(heals(rejected()), [None]);
    }

    #[test]
    fn another_client_another_site_and_a_resumed_session_heal_nothing() {
        let other = rejected()
            .rejects(&FULL, (900, 901))
            .accepted()
            .handshake(|it| it.client = "10.0.0.77:1".parse().unwrap());
        assert_eq!(heals(other), [None]);
        let other = rejected()
            .rejects(&FULL, (900, 901))
            .accepted()
            .handshake(|it| it.site = Some("b.example".to_owned()));
        assert_eq!(heals(other), [None]);
        let resumed = rejected()
            .rejects(&FULL, (900, 901))
            .accepted()
            .handshake(|it| {
                it.certificates = ServerCertificates::Hidden(HiddenBy::Resumption);
            });
        assert_eq!(heals(resumed), [None]);
    }

    #[test]
    fn an_object_is_healed_when_it_is_fetched_again() {
        let missed = || Story::new().fetch(ObjectKind::Ctl, CTL, Outcome::Refused, (1, 2));
        let again = missed().fetch(ObjectKind::Ctl, CTL, Outcome::Ok, (900, 901));
        assert_eq!(heals(again), [Some((at(901), HealedBy::Retrieval(1)))]);
        let other = missed().fetch(ObjectKind::AiaCert, AIA, Outcome::Ok, (900, 901));
        assert_eq!(heals(other), [None]);
    }

    #[test]
    fn what_another_account_or_another_way_got_heals_nothing() {
        let missed = || Story::new().fetch(ObjectKind::Ctl, CTL, Outcome::Refused, (1, 2));
        let by_proxy = missed()
            .fetch(ObjectKind::Ctl, CTL, Outcome::Ok, (900, 901))
            .by_proxy();
        assert_eq!(heals(by_proxy), [None]);
        let of = |later: crate::account::Account| {
            missed()
                .with(|it| it.account = Some(system()))
                .fetch(ObjectKind::Ctl, CTL, Outcome::Ok, (900, 901))
                .by_proxy()
                .with(|it| it.account = Some(later))
        };
        assert_eq!(heals(of(alice())), [None]);
        // The service was told the proxy.
        let healed = heals(of(system()));
        assert_eq!(healed, [Some((at(901), HealedBy::Retrieval(1)))]);
    }
}
