//! Which failed downloads a rejected handshake waited for, and how surely.
//!
//! A download is a cause only by its link: the chain names its URL, or the
//! chain ends at a root that a trust list brings. Lists that are fetched in the
//! background (distrusted certificates, pin rules, the sequence number) explain
//! no site.

use super::inquiry::{Link, Need};
use super::network;
use super::redirects;
use super::successes::Successes;
use crate::case::questions::{ListGap, host_of};
use crate::case::status::StatusState;
use crate::case::{Case, Handshake};
use crate::cryptnet;
use crate::pki::Certificate;
use crate::pki::certificate::OCSP;
use crate::protocol::tls::ServerCertificates;
use crate::retrieval::{ObjectKind, Retrieval};
use crate::time::{Span, Timestamp};

/// A validation uses what was fetched up to here before its reaction; a user
/// who tries again after a failed look-up does so within the hour.
const LOOK_BACK: Span = Span::seconds(LOOK_BACK_SECONDS);
const LOOK_BACK_SECONDS: i64 = 3600;
/// Windows may fetch again shortly after the program gave up: what fails then
/// failed before as well, most likely.
const LOOK_AHEAD: Span = Span::seconds(60);
/// A time-out ends the look-up and the connection that waited for it together.
const GIVES_UP_WITHIN: Span = Span::seconds(2);
/// Where no name links the two, only what failed this near can belong to it.
pub const NEARBY: Span = Span::seconds(NEARBY_SECONDS);
/// The same, to count back from a time.
pub const NEARBY_SECONDS: i64 = 30;

/// Failed retrievals that a rejected handshake is linked to.
#[must_use]
pub fn links(
    case: &Case,
    successes: &Successes,
    gaps: &[ListGap],
    index: usize,
    handshake: &Handshake,
) -> Vec<Link> {
    let waiting = Waiting {
        case,
        handshake,
        reaction: handshake
            .reaction
            .map_or(handshake.ended_at, |sighting| sighting.at),
    };
    let mut links = Vec::new();
    if matches!(handshake.certificates, ServerCertificates::Hidden(_)) {
        links.extend(waiting.links(
            successes,
            waiting.of_kinds(is_wanted_by_sites),
            Need::Nearby,
            NEARBY,
        ));
        return links;
    }
    if let Some((_, chain)) = case.chain_of_handshake(index) {
        if let Some(missing) = chain.missing_issuer() {
            let attempts = case.attempts_for(handshake.machine, &missing.urls);
            links.extend(waiting.links(successes, attempts, Need::Issuer, LOOK_BACK));
        }
        // A chain that every verifier refuses does not show that its root was
        // looked for in vain.
        if chain.ends_in_unknown_root() && !chain.has_fault() {
            let lists = waiting.of_kinds(|kind| kind == ObjectKind::Ctl);
            links.extend(waiting.links(successes, lists, Need::List, LOOK_BACK));
            let roots = waiting.of_kinds(|kind| kind == ObjectKind::RootCrt);
            links.extend(waiting.links(successes, roots, Need::Root, LOOK_BACK));
            let own =
                |gap: &&ListGap| gap.machine == handshake.machine && chain.wants_listed_root();
            for gap in gaps.iter().filter(own) {
                let attempts = case.attempts_for(handshake.machine, &gap.urls);
                links.extend(waiting.links(successes, attempts, Need::List, LOOK_BACK));
            }
        }
    }
    let settled = settled(case, index);
    links.extend(waiting.links(
        successes,
        waiting.revocation(&settled),
        Need::Revocation,
        LOOK_BACK,
    ));
    links.sort();
    links.dedup_by_key(|link| link.retrieval);
    links
}

