//! Tests of `ctl-signer-issuer-missing-aia-blocked`: it fires, and for which
//! neighbors it is quiet.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use crate::diagnosis::fixtures::{
    AIA, CTL, PCA, Story, alice, at, broken_list, certificate, system, trust_list, whole_list,
};
use crate::diagnosis::{Diagnosis, Role};
use crate::pki::{Artifact, Ctl};
use crate::retrieval::{ObjectKind, Outcome};
use std::sync::Arc;

const RULE: &str = "ctl-signer-issuer-missing-aia-blocked";
const SENT: [&str; 2] = ["leaf", "issuing-ca"];

fn pca() -> Artifact {
    Artifact::Certificate(certificate("list-pca"))
}

/// The list came, and the direct attempt for the issuer of its signer failed.
fn shut(list: Arc<Ctl>) -> Story {
    Story::new()
        .fetch(ObjectKind::Ctl, CTL, Outcome::Ok, (0, 1))
        .by_proxy()
        .brings(&Artifact::Ctl(list))
        .fetch(ObjectKind::AiaCert, PCA, Outcome::ConnectTimeout, (5, 26))
}

/// The user's attempt by the proxy.
fn fetched_by_proxy(story: Story) -> Story {
    story
        .fetch(ObjectKind::AiaCert, PCA, Outcome::Ok, (3, 4))
        .by_proxy()
        .brings(&pca())
}

fn own(diagnosis: &Diagnosis) -> (Role, &str) {
    let finding = diagnosis.of(RULE)[0];
    (finding.role, finding.confidence.unwrap().word())
}

#[test]
fn both_fetches_and_both_caches_prove_it_and_the_route_contributes() {
    let list = Artifact::Ctl(broken_list());
    let diagnosis = fetched_by_proxy(shut(broken_list()))
        .with(|it| it.account = Some(alice()))
        .rejects(&SENT, (6, 27))
        .cached(alice(), CTL, &list, 1)
        .cached(alice(), PCA, &pca(), 4)
        .cached(system(), CTL, &list, 1)
        .diagnosis();
    assert_eq!(
        diagnosis.causes(),
        [
            (
                "ctl-signer-issuer-missing-aia-blocked",
                Role::RootCause,
                "proven"
            ),
            ("identity-proxy-gap", Role::Contributing, "high"),
            ("direct-blocked", Role::Contributing, "high"),
        ]
    );
    assert_eq!(
        diagnosis.verdict.sentence,
        "A rejected connection to www.shop.example on 10.0.0.9. Cause: the trust list does not enclose the certificate \"List PCA\", which issued its signer \"List Publisher\". The attempt to fetch it from pki.example was never answered (3 SYNs), while user alice got it through the proxy 10.0.0.8:3128. The cache of SYSTEM does not hold it, so the list could not be believed and no root could be added from it."
    );
    assert!(
        diagnosis.of("identity-unknown").is_empty(),
        "the caches tell"
    );
}

#[test]
fn packets_alone_leave_the_account_open() {
    let diagnosis = fetched_by_proxy(shut(broken_list()))
        .rejects(&SENT, (6, 27))
        .diagnosis();
    assert_eq!(own(&diagnosis), (Role::RootCause, "medium"));
    let alone = shut(broken_list()).rejects(&SENT, (6, 27)).diagnosis();
    assert_eq!(own(&alone), (Role::RootCause, "medium"));
}

#[test]
fn the_service_cache_and_the_failed_attempt_are_high() {
    let list = Artifact::Ctl(broken_list());
    let story = shut(broken_list())
        .rejects(&SENT, (6, 27))
        .cached(system(), CTL, &list, 1);
    assert_eq!(own(&story.diagnosis()), (Role::RootCause, "high"));
}

