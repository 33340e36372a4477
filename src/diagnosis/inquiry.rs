//! What rules work on: the case, its failures, and what links a failure to the
//! retrievals it waited for.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use super::failure::{Failure, Reaction};
use super::finding::Confidence;
use super::inspections::{Signs, inspections};

use crate::account::Account;
use crate::case::questions::ListGap;
use crate::case::{Case, Handshake};
use crate::clock::{self, Clock};
use crate::flow::Quality;
use crate::protocol::tls::ServerCertificates;
use crate::provenance::Cite;
use crate::retrieval::Retrieval;

/// The case with its failures found and linked.
#[derive(Debug)]
pub struct Inquiry<'a> {
    /// The facts.
    pub case: &'a Case,
    /// The failures, by time.
    pub failures: Vec<Failure>,
    /// For each failure, the retrievals it is linked to and by which need.
    pub links: Vec<Vec<Link>>,
    /// The same links by retrieval: failures, ascending, and needs.
    by_retrieval: BTreeMap<usize, Vec<(usize, Link)>>,
    /// Lists that do not enclose their signer's issuer.
    pub list_gaps: Vec<ListGap>,
    /// What the servers say of the time, by vantage point.
    server_clocks: BTreeMap<u32, Clock>,
    /// What shows that certificates were made on the way, by failure; found when
    /// the first rule asks.
    inspections: OnceCell<BTreeMap<usize, Signs>>,
}

/// A failed retrieval that a failure is about or waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link {
    /// Index of the retrieval.
    pub retrieval: usize,
    /// What the failed validation needed it for.
    pub need: Need,
    /// False when only time and place speak for the link: hidden certificates,
    /// an attempt after the reaction, a list fetched long before.
    pub certain: bool,
}

/// Why a validation needs a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// The failure is this retrieval.
    Itself,
    /// An issuer that the server's list lacks.
    Issuer,
    /// The trust list that the chain's root needs, or that list's signer.
    List,
    /// The root itself.
    Root,
    /// The revocation status of an element.
    Revocation,
    /// Near in time on the same machine; certificates are hidden, so that no
    /// name links the two.
    Nearby,
}

/// What a finding stands on, from which its confidence follows.
#[derive(Debug, Clone, Copy, Default)]
#[allow(clippy::struct_excessive_bools)]
pub struct Basis {
    /// We checked the faulty object or answer ourselves, byte by byte.
    pub checked: bool,
    /// The fault itself is seen in the evidence.
    pub fault_seen: bool,
    /// The client is seen to react: alert, abandoned handshake, retry, giving up.
    pub reaction_seen: bool,
    /// Links that are inferred: which account, which store, which machine.
    pub inferred: u8,
    /// A flow it stands on has holes or is one-sided.
    pub poor_capture: bool,
}

/// The confidence that a basis carries (`docs/rules/` pages say what separates
/// the levels for each rule).
#[must_use]
pub fn confidence(basis: Basis) -> Confidence {
    if basis.poor_capture || basis.inferred > 1 {
        Confidence::Low
    } else if basis.inferred == 1 {
        Confidence::Medium
    } else if basis.checked && basis.reaction_seen {
        Confidence::Proven
    } else if basis.fault_seen || basis.reaction_seen {
        Confidence::High
    } else {
        Confidence::Low
    }
}

impl<'a> Inquiry<'a> {
    /// Indexes the links.
    #[must_use]
    pub fn new(
        case: &'a Case,
        failures: Vec<Failure>,
        links: Vec<Vec<Link>>,
        list_gaps: Vec<ListGap>,
    ) -> Self {
        let mut by_retrieval: BTreeMap<usize, Vec<(usize, Link)>> = BTreeMap::new();
        for (failure, links) in links.iter().enumerate() {
            for link in links {
                by_retrieval
                    .entry(link.retrieval)
                    .or_default()
                    .push((failure, *link));
            }
        }
        let server_clocks = case.vantages.iter().filter_map(|vantage| {
            let servers = clock::servers(case, vantage)?;
            Some((vantage.number, servers))
        });
        Inquiry {
            case,
            failures,
            links,
            by_retrieval,
            list_gaps,
            server_clocks: server_clocks.collect(),
            inspections: OnceCell::new(),
        }
    }
}

