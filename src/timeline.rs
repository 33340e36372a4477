//! The facts of a case as ordered events.

use crate::provenance::Cite;
use crate::time::Timestamp;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Event {
    /// When, by `clock`.
    pub at: Timestamp,
    /// Whose clock: `capture`, `host`, `certificate`.
    pub clock: &'static str,
    /// What kind: `retrieval`, `lookup`, `connect`, `handshake`, `alert`, `cache`, ….
    pub kind: &'static str,
    /// One line.
    pub text: String,
    /// What shows it.
    pub cites: Vec<Cite>,
}
