//! What the examination says with a finding's remedy done. It is told only where
//! the change that was examined and the cause name the same object.

use super::inquiry::{Inquiry, Need, join_words};
use super::proposal::{Proposal, Stance};
use crate::account::Account;
use crate::case::list_proofs::{ListProof, SiteProof};
use crate::case::{CaseChain, ChainSubject};
use crate::chain::{self, Change, Repair, TrustStatus, Verdict};
use crate::retrieval::ObjectKind;

/// A chain examined again with the remedy done.
#[derive(Debug, Clone, PartialEq)]
pub struct RemedyProof {
    /// The chain, an index.
    pub chain: usize,
    /// The account whose store was given the object; `None` where that does not
    /// matter.
    pub account: Option<Account>,
    /// What was changed, in words.
    pub with: Vec<String>,
    /// The verdict then.
    pub verdict: Verdict,
    /// The errors then.
    pub error_status: TrustStatus,
    /// What is still open then.
    pub lacks: Vec<String>,
    /// What was examined, for the sentence.
    whose: String,
}

impl RemedyProof {
    /// True when every check holds then, but for a revocation status on which
    /// only some callers insist.
    #[must_use]
    pub fn is_proven(&self) -> bool {
        self.verdict == Verdict::Accept
    }

    /// One sentence for people.
    #[must_use]
    pub fn sentence(&self) -> String {
        let (with, whose) = (join_words(&self.with), &self.whose);
        if self.is_proven() {
            let rest = match self.lacks.is_empty() {
                true => "",
                false => " A caller that insists on a revocation status still lacks one.",
            };
            return format!("Proven by re-run: with {with}, {whose} is accepted.{rest}");
        }
        let outcome = match self.verdict {
            Verdict::Reject => "is still rejected",
            Verdict::Accept | Verdict::Unknown => "is no longer wanting in what is known",
        };
        format!(
            "By re-run: with {with}, {whose} {outcome}; it still lacks: {}.",
            self.lacks.join("; ")
        )
    }
}

/// The proof of a proposal's remedy, for the first failure that has one.
#[must_use]
pub fn of(inquiry: &Inquiry<'_>, proposal: &Proposal) -> Option<RemedyProof> {
    if !matches!(proposal.stance, Stance::Cause | Stance::Consequence) {
        return None;
    }
    let mut failures: Vec<usize> = proposal.explains.iter().map(|(it, _)| *it).collect();
    failures.sort_unstable();
    failures.into_iter().find_map(|failure| {
        let index = inquiry.failures.get(failure)?.chain?;
        let chain = inquiry.case.chains.get(index)?;
        by_list(inquiry, proposal, failure, index)
            .or_else(|| by_repair(inquiry, proposal, failure, (index, chain)))
    })
}

/// A trust list that its signer's issuer makes believable.
fn by_list(
    inquiry: &Inquiry<'_>,
    proposal: &Proposal,
    failure: usize,
    index: usize,
) -> Option<RemedyProof> {
    let is_gap = proposal.rule == "ctl-signer-issuer-missing-aia-blocked";
    let is_way = || {
        needs(inquiry, proposal, failure, Need::List)
            .iter()
            .any(|it| inquiry.retrieval(*it).map(|it| it.object) == Some(ObjectKind::AiaCert))
    };
    if !is_gap && !is_way() {
        return None;
    }
    let machine = inquiry.failures.get(failure)?.machine;
    let lists = inquiry.case.chains.iter().filter(|chain| {
        matches!(chain.subject, ChainSubject::CtlSigner { machine: owner, .. } if owner == machine)
    });
    let mut proofs = lists.flat_map(|chain| chain.list_proofs.iter());
    let of_site = |proof: &&ListProof| proof.sites.iter().any(|site| site.chain == index);
    let proof = proofs.find(of_site)?;
    let site = proof.sites.iter().find(|site| site.chain == index)?;
    Some(told(inquiry, proof, site))
}

fn told(inquiry: &Inquiry<'_>, proof: &ListProof, site: &SiteProof) -> RemedyProof {
    let issuer = inquiry.case.certificate(proof.issuer);
    let issuer = issuer.map_or("the issuer", |it| it.subject.short());
    let store = match &proof.account {
        Some(account) => format!("\"{issuer}\" in the store of {account}"),
        None => format!("\"{issuer}\" in the machine's store"),
    };
    let mut with = vec![store];
    let mut lacks: Vec<String> = Vec::new();
    let of_list = chain_faults(&proof.after).into_iter();
    lacks.extend(
        of_list
            .chain(chain::lacks(&proof.after))
            .filter(|line| is_not_status(line)),
    );
    if proof.is_believed() {
        with.push("the trust list believed for it".to_owned());
    }
    if !site.is_listed {
        lacks.push("the list does not have the site's root".to_owned());
    }
    // A root that a list names without its bytes leaves a signature unchecked.
    let is_open = !lacks.is_empty() || !proof.is_believed();
    lacks.extend(chain_faults(&site.after));
    lacks.extend(chain::lacks(&site.after));
    let verdict = match site.after.verdict {
        Verdict::Accept if is_open => Verdict::Unknown,
        verdict => verdict,
    };
    RemedyProof {
        chain: site.chain,
        account: proof.account.clone(),
        with,
        verdict,
        error_status: site.after.error_status,
        lacks,
        whose: whose(inquiry, site.chain),
    }
}

