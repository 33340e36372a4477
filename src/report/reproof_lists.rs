//! Matches the members of the lists of two reports, and translates the ids in
//! them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::reproof::{Failed, Work};
use super::reproof_match::{
    differing, members, name_of, name_without_id, pair, sort, text, without,
};

/// Fields that hold an id or several.
const REFERENCES: [&str; 22] = [
    "artifact",
    "artifacts",
    "because_of",
    "cache_entry",
    "certificates",
    "chain",
    "crl",
    "ctl",
    "evidence",
    "explains",
    "failures",
    "findings",
    "handshake",
    "leaf",
    "machine",
    "machines",
    "ocsp",
    "retrieval",
    "retrievals",
    "root_cause",
    "script",
    "scripts",
];
/// References among a list itself, or back: compared once all ids are known.
const LATE: [(&str, &str); 2] = [("failures", "findings"), ("findings", "because_of")];

impl Work {
    /// Matches the members of a list and notes their ids.
    pub(super) fn identified(&mut self, list: &str, report: &Value, fresh: &Value) {
        let old = members(report, list);
        let new = members(fresh, list);
        let late = LATE.iter().find(|(name, _)| *name == list).map(|it| it.1);
        let told: Vec<Value> = old
            .iter()
            .map(|it| self.translated(it, list, late))
            .collect();
        let now: Vec<Value> = new.iter().map(|it| without(it, late)).collect();
        let pairs = pair(&told, &now, |index, other| {
            old.get(index).and_then(|it| it.get("id")) == new.get(other).and_then(|it| it.get("id"))
        });
        let mut taken = BTreeSet::new();
        let mut seen = BTreeSet::new();
        for (index, member) in old.iter().enumerate() {
            let id = text(member, "id");
            let key = match id.is_empty() || !seen.insert(id.to_owned()) {
                true => format!("{list}[{index}]"),
                false => id.to_owned(),
            };
            self.claim(&key, name_of(list, member));
            if key != id {
                self.fail(&key, "its id is missing or used twice".to_owned());
            }
            let Some((other, exact)) = pairs.get(index).copied().flatten() else {
                self.fail(&key, "the evidence does not give it".to_owned());
                continue;
            };
            taken.insert(other);
            if let Some(there) = new.get(other) {
                self.ids.insert(key.clone(), text(there, "id").to_owned());
            }
            if !exact && let (Some(told), Some(now)) = (told.get(index), now.get(other)) {
                self.fail(&key, differing(told, now));
            }
        }
        for (_, member) in new.iter().enumerate().filter(|(n, _)| !taken.contains(n)) {
            self.extra.push(Failed {
                claim: format!("list {list}"),
                why: format!("the evidence gives one more: {}", name_of(list, member)),
                rests_on_failed: false,
            });
        }
        // Ids must be what they are in every report: positions.
        for (index, member) in old.iter().enumerate() {
            let now = new.first().map(|it| text(it, "id"));
            let letter = now.and_then(|id| id.chars().next());
            let id = text(member, "id").to_owned();
            if let Some(letter) = letter
                && id != format!("{letter}{}", index + 1)
                && !id.is_empty()
            {
                self.fail(&id, format!("its id is not {letter}{}", index + 1));
            }
        }
    }

    /// Compares a list as a bag of values.
    pub(super) fn unidentified(&mut self, list: &str, report: &Value, fresh: &Value) {
        let old = members(report, list);
        let told: Vec<Value> = old
            .iter()
            .map(|it| self.translated(it, list, None))
            .collect();
        let now: Vec<Value> = members(fresh, list).to_vec();
        let pairs = pair(&told, &now, |index, other| index == other);
        let mut taken = BTreeSet::new();
        for (index, member) in old.iter().enumerate() {
            let key = format!("{list}[{index}]");
            self.claim(&key, name_without_id(list, index, member));
            match pairs.get(index).copied().flatten() {
                None => self.fail(&key, "the evidence does not give it".to_owned()),
                Some((other, exact)) => {
                    taken.insert(other);
                    if !exact && let (Some(told), Some(now)) = (told.get(index), now.get(other)) {
                        self.fail(&key, differing(told, now));
                    }
                }
            }
        }
        for (index, member) in now.iter().enumerate().filter(|(n, _)| !taken.contains(n)) {
            self.extra.push(Failed {
                claim: format!("list {list}"),
                why: format!(
                    "the evidence gives one more: {}",
                    name_without_id(list, index, member)
                ),
                rests_on_failed: false,
            });
        }
    }

    /// Compares the references that had to wait for all ids.
    pub(super) fn references(&mut self, report: &Value, fresh: &Value) {
        for (list, field) in LATE {
            let new: BTreeMap<&str, &Value> = members(fresh, list)
                .iter()
                .map(|it| (text(it, "id"), it))
                .collect();
            for member in members(report, list) {
                let id = text(member, "id");
                let Some(there) = self.ids.get(id).and_then(|now| new.get(now.as_str())) else {
                    continue;
                };
                let told = member.get(field).map(|it| self.reference(it));
                let mut told = told.unwrap_or(Value::Null);
                let mut now = there.get(field).cloned().unwrap_or(Value::Null);
                sort(&mut told);
                sort(&mut now);
                if told != now {
                    self.fail(id, format!("{field} differs"));
                }
            }
        }
    }

    /// A member with the ids of now in place of its own, without its id.
    fn translated(&self, member: &Value, list: &str, late: Option<&str>) -> Value {
        let mut value = without(member, late);
        self.translate(&mut value);
        if list == "evidence"
            && let Some((then, now)) = &self.moved
            && let Some(Value::String(path)) = value.get_mut("path")
            && let Some(rest) = path.strip_prefix(then.as_str())
        {
            *path = format!("{now}{rest}");
        }
        value
    }

    fn translate(&self, value: &mut Value) {
        match value {
            Value::Array(list) => list.iter_mut().for_each(|inner| self.translate(inner)),
            Value::Object(map) => {
                for (field, inner) in map.iter_mut() {
                    if REFERENCES.contains(&field.as_str()) {
                        *inner = self.reference(inner);
                    }
                    self.translate(inner);
                }
            }
            _ => {}
        }
    }

    fn reference(&self, value: &Value) -> Value {
        match value {
            Value::String(id) => {
                let now = self.ids.get(id);
                Value::String(now.unwrap_or(id).clone())
            }
            Value::Array(list) => list.iter().map(|it| self.reference(it)).collect(),
            other => other.clone(),
        }
    }
}
