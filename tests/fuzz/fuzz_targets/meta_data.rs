//! A `MetaData` record of Windows' URL cache.
#![no_main]

use libfuzzer_sys::fuzz_target;
use whychain::cryptnet::{MetaDataRecord, check_name, file_name};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(record) = MetaDataRecord::from_bytes(bytes) {
        let _ = record.content_len();
        let _ = check_name(&file_name(&record.url), &record.url);
    }
});
