//! What the logs of the update client and of the site server say of their own:
//! four causes, each a rule.

use super::finding::Confidence;
use super::inquiry::Inquiry;
use super::proposal::{Precedence, Proposal, Rule, Stance};
use super::wsus::origin_of;
use crate::host::HostSource;
use crate::host::codes;
use crate::host::update_log::{UpdateEvent, UpdateFact};
use crate::provenance::Cite;
use crate::retrieval::{ObjectKind, Outcome};
use crate::time::{Span, Timestamp};

macro_rules! rule {
    ($name:ident, $id:literal, $apply:ident) => {
        #[doc = include_str!(concat!("../../docs/rules/", $id, ".md"))]
        pub const $name: Rule = Rule {
            id: $id,
            doc: include_str!(concat!("../../docs/rules/", $id, ".md")),
            apply: $apply,
        };
    };
}

rule!(
    USER_PROXY_NOT_USED,
    "wsus-user-proxy-not-used",
    user_proxy_not_used
);
rule!(
    POLICY_OVERRIDDEN,
    "wsus-policy-overridden",
    policy_overridden
);
rule!(
    SERVER_STOPPED,
    "wsus-server-stopped-or-overloaded",
    server_stopped
);
rule!(SYNC_TLS_FAILURE, "sup-sync-tls-failure", sync_tls_failure);

/// What a log said belongs to failures this near.
const BELONGS: Span = Span::seconds(24 * 3600);

/// The update logs, with the machine of each.
fn logs<'a>(
    inquiry: &'a Inquiry<'_>,
) -> impl Iterator<Item = (&'a HostSource, Option<usize>, &'a [UpdateEvent])> {
    let all = inquiry.case.hosts.iter().zip(&inquiry.case.host_machines);
    all.filter_map(|(source, machine)| {
        let events = source.updates();
        (!events.is_empty()).then_some((source, *machine, events))
    })
}

/// The failures of a machine that its update client had, near a time.
fn failures_near(
    inquiry: &Inquiry<'_>,
    machine: Option<usize>,
    at: Option<Timestamp>,
    span: Span,
) -> Vec<(usize, Precedence)> {
    let all = inquiry.failures.iter().enumerate();
    let own = all.filter(|(_, failure)| {
        let update = failure.verifier.name.as_deref() == Some("Windows Update Agent");
        let near = at.is_some_and(|at| failure.at.since(at).abs() <= span);
        update && failure.machine == machine && near
    });
    own.map(|(index, _)| (index, Precedence::Network)).collect()
}

fn proposal(
    rule: &Rule,
    confidence: Confidence,
    (summary, remedy): (String, &str),
    cites: Vec<Cite>,
    explains: Vec<(usize, Precedence)>,
) -> Proposal {
    Proposal {
        rule: rule.id,
        stance: if explains.is_empty() {
            Stance::Observation
        } else {
            Stance::Cause
        },
        confidence: Some(confidence),
        summary,
        remedy: remedy.to_owned(),
        cites,
        explains,
        subject: String::new(),
    }
}

fn policy_overridden(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let mut proposals = Vec::new();
    for (source, machine, events) in logs(inquiry) {
        let mut wanted: Option<(&str, &UpdateEvent)> = None;
        let mut told: Option<(String, String)> = None;
        for event in events {
            match &event.what {
                UpdateFact::ServerSet(url) => wanted = Some((url, event)),
                UpdateFact::Overwritten(url) => {
                    let Some((meant, set)) = wanted else { continue };
                    let pair = (meant.to_owned(), url.clone());
                    if is_same_origin(meant, url) || told.as_ref() == Some(&pair) {
                        continue;
                    }
                    told = Some(pair);
                    let at = event.time.and_then(|time| time.utc());
                    proposals.push(proposal(
                        &POLICY_OVERRIDDEN,
                        Confidence::Proven,
                        (
                            format!("A domain policy sends this computer to {url}, Configuration Manager to {meant}; the policy wins."),
                            "Make the policy \"Specify intranet Microsoft update service location\" name the same scheme, host and port as the software update point, or remove it. A scan without that line in WUAHandler.log shows that it worked.",
                        ),
                        vec![source.line(set.line), source.line(event.line)],
                        failures_near(inquiry, machine, at, BELONGS),
                    ));
                }
                _ => {}
            }
        }
    }
    proposals
}

fn is_same_origin(one: &str, other: &str) -> bool {
    let origin = |url: &str| {
        let (scheme, host, port) = origin_of(url)?;
        Some((scheme.to_ascii_lowercase(), host.to_ascii_lowercase(), port))
    };
    origin(one) == origin(other)
}

/// `WU_E_PT_HTTP_STATUS_SERVICE_UNAVAIL`: HTTP 503.
const UNAVAILABLE: u32 = 0x8024_4022;

