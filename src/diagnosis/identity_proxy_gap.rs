#![doc = include_str!("../../docs/rules/identity-proxy-gap.md")]

use super::inquiry::{Basis, Inquiry, Need, confidence};
use super::network;
use super::proposal::{Precedence, Proposal, Rule, Stance};
use crate::cryptnet;
use crate::provenance::Cite;
use crate::retrieval::{Outcome, Retrieval, RouteKind};
use crate::time::Span;

/// The rule.
pub const RULE: Rule = Rule {
    id: "identity-proxy-gap",
    doc: include_str!("../../docs/rules/identity-proxy-gap.md"),
    apply,
};

/// The two attempts belong together when they are this near in time.
const WINDOW: Span = Span::seconds(30 * 60);

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let mut proposals: Vec<Proposal> = Vec::new();
    for index in inquiry.linked_retrievals() {
        let Some(failed) = inquiry.retrieval(index) else {
            continue;
        };
        if !failed_directly(inquiry, failed) {
            continue;
        }
        let Some(twin) = success_by_proxy(inquiry, index, failed) else {
            continue;
        };
        for certain in [true, false] {
            let explains: Vec<(usize, Precedence)> = inquiry
                .linked_to(index)
                .filter(|(_, link)| link.certain == certain)
                .map(|(failure, link)| (failure, place(link.need)))
                .collect();
            if explains.is_empty() {
                continue;
            }
            let made = proposal(inquiry, (index, failed), twin, explains, certain);
            let known = proposals
                .iter_mut()
                .find(|known| known.subject == made.subject && known.confidence == made.confidence);
            match known {
                Some(known) => {
                    known.cites.extend(made.cites);
                    known.explains.extend(made.explains);
                    known.explains.sort_unstable();
                    known.explains.dedup_by_key(|(failure, _)| *failure);
                }
                None => proposals.push(made),
            }
        }
    }
    proposals
}

fn place(need: Need) -> Precedence {
    match need {
        Need::Revocation => Precedence::RevocationNetwork,
        _ => Precedence::RouteGap,
    }
}

fn proposal(
    inquiry: &Inquiry<'_>,
    (index, failed): (usize, &Retrieval),
    (twin, succeeded): (usize, &Retrieval),
    explains: Vec<(usize, Precedence)>,
    certain: bool,
) -> Proposal {
    let account = succeeded.account.as_ref();
    // Both accounts named by the log (event 53 has the SID, the way, the error).
    let logged = failed.account.is_some() && failed.task.is_some() && account.is_some();
    let settings = settings(inquiry, index);
    let told = logged
        || (account.is_some() && lacks_object(inquiry, index, succeeded))
        || settings.is_some();
    let basis = Basis {
        checked: logged,
        fault_seen: true,
        // The error that the log gives is what Windows made of it.
        reaction_seen: logged,
        // Which account tried is inferred from the routes, unless the caches
        // show one account with the object and another without it.
        inferred: u8::from(!told) + u8::from(!certain),
        poor_capture: inquiry.is_poor(failed),
    };
    let proxy = succeeded
        .route
        .proxy
        .map_or_else(String::new, |proxy| format!(" {proxy}"));
    let who = account.map_or_else(String::new, |account| format!(" by {account}"));
    let mut cites = failed.cites.clone();
    cites.extend(inquiry.cites_of(&[twin]));
    let (settings, places) = settings.unwrap_or_default();
    cites.extend(places);
    let as_whom = failed
        .account
        .as_ref()
        .map_or_else(String::new, |account| format!(" by {account}"));
    let host = failed.host.clone().unwrap_or_default();
    Proposal {
        rule: RULE.id,
        stance: Stance::Cause,
        confidence: Some(confidence(basis)),
        summary: format!(
            "The machine takes two routes to {host}. Through the proxy{proxy} the {} was fetched{who}; the direct attempt{as_whom} {}.{settings}{}",
            succeeded.object.phrase(),
            network::outcome_phrase(failed),
            if certain { "" } else { network::UNCERTAIN_LINK }
        ),
        remedy: format!(
            "Tell the services of this machine the proxy that its users have (netsh winhttp set proxy{proxy}, WPAD, or ProxySettingsPerUser=0), or allow {host} directly. Requests for {host} that appear only at the proxy show that it worked."
        ),
        cites,
        explains,
        subject: host,
    }
}

/// What the hives say of the proxies: that of services and those of accounts.
fn settings(inquiry: &Inquiry<'_>, failed: usize) -> Option<(String, Vec<Cite>)> {
    let machine = inquiry.machine_of(failed);
    let (service, place) = inquiry.case.service_proxy(machine)?;
    let accounts = inquiry.case.account_proxies(machine);
    let users: Vec<_> = accounts
        .iter()
        .filter(|(account, ..)| !account.kind.is_service())
        .collect();
    let services_know = accounts
        .iter()
        .any(|(account, ..)| account.kind.is_service());
    if service.is_some() || services_know || users.is_empty() {
        return None;
    }
    let names: Vec<String> = users
        .iter()
        .map(|(account, proxy, _)| format!("{account} has {proxy}"))
        .collect();
    let mut cites = vec![place];
    cites.extend(users.iter().map(|(.., cite)| cite.clone()));
    let names = super::inquiry::join_words(&names);
    let by_hive = inquiry.case.hive_proxy(machine).is_some();
    let sources = match by_hive {
        true => "The hives say",
        false => "The user's hive and pasted output of netsh say",
    };
    Some((
        format!(" {sources} so too: WinHTTP has no proxy, {names}."),
        cites,
    ))
}

