//! Whose cache a folder is, told by the place of the profile it lies in.

use crate::account::{Account, AccountKind};

/// The account whose profile holds a `CryptnetUrlCache` folder.
///
/// `folders` are the names above `Microsoft\CryptnetUrlCache`, outermost first.
/// Only those right above it count: the analyst's own home, in which a case may
/// lie, says nothing.
///
/// | folders | account |
/// |---|---|
/// | `Users\<u>\AppData\LocalLow` | user |
/// | `Windows\System32\config\systemprofile\AppData\LocalLow` | SYSTEM |
/// | `Windows\SysWOW64\config\systemprofile\AppData\LocalLow` | SYSTEM, 32-bit |
/// | `Windows\ServiceProfiles\{LocalService,NetworkService}\AppData\LocalLow` | these |
/// | `…\AppData\Local\Packages\<family>\AC` | app container |
/// | `Documents and Settings\<u>\[Local Settings\]Application Data` | user, on XP |
#[must_use]
pub fn owner(folders: &[&str]) -> Account {
    let is = |name: &str, expected: &str| name.eq_ignore_ascii_case(expected);
    match folders {
        [.., packages, family, container] if is(packages, "Packages") && is(container, "AC") => {
            named(AccountKind::AppContainer, family)
        }
        [profile @ .., app_data, level]
            if is(app_data, "AppData")
                && ["LocalLow", "Local", "Roaming"]
                    .iter()
                    .any(|known| is(level, known)) =>
        {
            profile_owner(profile)
        }
        [profile @ .., local, app_data] if is(local, "Local Settings") && is(app_data, XP_DATA) => {
            profile_owner(profile)
        }
        [profile @ .., app_data] if is(app_data, XP_DATA) => profile_owner(profile),
        _ => Account::of(AccountKind::Unknown),
    }
}

const XP_DATA: &str = "Application Data";

/// The account of a profile folder.
fn profile_owner(folders: &[&str]) -> Account {
    let lower: Vec<String> = folders
        .iter()
        .map(|name| name.to_ascii_lowercase())
        .collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    match lower.as_slice() {
        [.., "syswow64", "config", "systemprofile"] => Account::of(AccountKind::SystemWow64),
        [.., "system32" | "sysnative", "config", "systemprofile"] => {
            Account::of(AccountKind::System)
        }
        // Which of the two System32 folders it was is lost.
        [.., "systemprofile"] => Account::of(AccountKind::Unknown),
        [.., "localservice"] => Account::of(AccountKind::LocalService),
        [.., "networkservice"] => Account::of(AccountKind::NetworkService),
        [.., "users" | "documents and settings"] | [] => Account::of(AccountKind::Unknown),
        [.., _] => match folders.last() {
            Some(user) => named(AccountKind::User, user),
            None => Account::of(AccountKind::Unknown),
        },
    }
}

fn named(kind: AccountKind, name: &str) -> Account {
    Account {
        kind,
        name: Some(name.to_owned()),
    }
}

/// The profiles of every Windows installation that nobody handed over, and a
/// user without name when no user's cache was. Whoever asks "was it cached?"
/// must ask first whose cache was looked at.
#[must_use]
pub fn missing_profiles<'a>(found: impl IntoIterator<Item = &'a Account>) -> Vec<Account> {
    use AccountKind::{LocalService, NetworkService, System, SystemWow64, User};
    let found: Vec<AccountKind> = found.into_iter().map(|account| account.kind).collect();
    [System, SystemWow64, LocalService, NetworkService, User]
        .into_iter()
        .filter(|kind| !found.contains(kind))
        .map(Account::of)
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn of(path: &str) -> String {
        owner(&path.split('\\').collect::<Vec<_>>()).to_string()
    }

    #[test]
    fn every_standard_place_has_its_account() {
        for (path, expected) in [
            (r"C:\Users\Ann Lee\AppData\LocalLow", "user Ann Lee"),
            (
                r"C:\Windows\System32\config\systemprofile\AppData\LocalLow",
                "SYSTEM",
            ),
            (
                r"c:\windows\syswow64\CONFIG\systemprofile\appdata\locallow",
                "SYSTEM (32-bit)",
            ),
            (
                r"C:\Windows\ServiceProfiles\LocalService\AppData\LocalLow",
                "LOCAL SERVICE",
            ),
            (
                r"C:\Windows\ServiceProfiles\NetworkService\AppData\LocalLow",
                "NETWORK SERVICE",
            ),
            (
                r"C:\Users\a\AppData\Local\Packages\Microsoft.X_8we\AC",
                "app Microsoft.X_8we",
            ),
            (
                r"C:\Documents and Settings\bob\Application Data",
                "user bob",
            ),
            (
                r"C:\Documents and Settings\bob\Local Settings\Application Data",
                "user bob",
            ),
            (
                r"C:\Documents and Settings\NetworkService\Application Data",
                "NETWORK SERVICE",
            ),
            (
                r"C:\WINDOWS\system32\config\systemprofile\Application Data",
                "SYSTEM",
            ),
        ] {
            assert_eq!(of(path), expected, "{path}");
        }
    }

    #[test]
    fn a_place_that_does_not_tell_is_unknown() {
        for path in [
            r"C:\Users\analyst\Downloads",
            "LocalLow",
            r"AppData\LocalLow",
            "",
            r"x\AC",
        ] {
            assert_eq!(of(path), "unknown account", "{path}");
        }
        assert_eq!(of(r"systemprofile\AppData\LocalLow"), "unknown account");
    }

    #[test]
    fn profiles_not_handed_over_are_listed() {
        let user = Account {
            kind: AccountKind::User,
            name: Some("ann".into()),
        };
        let missing = missing_profiles([&user, &Account::of(AccountKind::System)]);
        let words: Vec<_> = missing.iter().map(|account| account.kind.word()).collect();
        assert_eq!(words, ["system-wow64", "local-service", "network-service"]);
        assert_eq!(missing_profiles([]).len(), 5);
    }
}
