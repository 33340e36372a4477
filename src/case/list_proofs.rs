//! What the missing issuer of a trust list's signer would have changed, for
//! each account that lacked it: the signer's chain examined again with the
//! issuer in that account's store, then the refused sites with the list believed.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::chains::{Asked, Examiner, purpose_of, with_list};
use super::holdings::candidate;
use super::questions::{ListGap, issued};
use super::{Case, CaseChain, ChainSubject, HandshakeOutcome};
use crate::account::Account;
use crate::chain::{Candidate, Chain, Held, Holdings, Origin, RootTrust, Verdict};
use crate::pki::{Artifact, Certificate, Ctl};

/// One list, one account.
#[derive(Debug, Clone)]
pub struct ListProof {
    /// The account that lacked the issuer; `None` where no caches tell accounts
    /// apart.
    pub account: Option<Account>,
    /// The issuer, an artifact index.
    pub issuer: usize,
    /// The best chain of the list's signer with what the account had.
    pub before: Chain,
    /// The same with the issuer.
    pub after: Chain,
    /// The refused sites of the machine whose root the list was to bring.
    pub sites: Vec<SiteProof>,
}

/// A site's chain with the list believed.
#[derive(Debug, Clone)]
pub struct SiteProof {
    /// Index of the chain among the chains of the case.
    pub chain: usize,
    /// Its best chain then.
    pub after: Chain,
    /// True when the list names its root, so that believing it brings the root.
    pub is_listed: bool,
}

impl ListProof {
    /// True when nothing stands in the way of believing the list: its signer's
    /// chain reaches a root that is trusted or that a list names, and no check
    /// fails.
    #[must_use]
    pub fn is_believed(&self) -> bool {
        is_whole(&self.after) && self.after.verdict != Verdict::Reject
    }
}

/// Lists and accounts examined; a machine has some five profiles and two lists.
const MAX_PROOFS: usize = 32;
/// Refused sites examined again with one list.
const MAX_SITES: usize = 32;

/// Adds the proofs to the chains of the lists' signers.
pub fn add(case: &Case, examiner: &mut Examiner<'_>, chains: &mut [CaseChain]) {
    let mut left = MAX_PROOFS;
    let subjects = chains.iter().enumerate();
    let places: BTreeMap<ChainSubject, usize> = subjects
        .map(|(place, chain)| (chain.subject, place))
        .collect();
    // One list can be on ten thousand machines.
    let mut issuers: BTreeMap<usize, Option<(usize, Arc<Certificate>)>> = BTreeMap::new();
    for gap in case.list_gaps() {
        let accounts = lacking(&gap);
        if accounts.is_empty() {
            continue;
        }
        let issuer = issuers.entry(gap.ctl);
        let issuer = issuer.or_insert_with(|| issuer_of(case, &gap)).clone();
        let Some((issuer, certificate)) = issuer else {
            continue;
        };
        let subject = ChainSubject::CtlSigner {
            ctl: gap.ctl,
            machine: gap.machine,
        };
        let Some(place) = places.get(&subject).copied() else {
            continue;
        };
        let sites = sites(case, examiner, chains, &gap);
        for account in accounts {
            let Some(rest) = left.checked_sub(1) else {
                return;
            };
            left = rest;
            let found = signer_chains(case, examiner, &gap, account.as_ref(), &certificate);
            let (Some((before, after)), Some(chain)) = (found, chains.get_mut(place)) else {
                continue;
            };
            chain.list_proofs.push(ListProof {
                account,
                issuer,
                before,
                after,
                sites: sites.clone(),
            });
        }
    }
}

/// The certificate that the list lacks, where the evidence has it.
fn issuer_of(case: &Case, gap: &ListGap) -> Option<(usize, Arc<Certificate>)> {
    let mut all = case.artifacts.iter().enumerate();
    all.find_map(|(index, record)| match &record.artifact {
        Artifact::Certificate(it) if issued(it, &gap.signer) => Some((index, Arc::clone(it))),
        _ => None,
    })
}

