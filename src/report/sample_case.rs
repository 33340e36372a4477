//! The facts of the sample: capture, caches, retrievals, handshake, chains.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::net::SocketAddr;
use std::sync::Arc;

use crate::account::{Account, AccountKind};
use crate::case::{
    ArtifactRecord, ArtifactSighting, ArtifactSource, Case, CaseChain, ChainSubject, Handshake,
    HandshakeOutcome, Machine, Vantage,
};
use crate::chain::{
    Chain, Check, CheckKind, Element, InfoStatus, MissingIssuer, Needed, RootTrust, TrustStatus,
    Verdict as ChainVerdict,
};
use crate::cryptnet::{CacheEntry, CachedContent, ExtendedRecord, MetaDataRecord, NameCheck};
use crate::evidence::{EvidenceKind, EvidenceRecord};
use crate::flow::{Direction, Quality};
use crate::issue::Issue;
use crate::pki::certificate::{AlgorithmIdentifier, Certificate, Decoded, Name, PublicKeyInfo};
use crate::pki::ctl::{CtlKind, SignerId};
use crate::pki::signature::SignatureOutcome;
use crate::pki::{Artifact, Ctl, LooksLike};
use crate::protocol::dns::{Answer, Lookup};
use crate::protocol::http::Headers;
use crate::protocol::tls::{Alert, KeyUse, ServerCertificates};
use crate::provenance::{Cite, EvidenceId, Sighting};
use crate::retrieval::{
    Hop, Login, ObjectKind, Outcome, Retrieval, RetrievedBody, Route, RouteKind,
};
use crate::time::Timestamp;

const CAPTURE: EvidenceId = EvidenceId(0);
const LIST_URL: &str =
    "http://www.download.windowsupdate.com/msdownload/update/v3/static/trustedr/en/authrootstl.cab";
const PCA_URL: &str = "http://www.microsoft.com/pki/certs/MicCerTruLisPCA_2009-04-02.crt";

/// A time of the sample, in milliseconds after 2011-02-21 08:59:00.
pub(crate) fn at(milliseconds: i64) -> Timestamp {
    let zero = Timestamp::from_rfc3339("2011-02-21T08:59:00Z").unwrap();
    let nanoseconds = zero.unix_nanoseconds() + i128::from(milliseconds) * 1_000_000;
    Timestamp::from_unix_nanoseconds(nanoseconds).unwrap()
}

