//! Reports made for the purpose, and their merge in memory.

#![allow(dead_code)] // each test uses what it needs

use std::io::Cursor;

use serde_json::{Value, json};
use whychain::fleet::{Answer, Gathering, Problem};
use whychain::report::{fleet_json, fleet_read};

/// A small generator of numbers (xorshift), with a fixed seed.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).unwrap()
    }

    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for at in (1..list.len()).rev() {
            list.swap(at, self.roll(at + 1));
        }
    }
}

pub fn sha(text: &str) -> String {
    use sha2::{Digest as _, Sha256};
    whychain::bytes::to_hex(&Sha256::digest(text.as_bytes()))
}

pub fn merged(inputs: &[String]) -> String {
    let mut gathering = Gathering::default();
    for text in inputs {
        let mut open = || Ok(Cursor::new(text.as_bytes().to_vec()));
        if let Err(what) = fleet_read::read(&mut open, &mut gathering) {
            let report = "damaged.json".to_owned();
            gathering.problem(Problem { report, what });
        }
    }
    let fleet = gathering.finish();
    let mut output = Vec::new();
    fleet_json::write(&fleet, &Answer::of(&fleet), &mut output).unwrap();
    String::from_utf8(output).unwrap()
}

pub fn answer(inputs: &[String]) -> Value {
    serde_json::from_str(&merged(inputs)).unwrap()
}

/// What a host hands over: its zip, and what its report says.
#[derive(Clone)]
pub struct Host {
    pub name: Option<String>,
    pub address: Option<String>,
    pub zip: String,
    pub cause: Option<&'static str>,
    pub proxy: String,
    pub version: usize,
    pub minute: usize,
    pub shared: bool,
    pub second: bool,
}

pub fn time(minute: usize, fraction: &str) -> String {
    let (hour, minute) = (minute / 60 % 24, minute % 60);
    format!("2026-03-01T{hour:02}:{minute:02}:00{fraction}Z")
}

pub fn report(host: &Host) -> String {
    let zip = sha(&host.zip);
    let list = sha(&format!("list {}", host.version));
    let held = time(host.minute, ".1234567");
    let failed = host.cause.map(|_| time(host.minute, ".5"));
    let names: Vec<&String> = host.name.iter().collect();
    let account = json!({"kind": "system", "name": null});
    let incidents = match &failed {
        None => json!([]),
        Some(at) => {
            json!([{"id": "i1", "root_cause": "n1", "equal_causes": [], "from": at, "to": at,
            "machines": ["m1"], "failures": ["f1"], "sentence": format!("{} failed", host.zip), "impact": ""}])
        }
    };
    let failures = match &failed {
        None => json!([]),
        Some(at) => {
            json!([{"id": "f1", "kind": "rejected", "at": at, "machine": "m1", "account": account,
            "site": "www.corp.example", "retrievals": ["r1"], "findings": ["n1"]}])
        }
    };
    let findings = match host.cause {
        None => {
            json!([{"id": "n1", "rule": "capture-loss", "role": "cannot-tell", "confidence": null,
            "summary": "x", "explains": [], "because_of": [], "remedy": "Capture again.", "cites": []}])
        }
        Some(rule) => json!([{"id": "n1", "rule": rule, "role": "root-cause", "confidence": "high",
            "summary": "x", "explains": ["f1"], "because_of": [], "remedy": "Repair it.", "cites": []}]),
    };
    let value = json!({
        "schema": "whychain.report/1",
        "tool": {"name": "whychain", "version": "0.1.0"},
        "shared": if host.shared { json!("names are pseudonyms") } else { Value::Null },
        "settings": {"site": null, "machine": null, "from": null, "to": null},
        "verdict": {"state": if host.cause.is_some() { "explained" } else { "clean" }, "root_cause": host.cause, "sentence": ""},
        "incidents": incidents, "failures": failures, "findings": findings,
        "machines": [{"id": "m1", "names": names, "addresses": host.address.iter().collect::<Vec<_>>(),
            "profiles": [account], "missing": [{"kind": "local-service", "name": null}],
            "cites": [{"evidence": "e2", "offset": 0, "length": 9}]}],
        "evidence": [
            {"id": "e1", "path": format!("in/{}", host.zip), "member": null, "kind": "zip", "size": 1, "sha256": zip},
            {"id": "e2", "path": format!("in/{}", host.zip), "member": "MetaData/AA", "kind": "cryptnet-cache", "size": 1,
             "sha256": sha(&format!("{}{}", host.zip, host.second))}],
        "retrievals": [{"id": "r1", "url": "http://ctl.example/authrootstl.cab?x=1", "host": "ctl.example", "object": "ctl",
            "outcome": if host.cause.is_some() { "proxy-login" } else { "ok" }, "started_at": held, "machine": "m1",
            "account": account, "route": {"kind": "http-proxy", "proxy": host.proxy, "login": "none", "hops": []},
            "body": if host.cause.is_some() { Value::Null } else { json!({"artifact": "a1"}) }}],
        "handshakes": [],
        "artifacts": [{"id": "a1", "kind": "ctl", "sha256": list, "sha1": "", "list": "authroot",
            "sequence": format!("0{}", host.version), "this_update": format!("2026-02-0{}T00:00:00Z", host.version + 1),
            "next_update": null}],
        "cache_entries": [{"id": "k1", "name": "AA", "url": "http://ctl.example/authrootstl.cab", "machine": "m1",
            "owner": account, "last_sync_at": held, "proxy_id": "00000000",
            "content": {"artifact": "a1"}, "cites": [{"evidence": "e2", "offset": 0, "length": 9}]}],
        "holdings": [{"machine": "m1", "account": account, "what": "http://ctl.example/authrootstl.cab",
            "artifact": "a1", "sha256": list, "first_seen_at": held, "at_latest": true, "clock": "host", "cites": []}],
        "clocks": [],
    });
    value.to_string()
}

pub fn host(number: usize) -> Host {
    Host {
        name: Some(format!("PC-{number:04}")),
        address: Some(format!("10.1.{}.{}", number / 250, number % 250 + 1)),
        zip: format!("PC-{number:04}.zip"),
        cause: None,
        proxy: format!("10.0.0.{}:3128", number % 3 + 1),
        version: number % 3,
        minute: number,
        shared: false,
        second: false,
    }
}
