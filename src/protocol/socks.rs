//! The SOCKS dialogue before the real one.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::bytes::{ErrorKind, ParseError, Reader};
use crate::flow::Direction;
use crate::protocol::transcript::{Socks, side};
use crate::provenance::Sighting;

/// Follows SOCKS 4, 4a and 5 up to the proxy's reply.
///
/// ```text
/// 4  client: 4 | command | port (2) | address (4) | user id 0 [ | name 0 ]   server: 0 | reply | 6 bytes
/// 5  client: 5 | count | methods                                             server: 5 | method
///    client: 1 | name length | name | password length | password             server: 1 | status   (method 2)
///    client: 5 | command | 0 | address type | address | port (2)             server: 5 | reply | 0 | type | address | port
/// ```
///
/// Spec: RFC 1928, RFC 1929, and the notes "SOCKS: A protocol for TCP proxy"
/// and "SOCKS 4A" that came with the first implementations.
pub(super) struct SocksDialogue {
    pub(super) socks: Socks,
    buffers: [Vec<u8>; 2],
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The server's choice of a method is awaited.
    Method,
    /// Name and password went or go to the server.
    Login,
    /// The request was or will be sent; the reply is awaited.
    Request,
    Reply,
}

/// What a piece of input led to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SocksStep {
    /// The dialogue goes on.
    More,
    /// The proxy agreed; these bytes of each direction belong to what follows.
    Established([Vec<u8>; 2]),
    /// It refused, or this is no SOCKS.
    Over,
}

/// Far more than the longest dialogue.
const MAX_BUFFER: usize = 2048;

impl SocksDialogue {
    /// Starts with the client's first bytes, if they can be a greeting.
    pub(super) fn begin(client: &[u8], sighting: Sighting) -> Option<Self> {
        let version = *client.first()?;
        let stage = match (version, client.get(1)) {
            (5, None) => Stage::Method,
            // A greeting is its list of methods and nothing else.
            (5, Some(&count)) if count > 0 && client.len() <= 2 + usize::from(count) => {
                Stage::Method
            }
            (4, None | Some(1 | 2)) => Stage::Request,
            _ => return None,
        };
        let socks = Socks {
            version,
            target: None,
            reply: None,
            method: None,
            user: None,
            login_refused: false,
            sighting,
        };
        Some(SocksDialogue {
            socks,
            buffers: [client.to_vec(), Vec::new()],
            stage,
        })
    }

    /// True when the server's answer shows that this is SOCKS.
    pub(super) fn is_certain(&self) -> bool {
        self.socks.method.is_some() || self.socks.reply.is_some()
    }

    /// The next bytes of one direction.
    pub(super) fn bytes(&mut self, direction: Direction, bytes: &[u8]) -> SocksStep {
        let buffer = &mut self.buffers[side(direction)];
        buffer.extend_from_slice(bytes);
        if buffer.len() > MAX_BUFFER {
            return SocksStep::Over;
        }
        loop {
            match self.step() {
                Ok(None) => {}
                Ok(Some(step)) => return step,
                Err(ParseError {
                    kind: ErrorKind::Truncated { .. },
                    ..
                }) => {
                    return SocksStep::More;
                }
                Err(_) => return SocksStep::Over,
            }
        }
    }

    /// Reads the next message whole, or fails without having moved.
    fn step(&mut self) -> Result<Option<SocksStep>, ParseError> {
        const WHAT: &str = "SOCKS";
        let [client, server] = &self.buffers;
        let (mut client, mut server) = (Reader::new(client), Reader::new(server));
        let stage = match self.stage {
            Stage::Method => {
                client.u8(WHAT)?;
                let count = client.u8(WHAT)?;
                client.skip(WHAT, usize::from(count))?;
                let version = server.u8(WHAT)?;
                let method = server.u8(WHAT)?;
                if version != 5 || !matches!(method, 0..=9 | 0x80..) {
                    return Err(server.error(WHAT, ErrorKind::Malformed("method".into())));
                }
                self.socks.method = Some(method);
                match method {
                    0 => Stage::Request,
                    2 => Stage::Login,
                    // GSSAPI wraps what follows; 255 refuses.
                    _ => return Ok(Some(SocksStep::Over)),
                }
            }
            Stage::Login => {
                client.u8(WHAT)?;
                let length = client.u8(WHAT)?;
                let user = client.take(WHAT, usize::from(length))?;
                self.socks.user = named(user);
                let length = client.u8(WHAT)?;
                client.skip(WHAT, usize::from(length))?;
                server.u8(WHAT)?;
                if server.u8(WHAT)? != 0 {
                    self.socks.login_refused = true;
                    return Ok(Some(SocksStep::Over));
                }
                Stage::Request
            }
            Stage::Request => {
                self.socks.target = Some(if self.socks.version == 5 {
                    request5(&mut client)?
                } else {
                    let (user, target) = request4(&mut client)?;
                    self.socks.user = named(user.as_bytes());
                    target
                });
                Stage::Reply
            }
            Stage::Reply => {
                let version = server.u8(WHAT)?;
                let reply = server.u8(WHAT)?;
                if !matches!(
                    (self.socks.version, version, reply),
                    (5, 5, 0..=8) | (4, 0, 90..=93)
                ) {
                    return Err(server.error(WHAT, ErrorKind::Malformed("reply".into())));
                }
                let granted = if self.socks.version == 5 {
                    server.u8(WHAT)?;
                    address5(&mut server)?;
                    reply == 0
                } else {
                    server.skip(WHAT, 6)?;
                    reply == 90
                };
                self.socks.reply = Some(reply);
                let rests = [client.rest().to_vec(), server.rest().to_vec()];
                let step = if granted {
                    SocksStep::Established(rests)
                } else {
                    SocksStep::Over
                };
                return Ok(Some(step));
            }
        };
        let (client, server) = (client.rest().to_vec(), server.rest().to_vec());
        self.buffers = [client, server];
        self.stage = stage;
        Ok(None)
    }
}

