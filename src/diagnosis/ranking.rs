//! Gives each proposal its part in the story: one root cause per failure, what
//! it led to, and the incidents that share it.

use std::collections::{BTreeMap, BTreeSet};

use super::failure::FailureKind;
use super::finding::{Confidence, Finding, Role};
use super::inquiry::Inquiry;
use super::outcomes::{CTL_UNKNOWN, IDENTITY_UNKNOWN, STORE_UNKNOWN};
use super::proposal::{Precedence, Proposal, Stance};
use super::{Diagnosis, Incident, VerdictState};
use crate::provenance;

/// Ranks the proposals of all rules.
#[must_use]
pub fn rank(inquiry: Inquiry<'_>, proposals: Vec<Proposal>, site: Option<&str>) -> Diagnosis {
    let mut proposals = super::own_verifier::confine(&inquiry, proposals);
    lower(&inquiry, &mut proposals);
    proposals.sort_by(|a, b| {
        let key = |proposal: &Proposal| (proposal.stance, proposal.explains.first().map(|e| e.1));
        key(a)
            .cmp(&key(b))
            .then(b.confidence.cmp(&a.confidence))
            .then_with(|| (a.rule, &a.summary, &a.cites).cmp(&(b.rule, &b.summary, &b.cites)))
    });
    let causes = causes(&proposals, inquiry.failures.len());
    let roots: Vec<Root> = causes
        .iter()
        .map(|causes| root_of(causes, &proposals))
        .collect();
    drop_settled(&mut proposals, &roots, &inquiry);
    for index in roots.iter().flat_map(|root| &root.tied) {
        if let Some(proposal) = proposals.get_mut(*index) {
            proposal.confidence = proposal.confidence.min(Some(Confidence::Medium));
        }
    }
    let chosen: BTreeSet<usize> = roots.iter().filter_map(|root| root.chosen).collect();
    let mut findings: Vec<Finding> = proposals
        .iter()
        .enumerate()
        .map(|(index, proposal)| Finding {
            remedy_proof: super::remedy_proof::of(&inquiry, proposal),
            ..finding(index, proposal, &roots, &chosen)
        })
        .collect();
    let mut order = order_of(&findings);
    order.retain(|index| {
        proposals
            .get(*index)
            .is_some_and(|p| p.stance != Stance::Settled)
    });
    let position: BTreeMap<usize, usize> = order
        .iter()
        .enumerate()
        .map(|(new, old)| (*old, new))
        .collect();
    for finding in &mut findings {
        for cause in &mut finding.because_of {
            *cause = position.get(cause).copied().unwrap_or(*cause);
        }
        finding.because_of.sort_unstable();
    }
    let mut slots: Vec<Option<Finding>> = findings.into_iter().map(Some).collect();
    let findings: Vec<Finding> = order
        .iter()
        .filter_map(|old| slots.get_mut(*old).and_then(Option::take))
        .collect();
    let tied: Vec<Vec<usize>> = roots.iter().map(|root| root.tied.clone()).collect();
    let roots: Vec<Option<usize>> = roots
        .iter()
        .map(|root| root.chosen.and_then(|index| position.get(&index).copied()))
        .collect();
    let subjects: Vec<&str> = order
        .iter()
        .map(|old| {
            proposals
                .get(*old)
                .map_or("", |proposal| proposal.subject.as_str())
        })
        .collect();

    let mut failures = inquiry.failures.clone();
    for failure in &mut failures {
        failure.findings.clear();
    }
    for (index, finding) in findings.iter().enumerate() {
        for explained in &finding.explains {
            if let Some(failure) = failures.get_mut(*explained)
                && failure.findings.last() != Some(&index)
            {
                failure.findings.push(index);
            }
        }
    }
    let tied: Vec<Vec<usize>> = tied
        .iter()
        .map(|tied| {
            let places = tied.iter().filter_map(|index| position.get(index).copied());
            let mut places: Vec<usize> = places.collect();
            places.sort_unstable();
            places
        })
        .collect();
    let causes = super::incidents::Causes {
        roots: &roots,
        tied: &tied,
        subjects: &subjects,
    };
    let incidents = super::incidents::incidents(&inquiry, &failures, &findings, &causes, site);
    let verdict = super::verdict::verdict(&inquiry, &incidents, &failures, &findings, site);
    debug_assert!(verdict.state != VerdictState::Explained || verdict.root_cause.is_some());
    let claims = super::claims::claims(&inquiry, &findings);
    Diagnosis {
        verdict,
        incidents,
        failures,
        findings,
        claims,
    }
}