/// The accounts that lacked it: services first, since the update runs as one of
/// them; the machine as a whole where no caches were handed over.
fn lacking(gap: &ListGap) -> Vec<Option<Account>> {
    let mut accounts = gap.accounts_without_issuer.clone();
    accounts.sort_by_key(|account| !account.kind.is_service());
    if accounts.is_empty() && gap.accounts_with_issuer.is_empty() {
        return vec![None];
    }
    accounts.into_iter().map(Some).collect()
}

/// The best chain of the list's signer without the issuer and with it; `None`
/// where it was not missing after all, or a store of the machine had it.
fn signer_chains(
    case: &Case,
    examiner: &mut Examiner<'_>,
    gap: &ListGap,
    account: Option<&Account>,
    issuer: &Arc<Certificate>,
) -> Option<(Chain, Chain)> {
    let ctl = case.ctl(gap.ctl)?;
    let had = match account {
        Some(account) => examiner.of_account(gap.machine, account),
        None => Holdings::clone(&examiner.of_machine(gap.machine)),
    };
    let mut holdings = with_list(case, ctl, had);
    holdings
        .candidates
        .retain(|held| !issued(&held.object.certificate, &gap.signer));
    let at = case.as_of.or(gap.had_at).unwrap_or(ctl.this_update);
    let asked = Asked {
        subject: ChainSubject::CtlSigner {
            ctl: gap.ctl,
            machine: gap.machine,
        },
        leaf: gap.ctl,
        certificate: &gap.signer,
        at,
        used_at: at,
        purpose: purpose_of(ctl),
        host: None,
        machine: gap.machine,
        is_refused: false,
    };
    let mut best =
        |holdings: &Holdings| examiner.examine(&asked, holdings).chains.into_iter().next();
    let before = best(&holdings)?;
    if is_whole(&before) {
        return None;
    }
    let given = candidate(issuer, Origin::Given);
    holdings.candidates.push(Held::always(given));
    Some((before, best(&holdings)?))
}

/// True when no issuer is missing, but for a root that a list names.
fn is_whole(chain: &Chain) -> bool {
    chain.missing_issuer.is_none() || matches!(chain.root, RootTrust::ListedByName { .. })
}

/// The refused sites of a machine that want a root from a list, with this list
/// believed: a root that it names is then trusted.
fn sites(
    case: &Case,
    examiner: &mut Examiner<'_>,
    chains: &[CaseChain],
    gap: &ListGap,
) -> Vec<SiteProof> {
    let Some(ctl) = case.ctl(gap.ctl) else {
        return Vec::new();
    };
    let mut proofs = Vec::new();
    for (index, chain) in chains.iter().enumerate() {
        let ChainSubject::Handshake(handshake) = chain.subject else {
            continue;
        };
        let is_refused = case.handshakes.get(handshake).is_some_and(|it| {
            it.machine == gap.machine && it.outcome == HandshakeOutcome::ClientClosed
        });
        if !is_refused || !chain.wants_listed_root() || proofs.len() >= MAX_SITES {
            continue;
        }
        proofs.extend(site(case, examiner, (index, handshake), chain, ctl));
    }
    proofs
}

fn site(
    case: &Case,
    examiner: &mut Examiner<'_>,
    (index, handshake): (usize, usize),
    chain: &CaseChain,
    ctl: &Arc<Ctl>,
) -> Option<SiteProof> {
    let best = chain.chains.first()?;
    let last = &best.elements.last()?.certificate;
    let root = last.is_self_issued().then_some(last);
    let is_listed = match root {
        Some(root) => ctl.entry_for(&root.sha1).is_some(),
        None => super::questions::names_root(ctl, last),
    };
    let (mut asked, mut holdings) = examiner.site(handshake)?;
    asked.is_refused = false;
    asked.at = case.as_of.unwrap_or(asked.at);
    holdings.authroot = vec![Held::always(Arc::clone(ctl))];
    if let Some(root) = root.filter(|_| is_listed) {
        // What the update adds to the store of third-party roots.
        holdings.candidates.push(Held::always(Candidate {
            anchor: true,
            ..candidate(root, Origin::Given)
        }));
    }
    let after = examiner
        .examine(&asked, &holdings)
        .chains
        .into_iter()
        .next()?;
    Some(SiteProof {
        chain: index,
        after,
        is_listed,
    })
}
