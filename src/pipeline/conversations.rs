//! Conversations that ended, turned into what the later stages read.

use std::sync::Arc;

use super::captures::Place;
use crate::case::Vantage;
use crate::case::assemble::Gathered;
use crate::case::bodies::{keep_bytes, read_body};
use crate::flow::{CloseKind, Conversation, Direction};
use crate::issue::Issue;
use crate::pki::{self, LooksLike};
use crate::protocol::ldap::LdapSession;
use crate::protocol::room::Room;
use crate::protocol::{Dialogue, End, Recognition, Transcript, http, tls};
use crate::provenance::Sighting;
use crate::retrieval::{self, Observed};

/// Failed connects kept. A scan makes millions; the first ones show it, and
/// what matters is named by a look-up or a certificate.
pub(super) const MAX_FAILED_CONNECTS: usize = 200_000;

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
pub(super) fn collect(
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
                if pki::looks_like(&body.prefix) == LooksLike::Other {
                    // They say no more than none would.
                    body.prefix = Vec::new();
                }
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
            transcript.exchanges.shrink_to_fit();
            transcript.handshakes.shrink_to_fit();
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
pub(super) fn collect_unanswered(
    place: &mut Place,
    gathered: &mut Gathered,
    failed_connects: &mut usize,
) {
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

/// Reads the bodies that have become whole, also those of conversations that
/// go on.
pub(super) fn read_whole(room: &Room, gathered: &mut Gathered) {
    for (sha256, bytes) in room.take_whole() {
        digest(sha256, &bytes, gathered);
    }
}

fn digest_body(body: &mut http::Body, gathered: &mut Gathered) {
    let Some(bytes) = body.bytes.take() else {
        return;
    };
    if let Some(sha256) = body.sha256 {
        digest(sha256, &bytes, gathered);
    }
}

fn digest(sha256: [u8; 32], bytes: &Arc<[u8]>, gathered: &mut Gathered) {
    if !gathered.bodies.bodies.contains_key(&sha256) {
        keep_bytes(gathered, sha256, bytes);
        read_body(gathered, sha256, bytes);
    }
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
