#![doc = include_str!("../../docs/rules/explicitly-distrusted.md")]

use super::inquiry::{Basis, Inquiry};
use super::proposal::{Precedence, Proposal, Rule, Stance};
use super::rejections::{Rejection, SEEN, Said, joined, rejections};
use crate::chain::CheckKind;
use crate::pki::Artifact;
use crate::pki::ctl::CtlKind;
use crate::provenance::Cite;

/// The rule.
pub const RULE: Rule = Rule {
    id: "explicitly-distrusted",
    doc: include_str!("../../docs/rules/explicitly-distrusted.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let found = rejections(inquiry).filter_map(|rejection| {
        let mut failed = rejection.failed_checks();
        let (position, element, check) =
            failed.find(|(_, _, check)| check.kind == CheckKind::Distrust)?;
        let name = element.certificate.subject.short();
        let what = if position == 0 {
            format!("The certificate of {} itself", rejection.site)
        } else {
            format!("\"{name}\", above the certificate of {},", rejection.site)
        };
        let (own, cites) = list_of(inquiry, &rejection);
        let doubt = if own {
            ""
        } else {
            " The list is not shown to have been on this machine by then."
        };
        Some(rejection.proposal(RULE.id, Stance::Cause, Said {
            summary: format!("{what} is distrusted on purpose: {}.{doubt}", check.detail),
            remedy: "Do not work around it. Replace the certificate by one of another authority, and find out why it was distrusted: a stolen key or a false certificate is an incident of its own.".to_owned(),
            basis: Basis {
                inferred: u8::from(!own),
                ..SEEN
            },
            precedence: Precedence::Withdrawn,
            subject: element.certificate.subject.text.clone(),
            cites,
        }))
    });
    joined(found)
}

/// Whether a list of distrusted certificates was on the machine by then, and
/// where the lists were seen.
fn list_of(inquiry: &Inquiry<'_>, rejection: &Rejection<'_>) -> (bool, Vec<Cite>) {
    let failure = rejection.failure;
    let lists = inquiry.case.artifacts.iter().filter(
        |record| matches!(&record.artifact, Artifact::Ctl(ctl) if ctl.kind == CtlKind::Disallowed),
    );
    let mut own = false;
    let mut cites = Vec::new();
    for sighting in lists.flat_map(|record| &record.seen) {
        own |=
            sighting.machine == failure.machine && sighting.at.is_some_and(|at| at <= failure.at);
        cites.push(sighting.cite.clone());
    }
    (own, cites)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use std::sync::Arc;

    use crate::diagnosis::Role;
    use crate::diagnosis::fixtures::{DISALLOWED, Story, at, certificate, trust_list};
    use crate::pki::Artifact;
    use crate::pki::ctl::CtlKind;
    use crate::retrieval::{ObjectKind, Outcome};

    const RULE: &str = "explicitly-distrusted";

    /// A list of distrusted certificates with the thumbprints of these.
    fn distrusts(names: &[&str]) -> Artifact {
        let mut list = (*trust_list(&["list-pca"], names, at(-86_400))).clone();
        list.kind = CtlKind::Disallowed;
        Artifact::Ctl(Arc::new(list))
    }

    fn story(names: &[&str], seconds: (i64, i64)) -> Story {
        Story::new()
            .fetch(ObjectKind::Disallowed, DISALLOWED, Outcome::Ok, seconds)
            .brings(&distrusts(names))
            .rejects(&["leaf", "issuing-ca"], (9, 12))
    }

    #[test]
    fn a_certificate_in_the_list_of_distrusted_ones_is_the_cause() {
        let diagnosis = story(&["leaf"], (1, 2)).diagnosis();
        assert_eq!(diagnosis.causes(), [(RULE, Role::RootCause, "proven")]);
    }

    #[test]
    fn a_distrusted_issuer_counts_as_well() {
        let diagnosis = story(&["issuing-ca"], (1, 2)).diagnosis();
        assert!(
            diagnosis.of(RULE)[0]
                .summary
                .starts_with("\"Issuing CA\", above")
        );
    }

    #[test]
    fn a_list_that_came_later_proves_nothing_of_this_rejection() {
        let diagnosis = story(&["leaf"], (20, 21)).diagnosis();
        assert_eq!(diagnosis.causes(), [(RULE, Role::RootCause, "medium")]);
    }

    #[test]
    fn no_failed_download_stands_above_it() {
        let diagnosis = Story::new()
            .fetch(ObjectKind::Disallowed, DISALLOWED, Outcome::Ok, (1, 2))
            .brings(&distrusts(&["leaf"]))
            .fetch(
                ObjectKind::AiaCert,
                crate::diagnosis::fixtures::AIA,
                Outcome::Refused,
                (10, 11),
            )
            .rejects(&["leaf"], (9, 12))
            .diagnosis();
        assert_eq!(diagnosis.verdict.root_cause, Some(RULE));
    }

    #[test]
    fn it_is_quiet_when_the_list_has_other_certificates() {
        assert!(
            story(&["list-root"], (1, 2))
                .diagnosis()
                .of(RULE)
                .is_empty()
        );
        assert_ne!(certificate("leaf").sha1, certificate("list-root").sha1);
    }

    #[test]
    fn it_is_quiet_for_a_root_that_is_only_disabled_by_the_list_of_roots() {
        let diagnosis = Story::new()
            .rejects(&["leaf", "issuing-ca"], (9, 12))
            .diagnosis();
        assert!(diagnosis.of(RULE).is_empty());
    }
}
