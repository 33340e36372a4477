//! The way an attempt took through the network.

use std::net::SocketAddr;

use crate::protocol::http::Exchange;

use super::intermediaries::Intermediaries;
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
    /// What shows a proxy that the client did not choose.
    pub shown_by: Option<ShownBy>,
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
            shown_by: None,
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

/// What shows a proxy that the client did not choose. `Age`, and `X-Cache`
/// alone, prove nothing: content networks and servers' own caches send them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ShownBy {
    /// `Via` names neither a content network nor a cache of the site.
    Via,
    /// `X-Cache` names a proxy that answers for others too.
    XCache,
    /// It asks for a proxy's login.
    Challenge,
    /// The SYN-ACK comes from so many hops nearer than the host's others.
    Nearer(u8),
    /// A capture shows the request that the proxy made for it.
    SecondLeg,
    /// A capture shows the same request on its way to the proxy.
    Diverted,
}

impl ShownBy {
    /// What shows it, in words.
    #[must_use]
    pub fn sentence(self) -> String {
        match self {
            ShownBy::Via => "Via names a proxy that is not the site's own".to_owned(),
            ShownBy::XCache => "X-Cache names a proxy that answers for other sites too".to_owned(),
            ShownBy::Challenge => "it asks for a proxy's login".to_owned(),
            ShownBy::Nearer(hops) => format!(
                "its SYN-ACK comes from {} nearer than other connections to the same address",
                match hops {
                    1 => "1 hop".to_owned(),
                    hops => format!("{hops} hops"),
                }
            ),
            ShownBy::SecondLeg => "a capture shows the request that it made in turn".to_owned(),
            ShownBy::Diverted => "a capture shows the request diverted to it".to_owned(),
        }
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
    let shown_by = response.and_then(|r| intermediaries.shows_transparent(host, r));
    let nearer = || intermediaries.nearness.nearer_by(&seen.conversation);
    let shown_by = shown_by.or_else(|| nearer().map(ShownBy::Nearer));
    let kind = match &exchange.request {
        _ if exchange.tunnel.is_some() => RouteKind::Connect,
        Some(request) if request.method.eq_ignore_ascii_case("CONNECT") => RouteKind::Connect,
        Some(request) if url::is_absolute(&request.target) => RouteKind::HttpProxy,
        _ if seen.socks.is_some() => RouteKind::Socks,
        None => RouteKind::Unknown,
        Some(_) if shown_by.is_some() => RouteKind::TransparentProxy,
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
        shown_by: shown_by.filter(|_| kind == RouteKind::TransparentProxy),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::super::fixtures::{Talk, address};
    use super::*;
    use crate::flow::Reply;

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
    fn a_name_in_x_cache_shows_a_proxy_only_where_it_answers_for_others_too() {
        let cached = [("X-Cache", "MISS from gate.corp.example")];
        let alone = route(&[origin_form(&cached)], false);
        assert_eq!((alone.kind, alone.shown_by), (RouteKind::Direct, None));
        let other = Talk::to("192.0.2.81:80").get("/", "www.digicert.com");
        let other = other.answer_with(200, b"x", &cached).observed();
        let shown = route(&[origin_form(&cached), other], false);
        assert_eq!(shown.kind, RouteKind::TransparentProxy);
        assert_eq!(shown.shown_by, Some(ShownBy::XCache));
        // The same of a content network.
        let cached = [("X-Cache", "HIT from cdn7.edge.example"), ("Age", "7")];
        let other = Talk::to("192.0.2.81:80").get("/", "www.digicert.com");
        let other = other.answer_with(200, b"x", &cached).observed();
        let got = route(&[origin_form(&cached), other], false);
        assert_eq!(got.kind, RouteKind::Direct);
    }

    #[test]
    fn an_x_cache_name_of_the_chosen_proxy_shows_it_where_it_was_not_chosen() {
        let cached = [("X-Cache", "MISS from gate.corp.example")];
        let chosen = Talk::to("10.0.0.1:3128").get("http://www.example/", "www.example");
        let chosen = chosen.answer_with(200, b"x", &cached).observed();
        let got = route(&[origin_form(&cached), chosen], false);
        assert_eq!(got.shown_by, Some(ShownBy::XCache));
    }

    #[test]
    fn a_syn_ack_from_nearer_than_other_ports_shows_a_transparent_proxy() {
        let reply = |ttl| {
            Some(Reply {
                ttl,
                maximum_segment_size: Some(1460),
            })
        };
        let mut plain = origin_form(&[]);
        plain.conversation.reply = reply(63);
        let mut secure = Talk::to("192.0.2.80:443").port(50_001).observed();
        secure.conversation.reply = reply(50);
        let got = route(&[plain.clone(), secure.clone()], false);
        assert_eq!(got.kind, RouteKind::TransparentProxy);
        assert_eq!(got.shown_by, Some(ShownBy::Nearer(13)));
        secure.conversation.reply = reply(63);
        assert_eq!(route(&[plain, secure], false).kind, RouteKind::Direct);
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
