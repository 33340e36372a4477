//! Made-up traffic for the benches: deterministic, and with a manifest of what
//! a complete reading must find.
//!
//! Flows run side by side and are drawn at random, as on a busy line: most are
//! bulk of no interest (HTTP downloads, TLS records, unknown protocols), some
//! fetch a trust list, a CRL or a certificate, some show a TLS handshake.
//! Segments are reordered and lost and sent again as the profile says.

use std::io::{self, Write};
use std::path::Path;

use whychain::capture::CaptureReader;
use whychain::packet::{self, Transport};
use whychain::provenance::EvidenceId;

/// What a capture is to be like.
#[derive(Debug, Clone)]
pub struct Profile {
    pub name: &'static str,
    /// Stop after this many bytes.
    pub bytes: u64,
    /// Payload of a full data segment.
    pub segment: usize,
    /// Bytes of payload in a bulk flow; 0 for no bulk at all.
    pub bulk: usize,
    /// One relevant flow for so many bytes written.
    pub relevant_every: u64,
    /// Data segments of which one is missing from the capture for good, in
    /// every bulk flow.
    pub hole_in_every_flow: bool,
    /// Nothing but SYNs that nobody answers.
    pub only_syns: bool,
}

/// What a complete reading finds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifest {
    pub packets: u64,
    pub bytes: u64,
    pub flows: u64,
    /// Downloads of trust objects, each whole.
    pub downloads: u64,
    /// TLS 1.2 handshakes with certificates in clear.
    pub handshakes: u64,
    /// Connects that nobody answered.
    pub unanswered: u64,
}

/// Writes a capture (pcap, little-endian, microseconds, Ethernet).
pub fn generate(profile: &Profile, out: &mut dyn Write) -> io::Result<Manifest> {
    let mut line = Line::new(out)?;
    if profile.only_syns {
        return only_syns(profile, line);
    }
    let content = Content::load()?;
    let mut live: Vec<Flow> = Vec::new();
    let mut next_relevant = 0;
    let mut bulk_made = 0;
    while line.manifest.bytes < profile.bytes {
        while live.len() < LIVE_FLOWS {
            let flow = if profile.bulk == 0 || line.manifest.bytes >= next_relevant {
                next_relevant += profile.relevant_every;
                relevant(&content, &mut line)
            } else {
                bulk_made += 1;
                bulk(&content, bulk_made, profile, &mut line)
            };
            live.push(flow);
        }
        let index = line.random.below(live.len());
        let done = live[index].burst(&mut line, profile.segment)?;
        if done {
            live.swap_remove(index);
        }
    }
    for mut flow in live {
        while !flow.burst(&mut line, profile.segment)? {}
    }
    line.out.flush()?;
    Ok(line.manifest)
}

/// Flows that run at the same time.
const LIVE_FLOWS: usize = 256;

fn only_syns(profile: &Profile, mut line: Line<'_>) -> io::Result<Manifest> {
    while line.manifest.bytes < profile.bytes {
        let ends = line.new_ends(443);
        line.segment(&ends, true, 1, 0, SYN, &[])?;
        line.manifest.unanswered += 1;
    }
    line.out.flush()?;
    Ok(line.manifest)
}

