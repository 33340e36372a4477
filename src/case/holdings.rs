//! What each machine had to validate with, and since when.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{ArtifactRecord, ArtifactSighting, ArtifactSource, Case};
use crate::account::Account;
use crate::chain::{Candidate, Held, Holdings, Origin};
use crate::pki::ctl::CtlKind;
use crate::pki::{Artifact, Certificate, Ctl};
use crate::time::Timestamp;

/// Who held what in a case.
pub struct Holders<'a> {
    case: &'a Case,
    roots: &'a [Arc<Certificate>],
    /// What every machine had, by artifact index: files handed over by themselves,
    /// and lists that some machine or other had.
    common: BTreeMap<usize, Had>,
    /// Lists of distrusted certificates. What one distrusts is wrong wherever the
    /// list was; whether a machine knew is told with the cause.
    distrusting: Vec<&'a Arc<Ctl>>,
}

/// How an object came to be at hand: the best way, and the first time.
#[derive(Debug, Clone, Copy)]
struct Had {
    origin: Origin,
    /// `None` for what was always there.
    since: Option<Timestamp>,
}

impl<'a> Holders<'a> {
    /// Collects what all machines had; `roots` are those the analyst gave.
    #[must_use]
    pub fn of(case: &'a Case, roots: &'a [Arc<Certificate>]) -> Self {
        let mut common = BTreeMap::new();
        let mut distrusting = Vec::new();
        for (index, record) in case.artifacts.iter().enumerate() {
            let is_list = match &record.artifact {
                Artifact::Ctl(ctl) if ctl.kind == CtlKind::Disallowed => {
                    distrusting.push(ctl);
                    continue;
                }
                Artifact::Ctl(_) => true,
                _ => false,
            };
            let for_all = |it: &&ArtifactSighting| is_file(it) || (is_list && it.machine.is_none());
            for sighting in record.seen.iter().filter(for_all) {
                add(&mut common, index, record, sighting);
            }
        }
        Holders {
            case,
            roots,
            common,
            distrusting,
        }
    }

    /// Everything a machine had from downloads and caches, everything handed over
    /// by itself, and the roots that the analyst gave. What a server sends, in a
    /// list or stapled, is kept by nobody and is added per handshake.
    ///
    /// A cache entry counts from its last synchronization on: what lay there
    /// before that is not known.
    #[must_use]
    pub fn of_machine(&self, machine: Option<usize>) -> Holdings {
        self.with(self.case.sightings_by(machine))
    }

    /// What one account of the machine had for itself: what another account's
    /// cache holds, or what nobody knows who fetched, is not its own.
    #[must_use]
    pub fn of_account(&self, machine: Option<usize>, account: &Account) -> Holdings {
        let own = self.case.sightings_by(machine);
        self.with(own.filter(|(_, sighting)| sighting.account.as_ref() == Some(account)))
    }

    fn with<'b>(&self, own: impl Iterator<Item = (usize, &'b ArtifactSighting)>) -> Holdings {
        let mut had = self.common.clone();
        for (index, sighting) in own.filter(|(_, sighting)| is_kept(sighting)) {
            if let Some(record) = self.case.artifacts.get(index) {
                add(&mut had, index, record, sighting);
            }
        }
        let mut holdings = Holdings::default();
        for (index, Had { origin, since }) in had {
            match self.case.artifacts.get(index).map(|it| &it.artifact) {
                Some(Artifact::Certificate(certificate)) => {
                    let object = candidate(certificate, origin);
                    holdings.candidates.push(Held { object, since });
                }
                Some(Artifact::Crl(crl)) => {
                    let object = Arc::clone(crl);
                    holdings.crls.push(Held { object, since });
                }
                Some(Artifact::Ocsp(ocsp)) => {
                    let object = Arc::clone(ocsp);
                    holdings.ocsp.push(Held { object, since });
                }
                Some(Artifact::Ctl(ctl)) => {
                    let object = Arc::clone(ctl);
                    match ctl.kind {
                        CtlKind::AuthRoot => holdings.authroot.push(Held { object, since }),
                        CtlKind::PinRules => holdings.pin_rules.push(Held { object, since }),
                        CtlKind::Disallowed | CtlKind::Other => {}
                    }
                }
                None => {}
            }
        }
        let distrusting = self.distrusting.iter();
        let distrusting = distrusting.map(|ctl| Held::always(Arc::clone(ctl)));
        holdings.disallowed = distrusting.collect();
        let given = self.roots.iter().map(|root| Candidate {
            anchor: true,
            ..candidate(root, Origin::Given)
        });
        holdings.candidates.extend(given.map(Held::always));
        holdings
    }
}

/// Adds one way in which an object came to be at hand, where it is one.
fn add(
    had: &mut BTreeMap<usize, Had>,
    index: usize,
    record: &ArtifactRecord,
    sighting: &ArtifactSighting,
) {
    let counts = match &record.artifact {
        // What lies in a store is a candidate by its store's role.
        Artifact::Certificate(_) => !is_stored(sighting),
        Artifact::Crl(_) | Artifact::Ocsp(_) => is_dated(sighting),
        Artifact::Ctl(_) => true,
    };
    if counts {
        let (origin, since) = (origin_of(sighting), sighting.at);
        let known = had.entry(index).or_insert(Had { origin, since });
        known.origin = known.origin.min(origin);
        known.since = known.since.min(since);
    }
}

/// A certificate to build from, neither trusted nor distrusted.
#[must_use]
pub fn candidate(certificate: &Arc<Certificate>, origin: Origin) -> Candidate {
    Candidate {
        certificate: Arc::clone(certificate),
        anchor: false,
        distrusted: false,
        origin,
    }
}

fn is_kept(sighting: &ArtifactSighting) -> bool {
    !matches!(sighting.source, ArtifactSource::Handshake(_))
}

fn is_file(sighting: &ArtifactSighting) -> bool {
    sighting.source == ArtifactSource::File
}

fn is_stored(sighting: &ArtifactSighting) -> bool {
    matches!(sighting.source, ArtifactSource::Host { .. })
}

/// A status from a cache whose record is lost may have come at any time; it
/// proves nothing about one.
fn is_dated(sighting: &ArtifactSighting) -> bool {
    sighting.at.is_some() || is_file(sighting)
}

fn origin_of(sighting: &ArtifactSighting) -> Origin {
    match sighting.source {
        ArtifactSource::Retrieval(_) => Origin::Downloaded,
        ArtifactSource::Cache(_) | ArtifactSource::Log(_) => Origin::Cache,
        ArtifactSource::File | ArtifactSource::Host { .. } => Origin::Given,
        ArtifactSource::Handshake(_) => Origin::Sent,
    }
}
