//! One retrieval out of those that fetched the pieces of one object.

use std::collections::BTreeMap;

use crate::provenance::merged;

use super::login::{Place, at_place};
use super::{Observed, Outcome, Retrieval, RetrievedBody, Whole, attempt, ending};

/// Makes one retrieval of those that fetched the pieces of one object. `rounds`
/// gives the last exchange of each retrieval.
pub(super) fn join(
    found: Vec<Retrieval>,
    rounds: &[Option<Place>],
    observed: &[Observed],
    wholes: &[Whole],
) -> Vec<Retrieval> {
    let mut owners: BTreeMap<Place, usize> = BTreeMap::new();
    for (index, whole) in wholes.iter().enumerate() {
        owners.extend(whole.pieces.iter().map(|place| (*place, index)));
    }
    let mut gathered: BTreeMap<usize, Retrieval> = BTreeMap::new();
    let mut rest = Vec::with_capacity(found.len());
    for (retrieval, place) in found.into_iter().zip(rounds) {
        let owner = place.and_then(|place| owners.get(&place)).copied();
        let Some(owner) = owner else {
            rest.push(retrieval);
            continue;
        };
        match gathered.get_mut(&owner) {
            None => {
                gathered.insert(owner, retrieval);
            }
            Some(first) => add(first, retrieval),
        }
    }
    for (index, mut retrieval) in gathered {
        if let Some(whole) = wholes.get(index) {
            describe(&mut retrieval, whole, observed);
        }
        rest.push(retrieval);
    }
    rest
}

/// Adds a further piece to the retrieval of the first.
fn add(first: &mut Retrieval, next: Retrieval) {
    let next_is_earlier = next.started_at < first.started_at;
    let (mut kept, other) = match next_is_earlier {
        true => (
            next,
            std::mem::replace(first, Retrieval::new(first.started_at, first.ended_at)),
        ),
        false => (
            std::mem::replace(first, Retrieval::new(next.started_at, next.ended_at)),
            next,
        ),
    };
    kept.ended_at = kept.ended_at.max(other.ended_at);
    if other.outcome.is_failure() || !kept.outcome.is_failure() {
        kept.outcome = other.outcome;
        kept.detail = other.detail;
        kept.closed_by = other.closed_by;
    }
    kept.cites.extend(other.cites);
    kept.cites = merged(std::mem::take(&mut kept.cites));
    *first = kept;
}

/// Ranges named in a sentence; a list of more is no help.
const MAX_NAMED: usize = 3;

fn describe(retrieval: &mut Retrieval, whole: &Whole, observed: &[Observed]) {
    let missing: u64 = whole.missing.iter().map(|(from, to)| to - from + 1).sum();
    let count = whole.pieces.len() + usize::from(whole.begun_by.is_some());
    let pieces = match count {
        1 => "one piece".to_owned(),
        count => format!("{count} pieces"),
    };
    let facts = whole.facts.as_ref();
    let complete = whole.missing.is_empty() && !whole.conflict;
    let looks_like = facts.map(|(_, facts)| facts.looks_like);
    let first_look = retrieval.body.as_ref().map(|body| body.looks_like);
    let title = facts.and_then(|(_, facts)| facts.title.clone());
    retrieval.body = Some(RetrievedBody {
        size: whole.total - missing,
        declared: Some(whole.total),
        sha256: facts.map(|(sha256, _)| *sha256),
        complete,
        looks_like: looks_like
            .or(first_look)
            .unwrap_or(crate::pki::LooksLike::Other),
        artifacts: facts
            .map(|(_, facts)| facts.artifacts.clone())
            .unwrap_or_default(),
        title,
    });
    if let Some(begun) = whole.begun_by.and_then(|place| at_place(observed, place)) {
        retrieval
            .cites
            .extend(attempt::frames(begun).iter().map(|it| it.cite()));
        retrieval.cites = merged(std::mem::take(&mut retrieval.cites));
    }
    let total = ending::grouped(whole.total);
    let mut text = format!("{pieces} of {total} bytes put together");
    if whole.conflict {
        text = format!("{pieces} of {total} bytes that differ where they overlap");
        retrieval.outcome = Outcome::UnexpectedContent;
    } else if complete {
        // A piece that broke off was fetched again.
        let wrong = looks_like.is_some_and(|it| !ending::fits(retrieval.object, it, whole.total));
        retrieval.outcome = match wrong {
            true => Outcome::UnexpectedContent,
            false => Outcome::Ok,
        };
        if wrong {
            text = format!("{text}, which are no {}", retrieval.object.phrase());
        }
    } else {
        text = format!(
            "{pieces} of {total} bytes; {} not seen",
            named(&whole.missing)
        );
        if let Some(why) = retrieval.detail.take() {
            text = format!("{text}; {why}");
        }
        // The rest may have been fetched before or after the capture.
        if !retrieval.outcome.is_failure() && ending::expects_bytes(retrieval.object) {
            retrieval.outcome = Outcome::IncompleteCapture;
        }
    }
    retrieval.detail = Some(text);
}

