//! How the claims of two reports are matched, named and read.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// The members of a list of a report; none where there is no such list.
pub(super) fn members<'a>(report: &'a Value, list: &str) -> &'a [Value] {
    report
        .get(list)
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default()
}

/// A field as text; empty where it is none.
pub(super) fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// A member without its id and the field that is compared later.
pub(super) fn without(member: &Value, late: Option<&str>) -> Value {
    let mut value = member.clone();
    if let Some(map) = value.as_object_mut() {
        map.remove("id");
        if let Some(late) = late {
            map.remove(late);
        }
    }
    value
}

/// For each old value the new one it is, and whether they are equal: first
/// those that are equal, then those most alike. `same_place` breaks ties.
pub(super) fn pair(
    old: &[Value],
    new: &[Value],
    same_place: impl Fn(usize, usize) -> bool,
) -> Vec<Option<(usize, bool)>> {
    let mut by_text: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, value) in new.iter().enumerate().rev() {
        by_text.entry(value.to_string()).or_default().push(index);
    }
    let mut pairs: Vec<Option<(usize, bool)>> = vec![None; old.len()];
    for (value, slot) in old.iter().zip(pairs.iter_mut()) {
        let equal = by_text.get_mut(&value.to_string());
        *slot = equal.and_then(Vec::pop).map(|index| (index, true));
    }
    let mut free: BTreeSet<usize> = by_text.into_values().flatten().collect();
    for (index, value) in old.iter().enumerate() {
        if pairs.get(index).is_some_and(Option::is_some) {
            continue;
        }
        // Of thousands that differ, the neighbors are compared only.
        let near = free.iter().copied().take(MAX_COMPARED);
        let best = near
            .map(|other| {
                let alike = new.get(other).map_or(0, |it| likeness(value, it));
                (alike, same_place(index, other), std::cmp::Reverse(other))
            })
            .max();
        if let Some((alike, _, std::cmp::Reverse(other))) = best
            && alike * 2 >= size(value)
        {
            free.remove(&other);
            if let Some(slot) = pairs.get_mut(index) {
                *slot = Some((other, false));
            }
        }
    }
    pairs
}

/// Candidates that one claim without an equal is compared with.
const MAX_COMPARED: usize = 200;

/// How many fields are equal.
fn likeness(one: &Value, other: &Value) -> usize {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => one
            .iter()
            .filter(|(name, value)| other.get(*name) == Some(*value))
            .count(),
        _ => usize::from(one == other),
    }
}

fn size(value: &Value) -> usize {
    value.as_object().map_or(1, serde_json::Map::len)
}

/// Which fields differ, with both values where they are short.
pub(super) fn differing(told: &Value, now: &Value) -> String {
    let (Value::Object(told), Value::Object(now)) = (told, now) else {
        return "it differs".to_owned();
    };
    let names: BTreeSet<&String> = told.keys().chain(now.keys()).collect();
    let differ = names
        .into_iter()
        .filter(|name| told.get(*name) != now.get(*name));
    let parts: Vec<String> = differ
        .map(|name| match (told.get(name), now.get(name)) {
            (Some(_), None) => format!("no claim has a field {name}"),
            (None, _) => format!("{name} is missing"),
            (Some(told), Some(now)) => {
                let (told, now) = (told.to_string(), now.to_string());
                match told.len().max(now.len()) <= MAX_SHOWN {
                    true => format!("{name} is {now}, not {told}"),
                    false => format!("{name} differs"),
                }
            }
        })
        .collect();
    parts.join("; ")
}

/// Characters of a value that is shown.
const MAX_SHOWN: usize = 100;

/// Sorts a list of references, whose order is that of ids.
pub(super) fn sort(value: &mut Value) {
    if let Value::Array(list) = value {
        list.sort_by_key(ToString::to_string);
    }
}

/// The digests of the frames cited, by capture and number.
pub(super) fn digests(report: &Value) -> BTreeMap<String, BTreeMap<String, Value>> {
    let mut found = BTreeMap::new();
    for capture in members(report, "cited_packets") {
        let frames = capture.get("sha256_of").and_then(Value::as_object);
        let frames = frames.into_iter().flatten();
        let frames: BTreeMap<String, Value> =
            frames.map(|(n, hash)| (n.clone(), hash.clone())).collect();
        found.insert(text(capture, "evidence").to_owned(), frames);
    }
    found
}

/// Collects the places cited in a claim that are not what they were: frames by
/// their own bytes, other places by their file.
pub(super) fn cited(
    value: &Value,
    frames: &BTreeSet<(String, u64)>,
    files: &BTreeSet<&String>,
    places: &mut BTreeSet<String>,
) {
    match value {
        Value::Array(list) => list.iter().for_each(|it| cited(it, frames, files, places)),
        Value::Object(map) => {
            if let Some(Value::String(evidence)) = map.get("evidence") {
                if let Some(Value::Array(packets)) = map.get("packets") {
                    for packet in packets.iter().filter_map(Value::as_u64) {
                        if frames.contains(&(evidence.clone(), packet)) {
                            places.insert(format!("packet {packet} of {evidence}"));
                        }
                    }
                } else if files.contains(evidence) {
                    places.insert(evidence.clone());
                }
            }
            map.values().for_each(|it| cited(it, frames, files, places));
        }
        _ => {}
    }
}

