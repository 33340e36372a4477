//! The URLs that objects of the case name, and the hosts where validation
//! looks for its objects.

use std::collections::{BTreeMap, BTreeSet};

use crate::pki::certificate::{CA_ISSUERS, Certificate, DistributionPoint, GeneralName, OCSP};
use crate::pki::{Artifact, Crl, Ctl};

use super::purpose::WSUS_PORTS;
use super::{ObjectKind, url};

/// URLs that objects of the case name: caIssuers, OCSP, CRL distribution points
/// and freshestCRL of every certificate seen anywhere. The well-known places of
/// the trust lists need no naming.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KnownUrls {
    /// Kind by [`url::key`]; the first naming in the order of [`ObjectKind`] wins.
    urls: BTreeMap<String, ObjectKind>,
    /// Kinds by host and port.
    hosts: BTreeMap<String, BTreeSet<(u16, ObjectKind)>>,
    /// Hosts of caIssuers URLs whose certificate has no issuer in the case.
    missing_issuers: BTreeSet<String>,
    /// LDAP URLs by the distinguished name and attribute they ask for, both
    /// lower case, and their kind.
    directory: BTreeMap<(String, String), (String, ObjectKind)>,
    /// Proxies (host, port) that a setting of the machine names.
    proxies: BTreeSet<(String, u16)>,
}

