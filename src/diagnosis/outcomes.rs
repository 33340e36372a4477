//! The outcomes when the evidence does not suffice: what is missing, and how
//! to get it. They never explain a failure.

use super::failure::FailureKind;
use super::inquiry::{Inquiry, join_words, lacks_bytes};
use super::network::cannot_tell;
use super::proposal::{Proposal, Rule};
use crate::case::HandshakeOutcome;
use crate::protocol::tls::{HiddenBy, ServerCertificates};
use crate::provenance::Cite;
use crate::retrieval::{Outcome, Retrieval};

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
    NO_FAILURE_OBSERVED,
    "no-failure-observed",
    no_failure_observed
);
rule!(CAPTURE_LOSS, "capture-loss", capture_loss);
rule!(CAPTURE_ONE_SIDED, "capture-one-sided", capture_one_sided);
rule!(
    CERTIFICATES_NOT_VISIBLE,
    "certificates-not-visible",
    certificates_not_visible
);
rule!(IDENTITY_UNKNOWN, "identity-unknown", identity_unknown);
rule!(STORE_UNKNOWN, "store-unknown", store_unknown);
rule!(CTL_UNKNOWN, "ctl-unknown", ctl_unknown);

/// Said where trust objects were handed over and nothing failed. An ordinary
/// capture of healthy TLS needs no finding: its verdict says it.
fn no_failure_observed(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let case = inquiry.case;
    let accepted: Vec<_> = case
        .handshakes
        .iter()
        .filter(|handshake| handshake.outcome == HandshakeOutcome::Completed)
        .collect();
    let nothing = inquiry.failures.is_empty()
        && super::verdict::poor_places(inquiry) == 0
        && !super::verdict::has_damaged_capture(inquiry);
    if !nothing || accepted.is_empty() || case.retrievals.is_empty() {
        return Vec::new();
    }
    let mut sites: Vec<String> = accepted.iter().filter_map(|h| h.site.clone()).collect();
    sites.sort();
    sites.dedup();
    sites.truncate(5);
    let of = if sites.is_empty() {
        String::new()
    } else {
        format!(" ({})", join_words(&sites))
    };
    let cites: Vec<Cite> = accepted
        .iter()
        .flat_map(|h| h.cites.iter().cloned())
        .take(5)
        .collect();
    vec![cannot_tell(
        &NO_FAILURE_OBSERVED,
        format!(
            "Every validation that is seen was accepted{of}; a failure at another time, site or account is not in this evidence."
        ),
        "Ask for the time, the site and the user of the failure, and capture that.",
        cites,
        &[],
    )]
}

fn capture_loss(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let mut cites: Vec<Cite> = Vec::new();
    let mut what: Vec<String> = Vec::new();
    for retrieval in &inquiry.case.retrievals {
        let holes = retrieval.quality.as_ref().is_some_and(|quality| {
            (quality.missing != [0, 0] || quality.cut_packets > 0) && !quality.is_one_sided()
        });
        if retrieval.outcome == Outcome::IncompleteCapture && holes {
            cites.extend(retrieval.cites.iter().cloned());
            what.push(inquiry.object_phrase(retrieval));
        }
    }
    for handshake in &inquiry.case.handshakes {
        if handshake.outcome == HandshakeOutcome::IncompleteCapture
            && lacks_bytes(&handshake.quality)
            && !handshake.quality.is_one_sided()
        {
            cites.extend(handshake.cites.iter().cloned());
            let site = handshake.site.as_deref().unwrap_or("an unnamed site");
            what.push(format!("the handshake with {site}"));
        }
    }
    what.sort();
    what.dedup();
    if what.is_empty() {
        return Vec::new();
    }
    let more = what.len().saturating_sub(3);
    what.truncate(3);
    if more > 0 {
        what.push(format!("{more} more"));
    }
    vec![cannot_tell(
        &CAPTURE_LOSS,
        format!(
            "The capture lacks bytes of {}: incomplete here does not mean broken on the machine.",
            join_words(&what)
        ),
        "Capture again with snaplen 0 at a point that sees every packet (at the client itself), and check the drop counters.",
        cites,
        &[],
    )]
}

fn capture_one_sided(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let one_sided: Vec<_> = inquiry
        .case
        .retrievals
        .iter()
        .filter(|retrieval| {
            retrieval
                .quality
                .as_ref()
                .is_some_and(crate::flow::Quality::is_one_sided)
        })
        .collect();
    if one_sided.is_empty() {
        return Vec::new();
    }
    let count = one_sided.len();
    let noun = if count == 1 {
        "1 download that matters"
    } else {
        "downloads that matter"
    };
    let number = if count == 1 {
        String::new()
    } else {
        format!("{count} ")
    };
    vec![cannot_tell(
        &CAPTURE_ONE_SIDED,
        format!(
            "Only one direction of {number}{noun} was captured; an answer that is not here may well have come."
        ),
        "Capture both directions, best at the client itself.",
        one_sided
            .iter()
            .flat_map(|retrieval| retrieval.cites.iter().cloned())
            .collect(),
        &[],
    )]
}

