//! Tells from the first bytes of a stream, or of a segment, what they begin.

use crate::flow::Direction;

/// What a run of bytes begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Guess {
    /// An HTTP/1.x request.
    Request,
    /// An HTTP/1.x answer.
    Response,
    /// A TLS record (or an SSLv2 ClientHello); who sends such a one, where it tells.
    Tls(Option<Direction>),
    /// The client preface of HTTP/2 (RFC 9113 §3.4).
    Http2,
    /// Too few bytes to tell, but they may become one of the others.
    Short,
    /// None of these.
    Unknown,
}

impl Guess {
    /// The direction in which such bytes go.
    pub(super) fn direction(self) -> Option<Direction> {
        match self {
            Guess::Request | Guess::Http2 => Some(Direction::ToServer),
            Guess::Response => Some(Direction::ToClient),
            Guess::Tls(direction) => direction,
            Guess::Short | Guess::Unknown => None,
        }
    }
}

/// Guesses what `bytes` begin; needs at most 32 bytes to be sure.
pub(super) fn guess(bytes: &[u8]) -> Guess {
    let trimmed = trim_line_ends(bytes);
    let Some(first) = trimmed.first() else {
        return Guess::Short;
    };
    match first {
        0x14..=0x18 | 0x80..=0xFF => tls(trimmed),
        b'H' if is_prefix(trimmed, b"HTTP/1.") => status_line(trimmed),
        b'P' if is_prefix(trimmed, HTTP2_PREFACE) && trimmed.len() >= 3 => {
            if trimmed.len() >= HTTP2_PREFACE.len() {
                Guess::Http2
            } else {
                Guess::Short
            }
        }
        b'A'..=b'Z' => request_line(trimmed),
        _ => Guess::Unknown,
    }
}

/// True when a segment in the middle of a stream begins a message of HTTP that
/// goes `direction`; stricter than [`guess`], because text bodies have lines too.
pub(super) fn starts_message(direction: Direction, bytes: &[u8]) -> bool {
    match (direction, guess(bytes)) {
        (Direction::ToServer, Guess::Request) => {
            let line = bytes
                .split(|&byte| byte == b'\n')
                .next()
                .unwrap_or_default();
            // A line cut by the segment's end still has its method and target.
            line.len() == bytes.len() || contains(line, b" HTTP/1.")
        }
        (Direction::ToClient, Guess::Response) => true,
        _ => false,
    }
}

/// True when a segment begins a handshake record of TLS with a hello in it.
pub(super) fn starts_tls_hello(bytes: &[u8]) -> bool {
    let Some(head) = bytes.get(..6) else {
        return false;
    };
    head[0] == 22 && matches!(guess(bytes), Guess::Tls(_)) && matches!(head[5], 1 | 2)
}

/// Empty lines before a request line are to be ignored (RFC 9112 §2.2); some
/// old clients send one after the body of a POST, some servers before an answer.
pub(super) fn trim_line_ends(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|byte| !matches!(byte, b'\r' | b'\n'));
    // More than two empty lines are no such habit.
    match start {
        Some(start) if start <= 4 => bytes.get(start..).unwrap_or_default(),
        Some(_) => bytes,
        None if bytes.len() <= 4 => &[],
        None => bytes,
    }
}

const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0";

/// Methods seen in practice: RFC 9110, WebDAV, UPnP, BITS, RPC over HTTP, and
/// `CCM_POST` of Configuration Manager.
const METHODS: [&str; 32] = [
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "DELETE",
    "CONNECT",
    "OPTIONS",
    "TRACE",
    "PATCH",
    "PROPFIND",
    "PROPPATCH",
    "MKCOL",
    "COPY",
    "MOVE",
    "LOCK",
    "UNLOCK",
    "SEARCH",
    "REPORT",
    "SUBSCRIBE",
    "UNSUBSCRIBE",
    "NOTIFY",
    "POLL",
    "BMOVE",
    "BCOPY",
    "BDELETE",
    "BPROPFIND",
    "BPROPPATCH",
    "BITS_POST",
    "CCM_POST",
    "RPC_IN_DATA",
    "RPC_OUT_DATA",
    "RPC_CONNECT",
];

fn request_line(bytes: &[u8]) -> Guess {
    let mut may_become = false;
    for method in METHODS.map(str::as_bytes) {
        if !is_prefix(bytes, method) {
            continue;
        }
        match bytes.get(method.len()) {
            Some(b' ') => return Guess::Request,
            None => may_become = true,
            Some(_) => {}
        }
    }
    if may_become {
        Guess::Short
    } else {
        Guess::Unknown
    }
}

fn status_line(bytes: &[u8]) -> Guess {
    // "HTTP/1.1 200"
    let Some(line) = bytes.get(..12) else {
        return Guess::Short;
    };
    let is_digit = |at: usize| line[at].is_ascii_digit();
    let fits = is_digit(7) && line[8] == b' ' && is_digit(9) && is_digit(10) && is_digit(11);
    if fits {
        Guess::Response
    } else {
        Guess::Unknown
    }
}

