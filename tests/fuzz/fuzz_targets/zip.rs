//! A zip of evidence: listed, and every member read to its end.
#![no_main]

use libfuzzer_sys::fuzz_target;
use whychain::evidence::{Limits, OpenOptions, discover};

fuzz_target!(|bytes: &[u8]| {
    let path = std::env::temp_dir().join(format!("whychain-fuzz-{}.zip", std::process::id()));
    if std::fs::write(&path, bytes).is_err() {
        return;
    }
    let options = OpenOptions {
        password: Some("infected".into()),
        limits: Limits {
            inflated_total: 64 << 20,
            member_len: 16 << 20,
            ..Limits::default()
        },
        ..OpenOptions::default()
    };
    let mut found = discover(std::slice::from_ref(&path), &options);
    for file in &found.files {
        let Some(mut stream) = found.inputs.open(file) else {
            continue;
        };
        while let Ok(Some(_)) = stream.next_chunk() {}
        found.inputs.close(stream);
    }
    drop(found.inputs.finish());
    let _ = std::fs::remove_file(path);
});