fn is_not_status(line: &str) -> bool {
    !line.starts_with(chain::CheckKind::Revocation.word())
}

fn chain_faults(chain: &chain::Chain) -> Vec<String> {
    let faults = chain.failures().map(|(at, check)| {
        let name = chain.elements.get(at);
        let name = name.map_or("", |element| element.certificate.subject.short());
        format!("{} of {name}: {}", check.kind.word(), check.detail)
    });
    let missing = chain.missing_issuer.iter();
    let named = matches!(chain.root, chain::RootTrust::ListedByName { .. });
    let missing = missing.filter(|_| !named);
    faults
        .chain(missing.map(|it| format!("the issuer {}", it.issuer)))
        .collect()
}

/// The change that the engine found, where the cause is the lack of just that.
fn by_repair(
    inquiry: &Inquiry<'_>,
    proposal: &Proposal,
    failure: usize,
    (index, chain): (usize, &CaseChain),
) -> Option<RemedyProof> {
    let fits = |change: &Change| match change {
        Change::Issuer(issuer) => {
            let best = chain.chains.first();
            let missing = best.and_then(|best| best.missing_issuer.as_ref());
            let is_it = missing.is_some_and(|it| it.child.issuer.der == issuer.subject.der);
            is_it
                && (OF_ISSUERS.contains(&proposal.rule)
                    || !needs(inquiry, proposal, failure, Need::Issuer).is_empty())
        }
        Change::OtherCertificate(_) => proposal.rule == "cross-certificate-bad-branch",
        Change::TrustedRoot(_) => OF_ROOTS.contains(&proposal.rule),
        Change::Clock { .. } => proposal.rule == "client-clock-wrong",
        Change::NewerStatus { of, .. } => {
            let is_about =
                OF_STATUS.contains(&proposal.rule) && of.subject.text == proposal.subject;
            is_about || !needs(inquiry, proposal, failure, Need::Revocation).is_empty()
        }
    };
    let repairs = [&chain.repair, &chain.status_repair];
    let mut repairs = repairs.into_iter().flatten();
    let repair: &Repair = repairs.find(|repair| repair.changes.iter().any(fits))?;
    Some(RemedyProof {
        chain: index,
        account: None,
        with: repair.changes.iter().map(ToString::to_string).collect(),
        verdict: repair.chain.verdict,
        error_status: repair.chain.error_status,
        lacks: repair.lacks.clone(),
        whose: whose(inquiry, index),
    })
}

/// The failed retrievals that the proposal cites and by which the failure lacked
/// one need.
fn needs(inquiry: &Inquiry<'_>, proposal: &Proposal, failure: usize, need: Need) -> Vec<usize> {
    let mut failed = inquiry.failed_for(failure, need);
    failed.retain(|index| {
        let cites = inquiry.cites_of(&[*index]);
        cites.iter().any(|cite| proposal.cites.contains(cite))
    });
    failed
}

fn whose(inquiry: &Inquiry<'_>, chain: usize) -> String {
    let host = inquiry.case.chains.get(chain);
    match host.and_then(|chain| chain.host.as_deref()) {
        Some(host) => format!("the chain of {host}"),
        None => "the chain".to_owned(),
    }
}

