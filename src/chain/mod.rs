//! Chains as of one time: every path, every check on every element, every
//! outcome, in the vocabulary of `CERT_TRUST_STATUS`.
//!
//! [`examine`] is an examiner, not a verifier: it does not stop at the first
//! error. It builds all paths from the leaf (`build`), runs all checks on
//! each (`evaluate`), and returns the chains best first, each check with
//! pass, fail or unknown. Profiles differ in one table (`profile`).

mod axis;
mod boundary;
mod build;
mod constraints;
mod crl_entry;
mod crl_scope;
mod crl_signer;
mod disallowed;
mod element;
mod evaluate;
mod examination;
mod form;
mod holdings;
mod host;
mod name_constraints;
mod name_match;
mod names;
mod ocsp_answer;
mod path;
mod pins;
mod policies;
mod pool;
mod profile;
mod punycode;
mod question;
mod rank;
mod remains;
mod repair;
mod revocation;
mod signatures;
mod status;
mod status_source;
mod trust;
mod usage;
mod way;

pub use axis::{Axis, Phase, axis};
pub use examination::{
    Chain, Check, CheckKind, Element, Examination, IssuerMatch, MissingIssuer, Needed, Outcome,
    RootTrust, Verdict,
};
pub use holdings::{AtHand, Held, Holdings};
pub use question::{
    AnchorChecks, Candidate, Host, Origin, Policy, Profile, Purpose, Question, RootUpdate,
    TrustLists,
};
pub use remains::examine_damaged;
pub use repair::{Change, Repair, lacks, smallest_repair};
pub use signatures::Memo;
pub use status::{InfoStatus, TrustStatus, policy_error};
pub use status_source::{SourceKind, SourceSays, StatusFault, StatusSource, bits_without_status};

/// Examines a leaf: builds every path within limits and runs every check on
/// each. There is always at least one chain, best first.
///
/// The signer of a trust list is examined the same way, with
/// [`Purpose::RootListSigner`].
#[must_use]
pub fn examine(question: &Question<'_>) -> Examination {
    examine_with(question, &std::rc::Rc::default())
}

/// As [`examine`], with the outcomes of signatures shared between the
/// examinations of one run.
#[must_use]
pub fn examine_sharing(question: &Question<'_>, memo: &Memo) -> Examination {
    examine_with(
        question,
        &std::rc::Rc::new(signatures::Signatures::knowing(memo)),
    )
}

/// Examines with the signatures verified so far for the same objects.
fn examine_with(
    question: &Question<'_>,
    signatures: &std::rc::Rc<signatures::Signatures>,
) -> Examination {
    let context = evaluate::Context::with(question, signatures);
    let mut judged: Vec<Chain> = Vec::new();
    let mut good = |path: &path::Path| {
        let chain = context.chain(path, false);
        // Revocation may undo a good chain; then its alternatives count.
        let is_good = chain.verdict == Verdict::Accept && !question.policy.check_revocation;
        judged.push(chain);
        is_good
    };
    let found = context.paths_from(evaluate::LEAF, &mut good);
    let unseen = found.paths.iter().skip(judged.len());
    let rest: Vec<Chain> = unseen.map(|path| context.chain(path, false)).collect();
    let chains = judged.into_iter().chain(rest);
    let mut chains: Vec<(Chain, path::Path)> = chains.zip(found.paths).collect();
    rank::sort(&mut chains, |(chain, _)| chain);
    if question.policy.check_revocation {
        chains.truncate(MAX_REVOCATION_CHAINS);
        for (chain, path) in &mut chains {
            *chain = context.chain(path, true);
        }
        rank::sort(&mut chains, |(chain, _)| chain);
    }
    chains.truncate(MAX_CHAINS);
    Examination {
        chains: chains.into_iter().map(|(chain, _)| chain).collect(),
        truncated: found.truncated,
        signatures_verified: context.signatures_verified(),
    }
}

/// Chains whose revocation is looked into: the best ones but for that. CRLs
/// are long, and a better chain below these would have to be worse in all else.
const MAX_REVOCATION_CHAINS: usize = 8;
/// Chains returned; people look at the best and a few alternatives.
const MAX_CHAINS: usize = 32;