impl KnownUrls {
    /// Collects the URLs of all objects of a case.
    pub fn from_artifacts<'a>(artifacts: impl IntoIterator<Item = &'a Artifact>) -> Self {
        let mut known = KnownUrls::default();
        let mut certificates: Vec<&Certificate> = Vec::new();
        let mut listed_keys: BTreeSet<&[u8]> = BTreeSet::new();
        for artifact in artifacts {
            match artifact {
                Artifact::Certificate(certificate) => certificates.push(certificate),
                Artifact::Crl(crl) => known.add_crl(crl),
                Artifact::Ocsp(_) => {}
                Artifact::Ctl(ctl) => {
                    certificates.extend(ctl.certificates.iter().map(AsRef::as_ref));
                    listed_keys.extend(key_identifiers(ctl));
                }
            }
        }
        let subjects: BTreeSet<&[u8]> = certificates.iter().map(|c| &*c.subject.der).collect();
        for certificate in &certificates {
            known.add_certificate(certificate);
            let issuer_key = certificate.authority_key_identifier.value();
            let issuer_key = issuer_key.and_then(|key| key.key_identifier.as_deref());
            let is_listed_root = issuer_key.is_some_and(|key| listed_keys.contains(key));
            if !subjects.contains(&*certificate.issuer.der) && !is_listed_root {
                let hosts = certificate
                    .access_urls(CA_ISSUERS)
                    .into_iter()
                    .filter_map(url::parts);
                known.missing_issuers.extend(hosts.map(|parts| parts.host));
            }
        }
        known
    }

    /// Adds one URL by hand: of a log, a setting, or an analyst.
    pub fn add(&mut self, location: &str, kind: ObjectKind) {
        self.add_directory(location, kind);
        let Some(parts) = url::parts(location) else {
            return;
        };
        // LDAP servers answer for much else, so that their hosts say nothing.
        if parts.host.is_empty() || !matches!(parts.scheme.as_str(), "http" | "https") {
            return;
        }
        self.hosts
            .entry(parts.host)
            .or_default()
            .insert((parts.port, kind));
        let slot = self.urls.entry(url::key(location)).or_insert(kind);
        *slot = kind.min(*slot);
    }

    /// The URL by which an object of the case publishes this entry's attribute.
    #[must_use]
    pub fn directory_url(&self, base: &str, attribute: &str) -> Option<&str> {
        let key = directory_key(base, attribute);
        self.directory.get(&key).map(|(url, _)| url.as_str())
    }

    /// What is fetched from a directory, most plausible first, where any object
    /// of the case names one: a list before a certificate.
    #[must_use]
    pub fn directory_kind(&self) -> Option<ObjectKind> {
        let kinds: BTreeSet<ObjectKind> = self.directory.values().map(|(_, kind)| *kind).collect();
        most_plausible(&kinds, false)
    }

    /// `ldap://host/name?attributes?scope?filter`, host mostly empty (RFC 4516 §2).
    fn add_directory(&mut self, location: &str, kind: ObjectKind) {
        let scheme = location.get(..5).unwrap_or_default();
        if !scheme.eq_ignore_ascii_case("ldap:") {
            return;
        }
        let after = location.get(5..).unwrap_or_default();
        let after = after.strip_prefix("//").unwrap_or(after);
        let path = after.split_once('/').map_or("", |(_, path)| path);
        let mut parts = path.split('?');
        let base = String::from_utf8_lossy(&url::percent_decoded(parts.next().unwrap_or_default()))
            .into_owned();
        let attribute = parts.next().unwrap_or_default();
        self.directory
            .entry(directory_key(&base, attribute))
            .or_insert_with(|| (location.to_owned(), kind));
    }

    /// Adds a proxy that a setting of the machine names.
    pub fn add_proxy(&mut self, host: &str, port: u16) {
        self.proxies
            .insert((host.trim_end_matches('.').to_ascii_lowercase(), port));
    }

    /// True for a proxy that a setting names.
    #[must_use]
    pub fn is_proxy(&self, host: &str, port: Option<u16>) -> bool {
        let mut proxies = self.proxies.iter();
        proxies.any(|(name, number)| name == host && port.is_none_or(|port| port == *number))
    }

    /// What a URL was published for, by an object of the case.
    #[must_use]
    pub fn kind_of(&self, location: &str) -> Option<ObjectKind> {
        let key = url::key(location);
        let without_query = || self.urls.get(key.split('?').next()?);
        self.urls.get(&key).or_else(without_query).copied()
    }

    /// The kinds of objects that are fetched from a host, at one port or at
    /// any: those that objects of the case name, those of the trust lists, and
    /// else what the host's own name says.
    #[must_use]
    pub fn kinds_at_host(&self, host: &str, port: Option<u16>) -> BTreeSet<ObjectKind> {
        let host = host.to_ascii_lowercase();
        let at_port = |number: u16| port.is_none_or(|port| port == number);
        let named = self.hosts.get(&host).into_iter().flatten();
        let named = named
            .filter(|(number, _)| at_port(*number))
            .map(|(_, kind)| *kind);
        let mut kinds: BTreeSet<ObjectKind> = named.collect();
        if TRUST_LIST_HOSTS.contains(&host.as_str()) && at_port(80) {
            kinds.insert(ObjectKind::Ctl);
        }
        let is_update_port = port.is_some_and(|port| WSUS_PORTS.contains(&port));
        let is_update_host = host.ends_with(UPDATE_DOMAIN) && (at_port(443) || at_port(80));
        if is_update_port || is_update_host {
            kinds.insert(ObjectKind::Wsus);
        }
        if kinds.is_empty() && at_port(80) {
            kinds.extend(kind_by_name(&host));
        }
        kinds
    }

    /// The most plausible of [`KnownUrls::kinds_at_host`], for an attempt that
    /// never got to name its object: a trust list where one is served; the
    /// issuer certificate where a certificate of the case lacks its issuer and
    /// names this host for it; then OCSP before CRL before delta CRL, because
    /// revocation is asked at every validation; then an issuer certificate,
    /// which is fetched only when it is missing.
    #[must_use]
    pub fn kind_at_host(&self, host: &str, port: Option<u16>) -> Option<ObjectKind> {
        most_plausible(
            &self.kinds_at_host(host, port),
            self.missing_issuers.contains(host),
        )
    }

    /// True when a certificate without issuer names this host for it.
    pub(super) fn lacks_issuer_at(&self, host: &str) -> bool {
        self.missing_issuers.contains(host)
    }

    fn add_certificate(&mut self, certificate: &Certificate) {
        for (method, kind) in [(CA_ISSUERS, ObjectKind::AiaCert), (OCSP, ObjectKind::Ocsp)] {
            for location in certificate.access_urls(method) {
                self.add(location, kind);
            }
        }
        for location in certificate.crl_urls() {
            self.add(location, ObjectKind::Crl);
        }
        self.add_points(certificate.freshest_crl.value(), ObjectKind::DeltaCrl);
    }

    fn add_crl(&mut self, crl: &Crl) {
        self.add_points(crl.freshest_crl.value(), ObjectKind::DeltaCrl);
    }

    fn add_points(&mut self, points: Option<&Vec<DistributionPoint>>, kind: ObjectKind) {
        for name in points
            .into_iter()
            .flatten()
            .flat_map(|point| &point.full_name)
        {
            if let GeneralName::Uri(location) = name {
                self.add(location, kind);
            }
        }
    }
}

