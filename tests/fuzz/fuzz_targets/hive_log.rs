//! A hive and its two transaction logs, one behind the other.
//!
//! ```text
//! | length of the hive, u32 | length of the first log, u32 | hive | log | log |
//! ```
#![no_main]

use libfuzzer_sys::fuzz_target;
use whychain::host::{hive, hive_log};

fuzz_target!(|bytes: &[u8]| {
    let Some((lengths, rest)) = bytes.split_first_chunk::<8>() else {
        return;
    };
    let [a, b, c, d, e, f, g, h] = *lengths;
    let hive_len = u32::from_le_bytes([a, b, c, d]) as usize;
    let log_len = u32::from_le_bytes([e, f, g, h]) as usize;
    let (hive, rest) = rest.split_at(hive_len.min(rest.len()));
    let (first, second) = rest.split_at(log_len.min(rest.len()));
    if let Some(recovered) = hive_log::recover(hive, &[first, second]) {
        drop(hive::read(&recovered.bytes));
    }
});
