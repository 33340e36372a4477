#![doc = include_str!("../../docs/rules/proxy-unreachable.md")]

use super::inquiry::Inquiry;
use super::network::{self, Fault};
use super::proposal::{Proposal, Rule};
use crate::retrieval::Outcome;

/// The rule.
pub const RULE: Rule = Rule {
    id: "proxy-unreachable",
    doc: include_str!("../../docs/rules/proxy-unreachable.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    network::proposals(inquiry, RULE.id, |_, retrieval| {
        let checked = match retrieval.outcome {
            Outcome::ConnectTimeout => false,
            Outcome::Refused | Outcome::Unreachable => true,
            _ => return None,
        };
        if !network::went_to_proxy(inquiry, retrieval) {
            return None;
        }
        let proxy = retrieval
            .server
            .map_or_else(|| "the proxy".to_owned(), |server| server.to_string());
        Some(Fault {
            summary: format!(
                "The proxy {proxy} could not be reached for the {}: the connection {}.",
                retrieval.object.phrase(),
                network::outcome_phrase(retrieval)
            ),
            remedy: format!(
                "Bring {proxy} back, or correct the proxy settings that name it. An answered SYN to {proxy} shows that it worked."
            ),
            hop: proxy,
            checked,
            inferred: u8::from(!checked && !network::others_were_answered(inquiry, retrieval)),
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
            .fetch(ObjectKind::AiaCert, AIA, outcome, (10, 31))
            .by_proxy()
            .rejects(&["leaf"], (9, 32))
    }

    #[test]
    fn a_proxy_that_refuses_connections_is_the_cause() {
        let diagnosis = story(Outcome::Refused).diagnosis();
        assert_eq!(
            diagnosis.causes()[0],
            ("proxy-unreachable", Role::RootCause, "proven")
        );
        let silent = story(Outcome::ConnectTimeout).diagnosis();
        assert_eq!(
            silent.causes()[0],
            ("proxy-unreachable", Role::RootCause, "high")
        );
    }

    #[test]
    fn it_is_quiet_when_the_proxy_answers_with_an_error() {
        assert!(
            story(Outcome::Forbidden)
                .diagnosis()
                .of("proxy-unreachable")
                .is_empty()
        );
    }

    #[test]
    fn it_is_quiet_when_no_other_exchange_shows_the_address_to_be_a_proxy() {
        let diagnosis = Story::new()
            .fetch(ObjectKind::AiaCert, AIA, Outcome::ConnectTimeout, (10, 31))
            .fetch(ObjectKind::Ctl, CTL, Outcome::Ok, (40, 41))
            .diagnosis();
        assert!(diagnosis.of("proxy-unreachable").is_empty());
        assert_eq!(diagnosis.causes()[0].0, "direct-blocked");
    }
}
