//! The outcomes that come of what sources say: caches, clocks, objects that
//! cannot be read, sources that contradict each other, and faults that lie
//! elsewhere than in the server's chain.

use std::collections::{BTreeMap, BTreeSet};

use super::failure::Reaction;
use super::inquiry::{Inquiry, join_words};
use super::leaf_validity::{CLOCK_UNCERTAINTY, to_seconds};
use super::network::cannot_tell;
use super::outcomes::rule;
use super::proposal::{Proposal, Rule};
use crate::case::{ArtifactSighting, ArtifactSource, Case, Handshake, HandshakeOutcome};
use crate::chain::{Needed, Outcome};
use crate::flow::Direction;
use crate::pki::ctl::CtlKind;
use crate::pki::{Artifact, LooksLike};
use crate::protocol::tls::ServerCertificates;
use crate::provenance::Cite;
use crate::retrieval;
use crate::time::{Span, Timestamp};

rule!(
    ANSWERED_FROM_CACHE,
    "answered-from-cache",
    answered_from_cache
);
rule!(CLOCK_UNCERTAIN, "clock-uncertain", clock_uncertain);
rule!(
    PRIVATE_KEY_OR_APP_ISSUE,
    "private-key-or-app-issue",
    private_key_or_app_issue
);
rule!(
    CONFLICTING_EVIDENCE,
    "conflicting-evidence",
    conflicting_evidence
);
rule!(UNSUPPORTED_OBJECT, "unsupported-object", unsupported_object);

/// Objects named in a sentence; more would hide the point.
const MAX_NAMED: usize = 4;

/// Handshakes for which nothing was fetched, while a cache of the machine holds
/// objects that were usable at that time.
fn answered_from_cache(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let case = inquiry.case;
    let (mut sites, mut objects, mut cites, mut failures) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (asked, cached) = (Asked::of(case), cached_by_machine(case));
    for (index, handshake) in case.handshakes.iter().enumerate() {
        let sent = matches!(&handshake.certificates, ServerCertificates::Sent { list, .. } if !list.is_empty());
        if !sent || handshake.machine.is_none() || asked.for_it(handshake) {
            continue;
        }
        let usable = usable_objects(case, &cached, handshake);
        if usable.is_empty() {
            continue;
        }
        sites.push(
            handshake
                .site
                .clone()
                .unwrap_or_else(|| handshake.server.to_string()),
        );
        let failed = inquiry
            .failures
            .iter()
            .position(|failure| failure.handshake == Some(index));
        failures.extend(failed);
        for (name, cite) in usable {
            objects.push(name);
            cites.push(cite);
        }
    }
    if sites.is_empty() {
        return Vec::new();
    }
    for names in [&mut sites, &mut objects] {
        names.sort();
        names.dedup();
    }
    let more = objects.len().saturating_sub(MAX_NAMED);
    objects.truncate(MAX_NAMED);
    if more > 0 {
        objects.push(format!("{more} more"));
    }
    sites.truncate(MAX_NAMED);
    vec![cannot_tell(
        &ANSWERED_FROM_CACHE,
        format!(
            "Nothing was asked of the network while {} was validated, and the machine's caches hold what was usable at that time: {}. Silence is no blocked network; which of it was used is not recorded.",
            join_words(&sites),
            join_words(&objects)
        ),
        "Hand over the caches of all accounts; to see the look-ups on the wire, flush them (certutil -urlcache * delete) before the next try.",
        cites,
        &failures,
    )]
}

/// Windows keeps what it validated in memory: a handshake this long after another
/// with the same certificate needs neither network nor cache.
const REMEMBERS: Span = Span::seconds(3600);

/// When each machine asked for a trust object.
struct Asked {
    by_machine: BTreeMap<Option<usize>, BTreeSet<Timestamp>>,
    /// Machine and leaf of handshakes during which something was asked for.
    fetched_for: BTreeMap<(Option<usize>, usize), Vec<Timestamp>>,
}

