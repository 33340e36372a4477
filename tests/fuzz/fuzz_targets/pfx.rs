//! A PFX file, with the password of the fixtures, none, and another.
#![no_main]

use libfuzzer_sys::fuzz_target;
use whychain::pki::pkcs12;

fuzz_target!(|bytes: &[u8]| {
    let _ = pkcs12::is_pfx(bytes);
    for password in [None, Some("infected"), Some("p\u{e4}ss")] {
        drop(pkcs12::read(bytes, password));
    }
});
