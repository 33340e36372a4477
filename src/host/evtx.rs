//! Event log files (`.evtx`): records as XML. The only user of the `evtx` crate.

use super::event::{self, LogEvent};
use crate::bytes::{ErrorKind, ParseError};

/// What an event log file holds.
#[derive(Debug, Default)]
pub struct LogFile {
    /// Its records of meaning, in order of the file.
    pub events: Vec<LogEvent>,
    /// Records in it, of meaning or not.
    pub records: u64,
    /// Damage, one line each: which record, what.
    pub problems: Vec<(Option<u64>, String)>,
}

/// Records of one log: a full CAPI2 log of 64 MB has some 50,000.
const MAX_RECORDS: u64 = 4_000_000;
/// Lines of damage told of one log.
const MAX_PROBLEMS: usize = 20;
/// XML kept of one record; event 90 with ten certificates has some 60 KB.
const MAX_XML_LEN: usize = 4 << 20;

/// Reads the records of an event log that have to do with certificates.
///
/// ```text
/// ElfFile\0 header of 4096 bytes, then chunks of 65,536 bytes (ElfChnk\0) with
/// records in binary XML
/// ```
///
/// A chunk or record that cannot be read is a problem; the rest is read.
///
/// # Errors
///
/// When the header of the file cannot be read.
#[cfg(feature = "evtx")]
pub fn read(mut bytes: Vec<u8>) -> Result<LogFile, ParseError> {
    let cut = fill_last_chunk(&mut bytes);
    let settings = evtx::ParserSettings::new().num_threads(1).indent(false);
    let parser = evtx::EvtxParser::from_buffer(bytes).map_err(|error| ParseError {
        what: "event log header",
        at: 0,
        kind: ErrorKind::Malformed(one_line(&error.to_string())),
    })?;
    let mut parser = parser.with_configuration(settings);
    let mut log = LogFile::default();
    if let Some(cut) = cut {
        log.problem(None, cut);
    }
    for record in parser.records() {
        log.records += 1;
        if log.records > MAX_RECORDS {
            log.problem(None, format!("more than {MAX_RECORDS} records"));
            break;
        }
        match record {
            Ok(record) if record.data.len() > MAX_XML_LEN => {
                log.problem(Some(record.event_record_id), "a record of an absurd size");
            }
            Ok(record) => {
                // Other providers' records are passed over before they are read.
                if !event::may_matter(&record.data) {
                    continue;
                }
                match event::from_xml(&record.data, record.event_record_id) {
                    Ok(found) => log.events.extend(found),
                    Err(error) => {
                        log.problem(Some(record.event_record_id), error.to_string());
                    }
                }
            }
            Err(error) => log.problem(None, one_line(&error.to_string())),
        }
    }
    Ok(log)
}

/// The size of a chunk, and of the header before the first.
#[cfg(feature = "evtx")]
const CHUNK_LEN: usize = 65_536;
#[cfg(feature = "evtx")]
const HEADER_LEN: usize = 4_096;

/// Fills a chunk that the file ends in with zeros, so that the records before
/// the cut are read. Says what is missing.
#[cfg(feature = "evtx")]
fn fill_last_chunk(bytes: &mut Vec<u8>) -> Option<String> {
    let told: [u8; 2] = bytes.get(42..44)?.try_into().ok()?;
    let chunks = usize::from(u16::from_le_bytes(told));
    let body = bytes.len().checked_sub(HEADER_LEN)?;
    let over = body % CHUNK_LEN;
    if over > 0 {
        bytes.resize(bytes.len() + CHUNK_LEN - over, 0);
    }
    let whole = body / CHUNK_LEN;
    (over > 0 || whole < chunks).then(|| {
        format!(
            "the file ends in chunk {} of {}",
            whole + 1,
            chunks.max(whole + 1)
        )
    })
}

/// Without the feature `evtx` no event log is read.
///
/// # Errors
///
/// Always.
#[cfg(not(feature = "evtx"))]
pub fn read(_bytes: Vec<u8>) -> Result<LogFile, ParseError> {
    Err(ParseError {
        what: "event log",
        at: 0,
        kind: ErrorKind::Malformed("this build reads no event logs (feature evtx)".to_owned()),
    })
}

impl LogFile {
    fn problem(&mut self, record: Option<u64>, what: impl Into<String>) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push((record, what.into()));
        }
    }
}

#[cfg(feature = "evtx")]
fn one_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    crate::words::cut(&crate::words::clean(line), 200, "…")
}