/// No finding claims more than the connections it speaks of allow.
fn lower(inquiry: &Inquiry<'_>, proposals: &mut [Proposal]) {
    for proposal in proposals.iter_mut() {
        let caps = proposal
            .explains
            .iter()
            .map(|(failure, _)| inquiry.cap(*failure));
        if let Some(cap) = caps.max() {
            proposal.confidence = proposal.confidence.map(|level| level.min(cap));
        }
    }
}

/// The root cause of one failure among the proposals.
#[derive(Debug, Default)]
struct Root {
    /// The chosen one; `None` when there is none or several explain equally.
    chosen: Option<usize>,
    /// Those that explain equally well.
    tied: Vec<usize>,
}

/// The causes proposed for each failure, with their precedence there.
fn causes(proposals: &[Proposal], failures: usize) -> Vec<Vec<(usize, Precedence)>> {
    let mut causes: Vec<Vec<(usize, Precedence)>> = vec![Vec::new(); failures];
    for (index, proposal) in proposals.iter().enumerate() {
        for (failure, place) in proposal
            .explains
            .iter()
            .filter(|_| proposal.stance == Stance::Cause)
        {
            if let Some(of_failure) = causes.get_mut(*failure)
                && of_failure.last().is_none_or(|(last, _)| *last != index)
            {
                of_failure.push((index, *place));
            }
        }
    }
    causes
}

fn root_of(causes: &[(usize, Precedence)], proposals: &[Proposal]) -> Root {
    let Some(best) = causes.iter().map(|(_, place)| *place).min() else {
        return Root::default();
    };
    let best: Vec<usize> = causes
        .iter()
        .filter(|(_, place)| *place == best)
        .map(|(index, _)| *index)
        .collect();
    let strongest = best
        .iter()
        .filter_map(|index| proposals.get(*index))
        .map(|p| p.confidence)
        .max()
        .flatten();
    let strongest: Vec<usize> = best
        .into_iter()
        .filter(|index| {
            proposals
                .get(*index)
                .is_some_and(|p| p.confidence == strongest)
        })
        .collect();
    let rules = |list: &[usize]| {
        let mut rules: Vec<&str> = list
            .iter()
            .filter_map(|index| proposals.get(*index))
            .map(|p| p.rule)
            .collect();
        rules.dedup();
        rules.len()
    };
    match strongest.as_slice() {
        [] => Root::default(),
        [first, ..] if rules(&strongest) == 1 => Root {
            chosen: Some(*first),
            tied: Vec::new(),
        },
        _ => Root {
            chosen: None,
            tied: strongest,
        },
    }
}

/// What nobody can know matters only where the cause hangs on it: the account
/// where a route is to blame, the stores where a root is.
fn drop_settled(proposals: &mut [Proposal], roots: &[Root], inquiry: &Inquiry<'_>) {
    let settled_by: Vec<Option<Precedence>> = roots
        .iter()
        .enumerate()
        .map(|(failure, root)| {
            let proposal = root.chosen.and_then(|index| proposals.get(index))?;
            let sure = proposal.confidence >= Some(Confidence::High);
            let place = proposal
                .explains
                .iter()
                .find(|(index, _)| *index == failure);
            place.filter(|_| sure).map(|(_, place)| *place)
        })
        .collect();
    let is_settled = |rule: &str, failure: usize| {
        let Some(place) = settled_by.get(failure).copied().flatten() else {
            return false;
        };
        match place {
            Precedence::Withdrawn | Precedence::Clock | Precedence::Content | Precedence::Shape => {
                !ALWAYS_SAID.contains(&rule)
            }
            // Many programs go on without a status: a root may be wanting as well.
            Precedence::RevocationNetwork | Precedence::Revocation | Precedence::Policy => false,
            // The caches told who lacks the object.
            Precedence::ListWithoutIssuer | Precedence::RouteGap => rule == IDENTITY_UNKNOWN.id,
            Precedence::Network | Precedence::Object => {
                is_about_roots(rule) && inquiry.lacked_issuer(failure)
            }
        }
    };
    for proposal in proposals
        .iter_mut()
        .filter(|proposal| proposal.stance == Stance::CannotTell)
    {
        let (rule, had) = (proposal.rule, !proposal.explains.is_empty());
        proposal
            .explains
            .retain(|(failure, _)| !is_settled(rule, *failure));
        if had && proposal.explains.is_empty() {
            proposal.stance = Stance::Settled;
        }
    }
}

