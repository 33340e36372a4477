//! Downloads that ended because CryptoAPI waits no longer: its time limits
//! recognized in the timing.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::flow::Direction;
use crate::time::Timestamp;

use super::{Outcome, Retrieval};

/// Seconds that CryptoAPI waits for one URL unless told otherwise
/// (`ChainUrlRetrievalTimeoutMilliseconds`).
const ONE_URL: f64 = 15.0;
/// Seconds for all URLs of one chain's revocation check
/// (`ChainRevAccumulativeUrlRetrievalTimeoutMilliseconds`).
const ALL_URLS: f64 = 20.0;
/// The close follows the limit within this; before it a timer's grain.
const LATE: f64 = 1.0;
const EARLY: f64 = 0.2;
/// A pause between two attempts of one chain; longer ones end the series.
const PAUSE: f64 = 1.0;

/// Says so in the detail of attempts of CryptoAPI that their client ended just
/// when one of the limits ran out. `found` is in order of start.
pub(super) fn name_limits(found: &mut [Retrieval]) {
    // Where the attempts without a success in between began, per client.
    let mut series: BTreeMap<(Option<u32>, IpAddr), (Timestamp, Timestamp)> = BTreeMap::new();
    for it in found {
        let Some(client) = it.client.filter(|_| is_by_cryptoapi(it)) else {
            continue;
        };
        let key = (it.vantage, client.ip());
        let began = match series.get(&key) {
            Some((began, last)) if it.started_at.since(*last).as_seconds() <= PAUSE => *began,
            _ => it.started_at,
        };
        series.insert(key, (began, it.ended_at));
        let gave_up = it.closed_by == Some(Direction::ToServer)
            && matches!(it.outcome, Outcome::NoAnswer | Outcome::Stalled);
        if !gave_up {
            continue;
        }
        let own = it.ended_at.since(it.started_at).as_seconds();
        let all = it.ended_at.since(began).as_seconds();
        let limit = if is_at(own, ONE_URL) {
            "the 15 s that CryptoAPI waits for one URL were over"
        } else if is_at(all, ALL_URLS) {
            "the 20 s that CryptoAPI waits for all URLs of a chain were over"
        } else {
            continue;
        };
        it.detail = Some(match it.detail.take() {
            Some(detail) => format!("{detail}; {limit}"),
            None => limit.to_owned(),
        });
    }
}

fn is_at(seconds: f64, limit: f64) -> bool {
    seconds >= limit - EARLY && seconds <= limit + LATE
}

fn is_by_cryptoapi(it: &Retrieval) -> bool {
    let agent = it.user_agent.as_deref();
    agent.is_some_and(|agent| agent.starts_with("Microsoft-CryptoAPI/"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::super::Observed;
    use super::super::fixtures::{Talk, at, sighting};
    use super::super::test_support::Given;
    use super::*;
    use crate::protocol::http::Ending;

    /// An attempt that its client ends after so many seconds without an answer.
    fn given_up(agent: &str, port: u16, starts: f64, after: f64) -> Observed {
        let talk = Talk::to("192.0.2.80:80").port(port).starting(starts);
        let fields = [("User-Agent", agent)];
        let mut seen = talk.ask("GET", "/a.crl", "pki.example", &fields).observed();
        let end = sighting(9_000, starts + 0.1 + after);
        seen.exchanges[0].ending = Ending::Closed {
            by: Direction::ToServer,
            reset: false,
            sighting: end,
        };
        seen.conversation.last = end;
        seen
    }

    fn details(observed: Vec<Observed>) -> Vec<String> {
        let given = Given {
            observed,
            ends: 100.0,
            ..Given::default()
        };
        let found = given.retrievals();
        assert!(found.iter().all(|it| it.started_at < at(100.0)));
        found.into_iter().filter_map(|it| it.detail).collect()
    }

    const CAPI: &str = "Microsoft-CryptoAPI/10.0";

    #[test]
    fn the_limit_for_one_url_is_recognized() {
        let got = details(vec![given_up(CAPI, 50_000, 0.0, 15.0)]);
        assert!(
            got[0].ends_with("the 15 s that CryptoAPI waits for one URL were over"),
            "{got:?}"
        );
    }

    #[test]
    fn the_limit_for_all_urls_is_recognized_in_the_second_attempt() {
        let both = vec![
            given_up(CAPI, 50_000, 0.0, 15.0),
            given_up(CAPI, 50_001, 15.2, 4.8),
        ];
        let got = details(both);
        assert!(got[1].ends_with("all URLs of a chain were over"), "{got:?}");
    }

    #[test]
    fn other_programs_and_other_times_are_not_named() {
        let other = details(vec![given_up("curl/8.5", 50_000, 0.0, 15.0)]);
        assert!(!other[0].contains("CryptoAPI"), "{other:?}");
        let early = details(vec![given_up(CAPI, 50_000, 0.0, 9.0)]);
        assert!(!early[0].contains("CryptoAPI"), "{early:?}");
    }
}
