//! TLS handshakes as far as they can be read: in clear, or with a key log.

use std::sync::Arc;

use crate::flow::{ConversationId, Direction};
use crate::protocol::tls_handshake::TLS13;
use crate::provenance::Sighting;

/// One handshake of a connection.
#[derive(Debug, Clone, PartialEq)]
pub struct Handshake {
    /// The connection.
    pub conversation: ConversationId,
    /// `Some(authority)` inside a CONNECT tunnel to that `host:port`.
    pub tunnel: Option<String>,
    /// The client's first message.
    pub client_hello: Option<ClientHello>,
    /// The server's answer.
    pub server_hello: Option<ServerHello>,
    /// The server's certificate list, or why there is none.
    pub certificates: ServerCertificates,
    /// True when the certificates were encrypted and a key log opened them.
    pub certificates_decrypted: bool,
    /// What a key log did for this connection.
    pub key_use: KeyUse,
    /// The protocol that asked for TLS after a beginning in clear (`SMTP`,
    /// `LDAP`, `RDP` …); `None` also where it could not be named.
    pub upgraded_from: Option<&'static str>,
    /// A stapled OCSP answer, DER.
    pub stapled_ocsp: Option<Arc<[u8]>>,
    /// The frame of a CertificateRequest.
    pub certificate_request: Option<Sighting>,
    /// Number of certificates the client sent, where readable.
    pub client_certificates: Option<usize>,
    /// Alerts, readable and not.
    pub alerts: Vec<Alert>,
    /// First ChangeCipherSpec per sender.
    pub change_cipher_spec: [Option<Sighting>; 2],
    /// The Finished message per sender. It is encrypted: below TLS 1.3 it is the
    /// handshake record after ChangeCipherSpec; in TLS 1.3 the client's is known
    /// by its length, and the server's, sent before it, is never told apart.
    pub finished: [Option<Sighting>; 2],
    /// First application-data record per sender (index as in
    /// `flow::Quality`: 0 from the client, 1 from the server).
    ///
    /// TLS 1.3 sends handshake messages and alerts in records of the same type.
    /// Left out are those of the server before the client's first answer, those
    /// of the client up to its Finished, and those as long as an alert. What
    /// the server sends after it may be a NewSessionTicket only.
    pub application_data: [Option<Sighting>; 2],
    /// Bytes of such records per sender, encryption overhead included, as
    /// their headers announce them.
    pub application_bytes: [u64; 2],
    /// How it ended, as far as the connection was seen.
    pub ending: Option<Ending>,
    /// True when bytes of the handshake itself are missing from the capture.
    pub has_gap: bool,
    /// True when the server answered the client's hello with HTTP.
    pub answered_in_clear: bool,
    /// First and last frame of the handshake messages.
    pub first: Sighting,
    /// Last frame of the connection that was seen.
    pub last: Sighting,
    /// Something in it that could not be read, in one line.
    pub trouble: Option<String>,
}

/// Who ended the connection, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ending {
    /// `ToServer`: the client.
    pub by: Direction,
    /// True for RST.
    pub reset: bool,
    /// The frame.
    pub sighting: Sighting,
}

/// What the client asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientHello {
    /// server_name, where sent.
    pub server_name: Option<String>,
    /// `legacy_version` of the hello.
    pub legacy_version: u16,
    /// supported_versions, GREASE left out; empty when not sent.
    pub supported_versions: Vec<u16>,
    /// Application protocols offered.
    pub alpn: Vec<String>,
    /// Cipher suites offered, GREASE left out.
    pub cipher_suites: Vec<u16>,
    /// True when a session id, ticket or pre-shared key was offered.
    pub offers_resumption: bool,
    /// True when a session ticket was sent (RFC 5077).
    pub offers_ticket: bool,
    /// True when encrypted_client_hello was sent.
    pub encrypted_client_hello: bool,
    /// The client's own clock (first 4 bytes of the random, seconds since
    /// 1970), meaningful only for old clients.
    pub gmt_unix_time: u32,
    /// The frame.
    pub sighting: Sighting,
}

