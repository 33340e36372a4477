//! Pasted output of `certutil` and `netsh winhttp show proxy`.
//!
//! Labels are translated by Windows; what is read here is told by the form of
//! its values: URLs, paths of the cache, hashes, numbers, names of constants.
//! Such a text is of lower trust than the files it speaks of: it has no date, or
//! local times of minutes, and somebody copied it by hand.

use super::pasted_verify::Verified;
use super::proxy_settings::WinHttpSettings;
use super::{netsh, pasted_cache, pasted_store, pasted_verify};

/// What a pasted text says; a transcript may hold several outputs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pasted {
    /// Entries of a cache, by `certutil -urlcache`.
    pub cache: Vec<ToldEntry>,
    /// The proxy of services, by `netsh winhttp show proxy`, and its line.
    pub win_http: Option<(WinHttpSettings, u64)>,
    /// Chains, by `certutil -verify -urlfetch`.
    pub verified: Vec<Verified>,
    /// Stores, by `certutil -store`.
    pub stores: Vec<ToldStore>,
    /// What was not understood: line, what.
    pub problems: Vec<(u64, String)>,
}

/// An entry of a cache as `certutil -urlcache` prints it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ToldEntry {
    /// Its first line.
    pub line: u64,
    /// The URL.
    pub url: String,
    /// The path of the file, which tells the account; only with `-v`.
    pub path: Option<String>,
    /// Size of the content; only with `-v`.
    pub size: Option<u64>,
    /// Last synchronization as printed: local time, in the order of day and
    /// month of that machine. Never compared with anything.
    pub last_sync: Option<String>,
}

/// A store as `certutil -store` prints it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ToldStore {
    /// Its first line.
    pub line: u64,
    /// Its name, which is not translated: `root`, `CA`, `AuthRoot`.
    pub name: String,
    /// True when the command line above says `-user`.
    pub of_user: bool,
    /// The certificates: SHA-1 in lower-case hex, and the line of it.
    pub certificates: Vec<(String, u64)>,
}

impl ToldStore {
    /// True for a store whose certificates are trusted roots.
    #[must_use]
    pub fn is_root(&self) -> bool {
        ["root", "authroot"]
            .iter()
            .any(|name| self.name.eq_ignore_ascii_case(name))
    }
}

impl Pasted {
    /// True when nothing of it was understood.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cache.is_empty()
            && self.win_http.is_none()
            && self.verified.is_empty()
            && self.stores.is_empty()
    }

    /// What was understood, for people.
    #[must_use]
    pub fn phrase(&self) -> String {
        let count = |count: usize, one: &str, many: &str| match count {
            0 => None,
            1 => Some(format!("1 {one}")),
            _ => Some(format!("{count} {many}")),
        };
        let certificates = self.stores.iter().map(|store| store.certificates.len());
        let parts = [
            count(self.cache.len(), "cache entry", "cache entries"),
            self.win_http.as_ref().map(|_| "a proxy setting".to_owned()),
            count(self.verified.len(), "verified chain", "verified chains"),
            count(
                certificates.sum(),
                "stored certificate",
                "stored certificates",
            ),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        match parts.is_empty() {
            true => "nothing".to_owned(),
            false => parts.join(", "),
        }
    }
}

/// Lines read of one text: a store of 500 roots has some 8,000.
const MAX_LINES: usize = 500_000;
/// Lines of damage told of one text.
const MAX_PROBLEMS: usize = 8;

/// Reads a pasted text; what cannot be understood is told beside the rest.
#[must_use]
pub fn read(text: &str) -> Pasted {
    let mut pasted = Pasted::default();
    let rows: Vec<(u64, &str)> = text
        .lines()
        .take(MAX_LINES)
        .enumerate()
        .map(|(at, row)| (at as u64 + 1, row.trim_end_matches(['\r', '\0'])))
        .collect();
    pasted_verify::read(&rows, &mut pasted);
    pasted_store::read(&rows, &mut pasted);
    pasted_cache::read(&rows, &mut pasted);
    netsh::read(&rows, &mut pasted);
    let english = [
        "Verified \"",
        "Failed \"",
        "Error retrieving URL",
        "command completed successfully",
        "Source Url",
        "Current WinHTTP",
        "CertUtil: The ",
        "Cert Hash",
        "Serial Number",
    ];
    let is_english = english.iter().any(|mark| text.contains(mark));
    if !is_english {
        let what = format!(
            "the text is not in English; it was read by the form of its values: {}",
            pasted.phrase()
        );
        pasted.problems.push((1, what));
    }
    pasted.problems.truncate(MAX_PROBLEMS);
    pasted
}

/// The 40 hexadecimal digits of a SHA-1, with or without blanks between.
pub(super) fn sha1_of(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let is_hash = digits.len() == 40 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash.then(|| digits.to_ascii_lowercase())
}

/// The first URL in a row, up to a quote or blank; with the text after it.
pub(super) fn url_in(row: &str) -> Option<(&str, &str)> {
    const SCHEMES: [&str; 4] = ["http://", "https://", "ldap://", "file://"];
    let at = SCHEMES.iter().filter_map(|scheme| row.find(scheme)).min()?;
    let rest = row.get(at..)?;
    // A directory's name may have blanks; it ends with its line, or its quote.
    let in_quotes = at > 0 && row.as_bytes().get(at - 1) == Some(&b'"');
    let is_directory = rest.starts_with("ldap");
    let end = rest.find(|c: char| c == '"' || (!in_quotes && !is_directory && c.is_whitespace()));
    let end = end.unwrap_or(rest.len());
    Some((rest.get(..end)?.trim_end(), rest.get(end..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transcript_with_several_outputs_gives_all_of_them() {
        let text = "C:\\>netsh winhttp show proxy\n\nCurrent WinHTTP proxy settings:\n\n    Direct access (no proxy server).\n\nC:\\>certutil -urlcache\nhttp://crl.example/a.crl\nWinHttp Cache entries: 1\nCertUtil: -URLCache command completed successfully.\n";
        let pasted = read(text);
        assert_eq!(pasted.phrase(), "1 cache entry, a proxy setting");
        assert_eq!(pasted.problems, []);
    }

    #[test]
    fn text_in_a_language_that_is_not_known_says_what_was_understood() {
        let pasted = read("Texte inconnu\n");
        assert!(pasted.is_empty());
        let what = "the text is not in English; it was read by the form of its values: nothing";
        assert_eq!(pasted.problems, [(1, what.to_owned())]);
    }
}
