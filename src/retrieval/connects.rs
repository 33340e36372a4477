//! Connections that never came about, to hosts where validation looks for its
//! objects and to proxies.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use crate::flow::{CloseKind, Conversation, Direction, MAX_SYNS, RefusalKind};
use crate::provenance::{Sighting, merged};
use crate::time::{Span, Timestamp};

use super::attempt::{self, Carried};
use super::interests::{Interest, Interests};
use super::names::{Client, Hosts};
use super::scene::Scene;
use super::{ObjectKind, Observed, Outcome, Retrieval, RouteKind, outcome};

/// The failed attempts to connect, in order. Several addresses of one host tried
/// at once or one after the other are one attempt, which failed only if all of
/// them did; the same address tried again is another attempt.
pub(super) fn failed(
    scene: &Scene<'_>,
    interests: &Interests<'_>,
    carried: &mut Carried,
) -> Vec<Retrieval> {
    let groups = groups(scene, interests);
    let wanted: BTreeSet<(Client, u16)> =
        groups.iter().map(|group| (group.client, group.port)).collect();
    let opened = opened(scene, &wanted);
    let lost = groups.into_iter().filter(|group| !succeeded(scene, group, &opened));
    lost.filter_map(|group| retrieval(scene, &group, carried)).collect()
}

/// The tries that make up one attempt.
#[derive(Debug)]
struct Group<'a> {
    client: Client,
    port: u16,
    /// The name that was wanted.
    host: Option<String>,
    interest: Interest,
    tries: Vec<&'a Conversation>,
}

impl Group<'_> {
    fn started_at(&self) -> Option<Timestamp> {
        self.tries.iter().map(|conversation| conversation.first.at).min()
    }

    fn last_at(&self) -> Option<Timestamp> {
        self.tries.iter().map(|conversation| last_sign(conversation).at).max()
    }

    fn tried(&self, address: IpAddr) -> bool {
        self.tries.iter().any(|conversation| conversation.server.ip() == address)
    }

    /// True when a connection started then belongs to this attempt: at once
    /// with its first try, or to the next address soon after the last sign.
    fn takes(&self, address: IpAddr, at: Timestamp) -> bool {
        let since_start = self.started_at().map(|start| at.since(start).abs());
        let since_last = self.last_at().map(|last| at.since(last));
        since_start.is_some_and(|span| span <= Span::seconds(AT_ONCE))
            || (!self.tried(address)
                && since_last.is_some_and(|span| span <= Span::seconds(NEXT_ADDRESS_WITHIN))
                && self.started_at().is_some_and(|start| at >= start))
    }
}

/// Clients that try several addresses at once do so within 250 ms (RFC 8305).
const AT_ONCE: i64 = 1;
/// Windows gives an address up 12 s after its third SYN and takes the next.
const NEXT_ADDRESS_WITHIN: i64 = 15;

fn groups<'a>(scene: &Scene<'a>, interests: &Interests<'_>) -> Vec<Group<'a>> {
    let hosts = Hosts::of(scene.inputs.observed);
    let mut candidates: Vec<&Observed> =
        scene.inputs.observed.iter().filter(|seen| never_opened(&seen.conversation)).collect();
    candidates.sort_by_key(|seen| (seen.conversation.first.at, seen.conversation.first.packet));
    let mut groups: Vec<Group<'a>> = Vec::new();
    let mut latest: BTreeMap<(Client, u16, String), usize> = BTreeMap::new();
    for seen in candidates {
        let conversation = &seen.conversation;
        let Some((host, interest)) = target(scene, interests, &hosts, seen) else {
            continue;
        };
        let server = conversation.server;
        let label = host.clone().unwrap_or_else(|| server.ip().to_string());
        let key = (attempt::client(seen), server.port(), label);
        let number = latest.get(&key).copied();
        let group = number.and_then(|number| groups.get_mut(number));
        match group.filter(|group| group.takes(server.ip(), conversation.first.at)) {
            Some(group) => group.tries.push(conversation),
            None => {
                let (client, port) = (key.0, key.1);
                latest.insert(key, groups.len());
                groups.push(Group { client, port, host, interest, tries: vec![conversation] });
            }
        }
    }
    groups
}

/// True when the connection was not opened, or was reset by the server before
/// anything was said, and the capture would show it if it were otherwise.
fn never_opened(conversation: &Conversation) -> bool {
    let quality = &conversation.quality;
    let silent =
        quality.bytes == [0, 0] && quality.missing == [0, 0] && !conversation.syns.is_empty();
    let [from_client, _] = quality.packets;
    // More than SYNs from a client that was not answered: the answer was not captured.
    let only_syns = from_client <= conversation.syns.len() as u64
        || conversation.syns.len() >= MAX_SYNS
        || conversation.refusal.is_some();
    let closed_at_once = reset_by_server(conversation).is_some();
    silent && (closed_at_once || (conversation.syn_ack.is_none() && only_syns))
}

