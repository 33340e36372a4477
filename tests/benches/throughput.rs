//! How fast a capture is read, beside programs that everybody knows.
//!
//! `cargo bench` makes one capture after another, runs `whychain explain` on it
//! in turn with `cat`, `openssl dgst -sha256`, `tcpdump` and `tshark`, checks
//! that every download and handshake of the manifest was found, and prints a
//! table of times, ratios and peak memory. Needs GNU `time`; programs that are
//! not installed are left out. `docs/PERFORMANCE.md` has results.
//!
//! `WHYCHAIN_BENCH_MB` sets the size of the captures (default 1100),
//! `WHYCHAIN_BENCH_ONLY` names one of them, `WHYCHAIN_BENCH_ROUNDS` the rounds
//! (default 3), `WHYCHAIN_BENCH_DIR` a folder with room for the largest.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod traffic;

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

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
    let megabytes = number("WHYCHAIN_BENCH_MB", 1100);
    let only = std::env::var("WHYCHAIN_BENCH_ONLY").ok();
    let folder = std::env::var_os("WHYCHAIN_BENCH_DIR").map_or_else(
        || std::env::temp_dir().join("whychain-benches"),
        PathBuf::from,
    );
    std::fs::create_dir_all(&folder).expect("a folder for the captures");
    for profile in profiles(megabytes << 20) {
        if only.as_deref().is_none_or(|only| only == profile.name) {
            bench(&profile, &folder);
        }
    }
}

fn profiles(bytes: u64) -> Vec<Profile> {
    let large = Profile {
        name: "large-packets",
        bytes,
        segment: 1448,
        bulk: 600_000,
        relevant_every: 4 << 20,
        hole_in_every_flow: false,
        only_syns: false,
    };
    vec![
        Profile {
            name: "small-packets",
            segment: 232,
            ..large.clone()
        },
        Profile {
            name: "hole-in-every-flow",
            hole_in_every_flow: true,
            ..large.clone()
        },
        Profile {
            name: "unanswered-syns",
            bytes: bytes / 1100 * 270,
            only_syns: true,
            ..large.clone()
        },
        Profile {
            name: "only-relevant",
            bytes: bytes / 10,
            bulk: 0,
            relevant_every: 0,
            ..large.clone()
        },
        Profile {
            name: "four-times-as-long",
            bytes: bytes * 4,
            ..large.clone()
        },
        large,
    ]
}

fn bench(profile: &Profile, folder: &Path) {
    let path = folder.join(format!("{}.pcap", profile.name));
    let mut out = BufWriter::with_capacity(1 << 20, File::create(&path).expect("a capture"));
    let manifest = generate(profile, &mut out).expect("a capture written");
    drop(out);
    println!(
        "\n## {}: {:.2} GB, {} packets of {} bytes, {} flows",
        profile.name,
        manifest.bytes as f64 / 1e9,
        manifest.packets,
        manifest.bytes / manifest.packets - 16,
        manifest.flows
    );
    let report = folder.join("report.json");
    let file = path.display().to_string();
    let own = env!("CARGO_BIN_EXE_whychain");
    let bench = std::env::current_exe()
        .expect("this program")
        .display()
        .to_string();
    let commands: Vec<(&str, Vec<&str>)> = vec![
        ("cat", vec!["cat", &file]),
        (
            "openssl dgst -sha256",
            vec!["openssl", "dgst", "-sha256", &file],
        ),
        ("whychain", vec![own, "explain", "--format", "json", &file]),
        ("whychain, no hash", vec![&bench, "--unhashed", &file]),
        (
            "tcpdump",
            vec!["tcpdump", "-nr", &file, "-w", "/dev/null", "tcp port 80"],
        ),
        (
            "tshark",
            vec![
                "tshark",
                "-nr",
                &file,
                "-T",
                "fields",
                "-e",
                "http.request.full_uri",
                "-e",
                "tls.handshake.certificate",
            ],
        ),
    ];
    let rounds = number("WHYCHAIN_BENCH_ROUNDS", 3) as usize;
    let mut measures: Vec<Vec<Measure>> = vec![Vec::new(); commands.len()];
    for round in 0..rounds {
        for (index, (name, command)) in commands.iter().enumerate() {
            // tshark takes minutes: once is enough for a ratio of its size.
            if *name == "tshark" && (round > 0 || manifest.bytes > 2_000_000_000) {
                continue;
            }
            let out = if *name == "whychain" {
                report.as_path()
            } else {
                Path::new("/dev/null")
            };
            measures[index].extend(measure(command, out));
        }
    }
    table(&commands, &measures);
    complete(&manifest, &report);
    std::fs::remove_file(&path).expect("the capture removed");
}

