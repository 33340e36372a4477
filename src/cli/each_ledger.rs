//! What a run over many cases remembers on disk, so that the next one can leave
//! out what is done.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use whychain::bytes::to_hex;
use whychain::evidence;
use whychain::given::Given;
use whychain::report::batch::{BEGUN, CaseRecord, FAILED};

use super::Failure;
use super::each::Mark;
use super::each_names::Case;
use super::explain::Arguments;
use super::options::Format;
use super::output::Target;

/// The file in the folder of reports. `merge` looks for `*.json` only, and a
/// folder's listing begins with the reports.
const NAME: &str = ".whychain-each.jsonl";

/// The file, open at its end: a line is added as soon as a case is begun or
/// done, so that a run that is killed loses at most what it was at.
pub struct Ledger {
    path: PathBuf,
    file: File,
}

/// What earlier runs did, by input.
pub struct Records(BTreeMap<String, CaseRecord>);

impl Ledger {
    /// Opens the file of a folder; a run that does not resume starts it anew.
    pub fn open(folder: &Path, resume: bool) -> Result<(Self, Records), Failure> {
        let path = folder.join(NAME);
        let failed = |error: std::io::Error| Failure(format!("{}: {error}", path.display()));
        let mut records = BTreeMap::new();
        if resume {
            let text = match fs::read(&path) {
                Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
                Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
                Err(error) => return Err(failed(error)),
            };
            for record in CaseRecord::from_lines(&text) {
                records.insert(record.input.clone(), record);
            }
        }
        let mut options = OpenOptions::new();
        options.create(true);
        match resume {
            true => options.append(true),
            false => options.write(true).truncate(true),
        };
        let mut file = options.open(&path).map_err(failed)?;
        if resume {
            // The last line of a run that was killed may be torn.
            file.write_all(b"\n").map_err(failed)?;
        }
        Ok((Ledger { path, file }, Records(records)))
    }

    /// A case was taken up.
    pub fn begun(&mut self, case: &Case, mark: &Mark) -> Result<(), Failure> {
        self.add(case, mark, BEGUN, "")
    }

    /// A case is done.
    pub fn done(
        &mut self,
        case: &Case,
        mark: &Mark,
        result: &Result<String, String>,
    ) -> Result<(), Failure> {
        match result {
            Ok(state) => self.add(case, mark, state, ""),
            Err(why) => self.add(case, mark, FAILED, why),
        }
    }

    fn add(&mut self, case: &Case, mark: &Mark, state: &str, why: &str) -> Result<(), Failure> {
        let record = CaseRecord {
            input: case.input.display().to_string(),
            name: case.name.clone(),
            state: state.to_owned(),
            settings: mark.settings.clone(),
            fingerprint: mark.fingerprint.clone(),
            why: why.to_owned(),
        };
        let written = self.file.write_all(record.to_line().as_bytes());
        written.map_err(|error| Failure(format!("{}: {error}", self.path.display())))
    }

    /// Writes the file once more, a line a case, in order of their names.
    pub fn finish(self) -> Result<(), Failure> {
        drop(self.file);
        let failed = |error: std::io::Error| Failure(format!("{}: {error}", self.path.display()));
        let text = fs::read_to_string(&self.path).map_err(failed)?;
        let mut last: BTreeMap<String, CaseRecord> = BTreeMap::new();
        for record in CaseRecord::from_lines(&text) {
            last.insert(record.input.clone(), record);
        }
        let text: String = last.values().map(CaseRecord::to_line).collect();
        Target::new(&self.path, true, &[])?.write(&text)
    }
}

impl Records {
    /// The verdict of a case that is done and unchanged, its reports still there.
    pub fn done(
        &self,
        case: &Case,
        mark: &Mark,
        folder: &Path,
        formats: &[Format],
    ) -> Option<String> {
        let record = self.0.get(&case.input.display().to_string())?;
        let same = record.name == case.name
            && record.settings == mark.settings
            && record.fingerprint == mark.fingerprint
            && ![BEGUN, FAILED].contains(&record.state.as_str());
        let there = |format: &Format| case.file(folder, *format).is_file();
        (same && formats.iter().all(there)).then(|| record.state.clone())
    }

    /// Whether the files of this name come from an earlier run over this input,
    /// and may be written anew.
    pub fn wrote(&self, case: &Case) -> bool {
        let record = self.0.get(&case.input.display().to_string());
        record.is_some_and(|record| record.name == case.name)
    }
}

/// SHA-256 over the program's version and every option that decides what is
/// written.
pub fn settings_mark(arguments: &Arguments) -> Result<String, Failure> {
    let question = &arguments.question;
    let roots = match &question.roots {
        None => None,
        Some(folder) => Some(
            evidence::fingerprint(folder)
                .map_err(|error| Failure(format!("{}: {error}", folder.display())))?,
        ),
    };
    let show = &arguments.show;
    let text = format!(
        "{}|{question:?}|{roots:?}|{:?}|{}|{:?}|{:?}|{:?}|{:?}|{:?}",
        env!("CARGO_PKG_VERSION"),
        arguments.each.formats,
        arguments.output.share,
        show.color,
        show.width,
        show.tz,
        show.detail,
        arguments.evidence.password.as_deref().map(password_mark),
    );
    Ok(to_hex(&Sha256::digest(text.as_bytes())))
}

/// The settings of a case with what the analyst gave of it.
pub fn with_case_file(settings: &str, given: Option<&Given>) -> String {
    match given {
        None => settings.to_owned(),
        Some(given) => {
            let text = format!("{settings}|{given:?}");
            to_hex(&Sha256::digest(text.as_bytes()))
        }
    }
}

/// Another password may open what this one did not. It is hashed many times, so
/// that the file is no quicker way to guess it than an AES zip.
fn password_mark(password: &str) -> String {
    const ROUNDS: usize = 100_000;
    let mut digest = Sha256::digest(password.as_bytes());
    for _ in 0..ROUNDS {
        digest = Sha256::digest(digest);
    }
    to_hex(&digest)
}
