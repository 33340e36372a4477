//! Finds what names somebody or something in a text: known words, hosts,
//! addresses, accounts, paths, secrets, and any of them in encoded form.

use std::net::{IpAddr, SocketAddr};

use super::share::REMOVED;
use super::share_public::{FILES, OWN, PUBLIC_FILES, is_public};
use super::share_words::Words;

/// What a piece of text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Class {
    Host,
    Address,
    Machine,
    User,
    /// A person or organization in a certificate.
    Name,
    /// Free text.
    Text,
    Path,
    File,
}

/// Rewrites a text: known words give way to their pseudonyms, and what looks
/// like a name is handed to `replace`. A URL goes piece by piece, so that no
/// known word in it hides the rest.
pub(super) fn scan(
    text: &str,
    words: &Words,
    replace: &mut dyn FnMut(Class, &str) -> String,
) -> String {
    let mut safe = String::with_capacity(text.len());
    let text = words.without_texts(text);
    let mut rest: &str = &text;
    while let Some((start, length)) = first_url(rest) {
        let (before, from) = rest.split_at(start);
        let (whole, after) = from.split_at(length);
        safe.push_str(&prose(before, words, replace));
        let (scheme, place) = whole.split_once("://").unwrap_or((whole, ""));
        safe.push_str(&format!("{scheme}://{}", url(place, words, replace)));
        rest = after;
    }
    safe.push_str(&prose(rest, words, replace));
    safe
}

/// The first URL of a text: start and length in bytes.
fn first_url(text: &str) -> Option<(usize, usize)> {
    let colon = text.find("://")?;
    let before = text.get(..colon)?;
    let scheme = before.trim_end_matches(|it: char| it.is_ascii_alphanumeric());
    let rest = text.get(scheme.len()..)?;
    let is_of_url = |it: char| is_of_chunk(it) || it == '=';
    let mut end = rest.find(|it| !is_of_url(it)).unwrap_or(rest.len());
    // Marks that HTML puts behind it.
    for mark in ["&quot", "&gt", "&lt", "&#"] {
        end = end.min(rest.find(mark).unwrap_or(end));
    }
    let whole = rest.get(..end)?;
    let trimmed = whole.trim_end_matches(['.', ':', '!', '?']).len();
    let least = colon - scheme.len() + 3;
    Some((scheme.len(), trimmed.max(least)))
}

/// Rewrites text without URLs.
fn prose(text: &str, words: &Words, replace: &mut dyn FnMut(Class, &str) -> String) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut login = false;
    for piece in pieces(&known(text, words, Place::Prose)) {
        let text = match piece {
            Piece::Done(text) => {
                safe.push_str(&text);
                continue;
            }
            Piece::Raw(text) => text,
        };
        for chunk in chunks(&text) {
            if !chunk.chars().next().is_some_and(is_of_chunk) {
                safe.push_str(chunk);
                login &= chunk.trim().is_empty();
                continue;
            }
            // What follows the name of a scheme is the login itself.
            if login && chunk.len() >= MIN_LOGIN {
                safe.push_str(REMOVED);
                login = false;
                continue;
            }
            login = SCHEMES.iter().any(|it| chunk.eq_ignore_ascii_case(it));
            let rewritten = of_chunk(chunk, words, replace);
            safe.push_str(&rewritten);
        }
    }
    safe
}

/// Schemes of HTTP authentication, whose next word is a secret.
const SCHEMES: [&str; 5] = ["Basic", "Bearer", "Digest", "Negotiate", "NTLM"];
/// Letters of a login; shorter words after `Basic` are prose.
const MIN_LOGIN: usize = 12;

enum Piece {
    Raw(String),
    Done(String),
}

/// Marks around what has been replaced; control characters that no cleaned
/// text holds, and that are taken out of raw text first.
const OPEN: char = '\u{1}';
const CLOSE: char = '\u{2}';

/// Where words are looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Labels of hosts and parts of paths are left: they go as a whole. Marks
    /// are put around the pseudonyms.
    Prose,
    /// A path that stays: every word in it goes.
    Path,
}

