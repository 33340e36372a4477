//! What the machine's own settings, pasted texts and records say otherwise than
//! each other, or than our own check.

use super::failure::FailureKind;
use super::host_logs;
use super::inquiry::Inquiry;
use super::network::cannot_tell;
use super::proposal::{Proposal, Rule};
use super::rejections::rejections;
use crate::bytes::to_hex;
use crate::cryptnet;
use crate::host::codes;
use crate::host::pasted_verify::VerifiedElement;
use crate::provenance::Cite;
use crate::retrieval::{RecordedBy, RouteKind};

/// Contradictions about failures; nothing is said of a machine without one.
pub fn conflicts(inquiry: &Inquiry<'_>, rule: &Rule) -> Vec<Proposal> {
    let mut proposals = proxies(inquiry, rule);
    proposals.extend(chains(inquiry, rule));
    proposals
}

/// The failures of each machine that has one.
fn machines(inquiry: &Inquiry<'_>) -> Vec<(usize, Vec<usize>)> {
    let mut found: std::collections::BTreeMap<usize, Vec<usize>> = Default::default();
    for (index, failure) in inquiry.failures.iter().enumerate() {
        if let Some(machine) = failure.machine {
            found.entry(machine).or_default().push(index);
        }
    }
    found.into_iter().collect()
}

/// Hive, netsh and event 53 of services about the proxy of services.
fn proxies(inquiry: &Inquiry<'_>, rule: &Rule) -> Vec<Proposal> {
    let mut proposals = Vec::new();
    for (machine, failures) in machines(inquiry) {
        let case = inquiry.case;
        let hive = case.hive_proxy(Some(machine));
        let pasted = case.pasted_proxy(Some(machine));
        if let (Some((by_hive, place)), Some((by_netsh, line))) = (&hive, &pasted)
            && !is_same(by_hive.as_deref(), by_netsh.proxy.as_deref())
        {
            proposals.push(cannot_tell(
                rule,
                format!(
                    "The sources disagree about the proxy of services: the SOFTWARE hive says {}, the pasted output of netsh says {}. They may be of two times; the text has none.",
                    named(by_hive.as_deref()),
                    named(by_netsh.proxy.as_deref())
                ),
                "Ask when netsh was run, and whether the setting was changed in between.",
                vec![place.clone(), line.clone()],
                &failures,
            ));
        }
        let setting = hive.or_else(|| pasted.map(|(it, line)| (it.proxy.clone(), line)));
        if let Some((Some(proxy), place)) = setting {
            proposals.extend(against_events(
                inquiry,
                rule,
                machine,
                (&proxy, place),
                &failures,
            ));
        }
    }
    proposals
}

/// A static proxy of services, and a service that says it went another way.
/// Where services have none, their own account's settings and WPAD count too:
/// then any way agrees.
fn against_events(
    inquiry: &Inquiry<'_>,
    rule: &Rule,
    machine: usize,
    (proxy, place): (&str, Cite),
    failures: &[usize],
) -> Option<Proposal> {
    let case = inquiry.case;
    let all = case.retrievals.iter().zip(&case.retrieval_machines);
    let other = all
        .filter(|(_, owner)| **owner == Some(machine))
        .find(|(it, _)| {
            let service = it
                .account
                .as_ref()
                .is_some_and(|account| account.kind.is_service());
            let direct = it.route.kind == RouteKind::Direct;
            // Bypass lists name hosts without dots and those of the company.
            let outside = it.host.as_deref().is_some_and(|host| host.contains('.'));
            it.recorded_by == RecordedBy::Machine && service && direct && outside
        });
    let (seen, _) = other?;
    let mut cites = vec![place];
    cites.extend(seen.cites.iter().cloned());
    let account = seen.account.as_ref().map(ToString::to_string);
    Some(cannot_tell(
        rule,
        format!(
            "The sources disagree about the way of services: their setting names {proxy}, the log says that {} went straight to {}.",
            account.unwrap_or_else(|| "a service".to_owned()),
            seen.host.as_deref().unwrap_or("the server")
        ),
        "See whether the bypass list of the setting names this host, and whether the setting was made after the record.",
        cites,
        failures,
    ))
}

fn named(proxy: Option<&str>) -> String {
    proxy.map_or_else(|| "that there is none".to_owned(), str::to_owned)
}

fn is_same(one: Option<&str>, other: Option<&str>) -> bool {
    match (one, other) {
        (None, None) => true,
        (Some(one), Some(other)) => one.trim().eq_ignore_ascii_case(other.trim()),
        _ => false,
    }
}

/// Pasted output of `certutil -verify` about the chain of a rejection.
fn chains(inquiry: &Inquiry<'_>, rule: &Rule) -> Vec<Proposal> {
    let mut proposals = Vec::new();
    for rejection in rejections(inquiry) {
        let failure = rejection.failure;
        let Some(index) = inquiry.failures.iter().position(|it| it == failure) else {
            continue;
        };
        if failure.kind != FailureKind::Rejected {
            continue;
        }
        let Some(best) = rejection.examined.chains.first() else {
            continue;
        };
        for (source, pasted) in inquiry.case.pasted(failure.machine) {
            for verified in &pasted.verified {
                let leaf = best.elements.first();
                let leaf = leaf.map(|leaf| to_hex(&leaf.certificate.sha1));
                let first = verified.elements.first();
                if leaf.is_none() || first.and_then(|first| first.sha1.clone()) != leaf {
                    continue;
                }
                let mut differences = Vec::new();
                for (own, theirs) in best.elements.iter().zip(&verified.elements) {
                    let sha1 = to_hex(&own.certificate.sha1);
                    if theirs.sha1.as_deref() != Some(sha1.as_str()) {
                        break;
                    }
                    let subject = own.certificate.subject.short();
                    let bits = (theirs.error_status, own.error_status.bits());
                    differences.extend(host_logs::bit_differences("the text", bits, subject));
                    differences.extend(url_differences(inquiry, failure.machine, theirs));
                }
                if differences.is_empty() {
                    continue;
                }
                proposals.push(cannot_tell(
                    rule,
                    format!(
                        "Pasted output of certutil -verify and what else is seen disagree about {}: {}. The text has no time.",
                        rejection.site,
                        differences.join("; ")
                    ),
                    "Ask when and as whom certutil was run; run it again as the account that failed (psexec for SYSTEM).",
                    vec![source.line(verified.line)],
                    &[index],
                ));
            }
        }
    }
    proposals
}

/// URLs of which the text says otherwise than the attempts of the machine.
fn url_differences(
    inquiry: &Inquiry<'_>,
    machine: Option<usize>,
    element: &VerifiedElement,
) -> Vec<String> {
    let case = inquiry.case;
    let mut found = Vec::new();
    for told in &element.urls {
        let all = case.retrievals.iter().zip(&case.retrieval_machines);
        let own = all.filter(|(it, owner)| {
            let url = it.url.as_deref();
            **owner == machine && url.is_some_and(|url| cryptnet::same_resource(url, &told.url))
        });
        let ends: Vec<bool> = own
            .filter(|(it, _)| it.outcome.is_success() || it.outcome.is_failure())
            .map(|(it, _)| it.outcome.is_success())
            .collect();
        let good = ends.iter().any(|good| *good);
        match told.error {
            None if !ends.is_empty() && !good => {
                found.push(format!(
                    "the text got {}, every attempt seen failed",
                    told.url
                ));
            }
            Some(code) if good && ends.iter().all(|good| *good) => found.push(format!(
                "the text failed at {} with {}, every attempt seen succeeded",
                told.url,
                codes::phrase(code)
            )),
            _ => {}
        }
    }
    found
}
