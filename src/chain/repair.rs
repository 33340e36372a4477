//! The smallest change that turns a chain good, proven by examining again with
//! the change made.
//!
//! A revoked or distrusted certificate is never repaired: there the verdict
//! itself is the answer.

use std::fmt;
use std::sync::Arc;

use super::Memo;
use super::examination::{Chain, CheckKind, RootTrust, Verdict};
use super::names::CanonicalName;
use super::question::{Candidate, Origin, Question};
use super::status::TrustStatus;
use crate::pki::Certificate;
use crate::time::{Span, Timestamp};

/// One thing that would have to be different.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// The issuer of a certificate of the chain is at hand.
    Issuer(Arc<Certificate>),
    /// Another certificate of a CA of the chain is at hand: a cross or renewed
    /// one.
    OtherCertificate(Arc<Certificate>),
    /// A CRL or answer about this certificate is at hand that is newer than
    /// what was, and does not have it.
    NewerStatus {
        /// The certificate.
        of: Arc<Certificate>,
        /// thisUpdate of the newest that was at hand.
        than: Option<Timestamp>,
    },
    /// The client trusts this root.
    TrustedRoot(Arc<Certificate>),
    /// The client's clock shows another time.
    Clock {
        /// The nearest time that does.
        to: Timestamp,
        /// The time it was.
        from: Timestamp,
    },
}

impl Change {
    /// The word of the JSON report.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Change::Issuer(_) => "issuer",
            Change::OtherCertificate(_) => "other-certificate",
            Change::NewerStatus { .. } => "newer-status",
            Change::TrustedRoot(_) => "trusted-root",
            Change::Clock { .. } => "clock",
        }
    }

    /// The certificate it is about.
    #[must_use]
    pub fn certificate(&self) -> Option<&Arc<Certificate>> {
        match self {
            Change::Issuer(certificate)
            | Change::OtherCertificate(certificate)
            | Change::NewerStatus {
                of: certificate, ..
            }
            | Change::TrustedRoot(certificate) => Some(certificate),
            Change::Clock { .. } => None,
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::Issuer(issuer) => {
                write!(formatter, "the issuer {} at hand", issuer.subject.short())
            }
            Change::OtherCertificate(other) => write!(
                formatter,
                "the certificate of {} issued by {} at hand",
                other.subject.short(),
                other.issuer.short()
            ),
            Change::NewerStatus { of, than } => {
                write!(formatter, "a CRL or OCSP answer for {}", of.subject.short())?;
                match than {
                    Some(than) => write!(formatter, " newer than that of {than}"),
                    None => Ok(()),
                }
            }
            Change::TrustedRoot(root) => {
                write!(formatter, "the root {} trusted", root.subject.short())
            }
            Change::Clock { to, from } => {
                let (by, word) = match to > from {
                    true => (to.since(*from), "later"),
                    false => (from.since(*to), "earlier"),
                };
                write!(formatter, "the clock {} {word}, at {to}", amount(by))
            }
        }
    }
}

/// `3 days`, `2 h`, rounded up: less would not do.
fn amount(by: Span) -> String {
    let seconds = by.as_seconds();
    for (unit, name) in [(86_400.0, "days"), (3_600.0, "h"), (60.0, "min")] {
        if seconds > 2.0 * unit {
            return format!("{} {name}", (seconds / unit).ceil());
        }
    }
    format!("{} s", seconds.ceil())
}

/// A set of changes and what the examination says with them made.
#[derive(Debug, Clone)]
pub struct Repair {
    /// The changes, all of them needed.
    pub changes: Vec<Change>,
    /// The best chain then.
    pub chain: Chain,
    /// What is still open then, one line each.
    pub lacks: Vec<String>,
}

impl Repair {
    /// True when every check holds then.
    #[must_use]
    pub fn is_proven(&self) -> bool {
        self.chain.verdict == Verdict::Accept
    }
}

/// Examinations made in search of a repair.
const MAX_TRIALS: usize = 96;
/// Single changes considered.
const MAX_CHANGES: usize = 12;
/// Changes in one repair. More faults at once have no small repair.
const MAX_TOGETHER: usize = 3;

