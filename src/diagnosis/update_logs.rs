//! What the logs of the update client and of the site server say of their own:
//! four causes, each a rule.

use super::finding::Confidence;
use super::inquiry::Inquiry;
use super::proposal::{Precedence, Proposal, Rule, Stance};
use super::recorded::{SITE_SERVER, UPDATE_AGENT};
use super::wsus::{self, origin_of};
use crate::case::contacts::ContactEnd;
use crate::case::stores::is_on;
use crate::host::HostSource;
use crate::host::codes;
use crate::host::hive::SettingValue;
use crate::host::local_time::{LocalTime, LogTime};
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
    failures_of(inquiry, UPDATE_AGENT, machine, at, span)
}

/// The failures of a machine that a program of this name had, near a time.
fn failures_of(
    inquiry: &Inquiry<'_>,
    program: &str,
    machine: Option<usize>,
    at: Option<Timestamp>,
    span: Span,
) -> Vec<(usize, Precedence)> {
    let all = inquiry.failures.iter().enumerate();
    let own = all.filter(|(_, failure)| {
        let update = failure.verifier.name.as_deref() == Some(program);
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
                    let cites = vec![source.line(set.line), source.line(event.line)];
                    let explains = overridden_failures(inquiry, machine, at, url);
                    let sure = Confidence::Proven;
                    proposals.push(overridden(sure, (meant, url), None, cites, explains));
                }
                UpdateFact::PolicyCleared => {
                    let Some((meant, set)) = wanted else { continue };
                    proposals.extend(cleared(inquiry, (source, machine), meant, (set, event)));
                }
                _ => {}
            }
        }
        if let (Some((meant, set)), None) = (wanted, told) {
            proposals.extend(contradicted(inquiry, source, machine, (meant, set)));
        }
    }
    proposals
}

/// A policy that is not configured takes the server away; the client says with a
/// code of its own that it could not scan for this.
fn cleared(
    inquiry: &Inquiry<'_>,
    (source, machine): (&HostSource, Option<usize>),
    meant: &str,
    (set, event): (&UpdateEvent, &UpdateEvent),
) -> Option<Proposal> {
    let at = event.time.and_then(|time| time.utc());
    let explains = overridden_failures(inquiry, machine, at, "");
    (!explains.is_empty()).then(|| {
        let mut told = overridden(
            Confidence::Proven,
            (meant, ""),
            None,
            vec![source.line(set.line), source.line(event.line)],
            explains,
        );
        told.summary = format!(
            "A domain policy takes away the update server that Configuration Manager sets ({meant}); the policy wins."
        );
        told
    })
}

/// The client's own word for it: the policy names another server.
const CONFLICT: u32 = 0x87D0_0692;

/// Failures that the policy's server brought: those with it, those that name no
/// server, and those whose code says so.
fn overridden_failures(
    inquiry: &Inquiry<'_>,
    machine: Option<usize>,
    at: Option<Timestamp>,
    url: &str,
) -> Vec<(usize, Precedence)> {
    let host = origin_of(url).map(|(_, host, _)| host);
    let contacts = inquiry.case.contacts(machine);
    let said = |at: Timestamp| {
        let mut told = contacts.iter().filter(|it| it.at == at);
        told.any(|it| it.end == ContactEnd::Failed(Some(CONFLICT)))
    };
    let mut near = failures_near(inquiry, machine, at, BELONGS);
    near.retain(|(index, _)| {
        let Some(failure) = inquiry.failures.get(*index) else {
            return false;
        };
        // A failure that names no server is of the policy's, where that has one.
        let same = |site: &str| host.is_some_and(|host| host.eq_ignore_ascii_case(site));
        failure.site.as_deref().map_or(host.is_some(), same) || said(failure.at)
    });
    near
}

fn overridden(
    confidence: Confidence,
    (meant, url): (&str, &str),
    by: Option<&str>,
    cites: Vec<Cite>,
    explains: Vec<(usize, Precedence)>,
) -> Proposal {
    let by = by.unwrap_or("the policy wins");
    proposal(
        &POLICY_OVERRIDDEN,
        confidence,
        (
            format!(
                "A domain policy sends this computer to {url}, Configuration Manager to {meant}; {by}."
            ),
            "Make the policy \"Specify intranet Microsoft update service location\" name the same scheme, host and port as the software update point, or remove it. A scan without that line in WUAHandler.log shows that it worked.",
        ),
        cites,
        explains,
    )
}

