//! Keeps the house as `docs/ARCHITECTURE.md` draws it: which module may import
//! which, how deep files lie, and that rules have their pages.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What everything may import.
const FLOOR: [&str; 6] = ["account", "bytes", "issue", "provenance", "time", "words"];

/// Module, then what it may import besides the floor. `*` stands for all.
const TABLE: &[(&str, &[&str])] = &[
    ("evidence", &[]),
    ("capture", &[]),
    ("packet", &[]),
    ("flow", &["packet"]),
    ("protocol", &["flow"]),
    ("cryptnet", &[]),
    ("pac", &[]),
    ("pki", &[]),
    ("host", &["pki"]),
    (
        "retrieval",
        &["flow", "protocol", "pki", "cryptnet", "host"],
    ),
    ("chain", &["pki"]),
    (
        "case",
        &[
            "host",
            "evidence",
            "capture",
            "packet",
            "flow",
            "protocol",
            "cryptnet",
            "pki",
            "retrieval",
            "chain",
            "pac",
        ],
    ),
    ("clock", &["case", "retrieval", "pki", "protocol"]),
    (
        "phrase",
        &[
            "host",
            "case",
            "diagnosis",
            "retrieval",
            "protocol",
            "pki",
            "flow",
        ],
    ),
    (
        "timeline",
        &[
            "host",
            "phrase",
            "case",
            "clock",
            "diagnosis",
            "retrieval",
            "protocol",
            "pki",
            "cryptnet",
            "chain",
            "flow",
        ],
    ),
    (
        "diagnosis",
        &[
            "host",
            "case",
            "clock",
            "chain",
            "retrieval",
            "protocol",
            "pki",
            "cryptnet",
            "flow",
        ],
    ),
    (
        "report",
        &[
            "host",
            "phrase",
            "diagnosis",
            "timeline",
            "phrase",
            "case",
            "clock",
            "pipeline",
            "given",
            "fleet",
            "evidence",
            "retrieval",
            "chain",
            "protocol",
            "pki",
            "cryptnet",
            "flow",
        ],
    ),
    ("fleet", &[]),
    ("given", &[]),
    ("recall", &["evidence", "capture"]),
    ("pipeline", &["*"]),
    ("cli", &["*"]),
    ("lib", &["*"]),
    ("main", &["*"]),
];

fn sources() -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        let mut entries: Vec<PathBuf> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join("src"), &mut found);
    found
}