/// What limits every cause alike, or speaks of the connection and not of roots.
const ALWAYS_SAID: [&str; 5] = [
    "certificates-not-visible",
    "verifier-not-capi",
    "clock-uncertain",
    "conflicting-evidence",
    "private-key-or-app-issue",
];

fn is_about_roots(rule: &str) -> bool {
    rule == STORE_UNKNOWN.id || rule == CTL_UNKNOWN.id
}

fn finding(index: usize, proposal: &Proposal, roots: &[Root], chosen: &BTreeSet<usize>) -> Finding {
    let is_root = chosen.contains(&index);
    let role = match proposal.stance {
        Stance::RuledOut => Role::RuledOut,
        Stance::CannotTell | Stance::Settled => Role::CannotTell,
        _ if is_root => Role::RootCause,
        Stance::Observation => Role::Observation,
        _ if proposal.explains.is_empty() => Role::Observation,
        Stance::Cause | Stance::Consequence => Role::Contributing,
    };
    let mut because_of = Vec::new();
    if proposal.stance == Stance::Consequence {
        let explained = proposal
            .explains
            .iter()
            .filter_map(|(failure, _)| roots.get(*failure));
        because_of = explained
            .filter_map(|root| root.chosen)
            .filter(|root| *root != index)
            .collect();
        because_of.sort_unstable();
        because_of.dedup();
    }
    let mut explains: Vec<usize> = proposal
        .explains
        .iter()
        .map(|(failure, _)| *failure)
        .collect();
    explains.sort_unstable();
    explains.dedup();
    Finding {
        rule: proposal.rule,
        role,
        confidence: if role == Role::CannotTell {
            None
        } else {
            proposal.confidence
        },
        summary: proposal.summary.clone(),
        explains,
        because_of,
        remedy: proposal.remedy.clone(),
        remedy_proof: None,
        cites: provenance::merged(proposal.cites.iter().cloned()),
    }
}

/// Findings in the order of the report: by role; root causes by the failures
/// they explain.
fn order_of(findings: &[Finding]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..findings.len()).collect();
    order.sort_by_key(|index| {
        findings
            .get(*index)
            .map(|finding| (finding.role, finding.explains.first().copied(), *index))
    });
    order
}

/// Failures in the order in which an incident lead wants them.
#[must_use]
pub fn gravity(kind: FailureKind) -> u8 {
    match kind {
        FailureKind::Rejected => 0,
        FailureKind::Delayed => 1,
        FailureKind::Object => 2,
    }
}

