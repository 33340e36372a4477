//! From the rounds of one exchange to one retrieval.

use crate::flow::RoleBasis;
use crate::protocol::dns::Lookup;
use crate::protocol::http::{Ending, Exchange};
use crate::provenance::{Cite, Sighting, merged};
use crate::time::{Span, Timestamp};

use super::filter::{self, Redirects};
use super::login::{self, Place};
use super::names::{Client, LOOKUP_WITHIN};
use super::scene::Scene;
use super::{
    Login, ObjectKind, Observed, Outcome, Retrieval, RetrievedBody, Route, body, ending, identity,
    route, url,
};

/// The retrieval that the rounds of an attempt are, or `None` for an exchange
/// that does not matter.
pub(super) fn retrieval(
    scene: &Scene<'_>,
    rounds: &[Place],
    redirects: &mut Redirects,
) -> Option<Retrieval> {
    let observed = scene.inputs.observed;
    let (first, last) = (*rounds.first()?, *rounds.last()?);
    let seen = observed.get(last.0)?;
    let exchange = login::at_place(observed, last)?;
    let opening = (observed.get(first.0)?, login::at_place(observed, first)?);
    let location = url::of_exchange(exchange, seen.conversation.server);
    let wanted = filter::wanted(scene, seen, exchange, location.as_deref(), redirects);
    if !scene.inputs.all_http && !wanted.matters {
        return None;
    }
    let mut built = skeleton(scene, seen, exchange, location, wanted.object);
    let begun_at = login::first_sight(opening.0, opening.1).0;
    built.started_at = begun_at;
    let host = built.host.clone();
    built.route = way(scene, seen, exchange, host.as_deref(), begun_at);
    let exchanges: Vec<&Exchange> = rounds
        .iter()
        .filter_map(|place| login::at_place(observed, *place))
        .collect();
    built.route.login = login::verdict(exchanges.iter().copied());
    let earlier = seen
        .exchanges
        .get(..first_in(first, last))
        .unwrap_or_default();
    built.route.authentication = identity::authentication(&exchanges, earlier);
    let mut cites = opening_of(scene, first, opening, &mut built);
    cites.extend(
        exchanges
            .iter()
            .flat_map(|exchange| frames(exchange))
            .map(|s| s.cite()),
    );
    cites.extend(seen.twins.iter().map(|twin| twin.first.cite()));
    built.cites = merged(cites);
    redirects.note(seen, &built);
    Some(built)
}

/// Where the rounds of an attempt begin in the connection of its last one.
fn first_in(first: Place, last: Place) -> usize {
    if first.0 == last.0 { first.1 } else { last.1 }
}

pub(super) fn client(seen: &Observed) -> Client {
    (seen.conversation.vantage, seen.conversation.client.ip())
}

/// Everything that the last round alone decides.
fn skeleton(
    scene: &Scene<'_>,
    seen: &Observed,
    exchange: &Exchange,
    location: Option<String>,
    object: ObjectKind,
) -> Retrieval {
    let conversation = &seen.conversation;
    let (request, response) = (exchange.request.as_ref(), exchange.response.as_ref());
    let last = last_frame(exchange).unwrap_or(conversation.last);
    let mut built = Retrieval::new(last.at, last.at);
    let from_url = location
        .as_deref()
        .and_then(url::parts)
        .map(|parts| parts.host);
    let from_connect =
        || filter::connect_authority(request).map(|authority| url::host_and_port(authority).0);
    let from_names = || {
        let unseen = request.is_none();
        let names = scene
            .names
            .meant_by(client(seen), conversation.server.ip(), last.at);
        names
            .first()
            .filter(|_| unseen)
            .map(|name| (*name).to_string())
    };
    built.host = from_url.or_else(from_connect).or_else(from_names);
    built.url = location;
    built.object = object;
    built.method = request.map(|request| request.method.clone());
    built.status = response.map(|response| response.status);
    built.vantage = Some(conversation.vantage);
    built.client = Some(conversation.client);
    built.server = Some(conversation.server);
    let agent = request.and_then(|request| request.headers.get("User-Agent"));
    built.user_agent = agent.map(ToString::to_string);
    let headers = |headers| login::without_secrets(headers);
    built.request_headers = request.map(|r| headers(&r.headers)).unwrap_or_default();
    built.response_headers = response.map(|r| headers(&r.headers)).unwrap_or_default();
    let raw = response.and_then(|response| response.body.as_ref());
    let whole = exchange.ending == Ending::Complete;
    built.body = raw.map(|raw| RetrievedBody::of(raw, whole, scene.inputs.bodies));
    let ends_at = scene.ends_at(conversation.vantage, last.at);
    let body = built.body.as_ref();
    let (outcome, detail) = ending::of_exchange(exchange, conversation, object, body, ends_at);
    (built.outcome, built.detail) = (outcome, detail.map(|detail| body::one_line(&detail)));
    if outcome == Outcome::NoAnswer || outcome == Outcome::Stalled {
        built.ended_at = built.ended_at.max(conversation.last.at);
    }
    built.quality = Some(conversation.quality.clone());
    if let Ending::Closed { by, .. } = exchange.ending {
        built.closed_by = Some(by);
    }
    built
}

