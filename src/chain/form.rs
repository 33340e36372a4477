//! What RFC 5280 §4 and the CA/Browser Forum ask of the form of certificates.
//! Windows validates without it.
//!
//! By RFC 5280 alone, what the profile of NIST's test suite lets pass does:
//! negative serial numbers, basicConstraints that is not critical below a
//! root, policyConstraints that is not critical, dates in the longer form.

use super::element::EC_KEY;
use super::examination::{Check, CheckKind};
use super::host::canonical_dns;
use super::names::is_empty_name;
use super::pool::Node;
use super::profile::Form;
use super::status::TrustStatus;
use super::usage::KEY_CERT_SIGN;
use crate::pki::Certificate;
use crate::pki::certificate::{Decoded, GeneralName};

/// Where in the chain a certificate stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Role {
    pub is_leaf: bool,
    pub is_root: bool,
    /// By whose demands.
    pub form: Form,
}

impl Role {
    fn by_forum(self) -> bool {
        self.form == Form::Forum
    }
}

/// Object identifiers of extensions.
mod oid {
    pub(super) const SUBJECT_KEY_IDENTIFIER: &str = "2.5.29.14";
    pub(super) const SUBJECT_ALT_NAME: &str = "2.5.29.17";
    pub(super) const BASIC_CONSTRAINTS: &str = "2.5.29.19";
    pub(super) const POLICY_CONSTRAINTS: &str = "2.5.29.36";
    pub(super) const AUTHORITY_KEY_IDENTIFIER: &str = "2.5.29.35";
    pub(super) const EXTENDED_KEY_USAGE: &str = "2.5.29.37";
    pub(super) const INHIBIT_ANY_POLICY: &str = "2.5.29.54";
    pub(super) const AUTHORITY_INFO_ACCESS: &str = "1.3.6.1.5.5.7.1.1";
    pub(super) const COMMON_NAME: &str = "2.5.4.3";
}

/// serialNumber may have this many octets: RFC 5280 §4.1.2.2.
const MAX_SERIAL_OCTETS: usize = 20;

/// Whether the certificates next to one use key identifiers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Neighbours {
    /// The issuer has one, or is not at hand.
    pub issuer_is_identified: bool,
    /// The child gives one for this, or there is no child.
    pub child_identifies: bool,
}

/// Checks the form of one certificate. By RFC 5280 alone, a key identifier is
/// missed only where the certificate next to it has the other half.
pub(super) fn check(certificate: &Certificate, role: Role, neighbours: Neighbours) -> Check {
    let mut faults = Faults(Vec::new());
    fields(certificate, role, &mut faults);
    criticality(certificate, role, &mut faults);
    usages(certificate, role, &mut faults);
    key_identifiers(certificate, role, neighbours, &mut faults);
    if role.is_leaf {
        leaf(certificate, role, &mut faults);
    } else {
        issuer(certificate, role, &mut faults);
    }
    let kind = CheckKind::Conformance;
    if faults.0.is_empty() {
        let forum = if role.by_forum() {
            " and the CA/Browser Forum ask"
        } else {
            " asks"
        };
        Check::pass(kind, format!("as RFC 5280{forum}"))
    } else {
        Check::fail(kind, TrustStatus::INVALID_EXTENSION, faults.0.join("; "))
    }
}

