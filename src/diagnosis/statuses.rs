//! Rejected validations with what is known of the status of their certificates:
//! what the rules about CRLs and OCSP answers start from.

use super::inquiry::{Basis, Inquiry};
use super::proposal::{Precedence, Proposal, Stance};
use super::rejections::{Rejection, Said, joined, rejections};
use crate::case::status::{ElementStatus, StatusState};
use crate::chain::{Element, SourceSays, StatusFault, StatusSource, Verdict};
use crate::provenance::Cite;
use crate::retrieval::ObjectKind;

/// What a rule says of a source that did not count.
pub struct Told {
    /// One sentence.
    pub summary: String,
    /// What to do.
    pub remedy: &'static str,
}

/// Asks `tell` about every source that did not count, for every element of a
/// rejected chain whose status stayed unknown. One answer per element.
pub fn proposals(
    inquiry: &Inquiry<'_>,
    rule: &'static str,
    tell: impl Fn(&Element, &StatusSource, &StatusFault) -> Option<Told>,
) -> Vec<Proposal> {
    let mut found = Vec::new();
    for rejection in rejections(inquiry).filter(|it| it.best.verdict != Verdict::Reject) {
        let unknown = rejection.examined.status.iter();
        for status in unknown.filter(|it| it.state == StatusState::Unknown) {
            let Some(element) = rejection.best.elements.get(status.element) else {
                continue;
            };
            let told = element.status_sources.iter().find_map(|source| {
                let SourceSays::Nothing(fault) = &source.says else {
                    return None;
                };
                tell(element, source, fault)
            });
            let Some(told) = told else { continue };
            let said = Said {
                summary: told.summary,
                remedy: told.remedy.to_owned(),
                basis: basis(inquiry, &rejection),
                precedence: Precedence::Revocation,
                subject: element.certificate.subject.text.clone(),
                cites: cites_of(inquiry, status),
            };
            found.push(rejection.proposal(rule, Stance::Cause, said));
        }
    }
    joined(found)
}

/// Many programs go on without a status. That this one insists shows when it
/// asked for one while the handshake waited, and then gave up; whether its root
/// was trusted must be known for more than that.
pub fn basis(inquiry: &Inquiry<'_>, rejection: &Rejection<'_>) -> Basis {
    let all = inquiry.case.retrievals.iter();
    let asked = all
        .zip(&inquiry.case.retrieval_machines)
        .any(|(retrieval, owner)| {
            let is_status = matches!(
                retrieval.object,
                ObjectKind::Crl | ObjectKind::DeltaCrl | ObjectKind::Ocsp
            );
            is_status
                && *owner == rejection.failure.machine
                && retrieval.started_at >= rejection.handshake.at
                && retrieval.started_at <= rejection.failure.at
        });
    Basis {
        checked: rejection.best.verdict == Verdict::Accept,
        fault_seen: true,
        reaction_seen: true,
        inferred: u8::from(!asked),
        poor_capture: false,
    }
}

/// Where the copies of an element's status were seen.
pub fn cites_of(inquiry: &Inquiry<'_>, status: &ElementStatus) -> Vec<Cite> {
    let mut artifacts: Vec<usize> = status.copies.iter().map(|copy| copy.artifact).collect();
    artifacts.sort_unstable();
    artifacts.dedup();
    let records = artifacts
        .into_iter()
        .filter_map(|index| inquiry.case.artifacts.get(index));
    let seen = records.flat_map(|record| &record.seen);
    seen.map(|sighting| sighting.cite.clone()).collect()
}

#[cfg(test)]
pub mod samples {
    //! CRLs and OCSP answers of `tests/data/diagnosis/`.
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use crate::diagnosis::fixtures::{CRL, OCSP, Story};
    use crate::pki::{Artifact, read_object};
    use crate::retrieval::{ObjectKind, Outcome};

    /// The object of a file.
    pub fn object(name: &str) -> Artifact {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/diagnosis");
        let bytes = std::fs::read(folder.join(name)).unwrap();
        read_object(&bytes).artifacts.swap_remove(0)
    }

    /// A site that is refused after this CRL or answer came.
    pub fn refused_after(name: &str) -> Story {
        let (kind, url) = match name.ends_with(".crl") {
            true => (ObjectKind::Crl, CRL),
            false => (ObjectKind::Ocsp, OCSP),
        };
        Story::new()
            .fetch(kind, url, Outcome::Ok, (10, 11))
            .brings(&object(name))
            .rejects(&["leaf", "issuing-ca"], (9, 12))
    }
}
