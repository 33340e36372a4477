//! `case.toml`: what the analyst says, named by `--case` or found beside the
//! evidence.

use std::fs;
use std::path::{Path, PathBuf};

use whychain::given::{Given, MAX_CASE_FILE_LEN};

use super::Failure;

/// The name by which a case file is found.
const NAME: &str = "case.toml";

/// Reads the case file asked for, else the one beside the evidence, if any.
pub fn read(asked: Option<&Path>, evidence: &[PathBuf]) -> Result<Option<Given>, Failure> {
    let path = match asked {
        Some(path) => path.to_owned(),
        None => match beside(evidence)? {
            Some(path) => path,
            None => return Ok(None),
        },
    };
    let shown = path.display();
    let failed = |why: String| Failure(format!("{shown}: {why}"));
    let size = fs::metadata(&path).map_err(|error| failed(error.to_string()))?;
    if size.len() > MAX_CASE_FILE_LEN {
        let why = format!("{} bytes, more than {MAX_CASE_FILE_LEN}", size.len());
        return Err(failed(why));
    }
    let text = fs::read_to_string(&path).map_err(|error| failed(error.to_string()))?;
    // Windows editors put a byte order mark in front.
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    Given::from_toml(text).map(Some).map_err(failed)
}

/// The one case file that lies in a folder given, or beside a file given.
fn beside(evidence: &[PathBuf]) -> Result<Option<PathBuf>, Failure> {
    let mut found: Vec<(PathBuf, PathBuf)> = Vec::new();
    for path in evidence {
        let folder = match path.is_dir() {
            true => path.as_path(),
            false => path.parent().unwrap_or(Path::new("")),
        };
        let candidate = folder.join(NAME);
        if let Ok(canonical) = candidate.canonicalize()
            && canonical.is_file()
            && !found.iter().any(|(known, _)| *known == canonical)
        {
            found.push((canonical, candidate));
        }
    }
    match found.as_slice() {
        [] => Ok(None),
        [(_, only)] => Ok(Some(only.clone())),
        [(_, one), (_, other), ..] => Err(Failure(format!(
            "two case files, {} and {}: say with --case which one counts",
            one.display(),
            other.display()
        ))),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn the_file_beside_the_evidence_is_found_and_two_are_too_many() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("a")).unwrap();
        let capture = path("x.pcap");
        fs::write(&capture, "").unwrap();
        let both = [capture.clone(), path("a")];
        assert_eq!(read(None, &both).unwrap(), None);
        fs::write(path("case.toml"), "\u{feff}title = \"T\"").unwrap();
        let given = read(None, &both).unwrap().unwrap();
        assert_eq!(given.title.as_deref(), Some("T"));
        fs::write(path("a").join("case.toml"), "title = 1").unwrap();
        let Failure(message) = read(None, &both).unwrap_err();
        assert!(message.starts_with("two case files, "), "{message}");
        let wrong = path("a").join("case.toml");
        let Failure(message) = read(Some(&wrong), &both).unwrap_err();
        assert!(message.contains("case.toml: line 1: "), "{message}");
        assert!(read(Some(&path("none.toml")), &both).is_err());
    }
}
