//! The page of a fleet in a real browser: headless Chromium, where it is
//! installed. Elsewhere the test says so and passes.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::process::Command;

mod chromium;
mod fleet_reports;
use chromium::{asked, browser, console, measured, opened};
use fleet_reports::{host, report};

/// Every third of them failed.
const MACHINES: usize = 1000;

/// Types into the search and waits until the page has followed.
const SEARCH: &str = r##"
const find = document.getElementById("hosts-find");
const count = document.getElementById("hosts-count");
const rows = () => [...document.querySelectorAll("#hosts-rows tr")].filter((row) => !row.hidden);
const input = async (act) => {
  act();
  document.getElementById("hosts-filter").dispatchEvent(new Event("input"));
  await new Promise((done) => setTimeout(done, 300));
};
const said = [count.textContent];
await input(() => { find.value = "pc-0500"; });
said.push(count.textContent, rows()[0].querySelector("th").innerText.trim().split(/\s+/).join(" "));
await input(() => { find.value = ""; document.querySelector("input[value=explained]").checked = false; });
said.push(count.textContent);
await input(() => { find.value = "nobody"; });
said.push(count.textContent);
return said.join("|");
"##;

#[test]
fn a_thousand_hosts_are_shown_and_searched_without_a_server() {
    let Some(browser) = browser() else { return };
    let folder = tempfile::tempdir().unwrap();
    let reports = folder.path().join("reports");
    std::fs::create_dir(&reports).unwrap();
    for number in 0..MACHINES {
        let mut one = host(number);
        one.cause = (number % 3 == 0).then_some("proxy-auth-required");
        std::fs::write(reports.join(format!("{number}.json")), report(&one)).unwrap();
    }
    let page = folder.path().join("fleet.html");
    let output = Command::new(env!("CARGO_BIN_EXE_whychain"))
        .arg("merge")
        .args([&reports, &"-o".into(), &page])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let (document, messages) = opened(browser, &page);
    assert_eq!(console(&messages), Vec::<&str>::new());
    assert!(document.contains("failed on 334 of 1,000 machines"));
    assert_eq!(measured(browser, std::slice::from_ref(&page)), [""]);
    let said = asked(browser, &page, SEARCH);
    let said: Vec<&str> = said.split('|').collect();
    assert_eq!(
        said,
        [
            "1,000 of 1,000",
            "1 of 1,000",
            "PC-0500 10.1.2.1",
            "666 of 1,000",
            "0 of 1,000"
        ]
    );
}
