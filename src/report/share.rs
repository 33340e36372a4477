//! A report for people outside: names and addresses of machines, users and
//! sites become pseudonyms, the same everywhere; secrets are taken out.
//!
//! What may stay is listed (hosts and owners of public trust infrastructure);
//! everything else that looks like a name or an address goes. What is replaced
//! is learned from the JSON report, where every fact is a whole string, and
//! then applied to every form before anything is cut, wrapped or escaped, and
//! once more to the finished text.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde_json::{Map, Value};

use super::share_fields::Field;
use super::share_learn::learn;
use super::share_scan::{Class, scan};
use super::share_words::Words;

/// Which text stands for which.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Disguise {
    words: Words,
    /// By class and original in lower case.
    pseudonyms: BTreeMap<(Class, String), String>,
    /// The original as first met, by pseudonym.
    originals: BTreeMap<String, String>,
    counts: BTreeMap<Class, u32>,
}

/// What stands in place of a secret, or of a name that could not be learned.
pub(super) const REMOVED: &str = "[removed]";
/// What the shared JSON report says of itself.
const NOTE: &str = "names and addresses are pseudonyms, secrets were removed; hashes, times and \
    packet numbers are those of the evidence";

impl Disguise {
    /// Learns what must be replaced from a JSON report.
    #[must_use]
    pub fn of(report: &Value) -> Self {
        let mut disguise = Disguise::default();
        learn(report, &mut disguise);
        disguise
    }

    /// Text without the names, addresses and secrets in it. Applied to its own
    /// result it changes nothing.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        scan(text, &self.words, &mut |class, original| {
            let known = self.pseudonyms.get(&(class, original.to_lowercase()));
            known.cloned().unwrap_or_else(|| REMOVED.to_owned())
        })
    }

    /// A JSON report or JSON lines, each string without its names. The order
    /// of the fields stays; words of the contract and ids are left alone.
    #[must_use]
    pub fn json(&self, json: &str) -> String {
        let mut shared = String::with_capacity(json.len());
        let mut rest = json;
        let mut key = String::new();
        while let Some(start) = rest.find('"') {
            let (before, literal) = rest.split_at(start);
            shared.push_str(before);
            let end = end_of_literal(literal);
            let (literal, after) = literal.split_at(end);
            let value: String = serde_json::from_str(literal).unwrap_or_default();
            if after.trim_start().starts_with(':') {
                shared.push_str(literal);
                key = value;
            } else if is_fixed(Field::of(&key), &value) {
                shared.push_str(literal);
            } else {
                let safe = self.text(&value);
                shared.push_str(&super::json::line(&Value::from(safe)));
            }
            rest = after;
        }
        shared.push_str(rest);
        let note = super::json::line(&Value::from(NOTE));
        shared.replacen("\"shared\": null", &format!("\"shared\": {note}"), 1)
    }

    /// Finished text of any other form: what was learned is taken out wherever
    /// it still stands. Style sheets and scripts are the program's own.
    #[must_use]
    pub fn finished(&self, text: &str) -> String {
        let mut safe = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((start, end)) = own_block(rest) {
            let (before, block) = rest.split_at(start);
            let (block, after) = block.split_at(end);
            safe.push_str(&self.lines(before));
            safe.push_str(block);
            rest = after;
        }
        safe.push_str(&self.lines(rest));
        safe
    }

    fn lines(&self, text: &str) -> String {
        let lines = text.split('\n').map(|line| self.text(line));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Which pseudonym stands for what, as JSON: for the owner, who keeps it.
    #[must_use]
    pub fn mapping(&self) -> String {
        let pairs = self.originals.iter();
        let map: Map<String, Value> = pairs
            .map(|(pseudonym, original)| (pseudonym.clone(), Value::from(original.clone())))
            .collect();
        super::json::pretty(&map)
    }

    /// The pseudonym of a name, a new one at the first meeting.
    pub(super) fn give(&mut self, class: Class, original: &str) -> String {
        let key = (class, original.to_lowercase());
        if let Some(known) = self.pseudonyms.get(&key) {
            return known.clone();
        }
        let count = self.counts.entry(class).or_default();
        *count = count.saturating_add(1);
        let pseudonym = pseudonym(class, original, *count);
        self.pseudonyms.insert(key, pseudonym.clone());
        self.originals
            .insert(pseudonym.clone(), original.to_owned());
        pseudonym
    }

    /// Has a word replaced wherever it stands by itself.
    pub(super) fn word(&mut self, class: Class, original: &str) {
        if original.trim().chars().count() >= MIN_WORD {
            self.short_word(class, original);
        }
    }

    /// The same for the name of a user or machine, of which two letters are
    /// enough.
    pub(super) fn short_word(&mut self, class: Class, original: &str) {
        let original = original.trim();
        if original.chars().count() < MIN_SHORT_WORD || super::share_words::is_plain(original) {
            return;
        }
        let pseudonym = self.give(class, original);
        self.words.add(original, &pseudonym);
    }

    /// Has a word replaced by the pseudonym of another.
    pub(super) fn alias(&mut self, original: &str, pseudonym: &str) {
        if original.chars().count() >= MIN_WORD && !super::share_words::is_plain(original) {
            self.words.add(original, pseudonym);
        }
    }

    /// Learns the hosts, addresses, paths and accounts in a text.
    pub(super) fn meet(&mut self, text: &str) {
        // What is given here adds no word.
        let words = std::mem::take(&mut self.words);
        scan(text, &words, &mut |class, original| {
            self.give(class, original)
        });
        self.words = words;
    }
}

