//! What looks like a fault and is none, in stories that are healthy or fail for
//! another reason, and outcomes that no other test reaches.
//!
//! Others of that kind stand with what they could be mistaken for: a client that
//! closes after data, or drops a handshake once and completes it nearby
//! (`failures.rs`), a server's alert about the client's certificate
//! (`failures.rs`, `outcomes_sources.rs`).
#![allow(clippy::unwrap_used, clippy::expect_used)]

use crate::case::discovery::{Means, TryResult};
use crate::diagnosis::fixtures::{AIA, CRL, CTL, DISALLOWED, Story, certificate, whole_list};
use crate::diagnosis::{Diagnosis, Role, diagnose};
use crate::host::event::{LogEvent, from_xml};
use crate::host::{HostFacts, HostSource, capi};
use crate::pki::{Artifact, LooksLike};
use crate::provenance::EvidenceId;
use crate::retrieval::{ObjectKind, Outcome};

const FULL: [&str; 2] = ["leaf", "issuing-ca"];
const SEQ: &str =
    "http://ctldl.windowsupdate.com/msdownload/update/v3/static/trustedr/en/authrootseq.txt";

fn blamed(diagnosis: &Diagnosis) -> Vec<&'static str> {
    let causes = diagnosis
        .findings
        .iter()
        .filter(|finding| finding.role <= Role::Contributing);
    causes.map(|finding| finding.rule).collect()
}

#[test]
fn a_sequence_number_without_a_list_after_it_is_an_unchanged_list() {
    let diagnosis = Story::new()
        .fetch(ObjectKind::Seq, SEQ, Outcome::Ok, (1, 2))
        .rejects(&FULL, (9, 12))
        .accepted()
        .diagnosis();
    assert!(diagnosis.failures.is_empty(), "{:#?}", diagnosis.failures);
    assert!(blamed(&diagnosis).is_empty());
}

#[test]
fn a_random_query_of_a_list_is_not_remarked() {
    let url = format!("{CTL}?0123456789abcdef");
    let diagnosis = Story::new()
        .fetch(ObjectKind::Ctl, &url, Outcome::Ok, (1, 2))
        .brings(&Artifact::Ctl(whole_list()))
        .rejects(&FULL, (9, 12))
        .accepted()
        .diagnosis();
    assert!(diagnosis.failures.is_empty());
    assert!(blamed(&diagnosis).is_empty());
    let remarks = diagnosis.findings.iter();
    assert!(
        remarks
            .filter(|it| it.role == Role::Observation)
            .all(|it| !it.summary.contains("0123456789abcdef"))
    );
}

#[test]
fn a_background_list_that_fails_every_day_explains_no_site() {
    let day = 86_400;
    let mut story = Story::new();
    for number in 0..3 {
        let times = (number * day + 1, number * day + 2);
        story = story.fetch(ObjectKind::Disallowed, DISALLOWED, Outcome::Refused, times);
    }
    let end = 2 * day;
    let diagnosis = story.rejects(&FULL, (end + 9, end + 12)).diagnosis();
    let rejected = diagnosis
        .failures
        .iter()
        .position(|it| it.handshake.is_some())
        .unwrap();
    let explaining = diagnosis
        .findings
        .iter()
        .filter(|it| it.role <= Role::Contributing && it.explains.contains(&rejected));
    assert_eq!(explaining.count(), 0, "{:#?}", diagnosis.findings);
}

#[test]
fn not_modified_is_a_success() {
    let diagnosis = Story::new()
        .fetch(ObjectKind::Ctl, CTL, Outcome::NotModified, (1, 2))
        .fetch(ObjectKind::Crl, CRL, Outcome::NotModified, (3, 4))
        .rejects(&FULL, (9, 12))
        .accepted()
        .diagnosis();
    assert!(diagnosis.failures.is_empty());
    assert!(blamed(&diagnosis).is_empty());
}

#[test]
fn a_search_for_a_proxy_in_vain_is_normal_where_the_direct_way_works() {
    // What WinHTTP calls 12180 (0x2F94).
    let diagnosis = Story::new()
        .looked(Means::Dhcp, TryResult::Silent, 1)
        .looked(Means::Dns, TryResult::None, 2)
        .fetch(ObjectKind::Ctl, CTL, Outcome::Ok, (3, 4))
        .brings(&Artifact::Ctl(whole_list()))
        .rejects(&FULL, (9, 12))
        .accepted()
        .diagnosis();
    assert!(diagnosis.failures.is_empty());
    assert!(blamed(&diagnosis).is_empty());
}