/// Replaces known words.
fn known(text: &str, words: &Words, place: Place) -> String {
    let marked = place == Place::Prose;
    let letters: Vec<char> = text
        .chars()
        .map(|it| if matches!(it, OPEN | CLOSE) { ' ' } else { it })
        .collect();
    let mut safe = String::with_capacity(text.len());
    let mut at = 0;
    let mut inside = false;
    while let Some(letter) = letters.get(at) {
        let rest = letters.get(at..).unwrap_or_default();
        // Only words of several parts are looked for here: a host or a path is
        // replaced as a whole, below.
        let found = (!inside && letter.is_alphanumeric()).then(|| words.at(rest));
        match found.flatten() {
            Some((length, pseudonym))
                if place == Place::Path || !is_part_of_name(&letters, at, length) =>
            {
                if marked {
                    safe.push(OPEN);
                }
                safe.push_str(pseudonym);
                if marked {
                    safe.push(CLOSE);
                }
                at += length;
                inside = false;
            }
            _ => {
                safe.push(*letter);
                inside = letter.is_alphanumeric();
                at += 1;
            }
        }
    }
    safe
}

/// Whether the word is a label of a host name or a part of a URL, which is
/// replaced as a whole.
fn is_part_of_name(letters: &[char], at: usize, length: usize) -> bool {
    let before = at.checked_sub(1).and_then(|at| letters.get(at));
    let dotted = |it: Option<&char>, next: Option<&char>| {
        it == Some(&'.') && next.is_some_and(|it| it.is_alphanumeric())
    };
    let two_before = at.checked_sub(2).and_then(|at| letters.get(at));
    dotted(before, two_before)
        || dotted(letters.get(at + length), letters.get(at + length + 1))
        || before == Some(&'@')
        || before == Some(&'\\')
        || letters.get(at + length) == Some(&'\\')
}

fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((raw, after)) = rest.split_once(OPEN) {
        pieces.push(Piece::Raw(raw.to_owned()));
        let (done, behind) = after.split_once(CLOSE).unwrap_or((after, ""));
        pieces.push(Piece::Done(done.to_owned()));
        rest = behind;
    }
    pieces.push(Piece::Raw(rest.to_owned()));
    pieces
}

fn is_of_chunk(letter: char) -> bool {
    letter.is_alphanumeric() || "._-+/\\:@%~$&?#!*^".contains(letter)
}

/// Runs of letters that belong together, and what lies between them.
fn chunks(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let kind = is_of_chunk(first);
        let end = rest.find(|it| is_of_chunk(it) != kind);
        let (chunk, after) = rest.split_at(end.unwrap_or(rest.len()));
        found.push(chunk);
        rest = after;
    }
    found
}

fn of_chunk(chunk: &str, words: &Words, replace: &mut dyn FnMut(Class, &str) -> String) -> String {
    let trimmed = chunk.trim_end_matches(['.', ':', '!', '?']);
    let (body, tail) = chunk.split_at(trimmed.len());
    if words.is_encoded_in(body) {
        return format!("{REMOVED}{tail}");
    }
    if body.contains('\\') && !is_escape(body) {
        return format!("{}{tail}", replace(Class::Path, body));
    }
    if let Some((user, host)) = body.split_once('@')
        && !user.is_empty()
        && !host.is_empty()
    {
        return format!("{}{tail}", replace(Class::User, body));
    }
    let parts: Vec<String> = body
        .split('/')
        .map(|part| match words.stand_in(part) && is_public(part) {
            true => replace(Class::Host, part),
            false => simple(part, replace),
        })
        .collect();
    format!("{}{tail}", parts.join("/"))
}

/// `\u{1b}`, as cleaned text shows a control character, or a backslash before
/// punctuation, as Markdown has it: no path.
fn is_escape(text: &str) -> bool {
    let text = text.replace("\\u{", "");
    let mut pairs = text.as_bytes().windows(2);
    !pairs.any(
        |pair| matches!(pair, [b'\\', next] if next.is_ascii_alphanumeric() || !next.is_ascii()),
    )
}

