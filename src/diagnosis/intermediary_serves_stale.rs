#![doc = include_str!("../../docs/rules/intermediary-serves-stale.md")]

use std::sync::Arc;

use super::finding::Confidence;
use super::inquiry::{Basis, Inquiry, confidence};
use super::proposal::{Precedence, Proposal, Rule, Stance};
use super::statuses::{self, Told};
use crate::case::{CaseChain, questions};
use crate::chain::StatusFault;
use crate::cryptnet;
use crate::pki::{Artifact, Ctl};
use crate::retrieval::{ObjectKind, Retrieval};
use crate::time::{Span, Timestamp};
use crate::words;

/// The rule.
pub const RULE: Rule = Rule {
    id: "intermediary-serves-stale",
    doc: include_str!("../../docs/rules/intermediary-serves-stale.md"),
    apply,
};

/// A newer copy proves an older answer stale only if it existed then; one seen
/// this much later may have been published in between, unless its own date says
/// otherwise.
const WINDOW: Span = Span::seconds(24 * 3600);

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let mut proposals: Vec<Proposal> = Vec::new();
    for (index, old) in inquiry.case.retrievals.iter().enumerate() {
        let Some(mark) = cache_mark(old) else {
            continue;
        };
        let Some(old_date) = object_date(inquiry, old) else {
            continue;
        };
        let fronts = inquiry.case.retrievals.iter().enumerate();
        let newer = fronts.chain(inquiry.case.onward_legs()).find(|(_, new)| {
            let same = match (&old.url, &new.url) {
                (Some(old), Some(new)) => cryptnet::same_resource(old, new),
                _ => false,
            };
            same && old.body.as_ref().map(|body| body.sha256)
                != new.body.as_ref().map(|body| body.sha256)
                && object_date(inquiry, new)
                    .is_some_and(|date| date > old_date && date <= old.started_at)
                && new.started_at.since(old.started_at).abs() <= WINDOW
        });
        let Some((newer_index, newer)) = newer else {
            continue;
        };
        let explains = explained(inquiry, index, old, newer);
        let proxy = old.route.proxy.map_or_else(
            || {
                old.route
                    .hops
                    .first()
                    .map_or_else(|| "a cache on the way".to_owned(), |hop| hop.name.clone())
            },
            |proxy| format!("the proxy {proxy}"),
        );
        let basis = Basis {
            checked: false,
            fault_seen: true,
            reaction_seen: !explains.is_empty(),
            inferred: 0,
            poor_capture: inquiry.is_poor(old) || inquiry.is_poor(newer),
        };
        let stance = if explains.is_empty() {
            Stance::Observation
        } else {
            Stance::Cause
        };
        let mut cites = old.cites.clone();
        cites.extend(inquiry.cites_of(&[newer_index]));
        cites.extend(newer.cites.iter().cloned());
        let date = |date: Timestamp| date.to_display().get(..19).unwrap_or_default().to_owned();
        let newer_date = object_date(inquiry, newer).unwrap_or(old_date);
        proposals.push(Proposal {
            rule: RULE.id,
            stance,
            confidence: Some(confidence(basis)),
            summary: format!(
                "{} handed out an old copy of {} ({mark}): the object of {} UTC. One of {} UTC existed already and came in answer to the same URL.",
                words::sentence(&proxy),
                old.url.as_deref().unwrap_or_default(),
                date(old_date),
                date(newer_date)
            ),
            remedy: format!(
                "Purge the URL at {proxy} and let it revalidate. The same URL answered with the newer object (or X-Cache: MISS) shows that it worked; then delete the old copy in each account's cache."
            ),
            cites,
            explains,
            subject: format!("{} {proxy}", old.object.word()),
        });
    }
    proposals.extend(kept_too_long(inquiry));
    proposals
}

