//! Chains of the case: one for each server list, one for each CTL's signer,
//! one for each signer of a CRL or OCSP answer, each from everything that had
//! arrived by its time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::holdings::{Holders, candidate};
use super::proofs::Proofs;
use super::status::{self, StatusIndex};
use super::stores::StoresAt;
use super::{Case, CaseChain, ChainSubject, Handshake, HandshakeOutcome};
use crate::account::Account;
use crate::chain::{
    self, Chain, CheckKind, Held, Holdings, Host, Memo, MissingIssuer, Origin, Policy, Purpose,
    RootTrust, RootUpdate, TrustStatus, Verdict,
};
use crate::pki::ctl::CtlKind;
use crate::pki::{Artifact, Certificate, Ctl};
use crate::protocol::tls::{HiddenBy, ServerCertificates};
use crate::retrieval::ObjectKind;
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

    /// True when a check failed on every chain: any verifier would mind. That
    /// the stores of this machine do not trust the root is none of these.
    #[must_use]
    pub fn has_fault(&self) -> bool {
        self.chains
            .first()
            .is_some_and(|chain| chain.verdict == Verdict::Reject && !lacks_trust_only(chain))
    }

    /// True when the stores of the machine are known, and do not trust the root
    /// of the best chain or lack an issuer for it.
    #[must_use]
    pub fn is_untrusted_here(&self) -> bool {
        self.chains.first().is_some_and(lacks_trust_only)
    }
}

/// True when all that failed of a chain is that it ends at no trusted root.
fn lacks_trust_only(chain: &Chain) -> bool {
    let wanting = matches!(chain.root, RootTrust::Untrusted | RootTrust::Partial);
    let trust = |kind| matches!(kind, CheckKind::Trust | CheckKind::Issuer);
    let cyclic = chain.error_status.contains(TrustStatus::IS_CYCLIC);
    wanting && !cyclic && chain.failures().all(|(_, check)| trust(check.kind))
}

/// Examines everything that has a leaf. `roots` are those the analyst gave.
#[must_use]
pub fn chains(case: &Case, roots: &[Arc<Certificate>]) -> Vec<CaseChain> {
    let known = Memo::default();
    let mut examiner = Examiner {
        case,
        index: StatusIndex::of(case),
        known: known.clone(),
        holders: Holders::of(case, roots),
        machines: BTreeMap::new(),
        in_vain: asked_in_vain(case),
        proofs: Proofs::new(case, known),
    };
    let sites = (0..case.handshakes.len()).filter_map(|index| {
        let (asked, holdings) = examiner.site(index)?;
        Some(examiner.examine(&asked, &holdings))
    });
    let mut chains: Vec<CaseChain> = sites.collect();
    let hidden = (0..case.handshakes.len()).filter_map(|index| {
        let (asked, holdings) = examiner.proposed(index)?;
        Some(examiner.examine(&asked, &holdings))
    });
    chains.extend(hidden);
    chains.extend(examiner.lists());
    super::list_proofs::add(case, &mut examiner, &mut chains);
    chains.extend(super::signers::chains(case, &mut examiner));
    chains
}

/// What all examinations of a case share.
pub struct Examiner<'a> {
    case: &'a Case,
    index: StatusIndex,
    known: Memo,
    holders: Holders<'a>,
    machines: BTreeMap<Option<usize>, Arc<Holdings>>,
    in_vain: BTreeSet<Option<usize>>,
    proofs: Proofs,
}

/// What one chain is asked for.
pub struct Asked<'a> {
    /// Whose chain.
    pub subject: ChainSubject,
    /// The leaf, an artifact index.
    pub leaf: usize,
    /// The leaf.
    pub certificate: &'a Arc<Certificate>,
    /// When it is validated.
    pub at: Timestamp,
    /// When the validation used what it had fetched.
    pub used_at: Timestamp,
    /// For what.
    pub purpose: Purpose,
    /// For which name.
    pub host: Option<String>,
    /// The machine that validates.
    pub machine: Option<usize>,
    /// Somebody is seen to refuse it: what would have helped is looked for.
    pub is_refused: bool,
}

impl<'a> Examiner<'a> {
    /// What a machine had.
    pub fn of_machine(&mut self, machine: Option<usize>) -> Arc<Holdings> {
        let holders = &self.holders;
        let made = || Arc::new(holders.of_machine(machine));
        Arc::clone(self.machines.entry(machine).or_insert_with(made))
    }

