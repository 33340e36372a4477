//! Trust in a chain's end: the anchors given, and the lists of the day.

use std::sync::Arc;

use super::examination::{Check, CheckKind, MissingIssuer, Needed, RootTrust};
use super::question::{Purpose, Question, RootUpdate};
use super::status::TrustStatus;
use crate::bytes::to_hex;
use crate::pki::Certificate;
use crate::pki::certificate::CA_ISSUERS;
use crate::pki::ctl::{Ctl, CtlEntry, Limit};
use crate::pki::digest;

/// What the end of a chain says of trust: the answer, and the checks behind
/// it.
pub(super) struct Judged {
    pub root: RootTrust,
    pub checks: Vec<Check>,
}

/// The entry of the list that names the issuer of a certificate, without the
/// issuer's bytes: its key identifier is the one the child gives, and the MD5
/// of its name is that of the child's issuer name.
pub(super) fn entry_for_issuer<'a>(list: &'a Ctl, child: &Certificate) -> Option<&'a CtlEntry> {
    let wanted = child
        .authority_key_identifier
        .value()?
        .key_identifier
        .as_ref()?;
    let mut with_key = list
        .entries
        .iter()
        .filter(|entry| entry.key_identifier.as_ref() == Some(wanted))
        .peekable();
    with_key.peek()?;
    let name = digest::md5(&child.issuer.der);
    with_key.find(|entry| entry.subject_name_md5.as_deref() == Some(name.as_slice()))
}

/// Judges a given anchor: trusted, unless the list of the day takes trust
/// away.
pub(super) fn judge_anchor(question: &Question<'_>, root: &Certificate) -> Judged {
    let entry = question
        .trust_lists
        .authroot
        .and_then(|list| list.entry_for(&root.sha1));
    let given = Check::pass(CheckKind::Trust, "a trusted root that was given");
    let mut judged = Judged {
        root: RootTrust::Given,
        checks: vec![given],
    };
    if let Some(entry) = entry {
        let limits = judge_entry(question, entry);
        if limits.root != RootTrust::Listed {
            judged = limits;
        }
    }
    judged
}

/// Judges a self-signed certificate that is no anchor.
pub(super) fn judge_self_signed(question: &Question<'_>, root: &Certificate) -> Judged {
    let kind = CheckKind::Trust;
    let thumbprint = to_hex(&root.sha1);
    let untrusted = |detail: String| Judged {
        root: RootTrust::Untrusted,
        checks: vec![Check::fail(kind, TrustStatus::IS_UNTRUSTED_ROOT, detail)],
    };
    if question.policy.knows_roots && question.policy.root_update != RootUpdate::On {
        return untrusted(format!("self-signed {thumbprint} is no trusted root"));
    }
    let Some(list) = question.trust_lists.authroot else {
        let detail = format!("whether the client trusts {thumbprint} is not known");
        let check = Check::unknown(kind, Needed::ClientStore, detail);
        return Judged {
            root: RootTrust::StoreUnknown,
            checks: vec![check],
        };
    };
    match list.entry_for(&root.sha1) {
        Some(entry) => judge_entry(question, entry),
        None if question.policy.knows_roots => untrusted(format!(
            "{thumbprint} is in no store of the machine, and not in the list of {}",
            list.this_update
        )),
        None => {
            let detail = format!(
                "{thumbprint} is not in the list of {}; only a store of the machine could trust it",
                list.this_update
            );
            let check = Check::unknown(kind, Needed::ClientStore, detail);
            Judged {
                root: RootTrust::Absent,
                checks: vec![check],
            }
        }
    }
}

