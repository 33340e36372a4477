#![doc = include_str!("../../docs/rules/mtu-or-path-stall.md")]

use super::inquiry::Inquiry;
use super::network::{self, Fault};
use super::proposal::{Proposal, Rule};
use crate::flow::Direction;
use crate::retrieval::{Outcome, Retrieval};

/// The rule.
pub const RULE: Rule = Rule {
    id: "mtu-or-path-stall",
    doc: include_str!("../../docs/rules/mtu-or-path-stall.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    network::proposals(inquiry, RULE.id, |_, retrieval| fault(retrieval))
}

fn fault(retrieval: &Retrieval) -> Option<Fault> {
    // The stall may lie beyond the proxy, whatever its client then saw.
    let beyond = retrieval.last_leg().filter(|leg| is_stalled(leg));
    let stalled = match beyond {
        Some(leg) if retrieval.outcome.is_failure() => leg,
        _ if is_stalled(retrieval) => retrieval,
        _ => return None,
    };
    let stall = stalled.quality.as_ref()?.stalls.first()?;
    let name = |address: Option<std::net::SocketAddr>| {
        address.map_or_else(|| "its end".to_owned(), |address| address.ip().to_string())
    };
    let (from, to) = match stall.by {
        Direction::ToServer => (name(stalled.client), name(stalled.server)),
        Direction::ToClient => (name(stalled.server), name(stalled.client)),
    };
    let detail = stalled.detail.as_deref().unwrap_or("nothing more came");
    let told = stall.too_big.map_or_else(String::new, |(router, mtu)| {
        let mtu = mtu.map_or_else(String::new, |mtu| format!(" of {mtu} bytes"));
        format!(" {router} had said so: its next link has a smaller MTU{mtu} (ICMP).")
    });
    Some(Fault {
        summary: format!(
            "On the way from {from} to {to} large packets do not get through: of the download of the {} from {} {detail}.{told}",
            retrieval.object.phrase(),
            retrieval.host.as_deref().unwrap_or("its host")
        ),
        remedy: format!(
            "Find the link with the smaller MTU between {from} and {to} (ping with don't-fragment and falling sizes), let ICMP \"fragmentation needed\" through, or clamp the TCP segment size at the tunnel. Full-size segments that are acknowledged show that it worked."
        ),
        hop: to,
        checked: false,
        // The lost packets' size is seen; that it is the reason is inferred,
        // unless a router says so.
        inferred: u8::from(stall.too_big.is_none()),
    })
}

fn is_stalled(retrieval: &Retrieval) -> bool {
    let quality = retrieval.quality.as_ref();
    retrieval.outcome == Outcome::Stalled && quality.is_some_and(|it| !it.stalls.is_empty())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use crate::diagnosis::fixtures::{CRL, Story, at};
    use crate::diagnosis::{Confidence, Role};
    use crate::flow::{Direction, Quality, Stall};
    use crate::provenance::{EvidenceId, Sighting};
    use crate::retrieval::{ObjectKind, Outcome};

    fn stall(told: bool) -> Stall {
        let sighting = |packet, seconds| Sighting {
            at: at(seconds),
            evidence: EvidenceId(0),
            packet,
        };
        Stall {
            by: Direction::ToClient,
            size: 1_460,
            sent: 6,
            first: sighting(20, 1),
            last: sighting(30, 9),
            smaller_passed: true,
            too_big: told.then(|| ("10.0.0.1".parse().unwrap(), Some(1_400))),
        }
    }

    fn story(outcome: Outcome, stalls: Vec<Stall>) -> Story {
        Story::new()
            .fetch(ObjectKind::Crl, CRL, outcome, (1, 11))
            .with(|it| {
                it.quality = Some(Quality {
                    packets: [9, 9],
                    stalls,
                    ..Quality::default()
                });
            })
            .rejects(&["leaf", "issuing-ca"], (0, 12))
    }

    #[test]
    fn a_full_segment_that_never_gets_through_is_the_cause() {
        let diagnosis = story(Outcome::Stalled, vec![stall(false)]).diagnosis();
        let found = diagnosis.of("mtu-or-path-stall");
        assert_eq!(found[0].role, Role::RootCause);
        assert_eq!(found[0].confidence, Some(Confidence::Medium));
    }

    #[test]
    fn a_router_that_says_so_makes_it_surer() {
        let diagnosis = story(Outcome::Stalled, vec![stall(true)]).diagnosis();
        let found = diagnosis.of("mtu-or-path-stall");
        assert_eq!(found[0].confidence, Some(Confidence::High));
    }

    #[test]
    fn it_is_quiet_when_a_server_goes_silent_without_repeating_anything() {
        let diagnosis = story(Outcome::Stalled, Vec::new()).diagnosis();
        assert!(diagnosis.of("mtu-or-path-stall").is_empty());
    }

    #[test]
    fn it_is_quiet_when_the_download_went_through_in_the_end() {
        let diagnosis = story(Outcome::Ok, vec![stall(false)]).diagnosis();
        assert!(diagnosis.of("mtu-or-path-stall").is_empty());
    }
}
