//! The table of causes and what must and must not be said of each, row by row.
//!
//! The test names are the rows. What is expected comes from how the evidence was
//! made (`samples/lab/`, the stories beside the samples), never from a report.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("samples")
        .join(name)
}

/// What whychain says of these files.
fn explain(evidence: &[PathBuf]) -> Report {
    let output = Command::new(env!("CARGO_BIN_EXE_whychain"))
        .args(["explain", "--format", "json"])
        .args(evidence)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    Report(serde_json::from_str(&text).unwrap_or_else(|_| {
        panic!("{}", String::from_utf8_lossy(&output.stderr));
    }))
}

/// What it says of all the evidence of a sample.
fn of_sample(name: &str) -> Report {
    let entries = std::fs::read_dir(sample(name)).unwrap();
    let mut evidence: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    evidence.retain(|path| {
        let name = path.file_name().unwrap().to_string_lossy();
        name != "README.md" && !name.starts_with("report.")
    });
    evidence.sort();
    explain(&evidence)
}

/// What it says of one changed capture.
fn of_capture(bytes: &[u8]) -> Report {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("client.pcapng");
    std::fs::write(&path, bytes).unwrap();
    explain(&[path])
}

struct Report(Value);

impl Report {
    fn verdict(&self) -> (&str, Option<&str>) {
        let verdict = &self.0["verdict"];
        (
            verdict["state"].as_str().unwrap(),
            verdict["root_cause"].as_str(),
        )
    }

    fn findings(&self) -> impl Iterator<Item = &Value> {
        self.0["findings"].as_array().unwrap().iter()
    }

    /// What is said by a rule, and not only ruled out.
    fn said(&self, rule: &str) -> Vec<&Value> {
        self.findings()
            .filter(|it| it["rule"] == rule && it["role"] != "ruled-out")
            .collect()
    }

    /// The one thing that is said by a rule, with this role and confidence.
    fn one(&self, rule: &str, role: &str, confidence: Option<&str>) -> &Value {
        let said = self.said(rule);
        assert!(
            !said.is_empty(),
            "{rule} is not said: {:#}",
            self.0["findings"]
        );
        let found = (said[0]["role"].as_str(), said[0]["confidence"].as_str());
        assert_eq!(found, (Some(role), confidence), "{rule}");
        said[0]
    }

    fn never(&self, rules: &[&str]) {
        for rule in rules {
            let said = self.said(rule);
            assert!(said.is_empty(), "{rule} must not be said: {said:#?}");
        }
    }

    /// True when a finding stands on another.
    fn stands_on(&self, effect: &Value, cause: &Value) -> bool {
        let because = effect["because_of"].as_array().unwrap();
        because.contains(&cause["id"])
    }
}

fn text<'a>(finding: &'a Value, field: &str) -> &'a str {
    finding[field].as_str().unwrap()
}

/// Every rule that blames a certificate, a list or a store.
const TRUST: [&str; 12] = [
    "leaf-expired",
    "leaf-not-yet-valid",
    "issuer-expired",
    "name-mismatch",
    "wrong-eku",
    "root-not-in-program",
    "private-root-not-deployed",
    "wsus-root-untrusted",
    "wsus-name-mismatch",
    "tls-inspection-untrusted",
    "signature-invalid",
    "self-signed-leaf",
];
/// Every rule that blames the way.
const WAY: [&str; 7] = [
    "dns-failed",
    "direct-blocked",
    "proxy-auth-required",
    "proxy-denied-or-filtered",
    "proxy-unreachable",
    "origin-http-error",
    "revocation-server-unreachable",
];

// ------------------------------------------------------------ captures, changed

/// One block of a little-endian pcapng file.
#[derive(Clone)]
struct Block(Vec<u8>);

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn blocks(capture: &[u8]) -> Vec<Block> {
    let (mut at, mut found) = (0, Vec::new());
    while at < capture.len() {
        let length = word(capture, at + 4) as usize;
        found.push(Block(capture[at..at + length].to_vec()));
        at += length;
    }
    found
}

impl Block {
    /// Source address and payload of an Enhanced Packet Block with TCP in IPv4
    /// in Ethernet.
    fn segment(&self) -> Option<([u8; 4], &[u8])> {
        if word(&self.0, 0) != 6 {
            return None;
        }
        let captured = word(&self.0, 20) as usize;
        let frame = self.0.get(28..28 + captured)?;
        let packet = frame.get(14..).filter(|_| frame[12..14] == [8, 0])?;
        let header = usize::from(packet[0] & 15) * 4;
        let length = usize::from(u16::from_be_bytes([packet[2], packet[3]]));
        let segment = packet.get(header..length).filter(|_| packet[9] == 6)?;
        let offset = usize::from(segment[12] >> 4) * 4;
        Some((packet[12..16].try_into().unwrap(), segment.get(offset..)?))
    }
}

