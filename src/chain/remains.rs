//! Checks on what is left of a certificate that cannot be read as one. Such a
//! certificate is refused by every verifier; these checks tell what else was
//! wrong with it, and which certificate it was.

use super::element;
use super::examination::{Check, CheckKind, Needed};
use super::host;
use super::names::CanonicalName;
use super::profile;
use super::question::{Candidate, Policy};
use super::status::TrustStatus;
use super::usage::ANY_USAGE;
use crate::pki::DamagedCertificate;
use crate::time::Timestamp;

/// What would decide a check of something lost.
const UNDAMAGED: Needed = Needed::Undamaged;

/// Runs the checks that need no more than the fields left: that the form is
/// none, the dates, the usage, the host, whether an issuer is at hand. What
/// rests on a lost field is unknown, and so is the signature.
#[must_use]
pub fn examine_damaged(
    left: &DamagedCertificate,
    at: Timestamp,
    policy: &Policy,
    candidates: &[Candidate],
) -> Vec<Check> {
    let malformed = format!("malformed: {}", left.error);
    let mut checks = vec![
        issuer(left, candidates),
        Check::unknown(
            CheckKind::Signature,
            UNDAMAGED,
            "the signed bytes are not those of a certificate",
        ),
        validity(left, at),
        Check::fail(CheckKind::Conformance, TrustStatus::none(), malformed),
    ];
    checks.extend(usage(left, policy));
    if let Some(host) = &policy.host {
        checks.push(host::check_remains(left, host, &profile::rules(policy)));
    }
    checks
}

/// Whether a certificate of the issuer's name is at hand.
fn issuer(left: &DamagedCertificate, candidates: &[Candidate]) -> Check {
    let kind = CheckKind::Issuer;
    let Some(issuer) = &left.issuer else {
        return Check::unknown(kind, UNDAMAGED, "the issuer's name is not readable");
    };
    let wanted = CanonicalName::of(issuer);
    let mut named = candidates
        .iter()
        .filter(|candidate| CanonicalName::of(&candidate.certificate.subject) == wanted);
    match named.next() {
        Some(_) => {
            let detail = format!("{} is at hand, by name alone", issuer.short());
            Check::pass(kind, detail)
        }
        None => {
            let detail = format!("{} is not at hand", issuer.short());
            Check::unknown(kind, UNDAMAGED, detail)
        }
    }
}

/// The dates; one of them alone can show that the time is outside.
fn validity(left: &DamagedCertificate, at: Timestamp) -> Check {
    let (kind, bits) = (CheckKind::Validity, TrustStatus::IS_NOT_TIME_VALID);
    match (left.not_before, left.not_after) {
        (Some(from), Some(to)) => element::check_period(from, to, at),
        (Some(from), None) if at < from => {
            let detail = format!("not valid before {from}, the time is {at}");
            Check::fail(kind, bits, detail)
        }
        (None, Some(to)) if at > to => {
            Check::fail(kind, bits, format!("expired at {to}, the time is {at}"))
        }
        (Some(_), None) => Check::unknown(kind, UNDAMAGED, "notAfter is not readable"),
        (None, Some(_)) => Check::unknown(kind, UNDAMAGED, "notBefore is not readable"),
        (None, None) => Check::unknown(kind, UNDAMAGED, "the dates are not readable"),
    }
}

/// The usage asked for. `None` where none was.
fn usage(left: &DamagedCertificate, policy: &Policy) -> Option<Check> {
    let kind = CheckKind::ExtendedKeyUsage;
    let wanted = policy.purpose.oid()?;
    let Some(usages) = &left.extended_key_usage else {
        let detail = "no usage is readable";
        return Some(Check::unknown(kind, UNDAMAGED, detail));
    };
    let listed = usages.join(" ");
    let allowed = usages.iter().any(|it| it == wanted || it == ANY_USAGE);
    Some(if allowed {
        Check::pass(kind, format!("{wanted} is among {listed}"))
    } else {
        let detail = format!("{wanted} is needed, it has {listed}");
        Check::fail(kind, TrustStatus::IS_NOT_VALID_FOR_USAGE, detail)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::super::examination::Outcome;
    use super::super::question::Host;
    use super::*;
    use crate::pki::Certificate;

    const LEAF: &[u8] = include_bytes!("../../tests/data/pki/leaf-every-extension.der");

    fn outcomes(bytes: &[u8], at: &str, host: &str) -> Vec<(&'static str, &'static str)> {
        let error = Certificate::from_der(bytes).unwrap_err();
        let left = DamagedCertificate::from_der(bytes, error).unwrap();
        let policy = Policy {
            host: Some(Host::from_text(host)),
            ..Policy::default()
        };
        let at = Timestamp::from_rfc3339(at).unwrap();
        let checks = examine_damaged(&left, at, &policy, &[]);
        checks
            .iter()
            .map(|check| (check.kind.word(), check.outcome.word()))
            .collect()
    }

    fn with_bad_date() -> Vec<u8> {
        let mut bytes = LEAF.to_vec();
        let wanted = b"110125205412Z";
        let at = bytes.windows(13).position(|it| it == wanted).unwrap();
        bytes[at + 2] = b'9';
        bytes
    }

    #[test]
    fn a_lost_start_date_leaves_the_end_to_judge_by() {
        let before = outcomes(&with_bad_date(), "2020-01-01T00:00:00Z", "leaf.example");
        assert!(before.contains(&("validity", "unknown")));
        assert!(before.contains(&("conformance", "fail")));
        assert!(before.contains(&("host-name", "pass")));
        assert!(before.contains(&("signature", "unknown")));
        let after = outcomes(&with_bad_date(), "2060-01-01T00:00:00Z", "other.example");
        assert!(after.contains(&("validity", "fail")));
        assert!(after.contains(&("host-name", "fail")));
    }

    #[test]
    fn a_host_is_not_said_to_be_missing_where_names_may_be_lost() {
        let key = Certificate::from_der(LEAF).unwrap().public_key.der;
        let at = LEAF.windows(key.len()).position(|it| it == &key[..]);
        let cut = &LEAF[..at.unwrap() + key.len()];
        let checks = outcomes(cut, "2020-01-01T00:00:00Z", "other.example");
        assert!(checks.contains(&("host-name", "unknown")));
        assert!(checks.contains(&("validity", "pass")));
        let unknown = Outcome::Unknown(Needed::Undamaged);
        assert_eq!(unknown.word(), "unknown");
    }
}
