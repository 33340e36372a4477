//! Revocation status of the elements of a chain: what is known, and which copy
//! of which CRL or OCSP answer lay where, since when.

use std::collections::BTreeMap;

use super::{ArtifactSighting, ArtifactSource, Case};
use crate::account::Account;
use crate::chain::{
    Chain, CheckKind, Element, Outcome, SourceKind, SourceSays, TrustStatus, bits_without_status,
};
use crate::pki::{Artifact, Certificate};
use crate::time::Timestamp;

/// What is known of one element's revocation.
#[derive(Debug, Clone, PartialEq)]
pub struct ElementStatus {
    /// Position in the chain, 0 the leaf.
    pub element: usize,
    /// What is known.
    pub state: StatusState,
    /// By which source, or why nothing is known.
    pub detail: String,
    /// The bits for a caller that insists on a status; none when it is good.
    pub if_required: TrustStatus,
    /// Copies of CRLs and answers about it, those at hand first, newest first.
    pub copies: Vec<StatusCopy>,
    /// Copies left out because of [`MAX_COPIES`].
    pub more_copies: usize,
}

/// Whether a certificate is revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StatusState {
    /// A source in force says that it is not.
    Good,
    /// A source in force, signed by one entitled, says that it is.
    Revoked,
    /// Neither.
    Unknown,
}

impl StatusState {
    /// The word of the JSON report.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            StatusState::Good => "good",
            StatusState::Revoked => "revoked",
            StatusState::Unknown => "unknown",
        }
    }
}

/// One copy of a CRL or OCSP answer about an element.
#[derive(Debug, Clone, PartialEq)]
pub struct StatusCopy {
    /// Index of the object among the artifacts.
    pub artifact: usize,
    /// What it is.
    pub kind: SourceKind,
    /// Where this copy was.
    pub source: ArtifactSource,
    /// Whose it was, where known.
    pub account: Option<Account>,
    /// When it arrived; of a cache entry, when it was last synchronized.
    pub seen_at: Option<Timestamp>,
    /// Whether it was at hand at the time of the chain.
    pub presence: Presence,
    /// thisUpdate.
    pub this_update: Timestamp,
    /// nextUpdate; without one it never ends.
    pub next_update: Option<Timestamp>,
    /// What the engine made of it, where it was at hand.
    pub says: Option<SourceSays>,
}

/// Whether a copy was at hand at some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Presence {
    /// It was.
    Yes,
    /// It cannot be told: the cache was synchronized later, or its record is
    /// lost, or the file was handed over by itself.
    Unknown,
    /// It was not: fetched or made later.
    No,
}

impl Presence {
    /// The word of the JSON report.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Presence::Yes => "yes",
            Presence::Unknown => "unknown",
            Presence::No => "no",
        }
    }
}

impl StatusCopy {
    /// True for a copy that was at hand and in force at `at`.
    #[must_use]
    pub fn is_in_force(&self, at: Timestamp) -> bool {
        self.this_update <= at && self.next_update.is_none_or(|end| at <= end)
    }
}

/// Copies told of one element. A machine with five profiles has five copies of
/// each of a few objects.
pub const MAX_COPIES: usize = 24;

/// CRLs and OCSP answers by whom they speak of.
#[derive(Debug, Default)]
pub struct StatusIndex {
    /// CRLs by the DER of their issuer's name.
    crls: BTreeMap<Vec<u8>, Vec<usize>>,
    /// CRLs by the URL they were fetched from.
    crls_at: BTreeMap<String, Vec<usize>>,
    /// OCSP answers by serial.
    answers: BTreeMap<Vec<u8>, Vec<usize>>,
}

impl StatusIndex {
    /// Indexes the artifacts of a case.
    #[must_use]
    pub fn of(case: &Case) -> Self {
        let mut index = StatusIndex::default();
        for (at, record) in case.artifacts.iter().enumerate() {
            match &record.artifact {
                Artifact::Crl(crl) => {
                    let known = index.crls.entry(crl.issuer.der.clone()).or_default();
                    known.push(at);
                    for url in urls(case, &record.seen) {
                        let known = index.crls_at.entry(url).or_default();
                        if known.last() != Some(&at) {
                            known.push(at);
                        }
                    }
                }
                Artifact::Ocsp(ocsp) => {
                    let singles = ocsp.basic.iter().flat_map(|basic| &basic.responses);
                    for single in singles {
                        let serial = single.cert_id.serial.clone();
                        let known = index.answers.entry(serial).or_default();
                        if known.last() != Some(&at) {
                            known.push(at);
                        }
                    }
                }
                Artifact::Certificate(_) | Artifact::Ctl(_) => {}
            }
        }
        index
    }

    /// Artifacts that may speak of a certificate.
    fn about(&self, certificate: &Certificate) -> Vec<usize> {
        let mut found = Vec::new();
        let by_issuer = self.crls.get(&certificate.issuer.der);
        found.extend(by_issuer.into_iter().flatten());
        for url in certificate.crl_urls() {
            found.extend(self.crls_at.get(url).into_iter().flatten());
        }
        found.extend(self.answers.get(&certificate.serial).into_iter().flatten());
        found.sort_unstable();
        found.dedup();
        found
    }
}

