//! A case made by hand for tests: a machine whose user reaches the trust list
//! through a proxy, while the machine's own download of the issuer of the
//! list's signer goes nowhere, and a site is rejected.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::sample_case::{case, frames};
use crate::account::{Account, AccountKind};
use crate::case::{ArtifactRecord, Case};
use crate::clock::Clock;
use crate::diagnosis::{
    Confidence, Diagnosis, Failure, FailureKind, Finding, Incident, Reaction, Role, Verdict,
    VerdictState, Verifier, VerifierKind,
};
use crate::pipeline::{Explained, Settings};
use crate::pki::Artifact;
use crate::provenance::{Cite, EvidenceId};
use crate::retrieval::Hop;
use crate::timeline;

pub(crate) use super::sample_case::{at, certificate, ctl};

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
        remedy_proof: None,
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
    root.cites = [
        frames(&[15, 16, 17, 44, 47, 52, 60, 71, 75]),
        vec![Cite::whole(EvidenceId(3), 344)],
    ]
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
    let verifier = |kind, basis: &str| Verifier {
        kind,
        name: None,
        basis: basis.to_owned(),
    };
    Diagnosis {
        verdict: Verdict {
            state: VerdictState::Explained,
            root_cause: Some("ctl-signer-issuer-missing-aia-blocked"),
            sentence: "PC-17 rejected www.bank.example because it could not believe Microsoft's list of trusted roots: the list came without the certificate that issued its signer, and the machine has no route by which to fetch that certificate itself.".to_owned(),
        },
        incidents: vec![Incident {
            root_cause: Some(0),
            equal_causes: Vec::new(),
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
                cache_entry: None,
                reaction: Reaction::Told,
                lost: Vec::new(),
                healed: None,
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
                cache_entry: None,
                reaction: Reaction::NotSeen,
                lost: Vec::new(),
                healed: None,
                findings: vec![0, 1, 2],
            },
        ],
        findings: findings(),
        claims: Vec::new(),
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
    Explained {
        case,
        diagnosis,
        timeline,
        clocks,
        given: None,
        settings: Settings::default(),
        cited: std::collections::BTreeMap::new(),
        places: std::collections::BTreeMap::new(),
        bodies: std::collections::BTreeMap::new(),
    }
}

/// A case in which nothing was found.
pub(crate) fn empty() -> Explained {
    let verdict = Verdict {
        state: VerdictState::NoValidationSeen,
        root_cause: None,
        sentence: "Nothing in this evidence validates a certificate.".to_owned(),
    };
    let diagnosis = Diagnosis {
        claims: Vec::new(),
        verdict,
        incidents: Vec::new(),
        failures: Vec::new(),
        findings: Vec::new(),
    };
    let case = Case::default();
    Explained {
        case,
        diagnosis,
        timeline: Vec::new(),
        clocks: Vec::new(),
        given: None,
        settings: Settings::default(),
        cited: std::collections::BTreeMap::new(),
        places: std::collections::BTreeMap::new(),
        bodies: std::collections::BTreeMap::new(),
    }
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
        retrieval.route.hops = vec![Hop {
            age: None,
            name: bad(),
            address: None,
            cache: Some(bad()),
        }];
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
        failure.account = Some(Account {
            kind: AccountKind::User,
            name: Some(bad()),
        });
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
