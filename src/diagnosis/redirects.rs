//! Requests for trust objects that were sent elsewhere and got nothing there.

use super::failure::{Failure, FailureKind};
use super::inquiry::{Link, Need};
use super::verifier::is_crypto_api;
use crate::case::questions::host_of;
use crate::case::{Case, HandshakeOutcome};
use crate::cryptnet;
use crate::diagnosis::{Verifier, VerifierKind};
use crate::retrieval::{Outcome, Retrieval};
use crate::time::Span;

/// A client follows a redirect at once.
const FOLLOWED_WITHIN: Span = Span::seconds(60);
/// A capture that goes on for so long would show that it was followed.
const PATIENCE: Span = Span::seconds(5);
/// WinHTTP gives up after 10; more than 5 is no ordinary way to a file.
const MAX_HOPS: usize = 5;

/// Why a redirect led nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeadEnd {
    /// To https, where Windows fetches no such object.
    Https,
    /// The client did not follow.
    NotFollowed,
    /// Too many in a row.
    TooMany,
}

/// Where a redirect leads.
#[must_use]
pub fn target_of(retrieval: &Retrieval) -> Option<String> {
    if retrieval.outcome != Outcome::Redirect {
        return None;
    }
    let base = retrieval.url.as_deref()?;
    let location = retrieval.response_headers.get("Location")?;
    if location.contains("://") {
        return Some(location.to_owned());
    }
    let (scheme, rest) = base.split_once("://")?;
    if let Some(rest) = location.strip_prefix("//") {
        return Some(format!("{scheme}://{rest}"));
    }
    let authority = rest.split(['/', '?', '#']).next()?;
    if location.starts_with('/') {
        return Some(format!("{scheme}://{authority}{location}"));
    }
    let folder = base.split(['?', '#']).next()?.rsplit_once('/')?.0;
    Some(format!("{folder}/{location}"))
}

/// The request that followed a redirect.
fn next(case: &Case, retrieval: &Retrieval, target: &str) -> Option<usize> {
    let client = retrieval.client?.ip();
    case.retrievals.iter().position(|later| {
        later.client.is_some_and(|other| other.ip() == client)
            && later.started_at >= retrieval.started_at
            && later.started_at.since(retrieval.ended_at) <= FOLLOWED_WITHIN
            && later
                .url
                .as_deref()
                .is_some_and(|url| cryptnet::same_resource(url, target))
    })
}

/// Redirects looked at; each is compared with every later request. A capture of
/// a portal has a handful.
const MAX_REDIRECTS: usize = 1_000;

fn redirects(case: &Case) -> impl Iterator<Item = usize> {
    let all = case.retrievals.iter().enumerate();
    let redirects = all.filter(|(_, retrieval)| retrieval.outcome == Outcome::Redirect);
    redirects.map(|(index, _)| index).take(MAX_REDIRECTS)
}

/// The redirect that sent a client to this retrieval.
#[must_use]
pub fn sent_by(case: &Case, index: usize) -> Option<usize> {
    let retrieval = case.retrievals.get(index)?;
    retrieval.url.as_ref()?;
    let mut redirects = redirects(case);
    redirects.find(|earlier| {
        case.retrievals.get(*earlier).is_some_and(|earlier| {
            let in_time = earlier.started_at <= retrieval.started_at
                && retrieval.started_at.since(earlier.ended_at) <= FOLLOWED_WITHIN;
            in_time
                && target_of(earlier)
                    .is_some_and(|target| next(case, earlier, &target) == Some(index))
        })
    })
}

/// Why a request for a trust object that was sent elsewhere got nothing; `None`
/// when it was followed, whatever came then, and when the capture does not tell.
#[must_use]
pub fn dead_end(case: &Case, retrieval: &Retrieval) -> Option<DeadEnd> {
    if !Case::is_trust_object(retrieval.object) {
        return None;
    }
    let mut at = retrieval;
    for _ in 0..MAX_HOPS {
        let target = target_of(at)?;
        if let Some(index) = next(case, at, &target) {
            at = case.retrievals.get(index)?;
            if at.outcome != Outcome::Redirect {
                return None;
            }
            continue;
        }
        if target
            .get(..8)
            .is_some_and(|head| head.eq_ignore_ascii_case("https://"))
        {
            return (!was_spoken_to(case, at, &target)).then_some(DeadEnd::Https);
        }
        let vantage = case
            .vantages
            .iter()
            .find(|it| Some(it.number) == at.vantage)?;
        let shown = vantage
            .last_at
            .is_none_or(|last| last.since(at.ended_at) >= PATIENCE);
        return shown.then_some(DeadEnd::NotFollowed);
    }
    Some(DeadEnd::TooMany)
}

/// True when the client went on to the TLS server that it was sent to.
fn was_spoken_to(case: &Case, retrieval: &Retrieval, target: &str) -> bool {
    let host = host_of(target);
    case.handshakes.iter().any(|handshake| {
        handshake.outcome == HandshakeOutcome::Completed
            && retrieval
                .client
                .is_some_and(|client| client.ip() == handshake.client.ip())
            && handshake.site.as_deref() == host
            && handshake.at >= retrieval.started_at
            && handshake.at.since(retrieval.ended_at) <= FOLLOWED_WITHIN
    })
}

/// Dead ends are trust objects not obtained, unless they came soon after.
#[must_use]
pub fn failures(case: &Case) -> Vec<(Failure, Vec<Link>)> {
    let mut failures: Vec<(Failure, Vec<Link>)> = Vec::new();
    for index in redirects(case) {
        let Some(retrieval) = case.retrievals.get(index) else {
            continue;
        };
        if dead_end(case, retrieval).is_none() {
            continue;
        }
        let came = case.retrievals.iter().any(|later| {
            later.outcome.is_success()
                && later.client.map(|it| it.ip()) == retrieval.client.map(|it| it.ip())
                && later
                    .url
                    .as_deref()
                    .zip(retrieval.url.as_deref())
                    .is_some_and(|(one, other)| cryptnet::same_resource(one, other))
                && later.started_at >= retrieval.started_at
                && later.started_at.since(retrieval.ended_at) <= FOLLOWED_WITHIN
        });
        // One of a row speaks for all.
        if came || sent_by(case, index).is_some() {
            continue;
        }
        let capi = is_crypto_api(retrieval);
        let verifier = Verifier {
            kind: if capi {
                VerifierKind::Capi
            } else {
                VerifierKind::Unknown
            },
            name: retrieval.user_agent.clone(),
            basis: if capi {
                "the request's User-Agent".to_owned()
            } else {
                "no request of CryptoAPI is seen for it".to_owned()
            },
        };
        let failure = Failure {
            machine: case.retrieval_machines.get(index).copied().flatten(),
            account: retrieval.account.clone(),
            ..Failure::new(FailureKind::Object, retrieval.started_at, verifier)
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
    failures
}