/// Looks for the fewest changes with which the leaf's chain is good, the least
/// of them first: an object at hand before a newer status, before a root
/// trusted, before a turned clock. `others` are certificates that are known but
/// were not at hand. `None` when the chain is good, or no change that is
/// considered helps. `known` shares the outcomes of signatures, as in
/// [`examine_sharing`](super::examine_sharing).
#[must_use]
pub fn smallest_repair(
    question: &Question<'_>,
    others: &[Arc<Certificate>],
    known: &Memo,
) -> Option<Repair> {
    let search = Search {
        question,
        others,
        known,
    };
    let first = search.best(&[])?;
    if !is_wanting(&first) {
        return None;
    }
    let mut trials = 0;
    let mut open: Vec<(Vec<Change>, Chain)> = vec![(Vec::new(), first.clone())];
    for _ in 0..MAX_TOGETHER {
        let mut tried: Vec<(Vec<Change>, Chain)> = Vec::new();
        for (changes, chain) in &open {
            for change in search.changes(chain) {
                let is_new = !changes.contains(&change);
                let changes: Vec<Change> = changes.iter().cloned().chain([change]).collect();
                let is_known = tried.iter().any(|(known, _)| same_set(known, &changes));
                if !is_new || is_known || trials >= MAX_TRIALS {
                    continue;
                }
                trials += 1;
                if let Some(chain) = search.best(&changes) {
                    tried.push((changes, chain));
                }
            }
        }
        let good = tried
            .iter()
            .find(|(_, chain)| chain.verdict == Verdict::Accept);
        let good = good.or_else(|| tried.iter().find(|(_, chain)| helps(&first, chain)));
        if let Some((changes, chain)) = good {
            return Some(Repair {
                changes: changes.clone(),
                lacks: lacks(chain),
                chain: chain.clone(),
            });
        }
        open = tried;
    }
    None
}

fn same_set(one: &[Change], other: &[Change]) -> bool {
    one.len() == other.len() && one.iter().all(|change| other.contains(change))
}

/// True for a chain that is not good, of which a part below the root is
/// missing, or whose root nothing shows to be trusted.
fn is_wanting(chain: &Chain) -> bool {
    let unrepairable = TrustStatus::IS_REVOKED | TrustStatus::IS_EXPLICIT_DISTRUST;
    if chain.error_status.intersects(unrepairable) {
        return false;
    }
    let ends_too_low =
        chain.missing_issuer.is_some() && !matches!(chain.root, RootTrust::ListedByName { .. });
    chain.verdict == Verdict::Reject || ends_too_low || ends_in_open_root(chain)
}

/// True when the chain is whole and only trust in its root is open.
fn ends_in_open_root(chain: &Chain) -> bool {
    chain.missing_issuer.is_none()
        && matches!(chain.root, RootTrust::Absent | RootTrust::StoreUnknown)
}

/// True when nothing is wrong any more and more of the chain is known than
/// before: only what no evidence shows is open.
fn helps(before: &Chain, after: &Chain) -> bool {
    if after.verdict == Verdict::Reject {
        return false;
    }
    before.verdict == Verdict::Reject || after.elements.len() > before.elements.len()
}

/// What is open in a chain, one line each.
#[must_use]
pub fn lacks(chain: &Chain) -> Vec<String> {
    let open = chain.undecided().map(|(at, check)| {
        let name = chain.elements.get(at);
        let name = name.map_or("", |element| element.certificate.subject.short());
        format!("{} of {name}: {}", check.kind.word(), check.detail)
    });
    open.collect()
}

struct Search<'a> {
    question: &'a Question<'a>,
    others: &'a [Arc<Certificate>],
    known: &'a Memo,
}

