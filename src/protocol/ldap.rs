//! LDAP, as far as certificates and CRLs are fetched with it.

use std::sync::Arc;

use super::ber;
use super::transcript::side;
use crate::bytes::{ErrorKind, ParseError, Reader};
use crate::flow::Direction;
use crate::provenance::Sighting;

/// What was said in one LDAP connection.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LdapSession {
    /// Binds, in order.
    pub binds: Vec<LdapBind>,
    /// Searches, in order.
    pub searches: Vec<LdapSearch>,
    /// The first frame of a payload that SASL seals or signs, so that requests
    /// and answers after it cannot be told.
    pub sealed: Option<Sighting>,
    /// StartTLS was asked for.
    pub start_tls: bool,
    /// Messages or values left out because of a limit, in one line.
    pub trouble: Option<(String, Sighting)>,
}

/// A bind with its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LdapBind {
    message: u32,
    /// `simple` or the SASL mechanism: `GSS-SPNEGO`, `GSSAPI`.
    pub mechanism: String,
    /// resultCode: 0 success, 14 goes on, 49 invalid credentials; `None` when
    /// no answer was captured.
    pub result: Option<u32>,
    /// The frame of the request.
    pub sighting: Sighting,
}

/// A search with its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LdapSearch {
    message: u32,
    /// baseObject: `CN=…,CN=CDP,…`; empty for the root entry.
    pub base: String,
    /// 0 baseObject, 1 singleLevel, 2 wholeSubtree.
    pub scope: u32,
    /// Attributes asked for, as written; empty for all.
    pub attributes: Vec<String>,
    /// Entries given.
    pub entries: u64,
    /// Values of certificate and CRL attributes: attribute, bytes.
    pub values: Vec<(String, Arc<[u8]>)>,
    /// resultCode: 0 success, 32 noSuchObject, 50 insufficientAccessRights, …;
    /// `None` when the end was not captured.
    pub result: Option<u32>,
    /// The frame of the request.
    pub first: Sighting,
    /// The last frame of its answer.
    pub last: Sighting,
}

impl LdapSearch {
    /// The attribute of a certificate or CRL that was asked for, if any.
    #[must_use]
    pub fn wanted(&self) -> Option<&str> {
        let mut asked = self.attributes.iter();
        asked.find(|name| is_ours(name)).map(String::as_str)
    }
}

/// True for attributes that hold certificates or lists. Spec: RFC 4523 §2.
fn is_ours(attribute: &str) -> bool {
    let name = attribute.split(';').next().unwrap_or_default();
    const NAMES: [&str; 5] = [
        "certificateRevocationList",
        "authorityRevocationList",
        "deltaRevocationList",
        "cACertificate",
        "crossCertificatePair",
    ];
    NAMES.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Follows the messages of both directions.
///
/// ```text
/// LDAPMessage ::= SEQUENCE { messageID INTEGER, protocolOp CHOICE {
///   bindRequest [APPLICATION 0], bindResponse [1], searchRequest [3],
///   searchResEntry [4], searchResDone [5], extendedReq [23], … }, controls [0] OPTIONAL }
/// after a SASL bind with protection: length (4, big-endian) | sealed or signed bytes
/// ```
///
/// Passwords of simple binds and SASL credentials are passed over unread.
///
/// Spec: RFC 4511 §4.1.1, §4.2, §4.5; RFC 4513; RFC 4422 §3.7.
pub(super) struct LdapDialogue {
    session: LdapSession,
    buffers: [Vec<u8>; 2],
    certain: bool,
    kept: usize,
}

/// What a piece of input led to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LdapStep {
    /// More may come.
    More,
    /// TLS begins with these bytes.
    Tls(Vec<u8>),
    /// Sealed, damaged, or no LDAP.
    Over,
}

/// A CRL of a large CA has some megabytes.
const MAX_MESSAGE: usize = 16 << 20;
/// Bytes of values kept of one connection.
const MAX_KEPT: usize = 32 << 20;
/// Searches and binds kept of one connection; a management console makes thousands.
const MAX_OPERATIONS: usize = 256;
/// Values and attributes kept of one search.
const MAX_VALUES: usize = 64;
/// A distinguished name.
const MAX_TEXT: usize = 4096;

impl LdapDialogue {
    /// Starts with the first bytes of a direction, if they can begin a message.
    pub(super) fn begin(first: &[u8]) -> Option<Self> {
        (first.first() == Some(&0x30)).then(|| LdapDialogue {
            session: LdapSession::default(),
            buffers: Default::default(),
            certain: false,
            kept: 0,
        })
    }

