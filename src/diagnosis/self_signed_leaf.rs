#![doc = include_str!("../../docs/rules/self-signed-leaf.md")]

use super::inquiry::{Basis, Inquiry, confidence};
use super::proposal::{Precedence, Proposal, Rule, Stance};
use crate::pki::Certificate;
use crate::pki::signature::SignatureOutcome;

/// The rule.
pub const RULE: Rule = Rule {
    id: "self-signed-leaf",
    doc: include_str!("../../docs/rules/self-signed-leaf.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let mut proposals = Vec::new();
    for (index, _) in inquiry.failures.iter().enumerate() {
        let Some(handshake) = inquiry.handshake_of(index) else {
            continue;
        };
        let [leaf] = handshake.artifacts.as_slice() else {
            continue;
        };
        let Some(leaf) = inquiry.case.certificate(*leaf) else {
            continue;
        };
        if !is_self_signed(leaf) {
            continue;
        }
        let site = handshake.site.as_deref().unwrap_or("the site");
        proposals.push(Proposal {
            rule: RULE.id,
            stance: Stance::Cause,
            confidence: Some(confidence(Basis {
                checked: true,
                fault_seen: true,
                reaction_seen: true,
                ..Basis::default()
            })),
            summary: format!(
                "The server of {site} signed its certificate \"{}\" itself: nobody whom Windows trusts vouches for it.",
                leaf.subject.short()
            ),
            remedy: format!(
                "Give {site} a certificate of a CA that the machine trusts, or install this one deliberately. A handshake that goes on to application data shows that it worked."
            ),
            cites: handshake.cites.clone(),
            explains: vec![(index, Precedence::Shape)],
            subject: format!("{site} {}", leaf.subject.text),
        });
    }
    proposals
}

/// Same name above and below is not enough: the key must have made the signature.
fn is_self_signed(leaf: &Certificate) -> bool {
    leaf.is_self_issued() && leaf.verify_signed_by(&leaf.public_key) == SignatureOutcome::Valid
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;
    use crate::diagnosis::Role;
    use crate::diagnosis::fixtures::{Story, certificate};

    #[test]
    fn a_server_that_vouches_for_itself_is_the_cause() {
        let diagnosis = Story::new().rejects(&["corp-root"], (9, 12)).diagnosis();
        let found = (RULE.id, Role::RootCause, "proven");
        assert!(
            diagnosis.causes().contains(&found),
            "{:?}",
            diagnosis.causes()
        );
    }

    #[test]
    fn it_is_quiet_where_the_client_went_on() {
        let accepted = Story::new().rejects(&["corp-root"], (9, 12)).accepted();
        assert!(accepted.diagnosis().of(RULE.id).is_empty());
    }

    #[test]
    fn it_is_quiet_for_a_root_above_the_certificate_of_the_server() {
        for list in [&["corp-leaf", "corp-root"][..], &["corp-leaf"]] {
            let diagnosis = Story::new().rejects(list, (9, 12)).diagnosis();
            assert!(diagnosis.not_excluded(RULE.id).is_empty());
        }
    }

    #[test]
    fn the_same_name_above_and_below_is_not_enough() {
        let mut other = (*certificate("site-root")).clone();
        assert!(is_self_signed(&other));
        other.public_key = certificate("list-root").public_key.clone();
        assert!(!is_self_signed(&other));
    }
}
