//! The outcomes that come of the capture: what it lacks, where it was taken.

use std::collections::BTreeMap;

use super::failure::VerifierKind;
use super::inquiry::{Inquiry, join_words, lacks_bytes};
use super::network::cannot_tell;
use super::outcomes::rule;
use super::proposal::{Proposal, Rule};
use crate::case::{Case, HandshakeOutcome};
use crate::flow::Quality;
use crate::provenance::Cite;
use crate::retrieval::Outcome;

rule!(CAPTURE_LOSS, "capture-loss", capture_loss);
rule!(CAPTURE_ONE_SIDED, "capture-one-sided", capture_one_sided);
rule!(CAPTURE_TRUNCATED, "capture-truncated", capture_truncated);
rule!(
    CAPTURE_STARTS_LATE,
    "capture-starts-late",
    capture_starts_late
);
rule!(
    WRONG_VANTAGE_POINT,
    "wrong-vantage-point",
    wrong_vantage_point
);

/// Exchanges that matter and of which the capture lacks the end, for a reason
/// that `lacks` tells from their quality: what they were, where, and which
/// failures their handshakes are.
fn open_ends(
    inquiry: &Inquiry<'_>,
    lacks: impl Fn(&Quality) -> bool,
) -> (Vec<String>, Vec<Cite>, Vec<usize>) {
    let (mut what, mut cites, mut failures) = (Vec::new(), Vec::new(), Vec::new());
    for retrieval in &inquiry.case.retrievals {
        if retrieval.outcome == Outcome::IncompleteCapture
            && retrieval.quality.as_ref().is_some_and(&lacks)
        {
            cites.extend(retrieval.cites.iter().cloned());
            what.push(inquiry.object_phrase(retrieval));
        }
    }
    for (index, handshake) in inquiry.case.handshakes.iter().enumerate() {
        let failed = inquiry
            .failures
            .iter()
            .position(|failure| failure.handshake == Some(index));
        let open = handshake.outcome == HandshakeOutcome::IncompleteCapture;
        if (open || failed.is_some()) && lacks(&handshake.quality) {
            cites.extend(handshake.cites.iter().cloned());
            let site = handshake.site.as_deref().unwrap_or("an unnamed site");
            what.push(format!("the handshake with {site}"));
            failures.extend(failed);
        }
    }
    what.sort();
    what.dedup();
    let more = what.len().saturating_sub(3);
    what.truncate(3);
    if more > 0 {
        what.push(format!("{more} more"));
    }
    (what, cites, failures)
}

fn capture_loss(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let (what, cites, failures) = open_ends(inquiry, |quality| {
        quality.missing != [0, 0] && quality.cut_packets == 0 && !quality.is_one_sided()
    });
    if what.is_empty() {
        return Vec::new();
    }
    vec![cannot_tell(
        &CAPTURE_LOSS,
        format!(
            "The capture lacks bytes of {}: incomplete here does not mean broken on the machine.",
            join_words(&what)
        ),
        "Capture again with snaplen 0 at a point that sees every packet (at the client itself), and check the drop counters.",
        cites,
        &failures,
    )]
}

fn capture_truncated(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let (what, cites, failures) = open_ends(inquiry, |quality| {
        quality.cut_packets > 0 && !quality.is_one_sided()
    });
    if what.is_empty() {
        return Vec::new();
    }
    vec![cannot_tell(
        &CAPTURE_TRUNCATED,
        format!(
            "The capture keeps only the first bytes of each packet, and so lacks a part of {}. Status lines and the behavior of connections can be read; objects cannot be verified.",
            join_words(&what)
        ),
        "Capture again with snaplen 0 (tcpdump -s 0; netsh trace with packettruncatebytes=0).",
        cites,
        &failures,
    )]
}

/// Connections that were under way when the capture began.
fn capture_starts_late(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let (what, cites, failures) = open_ends(inquiry, |quality| {
        quality.mid_stream && !lacks_bytes(quality)
    });
    if what.is_empty() {
        return Vec::new();
    }
    vec![cannot_tell(
        &CAPTURE_STARTS_LATE,
        format!(
            "The capture begins in the middle of {}: what was sent before its first packet is not in it.",
            join_words(&what)
        ),
        "Start the capture before the failure is brought about, with the caches flushed (certutil -urlcache * delete), so that every look-up is on the wire.",
        cites,
        &failures,
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
                .is_some_and(Quality::is_one_sided)
        })
        .collect();
    let what = match one_sided.len() {
        0 => return Vec::new(),
        1 => "1 download that matters".to_owned(),
        count => format!("{count} downloads that matter"),
    };
    vec![cannot_tell(
        &CAPTURE_ONE_SIDED,
        format!(
            "Only one direction of {what} was captured; an answer that is not here may well have come."
        ),
        "Capture both directions, best at the client itself.",
        one_sided
            .iter()
            .flat_map(|retrieval| retrieval.cites.iter().cloned())
            .collect(),
        &[],
    )]
}

