//! Sets of certificates made to cost a verifier much: each ends within its
//! limits, and what a limit leaves open is never called wrong.
//!
//! Work is counted in signatures verified, not in time, so that the counts hold
//! on any machine.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use ed25519_dalek::{Signer, SigningKey};
use whychain::chain::{
    Candidate, CheckKind, Examination, Origin, Policy, Question, TrustLists, Verdict, examine,
};
use whychain::pki::{Certificate, Crl};
use whychain::time::Timestamp;

/// One DER element.
fn element(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = contents.len();
    let mut whole = vec![tag];
    match length {
        0..=0x7F => whole.push(u8::try_from(length).unwrap()),
        _ => {
            let octets = length.to_be_bytes();
            let start = octets.iter().position(|octet| *octet != 0).unwrap();
            whole.push(0x80 | u8::try_from(octets.len() - start).unwrap());
            whole.extend_from_slice(&octets[start..]);
        }
    }
    whole.extend_from_slice(contents);
    whole
}

fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    element(0x30, &parts.concat())
}

fn name(text: &str) -> Vec<u8> {
    let value = element(0x0C, text.as_bytes());
    let attribute = sequence(&[&[6, 3, 0x55, 4, 3], &value]);
    sequence(&[&element(0x31, &attribute)])
}

/// An extension `2.5.29.x`.
fn extension(number: u8, value: &[u8]) -> Vec<u8> {
    sequence(&[&[6, 3, 0x55, 0x1D, number], &element(4, value)])
}

const ED25519: [u8; 7] = [0x30, 5, 6, 3, 0x2B, 0x65, 0x70];
const ECDSA: [u8; 12] = [0x30, 10, 6, 8, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 4, 3, 2];
const P256: [u8; 21] = [
    0x30, 0x13, 6, 7, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 2, 1, 6, 8, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 3, 1,
    7,
];
const DATES: &[u8] = b"\x30\x1E\x17\x0D200101000000Z\x17\x0D300101000000Z";

/// The key of a number.
fn key(number: u32) -> SigningKey {
    let mut seed = [7; 32];
    seed[..4].copy_from_slice(&number.to_be_bytes());
    SigningKey::from_bytes(&seed)
}

fn key_info(key: &SigningKey) -> Vec<u8> {
    let bits = [&[0][..], key.verifying_key().as_bytes()].concat();
    sequence(&[&ED25519, &element(3, &bits)])
}

/// A P-256 key of a number.
fn p256_info(number: u32) -> Vec<u8> {
    let mut scalar = [1; 32];
    scalar[..4].copy_from_slice(&number.to_be_bytes());
    let secret = p256::ecdsa::SigningKey::from_slice(&scalar).unwrap();
    let point = secret.verifying_key().to_sec1_bytes();
    let bits = [&[0][..], &point].concat();
    sequence(&[&P256, &element(3, &bits)])
}

struct Wish<'a> {
    subject: &'a str,
    key: Vec<u8>,
    issuer: &'a str,
    is_ca: bool,
    extensions: Vec<u8>,
}

/// The certificate wished for, signed with the key, or with a signature by
/// ECDSA that no key made.
fn certificate(wish: &Wish<'_>, serial: u32, signer: Option<&SigningKey>) -> Arc<Certificate> {
    let algorithm: &[u8] = if signer.is_some() { &ED25519 } else { &ECDSA };
    let basic: &[u8] = if wish.is_ca {
        &[0x30, 3, 1, 1, 0xFF]
    } else {
        &[0x30, 0]
    };
    let extensions = [extension(0x13, basic), wish.extensions.clone()].concat();
    let tbs = sequence(&[
        &[0xA0, 3, 2, 1, 2],
        &element(2, &[&[1][..], &serial.to_be_bytes()].concat()),
        algorithm,
        &name(wish.issuer),
        DATES,
        &name(wish.subject),
        &wish.key,
        &element(0xA3, &element(0x30, &extensions)),
    ]);
    let signature = match signer {
        Some(signer) => signer.sign(&tbs).to_bytes().to_vec(),
        None => sequence(&[&element(2, &[1; 32]), &element(2, &[2; 32])]),
    };
    let bits = element(3, &[&[0][..], &signature].concat());
    let der = sequence(&[&tbs, algorithm, &bits]);
    Arc::new(Certificate::from_der(&der).unwrap())
}

/// A CA of a key's number, below another.
fn ca(subject: &str, number: u32, issuer: &str, above: u32, serial: u32) -> Arc<Certificate> {
    let wish = Wish {
        subject,
        key: key_info(&key(number)),
        issuer,
        is_ca: true,
        extensions: Vec::new(),
    };
    certificate(&wish, serial, Some(&key(above)))
}

