//! Objects in the JSON report: certificates, CRLs, OCSP answers, trust lists.

use serde::Serialize;

use super::json_each::Items;
use super::json_ids::{JsonCite, Kind, id, time};
use crate::bytes::to_hex;
use crate::case::{ArtifactRecord, Case};
use crate::pki::certificate::{Decoded, GeneralName, Name};
use crate::pki::ocsp::{CertStatus, ResponderId};
use crate::pki::signature::SignatureOutcome;
use crate::pki::{Artifact, Certificate, Crl, Ctl, OcspResponse};
use crate::provenance::merged;

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub(super) struct JsonArtifact {
    id: String,
    kind: &'static str,
    sha256: String,
    sha1: String,
    size: u64,
    seen: Vec<JsonCite>,
    first_seen_at: Option<String>,
    #[serde(flatten)]
    fields: Fields,
}

/// The decoded fields of each kind.
#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
#[serde(untagged)]
enum Fields {
    Certificate(Box<CertificateFields>),
    Crl(CrlFields),
    Ocsp(OcspFields),
    Ctl(CtlFields),
}

impl JsonArtifact {
    pub(super) fn list(case: &Case) -> Items<'_, Self> {
        let numbered = case.artifacts.iter().enumerate();
        Box::new(numbered.map(|(index, record)| JsonArtifact::from_record(index, record)))
    }

    fn from_record(index: usize, record: &ArtifactRecord) -> Self {
        let (kind, sha1, size, fields) = match &record.artifact {
            Artifact::Certificate(it) => {
                let fields = Fields::Certificate(Box::new(CertificateFields::of(it)));
                ("certificate", it.sha1, it.der.len(), fields)
            }
            Artifact::Crl(it) => ("crl", it.sha1, it.der.len(), Fields::Crl(CrlFields::of(it))),
            Artifact::Ocsp(it) => (
                "ocsp",
                it.sha1,
                it.der.len(),
                Fields::Ocsp(OcspFields::of(it)),
            ),
            Artifact::Ctl(it) => ("ctl", it.sha1, it.der.len(), Fields::Ctl(CtlFields::of(it))),
        };
        let seen = merged(record.seen.iter().map(|sight| sight.cite.clone()));
        JsonArtifact {
            id: id(Kind::Artifact, index),
            kind,
            sha256: to_hex(&record.artifact.sha256()),
            sha1: to_hex(&sha1),
            size: size as u64,
            seen: JsonCite::list(&seen),
            first_seen_at: record
                .seen
                .iter()
                .filter_map(|sight| sight.at)
                .min()
                .map(time),
            fields,
        }
    }
}

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
struct CertificateFields {
    subject: String,
    issuer: String,
    serial: String,
    not_before: String,
    not_after: String,
    names: Vec<String>,
    subject_key_identifier: Option<String>,
    authority_key_identifier: Option<String>,
    ca_issuers: Vec<String>,
    crl_urls: Vec<String>,
    ocsp_urls: Vec<String>,
    oddities: Vec<String>,
}

impl CertificateFields {
    fn of(certificate: &Certificate) -> Self {
        use crate::pki::certificate::{CA_ISSUERS, OCSP};
        let owned = |urls: Vec<&str>| urls.into_iter().map(str::to_owned).collect();
        let authority = certificate.authority_key_identifier.value();
        CertificateFields {
            subject: certificate.subject.text.clone(),
            issuer: certificate.issuer.text.clone(),
            serial: serial(&certificate.serial),
            not_before: time(certificate.not_before),
            not_after: time(certificate.not_after),
            names: alternative_names(certificate),
            subject_key_identifier: certificate
                .subject_key_identifier
                .value()
                .map(|k| to_hex(k)),
            authority_key_identifier: authority
                .and_then(|authority| authority.key_identifier.as_deref())
                .map(to_hex),
            ca_issuers: owned(certificate.access_urls(CA_ISSUERS)),
            crl_urls: owned(certificate.crl_urls()),
            ocsp_urls: owned(certificate.access_urls(OCSP)),
            oddities: certificate.oddities.clone(),
        }
    }
}

/// The dNSName and iPAddress entries of subjectAltName, as text.
fn alternative_names(certificate: &Certificate) -> Vec<String> {
    let names = certificate
        .subject_alternative_names
        .value()
        .into_iter()
        .flatten();
    let shown = names.filter_map(|name| match name {
        GeneralName::Dns(name) => Some(name.clone()),
        GeneralName::Ip(octets) => match <[u8; 4]>::try_from(octets.as_slice()) {
            Ok(v4) => Some(std::net::Ipv4Addr::from(v4).to_string()),
            Err(_) => {
                let v6 = <[u8; 16]>::try_from(octets.as_slice()).ok()?;
                Some(std::net::Ipv6Addr::from(v6).to_string())
            }
        },
        _ => None,
    });
    shown.collect()
}

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
struct CrlFields {
    issuer: String,
    this_update: String,
    next_update: Option<String>,
    number: Option<String>,
    delta_base: Option<String>,
    entries: u64,
    oddities: Vec<String>,
}

