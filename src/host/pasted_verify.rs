//! `certutil -verify -urlfetch`.

use super::codes;
use super::pasted::{Pasted, sha1_of, url_in};

/// A chain as certutil built it, and what became of its URLs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verified {
    /// Its first line.
    pub line: u64,
    /// `ChainContext.dwErrorStatus`, all bits.
    pub error_status: u32,
    /// The elements of the first simple chain, leaf first.
    pub elements: Vec<VerifiedElement>,
    /// HRESULTs that the command ended with, in order.
    pub results: Vec<u32>,
}

/// An element of such a chain.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VerifiedElement {
    /// Its first line.
    pub line: u64,
    /// `dwErrorStatus`.
    pub error_status: u32,
    /// `dwInfoStatus`.
    pub info_status: u32,
    /// SHA-1, in lower-case hex, where it is printed.
    pub sha1: Option<String>,
    /// What became of its URLs.
    pub urls: Vec<UrlStatus>,
}

/// What became of a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UrlStatus {
    /// The line.
    pub line: u64,
    /// The URL.
    pub url: String,
    /// `None`: an object was there; else the error.
    pub error: Option<u32>,
}

/// Elements of one text; chains have up to ten.
const MAX_ELEMENTS: usize = 1_000;
/// URLs of one element.
const MAX_URLS: usize = 200;

/// Reads the chains of a text.
///
/// ```text
/// ChainContext.dwErrorStatus = CERT_TRUST_REVOCATION_STATUS_UNKNOWN (0x40)
/// CertContext[0][0]: dwInfoStatus=102 dwErrorStatus=1000040
///   Cert: 8a1b…                                     (40 digits; older: in pairs, alone)
///   Verified "Certificate (0)" Time: 0
///     [0.0] http://aia.example/ca.crt               an object was there
///   Failed "CDP" Time: 0
///     Error retrieving URL: … 0x80072ee7 (…)
///     http://crl.example/a.crl                      none: the error before it
/// ```
///
/// Numbers after `=` are hexadecimal. Names of fields are not translated; what
/// is between is. The text has no time.
///
/// Source: output of Windows 7 to 11; names of wincrypt.h.
pub(super) fn read(rows: &[(u64, &str)], pasted: &mut Pasted) {
    if !rows.iter().any(|(_, row)| row.contains("CertContext[")) {
        return;
    }
    let mut chain: Option<Verified> = None;
    let mut error: Option<u32> = None;
    let mut closed = false;
    let mut passed_over = false;
    for (line, row) in rows {
        let trimmed = row.trim();
        if trimmed.contains("ChainContext.dwErrorStatus") {
            let of = chain.get_or_insert_with(|| Verified {
                line: *line,
                ..Verified::default()
            });
            // Without a name, the number alone.
            let bits = in_parentheses(trimmed).or_else(|| after_equals(trimmed));
            of.error_status |= bits.unwrap_or(0);
            continue;
        }
        if let Some((first, index)) = position(trimmed) {
            // A new first element begins another chain.
            if (first, index) == (0, 0) && chain.as_ref().is_some_and(|it| !it.elements.is_empty())
            {
                pasted.verified.extend(chain.take());
            }
            passed_over = first != 0;
            let of = chain.get_or_insert_with(|| Verified {
                line: *line,
                ..Verified::default()
            });
            if !passed_over && of.elements.len() < MAX_ELEMENTS {
                of.elements.push(VerifiedElement {
                    line: *line,
                    error_status: field(trimmed, "dwErrorStatus=").unwrap_or(0),
                    info_status: field(trimmed, "dwInfoStatus=").unwrap_or(0),
                    ..VerifiedElement::default()
                });
            }
            error = None;
            continue;
        }
        if trimmed.starts_with("CertUtil:") || trimmed.starts_with("ERROR:") {
            if let Some(of) = &mut chain {
                of.results.extend(codes::codes_in(trimmed));
                of.results.dedup();
                of.results.truncate(MAX_URLS);
            }
            closed |= trimmed.starts_with("CertUtil:");
            continue;
        }
        let element = chain.as_mut().and_then(|chain| chain.elements.last_mut());
        let Some(element) = element.filter(|_| !passed_over) else {
            continue;
        };
        detail(*line, trimmed, element, &mut error);
    }
    pasted.verified.extend(chain);
    if !closed {
        let last = rows.last().map_or(1, |(line, _)| *line);
        let what = "the output of -verify has no closing line: its end may be missing";
        pasted.problems.push((last, what.to_owned()));
    }
}

fn detail(line: u64, row: &str, element: &mut VerifiedElement, error: &mut Option<u32>) {
    if let Some((url, _)) = url_in(row) {
        let there = row.starts_with('[');
        // `URL=http://…` of an extension's dump says nothing of a fetch.
        let told = there || row.starts_with(url);
        if told && element.urls.len() < MAX_URLS && (there || error.is_some()) {
            element.urls.push(UrlStatus {
                line,
                url: crate::words::clean(url),
                error: error.take().filter(|_| !there),
            });
        }
        return;
    }
    if let Some(code) = codes::codes_in(row)
        .into_iter()
        .find(|code| *code >= 0x8000_0000)
    {
        *error = Some(code);
        return;
    }
    // `Verified "…" Time: 0` ends what was said of the URL before.
    if row.contains('"') {
        *error = None;
    }
    if element.sha1.is_none() && !row.to_ascii_lowercase().contains("name hash") {
        let value = row.rsplit_once(':').map_or(row, |(_, value)| value);
        element.sha1 = sha1_of(value);
    }
}

