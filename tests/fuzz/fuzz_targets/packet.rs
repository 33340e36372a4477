//! One frame of any link type to its packet.
#![no_main]

use libfuzzer_sys::fuzz_target;
use whychain::packet::packet;

fuzz_target!(|bytes: &[u8]| {
    let Some(([link_type, more], captured)) = bytes.split_first_chunk() else {
        return;
    };
    let length = u32::try_from(captured.len()).unwrap_or_default() + u32::from(*more);
    let _ = packet(u32::from(*link_type), captured, length);
});
