#![doc = include_str!("../../docs/rules/wpad-pac-failure.md")]

use super::inquiry::{Basis, Inquiry, confidence};
use super::network;
use super::proposal::{Precedence, Proposal, Rule, Stance};
use crate::case::discovery::{Discovery, Means, TryResult};
use crate::provenance::Cite;
use crate::retrieval::{Outcome, Retrieval, RouteKind};
use crate::time::Span;

/// The rule.
pub const RULE: Rule = Rule {
    id: "wpad-pac-failure",
    doc: include_str!("../../docs/rules/wpad-pac-failure.md"),
    apply,
};

/// A search before a download belongs to it while Windows remembers its result:
/// it looks again after about half an hour.
const REMEMBERED: Span = Span::seconds(30 * 60);

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let mut proposals: Vec<Proposal> = Vec::new();
    for index in inquiry.linked_retrievals() {
        let Some(failed) = inquiry.retrieval(index) else {
            continue;
        };
        let Some((summary, cites, hop)) = fault(inquiry, index, failed) else {
            continue;
        };
        for certain in [true, false] {
            let explains: Vec<(usize, Precedence)> = inquiry
                .linked_to(index)
                .filter(|(_, link)| link.certain == certain)
                .map(|(failure, link)| (failure, network::precedence_of(link.need)))
                .map(|(failure, place)| (failure, above(place)))
                .collect();
            if explains.is_empty() {
                continue;
            }
            let basis = Basis {
                checked: false,
                fault_seen: true,
                reaction_seen: true,
                inferred: u8::from(!certain),
                poor_capture: inquiry.is_poor(failed),
            };
            let unsure = if certain { "" } else { network::UNCERTAIN_LINK };
            let summary = format!("{summary}{unsure}");
            match proposals.iter_mut().find(|known| known.summary == summary) {
                Some(known) => {
                    known.explains.extend(explains);
                    known.explains.sort_unstable();
                    known.explains.dedup_by_key(|(failure, _)| *failure);
                    known.cites.extend(failed.cites.clone());
                }
                None => proposals.push(Proposal {
                    rule: RULE.id,
                    stance: Stance::Cause,
                    confidence: Some(confidence(basis)),
                    summary,
                    remedy: "Publish a proxy script that works (DHCP option 252, or the name wpad in DNS), or set a fixed proxy for the machine (netsh winhttp set proxy). A fetch of wpad.dat answered with 200 and requests at the proxy show that it worked.".to_owned(),
                    cites: cites.iter().chain(&failed.cites).cloned().collect(),
                    explains,
                    subject: format!("wpad {hop}"),
                }),
            }
        }
    }
    proposals
}

/// The search that came to nothing stands above the closed direct way, which it
/// would have made needless.
fn above(place: Precedence) -> Precedence {
    match place {
        Precedence::Network => Precedence::RouteGap,
        other => other,
    }
}

type Fault = (String, Vec<Cite>, String);

/// What went wrong with the search of the client of a failed download, if its
/// failure is one that a proxy would have spared it.
fn fault(inquiry: &Inquiry<'_>, index: usize, failed: &Retrieval) -> Option<Fault> {
    let client = failed.client?.ip();
    let discovery = inquiry
        .case
        .discoveries
        .iter()
        .find(|it| Some(it.vantage) == failed.vantage && it.client == client)?;
    dead_proxy(inquiry, discovery, index, failed).or_else(|| {
        let direct = failed.route.kind == RouteKind::Direct;
        let shut = matches!(
            failed.outcome,
            Outcome::ConnectTimeout
                | Outcome::Refused
                | Outcome::Unreachable
                | Outcome::NoSuchName
                | Outcome::NameTimeout
        );
        (direct && shut)
            .then(|| {
                bad_script(inquiry, discovery, failed).or_else(|| nothing_found(discovery, failed))
            })
            .flatten()
    })
}

/// The script sends the client to a proxy that cannot be reached.
fn dead_proxy(
    inquiry: &Inquiry<'_>,
    discovery: &Discovery,
    index: usize,
    failed: &Retrieval,
) -> Option<Fault> {
    let dead = matches!(
        failed.outcome,
        Outcome::ConnectTimeout | Outcome::Refused | Outcome::Unreachable
    );
    let decision = discovery
        .decisions
        .iter()
        .find(|it| it.retrieval == index && it.followed == Some(true))?;
    let said = decision.said.as_ref().ok()?;
    let script = inquiry.retrieval(decision.script)?;
    let explicit = failed.route.kind.is_explicit_proxy();
    (dead && explicit).then(|| {
        let summary = format!(
            "The proxy script {} sends {} to {}, and the connection {}.",
            script.url.as_deref().unwrap_or("of this client"),
            failed.host.as_deref().unwrap_or("this download"),
            said.text,
            network::outcome_phrase(failed)
        );
        (summary, script.cites.clone(), "dead proxy".to_owned())
    })
}

