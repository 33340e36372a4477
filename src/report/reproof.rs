//! Proves a report again: compares it, claim by claim, with the report that the
//! same evidence gives now.
//!
//! Ids are positions and shift when one thing more or less is found, so that
//! claims are matched by what they say, with the ids in them translated. A
//! claim fails when it differs from what the evidence gives, when a place that
//! it cites is not what it was, or when it rests on a claim that fails.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::reproof_match::{differing, moved};

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
pub(super) const LISTS: [&str; 10] = [
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
pub(super) const UNIDENTIFIED: [&str; 10] = [
    "capture_notes",
    "claims",
    "clocks",
    "counts",
    "discoveries",
    "holdings",
    "issues",
    "logins",
    "timeline",
    "vantages",
];
/// What is not compared like the rest: who wrote it, what was given.
const SPECIAL: [&str; 4] = ["given", "verdict", "cited_packets", "settings"];

pub(super) struct Work {
    /// Ids of the report to those of now.
    pub(super) ids: BTreeMap<String, String>,
    /// By id or name: why, and whether only its basis failed.
    pub(super) failed: BTreeMap<String, (String, bool)>,
    /// What the evidence gives and the report lacks.
    pub(super) extra: Vec<Failed>,
    pub(super) claims: usize,
    /// Keys of `failed` with their names, in the order of the report.
    order: Vec<(String, String)>,
    pub(super) notes: Vec<String>,
    /// Folders that evidence lay in, then and now.
    pub(super) moved: Option<(String, String)>,
}

impl Work {
    pub(super) fn claim(&mut self, key: &str, name: String) {
        self.claims += 1;
        self.order.push((key.to_owned(), name));
    }

    pub(super) fn fail(&mut self, key: &str, why: String) {
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

    fn verdict(&mut self, report: &Value, fresh: &Value) {
        self.claim("verdict", "verdict".to_owned());
        if report.get("verdict") != fresh.get("verdict") {
            let none = Value::Null;
            let told = report.get("verdict").unwrap_or(&none);
            let now = fresh.get("verdict").unwrap_or(&none);
            self.fail("verdict", differing(told, now));
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
    fn every_list_of_the_schema_is_proved_member_by_member() {
        let schema: Value = serde_json::from_str(&crate::report::schema::write()).unwrap();
        let fields = schema["properties"].as_object().unwrap();
        for (name, field) in fields.iter().filter(|(_, it)| it["type"] == "array") {
            let name = name.as_str();
            let known = LISTS.contains(&name) || UNIDENTIFIED.contains(&name);
            assert!(known || SPECIAL.contains(&name), "{name}: {field}");
        }
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

    /// The places of all texts, numbers and truth values, as JSON pointers.
    fn leaves(value: &Value, place: &str, found: &mut Vec<String>) {
        match value {
            Value::Array(list) => {
                for (index, it) in list.iter().enumerate() {
                    leaves(it, &format!("{place}/{index}"), found);
                }
            }
            Value::Object(map) => {
                for (name, it) in map {
                    leaves(it, &format!("{place}/{name}"), found);
                }
            }
            Value::Null => {}
            _ => found.push(place.to_owned()),
        }
    }

    #[test]
    fn a_changed_leaf_fails_its_own_claim_and_only_what_rests_on_it() {
        let now = report();
        let mut checked = 0;
        for list in LISTS.iter().chain(&UNIDENTIFIED) {
            let mut places = Vec::new();
            leaves(&now[*list], &format!("/{list}"), &mut places);
            for place in places {
                // Ids and hashes of files are what others are tied to.
                if place.ends_with("/id") || *list == "evidence" {
                    continue;
                }
                let mut told = now.clone();
                let leaf = told.pointer_mut(&place).unwrap();
                *leaf = match leaf.clone() {
                    Value::String(text) => json!(format!("{text}x")),
                    Value::Bool(it) => json!(!it),
                    number => json!(number.as_f64().unwrap() + 1.0),
                };
                let index: usize = place.split('/').nth(2).unwrap().parse().unwrap();
                let member = &told[*list][index];
                let name = match member.get("id") {
                    Some(_) => super::super::reproof_match::name_of(list, member),
                    None => super::super::reproof_match::name_without_id(list, index, member),
                };
                let failed = compare(&told, &now).failed;
                let direct = failed.iter().filter(|it| !it.rests_on_failed);
                let direct: Vec<&str> = direct.map(|it| it.claim.as_str()).collect();
                assert!(direct.contains(&name.as_str()), "{place}: {direct:?}");
                let others = direct
                    .iter()
                    .filter(|it| **it != name && **it != format!("list {list}"));
                assert_eq!(others.count(), 0, "{place}: {direct:?}");
                checked += 1;
            }
        }
        assert!(checked > 200, "{checked}");
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
