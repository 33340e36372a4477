//! Writes the hand-overs of a generated fleet into a folder, and the truth about
//! it to stdout: `cargo run --example fleet -- 300 FOLDER >truth.json`.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "mod.rs"]
mod fleet;

use std::path::PathBuf;

fn main() {
    let mut words = std::env::args_os().skip(1);
    let count = words.next().and_then(|word| word.to_str()?.parse().ok());
    let (Some(count), Some(folder)) = (count, words.next().map(PathBuf::from)) else {
        eprintln!("usage: fleet NUMBER-OF-MACHINES FOLDER");
        std::process::exit(2);
    };
    let truth = fleet::write(count, &folder);
    let text = serde_json::to_string_pretty(&truth).unwrap();
    println!("{text}");
}
