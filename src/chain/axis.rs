//! The time axis: every instant between two dates at which the verdict about a
//! leaf changes, and why.
//!
//! Nothing is sampled. The verdict depends on time only through dates that are
//! written down somewhere: in certificates, CRLs, OCSP answers and trust lists,
//! in the rules, and in the arrival of objects. Between two neighbors of these
//! it is constant, so that one examination at each decides.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Memo;
use super::boundary::{self, Boundary};
use super::examination::{Chain, CheckKind, Outcome, Verdict};
use super::holdings::Holdings;
use super::question::Policy;
use super::status::TrustStatus;
use crate::pki::Certificate;
use crate::time::Timestamp;

/// The verdict about a leaf over time.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// The first instant asked about.
    pub from: Timestamp,
    /// The last.
    pub to: Timestamp,
    /// The phases, in order, without gaps; the first begins at `from`.
    pub phases: Vec<Phase>,
    /// False when a limit left out dates, so that changes may be missing.
    pub is_complete: bool,
}

/// A time through which the verdict stays the same.
#[derive(Debug, Clone, PartialEq)]
pub struct Phase {
    /// Its first instant.
    pub from: Timestamp,
    /// Its last instant.
    pub to: Timestamp,
    /// The verdict about the best chain.
    pub verdict: Verdict,
    /// The errors of it.
    pub error_status: TrustStatus,
    /// The SSL policy's code, where a host was asked for.
    pub policy_error: Option<&'static str>,
    /// What happens at its first instant; nothing for the first phase.
    pub because: Vec<String>,
    /// The checks that came out differently before: `NAME: validity pass, before fail`.
    pub changed: Vec<String>,
}

/// Dates looked at. A chain of four with its CRLs has some thirty; this is
/// against sets made to have many.
const MAX_BOUNDARIES: usize = 512;

/// Computes the axis of a leaf from `from` to `to`, both included. `policy` is
/// that of the examination; its `now` moves with the time. `known` shares the
/// outcomes of signatures, as in [`examine_sharing`](super::examine_sharing).
#[must_use]
pub fn axis(
    leaf: &Arc<Certificate>,
    holdings: &Holdings,
    policy: &Policy,
    (from, to): (Timestamp, Timestamp),
    known: &Memo,
) -> Axis {
    let policy = Policy {
        now: None,
        ..policy.clone()
    };
    let near = boundary::reachable(leaf, holdings);
    let mut at_instant: BTreeMap<Timestamp, BTreeSet<String>> = BTreeMap::new();
    for Boundary { at, what } in boundary::boundaries(leaf, &near, &policy) {
        if at > from && at <= to {
            at_instant.entry(at).or_default().insert(what);
        }
    }
    let is_complete = at_instant.len() <= MAX_BOUNDARIES;
    let mut phases: Vec<Phase> = Vec::new();
    let mut before: Outcomes = BTreeMap::new();
    let turns = at_instant.into_iter().take(MAX_BOUNDARIES);
    let instants = [(from, BTreeSet::new())].into_iter().chain(turns);
    for (at, because) in instants {
        let at_hand = near.at(at);
        let question = at_hand.question(leaf, at, policy.clone());
        let examined = super::examine_sharing(&question, known);
        let Some(best) = examined.chains.first() else {
            continue;
        };
        let now = outcomes(best);
        let last = phases.last_mut();
        if last.as_ref().is_some_and(|last| is_same(last, best)) {
            // The next change is told against what was just before it.
            before = now;
            continue;
        }
        if let Some(last) = last {
            last.to = boundary::before(at);
        }
        let changed = match phases.is_empty() {
            true => Vec::new(),
            false => differences(&before, &now),
        };
        phases.push(Phase {
            from: at,
            to,
            verdict: best.verdict,
            error_status: best.error_status,
            policy_error: best.policy_error,
            because: because.into_iter().collect(),
            changed,
        });
        before = now;
    }
    Axis {
        from,
        to,
        phases,
        is_complete,
    }
}

fn is_same(phase: &Phase, chain: &Chain) -> bool {
    phase.verdict == chain.verdict
        && phase.error_status == chain.error_status
        && phase.policy_error == chain.policy_error
}

/// How each kind of check came out on each certificate, worst first.
type Outcomes = BTreeMap<(usize, String, CheckKind), &'static str>;

fn outcomes(chain: &Chain) -> Outcomes {
    let mut outcomes = BTreeMap::new();
    for (at, check) in chain.checks() {
        let Some(element) = chain.elements.get(at) else {
            continue;
        };
        let name = element.certificate.subject.short().to_string();
        let worst = outcomes.entry((at, name, check.kind)).or_insert("pass");
        match check.outcome {
            Outcome::Fail(_) => *worst = "fail",
            Outcome::Unknown(_) if *worst == "pass" => *worst = "unknown",
            Outcome::Unknown(_) | Outcome::Pass => {}
        }
    }
    outcomes
}

