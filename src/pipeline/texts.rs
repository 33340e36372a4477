//! Texts of the machine and of the servers it spoke to: access logs, pasted
//! output of certutil and netsh.

use crate::case::assemble::Gathered;
use crate::evidence::{Inputs, Located};
use crate::host::{self, HostFacts};
use crate::issue::Issue;
use crate::provenance::EvidenceId;

/// An access log of a day of a large proxy has some hundred MB.
const MAX_ACCESS_LEN: usize = 512 << 20;

/// Reads the access log of a proxy or a web server.
pub fn access_log(
    file: &Located,
    inputs: &mut Inputs,
    gathered: &mut Gathered,
) -> Option<(EvidenceId, HostFacts)> {
    let read = inputs.read_small(file, MAX_ACCESS_LEN)?;
    let log = host::access_log::read(&host::text::decode(&read.bytes));
    let mut issue = |place: String, what: String, effect: &str| {
        let issue = Issue::new(read.evidence, place, what, effect);
        gathered.issues.push(issue);
    };
    for (line, what) in &log.problems {
        let effect = "the rest of the log is used";
        issue(format!("line {line}"), what.clone(), effect);
    }
    if log.left_out > 0 {
        let what = format!("{} more lines than are kept", log.left_out);
        issue("further on".to_owned(), what, "they are left out");
    }
    let local = log
        .lines
        .iter()
        .find(|line| line.time.is_some_and(|time| time.utc().is_none()) || line.time.is_none());
    if let Some(local) = local {
        let what = "lines without a zone, or without a time".to_owned();
        let effect = "they are in no lane of time and are compared with nothing";
        issue(format!("line {}", local.line), what, effect);
    }
    Some((read.evidence, HostFacts::Access(Box::new(log))))
}
