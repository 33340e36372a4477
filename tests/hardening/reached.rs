//! Every kind of issue and every rule is reached by a test.

use std::collections::BTreeMap;
use std::path::Path;

use whychain::pipeline::{Options, explain};

use crate::capture_writer::Capture;
use crate::{files, project};

/// Each kind of issue: the file that makes it, words of it, and where a test
/// meets it; `HERE` is `evidence_damaged_in_every_way…` below.
const KINDS: [(&str, &str, &str); 35] = [
    ("capture/issues.rs", "needs", HERE),
    (
        "capture/issues.rs",
        "places of the capture are damaged",
        HERE,
    ),
    (
        "case/assemble.rs",
        "a certificate of the server's list",
        HERE,
    ),
    ("case/bodies.rs", "1 more answer", "src/case/bodies.rs"),
    (
        "case/decisions.rs",
        "is not evaluated",
        "tests/bombs/messages.rs",
    ),
    ("cryptnet/entry.rs", "the MetaData record", HERE),
    ("cryptnet/entry.rs", "its MetaData record says", HERE),
    ("evidence/discover.rs", "is damaged or odd", HERE),
    (
        "evidence/discover.rs",
        "of its members",
        "tests/evidence.rs",
    ),
    (
        "evidence/discover.rs",
        "is a link, which is not followed",
        HERE,
    ),
    (
        "evidence/inputs.rs",
        "bytes when it was found",
        "tests/hardening/interrupted.rs",
    ),
    ("evidence/inputs.rs", "cannot be read further", HERE),
    ("evidence/inputs.rs", "cannot be read:", "tests/evidence.rs"),
    (
        "evidence/inputs.rs",
        "bytes read of such files",
        "tests/evidence.rs",
    ),
    (
        "flow/letting_go.rs",
        "connections at once",
        "tests/bombs/packets.rs",
    ),
    (
        "flow/table.rs",
        "repeats bytes with other values",
        "tests/bombs/packets.rs",
    ),
    (
        "flow/table.rs",
        "fragmented packets are not complete",
        "tests/bombs/packets.rs",
    ),
    (
        "flow/table.rs",
        "contradict themselves",
        "tests/bombs/packets.rs",
    ),
    (
        "pipeline/captures.rs",
        "connects were never answered",
        "tests/bombs/packets.rs",
    ),
    (
        "pipeline/captures.rs",
        "open conversations took 512 MiB",
        "tests/bombs/ceiling.rs",
    ),
    ("pipeline/captures.rs", " frames: ", HERE),
    (
        "pipeline/conversations.rs",
        "sealed",
        "src/protocol/ldap.rs",
    ),
    (
        "pipeline/conversations.rs",
        "longer than 64 KiB",
        "tests/bombs/messages.rs",
    ),
    (
        "pipeline/conversations.rs",
        "body of an HTTP answer: ",
        HERE,
    ),
    (
        "pipeline/conversations.rs",
        "TLS handshake: ",
        "tests/robustness.rs",
    ),
    ("pipeline/files.rs", "cache entry ", HERE),
    ("pipeline/files.rs", "PEM", HERE),
    ("pipeline/hosts.rs", "hive", HERE),
    ("pipeline/hives.rs", "hive", HERE),
    ("pipeline/hosts.rs", "chunk", HERE),
    ("pipeline/hosts.rs", "another form than the log", HERE),
    ("pipeline/hosts.rs", "event log header", HERE),
    (
        "pipeline/key_logs.rs",
        "lines of the key log are damaged",
        HERE,
    ),
    ("pipeline/texts.rs", "lines", HERE),
    (
        "retrieval/mod.rs",
        "more attempts than are kept",
        "src/retrieval/mod.rs",
    ),
];
const HERE: &str = "";

/// The part of a file that is not its tests.
fn code(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    text.split("#[cfg(test)]\nmod ").next().unwrap().to_owned()
}

/// The tests of a file of the library, or the whole of a file of `tests/`.
fn tests(path: &str) -> String {
    let text = std::fs::read_to_string(project(path)).unwrap();
    match path.starts_with("tests/") {
        true => text,
        false => text
            .split_once("#[cfg(test)]")
            .map_or_else(String::new, |it| it.1.to_owned()),
    }
}