/// `bytes 500 to 999 and 2,000 to 2,999`.
fn named(missing: &[(u64, u64)]) -> String {
    let range =
        |(from, to): &(u64, u64)| format!("{} to {}", ending::grouped(*from), ending::grouped(*to));
    let mut named: Vec<String> = missing.iter().take(MAX_NAMED).map(range).collect();
    if missing.len() > MAX_NAMED {
        named.push(format!("{} more ranges", missing.len() - MAX_NAMED));
    }
    let last = named.pop().unwrap_or_default();
    match named.is_empty() {
        true => format!("bytes {last}"),
        false => format!("bytes {} and {last}", named.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use std::sync::Arc;

    use super::super::fixtures::Talk;
    use super::super::ranges::wholes;
    use super::super::test_support::Given;
    use super::super::{BodyFacts, BodyIndex};
    use super::*;
    use crate::pki::LooksLike;
    use crate::provenance::Cite;

    const HOST: &str = "crl.example";

    fn object() -> Vec<u8> {
        let mut bytes = b"-----BEGIN X509 CRL-----".to_vec();
        bytes.extend((0..76_u8).map(|n| n + 100));
        bytes
    }

    /// A client fetches these ranges, first and last byte, of [`object`] on
    /// connections of their own; a length cuts the answer short.
    fn fetched(ranges: &[(usize, usize, Option<usize>)]) -> Vec<Observed> {
        let mut port = 50_000;
        let mut start = 10.0;
        let all = ranges.iter().map(|(from, to, cut)| {
            port += 1;
            start += 2.0;
            let range = format!("bytes={from}-{to}");
            let content_range = format!("bytes {from}-{to}/100");
            let talk = Talk::to("192.0.2.1:80").port(port).starting(start);
            let talk = talk.ask("GET", "/a.crl", HOST, &[("Range", &range)]);
            let fields = [
                ("Content-Range", content_range.as_str()),
                ("ETag", "\"v1\""),
            ];
            let bytes = object()[*from..=*to].to_vec();
            let mut seen = talk.answer_with(206, &bytes, &fields).observed();
            let body = seen.exchanges[0].response.as_mut().unwrap().body.as_mut();
            let body = body.unwrap();
            let arrived = cut.unwrap_or(bytes.len());
            body.wire_size = arrived as u64;
            body.bytes = Some(Arc::from(&bytes[..arrived]));
            seen
        });
        all.collect()
    }

    /// As the pipeline does it, with the facts that a CRL has.
    fn retrieved(observed: Vec<Observed>) -> Vec<Retrieval> {
        let mut wholes = wholes(&observed);
        for whole in &mut wholes {
            let facts = BodyFacts {
                looks_like: LooksLike::Crl,
                artifacts: vec![[1; 32]],
                title: None,
                script: None,
            };
            if let Some(bytes) = whole.bytes.take() {
                assert_eq!(bytes, object());
                whole.facts = Some(([9; 32], facts));
            }
        }
        let bodies = BodyIndex {
            wholes,
            ..BodyIndex::default()
        };
        let given = Given {
            observed,
            bodies,
            ends: 100.0,
            ..Given::default()
        };
        given.retrievals()
    }

    #[test]
    fn pieces_in_any_order_are_one_download_with_the_bytes_of_the_whole() {
        let found = retrieved(fetched(&[(40, 79, None), (0, 39, None), (80, 99, None)]));
        let [only] = found.as_slice() else {
            panic!("{found:?}")
        };
        let body = only.body.as_ref().unwrap();
        assert_eq!((body.size, body.complete), (100, true));
        assert_eq!((body.sha256, body.artifacts.len()), (Some([9; 32]), 1));
        assert_eq!((only.outcome, only.status), (Outcome::Ok, Some(206)));
        let text = only.detail.as_deref();
        assert_eq!(text, Some("3 pieces of 100 bytes put together"));
        let [Cite::Packets { packets, .. }] = only.cites.as_slice() else {
            panic!("{:?}", only.cites)
        };
        // Request and answer of each, at 12, 14 and 16 seconds.
        for packet in [12_004, 12_005, 14_004, 14_005, 16_004, 16_005] {
            assert!(packets.contains(&packet), "{packet}");
        }
    }

    #[test]
    fn pieces_that_are_missing_are_named_and_nothing_failed() {
        let found = retrieved(fetched(&[(0, 39, None), (60, 79, None)]));
        let [only] = found.as_slice() else {
            panic!("{found:?}")
        };
        assert_eq!(only.outcome, Outcome::IncompleteCapture);
        let body = only.body.as_ref().unwrap();
        assert_eq!((body.size, body.sha256, body.complete), (60, None, false));
        let text = "2 pieces of 100 bytes; bytes 40 to 59 and 80 to 99 not seen";
        assert_eq!(only.detail.as_deref(), Some(text));
    }

    #[test]
    fn a_piece_cut_short_and_fetched_again_is_whole() {
        let found = retrieved(fetched(&[(0, 99, Some(30)), (30, 99, None)]));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].outcome, Outcome::Ok);
    }

    #[test]
    fn another_version_is_another_object() {
        let mut observed = fetched(&[(0, 39, None), (40, 99, None)]);
        let response = observed[1].exchanges[0].response.as_mut().unwrap();
        response.headers.0[1].1 = "\"v2\"".into();
        let found = retrieved(observed);
        assert_eq!(found.len(), 2);
        assert!(
            found
                .iter()
                .all(|it| it.outcome == Outcome::IncompleteCapture)
        );
    }

    #[test]
    fn pieces_that_contradict_each_other_are_no_object() {
        let mut observed = fetched(&[(0, 60, None), (40, 99, None)]);
        let response = observed[1].exchanges[0].response.as_mut().unwrap();
        let body = response.body.as_mut().unwrap();
        body.bytes = Some(Arc::from(vec![0_u8; 60]));
        let found = retrieved(observed);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].outcome, Outcome::UnexpectedContent);
        assert_eq!(found[0].body.as_ref().unwrap().sha256, None);
    }

    #[test]
    fn a_transfer_that_broke_off_is_gone_on_with_its_own_bytes() {
        let mut observed = fetched(&[(0, 99, Some(50)), (50, 99, None)]);
        let begun = observed[0].exchanges[0].response.as_mut().unwrap();
        begun.status = 200;
        begun.headers.0.remove(0);
        begun.body.as_mut().unwrap().declared = Some(100);
        let found = retrieved(observed);
        assert_eq!(found.len(), 2);
        let gone_on = found.iter().find(|it| it.status == Some(206)).unwrap();
        assert_eq!(gone_on.outcome, Outcome::Ok);
        assert!(gone_on.body.as_ref().unwrap().complete);
    }
}