fn certificates_not_visible(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let mut failures = Vec::new();
    let mut cites = Vec::new();
    for (index, failure) in inquiry.failures.iter().enumerate() {
        let Some(handshake) = inquiry.handshake_of(index) else {
            continue;
        };
        if failure.kind == FailureKind::Rejected
            && handshake.certificates == ServerCertificates::Hidden(HiddenBy::Tls13)
        {
            failures.push(index);
            cites.extend(handshake.cites.iter().cloned());
        }
    }
    if failures.is_empty() {
        return Vec::new();
    }
    let connections = if failures.len() == 1 {
        "connection"
    } else {
        "connections"
    };
    vec![cannot_tell(
        &CERTIFICATES_NOT_VISIBLE,
        format!(
            "TLS 1.3 hides the certificates and the alert of the abandoned {connections}: no chain can be judged from these packets."
        ),
        "Hand over the server's certificates, or look into the CAPI2/Operational log of the machine (event 11) for the chain it built.",
        cites,
        &failures,
    )]
}

/// Failed downloads whose account the packets do not tell, where it matters
/// which account it was.
fn identity_unknown(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let unnamed: Vec<usize> = inquiry
        .linked_retrievals()
        .into_iter()
        .filter(|index| {
            inquiry.retrieval(*index).is_some_and(|retrieval| {
                retrieval.account.is_none() && depends_on_account(inquiry, *index, retrieval)
            })
        })
        .collect();
    let Some(first) = unnamed.first().and_then(|index| inquiry.retrieval(*index)) else {
        return Vec::new();
    };
    let mut failures: Vec<usize> = unnamed
        .iter()
        .flat_map(|index| inquiry.linked_to(*index).map(|(failure, _)| failure))
        .collect();
    failures.sort_unstable();
    failures.dedup();
    vec![cannot_tell(
        &IDENTITY_UNKNOWN,
        format!(
            "Packets do not name accounts: which account of the machine tried to fetch the {} is inferred from the route at best.",
            inquiry.object_phrase(first)
        ),
        "Hand over the caches of all accounts. On the machine, the CAPI2/Operational log (event 53) names the user of each request, and netsh winhttp show proxy the route of services.",
        inquiry.cites_of(&unnamed),
        &failures,
    )]
}

/// Route and login are an account's own; a broken file is everybody's, and so is
/// the name server, unless the machine also knows a proxy.
fn depends_on_account(inquiry: &Inquiry<'_>, index: usize, retrieval: &Retrieval) -> bool {
    let machine = inquiry.machine_of(index);
    let knows_proxy = || {
        inquiry
            .case
            .retrievals
            .iter()
            .zip(&inquiry.case.retrieval_machines)
            .any(|(other, owner)| {
                *owner == machine && machine.is_some() && other.route.kind.is_explicit_proxy()
            })
    };
    match retrieval.outcome {
        Outcome::ConnectTimeout | Outcome::Refused | Outcome::Unreachable | Outcome::ProxyLogin => {
            true
        }
        Outcome::NoSuchName | Outcome::NameTimeout => knows_proxy(),
        _ => false,
    }
}

/// Rejections of chains that end at a root nobody captured: whether the machine
/// trusted it lies in its stores.
fn store_unknown(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let failures = unknown_roots(inquiry);
    if failures.is_empty() {
        return Vec::new();
    }
    vec![cannot_tell(
        &STORE_UNKNOWN,
        "Which roots and intermediates the machine had installed is not in this evidence, so that a root missing from its stores can be neither shown nor excluded."
            .to_owned(),
        "Look into the SOFTWARE and NTUSER hives of the machine, or its certutil -store output for Root, AuthRoot and CA; give what it trusted with --roots.",
        cites_of(inquiry, &failures),
        &failures,
    )]
}

fn ctl_unknown(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let failures: Vec<usize> = unknown_roots(inquiry)
        .into_iter()
        .filter(|index| {
            inquiry.failures.get(*index).is_some_and(|failure| {
                inquiry
                    .case
                    .list_of_the_day(failure.machine, failure.at)
                    .is_none()
            })
        })
        .collect();
    if failures.is_empty() {
        return Vec::new();
    }
    vec![cannot_tell(
        &CTL_UNKNOWN,
        "No trust list of the day is in this evidence: whether the root was in Microsoft's program cannot be said."
            .to_owned(),
        "Hand over the caches of the machine, or the bytes of its registry value EncodedCtl under AuthRoot\\AutoUpdate as a file.",
        cites_of(inquiry, &failures),
        &failures,
    )]
}

fn unknown_roots(inquiry: &Inquiry<'_>) -> Vec<usize> {
    let rejected = inquiry.failures.iter().enumerate().filter(|(_, failure)| {
        failure
            .chain
            .and_then(|chain| inquiry.case.chains.get(chain))
            .is_some_and(|chain| chain.ends_in_unknown_root() && !chain.has_fault())
    });
    rejected.map(|(index, _)| index).collect()
}

