//! Hives and event logs made by other tools, read as their maker made them
//! (`tests/data/host.md`).

#![allow(clippy::unwrap_used, clippy::expect_used)]

use whychain::host::hive::{self, HiveKind, Scope};
use whychain::host::hive_log;

fn fixture(name: &str) -> Vec<u8> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/host");
    std::fs::read(folder.join(name)).unwrap()
}

#[test]
fn a_software_hive_has_its_stores_switches_and_lists() {
    let bytes = fixture("software.hive");
    let (facts, problems, _) = hive::read(&bytes).unwrap();
    assert_eq!(problems, []);
    assert_eq!(facts.kind, HiveKind::Software);
    let places: Vec<(Scope, &str, usize)> = facts
        .stored
        .iter()
        .map(|stored| {
            (
                stored.scope,
                stored.store.as_str(),
                stored.element.object.len(),
            )
        })
        .collect();
    let root = include_bytes!("data/diagnosis/site-root.der").len();
    let ca = include_bytes!("data/diagnosis/issuing-ca.der").len();
    assert_eq!(
        places,
        [(Scope::Machine, "CA", ca), (Scope::Machine, "ROOT", root)]
    );
    assert_eq!(facts.number("DisableRootAutoUpdate"), Some(1));
    assert_eq!(facts.number("Options"), Some(2));
    assert_eq!(
        facts.text("RootDirUrl"),
        Some("http://mirror.corp.example/roots")
    );
    assert_eq!(
        facts.text("WUServer"),
        Some("https://wsus.corp.example:8531")
    );
    assert_eq!(facts.win_http.unwrap().value.proxy, None);
    let (name, list) = &facts.auto_update.lists[0];
    assert_eq!(*name, "EncodedCtl");
    assert_eq!(list.value, include_bytes!("data/pki/ctl-limits.stl"));
    let synced = facts.auto_update.synced[0].1.value.to_rfc3339();
    assert_eq!(synced, "2026-09-21T14:13:20Z");
    assert_eq!(facts.profiles["S-1-5-21-1-2-3-1001"], r"C:\Users\alice");
    let (offset, length) = list.place;
    let there = &bytes[usize::try_from(offset).unwrap()..][..usize::try_from(length).unwrap()];
    assert_eq!(there, list.value, "the place cited is where it lies");
}

#[test]
fn a_user_hive_has_the_proxy_of_its_user() {
    let (facts, problems, _) = hive::read(&fixture("ntuser.hive")).unwrap();
    assert_eq!((facts.kind, problems.len()), (HiveKind::User, 0));
    let settings = facts.connections.unwrap().value;
    assert_eq!(settings.proxy.as_deref(), Some("proxy.corp.example:3128"));
    assert_eq!(
        settings.detected_url.as_deref(),
        Some("http://wpad.corp.example/wpad.dat")
    );
    assert_eq!(
        settings.detected_at.unwrap().to_rfc3339(),
        "2026-09-21T14:13:20Z"
    );
}

#[test]
fn a_system_hive_names_the_machine_by_the_control_set_in_use() {
    let (facts, ..) = hive::read(&fixture("system.hive")).unwrap();
    assert_eq!(facts.names, ["PC-17", "PC-17.corp.example"]);
    let addresses: Vec<String> = facts.addresses.iter().map(ToString::to_string).collect();
    assert_eq!(addresses, ["10.20.0.15"]);
}

#[test]
fn a_hive_with_a_broken_cell_loses_that_branch_only() {
    let mut bytes = fixture("software.hive");
    let name = b"RootDirUrl";
    let at = bytes
        .windows(name.len())
        .position(|part| part == name)
        .unwrap();
    // The value's cell begins 20 bytes before its name; its signature goes.
    bytes[at - 20] = b'x';
    let (facts, problems, _) = hive::read(&bytes).unwrap();
    assert_eq!(facts.text("RootDirUrl"), None);
    assert_eq!(
        facts.text("WUServer"),
        Some("https://wsus.corp.example:8531")
    );
    assert_eq!(facts.stored.len(), 2);
    assert_eq!(problems.len(), 1);
    let told = problems[0].to_string();
    assert!(told.starts_with("registry value (vk) at byte"), "{told}");
    assert!(facts.is_damaged);
}