impl Asked {
    fn of(case: &Case) -> Self {
        let mut asked = Asked {
            by_machine: BTreeMap::new(),
            fetched_for: BTreeMap::new(),
        };
        for (retrieval, owner) in case.retrievals.iter().zip(&case.retrieval_machines) {
            if Case::is_trust_object(retrieval.object) {
                let times = asked.by_machine.entry(*owner).or_default();
                times.insert(retrieval.started_at);
            }
        }
        for handshake in &case.handshakes {
            if let Some(leaf) = handshake.artifacts.first()
                && asked.during(handshake)
            {
                let times = asked.fetched_for.entry((handshake.machine, *leaf));
                times.or_default().push(handshake.at);
            }
        }
        asked
    }

    /// True when the machine asked for a trust object while the handshake lasted.
    fn during(&self, handshake: &Handshake) -> bool {
        let times = self.by_machine.get(&handshake.machine);
        handshake.at <= handshake.ended_at
            && times.is_some_and(|times| {
                let mut within = times.range(handshake.at..=handshake.ended_at);
                within.next().is_some()
            })
    }

    /// True when it asked during this handshake, or during an earlier one with the
    /// same certificate that Windows still remembers.
    fn for_it(&self, handshake: &Handshake) -> bool {
        let leaf = handshake.artifacts.first();
        let before = leaf.and_then(|leaf| self.fetched_for.get(&(handshake.machine, *leaf)));
        let remembered = before
            .into_iter()
            .flatten()
            .any(|at| *at <= handshake.at && at.plus(REMEMBERS) >= handshake.at);
        self.during(handshake) || remembered
    }
}

/// The sightings of objects in caches, by machine, each with its artifact index.
type Cached<'a> = BTreeMap<Option<usize>, Vec<(usize, &'a ArtifactSighting)>>;

fn cached_by_machine(case: &Case) -> Cached<'_> {
    let mut cached = Cached::new();
    for (artifact, record) in case.artifacts.iter().enumerate() {
        for sight in &record.seen {
            if matches!(sight.source, ArtifactSource::Cache(_)) {
                let own = cached.entry(sight.machine).or_default();
                own.push((artifact, sight));
            }
        }
    }
    cached
}

/// Cached lists, CRLs and answers of the machine that were valid then and had
/// come by then, as far as the cache tells.
fn usable_objects(case: &Case, cached: &Cached<'_>, handshake: &Handshake) -> Vec<(String, Cite)> {
    let at = case.as_of.unwrap_or(handshake.at);
    let issuers: Vec<&[u8]> = handshake
        .artifacts
        .iter()
        .filter_map(|index| case.certificate(*index))
        .map(|certificate| certificate.issuer.der.as_slice())
        .collect();
    let serials: Vec<&[u8]> = handshake
        .artifacts
        .iter()
        .filter_map(|index| case.certificate(*index))
        .map(|certificate| certificate.serial.as_slice())
        .collect();
    let within =
        |from: Timestamp, to: Option<Timestamp>| from <= at && to.is_none_or(|to| at <= to);
    let mut found = Vec::new();
    let mut told = None;
    for (artifact, cached) in cached.get(&handshake.machine).into_iter().flatten() {
        let has_come = cached.at.is_none_or(|synced| synced <= at);
        // The first copy of each object is enough.
        if told == Some(*artifact) || !has_come {
            continue;
        }
        told = Some(*artifact);
        let Some(record) = case.artifacts.get(*artifact) else {
            continue;
        };
        let name = match &record.artifact {
            Artifact::Crl(crl)
                if issuers.contains(&crl.issuer.der.as_slice())
                    && within(crl.this_update, crl.next_update) =>
            {
                format!("the CRL of \"{}\"", crl.issuer.short())
            }
            Artifact::Ocsp(answer) => {
                let fits = answer.basic.iter().flat_map(|basic| &basic.responses);
                let mut fits = fits.filter(|single| {
                    serials.contains(&single.cert_id.serial.as_slice())
                        && within(single.this_update, single.next_update)
                });
                match fits.next() {
                    Some(_) => "an OCSP answer".to_owned(),
                    None => continue,
                }
            }
            Artifact::Ctl(ctl)
                if ctl.kind == CtlKind::AuthRoot && within(ctl.this_update, ctl.next_update) =>
            {
                format!("the trust list of {} UTC", to_seconds(ctl.this_update))
            }
            _ => continue,
        };
        let account = cached.account.as_ref();
        let account = account.map(|account| format!(" (cache of {account})"));
        found.push((name + &account.unwrap_or_default(), cached.cite.clone()));
    }
    found
}

