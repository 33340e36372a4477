//! Makes cache entries of the files of a folder.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::file_name::check_name;
use super::folder::{CacheFolder, CachePair};
use super::{CacheEntry, CachedContent, MetaDataRecord, NameCheck};
use crate::issue::Issue;
use crate::provenance::EvidenceId;
use crate::time::Timestamp;

/// A file of a cache, read.
#[derive(Debug, Clone, PartialEq)]
pub struct CacheFile {
    /// Its number in the ledger.
    pub evidence: EvidenceId,
    /// Its bytes.
    pub bytes: Arc<[u8]>,
    /// SHA-256 of them.
    pub sha256: [u8; 32],
    /// File time of the copy, where known in UTC.
    pub modified_at: Option<Timestamp>,
}

/// Bytes of a `Content` file that are read. The largest CRLs in public use have
/// about 50 MiB.
pub const MAX_CONTENT_LEN: usize = 128 << 20;

/// Makes the entries of a folder, one per name, sorted by name. `files` are the
/// files by the numbers of the folder's pairs; one that could not be read is
/// simply missing there.
///
/// A damaged record and a `Content` of another size than the record says are
/// issues; the entry is made of what there is.
#[must_use]
pub fn entries(
    folder: &CacheFolder,
    files: &BTreeMap<usize, CacheFile>,
) -> (Vec<CacheEntry>, Vec<Issue>) {
    let mut issues = Vec::new();
    let of = |number: Option<usize>| number.and_then(|number| files.get(&number));
    let mut made = Vec::new();
    for pair in &folder.pairs {
        let (meta_data, content) = (of(pair.meta_data), of(pair.content));
        if meta_data.is_some() || content.is_some() {
            made.push(entry(folder, pair, meta_data, content, &mut issues));
        }
    }
    (made, issues)
}

