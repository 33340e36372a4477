//! Key usage and extended key usage.

use super::examination::{Check, CheckKind};
use super::profile::Rules;
use super::question::{Profile, Purpose};
use super::status::TrustStatus;
use crate::pki::Certificate;
use crate::pki::certificate::Decoded;

/// keyCertSign, bit 5.
pub(super) const KEY_CERT_SIGN: u16 = 0x8000 >> 5;
/// cRLSign, bit 6.
pub(super) const CRL_SIGN: u16 = 0x8000 >> 6;
/// anyExtendedKeyUsage.
pub(super) const ANY_USAGE: &str = "2.5.29.37.0";
/// id-kp-OCSPSigning.
pub(super) const OCSP_SIGNING: &str = "1.3.6.1.5.5.7.3.9";

/// True when the certificate's own extended key usages allow the purpose.
pub(super) fn allows(certificate: &Certificate, purpose: &Purpose) -> bool {
    let (Some(wanted), Some(usages)) = (purpose.oid(), certificate.extended_key_usage.value())
    else {
        return true;
    };
    usages
        .iter()
        .any(|usage| usage == wanted || usage == ANY_USAGE)
}

/// Checks that an issuer may sign certificates: keyCertSign where there is a
/// keyUsage.
///
/// Windows answers with the bit for wrong usage. Spec: RFC 5280 §6.1.4(n).
pub(super) fn check_key_usage(issuer: &Certificate) -> Check {
    let kind = CheckKind::KeyUsage;
    match &issuer.key_usage {
        Decoded::Absent => Check::pass(kind, "no keyUsage: any use"),
        Decoded::Malformed(why) => Check::fail(
            kind,
            TrustStatus::INVALID_EXTENSION,
            format!("unreadable: {why}"),
        ),
        Decoded::Present(bits) if bits & KEY_CERT_SIGN != 0 => Check::pass(kind, "keyCertSign"),
        Decoded::Present(bits) => Check::fail(
            kind,
            TrustStatus::IS_NOT_VALID_FOR_USAGE,
            format!("an issuer needs keyCertSign, keyUsage is 0x{bits:04x}"),
        ),
    }
}

/// Checks one certificate's part in the intersection of usages along the
/// chain. `None` where the profile asks nothing of it.
///
/// A chain is good for what all its certificates allow; a certificate without
/// the extension allows everything. The web asks more of a leaf: the usage by
/// name, not `anyExtendedKeyUsage`.
pub(super) fn check_extended_key_usage(
    certificate: &Certificate,
    is_leaf: bool,
    purpose: &Purpose,
    profile: Profile,
    rules: &Rules,
) -> Option<Check> {
    let kind = CheckKind::ExtendedKeyUsage;
    if !is_leaf && !rules.issuer_usages_count {
        return None;
    }
    let web = profile == Profile::Webpki;
    let purpose = match purpose {
        Purpose::Any if web => &Purpose::ServerAuth,
        other => other,
    };
    let Some(wanted) = purpose.oid() else {
        return Some(Check::pass(kind, "no purpose was asked for"));
    };
    let bits = TrustStatus::IS_NOT_VALID_FOR_USAGE;
    let usages = match &certificate.extended_key_usage {
        Decoded::Present(usages) => usages,
        Decoded::Absent if is_leaf && web => {
            return Some(Check::fail(
                kind,
                bits,
                format!("{wanted} is needed, there is none"),
            ));
        }
        Decoded::Absent => return Some(Check::pass(kind, "none: any purpose")),
        Decoded::Malformed(why) => {
            let detail = format!("unreadable: {why}");
            return Some(Check::fail(kind, TrustStatus::INVALID_EXTENSION, detail));
        }
    };
    let listed = usages.join(" ");
    let named = usages.iter().any(|usage| usage == wanted);
    let any = usages.iter().any(|usage| usage == ANY_USAGE);
    Some(if named && !(is_leaf && web && any) {
        Check::pass(kind, format!("{wanted} is among {listed}"))
    } else if any && !(is_leaf && web) {
        Check::pass(kind, format!("any purpose: {listed}"))
    } else {
        Check::fail(kind, bits, format!("{wanted} is needed, it has {listed}"))
    })
}
