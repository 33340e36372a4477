//! Checks that need one certificate and nothing else.

use super::examination::{Check, CheckKind, Needed};
use super::profile::{Rules, Strength};
use super::question::Profile;
use super::status::TrustStatus;
use crate::pki::Certificate;
use crate::pki::certificate::Decoded;
use crate::time::Timestamp;

/// Checks that `at` lies within the validity period, both ends included.
///
/// Spec: RFC 5280 §4.1.2.5, §6.1.3(a)(2).
pub(super) fn check_validity(certificate: &Certificate, at: Timestamp) -> Check {
    check_period(certificate.not_before, certificate.not_after, at)
}

/// As [`check_validity`], of the two dates alone.
pub(super) fn check_period(from: Timestamp, to: Timestamp, at: Timestamp) -> Check {
    let (kind, bits) = (CheckKind::Validity, TrustStatus::IS_NOT_TIME_VALID);
    if at < from {
        Check::fail(
            kind,
            bits,
            format!("not valid before {from}, the time is {at}"),
        )
    } else if at > to {
        Check::fail(kind, bits, format!("expired at {to}, the time is {at}"))
    } else {
        Check::pass(kind, format!("{at} is within {from} to {to}"))
    }
}

/// 2012-10-09, KB2661254: RSA keys under 1024 bits are refused; Windows 8 of
/// the same month refuses MD2 and MD4.
const WINDOWS_MIN_KEY_FROM: i64 = 1_349_740_800;
/// 2014-02-11, KB2862973: MD5 signatures are refused.
const WINDOWS_MD5_FROM: i64 = 1_392_076_800;
/// The dates from which Windows refuses more than before.
pub(super) const POLICY_DATES: [(i64, &str); 2] = [
    (
        WINDOWS_MIN_KEY_FROM,
        "Windows refuses RSA keys under 1024 bits, MD2 and MD4",
    ),
    (WINDOWS_MD5_FROM, "Windows refuses MD5 signatures"),
];
/// `MinRsaPubKeyBitLength`: keys shorter than this.
const WINDOWS_MIN_RSA_BITS: u32 = 1_023;
/// The CA/Browser Forum's minimum for RSA.
const FORUM_MIN_RSA_BITS: u32 = 2_048;

pub(super) const RSA_KEY: &str = "1.2.840.113549.1.1.1";
pub(super) const DSA_KEY: &str = "1.2.840.10040.4.1";
pub(super) const EC_KEY: &str = "1.2.840.10045.2.1";
pub(super) const RSA_PSS: &str = "1.2.840.113549.1.1.10";
/// DER of the named curves P-256, P-384 and P-521.
const FORUM_CURVES: [&[u8]; 3] = [
    &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07],
    &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22],
    &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23],
];

/// The old hash a signature algorithm uses.
fn old_hash(oid: &str) -> Option<&'static str> {
    Some(match oid {
        "1.2.840.113549.1.1.2" | "1.3.14.7.2.3.1" => "MD2",
        "1.2.840.113549.1.1.3" | "1.3.14.3.2.2" | "1.3.14.3.2.4" => "MD4",
        "1.2.840.113549.1.1.4" | "1.3.14.3.2.3" => "MD5",
        "1.2.840.113549.1.1.5"
        | "1.3.14.3.2.29"
        | "1.3.14.3.2.15"
        | "1.3.14.3.2.27"
        | "1.2.840.10040.4.3"
        | "1.2.840.10045.4.1" => "SHA-1",
        _ => return None,
    })
}

/// Checks algorithms and keys against what the profile refuses. The signature
/// of the last element counts for nothing: trust does not rest on it.
pub(super) fn check_strength(
    certificate: &Certificate,
    is_last: bool,
    at: Timestamp,
    rules: &Rules,
) -> Option<Check> {
    let weakness = match rules.strength {
        Strength::Any => return None,
        Strength::WindowsDates => windows_weakness(certificate, is_last, at),
        Strength::Forum => forum_weakness(certificate, is_last),
    };
    let bits = TrustStatus::HAS_WEAK_SIGNATURE | TrustStatus::IS_NOT_SIGNATURE_VALID;
    Some(match weakness {
        Some(detail) => Check::fail(CheckKind::Strength, bits, detail),
        None => Check::pass(CheckKind::Strength, strength_text(certificate)),
    })
}

