#![doc = include_str!("../../docs/rules/issuer-name-match-key-mismatch.md")]

use super::inquiry::{Basis, Inquiry};
use super::proposal::{Precedence, Proposal, Rule, Stance};
use super::rejections::{SEEN, Said, joined, rejections};
use crate::case::ArtifactSource;
use crate::case::questions::issued;
use crate::pki::{Artifact, Certificate};
use crate::provenance::Cite;

/// The rule.
pub const RULE: Rule = Rule {
    id: "issuer-name-match-key-mismatch",
    doc: include_str!("../../docs/rules/issuer-name-match-key-mismatch.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let found = rejections(inquiry).filter_map(|rejection| {
        let child = rejection.child_of_missing()?;
        let machine = rejection.failure.machine;
        let mut found: Option<(&Certificate, Cite, bool)> = None;
        for record in &inquiry.case.artifacts {
            let Artifact::Certificate(candidate) = &record.artifact else {
                continue;
            };
            if candidate.subject.der != child.issuer.der || issued(candidate, child) || !other_key(candidate, child) {
                continue;
            }
            // What this server sent, or what this machine had by then.
            let sighting = record.seen.iter().find(|sighting| match sighting.source {
                ArtifactSource::Handshake(index) => Some(index) == rejection.failure.handshake,
                ArtifactSource::File => false,
                _ => sighting.machine == machine && sighting.at.is_some_and(|at| at <= rejection.failure.at),
            });
            if let Some(sighting) = sighting {
                let sent = matches!(sighting.source, ArtifactSource::Handshake(_));
                found = Some((candidate, sighting.cite.clone(), sent));
                break;
            }
        }
        let (candidate, cite, sent) = found?;
        let issuer = child.issuer.short();
        let whence = if sent { "the server sent" } else { "the machine had" };
        Some(rejection.proposal(RULE.id, Stance::Cause, Said {
            summary: format!(
                "For {}, {whence} a certificate of the right name \"{issuer}\" ({} to {}) with another key: the authority has had more than one, and this one did not sign \"{}\".",
                rejection.site,
                day(candidate.not_before), day(candidate.not_after),
                child.subject.short()
            ),
            remedy: format!(
                "Serve or install the certificate of \"{issuer}\" whose key identifier is the one that \"{}\" names, and delete the other from list and cache. A chain whose signatures verify shows that it worked.",
                child.subject.short()
            ),
            basis: Basis {
                // A copy in the machine's cache is used only if nothing better is in its stores.
                inferred: u8::from(!sent),
                ..SEEN
            },
            precedence: Precedence::Shape,
            subject: child.issuer.text.clone(),
            cites: vec![cite],
        }))
    });
    joined(found)
}

/// True when the child says that its issuer has another key than this one.
fn other_key(candidate: &Certificate, child: &Certificate) -> bool {
    let wanted = child.authority_key_identifier.value();
    let wanted = wanted.and_then(|identifier| identifier.key_identifier.as_ref());
    match (wanted, candidate.subject_key_identifier.value()) {
        (Some(wanted), Some(found)) => wanted != found,
        _ => false,
    }
}

fn day(at: crate::time::Timestamp) -> String {
    at.to_display().get(..10).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use crate::diagnosis::Role;
    use crate::diagnosis::fixtures::{AIA, Story, certificate};
    use crate::pki::Artifact;
    use crate::retrieval::{ObjectKind, Outcome};

    const RULE: &str = "issuer-name-match-key-mismatch";

    #[test]
    fn an_issuer_certificate_with_an_older_key_is_the_cause() {
        let diagnosis = Story::new()
            .rejects(&["leaf", "issuing-ca-old-key"], (9, 12))
            .diagnosis();
        assert_eq!(diagnosis.causes(), [(RULE, Role::RootCause, "proven")]);
    }

    #[test]
    fn an_old_copy_from_the_address_of_the_issuer_is_medium() {
        let old = Artifact::Certificate(certificate("issuing-ca-old-key"));
        let diagnosis = Story::new()
            .fetch(ObjectKind::AiaCert, AIA, Outcome::Ok, (10, 11))
            .brings(&old)
            .rejects(&["leaf"], (9, 12))
            .diagnosis();
        assert_eq!(diagnosis.causes(), [(RULE, Role::RootCause, "medium")]);
    }

    #[test]
    fn it_is_quiet_when_the_right_one_is_at_hand_too() {
        let diagnosis = Story::new()
            .rejects(&["leaf", "issuing-ca-old-key", "issuing-ca"], (9, 12))
            .diagnosis();
        assert!(diagnosis.of(RULE).is_empty());
    }

    #[test]
    fn it_is_quiet_for_a_stranger() {
        let diagnosis = Story::new()
            .rejects(&["leaf", "list-pca"], (9, 12))
            .diagnosis();
        assert!(diagnosis.of(RULE).is_empty());
    }
}
