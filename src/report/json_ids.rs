//! The ids of the JSON report: a letter for the list, then the position in it
//! from 1. They are stable within a report.

use serde::Serialize;

use crate::account::Account;
use crate::provenance::{Cite, EvidenceId};
use crate::time::Timestamp;

/// The lists whose members have ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Artifact,
    CacheEntry,
    Chain,
    Failure,
    Finding,
    Handshake,
    Incident,
    Machine,
    Retrieval,
}

/// The id of the member at `index`, from 0.
pub(super) fn id(kind: Kind, index: usize) -> String {
    let letter = match kind {
        Kind::Artifact => 'a',
        Kind::CacheEntry => 'k',
        Kind::Chain => 'c',
        Kind::Failure => 'f',
        Kind::Finding => 'n',
        Kind::Handshake => 'h',
        Kind::Incident => 'i',
        Kind::Machine => 'm',
        Kind::Retrieval => 'r',
    };
    format!("{letter}{}", index.saturating_add(1))
}

/// Ids of several members.
pub(super) fn ids(kind: Kind, indices: &[usize]) -> Vec<String> {
    indices.iter().map(|index| id(kind, *index)).collect()
}

/// The id of a piece of evidence.
pub(super) fn evidence_id(evidence: EvidenceId) -> String {
    format!("e{}", u64::from(evidence.0) + 1)
}

/// A time as the report writes it.
pub(super) fn time(at: Timestamp) -> String {
    at.to_rfc3339()
}

/// A place in the evidence; which fields it has says which kind it is.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
#[serde(untagged)]
pub(super) enum JsonCite {
    Packets {
        evidence: String,
        packets: Vec<u64>,
    },
    Bytes {
        evidence: String,
        offset: u64,
        length: u64,
    },
    Record {
        evidence: String,
        record: u64,
    },
    Line {
        evidence: String,
        line: u64,
    },
}

impl JsonCite {
    pub(super) fn from_cite(cite: &Cite) -> Self {
        let evidence = evidence_id(cite.evidence());
        match cite {
            Cite::Packets { packets, .. } => JsonCite::Packets {
                evidence,
                packets: packets.clone(),
            },
            Cite::Bytes { offset, length, .. } => JsonCite::Bytes {
                evidence,
                offset: *offset,
                length: *length,
            },
            Cite::Record { record, .. } => JsonCite::Record {
                evidence,
                record: *record,
            },
            Cite::Line { line, .. } => JsonCite::Line {
                evidence,
                line: *line,
            },
        }
    }

    pub(super) fn list(cites: &[Cite]) -> Vec<Self> {
        cites.iter().map(JsonCite::from_cite).collect()
    }
}

/// An account: `{kind, name|null}`.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub(super) struct JsonAccount {
    kind: &'static str,
    name: Option<String>,
}

impl JsonAccount {
    pub(super) fn from_account(account: &Account) -> Self {
        JsonAccount {
            kind: account.kind.word(),
            name: account.name.clone(),
        }
    }

    /// `user alice`, `system`.
    pub(super) fn text(&self) -> String {
        match &self.name {
            Some(name) => format!("{} {name}", self.kind),
            None => self.kind.to_owned(),
        }
    }
}
