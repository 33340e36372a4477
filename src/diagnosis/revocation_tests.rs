//! Status of certificates through a whole case: what was at hand for whom and
//! since when, and what must not become a finding.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::fixtures::{AIA, CRL, OCSP, SITE, Story, alice, at, certificate, system};
use super::statuses::samples::{object, refused_after};
use super::{Diagnosis, FailureKind, Role, VerdictState, diagnose};
use crate::case::holdings::Holders;
use crate::case::status::{Presence, StatusState};
use crate::case::{Case, ChainSubject};
use crate::chain::TrustStatus;
use crate::pki::Artifact;
use crate::retrieval::{ObjectKind, Outcome};

const FULL: [&str; 2] = ["leaf", "issuing-ca"];
/// What speaks of a status in any way.
const STATUS_RULES: [&str; 9] = [
    "certificate-revoked",
    "revocation-server-unreachable",
    "crl-expired",
    "crl-not-applicable",
    "crl-slow-or-huge",
    "ocsp-error-response",
    "ocsp-stale-or-bad-signer",
    "ocsp-unknown",
    "delta-crl-missing",
];

fn told(diagnosis: &Diagnosis) -> Vec<&str> {
    let told = diagnosis.findings.iter().map(|finding| finding.rule);
    told.filter(|rule| STATUS_RULES.contains(rule)).collect()
}

// Holdings.

#[test]
fn a_download_is_at_hand_from_its_end_on_and_only_for_its_machine() {
    let case = refused_after("crl-in-force.crl").case();
    let own = Holders::of(&case, &[]).of_machine(Some(0));
    let since: Vec<_> = own.crls.iter().map(|held| held.since).collect();
    assert_eq!(since, [Some(at(11))]);
    assert!(Holders::of(&case, &[]).of_machine(Some(1)).crls.is_empty());
}

#[test]
fn what_one_account_has_cached_another_has_not() {
    let case = Story::new()
        .cached(alice(), CRL, &object("crl-in-force.crl"), 1)
        .rejects(&FULL, (9, 12))
        .case();
    let of = |account| {
        Holders::of(&case, &[])
            .of_account(Some(0), &account)
            .crls
            .len()
    };
    assert_eq!((of(alice()), of(system())), (1, 0));
    assert_eq!(Holders::of(&case, &[]).of_machine(Some(0)).crls.len(), 1);
}

#[test]
fn nobody_keeps_what_a_server_sent() {
    let case = Story::new().rejects(&FULL, (9, 12)).case();
    let own = Holders::of(&case, &[]).of_machine(Some(0));
    assert!(own.candidates.is_empty());
}

#[test]
fn a_cached_status_whose_time_is_lost_proves_nothing() {
    let mut case = Story::new()
        .cached(alice(), CRL, &object("crl-in-force.crl"), 1)
        .rejects(&FULL, (9, 12))
        .case();
    for sighting in case.artifacts.iter_mut().flat_map(|it| &mut it.seen) {
        sighting.at = None;
    }
    assert!(Holders::of(&case, &[]).of_machine(Some(0)).crls.is_empty());
}

#[test]
fn roots_that_were_given_are_anchors() {
    let case = Case::default();
    let roots = [certificate("site-root")];
    let own = Holders::of(&case, &roots).of_machine(None);
    assert!(own.candidates.iter().all(|held| held.object.anchor));
    assert_eq!(own.candidates.len(), 1);
}

// Status.

#[test]
fn each_copy_is_told_with_its_account_and_whether_it_was_there() {
    let crl = object("crl-in-force.crl");
    let case = Story::new()
        .cached(alice(), CRL, &crl, 1)
        .cached(system(), CRL, &crl, 5_000)
        .rejects(&FULL, (9, 12))
        .case();
    let status = &case.chains[0].status[0];
    assert_eq!(status.state, StatusState::Good);
    let copies: Vec<_> = status
        .copies
        .iter()
        .map(|copy| (copy.account.clone().unwrap(), copy.presence))
        .collect();
    // SYSTEM's was synchronized later; it may have lain there before.
    assert_eq!(
        copies,
        [(alice(), Presence::Yes), (system(), Presence::Unknown)]
    );
}

