//! Whether a name lies in a subtree of name constraints, for each kind.

use super::host::canonical_dns;
use super::name_constraints::UPN;
use super::names::{CanonicalName, text_of, tlv};
use crate::bytes::Reader;
use crate::pki::certificate::GeneralName;

/// How a name relates to a subtree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    /// In the subtree.
    Within,
    /// Of the same kind, outside.
    Outside,
    /// Of another kind.
    OtherKind,
    /// Of the same kind, and one that cannot be compared.
    NotSupported,
}

/// Compares a name with the base of a subtree; `canonical` is the name where
/// it is a directory name. When excluding, a name that stands for many lies
/// within if one of them does.
///
/// Spec: RFC 5280 §4.2.1.10.
pub(super) fn fit(
    name: &GeneralName,
    canonical: Option<&CanonicalName>,
    base: &GeneralName,
    excluding: bool,
) -> Fit {
    use GeneralName as N;
    let within = match (name, base) {
        (N::Dns(name), N::Dns(base)) => dns_within(name, base, excluding),
        (N::Email(name), N::Email(base)) => mailbox_within(name, base, excluding),
        (N::Ip(address), N::Ip(base)) => address_within(address, base, excluding),
        (N::Directory(_), N::Directory(base)) => {
            let base = CanonicalName::of(base);
            canonical.is_some_and(|name| name.is_within(&base))
        }
        (N::Uri(uri), N::Uri(base)) => match host_of(uri) {
            Some(host) => domain_within(&host, base, false),
            // "MUST be rejected" when it has no host that is a name.
            None => excluding,
        },
        (N::Other(kind, value), N::Other(base_kind, base)) if kind == base_kind => {
            if kind != UPN {
                return Fit::NotSupported;
            }
            match (utf8(value), utf8(base)) {
                (Some(name), Some(base)) => mailbox_within(&name, &base, excluding),
                _ => return Fit::NotSupported,
            }
        }
        (N::RegisteredId(_), N::RegisteredId(_)) => return Fit::NotSupported,
        (N::Raw(tag, _), N::Raw(base_tag, _)) if tag == base_tag => return Fit::NotSupported,
        _ => return Fit::OtherKind,
    };
    if within { Fit::Within } else { Fit::Outside }
}

/// A DNS name is in the subtree of its own name and of every name to which it
/// adds labels on the left. A leading period, which the standard does not
/// have, asks for at least one label more, as OpenSSL and Windows read it.
fn dns_within(name: &str, base: &str, excluding: bool) -> bool {
    let (name, base) = (canonical_dns(name), canonical_dns(base));
    if base.is_empty() {
        return true;
    }
    if ends_in_domain(&name, &base) {
        return true;
    }
    // `*.example.com` stands for `host.example.com` too.
    excluding
        && name.strip_prefix("*.").is_some_and(|rest| {
            let parent = base
                .trim_start_matches('.')
                .split_once('.')
                .map(|(_, parent)| parent);
            parent == Some(rest)
        })
}

/// True for the domain and all below it; only below it when it begins with a
/// period.
fn ends_in_domain(name: &str, base: &str) -> bool {
    match name.strip_suffix(base) {
        None => false,
        Some("") => !base.starts_with('.'),
        Some(rest) => base.starts_with('.') || rest.ends_with('.'),
    }
}

/// A mailbox against a mailbox, a host, or a domain with a leading period.
fn mailbox_within(mailbox: &str, base: &str, excluding: bool) -> bool {
    let Some((local, host)) = mailbox.rsplit_once('@') else {
        // Not a mailbox: refused either way.
        return excluding;
    };
    match base.rsplit_once('@') {
        Some((base_local, base_host)) => {
            (base_local.is_empty() || local == base_local) && host.eq_ignore_ascii_case(base_host)
        }
        None => domain_within(host, base, true),
    }
}

/// A host against a host, or a domain with a leading period. The empty base
/// is every host.
fn domain_within(host: &str, base: &str, empty_is_all: bool) -> bool {
    let (host, base) = (canonical_dns(host), canonical_dns(base));
    if base.is_empty() {
        return empty_is_all;
    }
    if base.starts_with('.') {
        ends_in_domain(&host, &base)
    } else {
        host == base
    }
}

