//! Words that are replaced wherever they stand by themselves, and the search
//! for them in text that is encoded.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

/// Words with their pseudonyms, found by their first part; and, for text that
/// is encoded, by their first bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Words {
    /// By the first run of letters and digits, then by length in characters:
    /// the whole word in lower case, and its pseudonym.
    by_start: BTreeMap<String, BTreeMap<usize, BTreeMap<Vec<char>, String>>>,
    /// Words as bytes, by the first [`MIN_ENCODED`] of them: every place of a
    /// text costs one look-up, however many words there are.
    encoded: HashMap<[u8; MIN_ENCODED], Vec<Vec<u8>>>,
    /// Free texts with a URL in them, as they stand, and their pseudonyms.
    with_url: Vec<(String, String)>,
}

impl Words {
    pub(super) fn add(&mut self, word: &str, pseudonym: &str) {
        if word.contains("://") && !self.with_url.iter().any(|it| it.0 == word) {
            self.with_url.push((word.to_owned(), pseudonym.to_owned()));
        }
        let letters = word.chars().skip_while(|it| !it.is_alphanumeric());
        let letters: Vec<char> = letters.map(lower).collect();
        let start: String = letters
            .iter()
            .take_while(|it| it.is_alphanumeric())
            .collect();
        if start.is_empty() {
            return;
        }
        let whole: String = letters.iter().collect();
        if letters.len() >= MIN_ENCODED {
            // UTF-16 of Latin letters is found without its zeros.
            self.add_bytes(whole.as_bytes());
            if !whole.is_ascii() {
                let wide: Vec<u8> = whole.encode_utf16().flat_map(u16::to_le_bytes).collect();
                self.add_bytes(&wide);
            }
        }
        let by_length = self.by_start.entry(start).or_default();
        let words = by_length.entry(letters.len()).or_default();
        words.entry(letters).or_insert_with(|| pseudonym.to_owned());
    }

    /// Replaces the free texts that have a URL in them, which is else replaced
    /// by itself.
    pub(super) fn without_texts<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut text = Cow::Borrowed(text);
        for (word, pseudonym) in &self.with_url {
            if text.contains(word.as_str()) {
                text = Cow::Owned(text.replace(word.as_str(), pseudonym));
            }
        }
        text
    }

    fn add_bytes(&mut self, word: &[u8]) {
        if let Some(first) = word.first_chunk() {
            let words = self.encoded.entry(*first).or_default();
            if !words.iter().any(|known| known == word) {
                words.push(word.to_vec());
            }
        }
    }

    /// The word that begins here and ends at the end of a run of letters, if
    /// any: its length in characters, and its pseudonym.
    pub(super) fn at(&self, text: &[char]) -> Option<(usize, &str)> {
        let start: String = text
            .iter()
            .copied()
            .take_while(|it| it.is_alphanumeric())
            .map(lower)
            .collect();
        let by_length = self.by_start.get(&start)?;
        // The longest first.
        by_length.iter().rev().find_map(|(length, words)| {
            let here: Vec<char> = text.get(..*length)?.iter().copied().map(lower).collect();
            let pseudonym = words.get(&here)?;
            let ends_in_letter = here.last().is_some_and(|it| it.is_alphanumeric());
            let goes_on = text.get(*length).is_some_and(|it| it.is_alphanumeric());
            (!(ends_in_letter && goes_on)).then_some((*length, pseudonym.as_str()))
        })
    }

    /// Whether a word stands in a text by itself, whatever is around it.
    pub(super) fn stand_in(&self, text: &str) -> bool {
        let letters: Vec<char> = text.chars().collect();
        let begins = |at: &usize| {
            let before = at.checked_sub(1).and_then(|at| letters.get(at));
            !before.is_some_and(|it| it.is_alphanumeric())
        };
        (0..letters.len())
            .filter(begins)
            .any(|at| self.at(letters.get(at..).unwrap_or_default()).is_some())
    }

    /// Whether bytes hold a word as UTF-8 or UTF-16, in any case, or a login.
    fn is_in(&self, bytes: &[u8]) -> bool {
        let plain: Vec<u8> = bytes.iter().map(u8::to_ascii_lowercase).collect();
        if self.any_in(&plain) {
            return true;
        }
        // Names in UTF-16 are mostly Latin: without its zeros it reads as text.
        let narrow: Vec<u8> = plain.iter().copied().filter(|it| *it != 0).collect();
        narrow.len() < plain.len() && self.any_in(&narrow)
    }

    fn any_in(&self, bytes: &[u8]) -> bool {
        bytes.windows(MIN_ENCODED).enumerate().any(|(at, first)| {
            let rest = bytes.get(at..).unwrap_or_default();
            let first: Option<&[u8; MIN_ENCODED]> = first.first_chunk();
            let words = first.and_then(|it| self.encoded.get(it));
            rest.starts_with(NTLM)
                || words.is_some_and(|words| words.iter().any(|word| rest.starts_with(word)))
        })
    }

    /// Whether a text holds a word in percent, hexadecimal or Base64 form, also
    /// one within another.
    pub(super) fn is_encoded_in(&self, text: &str) -> bool {
        self.encoded(text.as_bytes(), MAX_DEPTH)
    }

    fn encoded(&self, text: &[u8], depth: usize) -> bool {
        if depth == 0 || text.len() < MIN_ENCODED {
            return false;
        }
        let inside = |bytes: &[u8]| self.is_in(bytes) || self.encoded(bytes, depth - 1);
        if text.contains(&b'%') && inside(&percent(text)) {
            return true;
        }
        let hex = text.split(|it| !it.is_ascii_hexdigit());
        let mut hex = hex.filter(|run| run.len() >= 2 * MIN_ENCODED);
        if hex.any(|run| inside(&unhex(run)) || run.get(1..).is_some_and(|it| inside(&unhex(it)))) {
            return true;
        }
        let is_base64 = |it: &u8| it.is_ascii_alphanumeric() || b"+/-_".contains(it);
        let mut runs = text.split(|it| !is_base64(it));
        runs.any(|run| {
            // Text around it may have joined the run: every start is tried.
            (0..4).any(|skip| inside(&base64(run.get(skip..).unwrap_or_default())))
        })
    }
}