/// Judges an end below a certificate that is not at hand.
pub(super) fn judge_missing(
    question: &Question<'_>,
    child: &Arc<Certificate>,
    by_list: bool,
) -> Judged {
    let by_list = by_list && question.policy.root_update != RootUpdate::Off;
    let listed = question.trust_lists.authroot.filter(|_| by_list);
    if let Some(entry) = listed.and_then(|list| entry_for_issuer(list, child)) {
        let mut judged = judge_entry(question, entry);
        let friendly_name = entry.friendly_name.clone().unwrap_or_default();
        if judged.root == RootTrust::Listed {
            let sha1 = to_hex(&entry.subject_identifier);
            judged.root = RootTrust::ListedByName {
                friendly_name,
                sha1,
            };
        }
        let detail = format!("{} is not at hand to verify this", child.issuer.short());
        let needed = Needed::Issuer(missing(child));
        judged
            .checks
            .push(Check::unknown(CheckKind::Signature, needed, detail));
        return judged;
    }
    let kind = CheckKind::Issuer;
    let issuer = &child.issuer.text;
    // A root that the list brings would have been named by it above.
    let may_come =
        question.policy.root_update == RootUpdate::On && question.trust_lists.authroot.is_none();
    if question.policy.knows_roots && !may_come {
        let detail = format!("no certificate of {issuer} was found");
        let check = Check::fail(kind, TrustStatus::IS_PARTIAL_CHAIN, detail);
        return Judged {
            root: RootTrust::Partial,
            checks: vec![check],
        };
    }
    let detail = format!("{issuer} is not in the evidence; the client may have it");
    let check = Check::unknown(kind, Needed::Issuer(missing(child)), detail);
    Judged {
        root: RootTrust::StoreUnknown,
        checks: vec![check],
    }
}

/// What is missing above a certificate.
pub(super) fn missing(child: &Arc<Certificate>) -> MissingIssuer {
    let identifier = child.authority_key_identifier.value();
    MissingIssuer {
        child: Arc::clone(child),
        issuer: child.issuer.text.clone(),
        key_identifier: identifier.and_then(|identifier| identifier.key_identifier.clone()),
        urls: child
            .access_urls(CA_ISSUERS)
            .into_iter()
            .map(str::to_string)
            .collect(),
    }
}

/// The cases of an entry: listed; disabled after a time (104); newer leaves
/// not trusted (126, 127); not for this usage (9, 122).
fn judge_entry(question: &Question<'_>, entry: &CtlEntry) -> Judged {
    let name = entry
        .friendly_name
        .clone()
        .unwrap_or_else(|| to_hex(&entry.subject_identifier));
    let found = disabled(question, entry, &name)
        .or_else(|| too_new(question, entry, &name))
        .or_else(|| usage_removed(&question.policy.purpose, entry, &name));
    found.unwrap_or_else(|| {
        let check = Check::pass(
            CheckKind::Trust,
            format!("{name} is in the list of the day"),
        );
        Judged {
            root: RootTrust::Listed,
            checks: vec![check],
        }
    })
}

fn judged(root: RootTrust, check: Check) -> Option<Judged> {
    Some(Judged {
        root,
        checks: vec![check],
    })
}

/// Property 104: disabled from a time on. What an empty time means is not
/// documented, so it decides nothing.
fn disabled(question: &Question<'_>, entry: &CtlEntry, name: &str) -> Option<Judged> {
    let kind = CheckKind::Trust;
    match entry.disallowed_after? {
        Limit::At(since) if question.at >= since => {
            let detail = format!("{name} is disabled by the list of the day since {since}");
            let check = Check::fail(kind, TrustStatus::IS_EXPLICIT_DISTRUST, detail);
            judged(RootTrust::Disabled { since: Some(since) }, check)
        }
        Limit::At(_) => None,
        Limit::Empty | Limit::OutOfRange(_) => {
            let detail = format!("{name} is disabled by the list of the day, without a time");
            let check = Check::unknown(kind, Needed::ClientStore, detail);
            judged(RootTrust::Disabled { since: None }, check)
        }
    }
}

