//! Merging is order-free and associative: any grouping and order gives the same
//! bytes. And it counts right: on reports made for the purpose, whose answer is
//! known from how they were made.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::Cursor;
use std::path::Path;

use serde_json::{Value, json};
use whychain::fleet::Gathering;
use whychain::report::{fleet_csv, fleet_read};

mod fleet_reports;
use fleet_reports::{Dice, Host, answer, host, merged, report, sha, time};

fn fleet_of_all_sorts(dice: &mut Dice) -> Vec<String> {
    const CAUSES: [Option<&str>; 4] = [
        None,
        Some("proxy-auth-required"),
        Some("crl-expired"),
        Some("dns-failed"),
    ];
    let mut reports = Vec::new();
    for number in 0..36 {
        let mut one = host(number);
        one.cause = CAUSES[dice.roll(4)];
        one.minute = dice.roll(900);
        one.shared = dice.roll(8) == 0;
        match dice.roll(6) {
            0 => one.name = None,
            1 => one.address = None,
            2 => one.name = Some("TWIN".to_owned()),
            _ => {}
        }
        reports.push(report(&one));
        if dice.roll(3) == 0 {
            // The same machine once more: the same zip, or a later one.
            one.minute += dice.roll(3);
            one.second = dice.roll(2) == 0;
            if one.second {
                one.zip = format!("again-{}", one.zip);
            }
            reports.push(report(&one));
        }
    }
    for sample in [
        "root-update-2011",
        "stale-copy",
        "machine-login",
        "service-route",
        "clock-ahead",
        "tls13-hidden",
    ] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("samples")
            .join(sample);
        reports.push(std::fs::read_to_string(path.join("report.json")).unwrap());
    }
    reports.push("{\"schema\": \"whychain.report/1\", \"machines\": [".to_owned());
    reports.push("{\"schema\": \"whychain.report/9\"}".to_owned());
    reports
}

/// Puts reports into heaps, merges each, and heaps of these again.
fn somehow_merged(reports: &[String], dice: &mut Dice) -> String {
    let mut heap: Vec<String> = reports.to_vec();
    dice.shuffle(&mut heap);
    while heap.len() > 1 {
        let mut rest = heap.as_slice();
        let mut next = Vec::new();
        while !rest.is_empty() {
            let (taken, others) = rest.split_at(rest.len().min(1 + dice.roll(9)));
            // Some wait for a later merge.
            match taken {
                [one] if dice.roll(2) == 0 => next.push(one.clone()),
                several => next.push(merged(several)),
            }
            rest = others;
        }
        heap = next;
        dice.shuffle(&mut heap);
    }
    merged(&heap)
}

#[test]
fn any_grouping_and_order_gives_the_same_bytes() {
    for seed in 1..=3_u64 {
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15 ^ (seed << 32));
        let reports = fleet_of_all_sorts(&mut dice);
        let expected = merged(&reports);
        assert!(expected.contains("damaged: "), "a damaged report is told");
        for round in 0..3 {
            let found = somehow_merged(&reports, &mut dice);
            assert!(found == expected, "seed {seed}, round {round}");
        }
        // A merge counted twice adds nothing.
        let twice = merged(&[expected.clone(), merged(&reports[..5]), expected.clone()]);
        assert!(twice == expected, "seed {seed}, twice");
    }
}

#[test]
fn one_machine_handed_over_twice_counts_once() {
    let mut first = host(1);
    first.cause = Some("crl-expired");
    let renamed = Host {
        zip: "renamed.zip".to_owned(),
        ..first.clone()
    };
    // The same bytes under another name.
    let renamed = report(&renamed).replace(&sha("renamed.zip"), &sha(&first.zip));
    let found = answer(&[report(&first), renamed]);
    assert_eq!(found["machine_count"], 1);
    assert_eq!(found["causes"][0]["machines"], 1);
    assert_eq!(found["causes"][0]["incidents"], 1);

    // A later hand-over of the machine: another zip, one entry still the same.
    let later = Host {
        zip: "later.zip".to_owned(),
        address: Some("10.9.9.9".to_owned()),
        ..first.clone()
    };
    let found = answer(&[report(&first), report(&later)]);
    assert_eq!(found["machine_count"], 1);
    assert_eq!(found["causes"][0]["incidents"], 1);
    assert_eq!(found["reports"], 2);
}