/// Verdicts that hang on which clock is right: both readings.
fn clock_uncertain(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let case = inquiry.case;
    let mut proposals: Vec<Proposal> = Vec::new();
    for (index, failure) in inquiry.failures.iter().enumerate() {
        let Some(handshake) = inquiry.handshake_of(index) else {
            continue;
        };
        let examined = failure.chain.and_then(|chain| case.chains.get(chain));
        let Some(best) = examined.and_then(|examined| examined.chains.first()) else {
            continue;
        };
        let at = case.as_of.unwrap_or(handshake.at);
        let (earliest, latest, basis) = readings(inquiry, handshake);
        let doubtful = best.elements.iter().find_map(|element| {
            let certificate = &element.certificate;
            let dates = [
                (certificate.not_before, "becomes valid"),
                (certificate.not_after, "expires"),
            ];
            let date = dates
                .into_iter()
                .find(|(date, _)| earliest < *date && *date <= latest);
            date.map(|(date, what)| (certificate.subject.short(), date, what))
        });
        let Some((name, date, what)) = doubtful else {
            continue;
        };
        let site = failure.site.as_deref().unwrap_or("the site");
        let summary = format!(
            "\"{name}\" of {site} {what} at {} UTC. It was used at {} by the capture's clock, and between {} and {} by {basis}: before and after that date are both possible.",
            to_seconds(date),
            to_seconds(at),
            to_seconds(earliest),
            to_seconds(latest)
        );
        if proposals.iter().any(|known| known.summary == summary) {
            continue;
        }
        proposals.push(cannot_tell(
            &CLOCK_UNCERTAIN,
            summary,
            "Compare the clocks: w32tm /stripchart on the machine, and the time state of the capturing host.",
            handshake.cites.clone(),
            &[index],
        ));
    }
    proposals
}

/// The times between which the client's own reading may lie.
fn readings(inquiry: &Inquiry<'_>, handshake: &Handshake) -> (Timestamp, Timestamp, &'static str) {
    let at = inquiry.case.as_of.unwrap_or(handshake.at);
    let margin = |seconds: i64| at.plus(Span::seconds(seconds));
    let (mut earliest, mut latest) = (margin(-CLOCK_UNCERTAINTY), margin(CLOCK_UNCERTAINTY));
    let mut basis = "the five minutes by which clocks of domain members may differ";
    if let Some(servers) = inquiry.servers_at(handshake.vantage) {
        // Offsets beyond some centuries saturate; no certificate lasts so long.
        #[allow(clippy::cast_possible_truncation)]
        let (least, greatest) = (
            servers.offset_min_s.floor() as i64,
            servers.offset_max_s.ceil() as i64,
        );
        if margin(least) < earliest || margin(greatest) > latest {
            basis = "the clocks of the servers";
        }
        earliest = earliest.min(margin(least));
        latest = latest.max(margin(greatest));
    }
    (earliest, latest, basis)
}

/// Alerts by which a server refuses the client's certificate (RFC 5246 §7.2.2,
/// RFC 8446 §6.2; 40 is how older servers say it).
const CLIENT_CERTIFICATE_ALERTS: [u8; 9] = [40, 41, 42, 43, 44, 45, 46, 48, 116];

