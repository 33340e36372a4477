#![doc = include_str!("../../docs/rules/ocsp-unknown.md")]

use super::inquiry::Inquiry;
use super::proposal::{Proposal, Rule};
use super::statuses::{self, Told};
use crate::chain::{SourceKind, StatusFault};

/// The rule.
pub const RULE: Rule = Rule {
    id: "ocsp-unknown",
    doc: include_str!("../../docs/rules/ocsp-unknown.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    statuses::proposals(inquiry, RULE.id, |element, source, fault| {
        if *fault != StatusFault::UnknownToResponder || source.kind != SourceKind::Ocsp {
            return None;
        }
        let name = element.certificate.subject.short();
        Some(Told {
            summary: format!(
                "The OCSP responder does not know \"{name}\" (answer of {}), and no CRL served instead.",
                source.this_update
            ),
            remedy: "Check that the certificate was issued by the CA that this responder serves. An answer of good shows that it worked.",
        })
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use crate::diagnosis::Role;
    use crate::diagnosis::fixtures::{CRL, OCSP};
    use crate::diagnosis::statuses::samples::{object, refused_after};
    use crate::retrieval::{ObjectKind, Outcome};

    const RULE: &str = "ocsp-unknown";

    #[test]
    fn it_explains_a_refusal_after_which_nothing_else_is_wrong() {
        let name = "ocsp-unknown.der";
        let diagnosis = refused_after(name).diagnosis();
        assert_eq!(
            diagnosis.causes(),
            [(RULE, Role::RootCause, "high")],
            "{name}"
        );
    }

    #[test]
    fn it_is_proven_when_the_root_is_known_to_be_trusted() {
        let case = refused_after(["ocsp-unknown.der"][0]).case_with(&["site-root"]);
        let diagnosis = crate::diagnosis::diagnose(&case, None);
        let level = diagnosis.of(RULE)[0].confidence;
        assert_eq!(level.unwrap().word(), "proven");
    }

    #[test]
    fn it_is_quiet_when_another_source_serves() {
        let by_crl = refused_after(["ocsp-unknown.der"][0])
            .fetch(ObjectKind::Crl, CRL, Outcome::Ok, (11, 12))
            .brings(&object("crl-in-force.crl"));
        assert!(by_crl.diagnosis().of(RULE).is_empty());
        let by_answer = refused_after(["ocsp-unknown.der"][0])
            .fetch(ObjectKind::Ocsp, OCSP, Outcome::Ok, (11, 12))
            .brings(&object("ocsp-good.der"));
        assert!(by_answer.diagnosis().of(RULE).is_empty());
    }

    #[test]
    fn it_is_quiet_for_its_look_alikes_and_for_a_connection_that_went_on() {
        for name in ["ocsp-stale.der", "ocsp-good.der", "ocsp-revoked.der"] {
            assert!(
                refused_after(name).diagnosis().of(RULE).is_empty(),
                "{name}"
            );
        }
        let accepted = refused_after(["ocsp-unknown.der"][0]).accepted();
        assert!(accepted.diagnosis().causes().is_empty());
    }
}