/// Properties 126 and 127: leaves issued after a time are not trusted, for all
/// usages or for some. Windows' own status bit for it is not documented; it is
/// taken to be that of other distrust.
fn too_new(question: &Question<'_>, entry: &CtlEntry, name: &str) -> Option<Judged> {
    let kind = CheckKind::Trust;
    let limit = entry.not_before_limit?;
    let purpose = &question.policy.purpose;
    let concerned = match (&entry.not_before_usages, purpose.oid()) {
        (None, _) => Some(true),
        (Some(usages), Some(wanted)) => Some(usages.iter().any(|usage| usage == wanted)),
        (Some(_), None) => None,
    };
    if concerned == Some(false) {
        return None;
    }
    let issued = question.leaf.not_before;
    let Limit::At(limit) = limit else {
        let detail = format!("{name} is limited to older leaves by the list, without a time");
        let check = Check::unknown(kind, Needed::ClientStore, detail);
        return judged(RootTrust::NotBeforeLimited { limit: None }, check);
    };
    if issued <= limit {
        return None;
    }
    let root = RootTrust::NotBeforeLimited { limit: Some(limit) };
    let detail = format!("{name} is trusted for leaves issued until {limit}, this is of {issued}");
    judged(
        root,
        match concerned {
            Some(_) => Check::fail(kind, TrustStatus::IS_EXPLICIT_DISTRUST, detail),
            None => {
                let detail = format!("{detail}, for some usages");
                Check::unknown(kind, Needed::ClientStore, detail)
            }
        },
    )
}

/// Properties 9 and 122: usages allowed and usages removed. The root of the
/// list's own signer is one of Windows itself; the list does not limit it.
fn usage_removed(purpose: &Purpose, entry: &CtlEntry, name: &str) -> Option<Judged> {
    let wanted = purpose
        .oid()
        .filter(|_| *purpose != Purpose::RootListSigner)?;
    let among = |usages: &Vec<String>| {
        usages
            .iter()
            .any(|usage| usage == wanted || usage == super::usage::ANY_USAGE)
    };
    let removed = entry.disallowed_usages.as_ref().is_some_and(among);
    let allowed = entry.allowed_usages.as_ref().is_none_or(among);
    if allowed && !removed {
        return None;
    }
    let how = if removed { "removed" } else { "not allowed" };
    let detail = format!("{wanted} is {how} for {name} by the list of the day");
    let bits = TrustStatus::IS_NOT_VALID_FOR_USAGE;
    judged(
        RootTrust::UsageRemoved,
        Check::fail(CheckKind::Trust, bits, detail),
    )
}

/// Judges a path whose issuers lead back into itself.
pub(super) fn judge_cycle(last: &Certificate) -> Judged {
    let detail = format!(
        "every issuer {} found is below it already",
        last.issuer.text
    );
    let bits = TrustStatus::IS_CYCLIC | TrustStatus::IS_PARTIAL_CHAIN;
    let check = Check::fail(CheckKind::Issuer, bits, detail);
    Judged {
        root: RootTrust::Partial,
        checks: vec![check],
    }
}

