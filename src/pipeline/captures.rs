//! Captures: frames to conversations, one pass over each file.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use super::Progress;
use super::key_logs;
use crate::capture::{CaptureReader, Comments};
use crate::case::assemble::{CaptureName, Gathered};
use crate::case::bodies::{keep_bytes, read_body, unread_issue};
use crate::case::{CaptureNote, NoteKind, Vantage};
use crate::evidence::{Chunk, Discovery, EvidenceKind, Located};
use crate::flow::{CloseKind, Conversation, Direction, FlowTable};
use crate::issue::Issue;
use crate::packet::{self, Packet, Transport};
use crate::pki;
use crate::protocol::dhcp::{self, DhcpMessage};
use crate::protocol::key_log::KeyLog;
use crate::protocol::ldap::LdapSession;
use crate::protocol::local_names::LocalNames;
use crate::protocol::room::{self, Room};
use crate::protocol::{Dialogue, End, Recognition, Transcript, dns, http, ntp, quic, tls};
use crate::provenance::{Cite, EvidenceId, Sighting};
use crate::retrieval::{self, Observed};
use crate::time::{Span, Timestamp};

/// A capture that begins this soon after another of the same folder ended
/// continues it: ring buffers switch files within a packet, people within minutes.
const CONTINUES_WITHIN: Span = Span::seconds(600);
/// Failed connects kept. A scan makes millions; the first ones show it, and
/// what matters is named by a look-up or a certificate.
const MAX_FAILED_CONNECTS: usize = 200_000;

/// A place where packets were captured: captures that follow one another share
/// its flow table.
struct Place {
    number: u32,
    parent: String,
    stem: String,
    last_at: Option<Timestamp>,
    flows: FlowTable<Dialogue>,
    lookups: dns::Lookups,
    ntp: ntp::NtpExchanges,
    local: LocalNames,
    dhcp: Vec<DhcpMessage>,
    quality: Vantage,
    datagrams_quic: u64,
    /// Bytes kept of answers that may be parts of an object.
    pieces: usize,
}