#[test]
fn a_signer_for_lists_of_roots_alone_has_the_right_usage() {
    // Its only usage is 1.3.6.1.4.1.311.10.3.9; general list signing
    // (10.3.1), which viewers miss in it, is not needed.
    let signer = certificate("list-publisher");
    let usages = signer.extended_key_usage.value().unwrap();
    assert_eq!(usages, &["1.3.6.1.4.1.311.10.3.9".to_owned()]);
    let diagnosis = Story::new()
        .fetch(ObjectKind::Ctl, CTL, Outcome::Ok, (1, 2))
        .brings(&Artifact::Ctl(whole_list()))
        .rejects(&FULL, (9, 12))
        .diagnosis();
    for rule in ["wrong-eku", "ctl-signature-or-content-invalid"] {
        assert!(diagnosis.of(rule).is_empty(), "{rule}");
    }
}

#[test]
fn an_expired_certificate_that_no_chain_needs_is_not_blamed() {
    // The cross certificate of 2015 to 2024 lies beside the one in force.
    let bundle = ["leaf", "issuing-ca", "issuing-ca-cross"];
    for story in [
        Story::new().rejects(&bundle, (9, 12)),
        Story::new().rejects(&bundle, (9, 12)).accepted(),
    ] {
        let diagnosis = story.diagnosis();
        assert!(diagnosis.not_excluded("issuer-expired").is_empty());
        assert!(blamed(&diagnosis).is_empty(), "{:#?}", diagnosis.findings);
    }
}

#[test]
fn a_list_that_ends_below_a_root_nobody_captured_is_ordinary() {
    let accepted = Story::new().rejects(&FULL, (9, 12)).accepted().diagnosis();
    assert!(accepted.failures.is_empty() && blamed(&accepted).is_empty());
    // Refused, it is open whether the store had the root: no part is missing.
    let refused = Story::new().rejects(&FULL, (9, 12)).diagnosis();
    assert!(blamed(&refused).is_empty(), "{:#?}", refused.findings);
    assert_eq!(refused.of("store-unknown").len(), 1);
}

#[test]
fn certificates_of_strangers_are_reported_and_no_root_is_advised() {
    // A self-signed certificate of a server that somebody's program talked to
    // and went on with: what malware does.
    let diagnosis = Story::new()
        .rejects(&["corp-leaf", "corp-root"], (9, 12))
        .handshake(|it| it.site = Some("c2.bad.example".to_owned()))
        .accepted()
        .diagnosis();
    assert!(diagnosis.failures.is_empty() && blamed(&diagnosis).is_empty());
    for finding in &diagnosis.findings {
        let remedy = finding.remedy.to_ascii_lowercase();
        let advised = ["deploy", "trusted root", "import"];
        assert!(
            advised.iter().all(|word| !remedy.contains(word)),
            "{finding:#?}"
        );
    }
}

/// A record of the machine's log, five seconds into the story.
pub fn event(provider: &str, id: u32, data: &str) -> LogEvent {
    let xml = format!(
        "<Event xmlns=\"http://schemas.microsoft.com/win/2004/08/events/event\"><System>\
         <Provider Name=\"{provider}\"/><EventID>{id}</EventID><Level>2</Level>\
         <TimeCreated SystemTime=\"2026-06-01T10:00:05.000Z\"/><EventRecordID>7</EventRecordID>\
         <Channel>Microsoft-Windows-CAPI2/Operational</Channel><Computer>PC7</Computer>\
         <Security UserID=\"S-1-5-18\"/></System>{data}</Event>"
    );
    from_xml(&xml, 7).unwrap().unwrap()
}

/// The story, and the machine's log beside it.
pub fn with_log(story: Story, event: LogEvent) -> Diagnosis {
    let mut case = story.case();
    case.hosts.push(HostSource {
        evidence: EvidenceId(9),
        hand_over: "logs.zip".to_owned(),
        machine: None,
        label: "Logs/CAPI2.evtx".to_owned(),
        facts: HostFacts::Events(vec![event]),
    });
    case.host_machines.push(Some(0));
    diagnose(&case, None)
}

fn healthy() -> Story {
    Story::new()
        .fetch(ObjectKind::Ctl, CTL, Outcome::Ok, (6, 7))
        .brings(&Artifact::Ctl(whole_list()))
        .rejects(&FULL, (9, 12))
        .accepted()
}