/// Record header: type, version 3.0 to 3.4, length up to 2^14 + 2048; for a
/// handshake record also the type of its first message.
fn tls(bytes: &[u8]) -> Guess {
    let at = |index: usize| bytes.get(index).copied();
    if at(0).is_some_and(|first| first & 0x80 != 0) {
        return sslv2(bytes);
    }
    let version_fits = at(1).is_none_or(|major| major == 3) && at(2).is_none_or(|minor| minor <= 4);
    let length_fits = at(3).is_none_or(|high| high <= 0x48);
    if !version_fits || !length_fits {
        return Guess::Unknown;
    }
    let Some(head) = bytes.get(..6) else {
        return Guess::Short;
    };
    let length = u16::from_be_bytes([head[3], head[4]]);
    match (head[0], length) {
        (_, 0) => Guess::Unknown,
        (22, 4..) => match head[5] {
            1 => Guess::Tls(Some(Direction::ToServer)),
            0 | 2 | 4 | 12 | 13 | 14 | 22 => Guess::Tls(Some(Direction::ToClient)),
            // Both sides may send a Certificate; the others are the client's.
            11 => Guess::Tls(None),
            15 | 16 => Guess::Tls(Some(Direction::ToServer)),
            // Finished is encrypted, so anything may stand here.
            _ => Guess::Tls(None),
        },
        (21, 2) if head[5] > 2 => Guess::Unknown,
        (20, 1) | (21 | 23, 2..) => Guess::Tls(None),
        _ => Guess::Unknown,
    }
}

/// An SSLv2 ClientHello: two bytes of length with the high bit, type 1, version.
fn sslv2(bytes: &[u8]) -> Guess {
    let at = |index: usize| bytes.get(index).copied();
    let type_fits = at(2).is_none_or(|kind| kind == 1);
    let version_fits = match (at(3), at(4)) {
        (Some(major), Some(minor)) => matches!((major, minor), (0, 2) | (3, 0..=3)),
        (Some(major), None) => matches!(major, 0 | 3),
        _ => true,
    };
    if !type_fits || !version_fits {
        return Guess::Unknown;
    }
    let Some(head) = bytes.get(..11) else {
        return Guess::Short;
    };
    let number = |index: usize| usize::from(u16::from_be_bytes([head[index], head[index + 1]]));
    let (length, ciphers, session, challenge) =
        (number(0) & 0x7FFF, number(5), number(7), number(9));
    let fits = ciphers % 3 == 0 && ciphers > 0 && length == 9 + ciphers + session + challenge;
    if fits {
        Guess::Tls(Some(Direction::ToServer))
    } else {
        Guess::Unknown
    }
}

/// True when the two agree as far as both go.
fn is_prefix(bytes: &[u8], pattern: &[u8]) -> bool {
    bytes.iter().zip(pattern).all(|(left, right)| left == right)
}

fn contains(bytes: &[u8], pattern: &[u8]) -> bool {
    bytes.windows(pattern.len()).any(|window| window == pattern)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn the_first_bytes_of_either_side_tell_the_protocol() {
        let to_server = Some(Direction::ToServer);
        let to_client = Some(Direction::ToClient);
        assert_eq!(guess(b"GET / HTTP/1.1\r\n"), Guess::Request);
        assert_eq!(guess(b"\r\nPOST http://a/ HTTP/1.0\r\n"), Guess::Request);
        assert_eq!(
            guess(b"CCM_POST /ccm_system/request HTTP/1.1\r\n"),
            Guess::Request
        );
        assert_eq!(guess(b"HTTP/1.1 407 Proxy"), Guess::Response);
        assert_eq!(guess(&[22, 3, 1, 2, 0, 1, 0]), Guess::Tls(to_server));
        assert_eq!(guess(&[22, 3, 3, 0, 0x4a, 2, 0]), Guess::Tls(to_client));
        assert_eq!(guess(&[23, 3, 3, 0, 0x20, 9]), Guess::Tls(None));
        assert_eq!(guess(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Guess::Http2);
        assert_eq!(guess(b"SSH-2.0-OpenSSH_9.2\r\n"), Guess::Unknown);
        assert_eq!(guess(b"220 mail ESMTP\r\n"), Guess::Unknown);
        assert_eq!(guess(b"GETTING\n"), Guess::Unknown);
        assert_eq!(guess(&[22, 3, 9, 0, 9, 1]), Guess::Unknown);
    }

    #[test]
    fn every_beginning_of_a_message_is_short_until_it_is_sure() {
        let whole: [&[u8]; 4] = [
            b"PROPFIND / ",
            b"HTTP/1.0 200",
            &[22, 3, 0, 0, 9, 1],
            b"PRI * HTTP/2.0",
        ];
        for whole in whole {
            assert!(!matches!(guess(whole), Guess::Short | Guess::Unknown));
            let sure_at = (0..=whole.len()).find(|&length| guess(&whole[..length]) != Guess::Short);
            let sure_at = sure_at.unwrap();
            assert_eq!(
                guess(&whole[..sure_at]),
                guess(whole),
                "{whole:?} at {sure_at}"
            );
        }
    }

    #[test]
    fn an_sslv2_client_hello_has_lengths_that_add_up() {
        let mut hello = vec![0x80, 9 + 3 + 16, 1, 3, 1, 0, 3, 0, 0, 0, 16, 0, 0, 5];
        hello.extend([7; 16]);
        assert_eq!(guess(&hello), Guess::Tls(Some(Direction::ToServer)));
        hello[1] += 1;
        assert_eq!(guess(&hello), Guess::Unknown);
    }
}