    /// What the chain of a server's list is asked for, and what was at hand for it.
    pub fn site(&mut self, index: usize) -> Option<(Asked<'a>, Holdings)> {
        let case = self.case;
        let handshake = case.handshakes.get(index)?;
        let (leaf, certificate) = case.leaf_of(handshake)?;
        // A verifier fetches while the handshake waits: its time is the reaction's.
        let used_at = handshake
            .reaction
            .map_or(handshake.ended_at, |sighting| sighting.at);
        let mut holdings = Holdings::clone(&self.of_machine(handshake.machine));
        let sent = handshake.artifacts.iter();
        let sent = sent.filter_map(|index| case.certificate(*index));
        let sent = sent.map(|sent| Held::always(candidate(sent, Origin::Sent)));
        // The first of equals counts: the server's own list comes before all.
        holdings.candidates.splice(0..0, sent);
        holdings.ocsp.extend(stapled(case, handshake));
        let asked = Asked {
            subject: ChainSubject::Handshake(index),
            leaf,
            certificate,
            at: case.as_of.unwrap_or(handshake.at),
            used_at: case.as_of.unwrap_or(used_at),
            purpose: Purpose::ServerAuth,
            host: handshake.site.clone(),
            machine: handshake.machine,
            is_refused: handshake.outcome == HandshakeOutcome::ClientClosed,
        };
        Some((asked, holdings))
    }

    /// What the likeliest leaf of an abandoned handshake is asked for, where TLS
    /// 1.3 hides its certificates and the evidence holds one that fits.
    pub fn proposed(&mut self, index: usize) -> Option<(Asked<'a>, Holdings)> {
        let case = self.case;
        let handshake = case.handshakes.get(index)?;
        let hidden = ServerCertificates::Hidden(HiddenBy::Tls13);
        let is_refused = handshake.outcome == HandshakeOutcome::ClientClosed;
        if handshake.certificates != hidden || !is_refused {
            return None;
        }
        let all = super::proposed::proposed(case, handshake);
        let leaf = all.iter().find_map(|proposed| proposed.artifact)?;
        let holdings = Holdings::clone(&self.of_machine(handshake.machine));
        let at = case.as_of.unwrap_or(handshake.at);
        let asked = Asked {
            subject: ChainSubject::Proposed(index),
            leaf,
            certificate: case.certificate(leaf)?,
            at,
            used_at: case.as_of.unwrap_or(handshake.ended_at),
            purpose: Purpose::ServerAuth,
            host: handshake.site.clone(),
            machine: handshake.machine,
            // What would have helped a chain that nobody saw is not looked for.
            is_refused: false,
        };
        Some((asked, holdings))
    }

    /// What one account of a machine had.
    #[must_use]
    pub fn of_account(&self, machine: Option<usize>, account: &Account) -> Holdings {
        self.holders.of_account(machine, account)
    }

    /// The chain of each list's signer, once per machine that had the list.
    fn lists(&mut self) -> Vec<CaseChain> {
        let case = self.case;
        let mut chains = Vec::new();
        for (index, record) in case.artifacts.iter().enumerate() {
            let Artifact::Ctl(ctl) = &record.artifact else {
                continue;
            };
            let Some(signer) = &ctl.signer else { continue };
            let Some(leaf) = case.position_of(signer) else {
                continue;
            };
            let mut machines: Vec<Option<usize>> = record.seen.iter().map(|s| s.machine).collect();
            machines.sort_unstable();
            machines.dedup();
            for machine in machines {
                let of_machine = case.sightings_of(index, machine);
                // A list is used from the moment it is had; a file by itself has no
                // such moment, and its own date stands for it.
                let had_at = of_machine.filter_map(|sighting| sighting.at).min();
                let at = case.as_of.or(had_at).unwrap_or(ctl.this_update);
                let holdings = with_list(case, ctl, Holdings::clone(&self.of_machine(machine)));
                let asked = Asked {
                    subject: ChainSubject::CtlSigner {
                        ctl: index,
                        machine,
                    },
                    leaf,
                    certificate: signer,
                    at,
                    used_at: at,
                    purpose: purpose_of(ctl),
                    host: None,
                    machine,
                    is_refused: false,
                };
                chains.push(self.examine(&asked, &holdings));
            }
        }
        chains
    }

