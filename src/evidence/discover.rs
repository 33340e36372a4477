//! Lists what the arguments hold: files, folders to any depth, zips in place.

use std::collections::BTreeSet;
use std::fs::{self, File, Metadata};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use walkdir::WalkDir;

use super::archive::{Archive, Troubles};
use super::limits::{Limits, MAX_FOLDER_DEPTH, SNIFF_LEN};
use super::member::{Inflated, MemberOpener};
use super::names::{logical, path_text};
use super::packing::read_head;
use super::sniff::{Sniffed, Unreadable, sniff};
use super::window::Window;
use super::{EvidenceKind, Inputs, Located, OpenOptions, Origin};
use crate::issue::Issue;
use crate::time::Timestamp;

/// What the arguments hold.
pub struct Discovery {
    /// Every file and member, in the order of the arguments, below folders and
    /// in zips sorted by name; a zip stands before its members.
    pub files: Vec<Located>,
    /// Reads them. Already holds the trouble met so far, and in its ledger the
    /// files named as arguments and the zips.
    pub inputs: Inputs,
}

impl Discovery {
    /// True when not one file could be looked at: there is nothing to report on.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Files of a kind that a stage reads. Files of a cache without `MetaData`
    /// are of kind `Other` until `cryptnet` has placed them.
    #[must_use]
    pub fn recognized(&self) -> usize {
        let of_use =
            |file: &&Located| !matches!(file.kind, EvidenceKind::Other | EvidenceKind::Zip);
        self.files.iter().filter(of_use).count()
    }
}

/// Finds all files in `paths`, which may be files, folders and zips.
///
/// Links below a folder are not followed; each is an issue, as is whatever
/// cannot be opened, is encrypted, or is of a form that must be converted
/// first. A path named twice is read once.
#[must_use]
pub fn discover(paths: &[PathBuf], options: &OpenOptions) -> Discovery {
    let mut search = Search {
        limits: Arc::new(options.limits.clone()),
        files: Vec::new(),
        inputs: Inputs::new(options.clone()),
        seen: BTreeSet::new(),
        nested_left: options.limits.nested_total,
        overflowed: false,
    };
    for path in paths {
        search.argument(path);
    }
    Discovery {
        files: search.files,
        inputs: search.inputs,
    }
}

struct Search {
    limits: Arc<Limits>,
    files: Vec<Located>,
    inputs: Inputs,
    /// Canonical paths met.
    seen: BTreeSet<PathBuf>,
    /// Bytes of zips that may still be held in memory.
    nested_left: u64,
    overflowed: bool,
}

impl Search {
    fn argument(&mut self, path: &Path) {
        let text = path_text(path);
        let mut troubles = Troubles::default();
        match fs::metadata(path) {
            Err(error) => self.trouble(&text, format!("cannot be opened: {error}")),
            Ok(metadata) if metadata.is_dir() => self.folder(path, &text, &mut troubles),
            Ok(metadata) if metadata.is_file() => {
                if let Some(index) = self.file(path, &metadata, &text, &mut troubles)
                    && let Some(file) = self.files.get(index).cloned()
                {
                    // A file that was named is accounted for, of use or not.
                    self.inputs.record(&file);
                }
            }
            Ok(_) => self.trouble(&text, "is no regular file (a device or pipe)"),
        }
        for (cause, count, names) in troubles.into_lines() {
            let what = match count {
                1 => format!("{names} {cause}"),
                _ => format!("{count} files {cause}: {names}"),
            };
            self.issue(&text, what, "nothing in it was used");
        }
    }

    fn folder(&mut self, folder: &Path, hand_over: &str, troubles: &mut Troubles) {
        let walk = WalkDir::new(folder)
            .max_depth(MAX_FOLDER_DEPTH)
            .sort_by_file_name();
        for found in walk {
            let found = match found {
                Ok(found) => found,
                Err(error) => {
                    let place = error.path().map_or_else(|| hand_over.to_owned(), path_text);
                    self.trouble(&place, format!("cannot be opened: {error}"));
                    continue;
                }
            };
            let kind = found.file_type();
            let text = path_text(found.path());
            if kind.is_dir() {
                if found.depth() == MAX_FOLDER_DEPTH {
                    self.trouble(&text, "lies too deep; what is in it was not looked at");
                }
            } else if found.path_is_symlink() && found.depth() > 0 {
                troubles.note("is a link, which is not followed", &text);
            } else if !kind.is_file() {
                troubles.note("is no regular file (a device or pipe)", &text);
            } else {
                match found.metadata() {
                    Ok(metadata) => {
                        self.file(found.path(), &metadata, hand_over, troubles);
                    }
                    Err(error) => self.trouble(&text, format!("cannot be opened: {error}")),
                }
            }
            if self.overflowed {
                return;
            }
        }
    }

