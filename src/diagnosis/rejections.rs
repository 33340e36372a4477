//! Rejected validations with their best chain: what the rules about roots,
//! missing issuers and certificates start from.

use std::sync::Arc;

use super::failure::{Failure, FailureKind, VerifierKind};
use super::inquiry::{Basis, Inquiry, confidence, lacks_bytes};
use super::proposal::{Precedence, Proposal, Stance};
use crate::case::questions::issued;
use crate::case::{CaseChain, Handshake};
use crate::chain::{Chain, Check, Element, Outcome, RootTrust};
use crate::pki::certificate::GeneralName;
use crate::pki::{Artifact, Certificate};
use crate::provenance::Cite;

/// A rejected validation whose certificates are known.
#[derive(Clone, Copy)]
pub struct Rejection<'a> {
    /// Its number.
    pub index: usize,
    /// The failure.
    pub failure: &'a Failure,
    /// The handshake.
    pub handshake: &'a Handshake,
    /// All chains of it.
    pub examined: &'a CaseChain,
    /// The best of them.
    pub best: &'a Chain,
    /// The name the client asked for, or words in its place.
    pub site: &'a str,
}

/// All of them, by number.
pub fn rejections<'a>(inquiry: &'a Inquiry<'_>) -> impl Iterator<Item = Rejection<'a>> {
    let failures = inquiry.failures.iter().enumerate();
    failures.filter_map(|(index, failure)| {
        if failure.kind != FailureKind::Rejected {
            return None;
        }
        let handshake = inquiry.case.handshakes.get(failure.handshake?)?;
        let examined = inquiry.case.chains.get(failure.chain?)?;
        Some(Rejection {
            index,
            failure,
            handshake,
            examined,
            best: examined.chains.first()?,
            site: handshake.site.as_deref().unwrap_or("the site"),
        })
    })
}

/// What a rule says of a rejection.
pub struct Said {
    /// One sentence.
    pub summary: String,
    /// What to do.
    pub remedy: String,
    /// What it stands on; quality is added.
    pub basis: Basis,
    /// Its place among the causes.
    pub precedence: Precedence,
    /// Object and hop, for incidents.
    pub subject: String,
    /// Where it is seen, besides the handshake.
    pub cites: Vec<Cite>,
}

/// Checked by us, and the client is seen to react.
pub const SEEN: Basis = Basis {
    checked: true,
    fault_seen: true,
    reaction_seen: true,
    inferred: 0,
    poor_capture: false,
};

impl<'a> Rejection<'a> {
    /// True unless another verifier than CryptoAPI is shown to have judged: the
    /// stores and lists of Windows then decide nothing.
    #[must_use]
    pub fn may_be_windows(&self) -> bool {
        !matches!(
            self.failure.verifier.kind,
            VerifierKind::Own | VerifierKind::Proxy
        )
    }

    /// The last certificate of the best chain.
    #[must_use]
    pub fn last(&self) -> Option<&'a Arc<Certificate>> {
        self.best
            .elements
            .last()
            .map(|element| &element.certificate)
    }

    /// The self-signed certificate that ends the best chain above the leaf.
    #[must_use]
    pub fn root(&self) -> Option<&'a Arc<Certificate>> {
        let above = self.best.elements.len() > 1 && self.best.missing_issuer.is_none();
        self.last().filter(|last| above && last.is_self_issued())
    }

    /// The certificate whose issuer is not at hand and not a root that the list
    /// of the day names.
    #[must_use]
    pub fn child_of_missing(&self) -> Option<&'a Arc<Certificate>> {
        let listed = matches!(self.best.root, RootTrust::ListedByName { .. });
        let missing = self.best.missing_issuer.as_ref().filter(|_| !listed)?;
        Some(&missing.child)
    }

    /// Every failed check of the best chain, with its element and position.
    pub fn failed_checks(&self) -> impl Iterator<Item = (usize, &'a Element, &'a Check)> {
        let elements = self.best.elements.iter().enumerate();
        elements.flat_map(|(position, element)| {
            let failed = element
                .checks
                .iter()
                .filter(|check| matches!(check.outcome, Outcome::Fail(_)));
            failed.map(move |check| (position, element, check))
        })
    }

    /// Makes a proposal.
    #[must_use]
    pub fn proposal(&self, rule: &'static str, stance: Stance, said: Said) -> Proposal {
        let basis = Basis {
            poor_capture: said.basis.poor_capture || lacks_bytes(&self.handshake.quality),
            ..said.basis
        };
        let mut cites = self.handshake.cites.clone();
        cites.extend(said.cites);
        let observed = stance == Stance::Observation;
        let explains = (self.index, said.precedence);
        Proposal {
            rule,
            stance,
            confidence: (stance != Stance::CannotTell).then(|| confidence(basis)),
            summary: said.summary,
            remedy: said.remedy,
            cites,
            explains: if observed { Vec::new() } else { vec![explains] },
            subject: said.subject,
        }
    }
}

