//! Builders of small values for the unit tests of this stage.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::net::SocketAddr;
use std::sync::Arc;

use crate::flow::{Conversation, ConversationId, Quality, RoleBasis};
use crate::pki::Certificate;
use crate::pki::certificate::{
    AccessDescription, AlgorithmIdentifier, CA_ISSUERS, Decoded, DistributionPoint, GeneralName,
    Name, PublicKeyInfo,
};
use crate::protocol::dns::{Answer, Lookup};
use crate::protocol::http::{Body, Completeness, Ending, Exchange, Headers, Request, Response};
use crate::provenance::{EvidenceId, Sighting};
use crate::time::Timestamp;

use super::Observed;

/// The client of all fixtures.
pub const CLIENT: &str = "10.0.0.9";

pub fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// Seconds after the start of the fixture's capture.
pub fn at(seconds: f64) -> Timestamp {
    #[allow(clippy::cast_possible_truncation)]
    let nanoseconds = (seconds * 1e9) as i128;
    Timestamp::from_unix_nanoseconds(1_300_000_000_000_000_000 + nanoseconds).unwrap()
}

pub fn sighting(packet: u64, seconds: f64) -> Sighting {
    Sighting {
        at: at(seconds),
        evidence: EvidenceId(0),
        packet,
    }
}

fn headers(pairs: &[(&str, &str)]) -> Headers {
    Headers(
        pairs
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect(),
    )
}

pub fn request(method: &str, target: &str, host: &str) -> Request {
    Request {
        method: method.into(),
        target: target.into(),
        headers: headers(&[("Host", host)]),
        first: sighting(4, 1.0),
        last: sighting(4, 1.0),
        body: None,
    }
}

pub fn body(bytes: &[u8]) -> Body {
    let size = bytes.len() as u64;
    Body {
        size,
        wire_size: size,
        declared: Some(size),
        bytes: Some(Arc::from(bytes)),
        sha256: None,
        prefix: bytes.to_vec(),
        completeness: Completeness::Complete,
        trouble: None,
    }
}

pub fn response(status: u16, bytes: &[u8]) -> Response {
    Response {
        status,
        reason: String::new(),
        headers: Headers::default(),
        first: sighting(5, 1.1),
        last: sighting(6, 1.2),
        body: Some(body(bytes)),
    }
}

/// A conversation of [`CLIENT`] that grows by requests and answers, a tenth of
/// a second and one frame each.
#[derive(Debug, Clone)]
pub struct Talk {
    server: SocketAddr,
    port: u16,
    started: f64,
    steps: f64,
    exchanges: Vec<Exchange>,
}

impl Talk {
    pub fn to(server: &str) -> Self {
        let server = address(server);
        Talk {
            server,
            port: 50_000,
            started: 0.0,
            steps: 3.0,
            exchanges: Vec::new(),
        }
    }

    pub fn starting(mut self, seconds: f64) -> Self {
        self.started = seconds;
        self
    }

    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fn step(&mut self) -> Sighting {
        self.steps += 1.0;
        let packet = (self.started * 1000.0) as u64 + self.steps as u64;
        sighting(packet, self.started + self.steps / 10.0)
    }

    pub fn get(self, target: &str, host: &str) -> Self {
        self.ask("GET", target, host, &[])
    }

    pub fn ask(mut self, method: &str, target: &str, host: &str, more: &[(&str, &str)]) -> Self {
        let sighting = self.step();
        let mut request = request(method, target, host);
        request.headers.0.extend(headers(more).0);
        (request.first, request.last) = (sighting, sighting);
        self.exchanges.push(Exchange {
            conversation: ConversationId(u64::from(self.port)),
            index: u32::try_from(self.exchanges.len()).unwrap(),
            tunnel: None,
            encrypted: false,
            request: Some(request),
            response: None,
            ending: Ending::CaptureEnds,
        });
        self
    }

    pub fn answer(self, status: u16, bytes: &[u8]) -> Self {
        self.answer_with(status, bytes, &[])
    }

    pub fn answer_with(mut self, status: u16, bytes: &[u8], fields: &[(&str, &str)]) -> Self {
        let sighting = self.step();
        let mut response = response(status, bytes);
        (response.first, response.last) = (sighting, sighting);
        response.headers = headers(fields);
        if matches!(status, 204 | 304) {
            response.body = None;
        }
        let exchange = self.exchanges.last_mut().unwrap();
        exchange.response = Some(response);
        exchange.ending = Ending::Complete;
        self
    }

    pub fn observed(self) -> Observed {
        let start = self.started;
        let mut conversation = conversation(self.server, self.port);
        conversation.first = sighting_in(start, 1);
        conversation.syns = vec![sighting_in(start, 1)];
        conversation.syn_ack = Some(sighting_in(start, 2));
        conversation.last = sighting(9_999, start + self.steps / 10.0);
        conversation.quality.packets = [5, 5];
        conversation.quality.bytes = [100, 100];
        Observed {
            conversation,
            exchanges: self.exchanges,
            handshakes: Vec::new(),
            recognized: true,
            socks: None,
            ldap: None,
            twins: Vec::new(),
        }
    }
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss
)]
fn sighting_in(start: f64, step: u64) -> Sighting {
    sighting((start * 1000.0) as u64 + step, start + step as f64 / 10.0)
}

