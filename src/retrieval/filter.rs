//! Which exchanges matter, and what for.

use std::collections::HashMap;

use crate::pki::LooksLike;
use crate::protocol::http::{Exchange, Request, Response};
use crate::time::{Span, Timestamp};

use super::names::Client;
use super::scene::Scene;
use super::{ObjectKind, Observed, Outcome, Retrieval, attempt, login, purpose, shape, url};

/// What an exchange was for, and whether it becomes a retrieval.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub object: ObjectKind,
    pub matters: bool,
}

/// Judges one exchange.
pub(super) fn wanted(
    scene: &Scene<'_>,
    seen: &Observed,
    exchange: &Exchange,
    location: Option<&str>,
    redirects: &Redirects,
) -> Wanted {
    let (request, response) = (exchange.request.as_ref(), exchange.response.as_ref());
    if let Some(authority) = connect_authority(request) {
        // A tunnel is no retrieval; one that was refused is an attempt to
        // reach what its host is known for.
        let (host, port) = url::host_and_port(authority);
        let kind = scene.inputs.known.kind_at_host(&host, port);
        let opened = response.is_some_and(|response| (200..300).contains(&response.status));
        let object = kind.unwrap_or(ObjectKind::Other);
        return Wanted {
            object,
            matters: kind.is_some() && !opened,
        };
    }
    let redirected = || {
        let key = (attempt::client(seen), url::key(location?));
        let (kind, at) = redirects.targets.get(&key)?;
        let now = login::first_sight(seen, exchange).0;
        (now.since(*at) <= Span::seconds(REDIRECT_WITHIN)).then_some(*kind)
    };
    let named = purpose::of(location, request, response, scene.inputs.known);
    let object = named.or_else(redirected);
    let by_cryptoapi = || request.is_some_and(purpose::is_cryptoapi);
    let matters = object.is_some() || by_cryptoapi() || holds_objects(scene, response);
    Wanted {
        object: object.unwrap_or(ObjectKind::Other),
        matters,
    }
}

/// True when a body whose URL says nothing turned out to hold objects of ours.
fn holds_objects(scene: &Scene<'_>, response: Option<&Response>) -> bool {
    let raw = response.and_then(|response| response.body.as_ref());
    let facts = raw.and_then(|raw| scene.inputs.bodies.bodies.get(&raw.sha256?));
    facts.is_some_and(|facts| {
        let bare = facts.looks_like != LooksLike::Cab;
        !facts.artifacts.is_empty() || (bare && shape::is_ours(facts.looks_like))
    })
}

/// `host:port` of a CONNECT.
pub(super) fn connect_authority(request: Option<&Request>) -> Option<&str> {
    let request = request.filter(|request| request.method.eq_ignore_ascii_case("CONNECT"));
    request.map(|request| request.target.as_str())
}

/// Where redirects of wanted objects lead: client and URL key to the kind.
#[derive(Debug, Default)]
pub(super) struct Redirects {
    targets: HashMap<(Client, String), (ObjectKind, Timestamp)>,
}

/// Redirects remembered; a capture of a portal has a handful.
const MAX_REDIRECTS: usize = 10_000;
/// A client follows a redirect at once; a person may need to click.
const REDIRECT_WITHIN: i64 = 60;

impl Redirects {
    /// Remembers where an attempt was sent to.
    pub fn note(&mut self, seen: &Observed, built: &Retrieval) {
        let target = built.response_headers.get("Location");
        let base = built.url.as_deref();
        let target = base
            .zip(target)
            .and_then(|(base, target)| url::resolved(base, target));
        let is_wanted = built.outcome == Outcome::Redirect && built.object != ObjectKind::Other;
        let has_room = self.targets.len() < MAX_REDIRECTS;
        if let Some(target) = target.filter(|_| is_wanted && has_room) {
            let key = (attempt::client(seen), url::key(&target));
            self.targets.insert(key, (built.object, built.ended_at));
        }
    }
}