/// The RST of a server that came before any close of the client.
fn reset_by_server(conversation: &Conversation) -> Option<Sighting> {
    let first = conversation.closes.first()?;
    let is_reset = first.by == Direction::ToClient && first.how == CloseKind::Reset;
    is_reset.then_some(first.sighting)
}

fn last_sign(conversation: &Conversation) -> Sighting {
    let refusal = conversation.refusal.map(|refusal| refusal.sighting);
    refusal.or(conversation.syns.last().copied()).unwrap_or(conversation.last)
}

/// The name that was meant by an address and why it matters.
fn target(
    scene: &Scene<'_>,
    interests: &Interests<'_>,
    hosts: &Hosts,
    seen: &Observed,
) -> Option<(Option<String>, Interest)> {
    let (server, begun) = (seen.conversation.server, seen.conversation.first.at);
    let client = attempt::client(seen);
    let meant = scene.names.meant_by(client, server.ip(), begun);
    if let Some(interest) = interests.in_address(server) {
        return Some((meant.first().map(|name| (*name).to_string()), interest));
    }
    // What this client looked up just before decides, if anything does.
    let all = scene.inputs.lookups;
    let recent = scene.names.leading_to(client, server.ip(), None, begun);
    let recent: Vec<&str> =
        recent.iter().filter_map(|index| all.get(*index)).map(|l| l.name.as_str()).collect();
    let names = if recent.is_empty() { meant } else { recent };
    let names = names.into_iter().chain(hosts.at(server));
    let port = Some(server.port());
    let mut found = names.filter_map(|name| Some((name, interests.in_name(name, port)?)));
    found.next().map(|(name, interest)| (Some(name.to_string()), interest))
}

/// Connections that were opened: start and address, by client and port.
type Opened = BTreeMap<(Client, u16), Vec<(Timestamp, SocketAddr)>>;

fn opened(scene: &Scene<'_>, wanted: &BTreeSet<(Client, u16)>) -> Opened {
    let mut opened = Opened::new();
    for seen in scene.inputs.observed {
        let conversation = &seen.conversation;
        let key = (attempt::client(seen), conversation.server.port());
        if wanted.contains(&key) && !never_opened(conversation) {
            opened.entry(key).or_default().push((conversation.first.at, conversation.server));
        }
    }
    opened
}

/// True when another address of the host, or the same one at once, was reached.
fn succeeded(scene: &Scene<'_>, group: &Group<'_>, opened: &Opened) -> bool {
    let others = opened.get(&(group.client, group.port)).into_iter().flatten();
    let mut same_host = others.filter(|(_, server)| match &group.host {
        Some(host) => group.tried(server.ip()) || scene.names.gives(host, server.ip()),
        None => group.tried(server.ip()),
    });
    same_host.any(|(at, server)| group.takes(server.ip(), *at))
}

fn retrieval(scene: &Scene<'_>, group: &Group<'_>, carried: &mut Carried) -> Option<Retrieval> {
    let judged = group.tries.iter().map(|conversation| (judge(scene, conversation), *conversation));
    let judged: Vec<_> = judged.collect();
    // The way that was not seen to its end may have worked.
    let unclear = judged.iter().find(|((outcome, _), _)| *outcome == Outcome::IncompleteCapture);
    let last = judged.iter().max_by_key(|(_, conversation)| {
        let sign = last_sign(conversation);
        (sign.at, sign.packet)
    });
    let ((outcome, detail), conversation) = unclear.or(last)?;
    let mut built = Retrieval::new(group.started_at()?, group.last_at()?);
    built.host.clone_from(&group.host);
    built.outcome = *outcome;
    built.detail = detail.clone();
    if group.tries.len() > 1 {
        let tries = format!("{} connections tried; the last: ", group.tries.len());
        built.detail = Some(tries + detail.as_deref().unwrap_or("not seen to its end"));
    }
    built.vantage = Some(conversation.vantage);
    built.client = Some(conversation.client);
    built.server = Some(conversation.server);
    built.quality = Some(conversation.quality.clone());
    match group.interest {
        Interest::Object(kind) => {
            built.object = kind;
            built.route.kind = RouteKind::Direct;
        }
        Interest::Proxy => {
            built.object = ObjectKind::Other;
            built.route.kind = RouteKind::HttpProxy;
            built.route.proxy = Some(conversation.server);
        }
    }
    built.syns = group.tries.iter().flat_map(|each| each.syns.iter().copied()).collect();
    built.syns.sort_unstable_by_key(|syn| (syn.at, syn.packet));
    let mut cites: Vec<_> = built.syns.iter().map(Sighting::cite).collect();
    for each in &group.tries {
        cites.extend(each.refusal.iter().map(|refusal| refusal.sighting.cite()));
        cites.extend(each.syn_ack.iter().map(Sighting::cite));
        cites.extend(reset_by_server(each).iter().map(Sighting::cite));
        let (client, server) = (group.client, each.server.ip());
        let lookups = scene.names.leading_to(client, server, group.host.as_deref(), each.first.at);
        cites.extend(attempt::take_lookups(scene, &lookups, &mut built, carried));
    }
    built.cites = merged(cites);
    Some(built)
}

