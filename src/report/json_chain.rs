//! Chains in the JSON report: the best one of each examination in full, the
//! others by their certificates.

use serde::Serialize;

use super::json_case::{ByHash, by_hash};
use super::json_each::Items;
use super::json_ids::{Kind, id, time};
use super::json_status::{JsonAxis, JsonRepair, JsonRevocation};
use crate::bytes::to_hex;
use crate::case::{Case, CaseChain, ChainSubject};
use crate::chain::{Chain, Check, Element, RootTrust};

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub(super) struct JsonChain {
    id: String,
    leaf: String,
    host: Option<String>,
    as_of: String,
    handshake: Option<String>,
    /// The handshake, its certificates hidden, whose leaf this one may have been.
    #[serde(skip_serializing_if = "Option::is_none")]
    proposed_for: Option<String>,
    ctl: Option<String>,
    crl: Option<String>,
    ocsp: Option<String>,
    machine: Option<String>,
    verdict: &'static str,
    error_status: Vec<String>,
    info_status: Vec<String>,
    policy_error: Option<&'static str>,
    root: Option<&'static str>,
    missing_issuer: Option<JsonMissing>,
    elements: Vec<JsonElement>,
    others: Vec<JsonOther>,
    revocation: Option<JsonRevocation>,
    axis: Option<JsonAxis>,
    repair: Option<JsonRepair>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
struct JsonElement {
    artifact: Option<String>,
    sha256: String,
    anchor: bool,
    error_status: Vec<String>,
    info_status: Vec<String>,
    checks: Vec<JsonCheck>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
struct JsonCheck {
    check: &'static str,
    outcome: &'static str,
    detail: String,
}

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
struct JsonMissing {
    issuer: String,
    key_identifier: Option<String>,
    urls: Vec<String>,
}

/// A chain that is not the best one.
#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
struct JsonOther {
    verdict: &'static str,
    error_status: Vec<String>,
    artifacts: Vec<Option<String>>,
}

impl JsonChain {
    pub(super) fn list(case: &Case) -> Items<'_, Self> {
        let artifacts = by_hash(case);
        let numbered = case.chains.iter().enumerate();
        Box::new(numbered.map(move |(index, chain)| JsonChain::of(index, chain, &artifacts)))
    }

    fn of(index: usize, examined: &CaseChain, artifacts: &ByHash) -> Self {
        let subject = examined.subject;
        let proposed_for = match subject {
            ChainSubject::Proposed(index) => Some(id(Kind::Handshake, index)),
            _ => None,
        };
        let (handshake, ctl, crl, ocsp) = match subject {
            ChainSubject::Handshake(index) => (Some(index), None, None, None),
            ChainSubject::Proposed(_) => (None, None, None, None),
            ChainSubject::CtlSigner { ctl, .. } => (None, Some(ctl), None, None),
            ChainSubject::CrlSigner { crl, .. } => (None, None, Some(crl), None),
            ChainSubject::OcspSigner { ocsp, .. } => (None, None, None, Some(ocsp)),
        };
        let artifact = |index: Option<usize>| index.map(|index| id(Kind::Artifact, index));
        let best = examined.chains.first();
        let elements = best
            .map(|best| best.elements.as_slice())
            .unwrap_or_default();
        let missing = best.and_then(|best| best.missing_issuer.as_ref());
        JsonChain {
            id: id(Kind::Chain, index),
            leaf: id(Kind::Artifact, examined.leaf),
            host: examined.host.clone(),
            as_of: time(examined.as_of),
            handshake: handshake.map(|index| id(Kind::Handshake, index)),
            proposed_for,
            ctl: artifact(ctl),
            crl: artifact(crl),
            ocsp: artifact(ocsp),
            machine: subject.machine().map(|machine| id(Kind::Machine, machine)),
            verdict: best.map_or("unknown", |best| best.verdict.word()),
            error_status: best
                .map(|best| best.error_status.names())
                .unwrap_or_default(),
            info_status: best
                .map(|best| best.info_status.names())
                .unwrap_or_default(),
            policy_error: best.and_then(|best| best.policy_error),
            root: best.map(|best| root_word(&best.root)),
            missing_issuer: missing.map(|missing| JsonMissing {
                issuer: missing.issuer.clone(),
                key_identifier: missing.key_identifier.as_deref().map(to_hex),
                urls: missing.urls.clone(),
            }),
            elements: elements
                .iter()
                .map(|it| JsonElement::of(it, artifacts))
                .collect(),
            others: examined
                .chains
                .iter()
                .skip(1)
                .map(|it| JsonOther::of(it, artifacts))
                .collect(),
            revocation: JsonRevocation::of(examined, artifacts),
            axis: examined.axis.as_ref().map(JsonAxis::of),
            repair: examined
                .repair
                .as_ref()
                .map(|it| JsonRepair::of(it, artifacts)),
        }
    }
}

impl JsonElement {
    fn of(element: &Element, artifacts: &ByHash) -> Self {
        let check = |check: &Check| JsonCheck {
            check: check.kind.word(),
            outcome: check.outcome.word(),
            detail: check.detail.clone(),
        };
        JsonElement {
            artifact: artifact(element, artifacts),
            sha256: to_hex(&element.certificate.sha256),
            anchor: element.anchor,
            error_status: element.error_status.names(),
            info_status: element.info_status.names(),
            checks: element.checks.iter().map(check).collect(),
        }
    }
}

impl JsonOther {
    fn of(chain: &Chain, artifacts: &ByHash) -> Self {
        JsonOther {
            verdict: chain.verdict.word(),
            error_status: chain.error_status.names(),
            artifacts: chain
                .elements
                .iter()
                .map(|it| artifact(it, artifacts))
                .collect(),
        }
    }
}

/// The id of an element's certificate; `None` for an anchor that was given and
/// is not in the evidence.
fn artifact(element: &Element, artifacts: &ByHash) -> Option<String> {
    artifacts
        .get(&element.certificate.sha256)
        .map(|index| id(Kind::Artifact, *index))
}

/// How a chain ends, in a word.
pub(super) fn root_word(root: &RootTrust) -> &'static str {
    match root {
        RootTrust::Given => "given",
        RootTrust::Listed => "listed",
        RootTrust::ListedByName { .. } => "listed-by-name",
        RootTrust::Absent => "absent-from-list",
        RootTrust::Disabled { .. } => "disabled",
        RootTrust::NotBeforeLimited { .. } => "not-before-limited",
        RootTrust::UsageRemoved => "usage-removed",
        RootTrust::Untrusted => "untrusted",
        RootTrust::StoreUnknown => "store-unknown",
        RootTrust::Partial => "partial",
    }
}
