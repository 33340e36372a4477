//! The cases of a run over many, and how their reports are named.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use whychain::bytes::to_hex;

use super::options::Format;

/// One case: an input that gets reports of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// The file or folder, as it was given.
    pub input: PathBuf,
    /// The name of its reports, without extension.
    pub name: String,
}

impl Case {
    /// The file of one form.
    pub fn file(&self, folder: &Path, format: Format) -> PathBuf {
        folder.join(format!("{}.{}", self.name, extension(format)))
    }
}

/// The extension by which `-o` would choose this form.
pub fn extension(format: Format) -> &'static str {
    match format {
        Format::Text => "txt",
        Format::Json => "json",
        Format::Html => "html",
        Format::Markdown => "md",
        Format::Csv => "csv",
        Format::Timesketch => "jsonl",
        Format::L2tcsv => "l2t.csv",
    }
}

/// The cases in the order given, each input once.
///
/// A report is named as its input, without the extension of a file. Where two
/// names are one, or differ in case only, each gets the begin of the SHA-256 of
/// its path behind it: that depends on no order.
pub fn cases(inputs: &[PathBuf], formats: &[Format]) -> Vec<Case> {
    let mut seen: BTreeSet<PathBuf> = BTreeSet::new();
    let mut cases: Vec<Case> = Vec::new();
    for input in inputs {
        let canonical = input.canonicalize().unwrap_or_else(|_| input.clone());
        if seen.insert(canonical) {
            cases.push(Case {
                input: input.clone(),
                name: name(input),
            });
        }
    }
    let files = |case: &Case| -> Vec<String> {
        let files = formats.iter().map(|format| extension(*format));
        files
            .map(|extension| format!("{}.{extension}", case.name).to_lowercase())
            .collect()
    };
    let mut uses: BTreeMap<String, usize> = BTreeMap::new();
    for file in cases.iter().flat_map(files) {
        *uses.entry(file).or_default() += 1;
    }
    for case in &mut cases {
        let clash = files(case)
            .iter()
            .any(|file| uses.get(file).is_some_and(|count| *count > 1));
        if clash {
            case.name = format!("{}-{}", case.name, path_mark(&case.input));
        }
    }
    cases
}

fn name(input: &Path) -> String {
    // `.` and `..` have no name of their own.
    let canonical = input.canonicalize().ok();
    let named = input
        .file_name()
        .or_else(|| canonical.as_deref().and_then(Path::file_name));
    let named = match input.is_dir() {
        true => named,
        false => input.file_stem().or(named),
    };
    let name = named.unwrap_or_default().to_string_lossy();
    let safe = |it: char| match it {
        // What a file system or a shell takes for something else.
        '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' => '_',
        it if whychain::words::is_hostile(it) || it.is_control() => '_',
        it => it,
    };
    let mut name: String = name.chars().map(safe).collect();
    while name.len() > MAX_NAME_LEN {
        name.pop();
    }
    // A name with a dot in front would be hidden, and the run's own file is.
    let name = match name.strip_prefix('.') {
        Some(rest) => format!("_{rest}"),
        None => name,
    };
    match name.is_empty() {
        true => "case".to_owned(),
        false => name,
    }
}

/// Bytes of a name: file systems allow 255, with mark, extension and the ending
/// of the file beside.
const MAX_NAME_LEN: usize = 180;

fn path_mark(path: &Path) -> String {
    let path = path.to_string_lossy().replace('\\', "/");
    let digest = Sha256::digest(path.as_bytes());
    to_hex(digest.get(..4).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn names(inputs: &[&str], formats: &[Format]) -> Vec<String> {
        let inputs: Vec<PathBuf> = inputs.iter().map(PathBuf::from).collect();
        let cases = cases(&inputs, formats);
        cases.into_iter().map(|case| case.name).collect()
    }

    #[test]
    fn reports_are_named_as_their_inputs() {
        let given = [
            "/x/A.zip",
            "/x/pc.corp.example.zip",
            "/x/.zip",
            "/x/a\u{1b}b",
        ];
        let expected = ["A", "pc.corp.example", "_zip", "a_b"];
        assert_eq!(names(&given, &[Format::Json]), expected);
    }

    #[test]
    fn names_that_clash_stay_distinct_in_every_order() {
        let one = names(&["/x/A.zip", "/y/a.zip", "/y/b.zip"], &[Format::Json]);
        let mut other = names(&["/y/b.zip", "/y/a.zip", "/x/A.zip"], &[Format::Json]);
        other.reverse();
        assert_eq!(one, other);
        assert_ne!(one[0].to_lowercase(), one[1].to_lowercase());
        assert!(one[0].starts_with("A-") && one[1].starts_with("a-"));
        assert_eq!(one[2], "b");
        assert_eq!(names(&["/x/A.zip", "/x/A.zip"], &[Format::Json]), ["A"]);
    }

    #[test]
    fn one_form_of_a_case_is_not_another_form_of_another() {
        let found = names(
            &["/x/a.l2t.zip", "/x/a.zip"],
            &[Format::Csv, Format::L2tcsv],
        );
        assert!(found[0] != "a.l2t" && found[1] != "a", "{found:?}");
    }

    #[test]
    fn a_folder_keeps_all_of_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pc.corp.example");
        std::fs::create_dir(&path).unwrap();
        let cases = cases(&[path], &[Format::Json]);
        assert_eq!(cases[0].name, "pc.corp.example");
        let file = cases[0].file(Path::new("out"), Format::L2tcsv);
        assert_eq!(file, Path::new("out/pc.corp.example.l2t.csv"));
    }
}
