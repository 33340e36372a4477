//! Failures of kind `object`: trust objects that a machine did not obtain or
//! cannot believe, whatever site they may belong to.

use std::collections::BTreeMap;

use super::failure::{Failure, FailureKind, Verifier, VerifierKind};
use super::inquiry::{Link, Need};
use super::links::{is_failed_object, leads_out_alike};
use super::successes::Successes;
use super::verifier::is_crypto_api;
use crate::case::Case;
use crate::case::questions::ListGap;
use crate::retrieval::{ObjectKind, Outcome, Retrieval};
use crate::time::Span;

/// A download that succeeds on the same route this soon after was only retried.
const RETRY_WINDOW: Span = Span::seconds(60);
/// Attempts for one object are one failure while they follow within this time.
const SAME_FAILURE: Span = Span::seconds(600);

/// Trust objects that a machine tried to get and did not, each a failure of its
/// own whatever site it may belong to. Attempts for the same object, with the
/// same result, minutes apart, are one failure.
pub fn failed_objects(case: &Case, successes: &Successes) -> Vec<(Failure, Vec<Link>)> {
    type Key = (Option<usize>, ObjectKind, String, Outcome);
    let mut groups: BTreeMap<Key, Vec<Vec<usize>>> = BTreeMap::new();
    for (index, retrieval) in case.retrievals.iter().enumerate() {
        if !is_failed_object(retrieval) || was_retried(case, successes, index, retrieval) {
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
                machine,
                account: first.account.clone(),
                ..Failure::new(
                    FailureKind::Object,
                    first.started_at,
                    object_verifier(first),
                )
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
fn was_retried(case: &Case, successes: &Successes, index: usize, retrieval: &Retrieval) -> bool {
    let Some(client) = retrieval.client else {
        return false;
    };
    let machine = case.retrieval_machines.get(index).copied().flatten();
    let last = retrieval.ended_at.plus(RETRY_WINDOW);
    successes
        .like(machine, retrieval, retrieval.started_at)
        .filter(|(started_at, _)| *started_at <= last)
        .filter_map(|(_, later)| case.retrievals.get(later))
        .any(|later| {
            later.client.is_some_and(|other| other.ip() == client.ip())
                && leads_out_alike(retrieval, later)
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
pub fn unbelievable_list(case: &Case, gap: &ListGap) -> Option<(Failure, Vec<Link>)> {
    // A service without the list never needed the issuer; one that holds the
    // issuer can believe the list, and so can every other service.
    let services: Vec<_> = gap
        .accounts_without_issuer
        .iter()
        .filter(|account| account.kind.is_service() && gap.accounts_with_list.contains(account))
        .collect();
    let untold = services.is_empty() || gap.accounts_with_issuer.is_empty();
    if untold || !gap.services_have_issuer.is_empty() {
        return None;
    }
    let attempts = case.attempts_for(gap.machine, &gap.urls);
    let mut attempts = attempts
        .iter()
        .filter_map(|index| case.retrievals.get(*index));
    if attempts.any(is_failed_object) {
        return None;
    }
    let had_at = gap.had_at.or_else(|| {
        let record = case.artifacts.get(gap.ctl)?;
        record.seen.iter().find_map(|sighting| sighting.at)
    })?;
    let verifier = Verifier {
        kind: VerifierKind::Capi,
        name: None,
        basis: "trust lists are CryptoAPI's own".to_owned(),
    };
    let failure = Failure {
        machine: gap.machine,
        account: services.first().map(|account| (*account).clone()),
        ..Failure::new(FailureKind::Object, had_at, verifier)
    };
    Some((failure, Vec::new()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use crate::diagnosis::fixtures::Story;
    use crate::retrieval::{ObjectKind, Outcome};

    #[test]
    fn ten_thousand_failed_downloads_are_told_from_those_that_were_retried() {
        // Each compared with each would be a hundred million of URLs.
        const COUNT: i64 = 10_000;
        let mut story = Story::new();
        for number in 0..COUNT {
            let url = format!("http://crl{number}.example/a.crl");
            let crl = ObjectKind::Crl;
            story = story.fetch(crl, &url, Outcome::HttpError, (number, number));
            if number % 2 == 0 {
                story = story.fetch(crl, &url, Outcome::Ok, (number + 1, number + 1));
            }
        }
        let case = story.case();
        let successes = super::Successes::of(&case);
        let failed = super::failed_objects(&case, &successes);
        assert_eq!(failed.len(), 5_000);
    }
}