/// An address against an address with a mask.
fn address_within(address: &[u8], base: &[u8], excluding: bool) -> bool {
    if address.len() != 4 && address.len() != 16 {
        return excluding;
    }
    if base.len() != address.len() * 2 {
        return false;
    }
    let (network, mask) = base.split_at(address.len());
    let pairs = address.iter().zip(network).zip(mask);
    pairs
        .into_iter()
        .all(|((address, network), mask)| address & mask == network & mask)
}

/// The host of a URI, where it has one that is a name.
fn host_of(uri: &str) -> Option<String> {
    let (_, rest) = uri.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    if host.starts_with('[') {
        return None;
    }
    let host = host.split_once(':').map_or(host, |(host, _)| host);
    let is_address = host.parse::<std::net::Ipv4Addr>().is_ok();
    (!host.is_empty() && !is_address).then(|| host.to_string())
}

/// The text of a value that is a string, perhaps inside an explicit tag.
fn utf8(der: &[u8]) -> Option<String> {
    let (tag, value) = tlv(&mut Reader::new(der))?;
    if tag == 0xa0 {
        utf8(value)
    } else {
        text_of(tag, value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dns(name: &str, base: &str, excluding: bool) -> Fit {
        fit(
            &GeneralName::Dns(name.into()),
            None,
            &GeneralName::Dns(base.into()),
            excluding,
        )
    }

    #[test]
    fn a_dns_subtree_holds_its_name_and_all_below() {
        assert_eq!(dns("example.com", "example.com", false), Fit::Within);
        assert_eq!(dns("a.B.example.com", "Example.com", false), Fit::Within);
        assert_eq!(dns("badexample.com", "example.com", false), Fit::Outside);
        assert_eq!(dns("example.com", ".example.com", false), Fit::Outside);
        assert_eq!(dns("any", "", false), Fit::Within);
    }

    #[test]
    fn a_wildcard_is_excluded_with_one_of_its_hosts() {
        assert_eq!(dns("*.example.com", "bad.example.com", true), Fit::Within);
        assert_eq!(dns("*.example.com", "bad.example.com", false), Fit::Outside);
        assert_eq!(
            dns("*.example.com", "a.bad.example.com", true),
            Fit::Outside
        );
    }

    #[test]
    fn a_mailbox_fits_its_host_but_not_the_hosts_below() {
        let fits = |name: &str, base: &str| {
            fit(
                &GeneralName::Email(name.into()),
                None,
                &GeneralName::Email(base.into()),
                false,
            )
        };
        assert_eq!(fits("a@example.com", "example.com"), Fit::Within);
        assert_eq!(fits("a@x.example.com", "example.com"), Fit::Outside);
        assert_eq!(fits("a@x.example.com", ".example.com"), Fit::Within);
        assert_eq!(fits("a@example.com", "A@example.com"), Fit::Outside);
        assert_eq!(fits("a@EXAMPLE.com", "a@example.com"), Fit::Within);
    }

    #[test]
    fn a_uri_fits_by_its_host_and_is_refused_without_one() {
        let fits = |uri: &str, base: &str, excluding| {
            fit(
                &GeneralName::Uri(uri.into()),
                None,
                &GeneralName::Uri(base.into()),
                excluding,
            )
        };
        assert_eq!(
            fits("http://u@host.example.com:80/x", ".example.com", false),
            Fit::Within
        );
        assert_eq!(
            fits("http://example.com/", ".example.com", false),
            Fit::Outside
        );
        assert_eq!(fits("urn:x", ".example.com", false), Fit::Outside);
        assert_eq!(fits("http://192.0.2.1/", ".example.com", true), Fit::Within);
    }

    #[test]
    fn an_address_fits_a_network_of_its_own_family() {
        let fits = |address: &[u8], base: &[u8]| {
            let base = GeneralName::Ip(base.to_vec());
            fit(&GeneralName::Ip(address.to_vec()), None, &base, false)
        };
        assert_eq!(
            fits(&[10, 1, 2, 3], &[10, 0, 0, 0, 255, 0, 0, 0]),
            Fit::Within
        );
        assert_eq!(
            fits(&[11, 1, 2, 3], &[10, 0, 0, 0, 255, 0, 0, 0]),
            Fit::Outside
        );
        assert_eq!(fits(&[10, 1, 2, 3], &[0; 32]), Fit::Outside);
    }
}