/// How one try ended.
fn judge(scene: &Scene<'_>, conversation: &Conversation) -> (Outcome, Option<String>) {
    if let Some(refusal) = conversation.refusal {
        return match refusal.how {
            RefusalKind::Reset => (Outcome::Refused, None),
            RefusalKind::Unreachable { icmp_type, code, v6 } => {
                let version = if v6 { "v6" } else { "" };
                let text =
                    format!("ICMP{version} type {icmp_type} code {code} from {}", refusal.from);
                (Outcome::Unreachable, Some(text))
            }
        };
    }
    let opened = conversation.syn_ack;
    match (opened, reset_by_server(conversation)) {
        (Some(opened), Some(reset)) => return outcome::reset_at_once(reset, opened),
        (None, Some(_)) => return (Outcome::Refused, None),
        _ => {}
    }
    let ends_at = scene.ends_at(conversation.vantage, conversation.last.at);
    let waited = ends_at.since(conversation.first.at);
    let count = conversation.syns.len();
    let needed = match count {
        0 | 1 => WAIT_AFTER_ONE,
        2 => WAIT_AFTER_TWO,
        _ => 0,
    };
    if waited < Span::seconds(needed) || scene.hides_answers(conversation) {
        return (Outcome::IncompleteCapture, None);
    }
    let over = outcome::seconds(last_sign(conversation).at.since(conversation.first.at));
    let text = match count {
        1 => "1 SYN unanswered".to_string(),
        _ => format!("{count} SYNs unanswered over {over}"),
    };
    (Outcome::ConnectTimeout, Some(text))
}

