//! Captures with hives of the machine in which a setting is the cause, from files
//! to findings (`tests/data/host/settings`, made by `samples/lab/settings.py`):
//! each rule fires, is quiet without the setting, and for one that looks like it.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;

use whychain::diagnosis::{Finding, Role};
use whychain::pipeline::{Options, explain};

fn findings(rule: &str, copy: &str) -> Vec<Finding> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/host/settings")
        .join(rule);
    let paths = [
        folder.join("client.pcapng"),
        folder.join(format!("{copy}.zip")),
    ];
    let explained = explain(&paths, &Options::default(), &mut |_| {}).unwrap();
    explained.diagnosis.findings
}

fn cause(found: &[Finding]) -> Vec<(&str, &str)> {
    let causes = found.iter().filter(|it| it.role == Role::RootCause);
    causes
        .map(|it| (it.rule, it.confidence.unwrap().word()))
        .collect()
}

/// The settings were written a month before: nothing is inferred.
fn fires_and_is_quiet(rule: &str) {
    assert_eq!(cause(&findings(rule, "on")), [(rule, "high")]);
    for copy in ["off", "alike"] {
        let found = findings(rule, copy);
        assert!(found.iter().all(|it| it.rule != rule), "{copy}: {found:?}");
    }
}

#[test]
fn a_policy_that_forbids_the_address_of_the_issuer_is_the_cause() {
    fires_and_is_quiet("aia-disabled-by-policy");
}

#[test]
fn a_policy_that_switches_the_root_update_off_is_the_cause() {
    fires_and_is_quiet("root-update-disabled");
    // A root that the machine's list does not name would not have come either.
    let found = findings("root-update-disabled", "alike");
    assert_eq!(cause(&found), [("root-not-in-program", "high")]);
}

#[test]
fn a_mirror_without_the_list_is_the_cause_where_the_machine_is_sent_to_it() {
    fires_and_is_quiet("root-update-redirect-bad");
    let found = findings("root-update-redirect-bad", "off");
    assert_eq!(cause(&found), [("origin-http-error", "proven")]);
}

const REFUSED: &str = "update-server-refused";

#[test]
fn an_update_server_is_refused_by_a_machine_that_lacks_its_root() {
    let found = findings(REFUSED, "untrusted");
    assert_eq!(cause(&found)[0].0, "wsus-root-untrusted");
    for copy in ["trusted", "pinned-this"] {
        let found = findings(REFUSED, copy);
        let other = found.iter().filter(|it| it.role != Role::RuledOut);
        let rules: Vec<&str> = other.map(|it| it.rule).collect();
        assert!(!rules.contains(&"wsus-root-untrusted"), "{copy}: {rules:?}");
    }
}

#[test]
fn a_server_of_the_house_that_is_none_of_updates_has_another_rule() {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/private-root/client.pcapng");
    let explained = explain(&[sample], &Options::default(), &mut |_| {}).unwrap();
    let found = explained.diagnosis.findings;
    assert_eq!(cause(&found)[0].0, "private-root-not-deployed");
    assert!(found.iter().all(|it| it.rule != "wsus-root-untrusted"));
}

#[test]
fn an_update_server_that_is_none_of_the_pinned_ones_misses_its_pin() {
    let found = findings(REFUSED, "pinned-other");
    assert_eq!(cause(&found), [("pin-mismatch", "high")]);
}

#[test]
fn pins_that_are_met_or_not_in_force_are_ruled_out() {
    for (copy, said) in [
        (
            "pinned-this",
            "lies in the machine's store WindowsServerUpdateServices",
        ),
        ("pinned-aside", "a policy leaves pins aside"),
        ("trusted", "has no certificate"),
    ] {
        let found = findings(REFUSED, copy);
        let pins: Vec<&Finding> = found
            .iter()
            .filter(|it| it.rule == "pin-mismatch")
            .collect();
        let [pin] = pins.as_slice() else {
            panic!("{copy}: {pins:?}")
        };
        assert_eq!(pin.role, Role::RuledOut, "{copy}");
        assert!(pin.summary.contains(said), "{}", pin.summary);
    }
}
