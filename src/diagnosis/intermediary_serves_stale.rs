#![doc = include_str!("../../docs/rules/intermediary-serves-stale.md")]

use super::inquiry::{Basis, Inquiry, confidence};
use super::proposal::{Precedence, Proposal, Rule, Stance};
use crate::cryptnet;
use crate::pki::Artifact;
use crate::retrieval::{ObjectKind, Retrieval};
use crate::time::{Span, Timestamp};

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
        let Some(mark) = cache_mark(old) else { continue };
        let Some(old_date) = object_date(inquiry, old) else { continue };
        let newer = inquiry.case.retrievals.iter().enumerate().find(|(_, new)| {
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
        let Some((newer_index, newer)) = newer else { continue };
        let explains = explained(inquiry, index, old);
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
        let stance = if explains.is_empty() { Stance::Observation } else { Stance::Cause };
        let mut cites = old.cites.clone();
        cites.extend(inquiry.cites_of(&[newer_index]));
        let date = |date: Timestamp| date.to_display().get(..19).unwrap_or_default().to_owned();
        let newer_date = object_date(inquiry, newer).unwrap_or(old_date);
        proposals.push(Proposal {
            rule: RULE.id,
            stance,
            confidence: Some(confidence(basis)),
            summary: format!(
                "For {} {proxy} handed out an old copy ({mark}): the object of {} UTC, although one of {} UTC existed and came in answer to the same URL.",
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
    proposals
}

/// The header that shows an answer out of a cache.
fn cache_mark(retrieval: &Retrieval) -> Option<String> {
    // Two requests to one OCSP URL ask about two certificates.
    let one_object_per_url =
        retrieval.method.as_deref() == Some("GET") && retrieval.object != ObjectKind::Ocsp;
    if !retrieval.outcome.is_success() || !one_object_per_url {
        return None;
    }
    let headers = &retrieval.response_headers;
    let age = headers.get("Age").and_then(|age| age.trim().parse::<u64>().ok());
    if let Some(age) = age.filter(|age| *age > 0) {
        return Some(format!("Age {age} s"));
    }
    let hit = headers.all("X-Cache").find(|value| value.to_ascii_uppercase().contains("HIT"));
    hit.map(|hit| format!("X-Cache: {hit}"))
}

/// The date the object itself carries.
fn object_date(inquiry: &Inquiry<'_>, retrieval: &Retrieval) -> Option<Timestamp> {
    let first = retrieval.body.as_ref()?.artifacts.first()?;
    let record = inquiry.case.artifacts.iter().find(|record| record.artifact.sha256() == *first)?;
    match &record.artifact {
        Artifact::Ctl(ctl) => Some(ctl.this_update),
        Artifact::Crl(crl) => Some(crl.this_update),
        Artifact::Ocsp(ocsp) => ocsp.basic.as_ref().map(|basic| basic.produced_at),
        Artifact::Certificate(certificate) => Some(certificate.not_before),
    }
}

/// Rejections on the same machine, after the old list came, of chains that end
/// at a root the machine does not know.
fn explained(inquiry: &Inquiry<'_>, index: usize, old: &Retrieval) -> Vec<(usize, Precedence)> {
    let machine = inquiry.machine_of(index);
    let later = inquiry.failures.iter().enumerate().filter(|(_, failure)| {
        failure.machine == machine
            && machine.is_some()
            && failure.handshake.is_some()
            && failure.at >= old.started_at
            && failure.chain.and_then(|chain| inquiry.case.chains.get(chain)).is_some_and(|chain| {
                match old.object {
                    ObjectKind::Ctl => chain.ends_in_unknown_root(),
                    ObjectKind::AiaCert => chain.missing_issuer().is_some(),
                    _ => false,
                }
            })
    });
    later.map(|(failure, _)| (failure, Precedence::Network)).collect()
}
