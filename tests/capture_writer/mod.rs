//! Writes small captures for tests: HTTP exchanges of one client and one
//! server, each in a connection of its own, and single packets.

#![allow(dead_code)] // each test uses what it needs

/// Payload of the longest segment.
const LARGEST: usize = 32_000;

/// A classic capture of raw IPv4 packets (link type 101).
pub struct Capture {
    bytes: Vec<u8>,
    microseconds: u64,
    connections: u32,
}

impl Capture {
    /// A capture without packets.
    pub fn new() -> Self {
        let mut bytes = Vec::new();
        bytes.extend(0xa1b2_c3d4_u32.to_le_bytes());
        bytes.extend([2, 0, 4, 0]);
        bytes.extend([0; 8]);
        bytes.extend(65_535_u32.to_le_bytes());
        bytes.extend(101_u32.to_le_bytes());
        Capture {
            bytes,
            microseconds: 1_700_000_000_000_000,
            connections: 0,
        }
    }

    /// The file.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// A connection with one request and its answer.
    pub fn exchange(&mut self, request: impl AsRef<[u8]>, answer: impl AsRef<[u8]>) {
        const SYN: u8 = 2;
        const ACK: u8 = 16;
        const FIN: u8 = 1;
        let (request, answer) = (request.as_ref(), answer.as_ref());
        let asked = 1_001 + u32::try_from(request.len()).unwrap();
        let answered = 5_001 + u32::try_from(answer.len()).unwrap();
        self.segment(true, SYN, 1_000, 0, &[]);
        self.segment(false, SYN | ACK, 5_000, 1_001, &[]);
        self.segment(true, ACK, 1_001, 5_001, &[]);
        for (number, part) in (0..).zip(request.chunks(LARGEST)) {
            self.segment(true, ACK, 1_001 + number * LARGEST as u32, 5_001, part);
        }
        for (number, part) in (0..).zip(answer.chunks(LARGEST)) {
            self.segment(false, ACK, 5_001 + number * LARGEST as u32, asked, part);
        }
        self.segment(true, ACK | FIN, asked, answered, &[]);
        self.segment(false, ACK | FIN, answered, asked + 1, &[]);
        self.next_connection();
    }

    /// What follows comes from another port of the client.
    pub fn next_connection(&mut self) {
        self.connections += 1;
    }

    /// A segment of the current connection.
    pub fn segment(
        &mut self,
        to_server: bool,
        flags: u8,
        sequence: u32,
        acknowledged: u32,
        payload: &[u8],
    ) {
        let client = [10, 0, (self.connections / 60_000) as u8, 5];
        let port = 2_000 + u16::try_from(self.connections % 60_000).unwrap();
        let server = [203, 0, 113, 9];
        let (from, to, ports) = match to_server {
            true => (client, server, [port, 80]),
            false => (server, client, [80, port]),
        };
        let length = u16::try_from(40 + payload.len()).unwrap();
        let mut packet = vec![0x45, 0];
        packet.extend(length.to_be_bytes());
        packet.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
        packet.extend(from);
        packet.extend(to);
        packet.extend(ports.iter().flat_map(|port| port.to_be_bytes()));
        packet.extend(sequence.to_be_bytes());
        packet.extend(acknowledged.to_be_bytes());
        packet.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        packet.extend(payload);
        self.packet(&packet);
    }

    /// A packet as it is, of at most 65,535 bytes.
    pub fn packet(&mut self, packet: &[u8]) {
        let length = u32::try_from(packet.len()).unwrap();
        self.microseconds += 200;
        let seconds = u32::try_from(self.microseconds / 1_000_000).unwrap();
        let rest = u32::try_from(self.microseconds % 1_000_000).unwrap();
        for number in [seconds, rest, length, length] {
            self.bytes.extend(u32::to_le_bytes(number));
        }
        self.bytes.extend(packet);
    }
}