/// Certificates whose status was known by what was stapled, cached or fetched:
/// that another server could not be asked then kept nobody from anything.
fn settled(case: &Case, index: usize) -> Vec<[u8; 32]> {
    let Some((_, examined)) = case.chain_of_handshake(index) else {
        return Vec::new();
    };
    let elements = examined.chains.first().map(|best| best.elements.as_slice());
    let elements = elements.unwrap_or_default();
    let known = examined
        .status
        .iter()
        .filter(|it| it.state != StatusState::Unknown);
    let known = known.filter_map(|it| elements.get(it.element));
    known.map(|element| element.certificate.sha256).collect()
}

/// Attempts in the hour before the reaction, of the machine of a handshake, to
/// get a status of a certificate, that came to nothing.
#[must_use]
pub fn failed_status_requests(
    case: &Case,
    handshake: &Handshake,
    certificate: &Certificate,
) -> Vec<usize> {
    let reaction = handshake.reaction.map(|sighting| sighting.at);
    let waiting = Waiting {
        case,
        handshake,
        reaction: reaction.unwrap_or(handshake.ended_at),
    };
    let mut attempts = waiting.status_requests(certificate);
    attempts.retain(|index| {
        case.retrievals.get(*index).is_some_and(|it| {
            came_to_nothing(case, it)
                && it.started_at <= waiting.reaction
                && it.ended_at.plus(LOOK_BACK) >= waiting.reaction
        })
    });
    attempts
}

/// Failed look-ups that a validation made between `asked_at` and `until`,
/// whether or not another one brought the same later: what it waited for.
#[must_use]
pub fn waits(
    case: &Case,
    gaps: &[ListGap],
    index: usize,
    handshake: &Handshake,
    asked_at: Timestamp,
    until: Timestamp,
) -> Vec<Link> {
    let waiting = Waiting {
        case,
        handshake,
        reaction: until,
    };
    let mut wanted: Vec<(usize, Need)> = Vec::new();
    let mut want = |attempts: Vec<usize>, need: Need| {
        wanted.extend(attempts.into_iter().map(|index| (index, need)));
    };
    let hidden = matches!(handshake.certificates, ServerCertificates::Hidden(_));
    if hidden {
        want(waiting.of_kinds(is_wanted_by_sites), Need::Nearby);
    } else if let Some((_, chain)) = case.chain_of_handshake(index) {
        if let Some(missing) = chain.missing_issuer() {
            let attempts = case.attempts_for(handshake.machine, &missing.urls);
            want(attempts, Need::Issuer);
        }
        if chain.ends_in_unknown_root() {
            want(waiting.of_kinds(|kind| kind == ObjectKind::Ctl), Need::List);
            want(
                waiting.of_kinds(|kind| kind == ObjectKind::RootCrt),
                Need::Root,
            );
            for gap in gaps.iter().filter(|gap| gap.machine == handshake.machine) {
                want(case.attempts_for(handshake.machine, &gap.urls), Need::List);
            }
        }
        let sent = handshake.artifacts.iter();
        for certificate in sent.filter_map(|index| case.certificate(*index)) {
            want(waiting.status_requests(certificate), Need::Revocation);
        }
    }
    let failed = wanted.into_iter().filter_map(|(index, need)| {
        let retrieval = case.retrievals.get(index)?;
        let during = retrieval.started_at < until && retrieval.ended_at >= asked_at;
        (during && came_to_nothing(case, retrieval)).then_some(Link {
            retrieval: index,
            need,
            certain: !hidden,
        })
    });
    let mut links: Vec<Link> = failed.collect();
    links.sort();
    links.dedup_by_key(|link| link.retrieval);
    links
}

/// A handshake that waits for downloads until it is given up.
struct Waiting<'a> {
    case: &'a Case,
    handshake: &'a Handshake,
    reaction: Timestamp,
}

