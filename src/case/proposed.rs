//! The leaf that a handshake with hidden certificates may have had: proposed
//! from what else the evidence holds, never asserted.

use super::{ArtifactSource, Case, Handshake};
use crate::cryptnet;
use crate::pki::certificate::{CA_ISSUERS, GeneralName};
use crate::pki::{Artifact, Certificate, digest};
use crate::protocol::tls::ServerCertificates;
use crate::provenance::Cite;
use crate::retrieval::{self, Retrieval};
use crate::time::Span;

/// Windows asks for the status of a chain while the handshake waits or just
/// after it; half a minute covers two time-outs.
const ASKED_WITHIN: Span = Span::seconds(30);
/// Proposals kept; a wildcard certificate renewed each month has a dozen.
const MAX_PROPOSED: usize = 8;

/// A certificate that the server may have sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposed {
    /// The certificate, an artifact index; `None` where only its serial is known.
    pub artifact: Option<usize>,
    /// Its serial number.
    pub serial: Vec<u8>,
    /// The certificate that its OCSP answer names as issuer, an artifact index.
    pub issuer: Option<usize>,
    /// What speaks for it, as ends of `because …`.
    pub because: Vec<String>,
    /// Where.
    pub cites: Vec<Cite>,
}

/// What may have been the leaf of a handshake whose certificates are hidden,
/// best supported first. Empty for every other handshake.
#[must_use]
pub fn proposed(case: &Case, handshake: &Handshake) -> Vec<Proposed> {
    if !matches!(handshake.certificates, ServerCertificates::Hidden(_)) {
        return Vec::new();
    }
    let near: Vec<&Retrieval> = asked_near(case, handshake);
    let mut found: Vec<Proposed> = case
        .artifacts
        .iter()
        .enumerate()
        .filter_map(|(index, _)| by_certificate(case, handshake, &near, index))
        .collect();
    by_answers(case, handshake, &mut found);
    found.sort_by(|a, b| {
        (b.because.len(), b.artifact.is_some())
            .cmp(&(a.because.len(), a.artifact.is_some()))
            .then_with(|| (a.artifact, &a.serial).cmp(&(b.artifact, &b.serial)))
    });
    found.truncate(MAX_PROPOSED);
    found
}

/// Requests of the machine during the handshake and shortly after it.
fn asked_near<'a>(case: &'a Case, handshake: &Handshake) -> Vec<&'a Retrieval> {
    let all = case.retrievals.iter().zip(&case.retrieval_machines);
    all.filter(|(retrieval, owner)| {
        **owner == handshake.machine
            && handshake.machine.is_some()
            && Case::is_trust_object(retrieval.object)
            && retrieval.started_at >= handshake.at
            && retrieval.started_at.since(handshake.ended_at) <= ASKED_WITHIN
    })
    .map(|(retrieval, _)| retrieval)
    .collect()
}

/// A certificate that is at hand: its names must fit the site.
fn by_certificate(
    case: &Case,
    handshake: &Handshake,
    near: &[&Retrieval],
    index: usize,
) -> Option<Proposed> {
    let certificate = case.certificate(index)?;
    let site = handshake.site.as_deref()?;
    if certificate.not_before > handshake.at || !names(certificate, site) {
        return None;
    }
    let record = case.artifacts.get(index)?;
    let sight = record.seen.first()?;
    let place = match sight.source {
        ArtifactSource::Handshake(_) => "the same site sent it in another handshake",
        ArtifactSource::Retrieval(_) => "it was downloaded",
        ArtifactSource::Cache(_) => "it lies in a cache",
        ArtifactSource::File => "it was handed over",
        ArtifactSource::Host { .. } => "it lies in a store of the machine",
        ArtifactSource::Log(_) => "a log of the machine recorded it",
    };
    let mut because = vec![format!("its names fit {site} and {place}")];
    let mut cites = vec![sight.cite.clone()];
    for retrieval in near {
        let Some(url) = retrieval.url.as_deref() else {
            continue;
        };
        let mut named = certificate.crl_urls();
        named.extend(certificate.access_urls(CA_ISSUERS));
        if named
            .iter()
            .any(|wanted| cryptnet::same_resource(url, wanted))
        {
            because.push(format!("the machine asked for {url}, which it names"));
        } else if asks_for_serial(url, &certificate.serial) {
            because.push("the machine asked for the status of its serial number".to_owned());
        } else {
            continue;
        }
        cites.extend(retrieval.cites.iter().cloned());
    }
    because.dedup();
    Some(Proposed {
        artifact: Some(index),
        serial: certificate.serial.clone(),
        issuer: None,
        because,
        cites,
    })
}

