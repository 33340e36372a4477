//! Chains of the case: one for each server list, one for each CTL's signer,
//! each from everything that had arrived by its time.

use std::sync::Arc;

use super::{ArtifactSource, Case, CaseChain, ChainSubject};
use crate::chain::{
    Candidate, Host, MissingIssuer, Origin, Policy, Purpose, Question, RootTrust, TrustLists,
    Verdict,
};
use crate::pki::ctl::CtlKind;
use crate::pki::{Artifact, Certificate, Ctl};
use crate::time::Timestamp;

/// What a chain lacks at its upper end, in names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Short name of the certificate whose issuer is missing.
    pub child: String,
    /// Short name of the issuer.
    pub issuer: String,
    /// Where the child says it can be had.
    pub urls: Vec<String>,
}

impl CaseChain {
    /// The certificate that the best chain lacks, unless a list of the day
    /// names it as a root.
    #[must_use]
    pub fn missing_issuer(&self) -> Option<Missing> {
        let chain = self.chains.first()?;
        if matches!(chain.root, RootTrust::ListedByName { .. }) {
            return None;
        }
        let missing: &MissingIssuer = chain.missing_issuer.as_ref()?;
        let issuer = missing.child.issuer.short().to_owned();
        let child = missing.child.subject.short().to_owned();
        Some(Missing {
            child,
            issuer,
            urls: missing.urls.clone(),
        })
    }

    /// True when no given anchor ends the best chain: whether the machine
    /// trusted its root is not in the evidence.
    #[must_use]
    pub fn ends_in_unknown_root(&self) -> bool {
        self.chains
            .first()
            .is_some_and(|chain| chain.root != RootTrust::Given)
    }

    /// True when a root that a trust list can bring is all that the chain lacks;
    /// a root that the list of the day does not have is none of them.
    #[must_use]
    pub fn wants_listed_root(&self) -> bool {
        let root = self.chains.first().map(|chain| &chain.root);
        let listed = matches!(
            root,
            Some(RootTrust::Listed | RootTrust::ListedByName { .. } | RootTrust::StoreUnknown)
        );
        listed && !self.has_fault()
    }

    /// True when a check failed on every chain: any verifier would mind.
    #[must_use]
    pub fn has_fault(&self) -> bool {
        self.chains
            .first()
            .is_some_and(|chain| chain.verdict == Verdict::Reject)
    }
}

/// Examines everything that has a leaf. `roots` are those the analyst gave.
#[must_use]
pub fn chains(case: &Case, roots: &[Arc<Certificate>]) -> Vec<CaseChain> {
    let mut chains = Vec::new();
    for (index, handshake) in case.handshakes.iter().enumerate() {
        let Some((leaf, certificate)) = case.leaf_of(handshake) else {
            continue;
        };
        // A verifier fetches while the handshake waits: its time is the reaction's.
        let used_at = handshake
            .reaction
            .map_or(handshake.ended_at, |sighting| sighting.at);
        let used_at = case.as_of.unwrap_or(used_at);
        let mut candidates: Vec<Candidate> = handshake
            .artifacts
            .iter()
            .filter_map(|index| case.certificate(*index))
            .map(|sent| candidate(sent, Origin::Sent))
            .collect();
        candidates.extend(available(case, handshake.machine, used_at));
        candidates.extend(given(roots));
        let lists = Lists::of_the_day(case, handshake.machine, used_at);
        let asked = Asked {
            leaf: certificate,
            at: case.as_of.unwrap_or(handshake.at),
            used_at,
            machine: handshake.machine,
            purpose: Purpose::ServerAuth,
            host: handshake.site.as_deref().map(Host::from_text),
        };
        chains.push(CaseChain {
            subject: ChainSubject::Handshake(index),
            leaf,
            host: handshake.site.clone(),
            as_of: asked.at,
            chains: examined(case, &asked, candidates, &lists),
        });
    }
    chains.extend(list_chains(case, roots));
    chains
}

/// What one examination is about.
struct Asked<'a> {
    leaf: &'a Arc<Certificate>,
    at: Timestamp,
    used_at: Timestamp,
    machine: Option<usize>,
    purpose: Purpose,
    host: Option<Host>,
}

/// Examines with what the stores of the machine held.
fn examined(
    case: &Case,
    asked: &Asked<'_>,
    mut candidates: Vec<Candidate>,
    lists: &Lists,
) -> Vec<crate::chain::Chain> {
    let stores = case.stores_at(asked.machine, asked.used_at);
    candidates.extend(stores.candidates);
    let examine = |knows_roots: bool| {
        let question = Question {
            leaf: asked.leaf,
            at: asked.at,
            candidates: &candidates,
            crls: &[],
            ocsp: &[],
            trust_lists: lists.as_ref(),
            policy: Policy {
                purpose: asked.purpose.clone(),
                host: asked.host.clone(),
                knows_roots,
                updates_roots: stores.updates_roots,
                ..Policy::default()
            },
        };
        crate::chain::examine(&question).chains
    };
    let chains = examine(stores.known);
    // A root whose key was written later may have lain there before, with other
    // properties: then the stores do not tell.
    let late = chains.first().is_some_and(|chain| {
        let last = chain.elements.last();
        stores.known
            && last.is_some_and(|last| {
                stores.late.contains(&last.certificate.sha256)
                    || candidates.iter().any(|candidate| {
                        stores.late.contains(&candidate.certificate.sha256)
                            && candidate.certificate.subject.der == last.certificate.issuer.der
                    })
            })
    });
    if late { examine(false) } else { chains }
}

