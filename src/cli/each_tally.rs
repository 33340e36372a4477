//! What became of the cases of a run, in numbers, and its exit status.

use std::collections::BTreeMap;
use std::path::Path;

use whychain::words;

use super::each_names::Case;
use super::{CANNOT_RUN, Failure, output};

/// What became of the cases.
#[derive(Debug, Default)]
pub struct Tally {
    verdicts: BTreeMap<String, usize>,
    failed: Vec<String>,
    skipped: usize,
}

impl Tally {
    /// One more case that was done before.
    pub fn skipped(&mut self, state: &str) {
        self.skipped += 1;
        *self.verdicts.entry(state.to_owned()).or_default() += 1;
    }

    /// One more case.
    pub fn done(&mut self, case: &Case, result: &Result<String, String>) {
        match result {
            Ok(state) => *self.verdicts.entry(state.clone()).or_default() += 1,
            Err(_) => self.failed.push(case.input.display().to_string()),
        }
    }

    /// How many cases could not be explained.
    pub fn failed(&self) -> usize {
        self.failed.len()
    }

    /// How many cases are through, whatever came out.
    pub fn finished(&self) -> usize {
        self.verdicts.values().sum::<usize>() + self.failed.len()
    }

    /// Says on stderr what became of all.
    pub fn say(&self, quiet: bool, folder: &Path) {
        if !quiet {
            output::say(&format!("{}: {}", folder.display(), self.sentence()));
        }
    }

    fn sentence(&self) -> String {
        let mut parts = vec![words::count(self.finished() as u64, "case", "cases")];
        for (state, number) in &self.verdicts {
            parts.push(format!("{} {state}", words::thousands(*number as u64)));
        }
        if self.skipped > 0 {
            let skipped = words::thousands(self.skipped as u64);
            parts.push(format!("{skipped} of them done before"));
        }
        if !self.failed.is_empty() {
            let mut failed = self.failed.clone();
            failed.sort();
            let more = failed.len().saturating_sub(MAX_NAMES);
            failed.truncate(MAX_NAMES);
            if more > 0 {
                failed.push(format!("{} more", words::thousands(more as u64)));
            }
            let number = words::thousands(self.failed.len() as u64);
            parts.push(format!("{number} not explained ({})", failed.join(", ")));
        }
        parts.join(", ")
    }

    /// The exit status: of the worst verdict. A case that could not be explained
    /// counts as undetermined; where that is all of them, nothing could run.
    pub fn status(&self, cases: usize) -> Result<u8, Failure> {
        let has = |state: &str| self.verdicts.contains_key(state);
        Ok(if self.finished() < cases {
            return Err(Failure("no worker could be started".to_owned()));
        } else if self.verdicts.is_empty() {
            CANNOT_RUN
        } else if has("undetermined") || !self.failed.is_empty() {
            3
        } else if has("explained") {
            1
        } else {
            0
        })
    }
}

/// Failed inputs named in the last line; each had a line of its own.
const MAX_NAMES: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(states: &[&str], failed: usize) -> Tally {
        let mut tally = Tally::default();
        let case = Case {
            input: "bad.zip".into(),
            name: "bad".to_owned(),
        };
        for state in states {
            tally.done(&case, &Ok((*state).to_owned()));
        }
        for _ in 0..failed {
            tally.done(&case, &Err("no zip".to_owned()));
        }
        tally
    }

    #[test]
    fn the_worst_verdict_is_the_status() {
        let status = |states: &[&str], failed| {
            let cases = states.len() + failed;
            tally(states, failed).status(cases)
        };
        assert_eq!(status(&["clean", "no-validation-seen"], 0), Ok(0));
        assert_eq!(status(&["clean", "explained"], 0), Ok(1));
        assert_eq!(status(&["explained", "undetermined"], 0), Ok(3));
        assert_eq!(status(&["clean"], 1), Ok(3));
        assert_eq!(status(&[], 2), Ok(2));
    }

    #[test]
    fn the_last_line_names_what_failed() {
        let mut tally = tally(&["clean", "explained"], 6);
        tally.skipped("clean");
        assert_eq!(
            tally.sentence(),
            "9 cases, 2 clean, 1 explained, 1 of them done before, 6 not explained \
             (bad.zip, bad.zip, bad.zip, bad.zip, bad.zip, 1 more)"
        );
    }
}
