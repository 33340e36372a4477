//! Which names stand for which addresses, as name servers said in the case.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use crate::protocol::dns::Lookup;
use crate::time::{Span, Timestamp};

use super::Observed;

/// A client is told apart by address at one vantage point.
pub(super) type Client = (u32, IpAddr);

/// The answers of a case, by address and by name.
#[derive(Debug)]
pub(super) struct Names<'a> {
    lookups: &'a [Lookup],
    /// Lookups that gave an address, in order of the answer.
    by_address: BTreeMap<IpAddr, Vec<usize>>,
    /// Lookups that gave addresses for a name, in order of the answer.
    by_name: BTreeMap<&'a str, Vec<usize>>,
}

/// Between a lookup and the connection it was made for: a browser that looks
/// ahead waits this long, and TTLs of content networks are about as short.
pub(super) const LOOKUP_WITHIN: i64 = 30;

/// Answers looked at for one question, the latest first. An address of a
/// content network stands for thousands of names.
const MAX_LOOKED_AT: usize = 1_000;

impl<'a> Names<'a> {
    pub fn of(lookups: &'a [Lookup]) -> Self {
        let mut order: Vec<(Timestamp, u64, usize)> = Vec::new();
        for (index, lookup) in lookups.iter().enumerate() {
            if let Some(answer) = &lookup.answer {
                order.push((answer.sighting.at, answer.sighting.packet, index));
            }
        }
        order.sort_unstable();
        let mut by_address: BTreeMap<IpAddr, Vec<usize>> = BTreeMap::new();
        let mut by_name: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (_, _, index) in order {
            let Some((lookup, addresses)) = lookups.get(index).and_then(addresses) else {
                continue;
            };
            for address in addresses {
                by_address.entry(*address).or_default().push(index);
            }
            by_name.entry(&lookup.name).or_default().push(index);
        }
        Names {
            lookups,
            by_address,
            by_name,
        }
    }

    /// True when any answer gave this address.
    pub fn know(&self, address: IpAddr) -> bool {
        self.by_address.contains_key(&address)
    }

    /// The lookups (A and AAAA apart) of one client that gave `address` shortly
    /// before `before`, the latest first; of `name` only, where one is given.
    pub fn leading_to(
        &self,
        client: Client,
        address: IpAddr,
        name: Option<&str>,
        before: Timestamp,
    ) -> Vec<usize> {
        let earliest = before.plus(Span::seconds(-LOOKUP_WITHIN));
        let near = self.answered_before(self.by_address.get(&address), before);
        let near = near.take_while(|(_, lookup)| answered_at(lookup) >= Some(earliest));
        let own = near.filter(|(_, lookup)| {
            of_client(lookup) == client && name.is_none_or(|name| lookup.name == name)
        });
        own.map(|(index, _)| index).collect()
    }

    /// The names an address may have been meant by, the most plausible first:
    /// those that this client asked for, the latest answer before `before`
    /// first; then those that others were given.
    pub fn meant_by(&self, client: Client, address: IpAddr, before: Timestamp) -> Vec<&'a str> {
        let answers = self.by_address.get(&address);
        let own = self.answered_before(answers, before);
        let own = own.filter(|(_, lookup)| of_client(lookup) == client);
        let others = answers.into_iter().flatten().rev().take(MAX_LOOKED_AT);
        let lookups: &'a [Lookup] = self.lookups;
        let others = others.filter_map(|index| lookups.get(*index));
        let mut names: Vec<&'a str> = Vec::new();
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        for name in own
            .map(|(_, lookup)| lookup)
            .chain(others)
            .map(|lookup| lookup.name.as_str())
        {
            if seen.insert(name) {
                names.push(name);
            }
        }
        names
    }

    /// True when name servers gave this address for a name, to anybody.
    pub fn gives(&self, host: &str, address: IpAddr) -> bool {
        let mut all = self.by_name.get(host).into_iter().flatten();
        all.any(|index| {
            let given = self.lookups.get(*index).and_then(addresses);
            given.is_some_and(|(_, given)| given.contains(&address))
        })
    }

    /// True when name servers gave addresses for `host` to this client shortly
    /// before, and never in the case this one.
    pub fn speak_against(
        &self,
        client: Client,
        host: &str,
        address: IpAddr,
        before: Timestamp,
    ) -> bool {
        if let Ok(literal) = host.parse::<IpAddr>() {
            return literal != address;
        }
        let earliest = before.plus(Span::seconds(-LOOKUP_WITHIN));
        let answers = self.by_name.get(host);
        let mut near = self.answered_before(answers, before);
        let asked = near.any(|(_, lookup)| {
            of_client(lookup) == client && answered_at(lookup) >= Some(earliest)
        });
        asked && !self.gives(host, address)
    }

    fn answered_before(
        &self,
        indices: Option<&Vec<usize>>,
        before: Timestamp,
    ) -> impl Iterator<Item = (usize, &'a Lookup)> {
        let lookups: &'a [Lookup] = self.lookups;
        let indices = indices.map(Vec::as_slice).unwrap_or_default();
        let is_before = |index: &usize| {
            lookups
                .get(*index)
                .and_then(answered_at)
                .is_some_and(|at| at <= before)
        };
        let end = indices.partition_point(is_before);
        let earlier = indices
            .get(..end)
            .unwrap_or_default()
            .iter()
            .rev()
            .take(MAX_LOOKED_AT);
        earlier.filter_map(move |index| Some((*index, lookups.get(*index)?)))
    }
}

