//! TLS handshakes of the case: outcome, reaction, site.

use super::{Handshake, HandshakeOutcome};
use crate::flow::{Conversation, Direction, Quality};
use crate::protocol::tls::{self, HiddenBy, ServerCertificates};
use crate::provenance::{Cite, Sighting};
use crate::time::Span;

/// Turns a handshake as `protocol` read it into one of the case. Machine and
/// artifacts are filled in later.
#[must_use]
pub fn handshake(conversation: &Conversation, seen: &tls::Handshake) -> Handshake {
    let outcome = outcome(seen, &conversation.quality);
    let alert = seen
        .alerts
        .iter()
        .find(|alert| alert.content.is_some_and(|(level, _)| level == FATAL))
        .or_else(|| seen.alerts.iter().find(|alert| ends_it(alert)))
        .copied();
    let ending = seen.ending.map(|ending| ending.sighting);
    let reacted =
        matches!(outcome, HandshakeOutcome::ClientClosed | HandshakeOutcome::ServerClosed);
    let reaction = if reacted { alert.map(|alert| alert.sighting).or(ending) } else { None };
    let sni = seen.client_hello.as_ref().and_then(|hello| hello.server_name.clone());
    let tunnel_host = seen.tunnel.as_deref().map(host_of_authority);
    Handshake {
        at: seen.first.at,
        ended_at: seen.last.at,
        vantage: conversation.vantage,
        machine: None,
        client: conversation.client,
        server: conversation.server,
        site: sni.clone().or(tunnel_host).map(|name| name.to_ascii_lowercase()),
        sni,
        version: seen.server_hello.as_ref().map(|hello| version_name(hello.version)),
        certificates: seen.certificates.clone(),
        artifacts: Vec::new(),
        alert,
        outcome,
        tunnel: seen.tunnel.clone(),
        // TLS 1.3 clients send a ChangeCipherSpec for old middleboxes, before an
        // alert as well (RFC 8446 §D.4): there the Finished tells.
        key_exchange_sent: match seen.certificates {
            ServerCertificates::Hidden(HiddenBy::Tls13) => seen.finished[0].is_some(),
            _ => seen.change_cipher_spec[0].is_some(),
        },
        quality: conversation.quality.clone(),
        reaction,
        cites: cites(seen, alert.map(|alert| alert.sighting), ending),
    }
}

const WARNING: u8 = 1;
const FATAL: u8 = 2;

/// A warning of the server (unrecognized_name, most often) ends nothing; what
/// the client does next is its own reaction.
fn ends_it(alert: &tls::Alert) -> bool {
    let server_warns =
        alert.by == Direction::ToClient && alert.content.is_some_and(|(level, _)| level == WARNING);
    !is_close_notify(alert) && !server_warns
}

fn is_close_notify(alert: &tls::Alert) -> bool {
    alert.content.is_some_and(|(_, description)| description == 0)
}

/// A handshake still open this shortly before the capture ends is not stalled.
const PATIENCE: Span = Span::seconds(5);

fn outcome(seen: &tls::Handshake, quality: &Quality) -> HandshakeOutcome {
    let [from_client, from_server] = seen.application_bytes;
    let hidden = seen.certificates == ServerCertificates::Hidden(HiddenBy::Tls13);
    let completed = if hidden {
        // The server's session tickets look like application data; the client's
        // Finished shows that it went on.
        from_client > 0 && (seen.finished[0].is_some() || from_server > 0)
    } else {
        from_client > 0 && (from_server > 0 || seen.change_cipher_spec[1].is_some())
    };
    if completed {
        return HandshakeOutcome::Completed;
    }
    if seen.has_gap {
        return HandshakeOutcome::IncompleteCapture;
    }
    let alert = seen.alerts.iter().find(|alert| ends_it(alert));
    let closed_by = alert.map(|alert| alert.by).or(seen.ending.map(|ending| ending.by));
    match (closed_by, &seen.server_hello) {
        (Some(Direction::ToServer), None) if seen.alerts.is_empty() => HandshakeOutcome::Unanswered,
        (Some(Direction::ToServer), _) => HandshakeOutcome::ClientClosed,
        (Some(Direction::ToClient), _) => HandshakeOutcome::ServerClosed,
        (None, _) if quality.mid_stream || quality.missing != [0, 0] => {
            HandshakeOutcome::IncompleteCapture
        }
        (None, None) if seen.last.at.since(seen.first.at) >= PATIENCE => {
            HandshakeOutcome::Unanswered
        }
        (None, _) => HandshakeOutcome::IncompleteCapture,
    }
}

fn cites(seen: &tls::Handshake, alert: Option<Sighting>, ending: Option<Sighting>) -> Vec<Cite> {
    let evidence = seen.first.evidence;
    let mut packets = vec![seen.first.packet];
    packets.extend(seen.client_hello.as_ref().map(|hello| hello.sighting.packet));
    packets.extend(seen.server_hello.as_ref().map(|hello| hello.sighting.packet));
    if let ServerCertificates::Sent { packets: frames, .. } = &seen.certificates {
        packets.extend(frames);
    }
    packets.extend(alert.map(|sighting| sighting.packet));
    packets.extend(ending.map(|sighting| sighting.packet));
    packets.extend(seen.application_data.iter().flatten().map(|sighting| sighting.packet));
    vec![Cite::packets(evidence, packets)]
}

fn host_of_authority(authority: &str) -> String {
    match authority.rsplit_once(':') {
        Some((host, _)) => host.trim_matches(['[', ']']).to_owned(),
        None => authority.to_owned(),
    }
}

/// `TLS 1.2` for 0x0303 (RFC 8446 §4.2.1 and its predecessors).
#[must_use]
pub fn version_name(version: u16) -> &'static str {
    match version {
        0x0300 => "SSL 3.0",
        0x0301 => "TLS 1.0",
        0x0302 => "TLS 1.1",
        0x0303 => "TLS 1.2",
        0x0304 => "TLS 1.3",
        _ => "unknown",
    }
}
