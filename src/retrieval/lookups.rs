//! Names that could not be resolved, of hosts where validation looks for its
//! objects and of proxies.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::protocol::dns::{Answer, Lookup};
use crate::protocol::tls::Handshake;
use crate::provenance::{Cite, Sighting, merged};
use crate::time::{Span, Timestamp};

use super::attempt;
use super::interests::{Interest, Interests};
use super::names::{self, Client};
use super::scene::Scene;
use super::{Observed, Outcome, Retrieval, RouteKind, route, url};

/// The attempts that failed at the name, in order. The A and AAAA questions of
/// one name within [`TOGETHER_WITHIN`] are one attempt, which failed when none
/// of them gave an address. An AAAA question without data is no failure.
pub(super) fn failed(scene: &Scene<'_>, interests: &Interests<'_>) -> Vec<Retrieval> {
    let groups = groups(scene, interests);
    let failing: Vec<_> = groups
        .into_iter()
        .filter_map(|group| group.outcome(scene).map(|failure| (group, failure)))
        .collect();
    let used = uses(
        scene.inputs.observed,
        failing.iter().map(|(group, _)| group.name),
    );
    let lost = failing
        .into_iter()
        .filter(|(group, _)| !group.was_followed(&used));
    lost.map(|(group, failure)| group.retrieval(failure))
        .collect()
}

/// The questions for one name that belong together.
#[derive(Debug)]
struct Group<'a> {
    client: Client,
    name: &'a str,
    interest: Interest,
    /// The first question.
    first: Sighting,
    lookups: Vec<&'a Lookup>,
}

/// Windows repeats a question for some 12 s before it gives up.
const TOGETHER_WITHIN: i64 = 15;

fn groups<'a>(scene: &Scene<'a>, interests: &Interests<'_>) -> Vec<Group<'a>> {
    let mut order: Vec<(Sighting, &Lookup)> = Vec::new();
    for lookup in scene.inputs.lookups {
        let first = lookup.questions.first().filter(|_| is_host_lookup(lookup));
        order.extend(first.map(|first| (*first, lookup)));
    }
    order.sort_by_key(|(first, _)| (first.at, first.packet));
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut latest: BTreeMap<(Client, &str), Option<usize>> = BTreeMap::new();
    for (first, lookup) in order {
        let key = (names::of_client(lookup), lookup.name.as_str());
        let open = latest.get(&key).copied();
        let group = open.flatten().and_then(|number| groups.get_mut(number));
        let near = |group: &&mut Group<'_>| {
            first.at.since(group.last().at) <= Span::seconds(TOGETHER_WITHIN)
        };
        match (open, group.filter(near)) {
            (_, Some(group)) => group.lookups.push(lookup),
            // A name of no interest stays so.
            (Some(None), None) => {}
            (_, None) => {
                let interest = interests.in_name(key.1, None);
                latest.insert(key, interest.map(|_| groups.len()));
                groups.extend(interest.map(|interest| Group {
                    client: key.0,
                    name: key.1,
                    interest,
                    first,
                    lookups: vec![lookup],
                }));
            }
        }
    }
    groups
}

/// A question for the addresses of a host, to a name server. The multicast and
/// broadcast services (mDNS, LLMNR, NetBIOS) are asked as a last resort, and
/// silence is their way to say no.
fn is_host_lookup(lookup: &Lookup) -> bool {
    matches!(lookup.question_type, A | AAAA) && !LAST_RESORTS.contains(&lookup.server.port())
}

const A: u16 = 1;
const AAAA: u16 = 28;
const LAST_RESORTS: [u16; 3] = [5353, 5355, 137];

impl<'a> Group<'a> {
    fn sightings(&self) -> impl Iterator<Item = Sighting> {
        self.lookups.iter().flat_map(|lookup| {
            let answer = lookup.answer.iter().map(|answer| answer.sighting);
            lookup.questions.iter().copied().chain(answer)
        })
    }

    fn last(&self) -> Sighting {
        let all = self.sightings();
        all.fold(self.first, |a, b| {
            if (b.at, b.packet) > (a.at, a.packet) {
                b
            } else {
                a
            }
        })
    }

