//! Alternatives that a reader would think of for a rejected validation, and the
//! facts of this evidence that refute them.
//!
//! It is no rule: a rule looks for its cause, this looks for what excludes one.
//! An alternative is told only where a named fact excludes it; that nothing
//! speaks for it is no such fact.

use super::finding::Confidence;
use super::inquiry::{Inquiry, Need, lacks_bytes};
use super::leaf_validity::CLOCK_UNCERTAINTY;
use super::proposal::{Precedence, Proposal, Stance};
use super::rejections::{Rejection, rejections};
use super::roots::some_of;
use super::wsus;
use crate::case::questions::names_root;
use crate::case::status::StatusState;
use crate::case::{ArtifactSource, Case};
use crate::chain::{CheckKind, Outcome, RootTrust};
use crate::clock;
use crate::pki::Certificate;
use crate::protocol::tls::ServerCertificates;
use crate::provenance::Cite;
use crate::retrieval::ObjectKind;
use crate::time::{Span, Timestamp};

/// A cause that a fact excludes for one rejection.
struct Refuted {
    /// The cause.
    rule: &'static str,
    /// The fact, for one site.
    fact: String,
    /// The fact, after `For a.example, b.example and 40 more: `.
    of_several: &'static str,
    /// What shows it, besides the handshake.
    cites: Vec<Cite>,
}

/// What may exclude a cause, the most telling first.
const REFUTATIONS: [fn(&Inquiry<'_>, &Rejection<'_>) -> Option<Refuted>; 8] = [
    listed_root,
    list_obtained,
    issuers_sent,
    issuer_fetched,
    right_clock,
    within_dates,
    name_covered,
    not_revoked,
];

/// Alternatives told of one failure: those that come to mind first.
const MAX_PER_FAILURE: usize = 5;
/// Sites that get a sentence of their own.
const MAX_SENTENCES: usize = 3;

/// Causes that are excluded for rejected validations and that no rule speaks of.
#[must_use]
pub fn proposals(inquiry: &Inquiry<'_>, proposed: &[Proposal]) -> Vec<Proposal> {
    let mut found: Vec<(Refuted, Vec<(usize, String)>)> = Vec::new();
    for rejection in rejections(inquiry) {
        // A hole may hide the fact that would say otherwise; and what any
        // verifier refuses needs no alternatives.
        if lacks_bytes(&rejection.handshake.quality) || rejection.examined.has_fault() {
            continue;
        }
        let is_open = |rule: &str| !speaks_of(proposed, rule, rejection.index);
        let refuted = REFUTATIONS
            .iter()
            .filter_map(|refute| refute(inquiry, &rejection))
            .filter(|refuted| is_open(refuted.rule) && !is_in_doubt(proposed, refuted, &rejection));
        for mut refuted in refuted.take(MAX_PER_FAILURE) {
            refuted
                .cites
                .extend(rejection.handshake.cites.iter().cloned());
            let one = (rejection.index, rejection.site.to_owned());
            let known = found
                .iter_mut()
                .find(|(known, _)| known.rule == refuted.rule && known.fact == refuted.fact);
            match known {
                Some((known, failures)) => {
                    known.cites.extend(refuted.cites);
                    failures.push(one);
                }
                None => found.push((refuted, vec![one])),
            }
        }
    }
    grouped(found)
}

/// True when a rule speaks of this cause for this failure, in whatever stance.
fn speaks_of(proposed: &[Proposal], rule: &str, failure: usize) -> bool {
    proposed
        .iter()
        .any(|it| it.rule == rule && it.explains.iter().any(|(index, _)| *index == failure))
}

