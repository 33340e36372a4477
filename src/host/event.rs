//! One event of a Windows log, from its XML.

use std::sync::Arc;

use super::xml::{self, Element};
use crate::account::{Account, AccountKind};
use crate::bytes::ParseError;
use crate::time::Timestamp;

/// An event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEvent {
    /// Its number in the log.
    pub record: u64,
    /// When it was written, by the clock of the machine.
    pub at: Timestamp,
    /// `Microsoft-Windows-CAPI2`, or `crypt32` on old systems.
    pub provider: String,
    /// The log it was written to.
    pub channel: String,
    /// Its id; the short ids of Windows XP and 2003 are turned into the long ones.
    pub id: u32,
    /// 1 critical, 2 error, 3 warning, 4 information, 5 verbose.
    pub level: Option<u32>,
    /// The machine, as it calls itself.
    pub computer: String,
    /// The account it was written as.
    pub sid: Option<String>,
    /// The process, by number.
    pub process_id: Option<u32>,
    /// The process, by name, where the event has it.
    pub process: Option<String>,
    /// The chain of calls it belongs to.
    pub task: Option<String>,
    /// What it reports: the element under `UserData`, or `EventData`.
    pub data: Arc<Element>,
}

/// True when the text can be an event about certificates.
#[must_use]
pub fn may_matter(xml: &str) -> bool {
    xml.contains(CAPI2) || xml.contains("\"crypt32\"") || xml.contains("<EventID>104<")
}

const CAPI2: &str = "Microsoft-Windows-CAPI2";
/// What the short ids of old systems stand below.
const LONG_ID: u32 = 4096;

/// Reads one `Event` element; `None` for one of another provider.
///
/// # Errors
///
/// Those of [`xml::parse`], and `Malformed` for an event without a time.
pub fn from_xml(text: &str, record: u64) -> Result<Option<LogEvent>, ParseError> {
    let event = xml::parse(text)?;
    Ok(from_element(&event, record))
}

/// As [`from_xml`], of an element that was read already.
#[must_use]
pub fn from_element(event: &Element, record: u64) -> Option<LogEvent> {
    let system = event.child("System")?;
    let provider = system.child("Provider")?;
    let named = provider
        .attribute("Name")
        .or_else(|| provider.attribute("EventSourceName"))?;
    let own_record = system
        .child("EventRecordID")
        .and_then(|id| id.text.parse().ok());
    let id: u32 = system.child("EventID")?.text.parse().ok()?;
    let is_ours = named == CAPI2 || named == "crypt32";
    // A log that was cleared tells nothing of before.
    let cleared = id == 104 && named.ends_with("Eventlog");
    if !is_ours && !cleared {
        return None;
    }
    let id = if named == "crypt32" && id < LONG_ID {
        id + LONG_ID
    } else {
        id
    };
    let time = system.child("TimeCreated")?.attribute("SystemTime")?;
    let at = timestamp(time)?;
    let text = |name: &str| {
        let found = system.child(name).map(|element| element.text.clone());
        found.unwrap_or_default()
    };
    let data = event.child("UserData").or_else(|| event.child("EventData"));
    let data = match data {
        Some(data) if data.name == "UserData" => data.children.first().cloned(),
        other => other.cloned(),
    };
    let data = data.unwrap_or_default();
    let process = data.find("EventAuxInfo");
    let process = process.and_then(|aux| aux.attribute("ProcessName"));
    let task = data.find("CorrelationAuxInfo");
    let execution = system.child("Execution");
    let security = system.child("Security");
    Some(LogEvent {
        record: own_record.unwrap_or(record),
        at,
        provider: named.to_owned(),
        channel: text("Channel"),
        id,
        level: text("Level").parse().ok(),
        computer: text("Computer"),
        sid: security
            .and_then(|security| security.attribute("UserID"))
            .map(str::to_owned),
        process_id: execution.and_then(|it| it.attribute("ProcessID")?.parse().ok()),
        process: process.map(str::to_owned),
        task: task
            .and_then(|task| task.attribute("TaskId"))
            .map(str::to_owned),
        data: Arc::new(data),
    })
}

/// `2017-05-19T02:02:36.046875Z`; some exporters write a space for the T.
fn timestamp(text: &str) -> Option<Timestamp> {
    let text = text.replacen(' ', "T", 1);
    let text = text.strip_suffix("TUTC").unwrap_or(&text);
    Timestamp::from_rfc3339(text).or_else(|| Timestamp::from_rfc3339(&format!("{text}Z")))
}

/// The account of a SID: the well-known ones by what they are, users by
/// their profile's folder where that is known, else by the SID itself.
///
/// Source: [MS-DTYP] 2.4.2.4.
#[must_use]
pub fn account_of(sid: &str, profile: Option<&str>) -> Account {
    match sid {
        "S-1-5-18" => Account::of(AccountKind::System),
        "S-1-5-19" => Account::of(AccountKind::LocalService),
        "S-1-5-20" => Account::of(AccountKind::NetworkService),
        _ if sid.starts_with("S-1-15-2-") => Account {
            kind: AccountKind::AppContainer,
            name: Some(sid.to_owned()),
        },
        // S-1-5-80: a service by name, with a profile of the machine's.
        _ if sid.starts_with("S-1-5-21-") || sid.starts_with("S-1-12-1-") => {
            let folder = profile.and_then(|path| path.rsplit(['\\', '/']).next());
            Account {
                kind: AccountKind::User,
                name: Some(folder.unwrap_or(sid).to_owned()),
            }
        }
        _ => Account {
            kind: AccountKind::Unknown,
            name: Some(sid.to_owned()),
        },
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    fn event(provider: &str, id: u32) -> Option<LogEvent> {
        let text = format!(
            "<Event><System><Provider Name=\"{provider}\"/><EventID>{id}</EventID><TimeCreated SystemTime=\"2026-11-21T10:00:00.5Z\"/><EventRecordID>7</EventRecordID></System><EventData><Data>x</Data></EventData></Event>"
        );
        from_xml(&text, 1).unwrap()
    }

    #[test]
    fn short_ids_of_old_systems_are_the_long_ones() {
        assert_eq!(event("crypt32", 11).unwrap().id, 4107);
        assert_eq!(event("Microsoft-Windows-CAPI2", 11).unwrap().id, 11);
        assert_eq!(event("Microsoft-Windows-CAPI2", 4107).unwrap().record, 7);
        assert_eq!(event("ESENT", 4107), None);
    }

    #[test]
    fn well_known_accounts_are_named_and_users_by_their_folder() {
        assert_eq!(account_of("S-1-5-18", None).to_string(), "SYSTEM");
        assert_eq!(account_of("S-1-5-20", None).to_string(), "NETWORK SERVICE");
        let user = account_of("S-1-5-21-1-2-3-1001", Some(r"C:\Users\alice"));
        assert_eq!(user.to_string(), "user alice");
    }
}