/// The hive has another server than the log says was set.
fn contradicted(
    inquiry: &Inquiry<'_>,
    source: &HostSource,
    machine: Option<usize>,
    (meant, set): (&str, &UpdateEvent),
) -> Option<Proposal> {
    let (setting, place) = inquiry.case.setting(machine, "WUServer")?;
    let SettingValue::Text(url) = &setting.value else {
        return None;
    };
    let unused = inquiry.case.setting(machine, "UseWUServer");
    let unused = unused.is_some_and(|(it, _)| it.value == SettingValue::Number(0));
    if url.is_empty() || unused || is_same_origin(meant, url) {
        return None;
    }
    let at = set.time.and_then(|time| time.utc());
    let written = setting.written_at.map_or_else(String::new, |written| {
        format!(", last written at {} UTC", written.to_display())
    });
    let by = format!("the registry holds the policy's (WUServer{written})");
    Some(overridden(
        Confidence::High,
        (meant, url),
        Some(&by),
        vec![source.line(set.line), place],
        overridden_failures(inquiry, machine, at, url),
    ))
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
            for program in [UPDATE_AGENT, SITE_SERVER] {
                let near = failures_of(inquiry, program, machine, at, Span::seconds(120));
                explains.extend(near);
            }
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
    proposals.extend(slow(inquiry, remedy));
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

/// A service of the update server that answered well after this long is
/// overloaded; the update client waits a minute or more.
const SLOW: Span = Span::seconds(60);

fn slow(inquiry: &Inquiry<'_>, remedy: &str) -> Option<Proposal> {
    let all = inquiry.case.retrievals.iter();
    let mut slow = all.filter(|it| {
        wsus::part_of(it) == Some(wsus::Part::Service)
            && it.status == Some(200)
            && it.ended_at.since(it.started_at) > SLOW
            && !inquiry.is_poor(it)
    });
    let seen = slow.next()?;
    let host = seen.host.clone().unwrap_or_default();
    let took = crate::words::span(seen.ended_at.since(seen.started_at));
    Some(proposal(
        &SERVER_STOPPED,
        Confidence::Medium,
        (
            format!(
                "The update server {host} took {took} for {}: it may be overloaded. It answered; no certificate was refused.",
                wsus::path_of(seen)
            ),
            remedy,
        ),
        seen.cites.clone(),
        Vec::new(),
    ))
}

fn sync_tls_failure(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let mut proposals: Vec<Proposal> = Vec::new();
    for (source, machine, events) in logs(inquiry) {
        let refused = events.iter().rev();
        let mut refused = refused.filter(|event| event.what == UpdateFact::TrustRefused);
        let Some(event) = refused.next() else {
            continue;
        };
        if is_healed(inquiry, source, machine, event) {
            continue;
        }
        let time = event.time.and_then(|time| time.utc());
        let explains = failures_of(inquiry, SITE_SERVER, machine, time, BELONGS);
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
    super::rejections::joined(proposals)
}

/// True when a success follows a refusal: in its own log by order, in the other
/// logs of the machine by time.
fn is_healed(
    inquiry: &Inquiry<'_>,
    source: &HostSource,
    machine: Option<usize>,
    refused: &UpdateEvent,
) -> bool {
    let is_success = |event: &&UpdateEvent| {
        matches!(
            event.what,
            UpdateFact::State(2) | UpdateFact::SyncDone | UpdateFact::Connected(_)
        )
    };
    let utc = |event: &UpdateEvent| event.time.and_then(|time| time.utc());
    logs(inquiry)
        .filter(|(_, owner, _)| *owner == machine)
        .any(|(other, _, events)| {
            let mut good = events.iter().filter(is_success);
            if other.evidence == source.evidence {
                return good.any(|event| event.line > refused.line);
            }
            good.any(|event| utc(event).zip(utc(refused)).is_some_and(|(a, b)| a > b))
        })
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
        let allowed = case
            .setting(machine, "SetProxyBehaviorForUpdateDetection")
            .is_some_and(|(setting, _)| is_on(setting));
        if services.is_some() || allowed || is_before_the_change(event) {
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

/// Until September 2020 the update client fell back to the user's proxy: a line
/// from before, or without a date, does not show what the rule speaks of.
fn is_before_the_change(event: &UpdateEvent) -> bool {
    let change = LocalTime::new((2020, 9, 8), (0, 0, 0));
    match (event.time, change) {
        (Some(LogTime::Utc(at)), Some(change)) => at < change.with_bias(0),
        (Some(LogTime::Local(at)), Some(change)) => at < change,
        _ => true,
    }
}

/// No connection, no answer, or no name.
fn is_unreachable(code: u32) -> bool {
    [0x8007_2EE2, 0x8007_2EFD, 0x8007_2EE7, 0x8024_402C].contains(&code)
}
