//! Judges the signers of the real trust lists beside the project, where they
//! are present.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::Arc;

use whychain::chain::{
    Candidate, CheckKind, Examination, Origin, Policy, Purpose, Question, RootTrust, TrustLists,
    TrustStatus, Verdict, examine,
};
use whychain::pki::{Artifact, Certificate, Ctl, read_object};
use whychain::time::Timestamp;

/// A file of the real data, `None` (and a message) where it is absent.
fn real(path: &str) -> Option<Vec<u8>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/data/ctl")
        .join(path);
    let bytes = std::fs::read(&file).ok();
    if bytes.is_none() {
        println!("skipped: {} is not there", file.display());
    }
    bytes
}

fn list(path: &str) -> Option<Arc<Ctl>> {
    let object = read_object(&real(path)?);
    let lists = object
        .artifacts
        .into_iter()
        .filter_map(|artifact| match artifact {
            Artifact::Ctl(ctl) => Some(ctl),
            _ => None,
        });
    lists.last()
}

/// Examines the signer of a list with what the list encloses and `more`, on a
/// client that has this list.
fn signer(ctl: &Ctl, more: &[Certificate], at: &str) -> Examination {
    let enclosed = ctl.certificates.iter().cloned();
    let candidates: Vec<Candidate> = enclosed
        .chain(more.iter().cloned().map(Arc::new))
        .map(|certificate| Candidate {
            certificate,
            anchor: false,
            distrusted: false,
            origin: Origin::Enclosed,
        })
        .collect();
    examine(&Question {
        leaf: ctl.signer.as_ref().unwrap(),
        at: Timestamp::from_rfc3339(at).unwrap(),
        candidates: &candidates,
        crls: &[],
        ocsp: &[],
        trust_lists: TrustLists {
            authroot: Some(ctl),
            ..TrustLists::default()
        },
        policy: Policy {
            purpose: Purpose::RootListSigner,
            knows_roots: false,
            ..Policy::default()
        },
    })
}

const PCA_URL: &str = "http://www.microsoft.com/pki/certs/MicCerTruLisPCA_2009-04-02.crt";

#[test]
fn the_list_of_2011_lacks_the_issuer_of_its_signer_and_names_its_url() {
    let Some(ctl) = list("authrootstl-2011-01-25-first-signing.cab") else {
        return;
    };
    let found = signer(&ctl, &[], "2011-02-21T00:00:00Z");
    let chain = found.best().unwrap();
    assert_eq!(chain.verdict, Verdict::Unknown);
    assert_eq!(chain.error_status, TrustStatus::none());
    assert_eq!(chain.root, RootTrust::StoreUnknown);
    let missing = chain.missing_issuer.as_ref().unwrap();
    assert_eq!(missing.urls, [PCA_URL]);
}

#[test]
fn with_the_issuer_at_hand_the_list_itself_names_the_root() {
    let Some(ctl) = list("authrootstl-2011-01-25-first-signing.cab") else {
        return;
    };
    let Some(pca) = real("MicCerTruLisPCA_2009-04-02.crt") else {
        return;
    };
    let pca = Certificate::from_der(&pca).unwrap();
    let found = signer(&ctl, &[pca], "2011-02-21T00:00:00Z");
    let chain = found.best().unwrap();
    assert_eq!(chain.elements.len(), 2);
    let RootTrust::ListedByName { sha1, .. } = &chain.root else {
        unreachable!("{:?}", chain.root)
    };
    assert_eq!(sha1, "cdd4eeae6000ac7f40c3802c171e30148030c072");
    // All that is open is the signature by the root that is not at hand.
    let open: Vec<CheckKind> = chain.undecided().map(|(_, check)| check.kind).collect();
    assert_eq!(open, [CheckKind::Signature]);
    assert_eq!(chain.failures().count(), 0);
}

#[test]
fn a_signer_that_has_expired_fails_by_time_alone() {
    let Some(ctl) = list("authrootstl-2011-01-25-resigned.cab") else {
        return;
    };
    let found = signer(&ctl, &[], "2012-05-01T00:00:00Z");
    let chain = found.best().unwrap();
    assert_eq!(chain.error_status, TrustStatus::IS_NOT_TIME_VALID);
}

#[test]
fn the_list_of_2026_names_the_root_of_2010() {
    let Some(ctl) = list("authroot-2026-10-23.stl") else {
        return;
    };
    let found = signer(&ctl, &[], "2026-11-01T00:00:00Z");
    let chain = found.best().unwrap();
    let RootTrust::ListedByName { sha1, .. } = &chain.root else {
        unreachable!("{:?}", chain.root)
    };
    assert_eq!(sha1, "3b1efd3a66ea28b16697394703a72ca340a05bd5");
}
