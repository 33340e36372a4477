//! Revocation, time axis and repair of a chain in the JSON report.

use serde::Serialize;

use super::json_case::ByHash;
use super::json_ids::{JsonAccount, Kind, id, time};
use crate::case::status::{ElementStatus, StatusCopy};
use crate::case::{ArtifactSource, CaseChain};
use crate::chain::{Axis, Change, Phase, Repair, TrustStatus, Verdict};

/// What is known of a chain's revocation, and what a caller that insists on a
/// status gets.
#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub(super) struct JsonRevocation {
    /// For a caller that takes an unknown status for good.
    soft: &'static str,
    /// For a caller that insists on a status.
    hard: &'static str,
    /// The bits that one gets besides those of the chain.
    hard_error_status: Vec<String>,
    elements: Vec<JsonStatus>,
    repair: Option<JsonRepair>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
struct JsonStatus {
    element: usize,
    status: &'static str,
    detail: String,
    hard_error_status: Vec<String>,
    copies: Vec<JsonCopy>,
    more_copies: usize,
}

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
struct JsonCopy {
    artifact: String,
    kind: &'static str,
    source: &'static str,
    retrieval: Option<String>,
    cache_entry: Option<String>,
    account: Option<JsonAccount>,
    seen_at: Option<String>,
    at_hand: &'static str,
    usable_from: String,
    usable_to: Option<String>,
    says: Option<&'static str>,
    detail: Option<String>,
}

impl JsonRevocation {
    pub(super) fn of(examined: &CaseChain, artifacts: &ByHash) -> Option<Self> {
        let best = examined.chains.first()?;
        if examined.status.is_empty() {
            return None;
        }
        let none = TrustStatus::none();
        let hard = examined
            .status
            .iter()
            .fold(none, |all, it| all | it.if_required);
        let verdict = match hard.is_empty() {
            true => best.verdict,
            false => Verdict::Reject,
        };
        Some(JsonRevocation {
            soft: best.verdict.word(),
            hard: verdict.word(),
            hard_error_status: hard.names(),
            elements: examined.status.iter().map(JsonStatus::of).collect(),
            repair: examined
                .status_repair
                .as_ref()
                .map(|it| JsonRepair::of(it, artifacts)),
        })
    }
}

impl JsonStatus {
    fn of(status: &ElementStatus) -> Self {
        JsonStatus {
            element: status.element,
            status: status.state.word(),
            detail: status.detail.clone(),
            hard_error_status: status.if_required.names(),
            copies: status.copies.iter().map(JsonCopy::of).collect(),
            more_copies: status.more_copies,
        }
    }
}

impl JsonCopy {
    fn of(copy: &StatusCopy) -> Self {
        let (source, retrieval, cache_entry) = match copy.source {
            ArtifactSource::Handshake(_) => ("stapled", None, None),
            ArtifactSource::Retrieval(index) => ("wire", Some(index), None),
            ArtifactSource::Cache(index) => ("cache", None, Some(index)),
            ArtifactSource::File => ("file", None, None),
            ArtifactSource::Host { .. } => ("store", None, None),
            ArtifactSource::Log(_) => ("log", None, None),
        };
        JsonCopy {
            artifact: id(Kind::Artifact, copy.artifact),
            kind: copy.kind.word(),
            source,
            retrieval: retrieval.map(|index| id(Kind::Retrieval, index)),
            cache_entry: cache_entry.map(|index| id(Kind::CacheEntry, index)),
            account: copy.account.as_ref().map(JsonAccount::from_account),
            seen_at: copy.seen_at.map(time),
            at_hand: copy.presence.word(),
            usable_from: time(copy.this_update),
            usable_to: copy.next_update.map(time),
            says: copy.says.as_ref().map(|says| says.word()),
            detail: copy.says.as_ref().map(ToString::to_string),
        }
    }
}

/// The verdict over time.
#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub(super) struct JsonAxis {
    from: String,
    to: String,
    complete: bool,
    phases: Vec<JsonPhase>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
struct JsonPhase {
    from: String,
    to: String,
    verdict: &'static str,
    error_status: Vec<String>,
    policy_error: Option<&'static str>,
    because: Vec<String>,
    changed: Vec<String>,
}

impl JsonAxis {
    pub(super) fn of(axis: &Axis) -> Self {
        let phase = |phase: &Phase| JsonPhase {
            from: time(phase.from),
            to: time(phase.to),
            verdict: phase.verdict.word(),
            error_status: phase.error_status.names(),
            policy_error: phase.policy_error,
            because: phase.because.clone(),
            changed: phase.changed.clone(),
        };
        JsonAxis {
            from: time(axis.from),
            to: time(axis.to),
            complete: axis.is_complete,
            phases: axis.phases.iter().map(phase).collect(),
        }
    }
}

/// The smallest change that makes a chain good, and what an examination says
/// with it made.
#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub(super) struct JsonRepair {
    changes: Vec<JsonChange>,
    verdict: &'static str,
    error_status: Vec<String>,
    proven: bool,
    lacks: Vec<String>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
struct JsonChange {
    kind: &'static str,
    text: String,
    artifact: Option<String>,
    to: Option<String>,
}

impl JsonRepair {
    pub(super) fn of(repair: &Repair, artifacts: &ByHash) -> Self {
        let change = |change: &Change| JsonChange {
            kind: change.word(),
            text: change.to_string(),
            artifact: change
                .certificate()
                .and_then(|certificate| artifacts.get(&certificate.sha256))
                .map(|index| id(Kind::Artifact, *index)),
            to: match change {
                Change::Clock { to, .. } => Some(time(*to)),
                _ => None,
            },
        };
        JsonRepair {
            changes: repair.changes.iter().map(change).collect(),
            verdict: repair.chain.verdict.word(),
            error_status: repair.chain.error_status.names(),
            proven: repair.is_proven(),
            lacks: repair.lacks.clone(),
        }
    }
}