#[test]
fn a_download_after_the_reaction_was_not_there() {
    let case = Story::new()
        .fetch(ObjectKind::Crl, CRL, Outcome::Ok, (100, 101))
        .brings(&object("crl-in-force.crl"))
        .rejects(&FULL, (9, 12))
        .case();
    let status = &case.chains[0].status[0];
    assert_eq!(status.state, StatusState::Unknown);
    assert_eq!(status.copies[0].presence, Presence::No);
    assert_eq!(status.copies[0].says, None);
}

#[test]
fn the_bits_for_a_caller_that_insists_tell_unasked_from_unaskable() {
    let case = Story::new().rejects(&FULL, (9, 12)).case();
    let bits = case.chains[0].status[0].if_required;
    assert_eq!(bits.bits(), 0x0100_0040);
    let mute = Story::new().rejects(&["leaf-without-aia", "issuing-ca"], (9, 12));
    let bits = mute.case().chains[0].status[0].if_required;
    assert!(bits.intersects(TrustStatus::REVOCATION_STATUS_UNKNOWN));
}

// Signers.

#[test]
fn the_signer_of_a_crl_has_one_chain_for_each_machine_that_had_it() {
    let case = refused_after("crl-in-force.crl").case();
    let signers: Vec<_> = case
        .chains
        .iter()
        .filter(|chain| matches!(chain.subject, ChainSubject::CrlSigner { .. }))
        .collect();
    assert_eq!(signers.len(), 1);
    let leaf = case.certificate(signers[0].leaf).unwrap();
    assert_eq!(leaf.subject.short(), "Issuing CA");
    assert_eq!(signers[0].as_of, at(11));
    let stranger = refused_after("crl-other-key.crl").case();
    let mut subjects = stranger.chains.iter().map(|chain| chain.subject);
    assert!(!subjects.any(|it| matches!(it, ChainSubject::CrlSigner { .. })));
}

// Proofs.

#[test]
fn only_a_refused_chain_has_an_axis_and_a_repair() {
    let case = refused_after("crl-expired.crl").case_with(&["site-root"]);
    let chain = &case.chains[0];
    assert!(chain.axis.is_some() && chain.status_repair.is_some());
    assert!(chain.repair.is_none(), "nothing but the status is wanting");
    let accepted = refused_after("crl-expired.crl").accepted();
    let chain = &accepted.case_with(&["site-root"]).chains[0];
    assert!(chain.axis.is_none() && chain.status_repair.is_none());
}

#[test]
fn no_status_repair_where_none_was_sought() {
    let case = Story::new()
        .rejects(&FULL, (9, 12))
        .case_with(&["site-root"]);
    assert!(case.chains[0].status_repair.is_none());
    let sought = Story::new()
        .fetch(ObjectKind::Ocsp, OCSP, Outcome::ConnectTimeout, (10, 12))
        .rejects(&FULL, (9, 12))
        .case_with(&["site-root"]);
    assert!(sought.chains[0].status_repair.is_some());
}

// The table of tests: rows about status.

#[test]
fn silent_servers_for_fifteen_seconds_and_a_close_are_blocked_then_unreachable() {
    let diagnosis = Story::new()
        .fetch(ObjectKind::Ocsp, OCSP, Outcome::ConnectTimeout, (10, 25))
        .fetch(ObjectKind::Crl, CRL, Outcome::ConnectTimeout, (25, 30))
        .rejects(&FULL, (9, 30))
        .diagnosis();
    assert_eq!(diagnosis.verdict.root_cause, Some("direct-blocked"));
    let unreachable = diagnosis.of("revocation-server-unreachable");
    assert_eq!(unreachable.len(), 1);
    assert_eq!(unreachable[0].role, Role::Contributing);
    assert!(
        unreachable[0].summary.contains("waited 20 s"),
        "{}",
        unreachable[0].summary
    );
    assert!(diagnosis.of("certificate-revoked").is_empty());
}

