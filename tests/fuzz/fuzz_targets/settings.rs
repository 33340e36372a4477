//! What an analyst writes: a case file, times, zones.
#![no_main]

use libfuzzer_sys::fuzz_target;
use whychain::given::Given;
use whychain::time::{Timestamp, offset_from_text};

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let _ = Given::from_toml(&text);
    let _ = Timestamp::from_rfc3339(&text);
    let _ = Timestamp::from_http_date(&text);
    let _ = offset_from_text(&text);
});