fn date(text: &str) -> Timestamp {
    Timestamp::from_rfc3339(text).unwrap()
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

pub(super) fn frames(packets: &[u64]) -> Vec<Cite> {
    vec![Cite::packets(CAPTURE, packets.iter().copied())]
}

fn sighting(milliseconds: i64, packet: u64) -> Sighting {
    Sighting {
        at: at(milliseconds),
        evidence: CAPTURE,
        packet,
    }
}

fn name(common: &str) -> Name {
    Name {
        der: common.as_bytes().to_vec(),
        text: format!("CN={common},O=Example"),
        attributes: vec![("2.5.4.3".to_owned(), common.to_owned())],
    }
}

/// A certificate that was never signed; only its names and dates matter.
pub(crate) fn certificate(number: u8, subject: &str, issuer: &str) -> Arc<Certificate> {
    let algorithm = AlgorithmIdentifier {
        oid: "1.2.840.113549.1.1.5".to_owned(),
        parameters: None,
    };
    Arc::new(Certificate {
        der: Arc::from(vec![0x30, number]),
        sha256: [number; 32],
        sha1: [number; 20],
        version: 3,
        serial: vec![0, 0x80, number],
        tbs: 0..0,
        tbs_signature_algorithm: algorithm.clone(),
        signature_algorithm: algorithm.clone(),
        signature: Vec::new(),
        issuer: name(issuer),
        subject: name(subject),
        not_before: date("2011-01-25T20:00:00Z"),
        not_after: date("2012-01-25T20:00:00Z"),
        public_key: PublicKeyInfo {
            der: Vec::new(),
            algorithm,
            key: Vec::new(),
            bits: Some(2048),
        },
        extensions: Vec::new(),
        basic_constraints: Decoded::Absent,
        key_usage: Decoded::Absent,
        extended_key_usage: Decoded::Absent,
        subject_alternative_names: Decoded::Absent,
        subject_key_identifier: Decoded::Absent,
        authority_key_identifier: Decoded::Absent,
        authority_info_access: Decoded::Absent,
        crl_distribution_points: Decoded::Absent,
        freshest_crl: Decoded::Absent,
        name_constraints: Decoded::Absent,
        certificate_policies: Decoded::Absent,
        policy_mappings: Decoded::Absent,
        policy_constraints: Decoded::Absent,
        inhibit_any_policy: Decoded::Absent,
        oddities: Vec::new(),
    })
}

/// The trust list, without the certificate of its signer's issuer.
pub(crate) fn ctl() -> Ctl {
    let signer = certificate(
        1,
        "Microsoft Certificate Trust List Publisher",
        "Microsoft Certificate Trust List PCA",
    );
    Ctl {
        der: Arc::from(vec![0x30; 29_000]),
        sha256: [9; 32],
        sha1: [9; 20],
        kind: CtlKind::AuthRoot,
        subject_usage: vec!["1.3.6.1.4.1.311.10.3.9".to_owned()],
        list_identifier: None,
        sequence_number: Some(vec![0x14, 0x01, 0xcb, 0xbc, 0xd2, 0x05, 0x38, 0x9c, 0x94]),
        this_update: date("2011-01-25T20:54:12Z"),
        next_update: None,
        subject_algorithm: AlgorithmIdentifier {
            oid: "1.3.14.3.2.26".to_owned(),
            parameters: None,
        },
        entries: Vec::new(),
        extensions: Vec::new(),
        certificates: vec![Arc::clone(&signer)],
        signer_id: Some(SignerId {
            issuer: signer.issuer.text.clone(),
            serial: signer.serial.clone(),
        }),
        signer: Some(signer),
        signature: Some(SignatureOutcome::Valid),
        oddities: Vec::new(),
    }
}

fn retrieval(object: ObjectKind, url: &str, start: i64, end: i64) -> Retrieval {
    let host = url.split('/').nth(2).map(str::to_owned);
    Retrieval {
        closed_by: None,
        onward: Vec::new(),
        url: Some(url.to_owned()),
        host,
        object,
        method: Some("GET".to_owned()),
        status: Some(200),
        outcome: Outcome::Ok,
        started_at: at(start),
        ended_at: at(end),
        vantage: Some(1),
        recorded_by: Default::default(),
        client: Some(address("10.0.0.5:49160")),
        server: Some(address("10.0.0.2:3128")),
        account: None,
        process: None,
        process_hint: None,
        task: None,
        user_agent: Some("Microsoft-CryptoAPI/6.1".to_owned()),
        route: Route {
            kind: RouteKind::HttpProxy,
            proxy: Some(address("10.0.0.2:3128")),
            login: Login::Sent,
            authentication: None,
            hops: vec![Hop {
                age: None,
                name: "squid.corp.example".to_owned(),
                address: None,
                cache: Some("MISS".to_owned()),
            }],
            shown_by: None,
        },
        request_headers: Headers::default(),
        response_headers: Headers::default(),
        body: None,
        kept_copy: None,
        cache_entry: None,
        syns: Vec::new(),
        detail: None,
        quality: Some(Quality::default()),
        cites: Vec::new(),
    }
}

fn retrievals() -> Vec<Retrieval> {
    let mut list = retrieval(ObjectKind::Ctl, LIST_URL, 10_123, 10_480);
    list.body = Some(RetrievedBody {
        size: 29_367,
        declared: Some(29_367),
        sha256: Some([8; 32]),
        complete: true,
        looks_like: LooksLike::Cab,
        artifacts: vec![[9; 32], [1; 32]],
        title: None,
    });
    list.cache_entry = Some(0);
    list.cites = frames(&[12, 15, 16, 17, 40]);
    let mut user = retrieval(ObjectKind::AiaCert, PCA_URL, 10_600, 10_790);
    user.body = Some(RetrievedBody {
        size: 1_498,
        declared: Some(1_498),
        sha256: Some([2; 32]),
        complete: true,
        looks_like: LooksLike::Certificate,
        artifacts: vec![[2; 32]],
        title: None,
    });
    user.cites = frames(&[44, 47]);
    let mut service = retrieval(ObjectKind::AiaCert, PCA_URL, 10_950, 31_950);
    service.url = None;
    service.method = None;
    service.status = None;
    service.user_agent = None;
    service.outcome = Outcome::ConnectTimeout;
    service.server = Some(address("65.55.12.249:80"));
    service.route = Route {
        kind: RouteKind::Direct,
        ..Route::unknown()
    };
    service.syns = vec![
        sighting(10_960, 52),
        sighting(13_960, 60),
        sighting(19_960, 71),
    ];
    service.cites = frames(&[50, 51, 52, 60, 71]);
    vec![list, user, service]
}

fn handshake() -> Handshake {
    Handshake {
        at: at(9_800),
        ended_at: at(32_100),
        vantage: 1,
        machine: Some(0),
        client: address("10.0.0.5:49158"),
        server: address("10.0.0.2:3128"),
        site: Some("www.bank.example".to_owned()),
        sni: Some("www.bank.example".to_owned()),
        version: Some("TLS 1.0"),
        client_hello: None,
        server_hello: None,
        certificate_request: None,
        client_certificates: None,
        certificates: ServerCertificates::Sent {
            list: vec![Arc::from(vec![0x30, 3]), Arc::from(vec![0x30, 4])],
            packets: vec![7, 8],
            sighting: sighting(9_950, 8),
        },
        artifacts: vec![2, 3],
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
            sighting: sighting(32_050, 75),
        }),
        outcome: HandshakeOutcome::ClientClosed,
        tunnel: Some("www.bank.example:443".to_owned()),
        quality: Quality::default(),
        reaction: Some(sighting(32_050, 75)),
        key_exchange_sent: false,
        data_at: None,
        certificate_requested: false,
        program: None,
        cites: frames(&[4, 5, 6, 7, 8, 75]),
    }
}