    /// The session, where this was LDAP.
    pub(super) fn finish(self) -> Option<LdapSession> {
        self.certain.then_some(self.session)
    }

    /// The next bytes of one direction.
    pub(super) fn bytes(&mut self, direction: Direction, bytes: &[u8], at: Sighting) -> LdapStep {
        let index = side(direction);
        let mut buffer = std::mem::take(&mut self.buffers[index]);
        buffer.extend_from_slice(bytes);
        let mut reader = Reader::new(&buffer);
        loop {
            let rest = reader.rest();
            match rest.first() {
                None => break LdapStep::More,
                Some(0x16) if self.certain && rest.get(1).is_none_or(|byte| *byte == 3) => {
                    break LdapStep::Tls(rest.to_vec());
                }
                // A length of less than 16 MiB: SASL protection.
                Some(0) if self.certain => {
                    self.session.sealed.get_or_insert(at);
                    break LdapStep::Over;
                }
                Some(0x30) => {}
                Some(_) => break LdapStep::Over,
            }
            match ber::element(&mut reader, "LDAPMessage") {
                Ok((_, contents)) => {
                    if self.message(direction, contents, at).is_none() {
                        break LdapStep::Over;
                    }
                }
                Err(ParseError {
                    kind: ErrorKind::Truncated { .. },
                    ..
                }) if rest.len() <= self.room(rest) => {
                    let rest = rest.to_vec();
                    self.buffers[index] = rest;
                    return LdapStep::More;
                }
                Err(_) => {
                    self.trouble("an LDAP message cannot be read, or is too long", at);
                    break LdapStep::Over;
                }
            }
        }
    }

    /// Bytes awaited for one message; little until the first has shown that this is LDAP.
    fn room(&self, begun: &[u8]) -> usize {
        match self.certain || looks_like_message(begun) {
            true => MAX_MESSAGE,
            false => 32,
        }
    }

    fn trouble(&mut self, what: &str, at: Sighting) {
        if self.certain {
            self.session.trouble.get_or_insert((what.to_owned(), at));
        }
    }

    fn message(&mut self, direction: Direction, contents: &[u8], at: Sighting) -> Option<()> {
        let mut reader = Reader::new(contents);
        let (tag, id) = ber::element(&mut reader, "messageID").ok()?;
        let id = ber::number(id).filter(|_| tag == 0x02)?;
        let (operation, body) = ber::element(&mut reader, "protocolOp").ok()?;
        if !is_operation(operation) {
            return None;
        }
        self.certain = true;
        match (direction, operation) {
            (Direction::ToServer, 0x60) => self.bind(id, body, at),
            (Direction::ToServer, 0x63) => self.search(id, body, at),
            (Direction::ToServer, 0x77) => {
                self.session.start_tls |= ber::first(body, 0x80) == Some(START_TLS);
            }
            (Direction::ToClient, 0x61) => {
                let result = result_code(body);
                let open = self.session.binds.iter_mut().rev();
                if let Some(bind) = open.into_iter().find(|bind| bind.message == id) {
                    bind.result = result;
                }
            }
            (Direction::ToClient, 0x64) => self.entry(id, body, at),
            (Direction::ToClient, 0x65) => {
                let result = result_code(body);
                if let Some(search) = self.open_search(id) {
                    (search.result, search.last) = (result, at);
                }
            }
            _ => {}
        }
        Some(())
    }

    fn open_search(&mut self, id: u32) -> Option<&mut LdapSearch> {
        let searches = self.session.searches.iter_mut().rev();
        let mut own = searches
            .into_iter()
            .filter(|it| it.message == id && it.result.is_none());
        own.next()
    }

    fn bind(&mut self, id: u32, body: &[u8], at: Sighting) {
        let mut mechanism = "simple".to_owned();
        if let Some(sasl) = ber::first(body, 0xA3) {
            mechanism = ber::first(sasl, 0x04).map_or_else(|| "SASL".to_owned(), text);
        } else if ber::elements(body)
            .iter()
            .any(|(tag, _)| matches!(tag, 0x89..=0x8B))
        {
            // Sicily, Microsoft's way before SASL.
            mechanism = "NTLM (Sicily)".to_owned();
        }
        if self.session.binds.len() < MAX_OPERATIONS {
            self.session.binds.push(LdapBind {
                message: id,
                mechanism,
                result: None,
                sighting: at,
            });
        }
    }

