//! Segments and fragments of a few connections: overlaps, holes, wraps of the
//! sequence number, closes and reuse. The payload of a segment is told by its
//! sequence number, so that whatever is delivered must continue itself.
//!
//! ```text
//! | flags | more | sequence, u16 | acknowledgment, u16 | length | missing | seconds |
//! ```
#![no_main]

use std::net::IpAddr;

use libfuzzer_sys::fuzz_target;
use whychain::flow::{Close, Demand, Direction, FlowTable, StreamConsumer};
use whychain::packet::{Fragment, Packet, Segment, TcpFlags, Transport, Unreachable};
use whychain::provenance::{EvidenceId, Sighting};
use whychain::time::Timestamp;

/// Knows which byte comes next in each direction.
#[derive(Default)]
struct Consumer {
    next: [Option<u8>; 2],
    demand: u8,
}

impl Consumer {
    fn pass(&mut self, direction: Direction, length: u64) {
        let next = &mut self.next[direction.index()];
        *next = next.map(|next| next.wrapping_add(length as u8));
    }
}

impl StreamConsumer for Consumer {
    fn bytes(&mut self, direction: Direction, bytes: &[u8], _: Sighting) -> Demand {
        let next = &mut self.next[direction.index()];
        for byte in bytes {
            assert_eq!(*byte, next.unwrap_or(*byte), "bytes out of order");
            *next = Some(byte.wrapping_add(1));
        }
        self.demand = self.demand.wrapping_add(1);
        match self.demand % 8 {
            3 => Demand::Skip(u64::from(self.demand)),
            7 => Demand::Skip(5000),
            _ => Demand::More,
        }
    }

    fn gap(&mut self, direction: Direction, length: Option<u64>, _: Sighting) {
        match length {
            Some(length) => self.pass(direction, length),
            None => self.next[direction.index()] = None,
        }
    }

    fn skipped(&mut self, direction: Direction, length: u64, _: Sighting) {
        self.pass(direction, length);
    }

    fn closed(&mut self, _: &Close) {}
}

/// The payload at a sequence number.
fn payload(sequence: u32, length: usize) -> Vec<u8> {
    (0..length)
        .map(|at| (sequence as u8).wrapping_add(at as u8))
        .collect()
}

fuzz_target!(|bytes: &[u8]| {
    let mut table = FlowTable::new(0, 1, |_| Consumer::default());
    let (mut rest, mut second, mut number) = (bytes, 1_795_000_000_i64, 0);
    while let Some(([flags, more, s, t, a, b, length, missing, seconds], behind)) =
        rest.split_first_chunk()
    {
        rest = behind;
        number += 1;
        second += i64::from(*seconds) - i64::from(more >> 7) * 128;
        let Some(at) = Timestamp::from_unix(second, 0) else {
            return;
        };
        let seen = Sighting {
            at,
            evidence: EvidenceId(0),
            packet: number,
        };
        // Few bits of difference, in the low or in the high half.
        let wide = |low: u8, high: u8| {
            let value = u32::from(u16::from_le_bytes([low, high]));
            if more & 1 == 0 {
                value
            } else {
                value.rotate_right(16)
            }
        };
        let (sequence, acknowledgment) = (wide(*s, *t), wide(*a, *b));
        let data = payload(
            sequence.wrapping_add(u32::from(flags & 2 != 0)),
            usize::from(*length) << (more >> 1 & 3),
        );
        let client = (
            IpAddr::from([10, 0, 0, 5]),
            50_000 + u16::from(more >> 3 & 1),
        );
        let server = (IpAddr::from([10, 0, 0, 1]), 80);
        let (from, to) = if flags & 1 == 0 {
            (client, server)
        } else {
            (server, client)
        };
        let transport = match more >> 4 & 7 {
            6 => Transport::Fragment(Fragment {
                identification: u32::from(flags >> 5),
                protocol: if flags & 16 == 0 { 6 } else { 17 },
                offset: u32::from(*s) * 8,
                more: flags & 8 != 0,
                payload: &data,
                missing: u32::from(*missing),
            }),
            7 => Transport::Unreachable(Unreachable {
                icmp_type: 3,
                code: flags >> 4,
                v6: false,
                source: to.0,
                destination: from.0,
                protocol: 6,
                source_port: Some(to.1),
                destination_port: Some(from.1),
                sequence: (flags & 8 == 0).then_some(sequence),
                mtu: (flags & 4 == 0).then_some(acknowledgment),
            }),
            _ => Transport::Tcp(Segment {
                source_port: from.1,
                destination_port: to.1,
                sequence,
                acknowledgment,
                flags: TcpFlags {
                    syn: flags & 2 != 0,
                    ack: flags & 4 != 0,
                    fin: flags & 8 != 0,
                    rst: flags & 16 != 0,
                },
                payload: &data,
                missing: u32::from(*missing),
                maximum_segment_size: (flags & 32 != 0).then_some(1460),
            }),
        };
        let packet = Packet {
            source: from.0,
            destination: to.0,
            ttl: flags >> 5,
            transport,
        };
        drop(table.push(&packet, seen));
        if flags & 64 != 0 && number % 16 == 0 {
            drop(table.take_ended());
        }
    }
    drop(table.finish());
});
