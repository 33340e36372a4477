//! From the rounds of one exchange to one retrieval.

use std::collections::{BTreeSet, HashMap};

use crate::flow::RoleBasis;
use crate::protocol::http::{Ending, Exchange, Request, Response};
use crate::provenance::{Cite, Sighting, merged};
use crate::time::{Span, Timestamp};

use super::login::{self, Place};
use super::names::{Client, LOOKUP_WITHIN};
use super::scene::Scene;
use super::{
    Login, ObjectKind, Observed, Outcome, Retrieval, RetrievedBody, Route, body, outcome, purpose,
    route, shape, url,
};

/// What is carried from one attempt to the later ones.
#[derive(Debug, Default)]
pub(super) struct Carried {
    /// Where redirects of wanted objects lead: client and URL key to the kind.
    redirects: HashMap<(Client, String), (ObjectKind, Timestamp)>,
    /// Lookups that already belong to an attempt.
    pub lookups: BTreeSet<usize>,
}

/// Redirects remembered; a capture of a portal has a handful.
const MAX_REDIRECTS: usize = 10_000;
/// A client follows a redirect at once; a person may need to click.
const REDIRECT_WITHIN: i64 = 60;

/// The retrieval that the rounds of an attempt are, or `None` for an exchange
/// that does not matter.
pub(super) fn retrieval(
    scene: &Scene<'_>,
    rounds: &[Place],
    carried: &mut Carried,
) -> Option<Retrieval> {
    let observed = scene.inputs.observed;
    let (first, last) = (*rounds.first()?, *rounds.last()?);
    let seen = observed.get(last.0)?;
    let exchange = login::at_place(observed, last)?;
    let opening = (observed.get(first.0)?, login::at_place(observed, first)?);
    let location =
        exchange.request.as_ref().and_then(|r| url::requested(r, seen.conversation.server));
    let wanted = wanted(scene, seen, exchange, location.as_deref(), carried);
    if !scene.inputs.all_http && !wanted.matters {
        return None;
    }
    let mut built = skeleton(scene, seen, exchange, location, wanted.object);
    let begun_at = login::first_sight(opening.0, opening.1).0;
    built.started_at = begun_at;
    let host = built.host.clone();
    built.route = way(scene, seen, exchange, host.as_deref(), begun_at);
    let exchanges: Vec<&Exchange> =
        rounds.iter().filter_map(|place| login::at_place(observed, *place)).collect();
    built.route.login = login::verdict(exchanges.iter().copied());
    let mut cites = opening_of(scene, opening, &mut built, carried);
    cites.extend(exchanges.iter().flat_map(|exchange| frames(exchange)).map(|s| s.cite()));
    built.cites = merged(cites);
    remember_redirect(seen, &built, carried);
    Some(built)
}

struct Wanted {
    object: ObjectKind,
    matters: bool,
}

fn wanted(
    scene: &Scene<'_>,
    seen: &Observed,
    exchange: &Exchange,
    location: Option<&str>,
    carried: &Carried,
) -> Wanted {
    let (request, response) = (exchange.request.as_ref(), exchange.response.as_ref());
    if let Some(authority) = connect_authority(request) {
        // A tunnel is no retrieval; one that was refused is an attempt to
        // reach what its host is known for.
        let (host, port) = url::host_and_port(authority);
        let kind = scene.inputs.known.kind_at_host(&host, port);
        let opened = response.is_some_and(|response| (200..300).contains(&response.status));
        let object = kind.unwrap_or(ObjectKind::Other);
        return Wanted { object, matters: kind.is_some() && !opened };
    }
    let redirected = || {
        let key = (client(seen), url::key(location?));
        let (kind, at) = carried.redirects.get(&key)?;
        let now = login::first_sight(seen, exchange).0;
        (now.since(*at) <= Span::seconds(REDIRECT_WITHIN)).then_some(*kind)
    };
    let named = purpose::of(location, request, response, scene.inputs.known);
    let object = named.or_else(redirected);
    let by_cryptoapi = || request.is_some_and(purpose::is_cryptoapi);
    let matters = object.is_some() || by_cryptoapi() || holds_objects(scene, response);
    Wanted { object: object.unwrap_or(ObjectKind::Other), matters }
}

/// True when a body whose URL says nothing turned out to hold objects of ours.
fn holds_objects(scene: &Scene<'_>, response: Option<&Response>) -> bool {
    let raw = response.and_then(|response| response.body.as_ref());
    let facts = raw.and_then(|raw| scene.inputs.bodies.bodies.get(&raw.sha256?));
    facts.is_some_and(|facts| {
        let bare = facts.looks_like != crate::pki::LooksLike::Cab;
        !facts.artifacts.is_empty() || (bare && shape::is_ours(facts.looks_like))
    })
}