#[test]
fn every_place_that_makes_an_issue_is_listed_and_tested() {
    let source = project("src");
    let listed: BTreeMap<&str, usize> =
        KINDS.iter().fold(BTreeMap::new(), |mut all, (file, ..)| {
            *all.entry(*file).or_default() += 1;
            all
        });
    for path in files(&source)
        .iter()
        .filter(|path| path.extension().is_some_and(|it| it == "rs"))
    {
        let below = path.strip_prefix(&source).unwrap().to_str().unwrap();
        if below.starts_with("report/") || below == "issue.rs" {
            continue;
        }
        let made = ["Issue::new(", "Issue::of_run(", "Issue {\n"];
        let places: usize = made
            .map(|made| code(path).matches(made).count())
            .iter()
            .sum();
        let known = listed.get(below).copied().unwrap_or_default();
        // `-> Option<Issue> {` and the like are no places; a file with places is known.
        assert!(
            places == 0 || known > 0,
            "{below} makes issues that no test is known to meet"
        );
    }
    for (file, words, place) in KINDS {
        assert!(source.join(file).is_file(), "{file}");
        assert!(
            place == HERE || tests(place).contains(words),
            "{place} does not meet {words:?}"
        );
    }
}

fn changed(path: &str, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = std::fs::read(project(path)).unwrap();
    change(&mut bytes);
    bytes
}

/// A capture with a body that is not what it says, and frames that are none.
fn damaged_capture() -> Vec<u8> {
    let mut capture = Capture::new();
    let answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 10\r\n\r\n\x1f\x8b\x08nothing";
    capture.exchange("GET /a.crl HTTP/1.1\r\nHost: crl.example\r\n\r\n", answer);
    for _ in 0..3 {
        // An IPv4 header that is shorter than itself.
        capture.packet(&[
            0x44, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 5, 10, 0, 0, 6, 0, 80,
        ]);
    }
    capture.bytes().to_vec()
}

/// A capture in which every second block is noise.
fn torn_capture() -> Vec<u8> {
    let mut bytes = Capture::new().bytes().to_vec();
    for number in 0..120_u32 {
        bytes.extend([0xFF; 64]);
        for _ in 0..4 {
            bytes.extend((1_700_000_000 + number).to_le_bytes());
            bytes.extend(
                [
                    number.to_le_bytes(),
                    40_u32.to_le_bytes(),
                    40_u32.to_le_bytes(),
                ]
                .concat(),
            );
            bytes.extend([
                0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 5, 10, 0, 0, 6,
            ]);
            bytes.extend([
                0x04, 0, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0xFF, 0xFF, 0, 0, 0, 0,
            ]);
        }
    }
    bytes
}

/// The handshake of a sample whose certificate is no longer one.
fn spoiled_certificate() -> Vec<u8> {
    changed("samples/leaf-expired/client.pcapng", |bytes| {
        let is_list = |window: &[u8]| {
            let number =
                |at: usize| u32::from_be_bytes([0, window[at], window[at + 1], window[at + 2]]);
            window[0] == 11 && number(1) > 300 && number(1) == number(4) + 3
        };
        let at = bytes.windows(7).position(is_list).unwrap();
        // Behind the certificate's own length: its outer SEQUENCE.
        bytes[at + 10] = 0x04;
    })
}

/// A cache folder: a cut record, and a content of another length.
fn lay_cache(folder: &Path) {
    let record = project("samples/healthy-through-proxy/cryptnet");
    let meta = files(&record)
        .into_iter()
        .filter(|path| path.parent().unwrap().ends_with("MetaData"));
    for (number, path) in meta.enumerate() {
        let name = path.file_name().unwrap();
        let content = path.parent().unwrap().with_file_name("Content").join(name);
        let (mut meta, mut content) = (
            std::fs::read(&path).unwrap(),
            std::fs::read(content).unwrap(),
        );
        match number {
            0 => meta.truncate(60),
            1 => content.truncate(content.len() - 3),
            _ => {}
        }
        for (kind, bytes) in [("MetaData", meta), ("Content", content)] {
            std::fs::create_dir_all(folder.join(kind)).unwrap();
            std::fs::write(folder.join(kind).join(name), bytes).unwrap();
        }
    }
}

