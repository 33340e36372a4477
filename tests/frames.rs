//! One HTTP exchange in every wrapping of frames, several link types in one
//! file, against how the file was made and what tshark reads in it.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;
use std::process::Command;

use whychain::pipeline::{Options, explain};

/// Host names say the wrapping; `data/packet/make.py` has the same list.
const WRAPPINGS: [&str; 18] = [
    "ethernet",
    "vlan",
    "pppoe",
    "mpls",
    "ip-in-ip",
    "six-in-four",
    "gre",
    "gre-keyed",
    "gre-ethernet",
    "erspan",
    "vxlan",
    "geneve",
    "teredo",
    "ppp",
    "hdlc",
    "dot11",
    "radiotap",
    "dot11-qos",
];

#[test]
fn an_exchange_is_found_in_every_wrapping() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/packet/frames.pcapng");
    let explained = explain(
        std::slice::from_ref(&path),
        &Options::default(),
        &mut |_| {},
    )
    .unwrap();
    let retrievals = &explained.case.retrievals;
    let mut hosts: Vec<String> = retrievals
        .iter()
        .filter(|retrieval| retrieval.status == Some(404))
        .filter_map(|retrieval| retrieval.url.clone())
        .collect();
    hosts.sort();
    let mut made: Vec<String> = WRAPPINGS
        .iter()
        .map(|wrapping| format!("http://{wrapping}.example/a.crl"))
        .collect();
    made.sort();
    assert_eq!(hosts, made);
    match tshark(&path) {
        Some(mut seen) => {
            seen.sort();
            assert_eq!(hosts, seen);
        }
        None => println!("tshark is not installed: comparison skipped"),
    }
}

/// The URLs that tshark reads.
fn tshark(path: &Path) -> Option<Vec<String>> {
    let fields = [
        "-Y",
        "http.request",
        "-T",
        "fields",
        "-e",
        "http.request.full_uri",
    ];
    let output = Command::new("tshark")
        .arg("-nr")
        .arg(path)
        .args(fields)
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.lines().map(str::to_owned).collect())
}