impl Waiting<'_> {
    fn links(
        &self,
        successes: &Successes,
        retrievals: Vec<usize>,
        need: Need,
        back: Span,
    ) -> Vec<Link> {
        let failed = retrievals.into_iter().filter_map(|index| {
            let retrieval = self.case.retrievals.get(index)?;
            let in_time = retrieval.started_at <= self.reaction.plus(LOOK_AHEAD)
                && retrieval.ended_at.plus(back) >= self.reaction;
            let counts = came_to_nothing(self.case, retrieval)
                && in_time
                && !came_otherwise(self.case, successes, index, retrieval, self.reaction);
            counts.then(|| Link {
                retrieval: index,
                need,
                certain: self.is_certain(retrieval, need),
            })
        });
        failed.collect()
    }

    /// What began after the reaction did not bring it about; it shows at best
    /// what an earlier attempt met. A trust list is fetched for any root, so
    /// that only the time says for which one.
    fn is_certain(&self, retrieval: &Retrieval, need: Need) -> bool {
        let before = retrieval.started_at <= self.reaction;
        match need {
            Need::Nearby => false,
            Need::Itself | Need::Issuer => before,
            // Who gives up while a look-up goes on did not wait for it: many
            // programs do not insist on a status.
            Need::Revocation => before && retrieval.ended_at <= self.reaction.plus(GIVES_UP_WITHIN),
            Need::List | Need::Root => {
                before && retrieval.ended_at.plus(NEARBY) >= self.handshake.at
            }
        }
    }

    /// Retrievals of the same machine for objects of some kinds.
    fn of_kinds(&self, wanted: impl Fn(ObjectKind) -> bool) -> Vec<usize> {
        let machine = self.handshake.machine;
        let all = self
            .case
            .retrievals
            .iter()
            .zip(&self.case.retrieval_machines)
            .enumerate();
        let own = all.filter(|(_, (retrieval, owner))| {
            machine.is_some() && **owner == machine && wanted(retrieval.object)
        });
        own.map(|(index, _)| index).collect()
    }

    /// Requests for the status of those of the server's certificates for which
    /// none came.
    fn revocation(&self, settled: &[[u8; 32]]) -> Vec<usize> {
        let sent = self.handshake.artifacts.iter();
        let certificates = sent.filter_map(|index| self.case.certificate(*index));
        let mut attempts = Vec::new();
        for certificate in certificates.filter(|it| !settled.contains(&it.sha256)) {
            let own = self.status_requests(certificate);
            let came = own
                .iter()
                .filter_map(|index| self.case.retrievals.get(*index))
                .any(|it| {
                    it.outcome.is_success()
                        && it.ended_at <= self.reaction
                        && it.ended_at.plus(LOOK_BACK) >= self.reaction
                });
            if !came {
                attempts.extend(own);
            }
        }
        attempts
    }

    /// Requests for a certificate's CRL or OCSP answer. An OCSP request has the
    /// serial in its path: the host and the kind tell.
    fn status_requests(&self, certificate: &Certificate) -> Vec<usize> {
        let crls = certificate.crl_urls();
        let responders = certificate.access_urls(OCSP);
        let at_host = |urls: &[&str], retrieval: &Retrieval| {
            let host = retrieval.host.as_deref();
            host.is_some() && urls.iter().any(|url| host_of(url) == host)
        };
        let is_status = |kind| {
            matches!(
                kind,
                ObjectKind::Crl | ObjectKind::DeltaCrl | ObjectKind::Ocsp
            )
        };
        let machine = self.handshake.machine;
        let mut own = if crls.iter().any(|url| network::is_ldap_url(url)) {
            // Any directory may be meant.
            self.of_kinds(is_status)
        } else if machine.is_some() {
            let urls: Vec<&str> = crls.iter().chain(&responders).copied().collect();
            self.case.attempts_at(machine, &urls)
        } else {
            Vec::new()
        };
        own.retain(|index| {
            let Some(retrieval) = self.case.retrievals.get(*index) else {
                return false;
            };
            match (retrieval.object, &retrieval.url) {
                (kind, _) if !is_status(kind) => false,
                (ObjectKind::Ocsp, _) => at_host(&responders, retrieval),
                (_, Some(url)) => crls.iter().any(|crl| cryptnet::same_resource(crl, url)),
                // A directory is sought by service: no name tells which list.
                (_, None) if network::is_directory(retrieval) => {
                    crls.iter().any(|url| network::is_ldap_url(url))
                }
                (_, None) => at_host(&crls, retrieval),
            }
        });
        own
    }
}

