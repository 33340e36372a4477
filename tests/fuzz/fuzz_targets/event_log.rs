//! An event log file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use whychain::host::evtx;

fuzz_target!(|bytes: &[u8]| drop(evtx::read(bytes.to_vec())));