fn way(
    scene: &Scene<'_>,
    seen: &Observed,
    exchange: &Exchange,
    host: Option<&str>,
    begun_at: Timestamp,
) -> Route {
    let server = seen.conversation.server.ip();
    let moved = host.is_some_and(|host| {
        scene
            .names
            .speak_against(client(seen), host, server, begun_at)
    });
    route::of_exchange(seen, exchange, host, moved, &scene.intermediaries)
}

/// Adds what came before the first request of a connection: the lookup and the
/// handshake. Returns their frames.
fn opening_of(
    scene: &Scene<'_>,
    place: Place,
    (seen, exchange): (&Observed, &Exchange),
    built: &mut Retrieval,
) -> Vec<Cite> {
    let conversation = &seen.conversation;
    let first_syn = conversation.syns.first().filter(|_| exchange.index == 0);
    let near = |syn: &&Sighting| {
        let before = built.started_at.since(syn.at);
        before <= Span::seconds(LOOKUP_WITHIN) && conversation.role_basis == RoleBasis::Handshake
    };
    let Some(syn) = first_syn.filter(near).copied() else {
        return Vec::new();
    };
    built.started_at = built.started_at.min(syn.at);
    let mut cites = vec![syn.cite()];
    cites.extend(conversation.syn_ack.map(|sighting| sighting.cite()));
    cites.extend(lead(scene, place.0, None, built));
    cites
}

/// Lets an attempt begin with the lookups that led to its connection, of one
/// name only where one is given; returns their frames.
pub(super) fn lead(
    scene: &Scene<'_>,
    conversation: usize,
    name: Option<&str>,
    built: &mut Retrieval,
) -> Vec<Cite> {
    let lookups = scene.leads.to(conversation).iter();
    let lookups = lookups.filter_map(|index| scene.inputs.lookups.get(*index));
    let own: Vec<_> = lookups
        .filter(|l| name.is_none_or(|name| l.name == name))
        .collect();
    let frames = |lookup: &&Lookup| -> Vec<Sighting> {
        let answer = lookup.answer.iter().map(|answer| answer.sighting);
        lookup.questions.iter().copied().chain(answer).collect()
    };
    let frames: Vec<Sighting> = own.iter().flat_map(frames).collect();
    let first = frames.iter().map(|sighting| sighting.at).min();
    built.started_at = built.started_at.min(first.unwrap_or(built.started_at));
    frames.iter().map(Sighting::cite).collect()
}

fn last_frame(exchange: &Exchange) -> Option<Sighting> {
    frames(exchange)
        .into_iter()
        .max_by_key(|sighting| (sighting.at, sighting.packet))
}

/// The frames of an exchange, those of its end included.
pub(super) fn frames(exchange: &Exchange) -> Vec<Sighting> {
    let mut frames = Vec::with_capacity(5);
    frames.extend(
        exchange
            .request
            .iter()
            .flat_map(|request| [request.first, request.last]),
    );
    frames.extend(
        exchange
            .response
            .iter()
            .flat_map(|response| [response.first, response.last]),
    );
    if let Ending::Closed { sighting, .. } = exchange.ending {
        frames.push(sighting);
    }
    frames
}