/// Dates refute nothing where the clock itself is in doubt.
fn is_in_doubt(proposed: &[Proposal], refuted: &Refuted, rejection: &Rejection<'_>) -> bool {
    const OF_TIME: [&str; 2] = ["leaf-expired", "client-clock-wrong"];
    const DOUBTS: [&str; 3] = [
        "client-clock-wrong",
        "clock-uncertain",
        "leaf-not-yet-valid",
    ];
    OF_TIME.contains(&refuted.rule)
        && DOUBTS
            .iter()
            .any(|rule| speaks_of(proposed, rule, rejection.index))
}

/// One finding for each sentence; of very many sites, one for each cause.
fn grouped(found: Vec<(Refuted, Vec<(usize, String)>)>) -> Vec<Proposal> {
    let mut rules: Vec<&'static str> = found.iter().map(|(refuted, _)| refuted.rule).collect();
    rules.sort_unstable();
    rules.dedup();
    let mut proposals = Vec::new();
    for rule in rules {
        let own: Vec<_> = found.iter().filter(|(it, _)| it.rule == rule).collect();
        if own.len() <= MAX_SENTENCES {
            for (refuted, failures) in own {
                let failures = failures.iter().map(|(index, _)| *index);
                let cites = refuted.cites.clone();
                proposals.push(proposal(rule, refuted.fact.clone(), failures, cites));
            }
            continue;
        }
        let failures = own.iter().flat_map(|(_, failures)| failures);
        let mut sites: Vec<String> = failures.clone().map(|(_, site)| site.clone()).collect();
        sites.sort_unstable();
        sites.dedup();
        let words = own.first().map_or("", |(refuted, _)| refuted.of_several);
        let cites = own.iter().flat_map(|(refuted, _)| refuted.cites.clone());
        let summary = format!("For {}: {words}.", some_of(&sites, 0));
        let failures = failures.map(|(index, _)| *index);
        proposals.push(proposal(rule, summary, failures, cites.collect()));
    }
    proposals
}

fn proposal(
    rule: &'static str,
    summary: String,
    failures: impl Iterator<Item = usize>,
    cites: Vec<Cite>,
) -> Proposal {
    let mut failures: Vec<usize> = failures.collect();
    failures.sort_unstable();
    failures.dedup();
    Proposal {
        rule,
        stance: Stance::RuledOut,
        // Checked by us; no reaction of the client can show an absence.
        confidence: Some(Confidence::High),
        subject: summary.clone(),
        summary,
        remedy: String::new(),
        cites,
        explains: failures
            .into_iter()
            .map(|failure| (failure, Precedence::Content))
            .collect(),
    }
}

/// The list of the day names the root.
fn listed_root(inquiry: &Inquiry<'_>, rejection: &Rejection<'_>) -> Option<Refuted> {
    let named = matches!(
        rejection.best.root,
        RootTrust::Listed | RootTrust::ListedByName { .. }
    );
    if !named || !rejection.may_be_windows() {
        return None;
    }
    let failure = rejection.failure;
    let case = inquiry.case;
    let list = case.list_of_the_day(failure.machine, failure.at)?;
    let ctl = case.ctl(list)?;
    let last = rejection.last()?;
    let (holds, name) = match rejection.root() {
        Some(root) => (ctl.entry_for(&root.sha1).is_some(), root.subject.short()),
        None => (names_root(ctl, last), last.issuer.short()),
    };
    let day = day(ctl.this_update);
    holds.then(|| Refuted {
        rule: "root-not-in-program",
        fact: format!("The trust list of {day} names the root \"{name}\"."),
        of_several: "the trust list of the day names the root",
        cites: cite_of(case, list, failure.machine).into_iter().collect(),
    })
}

fn cite_of(case: &Case, artifact: usize, machine: Option<usize>) -> Option<Cite> {
    let seen = &case.artifacts.get(artifact)?.seen;
    let own = seen.iter().find(|sighting| sighting.machine == machine);
    own.or(seen.first()).map(|sighting| sighting.cite.clone())
}