/// Faults in words.
struct Faults(Vec<&'static str>);

impl Faults {
    fn when(&mut self, fault: bool, what: &'static str) {
        if fault {
            self.0.push(what);
        }
    }
}

fn fields(certificate: &Certificate, role: Role, faults: &mut Faults) {
    let needs_version_3 = role.by_forum() || !certificate.extensions.is_empty();
    faults.when(
        certificate.version != 3 && needs_version_3,
        "the version is not 3",
    );
    let serial = &certificate.serial;
    faults.when(
        serial.len() > MAX_SERIAL_OCTETS,
        "serialNumber has more than 20 octets",
    );
    let negative = serial.first().is_some_and(|first| first & 0x80 != 0);
    faults.when(negative && role.by_forum(), "serialNumber is negative");
    let zero = serial.iter().all(|octet| *octet == 0);
    faults.when(zero && !role.is_root, "serialNumber is zero");
    let differ = certificate.tbs_signature_algorithm != certificate.signature_algorithm;
    faults.when(differ, "the two signature algorithms differ");
    faults.when(
        is_empty_name(&certificate.issuer),
        "the issuer's name is empty",
    );
    let of_time = |oddity: &String| {
        let of_time = oddity.starts_with("notBefore:") || oddity.starts_with("notAfter:");
        of_time && (role.by_forum() || !oddity.contains("GeneralizedTime for a year before 2050"))
    };
    faults.when(
        certificate.oddities.iter().any(of_time),
        "a date in a form that is not allowed",
    );
    faults.when(
        has_unnamed_curve(certificate),
        "the curve of the key is not given by name",
    );
    let reversed = certificate.not_after < certificate.not_before;
    faults.when(reversed, "notAfter is before notBefore");
}

/// True for a key on a curve that is spelled out or left to the issuer:
/// RFC 5480 §2.1.1.
fn has_unnamed_curve(certificate: &Certificate) -> bool {
    const OBJECT_IDENTIFIER: u8 = 0x06;
    let algorithm = &certificate.public_key.algorithm;
    let parameters = algorithm.parameters.as_deref().unwrap_or_default();
    algorithm.oid == EC_KEY && parameters.first() != Some(&OBJECT_IDENTIFIER)
}

fn criticality(certificate: &Certificate, role: Role, faults: &mut Faults) {
    let is_critical = |oid: &str| {
        let found = certificate
            .extensions
            .iter()
            .find(|extension| extension.oid == oid);
        found.map(|extension| extension.critical)
    };
    let aki = is_critical(oid::AUTHORITY_KEY_IDENTIFIER) == Some(true);
    faults.when(aki, "authorityKeyIdentifier is critical");
    let ski = is_critical(oid::SUBJECT_KEY_IDENTIFIER) == Some(true);
    faults.when(ski, "subjectKeyIdentifier is critical");
    let aia = is_critical(oid::AUTHORITY_INFO_ACCESS) == Some(true);
    faults.when(aia, "authorityInfoAccess is critical");
    let constraints = is_critical(oid::POLICY_CONSTRAINTS) == Some(false);
    faults.when(
        constraints && role.by_forum(),
        "policyConstraints is not critical",
    );
    let any_policy = is_critical(oid::INHIBIT_ANY_POLICY) == Some(false);
    faults.when(any_policy, "inhibitAnyPolicy is not critical");
    let is_ca = certificate
        .basic_constraints
        .value()
        .is_some_and(|basic| basic.ca);
    let basic = is_critical(oid::BASIC_CONSTRAINTS) == Some(false);
    let counts = role.by_forum() || role.is_root;
    faults.when(
        is_ca && basic && counts,
        "basicConstraints of a CA is not critical",
    );
    let no_subject = is_empty_name(&certificate.subject);
    let names = is_critical(oid::SUBJECT_ALT_NAME);
    faults.when(
        no_subject && names == Some(false),
        "subjectAltName is not critical, and the subject is empty",
    );
    faults.when(
        !no_subject && names == Some(true) && role.by_forum(),
        "subjectAltName is critical, and the subject is not empty",
    );
    if let Some(constraints) = certificate.policy_constraints.value() {
        let empty = constraints.require_explicit_policy.is_none()
            && constraints.inhibit_policy_mapping.is_none();
        faults.when(empty, "policyConstraints is empty");
    }
    if let Some(policies) = certificate.certificate_policies.value() {
        let mut sorted: Vec<&String> = policies.iter().collect();
        sorted.sort();
        let twice = sorted.windows(2).any(|pair| pair.first() == pair.last());
        faults.when(twice, "a policy is given twice");
        faults.when(policies.is_empty(), "certificatePolicies is empty");
    }
}

fn key_identifiers(
    certificate: &Certificate,
    role: Role,
    neighbours: Neighbours,
    faults: &mut Faults,
) {
    let by_forum = role.by_forum();
    let is_missed = !role.is_leaf && (by_forum || neighbours.child_identifies);
    let own = &certificate.subject_key_identifier;
    faults.when(
        is_missed && *own == Decoded::Absent,
        "a CA without subjectKeyIdentifier",
    );
    let self_issued = certificate.subject.der == certificate.issuer.der;
    match &certificate.authority_key_identifier {
        Decoded::Absent => {
            let is_missed = by_forum || neighbours.issuer_is_identified;
            let fault = is_missed && !(role.is_root && self_issued);
            faults.when(fault, "no authorityKeyIdentifier");
        }
        Decoded::Malformed(_) => {}
        Decoded::Present(identifier) => {
            let key = identifier.key_identifier.as_ref();
            faults.when(
                key.is_none() && by_forum,
                "authorityKeyIdentifier without a key identifier",
            );
            let more = identifier.issuer.is_some() || identifier.serial.is_some();
            faults.when(
                more && by_forum,
                "authorityKeyIdentifier with issuer or serial number",
            );
            let root_differs = by_forum && role.is_root && self_issued && key != own.value();
            faults.when(
                key.is_some() && root_differs,
                "the root's two key identifiers differ",
            );
        }
    }
}

/// True for a certificate that has a key identifier of its own.
pub(super) fn has_own(node: &Node) -> bool {
    node.certificate.subject_key_identifier.value().is_some()
}

/// True for a certificate that gives the key identifier of its issuer.
pub(super) fn has_issuers(node: &Node) -> bool {
    let identifier = node.certificate.authority_key_identifier.value();
    identifier.is_some_and(|identifier| identifier.key_identifier.is_some())
}

/// Usages and alternative names have at least one: RFC 5280 §4.2.1.3, §4.2.1.6,
/// §4.2.1.12. The CA/Browser
/// Forum's tables want extendedKeyUsage not critical.
fn usages(certificate: &Certificate, role: Role, faults: &mut Faults) {
    let mut extensions = certificate.extensions.iter();
    let critical =
        extensions.any(|extension| extension.oid == oid::EXTENDED_KEY_USAGE && extension.critical);
    faults.when(critical && role.by_forum(), "extendedKeyUsage is critical");
    let names = certificate.subject_alternative_names.value();
    faults.when(names.is_some_and(Vec::is_empty), "subjectAltName is empty");
    let empty = certificate.key_usage.value() == Some(&0);
    faults.when(empty, "keyUsage is empty");
    let empty = certificate
        .extended_key_usage
        .value()
        .is_some_and(Vec::is_empty);
    faults.when(empty, "extendedKeyUsage is empty");
}

fn leaf(certificate: &Certificate, role: Role, faults: &mut Faults) {
    let is_ca = certificate
        .basic_constraints
        .value()
        .is_some_and(|basic| basic.ca);
    faults.when(is_ca && role.by_forum(), "a CA as leaf");
    let signs = certificate
        .key_usage
        .value()
        .is_some_and(|bits| bits & KEY_CERT_SIGN != 0);
    faults.when(signs && !is_ca, "keyCertSign without being a CA");
    let constrains = certificate.name_constraints != Decoded::Absent;
    faults.when(
        constrains && (!is_ca || role.by_forum()),
        "a leaf with nameConstraints",
    );
    match &certificate.subject_alternative_names {
        Decoded::Absent => faults.when(role.by_forum(), "no subjectAltName"),
        Decoded::Malformed(_) => {}
        Decoded::Present(names) => {
            let broken = |name: &GeneralName| match name {
                GeneralName::Dns(name) => {
                    !is_dns_name(name) || (role.by_forum() && name.contains('_'))
                }
                GeneralName::Ip(octets) => octets.len() != 4 && octets.len() != 16,
                GeneralName::Email(mailbox) => {
                    let parts = mailbox.rsplit_once('@');
                    !parts.is_some_and(|(local, host)| !local.is_empty() && is_dns_name(host))
                }
                _ => false,
            };
            faults.when(names.iter().any(broken), "a name in subjectAltName is none");
            let attributes = certificate.subject.attributes.iter();
            let mut common = attributes.filter(|(oid, _)| oid == oid::COMMON_NAME);
            let odd = common.any(|(_, value)| is_no_copy(value, names));
            faults.when(
                odd && role.by_forum(),
                "commonName is no copy of an alternative name",
            );
        }
    }
}

fn issuer(certificate: &Certificate, role: Role, faults: &mut Faults) {
    faults.when(is_empty_name(&certificate.subject), "a CA without a name");
    let by_forum = role.by_forum();
    faults.when(
        by_forum && certificate.key_usage == Decoded::Absent,
        "a CA without keyUsage",
    );
    let usages = certificate.extended_key_usage != Decoded::Absent;
    faults.when(
        by_forum && role.is_root && usages,
        "a root with extendedKeyUsage",
    );
    if let Some(constraints) = certificate.name_constraints.value() {
        let empty = constraints.permitted.is_empty() && constraints.excluded.is_empty();
        faults.when(empty, "nameConstraints is empty");
    }
}

/// A DNS name in preferred form, underscores let pass; `*` may be its first
/// label.
fn is_dns_name(name: &str) -> bool {
    is_host_name(name.strip_prefix("*.").unwrap_or(name))
}

/// Labels of letters, digits, hyphens and underscores, none at the end a
/// hyphen.
pub(super) fn is_host_name(name: &str) -> bool {
    let is_label = |label: &str| {
        let allowed = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-' || octet == b'_';
        let hyphens = label.starts_with('-') || label.ends_with('-');
        (1..=63).contains(&label.len()) && !hyphens && label.bytes().all(allowed)
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

/// True when a commonName reads as a host, or means one of the alternative
/// names, and is not written as one. The CA/Browser Forum asks for a copy,
/// character by character; text that is no host's name is let pass, and a host
/// that a wildcard covers.
fn is_no_copy(common: &str, names: &[GeneralName]) -> bool {
    let mut means_a_name = common.contains('.') && is_dns_name(common);
    for name in names {
        let (written, same) = match name {
            GeneralName::Dns(dns) => (dns.clone(), canonical_dns(dns) == canonical_dns(common)),
            GeneralName::Ip(octets) => {
                let text = super::host::address_text(octets);
                let same = address_of(common).is_some_and(|address| address == *octets);
                (text, same)
            }
            _ => continue,
        };
        let parent = common.split_once('.').map(|(_, parent)| parent);
        if written == common || (parent.is_some() && written.strip_prefix("*.") == parent) {
            return false;
        }
        means_a_name |= same;
    }
    means_a_name
}

/// An address in any of the spellings people use: dotted with leading zeros or
/// hexadecimal parts, one number, IPv6.
fn address_of(text: &str) -> Option<Vec<u8>> {
    if let Ok(address) = text.parse::<std::net::Ipv6Addr>() {
        return Some(address.octets().to_vec());
    }
    let number = |part: &str| match part.strip_prefix("0x").or_else(|| part.strip_prefix("0X")) {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => part.parse::<u32>().ok(),
    };
    let parts: Vec<u32> = text.split('.').map(number).collect::<Option<_>>()?;
    match parts.as_slice() {
        [whole] => Some(whole.to_be_bytes().to_vec()),
        [_, _, _, _] => parts.iter().map(|part| u8::try_from(*part).ok()).collect(),
        _ => None,
    }
}