    fn search(&mut self, id: u32, body: &[u8], at: Sighting) {
        let parts = ber::elements(body);
        let contents = |index: usize| parts.get(index).map(|(_, contents)| *contents);
        let asked = contents(7).map(ber::elements).unwrap_or_default();
        if self.session.searches.len() >= MAX_OPERATIONS {
            self.trouble("more LDAP searches than are kept", at);
            return;
        }
        self.session.searches.push(LdapSearch {
            message: id,
            base: contents(0).map(text).unwrap_or_default(),
            scope: contents(1).and_then(ber::number).unwrap_or_default(),
            attributes: asked
                .iter()
                .take(MAX_VALUES)
                .map(|(_, name)| text(name))
                .collect(),
            entries: 0,
            values: Vec::new(),
            result: None,
            first: at,
            last: at,
        });
    }

    /// SearchResultEntry ::= { objectName, SEQUENCE OF { type, SET OF value } }
    fn entry(&mut self, id: u32, body: &[u8], at: Sighting) {
        let mut kept = self.kept;
        let mut over = false;
        let Some(search) = self.open_search(id) else {
            return;
        };
        search.entries += 1;
        search.last = at;
        for (_, attribute) in ber::first(body, 0x30)
            .map(ber::elements)
            .unwrap_or_default()
        {
            let Some(name) = ber::first(attribute, 0x04).map(text) else {
                continue;
            };
            if !is_ours(&name) {
                continue;
            }
            for (_, value) in ber::first(attribute, 0x31)
                .map(ber::elements)
                .unwrap_or_default()
            {
                over |= search.values.len() >= MAX_VALUES || kept + value.len() > MAX_KEPT;
                if !over {
                    kept += value.len();
                    search.values.push((name.clone(), value.into()));
                }
            }
        }
        self.kept = kept;
        if over {
            self.trouble("more LDAP values than are kept", at);
        }
    }
}

/// 1.3.6.1.4.1.1466.20037
const START_TLS: &[u8] = b"1.3.6.1.4.1.1466.20037";

fn is_operation(tag: u8) -> bool {
    matches!(tag, 0x60..=0x79 | 0x42 | 0x4A | 0x50)
}

/// SEQUENCE, length, INTEGER of one to four bytes, an operation's tag.
fn looks_like_message(begun: &[u8]) -> bool {
    let header = match begun.get(1) {
        Some(length @ 0x81..=0x84) => 2 + usize::from(length & 0x0F),
        Some(0..=0x7F) => 2,
        _ => return false,
    };
    let (Some(0x02), Some(size @ 1..=4)) = (begun.get(header), begun.get(header + 1)) else {
        return false;
    };
    begun
        .get(header + 2 + usize::from(*size))
        .is_some_and(|tag| is_operation(*tag))
}

/// LDAPResult ::= { resultCode ENUMERATED, matchedDN, diagnosticMessage, … }
fn result_code(body: &[u8]) -> Option<u32> {
    ber::first(body, 0x0A).and_then(ber::number)
}

fn text(contents: &[u8]) -> String {
    let near = contents
        .get(..contents.len().min(MAX_TEXT))
        .unwrap_or(contents);
    String::from_utf8_lossy(near).into_owned()
}

