//! A certificate, judged as a leaf and as its own issuer.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use whychain::chain::{Candidate, Origin, Policy, Question, TrustLists, examine};
use whychain::pki::{Certificate, DamagedCertificate};
use whychain::time::Timestamp;

fuzz_target!(|bytes: &[u8]| {
    let certificate = match Certificate::from_der(bytes) {
        Ok(certificate) => Arc::new(certificate),
        Err(error) => return drop(DamagedCertificate::from_der(bytes, error)),
    };
    let Some(at) = Timestamp::from_unix(1_300_000_000, 0) else {
        return;
    };
    let candidate = Candidate {
        certificate: Arc::clone(&certificate),
        anchor: true,
        distrusted: false,
        origin: Origin::Given,
    };
    let found = examine(&Question {
        leaf: &certificate,
        at,
        candidates: &[candidate],
        crls: &[],
        ocsp: &[],
        trust_lists: TrustLists::default(),
        policy: Policy {
            knows_roots: true,
            ..Policy::default()
        },
    });
    assert!(found.best().is_some(), "a certificate is a chain");
});
