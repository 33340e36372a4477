//! What could be used, and since when: the store of an examination at any time.

use std::sync::Arc;

use super::question::{Candidate, Policy, Question, TrustLists};
use crate::pki::{Certificate, Crl, Ctl, OcspResponse};
use crate::time::Timestamp;

/// Everything that is known to have been at hand at some time.
#[derive(Debug, Clone, Default)]
pub struct Holdings {
    /// Certificates to build from.
    pub candidates: Vec<Held<Candidate>>,
    /// CRLs.
    pub crls: Vec<Held<Arc<Crl>>>,
    /// OCSP answers.
    pub ocsp: Vec<Held<Arc<OcspResponse>>>,
    /// Lists of trusted roots; the newest at hand is that of the day.
    pub authroot: Vec<Held<Arc<Ctl>>>,
    /// Lists of distrusted certificates; likewise.
    pub disallowed: Vec<Held<Arc<Ctl>>>,
    /// Lists of pin rules; likewise.
    pub pin_rules: Vec<Held<Arc<Ctl>>>,
}

/// An object, and since when it was at hand.
#[derive(Debug, Clone, PartialEq)]
pub struct Held<T> {
    /// The object.
    pub object: T,
    /// Its arrival; `None` for what was always there.
    pub since: Option<Timestamp>,
}

impl<T: Clone> Held<T> {
    /// An object that was always there.
    pub fn always(object: T) -> Self {
        Held {
            object,
            since: None,
        }
    }

    fn by(&self, at: Timestamp) -> Option<T> {
        let is_there = self.since.is_none_or(|since| since <= at);
        is_there.then(|| self.object.clone())
    }
}

/// What was at hand at one time.
#[derive(Debug, Clone, Default)]
pub struct AtHand {
    candidates: Vec<Candidate>,
    crls: Vec<Arc<Crl>>,
    ocsp: Vec<Arc<OcspResponse>>,
    authroot: Option<Arc<Ctl>>,
    disallowed: Option<Arc<Ctl>>,
    pin_rules: Option<Arc<Ctl>>,
}

impl Holdings {
    /// What had arrived by `at`, the lists of that day among it.
    #[must_use]
    pub fn at(&self, at: Timestamp) -> AtHand {
        AtHand {
            candidates: by(&self.candidates, at),
            crls: by(&self.crls, at),
            ocsp: by(&self.ocsp, at),
            authroot: newest(&self.authroot, at),
            disallowed: newest(&self.disallowed, at),
            pin_rules: newest(&self.pin_rules, at),
        }
    }

    /// Those of one question, all of them always there.
    #[must_use]
    pub fn of(question: &Question<'_>) -> Self {
        let list = |list: Option<&Ctl>| {
            let held = list.map(|list| Held::always(Arc::new(list.clone())));
            held.into_iter().collect()
        };
        Holdings {
            candidates: always(question.candidates),
            crls: always(question.crls),
            ocsp: always(question.ocsp),
            authroot: list(question.trust_lists.authroot),
            disallowed: list(question.trust_lists.disallowed),
            pin_rules: list(question.trust_lists.pin_rules),
        }
    }
}

fn always<T: Clone>(objects: &[T]) -> Vec<Held<T>> {
    objects.iter().cloned().map(Held::always).collect()
}

fn by<T: Clone>(held: &[Held<T>], at: Timestamp) -> Vec<T> {
    held.iter().filter_map(|held| held.by(at)).collect()
}

/// The newest list that had been made and had arrived.
fn newest(lists: &[Held<Arc<Ctl>>], at: Timestamp) -> Option<Arc<Ctl>> {
    let made = by(lists, at)
        .into_iter()
        .filter(|list| list.this_update <= at);
    made.max_by_key(|list| (list.this_update, list.sha256))
}

impl AtHand {
    /// The question with these at hand.
    #[must_use]
    pub fn question<'a>(
        &'a self,
        leaf: &'a Arc<Certificate>,
        at: Timestamp,
        policy: Policy,
    ) -> Question<'a> {
        Question {
            leaf,
            at,
            candidates: &self.candidates,
            crls: &self.crls,
            ocsp: &self.ocsp,
            trust_lists: TrustLists {
                authroot: self.authroot.as_deref(),
                disallowed: self.disallowed.as_deref(),
                pin_rules: self.pin_rules.as_deref(),
            },
            policy,
        }
    }
}