    /// Examines one leaf with what the stores of the machine held besides, tells
    /// the status of its chain, and looks for what would have helped where it
    /// was refused.
    pub fn examine(&mut self, asked: &Asked<'_>, holdings: &Holdings) -> CaseChain {
        let case = self.case;
        let stores = case.stores_at(asked.machine, asked.used_at);
        let mut holdings = holdings.clone();
        let stored = stores.candidates.iter().cloned().map(Held::always);
        holdings.candidates.extend(stored);
        let is_site = handshake_of(asked.subject).is_some();
        let knows_roots = is_site && stores.known;
        let mut policy = Policy {
            purpose: asked.purpose.clone(),
            host: asked.host.as_deref().map(Host::from_text),
            knows_roots,
            root_update: match (is_site && stores.known, stores.updates_roots) {
                (false, _) => RootUpdate::NotAsked,
                (true, true) => RootUpdate::On,
                (true, false) => RootUpdate::Off,
            },
            check_revocation: true,
            soft_revocation: true,
            now: Some(asked.used_at),
            ..Policy::default()
        };
        let at_hand = holdings.at(asked.used_at);
        let ask = |policy: &Policy| at_hand.question(asked.certificate, asked.at, policy.clone());
        let mut chains = chain::examine_sharing(&ask(&policy), &self.known).chains;
        // A root whose key was written later may have lain there before, with other
        // properties: then the stores do not tell.
        if knows_roots && ends_late(&chains, &stores, &holdings) {
            policy.knows_roots = false;
            policy.root_update = RootUpdate::NotAsked;
            chains = chain::examine_sharing(&ask(&policy), &self.known).chains;
        }
        let question = ask(&policy);
        let status = chains.first().map(|best| {
            let (machine, now) = (asked.machine, asked.used_at);
            let handshake = handshake_of(asked.subject);
            status::of_chain(case, &self.index, best, machine, handshake, now)
        });
        let mut examined = CaseChain {
            subject: asked.subject,
            leaf: asked.leaf,
            host: asked.host.clone(),
            as_of: asked.at,
            chains,
            status: status.unwrap_or_default(),
            axis: None,
            repair: None,
            status_repair: None,
            list_proofs: Vec::new(),
        };
        let is_proposed = matches!(asked.subject, ChainSubject::Proposed(_));
        if asked.is_refused || (examined.has_fault() && !is_proposed) {
            let in_vain = || self.in_vain.contains(&asked.machine);
            self.proofs
                .add(&mut examined, &question, &holdings, in_vain);
        }
        examined
    }
}

/// What was at hand for the chain of a list's signer: what the list encloses
/// comes first, and the list that can name its root besides.
#[must_use]
pub fn with_list(case: &Case, ctl: &Arc<Ctl>, mut holdings: Holdings) -> Holdings {
    let enclosed = ctl.certificates.iter();
    let enclosed = enclosed.map(|it| Held::always(candidate(it, Origin::Enclosed)));
    holdings.candidates.splice(0..0, enclosed);
    let naming = naming_list(case, ctl).map(Held::always);
    holdings.authroot = naming.into_iter().collect();
    holdings.disallowed.clear();
    holdings
}

/// True when the best chain ends in, or below, a root that lies in a store since
/// a later time.
fn ends_late(chains: &[Chain], stores: &StoresAt, holdings: &Holdings) -> bool {
    let last = chains.first().and_then(|chain| chain.elements.last());
    last.is_some_and(|last| {
        let above = &last.certificate.issuer.der;
        let mut all = holdings.candidates.iter().map(|it| &it.object.certificate);
        stores.late.contains(&last.certificate.sha256)
            || all.any(|it| stores.late.contains(&it.sha256) && it.subject.der == *above)
    })
}

/// The machines that are seen to fail in getting a CRL or an OCSP answer.
fn asked_in_vain(case: &Case) -> BTreeSet<Option<usize>> {
    let all = case.retrievals.iter().zip(&case.retrieval_machines);
    let failed = all.filter(|(retrieval, _)| {
        retrieval.outcome.is_failure()
            && matches!(
                retrieval.object,
                ObjectKind::Crl | ObjectKind::DeltaCrl | ObjectKind::Ocsp
            )
    });
    failed.map(|(_, machine)| *machine).collect()
}

fn handshake_of(subject: ChainSubject) -> Option<usize> {
    match subject {
        ChainSubject::Handshake(index) | ChainSubject::Proposed(index) => Some(index),
        _ => None,
    }
}

/// The answers stapled to a handshake.
fn stapled<'a>(
    case: &'a Case,
    handshake: &Handshake,
) -> impl Iterator<Item = Held<Arc<crate::pki::OcspResponse>>> + use<'a> {
    let wanted = handshake.stapled;
    let all = case.artifacts.iter().filter_map(move |record| {
        let Artifact::Ocsp(ocsp) = &record.artifact else {
            return None;
        };
        (Some(ocsp.sha256) == wanted).then(|| Held::always(Arc::clone(ocsp)))
    });
    all.take(1)
}

/// For what the signer of a list is needed.
pub fn purpose_of(ctl: &Ctl) -> Purpose {
    ctl.subject_usage
        .first()
        .filter(|_| ctl.kind == CtlKind::AuthRoot)
        .map_or(Purpose::Any, |usage| Purpose::Other(usage.clone()))
}

/// The list that can name the root above a list's signer: the list itself, or
/// for the other kinds the newest authroot list at hand.
pub fn naming_list(case: &Case, ctl: &Arc<Ctl>) -> Option<Arc<Ctl>> {
    if ctl.kind == CtlKind::AuthRoot {
        return Some(Arc::clone(ctl));
    }
    let newest = case
        .authroot_lists()
        .max_by_key(|(index, list)| (list.this_update, *index));
    newest.map(|(_, list)| Arc::clone(list))
}
