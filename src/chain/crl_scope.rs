//! Which certificates a CRL speaks of: RFC 5280 §6.3.3(b).

use super::names::CanonicalName;
use super::pool::Node;
use super::profile::{Form, Rules};
use super::revocation::ALL_REASONS;
use crate::pki::Crl;
use crate::pki::certificate::{Decoded, DistributionPoint, GeneralName, Name};

/// What of a certificate a CRL can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scope {
    /// The reasons it covers for the distribution point.
    pub reasons: u16,
    /// Its entries may be of other issuers.
    pub indirect: bool,
}

/// Critical extensions of a CRL that are processed: number, delta indicator,
/// issuing distribution point, authorityKeyIdentifier.
const PROCESSED: [&str; 4] = ["2.5.29.20", "2.5.29.27", "2.5.29.28", "2.5.29.35"];

/// The names of those who may issue the CRL of a distribution point.
pub(super) fn issuers_of(point: &DistributionPoint, node: &Node) -> Vec<CanonicalName> {
    if point.crl_issuer.is_empty() {
        return vec![node.issuer.clone()];
    }
    let names = point.crl_issuer.iter().filter_map(|name| match name {
        GeneralName::Directory(name) => Some(CanonicalName::of(name)),
        _ => None,
    });
    names.collect()
}

/// Checks that a CRL has no part that is not understood.
///
/// # Errors
///
/// What is not understood.
pub(super) fn check_form(crl: &Crl, rules: &Rules) -> Result<(), String> {
    if rules.form != Form::Any {
        check_number(crl)?;
    }
    let critical = crl.extensions.iter().filter(|extension| extension.critical);
    let mut unknown = critical.filter(|extension| !PROCESSED.contains(&extension.oid.as_str()));
    if let Some(extension) = unknown.next() {
        return Err(format!("unknown critical extension {}", extension.oid));
    }
    let mut entries = crl.revoked.iter().flat_map(|entry| &entry.unknown_critical);
    if let Some(oid) = entries.next() {
        return Err(format!("unknown critical entry extension {oid}"));
    }
    Ok(())
}

/// cRLNumber is there and not critical: RFC 5280 §5.2.3. A CRL of version 1
/// has no extensions to have it in.
fn check_number(crl: &Crl) -> Result<(), String> {
    match crl
        .extensions
        .iter()
        .find(|extension| extension.oid == CRL_NUMBER)
    {
        Some(extension) if extension.critical => Err("its cRLNumber is critical".to_string()),
        None if !crl.extensions.is_empty() => Err("without cRLNumber".to_string()),
        _ => Ok(()),
    }
}

/// cRLNumber.
const CRL_NUMBER: &str = "2.5.29.20";

/// Compares a complete CRL of the right issuer with a distribution point of a
/// certificate.
///
/// # Errors
///
/// Why the CRL does not speak of it.
pub(super) fn scope(
    crl: &Crl,
    point: &DistributionPoint,
    node: &Node,
    rules: &Rules,
) -> Result<Scope, &'static str> {
    if crl.delta_base.is_some() {
        return Err("a delta CRL");
    }
    let point_reasons = point.reasons.unwrap_or(ALL_REASONS) & ALL_REASONS;
    let foreign = !point.crl_issuer.is_empty() && CanonicalName::of(&crl.issuer) != node.issuer;
    let distribution = match &crl.issuing_distribution_point {
        Decoded::Malformed(_) => return Err("its issuingDistributionPoint cannot be read"),
        Decoded::Absent if foreign => return Err("of another issuer, and not an indirect one"),
        Decoded::Absent => {
            return Ok(Scope {
                reasons: point_reasons,
                indirect: false,
            });
        }
        Decoded::Present(distribution) => distribution,
    };
    if !rules.partial_crls && (distribution.indirect || distribution.only_some_reasons.is_some()) {
        return Err("indirect or for some reasons only, which Windows ignores");
    }
    if foreign && !distribution.indirect {
        return Err("of another issuer, and not an indirect one");
    }
    let basic = node.certificate.basic_constraints.value();
    let is_ca = basic.is_some_and(|basic| basic.ca);
    if distribution.only_attribute {
        return Err("for attribute certificates only");
    }
    if distribution.only_user && is_ca {
        return Err("for certificates of users only");
    }
    if distribution.only_ca && !is_ca {
        return Err("for certificates of CAs only");
    }
    if let Some(named) = &distribution.distribution_point {
        let theirs = point_names(named, &crl.issuer);
        let base = point.crl_issuer.iter().find_map(|name| match name {
            GeneralName::Directory(name) => Some(name),
            _ => None,
        });
        let mut ours = point_names(point, base.unwrap_or(&node.certificate.issuer));
        if ours.is_empty() {
            ours = point.crl_issuer.iter().filter_map(comparable).collect();
        }
        if !ours.iter().any(|name| theirs.contains(name)) {
            return Err("for another distribution point");
        }
    }
    let crl_reasons = distribution.only_some_reasons.unwrap_or(ALL_REASONS) & ALL_REASONS;
    Ok(Scope {
        reasons: point_reasons & crl_reasons,
        indirect: distribution.indirect,
    })
}

/// A name of a distribution point in a form that compares.
#[derive(Debug, Clone, PartialEq, Eq)]
enum PointName {
    Directory(CanonicalName),
    Uri(String),
    Other(GeneralName),
}

fn comparable(name: &GeneralName) -> Option<PointName> {
    Some(match name {
        GeneralName::Directory(name) => PointName::Directory(CanonicalName::of(name)),
        GeneralName::Uri(uri) => PointName::Uri(uri.to_lowercase()),
        other => PointName::Other(other.clone()),
    })
}

/// The names of a point; a relative one is completed with the CRL issuer's.
fn point_names(point: &DistributionPoint, issuer: &Name) -> Vec<PointName> {
    let mut names: Vec<PointName> = point.full_name.iter().filter_map(comparable).collect();
    if let Some(relative) = &point.relative_name
        && let Some(name) = CanonicalName::of(issuer).with_relative(relative)
    {
        names.push(PointName::Directory(name));
    }
    names
}

/// True when `delta` updates `base`: same scope, base not older than the one
/// it builds on, and not newer than itself.
///
/// Spec: RFC 5280 §5.2.4, §6.3.3(c).
pub(super) fn is_delta_to(delta: &Crl, base: &Crl) -> bool {
    let (Some(builds_on), Some(number)) = (&delta.delta_base, &base.crl_number) else {
        return false;
    };
    let same_scope = delta.issuing_distribution_point == base.issuing_distribution_point;
    let same_key = delta.authority_key_identifier == base.authority_key_identifier;
    let newer = delta
        .crl_number
        .as_ref()
        .is_some_and(|own| number_of(own) >= number_of(number));
    same_scope && same_key && newer && number_of(builds_on) <= number_of(number)
}

/// A non-negative INTEGER in a form that compares: its length, its octets.
fn number_of(octets: &[u8]) -> (usize, &[u8]) {
    let start = octets
        .iter()
        .position(|octet| *octet != 0)
        .unwrap_or(octets.len());
    let octets = octets.get(start..).unwrap_or_default();
    (octets.len(), octets)
}
