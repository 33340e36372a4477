//! The facts in the JSON report: machines, evidence, retrievals, handshakes,
//! vantage points, issues.

use std::collections::BTreeMap;

use serde::Serialize;

use super::json_each::Items;
use super::json_ids::{JsonAccount, JsonCite, Kind, evidence_id, id, ids, time};
use super::json_network::JsonAuthentication;
use crate::bytes::to_hex;
use crate::case::{Case, Machine, Vantage};
use crate::evidence::EvidenceRecord;
use crate::flow::Direction;
use crate::issue::Issue;
use crate::protocol::tls::{Alert, HiddenBy, KeyUse, Resumption, ServerCertificates, alert_name};
use crate::retrieval::{RetrievedBody, Route};

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub(super) struct JsonMachine {
    id: String,
    names: Vec<String>,
    addresses: Vec<String>,
    profiles: Vec<JsonAccount>,
    missing: Vec<JsonAccount>,
    cites: Vec<JsonCite>,
    joined_because: Option<String>,
}

impl JsonMachine {
    pub(super) fn list(case: &Case) -> Items<'_, Self> {
        let numbered = case.machines.iter().enumerate();
        let machine = |(index, machine): (usize, &Machine)| JsonMachine {
            id: id(Kind::Machine, index),
            names: machine.names.clone(),
            addresses: machine.addresses.iter().map(ToString::to_string).collect(),
            profiles: machine
                .profiles
                .iter()
                .map(JsonAccount::from_account)
                .collect(),
            missing: machine
                .missing
                .iter()
                .map(JsonAccount::from_account)
                .collect(),
            cites: JsonCite::list(&machine.cites),
            joined_because: machine.joined_because.clone(),
        };
        Box::new(numbered.map(machine))
    }
}

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub(super) struct JsonEvidence {
    id: String,
    path: String,
    member: Option<String>,
    kind: &'static str,
    size: u64,
    sha256: Option<String>,
    first_at: Option<String>,
    last_at: Option<String>,
    vantage: Option<u32>,
}

