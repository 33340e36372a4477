//! An open zip and what was found wrong with its members.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::directory::{Directory, Entry, directory};
use super::limits::{Limits, SNIFF_LEN};
use super::member::{MemberError, MemberOpener};
use super::packing::read_head;
use super::salvage::salvage;
use super::sniff::{Sniffed, sniff};
use super::window::Window;

/// A zip whose entries are listed.
#[derive(Debug)]
pub struct Archive {
    /// Opens its members.
    pub opener: MemberOpener,
    /// Its entries, sorted by name; those of one name in the order of the list.
    pub entries: Vec<Entry>,
    /// What is wrong with the list of entries.
    pub problems: Vec<String>,
}

impl Archive {
    /// Lists the entries; where the list is missing or breaks off, those whose
    /// own headers are found.
    #[must_use]
    pub fn list(opener: MemberOpener) -> Self {
        let max_entries = opener.limits.zip_entries;
        let mut found = match directory(&opener.window, max_entries) {
            Ok(found) => found,
            Err(why) => Directory {
                problems: vec![why],
                broken: true,
                ..Directory::default()
            },
        };
        if found.broken {
            let listed: BTreeSet<u64> = found.entries.iter().map(|entry| entry.header_at).collect();
            let mut more = salvage(&opener.window, max_entries);
            more.entries
                .retain(|entry| !listed.contains(&entry.header_at));
            let count = more.entries.len();
            if let Some(why) = found.problems.last_mut() {
                why.push_str(&format!(
                    "; {count} members were found by their own headers"
                ));
            }
            found.entries.append(&mut more.entries);
        }
        let Directory {
            mut entries,
            problems,
            ..
        } = found;
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Archive {
            opener,
            entries,
            problems,
        }
    }

    /// True for a document or program that happens to be a zip: Office and
    /// OpenDocument files, Java archives, packages.
    #[must_use]
    pub fn is_document(&self) -> bool {
        const MARKS: [&str; 5] = [
            "[Content_Types].xml",
            "META-INF/MANIFEST.MF",
            "mimetype",
            "AndroidManifest.xml",
            "AppxManifest.xml",
        ];
        MARKS.iter().any(|mark| {
            self.entries
                .binary_search_by(|entry| entry.name.as_str().cmp(mark))
                .is_ok()
        })
    }

    /// Tells what a member is. One that `keep` wants, by what it is and its length,
    /// is read on to its end, so that nobody has to inflate it again.
    ///
    /// # Errors
    ///
    /// Those of opening it. A member that fails after its head is told by that.
    pub fn sniff(
        &self,
        entry: &Entry,
        keep: impl FnOnce(&Sniffed, usize) -> bool,
    ) -> Result<(Sniffed, Option<Vec<u8>>), MemberError> {
        let len = entry.len.unwrap_or(u64::MAX);
        let read = |content: &mut dyn Read| {
            let mut bytes = Vec::with_capacity(SNIFF_LEN);
            let failed = read_head(content, &mut bytes).err();
            let sniffed = sniff(&bytes, len);
            let whole = usize::try_from(len).is_ok_and(|len| {
                let kept = failed.is_none() && keep(&sniffed, len);
                // Whoever reads a member to its end has its checksum checked.
                kept && content
                    .take((len - bytes.len().min(len)) as u64 + 1)
                    .read_to_end(&mut bytes)
                    .is_ok_and(|_| bytes.len() == len)
            });
            (sniffed, failed, bytes, whole)
        };
        let (sniffed, failed, bytes, whole) = self.opener.open(entry, read)?;
        match failed {
            // ZipCrypto lets one wrong password in 256 pass; then the data are noise.
            Some(error) if bytes.is_empty() && entry.is_encrypted() => Err(MemberError::Damaged(
                format!("{error}, or the password is not right"),
            )),
            Some(error) if bytes.is_empty() => Err(MemberError::Damaged(error.to_string())),
            _ => Ok((sniffed, whole.then_some(bytes))),
        }
    }

    /// The bytes of a zip within: in place when stored, else inflated into
    /// memory as far as `allowed` bytes, with their SHA-256.
    ///
    /// # Errors
    ///
    /// A text that says why it cannot be looked into.
    pub fn nested(
        &self,
        entry: &Entry,
        allowed: u64,
    ) -> Result<(Window, Option<[u8; 32]>), String> {
        if let Some(window) = self.opener.stored(entry) {
            return Ok((window, None));
        }
        let Limits { nested_zip_len, .. } = *self.opener.limits;
        let allowed = allowed.min(nested_zip_len);
        let over = || {
            format!(
                "a compressed zip within the zip of more than {allowed} bytes; unpack the outer one"
            )
        };
        if entry.len.is_some_and(|len| len > allowed) {
            return Err(over());
        }
        let mut bytes = Vec::with_capacity(usize::try_from(entry.len.unwrap_or(0)).unwrap_or(0));
        let read = |content: &mut dyn Read| {
            content
                .take(allowed.saturating_add(1))
                .read_to_end(&mut bytes)
                .err()
        };
        let failed = self
            .opener
            .open(entry, read)
            .map_err(|error| error.to_string())?;
        if bytes.len() as u64 > allowed {
            return Err(over());
        }
        // What came before the failure is looked into; the hash of a part is none.
        let sha256 = failed.is_none().then(|| Sha256::digest(&bytes).into());
        Ok((Window::of_memory(Arc::from(bytes)), sha256))
    }
}

/// Trouble that many members share, told once with the first names.
#[derive(Debug, Default)]
pub struct Troubles {
    by_cause: BTreeMap<String, (usize, Vec<String>)>,
}

impl Troubles {
    /// Notes one member.
    pub fn note(&mut self, cause: impl Into<String>, name: &str) {
        const NAMES: usize = 3;
        let (count, names) = self.by_cause.entry(cause.into()).or_default();
        *count += 1;
        if names.len() < NAMES {
            names.push(name.to_owned());
        }
    }

    /// The causes, each with its number of members and a text naming some.
    pub fn into_lines(self) -> impl Iterator<Item = (String, usize, String)> {
        self.by_cause.into_iter().map(|(cause, (count, names))| {
            let more = match count - names.len() {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            (cause, count, format!("{}{more}", names.join(", ")))
        })
    }
}
