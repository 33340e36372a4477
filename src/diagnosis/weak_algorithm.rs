#![doc = include_str!("../../docs/rules/weak-algorithm.md")]

use super::inquiry::{Basis, Inquiry};
use super::proposal::{Precedence, Proposal, Rule, Stance};
use super::rejections::{Rejection, SEEN, Said, joined, rejections};
use crate::chain::CheckKind;
use crate::chain::RootTrust;
use crate::time::Timestamp;

/// The rule.
pub const RULE: Rule = Rule {
    id: "weak-algorithm",
    doc: include_str!("../../docs/rules/weak-algorithm.md"),
    apply,
};

/// 2017-05-09: Internet Explorer and Edge refuse SHA-1 below a root of the
/// program (Microsoft Security Advisory 4010323).
const SHA1_FROM: i64 = 1_494_288_000;
/// sha1WithRSAEncryption, ecdsa-with-SHA1, dsa-with-sha1.
const SHA1: [&str; 3] = [
    "1.2.840.113549.1.1.5",
    "1.2.840.10045.4.1",
    "1.2.840.10040.4.3",
];

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let found = rejections(inquiry).filter_map(|rejection| {
        let mut failed = rejection.failed_checks();
        let refused = failed.find(|(_, _, check)| check.kind == CheckKind::Strength);
        let (name, detail, basis) = match refused {
            Some((_, element, check)) => {
                (element.certificate.subject.short(), check.detail.clone(), Basis { checked: false, ..SEEN })
            }
            None => {
                // Which program validated, and whether it has the policy, is not seen.
                let basis = Basis { checked: false, inferred: 1, ..SEEN };
                (sha1_below_program_root(&rejection)?, "its signature uses SHA-1 below a root of the program, which Windows' browsers refuse since 2017-05-09".to_owned(), basis)
            }
        };
        Some(rejection.proposal(RULE.id, Stance::Cause, Said {
            summary: format!(
                "The chain of {} relies on a method that counts as breakable, in \"{name}\": {detail}.",
                rejection.site
            ),
            remedy: "Issue the certificate again with SHA-256 and an RSA key of 2048 bits or a P-256 key. A chain without the weak element shows that it worked.".to_owned(),
            basis,
            precedence: Precedence::Content,
            subject: name.to_owned(),
            cites: Vec::new(),
        }))
    });
    joined(found)
}

/// The certificate below a root of the program that is signed with SHA-1. The
/// signature of the root itself counts for nothing.
fn sha1_below_program_root<'a>(rejection: &Rejection<'a>) -> Option<&'a str> {
    let in_program = matches!(
        rejection.best.root,
        RootTrust::Listed | RootTrust::ListedByName { .. }
    );
    let refused_by_then =
        Timestamp::from_unix(SHA1_FROM, 0).is_some_and(|from| rejection.failure.at >= from);
    if !in_program
        || !refused_by_then
        || !rejection.may_be_windows()
        || rejection.examined.has_fault()
    {
        return None;
    }
    let mut elements = rejection
        .best
        .elements
        .iter()
        .map(|element| &element.certificate);
    let weak = elements
        .find(|it| !it.is_self_issued() && SHA1.contains(&it.signature_algorithm.oid.as_str()))?;
    Some(weak.subject.short())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use crate::chain::{CheckKind, TrustStatus};
    use crate::diagnosis::fixtures::{Story, failed_check};
    use crate::diagnosis::{Role, diagnose};

    const FULL: [&str; 3] = ["leaf", "issuing-ca", "site-root"];

    fn story() -> Story {
        Story::new().rejects(&FULL, (9, 12))
    }

    #[test]
    fn a_method_that_windows_refuses_is_the_cause() {
        let mut case = story().case();
        let bits = TrustStatus::HAS_WEAK_SIGNATURE | TrustStatus::IS_NOT_SIGNATURE_VALID;
        failed_check(
            &mut case,
            1,
            CheckKind::Strength,
            bits,
            "the signature uses MD5, which Windows refuses",
        );
        let diagnosis = diagnose(&case, None);
        assert_eq!(
            diagnosis.causes(),
            [("weak-algorithm", Role::RootCause, "high")]
        );
    }

    #[test]
    fn it_is_quiet_for_current_methods() {
        assert!(story().diagnosis().of("weak-algorithm").is_empty());
    }

    #[test]
    fn it_is_quiet_for_a_signature_that_is_simply_wrong() {
        let mut case = story().case();
        failed_check(
            &mut case,
            1,
            CheckKind::Signature,
            TrustStatus::IS_NOT_SIGNATURE_VALID,
            "it does not verify",
        );
        let diagnosis = diagnose(&case, None);
        assert!(diagnosis.of("weak-algorithm").is_empty());
        assert_eq!(diagnosis.causes()[0].0, "signature-invalid");
    }
}
