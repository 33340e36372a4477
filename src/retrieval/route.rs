//! The way an attempt took through the network.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use crate::protocol::http::{Exchange, Response};

use super::{Authentication, Observed, url, via};

/// The way an attempt took through the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Which kind of way.
    pub kind: RouteKind,
    /// The proxy, where there is one and its address is known.
    pub proxy: Option<SocketAddr>,
    /// Whether the proxy asked for a login.
    pub login: Login,
    /// Schemes, rounds and identity of that login.
    pub authentication: Option<Authentication>,
    /// Intermediaries named by the answer, nearest to the origin first.
    pub hops: Vec<Hop>,
}

impl Route {
    /// A route of which nothing is known.
    #[must_use]
    pub fn unknown() -> Self {
        Route {
            kind: RouteKind::Unknown,
            proxy: None,
            login: Login::None,
            authentication: None,
            hops: Vec::new(),
        }
    }
}

/// The kinds of routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RouteKind {
    /// Straight to an address of the host.
    Direct,
    /// An absolute-form request to a proxy.
    HttpProxy,
    /// Inside a CONNECT tunnel.
    Connect,
    /// Through SOCKS.
    Socks,
    /// The answer shows a proxy that the client did not ask.
    TransparentProxy,
    /// The evidence does not tell.
    Unknown,
}

impl RouteKind {
    /// The word of the JSON report.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            RouteKind::Direct => "direct",
            RouteKind::HttpProxy => "http-proxy",
            RouteKind::Connect => "connect",
            RouteKind::Socks => "socks",
            RouteKind::TransparentProxy => "transparent-proxy",
            RouteKind::Unknown => "unknown",
        }
    }

    /// True when a proxy that the client chose was on the way.
    #[must_use]
    pub fn is_explicit_proxy(self) -> bool {
        matches!(
            self,
            RouteKind::HttpProxy | RouteKind::Connect | RouteKind::Socks
        )
    }
}

/// What became of a proxy's login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Login {
    /// None was asked for.
    None,
    /// Asked for, and no credentials followed.
    Asked,
    /// Credentials were sent and the answer was not another refusal.
    Sent,
    /// Credentials were sent and refused.
    Refused,
}

impl Login {
    /// The word of the JSON report.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Login::None => "none",
            Login::Asked => "asked",
            Login::Sent => "sent",
            Login::Refused => "refused",
        }
    }
}

/// An intermediary as the answer names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hop {
    /// Its name (Via received-by, X-Cache host).
    pub name: String,
    /// Its address, where known.
    pub address: Option<SocketAddr>,
    /// What became of the request in its cache: `HIT`, `MISS`, `REVALIDATED`, or
    /// another word of its own.
    pub cache: Option<String>,
    /// `Age` of the answer in seconds, at the hop whose copy it was.
    pub age: Option<u64>,
}

/// What all exchanges together show of the proxies between: a name in `Via`
/// that answers for several sites stands on the way to all of them.
#[derive(Debug, Default)]
pub(super) struct Intermediaries {
    /// Addresses that were spoken to as proxies.
    pub explicit: BTreeSet<SocketAddr>,
    /// Sites (see [`via::site`]) by `Via` name, of requests that chose no proxy.
    sites: BTreeMap<String, BTreeSet<String>>,
}

/// Names in `Via` that are followed; a capture of the open Internet has
/// thousands of them, most of them of one content network.
const MAX_VIA_NAMES: usize = 10_000;

impl Intermediaries {
    /// Goes through all exchanges once.
    pub fn of(observed: &[Observed]) -> Self {
        let mut found = Intermediaries::default();
        for each in observed {
            let server = each.conversation.server;
            if each.socks.is_some() {
                found.explicit.insert(server);
            }
            for exchange in &each.exchanges {
                match &exchange.request {
                    Some(_) if chooses_proxy(exchange) => {
                        found.explicit.insert(server);
                    }
                    Some(_) => {
                        let url = url::of_exchange(exchange, server);
                        let host = url.and_then(|url| url::parts(&url).map(|parts| parts.host));
                        found.note(host.as_deref(), exchange.response.as_ref());
                    }
                    None => {}
                }
            }
        }
        found
    }

