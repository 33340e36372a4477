//! Texts of the machine and of the servers it spoke to: access logs, pasted
//! output of certutil and netsh.

use crate::account::{Account, AccountKind};
use crate::case::assemble::Gathered;
use crate::cryptnet::{self, CacheEntry, ToldEntry};
use crate::evidence::{Inputs, Located};
use crate::host::{self, HostFacts, HostSource};
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

/// Pasted output is short; a verbose list of a full cache has some MB.
const MAX_PASTED_LEN: usize = 32 << 20;

/// Reads pasted output of certutil or netsh.
pub fn pasted(
    file: &Located,
    inputs: &mut Inputs,
    gathered: &mut Gathered,
) -> Option<(EvidenceId, HostFacts)> {
    let read = inputs.read_small(file, MAX_PASTED_LEN)?;
    let pasted = host::pasted::read(&host::text::decode(&read.bytes));
    let effect = match pasted.is_empty() {
        true => "nothing of this text is used",
        false => "the rest of the text is used",
    };
    for (line, what) in &pasted.problems {
        let place = format!("line {line}");
        let issue = Issue::new(read.evidence, place, what.clone(), effect);
        gathered.issues.push(issue);
    }
    Some((read.evidence, HostFacts::Pasted(Box::new(pasted))))
}

/// Entries of a cache that a pasted list tells of: without bytes, record or
/// instant.
pub fn cache_entries(source: &HostSource, gathered: &mut Gathered) {
    let Some(pasted) = source.pasted() else {
        return;
    };
    for told in &pasted.cache {
        let path = told.path.as_deref().map(|path| path.replace('\\', "/"));
        let named = path.as_deref().and_then(|path| path.rsplit('/').next());
        let name = match named {
            Some(name) if !name.is_empty() => name.to_owned(),
            _ => cryptnet::file_name(cryptnet::strip_ctl_query(&told.url)),
        };
        // Without -v it is the cache of whoever ran certutil.
        let owner = path.as_deref().map(owner_of);
        gathered.cache_entries.push(CacheEntry {
            name_check: cryptnet::check_name(&name, &told.url),
            name,
            hand_over: source.hand_over.clone(),
            machine: source.machine.clone(),
            owner: owner.unwrap_or_else(|| Account::of(AccountKind::Unknown)),
            record: None,
            meta_data: None,
            content: None,
            recovered_url: Some(told.url.clone()),
            told: Some(ToldEntry {
                cite: source.line(told.line),
                size: told.size,
                last_sync: told.last_sync.clone(),
            }),
        });
        gathered.cache_objects.push(Vec::new());
    }
}

/// The account of `C:/Users/NAME/AppData/LocalLow/Microsoft/CryptnetUrlCache/…`.
fn owner_of(path: &str) -> Account {
    let folders: Vec<&str> = path.split('/').collect();
    let cache = folders
        .iter()
        .position(|folder| folder.eq_ignore_ascii_case("CryptnetUrlCache"));
    let above = cache.and_then(|at| folders.get(..at)).unwrap_or_default();
    let above = match above {
        [rest @ .., last] if last.eq_ignore_ascii_case("Microsoft") => rest,
        all => all,
    };
    cryptnet::owner(above)
}