    /// How resolving the name failed, if it did.
    fn outcome(&self, scene: &Scene<'_>) -> Option<(Outcome, Option<String>)> {
        let answers = || {
            self.lookups
                .iter()
                .filter_map(|lookup| lookup.answer.as_ref())
        };
        let given: BTreeSet<IpAddr> = answers()
            .flat_map(|answer| answer.addresses.iter().copied())
            .collect();
        if !given.is_empty() {
            return leads_nowhere(&given);
        }
        let from = |answer: &Answer| {
            let owner = self
                .lookups
                .iter()
                .find(|l| l.answer.as_ref() == Some(answer));
            owner
                .map(|lookup| lookup.server.to_string())
                .unwrap_or_default()
        };
        if let Some(answer) = answers().find(|answer| answer.response_code != 0) {
            let text = format!("{} from {}", code_name(answer.response_code), from(answer));
            return Some((Outcome::NoSuchName, Some(text)));
        }
        let for_a: Vec<&Lookup> = self
            .lookups
            .iter()
            .copied()
            .filter(|l| l.question_type == A)
            .collect();
        if let Some(answer) = answers().find(|answer| answer.is_truncated) {
            let text = format!("the answer of {} is cut", from(answer));
            return Some((Outcome::IncompleteCapture, Some(text)));
        }
        if let Some(answer) = for_a.iter().find_map(|lookup| lookup.answer.as_ref()) {
            let text = format!("no address in the answer of {}", from(answer));
            return Some((Outcome::NoSuchName, Some(text)));
        }
        let silent = self.lookups.iter();
        let silent: Vec<_> = silent.filter(|lookup| lookup.answer.is_none()).collect();
        // Only AAAA was asked, and the answer held nothing: A is known from before.
        let most = silent.iter().map(|lookup| lookup.questions.len()).max()?;
        let vantage = self.client.0;
        let waited = scene.ends_at(vantage, self.last().at).since(self.first.at);
        let servers: BTreeSet<String> = silent
            .iter()
            .map(|lookup| lookup.server.ip().to_string())
            .collect();
        let servers = servers.into_iter().collect::<Vec<_>>().join(", ");
        let is_heard = !scene.hears_nothing(&self.client);
        match is_heard && (most >= MIN_QUESTIONS || waited >= Span::seconds(WAIT_FOR_ANSWER)) {
            true => Some((
                Outcome::NameTimeout,
                Some(format!("no answer from {servers}")),
            )),
            false => Some((Outcome::IncompleteCapture, None)),
        }
    }

    /// True when the name was used all the same: a connection to the host
    /// followed, from another resolver or a hosts file; or a request for it by
    /// way of a proxy followed at once, so that the lookup was the script's.
    fn was_followed(&self, used: &Uses<'a>) -> bool {
        let last_at = self.last().at;
        let first_at = self.first.at;
        let by_client = used
            .get(self.name)
            .and_then(|clients| clients.get(&self.client));
        let mut uses = by_client.into_iter().flatten();
        uses.any(|(at, by_proxy)| {
            let within = if *by_proxy {
                SCRIPT_WITHIN
            } else {
                TOGETHER_WITHIN
            };
            *at >= first_at && at.since(last_at) <= Span::seconds(within)
        })
    }

    fn retrieval(&self, (outcome, detail): (Outcome, Option<String>)) -> Retrieval {
        let mut built = Retrieval::new(self.first.at, self.last().at);
        built.host = Some(self.name.to_string());
        built.outcome = outcome;
        built.detail = detail;
        built.vantage = Some(self.client.0);
        built.client = self.lookups.first().map(|lookup| lookup.client);
        match self.interest {
            // Behind a chosen proxy a client does not resolve its targets.
            Interest::Object(kind) => {
                built.object = kind;
                built.route.kind = RouteKind::Direct;
            }
            Interest::Proxy => built.route.kind = RouteKind::HttpProxy,
        }
        built.cites = merged(
            self.sightings()
                .map(|sighting| sighting.cite())
                .collect::<Vec<Cite>>(),
        );
        built
    }
}

/// What comes of answers that hold only addresses of no other machine, as
/// filters give them for names that they block. What a machine answers itself
/// is in no capture.
fn leads_nowhere(given: &BTreeSet<IpAddr>) -> Option<(Outcome, Option<String>)> {
    let named = || {
        let texts = given.iter().map(ToString::to_string);
        texts.collect::<Vec<_>>().join(", ")
    };
    if given.iter().all(IpAddr::is_unspecified) {
        let text = format!("the answer is {}, which is no address of a host", named());
        return Some((Outcome::NoSuchName, Some(text)));
    }
    if given
        .iter()
        .all(|address| address.is_loopback() || address.is_unspecified())
    {
        let text = format!("the answer is {}, the machine itself", named());
        return Some((Outcome::IncompleteCapture, Some(text)));
    }
    None
}

