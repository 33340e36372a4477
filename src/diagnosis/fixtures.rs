//! Builders of small cases for the tests of the rules.
//!
//! A [`Story`] grows by what happened, in order of time, and becomes a case
//! with artifacts and chains as `case::assemble` would make it. Certificates
//! are those of `tests/data/diagnosis/`.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::net::SocketAddr;
use std::sync::Arc;

use super::{Diagnosis, Finding, Role, diagnose};
use crate::account::{Account, AccountKind};
use crate::case::discovery::{Discovery, Means, Try, TryResult};
use crate::case::{
    ArtifactRecord, ArtifactSighting, ArtifactSource, Case, Handshake, HandshakeOutcome, Machine,
    Vantage, chains,
};
use crate::cryptnet::{CacheEntry, CachedContent, MetaDataRecord, NameCheck};
use crate::flow::{Direction, Quality};
use crate::pki::ctl::{CtlEntry, CtlKind};
use crate::pki::{Artifact, Certificate, Ctl, LooksLike, digest};
use crate::protocol::http::Headers;
use crate::protocol::tls::{Alert, HiddenBy, KeyUse, ServerCertificates};
use crate::provenance::{Cite, EvidenceId, Sighting};
use crate::retrieval::{ObjectKind, Outcome, Retrieval, RetrievedBody, RouteKind};
use crate::time::Timestamp;

pub const SITE: &str = "www.shop.example";
pub const AIA: &str = "http://aia.example/issuing.crt";
pub const OCSP: &str = "http://ocsp.example/MEQw";
pub const CRL: &str = "http://crl.example/issuing.crl";
pub const PCA: &str = "http://pki.example/pca.crt";
pub const CTL: &str =
    "http://ctldl.windowsupdate.com/msdownload/update/v3/static/trustedr/en/authrootstl.cab";
pub const DISALLOWED: &str =
    "http://ctldl.windowsupdate.com/msdownload/update/v3/static/trustedr/en/disallowedcertstl.cab";
pub const PROXY: &str = "10.0.0.8:3128";

/// Seconds after 2026-06-01 10:00:00 UTC, when every certificate is valid.
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix(1_780_308_000 + seconds, 0).unwrap()
}

pub fn certificate(name: &str) -> Arc<Certificate> {
    let bytes: &[u8] = match name {
        "site-root" => include_bytes!("../../tests/data/diagnosis/site-root.der"),
        "issuing-ca" => include_bytes!("../../tests/data/diagnosis/issuing-ca.der"),
        "leaf" => include_bytes!("../../tests/data/diagnosis/leaf.der"),
        "list-root" => include_bytes!("../../tests/data/diagnosis/list-root.der"),
        "list-pca" => include_bytes!("../../tests/data/diagnosis/list-pca.der"),
        "corp-root" => include_bytes!("../../tests/data/diagnosis/corp-root.der"),
        "corp-leaf" => include_bytes!("../../tests/data/diagnosis/corp-leaf.der"),
        "wsus-leaf" => include_bytes!("../../tests/data/diagnosis/wsus-leaf.der"),
        "leaf-without-aia" => include_bytes!("../../tests/data/diagnosis/leaf-without-aia.der"),
        "leaf-https-aia" => include_bytes!("../../tests/data/diagnosis/leaf-https-aia.der"),
        "issuing-ca-old-key" => include_bytes!("../../tests/data/diagnosis/issuing-ca-old-key.der"),
        "issuing-ca-cross" => include_bytes!("../../tests/data/diagnosis/issuing-ca-cross.der"),
        "inspection-ca" => include_bytes!("../../tests/data/diagnosis/inspection-ca.der"),
        "inspected-shop" => include_bytes!("../../tests/data/diagnosis/inspected-shop.der"),
        "inspected-bank" => include_bytes!("../../tests/data/diagnosis/inspected-bank.der"),
        "list-publisher-2025" => {
            include_bytes!("../../tests/data/diagnosis/list-publisher-2025.der")
        }
        _ => include_bytes!("../../tests/data/diagnosis/list-publisher.der"),
    };
    Arc::new(Certificate::from_der(bytes).unwrap())
}

pub fn alice() -> Account {
    Account {
        kind: AccountKind::User,
        name: Some("alice".to_owned()),
    }
}

