//! The chain engine against the cases other projects test their own verifiers
//! with: OpenSSL's `verify` and `ocsp`, and Go's name constraints. What each case is and
//! where it is from: `tests/data/suites.md`.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use whychain::chain::{
    AnchorChecks, Candidate, Chain, CheckKind, Origin, Outcome, Policy, Profile, Purpose, Question,
    TrustLists, Verdict, examine,
};
use whychain::pki::{Certificate, OcspResponse};
use whychain::time::Timestamp;

/// Cases where whychain answers otherwise, by the beginning of the id, with
/// the reason. One that starts to agree fails the run.
const KNOWN_DIFFERENCES: &[(&str, &str)] = &[
    (
        "openssl-6",
        "ocsp-nocheck is no extension of RFC 5280: critical, it is unknown",
    ),
    (
        "openssl-23",
        "a CA among the anchors does not hide a better way around it",
    ),
    (
        "openssl-30",
        "the same case as openssl-29, which is to be accepted",
    ),
    ("openssl-32", STRENGTH),
    ("openssl-34", STRENGTH),
    ("openssl-36", STRENGTH),
    ("openssl-38", STRENGTH),
    ("openssl-41", STRENGTH),
    ("openssl-43", STRENGTH),
    ("openssl-55", COMMON_NAME),
    ("openssl-58", SUBJECT_EMAIL),
    ("openssl-59", SUBJECT_EMAIL),
    ("openssl-61", COMMON_NAME),
    ("openssl-62", COMMON_NAME),
    ("openssl-70", STRENGTH),
    ("openssl-76", LEADING_PERIOD),
    ("openssl-77", LEADING_PERIOD),
    ("openssl-78", LEADING_PERIOD),
    ("openssl-79", ANCHOR_FORM),
    ("openssl-81", "keyCertSign without cA: RFC 5280 §4.2.1.9"),
    ("openssl-82", ANCHOR_FORM),
    ("openssl-85", ANCHOR_FORM),
    ("openssl-86", "an anchor need not be self-signed"),
    (
        "openssl-88",
        "SM2 is not supported, and its root is not as RFC 5280 asks",
    ),
    (
        "openssl-89",
        "SM2 is not supported, and its root is not as RFC 5280 asks",
    ),
    ("go-nc-6", LEADING_PERIOD),
    ("go-nc-7", LEADING_PERIOD),
    ("go-nc-8", LEADING_PERIOD),
    ("go-nc-12", LEADING_PERIOD),
    ("go-nc-14", LEADING_PERIOD),
    ("go-nc-16", LEADING_PERIOD),
    ("go-nc-18", LEADING_PERIOD),
    ("go-nc-22", LEADING_PERIOD),
    ("go-nc-23", LEADING_PERIOD),
    ("go-nc-28", "a GeneralName of tag 9 is none"),
    ("go-nc-29", "a GeneralName of tag 9 is none"),
    ("go-nc-30", LEADING_PERIOD),
    (
        "go-nc-77",
        "names that are none count, whether constrained or not",
    ),
    ("go-nc-82", LEADING_PERIOD),
    ("go-nc-83", LEADING_PERIOD),
    ("go-nc-84", LEADING_PERIOD),
];

const STRENGTH: &str = "RFC 5280 says nothing of weak algorithms and keys";
const COMMON_NAME: &str = "RFC 5280 constrains no commonName";
const SUBJECT_EMAIL: &str = "emailAddress counts without alternative names only: §4.2.1.10";
const LEADING_PERIOD: &str = "RFC 5280 has no leading period in a dNSName constraint";
const ANCHOR_FORM: &str = "basicConstraints of a CA must be critical: §4.2.1.9";

struct Suite {
    certificates: Vec<Result<Arc<Certificate>, String>>,
    cases: Vec<Value>,
}

fn suite(name: &str) -> Suite {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/suites");
    let text = std::fs::read_to_string(folder.join(name)).unwrap();
    let whole: Value = serde_json::from_str(&text).unwrap();
    let certificate = |value: &Value| {
        let bytes = STANDARD.decode(value.as_str().unwrap()).unwrap();
        let read = Certificate::from_der(&bytes).map(Arc::new);
        read.map_err(|error| error.to_string())
    };
    let certificates = whole["certificates"].as_array().unwrap().iter();
    Suite {
        certificates: certificates.map(certificate).collect(),
        cases: whole["cases"].as_array().unwrap().clone(),
    }
}

impl Suite {
    fn numbered(&self, number: &Value) -> &Result<Arc<Certificate>, String> {
        &self.certificates[usize::try_from(number.as_u64().unwrap()).unwrap()]
    }

