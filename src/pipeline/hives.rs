//! Registry hives with their transaction logs.

use std::sync::Arc;

use super::hosts::unreadable;
use crate::account::{Account, AccountKind};
use crate::case::assemble::Gathered;
use crate::evidence::{EvidenceKind, Inputs, Located};
use crate::host::hive::HiveKind;
use crate::host::hive_log::{self, Patch, Recovered};
use crate::host::regf::{self, FileType};
use crate::host::{self, HostFacts};
use crate::issue::Issue;
use crate::provenance::EvidenceId;

/// A SOFTWARE hive of a large server has some 200 MB.
const MAX_HIVE_LEN: usize = 512 << 20;

/// Reads a hive, after its transaction logs were applied in memory.
pub fn hive(
    file: &Located,
    files: &[Located],
    inputs: &mut Inputs,
    gathered: &mut Gathered,
) -> Option<(EvidenceId, HostFacts)> {
    let read = inputs.read_small(file, MAX_HIVE_LEN)?;
    if regf::file_type(&read.bytes) == Some(FileType::TransactionLog) {
        if !has_hive(file, files) {
            let what = "a transaction log without its registry hive beside it";
            let effect = "its changes are not in the answer";
            let place = "the whole file";
            let issue = Issue::new(read.evidence, place, what, effect);
            gathered.issues.push(issue);
        }
        return None;
    }
    let base = hive_log::base_block(&read.bytes).ok();
    let needs = base.is_none_or(|base| hive_log::needs_logs(&base));
    let recovered = match needs {
        true => with_logs(file, files, read.evidence, &read.bytes, (inputs, gathered)),
        false => None,
    };
    let (bytes, patches) = match &recovered {
        Some((recovered, patches)) => (recovered.as_slice(), patches.clone()),
        None => (&*read.bytes, Vec::new()),
    };
    if base.is_some_and(|base| !base.is_sound) && patches.is_empty() {
        let what = "the checksum of the hive's base block does not agree";
        let effect = "the hive is used as it is; it may have been changed or cut";
        let issue = Issue::new(read.evidence, "byte 508", what, effect);
        gathered.issues.push(issue);
    }
    match host::hive::read(bytes) {
        Ok((mut facts, problems, more)) => {
            facts.is_dirty = facts.is_dirty && patches.is_empty();
            facts.patches = patches;
            let mut issue = |place: String, what: String, effect: &str| {
                let issue = Issue::new(read.evidence, place, what, effect);
                gathered.issues.push(issue);
            };
            for problem in &problems {
                let effect = "this key or value is left out; the rest of the hive is used";
                issue(format!("byte {}", problem.at), problem.to_string(), effect);
            }
            if more > 0 {
                let what = format!("{more} more places of this hive are damaged");
                issue("further on".to_owned(), what, "they are left out");
            }
            if facts.is_dirty {
                let what = "the hive was copied while Windows wrote to it".to_owned();
                let effect = "its newest changes lie in transaction logs and are not in the answer";
                issue("byte 4".to_owned(), what, effect);
            }
            if facts.kind == HiveKind::User {
                facts.account = host::hive_account(&file.logical).or_else(|| {
                    let name = facts.names.first().cloned();
                    let kind = AccountKind::User;
                    Some(Account { kind, name })
                });
            }
            Some((read.evidence, HostFacts::Hive(Box::new(facts))))
        }
        Err(error) => {
            unreadable(gathered, read.evidence, &error);
            None
        }
    }
}

/// The endings of the logs beside a hive, in the order of Windows.
const ENDINGS: [&str; 3] = [".log", ".log1", ".log2"];

/// True when the hive of a log is among the files.
fn has_hive(log: &Located, files: &[Located]) -> bool {
    let path = log.logical.to_ascii_lowercase();
    let stems = ENDINGS
        .iter()
        .filter_map(|ending| path.strip_suffix(ending));
    let stems: Vec<&str> = stems.collect();
    files.iter().any(|file| {
        file.kind == EvidenceKind::Hive && {
            let own = file.logical.to_ascii_lowercase();
            stems.iter().any(|stem| *stem == own)
        }
    })
}

/// The hive with its logs applied, where any apply, and which parts are whose.
type Applied = (Vec<u8>, Vec<(Patch, EvidenceId)>);

fn with_logs(
    file: &Located,
    files: &[Located],
    evidence: EvidenceId,
    bytes: &[u8],
    (inputs, gathered): (&mut Inputs, &mut Gathered),
) -> Option<Applied> {
    let stem = file.logical.to_ascii_lowercase();
    let mut logs: Vec<(EvidenceId, Arc<[u8]>, String)> = Vec::new();
    for ending in ENDINGS {
        let name = format!("{stem}{ending}");
        let log = files.iter().find(|other| {
            other.kind == EvidenceKind::Hive && other.logical.to_ascii_lowercase() == name
        });
        let Some(log) = log else { continue };
        let label = log.logical.rsplit(['/', '\\']).next().unwrap_or_default();
        let label = label.to_owned();
        if let Some(read) = inputs.read_small(log, MAX_HIVE_LEN) {
            logs.push((read.evidence, read.bytes, label));
        }
    }
    let slices: Vec<&[u8]> = logs.iter().map(|(_, bytes, _)| &**bytes).collect();
    let recovered = hive_log::recover(bytes, &slices)?;
    for (log, problem) in &recovered.problems {
        let Some((log, ..)) = logs.get(*log) else {
            continue;
        };
        let effect = "changes from there on are not in the answer";
        let place = format!("byte {}", problem.at);
        let issue = Issue::new(*log, place, problem.to_string(), effect);
        gathered.issues.push(issue);
    }
    let told = told(&recovered, &logs)?;
    let what = "the hive was copied while Windows wrote to it";
    let issue = Issue::new(evidence, "byte 4", what, told);
    gathered.issues.push(issue);
    let patches = recovered.patches.iter();
    let patches = patches.filter_map(|patch| Some((*patch, logs.get(patch.log)?.0)));
    let patches = patches.collect();
    Some((recovered.bytes, patches))
}

/// What was applied, in words; `None` for nothing.
fn told(recovered: &Recovered, logs: &[(EvidenceId, Arc<[u8]>, String)]) -> Option<String> {
    let parts = recovered.applied.iter().filter_map(|(log, entries)| {
        let (_, _, name) = logs.get(*log)?;
        let noun = if *entries == 1 { "entry" } else { "entries" };
        Some(format!("{entries} {noun} of {name}"))
    });
    let parts: Vec<String> = parts.collect();
    let list = parts.join(" and ");
    (!parts.is_empty()).then(|| {
        format!("its newest changes were read from its transaction logs ({list}); the file itself is untouched")
    })
}
