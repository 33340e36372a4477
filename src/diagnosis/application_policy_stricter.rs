#![doc = include_str!("../../docs/rules/application-policy-stricter.md")]

use super::inquiry::{Inquiry, lacks_bytes};
use super::network::cannot_tell;
use super::pin_mismatch;
use super::proposal::{Proposal, Rule};
use super::rejections::{Rejection, joined, rejections};
use crate::chain::Verdict;

/// The rule.
pub const RULE: Rule = Rule {
    id: "application-policy-stricter",
    doc: include_str!("../../docs/rules/application-policy-stricter.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let good = good_rejections(inquiry);
    let open = good.filter(|rejection| !pin_mismatch::may_be_pinned(inquiry, rejection));
    joined(open.map(|rejection| {
        let told = cannot_tell(
            &RULE,
            format!(
                "Every check of the chain of {} passes, and the client rejected it: which further rules the program has is not in this evidence.",
                rejection.site
            ),
            "Read the program's own log, and events 11 and 30 of that minute in the CAPI2/Operational log.",
            rejection.handshake.cites.clone(),
            &[rejection.index],
        );
        Proposal {
            subject: rejection.site.to_owned(),
            ..told
        }
    }))
}

/// Rejected chains that are good in every way, of which nothing needed is
/// known to have failed.
pub fn good_rejections<'a>(inquiry: &'a Inquiry<'_>) -> impl Iterator<Item = Rejection<'a>> {
    rejections(inquiry).filter(|rejection| {
        let links = inquiry.links.get(rejection.index);
        rejection.best.verdict == Verdict::Accept
            && links.is_none_or(Vec::is_empty)
            && !lacks_bytes(&rejection.handshake.quality)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;
    use crate::diagnosis::fixtures::{OCSP, Story};
    use crate::diagnosis::{Diagnosis, Role, diagnose};
    use crate::retrieval::{ObjectKind, Outcome};

    const FULL: [&str; 2] = ["leaf", "issuing-ca"];
    const YEAR: i64 = 365 * 86_400;

    fn with_root(story: Story) -> Diagnosis {
        diagnose(&story.case_with(&["site-root"]), None)
    }

    #[test]
    fn a_good_chain_that_was_rejected_leaves_the_program_open() {
        let diagnosis = with_root(Story::new().rejects(&FULL, (9, 12)));
        let told = diagnosis.of(RULE.id);
        assert_eq!((told.len(), told[0].role), (1, Role::CannotTell));
        assert_eq!((told[0].confidence, &told[0].explains), (None, &vec![0]));
    }

    #[test]
    fn it_is_quiet_when_it_was_accepted_or_the_root_is_not_known() {
        let accepted = Story::new().rejects(&FULL, (9, 12)).accepted();
        assert!(with_root(accepted).of(RULE.id).is_empty());
        let unknown = Story::new().rejects(&FULL, (9, 12)).diagnosis();
        assert!(unknown.of(RULE.id).is_empty());
    }

    #[test]
    fn it_is_quiet_for_a_chain_with_a_fault_or_a_failed_look_up() {
        let expired = with_root(Story::new().rejects(&FULL, (YEAR, YEAR + 3)));
        assert!(expired.of(RULE.id).is_empty());
        let story = Story::new()
            .fetch(ObjectKind::Ocsp, OCSP, Outcome::Refused, (10, 11))
            .rejects(&FULL, (9, 12));
        assert!(with_root(story).of(RULE.id).is_empty());
    }
}