/// A trust list came to the machine, and no attempt at one failed.
fn list_obtained(inquiry: &Inquiry<'_>, rejection: &Rejection<'_>) -> Option<Refuted> {
    let open = rejection.examined.ends_in_unknown_root()
        || matches!(
            rejection.best.root,
            RootTrust::Absent | RootTrust::ListedByName { .. } | RootTrust::Listed
        );
    if !open || !rejection.may_be_windows() {
        return None;
    }
    let (case, failure) = (inquiry.case, rejection.failure);
    let machine = failure.machine?;
    let attempts = case.retrievals.iter().enumerate().filter(|(index, it)| {
        it.object == ObjectKind::Ctl && inquiry.machine_of(*index) == Some(machine)
    });
    let mut brought: Option<(usize, Timestamp)> = None;
    for (index, attempt) in attempts {
        if !attempt.outcome.is_success() {
            return None;
        }
        if attempt.ended_at <= failure.at && is_authroot(case, index) {
            brought = brought.max(Some((index, attempt.ended_at)));
        }
    }
    let (index, _) = brought?;
    let attempt = case.retrievals.get(index)?;
    Some(Refuted {
        rule: "ctl-download-blocked",
        fact: format!(
            "The trust list was downloaded before: {} got it at {} UTC.",
            case.machine_phrase(Some(machine)),
            second(attempt.ended_at)
        ),
        of_several: "the trust list was downloaded before",
        cites: attempt.cites.clone(),
    })
}

fn is_authroot(case: &Case, retrieval: usize) -> bool {
    case.authroot_lists().any(|(index, _)| {
        case.artifacts.get(index).is_some_and(|record| {
            let source = ArtifactSource::Retrieval(retrieval);
            record.seen.iter().any(|sighting| sighting.source == source)
        })
    })
}

/// The server sent every certificate below the root, each signed by the next.
fn issuers_sent(_: &Inquiry<'_>, rejection: &Rejection<'_>) -> Option<Refuted> {
    let best = rejection.best;
    let below = below_root(rejection)?;
    let sent = below.iter().all(|it| was_sent(rejection, it));
    // Of a leaf directly below the root nobody expects more.
    if !sent || below.len() < 2 || !signatures_hold(rejection, below.len()) {
        return None;
    }
    let root = match &best.missing_issuer {
        Some(missing) => missing.child.issuer.short().to_owned(),
        None => rejection.last()?.subject.short().to_owned(),
    };
    Some(Refuted {
        rule: "server-omits-intermediate",
        fact: format!(
            "{} sent every certificate below the root \"{root}\", each signed by the next.",
            rejection.site
        ),
        of_several: "the server sent every certificate below the root, each signed by the next",
        cites: Vec::new(),
    })
}

/// The certificates below the root, where the chain reaches one.
fn below_root<'a>(rejection: &Rejection<'a>) -> Option<Vec<&'a Certificate>> {
    let best = rejection.best;
    let elements = best.elements.iter().map(|it| it.certificate.as_ref());
    match (&best.root, rejection.root()) {
        (RootTrust::ListedByName { .. }, _) => Some(elements.collect()),
        (_, Some(root)) => Some(elements.filter(|it| it.sha256 != root.sha256).collect()),
        _ => None,
    }
}

fn was_sent(rejection: &Rejection<'_>, certificate: &Certificate) -> bool {
    match &rejection.handshake.certificates {
        ServerCertificates::Sent { list, .. } => {
            list.iter().any(|sent| sent.starts_with(&certificate.der))
        }
        _ => false,
    }
}

/// No signature of these elements is wrong; that of the last may lack its key.
fn signatures_hold(rejection: &Rejection<'_>, count: usize) -> bool {
    let elements = rejection.best.elements.iter().take(count);
    elements.enumerate().all(|(position, element)| {
        let mut signatures = element
            .checks
            .iter()
            .filter(|check| check.kind == CheckKind::Signature);
        let last = position + 1 == count;
        signatures.all(|check| match check.outcome {
            Outcome::Pass => true,
            Outcome::Unknown(_) => last,
            Outcome::Fail(_) => false,
        })
    })
}

