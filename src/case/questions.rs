//! The questions that rules ask of a case.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{ArtifactSource, Case, Handshake};
use crate::account::Account;
use crate::pki::certificate::{CA_ISSUERS, Name};
use crate::pki::ctl::CtlKind;
use crate::pki::signature::SignatureOutcome;
use crate::pki::{Artifact, Certificate, Crl, Ctl, digest};
use crate::protocol::tls::ServerCertificates;
use crate::provenance::Cite;
use crate::retrieval::{ObjectKind, Retrieval};
use crate::time::{Span, Timestamp};

/// A signed list whose signature does not enclose the certificate that issued
/// its signer, as one machine had it.
#[derive(Debug, Clone)]
pub struct ListGap {
    /// The CTL, an artifact index.
    pub ctl: usize,
    /// The signer.
    pub signer: Arc<Certificate>,
    /// Its issuer, the certificate that is not enclosed.
    pub issuer: Name,
    /// Where the signer says the issuer can be had.
    pub urls: Vec<String>,
    /// The machine that had the list.
    pub machine: Option<usize>,
    /// When it had the list at the latest.
    pub had_at: Option<Timestamp>,
    /// Accounts whose cache holds the list.
    pub accounts_with_list: Vec<Account>,
    /// Accounts whose cache holds the issuer.
    pub accounts_with_issuer: Vec<Account>,
    /// Accounts whose caches were handed over and do not hold the issuer.
    pub accounts_without_issuer: Vec<Account>,
    /// For each service account whose cache holds the issuer, since when at the
    /// latest.
    pub services_have_issuer: Vec<Option<Timestamp>>,
    /// Where the list was seen.
    pub cites: Vec<Cite>,
}

impl Case {
    /// The requests of proxies, with the index of the retrieval each belongs to.
    pub fn onward_legs(&self) -> impl Iterator<Item = (usize, &Retrieval)> {
        let numbered = self.retrievals.iter().enumerate();
        numbered.flat_map(|(index, it)| it.onward.iter().map(move |leg| (index, leg)))
    }

    /// The certificate at an artifact index.
    #[must_use]
    pub fn certificate(&self, artifact: usize) -> Option<&Arc<Certificate>> {
        match &self.artifacts.get(artifact)?.artifact {
            Artifact::Certificate(certificate) => Some(certificate),
            _ => None,
        }
    }

    /// The CTL at an artifact index.
    #[must_use]
    pub fn ctl(&self, artifact: usize) -> Option<&Arc<Ctl>> {
        match &self.artifacts.get(artifact)?.artifact {
            Artifact::Ctl(ctl) => Some(ctl),
            _ => None,
        }
    }

    /// The CRL at an artifact index.
    #[must_use]
    pub fn crl(&self, artifact: usize) -> Option<&Arc<Crl>> {
        match &self.artifacts.get(artifact)?.artifact {
            Artifact::Crl(crl) => Some(crl),
            _ => None,
        }
    }

    /// All authroot lists with their indices.
    pub fn authroot_lists(&self) -> impl Iterator<Item = (usize, &Arc<Ctl>)> {
        let lists = self.authroot_positions().iter();
        lists.filter_map(|index| Some((*index, self.ctl(*index)?)))
    }

    /// The newest authroot list a machine had at a time, by the list's own date.
    #[must_use]
    pub fn list_of_the_day(&self, machine: Option<usize>, at: Timestamp) -> Option<usize> {
        let had = self.authroot_lists().filter(|(index, ctl)| {
            let own = self.sightings_of(*index, machine);
            let mut seen = own.chain(self.sightings_of(*index, None));
            ctl.this_update <= at
                && seen.any(|sighting| sighting.at.is_none_or(|seen_at| seen_at <= at))
        });
        had.max_by_key(|(index, ctl)| (ctl.this_update, *index))
            .map(|(index, _)| index)
    }

    /// The server's own certificate in a handshake: the first of its list, where
    /// that one can be read.
    #[must_use]
    pub fn leaf_of(&self, handshake: &Handshake) -> Option<(usize, &Arc<Certificate>)> {
        let ServerCertificates::Sent { list, .. } = &handshake.certificates else {
            return None;
        };
        let artifact = *handshake.artifacts.first()?;
        let leaf = self.certificate(artifact)?;
        list.first()?
            .starts_with(&leaf.der)
            .then_some((artifact, leaf))
    }