fn entry(
    folder: &CacheFolder,
    pair: &CachePair,
    meta_data: Option<&CacheFile>,
    content: Option<&CacheFile>,
    issues: &mut Vec<Issue>,
) -> CacheEntry {
    let record = meta_data.and_then(|file| match MetaDataRecord::from_bytes(&file.bytes) {
        Ok(record) => Some(record),
        Err(error) => {
            let place = format!("byte {}", error.at);
            let what = format!("the MetaData record {} is damaged: {error}", pair.name);
            let effect = match content {
                Some(_) => "URL and times of the entry are not known; its Content is used",
                None => "the entry is known by its name only",
            };
            issues.push(Issue::new(file.evidence, place, what, effect));
            None
        }
    });
    if let (Some(record), Some(file)) = (&record, content) {
        let (expected, have) = (record.content_len(), file.bytes.len() as u64);
        if expected != have {
            let what = format!(
                "Content {} has {have} bytes, its MetaData record says {expected}",
                pair.name
            );
            let effect = "the file was changed, cut, or is of another time than its record";
            issues.push(Issue::new(file.evidence, "", what, effect));
        }
    }
    let name_check = record.as_ref().map_or(NameCheck::NoUrl, |record| {
        check_name(&pair.name, &record.url)
    });
    CacheEntry {
        name: pair.name.clone(),
        name_check,
        hand_over: folder.hand_over.clone(),
        machine: folder.machine.clone(),
        owner: folder.owner.clone(),
        record,
        meta_data: meta_data.map(|file| (file.evidence, file.bytes.len() as u64)),
        content: content.map(|file| CachedContent {
            evidence: file.evidence,
            bytes: Arc::clone(&file.bytes),
            sha256: file.sha256,
            modified_at: file.modified_at,
        }),
        recovered_url: None,
        told: None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::super::record::tests::file as record_file;
    use super::super::{
        ListedFile, PointLayout, distribution_points_der, explain_prefixes, file_name, locate,
        ocsp_file_name, recover_urls,
    };
    use super::*;

    const URL: &str = "http://crl.example/a.crl";

    /// Entries of a bare pair of folders: half, name and bytes of each file.
    fn made(files: &[(&str, &str, Vec<u8>)]) -> (Vec<CacheEntry>, Vec<Issue>) {
        let paths: Vec<String> = files
            .iter()
            .map(|(half, name, _)| format!("x/{half}/{name}"))
            .collect();
        let listed = paths.iter().enumerate();
        let folders = locate(listed.map(|(index, path)| ListedFile {
            index,
            hand_over: "x",
            path,
        }));
        let read = files.iter().enumerate().map(|(number, (_, _, bytes))| {
            let evidence = EvidenceId(u32::try_from(number).unwrap());
            let bytes = Arc::from(bytes.as_slice());
            (
                number,
                CacheFile {
                    evidence,
                    bytes,
                    sha256: [0; 32],
                    modified_at: None,
                },
            )
        });
        entries(&folders[0], &read.collect())
    }

    #[test]
    fn a_sound_pair_makes_an_entry_without_issue() {
        let name = file_name(URL);
        let (entries, issues) = made(&[
            ("MetaData", &name, record_file(112, &[3], URL, None)),
            ("Content", &name, b"abc".to_vec()),
        ]);
        assert_eq!((entries.len(), issues.as_slice()), (1, [].as_slice()));
        assert_eq!(entries[0].url(), Some(URL));
        assert_eq!(entries[0].name_check, NameCheck::Matches);
        assert_eq!(entries[0].content.as_ref().unwrap().evidence, EvidenceId(1));
    }

    #[test]
    fn a_damaged_record_leaves_the_content() {
        let name = file_name(URL);
        let (entries, issues) = made(&[
            ("MetaData", &name, vec![0x70; 9]),
            ("Content", &name, b"abc".to_vec()),
        ]);
        assert_eq!(entries[0].record, None);
        assert_eq!(entries[0].content.as_ref().unwrap().bytes.as_ref(), b"abc");
        assert_eq!(issues[0].evidence, Some(EvidenceId(0)));
        assert!(
            issues[0]
                .what
                .ends_with("not supported: cbHeader 1886417008"),
            "{issues:?}"
        );
    }

    #[test]
    fn a_content_of_another_size_is_an_issue() {
        let name = file_name(URL);
        let (_, issues) = made(&[
            ("MetaData", &name, record_file(24, &[2, 2], URL, None)),
            ("Content", &name, b"abc".to_vec()),
        ]);
        assert!(
            issues[0]
                .what
                .ends_with("has 3 bytes, its MetaData record says 4")
        );
    }

    #[test]
    fn orphans_of_both_halves_are_entries() {
        let (entries, _) = made(&[
            (
                "MetaData",
                &file_name(URL),
                record_file(112, &[0], URL, None),
            ),
            ("Content", &file_name("http://other/"), Vec::new()),
        ]);
        let halves: Vec<_> = entries
            .iter()
            .map(|entry| (entry.record.is_some(), entry.content.is_some()))
            .collect();
        assert_eq!(halves.len(), 2);
        assert!(halves.contains(&(true, false)) && halves.contains(&(false, true)));
    }

    #[test]
    fn urls_are_recovered_from_names_and_prefixes_explained() {
        let crls = ["http://a.example/x.crl", "http://b.example/x.crl"];
        let points = distribution_points_der(&crls, PointLayout::PointPerUrl);
        let ocsp = "http://ocsp.example/MEk%3D";
        let name = ocsp_file_name(&points, ocsp);
        let ctl = "57C8EDB95DF3F0AD4EE2DC2B8CFD4157";
        let (mut entries, _) =
            made(&[("Content", &name, Vec::new()), ("Content", ctl, Vec::new())]);
        recover_urls(&mut entries, [ocsp]);
        explain_prefixes(&mut entries, [], crls);
        let by_name = |wanted: &str| entries.iter().find(|entry| entry.name == wanted).unwrap();
        assert_eq!(by_name(&name).recovered_url.as_deref(), Some(ocsp));
        let NameCheck::MatchesWithPrefix {
            distribution_points,
            ..
        } = &by_name(&name).name_check
        else {
            panic!("no prefix")
        };
        assert_eq!(distribution_points.as_slice(), crls);
        assert!(by_name(ctl).url().unwrap().ends_with(
            "ctldl.windowsupdate.com/msdownload/update/v3/static/trustedr/en/disallowedcertstl.cab"
        ));
    }

    #[test]
    fn a_certificate_in_the_case_explains_a_prefix_exactly() {
        let value = b"\x30\x03any".as_slice();
        let urls = vec!["ldap:///CN=x".to_owned(), "http://c/x.crl".to_owned()];
        let ocsp = "http://ocsp.example/MEk%3D";
        let name = ocsp_file_name(value, ocsp);
        let (mut entries, _) = made(&[("MetaData", &name, record_file(112, &[0], ocsp, None))]);
        explain_prefixes(&mut entries, [(value, urls.as_slice())], []);
        let NameCheck::MatchesWithPrefix {
            distribution_points,
            ..
        } = &entries[0].name_check
        else {
            panic!("no prefix")
        };
        assert_eq!(distribution_points, &urls);
    }
}