/// Reads every capture of the discovery.
pub fn captures(
    discovery: &mut Discovery,
    options: http::Options,
    keys: &KeyLog,
    gathered: &mut Gathered,
    progress: &mut dyn FnMut(Progress),
) {
    let Discovery { files, inputs } = discovery;
    let mut captures: Vec<&Located> = files
        .iter()
        .filter(|file| matches!(file.kind, EvidenceKind::Pcap | EvidenceKind::Pcapng))
        .collect();
    let mut first_at: BTreeMap<usize, Option<Timestamp>> = BTreeMap::new();
    if captures.len() > 1 {
        for file in &captures {
            let head = inputs.peek(file);
            if let Some(head) = &head
                && file.kind == EvidenceKind::Pcapng
            {
                key_logs::of_front(head, keys);
            }
            first_at.insert(file.index, head.and_then(|head| first_time(&head)));
        }
        captures.sort_by_key(|file| (first_at.get(&file.index).copied().flatten(), file.index));
    }
    let total = captures.iter().map(|file| file.size).sum();
    let mut done = 0;
    let mut places: Vec<Place> = Vec::new();
    let mut failed_connects = 0;
    let room = Room::default();
    for file in captures {
        let begins = first_at.get(&file.index).copied().flatten();
        let index = place_of(&mut places, file, begins, (options, keys, &room));
        let Some(place) = places.get_mut(index) else {
            continue;
        };
        let Some(mut stream) = inputs.open(file) else {
            continue;
        };
        let evidence = stream.evidence();
        let mut reader = CaptureReader::new(evidence);
        let mut frames = Frames {
            evidence,
            last_at: begins,
            unread: BTreeMap::new(),
            key_issues: Vec::new(),
        };
        // The stream keeps a read error; closing it makes the issue.
        while let Ok(Some(chunk)) = stream.next_chunk() {
            reader.feed(Bytes(chunk));
            frames.drain(&mut reader, place, keys);
            let ended = place.flows.take_ended();
            collect(ended, End::Closed, place, gathered, &mut failed_connects);
            collect_unanswered(place, gathered, &mut failed_connects);
            let what = file.path.clone();
            progress(Progress {
                what,
                done: done + stream.file_position(),
                total,
            });
        }
        reader.end();
        frames.drain(&mut reader, place, keys);
        gathered.issues.extend(reader.take_issues());
        let places = reader.index().map(|index| (evidence, index));
        gathered.places.extend(places);
        let summary = reader.summary().clone();
        let named = summary.names.iter().map(|(address, name)| CaptureName {
            vantage: place.number,
            address: *address,
            name: name.clone(),
            cite: Cite::whole(evidence, file.size),
        });
        gathered.capture_names.extend(named);
        take_comments(evidence, file.size, &summary.comments, gathered);
        let unread = frames.unread.values().map(|(count, _)| count).sum::<u64>();
        gathered.issues.extend(frames.issues());
        done += file.size;
        // What the flows at the cut lack is said flow by flow.
        let whole = inputs.close(stream) && summary.lost_bytes == summary.cut_tail_bytes;
        if let Some(record) = inputs.record_mut(evidence) {
            record.first_at = summary.first_at;
            record.last_at = summary.last_at;
            record.vantage = Some(place.number);
        }
        place.last_at = place.last_at.max(summary.last_at);
        let quality = &mut place.quality;
        quality.first_at = quality.first_at.into_iter().chain(summary.first_at).min();
        quality.last_at = place.last_at;
        quality.dropped += summary.dropped();
        quality.cut_packets += summary.cut_frames;
        let unreadable = unread > 0 && unread == summary.frames;
        quality.damaged_files += u64::from(!whole || unreadable);
    }
    finish(places, gathered, &mut failed_connects);
    gathered.issues.extend(refused_issue(&room));
    key_logs::count(gathered);
}

/// What was written into a capture beside its frames.
fn take_comments(evidence: EvidenceId, size: u64, comments: &Comments, gathered: &mut Gathered) {
    let notes = comments.written.iter().map(|comment| CaptureNote {
        kind: NoteKind::Comment,
        at: comment.at,
        text: comment.text.clone(),
        cite: match comment.packet {
            Some(packet) => Cite::packets(evidence, [packet]),
            None => Cite::whole(evidence, size),
        },
    });
    gathered.capture_notes.extend(notes);
    let processes = comments.processes.iter();
    let processes = processes.map(|(packet, process)| ((evidence, *packet), *process));
    gathered.processes.extend(processes);
    if comments.left_out > 0 {
        gathered
            .counts
            .push(("comments in captures, beyond the limit", comments.left_out));
    }
}

/// A chunk as `capture` takes it: shared with the hashing thread, not copied.
struct Bytes(Chunk);

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// Says what [`Room`] had no place for.
fn refused_issue(room: &Room) -> Option<Issue> {
    let refused = room.refused();
    (refused > 0).then(|| Issue {
        evidence: None,
        place: "all captures".to_owned(),
        what: format!(
            "{refused} bodies were too long to be kept, or came while those of open conversations took {} MiB",
            room::MAX_HELD_BYTES >> 20
        ),
        effect: "what they hold is not known".to_owned(),
    })
}

