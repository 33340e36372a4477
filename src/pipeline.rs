//! Runs the stages in order; reads like the table of modules.

use std::path::PathBuf;

use crate::case::Case;
use crate::clock::Clock;
use crate::diagnosis::Diagnosis;
use crate::time::Timestamp;
use crate::timeline::Event;

/// What a run is asked to do.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Judge every validation at this time instead of its own.
    pub at: Option<Timestamp>,
    /// Keep every HTTP exchange as a retrieval and hash its body.
    pub all_http: bool,
    /// The site whose failure comes first.
    pub site: Option<String>,
    /// Only this machine (a name or an address).
    pub machine: Option<String>,
    /// Only facts from this time on.
    pub from: Option<Timestamp>,
    /// Only facts up to this time.
    pub to: Option<Timestamp>,
    /// Password of encrypted zips.
    pub password: Option<String>,
    /// A folder of certificates that the analyst knows the machine trusted.
    pub roots: Option<PathBuf>,
}

/// Everything a report is written from.
#[derive(Debug)]
pub struct Explained {
    /// The facts.
    pub case: Case,
    /// The answer.
    pub diagnosis: Diagnosis,
    /// The events in order.
    pub timeline: Vec<Event>,
    /// The clocks compared.
    pub clocks: Vec<Clock>,
}

/// What makes a report impossible.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not one input could be read.
    #[error("nothing readable: {0}")]
    NothingReadable(String),
    /// A path that was named does not exist or cannot be opened.
    #[error("{path}: {why}")]
    Input {
        /// The path.
        path: String,
        /// The reason of the system.
        why: String,
    },
}

/// How far a run is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// What is being read.
    pub what: String,
    /// Bytes read so far, of all inputs.
    pub done: u64,
    /// Bytes of all inputs.
    pub total: u64,
}
