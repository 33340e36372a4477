//! A trust list on its own: its subjects, and the difference of two.

use std::collections::BTreeMap;

use super::listing::{Cell, Field, Listing};
use super::table::Column;
use crate::bytes::to_hex;
use crate::pki::ctl::{Ctl, CtlEntry, Limit};
use crate::pki::signature::SignatureOutcome;
use crate::words;

/// The fields of a subject, in the order of [`cells`].
const FIELDS: [(&str, Option<Column>); 12] = [
    ("subject", Some(Column::new("Subject (SHA-1)", 40))),
    ("name", Some(Column::new("Name", 20))),
    ("limits", Some(Column::new("Limits", 18))),
    ("sha256", None),
    ("key_identifier", None),
    ("subject_name_md5", None),
    ("allowed_usages", None),
    ("disallowed_after", None),
    ("disallowed_usages", None),
    ("not_before_limit", None),
    ("not_before_usages", None),
    ("other", None),
];

/// The subjects of a list, in its order.
#[must_use]
pub fn subjects(ctl: &Ctl) -> Listing {
    Listing {
        fields: fields(&[]),
        rows: ctl.entries.iter().map(cells).collect(),
        preface: about(ctl),
        nouns: ("subject", "subjects"),
    }
}

/// Keeps the subjects with a hash (or its beginning, with or without blanks and
/// colons), or with a part of a name.
pub fn keep_subject(listing: &mut Listing, wanted: &str) {
    let hex: String = wanted
        .chars()
        .filter(|it| !matches!(it, ' ' | ':' | '-'))
        .collect();
    let hex = hex.to_ascii_lowercase();
    let is_hash = hex.len() >= MIN_HASH && hex.bytes().all(|it| it.is_ascii_hexdigit());
    let name = wanted.to_lowercase();
    let hashes = ["subject", "sha256", "key_identifier", "subject_name_md5"];
    let fields: Vec<&str> = listing.fields();
    listing.rows.retain(|row| {
        row.iter().zip(&fields).any(|(cell, field)| match cell {
            Cell::Text(text) if hashes.contains(field) => is_hash && text.starts_with(&hex),
            Cell::Text(text) if *field == "name" => text.to_lowercase().contains(&name),
            _ => false,
        })
    });
}

/// Digits from which on a word may be the beginning of a hash.
const MIN_HASH: usize = 6;

/// What differs from the old list to the new: subjects added, removed, and
/// changed with both values. Subjects are told apart by their identifier.
#[must_use]
pub fn difference(old: &Ctl, new: &Ctl) -> Listing {
    let index = |ctl: &Ctl| -> BTreeMap<Vec<u8>, Vec<Cell>> {
        let entries = ctl.entries.iter();
        entries
            .map(|entry| (entry.subject_identifier.clone(), cells(entry)))
            .collect()
    };
    let (before, after) = (index(old), index(new));
    let mut rows = Vec::new();
    for (identifier, cells) in &after {
        match before.get(identifier) {
            None => rows.push(labeled("added", cells.clone())),
            Some(earlier) if earlier != cells => {
                let both = earlier
                    .iter()
                    .zip(cells)
                    .map(|(one, other)| changed(one, other));
                rows.push(labeled("changed", both.collect()));
            }
            Some(_) => {}
        }
    }
    for (identifier, cells) in &before {
        if !after.contains_key(identifier) {
            rows.push(labeled("removed", cells.clone()));
        }
    }
    let mut preface = vec!["Old:".to_owned()];
    preface.extend(about(old));
    preface.push("New:".to_owned());
    preface.extend(about(new));
    let change = Field {
        name: "change",
        column: Some(Column::new("Change", 7)),
    };
    Listing {
        fields: fields(&[change]),
        rows,
        preface,
        nouns: ("difference", "differences"),
    }
}

fn fields(before: &[Field]) -> Vec<Field> {
    let own = FIELDS.iter().map(|(name, column)| Field {
        name,
        column: *column,
    });
    before.iter().copied().chain(own).collect()
}

fn labeled(change: &str, cells: Vec<Cell>) -> Vec<Cell> {
    std::iter::once(Cell::text(change)).chain(cells).collect()
}

fn changed(old: &Cell, new: &Cell) -> Cell {
    let text = |cell: &Cell| match cell {
        Cell::Text(text) => text.clone(),
        _ => "nothing".to_owned(),
    };
    match old == new {
        true => new.clone(),
        false => Cell::Text(format!("{} -> {}", text(old), text(new))),
    }
}

