//! What a run over many cases remembers of each, a JSON object a line: the file
//! that `explain --each --resume` reads again.

use serde::{Deserialize, Serialize};

use super::json::line;

/// One case of a run: begun, done, or failed. Later lines count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseRecord {
    /// The input as it was named.
    pub input: String,
    /// Its name in the folder of reports, without extension.
    pub name: String,
    /// `begun`, `failed`, or the verdict.
    pub state: String,
    /// SHA-256 over program version and all options that decide what is written.
    pub settings: String,
    /// What the file system said of the input (`evidence::fingerprint`).
    pub fingerprint: String,
    /// Why it failed; empty where it did not.
    pub why: String,
}

/// `state` of a case that was taken up: its files are this run's.
pub const BEGUN: &str = "begun";
/// `state` of a case that could not be explained.
pub const FAILED: &str = "failed";

impl CaseRecord {
    /// One line, with its newline.
    #[must_use]
    pub fn to_line(&self) -> String {
        format!("{}\n", line(self))
    }

    /// All records of a file, in order. A line that is damaged (the last one of
    /// a run that was killed) is passed over: its case is only done once more.
    #[must_use]
    pub fn from_lines(text: &str) -> Vec<Self> {
        let lines = text.lines();
        lines
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn records_come_back_and_a_torn_line_is_passed_over() {
        let record = CaseRecord {
            input: "a \"b\u{202e}.zip".to_owned(),
            name: "a".to_owned(),
            state: "explained".to_owned(),
            settings: "00".to_owned(),
            fingerprint: "11".to_owned(),
            why: String::new(),
        };
        let text = record.to_line();
        assert!(!text.contains('\u{202e}') && text.ends_with("}\n"));
        let torn = format!("{text}{}", &text[..20]);
        assert_eq!(CaseRecord::from_lines(&torn), [record]);
    }
}