/// True for a trust object that did not come.
#[must_use]
pub fn is_failed_object(retrieval: &Retrieval) -> bool {
    Case::is_trust_object(retrieval.object) && retrieval.outcome.is_failure()
}

/// True for a trust object that did not come, or was sent elsewhere for nothing.
fn came_to_nothing(case: &Case, retrieval: &Retrieval) -> bool {
    is_failed_object(retrieval) || redirects::dead_end(case, retrieval).is_some()
}

/// Kinds that the validation of a site can wait for.
fn is_wanted_by_sites(kind: ObjectKind) -> bool {
    let background = matches!(
        kind,
        ObjectKind::Disallowed | ObjectKind::PinRules | ObjectKind::Seq
    );
    Case::is_trust_object(kind) && !background
}

/// True when the machine got the same object on the same kind of way in the
/// hour before `by`: this failure then kept it from nothing.
fn came_otherwise(
    case: &Case,
    successes: &Successes,
    index: usize,
    failed: &Retrieval,
    by: Timestamp,
) -> bool {
    let machine = case.retrieval_machines.get(index).copied().flatten();
    let earliest = by.plus(Span::seconds(-2 * LOOK_BACK_SECONDS));
    let mut came = successes
        .like(machine, failed, earliest)
        .filter(|(started_at, _)| *started_at <= by)
        .filter_map(|(_, other)| case.retrievals.get(other));
    machine.is_some()
        && came.any(|other| {
            other.ended_at <= by
                && other.ended_at.plus(LOOK_BACK) >= by
                && leads_out_alike(failed, other)
                && is_same_object(failed, other)
        })
}

fn is_same_object(one: &Retrieval, other: &Retrieval) -> bool {
    match (&one.url, &other.url) {
        (Some(one), Some(other)) => cryptnet::same_resource(one, other),
        // A look-up or a connect was for the host, whatever the object.
        _ => one.host.is_some() && one.host == other.host && one.object == other.object,
    }
}

