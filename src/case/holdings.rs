//! What one machine had to validate with, and since when.

use std::sync::Arc;

use super::{ArtifactRecord, ArtifactSighting, ArtifactSource, Case};
use crate::account::Account;
use crate::chain::{Candidate, Held, Holdings, Origin};
use crate::pki::ctl::CtlKind;
use crate::pki::{Artifact, Certificate};
use crate::time::Timestamp;

/// Everything a machine had from downloads and caches, everything handed over
/// by itself, and the roots that the analyst gave. What a server sends, in a
/// list or stapled, is kept by nobody and is added per handshake.
///
/// A cache entry counts from its last synchronization on: what lay there before
/// that is not known.
#[must_use]
pub fn of_machine(case: &Case, machine: Option<usize>, roots: &[Arc<Certificate>]) -> Holdings {
    of_those(case, roots, |sighting| sighting.machine == machine)
}

/// What one account of the machine had for itself: what another account's cache
/// holds, or what nobody knows who fetched, is not its own.
#[must_use]
pub fn of_account(
    case: &Case,
    machine: Option<usize>,
    account: &Account,
    roots: &[Arc<Certificate>],
) -> Holdings {
    of_those(case, roots, |sighting| {
        sighting.machine == machine && sighting.account.as_ref() == Some(account)
    })
}

fn of_those(
    case: &Case,
    roots: &[Arc<Certificate>],
    is_owner: impl Fn(&ArtifactSighting) -> bool,
) -> Holdings {
    let mut holdings = Holdings::default();
    for record in &case.artifacts {
        let own = |sighting: &&ArtifactSighting| {
            is_kept(sighting) && (is_owner(sighting) || is_file(sighting))
        };
        match &record.artifact {
            Artifact::Certificate(certificate) => {
                // What lies in a store is a candidate by its store's role.
                let loose = |it: &&ArtifactSighting| own(it) && !is_stored(it);
                let origin = record.seen.iter().filter(loose).map(origin_of).min();
                if let (Some(origin), Some(since)) = (origin, arrival(record, loose)) {
                    let object = candidate(certificate, origin);
                    holdings.candidates.push(Held { object, since });
                }
            }
            Artifact::Crl(crl) => {
                if let Some(since) = arrival(record, |it| own(it) && is_dated(it)) {
                    let object = Arc::clone(crl);
                    holdings.crls.push(Held { object, since });
                }
            }
            Artifact::Ocsp(ocsp) => {
                if let Some(since) = arrival(record, |it| own(it) && is_dated(it)) {
                    let object = Arc::clone(ocsp);
                    holdings.ocsp.push(Held { object, since });
                }
            }
            Artifact::Ctl(ctl) => {
                let had = |it: &&ArtifactSighting| own(it) || it.machine.is_none();
                let object = Arc::clone(ctl);
                match (ctl.kind, arrival(record, had)) {
                    (CtlKind::AuthRoot, Some(since)) => {
                        holdings.authroot.push(Held { object, since });
                    }
                    // What it distrusts is wrong wherever the list was; whether
                    // this machine knew is told with the cause.
                    (CtlKind::Disallowed, _) => holdings.disallowed.push(Held::always(object)),
                    (CtlKind::PinRules, Some(since)) => {
                        holdings.pin_rules.push(Held { object, since });
                    }
                    _ => {}
                }
            }
        }
    }
    let given = roots.iter().map(|root| Candidate {
        anchor: true,
        ..candidate(root, Origin::Given)
    });
    holdings.candidates.extend(given.map(Held::always));
    holdings
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

/// The first arrival among some sightings: `None` when there is none of them,
/// `Some(None)` for what was always there.
fn arrival(
    record: &ArtifactRecord,
    wanted: impl Fn(&&ArtifactSighting) -> bool,
) -> Option<Option<Timestamp>> {
    record.seen.iter().filter(wanted).map(|it| it.at).min()
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
