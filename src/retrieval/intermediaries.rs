//! The proxies between, as all exchanges together show them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use crate::protocol::http::Response;

use super::nearness::Nearness;
use super::route::chooses_proxy;
use super::{Observed, ShownBy, url, via};

/// What all exchanges together show of the proxies between: a name in `Via`
/// that answers for several sites stands on the way to all of them.
#[derive(Debug, Default)]
pub(super) struct Intermediaries {
    /// Addresses that were spoken to as proxies.
    pub explicit: BTreeSet<SocketAddr>,
    /// Sites (see [`via::site`]) and their addresses by the name of an
    /// intermediary, of requests that chose no proxy.
    sites: BTreeMap<String, BTreeSet<(String, IpAddr)>>,
    /// Names of intermediaries of requests that chose a proxy.
    proxies: BTreeSet<String>,
    pub nearness: Nearness,
}

/// Names in `Via` that are followed; a capture of the open Internet has
/// thousands of them, most of them of one content network.
const MAX_VIA_NAMES: usize = 10_000;

impl Intermediaries {
    /// Goes through all exchanges once.
    pub fn of(observed: &[Observed]) -> Self {
        let mut found = Intermediaries {
            nearness: Nearness::of(observed),
            ..Intermediaries::default()
        };
        for each in observed {
            let server = each.conversation.server;
            if each.socks.is_some() {
                found.explicit.insert(server);
            }
            for exchange in &each.exchanges {
                match &exchange.request {
                    Some(_) if chooses_proxy(exchange) => {
                        found.explicit.insert(server);
                        found.note_proxies(exchange.response.as_ref());
                    }
                    Some(_) => {
                        let url = url::of_exchange(exchange, server);
                        let host = url.and_then(|url| url::parts(&url).map(|parts| parts.host));
                        found.note(host.as_deref(), server.ip(), exchange.response.as_ref());
                    }
                    None => {}
                }
            }
        }
        found
    }

    fn note_proxies(&mut self, response: Option<&Response>) {
        for hop in response.iter().flat_map(|it| via::hops(&it.headers)) {
            if self.proxies.len() < MAX_VIA_NAMES && !hop.is_of_content_network() {
                self.proxies.insert(hop.host());
            }
        }
    }

    fn note(&mut self, host: Option<&str>, address: IpAddr, response: Option<&Response>) {
        let (Some(host), Some(response)) = (host, response) else {
            return;
        };
        for hop in via::hops(&response.headers) {
            let has_room = self.sites.len() < MAX_VIA_NAMES || self.sites.contains_key(&hop.name);
            if has_room && !hop.is_of_content_network() {
                self.sites
                    .entry(hop.name)
                    .or_default()
                    .insert((via::site(host).to_string(), address));
            }
        }
    }

    /// What in the answer shows a proxy that the client did not choose: a `Via`
    /// name that is neither a content network nor the site's own, or the site's
    /// own by name and answering for other sites too; an `X-Cache` name that
    /// answers for several sites at several addresses, or that a proxy which
    /// was chosen elsewhere has; or a 407 with its challenge.
    pub fn shows_transparent(&self, host: Option<&str>, response: &Response) -> Option<ShownBy> {
        let own_site = host.map(via::site);
        let named: Vec<via::Seen> = via::hops(&response.headers)
            .into_iter()
            .filter(|hop| !hop.is_of_content_network())
            .collect();
        let foreign = |hop: &&via::Seen| {
            let other_site = own_site.is_some_and(|site| via::site(&hop.host()) != site);
            other_site || self.serves(hop).0 > 1
        };
        let by_via = named
            .iter()
            .filter(|hop| hop.from_via)
            .any(|hop| foreign(&hop));
        let for_many = |hop: &&via::Seen| {
            let (sites, addresses) = self.serves(hop);
            (sites > 1 && addresses > 1) || self.proxies.contains(&hop.host())
        };
        let mut others = named.iter().filter(|hop| !hop.from_via);
        if by_via {
            Some(ShownBy::Via)
        } else if response.status == 407 && response.headers.get("Proxy-Authenticate").is_some() {
            Some(ShownBy::Challenge)
        } else {
            others.any(|hop| for_many(&hop)).then_some(ShownBy::XCache)
        }
    }

    /// For how many sites an intermediary answers, and at how many addresses.
    fn serves(&self, hop: &via::Seen) -> (usize, usize) {
        let Some(served) = self.sites.get(&hop.name) else {
            return (0, 0);
        };
        let sites: BTreeSet<&str> = served.iter().map(|(site, _)| site.as_str()).collect();
        let addresses: BTreeSet<IpAddr> = served.iter().map(|(_, address)| *address).collect();
        (sites.len(), addresses.len())
    }
}
