//! Whether a certificate is for the host that was asked for.

use std::net::IpAddr;

use super::examination::{Check, CheckKind, Needed};
use super::profile::Rules;
use super::punycode;
use super::question::Host;
use super::status::TrustStatus;
use crate::pki::certificate::GeneralName;
use crate::pki::{Certificate, DamagedCertificate};

/// commonName.
const COMMON_NAME: &str = "2.5.4.3";
/// emailAddress.
const EMAIL_ATTRIBUTE: &str = "1.2.840.113549.1.9.1";
/// Names written out in a detail line.
const MAX_SHOWN: usize = 8;

/// Checks the leaf's names against the host. A mismatch sets no bit of the
/// chain; the policy answers `CERT_E_CN_NO_MATCH`.
///
/// Spec: RFC 9525 §6, RFC 6125; the fallback to commonName where the profile
/// has it and no alternative name is of the host's kind.
pub(super) fn check_host(leaf: &Certificate, host: &Host, rules: &Rules) -> Check {
    let names = leaf
        .subject_alternative_names
        .value()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let matched = names.iter().find(|name| matches(name, host, rules));
    if let Some(name) = matched {
        let name = super::name_constraints::shown(name);
        return Check::pass(CheckKind::HostName, format!("{host} is covered by {name}"));
    }
    let same_kind = |name: &&GeneralName| {
        matches!(
            (name, host),
            (
                GeneralName::Dns(_) | GeneralName::Ip(_),
                Host::Dns(_) | Host::Ip(_)
            ) | (GeneralName::Email(_), Host::Email(_))
        )
    };
    if rules.common_name_fallback && !names.iter().any(|name| same_kind(&name)) {
        let wanted = if matches!(host, Host::Email(_)) {
            EMAIL_ATTRIBUTE
        } else {
            COMMON_NAME
        };
        let attributes = leaf.subject.attributes.iter();
        let mut values = attributes
            .filter(|(oid, _)| oid == wanted)
            .map(|(_, value)| value);
        let found = values.find(|value| subject_value_matches(value, host, rules));
        if let Some(value) = found {
            let detail = format!("{host} is the subject's {value}, no alternative name is there");
            return Check::pass(CheckKind::HostName, detail);
        }
    }
    let mut shown: Vec<String> = names
        .iter()
        .take(MAX_SHOWN)
        .map(super::name_constraints::shown)
        .collect();
    if names.len() > MAX_SHOWN {
        shown.push(format!("{} more", names.len() - MAX_SHOWN));
    }
    if shown.is_empty() {
        shown.push(format!("subject {} alone", leaf.subject.text));
    }
    let detail = format!(
        "{host} was asked for, the certificate is for {}",
        shown.join(", ")
    );
    Check::fail(CheckKind::HostName, TrustStatus::none(), detail)
}

/// As [`check_host`], of what is left of a certificate. Names that may be lost
/// are not said to be missing.
pub(super) fn check_remains(left: &DamagedCertificate, host: &Host, rules: &Rules) -> Check {
    let kind = CheckKind::HostName;
    let Some(names) = &left.subject_alternative_names else {
        return Check::unknown(kind, Needed::Undamaged, "no alternative name is readable");
    };
    match names.iter().find(|name| matches(name, host, rules)) {
        Some(name) => {
            let name = super::name_constraints::shown(name);
            Check::pass(kind, format!("{host} is covered by {name}"))
        }
        None => {
            let detail = format!("{host} was asked for, no alternative name covers it");
            Check::fail(kind, TrustStatus::none(), detail)
        }
    }
}

fn matches(name: &GeneralName, host: &Host, rules: &Rules) -> bool {
    match (name, host) {
        (GeneralName::Dns(pattern), Host::Dns(host)) => dns_matches(pattern, host, rules),
        (GeneralName::Ip(octets), Host::Ip(address)) => is_address(octets, *address),
        (GeneralName::Email(mailbox), Host::Email(wanted)) => mailbox_matches(mailbox, wanted),
        _ => false,
    }
}

fn subject_value_matches(value: &str, host: &Host, rules: &Rules) -> bool {
    match host {
        Host::Dns(host) => dns_matches(value, host, rules),
        Host::Ip(address) => value.trim().parse() == Ok(*address),
        Host::Email(wanted) => mailbox_matches(value, wanted),
    }
}

