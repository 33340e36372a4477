#![doc = include_str!("../../docs/rules/verifier-not-capi.md")]

use super::failure::{Failure, VerifierKind};
use super::inquiry::Inquiry;
use super::network::cannot_tell;
use super::proposal::{Proposal, Rule, Stance};

/// The rule.
pub const RULE: Rule = Rule {
    id: "verifier-not-capi",
    doc: include_str!("../../docs/rules/verifier-not-capi.md"),
    apply,
};

/// Causes that lie in Windows' lists, stores, downloads or policies. A program
/// with a verifier of its own asks none of them.
const NEEDS_WINDOWS: [&str; 22] = [
    "ctl-signer-issuer-missing-aia-blocked",
    "ctl-cached-signer-expired",
    "ctl-body-not-cabinet",
    "ctl-signature-or-content-invalid",
    "ctl-download-blocked",
    "root-update-disabled",
    "root-update-redirect-bad",
    "root-not-in-program",
    "root-disabled-or-not-before",
    "root-crt-download-failed",
    "explicitly-distrusted",
    "identity-proxy-gap",
    "private-root-not-deployed",
    "intermediate-missing-aia-failed",
    "aia-object-unusable",
    "aia-unsupported-scheme",
    "aia-limit-exceeded",
    "aia-disabled-by-policy",
    "revocation-server-unreachable",
    "crl-slow-or-huge",
    "ldap-cdp-unreachable",
    "pin-mismatch",
];

/// What is unknown of Windows' stores, lists and accounts does not matter then.
const UNKNOWN_OF_WINDOWS: [&str; 4] = [
    "store-unknown",
    "ctl-unknown",
    "identity-unknown",
    "log-absent-or-suspended",
];

fn is_own(failure: &Failure) -> bool {
    let own = matches!(
        failure.verifier.kind,
        VerifierKind::Own | VerifierKind::Proxy
    );
    own && failure.handshake.is_some()
}

fn program(failure: &Failure) -> String {
    match (&failure.verifier.name, failure.verifier.kind) {
        (Some(name), _) => name.clone(),
        (None, VerifierKind::Proxy) => "a proxy".to_owned(),
        (None, _) => "a program with a verifier of its own".to_owned(),
    }
}

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let mut proposals: Vec<Proposal> = Vec::new();
    for (index, failure) in inquiry.failures.iter().enumerate() {
        if !is_own(failure) {
            continue;
        }
        let site = failure.site.as_deref().unwrap_or("the site");
        let summary = format!(
            "Windows did not judge {site}, {} did: {}. Dates, names and signatures hold for every verifier; which roots it trusts and what it asked for are its own.",
            program(failure),
            failure.verifier.basis
        );
        let mut cites = Vec::new();
        if let Some(handshake) = inquiry.handshake_of(index) {
            cites.extend(handshake.program.iter().map(|program| program.cite.clone()));
            cites.extend(handshake.cites.iter().cloned());
        }
        if let Some(known) = proposals.iter_mut().find(|known| known.summary == summary) {
            known.cites.extend(cites);
            known.explains.push((index, super::Precedence::Revocation));
            continue;
        }
        let remedy = match failure.verifier.kind {
            VerifierKind::Proxy => {
                "Look into the proxy's own log, and at the certificates that it trusts."
            }
            _ => {
                "Look into that program's own log and trust store (about:certificate and security.enterprise_roots in Firefox, chrome://certificate-manager in Chrome, cacerts and -Djavax.net.debug=ssl in Java)."
            }
        };
        proposals.push(cannot_tell(&RULE, summary, remedy, cites, &[index]));
    }
    proposals
}

/// Takes what needs Windows' stores and lists away from failures that another
/// verifier brought about, and says that it is ruled out for them.
#[must_use]
pub fn confine(inquiry: &Inquiry<'_>, proposals: Vec<Proposal>) -> Vec<Proposal> {
    let own: Vec<bool> = inquiry.failures.iter().map(is_own).collect();
    if !own.contains(&true) {
        return proposals;
    }
    let is_theirs = |failure: usize| own.get(failure).copied().unwrap_or(false);
    let mut kept: Vec<Proposal> = Vec::new();
    for mut proposal in proposals {
        let cause = matches!(proposal.stance, Stance::Cause | Stance::Consequence)
            && NEEDS_WINDOWS.contains(&proposal.rule);
        let unknown =
            proposal.stance == Stance::CannotTell && UNKNOWN_OF_WINDOWS.contains(&proposal.rule);
        if !cause && !unknown {
            kept.push(proposal);
            continue;
        }
        let (theirs, rest): (Vec<_>, Vec<_>) = proposal
            .explains
            .iter()
            .copied()
            .partition(|(failure, _)| is_theirs(*failure));
        if cause && !theirs.is_empty() {
            kept.extend(ruled_out(inquiry, &proposal, &theirs));
        }
        if !theirs.is_empty() && rest.is_empty() {
            continue;
        }
        proposal.explains = rest;
        kept.push(proposal);
    }
    kept
}

