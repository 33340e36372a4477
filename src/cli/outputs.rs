//! Which reports are written where: several forms from one analysis.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use whychain::pipeline::Explained;
use whychain::report::share::Disguise;
use whychain::report::{self, Look};

use super::Failure;
use super::options::{Format, Show};
use super::output::{self, Target};

/// Where reports go.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub struct Output {
    /// Form on stdout, or of the one file: text, html, markdown, json
    /// (docs/REPORT.md), csv, timesketch (JSON lines), l2tcsv; else by the file's
    /// extension, else text
    #[arg(long, value_enum, value_name = "FORMAT", hide_possible_values = true)]
    pub format: Option<Format>,
    /// Write a report to a file, whole or not at all; may be repeated, a form
    /// for each extension: .txt .html .md .json .csv .jsonl .l2t.csv
    #[arg(short, long, value_name = "FILE")]
    pub output: Vec<PathBuf>,
    /// Overwrite files that exist
    #[arg(long)]
    pub force: bool,
    /// For people outside: pseudonyms for machines, users, sites and addresses,
    /// no secrets; look through it before you hand it on
    #[arg(long)]
    pub share: bool,
    /// Write which pseudonym stands for what; keep this file
    #[arg(long, value_name = "FILE", requires = "share")]
    pub share_map: Option<PathBuf>,
}

/// The reports of a run, checked before the work begins.
#[derive(Debug)]
pub struct Plan {
    /// Each file with its form; empty for stdout.
    files: Vec<(Target, Format)>,
    stdout: Format,
    share: bool,
    map: Option<Target>,
}

impl Plan {
    /// Checks that every file can be written and has a known form.
    pub fn of(output: &Output, evidence: &[PathBuf]) -> Result<Self, Failure> {
        if output.force && output.output.is_empty() {
            let why = "--force overwrites files: name one with -o";
            return Err(Failure(why.to_owned()));
        }
        if output.format.is_some() && output.output.len() > 1 {
            let why = "--format is for one report; with several -o the extensions tell the forms";
            return Err(Failure(why.to_owned()));
        }
        let mut files: Vec<(Target, Format)> = Vec::new();
        for path in &output.output {
            if files.iter().any(|(target, _)| target.path() == path) {
                return Err(Failure(format!("{}: named twice", path.display())));
            }
            let format = form(output.format, path)?;
            files.push((Target::new(path, output.force, evidence)?, format));
        }
        let map = output.share_map.as_deref();
        let map = map.map(|path| Target::new(path, output.force, evidence));
        Ok(Plan {
            share: output.share,
            map: map.transpose()?,
            files,
            stdout: output.format.unwrap_or(Format::Text),
        })
    }

    /// Whether a report of this form is written.
    pub fn has(&self, format: Format) -> bool {
        match self.files.is_empty() {
            true => self.stdout == format,
            false => self.files.iter().any(|(_, other)| *other == format),
        }
    }

    /// Writes every report; says on stderr which files were written.
    pub fn write(&self, explained: &Explained, show: &Show) -> Result<(), Failure> {
        let disguise = self.disguise(explained);
        if let (Some(map), Some(disguise)) = (&self.map, &disguise) {
            map.write(&disguise.mapping())?;
        }
        if self.files.is_empty() {
            let look = (false, disguise.as_ref());
            return output::data_with(&mut |to| render(explained, self.stdout, show, look, to));
        }
        self.write_files(explained, show, disguise.as_ref(), !show.quiet)
    }

    /// As [`Plan::write`] into files, without a word.
    pub fn write_quietly(&self, explained: &Explained, show: &Show) -> Result<(), Failure> {
        let disguise = self.disguise(explained);
        self.write_files(explained, show, disguise.as_ref(), false)
    }

    fn disguise(&self, explained: &Explained) -> Option<Arc<Disguise>> {
        let disguise = || Arc::new(Disguise::of(&report::json::value(explained)));
        self.share.then(disguise)
    }

    fn write_files(
        &self,
        explained: &Explained,
        show: &Show,
        disguise: Option<&Arc<Disguise>>,
        loud: bool,
    ) -> Result<(), Failure> {
        for (target, format) in &self.files {
            let look = (true, disguise);
            target.write_with(&mut |to| render(explained, *format, show, look, to))?;
            if loud {
                let state = explained.diagnosis.verdict.state.word();
                output::say(&format!("wrote {} ({state})", target.path().display()));
            }
        }
        Ok(())
    }
}