#[test]
fn caches_alone_show_a_list_that_system_cannot_believe() {
    let list = Artifact::Ctl(broken_list());
    let diagnosis = Story::new()
        .cached(alice(), CTL, &list, 1)
        .cached(alice(), PCA, &pca(), 4)
        .cached(system(), CTL, &list, 1)
        .diagnosis();
    assert_eq!(own(&diagnosis), (Role::RootCause, "medium"));
    assert_eq!(diagnosis.failures[0].account, Some(system()));
    assert_eq!(
        diagnosis.findings[0].summary,
        "The trust list does not enclose the certificate \"List PCA\", which issued its signer \"List Publisher\". The cache of user alice holds it and the cache of SYSTEM does not, so for SYSTEM the list could not be believed and no root could be added from it."
    );
}

#[test]
fn the_cache_of_system_alone_is_an_observation() {
    let story = Story::new().cached(system(), CTL, &Artifact::Ctl(broken_list()), 1);
    let diagnosis = story.diagnosis();
    assert_eq!(own(&diagnosis), (Role::Observation, "high"));
    assert!(diagnosis.failures.is_empty());
}

#[test]
fn a_service_without_the_list_lacks_nothing() {
    let other = Artifact::Certificate(certificate("leaf"));
    let diagnosis = Story::new()
        .cached(alice(), CTL, &Artifact::Ctl(broken_list()), 1)
        .cached(alice(), PCA, &pca(), 4)
        .cached(system(), AIA, &other, 1)
        .diagnosis();
    assert!(diagnosis.failures.is_empty());
}

#[test]
fn it_is_quiet_when_the_list_encloses_the_issuer_and_says_so() {
    let diagnosis = shut(whole_list()).rejects(&SENT, (6, 27)).diagnosis();
    assert_eq!(own(&diagnosis).0, Role::RuledOut);
}

#[test]
fn it_is_quiet_when_the_machine_also_had_the_list_signed_anew() {
    let diagnosis = shut(broken_list())
        .fetch(ObjectKind::Ctl, CTL, Outcome::Ok, (27, 28))
        .brings(&Artifact::Ctl(whole_list()))
        .rejects(&SENT, (29, 40))
        .diagnosis();
    let rejected = diagnosis
        .failures
        .iter()
        .position(|it| it.handshake.is_some())
        .unwrap();
    assert!(
        diagnosis
            .of(RULE)
            .iter()
            .all(|it| !it.explains.contains(&rejected))
    );
}

#[test]
fn it_is_quiet_when_the_failing_route_was_open_after_all() {
    let diagnosis = shut(broken_list())
        .fetch(ObjectKind::AiaCert, PCA, Outcome::Ok, (40, 41))
        .brings(&pca())
        .rejects(&SENT, (50, 51))
        .diagnosis();
    assert_eq!(own(&diagnosis).0, Role::Observation);
}

#[test]
fn it_is_quiet_when_a_service_holds_the_issuer() {
    let list = Artifact::Ctl(broken_list());
    let diagnosis = shut(broken_list())
        .rejects(&SENT, (6, 27))
        .cached(system(), CTL, &list, 1)
        .cached(system(), PCA, &pca(), 0)
        .diagnosis();
    assert_eq!(own(&diagnosis).0, Role::Observation);
}

#[test]
fn it_is_quiet_for_a_root_that_the_list_does_not_have() {
    let diagnosis = shut(trust_list(&[], &["list-root"], at(-86_400)))
        .rejects(&["leaf", "issuing-ca", "site-root"], (6, 27))
        .diagnosis();
    let rejected = diagnosis
        .failures
        .iter()
        .position(|it| it.handshake.is_some())
        .unwrap();
    assert!(!diagnosis.of(RULE)[0].explains.contains(&rejected));
}

#[test]
fn it_is_quiet_for_a_certificate_that_nobody_would_accept() {
    const YEAR: i64 = 365 * 86_400;
    let diagnosis = shut(broken_list())
        .rejects(&SENT, (YEAR, YEAR + 1))
        .diagnosis();
    assert_eq!(diagnosis.verdict.root_cause, Some("leaf-expired"));
}
