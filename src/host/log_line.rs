//! Lines of the logs of Configuration Manager, the update client and IIS.

use super::local_time::{LocalTime, LogTime, time_of_day};

/// One entry of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Its first line in the file, from 1.
    pub line: u64,
    /// When; `None` where the entry has no time.
    pub time: Option<LogTime>,
    /// Minutes to add for UTC, where the entry says them.
    pub bias: Option<i64>,
    /// The component that wrote it, where it says.
    pub component: String,
    /// 1 information, 2 warning, 3 error, in CMTrace logs.
    pub level: Option<u8>,
    /// The text.
    pub text: String,
}

/// Entries of one log; CMTrace logs rotate at 250 KB, WindowsUpdate.log of
/// Windows 10 reaches some 100 MB.
const MAX_LINES: usize = 1_000_000;
/// Text kept of one entry: a location reply is some KB of XML.
const MAX_TEXT: usize = 64 << 10;

/// Reads a log of any of these forms, line by line; a line of another form is
/// kept without a time. The number of lines left out comes last.
///
/// ```text
/// <![LOG[text]LOG]!><time="HH:MM:SS.mmm+BIAS" date="MM-DD-YYYY" component="X" … type="1" …>
/// text  $$<COMPONENT><MM-DD-YYYY HH:MM:SS.mmm+BIAS><thread=6080 (0x17C0)>
/// YYYY-MM-DD⇥HH:MM:SS:mmm⇥ PID⇥TID⇥Component⇥text        WindowsUpdate.log to 8.1
/// YYYY/MM/DD HH:MM:SS.fffffff PID TID Component text      converted, from 10
/// ```
///
/// `BIAS` counts the minutes to add for UTC; without it the time is local.
///
/// Source: Microsoft, "About log files" of Configuration Manager; observed.
#[must_use]
pub fn lines(text: &str) -> (Vec<LogLine>, u64) {
    let mut found = Vec::new();
    let mut left_out = 0;
    let mut rows = text.lines().enumerate();
    while let Some((at, row)) = rows.next() {
        if row.trim().is_empty() {
            continue;
        }
        let mut entry = row.to_owned();
        // A message may have line breaks of its own. Only what was added is
        // looked at: the end of a message lies in one line.
        let mut open = row.contains("<![LOG[") && !row.contains("]LOG]!>");
        while open && entry.len() < MAX_TEXT {
            let Some((_, more)) = rows.next() else { break };
            entry.push('\n');
            entry.push_str(more);
            open = !more.contains("]LOG]!>");
        }
        if found.len() >= MAX_LINES {
            left_out += 1;
            continue;
        }
        let read = trace(&entry)
            .or_else(|| server(&entry))
            .or_else(|| update(&entry));
        let mut line = read.unwrap_or_else(|| LogLine {
            line: 0,
            time: None,
            bias: None,
            component: String::new(),
            level: None,
            text: entry.trim().to_owned(),
        });
        line.line = at as u64 + 1;
        line.text = crate::words::cut(&line.text, MAX_TEXT, "…");
        found.push(line);
    }
    (found, left_out)
}

/// The CMTrace form.
fn trace(entry: &str) -> Option<LogLine> {
    let (_, rest) = entry.split_once("<![LOG[")?;
    let (text, tail) = rest.split_once("]LOG]!>").unwrap_or((rest, ""));
    let attribute = |name: &str| {
        let (_, value) = tail.split_once(&format!("{name}=\""))?;
        value.split('"').next()
    };
    let time = attribute("time").zip(attribute("date"));
    Some(LogLine {
        line: 0,
        time: time.and_then(|(time, date)| stamp(date, time)),
        bias: time.and_then(|(time, _)| bias(time)),
        component: attribute("component").unwrap_or_default().to_owned(),
        level: attribute("type").and_then(|level| level.parse().ok()),
        text: text.trim().to_owned(),
    })
}

/// The form of site servers.
fn server(entry: &str) -> Option<LogLine> {
    let (text, tail) = entry.split_once("$$<")?;
    let (component, tail) = tail.split_once("><")?;
    let (date, time) = tail.split_once('>')?.0.split_once(' ')?;
    Some(LogLine {
        line: 0,
        time: stamp(date, time),
        bias: bias(time),
        component: component.to_owned(),
        level: None,
        text: text.trim().trim_end_matches('~').trim().to_owned(),
    })
}

/// `MM-DD-YYYY` and `HH:MM:SS.mmm+BIAS`.
fn stamp(date: &str, time: &str) -> Option<LogTime> {
    let mut parts = date.split('-');
    let (month, day) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let year = parts.next()?.parse().ok()?;
    let (clock, milliseconds, _) = time_of_day(time)?;
    let local = LocalTime::new((year, month, day), clock)?.with_milliseconds(milliseconds);
    Some(bias(time).map_or(LogTime::Local(local), |minutes| {
        LogTime::Utc(local.with_bias(minutes))
    }))
}

