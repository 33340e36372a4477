#![doc = include_str!("../../docs/rules/wpad-answer-suspicious.md")]

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::finding::Confidence;
use super::inquiry::Inquiry;
use super::proposal::{Proposal, Rule, Stance};
use crate::case::discovery::{Discovery, Means};
use crate::case::questions::host_of;

/// The rule.
pub const RULE: Rule = Rule {
    id: "wpad-answer-suspicious",
    doc: include_str!("../../docs/rules/wpad-answer-suspicious.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let published = published(inquiry);
    let mut proposals = Vec::new();
    for discovery in &inquiry.case.discoveries {
        proposals.extend(suspicious(inquiry, discovery, &published));
    }
    proposals
}

/// Addresses that DHCP or a name server gives for the script.
fn published(inquiry: &Inquiry<'_>) -> BTreeSet<IpAddr> {
    let case = inquiry.case;
    let all = case.discoveries.iter().flat_map(|it| &it.tries);
    let mut known = BTreeSet::new();
    for each in all.filter(|it| !it.means.is_open_to_all()) {
        known.extend(&each.addresses);
        let Some(host) = each.url.as_deref().and_then(host_of) else {
            continue;
        };
        known.extend(host.parse::<IpAddr>().ok());
        let named = case.lookups.iter().filter(|it| it.name == host);
        known.extend(
            named
                .filter_map(|it| it.answer.as_ref())
                .flat_map(|it| it.addresses.clone()),
        );
    }
    known
}

fn suspicious(
    inquiry: &Inquiry<'_>,
    discovery: &Discovery,
    published: &BTreeSet<IpAddr>,
) -> Option<Proposal> {
    let open = discovery
        .tries
        .iter()
        .filter(|it| it.means.is_open_to_all());
    let strange: Vec<_> = open
        .filter(|it| {
            it.addresses
                .iter()
                .any(|address| !published.contains(address))
        })
        .collect();
    let first = strange.first()?;
    let given: BTreeSet<IpAddr> = strange
        .iter()
        .flat_map(|it| it.addresses.clone())
        .filter(|address| !published.contains(address))
        .collect();
    let fetched = discovery
        .scripts
        .iter()
        .filter_map(|index| inquiry.retrieval(*index))
        .find(|it| it.server.is_some_and(|server| given.contains(&server.ip())));
    let how = match first.means {
        Means::Llmnr => "LLMNR",
        Means::Mdns => "mDNS",
        _ => "NetBIOS",
    };
    let list =
        |addresses: &mut dyn Iterator<Item = String>| addresses.collect::<Vec<_>>().join(", ");
    let from = list(&mut first.answered_by.iter().map(ToString::to_string));
    let given_text = list(&mut given.iter().map(ToString::to_string));
    let then = match fetched {
        Some(it) => format!(
            " {} then fetched {} from it.",
            discovery.client,
            it.url.as_deref().unwrap_or("a proxy script")
        ),
        None => " No script is seen to be fetched from it.".to_owned(),
    };
    let mut cites: Vec<_> = strange.iter().flat_map(|it| it.cites.clone()).collect();
    cites.extend(fetched.into_iter().flat_map(|it| it.cites.clone()));
    Some(Proposal {
        rule: RULE.id,
        stance: Stance::Observation,
        confidence: Some(match fetched {
            Some(_) => Confidence::Medium,
            None => Confidence::Low,
        }),
        summary: format!(
            "{from} offered itself as the place of the proxy script ({how} answer for wpad: {given_text}), and neither DHCP nor a name server names it.{then} That is a mistake or an attack."
        ),
        remedy: "Find out what the answering host is. Switch off LLMNR and NetBIOS over TCP/IP, and register wpad in DNS, so that nobody else can answer.".to_owned(),
        cites,
        explains: Vec::new(),
        subject: format!("wpad {given_text}"),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use crate::case::discovery::{Means, TryResult};
    use crate::diagnosis::Role;
    use crate::diagnosis::fixtures::Story;
    use crate::retrieval::{ObjectKind, Outcome};

    const SCRIPT: &str = "http://wpad/wpad.dat";

    fn story() -> Story {
        Story::new()
            .fetch(ObjectKind::Pac, SCRIPT, Outcome::Ok, (5, 6))
            .with(|it| it.server = Some("10.0.0.66:80".parse().unwrap()))
            .looked(Means::Llmnr, TryResult::Found, 4)
            .answering("10.0.0.66")
            .scripts(&[0])
    }

    #[test]
    fn an_answer_from_a_host_that_nobody_published_is_told() {
        let diagnosis = story().diagnosis();
        let [found] = diagnosis.of("wpad-answer-suspicious")[..] else {
            panic!("{:?}", diagnosis.findings)
        };
        assert_eq!(found.role, Role::Observation);
        assert_eq!(found.confidence.map(|it| it.word()), Some("medium"));
        assert!(found.summary.contains("10.0.0.66"), "{}", found.summary);
    }

    #[test]
    fn the_published_server_may_answer() {
        let diagnosis = story()
            .looked(Means::Dns, TryResult::Found, 3)
            .answering("10.0.0.66")
            .diagnosis();
        assert!(diagnosis.of("wpad-answer-suspicious").is_empty());
    }

    #[test]
    fn a_question_that_nobody_answers_is_normal() {
        let diagnosis = Story::new()
            .fetch(
                ObjectKind::Crl,
                "http://crl.example/a.crl",
                Outcome::Ok,
                (5, 6),
            )
            .looked(Means::Llmnr, TryResult::Silent, 4)
            .diagnosis();
        assert!(diagnosis.of("wpad-answer-suspicious").is_empty());
    }
}
