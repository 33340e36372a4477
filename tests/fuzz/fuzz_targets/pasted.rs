//! Pasted output of certutil and netsh.
#![no_main]

use libfuzzer_sys::fuzz_target;
use whychain::host::{pasted, text};

fuzz_target!(|bytes: &[u8]| {
    let pasted = pasted::read(&text::decode(bytes));
    let _ = (pasted.is_empty(), pasted.phrase());
});
