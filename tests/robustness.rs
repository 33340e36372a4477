//! Every fixture, cut and flipped, gives an answer and never a panic.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};

use whychain::pipeline::{Options, explain};

fn fixtures() -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        let mut entries: Vec<PathBuf> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                walk(&path, found);
            } else {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    walk(&root.join("samples"), &mut found);
    walk(&root.join("tests/data"), &mut found);
    found.retain(|path| {
        let name = path.file_name().unwrap().to_string_lossy();
        !path.components().any(|part| part.as_os_str() == "lab")
            && !name.ends_with(".md")
            && !name.starts_with("report.")
    });
    assert!(found.len() > 20, "the fixtures are gone");
    found
}

/// Runs the whole program on bytes under a name; any answer but a panic will do.
fn survives(folder: &Path, name: &str, bytes: &[u8]) {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    let before = bytes.to_vec();
    let _ = explain(std::slice::from_ref(&path), &Options::default(), &mut |_| {});
    assert_eq!(std::fs::read(&path).unwrap(), before, "evidence was changed");
}

/// A small generator with a fixed seed (xorshift64*): the same run every time.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % bound.max(1)
    }
}

/// Cuts per fixture: every length of a small one, spread over a large one.
const CUTS: usize = 48;
const FLIPS: usize = 24;

#[test]
fn a_fixture_cut_anywhere_still_gives_an_answer() {
    let folder = tempfile::tempdir().unwrap();
    for fixture in fixtures() {
        let bytes = std::fs::read(&fixture).unwrap();
        let step = (bytes.len() / CUTS).max(1);
        for length in (0..bytes.len()).step_by(step) {
            survives(folder.path(), "cut", &bytes[..length]);
        }
    }
}

#[test]
fn a_fixture_with_flipped_bits_still_gives_an_answer() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = Random(0x5EED_0BAD_CE27_1F1C);
    for fixture in fixtures() {
        let bytes = std::fs::read(&fixture).unwrap();
        if bytes.is_empty() {
            continue;
        }
        for _ in 0..FLIPS {
            let mut changed = bytes.clone();
            for _ in 0..=random.below(8) {
                let at = random.below(changed.len());
                changed[at] ^= 1 << random.below(8);
            }
            survives(folder.path(), "flipped", &changed);
        }
    }
}

#[test]
fn a_cache_folder_with_damaged_records_keeps_its_contents() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/healthy-through-proxy/cryptnet");
    let mut random = Random(7);
    let folder = tempfile::tempdir().unwrap();
    for round in 0..40 {
        let base = folder.path().join(format!("{round}"));
        for kind in ["Content", "MetaData"] {
            let from =
                root.join("C/Users/alice/AppData/LocalLow/Microsoft/CryptnetUrlCache").join(kind);
            std::fs::create_dir_all(base.join(kind)).unwrap();
            for entry in std::fs::read_dir(from).unwrap() {
                let entry = entry.unwrap();
                let mut bytes = std::fs::read(entry.path()).unwrap();
                if kind == "MetaData" && !bytes.is_empty() {
                    let at = random.below(bytes.len());
                    bytes[at] ^= 1 << random.below(8);
                    bytes.truncate(random.below(bytes.len()) + 1);
                }
                std::fs::write(base.join(kind).join(entry.file_name()), bytes).unwrap();
            }
        }
        let explained = explain(&[base], &Options::default(), &mut |_| {}).unwrap();
        assert_eq!(explained.case.cache_entries.len(), 5);
        assert!(explained.case.cache_entries.iter().all(|entry| entry.content.is_some()));
    }
}
