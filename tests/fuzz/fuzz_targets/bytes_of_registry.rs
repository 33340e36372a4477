//! Values of a registry: proxy settings, certificate stores.
#![no_main]

use libfuzzer_sys::fuzz_target;
use whychain::host::{proxy_settings, store};

fuzz_target!(|bytes: &[u8]| {
    let _ = proxy_settings::win_http(bytes);
    let _ = proxy_settings::connections(bytes);
    let _ = store::element(bytes);
    let _ = store::serialized(bytes);
});
