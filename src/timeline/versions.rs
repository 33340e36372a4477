//! Versions of objects, and who had which since when.

use std::collections::{BTreeMap, BTreeSet};

use super::{CAPTURE, Event, HOST};
use crate::case::Case;
use crate::case::first_seen::{FirstSeen, first_seen};
use crate::phrase;
use crate::pki::Artifact;

/// `issued 2011-01-25 20:54`, by what the object says of itself.
fn version_words(artifact: &Artifact) -> String {
    let at = match artifact {
        Artifact::Certificate(certificate) => certificate.not_before,
        Artifact::Crl(crl) => crl.this_update,
        Artifact::Ctl(ctl) => ctl.this_update,
        Artifact::Ocsp(ocsp) => {
            let answers = ocsp.basic.iter().flat_map(|basic| &basic.responses);
            match answers.map(|answer| answer.this_update).max() {
                Some(at) => at,
                None => return "without a date".to_owned(),
            }
        }
    };
    let text = at.to_display();
    format!("issued {}", text.get(..16).unwrap_or_default())
}

/// Since when each account had which version of an object, for objects of which the
/// evidence has several.
pub(super) fn version_events(case: &Case, events: &mut Vec<Event>) {
    let all = first_seen(case);
    let mut versions: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    for seen in &all {
        versions
            .entry(&seen.object)
            .or_default()
            .insert(seen.artifact);
    }
    let several = |seen: &&FirstSeen| {
        versions
            .get(seen.object.as_str())
            .is_some_and(|versions| versions.len() > 1)
    };
    for seen in all.iter().filter(several) {
        let (Some(at), Some(record)) = (seen.at, case.artifacts.get(seen.artifact)) else {
            continue;
        };
        let hash = crate::bytes::to_hex(&record.artifact.sha256());
        let version = format!(
            "{}, SHA-256 {}...",
            version_words(&record.artifact),
            hash.get(..8).unwrap_or_default()
        );
        let machine = phrase::machine_name(case, seen.machine);
        let machine = machine.unwrap_or_else(|| "a machine".to_owned());
        let whom = match &seen.account {
            Some(account) => format!("{account} on {machine}"),
            None => machine,
        };
        let has = if seen.at_latest {
            "has it at the latest"
        } else {
            "has it first"
        };
        let (clock, cites) = match seen.at_latest {
            true => (HOST, vec![seen.cite.clone()]),
            false => (CAPTURE, vec![seen.cite.clone()]),
        };
        events.push(Event {
            at,
            clock,
            kind: "first-seen",
            text: format!("{} ({version}): {whom} {has}", seen.object),
            cites,
        });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;
    use crate::diagnosis::fixtures::{CTL, Story, alice, broken_list, system, whole_list};
    use crate::retrieval::{ObjectKind, Outcome};

    fn told(story: Story) -> Vec<(&'static str, String)> {
        let case = story.case();
        let mut events = Vec::new();
        version_events(&case, &mut events);
        let told = events.into_iter().map(|event| {
            let (_, words) = event.text.rsplit_once(": ").unwrap();
            (event.clock, words.to_owned())
        });
        told.collect()
    }

    #[test]
    fn each_version_is_first_seen_with_each_account_and_a_cache_gives_a_bound() {
        let (broken, whole) = (Artifact::Ctl(broken_list()), Artifact::Ctl(whole_list()));
        let story = Story::new()
            .fetch(ObjectKind::Ctl, CTL, Outcome::Ok, (1, 2))
            .brings(&broken)
            .cached(alice(), CTL, &broken, 5)
            .cached(system(), CTL, &whole, 900)
            .cached(alice(), CTL, &whole, 950);
        assert_eq!(
            told(story),
            [
                ("capture", "10.0.0.9 has it first".to_owned()),
                (
                    "host",
                    "user alice on 10.0.0.9 has it at the latest".to_owned()
                ),
                (
                    "host",
                    "user alice on 10.0.0.9 has it at the latest".to_owned()
                ),
                ("host", "SYSTEM on 10.0.0.9 has it at the latest".to_owned()),
            ]
        );
    }

    #[test]
    fn an_object_of_one_version_is_told_by_its_retrieval_alone() {
        let whole = Artifact::Ctl(whole_list());
        let story = Story::new()
            .fetch(ObjectKind::Ctl, CTL, Outcome::Ok, (1, 2))
            .brings(&whole)
            .cached(system(), CTL, &whole, 900);
        assert_eq!(told(story), []);
    }

    #[test]
    fn what_a_list_encloses_is_no_version_of_it() {
        let certificate = crate::diagnosis::fixtures::certificate("list-pca");
        let story = Story::new()
            .fetch(ObjectKind::Ctl, CTL, Outcome::Ok, (1, 2))
            .brings(&Artifact::Ctl(whole_list()))
            .brings(&Artifact::Certificate(certificate));
        assert_eq!(told(story), []);
    }
}
