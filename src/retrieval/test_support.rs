//! Runs the whole stage on values, for the unit tests of its parts.

use std::collections::BTreeMap;

use crate::cryptnet::CacheEntry;
use crate::flow::Unanswered;
use crate::protocol::dns::Lookup;

use super::fixtures::at;
use super::{BodyIndex, Counts, Inputs, KnownUrls, Observed, Outcome, Retrieval};

/// Inputs with a value for everything that a test does not care for.
#[derive(Debug, Default)]
pub struct Given {
    pub observed: Vec<Observed>,
    pub unanswered: Vec<Unanswered>,
    pub lookups: Vec<Lookup>,
    pub cache: Vec<CacheEntry>,
    pub bodies: BodyIndex,
    pub known: KnownUrls,
    /// End of the capture in seconds; 0 for the last thing seen.
    pub ends: f64,
    pub all_http: bool,
}

impl Given {
    pub fn run(&self) -> (Vec<Retrieval>, Counts) {
        let capture_ends = match self.ends > 0.0 {
            true => BTreeMap::from([(0, at(self.ends))]),
            false => BTreeMap::new(),
        };
        super::retrievals(&Inputs {
            observed: &self.observed,
            unanswered: &self.unanswered,
            lookups: &self.lookups,
            cache: &self.cache,
            bodies: &self.bodies,
            known: &self.known,
            capture_ends: &capture_ends,
            offsets: &super::Offsets::default(),
            all_http: self.all_http,
        })
    }

    pub fn retrievals(&self) -> Vec<Retrieval> {
        self.run().0
    }
}

pub fn outcomes(given: &Given) -> Vec<Outcome> {
    given
        .retrievals()
        .iter()
        .map(|retrieval| retrieval.outcome)
        .collect()
}
