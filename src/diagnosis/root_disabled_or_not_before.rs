#![doc = include_str!("../../docs/rules/root-disabled-or-not-before.md")]

use super::inquiry::Inquiry;
use super::proposal::{Precedence, Proposal, Rule, Stance};
use super::rejections::{SEEN, Said, joined, rejections};
use super::roots;
use crate::chain::{Chain, RootTrust};
use crate::time::Timestamp;

/// The rule.
pub const RULE: Rule = Rule {
    id: "root-disabled-or-not-before",
    doc: include_str!("../../docs/rules/root-disabled-or-not-before.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let found = rejections(inquiry).filter_map(|rejection| {
        if !rejection.may_be_windows() {
            return None;
        }
        let chain = roots::limited_by_list(&rejection)?;
        let how = how(chain)?;
        let failure = rejection.failure;
        let list = inquiry.case.list_of_the_day(failure.machine, failure.at)?;
        let record = inquiry.case.artifacts.get(list);
        let cites = record.and_then(|record| record.seen.first()).map(|it| it.cite.clone());
        let last = &chain.elements.last()?.certificate;
        let root = if last.is_self_issued() {
            last.subject.short().to_owned()
        } else {
            last.issuer.short().to_owned()
        };
        Some(rejection.proposal(RULE.id, Stance::Cause, Said {
            summary: format!(
                "The chain of {} ends at \"{root}\", which Microsoft's list still names and {how}.",
                rejection.site
            ),
            remedy: "Replace the certificate by one of an authority that the program trusts for this use today. A chain to such a root shows that it worked; nothing on the client repairs this.".to_owned(),
            basis: SEEN,
            precedence: Precedence::Content,
            subject: root,
            cites: cites.into_iter().collect(),
        }))
    });
    joined(found)
}

/// What the list takes away, where it says so with a time.
fn how(chain: &Chain) -> Option<String> {
    let day = |at: Timestamp| at.to_display().get(..10).unwrap_or_default().to_owned();
    let leaf = &chain.elements.first()?.certificate;
    Some(match chain.root {
        RootTrust::Disabled { since: Some(since) } => {
            format!("has disabled since {} UTC", day(since))
        }
        RootTrust::NotBeforeLimited { limit: Some(limit) } => format!(
            "trusts only for certificates issued until {}; this one was issued on {}",
            day(limit),
            day(leaf.not_before)
        ),
        RootTrust::UsageRemoved => "does not allow for TLS servers".to_owned(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use std::sync::Arc;

    use crate::diagnosis::Role;
    use crate::diagnosis::fixtures::{CTL, Story, at, trust_list};
    use crate::pki::Artifact;
    use crate::pki::ctl::{CtlEntry, Limit};
    use crate::retrieval::{ObjectKind, Outcome};

    fn limited(change: impl Fn(&mut CtlEntry)) -> Story {
        let mut list = (*trust_list(&["list-pca"], &["site-root"], at(-86_400))).clone();
        list.entries.iter_mut().for_each(change);
        Story::new()
            .fetch(ObjectKind::Ctl, CTL, Outcome::Ok, (1, 2))
            .brings(&Artifact::Ctl(Arc::new(list)))
            .rejects(&["leaf", "issuing-ca"], (9, 12))
    }

    const RULE: &str = "root-disabled-or-not-before";

    #[test]
    fn a_root_that_the_list_disabled_is_the_cause() {
        let diagnosis =
            limited(|it| it.disallowed_after = Some(Limit::At(at(-500_000)))).diagnosis();
        assert_eq!(diagnosis.causes(), [(RULE, Role::RootCause, "proven")]);
        assert!(diagnosis.findings[0].summary.contains(
            "\"Site Root\", which Microsoft's list still names and has disabled since 2026-05-26"
        ));
    }

    #[test]
    fn a_certificate_issued_after_the_limit_is_refused_and_an_older_one_is_not() {
        let after = limited(|it| it.not_before_limit = Some(Limit::At(at(-365 * 86_400))));
        assert_eq!(
            after.diagnosis().causes(),
            [(RULE, Role::RootCause, "proven")]
        );
        let before = limited(|it| it.not_before_limit = Some(Limit::At(at(-86_400))));
        assert!(before.diagnosis().of(RULE).is_empty());
    }

    #[test]
    fn it_is_quiet_before_the_date_and_for_another_use() {
        let future = limited(|it| it.disallowed_after = Some(Limit::At(at(500_000))));
        assert!(future.diagnosis().of(RULE).is_empty());
        let mail = limited(|it| {
            it.not_before_limit = Some(Limit::At(at(-365 * 86_400)));
            it.not_before_usages = Some(vec!["1.3.6.1.5.5.7.3.4".to_owned()]);
        });
        assert!(mail.diagnosis().of(RULE).is_empty());
    }

    #[test]
    fn it_is_quiet_for_a_root_that_the_list_does_not_have() {
        let list = trust_list(&["list-pca"], &["list-root"], at(-86_400));
        let diagnosis = Story::new()
            .fetch(ObjectKind::Ctl, CTL, Outcome::Ok, (1, 2))
            .brings(&Artifact::Ctl(list))
            .rejects(&["leaf", "issuing-ca", "site-root"], (9, 12))
            .diagnosis();
        assert!(diagnosis.of(RULE).is_empty());
    }
}