/// A repeated question shows that the client went without an answer.
const MIN_QUESTIONS: usize = 2;
/// A lone question is believed unanswered after the time of all repetitions.
const WAIT_FOR_ANSWER: i64 = 10;
/// A proxy script that resolves the host does so right before the request.
const SCRIPT_WITHIN: i64 = 1;

/// RCODE as a word. Spec: RFC 1035 §4.1.1.
pub(super) fn code_name(code: u16) -> String {
    match code {
        1 => "FORMERR".into(),
        2 => "SERVFAIL".into(),
        3 => "NXDOMAIN".into(),
        4 => "NOTIMP".into(),
        5 => "REFUSED".into(),
        other => format!("RCODE {other}"),
    }
}

/// When each client used a name in a connection, and whether by way of a proxy.
type Uses<'a> = BTreeMap<&'a str, BTreeMap<Client, Vec<(Timestamp, bool)>>>;

fn uses<'a>(observed: &[Observed], names: impl Iterator<Item = &'a str>) -> Uses<'a> {
    let mut uses: Uses<'_> = names.map(|name| (name, BTreeMap::new())).collect();
    if uses.is_empty() {
        return uses;
    }
    let mut note = |client: Client, host: &str, at: Timestamp, by_proxy: bool| {
        if let Some(clients) = uses.get_mut(host) {
            clients.entry(client).or_default().push((at, by_proxy));
        }
    };
    for seen in observed {
        let client = attempt::client(seen);
        for exchange in &seen.exchanges {
            let Some(request) = &exchange.request else {
                continue;
            };
            let location = url::of_exchange(exchange, seen.conversation.server);
            let host = match &location {
                Some(location) => url::parts(location).map(|parts| parts.host),
                None => Some(url::host_and_port(&request.target).0),
            };
            if let Some(host) = host {
                note(
                    client,
                    &host,
                    request.first.at,
                    route::chooses_proxy(exchange),
                );
            }
        }
        for handshake in &seen.handshakes {
            if let Some(host) = server_name(handshake) {
                note(client, host, handshake.first.at, handshake.tunnel.is_some());
            }
        }
    }
    uses
}