/// The capture without one segment in the middle of what a server sent.
fn without_a_segment(capture: &[u8], server: [u8; 4]) -> Vec<u8> {
    let mut all = blocks(capture);
    let is_body = |block: &Block| {
        let segment = block.segment();
        segment.is_some_and(|(source, payload)| source == server && payload.len() > 1_000)
    };
    let large: Vec<usize> = (0..all.len()).filter(|at| is_body(&all[*at])).collect();
    assert!(large.len() > 2, "{} segments", large.len());
    all.remove(large[large.len() / 2]);
    all.into_iter().flat_map(|block| block.0).collect()
}

/// The capture with every packet so many days later; times are microseconds.
fn shifted(capture: &[u8], days: u64) -> Vec<u8> {
    let mut all = blocks(capture);
    for block in all.iter_mut().filter(|block| word(&block.0, 0) == 6) {
        let ticks = u64::from(word(&block.0, 12)) << 32 | u64::from(word(&block.0, 16));
        let ticks = ticks + days * 86_400 * 1_000_000;
        let high = u32::try_from(ticks >> 32).unwrap();
        block.0[12..16].copy_from_slice(&high.to_le_bytes());
        let low = u32::try_from(ticks & 0xffff_ffff).unwrap();
        block.0[16..20].copy_from_slice(&low.to_le_bytes());
    }
    all.into_iter().flat_map(|block| block.0).collect()
}

// ----------------------------------------------------------------------- the rows

#[test]
fn ctl_signer_issuer_missing_aia_blocked() {
    let report = of_sample("root-update-2011");
    let rule = "ctl-signer-issuer-missing-aia-blocked";
    assert_eq!(report.verdict(), ("explained", Some(rule)));
    let cause = report.one(rule, "root-cause", Some("proven"));
    let missing = "\"Whychain Lab Trust List PCA\"";
    assert!(text(cause, "summary").contains(missing), "{cause:#}");
    report.one("identity-proxy-gap", "contributing", Some("high"));
    report.one("direct-blocked", "contributing", Some("high"));
    report.never(&[
        "ctl-cached-signer-expired",
        "ctl-signature-or-content-invalid",
    ]);
    report.never(&TRUST);
}

#[test]
fn the_same_with_the_fixed_list() {
    let report = of_sample("root-update-2011-resigned");
    assert_eq!(report.verdict(), ("clean", None));
    report.never(&[
        "ctl-signer-issuer-missing-aia-blocked",
        "ctl-cached-signer-expired",
        "ctl-signature-or-content-invalid",
        "ctl-download-blocked",
    ]);
}

#[test]
fn ctl_cached_signer_expired() {
    // alice's old list becomes SYSTEM's; beside it lies a cache of alice's with
    // the list of November, synchronized after the old one's signer ran out.
    const CACHE: &str = "AppData/LocalLow/Microsoft/CryptnetUrlCache";
    let folder = tempfile::tempdir().unwrap();
    let archive = std::fs::File::open(sample("list-signer-expired/caches.zip")).unwrap();
    let mut archive = zip::ZipArchive::new(archive).unwrap();
    // What the list's URL is stored under (MD5 of its UTF-16 text).
    let list = "77EC63BDA74BD0D0E0426DC8F8008506";
    let current = sample("answered-from-cache/cryptnet/C/Users/alice");
    let system = folder
        .path()
        .join("C/Windows/System32/config/systemprofile");
    let alice = folder.path().join("C/Users/alice");
    for part in ["MetaData", "Content"] {
        let name = format!("C/Users/alice/{CACHE}/{part}/{list}");
        let mut old = Vec::new();
        std::io::copy(&mut archive.by_name(&name).unwrap(), &mut old).unwrap();
        for profile in [&system, &alice] {
            std::fs::create_dir_all(profile.join(CACHE).join(part)).unwrap();
        }
        std::fs::write(system.join(CACHE).join(part).join(list), old).unwrap();
        let newer = current.join(CACHE).join(part).join(list);
        std::fs::copy(newer, alice.join(CACHE).join(part).join(list)).unwrap();
    }
    let report = explain(&[folder.path().to_path_buf()]);
    let rule = "ctl-cached-signer-expired";
    assert_eq!(report.verdict(), ("explained", Some(rule)));
    let cause = report.one(rule, "root-cause", Some("proven"));
    let summary = text(cause, "summary");
    assert!(
        summary.starts_with("In the cache of SYSTEM lies the trust list of 2026-09-22"),
        "{summary}"
    );
    assert!(
        summary.contains("user alice has the one of 2026-11-10"),
        "{summary}"
    );
    report.never(&["ctl-signature-or-content-invalid"]);
}

#[test]
fn intermediate_missing_aia_failed() {
    let report = of_sample("proxy-login-407");
    assert_eq!(report.verdict(), ("explained", Some("proxy-auth-required")));
    let cause = report.one("proxy-auth-required", "root-cause", Some("proven"));
    let effect = report.one(
        "intermediate-missing-aia-failed",
        "contributing",
        Some("high"),
    );
    assert!(report.stands_on(effect, cause));
    report.never(&TRUST);
    report.never(&["store-unknown", "ctl-unknown"]);
}