/// Servers that asked for the client's certificate and then refused it.
fn private_key_or_app_issue(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let refused = inquiry.case.handshakes.iter().filter(|handshake| {
        handshake.certificate_requested
            && handshake.outcome == HandshakeOutcome::ServerClosed
            && handshake.alert.is_some_and(|alert| {
                alert.by == Direction::ToClient
                    && alert.content.is_some_and(|(_, description)| {
                        CLIENT_CERTIFICATE_ALERTS.contains(&description)
                    })
            })
    });
    let refused: Vec<&Handshake> = refused.collect();
    let mut sites: Vec<String> = refused
        .iter()
        .map(|handshake| {
            let site = handshake.site.clone();
            site.unwrap_or_else(|| handshake.server.to_string())
        })
        .collect();
    sites.sort();
    sites.dedup();
    sites.truncate(MAX_NAMED);
    if refused.is_empty() {
        return Vec::new();
    }
    vec![cannot_tell(
        &PRIVATE_KEY_OR_APP_ISSUE,
        format!(
            "{} asked for a certificate of the client and then ended the handshake by an alert of its own: the server's chain is not at fault. Whether the client had no certificate, an unfit one or no access to its key is not in the packets.",
            join_words(&sites)
        ),
        "Look into the CAPI2/Operational log for event 70 (private key), the application's log, and the server's list of accepted authorities.",
        refused
            .iter()
            .flat_map(|handshake| handshake.cites.iter().cloned())
            .collect(),
        &[],
    )]
}

/// A handshake with the same certificates accepted this near contradicts an alert.
const CONFLICT_WINDOW: Span = Span::seconds(60);

/// A client that rejected certificates by an alert and accepted the same ones
/// within a minute.
fn conflicting_evidence(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let mut proposals: Vec<Proposal> = super::host_logs::conflicts(inquiry, &CONFLICTING_EVIDENCE);
    let settings = super::setting_conflicts::conflicts(inquiry, &CONFLICTING_EVIDENCE);
    proposals.extend(settings);
    for (index, failure) in inquiry.failures.iter().enumerate() {
        let Some(handshake) = inquiry.handshake_of(index) else {
            continue;
        };
        if failure.reaction != Reaction::Told {
            continue;
        }
        let accepted = inquiry
            .case
            .completed_twins(handshake, CONFLICT_WINDOW)
            .next();
        let Some(accepted) = accepted else { continue };
        let site = failure.site.as_deref().unwrap_or("the site");
        let mut cites = handshake.cites.clone();
        cites.extend(accepted.cites.iter().cloned());
        proposals.push(cannot_tell(
            &CONFLICTING_EVIDENCE,
            format!(
                "The machine rejected the certificates of {site} at {} UTC and accepted the same ones at {} UTC: most likely two programs or two accounts judged.",
                to_seconds(failure.at),
                to_seconds(accepted.at)
            ),
            "Match the client's ports with its processes (netstat -ano, or the CAPI2/Operational log, whose events name process and user).",
            cites,
            &[index],
        ));
    }
    proposals
}

