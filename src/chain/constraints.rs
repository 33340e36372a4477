//! Basic constraints and path length.

use super::examination::{Check, CheckKind};
use super::profile::{Form, Rules};
use super::status::TrustStatus;
use crate::pki::Certificate;
use crate::pki::certificate::Decoded;

/// Checks that an issuer is a CA.
///
/// Windows lets a root without basicConstraints issue; RFC 5280 §6.1.4(k)
/// says nothing of anchors.
pub(super) fn check_basic_constraints(issuer: &Certificate, is_root: bool, rules: &Rules) -> Check {
    let (kind, bits) = (
        CheckKind::BasicConstraints,
        TrustStatus::INVALID_BASIC_CONSTRAINTS,
    );
    match &issuer.basic_constraints {
        Decoded::Present(basic) if basic.ca => Check::pass(kind, "a CA"),
        Decoded::Present(_) => Check::fail(kind, bits, "an issuer must be a CA, cA is false"),
        Decoded::Malformed(why) => {
            let bits = bits | TrustStatus::INVALID_EXTENSION;
            Check::fail(kind, bits, format!("unreadable: {why}"))
        }
        Decoded::Absent if is_root && rules.root_without_basic_constraints => {
            Check::pass(kind, "a root without basicConstraints")
        }
        Decoded::Absent if is_root && issuer.version < 3 && rules.form != Form::Forum => {
            Check::pass(kind, "a root of a version without extensions")
        }
        Decoded::Absent => {
            let detail = format!(
                "an issuer must be a CA, version {} has no basicConstraints",
                issuer.version
            );
            Check::fail(kind, bits, detail)
        }
    }
}

/// Checks pathLenConstraint of an issuer: `below` are the certificates between
/// it and the leaf that are not self-issued.
///
/// Spec: RFC 5280 §4.2.1.9, §6.1.4(l), (m).
pub(super) fn check_path_length(issuer: &Certificate, below: usize) -> Check {
    let kind = CheckKind::PathLength;
    let most = issuer
        .basic_constraints
        .value()
        .and_then(|basic| basic.path_length);
    match most {
        None => Check::pass(kind, format!("no limit, {below} below")),
        Some(most) if below as u64 <= u64::from(most) => {
            Check::pass(kind, format!("at most {most} CAs below, {below} are"))
        }
        Some(most) => Check::fail(
            kind,
            TrustStatus::INVALID_BASIC_CONSTRAINTS,
            format!("at most {most} CAs may follow, {below} do"),
        ),
    }
}
