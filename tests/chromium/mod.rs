//! Pages in headless Chromium, where it is installed.

#![allow(dead_code)] // each test uses what it needs

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The browser, where there is one.
pub fn browser() -> Option<&'static str> {
    let found = ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find(|name| Command::new(name).arg("--version").output().is_ok());
    if found.is_none() {
        println!("skipped: no Chromium is installed");
    }
    found
}

/// What the browser makes of a page: its document, and its messages.
pub fn opened(browser: &str, page: &Path) -> (String, String) {
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"])
        .args(["--enable-logging=stderr", "--window-size=1300,2000"])
        .args(["--virtual-time-budget=2000", "--no-first-run"])
        // A page of several reports looks into each.
        .arg("--allow-file-access-from-files")
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap();
    assert!(output.status.success());
    (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

/// Lines that the page's console wrote; the browser's own troubles are not ours.
pub fn console(messages: &str) -> Vec<&str> {
    let lines = messages.lines();
    lines.filter(|line| line.contains("CONSOLE")).collect()
}

/// Measures every text of the pictures in each of these pages, in one start of
/// the browser: which are wider than their room, or lie over another. Gives what
/// is wrong, page by page.
pub fn measured(browser: &str, pages: &[PathBuf]) -> Vec<String> {
    const SCRIPT: &str = r#"
const measured = (page) => {
  for (const part of page.querySelectorAll("details")) part.open = true;
  const wrong = [];
  for (const svg of page.querySelectorAll("svg")) {
    const frame = svg.viewBox.baseVal, boxes = [];
    for (const text of svg.querySelectorAll("text")) {
      const box = text.getBBox(), room = Number(text.dataset.room);
      if (!room || box.width > room + 1) wrong.push("wide: " + text.textContent + " " + box.width + "/" + room);
      if (box.x < -1 || box.x + box.width > frame.width + 1) wrong.push("out: " + text.textContent);
      boxes.push([box, text.textContent]);
    }
    boxes.forEach(([a, one], i) => boxes.slice(i + 1).forEach(([b, other]) => {
      const x = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
      const y = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
      if (x > 1 && y > 4) wrong.push("over: " + one + " / " + other);
    }));
  }
  return wrong.join("; ");
};
return [...document.querySelectorAll("iframe")].map((it) => measured(it.contentDocument)).join("\n");
"#;
    let folder = tempfile::tempdir().unwrap();
    let mut frames = String::new();
    for (number, page) in pages.iter().enumerate() {
        let (before, after) = without_policy(page);
        let name = format!("{number}.html");
        std::fs::write(folder.path().join(&name), before + &after).unwrap();
        write!(
            frames,
            r#"<iframe src="{name}" width="1300" height="2000"></iframe>"#
        )
        .unwrap();
    }
    let all = folder.path().join("all.html");
    let text = format!("<!doctype html><meta http-equiv><body>{frames}</body>");
    std::fs::write(&all, text).unwrap();
    let found = asked(browser, &all, SCRIPT);
    let found: Vec<String> = found.split('\n').map(str::to_owned).collect();
    assert_eq!(found.len(), pages.len(), "{found:?}");
    found
}

/// A page before and behind its policy, which forbids strange scripts.
fn without_policy(page: &Path) -> (String, String) {
    let text = std::fs::read_to_string(page).unwrap();
    let (before, rest) = text.split_once("<meta http-equiv").unwrap();
    let (_, after) = rest.split_once('>').unwrap();
    (before.to_owned(), after.to_owned())
}

/// What a script, the body of an asynchronous function, finds out about a page
/// once it is there. The page's policy, which forbids it, is taken out of a copy.
pub fn asked(browser: &str, page: &Path, script: &str) -> String {
    let (before, after) = without_policy(page);
    let script = format!(
        "<script>addEventListener(\"load\", async () => {{\n\
         const found = await (async () => {{ {script} }})();\n\
         document.body.textContent = \"found:\" + found + \":end\";\n}});</script></body>"
    );
    let asking = page.with_file_name("asked.html");
    let text = format!("{before}{}", after.replacen("</body>", &script, 1));
    std::fs::write(&asking, text).unwrap();
    let (document, _) = opened(browser, &asking);
    let (_, found) = document
        .split_once("found:")
        .expect("the script came to its end");
    found.split(":end").next().unwrap().to_owned()
}