/// True when two attempts took the same kind of way, as far as is known: both
/// or neither by a proxy that the client chose, and not by two accounts.
#[must_use]
pub fn leads_out_alike(one: &Retrieval, other: &Retrieval) -> bool {
    let accounts_differ = match (&one.account, &other.account) {
        (Some(one), Some(other)) => one != other,
        _ => false,
    };
    let by_proxy = |retrieval: &Retrieval| retrieval.route.kind.is_explicit_proxy();
    by_proxy(one) == by_proxy(other) && !accounts_differ
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use crate::diagnosis::fixtures::{AIA, CTL, DISALLOWED, OCSP, PCA, Story, broken_list};
    use crate::diagnosis::{Role, diagnose};
    use crate::pki::Artifact;
    use crate::retrieval::{ObjectKind, Outcome};

    const FULL: [&str; 2] = ["leaf", "issuing-ca"];

    /// Confidence of the root cause of the rejection, if it has one.
    fn explained(story: Story) -> Option<&'static str> {
        let diagnosis = story.diagnosis();
        let rejected = diagnosis
            .failures
            .iter()
            .position(|it| it.handshake.is_some())
            .unwrap();
        let root = diagnosis
            .findings
            .iter()
            .find(|it| it.role == Role::RootCause && it.explains.contains(&rejected));
        root.map(|finding| finding.confidence.unwrap().word())
    }

    fn list(outcome: Outcome, times: (i64, i64)) -> Story {
        Story::new().fetch(ObjectKind::Ctl, CTL, outcome, times)
    }

    #[test]
    fn a_list_that_failed_while_the_handshake_waited_is_linked_surely() {
        assert_eq!(
            explained(list(Outcome::Refused, (10, 11)).rejects(&FULL, (9, 12))),
            Some("proven")
        );
    }

    #[test]
    fn a_list_that_failed_after_the_reaction_or_long_before_is_linked_by_time_alone() {
        assert_eq!(
            explained(list(Outcome::Refused, (20, 21)).rejects(&FULL, (9, 12))),
            Some("medium")
        );
        let before = list(Outcome::Refused, (1, 2)).rejects(&FULL, (1_000, 1_003));
        assert_eq!(explained(before), Some("medium"));
        assert_eq!(
            explained(list(Outcome::Refused, (1, 2)).rejects(&FULL, (4_000, 4_003))),
            None
        );
        assert_eq!(
            explained(list(Outcome::Refused, (90, 91)).rejects(&FULL, (9, 12))),
            None
        );
    }

    #[test]
    fn a_list_that_came_on_the_same_way_was_not_wanting() {
        let came =
            list(Outcome::Ok, (1, 2)).fetch(ObjectKind::Ctl, CTL, Outcome::Refused, (10, 11));
        assert_eq!(explained(came.rejects(&FULL, (9, 12))), None);
    }

    #[test]
    fn the_background_lists_explain_no_site() {
        let background = || {
            Story::new().fetch(
                ObjectKind::Disallowed,
                DISALLOWED,
                Outcome::Refused,
                (10, 11),
            )
        };
        assert_eq!(explained(background().rejects(&FULL, (9, 12))), None);
        assert_eq!(explained(background().rejects(&[], (9, 12)).hidden()), None);
    }

    #[test]
    fn hidden_certificates_leave_a_link_by_time_which_is_medium_at_best() {
        let near = Story::new().fetch(ObjectKind::AiaCert, AIA, Outcome::Refused, (10, 11));
        assert_eq!(
            explained(near.rejects(&[], (9, 12)).hidden()),
            Some("medium")
        );
        let far = Story::new().fetch(ObjectKind::AiaCert, AIA, Outcome::Refused, (10, 11));
        assert_eq!(explained(far.rejects(&[], (60, 62)).hidden()), None);
    }

    #[test]
    fn what_another_machine_could_not_fetch_explains_nothing_here() {
        let other = list(Outcome::Refused, (10, 11))
            .with(|it| it.client = Some("10.0.0.77:1".parse().unwrap()));
        assert_eq!(explained(other.rejects(&FULL, (9, 12))), None);
    }

    #[test]
    fn the_issuer_of_a_list_signer_is_linked_through_the_list() {
        let story = Story::new()
            .fetch(ObjectKind::Ctl, CTL, Outcome::Ok, (1, 2))
            .brings(&Artifact::Ctl(broken_list()))
            .fetch(ObjectKind::AiaCert, PCA, Outcome::Refused, (10, 11))
            .rejects(&FULL, (9, 12));
        let case = story.case();
        let inquiry = crate::diagnosis::failures::inquire(&case);
        let rejected = inquiry
            .failures
            .iter()
            .position(|it| it.handshake.is_some())
            .unwrap();
        let link = super::Link {
            retrieval: 1,
            need: super::Need::List,
            certain: true,
        };
        assert_eq!(inquiry.links[rejected], [link]);
    }

    #[test]
    fn a_given_root_needs_no_list() {
        let case = list(Outcome::Refused, (10, 11))
            .rejects(&FULL, (9, 12))
            .case_with(&["site-root"]);
        let diagnosis = diagnose(&case, None);
        assert_eq!(diagnosis.verdict.root_cause, None);
        assert_eq!(diagnosis.of("direct-blocked")[0].explains, [0]);
    }

    #[test]
    fn the_time_of_the_reaction_counts_and_not_that_of_the_hello() {
        let slow = Story::new()
            .fetch(ObjectKind::Ocsp, OCSP, Outcome::ConnectTimeout, (10, 25))
            .rejects(&FULL, (9, 26));
        assert_eq!(explained(slow), Some("high"));
    }
}
