//! Access logs of proxies and web servers: squid, common, W3C.
#![no_main]

use libfuzzer_sys::fuzz_target;
use whychain::host::{access_log, text};

fuzz_target!(|bytes: &[u8]| {
    let text = text::decode(bytes);
    let _ = access_log::is_log(&text);
    let log = access_log::read(&text);
    let lines = text.lines().count() as u64;
    assert!(
        log.lines.iter().all(|line| line.line <= lines),
        "a line that is not there"
    );
});
