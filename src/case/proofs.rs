//! What would have helped a chain that was refused, proven by examining again;
//! and its verdict over time.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::status::StatusState;
use super::{Case, CaseChain};
use crate::chain::{self, Holdings, Memo, Policy, Question, Repair};
use crate::pki::{Artifact, Certificate};
use crate::time::Span;

/// Refused chains whose axis and repair are computed. A report of more is read
/// by nobody, and each takes some dozens of examinations.
const MAX_PROOFS: usize = 64;
/// Certificates tried as issuers of one chain.
const MAX_OTHERS: usize = 64;
/// An axis looks a day beyond the dates of the leaf, and of the validation.
const BEFORE: Span = Span::seconds(-86_400);
const AFTER: Span = Span::seconds(86_400);

/// Axis and repair of refused chains, as long as the limit allows.
#[derive(Debug)]
pub struct Proofs {
    left: usize,
    /// The signatures verified before.
    known: Memo,
    /// Every certificate of the case, by the DER of its name.
    by_subject: BTreeMap<Vec<u8>, Vec<Arc<Certificate>>>,
}

impl Proofs {
    /// Indexes the certificates of a case.
    #[must_use]
    pub fn new(case: &Case, known: Memo) -> Self {
        let mut by_subject: BTreeMap<Vec<u8>, Vec<Arc<Certificate>>> = BTreeMap::new();
        for record in &case.artifacts {
            if let Artifact::Certificate(certificate) = &record.artifact {
                let same = by_subject.entry(certificate.subject.der.clone());
                same.or_default().push(Arc::clone(certificate));
            }
        }
        Proofs {
            left: MAX_PROOFS,
            known,
            by_subject,
        }
    }

    /// Adds axis and repairs to an examined chain. `was_asked_in_vain` tells that
    /// the machine is seen to fail in getting a CRL or answer.
    pub fn add(
        &mut self,
        examined: &mut CaseChain,
        asked: &Question<'_>,
        holdings: &Holdings,
        was_asked_in_vain: impl FnOnce() -> bool,
    ) {
        let Some(left) = self.left.checked_sub(1) else {
            return;
        };
        self.left = left;
        let others = self.others(asked);
        examined.repair = chain::smallest_repair(asked, &others, &self.known);
        let unknown = examined
            .status
            .iter()
            .filter(|it| it.state == StatusState::Unknown);
        let is_known_of = unknown.clone().any(|it| !it.copies.is_empty());
        let was_sought = is_known_of || (unknown.count() > 0 && was_asked_in_vain());
        if examined.repair.is_none() && was_sought {
            examined.status_repair = status_repair(asked, &self.known);
        }
        let leaf = asked.leaf;
        let from = leaf.not_before.min(asked.at).plus(BEFORE);
        let to = leaf.not_after.max(asked.at).plus(AFTER);
        let span = (from, to);
        let axis = chain::axis(leaf, holdings, &asked.policy, span, &self.known);
        examined.axis = Some(axis);
    }

    /// Certificates that issuer names lead to and that were not at hand.
    fn others(&self, asked: &Question<'_>) -> Vec<Arc<Certificate>> {
        let at_hand: BTreeSet<[u8; 32]> = asked
            .candidates
            .iter()
            .map(|candidate| candidate.certificate.sha256)
            .collect();
        let mut names: VecDeque<Vec<u8>> = VecDeque::from([asked.leaf.issuer.der.clone()]);
        let mut done: BTreeSet<Vec<u8>> = BTreeSet::new();
        let mut others = Vec::new();
        while let Some(name) = names.pop_front() {
            if !done.insert(name.clone()) {
                continue;
            }
            for certificate in self.by_subject.get(&name).into_iter().flatten() {
                names.push_back(certificate.issuer.der.clone());
                if others.len() < MAX_OTHERS && !at_hand.contains(&certificate.sha256) {
                    others.push(Arc::clone(certificate));
                }
            }
        }
        others
    }
}

/// What a caller that insists on a status would need.
fn status_repair(asked: &Question<'_>, known: &Memo) -> Option<Repair> {
    let policy = Policy {
        soft_revocation: false,
        ..asked.policy.clone()
    };
    let insisting = Question {
        policy,
        ..asked.clone()
    };
    chain::smallest_repair(&insisting, &[], known)
}