fn evidence() -> Vec<EvidenceRecord> {
    let member = |id: u32, member: &str, size: u64| EvidenceRecord {
        id: EvidenceId(id),
        path: "case-17/caches.zip".to_owned(),
        member: Some(member.to_owned()),
        kind: EvidenceKind::CryptnetCache,
        size,
        sha256: Some([u8::try_from(id).unwrap(); 32]),
        first_at: None,
        last_at: None,
        vantage: None,
    };
    vec![
        EvidenceRecord {
            id: CAPTURE,
            path: "case-17/client.pcapng".to_owned(),
            member: None,
            kind: EvidenceKind::Pcapng,
            size: 1_234_567,
            sha256: Some([0xab; 32]),
            first_at: Some(at(0)),
            last_at: Some(at(45_000)),
            vantage: Some(1),
        },
        member(
            1,
            "PC-17/Users/torsten/CryptnetUrlCache/MetaData/94308059B57B3142E455B38A6EB92015",
            344,
        ),
        member(
            2,
            "PC-17/Users/torsten/CryptnetUrlCache/Content/94308059B57B3142E455B38A6EB92015",
            29_367,
        ),
        member(
            3,
            "PC-17/systemprofile/CryptnetUrlCache/MetaData/94308059B57B3142E455B38A6EB92015",
            344,
        ),
    ]
}

fn cache_entry(owner: Account, meta_data: u32, content: Option<u32>) -> CacheEntry {
    CacheEntry {
        name: "94308059B57B3142E455B38A6EB92015".to_owned(),
        name_check: NameCheck::Matches,
        hand_over: "case-17/caches.zip".to_owned(),
        machine: Some("PC-17".to_owned()),
        owner,
        record: Some(MetaDataRecord {
            header_len: 112,
            url: LIST_URL.to_owned(),
            last_sync_ticks: 129_427_415_504_800_000,
            last_sync_at: Some(at(10_480)),
            content_sizes: vec![29_367],
            extended: Some(ExtendedRecord {
                object_type: 0,
                prefetch_error: 0,
                this_update: None,
                next_update: None,
                publish_at: None,
                flush_exempt_seconds: 0,
                expire_at: None,
                response_type: 1,
                response_flags: 0x8000,
                last_modified: Some(date("2011-02-11T18:00:00Z")),
                max_age: 604_800,
                proxy_id: 0x1a2b,
            }),
            etag: Some("\"80b1f4d5cac9cb1:0\"".to_owned()),
        }),
        meta_data: Some((EvidenceId(meta_data), 344)),
        content: content.map(|id| CachedContent {
            evidence: EvidenceId(id),
            bytes: Arc::from([b"MSCF".as_slice(), &[0; 29_363]].concat()),
            sha256: [8; 32],
            modified_at: None,
        }),
        recovered_url: None,
        told: None,
    }
}

