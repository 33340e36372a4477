//! The problems of one capture file, bounded.

use crate::issue::Issue;
use crate::provenance::EvidenceId;

use super::summary::CaptureSummary;

/// Collects the issues of one capture.
#[derive(Debug)]
pub(super) struct Issues {
    evidence: EvidenceId,
    list: Vec<Issue>,
    noted: usize,
}

/// Issues listed per capture. A file damaged in more places is damaged
/// throughout, and the list would hide the rest of the report.
const MAX_ISSUES: usize = 50;

impl Issues {
    pub(super) fn new(evidence: EvidenceId) -> Self {
        Issues {
            evidence,
            list: Vec::new(),
            noted: 0,
        }
    }

    /// Notes a problem at a byte of the file.
    pub(super) fn note(&mut self, offset: u64, what: impl Into<String>, effect: impl Into<String>) {
        self.noted += 1;
        if self.noted <= MAX_ISSUES {
            self.list.push(Issue::new(
                self.evidence,
                format!("byte {offset}"),
                what,
                effect,
            ));
        } else if self.noted == MAX_ISSUES + 1 {
            let what = format!("more than {MAX_ISSUES} places of the capture are damaged");
            let effect = "the further ones are not listed";
            self.list.push(Issue::new(
                self.evidence,
                format!("byte {offset}"),
                what,
                effect,
            ));
        }
    }

    pub(super) fn take(&mut self) -> Vec<Issue> {
        std::mem::take(&mut self.list)
    }
}

/// Where a format notes what it met while reading one block.
pub(super) struct Notes<'a> {
    /// First byte of the block in the file.
    pub(super) offset: u64,
    pub(super) summary: &'a mut CaptureSummary,
    pub(super) issues: &'a mut Issues,
    /// Texts of the TLS key logs met, until they are taken.
    pub(super) key_logs: &'a mut Vec<Vec<u8>>,
}

impl Notes<'_> {
    /// Notes a problem of this block.
    pub(super) fn issue(&mut self, what: impl Into<String>, effect: impl Into<String>) {
        self.issues.note(self.offset, what, effect);
    }
}
