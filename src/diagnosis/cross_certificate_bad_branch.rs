#![doc = include_str!("../../docs/rules/cross-certificate-bad-branch.md")]

use super::inquiry::{Basis, Inquiry};
use super::proposal::{Precedence, Proposal, Rule, Stance};
use super::rejections::{SEEN, Said, joined, rejections};
use crate::chain::CheckKind;
use crate::pki::{Artifact, Certificate, digest};

/// The rule.
pub const RULE: Rule = Rule {
    id: "cross-certificate-bad-branch",
    doc: include_str!("../../docs/rules/cross-certificate-bad-branch.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let found = rejections(inquiry).filter_map(|rejection| {
        let mut failed = rejection.failed_checks();
        let dead = |kind: CheckKind| matches!(kind, CheckKind::Validity | CheckKind::Distrust);
        let (_, element, check) = failed.find(|(position, _, check)| *position > 0 && dead(check.kind))?;
        let branch = &element.certificate;
        let other = other_branch(inquiry, branch, rejection.examined.as_of)?;
        let name = branch.subject.short();
        Some(rejection.proposal(RULE.id, Stance::Cause, Said {
            summary: format!(
                "Two ways lead up from \"{name}\" in the chain of {}: the one at hand through \"{}\" is dead ({}), and {other}, which the client did not have.",
                rejection.site,
                branch.issuer.short(),
                check.detail
            ),
            remedy: format!(
                "Let the server send the other certificate of \"{name}\" and drop the dead one from its list and from the machine's stores. A chain over the other branch shows that it worked."
            ),
            basis: Basis { inferred: 1, ..SEEN },
            precedence: Precedence::Shape,
            subject: branch.subject.text.clone(),
            cites: Vec::new(),
        }))
    });
    joined(found)
}

/// A living certificate of the same name and key that the chain does not use: in
/// the evidence, or named as a root by a list.
fn other_branch(
    inquiry: &Inquiry<'_>,
    dead: &Certificate,
    at: crate::time::Timestamp,
) -> Option<String> {
    for record in &inquiry.case.artifacts {
        if let Artifact::Certificate(other) = &record.artifact {
            let same = other.subject.der == dead.subject.der
                && other.public_key.der == dead.public_key.der
                && other.sha256 != dead.sha256;
            if same && other.not_before <= at && at <= other.not_after {
                return Some(format!(
                    "another one through \"{}\" is valid",
                    other.issuer.short()
                ));
            }
        }
    }
    let key = dead.subject_key_identifier.value()?;
    let name = digest::md5(&dead.subject.der);
    let listed = inquiry.case.authroot_lists().any(|(_, list)| {
        list.entries.iter().any(|entry| {
            entry.key_identifier.as_ref() == Some(key)
                && entry.subject_name_md5.as_deref() == Some(name.as_slice())
        })
    });
    listed.then(|| "the trust list has a root of its own for the same key".to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use crate::diagnosis::Role;
    use crate::diagnosis::fixtures::Story;

    const RULE: &str = "cross-certificate-bad-branch";

    #[test]
    fn a_dead_branch_is_the_cause_where_the_evidence_holds_a_living_one() {
        let diagnosis = Story::new()
            .rejects(&["leaf", "issuing-ca-cross"], (9, 12))
            .rejects(&["leaf", "issuing-ca"], (900, 901))
            .accepted()
            .diagnosis();
        assert_eq!(diagnosis.causes()[0], (RULE, Role::RootCause, "medium"));
    }

    #[test]
    fn it_is_quiet_when_the_client_had_both() {
        let diagnosis = Story::new()
            .rejects(&["leaf", "issuing-ca-cross", "issuing-ca"], (9, 12))
            .diagnosis();
        assert!(diagnosis.of(RULE).is_empty());
    }

    #[test]
    fn it_is_quiet_when_there_is_only_one_way() {
        let diagnosis = Story::new()
            .rejects(&["leaf", "issuing-ca-cross"], (9, 12))
            .diagnosis();
        assert!(diagnosis.of(RULE).is_empty());
        assert_eq!(diagnosis.causes()[0].0, "issuer-expired");
    }
}
