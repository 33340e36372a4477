//! Where in the lists of a case things are, by what questions ask for: a capture
//! can hold tens of thousands of machines, attempts and sightings, and a question
//! for each of them must not go through all of them.
//!
//! Each index is made when it is first asked for. Nothing that it is made from
//! changes after that: the stages fill one list of the case after the other.

use std::collections::{BTreeMap, HashMap};
use std::sync::OnceLock;

use super::{ArtifactSighting, Case, CaseChain, ChainSubject};
use crate::cryptnet;
use crate::pki::ctl::CtlKind;
use crate::pki::{Artifact, Certificate};
use crate::time::Timestamp;

use super::questions::host_of;

/// The indices of a case.
#[derive(Debug, Default)]
pub struct Finder {
    sightings: OnceLock<Vec<Seen>>,
    attempts: OnceLock<Attempts>,
    chains: OnceLock<BTreeMap<usize, usize>>,
    artifacts: OnceLock<HashMap<[u8; 32], usize>>,
    authroot: OnceLock<Vec<usize>>,
}

/// A sighting: the machine, the object's index, the position among its sightings.
type Seen = (Option<usize>, usize, usize);

/// Retrievals by what they asked for: the text, the machine, the index; in order.
#[derive(Debug, Default)]
struct Attempts {
    by_url: Vec<(String, Option<usize>, usize)>,
    by_host: Vec<(Option<String>, Option<usize>, usize)>,
    by_time: Vec<(Option<usize>, Timestamp, usize)>,
}

impl Attempts {
    fn of(case: &Case) -> Self {
        let mut attempts = Attempts::default();
        for (index, retrieval) in case.retrievals.iter().enumerate() {
            let machine = case.retrieval_machines.get(index).copied().flatten();
            if let Some(url) = &retrieval.url {
                let key = cryptnet::resource_key(url);
                attempts.by_url.push((key, machine, index));
            }
            let host = retrieval.host.clone();
            attempts.by_host.push((host, machine, index));
            let started_at = retrieval.started_at;
            attempts.by_time.push((machine, started_at, index));
        }
        attempts.by_url.sort_unstable();
        attempts.by_host.sort_unstable();
        attempts.by_time.sort_unstable();
        attempts
    }
}

/// The indices behind a key, of one machine or, where none is named, of any.
fn found<'a, K: Ord>(
    all: &'a [(K, Option<usize>, usize)],
    key: &'a K,
    machine: Option<usize>,
) -> impl Iterator<Item = usize> + 'a {
    let first = all.partition_point(|(other, owner, _)| (other, *owner) < (key, machine));
    let rest = all.get(first..).unwrap_or_default().iter();
    let own = rest.take_while(move |(other, owner, _)| {
        other == key && (machine.is_none() || *owner == machine)
    });
    own.map(|(.., index)| *index)
}

impl Case {
    /// The sightings of objects by one machine, or by none that is known: with
    /// the index of the object, in the order of objects and sightings.
    pub fn sightings_by(
        &self,
        machine: Option<usize>,
    ) -> impl Iterator<Item = (usize, &ArtifactSighting)> {
        let all = self.all_sightings();
        let first = all.partition_point(|(other, ..)| *other < machine);
        self.resolved(all, first)
            .take_while(move |(other, ..)| *other == machine)
            .map(|(_, artifact, sighting)| (artifact, sighting))
    }

    /// The sightings of one object by one machine, or by none that is known.
    pub fn sightings_of(
        &self,
        artifact: usize,
        machine: Option<usize>,
    ) -> impl Iterator<Item = &ArtifactSighting> {
        let all = self.all_sightings();
        let wanted = (machine, artifact);
        let first = all.partition_point(|(machine, artifact, _)| (*machine, *artifact) < wanted);
        self.resolved(all, first)
            .take_while(move |(machine, artifact, _)| (*machine, *artifact) == wanted)
            .map(|(.., sighting)| sighting)
    }

