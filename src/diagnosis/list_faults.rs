//! Trust lists that came or lie in a cache and cannot be believed: their signer
//! has expired, or their signature is wrong.

use std::sync::Arc;

use super::failure::{Failure, FailureKind, Verifier, VerifierKind};
use super::inquiry::{Inquiry, Link, Need};
use super::leaf_validity::CLOCK_UNCERTAINTY;
use super::proposal::Precedence;
use crate::account::Account;
use crate::case::{ArtifactSource, Case, HandshakeOutcome};
use crate::chain::{Chain, RootTrust};
use crate::pki::certificate::Decoded;
use crate::pki::ctl::CtlKind;
use crate::pki::signature::SignatureOutcome;
use crate::pki::{Artifact, Ctl};
use crate::provenance::Cite;
use crate::retrieval::ObjectKind;
use crate::time::{Span, Timestamp};

/// szOID_ROOT_LIST_SIGNER: what the signer of an authroot list must be for.
const LIST_SIGNER: &str = "1.3.6.1.4.1.311.10.3.9";

/// A list that somebody has and cannot believe.
#[derive(Debug, Clone)]
pub struct ListFault {
    /// The list.
    pub ctl: Arc<Ctl>,
    /// Where it is: a cache entry or a download.
    pub place: ArtifactSource,
    /// Whose machine.
    pub machine: Option<usize>,
    /// Whose cache.
    pub account: Option<Account>,
    /// When it was wanting, at the latest.
    pub at: Timestamp,
    /// What is wrong.
    pub what: Fault,
    /// A newer list that another account of the machine has, of this date.
    pub newer: Option<(Timestamp, Option<Account>)>,
    /// True when the list itself shows that it fails somebody; false where only a
    /// rejection that needs it can.
    pub shown: bool,
    /// Where it is seen.
    pub cites: Vec<Cite>,
}

/// What is wrong with a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The certificate of its signer had expired.
    SignerExpired,
    /// Its signature does not verify: why.
    Signature(String),
    /// Its signer is not for signing such lists.
    SignerUsage,
}

/// All of them, in the order of objects and sights.
#[must_use]
pub fn list_faults(case: &Case) -> Vec<ListFault> {
    let mut faults = Vec::new();
    for record in &case.artifacts {
        let Artifact::Ctl(ctl) = &record.artifact else {
            continue;
        };
        for sighting in &record.seen {
            let whole = match sighting.source {
                ArtifactSource::Cache(index) => is_whole_entry(case, index),
                ArtifactSource::Retrieval(index) => {
                    let body = case.retrievals.get(index).and_then(|it| it.body.as_ref());
                    body.is_some_and(|body| body.complete)
                }
                _ => false,
            };
            let Some(at) = sighting.at.filter(|_| whole) else {
                continue;
            };
            let mut fault = ListFault {
                ctl: Arc::clone(ctl),
                place: sighting.source,
                machine: sighting.machine,
                account: sighting.account.clone(),
                at,
                what: Fault::SignerExpired,
                newer: None,
                shown: true,
                cites: vec![sighting.cite.clone()],
            };
            if let Some(what) = wrong_signature(ctl) {
                fault.what = what;
                faults.push(fault);
            } else if may_expire(case, &mut fault) {
                faults.push(fault);
            }
        }
    }
    faults
}

/// True when the content has as many bytes as its record says.
fn is_whole_entry(case: &Case, index: usize) -> bool {
    let Some(entry) = case.cache_entries.get(index) else {
        return false;
    };
    let Some(content) = &entry.content else {
        return false;
    };
    let told = entry.record.as_ref().map(|record| {
        record
            .content_sizes
            .iter()
            .map(|size| u64::from(*size))
            .sum::<u64>()
    });
    told.is_none_or(|told| told == 0 || told == content.bytes.len() as u64)
}

fn wrong_signature(ctl: &Ctl) -> Option<Fault> {
    if let Some(SignatureOutcome::Invalid(why)) = &ctl.signature {
        return Some(Fault::Signature(why.clone()));
    }
    let signer = ctl
        .signer
        .as_ref()
        .filter(|_| ctl.kind == CtlKind::AuthRoot)?;
    match &signer.extended_key_usage {
        Decoded::Present(usages) if !usages.iter().any(|usage| usage == LIST_SIGNER) => {
            Some(Fault::SignerUsage)
        }
        _ => None,
    }
}

/// Judges the signer's period; completes time and newer list. False where there
/// is no signer whose period could be over.
fn may_expire(case: &Case, fault: &mut ListFault) -> bool {
    let Some(signer) = fault
        .ctl
        .signer
        .as_ref()
        .filter(|_| fault.ctl.kind == CtlKind::AuthRoot)
    else {
        return false;
    };
    let end = signer.not_after;
    let mut healed = false;
    let mut others: Vec<(Timestamp, Option<Account>, Timestamp)> = Vec::new();
    for (index, other) in case.authroot_lists() {
        if other.this_update <= fault.ctl.this_update {
            continue;
        }
        let lasts = other
            .signer
            .as_ref()
            .is_none_or(|signer| signer.not_after > end);
        let Some(record) = case.artifacts.get(index).filter(|_| lasts) else {
            continue;
        };
        for sighting in record.seen.iter().filter(|it| it.machine == fault.machine) {
            let Some(at) = sighting.at else { continue };
            let own = sighting.account == fault.account || fault.account.is_none();
            // The same account has a better one: the old copy is only left over.
            healed |= own;
            others.push((at, sighting.account.clone(), other.this_update));
        }
    }
    let newest = others.iter().max_by_key(|(at, _, date)| (*date, *at));
    fault.newer = newest.map(|(_, account, date)| (*date, account.clone()));
    // Machines in order keep a copy beyond its signer's period where no newer list
    // has come out (seen in a cache of 2022). That another account has a newer one
    // shows that there is one, and that this account did not get it.
    let outlived = newest.is_some_and(|(at, account, _)| *at > end && *account != fault.account);
    if let (true, Some((at, ..))) = (fault.at <= end, newest) {
        fault.at = fault.at.max(*at);
    }
    fault.shown = outlived && !healed;
    true
}

