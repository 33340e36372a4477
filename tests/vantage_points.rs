//! Captures of one event from several places: each download counts once.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("samples")
        .join(name)
}

fn explain(paths: &[&Path]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_whychain"))
        .args(["explain", "--format", "json"])
        .args(paths)
        .output()
        .unwrap();
    assert!(
        matches!(output.status.code(), Some(0 | 1 | 3)),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

fn count(report: &Value, list: &str) -> usize {
    report[list].as_array().unwrap().len()
}

#[test]
fn a_capture_given_twice_says_the_same_as_once() {
    let capture = sample("root-update-2011").join("client.pcapng");
    let folder = std::env::temp_dir().join(format!("whychain-twice-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let copy = folder.join("copy.pcapng");
    std::fs::copy(&capture, &copy).unwrap();
    let (once, twice) = (explain(&[&capture]), explain(&[&capture, &copy]));
    std::fs::remove_dir_all(&folder).unwrap();
    for list in [
        "retrievals",
        "failures",
        "machines",
        "handshakes",
        "incidents",
    ] {
        assert_eq!(count(&once, list), count(&twice, list), "{list}");
    }
    assert_eq!(
        once["verdict"]["root_cause"],
        twice["verdict"]["root_cause"]
    );
}

/// The download of this URL, which must be one.
fn download<'a>(report: &'a Value, end: &str) -> &'a Value {
    let all = report["retrievals"].as_array().unwrap().iter();
    let found: Vec<&Value> = all
        .filter(|it| it["url"].as_str().is_some_and(|url| url.ends_with(end)))
        .collect();
    assert_eq!(found.len(), 1, "{end}");
    found[0]
}

#[test]
fn client_and_proxy_together_show_who_broke_a_transfer_off() {
    let sample = sample("reset-behind-proxy");
    let report = explain(&[&sample.join("client.pcapng"), &sample.join("proxy.pcapng")]);
    let cut = download(&report, "LabSiteIssuingCA1.crl");
    assert_eq!(cut["at_fault"], "origin");
    let legs = cut["legs"].as_array().unwrap();
    assert_eq!(legs.len(), 2);
    assert_eq!(
        legs[1]["client"].as_str().unwrap().split(':').next(),
        Some("10.20.0.8")
    );
    assert_eq!(legs[1]["server"], "203.0.113.30:80");
    assert_eq!(report["verdict"]["root_cause"], "transfer-incomplete");
    // The proxy's capture alone shows both sides as well.
    let alone = explain(&[&sample.join("proxy.pcapng")]);
    assert_eq!(
        download(&alone, "LabSiteIssuingCA1.crl")["at_fault"],
        "origin"
    );
    // The client's alone cannot tell.
    let alone = explain(&[&sample.join("client.pcapng")]);
    assert!(download(&alone, "LabSiteIssuingCA1.crl")["at_fault"].is_null());
}

#[test]
fn a_black_hole_is_seen_at_the_server_and_not_guessed_at_the_client() {
    let sample = sample("mtu-black-hole");
    let server = explain(&[&sample.join("server.pcapng")]);
    assert_eq!(
        download(&server, "LabSiteIssuingCA1.crl")["outcome"],
        "stalled"
    );
    let client = explain(&[&sample.join("client.pcapng")]);
    let outcome = &download(&client, "LabSiteIssuingCA1.crl")["outcome"];
    assert!(outcome == "no-answer" || outcome == "stalled", "{outcome}");
    let told = self::sample("mtu-black-hole-told");
    let told = explain(&[&told.join("server.pcapng")]);
    assert_eq!(download(&told, "LabSiteIssuingCA1.crl")["outcome"], "ok");
}

#[test]
fn a_request_turned_off_to_a_proxy_is_one_with_its_copy_and_its_second_leg() {
    let sample = sample("stale-copy-transparent");
    let report = explain(&[&sample.join("client.pcapng"), &sample.join("proxy.pcapng")]);
    let lists: Vec<&Value> = report["retrievals"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|it| it["object"] == "ctl")
        .collect();
    assert_eq!(lists.len(), 2, "one by alice, one by the help desk");
    assert!(
        lists
            .iter()
            .all(|it| it["route"]["kind"] == "transparent-proxy")
    );
    assert_eq!(
        lists[0]["legs"].as_array().unwrap().len(),
        0,
        "the proxy asked nobody"
    );
    assert_eq!(lists[1]["legs"].as_array().unwrap().len(), 2);
    assert_eq!(report["verdict"]["root_cause"], "intermediary-serves-stale");
}