/// Failures seen behind a proxy only: whose they are is not in the packets.
fn wrong_vantage_point(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let case = inquiry.case;
    let (mut failures, mut cites, mut names) = (Vec::new(), Vec::new(), Vec::new());
    let mut known: BTreeMap<usize, Vec<Cite>> = BTreeMap::new();
    for (index, failure) in inquiry.failures.iter().enumerate() {
        let is_proxy = failure.verifier.kind == VerifierKind::Proxy;
        let Some(machine) = failure.machine else {
            continue;
        };
        let forwarded = known.entry(machine);
        let forwarded = forwarded.or_insert_with(|| speaks_for_others(case, machine));
        if !is_proxy && forwarded.is_empty() {
            continue;
        }
        failures.push(index);
        names.push(case.machine_phrase(Some(machine)));
        cites.extend(forwarded.iter().cloned());
        cites.extend(
            inquiry
                .handshake_of(index)
                .into_iter()
                .flat_map(|handshake| handshake.cites.iter().cloned()),
        );
    }
    if failures.is_empty() {
        return Vec::new();
    }
    names.sort();
    names.dedup();
    vec![cannot_tell(
        &WRONG_VANTAGE_POINT,
        format!(
            "{} speaks for other clients, as a proxy: which machine and account asked is not visible at this capture point. Faults of objects hold, routes and accounts do not.",
            join_words(&names)
        ),
        "Capture at the client itself, or in front of the proxy.",
        cites,
        &failures,
    )]
}

/// Requests of a machine with the marks that a proxy adds on the way out.
fn speaks_for_others(case: &Case, machine: usize) -> Vec<Cite> {
    let own = case
        .retrievals
        .iter()
        .zip(&case.retrieval_machines)
        .filter(|(_, owner)| **owner == Some(machine));
    let marked = own.filter(|(retrieval, _)| {
        ["Via", "X-Forwarded-For", "Forwarded"]
            .iter()
            .any(|mark| retrieval.request_headers.get(mark).is_some())
    });
    marked
        .take(MAX_CITED)
        .flat_map(|(retrieval, _)| retrieval.cites.iter().cloned())
        .collect()
}

/// A few requests show it as well as all of them.
const MAX_CITED: usize = 3;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use crate::diagnosis::Role;
    use crate::diagnosis::fixtures::{AIA, Story};
    use crate::protocol::http::Headers;
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

    fn lossy(outcome: Outcome, cut_packets: u64) -> Story {
        fetched(outcome).with(|it| {
            let quality = it.quality.as_mut().unwrap();
            (quality.missing, quality.cut_packets) = ([0, 1_460], cut_packets);
        })
    }

    #[test]
    fn loss_is_said_where_it_hides_an_end() {
        assert!(has(lossy(Outcome::IncompleteCapture, 0), "capture-loss"));
        assert!(
            !has(lossy(Outcome::Ok, 0), "capture-loss"),
            "the object came nevertheless"
        );
        assert!(
            !has(fetched(Outcome::IncompleteCapture), "capture-loss"),
            "the capture just ends"
        );
    }

    #[test]
    fn bytes_that_the_snaplen_cut_are_not_called_loss() {
        let cut = || lossy(Outcome::IncompleteCapture, 3);
        assert!(has(cut(), "capture-truncated"));
        assert!(!has(cut(), "capture-loss"));
        assert!(!has(
            lossy(Outcome::IncompleteCapture, 0),
            "capture-truncated"
        ));
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
    fn a_rejection_seen_from_its_middle_began_before_the_capture() {
        let rejected = |mid_stream| {
            Story::new()
                .rejects(&["leaf"], (9, 12))
                .handshake(|it| it.quality.mid_stream = mid_stream)
        };
        assert!(has(rejected(true), "capture-starts-late"));
        assert!(!has(rejected(false), "capture-starts-late"));
    }

    #[test]
    fn behind_a_proxy_all_clients_look_alike() {
        let seen = |name: &str| {
            let headers = Headers(vec![(name.into(), "10.1.2.3".into())]);
            fetched(Outcome::Refused)
                .with(|it| it.request_headers = headers)
                .rejects(&["leaf"], (9, 12))
        };
        assert!(has(seen("X-Forwarded-For"), "wrong-vantage-point"));
        assert!(!has(seen("X-Other"), "wrong-vantage-point"));
    }
}
