//! Name constraints: RFC 5280 §4.2.1.10, and what Windows makes of kinds it
//! does not support.

use std::cell::Cell;

use super::examination::{Check, CheckKind, Needed};
use super::form::is_host_name;
use super::name_match::{Comparable, Fit, fit};
use super::names::is_empty_name;
use super::profile::{Form, Rules};
use super::status::TrustStatus;
use crate::pki::Certificate;
use crate::pki::certificate::{Decoded, GeneralName, GeneralSubtree, NameConstraints};

/// Comparisons of a name with a subtree in one examination: as many as OpenSSL
/// makes for one certificate, some ten milliseconds. The largest real
/// constraints have some hundred subtrees, the largest certificates some
/// hundred names.
const MAX_COMPARISONS: usize = 1 << 20;

/// emailAddress in a distinguished name.
const EMAIL_ATTRIBUTE: &str = "1.2.840.113549.1.9.1";
/// otherName userPrincipalName.
pub(super) const UPN: &str = "1.3.6.1.4.1.311.20.2.3";

/// Counts comparisons over a whole examination.
#[derive(Debug, Default)]
pub(super) struct Comparisons(Cell<usize>);

/// One constraining issuer of a path.
pub(super) struct Issuer<'a> {
    pub certificate: &'a Certificate,
    pub label: &'a str,
}

/// Checks the names of one certificate against the constraints of all issuers
/// above it. `None` where there are no constraints above.
///
/// A violation is a fault of the certificate that has the name; the detail
/// says whose constraint it breaks.
pub(super) fn check_names(
    certificate: &Certificate,
    issuers: &[Issuer<'_>],
    rules: &Rules,
    comparisons: &Comparisons,
) -> Option<Check> {
    let kind = CheckKind::NameConstraints;
    let (mut bits, mut details) = (TrustStatus::none(), Vec::new());
    let constrains = |issuer: &Issuer<'_>| issuer.certificate.name_constraints.value().is_some();
    if !issuers.iter().any(constrains) {
        return None;
    }
    let names = names_of(certificate);
    let comparable: Vec<Comparable<'_>> = names.iter().map(Comparable::of_name).collect();
    for issuer in issuers {
        let Some(constraints) = issuer.certificate.name_constraints.value() else {
            continue;
        };
        let size = constraints.permitted.len() + constraints.excluded.len();
        let used = comparisons
            .0
            .get()
            .saturating_add(names.len().saturating_mul(size));
        if used > MAX_COMPARISONS {
            let needed = Needed::Budget("comparisons of names with constraints");
            return Some(Check::unknown(
                kind,
                needed,
                "more names and constraints than the limit",
            ));
        }
        comparisons.0.set(used);
        let subtrees = Subtrees::of(constraints);
        for (name, comparable) in names.iter().zip(&comparable) {
            for (fault, what) in violations(comparable, &subtrees, rules) {
                bits |= fault;
                if details.len() < MAX_DETAILS {
                    details.push(format!("{} {what} {}", shown(name), issuer.label));
                }
            }
        }
    }
    Some(if bits.is_empty() {
        Check::pass(kind, "all names are permitted")
    } else {
        Check::fail(kind, bits, details.join("; "))
    })
}

/// Violations named in one detail line.
const MAX_DETAILS: usize = 5;

/// Checks the constraints themselves, at the issuer that has them. `None`
/// without constraints.
pub(super) fn check_constraints(issuer: &Certificate, rules: &Rules) -> Option<Check> {
    let kind = CheckKind::NameConstraints;
    let constraints = match &issuer.name_constraints {
        Decoded::Absent => return None,
        Decoded::Malformed(why) => {
            let bits = TrustStatus::INVALID_NAME_CONSTRAINTS | TrustStatus::INVALID_EXTENSION;
            return Some(Check::fail(kind, bits, format!("unreadable: {why}")));
        }
        Decoded::Present(constraints) => constraints,
    };
    let (mut bits, mut details) = (TrustStatus::none(), Vec::new());
    for subtree in constraints.permitted.iter().chain(&constraints.excluded) {
        if subtree.minimum != 0 || subtree.maximum.is_some() {
            bits |= TrustStatus::HAS_NOT_SUPPORTED_NAME_CONSTRAINT;
            details.push(format!("minimum or maximum with {}", shown(&subtree.base)));
        }
        if rules.unsupported_constraints_always_count && !is_supported(&subtree.base) {
            bits |= TrustStatus::HAS_NOT_SUPPORTED_NAME_CONSTRAINT;
            details.push(format!("{} is not supported", shown(&subtree.base)));
        }
        if let Some(why) = malformed_base(&subtree.base, rules) {
            bits |= TrustStatus::INVALID_NAME_CONSTRAINTS;
            details.push(format!("{}: {why}", shown(&subtree.base)));
        }
    }
    details.truncate(MAX_DETAILS);
    Some(if bits.is_empty() {
        let (permitted, excluded) = (constraints.permitted.len(), constraints.excluded.len());
        Check::pass(
            kind,
            format!("{permitted} permitted and {excluded} excluded subtrees"),
        )
    } else {
        Check::fail(kind, bits, details.join("; "))
    })
}

/// What is wrong with the base of a subtree, if something is.
fn malformed_base(base: &GeneralName, rules: &Rules) -> Option<&'static str> {
    match base {
        GeneralName::Ip(octets) if octets.len() != 8 && octets.len() != 32 => {
            Some("not an address with a mask")
        }
        GeneralName::Ip(octets) if rules.form != Form::Any && !is_contiguous(octets) => {
            Some("the mask has gaps")
        }
        GeneralName::Dns(name) if rules.form != Form::Any && name.starts_with('.') => {
            Some("a dNSName must not begin with a period")
        }
        GeneralName::Dns(name) if rules.form != Form::Any && name.contains('*') => {
            Some("a dNSName subtree has no wildcards")
        }
        GeneralName::Email(base) if rules.form != Form::Any && !is_mail_base(base) => {
            Some("not a mailbox, a host or a domain")
        }
        GeneralName::Uri(base) if rules.form != Form::Any && !is_host_base(base) => {
            Some("not a host or a domain")
        }
        _ => None,
    }
}