fn is_address(octets: &[u8], address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => octets == address.octets(),
        IpAddr::V6(address) => octets == address.octets(),
    }
}

/// The local part as it is, the domain without case.
fn mailbox_matches(mailbox: &str, wanted: &str) -> bool {
    match (mailbox.rsplit_once('@'), wanted.rsplit_once('@')) {
        (Some((local, host)), Some((wanted_local, wanted_host))) => {
            local == wanted_local && canonical_dns(host) == canonical_dns(wanted_host)
        }
        _ => false,
    }
}

/// A pattern may have one `*`, alone in the left-most label; it stands for
/// exactly one label.
fn dns_matches(pattern: &str, host: &str, rules: &Rules) -> bool {
    let (pattern, host) = (canonical_dns(pattern), canonical_dns(host));
    if host.is_empty() || host.starts_with('.') || host.contains('*') {
        return false;
    }
    match pattern.strip_prefix("*.") {
        None => pattern == host,
        Some(rest) => {
            let labels = rest.split('.').count();
            let (first, parent) = host.split_once('.').unwrap_or((host.as_str(), ""));
            labels >= rules.labels_after_wildcard && !first.is_empty() && parent == rest
        }
    }
}

/// A DNS name as it compares: A-labels, lower case, without the final period.
pub(super) fn canonical_dns(name: &str) -> String {
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.is_ascii() {
        return name.to_ascii_lowercase();
    }
    let labels = name.split('.').map(|label| {
        if label.is_ascii() {
            return label.to_ascii_lowercase();
        }
        let lower = label.to_lowercase();
        punycode::encoded(&lower).map_or(lower, |ascii| format!("xn--{ascii}"))
    });
    labels.collect::<Vec<String>>().join(".")
}

/// An address, or an address with its mask, for people.
pub(super) fn address_text(octets: &[u8]) -> String {
    fn one(octets: &[u8]) -> Option<String> {
        let four = <[u8; 4]>::try_from(octets).map(IpAddr::from);
        let sixteen = <[u8; 16]>::try_from(octets).map(IpAddr::from);
        four.or(sixteen).ok().map(|address| address.to_string())
    }
    let (network, mask) = octets.split_at(octets.len() / 2);
    match (one(octets), octets.len()) {
        (_, 8 | 32) => {
            format!(
                "{}/{}",
                one(network).unwrap_or_default(),
                one(mask).unwrap_or_default()
            )
        }
        (Some(text), _) => text,
        (None, _) => crate::bytes::to_hex(octets),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::profile::rules;
    use crate::chain::question::{Policy, Profile};

    fn covers(profile: Profile, pattern: &str, host: &str) -> bool {
        let policy = Policy {
            profile,
            ..Policy::default()
        };
        dns_matches(pattern, host, &rules(&policy))
    }

    #[test]
    fn a_wildcard_stands_for_one_left_most_label() {
        let windows = |pattern, host| covers(Profile::Windows, pattern, host);
        assert!(windows("*.example.com", "WWW.example.com."));
        assert!(!windows("*.example.com", "example.com"));
        assert!(!windows("*.example.com", "a.b.example.com"));
        assert!(!windows("w*.example.com", "www.example.com"));
        assert!(!windows("www.*.com", "www.example.com"));
        assert!(!windows("*", "localhost"));
        assert!(windows("*.com", "example.com"));
        assert!(!covers(Profile::Webpki, "*.com", "example.com"));
    }

    #[test]
    fn international_names_compare_as_a_labels() {
        assert_eq!(canonical_dns("Bücher.example"), "xn--bcher-kva.example");
        assert!(covers(
            Profile::Windows,
            "xn--bcher-kva.example",
            "bücher.example"
        ));
    }

    #[test]
    fn addresses_and_networks_are_written_as_people_do() {
        assert_eq!(address_text(&[192, 0, 2, 1]), "192.0.2.1");
        assert_eq!(
            address_text(&[10, 0, 0, 0, 255, 0, 0, 0]),
            "10.0.0.0/255.0.0.0"
        );
        assert_eq!(address_text(&[1, 2, 3]), "010203");
    }
}