/// Lower case, no blanks around commas, no options after the attribute.
fn directory_key(base: &str, attribute: &str) -> (String, String) {
    let parts: Vec<&str> = base.split(',').map(str::trim).collect();
    let attribute = attribute.split(';').next().unwrap_or_default();
    (
        parts.join(",").to_ascii_lowercase(),
        attribute.to_ascii_lowercase(),
    )
}

/// See [`KnownUrls::kind_at_host`].
pub(super) fn most_plausible(
    kinds: &BTreeSet<ObjectKind>,
    lacks_issuer: bool,
) -> Option<ObjectKind> {
    use ObjectKind::{AiaCert, Crl, Ctl, DeltaCrl, Disallowed, Ocsp, Pac, PinRules, RootCrt, Seq};
    let order = [
        Ctl, Disallowed, PinRules, Seq, RootCrt, Ocsp, Crl, DeltaCrl, AiaCert, Pac,
    ];
    if lacks_issuer && kinds.contains(&AiaCert) && !kinds.contains(&Ctl) {
        return Some(AiaCert);
    }
    let ordered = order.into_iter().find(|kind| kinds.contains(kind));
    ordered.or_else(|| kinds.first().copied())
}

/// Hosts of the trust lists over the years, on port 80.
const TRUST_LIST_HOSTS: [&str; 3] = [
    "ctldl.windowsupdate.com",
    "www.download.windowsupdate.com",
    "download.windowsupdate.com",
];

/// The public update service, which update servers synchronize from.
const UPDATE_DOMAIN: &str = ".update.microsoft.com";

/// What the name of a host says by convention: `ocsp2.globalsign.com`,
/// `crl3.digicert.com`, `cacerts.digicert.com`, `wpad.corp.example`.
fn kind_by_name(host: &str) -> Option<ObjectKind> {
    // One-letter services of Let's Encrypt and Google.
    const SERVICES: [(&str, ObjectKind); 6] = [
        ("c.lencr.org", ObjectKind::Crl),
        ("o.lencr.org", ObjectKind::Ocsp),
        ("i.lencr.org", ObjectKind::AiaCert),
        ("c.pki.goog", ObjectKind::Crl),
        ("o.pki.goog", ObjectKind::Ocsp),
        ("i.pki.goog", ObjectKind::AiaCert),
    ];
    if host == "wpad" || host.starts_with("wpad.") {
        return Some(ObjectKind::Pac);
    }
    if let Some((_, kind)) = SERVICES.iter().find(|(name, _)| is_at(host, name)) {
        return Some(*kind);
    }
    host.split('.').find_map(|label| {
        let word = label.trim_end_matches(|c: char| c.is_ascii_digit() || c == '-');
        match word {
            word if word.starts_with("ocsp") || word.ends_with("ocsp") => Some(ObjectKind::Ocsp),
            word if word.starts_with("crl") || word.ends_with("crl") => Some(ObjectKind::Crl),
            "cacerts" | "cacert" | "aia" | "crt" => Some(ObjectKind::AiaCert),
            _ => None,
        }
    })
}

