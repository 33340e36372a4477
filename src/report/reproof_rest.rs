//! What a claim rests on: bytes that it cites, and other claims.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::reproof::{LISTS, UNIDENTIFIED, Work};
use super::reproof_match::{based_on, cited, digests, members, text};

impl Work {
    /// Compares the bytes of the frames cited.
    pub(super) fn packets(&mut self, report: &Value, fresh: &Value) {
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
        for list in UNIDENTIFIED {
            for (index, member) in members(report, list).iter().enumerate() {
                let mut places = BTreeSet::new();
                cited(member, &bad, &changed, &mut places);
                if !places.is_empty() {
                    let places: Vec<String> = places.into_iter().collect();
                    let key = format!("{list}[{index}]");
                    self.fail(&key, format!("cites {}", places.join(", ")));
                }
            }
        }
    }

    /// Fails what rests on failed claims, until nothing changes.
    pub(super) fn rest_on(&mut self, report: &Value) {
        let mut bases: Vec<(String, BTreeSet<String>)> = Vec::new();
        for list in LISTS {
            for member in members(report, list) {
                let mut found = BTreeSet::new();
                based_on(member, &mut found);
                bases.push((text(member, "id").to_owned(), found));
            }
        }
        for list in UNIDENTIFIED {
            for (index, member) in members(report, list).iter().enumerate() {
                let mut found = BTreeSet::new();
                based_on(member, &mut found);
                bases.push((format!("{list}[{index}]"), found));
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
}
