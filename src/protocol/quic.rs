//! QUIC, recognized so that what it hides can be counted.
//!
//! Its handshake is TLS 1.3 in encrypted packets; certificates are never
//! visible ([`crate::protocol::tls::HiddenBy::Quic`]). Nothing else is read.

/// True when a UDP payload is a long-header Initial packet of QUIC version 1
/// or 2, the first packet of a connection.
///
/// ```text
/// | 1 1 type(2) ....| version (4) | DCID length | DCID | SCID length | SCID |
/// | token length (variable) | token | length (variable) | packet number, payload |
/// ```
///
/// Type is 0 in version 1 (0x00000001) and drafts (0xff0000..), 1 in version 2
/// (0x6b3343cf). A connection id has at most 20 bytes. A client's datagram with
/// an Initial is at least 1200 bytes long; a capture cut by a snaplen may hold
/// less, so the length is not asked for.
///
/// Spec: RFC 9000 §17.2.2, RFC 9369 §3.2.
#[must_use]
pub fn is_long_header_initial(payload: &[u8]) -> bool {
    let Some((&[first, version @ .., dcid_len], rest)) = payload.split_first_chunk::<6>() else {
        return false;
    };
    let packet_type = (first >> 4) & 0b11;
    let initial = match u32::from_be_bytes(version) {
        1 | 0xFF00_0000..=0xFF00_00FF => packet_type == 0,
        0x6B33_43CF => packet_type == 1,
        _ => false,
    };
    let Some(&scid_len) = rest.get(usize::from(dcid_len)) else {
        return false;
    };
    first & 0xC0 == 0xC0 && initial && dcid_len <= MAX_ID && scid_len <= MAX_ID
}

const MAX_ID: u8 = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_initial_of_rfc_9001_is_recognized() {
        // RFC 9001 A.2: the protected header of the client's Initial packet.
        let packet = [
            0xc0, 0x00, 0x00, 0x00, 0x01, 0x08, 0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08,
            0x00, 0x00, 0x44, 0x9e, 0x7b, 0x9a, 0xec, 0x34,
        ];
        assert!(is_long_header_initial(&packet));
        assert!(!is_long_header_initial(&packet[..6]));
    }

    #[test]
    fn a_dns_question_and_a_short_header_are_not() {
        assert!(!is_long_header_initial(
            b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03www"
        ));
        assert!(!is_long_header_initial(&[0x40; 40]));
        // A Handshake packet of version 1 (type 2).
        assert!(!is_long_header_initial(&[0xe0, 0, 0, 0, 1, 0, 0, 0]));
    }
}