/// Files that `mod.rs` includes under `cfg(test)` only.
fn is_for_tests(path: &Path) -> bool {
    let module = path.file_stem().unwrap().to_str().unwrap();
    let parent = std::fs::read_to_string(path.parent().unwrap().join("mod.rs")).unwrap_or_default();
    parent.contains(&format!("#[cfg(test)]\nmod {module};"))
        || parent.contains(&format!("#[cfg(test)]\npub(crate) mod {module};"))
        || parent.contains(&format!("#[cfg(test)]\npub mod {module};"))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The module a source file belongs to: the first part of its path below `src`.
fn module_of(path: &Path) -> String {
    let below = path.strip_prefix(root().join("src")).unwrap();
    let first = below
        .components()
        .next()
        .unwrap()
        .as_os_str()
        .to_str()
        .unwrap();
    first.trim_end_matches(".rs").to_owned()
}

/// The crate modules that the code of a file names, its tests left out.
fn imports(text: &str) -> BTreeSet<String> {
    let code = text.split("#[cfg(test)]\nmod ").next().unwrap();
    let mut names = BTreeSet::new();
    for line in code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
    {
        for (start, _) in line.match_indices("crate::") {
            let before = &line[..start];
            if before.ends_with(|c: char| c.is_alphanumeric() || c == '_') {
                continue;
            }
            let rest = &line[start + "crate::".len()..];
            let name: String = rest
                .chars()
                .take_while(|c| c.is_ascii_lowercase() || *c == '_')
                .collect();
            if !name.is_empty() {
                names.insert(name);
            }
        }
    }
    names
}

#[test]
fn a_module_imports_only_what_the_table_allows() {
    let table: BTreeMap<&str, &[&str]> = TABLE.iter().copied().collect();
    let mut broken = Vec::new();
    for path in sources() {
        let module = module_of(&path);
        if FLOOR.contains(&module.as_str()) {
            for import in imports(&std::fs::read_to_string(&path).unwrap()) {
                if !FLOOR.contains(&import.as_str()) {
                    broken.push(format!("the floor's {} imports {import}", path.display()));
                }
            }
            continue;
        }
        let Some(allowed) = table.get(module.as_str()) else {
            broken.push(format!("{} is in no module of the table", path.display()));
            continue;
        };
        if is_for_tests(&path) {
            continue;
        }
        for import in imports(&std::fs::read_to_string(&path).unwrap()) {
            let fine = import == module
                || FLOOR.contains(&import.as_str())
                || allowed.contains(&"*")
                || allowed.contains(&import.as_str());
            if !fine {
                broken.push(format!("{} imports {import}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn no_source_lies_deeper_than_stage_and_file() {
    for path in sources() {
        let below = path.strip_prefix(root().join("src")).unwrap();
        assert!(below.components().count() <= 2, "{}", path.display());
    }
}

#[test]
fn only_evidence_opens_files_and_nothing_asks_for_the_time() {
    let mut broken = Vec::new();
    for path in sources() {
        let module = module_of(&path);
        let text = std::fs::read_to_string(&path).unwrap();
        if is_for_tests(&path) {
            continue;
        }
        let code = text.split("#[cfg(test)]\n").next().unwrap().to_owned();
        let code: String = code
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .collect();
        let may_open = ["evidence", "cli", "main"].contains(&module.as_str());
        if !may_open && (code.contains("std::fs") || code.contains("File::open")) {
            broken.push(format!("{} opens files", path.display()));
        }
        let may_ask = ["cli", "main"].contains(&module.as_str());
        if !may_ask && (code.contains("SystemTime::now") || code.contains("Instant::now")) {
            broken.push(format!("{} asks for the time", path.display()));
        }
        if !["cli", "main"].contains(&module.as_str()) && code.contains("println!") {
            broken.push(format!("{} prints", path.display()));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// The headings of a rule's page, in order.
const HEADINGS: [&str; 6] = [
    "## What it finds",
    "## Why it breaks validation",
    "## How to tell it apart",
    "## Evidence it cites",
    "## What to do next",
    "## References",
];

#[test]
fn every_rule_has_its_page_with_the_fixed_headings() {
    let mut pages: BTreeSet<String> = std::fs::read_dir(root().join("docs/rules"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    for rule in whychain::diagnosis::RULES {
        let headings: Vec<&str> = rule
            .doc
            .lines()
            .filter(|line| line.starts_with("## "))
            .collect();
        assert_eq!(headings, HEADINGS, "{}", rule.id);
        assert!(
            rule.doc.starts_with(&format!("# {}", rule.id)),
            "{}",
            rule.id
        );
        assert!(!rule.title().is_empty(), "{}", rule.id);
        assert!(
            pages.remove(&format!("{}.md", rule.id)),
            "{} has no page",
            rule.id
        );
    }
    assert!(pages.is_empty(), "pages without a rule: {pages:?}");
}

/// The tests about a rule: those beside it, and those elsewhere that name it.
fn tests_of(rule: &str, files: &[(String, String)]) -> Vec<String> {
    let own = format!("{}.rs", rule.replace('-', "_"));
    let (id, module) = (format!("\"{rule}\""), format!("id: \"{rule}\""));
    let mut found = Vec::new();
    for (name, text) in files {
        let (code, tests) = text.split_once("#[cfg(test)]").unwrap_or(("", text));
        // `revocation_tests.rs` holds those of all rules that begin so.
        let shared = name.strip_suffix("_tests.rs");
        let beside = *name == own
            || code.contains(&module)
            || shared.is_some_and(|family| own.starts_with(family));
        // Whole files of tests have helpers before the first of them.
        let parts = tests.split("#[test]").skip(1);
        found.extend(
            parts
                .filter(|part| beside || part.contains(&id))
                .map(str::to_owned),
        );
    }
    found
}

/// How the tests say that a rule stays silent.
const SILENCE: [&str; 7] = [
    ".is_empty()",
    "!has(",
    "is_quiet",
    "!said",
    "!findings(",
    "is_none()",
    "[]",
];

#[test]
fn every_rule_has_tests_in_which_it_speaks_and_in_which_it_is_silent() {
    // Rules that read the machine's own settings and logs are shown on whole files.
    let whole = std::fs::read_dir(root().join("tests")).unwrap();
    let whole = whole.map(|entry| entry.unwrap().path());
    let whole = whole.filter(|path| path.extension().is_some_and(|it| it == "rs"));
    let sources = sources().into_iter();
    let files: Vec<(String, String)> = sources
        .filter(|path| module_of(path) == "diagnosis")
        .chain(whole)
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(&path).unwrap())
        })
        .collect();
    let mut lacking = Vec::new();
    for rule in whychain::diagnosis::RULES {
        let tests = tests_of(rule.id, &files);
        let silences: usize = SILENCE
            .iter()
            .map(|word| {
                tests
                    .iter()
                    .map(|it| it.matches(word).count())
                    .sum::<usize>()
            })
            .sum();
        let assertions: usize = ["assert", "samples::", "fires_and"]
            .iter()
            .map(|word| {
                tests
                    .iter()
                    .map(|it| it.matches(word).count())
                    .sum::<usize>()
            })
            .sum();
        if silences == 0 || assertions < 2 && !tests.iter().any(|it| it.contains("fires_and")) {
            lacking.push(format!(
                "{}: {} tests, {assertions} assertions, {silences} of silence",
                rule.id,
                tests.len()
            ));
        }
    }
    assert!(lacking.is_empty(), "{}", lacking.join("\n"));
}

#[test]
fn only_the_agreed_entries_lie_at_the_top() {
    let allowed = [
        ".ci",
        ".git",
        ".gitignore",
        "Cargo.lock",
        "Cargo.toml",
        "LICENSE",
        "README.md",
        "deny.toml",
        "docs",
        "samples",
        "src",
        "target",
        "tests",
    ];
    for entry in std::fs::read_dir(root()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(allowed.contains(&name.as_str()), "{name} at the top level");
    }
}
