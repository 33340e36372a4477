#![doc = include_str!("../../docs/rules/transfer-incomplete.md")]

use super::inquiry::Inquiry;
use super::network::{self, Fault};
use super::proposal::{Proposal, Rule};
use crate::retrieval::{Outcome, Party, Retrieval};
use crate::words;

/// The rule.
pub const RULE: Rule = Rule {
    id: "transfer-incomplete",
    doc: include_str!("../../docs/rules/transfer-incomplete.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    network::proposals(inquiry, RULE.id, |_, retrieval| {
        if retrieval.at_fault() == Some(Party::Origin) && retrieval.outcome != Outcome::Stalled {
            return behind_proxy(retrieval);
        }
        if retrieval.outcome != Outcome::Truncated {
            return None;
        }
        let body = retrieval.body.as_ref();
        let size = body.map_or(0, |body| body.size);
        let how = match (&retrieval.detail, body.and_then(|body| body.declared)) {
            (Some(detail), _) => detail.clone(),
            (None, Some(declared)) => {
                format!(
                    "{} of {} bytes came",
                    words::thousands(size),
                    words::thousands(declared)
                )
            }
            (None, None) => format!("{} came", words::count(size, "byte", "bytes")),
        };
        let peer = retrieval
            .server
            .map_or_else(|| "the server".to_owned(), |server| server.to_string());
        Some(Fault {
            summary: format!(
                "The transfer of the {} from {} broke off: {how}. The capture itself is whole.",
                retrieval.object.phrase(),
                retrieval.host.as_deref().unwrap_or(&peer)
            ),
            remedy: format!(
                "Look at {peer} and at the devices before it for time-outs and size limits, and fetch the URL on another line to compare. A complete answer to the same URL shows that it worked."
            ),
            hop: peer.clone(),
            // The capture shows the whole connection; who cut it is a guess.
            checked: false,
            inferred: 0,
        })
    })
}

/// The proxy's own transfer broke off, whatever the client then saw of it: an
/// error status, or the same early end.
fn behind_proxy(retrieval: &Retrieval) -> Option<Fault> {
    let leg = retrieval.last_leg()?;
    let broken_off = matches!(
        leg.outcome,
        Outcome::Truncated | Outcome::Reset | Outcome::Stalled | Outcome::NoAnswer
    );
    if !broken_off {
        return None;
    }
    let seen = match retrieval.status {
        Some(status) if status >= 400 => format!("the client got status {status}"),
        _ => format!(
            "the client's own transfer {}",
            network::outcome_phrase(retrieval)
        ),
    };
    let server = leg
        .server
        .map_or_else(|| "the origin".to_owned(), |server| server.to_string());
    Some(Fault {
        summary: format!(
            "The transfer of the {} from {} broke off between the origin and the proxy; {seen}.",
            retrieval.object.phrase(),
            retrieval.host.as_deref().unwrap_or(&server)
        ),
        remedy: format!(
            "Look at {server} and at the devices between the proxy and it for time-outs and size limits. A complete answer to the proxy's request shows that it worked."
        ),
        hop: server.clone(),
        checked: false,
        inferred: 0,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use crate::diagnosis::Role;
    use crate::diagnosis::fixtures::{CRL, Story};
    use crate::retrieval::{ObjectKind, Outcome};

    fn story(outcome: Outcome) -> Story {
        Story::new()
            .fetch(ObjectKind::Crl, CRL, outcome, (10, 11))
            .with(|it| it.detail = Some("FIN of the server after 2,299 of 4,599 bytes".to_owned()))
            .rejects(&["leaf", "issuing-ca"], (9, 12))
    }

    #[test]
    fn a_transfer_cut_in_a_whole_capture_is_the_cause_of_the_unknown_status() {
        let diagnosis = story(Outcome::Truncated).diagnosis();
        assert_eq!(
            diagnosis.causes(),
            [
                ("transfer-incomplete", Role::RootCause, "high"),
                (
                    "revocation-server-unreachable",
                    Role::Contributing,
                    "medium"
                ),
            ]
        );
        assert_eq!(
            diagnosis.findings[0].summary,
            "The transfer of the CRL from crl.example broke off: FIN of the server after 2,299 of 4,599 bytes. The capture itself is whole."
        );
    }

    #[test]
    fn it_is_quiet_when_the_capture_lacks_the_end() {
        assert!(
            story(Outcome::IncompleteCapture)
                .diagnosis()
                .of("transfer-incomplete")
                .is_empty()
        );
    }

    #[test]
    fn it_is_quiet_when_the_connection_was_never_made() {
        assert!(
            story(Outcome::Refused)
                .diagnosis()
                .of("transfer-incomplete")
                .is_empty()
        );
    }
}
