#![doc = include_str!("../../docs/rules/ctl-cached-signer-expired.md")]

use super::failure::{Reaction, VerifierKind};
use super::inquiry::{Basis, Inquiry, confidence};
use super::list_faults::{Fault, explained, list_faults};
use super::proposal::{Precedence, Proposal, Rule, Stance};
use super::rejections::joined;
use crate::time::Timestamp;

/// The rule.
pub const RULE: Rule = Rule {
    id: "ctl-cached-signer-expired",
    doc: include_str!("../../docs/rules/ctl-cached-signer-expired.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let faults = list_faults(inquiry.case);
    let found = faults.iter().filter(|fault| fault.what == Fault::SignerExpired).filter_map(|fault| {
        let signer = fault.ctl.signer.as_ref()?;
        let explains = explained(inquiry, fault);
        if explains.is_empty() {
            return None;
        }
        let who = fault.account.as_ref().map_or_else(
            || "The machine fetched".to_owned(),
            |account| format!("In the cache of {account} lies"),
        );
        let newer = fault.newer.as_ref().map(|(date, account)| {
            let whose = account.as_ref().map_or_else(|| "the machine".to_owned(), ToString::to_string);
            format!(", while {whose} has the one of {}", day(*date))
        });
        let whose = fault.account.as_ref().map_or_else(|| "each account".to_owned(), ToString::to_string);
        Some(Proposal {
            rule: RULE.id,
            stance: Stance::Cause,
            confidence: Some(confidence(Basis {
                checked: true,
                fault_seen: true,
                reaction_seen: true,
                // Without a newer list elsewhere, that this copy was the
                // one in use is inferred; so is that the root was missed,
                // where the client did not say so or is not known.
                inferred: u8::from(!fault.shown) * (1 + u8::from(!all_told(inquiry, &explains))),
                ..Basis::default()
            })),
            summary: format!(
                "{who} the trust list of {}, whose signer's certificate expired on {}{}: Windows cannot believe it and adds no root from it.",
                day(fault.ctl.this_update),
                day(signer.not_after),
                newer.unwrap_or_default()
            ),
            remedy: format!(
                "Delete the cached list as {whose} (certutil -urlcache authrootstl.cab delete) and let it reach ctldl.windowsupdate.com. A newer list in that cache shows that it worked."
            ),
            cites: fault.cites.clone(),
            explains,
            subject: format!("{:?} {}", fault.machine, whose),
        })
    });
    joined(found)
}

/// True when each of the clients refused the certificates in words, and is known
/// to ask CryptoAPI.
fn all_told(inquiry: &Inquiry<'_>, explains: &[(usize, Precedence)]) -> bool {
    let mut failures = explains
        .iter()
        .filter_map(|(index, _)| inquiry.failures.get(*index));
    failures.all(|failure| {
        failure.reaction == Reaction::Told && failure.verifier.kind == VerifierKind::Capi
    })
}

fn day(at: Timestamp) -> String {
    at.to_display().get(..10).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use std::sync::Arc;

    use crate::diagnosis::Role;
    use crate::diagnosis::fixtures::{CRL, CTL, Story, alice, at, certificate, system, trust_list};
    use crate::pki::{Artifact, Ctl};
    use crate::retrieval::{ObjectKind, Outcome};

    const RULE: &str = "ctl-cached-signer-expired";
    const DAY: i64 = 86_400;
    const ROOT_CRT: &str = "http://ctldl.windowsupdate.com/msdownload/update/v3/static/trustedr/en/0123456789ABCDEF0123456789ABCDEF01234567.crt";

    /// Signed by the publisher whose certificate ended on 2026-04-01.
    fn old() -> Artifact {
        let list: Arc<Ctl> = trust_list(&["list-pca"], &["site-root"], at(-200 * DAY));
        let mut list = (*list).clone();
        list.signer = Some(certificate("list-publisher-2025"));
        Artifact::Ctl(Arc::new(list))
    }

    fn new() -> Artifact {
        Artifact::Ctl(trust_list(&["list-pca"], &["site-root"], at(-2 * DAY)))
    }

    #[test]
    fn an_old_list_of_system_beside_a_new_one_of_the_user_names_the_account() {
        let diagnosis = Story::new()
            .cached(system(), CTL, &old(), -190 * DAY)
            .cached(alice(), CTL, &new(), -DAY)
            .diagnosis();
        assert_eq!(diagnosis.causes(), [(RULE, Role::RootCause, "proven")]);
        let summary = &diagnosis.findings[0].summary;
        assert!(summary.starts_with("In the cache of SYSTEM lies the trust list of 2025-11-13, whose signer's certificate expired on 2026-04-01, while"), "{summary}");
        assert_eq!(diagnosis.verdict.root_cause, Some(RULE));
        let sentence = &diagnosis.incidents[0].sentence;
        assert!(
            sentence.starts_with("A trust list that cannot be believed"),
            "{sentence}"
        );
    }

    /// SYSTEM's only list was synchronized at this day, before or after the end of
    /// its signer; CryptoAPI asks for the status of the site's certificate.
    fn alone(day: i64) -> Story {
        Story::new()
            .cached(system(), CTL, &old(), day * DAY)
            .fetch(ObjectKind::Crl, CRL, Outcome::Ok, (8, 9))
            .with(|it| it.user_agent = Some("Microsoft-CryptoAPI/10.0".to_owned()))
    }

    const FULL: [&str; 2] = ["leaf", "issuing-ca"];

    #[test]
    fn without_a_newer_list_only_a_site_that_needs_it_makes_it_a_cause() {
        for day in [-190, -1] {
            assert!(alone(day).diagnosis().of(RULE).is_empty());
            let site = alone(day).rejects(&FULL, (9, 12)).diagnosis();
            assert_eq!(site.causes(), [(RULE, Role::RootCause, "medium")]);
        }
    }

    #[test]
    fn a_program_that_may_have_roots_of_its_own_lowers_it() {
        let site = Story::new()
            .cached(system(), CTL, &old(), -DAY)
            .rejects(&FULL, (9, 12))
            .diagnosis();
        assert_eq!(site.causes(), [(RULE, Role::RootCause, "low")]);
    }

    #[test]
    fn it_is_quiet_where_the_machine_shows_that_it_has_the_root() {
        let fetched = alone(-1)
            .fetch(ObjectKind::RootCrt, ROOT_CRT, Outcome::Ok, (5, 6))
            .rejects(&FULL, (9, 12));
        assert!(fetched.diagnosis().of(RULE).is_empty());
        let elsewhere = alone(-1)
            .rejects(&FULL, (9, 12))
            .rejects(&["leaf-https-aia", "issuing-ca"], (3_600, 3_601))
            .accepted();
        assert!(elsewhere.diagnosis().of(RULE).is_empty());
    }

    #[test]
    fn it_is_quiet_for_a_site_refused_before_the_signer_ran_out() {
        let before = Story::new()
            .cached(system(), CTL, &old(), -190 * DAY)
            .rejects(&FULL, (-100 * DAY, -100 * DAY + 3))
            .diagnosis();
        assert!(before.of(RULE).is_empty());
    }

    #[test]
    fn it_is_quiet_when_the_same_account_has_a_newer_list() {
        let diagnosis = Story::new()
            .cached(system(), CTL, &old(), -190 * DAY)
            .cached(system(), CTL, &new(), -DAY)
            .diagnosis();
        assert!(diagnosis.of(RULE).is_empty());
    }

    #[test]
    fn it_is_quiet_for_an_old_list_whose_signer_is_in_its_period() {
        let list = Artifact::Ctl(trust_list(&["list-pca"], &["site-root"], at(-100 * DAY)));
        let diagnosis = Story::new()
            .cached(system(), CTL, &list, -90 * DAY)
            .cached(alice(), CTL, &new(), -DAY)
            .diagnosis();
        assert!(diagnosis.of(RULE).is_empty());
    }

    #[test]
    fn it_is_quiet_for_a_copy_that_nobody_used_since() {
        let diagnosis = Story::new()
            .cached(system(), CTL, &old(), -190 * DAY)
            .diagnosis();
        assert!(diagnosis.of(RULE).is_empty());
    }
}