/// 2017-05-09: Edge and Internet Explorer refuse SHA-1 below roots of
/// Microsoft's program. Roots of a company are not concerned.
const EDGE_SHA1_FROM: i64 = 1_494_288_000;

/// Checks a certificate below a root of the list of the day for what only some
/// programs refuse. `None` where there is nothing of it.
pub(super) fn check_program_strength(certificate: &Certificate, at: Timestamp) -> Option<Check> {
    let is_sha1 = old_hash(&certificate.signature_algorithm.oid) == Some("SHA-1");
    (is_sha1 && at.unix_seconds() >= EDGE_SHA1_FROM).then(|| {
        let detail = "SHA-1 below a root of the program: Edge and Internet Explorer refuse it for \
            servers since 2017-05-09, other programs go on";
        Check::unknown(
            CheckKind::Strength,
            Needed::Verifier("Edge or Internet Explorer"),
            detail,
        )
    })
}

fn strength_text(certificate: &Certificate) -> String {
    let hash = old_hash(&certificate.signature_algorithm.oid)
        .map_or(certificate.signature_algorithm.oid.as_str(), |hash| hash);
    match certificate.public_key.bits {
        Some(bits) => format!("signature {hash}, key of {bits} bits"),
        None => format!("signature {hash}"),
    }
}

fn windows_weakness(certificate: &Certificate, is_last: bool, at: Timestamp) -> Option<String> {
    let seconds = at.unix_seconds();
    let refused = match old_hash(&certificate.signature_algorithm.oid) {
        Some("MD5") => seconds >= WINDOWS_MD5_FROM,
        Some("MD2" | "MD4") => seconds >= WINDOWS_MIN_KEY_FROM,
        _ => false,
    };
    if refused && !is_last {
        let hash = old_hash(&certificate.signature_algorithm.oid).unwrap_or_default();
        return Some(format!("the signature uses {hash}, which Windows refuses"));
    }
    let bits = certificate.public_key.bits?;
    let is_rsa = certificate.public_key.algorithm.oid == RSA_KEY;
    (is_rsa && bits < WINDOWS_MIN_RSA_BITS && seconds >= WINDOWS_MIN_KEY_FROM)
        .then(|| format!("the RSA key has {bits} bits, Windows wants 1024"))
}

fn forum_weakness(certificate: &Certificate, is_last: bool) -> Option<String> {
    if let Some(hash) = old_hash(&certificate.signature_algorithm.oid)
        && !is_last
    {
        return Some(format!("the signature uses {hash}"));
    }
    let key = &certificate.public_key;
    match key.algorithm.oid.as_str() {
        RSA_KEY | RSA_PSS => {
            let bits = key.bits?;
            if bits < FORUM_MIN_RSA_BITS {
                Some(format!(
                    "the RSA key has {bits} bits, at least 2048 are asked"
                ))
            } else if bits % 8 != 0 {
                Some(format!("the RSA key has {bits} bits, not a multiple of 8"))
            } else {
                None
            }
        }
        DSA_KEY => Some("DSA keys are not allowed".to_string()),
        EC_KEY => {
            let curve = key.algorithm.parameters.as_deref().unwrap_or_default();
            let known = FORUM_CURVES.contains(&curve);
            (!known).then(|| "the curve is none of P-256, P-384, P-521".to_string())
        }
        _ => None,
    }
}

/// Extensions that all profiles process when critical.
const PROCESSED: [&str; 14] = [
    "2.5.29.14",
    "2.5.29.15",
    "2.5.29.17",
    "2.5.29.18",
    "2.5.29.19",
    "2.5.29.30",
    "2.5.29.31",
    "2.5.29.32",
    "2.5.29.33",
    "2.5.29.35",
    "2.5.29.36",
    "2.5.29.37",
    "2.5.29.46",
    "2.5.29.54",
];
/// Extensions that Windows processes besides: authorityInfoAccess, and its own
/// application policies, their mappings and constraints, template and type.
const PROCESSED_BY_WINDOWS: [&str; 7] = [
    "1.3.6.1.5.5.7.1.1",
    "1.3.6.1.4.1.311.21.10",
    "1.3.6.1.4.1.311.21.11",
    "1.3.6.1.4.1.311.21.12",
    "1.3.6.1.4.1.311.21.7",
    "1.3.6.1.4.1.311.20.2",
    "1.3.6.1.4.1.311.21.1",
];

