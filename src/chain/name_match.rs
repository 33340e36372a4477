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

/// A name, or the base of a subtree, in the form in which it compares. Made
/// once, however many there are to compare it with.
#[derive(Debug)]
pub(super) enum Comparable<'a> {
    /// As A-labels, lower case.
    Dns(String),
    Email(Mailbox),
    /// Of a name its host, where it has one that is a name; of a base all.
    Uri(Option<String>),
    Ip(&'a [u8]),
    Directory(CanonicalName),
    /// userPrincipalName, where it is a string.
    PrincipalName(Option<Mailbox>),
    /// A kind that cannot be compared: its tag, and the type of an otherName.
    Opaque(u8, &'a str),
}

/// A mailbox; without a local part, a host or a domain.
#[derive(Debug)]
pub(super) struct Mailbox {
    local: Option<String>,
    /// As A-labels, lower case.
    host: String,
}

impl Mailbox {
    fn of(text: &str) -> Self {
        match text.rsplit_once('@') {
            Some((local, host)) => Mailbox {
                local: Some(unquoted(local)),
                host: canonical_dns(host),
            },
            None => Mailbox {
                local: None,
                host: canonical_dns(text),
            },
        }
    }
}

/// A local part without the quotes and backslashes that do not change what it
/// means.
///
/// Spec: RFC 5321 §4.1.2.
fn unquoted(local: &str) -> String {
    let inside = local.strip_prefix('"');
    let Some(inside) = inside.and_then(|rest| rest.strip_suffix('"')) else {
        return local.to_string();
    };
    let mut plain = String::new();
    let mut characters = inside.chars();
    while let Some(character) = characters.next() {
        let escaped = (character == '\\').then(|| characters.next()).flatten();
        plain.push(escaped.unwrap_or(character));
    }
    plain
}

impl<'a> Comparable<'a> {
    /// A name of a certificate.
    pub(super) fn of_name(name: &'a GeneralName) -> Self {
        match name {
            GeneralName::Uri(uri) => Comparable::Uri(host_of(uri)),
            other => Comparable::of_base(other),
        }
    }

    /// The base of a subtree.
    pub(super) fn of_base(base: &'a GeneralName) -> Self {
        use GeneralName as N;
        match base {
            N::Dns(name) => Comparable::Dns(canonical_dns(name)),
            N::Email(mailbox) => Comparable::Email(Mailbox::of(mailbox)),
            N::Uri(host) => Comparable::Uri(Some(canonical_dns(host))),
            N::Ip(octets) => Comparable::Ip(octets),
            N::Directory(name) => Comparable::Directory(CanonicalName::of(name)),
            N::Other(kind, value) if kind == UPN => {
                Comparable::PrincipalName(utf8(value).map(|text| Mailbox::of(&text)))
            }
            N::Other(kind, _) => Comparable::Opaque(0, kind),
            N::RegisteredId(_) => Comparable::Opaque(8, ""),
            N::Raw(tag, _) => Comparable::Opaque(*tag, ""),
        }
    }
}

/// Compares a name with the base of a subtree. When excluding, a name that
/// stands for many lies within if one of them does.
///
/// Spec: RFC 5280 §4.2.1.10.
pub(super) fn fit(name: &Comparable<'_>, base: &Comparable<'_>, excluding: bool) -> Fit {
    use Comparable as C;
    let within = match (name, base) {
        (C::Dns(name), C::Dns(base)) => dns_within(name, base, excluding),
        (C::Email(name), C::Email(base)) => mailbox_within(name, base, excluding),
        (C::Ip(address), C::Ip(base)) => address_within(address, base, excluding),
        (C::Directory(name), C::Directory(base)) => name.is_within(base),
        // "MUST be rejected" when it has no host that is a name.
        (C::Uri(None), C::Uri(_)) => excluding,
        (C::Uri(Some(host)), C::Uri(base)) => {
            base.as_ref().is_some_and(|base| domain_within(host, base))
        }
        (C::PrincipalName(name), C::PrincipalName(base)) => match (name, base) {
            (Some(name), Some(base)) => mailbox_within(name, base, excluding),
            _ => return Fit::NotSupported,
        },
        (C::Opaque(tag, kind), C::Opaque(base_tag, base_kind))
            if (tag, kind) == (base_tag, base_kind) =>
        {
            return Fit::NotSupported;
        }
        _ => return Fit::OtherKind,
    };
    if within { Fit::Within } else { Fit::Outside }
}

/// A DNS name is in the subtree of its own name and of every name to which it
/// adds labels on the left. A leading period, which the standard does not
/// have, asks for at least one label more, as OpenSSL and Windows read it.
fn dns_within(name: &str, base: &str, excluding: bool) -> bool {
    if base.is_empty() || ends_in_domain(name, base) {
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
fn mailbox_within(name: &Mailbox, base: &Mailbox, excluding: bool) -> bool {
    let Some(local) = &name.local else {
        // Not a mailbox: refused either way.
        return excluding;
    };
    match &base.local {
        Some(wanted) => (wanted.is_empty() || local == wanted) && name.host == base.host,
        None => domain_within(&name.host, &base.host),
    }
}

/// A host against a host, or a domain with a leading period. The empty base
/// is every host.
fn domain_within(host: &str, base: &str) -> bool {
    if base.is_empty() {
        true
    } else if base.starts_with('.') {
        ends_in_domain(host, base)
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
    (!host.is_empty() && !is_address).then(|| canonical_dns(host))
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

    fn fits(name: &GeneralName, base: &GeneralName, excluding: bool) -> Fit {
        fit(
            &Comparable::of_name(name),
            &Comparable::of_base(base),
            excluding,
        )
    }

    fn dns(name: &str, base: &str, excluding: bool) -> Fit {
        let name = GeneralName::Dns(name.into());
        fits(&name, &GeneralName::Dns(base.into()), excluding)
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
            let name = GeneralName::Email(name.into());
            fits(&name, &GeneralName::Email(base.into()), false)
        };
        assert_eq!(fits("a@example.com", "example.com"), Fit::Within);
        assert_eq!(fits("a@x.example.com", "example.com"), Fit::Outside);
        assert_eq!(fits("a@x.example.com", ".example.com"), Fit::Within);
        assert_eq!(fits("a@example.com", "A@example.com"), Fit::Outside);
        assert_eq!(fits("a@EXAMPLE.com", "a@example.com"), Fit::Within);
        assert_eq!(
            fits("\"\\f\\oo\"@example.com", "foo@example.com"),
            Fit::Within
        );
    }

    #[test]
    fn a_uri_fits_by_its_host_and_is_refused_without_one() {
        let fits = |uri: &str, base: &str, excluding| {
            let uri = GeneralName::Uri(uri.into());
            fits(&uri, &GeneralName::Uri(base.into()), excluding)
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
            fits(&GeneralName::Ip(address.to_vec()), &base, false)
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
