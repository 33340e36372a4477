#![doc = include_str!("../../docs/rules/application-policy-stricter.md")]

use super::failure::Reaction;
use super::host_logs;
use super::inquiry::{Basis, Inquiry, lacks_bytes};
use super::network::cannot_tell;
use super::pin_mismatch;
use super::proposal::{Precedence, Proposal, Rule, Stance};
use super::rejections::{Rejection, Said, joined, rejections};
use crate::chain::Verdict;
use crate::host::capi;

/// The rule.
pub const RULE: Rule = Rule {
    id: "application-policy-stricter",
    doc: include_str!("../../docs/rules/application-policy-stricter.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let shown = rejections(inquiry).filter_map(|rejection| shown(inquiry, &rejection));
    let mut proposals = joined(shown);
    let settled = |rejection: &Rejection<'_>| {
        let mut explained = proposals.iter().flat_map(|it| &it.explains);
        explained.any(|(failure, _)| *failure == rejection.index)
    };
    let open = open(inquiry, settled);
    proposals.extend(open);
    proposals
}

/// A rejection without a word against the certificate, of a chain that the
/// machine's own log says CryptoAPI found good.
fn shown(inquiry: &Inquiry<'_>, rejection: &Rejection<'_>) -> Option<Proposal> {
    let is_told = rejection.failure.reaction == Reaction::Told;
    if is_told || !rejection.may_be_windows() || rejection.best.verdict == Verdict::Reject {
        return None;
    }
    let leaf = inquiry.case.leaf_of(rejection.handshake)?.1;
    let leaf = crate::bytes::to_hex(&leaf.sha1);
    let records = host_logs::records_of(inquiry, rejection);
    let (source, event, logged) = records
        .into_iter()
        .find(|(_, _, logged)| logged.leaf == leaf && host_logs::is_good(logged))?;
    // Where the policy itself failed (event 30), its code names the rule.
    let mut policies = source.events().iter().filter_map(capi::policy);
    let refused = policies.any(|policy| {
        let own = policy.chain_ref.is_some() && policy.chain_ref == logged.chain_ref;
        policy.result != 0 && (own || policy.leaf.as_ref() == Some(&logged.leaf))
    });
    if refused {
        return None;
    }
    let process = event.process.as_deref().unwrap_or("a program");
    let said = Said {
        summary: format!(
            "CryptoAPI found the chain of {} good for {process} (record {} of the CAPI2 log), and the client ended the connection all the same: it applies further rules.",
            rejection.site, event.record
        ),
        remedy: "Read the program's own log, and what it demands beyond a good chain (a pin, certificate transparency, a longer key). A handshake that goes on to application data shows that it worked.".to_owned(),
        basis: Basis {
            fault_seen: true,
            reaction_seen: true,
            // That record and connection are of one program is inferred.
            inferred: 1,
            ..Basis::default()
        },
        precedence: Precedence::Policy,
        subject: rejection.site.to_owned(),
        cites: vec![source.record(event.record)],
    };
    Some(rejection.proposal(RULE.id, Stance::Cause, said))
}

/// Good chains that were rejected, where nothing shows by which rule.
fn open(inquiry: &Inquiry<'_>, settled: impl Fn(&Rejection<'_>) -> bool) -> Vec<Proposal> {
    let good = good_rejections(inquiry);
    let open = good.filter(|rejection| {
        !pin_mismatch::may_be_pinned(inquiry, rejection) && !settled(rejection)
    });
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
    use crate::diagnosis::false_friends::{event, logged_chain, with_log};
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

    /// A connection dropped, with or without an alert, and a record of the log.
    fn logged(told: bool, record: (u32, String)) -> Diagnosis {
        let story = Story::new().rejects(&FULL, (9, 12)).handshake(|it| {
            it.alert = it.alert.filter(|_| told);
        });
        let (id, data) = record;
        with_log(story, event("Microsoft-Windows-CAPI2", id, &data))
    }

    #[test]
    fn a_chain_that_the_log_calls_good_and_a_client_that_left_are_a_rule_of_the_program() {
        let diagnosis = logged(false, (11, logged_chain("0", "0")));
        assert_eq!(diagnosis.causes(), [(RULE.id, Role::RootCause, "medium")]);
        assert!(diagnosis.of("conflicting-evidence").is_empty());
    }

    #[test]
    fn an_alert_about_the_certificate_contradicts_the_log_instead() {
        let diagnosis = logged(true, (11, logged_chain("0", "0")));
        assert!(diagnosis.causes().is_empty(), "{:?}", diagnosis.causes());
        assert_eq!(diagnosis.of("conflicting-evidence").len(), 1);
    }

    #[test]
    fn it_is_quiet_where_the_log_says_that_the_chain_was_refused() {
        let diagnosis = logged(false, (11, logged_chain("800B0109", "20")));
        assert!(diagnosis.of(RULE.id).is_empty());
    }
}
