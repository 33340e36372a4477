//! The two sides of a proxy: what a client asked of it, and what it asked for
//! in turn, are one download.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::flow::Direction;
use crate::protocol::http::Headers;
use crate::provenance::merged;
use crate::time::Span;

use super::{Hop, Offsets, Outcome, Retrieval, RouteKind, ShownBy, url};

/// Who is to blame for a download that failed on its way through a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Party {
    /// The client gave up or closed.
    Client,
    /// The proxy had the answer, or could have had it, and did not pass it on.
    Proxy,
    /// The origin, or the network between it and the proxy.
    Origin,
}

impl Party {
    /// The word of the JSON report.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Party::Client => "client",
            Party::Proxy => "proxy",
            Party::Origin => "origin",
        }
    }
}

impl Retrieval {
    /// The last thing that the proxy tried for this download.
    #[must_use]
    pub fn last_leg(&self) -> Option<&Retrieval> {
        self.onward.last()
    }

    /// Whose fault a failed download is, where both sides of the proxy show it.
    #[must_use]
    pub fn at_fault(&self) -> Option<Party> {
        let leg = self.last_leg()?;
        if !self.outcome.is_failure() {
            return None;
        }
        if leg.outcome.is_success() {
            let gave_up = self.closed_by == Some(Direction::ToServer);
            return Some(if gave_up { Party::Client } else { Party::Proxy });
        }
        if !leg.outcome.is_failure() {
            return None;
        }
        // The proxy broke a transfer off: because its client had, or by itself.
        let cut_by_proxy =
            leg.outcome == Outcome::Truncated && leg.closed_by == Some(Direction::ToServer);
        Some(match (cut_by_proxy, self.closed_by) {
            (true, Some(Direction::ToServer)) => Party::Client,
            (true, _) => Party::Proxy,
            (false, _) => Party::Origin,
        })
    }
}

/// Puts the requests of a proxy under those that it made them for. `found` is
/// in order of start and stays so.
pub(super) fn join(found: Vec<Retrieval>, offsets: &Offsets) -> Vec<Retrieval> {
    let parents = parents(&found, offsets);
    if parents.is_empty() {
        return found;
    }
    let mut children: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (child, (parent, _)) in &parents {
        children
            .entry(root(&parents, *parent))
            .or_default()
            .push(*child);
    }
    let mut slots: Vec<Option<Retrieval>> = found.into_iter().map(Some).collect();
    for (parent, legs) in children {
        let is_copy = |leg: &usize| matches!(parents.get(leg), Some((_, Link::Copy)));
        let (copies, legs): (Vec<usize>, Vec<usize>) = legs.into_iter().partition(is_copy);
        let mut take = |legs: Vec<usize>| -> Vec<Retrieval> {
            let taken = legs.into_iter();
            taken.filter_map(|leg| slots.get_mut(leg)?.take()).collect()
        };
        let (copies, mut onward) = (take(copies), take(legs));
        onward.sort_by(super::in_order);
        if let Some(Some(parent)) = slots.get_mut(parent) {
            for copy in copies {
                note_copy(parent, copy);
            }
            if !onward.is_empty() {
                complete_route(parent, &onward);
            }
            parent.onward = onward;
        }
    }
    slots.into_iter().flatten().collect()
}

/// The request that stands above all others; `parents` has no circles.
fn root(parents: &Parents, from: usize) -> usize {
    let mut at = from;
    while let Some((parent, _)) = parents.get(&at) {
        at = *parent;
    }
    at
}

/// What a request has to do with the one it stands under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Link {
    /// A proxy made it for the other.
    Onward,
    /// It is the other, with addresses that a router changed.
    Copy,
}

/// The request that each belongs to, by index.
type Parents = BTreeMap<usize, (usize, Link)>;

/// Attempts compared on either side, of those for the same object: a list of
/// thousands for one URL would else be compared each with each.
const MAX_COMPARED: usize = 500;