    /// Later and earlier handshakes of the same client with the same site and
    /// leaf that were completed within `window`.
    pub fn completed_twins<'a>(
        &'a self,
        handshake: &'a Handshake,
        window: Span,
    ) -> impl Iterator<Item = &'a Handshake> {
        self.handshakes.iter().filter(move |other| {
            other.outcome == super::HandshakeOutcome::Completed
                && other.vantage == handshake.vantage
                && other.client.ip() == handshake.client.ip()
                && other.site == handshake.site
                && (handshake.site.is_some() || other.server.ip() == handshake.server.ip())
                && other.artifacts.first() == handshake.artifacts.first()
                && other.at.since(handshake.at).abs() <= window
        })
    }

    /// Every authroot list whose signer's issuer is neither enclosed nor named as a root
    /// by an authroot list, once per machine that had it.
    #[must_use]
    pub fn list_gaps(&self) -> Vec<ListGap> {
        let mut gaps = Vec::new();
        for (index, record) in self.artifacts.iter().enumerate() {
            let Artifact::Ctl(ctl) = &record.artifact else {
                continue;
            };
            let Some(signer) = &ctl.signer else { continue };
            if ctl.kind != CtlKind::AuthRoot {
                // The other lists add no root, and their failure explains no site.
                continue;
            }
            if signer.is_self_issued() || encloses_issuer(ctl, signer) {
                continue;
            }
            if self
                .authroot_lists()
                .any(|(_, list)| names_root(list, signer))
            {
                continue;
            }
            let mut by_machine: BTreeMap<Option<usize>, Vec<&super::ArtifactSighting>> =
                BTreeMap::new();
            for sighting in &record.seen {
                by_machine
                    .entry(sighting.machine)
                    .or_default()
                    .push(sighting);
            }
            // Signatures: once for all machines.
            let issuers = self.issuers_of(signer);
            for (machine, sightings) in by_machine {
                gaps.push(self.list_gap(index, signer, &issuers, machine, &sightings));
            }
        }
        gaps
    }

    /// The certificates of the case that issued one, as artifact indices.
    fn issuers_of(&self, child: &Certificate) -> Vec<usize> {
        let all = self.artifacts.iter().enumerate();
        let issuers = all.filter(|(_, record)| match &record.artifact {
            Artifact::Certificate(certificate) => issued(certificate, child),
            _ => false,
        });
        issuers.map(|(index, _)| index).collect()
    }

    fn list_gap(
        &self,
        ctl: usize,
        signer: &Arc<Certificate>,
        issuers: &[usize],
        machine: Option<usize>,
        sightings: &[&super::ArtifactSighting],
    ) -> ListGap {
        let accounts = |list: &[&super::ArtifactSighting]| {
            let cached = list
                .iter()
                .filter(|sighting| matches!(sighting.source, ArtifactSource::Cache(_)));
            let mut accounts: Vec<Account> = cached
                .filter_map(|sighting| sighting.account.clone())
                .collect();
            accounts.sort();
            accounts.dedup();
            accounts
        };
        let issuer_sightings: Vec<&super::ArtifactSighting> = issuers
            .iter()
            .flat_map(|issuer| self.sightings_of(*issuer, machine))
            .collect();
        let accounts_with_issuer = accounts(&issuer_sightings);
        let of_service = |sighting: &&&super::ArtifactSighting| {
            let cached = matches!(sighting.source, ArtifactSource::Cache(_));
            cached
                && sighting
                    .account
                    .as_ref()
                    .is_some_and(|account| account.kind.is_service())
        };
        let services_have_issuer = issuer_sightings
            .iter()
            .filter(of_service)
            .map(|sighting| sighting.at)
            .collect();
        let profiles = machine.and_then(|machine| self.machines.get(machine));
        let profiles = profiles
            .map(|machine| machine.profiles.clone())
            .unwrap_or_default();
        let lacking = profiles
            .into_iter()
            .filter(|account| !accounts_with_issuer.contains(account));
        ListGap {
            ctl,
            signer: Arc::clone(signer),
            issuer: signer.issuer.clone(),
            urls: signer
                .access_urls(CA_ISSUERS)
                .into_iter()
                .map(str::to_owned)
                .collect(),
            machine,
            had_at: sightings.iter().filter_map(|sighting| sighting.at).min(),
            accounts_with_list: accounts(sightings),
            accounts_without_issuer: lacking.collect(),
            accounts_with_issuer,
            services_have_issuer,
            cites: sightings
                .iter()
                .map(|sighting| sighting.cite.clone())
                .collect(),
        }
    }

    /// True when the kind of a failed attempt is one that certificate
    /// validation waits for.
    #[must_use]
    pub fn is_trust_object(object: ObjectKind) -> bool {
        !matches!(
            object,
            ObjectKind::Pac | ObjectKind::Wsus | ObjectKind::Other
        )
    }

    /// `PC-17 (10.0.0.5)`, `10.0.0.5` or `a machine`.
    #[must_use]
    pub fn machine_phrase(&self, machine: Option<usize>) -> String {
        let Some(machine) = machine.and_then(|index| self.machines.get(index)) else {
            return "a machine".to_owned();
        };
        let address = machine.addresses.first().map(ToString::to_string);
        match (machine.names.first(), address) {
            (Some(name), Some(address)) => format!("{name} ({address})"),
            (Some(name), None) => name.clone(),
            (None, Some(address)) => address,
            (None, None) => "the machine of the caches".to_owned(),
        }
    }
}