#[test]
fn two_of_one_name_are_two() {
    let one = host(1);
    let other = Host {
        zip: "other.zip".to_owned(),
        address: Some("10.77.0.1".to_owned()),
        minute: 500,
        ..one.clone()
    };
    let found = answer(&[report(&one), report(&other)]);
    assert_eq!(found["machine_count"], 2);
    assert_eq!(found["alike"][0]["name"], "pc-0001");
    assert_eq!(found["alike"][0]["machines"], 2);
    // Nor is one address two machines have, without any name.
    let unnamed = |zip: &str, minute| Host {
        name: None,
        zip: zip.to_owned(),
        minute,
        ..host(1)
    };
    let found = answer(&[report(&unnamed("a.zip", 1)), report(&unnamed("b.zip", 2))]);
    assert_eq!(found["machine_count"], 2);
}

#[test]
fn pseudonyms_of_two_reports_are_not_one() {
    let shared = |zip: &str, minute| Host {
        name: Some("machine-1".to_owned()),
        address: Some("240.0.0.1".to_owned()),
        proxy: "240.0.0.2:3128".to_owned(),
        zip: zip.to_owned(),
        cause: Some("crl-expired"),
        shared: true,
        minute,
        ..host(1)
    };
    let found = answer(&[report(&shared("a.zip", 1)), report(&shared("b.zip", 1))]);
    assert_eq!(found["machine_count"], 2);
    assert_eq!(found["proxies"].as_array().unwrap().len(), 2);
    assert_eq!(found["alike"], json!([]));
    // But the same evidence is, shared or not.
    let open = Host {
        zip: "a.zip".to_owned(),
        cause: Some("crl-expired"),
        ..host(1)
    };
    let found = answer(&[report(&shared("a.zip", 1)), report(&open)]);
    assert_eq!(found["machine_count"], 1);
    assert_eq!(found["causes"][0]["incidents"], 1);
}

#[test]
fn a_merge_is_what_its_schema_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/fleet.schema.json");
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let validator = jsonschema::options()
        .should_validate_formats(true)
        .build(&schema)
        .unwrap();
    let reports = fleet_of_all_sorts(&mut Dice(0x1234_5678_9abc_def1));
    for reports in [reports.as_slice(), &[]] {
        let found = answer(reports);
        let errors: Vec<String> = validator
            .iter_errors(&found)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{}", errors.join("\n"));
    }
}

/// Forty hosts: 0 to 29 behind one proxy that lets them through from minute 100
/// on, one a minute; 30 to 39 behind another, where all fail from minute 50 on.
fn known_fleet() -> Vec<String> {
    let mut reports = Vec::new();
    for number in 0..40 {
        let mut one = host(number);
        let failing = number >= 30;
        one.proxy = if failing {
            "10.0.0.9:8080"
        } else {
            "10.0.0.1:3128"
        }
        .to_owned();
        one.cause = failing.then_some("proxy-auth-required");
        one.version = if failing { 0 } else { 1 };
        one.minute = if failing { 50 + number } else { 100 + number };
        reports.push(report(&one));
    }
    // One is left behind with the old list, though its proxy works.
    let left = Host {
        version: 0,
        minute: 99,
        ..host(29)
    };
    reports[29] = report(&Host {
        proxy: "10.0.0.1:3128".to_owned(),
        ..left
    });
    reports
}

#[test]
fn a_fleet_of_known_versions_proxies_and_causes_is_told_exactly() {
    let found = answer(&known_fleet());
    assert_eq!(found["machine_count"], 40);
    assert_eq!(found["states"]["explained"], 10);
    assert_eq!(found["states"]["clean"], 30);
    let cause = &found["causes"][0];
    assert_eq!(found["causes"].as_array().unwrap().len(), 1);
    assert_eq!(cause["cause"], "proxy-auth-required");
    assert_eq!(
        (&cause["machines"], &cause["incidents"]),
        (&json!(10), &json!(10))
    );
    let machines = found["machines"].as_array().unwrap();
    let named =
        |id: &Value| machines.iter().find(|it| it["id"] == *id).unwrap()["names"][0].clone();
    assert_eq!(named(&cause["patient_zero"]["machine"]), "PC-0030");
    assert_eq!(cause["patient_zero"]["at"], time(80, ".5"));
    assert_eq!(cause["example"]["sentence"], "PC-0030.zip failed");
    assert_eq!(found["proxies"][0]["what"], "10.0.0.9:8080");
    assert_eq!(found["proxies"][0]["machines"], 10);
    assert_eq!(found["proxies"][0]["used_by"], 10);
    assert_eq!(found["accounts"][0]["what"], "system");

    let list = &found["objects"][0];
    assert_eq!(
        (&list["object"], &list["machines"]),
        (&json!("list authroot"), &json!(40))
    );
    let versions = list["versions"].as_array().unwrap();
    let of = |version: usize| {
        versions
            .iter()
            .find(|it| it["sha256"] == sha(&format!("list {version}")))
            .unwrap()
    };
    let (old, new) = (of(0), of(1));
    assert_eq!(
        (&old["machines_now"], &new["machines_now"]),
        (&json!(11), &json!(29))
    );
    assert_eq!(old["sequence"], "00");
    assert_eq!(named(&new["first"]["machine"]), "PC-0000");
    assert_eq!(new["first"]["at"], time(100, ".1234567"));
    assert_eq!(new["last_at"], time(128, ".1234567"));
    assert_eq!(named(&new["earliest"][1]["machine"]), "PC-0001");
    assert_eq!(new["ways"][0]["proxy"], "10.0.0.1:3128");
    assert_eq!(new["ways"][0]["machines"], 29);
    assert_eq!(
        new["steps"].as_array().unwrap().last().unwrap()["machines"],
        29
    );
}

