//! What the OCSP answers at hand say of a certificate.

use super::evaluate::Context;
use super::names::CanonicalName;
use super::pool::Node;
use super::revocation::Status;
use super::signatures::Signed;
use super::status_source::{SourceKind, SourceSays, StatusFault, StatusSource};
use super::usage::OCSP_SIGNING;
use crate::pki::Certificate;
use crate::pki::certificate::PublicKeyInfo;
use crate::pki::digest::{Hash, sha1};
use crate::pki::ocsp::{
    BasicResponse, CertId, CertStatus, OcspResponse, ResponderId, SingleResponse,
};
use crate::pki::signature::SignatureOutcome;

/// Answers looked at for one certificate.
const MAX_ANSWERS: usize = 256;

/// The newest usable answer about a certificate; `None` when there is none
/// about it, `Unknown` with the reason when none can be used.
///
/// Spec: RFC 6960 §3.2.
pub(super) fn status(
    context: &Context<'_>,
    certificate: &Certificate,
    issuer: &Node,
    sources: &mut Vec<StatusSource>,
) -> Option<Status> {
    let mut answers: Vec<(&OcspResponse, &BasicResponse, &SingleResponse)> = Vec::new();
    for response in context.question.ocsp.iter().take(MAX_ANSWERS) {
        let Some(basic) = &response.basic else {
            continue;
        };
        let about = |single: &&SingleResponse| is_about(&single.cert_id, certificate, issuer);
        answers.extend(
            basic
                .responses
                .iter()
                .filter(about)
                .map(|one| (&**response, basic, one)),
        );
    }
    answers.sort_by_key(|(response, _, single)| {
        (std::cmp::Reverse(single.this_update), response.sha256)
    });
    let mut unusable = None;
    for (response, basic, single) in answers {
        let source = format!("OCSP answer of {}", single.this_update);
        let judged =
            in_time(context, single).and_then(|()| is_signed(context, response, basic, issuer));
        let says = match (judged, &single.status) {
            (Err(fault), _) => SourceSays::Nothing(fault),
            (Ok(()), CertStatus::Unknown) => SourceSays::Nothing(StatusFault::UnknownToResponder),
            (Ok(()), CertStatus::Good) => SourceSays::Good,
            (Ok(()), CertStatus::Revoked { revoked_at, .. })
                if *revoked_at > context.question.at =>
            {
                SourceSays::Good
            }
            (Ok(()), CertStatus::Revoked { revoked_at, reason }) => SourceSays::Revoked {
                at: *revoked_at,
                reason: *reason,
            },
        };
        sources.push(StatusSource {
            sha256: response.sha256,
            kind: SourceKind::Ocsp,
            this_update: single.this_update,
            next_update: single.next_update,
            says: says.clone(),
        });
        match (&says, &single.status) {
            (SourceSays::Nothing(fault), _) => {
                unusable.get_or_insert(Status::Unknown(format!("{source}: {fault}")));
            }
            (SourceSays::Revoked { .. }, _) => {
                return Some(Status::Revoked(format!("{says}, {source}")));
            }
            (SourceSays::Good, CertStatus::Revoked { revoked_at, .. }) => {
                let later = format!("revoked only at {revoked_at}, {source}");
                return Some(Status::Good(later));
            }
            (SourceSays::Good, _) => return Some(Status::Good(format!("good by the {source}"))),
        }
    }
    unusable
}

/// True when a certID names this certificate.
fn is_about(id: &CertId, certificate: &Certificate, issuer: &Node) -> bool {
    if id.serial != certificate.serial {
        return false;
    }
    let Some(hash) = Hash::from_oid(&id.hash_algorithm) else {
        return false;
    };
    hash.of(&certificate.issuer.der) == id.issuer_name_hash
        && hash.of(&issuer.certificate.public_key.key) == id.issuer_key_hash
}

fn in_time(context: &Context<'_>, single: &SingleResponse) -> Result<(), StatusFault> {
    let now = context.question.now();
    if now < single.this_update {
        return Err(StatusFault::NotYet);
    }
    match single.next_update.filter(|next_update| now > *next_update) {
        Some(since) => Err(StatusFault::Stale { since }),
        None => Ok(()),
    }
}

/// Checks that the issuer, or a responder to whom it gave the task, signed.
///
/// Spec: RFC 6960 §4.2.2.2.
fn is_signed(
    context: &Context<'_>,
    response: &OcspResponse,
    basic: &BasicResponse,
    issuer: &Node,
) -> Result<(), StatusFault> {
    let signed_with = |key: &PublicKeyInfo| {
        let signed = Signed {
            sha256: response.sha256,
            message: &basic.tbs,
            algorithm: &basic.signature_algorithm,
            value: &basic.signature,
        };
        context.signatures.object(signed, key, None) == SignatureOutcome::Valid
    };
    let is_responder = |certificate: &Certificate| match &basic.responder {
        ResponderId::Name(name) => {
            CanonicalName::of(name) == CanonicalName::of(&certificate.subject)
        }
        ResponderId::KeyHash(hash) => hash.as_slice() == sha1(&certificate.public_key.key),
    };
    if is_responder(&issuer.certificate) && signed_with(&issuer.certificate.public_key) {
        return Ok(());
    }
    let mut why = "not signed by the issuer or a responder of it".to_string();
    for responder in basic
        .certificates
        .iter()
        .filter(|candidate| is_responder(candidate))
    {
        if let Err(fault) = is_delegate(context, responder, issuer) {
            why = fault;
        } else if signed_with(&responder.public_key) {
            return Ok(());
        }
    }
    Err(StatusFault::Signer(why))
}

/// Checks that a responder's certificate is the issuer's own, in time and for
/// OCSP.
fn is_delegate(
    context: &Context<'_>,
    responder: &Certificate,
    issuer: &Node,
) -> Result<(), String> {
    let usages = responder.extended_key_usage.value();
    if !usages.is_some_and(|usages| usages.iter().any(|usage| usage == OCSP_SIGNING)) {
        return Err("the responder's certificate is not for OCSP".to_string());
    }
    let at = context.question.now();
    if !(responder.not_before..=responder.not_after).contains(&at) {
        return Err("the responder's certificate is not valid at that time".to_string());
    }
    let key = &issuer.certificate.public_key;
    let is_issued = CanonicalName::of(&responder.issuer) == issuer.subject
        && context.signatures.certificate(responder, key) == SignatureOutcome::Valid;
    if is_issued {
        Ok(())
    } else {
        Err("the responder's certificate is of another issuer".to_string())
    }
}
