//! From evidence to the fleet's answer, as a user gets there: hand-overs made
//! for the purpose, explained one by one, and merged. What must come out is
//! known from how the hand-overs were made.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use whychain::time::Timestamp;

fn sample(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("samples")
        .join(path)
}

fn whychain(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_whychain"))
        .args(arguments)
        .output()
        .unwrap()
}

/// The cache file of the trust list, named by the hash of its URL.
const LIST: &str = "77EC63BDA74BD0D0E0426DC8F8008506";
/// A list that is six weeks older, in the cache of another sample.
const OLD_LIST: &str = "stale-copy/cryptnet/C/Users/alice/AppData/LocalLow/Microsoft/\
    CryptnetUrlCache/Content/94308059B57B3142E455B38A6EB92015";

/// What a host hands over.
struct Host<'a> {
    folder: &'a str,
    name: &'a str,
    /// When its list was synchronized, and when all else was.
    list_at: &'a str,
    rest_at: &'a str,
    old_list: bool,
    records: bool,
}

/// FILETIME: tenths of microseconds since 1601, with a fraction of a second.
fn file_time(at: &str) -> [u8; 8] {
    let seconds = Timestamp::from_rfc3339(at).unwrap().unix_seconds() + 11_644_473_600;
    (u64::try_from(seconds).unwrap() * 10_000_000 + 1_234_567).to_le_bytes()
}

/// Copies the caches of a healthy machine, with the host's own times.
fn hand_over(below: &Path, host: &Host<'_>) -> PathBuf {
    let to = below.join(host.folder).join(host.name);
    let from = sample("healthy-through-proxy/cryptnet");
    for entry in walkdir::WalkDir::new(&from) {
        let path = entry.unwrap().into_path();
        let target = to.join(path.strip_prefix(&from).unwrap());
        if path.is_dir() {
            fs::create_dir_all(&target).unwrap();
            continue;
        }
        let mut bytes = fs::read(&path).unwrap();
        let is_list = path.ends_with(LIST);
        if path.parent().unwrap().ends_with("MetaData") {
            if !host.records {
                continue;
            }
            let at = if is_list { host.list_at } else { host.rest_at };
            bytes[0x10..0x18].copy_from_slice(&file_time(at));
        } else if is_list && host.old_list {
            bytes = fs::read(sample(OLD_LIST)).unwrap();
        }
        fs::write(&target, bytes).unwrap();
    }
    to
}

/// Eight machines in nine hand-overs, with what goes wrong in real life.
fn fleet(below: &Path) -> Vec<PathBuf> {
    const NEVER: &str = "2020-01-01T00:00:00Z";
    let host = |folder, name, list_at, rest_at, old_list| Host {
        folder,
        name,
        list_at,
        rest_at,
        old_list,
        records: true,
    };
    let mut hosts = vec![
        host(
            "a",
            "PC-01",
            "2026-11-21T10:00:00Z",
            "2026-11-21T09:01:00Z",
            true,
        ),
        // The same machine a day later: the list was replaced, the rest was not.
        host(
            "b",
            "PC-01",
            "2026-11-21T15:00:00Z",
            "2026-11-21T09:01:00Z",
            false,
        ),
        host(
            "a",
            "PC-02",
            "2026-11-21T11:00:00Z",
            "2026-11-21T09:02:00Z",
            false,
        ),
        // Another machine of that name.
        host(
            "c",
            "PC-02",
            "2026-11-21T14:00:00Z",
            "2026-11-21T09:22:00Z",
            true,
        ),
        host(
            "a",
            "PC-03",
            "2026-11-21T12:00:00Z",
            "2026-11-21T09:03:00Z",
            false,
        ),
        host(
            "a",
            "PC-04",
            "2026-11-21T11:30:00Z",
            "2026-11-21T09:04:00Z",
            true,
        ),
        host(
            "a",
            "PC-05",
            "2026-11-21T13:00:00Z",
            "2026-11-21T09:05:00Z",
            false,
        ),
        // Its clock stood years back.
        host("a", "PC-06", NEVER, NEVER, false),
        // Somebody copied half of its cache.
        host("a", "PC-07", NEVER, NEVER, false),
    ];
    hosts.last_mut().unwrap().records = false;
    hosts.iter().map(|host| hand_over(below, host)).collect()
}

