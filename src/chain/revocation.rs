//! Revocation, from the CRLs and OCSP answers that were available: RFC 5280
//! §6.3, RFC 6960 §4.2.2, and where Windows differs.

use std::collections::HashMap;
use std::sync::Arc;

use super::crl_scope::{self, Scope};
use super::evaluate::Context;
use super::examination::{Check, CheckKind, Needed};
use super::names::CanonicalName;
use super::path::End;
use super::pool::Node;
use super::status::TrustStatus;
use super::status_source::{SourceKind, SourceSays, StatusFault, StatusSource};
use super::{crl_entry, crl_signer, ocsp_answer};
use crate::pki::Crl;
use crate::pki::certificate::{Certificate, DistributionPoint, GeneralName, OCSP};

/// All reasons but "unused": bits 1 to 8.
pub(super) const ALL_REASONS: u16 = 0x7f80;

/// What is known of one certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Status {
    /// Not revoked, by this source.
    Good(String),
    /// Revoked, by this source.
    Revoked(String),
    /// Not known, and why.
    Unknown(String),
}

/// The CRLs of an examination, by issuer.
#[derive(Debug)]
pub(super) struct Crls<'a> {
    by_issuer: HashMap<CanonicalName, Vec<&'a Arc<Crl>>>,
}

impl<'a> Crls<'a> {
    /// Sorts the lists, newest first.
    pub(super) fn new(crls: &'a [Arc<Crl>]) -> Self {
        let mut by_issuer: HashMap<CanonicalName, Vec<&Arc<Crl>>> = HashMap::new();
        for crl in crls {
            by_issuer
                .entry(CanonicalName::of(&crl.issuer))
                .or_default()
                .push(crl);
        }
        for list in by_issuer.values_mut() {
            list.sort_by(|a, b| {
                b.this_update
                    .cmp(&a.this_update)
                    .then(a.sha256.cmp(&b.sha256))
            });
            list.dedup_by(|a, b| a.sha256 == b.sha256);
        }
        Crls { by_issuer }
    }

    fn of(&self, issuer: &CanonicalName) -> &[&'a Arc<Crl>] {
        self.by_issuer.get(issuer).map_or(&[], Vec::as_slice)
    }
}

/// Checks every element below the root. Where nothing can be learned, a
/// complete set of evidence makes it a failure, as Windows has it; otherwise it
/// stays open.
pub(super) fn check_path(context: &Context<'_>, nodes: &[&Node], end: End) -> Vec<Judged> {
    let rooted = matches!(end, End::Anchor | End::SelfSigned);
    let below = nodes.len() - usize::from(rooted && !nodes.is_empty());
    let checks = (0..below).map(|at| {
        let mut sources = Vec::new();
        let status = match (nodes.get(at), nodes.get(at + 1..)) {
            (Some(node), Some(above)) if !above.is_empty() => {
                status(context, node, above, &mut sources)
            }
            _ => Status::Unknown("its issuer is missing".to_string()),
        };
        let certificate = nodes.get(at).map(|node| &*node.certificate);
        Judged {
            at,
            check: check(context, certificate, status),
            sources,
        }
    });
    checks.collect()
}

/// The status of one element, and what was looked at for it.
pub(super) struct Judged {
    pub at: usize,
    pub check: Check,
    pub sources: Vec<StatusSource>,
}

fn check(context: &Context<'_>, certificate: Option<&Certificate>, status: Status) -> Check {
    let kind = CheckKind::Revocation;
    let assumed = &context.question.policy.assumed_good;
    if certificate.is_some_and(|certificate| assumed.contains(&certificate.sha256)) {
        return Check::pass(kind, "taken to be good");
    }
    let insists = !context.question.policy.soft_revocation;
    match status {
        Status::Good(source) => Check::pass(kind, source),
        Status::Revoked(source) => Check::fail(kind, TrustStatus::IS_REVOKED, source),
        Status::Unknown(why) if insists => {
            let bits = TrustStatus::REVOCATION_STATUS_UNKNOWN | TrustStatus::IS_OFFLINE_REVOCATION;
            Check::fail(kind, bits, why)
        }
        Status::Unknown(why) => {
            let mut urls = Vec::new();
            if let Some(certificate) = certificate {
                urls.extend(certificate.access_urls(OCSP));
                urls.extend(certificate.crl_urls());
            }
            let urls = urls.into_iter().map(str::to_string).collect();
            Check::unknown(kind, Needed::RevocationAnswer { urls }, why)
        }
    }
}

/// What the OCSP answers, then the CRLs, say of a certificate; `above` begins
/// with its issuer.
fn status(
    context: &Context<'_>,
    node: &Node,
    above: &[&Node],
    sources: &mut Vec<StatusSource>,
) -> Status {
    let mut notes: Vec<String> = Vec::new();
    if let Some(issuer) = above.first() {
        match ocsp_answer::status(context, &node.certificate, issuer, sources) {
            Some(Status::Unknown(why)) => notes.push(why),
            Some(decided) => return decided,
            None => {}
        }
    }
    match from_crls(context, node, above, &mut notes, sources) {
        Some(decided) => decided,
        None if notes.is_empty() => Status::Unknown("no CRL or OCSP answer for it".to_string()),
        None => {
            notes.dedup();
            notes.truncate(MAX_NOTES);
            Status::Unknown(notes.join("; "))
        }
    }
}

