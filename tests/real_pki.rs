//! Reads the real trust lists and cache entries beside the project, where
//! they are present, and compares with facts found by other tools.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use whychain::bytes::to_hex;
use whychain::pki::ctl::{CtlKind, Limit};
use whychain::pki::signature::SignatureOutcome;
use whychain::pki::{Artifact, Certificate, Ctl, LooksLike, ReadObject, read_object};

/// A file of the real data, `None` (and a message) where it is absent.
fn real(path: &str) -> Option<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let file: PathBuf = root.join(path);
    let bytes = std::fs::read(&file).ok();
    if bytes.is_none() {
        println!("skipped: {} is not there", file.display());
    }
    bytes
}

fn ctl(object: &ReadObject) -> &Ctl {
    match object.artifacts.first() {
        Some(Artifact::Ctl(ctl)) => ctl,
        other => unreachable!("{other:?}"),
    }
}

#[test]
fn every_real_list_is_read_whole_and_its_signature_verifies() {
    // file, list, sequence number, thisUpdate, entries, enclosed certificates
    let lists = [
        (
            "ctl/authrootstl-2011-01-25-first-signing.cab",
            "authroot",
            "1401cbbcd205389c94",
            "2011-01-25T20:54:12Z",
            318,
            1,
        ),
        (
            "ctl/authrootstl-2011-01-25-resigned.cab",
            "authroot",
            "1401cbbcd205389c94",
            "2011-01-25T20:54:12Z",
            318,
            2,
        ),
        (
            "ctl/authrootstl-2025-06-16.cab",
            "authroot",
            "1401dbdee7f1a4f449",
            "2025-06-16T17:56:11Z",
            514,
            2,
        ),
        (
            "ctl/authroot-2026-10-23.stl",
            "authroot",
            "1401dd6344d40f0a15",
            "2026-10-23T23:18:35Z",
            555,
            2,
        ),
        (
            "ctl/disallowedcertstl-2021.cab",
            "disallowed",
            "01d71a3617153aff",
            "2021-03-16T07:29:24Z",
            74,
            2,
        ),
        (
            "ctl/pinrulesstl-2017.cab",
            "pinrules",
            "01d2da65addb4037",
            "2017-05-31T23:28:59Z",
            152,
            2,
        ),
        (
            "cryptnet/xp-2015/Content/94308059B57B3142E455B38A6EB92015",
            "authroot",
            "1401d04fa2b5afd36d",
            "2015-02-23T19:55:44Z",
            334,
            2,
        ),
        (
            "cryptnet/2017-proxy-via/Content/77EC63BDA74BD0D0E0426DC8F8008506",
            "authroot",
            "1401d291ead27b646c",
            "2017-02-28T17:48:08Z",
            358,
            2,
        ),
        (
            "cryptnet/2021/Content/77EC63BDA74BD0D0E0426DC8F8008506",
            "authroot",
            "1401d7c45cc6489fe7",
            "2021-10-18T20:14:37Z",
            436,
            2,
        ),
    ];
    for (path, kind, sequence, this_update, entries, certificates) in lists {
        let Some(bytes) = real(path) else { continue };
        let object = read_object(&bytes);
        assert_eq!(object.problems, [], "{path}");
        let ctl = ctl(&object);
        assert_eq!(ctl.kind.word(), kind, "{path}");
        assert_eq!(
            to_hex(ctl.sequence_number.as_deref().unwrap()),
            sequence,
            "{path}"
        );
        assert_eq!(ctl.this_update.to_rfc3339(), this_update, "{path}");
        assert_eq!(
            (ctl.entries.len(), ctl.certificates.len()),
            (entries, certificates),
            "{path}"
        );
        let signer = ctl.signer.as_ref().unwrap();
        assert_eq!(
            signer.subject.short(),
            "Microsoft Certificate Trust List Publisher"
        );
        assert_eq!(ctl.signature, Some(SignatureOutcome::Valid), "{path}");
        assert_eq!(ctl.oddities, <Vec<String>>::new(), "{path}");
        let issuer = ctl
            .certificates
            .iter()
            .find(|other| other.subject.der == signer.issuer.der);
        if certificates == 2 {
            let outcome = signer.verify_signed_by(&issuer.unwrap().public_key);
            assert_eq!(outcome, SignatureOutcome::Valid, "{path}");
        }
    }
}