/// A mailbox, a host, or a domain.
fn is_mail_base(base: &str) -> bool {
    match base.rsplit_once('@') {
        Some((local, host)) => !local.is_empty() && !local.contains('@') && is_host_name(host),
        None => is_host_base(base),
    }
}

/// A host, or a domain with a leading period; empty for all.
fn is_host_base(base: &str) -> bool {
    let host = base.strip_prefix('.').unwrap_or(base);
    base.is_empty() || is_host_name(host) && host.parse::<std::net::Ipv4Addr>().is_err()
}

/// True when the second half of the octets is a run of ones, then zeros.
fn is_contiguous(octets: &[u8]) -> bool {
    let mask = octets.get(octets.len() / 2..).unwrap_or_default();
    let bits = mask
        .iter()
        .flat_map(|octet| (0..8).rev().map(move |bit| octet >> bit & 1));
    bits.is_sorted_by(|earlier, later| earlier >= later)
}

/// All names of a certificate that constraints apply to: the subject, the
/// alternative names, and a mailbox in the subject when no alternative name is
/// one.
fn names_of(certificate: &Certificate) -> Vec<GeneralName> {
    let mut names = Vec::new();
    if !is_empty_name(&certificate.subject) {
        names.push(GeneralName::Directory(certificate.subject.clone()));
    }
    let alternative = certificate.subject_alternative_names.value();
    if alternative.is_none() {
        let attributes = certificate.subject.attributes.iter();
        let emails = attributes.filter(|(oid, _)| oid == EMAIL_ATTRIBUTE);
        names.extend(emails.map(|(_, value)| GeneralName::Email(value.clone())));
    }
    names.extend(alternative.into_iter().flatten().cloned());
    names
}

/// The subtrees of one issuer, ready to compare.
struct Subtrees<'a> {
    permitted: Vec<Comparable<'a>>,
    excluded: Vec<Comparable<'a>>,
}

impl<'a> Subtrees<'a> {
    fn of(constraints: &'a NameConstraints) -> Self {
        let bases = |subtrees: &'a [GeneralSubtree]| {
            let bases = subtrees.iter().map(|subtree| &subtree.base);
            bases.map(Comparable::of_base).collect()
        };
        Subtrees {
            permitted: bases(&constraints.permitted),
            excluded: bases(&constraints.excluded),
        }
    }
}

/// What one issuer's constraints say against one name.
fn violations(
    name: &Comparable<'_>,
    subtrees: &Subtrees<'_>,
    rules: &Rules,
) -> Vec<(TrustStatus, &'static str)> {
    let mut faults = Vec::new();
    let mut excluded = false;
    let mut unsupported = false;
    for base in &subtrees.excluded {
        match fit(name, base, true) {
            Fit::Within => excluded = true,
            Fit::NotSupported => unsupported = true,
            Fit::OtherKind | Fit::Outside => {}
        }
    }
    let (mut constrained, mut permitted) = (false, false);
    for base in &subtrees.permitted {
        match fit(name, base, false) {
            Fit::Within => (constrained, permitted) = (true, true),
            Fit::Outside => constrained = true,
            Fit::NotSupported => unsupported = true,
            Fit::OtherKind => {}
        }
    }
    if excluded {
        faults.push((TrustStatus::HAS_EXCLUDED_NAME_CONSTRAINT, "is excluded by"));
    }
    if constrained && !permitted {
        faults.push((
            TrustStatus::HAS_NOT_PERMITTED_NAME_CONSTRAINT,
            "is not permitted by",
        ));
    }
    if unsupported && !rules.unsupported_constraints_always_count {
        let bits = TrustStatus::HAS_NOT_SUPPORTED_NAME_CONSTRAINT;
        faults.push((bits, "is of a kind that cannot be compared, constrained by"));
    }
    faults
}

/// True for the kinds of names that can be compared.
fn is_supported(base: &GeneralName) -> bool {
    match base {
        GeneralName::Email(_)
        | GeneralName::Dns(_)
        | GeneralName::Uri(_)
        | GeneralName::Ip(_)
        | GeneralName::Directory(_) => true,
        GeneralName::Other(oid, _) => oid == UPN,
        GeneralName::RegisteredId(_) | GeneralName::Raw(..) => false,
    }
}

/// A name for people.
pub(super) fn shown(name: &GeneralName) -> String {
    match name {
        GeneralName::Email(text) => format!("mailbox {text}"),
        GeneralName::Dns(text) => format!("DNS name {text}"),
        GeneralName::Uri(text) => format!("URI {text}"),
        GeneralName::Ip(octets) => format!("address {}", super::host::address_text(octets)),
        GeneralName::Directory(name) if name.text.is_empty() => "the empty name".to_string(),
        GeneralName::Directory(name) => format!("name {}", name.text),
        GeneralName::Other(oid, _) => format!("otherName {oid}"),
        GeneralName::RegisteredId(oid) => format!("registeredID {oid}"),
        GeneralName::Raw(tag, _) => format!("name of tag {tag}"),
    }
}