/// What a list says of itself, a line each.
fn about(ctl: &Ctl) -> Vec<String> {
    let sequence = ctl.sequence_number.as_deref().map(to_hex);
    let next = ctl.next_update.map(|at| format!(", next update {at}"));
    let signer = match (&ctl.signer, &ctl.signer_id) {
        (Some(signer), _) => format!("signed by {}", signer.subject.text),
        (None, Some(named)) => format!(
            "signed by a certificate that is not enclosed, serial {} of {}",
            to_hex(&named.serial),
            named.issuer
        ),
        (None, None) => "not signed".to_owned(),
    };
    let signature = match &ctl.signature {
        Some(SignatureOutcome::Valid) => "signature valid".to_owned(),
        Some(SignatureOutcome::Invalid(why)) => format!("signature INVALID: {why}"),
        Some(SignatureOutcome::Unsupported(why)) => format!("signature not checked: {why}"),
        None => "signature not checked: no signer enclosed".to_owned(),
    };
    let embedded = match super::json_artifact::issuer_embedded(ctl) {
        Some(true) => ", its issuer enclosed",
        Some(false) => ", its issuer NOT enclosed",
        None => "",
    };
    let mut lines = vec![
        format!(
            "{} list of {}{}, sequence {}, {}",
            ctl.kind.word(),
            ctl.this_update,
            next.unwrap_or_default(),
            sequence.as_deref().unwrap_or("none"),
            words::count(ctl.entries.len() as u64, "subject", "subjects")
        ),
        format!("{signer}{embedded}; {signature}"),
        format!("SHA-256 {} of the PKCS#7", to_hex(&ctl.sha256)),
    ];
    lines.extend(beside(ctl));
    lines.extend(
        ctl.oddities
            .iter()
            .map(|oddity| format!("oddity: {oddity}")),
    );
    lines
}

/// Nested signatures and time stamps, a line each, and what they are worth.
fn beside(ctl: &Ctl) -> Vec<String> {
    let beside = match ctl.beside() {
        Ok(beside) => beside,
        Err(error) => return vec![format!("beside the signature: {error}")],
    };
    let nested = beside.nested.iter().map(|nested| {
        let signer = nested.signer.as_ref().map(|signer| {
            let (name, until) = (signer.subject.short(), signer.not_after);
            format!("{name}, valid until {until}")
        });
        let outcome = match &nested.signature {
            Some(SignatureOutcome::Valid) => "valid".to_owned(),
            Some(SignatureOutcome::Invalid(why)) => format!("INVALID: {why}"),
            Some(SignatureOutcome::Unsupported(why)) => format!("not checked: {why}"),
            None => "not checked".to_owned(),
        };
        let signer = signer.unwrap_or_else(|| "a certificate that is not enclosed".to_owned());
        format!("nested signature by {signer}; {outcome}")
    });
    let mut lines: Vec<String> = nested.collect();
    if beside.time_stamps > 0 {
        let count = words::count(beside.time_stamps as u64, "time stamp", "time stamps");
        lines.push(format!(
            "{count}, not verified; that one saves a list whose signer expired is not known"
        ));
    }
    lines
}

fn cells(entry: &CtlEntry) -> Vec<Cell> {
    let hex = |octets: &Option<Vec<u8>>| Cell::optional(octets.as_deref().map(to_hex));
    let usages = |list: &Option<Vec<String>>| Cell::optional(list.as_deref().map(usages_text));
    let limit = |limit: &Option<Limit>| Cell::optional(limit.as_ref().map(limit_text));
    let other = entry.other.iter();
    let other = other.map(|(oid, der)| format!("{oid}={}", to_hex(der)));
    let other: Vec<String> = other.collect();
    vec![
        Cell::text(to_hex(&entry.subject_identifier)),
        Cell::optional(entry.friendly_name.as_ref()),
        Cell::optional(limits(entry)),
        hex(&entry.sha256),
        hex(&entry.key_identifier),
        hex(&entry.subject_name_md5),
        usages(&entry.allowed_usages),
        limit(&entry.disallowed_after),
        usages(&entry.disallowed_usages),
        limit(&entry.not_before_limit),
        usages(&entry.not_before_usages),
        Cell::optional((!other.is_empty()).then(|| other.join("; "))),
    ]
}