#[test]
fn revocation_server_unreachable() {
    let report = of_sample("status-unreachable");
    assert_eq!(report.verdict(), ("explained", Some("direct-blocked")));
    let effect = report.one(
        "revocation-server-unreachable",
        "contributing",
        Some("high"),
    );
    let causes = report.said("direct-blocked");
    assert!(causes.iter().any(|cause| report.stands_on(effect, cause)));
    // 15 s for the answer and 5 s for the list, as the client was told to wait.
    assert!(
        text(effect, "summary").contains("waited 20 s"),
        "{effect:#}"
    );
    report.never(&["certificate-revoked", "crl-expired"]);
}

#[test]
fn crl_expired() {
    let report = of_sample("crl-expired");
    assert_eq!(report.verdict(), ("explained", Some("crl-expired")));
    report.one("crl-expired", "root-cause", Some("high"));
    report.never(&["intermediary-serves-stale"]);
    report.never(&WAY);
}

#[test]
fn crl_expired_out_of_a_cache_on_the_way() {
    let mut capture = std::fs::read(sample("crl-expired/client.pcapng")).unwrap();
    // As long as what it takes the place of; the last answer is the list's.
    let (field, age) = (b"Connection: keep-alive", b"Age: 90000\r\nX-From: lb");
    let at = capture
        .windows(field.len())
        .rposition(|window| window == field)
        .unwrap();
    capture[at..at + age.len()].copy_from_slice(age);
    let report = of_capture(&capture);
    assert_eq!(report.verdict(), ("explained", Some("crl-expired")));
    report.one("crl-expired", "root-cause", Some("high"));
    let also = report.one("intermediary-serves-stale", "contributing", Some("medium"));
    assert!(text(also, "summary").contains("90000 s"), "{also:#}");
    report.never(&WAY);
}

#[test]
fn client_clock_wrong() {
    // The sample's clock is 2150 days behind; 1055 days later it is three years.
    let capture = std::fs::read(sample("clock-behind/client.pcapng")).unwrap();
    let report = of_capture(&shifted(&capture, 1_055));
    let first = report.0["evidence"][0]["first_at"].as_str().unwrap();
    assert!(first.starts_with("2023-11-"), "{first}");
    assert_eq!(report.verdict(), ("explained", Some("client-clock-wrong")));
    let cause = report.one("client-clock-wrong", "root-cause", Some("high"));
    assert!(
        text(cause, "summary").contains("3.0 years apart"),
        "{cause:#}"
    );
    let leaf = report.said("leaf-not-yet-valid");
    assert!(
        leaf.iter().all(|it| it["role"] != "root-cause"),
        "{leaf:#?}"
    );
    report.never(&["issuer-expired"]);
}

#[test]
fn tls_inspection_untrusted() {
    let report = of_sample("inspected");
    assert_eq!(
        report.verdict(),
        ("explained", Some("tls-inspection-untrusted"))
    );
    let cause = report.one("tls-inspection-untrusted", "root-cause", Some("high"));
    assert_eq!(cause["explains"].as_array().unwrap().len(), 3);
    report.never(&["root-not-in-program", "private-root-not-deployed"]);
}

#[test]
fn wsus_ssl_required_but_http() {
    let report = of_sample("update-server-clear");
    let rule = "wsus-ssl-required-but-http";
    assert_eq!(report.verdict(), ("explained", Some(rule)));
    report.never(&TRUST);
    report.never(&["origin-http-error", "server-without-certificate-binding"]);
}

#[test]
fn capture_loss() {
    // 203.0.113.10 serves the list and the root; the list is the larger.
    let capture = std::fs::read(sample("list-blocked-open/client.pcapng")).unwrap();
    assert_eq!(of_capture(&capture).verdict(), ("clean", None));
    let report = of_capture(&without_a_segment(&capture, [203, 0, 113, 10]));
    assert_eq!(report.verdict(), ("undetermined", None));
    let loss = report.one("capture-loss", "cannot-tell", None);
    assert!(text(loss, "summary").contains("incomplete"), "{loss:#}");
    report.never(&[
        "ctl-signature-or-content-invalid",
        "signature-invalid",
        "transfer-incomplete",
    ]);
}

#[test]
fn certificates_not_visible() {
    let report = of_sample("tls13-hidden");
    assert_eq!(report.verdict(), ("undetermined", None));
    let hidden = report.one("certificates-not-visible", "cannot-tell", None);
    assert!(
        text(hidden, "remedy").contains("SSLKEYLOGFILE"),
        "{hidden:#}"
    );
    report.never(&TRUST);
    assert_eq!(report.0["chains"].as_array().unwrap().len(), 0);
}

#[test]
fn answered_from_cache() {
    let report = of_sample("answered-from-cache");
    let cached = report.one("answered-from-cache", "cannot-tell", None);
    let summary = text(cached, "summary");
    for held in [
        "the trust list of 2026-11-10",
        "the CRL of \"Lab Site Root\"",
        "OCSP answer",
    ] {
        assert!(summary.contains(held), "{held}: {summary}");
    }
    report.never(&WAY);
    report.never(&["ctl-download-blocked", "identity-proxy-gap"]);
}
