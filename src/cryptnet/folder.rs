//! Finds CryptnetUrlCache folders among the paths of the evidence.

use std::collections::BTreeMap;

use super::file_name::name_parts;
use super::machine::machine_from_path;
use super::owner::owner;
use crate::account::Account;

/// A file of the evidence, as `locate` sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListedFile<'a> {
    /// The caller's number for it.
    pub index: usize,
    /// The input that led to it.
    pub hand_over: &'a str,
    /// Its whole path, through zips, with any separators.
    pub path: &'a str,
}

/// A folder with `Content`, `MetaData`, or both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheFolder {
    /// Its whole path with `/`, decoded: not for display where `files` were full
    /// paths.
    pub path: String,
    /// The input that led to it; of several, the first.
    pub hand_over: String,
    /// Whose cache it is.
    pub owner: Account,
    /// The machine, where the path names it.
    pub machine: Option<String>,
    /// True when a `Content` folder with files was handed over.
    pub has_content: bool,
    /// True when a `MetaData` folder with files was handed over.
    pub has_meta_data: bool,
    /// The files by name (upper-case), each with its two halves.
    pub pairs: Vec<CachePair>,
}

/// The two files of one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CachePair {
    /// The name as found.
    pub name: String,
    /// Number of the `MetaData` file.
    pub meta_data: Option<usize>,
    /// Number of the `Content` file.
    pub content: Option<usize>,
}

/// Which half of an entry a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Half {
    MetaData,
    Content,
}

/// Finds the caches among `files`, in the order of their first files.
///
/// A cache is a folder `CryptnetUrlCache` at any depth, or any folder whose
/// `Content` or `MetaData` holds a file named in the form of the cache: people
/// hand over the pair alone, or one of the two. Names are compared without case,
/// separators may be of either kind, and below a Velociraptor `uploads` folder
/// names are percent-decoded (`C%3A`, `%5C%5C.%5CC%3A`). A name that occurs
/// twice in one folder, as in a zip with two members of one name, makes two
/// pairs.
#[must_use]
pub fn locate<'a>(files: impl IntoIterator<Item = ListedFile<'a>>) -> Vec<CacheFolder> {
    let mut found: BTreeMap<String, Found<'a>> = BTreeMap::new();
    for file in files {
        let parts = path_parts(file.path);
        let [above @ .., half, name] = parts.as_slice() else {
            continue;
        };
        let half = match half.to_ascii_lowercase().as_str() {
            "metadata" => Half::MetaData,
            "content" => Half::Content,
            _ => continue,
        };
        // One folder whatever the case in which a half or the drive is spelled.
        let path = above.join("/");
        let folder = found
            .entry(path.to_ascii_lowercase())
            .or_insert_with(|| Found {
                is_named: above
                    .last()
                    .is_some_and(|last| last.eq_ignore_ascii_case(CACHE)),
                path,
                hand_over: file.hand_over,
                original: file.path,
                files: Vec::new(),
            });
        folder.hand_over = folder.hand_over.min(file.hand_over);
        folder.files.push((half, name.clone(), file.index));
    }
    let mut folders: Vec<Found<'_>> = found.into_values().filter(Found::is_cache).collect();
    folders.sort_by_key(|folder| folder.files.iter().map(|file| file.2).min());
    folders.into_iter().map(Found::into_folder).collect()
}

const CACHE: &str = "CryptnetUrlCache";

struct Found<'a> {
    is_named: bool,
    path: String,
    hand_over: &'a str,
    original: &'a str,
    files: Vec<(Half, String, usize)>,
}

impl Found<'_> {
    fn is_cache(&self) -> bool {
        self.is_named
            || self
                .files
                .iter()
                .any(|(_, name, _)| name_parts(name).is_some())
    }

    fn into_folder(self) -> CacheFolder {
        let parts: Vec<&str> = self.path.split('/').collect();
        let owner = match parts.as_slice() {
            [above @ .., microsoft, cache]
                if microsoft.eq_ignore_ascii_case("Microsoft")
                    && cache.eq_ignore_ascii_case(CACHE) =>
            {
                owner(above)
            }
            _ => owner(&[]),
        };
        let mut pairs: BTreeMap<(String, usize), CachePair> = BTreeMap::new();
        let mut copies: BTreeMap<(Half, String), usize> = BTreeMap::new();
        let mut files = self.files;
        files.sort_by(|a, b| (&a.1, a.2).cmp(&(&b.1, b.2)));
        let has = |half| files.iter().any(|file| file.0 == half);
        let (has_content, has_meta_data) = (has(Half::Content), has(Half::MetaData));
        for (half, name, index) in files {
            let key = name.to_ascii_uppercase();
            let copy = copies.entry((half, key.clone())).or_default();
            let pair = pairs.entry((key, *copy)).or_insert_with(|| CachePair {
                name,
                meta_data: None,
                content: None,
            });
            *copy += 1;
            match half {
                Half::MetaData => pair.meta_data = Some(index),
                Half::Content => pair.content = Some(index),
            }
        }
        CacheFolder {
            machine: machine_from_path(&self.path).or_else(|| machine_from_path(self.original)),
            hand_over: self.hand_over.to_owned(),
            path: self.path,
            owner,
            has_content,
            has_meta_data,
            pairs: pairs.into_values().collect(),
        }
    }
}

