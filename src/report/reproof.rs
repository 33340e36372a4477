//! Proves a report again: compares it, claim by claim, with the report that the
//! same evidence gives now.
//!
//! Ids are positions and shift when one thing more or less is found, so that
//! claims are matched by what they say, with the ids in them translated. A
//! claim fails when it differs from what the evidence gives, when a place that
//! it cites is not what it was, or when it rests on a claim that fails.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::reproof_match::{
    based_on, cited, differing, digests, members, moved, name_of, name_without_id, pair, sort,
    text, without,
};

/// What came out of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reproof {
    /// How many claims were looked at.
    pub claims: usize,
    /// The claims that are not proved, in the order of the report.
    pub failed: Vec<Failed>,
    /// What cannot be proved by its nature, or is worth knowing.
    pub notes: Vec<String>,
}

/// A claim that is not proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// Its name: `finding n1 (leaf-expired)`.
    pub claim: String,
    /// Why, in words.
    pub why: String,
    /// True when nothing is wrong with the claim but with what it rests on.
    pub rests_on_failed: bool,
}

/// Compares a report with the one that its evidence gives now.
#[must_use]
pub fn compare(report: &Value, fresh: &Value) -> Reproof {
    let mut work = Work {
        ids: BTreeMap::new(),
        failed: BTreeMap::new(),
        extra: Vec::new(),
        claims: 0,
        order: Vec::new(),
        notes: Vec::new(),
        moved: moved(report, fresh),
    };
    work.plain_fields(report, fresh);
    for list in LISTS {
        work.identified(list, report, fresh);
    }
    work.references(report, fresh);
    work.packets(report, fresh);
    for list in UNIDENTIFIED {
        work.unidentified(list, report, fresh);
    }
    work.verdict(report, fresh);
    work.rest_on(report);
    work.finish()
}

/// Lists whose members have ids, after those that they refer to.
const LISTS: [&str; 10] = [
    "evidence",
    "machines",
    "artifacts",
    "cache_entries",
    "retrievals",
    "handshakes",
    "chains",
    "failures",
    "findings",
    "incidents",
];
/// Lists whose members have none.
const UNIDENTIFIED: [&str; 5] = ["clocks", "timeline", "vantages", "counts", "issues"];
/// What is not compared like the rest: who wrote it, what was given.
const SPECIAL: [&str; 4] = ["given", "verdict", "cited_packets", "settings"];
/// Fields that hold an id or several.
const REFERENCES: [&str; 17] = [
    "artifact",
    "artifacts",
    "because_of",
    "cache_entry",
    "certificates",
    "chain",
    "ctl",
    "evidence",
    "explains",
    "failures",
    "findings",
    "handshake",
    "leaf",
    "machine",
    "machines",
    "retrievals",
    "root_cause",
];
/// References among a list itself, or back: compared once all ids are known.
const LATE: [(&str, &str); 2] = [("failures", "findings"), ("findings", "because_of")];

struct Work {
    /// Ids of the report to those of now.
    ids: BTreeMap<String, String>,
    /// By id or name: why, and whether only its basis failed.
    failed: BTreeMap<String, (String, bool)>,
    /// What the evidence gives and the report lacks.
    extra: Vec<Failed>,
    claims: usize,
    /// Keys of `failed` with their names, in the order of the report.
    order: Vec<(String, String)>,
    notes: Vec<String>,
    /// Folders that evidence lay in, then and now.
    moved: Option<(String, String)>,
}

impl Work {
    fn claim(&mut self, key: &str, name: String) {
        self.claims += 1;
        self.order.push((key.to_owned(), name));
    }

    fn fail(&mut self, key: &str, why: String) {
        let entry = (why, false);
        self.failed
            .entry(key.to_owned())
            .and_modify(|known| {
                known.0.push_str("; ");
                known.0.push_str(&entry.0);
                known.1 = false;
            })
            .or_insert(entry);
    }

