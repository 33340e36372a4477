//! Roots that Windows asks for by thumbprint.

use super::failure::{Failure, FailureKind, Verifier, VerifierKind};
use super::inquiry::{Link, Need};
use crate::case::Case;
use crate::pki::Artifact;
use crate::retrieval::{ObjectKind, Retrieval};

/// The thumbprint in a URL `…/<40 hex digits>.crt`.
#[must_use]
pub fn thumbprint(retrieval: &Retrieval) -> Option<[u8; 20]> {
    let url = retrieval.url.as_deref()?.split(['?', '#']).next()?;
    let name = url.rsplit('/').next()?;
    let (digits, _) = name.rsplit_once('.')?;
    if digits.len() != 40 {
        return None;
    }
    let mut bytes = [0_u8; 20];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(digits.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(bytes)
}

/// True when certificates came, and none has the thumbprint that was asked for.
#[must_use]
pub fn is_wrong_root(case: &Case, retrieval: &Retrieval) -> bool {
    let (ObjectKind::RootCrt, Some(wanted)) = (retrieval.object, thumbprint(retrieval)) else {
        return false;
    };
    let Some(body) = retrieval.body.as_ref().filter(|body| body.complete) else {
        return false;
    };
    let came: Vec<[u8; 20]> = case
        .artifacts
        .iter()
        .filter_map(|record| match &record.artifact {
            Artifact::Certificate(it) if body.artifacts.contains(&it.sha256) => Some(it.sha1),
            _ => None,
        })
        .collect();
    retrieval.outcome.is_success() && !came.is_empty() && !came.contains(&wanted)
}

/// Wrong roots are trust objects not obtained.
#[must_use]
pub fn failures(case: &Case) -> Vec<(Failure, Vec<Link>)> {
    let all = case.retrievals.iter().enumerate();
    let wrong = all.filter(|(_, retrieval)| is_wrong_root(case, retrieval));
    wrong
        .map(|(index, retrieval)| {
            let verifier = Verifier {
                kind: VerifierKind::Capi,
                name: retrieval.user_agent.clone(),
                basis: "roots by thumbprint are CryptoAPI's own".to_owned(),
            };
            let failure = Failure {
                machine: case.retrieval_machines.get(index).copied().flatten(),
                account: retrieval.account.clone(),
                ..Failure::new(FailureKind::Object, retrieval.started_at, verifier)
            };
            let own = Link {
                retrieval: index,
                need: Need::Itself,
                certain: true,
            };
            (failure, vec![own])
        })
        .collect()
}