/// Judges a path that a limit of its length cuts off: the depth asked for, or
/// without one our own, which decides nothing.
pub(super) fn judge_depth(last: &Certificate, most: Option<usize>) -> Judged {
    let kind = CheckKind::Issuer;
    let issuer = &last.issuer.text;
    let check = match most {
        Some(most) => {
            let detail = format!("{issuer} would be more than {most} issuers deep");
            Check::fail(kind, TrustStatus::IS_PARTIAL_CHAIN, detail)
        }
        None => {
            let detail = format!("{issuer} is farther up than chains are followed");
            Check::unknown(kind, Needed::Budget("certificates in a path"), detail)
        }
    };
    Judged {
        root: RootTrust::Partial,
        checks: vec![check],
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::chain::question::{Candidate, Origin, Policy, TrustLists};
    use crate::chain::{Chain, Verdict, examine};
    use crate::time::Timestamp;

    const SERVER_AUTH: &str = "1.3.6.1.5.5.7.3.1";
    const CLIENT_AUTH: &str = "1.3.6.1.5.5.7.3.2";

    fn time(text: &str) -> Timestamp {
        Timestamp::from_rfc3339(text).unwrap()
    }

    fn root() -> Arc<Certificate> {
        let bytes = include_bytes!("../../tests/data/pki/ca.der");
        Arc::new(Certificate::from_der(bytes).unwrap())
    }

    /// Examines a self-signed leaf on a client of unknown store that has a
    /// list with one entry of it, changed by `change`.
    fn with_entry(change: impl FnOnce(&mut CtlEntry)) -> Chain {
        let root = root();
        let mut entry = CtlEntry {
            subject_identifier: root.sha1.to_vec(),
            ..CtlEntry::default()
        };
        change(&mut entry);
        let bytes = include_bytes!("../../tests/data/pki/ctl-limits.stl");
        let mut list = Ctl::from_der(bytes).unwrap();
        list.entries = vec![entry];
        let candidates: [Candidate; 1] = [Candidate {
            certificate: Arc::clone(&root),
            anchor: false,
            distrusted: false,
            origin: Origin::Sent,
        }];
        let question = Question {
            leaf: &root,
            at: time("2024-06-01T00:00:00Z"),
            candidates: &candidates,
            crls: &[],
            ocsp: &[],
            trust_lists: TrustLists {
                authroot: Some(&list),
                ..TrustLists::default()
            },
            policy: Policy {
                purpose: Purpose::ServerAuth,
                knows_roots: false,
                ..Policy::default()
            },
        };
        examine(&question).chains.swap_remove(0)
    }

    #[test]
    fn a_listed_root_is_trusted() {
        let chain = with_entry(|_| {});
        assert_eq!(chain.root, RootTrust::Listed);
        assert_eq!(chain.verdict, Verdict::Accept);
    }

    #[test]
    fn a_root_that_the_list_does_not_have_is_left_open() {
        let chain = with_entry(|entry| entry.subject_identifier = vec![1; 20]);
        assert_eq!(chain.root, RootTrust::Absent);
        assert_eq!(chain.verdict, Verdict::Unknown);
    }

    #[test]
    fn a_disabled_root_is_distrusted_from_its_time_on() {
        let limit = time("2024-06-01T00:00:00Z");
        let chain = with_entry(|entry| entry.disallowed_after = Some(Limit::At(limit)));
        assert_eq!(chain.root, RootTrust::Disabled { since: Some(limit) });
        assert_eq!(chain.error_status, TrustStatus::IS_EXPLICIT_DISTRUST);
        let later = time("2024-06-01T00:00:01Z");
        let chain = with_entry(|entry| entry.disallowed_after = Some(Limit::At(later)));
        assert_eq!(chain.root, RootTrust::Listed);
    }

    #[test]
    fn a_limit_without_a_time_decides_nothing() {
        let chain = with_entry(|entry| entry.disallowed_after = Some(Limit::Empty));
        assert_eq!(chain.root, RootTrust::Disabled { since: None });
        assert_eq!(chain.verdict, Verdict::Unknown);
    }

    #[test]
    fn a_leaf_issued_after_the_limit_is_distrusted_for_its_usages_alone() {
        let limit = time("1990-01-01T00:00:00Z");
        let limited = |usages: Option<Vec<String>>| {
            with_entry(|entry| {
                entry.not_before_limit = Some(Limit::At(limit));
                entry.not_before_usages = usages;
            })
        };
        let all = limited(None);
        assert_eq!(all.root, RootTrust::NotBeforeLimited { limit: Some(limit) });
        assert_eq!(all.verdict, Verdict::Reject);
        assert_eq!(
            limited(Some(vec![SERVER_AUTH.into()])).verdict,
            Verdict::Reject
        );
        assert_eq!(
            limited(Some(vec![CLIENT_AUTH.into()])).root,
            RootTrust::Listed
        );
    }

    #[test]
    fn a_usage_not_allowed_or_removed_is_refused() {
        let allowed = with_entry(|entry| entry.allowed_usages = Some(vec![CLIENT_AUTH.into()]));
        assert_eq!(allowed.root, RootTrust::UsageRemoved);
        assert_eq!(allowed.error_status, TrustStatus::IS_NOT_VALID_FOR_USAGE);
        let removed = with_entry(|entry| entry.disallowed_usages = Some(vec![SERVER_AUTH.into()]));
        assert_eq!(removed.root, RootTrust::UsageRemoved);
        let other = with_entry(|entry| entry.disallowed_usages = Some(vec![CLIENT_AUTH.into()]));
        assert_eq!(other.root, RootTrust::Listed);
    }
}