fn leaf(issuer: &str, above: u32) -> Arc<Certificate> {
    let wish = Wish {
        subject: "leaf",
        key: key_info(&key(1_000_000)),
        issuer,
        is_ca: false,
        extensions: Vec::new(),
    };
    certificate(&wish, 1, Some(&key(above)))
}

const ROOT: u32 = 999_999;

fn root() -> Arc<Certificate> {
    ca("Root", ROOT, "Root", ROOT, 1)
}

fn judged(leaf: &Arc<Certificate>, others: &[Arc<Certificate>], crls: &[Arc<Crl>]) -> Examination {
    let root = root();
    let candidates: Vec<Candidate> = others
        .iter()
        .chain([&root])
        .map(|certificate| Candidate {
            certificate: Arc::clone(certificate),
            anchor: certificate.sha256 == root.sha256,
            distrusted: false,
            origin: Origin::Given,
        })
        .collect();
    examine(&Question {
        leaf,
        at: Timestamp::from_rfc3339("2025-01-01T00:00:00Z").unwrap(),
        candidates: &candidates,
        crls,
        ocsp: &[],
        trust_lists: TrustLists::default(),
        policy: Policy {
            knows_roots: true,
            check_revocation: !crls.is_empty(),
            ..Policy::default()
        },
    })
}

/// How a check of the leaf came out.
fn of_leaf(found: &Examination, kind: CheckKind) -> &'static str {
    let checks = &found.best().unwrap().elements.first().unwrap().checks;
    let check = checks.iter().find(|check| check.kind == kind);
    check.map_or("not done", |check| check.outcome.word())
}

#[test]
fn two_thousand_issuers_of_one_name_are_left_open_at_the_limit() {
    let wish = |number: u32| Wish {
        subject: "CA",
        key: p256_info(number),
        issuer: "Root",
        is_ca: true,
        extensions: Vec::new(),
    };
    let strangers: Vec<_> = (1..2_000)
        .map(|number| certificate(&wish(number), number, Some(&key(ROOT))))
        .collect();
    let of_nobody = Wish {
        subject: "leaf",
        key: key_info(&key(5)),
        issuer: "CA",
        is_ca: false,
        extensions: Vec::new(),
    };
    let found = judged(&certificate(&of_nobody, 1, None), &strangers, &[]);
    assert!(found.truncated);
    assert_eq!(found.best().unwrap().verdict, Verdict::Unknown);
    assert_eq!(of_leaf(&found, CheckKind::Signature), "unknown");
    assert!(
        found.signatures_verified <= 250,
        "{}",
        found.signatures_verified
    );
}

#[test]
fn a_thousand_that_each_could_have_issued_all_others_hide_no_good_chain() {
    let wish = |number: u32| Wish {
        subject: "CA",
        key: p256_info(number),
        issuer: "CA",
        is_ca: true,
        extensions: Vec::new(),
    };
    let mut strangers: Vec<_> = (1..=1_000)
        .map(|number| certificate(&wish(number), number, Some(&key(ROOT))))
        .collect();
    let of_nobody = Wish {
        subject: "leaf",
        key: key_info(&key(5)),
        is_ca: false,
        ..wish(1)
    };
    let lost = judged(&certificate(&of_nobody, 1, None), &strangers, &[]);
    assert!(lost.truncated);
    assert_eq!(of_leaf(&lost, CheckKind::Signature), "unknown");
    strangers.push(ca("CA", 1, "Root", ROOT, 5_000));
    let good = judged(&leaf("CA", 1), &strangers, &[]);
    assert_eq!(good.best().unwrap().verdict, Verdict::Accept);
}

#[test]
fn a_mesh_of_cross_certificates_is_walked_once() {
    let count = 20;
    let mut mesh = Vec::new();
    for a in 0..count {
        for b in (0..count).filter(|b| *b != a) {
            let (subject, issuer) = (format!("M{a}"), format!("M{b}"));
            mesh.push(ca(&subject, a, &issuer, b, a * count + b));
        }
    }
    let leaf = leaf("M0", 0);
    let lost = judged(&leaf, &mesh, &[]);
    assert_eq!(lost.best().unwrap().verdict, Verdict::Reject);
    assert!(
        lost.signatures_verified <= 400,
        "{}",
        lost.signatures_verified
    );
    mesh.push(ca("M19", 19, "Root", ROOT, 5_000));
    let good = judged(&leaf, &mesh, &[]);
    assert_eq!(good.best().unwrap().verdict, Verdict::Accept);
    assert_eq!(good.best().unwrap().elements.len(), 4);
    assert!(
        good.signatures_verified <= 150,
        "{}",
        good.signatures_verified
    );
}

