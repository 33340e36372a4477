//! The captured line: frames written one after another, and the count of what
//! was written.

use std::io::{self, Write};

use super::traffic::Manifest;

/// The two ends of a flow.
#[derive(Clone)]
pub struct Ends {
    client: [u8; 4],
    client_port: u16,
    server: [u8; 4],
    server_port: u16,
}

pub const SYN: u8 = 0x02;
pub const ACK: u8 = 0x10;
pub const FIN: u8 = 0x01;

/// The line that is captured.
pub struct Line<'a> {
    out: &'a mut dyn Write,
    pub random: Random,
    micros: u64,
    pub manifest: Manifest,
}

impl<'a> Line<'a> {
    /// Writes the file header (pcap, little-endian, microseconds, Ethernet).
    pub fn new(out: &'a mut dyn Write) -> io::Result<Self> {
        let mut header = Vec::new();
        header.extend(0xa1b2_c3d4_u32.to_le_bytes());
        header.extend([2, 0, 4, 0]);
        header.extend([0; 8]);
        header.extend(262_144_u32.to_le_bytes());
        header.extend(1_u32.to_le_bytes());
        out.write_all(&header)?;
        let manifest = Manifest {
            bytes: header.len() as u64,
            ..Manifest::default()
        };
        Ok(Line {
            out,
            random: Random(1),
            micros: 1_700_000_000_000_000,
            manifest,
        })
    }

    /// Ends that no other flow has.
    pub fn new_ends(&mut self, server_port: u16) -> Ends {
        self.manifest.flows += 1;
        let number = self.manifest.flows;
        let low = (number % 60_000) as u16;
        let high = (number / 60_000) as u8;
        let client = [10, high, (number % 250) as u8, (number % 199) as u8];
        let server = [198, 51, 100, (number % 97) as u8];
        Ends {
            client,
            client_port: 1024 + low,
            server,
            server_port,
        }
    }

    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Writes one segment a few microseconds after the last.
    pub fn segment(
        &mut self,
        ends: &Ends,
        to_server: bool,
        sequence: u32,
        ack: u32,
        flags: u8,
        payload: &[u8],
    ) -> io::Result<()> {
        let mut head = [0_u8; 16 + 14 + 20 + 20];
        let length = (14 + 20 + 20 + payload.len()) as u32;
        self.micros += 3 + self.random.next() % 8;
        head[0..4].copy_from_slice(&((self.micros / 1_000_000) as u32).to_le_bytes());
        head[4..8].copy_from_slice(&((self.micros % 1_000_000) as u32).to_le_bytes());
        head[8..12].copy_from_slice(&length.to_le_bytes());
        head[12..16].copy_from_slice(&length.to_le_bytes());
        head[28..30].copy_from_slice(&[8, 0]);
        head[30] = 0x45;
        head[32..34].copy_from_slice(&((length - 14) as u16).to_be_bytes());
        head[38..40].copy_from_slice(&[64, 6]);
        let (source, destination) = if to_server {
            (
                (ends.client, ends.client_port),
                (ends.server, ends.server_port),
            )
        } else {
            (
                (ends.server, ends.server_port),
                (ends.client, ends.client_port),
            )
        };
        head[42..46].copy_from_slice(&source.0);
        head[46..50].copy_from_slice(&destination.0);
        head[50..52].copy_from_slice(&source.1.to_be_bytes());
        head[52..54].copy_from_slice(&destination.1.to_be_bytes());
        head[54..58].copy_from_slice(&sequence.to_be_bytes());
        head[58..62].copy_from_slice(&ack.to_be_bytes());
        head[62] = 0x50;
        head[63] = flags;
        head[64..66].copy_from_slice(&[0xff, 0xff]);
        self.out.write_all(&head)?;
        self.out.write_all(payload)?;
        self.manifest.packets += 1;
        self.manifest.bytes += u64::from(length) + 16;
        Ok(())
    }
}

/// Marsaglia's xorshift, 64 bits: the same numbers in every run.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }
}