/// What is left when the last capture has been read.
fn finish(places: Vec<Place>, gathered: &mut Gathered, failed_connects: &mut usize) {
    let mut quic = 0;
    for mut place in places {
        let open = place.flows.finish();
        gathered.issues.extend(place.flows.take_issues());
        collect(
            open,
            End::CaptureEnds,
            &mut place,
            gathered,
            failed_connects,
        );
        collect_unanswered(&mut place, gathered, failed_connects);
        let unkept = place.lookups.not_kept();
        if unkept > 0 {
            gathered
                .counts
                .push(("name lookups beyond the limit", unkept));
        }
        gathered
            .lookups
            .extend(std::mem::take(&mut place.lookups).finish());
        gathered.ntp.extend(std::mem::take(&mut place.ntp).finish());
        let unkept = place.local.not_kept();
        if unkept > 0 {
            gathered
                .counts
                .push(("names asked of everybody, beyond the limit", unkept));
        }
        let (questions, claims) = std::mem::take(&mut place.local).finish();
        gathered.local_questions.extend(questions);
        gathered.name_claims.extend(claims);
        gathered.dhcp.append(&mut place.dhcp);
        quic += place.datagrams_quic;
        gathered.vantages.push(place.quality);
    }
    if *failed_connects > MAX_FAILED_CONNECTS {
        gathered.issues.push(Issue {
            evidence: None,
            place: "all captures".to_owned(),
            what: format!("{failed_connects} connects were never answered; the first {MAX_FAILED_CONNECTS} are kept"),
            effect: "later failed connects are counted only".to_owned(),
        });
    }
    let unread = unread_issue(gathered);
    gathered.issues.extend(unread);
    if quic > 0 {
        gathered
            .counts
            .push(("QUIC datagrams (their certificates are encrypted)", quic));
    }
    gathered
        .observed
        .sort_by_key(|observed| (observed.conversation.first.at, observed.conversation.id));
    gathered
        .unanswered
        .sort_unstable_by_key(|it| (it.first().at, it.id()));
    gathered.lookups.sort_by(|a, b| {
        (a.questions.first(), &a.name, a.question_type).cmp(&(
            b.questions.first(),
            &b.name,
            b.question_type,
        ))
    });
}

/// The first time in the first bytes of a capture.
fn first_time(head: &[u8]) -> Option<Timestamp> {
    let mut reader = CaptureReader::new(EvidenceId(0));
    reader.feed(head);
    while let Some(frame) = reader.next_frame() {
        if frame.at.is_some() {
            return frame.at;
        }
    }
    None
}

/// The place a capture belongs to: the one it continues, or a new one.
fn place_of(
    places: &mut Vec<Place>,
    file: &Located,
    begins: Option<Timestamp>,
    (options, keys, room): (http::Options, &KeyLog, &Room),
) -> usize {
    let (parent, name) = file.logical.rsplit_once('/').unwrap_or(("", &file.logical));
    let stem: String = name.chars().filter(|c| c.is_alphabetic()).collect();
    let continued = places.iter().position(|place| {
        let (Some(ended), Some(begins)) = (place.last_at, begins) else {
            return false;
        };
        let goes_on =
            begins >= ended && (place.stem == stem || begins.since(ended) <= CONTINUES_WITHIN);
        place.parent == parent
            && (goes_on || (place.stem == stem && is_out_of_order(place, begins, ended)))
    });
    continued.unwrap_or_else(|| {
        let first_id = places.len() as u64 * CONVERSATIONS_PER_PLACE;
        let number = u32::try_from(places.len()).unwrap_or(u32::MAX);
        let (keys, room) = (keys.clone(), room.clone());
        places.push(Place {
            number,
            parent: parent.to_owned(),
            stem,
            last_at: None,
            flows: FlowTable::new(number, first_id, move |id| {
                let dialogue = Dialogue::new(id, options).with_keys(keys.clone());
                dialogue.with_room(room.clone())
            }),
            lookups: dns::Lookups::new(),
            ntp: ntp::NtpExchanges::default(),
            local: LocalNames::default(),
            dhcp: Vec::new(),
            quality: Vantage {
                number,
                ..Vantage::default()
            },
            datagrams_quic: 0,
            pieces: 0,
        });
        places.len() - 1
    })
}

