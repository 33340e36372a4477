//! Chains of those who signed the CRLs and OCSP answers of the case.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::chains::{Asked, Examiner};
use super::holdings::candidate;
use super::{ArtifactRecord, Case, CaseChain, ChainSubject};
use crate::chain::{Held, Holdings, Origin, Purpose};
use crate::pki::ocsp::{OcspResponse, ResponderId};
use crate::pki::signature::SignatureOutcome;
use crate::pki::{Artifact, Certificate, Crl, digest};
use crate::time::Timestamp;

/// Signers whose chains are examined. A capture of a busy proxy has thousands
/// of answers, of a few dozen responders.
const MAX_SIGNERS: usize = 200;

/// One chain for each certificate that signed CRLs or answers and each machine
/// that had one of these, as of the first of them.
#[must_use]
pub fn chains(case: &Case, examiner: &mut Examiner<'_>) -> Vec<CaseChain> {
    let mut told: Vec<([u8; 32], bool, Option<usize>)> = Vec::new();
    let mut chains = Vec::new();
    for (index, record) in case.artifacts.iter().enumerate() {
        let (signer, is_ocsp, made) = match &record.artifact {
            Artifact::Crl(crl) => (crl_signer(case, crl), false, crl.this_update),
            Artifact::Ocsp(ocsp) => {
                let Some(basic) = &ocsp.basic else { continue };
                (responder(ocsp), true, basic.produced_at)
            }
            Artifact::Certificate(_) | Artifact::Ctl(_) => continue,
        };
        let Some(signer) = signer else { continue };
        let Some(leaf) = case.position_of(&signer) else {
            continue;
        };
        for (machine, had_at) in had(record) {
            let key = (signer.sha256, is_ocsp, machine);
            if told.contains(&key) {
                continue;
            }
            if chains.len() >= MAX_SIGNERS {
                return chains;
            }
            told.push(key);
            let at = case.as_of.or(had_at).unwrap_or(made);
            let mut holdings = Holdings::clone(&examiner.of_machine(machine));
            if let Artifact::Ocsp(ocsp) = &record.artifact {
                let enclosed = ocsp.basic.iter().flat_map(|basic| &basic.certificates);
                let enclosed = enclosed.map(|it| Held::always(candidate(it, Origin::Enclosed)));
                holdings.candidates.extend(enclosed);
            }
            // The issuer of a site came with the site's list, which the same
            // validation had before it.
            holdings.candidates.extend(sent_to(case, machine));
            let subject = match is_ocsp {
                true => ChainSubject::OcspSigner {
                    ocsp: index,
                    machine,
                },
                false => ChainSubject::CrlSigner {
                    crl: index,
                    machine,
                },
            };
            let asked = Asked {
                subject,
                leaf,
                certificate: &signer,
                at,
                used_at: at,
                // That a responder is entitled, by its own usage and its issuer, is
                // judged with its answers; usages of its issuers do not count
                // there (RFC 6960 §4.2.2.2).
                purpose: Purpose::Any,
                host: None,
                machine,
                is_refused: false,
            };
            chains.push(examiner.examine(&asked, &holdings));
        }
    }
    chains
}

/// The machines that had an object, each with the first time.
fn had(record: &ArtifactRecord) -> Vec<(Option<usize>, Option<Timestamp>)> {
    let mut machines: BTreeMap<Option<usize>, Option<Timestamp>> = BTreeMap::new();
    for sighting in &record.seen {
        let first = machines.entry(sighting.machine).or_default();
        *first = [*first, sighting.at].into_iter().flatten().min();
    }
    machines.into_iter().collect()
}

/// Certificates that servers sent to a machine.
fn sent_to(
    case: &Case,
    machine: Option<usize>,
) -> impl Iterator<Item = Held<crate::chain::Candidate>> {
    let own = case
        .handshakes
        .iter()
        .filter(move |it| it.machine == machine);
    let sent = own.flat_map(|handshake| &handshake.artifacts);
    let mut sent: Vec<usize> = sent.copied().collect();
    sent.sort_unstable();
    sent.dedup();
    let sent = sent.into_iter().filter_map(|index| case.certificate(index));
    sent.map(|it| Held::always(candidate(it, Origin::Sent)))
}

/// The certificate in the evidence whose key signed a CRL.
fn crl_signer(case: &Case, crl: &Crl) -> Option<Arc<Certificate>> {
    let named = case.artifacts.iter().filter_map(|record| {
        let Artifact::Certificate(certificate) = &record.artifact else {
            return None;
        };
        (certificate.subject.der == crl.issuer.der).then_some(certificate)
    });
    let mut signed =
        named.filter(|it| crl.verify_signed_by(&it.public_key) == SignatureOutcome::Valid);
    signed.next().map(Arc::clone)
}

/// The certificate that an answer encloses for its signer. An answer that the
/// issuer signed itself encloses none; the issuer is in the chain it is about.
fn responder(ocsp: &OcspResponse) -> Option<Arc<Certificate>> {
    let basic = ocsp.basic.as_ref()?;
    let mut named = basic
        .certificates
        .iter()
        .filter(|certificate| match &basic.responder {
            ResponderId::Name(name) => name.der == certificate.subject.der,
            ResponderId::KeyHash(hash) => {
                digest::sha1(&certificate.public_key.key).as_slice() == hash
            }
        });
    named.next().map(Arc::clone)
}
