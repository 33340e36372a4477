//! A file of any kind through the whole program, and every form of the report:
//! valid JSON, no control characters for a terminal, no markup of others.
#![no_main]

use std::sync::Once;

use libfuzzer_sys::fuzz_target;
use whychain::pipeline::{Options, explain};
use whychain::report::{
    Look, csv, html, json, l2tcsv, markdown, share::Disguise, text, timesketch,
};

static QUIET: Once = Once::new();

fuzz_target!(|bytes: &[u8]| {
    QUIET.call_once(|| std::panic::set_hook(Box::new(|what| eprintln!("{what}"))));
    let path = std::env::temp_dir().join(format!("whychain-fuzz-{}", std::process::id()));
    if std::fs::write(&path, bytes).is_err() {
        return;
    }
    let run = || {
        explain(
            std::slice::from_ref(&path),
            &Options::default(),
            &mut |_| {},
        )
    };
    let explained = run();
    let Ok(explained) = explained else { return };
    let look = Look::default();
    let plain = text::write(&explained, &look);
    let is_control = |c: char| c.is_control() && c != '\n';
    assert!(
        !plain.contains(is_control),
        "control characters in the text"
    );
    let page = html::write(&explained, &look);
    assert_eq!(page.matches("<script").count(), 1, "a foreign script");
    let report = json::write(&explained);
    assert!(report.starts_with('{') && report.ends_with("}\n"));
    let disguise = Disguise::of(&json::value(&explained));
    drop(disguise.json(&report));
    drop((csv::write(&explained), markdown::write(&explained, &look)));
    drop((
        timesketch::write(&explained),
        l2tcsv::write(&explained, &look),
    ));
    if bytes.len() % 16 == 0 {
        let again = run();
        assert!(
            again.is_ok_and(|again| json::write(&again) == report),
            "not the same twice"
        );
    }
    let _ = std::fs::remove_file(path);
});