#[test]
fn copies_on_every_level_do_not_multiply() {
    let levels = 30;
    let mut ladder = Vec::new();
    for level in 0..levels {
        for copy in 0..20 {
            let (subject, issuer) = (format!("L{level}"), format!("L{}", level + 1));
            ladder.push(ca(&subject, level, &issuer, level + 1, level * 20 + copy));
        }
    }
    let found = judged(&leaf("L0", 0), &ladder, &[]);
    assert!(
        found
            .best()
            .unwrap()
            .error_status
            .names()
            .contains(&"IS_PARTIAL_CHAIN".to_string())
    );
    assert!(
        found.signatures_verified <= 700,
        "{}",
        found.signatures_verified
    );
}

#[test]
fn millions_of_comparisons_of_names_are_left_open() {
    let dns = |text: String| element(0x82, text.as_bytes());
    let bases: Vec<u8> = (0..3_000)
        .flat_map(|at| sequence(&[&dns(format!("x{at}.example"))]))
        .collect();
    let names: Vec<u8> = (0..3_000)
        .flat_map(|at| dns(format!("y{at}.example")))
        .collect();
    let constrained = Wish {
        subject: "CA",
        key: key_info(&key(1)),
        issuer: "Root",
        is_ca: true,
        extensions: extension(0x1E, &sequence(&[&element(0xA1, &bases)])),
    };
    let named = Wish {
        subject: "leaf",
        key: key_info(&key(2)),
        issuer: "CA",
        is_ca: false,
        extensions: extension(0x11, &element(0x30, &names)),
    };
    let issuer = certificate(&constrained, 1, Some(&key(ROOT)));
    let found = judged(&certificate(&named, 2, Some(&key(1))), &[issuer], &[]);
    assert_eq!(of_leaf(&found, CheckKind::NameConstraints), "unknown");
    assert_eq!(found.best().unwrap().verdict, Verdict::Unknown);
}

fn crl(issuer: &str, number: u32) -> Arc<Crl> {
    let number_extension = extension(0x14, &[2, 1, 5]);
    let tbs = sequence(&[
        &[2, 1, 1],
        &ED25519,
        &name(issuer),
        b"\x17\x0D240101000000Z\x17\x0D260101000000Z",
        &element(0xA0, &element(0x30, &number_extension)),
    ]);
    let signature = key(number).sign(&tbs).to_bytes();
    let bits = element(3, &[&[0][..], &signature].concat());
    Arc::new(Crl::from_der(&sequence(&[&tbs, &ED25519, &bits])).unwrap())
}

#[test]
fn crls_of_strangers_cost_no_signature() {
    let mut crls: Vec<_> = (0..500).map(|at| crl(&format!("S{at}"), at)).collect();
    crls.push(crl("CA", 1));
    crls.push(crl("Root", ROOT));
    let issuer = ca("CA", 1, "Root", ROOT, 7);
    let found = judged(&leaf("CA", 1), &[issuer], &crls);
    assert_eq!(of_leaf(&found, CheckKind::Revocation), "pass");
    assert_eq!(found.best().unwrap().verdict, Verdict::Accept);
    assert!(
        found.signatures_verified <= 6,
        "{}",
        found.signatures_verified
    );
}

#[test]
fn a_crl_larger_than_all_work_for_keys_is_still_verified() {
    // 20 MB in one extension: no entry, so that reading it is quick.
    let filler = sequence(&[&[6, 3, 0x2A, 3, 4], &element(4, &vec![0; 20 << 20])]);
    let extensions = [extension(0x14, &[2, 1, 5]), filler].concat();
    let tbs = sequence(&[
        &[2, 1, 1],
        &ED25519,
        &name("CA"),
        b"\x17\x0D240101000000Z\x17\x0D260101000000Z",
        &element(0xA0, &element(0x30, &extensions)),
    ]);
    let bits = element(3, &[&[0][..], &key(1).sign(&tbs).to_bytes()].concat());
    let large = Arc::new(Crl::from_der(&sequence(&[&tbs, &ED25519, &bits])).unwrap());
    let issuer = ca("CA", 1, "Root", ROOT, 7);
    let found = judged(&leaf("CA", 1), &[issuer], &[large, crl("Root", ROOT)]);
    assert_eq!(of_leaf(&found, CheckKind::Revocation), "pass");
    let open = found.best().unwrap().undecided().count();
    assert_eq!(open, 0);
    assert!(matches!(found.best().unwrap().verdict, Verdict::Accept));
}