pub fn system() -> Account {
    Account::of(AccountKind::System)
}

/// An authroot list of the publisher, with these certificates enclosed.
pub fn trust_list(enclosed: &[&str], roots: &[&str], this_update: Timestamp) -> Arc<Ctl> {
    let publisher = certificate("list-publisher");
    let mut certificates = vec![Arc::clone(&publisher)];
    certificates.extend(enclosed.iter().map(|name| certificate(name)));
    let label = format!("{enclosed:?} {roots:?} {this_update}");
    Arc::new(Ctl {
        der: Arc::from(label.as_bytes()),
        sha256: digest::sha256(label.as_bytes()),
        sha1: [0; 20],
        kind: CtlKind::AuthRoot,
        subject_usage: vec!["1.3.6.1.4.1.311.10.3.9".to_owned()],
        list_identifier: None,
        sequence_number: Some(vec![1]),
        this_update,
        next_update: None,
        subject_algorithm: publisher.signature_algorithm.clone(),
        entries: roots.iter().map(|name| entry(&certificate(name))).collect(),
        extensions: Vec::new(),
        certificates,
        signer: Some(publisher),
        signer_id: None,
        signature: None,
        oddities: Vec::new(),
    })
}

/// The list without its signer's issuer, which lists the roots.
pub fn broken_list() -> Arc<Ctl> {
    trust_list(&[], &["site-root", "list-root"], at(-86_400))
}

/// The same list, signed with the issuer enclosed.
pub fn whole_list() -> Arc<Ctl> {
    trust_list(&["list-pca"], &["site-root", "list-root"], at(-86_400))
}

fn entry(root: &Certificate) -> CtlEntry {
    CtlEntry {
        subject_identifier: root.sha1.to_vec(),
        allowed_usages: None,
        friendly_name: Some(root.subject.short().to_owned()),
        key_identifier: root.subject_key_identifier.value().cloned(),
        subject_name_md5: Some(digest::md5(&root.subject.der).to_vec()),
        sha256: None,
        disallowed_after: None,
        disallowed_usages: None,
        not_before_limit: None,
        not_before_usages: None,
        other: Vec::new(),
    }
}

/// A case that grows.
#[derive(Default)]
pub struct Story {
    case: Case,
    objects: Vec<(Artifact, ArtifactSighting)>,
    packets: u64,
}

impl Story {
    pub fn new() -> Self {
        Story::default()
    }

    fn sighting(&mut self, seconds: i64) -> Sighting {
        self.packets += 1;
        Sighting {
            at: at(seconds),
            evidence: EvidenceId(0),
            packet: self.packets,
        }
    }

    /// The machine of a client address, new or known.
    fn machine(&mut self, client: SocketAddr) -> usize {
        let machines = &mut self.case.machines;
        let known = machines
            .iter()
            .position(|it| it.addresses.contains(&client.ip()));
        known.unwrap_or_else(|| {
            machines.push(Machine {
                addresses: vec![client.ip()],
                ..Machine::default()
            });
            machines.len() - 1
        })
    }

    /// An attempt to fetch `url`, from `start` to `end` in seconds.
    pub fn fetch(
        mut self,
        object: ObjectKind,
        url: &str,
        outcome: Outcome,
        (start, end): (i64, i64),
    ) -> Self {
        let mut retrieval = Retrieval::new(at(start), at(end));
        retrieval.host = crate::case::questions::host_of(url).map(str::to_owned);
        retrieval.object = object;
        retrieval.outcome = outcome;
        retrieval.vantage = Some(0);
        retrieval.client = Some("10.0.0.9:50000".parse().unwrap());
        retrieval.server = Some("203.0.113.7:80".parse().unwrap());
        retrieval.route.kind = RouteKind::Direct;
        retrieval.quality = Some(Quality {
            packets: [5, 5],
            ..Quality::default()
        });
        use Outcome::{ConnectTimeout, NameTimeout, NoSuchName, Refused, Unreachable};
        if [
            ConnectTimeout,
            Refused,
            Unreachable,
            NoSuchName,
            NameTimeout,
        ]
        .contains(&outcome)
        {
            retrieval.syns = (0..3).map(|_| self.sighting(start)).collect();
        } else {
            retrieval.url = Some(url.to_owned());
            retrieval.method = Some("GET".to_owned());
        }
        retrieval.status = match outcome {
            Outcome::Ok | Outcome::UnexpectedContent | Outcome::Truncated => Some(200),
            Outcome::NotModified => Some(304),
            Outcome::ProxyLogin => Some(407),
            Outcome::Forbidden => Some(403),
            Outcome::HttpError => Some(404),
            _ => None,
        };
        retrieval.cites = vec![self.sighting(start).cite()];
        let machine = self.machine(retrieval.client.unwrap());
        self.case.retrieval_machines.push(Some(machine));
        self.case.retrievals.push(retrieval);
        self
    }