fn render(
    explained: &Explained,
    format: Format,
    show: &Show,
    (file, disguise): (bool, Option<&Arc<Disguise>>),
    to: &mut dyn Write,
) -> io::Result<()> {
    let look = Look {
        disguise: disguise.cloned(),
        ..output::look(
            show,
            file || matches!(format, Format::Html | Format::Markdown),
        )
    };
    let text = match format {
        // Far longer than the others: written as it is made.
        Format::Json if disguise.is_none() => return report::json::write_to(explained, to),
        Format::Json => report::json::write(explained),
        Format::Text => report::text::write(explained, &look),
        Format::Html => report::html::write(explained, &look),
        Format::Markdown => report::markdown::write(explained, &look),
        Format::Csv => report::csv::write(explained),
        Format::Timesketch => report::timesketch::write(explained),
        Format::L2tcsv => report::l2tcsv::write(explained, &look),
    };
    let text = match (disguise, format) {
        (None, _) => text,
        (Some(disguise), Format::Json | Format::Timesketch) => disguise.json(&text),
        (Some(disguise), _) => disguise.finished(&text),
    };
    to.write_all(text.as_bytes())
}

/// The form asked for, else that of the extension, else text.
fn form(asked: Option<Format>, path: &Path) -> Result<Format, Failure> {
    if let Some(format) = asked {
        return Ok(format);
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.to_ascii_lowercase();
    let ends = |ending: &str| name.ends_with(ending);
    // l2tcsv is CSV too; its name must say which.
    if ends(".l2t.csv") || ends(".l2tcsv") {
        return Ok(Format::L2tcsv);
    }
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        None | Some("txt" | "text") => Ok(Format::Text),
        Some("json") => Ok(Format::Json),
        Some("html" | "htm") => Ok(Format::Html),
        Some("md" | "markdown") => Ok(Format::Markdown),
        Some("csv") => Ok(Format::Csv),
        Some("jsonl") => Ok(Format::Timesketch),
        Some(other) => Err(Failure(format!(
            ".{other} is no known form of a report; give --format, or one of {EXTENSIONS}"
        ))),
    }
}

const EXTENSIONS: &str = ".txt .html .md .json .csv .jsonl .l2t.csv";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn the_extension_chooses_the_form_unless_one_is_asked_for() {
        let of = |asked, path: &str| form(asked, Path::new(path)).unwrap();
        assert_eq!(of(None, "a.JSON"), Format::Json);
        assert_eq!(of(None, "a.txt"), Format::Text);
        assert_eq!(of(None, "report"), Format::Text);
        assert_eq!(of(None, "x/a.csv"), Format::Csv);
        assert_eq!(of(None, "a.l2t.csv"), Format::L2tcsv);
        assert_eq!(of(None, "a.jsonl"), Format::Timesketch);
        assert_eq!(of(Some(Format::Json), "a.txt"), Format::Json);
        let Failure(message) = form(None, Path::new("a.pdf")).unwrap_err();
        assert!(message.starts_with(".pdf is no known form of a report; give --format"));
    }

    #[test]
    fn several_files_take_their_forms_from_their_names_only() {
        let folder = tempfile::tempdir().unwrap();
        let mut output = Output {
            format: None,
            output: vec![folder.path().join("a.json"), folder.path().join("a.csv")],
            force: false,
            share: false,
            share_map: None,
        };
        let plan = Plan::of(&output, &[]).unwrap();
        assert!(plan.has(Format::Json) && plan.has(Format::Csv) && !plan.has(Format::Text));
        output.format = Some(Format::Text);
        let Failure(message) = Plan::of(&output, &[]).unwrap_err();
        assert!(
            message.starts_with("--format is for one report"),
            "{message}"
        );
        output.format = None;
        output.output.push(folder.path().join("a.csv"));
        let Failure(message) = Plan::of(&output, &[]).unwrap_err();
        assert!(message.ends_with("a.csv: named twice"), "{message}");
    }
}