#[test]
fn a_list_that_ran_out_yesterday_is_no_unreachable_server() {
    let diagnosis = refused_after("crl-expired.crl").diagnosis();
    assert_eq!(told(&diagnosis), ["crl-expired"]);
}

// False friends.

#[test]
fn a_list_that_was_not_modified_is_a_success() {
    let diagnosis = Story::new()
        .cached(alice(), CRL, &object("crl-in-force.crl"), 1)
        .fetch(ObjectKind::Crl, CRL, Outcome::NotModified, (10, 11))
        .rejects(&FULL, (9, 12))
        .accepted()
        .diagnosis();
    assert!(diagnosis.failures.is_empty());
    assert!(told(&diagnosis).is_empty());
}

#[test]
fn an_unknown_status_alone_is_no_failure() {
    let diagnosis = Story::new().rejects(&FULL, (9, 12)).accepted().diagnosis();
    assert!(diagnosis.failures.is_empty());
    assert_eq!(told(&diagnosis), [""; 0]);
    let refused = Story::new().rejects(&FULL, (9, 12)).diagnosis();
    assert_eq!(told(&refused), [""; 0], "a reaction alone names no status");
}

#[test]
fn a_handshake_completed_shortly_after_with_the_same_certificates_was_no_rejection() {
    let diagnosis = refused_after("crl-expired.crl")
        .handshake(|it| it.alert = None)
        .rejects(&FULL, (14, 15))
        .accepted()
        .diagnosis();
    let rejected = diagnosis
        .failures
        .iter()
        .filter(|it| it.kind == FailureKind::Rejected);
    assert_eq!(rejected.count(), 0);
    assert!(told(&diagnosis).is_empty());
}

#[test]
fn a_revoked_certificate_that_was_not_used_is_no_finding() {
    let diagnosis = Story::new()
        .fetch(ObjectKind::Crl, CRL, Outcome::Ok, (10, 11))
        .brings(&object("crl-revokes-leaf.crl"))
        .rejects(&["corp-leaf", "corp-root"], (9, 12))
        .diagnosis();
    assert!(diagnosis.of("certificate-revoked").is_empty());
}

#[test]
fn a_dead_responder_explains_no_chain_that_lacks_its_issuer() {
    let diagnosis = Story::new()
        .fetch(ObjectKind::AiaCert, AIA, Outcome::NoSuchName, (10, 11))
        .fetch(ObjectKind::Ocsp, OCSP, Outcome::ConnectTimeout, (11, 26))
        .rejects(&["leaf"], (9, 27))
        .diagnosis();
    assert_eq!(diagnosis.verdict.root_cause, Some("dns-failed"));
}

#[test]
fn a_slow_look_up_of_another_machine_delays_nobody_here() {
    let diagnosis = Story::new()
        .fetch(ObjectKind::Ocsp, OCSP, Outcome::ConnectTimeout, (10, 25))
        .with(|it| it.client = Some("10.0.0.77:1".parse().unwrap()))
        .rejects(&FULL, (9, 26))
        .diagnosis();
    assert!(diagnosis.of("revocation-server-unreachable").is_empty());
}

#[test]
fn a_site_that_was_accepted_with_every_status_known_is_clean() {
    let case = refused_after("ocsp-good.der")
        .accepted()
        .case_with(&["site-root"]);
    let diagnosis = diagnose(&case, Some(SITE));
    assert_eq!(diagnosis.verdict.state, VerdictState::Clean);
    let known = object("ocsp-good.der");
    assert!(matches!(known, Artifact::Ocsp(_)));
}