fn conversation(server: SocketAddr, port: u16) -> Conversation {
    Conversation {
        id: ConversationId(u64::from(port)),
        vantage: 0,
        client: SocketAddr::new(CLIENT.parse().unwrap(), port),
        server,
        role_basis: RoleBasis::Handshake,
        initial: [None, None],
        syns: Vec::new(),
        syn_ack: None,
        reply: None,
        refusal: None,
        first: sighting(1, 0.0),
        last: sighting(1, 0.0),
        closes: Vec::new(),
        icmp_errors: Vec::new(),
        quality: Quality::default(),
    }
}

/// A connect to which nobody answered: SYNs at the given seconds.
pub fn unanswered(server: &str, port: u16, syns: &[f64]) -> Observed {
    let mut seen = Talk::to(server).port(port).observed();
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let sightings: Vec<Sighting> = syns
        .iter()
        .map(|seconds| sighting((seconds * 1000.0) as u64, *seconds))
        .collect();
    let conversation = &mut seen.conversation;
    conversation.first = sightings[0];
    conversation.last = sightings[sightings.len() - 1];
    conversation.syn_ack = None;
    conversation.quality = Quality {
        packets: [syns.len() as u64, 0],
        ..Quality::default()
    };
    conversation.syns = sightings;
    seen.recognized = false;
    seen
}

/// A lookup of an A record by [`CLIENT`], answered a tenth of a second later.
/// No address and response code 0 means an answer without data.
pub fn lookup(name: &str, seconds: f64, response_code: u16, addresses: &[&str]) -> Lookup {
    let mut lookup = silent_lookup(name, &[seconds]);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let packet = (seconds * 1000.0) as u64 + 1;
    lookup.answer = Some(Answer {
        is_truncated: false,
        response_code,
        addresses: addresses.iter().map(|text| text.parse().unwrap()).collect(),
        aliases: Vec::new(),
        sighting: sighting(packet, seconds + 0.1),
    });
    lookup
}

/// A lookup of an A record to which nobody answered.
pub fn silent_lookup(name: &str, questions: &[f64]) -> Lookup {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let questions = questions
        .iter()
        .map(|&s| sighting((s * 1000.0) as u64, s))
        .collect();
    Lookup {
        vantage: 0,
        client: SocketAddr::new(CLIENT.parse().unwrap(), 60_000),
        server: address("10.0.0.53:53"),
        name: name.into(),
        question_type: 1,
        questions,
        answer: None,
    }
}

fn name(text: &str) -> Name {
    Name {
        der: text.as_bytes().to_vec(),
        text: text.into(),
        attributes: Vec::new(),
    }
}

fn algorithm() -> AlgorithmIdentifier {
    AlgorithmIdentifier {
        oid: "1.2".into(),
        parameters: None,
    }
}

/// A certificate that names URLs of its issuer and its CRLs.
pub fn certificate(subject: &str, issuer: &str, issuers: &[&str], crls: &[&str]) -> Certificate {
    let uri = |text: &&str| GeneralName::Uri((*text).into());
    let access = |text| AccessDescription {
        method: CA_ISSUERS.into(),
        location: uri(text),
    };
    let point = |text| DistributionPoint {
        full_name: vec![uri(text)],
        ..Default::default()
    };
    Certificate {
        der: Arc::from(subject.as_bytes()),
        sha256: [0; 32],
        sha1: [0; 20],
        version: 3,
        serial: vec![1],
        tbs: 0..0,
        tbs_signature_algorithm: algorithm(),
        signature_algorithm: algorithm(),
        signature: Vec::new(),
        issuer: name(issuer),
        subject: name(subject),
        not_before: at(0.0),
        not_after: at(1.0),
        public_key: PublicKeyInfo {
            der: Vec::new(),
            algorithm: algorithm(),
            key: Vec::new(),
            bits: None,
        },
        extensions: Vec::new(),
        basic_constraints: Decoded::Absent,
        key_usage: Decoded::Absent,
        extended_key_usage: Decoded::Absent,
        subject_alternative_names: Decoded::Absent,
        subject_key_identifier: Decoded::Absent,
        authority_key_identifier: Decoded::Absent,
        authority_info_access: Decoded::Present(issuers.iter().map(access).collect()),
        crl_distribution_points: Decoded::Present(crls.iter().map(point).collect()),
        freshest_crl: Decoded::Absent,
        name_constraints: Decoded::Absent,
        certificate_policies: Decoded::Absent,
        policy_mappings: Decoded::Absent,
        policy_constraints: Decoded::Absent,
        inhibit_any_policy: Decoded::Absent,
        oddities: Vec::new(),
    }
}
