//! Whose fetch, whose cache: the account a fact belongs to.
//!
//! Windows keeps one CryptnetUrlCache and one proxy setting per account, so a
//! download by one account says nothing about another. A part of the floor,
//! because evidence paths, caches, logs and retrievals all name accounts.

/// An account of a Windows machine, as far as the evidence names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Account {
    /// Which kind of account.
    pub kind: AccountKind,
    /// The user's name, or the package family of an app container.
    pub name: Option<String>,
}

/// The kinds of accounts that keep a cache of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccountKind {
    /// An interactive user.
    User,
    /// `LocalSystem`, 64-bit processes.
    System,
    /// `LocalSystem`, 32-bit processes on 64-bit Windows.
    SystemWow64,
    /// `NT AUTHORITY\LOCAL SERVICE`.
    LocalService,
    /// `NT AUTHORITY\NETWORK SERVICE`; the Cryptographic Services run as it.
    NetworkService,
    /// A packaged app, which has a cache beside its user's.
    AppContainer,
    /// A cache whose place does not tell.
    Unknown,
}

impl AccountKind {
    /// The word of the JSON report.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            AccountKind::User => "user",
            AccountKind::System => "system",
            AccountKind::SystemWow64 => "system-wow64",
            AccountKind::LocalService => "local-service",
            AccountKind::NetworkService => "network-service",
            AccountKind::AppContainer => "app-container",
            AccountKind::Unknown => "unknown",
        }
    }

    /// True for the accounts that services run as: the machine itself acts.
    #[must_use]
    pub fn is_service(self) -> bool {
        use AccountKind::{LocalService, NetworkService, System, SystemWow64};
        matches!(self, System | SystemWow64 | LocalService | NetworkService)
    }
}

impl Account {
    /// An account without a name.
    #[must_use]
    pub fn of(kind: AccountKind) -> Self {
        Account { kind, name: None }
    }
}

impl std::fmt::Display for Account {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = match self.kind {
            AccountKind::User => "user",
            AccountKind::System => "SYSTEM",
            AccountKind::SystemWow64 => "SYSTEM (32-bit)",
            AccountKind::LocalService => "LOCAL SERVICE",
            AccountKind::NetworkService => "NETWORK SERVICE",
            AccountKind::AppContainer => "app",
            AccountKind::Unknown => "unknown account",
        };
        match &self.name {
            Some(name) => write!(formatter, "{text} {name}"),
            None => formatter.write_str(text),
        }
    }
}