/// The capture must show that no answer came: a lone SYN for as long as
/// Windows needs for its second repetition, two for as long as one repetition
/// takes at most. Three are enough by themselves.
const WAIT_AFTER_ONE: i64 = 10;
const WAIT_AFTER_TWO: i64 = 3;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::super::fixtures::{Talk, lookup, sighting, unanswered};
    use super::super::test_support::{Given, outcomes};
    use super::*;
    use crate::flow::Refusal;

    const HOST: &str = "ctldl.windowsupdate.com";
    const A: &str = "192.0.2.1:80";
    const B: &str = "192.0.2.2:80";

    fn given(observed: Vec<Observed>) -> Given {
        let found = lookup(HOST, 0.5, 0, &["192.0.2.1", "192.0.2.2", "2001:db8::1"]);
        Given { observed, lookups: vec![found], ..Given::default() }
    }

    fn refused(mut seen: Observed, how: RefusalKind) -> Observed {
        let sighting = sighting(1_001, 1.1);
        let from = seen.conversation.server.ip();
        seen.conversation.refusal = Some(Refusal { sighting, how, from });
        seen
    }

    #[test]
    fn three_silent_syns_are_a_timeout_with_the_lookup_before_them() {
        let given = given(vec![unanswered(A, 50_000, &[1.0, 4.0, 10.0])]);
        let found = given.retrievals();
        let [only] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!((only.object, only.outcome), (ObjectKind::Ctl, Outcome::ConnectTimeout));
        assert_eq!((only.url.as_deref(), only.host.as_deref()), (None, Some(HOST)));
        assert_eq!(only.started_at, super::super::fixtures::at(0.5));
        assert_eq!(only.syns.len(), 3);
        assert_eq!(only.route.kind, RouteKind::Direct);
        assert_eq!(only.detail.as_deref(), Some("3 SYNs unanswered over 9.0 s"));
    }

    #[test]
    fn a_lone_syn_before_the_end_of_the_capture_shows_nothing() {
        let lone = given(vec![unanswered(A, 50_000, &[1.0])]);
        assert_eq!(outcomes(&lone), [Outcome::IncompleteCapture]);
        let watched = Given { ends: 60.0, ..lone };
        assert_eq!(outcomes(&watched), [Outcome::ConnectTimeout]);
    }

    #[test]
    fn a_refusal_and_an_icmp_error_are_told_apart() {
        let reset = refused(unanswered(A, 50_000, &[1.0]), RefusalKind::Reset);
        assert_eq!(outcomes(&given(vec![reset])), [Outcome::Refused]);
        let how = RefusalKind::Unreachable { icmp_type: 3, code: 13, v6: false };
        let prohibited = given(vec![refused(unanswered(A, 50_000, &[1.0]), how)]);
        let found = prohibited.retrievals();
        assert_eq!(found[0].outcome, Outcome::Unreachable);
        assert_eq!(found[0].detail.as_deref(), Some("ICMP type 3 code 13 from 192.0.2.1"));
    }

    #[test]
    fn a_host_of_no_interest_is_passed_over() {
        let mut other = given(vec![unanswered(A, 50_000, &[1.0, 4.0, 10.0])]);
        other.lookups = vec![lookup("www.example.com", 0.5, 0, &["192.0.2.1"])];
        assert_eq!(outcomes(&other), []);
    }

    #[test]
    fn another_port_of_the_host_is_another_service() {
        let tls = given(vec![unanswered("192.0.2.1:443", 50_000, &[1.0, 4.0, 10.0])]);
        assert_eq!(outcomes(&tls), []);
    }

    #[test]
    fn several_addresses_of_a_host_are_one_attempt() {
        let both = given(vec![
            unanswered(A, 50_000, &[1.0, 4.0, 10.0]),
            unanswered(B, 50_001, &[22.0, 25.0, 31.0]),
        ]);
        let found = both.retrievals();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].syns.len(), 6);
    }

    #[test]
    fn an_attempt_that_reached_one_address_did_not_fail() {
        let v6 = unanswered("[2001:db8::1]:80", 50_000, &[1.0, 2.0, 4.0]);
        let v4 = Talk::to(A).port(50_001).starting(1.2).observed();
        assert_eq!(outcomes(&given(vec![v6, v4])), []);
    }

    #[test]
    fn the_same_address_tried_again_later_is_another_attempt() {
        let first = unanswered(A, 50_000, &[1.0, 4.0, 10.0]);
        let again = unanswered(A, 50_001, &[40.0, 43.0, 49.0]);
        let works = Talk::to(A).port(50_002).starting(100.0).observed();
        let found = outcomes(&given(vec![first, again, works]));
        assert_eq!(found, [Outcome::ConnectTimeout, Outcome::ConnectTimeout]);
    }

    #[test]
    fn a_capture_that_shows_no_answers_at_all_shows_no_timeout() {
        let mut one_way = Talk::to("192.0.2.7:80").port(50_001).get("/", "h").observed();
        one_way.conversation.syn_ack = None;
        one_way.conversation.quality.packets = [5, 0];
        let mut given = given(vec![unanswered(A, 50_000, &[1.0, 4.0, 10.0]), one_way]);
        given.lookups[0].client.set_ip("10.0.0.8".parse().unwrap());
        assert_eq!(outcomes(&given), [Outcome::IncompleteCapture]);
    }

    #[test]
    fn a_dead_proxy_is_an_attempt_without_a_known_object() {
        let works = Talk::to("10.0.0.1:3128").get("http://www.example/", "www.example");
        let works = works.answer(200, b"x").observed();
        let dead = unanswered("10.0.0.1:3128", 50_001, &[100.0, 103.0, 109.0]);
        let given = Given { observed: vec![works, dead], ..Given::default() };
        let found = given.retrievals();
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].object, found[0].outcome),
            (ObjectKind::Other, Outcome::ConnectTimeout)
        );
        assert_eq!(found[0].route.kind, RouteKind::HttpProxy);
        assert_eq!(found[0].route.proxy, found[0].server);
    }

    #[test]
    fn a_connection_reset_before_a_word_was_said_is_a_reset() {
        let mut seen = Talk::to(A).starting(1.0).observed();
        seen.conversation.quality.bytes = [0, 0];
        let reset = crate::flow::Close {
            by: Direction::ToClient,
            how: CloseKind::Reset,
            sighting: sighting(1_010, 1.5),
        };
        seen.conversation.closes = vec![reset];
        assert_eq!(outcomes(&given(vec![seen])), [Outcome::Reset]);
    }
}
