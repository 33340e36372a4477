//! The answer in the JSON report: verdict, incidents, failures, findings,
//! clocks, events.

use serde::Serialize;

use super::json_each::Items;
use super::json_ids::{JsonAccount, JsonCite, Kind, id, ids, time};
use crate::case::Case;
use crate::clock::Clock;
use crate::diagnosis::{Claim, Diagnosis, Healed, HealedBy, Verdict};
use crate::phrase;
use crate::timeline::Event;

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub(super) struct JsonVerdict {
    state: &'static str,
    root_cause: Option<&'static str>,
    sentence: String,
}

impl JsonVerdict {
    pub(super) fn from_verdict(verdict: &Verdict) -> Self {
        JsonVerdict {
            state: verdict.state.word(),
            root_cause: verdict.root_cause,
            sentence: verdict.sentence.clone(),
        }
    }
}

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub(super) struct JsonIncident {
    id: String,
    root_cause: Option<String>,
    equal_causes: Vec<String>,
    from: String,
    to: String,
    machines: Vec<String>,
    failures: Vec<String>,
    sentence: String,
    impact: String,
}

impl JsonIncident {
    pub(super) fn list(case: &Case, diagnosis: &Diagnosis) -> Vec<Self> {
        let numbered = diagnosis.incidents.iter().enumerate();
        let incident = |(index, incident): (usize, &crate::diagnosis::Incident)| JsonIncident {
            id: id(Kind::Incident, index),
            root_cause: incident.root_cause.map(|index| id(Kind::Finding, index)),
            equal_causes: ids(Kind::Finding, &incident.equal_causes),
            from: time(incident.from),
            to: time(incident.to),
            machines: ids(Kind::Machine, &incident.machines),
            failures: ids(Kind::Failure, &incident.failures),
            sentence: incident.sentence.clone(),
            impact: phrase::impact(case, diagnosis, incident),
        };
        numbered.map(incident).collect()
    }
}

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub(super) struct JsonFailure {
    id: String,
    kind: &'static str,
    at: String,
    machine: Option<String>,
    account: Option<JsonAccount>,
    verifier: JsonVerifier,
    site: Option<String>,
    handshake: Option<String>,
    chain: Option<String>,
    retrievals: Vec<String>,
    cache_entry: Option<String>,
    reaction: &'static str,
    lost: Vec<JsonLost>,
    healed: Option<JsonHealed>,
    findings: Vec<String>,
}

/// The first later success of what had failed.
#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
struct JsonHealed {
    at: String,
    by: String,
}

impl JsonHealed {
    fn from_healed(healed: Healed) -> Self {
        let by = match healed.by {
            HealedBy::Handshake(index) => id(Kind::Handshake, index),
            HealedBy::Retrieval(index) => id(Kind::Retrieval, index),
        };
        let at = time(healed.at);
        JsonHealed { at, by }
    }
}

/// Time that a validation lost to one look-up.
#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
struct JsonLost {
    retrieval: String,
    seconds: f64,
}

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
struct JsonVerifier {
    kind: &'static str,
    name: Option<String>,
    basis: String,
}