/// True when a file begins just before the end of the one that it continues:
/// the last frames of a ring buffer's file are written out of order. A capture
/// at another place overlaps by more than a small part of the first.
fn is_out_of_order(place: &Place, begins: Timestamp, ended: Timestamp) -> bool {
    const OVERLAP: Span = Span::seconds(1);
    const SMALL_PART: f64 = 0.02;
    let (overlap, first) = (ended.since(begins), place.quality.first_at);
    let whole = first.map_or(0.0, |first| ended.since(first).as_seconds());
    overlap <= OVERLAP && overlap.as_seconds() <= whole * SMALL_PART
}

/// Keeps the numbers of conversations apart between places.
const CONVERSATIONS_PER_PLACE: u64 = 1 << 40;

/// The frames of one file on their way into a place.
struct Frames {
    evidence: EvidenceId,
    /// The time of the last frame that had one, for those that have none.
    last_at: Option<Timestamp>,
    /// What could not be read: how often, and where first.
    unread: BTreeMap<String, (u64, u64)>,
    /// What of the secrets in the file could not be used.
    key_issues: Vec<Issue>,
}

impl Frames {
    fn drain<B: AsRef<[u8]>>(
        &mut self,
        reader: &mut CaptureReader<B>,
        place: &mut Place,
        keys: &KeyLog,
    ) {
        while let Some((frame, texts)) = reader.next_with_key_logs() {
            if !texts.is_empty() {
                let issues = key_logs::of_capture(&texts, self.evidence, keys);
                self.key_issues.extend(issues);
            }
            self.last_at = frame.at.or(self.last_at);
            let Some(at) = self.last_at else { continue };
            let sighting = Sighting {
                at,
                evidence: self.evidence,
                packet: frame.number,
            };
            match packet::packet(frame.link_type, frame.captured, frame.original_len) {
                Ok(Some(packet)) => take(place, &packet, sighting),
                Ok(None) => {}
                Err(error) => {
                    let entry = self
                        .unread
                        .entry(error.kind.to_string())
                        .or_insert((0, frame.number));
                    entry.0 += 1;
                }
            }
        }
    }

    fn issues(self) -> Vec<Issue> {
        let evidence = self.evidence;
        let unread = self.unread.into_iter();
        let unread = unread.map(|(what, (count, first))| {
            let noun = if count == 1 { "frame" } else { "frames" };
            Issue::new(
                evidence,
                format!("packet {first}"),
                format!("{count} {noun}: {what}"),
                "these frames are left out",
            )
        });
        unread.chain(self.key_issues).collect()
    }
}

fn take(place: &mut Place, packet: &Packet<'_>, sighting: Sighting) {
    if let Transport::Udp(datagram) = &packet.transport {
        let source = (packet.source, datagram.source_port).into();
        let destination = (packet.destination, datagram.destination_port).into();
        let number = place.number;
        let mut is_ntp = || {
            let ntp = &mut place.ntp;
            ntp.datagram(number, source, destination, datagram.payload, sighting)
        };
        if is_ntp() {
            // Read.
        } else if quic::is_long_header_initial(datagram.payload) {
            place.datagrams_quic += 1;
        } else {
            take_datagram(place, source, destination, datagram.payload, sighting);
        }
        return;
    }
    if let Some(whole) = place.flows.push(packet, sighting)
        && let Ok(whole) = whole.packet()
        && matches!(whole.transport, Transport::Udp(_))
    {
        take(place, &whole, sighting);
    }
}

/// DHCP by content, names asked of everybody by port, else DNS.
fn take_datagram(
    place: &mut Place,
    source: SocketAddr,
    destination: SocketAddr,
    payload: &[u8],
    sighting: Sighting,
) {
    let number = place.number;
    if payload.len() >= MIN_DHCP
        && let Ok(message) = dhcp::dhcp_message(payload, number, sighting)
    {
        if place.dhcp.len() < MAX_DHCP {
            place.dhcp.push(message);
        }
        return;
    }
    let is_local = place
        .local
        .datagram(number, source, destination, payload, sighting);
    if !is_local {
        place
            .lookups
            .datagram(number, source, destination, payload, sighting);
    }
}

