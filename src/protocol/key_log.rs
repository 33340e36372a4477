//! TLS secrets that somebody who had them wrote down (`SSLKEYLOGFILE`).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, RwLock};

/// Secrets by the client random of the handshake they belong to.
///
/// They are used to read records and go nowhere else: `Debug` tells how many
/// there are, and nothing gives their bytes out of this stage.
#[derive(Clone, Default)]
pub struct KeyLog(Arc<RwLock<Secrets>>);

type Secrets = BTreeMap<([u8; 32], Label), Vec<u8>>;

/// What a secret is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Label {
    /// `CLIENT_RANDOM`: the master secret of SSL 3.0 to TLS 1.2, 48 bytes.
    Master,
    /// `CLIENT_HANDSHAKE_TRAFFIC_SECRET` and its counterpart, by sender.
    Handshake(usize),
    /// `CLIENT_TRAFFIC_SECRET_0` and its counterpart, by sender.
    Application(usize),
}

/// What [`KeyLog::read`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Found {
    /// Secrets taken in.
    pub secrets: usize,
    /// Lines that begin as a secret of TLS and cannot be read.
    pub damaged: usize,
    /// Secrets left out because there were too many.
    pub beyond_limit: usize,
}

/// Secrets kept: five for each of 200,000 connections, about 150 MB. A machine
/// that logs for a week has less.
const MAX_SECRETS: usize = 1_000_000;

/// Characters of the longest line of use: label, random, a secret of 48 bytes.
const MAX_LINE: usize = 512;

impl KeyLog {
    /// Reads the text of a key log, and adds it to what is known.
    ///
    /// ```text
    /// LABEL <client random, 64 hexadecimal digits> <secret, hexadecimal digits>
    /// ```
    ///
    /// Comments (`#`), labels of no use here (early data, exporters, `RSA`) and
    /// empty lines are passed over. UTF-16, as PowerShell redirects, is read.
    /// The first of two secrets for one purpose stays.
    ///
    /// Spec: draft-ietf-tls-keylogfile §2.
    pub fn read(&self, text: &[u8]) -> Found {
        let text = narrowed(text);
        let mut found = Found::default();
        let Ok(mut secrets) = self.0.write() else {
            return found;
        };
        for line in text.split(|byte| matches!(byte, b'\n' | b'\r' | 0)) {
            let mut words = line
                .split(u8::is_ascii_whitespace)
                .filter(|word| !word.is_empty());
            let Some(label) = words.next().and_then(label) else {
                continue;
            };
            let read = (line.len() <= MAX_LINE)
                .then(|| Some((hex(words.next()?)?, hex(words.next()?)?)))
                .flatten()
                .and_then(|(random, secret)| Some((<[u8; 32]>::try_from(random).ok()?, secret)))
                .filter(|(_, secret)| fits(label, secret.len()));
            let Some((random, secret)) = read else {
                found.damaged += 1;
                continue;
            };
            if secrets.len() >= MAX_SECRETS {
                found.beyond_limit += 1;
                continue;
            }
            secrets.entry((random, label)).or_insert(secret);
            found.secrets += 1;
        }
        found
    }

    /// True when no secret is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.read().is_ok_and(|secrets| secrets.is_empty())
    }

    pub(super) fn secret(&self, random: &[u8; 32], label: Label) -> Option<Vec<u8>> {
        self.0.read().ok()?.get(&(*random, label)).cloned()
    }
}

impl fmt::Debug for KeyLog {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.read().map(|secrets| secrets.len()).unwrap_or(0);
        write!(out, "KeyLog({count} secrets)")
    }
}

fn label(word: &[u8]) -> Option<Label> {
    Some(match word {
        b"CLIENT_RANDOM" => Label::Master,
        b"CLIENT_HANDSHAKE_TRAFFIC_SECRET" => Label::Handshake(0),
        b"SERVER_HANDSHAKE_TRAFFIC_SECRET" => Label::Handshake(1),
        b"CLIENT_TRAFFIC_SECRET_0" => Label::Application(0),
        b"SERVER_TRAFFIC_SECRET_0" => Label::Application(1),
        _ => return None,
    })
}

/// A master secret has 48 bytes; a traffic secret is as long as the hash.
fn fits(label: Label, length: usize) -> bool {
    match label {
        Label::Master => length == 48,
        _ => matches!(length, 32 | 48),
    }
}

fn hex(word: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|it| u8::try_from(it).ok())
    };
    if !word.len().is_multiple_of(2) {
        return None;
    }
    word.chunks_exact(2)
        .map(|pair| Some(digit(*pair.first()?)? << 4 | digit(*pair.get(1)?)?))
        .collect()
}

/// The text in one byte per character; other than ASCII nothing counts in it.
fn narrowed(text: &[u8]) -> Vec<u8> {
    match text {
        [0xFF, 0xFE, rest @ ..] => rest.iter().copied().step_by(2).collect(),
        [0xFE, 0xFF, rest @ ..] => rest.iter().copied().skip(1).step_by(2).collect(),
        [0xEF, 0xBB, 0xBF, rest @ ..] => rest.to_vec(),
        _ => text.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn line(label: &str, random: &str, secret: &str) -> String {
        format!("{label} {} {}\n", random.repeat(32), secret)
    }

    #[test]
    fn secrets_are_found_by_random_and_purpose() {
        let text = [
            "# a comment\r\n".to_owned(),
            line("CLIENT_RANDOM", "0a", &"cd".repeat(48)),
            line("SERVER_HANDSHAKE_TRAFFIC_SECRET", "0B", &"EF".repeat(32)),
            line("EXPORTER_SECRET", "0b", &"11".repeat(32)),
        ]
        .concat();
        let log = KeyLog::default();
        let found = log.read(text.as_bytes());
        assert_eq!((found.secrets, found.damaged), (2, 0));
        assert_eq!(log.secret(&[0x0a; 32], Label::Master), Some(vec![0xcd; 48]));
        let of_server = log.secret(&[0x0b; 32], Label::Handshake(1));
        assert_eq!(of_server, Some(vec![0xef; 32]));
        assert_eq!(log.secret(&[0x0b; 32], Label::Handshake(0)), None);
    }

    #[test]
    fn a_log_in_utf_16_is_read_like_another() {
        let text = line("CLIENT_RANDOM", "0a", &"cd".repeat(48));
        let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let log = KeyLog::default();
        assert_eq!(log.read(&[vec![0xff, 0xfe], wide].concat()).secrets, 1);
    }

    #[test]
    fn lines_cut_short_are_counted_and_the_rest_is_read() {
        let text = [
            line("CLIENT_RANDOM", "0a", "cdc"),
            line("CLIENT_TRAFFIC_SECRET_0", "0a", &"cd".repeat(31)),
            "CLIENT_RANDOM 12\nCLIENT_RANDOM\n".to_owned(),
            line("CLIENT_TRAFFIC_SECRET_0", "0a", &"cd".repeat(48)),
        ]
        .concat();
        let found = KeyLog::default().read(text.as_bytes());
        assert_eq!((found.secrets, found.damaged), (1, 4));
    }

    #[test]
    fn nothing_prints_a_secret() {
        let log = KeyLog::default();
        log.read(line("CLIENT_RANDOM", "0a", &"cd".repeat(48)).as_bytes());
        assert_eq!(format!("{log:?}"), "KeyLog(1 secrets)");
    }
}
