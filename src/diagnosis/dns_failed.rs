#![doc = include_str!("../../docs/rules/dns-failed.md")]

use super::inquiry::Inquiry;
use super::network::{self, Fault};
use super::proposal::{Proposal, Rule};
use crate::retrieval::Outcome;

/// The rule.
pub const RULE: Rule = Rule {
    id: "dns-failed",
    doc: include_str!("../../docs/rules/dns-failed.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    network::proposals(inquiry, RULE.id, |_, retrieval| {
        if network::is_directory(retrieval) {
            return None;
        }
        let host = retrieval.host.as_deref().unwrap_or("the host");
        let (how, checked) = match retrieval.outcome {
            Outcome::NoSuchName => {
                let how = retrieval
                    .detail
                    .as_deref()
                    .unwrap_or("the name server has no address for it");
                (how.to_owned(), true)
            }
            Outcome::NameTimeout => ("no name server answered".to_owned(), false),
            _ => return None,
        };
        Some(Fault {
            summary: format!(
                "The name {host} could not be resolved ({how}), so the {} was never asked for.",
                retrieval.object.phrase()
            ),
            remedy: format!(
                "Make {host} resolvable for this machine, or give the account that asked a proxy: behind an explicit proxy the client does not resolve the name itself. A repeated look-up that brings an address shows that it worked."
            ),
            hop: format!(
                "dns {}",
                retrieval
                    .server
                    .map_or_else(String::new, |server| server.ip().to_string())
            ),
            checked,
            inferred: 0,
        })
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use crate::diagnosis::Role;
    use crate::diagnosis::fixtures::{AIA, CTL, Story};
    use crate::retrieval::{ObjectKind, Outcome};

    fn story(outcome: Outcome) -> Story {
        Story::new()
            .fetch(ObjectKind::AiaCert, AIA, outcome, (10, 12))
            .rejects(&["leaf"], (9, 13))
    }

    #[test]
    fn a_name_that_does_not_exist_explains_the_rejection_that_needed_it() {
        let diagnosis = story(Outcome::NoSuchName).diagnosis();
        assert_eq!(
            diagnosis.causes(),
            [
                ("dns-failed", Role::RootCause, "proven"),
                (
                    "intermediate-missing-aia-failed",
                    Role::Contributing,
                    "high"
                ),
            ]
        );
        assert_eq!(diagnosis.of("dns-failed")[0].explains, [0, 1]);
        assert_eq!(diagnosis.findings[1].because_of, [0]);
        assert_eq!(
            diagnosis.verdict.sentence,
            "A rejected connection to www.shop.example on 10.0.0.9. Cause: the name aia.example could not be resolved (the name server has no address for it), so the issuer certificate was never asked for."
        );
    }

    #[test]
    fn silence_of_the_name_server_is_less_than_its_word() {
        let diagnosis = story(Outcome::NameTimeout).diagnosis();
        assert_eq!(
            diagnosis.causes()[0],
            ("dns-failed", Role::RootCause, "high")
        );
    }

    #[test]
    fn an_empty_answer_to_one_question_is_quiet_when_the_download_came() {
        let story = Story::new()
            .fetch(ObjectKind::Ctl, CTL, Outcome::NoSuchName, (1, 1))
            .fetch(ObjectKind::Ctl, CTL, Outcome::Ok, (1, 2));
        let diagnosis = story.diagnosis();
        assert!(diagnosis.failures.is_empty());
        assert!(diagnosis.of("dns-failed").is_empty());
    }

    #[test]
    fn a_refused_connection_is_another_cause() {
        assert!(
            story(Outcome::Refused)
                .diagnosis()
                .of("dns-failed")
                .is_empty()
        );
    }
}
