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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::pki::certificate::Extension;
    use crate::pki::ctl::{CtlEntry, CtlKind};

    const CA: &[u8] = include_bytes!("../../tests/data/pki/ca.der");
    const LIST: &[u8] = include_bytes!("../../tests/data/pki/ctl-limits.stl");

    /// Rules for `.pinned.example`, which name this key, and `.free.example`,
    /// which has no set.
    fn rules(key_sha256: [u8; 32]) -> Ctl {
        let pin = [
            &[0x30, 0x36, 4, 16][..],
            &[0; 16],
            &[4, 32],
            &key_sha256,
            &[5, 0],
        ]
        .concat();
        let set = [&[0x30, 0x40, 2, 1, 0, 2, 1, 1, 0x30, 0x38][..], &pin].concat();
        let entry = |domain: &[u8], other| CtlEntry {
            subject_identifier: domain.to_vec(),
            other,
            ..CtlEntry::default()
        };
        let number = vec![("1.3.6.1.4.1.311.10.4.2".to_owned(), vec![2, 1, 0])];
        let mut list = Ctl::from_der(LIST).unwrap();
        list.kind = CtlKind::PinRules;
        list.subject_algorithm.oid = "1.3.6.1.4.1.311.10.3.34".to_owned();
        list.entries = vec![
            entry(b".pinned.example", number),
            entry(b".free.example", Vec::new()),
        ];
        list.extensions = vec![Extension {
            oid: "1.3.6.1.4.1.311.10.3.33".to_owned(),
            critical: true,
            value: [&[0x30, 0x42][..], &set].concat(),
        }];
        list
    }

    #[test]
    fn a_chain_needs_one_of_the_keys_where_a_rule_names_its_site() {
        let ca = Certificate::from_der(CA).unwrap();
        let own = rules(digest::sha256(&ca.public_key.key));
        let outcome = |list: &Ctl, host: &str| {
            let check = check_keys(list, host, &[&ca]);
            check.map(|check| check.outcome.word())
        };
        assert_eq!(outcome(&own, "a.pinned.example"), Some("pass"));
        assert_eq!(outcome(&own, "a.free.example"), None);
        assert_eq!(outcome(&own, "pinned.example"), None);
        assert_eq!(outcome(&own, "other.example"), None);
        let others = rules([9; 32]);
        assert_eq!(outcome(&others, "A.Pinned.Example"), Some("unknown"));
    }
}