/// What the programme restricts, in a line; `None` where it trusts in full.
fn limits(entry: &CtlEntry) -> Option<String> {
    let mut parts = Vec::new();
    if let Some(limit) = &entry.disallowed_after {
        parts.push(format!("disabled: {}", limit_text(limit)));
    }
    if let Some(usages) = &entry.disallowed_usages {
        parts.push(format!("not for {}", usages_text(usages)));
    }
    if let Some(limit) = &entry.not_before_limit {
        let of = match &entry.not_before_usages {
            Some(usages) => format!(" for {}", usages_text(usages)),
            None => String::new(),
        };
        parts.push(format!(
            "only leaves issued before: {}{of}",
            limit_text(limit)
        ));
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

fn limit_text(limit: &Limit) -> String {
    match limit {
        Limit::At(at) => at.to_string(),
        Limit::Empty => "empty (from the start)".to_owned(),
        Limit::OutOfRange(ticks) => format!("FILETIME {ticks}, no time"),
    }
}

fn usages_text(usages: &[String]) -> String {
    let named = usages.iter().map(|oid| {
        let known = USAGES.iter().find(|(known, _)| known == oid);
        known.map_or(oid.as_str(), |(_, name)| *name)
    });
    named.collect::<Vec<_>>().join(", ")
}

/// Names of wincrypt.h's and RFC 5280's key purposes.
const USAGES: [(&str, &str); 10] = [
    ("1.3.6.1.5.5.7.3.1", "server authentication"),
    ("1.3.6.1.5.5.7.3.2", "client authentication"),
    ("1.3.6.1.5.5.7.3.3", "code signing"),
    ("1.3.6.1.5.5.7.3.4", "secure e-mail"),
    ("1.3.6.1.5.5.7.3.8", "time stamping"),
    ("1.3.6.1.5.5.7.3.9", "OCSP signing"),
    ("1.3.6.1.4.1.311.10.3.4", "EFS"),
    ("1.3.6.1.4.1.311.10.3.12", "document signing"),
    ("1.3.6.1.5.5.7.3.6", "IPsec tunnel"),
    ("1.3.6.1.5.5.7.3.7", "IPsec user"),
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::report::Look;

    fn list() -> Ctl {
        Ctl::from_der(include_bytes!("../../tests/data/pki/ctl-limits.stl")).unwrap()
    }

    #[test]
    fn every_attribute_of_a_subject_is_shown() {
        let json = subjects(&list()).to_json();
        let rows: serde_json::Value = serde_json::from_str(&json).unwrap();
        let first = &rows[0];
        assert_eq!(first["subject"], "11".repeat(20));
        assert_eq!(first["name"], "Test Root");
        assert_eq!(first["disallowed_after"], "2020-01-01T00:00:00Z");
        assert_eq!(
            first["allowed_usages"],
            "server authentication, secure e-mail"
        );
        assert_eq!(first["other"], "1.3.6.1.4.1.311.10.11.83=04020500");
        let text = subjects(&list()).to_text(&Look::default());
        assert!(text.contains("disabled: 2020-01-01T00:00:00Z"), "{text}");
    }

    #[test]
    fn a_subject_is_found_by_hash_or_name() {
        let found = |wanted: &str| {
            let mut listing = subjects(&list());
            keep_subject(&mut listing, wanted);
            listing.len()
        };
        assert_eq!(found("11:11 11:11"), 1);
        assert_eq!(found("test root"), 1);
        assert_eq!(found(&"44".repeat(32)), 1);
        assert_eq!(found("no such root"), 0);
    }

    #[test]
    fn a_list_does_not_differ_from_itself_and_each_change_is_told() {
        let (old, mut new) = (list(), list());
        assert!(difference(&old, &new).is_empty());
        new.entries[0].friendly_name = Some("Renamed".to_owned());
        let gone = new.entries.pop().unwrap();
        let mut fresh = gone.clone();
        fresh.subject_identifier = vec![9; 20];
        new.entries.push(fresh);
        let csv = difference(&old, &new).to_csv();
        let mut changes: Vec<&str> = csv
            .lines()
            .skip(1)
            .filter_map(|it| it.split(',').next())
            .collect();
        changes.sort_unstable();
        assert_eq!(changes, ["added", "changed", "removed"]);
        assert!(csv.contains("Test Root -> Renamed"), "{csv}");
    }
}
