//! Options that several commands share, and the reading of their values.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use whychain::pipeline;
use whychain::report::{Detail, Zone};
use whychain::time::Timestamp;

use super::Failure;

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
    /// Zone in which times are shown to people: UTC or an offset such as +02:00
    #[arg(long, value_name = "ZONE", default_value = "UTC", value_parser = zone)]
    #[arg(allow_hyphen_values = true)]
    pub tz: Zone,
    /// How much is told: brief (answer, causes, remedies), standard, full
    #[arg(long, value_enum, value_name = "HOW", default_value = "standard")]
    #[arg(hide_possible_values = true)]
    pub detail: DetailWord,
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
    /// For people, on a terminal or paper.
    Text,
    /// For programs: docs/REPORT.md.
    Json,
    /// One page with pictures, for a browser.
    Html,
    /// For an issue or a wiki.
    Markdown,
    /// Events for spreadsheets and Timeline Explorer.
    Csv,
    /// Events as JSON lines for Timesketch.
    Timesketch,
    /// Events in the 17 columns of log2timeline.
    L2tcsv,
}

/// How much a report for people tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DetailWord {
    /// Answer, causes, remedies.
    Brief,
    /// Everything, long tables cut.
    Standard,
    /// Everything.
    Full,
}

impl From<DetailWord> for Detail {
    fn from(word: DetailWord) -> Self {
        match word {
            DetailWord::Brief => Detail::Brief,
            DetailWord::Standard => Detail::Standard,
            DetailWord::Full => Detail::Full,
        }
    }
}

/// What is asked, and what the analyst knows.
#[derive(Debug, Args)]
#[command(next_help_heading = "Question")]
pub struct Question {
    /// This server's failure first, or why nothing can be said of it
    #[arg(long, value_name = "NAME")]
    pub site: Option<String>,
    /// Only this machine, by name or address
    #[arg(long, value_name = "NAME")]
    pub machine: Option<String>,
    /// Only facts from this time on
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub from: Option<Timestamp>,
    /// Only facts up to this time
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub to: Option<Timestamp>,
    /// Judge every validation at this time instead of its own
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub at: Option<Timestamp>,
    /// Folder of certificates that the machine is known to have trusted
    #[arg(long, value_name = "FOLDER")]
    pub roots: Option<PathBuf>,
    /// List every HTTP exchange, and hash its body
    #[arg(long)]
    pub all_http: bool,
}

impl Question {
    /// The options of a run that asks this.
    pub fn options(&self, evidence: &Evidence) -> Result<pipeline::Options, Failure> {
        if let (Some(from), Some(to)) = (self.from, self.to)
            && from > to
        {
            let why = "--from is later than --to: swap them, or check their zones";
            return Err(Failure(why.to_owned()));
        }
        Ok(pipeline::Options {
            at: self.at,
            all_http: self.all_http,
            site: self.site.clone(),
            machine: self.machine.clone(),
            from: self.from,
            to: self.to,
            roots: self.roots.clone(),
            ..evidence.options()
        })
    }
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
