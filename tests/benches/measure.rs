//! Times and peak memory of a whole process.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use serde::Serialize;

/// One run of a program.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Run {
    pub wall_s: f64,
    /// User and system time.
    pub cpu_s: f64,
    /// The largest resident set.
    pub peak_kib: u64,
}

/// All runs of a program over one capture, in order.
#[derive(Debug, Clone, Serialize)]
pub struct Measured {
    pub program: &'static str,
    pub runs: Vec<Run>,
}

impl Measured {
    pub fn new(program: &'static str) -> Self {
        let runs = Vec::new();
        Measured { program, runs }
    }

    /// The median of a figure over the runs; `None` when there was no run.
    pub fn median(&self, of: fn(&Run) -> f64) -> Option<f64> {
        median(self.runs.iter().map(of).collect())
    }

    /// The median, round by round, of a figure here over that of `other`; the
    /// machine's speed may drift from round to round.
    pub fn ratio(&self, other: &Measured, of: fn(&Run) -> f64) -> Option<f64> {
        let pairs = self.runs.iter().zip(&other.runs);
        median(pairs.map(|(own, other)| of(own) / of(other)).collect())
    }

    /// The sum of CPU times over that of `other`: the clock ticks only every 10
    /// ms, which is much for a single run of `cat`.
    pub fn cpu_ratio(&self, other: &Measured) -> Option<f64> {
        let sum = |it: &Measured| it.runs.iter().map(|run| run.cpu_s).sum::<f64>();
        let known = !self.runs.is_empty() && self.runs.len() == other.runs.len();
        known.then(|| sum(self) / sum(other))
    }

    pub fn peak_mib(&self) -> Option<f64> {
        let peak = self.runs.iter().map(|run| run.peak_kib).max()?;
        Some(peak as f64 / 1024.0)
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() % 2 {
        1 => values.get(middle).copied(),
        _ => Some((values.get(middle.checked_sub(1)?)? + values.get(middle)?) / 2.0),
    }
}

/// Runs a command under GNU `time`; `None` when it is not installed.
pub fn measure(command: &[&str], out: &Path) -> Option<Run> {
    let mut time = Command::new("/usr/bin/time");
    time.args(["-q", "-f", "%U %S %M"]).args(command);
    time.stdout(File::create(out).ok()?)
        .stdin(Stdio::null())
        .stderr(Stdio::piped());
    let started = Instant::now();
    let child = time.spawn().expect("GNU time");
    let done = child.wait_with_output().expect("GNU time");
    let wall_s = started.elapsed().as_secs_f64();
    let text = String::from_utf8_lossy(&done.stderr);
    let last = text.lines().last()?;
    let numbers: Vec<f64> = last
        .split(' ')
        .map_while(|word| word.parse().ok())
        .collect();
    let [user, system, peak] = numbers.as_slice() else {
        return None;
    };
    Some(Run {
        wall_s,
        cpu_s: user + system,
        peak_kib: *peak as u64,
    })
}
