//! What the program is built from: no C, no network client, licenses, the
//! oldest compiler, and a reason for each direct crate.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

use crate::{project, text};

/// A cargo command's output; `None` where the crates are not all here.
fn cargo(arguments: &[&str]) -> Option<String> {
    let output = Command::new(env!("CARGO"))
        .current_dir(project("."))
        .args(arguments)
        .args(["--locked", "--offline"])
        .output()
        .unwrap();
    if !output.status.success() {
        println!("skipped: {}", text(&output.stderr));
        return None;
    }
    Some(text(&output.stdout))
}

/// Names and versions of what is in the program or runs in its build.
fn tree() -> Option<BTreeSet<(String, String)>> {
    let tree = cargo(&[
        "tree",
        "--all-features",
        "-e",
        "normal,build",
        "--prefix",
        "none",
        "-f",
        "{p}",
    ])?;
    let packages = tree.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        Some((
            words.next()?.to_owned(),
            words.next()?.trim_start_matches('v').to_owned(),
        ))
    });
    Some(packages.collect())
}

#[test]
fn nothing_in_the_build_compiles_c_or_speaks_to_a_network() {
    let Some(tree) = tree() else { return };
    assert!(tree.len() > 100, "{}", tree.len());
    // Builders of C, and what needs one.
    const C: [&str; 8] = [
        "cc",
        "cmake",
        "bindgen",
        "pkg-config",
        "vcpkg",
        "nasm-rs",
        "ring",
        "gcc",
    ];
    // Clients, servers, and what both are made of.
    const NETWORK: [&str; 12] = [
        "reqwest",
        "hyper",
        "ureq",
        "curl",
        "tokio",
        "mio",
        "socket2",
        "async-std",
        "rustls",
        "native-tls",
        "quinn",
        "attohttpc",
    ];
    for (name, _) in &tree {
        let name = name.as_str();
        assert!(!C.contains(&name), "{name} compiles C");
        assert!(!NETWORK.contains(&name), "{name} speaks to a network");
        // Tables of system calls, in Rust.
        let is_rust = ["linux-raw-sys", "windows-sys", "js-sys", "web-sys"].contains(&name);
        assert!(!name.ends_with("-sys") || is_rust, "{name} binds C");
    }
}

#[test]
fn no_crate_needs_a_newer_compiler_than_the_one_stated() {
    let (Some(tree), Some(metadata)) = (tree(), cargo(&["metadata", "--format-version", "1"]))
    else {
        return;
    };
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    let number = |text: &str| -> Vec<u32> {
        text.split('.')
            .map(|part| part.parse().unwrap_or(0))
            .collect()
    };
    let packages: BTreeMap<(String, String), &Value> = metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| ((word(it, "name"), word(it, "version")), it))
        .collect();
    let own = packages
        .iter()
        .find(|((name, _), _)| name == "whychain")
        .unwrap()
        .1;
    let stated = word(own, "rust_version");
    assert!(!stated.is_empty());
    for package in &tree {
        let Some(one) = packages.get(package) else {
            continue;
        };
        let needs = word(one, "rust_version");
        assert!(
            number(&needs) <= number(&stated),
            "{package:?} needs Rust {needs}, {stated} is stated"
        );
        assert!(
            !word(one, "license").is_empty() || !one["license_file"].is_null(),
            "{package:?}"
        );
    }
}

fn word(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_owned()
}

#[test]
fn every_direct_crate_has_its_reason_and_no_other() {
    let manifest: toml::Table = std::fs::read_to_string(project("Cargo.toml"))
        .unwrap()
        .parse()
        .unwrap();
    let mut direct: BTreeSet<String> = BTreeSet::new();
    let mut add = |table: Option<&toml::Value>| {
        let table = table.and_then(toml::Value::as_table);
        direct.extend(table.into_iter().flat_map(|table| table.keys().cloned()));
    };
    add(manifest.get("dependencies"));
    add(manifest.get("dev-dependencies"));
    let targets = manifest.get("target").and_then(toml::Value::as_table);
    for target in targets.into_iter().flat_map(|targets| targets.values()) {
        add(target.get("dependencies"));
    }
    let page = std::fs::read_to_string(project("docs/DEPENDENCIES.md")).unwrap();
    let mut listed = BTreeSet::new();
    for line in page.lines() {
        let Some(rest) = line.strip_prefix("| `") else {
            continue;
        };
        let (name, rest) = rest.split_once('`').unwrap();
        let reason = rest.split('|').nth(1).unwrap_or_default().trim();
        assert!(reason.split(' ').count() >= 3, "{name}: no reason");
        listed.insert(name.to_owned());
    }
    assert_eq!(listed, direct);
}
