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
        // The encrypted alert that ends a finished connection is its goodbye.
        .filter(|alert| alert.content.is_some() || outcome != HandshakeOutcome::Completed)
        .copied();
    let ending = seen.ending.map(|ending| ending.sighting);
    let reacted = matches!(
        outcome,
        HandshakeOutcome::ClientClosed | HandshakeOutcome::ServerClosed
    );
    let reaction = if reacted {
        alert.map(|alert| alert.sighting).or(ending)
    } else {
        None
    };
    let sni = seen
        .client_hello
        .as_ref()
        .and_then(|hello| hello.server_name.clone());
    let tunnel_host = seen.tunnel.as_deref().map(host_of_authority);
    Handshake {
        at: seen.first.at,
        ended_at: seen.last.at,
        vantage: conversation.vantage,
        machine: None,
        client: conversation.client,
        server: conversation.server,
        site: sni
            .clone()
            .or(tunnel_host)
            .map(|name| name.to_ascii_lowercase()),
        sni,
        version: seen
            .server_hello
            .as_ref()
            .map(|hello| version_name(hello.version)),
        client_hello: seen.client_hello.clone(),
        server_hello: seen.server_hello.clone(),
        certificate_request: seen.certificate_request,
        client_certificates: seen.client_certificates,
        certificates: seen.certificates.clone(),
        certificates_decrypted: seen.certificates_decrypted,
        key_use: seen.key_use,
        upgraded_from: seen.upgraded_from,
        artifacts: Vec::new(),
        stapled: seen.stapled_ocsp.as_deref().map(crate::pki::digest::sha256),
        alert,
        alerts: seen.alerts.clone(),
        ending: seen.ending,
        outcome,
        tunnel: seen.tunnel.clone(),
        // TLS 1.3 clients send a ChangeCipherSpec for old middleboxes, before an
        // alert as well (RFC 8446 §D.4): there the Finished tells.
        key_exchange_sent: if is_13(seen) {
            seen.finished[0].is_some()
        } else {
            seen.change_cipher_spec[0].is_some()
        },
        answered_in_clear: seen.answered_in_clear,
        data_at: seen.application_data[0].map(|sighting| sighting.at),
        certificate_requested: seen.certificate_request.is_some(),
        program: None,
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
    alert
        .content
        .is_some_and(|(_, description)| description == 0)
}

/// A handshake still open this shortly before the capture ends is not stalled.
const PATIENCE: Span = Span::seconds(5);

