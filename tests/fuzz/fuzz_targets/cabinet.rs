//! A cabinet and what lies in it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use whychain::pki::cab::Cabinet;

fuzz_target!(|bytes: &[u8]| drop(Cabinet::read(bytes)));