/// CRLs that ran out while they lay in a cache on the way, which then explain no
/// more than that the client got them so: whether the origin had a newer one is
/// not seen.
fn kept_too_long(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let told = statuses::proposals(inquiry, RULE.id, |element, source, fault| {
        let StatusFault::Stale { since } = fault else {
            return None;
        };
        let mut brought = inquiry.case.retrievals.iter().filter(|retrieval| {
            let body = retrieval.body.as_ref();
            body.is_some_and(|body| body.artifacts.contains(&source.sha256))
        });
        let (age, url, when) = brought.find_map(|retrieval| {
            let age = age_of(retrieval).filter(|_| retrieval.object != ObjectKind::Ocsp)?;
            let stored_at = retrieval.started_at.plus(Span::seconds(-age));
            let when = match stored_at <= *since {
                true => "ran out meanwhile",
                false if age >= LONG => "had run out before",
                // A minute in a cache hides no newer one.
                false => return None,
            };
            Some((age, retrieval.url.as_deref()?, when))
        })?;
        Some(Told {
            summary: format!(
                "A cache on the way answered for {url} with a copy that it had kept for {age} s (Age); the CRL about \"{}\" {when}. Whether its publisher had a newer one is not seen.",
                element.certificate.subject.short()
            ),
            remedy: "Purge the URL at the cache on the way and let it revalidate. An answer without Age, or with a newer CRL, shows whether the publisher has one.",
        })
    });
    let told = told.into_iter().map(|proposal| Proposal {
        confidence: proposal.confidence.min(Some(Confidence::Medium)),
        // It stands behind the expired CRL itself.
        explains: proposal
            .explains
            .into_iter()
            .map(|(failure, _)| (failure, Precedence::Policy))
            .collect(),
        ..proposal
    });
    told.collect()
}

/// Seconds in a cache in which a publisher may well bring out a newer CRL.
const LONG: i64 = 3_600;

/// The seconds that an answer says it lay in caches.
fn age_of(retrieval: &Retrieval) -> Option<i64> {
    let age = retrieval.response_headers.get("Age")?;
    let age = age.trim().parse::<u32>().ok()?;
    (age > 0).then_some(i64::from(age))
}

/// The header that shows an answer out of a cache.
fn cache_mark(retrieval: &Retrieval) -> Option<String> {
    // Two requests to one OCSP URL ask about two certificates.
    let one_object_per_url =
        retrieval.method.as_deref() == Some("GET") && retrieval.object != ObjectKind::Ocsp;
    if !retrieval.outcome.is_success() || !one_object_per_url {
        return None;
    }
    if retrieval
        .onward
        .iter()
        .any(|leg| brought_another(retrieval, leg))
    {
        return Some("the origin gave the proxy another at the same time".to_owned());
    }
    let headers = &retrieval.response_headers;
    let age = headers
        .get("Age")
        .and_then(|age| age.trim().parse::<u64>().ok());
    if let Some(age) = age.filter(|age| *age > 0) {
        return Some(format!("Age {age} s"));
    }
    let hit = headers
        .all("X-Cache")
        .find(|value| value.to_ascii_uppercase().contains("HIT"));
    hit.map(|hit| format!("X-Cache: {hit}"))
}

/// True when the proxy got another object for this request than it handed on.
fn brought_another(retrieval: &Retrieval, leg: &Retrieval) -> bool {
    let whole = |it: &Retrieval| {
        let body = it.body.as_ref().filter(|body| body.complete)?;
        body.sha256.filter(|_| it.status == Some(200))
    };
    match (whole(retrieval), whole(leg)) {
        (Some(handed_on), Some(came)) => handed_on != came,
        _ => false,
    }
}

/// The date the object itself carries.
fn object_date(inquiry: &Inquiry<'_>, retrieval: &Retrieval) -> Option<Timestamp> {
    let first = retrieval.body.as_ref()?.artifacts.first()?;
    let record = inquiry
        .case
        .artifacts
        .iter()
        .find(|record| record.artifact.sha256() == *first)?;
    match &record.artifact {
        Artifact::Ctl(ctl) => Some(ctl.this_update),
        Artifact::Crl(crl) => Some(crl.this_update),
        Artifact::Ocsp(ocsp) => ocsp.basic.as_ref().map(|basic| basic.produced_at),
        Artifact::Certificate(certificate) => Some(certificate.not_before),
    }
}