impl JsonEvidence {
    pub(super) fn from_record(record: &EvidenceRecord) -> Self {
        JsonEvidence {
            id: evidence_id(record.id),
            path: record.path.clone(),
            member: record.member.clone(),
            kind: record.kind.word(),
            size: record.size,
            sha256: record.sha256.map(|hash| to_hex(&hash)),
            first_at: record.first_at.map(time),
            last_at: record.last_at.map(time),
            vantage: record.vantage,
        }
    }
}

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub(super) struct JsonRetrieval {
    id: String,
    url: Option<String>,
    host: Option<String>,
    object: &'static str,
    method: Option<String>,
    status: Option<u16>,
    outcome: &'static str,
    detail: Option<String>,
    started_at: String,
    ended_at: String,
    client: Option<String>,
    server: Option<String>,
    machine: Option<String>,
    account: Option<JsonAccount>,
    process: Option<String>,
    process_hint: Option<String>,
    user_agent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    update_folder: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    update_caller: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    soap_method: Option<String>,
    route: JsonRoute,
    syns: u64,
    body: Option<JsonBody>,
    kept_copy: Option<JsonKeptCopy>,
    cache_entry: Option<String>,
    at_fault: Option<&'static str>,
    legs: Vec<JsonLeg>,
    cites: Vec<JsonCite>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
struct JsonRoute {
    kind: &'static str,
    proxy: Option<String>,
    login: &'static str,
    basis: Option<String>,
    authentication: Option<JsonAuthentication>,
    hops: Vec<JsonHop>,
}

/// The copy that a 304 leaves in use.
#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
struct JsonKeptCopy {
    sha256: Option<String>,
    basis: &'static str,
}

impl JsonKeptCopy {
    fn from_copy(copy: &crate::retrieval::KeptCopy) -> Self {
        JsonKeptCopy {
            sha256: copy.sha256.map(|hash| to_hex(&hash)),
            basis: copy.basis.word(),
        }
    }
}

/// One side of a proxy: what the client asked of it first, then what it asked
/// for in turn. Empty where no capture shows both.
#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
struct JsonLeg {
    role: &'static str,
    vantage: Option<u32>,
    client: Option<String>,
    server: Option<String>,
    url: Option<String>,
    status: Option<u16>,
    outcome: &'static str,
    detail: Option<String>,
    started_at: String,
    ended_at: String,
    body: Option<JsonBody>,
    cites: Vec<JsonCite>,
}

impl JsonLeg {
    fn list(it: &crate::retrieval::Retrieval, artifacts: &ByHash) -> Vec<Self> {
        if it.onward.is_empty() {
            return Vec::new();
        }
        let front = Self::of(it, "client", artifacts);
        let onward = it
            .onward
            .iter()
            .map(|leg| Self::of(leg, "onward", artifacts));
        std::iter::once(front).chain(onward).collect()
    }

    fn of(it: &crate::retrieval::Retrieval, role: &'static str, artifacts: &ByHash) -> Self {
        JsonLeg {
            role,
            vantage: it.vantage,
            client: it.client.map(|address| address.to_string()),
            server: it.server.map(|address| address.to_string()),
            url: it.url.clone(),
            status: it.status,
            outcome: it.outcome.word(),
            detail: it.detail.clone(),
            started_at: time(it.started_at),
            ended_at: time(it.ended_at),
            body: it
                .body
                .as_ref()
                .map(|body| JsonBody::from_body(body, artifacts)),
            cites: JsonCite::list(&it.cites),
        }
    }
}

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
struct JsonHop {
    name: String,
    address: Option<String>,
    cache: Option<String>,
    age: Option<u64>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
struct JsonBody {
    size: u64,
    declared: Option<u64>,
    sha256: Option<String>,
    complete: bool,
    looks_like: &'static str,
    artifact: Option<String>,
    title: Option<String>,
}

/// Positions of the objects by hash.
pub(super) type ByHash = BTreeMap<[u8; 32], usize>;

/// Indexes the objects of a case by the SHA-256 of their bytes.
pub(super) fn by_hash(case: &Case) -> ByHash {
    let numbered = case.artifacts.iter().enumerate();
    numbered
        .map(|(index, record)| (record.artifact.sha256(), index))
        .collect()
}

impl JsonRetrieval {
    pub(super) fn list(case: &Case) -> Items<'_, Self> {
        let artifacts = by_hash(case);
        let numbered = case.retrievals.iter().enumerate();
        let one = move |(index, it): (usize, &crate::retrieval::Retrieval)| {
            let call = crate::retrieval::update_call::update_call(it);
            JsonRetrieval {
                id: id(Kind::Retrieval, index),
                url: it.url.clone(),
                host: it.host.clone(),
                object: it.object.word(),
                method: it.method.clone(),
                status: it.status,
                outcome: it.outcome.word(),
                detail: it.detail.clone(),
                started_at: time(it.started_at),
                ended_at: time(it.ended_at),
                client: it.client.map(|address| address.to_string()),
                server: it.server.map(|address| address.to_string()),
                machine: machine_id(&case.retrieval_machines, index),
                account: it.account.as_ref().map(JsonAccount::from_account),
                process: it.process.clone(),
                process_hint: it.process_hint.clone(),
                user_agent: it.user_agent.clone(),
                update_folder: call.as_ref().map(|call| call.folder.name()),
                update_caller: call.as_ref().map(|call| call.caller.word()),
                soap_method: call.and_then(|call| call.method),
                route: JsonRoute::from_route(&it.route),
                syns: it.syns.len() as u64,
                body: it
                    .body
                    .as_ref()
                    .map(|body| JsonBody::from_body(body, &artifacts)),
                kept_copy: it.kept_copy.as_ref().map(JsonKeptCopy::from_copy),
                cache_entry: it.cache_entry.map(|index| id(Kind::CacheEntry, index)),
                at_fault: it.at_fault().map(crate::retrieval::Party::word),
                legs: JsonLeg::list(it, &artifacts),
                cites: JsonCite::list(&it.cites),
            }
        };
        Box::new(numbered.map(one))
    }
}

pub(super) fn machine_id(machines: &[Option<usize>], index: usize) -> Option<String> {
    machines
        .get(index)
        .copied()
        .flatten()
        .map(|machine| id(Kind::Machine, machine))
}

impl JsonRoute {
    fn from_route(route: &Route) -> Self {
        let hop = |hop: &crate::retrieval::Hop| JsonHop {
            name: hop.name.clone(),
            address: hop.address.map(|address| address.to_string()),
            cache: hop.cache.clone(),
            age: hop.age,
        };
        JsonRoute {
            kind: route.kind.word(),
            proxy: route.proxy.map(|address| address.to_string()),
            login: route.login.word(),
            basis: route.shown_by.map(crate::retrieval::ShownBy::sentence),
            authentication: route
                .authentication
                .as_ref()
                .map(JsonAuthentication::from_authentication),
            hops: route.hops.iter().map(hop).collect(),
        }
    }
}

impl JsonBody {
    fn from_body(body: &RetrievedBody, artifacts: &ByHash) -> Self {
        let artifact = body.artifacts.iter().find_map(|hash| artifacts.get(hash));
        JsonBody {
            size: body.size,
            declared: body.declared,
            sha256: body.sha256.map(|hash| to_hex(&hash)),
            complete: body.complete,
            looks_like: body.looks_like.word(),
            artifact: artifact.map(|index| id(Kind::Artifact, *index)),
            title: body.title.clone(),
        }
    }
}

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub(super) struct JsonHandshake {
    id: String,
    at: String,
    ended_at: String,
    machine: Option<String>,
    client: String,
    server: String,
    site: Option<String>,
    sni: Option<String>,
    version: Option<&'static str>,
    certificates: Vec<String>,
    certificates_seen: &'static str,
    certificates_by: Option<&'static str>,
    key_log: &'static str,
    resumption: Option<&'static str>,
    upgraded_from: Option<&'static str>,
    stapled_ocsp: Option<String>,
    certificate_requested: bool,
    client_certificates: Option<usize>,
    alerts: Vec<JsonAlert>,
    closed: Option<JsonClose>,
    alert: Option<JsonAlert>,
    outcome: &'static str,
    via_proxy: Option<String>,
    tunnel: Option<String>,
    program: Option<String>,
    proposed: Vec<JsonProposed>,
    cites: Vec<JsonCite>,
}

/// A certificate that a server may have sent; never asserted.
#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
struct JsonProposed {
    artifact: Option<String>,
    serial: String,
    issuer: Option<String>,
    because: Vec<String>,
    cites: Vec<JsonCite>,
}

impl JsonProposed {
    fn list(case: &Case, handshake: &crate::case::Handshake) -> Vec<Self> {
        let found = crate::case::proposed::proposed(case, handshake).into_iter();
        let proposed = found.map(|it| JsonProposed {
            artifact: it.artifact.map(|index| id(Kind::Artifact, index)),
            serial: crate::bytes::to_hex(&it.serial),
            issuer: it.issuer.map(|index| id(Kind::Artifact, index)),
            because: it.because,
            cites: JsonCite::list(&it.cites),
        });
        proposed.collect()
    }
}

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
struct JsonAlert {
    by: &'static str,
    level: Option<u8>,
    number: Option<u8>,
    name: Option<&'static str>,
    at: String,
}

impl JsonHandshake {
    pub(super) fn list(case: &Case) -> Items<'_, Self> {
        let numbered = case.handshakes.iter().enumerate();
        let one = move |(index, it): (usize, &crate::case::Handshake)| JsonHandshake {
            id: id(Kind::Handshake, index),
            at: time(it.at),
            ended_at: time(it.ended_at),
            machine: it.machine.map(|machine| id(Kind::Machine, machine)),
            client: it.client.to_string(),
            server: it.server.to_string(),
            site: it.site.clone(),
            sni: it.sni.clone(),
            version: it.version,
            certificates: ids(Kind::Artifact, &it.artifacts),
            certificates_seen: match &it.certificates {
                ServerCertificates::Sent { .. } => "sent",
                ServerCertificates::Hidden(HiddenBy::Tls13) => "hidden-by-tls13",
                ServerCertificates::Hidden(HiddenBy::Resumption) => "hidden-by-resumption",
                ServerCertificates::Hidden(HiddenBy::Quic) => "hidden-by-quic",
                ServerCertificates::NotSeen => "not-seen",
            },
            certificates_by: match &it.certificates {
                ServerCertificates::Sent { .. } if it.certificates_decrypted => Some("key-log"),
                ServerCertificates::Sent { .. } => Some("clear"),
                ServerCertificates::Hidden(_) | ServerCertificates::NotSeen => None,
            },
            key_log: match it.key_use {
                KeyUse::None => "unused",
                KeyUse::Opened => "opened",
                KeyUse::Refused => "does-not-fit",
                KeyUse::Unsupported => "unsupported-cipher",
            },
            resumption: it.resumption().map(|resumption| match resumption {
                Resumption::SessionId => "session-id",
                Resumption::Ticket => "session-ticket",
                Resumption::PreSharedKey => "pre-shared-key",
            }),
            upgraded_from: it.upgraded_from,
            stapled_ocsp: it.stapled.map(|sha256| crate::bytes::to_hex(&sha256)),
            certificate_requested: it.certificate_requested,
            client_certificates: it.client_certificates,
            alerts: it.alerts.iter().map(JsonAlert::from_alert).collect(),
            closed: JsonClose::of(it),
            alert: it.alert.as_ref().map(JsonAlert::from_alert),
            outcome: it.outcome.word(),
            via_proxy: it.tunnel.as_ref().map(|_| it.server.to_string()),
            tunnel: it.tunnel.clone(),
            program: it.program.as_ref().map(|program| program.agent.clone()),
            proposed: JsonProposed::list(case, it),
            cites: JsonCite::list(&it.cites),
        };
        Box::new(numbered.map(one))
    }
}

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
struct JsonClose {
    by: &'static str,
    reset: bool,
    after_data: bool,
    at: String,
}

