//! The downloads that succeeded, by machine and by what was asked for. A failed
//! one then finds what came of the same thing without a look at all the others:
//! a capture can hold tens of thousands of each.

use std::collections::HashMap;

use crate::case::Case;
use crate::cryptnet;
use crate::retrieval::Retrieval;
use crate::time::Timestamp;

/// Retrieval indices, by start.
type Found = Vec<(Timestamp, usize)>;

/// An index of the successful retrievals of a case.
#[derive(Debug, Default)]
pub struct Successes {
    // Looked up by key only; what comes out is in the order of time.
    by_url: HashMap<(Option<usize>, String), Found>,
    by_host: HashMap<(Option<usize>, String), Found>,
    /// Those of `by_host` for which no request was seen.
    without_url: HashMap<(Option<usize>, String), Found>,
}

impl Successes {
    /// Builds the index.
    #[must_use]
    pub fn of(case: &Case) -> Self {
        let mut successes = Successes::default();
        let all = case.retrievals.iter().zip(&case.retrieval_machines);
        for (index, (retrieval, machine)) in all.enumerate() {
            if !retrieval.outcome.is_success() {
                continue;
            }
            let found = (retrieval.started_at, index);
            let host = retrieval.host.clone().map(|host| (*machine, host));
            match &retrieval.url {
                Some(url) => {
                    let key = (*machine, cryptnet::resource_key(url));
                    successes.by_url.entry(key).or_default().push(found);
                }
                None => {
                    if let Some(host) = host.clone() {
                        successes.without_url.entry(host).or_default().push(found);
                    }
                }
            }
            if let Some(host) = host {
                successes.by_host.entry(host).or_default().push(found);
            }
        }
        let Successes {
            by_url,
            by_host,
            without_url,
        } = &mut successes;
        let lists = by_url.values_mut().chain(by_host.values_mut());
        for list in lists.chain(without_url.values_mut()) {
            list.sort_unstable();
        }
        successes
    }

    /// The successes of a machine for the URL of a retrieval, or for its host
    /// where one of the two shows no request, begun at `from` or later; those of
    /// each kind by start.
    pub fn like(
        &self,
        machine: Option<usize>,
        retrieval: &Retrieval,
        from: Timestamp,
    ) -> impl Iterator<Item = (Timestamp, usize)> {
        let host = retrieval.host.clone().map(|host| (machine, host));
        let lists = match &retrieval.url {
            Some(url) => [
                self.by_url.get(&(machine, cryptnet::resource_key(url))),
                host.and_then(|host| self.without_url.get(&host)),
            ],
            None => [host.and_then(|host| self.by_host.get(&host)), None],
        };
        lists.into_iter().flatten().flat_map(move |list| {
            let first = list.partition_point(|(started_at, _)| *started_at < from);
            list.get(first..).unwrap_or_default().iter().copied()
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;
    use crate::diagnosis::fixtures::{AIA, CRL, Story, at};
    use crate::retrieval::{ObjectKind, Outcome};

    #[test]
    fn only_what_succeeded_for_the_same_thing_since_then_is_found() {
        let case = Story::new()
            .fetch(ObjectKind::AiaCert, AIA, Outcome::Ok, (1, 2))
            .fetch(ObjectKind::AiaCert, AIA, Outcome::HttpError, (3, 4))
            .fetch(ObjectKind::Crl, CRL, Outcome::Ok, (5, 6))
            .fetch(
                ObjectKind::AiaCert,
                "http://AIA.example:80/issuing.crt",
                Outcome::Ok,
                (7, 8),
            )
            .fetch(ObjectKind::AiaCert, AIA, Outcome::Ok, (9, 10))
            .with(|it| it.client = Some("10.0.0.77:1".parse().unwrap()))
            .case();
        let successes = Successes::of(&case);
        let like = |from| -> Vec<usize> {
            let failed = &case.retrievals[1];
            let found = successes.like(Some(0), failed, at(from));
            found.map(|(_, index)| index).collect()
        };
        assert_eq!(like(0), [0, 3]);
        assert_eq!(like(2), [3]);
    }

    #[test]
    fn a_connect_without_a_request_is_found_by_its_host() {
        let case = Story::new()
            .fetch(ObjectKind::AiaCert, AIA, Outcome::Refused, (1, 2))
            .fetch(ObjectKind::AiaCert, AIA, Outcome::Ok, (3, 4))
            .case();
        let successes = Successes::of(&case);
        let found: Vec<_> = successes
            .like(Some(0), &case.retrievals[0], at(0))
            .collect();
        assert_eq!(found, [(at(3), 1)]);
    }
}
