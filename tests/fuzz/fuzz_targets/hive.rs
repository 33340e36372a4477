//! A registry hive.
#![no_main]

use libfuzzer_sys::fuzz_target;
use whychain::host::hive;

fuzz_target!(|bytes: &[u8]| drop(hive::read(bytes)));