    /// Lists a file on disk and, when it is a zip, its members.
    fn file(
        &mut self,
        path: &Path,
        metadata: &Metadata,
        hand_over: &str,
        troubles: &mut Troubles,
    ) -> Option<usize> {
        let text = path_text(path);
        // Where the system cannot say, the path itself has to do.
        let full = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
        let full_text = path_text(&full);
        if !self.seen.insert(full) {
            self.issue(&text, format!("{text} was named twice"), "it was read once");
            return None;
        }
        let mut head = Vec::with_capacity(SNIFF_LEN);
        let read = File::open(path).and_then(|open| read_head(&mut &open, &mut head));
        if let Err(error) = read {
            self.trouble(&text, format!("cannot be read: {error}"));
            return None;
        }
        let sniffed = sniff(&head, metadata.len());
        let is_zip = sniffed.kind == EvidenceKind::Zip;
        let index = self.push(Located {
            index: 0,
            path: text.clone(),
            member: None,
            logical: logical(&full_text),
            hand_over: if is_zip {
                text.clone()
            } else {
                hand_over.to_owned()
            },
            kind: sniffed.kind,
            packing: sniffed.packing,
            size: metadata.len(),
            modified_at: modified_at(metadata),
            origin: Origin::File(path.to_path_buf()),
        })?;
        note_unreadable(troubles, &sniffed, &text);
        if is_zip && let Some(file) = self.files.get(index).cloned() {
            let opener = MemberOpener {
                window: Window::of_file(path, metadata.len()),
                password: self.inputs.options.password.as_deref().map(Arc::from),
                limits: Arc::clone(&self.limits),
                inflated: Inflated::of_file(metadata.len()),
            };
            self.zip(&file, opener, 1);
        }
        Some(index)
    }

    /// Lists the members of a zip, which is `depth` zips deep.
    fn zip(&mut self, zip: &Located, opener: MemberOpener, depth: usize) {
        let archive = Archive::list(opener);
        if archive.is_document() {
            if let Some(file) = self.files.get_mut(zip.index) {
                file.kind = EvidenceKind::Other;
            }
            return;
        }
        let zip_id = self.inputs.record(zip);
        self.inputs.hash_in_background(zip);
        let mut troubles = Troubles::default();
        for problem in &archive.problems {
            let name = zip.member.as_deref().unwrap_or(&zip.path);
            let what = format!("{name} is damaged or odd: {problem}");
            let effect = "members may be missing or not what they seem";
            self.inputs
                .issues
                .push(Issue::new(zip_id, "list of entries", what, effect));
        }
        let number = self.inputs.archives.len();
        let mut nested = Vec::new();
        let mut previous: (&str, usize) = ("", 0);
        for (at, entry) in archive.entries.iter().enumerate() {
            let copy = if previous.0 == entry.name {
                previous.1 + 1
            } else {
                1
            };
            previous = (&entry.name, copy);
            if entry.is_folder() {
                continue;
            }
            if entry.is_link() {
                troubles.note("is a link, which is not followed", &entry.name);
                continue;
            }
            let keep = |sniffed: &Sniffed, len: usize| {
                is_read_later(sniffed, &entry.name) && self.inputs.kept.has_room(len)
            };
            let (sniffed, whole) = match archive.sniff(entry, keep) {
                Ok(told) => told,
                Err(error) => {
                    troubles.note(format!("cannot be opened ({error})"), &entry.name);
                    continue;
                }
            };
            note_unreadable(&mut troubles, &sniffed, &entry.name);
            let mut member = match &zip.member {
                Some(outer) => format!("{outer}/{}", entry.name),
                None => entry.name.clone(),
            };
            if copy > 1 {
                member.push_str(&format!(" (copy {copy})"));
            }
            let listed = self.push(Located {
                index: 0,
                path: zip.path.clone(),
                member: Some(member),
                logical: format!("{}/{}", zip.logical, logical(&entry.name)),
                hand_over: zip.hand_over.clone(),
                kind: sniffed.kind,
                packing: sniffed.packing,
                size: entry.len.unwrap_or(entry.compressed_len),
                modified_at: entry.modified_at,
                origin: Origin::Member {
                    archive: number,
                    entry: at,
                },
            });
            if let (Some(index), Some(whole)) = (listed, whole) {
                self.inputs.kept.put(index, whole);
            }
            match listed {
                Some(index) if sniffed.kind == EvidenceKind::Zip => nested.push((index, at)),
                Some(_) => {}
                None => break,
            }
        }
        self.inputs.archives.push(archive);
        for (index, entry) in nested {
            self.nested_zip(index, number, entry, depth, &mut troubles);
        }
        if let Some(archive) = self.inputs.archives.get(number) {
            archive.opener.window.close();
        }
        for (cause, count, names) in troubles.into_lines() {
            let what = format!("{count} of its members {cause}: {names}");
            let effect = if cause.contains("no password") {
                "nothing in them was used; give the password with --password"
            } else {
                "nothing in them was used"
            };
            self.inputs
                .issues
                .push(Issue::new(zip_id, "", what, effect));
        }
    }