/// The names of a path; below `uploads` each is percent-decoded and may then
/// itself be a path.
fn path_parts(path: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut decode = false;
    for part in path.split(['/', '\\']) {
        match part {
            "" | "." => {}
            _ if decode && part.contains('%') => {
                let decoded = percent_decoded(part);
                let names = decoded
                    .split(['/', '\\'])
                    .filter(|name| !["", "."].contains(name));
                parts.extend(names.map(str::to_owned));
            }
            _ => parts.push(part.to_owned()),
        }
        decode |= part.eq_ignore_ascii_case("uploads");
    }
    parts
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        let digit = |byte: u8| {
            char::from(byte)
                .to_digit(16)
                .and_then(|d| u8::try_from(d).ok())
        };
        match (byte, after) {
            (b'%', [high, low, after @ ..]) => match (digit(*high), digit(*low)) {
                (Some(high), Some(low)) => {
                    bytes.push(high << 4 | low);
                    rest = after;
                    continue;
                }
                _ => bytes.push(b'%'),
            },
            _ => bytes.push(*byte),
        }
        rest = after;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    const NAME: &str = "77EC63BDA74BD0D0E0426DC8F8008506";

    fn of(paths: &[String]) -> Vec<CacheFolder> {
        let listed = paths.iter().enumerate();
        locate(listed.map(|(index, path)| ListedFile {
            index,
            hand_over: "in",
            path,
        }))
    }

    #[test]
    fn halves_are_paired_without_regard_to_case_and_separator() {
        let found = of(&[
            format!(
                r"x.zip/C\Users\ann\AppData\LocalLow\Microsoft\CryptnetUrlCache\Metadata\{NAME}"
            ),
            format!(
                "x.zip/c/users/ann/appdata/locallow/microsoft/cryptneturlcache/content/{}",
                NAME.to_lowercase()
            ),
        ]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].owner.to_string(), "user ann");
        assert_eq!(found[0].pairs.len(), 1);
        assert_eq!(
            (found[0].pairs[0].meta_data, found[0].pairs[0].content),
            (Some(0), Some(1))
        );
    }

    #[test]
    fn a_bare_pair_needs_a_name_in_the_form_of_the_cache() {
        let found = of(&[
            format!("copy/MetaData/{NAME}"),
            "copy/Content/renamed".into(),
        ]);
        assert_eq!((found.len(), found[0].pairs.len()), (1, 2));
        assert_eq!(found[0].owner.to_string(), "unknown account");
        assert_eq!(found[0].path, "copy");
        assert_eq!(of(&["site/Content/page.html".into()]), []);
        assert!(of(&[format!("Content/{NAME}")])[0].path.is_empty());
    }

    #[test]
    fn velociraptor_uploads_are_decoded() {
        let rest = format!(
            "Windows/ServiceProfiles/NetworkService/AppData/LocalLow/Microsoft/CryptnetUrlCache/\
             Content/{NAME}"
        );
        let zip = "Collection-PC7-2023-01-05T10_11_12Z.zip";
        let found = of(&[
            format!("{zip}/uploads/auto/C%3A/{rest}"),
            format!("{zip}/uploads/ntfs/%5C%5C.%5CC%3A/{rest}"),
        ]);
        assert_eq!(found.len(), 2);
        for folder in &found {
            assert_eq!(folder.owner.to_string(), "NETWORK SERVICE");
            assert_eq!(folder.machine.as_deref(), Some("PC7"));
            assert!(folder.has_content && !folder.has_meta_data);
        }
        assert!(
            found[0]
                .path
                .ends_with("LocalLow/Microsoft/CryptnetUrlCache")
        );
    }

    #[test]
    fn the_analysts_own_home_owns_nothing() {
        let found = of(&[format!(
            "C:/Users/analyst/AppData/LocalLow/case/MetaData/{NAME}"
        )]);
        assert_eq!(found[0].owner.to_string(), "unknown account");
    }

    #[test]
    fn two_files_of_one_name_are_two_pairs() {
        let half = |half: &str| format!("a.zip/CryptnetUrlCache/{half}/{NAME}");
        let found = of(&[half("Content"), half("Content"), half("MetaData")]);
        let pairs: Vec<_> = found[0]
            .pairs
            .iter()
            .map(|pair| (pair.meta_data, pair.content))
            .collect();
        assert_eq!(pairs, [(Some(2), Some(0)), (None, Some(1))]);
    }

    #[test]
    fn a_percent_that_encodes_nothing_stays() {
        assert_eq!(percent_decoded("C%3A%zz%"), "C:%zz%");
    }
}
