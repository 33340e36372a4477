//! Connections that never came about, to hosts where validation looks for its
//! objects and to proxies.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use crate::flow::{Conversation, Unanswered};
use crate::provenance::{Sighting, merged};
use crate::time::{Span, Timestamp};

use super::directory::LDAP_PORTS;
use super::interests::{Interest, Interests};
use super::names::{Client, Hosts};
use super::scene::Scene;
use super::{Inputs, ObjectKind, Outcome, Retrieval, RouteKind, attempt, connect};

/// The failed attempts to connect, in order. Several addresses of one host tried
/// at once or one after the other are one attempt, which failed only if all of
/// them did; the same address tried again is another attempt.
pub(super) fn failed(
    scene: &Scene<'_>,
    interests: &Interests<'_>,
) -> impl Iterator<Item = Retrieval> {
    let groups = groups(scene, interests);
    let wanted: BTreeSet<(Client, u16)> = groups
        .iter()
        .map(|group| (group.client, group.port))
        .collect();
    let opened = opened(scene, &wanted);
    let lost = groups
        .into_iter()
        .filter(move |group| !succeeded(scene, group, &opened));
    lost.filter_map(|group| retrieval(scene, &group))
}

/// One try that failed, as it was kept, and its index: of an unanswered connect
/// the one behind all conversations.
#[derive(Debug, Clone, Copy)]
struct Try<'a> {
    place: usize,
    kept: Kept<'a>,
}

#[derive(Debug, Clone, Copy)]
enum Kept<'a> {
    Seen(&'a Conversation),
    Unanswered(&'a Unanswered),
}

impl<'a> Try<'a> {
    /// All connects that did not come about, in no order.
    fn all(inputs: &Inputs<'a>) -> impl Iterator<Item = Self> {
        let seen = inputs.observed.iter().map(|seen| &seen.conversation);
        let seen = seen.map(Kept::Seen);
        let unanswered = inputs.unanswered.iter().map(Kept::Unanswered);
        let all = seen.chain(unanswered).enumerate();
        let all = all.map(|(place, kept)| Try { place, kept });
        all.filter(|it| match it.kept {
            Kept::Seen(conversation) => connect::never_opened(conversation),
            Kept::Unanswered(_) => true,
        })
    }

    fn conversation(&self) -> Cow<'a, Conversation> {
        match self.kept {
            Kept::Seen(conversation) => Cow::Borrowed(conversation),
            Kept::Unanswered(unanswered) => Cow::Owned(unanswered.conversation()),
        }
    }

    fn client(&self) -> Client {
        match self.kept {
            Kept::Seen(it) => (it.vantage, it.client.ip()),
            Kept::Unanswered(it) => (it.vantage(), it.client().ip()),
        }
    }

    fn server(&self) -> SocketAddr {
        match self.kept {
            Kept::Seen(it) => it.server,
            Kept::Unanswered(it) => it.server(),
        }
    }

    fn first(&self) -> Sighting {
        match self.kept {
            Kept::Seen(it) => it.first,
            Kept::Unanswered(it) => it.first(),
        }
    }

    fn last_sign(&self) -> Timestamp {
        connect::last_sign(&self.conversation()).at
    }
}

/// The tries that make up one attempt. What is asked of them for each new one
/// is kept beside them: a scan has thousands in a second.
#[derive(Debug)]
struct Group<'a> {
    client: Client,
    port: u16,
    /// The name that was wanted.
    host: Option<String>,
    interest: Interest,
    tries: Vec<Try<'a>>,
    /// When the first of them began.
    started_at: Timestamp,
    /// The last sign of any of them.
    last_at: Timestamp,
    /// The addresses tried.
    addresses: BTreeSet<IpAddr>,
}

impl<'a> Group<'a> {
    fn push(&mut self, tried: Try<'a>) {
        self.started_at = self.started_at.min(tried.first().at);
        self.last_at = self.last_at.max(tried.last_sign());
        self.addresses.insert(tried.server().ip());
        self.tries.push(tried);
    }

    fn tried(&self, address: IpAddr) -> bool {
        self.addresses.contains(&address)
    }

    /// True when a connection started then belongs to this attempt: at once
    /// with its first try, or to the next address soon after the last sign.
    fn takes(&self, address: IpAddr, at: Timestamp) -> bool {
        let since_last = at.since(self.last_at);
        at.since(self.started_at).abs() <= Span::seconds(AT_ONCE)
            || (!self.tried(address)
                && since_last <= Span::seconds(NEXT_ADDRESS_WITHIN)
                && at >= self.started_at)
    }
}

/// Clients that try several addresses at once do so within 250 ms (RFC 8305).
const AT_ONCE: i64 = 1;
/// Windows gives an address up 12 s after its third SYN and takes the next.
const NEXT_ADDRESS_WITHIN: i64 = 15;