/// `host:port` of a CONNECT.
fn connect_authority(request: Option<&Request>) -> Option<&str> {
    let request = request.filter(|request| request.method.eq_ignore_ascii_case("CONNECT"));
    request.map(|request| request.target.as_str())
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
    let from_url = location.as_deref().and_then(url::parts).map(|parts| parts.host);
    let from_connect =
        || connect_authority(request).map(|authority| url::host_and_port(authority).0);
    let from_names = || {
        let unseen = request.is_none();
        let names = scene.names.meant_by(client(seen), conversation.server.ip(), last.at);
        names.first().filter(|_| unseen).map(|name| (*name).to_string())
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
    let (outcome, detail) = outcome::of_exchange(exchange, conversation, object, body, ends_at);
    (built.outcome, built.detail) = (outcome, detail.map(|detail| body::one_line(&detail)));
    if outcome == Outcome::NoAnswer || outcome == Outcome::Stalled {
        built.ended_at = built.ended_at.max(conversation.last.at);
    }
    built.quality = Some(conversation.quality.clone());
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
    let moved =
        host.is_some_and(|host| scene.names.speak_against(client(seen), host, server, begun_at));
    route::of_exchange(seen, exchange, host, moved, &scene.intermediaries)
}

/// Adds what came before the first request of a connection: the lookup and the
/// handshake. Returns their frames.
fn opening_of(
    scene: &Scene<'_>,
    (seen, exchange): (&Observed, &Exchange),
    built: &mut Retrieval,
    carried: &mut Carried,
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
    // The name that leads to a proxy is the proxy's own.
    let name = match built.route.kind.is_explicit_proxy() {
        true => None,
        false => built.host.as_deref(),
    };
    let server = conversation.server.ip();
    let lookups = scene.names.leading_to(client(seen), server, name, syn.at);
    cites.extend(take_lookups(scene, &lookups, built, carried));
    cites
}

/// Gives the lookups before a connection to its attempt, those of one name that
/// belong to no earlier attempt; returns their frames.
pub(super) fn take_lookups(
    scene: &Scene<'_>,
    lookups: &[usize],
    built: &mut Retrieval,
    carried: &mut Carried,
) -> Vec<Cite> {
    let mut cites = Vec::new();
    let all = scene.inputs.lookups;
    let name = lookups.first().and_then(|index| all.get(*index)).map(|lookup| &lookup.name);
    for index in lookups {
        let Some(lookup) = all.get(*index).filter(|lookup| Some(&lookup.name) == name) else {
            continue;
        };
        if carried.lookups.insert(*index) {
            let first = lookup.questions.first().map(|question| question.at);
            built.started_at = built.started_at.min(first.unwrap_or(built.started_at));
            cites.extend(lookup.questions.iter().map(Sighting::cite));
            cites.extend(lookup.answer.iter().map(|answer| answer.sighting.cite()));
        }
    }
    cites
}

fn last_frame(exchange: &Exchange) -> Option<Sighting> {
    frames(exchange).into_iter().max_by_key(|sighting| (sighting.at, sighting.packet))
}

/// The frames of an exchange, those of its end included.
fn frames(exchange: &Exchange) -> Vec<Sighting> {
    let mut frames = Vec::with_capacity(5);
    frames.extend(exchange.request.iter().flat_map(|request| [request.first, request.last]));
    frames.extend(exchange.response.iter().flat_map(|response| [response.first, response.last]));
    if let Ending::Closed { sighting, .. } = exchange.ending {
        frames.push(sighting);
    }
    frames
}

fn remember_redirect(seen: &Observed, built: &Retrieval, carried: &mut Carried) {
    let target = built.response_headers.get("Location");
    let base = built.url.as_deref();
    let target = base.zip(target).and_then(|(base, target)| url::resolved(base, target));
    let is_wanted = built.outcome == Outcome::Redirect && built.object != ObjectKind::Other;
    let has_room = carried.redirects.len() < MAX_REDIRECTS;
    if let Some(target) = target.filter(|_| is_wanted && has_room) {
        let key = (client(seen), url::key(&target));
        carried.redirects.insert(key, (built.object, built.ended_at));
    }
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
            client: None,
            server: None,
            account: None,
            process: None,
            user_agent: None,
            route: Route { login: Login::None, ..Route::unknown() },
            request_headers: Default::default(),
            response_headers: Default::default(),
            body: None,
            cache_entry: None,
            syns: Vec::new(),
            detail: None,
            quality: None,
            cites: Vec::new(),
        }
    }
}
