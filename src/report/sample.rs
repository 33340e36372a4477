//! A case made by hand for tests: a machine whose user reaches the trust list
//! through a proxy, while the machine's own download of the issuer of the
//! list's signer goes nowhere, and a site is rejected.

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
use crate::clock::Clock;
use crate::cryptnet::{CacheEntry, CachedContent, ExtendedRecord, MetaDataRecord, NameCheck};
use crate::diagnosis::{
    Confidence, Diagnosis, Failure, FailureKind, Finding, Incident, Role, Verdict, VerdictState,
    Verifier, VerifierKind,
};
use crate::evidence::{EvidenceKind, EvidenceRecord};
use crate::flow::{Direction, Quality};
use crate::issue::Issue;
use crate::pipeline::Explained;
use crate::pki::certificate::{AlgorithmIdentifier, Certificate, Decoded, Name, PublicKeyInfo};
use crate::pki::ctl::{CtlKind, SignerId};
use crate::pki::signature::SignatureOutcome;
use crate::pki::{Artifact, Ctl, LooksLike};
use crate::protocol::dns::{Answer, Lookup};
use crate::protocol::http::Headers;
use crate::protocol::tls::{Alert, ServerCertificates};
use crate::provenance::{Cite, EvidenceId, Sighting};
use crate::retrieval::{
    Hop, Login, ObjectKind, Outcome, Retrieval, RetrievedBody, Route, RouteKind,
};
use crate::time::Timestamp;
use crate::timeline;

pub(crate) const CAPTURE: EvidenceId = EvidenceId(0);
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

fn frames(packets: &[u64]) -> Vec<Cite> {
    vec![Cite::packets(CAPTURE, packets.iter().copied())]
}

fn sighting(milliseconds: i64, packet: u64) -> Sighting {
    Sighting { at: at(milliseconds), evidence: CAPTURE, packet }
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
    let algorithm =
        AlgorithmIdentifier { oid: "1.2.840.113549.1.1.5".to_owned(), parameters: None };
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
        public_key: PublicKeyInfo { der: Vec::new(), algorithm, key: Vec::new(), bits: Some(2048) },
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
        url: Some(url.to_owned()),
        host,
        object,
        method: Some("GET".to_owned()),
        status: Some(200),
        outcome: Outcome::Ok,
        started_at: at(start),
        ended_at: at(end),
        vantage: Some(1),
        client: Some(address("10.0.0.5:49160")),
        server: Some(address("10.0.0.2:3128")),
        account: None,
        process: None,
        user_agent: Some("Microsoft-CryptoAPI/6.1".to_owned()),
        route: Route {
            kind: RouteKind::HttpProxy,
            proxy: Some(address("10.0.0.2:3128")),
            login: Login::Sent,
            hops: vec![Hop {
                name: "squid.corp.example".to_owned(),
                address: None,
                cache: Some("MISS".to_owned()),
            }],
        },
        request_headers: Headers::default(),
        response_headers: Headers::default(),
        body: None,
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
    service.route = Route { kind: RouteKind::Direct, ..Route::unknown() };
    service.syns = vec![sighting(10_960, 52), sighting(13_960, 60), sighting(19_960, 71)];
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
        certificates: ServerCertificates::Sent {
            list: vec![Arc::from(vec![0x30, 3]), Arc::from(vec![0x30, 4])],
            packets: vec![7, 8],
            sighting: sighting(9_950, 8),
        },
        artifacts: vec![2, 3],
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
        ..seen(ArtifactSource::Cache(0), 0, Cite::whole(EvidenceId(2), 29_367))
    };
    vec![
        of(
            Artifact::Ctl(Arc::new(ctl())),
            vec![seen(ArtifactSource::Retrieval(0), 10_480, wire(&[15, 16, 17])), cached.clone()],
        ),
        of(
            Artifact::Certificate(signer),
            vec![seen(ArtifactSource::Retrieval(0), 10_480, wire(&[15, 16, 17])), cached],
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
        },
        CaseChain {
            subject: ChainSubject::CtlSigner { ctl: 0, machine: Some(0) },
            leaf: 1,
            host: None,
            as_of: at(32_050),
            chains: vec![list],
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
            response_code: code,
            addresses: addresses.iter().map(|text| text.parse().unwrap()).collect(),
            aliases: Vec::new(),
            sighting: sighting(milliseconds, packet),
        })
    };
    vec![
        lookup("wpad.corp.example", 10_900, 48, answer(3, &[], 10_902, 49)),
        lookup("www.microsoft.com", 10_950, 50, answer(0, &["65.55.12.249"], 10_955, 51)),
        lookup("intranet.corp.example", 11_000, 53, answer(0, &["10.0.0.9"], 11_001, 54)),
    ]
}

