//! What a merge reads of a report. Everything else is passed over; what a
//! report of an earlier version does not have is empty.

use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Report {
    pub(super) shared: Option<String>,
    pub(super) settings: Settings,
    pub(super) verdict: Verdict,
    pub(super) incidents: Vec<Incident>,
    pub(super) failures: Vec<Failure>,
    pub(super) findings: Vec<Finding>,
    pub(super) machines: Vec<Machine>,
    pub(super) evidence: Vec<Evidence>,
    pub(super) retrievals: Vec<Retrieval>,
    pub(super) handshakes: Vec<Handshake>,
    pub(super) artifacts: Vec<Artifact>,
    pub(super) cache_entries: Vec<CacheEntry>,
    pub(super) holdings: Vec<Holding>,
    pub(super) clocks: Vec<Clock>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Settings {
    pub(super) machine: Option<String>,
    pub(super) from: Option<String>,
    pub(super) to: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Verdict {
    pub(super) state: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Incident {
    pub(super) root_cause: Option<String>,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) machines: Vec<String>,
    pub(super) failures: Vec<String>,
    pub(super) sentence: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Failure {
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) at: String,
    pub(super) machine: Option<String>,
    pub(super) account: Option<Account>,
    pub(super) site: Option<String>,
    pub(super) retrievals: Vec<String>,
    pub(super) cache_entry: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Finding {
    pub(super) id: String,
    pub(super) rule: String,
    pub(super) role: String,
    pub(super) confidence: Option<String>,
    pub(super) summary: String,
    pub(super) explains: Vec<String>,
    pub(super) remedy: String,
    pub(super) cites: Vec<Cite>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Machine {
    pub(super) id: String,
    pub(super) names: Vec<String>,
    pub(super) addresses: Vec<String>,
    pub(super) missing: Vec<Account>,
    pub(super) cites: Vec<Cite>,
}

/// A place in the evidence.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct Cite {
    pub(super) evidence: String,
    pub(super) packets: Vec<u64>,
    pub(super) record: Option<u64>,
    pub(super) line: Option<u64>,
}

impl Cite {
    /// Whether both name the same packet, record or line.
    pub(super) fn meets(&self, other: &Cite) -> bool {
        let same = |one: Option<u64>, other: Option<u64>| one.is_some() && one == other;
        self.evidence == other.evidence
            && (self.packets.iter().any(|it| other.packets.contains(it))
                || same(self.record, other.record)
                || same(self.line, other.line))
    }
}

#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
pub(super) struct Account {
    pub(super) kind: String,
    pub(super) name: Option<String>,
}

impl Account {
    /// `system`, `user alice`.
    pub(super) fn shown(&self) -> String {
        match &self.name {
            None => self.kind.clone(),
            Some(name) => format!("{} {name}", self.kind),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Evidence {
    pub(super) id: String,
    pub(super) path: String,
    pub(super) member: Option<String>,
    pub(super) kind: String,
    pub(super) sha256: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Retrieval {
    pub(super) id: String,
    pub(super) url: Option<String>,
    pub(super) host: Option<String>,
    pub(super) outcome: String,
    pub(super) started_at: String,
    pub(super) machine: Option<String>,
    pub(super) account: Option<Account>,
    pub(super) route: Route,
    pub(super) body: Option<Body>,
    pub(super) cites: Vec<Cite>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Route {
    pub(super) kind: String,
    pub(super) proxy: Option<String>,
    pub(super) hops: Vec<Hop>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Hop {
    pub(super) name: String,
    pub(super) address: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Body {
    pub(super) artifact: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Handshake {
    pub(super) machine: Option<String>,
    pub(super) outcome: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Artifact {
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) sha256: String,
    pub(super) list: Option<String>,
    pub(super) sequence: Option<String>,
    pub(super) number: Option<String>,
    pub(super) delta_base: Option<String>,
    pub(super) serial: Option<String>,
    pub(super) subject: Option<String>,
    pub(super) issuer: Option<String>,
    pub(super) this_update: Option<String>,
    pub(super) next_update: Option<String>,
    pub(super) not_before: Option<String>,
    pub(super) not_after: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct CacheEntry {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) url: Option<String>,
    pub(super) machine: Option<String>,
    pub(super) owner: Account,
    pub(super) last_sync_at: Option<String>,
    pub(super) proxy_id: Option<String>,
    pub(super) content: Option<Body>,
    pub(super) cites: Vec<Cite>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Holding {
    pub(super) machine: Option<String>,
    pub(super) account: Option<Account>,
    pub(super) what: String,
    pub(super) artifact: String,
    pub(super) first_seen_at: Option<String>,
    pub(super) at_latest: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Clock {
    pub(super) source: String,
    pub(super) offset_min_s: f64,
    pub(super) offset_max_s: f64,
}
