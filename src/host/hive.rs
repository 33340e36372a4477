//! What a registry hive says of trust, proxies and updates.

use std::collections::BTreeMap;

use super::hive_stores;
use super::proxy_settings::{self, ConnectionSettings, WinHttpSettings};
use super::regf::{Hive, Key, Value};
use super::store::StoreElement;
use crate::account::Account;
use crate::bytes::ParseError;
use crate::time::Timestamp;

/// The facts of one hive.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HiveFacts {
    /// Which hive.
    pub kind: HiveKind,
    /// Whose, for the hive of a user.
    pub account: Option<Account>,
    /// Last write of the file.
    pub last_written_at: Option<Timestamp>,
    /// True when changes lie in the transaction logs only.
    pub is_dirty: bool,
    /// The certificate stores that were found, also empty ones.
    pub stores: Vec<(Scope, String)>,
    /// What lies in them.
    pub stored: Vec<Stored>,
    /// `AuthRoot\AutoUpdate`.
    pub auto_update: AutoUpdate,
    /// Every setting of meaning, by its name in [`SETTINGS`] or a list of them.
    pub settings: Vec<Setting>,
    /// The proxy of services.
    pub win_http: Option<Placed<WinHttpSettings>>,
    /// The proxy of the account.
    pub connections: Option<Placed<ConnectionSettings>>,
    /// Folder of each profile, by SID.
    pub profiles: BTreeMap<String, String>,
    /// Names of the machine.
    pub names: Vec<String>,
    /// Addresses of the machine.
    pub addresses: Vec<std::net::IpAddr>,
    /// True when damage may hide a part of it.
    pub is_damaged: bool,
    /// Parts that come from transaction logs: where, and which file.
    pub patches: Vec<(super::hive_log::Patch, crate::provenance::EvidenceId)>,
}

/// The hives that are told apart, by the keys below their root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum HiveKind {
    /// `HKLM\SOFTWARE`.
    Software,
    /// `HKLM\SYSTEM`.
    System,
    /// `NTUSER.DAT`, or `DEFAULT`, which is that of SYSTEM.
    User,
    /// Another one.
    #[default]
    Other,
}

/// Whose store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Of the machine.
    Machine,
    /// Of the machine, set by policy.
    Policy,
    /// Of the domain, kept on the machine.
    Enterprise,
    /// Of an account.
    User,
    /// Of an account, set by policy.
    UserPolicy,
}

impl Scope {
    /// For sentences: `the machine's store`.
    #[must_use]
    pub fn phrase(self) -> &'static str {
        match self {
            Scope::Machine => "machine",
            Scope::Policy => "machine policy",
            Scope::Enterprise => "enterprise",
            Scope::User => "user",
            Scope::UserPolicy => "user policy",
        }
    }
}

/// An element of a store.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// Whose store.
    pub scope: Scope,
    /// Its name as Windows spells it: `ROOT`, `CA`, `AuthRoot`, `Disallowed`, ….
    pub store: String,
    /// The key's name: the SHA-1 thumbprint, in hex.
    pub thumbprint: String,
    /// Last write of the key: the element lay here since then at the latest; it
    /// may be older, because a change of a property writes it too.
    pub written_at: Option<Timestamp>,
    /// The element.
    pub element: StoreElement,
    /// File offset and length of its bytes.
    pub place: (u64, u64),
}

impl Stored {
    /// True for the store of this name, without regard to case.
    #[must_use]
    pub fn is_in(&self, store: &str) -> bool {
        self.store.eq_ignore_ascii_case(store)
    }
}

/// Something with its place in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed<T> {
    /// The thing.
    pub value: T,
    /// File offset and length.
    pub place: (u64, u64),
}

/// The state of the automatic root update.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AutoUpdate {
    /// The lists that Windows last accepted: (name of the value, bytes).
    pub lists: Vec<(&'static str, Placed<Vec<u8>>)>,
    /// When each was synchronized last: (name of the value, time).
    pub synced: Vec<(&'static str, Placed<Timestamp>)>,
}

/// A setting of meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The value's name, such as `DisableRootAutoUpdate`.
    pub name: &'static str,
    /// Its key, from below the hive's root.
    pub key: &'static str,
    /// What it is set to.
    pub value: SettingValue,
    /// File offset and length.
    pub place: (u64, u64),
    /// Last write of its key.
    pub written_at: Option<Timestamp>,
}

