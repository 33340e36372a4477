//! A certificate trust list.
#![no_main]

use libfuzzer_sys::fuzz_target;
use whychain::pki::Ctl;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(list) = Ctl::from_der(bytes) {
        let _ = list.pin_sets();
        let _ = list.pin_rule("www.example.com");
    }
});