fn is_at(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

fn key_identifiers(ctl: &Ctl) -> impl Iterator<Item = &[u8]> {
    ctl.entries
        .iter()
        .filter_map(|entry| entry.key_identifier.as_deref())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::super::fixtures::certificate;
    use super::*;

    fn known(certificates: Vec<Certificate>) -> KnownUrls {
        let artifacts: Vec<Artifact> = certificates
            .into_iter()
            .map(|c| Artifact::Certificate(c.into()))
            .collect();
        KnownUrls::from_artifacts(&artifacts)
    }

    #[test]
    fn urls_of_certificates_tell_what_they_are_for() {
        let leaf = certificate(
            "leaf",
            "CA",
            &["http://pki.example/ca"],
            &["http://crl.example/1"],
        );
        let known = known(vec![leaf]);
        assert_eq!(
            known.kind_of("http://PKI.example:80/ca"),
            Some(ObjectKind::AiaCert)
        );
        assert_eq!(
            known.kind_of("http://crl.example/1?x"),
            Some(ObjectKind::Crl)
        );
        assert_eq!(known.kind_of("http://crl.example/2"), None);
    }

    #[test]
    fn a_host_has_the_kinds_of_its_port_only() {
        let leaf = certificate("leaf", "CA", &["http://www.example/ca"], &[]);
        let known = known(vec![leaf]);
        assert_eq!(
            known.kind_at_host("www.example", Some(80)),
            Some(ObjectKind::AiaCert)
        );
        assert_eq!(known.kind_at_host("www.example", Some(443)), None);
        assert_eq!(
            known.kind_at_host("www.example", None),
            Some(ObjectKind::AiaCert)
        );
    }

    #[test]
    fn the_trust_lists_need_no_certificate_to_name_their_hosts() {
        let known = KnownUrls::default();
        let host = "ctldl.windowsupdate.com";
        assert_eq!(known.kind_at_host(host, Some(80)), Some(ObjectKind::Ctl));
        assert_eq!(known.kind_at_host(host, Some(443)), None);
        assert_eq!(
            known.kind_at_host("sws.update.microsoft.com", Some(443)),
            Some(ObjectKind::Wsus)
        );
        assert_eq!(
            known.kind_at_host("srv1", Some(8530)),
            Some(ObjectKind::Wsus)
        );
    }

    #[test]
    fn where_a_host_serves_both_the_missing_issuer_decides() {
        let both = |issuer| {
            certificate(
                "leaf",
                issuer,
                &["http://p.example/ca"],
                &["http://p.example/crl"],
            )
        };
        let alone = known(vec![both("CA")]);
        assert_eq!(
            alone.kind_at_host("p.example", Some(80)),
            Some(ObjectKind::AiaCert)
        );
        let with_issuer = known(vec![both("CA"), certificate("CA", "CA", &[], &[])]);
        assert_eq!(
            with_issuer.kind_at_host("p.example", Some(80)),
            Some(ObjectKind::Crl)
        );
    }

    #[test]
    fn names_of_hosts_speak_where_no_certificate_does() {
        let known = KnownUrls::default();
        let kind = |host| known.kind_at_host(host, Some(80));
        assert_eq!(kind("crl3.digicert.com"), Some(ObjectKind::Crl));
        assert_eq!(kind("geant.ocsp.sectigo.com"), Some(ObjectKind::Ocsp));
        assert_eq!(kind("oneocsp.microsoft.com"), Some(ObjectKind::Ocsp));
        assert_eq!(kind("r3.i.lencr.org"), Some(ObjectKind::AiaCert));
        assert_eq!(kind("wpad.corp.example"), Some(ObjectKind::Pac));
        assert_eq!(kind("www.example.com"), None);
    }

    #[test]
    fn ldap_hosts_say_nothing_and_nonsense_is_passed_over() {
        let mut known = KnownUrls::default();
        known.add("not a url", ObjectKind::Crl);
        assert_eq!(known, KnownUrls::default());
        known.add("ldap://dc.example/CN=x", ObjectKind::Crl);
        assert_eq!(known.kinds_at_host("dc.example", None), BTreeSet::new());
        assert_eq!(known.directory_kind(), Some(ObjectKind::Crl));
    }
}
