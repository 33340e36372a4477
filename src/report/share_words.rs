//! Words that are replaced wherever they stand by themselves, and the search
//! for them in text that is encoded.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// Words with their pseudonyms, found by their first part.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Words {
    /// By the first run of letters and digits: the whole word in lower case,
    /// the longest first, and its pseudonym.
    by_start: BTreeMap<String, Vec<(Vec<char>, String)>>,
}

impl Words {
    pub(super) fn add(&mut self, word: &str, pseudonym: &str) {
        let letters: Vec<char> = word.chars().map(lower).collect();
        let skipped = letters
            .iter()
            .take_while(|it| !it.is_alphanumeric())
            .count();
        let letters: Vec<char> = letters.into_iter().skip(skipped).collect();
        let start: String = letters
            .iter()
            .take_while(|it| it.is_alphanumeric())
            .collect();
        if start.is_empty() {
            return;
        }
        let list = self.by_start.entry(start).or_default();
        if !list.iter().any(|(known, _)| *known == letters) {
            list.push((letters, pseudonym.to_owned()));
            list.sort_by(|one, other| (other.0.len(), &one.0).cmp(&(one.0.len(), &other.0)));
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
        let list = self.by_start.get(&start)?;
        list.iter().find_map(|(word, pseudonym)| {
            let here = text.get(..word.len())?;
            let equal = here
                .iter()
                .zip(word)
                .all(|(one, other)| lower(*one) == *other);
            let ends_in_letter = word.last().is_some_and(|it| it.is_alphanumeric());
            let goes_on = text.get(word.len()).is_some_and(|it| it.is_alphanumeric());
            (equal && !(ends_in_letter && goes_on)).then_some((word.len(), pseudonym.as_str()))
        })
    }

    /// Whether bytes hold a word as UTF-8 or UTF-16, in any case, or a login.
    fn is_in(&self, bytes: &[u8]) -> bool {
        let plain: Vec<u8> = bytes.iter().map(u8::to_ascii_lowercase).collect();
        // Names in UTF-16 are mostly Latin: without its zeros it reads as text.
        let narrow: Vec<u8> = plain.iter().copied().filter(|it| *it != 0).collect();
        let holds = |text: &[u8], word: &[u8]| text.windows(word.len()).any(|it| it == word);
        if holds(&plain, b"ntlmssp") {
            return true;
        }
        self.by_start.values().flatten().any(|(word, _)| {
            if word.len() < MIN_ENCODED {
                return false;
            }
            let word: String = word.iter().collect();
            let wide: Vec<u8> = word.encode_utf16().flat_map(u16::to_le_bytes).collect();
            holds(&plain, word.as_bytes())
                || holds(&narrow, word.as_bytes())
                || holds(&plain, &wide)
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
            (0..4).any(|skip| {
                let run = run.get(skip..).unwrap_or_default();
                let whole = run.len() - usize::from(run.len() % 4 == 1);
                let run = run.get(..whole).unwrap_or_default();
                if run.len() < MIN_ENCODED {
                    return false;
                }
                let decoded = STANDARD_NO_PAD
                    .decode(run)
                    .or_else(|_| URL_SAFE_NO_PAD.decode(run))
                    .or_else(|_| {
                        let cut = run.len() / 4 * 4;
                        STANDARD_NO_PAD.decode(run.get(..cut).unwrap_or_default())
                    });
                decoded.is_ok_and(|bytes| inside(&bytes))
            })
        })
    }
}

/// Letters of a word that is looked for in encoded text; shorter ones are there
/// by chance.
const MIN_ENCODED: usize = 4;
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

const PLAIN: [&str; 38] = [
    "administrator",
    "alert",
    "certificate",
    "certificates",
    "client",
    "default",
    "direct",
    "evidence",
    "failure",
    "guest",
    "handshake",
    "host",
    "issuer",
    "local service",
    "localhost",
    "machine",
    "machines",
    "name",
    "network service",
    "object",
    "origin",
    "other",
    "packet",
    "packets",
    "proxy",
    "public",
    "retrieval",
    "root",
    "server",
    "system",
    "test",
    "the",
    "time",
    "trust",
    "unknown",
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