/// Causes that are the lack of the issuer that the chain lacks.
const OF_ISSUERS: [&str; 8] = [
    "server-omits-intermediate",
    "intermediate-missing-aia-failed",
    "intermediate-missing-no-aia",
    "aia-object-unusable",
    "aia-unsupported-scheme",
    "aia-limit-exceeded",
    "issuer-name-match-key-mismatch",
    "cross-certificate-bad-branch",
];
/// Causes that are the lack of trust in the chain's root.
const OF_ROOTS: [&str; 6] = [
    "private-root-not-deployed",
    "tls-inspection-untrusted",
    "root-not-in-program",
    "root-crt-download-failed",
    "self-signed-leaf",
    "wsus-root-untrusted",
];
/// Causes that are the lack of a status; their subject is the certificate.
const OF_STATUS: [&str; 5] = [
    "crl-expired",
    "crl-not-applicable",
    "ocsp-error-response",
    "ocsp-stale-or-bad-signer",
    "ocsp-unknown",
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use crate::diagnosis::fixtures::{
        AIA, CTL, PCA, Story, alice, broken_list, certificate, system, trust_list,
    };
    use crate::diagnosis::statuses::samples::refused_after;
    use crate::diagnosis::{RemedyProof, diagnose, fixtures::at};
    use crate::pki::Artifact;
    use crate::retrieval::{ObjectKind, Outcome};

    const FULL: [&str; 3] = ["leaf", "issuing-ca", "site-root"];
    const A1: &str = "ctl-signer-issuer-missing-aia-blocked";

    fn proof_of(story: Story, rule: &str) -> Option<RemedyProof> {
        let diagnosis = story.diagnosis();
        diagnosis.of(rule).first()?.remedy_proof.clone()
    }

    /// A list without its signer's issuer, which alice has and SYSTEM has not.
    fn gap(roots: &[&str]) -> Story {
        let list = Artifact::Ctl(trust_list(&[], roots, at(-86_400)));
        let pca = Artifact::Certificate(certificate("list-pca"));
        let root = Artifact::Certificate(certificate("list-root"));
        let publisher = Artifact::Certificate(certificate("list-publisher"));
        Story::new()
            .fetch(ObjectKind::AiaCert, PCA, Outcome::ConnectTimeout, (3, 6))
            .cached(alice(), CTL, &list, 1)
            .cached(alice(), PCA, &pca, 2)
            .cached(system(), CTL, &list, 1)
            .cached(system(), "http://pki.example/root.crt", &root, 1)
            .cached(system(), "http://pki.example/publisher.crt", &publisher, 1)
            .rejects(&FULL, (9, 12))
    }

    #[test]
    fn the_lists_issuer_in_the_store_of_the_account_that_lacked_it_makes_the_site_good() {
        let proof = proof_of(gap(&["site-root", "list-root"]), A1).unwrap();
        assert_eq!(proof.account, Some(system()));
        assert!(proof.is_proven(), "{proof:#?}");
        let sentence = proof.sentence();
        assert!(
            sentence.starts_with("Proven by re-run: with \"List PCA\" in the store of SYSTEM"),
            "{sentence}"
        );
    }

    #[test]
    fn a_list_without_the_sites_root_or_whose_issuer_nobody_has_proves_nothing() {
        let without = proof_of(gap(&["list-root"]), A1);
        assert!(without.is_none_or(|proof| !proof.is_proven()));
        let unknown = Story::new()
            .fetch(ObjectKind::Ctl, CTL, Outcome::Ok, (1, 2))
            .brings(&Artifact::Ctl(broken_list()))
            .fetch(ObjectKind::AiaCert, PCA, Outcome::Refused, (10, 11))
            .rejects(&FULL, (9, 12));
        assert_eq!(proof_of(unknown, A1), None);
    }

    #[test]
    fn an_issuer_that_could_not_be_fetched_is_proven_where_the_evidence_has_it() {
        let ca = Artifact::Certificate(certificate("issuing-ca"));
        let missing = || {
            Story::new()
                .fetch(ObjectKind::AiaCert, AIA, Outcome::NoSuchName, (10, 11))
                .rejects(&["leaf"], (9, 12))
        };
        let later = missing()
            .fetch(ObjectKind::AiaCert, AIA, Outcome::Ok, (5_000, 5_001))
            .brings(&ca);
        let case = later.case_with(&["site-root"]);
        let diagnosis = diagnose(&case, None);
        let proof = diagnosis.of("dns-failed")[0].remedy_proof.clone().unwrap();
        assert!(proof.is_proven(), "{proof:#?}");
        assert_eq!(proof.with, ["the issuer Issuing CA at hand"]);
        assert_eq!(proof_of(missing(), "dns-failed"), None);
    }

    #[test]
    fn a_newer_status_is_proven_for_the_certificate_that_lacked_one() {
        let case = refused_after("crl-expired.crl").case_with(&["site-root"]);
        let diagnosis = diagnose(&case, None);
        let proof = diagnosis.of("crl-expired")[0].remedy_proof.clone().unwrap();
        assert!(proof.is_proven(), "{proof:#?}");
        let sentence = proof.sentence();
        assert!(sentence.contains("a CRL or OCSP answer for"), "{sentence}");
    }

    #[test]
    fn an_expired_leaf_is_not_repaired_by_the_clock() {
        const YEAR: i64 = 365 * 86_400;
        let story = Story::new().rejects(&["leaf", "issuing-ca"], (YEAR, YEAR + 1));
        assert_eq!(proof_of(story, "leaf-expired"), None);
    }
}
