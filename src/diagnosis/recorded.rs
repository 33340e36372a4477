//! Failures that the machine itself recorded: chains that CryptoAPI refused
//! (events 11 and 30), scans and synchronizations that ended with an error.

use std::collections::BTreeMap;

use super::failure::{Failure, FailureKind, Verifier, VerifierKind};
use super::inquiry::{Link, Need};
use super::links::is_failed_object;
use crate::case::questions::host_of;
use crate::case::{Case, logged};
use crate::host::capi;
use crate::host::event::LogEvent;
use crate::host::update_log::{UpdateEvent, UpdateFact};
use crate::host::{HostFacts, HostSource};
use crate::retrieval::ObjectKind;
use crate::time::{Span, Timestamp};

/// A record and a handshake are of one validation when they are this near.
const SAME_VALIDATION: Span = Span::seconds(120);
/// Alike records this near are one failure: programs try again.
const SAME_FAILURE: Span = Span::seconds(600);
/// Revocation that is unknown or offline: most programs go on.
const REVOCATION: u32 = 0x40 | 0x0100_0000;

/// Gives failures on the wire the account of their record, and returns the
/// failures that only records tell.
pub fn failures(case: &Case, found: &mut [(Failure, Vec<Link>)]) -> Vec<(Failure, Vec<Link>)> {
    let mut alone = Vec::new();
    for (index, source) in case.hosts.iter().enumerate() {
        let machine = case.host_machines.get(index).copied().flatten();
        match &source.facts {
            HostFacts::Events(events) => {
                alone.extend(of_events(case, source, machine, events, found));
            }
            HostFacts::Updates(events) => alone.extend(of_updates(machine, events, found)),
            HostFacts::Hive(_) | HostFacts::Access(_) => {}
        }
    }
    alone
}

fn of_events(
    case: &Case,
    source: &HostSource,
    machine: Option<usize>,
    events: &[LogEvent],
    found: &mut [(Failure, Vec<Link>)],
) -> Vec<(Failure, Vec<Link>)> {
    let profiles = logged::profiles_beside(case, source);
    let mut alone: Vec<(Failure, Vec<Link>)> = Vec::new();
    let mut last: BTreeMap<(String, Option<String>), Timestamp> = BTreeMap::new();
    // The name asked for stands in the policy's event alone.
    let servers: BTreeMap<String, String> = events
        .iter()
        .filter_map(capi::policy)
        .filter_map(|policy| Some((policy.chain_ref?, policy.server?)))
        .collect();
    for event in events {
        let Some(refused) = refused(event) else {
            continue;
        };
        let account = logged::account(event, &profiles);
        let own = found.iter_mut().find(|(failure, _)| {
            let leaf = failure
                .handshake
                .and_then(|handshake| case.handshakes.get(handshake))
                .and_then(|handshake| case.leaf_of(handshake));
            failure.machine == machine
                && machine.is_some()
                && failure.at.since(event.at).abs() <= SAME_VALIDATION
                && leaf.is_some_and(|(_, leaf)| crate::bytes::to_hex(&leaf.sha1) == refused.leaf)
        });
        if let Some((failure, _)) = own {
            failure.account = failure.account.take().or(account);
            continue;
        }
        let key = (refused.leaf.clone(), event.sid.clone());
        let again = last
            .insert(key, event.at)
            .is_some_and(|before| event.at.since(before).abs() <= SAME_FAILURE);
        if again {
            continue;
        }
        let verifier = Verifier {
            kind: VerifierKind::Capi,
            name: event.process.clone(),
            basis: format!("record {} of {}", event.record, source.label),
        };
        let server = refused
            .chain_ref
            .and_then(|chain| servers.get(&chain).cloned());
        let mut failure = Failure::new(FailureKind::Rejected, event.at, verifier);
        failure.machine = machine;
        failure.account = account;
        failure.site = Some(server.unwrap_or(refused.subject)).filter(|site| !site.is_empty());
        alone.push((failure, links(case, machine, event)));
    }
    alone
}

struct Refused {
    leaf: String,
    subject: String,
    chain_ref: Option<String>,
}

