//! Every sample gives exactly its stored report, as text and as JSON.
//!
//! Regenerate with `WHYCHAIN_BLESS=1 cargo test --test scenarios`, then read
//! the difference line by line.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

fn samples() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
    let mut samples: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.is_dir() && !path.ends_with("lab") && !path.ends_with("openrelik-worker")
        })
        .collect();
    samples.sort();
    samples
}

/// The evidence of a sample: everything in it but its story and its reports.
fn evidence(sample: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(sample)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !["README.md", "report.txt", "report.json"].contains(&name.as_str()))
        .collect();
    names.sort();
    names
}

fn report(sample: &Path, format: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_whychain"))
        .current_dir(sample)
        .env_remove("COLUMNS")
        .args([
            "explain", "--format", format, "--width", "100", "--color", "never",
        ])
        .args(evidence(sample))
        .output()
        .unwrap();
    assert!(
        matches!(output.status.code(), Some(0 | 1 | 3)),
        "{}: {}",
        sample.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

fn compare(format: &str, file: &str) {
    let bless = std::env::var_os("WHYCHAIN_BLESS").is_some();
    let mut differing = Vec::new();
    for sample in samples() {
        let found = report(&sample, format);
        let stored = sample.join(file);
        if bless {
            std::fs::write(&stored, &found).unwrap();
        } else if std::fs::read_to_string(&stored).unwrap_or_default() != found {
            differing.push(sample.file_name().unwrap().to_string_lossy().into_owned());
        }
    }
    assert!(
        differing.is_empty(),
        "{file} differs in: {}",
        differing.join(", ")
    );
}

#[test]
fn every_sample_gives_its_stored_text() {
    compare("text", "report.txt");
}

#[test]
fn every_sample_gives_its_stored_json() {
    compare("json", "report.json");
}

/// The root cause a story was built to have, from its README and not from a
/// report: sample, state, rule.
const STORIES: [(&str, &str, Option<&str>); 90] = [
    ("answered-from-cache", "undetermined", None),
    ("answered-from-cache-asked", "undetermined", None),
    ("answered-from-cache-used", "clean", None),
    ("block-page-200", "explained", Some("ctl-body-not-cabinet")),
    ("block-page-200-allowed", "clean", None),
    ("captive-portal", "explained", Some("captive-or-redirected")),
    ("captive-portal-open", "clean", None),
    ("capture-hole", "undetermined", None),
    ("capture-mirrored", "explained", Some("leaf-expired")),
    ("capture-one-way", "undetermined", None),
    ("capture-snaplen-96", "undetermined", None),
    ("clock-ahead", "explained", Some("client-clock-wrong")),
    ("clock-behind", "explained", Some("client-clock-wrong")),
    ("clock-behind-set", "clean", None),
    ("crl-expired", "explained", Some("crl-expired")),
    ("crl-expired-published", "clean", None),
    ("crl-of-another", "explained", Some("crl-not-applicable")),
    ("crl-of-another-right", "clean", None),
    ("directory-clear", "clean", None),
    ("directory-sealed", "clean", None),
    ("dns-failed", "explained", Some("dns-failed")),
    ("dns-failed-resolved", "clean", None),
    ("healthy-through-proxy", "clean", None),
    ("inspected", "explained", Some("tls-inspection-untrusted")),
    ("inspected-bypassed", "clean", None),
    ("inspected-trusted", "clean", None),
    (
        "intermediate-missing",
        "explained",
        Some("proxy-denied-or-filtered"),
    ),
    ("intermediate-missing-allowed", "clean", None),
    ("issuer-address", "explained", Some("aia-object-unusable")),
    ("issuer-address-right", "clean", None),
    ("leaf-expired", "explained", Some("leaf-expired")),
    ("leaf-expired-renewed", "clean", None),
    ("list-blocked", "explained", Some("direct-blocked")),
    ("list-blocked-open", "clean", None),
    (
        "list-signer-expired",
        "explained",
        Some("ctl-cached-signer-expired"),
    ),
    ("list-signer-expired-valid", "clean", None),
    ("machine-login", "explained", Some("proxy-auth-required")),
    ("machine-login-allowed", "clean", None),
    ("mtu-black-hole", "explained", Some("mtu-or-path-stall")),
    ("mtu-black-hole-told", "no-validation-seen", None),
    ("ocsp-stale", "explained", Some("ocsp-stale-or-bad-signer")),
    ("ocsp-stale-renewed", "clean", None),
    ("pac-two-ways", "explained", Some("direct-blocked")),
    ("pac-two-ways-allowed", "clean", None),
    (
        "private-root",
        "explained",
        Some("private-root-not-deployed"),
    ),
    ("private-root-deployed", "clean", None),
    ("proxy-login-407", "explained", Some("proxy-auth-required")),
    ("proxy-login-407-allowed", "clean", None),
    (
        "reset-behind-proxy",
        "explained",
        Some("transfer-incomplete"),
    ),
    ("reset-behind-proxy-whole", "clean", None),
    (
        "root-disabled",
        "explained",
        Some("root-disabled-or-not-before"),
    ),
    ("root-disabled-later", "clean", None),
    ("root-not-listed", "explained", Some("root-not-in-program")),
    ("root-not-listed-added", "clean", None),
    (
        "root-update-2011",
        "explained",
        Some("ctl-signer-issuer-missing-aia-blocked"),
    ),
    ("root-update-2011-resigned", "clean", None),
    ("service-route", "explained", Some("identity-proxy-gap")),
    ("service-route-told", "clean", None),
    ("site-name", "explained", Some("name-mismatch")),
    ("site-name-right", "clean", None),
    ("stale-copy", "explained", Some("intermediary-serves-stale")),
    (
        "stale-copy-both-sides",
        "explained",
        Some("intermediary-serves-stale"),
    ),
    ("stale-copy-both-sides-purged", "clean", None),
    ("stale-copy-purged", "clean", None),
    (
        "stale-copy-transparent",
        "explained",
        Some("intermediary-serves-stale"),
    ),
    ("stale-copy-transparent-purged", "clean", None),
    ("status-unreachable", "explained", Some("direct-blocked")),
    ("status-unreachable-open", "clean", None),
    ("tls13-hidden", "undetermined", None),
    ("tls13-with-keys", "explained", Some("leaf-expired")),
    (
        "transfer-incomplete",
        "explained",
        Some("transfer-incomplete"),
    ),
    ("transfer-incomplete-whole", "clean", None),
    (
        "update-point-moved",
        "explained",
        Some("wsus-name-mismatch"),
    ),
    ("update-point-moved-named", "clean", None),
    (
        "update-server-clear",
        "explained",
        Some("wsus-ssl-required-but-http"),
    ),
    ("update-server-clear-encrypted", "clean", None),
    (
        "update-server-files",
        "explained",
        Some("wsus-content-forced-to-https"),
    ),
    ("update-server-files-served", "clean", None),
    (
        "update-server-name",
        "explained",
        Some("wsus-name-mismatch"),
    ),
    ("update-server-name-right", "clean", None),
    (
        "update-server-port",
        "explained",
        Some("wsus-scheme-port-mismatch"),
    ),
    ("update-server-port-right", "clean", None),
    (
        "update-server-root",
        "explained",
        Some("wsus-root-untrusted"),
    ),
    ("update-server-root-deployed", "clean", None),
    ("wpad-404", "explained", Some("wpad-pac-failure")),
    ("wpad-dhcp", "clean", None),
    ("wpad-dns", "clean", None),
    ("wpad-silent", "explained", Some("wpad-pac-failure")),
    ("wpad-stranger", "clean", None),
    ("wpad-stranger-published", "clean", None),
];

#[test]
fn every_story_has_the_cause_it_was_built_with() {
    let names: Vec<String> = samples()
        .iter()
        .map(|sample| sample.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    let told: Vec<&str> = STORIES.iter().map(|(name, ..)| *name).collect();
    assert_eq!(names, told);
    let mut wrong = Vec::new();
    for (sample, (name, state, cause)) in samples().iter().zip(STORIES) {
        let report: serde_json::Value = serde_json::from_str(&report(sample, "json")).unwrap();
        let verdict = &report["verdict"];
        if verdict["state"] != state || verdict["root_cause"].as_str() != cause {
            wrong.push(format!("{name}: {verdict}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_sample_shows_its_cause_and_its_twin_with_one_thing_changed_does_not() {
    let says = |name: &str, rule: &str| {
        let sample = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("samples")
            .join(name);
        let report: serde_json::Value = serde_json::from_str(&report(&sample, "json")).unwrap();
        let findings = report["findings"].as_array().unwrap();
        let mut said = findings.iter().filter(|it| it["role"] != "ruled-out");
        said.any(|it| it["rule"] == rule)
    };
    for (rule, shows, twin) in SHOWS {
        assert!(says(shows, rule), "{shows} does not show {rule}");
        assert!(!says(twin, rule), "{twin} shows {rule} too");
    }
}

/// Rule, the sample that was built to show it, and its twin.
#[rustfmt::skip]
const SHOWS: [(&str, &str, &str); 37] = [
    ("ctl-signer-issuer-missing-aia-blocked", "root-update-2011", "root-update-2011-resigned"),
    ("ctl-cached-signer-expired", "list-signer-expired", "list-signer-expired-valid"),
    ("ctl-body-not-cabinet", "block-page-200", "block-page-200-allowed"),
    ("ctl-download-blocked", "list-blocked", "list-blocked-open"),
    ("root-not-in-program", "root-not-listed", "root-not-listed-added"),
    ("root-disabled-or-not-before", "root-disabled", "root-disabled-later"),
    ("identity-proxy-gap", "service-route", "service-route-told"),
    ("intermediate-missing-aia-failed", "intermediate-missing", "intermediate-missing-allowed"),
    ("aia-object-unusable", "issuer-address", "issuer-address-right"),
    ("private-root-not-deployed", "private-root", "private-root-deployed"),
    ("tls-inspection-untrusted", "inspected", "inspected-bypassed"),
    ("leaf-expired", "leaf-expired", "leaf-expired-renewed"),
    ("client-clock-wrong", "clock-behind", "clock-behind-set"),
    ("name-mismatch", "site-name", "site-name-right"),
    ("revocation-server-unreachable", "status-unreachable", "status-unreachable-open"),
    ("crl-expired", "crl-expired", "crl-expired-published"),
    ("crl-not-applicable", "crl-of-another", "crl-of-another-right"),
    ("ocsp-stale-or-bad-signer", "ocsp-stale", "ocsp-stale-renewed"),
    ("dns-failed", "dns-failed", "dns-failed-resolved"),
    ("direct-blocked", "pac-two-ways", "pac-two-ways-allowed"),
    ("proxy-auth-required", "proxy-login-407", "proxy-login-407-allowed"),
    ("proxy-denied-or-filtered", "intermediate-missing", "intermediate-missing-allowed"),
    ("wpad-pac-failure", "wpad-404", "wpad-dhcp"),
    ("captive-or-redirected", "captive-portal", "captive-portal-open"),
    ("intermediary-serves-stale", "stale-copy", "stale-copy-purged"),
    ("transfer-incomplete", "transfer-incomplete", "transfer-incomplete-whole"),
    ("mtu-or-path-stall", "mtu-black-hole", "mtu-black-hole-told"),
    ("wsus-name-mismatch", "update-server-name", "update-server-name-right"),
    ("wsus-root-untrusted", "update-server-root", "update-server-root-deployed"),
    ("wsus-scheme-port-mismatch", "update-server-port", "update-server-port-right"),
    ("wsus-ssl-required-but-http", "update-server-clear", "update-server-clear-encrypted"),
    ("wsus-content-forced-to-https", "update-server-files", "update-server-files-served"),
    ("capture-loss", "capture-hole", "transfer-incomplete-whole"),
    ("capture-truncated", "capture-snaplen-96", "leaf-expired"),
    ("certificates-not-visible", "tls13-hidden", "tls13-with-keys"),
    ("answered-from-cache", "answered-from-cache", "answered-from-cache-asked"),
    ("no-failure-observed", "root-update-2011-resigned", "root-update-2011"),
];

#[test]
fn the_same_evidence_gives_the_same_bytes() {
    let sample = samples()
        .into_iter()
        .find(|path| path.ends_with("root-update-2011"))
        .unwrap();
    assert_eq!(report(&sample, "json"), report(&sample, "json"));
}

/// A Decryption Secrets Block: type 10, secrets type `TLSK`, length, text.
fn secrets_block(text: &[u8]) -> Vec<u8> {
    let padded = text.len().next_multiple_of(4);
    let length = u32::try_from(20 + padded).unwrap().to_le_bytes();
    let text_length = u32::try_from(text.len()).unwrap().to_le_bytes();
    let mut block = [&[10, 0, 0, 0], &length[..], b"KSLT", &text_length].concat();
    block.extend(text);
    block.resize(16 + padded, 0);
    block.extend(length);
    block
}

#[test]
fn secrets_inside_a_capture_serve_as_a_key_log_and_are_never_printed() {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/tls13-with-keys");
    let capture = std::fs::read(sample.join("client.pcapng")).unwrap();
    let keys = std::fs::read(sample.join("sslkeys.log")).unwrap();
    let header = u32::from_le_bytes(capture[4..8].try_into().unwrap()) as usize;
    let (front, rest) = capture.split_at(header);
    let folder = tempfile::tempdir().unwrap();
    let whole = [front, &secrets_block(&keys), rest].concat();
    std::fs::write(folder.path().join("client.pcapng"), whole).unwrap();
    for format in ["json", "text"] {
        let report = report(folder.path(), format);
        let text = String::from_utf8(keys.clone()).unwrap();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let secret = line.rsplit(' ').next().unwrap();
            assert!(
                !report
                    .to_ascii_lowercase()
                    .contains(&secret.to_ascii_lowercase())
            );
        }
        assert!(report.contains("leaf-expired"), "{report}");
    }
}