    /// Fields of the report that are neither lists nor special.
    fn plain_fields(&mut self, report: &Value, fresh: &Value) {
        let none = Map::new();
        let (old, new) = (
            report.as_object().unwrap_or(&none),
            fresh.as_object().unwrap_or(&none),
        );
        let known = |name: &str| {
            LISTS.contains(&name) || UNIDENTIFIED.contains(&name) || SPECIAL.contains(&name)
        };
        for (name, value) in old.iter().filter(|(name, _)| !known(name)) {
            self.claim(name, format!("field {name}"));
            match new.get(name) {
                Some(now) if now == value => {}
                Some(now) => self.fail(name, format!("{value} is {now} now")),
                None => self.fail(name, "no report has such a field".to_owned()),
            }
        }
        for name in new.keys().filter(|name| !old.contains_key(*name)) {
            self.claim(name, format!("field {name}"));
            self.fail(name, "is missing from the report".to_owned());
        }
        if old.get("settings") != new.get("settings") && old.contains_key("settings") {
            self.claim("settings", "field settings".to_owned());
            self.fail("settings", "not as the run was repeated".to_owned());
        }
        if old.get("given").is_some_and(|given| !given.is_null()) {
            let note = "what the analyst gave (field given) is not evidence and is not proved";
            self.notes.push(note.to_owned());
        }
        if let Some((then, now)) = &self.moved {
            let shown = |folder: &String| match folder.is_empty() {
                true => "the folder of the run".to_owned(),
                false => folder.clone(),
            };
            let (then, now) = (shown(then), shown(now));
            let note =
                format!("the evidence lay in {then} when the report was written, now in {now}");
            self.notes.push(note);
        }
    }