/// For each request of a proxy the one that it was made for.
fn parents(found: &[Retrieval], offsets: &Offsets) -> Parents {
    let asked: BTreeSet<IpAddr> = found
        .iter()
        .filter_map(|it| Some(it.server?.ip()))
        .collect();
    let speakers: BTreeSet<IpAddr> = found
        .iter()
        .filter_map(|it| Some(it.client?.ip()))
        .collect();
    let places: BTreeSet<Option<u32>> = found.iter().map(|it| it.vantage).collect();
    let mut by_host: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, it) in found.iter().enumerate() {
        if let Some(host) = &it.host {
            by_host
                .entry(host.to_ascii_lowercase())
                .or_default()
                .push(index);
        }
    }
    let mut parents = Parents::new();
    for same_host in by_host.values() {
        for (place, index) in same_host.iter().enumerate() {
            let Some(leg) = found.get(*index) else {
                continue;
            };
            let speaks_on = leg
                .client
                .is_some_and(|client| asked.contains(&client.ip()));
            if places.len() < 2 && !speaks_on && !is_marked(&leg.request_headers) {
                continue;
            }
            let near = same_host
                .iter()
                .skip(place.saturating_sub(MAX_COMPARED))
                .take(2 * MAX_COMPARED);
            let fitting = near.filter(|other| *other != index).filter_map(|other| {
                let (distance, link) = distance(found.get(*other)?, leg, offsets, &speakers)?;
                Some((distance, *other, link))
            });
            let best = fitting.min();
            if let Some((_, parent, link)) = best
                && root(&parents, parent) != *index
            {
                parents.insert(*index, (parent, link));
            }
        }
    }
    parents
}

fn is_marked(request: &Headers) -> bool {
    request.get("Via").is_some() || request.get("X-Forwarded-For").is_some()
}

/// How long after the client's request the proxy's was made, when it was made
/// for it; `None` when it was not.
fn distance(
    front: &Retrieval,
    leg: &Retrieval,
    offsets: &Offsets,
    speakers: &BTreeSet<IpAddr>,
) -> Option<(Span, Link)> {
    let (front_client, front_server) = (front.client?, front.server?);
    let (leg_client, leg_server) = (leg.client?, leg.server?);
    let same_conversation = front_client == leg_client && front_server == leg_server;
    let same_place = front.vantage? == leg.vantage?;
    if same_conversation && same_place {
        return None;
    }
    let same_object = match (&front.url, &leg.url) {
        (Some(front), Some(leg)) => same_url(front, leg),
        // A connect that failed, on its way to the host.
        (Some(_), None) => leg.status.is_none(),
        (None, _) => false,
    };
    let same_method = match (&front.method, &leg.method) {
        (Some(front), Some(leg)) => front == leg,
        _ => true,
    };
    let speaks_on = leg_client.ip() == front_server.ip();
    if !same_object || !same_method {
        return None;
    }
    let link = if is_translated(front, leg, speakers) {
        Link::Copy
    } else if speaks_on || is_passed_on(front, leg) {
        Link::Onward
    } else {
        return None;
    };
    let begun = offsets.convert(leg.started_at, leg.vantage?, front.vantage?);
    let (begun, slack) = match begun {
        Some(begun) if same_place => (begun, Span::default()),
        Some(begun) => (begun, Span::seconds(1)),
        None => (leg.started_at, UNCOMPARED),
    };
    let since_start = begun.since(front.started_at);
    let inside = begun.plus(slack) >= front.started_at && begun <= front.ended_at.plus(slack);
    inside.then(|| (since_start.abs(), link))
}

/// Clocks that were never compared are taken to agree within this.
const UNCOMPARED: Span = Span::seconds(30);

fn same_url(one: &str, other: &str) -> bool {
    match (url::parts(one), url::parts(other)) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    }
}

