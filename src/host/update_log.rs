//! What the lines of update logs mean.

use super::local_time::LogTime;
use super::log_line::LogLine;
use super::update_fact::fact;
pub use super::update_fact::{Endpoint, SendFailed, UpdateFact, Writer};
use crate::time::{Span, Timestamp};

/// A line of meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateEvent {
    /// Its line in the file.
    pub line: u64,
    /// When, where the line says.
    pub time: Option<LogTime>,
    /// How its distance to UTC is known.
    pub zone: Zone,
    /// Minutes to add for UTC, where the line says them.
    pub bias: Option<i64>,
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
    /// Other logs of the machine say it for that time.
    Beside,
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
            bias: line.bias,
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

/// The one distance to UTC that lines with a zone agree on, and the time they
/// span: minutes to add, first, last. `None` where they differ, as over a change
/// of the clocks; and for zero, which some writers put without knowing better.
#[must_use]
pub fn common_bias<'a>(
    events: impl Iterator<Item = &'a UpdateEvent>,
) -> Option<(i64, Timestamp, Timestamp)> {
    let mut found: Option<(i64, Timestamp, Timestamp)> = None;
    for event in events {
        let (Some(bias), Some(at)) = (event.bias, event.time.and_then(LogTime::utc)) else {
            continue;
        };
        found = Some(match found {
            None => (bias, at, at),
            Some((known, ..)) if known != bias => return None,
            Some((known, first, last)) => (known, first.min(at), last.max(at)),
        });
    }
    found.filter(|(bias, ..)| *bias != 0)
}

/// Makes instants of local times by what other logs of the machine say of its
/// zone, within a day of their lines.
pub fn apply_bias(events: &mut [UpdateEvent], (bias, first, last): (i64, Timestamp, Timestamp)) {
    let known = first.plus(Span::seconds(-DAY))..=last.plus(Span::seconds(DAY));
    for event in events {
        if let Some(LogTime::Local(local)) = event.time {
            let at = local.with_bias(bias);
            if known.contains(&at) {
                event.time = Some(LogTime::Utc(at));
                event.zone = Zone::Beside;
            }
        }
    }
}

/// Clocks change on one day; further away the zone may be another.
const DAY: i64 = 86_400;

/// True when a text is a log of this kind: told by its first lines, so that a log
/// in another language counts by its form and one without form by its words.
#[must_use]
pub fn is_log(lines: &[LogLine]) -> bool {
    let head = lines.get(..lines.len().min(200)).unwrap_or_default();
    head.iter()
        .any(|line| !line.component.is_empty() || fact(&line.text).is_some())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;
    use crate::host::log_line::lines;

    fn read(text: &str) -> Vec<UpdateEvent> {
        events(&lines(text).0)
    }

    fn traced(clock: &str, date: &str) -> String {
        format!(
            "<![LOG[Successfully completed scan.]LOG]!><time=\"{clock}\" date=\"{date}\" component=\"WUAHandler\">\n"
        )
    }

    const OLD: &str = "2026-07-01\t14:00:02:000\t 968\t9d0\tAgent\t  * WSUS server: https://A:8531";

    #[test]
    fn a_local_time_is_an_instant_by_the_zone_of_another_log_of_that_day() {
        let beside = read(&traced("14:00:00.000-120", "07-01-2026"));
        let mut local = read(OLD);
        apply_bias(&mut local, common_bias(beside.iter()).unwrap());
        let at = local[0].time.unwrap().utc().unwrap();
        assert_eq!(at.to_rfc3339(), "2026-07-01T12:00:02Z");
        assert_eq!(local[0].zone, Zone::Beside);
    }

    #[test]
    fn a_log_of_another_month_says_nothing_of_the_zone() {
        let beside = read(&traced("14:00:00.000-120", "06-01-2026"));
        let mut local = read(OLD);
        apply_bias(&mut local, common_bias(beside.iter()).unwrap());
        assert_eq!(
            (local[0].time.unwrap().utc(), local[0].zone),
            (None, Zone::OfTheLine)
        );
    }

    #[test]
    fn lines_that_disagree_and_zero_give_no_zone() {
        let summer = traced("14:00:00.000-120", "10-24-2026");
        let winter = traced("14:00:00.000-060", "10-26-2026");
        assert_eq!(common_bias(read(&format!("{summer}{winter}")).iter()), None);
        let zero = traced("14:00:00.000+000", "10-24-2026");
        assert_eq!(common_bias(read(&zero).iter()), None);
    }
}