/// Sorts incidents: those of the site asked for, then rejected before delayed
/// before object only, then most failures, then earliest.
pub fn sort_incidents(incidents: &mut [Incident], failures: &[super::Failure], site: Option<&str>) {
    let of = |incident: &Incident| -> Vec<&super::Failure> {
        incident
            .failures
            .iter()
            .filter_map(|index| failures.get(*index))
            .collect()
    };
    incidents.sort_by_key(|incident| {
        let own = of(incident);
        let asked_for = site.is_some_and(|site| {
            own.iter().any(|failure| {
                failure
                    .site
                    .as_deref()
                    .is_some_and(|name| name.eq_ignore_ascii_case(site))
            })
        });
        let gravest = own
            .iter()
            .map(|failure| gravity(failure.kind))
            .min()
            .unwrap_or(u8::MAX);
        let count = usize::MAX - own.len();
        (
            !asked_for,
            gravest,
            count,
            incident.from,
            incident.failures.first().copied(),
        )
    });
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;
    use crate::diagnosis::fixtures::{AIA, CRL, CTL, OCSP, SITE, Story};
    use crate::diagnosis::{VerdictState, diagnose};
    use crate::retrieval::{ObjectKind, Outcome};

    const FULL: [&str; 2] = ["leaf", "issuing-ca"];

    fn aia(outcome: Outcome) -> Story {
        Story::new()
            .fetch(ObjectKind::AiaCert, AIA, outcome, (10, 11))
            .rejects(&["leaf"], (9, 12))
    }

    #[test]
    fn two_machines_with_two_causes_give_two_incidents() {
        const YEAR: i64 = 365 * 86_400;
        let diagnosis = aia(Outcome::NoSuchName)
            .rejects(&FULL, (YEAR, YEAR + 1))
            .handshake(|it| {
                it.client = "10.0.0.77:1".parse().unwrap();
            })
            .diagnosis();
        let rules: Vec<_> = diagnosis
            .incidents
            .iter()
            .map(|it| {
                (
                    diagnosis.findings[it.root_cause.unwrap()].rule,
                    it.machines.clone(),
                )
            })
            .collect();
        assert_eq!(rules, [("dns-failed", vec![0]), ("leaf-expired", vec![1])]);
        assert!(
            diagnosis
                .verdict
                .sentence
                .ends_with("1 other incident is listed below.")
        );
    }

    #[test]
    fn two_causes_that_explain_equally_well_are_both_reported_and_none_is_chosen() {
        let diagnosis = Story::new()
            .fetch(ObjectKind::Ocsp, OCSP, Outcome::Refused, (9, 10))
            .fetch(ObjectKind::Crl, CRL, Outcome::HttpError, (10, 11))
            .headers(&[("Server", "nginx")])
            .rejects(&FULL, (9, 12))
            .diagnosis();
        let rejected = diagnosis
            .failures
            .iter()
            .position(|it| it.handshake.is_some())
            .unwrap();
        let speaking: Vec<_> = diagnosis.failures[rejected]
            .findings
            .iter()
            .map(|index| &diagnosis.findings[*index])
            .filter(|finding| finding.confidence.is_some() && finding.role != Role::RuledOut)
            .collect();
        assert!(
            speaking
                .iter()
                .all(|it| it.confidence <= Some(Confidence::Medium)),
            "{speaking:#?}"
        );
        assert_eq!(speaking.len(), 3, "two causes and the unknown status");
        assert_eq!(diagnosis.incidents[0].root_cause, None);
        assert_eq!(diagnosis.verdict.root_cause, None);
        assert_eq!(diagnosis.verdict.state, VerdictState::Undetermined);
    }

    #[test]
    fn a_failure_has_one_root_cause_at_most() {
        let diagnosis = aia(Outcome::Refused)
            .fetch(ObjectKind::Ocsp, OCSP, Outcome::HttpError, (10, 11))
            .diagnosis();
        for failure in &diagnosis.failures {
            let at_incident = |it: &&Incident| {
                it.failures
                    .iter()
                    .any(|index| &diagnosis.failures[*index] == failure)
            };
            assert_eq!(diagnosis.incidents.iter().filter(at_incident).count(), 1);
        }
        let rejected = &diagnosis.incidents[0];
        assert_eq!(
            diagnosis.findings[rejected.root_cause.unwrap()].rule,
            "direct-blocked"
        );
        let status = diagnosis.of("revocation-server-unreachable")[0];
        assert_eq!(
            (status.role, status.because_of.len()),
            (Role::Contributing, 1)
        );
    }

    #[test]
    fn rejected_come_before_objects_then_most_failures_then_the_earliest() {
        let diagnosis = Story::new()
            .fetch(ObjectKind::Ctl, CTL, Outcome::Refused, (1, 2))
            .rejects(&FULL, (5_000, 5_001))
            .rejects(&FULL, (6_000, 6_001))
            .handshake(|it| it.site = Some("b.example".to_owned()))
            .rejects(&FULL, (6_100, 6_101))
            .handshake(|it| it.site = Some("b.example".to_owned()))
            .rejects(&FULL, (7_000, 7_001))
            .handshake(|it| it.site = Some("c.example".to_owned()))
            .diagnosis();
        let sites: Vec<_> = diagnosis
            .incidents
            .iter()
            .map(|it| {
                diagnosis.failures[it.failures[0]]
                    .site
                    .clone()
                    .unwrap_or_default()
            })
            .collect();
        assert_eq!(sites, ["b.example", SITE, "c.example", ""]);
    }

    #[test]
    fn the_site_asked_for_comes_first() {
        let case = aia(Outcome::NoSuchName)
            .rejects(&FULL, (20, 21))
            .handshake(|it| it.site = Some("b.example".to_owned()))
            .case();
        let diagnosis = diagnose(&case, Some("B.EXAMPLE"));
        // Its certificate is that of the other site.
        assert_eq!(diagnosis.verdict.root_cause, Some("name-mismatch"));
        assert!(
            diagnosis
                .verdict
                .sentence
                .starts_with("A rejected connection to b.example")
        );
    }

    #[test]
    fn a_poor_capture_lowers_every_finding_on_it() {
        let diagnosis = Story::new()
            .fetch(ObjectKind::AiaCert, AIA, Outcome::HttpError, (10, 11))
            .with(|it| it.quality.as_mut().unwrap().cut_packets = 1)
            .rejects(&["leaf"], (9, 12))
            .diagnosis();
        let levels: Vec<_> = diagnosis
            .causes()
            .iter()
            .map(|(.., level)| *level)
            .collect();
        assert_eq!(levels, ["low", "low"]);
    }
}