/// Bytes that a flow is made of.
struct Content {
    noise: Vec<u8>,
    objects: Vec<(&'static str, Vec<u8>)>,
    handshake: Vec<Turn>,
}

impl Content {
    fn load() -> io::Result<Self> {
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
        let mut random = Random(7);
        Ok(Content {
            noise: (0..NOISE_LEN).map(|_| random.next() as u8).collect(),
            objects: vec![
                (
                    "/msdownload/update/v3/static/trustedr/en/authrootstl.cab",
                    std::fs::read(data.join("pki/ctl-limits.cab"))?,
                ),
                (
                    "/pki/crl.crl",
                    std::fs::read(data.join("pki/crl-indirect-delta.der"))?,
                ),
                ("/pki/ca.crt", std::fs::read(data.join("pki/ca.der"))?),
            ],
            handshake: turns(&std::fs::read(data.join("handshakes/good-tls12.pcap"))?),
        })
    }
}

/// Random bytes at hand; bulk is cut out of them at random places.
const NOISE_LEN: usize = 4 << 20;

/// What one side says before the other answers.
#[derive(Clone)]
struct Turn {
    to_server: bool,
    bytes: Vec<u8>,
}

/// The dialogue of the first connection in a small capture.
fn turns(capture: &[u8]) -> Vec<Turn> {
    let mut reader = CaptureReader::new(EvidenceId(0));
    reader.feed(capture);
    reader.end();
    let mut turns: Vec<Turn> = Vec::new();
    let mut client = None;
    while let Some(frame) = reader.next_frame() {
        let read = packet::packet(frame.link_type, frame.captured, frame.original_len);
        let Ok(Some(packet)) = read else { continue };
        let Transport::Tcp(segment) = packet.transport else {
            continue;
        };
        let client = *client.get_or_insert(segment.source_port);
        if segment.payload.is_empty() {
            continue;
        }
        let to_server = segment.source_port == client;
        match turns.last_mut() {
            Some(turn) if turn.to_server == to_server => turn.bytes.extend(segment.payload),
            _ => turns.push(Turn {
                to_server,
                bytes: segment.payload.to_vec(),
            }),
        }
    }
    turns
}

fn relevant(content: &Content, line: &mut Line<'_>) -> Flow {
    let count = line.manifest.downloads + line.manifest.handshakes;
    if count % 4 == 3 {
        line.manifest.handshakes += 1;
        return line.flow(443, content.handshake.clone());
    }
    let (path, body) = &content.objects[(count % 4) as usize];
    line.manifest.downloads += 1;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: pki.example\r\nUser-Agent: Microsoft-CryptoAPI/10.0\r\n\r\n"
    );
    let mut answer =
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
    answer.extend(body);
    line.flow(
        80,
        vec![Turn::client(request.into_bytes()), Turn::server(answer)],
    )
}

fn bulk(content: &Content, number: u64, profile: &Profile, line: &mut Line<'_>) -> Flow {
    let length = profile.bulk / 2 + line.random.below(profile.bulk);
    let from = line
        .random
        .below(content.noise.len() - length.min(NOISE_LEN / 2));
    let noise = &content.noise[from..from + length.min(NOISE_LEN / 2)];
    let turns = match number % 4 {
        // An HTTP download whose body nobody wants.
        0 => {
            let request = format!("GET /video/{number} HTTP/1.1\r\nHost: cdn.example\r\n\r\n");
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nContent-Length: {}\r\n\r\n",
                noise.len()
            );
            let mut answer = head.into_bytes();
            answer.extend(noise);
            vec![Turn::client(request.into_bytes()), Turn::server(answer)]
        }
        // TLS application data of a session seen from its middle.
        1 | 2 => {
            let mut answer = Vec::with_capacity(noise.len());
            for record in noise.chunks(16_000) {
                answer.extend([23, 3, 3]);
                answer.extend((record.len() as u16).to_be_bytes());
                answer.extend(record);
            }
            vec![
                Turn::client(answer[..600.min(answer.len())].to_vec()),
                Turn::server(answer),
            ]
        }
        _ => vec![
            Turn::client(noise[..100.min(noise.len())].to_vec()),
            Turn::server(noise.to_vec()),
        ],
    };
    let mut flow = line.flow(if number.is_multiple_of(4) { 80 } else { 443 }, turns);
    if profile.hole_in_every_flow {
        flow.hole = Some(1 + line.random.below(20));
    }
    flow
}

impl Turn {
    fn client(bytes: Vec<u8>) -> Self {
        Turn {
            to_server: true,
            bytes,
        }
    }

    fn server(bytes: Vec<u8>) -> Self {
        Turn {
            to_server: false,
            bytes,
        }
    }
}

/// A conversation on its way through the line.
struct Flow {
    ends: Ends,
    turns: std::collections::VecDeque<Turn>,
    sent: usize,
    /// Next sequence numbers, client's and server's.
    sequence: [u32; 2],
    opened: bool,
    /// Data segments of the server until one is missing from the capture.
    hole: Option<usize>,
}

