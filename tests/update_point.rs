//! The sample `update-point-moved`: neither its capture nor its logs alone tell
//! why the scan failed, and both together do.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;
use std::process::Command;

const CAPTURE: &str = "wsus01.pcapng";
const LOGS: [&str; 2] = ["LAB-CM01", "LAB-PC15"];

fn report(sample: &str, evidence: &[&str]) -> serde_json::Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("samples")
        .join(sample);
    let output = Command::new(env!("CARGO_BIN_EXE_whychain"))
        .current_dir(folder)
        .args(["explain", "--format", "json"])
        .args(evidence)
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

fn verdict(report: &serde_json::Value) -> (&str, Option<&str>) {
    let verdict = &report["verdict"];
    let state = verdict["state"].as_str().unwrap();
    (state, verdict["root_cause"].as_str())
}

#[test]
fn the_capture_alone_does_not_even_show_a_failure() {
    let found = report("update-point-moved", &[CAPTURE]);
    assert_eq!(verdict(&found), ("clean", None));
    let ends = found["handshakes"].as_array().unwrap().iter();
    let left: Vec<&str> = ends
        .filter(|it| it["outcome"] == "client-closed")
        .map(|it| it["sni"].as_str().unwrap())
        .collect();
    assert_eq!(left, ["updates.lab.example"; 2]);
}

#[test]
fn the_logs_alone_show_a_refusal_without_its_reason() {
    let found = report("update-point-moved", &LOGS);
    assert_eq!(verdict(&found), ("undetermined", None));
    let failures = found["failures"].as_array().unwrap();
    assert_eq!(failures.len(), 1);
    assert_eq!(failures[0]["site"], "updates.lab.example");
    assert_eq!(failures[0]["verifier"]["name"], "Windows Update Agent");
}

#[test]
fn both_together_tell_the_name_that_the_certificate_lacks_and_who_gave_it() {
    let found = report("update-point-moved", &[CAPTURE, LOGS[0], LOGS[1]]);
    assert_eq!(verdict(&found), ("explained", Some("wsus-name-mismatch")));
    let findings = found["findings"].as_array().unwrap();
    let cause = findings
        .iter()
        .find(|it| it["role"] == "root-cause")
        .unwrap();
    let summary = cause["summary"].as_str().unwrap();
    for part in [
        "The site sends the client to the update server as updates.lab.example",
        "is for wsus01.corp.lab.example only",
        "80072F8F",
        "The site server calls it wsus01.corp.lab.example and is connected",
    ] {
        assert!(summary.contains(part), "{summary}");
    }
    // What the client was shown is inferred from what others were shown.
    assert_eq!(cause["confidence"], "medium");
    // The lab's logs are written by the clock of the capture.
    let clocks = found["clocks"].as_array().unwrap().iter();
    let of_logs: Vec<_> = clocks
        .filter(|it| {
            it["source"]
                .as_str()
                .unwrap()
                .starts_with("update logs of ")
        })
        .collect();
    assert_eq!(of_logs.len(), 2);
    for clock in of_logs {
        let bound = |field: &str| clock[field].as_f64().unwrap();
        assert!(
            bound("offset_min_s") <= 0.0 && bound("offset_max_s") >= 0.0,
            "{clock}"
        );
        assert!(
            bound("offset_max_s") - bound("offset_min_s") < 6.0,
            "{clock}"
        );
    }
    let machines = found["machines"].as_array().unwrap();
    let address = |name: &str| {
        let of_name = machines.iter().find(|it| it["names"][0] == name).unwrap();
        of_name["addresses"][0].as_str().unwrap().to_owned()
    };
    // As the lab gave them out (`samples/lab/update_point.py`).
    assert_eq!(address("LAB-PC15"), "10.20.0.15");
    assert_eq!(address("LAB-CM01"), "10.20.0.9");
}

#[test]
fn logs_of_another_day_are_not_joined_with_the_capture() {
    let folder = tempfile::tempdir().unwrap();
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/update-point-moved");
    let logs = "LAB-PC15/C/Windows/CCM/Logs";
    let target = folder.path().join(logs);
    std::fs::create_dir_all(&target).unwrap();
    for name in ["WUAHandler.log", "ScanAgent.log", "LocationServices.log"] {
        let text = std::fs::read_to_string(sample.join(logs).join(name)).unwrap();
        std::fs::write(target.join(name), text.replace("11-21-2026", "11-20-2026")).unwrap();
    }
    let other = folder.path().to_str().unwrap().to_owned();
    let found = report("update-point-moved", &[CAPTURE, &other]);
    assert_eq!(verdict(&found).1, None);
    let machines = found["machines"].as_array().unwrap();
    let laptop = machines
        .iter()
        .find(|it| it["names"][0] == "LAB-PC15")
        .unwrap();
    assert_eq!(laptop["addresses"].as_array().unwrap().len(), 0);
}

#[test]
fn files_in_the_clear_beside_services_over_tls_are_no_finding() {
    let found = report("update-point-moved-named", &[CAPTURE, LOGS[0], LOGS[1]]);
    assert_eq!(verdict(&found), ("clean", None));
    let findings = found["findings"].as_array().unwrap();
    let roles: Vec<&str> = findings
        .iter()
        .map(|it| it["role"].as_str().unwrap())
        .filter(|role| *role != "cannot-tell" && *role != "ruled-out")
        .collect();
    assert_eq!(roles, [""; 0]);
}