/// Explains each input, and merges the reports.
fn merged(inputs: &[PathBuf], reports: &Path, more: &[&str]) -> (Value, String) {
    let mut arguments = vec![
        "explain",
        "--each",
        "-q",
        "--out-dir",
        reports.to_str().unwrap(),
    ];
    arguments.extend(inputs.iter().map(|it| it.to_str().unwrap()));
    whychain(&arguments);
    let mut arguments = vec!["merge", reports.to_str().unwrap()];
    arguments.extend(more);
    let output = whychain(&arguments);
    let errors = String::from_utf8(output.stderr).unwrap();
    let found = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    (found, errors)
}

fn names(found: &Value, ids: &[&Value]) -> Vec<String> {
    let machines = found["machines"].as_array().unwrap();
    let name = |id: &&Value| {
        let machine = machines.iter().find(|it| it["id"] == **id).unwrap();
        machine["names"][0].as_str().unwrap_or("-").to_owned()
    };
    ids.iter().map(name).collect()
}

#[test]
fn a_made_fleet_is_told_as_it_was_made() {
    let folder = tempfile::tempdir().unwrap();
    let mut inputs = fleet(folder.path());
    let bad = folder.path().join("bad.zip");
    fs::write(&bad, "PK\x03\x04 and no more").unwrap();
    inputs.push(bad);
    let (found, errors) = merged(&inputs, &folder.path().join("reports"), &[]);
    assert_eq!(errors, "");
    assert_eq!(
        (&found["machine_count"], &found["reports"]),
        (&json!(8), &json!(9))
    );
    assert_eq!(found["states"]["no-validation-seen"], 8);
    assert_eq!(found["alike"].as_array().unwrap().len(), 1);
    assert_eq!(found["alike"][0]["name"], "pc-02");

    let objects = found["objects"].as_array().unwrap();
    let list = objects
        .iter()
        .find(|it| it["object"] == "list authroot")
        .unwrap();
    let [old, new] = list["versions"].as_array().unwrap().as_slice() else {
        panic!("two versions");
    };
    // PC-01 had the old one and holds the new one; the two of one name differ.
    assert_eq!(
        (&old["machines_ever"], &old["machines_now"]),
        (&json!(3), &json!(2))
    );
    assert_eq!(
        (&new["machines_ever"], &new["machines_now"]),
        (&json!(6), &json!(6))
    );
    let order = |version: &Value| -> Vec<String> {
        let earliest = version["earliest"].as_array().unwrap().iter();
        names(
            &found,
            &earliest.map(|it| &it["machine"]).collect::<Vec<_>>(),
        )
    };
    assert_eq!(order(old), ["PC-01", "PC-04", "PC-02"]);
    // Neither the clock of PC-06 nor the missing records of PC-07 lead it.
    assert_eq!(order(new), ["PC-02", "PC-03", "PC-05", "PC-01"]);
    assert_eq!(new["misdated"], 1);
    assert_eq!(new["first"]["at"], "2026-11-21T11:00:00.1234567Z");
    assert_eq!(new["last_at"], "2026-11-21T15:00:00.1234567Z");

    // What to collect, and from whom.
    let lacks = found["lacks"].as_array().unwrap();
    let service = lacks
        .iter()
        .find(|it| it["collect"].as_str().unwrap().contains("local-service"));
    assert_eq!(service.unwrap()["machines"], 8);
}