impl Flow {
    /// Sends the next few segments; true when the flow is over.
    fn burst(&mut self, line: &mut Line<'_>, segment: usize) -> io::Result<bool> {
        if !self.opened {
            self.opened = true;
            line.segment(&self.ends, true, self.sequence[0], 0, SYN, &[])?;
            line.segment(
                &self.ends,
                false,
                self.sequence[1],
                self.sequence[0].wrapping_add(1),
                SYN | ACK,
                &[],
            )?;
            self.sequence = self.sequence.map(|sequence| sequence.wrapping_add(1));
            line.segment(
                &self.ends,
                true,
                self.sequence[0],
                self.sequence[1],
                ACK,
                &[],
            )?;
            return Ok(false);
        }
        let Some(turn) = self.turns.front() else {
            line.segment(
                &self.ends,
                true,
                self.sequence[0],
                self.sequence[1],
                FIN | ACK,
                &[],
            )?;
            line.segment(
                &self.ends,
                false,
                self.sequence[1],
                self.sequence[0].wrapping_add(1),
                FIN | ACK,
                &[],
            )?;
            let last = self.sequence.map(|sequence| sequence.wrapping_add(1));
            line.segment(&self.ends, true, last[0], last[1], ACK, &[])?;
            return Ok(true);
        };
        let (own, other) = if turn.to_server { (0, 1) } else { (1, 0) };
        let ack = self.sequence[other];
        let rest = &turn.bytes[self.sent..];
        let mut order: Vec<(u32, &[u8])> = Vec::new();
        let mut sequence = self.sequence[own];
        for piece in rest.chunks(segment).take(1 + line.random.below(10)) {
            order.push((sequence, piece));
            sequence = sequence.wrapping_add(piece.len() as u32);
        }
        let count: usize = order.iter().map(|(_, piece)| piece.len()).sum();
        // One burst in 64 arrives with two neighbors exchanged, one in 128
        // loses a segment that is sent again.
        if order.len() > 1 && line.random.below(64) == 0 {
            let at = line.random.below(order.len() - 1);
            order.swap(at, at + 1);
        }
        if order.len() > 1 && line.random.below(128) == 0 {
            let lost = order.remove(line.random.below(order.len()));
            order.push(lost);
        }
        for (index, (sequence, piece)) in order.iter().enumerate() {
            if let Some(hole) = &mut self.hole
                && !turn.to_server
            {
                let Some(left) = hole.checked_sub(1) else {
                    self.hole = None;
                    continue;
                };
                *hole = left;
            }
            line.segment(&self.ends, turn.to_server, *sequence, ack, ACK, piece)?;
            if index % 3 != 0 {
                let seen = sequence.wrapping_add(piece.len() as u32);
                line.segment(&self.ends, !turn.to_server, ack, seen, ACK, &[])?;
            }
        }
        self.sequence[own] = sequence;
        self.sent += count;
        if self.sent == turn.bytes.len() {
            self.turns.pop_front();
            self.sent = 0;
        }
        Ok(false)
    }
}

#[derive(Clone)]
struct Ends {
    client: [u8; 4],
    client_port: u16,
    server: [u8; 4],
    server_port: u16,
}

const SYN: u8 = 0x02;
const ACK: u8 = 0x10;
const FIN: u8 = 0x01;

/// The line that is captured.
struct Line<'a> {
    out: &'a mut dyn Write,
    random: Random,
    micros: u64,
    manifest: Manifest,
}

impl<'a> Line<'a> {
    fn new(out: &'a mut dyn Write) -> io::Result<Self> {
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

    fn new_ends(&mut self, server_port: u16) -> Ends {
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

    fn flow(&mut self, server_port: u16, turns: Vec<Turn>) -> Flow {
        Flow {
            ends: self.new_ends(server_port),
            turns: turns.into(),
            sent: 0,
            sequence: [self.random.next() as u32, self.random.next() as u32],
            opened: false,
            hole: None,
        }
    }

    fn segment(
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
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }
}