impl CrlFields {
    fn of(crl: &Crl) -> Self {
        CrlFields {
            issuer: crl.issuer.text.clone(),
            this_update: time(crl.this_update),
            next_update: crl.next_update.map(time),
            number: crl.crl_number.as_deref().map(serial),
            delta_base: crl.delta_base.as_deref().map(serial),
            entries: crl.revoked.len() as u64,
            oddities: crl.oddities.clone(),
        }
    }
}

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
struct OcspFields {
    issuer: Option<String>,
    this_update: Option<String>,
    next_update: Option<String>,
    response_status: u8,
    produced_at: Option<String>,
    responses: Vec<OcspAnswer>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
struct OcspAnswer {
    serial: String,
    status: &'static str,
    revoked_at: Option<String>,
    this_update: String,
    next_update: Option<String>,
}

impl OcspFields {
    fn of(ocsp: &OcspResponse) -> Self {
        let basic = ocsp.basic.as_ref();
        let responses = basic
            .map(|basic| basic.responses.as_slice())
            .unwrap_or_default();
        let first = responses.first();
        let answer = |single: &crate::pki::ocsp::SingleResponse| OcspAnswer {
            serial: serial(&single.cert_id.serial),
            status: match single.status {
                CertStatus::Good => "good",
                CertStatus::Revoked { .. } => "revoked",
                CertStatus::Unknown => "unknown",
            },
            revoked_at: match single.status {
                CertStatus::Revoked { revoked_at, .. } => Some(time(revoked_at)),
                CertStatus::Good | CertStatus::Unknown => None,
            },
            this_update: time(single.this_update),
            next_update: single.next_update.map(time),
        };
        OcspFields {
            issuer: basic.map(|basic| match &basic.responder {
                ResponderId::Name(name) => name.text.clone(),
                ResponderId::KeyHash(hash) => to_hex(hash),
            }),
            this_update: first.map(|single| time(single.this_update)),
            next_update: first.and_then(|single| single.next_update).map(time),
            response_status: ocsp.status,
            produced_at: basic.map(|basic| time(basic.produced_at)),
            responses: responses.iter().map(answer).collect(),
        }
    }
}

#[derive(Debug, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
struct CtlFields {
    list: &'static str,
    sequence: Option<String>,
    this_update: String,
    next_update: Option<String>,
    entries: u64,
    signer: Option<String>,
    signer_issuer: Option<String>,
    signer_serial: Option<String>,
    issuer_embedded: Option<bool>,
    signature: Option<&'static str>,
    oddities: Vec<String>,
}

impl CtlFields {
    fn of(ctl: &Ctl) -> Self {
        let named = ctl.signer_id.as_ref();
        let signer = ctl.signer.as_deref();
        CtlFields {
            list: ctl.kind.word(),
            sequence: ctl.sequence_number.as_deref().map(serial),
            this_update: time(ctl.this_update),
            next_update: ctl.next_update.map(time),
            entries: ctl.entries.len() as u64,
            signer: signer.map(|signer| signer.subject.text.clone()),
            signer_issuer: signer
                .map(|signer| signer.issuer.text.clone())
                .or_else(|| named.map(|named| named.issuer.clone())),
            signer_serial: signer
                .map(|signer| serial(&signer.serial))
                .or_else(|| named.map(|named| serial(&named.serial))),
            issuer_embedded: issuer_embedded(ctl),
            signature: ctl.signature.as_ref().map(|outcome| match outcome {
                SignatureOutcome::Valid => "valid",
                SignatureOutcome::Invalid(_) => "invalid",
                SignatureOutcome::Unsupported(_) => "unsupported",
            }),
            oddities: ctl.oddities.clone(),
        }
    }
}

/// Whether the list carries the certificate of its signer's issuer, or the
/// signer is its own issuer. `None` when the list names no signer.
pub(super) fn issuer_embedded(ctl: &Ctl) -> Option<bool> {
    let Some(signer) = ctl.signer.as_deref() else {
        let named = ctl.signer_id.as_ref()?;
        return Some(
            ctl.certificates
                .iter()
                .any(|it| it.subject.text == named.issuer),
        );
    };
    let key = signer
        .authority_key_identifier
        .value()
        .and_then(|it| it.key_identifier.as_ref());
    let issues = |candidate: &Certificate| {
        let own = match &candidate.subject_key_identifier {
            Decoded::Present(own) => Some(own),
            Decoded::Absent | Decoded::Malformed(_) => None,
        };
        let keys_agree = key.is_none() || own.is_none() || key == own;
        same_name(&candidate.subject, &signer.issuer) && keys_agree
    };
    Some(ctl.certificates.iter().any(|candidate| issues(candidate)) || issues(signer))
}

fn same_name(one: &Name, other: &Name) -> bool {
    one.der == other.der
}

/// An INTEGER's contents octets in hexadecimal, without the zero octet that
/// only keeps a number positive.
pub(super) fn serial(octets: &[u8]) -> String {
    match octets {
        [0, rest @ ..] if !rest.is_empty() => to_hex(rest),
        all => to_hex(all),
    }
}
