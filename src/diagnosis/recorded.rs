//! Failures that the machine itself recorded: chains that CryptoAPI refused
//! (events 11 and 30), scans and synchronizations that ended with an error.

use std::collections::{BTreeMap, BTreeSet};

use super::failure::{Failure, FailureKind, Verifier, VerifierKind};
use super::inquiry::{Link, Need};
use super::links::is_failed_object;
use crate::case::contacts::{self, Contact, ContactEnd};
use crate::case::{Case, logged};
use crate::host::capi;
use crate::host::event::LogEvent;
use crate::host::update_log::Writer;
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
            HostFacts::Updates(_)
            | HostFacts::Hive(_)
            | HostFacts::Access(_)
            | HostFacts::Pasted(_) => {}
        }
    }
    alone.extend(of_contacts(case, found));
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

/// Contacts with the update server that failed, as the logs of each machine tell.
/// Failures on the wire get their verifier; a handshake that the client merely
/// finished and left becomes a failure by the line that says so.
fn of_contacts(case: &Case, found: &mut [(Failure, Vec<Link>)]) -> Vec<(Failure, Vec<Link>)> {
    let mut alone: Vec<(Failure, Vec<Link>)> = Vec::new();
    let machines: BTreeSet<Option<usize>> = case
        .hosts
        .iter()
        .zip(&case.host_machines)
        .filter(|(source, _)| !source.updates().is_empty())
        .map(|(_, machine)| *machine)
        .collect();
    for machine in machines {
        for contact in case.contacts(machine) {
            let Some(kind) = kind_of(contact.end) else {
                continue;
            };
            let site = contact.server.as_ref().map(|server| server.host.clone());
            let verifier = Verifier {
                kind: VerifierKind::Capi,
                name: Some(
                    match contact.writer {
                        Writer::Client => UPDATE_AGENT,
                        Writer::SiteServer => SITE_SERVER,
                    }
                    .to_owned(),
                ),
                basis: format!("line {} of its log: {}", contact.line, contact.text),
            };
            if name_verifier(found, machine, &contact, &verifier) {
                continue;
            }
            let again = alone.iter().any(|(last, _)| {
                last.kind == kind
                    && last.machine == machine
                    && last.site == site
                    && contact.at.since(last.at).abs() <= SAME_FAILURE
            });
            if again {
                continue;
            }
            let mut failure = Failure::new(kind, contact.at, verifier);
            failure.machine = machine;
            failure.site = site;
            if kind == FailureKind::Rejected {
                take_handshake(case, machine, &contact, &mut failure);
            }
            alone.push((failure, Vec::new()));
        }
    }
    alone
}

/// Names of who judges, for update logs.
pub const UPDATE_AGENT: &str = "Windows Update Agent";
/// The site server's own client.
pub const SITE_SERVER: &str = "Configuration Manager site server";

/// Gives the wire's failures that a line tells of their verifier. True when
/// there is one, so that the line is no failure of its own.
fn name_verifier(
    found: &mut [(Failure, Vec<Link>)],
    machine: Option<usize>,
    contact: &Contact,
    verifier: &Verifier,
) -> bool {
    let mut any = false;
    for (failure, _) in found.iter_mut() {
        let site = contact.server.as_ref().map(|server| server.host.as_str());
        let same = failure
            .site
            .as_deref()
            .zip(site)
            .is_some_and(|(one, other)| one.eq_ignore_ascii_case(other));
        let near = failure.at.since(contact.at).abs() <= SAME_VALIDATION;
        if failure.machine == machine && machine.is_some() && same && near {
            let seen = failure.handshake.is_some() || !failure.retrievals.is_empty();
            if seen && failure.verifier.kind == VerifierKind::Unknown {
                failure.verifier = verifier.clone();
            }
            any |= failure.handshake.is_some();
        }
    }
    any
}

/// The handshake that a refused contact is of, where the capture has it.
fn take_handshake(case: &Case, machine: Option<usize>, contact: &Contact, failure: &mut Failure) {
    let index = contacts::handshake_of(case, machine, contact);
    let Some((index, handshake)) = index.and_then(|at| Some((at, case.handshakes.get(at)?))) else {
        return;
    };
    failure.at = handshake.reaction.map_or(handshake.ended_at, |it| it.at);
    failure.handshake = Some(index);
    failure.chain = case.chain_of_handshake(index).map(|(chain, _)| chain);
    failure.reaction = super::failures::reaction(handshake);
}

/// What a line says failed: a validation, by its code; else the scan.
fn kind_of(end: ContactEnd) -> Option<FailureKind> {
    match end {
        end if end.is_refusal() => Some(FailureKind::Rejected),
        ContactEnd::Failed(_) | ContactEnd::Status(400..) => Some(FailureKind::Object),
        _ => None,
    }
}
