//! How far a run is, on stderr.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use whychain::pipeline::Progress;
use whychain::words;

use super::options::{ProgressMode, Show};

/// A run shorter than this is not worth a word.
const PATIENCE: Duration = Duration::from_secs(1);
/// Between two lines for a person who watches.
const REDRAW: Duration = Duration::from_millis(100);
/// Between two lines for a file or a program.
const LINE: Duration = Duration::from_millis(500);
/// Columns of a name.
const MAX_NAME: usize = 40;

/// Tells progress as the options ask.
pub struct Teller {
    style: Style,
    began: Instant,
    last: Option<Instant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Silent,
    /// One line, redrawn.
    Drawn,
    /// A line each time.
    Lines,
    /// A JSON object each time.
    Json,
}

impl Teller {
    /// Starts the clock.
    pub fn new(show: &Show) -> Self {
        let terminal = io::stderr().is_terminal();
        let style = match show.progress {
            ProgressMode::Json => Style::Json,
            _ if show.quiet => Style::Silent,
            ProgressMode::Never => Style::Silent,
            ProgressMode::Always if terminal => Style::Drawn,
            ProgressMode::Always => Style::Lines,
            ProgressMode::Auto if terminal => Style::Drawn,
            ProgressMode::Auto => Style::Silent,
        };
        Teller {
            style,
            began: Instant::now(),
            last: None,
        }
    }

    /// Takes one report of the pipeline.
    pub fn tell(&mut self, progress: &Progress) {
        let done = progress.total > 0 && progress.done >= progress.total;
        self.put(done, &|| line(progress), &|| json(progress));
    }

    /// Takes how far a run over many cases is.
    pub fn tell_overall(&mut self, overall: &Overall) {
        let done = overall.done >= overall.cases;
        self.put(done, &|| overall.line(), &|| overall.json());
    }

    fn put(&mut self, done: bool, line: &dyn Fn() -> String, json: &dyn Fn() -> String) {
        let now = Instant::now();
        let pause = if self.style == Style::Drawn {
            REDRAW
        } else {
            LINE
        };
        let early = match self.last {
            Some(last) => now.duration_since(last) < pause,
            None => self.style != Style::Json && now.duration_since(self.began) < PATIENCE,
        };
        if self.style == Style::Silent || (early && !(done && self.style == Style::Json)) {
            return;
        }
        self.last = Some(now);
        let text = match self.style {
            Style::Silent => return,
            Style::Drawn => format!("\r\u{1b}[K{}", line()),
            Style::Lines => format!("{}\n", line()),
            Style::Json => format!("{}\n", json()),
        };
        let _ = io::stderr().write_all(text.as_bytes());
    }

    /// Takes the drawn line away.
    pub fn finish(&mut self) {
        if self.style == Style::Drawn && self.last.take().is_some() {
            let _ = io::stderr().write_all(b"\r\x1b[K");
        }
    }
}

/// How far a run over many cases is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overall {
    /// The case that last got on.
    pub what: String,
    /// Thousandths of cases, all together.
    pub thousandths: u64,
    /// How many cases there are.
    pub cases: usize,
    /// How many are through.
    pub done: usize,
    /// How many of these could not be explained.
    pub failed: usize,
}

impl Overall {
    fn line(&self) -> String {
        let what = words::cut(&words::clean(&self.what), MAX_NAME, "...");
        let percent = self.thousandths / 10 / (self.cases as u64).max(1);
        let (done, cases) = (self.done as u64, self.cases as u64);
        let (done, cases) = (words::thousands(done), words::thousands(cases));
        let failed = match self.failed {
            0 => String::new(),
            failed => format!(", {} not explained", words::thousands(failed as u64)),
        };
        format!("{percent:>3} %  {done} of {cases} cases{failed}  {what}")
    }

    fn json(&self) -> String {
        let what = serde_json::Value::String(words::clean(&self.what));
        let Overall { cases, done, .. } = self;
        let (far, failed) = (self.thousandths, self.failed);
        let total = (*cases as u64).saturating_mul(1000);
        format!(
            "{{\"what\":{what},\"done\":{far},\"total\":{total},\"cases\":{cases},\"cases_done\":{done},\"cases_failed\":{failed}}}"
        )
    }
}

fn line(progress: &Progress) -> String {
    let what = words::cut(&words::clean(&progress.what), MAX_NAME, "...");
    let megabytes = |bytes: u64| words::thousands(bytes / 1_000_000);
    match progress.total {
        0 => format!("reading {what}"),
        total => {
            let percent = u128::from(progress.done.min(total)) * 100 / u128::from(total);
            let (done, total) = (megabytes(progress.done), megabytes(total));
            format!("{percent:>3} %  {done} of {total} MB  reading {what}")
        }
    }
}

fn json(progress: &Progress) -> String {
    let what = serde_json::Value::String(words::clean(&progress.what));
    format!(
        "{{\"what\":{what},\"done\":{},\"total\":{}}}",
        progress.done, progress.total
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_far_and_where() {
        let progress = Progress {
            what: "a\u{1b}.pcap".to_owned(),
            done: 450_000_000,
            total: 1_000_000_000,
        };
        assert_eq!(
            line(&progress),
            " 45 %  450 of 1,000 MB  reading a\\u{1b}.pcap"
        );
        let unknown = Progress {
            what: "a".to_owned(),
            done: 5,
            total: 0,
        };
        assert_eq!(line(&unknown), "reading a");
        assert_eq!(json(&unknown), "{\"what\":\"a\",\"done\":5,\"total\":0}");
    }

    #[test]
    fn many_cases_have_one_line() {
        let overall = Overall {
            what: "a\u{1b}".to_owned(),
            thousandths: 1_500,
            cases: 3,
            done: 1,
            failed: 1,
        };
        assert_eq!(
            overall.line(),
            " 50 %  1 of 3 cases, 1 not explained  a\\u{1b}"
        );
        assert_eq!(
            overall.json(),
            "{\"what\":\"a\\\\u{1b}\",\"done\":1500,\"total\":3000,\"cases\":3,\"cases_done\":1,\"cases_failed\":1}"
        );
    }
}