/// What a setting is set to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingValue {
    /// A number.
    Number(u32),
    /// A text.
    Text(String),
    /// Several texts.
    Texts(Vec<String>),
}

impl HiveFacts {
    /// A setting by name.
    #[must_use]
    pub fn setting(&self, name: &str) -> Option<&Setting> {
        self.settings.iter().find(|setting| setting.name == name)
    }

    /// A setting that is a number.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u32> {
        match self.setting(name)?.value {
            SettingValue::Number(number) => Some(number),
            _ => None,
        }
    }

    /// A setting that is a text, not empty.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        match &self.setting(name)?.value {
            SettingValue::Text(text) => Some(text.as_str()).filter(|text| !text.is_empty()),
            _ => None,
        }
    }
}

const AUTO_UPDATE: &str = r"Microsoft\SystemCertificates\AuthRoot\AutoUpdate";
const AUTH_ROOT_POLICY: &str = r"Policies\Microsoft\SystemCertificates\AuthRoot";
const ENGINE: &str =
    r"Microsoft\Cryptography\OID\EncodingType 0\CertDllCreateCertificateChainEngine\Config";
const ENGINE_POLICY: &str = r"Policies\Microsoft\SystemCertificates\ChainEngine\Config";
const UPDATE_POLICY: &str = r"Policies\Microsoft\Windows\WindowsUpdate";
const UPDATE_AU_POLICY: &str = r"Policies\Microsoft\Windows\WindowsUpdate\AU";
const DELIVERY_POLICY: &str = r"Policies\Microsoft\Windows\DeliveryOptimization";
const INTERNET_POLICY: &str = r"Policies\Microsoft\Windows\CurrentVersion\Internet Settings";
const CONNECTIONS: &str = r"Microsoft\Windows\CurrentVersion\Internet Settings\Connections";
const CONNECTIONS_32: &str =
    r"Wow6432Node\Microsoft\Windows\CurrentVersion\Internet Settings\Connections";
const USER_INTERNET: &str = r"Software\Microsoft\Windows\CurrentVersion\Internet Settings";
const USER_CONNECTIONS: &str =
    r"Software\Microsoft\Windows\CurrentVersion\Internet Settings\Connections";
const PROFILES: &str = r"Microsoft\Windows NT\CurrentVersion\ProfileList";

/// The values that are read, by key (from below the root) and name.
/// Meaning: `docs/FORMATS.md`, "Registry".
pub const SETTINGS: &[(&str, &[&str])] = &[
    (
        AUTO_UPDATE,
        &[
            "RootDirUrl",
            "SyncFromDirUrl",
            "Flags",
            "SyncDeltaTime",
            "DisallowedCertSyncDeltaTime",
            "PinRulesSyncDeltaTime",
        ],
    ),
    (
        AUTH_ROOT_POLICY,
        &[
            "DisableRootAutoUpdate",
            "EnableDisallowedCertAutoUpdate",
            "DisablePinRulesAutoUpdate",
        ],
    ),
    (ENGINE_POLICY, &["Options"]),
    (
        ENGINE,
        &[
            "DisableAIAUrlRetrieval",
            "ChainUrlRetrievalTimeoutMilliseconds",
            "ChainRevAccumulativeUrlRetrievalTimeoutMilliseconds",
            "MaxUrlRetrievalByteCount",
            "MaxAIAUrlRetrievalByteCount",
            "MaxAIAUrlCountInCert",
            "MaxAIAUrlRetrievalCountPerChain",
            "MaxAIAUrlRetrievalCertCount",
            "MinRsaPubKeyBitLength",
        ],
    ),
    (
        UPDATE_POLICY,
        &[
            "WUServer",
            "WUStatusServer",
            "UpdateServiceUrlAlternate",
            "SetProxyBehaviorForUpdateDetection",
            "DoNotEnforceEnterpriseTLSCertPinningForUpdateDetection",
        ],
    ),
    (UPDATE_AU_POLICY, &["UseWUServer"]),
    (
        DELIVERY_POLICY,
        &["DODownloadMode", "DOCacheHost", "DOCacheHostSource"],
    ),
    (INTERNET_POLICY, &["ProxySettingsPerUser"]),
    (
        USER_INTERNET,
        &[
            "ProxyEnable",
            "ProxyServer",
            "ProxyOverride",
            "AutoConfigURL",
        ],
    ),
];

