//! Signatures, each verified once, and only so much work spent on them.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use super::element::{DSA_KEY, EC_KEY, RSA_KEY, RSA_PSS};
use crate::pki::Certificate;
use crate::pki::certificate::{AlgorithmIdentifier, PublicKeyInfo};

use crate::pki::signature::{SignatureOutcome, verify_with_dsa_parameters};

/// Work for signatures in one examination, by [`key_cost`] and [`hashing_cost`]. Real chains need a
/// twentieth; a hostile set of certificates that all share one name can ask
/// for the square of its size.
pub(super) const MAX_COST: u64 = 60_000;
/// Outcomes kept for later examinations of one run.
const MAX_KNOWN: usize = 100_000;

/// The outcomes of signatures, for examinations that come after or run beside:
/// the same server list seen in a hundred handshakes is verified once. What an
/// examination finds does not depend on what is known here, as it pays for an
/// outcome known already as for a new one.
#[derive(Debug, Clone, Default)]
pub struct Memo {
    results: Arc<Mutex<HashMap<Pair, SignatureOutcome>>>,
}

impl Memo {
    fn get(&self, pair: &Pair) -> Option<SignatureOutcome> {
        // An outcome is put in whole, so that one who panicked left none in part.
        let results = self.results.lock();
        let results = results.unwrap_or_else(PoisonError::into_inner);
        results.get(pair).cloned()
    }

    fn put(&self, pair: &Pair, outcome: &SignatureOutcome) {
        let results = self.results.lock();
        let mut results = results.unwrap_or_else(PoisonError::into_inner);
        if results.len() < MAX_KNOWN {
            results.insert(pair.clone(), outcome.clone());
        }
    }
}

/// Results of one examination, by the signed object and the key, and the work
/// they take.
#[derive(Debug, Default)]
pub(super) struct Signatures {
    memo: Memo,
    results: RefCell<HashMap<Pair, SignatureOutcome>>,
    verified: Cell<usize>,
    spent: Cell<u64>,
    /// Objects hashed once, by their own hash.
    hashed: RefCell<HashSet<[u8; 32]>>,
}

/// SHA-256 of the signed object, and the key's bytes.
type Pair = ([u8; 32], Vec<u8>);

/// What is returned past [`MAX_COST`].
pub(super) const OVER_BUDGET: &str = "not verified: too many signatures to verify";

impl Signatures {
    /// Knows what was verified before.
    pub(super) fn knowing(memo: &Memo) -> Self {
        Signatures {
            memo: memo.clone(),
            ..Signatures::default()
        }
    }

    /// The signature of `child`, checked with the key of its issuer.
    pub(super) fn certificate(&self, child: &Certificate, key: &PublicKeyInfo) -> SignatureOutcome {
        self.object(Signed::of(child), key, None)
    }

    /// Any signed object. A DSA key that leaves its parameters to its issuers
    /// is checked with those inherited.
    pub(super) fn object(
        &self,
        signed: Signed<'_>,
        key: &PublicKeyInfo,
        inherited: Option<&[u8]>,
    ) -> SignatureOutcome {
        let inherited = inherited.filter(|_| key.algorithm.parameters.is_none());
        let pair = (
            signed.sha256,
            [&key.der, inherited.unwrap_or_default()].concat(),
        );
        if let Some(known) = self.results.borrow().get(&pair) {
            return known.clone();
        }
        // The first hashing of an object costs no more than reading it did, and a
        // CRL of 30 MB is to be checked too.
        let is_first = self.hashed.borrow_mut().insert(signed.sha256);
        let hashing = if is_first { 0 } else { hashing_cost(&signed) };
        let spent = self.spent.get() + key_cost(key) + hashing;
        if spent > MAX_COST {
            return SignatureOutcome::Unsupported(OVER_BUDGET.to_string());
        }
        self.spent.set(spent);
        self.verified.set(self.verified.get() + 1);
        let outcome = self.memo.get(&pair).unwrap_or_else(|| {
            let Signed {
                message,
                algorithm,
                value,
                ..
            } = signed;
            let outcome = verify_with_dsa_parameters(message, algorithm, value, key, inherited);
            self.memo.put(&pair, &outcome);
            outcome
        });
        self.results.borrow_mut().insert(pair, outcome.clone());
        outcome
    }

    /// Signatures asked for so far, each counted once.
    pub(super) fn verified(&self) -> usize {
        self.verified.get()
    }
}

/// At most how many microseconds hashing what is signed takes, roughly.
fn hashing_cost(signed: &Signed<'_>) -> u64 {
    const OCTETS_PER_MICROSECOND: usize = 200;
    (signed.message.len() / OCTETS_PER_MICROSECOND) as u64
}

/// At most how many microseconds a verification takes besides, roughly.
fn key_cost(key: &PublicKeyInfo) -> u64 {
    let bits = u64::from(key.bits.unwrap_or(DEFAULT_BITS));
    match key.algorithm.oid.as_str() {
        RSA_KEY | RSA_PSS => 20 + bits * bits / 40_000,
        EC_KEY if bits <= 256 => 300,
        EC_KEY => 2_000,
        DSA_KEY => bits / 2,
        _ => 100,
    }
}

/// Of keys that do not tell their size.
const DEFAULT_BITS: u32 = 2_048;

/// A signed object: its hash, what is signed, and the signature.
pub(super) struct Signed<'a> {
    pub sha256: [u8; 32],
    pub message: &'a [u8],
    pub algorithm: &'a AlgorithmIdentifier,
    pub value: &'a [u8],
}

impl<'a> Signed<'a> {
    /// A certificate.
    pub(super) fn of(certificate: &'a Certificate) -> Self {
        Signed {
            sha256: certificate.sha256,
            message: certificate.tbs_bytes(),
            algorithm: &certificate.signature_algorithm,
            value: &certificate.signature,
        }
    }
}

/// The first Dss-Parms of a key and those above it, where its own are left
/// out (RFC 3279 §2.3.2).
pub(super) fn inherited<'a>(
    mut algorithms: impl Iterator<Item = &'a AlgorithmIdentifier>,
) -> Option<Vec<u8>> {
    algorithms.find_map(|algorithm| algorithm.parameters.clone())
}
