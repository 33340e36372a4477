//! Logins and the search for a proxy in the JSON report.

use serde::Serialize;

use super::json_ids::{JsonCite, Kind, id, time};
use crate::case::Case;
use crate::case::decisions::Decision;
use crate::case::discovery::Try;
use crate::protocol::proxy_auth::Identity;
use crate::retrieval::Authentication;

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub(super) struct JsonAuthentication {
    offered: Vec<String>,
    realm: Option<String>,
    scheme: Option<String>,
    rounds: u32,
    identity: Option<JsonIdentity>,
    by_connection: bool,
}

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
struct JsonIdentity {
    kind: &'static str,
    user: Option<String>,
    domain: Option<String>,
    workstation: Option<String>,
    service: Option<String>,
}

impl JsonIdentity {
    fn from_identity(identity: &Identity) -> Self {
        JsonIdentity {
            kind: identity.kind(),
            user: identity.user.clone(),
            domain: identity.domain.clone(),
            workstation: identity.workstation.clone(),
            service: identity.service.clone(),
        }
    }
}

impl JsonAuthentication {
    pub(super) fn from_authentication(it: &Authentication) -> Self {
        JsonAuthentication {
            offered: it.offered.clone(),
            realm: it.realm.clone(),
            scheme: it.scheme.clone(),
            rounds: it.rounds,
            identity: it.identity.as_ref().map(JsonIdentity::from_identity),
            by_connection: it.by_connection,
        }
    }
}

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub(super) struct JsonLogin {
    client: String,
    server: String,
    at: &'static str,
    scheme: String,
    identity: Option<JsonIdentity>,
    attempts: u64,
    refused: u64,
    first_at: String,
    last_at: String,
    shortest_interval_s: Option<f64>,
    cites: Vec<JsonCite>,
}

impl JsonLogin {
    pub(super) fn list(case: &Case) -> Vec<Self> {
        let one = |it: &crate::retrieval::LoginCount| JsonLogin {
            client: it.client.to_string(),
            server: it.server.to_string(),
            at: if it.at_proxy { "proxy" } else { "server" },
            scheme: it.scheme.clone(),
            identity: it.identity.as_ref().map(JsonIdentity::from_identity),
            attempts: it.attempts,
            refused: it.refused,
            first_at: time(it.first_at),
            last_at: time(it.last_at),
            shortest_interval_s: it.shortest.map(|span| span.as_seconds()),
            cites: JsonCite::list(&it.cites),
        };
        case.logins.iter().map(one).collect()
    }
}

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub(super) struct JsonDiscovery {
    machine: Option<String>,
    client: String,
    tries: Vec<JsonTry>,
    scripts: Vec<String>,
    decisions: Vec<JsonDecision>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
struct JsonTry {
    at: String,
    means: &'static str,
    name: Option<String>,
    result: &'static str,
    answered_by: Vec<String>,
    addresses: Vec<String>,
    url: Option<String>,
    cites: Vec<JsonCite>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
struct JsonDecision {
    script: String,
    retrieval: String,
    said: Option<String>,
    ways: Vec<String>,
    not_evaluated: Option<String>,
    unresolved: Vec<String>,
    by_time: bool,
    followed: Option<bool>,
}

impl JsonDiscovery {
    pub(super) fn list(case: &Case) -> Vec<Self> {
        let one = |it: &crate::case::discovery::Discovery| JsonDiscovery {
            machine: it.machine.map(|machine| id(Kind::Machine, machine)),
            client: it.client.to_string(),
            tries: it.tries.iter().map(JsonTry::from_try).collect(),
            scripts: it
                .scripts
                .iter()
                .map(|index| id(Kind::Retrieval, *index))
                .collect(),
            decisions: it
                .decisions
                .iter()
                .map(JsonDecision::from_decision)
                .collect(),
        };
        case.discoveries.iter().map(one).collect()
    }
}

impl JsonTry {
    fn from_try(it: &Try) -> Self {
        JsonTry {
            at: time(it.at),
            means: it.means.word(),
            name: it.name.clone(),
            result: it.result.word(),
            answered_by: it.answered_by.iter().map(ToString::to_string).collect(),
            addresses: it.addresses.iter().map(ToString::to_string).collect(),
            url: it.url.clone(),
            cites: JsonCite::list(&it.cites),
        }
    }
}

impl JsonDecision {
    fn from_decision(it: &Decision) -> Self {
        let said = it.said.as_ref().ok();
        JsonDecision {
            script: id(Kind::Retrieval, it.script),
            retrieval: id(Kind::Retrieval, it.retrieval),
            said: said.map(|said| said.text.clone()),
            ways: said
                .map(|said| said.ways.iter().map(ToString::to_string).collect())
                .unwrap_or_default(),
            not_evaluated: it.said.as_ref().err().cloned(),
            unresolved: said.map(|said| said.unresolved.clone()).unwrap_or_default(),
            by_time: said.is_some_and(|said| said.by_time),
            followed: it.followed,
        }
    }
}