fn case() -> Case {
    let user = Account { kind: AccountKind::User, name: Some("torsten".to_owned()) };
    let system = Account::of(AccountKind::System);
    Case {
        as_of: None,
        evidence: evidence(),
        issues: vec![Issue::new(
            EvidenceId(3),
            "byte 96",
            "the content file is not in the hand-over",
            "what SYSTEM held cannot be read",
        )],
        machines: vec![Machine {
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

fn finding(
    rule: &'static str,
    role: Role,
    confidence: Option<Confidence>,
    summary: &str,
) -> Finding {
    Finding {
        rule,
        role,
        confidence,
        summary: summary.to_owned(),
        explains: Vec::new(),
        because_of: Vec::new(),
        remedy: String::new(),
        cites: Vec::new(),
    }
}

fn findings() -> Vec<Finding> {
    let mut root = finding(
        "ctl-signer-issuer-missing-aia-blocked",
        Role::RootCause,
        Some(Confidence::Proven),
        "Microsoft's list of trusted roots (sequence 1401cbbcd205389c94) came without the certificate of the authority that issued its signer, Microsoft Certificate Trust List PCA, and the machine's own download of that certificate got no connection, so the list could not be believed and the root of www.bank.example was not added.",
    );
    root.explains = vec![0, 1];
    root.remedy = "Give the machine account a way to www.microsoft.com/pki (netsh winhttp set proxy, WPAD, or a firewall rule), or put Microsoft Certificate Trust List PCA into Local Computer, Intermediate Certification Authorities. Then flush the old list as each account: certutil -urlcache authrootstl.cab delete. It worked when the certificate appears in the cache of SYSTEM.".to_owned();
    root.cites =
        [frames(&[15, 16, 17, 44, 47, 52, 60, 71, 75]), vec![Cite::whole(EvidenceId(3), 344)]]
            .concat();
    let mut gap = finding(
        "identity-proxy-gap",
        Role::Contributing,
        Some(Confidence::Medium),
        "The same URL was fetched through proxy 10.0.0.2:3128 and tried directly 0.16 s later without an answer: two accounts with two proxy settings, by the look of it.",
    );
    gap.explains = vec![0, 1];
    gap.because_of = Vec::new();
    gap.remedy = "netsh winhttp import proxy source=ie, or a direct rule.".to_owned();
    gap.cites = frames(&[44, 47, 52, 60, 71]);
    let mut blocked = finding(
        "direct-blocked",
        Role::Contributing,
        Some(Confidence::High),
        "3 SYNs to 65.55.12.249:80 stayed without an answer.",
    );
    blocked.explains = vec![0, 1];
    blocked.because_of = vec![1];
    blocked.cites = frames(&[52, 60, 71]);
    let mut noticed = finding(
        "server-omits-intermediate",
        Role::Observation,
        Some(Confidence::Low),
        "www.bank.example does not send its root; that is usual.",
    );
    noticed.cites = frames(&[7, 8]);
    let mut out = finding(
        "proxy-auth-required",
        Role::RuledOut,
        Some(Confidence::High),
        "The proxy asked for a login and took it; the list came whole.",
    );
    out.cites = frames(&[12, 15]);
    let mut unknown = finding(
        "identity-unknown",
        Role::CannotTell,
        None,
        "Which account tried the direct download is not in the packets.",
    );
    unknown.remedy = "Collect the CAPI2 log (event 53 names the account) and the caches of NETWORK SERVICE and LOCAL SERVICE.".to_owned();
    vec![root, gap, blocked, noticed, out, unknown]
}

fn diagnosis() -> Diagnosis {
    let verifier = |kind, basis: &str| Verifier { kind, name: None, basis: basis.to_owned() };
    Diagnosis {
        verdict: Verdict {
            state: VerdictState::Explained,
            root_cause: Some("ctl-signer-issuer-missing-aia-blocked"),
            sentence: "PC-17 rejected www.bank.example because it could not believe Microsoft's list of trusted roots: the list came without the certificate that issued its signer, and the machine has no route by which to fetch that certificate itself.".to_owned(),
        },
        incidents: vec![Incident {
            root_cause: Some(0),
            from: at(31_950),
            to: at(32_050),
            machines: vec![0],
            failures: vec![0, 1],
            sentence: "The trust list could not be believed, and a site was rejected.".to_owned(),
        }],
        failures: vec![
            Failure {
                kind: FailureKind::Rejected,
                at: at(32_050),
                machine: Some(0),
                account: None,
                verifier: verifier(VerifierKind::Capi, "CryptoAPI fetched this chain's URLs"),
                site: Some("www.bank.example".to_owned()),
                handshake: Some(0),
                chain: Some(0),
                retrievals: vec![0, 1, 2],
                findings: vec![0, 1, 2],
            },
            Failure {
                kind: FailureKind::Object,
                at: at(31_950),
                machine: Some(0),
                account: Some(Account::of(AccountKind::System)),
                verifier: verifier(VerifierKind::Capi, "CryptoAPI's own download"),
                site: None,
                handshake: None,
                chain: Some(1),
                retrievals: vec![2],
                findings: vec![0, 1, 2],
            },
        ],
        findings: findings(),
    }
}

/// The whole sample.
pub(crate) fn explained() -> Explained {
    let (case, diagnosis) = (case(), diagnosis());
    let timeline = timeline::timeline(&case, &diagnosis);
    let clocks = vec![Clock {
        source: "server www.download.windowsupdate.com".to_owned(),
        offset_min_s: -0.612,
        offset_max_s: 0.388,
        basis: "1 Date header, not from a cache".to_owned(),
    }];
    Explained { case, diagnosis, timeline, clocks }
}

/// A case in which nothing was found.
pub(crate) fn empty() -> Explained {
    let verdict = Verdict {
        state: VerdictState::NoValidationSeen,
        root_cause: None,
        sentence: "Nothing in this evidence validates a certificate.".to_owned(),
    };
    let diagnosis =
        Diagnosis { verdict, incidents: Vec::new(), failures: Vec::new(), findings: Vec::new() };
    let case = Case::default();
    Explained { case, diagnosis, timeline: Vec::new(), clocks: Vec::new() }
}

/// The sample with hostile text in every place that evidence can fill.
pub(crate) fn hostile() -> Explained {
    const BAD: &str = "a\u{1b}]0;owned\u{7}\nVerdict: clean\r\u{202e}txt.exe\u{9b}2J";
    let mut explained = explained();
    let bad = || BAD.to_owned();
    let case = &mut explained.case;
    for retrieval in &mut case.retrievals {
        retrieval.url = Some(bad());
        retrieval.host = Some(bad());
        retrieval.detail = Some(bad());
        retrieval.user_agent = Some("x".repeat(100_000));
        retrieval.route.hops = vec![Hop { name: bad(), address: None, cache: Some(bad()) }];
    }
    for handshake in &mut case.handshakes {
        handshake.site = Some(bad());
        handshake.tunnel = Some(bad());
    }
    for entry in &mut case.cache_entries {
        entry.owner.name = Some(bad());
        entry.name = bad();
        if let Some(record) = &mut entry.record {
            record.url = bad();
        }
    }
    for record in &mut case.evidence {
        record.path = bad();
        record.member = Some(bad());
    }
    for machine in &mut case.machines {
        machine.names = vec![bad()];
        machine.joined_because = Some(bad());
    }
    for lookup in &mut case.lookups {
        lookup.name = bad();
    }
    for issue in &mut case.issues {
        issue.what = bad();
        issue.place = bad();
    }
    case.artifacts.push(ArtifactRecord {
        artifact: Artifact::Certificate(certificate(7, BAD, BAD)),
        seen: Vec::new(),
    });
    if let Some(handshake) = case.handshakes.first_mut() {
        handshake.artifacts = vec![4];
    }
    for chain in &mut case.chains {
        chain.host = Some(bad());
    }
    let diagnosis = &mut explained.diagnosis;
    diagnosis.verdict.sentence = bad();
    for failure in &mut diagnosis.failures {
        failure.site = Some(bad());
        failure.verifier.name = Some(bad());
        failure.account = Some(Account { kind: AccountKind::User, name: Some(bad()) });
    }
    for finding in &mut diagnosis.findings {
        finding.summary = BAD.repeat(100);
        finding.remedy = bad();
    }
    for clock in &mut explained.clocks {
        clock.source = bad();
        clock.basis = bad();
    }
    explained.timeline = timeline::timeline(&explained.case, &explained.diagnosis);
    explained
}
