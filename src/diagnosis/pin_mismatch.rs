#![doc = include_str!("../../docs/rules/pin-mismatch.md")]

use super::application_policy_stricter::good_rejections;
use super::inquiry::Inquiry;
use super::network::cannot_tell;
use super::proposal::{Proposal, Rule};
use super::rejections::{Rejection, joined};
use super::wsus;
use crate::pki::Artifact;
use crate::pki::ctl::CtlKind;
use crate::provenance::Cite;

/// The rule.
pub const RULE: Rule = Rule {
    id: "pin-mismatch",
    doc: include_str!("../../docs/rules/pin-mismatch.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let good = good_rejections(inquiry);
    let pinned = good.filter(|rejection| may_be_pinned(inquiry, rejection));
    joined(pinned.map(|rejection| {
        let mut cites = rejection.handshake.cites.clone();
        cites.extend(pin_rules(inquiry, &rejection));
        let told = cannot_tell(
            &RULE,
            format!(
                "Every check of the chain of {} passes, and the client rejected it: whether a pin of this machine excludes the certificate is not in this evidence.",
                rejection.site
            ),
            "Hand over the SOFTWARE hive: the store WindowsServerUpdateServices and the value PinRules say which certificates are accepted. Events 11 and 30 of the CAPI2/Operational log tell the code.",
            cites,
            &[rejection.index],
        );
        Proposal {
            subject: rejection.site.to_owned(),
            ..told
        }
    }))
}

/// True for update servers, and where the machine had pin rules.
#[must_use]
pub fn may_be_pinned(inquiry: &Inquiry<'_>, rejection: &Rejection<'_>) -> bool {
    wsus::is_update_handshake(inquiry.case, rejection.handshake)
        || (rejection.may_be_windows() && pin_rules(inquiry, rejection).is_some())
}

/// The list of pin rules that the machine had.
fn pin_rules(inquiry: &Inquiry<'_>, rejection: &Rejection<'_>) -> Option<Cite> {
    let machine = rejection.failure.machine;
    let lists = inquiry.case.artifacts.iter().filter(
        |record| matches!(&record.artifact, Artifact::Ctl(ctl) if ctl.kind == CtlKind::PinRules),
    );
    let mut seen = lists.flat_map(|record| &record.seen);
    let own = seen.find(|sighting| sighting.machine == machine && machine.is_some());
    own.map(|sighting| sighting.cite.clone())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use std::sync::Arc;

    use super::*;
    use crate::diagnosis::fixtures::{Story, system, whole_list};
    use crate::diagnosis::{Diagnosis, Role, diagnose};

    const FULL: [&str; 2] = ["leaf", "issuing-ca"];
    const PINS: &str =
        "http://ctldl.windowsupdate.com/msdownload/update/v3/static/trustedr/en/pinrulesstl.cab";

    fn with_root(story: Story) -> Diagnosis {
        diagnose(&story.case_with(&["site-root"]), None)
    }

    fn pins() -> Artifact {
        let mut list = Arc::unwrap_or_clone(whole_list());
        list.kind = CtlKind::PinRules;
        Artifact::Ctl(Arc::new(list))
    }

    fn pinned() -> Story {
        Story::new().cached(system(), PINS, &pins(), 1)
    }

    #[test]
    fn a_good_chain_that_was_rejected_where_pins_are_kept_leaves_the_pin_open() {
        let diagnosis = with_root(pinned().rejects(&FULL, (9, 12)));
        let told = diagnosis.of(RULE.id);
        assert_eq!((told.len(), told[0].role), (1, Role::CannotTell));
        assert!(diagnosis.of("application-policy-stricter").is_empty());
    }

    #[test]
    fn it_is_quiet_without_pins_and_when_the_chain_was_accepted() {
        let plain = with_root(Story::new().rejects(&FULL, (9, 12)));
        assert!(plain.of(RULE.id).is_empty());
        let accepted = with_root(pinned().rejects(&FULL, (9, 12)).accepted());
        assert!(accepted.of(RULE.id).is_empty());
    }

    #[test]
    fn it_is_quiet_for_a_chain_with_a_fault() {
        let year = 365 * 86_400;
        let expired = with_root(pinned().rejects(&FULL, (year, year + 3)));
        assert!(expired.of(RULE.id).is_empty());
    }
}