    /// Changes the retrieval added last.
    pub fn with(mut self, change: impl FnOnce(&mut Retrieval)) -> Self {
        let retrieval = self.case.retrievals.last_mut().unwrap();
        change(retrieval);
        let client = retrieval.client.unwrap();
        let machine = self.machine(client);
        *self.case.retrieval_machines.last_mut().unwrap() = Some(machine);
        self
    }

    /// The retrieval added last went through the explicit proxy.
    pub fn by_proxy(self) -> Self {
        self.with(|retrieval| {
            retrieval.server = Some(PROXY.parse().unwrap());
            retrieval.route.proxy = retrieval.server;
            retrieval.route.kind = RouteKind::HttpProxy;
        })
    }

    pub fn headers(self, fields: &[(&str, &str)]) -> Self {
        let fields = fields
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()));
        let headers = Headers(fields.collect());
        self.with(|retrieval| retrieval.response_headers = headers)
    }

    /// A try of the usual client to find a proxy script.
    pub fn looked(mut self, means: Means, result: TryResult, second: i64) -> Self {
        let sighting = self.sighting(second);
        let found = self.discovery();
        found.tries.push(Try {
            means,
            at: at(second),
            name: Some("wpad.corp.example".to_owned()),
            result,
            answered_by: Vec::new(),
            addresses: Vec::new(),
            url: None,
            cites: vec![sighting.cite()],
        });
        self
    }

    /// Who answered the try added last, with its own address.
    pub fn answering(mut self, address: &str) -> Self {
        let made = self.discovery().tries.last_mut().unwrap();
        made.answered_by = vec![address.parse().unwrap()];
        made.addresses = made.answered_by.clone();
        self
    }

    /// Retrievals that were for scripts.
    pub fn scripts(mut self, retrievals: &[usize]) -> Self {
        self.discovery().scripts = retrievals.to_vec();
        self
    }

    fn discovery(&mut self) -> &mut Discovery {
        let all = &mut self.case.discoveries;
        if all.is_empty() {
            all.push(Discovery {
                vantage: 0,
                client: "10.0.0.9".parse().unwrap(),
                machine: None,
                tries: Vec::new(),
                scripts: Vec::new(),
                decisions: Vec::new(),
            });
        }
        all.last_mut().unwrap()
    }

    /// The retrieval added last brought a body without objects of ours.
    pub fn page(self, looks_like: LooksLike, title: &str) -> Self {
        self.with(|retrieval| {
            retrieval.body = Some(RetrievedBody {
                size: 261,
                declared: Some(261),
                sha256: Some(digest::sha256(title.as_bytes())),
                complete: true,
                looks_like,
                artifacts: Vec::new(),
                title: Some(title.to_owned()),
            });
        })
    }

    /// The retrieval added last brought an object.
    pub fn brings(mut self, object: &Artifact) -> Self {
        let sha256 = object.sha256();
        self = self.page(LooksLike::Other, "");
        self = self.with(|retrieval| {
            let body = retrieval.body.as_mut().unwrap();
            (body.sha256, body.artifacts, body.title) = (Some(sha256), vec![sha256], None);
        });
        let index = self.case.retrievals.len() - 1;
        let sighting = ArtifactSighting {
            source: ArtifactSource::Retrieval(index),
            at: Some(self.case.retrievals[index].ended_at),
            machine: self.case.retrieval_machines[index],
            account: self.case.retrievals[index].account.clone(),
            cite: self.case.retrievals[index].cites[0].clone(),
        };
        self.objects.push((object.clone(), sighting));
        self
    }

    /// A handshake from `start` to `end` that the client ends with unknown_ca.
    pub fn rejects(mut self, certificates: &[&str], (start, end): (i64, i64)) -> Self {
        let list: Vec<Arc<Certificate>> = certificates.iter().map(|it| certificate(it)).collect();
        let sighting = self.sighting(start);
        let reaction = self.sighting(end);
        let client: SocketAddr = "10.0.0.9:50001".parse().unwrap();
        let machine = self.machine(client);
        let index = self.case.handshakes.len();
        for sent in &list {
            let source = ArtifactSource::Handshake(index);
            let seen = (Some(sighting.at), Some(machine));
            let (cite, account) = (sighting.cite(), None);
            let seen = ArtifactSighting {
                source,
                at: seen.0,
                machine: seen.1,
                account,
                cite,
            };
            self.objects
                .push((Artifact::Certificate(Arc::clone(sent)), seen));
        }
        self.case.handshakes.push(Handshake {
            at: at(start),
            ended_at: at(end),
            vantage: 0,
            machine: Some(machine),
            client,
            server: "203.0.113.9:443".parse().unwrap(),
            site: Some(SITE.to_owned()),
            sni: Some(SITE.to_owned()),
            version: Some("TLS 1.2"),
            client_hello: None,
            server_hello: None,
            certificate_request: None,
            client_certificates: None,
            certificates: ServerCertificates::Sent {
                list: list.iter().map(|sent| Arc::clone(&sent.der)).collect(),
                packets: vec![sighting.packet],
                sighting,
            },
            artifacts: Vec::new(),
            stapled: None,
            certificates_decrypted: false,
            key_use: KeyUse::None,
            upgraded_from: None,
            alerts: Vec::new(),
            ending: None,
            answered_in_clear: false,
            alert: Some(Alert {
                by: Direction::ToServer,
                content: Some((2, 48)),
                sighting: reaction,
            }),
            outcome: HandshakeOutcome::ClientClosed,
            tunnel: None,
            key_exchange_sent: false,
            data_at: None,
            certificate_requested: false,
            program: None,
            quality: Quality {
                packets: [5, 5],
                ..Quality::default()
            },
            reaction: Some(reaction),
            cites: vec![sighting.cite(), reaction.cite()],
        });
        self
    }

    /// Changes the handshake added last.
    pub fn handshake(mut self, change: impl FnOnce(&mut Handshake)) -> Self {
        let handshake = self.case.handshakes.last_mut().unwrap();
        change(handshake);
        let client = handshake.client;
        let machine = self.machine(client);
        self.case.handshakes.last_mut().unwrap().machine = Some(machine);
        self
    }

    /// The handshake added last went on to application data.
    pub fn accepted(self) -> Self {
        self.handshake(|handshake| {
            handshake.outcome = HandshakeOutcome::Completed;
            (handshake.alert, handshake.reaction) = (None, None);
            handshake.key_exchange_sent = true;
            handshake.data_at = Some(handshake.ended_at);
        })
    }

    /// The handshake added last is one of TLS 1.3: nothing of it can be read.
    pub fn hidden(self) -> Self {
        self.handshake(|handshake| {
            handshake.certificates = ServerCertificates::Hidden(HiddenBy::Tls13);
            handshake.alert = handshake.alert.map(|alert| Alert {
                content: None,
                ..alert
            });
        })
    }

    /// A cache entry of an account of the client, last synchronized at `synced`.
    pub fn cached(mut self, owner: Account, url: &str, object: &Artifact, synced: i64) -> Self {
        let machine = self.machine("10.0.0.9:1".parse().unwrap());
        let profiles = &mut self.case.machines[machine].profiles;
        if !profiles.contains(&owner) {
            profiles.push(owner.clone());
        }
        let index = self.case.cache_entries.len();
        let evidence = EvidenceId(u32::try_from(index).unwrap() + 1);
        let cite = Cite::whole(evidence, 32);
        self.case.cache_entries.push(CacheEntry {
            name: format!("{index:032X}"),
            name_check: NameCheck::Matches,
            hand_over: "caches.zip".to_owned(),
            machine: None,
            owner: owner.clone(),
            record: Some(MetaDataRecord {
                header_len: 112,
                url: url.to_owned(),
                last_sync_ticks: 1,
                last_sync_at: Some(at(synced)),
                content_sizes: vec![5],
                extended: None,
                etag: None,
            }),
            meta_data: None,
            content: Some(CachedContent {
                evidence,
                bytes: Arc::from(&[0x30_u8, 0x03, 0x02, 0x01, 0x00][..]),
                sha256: object.sha256(),
                modified_at: None,
            }),
            recovered_url: None,
            told: None,
        });
        self.case.cache_machines.push(Some(machine));
        let source = ArtifactSource::Cache(index);
        let (machine, account) = (Some(machine), Some(owner));
        let seen = ArtifactSighting {
            source,
            at: Some(at(synced)),
            machine,
            account,
            cite,
        };
        self.objects.push((object.clone(), seen));
        self
    }

    /// The finished case. `roots` are those the analyst gave.
    pub fn case_with(mut self, roots: &[&str]) -> Case {
        self.case.vantages = vec![Vantage::default()];
        for (artifact, seen) in self.objects {
            let records = &mut self.case.artifacts;
            let known = records
                .iter()
                .position(|it| it.artifact.sha256() == artifact.sha256());
            let index = known.unwrap_or_else(|| {
                records.push(ArtifactRecord {
                    artifact,
                    seen: Vec::new(),
                });
                records.len() - 1
            });
            if let ArtifactSource::Handshake(handshake) = seen.source {
                self.case.handshakes[handshake].artifacts.push(index);
            }
            records[index].seen.push(ArtifactSighting { ..seen });
        }
        let roots: Vec<Arc<Certificate>> = roots.iter().map(|name| certificate(name)).collect();
        self.case.chains = chains::chains(&self.case, &roots);
        self.case
    }

    pub fn case(self) -> Case {
        self.case_with(&[])
    }

    pub fn diagnosis(self) -> Diagnosis {
        diagnose(&self.case(), None)
    }
}

