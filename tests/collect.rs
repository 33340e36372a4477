//! The collection files under `docs/collect/` name every place that matters.

#![allow(clippy::unwrap_used, clippy::expect_used)]

fn file(name: &str) -> String {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/collect");
    std::fs::read_to_string(folder.join(name)).unwrap()
}

/// Places by their telling part: the five kinds of profiles, logs, hives.
const WANTED: [&str; 11] = [
    "users/",
    "packages/",
    "system32/config/systemprofile",
    "syswow64/config/systemprofile",
    "serviceprofiles",
    "capi2",
    "application.evtx",
    "software",
    "ntuser.dat",
    "ccm/logs",
    "cryptneturlcache",
];

#[test]
fn both_collectors_take_every_profile_log_and_hive() {
    for name in ["Whychain.tkape", "Custom.Windows.Whychain.yaml"] {
        let text = file(name).replace('\\', "/").to_lowercase();
        for place in WANTED {
            assert!(text.contains(place), "{name} leaves out {place}");
        }
    }
    let artifact = file("Custom.Windows.Whychain.yaml");
    assert_eq!(
        artifact.matches("CryptnetUrlCache/Content/").count(),
        artifact.matches("CryptnetUrlCache/MetaData/").count(),
    );
}

/// YAML has no tabs, and keys of one list item line up.
#[test]
fn the_files_are_indented_as_yaml_demands() {
    for name in [
        "Whychain.tkape",
        "Whychain.mkape",
        "Custom.Windows.Whychain.yaml",
    ] {
        let text = file(name);
        assert!(!text.contains('\t'), "{name} has a tab");
        let odd = text
            .lines()
            .find(|line| (line.len() - line.trim_start().len()) % 2 != 0);
        assert_eq!(odd, None, "{name}");
    }
}