fn server_stopped(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let remedy = "Start the application pool WsusPool on the server, raise its memory limit and queue, and clean up the WSUS database. An answer of 200 shows that it worked; certificates are not the problem here.";
    let mut proposals = Vec::new();
    for (source, machine, events) in logs(inquiry) {
        let mut matching = events.iter().filter(|event| {
            matches!(
                event.what,
                UpdateFact::HttpStatus(503) | UpdateFact::ScanFailed(Some(UNAVAILABLE))
            )
        });
        let Some(first) = matching.next() else {
            continue;
        };
        let mut explains = Vec::new();
        for event in std::iter::once(first).chain(matching) {
            let at = event.time.and_then(|time| time.utc());
            explains.extend(failures_near(inquiry, machine, at, Span::seconds(120)));
        }
        explains.sort_unstable();
        explains.dedup();
        proposals.push(proposal(
            &SERVER_STOPPED,
            Confidence::Proven,
            ("The update server answers 503: its application pool is stopped or overloaded. No certificate was refused.".to_owned(), remedy),
            vec![source.line(first.line)],
            explains,
        ));
    }
    let seen = inquiry.case.retrievals.iter().find(|it| {
        it.object == ObjectKind::Wsus && it.status == Some(503) && it.outcome == Outcome::HttpError
    });
    if let (Some(seen), true) = (seen, proposals.is_empty()) {
        let host = seen.host.clone().unwrap_or_default();
        proposals.push(proposal(
            &SERVER_STOPPED,
            Confidence::Proven,
            (format!("The update server {host} answers 503: its application pool is stopped or overloaded."), remedy),
            seen.cites.clone(),
            Vec::new(),
        ));
    }
    proposals
}

fn sync_tls_failure(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let mut proposals = Vec::new();
    for (source, machine, events) in logs(inquiry) {
        let mut refused = events
            .iter()
            .enumerate()
            .filter(|(_, event)| event.what == UpdateFact::TrustRefused);
        let Some((at, event)) = refused.next_back() else {
            continue;
        };
        let healed = events
            .iter()
            .skip(at)
            .any(|later| matches!(later.what, UpdateFact::State(2) | UpdateFact::SyncDone));
        if healed {
            continue;
        }
        let time = event.time.and_then(|time| time.utc());
        let explains = failures_near(inquiry, machine, time, BELONGS);
        let explains = explains
            .into_iter()
            .map(|(failure, _)| (failure, Precedence::RevocationNetwork));
        proposals.push(proposal(
            &SYNC_TLS_FAILURE,
            Confidence::High,
            (
                "The site server does not accept the certificate of its update server: the connection ended while trust was being established, and no success follows.".to_owned(),
                "On the site server, trust the root of the update server's certificate, and use the name that stands in it (the intranet FQDN). \"WSUS_CONFIG_SUCCESS\" in WCM.log shows that it worked.",
            ),
            vec![source.line(event.line)],
            explains.collect(),
        ));
    }
    proposals
}

fn user_proxy_not_used(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let mut proposals = Vec::new();
    for (source, machine, events) in logs(inquiry) {
        let without = events.iter().find_map(|event| match &event.what {
            UpdateFact::SendFailed(sent) if sent.proxy == Some(None) => {
                let code = sent.code.filter(|code| is_unreachable(*code))?;
                Some((event, code))
            }
            _ => None,
        });
        let Some((event, code)) = without else {
            continue;
        };
        let case = inquiry.case;
        let users = case.account_proxies(machine);
        let user = users
            .iter()
            .find(|(account, ..)| !account.kind.is_service());
        let services = case.service_proxy(machine).and_then(|(proxy, _)| proxy);
        let by_proxy = case
            .retrievals
            .iter()
            .zip(&case.retrieval_machines)
            .find(|(it, owner)| **owner == machine && it.route.kind.is_explicit_proxy());
        let (confidence, whose, place) = match (user, by_proxy) {
            (Some((account, proxy, place)), _) => (
                Confidence::High,
                format!("{account} has {proxy}"),
                vec![place.clone()],
            ),
            (None, Some((seen, _))) => (
                Confidence::Medium,
                "other traffic of the machine goes through a proxy".to_owned(),
                seen.cites.clone(),
            ),
            (None, None) => continue,
        };
        if services.is_some() {
            continue;
        }
        let at = event.time.and_then(|time| time.utc());
        let mut cites = vec![source.line(event.line)];
        cites.extend(place);
        proposals.push(proposal(
            &USER_PROXY_NOT_USED,
            confidence,
            (
                format!("The update client went out without a proxy and failed with {}; {whose}, which it no longer borrows.", codes::phrase(code)),
                "Give the machine a proxy (netsh winhttp set proxy), or allow the user's for scans (SetProxyBehaviorForUpdateDetection = 1). A line \"Proxy List used\" with the proxy shows that it worked.",
            ),
            cites,
            failures_near(inquiry, machine, at, BELONGS),
        ));
    }
    proposals
}

/// No connection, no answer, or no name.
fn is_unreachable(code: u32) -> bool {
    [0x8007_2EE2, 0x8007_2EFD, 0x8007_2EE7, 0x8024_402C].contains(&code)
}
