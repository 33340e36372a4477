//! Kinds, hashes and cache entries of real files nobody on this project made.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use whychain::bytes::to_hex;
use whychain::cryptnet::{
    CacheEntry, CacheFile, EtagCheck, ListedFile, NameCheck, check_etag, entries, locate,
};
use whychain::evidence::{Discovery, EvidenceKind, OpenOptions, discover};

fn data(part: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/data")
        .join(part);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: no {}", path.display());
    None
}

fn find(path: &Path) -> Discovery {
    discover(&[path.to_path_buf()], &OpenOptions::default())
}

#[test]
fn every_real_capture_is_told_and_hashed_as_its_list_says() {
    let (Some(captures), Some(sums)) = (data("captures"), data("SHA256SUMS")) else {
        return;
    };
    let sums = std::fs::read_to_string(sums).unwrap();
    let mut found = find(&captures);
    let files = found.files.clone();
    for file in &files {
        let expected = match file.path.rsplit('.').next() {
            Some("pcap") => EvidenceKind::Pcap,
            Some("pcapng") => EvidenceKind::Pcapng,
            _ => continue,
        };
        // Some test suites name a pcapng file `.pcap`; the content decides.
        let head = std::fs::read(&file.path).unwrap();
        let expected = if head.starts_with(b"\x0a\x0d\x0d\x0a") {
            EvidenceKind::Pcapng
        } else {
            expected
        };
        assert_eq!(file.kind, expected, "{}", file.path);
        let stream = found.inputs.open(file).unwrap();
        found.inputs.close(stream);
    }
    let finish = found.inputs.finish();
    assert_eq!(finish.issues, []);
    assert!(finish.records.len() >= 10);
    for record in finish.records {
        let name = record.path.rsplit('/').next().unwrap();
        let line = sums.lines().find(|line| line.ends_with(name)).unwrap();
        assert_eq!(&line[..64], to_hex(&record.sha256.unwrap()), "{name}");
    }
}

#[test]
fn real_objects_logs_and_events_are_told() {
    let Some(root) = data("") else { return };
    let found = find(&root);
    let kind_of = |end: &str| {
        found
            .files
            .iter()
            .find(|file| file.path.ends_with(end))
            .map(|file| file.kind)
    };
    for (end, kind) in [
        ("authrootstl-2025-06-16.cab", EvidenceKind::Ctl),
        ("disallowedcertstl-2021.cab", EvidenceKind::Ctl),
        ("authroot-2026-10-23.stl", EvidenceKind::Ctl),
        ("MicCerTruLisPCA_2009-04-02.crt", EvidenceKind::Certificate),
        ("capi2-operational-windows7.evtx", EvidenceKind::Evtx),
        (
            "2021/MetaData/69C6F6EC64E114822DF688DC12CDD86C",
            EvidenceKind::CryptnetCache,
        ),
        (
            "2021/Content/69C6F6EC64E114822DF688DC12CDD86C",
            EvidenceKind::Crl,
        ),
        (
            "xp-2015/MetaData/2BF68F4714092295550497DD56F57004",
            EvidenceKind::CryptnetCache,
        ),
    ] {
        assert_eq!(kind_of(end), Some(kind), "{end}");
    }
    for file in &found.files {
        println!("{:?} {}", file.kind, file.path);
    }
}

fn cache(part: &str) -> Option<Vec<CacheEntry>> {
    let mut found = find(&data(part)?);
    let files = found.files.clone();
    let listed = files.iter().map(|file| ListedFile {
        index: file.index,
        hand_over: &file.hand_over,
        path: &file.logical,
    });
    let folders = locate(listed);
    assert_eq!(folders.len(), 1);
    let mut read = BTreeMap::new();
    for file in &files {
        let small = found.inputs.read_small(file, 1 << 20).unwrap();
        let (bytes, sha256) = (small.bytes, small.sha256);
        let (evidence, modified_at) = (small.evidence, small.modified_at);
        read.insert(
            file.index,
            CacheFile {
                evidence,
                bytes,
                sha256,
                modified_at,
            },
        );
    }
    let (made, issues) = entries(&folders[0], &read);
    assert_eq!(issues, []);
    assert_eq!(made.len() * 2, files.len());
    Some(made)
}

#[test]
fn real_entries_have_sound_records_names_and_etags() {
    for part in ["2017-proxy-via", "2021", "2025", "xp-2015"] {
        let Some(entries) = cache(&format!("cryptnet/{part}")) else {
            return;
        };
        for entry in &entries {
            assert_eq!(entry.name_check, NameCheck::Matches);
            let record = entry.record.as_ref().unwrap();
            let content = entry.content.as_ref().unwrap();
            assert_eq!(record.content_len(), content.bytes.len() as u64);
            assert_eq!(record.header_len, if part == "xp-2015" { 24 } else { 112 });
            if let (Some(etag), Some(extended)) = (&record.etag, &record.extended) {
                let len = Some(content.bytes.len() as u64);
                let check = check_etag(etag, extended.last_modified, len);
                // One server writes a number without meaning to us.
                let known = etag.contains([':', '-']);
                let expected = if known {
                    EtagCheck::Agrees
                } else {
                    EtagCheck::UnknownForm
                };
                assert_eq!(check, expected, "{etag}");
            }
            if part == "2017-proxy-via" {
                assert_ne!(record.extended.as_ref().unwrap().proxy_id, 0);
            }
        }
    }
}

#[test]
fn the_worked_example_reads_as_the_knowledge_says() {
    let Some(entries) = cache("cryptnet/2017-proxy-via") else {
        return;
    };
    let entry = entries
        .iter()
        .find(|entry| entry.name.starts_with("57C8EDB9"))
        .unwrap();
    let record = entry.record.as_ref().unwrap();
    let extended = record.extended.as_ref().unwrap();
    assert!(
        record
            .last_sync_at
            .unwrap()
            .to_rfc3339()
            .starts_with("2017-08-04T08:49:05.428")
    );
    assert_eq!(
        extended.last_modified.unwrap().to_rfc3339(),
        "2017-04-20T16:02:20Z"
    );
    assert_eq!((extended.object_type, extended.max_age), (6, 86_400));
    assert_eq!(extended.flush_exempt_seconds, u32::MAX);
    assert_eq!(extended.proxy_id, 0xCB78_A784);
    assert_eq!(record.etag.as_deref(), Some("\"04e707defb9d21:0\""));
}
