//! How lists are ordered, narrowed down and written: what `inventory`,
//! `timeline`, `cache` and `ctl` share.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use whychain::report::listing::Listing;

use super::Failure;
use super::options::Show;
use super::output::{self, Target};

/// Form and order of a list.
#[derive(Debug, Args)]
#[command(next_help_heading = "List")]
pub struct ListArgs {
    /// Form of the list: text, json, csv; else by the file's extension
    #[arg(long, value_enum, value_name = "FORMAT", hide_possible_values = true)]
    format: Option<ListFormat>,
    /// Order by this field (--detail full and --format csv show the fields)
    #[arg(long, value_name = "FIELD")]
    sort: Option<String>,
    /// Largest or latest first
    #[arg(long, requires = "sort")]
    reverse: bool,
    /// Keep rows whose field contains the text, such as url=authroot; an empty
    /// text keeps rows without one; may be repeated
    #[arg(long = "where", value_name = "FIELD=TEXT")]
    keep: Vec<String>,
    /// Write the list to a file, whole or not at all
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Overwrite the file if it exists
    #[arg(long, requires = "output")]
    force: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ListFormat {
    Text,
    Json,
    Csv,
}

/// Where a list goes, checked before the work begins.
#[derive(Debug)]
pub struct ListPlan {
    target: Option<Target>,
    format: ListFormat,
}

impl ListArgs {
    /// Checks the file and its form.
    pub fn plan(&self, evidence: &[PathBuf]) -> Result<ListPlan, Failure> {
        let by_name = self.output.as_ref().map(|path| {
            let extension = path.extension().unwrap_or_default().to_string_lossy();
            match extension.to_ascii_lowercase().as_str() {
                "" | "txt" | "text" => Ok(ListFormat::Text),
                "json" => Ok(ListFormat::Json),
                "csv" => Ok(ListFormat::Csv),
                other => Err(Failure(format!(
                    ".{other} is no known form of a list; give --format text, json or csv"
                ))),
            }
        });
        let format = match (self.format, by_name) {
            (Some(format), _) => format,
            (None, Some(by_name)) => by_name?,
            (None, None) => ListFormat::Text,
        };
        let target = self
            .output
            .as_ref()
            .map(|path| Target::new(path, self.force, evidence))
            .transpose()?;
        Ok(ListPlan { target, format })
    }

    /// Orders and narrows down a list, and writes it.
    pub fn write(&self, plan: &ListPlan, mut listing: Listing, show: &Show) -> Result<(), Failure> {
        let unknown = |field: &str, listing: &Listing| {
            let fields = listing.fields().join(", ");
            Failure(format!("no field {field}; there are {fields}"))
        };
        for condition in &self.keep {
            let Some((field, text)) = condition.split_once('=') else {
                let why = format!("--where {condition}: give FIELD=TEXT, such as url=authroot");
                return Err(Failure(why));
            };
            if !listing.keep(field, text) {
                return Err(unknown(field, &listing));
            }
        }
        if let Some(field) = &self.sort
            && !listing.sort(field, self.reverse)
        {
            return Err(unknown(field, &listing));
        }
        let text = match plan.format {
            ListFormat::Text => listing.to_text(&output::look(show, plan.target.is_some())),
            ListFormat::Json => listing.to_json(),
            ListFormat::Csv => listing.to_csv(),
        };
        match &plan.target {
            Some(target) => target.write(&text),
            None => output::data(&text),
        }
    }
}
