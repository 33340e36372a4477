#![doc = include_str!("../../docs/rules/ctl-signature-or-content-invalid.md")]

use super::inquiry::{Basis, Inquiry, confidence};
use super::list_faults::{Fault, explained, list_faults};
use super::proposal::{Proposal, Rule, Stance};
use super::rejections::joined;
use crate::case::ArtifactSource;

/// The rule.
pub const RULE: Rule = Rule {
    id: "ctl-signature-or-content-invalid",
    doc: include_str!("../../docs/rules/ctl-signature-or-content-invalid.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let faults = list_faults(inquiry.case);
    let found = faults.iter().filter_map(|fault| {
        let how = match &fault.what {
            Fault::SignerExpired => return None,
            Fault::Signature(why) => format!("its signature does not fit ({why})"),
            Fault::SignerUsage => "its signer is not one for lists of roots (no usage 1.3.6.1.4.1.311.10.3.9)".to_owned(),
        };
        let poor = match fault.place {
            ArtifactSource::Retrieval(index) => {
                inquiry.retrieval(index).is_some_and(|retrieval| inquiry.is_poor(retrieval))
            }
            _ => false,
        };
        let date = fault.ctl.this_update.to_display();
        // A second copy of the same list tells damage from a foreign list.
        let twin = inquiry.case.artifacts.iter().any(|record| {
            matches!(&record.artifact, crate::pki::Artifact::Ctl(other)
                if other.sha256 != fault.ctl.sha256
                    && other.sequence_number.is_some()
                    && other.sequence_number == fault.ctl.sequence_number)
        });
        let twin = if twin {
            " Another copy of the same list in this evidence has other bytes."
        } else {
            ""
        };
        Some(Proposal {
            rule: RULE.id,
            stance: Stance::Cause,
            confidence: Some(confidence(Basis {
                checked: true,
                fault_seen: true,
                reaction_seen: true,
                poor_capture: poor,
                ..Basis::default()
            })),
            summary: format!(
                "The trust list of {} arrived whole, and {how}: it was damaged or changed on the way.{twin}",
                date.get(..10).unwrap_or_default()
            ),
            remedy: "Fetch the list on another line and compare the hashes; suspect a proxy that rewrites. A signer that is not Microsoft's is a security incident. A list whose signature verifies shows that it worked.".to_owned(),
            cites: fault.cites.clone(),
            explains: explained(inquiry, fault),
            subject: date,
        })
    });
    joined(found)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use std::sync::Arc;

    use crate::diagnosis::Role;
    use crate::diagnosis::fixtures::{CTL, Story, alice, at, certificate, system, trust_list};
    use crate::pki::{Artifact, Ctl};

    use crate::pki::signature::SignatureOutcome;
    use crate::retrieval::{ObjectKind, Outcome};

    const RULE: &str = "ctl-signature-or-content-invalid";

    fn list(change: impl Fn(&mut Ctl)) -> Artifact {
        let mut list = (*trust_list(&["list-pca"], &["site-root"], at(-86_400))).clone();
        change(&mut list);
        Artifact::Ctl(Arc::new(list))
    }

    fn fetched(list: &Artifact) -> Story {
        Story::new()
            .fetch(ObjectKind::Ctl, CTL, Outcome::Ok, (10, 11))
            .brings(list)
    }

    fn broken() -> Artifact {
        list(|it| {
            it.signature = Some(SignatureOutcome::Invalid(
                "messageDigest differs".to_owned(),
            ))
        })
    }

    #[test]
    fn a_whole_list_whose_signature_is_wrong_is_the_cause() {
        let diagnosis = fetched(&broken())
            .rejects(&["leaf", "issuing-ca"], (9, 12))
            .diagnosis();
        assert_eq!(diagnosis.causes(), [(RULE, Role::RootCause, "proven")]);
        assert_eq!(
            diagnosis.findings[0].explains.len(),
            2,
            "the site waited for it"
        );
    }

    #[test]
    fn a_signer_that_is_not_for_lists_counts_as_well() {
        let foreign = list(|it| it.signer = Some(certificate("leaf")));
        assert_eq!(
            fetched(&foreign).diagnosis().causes(),
            [(RULE, Role::RootCause, "proven")]
        );
    }

    #[test]
    fn it_is_quiet_for_a_list_that_verifies_or_cannot_be_verified() {
        for outcome in [
            Some(SignatureOutcome::Valid),
            Some(SignatureOutcome::Unsupported("x".to_owned())),
            None,
        ] {
            let fine = list(|it| it.signature = outcome.clone());
            assert!(fetched(&fine).diagnosis().of(RULE).is_empty());
        }
    }

    #[test]
    fn it_is_quiet_when_the_body_did_not_arrive_whole() {
        let cut = fetched(&broken()).with(|it| it.body.as_mut().unwrap().complete = false);
        assert!(cut.diagnosis().of(RULE).is_empty());
    }

    #[test]
    fn the_cache_of_an_account_is_looked_at_too() {
        let cached = Story::new().cached(system(), CTL, &broken(), -100);
        let _ = alice();
        assert_eq!(
            cached.diagnosis().causes(),
            [(RULE, Role::RootCause, "proven")]
        );
    }
}