    fn note(&mut self, host: Option<&str>, response: Option<&Response>) {
        let (Some(host), Some(response)) = (host, response) else {
            return;
        };
        for hop in via::hops(&response.headers)
            .into_iter()
            .filter(|hop| hop.from_via)
        {
            let has_room = self.sites.len() < MAX_VIA_NAMES || self.sites.contains_key(&hop.name);
            if has_room && !hop.is_of_content_network() {
                self.sites
                    .entry(hop.name)
                    .or_default()
                    .insert(via::site(host).to_string());
            }
        }
    }

    /// True when the answer shows a proxy that the client did not choose: a
    /// `Via` name that is neither a content network nor the site's own, or the
    /// site's own by name and answering for other sites too; or a 407 with its
    /// challenge. `Age` and `X-Cache` prove nothing: servers' own caches send
    /// them.
    fn shows_transparent(&self, host: Option<&str>, response: &Response) -> bool {
        let own_site = host.map(via::site);
        let foreign = |hop: &via::Seen| {
            let sites = self.sites.get(&hop.name).map_or(0, BTreeSet::len);
            sites > 1 || own_site.is_some_and(|site| via::site(&hop.host()) != site)
        };
        let mut named = via::hops(&response.headers).into_iter();
        let by_via = named.any(|hop| hop.from_via && !hop.is_of_content_network() && foreign(&hop));
        let challenged = response.headers.get("Proxy-Authenticate").is_some();
        by_via || (response.status == 407 && challenged)
    }
}

/// True when the form of the request shows that its client talks to a proxy.
pub(super) fn chooses_proxy(exchange: &Exchange) -> bool {
    let is_for_proxy = exchange.request.as_ref().is_some_and(|request| {
        url::is_absolute(&request.target) || request.method.eq_ignore_ascii_case("CONNECT")
    });
    is_for_proxy || exchange.tunnel.is_some()
}

