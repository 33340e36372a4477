//! How fast a capture is read, beside programs that everybody knows.
//!
//! `cargo bench` makes one capture after another, runs `whychain explain` on it
//! in turn with `cat`, `openssl dgst -sha256`, `tcpdump` and `tshark`, checks
//! that everything in the manifest was found, and prints tables of times, ratios
//! and peak memory and what became of the goals. Needs GNU `time`; programs that
//! are not installed are left out. `docs/PERFORMANCE.md` has results.
//!
//! `WHYCHAIN_BENCH=full` makes captures of a gigabyte (one of four) and takes a
//! quarter of an hour; without it they are a tenth of that. `WHYCHAIN_BENCH_MB`
//! sets another size, `WHYCHAIN_BENCH_ONLY` the name of one capture,
//! `WHYCHAIN_BENCH_ROUNDS` the rounds, `WHYCHAIN_BENCH_DIR` a folder with room
//! for the largest, where `WHYCHAIN_BENCH_KEEP=1` leaves the captures. Results also
//! go to `throughput.md` and `throughput.json` in that folder, and with
//! `WHYCHAIN_BENCH_RECORD=1` into `docs/PERFORMANCE.md`.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod line;
mod measure;
mod results;
mod traffic;

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use measure::{Measured, measure};
use results::Results;
use serde_json::Value;
use traffic::{Manifest, Profile, generate};

fn main() {
    let args: Vec<String> = std::env::args().collect();
    if let [_, flag, file] = args.as_slice()
        && flag == "--unhashed"
    {
        unhashed(Path::new(file));
        return;
    }
    let full = std::env::var("WHYCHAIN_BENCH").is_ok_and(|word| word == "full");
    let megabytes = number("WHYCHAIN_BENCH_MB", if full { 1_100 } else { 110 });
    let rounds = number("WHYCHAIN_BENCH_ROUNDS", if full { 5 } else { 3 });
    let only = std::env::var("WHYCHAIN_BENCH_ONLY").ok();
    let folder = std::env::var_os("WHYCHAIN_BENCH_DIR").map_or_else(
        || Path::new(env!("CARGO_TARGET_TMPDIR")).join("benches"),
        PathBuf::from,
    );
    std::fs::create_dir_all(&folder).expect("a folder for the captures");
    let mut results = Results::new();
    for profile in profiles(megabytes * 1_000_000) {
        if only.as_deref().is_none_or(|only| only == profile.name) {
            let capture = bench(&profile, &folder, rounds);
            println!("{}", capture.table());
            results.captures.push(capture);
        }
    }
    println!("{}", results.goals());
    let record = std::env::var_os("WHYCHAIN_BENCH_RECORD").is_some();
    results.write(&folder, record);
    println!("written to {}/throughput.md and .json", folder.display());
    assert!(results.complete(), "a run missed something");
}

/// The captures, for a large one of so many bytes.
fn profiles(bytes: u64) -> Vec<Profile> {
    let large = Profile {
        name: "large-packets",
        bytes,
        segment: 1_448,
        bulk: 300_000,
        relevant_every: 4_000_000,
        hole_every: 16,
        only_syns: false,
    };
    vec![
        large.clone(),
        Profile {
            name: "small-packets",
            segment: 252,
            ..large.clone()
        },
        Profile {
            name: "hole-in-every-flow",
            hole_every: 1,
            ..large.clone()
        },
        Profile {
            name: "only-relevant",
            bytes: bytes / 10,
            bulk: 0,
            relevant_every: 0,
            ..large.clone()
        },
        // A frame of 54 bytes behind a record header of 16.
        Profile {
            name: "unanswered-syns",
            bytes: bytes / 1_100 * 238,
            only_syns: true,
            ..large.clone()
        },
        Profile {
            name: "four-times-as-long",
            bytes: bytes * 4,
            ..large
        },
    ]
}