/// Rejections on the same machine, with the old copy in use, of chains that the
/// newer one would have completed.
fn explained(
    inquiry: &Inquiry<'_>,
    index: usize,
    old: &Retrieval,
    newer: &Retrieval,
) -> Vec<(usize, Precedence)> {
    let case = inquiry.case;
    let machine = inquiry.machine_of(index);
    let list = |retrieval: &Retrieval| list_of(inquiry, retrieval);
    let later = inquiry.failures.iter().enumerate().filter(|(_, failure)| {
        let chain = failure.chain.and_then(|chain| case.chains.get(chain));
        let (true, Some(chain)) = (machine.is_some() && failure.machine == machine, chain) else {
            return false;
        };
        failure.at >= old.started_at
            && match (old.object, list(old), list(newer)) {
                (ObjectKind::Ctl, Some((old_index, old)), Some((_, newer))) => {
                    case.list_of_the_day(machine, failure.at) == Some(old_index)
                        && !chain.has_fault()
                        && (helps(chain, old, newer) || is_gap(old) && !is_gap(newer))
                }
                (ObjectKind::AiaCert, ..) => chain.missing_issuer().is_some(),
                _ => false,
            }
    });
    later
        .map(|(failure, _)| (failure, Precedence::Network))
        .collect()
}

fn list_of<'a>(inquiry: &'a Inquiry<'_>, retrieval: &Retrieval) -> Option<(usize, &'a Arc<Ctl>)> {
    let wanted = retrieval.body.as_ref()?.artifacts.first()?;
    inquiry
        .case
        .authroot_lists()
        .find(|(_, list)| list.sha256 == *wanted)
}

/// True when the newer list has the root of the chain and the old one has not.
fn helps(chain: &CaseChain, old: &Ctl, newer: &Ctl) -> bool {
    let last = chain.chains.first().and_then(|chain| chain.elements.last());
    let Some(last) = last.map(|element| &element.certificate) else {
        return false;
    };
    let has = |list: &Ctl| {
        if last.is_self_issued() {
            list.entry_for(&last.sha1).is_some()
        } else {
            questions::names_root(list, last)
        }
    };
    has(newer) && !has(old)
}

fn is_gap(list: &Ctl) -> bool {
    list.signer
        .as_ref()
        .is_some_and(|signer| !questions::encloses_issuer(list, signer))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use crate::diagnosis::Role;
    use crate::diagnosis::fixtures::{CTL, Story, at, trust_list};
    use crate::pki::Artifact;
    use crate::retrieval::{ObjectKind, Outcome};

    fn list(roots: &[&str], days_ago: i64) -> Artifact {
        Artifact::Ctl(trust_list(&["list-pca"], roots, at(-86_400 * days_ago)))
    }

    /// The proxy's copy of 50 days ago, then the rejection, then a newer copy.
    fn story(age: &str, old_roots: &[&str]) -> Story {
        Story::new()
            .fetch(ObjectKind::Ctl, CTL, Outcome::Ok, (1, 2))
            .by_proxy()
            .headers(&[("Age", age)])
            .brings(&list(old_roots, 50))
            .rejects(&["leaf", "issuing-ca"], (3, 4))
            .fetch(ObjectKind::Ctl, CTL, Outcome::Ok, (60, 61))
            .by_proxy()
            .brings(&list(&["list-root", "site-root"], 1))
    }

    #[test]
    fn an_old_copy_without_the_root_explains_the_rejection() {
        let diagnosis = story("864005", &["list-root"]).diagnosis();
        assert_eq!(
            diagnosis.causes(),
            [("intermediary-serves-stale", Role::RootCause, "high")]
        );
        assert!(
            diagnosis.findings[0]
                .summary
                .starts_with("The proxy 10.0.0.8:3128 handed out an old copy")
        );
    }

    #[test]
    fn an_old_copy_that_has_the_root_explains_nothing() {
        let diagnosis = story("864005", &["list-root", "site-root"]).diagnosis();
        assert_eq!(
            diagnosis.of("intermediary-serves-stale")[0].role,
            Role::Observation
        );
        assert_eq!(diagnosis.verdict.root_cause, None);
    }

    #[test]
    fn it_is_quiet_when_no_cache_is_seen_at_work() {
        assert!(
            story("0", &["list-root"])
                .diagnosis()
                .of("intermediary-serves-stale")
                .is_empty()
        );
    }

    #[test]
    fn it_is_quiet_when_both_answers_are_the_same() {
        let same = list(&["list-root"], 50);
        let diagnosis = Story::new()
            .fetch(ObjectKind::Ctl, CTL, Outcome::Ok, (1, 2))
            .headers(&[("Age", "864005")])
            .brings(&same)
            .fetch(ObjectKind::Ctl, CTL, Outcome::Ok, (60, 61))
            .brings(&same)
            .diagnosis();
        assert!(diagnosis.of("intermediary-serves-stale").is_empty());
    }
}
