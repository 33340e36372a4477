//! The outcomes when the evidence does not suffice: what is missing, and how
//! to get it. They never explain a failure.

use super::inquiry::{Inquiry, join_words};
use super::network::cannot_tell;
use super::proposal::{Proposal, Rule};
use crate::case::HandshakeOutcome;
use crate::provenance::Cite;
use crate::retrieval::{Outcome, Retrieval};

/// Declares a rule with its page.
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

pub(super) use rule;

rule!(
    NO_FAILURE_OBSERVED,
    "no-failure-observed",
    no_failure_observed
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
    let known = |failure: &usize| {
        let failure = inquiry.failures.get(*failure);
        failure.is_some_and(|failure| inquiry.case.knows_stores(failure.machine))
    };
    let failures = unknown_roots(inquiry);
    let failures: Vec<usize> = failures.into_iter().filter(|it| !known(it)).collect();
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