#[test]
fn every_limit_and_every_policy_of_updates_is_read() {
    let (facts, problems, _) = hive::read(&fixture("limits.hive")).unwrap();
    assert_eq!(problems, []);
    for (name, number) in [
        ("ChainUrlRetrievalTimeoutMilliseconds", 5_000),
        ("ChainRevAccumulativeUrlRetrievalTimeoutMilliseconds", 7_000),
        ("MaxAIAUrlCountInCert", 3),
        ("DisableAIAUrlRetrieval", 1),
        ("SetProxyBehaviorForUpdateDetection", 1),
        ("DoNotEnforceEnterpriseTLSCertPinningForUpdateDetection", 1),
        ("UseWUServer", 1),
        ("DODownloadMode", 99),
        ("Flags", 4),
        ("SyncDeltaTime", 86_400),
        ("ProxySettingsPerUser", 0),
    ] {
        assert_eq!(facts.number(name), Some(number), "{name}");
    }
    for (name, text) in [
        ("WUStatusServer", "https://wsus.corp.example:8531"),
        ("UpdateServiceUrlAlternate", "http://localhost:8005"),
        ("DOCacheHost", "cache.corp.example"),
        ("SyncFromDirUrl", "file:////server/roots"),
    ] {
        assert_eq!(facts.text(name), Some(text), "{name}");
    }
    assert_eq!(facts.auto_update.synced[0].0, "DisallowedCertLastSyncTime");
    let proxy = facts.win_http.unwrap().value;
    assert_eq!(proxy.proxy.as_deref(), Some("http=px:8080;https=px:8443"));
    assert_eq!(proxy.bypass.as_deref(), Some("<local>;*.corp.example"));
}

/// The state after both logs, as `regipy` recovers it too.
#[test]
fn changes_in_both_logs_of_the_new_form_are_applied_in_their_order() {
    let hive = fixture("dirty.hive");
    let (first, second) = (fixture("dirty.hive.LOG1"), fixture("dirty.hive.LOG2"));
    let (before, ..) = hive::read(&hive).unwrap();
    assert!(before.is_dirty);
    assert_eq!(before.number("DisableRootAutoUpdate"), Some(0));
    // Which file is given first does not matter: their numbers tell.
    for logs in [[&first, &second], [&second, &first]] {
        let logs = logs.map(Vec::as_slice);
        let recovered = hive_log::recover(&hive, &logs).unwrap();
        assert_eq!(recovered.problems, []);
        let (facts, problems, _) = hive::read(&recovered.bytes).unwrap();
        assert_eq!(problems, []);
        assert_eq!(facts.number("DisableRootAutoUpdate"), Some(1));
        let proxy = facts.win_http.unwrap().value.proxy;
        assert_eq!(proxy.as_deref(), Some("proxy.corp.example:3128"));
        let patch = recovered.patches[0];
        let (at, from) = (patch.at as usize, patch.from as usize);
        let length = patch.length as usize;
        let log = logs[patch.log];
        assert_eq!(hive.len(), recovered.bytes.len());
        assert_eq!(log[from..from + length].len(), length);
        let last = recovered.patches.last().unwrap();
        assert!(at >= 4096 && last.log != patch.log);
    }
}

#[test]
fn an_entry_whose_hash_is_wrong_and_all_after_it_are_left_out() {
    let hive = fixture("dirty.hive");
    let mut first = fixture("dirty.hive.LOG1");
    let second = fixture("dirty.hive.LOG2");
    let end = first.len() - 9;
    first[end] ^= 1;
    let recovered = hive_log::recover(&hive, &[&first, &second]).unwrap();
    let told = recovered.problems[0].1.to_string();
    assert!(told.contains("its hashes do not agree"), "{told}");
    // Entry 8 alone is not applied without entry 7 before it.
    assert_eq!(recovered.applied, []);
    assert_eq!(recovered.bytes, hive);
}

#[test]
fn a_log_of_the_old_form_is_applied() {
    let hive = fixture("dirty-old-form.hive");
    let log = fixture("dirty-old-form.hive.LOG");
    let recovered = hive_log::recover(&hive, &[&log]).unwrap();
    let (facts, problems, _) = hive::read(&recovered.bytes).unwrap();
    assert_eq!(problems, []);
    assert_eq!(facts.number("DisableRootAutoUpdate"), Some(1));
    for length in (0..log.len()).step_by(61) {
        let _ = hive_log::recover(&hive, &[&log[..length]]);
    }
}