impl Search<'_> {
    /// The best chain with the changes made.
    fn best(&self, changes: &[Change]) -> Option<Chain> {
        let mut candidates = self.question.candidates.to_vec();
        let mut question = self.question.clone();
        for change in changes {
            let mut give = |certificate: &Arc<Certificate>, anchor| {
                candidates.push(Candidate {
                    certificate: Arc::clone(certificate),
                    anchor,
                    distrusted: false,
                    origin: Origin::Given,
                });
            };
            match change {
                Change::Issuer(certificate) | Change::OtherCertificate(certificate) => {
                    give(certificate, false);
                }
                Change::TrustedRoot(certificate) => give(certificate, true),
                Change::NewerStatus { of, .. } => question.policy.assumed_good.push(of.sha256),
                Change::Clock { to, .. } => {
                    question.at = *to;
                    question.policy.now = None;
                }
            }
        }
        question.candidates = &candidates;
        let found = super::examine_sharing(&question, self.known);
        found.chains.into_iter().next()
    }

    /// The changes that the faults of a chain suggest, the least first.
    fn changes(&self, chain: &Chain) -> Vec<Change> {
        let mut changes: Vec<Change> = Vec::new();
        let mut add = |change: Change| {
            if !changes.contains(&change) {
                changes.push(change);
            }
        };
        if let Some(missing) = &chain.missing_issuer {
            let wanted = CanonicalName::of(&missing.child.issuer);
            let named = |other: &&Arc<Certificate>| CanonicalName::of(&other.subject) == wanted;
            for other in self.others.iter().filter(named) {
                add(Change::Issuer(Arc::clone(other)));
            }
        }
        for element in chain.elements.iter().skip(1) {
            let known = &element.certificate;
            let same_authority = |other: &&Arc<Certificate>| {
                other.sha256 != known.sha256
                    && other.public_key.der == known.public_key.der
                    && CanonicalName::of(&other.subject) == CanonicalName::of(&known.subject)
            };
            for other in self.others.iter().filter(same_authority) {
                add(Change::OtherCertificate(Arc::clone(other)));
            }
        }
        for (at, check) in chain.failures() {
            let Some(element) = chain.elements.get(at) else {
                continue;
            };
            let certificate = &element.certificate;
            match check.kind {
                CheckKind::Revocation => add(Change::NewerStatus {
                    of: Arc::clone(certificate),
                    than: element.status_sources.iter().map(|it| it.this_update).max(),
                }),
                CheckKind::Trust => add(Change::TrustedRoot(Arc::clone(certificate))),
                _ => {}
            }
        }
        let last = chain.elements.last().filter(|_| ends_in_open_root(chain));
        if let Some(root) = last {
            add(Change::TrustedRoot(Arc::clone(&root.certificate)));
        }
        if let Some(to) = self.clock(chain) {
            let from = self.question.at;
            add(Change::Clock { to, from });
        }
        changes.truncate(MAX_CHANGES);
        changes
    }

    /// The nearest time at which every certificate of the chain is valid, and
    /// every stale status in force; `None` when that is now or never.
    fn clock(&self, chain: &Chain) -> Option<Timestamp> {
        let at = self.question.at;
        let checked = chain.elements.iter().filter(|element| {
            let kind = |check: &super::examination::Check| check.kind == CheckKind::Validity;
            element.checks.iter().any(kind)
        });
        let periods = checked.map(|it| (it.certificate.not_before, it.certificate.not_after));
        let mut periods: Vec<(Timestamp, Timestamp)> = periods.collect();
        for (at, check) in chain.failures() {
            if check.kind != CheckKind::Revocation {
                continue;
            }
            let sources = chain
                .elements
                .get(at)
                .map(|it| it.status_sources.as_slice());
            let newest = sources
                .unwrap_or_default()
                .iter()
                .max_by_key(|it| it.this_update);
            if let Some((from, Some(to))) = newest.map(|it| (it.this_update, it.next_update)) {
                periods.push((from, to));
            }
        }
        let from = periods.iter().map(|(from, _)| *from).max()?;
        let to = periods.iter().map(|(_, to)| *to).min()?;
        if from > to {
            None
        } else if at < from {
            Some(from)
        } else if at > to {
            Some(to)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::chain::holdings::{Held, Holdings};
    use crate::chain::question::Policy;

    fn read(name: &str) -> Arc<Certificate> {
        let bytes: &[u8] = match name {
            "leaf" => include_bytes!("../../tests/data/diagnosis/leaf.der"),
            "ca" => include_bytes!("../../tests/data/diagnosis/issuing-ca.der"),
            _ => include_bytes!("../../tests/data/diagnosis/site-root.der"),
        };
        Arc::new(Certificate::from_der(bytes).unwrap())
    }

    fn candidate(name: &str, anchor: bool) -> Held<Candidate> {
        Held::always(Candidate {
            certificate: read(name),
            anchor,
            distrusted: false,
            origin: Origin::Given,
        })
    }

    /// The repair in words, with the verdict after it.
    fn repaired(
        candidates: Vec<Held<Candidate>>,
        others: &[&str],
        at: &str,
        policy: Policy,
    ) -> Option<(Vec<String>, Verdict)> {
        let holdings = Holdings {
            candidates,
            ..Holdings::default()
        };
        let at = Timestamp::from_rfc3339(at).unwrap();
        let (leaf, at_hand) = (read("leaf"), holdings.at(at));
        let others: Vec<_> = others.iter().map(|name| read(name)).collect();
        let repair = smallest_repair(
            &at_hand.question(&leaf, at, policy),
            &others,
            &Memo::default(),
        )?;
        let words = repair.changes.iter().map(ToString::to_string).collect();
        Some((words, repair.chain.verdict))
    }

    const NOON: &str = "2026-06-01T12:00:00Z";

    #[test]
    fn a_missing_issuer_that_is_known_elsewhere_makes_the_chain_good() {
        let found = repaired(
            vec![candidate("root", true)],
            &["ca"],
            NOON,
            Policy::default(),
        );
        let words = vec!["the issuer Issuing CA at hand".to_string()];
        assert_eq!(found, Some((words, Verdict::Accept)));
    }

    #[test]
    fn an_untrusted_root_is_repaired_by_trust_and_an_expired_leaf_by_the_clock() {
        let both = || vec![candidate("ca", false), candidate("root", false)];
        let found = repaired(both(), &[], NOON, Policy::default());
        let words = vec!["the root Site Root trusted".to_string()];
        assert_eq!(found, Some((words, Verdict::Accept)));
        let trusted = vec![candidate("ca", false), candidate("root", true)];
        let found = repaired(trusted, &[], "2027-01-01T02:30:00Z", Policy::default());
        let words = vec!["the clock 3 h earlier, at 2027-01-01T00:00:00Z".to_string()];
        assert_eq!(found, Some((words, Verdict::Accept)));
    }

    #[test]
    fn two_faults_need_two_changes() {
        let found = repaired(
            vec![candidate("root", false)],
            &["ca"],
            NOON,
            Policy::default(),
        );
        let words = [
            "the issuer Issuing CA at hand",
            "the root Site Root trusted",
        ];
        let words = words.map(str::to_string).to_vec();
        assert_eq!(found, Some((words, Verdict::Accept)));
    }

    #[test]
    fn a_status_that_is_demanded_and_missing_is_repaired_by_an_answer() {
        let policy = Policy {
            check_revocation: true,
            ..Policy::default()
        };
        let found = repaired(vec![candidate("ca", true)], &[], NOON, policy);
        let words = vec!["a CRL or OCSP answer for www.shop.example".to_string()];
        assert_eq!(found, Some((words, Verdict::Accept)));
    }

    #[test]
    fn a_good_chain_and_a_distrusted_one_have_no_repair() {
        let good = vec![candidate("ca", false), candidate("root", true)];
        assert_eq!(repaired(good, &[], NOON, Policy::default()), None);
        let mut distrusted = vec![candidate("ca", false), candidate("root", true)];
        let mut mark = candidate("ca", false);
        mark.object.distrusted = true;
        distrusted.push(mark);
        assert_eq!(repaired(distrusted, &[], NOON, Policy::default()), None);
    }
}