impl JsonClose {
    fn of(handshake: &crate::case::Handshake) -> Option<Self> {
        let ending = handshake.ending?;
        let closed_at = ending.sighting.at;
        Some(JsonClose {
            by: match ending.by {
                Direction::ToServer => "client",
                Direction::ToClient => "server",
            },
            reset: ending.reset,
            after_data: handshake.data_at.is_some_and(|at| at <= closed_at),
            at: time(closed_at),
        })
    }
}

impl JsonAlert {
    fn from_alert(alert: &Alert) -> Self {
        JsonAlert {
            by: match alert.by {
                Direction::ToServer => "client",
                Direction::ToClient => "server",
            },
            level: alert.content.map(|(level, _)| level),
            number: alert.content.map(|(_, number)| number),
            name: alert.content.map(|(_, number)| alert_name(number)),
            at: time(alert.sighting.at),
        }
    }
}

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub(super) struct JsonVantage {
    number: u32,
    first_at: Option<String>,
    last_at: Option<String>,
    conversations: u64,
    one_sided: u64,
    mid_stream: u64,
    with_gaps: u64,
    bytes: u64,
    missing: u64,
    cut_packets: u64,
    dropped: u64,
    damaged_files: u64,
}

impl JsonVantage {
    pub(super) fn from_vantage(vantage: &Vantage) -> Self {
        JsonVantage {
            number: vantage.number,
            first_at: vantage.first_at.map(time),
            last_at: vantage.last_at.map(time),
            conversations: vantage.conversations,
            one_sided: vantage.one_sided,
            mid_stream: vantage.mid_stream,
            with_gaps: vantage.with_gaps,
            bytes: vantage.bytes,
            missing: vantage.missing,
            cut_packets: vantage.cut_packets,
            dropped: vantage.dropped,
            damaged_files: vantage.damaged_files,
        }
    }
}

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub(super) struct JsonCount {
    what: &'static str,
    number: u64,
}

impl JsonCount {
    pub(super) fn from_count((what, number): &(&'static str, u64)) -> Self {
        JsonCount {
            what,
            number: *number,
        }
    }
}

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub(super) struct JsonIssue {
    evidence: Option<String>,
    #[serde(rename = "where")]
    place: String,
    what: String,
    effect: String,
}

impl JsonIssue {
    pub(super) fn from_issue(issue: &Issue) -> Self {
        JsonIssue {
            evidence: issue.evidence.map(evidence_id),
            place: issue.place.clone(),
            what: issue.what.clone(),
            effect: issue.effect.clone(),
        }
    }
}
