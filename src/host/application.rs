//! The events of CryptoAPI in the Application log: what the automatic root
//! update did.

use super::event::LogEvent;

/// What an event says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootUpdateEvent {
    /// Its id, 4097 to 4112.
    pub id: u32,
    /// What happened.
    pub what: RootUpdate,
    /// The event's own texts, in order, cleaned.
    pub texts: Vec<String>,
}

/// The steps of the automatic root update.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RootUpdate {
    /// 4097: a root was added.
    RootAdded,
    /// 4098: the list was fetched.
    ListFetched,
    /// 4099: the list was not fetched.
    ListFailed,
    /// 4100: a root was fetched.
    RootFetched,
    /// 4101: a root was not fetched.
    RootFailed,
    /// 4102: too many events; no more are written for a while.
    Suspended,
    /// 4103: the sequence number was fetched.
    SequenceFetched,
    /// 4104: it was not.
    SequenceFailed,
    /// 4105: a chain ended in an untrusted root.
    UntrustedRoot,
    /// 4106: a chain was partial.
    PartialChain,
    /// 4107: the list could not be unpacked or verified.
    ListRefused,
    /// 4108: a root was removed.
    RootRemoved,
    /// 4109: properties of a root were changed.
    RootChanged,
    /// 4110: a root could not be added.
    RootNotAdded,
    /// 4111: the list was accepted.
    ListAccepted,
    /// 4112: the list of distrusted certificates was accepted.
    DisallowedAccepted,
}

/// Ids, steps, and what to say of each. Source: Microsoft TechNet CC733922 and
/// KB2328240; 4109, 4111, 4112 observed; 4105 and 4106 by the rule of numbers.
const STEPS: [(u32, RootUpdate, &str); 16] = [
    (
        4097,
        RootUpdate::RootAdded,
        "a root was added by the automatic update",
    ),
    (4098, RootUpdate::ListFetched, "the trust list was fetched"),
    (
        4099,
        RootUpdate::ListFailed,
        "the trust list could not be fetched",
    ),
    (4100, RootUpdate::RootFetched, "a root was fetched"),
    (4101, RootUpdate::RootFailed, "a root could not be fetched"),
    (
        4102,
        RootUpdate::Suspended,
        "too many events: logging is suspended",
    ),
    (
        4103,
        RootUpdate::SequenceFetched,
        "the sequence number was fetched",
    ),
    (
        4104,
        RootUpdate::SequenceFailed,
        "the sequence number could not be fetched",
    ),
    (
        4105,
        RootUpdate::UntrustedRoot,
        "a chain ended in an untrusted root",
    ),
    (4106, RootUpdate::PartialChain, "a chain was partial"),
    (
        4107,
        RootUpdate::ListRefused,
        "the trust list could not be unpacked or verified",
    ),
    (
        4108,
        RootUpdate::RootRemoved,
        "a root was removed by the automatic update",
    ),
    (
        4109,
        RootUpdate::RootChanged,
        "the properties of a root were changed",
    ),
    (
        4110,
        RootUpdate::RootNotAdded,
        "a root could not be added to the store",
    ),
    (4111, RootUpdate::ListAccepted, "a trust list was accepted"),
    (
        4112,
        RootUpdate::DisallowedAccepted,
        "a list of distrusted certificates was accepted",
    ),
];
/// Texts kept of one event.
const MAX_TEXTS: usize = 8;

impl RootUpdateEvent {
    /// For people.
    #[must_use]
    pub fn phrase(&self) -> String {
        let step = STEPS.iter().find(|(id, ..)| *id == self.id);
        let step = step.map_or("an event of the root update", |(_, _, words)| *words);
        match self.texts.is_empty() {
            true => step.to_owned(),
            false => format!("{step}: {}", self.texts.join("; ")),
        }
    }

    /// True for the steps that say of a failure.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        use RootUpdate::{ListFailed, ListRefused, RootFailed, RootNotAdded, SequenceFailed};
        matches!(
            self.what,
            ListFailed | ListRefused | RootFailed | RootNotAdded | SequenceFailed
        )
    }
}

/// Reads an event of the root update; `None` for others.
#[must_use]
pub fn root_update(event: &LogEvent) -> Option<RootUpdateEvent> {
    let (id, what, _) = STEPS.iter().find(|(id, ..)| *id == event.id)?;
    let data = event.data.all("Data").take(MAX_TEXTS);
    let texts = data.map(|text| crate::words::cut(&crate::words::clean(&text.text), 300, "…"));
    Some(RootUpdateEvent {
        id: *id,
        what: *what,
        texts: texts.filter(|text| !text.is_empty()).collect(),
    })
}