#[test]
fn the_attributes_of_the_newest_list_are_as_counted_elsewhere() {
    let Some(bytes) = real("ctl/authroot-2026-10-23.stl") else {
        return;
    };
    let object = read_object(&bytes);
    let entries = &ctl(&object).entries;
    let count = |test: &dyn Fn(&whychain::pki::ctl::CtlEntry) -> bool| {
        entries.iter().filter(|entry| test(entry)).count()
    };
    assert_eq!(count(&|entry| entry.allowed_usages.is_some()), 549);
    assert_eq!(count(&|entry| entry.friendly_name.is_some()), 555);
    assert_eq!(count(&|entry| entry.sha256.is_some()), 555);
    assert_eq!(count(&|entry| entry.disallowed_after.is_some()), 207);
    assert_eq!(count(&|entry| entry.disallowed_usages.is_some()), 27);
    assert_eq!(count(&|entry| entry.not_before_limit.is_some()), 302);
    assert_eq!(count(&|entry| entry.not_before_usages.is_some()), 166);
    assert_eq!(
        count(&|entry| entry.disallowed_after == Some(Limit::Empty)),
        2
    );
    assert_eq!(
        count(&|entry| entry.not_before_limit == Some(Limit::Empty)),
        6
    );
}

#[test]
fn the_two_signings_of_2011_differ_only_in_the_enclosed_issuer() {
    let first = real("ctl/authrootstl-2011-01-25-first-signing.cab");
    let second = real("ctl/authrootstl-2011-01-25-resigned.cab");
    let pca = real("ctl/MicCerTruLisPCA_2009-04-02.crt");
    let (Some(first), Some(second), Some(pca)) = (first, second, pca) else {
        return;
    };
    let (first, second) = (read_object(&first), read_object(&second));
    let (first, second) = (ctl(&first), ctl(&second));
    assert_eq!((first.kind, first.der.len()), (CtlKind::AuthRoot, 82_537));
    assert_eq!(first.entries, second.entries);
    assert_eq!(first.signer, second.signer);
    let pca = Certificate::from_der(&pca).unwrap();
    assert_eq!(
        to_hex(&pca.sha1),
        "f77a3f82b7c4b3a9d869a93e3335cf1f78bc441e"
    );
    assert!(
        second
            .certificates
            .iter()
            .any(|certificate| certificate.sha1 == pca.sha1)
    );
    let signer = first.signer.as_ref().unwrap();
    assert_eq!(to_hex(&signer.serial), "6103019f00010000000f");
    assert_eq!(signer.not_before.to_rfc3339(), "2011-01-25T20:52:37Z");
    assert_eq!(
        signer.extended_key_usage.value().unwrap(),
        &["1.3.6.1.4.1.311.10.3.9"]
    );
    assert_eq!(
        signer.verify_signed_by(&pca.public_key),
        SignatureOutcome::Valid
    );
}

#[test]
fn cached_lists_of_revoked_certificates_are_read() {
    let path = "cryptnet/2017-proxy-via/Content/696F3DE637E6DE85B458996D49D759AD";
    let Some(bytes) = real(path) else { return };
    let object = read_object(&bytes);
    assert_eq!(
        (object.looks_like, object.problems.len()),
        (LooksLike::Crl, 0)
    );
    let Some(Artifact::Crl(crl)) = object.artifacts.first() else {
        unreachable!()
    };
    assert_eq!(crl.issuer.short(), "Microsoft Root Certificate Authority");
    assert_eq!(crl.this_update.to_rfc3339(), "2017-07-06T20:48:58Z");
    assert_eq!(
        crl.next_update.unwrap().to_rfc3339(),
        "2017-10-05T09:08:58Z"
    );
    assert_eq!(
        crl.next_publish.unwrap().to_rfc3339(),
        "2017-10-04T20:58:58Z"
    );
}
