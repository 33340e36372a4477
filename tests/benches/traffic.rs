//! Made-up traffic for the benches: deterministic, and with a manifest of what
//! a complete reading must find.
//!
//! Flows run side by side and are drawn at random, as on a busy line: most are
//! bulk of no interest (HTTP downloads, TLS records, unknown protocols), some
//! fetch a trust list, a CRL or a certificate, some show a TLS handshake.
//! Segments are reordered, and lost and sent again; in some flows one is missing
//! from the capture for good.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::path::Path;

use whychain::capture::CaptureReader;
use whychain::packet::{self, Transport};
use whychain::provenance::EvidenceId;

use super::line::{ACK, Ends, FIN, Line, Random, SYN};

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
    /// Every so many bulk flows lack one data segment in the capture.
    pub hole_every: u64,
    /// Nothing but SYNs that nobody answers.
    pub only_syns: bool,
}

/// What a complete reading finds.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Manifest {
    pub packets: u64,
    pub bytes: u64,
    pub flows: u64,
    /// Payload in the capture, repeated bytes counted once.
    pub payload: u64,
    /// Flows that lack a segment in the capture, and the bytes in those segments.
    pub flows_with_holes: u64,
    pub missing: u64,
    /// Segments that came late or twice.
    pub disordered: u64,
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
    line.flush()?;
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
    line.flush()?;
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
        return Flow::new(line, 443, content.handshake.clone());
    }
    let (path, body) = &content.objects[(count % 4) as usize];
    line.manifest.downloads += 1;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: pki.example\r\nUser-Agent: Microsoft-CryptoAPI/10.0\r\n\r\n"
    );
    let mut answer =
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
    answer.extend(body);
    Flow::new(
        line,
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
    let mut flow = Flow::new(line, if number.is_multiple_of(4) { 80 } else { 443 }, turns);
    if profile.hole_every > 0 && number.is_multiple_of(profile.hole_every) {
        flow.hole = Some(1 + line.random.below(20));
        line.manifest.flows_with_holes += 1;
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
    turns: VecDeque<Turn>,
    sent: usize,
    /// Next sequence numbers, client's and server's.
    sequence: [u32; 2],
    opened: bool,
    /// Data segments of the server until one is missing from the capture.
    hole: Option<usize>,
}

/// A segment of a burst: where it begins in the stream, and its payload.
type Piece<'a> = (u32, &'a [u8]);

impl Flow {
    fn new(line: &mut Line<'_>, server_port: u16, turns: Vec<Turn>) -> Self {
        Flow {
            ends: line.new_ends(server_port),
            turns: turns.into(),
            sent: 0,
            sequence: [line.random.next() as u32, line.random.next() as u32],
            opened: false,
            hole: None,
        }
    }

    /// Sends the next few segments; true when the flow is over.
    fn burst(&mut self, line: &mut Line<'_>, segment: usize) -> io::Result<bool> {
        if !self.opened {
            self.open(line)?;
        }
        let Some(turn) = self.turns.front() else {
            self.close(line)?;
            return Ok(true);
        };
        let (own, other) = if turn.to_server { (0, 1) } else { (1, 0) };
        let rest = &turn.bytes[self.sent..];
        let mut order: Vec<Piece> = Vec::new();
        let first = self.sequence[own];
        let mut end = first;
        for piece in rest.chunks(segment).take(1 + line.random.below(10)) {
            order.push((end, piece));
            end = end.wrapping_add(piece.len() as u32);
        }
        disorder(&mut order, self.hole.is_none(), line);
        line.manifest.payload += u64::from(end.wrapping_sub(first));
        let mut received = Received::from(first);
        for (index, piece) in order.iter().enumerate() {
            let acknowledged = received.take(piece);
            let is_hole = !turn.to_server && self.hole == Some(0);
            if !turn.to_server {
                self.hole = self.hole.and_then(|left| left.checked_sub(1));
            }
            if is_hole {
                line.manifest.missing += piece.1.len() as u64;
                line.manifest.payload -= piece.1.len() as u64;
                continue;
            }
            let ack = self.sequence[other];
            line.segment(&self.ends, turn.to_server, piece.0, ack, ACK, piece.1)?;
            if index % 3 != 0 {
                line.segment(&self.ends, !turn.to_server, ack, acknowledged, ACK, &[])?;
            }
        }
        self.sequence[own] = end;
        self.sent += end.wrapping_sub(first) as usize;
        if self.sent == turn.bytes.len() {
            self.turns.pop_front();
            self.sent = 0;
        }
        Ok(false)
    }

    fn open(&mut self, line: &mut Line<'_>) -> io::Result<()> {
        self.opened = true;
        let [client, server] = self.sequence;
        let next = [client.wrapping_add(1), server.wrapping_add(1)];
        line.segment(&self.ends, true, client, 0, SYN, &[])?;
        line.segment(&self.ends, false, server, next[0], SYN | ACK, &[])?;
        line.segment(&self.ends, true, next[0], next[1], ACK, &[])?;
        self.sequence = next;
        Ok(())
    }

    fn close(&mut self, line: &mut Line<'_>) -> io::Result<()> {
        let [client, server] = self.sequence;
        line.segment(&self.ends, true, client, server, FIN | ACK, &[])?;
        let after = client.wrapping_add(1);
        line.segment(&self.ends, false, server, after, FIN | ACK, &[])?;
        let last = server.wrapping_add(1);
        line.segment(&self.ends, true, after, last, ACK, &[])
    }
}

/// One burst in 64 arrives with two neighbors exchanged; in one of 128 a segment
/// is lost before the capture point and sent again behind the others; in one of
/// 128 it is lost behind the capture point, which sees it twice.
fn disorder(order: &mut Vec<Piece<'_>>, may_repeat: bool, line: &mut Line<'_>) {
    if order.len() < 2 {
        return;
    }
    if line.random.below(64) == 0 {
        let at = line.random.below(order.len() - 1);
        order.swap(at, at + 1);
        line.manifest.disordered += 1;
    }
    if line.random.below(128) == 0 {
        let lost = order.remove(line.random.below(order.len()));
        order.push(lost);
        line.manifest.disordered += 1;
    }
    if may_repeat && line.random.below(128) == 0 {
        order.push(order[line.random.below(order.len())]);
        line.manifest.disordered += 1;
    }
}

/// What the receiver of a burst has, so that it acknowledges no more than that.
struct Received {
    upto: u32,
    early: Vec<(u32, u32)>,
}

impl Received {
    fn from(upto: u32) -> Self {
        let early = Vec::new();
        Received { upto, early }
    }

    /// Takes a segment; gives the acknowledgment number.
    fn take(&mut self, (start, bytes): &Piece<'_>) -> u32 {
        self.early
            .push((*start, start.wrapping_add(bytes.len() as u32)));
        while let Some(at) = self.early.iter().position(|piece| piece.0 == self.upto) {
            self.upto = self.early.swap_remove(at).1;
        }
        self.upto
    }
}