#[test]
fn failures_are_counted_by_cause_and_the_same_evidence_once() {
    let folder = tempfile::tempdir().unwrap();
    let copy = |name: &str, from: &str| {
        let path = folder.path().join(name);
        fs::copy(sample(from), &path).unwrap();
        path
    };
    let inputs = [
        copy("one.pcapng", "machine-login/client.pcapng"),
        copy("the-same-again.pcapng", "machine-login/client.pcapng"),
        copy("two.pcapng", "proxy-login-407/client.pcapng"),
        copy("three.pcapng", "crl-expired/client.pcapng"),
        copy("four.pcapng", "leaf-expired-renewed/client.pcapng"),
        copy("five.pcapng", "tls13-hidden/client.pcapng"),
    ];
    let (found, _) = merged(&inputs, &folder.path().join("reports"), &[]);
    // `machine-login` and `proxy-login-407` are of one PC-0415 at one address.
    let causes: Vec<(&Value, &Value, &Value)> = found["causes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (&it["cause"], &it["machines"], &it["incidents"]))
        .collect();
    assert_eq!(
        causes,
        [
            (&json!("crl-expired"), &json!(1), &json!(1)),
            (&json!("proxy-auth-required"), &json!(1), &json!(2)),
            (&Value::Null, &json!(1), &json!(1)),
        ]
    );
    assert_eq!(found["machine_count"], 4);
    assert_eq!(found["states"]["clean"], 1);
    assert_eq!(found["states"]["explained"], 2);
    assert_eq!(found["states"]["undetermined"], 1);
    assert_eq!(found["proxies"][0]["what"], "10.20.0.8:3128");
}

#[test]
fn merges_of_merges_in_files_are_the_merge_of_all() {
    let folder = tempfile::tempdir().unwrap();
    let inputs = fleet(folder.path());
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let reports = folder.path().join("reports");
    merged(
        &inputs,
        &reports,
        &[
            "-q",
            "-o",
            &at("all.json"),
            "-o",
            &at("all.csv"),
            "-o",
            &at("all.html"),
        ],
    );
    let mut files: Vec<String> = fs::read_dir(&reports)
        .unwrap()
        .map(|it| it.unwrap().path().to_str().unwrap().to_owned())
        .filter(|it| it.ends_with(".json"))
        .collect();
    files.sort();
    assert_eq!(files.len(), 9);
    let merge = |inputs: &[String], to: &str| {
        let mut arguments = vec!["merge", "-q"];
        arguments.extend(inputs.iter().map(String::as_str));
        arguments.extend(["-o", to]);
        let output = whychain(&arguments);
        assert_eq!(
            output.status.code(),
            Some(0),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    };
    let (late, early) = files.split_at(5);
    merge(late, &at("late.json"));
    let mut rest = early.to_vec();
    rest.insert(2, at("late.json"));
    merge(&rest, &at("again.json"));
    let read = |name: &str| fs::read_to_string(at(name)).unwrap();
    assert!(read("again.json") == read("all.json"));
    // A folder of what was merged before is the same once more.
    merge(
        &[at("again.json"), reports.to_str().unwrap().to_owned()],
        &at("third.json"),
    );
    assert!(read("third.json") == read("all.json"));

    assert_eq!(
        read("all.csv").lines().count(),
        9,
        "a header and eight machines"
    );
    let page = read("all.html");
    for text in [
        "PC-04",
        "list authroot",
        "hosts-find",
        "Content-Security-Policy",
    ] {
        assert!(page.contains(text), "{text}");
    }
    assert!(!page.contains("http-equiv=\"refresh\"") && !page.contains("<script src"));
}

#[test]
fn a_damaged_report_is_one_line_and_the_rest_is_merged() {
    let folder = tempfile::tempdir().unwrap();
    let reports = folder.path().join("reports");
    fs::create_dir(&reports).unwrap();
    fs::copy(sample("crl-expired/report.json"), reports.join("good.json")).unwrap();
    fs::write(
        reports.join("cut.json"),
        "{\"schema\": \"whychain.report/1\", \"mach",
    )
    .unwrap();
    fs::write(
        reports.join("other.json"),
        "{\"schema\": \"someone.else/1\"}",
    )
    .unwrap();
    fs::write(reports.join("notes.txt"), "no report").unwrap();
    let output = whychain(&["merge", reports.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(errors.lines().count(), 2, "{errors}");
    assert!(
        errors.contains("cut.json: left out: damaged: EOF"),
        "{errors}"
    );
    assert!(
        errors.contains("other.json: left out: its form is \"someone.else/1\""),
        "{errors}"
    );
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["machine_count"], 1);
    assert_eq!(found["problems"].as_array().unwrap().len(), 2);
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    assert_eq!(
        whychain(&["merge", empty.to_str().unwrap()]).status.code(),
        Some(2)
    );
}

#[test]
fn a_hostile_name_is_text_on_the_page() {
    let folder = tempfile::tempdir().unwrap();
    let report = fs::read_to_string(sample("machine-login/report.json")).unwrap();
    let path = folder.path().join("r.json");
    let hostile = report.replace(
        "\"PC-0415\"",
        "\"</script><img src=x onerror=alert(1)>\\u202e\"",
    );
    assert_ne!(hostile, report);
    fs::write(&path, hostile).unwrap();
    let output = whychain(&["merge", path.to_str().unwrap(), "--format", "html"]);
    let page = String::from_utf8(output.stdout).unwrap();
    assert!(page.contains("&lt;/script&gt;&lt;img src=x"));
    assert!(!page.contains("<img src=x") && !page.contains('\u{202e}'));
}
