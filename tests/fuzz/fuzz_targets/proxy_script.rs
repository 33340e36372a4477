//! A proxy script. The engine runs on a thread that may fail: that ends in a
//! reason, as whatever else a script does.
#![no_main]

use std::collections::BTreeMap;
use std::sync::Once;

use libfuzzer_sys::fuzz_target;
use whychain::pac::{Question, evaluate};
use whychain::time::Timestamp;

static QUIET: Once = Once::new();

fuzz_target!(|bytes: &[u8]| {
    // The fuzzer's own hook ends the program at a panic of any thread; one of
    // this thread still does.
    QUIET.call_once(|| std::panic::set_hook(Box::new(|_| {})));
    let Some(at) = Timestamp::from_unix(1_795_000_000, 0) else {
        return;
    };
    let names = BTreeMap::new();
    let question = Question {
        url: "http://aia.example/ca.crt",
        host: "aia.example",
        client: [10, 20, 0, 15].into(),
        at,
        names: &names,
    };
    if let Err(why) = evaluate(&String::from_utf8_lossy(bytes), &question) {
        assert!(!why.contains('\n'), "a reason is one line: {why}");
    }
});
