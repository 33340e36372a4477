//! Signatures, each verified once, and only so many.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use crate::pki::Certificate;
use crate::pki::certificate::{AlgorithmIdentifier, PublicKeyInfo};
use crate::pki::signature::{SignatureOutcome, verify_with_dsa_parameters};

/// Signature verifications in one examination. Real chains need under ten; a
/// hostile set of certificates that all share one name can ask for the square
/// of its size. 256 RSA-4096 verifications take about 50 ms.
pub(super) const MAX_SIGNATURES: usize = 256;

/// Results so far, by the signed object and the key.
#[derive(Debug, Default)]
pub(super) struct Signatures {
    results: RefCell<HashMap<Pair, SignatureOutcome>>,
    verified: Cell<usize>,
}

/// SHA-256 of the signed object, and the key's bytes.
type Pair = ([u8; 32], Vec<u8>);

/// What is returned past [`MAX_SIGNATURES`].
pub(super) const OVER_BUDGET: &str = "not verified: too many signatures to verify";

impl Signatures {
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
        if self.verified.get() >= MAX_SIGNATURES {
            return SignatureOutcome::Unsupported(OVER_BUDGET.to_string());
        }
        self.verified.set(self.verified.get() + 1);
        let Signed {
            message,
            algorithm,
            value,
            ..
        } = signed;
        let outcome = verify_with_dsa_parameters(message, algorithm, value, key, inherited);
        self.results.borrow_mut().insert(pair, outcome.clone());
        outcome
    }

    /// Signatures verified so far.
    pub(super) fn verified(&self) -> usize {
        self.verified.get()
    }
}

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
