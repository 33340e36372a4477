//! What looks like a fault and is none, in stories that are healthy or fail for
//! another reason, and outcomes that no other test reaches.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use crate::diagnosis::fixtures::{AIA, CTL, DISALLOWED, Story, certificate, whole_list};
use crate::diagnosis::{Diagnosis, Role};
use crate::pki::{Artifact, LooksLike};
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