/// `CertContext[0][1]: …`.
fn position(row: &str) -> Option<(u32, u32)> {
    let rest = row.strip_prefix("CertContext[")?;
    let (first, rest) = rest.split_once("][")?;
    let (index, _) = rest.split_once(']')?;
    Some((first.parse().ok()?, index.parse().ok()?))
}

fn field(row: &str, name: &str) -> Option<u32> {
    let (_, rest) = row.split_once(name)?;
    let digits: String = rest.chars().take_while(char::is_ascii_hexdigit).collect();
    u32::from_str_radix(&digits, 16).ok()
}

/// `… = CERT_TRUST_IS_OFFLINE_REVOCATION (0x1000000)`.
fn in_parentheses(row: &str) -> Option<u32> {
    let (_, rest) = row.rsplit_once("(0x")?;
    u32::from_str_radix(rest.split(')').next()?, 16).ok()
}

fn after_equals(row: &str) -> Option<u32> {
    let (_, rest) = row.split_once('=')?;
    u32::from_str_radix(rest.trim().trim_start_matches("0x"), 16).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::super::pasted::read;

    const OUTPUT: &str = "Issuer:\n    CN=Issuing CA\n  Name Hash(sha1): 1111111111111111111111111111111111111111\nSubject:\n    CN=leaf\n\n-------- CERT_CHAIN_CONTEXT --------\nChainContext.dwInfoStatus = CERT_TRUST_HAS_PREFERRED_ISSUER (0x100)\nChainContext.dwErrorStatus = CERT_TRUST_REVOCATION_STATUS_UNKNOWN (0x40)\nChainContext.dwErrorStatus = CERT_TRUST_IS_OFFLINE_REVOCATION (0x1000000)\n\nCertContext[0][0]: dwInfoStatus=102 dwErrorStatus=1000040\n  Issuer: CN=Issuing CA\n  Serial: 4711\n  Cert: 8a1b8a1b8a1b8a1b8a1b8a1b8a1b8a1b8a1b8a1b\n  ----------------  Certificate AIA  ----------------\n  Verified \"Certificate (0)\" Time: 0\n    [0.0] http://aia.example/ca.crt\n\n  ----------------  Certificate CDP  ----------------\n  Failed \"CDP\" Time: 0\n    Error retrieving URL: The server name or address could not be resolved 0x80072ee7 (INet: 12007 ERROR_INTERNET_NAME_NOT_RESOLVED)\n    http://crl.example/a.crl\n\n  ----------------  Certificate OCSP  ----------------\n  No URLs \"None\" Time: 0\nCertContext[0][1]: dwInfoStatus=10c dwErrorStatus=0\n  22 22 22 22 22 22 22 22 22 22 22 22 22 22 22 22 22 22 22 22\n\nERROR: Verifying leaf certificate revocation status returned The revocation function was unable to check revocation because the revocation server was offline. 0x80092013 (-2146885613)\nCertUtil: The revocation function was unable to check revocation because the revocation server was offline.\n\nCertUtil: -verify command completed successfully.\n";

    #[test]
    fn bits_elements_and_urls_are_read() {
        let pasted = read(OUTPUT);
        assert_eq!(pasted.problems, []);
        let [chain] = pasted.verified.as_slice() else {
            panic!("{pasted:?}")
        };
        assert_eq!(chain.error_status, 0x100_0040);
        assert_eq!(chain.results, [0x8009_2013]);
        let [leaf, issuer] = chain.elements.as_slice() else {
            panic!("{chain:?}")
        };
        assert_eq!((leaf.error_status, leaf.info_status), (0x100_0040, 0x102));
        assert_eq!(leaf.sha1.as_deref(), Some("8a1b".repeat(10).as_str()));
        assert_eq!(issuer.sha1.as_deref(), Some("22".repeat(20).as_str()));
        let urls: Vec<(&str, Option<u32>)> = leaf
            .urls
            .iter()
            .map(|it| (it.url.as_str(), it.error))
            .collect();
        let failed = ("http://crl.example/a.crl", Some(0x8007_2EE7));
        assert_eq!(urls, [("http://aia.example/ca.crt", None), failed]);
        assert_eq!(pasted.cache, []);
    }

    #[test]
    fn another_language_changes_nothing_that_counts() {
        let german = OUTPUT
            .replace("Verified \"Certificate (0)\" Time: 0", "\u{dc}berpr\u{fc}ft \"Zertifikat (0)\" Zeit: 0")
            .replace("Failed \"CDP\" Time: 0", "Fehlgeschlagen \"CDP\" Zeit: 0")
            .replace("Error retrieving URL: The server name or address could not be resolved", "Fehler beim Abrufen der URL: Der Servername oder die Serveradresse konnte nicht verarbeitet werden");
        assert_eq!(read(&german).verified, read(OUTPUT).verified);
    }

    #[test]
    fn output_cut_in_the_middle_says_so() {
        let cut = OUTPUT.split("Certificate CDP").next().unwrap();
        let pasted = read(cut);
        assert_eq!(pasted.verified[0].elements.len(), 1);
        assert!(
            pasted
                .problems
                .iter()
                .any(|(_, what)| what.contains("no closing line"))
        );
    }
}