/// Reasons given why CRLs did not serve.
const MAX_NOTES: usize = 4;
/// Distribution points of one certificate that are looked at.
const MAX_POINTS: usize = 64;
/// CRLs of one issuer that are looked at.
const MAX_CRLS: usize = 64;

/// RFC 5280 §6.3.3: for each distribution point, and last for the point that
/// every certificate has, its issuer's name, collects CRLs until all reasons
/// are covered or one revokes.
fn from_crls(
    context: &Context<'_>,
    node: &Node,
    above: &[&Node],
    notes: &mut Vec<String>,
    trail: &mut Vec<StatusSource>,
) -> Option<Status> {
    let certificate = &node.certificate;
    let default = DistributionPoint {
        full_name: vec![GeneralName::Directory(certificate.issuer.clone())],
        ..DistributionPoint::default()
    };
    let named = certificate
        .crl_distribution_points
        .value()
        .into_iter()
        .flatten();
    let mut covered = 0u16;
    let mut sources: Vec<String> = Vec::new();
    for point in named.take(MAX_POINTS).chain([&default]) {
        for issuer in crl_scope::issuers_of(point, node) {
            for crl in context.crls.of(&issuer).iter().take(MAX_CRLS) {
                let source = format!("CRL of {} of {}", crl.issuer.short(), crl.this_update);
                let scope = match crl_scope::scope(crl, point, node, &context.rules) {
                    Ok(scope) => scope,
                    Err(why) => {
                        notes.push(format!("{source}: {why}"));
                        let fault = StatusFault::Scope(why.to_string());
                        note(trail, crl, SourceSays::Nothing(fault));
                        continue;
                    }
                };
                if scope.reasons & !covered == 0 {
                    continue;
                }
                match judge_by(context, node, above, crl, &scope) {
                    Ok(says @ SourceSays::Revoked { .. }) => {
                        let revoked = format!("{says}, {source}");
                        note(trail, crl, says);
                        return Some(Status::Revoked(revoked));
                    }
                    Ok(says) => {
                        covered |= scope.reasons;
                        sources.push(source);
                        note(trail, crl, says);
                    }
                    Err(fault) => {
                        notes.push(format!("{source}: {fault}"));
                        note(trail, crl, SourceSays::Nothing(fault));
                    }
                }
                if covered == ALL_REASONS {
                    return Some(Status::Good(format!("not in the {}", sources.join(", "))));
                }
            }
        }
    }
    if covered != 0 {
        notes.push("the CRLs do not cover all reasons".to_string());
    }
    None
}

/// Notes what a CRL says. One that is looked at for several distribution
/// points keeps the answer that counts.
fn note(trail: &mut Vec<StatusSource>, crl: &Crl, says: SourceSays) {
    let kind = match crl.delta_base {
        Some(_) => SourceKind::DeltaCrl,
        None => SourceKind::Crl,
    };
    let source = StatusSource {
        sha256: crl.sha256,
        kind,
        this_update: crl.this_update,
        next_update: crl.next_update,
        says,
    };
    match trail.iter_mut().find(|known| known.sha256 == crl.sha256) {
        Some(known) if matches!(known.says, SourceSays::Nothing(_)) => {
            // Of two reasons the first counts: that of the point named.
            if !matches!(source.says, SourceSays::Nothing(_)) {
                *known = source;
            }
        }
        Some(_) => {}
        None => trail.push(source),
    }
}

/// Looks a certificate up in a complete CRL and the newest delta to it. The
/// error tells why the CRL cannot be used.
fn judge_by(
    context: &Context<'_>,
    node: &Node,
    above: &[&Node],
    crl: &Arc<Crl>,
    scope: &Scope,
) -> Result<SourceSays, StatusFault> {
    usable(context, crl)?;
    let signer = crl_signer::find(context, crl, above).map_err(StatusFault::Signer)?;
    let at = context.question.at;
    let same_issuer = context.crls.of(&CanonicalName::of(&crl.issuer));
    let delta = same_issuer.iter().take(MAX_CRLS).find(|delta| {
        crl_scope::is_delta_to(delta, crl)
            && usable(context, delta).is_ok()
            && crl_signer::signed_by(context, delta, &signer)
    });
    let certificate = &node.certificate;
    let in_delta = delta.map(|delta| crl_entry::find(delta, certificate, scope.indirect));
    let entry = match in_delta {
        Some(Some(entry)) => Some(entry),
        Some(None) | None => crl_entry::find(crl, certificate, scope.indirect),
    };
    let Some(entry) = entry else {
        return Ok(SourceSays::Good);
    };
    if entry.reason == Some(crl_entry::REMOVE_FROM_CRL) || entry.revoked_at > at {
        return Ok(SourceSays::Good);
    }
    Ok(SourceSays::Revoked {
        at: entry.revoked_at,
        reason: entry.reason,
    })
}

/// Time and form of a CRL.
fn usable(context: &Context<'_>, crl: &Crl) -> Result<(), StatusFault> {
    let now = context.question.now();
    if now < crl.this_update {
        return Err(StatusFault::NotYet);
    }
    if let Some(since) = crl.next_update.filter(|next_update| now > *next_update) {
        return Err(StatusFault::Stale { since });
    }
    crl_scope::check_form(crl, &context.rules).map_err(StatusFault::Form)
}