    /// The best chain by RFC 5280, anchors checked too, as both projects do;
    /// why there is none where the leaf cannot be read.
    fn judge(&self, case: &Value) -> Result<Chain, String> {
        let leaf = self.numbered(&case["leaf"]).clone()?;
        let mut candidates = Vec::new();
        for (list, anchor) in [("intermediates", false), ("roots", true)] {
            for number in case[list].as_array().unwrap() {
                let Ok(certificate) = self.numbered(number).clone() else {
                    continue;
                };
                candidates.push(Candidate {
                    certificate,
                    anchor,
                    distrusted: false,
                    origin: Origin::Given,
                });
            }
        }
        let policies = case["policies"].as_array();
        let initial = policies.into_iter().flatten();
        let found = examine(&Question {
            leaf: &leaf,
            at: Timestamp::from_rfc3339(case["time"].as_str().unwrap()).unwrap(),
            candidates: &candidates,
            crls: &[],
            ocsp: &[],
            trust_lists: TrustLists::default(),
            policy: Policy {
                profile: Profile::Rfc5280,
                purpose: Purpose::from_word(case["purpose"].as_str().unwrap()).unwrap(),
                max_depth: case["max_depth"]
                    .as_u64()
                    .map(|depth| usize::try_from(depth).unwrap()),
                initial_policies: initial
                    .map(|policy| policy.as_str().unwrap().to_string())
                    .collect(),
                require_explicit_policy: policies.is_some(),
                anchor_checks: AnchorChecks {
                    expiry: true,
                    constraints: true,
                },
                ..Policy::default()
            },
        });
        Ok(found.best().unwrap().clone())
    }
}

/// Compares every case of a suite; returns how many there were.
fn compare(name: &str) -> usize {
    let suite = suite(name);
    let mut wrong = Vec::new();
    for case in &suite.cases {
        let id = case["id"].as_str().unwrap();
        let expected = case["expect"].as_bool().unwrap();
        let judged = suite.judge(case);
        let accepted = judged
            .as_ref()
            .is_ok_and(|chain| chain.verdict == Verdict::Accept);
        let known = KNOWN_DIFFERENCES
            .iter()
            .any(|(start, _)| id == *start || id.starts_with(&format!("{start} ")));
        if (accepted == expected) == known {
            let why = match &judged {
                Err(why) => why.clone(),
                Ok(chain) => chain
                    .failures()
                    .chain(chain.undecided())
                    .map(|(at, check)| format!("[{at}] {}: {}", check.kind.word(), check.detail))
                    .collect::<Vec<String>>()
                    .join(" | "),
            };
            let option = case["why"].as_str().unwrap_or_default();
            wrong.push(format!("{id} ({option}) expected {expected}: {why}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} differ:\n{}",
        wrong.len(),
        suite.cases.len(),
        wrong.join("\n")
    );
    suite.cases.len()
}

/// What the engine says of the revocation of a leaf below `root`, by one OCSP
/// response: true for good.
fn is_good_by_ocsp(case: &Value) -> bool {
    let bytes = |key: &str| STANDARD.decode(case[key].as_str().unwrap()).unwrap();
    let leaf = Arc::new(Certificate::from_der(&bytes("leaf")).unwrap());
    let root = Arc::new(Certificate::from_der(&bytes("root")).unwrap());
    let Ok(response) = OcspResponse::from_der(&bytes("response")) else {
        return false;
    };
    let anchor = Candidate {
        certificate: root,
        anchor: true,
        distrusted: false,
        origin: Origin::Given,
    };
    let found = examine(&Question {
        leaf: &leaf,
        at: Timestamp::from_rfc3339(case["time"].as_str().unwrap()).unwrap(),
        candidates: &[anchor],
        crls: &[],
        ocsp: &[Arc::new(response)],
        trust_lists: TrustLists::default(),
        policy: Policy {
            profile: Profile::Rfc5280,
            check_revocation: true,
            ..Policy::default()
        },
    });
    let leaf = &found.best().unwrap().elements[0];
    let mut revocation = leaf
        .checks
        .iter()
        .filter(|check| check.kind == CheckKind::Revocation);
    revocation.all(|check| check.outcome == Outcome::Pass) && leaf.checks.len() > 1
}

#[test]
fn openssl_ocsp_and_whychain_agree() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/suites");
    let text = std::fs::read_to_string(folder.join("openssl-ocsp.json")).unwrap();
    let cases: Vec<Value> = serde_json::from_str(&text).unwrap();
    let differs = |case: &&Value| is_good_by_ocsp(case) != case["expect"].as_bool().unwrap();
    let wrong: Vec<&str> = cases
        .iter()
        .filter(differs)
        .map(|case| case["id"].as_str().unwrap())
        .collect();
    assert!(cases.len() > 40, "only {} cases", cases.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn openssl_verify_and_whychain_agree() {
    assert_eq!(compare("openssl-verify.json"), 92);
}

#[test]
fn go_name_constraints_and_whychain_agree() {
    assert_eq!(compare("go-name-constraints.json"), 85);
}