fn ruled_out(
    inquiry: &Inquiry<'_>,
    proposal: &Proposal,
    theirs: &[(usize, super::Precedence)],
) -> Option<Proposal> {
    let (first, _) = theirs.first()?;
    let failure = inquiry.failures.get(*first)?;
    let handshake = inquiry.handshake_of(*first)?;
    let mut cites: Vec<_> = handshake
        .program
        .iter()
        .map(|program| program.cite.clone())
        .collect();
    cites.extend(handshake.cites.iter().cloned());
    Some(Proposal {
        stance: Stance::RuledOut,
        confidence: Some(super::Confidence::High),
        summary: format!(
            "{} does not ask Windows for it: {}.",
            capitalized(&program(failure)),
            failure.verifier.basis
        ),
        remedy: String::new(),
        cites,
        explains: theirs.to_vec(),
        ..proposal.clone()
    })
}

fn capitalized(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(characters).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use crate::case::programs::{Program, ProgramBasis};
    use crate::diagnosis::fixtures::{AIA, CTL, Story};
    use crate::diagnosis::{Role, VerdictState, VerifierKind};
    use crate::provenance::{Cite, EvidenceId};
    use crate::retrieval::{ObjectKind, Outcome};

    const FULL: [&str; 2] = ["leaf", "issuing-ca"];
    const YEAR: i64 = 365 * 86_400;

    fn by(story: Story, agent: &str) -> Story {
        let agent = agent.to_owned();
        story.handshake(|it| {
            it.program = Some(Program {
                agent,
                basis: ProgramBasis::Connect,
                cite: Cite::packets(EvidenceId(0), [1]),
            });
        })
    }

    fn dead_list() -> Story {
        Story::new()
            .fetch(ObjectKind::Ctl, CTL, Outcome::Refused, (10, 11))
            .rejects(&FULL, (9, 12))
    }

    #[test]
    fn a_program_with_its_own_roots_is_not_explained_by_windows_list() {
        let diagnosis = by(dead_list(), "Firefox/115.0").diagnosis();
        let failure = diagnosis
            .failures
            .iter()
            .position(|it| it.handshake.is_some())
            .unwrap();
        assert_eq!(diagnosis.failures[failure].verifier.kind, VerifierKind::Own);
        let own = diagnosis.of("verifier-not-capi");
        assert_eq!((own.len(), own[0].role), (1, Role::CannotTell));
        assert!(
            own[0].summary.contains("Firefox 115 did"),
            "{}",
            own[0].summary
        );
        let blaming = diagnosis
            .findings
            .iter()
            .filter(|it| it.role == Role::RootCause);
        assert!(blaming.clone().all(|it| !it.explains.contains(&failure)));
        assert!(diagnosis.of("store-unknown").is_empty());
        assert!(diagnosis.of("ctl-unknown").is_empty());
    }

    #[test]
    fn it_is_quiet_for_internet_explorer_and_the_list_is_to_blame_again() {
        let agent = "Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko";
        let diagnosis = by(dead_list(), agent).diagnosis();
        assert!(diagnosis.of("verifier-not-capi").is_empty());
        assert_eq!(diagnosis.verdict.root_cause, Some("direct-blocked"));
    }

    #[test]
    fn what_holds_for_every_verifier_is_still_said() {
        let expired = Story::new().rejects(&FULL, (YEAR, YEAR + 3));
        let diagnosis = by(expired, "Java/17.0.1").diagnosis();
        assert_eq!(diagnosis.verdict.root_cause, Some("leaf-expired"));
        assert_eq!(diagnosis.verdict.state, VerdictState::Explained);
        assert_eq!(diagnosis.of("verifier-not-capi").len(), 1);
    }

    #[test]
    fn a_failed_aia_fetch_is_ruled_out_for_it() {
        let story = Story::new()
            .fetch(ObjectKind::AiaCert, AIA, Outcome::HttpError, (10, 11))
            .rejects(&["leaf"], (9, 12));
        let diagnosis = by(story, "python-requests/2.31.0").diagnosis();
        let rejected = diagnosis
            .failures
            .iter()
            .position(|it| it.handshake.is_some())
            .unwrap();
        assert!(
            diagnosis
                .findings
                .iter()
                .filter(|it| it.role <= Role::Contributing)
                .all(|it| !it.explains.contains(&rejected))
        );
    }
}