const LISTS: [&str; 3] = [
    "EncodedCtl",
    "DisallowedCertEncodedCtl",
    "PinRulesEncodedCtl",
];
const SYNCED: [&str; 3] = [
    "LastSyncTime",
    "DisallowedCertLastSyncTime",
    "PinRulesLastSyncTime",
];

/// Reads a hive. Damage is returned beside the facts, the number of lines
/// left out last.
///
/// # Errors
///
/// When the header or the root key cannot be read.
pub fn read(bytes: &[u8]) -> Result<(HiveFacts, Vec<ParseError>, u64), ParseError> {
    let hive = Hive::open(bytes)?;
    let root = hive.root()?;
    let mut facts = HiveFacts {
        kind: kind_of(&hive, &root),
        last_written_at: hive.last_written_at,
        is_dirty: hive.is_dirty,
        ..HiveFacts::default()
    };
    let mut problems = Vec::new();
    match facts.kind {
        HiveKind::Software => software(&hive, &mut facts, &mut problems),
        HiveKind::User => user(&hive, &mut facts, &mut problems),
        HiveKind::System => system(&hive, &mut facts),
        HiveKind::Other => {}
    }
    let (damage, more) = hive.problems();
    problems.extend(damage);
    facts.is_damaged = !problems.is_empty();
    Ok((facts, problems, more))
}

fn kind_of(hive: &Hive<'_>, root: &Key) -> HiveKind {
    let names: Vec<String> = hive
        .subkeys(root)
        .into_iter()
        .map(|key| key.name.to_ascii_lowercase())
        .collect();
    let has = |name: &str| names.iter().any(|known| known == name);
    if has("select") && names.iter().any(|name| name.starts_with("controlset")) {
        HiveKind::System
    } else if has("software") {
        HiveKind::User
    } else if has("microsoft") {
        HiveKind::Software
    } else {
        HiveKind::Other
    }
}

fn software(hive: &Hive<'_>, facts: &mut HiveFacts, problems: &mut Vec<ParseError>) {
    for (scope, key) in [
        (Scope::Machine, r"Microsoft\SystemCertificates"),
        (Scope::Policy, r"Policies\Microsoft\SystemCertificates"),
        (Scope::Enterprise, r"Microsoft\EnterpriseCertificates"),
    ] {
        hive_stores::stores(hive, scope, key, facts, problems);
    }
    settings(hive, facts);
    if let Some(key) = hive.key(AUTO_UPDATE) {
        for value in hive.values(&key) {
            auto_update(value, &mut facts.auto_update);
        }
    }
    for path in [CONNECTIONS, CONNECTIONS_32] {
        let value = hive
            .key(path)
            .and_then(|key| hive.value(&key, "WinHttpSettings"));
        let Some(value) = value.filter(|_| facts.win_http.is_none()) else {
            continue;
        };
        match proxy_settings::win_http(&value.data) {
            Ok(settings) => facts.win_http = Some(placed(settings, &value)),
            Err(error) => problems.push(error.shifted(value.at)),
        }
    }
    let profiles = hive.key(PROFILES);
    for profile in profiles.map(|key| hive.subkeys(&key)).unwrap_or_default() {
        let path = hive.value(&profile, "ProfileImagePath");
        if let Some(path) = path.and_then(|path| path.text()) {
            facts.profiles.insert(profile.name, path);
        }
    }
}

fn auto_update(value: Value, state: &mut AutoUpdate) {
    let named = |names: &[&'static str]| {
        names
            .iter()
            .find(|name| value.name.eq_ignore_ascii_case(name))
            .copied()
    };
    if let Some(name) = named(&LISTS) {
        let place = (value.at, value.data.len() as u64);
        let value = value.data;
        state.lists.push((name, Placed { value, place }));
    } else if let (Some(name), Some(at)) = (named(&SYNCED), value.filetime()) {
        state.synced.push((name, placed(at, &value)));
    }
}