/// The route of one exchange. `login` is left at `None` for the caller.
///
/// A request in origin form was meant for the host itself. It counts as direct
/// unless the evidence speaks against it: `moved` (name servers gave this
/// client other addresses for the host, but not this one), or the address is
/// spoken to as a proxy elsewhere; then the way is unknown.
pub(super) fn of_exchange(
    seen: &Observed,
    exchange: &Exchange,
    host: Option<&str>,
    moved: bool,
    intermediaries: &Intermediaries,
) -> Route {
    let server = seen.conversation.server;
    let response = exchange.response.as_ref();
    let is_proxy = intermediaries.explicit.contains(&server);
    let transparent = || response.is_some_and(|r| intermediaries.shows_transparent(host, r));
    let kind = match &exchange.request {
        _ if exchange.tunnel.is_some() => RouteKind::Connect,
        Some(request) if request.method.eq_ignore_ascii_case("CONNECT") => RouteKind::Connect,
        Some(request) if url::is_absolute(&request.target) => RouteKind::HttpProxy,
        _ if seen.socks.is_some() => RouteKind::Socks,
        None => RouteKind::Unknown,
        Some(_) if transparent() => RouteKind::TransparentProxy,
        Some(_) if moved || is_proxy => RouteKind::Unknown,
        // 407 comes from proxies; without a challenge nothing tells which.
        Some(_) if response.is_some_and(|r| r.status == 407) => RouteKind::Unknown,
        Some(_) => RouteKind::Direct,
    };
    let mut hops = response
        .map(|response| via::hops(&response.headers))
        .unwrap_or_default();
    let proxy = kind.is_explicit_proxy().then_some(server);
    // The hop nearest to the client is the proxy it spoke to.
    if let (Some(proxy), Some(nearest)) = (proxy, hops.iter_mut().rfind(|hop| hop.from_via)) {
        nearest.address = Some(proxy);
    }
    let hops = hops.into_iter().map(via::Seen::into_hop).collect();
    Route {
        kind,
        proxy,
        login: Login::None,
        authentication: None,
        hops,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::super::fixtures::{Talk, address};
    use super::*;

    fn route(observed: &[Observed], moved: bool) -> Route {
        let host = Some("crl.microsoft.com");
        let intermediaries = Intermediaries::of(observed);
        of_exchange(
            &observed[0],
            &observed[0].exchanges[0],
            host,
            moved,
            &intermediaries,
        )
    }

    fn origin_form(headers: &[(&str, &str)]) -> Observed {
        let talk = Talk::to("192.0.2.80:80").get("/a.crl", "crl.microsoft.com");
        talk.answer_with(200, b"x", headers).observed()
    }

    #[test]
    fn an_absolute_request_goes_through_the_proxy_it_was_sent_to() {
        let talk =
            Talk::to("10.0.0.1:3128").get("http://crl.microsoft.com/a.crl", "crl.microsoft.com");
        let seen = talk.answer_with(200, b"x", &[("Via", "1.1 px.corp.example:3128 (squid)")]);
        let got = route(&[seen.observed()], false);
        assert_eq!(got.kind, RouteKind::HttpProxy);
        assert_eq!(got.proxy, Some(address("10.0.0.1:3128")));
        assert_eq!(got.hops[0].name, "px.corp.example:3128");
        assert_eq!(got.hops[0].address, Some(address("10.0.0.1:3128")));
    }

    #[test]
    fn a_plain_request_without_marks_is_direct() {
        assert_eq!(route(&[origin_form(&[])], false).kind, RouteKind::Direct);
    }

    #[test]
    fn an_address_that_no_name_server_gave_makes_the_way_unknown() {
        assert_eq!(route(&[origin_form(&[])], true).kind, RouteKind::Unknown);
    }

    #[test]
    fn a_foreign_name_in_via_shows_a_transparent_proxy() {
        let got = route(
            &[origin_form(&[("Via", "1.1 gw.corp.example (squid/5.7)")])],
            false,
        );
        assert_eq!((got.kind, got.proxy), (RouteKind::TransparentProxy, None));
    }

    #[test]
    fn caches_of_the_site_itself_and_of_content_networks_do_not() {
        for value in [
            "1.1 cache7.microsoft.com (squid)",
            "1.1 varnish",
            "1.1 a1b2.cloudfront.net (CloudFront)",
        ] {
            assert_eq!(
                route(&[origin_form(&[("Via", value)])], false).kind,
                RouteKind::Direct
            );
        }
        let cached = [("Age", "5"), ("X-Cache", "HIT from sq63.wikimedia.org")];
        assert_eq!(
            route(&[origin_form(&cached)], false).kind,
            RouteKind::Direct
        );
    }

    #[test]
    fn a_name_that_answers_for_two_sites_is_nobodys_own() {
        let via = [("Via", "1.1 cache7.microsoft.com")];
        let other = Talk::to("192.0.2.81:80").get("/", "www.digicert.com");
        let other = other.answer_with(200, b"x", &via).observed();
        assert_eq!(
            route(&[origin_form(&via), other], false).kind,
            RouteKind::TransparentProxy
        );
    }

    #[test]
    fn a_407_to_a_plain_request_is_a_proxy_only_with_its_challenge() {
        let talk = Talk::to("192.0.2.80:80").get("/a.crl", "crl.microsoft.com");
        let bare = talk.answer_with(407, b"", &[]).observed();
        assert_eq!(route(&[bare], false).kind, RouteKind::Unknown);
        let talk = Talk::to("192.0.2.80:80").get("/a.crl", "crl.microsoft.com");
        let challenge = talk
            .answer_with(407, b"", &[("Proxy-Authenticate", "NTLM")])
            .observed();
        assert_eq!(route(&[challenge], false).kind, RouteKind::TransparentProxy);
    }

    #[test]
    fn the_port_of_a_proxy_is_not_called_direct() {
        let proxied = Talk::to("192.0.2.80:80").get("http://www.example/", "www.example");
        let proxied = proxied.answer_with(200, b"x", &[]).observed();
        assert_eq!(
            route(&[origin_form(&[]), proxied], false).kind,
            RouteKind::Unknown
        );
    }

    #[test]
    fn an_answer_alone_shows_no_way() {
        let mut seen = origin_form(&[]);
        seen.exchanges[0].request = None;
        assert_eq!(route(&[seen], false).kind, RouteKind::Unknown);
    }
}