    /// Matches the members of a list and notes their ids.
    fn identified(&mut self, list: &str, report: &Value, fresh: &Value) {
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

    /// Compares the references that had to wait for all ids.
    fn references(&mut self, report: &Value, fresh: &Value) {
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

    /// Compares the bytes of the frames cited.
    fn packets(&mut self, report: &Value, fresh: &Value) {
        let old = digests(report);
        let new = digests(fresh);
        let mut bad: BTreeSet<(String, u64)> = BTreeSet::new();
        for (evidence, frames) in &old {
            let now = self.ids.get(evidence).and_then(|id| new.get(id));
            for (packet, digest) in frames {
                let key = format!("packet {packet} of {evidence}");
                self.claim(&key, key.clone());
                if now.and_then(|now| now.get(packet)) != Some(digest) {
                    self.fail(&key, "its bytes are not those of the report".to_owned());
                    if let Ok(number) = packet.parse() {
                        bad.insert((evidence.clone(), number));
                    }
                }
            }
        }
        if members(report, "cited_packets").is_empty() && !new.is_empty() {
            let note = "the report has no digests of packets: packets are proved by what they say";
            self.notes.push(note.to_owned());
        }
        // Other places are proved by the hash of their file.
        let hashes = |report: &Value| -> BTreeMap<String, Value> {
            let files = members(report, "evidence").iter();
            files
                .map(|it| (text(it, "id").to_owned(), it["sha256"].clone()))
                .collect()
        };
        let (then, now) = (hashes(report), hashes(fresh));
        let changed: BTreeSet<&String> = then
            .iter()
            .filter(|(id, hash)| self.ids.get(*id).and_then(|id| now.get(id)) != Some(*hash))
            .map(|(id, _)| id)
            .collect();
        let lists = LISTS.iter().filter(|list| **list != "evidence");
        for list in lists {
            for member in members(report, list) {
                let mut places = BTreeSet::new();
                cited(member, &bad, &changed, &mut places);
                if !places.is_empty() {
                    let places: Vec<String> = places.into_iter().collect();
                    let id = text(member, "id").to_owned();
                    self.fail(&id, format!("cites {}", places.join(", ")));
                }
            }
        }
        for (index, event) in members(report, "timeline").iter().enumerate() {
            let mut places = BTreeSet::new();
            cited(event, &bad, &changed, &mut places);
            if !places.is_empty() {
                let places: Vec<String> = places.into_iter().collect();
                let key = format!("timeline[{index}]");
                self.fail(&key, format!("cites {}", places.join(", ")));
            }
        }
    }

    /// Compares a list as a bag of values.
    fn unidentified(&mut self, list: &str, report: &Value, fresh: &Value) {
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

    fn verdict(&mut self, report: &Value, fresh: &Value) {
        self.claim("verdict", "verdict".to_owned());
        if report.get("verdict") != fresh.get("verdict") {
            let none = Value::Null;
            let told = report.get("verdict").unwrap_or(&none);
            let now = fresh.get("verdict").unwrap_or(&none);
            self.fail("verdict", differing(told, now));
        }
    }

    /// Fails what rests on failed claims, until nothing changes.
    fn rest_on(&mut self, report: &Value) {
        let mut bases: Vec<(String, BTreeSet<String>)> = Vec::new();
        for list in LISTS {
            for member in members(report, list) {
                let mut found = BTreeSet::new();
                based_on(member, &mut found);
                bases.push((text(member, "id").to_owned(), found));
            }
        }
        if let Some(first) = members(report, "incidents").first() {
            let leading = BTreeSet::from([text(first, "id").to_owned()]);
            bases.push(("verdict".to_owned(), leading));
        }
        loop {
            let mut newly = Vec::new();
            for (id, on) in &bases {
                if !id.is_empty() && !self.failed.contains_key(id) {
                    let bad: Vec<&str> = on
                        .iter()
                        .filter(|it| self.failed.contains_key(*it))
                        .map(String::as_str)
                        .collect();
                    if !bad.is_empty() {
                        newly.push((id.clone(), format!("rests on {}", bad.join(", "))));
                    }
                }
            }
            if newly.is_empty() {
                return;
            }
            for (id, why) in newly {
                self.failed.insert(id, (why, true));
            }
        }
    }

    fn finish(self) -> Reproof {
        let mut failed = Vec::new();
        for (key, name) in &self.order {
            if let Some((why, rests_on_failed)) = self.failed.get(key) {
                failed.push(Failed {
                    claim: name.clone(),
                    why: why.clone(),
                    rests_on_failed: *rests_on_failed,
                });
            }
        }
        failed.extend(self.extra);
        Reproof {
            claims: self.claims,
            failed,
            notes: self.notes,
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::report::{json, sample};
    use serde_json::json;

    fn report() -> Value {
        let mut explained = sample::explained();
        let frames = json::cited_frames(&explained);
        let digests = frames.into_iter().map(|(evidence, frames)| {
            let digests = frames.into_iter().map(|frame| (frame, [7; 32]));
            (evidence, digests.collect())
        });
        explained.cited = digests.collect();
        json::value(&explained)
    }

    fn failing(told: &Value, now: &Value) -> Vec<String> {
        let failed = compare(told, now).failed;
        failed.into_iter().map(|it| it.claim).collect()
    }

    #[test]
    fn a_report_proves_itself() {
        let reproof = compare(&report(), &report());
        assert_eq!(reproof.failed, []);
        assert!(reproof.claims > 20, "{}", reproof.claims);
    }

    #[test]
    fn a_changed_sentence_fails_its_finding_and_what_rests_on_it() {
        let mut told = report();
        let last = told["findings"].as_array().unwrap().len() - 1;
        told["findings"][last]["remedy"] = json!("do nothing");
        let failed = compare(&told, &report()).failed;
        assert_eq!(failed.len(), 1, "{failed:?}");
        assert!(failed[0].why.contains("remedy"), "{failed:?}");
        let mut told = report();
        told["findings"][0]["summary"] = json!("x");
        let names = failing(&told, &report());
        assert!(
            names.iter().any(|it| it.starts_with("finding n1 ")),
            "{names:?}"
        );
        assert!(names.contains(&"incident i1".to_owned()), "{names:?}");
        assert!(names.contains(&"verdict".to_owned()), "{names:?}");
        assert!(
            !names.iter().any(|it| it.starts_with("retrieval")),
            "{names:?}"
        );
    }

    #[test]
    fn a_claim_more_or_less_does_not_shift_the_others() {
        let mut told = report();
        let events = told["timeline"].as_array_mut().unwrap();
        let gone = events.remove(0);
        let names = failing(&told, &report());
        assert_eq!(names, ["list timeline"]);
        let mut made_up = gone;
        made_up["text"] = json!("nothing of the kind");
        made_up["kind"] = json!("alert");
        made_up["at"] = json!("2001-01-01T00:00:00Z");
        let mut told = report();
        told["timeline"].as_array_mut().unwrap().push(made_up);
        let failed = compare(&told, &report()).failed;
        assert_eq!(failed.len(), 1);
        assert_eq!(failed[0].why, "the evidence does not give it");
    }

    #[test]
    fn another_packet_fails_the_claims_that_cite_it_only() {
        let mut now = report();
        now["cited_packets"][0]["sha256_of"]["12"] = json!("00".repeat(32));
        let failed = compare(&report(), &now).failed;
        let why = |claim: &str| {
            let found = failed.iter().find(|it| it.claim.starts_with(claim));
            found.map(|it| it.why.clone()).unwrap_or_default()
        };
        assert_eq!(why("retrieval r1"), "cites packet 12 of e1");
        assert_eq!(
            why("packet 12 of e1"),
            "its bytes are not those of the report"
        );
        assert_eq!(why("handshake h1"), "");
        assert_eq!(why("evidence e1"), "");
    }
}
