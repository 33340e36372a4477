//! Pin rules: whether a site's chain has one of the keys it must have.

use super::examination::{Check, CheckKind, Needed};
use super::question::{Host, Question};
use crate::pki::Certificate;
use crate::pki::ctl::Ctl;
use crate::pki::digest;

/// Checks the chain of a site against the pin rules of the day. `None` where
/// no rule is in force for the site: none names it, its list is of another
/// time, or its set names no key.
///
/// A chain without a pinned key breaks no bit of `CERT_TRUST_STATUS`: only some
/// programs refuse it, so that the check is open and says who does.
pub(super) fn check(question: &Question<'_>, chain: &[&Certificate]) -> Option<Check> {
    let (list, host) = match (question.trust_lists.pin_rules, &question.policy.host) {
        (Some(list), Some(Host::Dns(host))) => (list, host),
        _ => return None,
    };
    let is_of_the_day = list.this_update <= question.at
        && list.next_update.is_none_or(|until| question.at <= until);
    if !is_of_the_day {
        return None;
    }
    check_keys(list, host, chain)
}

fn check_keys(list: &Ctl, host: &str, chain: &[&Certificate]) -> Option<Check> {
    let rule = list.pin_rule(host)?;
    let sets = list.pin_sets().ok()?;
    let set = sets.get(rule.pin_set_number()?)?;
    if set.is_empty() {
        return None;
    }
    let domain = String::from_utf8_lossy(&rule.subject_identifier).into_owned();
    let pinned = chain.iter().find(|certificate| {
        let key = digest::sha256(&certificate.public_key.key);
        set.iter().any(|pin| pin.key_sha256 == key)
    });
    let made = list.this_update;
    Some(match pinned {
        Some(certificate) => {
            let name = certificate.subject.short();
            let detail = format!("the pin rule for {domain} of {made} names the key of {name}");
            Check::pass(CheckKind::Pins, detail)
        }
        None => {
            let detail = format!(
                "the pin rule for {domain} of {made} names {} keys, none is in this chain: \
                 Edge and Internet Explorer refuse it, other programs go on",
                set.len()
            );
            let needed = Needed::Verifier("Edge or Internet Explorer");
            Check::unknown(CheckKind::Pins, needed, detail)
        }
    })
}
