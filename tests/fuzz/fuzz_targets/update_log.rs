//! Logs of the update client and of Configuration Manager (CMTrace).
#![no_main]

use libfuzzer_sys::fuzz_target;
use whychain::host::{log_line, text, update_log};

fuzz_target!(|bytes: &[u8]| {
    let (lines, _) = log_line::lines(&text::decode(bytes));
    let _ = update_log::is_log(&lines);
    let mut events = update_log::events(&lines);
    update_log::apply_zone(&mut events, 3600);
});
