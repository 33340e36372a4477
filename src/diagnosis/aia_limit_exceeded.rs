#![doc = include_str!("../../docs/rules/aia-limit-exceeded.md")]

use super::inquiry::{Basis, Inquiry};
use super::proposal::{Precedence, Proposal, Rule, Stance};
use super::rejections::{Said, first_seen, joined, rejections};
use crate::pki::certificate::CA_ISSUERS;
use crate::retrieval::{ObjectKind, Retrieval};
use crate::words;

/// The rule.
pub const RULE: Rule = Rule {
    id: "aia-limit-exceeded",
    doc: include_str!("../../docs/rules/aia-limit-exceeded.md"),
    apply,
};

/// Windows' defaults (wincrypt.h): bytes of one object, certificates of one
/// bundle, URLs of one certificate. The registry may change them.
const MAX_BYTES: u64 = 100_000;
/// `CERT_CHAIN_MAX_AIA_URL_RETRIEVAL_CERT_COUNT_DEFAULT`.
const MAX_CERTIFICATES: usize = 10;
/// `CERT_CHAIN_MAX_AIA_URL_COUNT_IN_CERT_DEFAULT`.
const MAX_URLS: usize = 5;

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let found = rejections(inquiry).filter_map(|rejection| {
        // Only where nothing else is wrong with the chain that we could build.
        if rejection.examined.has_fault() || !rejection.may_be_windows() {
            return None;
        }
        let (child, retrieval, how) = rejection.best.elements.windows(2).find_map(|pair| {
            let [child, issuer] = pair else { return None };
            let sent = rejection.handshake.artifacts.iter().any(|index| {
                inquiry.case.certificate(*index).is_some_and(|it| it.sha256 == issuer.certificate.sha256)
            });
            if sent {
                return None;
            }
            let retrieval = inquiry.case.retrievals.iter().find(|it| {
                it.object == ObjectKind::AiaCert
                    && it.ended_at <= rejection.failure.at
                    && it.body.as_ref().is_some_and(|body| body.artifacts.contains(&issuer.certificate.sha256))
            })?;
            let how = over_limit(retrieval, &child.certificate.access_urls(CA_ISSUERS))?;
            Some((&child.certificate, retrieval, how))
        })?;
        let mut cites = retrieval.cites.clone();
        cites.extend(first_seen(inquiry, child.sha256));
        Some(rejection.proposal(RULE.id, Stance::Cause, Said {
            summary: format!(
                "The issuer of \"{}\" was to be had at {}, but {how}, more than Windows takes by default.",
                child.subject.short(),
                retrieval.url.as_deref().unwrap_or("its address")
            ),
            remedy: "Publish the issuer as one small DER certificate under the first URL, and let the server send the chain. A download below the limits and a handshake that goes on show that it worked.".to_owned(),
            basis: Basis {
                fault_seen: true,
                reaction_seen: true,
                // The root is as unknown as the registry.
                inferred: u8::from(rejection.examined.ends_in_unknown_root()),
                ..Basis::default()
            },
            precedence: Precedence::Shape,
            subject: child.issuer.text.clone(),
            cites,
        }))
    });
    joined(found)
}

fn over_limit(retrieval: &Retrieval, urls: &[&str]) -> Option<String> {
    let body = retrieval.body.as_ref()?;
    if body.size > MAX_BYTES {
        return Some(format!(
            "the download has {}",
            words::count(body.size, "byte", "bytes")
        ));
    }
    if body.artifacts.len() > MAX_CERTIFICATES {
        return Some(format!(
            "the download holds {} certificates",
            body.artifacts.len()
        ));
    }
    let url = retrieval.url.as_deref()?;
    let place = urls.iter().position(|known| *known == url)?;
    (place >= MAX_URLS).then(|| format!("this is the {}th of its addresses", place + 1))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use crate::diagnosis::Role;
    use crate::diagnosis::fixtures::{AIA, Story, certificate};
    use crate::pki::Artifact;
    use crate::retrieval::{ObjectKind, Outcome};

    const RULE: &str = "aia-limit-exceeded";

    fn bundle(size: u64) -> Story {
        Story::new()
            .fetch(ObjectKind::AiaCert, AIA, Outcome::Ok, (10, 11))
            .brings(&Artifact::Certificate(certificate("issuing-ca")))
            .with(|it| it.body.as_mut().unwrap().size = size)
            .rejects(&["leaf"], (9, 12))
    }

    #[test]
    fn an_issuer_in_a_download_that_is_too_large_is_not_taken() {
        assert_eq!(
            bundle(100_001).diagnosis().causes(),
            [(RULE, Role::RootCause, "medium")]
        );
    }

    #[test]
    fn it_is_quiet_at_the_limit() {
        assert!(bundle(100_000).diagnosis().of(RULE).is_empty());
    }

    #[test]
    fn it_is_quiet_when_the_client_goes_on() {
        assert!(bundle(100_001).accepted().diagnosis().of(RULE).is_empty());
    }
}