fn urls(case: &Case, seen: &[ArtifactSighting]) -> Vec<String> {
    let urls = seen.iter().filter_map(|sighting| match sighting.source {
        ArtifactSource::Retrieval(index) => case.retrievals.get(index)?.url.clone(),
        ArtifactSource::Cache(index) => {
            let entry = case.cache_entries.get(index)?;
            entry.record.as_ref().map(|record| record.url.clone())
        }
        ArtifactSource::Handshake(_)
        | ArtifactSource::File
        | ArtifactSource::Host { .. }
        | ArtifactSource::Log(_) => None,
    });
    urls.collect()
}

/// The status of every element of a chain that was checked for revocation.
/// `handshake` is the one whose stapled answer counts.
#[must_use]
pub fn of_chain(
    case: &Case,
    index: &StatusIndex,
    chain: &Chain,
    machine: Option<usize>,
    handshake: Option<usize>,
    now: Timestamp,
) -> Vec<ElementStatus> {
    let mut statuses = Vec::new();
    for (position, element) in chain.elements.iter().enumerate() {
        let check = element
            .checks
            .iter()
            .find(|check| check.kind == CheckKind::Revocation);
        let Some(check) = check else { continue };
        let state = match check.outcome {
            Outcome::Pass => StatusState::Good,
            Outcome::Fail(bits) if bits.intersects(TrustStatus::IS_REVOKED) => StatusState::Revoked,
            Outcome::Fail(_) | Outcome::Unknown(_) => StatusState::Unknown,
        };
        let if_required = match state {
            StatusState::Good => TrustStatus::none(),
            StatusState::Revoked => TrustStatus::IS_REVOKED,
            StatusState::Unknown => bits_without_status(&element.certificate),
        };
        let mut copies: Vec<StatusCopy> = index
            .about(&element.certificate)
            .into_iter()
            .flat_map(|artifact| copies(case, element, artifact, machine, handshake, now))
            .collect();
        copies.sort_by(|a, b| {
            (
                a.presence,
                std::cmp::Reverse(a.this_update),
                a.artifact,
                a.source,
            )
                .cmp(&(
                    b.presence,
                    std::cmp::Reverse(b.this_update),
                    b.artifact,
                    b.source,
                ))
        });
        let more_copies = copies.len().saturating_sub(MAX_COPIES);
        copies.truncate(MAX_COPIES);
        statuses.push(ElementStatus {
            element: position,
            state,
            detail: check.detail.clone(),
            if_required,
            copies,
            more_copies,
        });
    }
    statuses
}

fn copies(
    case: &Case,
    element: &Element,
    artifact: usize,
    machine: Option<usize>,
    handshake: Option<usize>,
    now: Timestamp,
) -> Vec<StatusCopy> {
    let Some(record) = case.artifacts.get(artifact) else {
        return Vec::new();
    };
    let Some((kind, this_update, next_update)) = dates(&record.artifact, &element.certificate)
    else {
        return Vec::new();
    };
    let judged = element
        .status_sources
        .iter()
        .find(|source| source.sha256 == record.artifact.sha256());
    // Files by themselves are of no machine, and of use to each.
    let files = case
        .sightings_of(artifact, None)
        .filter(|it| machine.is_some() && it.source == ArtifactSource::File);
    let own = case
        .sightings_of(artifact, machine)
        .filter(|it| match it.source {
            ArtifactSource::Handshake(index) => Some(index) == handshake,
            _ => true,
        });
    let copy = |sighting: &ArtifactSighting| {
        let presence = presence(sighting, this_update, now);
        let is_judged = presence == Presence::Yes || sighting.source == ArtifactSource::File;
        StatusCopy {
            artifact,
            kind,
            source: sighting.source,
            account: sighting.account.clone(),
            seen_at: sighting.at,
            presence,
            this_update,
            next_update,
            says: judged.filter(|_| is_judged).map(|it| it.says.clone()),
        }
    };
    own.chain(files).map(copy).collect()
}

fn dates(
    artifact: &Artifact,
    certificate: &Certificate,
) -> Option<(SourceKind, Timestamp, Option<Timestamp>)> {
    match artifact {
        Artifact::Crl(crl) => {
            let kind = match crl.delta_base {
                Some(_) => SourceKind::DeltaCrl,
                None => SourceKind::Crl,
            };
            Some((kind, crl.this_update, crl.next_update))
        }
        Artifact::Ocsp(ocsp) => {
            let singles = ocsp.basic.iter().flat_map(|basic| &basic.responses);
            let mut ours = singles.filter(|single| single.cert_id.serial == certificate.serial);
            let single = ours.next()?;
            Some((SourceKind::Ocsp, single.this_update, single.next_update))
        }
        Artifact::Certificate(_) | Artifact::Ctl(_) => None,
    }
}

/// A cache shows the moment of copying: an entry synchronized after the time
/// may have been there before, unless its object was made later.
fn presence(sighting: &ArtifactSighting, made: Timestamp, now: Timestamp) -> Presence {
    let arrived = sighting.at.map(|at| at <= now);
    match (sighting.source, arrived) {
        (ArtifactSource::File, _) => Presence::Unknown,
        (_, Some(true)) => Presence::Yes,
        (ArtifactSource::Handshake(_), None) => Presence::Yes,
        (ArtifactSource::Cache(_), _) if made <= now => Presence::Unknown,
        _ => Presence::No,
    }
}