fn cites_of(inquiry: &Inquiry<'_>, failures: &[usize]) -> Vec<Cite> {
    let handshakes = failures
        .iter()
        .filter_map(|failure| inquiry.handshake_of(*failure));
    handshakes
        .flat_map(|handshake| handshake.cites.iter().cloned())
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use crate::diagnosis::Role;
    use crate::diagnosis::fixtures::{AIA, CTL, Story, broken_list};
    use crate::pki::Artifact;
    use crate::retrieval::{ObjectKind, Outcome};

    fn has(story: Story, rule: &str) -> bool {
        let diagnosis = story.diagnosis();
        let findings = diagnosis.of(rule);
        assert!(
            findings
                .iter()
                .all(|it| it.role == Role::CannotTell && it.confidence.is_none())
        );
        !findings.is_empty()
    }

    fn fetched(outcome: Outcome) -> Story {
        Story::new().fetch(ObjectKind::AiaCert, AIA, outcome, (10, 11))
    }

    #[test]
    fn no_failure_is_said_of_accepted_handshakes_and_not_of_rejected_ones() {
        let fine = || fetched(Outcome::Ok).rejects(&["leaf"], (9, 12));
        assert!(has(fine().accepted(), "no-failure-observed"));
        assert!(!has(fine(), "no-failure-observed"));
        let open =
            fine()
                .accepted()
                .fetch(ObjectKind::Ctl, CTL, Outcome::IncompleteCapture, (20, 21));
        assert!(
            !has(open, "no-failure-observed"),
            "what the capture lacks could be the failure"
        );
    }

    #[test]
    fn loss_is_said_where_it_hides_an_end() {
        let lossy =
            |outcome| fetched(outcome).with(|it| it.quality.as_mut().unwrap().missing = [0, 1_460]);
        assert!(has(lossy(Outcome::IncompleteCapture), "capture-loss"));
        assert!(
            !has(lossy(Outcome::Ok), "capture-loss"),
            "the object came nevertheless"
        );
        assert!(
            !has(fetched(Outcome::IncompleteCapture), "capture-loss"),
            "the capture just ends"
        );
    }

    #[test]
    fn a_missing_direction_is_not_called_loss() {
        let one_sided = |packets| {
            fetched(Outcome::IncompleteCapture).with(|it| {
                let quality = it.quality.as_mut().unwrap();
                (quality.packets, quality.missing) = (packets, [0, 9]);
            })
        };
        assert!(has(one_sided([5, 0]), "capture-one-sided"));
        assert!(!has(one_sided([5, 0]), "capture-loss"));
        assert!(!has(one_sided([5, 5]), "capture-one-sided"));
    }

    #[test]
    fn hidden_certificates_are_said_of_rejections_of_tls_1_3_only() {
        let hidden = || Story::new().rejects(&[], (9, 12)).hidden();
        assert!(has(hidden(), "certificates-not-visible"));
        assert!(!has(hidden().accepted(), "certificates-not-visible"));
        assert!(!has(
            Story::new().rejects(&["leaf"], (9, 12)),
            "certificates-not-visible"
        ));
    }

    #[test]
    fn the_account_matters_where_a_route_is_to_blame() {
        assert!(has(fetched(Outcome::ConnectTimeout), "identity-unknown"));
        assert!(
            !has(fetched(Outcome::HttpError), "identity-unknown"),
            "a broken file is everybody's"
        );
        assert!(
            !has(fetched(Outcome::NoSuchName), "identity-unknown"),
            "so is the name server"
        );
        let named = fetched(Outcome::ConnectTimeout)
            .with(|it| it.account = Some(crate::diagnosis::fixtures::system()));
        assert!(!has(named, "identity-unknown"));
    }

    #[test]
    fn stores_and_lists_matter_where_a_root_is_wanting() {
        let open = || Story::new().rejects(&["leaf", "issuing-ca"], (9, 12));
        assert!(has(open(), "store-unknown") && has(open(), "ctl-unknown"));
        let listed = || {
            Story::new()
                .fetch(ObjectKind::Ctl, CTL, Outcome::Ok, (1, 2))
                .brings(&Artifact::Ctl(broken_list()))
                .rejects(&["leaf", "issuing-ca"], (9, 12))
        };
        assert!(has(listed(), "store-unknown") && !has(listed(), "ctl-unknown"));
        let given = crate::diagnosis::diagnose(&open().case_with(&["site-root"]), None);
        assert!(given.of("store-unknown").is_empty() && given.of("ctl-unknown").is_empty());
    }

    #[test]
    fn stores_do_not_matter_where_the_chain_broke_below() {
        let broken = || fetched(Outcome::Refused).rejects(&["leaf"], (9, 12));
        assert!(!has(broken(), "store-unknown") && !has(broken(), "ctl-unknown"));
    }
}