/// What the server chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerHello {
    /// The version in force (supported_versions counted).
    pub version: u16,
    /// The cipher suite.
    pub cipher_suite: u16,
    /// True when the session id echoes the client's (a resumed session, below TLS 1.3).
    pub session_id_echoed: bool,
    /// True for a HelloRetryRequest.
    pub retry_request: bool,
    /// The frame.
    pub sighting: Sighting,
}

/// The server's certificates: three different things to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerCertificates {
    /// Seen, in the order sent (may be empty).
    Sent {
        /// DER of each, leaf first.
        list: Vec<Arc<[u8]>>,
        /// The frames of the Certificate message.
        packets: Vec<u64>,
        /// The frame that completed it.
        sighting: Sighting,
    },
    /// They were sent but cannot be read.
    Hidden(HiddenBy),
    /// The capture shows none: the handshake did not get there, or bytes are missing.
    NotSeen,
}

/// Why certificates cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HiddenBy {
    /// TLS 1.3 encrypts them.
    Tls13,
    /// A resumed session sends none.
    Resumption,
    /// QUIC.
    Quic,
}

/// How a session was taken up again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resumption {
    /// By its id, which the server remembered.
    SessionId,
    /// By a ticket that the client kept for the server.
    Ticket,
    /// By a pre-shared key (TLS 1.3).
    PreSharedKey,
}

/// How the session was resumed, where the server agreed to that.
#[must_use]
pub fn resumption(
    certificates: &ServerCertificates,
    client: Option<&ClientHello>,
    server: Option<&ServerHello>,
) -> Option<Resumption> {
    if *certificates != ServerCertificates::Hidden(HiddenBy::Resumption) {
        return None;
    }
    Some(if server?.version >= TLS13 {
        Resumption::PreSharedKey
    } else if client.is_some_and(|hello| hello.offers_ticket) {
        Resumption::Ticket
    } else {
        Resumption::SessionId
    })
}

/// What a key log did for a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyUse {
    /// It was not needed, or has no secret of the connection.
    None,
    /// It opened records.
    Opened,
    /// It has secrets of the connection, and they do not fit.
    Refused,
    /// It has secrets of the connection, but the cipher suite is neither AES-GCM
    /// nor ChaCha20-Poly1305.
    Unsupported,
}

/// An alert record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alert {
    /// `ToServer`: the client sent it.
    pub by: Direction,
    /// Level and description; `None` when encrypted.
    pub content: Option<(u8, u8)>,
    /// The frame.
    pub sighting: Sighting,
}

/// Name of an alert description (RFC 8446 §6, RFC 5246 §7.2).
#[must_use]
pub fn alert_name(description: u8) -> &'static str {
    match description {
        0 => "close_notify",
        10 => "unexpected_message",
        20 => "bad_record_mac",
        21 => "decryption_failed",
        22 => "record_overflow",
        30 => "decompression_failure",
        40 => "handshake_failure",
        41 => "no_certificate",
        42 => "bad_certificate",
        43 => "unsupported_certificate",
        44 => "certificate_revoked",
        45 => "certificate_expired",
        46 => "certificate_unknown",
        47 => "illegal_parameter",
        48 => "unknown_ca",
        49 => "access_denied",
        50 => "decode_error",
        51 => "decrypt_error",
        60 => "export_restriction",
        70 => "protocol_version",
        71 => "insufficient_security",
        80 => "internal_error",
        86 => "inappropriate_fallback",
        90 => "user_canceled",
        100 => "no_renegotiation",
        109 => "missing_extension",
        110 => "unsupported_extension",
        111 => "certificate_unobtainable",
        112 => "unrecognized_name",
        113 => "bad_certificate_status_response",
        114 => "bad_certificate_hash_value",
        115 => "unknown_psk_identity",
        116 => "certificate_required",
        120 => "no_application_protocol",
        _ => "unknown",
    }
}
