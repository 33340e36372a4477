//! The cases of `tests/data/chain/cases.jsonl`, each with the exact set of
//! reasons.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use whychain::chain::{
    AnchorChecks, Candidate, Host, Origin, Policy, Profile, Purpose, Question, TrustLists, Verdict,
    examine,
};
use whychain::pki::{Certificate, Crl};
use whychain::time::Timestamp;

fn bytes(value: &Value) -> Vec<u8> {
    STANDARD.decode(value.as_str().unwrap()).unwrap()
}

fn candidates(case: &Value) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    for (list, anchor, distrusted) in [
        ("intermediates", false, false),
        ("roots", true, false),
        ("distrusted", false, true),
    ] {
        for value in case[list].as_array().unwrap() {
            let certificate = Arc::new(Certificate::from_der(&bytes(value)).unwrap());
            candidates.push(Candidate {
                certificate,
                anchor,
                distrusted,
                origin: Origin::Given,
            });
        }
    }
    candidates
}

fn policy(case: &Value) -> Policy {
    let word = |key: &str| case[key].as_str().unwrap();
    Policy {
        profile: match word("profile") {
            "windows" => Profile::Windows,
            "rfc5280" => Profile::Rfc5280,
            _ => Profile::Webpki,
        },
        purpose: Purpose::from_word(word("purpose")).unwrap(),
        host: case["host"].as_str().map(Host::from_text),
        max_depth: case["max_depth"]
            .as_u64()
            .map(|depth| usize::try_from(depth).unwrap()),
        check_revocation: case["check_revocation"].as_bool().unwrap(),
        require_explicit_policy: case["policy"]["explicit"].as_bool().unwrap_or(false),
        anchor_checks: AnchorChecks {
            expiry: word("anchor").contains("expiry"),
            constraints: word("anchor").contains("constraints"),
        },
        ..Policy::default()
    }
}

fn names(value: &Value) -> Vec<String> {
    let list = value.as_array().unwrap().iter();
    list.map(|name| name.as_str().unwrap().to_string())
        .collect()
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names
}

#[test]
fn every_case_is_judged_for_exactly_its_reasons() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/chain/cases.jsonl");
    let text = std::fs::read_to_string(file).unwrap();
    let mut wrong = Vec::new();
    for line in text.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let leaf = Arc::new(Certificate::from_der(&bytes(&case["leaf"])).unwrap());
        let crls = case["crls"].as_array().unwrap().iter();
        let crls: Vec<Arc<Crl>> = crls
            .map(|value| Arc::new(Crl::from_der(&bytes(value)).unwrap()))
            .collect();
        let found = examine(&Question {
            leaf: &leaf,
            at: Timestamp::from_rfc3339(case["time"].as_str().unwrap()).unwrap(),
            candidates: &candidates(&case),
            crls: &crls,
            ocsp: &[],
            trust_lists: TrustLists::default(),
            policy: policy(&case),
        });
        let chain = found.best().unwrap();
        let mut problems = Vec::new();
        let accepted = chain.verdict == Verdict::Accept;
        let union = sorted(chain.error_status.names());
        match &case["expect"] {
            Value::String(word) if (word == "accept") != accepted => problems.push("verdict"),
            Value::String(_) => {}
            list => {
                let expected = sorted(names(list));
                if union != expected || accepted != expected.is_empty() {
                    problems.push("reasons");
                }
            }
        }
        if let Some(elements) = case["expect_elements"].as_array() {
            let expected: Vec<_> = elements.iter().map(|list| sorted(names(list))).collect();
            let own = chain.elements.iter();
            let own: Vec<_> = own
                .map(|element| sorted(element.error_status.names()))
                .collect();
            if own != expected {
                problems.push("elements");
            }
        }
        if !problems.is_empty() {
            wrong.push(format!("{}: {problems:?} {accepted} {union:?}", case["id"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Numbers that look random and are the same each run (Knuth's MMIX).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }

    /// One to five bits turned, octets replaced, left out or doubled, or the
    /// end cut off.
    fn mutant(&mut self, original: &[u8]) -> Vec<u8> {
        let mut bytes = original.to_vec();
        for _ in 0..=self.below(5) {
            let at = self.below(bytes.len());
            match self.below(5) {
                0 => bytes[at] ^= 1 << self.below(8),
                1 => bytes[at] = [0x00, 0x30, 0x7f, 0x80, 0x84, 0xff][self.below(6)],
                2 if bytes.len() > 16 => drop(bytes.remove(at)),
                3 => bytes.insert(at, bytes[at]),
                _ => bytes.truncate(at.max(8)),
            }
        }
        bytes
    }
}

/// Mutants made in this run; 20,000 of them are answered as well.
const MUTANTS: usize = 1_000;

#[test]
fn mutants_of_certificates_are_judged_in_every_profile_without_a_crash() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/chain/cases.jsonl");
    let text = std::fs::read_to_string(file).unwrap();
    let cases: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let mut numbers = Numbers(20_260_721);
    let mut read = 0;
    for _ in 0..MUTANTS {
        let case = &cases[numbers.below(cases.len())];
        let mutant = numbers.mutant(&bytes(&case["leaf"]));
        let Ok(leaf) = Certificate::from_der(&mutant) else {
            continue;
        };
        read += 1;
        let profile = [Profile::Windows, Profile::Rfc5280, Profile::Webpki][numbers.below(3)];
        let leaf = Arc::new(leaf);
        let found = examine(&Question {
            leaf: &leaf,
            at: Timestamp::from_rfc3339(case["time"].as_str().unwrap()).unwrap(),
            candidates: &candidates(case),
            crls: &[],
            ocsp: &[],
            trust_lists: TrustLists::default(),
            policy: Policy {
                profile,
                ..policy(case)
            },
        });
        assert!(found.best().is_some_and(|chain| !chain.elements.is_empty()));
    }
    assert!(
        read > MUTANTS / 20,
        "only {read} of {MUTANTS} could be read"
    );
}