/// The fixed part of a DHCP message and its cookie.
const MIN_DHCP: usize = 240;
/// DHCP messages kept of one place; a network of thousands renews twice a day.
const MAX_DHCP: usize = 50_000;

/// DNS over TCP: its messages count as if they were datagrams.
fn take_streamed(place: &mut Place, conversation: &Conversation, transcript: &mut Transcript) {
    for (direction, bytes, sighting) in std::mem::take(&mut transcript.dns) {
        let (client, server) = (conversation.client, conversation.server);
        let (source, destination) = match direction {
            Direction::ToServer => (client, server),
            Direction::ToClient => (server, client),
        };
        place
            .lookups
            .datagram(place.number, source, destination, &bytes, sighting);
    }
}

/// What LDAP brought is parsed like the bodies of HTTP; what could not be read
/// is said.
fn take_ldap(conversation: &Conversation, session: &LdapSession, gathered: &mut Gathered) {
    for (_, value) in session.searches.iter().flat_map(|search| &search.values) {
        read_body(gathered, pki::digest::sha256(value), value);
    }
    let mut say = |sighting: &Sighting, what: String, effect: &str| {
        let place = format!("packet {}", sighting.packet);
        gathered
            .issues
            .push(Issue::new(sighting.evidence, place, what, effect));
    };
    if let Some(sealed) = &session.sealed {
        let what = format!(
            "the LDAP conversation with {} is sealed or signed by SASL from here on",
            conversation.server
        );
        say(
            sealed,
            what,
            "which lists or certificates it fetched cannot be told",
        );
    }
    if let Some((what, sighting)) = &session.trouble {
        say(
            sighting,
            what.clone(),
            "later searches of this conversation are not read",
        );
    }
}

/// Turns ended conversations into what the later stages read; bodies are
/// parsed once per SHA-256 and let go.
fn collect(
    ended: Vec<(Conversation, Dialogue)>,
    end: End,
    place: &mut Place,
    gathered: &mut Gathered,
    failed_connects: &mut usize,
) {
    for (conversation, dialogue) in ended {
        let mut transcript = dialogue.into_transcript(end);
        count(&mut place.quality, &conversation);
        take_streamed(place, &conversation, &mut transcript);
        if let Some(session) = &transcript.ldap {
            take_ldap(&conversation, session, gathered);
        }
        for exchange in &mut transcript.exchanges {
            let piece = piece_of(exchange, place);
            let requests = exchange
                .request
                .as_mut()
                .and_then(|request| request.body.as_mut());
            let responses = exchange
                .response
                .as_mut()
                .and_then(|response| response.body.as_mut());
            for body in requests.into_iter().chain(responses) {
                digest_body(body, gathered);
            }
            let body = exchange.response.as_mut().and_then(|it| it.body.as_mut());
            if let Some(body) = body {
                body.bytes = piece;
            }
        }
        for (what, sighting) in &transcript.trouble {
            gathered.issues.push(Issue::new(
                sighting.evidence,
                format!("packet {}", sighting.packet),
                what.clone(),
                "this message is not used",
            ));
        }
        gathered
            .issues
            .extend(transcript.exchanges.iter().filter_map(body_issue));
        gathered
            .issues
            .extend(transcript.handshakes.iter().filter_map(handshake_issue));
        let connected =
            conversation.syn_ack.is_some() || transcript.recognition != Recognition::Silent;
        let failed = !connected && !conversation.syns.is_empty();
        if failed {
            *failed_connects += 1;
        }
        let cut_off = connected
            && conversation
                .closes
                .iter()
                .any(|close| close.how == CloseKind::Reset);
        let silent = transcript.recognition == Recognition::Silent;
        if is_of_use(&transcript)
            || (silent && cut_off)
            || (failed && *failed_connects <= MAX_FAILED_CONNECTS)
        {
            gathered.observed.push(Observed {
                conversation,
                exchanges: transcript.exchanges,
                handshakes: transcript.handshakes,
                recognized: transcript.recognition != Recognition::Unknown,
                socks: transcript.socks,
                ldap: transcript.ldap,
                twins: Vec::new(),
            });
        }
    }
}