/// Fields by which a claim rests on another. A machine and a piece of evidence
/// are places; what stands at a place is cited.
const BASES: [&str; 17] = [
    "artifact",
    "because_of",
    "cache_entry",
    "certificates",
    "chain",
    "crl",
    "ctl",
    "explains",
    "failures",
    "handshake",
    "leaf",
    "ocsp",
    "retrieval",
    "retrievals",
    "root_cause",
    "script",
    "scripts",
];

/// Collects the ids that a claim rests on.
pub(super) fn based_on(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Array(list) => list.iter().for_each(|it| based_on(it, found)),
        Value::Object(map) => {
            for (field, inner) in map {
                if BASES.contains(&field.as_str()) {
                    let ids = match inner {
                        Value::Array(list) => list.as_slice(),
                        one => std::slice::from_ref(one),
                    };
                    found.extend(ids.iter().filter_map(Value::as_str).map(str::to_owned));
                }
                based_on(inner, found);
            }
        }
        _ => {}
    }
}

/// The folders that all evidence lay in, then and now, where they differ and
/// the rest of every path is the same. Only the folder: a changed file name is
/// no move.
pub(super) fn moved(report: &Value, fresh: &Value) -> Option<(String, String)> {
    let paths = |report: &Value| -> Vec<String> {
        let list = members(report, "evidence").iter();
        list.map(|it| text(it, "path").to_owned()).collect()
    };
    let (old, new) = (paths(report), paths(fresh));
    if old.len() != new.len() || old == new {
        return None;
    }
    let (then, now) = (common_folder(&old), common_folder(&new));
    let rest = |paths: &[String], folder: &str| -> Vec<String> {
        let paths = paths.iter().map(|path| path.get(folder.len()..));
        paths
            .map(|rest| rest.unwrap_or_default().to_owned())
            .collect()
    };
    (then != now && rest(&old, &then) == rest(&new, &now)).then_some((then, now))
}

/// The longest folder, slash included, that all paths begin with.
fn common_folder(paths: &[String]) -> String {
    let mut common = match paths.first() {
        Some(first) => folder_of(first).to_owned(),
        None => return String::new(),
    };
    for path in paths {
        while !path.starts_with(&common) {
            common = folder_of(common.trim_end_matches('/')).to_owned();
        }
    }
    common
}

fn folder_of(path: &str) -> &str {
    path.rfind('/')
        .and_then(|at| path.get(..=at))
        .unwrap_or_default()
}

/// The name of a claim with an id: `finding n1 (leaf-expired)`.
pub(super) fn name_of(list: &str, member: &Value) -> String {
    let (noun, about) = match list {
        "evidence" => ("evidence", text(member, "path")),
        "machines" => ("machine", ""),
        "artifacts" => ("artifact", text(member, "kind")),
        "cache_entries" => ("cache entry", text(member, "name")),
        "retrievals" => ("retrieval", text(member, "url")),
        "handshakes" => ("handshake", text(member, "site")),
        "chains" => ("chain", text(member, "host")),
        "failures" => ("failure", text(member, "kind")),
        "findings" => ("finding", text(member, "rule")),
        "incidents" => ("incident", ""),
        other => (other, ""),
    };
    let id = text(member, "id");
    match about.is_empty() {
        true => format!("{noun} {id}"),
        false => format!("{noun} {id} ({about})"),
    }
}

/// The name of a claim without an id: `timeline 3 (2011-…)`, from 1.
pub(super) fn name_without_id(list: &str, index: usize, member: &Value) -> String {
    let about = ["at", "claim", "client", "object", "source", "what", "where"]
        .iter()
        .map(|field| text(member, field))
        .find(|text| !text.is_empty());
    let noun = match list {
        "capture_notes" => "note",
        "claims" => "claim",
        "clocks" => "clock",
        "counts" => "count",
        "discoveries" => "discovery",
        "holdings" => "holding",
        "issues" => "issue",
        "logins" => "login",
        "vantages" => "vantage",
        other => other,
    };
    match about {
        Some(about) => format!("{noun} {} ({about})", index + 1),
        None => format!("{noun} {}", index + 1),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn equal_values_pair_first_and_the_rest_by_likeness() {
        let old = [
            json!({"a": 1, "b": 1, "c": 1}),
            json!({"a": 2, "b": 2, "c": 2}),
        ];
        let new = [
            json!({"a": 9, "b": 9, "c": 9}),
            json!({"a": 2, "b": 2, "c": 2}),
            json!({"a": 1, "b": 1, "c": 7}),
        ];
        let pairs = pair(&old, &new, |_, _| false);
        assert_eq!(pairs, [Some((2, false)), Some((1, true))]);
        assert_eq!(pair(&old[..1], &new[..1], |_, _| true), [None]);
    }

    #[test]
    fn evidence_moved_as_a_whole_is_told_from_a_changed_name() {
        let report = |paths: &[&str]| {
            let list: Vec<Value> = paths.iter().map(|path| json!({"path": path})).collect();
            json!({"evidence": list})
        };
        let there = |one: &[&str], other: &[&str]| moved(&report(one), &report(other));
        assert_eq!(there(&["x/a", "x/b"], &["x/a", "x/b"]), None);
        assert_eq!(
            there(&["x/a", "x/y/b"], &["/z/a", "/z/y/b"]),
            Some(("x/".to_owned(), "/z/".to_owned()))
        );
        assert_eq!(
            there(&["a"], &["/z/a"]),
            Some((String::new(), "/z/".to_owned()))
        );
        assert_eq!(there(&["x/a", "x/b"], &["x/a", "x/c"]), None);
    }
}
