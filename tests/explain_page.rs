//! What `docs/EXPLAIN.md` quotes is what the program prints today.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;
use std::process::Command;

/// Lines without their indentation: the page shows some blocks without it.
fn plain(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    lines.join("\n")
}

fn output(folder: &Path, words: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_whychain"))
        .current_dir(folder)
        .env_remove("COLUMNS")
        .args(words)
        .args(["--color", "never"])
        .output()
        .unwrap();
    plain(&String::from_utf8(output.stdout).unwrap())
}

#[test]
fn every_quoted_block_is_printed_by_a_command_of_the_page() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/EXPLAIN.md")).unwrap();
    let explain = ["explain", "--width", "100"];
    let sample = |name: &str| {
        let files = ["client.pcapng", "caches.zip"];
        output(
            &root.join("samples").join(name),
            &[&explain[..], &files].concat(),
        )
    };
    let mut outputs = vec![
        sample("root-update-2011"),
        sample("root-update-2011-resigned"),
    ];
    let data = root.join("../shared/data/ctl");
    let (first, again) = (
        "authrootstl-2011-01-25-first-signing.cab",
        "authrootstl-2011-01-25-resigned.cab",
    );
    let has_data = data.join(first).exists();
    if has_data {
        let at = ["--at", "2011-02-21T09:00:00Z"];
        outputs.push(output(&data, &["ctl", "diff", first, again]));
        for lists in [&[first][..], &[again], &[first, again]] {
            outputs.push(output(&data, &[&explain[..], lists, &at].concat()));
        }
    } else {
        println!("skipped in part: the cabinets of 2011 are not here");
    }
    let blocks: Vec<&str> = page
        .split("```text\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect();
    assert!(blocks.len() >= 5, "{} blocks", blocks.len());
    let unprinted: Vec<&str> = blocks
        .into_iter()
        .filter(|block| has_data || !(block.contains("2011") || block.contains("Microsoft")))
        .filter(|block| {
            let quoted = plain(block);
            !outputs.iter().any(|output| output.contains(quoted.trim()))
        })
        .collect();
    assert!(unprinted.is_empty(), "{}", unprinted.join("\n----\n"));
}