fn addresses(lookup: &Lookup) -> Option<(&Lookup, &[IpAddr])> {
    let answer = lookup.answer.as_ref()?;
    (!answer.addresses.is_empty()).then_some((lookup, answer.addresses.as_slice()))
}

fn answered_at(lookup: &Lookup) -> Option<Timestamp> {
    lookup.answer.as_ref().map(|answer| answer.sighting.at)
}

/// Who asked.
pub(super) fn of_client(lookup: &Lookup) -> Client {
    (lookup.vantage, lookup.client.ip())
}

/// Hosts that requests were sent to at an address without a proxy: the last
/// tie between a name and an address, where no lookup was captured.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    by_address: BTreeMap<SocketAddr, BTreeSet<String>>,
}

impl Hosts {
    /// Collects the `Host` of requests in origin form.
    pub fn of(observed: &[Observed]) -> Self {
        let mut hosts = Hosts::default();
        for seen in observed {
            let server = seen.conversation.server;
            for exchange in &seen.exchanges {
                let Some(request) = &exchange.request else {
                    continue;
                };
                let named = request
                    .headers
                    .get("Host")
                    .map(|host| super::url::host_and_port(host).0);
                let named = named.filter(|host| !host.is_empty());
                if let Some(host) = named.filter(|_| !super::route::chooses_proxy(exchange)) {
                    let names = hosts.by_address.entry(server).or_default();
                    if names.len() < MAX_HOSTS {
                        names.insert(host);
                    }
                }
            }
        }
        hosts
    }

    /// The hosts asked for at an address.
    pub fn at(&self, server: SocketAddr) -> impl Iterator<Item = &str> {
        self.by_address
            .get(&server)
            .into_iter()
            .flatten()
            .map(String::as_str)
    }
}

/// Hosts kept of one address; a shared one serves more than anybody can use.
const MAX_HOSTS: usize = 64;

#[cfg(test)]
mod tests {
    use super::super::fixtures::{CLIENT, at, lookup};
    use super::*;

    fn client() -> Client {
        (0, CLIENT.parse().unwrap_or(IpAddr::from([0; 4])))
    }

    fn ip(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn a_connection_belongs_to_the_latest_lookup_before_it() {
        let lookups = [
            lookup("a.example", 1.0, 0, &["192.0.2.1"]),
            lookup("b.example", 2.0, 0, &["192.0.2.1"]),
            lookup("c.example", 9.0, 0, &["192.0.2.1"]),
        ];
        let names = Names::of(&lookups);
        assert_eq!(names.leading_to(client(), ip(1), None, at(3.0)), [1, 0]);
        assert_eq!(
            names.leading_to(client(), ip(1), Some("a.example"), at(3.0)),
            [0]
        );
        assert_eq!(
            names.leading_to(client(), ip(1), None, at(60.0)),
            [] as [usize; 0]
        );
        assert_eq!(
            names.leading_to((1, client().1), ip(1), None, at(3.0)),
            [] as [usize; 0]
        );
        let meant = names.meant_by(client(), ip(1), at(3.0));
        assert_eq!(meant, ["b.example", "a.example", "c.example"]);
    }

    #[test]
    fn an_address_never_given_for_the_host_speaks_against_it() {
        let lookups = [lookup("a.example", 1.0, 0, &["192.0.2.1"])];
        let names = Names::of(&lookups);
        assert!(names.speak_against(client(), "a.example", ip(9), at(2.0)));
        assert!(!names.speak_against(client(), "a.example", ip(1), at(2.0)));
        assert!(!names.speak_against(client(), "a.example", ip(9), at(90.0)));
        assert!(!names.speak_against(client(), "b.example", ip(9), at(2.0)));
        assert!(names.speak_against(client(), "192.0.2.1", ip(9), at(2.0)));
    }
}