/// Objects that matter and that this version cannot read or verify.
fn unsupported_object(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let mut proposals: Vec<Proposal> = Vec::new();
    for (index, failure) in inquiry.failures.iter().enumerate() {
        let examined = failure
            .chain
            .and_then(|chain| inquiry.case.chains.get(chain));
        let best = examined.and_then(|examined| examined.chains.first());
        let algorithms: Vec<(String, &str)> = best
            .into_iter()
            .flat_map(|best| &best.elements)
            .flat_map(|element| {
                let name = element.certificate.subject.short();
                element
                    .checks
                    .iter()
                    .filter_map(move |check| match &check.outcome {
                        Outcome::Unknown(Needed::Algorithm(algorithm)) => {
                            Some((algorithm.clone(), name))
                        }
                        _ => None,
                    })
            })
            .collect();
        let Some((algorithm, name)) = algorithms.first() else {
            continue;
        };
        let cites = inquiry
            .handshake_of(index)
            .map(|handshake| handshake.cites.clone());
        proposals.push(cannot_tell(
            &UNSUPPORTED_OBJECT,
            format!(
                "The signature of \"{name}\" uses {algorithm}, which whychain cannot verify: neither valid nor invalid is claimed."
            ),
            "Verify it with another tool (openssl verify), and report the object.",
            cites.unwrap_or_default(),
            &[index],
        ));
    }
    for (index, retrieval) in inquiry.case.retrievals.iter().enumerate() {
        let Some(body) = &retrieval.body else {
            continue;
        };
        let is_ours = !matches!(
            body.looks_like,
            LooksLike::Html | LooksLike::Text | LooksLike::Empty | LooksLike::Other
        );
        if retrieval.outcome != retrieval::Outcome::Ok
            || !Case::is_trust_object(retrieval.object)
            || !is_ours
            || !body.complete
            || !body.artifacts.is_empty()
            || body.sha256.is_none()
        {
            continue;
        }
        let failures: Vec<usize> = inquiry
            .linked_to(index)
            .map(|(failure, _)| failure)
            .collect();
        let hash = body
            .sha256
            .map(|hash| crate::bytes::to_hex(&hash))
            .unwrap_or_default();
        proposals.push(cannot_tell(
            &UNSUPPORTED_OBJECT,
            format!(
                "The {} came whole ({} bytes, SHA-256 {hash}), and whychain cannot read what is in it.",
                inquiry.object_phrase(retrieval),
                body.size
            ),
            "Extract it and look at it with another tool (certutil -dump, openssl asn1parse), and report it as a sample.",
            retrieval.cites.clone(),
            &failures,
        ));
    }
    proposals
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;
    use crate::diagnosis::Role;
    use crate::diagnosis::fixtures::{CTL, OCSP, Story, at, certificate, system, whole_list};
    use crate::protocol::tls::Alert;
    use crate::retrieval::ObjectKind;

    const FULL: [&str; 2] = ["leaf", "issuing-ca"];

    fn has(story: Story, rule: &str) -> bool {
        let diagnosis = story.diagnosis();
        let findings = diagnosis.of(rule);
        assert!(findings.iter().all(|it| it.role == Role::CannotTell));
        !findings.is_empty()
    }

    #[test]
    fn what_lies_in_the_cache_is_named_where_nothing_was_fetched() {
        let cached = |synced| {
            Story::new().rejects(&FULL, (9, 12)).cached(
                system(),
                CTL,
                &Artifact::Ctl(whole_list()),
                synced,
            )
        };
        let diagnosis = cached(1).diagnosis();
        let said = diagnosis.of("answered-from-cache")[0];
        assert!(
            said.summary
                .contains("the trust list of 2026-05-31 10:00:00 UTC (cache of SYSTEM)"),
            "{}",
            said.summary
        );
        assert!(!has(cached(100), "answered-from-cache"), "it came later");
        let fetched =
            |times| cached(1).fetch(ObjectKind::Ocsp, OCSP, retrieval::Outcome::Ok, times);
        assert!(!has(fetched((10, 11)), "answered-from-cache"));
        assert!(
            has(fetched((3, 4)), "answered-from-cache"),
            "what came before lies in the cache"
        );
        let again = fetched((10, 11)).rejects(&FULL, (60, 61));
        assert!(
            !has(again, "answered-from-cache"),
            "Windows remembers the certificate it looked up a minute ago"
        );
    }

    #[test]
    fn a_date_within_the_uncertainty_gives_both_readings() {
        let leaf = certificate("leaf");
        let second = leaf.not_after.since(at(0)).as_seconds() as i64;
        let used = |second| Story::new().rejects(&FULL, (second, second + 1));
        assert!(has(used(second + 100), "clock-uncertain"));
        assert!(has(used(second - 100), "clock-uncertain"));
        assert!(!has(used(second + 1_000), "clock-uncertain"));
    }

    #[test]
    fn a_server_that_refuses_the_clients_certificate_is_not_refused_itself() {
        let refused = |requested| {
            Story::new().rejects(&FULL, (9, 12)).handshake(|it| {
                it.certificate_requested = requested;
                it.outcome = HandshakeOutcome::ServerClosed;
                it.alert = it.alert.map(|alert| Alert {
                    by: Direction::ToClient,
                    ..alert
                });
            })
        };
        assert!(has(refused(true), "private-key-or-app-issue"));
        assert!(!has(refused(false), "private-key-or-app-issue"));
        assert!(refused(true).diagnosis().failures.is_empty());
    }

    #[test]
    fn an_alert_and_an_acceptance_within_a_minute_contradict_each_other() {
        let twice = |second| {
            Story::new()
                .rejects(&FULL, (9, 12))
                .rejects(&FULL, (second, second + 1))
                .accepted()
        };
        assert!(has(twice(20), "conflicting-evidence"));
        assert!(!has(twice(500), "conflicting-evidence"));
    }
}