/// An issuer that the server does not send was fetched in time, and no attempt
/// at it failed.
fn issuer_fetched(inquiry: &Inquiry<'_>, rejection: &Rejection<'_>) -> Option<Refuted> {
    let (case, failure) = (inquiry.case, rejection.failure);
    if !inquiry.failed_for(rejection.index, Need::Issuer).is_empty() {
        return None;
    }
    let machine = failure.machine?;
    for certificate in below_root(rejection)?.into_iter().skip(1) {
        if was_sent(rejection, certificate) {
            continue;
        }
        let record = case
            .artifacts
            .iter()
            .find(|record| record.artifact.sha256() == certificate.sha256)?;
        let fetched = record.seen.iter().find(|sighting| {
            matches!(sighting.source, ArtifactSource::Retrieval(_))
                && sighting.machine == Some(machine)
                && sighting.at.is_some_and(|at| at <= failure.at)
        })?;
        let by = match &fetched.account {
            Some(account) => format!(" as {account}"),
            None => String::new(),
        };
        return Some(Refuted {
            rule: "intermediate-missing-aia-failed",
            fact: format!(
                "\"{}\", which {} does not send, was fetched at {} UTC by {}{by}.",
                certificate.subject.short(),
                rejection.site,
                second(fetched.at?),
                case.machine_phrase(Some(machine))
            ),
            of_several: "the issuer that the server does not send was fetched before",
            cites: vec![fetched.cite.clone()],
        });
    }
    None
}

/// The caches of the machine and the servers agree with the capture's clock.
fn right_clock(inquiry: &Inquiry<'_>, rejection: &Rejection<'_>) -> Option<Refuted> {
    let case = inquiry.case;
    let machine = rejection.failure.machine?;
    let own = clock::by_copies(case, machine)?;
    let servers = inquiry.servers_at(rejection.handshake.vantage)?;
    let furthest = [&own, servers]
        .iter()
        .flat_map(|it| [it.offset_min_s.abs(), it.offset_max_s.abs()])
        .fold(0.0, f64::max);
    // Both readings lie on one line: the sum bounds their distance.
    #[allow(clippy::cast_precision_loss)]
    let tolerance = CLOCK_UNCERTAINTY as f64;
    let apart = own.offset_max_s.abs().max(own.offset_min_s.abs())
        + servers.offset_max_s.abs().max(servers.offset_min_s.abs());
    if apart > tolerance {
        return None;
    }
    let matched = case.retrievals.iter().enumerate().filter(|(index, it)| {
        it.cache_entry.is_some() && inquiry.machine_of(*index) == Some(machine)
    });
    let cites = matched
        .take(MAX_CITED)
        .flat_map(|(_, it)| it.cites.iter().cloned());
    Some(Refuted {
        rule: "client-clock-wrong",
        fact: format!(
            "The clock of {} was right: its caches and the servers' Date fields are within {furthest:.0} s of the capture.",
            case.machine_phrase(Some(machine))
        ),
        of_several: "the clock of the client was right",
        cites: cites.collect(),
    })
}

/// Downloads cited for a clock; each says the same.
const MAX_CITED: usize = 3;

