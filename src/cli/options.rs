//! Options that several commands share, and the reading of their values.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use whychain::pipeline;
use whychain::report::Zone;
use whychain::time::Timestamp;

/// What to read.
#[derive(Debug, Args)]
pub struct Evidence {
    /// Captures, folders, zips, single objects, in any mix
    #[arg(required = true, value_name = "EVIDENCE")]
    pub evidence: Vec<PathBuf>,
    /// Password of encrypted zips
    #[arg(long, value_name = "PASSWORD")]
    pub password: Option<String>,
}

/// How to talk and how to show.
#[derive(Debug, Args)]
#[command(next_help_heading = "Display")]
pub struct Show {
    /// Color: auto (on terminals, unless NO_COLOR is set), always, never
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto")]
    #[arg(hide_possible_values = true)]
    pub color: When,
    /// Columns of a line; by default the terminal's, else COLUMNS, else 100
    #[arg(long, value_name = "COLUMNS", value_parser = clap::value_parser!(u16).range(72..=1000))]
    pub width: Option<u16>,
    /// Zone in which times are shown: UTC or an offset such as +02:00
    #[arg(long, value_name = "ZONE", default_value = "UTC", value_parser = zone)]
    #[arg(allow_hyphen_values = true)]
    pub tz: Zone,
    /// Progress on stderr: auto (on terminals, after a second), always, never,
    /// json (an object a line, for programs)
    #[arg(long, value_enum, value_name = "HOW", default_value = "auto")]
    #[arg(hide_possible_values = true)]
    pub progress: ProgressMode,
    /// Say nothing on stderr but errors
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say more on stderr
    #[arg(short, long)]
    pub verbose: bool,
}

/// When to use color.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// On terminals.
    Auto,
    /// In files too.
    Always,
    /// Nowhere.
    Never,
}

/// How progress is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProgressMode {
    /// On terminals, after a second.
    Auto,
    /// Everywhere, in lines.
    Always,
    /// Nowhere.
    Never,
    /// For programs.
    Json,
}

/// The form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs: docs/REPORT.md.
    Json,
    /// One page with pictures, for a browser.
    Html,
    /// For an issue or a wiki.
    Markdown,
}

impl Evidence {
    /// The options of a run that only reads.
    pub fn options(&self) -> pipeline::Options {
        pipeline::Options {
            password: self.password.clone(),
            ..pipeline::Options::default()
        }
    }
}

fn zone(text: &str) -> Result<Zone, String> {
    Zone::from_text(text).ok_or_else(|| "give UTC or an offset such as +02:00".to_owned())
}

/// Reads a time with its zone: `2011-02-21T08:59:14Z`, `2011-02-21 08:59+01:00`.
pub fn time(text: &str) -> Result<Timestamp, String> {
    let why = || "give date, time and zone, such as 2011-02-21T08:59:14Z".to_owned();
    let mut text = text.trim().to_owned();
    // A space for the T, and seconds left out, are what people type.
    if let Some(separator) = text.get(10..11)
        && separator == " "
    {
        text.replace_range(10..11, "T");
    }
    if text
        .get(16..17)
        .is_some_and(|next| matches!(next, "Z" | "z" | "+" | "-"))
    {
        text.insert_str(16, ":00");
    }
    Timestamp::from_rfc3339(&text).ok_or_else(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_need_a_zone() {
        let shown = |text: &str| time(text).ok().map(Timestamp::to_rfc3339);
        let expected = Some("2011-02-21T08:59:00Z".to_owned());
        assert_eq!(shown("2011-02-21T08:59:00Z"), expected);
        assert_eq!(shown("2011-02-21 08:59Z"), expected);
        assert_eq!(shown("2011-02-21 09:59+01:00"), expected);
        for wrong in [
            "2011-02-21",
            "2011-02-21T08:59:00",
            "08:59",
            "",
            "ünsinn ünsinn ünsinn",
        ] {
            assert_eq!(shown(wrong), None, "{wrong}");
        }
    }
}
