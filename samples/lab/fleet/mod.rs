//! A fleet that never was: machines of three sites after an outage, each with
//! what it would hand over, and the truth about them.
//!
//! The same number of machines gives the same bytes. `plan` says who has which
//! trouble, `hand_over` plays it (`wire`, `tls`, `http`) and packs capture and
//! caches (`cache`) into a zip, `truth` tells what a report of it has to say.

mod cache;
mod hand_over;
mod http;
mod objects;
mod plan;
mod tls;
mod truth;
mod wire;

use std::path::Path;

use serde_json::Value;

/// Writes the hand-overs of a fleet into a folder; the truth about it.
pub fn write(count: usize, folder: &Path) -> Vec<Value> {
    std::fs::create_dir_all(folder).unwrap();
    let truth = |host: &plan::Host| {
        let hand_overs = hand_over::hand_overs(host);
        for it in &hand_overs {
            std::fs::write(folder.join(&it.file), &it.bytes).unwrap();
        }
        truth::truth(host, &hand_overs)
    };
    plan::hosts(count).iter().map(truth).collect()
}