impl Diagnosis {
    /// The findings of a rule.
    pub fn of(&self, rule: &str) -> Vec<&Finding> {
        self.findings
            .iter()
            .filter(|finding| finding.rule == rule)
            .collect()
    }

    /// The findings of a rule, but that it is ruled out.
    pub fn not_excluded(&self, rule: &str) -> Vec<&Finding> {
        let mut own = self.of(rule);
        own.retain(|finding| finding.role != Role::RuledOut);
        own
    }

    /// Rule and role of the findings that are causes or contribute.
    pub fn causes(&self) -> Vec<(&str, Role, &str)> {
        let part = |finding: &&Finding| finding.role <= Role::Contributing;
        let sure = |finding: &Finding| finding.confidence.map_or("", |level| level.word());
        self.findings
            .iter()
            .filter(part)
            .map(|it| (it.rule, it.role, sure(it)))
            .collect()
    }
}

/// Makes a check of the first chain fail, as the engine would say it.
pub fn failed_check(
    case: &mut Case,
    position: usize,
    kind: crate::chain::CheckKind,
    bits: crate::chain::TrustStatus,
    detail: &str,
) {
    let chain = &mut case.chains[0].chains[0];
    let element = &mut chain.elements[position];
    element.checks.retain(|check| check.kind != kind);
    element
        .checks
        .push(crate::chain::Check::fail(kind, bits, detail));
    element.error_status |= bits;
    chain.error_status |= bits;
    chain.verdict = crate::chain::Verdict::Reject;
}

/// A client's hello that offers these versions, the last as the legacy one.
pub fn client_hello(versions: &[u16]) -> crate::protocol::tls::ClientHello {
    crate::protocol::tls::ClientHello {
        server_name: Some(SITE.to_owned()),
        legacy_version: versions.last().copied().unwrap_or(0x0303),
        supported_versions: Vec::new(),
        alpn: Vec::new(),
        cipher_suites: vec![0xC02F],
        offers_resumption: false,
        offers_ticket: false,
        encrypted_client_hello: false,
        gmt_unix_time: 0,
        sighting: Sighting {
            at: at(9),
            evidence: EvidenceId(0),
            packet: 1,
        },
    }
}

/// A server's hello of TLS 1.2.
pub fn server_hello() -> crate::protocol::tls::ServerHello {
    crate::protocol::tls::ServerHello {
        version: 0x0303,
        cipher_suite: 0xC02F,
        session_id_echoed: false,
        retry_request: false,
        sighting: client_hello(&[]).sighting,
    }
}