/// The leaf was within its dates by every clock at hand, and so was every
/// issuer.
fn within_dates(inquiry: &Inquiry<'_>, rejection: &Rejection<'_>) -> Option<Refuted> {
    let leaf = &rejection.best.elements.first()?.certificate;
    let at = rejection.examined.as_of;
    let mut readings = vec![
        at,
        at.plus(Span::seconds(-CLOCK_UNCERTAINTY)),
        at.plus(Span::seconds(CLOCK_UNCERTAINTY)),
    ];
    if let Some(servers) = inquiry.servers_at(rejection.handshake.vantage) {
        // Offsets beyond some years saturate; the comparison needs no more.
        #[allow(clippy::cast_possible_truncation)]
        let offsets = [servers.offset_min_s as i64, servers.offset_max_s as i64];
        readings.extend(offsets.map(|offset| at.plus(Span::seconds(offset))));
    }
    let inside = |it: &Certificate| {
        let mut readings = readings.iter();
        readings.all(|at| (it.not_before..=it.not_after).contains(at))
    };
    let all = rejection
        .best
        .elements
        .iter()
        .all(|it| inside(&it.certificate));
    all.then(|| Refuted {
        rule: "leaf-expired",
        fact: format!(
            "The certificate of {} was within its dates, {} to {}.",
            rejection.site,
            day(leaf.not_before),
            day(leaf.not_after)
        ),
        of_several: "the certificates were within their dates",
        cites: Vec::new(),
    })
}

/// The certificate has the name that was asked for.
fn name_covered(inquiry: &Inquiry<'_>, rejection: &Rejection<'_>) -> Option<Refuted> {
    let asked = rejection.handshake.site.as_deref()?;
    let leaf = rejection.best.elements.first()?;
    let mut names = leaf
        .checks
        .iter()
        .filter(|check| check.kind == CheckKind::HostName);
    let covered = names.next()?.outcome == Outcome::Pass && names.next().is_none();
    let update = wsus::is_update_handshake(inquiry.case, rejection.handshake);
    let rule = if update {
        "wsus-name-mismatch"
    } else {
        "name-mismatch"
    };
    covered.then(|| Refuted {
        rule,
        fact: format!("The certificate that answered for {asked} has that name."),
        of_several: "the certificates have the names that were asked for",
        cites: Vec::new(),
    })
}

/// A source in force says that the leaf is not revoked.
fn not_revoked(_: &Inquiry<'_>, rejection: &Rejection<'_>) -> Option<Refuted> {
    let status = rejection
        .examined
        .status
        .iter()
        .find(|it| it.element == 0)?;
    (status.state == StatusState::Good).then(|| Refuted {
        rule: "certificate-revoked",
        fact: format!(
            "The certificate of {} was not revoked: {}.",
            rejection.site,
            status.detail.trim_end_matches('.')
        ),
        of_several: "sources in force say that the certificates were not revoked",
        cites: Vec::new(),
    })
}

/// `2026-06-01`.
fn day(at: Timestamp) -> String {
    at.to_display().get(..10).unwrap_or_default().to_owned()
}