/// Scheme, host and port of a URL.
#[must_use]
pub fn origin_of(url: &str) -> Option<(&str, &str, u16)> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = host_of(url)?;
    let after_host = authority
        .rsplit_once(':')
        .filter(|_| !authority.ends_with(']'));
    let port = match after_host.and_then(|(_, port)| port.parse().ok()) {
        Some(port) => port,
        None if scheme.eq_ignore_ascii_case("https") => 443,
        None => 80,
    };
    Some((scheme, host, port))
}

/// The host of a URL, without port, as written.
#[must_use]
pub fn host_of(url: &str) -> Option<&str> {
    let rest = url.split_once("://")?.1;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host_and_port = authority.rsplit('@').next()?;
    if host_and_port.starts_with('[') {
        return host_and_port
            .split(']')
            .next()
            .map(|host| host.trim_start_matches('['));
    }
    host_and_port
        .split(':')
        .next()
        .filter(|host| !host.is_empty())
}

/// True when one certificate's key made the other's signature.
#[must_use]
pub fn issued(issuer: &Certificate, child: &Certificate) -> bool {
    issuer.subject.der == child.issuer.der
        && child.verify_signed_by(&issuer.public_key) == SignatureOutcome::Valid
}

/// True when the SignedData of a CTL holds the issuer of its signer. The name
/// and the key identifier decide; a signature that we cannot verify does not
/// turn an enclosed issuer into a missing one.
#[must_use]
pub fn encloses_issuer(ctl: &Ctl, signer: &Certificate) -> bool {
    ctl.certificates.iter().any(|certificate| {
        certificate.sha256 != signer.sha256
            && certificate.subject.der == signer.issuer.der
            && key_identifiers_agree(certificate, signer)
    })
}

fn key_identifiers_agree(issuer: &Certificate, child: &Certificate) -> bool {
    let wanted = child.authority_key_identifier.value();
    let wanted = wanted.and_then(|identifier| identifier.key_identifier.as_ref());
    match (wanted, issuer.subject_key_identifier.value()) {
        (Some(wanted), Some(found)) => wanted == found,
        _ => true,
    }
}

/// True when an authroot list has an entry for the issuer of `child`: its key
/// identifier and the MD5 of its name. Such an issuer is a root, which no list
/// encloses.
#[must_use]
pub fn names_root(list: &Ctl, child: &Certificate) -> bool {
    let wanted = child.authority_key_identifier.value();
    let Some(wanted) = wanted.and_then(|identifier| identifier.key_identifier.as_ref()) else {
        return false;
    };
    let name = digest::md5(&child.issuer.der);
    list.entries.iter().any(|entry| {
        entry.key_identifier.as_ref() == Some(wanted)
            && entry.subject_name_md5.as_deref() == Some(name.as_slice())
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    #[test]
    fn the_host_of_a_url_has_no_port_and_no_login() {
        assert_eq!(host_of("http://a.example:8080/x?y"), Some("a.example"));
        assert_eq!(host_of("http://user@b.example"), Some("b.example"));
        assert_eq!(host_of("http://[2001:db8::1]:80/"), Some("2001:db8::1"));
        assert_eq!(host_of("ldap:///CN=x"), None);
        assert_eq!(host_of("no url"), None);
    }
}
