//! What the lines of update logs mean.

use super::local_time::LogTime;
use super::log_line::LogLine;
use super::update_fact::fact;
pub use super::update_fact::{Endpoint, SendFailed, UpdateFact, Writer};

/// A line of meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateEvent {
    /// Its line in the file.
    pub line: u64,
    /// When, where the line says.
    pub time: Option<LogTime>,
    /// How its distance to UTC is known.
    pub zone: Zone,
    /// What it says.
    pub what: UpdateFact,
    /// The line itself, cleaned and cut.
    pub text: String,
}

/// How the distance of a line's time to UTC is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Zone {
    /// The line says it, or nothing does.
    #[default]
    OfTheLine,
    /// The analyst gave it.
    Given,
}

/// Text of a line kept for the report.
const MAX_TEXT: usize = 240;

/// The lines that mean something, in order.
#[must_use]
pub fn events(lines: &[LogLine]) -> Vec<UpdateEvent> {
    let events = lines.iter().filter_map(|line| {
        let what = fact(&line.text)?;
        let text = crate::words::clean(line.text.lines().next().unwrap_or_default());
        Some(UpdateEvent {
            line: line.line,
            time: line.time,
            zone: Zone::OfTheLine,
            what,
            text: crate::words::cut(&text, MAX_TEXT, "…"),
        })
    });
    events.collect()
}

/// Makes instants of local times, by an offset from UTC in seconds that the
/// analyst gives; each event says so.
pub fn apply_zone(events: &mut [UpdateEvent], offset: i64) {
    for event in events {
        if let Some(LogTime::Local(local)) = event.time {
            event.time = Some(LogTime::Utc(local.at_offset(offset)));
            event.zone = Zone::Given;
        }
    }
}

/// True when a text is a log of this kind: told by its first lines, so that a log
/// in another language counts by its form and one without form by its words.
#[must_use]
pub fn is_log(lines: &[LogLine]) -> bool {
    let head = lines.get(..lines.len().min(200)).unwrap_or_default();
    head.iter()
        .any(|line| !line.component.is_empty() || fact(&line.text).is_some())
}