/// The bytes of letters of Base64, both alphabets of RFC 4648 at once; a rest
/// of less than a byte is dropped.
fn base64(letters: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(letters.len() / 4 * 3);
    let (mut bits, mut count) = (0u32, 0u32);
    for letter in letters {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' | b'-' => 62,
            _ => 63,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            let [.., byte] = (bits >> count).to_be_bytes();
            bytes.push(byte);
        }
    }
    bytes
}

/// Letters of a word that is looked for in encoded text; shorter ones are there
/// by chance.
const MIN_ENCODED: usize = 4;
/// How every message of NTLM begins (MS-NLMP 2.2.1), in lower case.
const NTLM: &[u8] = b"ntlmssp";
/// Encodings within encodings.
const MAX_DEPTH: usize = 3;

fn lower(letter: char) -> char {
    letter.to_lowercase().next().unwrap_or(letter)
}

fn percent(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        let coded = (*first == b'%')
            .then(|| after.get(..2).map(unhex))
            .flatten()
            .and_then(|byte| byte.first().copied());
        match coded {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    bytes
}

/// The bytes of hexadecimal digits; ends at the first that is none.
fn unhex(digits: &[u8]) -> Vec<u8> {
    let value = |digit: u8| char::from(digit).to_digit(16);
    let (pairs, _) = digits.as_chunks::<2>();
    pairs
        .iter()
        .map_while(|[high, low]| {
            let number = value(*high)? * 16 + value(*low)?;
            u8::try_from(number).ok()
        })
        .collect()
}

/// Words that name nobody: of the contract, of Windows, of every report.
pub(super) fn is_plain(word: &str) -> bool {
    PLAIN.contains(&word.to_ascii_lowercase().as_str())
}

/// Parts of host names that say what a host is for, or that many names share:
/// standing alone they name nobody, and they are words of every report.
pub(super) fn is_common_label(label: &str) -> bool {
    is_plain(label) || LABELS.contains(&label)
}

const LABELS: [&str; 24] = [
    "company",
    "corp",
    "domain",
    "example",
    "group",
    "home",
    "internal",
    "intern",
    "intra",
    "intranet",
    "invalid",
    "lan",
    "local",
    "localdomain",
    "mail",
    "network",
    "online",
    "office",
    "private",
    "service",
    "services",
    "shop",
    "site",
    "store",
];

const PLAIN: [&str; 63] = [
    "administrator",
    "aia",
    "alert",
    "as",
    "at",
    "be",
    "by",
    "ca",
    "cdp",
    "certificate",
    "certificates",
    "client",
    "cn",
    "configuration",
    "default",
    "direct",
    "do",
    "evidence",
    "failure",
    "guest",
    "handshake",
    "host",
    "id",
    "if",
    "in",
    "ip",
    "is",
    "issuer",
    "it",
    "local service",
    "localhost",
    "machine",
    "machines",
    "name",
    "network service",
    "no",
    "object",
    "of",
    "ok",
    "on",
    "or",
    "origin",
    "other",
    "packet",
    "packets",
    "proxy",
    "public",
    "public key services",
    "retrieval",
    "root",
    "server",
    "services",
    "system",
    "test",
    "the",
    "time",
    "to",
    "trust",
    "unknown",
    "up",
    "user",
    "validation",
    "wpad",
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn a_word_is_found_in_every_encoding_and_in_one_within_another() {
        let mut words = Words::default();
        words.add("Canary Smith", "user-1");
        // Witnesses: `printf … | base64`, `xxd -p`, `iconv -t utf-16le`.
        for text in [
            "Y2FuYXJ5IHNtaXRo",
            "x=Q2FuYXJ5IFNtaXRo;",
            "43616e61727920536d697468",
            "%43%61nary%20Smith",
            "QwBhAG4AYQByAHkAIABTAG0AaQB0AGgA",
            "430061006e00610072007900200053006d00690074006800",
            "NDM2MTZlNjE3Mjc5MjA1MzZkNjk3NDY4",
        ] {
            assert!(words.is_encoded_in(text), "{text}");
        }
        for text in [
            "",
            "Q2Fu",
            "certificate",
            "0123456789abcdef0123456789abcdef",
        ] {
            assert!(!words.is_encoded_in(text), "{text}");
        }
        assert!(words.is_encoded_in("TlRMTVNTUAABAAAA"));
    }

    #[test]
    fn a_word_is_found_by_itself_only() {
        let mut words = Words::default();
        words.add("pc-17", "machine-1");
        let at = |text: &str| {
            let letters: Vec<char> = text.chars().collect();
            words.at(&letters).map(|(length, _)| length)
        };
        assert_eq!(at("PC-17."), Some(5));
        assert_eq!(at("pc-170"), None);
        assert_eq!(at("pc"), None);
    }
}
