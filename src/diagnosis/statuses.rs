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
    of_unknown(inquiry, rule, |_, status, element| {
        let told = element.status_sources.iter().find_map(|source| {
            let SourceSays::Nothing(fault) = &source.says else {
                return None;
            };
            tell(element, source, fault)
        });
        Some((told?, cites_of(inquiry, status)))
    })
}

/// Asks `tell` about every element whose status stayed unknown, in chains that
/// were rejected although nothing else was wrong with them.
pub fn of_unknown(
    inquiry: &Inquiry<'_>,
    rule: &'static str,
    tell: impl Fn(&Rejection<'_>, &ElementStatus, &Element) -> Option<(Told, Vec<Cite>)>,
) -> Vec<Proposal> {
    let unknown =
        not_revoked(inquiry).filter(|(_, status, _)| status.state == StatusState::Unknown);
    joined(unknown.filter_map(|(rejection, status, element)| {
        let (told, cites) = tell(&rejection, status, element)?;
        let said = Said {
            summary: told.summary,
            remedy: told.remedy.to_owned(),
            basis: basis(inquiry, &rejection),
            precedence: Precedence::Revocation,
            subject: element.certificate.subject.text.clone(),
            cites,
        };
        Some(rejection.proposal(rule, Stance::Cause, said))
    }))
}

/// Every element that no source says is revoked, in chains that were rejected
/// although nothing else was wrong with them.
pub fn not_revoked<'a>(
    inquiry: &'a Inquiry<'_>,
) -> impl Iterator<Item = (Rejection<'a>, &'a ElementStatus, &'a Element)> {
    let sound = rejections(inquiry).filter(|it| it.best.verdict != Verdict::Reject);
    sound.flat_map(|rejection| {
        let statuses = rejection.examined.status.iter();
        let open = statuses.filter(|it| it.state != StatusState::Revoked);
        open.filter_map(move |status| {
            let element = rejection.best.elements.get(status.element)?;
            Some((rejection, status, element))
        })
    })
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
    use crate::diagnosis::{Role, diagnose};
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

    /// A refusal after this object, when nothing else is wrong, has this cause.
    pub fn explains(rule: &str, name: &str) {
        let causes = refused_after(name).diagnosis();
        assert_eq!(causes.causes(), [(rule, Role::RootCause, "high")], "{name}");
    }

    /// The cause is proven when the root is known to be trusted.
    pub fn is_proven_under_a_given_root(rule: &str, name: &str) {
        let case = refused_after(name).case_with(&["site-root"]);
        let diagnosis = diagnose(&case, None);
        let level = diagnosis.of(rule)[0].confidence;
        assert_eq!(level.unwrap().word(), "proven");
    }

    /// The rule is quiet when a CRL or an answer in force comes too.
    pub fn is_quiet_beside_another_source(rule: &str, name: &str) {
        for (kind, url, other) in [
            (ObjectKind::Crl, CRL, "crl-in-force.crl"),
            (ObjectKind::Ocsp, OCSP, "ocsp-good.der"),
        ] {
            let served = refused_after(name)
                .fetch(kind, url, Outcome::Ok, (11, 12))
                .brings(&object(other));
            assert!(served.diagnosis().of(rule).is_empty(), "{other}");
        }
    }

    /// The rule is quiet for other objects, and nothing is the cause where the
    /// connection went on.
    pub fn is_quiet_for(rule: &str, others: &[&str], own: &str) {
        for name in others {
            let findings = refused_after(name).diagnosis();
            assert!(findings.of(rule).is_empty(), "{name}");
        }
        let accepted = refused_after(own).accepted();
        assert!(accepted.diagnosis().causes().is_empty());
    }
}
