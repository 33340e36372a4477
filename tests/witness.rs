//! What the samples say of proxy scripts and logins, against tshark.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn capture(sample: &str) -> PathBuf {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
    samples.join(sample).join("client.pcapng")
}

/// Rows of fields of the packets that match, as tshark gives them, or `None`
/// where it is not installed.
fn tshark(sample: &str, display: &str, fields: &[&str]) -> Option<Vec<Vec<String>>> {
    let mut command = Command::new("tshark");
    command.args(["-n", "-Y", display, "-T", "fields", "-r"]);
    command.arg(capture(sample));
    for field in fields {
        command.args(["-e", field]);
    }
    let Ok(output) = command.output() else {
        println!("skipped: tshark is not installed");
        return None;
    };
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let rows = text
        .lines()
        .map(|line| line.split('\t').map(String::from).collect());
    Some(rows.collect())
}

fn report(sample: &str) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_whychain"))
        .args(["explain", "--format", "json"])
        .arg(capture(sample))
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

fn packets(cites: &Value) -> Vec<String> {
    let cites = cites.as_array().unwrap().iter();
    let packets = cites.flat_map(|cite| cite["packets"].as_array().unwrap());
    packets.map(Value::to_string).collect()
}

#[test]
fn option_252_of_dhcp_agrees_with_tshark() {
    for sample in ["wpad-dhcp", "wpad-404", "pac-two-ways"] {
        let fields = ["frame.number", "dhcp.option.private_proxy_autodiscovery"];
        let display = "dhcp.option.dhcp == 5 && dhcp.option.private_proxy_autodiscovery";
        let Some(rows) = tshark(sample, display, &fields) else {
            return;
        };
        assert!(!rows.is_empty(), "{sample}");
        let report = report(sample);
        let discoveries = report["discoveries"].as_array().unwrap().iter();
        let tries = discoveries.flat_map(|discovery| discovery["tries"].as_array().unwrap());
        let by_dhcp: Vec<&Value> = tries.filter(|one| one["means"] == "dhcp").collect();
        assert_eq!(by_dhcp.len(), rows.len(), "{sample}");
        for (one, row) in by_dhcp.iter().zip(&rows) {
            assert_eq!(one["url"].as_str(), Some(row[1].as_str()), "{sample}");
            assert!(packets(&one["cites"]).contains(&row[0]), "{sample}: {one}");
        }
    }
}

#[test]
fn users_domains_and_machines_of_ntlm_agree_with_tshark() {
    let samples = [
        "machine-login",
        "machine-login-allowed",
        "proxy-login-407",
        "proxy-login-407-allowed",
    ];
    for sample in samples {
        let fields = [
            "frame.number",
            "ntlmssp.auth.domain",
            "ntlmssp.auth.username",
            "ntlmssp.auth.hostname",
        ];
        let Some(rows) = tshark(sample, "ntlmssp.messagetype == 3", &fields) else {
            return;
        };
        assert!(!rows.is_empty(), "{sample}");
        let report = report(sample);
        let logins = report["logins"].as_array().unwrap();
        let attempts: u64 = logins
            .iter()
            .map(|login| login["attempts"].as_u64().unwrap())
            .sum();
        assert_eq!(attempts, rows.len() as u64, "{sample}");
        for row in rows {
            let login = logins
                .iter()
                .find(|login| packets(&login["cites"]).contains(&row[0]))
                .unwrap_or_else(|| panic!("{sample}: packet {} in no login", row[0]));
            let identity = &login["identity"];
            let said = ["domain", "user", "workstation"].map(|field| identity[field].as_str());
            let want = [1, 2, 3].map(|field| Some(row[field].as_str()));
            assert_eq!(said, want, "{sample}, packet {}", row[0]);
        }
    }
}
