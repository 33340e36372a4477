//! `docs/SECURITY.md` lists every limit of the code with its value and reason.

use crate::{files, project};

/// A row of the table: file, name, value, reason.
fn limits() -> Vec<[String; 4]> {
    let source = project("src");
    let mut found = Vec::new();
    for path in files(&source) {
        let below = path
            .strip_prefix(&source)
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        // How much is shown is no defense.
        if !below.ends_with(".rs") || below.starts_with("report/") {
            continue;
        }
        let code = std::fs::read_to_string(&path).unwrap();
        let code = code.split("#[cfg(test)]\nmod ").next().unwrap();
        let mut comment: Vec<&str> = Vec::new();
        for line in code.lines().map(str::trim) {
            if let Some(text) = line.strip_prefix("///") {
                comment.push(text.trim());
            } else if let Some((name, value)) = limit(line) {
                found.push([below.clone(), name, value, comment.join(" ")]);
                comment.clear();
            } else {
                comment.clear();
            }
        }
    }
    found
}

/// The name and value of `const MAX_…: type = value;`.
fn limit(line: &str) -> Option<(String, String)> {
    let after = ["pub ", "pub(super) ", "pub(crate) "]
        .iter()
        .find_map(|prefix| line.strip_prefix(prefix))
        .unwrap_or(line);
    let (name, rest) = after.strip_prefix("const ")?.split_once(':')?;
    let value = rest.split_once('=')?.1.trim().strip_suffix(';')?;
    name.starts_with("MAX_")
        .then(|| (name.to_owned(), value.to_owned()))
}

const BEGIN: &str = "<!-- limits: WHYCHAIN_BLESS=1 cargo test --test hardening limits -->\n";
const END: &str = "<!-- end of limits -->\n";

#[test]
fn the_table_of_limits_is_that_of_the_code() {
    let limits = limits();
    assert!(limits.len() > 100, "the limits are gone");
    let mut table = "\n| file | limit | value | why |\n|---|---|---|---|\n".to_owned();
    for [file, name, value, reason] in &limits {
        // Links of the code's documentation lead nowhere here.
        let reason = reason
            .replace("[`", "`")
            .replace("`]", "`")
            .replace('|', "\\|");
        table.push_str(&format!("| `{file}` | `{name}` | `{value}` | {reason} |\n"));
    }
    table.push('\n');
    let path = project("docs/SECURITY.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (listed, after) = rest.split_once(END).unwrap();
    if std::env::var_os("WHYCHAIN_BLESS").is_some() {
        std::fs::write(&path, [before, BEGIN, &table, END, after].concat()).unwrap();
        return;
    }
    for line in table.lines() {
        let bless = "WHYCHAIN_BLESS=1 cargo test --test hardening limits";
        assert!(
            listed.contains(line),
            "docs/SECURITY.md lacks {line:?}: {bless}"
        );
    }
    assert_eq!(
        listed.lines().count(),
        table.lines().count(),
        "limits that are gone"
    );
}