    fn resolved<'a>(
        &'a self,
        all: &'a [Seen],
        first: usize,
    ) -> impl Iterator<Item = (Option<usize>, usize, &'a ArtifactSighting)> {
        let rest = all.get(first..).unwrap_or_default();
        rest.iter().filter_map(|(machine, artifact, position)| {
            let sighting = self.artifacts.get(*artifact)?.seen.get(*position)?;
            Some((*machine, *artifact, sighting))
        })
    }

    fn all_sightings(&self) -> &[Seen] {
        self.finder.sightings.get_or_init(|| {
            let records = self.artifacts.iter().enumerate();
            let mut all: Vec<Seen> = records
                .flat_map(|(artifact, record)| {
                    let seen = record.seen.iter().enumerate();
                    seen.map(move |(position, it)| (it.machine, artifact, position))
                })
                .collect();
            all.sort_unstable();
            all
        })
    }

    /// The attempts of a machine, or of any where none is named, to get any of
    /// these URLs: requests for the URL itself, and failed lookups and connects
    /// for its host that were for the same kind of object.
    #[must_use]
    pub fn attempts_for(&self, machine: Option<usize>, urls: &[String]) -> Vec<usize> {
        let attempts = self.attempts();
        let mut indices: Vec<usize> = Vec::new();
        for url in urls {
            let (key, host) = (cryptnet::resource_key(url), host_of(url).map(str::to_owned));
            indices.extend(found(&attempts.by_url, &key, machine));
            let at_host = found(&attempts.by_host, &host, machine);
            let without_request = |index: &usize| {
                let retrieval = self.retrievals.get(*index);
                retrieval.is_some_and(|it| it.url.is_none())
            };
            indices.extend(at_host.filter(without_request));
        }
        indices.sort_unstable();
        indices.dedup();
        indices
    }

    /// The attempts of a machine at any of these URLs or at a host of one.
    #[must_use]
    pub fn attempts_at(&self, machine: Option<usize>, urls: &[&str]) -> Vec<usize> {
        let attempts = self.attempts();
        let mut indices: Vec<usize> = Vec::new();
        for url in urls {
            let (key, host) = (cryptnet::resource_key(url), host_of(url).map(str::to_owned));
            indices.extend(found(&attempts.by_url, &key, machine));
            indices.extend(found(&attempts.by_host, &host, machine));
        }
        indices.sort_unstable();
        indices.dedup();
        indices
    }

    /// The attempts of a machine that began in a time, both ends included.
    #[must_use]
    pub fn attempts_between(
        &self,
        machine: Option<usize>,
        from: Timestamp,
        to: Timestamp,
    ) -> Vec<usize> {
        let all = &self.attempts().by_time;
        let first = all.partition_point(|(owner, at, _)| (*owner, *at) < (machine, from));
        let rest = all.get(first..).unwrap_or_default().iter();
        let own = rest.take_while(|(owner, at, _)| *owner == machine && *at <= to);
        let mut indices: Vec<usize> = own.map(|(.., index)| *index).collect();
        indices.sort_unstable();
        indices
    }

    fn attempts(&self) -> &Attempts {
        self.finder.attempts.get_or_init(|| Attempts::of(self))
    }

    /// The chain examined for a handshake.
    #[must_use]
    pub fn chain_of_handshake(&self, handshake: usize) -> Option<(usize, &CaseChain)> {
        if self.chains.is_empty() {
            // They may still come: the last list to be filled.
            return None;
        }
        let chains = self.finder.chains.get_or_init(|| {
            let mut found = BTreeMap::new();
            for (index, chain) in self.chains.iter().enumerate() {
                if let ChainSubject::Handshake(handshake) = chain.subject {
                    found.entry(handshake).or_insert(index);
                }
            }
            found
        });
        let index = *chains.get(&handshake)?;
        Some((index, self.chains.get(index)?))
    }

    /// The artifact index of a certificate.
    #[must_use]
    pub fn position_of(&self, certificate: &Certificate) -> Option<usize> {
        let positions = self.finder.artifacts.get_or_init(|| {
            let all = self.artifacts.iter().enumerate();
            let certificates = all.filter_map(|(index, record)| match &record.artifact {
                Artifact::Certificate(it) => Some((it.sha256, index)),
                _ => None,
            });
            certificates.collect()
        });
        positions.get(&certificate.sha256).copied()
    }

    /// Indices of the authroot lists.
    pub(super) fn authroot_positions(&self) -> &[usize] {
        self.finder.authroot.get_or_init(|| {
            let all = self.artifacts.iter().enumerate();
            let lists = all.filter(|(_, record)| {
                matches!(&record.artifact, Artifact::Ctl(ctl) if ctl.kind == CtlKind::AuthRoot)
            });
            lists.map(|(index, _)| index).collect()
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;
    use crate::retrieval::Retrieval;
    use crate::time::Span;

    fn attempt(url: Option<&str>, host: Option<&str>) -> Retrieval {
        let at = Timestamp::from_unix(1_300_000_000, 0).unwrap();
        let mut retrieval = Retrieval::new(at, at);
        retrieval.url = url.map(str::to_owned);
        retrieval.host = host.map(str::to_owned);
        retrieval
    }

    #[test]
    fn attempts_are_found_by_their_url_or_by_the_host_of_a_connect() {
        let case = Case {
            retrievals: vec![
                attempt(Some("http://aia.example/ca.crt"), Some("aia.example")),
                attempt(None, Some("aia.example")),
                attempt(Some("http://AIA.example:80/ca.crt"), Some("AIA.example")),
                attempt(Some("http://aia.example/other.crt"), Some("aia.example")),
                attempt(Some("http://aia.example/ca.crt"), Some("aia.example")),
            ],
            retrieval_machines: vec![Some(0), Some(0), Some(1), Some(0), None],
            ..Case::default()
        };
        let urls = [
            "http://aia.example/ca.crt".to_owned(),
            "http://aia.example:80/ca.crt".to_owned(),
        ];
        assert_eq!(case.attempts_for(Some(0), &urls), [0, 1]);
        assert_eq!(case.attempts_for(Some(1), &urls), [2]);
        assert!(case.attempts_for(Some(2), &urls).is_empty());
        // Of no machine in particular: of any.
        assert_eq!(case.attempts_for(None, &urls), [0, 1, 2, 4]);
        let urls = ["http://aia.example/ca.crt"];
        assert_eq!(case.attempts_at(Some(0), &urls), [0, 1, 3]);
        assert_eq!(case.attempts_at(Some(1), &urls), [2]);
    }

    #[test]
    fn attempts_are_found_by_the_time_of_their_beginning() {
        let mut late = attempt(None, None);
        let at = late.started_at;
        late.started_at = at.plus(Span::seconds(60));
        let case = Case {
            retrievals: vec![late, attempt(None, None), attempt(None, None)],
            retrieval_machines: vec![Some(0), Some(0), Some(1)],
            ..Case::default()
        };
        let until = |seconds| case.attempts_between(Some(0), at, at.plus(Span::seconds(seconds)));
        assert_eq!(until(59), [1]);
        assert_eq!(until(60), [0, 1]);
    }
}
