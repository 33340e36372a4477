//! The chain engine against the NIST PKITS test suite, profile `rfc5280`, with
//! revocation.
//!
//! The expected results are those of the suite's document, "Public Key
//! Interoperability Test Suite (PKITS): Certification Path Validation",
//! sections 4.1 to 4.16. All certificates and CRLs of the suite are at hand in every case, so
//! that building has to find its way among strangers too.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use whychain::chain::{
    Candidate, Chain, Origin, Policy, Profile, Question, TrustLists, Verdict, examine,
};
use whychain::pki::{Certificate, Crl};
use whychain::time::Timestamp;

/// Cases whose inputs differ from the default, and cases whose file name does
/// not tell the result: end entity, policies NIST-test-policy-N acceptable,
/// flags (`e` explicit policy required, `m` mapping inhibited, `a` anyPolicy
/// inhibited), whether the path is valid.
const POLICY_CASES: &[(&str, &[u8], &str, bool)] = &[
    ("ValidCertificatePathTest1EE", &[], "e", true),
    ("ValidCertificatePathTest1EE", &[1], "e", true),
    ("ValidCertificatePathTest1EE", &[2], "e", false),
    ("ValidCertificatePathTest1EE", &[1, 2], "e", true),
    ("AllCertificatesNoPoliciesTest2EE", &[], "", true),
    ("AllCertificatesNoPoliciesTest2EE", &[], "e", false),
    ("DifferentPoliciesTest3EE", &[], "", true),
    ("DifferentPoliciesTest3EE", &[], "e", false),
    ("DifferentPoliciesTest3EE", &[1, 2], "e", false),
    ("DifferentPoliciesTest4EE", &[], "", false),
    ("DifferentPoliciesTest5EE", &[], "", false),
    ("OverlappingPoliciesTest6EE", &[], "", true),
    ("OverlappingPoliciesTest6EE", &[1], "", true),
    ("OverlappingPoliciesTest6EE", &[2], "", false),
    ("DifferentPoliciesTest7EE", &[], "", false),
    ("DifferentPoliciesTest8EE", &[], "", false),
    ("DifferentPoliciesTest9EE", &[], "", false),
    ("AllCertificatesSamePoliciesTest10EE", &[], "", true),
    ("AllCertificatesSamePoliciesTest10EE", &[1], "", true),
    ("AllCertificatesSamePoliciesTest10EE", &[2], "", true),
    ("AllCertificatesanyPolicyTest11EE", &[], "", true),
    ("AllCertificatesanyPolicyTest11EE", &[1], "", true),
    ("DifferentPoliciesTest12EE", &[], "", false),
    ("AllCertificatesSamePoliciesTest13EE", &[1], "", true),
    ("AllCertificatesSamePoliciesTest13EE", &[2], "", true),
    ("AllCertificatesSamePoliciesTest13EE", &[3], "", true),
    ("AnyPolicyTest14EE", &[1], "", true),
    ("AnyPolicyTest14EE", &[2], "", false),
    ("UserNoticeQualifierTest15EE", &[], "", true),
    ("UserNoticeQualifierTest16EE", &[], "", true),
    ("UserNoticeQualifierTest17EE", &[], "", true),
    ("UserNoticeQualifierTest18EE", &[1], "", true),
    ("UserNoticeQualifierTest18EE", &[2], "", true),
    ("UserNoticeQualifierTest19EE", &[], "", true),
    ("CPSPointerQualifierTest20EE", &[], "e", true),
    ("ValidPolicyMappingTest1EE", &[1], "", true),
    ("ValidPolicyMappingTest1EE", &[2], "", false),
    ("ValidPolicyMappingTest1EE", &[], "m", false),
    ("InvalidPolicyMappingTest2EE", &[], "m", false),
    ("ValidPolicyMappingTest3EE", &[1], "", false),
    ("ValidPolicyMappingTest3EE", &[2], "", true),
    ("ValidPolicyMappingTest5EE", &[1], "", true),
    ("ValidPolicyMappingTest5EE", &[6], "", false),
    ("ValidPolicyMappingTest6EE", &[1], "", true),
    ("ValidPolicyMappingTest6EE", &[6], "", false),
    ("ValidPolicyMappingTest12EE", &[1], "", true),
    ("ValidPolicyMappingTest12EE", &[2], "", true),
    ("inhibitAnyPolicyTest3EE", &[], "", true),
    ("inhibitAnyPolicyTest3EE", &[], "a", false),
];