/// OCSP answers that came near the handshake, or that lie in the machine's
/// caches for a certificate proposed already.
fn by_answers(case: &Case, handshake: &Handshake, found: &mut Vec<Proposed>) {
    for record in &case.artifacts {
        let Artifact::Ocsp(answer) = &record.artifact else {
            continue;
        };
        let of_machine = record
            .seen
            .iter()
            .filter(|sight| sight.machine.is_some() && sight.machine == handshake.machine);
        let mut came = false;
        let mut cite = None;
        for sight in of_machine {
            let at = sight.at;
            let near = at.is_some_and(|at| {
                at >= handshake.at && at.since(handshake.ended_at) <= ASKED_WITHIN
            });
            came |= near && matches!(sight.source, ArtifactSource::Retrieval(_));
            cite = cite.or_else(|| Some(sight.cite.clone()));
        }
        let Some(cite) = cite else { continue };
        for single in answer.basic.iter().flat_map(|basic| &basic.responses) {
            let because = if came {
                "the status of its serial number came just after"
            } else {
                "a status for its serial number is cached"
            };
            let known = found
                .iter_mut()
                .find(|proposed| proposed.serial == single.cert_id.serial);
            match known {
                Some(known) => {
                    known.because.push(because.to_owned());
                    known.cites.push(cite.clone());
                }
                None if came => found.push(Proposed {
                    artifact: None,
                    serial: single.cert_id.serial.clone(),
                    issuer: issuer_of(case, &single.cert_id.issuer_name_hash),
                    because: vec![because.to_owned()],
                    cites: vec![cite.clone()],
                }),
                None => {}
            }
        }
    }
}

/// The certificate whose subject has this hash; SHA-1 or SHA-256 by its length.
fn issuer_of(case: &Case, name_hash: &[u8]) -> Option<usize> {
    (0..case.artifacts.len()).find(|index| {
        case.certificate(*index).is_some_and(|certificate| {
            let name = &certificate.subject.der;
            match name_hash.len() {
                20 => digest::sha1(name) == *name_hash,
                32 => digest::sha256(name) == *name_hash,
                _ => false,
            }
        })
    })
}

/// True when a URL is an OCSP request by GET that has the serial in it.
fn asks_for_serial(url: &str, serial: &[u8]) -> bool {
    let Some(request) = retrieval::ocsp_request_of(url) else {
        return false;
    };
    // INTEGER; a leading zero octet may keep it positive.
    let bytes = serial.strip_prefix(&[0]).unwrap_or(serial);
    !bytes.is_empty()
        && request
            .windows(bytes.len() + 2)
            .any(|window| is_integer(window, bytes))
}

fn is_integer(window: &[u8], value: &[u8]) -> bool {
    match window {
        [0x02, length, rest @ ..] => usize::from(*length) == value.len() && rest == value,
        // 02 len 00 value: the window begins one octet later.
        [_, 0x00, rest @ ..] => rest == value,
        _ => false,
    }
}

/// True when a certificate is for a host: a dNSName, wildcards for one label,
/// or the subject's short name where it has none (RFC 6125 §6.4).
#[must_use]
pub fn names(certificate: &Certificate, site: &str) -> bool {
    let all = certificate.subject_alternative_names.value();
    let dns: Vec<&str> = all
        .into_iter()
        .flatten()
        .filter_map(|name| match name {
            GeneralName::Dns(name) => Some(name.as_str()),
            _ => None,
        })
        .collect();
    if dns.is_empty() {
        return certificate.subject.short().eq_ignore_ascii_case(site);
    }
    dns.iter().any(|name| fits(name, site))
}

fn fits(name: &str, site: &str) -> bool {
    match name.strip_prefix("*.") {
        Some(rest) => site
            .split_once('.')
            .is_some_and(|(label, parent)| !label.is_empty() && parent.eq_ignore_ascii_case(rest)),
        None => name.eq_ignore_ascii_case(site),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    #[test]
    fn a_wildcard_stands_for_one_label() {
        assert!(fits("*.shop.example", "www.shop.example"));
        assert!(!fits("*.shop.example", "a.www.shop.example"));
        assert!(!fits("*.shop.example", "shop.example"));
        assert!(fits("Shop.example", "shop.example"));
    }

    #[test]
    fn the_serial_is_found_as_an_integer_of_the_request() {
        assert!(is_integer(&[0x02, 0x02, 0x12, 0x34], &[0x12, 0x34]));
        assert!(!is_integer(&[0x04, 0x02, 0x12, 0x34], &[0x12, 0x34]));
        assert!(is_integer(&[0x03, 0x00, 0x92, 0x34], &[0x92, 0x34]));
    }
}
