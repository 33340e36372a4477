//! Real handshakes with one thing wrong, and their healthy twin. What each
//! must say stands in `tests/data/handshakes.md`.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;

use whychain::diagnosis::{Diagnosis, Role, VerdictState};
use whychain::pipeline::{Options, explain};

fn diagnosis(name: &str) -> Diagnosis {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/handshakes");
    let capture = folder.join(format!("{name}.pcap"));
    explain(&[capture], &Options::default(), &mut |_| {})
        .unwrap()
        .diagnosis
}

#[test]
fn a_rejected_handshake_is_explained_by_what_its_certificates_say() {
    for (name, rule) in [
        ("selfsigned-tls12", "self-signed-leaf"),
        ("expissuer-tls12", "issuer-expired"),
        ("name-tls12", "name-mismatch"),
        ("eku-tls12", "wrong-eku"),
    ] {
        let diagnosis = diagnosis(name);
        assert_eq!(diagnosis.verdict.state, VerdictState::Explained, "{name}");
        assert_eq!(diagnosis.verdict.root_cause, Some(rule), "{name}");
        let roots = diagnosis
            .findings
            .iter()
            .filter(|finding| finding.role == Role::RootCause);
        assert_eq!(roots.count(), 1, "{name}");
    }
}

#[test]
fn the_healthy_twin_has_no_finding() {
    for name in ["good-tls12", "good-tls13"] {
        let diagnosis = diagnosis(name);
        assert_eq!(diagnosis.verdict.state, VerdictState::Clean, "{name}");
        assert_eq!(diagnosis.findings, [], "{name}");
    }
}

#[test]
fn hidden_certificates_leave_the_cause_open() {
    for name in [
        "selfsigned-tls13",
        "expissuer-tls13",
        "name-tls13",
        "eku-tls13",
    ] {
        let diagnosis = diagnosis(name);
        assert_eq!(
            diagnosis.verdict.state,
            VerdictState::Undetermined,
            "{name}"
        );
        assert_eq!(diagnosis.verdict.root_cause, None, "{name}");
        let rules: Vec<&str> = diagnosis
            .findings
            .iter()
            .map(|finding| finding.rule)
            .collect();
        assert_eq!(rules, ["certificates-not-visible"], "{name}");
    }
}
