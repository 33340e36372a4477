//! Protocols that begin in clear and go over to TLS.

/// The protocol in which a conversation asked for TLS, by the first bytes of
/// client and server; `None` where they tell nothing.
///
/// Spec: RFC 3207 (SMTP), RFC 2595 (POP3), RFC 9051 §6.2.1 (IMAP), RFC 4217
/// (FTP), RFC 6120 §5 (XMPP), RFC 4642 (NNTP), MS-RDPBCGR §2.2.1.1 (X.224
/// Connection Request: TPKT version 3, code E0), PostgreSQL `SSLRequest`
/// (length 8, code 80877103), MySQL handshake (protocol version 10 after a
/// 4-byte header).
pub(super) fn upgraded_from(client: &[u8], server: &[u8]) -> Option<&'static str> {
    let client_says = |word: &[u8]| {
        client
            .get(..word.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(word))
    };
    let says_any = |words: &[&str]| words.iter().any(|word| client_says(word.as_bytes()));
    if client.starts_with(&[3, 0]) && client.get(5) == Some(&0xE0) {
        return Some("RDP");
    }
    if client.starts_with(&[0, 0, 0, 8, 4, 0xD2, 0x16, 0x2F]) {
        return Some("PostgreSQL");
    }
    if server.get(3..5) == Some(&[0, 10]) && server.get(2) == Some(&0) {
        return Some("MySQL");
    }
    if says_any(&["<?xml", "<stream"]) {
        return Some("XMPP");
    }
    if says_any(&["EHLO", "HELO", "LHLO"]) {
        return Some("SMTP");
    }
    match server {
        [b'*', b' ', b'O', b'K', ..] | [b'*', b' ', b'P', b'R', ..] => Some("IMAP"),
        [b'+', b'O', b'K', ..] => Some("POP3"),
        [b'2', b'2', b'0', ..] if says_any(&["AUTH", "FEAT"]) => Some("FTP"),
        [b'2', b'0', b'0' | b'1', ..] => Some("NNTP"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn greetings_name_the_protocol() {
        let of = |client: &[u8], server: &[u8]| upgraded_from(client, server);
        assert_eq!(of(b"ehlo me\r\n", b"220 mail ESMTP\r\n"), Some("SMTP"));
        assert_eq!(of(b"AUTH TLS\r\n", b"220 ready\r\n"), Some("FTP"));
        assert_eq!(of(b"a1 STARTTLS\r\n", b"* OK IMAP4rev1\r\n"), Some("IMAP"));
        assert_eq!(of(b"STLS\r\n", b"+OK ready\r\n"), Some("POP3"));
        let request = [3, 0, 0, 19, 14, 0xE0, 0, 0];
        assert_eq!(of(&request, &[]), Some("RDP"));
        assert_eq!(
            of(&[0, 0, 0, 8, 4, 0xD2, 0x16, 0x2F], b"S"),
            Some("PostgreSQL")
        );
        assert_eq!(of(b"STARTTLS\r\n", b"220 unknown\r\n"), None);
        assert_eq!(of(b"", b""), None);
    }
}
