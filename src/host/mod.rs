//! What the machine says of itself: event logs, registry hives, logs of the
//! update client and of Configuration Manager, pasted output of certutil.
//!
//! Everything here is a function from bytes to values. A record is read by what
//! it is, not by its file's name; damage costs the line, record or key it is in.

mod access_common;
pub mod access_log;
mod access_squid;
mod access_w3c;
pub mod application;
pub mod capi;
pub mod capi_told;
pub mod codes;
pub mod event;
pub mod evtx;
pub mod hive;
pub mod hive_log;
mod hive_stores;
pub mod local_time;
pub mod log_line;
mod netsh;
pub mod pasted;
mod pasted_cache;
mod pasted_store;
pub mod pasted_verify;
pub mod proxy_settings;
pub mod regf;
pub mod store;
pub mod text;
pub mod update_fact;
pub mod update_log;
pub mod xml;

use std::collections::BTreeMap;

use crate::account::Account;
use crate::provenance::{Cite, EvidenceId};

/// One file in which a machine speaks of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct HostSource {
    /// The file.
    pub evidence: EvidenceId,
    /// The hand-over it lies in.
    pub hand_over: String,
    /// The machine's name by the path, where the collection names it.
    pub machine: Option<String>,
    /// The last parts of its path, for sentences: `config/SOFTWARE`.
    pub label: String,
    /// What it says.
    pub facts: HostFacts,
}

/// What a file says.
#[derive(Debug, Clone, PartialEq)]
pub enum HostFacts {
    /// A registry hive.
    Hive(Box<hive::HiveFacts>),
    /// An event log, its records by number.
    Events(Vec<event::LogEvent>),
    /// A log of the update client or of Configuration Manager.
    Updates(Vec<update_log::UpdateEvent>),
    /// The access log of a proxy or a web server; its clock and machine are
    /// those of the server, not of who asked.
    Access(Box<access_log::AccessLog>),
    /// Pasted output of certutil or netsh, of lower trust.
    Pasted(Box<pasted::Pasted>),
}

impl HostSource {
    /// Cites bytes of the file, or of the transaction log they come from.
    #[must_use]
    pub fn bytes(&self, (offset, length): (u64, u64)) -> Cite {
        let patches = self.hive().map(|hive| hive.patches.as_slice());
        let within = |patch: &&(hive_log::Patch, EvidenceId)| {
            let patch = patch.0;
            (patch.at..patch.at.saturating_add(patch.length)).contains(&offset)
        };
        let patch = patches.unwrap_or_default().iter().rev().find(within);
        let Some((patch, evidence)) = patch else {
            return Cite::Bytes {
                evidence: self.evidence,
                offset,
                length,
            };
        };
        let inside = offset - patch.at;
        Cite::Bytes {
            evidence: *evidence,
            offset: patch.from + inside,
            length: length.min(patch.length - inside),
        }
    }

    /// Cites a record of the log.
    #[must_use]
    pub fn record(&self, record: u64) -> Cite {
        Cite::Record {
            evidence: self.evidence,
            record,
        }
    }

    /// The hive, if it is one.
    #[must_use]
    pub fn hive(&self) -> Option<&hive::HiveFacts> {
        match &self.facts {
            HostFacts::Hive(hive) => Some(hive),
            _ => None,
        }
    }

    /// The events, if it is a log of them.
    #[must_use]
    pub fn events(&self) -> &[event::LogEvent] {
        match &self.facts {
            HostFacts::Events(events) => events,
            _ => &[],
        }
    }

    /// The lines of meaning, if it is a log of updates.
    #[must_use]
    pub fn updates(&self) -> &[update_log::UpdateEvent] {
        match &self.facts {
            HostFacts::Updates(events) => events,
            _ => &[],
        }
    }

    /// The access log, if it is one.
    #[must_use]
    pub fn access(&self) -> Option<&access_log::AccessLog> {
        match &self.facts {
            HostFacts::Access(log) => Some(log),
            _ => None,
        }
    }

    /// The pasted text, if it is one.
    #[must_use]
    pub fn pasted(&self) -> Option<&pasted::Pasted> {
        match &self.facts {
            HostFacts::Pasted(pasted) => Some(pasted),
            _ => None,
        }
    }

    /// Cites a line of the file.
    #[must_use]
    pub fn line(&self, line: u64) -> Cite {
        Cite::Line {
            evidence: self.evidence,
            line,
        }
    }

    /// The names by which the machine calls itself here.
    #[must_use]
    pub fn own_names(&self) -> Vec<String> {
        let mut names: Vec<String> = match &self.facts {
            HostFacts::Hive(hive) if hive.kind == hive::HiveKind::System => hive.names.clone(),
            HostFacts::Hive(_)
            | HostFacts::Updates(_)
            | HostFacts::Access(_)
            | HostFacts::Pasted(_) => Vec::new(),
            HostFacts::Events(events) => {
                // A forwarded log holds the events of many machines: then none
                // of them is this file's own.
                let mut names: Vec<String> =
                    events.iter().map(|event| event.computer.clone()).collect();
                names.sort();
                names.dedup();
                names.retain(|name| !name.is_empty());
                if names.len() > 1 { Vec::new() } else { names }
            }
        };
        names.sort();
        names.dedup();
        names
    }
}

/// The account of each SID that the hives of a machine name: well-known ones,
/// and users by their profile.
#[must_use]
pub fn account_of(sid: &str, profiles: &BTreeMap<String, String>) -> Account {
    event::account_of(sid, profiles.get(sid).map(String::as_str))
}

/// The account whose hive a path holds: `NTUSER.DAT` of a profile, or `DEFAULT`,
/// which is that of SYSTEM.
#[must_use]
pub fn hive_account(logical: &str) -> Option<Account> {
    use crate::account::AccountKind;
    let parts: Vec<String> = logical
        .split(['/', '\\'])
        .map(str::to_ascii_lowercase)
        .collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let kind = match parts.as_slice() {
        [.., "config", "default"] => AccountKind::System,
        [.., "config", "systemprofile", "ntuser.dat"] => AccountKind::System,
        [.., "localservice", "ntuser.dat"] => AccountKind::LocalService,
        [.., "networkservice", "ntuser.dat"] => AccountKind::NetworkService,
        [.., "users" | "documents and settings", user, "ntuser.dat"] => {
            let start = logical.len() - user.len() - "/ntuser.dat".len();
            return Some(Account {
                kind: AccountKind::User,
                name: logical.get(start..start + user.len()).map(str::to_owned),
            });
        }
        _ => return None,
    };
    Some(Account::of(kind))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    #[test]
    fn a_hive_belongs_to_the_profile_it_lies_in() {
        let of = |path: &str| hive_account(path).map(|account| account.to_string());
        assert_eq!(of("x/C/Users/Ann Lee/NTUSER.DAT").unwrap(), "user Ann Lee");
        assert_eq!(of("x/C/Windows/System32/config/DEFAULT").unwrap(), "SYSTEM");
        assert_eq!(
            of("C/Windows/ServiceProfiles/NetworkService/NTUSER.DAT").unwrap(),
            "NETWORK SERVICE"
        );
        assert_eq!(of("x/NTUSER.DAT"), None);
    }
}