/// True when a site was rejected for want of a root that this list names, after
/// the list's signer had run out, and nothing shows that the machine believed
/// the list or had that root already.
fn was_missed(case: &Case, fault: &ListFault, failure: &Failure) -> bool {
    let signer = fault.ctl.signer.as_ref();
    let Some(end) = signer.map(|signer| signer.not_after) else {
        return false;
    };
    let best = failure
        .chain
        .and_then(|chain| case.chains.get(chain)?.chains.first());
    let Some(best) = best.filter(|_| failure.at > end.plus(UNCERTAIN)) else {
        return false;
    };
    let listed = matches!(
        best.root,
        RootTrust::Listed | RootTrust::ListedByName { .. }
    );
    let own = !matches!(
        failure.verifier.kind,
        VerifierKind::Own | VerifierKind::Proxy
    );
    listed && own && !has_root_of(case, fault.machine, best, end)
}

/// True when the machine got a root by its thumbprint after `end`, which takes a
/// list that it believes, or accepted another site below the same root.
fn has_root_of(case: &Case, machine: Option<usize>, best: &Chain, end: Timestamp) -> bool {
    let fetched = case.retrievals.iter().zip(&case.retrieval_machines);
    let mut fetched = fetched.filter(|(it, owner)| {
        **owner == machine && it.object == ObjectKind::RootCrt && it.outcome.is_success()
    });
    let root_of = |chain: &Chain| Some(chain.elements.last()?.certificate.issuer.der.clone());
    let root = root_of(best);
    let mut accepted = case.handshakes.iter().enumerate().filter(|(index, it)| {
        let below = || {
            case.chain_of_handshake(*index)?
                .1
                .chains
                .first()
                .and_then(root_of)
        };
        it.machine == machine
            && it.outcome == HandshakeOutcome::Completed
            && it.at > end
            && below() == root
    });
    fetched.any(|(it, _)| it.started_at > end) || accepted.next().is_some()
}

/// Nearer to the end of the signer the clocks decide (see `leaf_validity`).
const UNCERTAIN: Span = Span::seconds(CLOCK_UNCERTAINTY);

/// Each of them is a trust object that cannot be believed.
#[must_use]
pub fn failures(case: &Case) -> Vec<(Failure, Vec<Link>)> {
    let faults = list_faults(case)
        .into_iter()
        .filter(|fault| fault.shown)
        .map(|fault| {
            let verifier = Verifier {
                kind: VerifierKind::Capi,
                name: None,
                basis: "trust lists are CryptoAPI's own".to_owned(),
            };
            let (entry, links) = match fault.place {
                ArtifactSource::Retrieval(retrieval) => {
                    let own = Link {
                        retrieval,
                        need: Need::Itself,
                        certain: true,
                    };
                    (None, vec![own])
                }
                ArtifactSource::Cache(entry) => (Some(entry), Vec::new()),
                _ => (None, Vec::new()),
            };
            let failure = Failure {
                machine: fault.machine,
                account: fault.account.clone(),
                cache_entry: entry,
                ..Failure::new(FailureKind::Object, fault.at, verifier)
            };
            (failure, links)
        });
    faults.collect()
}

/// The failures that a fault explains: its own, and rejected validations whose
/// root the list could have brought.
#[must_use]
pub fn explained(inquiry: &Inquiry<'_>, fault: &ListFault) -> Vec<(usize, Precedence)> {
    let mut explained = Vec::new();
    for (index, failure) in inquiry.failures.iter().enumerate() {
        let links = inquiry
            .links
            .get(index)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let itself = match fault.place {
            ArtifactSource::Cache(entry) => failure.cache_entry == Some(entry),
            ArtifactSource::Retrieval(retrieval) => links
                .iter()
                .any(|link| link.need == Need::Itself && link.retrieval == retrieval),
            _ => false,
        };
        let chain = failure
            .chain
            .and_then(|chain| inquiry.case.chains.get(chain));
        let missed = fault.what != Fault::SignerExpired || was_missed(inquiry.case, fault, failure);
        let wanted = failure.handshake.is_some()
            && missed
            && failure.machine == fault.machine
            && fault.ctl.kind == CtlKind::AuthRoot
            && chain.is_some_and(|chain| chain.wants_listed_root())
            && inquiry
                .case
                .list_of_the_day(failure.machine, failure.at)
                .and_then(|list| inquiry.case.ctl(list))
                .is_some_and(|list| list.sha256 == fault.ctl.sha256);
        if itself || wanted {
            explained.push((index, Precedence::Object));
        }
    }
    explained
}