impl JsonFailure {
    pub(super) fn list(diagnosis: &Diagnosis) -> Items<'_, Self> {
        let numbered = diagnosis.failures.iter().enumerate();
        let failure = |(index, failure): (usize, &crate::diagnosis::Failure)| JsonFailure {
            id: id(Kind::Failure, index),
            kind: failure.kind.word(),
            at: time(failure.at),
            machine: failure.machine.map(|index| id(Kind::Machine, index)),
            account: failure.account.as_ref().map(JsonAccount::from_account),
            verifier: JsonVerifier {
                kind: failure.verifier.kind.word(),
                name: failure.verifier.name.clone(),
                basis: failure.verifier.basis.clone(),
            },
            site: failure.site.clone(),
            handshake: failure.handshake.map(|index| id(Kind::Handshake, index)),
            chain: failure.chain.map(|index| id(Kind::Chain, index)),
            retrievals: ids(Kind::Retrieval, &failure.retrievals),
            cache_entry: failure.cache_entry.map(|index| id(Kind::CacheEntry, index)),
            reaction: failure.reaction.word(),
            lost: failure
                .lost
                .iter()
                .map(|lost| JsonLost {
                    retrieval: id(Kind::Retrieval, lost.retrieval),
                    // Milliseconds: more would be noise.
                    seconds: (lost.seconds * 1000.0).round() / 1000.0,
                })
                .collect(),
            healed: failure.healed.map(JsonHealed::from_healed),
            findings: ids(Kind::Finding, &failure.findings),
        };
        Box::new(numbered.map(failure))
    }
}

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub(super) struct JsonFinding {
    id: String,
    rule: &'static str,
    role: &'static str,
    confidence: Option<&'static str>,
    summary: String,
    explains: Vec<String>,
    because_of: Vec<String>,
    remedy: String,
    remedy_proof: Option<JsonRemedyProof>,
    cites: Vec<JsonCite>,
}

impl JsonFinding {
    pub(super) fn list(diagnosis: &Diagnosis) -> Items<'_, Self> {
        let numbered = diagnosis.findings.iter().enumerate();
        let finding = |(index, finding): (usize, &crate::diagnosis::Finding)| JsonFinding {
            id: id(Kind::Finding, index),
            rule: finding.rule,
            role: finding.role.word(),
            confidence: finding.confidence.map(crate::diagnosis::Confidence::word),
            summary: finding.summary.clone(),
            explains: ids(Kind::Failure, &finding.explains),
            because_of: ids(Kind::Finding, &finding.because_of),
            remedy: finding.remedy.clone(),
            remedy_proof: finding.remedy_proof.as_ref().map(JsonRemedyProof::of),
            cites: JsonCite::list(&finding.cites),
        };
        Box::new(numbered.map(finding))
    }
}

/// What an examination says with the remedy done.
#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
struct JsonRemedyProof {
    chain: String,
    account: Option<JsonAccount>,
    with: Vec<String>,
    verdict: &'static str,
    error_status: Vec<String>,
    proven: bool,
    lacks: Vec<String>,
    sentence: String,
}

impl JsonRemedyProof {
    fn of(proof: &crate::diagnosis::RemedyProof) -> Self {
        JsonRemedyProof {
            chain: id(Kind::Chain, proof.chain),
            account: proof.account.as_ref().map(JsonAccount::from_account),
            with: proof.with.clone(),
            verdict: proof.verdict.word(),
            error_status: proof.error_status.names(),
            proven: proof.is_proven(),
            lacks: proof.lacks.clone(),
            sentence: proof.sentence(),
        }
    }
}

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub(super) struct JsonClock {
    source: String,
    offset_min_s: f64,
    offset_max_s: f64,
    basis: String,
}

impl JsonClock {
    pub(super) fn from_clock(clock: &Clock) -> Self {
        JsonClock {
            source: clock.source.clone(),
            offset_min_s: clock.offset_min_s,
            offset_max_s: clock.offset_max_s,
            basis: clock.basis.clone(),
        }
    }
}

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub(super) struct JsonEvent {
    at: String,
    clock: &'static str,
    kind: &'static str,
    text: String,
    cites: Vec<JsonCite>,
}

impl JsonEvent {
    pub(super) fn from_event(event: &Event) -> Self {
        JsonEvent {
            at: time(event.at),
            clock: event.clock,
            kind: event.kind,
            text: event.text.clone(),
            cites: JsonCite::list(&event.cites),
        }
    }
}

/// What was said of a known fault, judged by this evidence.
#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub(super) struct JsonClaim {
    claim: &'static str,
    standing: &'static str,
    because: String,
    cites: Vec<JsonCite>,
}

impl JsonClaim {
    pub(super) fn from_claim(claim: &Claim) -> Self {
        JsonClaim {
            claim: claim.claim,
            standing: claim.standing.word(),
            because: claim.because.clone(),
            cites: JsonCite::list(&claim.cites),
        }
    }
}
