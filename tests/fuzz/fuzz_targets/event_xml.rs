//! The XML of one event, and what CAPI2 says in it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use whychain::host::{capi, event};

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let _ = event::may_matter(&text);
    let Ok(Some(event)) = event::from_xml(&text, 1) else {
        return;
    };
    let _ = (
        capi::wire(&event),
        capi::chain(&event),
        capi::policy(&event),
    );
    let _ = (capi::revocation(&event), capi::objects(&event));
});