#[test]
fn a_list_refused_once_before_a_good_one_came_is_noise() {
    let text = "<EventData><Data>http://ctldl.windowsupdate.com/msdownload/update/v3/static/\
                trustedr/en/authrootstl.cab</Data><Data>A required certificate is not within \
                its validity period when verifying against the current system clock.</Data>\
                </EventData>";
    let diagnosis = with_log(healthy(), event("Microsoft-Windows-CAPI2", 4107, text));
    assert!(diagnosis.failures.is_empty(), "{:#?}", diagnosis.failures);
    assert!(blamed(&diagnosis).is_empty());
}

/// Event 11 of the story's site: its root's status is unknown, which alone is no
/// fault; the chain's own result and error bits are those given.
pub fn logged_chain(result: &str, status: &str) -> String {
    let leaf = crate::bytes::to_hex(&certificate("leaf").sha1).to_uppercase();
    let root = crate::bytes::to_hex(&certificate("site-root").sha1).to_uppercase();
    let element = |sha1: &str, bits: &str| {
        format!(
            "<ChainElement><Certificate fileRef=\"{sha1}.cer\" subjectName=\"x\"/>\
             <TrustStatus><ErrorStatus value=\"{bits}\"/><InfoStatus value=\"0\"/></TrustStatus>\
             </ChainElement>"
        )
    };
    format!(
        "<UserData><CertGetCertificateChain><Certificate fileRef=\"{leaf}.cer\" \
             subjectName=\"www.shop.example\"/><CertificateChain chainRef=\"{{1}}\"><TrustStatus>\
             <ErrorStatus value=\"{status}\"/><InfoStatus value=\"0\"/></TrustStatus>{}{}\
             </CertificateChain><Result value=\"{result}\"/></CertGetCertificateChain></UserData>",
        element(&leaf, "0"),
        element(&root, "40")
    )
}

#[test]
fn an_unknown_status_of_the_root_in_a_chain_that_is_good_is_no_failure() {
    let chain =
        |result, status| event("Microsoft-Windows-CAPI2", 11, &logged_chain(result, status));
    assert!(with_log(healthy(), chain("0", "0")).failures.is_empty());
    let refused = with_log(healthy(), chain("800B0109", "20"));
    assert_eq!(refused.failures.len(), 1);
}

#[test]
fn what_could_not_be_written_to_the_cache_was_fetched_all_the_same() {
    let wire = |action: &str| {
        let data = format!(
            "<UserData><CryptRetrieveObjectByUrlWire><URL scheme=\"http\">{AIA}</URL>\
             <Object type=\"CONTEXT_OID_CERTIFICATE\"/><AdditionalInfo><Action name=\"NoProxy\"/>\
             <Action name=\"{action}\"><Error value=\"80070002\">not found</Error></Action>\
             </AdditionalInfo><Result value=\"0\"/></CryptRetrieveObjectByUrlWire></UserData>"
        );
        capi::wire(&event("Microsoft-Windows-CAPI2", 53, &data)).unwrap()
    };
    assert_eq!(wire("WriteToCache").error, None);
    assert_eq!(wire("Call_WinHttpGetProxyForUrl").error, None);
    assert_eq!(wire("Call_WinHttpSendRequest").error, Some(0x8007_0002));
}

#[test]
fn the_events_512_and_513_are_not_about_chains() {
    for id in [512, 513] {
        let data = "<UserData><CryptographicServices><Result value=\"80070005\"/>\
                    </CryptographicServices></UserData>";
        let diagnosis = with_log(healthy(), event("Microsoft-Windows-CAPI2", id, data));
        assert!(diagnosis.failures.is_empty());
        assert!(blamed(&diagnosis).is_empty());
    }
}

#[test]
fn a_server_that_sends_its_root_too_has_no_fault() {
    let diagnosis = Story::new()
        .rejects(&["leaf", "issuing-ca", "site-root"], (9, 12))
        .accepted()
        .diagnosis();
    assert!(diagnosis.failures.is_empty());
    assert!(blamed(&diagnosis).is_empty());
}

#[test]
fn an_object_that_came_whole_and_cannot_be_read_is_told_as_such() {
    let fetched = || Story::new().fetch(ObjectKind::AiaCert, AIA, Outcome::Ok, (1, 2));
    let strange = fetched().page(LooksLike::Pkcs7, "").diagnosis();
    let told = strange.of("unsupported-object");
    assert_eq!((told.len(), told[0].role), (1, Role::CannotTell));
    assert_eq!(told[0].confidence, None);
    assert!(told[0].summary.contains("261 bytes"), "{}", told[0].summary);
    let known = fetched().brings(&Artifact::Certificate(certificate("issuing-ca")));
    assert!(known.diagnosis().of("unsupported-object").is_empty());
    let page = fetched().page(LooksLike::Html, "Log on").diagnosis();
    assert!(page.of("unsupported-object").is_empty());
}
