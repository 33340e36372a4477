//! Who signed a CRL, and whether the chain's own root stands behind it.

use std::sync::Arc;

use super::evaluate::Context;
use super::examination::Verdict;
use super::names::CanonicalName;
use super::pool::Node;
use super::question::{Candidate, Origin, Policy, Purpose, Question};
use super::signatures::{Signed, inherited};
use super::usage::CRL_SIGN;
use crate::pki::signature::SignatureOutcome;
use crate::pki::{Certificate, Crl};

/// Chains of separate CRL signers judged in one examination. A chain of ten
/// certificates, each with its own signer, needs ten.
const MAX_SIGNER_CHAINS: usize = 16;
/// Signers of CRLs about signers of CRLs.
const MAX_SIGNER_DEPTH: usize = 3;

/// Finds the certificate whose key signed a CRL: one of the chain above, or
/// another of the CRL issuer's name whose own chain ends in the same root and
/// holds.
///
/// # Errors
///
/// Why there is none.
pub(super) fn find(
    context: &Context<'_>,
    crl: &Arc<Crl>,
    above: &[&Node],
) -> Result<Signer, String> {
    let issuer = CanonicalName::of(&crl.issuer);
    let of_chain = above
        .iter()
        .enumerate()
        .filter(|(_, node)| node.subject == issuer);
    let mut why = "its signature does not verify with a key of the chain".to_string();
    for (at, node) in of_chain {
        let keys = above.get(at..).unwrap_or_default().iter();
        let keys = keys.map(|node| &node.certificate.public_key.algorithm);
        let signer = Signer {
            certificate: Arc::clone(&node.certificate),
            dsa_parameters: inherited(keys),
        };
        match signature_by(context, crl, &signer) {
            Some(SignatureOutcome::Valid) => return Ok(signer),
            Some(SignatureOutcome::Unsupported(what)) => {
                why = format!("its signature cannot be checked: {what}");
            }
            Some(SignatureOutcome::Invalid(_)) | None => {}
        }
    }
    for at in context.pool.named(&issuer) {
        let Some(node) = context.pool.nodes.get(*at) else {
            continue;
        };
        let known = above
            .iter()
            .any(|other| other.certificate.sha256 == node.certificate.sha256);
        let signer = Signer {
            certificate: Arc::clone(&node.certificate),
            dsa_parameters: None,
        };
        if known || !signed_by(context, crl, &signer) {
            continue;
        }
        if is_backed(context, node, above) {
            return Ok(signer);
        }
        why = format!(
            "its signer {} is not good itself",
            node.certificate.subject.short()
        );
    }
    Err(why)
}

/// Whose key signed a CRL.
pub(super) struct Signer {
    certificate: Arc<Certificate>,
    /// Dss-Parms that its key leaves to its issuers.
    dsa_parameters: Option<Vec<u8>>,
}

/// True when the key of a certificate that may sign CRLs signed this one.
pub(super) fn signed_by(context: &Context<'_>, crl: &Crl, signer: &Signer) -> bool {
    signature_by(context, crl, signer) == Some(SignatureOutcome::Valid)
}

/// What the key says of the signature; `None` when it may not sign CRLs.
fn signature_by(context: &Context<'_>, crl: &Crl, signer: &Signer) -> Option<SignatureOutcome> {
    if signer
        .certificate
        .key_usage
        .value()
        .is_some_and(|bits| bits & CRL_SIGN == 0)
    {
        return None;
    }
    let signed = Signed {
        sha256: crl.sha256,
        message: crl.tbs_bytes(),
        algorithm: &crl.signature_algorithm,
        value: &crl.signature,
    };
    let key = &signer.certificate.public_key;
    let inherited = signer.dsa_parameters.as_deref();
    Some(context.signatures.object(signed, key, inherited))
}

/// True when the signer's own chain holds and ends as this one does.
///
/// Spec: RFC 5280 §6.3.3(f).
fn is_backed(context: &Context<'_>, signer: &Node, above: &[&Node]) -> bool {
    let Some(root) = above.last() else {
        return false;
    };
    let key = (signer.certificate.sha256, root.certificate.sha256);
    if let Some(known) = context.signers.borrow().get(&key) {
        return *known;
    }
    let judged = context.signers.borrow().len();
    if judged >= MAX_SIGNER_CHAINS || context.depth >= MAX_SIGNER_DEPTH {
        return false;
    }
    // Its own status may be in the very CRL it signed, as the CA arranged it
    // with cRLIssuer: while it is judged, it counts as good.
    context.signers.borrow_mut().insert(key, true);
    let backed = holds(context, signer, root);
    context.signers.borrow_mut().insert(key, backed);
    backed
}

fn holds(context: &Context<'_>, signer: &Node, root: &Node) -> bool {
    let candidates: Vec<Candidate> = context
        .pool
        .nodes
        .iter()
        .flat_map(|node| {
            let candidate = |distrusted: bool| Candidate {
                certificate: Arc::clone(&node.certificate),
                anchor: node.anchor && !distrusted,
                distrusted,
                origin: Origin::Given,
            };
            let distrusted = node.distrusted.then(|| candidate(true));
            [Some(candidate(false)), distrusted].into_iter().flatten()
        })
        .collect();
    let asked = context.question;
    let question = Question {
        leaf: &signer.certificate,
        candidates: &candidates,
        policy: Policy {
            purpose: Purpose::Any,
            host: None,
            initial_policies: Vec::new(),
            require_explicit_policy: false,
            ..asked.policy.clone()
        },
        ..asked.clone()
    };
    let inner = Context::inside(&question, context);
    let found = inner.paths_from(super::evaluate::LEAF, &mut |_| false);
    found.paths.iter().take(MAX_SIGNER_PATHS).any(|path| {
        let chain = inner.chain(path, asked.policy.check_revocation);
        let last = chain
            .elements
            .last()
            .map(|element| element.certificate.sha256);
        chain.verdict != Verdict::Reject && last == Some(root.certificate.sha256)
    })
}

/// Chains of one signer that are judged.
const MAX_SIGNER_PATHS: usize = 4;
