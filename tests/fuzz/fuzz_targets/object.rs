//! Any object, told by its content: DER, PEM, PKCS#7, stores, cabinets, HTML.
#![no_main]

use libfuzzer_sys::fuzz_target;
use whychain::pki::{html_title, looks_like, read_object};

fuzz_target!(|bytes: &[u8]| {
    let read = read_object(bytes);
    let _ = (looks_like(bytes), html_title(bytes));
    // A signed object that was decoded is found again by its own bytes.
    for artifact in &read.artifacts {
        let _ = artifact.sha256();
    }
});
