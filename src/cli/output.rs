//! Where reports and talk go: stdout, stderr, files that are never half
//! written.

use std::ffi::OsString;
use std::fs;
use std::io::{self, BufWriter, ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};

use whychain::report::Look;
use whychain::words;

use super::Failure;
use super::interrupt::{BUFFER_LEN, Unfinished};
use super::options::{Show, When};

/// Columns where nothing tells.
const DEFAULT_WIDTH: usize = 100;
/// Columns that a terminal may claim; a report in fewer is not readable.
const LEAST_WIDTH: usize = 72;

/// Says one thing on stderr.
pub fn say(message: &str) {
    talk(&format!("whychain: {message}\n"));
}

/// Writes to stderr; nobody to listen is no reason to stop. The text may hold
/// names of files, so that it is cleaned; line breaks stay.
pub fn talk(text: &str) {
    let lines = text.split('\n').map(words::clean);
    let text = lines.collect::<Vec<_>>().join("\n");
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Writes to stdout. A reader that went away (`| head`) is no error.
pub fn data(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    flushed(
        stdout
            .write_all(text.as_bytes())
            .and_then(|()| stdout.flush()),
    )
}

/// As [`data`], for what is too large to be in memory at once.
pub fn data_with(write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    let mut stdout = BufWriter::with_capacity(BUFFER_LEN, io::stdout().lock());
    flushed(write(&mut stdout).and_then(|()| stdout.flush()))
}

/// What the last write to stdout means.
pub fn flushed(result: io::Result<()>) -> Result<(), Failure> {
    match result {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure(format!(
            "cannot write to stdout: {error}; -o FILE writes whole or not at all"
        ))),
        _ => Ok(()),
    }
}

/// Drops the result of a print to a reader that may have gone.
pub fn ignore_broken_pipe(result: io::Result<()>) {
    let _ = result;
}

/// The look of a report on stdout, or in a file when `file`.
pub fn look(show: &Show, file: bool) -> Look {
    let terminal = !file && io::stdout().is_terminal();
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let color = match show.color {
        When::Always => true,
        When::Never => false,
        When::Auto => terminal && !no_color && std::env::var_os("TERM") != Some("dumb".into()),
    };
    let width = match show.width {
        Some(width) => usize::from(width),
        None if file => DEFAULT_WIDTH,
        None => terminal_width(terminal)
            .unwrap_or(DEFAULT_WIDTH)
            .max(LEAST_WIDTH),
    };
    Look {
        width,
        color,
        unicode: terminal && speaks_unicode(),
        zone: show.tz,
        detail: show.detail.into(),
        disguise: None,
    }
}

fn terminal_width(terminal: bool) -> Option<usize> {
    let size = terminal.then(terminal_size::terminal_size).flatten();
    let asked = || std::env::var("COLUMNS").ok()?.parse().ok();
    size.map(|(width, _)| usize::from(width.0))
        .or_else(asked)
        .filter(|width| *width > 0)
}

/// Whether the terminal's locale says UTF-8; Windows consoles do.
fn speaks_unicode() -> bool {
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .find_map(set)
        .unwrap_or_default();
    let locale = locale.to_ascii_lowercase();
    cfg!(windows) || locale.contains("utf-8") || locale.contains("utf8")
}

/// A file to be written, checked before the work begins.
#[derive(Debug)]
pub struct Target {
    path: PathBuf,
    force: bool,
}

impl Target {
    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Refuses a file that exists, unless forced, and evidence always.
    pub fn new(path: &Path, force: bool, evidence: &[PathBuf]) -> Result<Self, Failure> {
        let shown = path.display();
        if path.file_name().is_none() || path.is_dir() {
            return Err(Failure(format!("{shown}: is a folder, give a file")));
        }
        if let Ok(canonical) = path.canonicalize() {
            let is_evidence = |one: &PathBuf| one.canonicalize().is_ok_and(|one| one == canonical);
            if evidence.iter().any(is_evidence) {
                return Err(Failure(format!(
                    "{shown}: is evidence, and is not overwritten"
                )));
            }
        }
        if !force && path.symlink_metadata().is_ok() {
            return Err(Failure(format!("{shown}: exists; --force overwrites it")));
        }
        Ok(Target {
            path: path.to_owned(),
            force,
        })
    }

    /// Writes the whole text or nothing: into a new file beside, which then
    /// takes the name.
    pub fn write(&self, text: &str) -> Result<(), Failure> {
        self.write_bytes(text.as_bytes())
    }

    /// As [`Target::write`], for bytes.
    pub fn write_bytes(&self, bytes: &[u8]) -> Result<(), Failure> {
        self.write_with(&mut |file| file.write_all(bytes))
    }

    /// As [`Target::write`], for what is too large to be in memory at once.
    pub fn write_with(
        &self,
        write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Failure> {
        let failed = |error: io::Error| {
            let path = self.path.display();
            Failure(match error.kind() {
                ErrorKind::NotFound => {
                    format!("{path}: its folder does not exist; make it, or name another file")
                }
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::WriteZero => {
                    format!("{path}: {error}; nothing was left of it, name a file on another disk")
                }
                _ => format!("{path}: {error}"),
            })
        };
        let unfinished = Unfinished::create(self.beside());
        unfinished
            .and_then(|file| file.finish(write, |beside| self.take_name(beside)))
            .map_err(failed)
    }

    fn beside(&self) -> PathBuf {
        let mut name = OsString::from(".");
        name.push(self.path.file_name().unwrap_or_default());
        name.push(format!(".{}.tmp", std::process::id()));
        self.path.with_file_name(name)
    }

    fn take_name(&self, beside: &Path) -> io::Result<()> {
        if self.force {
            return fs::rename(beside, &self.path);
        }
        // A link, unlike a rename, cannot replace a file that came meanwhile.
        match fs::hard_link(beside, &self.path) {
            Ok(()) => fs::remove_file(beside),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(error),
            // File systems without links.
            Err(_) if self.path.symlink_metadata().is_ok() => Err(ErrorKind::AlreadyExists.into()),
            Err(_) => fs::rename(beside, &self.path),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name());
        let mut names: Vec<String> = entries.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_report_is_written_whole_and_leaves_nothing_beside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.json");
        Target::new(&path, false, &[])
            .unwrap()
            .write("{}\n")
            .unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "{}\n");
        assert_eq!(names(folder.path()), ["report.json"]);
    }

    #[test]
    fn a_file_is_overwritten_only_by_force() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.txt");
        let early = Target::new(&path, false, &[]).unwrap();
        fs::write(&path, "old").unwrap();
        let Failure(message) = Target::new(&path, false, &[]).unwrap_err();
        assert!(
            message.ends_with("exists; --force overwrites it"),
            "{message}"
        );
        // A file that came while we were at work is not lost either.
        early.write("new").unwrap_err();
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        Target::new(&path, true, &[]).unwrap().write("new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(names(folder.path()), ["report.txt"]);
    }

    #[test]
    fn evidence_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.pcap");
        fs::write(&path, "x").unwrap();
        let evidence = [folder.path().join(".").join("a.pcap")];
        let Failure(message) = Target::new(&path, true, &evidence).unwrap_err();
        assert!(
            message.ends_with("is evidence, and is not overwritten"),
            "{message}"
        );
    }

    #[test]
    fn a_folder_is_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let Failure(message) = Target::new(folder.path(), true, &[]).unwrap_err();
        assert!(message.ends_with("is a folder, give a file"), "{message}");
    }
}
