//! Commands that show what is cited: ready for a shell, with names from
//! evidence that cannot become a command of their own.

use crate::evidence::{EvidenceKind, EvidenceRecord};
use crate::words;

/// `tshark -r client.pcapng -Y "frame.number == 7"`; `None` where the path
/// cannot be written in one line.
pub(super) fn tshark(record: &EvidenceRecord, filter: &str) -> Option<String> {
    // A filter is made of numbers, braces, dots and commas only.
    match &record.member {
        None => {
            let path = argument(&record.path)?;
            Some(format!("tshark -r {path} -Y \"{filter}\""))
        }
        Some(member) => {
            let unzip = unzip(&record.path, member)?;
            Some(format!("{unzip} | tshark -r - -Y \"{filter}\""))
        }
    }
}

/// A hex dump of the bytes, for a part of a file or a whole small one; `None`
/// where the path cannot be written in one line.
pub(super) fn bytes(record: &EvidenceRecord, offset: u64, length: u64) -> Option<String> {
    let whole = offset == 0 && length == record.size;
    // A capture or archive is not read in hex.
    if whole
        && matches!(
            record.kind,
            EvidenceKind::Zip | EvidenceKind::Pcap | EvidenceKind::Pcapng
        )
    {
        return None;
    }
    let part = match whole {
        true => String::new(),
        false => format!(" -s {offset} -l {length}"),
    };
    match &record.member {
        None => Some(format!("xxd{part} {}", argument(&record.path)?)),
        Some(member) => Some(format!("{} | xxd{part}", unzip(&record.path, member)?)),
    }
}

fn unzip(path: &str, member: &str) -> Option<String> {
    // Members of zips in zips take more than one step.
    let nested = member.to_ascii_lowercase().contains(".zip/");
    // unzip takes these for patterns.
    let pattern = member.contains(['*', '?', '[', '\\']);
    if nested || pattern {
        return None;
    }
    Some(format!(
        "unzip -p {} {}",
        argument(path)?,
        argument(member)?
    ))
}

/// A path as one argument of a shell; `None` for one that cannot be shown.
fn argument(path: &str) -> Option<String> {
    if path.is_empty() || path.chars().any(words::is_hostile) || path.chars().count() > MAX_PATH {
        return None;
    }
    // A leading dash would be read as an option.
    let path = match path.starts_with('-') {
        true => format!("./{path}"),
        false => path.to_owned(),
    };
    let harmless = |character: char| {
        character.is_alphanumeric()
            || matches!(character, '.' | '_' | '-' | '/' | ':' | '+' | '@' | ',')
    };
    if path.chars().all(harmless) {
        return Some(path);
    }
    // Double quotes are understood by the shells of both systems; what they do
    // not protect from needs the single ones of POSIX.
    match path.contains(['"', '$', '`', '\\', '!', '%']) {
        false => Some(format!("\"{path}\"")),
        true => Some(format!("'{}'", path.replace('\'', r"'\''"))),
    }
}

/// A longer path is no help in a line to copy.
const MAX_PATH: usize = 500;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn a_name_cannot_become_a_command() {
        assert_eq!(argument("a/b.pcap").unwrap(), "a/b.pcap");
        assert_eq!(argument("my case.pcap").unwrap(), "\"my case.pcap\"");
        assert_eq!(argument("$(id).pcap").unwrap(), "'$(id).pcap'");
        assert_eq!(argument("it's `x`").unwrap(), r"'it'\''s `x`'");
        assert_eq!(argument("-r.pcap").unwrap(), "./-r.pcap");
        assert_eq!(argument("a\nrm -r /"), None);
        assert_eq!(argument(""), None);
    }
}