    fn nested_zip(
        &mut self,
        index: usize,
        archive: usize,
        entry: usize,
        depth: usize,
        troubles: &mut Troubles,
    ) {
        let Some(file) = self.files.get(index).cloned() else {
            return;
        };
        let name = file.member.as_deref().unwrap_or_default();
        if depth >= self.limits.zip_depth {
            let cause = format!("is a zip {} zips deep, which is not looked into", depth + 1);
            troubles.note(cause, name);
            return;
        }
        let Some(outer) = self.inputs.archives.get(archive) else {
            return;
        };
        let Some(listed) = outer.entries.get(entry) else {
            return;
        };
        let (window, sha256) = match outer.nested(listed, self.nested_left) {
            Ok(found) => found,
            Err(why) => {
                troubles.note(format!("cannot be looked into ({why})"), name);
                return;
            }
        };
        if sha256.is_some() {
            self.nested_left = self.nested_left.saturating_sub(window.len());
        }
        let opener = MemberOpener {
            window,
            ..outer.opener.clone()
        };
        self.zip(&file, opener, depth + 1);
        if let (Some(sha256), Some(file)) = (sha256, self.files.get(index).cloned())
            && file.kind == EvidenceKind::Zip
        {
            let id = self.inputs.record(&file);
            self.inputs.set_hash(id, sha256);
        }
    }

    /// Adds a file to the list, unless that is full.
    fn push(&mut self, mut file: Located) -> Option<usize> {
        if self.files.len() >= self.limits.files {
            if !self.overflowed {
                let what = format!("there are more than {} files", self.limits.files);
                self.issue(
                    &file.path,
                    what,
                    "this file and those after it were not looked at",
                );
            }
            self.overflowed = true;
            return None;
        }
        file.index = self.files.len();
        self.files.push(file);
        Some(self.files.len() - 1)
    }

    fn trouble(&mut self, place: &str, what: impl AsRef<str>) {
        let what = format!("{place} {}", what.as_ref());
        self.issue(place, what, "nothing in it was used");
    }

    fn issue(&mut self, place: &str, what: impl Into<String>, effect: &str) {
        self.inputs.issues.push(Issue::of_run(place, what, effect));
    }
}

/// True for a member that a later stage reads whole: an object, a log, or a file
/// of a cache, whatever it has become. Captures are read as streams.
fn is_read_later(sniffed: &Sniffed, name: &str) -> bool {
    use EvidenceKind::{Other, Pcap, Pcapng, Zip};
    match sniffed.kind {
        Pcap | Pcapng | Zip => false,
        Other => name.to_ascii_lowercase().contains("cryptneturlcache"),
        _ => true,
    }
}

fn note_unreadable(troubles: &mut Troubles, sniffed: &Sniffed, name: &str) {
    if let Some(Unreadable { what, hint }) = sniffed.unreadable {
        troubles.note(format!("is {what}, which is not read; {hint}"), name);
    }
}

fn modified_at(metadata: &Metadata) -> Option<Timestamp> {
    let modified = metadata.modified().ok()?;
    match modified.duration_since(UNIX_EPOCH) {
        Ok(since) => Timestamp::from_unix_nanoseconds(i128::try_from(since.as_nanos()).ok()?),
        Err(before) => {
            let nanoseconds = i128::try_from(before.duration().as_nanos()).ok()?;
            Timestamp::from_unix_nanoseconds(-nanoseconds)
        }
    }
}
