//! Learns from a JSON report what must be replaced: names by the fields they
//! stand in, everything else by its look.

use serde_json::{Map, Value};

use super::cite::base;
use super::share::Disguise;
use super::share_fields::Field;
use super::share_public::{AUTHORITIES, PUBLIC_FILES, is_public};
use super::share_scan::Class;
use super::share_words::is_common_label;

/// Learns from the whole report: first the names that only their field tells,
/// then whatever looks like one anywhere.
pub(super) fn learn(report: &Value, disguise: &mut Disguise) {
    evidence(report, disguise);
    if let Some(notes) = report.pointer("/given/notes").and_then(Value::as_array) {
        for text in notes.iter().filter_map(|it| it.get("text")?.as_str()) {
            disguise.word(Class::Text, text);
        }
    }
    for field in ["title", "number"] {
        let text = report.pointer(&format!("/given/{field}"));
        if let Some(text) = text.and_then(Value::as_str) {
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

/// Names that their field tells only together with its neighbors: an account,
/// a hop of a way, a machine, a try to find a proxy, a proxy of the case file.
fn account(map: &Map<String, Value>, disguise: &mut Disguise) {
    let text = |field: &str| map.get(field).and_then(Value::as_str);
    if map.contains_key("note")
        && let Some(address) = text("address")
    {
        host(without_port(address), disguise);
    }
    let Some(name) = text("name") else { return };
    if map.contains_key("kind") && map.len() == 2 {
        user(name, disguise);
    } else if map.contains_key("cache") && map.contains_key("address") {
        let cache = text("cache").unwrap_or_default();
        let from = cache.split_once(" from ").map_or("", |(_, it)| it);
        for part in name.split_whitespace().chain(from.split_whitespace()) {
            host(without_port(part), disguise);
        }
    } else if map.contains_key("addresses") || map.contains_key("means") {
        host(name, disguise);
    } else if text("kind") == Some("proxy") && !name.contains(' ') {
        host(without_port(name), disguise);
    }
}

fn text_of_field(field: &str, text: &str, disguise: &mut Disguise) {
    match field {
        // A machine's own names; the names of a certificate are met as hosts.
        "names" | "host" | "site" | "sni" | "domain" | "workstation" | "unresolved" | "tunnel" => {
            host(without_port(text), disguise);
        }
        // `PROXY gate:3128; DIRECT`, as a script answers.
        "said" | "ways" => {
            for way in text.split(';') {
                let place = way.split_whitespace().nth(1).unwrap_or_default();
                host(without_port(place), disguise);
            }
        }
        "url" => {
            let rest = text.split_once("://").map_or(text, |it| it.1);
            let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
            host(
                without_port(authority.rsplit('@').next().unwrap_or_default()),
                disguise,
            );
            // Pictures name a retrieval by the last part of its URL.
            let path = rest.split(['?', '#']).next().unwrap_or_default();
            if let Some((_, file)) = path.rsplit_once('/')
                && !is_public(without_port(authority))
                && !PUBLIC_FILES.contains(&file.to_ascii_lowercase().as_str())
                && file.len() >= MIN_OWNER
            {
                let pseudonym = disguise.give(Class::File, file);
                disguise.alias(file, &pseudonym);
            }
            // `ldap://dc1/CN=ca,CN=CDP,DC=corp?…` names by its parts.
            if text.starts_with("ldap")
                && let Some((_, path)) = rest.split_once('/')
            {
                let path = path.split('?').next().unwrap_or_default();
                distinguished_name(&path.replace("%20", " "), disguise);
            }
        }
        // `HTTP/gate:3128`, the name of a service in Kerberos.
        "service" => {
            let place = text.split_once('/').map_or(text, |it| it.1);
            host(
                without_port(place.split('/').next().unwrap_or_default()),
                disguise,
            );
        }
        "subject" | "issuer" | "signer" | "signer_issuer" => distinguished_name(text, disguise),
        "user" | "examiner" | "by" => user(text, disguise),
        "title" | "note" => disguise.word(Class::Text, text),
        // Programs of one company have its name.
        "user_agent" => {
            let product = text.split(['/', ' ']).next().unwrap_or_default();
            if !AGENTS.contains(&product.to_ascii_lowercase().as_str()) {
                disguise.word(Class::Name, product);
            }
        }
        "realm" => disguise.word(Class::Name, text),
        // Of which only the neighbors tell what it is.
        "name" => {}
        other if Field::of(other) != Field::Name => {}
        // A field that nobody has described here yet: taken for a name.
        _ if text.contains(char::is_whitespace) => disguise.word(Class::Text, text),
        _ => host(text, disguise),
    }
}

fn without_port(text: &str) -> &str {
    match text.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|it| it.is_ascii_digit()) => name,
        _ => text,
    }
}

/// A user: `alice`, `PC17$`, `alice@corp`, `CORP\\alice`.
fn user(text: &str, disguise: &mut Disguise) {
    disguise.short_word(Class::User, text);
    for separator in ['\\', '@'] {
        if let Some((one, other)) = text.split_once(separator) {
            for part in [one, other] {
                disguise.short_word(Class::User, part);
            }
        }
    }
    if let Some(machine) = text.strip_suffix('$') {
        disguise.short_word(Class::Machine, machine);
    }
}

/// A host of one label can be told from a word by its field only.
fn host(text: &str, disguise: &mut Disguise) {
    let is_address = text.parse::<std::net::IpAddr>().is_ok();
    if text.is_empty() || is_address || is_public(text) {
        return;
    }
    if !text.contains('.') {
        disguise.short_word(Class::Machine, text);
        return;
    }
    disguise.meet(text);
    // Parts of it that tell whose it is, or which machine.
    let labels: Vec<&str> = text.split('.').collect();
    let (_, below) = labels.split_last().unwrap_or((&"", &[]));
    let owner = below.iter().rev().find(|it| it.len() >= MIN_OWNER);
    let numbered = below.iter().filter(|it| {
        it.bytes().any(|byte| byte.is_ascii_digit())
            && it.bytes().any(|it| it.is_ascii_alphabetic())
    });
    for label in owner.into_iter().chain(numbered) {
        if !is_common_label(&label.to_ascii_lowercase()) {
            disguise.word(Class::Name, label);
        }
    }
}

/// Programs that everybody has.
const AGENTS: [&str; 9] = [
    "curl",
    "microsoft",
    "microsoft-cryptoapi",
    "microsoft-delivery-optimization",
    "microsoft-wns",
    "mozilla",
    "windows-update-agent",
    "winhttp",
    "winhttp-autoproxy-service",
];

/// Letters of the part of a domain that names its owner, `co` of `co.uk` and
/// the like are shorter; and of a file of a URL.
const MIN_OWNER: usize = 4;

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