/// The chain of each list's signer, once per machine that had the list.
fn list_chains(case: &Case, roots: &[Arc<Certificate>]) -> Vec<CaseChain> {
    let mut chains = Vec::new();
    for (index, record) in case.artifacts.iter().enumerate() {
        let Artifact::Ctl(ctl) = &record.artifact else {
            continue;
        };
        let Some(signer) = &ctl.signer else { continue };
        let Some(leaf) = case
            .artifacts
            .iter()
            .position(|other| match &other.artifact {
                Artifact::Certificate(certificate) => certificate.sha256 == signer.sha256,
                _ => false,
            })
        else {
            continue;
        };
        let mut machines: Vec<Option<usize>> = record.seen.iter().map(|s| s.machine).collect();
        machines.sort_unstable();
        machines.dedup();
        for machine in machines {
            let of_machine = record
                .seen
                .iter()
                .filter(|sighting| sighting.machine == machine);
            // A list is used from the moment it is had; a file by itself has no
            // such moment, and its own date stands for it.
            let had_at = of_machine.filter_map(|sighting| sighting.at).min();
            let at = case.as_of.or(had_at).unwrap_or(ctl.this_update);
            let mut candidates: Vec<Candidate> = ctl
                .certificates
                .iter()
                .map(|enclosed| candidate(enclosed, Origin::Enclosed))
                .collect();
            candidates.extend(available(case, machine, at));
            candidates.extend(given(roots));
            candidates.extend(case.stores_at(machine, at).candidates);
            let lists = Lists {
                authroot: naming_list(case, ctl),
                disallowed: None,
            };
            let question = Question {
                leaf: signer,
                at,
                candidates: &candidates,
                crls: &[],
                ocsp: &[],
                trust_lists: lists.as_ref(),
                policy: Policy {
                    purpose: ctl
                        .subject_usage
                        .first()
                        .filter(|_| ctl.kind == CtlKind::AuthRoot)
                        .map_or(Purpose::Any, |usage| Purpose::Other(usage.clone())),
                    knows_roots: false,
                    ..Policy::default()
                },
            };
            chains.push(CaseChain {
                subject: ChainSubject::CtlSigner {
                    ctl: index,
                    machine,
                },
                leaf,
                host: None,
                as_of: at,
                chains: crate::chain::examine(&question).chains,
            });
        }
    }
    chains
}

/// The list that can name the root above a list's signer: the list itself, or
/// for the other kinds the newest authroot list at hand.
fn naming_list(case: &Case, ctl: &Arc<Ctl>) -> Option<Arc<Ctl>> {
    if ctl.kind == CtlKind::AuthRoot {
        return Some(Arc::clone(ctl));
    }
    let newest = case
        .authroot_lists()
        .max_by_key(|(index, list)| (list.this_update, *index));
    newest.map(|(_, list)| Arc::clone(list))
}

/// The lists of the day, held so that a question can borrow them.
struct Lists {
    authroot: Option<Arc<Ctl>>,
    disallowed: Option<Arc<Ctl>>,
}

impl Lists {
    fn of_the_day(case: &Case, machine: Option<usize>, at: Timestamp) -> Self {
        let authroot = case
            .list_of_the_day(machine, at)
            .and_then(|index| case.ctl(index))
            .cloned();
        let disallowed = case
            .artifacts
            .iter()
            .filter_map(|record| match &record.artifact {
                Artifact::Ctl(ctl) if ctl.kind == CtlKind::Disallowed && ctl.this_update <= at => {
                    Some(ctl)
                }
                _ => None,
            });
        Lists {
            authroot,
            disallowed: disallowed.max_by_key(|ctl| ctl.this_update).cloned(),
        }
    }

    fn as_ref(&self) -> TrustLists<'_> {
        TrustLists {
            authroot: self.authroot.as_deref(),
            disallowed: self.disallowed.as_deref(),
        }
    }
}

fn candidate(certificate: &Arc<Certificate>, origin: Origin) -> Candidate {
    Candidate {
        certificate: Arc::clone(certificate),
        anchor: false,
        distrusted: false,
        origin,
    }
}

fn given(roots: &[Arc<Certificate>]) -> impl Iterator<Item = Candidate> {
    roots.iter().map(|root| Candidate {
        anchor: true,
        ..candidate(root, Origin::Given)
    })
}

/// Certificates that a machine had by `at`, from downloads and caches. What
/// another server sent is not kept by Windows and is no candidate.
fn available(case: &Case, machine: Option<usize>, at: Timestamp) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    for record in &case.artifacts {
        let Artifact::Certificate(certificate) = &record.artifact else {
            continue;
        };
        let origins = record.seen.iter().filter_map(|sighting| {
            let origin = match sighting.source {
                ArtifactSource::Retrieval(_) => Origin::Downloaded,
                ArtifactSource::Cache(_) => Origin::Cache,
                ArtifactSource::Log(_) => Origin::Cache,
                ArtifactSource::File => Origin::Given,
                // What lies in a store is a candidate by its store's role.
                ArtifactSource::Handshake(_) | ArtifactSource::Host { .. } => return None,
            };
            let by_then = sighting.at.is_none_or(|seen_at| seen_at <= at);
            let own = sighting.machine == machine || origin == Origin::Given;
            (by_then && own).then_some(origin)
        });
        if let Some(origin) = origins.min() {
            candidates.push(candidate(certificate, origin));
        }
    }
    candidates
}
