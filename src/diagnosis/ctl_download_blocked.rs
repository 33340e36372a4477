#![doc = include_str!("../../docs/rules/ctl-download-blocked.md")]

use super::inquiry::{Basis, Inquiry, Need, confidence};
use super::network;
use super::proposal::{Precedence, Proposal, Rule, Stance};
use super::rejections::rejections;
use crate::retrieval::{ObjectKind, Outcome};

/// The rule.
pub const RULE: Rule = Rule {
    id: "ctl-download-blocked",
    doc: include_str!("../../docs/rules/ctl-download-blocked.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let found = rejections(inquiry).filter_map(|rejection| {
        let failed = inquiry.failed_for(rejection.index, Need::List);
        let lists: Vec<usize> = failed
            .into_iter()
            .filter(|index| inquiry.retrieval(*index).is_some_and(|it| {
                // What came instead has a rule of its own.
                it.object == ObjectKind::Ctl && it.outcome != Outcome::UnexpectedContent
            }))
            .collect();
        let retrieval = lists.first().and_then(|first| inquiry.retrieval(*first))?;
        let links = inquiry.links.get(rejection.index).map(Vec::as_slice).unwrap_or_default();
        let certain = links.iter().any(|link| link.certain && lists.contains(&link.retrieval));
        let mut cites = rejection.handshake.cites.clone();
        cites.extend(inquiry.cites_of(&lists));
        Some(Proposal {
            rule: RULE.id,
            stance: Stance::Consequence,
            confidence: Some(confidence(Basis {
                fault_seen: true,
                reaction_seen: true,
                inferred: u8::from(!certain),
                poor_capture: inquiry.is_poor(retrieval),
                ..Basis::default()
            })),
            summary: format!(
                "The machine needed Microsoft's list to learn about the root above the certificate of {} and did not get it: the attempt to fetch it from {} {}.",
                rejection.site,
                retrieval.host.as_deref().unwrap_or("its host"),
                network::outcome_phrase(retrieval)
            ),
            remedy: "Let the machine reach ctldl.windowsupdate.com over http, or give it the lists from an internal place (RootDirUrl, certutil -syncWithWU). A list that arrives before the handshake ends shows that it worked.".to_owned(),
            cites,
            explains: vec![(rejection.index, Precedence::Shape)],
            subject: retrieval.host.clone().unwrap_or_default(),
        })
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use crate::diagnosis::Role;
    use crate::diagnosis::fixtures::{CTL, DISALLOWED, Story};
    use crate::retrieval::{ObjectKind, Outcome};

    const RULE: &str = "ctl-download-blocked";
    const FULL: [&str; 2] = ["leaf", "issuing-ca"];

    #[test]
    fn a_list_that_could_not_be_fetched_stands_between_the_path_and_the_site() {
        let diagnosis = Story::new()
            .fetch(ObjectKind::Ctl, CTL, Outcome::Refused, (10, 11))
            .rejects(&FULL, (9, 12))
            .diagnosis();
        assert_eq!(diagnosis.verdict.root_cause, Some("direct-blocked"));
        let finding = diagnosis.of(RULE)[0];
        assert_eq!(
            (finding.role, finding.because_of.len()),
            (Role::Contributing, 1)
        );
    }

    #[test]
    fn it_is_quiet_when_a_list_came() {
        let diagnosis = Story::new()
            .fetch(ObjectKind::Ctl, CTL, Outcome::Ok, (1, 2))
            .fetch(ObjectKind::Ctl, CTL, Outcome::Refused, (10, 11))
            .rejects(&FULL, (9, 12))
            .diagnosis();
        assert!(diagnosis.of(RULE).is_empty());
    }

    #[test]
    fn it_is_quiet_for_the_list_of_distrusted_certificates() {
        let diagnosis = Story::new()
            .fetch(
                ObjectKind::Disallowed,
                DISALLOWED,
                Outcome::Refused,
                (10, 11),
            )
            .rejects(&FULL, (9, 12))
            .diagnosis();
        assert!(diagnosis.of(RULE).is_empty());
    }
}