fn request5(reader: &mut Reader<'_>) -> Result<String, ParseError> {
    const WHAT: &str = "SOCKS request";
    if reader.u8(WHAT)? != 5 {
        return Err(reader.error(WHAT, ErrorKind::Malformed("version".into())));
    }
    reader.skip(WHAT, 2)?;
    address5(reader)
}

/// Address type, address and port as `host:port`.
fn address5(reader: &mut Reader<'_>) -> Result<String, ParseError> {
    const WHAT: &str = "SOCKS address";
    let host = match reader.u8(WHAT)? {
        1 => Ipv4Addr::from(reader.array::<4>(WHAT)?).to_string(),
        4 => format!("[{}]", Ipv6Addr::from(reader.array::<16>(WHAT)?)),
        3 => {
            let length = reader.u8(WHAT)?;
            String::from_utf8_lossy(reader.take(WHAT, usize::from(length))?).into_owned()
        }
        kind => {
            let kind = ErrorKind::Unsupported(format!("address type {kind}"));
            return Err(reader.error(WHAT, kind));
        }
    };
    Ok(format!("{host}:{}", reader.u16_be(WHAT)?))
}

fn named(user: &[u8]) -> Option<String> {
    (!user.is_empty()).then(|| String::from_utf8_lossy(user).into_owned())
}

/// User id, and `host:port`.
fn request4(reader: &mut Reader<'_>) -> Result<(String, String), ParseError> {
    const WHAT: &str = "SOCKS 4 request";
    reader.skip(WHAT, 1)?;
    if !matches!(reader.u8(WHAT)?, 1 | 2) {
        return Err(reader.error(WHAT, ErrorKind::Malformed("command".into())));
    }
    let port = reader.u16_be(WHAT)?;
    let address: [u8; 4] = reader.array(WHAT)?;
    let user = text_to_zero(reader)?;
    // 0.0.0.x says that the name follows (4a).
    let host = match address {
        [0, 0, 0, last] if last != 0 => text_to_zero(reader)?,
        _ => Ipv4Addr::from(address).to_string(),
    };
    Ok((user, format!("{host}:{port}")))
}

fn text_to_zero(reader: &mut Reader<'_>) -> Result<String, ParseError> {
    const WHAT: &str = "SOCKS 4 text";
    let rest = reader.rest();
    let length = rest
        .iter()
        .position(|&byte| byte == 0)
        .unwrap_or(rest.len());
    let text = String::from_utf8_lossy(reader.take(WHAT, length)?).into_owned();
    reader.skip(WHAT, 1)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::protocol::trial::seen;

    #[test]
    fn socks_5_with_a_name_is_followed_to_its_reply() {
        let mut socks = SocksDialogue::begin(&[5, 2, 0, 1], seen(1)).unwrap();
        assert_eq!(socks.bytes(Direction::ToClient, &[5]), SocksStep::More);
        assert_eq!(socks.bytes(Direction::ToClient, &[0]), SocksStep::More);
        let request = b"\x05\x01\0\x03\x0bexample.com\x01\xbb";
        assert_eq!(socks.bytes(Direction::ToServer, request), SocksStep::More);
        let step = socks.bytes(Direction::ToClient, b"\x05\0\0\x01\0\0\0\0\0\0\x16");
        assert_eq!(step, SocksStep::Established([vec![], vec![0x16]]));
        assert_eq!(socks.socks.target.as_deref(), Some("example.com:443"));
        assert_eq!((socks.socks.method, socks.socks.reply), (Some(0), Some(0)));
    }

    #[test]
    fn socks_5_with_a_login_that_fails_is_over() {
        let mut socks = SocksDialogue::begin(&[5, 1, 2], seen(1)).unwrap();
        assert_eq!(socks.bytes(Direction::ToClient, &[5, 2]), SocksStep::More);
        assert_eq!(
            socks.bytes(Direction::ToServer, b"\x01\x02me\x02pw"),
            SocksStep::More
        );
        assert_eq!(socks.bytes(Direction::ToClient, &[1, 1]), SocksStep::Over);
        assert_eq!(socks.socks.target, None);
        assert_eq!(socks.socks.user.as_deref(), Some("me"));
        assert!(socks.socks.login_refused);
        assert!(!format!("{:?}", socks.socks).contains("pw"));
    }

    #[test]
    fn socks_4a_names_its_target() {
        let greeting = b"\x04\x01\0\x50\0\0\0\x01user\0crl.example\0";
        let mut socks = SocksDialogue::begin(greeting, seen(1)).unwrap();
        let step = socks.bytes(Direction::ToClient, &[0, 91, 0, 0, 0, 0, 0, 0]);
        assert_eq!(step, SocksStep::Over);
        assert_eq!(socks.socks.target.as_deref(), Some("crl.example:80"));
        assert_eq!(socks.socks.reply, Some(91));
    }

    #[test]
    fn other_first_bytes_are_no_greeting() {
        assert!(SocksDialogue::begin(&[5, 1, 0, 0], seen(1)).is_none());
        assert!(SocksDialogue::begin(b"\x04\x05hello", seen(1)).is_none());
        assert!(SocksDialogue::begin(b"GET /", seen(1)).is_none());
    }
}
