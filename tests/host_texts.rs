//! Texts of servers and pasted texts, through the whole program: in every
//! encoding, cut in the middle, and changed at random.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};

use whychain::case::Case;
use whychain::evidence::EvidenceKind;
use whychain::pipeline::{Options, explain};
use whychain::retrieval::Outcome;

const TEXTS: [(&str, EvidenceKind); 7] = [
    ("squid-refused.log", EvidenceKind::AccessLog),
    ("combined-page.log", EvidenceKind::AccessLog),
    ("iis-wsus.log", EvidenceKind::AccessLog),
    ("certutil-urlcache-verbose.log", EvidenceKind::CertutilText),
    ("certutil-store-root.log", EvidenceKind::CertutilText),
    ("certutil-verify.log", EvidenceKind::CertutilText),
    ("netsh-proxy.log", EvidenceKind::NetshText),
];

fn fixture(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/host");
    folder.join(name)
}

fn explained(paths: &[PathBuf]) -> Case {
    let options = Options::default();
    explain(paths, &options, &mut |_| {}).unwrap().case
}

/// The case of bytes under a name of their own.
fn of_bytes(bytes: &[u8]) -> Case {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pasted");
    std::fs::write(&path, bytes).unwrap();
    explained(&[path])
}

/// What a case has of a text, without places.
fn facts(case: &Case) -> String {
    let retrievals = case.retrievals.iter().map(|it| {
        let account = it.account.as_ref().map(ToString::to_string);
        format!("{:?} {:?} {:?} {account:?}", it.url, it.status, it.outcome)
    });
    let entries = case.cache_entries.iter().map(|entry| {
        let told = entry
            .told
            .as_ref()
            .map(|told| (told.size, told.last_sync.clone()));
        format!("{} {} {told:?}", entry.name, entry.owner)
    });
    let pasted = case.hosts.iter().filter_map(|host| host.pasted());
    let pasted = pasted.map(|pasted| pasted.phrase());
    let all: Vec<String> = retrievals.chain(entries).chain(pasted).collect();
    all.join("\n")
}

#[test]
fn every_text_is_known_by_its_content_and_read_without_an_issue() {
    for (name, kind) in TEXTS {
        let case = explained(&[fixture(name)]);
        assert_eq!(case.evidence[0].kind, kind, "{name}");
        assert_eq!(case.issues, [], "{name}");
        assert!(!facts(&case).is_empty(), "{name}");
    }
}

#[test]
fn a_text_says_the_same_in_utf_16_with_and_without_a_mark() {
    for (name, _) in TEXTS {
        let text = std::fs::read_to_string(fixture(name)).unwrap();
        let expected = facts(&of_bytes(text.as_bytes()));
        let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let marked = [&[0xff, 0xfe][..], &wide].concat();
        assert_eq!(facts(&of_bytes(&marked)), expected, "{name} with a mark");
        assert_eq!(facts(&of_bytes(&wide)), expected, "{name} without");
    }
}

#[test]
fn a_text_cut_in_the_middle_is_told_and_the_rest_is_used() {
    for (name, cut_at) in [
        ("squid-refused.log", "application/pkix-crl\n17952948"),
        ("iis-wsus.log", "2026-11-21 19:00:09 10.9"),
        (
            "certutil-urlcache-verbose.log",
            "Meta File Name: \"C:\\Windows",
        ),
        ("certutil-store-root.log", "Cert Hash(sha1): "),
        ("certutil-verify.log", "Certificate CDP"),
    ] {
        let text = std::fs::read_to_string(fixture(name)).unwrap();
        let at = text.find(cut_at).unwrap() + cut_at.len();
        let case = of_bytes(&text.as_bytes()[..at]);
        assert_eq!(case.issues.len(), 1, "{name}: {:?}", case.issues);
        assert!(!facts(&case).is_empty(), "{name}");
    }
}

#[test]
fn lines_of_a_proxy_are_attempts_with_their_account() {
    let case = explained(&[fixture("squid-refused.log")]);
    let ends: Vec<Outcome> = case.retrievals.iter().map(|it| it.outcome).collect();
    assert_eq!(ends, [Outcome::ProxyLogin, Outcome::Ok]);
    assert_eq!(
        case.retrievals[0].account, None,
        "a name is never carried over"
    );
    let account = case.retrievals[1].account.as_ref().unwrap();
    assert_eq!(account.to_string(), "user CORP\\alice");
    assert_eq!(case.machines[0].addresses[0].to_string(), "10.9.0.20");
}

#[test]
fn lines_of_an_update_server_are_attempts_of_its_callers() {
    let case = explained(&[fixture("iis-wsus.log")]);
    let told: Vec<(u16, &str)> = case
        .retrievals
        .iter()
        .map(|it| (it.status.unwrap(), it.url.as_deref().unwrap()))
        .collect();
    let service = "http://10.9.0.2:8530/ClientWebService/client.asmx";
    let remote = "https://10.9.0.2:8531/ApiRemoting30/WebService.asmx";
    assert_eq!(told, [(403, service), (200, remote)]);
    assert_eq!(case.machines.len(), 2, "each caller is a machine");
}

#[test]
fn a_pasted_list_gives_entries_without_bytes_and_no_profile() {
    let case = explained(&[fixture("certutil-urlcache-verbose.log")]);
    let owners: Vec<String> = case
        .cache_entries
        .iter()
        .map(|entry| entry.owner.to_string())
        .collect();
    assert_eq!(owners, ["user LocalAdmin", "SYSTEM"]);
    let told = case.cache_entries[0].told.as_ref().unwrap();
    assert_eq!(told.size, Some(29_367));
    assert_eq!(told.last_sync.as_deref(), Some("3/3/2011 8:59 PM"));
    // A list may be a part: what it lacks is not known to be absent.
    assert!(
        case.machines
            .iter()
            .all(|machine| machine.profiles.is_empty())
    );
}

#[test]
fn texts_changed_anywhere_give_an_answer() {
    let mut state = 5_u64;
    for (name, _) in TEXTS {
        let whole = std::fs::read(fixture(name)).unwrap();
        for _ in 0..300 {
            let mut text = whole.clone();
            for _ in 0..3 {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                let at = usize::try_from(state >> 33).unwrap() % text.len();
                match state % 3 {
                    0 => text[at] ^= 1 << (state >> 40 & 7),
                    1 => text.truncate(at.max(1)),
                    _ => text[at] = b"\n\0\"[=:/\xff"[at % 8],
                }
            }
            let decoded = whychain::host::text::decode(&text);
            let _ = whychain::host::pasted::read(&decoded);
            let _ = whychain::host::access_log::read(&decoded);
        }
    }
}