/// A result code as a word. Spec: RFC 4511 §4.1.9.
#[must_use]
pub fn result_name(code: u32) -> &'static str {
    match code {
        0 => "success",
        1 => "operationsError",
        2 => "protocolError",
        3 => "timeLimitExceeded",
        8 => "strongerAuthRequired",
        10 => "referral",
        14 => "saslBindInProgress",
        16 => "noSuchAttribute",
        32 => "noSuchObject",
        34 => "invalidDNSyntax",
        49 => "invalidCredentials",
        50 => "insufficientAccessRights",
        51 => "busy",
        52 => "unavailable",
        53 => "unwillingToPerform",
        _ => "error",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::protocol::trial::seen;

    fn wrap(tag: u8, contents: &[u8]) -> Vec<u8> {
        let length = u32::try_from(contents.len()).unwrap().to_be_bytes();
        [&[tag, 0x84], &length[..], contents].concat()
    }

    fn message(id: u8, operation: &[u8]) -> Vec<u8> {
        wrap(0x30, &[wrap(0x02, &[id]), operation.to_vec()].concat())
    }

    fn search() -> Vec<u8> {
        let parts = [
            wrap(0x04, b"CN=CA,CN=CDP"),
            wrap(0x0A, &[0]),
            wrap(0x0A, &[0]),
            wrap(0x02, &[0]),
            wrap(0x02, &[15]),
            wrap(0x01, &[0]),
            wrap(0x87, b"objectClass"),
            wrap(0x30, &wrap(0x04, b"certificateRevocationList;binary")),
        ];
        message(2, &wrap(0x63, &parts.concat()))
    }

    fn entry(value: &[u8]) -> Vec<u8> {
        let values = wrap(0x31, &wrap(0x04, value));
        let attribute = [wrap(0x04, b"certificateRevocationList;binary"), values].concat();
        let attributes = wrap(0x30, &wrap(0x30, &attribute));
        message(
            2,
            &wrap(0x64, &[wrap(0x04, b"CN=CA,CN=CDP"), attributes].concat()),
        )
    }

    fn done(code: u8) -> Vec<u8> {
        let parts = [wrap(0x0A, &[code]), wrap(0x04, b""), wrap(0x04, b"")];
        message(2, &wrap(0x65, &parts.concat()))
    }

    fn talk(pieces: &[(Direction, Vec<u8>)]) -> (LdapDialogue, LdapStep) {
        let mut dialogue = LdapDialogue::begin(&[0x30]).unwrap();
        let mut last = LdapStep::More;
        for (number, (direction, bytes)) in pieces.iter().enumerate() {
            last = dialogue.bytes(*direction, bytes, seen(number as u64 + 1));
        }
        (dialogue, last)
    }

    const C: Direction = Direction::ToServer;
    const S: Direction = Direction::ToClient;

    #[test]
    fn a_list_comes_with_its_entry_however_it_is_cut() {
        let answer = [entry(b"the list"), done(0)].concat();
        for cut in 1..answer.len() {
            let (first, second) = answer.split_at(cut);
            let (dialogue, last) =
                talk(&[(C, search()), (S, first.to_vec()), (S, second.to_vec())]);
            assert_eq!(last, LdapStep::More);
            let session = dialogue.finish().unwrap();
            let [only] = session.searches.as_slice() else {
                panic!("{session:?}")
            };
            assert_eq!(only.wanted(), Some("certificateRevocationList;binary"));
            assert_eq!((only.result, only.entries), (Some(0), 1));
            assert_eq!(&*only.values[0].1, b"the list");
        }
    }

    #[test]
    fn an_object_that_is_not_there_has_its_code() {
        let (dialogue, _) = talk(&[(C, search()), (S, done(32))]);
        let session = dialogue.finish().unwrap();
        assert_eq!(session.searches[0].result, Some(32));
        assert_eq!(result_name(32), "noSuchObject");
    }

    #[test]
    fn sealed_bytes_after_a_bind_are_said_and_not_read() {
        let sasl = [wrap(0x04, b"GSS-SPNEGO"), wrap(0x04, b"token")].concat();
        let parts = [wrap(0x02, &[3]), wrap(0x04, b""), wrap(0xA3, &sasl)];
        let bind = message(1, &wrap(0x60, &parts.concat()));
        let parts = [wrap(0x0A, &[0]), wrap(0x04, b""), wrap(0x04, b"")];
        let bound = message(1, &wrap(0x61, &parts.concat()));
        let sealed = [&[0, 0, 0, 40][..], &[0x60; 40]].concat();
        let (dialogue, last) = talk(&[(C, bind), (S, bound), (C, sealed)]);
        assert_eq!(last, LdapStep::Over);
        let session = dialogue.finish().unwrap();
        assert_eq!(session.sealed, Some(seen(3)));
        assert_eq!(session.binds[0].mechanism, "GSS-SPNEGO");
        assert_eq!(session.binds[0].result, Some(0));
    }

    #[test]
    fn tls_after_start_tls_is_handed_on() {
        let start = message(1, &wrap(0x77, &wrap(0x80, START_TLS)));
        let (dialogue, last) = talk(&[(C, start), (C, vec![0x16, 3, 1, 0, 5, 1])]);
        assert_eq!(last, LdapStep::Tls(vec![0x16, 3, 1, 0, 5, 1]));
        assert!(dialogue.finish().unwrap().start_tls);
    }

    #[test]
    fn other_sequences_are_no_ldap() {
        let (dialogue, last) = talk(&[(C, wrap(0x30, &wrap(0x30, b"tbsCertificate")))]);
        assert_eq!(last, LdapStep::Over);
        assert_eq!(dialogue.finish(), None);
        assert!(LdapDialogue::begin(b"GET").is_none());
        let long = [&[0x30, 0x84, 0x7F, 0xFF, 0xFF, 0xFF][..], &[1; 64]].concat();
        assert_eq!(talk(&[(C, long)]).1, LdapStep::Over);
    }
}