fn user(hive: &Hive<'_>, facts: &mut HiveFacts, problems: &mut Vec<ParseError>) {
    for (scope, key) in [
        (Scope::User, r"Software\Microsoft\SystemCertificates"),
        (
            Scope::UserPolicy,
            r"Software\Policies\Microsoft\SystemCertificates",
        ),
    ] {
        hive_stores::stores(hive, scope, key, facts, problems);
    }
    settings(hive, facts);
    let key = hive.key(USER_CONNECTIONS);
    // The second one is a copy, and in some profiles the only one.
    let value = key.and_then(|key| {
        let named = |name| hive.value(&key, name);
        named("DefaultConnectionSettings").or_else(|| named("SavedLegacySettings"))
    });
    if let Some(value) = value {
        match proxy_settings::connections(&value.data) {
            Ok(settings) => facts.connections = Some(placed(settings, &value)),
            Err(error) => problems.push(error.shifted(value.at)),
        }
    }
    let explorer = r"Software\Microsoft\Windows\CurrentVersion\Explorer";
    let name = hive
        .key(explorer)
        .and_then(|key| hive.value(&key, "Logon User Name"));
    facts.names.extend(name.and_then(|name| name.text()));
}

fn settings(hive: &Hive<'_>, facts: &mut HiveFacts) {
    for (path, names) in SETTINGS {
        let Some(key) = hive.key(path) else { continue };
        for value in hive.values(&key) {
            let name = names
                .iter()
                .find(|name| value.name.eq_ignore_ascii_case(name));
            let Some(name) = name else { continue };
            let of = match (value.number(), value.text()) {
                (Some(number), _) => SettingValue::Number(number),
                (None, Some(text)) => SettingValue::Text(text),
                (None, None) => SettingValue::Texts(value.texts()),
            };
            facts.settings.push(Setting {
                name,
                key: path,
                value: of,
                place: (value.at, value.data.len() as u64),
                written_at: key.last_written_at,
            });
        }
    }
}

fn placed<T>(thing: T, value: &Value) -> Placed<T> {
    Placed {
        value: thing,
        place: (value.at, value.data.len() as u64),
    }
}

/// Names and addresses of the machine, of the control set in use.
fn system(hive: &Hive<'_>, facts: &mut HiveFacts) {
    let current = hive
        .key("Select")
        .and_then(|key| hive.value(&key, "Current"))
        .and_then(|value| value.number());
    let set = format!("ControlSet{:03}", current.unwrap_or(1));
    let read = |path: &str, name: &str| {
        let key = hive.key(&format!(r"{set}\{path}"))?;
        hive.value(&key, name)?
            .text()
            .filter(|text| !text.is_empty())
    };
    facts
        .names
        .extend(read(r"Control\ComputerName\ComputerName", "ComputerName"));
    let parameters = r"Services\Tcpip\Parameters";
    let host = read(parameters, "Hostname").or_else(|| read(parameters, "NV Hostname"));
    let domain = read(parameters, "Domain").or_else(|| read(parameters, "NV Domain"));
    if let (Some(host), Some(domain)) = (host, domain) {
        facts.names.push(format!("{host}.{domain}"));
    }
    let interfaces = hive.key(&format!(r"{set}\{parameters}\Interfaces"));
    let interfaces = interfaces.map(|key| hive.subkeys(&key)).unwrap_or_default();
    for interface in interfaces {
        for name in ["DhcpIPAddress", "IPAddress"] {
            let texts = hive.value(&interface, name).map(|value| value.texts());
            let parsed = texts.unwrap_or_default();
            let parsed = parsed
                .iter()
                .filter_map(|text| text.parse::<std::net::IpAddr>().ok());
            facts.addresses.extend(parsed);
        }
    }
    let is_real = |address: &std::net::IpAddr| !address.is_unspecified() && !address.is_loopback();
    facts.addresses.retain(is_real);
}
