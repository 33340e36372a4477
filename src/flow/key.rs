//! What names a conversation in the table, and how it is hashed.

use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The two endpoints of a conversation in a fixed order, so that both
/// directions have the same key.
#[derive(Debug, Clone, Copy, Eq)]
pub(super) struct FlowKey {
    // Both addresses, then both ports and the IP version: compared and hashed
    // as five words.
    words: [u64; 5],
}

/// One of the two endpoints of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Low,
    High,
}

impl End {
    pub(super) fn other(self) -> Self {
        match self {
            End::Low => End::High,
            End::High => End::Low,
        }
    }
}

impl FlowKey {
    /// The key of a packet, and at which end its sender is. Endpoints of
    /// different IP versions, which no packet has, get a key of their own.
    #[inline]
    pub(super) fn new(
        (source, source_port): (IpAddr, u16),
        (destination, destination_port): (IpAddr, u16),
    ) -> (Self, End) {
        if let (IpAddr::V4(source), IpAddr::V4(destination)) = (source, destination) {
            return FlowKey::of_v4((source, source_port), (destination, destination_port));
        }
        let from = (number(source), source_port);
        let to = (number(destination), destination_port);
        let (low, high, end) = if from <= to {
            (from, to, End::Low)
        } else {
            (to, from, End::High)
        };
        let version = u64::from(source.is_ipv6()) | (u64::from(destination.is_ipv6()) << 1);
        let words = [
            (low.0 >> 64) as u64,
            low.0 as u64,
            (high.0 >> 64) as u64,
            high.0 as u64,
            (version << 32) | (u64::from(low.1) << 16) | u64::from(high.1),
        ];
        (FlowKey { words }, end)
    }

    /// The same with less work, which counts: it is done for every packet.
    #[inline]
    fn of_v4(
        (source, source_port): (Ipv4Addr, u16),
        (destination, destination_port): (Ipv4Addr, u16),
    ) -> (Self, End) {
        let of =
            |address: Ipv4Addr, port: u16| (u64::from(address.to_bits()) << 16) | u64::from(port);
        let (from, to) = (of(source, source_port), of(destination, destination_port));
        let (low, high, end) = match from <= to {
            true => (from, to, End::Low),
            false => (to, from, End::High),
        };
        let ports = ((low & 0xFFFF) << 16) | (high & 0xFFFF);
        let words = [0, low >> 16, 0, high >> 16, ports];
        (FlowKey { words }, end)
    }

    /// The endpoint at one end.
    pub(super) fn endpoint(&self, end: End) -> SocketAddr {
        let [low_top, low, high_top, high, rest] = self.words;
        let (top, bottom, port) = match end {
            End::Low => (low_top, low, (rest >> 16) as u16),
            End::High => (high_top, high, rest as u16),
        };
        let address = if rest >> 32 == 0 {
            IpAddr::V4(Ipv4Addr::from_bits(bottom as u32))
        } else {
            IpAddr::V6(Ipv6Addr::from_bits(
                (u128::from(top) << 64) | u128::from(bottom),
            ))
        };
        SocketAddr::new(address, port)
    }

    /// The end with the lower port, if they differ.
    pub(super) fn lower_port(&self) -> Option<End> {
        let (low, high) = ((self.words[4] >> 16) as u16, self.words[4] as u16);
        match low.cmp(&high) {
            std::cmp::Ordering::Less => Some(End::Low),
            std::cmp::Ordering::Equal => None,
            std::cmp::Ordering::Greater => Some(End::High),
        }
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_bits().into(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

impl PartialEq for FlowKey {
    /// Word by word and without a branch: the derived comparison calls out to
    /// compare memory, which takes longer than the comparison itself.
    fn eq(&self, other: &Self) -> bool {
        let [a, b, c, d, e] = self.words;
        let [v, w, x, y, z] = other.words;
        ((a ^ v) | (b ^ w) | (c ^ x) | (d ^ y) | (e ^ z)) == 0
    }
}

impl Hash for FlowKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for word in self.words {
            state.write_u64(word);
        }
    }
}

/// Hashes keys with a secret chosen at random for each table: a capture is
/// hostile input, and with a known hash its author could make all keys
/// collide. Much cheaper than the standard one, for one lookup per packet.
#[derive(Debug, Clone)]
pub(super) struct KeyHash {
    seed: u64,
    multiplier: u64,
}

impl Default for KeyHash {
    fn default() -> Self {
        let random = RandomState::new();
        KeyHash {
            seed: random.hash_one(0_u8),
            multiplier: random.hash_one(1_u8) | 1,
        }
    }
}

impl BuildHasher for KeyHash {
    type Hasher = KeyHasher;

