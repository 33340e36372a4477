//! Retrievals of real captures (`../shared/data`, skipped where absent) and of
//! the samples. Facts come from `tshark` and from how the samples were made.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};

use whychain::pipeline::{self, Options};
use whychain::retrieval::{Login, ObjectKind, Outcome, Retrieval, RouteKind};

fn real(name: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/captures");
    let path = root.join(name);
    if !path.exists() {
        println!("skipped: {} is not here", path.display());
    }
    path.exists().then_some(path)
}

fn retrievals(path: PathBuf, all_http: bool) -> Vec<Retrieval> {
    let options = Options {
        all_http,
        ..Options::default()
    };
    pipeline::explain(&[path], &options, &mut |_| {})
        .unwrap()
        .case
        .retrievals
}

fn sample(name: &str) -> Vec<Retrieval> {
    retrievals(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("samples")
            .join(name),
        false,
    )
}

fn words(retrievals: &[Retrieval]) -> Vec<(&str, &str, &str)> {
    let words = |each: &Retrieval| {
        (
            each.object.word(),
            each.outcome.word(),
            each.route.kind.word(),
        )
    };
    retrievals.iter().map(words).collect()
}

#[test]
fn eighteen_ocsp_exchanges_are_eighteen_retrievals() {
    let Some(path) = real("ntop__nDPI--ocsp.pcapng") else {
        return;
    };
    let found = retrievals(path, false);
    assert_eq!(words(&found), [("ocsp", "ok", "direct"); 18]);
    let by_get = found
        .iter()
        .filter(|each| each.method.as_deref() == Some("GET"))
        .count();
    assert_eq!(by_get, 3);
    let sizes: Vec<u64> = found
        .iter()
        .map(|each| each.body.as_ref().unwrap().size)
        .collect();
    assert_eq!(sizes[..5], [2055, 2047, 2055, 472, 472]);
}

#[test]
fn answers_that_were_not_captured_are_no_failures() {
    let Some(path) = real("seladb__PcapPlusPlus--raw_ip.pcap") else {
        return;
    };
    let found = retrievals(path, false);
    assert_eq!(words(&found), [("crl", "incomplete-capture", "direct"); 10]);
    assert!(
        found
            .iter()
            .all(|each| each.host.as_deref() == Some("crl.microsoft.com"))
    );
}

#[test]
fn the_caches_of_a_site_are_no_proxies() {
    let Some(path) = real("zeek__zeek--wikipedia.pcap") else {
        return;
    };
    assert_eq!(retrievals(path.clone(), false), []);
    let all = retrievals(path, true);
    assert!(all.iter().all(|each| each.route.kind == RouteKind::Direct));
    let hops: Vec<_> = all[0]
        .route
        .hops
        .iter()
        .map(|hop| (hop.name.as_str(), hop.cache.as_deref()))
        .collect();
    let want = [
        ("sq63.wikimedia.org", Some("HIT")),
        ("sq36.wikimedia.org", Some("MISS")),
    ];
    assert_eq!(hops, want);
}

#[test]
fn a_407_without_a_proxy_shows_no_proxy() {
    let Some(path) = real("OISF__suricata-verify--http-evader-455.pcap") else {
        return;
    };
    let all = retrievals(path, true);
    assert_eq!(words(&all), [("other", "proxy-login", "unknown")]);
}

#[test]
fn the_blocked_fetch_of_2011_is_an_attempt_without_a_request() {
    let found = sample("root-update-2011");
    let want = [
        ("ctl", "ok", "http-proxy"),
        ("aia-cert", "ok", "http-proxy"),
        ("ctl", "ok", "direct"),
        ("aia-cert", "connect-timeout", "direct"),
    ];
    assert_eq!(words(&found), want);
    let blocked = &found[3];
    assert_eq!(
        (blocked.url.as_deref(), blocked.host.as_deref()),
        (None, Some("pki.lab.example"))
    );
    assert_eq!(blocked.syns.len(), 4);
    assert_eq!(blocked.server.unwrap().to_string(), "203.0.113.20:80");
    assert!(found[0].cache_entry.is_some() && found[0].cache_entry != found[2].cache_entry);
}

#[test]
fn failures_of_the_network_get_their_own_words() {
    assert_eq!(
        words(&sample("dns-failed")),
        [("aia-cert", "no-such-name", "direct")]
    );
    assert_eq!(
        words(&sample("block-page-200")),
        [("ctl", "unexpected-content", "http-proxy")]
    );
    assert_eq!(
        words(&sample("intermediate-missing")),
        [("aia-cert", "forbidden", "http-proxy")]
    );
    let login = sample("proxy-login-407");
    assert_eq!(words(&login), [("aia-cert", "proxy-login", "http-proxy")]);
    assert_eq!(login[0].route.login, Login::Asked);
    let cut = sample("transfer-incomplete");
    assert_eq!(
        (cut[1].object, cut[1].outcome),
        (ObjectKind::Crl, Outcome::Truncated)
    );
}
