//! Captures: frames to conversations, one pass over each file.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::Progress;
use super::conversations::{MAX_FAILED_CONNECTS, collect, collect_unanswered, read_whole};
use super::key_logs;
use crate::capture::{CaptureReader, Comments};
use crate::case::assemble::{CaptureName, Gathered};
use crate::case::bodies::unread_issue;
use crate::case::{CaptureNote, NoteKind, Vantage};
use crate::evidence::{Chunk, Discovery, EvidenceKind, Located};
use crate::flow::{ConversationId, FlowTable, Late};
use crate::issue::Issue;
use crate::packet::{self, Packet, Transport};
use crate::protocol::dhcp::{self, DhcpMessage};
use crate::protocol::key_log::KeyLog;
use crate::protocol::local_names::LocalNames;
use crate::protocol::room::{self, Room};
use crate::protocol::{Dialogue, End, dns, http, ntp, quic};
use crate::provenance::{Cite, EvidenceId, Sighting};
use crate::retrieval;
use crate::time::{Span, Timestamp};

/// A capture that begins this soon after another of the same folder ended
/// continues it: ring buffers switch files within a packet, people within minutes.
const CONTINUES_WITHIN: Span = Span::seconds(600);

/// A place where packets were captured: captures that follow one another share
/// its flow table.
pub(super) struct Place {
    pub(super) number: u32,
    parent: String,
    stem: String,
    last_at: Option<Timestamp>,
    pub(super) flows: FlowTable<Dialogue>,
    pub(super) lookups: dns::Lookups,
    ntp: ntp::NtpExchanges,
    local: LocalNames,
    dhcp: Vec<DhcpMessage>,
    pub(super) quality: Vantage,
    datagrams_quic: u64,
    /// Bytes kept of answers that may be parts of an object.
    pub(super) pieces: usize,
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
    let room = Room::with_whole_taken();
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
            read_whole(&room, gathered);
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
    finish(places, &room, gathered, &mut failed_connects);
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
    (refused > 0).then(|| Issue::of_run("all captures", format!(
            "{refused} bodies were too long to be kept, or came while those of open conversations took {} MiB",
            room::MAX_HELD_BYTES >> 20
        ), "what they hold is not known"))
}

/// What is left when the last capture has been read.
fn finish(places: Vec<Place>, room: &Room, gathered: &mut Gathered, failed_connects: &mut usize) {
    let mut quic = 0;
    let mut late: BTreeMap<ConversationId, Late> = BTreeMap::new();
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
        read_whole(room, gathered);
        late.extend(place.flows.take_late().into_iter().map(|it| (it.id, it)));
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
    for seen in &mut gathered.observed {
        if let Some(late) = late.get(&seen.conversation.id) {
            seen.conversation.add(late);
        }
    }
    if *failed_connects > MAX_FAILED_CONNECTS {
        gathered.issues.push(Issue::of_run("all captures", format!("{failed_connects} connects were never answered; the first {MAX_FAILED_CONNECTS} are kept"), "later failed connects are counted only"));
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
        while reader.advance() {
            let texts = reader.take_key_logs();
            if !texts.is_empty() {
                let issues = key_logs::of_capture(&texts, self.evidence, keys);
                self.key_issues.extend(issues);
            }
            let frame = reader.frame();
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

/// The body rule of the retrieval stage.
#[must_use]
pub fn http_options(all_http: bool) -> http::Options {
    http::Options {
        want_body: retrieval::wants_body,
        hash_every_body: all_http,
    }
}
