#![doc = include_str!("../../docs/rules/unneeded-or-disordered-chain.md")]

use super::inquiry::Inquiry;
use super::proposal::{Precedence, Proposal, Rule, Stance};
use super::rejections::{SEEN, Said, joined, rejections};
use crate::pki::Certificate;

/// The rule.
pub const RULE: Rule = Rule {
    id: "unneeded-or-disordered-chain",
    doc: include_str!("../../docs/rules/unneeded-or-disordered-chain.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    // Tidiness alone is no finding on healthy evidence: it is said where
    // somebody asks why this list was refused.
    let found = rejections(inquiry).filter_map(|rejection| {
        let sent: Vec<&Certificate> = rejection
            .handshake
            .artifacts
            .iter()
            .filter_map(|index| inquiry.case.certificate(*index))
            .map(AsRef::as_ref)
            .collect();
        let what = oddity(&sent)?;
        Some(rejection.proposal(RULE.id, Stance::Observation, Said {
            summary: format!(
                "The server of {} sends {what}. Windows searches the whole list in any order; stricter clients may mind.",
                rejection.site
            ),
            remedy: "Send the server's certificate first, then each issuer once, in order, without the root.".to_owned(),
            basis: SEEN,
            precedence: Precedence::Shape,
            subject: rejection.site.to_owned(),
            cites: Vec::new(),
        }))
    });
    joined(found)
}

/// What is odd about a list. A root at its end is common and not worth a word.
fn oddity(sent: &[&Certificate]) -> Option<String> {
    for (at, certificate) in sent.iter().enumerate() {
        let before = sent.get(..at).unwrap_or_default();
        let name = certificate.subject.short();
        if before
            .iter()
            .any(|other| other.sha256 == certificate.sha256)
        {
            return Some(format!("\"{name}\" twice"));
        }
        let Some(below) = before.last() else { continue };
        if below.issuer.der == certificate.subject.der {
            continue;
        }
        let issues = sent.iter().any(|other| {
            other.issuer.der == certificate.subject.der && other.sha256 != certificate.sha256
        });
        return Some(if issues {
            format!("\"{name}\" out of order")
        } else {
            format!("\"{name}\", which has nothing to do with the rest")
        });
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use crate::diagnosis::Role;
    use crate::diagnosis::fixtures::Story;

    const RULE: &str = "unneeded-or-disordered-chain";

    fn said(sent: &[&str]) -> Option<String> {
        let diagnosis = Story::new().rejects(sent, (9, 12)).diagnosis();
        let finding = diagnosis.of(RULE).first().copied()?.clone();
        assert_eq!(finding.role, Role::Observation);
        Some(finding.summary)
    }

    #[test]
    fn disorder_and_strangers_are_told_and_explain_nothing() {
        assert!(
            said(&["leaf", "site-root", "issuing-ca"])
                .unwrap()
                .contains("\"Site Root\" out of order")
        );
        assert!(
            said(&["leaf", "issuing-ca", "list-pca"])
                .unwrap()
                .contains("\"List PCA\", which has nothing to do")
        );
    }

    #[test]
    fn it_is_quiet_for_a_list_in_order() {
        assert_eq!(said(&["leaf", "issuing-ca"]), None);
    }

    #[test]
    fn it_is_quiet_for_a_root_at_the_end() {
        assert_eq!(said(&["leaf", "issuing-ca", "site-root"]), None);
    }

    #[test]
    fn it_is_quiet_when_nothing_failed() {
        let diagnosis = Story::new()
            .rejects(&["leaf", "site-root", "issuing-ca"], (9, 12))
            .accepted()
            .diagnosis();
        assert!(diagnosis.of(RULE).is_empty());
    }
}