/// A script was asked for and did not come.
fn bad_script(inquiry: &Inquiry<'_>, discovery: &Discovery, failed: &Retrieval) -> Option<Fault> {
    let before = |it: &&Retrieval| {
        it.started_at <= failed.started_at && it.started_at.plus(REMEMBERED) >= failed.started_at
    };
    let mut tried = discovery
        .scripts
        .iter()
        .filter_map(|index| inquiry.retrieval(*index))
        .filter(before);
    // One script that came is enough.
    if tried.clone().any(|it| it.outcome.is_success()) {
        return None;
    }
    let script = tried.find(|it| it.outcome.is_failure())?;
    let summary = format!(
        "The machine found a proxy script by automatic detection, but its fetch {} ({}). It went without a proxy then, and the direct attempt for {} {}.",
        network::outcome_phrase(script),
        script
            .url
            .as_deref()
            .or(script.host.as_deref())
            .unwrap_or("wpad"),
        failed.host.as_deref().unwrap_or("the download"),
        network::outcome_phrase(failed)
    );
    Some((summary, script.cites.clone(), "script".to_owned()))
}

/// Everything was asked and nothing answered.
fn nothing_found(discovery: &Discovery, failed: &Retrieval) -> Option<Fault> {
    let near = |at: crate::time::Timestamp| {
        at <= failed.ended_at && at.plus(REMEMBERED) >= failed.started_at
    };
    let tries: Vec<_> = discovery.tries.iter().filter(|it| near(it.at)).collect();
    // DHCP asks for option 252 at every renewal, wanted or not: only a look-up
    // of the name shows that a proxy was looked for.
    let looked = tries.iter().any(|it| it.means != Means::Dhcp);
    let found =
        tries.iter().any(|it| it.result == TryResult::Found) || !discovery.scripts.is_empty();
    if !looked || found {
        return None;
    }
    let mut means: Vec<&str> = tries
        .iter()
        .map(|it| match it.means {
            Means::Dhcp => "DHCP",
            Means::Dns => "DNS",
            Means::Llmnr => "LLMNR",
            Means::Mdns => "mDNS",
            Means::NetBios => "NetBIOS",
        })
        .collect();
    means.sort_unstable();
    means.dedup();
    let summary = format!(
        "The machine looked for a proxy automatically ({}) and found none. It then tried to reach {} directly, and that {}.",
        means.join(", "),
        failed.host.as_deref().unwrap_or("the host"),
        network::outcome_phrase(failed)
    );
    let cites = tries.iter().flat_map(|it| it.cites.clone()).collect();
    Some((summary, cites, "none found".to_owned()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use crate::case::discovery::{Means, TryResult};
    use crate::diagnosis::Role;
    use crate::diagnosis::fixtures::{AIA, Story};
    use crate::retrieval::{ObjectKind, Outcome};

    fn story(outcome: Outcome) -> Story {
        Story::new()
            .fetch(ObjectKind::AiaCert, AIA, outcome, (10, 31))
            .rejects(&["leaf"], (9, 32))
    }

    #[test]
    fn a_search_in_vain_before_a_closed_way_is_the_cause() {
        let diagnosis = story(Outcome::ConnectTimeout)
            .looked(Means::Dns, TryResult::None, 8)
            .diagnosis();
        assert_eq!(
            diagnosis.causes()[..2],
            [
                ("wpad-pac-failure", Role::RootCause, "high"),
                ("direct-blocked", Role::Contributing, "high"),
            ]
        );
    }

    #[test]
    fn a_script_that_does_not_come_is_the_cause() {
        let diagnosis = Story::new()
            .fetch(
                ObjectKind::Pac,
                "http://wpad.corp.example/wpad.dat",
                Outcome::HttpError,
                (5, 6),
            )
            .fetch(ObjectKind::AiaCert, AIA, Outcome::ConnectTimeout, (10, 31))
            .looked(Means::Dns, TryResult::Found, 4)
            .scripts(&[0])
            .rejects(&["leaf"], (9, 32))
            .diagnosis();
        assert_eq!(diagnosis.causes()[0].0, "wpad-pac-failure");
    }

    #[test]
    fn silence_and_a_direct_fetch_that_works_are_normal() {
        let diagnosis = Story::new()
            .fetch(ObjectKind::AiaCert, AIA, Outcome::Ok, (10, 11))
            .looked(Means::Dns, TryResult::Silent, 8)
            .rejects(&["leaf"], (9, 32))
            .diagnosis();
        assert!(diagnosis.of("wpad-pac-failure").is_empty());
    }

    #[test]
    fn dhcp_alone_is_no_search() {
        let diagnosis = story(Outcome::ConnectTimeout)
            .looked(Means::Dhcp, TryResult::None, 8)
            .diagnosis();
        assert!(diagnosis.of("wpad-pac-failure").is_empty());
        assert_eq!(diagnosis.causes()[0].0, "direct-blocked");
    }

    #[test]
    fn a_page_instead_of_the_object_is_another_cause() {
        let diagnosis = story(Outcome::HttpError)
            .looked(Means::Dns, TryResult::None, 8)
            .diagnosis();
        assert!(diagnosis.of("wpad-pac-failure").is_empty());
    }
}