fn outcome(seen: &tls::Handshake, quality: &Quality) -> HandshakeOutcome {
    let [from_client, from_server] = seen.application_bytes;
    let completed = if is_13(seen) {
        // The server's session tickets look like application data; the client's
        // Finished shows that it went on.
        from_client > 0 && (seen.finished[0].is_some() || from_server > 0)
    } else if seen.server_hello.is_none() && !was_readable(seen) {
        // It may be TLS 1.3, where a hidden alert is application data as well.
        false
    } else {
        from_client > 0 && (from_server > 0 || seen.change_cipher_spec[1].is_some())
    };
    if completed {
        return HandshakeOutcome::Completed;
    }
    let is_fatal = |alert: &tls::Alert| alert.content.is_some_and(|(level, _)| level == FATAL);
    let is_told = seen.alerts.iter().any(is_fatal);
    // Without a readable word a hole may hide the Finished, or an alert.
    let has_hole = quality.missing != [0, 0] || quality.packets.contains(&0);
    if seen.has_gap || (has_hole && !is_told) {
        return HandshakeOutcome::IncompleteCapture;
    }
    // What came first counts: OpenSSL sends an alert to a client that has left.
    let alert = seen.alerts.iter().find(|alert| ends_it(alert));
    let closed_by = match (alert, seen.ending) {
        (Some(alert), Some(ending)) if ending.sighting.packet < alert.sighting.packet => {
            Some(ending.by)
        }
        (alert, ending) => alert
            .map(|alert| alert.by)
            .or(ending.map(|ending| ending.by)),
    };
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

/// In TLS 1.3 a ChangeCipherSpec means nothing.
fn is_13(seen: &tls::Handshake) -> bool {
    let hello = seen.server_hello.as_ref();
    seen.certificates == ServerCertificates::Hidden(HiddenBy::Tls13)
        || hello.is_some_and(|hello| version_name(hello.version) == "TLS 1.3")
}

/// True when the certificates were there to be read, so that it is not TLS 1.3.
fn was_readable(seen: &tls::Handshake) -> bool {
    matches!(seen.certificates, ServerCertificates::Sent { .. })
}

fn cites(seen: &tls::Handshake, alert: Option<Sighting>, ending: Option<Sighting>) -> Vec<Cite> {
    let evidence = seen.first.evidence;
    let mut packets = vec![seen.first.packet];
    packets.extend(
        seen.client_hello
            .as_ref()
            .map(|hello| hello.sighting.packet),
    );
    packets.extend(
        seen.server_hello
            .as_ref()
            .map(|hello| hello.sighting.packet),
    );
    if let ServerCertificates::Sent {
        packets: frames, ..
    } = &seen.certificates
    {
        packets.extend(frames);
    }
    packets.extend(alert.map(|sighting| sighting.packet));
    packets.extend(ending.map(|sighting| sighting.packet));
    packets.extend(
        seen.application_data
            .iter()
            .flatten()
            .map(|sighting| sighting.packet),
    );
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::protocol::tls::{Alert, Ending};
    use crate::provenance::EvidenceId;
    use crate::time::Timestamp;

    fn at(packet: u64) -> Sighting {
        let at = Timestamp::from_unix(1_600_000_000, 0).unwrap();
        Sighting {
            at,
            evidence: EvidenceId(0),
            packet,
        }
    }

    /// A handshake that got as far as the certificates, in frame 2.
    fn seen(alerts: &[(Direction, u8, u64)], ending: Option<(Direction, u64)>) -> tls::Handshake {
        let alert = |&(by, level, packet): &(Direction, u8, u64)| Alert {
            by,
            content: Some((level, 50)),
            sighting: at(packet),
        };
        tls::Handshake {
            answered_in_clear: false,
            conversation: crate::flow::ConversationId(0),
            tunnel: None,
            client_hello: None,
            server_hello: None,
            certificates: ServerCertificates::Sent {
                list: Vec::new(),
                packets: vec![2],
                sighting: at(2),
            },
            certificates_decrypted: false,
            key_use: tls::KeyUse::None,
            upgraded_from: None,
            stapled_ocsp: None,
            certificate_request: None,
            client_certificates: None,
            alerts: alerts.iter().map(alert).collect(),
            change_cipher_spec: [None; 2],
            finished: [None; 2],
            application_data: [None; 2],
            application_bytes: [0; 2],
            ending: ending.map(|(by, packet)| Ending {
                by,
                reset: false,
                sighting: at(packet),
            }),
            has_gap: false,
            first: at(1),
            last: at(9),
            trouble: None,
        }
    }

    #[test]
    fn who_closed_is_who_was_first_to_close_or_to_send_a_fatal_alert() {
        use Direction::{ToClient, ToServer};
        let quality = Quality {
            packets: [9, 9],
            ..Quality::default()
        };
        let is = |alerts: &[_], ending| outcome(&seen(alerts, ending), &quality);
        let answered = is(&[(ToClient, FATAL, 4)], Some((ToServer, 3)));
        assert_eq!(answered, HandshakeOutcome::ClientClosed);
        let refused = is(&[(ToServer, FATAL, 3)], Some((ToClient, 4)));
        assert_eq!(refused, HandshakeOutcome::ClientClosed);
        let warned = is(&[(ToClient, 1, 2)], Some((ToServer, 3)));
        assert_eq!(warned, HandshakeOutcome::ClientClosed);
    }

    #[test]
    fn with_a_hole_only_a_readable_alert_tells_who_closed() {
        let quality = Quality {
            packets: [9, 9],
            missing: [0, 400],
            ..Quality::default()
        };
        let closed = seen(&[], Some((Direction::ToServer, 5)));
        assert_eq!(
            outcome(&closed, &quality),
            HandshakeOutcome::IncompleteCapture
        );
        let told = seen(&[(Direction::ToServer, FATAL, 5)], None);
        assert_eq!(outcome(&told, &quality), HandshakeOutcome::ClientClosed);
    }

    fn alert(by: Direction, content: Option<(u8, u8)>) -> Alert {
        Alert {
            by,
            content,
            sighting: at(1),
        }
    }

    #[test]
    fn only_a_warning_of_the_server_and_close_notify_end_nothing() {
        assert!(
            !ends_it(&alert(Direction::ToClient, Some((1, 112)))),
            "unrecognized_name"
        );
        assert!(
            !ends_it(&alert(Direction::ToServer, Some((1, 0)))),
            "close_notify"
        );
        assert!(
            ends_it(&alert(Direction::ToServer, Some((1, 46)))),
            "the client warns and goes"
        );
        assert!(ends_it(&alert(Direction::ToClient, Some((2, 40)))));
        assert!(
            ends_it(&alert(Direction::ToServer, None)),
            "TLS 1.3 hides what it says"
        );
    }
}
