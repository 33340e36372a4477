#![doc = include_str!("../../docs/rules/private-root-not-deployed.md")]

use super::inquiry::{Basis, Inquiry};
use super::proposal::{Precedence, Proposal, Rule, Stance};
use super::rejections::{Said, joined};
use super::roots::{self, RootKind};

/// The rule.
pub const RULE: Rule = Rule {
    id: "private-root-not-deployed",
    doc: include_str!("../../docs/rules/private-root-not-deployed.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let own = roots::unlisted(inquiry).into_iter().filter_map(|it| {
        if it.kind != RootKind::Private {
            return None;
        }
        let what = if it.root.is_some() { "root" } else { "authority" };
        Some(it.rejection.proposal(RULE.id, Stance::Cause, Said {
            summary: format!(
                "The certificate of {} comes from an organization's own {what} \"{}\", {}; {}.",
                it.rejection.site, it.authority, it.listing(), it.installed()
            ),
            remedy: format!(
                "Deploy \"{}\" to Local Computer > Trusted Root Certification Authorities by group policy or device management (a root that signs through others needs them in Intermediate Certification Authorities). certutil -verifystore Root on the machine shows whether it is there.",
                it.authority
            ),
            basis: Basis {
                fault_seen: true,
                reaction_seen: true,
                inferred: it.inferred(),
                ..Basis::default()
            },
            precedence: Precedence::Shape,
            subject: it.authority.clone(),
            cites: Vec::new(),
        }))
    });
    joined(own)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use crate::diagnosis::Role;
    use crate::diagnosis::diagnose;
    use crate::diagnosis::fixtures::Story;

    fn visit(certificates: &[&str]) -> Story {
        Story::new()
            .rejects(certificates, (9, 12))
            .handshake(|it| it.site = Some("intranet.corp.example".to_owned()))
    }

    #[test]
    fn an_own_authority_that_is_not_known_to_be_installed_is_medium() {
        let diagnosis = visit(&["corp-leaf", "corp-root"]).diagnosis();
        assert_eq!(
            diagnosis.causes(),
            [("private-root-not-deployed", Role::RootCause, "medium")]
        );
    }

    #[test]
    fn a_root_that_was_not_sent_is_named_by_its_child_where_the_client_says_unknown_ca() {
        let told = visit(&["corp-leaf"]).diagnosis();
        assert_eq!(
            told.causes(),
            [("private-root-not-deployed", Role::RootCause, "medium")]
        );
        let silent = visit(&["corp-leaf"])
            .handshake(|it| it.alert = None)
            .diagnosis();
        assert_eq!(
            silent.causes(),
            [("private-root-not-deployed", Role::RootCause, "low")]
        );
    }

    #[test]
    fn it_is_quiet_when_the_machine_trusts_the_root() {
        let case = visit(&["corp-leaf", "corp-root"]).case_with(&["corp-root"]);
        assert!(
            diagnose(&case, None)
                .of("private-root-not-deployed")
                .is_empty()
        );
    }

    #[test]
    fn it_is_quiet_for_an_authority_that_looks_public() {
        let public = Story::new().rejects(&["leaf", "issuing-ca", "site-root"], (9, 12));
        assert!(
            public
                .diagnosis()
                .of("private-root-not-deployed")
                .is_empty()
        );
    }
}
