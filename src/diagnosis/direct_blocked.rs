#![doc = include_str!("../../docs/rules/direct-blocked.md")]

use super::inquiry::Inquiry;
use super::network::{self, Fault};
use super::proposal::{Proposal, Rule};
use crate::retrieval::Outcome;

/// The rule.
pub const RULE: Rule = Rule {
    id: "direct-blocked",
    doc: include_str!("../../docs/rules/direct-blocked.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    network::proposals(inquiry, RULE.id, |_, retrieval| {
        if network::is_directory(retrieval) {
            return None;
        }
        let checked = match retrieval.outcome {
            Outcome::ConnectTimeout => false,
            Outcome::Refused | Outcome::Unreachable => true,
            _ => return None,
        };
        if network::went_to_proxy(inquiry, retrieval) {
            return None;
        }
        let server = retrieval
            .server
            .map_or_else(|| "the server".to_owned(), |server| server.to_string());
        let host = retrieval.host.as_deref().unwrap_or("an unnamed host");
        // Silence alone could be the capture's own; answers to the same client
        // at the same place show that it is not.
        let inferred = u8::from(!checked && !network::others_were_answered(inquiry, retrieval));
        Some(Fault {
            summary: format!(
                "The machine tried to reach {host} ({server}) directly for the {}, and the connection {}.",
                retrieval.object.phrase(),
                network::outcome_phrase(retrieval)
            ),
            remedy: format!(
                "Allow this machine to reach {host} on port {}, or give the account that tried it a proxy (netsh winhttp set proxy, or WPAD). An answered SYN to {server}, or a request for the same URL at the proxy, shows that it worked.",
                retrieval.server.map_or(80, |server| server.port())
            ),
            hop: "direct".to_owned(),
            checked,
            inferred,
        })
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use crate::diagnosis::Role;
    use crate::diagnosis::fixtures::{AIA, CTL, PROXY, Story};
    use crate::retrieval::{ObjectKind, Outcome};

    fn story(outcome: Outcome) -> Story {
        Story::new()
            .fetch(ObjectKind::AiaCert, AIA, outcome, (10, 31))
            .rejects(&["leaf"], (9, 32))
    }

    #[test]
    fn a_refused_connection_is_proven_and_an_unanswered_one_is_high() {
        let refused = story(Outcome::Refused).diagnosis();
        assert_eq!(
            refused.causes()[0],
            ("direct-blocked", Role::RootCause, "proven")
        );
        let silent = story(Outcome::ConnectTimeout).diagnosis();
        assert_eq!(
            silent.causes()[0],
            ("direct-blocked", Role::RootCause, "high")
        );
    }

    #[test]
    fn silence_is_a_guess_where_nothing_is_ever_answered() {
        let story = Story::new().fetch(ObjectKind::AiaCert, AIA, Outcome::ConnectTimeout, (10, 31));
        assert_eq!(
            story.diagnosis().causes(),
            [("direct-blocked", Role::RootCause, "medium")]
        );
    }

    #[test]
    fn a_hole_in_the_capture_lowers_it_to_low() {
        let story = Story::new()
            .fetch(ObjectKind::AiaCert, AIA, Outcome::Refused, (10, 11))
            .with(|it| it.quality.as_mut().unwrap().missing = [0, 9]);
        assert_eq!(
            story.diagnosis().causes(),
            [("direct-blocked", Role::RootCause, "low")]
        );
    }

    #[test]
    fn it_is_quiet_when_the_dead_address_is_a_proxy() {
        let diagnosis = Story::new()
            .fetch(ObjectKind::AiaCert, AIA, Outcome::ConnectTimeout, (10, 31))
            .with(|it| it.server = Some(PROXY.parse().unwrap()))
            .fetch(ObjectKind::Ctl, CTL, Outcome::Ok, (32, 33))
            .by_proxy()
            .diagnosis();
        assert!(diagnosis.of("direct-blocked").is_empty());
        assert_eq!(diagnosis.causes()[0].0, "proxy-unreachable");
    }

    #[test]
    fn it_is_quiet_when_the_connection_was_answered() {
        assert!(
            story(Outcome::HttpError)
                .diagnosis()
                .of("direct-blocked")
                .is_empty()
        );
    }
}
