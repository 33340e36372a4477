//! Learns from a JSON report what must be replaced: names by the fields they
//! stand in, everything else by its look.

use serde_json::{Map, Value};

use super::cite::base;
use super::share::Disguise;
use super::share_scan::{Class, is_public};

/// Learns from the whole report: first the names that only their field tells,
/// then whatever looks like one anywhere.
pub(super) fn learn(report: &Value, disguise: &mut Disguise) {
    evidence(report, disguise);
    if let Some(notes) = report.pointer("/given/notes").and_then(Value::as_array) {
        for text in notes.iter().filter_map(|it| it.get("text")?.as_str()) {
            disguise.word(Class::Text, text);
        }
    }
    by_field(report, "", disguise);
    meet(report, disguise);
}

/// Paths and names of the files handed over.
fn evidence(report: &Value, disguise: &mut Disguise) {
    for file in super::reproof_match::members(report, "evidence") {
        for field in ["path", "member"] {
            let Some(path) = file.get(field).and_then(Value::as_str) else {
                continue;
            };
            let name = base(path);
            if name.is_empty() {
                continue;
            }
            let pseudonym = disguise.give(Class::File, name);
            disguise.alias(name, &pseudonym);
            disguise.alias(path, &pseudonym);
        }
    }
}

/// Names that only their field tells.
fn by_field(value: &Value, field: &str, disguise: &mut Disguise) {
    match value {
        Value::Array(list) => list.iter().for_each(|it| by_field(it, field, disguise)),
        Value::Object(map) => {
            account(map, disguise);
            for (name, inner) in map {
                by_field(inner, name, disguise);
            }
        }
        Value::String(text) => text_of_field(field, text, disguise),
        _ => {}
    }
}

/// `{kind, name}` of an account; `{name, address, cache}` of a hop.
fn account(map: &Map<String, Value>, disguise: &mut Disguise) {
    let text = |field: &str| map.get(field).and_then(Value::as_str);
    let Some(name) = text("name") else { return };
    if map.contains_key("kind") && map.len() == 2 {
        disguise.word(Class::User, name);
    } else if map.contains_key("cache") && map.contains_key("address") {
        for part in name.split_whitespace() {
            host(part, disguise);
        }
    } else if map.contains_key("addresses") {
        disguise.word(Class::Machine, name);
    }
}

fn text_of_field(field: &str, text: &str, disguise: &mut Disguise) {
    match field {
        // A machine's own names; the names of a certificate are met as hosts.
        "names" | "host" | "site" | "sni" => host(text, disguise),
        "tunnel" => host(text.rsplit_once(':').map_or(text, |it| it.0), disguise),
        "url" => {
            let rest = text.split_once("://").map_or(text, |it| it.1);
            let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
            let name = authority.rsplit('@').next().unwrap_or_default();
            host(name.split(':').next().unwrap_or_default(), disguise);
        }
        "subject" | "issuer" | "signer" | "signer_issuer" => distinguished_name(text, disguise),
        "examiner" | "by" => disguise.word(Class::User, text),
        "title" | "number" | "note" => disguise.word(Class::Text, text),
        _ => {}
    }
}

/// A host of one label can be told from a word by its field only.
fn host(text: &str, disguise: &mut Disguise) {
    let is_address = text.parse::<std::net::IpAddr>().is_ok();
    if text.is_empty() || is_address || is_public(text) {
        return;
    }
    if text.contains('.') {
        disguise.meet(text);
        return;
    }
    disguise.word(Class::Machine, text);
}

/// The values of a distinguished name, RFC 4514: of persons, companies and
/// private authorities. Countries say little, public authorities are known.
fn distinguished_name(text: &str, disguise: &mut Disguise) {
    let parts: Vec<(String, String)> = attributes(text);
    let is_owner = |kind: &str| matches!(kind, "O" | "CN");
    let public = |value: &str| {
        let value = value.to_ascii_lowercase();
        AUTHORITIES.iter().any(|name| value.starts_with(name))
    };
    let owner = parts.iter().find(|(kind, _)| kind == "O");
    let is_public_name = match owner {
        Some((_, owner)) => public(owner),
        None => parts
            .iter()
            .any(|(kind, value)| is_owner(kind) && public(value)),
    };
    for (kind, value) in &parts {
        // A leaf of a public owner may still be for somebody's host.
        if kind == "C" || (is_public_name && !value.contains('.')) {
            continue;
        }
        match value.contains('.') && !value.contains(' ') {
            true => host(value, disguise),
            false => disguise.word(Class::Name, value),
        }
    }
}

/// `CN=a\, b,O=c` to pairs, escapes undone.
fn attributes(text: &str) -> Vec<(String, String)> {
    let mut parts = Vec::new();
    let mut current = String::new();
    let mut letters = text.chars();
    let mut push = |current: &mut String| {
        if let Some((kind, value)) = current.split_once('=') {
            let kind = kind.trim().to_ascii_uppercase();
            parts.push((kind, value.trim().to_owned()));
        }
        current.clear();
    };
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => current.extend(letters.next()),
            ',' | '+' => push(&mut current),
            other => current.push(other),
        }
    }
    push(&mut current);
    parts
}

/// Hosts, addresses, paths and accounts anywhere.
fn meet(value: &Value, disguise: &mut Disguise) {
    match value {
        Value::Array(list) => list.iter().for_each(|it| meet(it, disguise)),
        Value::Object(map) => map.values().for_each(|it| meet(it, disguise)),
        Value::String(text) => disguise.meet(text),
        _ => {}
    }
}

/// How the names of public certification authorities begin.
const AUTHORITIES: [&str; 37] = [
    "actalis",
    "addtrust",
    "amazon",
    "baltimore",
    "buypass",
    "certum",
    "comodo",
    "cybertrust",
    "d-trust",
    "dst root",
    "deutsche telekom",
    "digicert",
    "digital signature trust",
    "entrust",
    "equifax",
    "geotrust",
    "globalsign",
    "go daddy",
    "godaddy",
    "google trust services",
    "gts ",
    "hellenic academic",
    "identrust",
    "internet security research group",
    "isrg",
    "izenpe",
    "let's encrypt",
    "microsoft",
    "quovadis",
    "sectigo",
    "ssl corp",
    "starfield",
    "swisssign",
    "symantec",
    "t-systems",
    "thawte",
    "verisign",
];