fn artifacts() -> Vec<ArtifactRecord> {
    let seen = |source, milliseconds, cite: Cite| ArtifactSighting {
        source,
        at: Some(at(milliseconds)),
        machine: Some(0),
        account: None,
        cite,
    };
    let wire = |packets: &[u64]| Cite::packets(CAPTURE, packets.iter().copied());
    let of = |artifact, seen| ArtifactRecord { artifact, seen };
    let signer = certificate(
        1,
        "Microsoft Certificate Trust List Publisher",
        "Microsoft Certificate Trust List PCA",
    );
    let cached = ArtifactSighting {
        at: None,
        ..seen(
            ArtifactSource::Cache(0),
            0,
            Cite::whole(EvidenceId(2), 29_367),
        )
    };
    vec![
        of(
            Artifact::Ctl(Arc::new(ctl())),
            vec![
                seen(ArtifactSource::Retrieval(0), 10_480, wire(&[15, 16, 17])),
                cached.clone(),
            ],
        ),
        of(
            Artifact::Certificate(signer),
            vec![
                seen(ArtifactSource::Retrieval(0), 10_480, wire(&[15, 16, 17])),
                cached,
            ],
        ),
        of(
            Artifact::Certificate(certificate(3, "www.bank.example", "Bank Issuing CA")),
            vec![seen(ArtifactSource::Handshake(0), 9_950, wire(&[7]))],
        ),
        of(
            Artifact::Certificate(certificate(4, "Bank Issuing CA", "Example Root")),
            vec![seen(ArtifactSource::Handshake(0), 9_950, wire(&[7, 8]))],
        ),
    ]
}

fn element(certificate: Arc<Certificate>, checks: Vec<Check>, status: TrustStatus) -> Element {
    Element {
        certificate,
        checks,
        status_sources: Vec::new(),
        error_status: status,
        info_status: InfoStatus::none(),
        issuer_match: None,
        anchor: false,
    }
}

fn chains() -> Vec<CaseChain> {
    let pass = |kind| Check::pass(kind, "holds");
    let site = Chain {
        elements: vec![
            element(
                certificate(3, "www.bank.example", "Bank Issuing CA"),
                vec![pass(CheckKind::Validity), pass(CheckKind::HostName)],
                TrustStatus::none(),
            ),
            element(
                certificate(4, "Bank Issuing CA", "Example Root"),
                vec![
                    pass(CheckKind::Validity),
                    Check::unknown(
                        CheckKind::Trust,
                        Needed::ClientStore,
                        "root Example Root is in no list that was believed, and the store of the client is not at hand",
                    ),
                ],
                TrustStatus::none(),
            ),
        ],
        error_status: TrustStatus::none(),
        info_status: InfoStatus::none(),
        verdict: ChainVerdict::Unknown,
        root: RootTrust::StoreUnknown,
        missing_issuer: None,
        policy_error: None,
    };
    let signer = certificate(
        1,
        "Microsoft Certificate Trust List Publisher",
        "Microsoft Certificate Trust List PCA",
    );
    let partial = TrustStatus::IS_PARTIAL_CHAIN;
    let list = Chain {
        elements: vec![element(
            Arc::clone(&signer),
            vec![
                pass(CheckKind::Validity),
                Check::fail(
                    CheckKind::Issuer,
                    partial,
                    "no certificate of Microsoft Certificate Trust List PCA by 08:59:32",
                ),
            ],
            partial,
        )],
        error_status: partial,
        info_status: InfoStatus::none(),
        verdict: ChainVerdict::Reject,
        root: RootTrust::Partial,
        missing_issuer: Some(MissingIssuer {
            child: signer,
            issuer: "CN=Microsoft Certificate Trust List PCA,O=Example".to_owned(),
            key_identifier: None,
            urls: vec![PCA_URL.to_owned()],
        }),
        policy_error: None,
    };
    vec![
        CaseChain {
            subject: ChainSubject::Handshake(0),
            leaf: 2,
            host: Some("www.bank.example".to_owned()),
            as_of: at(9_950),
            chains: vec![site],
            status: Vec::new(),
            axis: None,
            repair: None,
            status_repair: None,
            list_proofs: Vec::new(),
        },
        CaseChain {
            subject: ChainSubject::CtlSigner {
                ctl: 0,
                machine: Some(0),
            },
            leaf: 1,
            host: None,
            as_of: at(32_050),
            chains: vec![list],
            status: Vec::new(),
            axis: None,
            repair: None,
            status_repair: None,
            list_proofs: Vec::new(),
        },
    ]
}