/// `2026-06-01 10:00:12`.
fn second(at: Timestamp) -> String {
    at.to_display().get(..19).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use crate::diagnosis::fixtures::{AIA, CTL, Story, alice, certificate, whole_list};
    use crate::diagnosis::{Diagnosis, Role};
    use crate::pki::Artifact;
    use crate::retrieval::{ObjectKind, Outcome};

    const FULL: [&str; 2] = ["leaf", "issuing-ca"];
    const YEAR: i64 = 365 * 86_400;

    fn ruled_out(diagnosis: &Diagnosis) -> Vec<&'static str> {
        let mut rules: Vec<&str> = diagnosis
            .findings
            .iter()
            .filter(|finding| finding.role == Role::RuledOut)
            .map(|finding| {
                assert!(!finding.cites.is_empty() && !finding.explains.is_empty());
                finding.rule
            })
            .collect();
        rules.sort_unstable();
        rules
    }

    fn listed() -> Story {
        Story::new()
            .fetch(ObjectKind::Ctl, CTL, Outcome::Ok, (1, 2))
            .brings(&Artifact::Ctl(whole_list()))
            .rejects(&FULL, (9, 12))
    }

    #[test]
    fn dates_and_names_that_fit_are_ruled_out_and_a_fault_needs_no_alternatives() {
        let fine = Story::new().rejects(&FULL, (9, 12)).diagnosis();
        assert_eq!(ruled_out(&fine), ["leaf-expired", "name-mismatch"]);
        let expired = Story::new().rejects(&FULL, (YEAR, YEAR + 3)).diagnosis();
        assert!(ruled_out(&expired).is_empty());
        let other = Story::new()
            .rejects(&FULL, (9, 12))
            .handshake(|it| it.site = Some("other.example".to_owned()));
        assert!(!ruled_out(&other.diagnosis()).contains(&"name-mismatch"));
    }

    #[test]
    fn a_list_of_the_day_that_names_the_root_refutes_that_it_is_not_in_the_program() {
        let diagnosis = listed().diagnosis();
        let rules = ruled_out(&diagnosis);
        assert_eq!(
            rules,
            [
                "ctl-download-blocked",
                // By its own rule: the issuer of the signer is enclosed.
                "ctl-signer-issuer-missing-aia-blocked",
                "leaf-expired",
                "name-mismatch",
                "root-not-in-program",
                "server-omits-intermediate"
            ]
        );
        let root = diagnosis.of("root-not-in-program")[0];
        assert!(
            root.summary
                .starts_with("The trust list of 2026-05-31 names the root"),
            "{}",
            root.summary
        );
    }

    #[test]
    fn a_list_that_failed_once_is_not_ruled_out() {
        let twice = Story::new()
            .fetch(ObjectKind::Ctl, CTL, Outcome::Refused, (1, 2))
            .fetch(ObjectKind::Ctl, CTL, Outcome::Ok, (3, 4))
            .by_proxy()
            .brings(&Artifact::Ctl(whole_list()))
            .rejects(&FULL, (9, 12));
        assert!(!ruled_out(&twice.diagnosis()).contains(&"ctl-download-blocked"));
    }

    #[test]
    fn an_issuer_that_was_fetched_is_not_missing_and_names_the_account() {
        let fetched = |outcome| {
            Story::new()
                .fetch(ObjectKind::Ctl, CTL, Outcome::Ok, (1, 2))
                .brings(&Artifact::Ctl(whole_list()))
                .fetch(ObjectKind::AiaCert, AIA, outcome, (10, 11))
                .with(|it| it.account = Some(alice()))
        };
        let got = fetched(Outcome::Ok)
            .brings(&Artifact::Certificate(certificate("issuing-ca")))
            .rejects(&["leaf"], (9, 12))
            .diagnosis();
        let finding = got.of("intermediate-missing-aia-failed")[0];
        assert_eq!(finding.role, Role::RuledOut);
        assert!(
            finding.summary.ends_with("as user alice."),
            "{}",
            finding.summary
        );
        let missed = fetched(Outcome::HttpError)
            .rejects(&["leaf"], (9, 12))
            .diagnosis();
        assert!(!ruled_out(&missed).contains(&"intermediate-missing-aia-failed"));
    }

    #[test]
    fn a_poor_capture_rules_nothing_out() {
        let story = listed().handshake(|it| it.quality.cut_packets = 1);
        let own = ["ctl-signer-issuer-missing-aia-blocked"];
        assert_eq!(ruled_out(&story.diagnosis()), own, "what its rule says");
    }

    #[test]
    fn many_sites_are_one_finding_for_each_cause() {
        let found = |sites: usize| {
            let one = |number: usize| {
                let refuted = super::Refuted {
                    rule: "leaf-expired",
                    fact: format!("The certificate of {number}.example was within its dates."),
                    of_several: "the certificates were within their dates",
                    cites: Vec::new(),
                };
                (refuted, vec![(number, format!("{number}.example"))])
            };
            super::grouped((0..sites).map(one).collect())
        };
        assert_eq!(found(3).len(), 3);
        let many = found(7);
        assert_eq!(many.len(), 1);
        assert_eq!(many[0].explains.len(), 7);
        assert_eq!(
            many[0].summary,
            "For 0.example, 1.example, 2.example and 4 more: the certificates were within their dates."
        );
    }
}