impl Retrieval {
    /// An attempt of which only the times are known yet.
    #[must_use]
    pub fn new(started_at: Timestamp, ended_at: Timestamp) -> Self {
        Retrieval {
            url: None,
            host: None,
            object: ObjectKind::Other,
            method: None,
            status: None,
            outcome: Outcome::IncompleteCapture,
            started_at,
            ended_at,
            vantage: None,
            recorded_by: super::RecordedBy::Capture,
            client: None,
            server: None,
            account: None,
            process: None,
            process_hint: None,
            task: None,
            user_agent: None,
            route: Route {
                login: Login::None,
                ..Route::unknown()
            },
            request_headers: Default::default(),
            response_headers: Default::default(),
            body: None,
            kept_copy: None,
            cache_entry: None,
            syns: Vec::new(),
            detail: None,
            closed_by: None,
            onward: Vec::new(),
            quality: None,
            cites: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::super::fixtures::{Talk, at, body, lookup};
    use super::super::test_support::{Given, outcomes};
    use super::super::{BodyFacts, BodyIndex, Counts, RouteKind};
    use super::*;
    use crate::pki::LooksLike;
    use crate::provenance::EvidenceId;

    const HOST: &str = "crl.example";
    const CRL: &[u8] = b"-----BEGIN X509 CRL-----";

    fn given(observed: Vec<Observed>) -> Given {
        Given {
            observed,
            ..Given::default()
        }
    }

    fn talk() -> Talk {
        Talk::to("192.0.2.1:80").starting(2.0)
    }

    #[test]
    fn an_attempt_begins_with_its_lookup_and_cites_all_its_frames() {
        let seen = talk().get("/a.crl", HOST).answer(200, CRL).observed();
        let lookups = vec![lookup(HOST, 1.0, 0, &["192.0.2.1"])];
        let found = Given {
            lookups,
            ..given(vec![seen])
        }
        .retrievals();
        let [only] = found.as_slice() else {
            panic!("{found:?}")
        };
        assert_eq!((only.object, only.outcome), (ObjectKind::Crl, Outcome::Ok));
        assert_eq!(only.started_at, at(1.0));
        // Question, answer, SYN, SYN-ACK, request, response.
        let frames = Cite::packets(EvidenceId(0), [1000, 1001, 2001, 2002, 2004, 2005]);
        assert_eq!(only.cites, [frames]);
        assert_eq!(only.route.kind, RouteKind::Direct);
    }

    #[test]
    fn a_second_request_begins_with_itself() {
        let talk = talk().get("/a.crl", HOST).answer(200, CRL);
        let seen = talk.get("/b.crl", HOST).answer(200, CRL).observed();
        let found = given(vec![seen]).retrievals();
        assert_eq!(found[1].cites, [Cite::packets(EvidenceId(0), [2006, 2007])]);
        assert_eq!(found[1].started_at, at(2.6));
    }

    #[test]
    fn what_does_not_matter_is_counted() {
        let talk = talk().get("/", "www.example").answer(200, b"<html>");
        let seen = talk.get("/a.crl", HOST).answer(200, CRL).observed();
        let (found, counts) = given(vec![seen.clone()]).run();
        assert_eq!(found.len(), 1);
        assert_eq!(
            counts,
            Counts {
                exchanges: 2,
                other_exchanges: 1,
                over_limit: 0
            }
        );
        let all = Given {
            all_http: true,
            ..given(vec![seen])
        };
        assert_eq!(all.retrievals().len(), 2);
    }

    #[test]
    fn a_body_that_holds_objects_matters_wherever_it_came_from() {
        let mut seen = talk()
            .get("/x", "www.example")
            .answer(200, b"\0\0")
            .observed();
        let mut raw = body(b"\0\0");
        raw.sha256 = Some([7; 32]);
        seen.exchanges[0].response.as_mut().unwrap().body = Some(raw);
        let facts = BodyFacts {
            looks_like: LooksLike::Other,
            artifacts: vec![[1; 32]],
            title: None,
            script: None,
        };
        let bodies = BodyIndex {
            bodies: [([7; 32], facts)].into(),
            ..BodyIndex::default()
        };
        let found = Given {
            bodies,
            ..given(vec![seen])
        }
        .retrievals();
        assert_eq!(
            (found[0].object, found[0].outcome),
            (ObjectKind::Other, Outcome::Ok)
        );
    }

    #[test]
    fn where_a_redirect_leads_is_still_what_was_wanted() {
        let location = [("Location", "http://login.example/?from=crl")];
        let first = talk()
            .get("/a.crl", HOST)
            .answer_with(302, b"", &location)
            .observed();
        let portal = Talk::to("192.0.2.9:80").port(50_001).starting(3.0);
        let portal = portal
            .get("/?from=crl", "login.example")
            .answer(200, b"<html>")
            .observed();
        let found = given(vec![first, portal.clone()]).retrievals();
        assert_eq!(found[0].outcome, Outcome::Redirect);
        assert_eq!(
            (found[1].object, found[1].outcome),
            (ObjectKind::Crl, Outcome::UnexpectedContent)
        );
        assert_eq!(outcomes(&given(vec![portal])), []);
    }

    #[test]
    fn a_login_is_one_attempt_without_its_secrets() {
        let url = "http://crl.example/a.crl";
        let asked = [("Proxy-Authenticate", "Basic realm=\"px\"")];
        let sent = [("Proxy-Authorization", "Basic dTpw")];
        let talk = Talk::to("10.0.0.1:3128")
            .get(url, HOST)
            .answer_with(407, b"", &asked);
        let seen = talk
            .ask("GET", url, HOST, &sent)
            .answer(200, CRL)
            .observed();
        let found = given(vec![seen]).retrievals();
        let [only] = found.as_slice() else {
            panic!("{found:?}")
        };
        assert_eq!((only.outcome, only.route.login), (Outcome::Ok, Login::Sent));
        assert_eq!(
            only.request_headers.get("Proxy-Authorization"),
            Some("Basic")
        );
        assert_eq!(
            only.cites,
            [Cite::packets(EvidenceId(0), [1, 2, 4, 5, 6, 7])]
        );
    }

    #[test]
    fn a_refused_tunnel_matters_where_its_host_does() {
        let tunnel = |authority: &str, status| {
            let talk = Talk::to("10.0.0.1:3128").ask("CONNECT", authority, authority, &[]);
            given(vec![talk.answer(status, b"").observed()]).retrievals()
        };
        let found = tunnel("sws.update.microsoft.com:443", 407);
        assert_eq!(
            (found[0].object, found[0].outcome),
            (ObjectKind::Wsus, Outcome::ProxyLogin)
        );
        assert_eq!(found[0].host.as_deref(), Some("sws.update.microsoft.com"));
        assert_eq!(found[0].route.kind, RouteKind::Connect);
        assert_eq!(tunnel("sws.update.microsoft.com:443", 200), []);
        assert_eq!(tunnel("www.example.com:443", 407), []);
    }

    #[test]
    fn an_answer_without_its_request_is_named_by_the_lookup() {
        let mut seen = talk().get("/a", HOST).answer(200, CRL).observed();
        seen.exchanges[0].request = None;
        let lookups = vec![lookup(HOST, 1.0, 0, &["192.0.2.1"])];
        let found = Given {
            lookups,
            ..given(vec![seen])
        }
        .retrievals();
        assert_eq!(
            (found[0].url.as_deref(), found[0].host.as_deref()),
            (None, Some(HOST))
        );
        assert_eq!(
            (found[0].object, found[0].route.kind),
            (ObjectKind::Crl, RouteKind::Unknown)
        );
    }

    #[test]
    fn the_same_inputs_in_another_order_give_the_same_attempts() {
        let one = talk().get("/a.crl", HOST).answer(200, CRL).observed();
        let other = Talk::to("192.0.2.1:80").port(50_001).starting(1.0);
        let other = other.get("/b.crl", HOST).answer(404, b"").observed();
        let forward = given(vec![one.clone(), other.clone()]).retrievals();
        assert_eq!(forward, given(vec![other, one]).retrievals());
        assert!(forward[0].started_at < forward[1].started_at);
    }
}
