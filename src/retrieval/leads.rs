//! Which lookups were made for which connection.

use std::collections::{BTreeMap, BTreeSet};

use crate::flow::Unanswered;

use super::names::Names;
use super::{Observed, route, url};

/// Lookups by the conversation that they led to: the first one to an address
/// given, shortly after. Later connections used a remembered answer.
///
/// Conversations have their index, unanswered connects the index behind them.
#[derive(Debug, Default)]
pub(super) struct Leads {
    by_conversation: BTreeMap<usize, Vec<usize>>,
}

impl Leads {
    pub fn of(observed: &[Observed], unanswered: &[Unanswered], names: &Names<'_>) -> Self {
        let talks = observed.iter().map(|seen| {
            let it = &seen.conversation;
            (it.first.at, it.id, it.vantage, it.client, it.server)
        });
        let connects = unanswered.iter().map(|it| {
            (
                it.first().at,
                it.id(),
                it.vantage(),
                it.client(),
                it.server(),
            )
        });
        let mut order: Vec<_> = talks
            .chain(connects)
            .enumerate()
            .filter(|(_, (.., server))| names.know(server.ip()))
            .collect();
        order.sort_unstable_by_key(|(_, (begun_at, id, ..))| (*begun_at, *id));
        let mut leads = Leads::default();
        let mut taken: BTreeSet<usize> = BTreeSet::new();
        for (index, (begun_at, _, vantage, client, server)) in order {
            let meant = observed.get(index).and_then(name_meant);
            let client = (vantage, client.ip());
            let mut own = names.leading_to(client, server.ip(), meant.as_deref(), begun_at);
            own.retain(|lookup| !taken.contains(lookup));
            if !own.is_empty() {
                taken.extend(&own);
                leads.by_conversation.insert(index, own);
            }
        }
        leads
    }

    /// The lookups of a conversation, the latest first.
    pub fn to(&self, conversation: usize) -> &[usize] {
        self.by_conversation
            .get(&conversation)
            .map(Vec::as_slice)
            .unwrap_or_default()
    }
}

/// The name that a connection was made for, where it shows. The name that leads
/// to a proxy is the proxy's own, which no request tells.
fn name_meant(seen: &Observed) -> Option<String> {
    match seen.exchanges.first() {
        Some(exchange) if route::chooses_proxy(exchange) => None,
        Some(exchange) => {
            let host = exchange.request.as_ref()?.headers.get("Host")?;
            Some(url::host_and_port(host).0)
        }
        None => {
            let hello = seen.handshakes.first()?.client_hello.as_ref()?;
            hello
                .server_name
                .as_ref()
                .map(|name| name.to_ascii_lowercase())
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::super::fixtures::{Talk, lookup};
    use super::*;

    #[test]
    fn a_lookup_belongs_to_the_first_connection_after_it() {
        let lookups = [lookup("px.example", 1.0, 0, &["10.0.0.1"])];
        let talk = |port, start| {
            let talk = Talk::to("10.0.0.1:3128").port(port).starting(start);
            talk.get("http://crl.example/a.crl", "crl.example")
                .observed()
        };
        let observed = [talk(50_001, 5.0), talk(50_000, 2.0)];
        let leads = Leads::of(&observed, &[], &Names::of(&lookups));
        assert_eq!(leads.to(1), [0]);
        assert_eq!(leads.to(0), [] as [usize; 0]);
    }

    #[test]
    fn of_two_names_at_one_address_each_connection_gets_its_own() {
        let lookups = [
            lookup("a.example", 1.0, 0, &["192.0.2.1"]),
            lookup("b.example", 1.1, 0, &["192.0.2.1"]),
        ];
        let talk = |port, start, host| {
            Talk::to("192.0.2.1:80")
                .port(port)
                .starting(start)
                .get("/", host)
                .observed()
        };
        let observed = [
            talk(50_000, 2.0, "b.example"),
            talk(50_001, 2.5, "a.example"),
        ];
        let leads = Leads::of(&observed, &[], &Names::of(&lookups));
        assert_eq!((leads.to(0), leads.to(1)), ([1].as_slice(), [0].as_slice()));
    }
}