fn failed_directly(inquiry: &Inquiry<'_>, retrieval: &Retrieval) -> bool {
    let by_name = matches!(
        retrieval.outcome,
        Outcome::NoSuchName | Outcome::NameTimeout
    );
    let by_connect = matches!(
        retrieval.outcome,
        Outcome::ConnectTimeout | Outcome::Refused | Outcome::Unreachable
    );
    by_name || (by_connect && !network::went_to_proxy(inquiry, retrieval))
}

/// A success of the same machine, for the same URL or host, through a proxy.
fn success_by_proxy<'a>(
    inquiry: &'a Inquiry<'_>,
    index: usize,
    failed: &Retrieval,
) -> Option<(usize, &'a Retrieval)> {
    let machine = inquiry.machine_of(index)?;
    let all = inquiry.case.retrievals.iter().enumerate();
    let mut matching = all.filter(|(other, retrieval)| {
        let one_account = failed.account.is_some() && failed.account == retrieval.account;
        inquiry.machine_of(*other) == Some(machine)
            && !one_account
            && retrieval.outcome.is_success()
            && matches!(
                retrieval.route.kind,
                RouteKind::HttpProxy | RouteKind::Connect
            )
            && retrieval.started_at.since(failed.started_at).abs() <= WINDOW
            && match (&failed.url, &retrieval.url) {
                (Some(failed), Some(url)) => cryptnet::same_resource(failed, url),
                _ => failed.host.is_some() && failed.host == retrieval.host,
            }
    });
    matching.next()
}

/// True when a service account's cache was handed over and lacks what the
/// proxied attempt brought.
fn lacks_object(inquiry: &Inquiry<'_>, failed: usize, succeeded: &Retrieval) -> bool {
    let Some(body) = succeeded.body.as_ref().and_then(|body| body.sha256) else {
        return false;
    };
    let Some(machine) = inquiry.machine_of(failed) else {
        return false;
    };
    let case = inquiry.case;
    let Some(profiles) = case.machines.get(machine).map(|machine| &machine.profiles) else {
        return false;
    };
    profiles
        .iter()
        .filter(|account| account.kind.is_service())
        .any(|account| {
            !case
                .cache_entries
                .iter()
                .zip(&case.cache_machines)
                .any(|(entry, owner)| {
                    *owner == Some(machine)
                        && entry.owner == *account
                        && entry
                            .content
                            .as_ref()
                            .is_some_and(|content| content.sha256 == body)
                })
        })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use crate::diagnosis::Role;
    use crate::diagnosis::fixtures::{AIA, CTL, Story, alice, broken_list, certificate, system};
    use crate::pki::Artifact;
    use crate::retrieval::{ObjectKind, Outcome};

    fn issuer() -> Artifact {
        Artifact::Certificate(certificate("issuing-ca"))
    }

    fn story(second: i64) -> Story {
        Story::new()
            .fetch(ObjectKind::AiaCert, AIA, Outcome::ConnectTimeout, (10, 31))
            .rejects(&["leaf"], (9, 32))
            .fetch(ObjectKind::AiaCert, AIA, Outcome::Ok, (second, second + 1))
            .by_proxy()
            .brings(&issuer())
    }

    #[test]
    fn one_route_open_and_one_shut_stand_above_the_shut_route() {
        let diagnosis = story(40).diagnosis();
        assert_eq!(
            diagnosis.causes()[..2],
            [
                ("identity-proxy-gap", Role::RootCause, "medium"),
                ("direct-blocked", Role::Contributing, "high"),
            ]
        );
        assert_eq!(
            diagnosis.findings[0].summary,
            "The machine takes two routes to aia.example. Through the proxy 10.0.0.8:3128 the issuer certificate was fetched; the direct attempt was never answered (3 SYNs)."
        );
    }

    #[test]
    fn caches_that_tell_the_accounts_apart_raise_it_to_high() {
        let diagnosis = story(40)
            .with(|it| it.account = Some(alice()))
            .cached(alice(), AIA, &issuer(), 41)
            .cached(system(), CTL, &Artifact::Ctl(broken_list()), 1)
            .diagnosis();
        assert_eq!(
            diagnosis.causes()[0],
            ("identity-proxy-gap", Role::RootCause, "high")
        );
    }

    #[test]
    fn it_is_quiet_when_the_other_attempt_went_the_same_way() {
        let diagnosis = Story::new()
            .fetch(ObjectKind::AiaCert, AIA, Outcome::ConnectTimeout, (10, 31))
            .fetch(ObjectKind::AiaCert, AIA, Outcome::Ok, (140, 141))
            .diagnosis();
        assert!(diagnosis.of("identity-proxy-gap").is_empty());
    }

    #[test]
    fn it_is_quiet_when_the_two_lie_hours_apart() {
        assert!(story(7_200).diagnosis().of("identity-proxy-gap").is_empty());
    }

    #[test]
    fn it_is_quiet_when_another_machine_has_the_proxy() {
        let other = story(40).with(|it| it.client = Some("10.0.0.77:1".parse().unwrap()));
        assert!(other.diagnosis().of("identity-proxy-gap").is_empty());
    }
}