fn lay(folder: &Path) {
    let put = |name: &str, bytes: &[u8]| std::fs::write(folder.join(name), bytes).unwrap();
    put("body.pcap", &damaged_capture());
    put("torn.pcap", &torn_capture());
    put("cut.pcap", &damaged_capture()[..100]);
    put("chain.pcapng", &spoiled_certificate());
    lay_cache(folder);
    put(
        "cut.zip",
        &changed("samples/root-update-2011/caches.zip", |it| {
            it.truncate(it.len() * 2 / 3)
        }),
    );
    let good = [0u8; 4].repeat(20_000);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, &[Capture::new().bytes(), &good].concat()).unwrap();
    let gzip = gzip.finish().unwrap();
    put("cut.pcap.gz", &gzip[..gzip.len() / 2]);
    put(
        "half.pem",
        b"-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n",
    );
    put(
        "chain.txt",
        b"CertUtil: -verify command completed successfully.\n",
    );
    put(
        "bad.hive",
        &changed("tests/data/host/software.hive", |it| {
            it[4_200..4_400].fill(0xFF)
        }),
    );
    put(
        "dirty.hive",
        &changed("tests/data/host/system.hive", |it| it[4] ^= 1),
    );
    put(
        "SYSTEM.LOG1",
        &changed("tests/data/host/system.hive", |it| it[28] = 6),
    );
    put("no.hive", b"regf");
    put(
        "bad.evtx",
        &changed("tests/data/host/capi2-two-accounts.evtx", |it| {
            it.truncate(40_000)
        }),
    );
    put("no.evtx", b"ElfFile\0nothing");
    let line = "2011-02-21\t08:59:14:694\t 924\t1a4\tMisc\tWARNING: Error: 0x800b0109\r\n";
    put(
        "WindowsUpdate.log",
        format!("{line}nonsense\r\n{line}").as_bytes(),
    );
    let access = "1795294800.123 120 10.9.0.20 TCP_MISS/200 812 GET http://crl.example/a.crl - HIER_DIRECT/192.0.2.1 -\n";
    put(
        "access.log",
        format!("{access}{access}nonsense here\n{access}").as_bytes(),
    );
    let key = format!("CLIENT_RANDOM {} {}\n", "ab".repeat(32), "cd".repeat(48));
    put(
        "keys.txt",
        format!("{key}CLIENT_RANDOM zz 12\nCLIENT_RANDOM 12\n").as_bytes(),
    );
    #[cfg(unix)]
    std::os::unix::fs::symlink("body.pcap", folder.join("link.pcap")).unwrap();
}

#[test]
fn evidence_damaged_in_every_way_is_said_to_be_and_the_good_is_used() {
    let folder = tempfile::tempdir().unwrap();
    lay(folder.path());
    std::fs::copy(
        project("tests/data/diagnosis/leaf.der"),
        folder.path().join("good.der"),
    )
    .unwrap();
    let paths = [folder.path().to_owned()];
    let explained = explain(&paths, &Options::default(), &mut |_| {}).unwrap();
    let issues = &explained.case.issues;
    let said: Vec<&str> = issues.iter().map(|issue| issue.what.as_str()).collect();
    let missing: Vec<&str> = KINDS
        .iter()
        .filter(|(_, words, place)| *place == HERE && !said.iter().any(|what| what.contains(words)))
        .map(|(_, words, _)| *words)
        .collect();
    assert!(missing.is_empty(), "not met: {missing:?}; said: {said:#?}");
    for issue in issues {
        assert!(
            !issue.what.is_empty() && !issue.effect.is_empty(),
            "{issue:?}"
        );
        assert!(
            !issue.what.contains('\n') && !issue.effect.contains('\n'),
            "{issue:?}"
        );
    }
    let sha256 =
        whychain::pki::digest::sha256(&std::fs::read(folder.path().join("good.der")).unwrap());
    assert!(
        explained
            .case
            .artifacts
            .iter()
            .any(|it| it.artifact.sha256() == sha256)
    );
}

/// Whether the stage includes a file in its tests only.
fn is_for_tests(path: &Path) -> bool {
    let stage = std::fs::read_to_string(path.with_file_name("mod.rs")).unwrap_or_default();
    let module = path.file_stem().unwrap().to_str().unwrap();
    stage.contains(&format!("#[cfg(test)]\nmod {module};"))
}

#[test]
fn every_rule_is_in_a_sample_or_named_by_a_test() {
    let mut texts = String::new();
    for path in files(&project("samples")) {
        if path.ends_with("report.json") {
            texts.push_str(
                &std::fs::read_to_string(path)
                    .unwrap()
                    .replace("\"rule\": ", ""),
            );
        }
    }
    for folder in ["src", "tests"] {
        for path in files(&project(folder)) {
            let below = path
                .strip_prefix(project("."))
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            let is_test = below.starts_with("tests") || is_for_tests(&path);
            if below.ends_with(".rs") && !below.contains("fuzz") && !below.contains("reached") {
                let text = std::fs::read_to_string(&path).unwrap();
                let from = if is_test {
                    Some(0)
                } else {
                    text.find("#[cfg(test)]\nmod ")
                };
                texts.push_str(from.map_or("", |from| &text[from..]));
                // A rule's own tests may name it by its constant.
                if from.is_some_and(|from| text[from..].contains("RULE.id")) {
                    let own = text
                        .split_once("id: \"")
                        .and_then(|(_, rest)| rest.split_once('"'));
                    texts.push_str(&own.map_or_else(String::new, |(id, _)| format!("\"{id}\"")));
                }
            }
        }
    }
    let rules = whychain::diagnosis::RULES.iter().map(|rule| rule.id);
    let unnamed: Vec<&str> = rules
        .filter(|id| !texts.contains(&format!("\"{id}\"")) && !UNREACHED.contains(id))
        .collect();
    assert!(unnamed.is_empty(), "rules that no test meets: {unnamed:?}");
}

/// Rules that no test meets yet: they read what a machine's own logs lack.
const UNREACHED: [&str; 1] = ["log-absent-or-suspended"];