/// Proposals that say the same of several failures become one.
#[must_use]
pub fn joined(all: impl IntoIterator<Item = Proposal>) -> Vec<Proposal> {
    let mut proposals: Vec<Proposal> = Vec::new();
    for proposal in all {
        let same = proposals.iter_mut().find(|known| {
            known.subject == proposal.subject
                && known.stance == proposal.stance
                && known.confidence == proposal.confidence
        });
        match same {
            Some(known) => {
                known.explains.extend(proposal.explains);
                known.cites.extend(proposal.cites);
            }
            None => proposals.push(proposal),
        }
    }
    for proposal in &mut proposals {
        proposal.explains.sort_unstable();
        proposal.explains.dedup_by_key(|(failure, _)| *failure);
    }
    proposals
}

/// Where an object was first seen.
#[must_use]
pub fn first_seen(inquiry: &Inquiry<'_>, sha256: [u8; 32]) -> Option<Cite> {
    let records = &inquiry.case.artifacts;
    let record = records
        .iter()
        .find(|record| record.artifact.sha256() == sha256)?;
    record.seen.first().map(|sighting| sighting.cite.clone())
}

/// True when the evidence elsewhere holds the missing issuer, and it is no root:
/// the chain then surely breaks half-way.
#[must_use]
pub fn is_known_intermediate(inquiry: &Inquiry<'_>, child: &Certificate) -> bool {
    inquiry
        .case
        .artifacts
        .iter()
        .any(|record| match &record.artifact {
            Artifact::Certificate(issuer) => !issuer.is_self_issued() && issued(issuer, child),
            _ => false,
        })
}

/// True for certificates of an organization's own authority, by what public ones
/// never have: DC= components in the issuer's name, addresses in a directory, or
/// on hosts without a domain or with one that is not public.
#[must_use]
pub fn is_private(certificate: &Certificate) -> bool {
    let issuer = certificate.issuer.text.to_ascii_uppercase();
    let in_forest = issuer
        .split([',', '+'])
        .any(|part| part.trim_start().starts_with("DC="));
    let mut urls: Vec<&str> = certificate.crl_urls();
    let access = certificate.authority_info_access.value();
    for description in access.into_iter().flatten() {
        if let GeneralName::Uri(url) = &description.location {
            urls.push(url);
        }
    }
    let directory = |url: &&str| {
        let lower = url.to_ascii_lowercase();
        lower.starts_with("ldap:///")
            || crate::case::questions::host_of(&lower).is_some_and(|host| !is_public_name(host))
    };
    in_forest || urls.iter().any(directory)
}

/// Top-level names that no public authority certifies (RFC 6761, RFC 6762,
/// ICANN's `internal`, and those that companies commonly use inside). `example`
/// and `test` stand for public names in tests.
const PRIVATE_ENDINGS: [&str; 10] = [
    "local",
    "localhost",
    "lan",
    "internal",
    "intranet",
    "intern",
    "corp",
    "home",
    "private",
    "localdomain",
];

/// True for a name that the public name system can hold.
#[must_use]
pub fn is_public_name(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let ending = name.rsplit('.').next().unwrap_or_default();
    let is_address = name.parse::<std::net::IpAddr>().is_ok();
    name.contains('.') && !is_address && !PRIVATE_ENDINGS.contains(&ending)
}

/// The part of a name that one owner registers, as far as its shape tells: the
/// last two labels, three where the last two are like `co.uk`.
#[must_use]
pub fn owner_of(name: &str) -> String {
    let lower = name.trim_end_matches('.').to_ascii_lowercase();
    let labels: Vec<&str> = lower.rsplit('.').collect();
    let country = labels.first().is_some_and(|label| label.len() == 2)
        && labels.get(1).is_some_and(|label| label.len() <= 3);
    let take = if country { 3 } else { 2 };
    let mut own: Vec<&str> = labels.into_iter().take(take).collect();
    own.reverse();
    own.join(".")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;
    use crate::diagnosis::fixtures::certificate;

    #[test]
    fn a_name_of_the_house_is_no_public_one() {
        assert!(is_public_name("www.shop.example"));
        for name in ["wsus", "wsus.corp.local", "10.0.0.5", "nas.lan"] {
            assert!(!is_public_name(name), "{name}");
        }
    }

    #[test]
    fn the_owner_of_a_name_is_told_by_its_last_labels() {
        assert_eq!(owner_of("a.b.shop.example"), "shop.example");
        assert_eq!(owner_of("www.bank.co.uk"), "bank.co.uk");
        assert_eq!(owner_of("wsus"), "wsus");
    }

    #[test]
    fn a_directory_in_the_addresses_or_the_name_shows_a_private_authority() {
        assert!(is_private(&certificate("corp-leaf")));
        assert!(!is_private(&certificate("leaf")));
    }
}
