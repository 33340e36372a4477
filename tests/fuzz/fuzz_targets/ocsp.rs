//! An OCSP response.
#![no_main]

use libfuzzer_sys::fuzz_target;
use whychain::pki::OcspResponse;

fuzz_target!(|bytes: &[u8]| drop(OcspResponse::from_der(bytes)));
