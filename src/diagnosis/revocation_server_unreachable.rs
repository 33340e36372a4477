#![doc = include_str!("../../docs/rules/revocation-server-unreachable.md")]

use super::failure::Failure;
use super::inquiry::{Basis, Inquiry, Need, confidence};
use super::proposal::{Precedence, Proposal, Rule, Stance};
use super::rejections::{Said, joined, rejections};
use super::{links, network, statuses};
use crate::case::Handshake;
use crate::case::status::StatusState;

/// The rule.
pub const RULE: Rule = Rule {
    id: "revocation-server-unreachable",
    doc: include_str!("../../docs/rules/revocation-server-unreachable.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let mut proposals = Vec::new();
    for (index, failure) in inquiry.failures.iter().enumerate() {
        let Some(handshake) = inquiry.handshake_of(index) else {
            continue;
        };
        let failed = inquiry.failed_for(index, Need::Revocation);
        let Some(retrieval) = failed.first().and_then(|first| inquiry.retrieval(*first)) else {
            continue;
        };
        let waited = waited(inquiry, failure, handshake, &failed);
        let basis = Basis {
            checked: false,
            fault_seen: true,
            reaction_seen: true,
            // That this caller insists on a status shows only when it waits for
            // the look-ups and gives up with them.
            inferred: u8::from(waited.is_none()),
            poor_capture: inquiry.is_poor(retrieval),
        };
        let mut cites = handshake.cites.clone();
        cites.extend(inquiry.cites_of(&failed));
        let time = match waited {
            Some(seconds) => format!(" The connection waited {seconds:.0} s for such look-ups."),
            None => String::new(),
        };
        proposals.push(Proposal {
            rule: RULE.id,
            stance: Stance::Consequence,
            confidence: Some(confidence(basis)),
            summary: format!(
                "Whether the certificates of {} are revoked is not known, because the attempt to fetch the {} from {} {}.{time}",
                handshake.site.as_deref().unwrap_or("the site"),
                retrieval.object.phrase(),
                retrieval.host.as_deref().unwrap_or("its host"),
                network::outcome_phrase(retrieval)
            ),
            remedy: "Let the machine reach the CRL and OCSP hosts of the chain. An answer from them before the handshake ends shows that it worked.".to_owned(),
            cites,
            explains: vec![(index, Precedence::Revocation)],
            subject: retrieval.host.clone().unwrap_or_default(),
        });
    }
    proposals.extend(joined(ruled_out(inquiry)));
    proposals
}

/// A shorter wait is that of any slow server.
const LEAST_WAIT: f64 = 5.0;
/// A program goes on, or closes, at once when the last look-up is given up.
const REACTS_WITHIN: f64 = 3.0;

/// The seconds that look-ups of the status took, where the reaction came when
/// they were given up.
fn waited(
    inquiry: &Inquiry<'_>,
    failure: &Failure,
    handshake: &Handshake,
    failed: &[usize],
) -> Option<f64> {
    let lost = failure
        .lost
        .iter()
        .filter(|lost| failed.contains(&lost.retrieval));
    let mut seconds = 0.0;
    let mut last = f64::MIN;
    for lost in lost {
        seconds += lost.seconds;
        let began = inquiry.retrieval(lost.retrieval)?.started_at;
        let began = began.since(handshake.at).as_seconds().max(0.0);
        last = last.max(began + lost.seconds);
    }
    let reacted = failure.at.since(handshake.at).as_seconds();
    (seconds >= LEAST_WAIT && (reacted - last).abs() <= REACTS_WITHIN).then_some(seconds)
}

/// Rejections at which a status in force was at hand although a server for it
/// was not reached: unreachable, and nothing follows from it.
fn ruled_out(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let mut found = Vec::new();
    for rejection in rejections(inquiry) {
        let known = rejection.examined.status.iter();
        for status in known.filter(|it| it.state == StatusState::Good) {
            let Some(element) = rejection.best.elements.get(status.element) else {
                continue;
            };
            let failed = links::failed_status_requests(
                inquiry.case,
                rejection.handshake,
                &element.certificate,
            );
            if failed.is_empty() {
                continue;
            }
            let mut cites = statuses::cites_of(inquiry, status);
            cites.extend(inquiry.cites_of(&failed));
            let said = Said {
                summary: format!(
                    "A server for the status of \"{}\" was not reached, and its status was known all the same: {}.",
                    element.certificate.subject.short(),
                    status.detail
                ),
                remedy: String::new(),
                basis: Basis {
                    fault_seen: true,
                    ..Basis::default()
                },
                precedence: Precedence::Revocation,
                subject: element.certificate.subject.text.clone(),
                cites,
            };
            found.push(rejection.proposal(RULE.id, Stance::RuledOut, said));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use crate::diagnosis::Role;
    use crate::diagnosis::fixtures::{CRL, OCSP, Story, alice};
    use crate::diagnosis::statuses::samples::object;
    use crate::retrieval::{ObjectKind, Outcome};

    fn story() -> Story {
        Story::new().fetch(ObjectKind::Ocsp, OCSP, Outcome::ConnectTimeout, (10, 25))
    }

    #[test]
    fn a_status_that_could_not_be_asked_follows_from_the_dead_responder() {
        let diagnosis = story()
            .rejects(&["leaf", "issuing-ca"], (9, 26))
            .diagnosis();
        assert_eq!(
            diagnosis.causes(),
            [
                ("direct-blocked", Role::RootCause, "high"),
                ("revocation-server-unreachable", Role::Contributing, "high"),
            ]
        );
        assert_eq!(diagnosis.findings[1].because_of, [0]);
        let summary = &diagnosis.findings[1].summary;
        assert!(summary.contains("waited 16 s"), "{summary}");
    }

    #[test]
    fn who_closes_while_the_look_up_goes_on_is_not_shown_to_insist() {
        let diagnosis = story()
            .rejects(&["leaf", "issuing-ca"], (9, 12))
            .diagnosis();
        let rejected = diagnosis.failures.iter();
        let rejected = rejected.filter(|it| it.handshake.is_some());
        let told = rejected.flat_map(|it| &it.findings);
        let told: Vec<_> = told
            .map(|index| &diagnosis.findings[*index])
            .filter(|it| it.role != Role::RuledOut)
            .filter_map(|it| Some((it.rule, it.confidence?.word())))
            .collect();
        assert_eq!(
            told,
            [
                ("direct-blocked", "medium"),
                ("revocation-server-unreachable", "medium"),
            ]
        );
    }

    #[test]
    fn who_goes_on_without_a_status_has_not_failed() {
        let accepted = story()
            .rejects(&["leaf", "issuing-ca"], (9, 12))
            .accepted()
            .diagnosis();
        assert!(accepted.of("revocation-server-unreachable").is_empty());
        assert!(accepted.failures.iter().all(|it| it.handshake.is_none()));
    }

    #[test]
    fn an_answer_stapled_or_cached_in_force_rules_it_out() {
        let answer = object("ocsp-good.der");
        let cached = story()
            .cached(alice(), OCSP, &answer, 1)
            .rejects(&["leaf", "issuing-ca"], (9, 26))
            .diagnosis();
        let told = cached.of("revocation-server-unreachable");
        assert_eq!(told.len(), 1, "{told:#?}");
        assert_eq!(told[0].role, Role::RuledOut);
        assert_eq!(cached.verdict.root_cause, None);
        let stale = story()
            .cached(alice(), OCSP, &object("ocsp-stale.der"), 1)
            .rejects(&["leaf", "issuing-ca"], (9, 26))
            .diagnosis();
        let role = stale.of("revocation-server-unreachable")[0].role;
        assert_eq!(role, Role::Contributing);
    }

    #[test]
    fn it_is_quiet_when_the_crl_came_instead() {
        let diagnosis = story()
            .fetch(ObjectKind::Crl, CRL, Outcome::Ok, (25, 26))
            .rejects(&["leaf", "issuing-ca"], (9, 27))
            .diagnosis();
        assert!(diagnosis.of("revocation-server-unreachable").is_empty());
        assert_eq!(diagnosis.verdict.root_cause, None);
    }

    #[test]
    fn it_is_quiet_for_the_responder_of_another_chain() {
        let diagnosis = Story::new()
            .fetch(
                ObjectKind::Ocsp,
                "http://ocsp.other.example/x",
                Outcome::ConnectTimeout,
                (10, 25),
            )
            .rejects(&["leaf", "issuing-ca"], (9, 26))
            .diagnosis();
        assert!(diagnosis.of("revocation-server-unreachable").is_empty());
    }
}