/// Letters of a word that is replaced wherever it stands; shorter ones would
/// hit half of the report, and are replaced where their place tells them.
const MIN_WORD: usize = 3;
/// Letters of the shortest name of a user or machine that is replaced wherever
/// it stands.
const MIN_SHORT_WORD: usize = 2;

fn pseudonym(class: Class, original: &str, number: u32) -> String {
    match class {
        // RFC 6761: never a real name.
        Class::Host => format!("host-{number}.invalid"),
        Class::Machine => format!("machine-{number}"),
        Class::User => format!("user-{number}"),
        Class::Name => format!("name-{number}"),
        Class::Text => format!("text-{number}"),
        Class::Path => format!("path-{number}"),
        Class::File => match original.rsplit_once('.') {
            Some((_, extension)) if is_extension(extension) => {
                format!("file-{number}.{}", extension.to_ascii_lowercase())
            }
            _ => format!("file-{number}"),
        },
        // 240.0.0.0/4 (RFC 1112) and 100::/64 (RFC 6666) are nobody's.
        Class::Address => match original.parse() {
            Ok(IpAddr::V6(_)) => {
                let [_, _, high, low] = number.to_be_bytes();
                let last = u16::from_be_bytes([high, low]);
                Ipv6Addr::new(0x100, 0, 0, 0, 0, 0, 0, last).to_string()
            }
            _ => {
                let [_, b, c, d] = number.to_be_bytes();
                Ipv4Addr::new(240, b, c, d).to_string()
            }
        },
    }
}

fn is_extension(text: &str) -> bool {
    (1..=6).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Where a JSON string literal ends, its closing quote included.
fn end_of_literal(literal: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in literal.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    literal.len()
}

/// Whether a value is no name: words of the contract, ids of members.
fn is_fixed(field: Field, value: &str) -> bool {
    let mut letters = value.chars();
    let id = letters.next().is_some_and(|it| it.is_ascii_lowercase())
        && !letters.as_str().is_empty()
        && letters.all(|it| it.is_ascii_digit());
    field == Field::Fixed || (id && field == Field::Prose)
}

/// The first style sheet or script of a page: start and length.
fn own_block(text: &str) -> Option<(usize, usize)> {
    let blocks = [("<style", "</style>"), ("<script", "</script>")];
    let found = blocks.iter().filter_map(|(open, close)| {
        let start = text.find(open)?;
        let length = text.get(start..)?.find(close)? + close.len();
        Some((start, length))
    });
    found.min()
}