/// The minutes after `HH:MM:SS.mmm`.
fn bias(time: &str) -> Option<i64> {
    let (_, _, bias) = time_of_day(time)?;
    let minutes: Option<i64> = bias.trim().parse().ok();
    // A day has 1440 minutes; no zone is further from UTC.
    minutes.filter(|minutes| minutes.abs() <= 1_440)
}

/// Both forms of WindowsUpdate.log.
fn update(entry: &str) -> Option<LogLine> {
    let mut words = entry.split_whitespace();
    let date = words.next()?;
    let mut parts = date.split(['-', '/']);
    let year = parts.next().filter(|year| year.len() == 4)?.parse().ok()?;
    let (month, day) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let (clock, milliseconds, _) = time_of_day(words.next()?)?;
    let local = LocalTime::new((year, month, day), clock)?.with_milliseconds(milliseconds);
    let is_number = |word: &str| word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let (_, _) = (
        words.next().filter(|pid| is_number(pid))?,
        words.next().filter(|tid| is_number(tid))?,
    );
    let component = words.next()?.to_owned();
    Some(LogLine {
        line: 0,
        time: Some(LogTime::Local(local)),
        bias: None,
        component,
        level: None,
        text: words.collect::<Vec<_>>().join(" "),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    fn only(text: &str) -> LogLine {
        let (mut lines, left_out) = lines(text);
        assert_eq!((lines.len(), left_out), (1, 0));
        lines.remove(0)
    }

    fn utc(line: &LogLine) -> String {
        line.time.unwrap().utc().unwrap().to_rfc3339()
    }

    #[test]
    fn a_line_of_cmtrace_is_an_instant_by_its_bias() {
        let line = "<![LOG[Scan failed with error = 0x80072f8f.]LOG]!><time=\"14:00:00.250-120\" date=\"07-01-2026\" component=\"WUAHandler\" context=\"\" type=\"3\" thread=\"1\" file=\"x.cpp:1\">";
        let read = only(line);
        assert_eq!(utc(&read), "2026-07-01T12:00:00.25Z");
        assert_eq!(
            (read.component.as_str(), read.level),
            ("WUAHandler", Some(3))
        );
        let west = line.replace("-120", "+480");
        assert_eq!(utc(&only(&west)), "2026-07-01T22:00:00.25Z");
    }

    #[test]
    fn a_message_with_line_breaks_is_one_entry() {
        let (lines, _) = lines(
            "<![LOG[one\ntwo]LOG]!><time=\"14:00:00.250+000\" date=\"07-01-2026\" component=\"X\">\nrest",
        );
        assert_eq!((lines[0].text.as_str(), lines[1].line), ("one\ntwo", 3));
    }

    #[test]
    fn a_message_of_very_many_lines_costs_what_its_bytes_cost() {
        // Looked at from its beginning for each line, this took minutes.
        let message = format!("<![LOG[{}\n", "\n".repeat(MAX_TEXT));
        let begun = std::time::Instant::now();
        let (lines, left_out) = lines(&message.repeat(100));
        assert_eq!((lines.len(), left_out), (100, 0));
        assert!(begun.elapsed().as_secs() < 20);
    }

    #[test]
    fn lines_above_the_limit_are_counted_and_left_out() {
        let (lines, left_out) = lines(&"a\n".repeat(MAX_LINES + 3));
        assert_eq!((lines.len(), left_out), (MAX_LINES, 3));
        assert_eq!(lines.last().unwrap().line, MAX_LINES as u64);
    }

    #[test]
    fn a_line_of_a_site_server_is_read() {
        let read = only(
            "Sync failed. Will retry in 60 minutes  $$<SMS_WSUS_SYNC_MANAGER><07-01-2026 14:00:00.250+420><thread=6080 (0x17C0)>",
        );
        assert_eq!(read.component, "SMS_WSUS_SYNC_MANAGER");
        assert_eq!(utc(&read), "2026-07-01T21:00:00.25Z");
    }

    #[test]
    fn a_line_of_windowsupdate_log_stays_local() {
        let old = only(
            "2014-01-20\t12:18:11:520\t 968\t9d0\tAgent\t  * WSUS server: http://A:8530 (Changed)",
        );
        assert_eq!(old.time.unwrap().utc(), None);
        assert_eq!(old.text, "* WSUS server: http://A:8530 (Changed)");
        let new = only("2026/07/01 14:00:00.1234567 1032  5524  Agent           * START *");
        assert_eq!(
            (new.component.as_str(), new.text.as_str()),
            ("Agent", "* START *")
        );
    }

    #[test]
    fn a_cut_line_and_one_in_another_form_are_kept_without_a_time() {
        assert_eq!(only("<![LOG[Scan fai").text, "Scan fai");
        assert_eq!(only("Suche beendet.").time, None);
    }
}
