//! A certificate revocation list.
#![no_main]

use libfuzzer_sys::fuzz_target;
use whychain::pki::Crl;

fuzz_target!(|bytes: &[u8]| drop(Crl::from_der(bytes)));