/// Takes the connects that were given up, the first [`MAX_FAILED_CONNECTS`] of
/// all captures.
fn collect_unanswered(place: &mut Place, gathered: &mut Gathered, failed_connects: &mut usize) {
    let unanswered = place.flows.take_unanswered();
    place.quality.conversations += unanswered.len() as u64;
    let room = MAX_FAILED_CONNECTS.saturating_sub(*failed_connects);
    *failed_connects += unanswered.len();
    gathered
        .unanswered
        .extend(unanswered.into_iter().take(room));
}

/// What kept the body of an answer that matters from being read.
fn body_issue(exchange: &http::Exchange) -> Option<Issue> {
    let response = exchange.response.as_ref()?;
    let body = response.body.as_ref()?;
    let trouble = body.trouble.as_ref()?;
    let wanted = retrieval::wants_body(exchange.request.as_ref(), response, &body.prefix);
    let sighting = response.first;
    wanted.then(|| {
        Issue::new(
            sighting.evidence,
            format!("packet {}", sighting.packet),
            format!("body of an HTTP answer: {trouble}"),
            "no object was read from this body",
        )
    })
}

/// What is wrong with the messages of a handshake.
fn handshake_issue(handshake: &tls::Handshake) -> Option<Issue> {
    let trouble = handshake.trouble.as_ref()?;
    let sighting = handshake.first;
    Some(Issue::new(
        sighting.evidence,
        format!("packet {}", sighting.packet),
        format!("TLS handshake: {trouble}"),
        "its certificates or answers may be missing or incomplete",
    ))
}

fn is_of_use(transcript: &Transcript) -> bool {
    !transcript.exchanges.is_empty()
        || !transcript.handshakes.is_empty()
        || !transcript.tunnels.is_empty()
        || transcript.socks.is_some()
        || transcript.ldap.is_some()
}

/// The bytes of an answer that may be a part of an object, while there is room.
fn piece_of(exchange: &http::Exchange, place: &mut Place) -> Option<Arc<[u8]>> {
    let response = exchange.response.as_ref()?;
    let body = response.body.as_ref()?;
    let is_cut = response.status == 200 && body.completeness != http::Completeness::Complete;
    let bytes = body
        .bytes
        .as_ref()
        .filter(|_| is_cut || response.status == 206)?;
    let total = place.pieces.saturating_add(bytes.len());
    if total > MAX_PIECES {
        return None;
    }
    place.pieces = total;
    Some(Arc::clone(bytes))
}

/// Bytes kept of pieces at one place until all are there: an object that
/// CryptoAPI would take has 100 MiB at most, and those that count are small.
const MAX_PIECES: usize = 64 << 20;

fn digest_body(body: &mut http::Body, gathered: &mut Gathered) {
    let Some(bytes) = body.bytes.take() else {
        return;
    };
    let Some(sha256) = body.sha256 else { return };
    if gathered.bodies.bodies.contains_key(&sha256) {
        return;
    }
    keep_bytes(gathered, sha256, &bytes);
    read_body(gathered, sha256, &bytes);
}

fn count(quality: &mut Vantage, conversation: &Conversation) {
    let seen = &conversation.quality;
    quality.conversations += 1;
    quality.one_sided += u64::from(seen.is_one_sided());
    quality.mid_stream += u64::from(seen.mid_stream);
    quality.with_gaps += u64::from(seen.missing != [0, 0]);
    quality.bytes += seen.bytes.iter().sum::<u64>();
    quality.missing += seen.missing.iter().sum::<u64>();
}

/// The body rule of the retrieval stage.
#[must_use]
pub fn http_options(all_http: bool) -> http::Options {
    http::Options {
        want_body: retrieval::wants_body,
        hash_every_body: all_http,
    }
}
