//! What the hives of a machine say of its trust: stores, switches, proxies.

use std::collections::BTreeSet;

use super::{ArtifactSource, Case};
use crate::account::Account;
use crate::chain::{Candidate, Origin};
use crate::host::HostSource;
use crate::host::hive::{HiveFacts, HiveKind, Scope, Setting, Stored};
use crate::host::pasted::Pasted;
use crate::host::proxy_settings::WinHttpSettings;
use crate::pki::Artifact;
use crate::provenance::Cite;
use crate::time::Timestamp;

/// What is known of the stores of a machine at a time.
#[derive(Debug, Default)]
pub struct StoresAt {
    /// Candidates for chains, by role.
    pub candidates: Vec<Candidate>,
    /// True when the stores of trusted roots are in the evidence: a root that is
    /// not in them was not there, unless it is among `late`.
    pub known: bool,
    /// False when a policy keeps Windows from fetching roots.
    pub updates_roots: bool,
    /// SHA-256 of trusted roots whose key was written after the time: whether
    /// they were there already is not known.
    pub late: Vec<[u8; 32]>,
}

/// Stores whose certificates are trusted roots.
const ROOTS: [&str; 2] = ["ROOT", "AuthRoot"];

impl Case {
    /// The hives of a machine, with their files.
    pub fn hives(&self, machine: Option<usize>) -> impl Iterator<Item = (&HostSource, &HiveFacts)> {
        let all = self.hosts.iter().zip(&self.host_machines);
        let own = all.filter(move |(_, owner)| machine.is_some() && **owner == machine);
        own.filter_map(|(source, _)| Some((source, source.hive()?)))
    }

    /// A setting of the machine by name, with its place.
    #[must_use]
    pub fn setting(&self, machine: Option<usize>, name: &str) -> Option<(&Setting, Cite)> {
        self.hives(machine).find_map(|(source, hive)| {
            let setting = hive.setting(name)?;
            Some((setting, source.bytes(setting.place)))
        })
    }

    /// True when the machine's own store of trusted roots is in the evidence,
    /// undamaged.
    #[must_use]
    pub fn knows_stores(&self, machine: Option<usize>) -> bool {
        self.hives(machine).any(|(_, hive)| {
            let has_roots = hive
                .stores
                .iter()
                .any(|(scope, name)| *scope == Scope::Machine && name.eq_ignore_ascii_case("ROOT"));
            hive.kind == HiveKind::Software && has_roots && !hive.is_damaged
        })
    }

    /// True when the hive of at least one user of the machine is in the
    /// evidence too: users have roots of their own.
    #[must_use]
    pub fn knows_user_stores(&self, machine: Option<usize>) -> bool {
        self.hives(machine).any(|(_, hive)| {
            let is_user = hive
                .account
                .as_ref()
                .is_some_and(|account| !account.kind.is_service());
            hive.kind == HiveKind::User && is_user
        })
    }

    /// What the machine's stores held at a time.
    #[must_use]
    pub fn stores_at(&self, machine: Option<usize>, at: Timestamp) -> StoresAt {
        let disabled = self
            .setting(machine, "DisableRootAutoUpdate")
            .is_some_and(|(setting, _)| is_on(setting));
        let mut stores = StoresAt {
            known: self.knows_stores(machine),
            updates_roots: !disabled,
            ..StoresAt::default()
        };
        // Stores are read from files of the machine, and most cases have none.
        if machine.is_none() || self.hosts.is_empty() {
            return stores;
        }
        let pasted = self.pasted_roots(machine);
        for record in &self.artifacts {
            let Artifact::Certificate(certificate) = &record.artifact else {
                continue;
            };
            // A hive knows better, and knows since when.
            if !stores.known && pasted.contains(&crate::bytes::to_hex(&certificate.sha1)) {
                stores.candidates.push(Candidate {
                    certificate: std::sync::Arc::clone(certificate),
                    anchor: true,
                    distrusted: false,
                    origin: Origin::Given,
                });
            }
            for sighting in record.seen.iter().filter(|it| it.machine == machine) {
                let Some(stored) = self.stored(sighting.source) else {
                    continue;
                };
                let is_root = ROOTS.iter().any(|store| stored.is_in(store));
                let distrusted = stored.is_in("Disallowed");
                if !is_root && !distrusted && !is_for_building(stored) {
                    continue;
                }
                let is_late = sighting.at.is_some_and(|written| written > at);
                if is_late && is_root {
                    stores.late.push(certificate.sha256);
                }
                stores.candidates.push(Candidate {
                    certificate: std::sync::Arc::clone(certificate),
                    anchor: is_root && !is_late,
                    distrusted: distrusted && !is_late,
                    origin: Origin::Given,
                });
            }
        }
        stores
    }