fn differences(before: &Outcomes, now: &Outcomes) -> Vec<String> {
    let keys: BTreeSet<_> = before.keys().chain(now.keys()).collect();
    let changed = keys.into_iter().filter_map(|key| {
        let (was, is) = (before.get(key).copied(), now.get(key).copied());
        // What is not checked on a certificate holds there, as far as it goes.
        let (was, is) = (was.unwrap_or("pass"), is.unwrap_or("pass"));
        let (_, name, kind) = key;
        (was != is).then(|| format!("{name}: {} {is}, before {was}", kind.word()))
    });
    changed.collect()
}

impl Axis {
    /// The phase that holds an instant.
    #[must_use]
    pub fn phase_at(&self, at: Timestamp) -> Option<&Phase> {
        self.phases
            .iter()
            .find(|phase| phase.from <= at && at <= phase.to)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::chain::holdings::Held;
    use crate::chain::question::{Candidate, Origin};

    fn read(bytes: &[u8]) -> Arc<Certificate> {
        Arc::new(Certificate::from_der(bytes).unwrap())
    }

    fn leaf() -> Arc<Certificate> {
        read(include_bytes!("../../tests/data/diagnosis/leaf.der"))
    }

    fn time(text: &str) -> Timestamp {
        Timestamp::from_rfc3339(text).unwrap()
    }

    fn candidate(bytes: &[u8], anchor: bool) -> Candidate {
        Candidate {
            certificate: read(bytes),
            anchor,
            distrusted: false,
            origin: Origin::Given,
        }
    }

    fn holdings(issuer_since: Option<Timestamp>) -> Holdings {
        let ca = include_bytes!("../../tests/data/diagnosis/issuing-ca.der");
        let root = include_bytes!("../../tests/data/diagnosis/site-root.der");
        Holdings {
            candidates: vec![
                Held {
                    object: candidate(ca, false),
                    since: issuer_since,
                },
                Held::always(candidate(root, true)),
            ],
            ..Holdings::default()
        }
    }

    fn told(axis: &Axis) -> Vec<(String, &'static str, Vec<String>)> {
        let phases = axis.phases.iter();
        let told = phases.map(|it| (it.from.to_rfc3339(), it.verdict.word(), it.because.clone()));
        told.collect()
    }

    #[test]
    fn a_leaf_is_good_from_its_first_to_its_last_instant_and_no_longer() {
        let span = (time("2025-01-01T00:00:00Z"), time("2040-06-01T00:00:00Z"));
        let axis = axis(
            &leaf(),
            &holdings(None),
            &Policy::default(),
            span,
            &Memo::default(),
        );
        assert!(axis.is_complete);
        let short = |because: &[&str]| because.iter().map(|it| (*it).to_string()).collect();
        assert_eq!(
            told(&axis),
            [
                ("2025-01-01T00:00:00Z".to_string(), "reject", short(&[])),
                (
                    "2026-01-01T00:00:00Z".to_string(),
                    "accept",
                    short(&["www.shop.example becomes valid"])
                ),
                (
                    "2027-01-01T00:00:00.000000001Z".to_string(),
                    "reject",
                    short(&["www.shop.example expires"])
                ),
            ]
        );
        assert_eq!(
            axis.phases[1].changed,
            ["www.shop.example: validity pass, before fail"]
        );
        assert_eq!(
            axis.phase_at(time("2027-01-01T00:00:00Z")).unwrap().verdict,
            Verdict::Accept
        );
    }

    #[test]
    fn the_arrival_of_the_issuer_is_an_instant_of_its_own() {
        let arrival = time("2026-06-01T10:00:11Z");
        let span = (time("2026-06-01T10:00:00Z"), time("2026-06-01T11:00:00Z"));
        let axis = axis(
            &leaf(),
            &holdings(Some(arrival)),
            &Policy::default(),
            span,
            &Memo::default(),
        );
        let words: Vec<_> = axis.phases.iter().map(|it| it.verdict.word()).collect();
        assert_eq!(words, ["reject", "accept"]);
        assert_eq!(axis.phases[1].from, arrival);
        assert_eq!(axis.phases[1].because, ["Issuing CA arrives"]);
    }

    #[test]
    fn every_phase_holds_for_all_instants_in_it() {
        let span = (time("2009-01-01T00:00:00Z"), time("2041-01-01T00:00:00Z"));
        let (leaf, holdings) = (leaf(), holdings(Some(time("2026-03-01T00:00:00Z"))));
        let axis = axis(&leaf, &holdings, &Policy::default(), span, &Memo::default());
        let mut at = span.0;
        while at < span.1 {
            let at_hand = holdings.at(at);
            let question = at_hand.question(&leaf, at, Policy::default());
            let best = crate::chain::examine(&question).chains.swap_remove(0);
            let phase = axis.phase_at(at).unwrap();
            assert_eq!(
                (phase.verdict, phase.error_status),
                (best.verdict, best.error_status),
                "{at}"
            );
            at = at.plus(crate::time::Span::seconds(17 * 86_400 + 1));
        }
    }
}
