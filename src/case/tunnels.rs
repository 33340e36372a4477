//! Handshakes inside a CONNECT tunnel that a capture shows on both sides of
//! the proxy: the same bytes, so one handshake.

use std::collections::BTreeMap;

use super::Handshake;
use crate::protocol::tls::ClientHello;
use crate::provenance::merged;
use crate::time::Span;

/// The copy beyond the proxy follows within this, clocks apart included.
const PASSED_ON_WITHIN: Span = Span::seconds(60);

/// Leaves out the handshakes that a proxy passed on from a tunnel, and cites
/// their frames with the tunnel's. An inspecting proxy speaks for itself: its
/// ClientHello is another one.
#[must_use]
pub fn once(all: Vec<Handshake>) -> Vec<Handshake> {
    let mut tunnels: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (index, handshake) in all.iter().enumerate() {
        if let (Some(hello), Some(_)) = (&handshake.client_hello, &handshake.tunnel) {
            tunnels.entry(hello.gmt_unix_time).or_default().push(index);
        }
    }
    if tunnels.is_empty() {
        return all;
    }
    let mut onward: BTreeMap<usize, usize> = BTreeMap::new();
    for (index, handshake) in all.iter().enumerate() {
        let (Some(hello), None) = (&handshake.client_hello, &handshake.tunnel) else {
            continue;
        };
        let candidates = tunnels.get(&hello.gmt_unix_time).into_iter().flatten();
        let tunnel = candidates.copied().find(|tunnel| {
            all.get(*tunnel)
                .is_some_and(|tunnel| is_passed_on(tunnel, handshake))
        });
        if let Some(tunnel) = tunnel {
            onward.insert(index, tunnel);
        }
    }
    let cites: Vec<(usize, Vec<_>)> = onward
        .iter()
        .filter_map(|(index, tunnel)| Some((*tunnel, all.get(*index)?.cites.clone())))
        .collect();
    let mut slots: Vec<Option<Handshake>> = all.into_iter().map(Some).collect();
    for (tunnel, more) in cites {
        if let Some(Some(handshake)) = slots.get_mut(tunnel) {
            handshake.cites.extend(more);
            handshake.cites = merged(std::mem::take(&mut handshake.cites));
        }
    }
    for index in onward.keys() {
        if let Some(slot) = slots.get_mut(*index) {
            *slot = None;
        }
    }
    slots.into_iter().flatten().collect()
}

fn is_passed_on(tunnel: &Handshake, onward: &Handshake) -> bool {
    let (Some(one), Some(other)) = (&tunnel.client_hello, &onward.client_hello) else {
        return false;
    };
    onward.client.ip() == tunnel.server.ip()
        && onward.at.since(tunnel.at).abs() <= PASSED_ON_WITHIN
        && same_hello(one, other)
}

/// True for the same bytes, as far as they are kept; the random's first 4 bytes
/// are among them.
fn same_hello(one: &ClientHello, other: &ClientHello) -> bool {
    let other = ClientHello {
        sighting: one.sighting,
        ..other.clone()
    };
    *one == other
}