    fn build_hasher(&self) -> KeyHasher {
        KeyHasher {
            state: self.seed,
            multiplier: self.multiplier,
        }
    }
}

/// Folds each word in by a full multiplication with the secret. The halves of
/// the product are put over each other as they are: the low bits of the upper
/// half depend on every bit of the word, and they choose the place in the table.
#[derive(Debug)]
pub(super) struct KeyHasher {
    state: u64,
    multiplier: u64,
}

impl Hasher for KeyHasher {
    fn write_u64(&mut self, word: u64) {
        let product = u128::from(self.state ^ word) * u128::from(self.multiplier);
        self.state = (product as u64) ^ (product >> 64) as u64;
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    /// Mixes once more, by a fixed factor: neighbors differ in the low bits of
    /// the last word, and with one random factor in eight the low bits of their
    /// products go together. Those bits choose the place in a table.
    fn finish(&self) -> u64 {
        let product = u128::from(self.state) * u128::from(GOLDEN);
        (product as u64) ^ (product >> 64) as u64
    }
}

/// 2⁶⁴ divided by the golden ratio: its multiples spread evenly (Knuth, The Art
/// of Computer Programming 6.4).
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn both_directions_have_one_key_and_its_ends_are_the_endpoints() {
        for (client, server) in [
            ("10.0.0.9:50000", "10.0.0.1:80"),
            ("[2001:db8::9]:50000", "[2001:db8::1]:80"),
        ] {
            let (client, server): (SocketAddr, SocketAddr) =
                (client.parse().unwrap(), server.parse().unwrap());
            let pair = |end: SocketAddr| (end.ip(), end.port());
            let (key, end) = FlowKey::new(pair(client), pair(server));
            let (back, other) = FlowKey::new(pair(server), pair(client));
            assert_eq!(key, back);
            assert_eq!(end.other(), other);
            assert_eq!(key.endpoint(end), client);
            assert_eq!(key.endpoint(other), server);
            assert_eq!(key.lower_port(), Some(other));
        }
    }

    #[test]
    fn an_ipv4_address_is_not_the_ipv6_address_of_the_same_number() {
        let v4 = IpAddr::from([10, 0, 0, 1]);
        let v6 = IpAddr::V6(Ipv6Addr::from_bits(0x0a00_0001));
        assert_ne!(
            FlowKey::new((v4, 1), (v4, 2)).0,
            FlowKey::new((v6, 1), (v6, 2)).0
        );
    }

    #[test]
    fn neighbors_do_not_collide_and_tables_differ() {
        let address = IpAddr::from([10, 0, 0, 1]);
        let hash = KeyHash::default();
        let hashes: std::collections::BTreeSet<u64> = (0..10_000_u16)
            .map(|port| hash.hash_one(FlowKey::new((address, port), (address, 443)).0))
            .collect();
        assert_eq!(hashes.len(), 10_000);
        let key = FlowKey::new((address, 1), (address, 2)).0;
        assert_ne!(hash.hash_one(key), KeyHash::default().hash_one(key));
    }
    /// A table takes the place from the low bits. Of random ones, 10,000 keys
    /// fill about 7,500 of 16,384 places.
    #[test]
    fn keys_that_differ_in_one_field_spread_over_a_table() {
        let (client, server) = (IpAddr::from([10, 1, 0, 0]), IpAddr::from([203, 0, 113, 9]));
        let host = |number: u16| {
            let [high, low] = number.to_be_bytes();
            IpAddr::from([10, 2, high, low])
        };
        let places = |key: &dyn Fn(u16) -> FlowKey| {
            let hash = KeyHash::default();
            let all = (0..10_000).map(|number| hash.hash_one(key(number)) & 0x3FFF);
            all.collect::<std::collections::BTreeSet<u64>>().len()
        };
        let lower = |port| FlowKey::new((client, port), (server, 80)).0;
        let higher = |port| FlowKey::new((server, port), (client, 80)).0;
        let target = |number| FlowKey::new((client, 50_000), (host(number), 80)).0;
        let source = |number| FlowKey::new((host(number), 50_000), (server, 80)).0;
        for key in [&lower as &dyn Fn(u16) -> FlowKey, &higher, &target, &source] {
            for _ in 0..50 {
                let taken = places(key);
                assert!(taken > 6_000, "{taken}");
            }
        }
    }
}