/// A chain that CryptoAPI says is not good, for more than revocation unknown.
fn refused(event: &LogEvent) -> Option<Refused> {
    if let Some(chain) = capi::chain(event) {
        return (chain.error_status & !REVOCATION != 0).then_some(Refused {
            leaf: chain.leaf,
            subject: chain.subject,
            chain_ref: chain.chain_ref,
        });
    }
    let policy = capi::policy(event)?;
    let offline = [0x8009_2012, 0x8009_2013].contains(&policy.result);
    (policy.result != 0 && !offline).then_some(Refused {
        leaf: policy.leaf?,
        subject: String::new(),
        chain_ref: policy.chain_ref,
    })
}

/// The attempts of the same chain of calls that failed: the record itself says
/// that they belong to it.
fn links(case: &Case, machine: Option<usize>, event: &LogEvent) -> Vec<Link> {
    let all = case
        .retrievals
        .iter()
        .zip(&case.retrieval_machines)
        .enumerate();
    let own = all.filter(|(_, (retrieval, owner))| {
        **owner == machine
            && retrieval.task.is_some()
            && retrieval.task == event.task
            && retrieval.started_at <= event.at
            && is_failed_object(retrieval)
    });
    let link = |(retrieval, (it, _)): (usize, (&crate::retrieval::Retrieval, _))| Link {
        retrieval,
        need: match it.object {
            ObjectKind::Ctl => Need::List,
            ObjectKind::RootCrt => Need::Root,
            ObjectKind::Crl | ObjectKind::DeltaCrl | ObjectKind::Ocsp => Need::Revocation,
            _ => Need::Issuer,
        },
        certain: true,
    };
    own.map(link).collect()
}

/// Scans that failed, told by lines whose time is an instant.
fn of_updates(
    machine: Option<usize>,
    events: &[UpdateEvent],
    found: &[(Failure, Vec<Link>)],
) -> Vec<(Failure, Vec<Link>)> {
    let mut alone: Vec<(Failure, Vec<Link>)> = Vec::new();
    let mut server: Option<String> = None;
    for event in events {
        match &event.what {
            UpdateFact::ServerSet(url) | UpdateFact::Overwritten(url) => {
                server = host_of(url).map(str::to_ascii_lowercase);
            }
            _ => {}
        }
        let (Some(kind), Some(at)) = (kind_of(&event.what), event.time.and_then(|time| time.utc()))
        else {
            continue;
        };
        let near = |failure: &Failure| {
            failure.machine == machine && failure.at.since(at).abs() <= SAME_VALIDATION
        };
        let seen = found.iter().any(|(failure, _)| {
            near(failure) && failure.handshake.is_some() && failure.site == server
        });
        let again = alone
            .last()
            .is_some_and(|(last, _)| last.kind == kind && at.since(last.at).abs() <= SAME_FAILURE);
        if seen || again {
            continue;
        }
        let verifier = Verifier {
            kind: VerifierKind::Capi,
            name: Some("Windows Update Agent".to_owned()),
            basis: format!("line {} of its log: {}", event.line, event.text),
        };
        let mut failure = Failure::new(kind, at, verifier);
        failure.machine = machine;
        failure.site = server.clone();
        alone.push((failure, Vec::new()));
    }
    alone
}

/// What a line says failed: a validation, by its code; else the scan.
fn kind_of(fact: &UpdateFact) -> Option<FailureKind> {
    match fact {
        UpdateFact::ScanFailed(Some(code)) if is_certificate(*code) => Some(FailureKind::Rejected),
        UpdateFact::TrustRefused => Some(FailureKind::Rejected),
        UpdateFact::ScanFailed(_) | UpdateFact::HttpStatus(500..) => Some(FailureKind::Object),
        _ => None,
    }
}

/// Codes that say of a server certificate: WinHTTP's secure failures, and the
/// HRESULTs of trust.
fn is_certificate(code: u32) -> bool {
    let winhttp = [12037, 12038, 12045, 12057, 12169, 12170, 12175, 12179];
    let number = code & 0xffff;
    (code & 0xffff_0000 == 0x8007_0000 && winhttp.contains(&number))
        || code & 0xffff_ff00 == 0x800B_0100
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    #[test]
    fn codes_of_certificates_are_told_from_those_of_the_network() {
        assert!(is_certificate(0x8007_2F8F) && is_certificate(0x800B_0109));
        assert!(!is_certificate(0x8007_2EE2) && !is_certificate(0x8024_402C));
    }
}