    /// SHA-1 of the roots that pasted output of `certutil -store` lists: trusted
    /// when it was pasted, which the text does not date. That one is not listed
    /// says nothing.
    #[must_use]
    pub fn pasted_roots(&self, machine: Option<usize>) -> BTreeSet<String> {
        let stores = self.pasted(machine).flat_map(|(_, pasted)| &pasted.stores);
        let roots = stores.filter(|store| store.is_root());
        let hashes = roots.flat_map(|store| &store.certificates);
        hashes.map(|(hash, _)| hash.clone()).collect()
    }

    /// The pasted texts of a machine, with their files.
    pub fn pasted(&self, machine: Option<usize>) -> impl Iterator<Item = (&HostSource, &Pasted)> {
        let all = self.hosts.iter().zip(&self.host_machines);
        let own = all.filter(move |(_, owner)| machine.is_some() && **owner == machine);
        own.filter_map(|(source, _)| Some((source, source.pasted()?)))
    }

    /// The proxy of services by pasted output of netsh, with its place.
    #[must_use]
    pub fn pasted_proxy(&self, machine: Option<usize>) -> Option<(&WinHttpSettings, Cite)> {
        self.pasted(machine).find_map(|(source, pasted)| {
            let (settings, line) = pasted.win_http.as_ref()?;
            Some((settings, source.line(*line)))
        })
    }

    /// The element of a store that a sighting is of.
    #[must_use]
    pub fn stored(&self, source: ArtifactSource) -> Option<&Stored> {
        let ArtifactSource::Host {
            source,
            stored: Some(stored),
        } = source
        else {
            return None;
        };
        self.hosts.get(source)?.hive()?.stored.get(stored)
    }

    /// The proxy that services of the machine are told, with its place: `Some`
    /// of nothing when its hive says that there is none; else as pasted output of
    /// netsh says.
    #[must_use]
    pub fn service_proxy(&self, machine: Option<usize>) -> Option<(Option<String>, Cite)> {
        self.hive_proxy(machine).or_else(|| {
            let (settings, place) = self.pasted_proxy(machine)?;
            Some((settings.proxy.clone(), place))
        })
    }

    /// The same, as the hive alone says.
    #[must_use]
    pub fn hive_proxy(&self, machine: Option<usize>) -> Option<(Option<String>, Cite)> {
        self.hives(machine).find_map(|(source, hive)| {
            if hive.kind != HiveKind::Software {
                return None;
            }
            Some(match &hive.win_http {
                Some(settings) => (settings.value.proxy.clone(), source.bytes(settings.place)),
                None => (None, source.bytes((0, 4096))),
            })
        })
    }

    /// The accounts of the machine whose hive names a proxy or a script.
    #[must_use]
    pub fn account_proxies(&self, machine: Option<usize>) -> Vec<(Account, String, Cite)> {
        let mut found = Vec::new();
        for (source, hive) in self.hives(machine) {
            let Some(account) = &hive.account else {
                continue;
            };
            if let Some(settings) = &hive.connections {
                let value = &settings.value;
                let proxy = value.proxy.clone().or_else(|| value.script_url.clone());
                if let Some(proxy) = proxy {
                    found.push((account.clone(), proxy, source.bytes(settings.place)));
                    continue;
                }
            }
            let on = hive.number("ProxyEnable") == Some(1);
            let named = hive
                .setting("ProxyServer")
                .filter(|_| on)
                .or_else(|| hive.setting("AutoConfigURL"));
            if let Some(setting) = named
                && let crate::host::hive::SettingValue::Text(text) = &setting.value
                && !text.is_empty()
            {
                found.push((account.clone(), text.clone(), source.bytes(setting.place)));
            }
        }
        found
    }
}

/// True for a switch that is set.
#[must_use]
pub fn is_on(setting: &Setting) -> bool {
    matches!(setting.value, crate::host::hive::SettingValue::Number(number) if number != 0)
}

/// Stores from which Windows builds: intermediates, and all that is trusted.
fn is_for_building(stored: &Stored) -> bool {
    ["CA", "MY", "trust", "TrustedPeople"]
        .iter()
        .any(|store| stored.is_in(store))
}