fn groups<'a>(scene: &Scene<'a>, interests: &Interests<'_>) -> Vec<Group<'a>> {
    let hosts = Hosts::of(scene.inputs.observed);
    let mut candidates: Vec<(Try<'a>, Option<String>, Interest)> = Try::all(scene.inputs)
        .filter_map(|tried| {
            let (host, interest) = target(scene, interests, &hosts, &tried)?;
            Some((tried, host, interest))
        })
        .collect();
    candidates.sort_by_key(|(tried, ..)| (tried.first().at, tried.first().packet));
    let mut groups: Vec<Group<'a>> = Vec::new();
    let mut latest: BTreeMap<(Client, u16, String), usize> = BTreeMap::new();
    for (tried, host, interest) in candidates {
        let (server, begun_at) = (tried.server(), tried.first().at);
        let label = host.clone().unwrap_or_else(|| server.ip().to_string());
        let key = (tried.client(), server.port(), label);
        let number = latest.get(&key).copied();
        let group = number.and_then(|number| groups.get_mut(number));
        match group.filter(|group| group.takes(server.ip(), begun_at)) {
            Some(group) => group.push(tried),
            None => {
                let (client, port) = (key.0, key.1);
                latest.insert(key, groups.len());
                groups.push(Group {
                    client,
                    port,
                    host,
                    interest,
                    tries: vec![tried],
                    started_at: begun_at,
                    last_at: tried.last_sign(),
                    addresses: BTreeSet::from([server.ip()]),
                });
            }
        }
    }
    groups
}

/// The name that was meant by an address and why it matters.
fn target(
    scene: &Scene<'_>,
    interests: &Interests<'_>,
    hosts: &Hosts,
    tried: &Try<'_>,
) -> Option<(Option<String>, Interest)> {
    let (server, begun) = (tried.server(), tried.first().at);
    let client = tried.client();
    let meant = scene.names.meant_by(client, server.ip(), begun);
    if let Some(interest) = interests.in_address(server) {
        return Some((meant.first().map(|name| (*name).to_string()), interest));
    }
    // What this client looked up just before decides, if anything does.
    let all = scene.inputs.lookups;
    let recent = scene.names.leading_to(client, server.ip(), None, begun);
    let recent: Vec<&str> = recent
        .iter()
        .filter_map(|index| all.get(*index))
        .map(|l| l.name.as_str())
        .collect();
    let names = if recent.is_empty() { meant } else { recent };
    let names: Vec<&str> = names.into_iter().chain(hosts.at(server)).collect();
    let port = Some(server.port());
    let found = names
        .iter()
        .find_map(|name| Some((*name, interests.in_name(name, port)?)));
    if let Some((name, interest)) = found {
        return Some((Some(name.to_string()), interest));
    }
    // A directory is looked up by service, so that no name leads to it.
    if LDAP_PORTS.contains(&server.port())
        && let Some(kind) = scene.inputs.known.directory_kind()
    {
        let name = names.first().map(|name| (*name).to_string());
        return Some((name, Interest::Object(kind)));
    }
    // Asked for all of HTTP, what was to become HTTP by its port is listed too.
    let listed = scene.inputs.all_http && HTTP_PORTS.contains(&server.port());
    let name = names.first().map(|name| (*name).to_string());
    listed.then_some((name, Interest::Object(ObjectKind::Other)))
}

/// HTTP, its common other port, and WSUS.
const HTTP_PORTS: [u16; 3] = [80, 8080, 8530];

/// Connections that were opened: start and address, by client and port.
type Opened = BTreeMap<(Client, u16), Vec<(Timestamp, SocketAddr)>>;

fn opened(scene: &Scene<'_>, wanted: &BTreeSet<(Client, u16)>) -> Opened {
    let mut opened = Opened::new();
    for seen in scene.inputs.observed {
        let conversation = &seen.conversation;
        let key = (attempt::client(seen), conversation.server.port());
        if wanted.contains(&key) && !connect::never_opened(conversation) {
            opened
                .entry(key)
                .or_default()
                .push((conversation.first.at, conversation.server));
        }
    }
    opened
}

/// True when another address of the host, or the same one at once, was reached.
fn succeeded(scene: &Scene<'_>, group: &Group<'_>, opened: &Opened) -> bool {
    let others = opened
        .get(&(group.client, group.port))
        .into_iter()
        .flatten();
    let mut same_host = others.filter(|(_, server)| match &group.host {
        Some(host) => group.tried(server.ip()) || scene.names.gives(host, server.ip()),
        None => group.tried(server.ip()),
    });
    same_host.any(|(at, server)| group.takes(server.ip(), *at))
}

fn retrieval(scene: &Scene<'_>, group: &Group<'_>) -> Option<Retrieval> {
    let tries = group.tries.iter();
    let judged: Vec<_> = tries
        .map(|tried| {
            let conversation = tried.conversation();
            (connect::judge(scene, &conversation), conversation)
        })
        .collect();
    // The way that was not seen to its end may have worked.
    let unclear = judged
        .iter()
        .find(|((outcome, _), _)| *outcome == Outcome::IncompleteCapture);
    let last = judged.iter().max_by_key(|(_, conversation)| {
        let sign = connect::last_sign(conversation);
        (sign.at, sign.packet)
    });
    let ((outcome, detail), conversation) = unclear.or(last)?;
    let mut built = Retrieval::new(group.started_at, group.last_at);
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
    built.syns = judged
        .iter()
        .flat_map(|(_, each)| each.syns.iter().copied())
        .collect();
    built.syns.sort_unstable_by_key(|syn| (syn.at, syn.packet));
    let mut cites: Vec<_> = built.syns.iter().map(Sighting::cite).collect();
    for (tried, (_, each)) in group.tries.iter().zip(&judged) {
        cites.extend(each.refusal.iter().map(|refusal| refusal.sighting.cite()));
        cites.extend(each.syn_ack.iter().map(Sighting::cite));
        cites.extend(connect::reset_by_server(each).iter().map(Sighting::cite));
        cites.extend(attempt::lead(
            scene,
            tried.place,
            group.host.as_deref(),
            &mut built,
        ));
    }
    built.cites = merged(cites);
    Some(built)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::super::Observed;
    use super::super::fixtures::{Talk, lookup, sighting, unanswered};
    use super::super::test_support::{Given, outcomes};
    use super::*;
    use crate::flow::{CloseKind, Direction, Refusal, RefusalKind};

    const HOST: &str = "ctldl.windowsupdate.com";
    const A: &str = "192.0.2.1:80";
    const B: &str = "192.0.2.2:80";

    fn given(observed: Vec<Observed>) -> Given {
        let found = lookup(HOST, 0.5, 0, &["192.0.2.1", "192.0.2.2", "2001:db8::1"]);
        Given {
            observed,
            lookups: vec![found],
            ..Given::default()
        }
    }

    fn refused(mut seen: Observed, how: RefusalKind) -> Observed {
        let sighting = sighting(1_001, 1.1);
        let from = seen.conversation.server.ip();
        seen.conversation.refusal = Some(Refusal {
            sighting,
            how,
            from,
        });
        seen
    }

    #[test]
    fn three_silent_syns_are_a_timeout_with_the_lookup_before_them() {
        let given = given(vec![unanswered(A, 50_000, &[1.0, 4.0, 10.0])]);
        let found = given.retrievals();
        let [only] = found.as_slice() else {
            panic!("{found:?}")
        };
        assert_eq!(
            (only.object, only.outcome),
            (ObjectKind::Ctl, Outcome::ConnectTimeout)
        );
        assert_eq!(
            (only.url.as_deref(), only.host.as_deref()),
            (None, Some(HOST))
        );
        assert_eq!(only.started_at, super::super::fixtures::at(0.5));
        assert_eq!(only.syns.len(), 3);
        assert_eq!(only.route.kind, RouteKind::Direct);
        assert_eq!(only.detail.as_deref(), Some("3 SYNs unanswered over 9.0 s"));
    }

    #[test]
    fn an_unanswered_connect_as_the_table_keeps_it_says_the_same() {
        let conversation = given(vec![unanswered(A, 50_000, &[1.0, 4.0, 10.0])]);
        let syns = [1.0_f64, 4.0, 10.0].map(|at| sighting((at * 1_000.0) as u64, at));
        let to = |server| Unanswered::made(0, "10.0.0.9:50000", server, &syns);
        let kept = Given {
            unanswered: vec![to("192.0.2.77:80"), to(A)],
            ..given(Vec::new())
        };
        assert_eq!(kept.retrievals(), conversation.retrievals());
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
        let how = RefusalKind::Unreachable {
            icmp_type: 3,
            code: 13,
            v6: false,
        };
        let prohibited = given(vec![refused(unanswered(A, 50_000, &[1.0]), how)]);
        let found = prohibited.retrievals();
        assert_eq!(found[0].outcome, Outcome::Unreachable);
        assert_eq!(
            found[0].detail.as_deref(),
            Some("ICMP type 3 code 13 from 192.0.2.1")
        );
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
        let mut one_way = Talk::to("192.0.2.7:80")
            .port(50_001)
            .get("/", "h")
            .observed();
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
        let given = Given {
            observed: vec![works, dead],
            ..Given::default()
        };
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

    #[test]
    fn with_all_http_a_connect_to_an_unknown_host_is_listed_by_its_port() {
        let to = |server| {
            let observed = vec![unanswered(server, 50_000, &[1.0, 4.0, 10.0])];
            outcomes(&Given {
                observed,
                all_http: true,
                ..Given::default()
            })
        };
        assert_eq!(to("192.0.2.9:80"), [Outcome::ConnectTimeout]);
        assert_eq!(to("192.0.2.9:443"), []);
    }
}