#[test]
fn a_list_held_before_it_was_signed_leads_no_spread() {
    let mut reports = known_fleet();
    let mut early = host(50);
    early.version = 1;
    let text = report(&early).replace(
        "2026-03-01T00:50:00.1234567Z",
        "2020-03-01T00:50:00.1234567Z",
    );
    reports.push(text);
    let found = answer(&reports);
    let versions = found["objects"][0]["versions"].as_array().unwrap();
    let new = versions.iter().find(|it| it["sequence"] == "01").unwrap();
    assert_eq!(new["misdated"], 1);
    assert_eq!(new["machines_now"], 30);
    assert_eq!(new["first"]["at"], time(100, ".1234567"));
}

#[test]
fn who_is_left_behind_stands_out() {
    let mut reports = known_fleet();
    // The repair reaches all but one.
    for number in 30..40 {
        let repaired = Host {
            version: 1,
            minute: 700,
            zip: format!("after-{number}"),
            ..host(number)
        };
        reports.push(report(&repaired));
    }
    let found = answer(&reports);
    assert_eq!(found["machine_count"], 40, "by name and address");
    let outliers = found["outliers"].as_array().unwrap();
    assert_eq!(outliers.len(), 1, "{outliers:?}");
    assert_eq!(outliers[0]["kind"], "left-behind");
    let machines = found["machines"].as_array().unwrap();
    let left = machines
        .iter()
        .find(|it| it["id"] == outliers[0]["machine"])
        .unwrap();
    assert_eq!(left["names"][0], "PC-0029");
    // What was replaced is held no more.
    let versions = found["objects"][0]["versions"].as_array().unwrap();
    let old = versions.iter().find(|it| it["sequence"] == "00").unwrap();
    assert_eq!(
        (&old["machines_ever"], &old["machines_now"]),
        (&json!(11), &json!(1))
    );
}

#[test]
fn a_report_of_another_form_is_refused_by_name_and_an_older_one_is_read() {
    let refused = answer(&[
        report(&host(1)),
        "{\"schema\": \"whychain.report/2\"}".to_owned(),
    ]);
    assert_eq!(refused["machine_count"], 1);
    let what = refused["problems"][0]["what"].as_str().unwrap();
    assert!(
        what.starts_with("its form is \"whychain.report/2\"; this version reads"),
        "{what}"
    );
    // Before 0.1 had holdings, settings and shared reports.
    let mut old: Value = serde_json::from_str(&report(&host(2))).unwrap();
    for field in ["holdings", "settings", "shared", "clocks"] {
        old.as_object_mut().unwrap().remove(field);
    }
    let found = answer(&[old.to_string()]);
    assert_eq!(found["machine_count"], 1);
    assert_eq!(found["problems"], json!([]));
}

#[test]
fn a_hostile_name_stays_text_in_every_form() {
    let mut one = host(1);
    one.name = Some("=cmd|' /C calc'!A0\u{202e}<script>".to_owned());
    let text = merged(&[report(&one)]);
    assert!(!text.contains('\u{202e}'));
    let mut gathering = Gathering::default();
    let text = report(&one);
    fleet_read::read(
        &mut || Ok(Cursor::new(text.as_bytes().to_vec())),
        &mut gathering,
    )
    .unwrap();
    let mut output = Vec::new();
    fleet_csv::write(&gathering.finish(), &mut output).unwrap();
    let table = String::from_utf8(output).unwrap();
    assert!(
        table.contains("'=cmd") && !table.contains('\u{202e}'),
        "{table}"
    );
}