/// True when the request says itself that it was passed on for the other's
/// client: a hop in `Via` that the other lacks, or the client's address.
fn is_passed_on(front: &Retrieval, leg: &Retrieval) -> bool {
    let hops = |it: &Retrieval| -> usize {
        let values = it.request_headers.all("Via");
        values.map(|value| value.split(',').count()).sum()
    };
    let client = front.client.map(|client| client.ip());
    let forwarded = leg.request_headers.all("X-Forwarded-For").any(|value| {
        let mut addresses = value.split(',').map(str::trim);
        addresses.any(|text| text.parse::<IpAddr>().ok() == client && client.is_some())
    });
    let same_client = leg.client.map(|it| it.ip()) == client;
    hops(leg) > hops(front) && (same_client || forwarded || names_nobody(leg)) || forwarded
}

/// True when another vantage point shows the front itself with other addresses,
/// as a router that redirects it to a proxy makes them: question and answer are
/// the same to the last header field. The proxy's side is the one whose server
/// asks others; where only the client's address was changed, the later one is
/// the copy.
fn is_translated(front: &Retrieval, leg: &Retrieval, speakers: &BTreeSet<IpAddr>) -> bool {
    let asks_others = |it: &Retrieval| it.server.is_some_and(|it| speakers.contains(&it.ip()));
    let sha256 = |it: &Retrieval| it.body.as_ref().and_then(|body| body.sha256);
    let only_client_changed = front.server == leg.server && front.started_at <= leg.started_at;
    front.vantage != leg.vantage
        && (only_client_changed || (asks_others(leg) && !asks_others(front)))
        && front.client.map(|it| it.ip()) != leg.client.map(|it| it.ip())
        && front.status.is_some()
        && front.status == leg.status
        && front.request_headers == leg.request_headers
        && front.response_headers == leg.response_headers
        && sha256(front) == sha256(leg)
}

/// `X-Forwarded-For` is switched off, or says `unknown`.
fn names_nobody(leg: &Retrieval) -> bool {
    let mut values = leg.request_headers.all("X-Forwarded-For");
    values.all(|value| value.trim().eq_ignore_ascii_case("unknown"))
}

/// Cites the other sight of a request; where it went to another server, that is
/// a proxy that the client did not choose.
fn note_copy(front: &mut Retrieval, copy: Retrieval) {
    let moved = front.server != copy.server;
    if moved {
        turn_transparent(front, ShownBy::Diverted);
    }
    if let (true, Some(hop)) = (moved, front.route.hops.last_mut()) {
        hop.address = hop.address.or(copy.server);
    }
    front.cites.extend(copy.cites);
    front.cites = merged(std::mem::take(&mut front.cites));
}

/// Says that a proxy stands on a way that seemed to have none.
fn turn_transparent(front: &mut Retrieval, shown_by: ShownBy) {
    if matches!(front.route.kind, RouteKind::Direct | RouteKind::Unknown) {
        front.route.kind = RouteKind::TransparentProxy;
        front.route.shown_by = Some(shown_by);
    }
}