/// What follows `://`.
fn url(rest: &str, words: &Words, replace: &mut dyn FnMut(Class, &str) -> String) -> String {
    let (authority, path) = match rest.find(['/', '?', '#']) {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let (login, host) = match authority.rsplit_once('@') {
        Some((_, host)) => (format!("{REMOVED}@"), host),
        None => (String::new(), authority),
    };
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|it| it.is_ascii_digit()) => {
            (name, format!(":{port}"))
        }
        _ => (host, String::new()),
    };
    if is_public(name) && !words.stand_in(name) {
        let (path, query) = path.split_once('?').map_or((path, ""), |it| it);
        let query = match query.bytes().all(|it| it.is_ascii_hexdigit()) {
            _ if query.is_empty() => String::new(),
            true if !words.is_encoded_in(query) => format!("?{query}"),
            _ => format!("?{REMOVED}"),
        };
        let path = match words.is_encoded_in(path) {
            true => format!("/{REMOVED}"),
            false => known(path, words, Place::Path),
        };
        return format!("{login}{name}{port}{path}{query}");
    }
    let letters: Vec<char> = name.chars().collect();
    let name = match name.parse::<IpAddr>() {
        Ok(_) => address(name, replace),
        Err(_) if words.at(&letters).is_some_and(|it| it.0 == letters.len()) => {
            let (_, pseudonym) = words.at(&letters).unwrap_or_default();
            pseudonym.to_owned()
        }
        Err(_) if name.is_empty() || is_pseudonym(name) => name.to_owned(),
        Err(_) => replace(Class::Host, name),
    };
    let path = match path {
        "" | "/" => path.to_owned(),
        _ if is_pseudonym(path.trim_start_matches('/')) => path.to_owned(),
        _ => format!("/{}", replace(Class::Path, path)),
    };
    format!("{login}{name}{port}{path}")
}

/// A piece without a slash.
fn simple(part: &str, replace: &mut dyn FnMut(Class, &str) -> String) -> String {
    if part
        .get(..9)
        .is_some_and(|it| it.eq_ignore_ascii_case(DOMAIN_SID))
    {
        return replace(Class::User, part);
    }
    if is_hardware_address(part) {
        return replace(Class::Machine, part);
    }
    if let Ok(socket) = part.parse::<SocketAddr>() {
        let ip = address(&socket.ip().to_string(), replace);
        return format!("{ip}:{}", socket.port());
    }
    if part.parse::<IpAddr>().is_ok() {
        return address(part, replace);
    }
    if let Some((name, port)) = part.rsplit_once(':')
        && !port.is_empty()
        && port.bytes().all(|it| it.is_ascii_digit())
    {
        return format!("{}:{port}", simple(name, replace));
    }
    let labels: Vec<&str> = part.split('.').collect();
    let is_name = labels.len() >= 2
        && labels.iter().all(|label| {
            !label.is_empty()
                && label
                    .chars()
                    .all(|it| it.is_alphanumeric() || matches!(it, '-' | '_' | '*'))
        });
    let last = labels.last().copied().unwrap_or_default();
    let top = last.len() >= 2 && last.chars().next().is_some_and(char::is_alphabetic);
    if !is_name || !top || is_pseudonym(part) || OWN.contains(&part) {
        return part.to_owned();
    }
    if FILES.contains(&last.to_ascii_lowercase().as_str()) {
        return match PUBLIC_FILES.contains(&part.to_ascii_lowercase().as_str()) {
            true => part.to_owned(),
            false => replace(Class::File, part),
        };
    }
    match is_public(part) {
        true => part.to_owned(),
        false => replace(Class::Host, part),
    }
}

/// How the identifiers of accounts of a domain or machine begin (MS-DTYP
/// 2.4.2.4); the others are the same on every Windows.
const DOMAIN_SID: &str = "S-1-5-21-";

/// `00:11:22:aa:bb:cc`, or with hyphens.
fn is_hardware_address(text: &str) -> bool {
    text.len() == 17
        && text.bytes().enumerate().all(|(at, byte)| match at % 3 {
            2 => byte == b':' || byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

fn address(text: &str, replace: &mut dyn FnMut(Class, &str) -> String) -> String {
    let keep = match text.parse() {
        // The arc of certificate extensions looks like an address.
        Ok(IpAddr::V4(it)) => {
            it.octets().first() == Some(&240)
                || it.octets().starts_with(&[2, 5, 29])
                || it.is_unspecified()
                || it.is_loopback()
        }
        Ok(IpAddr::V6(it)) => {
            it.segments().starts_with(&[0x100, 0, 0, 0]) || it.is_unspecified() || it.is_loopback()
        }
        Err(_) => true,
    };
    match keep {
        true => text.to_owned(),
        false => replace(Class::Address, text),
    }
}

/// Whether a text is one of our pseudonyms.
fn is_pseudonym(text: &str) -> bool {
    let stem = text.strip_suffix(".invalid").unwrap_or(text);
    let (stem, extension) = stem.split_once('.').unwrap_or((stem, ""));
    let known = |(kind, number): (&str, &str)| {
        let kinds = ["host", "machine", "user", "name", "text", "path", "file"];
        kinds.contains(&kind) && !number.is_empty() && number.bytes().all(|it| it.is_ascii_digit())
    };
    (extension.is_empty() || extension.bytes().all(|it| it.is_ascii_alphanumeric()))
        && stem.split_once('-').is_some_and(known)
}