fn server_name(handshake: &Handshake) -> Option<&str> {
    handshake.client_hello.as_ref()?.server_name.as_deref()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::super::ObjectKind;
    use super::super::fixtures::{Talk, lookup, silent_lookup};
    use super::super::test_support::{Given, outcomes};
    use super::*;

    const HOST: &str = "ctldl.windowsupdate.com";

    fn given(lookups: Vec<Lookup>) -> Given {
        Given {
            lookups,
            ..Given::default()
        }
    }

    fn for_aaaa(mut lookup: Lookup) -> Lookup {
        lookup.question_type = AAAA;
        lookup
    }

    #[test]
    fn a_name_that_does_not_exist_is_one_attempt_of_both_questions() {
        let both = vec![
            lookup(HOST, 1.0, 3, &[]),
            for_aaaa(lookup(HOST, 1.2, 3, &[])),
        ];
        let found = given(both).retrievals();
        let [only] = found.as_slice() else {
            panic!("{found:?}")
        };
        assert_eq!(
            (only.object, only.outcome),
            (ObjectKind::Ctl, Outcome::NoSuchName)
        );
        assert_eq!((only.host.as_deref(), &only.url), (Some(HOST), &None));
        assert_eq!(only.detail.as_deref(), Some("NXDOMAIN from 10.0.0.53:53"));
        assert_eq!(
            only.cites[0],
            Cite::packets(crate::provenance::EvidenceId(0), [1000, 1001, 1200, 1201])
        );
    }

    #[test]
    fn an_empty_answer_for_aaaa_is_no_failure() {
        let works = vec![
            lookup(HOST, 1.0, 0, &["192.0.2.1"]),
            for_aaaa(lookup(HOST, 1.2, 0, &[])),
        ];
        assert_eq!(outcomes(&given(works)), []);
        let alone = vec![for_aaaa(lookup(HOST, 1.2, 0, &[]))];
        assert_eq!(outcomes(&given(alone)), []);
        let no_data = vec![
            lookup(HOST, 1.0, 0, &[]),
            for_aaaa(lookup(HOST, 1.2, 0, &[])),
        ];
        assert_eq!(outcomes(&given(no_data)), [Outcome::NoSuchName]);
    }

    #[test]
    fn a_server_failure_counts_unless_the_other_question_worked() {
        let fails = vec![lookup(HOST, 1.0, 2, &[])];
        assert_eq!(outcomes(&given(fails)), [Outcome::NoSuchName]);
        let half = vec![
            lookup(HOST, 1.0, 0, &["192.0.2.1"]),
            for_aaaa(lookup(HOST, 1.2, 2, &[])),
        ];
        assert_eq!(outcomes(&given(half)), []);
    }

    #[test]
    fn silence_says_nothing_where_only_the_clients_side_was_captured() {
        let mut talking = super::super::fixtures::Talk::to("192.0.2.7:80").observed();
        talking.conversation.syn_ack = None;
        talking.conversation.quality.packets = [5, 0];
        let mut given = given(vec![silent_lookup(HOST, &[1.0, 2.0, 4.0])]);
        given.observed.push(talking);
        assert_eq!(outcomes(&given), [Outcome::IncompleteCapture]);
    }

    #[test]
    fn an_address_of_nobody_is_no_address() {
        let got = |addresses: &[&str]| given(vec![lookup(HOST, 1.0, 0, addresses)]).retrievals();
        let blocked = got(&["0.0.0.0"]);
        assert_eq!(blocked[0].outcome, Outcome::NoSuchName);
        let text = blocked[0].detail.as_deref();
        assert_eq!(
            text,
            Some("the answer is 0.0.0.0, which is no address of a host")
        );
        let own = got(&["127.0.0.1"]);
        assert_eq!(own[0].outcome, Outcome::IncompleteCapture);
        assert_eq!(got(&["0.0.0.0", "192.0.2.1"]), []);
    }

    #[test]
    fn silence_counts_after_a_repetition() {
        let repeated = vec![silent_lookup(HOST, &[1.0, 2.0, 4.0])];
        assert_eq!(outcomes(&given(repeated)), [Outcome::NameTimeout]);
        let once = given(vec![silent_lookup(HOST, &[1.0])]);
        assert_eq!(outcomes(&once), [Outcome::IncompleteCapture]);
        assert_eq!(
            outcomes(&Given { ends: 60.0, ..once }),
            [Outcome::NameTimeout]
        );
    }

    #[test]
    fn lookups_minutes_apart_are_attempts_of_their_own() {
        let two = vec![lookup(HOST, 1.0, 3, &[]), lookup(HOST, 301.0, 3, &[])];
        assert_eq!(outcomes(&given(two)), [Outcome::NoSuchName; 2]);
    }

    #[test]
    fn names_of_no_interest_are_passed_over() {
        assert_eq!(
            outcomes(&given(vec![lookup("www.example.com", 1.0, 3, &[])])),
            []
        );
    }

    #[test]
    fn a_failed_lookup_that_a_connection_followed_did_not_matter() {
        let talk = Talk::to("192.0.2.1:80")
            .starting(2.0)
            .get("/authrootseq.txt", HOST);
        let observed = vec![talk.answer(200, b"1401").observed()];
        let given = Given {
            observed,
            lookups: vec![lookup(HOST, 1.0, 2, &[])],
            ..Given::default()
        };
        assert_eq!(outcomes(&given), [Outcome::Ok]);
    }

    #[test]
    fn the_lookup_of_a_proxy_script_is_no_attempt_of_its_own() {
        let url = "http://ctldl.windowsupdate.com/authrootseq.txt";
        let at = |start| {
            let talk = Talk::to("10.0.0.1:3128").starting(start).get(url, HOST);
            let observed = vec![talk.answer(200, b"1401").observed()];
            let lookups = vec![lookup(HOST, 1.0, 3, &[])];
            outcomes(&Given {
                observed,
                lookups,
                ..Given::default()
            })
        };
        assert_eq!(at(1.2), [Outcome::Ok]);
        assert_eq!(at(8.0), [Outcome::NoSuchName, Outcome::Ok]);
    }

    #[test]
    fn silence_of_the_multicast_services_says_nothing() {
        let mut llmnr = silent_lookup("wpad", &[1.0, 1.4]);
        llmnr.server.set_port(5355);
        assert_eq!(outcomes(&given(vec![llmnr])), []);
        let dns = lookup("wpad.corp.example", 1.0, 3, &[]);
        let found = given(vec![dns]).retrievals();
        assert_eq!(
            (found[0].object, found[0].outcome),
            (ObjectKind::Pac, Outcome::NoSuchName)
        );
    }

    #[test]
    fn an_answer_cut_to_fit_a_datagram_is_no_failure() {
        let mut cut = lookup(HOST, 1.0, 0, &[]);
        cut.answer.as_mut().unwrap().is_truncated = true;
        assert_eq!(outcomes(&given(vec![cut])), [Outcome::IncompleteCapture]);
    }
}
