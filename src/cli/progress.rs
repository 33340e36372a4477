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
        let done = progress.total > 0 && progress.done >= progress.total;
        if self.style == Style::Silent || (early && !(done && self.style == Style::Json)) {
            return;
        }
        self.last = Some(now);
        let text = match self.style {
            Style::Silent => return,
            Style::Drawn => format!("\r\u{1b}[K{}", line(progress)),
            Style::Lines => format!("{}\n", line(progress)),
            Style::Json => format!("{}\n", json(progress)),
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
}