impl Inquiry<'_> {
    /// What the servers seen from a vantage point say of the time.
    #[must_use]
    pub fn servers_at(&self, vantage: u32) -> Option<&Clock> {
        self.server_clocks.get(&vantage)
    }

    /// What shows that the certificates of a rejected handshake were made on the
    /// way, where anything does.
    #[must_use]
    pub fn inspection(&self, failure: usize) -> Option<&Signs> {
        let all = self.inspections.get_or_init(|| inspections(self));
        all.get(&failure)
    }

    /// The failures that are linked to a retrieval, with the link.
    pub fn linked_to(&self, retrieval: usize) -> impl Iterator<Item = (usize, Link)> {
        self.by_retrieval
            .get(&retrieval)
            .into_iter()
            .flatten()
            .copied()
    }

    /// The failed retrievals by which a failure lacked one need.
    #[must_use]
    pub fn failed_for(&self, failure: usize, need: Need) -> Vec<usize> {
        let links = self.links.get(failure).into_iter().flatten();
        links
            .filter(|link| link.need == need)
            .map(|link| link.retrieval)
            .collect()
    }

    /// Failed retrievals linked to any failure, ascending.
    #[must_use]
    pub fn linked_retrievals(&self) -> Vec<usize> {
        let mut all: Vec<usize> = self
            .links
            .iter()
            .flatten()
            .map(|link| link.retrieval)
            .collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The retrieval at an index.
    #[must_use]
    pub fn retrieval(&self, index: usize) -> Option<&Retrieval> {
        self.case.retrievals.get(index)
    }

    /// The handshake of a failure.
    #[must_use]
    pub fn handshake_of(&self, failure: usize) -> Option<&Handshake> {
        let index = self.failures.get(failure)?.handshake?;
        self.case.handshakes.get(index)
    }

    /// True when any of the failures is a rejected or delayed validation.
    #[must_use]
    pub fn has_reaction(&self, failures: &[usize]) -> bool {
        failures.iter().any(|failure| {
            self.failures
                .get(*failure)
                .is_some_and(|failure| failure.handshake.is_some())
        })
    }

    /// The most that any finding can claim of a failure, from the way the client
    /// reacted and from what the capture has of its connection.
    #[must_use]
    pub fn cap(&self, failure: usize) -> Confidence {
        let reaction = self.failures.get(failure).map(|failure| failure.reaction);
        match (self.handshake_of(failure), reaction) {
            (Some(handshake), _) if lacks_bytes(&handshake.quality) => Confidence::Low,
            (Some(handshake), _)
                if matches!(handshake.certificates, ServerCertificates::Hidden(_)) =>
            {
                Confidence::Medium
            }
            // A preconnect closes alike: the fault is seen, the reaction is not.
            (Some(_), Some(Reaction::Finished)) => Confidence::High,
            _ => Confidence::Proven,
        }
    }

    /// True when the failure surely waited for an issuer that its chain lacks:
    /// the chain broke before the question of roots came up.
    #[must_use]
    pub fn lacked_issuer(&self, failure: usize) -> bool {
        let links = self
            .links
            .get(failure)
            .map(Vec::as_slice)
            .unwrap_or_default();
        links
            .iter()
            .any(|link| link.need == Need::Issuer && link.certain)
    }

    /// True when the capture lacks bytes of a retrieval's conversation.
    #[must_use]
    pub fn is_poor(&self, retrieval: &Retrieval) -> bool {
        retrieval.quality.as_ref().is_some_and(lacks_bytes)
    }

    /// `trust list http://… ` or `CRL at host …`, for sentences.
    #[must_use]
    pub fn object_phrase(&self, retrieval: &Retrieval) -> String {
        let kind = retrieval.object.phrase();
        match (&retrieval.url, &retrieval.host) {
            (Some(url), _) => format!("{kind} {url}"),
            (None, Some(host)) => format!("{kind} at {host}"),
            (None, None) => kind.to_owned(),
        }
    }

    /// `10.0.0.5` or the machine's name.
    #[must_use]
    pub fn machine_of(&self, retrieval: usize) -> Option<usize> {
        self.case
            .retrieval_machines
            .get(retrieval)
            .copied()
            .flatten()
    }

    /// `SYSTEM and LOCAL SERVICE`.
    #[must_use]
    pub fn accounts_phrase(accounts: &[Account]) -> String {
        let names: Vec<String> = accounts.iter().map(ToString::to_string).collect();
        join_words(&names)
    }

    /// Cites of several retrievals.
    #[must_use]
    pub fn cites_of(&self, retrievals: &[usize]) -> Vec<Cite> {
        let lists = retrievals.iter().filter_map(|index| self.retrieval(*index));
        lists
            .flat_map(|retrieval| retrieval.cites.iter().cloned())
            .collect()
    }
}

/// Holes, cut packets or a missing direction; merely starting late is none.
#[must_use]
pub fn lacks_bytes(quality: &Quality) -> bool {
    quality.missing != [0, 0] || quality.cut_packets > 0 || quality.is_one_sided()
}

/// `a, b and c`.
#[must_use]
pub fn join_words(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    #[test]
    fn a_checked_fault_with_a_reaction_is_proven_and_a_hole_takes_it_back() {
        let basis = Basis {
            checked: true,
            fault_seen: true,
            reaction_seen: true,
            ..Basis::default()
        };
        assert_eq!(confidence(basis), Confidence::Proven);
        assert_eq!(
            confidence(Basis {
                inferred: 1,
                ..basis
            }),
            Confidence::Medium
        );
        assert_eq!(
            confidence(Basis {
                poor_capture: true,
                ..basis
            }),
            Confidence::Low
        );
        assert_eq!(
            confidence(Basis {
                reaction_seen: false,
                ..basis
            }),
            Confidence::High
        );
    }

    #[test]
    fn words_are_joined_as_people_do() {
        let words =
            |list: &[&str]| join_words(&list.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>());
        assert_eq!(words(&["a"]), "a");
        assert_eq!(words(&["a", "b", "c"]), "a, b and c");
    }
}
