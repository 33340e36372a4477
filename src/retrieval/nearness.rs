//! Answers that come from nearer than the host: what a SYN-ACK tells of a proxy
//! that the client did not choose.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::flow::{Conversation, Reply};

use super::Observed;

/// The SYN-ACKs that each client had from each address, by port.
#[derive(Debug, Default)]
pub(super) struct Nearness(BTreeMap<Pair, Vec<(u16, Reply)>>);

/// Vantage point, client, server.
type Pair = (u32, IpAddr, IpAddr);

/// Hops by which one port of an address must be nearer than the others before
/// it tells anything: port forwarding and load balancers inside a site make a
/// difference of one or two.
const NEARER_BY: u8 = 3;

/// SYN-ACKs compared of one client and server; thousands are alike.
const MAX_REPLIES: usize = 512;

impl Nearness {
    /// Goes through all conversations once.
    pub fn of(observed: &[Observed]) -> Self {
        let mut found = Nearness::default();
        for each in observed {
            let conversation = &each.conversation;
            if let Some(reply) = conversation.reply {
                let replies = found.0.entry(pair(conversation)).or_default();
                if replies.len() < MAX_REPLIES {
                    replies.push((conversation.server.port(), reply));
                }
            }
        }
        found
    }

    /// How many hops nearer the other end of this conversation is than its
    /// address is by other connections of the same client, where that shows
    /// that somebody else answered for it.
    ///
    /// Compared are the connections to other ports, all of which must be
    /// farther than all to this port: by [`NEARER_BY`] hops, or by one where
    /// the maximum segment size differs too. Of connections to the same port
    /// those that are farther by as many hops and have another segment size
    /// count. Hops are counted from the nearest of the usual first values of
    /// the TTL (64, 128, 255), so that another system alone makes no
    /// difference.
    pub fn nearer_by(&self, conversation: &Conversation) -> Option<u8> {
        let own = conversation.reply?;
        let port = conversation.server.port();
        let replies = self.0.get(&pair(conversation))?;
        let mut others = replies.iter().filter(|(other, _)| *other != port);
        let same = || replies.iter().filter(|(other, _)| *other == port);
        let farthest = same().map(|(_, reply)| hops(*reply)).max()?;
        let sizes_differ = |reply: &Reply| {
            let sizes = (own.maximum_segment_size, reply.maximum_segment_size);
            matches!(sizes, (Some(own), Some(other)) if own != other)
        };
        if let Some((_, first)) = others.next() {
            let all = || std::iter::once(first).chain(others.clone().map(|(_, reply)| reply));
            let nearest = all().map(|reply| hops(*reply)).min()?;
            let by = nearest.checked_sub(farthest)?;
            let shown = by >= NEARER_BY || (by >= 1 && all().all(sizes_differ));
            return shown.then_some(by);
        }
        let other = same().filter(|(_, reply)| sizes_differ(reply));
        let by = other.filter_map(|(_, reply)| hops(*reply).checked_sub(hops(own)));
        by.filter(|by| *by >= NEARER_BY).min()
    }
}

fn pair(conversation: &Conversation) -> Pair {
    let (client, server) = (conversation.client.ip(), conversation.server.ip());
    (conversation.vantage, client, server)
}

/// Routers passed since the sender, if it began with one of the usual values.
fn hops(reply: Reply) -> u8 {
    const FIRST: [u8; 3] = [64, 128, 255];
    let first = FIRST.into_iter().find(|first| reply.ttl <= *first);
    first.unwrap_or(u8::MAX) - reply.ttl
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::super::fixtures::Talk;
    use super::*;

    fn answered(server: &str, port: u16, ttl: u8, size: u16) -> Observed {
        let mut seen = Talk::to(server).port(port).observed();
        seen.conversation.reply = Some(Reply {
            ttl,
            maximum_segment_size: Some(size),
        });
        seen
    }

    /// For the first of these.
    fn nearer(all: &[Observed]) -> Option<u8> {
        Nearness::of(all).nearer_by(&all[0].conversation)
    }

    #[test]
    fn a_port_that_answers_from_nearer_than_the_others_is_answered_by_somebody_else() {
        let web = answered("192.0.2.1:80", 50_000, 63, 1460);
        let secure = answered("192.0.2.1:443", 50_001, 52, 1460);
        assert_eq!(nearer(&[web, secure]), Some(11));
        // Another system at the far end: 117 is 11 hops from 128.
        let web = answered("192.0.2.1:80", 50_000, 63, 1460);
        let secure = answered("192.0.2.1:443", 50_001, 117, 1460);
        assert_eq!(nearer(&[web, secure]), Some(10));
    }

    #[test]
    fn one_distance_for_all_ports_shows_nothing() {
        let web = answered("192.0.2.1:80", 50_000, 52, 1460);
        let secure = answered("192.0.2.1:443", 50_001, 52, 1460);
        assert_eq!(nearer(&[web.clone(), secure]), None);
        // Nor another first value, nor another address.
        let other_system = answered("192.0.2.1:443", 50_001, 116, 1460);
        assert_eq!(nearer(&[web.clone(), other_system]), None);
        let other_address = answered("192.0.2.2:443", 50_001, 40, 1400);
        assert_eq!(nearer(&[web, other_address]), None);
    }

    #[test]
    fn one_or_two_hops_are_the_sites_own_unless_the_segment_size_differs() {
        let web = answered("192.0.2.1:80", 50_000, 54, 1460);
        let secure = answered("192.0.2.1:443", 50_001, 52, 1460);
        assert_eq!(nearer(&[web.clone(), secure]), None);
        let secure = answered("192.0.2.1:443", 50_001, 52, 1380);
        assert_eq!(nearer(&[web, secure]), Some(2));
    }

    #[test]
    fn the_size_alone_shows_nothing() {
        let web = answered("192.0.2.1:80", 50_000, 52, 1460);
        let secure = answered("192.0.2.1:443", 50_001, 52, 1380);
        assert_eq!(nearer(&[web, secure]), None);
    }

    #[test]
    fn a_port_that_is_sometimes_as_far_as_the_others_is_no_proof() {
        let web = answered("192.0.2.1:80", 50_000, 63, 1460);
        let far = answered("192.0.2.1:80", 50_002, 52, 1460);
        let secure = answered("192.0.2.1:443", 50_001, 52, 1460);
        assert_eq!(nearer(&[web, far, secure]), None);
    }

    #[test]
    fn two_ends_behind_one_port_show_in_distance_and_size_together() {
        let near = answered("192.0.2.1:80", 50_000, 63, 1460);
        let far = answered("192.0.2.1:80", 50_001, 52, 1380);
        assert_eq!(nearer(&[near.clone(), far.clone()]), Some(11));
        assert_eq!(nearer(&[far, near.clone()]), None);
        let other_route = answered("192.0.2.1:80", 50_001, 52, 1460);
        assert_eq!(nearer(&[near, other_route]), None);
    }
}