fn bench(profile: &Profile, folder: &Path, rounds: u64) -> results::Capture {
    let path = folder.join(format!("{}.pcap", profile.name));
    let mut out = BufWriter::with_capacity(1 << 20, File::create(&path).expect("a capture"));
    let manifest = generate(profile, &mut out).expect("a capture written");
    drop(out);
    let report = folder.join("report.json");
    let file = path.display().to_string();
    let own = env!("CARGO_BIN_EXE_whychain");
    let bench = std::env::current_exe().expect("this program");
    let bench = bench.display().to_string();
    let mut programs: Vec<(&str, Vec<&str>)> = vec![
        ("cat", vec!["cat", &file]),
        ("openssl", vec!["openssl", "dgst", "-sha256", &file]),
        ("whychain", vec![own, "explain", "--format", "json", &file]),
        ("whychain, no hash", vec![&bench, "--unhashed", &file]),
        (
            "tcpdump",
            vec!["tcpdump", "-nr", &file, "-w", "/dev/null", "tcp port 80"],
        ),
    ];
    // It takes minutes for each of them, so it runs once, and where it says something.
    let tshark: Vec<&str> = "tshark -n -T fields -e http.request.full_uri \
                             -e tls.handshake.certificate -r"
        .split_whitespace()
        .chain([file.as_str()])
        .collect();
    if profile.name.ends_with("packets") {
        programs.push(("tshark", tshark));
    }
    let mut measured: Vec<Measured> = programs.iter().map(|it| Measured::new(it.0)).collect();
    let mut wanting = Vec::new();
    for round in 0..rounds {
        for ((name, command), measured) in programs.iter().zip(&mut measured) {
            if *name == "tshark" && round > 0 {
                continue;
            }
            let out = match *name {
                "whychain" => report.as_path(),
                _ => Path::new("/dev/null"),
            };
            measured.runs.extend(measure(command, out));
            if *name == "whychain" {
                wanting.extend(wants(&manifest, &report));
            }
        }
    }
    wanting.sort();
    wanting.dedup();
    if std::env::var_os("WHYCHAIN_BENCH_KEEP").is_none() {
        std::fs::remove_file(&path).expect("the capture removed");
    }
    results::Capture {
        name: profile.name,
        manifest,
        measured,
        wanting,
    }
}

/// What a report lacks of the manifest, or has beyond it; a run that misses one
/// object, flow or hole does not count.
fn wants(manifest: &Manifest, report: &Path) -> Vec<String> {
    let text = std::fs::read(report).expect("a report");
    let report: Value = serde_json::from_slice(&text).expect("a JSON report");
    let count = |list: &str, is: &dyn Fn(&Value) -> bool| {
        let items = report[list].as_array().into_iter().flatten();
        items.filter(|item| is(item)).count() as u64
    };
    let vantage = |field: &str| report["vantages"][0][field].as_u64().unwrap_or(0);
    let found = [
        (
            "downloads",
            manifest.downloads,
            count("retrievals", &|item| {
                item["outcome"] == "ok"
                    && item["body"]["complete"] == true
                    && item["body"]["sha256"].is_string()
            }),
        ),
        (
            "handshakes",
            manifest.handshakes,
            count("handshakes", &|item| {
                let list = item["certificates"].as_array();
                list.is_some_and(|list| !list.is_empty())
            }),
        ),
        ("conversations", manifest.flows, vantage("conversations")),
        (
            "flows with holes",
            manifest.flows_with_holes,
            vantage("with_gaps"),
        ),
        ("bytes missing", manifest.missing, vantage("missing")),
        ("payload bytes", manifest.payload, vantage("bytes")),
    ];
    let wrong = found.iter().filter(|(_, made, found)| made != found);
    wrong
        .map(|(what, made, found)| format!("{found} {what} of {made}"))
        .collect()
}

/// The same run without hashing.
fn unhashed(file: &Path) {
    let options = whychain::pipeline::Options {
        unhashed: true,
        ..Default::default()
    };
    let explained =
        whychain::pipeline::explain(&[file.to_owned()], &options, &mut |_| {}).expect("explained");
    println!("{}", explained.case.retrievals.len());
}

fn number(name: &str, default: u64) -> u64 {
    let given = std::env::var(name).ok().and_then(|text| text.parse().ok());
    given.unwrap_or(default)
}