#[test]
fn a_log_changed_anywhere_never_panics_and_old_entries_are_not_applied() {
    let hive = fixture("dirty.hive");
    let log = fixture("dirty.hive.LOG1");
    let mut state = 11_u64;
    for _ in 0..500 {
        let mut bytes = log.clone();
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let at = usize::try_from(state >> 33).unwrap() % bytes.len();
        bytes[at] ^= 1 << (state % 8);
        let _ = hive_log::recover(&hive, &[&bytes]);
    }
    let mut newer = hive.clone();
    newer[8..12].copy_from_slice(&9_u32.to_le_bytes());
    newer[4..8].copy_from_slice(&10_u32.to_le_bytes());
    let mut sum = newer[..508].chunks_exact(4).fold(0, |sum, word| {
        sum ^ u32::from_le_bytes(word.try_into().unwrap())
    });
    sum = sum.max(1);
    newer[508..512].copy_from_slice(&sum.to_le_bytes());
    assert_eq!(hive_log::recover(&newer, &[&log]), None);
}

#[test]
fn a_hive_cut_or_changed_anywhere_is_read_without_panic() {
    let whole = fixture("software.hive");
    for length in (0..whole.len()).step_by(997) {
        let _ = hive::read(&whole[..length]);
    }
    let mut state = 7_u64;
    for _ in 0..2_000 {
        let mut bytes = whole.clone();
        for _ in 0..4 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let at = usize::try_from(state >> 33).unwrap() % bytes.len();
            bytes[at] ^= 1 << (state % 8);
        }
        let _ = hive::read(&bytes);
    }
}

#[cfg(feature = "evtx")]
mod logs {
    use super::fixture;
    use whychain::host::capi::{self, ProxyChoice};
    use whychain::host::{application, evtx};

    #[test]
    fn two_accounts_two_ways_are_read_from_a_log() {
        let log = evtx::read(fixture("capi2-two-accounts.evtx")).unwrap();
        assert_eq!(
            (log.records, log.problems.len()),
            (3, 0),
            "{:?}",
            log.problems
        );
        let [service, user, suspended] = log.events.as_slice() else {
            panic!("{:?}", log.events)
        };
        assert_eq!(service.sid.as_deref(), Some("S-1-5-18"));
        assert_eq!(service.process.as_deref(), Some("svchost.exe"));
        let wire = capi::wire(service).unwrap();
        assert_eq!((wire.result, wire.error), (0x2EFD, Some(0x2EFD)));
        assert_eq!(wire.proxy, ProxyChoice::Direct);
        let wire = capi::wire(user).unwrap();
        assert_eq!(wire.proxy, ProxyChoice::Proxy("10.20.0.8:3128".into()));
        let told = application::root_update(suspended).unwrap();
        assert_eq!(told.what, application::RootUpdate::Suspended);
        assert_eq!(told.texts, ["50", "60"]);
    }

    #[test]
    fn a_log_cut_in_the_middle_keeps_what_came_before() {
        let bytes = fixture("capi2-two-accounts.evtx");
        // The first record follows the two headers; its size stands at byte 4.
        let first = 4_096 + 512;
        let size = u32::from_le_bytes(bytes[first + 4..first + 8].try_into().unwrap());
        let within_the_second = first + usize::try_from(size).unwrap() + 100;
        let log = evtx::read(bytes[..within_the_second].to_vec()).unwrap();
        assert_eq!(log.events.len(), 1, "the second record is cut");
        let told: Vec<&str> = log.problems.iter().map(|(_, what)| what.as_str()).collect();
        assert_eq!(told[0], "the file ends in chunk 1 of 1");
    }

    /// 340 real events of Windows 7. Counts by `PyPI evtx` and `python-evtx`.
    #[test]
    fn a_real_log_of_windows_7_is_read_whole() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../shared/data/events/capi2-operational-windows7.evtx");
        let Ok(bytes) = std::fs::read(path) else {
            println!("skipped: the real log is not here");
            return;
        };
        let log = evtx::read(bytes).unwrap();
        assert_eq!((log.records, log.problems.len()), (340, 0));
        let count = |id: u32| log.events.iter().filter(|event| event.id == id).count();
        assert_eq!(
            (count(11), count(41), count(53), count(90)),
            (42, 54, 12, 34)
        );
        let wires: Vec<_> = log.events.iter().filter_map(capi::wire).collect();
        let first = &wires[0];
        assert_eq!(
            first.url,
            "http://crl.microsoft.com/pki/crl/products/CSPCA.crl"
        );
        assert_eq!(first.proxy, ProxyChoice::Direct);
        assert_eq!(first.objects, ["cfa529c048ec394a1203853c0c9a5e28ea23f035"]);
        let chains: Vec<_> = log.events.iter().filter_map(capi::chain).collect();
        assert_eq!(chains[0].error_status, 0x40);
        assert_eq!(chains[0].elements[0].info_status, 0x102);
    }
}
