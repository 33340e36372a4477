#![doc = include_str!("../../docs/rules/critical-extension-or-malformed.md")]

use super::inquiry::{Basis, Inquiry};
use super::proposal::{Precedence, Proposal, Rule, Stance};
use super::rejections::{SEEN, Said, joined, rejections};
use crate::chain::CheckKind;

/// The rule.
pub const RULE: Rule = Rule {
    id: "critical-extension-or-malformed",
    doc: include_str!("../../docs/rules/critical-extension-or-malformed.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let found = rejections(inquiry).filter_map(|rejection| {
        let mut failed = rejection.failed_checks();
        let (_, element, check) = failed.find(|(_, _, check)| {
            matches!(check.kind, CheckKind::CriticalExtensions | CheckKind::Extensions)
        })?;
        // Which extensions a Windows knows hangs on its version and on what is
        // installed there; what cannot be decoded, nobody decodes.
        let unknown = check.kind == CheckKind::CriticalExtensions;
        let name = element.certificate.subject.short();
        let what = if unknown {
            "demands that the verifier knows an extension it may not know"
        } else {
            "is not well formed"
        };
        Some(rejection.proposal(RULE.id, Stance::Cause, Said {
            summary: format!(
                "In the chain of {}, the certificate \"{name}\" {what}: {}.",
                rejection.site, check.detail
            ),
            remedy: "Issue the certificate again without the extension, or with it not critical and well encoded. certutil -dump of it without complaints shows that it worked.".to_owned(),
            basis: Basis {
                checked: !unknown,
                ..SEEN
            },
            precedence: Precedence::Content,
            subject: element.certificate.subject.text.clone(),
            cites: Vec::new(),
        }))
    });
    joined(found)
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

    fn with(kind: CheckKind, bits: TrustStatus) -> crate::diagnosis::Diagnosis {
        let mut case = story().case();
        failed_check(&mut case, 0, kind, bits, "unknown critical: 1.2.3.4");
        diagnose(&case, None)
    }

    #[test]
    fn an_unknown_critical_extension_is_high_and_one_that_cannot_be_read_is_proven() {
        let rule = "critical-extension-or-malformed";
        let unknown = with(
            CheckKind::CriticalExtensions,
            TrustStatus::HAS_NOT_SUPPORTED_CRITICAL_EXT,
        );
        assert_eq!(unknown.causes(), [(rule, Role::RootCause, "high")]);
        let broken = with(CheckKind::Extensions, TrustStatus::INVALID_EXTENSION);
        assert_eq!(broken.causes(), [(rule, Role::RootCause, "proven")]);
    }

    #[test]
    fn it_is_quiet_for_extensions_that_everybody_knows() {
        assert!(
            story()
                .diagnosis()
                .of("critical-extension-or-malformed")
                .is_empty()
        );
    }

    #[test]
    fn it_is_quiet_for_a_wrong_usage() {
        let usage = with(
            CheckKind::ExtendedKeyUsage,
            TrustStatus::IS_NOT_VALID_FOR_USAGE,
        );
        assert!(usage.of("critical-extension-or-malformed").is_empty());
    }
}