#[derive(Debug, Clone, Copy)]
struct Measure {
    wall: f64,
    cpu: f64,
    peak_kib: u64,
}

/// Runs a command under GNU `time`; `None` when it is not installed.
fn measure(command: &[&str], out: &Path) -> Option<Measure> {
    let mut time = Command::new("/usr/bin/time");
    time.args(["-q", "-f", "%e %U %S %M"]).args(command);
    time.stdout(File::create(out).ok()?).stdin(Stdio::null());
    let started = std::time::Instant::now();
    let done = time.output().expect("GNU time");
    let wall = started.elapsed().as_secs_f64();
    let text = String::from_utf8_lossy(&done.stderr);
    let numbers: Vec<f64> = text
        .lines()
        .last()?
        .split(' ')
        .filter_map(|word| word.parse().ok())
        .collect();
    let [_, user, system, peak] = numbers.as_slice() else {
        return None;
    };
    Some(Measure {
        wall,
        cpu: user + system,
        peak_kib: *peak as u64,
    })
}

fn table(commands: &[(&str, Vec<&str>)], measures: &[Vec<Measure>]) {
    let best =
        |runs: &[Measure], of: fn(&Measure) -> f64| runs.iter().map(of).fold(f64::MAX, f64::min);
    let [cat, openssl, ..] = measures else { return };
    let (cat, openssl) = (best(cat, |run| run.cpu), best(openssl, |run| run.wall));
    println!("| program | wall s | CPU s | peak MiB | wall ÷ openssl | CPU ÷ cat |");
    println!("|---|---:|---:|---:|---:|---:|");
    for ((name, _), runs) in commands.iter().zip(measures) {
        if runs.is_empty() {
            println!("| {name} | not run | | | | |");
            continue;
        }
        let (wall, cpu) = (best(runs, |run| run.wall), best(runs, |run| run.cpu));
        let peak = runs.iter().map(|run| run.peak_kib).max().unwrap_or(0) as f64 / 1024.0;
        println!(
            "| {name} | {wall:.2} | {cpu:.2} | {peak:.1} | {:.2} | {:.2} |",
            wall / openssl,
            cpu / cat
        );
    }
}

/// A run that misses one object does not count.
fn complete(manifest: &Manifest, report: &Path) {
    let text = std::fs::read(report).expect("a report");
    let report: Value = serde_json::from_slice(&text).expect("a JSON report");
    let count = |list: &str, is: &dyn Fn(&Value) -> bool| {
        report[list]
            .as_array()
            .map_or(0, |list| list.iter().filter(|item| is(item)).count() as u64)
    };
    let downloads = count("retrievals", &|item| {
        item["outcome"] == "ok"
            && item["body"]["complete"] == true
            && item["body"]["sha256"].is_string()
    });
    let handshakes = count("handshakes", &|item| {
        item["certificates"]
            .as_array()
            .is_some_and(|list| !list.is_empty())
    });
    let found = (downloads, handshakes);
    let made = (manifest.downloads, manifest.handshakes);
    let verdict = if found == made {
        "complete"
    } else {
        "INCOMPLETE: this run does not count"
    };
    println!("downloads and handshakes found {found:?} of {made:?}: {verdict}");
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
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(default)
}