/// What the far side tells of the way: a proxy that the client did not choose,
/// and what its cache did.
fn complete_route(front: &mut Retrieval, onward: &[Retrieval]) {
    let Some(leg) = onward.first() else { return };
    turn_transparent(front, ShownBy::SecondLeg);
    let bodies = |it: &Retrieval| it.body.as_ref().and_then(|body| body.sha256);
    let verdict = match (leg.outcome, leg.status) {
        (Outcome::NotModified, _) if front.status == Some(200) => Some("REVALIDATED"),
        (Outcome::Ok, Some(200)) if bodies(front).is_some() && bodies(front) == bodies(leg) => {
            Some("MISS")
        }
        _ => None,
    };
    let address = front.route.proxy.or(leg.client);
    // The hop nearest to the client stands last.
    match front.route.hops.last_mut() {
        Some(hop) => {
            hop.address = hop.address.or(address);
            let revalidated = verdict == Some("REVALIDATED");
            if hop.cache.is_none() || revalidated {
                hop.cache = verdict.map(str::to_owned).or(hop.cache.take());
            }
        }
        None => {
            let name = address.map_or_else(String::new, |address| address.ip().to_string());
            front.route.hops.push(Hop {
                name,
                address,
                cache: verdict.map(str::to_owned),
                age: None,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::super::fixtures::{Talk, address, at, unanswered};
    use super::super::test_support::Given;
    use super::super::{BodyFacts, Observed};
    use super::*;
    use crate::pki::LooksLike;
    use crate::protocol::http::Ending;
    use crate::provenance::Sighting;

    const CRL: &str = "/a.crl";
    const HOST: &str = "pki.example";
    const PROXY: &str = "10.0.0.8";

    /// The client's side: asks the proxy at 10 s, the answer within the second.
    fn front() -> Talk {
        let target = format!("http://{HOST}{CRL}");
        Talk::to("10.0.0.8:3128")
            .starting(10.0)
            .ask("GET", &target, HOST, &[])
    }

    /// The proxy's side, a tenth of a second later.
    fn behind(talk: Talk) -> Observed {
        let mut seen = talk.observed();
        seen.conversation.client = address(&format!("{PROXY}:41000"));
        seen
    }

    fn onward() -> Talk {
        Talk::to("192.0.2.80:80").port(41_000).starting(10.05)
    }

    fn asks() -> Talk {
        onward().get(CRL, HOST)
    }

    fn run(observed: Vec<Observed>) -> Vec<Retrieval> {
        let given = Given {
            observed,
            ends: 100.0,
            ..Given::default()
        };
        given.retrievals()
    }

    fn crl(byte: u8) -> Vec<u8> {
        let mut bytes = b"-----BEGIN X509 CRL-----".to_vec();
        bytes.push(byte);
        bytes
    }

    #[test]
    fn what_the_proxy_asks_for_its_client_is_one_download_with_two_legs() {
        let front = front().answer(502, b"bad gateway").observed();
        let mut leg = behind(asks());
        leg.exchanges[0].ending = Ending::Closed {
            by: Direction::ToClient,
            reset: true,
            sighting: Sighting {
                at: at(10.46),
                ..leg.conversation.last
            },
        };
        let found = run(vec![front, leg]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].outcome, Outcome::HttpError);
        assert_eq!(found[0].onward[0].outcome, Outcome::Reset);
        assert_eq!(found[0].at_fault(), Some(Party::Origin));
    }

    #[test]
    fn a_proxy_that_had_the_object_and_refused_it_is_at_fault() {
        let leg = behind(asks().answer(200, &crl(1)));
        let found = run(vec![front().answer(403, b"no").observed(), leg]);
        assert_eq!(found[0].at_fault(), Some(Party::Proxy));
    }

    #[test]
    fn a_success_is_nobodys_fault() {
        let found = run(vec![
            front().answer(200, &crl(1)).observed(),
            behind(asks().answer(200, &crl(1))),
        ]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].at_fault(), None);
    }

    #[test]
    fn another_url_another_host_or_another_time_is_another_download() {
        let count = |leg: Talk| {
            let front = front().answer(200, &crl(1)).observed();
            run(vec![front, behind(leg.answer(200, &crl(1)))]).len()
        };
        assert_eq!(count(onward().get("/b.crl", HOST)), 2);
        assert_eq!(count(onward().get(CRL, "other.example")), 2);
        assert_eq!(count(asks().starting(60.0).get(CRL, HOST)), 2);
    }

    #[test]
    fn two_requests_of_one_client_are_two_downloads() {
        let found = run(vec![
            front().answer(200, &crl(1)).observed(),
            Talk::to("192.0.2.80:80")
                .port(41_000)
                .starting(10.05)
                .get(CRL, HOST)
                .answer(200, &crl(1))
                .observed(),
        ]);
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn a_second_leg_gives_a_transparent_proxy_away() {
        let direct = Talk::to("192.0.2.80:80").starting(10.0).get(CRL, HOST);
        let passed = onward().ask("GET", CRL, HOST, &[("Via", "1.1 gate (squid/5.7)")]);
        let found = run(vec![
            direct.answer(200, &crl(1)).observed(),
            behind(passed.answer(200, &crl(1))),
        ]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].route.kind, RouteKind::TransparentProxy);
        assert_eq!(found[0].route.shown_by, Some(ShownBy::SecondLeg));
        assert_eq!(found[0].route.hops[0].name, PROXY);
    }

    #[test]
    fn a_request_that_a_router_turned_off_to_the_proxy_is_the_clients_own() {
        let crl = crl(1);
        let fields = [("Via", "1.1 gate (squid)"), ("Age", "7")];
        let client = Talk::to("192.0.2.80:80").starting(10.0).get(CRL, HOST);
        let turned = Talk::to("10.0.0.8:3129").starting(10.0).get(CRL, HOST);
        let mut turned = turned.answer_with(200, &crl, &fields).observed();
        turned.conversation.client = address("10.0.0.1:50000");
        turned.conversation.vantage = 1;
        let mut leg = behind(asks().answer(304, b""));
        leg.conversation.vantage = 1;
        let found = run(vec![
            client.answer_with(200, &crl, &fields).observed(),
            turned,
            leg,
        ]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].onward.len(), 1);
        assert_eq!(
            found[0].route.hops[0].address,
            Some(address("10.0.0.8:3129"))
        );
        assert_eq!(found[0].route.kind, RouteKind::TransparentProxy);
        assert_eq!(found[0].route.hops[0].cache.as_deref(), Some("REVALIDATED"));
    }

    #[test]
    fn a_304_from_the_origin_shows_a_copy_revalidated() {
        let found = run(vec![
            front()
                .answer_with(200, &crl(1), &[("Via", "1.1 gate (squid)")])
                .observed(),
            behind(asks().answer(304, b"")),
        ]);
        assert_eq!(found[0].route.hops[0].cache.as_deref(), Some("REVALIDATED"));
    }

    #[test]
    fn a_connect_of_the_proxy_that_failed_belongs_to_the_request_it_was_for() {
        let mut leg = unanswered("192.0.2.80:80", 41_000, &[10.45, 11.45]);
        leg.conversation.client = address(&format!("{PROXY}:41000"));
        let mut front = front().answer(504, b"timeout").observed();
        let answer = front.exchanges[0].response.as_mut().unwrap();
        answer.last.at = at(20.0);
        let mut asked = super::super::fixtures::lookup(HOST, 10.42, 0, &["192.0.2.80"]);
        asked.client = address(&format!("{PROXY}:5353"));
        let given = Given {
            observed: vec![front, leg],
            lookups: vec![asked],
            ends: 100.0,
            ..Given::default()
        };
        let found = given.retrievals();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].onward[0].outcome, Outcome::ConnectTimeout);
        assert_eq!(found[0].at_fault(), Some(Party::Origin));
    }

    #[test]
    fn facts_of_a_body_stay_with_their_leg() {
        let facts = BodyFacts {
            looks_like: LooksLike::Crl,
            artifacts: vec![[7; 32]],
            title: None,
            script: None,
        };
        let mut old = front().answer(200, &crl(1)).observed();
        let mut new = behind(asks().answer(200, &crl(2)));
        let sign = |seen: &mut Observed, mark: u8| {
            let response = seen.exchanges[0].response.as_mut().unwrap();
            response.body.as_mut().unwrap().sha256 = Some([mark; 32]);
        };
        sign(&mut old, 1);
        sign(&mut new, 2);
        let mut given = Given {
            observed: vec![old, new],
            ends: 100.0,
            ..Given::default()
        };
        given.bodies.bodies.insert([2; 32], facts);
        let found = given.retrievals();
        assert_eq!(found.len(), 1);
        let body = found[0].onward[0].body.as_ref().unwrap();
        assert_eq!(body.artifacts, [[7; 32]]);
        assert_eq!(
            found[0].route.hops[0].cache, None,
            "no MISS: the bytes differ"
        );
    }
}