/// Cases where whychain answers otherwise, with the reason. One that starts to
/// agree fails the run.
const KNOWN_DIFFERENCES: &[(&str, &str)] = &[];

struct Suite {
    candidates: Vec<Candidate>,
    crls: Vec<Arc<Crl>>,
    end_entities: Vec<(String, Arc<Certificate>)>,
}

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/pkits")
}

fn files(folder: &str) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(data().join(folder)).unwrap();
    let mut files: Vec<(String, Vec<u8>)> = entries
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_string();
            (name, std::fs::read(&path).unwrap())
        })
        .collect();
    files.sort();
    files
}

fn suite() -> Suite {
    let mut suite = Suite {
        candidates: Vec::new(),
        crls: Vec::new(),
        end_entities: Vec::new(),
    };
    for (name, bytes) in files("certs") {
        let certificate = Arc::new(Certificate::from_der(&bytes).unwrap());
        if name.ends_with("EE") {
            suite.end_entities.push((name, certificate));
        } else {
            let anchor = name == "TrustAnchorRootCertificate";
            let origin = Origin::Given;
            suite.candidates.push(Candidate {
                certificate,
                anchor,
                distrusted: false,
                origin,
            });
        }
    }
    for (_, bytes) in files("crls") {
        suite.crls.push(Arc::new(Crl::from_der(&bytes).unwrap()));
    }
    suite
}

fn judge(suite: &Suite, leaf: &Arc<Certificate>, policies: &[u8], flags: &str) -> Chain {
    let policy = Policy {
        profile: Profile::Rfc5280,
        check_revocation: true,
        initial_policies: policies
            .iter()
            .map(|number| format!("2.16.840.1.101.3.2.1.48.{number}"))
            .collect(),
        require_explicit_policy: flags.contains('e'),
        inhibit_policy_mapping: flags.contains('m'),
        inhibit_any_policy: flags.contains('a'),
        ..Policy::default()
    };
    let examination = examine(&Question {
        leaf,
        at: Timestamp::from_rfc3339("2011-04-15T00:00:00Z").unwrap(),
        candidates: &suite.candidates,
        crls: &suite.crls,
        ocsp: &[],
        trust_lists: TrustLists::default(),
        policy,
    });
    assert!(!examination.truncated);
    examination.best().unwrap().clone()
}

/// What the name of a file says of the path, where it does.
fn named_result(name: &str) -> Option<bool> {
    if name.starts_with("Valid") {
        Some(true)
    } else if name.starts_with("Invalid") {
        Some(false)
    } else {
        None
    }
}

#[test]
fn every_path_of_pkits_is_judged_as_its_document_says() {
    let suite = suite();
    let mut wrong = Vec::new();
    let mut check = |name: &str, label: String, chain: &Chain, valid: bool| {
        let accepted = chain.verdict == Verdict::Accept;
        let known = KNOWN_DIFFERENCES.iter().any(|(case, _)| *case == label);
        if (accepted == valid) == known {
            let failures: Vec<String> = chain
                .failures()
                .chain(chain.undecided())
                .map(|(at, check)| format!("[{at}] {}: {}", check.kind.word(), check.detail))
                .collect();
            wrong.push(format!(
                "{label} ({name}) expected {valid}: {}",
                failures.join(" | ")
            ));
        }
    };
    let mut count = 0;
    for (name, leaf) in &suite.end_entities {
        if let Some(valid) = named_result(name) {
            check(name, name.clone(), &judge(&suite, leaf, &[], ""), valid);
            count += 1;
        }
    }
    for (name, policies, flags, valid) in POLICY_CASES {
        let (_, leaf) = suite
            .end_entities
            .iter()
            .find(|(other, _)| other == name)
            .unwrap();
        let label = format!("{name} {policies:?} {flags}");
        check(name, label, &judge(&suite, leaf, policies, flags), *valid);
        count += 1;
    }
    assert!(count > 240, "only {count} cases");
    assert!(
        wrong.is_empty(),
        "{} of {count} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
