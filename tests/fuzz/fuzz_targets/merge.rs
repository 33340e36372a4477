//! A report, or an earlier merge, taken into a fleet. What is written must be
//! readable again, and give the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use whychain::fleet::{Answer, Gathering};
use whychain::report::{Look, fleet_csv, fleet_html, fleet_json, fleet_read};

/// The fleet of one file, as JSON; nothing where it cannot be read.
fn merged(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut gathering = Gathering::default();
    fleet_read::read(&mut || Ok(bytes), &mut gathering).ok()?;
    let fleet = gathering.finish();
    let answer = Answer::of(&fleet);
    let mut written = Vec::new();
    fleet_json::write(&fleet, &answer, &mut written).ok()?;
    let mut table = Vec::new();
    fleet_csv::write(&fleet, &mut table).ok()?;
    let page = fleet_html::write(&fleet, &answer, &Look::default());
    assert_eq!(page.matches("<script").count(), 1, "a foreign script");
    Some(written)
}

fuzz_target!(|bytes: &[u8]| {
    if let Some(once) = merged(bytes) {
        let again = merged(&once);
        assert!(
            again.is_some_and(|again| again == once),
            "merged again, another fleet"
        );
    }
});
