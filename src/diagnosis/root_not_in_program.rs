#![doc = include_str!("../../docs/rules/root-not-in-program.md")]

use super::inquiry::{Basis, Inquiry};
use super::proposal::{Precedence, Proposal, Rule, Stance};
use super::rejections::{Said, joined};
use super::roots::{self, RootKind};

/// The rule.
pub const RULE: Rule = Rule {
    id: "root-not-in-program",
    doc: include_str!("../../docs/rules/root-not-in-program.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let unlisted = roots::unlisted(inquiry).into_iter().filter_map(|it| {
        let date = it.list.clone().filter(|_| it.rejection.may_be_windows())?;
        if it.is_in_another_list(inquiry) {
            return None;
        }
        // A private or a made root has a rule of its own; that it is in no list
        // follows from what it is.
        let stance = match it.kind {
            RootKind::Plain => Stance::Cause,
            _ => Stance::Consequence,
        };
        let how = if it.root.is_some() {
            "has no entry for it"
        } else {
            "names it by neither key nor name"
        };
        Some(it.rejection.proposal(RULE.id, stance, Said {
            summary: format!(
                "The chain of {} ends at \"{}\", and the trust list of {date} {how}: only a store of the machine itself could trust it.",
                it.rejection.site, it.authority
            ),
            remedy: format!(
                "If \"{}\" is yours, deploy it to Trusted Root Certification Authorities of the machines that need it; otherwise use a certificate of an authority in the program. certutil -verifystore Root on the machine shows whether it is there.",
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
    joined(unlisted)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use crate::diagnosis::Role;
    use crate::diagnosis::diagnose;
    use crate::diagnosis::fixtures::{CTL, Story, at, trust_list};
    use crate::pki::Artifact;
    use crate::retrieval::{ObjectKind, Outcome};

    const WITH_ROOT: [&str; 3] = ["leaf", "issuing-ca", "site-root"];

    fn with_list(roots: &[&str]) -> Story {
        let list = trust_list(&["list-pca"], roots, at(-86_400));
        Story::new()
            .fetch(ObjectKind::Ctl, CTL, Outcome::Ok, (1, 2))
            .brings(&Artifact::Ctl(list))
    }

    #[test]
    fn a_root_that_the_list_of_the_day_lacks_is_the_cause_and_medium_without_stores() {
        let diagnosis = with_list(&["list-root"])
            .rejects(&WITH_ROOT, (9, 12))
            .diagnosis();
        assert_eq!(
            diagnosis.causes(),
            [("root-not-in-program", Role::RootCause, "medium")]
        );
        assert_eq!(
            diagnosis.findings[0].summary,
            "The chain of www.shop.example ends at \"Site Root\", and the trust list of 2026-05-31 has no entry for it: only a store of the machine itself could trust it."
        );
    }

    #[test]
    fn it_is_quiet_when_the_list_has_the_root_or_the_machine_trusts_it() {
        let listed = with_list(&["site-root", "list-root"]).rejects(&WITH_ROOT, (9, 12));
        assert!(
            listed
                .diagnosis()
                .not_excluded("root-not-in-program")
                .is_empty()
        );
        let case = with_list(&["list-root"])
            .rejects(&WITH_ROOT, (9, 12))
            .case_with(&["site-root"]);
        assert!(
            diagnose(&case, None)
                .not_excluded("root-not-in-program")
                .is_empty()
        );
    }

    #[test]
    fn it_is_quiet_without_a_list_of_the_day() {
        let diagnosis = Story::new().rejects(&WITH_ROOT, (9, 12)).diagnosis();
        assert!(diagnosis.causes().is_empty(), "{:?}", diagnosis.causes());
        assert_eq!(diagnosis.of("ctl-unknown").len(), 1);
    }

    #[test]
    fn a_root_that_nobody_captured_is_a_guess_unless_the_client_named_it() {
        let story = || with_list(&["list-root"]).rejects(&["leaf", "issuing-ca"], (9, 12));
        assert_eq!(
            story().diagnosis().causes(),
            [("root-not-in-program", Role::RootCause, "medium")]
        );
        let silent = story().handshake(|it| it.alert = None);
        assert_eq!(
            silent.diagnosis().causes(),
            [("root-not-in-program", Role::RootCause, "low")]
        );
    }

    #[test]
    fn it_is_quiet_when_the_certificate_itself_is_at_fault() {
        const YEAR: i64 = 365 * 86_400;
        let diagnosis = with_list(&["list-root"])
            .rejects(&WITH_ROOT, (YEAR, YEAR + 1))
            .diagnosis();
        assert!(diagnosis.not_excluded("root-not-in-program").is_empty());
    }
}