/// Checks that no critical extension is unknown.
///
/// Spec: RFC 5280 §4.2, §6.1.4(o).
pub(super) fn check_critical_extensions(certificate: &Certificate, profile: Profile) -> Check {
    let kind = CheckKind::CriticalExtensions;
    let processed = |oid: &str| {
        PROCESSED.contains(&oid)
            || (profile == Profile::Windows && PROCESSED_BY_WINDOWS.contains(&oid))
    };
    let critical = certificate
        .extensions
        .iter()
        .filter(|extension| extension.critical);
    let unknown: Vec<&str> = critical
        .map(|extension| extension.oid.as_str())
        .filter(|oid| !processed(oid))
        .collect();
    if unknown.is_empty() {
        Check::pass(kind, "no unknown critical extension")
    } else {
        let bits = TrustStatus::HAS_NOT_SUPPORTED_CRITICAL_EXT;
        Check::fail(
            kind,
            bits,
            format!("unknown critical: {}", unknown.join(" ")),
        )
    }
}

/// Checks that the extensions can be decoded.
pub(super) fn check_extensions(certificate: &Certificate, rules: &Rules) -> Check {
    let kind = CheckKind::Extensions;
    let mut bits = TrustStatus::none();
    let mut details: Vec<String> = Vec::new();
    for (name, why, also) in malformed(certificate, rules.all_malformed_count) {
        bits |= TrustStatus::INVALID_EXTENSION | also;
        details.push(format!("{name} unreadable: {why}"));
    }
    if rules.duplicate_extensions_count {
        let mut seen: Vec<&str> = certificate
            .extensions
            .iter()
            .map(|extension| extension.oid.as_str())
            .collect();
        seen.sort_unstable();
        for pair in seen.windows(2).filter(|pair| pair.first() == pair.last()) {
            bits |= TrustStatus::INVALID_EXTENSION;
            details.push(format!("{} given twice", pair.join(" and ")));
        }
    }
    if !bits.is_empty() {
        return Check::fail(kind, bits, details.join("; "));
    }
    if certificate.oddities.is_empty() {
        Check::pass(kind, "all can be decoded")
    } else {
        Check::pass(
            kind,
            format!("oddities: {}", certificate.oddities.join("; ")),
        )
    }
}

/// Extensions that cannot be decoded: name, reason, and the bit that Windows
/// sets besides `INVALID_EXTENSION`.
fn malformed(certificate: &Certificate, all: bool) -> Vec<(&'static str, &str, TrustStatus)> {
    fn why<T>(part: &Decoded<T>) -> Option<&str> {
        match part {
            Decoded::Malformed(why) => Some(why),
            Decoded::Absent | Decoded::Present(_) => None,
        }
    }
    let none = TrustStatus::none();
    let policy = TrustStatus::INVALID_POLICY_CONSTRAINTS;
    let basic = TrustStatus::INVALID_BASIC_CONSTRAINTS;
    let names = TrustStatus::INVALID_NAME_CONSTRAINTS;
    let c = certificate;
    let counted = [
        ("basicConstraints", why(&c.basic_constraints), basic),
        ("keyUsage", why(&c.key_usage), none),
        ("extendedKeyUsage", why(&c.extended_key_usage), none),
        ("subjectAltName", why(&c.subject_alternative_names), none),
        ("nameConstraints", why(&c.name_constraints), names),
        ("certificatePolicies", why(&c.certificate_policies), policy),
        ("policyMappings", why(&c.policy_mappings), policy),
        ("policyConstraints", why(&c.policy_constraints), policy),
        ("inhibitAnyPolicy", why(&c.inhibit_any_policy), policy),
    ];
    let others = [
        ("subjectKeyIdentifier", why(&c.subject_key_identifier), none),
        (
            "authorityKeyIdentifier",
            why(&c.authority_key_identifier),
            none,
        ),
        ("authorityInfoAccess", why(&c.authority_info_access), none),
        (
            "cRLDistributionPoints",
            why(&c.crl_distribution_points),
            none,
        ),
        ("freshestCRL", why(&c.freshest_crl), none),
    ];
    let others = others.into_iter().filter(|_| all);
    let list = counted.into_iter().chain(others);
    list.filter_map(|(name, why, bits)| why.map(|why| (name, why, bits)))
        .collect()
}