fn lookups() -> Vec<Lookup> {
    let lookup = |name: &str, start: i64, packet: u64, answer: Option<Answer>| Lookup {
        vantage: 1,
        client: address("10.0.0.5:53111"),
        server: address("10.0.0.1:53"),
        name: name.to_owned(),
        question_type: 1,
        questions: vec![sighting(start, packet)],
        answer,
    };
    let answer = |code, addresses: &[&str], milliseconds, packet| {
        Some(Answer {
            is_truncated: false,
            response_code: code,
            addresses: addresses.iter().map(|text| text.parse().unwrap()).collect(),
            aliases: Vec::new(),
            sighting: sighting(milliseconds, packet),
        })
    };
    vec![
        lookup("wpad.corp.example", 10_900, 48, answer(3, &[], 10_902, 49)),
        lookup(
            "www.microsoft.com",
            10_950,
            50,
            answer(0, &["65.55.12.249"], 10_955, 51),
        ),
        lookup(
            "intranet.corp.example",
            11_000,
            53,
            answer(0, &["10.0.0.9"], 11_001, 54),
        ),
    ]
}

pub(super) fn case() -> Case {
    let user = Account {
        kind: AccountKind::User,
        name: Some("torsten".to_owned()),
    };
    let system = Account::of(AccountKind::System);
    Case {
        finder: crate::case::Finder::default(),
        discoveries: Vec::new(),
        logins: Vec::new(),
        same_clients: Default::default(),
        hosts: Vec::new(),
        host_machines: Vec::new(),
        as_of: None,
        evidence: evidence(),
        issues: vec![Issue::new(
            EvidenceId(3),
            "byte 96",
            "the content file is not in the hand-over",
            "what SYSTEM held cannot be read",
        )],
        ntp: Vec::new(),
        machines: vec![Machine {
            clock_shift: None,
            names: vec!["PC-17".to_owned()],
            addresses: vec!["10.0.0.5".parse().unwrap()],
            profiles: vec![user.clone(), system.clone()],
            missing: vec![
                Account::of(AccountKind::NetworkService),
                Account::of(AccountKind::LocalService),
            ],
            cites: vec![Cite::whole(EvidenceId(1), 344)],
            joined_because: Some("both hold the list of 08:59:10 with the same ETag".to_owned()),
        }],
        retrievals: retrievals(),
        retrieval_machines: vec![Some(0); 3],
        handshakes: vec![handshake()],
        artifacts: artifacts(),
        cache_entries: vec![cache_entry(user, 1, Some(2)), cache_entry(system, 3, None)],
        cache_machines: vec![Some(0), Some(0)],
        lookups: lookups(),
        chains: chains(),
        capture_notes: Vec::new(),
        vantages: vec![Vantage {
            number: 1,
            first_at: Some(at(0)),
            last_at: Some(at(45_000)),
            conversations: 1_204,
            one_sided: 3,
            bytes: 1_100_000,
            ..Vantage::default()
        }],
        counts: vec![("other HTTP exchanges", 1_377)],
    }
}
